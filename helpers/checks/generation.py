"""Exercise checks on generators: divergence of a histogram, size of a transposed convolution, moving average."""

import torch
from torch import Tensor

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
        "The 10 is right for ten classes only: the number of classes is the length of `counts`.":
            lambda counts: _sum_of_logs(counts, 10),
        "The factor for equal fractions is missing: compare with 1 / number of classes.":
            lambda counts: _sum_of_logs(counts, 1),
    },
)

check_transposed_size = Exercise(
    "transposed_size",
    cases=[(1, 4, 1, 0), (4, 4, 2, 1), (7, 3, 2, 1), (5, 5, 3, 2)],
    answer=lambda side, kernel, stride, padding: (side - 1) * stride + kernel - 2 * padding,
    mistakes={
        "The padding cuts pixels off at both borders.":
            lambda side, kernel, stride, padding: (side - 1) * stride + kernel - padding,
        "Padding adds pixels in an ordinary convolution; here it cuts them off.":
            lambda side, kernel, stride, padding: (side - 1) * stride + kernel + 2 * padding,
        "With n input pixels the last patch begins n - 1 strides from the first, not n.":
            lambda side, kernel, stride, padding: side * stride + kernel - 2 * padding,
        "This is the size after an ordinary convolution, which shrinks a picture.":
            lambda side, kernel, stride, padding: (side + 2 * padding - kernel) // stride + 1,
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
