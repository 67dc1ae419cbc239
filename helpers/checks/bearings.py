"""Exercise checks on the alarm of a bearing: threshold for a stated rate, delay of the detection."""

import math

import torch
from torch import Tensor

from . import Exercise

check_alarm_threshold = Exercise(  # rare alarms, so that the law for "any of the lines" and the sum over them agree
    "alarm_threshold",
    cases=[(87, 0.68, 1.0), (1, 1.0, 60.0), (24, 0.5, 0.01), (10, 2.0, 0.25)],
    answer=lambda lines, seconds, per_hour: math.log(3600 * lines / (seconds * per_hour)),
    mistakes={
        "The number of lines is missing: each of them can raise a false alarm.":
            lambda lines, seconds, per_hour: math.log(3600 / (seconds * per_hour)),
        "The windows are not counted: there are 3600 / window_seconds of them an hour.":
            lambda lines, seconds, per_hour: math.log(lines / per_hour),
        "An hour has 3600 seconds.": lambda lines, seconds, per_hour: math.log(60 * lines / (seconds * per_hour)),
        "This is 1 over the probability that one line may have. Which t makes exp(-t) that small?":
            lambda lines, seconds, per_hour: 3600 * lines / (seconds * per_hour),
    },
)


def _delay(alarm: Tensor, seconds: float, onset: float, after: float | None = None) -> float:
    """Seconds from the onset to the end of the first window with an alarm that ends after `after`, or the onset."""
    ends = (torch.arange(len(alarm)) + 1) * seconds
    hits = ends[alarm & (ends > (onset if after is None else after))]
    return float(hits[0]) - onset if len(hits) else math.inf


def _zero_for_never(alarm: Tensor, seconds: float, onset: float) -> float:
    delay = _delay(alarm, seconds, onset)
    return 0.0 if math.isinf(delay) else delay


check_detection_delay = Exercise(  # in the second case a window with an alarm ends exactly at the onset
    "detection_delay",
    cases=[(torch.tensor([False, True, False, False, True, True]), 0.5, 1.25),
           (torch.tensor([False, True, True, True]), 2.0, 4.0), (torch.tensor([True, True, False]), 1.0, 0.25),
           (torch.tensor([True, False, False, False]), 1.0, 2.5), (torch.tensor([False, False]), 1.0, 0.5)],
    answer=_delay,
    mistakes={
        "An alarm before the onset is a false one and does not count.":
            lambda alarm, seconds, onset: _delay(alarm, seconds, onset, after=0),
        "A window that ends exactly at the onset holds nothing of the fault: it has to end *after* the onset.":
            lambda alarm, seconds, onset: _delay(alarm, seconds, onset, after=onset - 1e-6),
        "This counts to the start of the window, when its samples were not there yet; an alarm comes at its end.":
            lambda alarm, seconds, onset: _delay(alarm, seconds, onset) - seconds,
        "Without an alarm after the onset the delay is infinite, not 0.": _zero_for_never,
    },
)
