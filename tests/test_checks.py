"""The engine of the exercise checks, and what must hold for every check: nothing but a right answer passes."""

import copy
import importlib
import pkgutil

import pytest
import torch

import helpers.checks
from helpers.checks import NOT_ATTEMPTED, RIGHT, WRONG, Exercise, Verdict

CHECKS = [pytest.param(value, id=name)
          for module in sorted(found.name for found in pkgutil.iter_modules(helpers.checks.__path__))
          for name, value in vars(importlib.import_module(f"helpers.checks.{module}")).items()
          if isinstance(value, Exercise)]


def double(x: torch.Tensor, times: float = 1.0) -> torch.Tensor:
    return 2 * times * x


@pytest.fixture
def doubling() -> Exercise:
    """Twice a tensor, times a number; one known mistake."""
    return Exercise("double", cases=[(torch.tensor([[1.0, 2, 3], [4, 5, 6]]), 1.0), (torch.tensor([2.0, 3.0]), 3.0)],
                    answer=double, mistakes={"You squared.": lambda x, times: times * x**2})


# ---- The engine ------------------------------------------------------------------------------------------------------
def test_a_right_answer_by_another_way_passes(doubling: Exercise) -> None:
    verdict = doubling(lambda x, times: times * x + times * x)
    assert verdict and verdict.status == RIGHT
    assert repr(verdict) == "[OK] double agrees with the reference in all 2 cases."
    assert doubling(lambda x, times: (double(x, times) + 1e-6).double().numpy())  # another type, within tolerance
    assert doubling(lambda x, times: double(x, times).requires_grad_())


@pytest.mark.parametrize(("status", "true", "text"), [
    (RIGHT, True, "[OK] m"), (WRONG, False, "[not yet] m"), (NOT_ATTEMPTED, False, "[not attempted yet] m")])
def test_verdicts_are_true_only_when_right(status: str, true: bool, text: str) -> None:
    verdict = Verdict(status, "m")
    assert bool(verdict) is true and repr(verdict) == text


def test_what_was_not_written_is_not_attempted(doubling: Exercise) -> None:
    def stub(x, times):
        raise NotImplementedError

    for attempt, message in ((stub, "Write the body of double"), (lambda x, times: None, "`return` missing"),
                             (lambda x, times: ..., "`return` missing")):
        verdict = doubling(attempt)
        assert verdict.status == NOT_ATTEMPTED and not verdict and message in verdict.message


def test_a_return_missing_in_one_branch_is_wrong(doubling: Exercise) -> None:
    verdict = doubling(lambda x, times: double(x, times) if x.ndim == 2 else None)
    assert verdict.status == WRONG and "returns nothing for (tensor of shape (2,), 3.0)" in verdict.message


def test_an_exception_becomes_the_message(doubling: Exercise) -> None:
    verdict = doubling(lambda x, times: x @ x)
    assert verdict.status == WRONG
    assert verdict.message.startswith("double(tensor of shape (2, 3), 1.0) raised RuntimeError: ")
    assert "TypeError" in doubling(lambda x: x).message
    assert "without calling it" in doubling(torch.ones(2)).message


@pytest.mark.parametrize(("change", "message"), [
    (lambda x: x[..., :-1], "shape (2, 2), expected (2, 3) (1 too few along dimension 1)"),
    (lambda x: torch.cat([x, x]), "shape (4, 3), expected (2, 3) (2 too many along dimension 0)"),
    (lambda x: x[None], "(3 dimensions instead of 2)"),
    (lambda x: x / 0 * 0, "the result contains nan"),
    (lambda x: x + 0.25, "largest difference 0.25"),
    (lambda x: x + torch.inf, "largest difference"),
    (lambda x: "a word", "expected a number or a tensor, got str"),
    (lambda x: {"a": x}, "expected a number or a tensor, got dict"),
    (lambda x: (x, x), "expected a number or a tensor, got tuple"),
    (lambda x: x.flatten().tolist(), "(1 dimensions instead of 2)"),
])
def test_differences_are_described(change, message: str, doubling: Exercise) -> None:
    verdict = doubling(lambda x, times: change(double(x, times)))
    assert verdict.status == WRONG and message in verdict.message, verdict


def test_a_difference_in_a_later_case_names_that_case(doubling: Exercise) -> None:
    verdict = doubling(lambda x, times: double(x))
    assert verdict.status == WRONG and verdict.message.startswith("For double(tensor of shape (2,), 3.0): ")


def test_several_values_are_compared_one_by_one() -> None:
    exercise = Exercise("both", cases=[(torch.tensor([1.0, 5.0]),)], answer=lambda x: (x.min(), x.max()))
    assert exercise(lambda x: [1, 5.0]) and exercise(lambda x: tuple(x))
    assert "value 1: expected 5, got 4" in exercise(lambda x: (1, 4)).message
    for answer in (lambda x: x.min(), lambda x: (1, 5, 9), lambda x: x):
        assert "expected 2 values" in exercise(answer).message


def test_texts_and_truth_values_are_compared_exactly() -> None:
    exercise = Exercise("kind", cases=[(3,), (4,)], answer=lambda n: "odd" if n % 2 else "even")
    assert exercise(lambda n: ("even", "odd")[n % 2])
    assert "expected 'odd', got 'even'" in exercise(lambda n: "even").message
    assert not Exercise("yes", cases=[(1,)], answer=lambda n: True)(lambda n: False)


def test_nan_is_right_where_it_is_wanted_and_only_there() -> None:
    exercise = Exercise("ratio", cases=[(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]))],
                        answer=lambda a, b: a / b)
    assert exercise(lambda a, b: a / b)
    assert not exercise(lambda a, b: (a / b).nan_to_num(0.0))
    assert not exercise(lambda a, b: a * torch.nan)
    assert not exercise(lambda a, b: torch.tensor([0.7, torch.nan]))


def test_an_answer_cannot_spoil_the_cases(doubling: Exercise) -> None:
    def in_place(x: torch.Tensor, times: float) -> torch.Tensor:
        return x.mul_(2 * times)

    before = copy.deepcopy(doubling.cases)
    assert doubling(in_place) and doubling(in_place)
    assert not doubling(lambda x, times: x.zero_())
    assert all(torch.equal(a[0], b[0]) for a, b in zip(before, doubling.cases, strict=True))


def test_a_known_mistake_is_named_before_the_difference(doubling: Exercise) -> None:
    verdict = doubling(lambda x, times: x * x * times)
    assert verdict.status == WRONG and verdict.message == "You squared."


def test_a_mistake_that_cannot_be_made_on_the_cases_is_passed_over() -> None:
    exercise = Exercise("double", cases=[(torch.ones(2, 3),)], answer=double,
                        mistakes={"impossible": lambda x: x @ x, "You tripled.": lambda x: 3 * x})
    assert exercise(lambda x: x + x + x).message == "You tripled."


def test_the_tolerance_is_relative_to_large_and_absolute_to_small_values() -> None:
    for scale, allowed in ((1e6, 50.0), (1e-3, 5e-5)):
        exercise = Exercise("same", cases=[(torch.full((3,), scale),)], answer=lambda x: x)
        assert exercise(lambda x, e=allowed: x + e)
        assert not exercise(lambda x, e=allowed: x + 4 * e)


# ---- Every check of the course ---------------------------------------------------------------------------------------
def test_the_checks_are_found() -> None:
    assert len(CHECKS) >= 5
    names = [parameter.values[0].name for parameter in CHECKS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("check", CHECKS)
def test_the_reference_passes_and_keeps_its_inputs(check: Exercise) -> None:
    cases = copy.deepcopy(check.cases)
    verdict = check(check.answer)
    assert verdict.status == RIGHT and check.name in verdict.message
    for case in cases:
        used = copy.deepcopy(case)
        check.answer(*used)
        for before, after in zip(case, used, strict=True):
            assert not isinstance(before, torch.Tensor) or torch.equal(before, after)


@pytest.mark.parametrize("check", CHECKS)
def test_no_constant_answer_passes(check: Exercise) -> None:
    answers = [check.answer(*copy.deepcopy(case)) for case in check.cases]
    constants = [0, 1.0, torch.zeros(3), torch.tensor(torch.nan), (0, 0), (), "yes", True, *answers]
    for constant in constants:
        verdict = check(lambda *case, constant=constant: copy.deepcopy(constant))
        assert verdict.status == WRONG and not verdict, f"{check.name} accepts the constant {constant}"


@pytest.mark.parametrize("check", CHECKS)
def test_no_input_of_its_own_passes(check: Exercise) -> None:
    for number in range(len(check.cases[0])):
        assert check(lambda *case, number=number: case[number]).status == WRONG
    assert check(lambda *case: case).status == WRONG


@pytest.mark.parametrize("check", CHECKS)
def test_each_known_mistake_is_rejected_with_its_own_message(check: Exercise) -> None:
    assert len(check.mistakes) >= 3, f"{check.name} knows fewer than three mistakes"
    for message, mistake in check.mistakes.items():
        verdict = check(mistake)
        assert verdict.status == WRONG and not verdict, f"{check.name} accepts the mistake: {message}"
        assert verdict.message == message, "two known mistakes cannot be told apart on these cases"
        assert len(message.split()) >= 4, f"{message!r} says too little"


@pytest.mark.parametrize("check", CHECKS)
def test_right_in_all_cases_but_one_is_not_enough(check: Exercise) -> None:
    assert len(check.cases) >= 2
    for spoilt in range(len(check.cases)):
        calls = iter(range(len(check.cases)))

        def almost(*case, calls=calls, spoilt=spoilt):
            return 12345.678 if next(calls) == spoilt else check.answer(*case)

        assert check(almost).status == WRONG
