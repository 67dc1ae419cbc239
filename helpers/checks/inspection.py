"""Exercise checks on inspection: average precision, cost at a plant's defect rate, parts without a miss."""

import math

import torch
from torch import Tensor

from . import Exercise, noise


def _ranked(scores: Tensor, defective: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the part at each rank is defective, and the precision down to that rank."""
    hits = defective[scores.argsort(descending=True)]
    return hits, hits.cumsum(0) / torch.arange(1, len(hits) + 1)


def _average_precision(scores: Tensor, defective: Tensor) -> Tensor:
    hits, precision = _ranked(scores, defective)
    return precision[hits].mean()


check_average_precision = Exercise(
    "average_precision",
    cases=[(torch.tensor([0.9, 0.8, 0.3, 0.1]), torch.tensor([True, False, True, False])),
           (noise(0, 40), noise(1, 40) > 0.7), (noise(2, 25), noise(2, 25) + noise(3, 25) > 0.5),
           (torch.tensor([0.2, 0.6, 0.4]), torch.tensor([False, True, False]))],
    answer=_average_precision,
    mistakes={
        "The ranks run from the lowest score up: the most suspicious part comes first.":
            lambda scores, defective: _average_precision(-scores, defective),
        "This is the mean precision over all ranks; only the ranks of defective parts count.":
            lambda scores, defective: _ranked(scores, defective)[1].mean(),
        "The sum is divided by the number of all parts; divide by the number of defective ones.":
            lambda scores, defective: _average_precision(scores, defective) * defective.double().mean(),
    },
)


check_cost_per_thousand = Exercise(
    "cost_per_thousand",
    cases=[(0.1, 0.2, 0.03, 50.0, 4.0), (0.0, 0.5, 0.1, 10.0, 1.0), (1.0, 0.0, 0.02, 25.0, 3.0)],
    answer=lambda escape, overkill, rate, miss, scrap: 1000 * (rate * escape * miss + (1 - rate) * overkill * scrap),
    mistakes={
        "Overkill is a fraction of the sound parts, and they are 1 − defect rate of all.":
            lambda escape, overkill, rate, miss, scrap: 1000 * (rate * escape * miss + overkill * scrap),
        "Both fractions are weighed with the defect rate; the sound parts are the others.":
            lambda escape, overkill, rate, miss, scrap: 1000 * rate * (escape * miss + overkill * scrap),
    },
)


def _parts(limit: float, confidence: float) -> float:
    return math.log(1 - confidence) / math.log(1 - limit)


check_parts_without_a_miss = Exercise(
    "parts_without_a_miss",
    cases=[(0.01, 0.95), (0.05, 0.95), (0.01, 0.99), (0.2, 0.9), (0.5, 0.5)],
    answer=lambda limit, confidence: math.ceil(_parts(limit, confidence) - 1e-9),
    mistakes={
        "This is the rule of three, an approximation for 95 %. Take the exact formula.":
            lambda limit, confidence: math.ceil(3 / limit),
        "A part of a part cannot be inspected: round up to a whole number.": _parts,
        "Rounded down, the number is one part short.": lambda limit, confidence: math.floor(_parts(limit, confidence)),
        "Where the formula gives a whole number, this is one part too many: round up, do not add 1.":
            lambda limit, confidence: math.floor(_parts(limit, confidence)) + 1,
    },
    tolerance=1e-9,
)
