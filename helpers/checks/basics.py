"""Exercise checks on judging a decision: false alarms and misses."""

import torch
from torch import Tensor

from . import Exercise


def _counts(scratched: Tensor, stopped: Tensor) -> tuple[float, float]:
    """Numbers of false alarms and of misses."""
    return (~scratched & stopped).sum().item(), (scratched & ~stopped).sum().item()


def _rates(scratched: Tensor, stopped: Tensor) -> tuple[float, float]:
    alarms, misses = _counts(scratched, stopped)
    return alarms / (~scratched).sum().item(), misses / scratched.sum().item()


def _line(scratched: int, clean: int, misses: int, alarms: int) -> tuple[Tensor, Tensor]:
    """A mixed-up row of parts with these numbers of errors: truth and decision, both bool (N,)."""
    truth = torch.arange(scratched + clean) < scratched
    stopped = truth.clone()
    stopped[:misses], stopped[scratched:scratched + alarms] = False, True
    order = torch.randperm(len(truth), generator=torch.Generator().manual_seed(len(truth)))
    return truth[order], stopped[order]


check_error_rates = Exercise(
    "error_rates",
    cases=[_line(4, 8, 1, 1), _line(10, 90, 3, 9), _line(12, 5, 6, 2)],
    answer=_rates,
    mistakes={
        "Both rates are right, but in the other order: the false alarm rate comes first.":
            lambda s, d: _rates(s, d)[::-1],
        "You divide by all parts. A false alarm can only happen to a clean part: how many of those are there?":
            lambda s, d: tuple(count / len(s) for count in _counts(s, d)),
        "These are counts of errors. A rate is a share: of which parts?": _counts,
        "Your first rate is the share of the stopped parts that are clean. The false alarm rate asks the other way "
        "round: what share of the clean parts is stopped?":
            lambda s, d: (_counts(s, d)[0] / d.sum().item(), _rates(s, d)[1]),
        "You divide false alarms by the stopped parts and misses by the passed parts. The rates are shares of the "
        "clean and of the scratched parts.":
            lambda s, d: (_counts(s, d)[0] / d.sum().item(), _counts(s, d)[1] / (~d).sum().item()),
        "Your second rate is the share of scratched parts that was found. The miss rate counts those that passed.":
            lambda s, d: (_rates(s, d)[0], 1 - _rates(s, d)[1]),
        "These are the shares that were decided rightly; the errors are wanted.":
            lambda s, d: tuple(1 - rate for rate in _rates(s, d)),
        "Truth and decision have changed places: a false alarm is a clean part that is stopped, not a stopped part "
        "that is clean.":
            lambda s, d: _rates(d, s),
    })
