"""Exercise checks on judging a decision (false alarms and misses) and on tensors (broadcasting, reductions)."""

import torch
from torch import Tensor

from . import Exercise, noise


def _counts(scratched: Tensor, stopped: Tensor) -> tuple[float, float]:
    """Numbers of false alarms and of misses."""
    return (~scratched & stopped).sum().item(), (scratched & ~stopped).sum().item()


def _over(scratched: Tensor, stopped: Tensor, first: Tensor, second: Tensor) -> tuple[float, float]:
    """False alarms divided by the number of True in `first`, misses by that in `second`."""
    alarms, misses = _counts(scratched, stopped)
    return alarms / first.sum().item(), misses / second.sum().item()


def _line(scratched: int, clean: int, misses: int, alarms: int) -> tuple[Tensor, Tensor]:
    """A mixed-up row of workpieces with these numbers of errors: truth and decision, both bool (N,)."""
    truth = torch.arange(scratched + clean) < scratched
    stopped = truth.clone()
    stopped[:misses], stopped[scratched:scratched + alarms] = False, True
    order = torch.randperm(len(truth), generator=torch.Generator().manual_seed(len(truth)))
    return truth[order], stopped[order]


check_error_rates = Exercise(
    "error_rates",
    cases=[_line(4, 8, 1, 1), _line(10, 90, 3, 9), _line(12, 5, 6, 2)],
    answer=lambda s, d: _over(s, d, ~s, s),
    mistakes={
        "You divide by all workpieces. A false alarm can only happen to a clean one: how many of those are there?":
            lambda s, d: _over(s, d, s | ~s, s | ~s),
        "The two denominators have changed places: false alarms happen to clean workpieces, misses to scratched ones.":
            lambda s, d: _over(s, d, s, ~s),
        "Your first rate is the fraction of the stopped workpieces that are clean. The false alarm rate asks the other "
        "way round: what fraction of the clean ones is stopped?": lambda s, d: _over(s, d, d, s),
        "These are counts of errors. A rate is a fraction: of which workpieces?": _counts,
    },
)

check_from_shaft_mean = Exercise(
    "from_shaft_mean",
    cases=[(noise(0, 3, 3),), (noise(1, 3, 4),), (noise(2, 5, 2),)],
    answer=lambda table: table - table.mean(1, keepdim=True),
    mistakes={
        "These are the deviations from the mean of each place. Which axis should the mean make disappear?":
            lambda table: table - table.mean(0),
        "These are the deviations from one mean of the whole table. Each shaft has its own.":
            lambda table: table - table.mean(),
    },
)

check_shafts_over = Exercise(
    "shafts_over",
    cases=[(torch.tensor([1.7, 1.1, 2.1, 1.6]), torch.tensor([1.0, 1.6, 2.0])), (noise(3, 9).abs(), noise(4, 4).abs())],
    answer=lambda largest, limits: (largest[:, None] > limits).sum(0),
    mistakes={
        "A shaft exactly at the limit counts with you; only those above it should.":
            lambda largest, limits: (largest[:, None] >= limits).sum(0),
        "You count for each shaft the limits that it breaks. Reduce over the other axis.":
            lambda largest, limits: (largest[:, None] > limits).sum(1),
        "This is the fraction of shafts above each limit. A number is asked for: sum in place of mean.":
            lambda largest, limits: (largest[:, None] > limits).double().mean(0),
    },
)
