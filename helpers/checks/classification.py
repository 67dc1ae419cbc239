"""Exercise checks on classification: accuracy of each class, label smoothing, batch norm."""

import torch
from torch import Tensor

from . import Exercise, noise

check_per_class_accuracy = Exercise(
    "per_class_accuracy",
    cases=[(torch.tensor([[8, 2, 0], [1, 5, 4], [0, 3, 7]]),), (torch.tensor([[3, 1], [0, 0]]),)],
    answer=lambda confusion: confusion.diag() / confusion.sum(1),
    mistakes={
        "You divided by the column sums: that is how often a *prediction* is right (precision). Which sum counts the "
        "true members of a class?": lambda confusion: confusion.diag() / confusion.sum(0),
        "You divided by the number of all examples: then the classes add up to the total accuracy. Divide each class "
        "by its own number of examples.": lambda confusion: confusion.diag() / confusion.sum(),
        "That is the total accuracy, one number for all classes: keep one fraction for each class.":
            lambda confusion: confusion.diag().sum() / confusion.sum(),
        "A class without examples has no accuracy: it should come out as nan, not as 0.":
            lambda confusion: confusion.diag() / confusion.sum(1).clamp(min=1),
    },
)


def _cross_entropy(logits: Tensor, targets: Tensor, true: float, others: float) -> Tensor:
    """Mean cross-entropy against `true` for the true class and `others` for each other one."""
    wanted = torch.full_like(logits, others).scatter(1, targets[:, None], true)
    return -(wanted * logits.log_softmax(1)).sum(1).mean()


_LOGITS, _TARGETS = noise(3, 6, 5), torch.tensor([0, 1, 2, 3, 4, 1])

check_label_smoothing_loss = Exercise(
    "label_smoothing_loss",
    cases=[(_LOGITS, _TARGETS, 0.1), (_LOGITS, _TARGETS, 0.0), (3 * _LOGITS, _TARGETS, 0.3)],
    answer=lambda x, y, s: _cross_entropy(x, y, 1 - s + s / x.shape[1], s / x.shape[1]),
    mistakes={
        "You spread the smoothing over the *other* classes only. Here, as in PyTorch, every class gets its part, the "
        "true one too.": lambda x, y, s: _cross_entropy(x, y, 1 - s, s / (x.shape[1] - 1)),
        "The true class gets 1 − smoothing and nothing more, so the distribution does not add up to 1: it gets its "
        "smoothing/K in addition.": lambda x, y, s: _cross_entropy(x, y, 1 - s, s / x.shape[1]),
        "Logits went into the sum where logarithms of probabilities belong: apply log_softmax first.":
            lambda x, y, s: -((1 - s) * x.gather(1, y[:, None])[:, 0] + s * x.mean(1)).mean(),
    },
)


def _batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, over: tuple[int, ...] = (0, 2, 3), power: float = 0.5,
                correction: int = 0, epsilon: float = 1e-5) -> Tensor:
    """Standardise over some axes, dividing by the variance to a power; then scale and offset each channel."""
    variance, mean = torch.var_mean(x, over, correction=correction, keepdim=True)
    return gamma.view(1, -1, 1, 1) * (x - mean) / (variance + epsilon) ** power + beta.view(1, -1, 1, 1)


check_batch_norm = Exercise(
    "batch_norm",
    cases=[(noise(0, 4, 3, 2, 2) * 3 + 1, torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.0, 1.0, -1.0])),
           (noise(1, 2, 2, 3, 4), torch.tensor([0.3, 1.5]), torch.tensor([0.2, 0.0])),
           (noise(2, 4, 2, 2, 2) * 0.003, torch.tensor([1.0, 0.7]), torch.tensor([0.0, 0.5]))],
    answer=_batch_norm,
    mistakes={
        "You standardise each picture on its own. The mean and the variance of a channel run over the whole batch.":
            lambda x, g, b: _batch_norm(x, g, b, over=(2, 3)),
        "The 0.00001 under the root is missing: it counts where a channel hardly varies.":
            lambda x, g, b: _batch_norm(x, g, b, epsilon=0),
        "You divide by the variance. Where is its root?": lambda x, g, b: _batch_norm(x, g, b, power=1),
        "Your variance divides by the count minus one; batch norm divides by the count (`correction=0`).":
            lambda x, g, b: _batch_norm(x, g, b, correction=1),
    },
)
