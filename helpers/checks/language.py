"""Exercise checks on language models: Kneser-Ney's one line, cutting a text into streams, dropout."""

import torch
from torch import Tensor

from . import Exercise, noise


def _kneser_ney(n: Tensor, D: Tensor, p: Tensor, *, zero: int | None = None, one: bool = False,
                rest: float = 1) -> Tensor:
    """The formula; `zero`: which discount counts of 0 add to S(h), too; `one`: every count gives up the first."""
    taken = torch.where(n > 0, D[(n.long().clamp(1, 3) - 1) * (not one)], 0 if zero is None else D[zero])
    return ((n - taken).clamp(min=0) + rest * taken.sum() * p) / n.sum()


_COUNTS, _D = torch.tensor([3.0, 0.0, 1.0, 2.0, 0.0, 7.0]), torch.tensor([0.85, 1.2, 1.4])

check_kneser_ney = Exercise(
    "kneser_ney",
    cases=[(_COUNTS, _D, noise(0, 6).softmax(0)), (_COUNTS[:3], _D, torch.tensor([0.25, 0.5, 0.25])),
           (torch.tensor([0.0, 2.0, 0.0, 0.0]), _D - 0.1, torch.full((4,), 0.25))],
    answer=_kneser_ney,
    mistakes={
        "What was saved is not handed on: your probabilities add up to less than 1. Where is S(h) p(c | h')?":
            lambda n, D, p: _kneser_ney(n, D, p, rest=0),
        "Every count gives up the first discount: a count of 2 gives up the second, of 3 and more the third.":
            lambda n, D, p: _kneser_ney(n, D, p, one=True),
        "A character that never came has nothing to give, but your S(h) takes a discount from it, too.":
            lambda n, D, p: _kneser_ney(n, D, p, zero=0),
        "Your S(h) takes a discount from characters that never came: 0 − 1 is −1, an index that means the last one.":
            lambda n, D, p: _kneser_ney(n, D, p, zero=-1),
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

check_drop_out = Exercise(
    "drop_out",
    cases=[(noise(0, 4, 3), torch.rand(4, 3, generator=torch.Generator().manual_seed(1)), 0.5),
           (noise(2, 7), torch.linspace(0, 0.99, 7), 0.3), (noise(3, 5), torch.linspace(0.1, 0.9, 5), 0.0)],
    answer=lambda x, u, p: x * (u >= p) / (1 - p),
    mistakes={
        "What is kept must be divided by 1 − p; else the mean falls, and the network meets larger states after "
        "training than in it.": lambda x, u, p: x * (u >= p),
        "You keep what should be dropped: a draw below p means zero.": lambda x, u, p: x * (u < p) / (1 - p),
        "You divide by p, the fraction that is dropped.": lambda x, u, p: x * (u >= p) / p,
    },
)
