"""Exercise checks on language models: bits per character, cutting a text into streams, sampling from the top k."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise

check_bits_per_character = Exercise(
    "bits_per_character",
    cases=[(torch.tensor([0.5, 0.25, 0.5, 0.5]),), (torch.tensor([1.0, 0.125]),), (noise(0, 20).softmax(0),)],
    answer=lambda p: -p.log2().mean(),
    mistakes={
        "These are nats. How many nats is one bit?": lambda p: -p.log().mean(),
        "This is the sum over the text; the mean per character is wanted.": lambda p: -p.log2().sum(),
        "You take the logarithm of the mean probability. The surprise of each character comes first, then the mean.":
            lambda p: -p.mean().log2(),
        "This is the perplexity. Its logarithm to base 2 is what is asked for.": lambda p: 2 ** -p.log2().mean(),
    },
)


def _streams(code: Tensor, count: int, *, length: int | None = None, shift: int = 1) -> tuple[Tensor, Tensor]:
    """Inputs and targets (length, count), the targets `shift` places further on; after the end the text begins anew."""
    length = (len(code) - 1) // count if length is None else length
    inputs, targets = (code.roll(-places)[:length * count].view(count, length).T for places in (0, shift))
    return inputs, targets


check_make_streams = Exercise(
    "make_streams",
    cases=[(torch.arange(13), 3), (torch.arange(21), 4), (torch.arange(100, 111), 2), (torch.arange(12), 3)],
    answer=_streams,
    mistakes={
        "The text runs along the rows of your table, so that a column jumps through the text. Each column must be a "
        "piece of the text that can be read downwards.": lambda code, count: tuple(
            part.T.reshape(part.shape) for part in _streams(code, count)),
        "Your targets are the inputs themselves: the model would learn to repeat.":
            lambda code, count: _streams(code, count, shift=0),
        "Your streams are as long as the text allows without its targets: the last input has none inside the text, "
        "and gets the first character. The length is (N − 1) // count.":
            lambda code, count: _streams(code, count, length=len(code) // count),
    },
)


def _top_k(x: Tensor, k: int, t: float) -> Tensor:
    if t == 0:
        return F.one_hot(x.argmax(), len(x)).float()
    return torch.full_like(x, -torch.inf).scatter(0, x.topk(k).indices, x.topk(k).values / t).softmax(0)


check_top_k_probabilities = Exercise(
    "top_k_probabilities",
    cases=[(noise(0, 6), 3, 1.0), (noise(1, 8), 2, 0.5), (noise(2, 5), 5, 2.0), (noise(3, 7), 4, 0.0)],
    answer=_top_k,
    mistakes={
        "At temperature 0 you divide by zero. Which symbol should be certain then?":
            lambda x, k, t: _top_k(x, k, t) if t else x * torch.nan,
        "The probabilities do not add up to 1: what was cut off must be shared among the rest.":
            lambda x, k, t: (x / t).softmax(0) * (_top_k(x, k, t) > 0) if t else _top_k(x, k, t),
        "Above 0 the temperature has no effect.": lambda x, k, t: _top_k(x, k, 1.0 if t else t),
        "The temperature works the wrong way round: a low one must make the best symbol more certain.":
            lambda x, k, t: _top_k(x, k, 1 / t if t else t),
    },
)
