"""Exercise checks on choosing a model: the interval of a difference, where two curves cross, when labels are paid."""

import math

import torch
from torch import Tensor

from . import Exercise, noise


def _interval(first: Tensor, second: Tensor, again: Tensor, cut: float = 0.025) -> tuple[Tensor, Tensor]:
    means = (first - second)[again].mean(1)
    return means.quantile(cut), means.quantile(1 - cut)


def _rows(seed: int, draws: int, units: int) -> Tensor:
    return torch.randint(units, (draws, units), generator=torch.Generator().manual_seed(seed))


check_bootstrap_interval = Exercise(
    "bootstrap_interval",
    cases=[(noise(0, 12) + 5, noise(1, 12) + 4, _rows(0, 200, 12)), (noise(2, 30), noise(3, 30), _rows(1, 400, 30)),
           (10 * noise(4, 25), 10 * noise(4, 25) + noise(5, 25), _rows(2, 300, 25))],
    answer=_interval,
    mistakes={
        "The two are drawn apart. Both were asked about the same units: draw a unit once, and take both its errors.":
            lambda first, second, again: tuple(
                (first[again].mean(1) - second[again.flip(0)].mean(1)).quantile(q) for q in (0.025, 0.975)),
        "This is a 90 % interval: for 95 % cut 2.5 % off at each end.":
            lambda first, second, again: _interval(first, second, again, 0.05),
        "These are quantiles of the units; the interval is that of the mean of a draw.":
            lambda first, second, again: tuple((first - second).quantile(q) for q in (0.025, 0.975)),
    },
)


def _crossing(sizes: list[float], rival: list[float], network: list[float], scale=math.log, back=math.exp) -> float:
    gap = [b - a for a, b in zip(rival, network, strict=True)]
    for k, g in enumerate(gap):
        if g < 0:
            at, before = scale(sizes[k]), scale(sizes[max(k - 1, 0)])
            return back(before + (at - before) * gap[k - 1] / (gap[k - 1] - g))
    return math.inf


check_crossing_size = Exercise(
    "crossing_size",
    cases=[([100.0, 1000.0, 10_000.0], [6.0, 5.0, 4.8], [7.0, 5.0, 4.0]),
           ([10.0, 100.0, 1000.0], [3.0, 2.0, 1.0], [4.0, 2.5, 0.5]), ([10.0, 30.0], [2.0, 1.0], [1.0, 0.5]),
           ([10.0, 30.0, 90.0], [2.0, 1.0, 1.0], [3.0, 2.0, 1.5]), ([100.0, 400.0], [0.5, 0.5], [0.8, 0.4])],
    answer=_crossing,
    mistakes={
        "This interpolates in the sizes; the curves are drawn over their logarithms.":
            lambda sizes, rival, network: _crossing(sizes, rival, network, float, float),
        "This is the first measured size at which the network is ahead: interpolate between it and the one before.":
            lambda sizes, rival, network: next(
                (s for s, a, b in zip(sizes, rival, network, strict=True) if b < a), math.inf),
        "These are errors: the network is ahead where its curve is below.":
            lambda sizes, rival, network: _crossing(sizes, network, rival),
    },
)


check_break_even = Exercise(
    "break_even",
    cases=[(300, 8.0, 40.0, 60.0, 12.0), (1000, 2.0, 0.0, 80.0, 5.0), (50, 10.0, 16.0, 75.0, 30.0)],
    answer=lambda labels, price, hours, wage, gain: (labels * price + hours * wage) / gain,
    mistakes={"The hours of work are not in it.": lambda labels, price, hours, wage, gain: labels * price / gain,
              "The labels are not in it.": lambda labels, price, hours, wage, gain: hours * wage / gain},
)
