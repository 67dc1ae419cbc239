"""Every coded exercise: the stub is 'not attempted', the worked solution is accepted, wrong answers are told why.

Wrong answers are made from right ones (`MUTANTS`) or were once accepted (`ONCE_ACCEPTED`). The mistakes that a check
knows are tested with the checks.
"""

import ast
import contextlib
import importlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor
from torch.nn import functional as F

from helpers.checks import NOT_ATTEMPTED, RIGHT, WRONG, Exercise
from tests.course import LESSONS, ROOT, SOLUTIONS, read_cells, tags


@dataclass(frozen=True)
class Coded:
    """A coded exercise of a lesson: the stub's source, the name of the function, and the check with its name."""

    lesson: Path
    function: str
    stub: str
    check_name: str
    check: Exercise


def import_nodes(cells: list[dict[str, Any]]) -> list[ast.Import | ast.ImportFrom]:
    """The imports of a notebook's cells, at any place and over any number of lines. Cell magics do not count."""
    sources = (re.sub(r"^[%!].*$", "", cell["source"], flags=re.M) for cell in cells if cell["cell_type"] == "code")
    return [node for source in sources for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Import | ast.ImportFrom)]


def define(source: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run the definitions of one cell; type hints are left unread, so that they may name anything."""
    exec(compile("from __future__ import annotations\n" + source, "cell", "exec"), names)
    return names


def run_imports(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """The names that a notebook can import, without running anything else of it."""
    names: dict[str, Any] = {}
    for node in import_nodes(cells):
        with contextlib.suppress(ImportError):  # of what a solution does not use; if it does, it raises a NameError
            define(ast.unparse(node), names)
    return names


def coded_exercises(lesson: Path) -> list[Coded]:
    """The coded exercises of a lesson. Raises AssertionError if a stub has no check of its own."""
    cells = [c for c in read_cells(lesson) if c["cell_type"] == "code"]
    checks = {alias.name: vars(importlib.import_module(node.module))[alias.name] for node in import_nodes(cells)
              if isinstance(node, ast.ImportFrom) and node.module.startswith("helpers.checks.") for alias in node.names}
    found = []
    for cell, following in pairwise([*cells, {"metadata": {}, "source": ""}]):
        if "exercise" in tags(cell):
            function, = (n.name for n in ast.parse(cell["source"]).body if isinstance(n, ast.FunctionDef))
            call = re.fullmatch(r"(check_\w+)\((\w+)\)", following["source"].strip().splitlines()[-1])
            assert "check" in tags(following) and call, f"{lesson.name}: no check follows the stub of {function}"
            assert call[2] == function, f"{lesson.name}: {call[0]} does not check {function}"
            assert call[1] in checks, f"{lesson.name}: {call[1]} is not imported from helpers.checks"
            found.append(Coded(lesson, function, cell["source"], call[1], checks[call[1]]))
    return found


CODED = [exercise for lesson in LESSONS for exercise in coded_exercises(lesson)]
CHECKS = {coded.function: coded.check for coded in CODED}
EACH = pytest.mark.parametrize("coded", CODED, ids=lambda coded: f"{coded.lesson.stem}-{coded.function}")


# ---- Stubs and solutions ---------------------------------------------------------------------------------------------
def test_every_lesson_has_coded_exercises() -> None:
    assert LESSONS and {coded.lesson for coded in CODED} == set(LESSONS)
    assert len(CHECKS) == len(CODED), "two exercises ask for the same name"


@EACH
def test_the_stub_is_answered_not_attempted(coded: Coded) -> None:
    verdict = coded.check(define(coded.stub, {})[coded.function])
    assert verdict.status == NOT_ATTEMPTED and not verdict
    assert repr(verdict).startswith("[not attempted yet]") and coded.function in verdict.message
    assert coded.check.name == coded.function


@EACH
def test_the_stub_has_a_docstring_and_gives_nothing_away(coded: Coded) -> None:
    function, = ast.parse(coded.stub).body
    assert ast.get_docstring(function)
    assert ast.unparse(function.body[1:]) == "raise NotImplementedError"


@EACH
def test_the_worked_solution_is_accepted(coded: Coded) -> None:
    path = ROOT / "notebooks" / "solutions" / coded.lesson.name
    assert path in SOLUTIONS, f"{coded.lesson.name} has no solutions"
    cells = read_cells(path)
    names = run_imports(cells)
    for cell in cells:
        if "solution" in tags(cell):
            define(cell["source"], names)
    assert coded.function in names, f"no cell tagged 'solution' defines {coded.function}"
    verdict = coded.check(names[coded.function])
    assert verdict.status == RIGHT and verdict, verdict
    assert any(f"{coded.check_name}({coded.function})" in cell["source"] for cell in cells)


# ---- Wrong answers, made from the right one --------------------------------------------------------------------------
def each(change: Callable) -> Callable:
    """A change of a tensor, made in every value of a tuple or a list."""
    def changed(result: object) -> object:
        if isinstance(result, tuple | list):
            return type(result)(changed(part) for part in result)
        return change(torch.as_tensor(result).double())

    return changed


def swapped(result: object) -> object:
    if not isinstance(result, tuple):
        raise LookupError
    return result[::-1]


def fail(result: object) -> None:
    raise ValueError("spoilt")


# What is done to the right results, and what the check says.
MUTANTS: dict[str, tuple[Callable, str]] = {
    "negated": (each(lambda x: -x), "is minus what is wanted"),
    "twice": (each(lambda x: 2 * x), "is 2 times what is wanted"),
    "complement": (each(lambda x: 1 - x), "is 1 minus what is wanted"),
    "per cent": (each(lambda x: 100 * x), r"is 100 times what is wanted \(per cent in place of a fraction\?\)"),
    "off by one": (each(lambda x: x + 1), "is what is wanted plus 1"),
    "one less": (each(lambda x: x - 1), "is what is wanted minus 1"),
    "mean": (each(lambda x: x[:].mean()), "is the mean of what is wanted"),
    "nan": (each(lambda x: x * torch.nan), "is nan in place of what is wanted"),
    "small error": (each(lambda x: x + 0.002 * (1 + x.abs()) * (torch.arange(x.numel()).view(x.shape) == 0)),
                    "not close|is 1.002 times"),
    "first missing": (each(lambda x: x[1:]), "is what is wanted without its first element"),
    "last missing": (each(lambda x: x[:-1]), "is what is wanted without its last element"),
    "extra dimension": (each(lambda x: x[None]), r"has the right values, but the shape \(1"),
    "transposed": (each(lambda x: x.transpose(0, 1)), "is the transpose of what is wanted"),
    "broadcast": (each(lambda x: torch.outer(x, x)), r"a shape \(n, 1\) beside a shape \(n,\) is broadcast"),
    "swapped": (swapped, "returns the right values in another order"),
    "list": (each(lambda x: list(x) if x.ndim else [x.item()]), r"expected a .*, got [\[(].*"),
    "None": (lambda result: None, "returns nothing. Is the `return` missing"),
    "Ellipsis": (lambda result: ..., "returns nothing. Is the `return` missing"),
    "raises": (fail, "raised ValueError: spoilt"),
}


@EACH
def test_wrong_answers_made_from_the_right_one_are_told_why(coded: Coded) -> None:
    made = 0
    for name, (change, message) in MUTANTS.items():
        verdict = coded.check(lambda *case, change=change: change(coded.check.answer(*case)))
        if not re.search("raised (Lookup|Index|Runtime)Error", verdict.message):  # a change of other shapes, of tuples
            made += 1
            told = re.search(message, verdict.message) or verdict.message in coded.check.mistakes
            assert verdict.status == WRONG and told, f"{name}: {verdict}"
    assert made >= 11


@EACH
@pytest.mark.parametrize("change", [lambda x: x.float(), lambda x: x.numpy()], ids=["float32", "numpy"])
def test_another_type_of_the_right_answer_is_accepted(coded: Coded, change: Callable) -> None:
    assert coded.check(lambda *case: each(change)(coded.check.answer(*case)))


# ---- Answers that a check once judged wrongly ------------------------------------------------------------------------
def streams(code: Tensor, count: int, length: int) -> tuple[Tensor, Tensor]:
    return tuple(torch.stack(code.roll(-k).split(length)[:count], 1)[:length] for k in (0, 1))


def modes(samples: Tensor, centres: Tensor, good: Callable[[Tensor], Tensor], enough: Callable[[float], bool]) -> int:
    distance = torch.cdist(samples, centres)
    own = F.one_hot(distance.argmin(1), len(centres)).bool()
    return sum(enough(fraction) for fraction in (own & good(distance)).double().mean(0).tolist())


def norm(tensors: list[Tensor]) -> float:
    return math.hypot(*(tensor.norm() for tensor in tensors))


def averaged_into_the_list(average: list[Tensor], weights: list[Tensor], decay: float) -> list[Tensor]:
    for k, w in enumerate(weights):
        average[k] = decay * average[k] + (1 - decay) * w
    return average


def delay_from(alarm: Tensor, seconds: float, onset: float) -> float:
    return next((k * seconds - onset for k, on in enumerate(alarm, 1) if on and k * seconds >= onset), math.inf)


def standardised(training: Tensor, other: Tensor, least: float = 0.0) -> list[Tensor]:
    deviation = torch.where(training.std(0) > least, training.std(0), 1.0)
    return [(table - training.mean(0)) / deviation for table in (training, other)]


def top_k_in_place(logits: Tensor, k: int, temperature: float) -> Tensor:
    logits[logits < logits.topk(1 if temperature == 0 else k).values[-1]] = -torch.inf
    return (logits / (temperature or 1)).softmax(0)


ONCE_ACCEPTED: list[tuple[str, Callable, str]] = [  # or called "not attempted"
    ("error_rates", lambda t, d: (((d - t) > 0).sum() / (~t).sum(), 0.0), "logical_xor"),
    ("standardise", standardised, "std == 0"),
    ("clip_by_norm", lambda g, limit: [t.mul_(by) for by in [min(1, limit / norm(g))] for t in g], "new tensors"),
    ("make_streams", lambda code, count: streams(code, count, len(code) // count), "as long as the text allows"),
    ("modes_covered", lambda s, c, r, q: modes(s, c, lambda d: d <= r, lambda part: part > q), "'at least' is >="),
    ("modes_covered", lambda s, c, r, q: modes(s, c, lambda d: d**2 <= r, lambda part: part >= q), "squared distances"),
    ("average_update", averaged_into_the_list, "new tensors"),
    ("average_update", lambda a, w, d: [x.lerp_(y, 1 - d) for x, y in zip(a, w, strict=True)], "new tensors"),
    ("detection_delay", delay_from, "ends exactly at the onset"),
]
RIGHT_ONES: list[tuple[str, Callable]] = [  # once refused, or near to what is refused
    ("alarm_threshold", lambda n, t, r: -math.log(1 - (1 - t * r / 3600) ** (1 / n))),  # the law for any of the lines
    ("linear_backward", lambda x, w, g: torch.autograd.grad(
        F.linear(x.requires_grad_(), w.requires_grad_(), b := torch.zeros(len(w)).requires_grad_()), (x, w, b), g)),
    ("standardise", lambda a, b: standardised(a, b, least=1e-5)),
    ("label_smoothing_loss", lambda x, y, s: F.cross_entropy(x, y, label_smoothing=s)),
    ("clip_by_norm", lambda g, limit: g if norm(g) <= limit else [t * limit / norm(g) for t in g]),
    ("make_streams", lambda code, count: streams(code, count, (len(code) - 1) // count)),
    ("top_k_probabilities", top_k_in_place),
    ("best_discriminator", lambda p, q, real: 1 / (1 + (1 - real) / real * q / p)),
    ("generator_loss", lambda a: F.binary_cross_entropy_with_logits(a, torch.ones_like(a))),
    ("modes_covered", lambda s, c, r, q: modes(s, c, lambda d: d <= r, lambda part: part >= q)),
    ("average_update", lambda a, w, d: tuple(torch.lerp(x, y, 1 - d) for x, y in zip(a, w, strict=True))),
    ("average_precision", lambda s, d: average_precision_score(d.numpy(), s.numpy())),
    ("parts_without_a_miss", lambda limit, sure: next(n for n in range(1000) if (1 - limit)**n <= 1 - sure + 1e-12)),
    ("order_up_to", lambda d, h, b: np.quantile(d.numpy(), b / (b + h), method="inverted_cdf")),
]


@pytest.mark.parametrize(("function", "attempt", "message"), ONCE_ACCEPTED)
def test_answers_that_were_once_accepted_are_refused(function: str, attempt: Callable, message: str) -> None:
    verdict = CHECKS[function](attempt)
    assert verdict.status == WRONG and message in verdict.message, verdict


@pytest.mark.parametrize(("function", "attempt"), RIGHT_ONES)
def test_right_answers_of_other_forms_are_accepted(function: str, attempt: Callable) -> None:
    assert CHECKS[function](attempt), CHECKS[function](attempt)
