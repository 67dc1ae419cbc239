"""Exercise checks on data quality: Cohen's kappa, a CUSUM chart, a yardstick that errs, looks that correct it."""

import torch
from torch import Tensor

from . import Exercise, noise


def _labels(seed: int, count: int, most: int) -> Tensor:
    return torch.randint(most, (count,), generator=torch.Generator().manual_seed(seed))


def _kappa(one: Tensor, two: Tensor, even: bool = False) -> Tensor:
    most = int(max(one.max(), two.max())) + 1
    first, second = (torch.bincount(x, minlength=most).double() / len(x) for x in (one, two))
    chance = torch.tensor(1 / most) if even else first @ second
    return ((one == two).double().mean() - chance) / (1 - chance)


check_cohen_kappa = Exercise(
    "cohen_kappa",
    cases=[(torch.tensor([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]), torch.tensor([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
           (_labels(0, 60, 4), _labels(1, 60, 3)), (_labels(2, 50, 3), (_labels(2, 50, 3) + (noise(3, 50) > 1)) % 3)],
    answer=_kappa,
    mistakes={
        "This is the agreement alone; take away what chance would give, above and below.":
            lambda one, two: (one == two).double().mean(),
        "Agreement by chance is not 1 over the number of classes: each person has frequencies of their own.":
            lambda one, two: _kappa(one, two, even=True),
        "The numerator is right; divide by 1 minus the agreement by chance.":
            lambda one, two: _kappa(one, two) * (1 - (one == two).double().mean()) / (1 - _kappa(one, two)),
    },
)


def _cusum(z: Tensor, k: float, sides: tuple[int, ...] = (1, -1), least: float = 0.0) -> Tensor:
    found = []
    for sign in sides:
        sums = [0.0]
        for value in z.tolist():
            sums.append(max(least, sums[-1] + sign * value - k))
        found.append(sums[1:])
    return torch.tensor(found, dtype=torch.float64).amax(0)


check_cusum = Exercise(
    "cusum",
    cases=[(torch.tensor([0.5, 2.0, 3.0, -1.0]), 1.0), (noise(0, 40), 0.5), (torch.tensor([-1.0, -2, -2, 4]), 0.5)],
    answer=_cusum,
    mistakes={
        "Only the upward sum is there; a reading that falls is a fault, too.": lambda z, k: _cusum(z, k, sides=(1,)),
        "A sum must not fall below 0: else good hours pay for bad ones in advance.":
            lambda z, k: _cusum(z, k, least=-torch.inf),
        "The allowance k is left out: then noise alone is saved up.": lambda z, k: _cusum(z, 0.0),
    },
)

check_true_accuracy = Exercise(
    "true_accuracy",
    cases=[(0.44, 0.4, 10), (0.6, 0.2, 2), (0.632, 0.09, 10), (0.9, 0.05, 3)],
    answer=lambda measured, wrong, classes: (measured - wrong / (classes - 1)) / (1 - wrong - wrong / (classes - 1)),
    mistakes={
        "A wrong answer may meet a wrong label: take that agreement by luck into account.":
            lambda measured, wrong, classes: measured / (1 - wrong),
        "A wrong label is one of classes − 1 others, not of all classes.":
            lambda measured, wrong, classes: (measured - wrong / classes) / (1 - wrong - wrong / classes),
        "Adding the fraction of wrong labels is too much: the model errs on some of these pictures anyway.":
            lambda measured, wrong, classes: measured + wrong,
    },
)
