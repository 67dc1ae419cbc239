"""Exercise checks on the alarm of a bearing: threshold for a stated rate, delay of the detection."""

import math

import torch
from torch import Tensor

from . import Exercise

# ---- Threshold -------------------------------------------------------------------------------------------------------
check_alarm_threshold = Exercise(
    "alarm_threshold",
    cases=[(87, 0.68, 1.0), (1, 1.0, 60.0), (24, 0.5, 0.01), (10, 2.0, 5.0)],
    answer=lambda lines, seconds, per_hour: math.log(3600 * lines / (seconds * per_hour)),
    mistakes={
        "The number of lines is missing: each of them can raise a false alarm.":
            lambda lines, seconds, per_hour: math.log(3600 / (seconds * per_hour)),
        "The lines stand on the wrong side: more lines need a higher threshold.":
            lambda lines, seconds, per_hour: math.log(3600 / (seconds * per_hour * lines)),
        "The windows are not counted: there are 3600 / window_seconds of them an hour.":
            lambda lines, seconds, per_hour: math.log(lines / per_hour),
        "The length of a window stands on the wrong side: shorter windows are more of them, so more chances.":
            lambda lines, seconds, per_hour: math.log(3600 * lines * seconds / per_hour),
        "The wanted rate has no effect.": lambda lines, seconds, per_hour: math.log(3600 * lines / seconds),
        "The sign is turned round: this is the logarithm of the probability, the threshold is minus that.":
            lambda lines, seconds, per_hour: -math.log(3600 * lines / (seconds * per_hour)),
        "This is a logarithm to base 10; the law has base e.":
            lambda lines, seconds, per_hour: math.log10(3600 * lines / (seconds * per_hour)),
        "An hour has 3600 seconds.": lambda lines, seconds, per_hour: math.log(60 * lines / (seconds * per_hour)),
    },
)


# ---- Delay -----------------------------------------------------------------------------------------------------------
def _delay(alarm: Tensor, seconds: float, onset: float, shift: int = 1) -> float:
    ends = (torch.arange(len(alarm)) + shift) * seconds
    hits = ends[alarm & (ends > onset)]
    return float(hits[0]) - onset if len(hits) else math.inf


def _first(alarm: Tensor) -> int:
    return int(alarm.int().argmax())


check_detection_delay = Exercise(
    "detection_delay",
    cases=[(torch.tensor([False, True, False, False, True, True]), 0.5, 1.25),
           (torch.tensor([False, False, True, True]), 2.0, 3.0), (torch.tensor([True, True, False]), 1.0, 0.25),
           (torch.tensor([True, False, False, False]), 1.0, 2.5), (torch.tensor([False, False]), 1.0, 0.5)],
    answer=_delay,
    mistakes={
        "An alarm before the onset is a false one and does not count.":
            lambda alarm, seconds, onset: (_first(alarm) + 1) * seconds - onset if alarm.any() else math.inf,
        "This is the time of the alarm; the delay counts from the onset.":
            lambda alarm, seconds, onset: _delay(alarm, seconds, onset) + onset,
        "This counts to the start of the window, when its samples were not there yet; an alarm comes at its end.":
            lambda alarm, seconds, onset: _delay(alarm, seconds, onset) - seconds,
        "These are windows; seconds are wanted.":
            lambda alarm, seconds, onset: _delay(alarm, seconds, onset) / seconds,
        "This is the last alarm; the first after the onset is wanted.":
            lambda alarm, seconds, onset: _delay(alarm.flip(0).cummax(0).values.flip(0) & ~alarm.flip(0).cumsum(0)
                                                 .flip(0).gt(1), seconds, onset),
        "Without an alarm after the onset the delay is infinite, not 0.":
            lambda alarm, seconds, onset: 0.0 if math.isinf(_delay(alarm, seconds, onset))
            else _delay(alarm, seconds, onset),
        "The sign is turned round: the alarm comes after the onset.":
            lambda alarm, seconds, onset: -_delay(alarm, seconds, onset),
    },
)
