"""Checks of the exercises on classification."""

import torch
from torch.nn import functional as F

from helpers.checks import Exercise

_confusion = (torch.tensor([[8, 2, 0], [1, 5, 4], [0, 3, 7]]), torch.tensor([[3, 1], [0, 0]]))


def _shares(confusion: torch.Tensor) -> torch.Tensor:
    return confusion.diag() / confusion.sum(1)


check_per_class_accuracy = Exercise(
    name="per_class_accuracy",
    cases=[(_confusion[0],), (_confusion[1],)],
    answer=_shares,
    mistakes={
        "You divided by the column sums: that is how often a *prediction* is right (precision). Which sum counts the "
        "true members of a class?": lambda c: c.diag() / c.sum(0),
        "You divided by the number of all examples: then the classes add up to the total accuracy. Divide each class "
        "by its own number of examples.": lambda c: c.diag() / c.sum(),
        "That is the total accuracy, one number for all classes: keep one share for each class.":
            lambda c: c.diag().sum() / c.sum(),
        "A class without examples has no accuracy: it should come out as nan, not as 0.":
            lambda c: _shares(c).nan_to_num(0.0),
        "These are percent: the exercise asks for shares between 0 and 1.": lambda c: 100 * _shares(c),
    },
)

_generator = torch.Generator().manual_seed(3)
_logits, _targets = torch.randn(6, 5, generator=_generator), torch.tensor([0, 1, 2, 3, 4, 1])


def _smoothed(logits: torch.Tensor, targets: torch.Tensor, smoothing: float, spread: float = 0.0) -> torch.Tensor:
    """Cross-entropy with 1 - smoothing on the target and smoothing shared by all classes (spread = 1: the others)."""
    classes = logits.shape[1]
    others = smoothing / (classes - spread)
    wanted = torch.full_like(logits, others).scatter(1, targets[:, None], 1 - smoothing + (1 - spread) * others)
    return -(wanted * logits.log_softmax(1)).sum(1).mean()


check_label_smoothing_loss = Exercise(
    name="label_smoothing_loss",
    cases=[(_logits, _targets, 0.1), (_logits, _targets, 0.0), (3 * _logits, _targets, 0.3)],
    answer=_smoothed,
    mistakes={
        "The smoothing has no effect on your loss.": lambda x, y, s: F.cross_entropy(x, y),
        "You share the smoothing among the *other* classes only. Here, as in PyTorch, every class gets its part, "
        "the target too.": lambda x, y, s: _smoothed(x, y, s, spread=1.0),
        "You summed over the batch: take the mean, so that the loss does not depend on the batch size.":
            lambda x, y, s: len(x) * _smoothed(x, y, s),
        "You took the mean over classes as well: sum over classes, mean over examples.":
            lambda x, y, s: _smoothed(x, y, s) / x.shape[1],
        "The sign is wrong: a loss should fall when the target's probability rises.":
            lambda x, y, s: -_smoothed(x, y, s),
        "Logits went into the sum where logarithms of probabilities belong: apply log_softmax first.":
            lambda x, y, s: -((1 - s) * x.gather(1, y[:, None])[:, 0] + s * x.mean(1)).mean(),
    },
)
