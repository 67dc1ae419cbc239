"""Exercise checks on scarce data: leave-one-out, class weights, examples between neighbours, labels needed."""

import math

import torch
from torch import Tensor

from . import Exercise, noise


def _kernel(seed: int, n: int) -> Tensor:
    return torch.exp(-torch.cdist(x := noise(seed, n, 2), x).square() / 2)


def _inverse(K: Tensor, strength: float | Tensor) -> Tensor:
    return torch.linalg.inv(K + strength * torch.eye(len(K)))


check_leave_one_out = Exercise(
    "leave_one_out",
    cases=[(torch.tensor([[1.0, 0.5], [0.5, 1.0]]), torch.tensor([1.0, -1.0]), 1.0),
           (_kernel(0, 6), noise(1, 6), 0.3)],
    answer=lambda K, target, strength: _inverse(K, strength) @ target / _inverse(K, strength).diagonal(),
    mistakes={
        "These are the weights α: divide each by its element on the diagonal of the inverse.":
            lambda K, target, strength: _inverse(K, strength) @ target,
        "These are the errors on pictures that the machine has learnt from, `t − Kα`; leave each one out.":
            lambda K, target, strength: target - K @ _inverse(K, strength) @ target,
        "Divide by the diagonal of the inverse, not of `K + λI`.":
            lambda K, target, strength: _inverse(K, strength) @ target / (K.diagonal() + strength),
    },
)

check_weighted_ridge = Exercise(
    "weighted_ridge",
    cases=[(_kernel(4, 5), noise(5, 5), 0.5, torch.tensor([1.0, 1.0, 3.0, 1.0, 2.0])),
           (_kernel(6, 4), noise(7, 4), 1.5, torch.tensor([0.5, 4.0, 1.0, 1.0]))],
    answer=lambda K, target, strength, weights: _inverse(K, strength / weights) @ target,
    mistakes={
        "A weight of 3 must make a label count more, so its λ is divided by 3, not multiplied.":
            lambda K, target, strength, weights: _inverse(K, strength * weights) @ target,
        "The weights multiply the targets here: that claims more than one; they belong to λ.":
            lambda K, target, strength, weights: _inverse(K, strength) @ (weights * target),
    },
)

check_between = Exercise(
    "between",
    cases=[(noise(8, 5, 3), torch.tensor([0, 4, 2]), torch.tensor([1, 3, 0]), torch.tensor([0.0, 0.25, 0.9])),
           (noise(9, 4, 2), torch.tensor([3, 1]), torch.tensor([0, 2]), torch.tensor([0.5, 1.0]))],
    answer=lambda x, first, other, step: x[first] + step[:, None] * (x[other] - x[first]),
    mistakes={
        "At step 0 the invented example is the first one, and at step 1 the other.":
            lambda x, first, other, step: x[other] + step[:, None] * (x[first] - x[other]),
        "This leaves the line between the two: add a fraction of the difference, not of the other.":
            lambda x, first, other, step: x[first] + step[:, None] * x[other],
    },
)

check_labels_needed = Exercise(
    "labels_needed",
    cases=[(0.5, 0.25, 0.125), (0.4, 0.2, 0.1), (0.6, 0.3, 0.2), (1.0, 0.5, 0.3)],
    answer=lambda scale, power, error: math.ceil((scale / error) ** (1 / power) - 1e-9),
    mistakes={
        "Solve for n: the quotient is raised to 1 / power, not to the power.":
            lambda scale, power, error: math.ceil((scale / error) ** power - 1e-9),
        "A label cannot be bought by halves: round up.": lambda scale, power, error: (scale / error) ** (1 / power),
    },
    tolerance=1e-9,
)
