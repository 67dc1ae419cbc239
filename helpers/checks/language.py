"""Exercise checks on language models: bits per character, cutting a text into streams, sampling from the top k."""

import math

import torch
from torch import Tensor

from . import Exercise, noise

# ---- Bits per character ----------------------------------------------------------------------------------------------
check_bits_per_character = Exercise(
    "bits_per_character",
    cases=[(torch.tensor([0.5, 0.25, 0.5, 0.5]),), (torch.tensor([1.0, 0.125]),), (noise(0, 20).softmax(0),)],
    answer=lambda p: -p.log2().mean(),
    mistakes={
        "These are nats. How many nats is one bit?": lambda p: -p.log().mean(),
        "This is the sum over the text; the mean per character is wanted.": lambda p: -p.log2().sum(),
        "The sign is missing: a probability below 1 has a negative logarithm, and surprise is positive.":
            lambda p: p.log2().mean(),
        "You take the logarithm of the mean probability. The surprise of each character comes first, then the mean.":
            lambda p: -p.mean().log2(),
        "This is the perplexity. Its logarithm to base 2 is what is asked for.": lambda p: 2 ** -p.log2().mean(),
        "The change from nats to bits is the wrong way round.": lambda p: -p.log().mean() * math.log(2),
    },
)


# ---- Streams ---------------------------------------------------------------------------------------------------------
def _cut(code: Tensor, count: int, *, target: int = 1) -> tuple[Tensor, Tensor]:
    length = (len(code) - 1) // count
    inputs, targets = (code[shift:shift + length * count].view(count, length).T for shift in (0, target))
    return inputs, targets


def _interleaved(code: Tensor, count: int) -> tuple[Tensor, Tensor]:
    length = (len(code) - 1) // count
    return code[:length * count].view(length, count), code[1:length * count + 1].view(length, count)


check_make_streams = Exercise(
    "make_streams",
    cases=[(torch.arange(13), 3), (torch.arange(21), 4), (torch.arange(100, 111), 2)],
    answer=_cut,
    mistakes={
        "The streams lie in the rows. Time comes first here: one stream a column.":
            lambda code, count: tuple(part.T for part in _cut(code, count)),
        "The text runs along the rows of your table, so that a column jumps through the text. Each column must be a "
        "piece of the text that can be read downwards.": _interleaved,
        "Your targets are the inputs themselves: the model would learn to repeat.":
            lambda code, count: _cut(code, count, target=0),
        "Inputs and targets are the wrong way round.": lambda code, count: _cut(code, count)[::-1],
    },
)


# ---- Sampling --------------------------------------------------------------------------------------------------------
def _top_k(logits: Tensor, k: int, temperature: float) -> Tensor:
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits)).float()
    kept = torch.full_like(logits, -math.inf)
    best = logits.topk(k).indices
    kept[best] = logits[best] / temperature
    return kept.softmax(0)


def _masked(logits: Tensor, k: int, temperature: float) -> Tensor:
    probabilities = (logits / temperature).softmax(0)
    return torch.where(probabilities >= probabilities.topk(k).values[-1], probabilities, 0.0)


check_top_k_probabilities = Exercise(
    "top_k_probabilities",
    cases=[(noise(0, 6), 3, 1.0), (noise(1, 8), 2, 0.5), (noise(2, 5), 5, 2.0), (noise(3, 7), 4, 0.0)],
    answer=_top_k,
    mistakes={
        "At temperature 0 you divide by zero. Which symbol should be certain then?": lambda x, k, t:
            _top_k(x, k, t) if t else x / 0 * 0,
        "The probabilities do not add up to 1: what was cut off must be shared among the rest.": lambda x, k, t:
            _masked(x, k, t) if t else _top_k(x, k, t),
        "The temperature has no effect.": lambda x, k, t: _top_k(x, k, 1.0 if t else t),
        "The temperature works the wrong way round: a low one must make the best symbol more certain.":
            lambda x, k, t: _top_k(x, k, 1 / t if t else t),
        "The argument k has no effect.": lambda x, k, t: _top_k(x, len(x), t),
        "You keep the k least likely symbols.": lambda x, k, t: _top_k(-x, k, -t) if t else _top_k(x, k, t),
    },
)
