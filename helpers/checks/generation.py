"""Exercise checks on measuring and averaging generators: histogram divergence, hinge loss, moving average."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise


# ---- Histogram divergence --------------------------------------------------------------------------------------------
def _shares(counts: Tensor) -> Tensor:
    return counts.double() / counts.sum()


def _kl(counts: Tensor) -> Tensor:
    shares = _shares(counts)
    return torch.special.xlogy(shares, len(counts) * shares).sum()


check_histogram_kl = Exercise(
    "histogram_kl",
    cases=[(torch.tensor([10, 20, 30, 40]),), (torch.tensor([5, 5]),), (torch.tensor([7, 0, 3]),),
           (torch.tensor([0, 0, 9, 0, 0]),)],
    answer=_kl,
    mistakes={
        "An empty class gives nan: 0 · log 0 counts as 0 here.":
            lambda counts: (_shares(counts) * (len(counts) * _shares(counts)).log()).sum(),
        "This is the divergence the other way round, of equal shares from yours; it is infinite for an empty class.":
            lambda counts: -(len(counts) * _shares(counts)).log().mean(),
        "The counts are not divided by their sum.":
            lambda counts: torch.special.xlogy(counts.double(), len(counts) * counts.double()).sum(),
        "This is the entropy. The divergence is the logarithm of the number of classes minus the entropy.":
            lambda counts: -torch.special.xlogy(_shares(counts), _shares(counts)).sum(),
        "The factor for equal shares is missing: compare with 1 / number of classes.":
            lambda counts: torch.special.xlogy(_shares(counts), _shares(counts)).sum(),
        "These are bits; nats are wanted.": lambda counts: _kl(counts) / math.log(2),
        "The factor 10 is for ten classes. Take the number that there are.":
            lambda counts: torch.special.xlogy(_shares(counts), 10 * _shares(counts)).sum(),
    },
)


# ---- Hinge loss ------------------------------------------------------------------------------------------------------
check_hinge_loss = Exercise(
    "hinge_loss",
    cases=[(torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.25, 1.5])), (noise(0, 8, 1), noise(1, 8, 1)),
           (3 * noise(2, 5), 3 * noise(3, 9)), (torch.tensor([3.0, 2.5, 0.5]), torch.tensor([-4.0, 0.5]))],
    answer=lambda real, made: F.relu(1 - real).mean() + F.relu(1 + made).mean(),
    mistakes={
        "Real and made are the wrong way round: D wants high scores for real samples.":
            lambda real, made: F.relu(1 + real).mean() + F.relu(1 - made).mean(),
        "The bend is missing: a score that is beyond the margin of 1 should cost nothing.":
            lambda real, made: (1 - real).mean() + (1 + made).mean(),
        "The margin of 1 is missing.": lambda real, made: F.relu(-real).mean() + F.relu(made).mean(),
        "You bend after taking the mean; each sample has a hinge of its own.":
            lambda real, made: F.relu(1 - real.mean()) + F.relu(1 + made.mean()),
        "This is the mean of the two terms; their sum is wanted.":
            lambda real, made: (F.relu(1 - real).mean() + F.relu(1 + made).mean()) / 2,
        "These are sums over the samples; means are wanted.":
            lambda real, made: F.relu(1 - real).sum() + F.relu(1 + made).sum(),
        "The made samples are missing.": lambda real, made: F.relu(1 - real).mean(),
    },
)


# ---- Moving average --------------------------------------------------------------------------------------------------
def _mixed(average: list[Tensor], weights: list[Tensor], decay: float) -> list[Tensor]:
    return [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]


check_average_update = Exercise(
    "average_update",
    cases=[([noise(0, 3, 2), noise(1, 4)], [noise(2, 3, 2), noise(3, 4)], 0.9),
           ([torch.tensor([1.0])], [torch.tensor([0.0])], 0.999), ([noise(4, 5)], [noise(5, 5)], 0.0)],
    answer=_mixed,
    mistakes={
        "The decay stands at the new weights: with 0.999 your average would forget everything at once.":
            lambda average, weights, decay: _mixed(average, weights, 1 - decay),
        "The new weights are added without their factor: the average would grow without end.":
            lambda average, weights, decay: [decay * a + w for a, w in zip(average, weights, strict=True)],
        "The average comes back as it was.": lambda average, weights, decay: average,
        "These are the new weights; the average is wanted.": lambda average, weights, decay: weights,
        "This is the plain mean of the two; the decay has no effect.":
            lambda average, weights, decay: _mixed(average, weights, 0.5),
    },
)
