"""Exercise checks: they say what is wrong with an answer, and never stop *Run All*."""

import copy
import inspect
import itertools
import re
import reprlib
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor

NOT_ATTEMPTED, WRONG, RIGHT = "not attempted", "wrong", "right"
_MARKS = {NOT_ATTEMPTED: "[not attempted yet]", WRONG: "[not yet] ❌", RIGHT: "[OK] ✅"}
_CHANGES: dict[str, Callable] = {  # what an answer may make of an argument before it is used, or of its result
    "minus {}": lambda x: -x,
    "1 minus {}": lambda x: 1 - x,
    "1 divided by {}": lambda x: 1 / x,
    "{} plus 1": lambda x: x + 1,
    "{} minus 1": lambda x: x - 1,
    "the transpose of {}": lambda x: x.transpose(0, 1),
}
_OF_RESULTS: dict[str, Callable] = _CHANGES | {  # what it may make of its result alone
    "100 times {} (per cent in place of a fraction?)": lambda x: 100 * x,
    "{} without its first element": lambda x: x[1:],
    "{} without its last element": lambda x: x[:-1],
    "the mean of {}": lambda x: x.double().mean(),
    "nan in place of {}": lambda x: x * torch.nan,
}


def noise(seed: int, *shape: int) -> Tensor:
    """Standard normal numbers of a shape, the same for the same seed: inputs of the cases."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Verdict:
    """Result of a check: `status` is 'not attempted', 'wrong' or 'right'; shown as text under the cell."""

    status: str
    message: str

    def __bool__(self) -> bool:
        return self.status == RIGHT

    def __repr__(self) -> str:
        text = f"{_MARKS[self.status]} {self.message}"
        return textwrap.fill(text, width=100, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class Exercise:
    """A coded exercise: call it with the reader's function to get a `Verdict`, which names the mistake if it can."""

    name: str  # what the function is called in messages
    cases: Sequence[tuple]  # arguments; they are copied for every call, so an answer cannot spoil the next case
    answer: Callable  # the reference, which returns a number or tensor, or a tuple or list of them
    mistakes: dict[str, Callable] = field(default_factory=dict)  # message -> a function that makes this mistake
    tolerance: float = 1e-4  # largest accepted difference of an element, absolute plus relative to what is wanted
    new: bool = False  # whether the exercise asks for new tensors, so that changing the arguments is wrong

    def __call__(self, attempt: Callable) -> Verdict:  # noqa: D102 - the class tells
        got, wanted, wrong, changed = [], _results(self.answer, self.cases), "", ""
        for case, right in zip(self.cases, wanted, strict=True):
            shown = (f"tensor of shape {tuple(x.shape)}" if isinstance(x, Tensor) else repr(x) for x in case)
            given, call = copy.deepcopy(case), f"{self.name}({', '.join(shown)})"
            try:
                got.append(attempt(*given))
            except Exception as error:  # the stub's own error comes from a depth of two frames, and says nothing
                if isinstance(error, NotImplementedError) and not error.args and len(inspect.trace(0)) == 2:
                    return Verdict(NOT_ATTEMPTED, f"Write the body of {self.name}, then run this cell again.")
                return Verdict(WRONG, f"{call} raised {type(error).__name__}: {error}")
            if got[-1] is None or got[-1] is Ellipsis:
                return Verdict(WRONG, f"{call} returns nothing. Is the `return` missing?")
            changed = changed or self._difference(given, case)
            difference = self._difference(got[-1], right)
            wrong = wrong or (difference and f"For {call}: {difference}.")
        if wrong:
            with suppress(Exception):  # nothing explains it, or the results cannot be looked into
                wrong = next(m for m, *pair in self._hypotheses(attempt, got, wanted) if not self._difference(*pair))
            return Verdict(WRONG, wrong)
        if changed and self.new:
            return Verdict(WRONG, f"The values are right, but {self.name} changes its arguments: return new tensors.")
        return Verdict(RIGHT, f"{self.name} agrees with the reference in all {len(self.cases)} cases.")

    def _hypotheses(self, attempt: Callable, got: list, wanted: list) -> Iterator[tuple[str, list, list]]:
        """What may be wrong, the most telling first, each with two lists that are equal if it is so."""
        for message, mistake in self.mistakes.items():
            yield message, got, _results(mistake, self.cases)
        several = isinstance(wanted[0], tuple | list)
        columns = [list(zip(*r, strict=False)) if several else [r] for r in (_tensors(got), _tensors(wanted))]
        for order in itertools.islice(itertools.permutations(columns[1]), 1, 24):
            yield f"{self.name} returns the right values in another order.", columns[0], list(order)
        for number, (one, right) in enumerate(zip(*columns, strict=True), 1):
            if not self._difference(one, right):
                continue
            what = f"Value {number} of {self.name}" if several else f"What {self.name} returns"
            ratios = [(g / w).flatten() for g, w in zip(one, right, strict=True) if g.shape == w.shape]
            factor = torch.cat([torch.zeros(0), *ratios]).nanmedian().item()
            scaled = {f"{factor:.4g} times {{}}": lambda x, by=factor: by * x} if 0 < abs(factor) < torch.inf else {}
            for text, change in (_OF_RESULTS | scaled).items():
                yield f"{what} is {text.format('what is wanted')}.", one, _results(change, zip(right, strict=True))
            shape = f"the shape {tuple(one[0].shape)} in place of {tuple(right[0].shape)}"
            yield f"{what} has the right values, but {shape}.", [*map(torch.flatten, one)], [*map(torch.flatten, right)]
            yield (f"{what} has {shape}: a shape (n, 1) beside a shape (n,) is broadcast to (n, n).",
                   [[1, *g.shape] for g in one], [[w.ndim, *w.shape, *w.shape] for w in right])
        names = list(inspect.signature(attempt).parameters)
        for place, name in enumerate(names):
            varied = self._changed(place, lambda x: 0 * x if isinstance(x, Tensor) else 2 * x + 1)
            if self._difference(wanted, _results(self.answer, varied)):
                yield f"The argument `{name}` of {self.name} has no effect.", got, _results(attempt, varied)
            for text, change in _CHANGES.items():
                answers = _results(self.answer, self._changed(place, change))
                yield f"{self.name} uses {text.format(f'`{name}`')} where `{name}` belongs.", got, answers
        for (a, one), (b, two) in itertools.combinations(enumerate(names), 2):
            swapped = [(*case[:a], case[b], *case[a + 1:b], case[a], *case[b + 1:]) for case in self.cases]
            yield f"{self.name}: `{one}` and `{two}` have changed places.", got, _results(self.answer, swapped)

    def _changed(self, place: int, change: Callable) -> list[tuple]:
        """The cases with the argument at one place changed."""
        return _results(lambda *case: (*case[:place], change(case[place]), *case[place + 1:]), self.cases)

    def _difference(self, got: object, wanted: object) -> str:
        """Say how `got` differs from `wanted`; empty if it does not."""
        try:
            torch.testing.assert_close(_tensors(got), _tensors(wanted), rtol=self.tolerance, atol=self.tolerance,
                                       equal_nan=True, check_dtype=False)
        except AssertionError as error:
            text = " ".join(line for line in str(error).splitlines() if line and "elative" not in line).rstrip(".")
            return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.6g}", text)
        except Exception:  # the two cannot be compared
            hint = "; `torch.stack` joins tensors, `torch.tensor` takes numbers" if isinstance(got, list) else ""
            return f"expected a {type(wanted).__name__}, got {reprlib.repr(got)}{hint}"
        return ""


def _tensors(value: object) -> Tensor | list:
    """Tensors for numbers, arrays and tensors, in lists for lists and tuples. Raises what torch raises for others."""
    return [*map(_tensors, value)] if isinstance(value, tuple | list) else torch.as_tensor(value).detach().cpu()


def _results(function: Callable, cases: Iterable[tuple]) -> list:
    """What a function returns for copies of the cases; an empty list if it fails for one of them."""
    with suppress(Exception), redirect_stdout(None):
        return [function(*copy.deepcopy(case)) for case in cases]
    return []
