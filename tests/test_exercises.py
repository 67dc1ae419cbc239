"""Every coded exercise: the stub is 'not attempted', the worked solution is accepted, wrong answers are told why.

Wrong answers are made from right ones (`MUTANTS`), or are the mistakes that a check knows.
"""

import ast
import copy
import dataclasses
import importlib
import math
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch.nn import functional as F
from torch.nn.utils import get_total_norm

from helpers.checks import NOT_ATTEMPTED, RIGHT, WRONG, Exercise
from tests.course import LESSONS, ROOT, code_of, names_of, read_cells, tags


@dataclasses.dataclass(frozen=True)
class Coded:
    """A coded exercise of a lesson: the name of the function, the stub's source, and the check."""

    lesson: Path
    function: str
    stub: str
    check: Exercise


def coded_exercises(lesson: Path) -> list[Coded]:
    """The coded exercises of a lesson. Raises AssertionError if a stub has no check of its own."""
    cells = [c for c in read_cells(lesson) if c["cell_type"] == "code"]
    imports = (node for node in ast.walk(ast.parse(code_of(lesson))) if isinstance(node, ast.ImportFrom))
    checks = {alias.name: vars(importlib.import_module(node.module))[alias.name]
              for node in imports if node.module.startswith("helpers.checks.") for alias in node.names}
    found = []
    for cell, following in pairwise([*cells, {"metadata": {}, "source": ""}]):
        if "exercise" in tags(cell):
            function, = (n.name for n in ast.parse(cell["source"]).body if isinstance(n, ast.FunctionDef))
            call = following["source"].strip().splitlines()[-1]
            assert "check" in tags(following) and call == f"check_{function}({function})", f"no check of {function}"
            found.append(Coded(lesson, function, cell["source"], checks[f"check_{function}"]))
    return found


CODED = [exercise for lesson in LESSONS for exercise in coded_exercises(lesson)]
CHECKS = {coded.function: coded.check for coded in CODED}
EACH = pytest.mark.parametrize("coded", CODED, ids=lambda coded: f"{coded.lesson.stem}-{coded.function}")


# ---- Stubs and solutions ---------------------------------------------------------------------------------------------
def test_every_lesson_has_coded_exercises() -> None:
    assert LESSONS and {coded.lesson for coded in CODED} == set(LESSONS)
    assert len(CHECKS) == len(CODED), "two exercises ask for the same name"


@EACH
def test_the_stub_gives_nothing_away_and_is_answered_not_attempted(coded: Coded) -> None:
    function, = ast.parse(coded.stub).body
    assert ast.get_docstring(function) and ast.unparse(function.body[1:]) == "raise NotImplementedError"
    exec(f"from __future__ import annotations\n{coded.stub}", names := {})
    verdict = coded.check(names[coded.function])
    assert verdict.status == NOT_ATTEMPTED and not verdict
    assert repr(verdict).startswith("[not attempted yet]") and f"body of {coded.function}," in verdict.message


@EACH
def test_the_worked_solution_is_accepted(coded: Coded) -> None:
    path = ROOT / "notebooks" / "solutions" / coded.lesson.name
    cells = read_cells(path)
    assert any("solution" in tags(cell) and f"def {coded.function}(" in cell["source"] for cell in cells)
    assert any(f"check_{coded.function}({coded.function})" in cell["source"] for cell in cells)
    verdict = coded.check(names_of(path)[coded.function])
    assert verdict.status == RIGHT and verdict, verdict


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
    "raises": (lambda result: {}["spoilt"], "raised KeyError: 'spoilt'"),
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


@EACH
def test_each_known_mistake_is_rejected_with_its_own_message(coded: Coded) -> None:
    assert 2 <= len(coded.check.mistakes) <= 4
    for message, mistake in coded.check.mistakes.items():
        verdict = coded.check(mistake)
        assert verdict.status == WRONG and verdict.message == message, "accepted, or not told apart on these cases"


@EACH
def test_the_reference_passes_and_nothing_else(coded: Coded, monkeypatch: pytest.MonkeyPatch) -> None:
    check = coded.check
    assert dataclasses.replace(check, new=True)(check.answer), "or it changes its arguments"
    monkeypatch.setattr(Exercise, "_hypotheses", lambda *_: iter(()))  # why they are wrong takes most of the time
    answers = [check.answer(*copy.deepcopy(case)) for case in check.cases]
    for constant in (0, torch.tensor(torch.nan), (0, 0), *answers):
        assert check(lambda *case, constant=constant: copy.deepcopy(constant)).status == WRONG, constant
    for number in range(len(check.cases[0])):
        assert check(lambda *case, number=number: case[number]).status == WRONG
    for spoilt in range(len(check.cases)):
        results = iter([*answers[:spoilt], 12345.678, *answers[spoilt + 1:]])
        assert check(lambda *case, results=results: next(results)).status == WRONG


# ---- Answers that are judged by more than their values, and right ones of another form -------------------------------
@pytest.mark.parametrize(("function", "attempt"), [
    ("clip_by_norm", lambda g, limit: [t.mul_(by) for by in [min(1, limit / get_total_norm(g))] for t in g]),
    ("average_update", lambda a, w, d: [x.lerp_(y, 1 - d) for x, y in zip(a, w, strict=True)]),
])
def test_right_values_written_into_the_arguments_are_refused(function: str, attempt: Callable) -> None:
    verdict = CHECKS[function](attempt)
    assert verdict.status == WRONG and "new tensors" in verdict.message, verdict


@pytest.mark.parametrize(("function", "attempt"), [  # once refused, near to what is refused, or of a library
    ("alarm_threshold", lambda n, t, r: -math.log(1 - (1 - t * r / 3600) ** (1 / n))),  # the law for any of the lines
    ("standardise", lambda a, b: [(x - a.mean(0)) / torch.where(a.std(0) > 1e-5, a.std(0), 1.0) for x in (a, b)]),
    ("label_smoothing_loss", lambda x, y, s: F.cross_entropy(x, y, label_smoothing=s)),
    ("clip_by_norm", lambda g, limit: g if get_total_norm(g) <= limit else [t * limit / get_total_norm(g) for t in g]),
    ("best_discriminator", lambda p, q, real: 1 / (1 + (1 - real) / real * q / p)),
    ("generator_loss", lambda a: F.binary_cross_entropy_with_logits(a, torch.ones_like(a))),
    ("average_update", lambda a, w, d: tuple(torch.lerp(x, y, 1 - d) for x, y in zip(a, w, strict=True))),
    ("average_precision", lambda s, d: average_precision_score(d.numpy(), s.numpy())),
    ("parts_without_a_miss", lambda limit, sure: next(n for n in range(1000) if (1 - limit)**n <= 1 - sure + 1e-12)),
    ("order_up_to", lambda d, h, b: np.quantile(d.numpy(), b / (b + h), method="inverted_cdf")),
])
def test_right_answers_of_other_forms_are_accepted(function: str, attempt: Callable) -> None:
    assert CHECKS[function](attempt), CHECKS[function](attempt)
