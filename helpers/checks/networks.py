"""Exercise checks on fully connected networks: the backward pass of a layer, standardising without leaking."""

import torch
from torch import Tensor

from . import Exercise


# ---- Backward pass of a layer ------------------------------------------------------------------------------------
def _linear_backward(inputs: Tensor, weight: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return gradient @ weight, gradient.T @ inputs, gradient.sum(0)


def _layer_case(batch: int, inputs: int, outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(batch)
    shapes = (batch, inputs), (outputs, inputs), (batch, outputs)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


check_linear_backward = Exercise(
    "linear_backward",
    cases=[_layer_case(4, 3, 2), _layer_case(5, 2, 6), _layer_case(3, 3, 3)],
    answer=_linear_backward,
    mistakes={
        "The gradient for the weight is transposed. Which shape does the weight itself have?":
            lambda x, w, g: (g @ w, x.T @ g, g.sum(0)),
        "The gradient for the bias is averaged over the batch. The 1/B of a mean loss is in the given gradient "
        "already; how do the examples' influences on one shared bias combine?":
            lambda x, w, g: (g @ w, g.T @ x, g.mean(0)),
        "The gradients for weight and bias are averaged over the batch. The 1/B of a mean loss is in the given "
        "gradient already.":
            lambda x, w, g: (g @ w, g.T @ x / len(x), g.mean(0)),
        "The gradient for the bias still has one row an example. All examples share one bias.":
            lambda x, w, g: (g @ w, g.T @ x, g),
        "The gradient for the bias is summed over the neurons, not over the examples. Along which dimension lie the "
        "examples?":
            lambda x, w, g: (g @ w, g.T @ x, g.sum(1)),
        "The three gradients are right, but in another order: inputs, weight, bias is wanted.":
            lambda x, w, g: (g.T @ x, g.sum(0), g @ w),
        "The gradient for the inputs is transposed: one example a row is wanted.":
            lambda x, w, g: ((g @ w).T, g.T @ x, g.sum(0)),
    })


# ---- Standardising ---------------------------------------------------------------------------------------------------
def _scaled(part: Tensor, centre: Tensor, spread: Tensor) -> Tensor:
    return (part - centre) / torch.where(spread == 0, 1.0, spread)


def _standardise(training: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    return tuple(_scaled(part, training.mean(0), training.std(0)) for part in (training, other))


def _jointly(training: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    everything = torch.cat([training, other])
    return tuple(_scaled(part, everything.mean(0), everything.std(0)) for part in (training, other))


_ordinary = (torch.tensor([[0.1, 100.0], [0.2, 200.0], [0.3, 150.0], [0.4, 250.0]]),
             torch.tensor([[0.5, 300.0], [0.6, 220.0], [0.5, 310.0]]))
_constant = (torch.tensor([[1.0, 6.0], [2.0, 6.0], [4.0, 6.0]]), torch.tensor([[3.0, 6.0], [5.0, 8.0]]))

check_standardise = Exercise(
    "standardise",
    cases=[_ordinary, _constant],
    answer=_standardise,
    mistakes={
        "The other part is standardised with its own mean and deviation. In use the model may meet a single part: "
        "whose numbers are known by then?":
            lambda a, b: tuple(_scaled(part, part.mean(0), part.std(0)) for part in (a, b)),
        "Mean and deviation come from both parts together: that leaks the future into the training.": _jointly,
        "There is one mean and one deviation for the whole table. Each column has its own unit.":
            lambda a, b: tuple(_scaled(part, a.mean(), a.std()) for part in (a, b)),
        "You divide by the variance. Which of the two has the unit of the column?":
            lambda a, b: tuple(_scaled(part, a.mean(0), a.var(0)) for part in (a, b)),
        "A tiny number is added to the deviation: a column that was constant in training explodes when it changes "
        "later. Divide by 1 where the deviation is 0.":
            lambda a, b: tuple((part - a.mean(0)) / (a.std(0) + 1e-8) for part in (a, b)),
        "The deviation is taken with a division by N; use `tensor.std(0)`, which divides by N − 1.":
            lambda a, b: tuple(_scaled(part, a.mean(0), a.std(0, correction=0)) for part in (a, b)),
    })
