"""Exercise checks on anomaly detection: distances from good workpieces, a threshold that keeps its promise."""

import math

import torch
from torch import Tensor

from . import Exercise, noise


def _mahalanobis(x: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    away = x - mean
    return (away @ torch.linalg.inv(covariance) * away).sum(1)


check_mahalanobis = Exercise(
    "mahalanobis",
    cases=[(torch.tensor([[4.0, 0.0], [0.0, 3.0]]), torch.zeros(2), torch.diag(torch.tensor([9.0, 1.0]))),
           (noise(0, 5, 3), noise(1, 3), noise(2, 12, 3).T.cov()),
           (noise(3, 7, 6), noise(4, 6), noise(5, 24, 6).T.cov())],
    answer=_mahalanobis,
    mistakes={
        "This multiplies by the covariance; it takes the inverse: what varies much counts little.":
            lambda x, mean, covariance: ((x - mean) @ covariance * (x - mean)).sum(1),
        "This is the square root; the squared distance is asked for.":
            lambda x, mean, covariance: _mahalanobis(x, mean, covariance).sqrt(),
        "The mean of the good ones is not taken off.":
            lambda x, mean, covariance: _mahalanobis(x, 0 * mean, covariance),
        "Only the variances are used: what the covariances say gets lost.":
            lambda x, mean, covariance: _mahalanobis(x, mean, covariance.diagonal().diag()),
    },
)


def _threshold(scores: Tensor, rate: float, more: int = 1, up: int = 0) -> Tensor:
    rank = math.ceil((len(scores) + more) * (1 - rate) - 1e-9) + up
    return scores.sort().values[rank - 1] if rank <= len(scores) else torch.tensor(math.inf)


check_conformal_threshold = Exercise(
    "conformal_threshold",
    cases=[(noise(0, 19), 0.1), (noise(1, 99), 0.05), (noise(2, 30), 0.2), (noise(3, 8), 0.1), (noise(4, 40), 0.5)],
    answer=_threshold,
    mistakes={
        "The rank counts n + 1 workpieces: the new one is one more.":
            lambda scores, rate: _threshold(scores, rate, more=0),
        "With so few workpieces no score will do: then the threshold is infinite.":
            lambda scores, rate: torch.minimum(_threshold(scores, rate), scores.max()),
        "The scores are not sorted.":
            lambda scores, rate: scores[min(math.ceil((len(scores) + 1) * (1 - rate)), len(scores)) - 1],
        "The rank is that of the false-alarm rate; the threshold lies above the other 1 − rate.":
            lambda scores, rate: _threshold(scores, 1 - rate),
    },
)


check_workpieces_needed = Exercise(
    "workpieces_needed",
    cases=[(0.1,), (0.05,), (0.01,), (0.3,), (0.5,)],
    answer=lambda rate: math.ceil(1 / rate - 1 - 1e-9),
    mistakes={
        "The new workpiece is one of the n + 1: one good workpiece fewer is enough.":
            lambda rate: math.ceil(1 / rate - 1e-9),
        "This is the rule of three of notebook 08, for another question.": lambda rate: math.ceil(3 / rate),
        "Part of a workpiece cannot be collected: round up.": lambda rate: 1 / rate - 1,
    },
    tolerance=1e-9,
)
