"""Exercise checks on networks: the backward pass, a step with momentum, standardising without leaking."""

import torch
from torch import Tensor

from . import Exercise, noise

check_linear_backward = Exercise(
    "linear_backward",
    cases=[(noise(0, b, n), noise(1, m, n), noise(2, b, m)) for b, n, m in ((4, 3, 2), (5, 2, 6), (3, 3, 3))],
    answer=lambda x, w, g: (g @ w, g.T @ x, g.sum(0)),
    mistakes={
        "The gradient for the bias is averaged over the batch. The 1/B of a mean loss is in the given gradient "
        "already; how do the examples' influences on one shared bias combine?":
            lambda x, w, g: (g @ w, g.T @ x, g.mean(0)),
        "Everything is divided by the size of the batch.":
            lambda x, w, g: (g @ w / len(x), g.T @ x / len(x), g.mean(0)),
        "The gradient for the bias still has one row per example. All examples share one bias.":
            lambda x, w, g: (g @ w, g.T @ x, g),
    },
)

check_to_hidden_sums = Exercise(
    "to_hidden_sums",
    cases=[((2 * noise(0, b, m)).round() / 2, noise(1, 1, m), noise(2, b, 1), noise(3, b, 1))  # some sums are 0
           for b, m in ((2, 2), (5, 3), (4, 6))],
    answer=lambda z, w2, output, y: 2 / len(y) * (output - y) @ w2 * (z > 0),
    mistakes={
        "The mask of ReLU is missing: a neuron that was silent takes no blame.":
            lambda z, w2, output, y: 2 / len(y) * (output - y) @ w2,
        "You multiply by the hidden values. ReLU only passes a gradient on, or stops it.":
            lambda z, w2, output, y: 2 / len(y) * (output - y) @ w2 * z.clamp(min=0),
        "The loss is a mean over the batch: where is the 1/B?":
            lambda z, w2, output, y: 2 * (output - y) @ w2 * (z > 0),
        "The sign is turned: the slope of (output - target)² is 2 (output - target).":
            lambda z, w2, output, y: 2 / len(y) * (y - output) @ w2 * (z > 0),
    },
)

check_momentum_step = Exercise(
    "momentum_step",
    cases=[(*(noise(seed, *shape) for seed in (3, 4, 5)), step, momentum)
           for shape, step, momentum in (((2,), 0.1, 0.9), ((2, 3), 0.5, 0.3))],
    answer=lambda w, v, g, step, m: (w - step * (m * v + g), m * v + g),
    mistakes={
        "The weight moves by the old velocity: first make the new velocity, then move by it.":
            lambda w, v, g, step, m: (w - step * v, m * v + g),
        "The gradient is weighted with 1 - momentum: a running mean. Here it is added as it is.":
            lambda w, v, g, step, m: (w - step * (m * v + (1 - m) * g), m * v + (1 - m) * g),
        "The weight goes uphill: the step is taken against the gradient.":
            lambda w, v, g, step, m: (w + step * (m * v + g), m * v + g),
        "The step size is inside your velocity: it belongs to the move of the weight alone.":
            lambda w, v, g, step, m: (w - (m * v + step * g), m * v + step * g),
    },
    new=True,
)


def _standardise(training: Tensor, other: Tensor, source: Tensor | None = None, add: float | None = None) -> tuple:
    """Both tables with mean and standard deviation of `source`; with `add` only deviations of exactly 0 count as 0."""
    source = training if source is None else source
    std = source.std(0) + (add or 0.0)
    constant = source.amax(0) == source.amin(0) if add is None else std == 0
    return tuple((table - source.mean(0)) / torch.where(constant, 1.0, std) for table in (training, other))


check_standardise = Exercise(
    "standardise",
    cases=[(torch.tensor([[0.1, 100.0], [0.2, 200.0], [0.3, 150.0], [0.4, 250.0]]),
            torch.tensor([[0.5, 300.0], [0.6, 220.0], [0.5, 310.0]])),
           (torch.tensor([[1.0, 6.0], [2.0, 6.0], [4.0, 6.0]]), torch.tensor([[3.0, 6.0], [5.0, 8.0]])),
           *((torch.full((rows, 1), value), torch.tensor([[value], [value + 1]]))  # whose std(0) is not quite 0
             for rows, value in ((50, 0.1), (50, 3.3), (10, 0.1), (10, 0.7), (10, 3.3)))],
    answer=_standardise,
    mistakes={
        "The other table is standardised with its own mean and standard deviation. In use the model may meet a single "
        "workpiece: whose numbers are known by then?":
            lambda a, b: (_standardise(a, b)[0], _standardise(a, b, source=b)[1]),
        "Mean and standard deviation come from both tables together: that leaks the future into the training.":
            lambda a, b: _standardise(a, b, source=torch.cat([a, b])),
        "A test for `std == 0` misses constant columns: a float32 mean of fifty times 0.1 is not quite 0.1, and the "
        "standard deviation comes out as 7.5e-9. Compare the largest value of the column with the smallest.":
            lambda a, b: _standardise(a, b, add=0.0),
        "A tiny number is added to the standard deviation: a column that was constant in training explodes when it "
        "changes later. Divide by 1 where the column is constant.": lambda a, b: _standardise(a, b, add=1e-8),
    },
)
