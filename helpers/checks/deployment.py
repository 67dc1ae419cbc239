"""Exercise checks on deployment: rounding to eight bits, workpieces that are judged too late, the length of a queue."""

import torch
from torch import Tensor

from . import Exercise, noise


def _quantize(x: Tensor, scale: float, zero: int, clip: bool = True) -> Tensor:
    steps = (x / scale).round() + zero
    return scale * ((steps.clamp(0, 255) if clip else steps) - zero)


check_quantize = Exercise(
    "quantize",
    cases=[(torch.tensor([0.5, 0.26, -0.3, 9.0]), 0.1, 4), (noise(0, 4, 5), 0.01, 128), (noise(1, 30), 0.05, 10)],
    answer=_quantize,
    mistakes={
        "Eight bits hold 0 to 255: what lies outside is clipped.":
            lambda x, scale, zero: _quantize(x, scale, zero, clip=False),
        "This cuts off in place of rounding.":
            lambda x, scale, zero: scale * (((x / scale).floor() + zero).clamp(0, 255) - zero),
        "These are the integers. What they stand for is asked: take off the zero point, then times the scale.":
            lambda x, scale, zero: ((x / scale).round() + zero).clamp(0, 255),
        "The zero point is an integer of its own: add it after the division.":
            lambda x, scale, zero: scale * (((x + zero) / scale).round().clamp(0, 255) - zero),
    },
)


def _late(seconds: Tensor, pace: float, deadline: float, waits: bool = True) -> float:
    end, late = 0.0, 0
    for number, work in enumerate(seconds.tolist()):
        arrival = number * pace
        start = max(arrival, end) if waits else arrival
        end = start + work
        late += end - arrival > deadline
    return late / len(seconds)


_WORK = [0.2 + noise(seed, 40).abs() for seed in range(3)]
check_late_fraction = Exercise(
    "late_fraction",
    cases=[(torch.tensor([3.0, 9, 3, 3, 3]), 5.0, 8.0), *[(work, 1.0, limit) for work, limit in
                                                         zip(_WORK, (1.5, 1.2, 2.0), strict=True)]],
    answer=_late,
    mistakes={
        "A workpiece waits until the one before it is done, and its clock starts at the arrival.":
            lambda seconds, pace, deadline: _late(seconds, pace, deadline, waits=False),
        "This is how many are late; the fraction of all is asked for.":
            lambda seconds, pace, deadline: _late(seconds, pace, deadline) * len(seconds),
        "This is the fraction that is in time.":
            lambda seconds, pace, deadline: 1 - _late(seconds, pace, deadline),
    },
)


check_queue_length = Exercise(
    "queue_length",
    cases=[(0.004, 0.1), (0.03, 0.1), (0.007, 0.05), (0.02, 0.019)],
    answer=lambda seconds, deadline: max(0, int(deadline / seconds)),
    mistakes={
        "Nobody is judged in part: round down.": lambda seconds, deadline: deadline / seconds,
        "The workpiece itself has to be judged in time, too, and counts among those in memory.":
            lambda seconds, deadline: int(deadline / seconds) + 1,
    },
)
