"""Exercise checks: they say what is wrong with an answer, and never stop *Run All*.

A check compares the reader's function with a reference on several cases. If the answer differs, it is compared
with known mistakes, so that the message names the likely cause. The verdict is truthy only for a right answer.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

NOT_ATTEMPTED, WRONG, RIGHT = "not attempted", "wrong", "right"


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Standard normal numbers of a shape, the same for the same seed: inputs of the cases."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Verdict:
    """Result of a check: `status` is 'not attempted', 'wrong' or 'right'; shown as one line under the cell."""

    status: str
    message: str

    def __bool__(self) -> bool:
        return self.status == RIGHT

    def __repr__(self) -> str:
        mark = {NOT_ATTEMPTED: "[not attempted yet]", WRONG: "[not yet]", RIGHT: "[OK]"}[self.status]
        return f"{mark} {self.message}"


@dataclass(frozen=True)
class Exercise:
    """A coded exercise: call it with the reader's function to get a `Verdict`.

    name: what the function is called in messages.
    cases: argument tuples; tensors in them are copied for every call, so an answer cannot spoil the next case.
    answer: the reference function.
    mistakes: message -> function that makes this mistake; the first that agrees on all cases is reported.
    tolerance: largest accepted difference, relative to the larger of 1 and the expected magnitude.
    """

    name: str
    cases: Sequence[tuple]
    answer: Callable
    mistakes: dict[str, Callable] = field(default_factory=dict)
    tolerance: float = 1e-4

    def __call__(self, attempt: Callable) -> Verdict:
        if not callable(attempt):
            return Verdict(WRONG, f"Give the function itself to the check: check({self.name}), without calling it.")
        got, wanted = [], [self.answer(*copy.deepcopy(case)) for case in self.cases]
        for number, case in enumerate(self.cases):
            try:
                result = attempt(*copy.deepcopy(case))
            except NotImplementedError:
                return Verdict(NOT_ATTEMPTED, f"Write the body of {self.name}, then run this cell again.")
            except Exception as error:  # whatever the reader's code raises becomes the message
                where = f"{self.name}({', '.join(map(_brief, case))})"
                return Verdict(WRONG, f"{where} raised {type(error).__name__}: {error}")
            if result is None or result is Ellipsis:
                if number == 0:
                    return Verdict(NOT_ATTEMPTED, f"{self.name} returns nothing so far. "
                                                  "If you did write it: is the `return` missing?")
                return Verdict(WRONG, f"{self.name} returns nothing for ({', '.join(map(_brief, case))}).")
            got.append(result)
        differences = [_difference(a, b, self.tolerance) for a, b in zip(got, wanted, strict=True)]
        if not any(differences):
            return Verdict(RIGHT, f"{self.name} agrees with the reference in all {len(self.cases)} cases.")
        for message, mistake in self.mistakes.items():
            if self._agrees(mistake, got):
                return Verdict(WRONG, message)
        case, text = next((c, d) for c, d in zip(self.cases, differences, strict=True) if d)
        return Verdict(WRONG, f"For {self.name}({', '.join(map(_brief, case))}): {text}.")

    def _agrees(self, mistake: Callable, got: list) -> bool:
        try:
            made = [mistake(*copy.deepcopy(case)) for case in self.cases]
        except Exception:  # a mistake that cannot be made on these cases explains nothing
            return False
        return not any(_difference(a, b, self.tolerance) for a, b in zip(got, made, strict=True))


def _brief(value: object) -> str:
    return f"tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)


def _difference(got: object, wanted: object, tolerance: float) -> str:
    """Say how `got` differs from `wanted`; empty if it does not."""
    if isinstance(wanted, tuple | list):
        if not isinstance(got, tuple | list) or len(got) != len(wanted):
            return f"expected {len(wanted)} values, got {_brief(got)}"
        parts = [_difference(a, b, tolerance) for a, b in zip(got, wanted, strict=True)]
        return next((f"value {i}: {text}" for i, text in enumerate(parts) if text), "")
    if isinstance(wanted, str | bool):
        same = isinstance(got, type(wanted)) and got == wanted
        return "" if same else f"expected {wanted!r}, got {_brief(got)}"
    try:
        a, b = torch.as_tensor(got).detach().double().cpu(), torch.as_tensor(wanted).detach().double().cpu()
    except (TypeError, ValueError, RuntimeError):
        return f"expected a number or a tensor, got {type(got).__name__}"
    if a.shape != b.shape:
        return f"shape {tuple(a.shape)}, expected {tuple(b.shape)}{_shape_hint(a.shape, b.shape)}"
    if not torch.equal(torch.isnan(a), torch.isnan(b)):
        return "the result contains nan" if torch.isnan(a).any() else "nan is expected in places where there is none"
    a, b = a.nan_to_num(0.0), b.nan_to_num(0.0)
    gap = (a - b).abs().max().item() if a.numel() else 0.0
    if gap <= tolerance * max(1.0, b.abs().max().item() if b.numel() else 0.0):
        return ""
    return f"expected {b.item():.6g}, got {a.item():.6g}" if a.numel() == 1 else f"largest difference {gap:.3g}"


def _shape_hint(got: torch.Size, wanted: torch.Size) -> str:
    if len(got) != len(wanted):
        return f" ({len(got)} dimensions instead of {len(wanted)})"
    axis = next(i for i, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b)
    extra = got[axis] - wanted[axis]
    return f" ({abs(extra)} too {'many' if extra > 0 else 'few'} along dimension {axis})"
