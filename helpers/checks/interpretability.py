"""Exercise checks on interpretability: integrated gradients, Grad-CAM, rank correlation of maps."""

import torch
from torch import Tensor

from . import Exercise, noise

check_path_attribution = Exercise(
    "path_attribution",
    cases=[(torch.tensor([[[1.0, 0.5]], [[0.0, 0.5]]]), torch.tensor([[2.0, 1.0]]), torch.zeros(1, 2)),
           (noise(0, 5, 3, 4), noise(1, 3, 4), noise(2, 3, 4)), (noise(3, 8, 2, 2), noise(4, 2, 2), noise(5, 2, 2))],
    answer=lambda gradients, x, baseline: (x - baseline) * gradients.mean(0),
    mistakes={
        "The way begins at the baseline, so its length is x minus the baseline, not x.":
            lambda gradients, x, baseline: x * gradients.mean(0),
        "The gradients are summed. The integral over t from 0 to 1 is their mean.":
            lambda gradients, x, baseline: (x - baseline) * gradients.sum(0),
        "This is the mean gradient alone: how far each pixel walks is missing.":
            lambda gradients, x, baseline: gradients.mean(0),
        "Only the last gradient, the one at x, is used: that is gradient times input. The whole way counts.":
            lambda gradients, x, baseline: (x - baseline) * gradients[-1],
    },
)


def _activation(channels: Tensor, gradients: Tensor) -> Tensor:
    return torch.einsum("c,chw->hw", gradients.mean((1, 2)), channels)


check_class_activation = Exercise(
    "class_activation",
    cases=[(torch.tensor([[[4.0, -8], [0, 12]], [[-8.0, 16], [0, -24]]]), torch.tensor([0.25, -0.25]).view(2, 1, 1)
            .expand(2, 2, 2)), (noise(0, 6, 3, 4), noise(1, 6, 3, 4)), (noise(2, 4, 5, 5), noise(3, 4, 5, 5))],
    answer=lambda channels, gradients: _activation(channels, gradients).relu(),
    mistakes={
        "What speaks against the defect is still in the map: cut it off with a ReLU.": _activation,
        "Each place has its own weight here. Grad-CAM gives a channel one weight, the mean of its gradient.":
            lambda channels, gradients: (gradients * channels).sum(0).relu(),
        "The ReLU comes after the sum: channels that speak against the defect must be able to cancel others.":
            lambda channels, gradients: (gradients.mean((1, 2))[:, None, None] * channels).relu().sum(0),
        "The channels are averaged without their weights.":
            lambda channels, gradients: channels.mean(0).relu(),
    },
)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    return torch.corrcoef(torch.stack([a.flatten().double(), b.flatten().double()]))[0, 1]


def _ranks(heat: Tensor) -> Tensor:
    return heat.flatten().argsort().argsort()


check_rank_correlation = Exercise(
    "rank_correlation",
    cases=[(torch.tensor([[1.0, 2], [3, 40]]), torch.tensor([[2.0, 1], [3, 4]])), (noise(0, 6, 7), noise(1, 6, 7)),
           (noise(2, 5, 5), noise(2, 5, 5).exp() + 0.1 * noise(3, 5, 5))],
    answer=lambda a, b: _correlation(_ranks(a), _ranks(b)),
    mistakes={
        "This is the correlation of the values (Pearson's). Rank the pixels first.": _correlation,
        "`argsort` once gives the order of the pixels, not their ranks: sort twice.":
            lambda a, b: _correlation(a.flatten().argsort(), b.flatten().argsort()),
    },
)
