"""The engine of the exercise checks."""

import copy
from collections.abc import Callable

import pytest
import torch

from helpers.checks import NOT_ATTEMPTED, RIGHT, WRONG, Exercise, Verdict

X, Y = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([[2.0, 3.5]])
DOUBLE = Exercise("double", cases=[(X, 1.0), (Y, 3.0)], answer=lambda x, t: 2 * t * x,
                  mistakes={"impossible": lambda x, t: x @ x, "You squared.": lambda x, t: t * x**2})
BOTH = Exercise("both", cases=[(X, 2.0), (Y, 3.0)], answer=lambda x, t: (x.min() * t, x * t))


@pytest.mark.parametrize(("status", "mark"), [
    (RIGHT, "[OK] "), (WRONG, "[not yet] "), (NOT_ATTEMPTED, "[not attempted yet] ")])
def test_a_right_verdict_is_true_and_looks_different(status: str, mark: str) -> None:
    verdict = Verdict(status, "m")
    assert bool(verdict) is ("✅" in repr(verdict)) is (status == RIGHT)
    assert repr(verdict).startswith(mark) and repr(verdict).endswith(" m")


def test_long_messages_are_wrapped_between_words() -> None:
    words = ["a-hyphenated-word"] * 40 + ["x" * 120]
    lines = repr(Verdict(WRONG, " ".join(words))).splitlines()
    assert len(lines) > 5 and all(len(line) <= 100 for line in lines[:-1])
    assert " ".join(lines).endswith(" ".join(words))


@pytest.mark.parametrize("way", [
    lambda x, t: t * x + t * x, lambda x, t: (2 * t * x + 1e-6).double().numpy(), lambda x, t: (t + t) * x.half(),
    lambda x, t: (2 * t * x).requires_grad_(), lambda x, t: x.mul_(2 * t)],
    ids=["other order", "numpy and rounding", "half", "with gradient", "in place"])
def test_a_right_answer_by_another_way_passes(way: Callable) -> None:
    assert DOUBLE(way).status == RIGHT and "double agrees with the reference in all 2 cases" in DOUBLE(way).message


def test_only_the_stub_is_not_attempted() -> None:
    def stub(x, t):
        raise NotImplementedError

    def with_message(x, t):
        raise NotImplementedError("later")

    assert DOUBLE(stub).status == NOT_ATTEMPTED and "Write the body of double" in DOUBLE(stub).message
    for attempt, message in ((with_message, "later"), (lambda x, t: stub(x, t), "raised NotImplementedError"),
                             (lambda x, t: 1 - (x > 2), "logical_not"), (lambda x, t: -(x > 2), "logical_not")):
        assert DOUBLE(attempt).status == WRONG and message in DOUBLE(attempt).message


@pytest.mark.parametrize(("attempt", "message"), [
    (lambda x, t: x @ x, "double(tensor of shape (2, 3), 1.0) raised RuntimeError: "),
    (lambda x, t: 2 * t * x if len(x) == 2 else None, "double(tensor of shape (1, 2), 3.0) returns nothing"),
    (lambda x, t: 2 * t * x if len(x) == 2 else x + 9, "For double(tensor of shape (1, 2), 3.0): Tensor-likes are not"),
    (lambda x, t: 2 * t * x + torch.eye(2, 3)[:len(x), :x.shape[1]], "absolute difference: 1.0 at index (0, 0)"),
    (lambda x, t: (2 * t * x)[:, :-1], "'shape' do not match: torch.Size([2, 2]) != torch.Size([2, 3])"),
    (lambda x, t: list(2 * t * x), "; `torch.stack` joins tensors, `torch.tensor` takes numbers"),
    (lambda x: x, "raised TypeError"), (X, "not callable"), (lambda x, t: "a word", "expected a Tensor, got 'a word'"),
    (lambda x, t: x * x * t, "You squared."),
])
def test_the_message_says_what_is_wrong(attempt: Callable, message: str) -> None:
    assert DOUBLE(attempt).status == WRONG and message in DOUBLE(attempt).message


class Hostile:
    """A result that raises, whatever is done with it."""

    def __repr__(self) -> str:
        raise RuntimeError

    __eq__ = __len__ = __iter__ = __bool__ = __float__ = __array__ = __repr__


@pytest.mark.parametrize("make", [
    lambda: "word", lambda: {"a": 1}, list, tuple, lambda: [None], lambda: 10**30, lambda: 1j, lambda: print, Hostile,
    lambda: X.to("meta"), lambda: X.to_sparse(), lambda: [[1.0], [2.0, 3.0]], lambda: (X, [X]), lambda: (1, "b"),
    lambda: torch.empty(0), lambda: torch.tensor(torch.nan), lambda: X + 1j, lambda: iter([1])])
def test_no_result_breaks_a_check(make: Callable) -> None:
    for exercise in (DOUBLE, BOTH):
        verdict = exercise(lambda *case: make())
        assert verdict.status == WRONG and repr(verdict).startswith("[not yet] ")


def test_an_answer_cannot_spoil_the_cases() -> None:
    before = copy.deepcopy(DOUBLE.cases)
    assert not DOUBLE(lambda x, t: x.zero_()) and DOUBLE(lambda x, t: x.mul_(2 * t))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(before, DOUBLE.cases, strict=True))


def test_the_readers_output_is_shown_once_a_case(capsys: pytest.CaptureFixture) -> None:
    DOUBLE(lambda x, t: print("seen") or x.exp())
    assert capsys.readouterr().out.count("seen") == 2


@pytest.mark.parametrize(("wanted", "wrong"), [
    ([torch.inf, 0.5], [torch.inf, 12345.0]), ([torch.inf, 0.5], [-torch.inf, 0.5]), ([1e6, 0.5], [1e6, 0.6]),
    ([torch.nan, 1.0], [0.0, 1.0]), ([0.0, 1.0], [torch.nan, 1.0]), ([1e6, 0.0], [1e6 + 200, 0.0])])
def test_each_element_is_compared_on_its_own(wanted: list[float], wrong: list[float]) -> None:
    exercise = Exercise("same", cases=[(torch.tensor(wanted),)], answer=lambda x: x)
    assert exercise(lambda x: x.double() * (1 + 5e-5) + 5e-5)
    assert exercise(lambda x: torch.tensor(wrong)).status == WRONG


@pytest.mark.parametrize(("attempt", "message"), [
    (lambda x, t: (x.min(), x), "The argument `t` of both has no effect."),
    (lambda x, t: (torch.tensor(t), 0 * x + t), "The argument `x` of both has no effect."),
    (lambda x, t: (x.min() * t, (x * t).T), "Value 2 of both is the transpose of what is wanted."),
    (lambda x, t: (-2.5 * x.min() * t, x * t), "Value 1 of both is -2.5 times what is wanted."),
    (lambda x, t: (x.min() / t, x / t), "both uses 1 divided by `t` where `t` belongs."),
    (lambda x, t: (x.min() * (t + 1), x * (t + 1)), "both uses `t` plus 1 where `t` belongs."),
    (lambda x, t: torch.stack([x.min() * t, x.max() * t]), "expected a tuple, got tensor("),
    (lambda x, t: (0.0, x * t), "Expected 2.0 but got 0.0."), (lambda x, t: (x.min() * t,), "mismatch: 1 != 2"),
    (lambda x, t: (-x.min() * t, x * t), "is minus what"), (lambda x, t: (1 - x.min() * t, x * t), "is 1 minus what"),
    (lambda x, t: (x.min() * t + 0.1, x * t + 0.1 * x**2), "The failure occurred for item [0]"),
])
def test_generic_mistakes_are_named(attempt: Callable, message: str) -> None:
    assert BOTH(attempt).status == WRONG and message in BOTH(attempt).message


def test_swapped_arguments_are_named() -> None:
    exercise = Exercise("pair", cases=[(3.0, 1.0, 0), (2.0, 5.0, 0)], answer=lambda a, b, unused: (a + 2 * b, a))
    assert exercise(lambda a, b, unused: (2 * a + b, b)).message == "pair: `a` and `b` have changed places."
