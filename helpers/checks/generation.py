"""Exercise checks on measuring and averaging generators: histogram divergence, hinge loss, moving average."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise


def _sum_of_logs(counts: Tensor, factor: float) -> Tensor:
    """Sum of p log(factor * p) over the fractions p of the classes, with 0 log 0 = 0."""
    fractions = counts.double() / counts.sum()
    return torch.special.xlogy(fractions, factor * fractions).sum()


check_histogram_kl = Exercise(
    "histogram_kl",
    cases=[(torch.tensor([10, 20, 30, 40]),), (torch.tensor([5, 5]),), (torch.tensor([7, 0, 3]),),
           (torch.tensor([0, 0, 9, 0, 0]),)],
    answer=lambda counts: _sum_of_logs(counts, len(counts)),
    mistakes={
        "An empty class gives nan: 0 · log 0 counts as 0 here.":
            lambda counts: (counts / counts.sum() * (len(counts) * counts / counts.sum()).log()).sum(),
        "This is the divergence the other way round, of equal fractions from yours; it is infinite for an empty class.":
            lambda counts: -(len(counts) * counts / counts.sum()).log().mean(),
        "This is the entropy. The divergence is the logarithm of the number of classes minus the entropy.":
            lambda counts: -_sum_of_logs(counts, 1),
        "The factor for equal fractions is missing: compare with 1 / number of classes.":
            lambda counts: _sum_of_logs(counts, 1),
    },
)

check_hinge_loss = Exercise(
    "hinge_loss",
    cases=[(torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.25, 1.5])), (noise(0, 8, 1), noise(1, 8, 1)),
           (3 * noise(2, 5), 3 * noise(3, 9)), (torch.tensor([3.0, 2.5, 0.5]), torch.tensor([-4.0, 0.5]))],
    answer=lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
    mistakes={
        "The bend is missing: a score that is beyond the margin of 1 should cost nothing.":
            lambda real, fake: (1 - real).mean() + (1 + fake).mean(),
        "The margin of 1 is missing.": lambda real, fake: F.relu(-real).mean() + F.relu(fake).mean(),
        "You bend after taking the mean; each sample has a hinge of its own.":
            lambda real, fake: F.relu(1 - real.mean()) + F.relu(1 + fake.mean()),
        "These are sums over the samples; means are wanted.":
            lambda real, fake: F.relu(1 - real).sum() + F.relu(1 + fake).sum(),
    },
)

check_average_update = Exercise(
    "average_update",
    cases=[([noise(0, 3, 2), noise(1, 4)], [noise(2, 3, 2), noise(3, 4)], 0.9),
           ([torch.tensor([1.0])], [torch.tensor([0.0])], 0.999), ([noise(4, 5)], [noise(5, 5)], 0.0)],
    answer=lambda average, weights, d: [d * a + (1 - d) * w for a, w in zip(average, weights, strict=True)],
    mistakes={
        "The decay stands at the new weights: with 0.999 your average would forget everything at once.":
            lambda average, weights, d: [(1 - d) * a + d * w for a, w in zip(average, weights, strict=True)],
        "The new weights are added without their factor: the average would grow without end.":
            lambda average, weights, d: [d * a + w for a, w in zip(average, weights, strict=True)],
        "These are the new weights; the average is wanted.": lambda average, weights, d: weights,
    },
    new=True,
)
