"""Exercise checks on maintenance: trailing mean, the cycle of an alarm, cost rate of a fixed interval."""

import torch
from torch import Tensor

from . import Exercise, noise


# ---- Trailing mean ---------------------------------------------------------------------------------------------------
def _means(x: Tensor, before: int, after: int) -> Tensor:
    """Mean from `before` cycles earlier to `after` cycles later, of the cycles that exist; x is (T,)."""
    return torch.stack([x[max(0, t - before):max(0, t + after) + 1].mean() for t in range(len(x))])


def _padded(x: Tensor, window: int) -> Tensor:
    return torch.cat([torch.zeros(window - 1), x]).unfold(0, window, 1).mean(1)


check_trailing_mean = Exercise(
    "trailing_mean",
    cases=[(torch.tensor([4.0, 6.0, 9.0, 1.0, 5.0]), 3), (noise(0, 30), 5), (noise(1, 12), 4), (noise(2, 6), 2),
           (noise(3, 4), 9)],
    answer=lambda x, window: _means(x, window - 1, 0),
    mistakes={
        "The window is centred: half of it lies in the future. Look back only.":
            lambda x, window: _means(x, (window - 1) // 2, window // 2),
        "The window looks ahead: cycle t may use cycles up to t.": lambda x, window: _means(x, 0, window - 1),
        "The window is one cycle too long: with the current cycle it holds `window` values.":
            lambda x, window: _means(x, window, 0),
        "The current cycle is missing: it is known by now.":
            lambda x, window: torch.stack([x[max(0, t - window):max(1, t)].mean() for t in range(len(x))]),
        "The first cycles are averaged with zeros that nobody measured: divide by the cycles that there are.":
            _padded,
        "This is the mean of everything so far; only the last `window` cycles count.":
            lambda x, window: _means(x, len(x), 0),
        "This is the mean of the whole record, the future included.":
            lambda x, window: x.mean().expand(len(x)),
        "The first cycles are missing: give a value for each cycle, from the cycles that there are.":
            lambda x, window: x.unfold(0, min(window, len(x)), 1).mean(1),
    },
)


# ---- Cycle of an alarm -----------------------------------------------------------------------------------------------
def _first_run(predicted: Tensor, level: float, in_a_row: int, *, equal: bool = False, offset: int = 1,
               never: int = 0) -> int:
    """Number (from `offset` on) of the cycle that completes the first run below the level."""
    run = 0
    for cycle, value in enumerate(predicted.tolist()):
        run = run + 1 if value < level or (equal and value == level) else 0
        if run == in_a_row:
            return cycle + offset
    return never


def _in_all(predicted: Tensor, level: float, in_a_row: int) -> int:
    """The cycle at which `in_a_row` values have been below the level, in a row or not."""
    below = (predicted < level).nonzero()[:, 0]
    return int(below[in_a_row - 1]) + 1 if len(below) >= in_a_row else 0


check_alarm_cycle = Exercise(
    "alarm_cycle",
    cases=[(torch.tensor([90.0, 28.0, 60.0, 29.0, 27.0, 20.0, 10.0]), 30.0, 2),
           (torch.tensor([90.0, 28.0, 60.0, 29.0, 27.0, 20.0, 10.0]), 27.0, 2),
           (torch.tensor([50.0, 40.0, 30.0]), 20.0, 1), (torch.tensor([10.0, 9.0, 40.0]), 20.0, 1),
           (torch.tensor([15.0, 9.0, 40.0, 12.0, 11.0, 9.0, 30.0]), 20.0, 3), (torch.tensor([15.0, 25.0]), 20.0, 2),
           (20 - torch.arange(20.0) + noise(4, 20), 10.0, 3)],
    answer=_first_run,
    mistakes={
        "The cycle is counted from 0; the first cycle is number 1.":
            lambda *case: _first_run(*case, offset=0, never=-1),
        "The cycle is counted from 0; the first cycle is number 1, and 0 means that there was no alarm.":
            lambda *case: _first_run(*case, offset=0),
        "One value below the level is not enough: it takes `in_a_row` of them without a break.":
            lambda predicted, level, in_a_row: _first_run(predicted, level, 1),
        "The values below the level must follow each other; after a higher one, count anew.": _in_all,
        "This is the first cycle of the run. The alarm comes when the run is complete; before, nobody knows that it "
        "will be.": lambda p, level, n: max(0, _first_run(p, level, n) - n + 1),
        "A value equal to the level is not below it.": lambda *case: _first_run(*case, equal=True),
        "Without an alarm the answer is 0, not the last cycle.":
            lambda p, level, n: _first_run(p, level, n, never=len(p)),
        "Without an alarm the answer is 0, not −1.": lambda *case: _first_run(*case, never=-1),
    },
    tolerance=1e-9,
)


# ---- Cost rate of a fixed interval -----------------------------------------------------------------------------------
def _rate(lives: Tensor, interval: float, planned: float, failure: float) -> float:
    """Age replacement (Barlow and Hunter 1960): mean cost of a renewal over mean length of a renewal."""
    return (torch.where(lives <= interval, failure, planned).mean() / lives.clamp(max=interval).mean()).item()


check_cost_rate = Exercise(
    "cost_rate",
    cases=[(torch.tensor([100.0, 200.0, 300.0]), 200.0, 50.0, 400.0), (200 + 40 * noise(5, 50), 170.0, 10.0, 100.0),
           (torch.tensor([150.0, 250.0]), 100.0, 30.0, 90.0), (torch.tensor([150.0, 250.0]), 400.0, 30.0, 90.0)],
    answer=_rate,
    mistakes={
        "Each engine's cost is divided by its own cycles; divide the sum of the costs by the sum of the cycles.":
            lambda lives, interval, planned, failure:
            (torch.where(lives <= interval, failure, planned) / lives.clamp(max=interval)).mean(),
        "All engines are counted with their whole life; one that is taken out at the interval has run no longer.":
            lambda lives, interval, planned, failure:
            torch.where(lives <= interval, failure, planned).mean() / lives.mean(),
        "The prices are the wrong way round: an engine that lives no longer than the interval fails.":
            lambda lives, interval, planned, failure: _rate(lives, interval, failure, planned),
        "An engine that lives exactly as long as the interval fails at its end.":
            lambda lives, interval, planned, failure:
            torch.where(lives < interval, failure, planned).sum() / lives.clamp(max=interval).sum(),
        "This is the cost of an engine; divide by the cycles that the engines run.":
            lambda lives, interval, planned, failure: torch.where(lives <= interval, failure, planned).mean(),
        "All engines are counted as if they ran the whole interval; one that fails before has run shorter.":
            lambda lives, interval, planned, failure:
            torch.where(lives <= interval, failure, planned).mean() / interval,
        "A failure costs its own price, not that of the planned work on top.":
            lambda lives, interval, planned, failure: _rate(lives, interval, planned, failure + planned),
        "This is the sum of the costs over the mean length; take sum over sum, or mean over mean.":
            lambda *case: len(case[0]) * _rate(*case),
    },
    tolerance=1e-6,
)
