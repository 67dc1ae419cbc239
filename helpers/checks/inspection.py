"""Exercise checks on inspection: average precision, cost at a plant's defect rate, parts without a miss."""

import math

import torch
from torch import Tensor

from . import Exercise, noise


# ---- Average precision -----------------------------------------------------------------------------------------------
def _ranked(scores: Tensor, defective: Tensor, descending: bool = True) -> tuple[Tensor, Tensor]:
    """Whether the part at each rank is defective, as 0 or 1, and the precision down to that rank."""
    hits = defective[scores.argsort(descending=descending)].double()
    return hits, hits.cumsum(0) / torch.arange(1, len(hits) + 1)


def _average_precision(scores: Tensor, defective: Tensor) -> Tensor:
    hits, precision = _ranked(scores, defective)
    return (precision * hits).sum() / hits.sum()


def _wrong_order(scores: Tensor, defective: Tensor) -> Tensor:
    hits, precision = _ranked(scores, defective, descending=False)
    return (precision * hits).sum() / hits.sum()


check_average_precision = Exercise(
    "average_precision",
    cases=[(torch.tensor([0.9, 0.8, 0.3, 0.1]), torch.tensor([True, False, True, False])),
           (noise(0, 40), noise(1, 40) > 0.7), (noise(2, 25), noise(2, 25) + noise(3, 25) > 0.5),
           (torch.tensor([0.2, 0.6, 0.4]), torch.tensor([False, True, False]))],
    answer=_average_precision,
    mistakes={
        "The ranks run from the lowest score up: the most suspicious part comes first.": _wrong_order,
        "This is the mean precision over all ranks; only the ranks of defective parts count.":
            lambda scores, defective: _ranked(scores, defective)[1].mean(),
        "The sum is divided by the number of all parts; divide by the number of defective ones.":
            lambda scores, defective: (_ranked(scores, defective)[0] * _ranked(scores, defective)[1]).mean(),
        "This is the precision over all parts, which is the share of defective ones.":
            lambda scores, defective: defective.double().mean(),
        "The parts are not ranked: sort them by their score first.":
            lambda scores, defective: _average_precision(-torch.arange(len(scores)).float(), defective),
        "This is the mean recall at the defective parts' ranks; the precision is wanted.":
            lambda scores, defective: (_ranked(scores, defective)[0].cumsum(0) * _ranked(scores, defective)[0]).sum()
            / _ranked(scores, defective)[0].sum() ** 2,
    },
)


# ---- Cost at the plant's defect rate ---------------------------------------------------------------------------------
def _cost(escape: float, overkill: float, defect_rate: float, miss_cost: float, scrap_cost: float) -> float:
    return 1000 * (defect_rate * escape * miss_cost + (1 - defect_rate) * overkill * scrap_cost)


check_cost_per_thousand = Exercise(
    "cost_per_thousand",
    cases=[(0.1, 0.2, 0.03, 50.0, 4.0), (0.0, 0.5, 0.1, 10.0, 1.0), (1.0, 0.0, 0.02, 25.0, 3.0),
           (0.3, 0.3, 0.5, 8.0, 2.0)],
    answer=_cost,
    mistakes={
        "This is the cost of one part; that of a thousand is wanted.": lambda *case: _cost(*case) / 1000,
        "The defect rate is missing: a share of the defective parts escapes, not of all parts.":
            lambda escape, overkill, rate, miss, scrap: 1000 * (escape * miss + overkill * scrap),
        "Overkill is a share of the sound parts, and they are 1 − defect rate of all.":
            lambda escape, overkill, rate, miss, scrap: 1000 * (rate * escape * miss + overkill * scrap),
        "Both shares are weighed with the defect rate; the sound parts are the others.":
            lambda escape, overkill, rate, miss, scrap: 1000 * rate * (escape * miss + overkill * scrap),
        "The prices are the wrong way round: an escape costs the miss, overkill the scrap.":
            lambda escape, overkill, rate, miss, scrap: _cost(escape, overkill, rate, scrap, miss),
        "The defect rate stands at the sound parts.":
            lambda escape, overkill, rate, miss, scrap: _cost(escape, overkill, 1 - rate, miss, scrap),
        "The caught parts are counted: those that escape cost the miss.":
            lambda escape, overkill, rate, miss, scrap: _cost(1 - escape, overkill, rate, miss, scrap),
    },
)


# ---- Parts without a miss --------------------------------------------------------------------------------------------
check_parts_without_a_miss = Exercise(
    "parts_without_a_miss",
    cases=[(0.01, 0.95), (0.05, 0.95), (0.01, 0.99), (0.2, 0.9), (0.5, 0.5)],
    answer=lambda limit, confidence: math.ceil(math.log(1 - confidence) / math.log(1 - limit) - 1e-9),
    mistakes={
        "This is the rule of three, an approximation for 95 %. Take the exact formula.":
            lambda limit, confidence: math.ceil(3 / limit),
        "Confidence and risk are mixed up: the chance of no miss must fall to 1 − confidence.":
            lambda limit, confidence: math.ceil(math.log(confidence) / math.log(1 - limit)),
        "A part of a part cannot be inspected: round up to a whole number.":
            lambda limit, confidence: math.log(1 - confidence) / math.log(1 - limit),
        "Rounded down, the number is one part short.":
            lambda limit, confidence: math.floor(math.log(1 - confidence) / math.log(1 - limit)),
        "The chance that one part is no miss is 1 − limit.":
            lambda limit, confidence: math.ceil(math.log(1 - confidence) / math.log(limit)),
        "The confidence has no effect on your number.":
            lambda limit, confidence: math.ceil(math.log(0.05) / math.log(1 - limit)),
    },
    tolerance=1e-9,
)
