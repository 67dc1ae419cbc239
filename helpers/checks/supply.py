"""Exercise checks on supply: a stock level from past demands, Croston's forecast, the gain of a 2-opt move."""

import math

import torch
from torch import Tensor

from . import Exercise, noise

check_order_up_to = Exercise(
    "order_up_to",
    cases=[*((torch.tensor([0.0, 4, 0, 1, 2, 0, 7, 0, 3, 0]), 1.0, b) for b in (1.0, 8.5)),  # no ties
           (noise(0, 31).abs() * 9, 1.0, 4.0), (noise(1, 12).abs(), 2.0, 3.0), (noise(2, 7).abs(), 1.0, 19.0)],
    answer=lambda demands, h, b: demands.sort().values[math.ceil(b / (b + h) * len(demands) - 1e-9) - 1],
    mistakes={
        "The quantile is interpolated between two demands. Take the smallest demand that covers the fraction.":
            lambda demands, h, b: demands.quantile(b / (b + h)),
        "`interpolation='higher'` rounds the position (N − 1) q up, which may be one demand too high: of ten demands "
        "the ninth covers nine tenths.": lambda demands, h, b: demands.quantile(b / (b + h), interpolation="higher"),
        "The level is one rank too high: an index counts from 0.": lambda demands, h, b:
            demands.sort().values[min(math.ceil(b / (b + h) * len(demands) - 1e-9), len(demands) - 1)],
        "The level is one rank too low: it covers less than the fraction.": lambda demands, h, b:
            demands.sort().values[max(math.ceil(b / (b + h) * len(demands) - 1e-9) - 2, 0)],
    },
)


def _smoothed(values: Tensor, alpha: float) -> float:
    level, *others = values.tolist()
    for value in others:
        level += alpha * (value - level)
    return level


def _croston(demand: Tensor, alpha: float, longer: int = 0) -> float:
    """Croston's forecast; `longer` is added to the intervals after the first."""
    months = (demand > 0).nonzero()[:, 0] + 1
    return _smoothed(demand[months - 1], alpha) / _smoothed(torch.cat([months[:1], months.diff() + longer]), alpha)


check_croston = Exercise(
    "croston",
    cases=[(torch.tensor([0.0, 3, 0, 0, 1, 2]), 0.5), (torch.tensor([2.0, 0, 0, 0, 4, 0]), 0.2),
           (torch.tensor([1.0, 2, 3]), 0.3), ((noise(3, 40) * 3).clamp(min=0).round(), 0.1)],
    answer=_croston,
    mistakes={
        "This is exponential smoothing of all months; Croston updates only when there is demand.": _smoothed,
        "The interval is one month short: two demands in successive months are 1 apart. Count from 1 again after each.":
            lambda demand, alpha: _croston(demand, alpha, longer=-1),
        "The first interval is the number of months up to and including the first demand, not 1.":
            lambda demand, alpha: _croston(demand[int((demand > 0).int().argmax()):], alpha),
        "The months are counted from the beginning: after each demand the interval starts anew.": lambda demand, alpha:
            _smoothed(demand[demand > 0], alpha) / _smoothed((demand > 0).nonzero()[:, 0] + 1.0, alpha),
    },
)


def _edges(distance: Tensor, tour: Tensor, i: int, j: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lengths of the two removed edges, of the two new ones, and of two that would cut the tour in two."""
    a, b, c, d = tour[i], tour[i + 1], tour[j], tour[(j + 1) % len(tour)]
    return distance[a, b] + distance[c, d], distance[a, c] + distance[b, d], distance[a, d] + distance[b, c]


check_two_opt_gain = Exercise(
    "two_opt_gain",
    cases=[(torch.cdist(noise(n, n, 2), noise(n, n, 2)), noise(n, n).argsort(), i, j)
           for n, i, j in ((7, 0, 3), (8, 1, 5), (9, 2, 8), (6, 1, 3))],
    answer=lambda *case: _edges(*case)[0] - _edges(*case)[1],
    mistakes={
        "These new edges cut the tour in two: reversed, i meets j, and i + 1 meets j + 1.":
            lambda *case: _edges(*case)[0] - _edges(*case)[2],
        "Only the two removed edges are counted; two new ones are paid for.": lambda *case: _edges(*case)[0],
    },
)
