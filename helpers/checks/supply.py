"""Exercise checks on supply: a stock level from past demands, Croston's forecast, the gain of a 2-opt move."""

import math

import torch
from torch import Tensor

from . import Exercise, noise


# ---- Order-up-to level -----------------------------------------------------------------------------------------------
def _sorted_at(demands: Tensor, rank: int) -> Tensor:
    """The demand of a rank, 1 for the lowest; ranks outside 1..N are moved inside."""
    return demands.sort().values[min(max(rank, 1), len(demands)) - 1]


def _level(demands: Tensor, holding: float, shortage: float) -> Tensor:
    return _sorted_at(demands, math.ceil(shortage / (shortage + holding) * len(demands) - 1e-9))


check_order_up_to = Exercise(
    "order_up_to",
    cases=[(torch.tensor([0.0, 4, 0, 1, 2, 0, 7, 0, 3, 0]), 1.0, 9.0),
           (torch.tensor([0.0, 4, 0, 1, 2, 0, 7, 0, 3, 0]), 1.0, 1.0), (noise(0, 31).abs() * 9, 1.0, 4.0),
           (noise(1, 12).abs() * 5, 2.0, 3.0), (noise(2, 7).abs() * 20, 1.0, 19.0)],
    answer=_level,
    mistakes={
        "The prices are the wrong way round: the dearer a shortage, the higher the level.":
            lambda demands, holding, shortage: _level(demands, shortage, holding),
        "This is the mean demand; a quantile is wanted.": lambda demands, *_: demands.mean(),
        "This is the median, whatever the prices: take the share shortage / (shortage + holding).":
            lambda demands, *_: _sorted_at(demands, math.ceil(len(demands) / 2)),
        "The quantile is interpolated between two demands. Take the smallest demand that covers the share.":
            lambda demands, holding, shortage: torch.quantile(demands, shortage / (shortage + holding)),
        "The level is one rank too low: at it, the share of the demands that are covered is too small.":
            lambda demands, holding, shortage: _sorted_at(
                demands, math.ceil(shortage / (shortage + holding) * len(demands) - 1e-9) - 1),
        "The level is one rank too high: does your index count from 0?":
            lambda demands, holding, shortage: _sorted_at(
                demands, math.ceil(shortage / (shortage + holding) * len(demands) - 1e-9) + 1),
        "This is the highest demand of all: the share shortage / (shortage + holding) is enough.":
            lambda demands, *_: demands.max(),
        "The demands are not sorted.":
            lambda demands, holding, shortage: demands[
                math.ceil(shortage / (shortage + holding) * len(demands) - 1e-9) - 1],
        "The share is shortage / (shortage + holding), not 1 − holding / shortage.":
            lambda demands, holding, shortage: _sorted_at(
                demands, math.ceil((1 - holding / shortage) * len(demands) - 1e-9)),
    },
)


# ---- Croston's forecast ----------------------------------------------------------------------------------------------
def _croston(demand: Tensor, alpha: float, *, reset: int = 1, first: float = 0.0) -> tuple[float, float]:
    """Smoothed size and interval. reset: the months counted right after a demand; first: the interval at the first."""
    size = interval = 0.0
    since = 1
    for pieces in demand.tolist():
        if pieces > 0:
            start = first or since
            size, interval = ((size + alpha * (pieces - size), interval + alpha * (since - interval)) if size
                              else (pieces, start))
            since = reset
        else:
            since += 1
    return size, interval


def _smoothed(demand: Tensor, alpha: float) -> float:
    level = demand[0].item()
    for pieces in demand[1:].tolist():
        level += alpha * (pieces - level)
    return level


def _ratio(demand: Tensor, alpha: float, **how: float) -> float:
    size, interval = _croston(demand, alpha, **how)
    return size / interval


def _only_positive(demand: Tensor) -> Tensor:
    return demand[demand > 0]


check_croston = Exercise(
    "croston",
    cases=[(torch.tensor([0.0, 3, 0, 0, 1, 2]), 0.5), (torch.tensor([2.0, 0, 0, 0, 4, 0]), 0.2),
           (torch.tensor([0.0, 0, 5, 1, 0, 0, 0, 3, 0, 0]), 0.1), (torch.tensor([1.0, 2, 3]), 0.3),
           ((noise(3, 40) * 3).clamp(min=0).round(), 0.1)],
    answer=_ratio,
    mistakes={
        "This is exponential smoothing of all months; Croston updates only when there is demand.": _smoothed,
        "This is size times interval: divide the pieces by the months between demands.":
            lambda demand, alpha: math.prod(_croston(demand, alpha)),
        "This is the smoothed size alone; divide it by the smoothed interval.":
            lambda demand, alpha: _croston(demand, alpha)[0],
        "The answer is upside down: pieces a month are size / interval.":
            lambda demand, alpha: 1 / _ratio(demand, alpha),
        "That is the correction of Syntetos and Boylan, times 1 − alpha / 2; leave it out here.":
            lambda demand, alpha: (1 - alpha / 2) * _ratio(demand, alpha),
        "The interval is one month short: two demands in successive months are 1 apart. Count from 1 again after each.":
            lambda demand, alpha: _ratio(demand, alpha, reset=0),
        "The first interval is the number of months up to and including the first demand, not 1.":
            lambda demand, alpha: _ratio(demand, alpha, first=1),
        "alpha and 1 − alpha are mixed up: alpha weighs the new value.":
            lambda demand, alpha: _ratio(demand, 1 - alpha),
        "Nothing is smoothed: this is the mean of all months.": lambda demand, _: demand.mean(),
        "The interval is missing its smoothing: this is the smoothed size times the share of months with demand.":
            lambda demand, alpha: _smoothed(_only_positive(demand), alpha) * (demand > 0).double().mean(),
    },
)


# ---- Gain of a 2-opt move --------------------------------------------------------------------------------------------
def _ends(tour: Tensor, i: int, j: int) -> tuple[int, int, int, int]:
    """The customers at positions i, i + 1, j and j + 1, round the tour."""
    stops = tour.tolist()
    return stops[i], stops[(i + 1) % len(stops)], stops[j], stops[(j + 1) % len(stops)]


def _gain(distance: Tensor, tour: Tensor, i: int, j: int) -> Tensor:
    a, b, c, d = _ends(tour, i, j)
    return distance[a, b] + distance[c, d] - distance[a, c] - distance[b, d]


def _crossed(distance: Tensor, tour: Tensor, i: int, j: int) -> Tensor:
    a, b, c, d = _ends(tour, i, j)
    return distance[a, b] + distance[c, d] - distance[a, d] - distance[b, c]


def _removed(distance: Tensor, tour: Tensor, i: int, j: int) -> Tensor:
    a, b, c, d = _ends(tour, i, j)
    return distance[a, b] + distance[c, d]


def _one_place_back(distance: Tensor, tour: Tensor, i: int, j: int) -> Tensor:
    return _gain(distance, tour, i - 1, j - 1)


def _distances(seed: int, count: int) -> Tensor:
    places = noise(seed, count, 2)
    return (places[:, None] - places).square().sum(-1).sqrt()


check_two_opt_gain = Exercise(
    "two_opt_gain",
    cases=[(_distances(0, 7), torch.tensor([0, 3, 5, 1, 6, 2, 4]), 0, 3),
           (_distances(1, 7), torch.tensor([4, 3, 0, 1, 6, 2, 5]), 1, 5),
           (_distances(2, 9), torch.tensor([8, 1, 7, 2, 6, 3, 5, 4, 0]), 2, 8),
           (_distances(3, 6), torch.tensor([5, 2, 0, 1, 4, 3]), 1, 3)],
    answer=_gain,
    mistakes={
        "The sign is turned: a gain is what the tour gets shorter by.": lambda *case: -_gain(*case),
        "These new edges cut the tour in two: reversed, i meets j, and i + 1 meets j + 1.": _crossed,
        "Only the two removed edges are counted; two new ones are paid for.": _removed,
        "i and j are positions in the tour: look up which customer stands there.":
            lambda distance, tour, i, j: _gain(distance, torch.arange(len(tour)), i, j),
        "The reversed piece runs from position i + 1 to j: you have reversed from i to j − 1.": _one_place_back,
        "Your piece begins at i, one place too early: edges i − 1 to i and j to j + 1 are exchanged.":
            lambda distance, tour, i, j: _gain(distance, tour, i - 1, j),
    },
)
