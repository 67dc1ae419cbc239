"""Exercise checks on simulators of a process: CRPS of draws, coverage of their intervals, mean of past errors."""

import torch
from torch import Tensor

from . import Exercise, noise


# ---- CRPS ------------------------------------------------------------------------------------------------------------
def _parts(draws: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Mean distance of the draws to the truth, and mean distance of two draws over all m² pairs: (n,) each."""
    return ((draws - truth[:, None]).abs().mean(1), (draws[:, :, None] - draws[:, None]).abs().mean((1, 2)))


def _crps(draws: Tensor, truth: Tensor) -> Tensor:
    distance, pairs = _parts(draws, truth)
    m = draws.shape[1]
    return distance - pairs * m / (m - 1) / 2


check_crps_of_draws = Exercise(
    "crps_of_draws",
    cases=[(torch.tensor([[1.0, 2.0, 6.0]]), torch.tensor([3.0])), (noise(0, 20, 7), noise(1, 20)),
           (3 * noise(2, 5, 4) - 1, noise(3, 5)), (torch.tensor([[2.0, 5.0], [5.0, 2.0]]), torch.tensor([9.0, 3.0]))],
    answer=_crps,
    mistakes={
        "The second sum has m (m − 1) terms, since no draw is paired with itself; it is divided by m² here.":
            lambda draws, truth: _parts(draws, truth)[0] - _parts(draws, truth)[1] / 2,
        "One half is missing before the mean distance of two draws.":
            lambda draws, truth: 2 * _crps(draws, truth) - _parts(draws, truth)[0],
        "This is the mean distance to the measurement; the distances between draws pay back for spread.":
            lambda draws, truth: _parts(draws, truth)[0],
        "The spread is added: it is to be subtracted.": lambda draws, truth: 2 * _parts(draws, truth)[0]
            - _crps(draws, truth),
        "This is the error of the mean of the draws, and tells nothing about their spread.":
            lambda draws, truth: (draws.mean(1) - truth).abs(),
        "The mean over the hours is taken; one score an hour is wanted.":
            lambda draws, truth: _crps(draws, truth).mean(),
        "Squares are taken where the formula has absolute values.":
            lambda draws, truth: (draws - truth[:, None]).square().mean(1) - draws.var(1),
    },
)


# ---- Coverage --------------------------------------------------------------------------------------------------------
def _inside(draws: Tensor, truth: Tensor, low: float, high: float) -> Tensor:
    """Share of the truths (n,) between two quantiles of their draws (n, m)."""
    a, b = torch.quantile(draws, low, dim=1), torch.quantile(draws, high, dim=1)
    return ((truth >= a) & (truth <= b)).double().mean()


def _coverage(draws: Tensor, truth: Tensor, level: float) -> Tensor:
    return _inside(draws, truth, (1 - level) / 2, (1 + level) / 2)


def _normal(draws: Tensor, truth: Tensor, level: float) -> Tensor:
    """Coverage of the interval of a normal density with the draws' mean and spread."""
    width = torch.special.ndtri(torch.tensor((1 + level) / 2)) * draws.std(1)
    return ((truth - draws.mean(1)).abs() <= width).double().mean()


check_coverage_of_draws = Exercise(
    "coverage_of_draws",
    cases=[(noise(0, 60, 21).exp(), noise(1, 60).exp(), 0.5), (noise(2, 80, 41).exp(), (1.5 * noise(3, 80)).exp(), 0.9),
           (noise(4, 50, 11), 2 * noise(5, 50) + 0.7, 0.8), (noise(6, 1, 30), noise(7, 1), 0.6)],
    answer=_coverage,
    mistakes={
        "Both tails are left out in full: 1 − level is to be split between them.":
            lambda draws, truth, level: _inside(draws, truth, 1 - level, level),
        "Only the upper end is looked at: some measurements lie below the interval.":
            lambda draws, truth, level: (truth <= torch.quantile(draws, (1 + level) / 2, dim=1)).double().mean(),
        "Only the lower end is looked at: some measurements lie above the interval.":
            lambda draws, truth, level: (truth >= torch.quantile(draws, (1 - level) / 2, dim=1)).double().mean(),
        "This is the share outside the interval.": lambda draws, truth, level: 1 - _coverage(draws, truth, level),
        "The quantiles are taken over all hours together; each hour has its own draws (dim=1).":
            lambda draws, truth, level: _coverage(draws.flatten().expand(len(truth), -1), truth, level),
        "The interval runs from the smallest to the largest draw, whatever the level.":
            lambda draws, truth, level: _inside(draws, truth, 0, 1),
        "Mean and standard deviation assume a normal density; take the quantiles of the draws.": _normal,
        "The number of hours is returned; their share is wanted.":
            lambda draws, truth, level: _coverage(draws, truth, level) * len(truth),
    },
    tolerance=1e-6,
)


# ---- Past errors -----------------------------------------------------------------------------------------------------
def _means(error: Tensor, first: int, last: int) -> Tensor:
    """Mean of error[i + first : i + last] for each i, of what there is of it; 0 where there is nothing."""
    parts = [error[max(0, i + first):max(0, i + last)] for i in range(len(error))]
    return torch.stack([part.mean() if len(part) else error.new_zeros(()) for part in parts])


def _past(error: Tensor, window: int) -> Tensor:
    return _means(error, -window, 0)


check_past_mean_error = Exercise(
    "past_mean_error",
    cases=[(torch.tensor([3.0, 1.0, 5.0, -2.0, 4.0]), 2), (noise(0, 40), 7), (noise(1, 6) + 2, 10),
           (noise(2, 12) - 1, 1)],
    answer=_past,
    mistakes={
        "The error of the hour itself is in the mean: it is not known before the hour.":
            lambda error, window: _means(error, 1 - window, 1),
        "The mean runs over the hours to come.": lambda error, window: _means(error, 1, window + 1),
        "The window is one hour too long.": lambda error, window: _means(error, -window - 1, 0),
        "At the beginning, divide by the number of errors that have passed, not by the window.":
            lambda error, window: _past(error, window)
            * torch.arange(len(error)).clamp(max=window) / window,
        "All past errors are averaged; only the last ones count, as many as the window has.":
            lambda error, window: _means(error, -len(error), 0),
        "This is the sum of the past errors; divide by their number.":
            lambda error, window: _past(error, window) * torch.arange(len(error)).clamp(max=window),
        "The mean is taken over all hours, the future among them.":
            lambda error, window: error.mean().expand(len(error)),
        "The answer is one hour too short: the first hour, before which there is no error, gets 0.":
            lambda error, window: _past(error, window)[1:],
    },
)
