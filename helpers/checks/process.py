"""Exercise checks on simulators of a process: CRPS of draws, coverage of their intervals, mean of past errors."""

import torch
from torch import Tensor

from . import Exercise, noise


def _crps(draws: Tensor, truth: Tensor, pairs: float = 0.5, least: int = 1) -> Tensor:
    """Mean distance to the truth minus `pairs` times the sum of the distances of two draws over m (m - least)."""
    among = (draws[:, :, None] - draws[:, None]).abs().mean(2).sum(1) / (draws.shape[1] - least)
    return (draws - truth[:, None]).abs().mean(1) - pairs * among


check_crps_of_draws = Exercise(
    "crps_of_draws",
    cases=[(torch.tensor([[1.0, 2.0, 6.0]]), torch.tensor([3.0])), (noise(0, 20, 7), noise(1, 20)),
           (3 * noise(2, 5, 4) - 1, noise(3, 5)), (torch.tensor([[2.0, 5.0], [5.0, 2.0]]), torch.tensor([9.0, 3.0]))],
    answer=_crps,
    mistakes={
        "The second sum has m (m − 1) terms, since no draw is paired with itself; it is divided by m² here.":
            lambda draws, truth: _crps(draws, truth, least=0),
        "One half is missing before the mean distance of two draws.": lambda draws, truth: _crps(draws, truth, pairs=1),
        "This is the mean distance to the measurement; half the mean distance of two draws is to be subtracted.":
            lambda draws, truth: _crps(draws, truth, pairs=0),
        "Each pair of draws is counted once, but m (m − 1) counts it twice: divide by half of that.":
            lambda draws, truth: _crps(draws, truth, pairs=0.25),
    },
)


def _inside(draws: Tensor, truth: Tensor, low: float, high: float) -> Tensor:
    """Fraction of the truths (n,) between two quantiles of their draws (n, m)."""
    a, b = draws.quantile(low, dim=1), draws.quantile(high, dim=1)
    return ((truth >= a) & (truth <= b)).double().mean()


check_coverage_of_draws = Exercise(
    "coverage_of_draws",
    cases=[(noise(0, 60, 21).exp(), noise(1, 60).exp(), 0.5), (noise(2, 80, 41).exp(), (1.5 * noise(3, 80)).exp(), 0.9),
           (noise(4, 50, 11), 2 * noise(5, 50) + 0.7, 0.8), (noise(6, 1, 30), noise(7, 1), 0.6)],
    answer=lambda draws, truth, level: _inside(draws, truth, (1 - level) / 2, (1 + level) / 2),
    mistakes={
        "Both tails are left out in full: 1 − level is to be split between them.":
            lambda draws, truth, level: _inside(draws, truth, 1 - level, level),
        "Only the upper end is looked at: some measurements lie below the interval.":
            lambda draws, truth, level: (truth <= draws.quantile((1 + level) / 2, dim=1)).double().mean(),
        "The quantiles are taken over all hours together; each hour has its own draws (dim=1).":
            lambda draws, truth, level: _inside(draws.reshape(1, -1), truth, (1 - level) / 2, (1 + level) / 2),
    },
    tolerance=1e-6,
)


def _means(error: Tensor, first: int, last: int) -> Tensor:
    """Mean of what there is of error[i + first : i + last], for each i; nan where there is nothing."""
    return torch.stack([error[max(0, i + first):max(0, i + last)].mean() for i in range(len(error))])


check_past_mean_error = Exercise(
    "past_mean_error",
    cases=[(torch.tensor([3.0, 1.0, 5.0, -2.0, 4.0]), 2), (noise(0, 40), 7), (noise(1, 6) + 2, 10)],
    answer=lambda error, window: _means(error, -window, 0).nan_to_num(0.0),
    mistakes={
        "The error of the hour itself is in the mean: it is not known before the hour.":
            lambda error, window: _means(error, 1 - window, 1),
        "At the beginning, divide by the number of errors that have passed, not by the window.":
            lambda error, window: torch.cat([error.new_zeros(window), error]).unfold(0, window, 1).mean(1)[:-1],
        "The first hour has no past, and the mean of nothing is nan: 0 is wanted there.":
            lambda error, window: _means(error, -window, 0),
    },
)
