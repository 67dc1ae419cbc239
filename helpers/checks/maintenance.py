"""Exercise checks on maintenance: trailing mean, the flight of an alarm, cost rate of a fixed interval."""

import torch
from torch import Tensor

from . import Exercise, noise


def _means(x: Tensor, before: int, after: int = 0) -> Tensor:
    """Mean (T,) from `before` flights earlier to `after` flights later, of the flights that exist in x (T,)."""
    return torch.stack([x[max(0, t - before):t + after + 1].mean() for t in range(len(x))])


check_trailing_mean = Exercise(
    "trailing_mean",
    cases=[(torch.tensor([4.0, 6.0, 9.0, 1.0, 5.0]), 3), (noise(0, 30), 5), (noise(1, 12), 4), (noise(3, 4), 9)],
    answer=lambda x, window: _means(x, window - 1),
    mistakes={
        "The window is centred: half of it lies in the future. Look back only.":
            lambda x, window: _means(x, (window - 1) // 2, window // 2),
        "The first flights are averaged with zeros that nobody measured: divide by the readings that there are.":
            lambda x, window: torch.cat([x.new_zeros(window - 1), x]).unfold(0, window, 1).mean(1),
    },
)


def _first_run(predicted: Tensor, level: float, in_a_row: int, gaps: bool = False) -> int:
    """Number, from 1, of the flight that completes the first run below the level; 0 if there is none."""
    run = 0
    for flight, value in enumerate(predicted.tolist(), 1):
        run = run + 1 if value < level else run * gaps
        if value < level and run == in_a_row:
            return flight
    return 0


_FORECASTS = torch.tensor([90.0, 28.0, 60.0, 29.0, 27.0, 20.0, 10.0])

check_alarm_cycle = Exercise(
    "alarm_cycle",
    cases=[(_FORECASTS, 30.0, 2), (_FORECASTS, 27.0, 2), (_FORECASTS, 10.0, 1), (_FORECASTS[2:], 70.0, 1),
           (torch.tensor([15.0, 9.0, 40.0, 12.0, 11.0, 9.0, 30.0]), 20.0, 3), (torch.tensor([15.0, 25.0]), 20.0, 2)],
    answer=_first_run,
    mistakes={
        "The flight is counted from 0; the first flight is number 1, and 0 means that there was no alarm.":
            lambda *case: max(0, _first_run(*case) - 1),
        "The values below the level must follow each other; after a higher one, count anew.":
            lambda *case: _first_run(*case, gaps=True),
        "This is the first flight of the run. The alarm comes when the run is complete.":
            lambda p, level, n: max(0, _first_run(p, level, n) - n + 1),
        "A value equal to the level is not below it.": lambda p, level, n: _first_run(p, level + 1e-4, n),
    },
)

check_cost_rate = Exercise(  # age replacement (Barlow and Hunter 1960): mean cost of a renewal over its mean length
    "cost_rate",
    cases=[(torch.tensor([100.0, 200.0, 300.0]), 200.0, 50.0, 400.0), (200 + 40 * noise(5, 50), 170.0, 10.0, 100.0),
           (torch.tensor([150.0, 250.0]), 100.0, 30.0, 90.0), (torch.tensor([150.0, 250.0]), 400.0, 30.0, 90.0)],
    answer=lambda n, k, planned, failure: torch.where(n <= k, failure, planned).mean() / n.clamp(max=k).mean(),
    mistakes={
        "Each engine's cost is divided by its own flights; divide the sum of the costs by the sum of the flights.":
            lambda n, k, planned, failure: (torch.where(n <= k, failure, planned) / n.clamp(max=k)).mean(),
        "All engines are counted with their whole life; one that is taken out at the interval has run no longer.":
            lambda n, k, planned, failure: torch.where(n <= k, failure, planned).mean() / n.mean(),
        "An engine that lives exactly as long as the interval fails at its end.":
            lambda n, k, planned, failure: torch.where(n < k, failure, planned).mean() / n.clamp(max=k).mean(),
    },
)
