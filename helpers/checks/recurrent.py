"""Exercise checks on recurrent networks: the step over time, clipping by norm, the last state of padded sequences."""

import torch
from torch import Tensor

from . import Exercise, noise


def _states(x: Tensor, h0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor, last: int = -1, end=torch.tanh) -> Tensor:
    """h_0 … h_T, each from the last state (from h_0 with last=0), with `end` at the end of the step."""
    states = [h0]
    for x_t in x:
        states.append(end(x_t @ W_xh.T + states[last] @ W_hh.T + b))
    return torch.stack(states)


check_rnn_forward = Exercise(
    "rnn_forward",
    cases=[(noise(0, 6, 3), noise(1, 4), noise(2, 4, 3), noise(3, 4, 4), noise(4, 4)),
           (noise(10, 5, 3, 2), noise(11, 3, 4), noise(12, 4, 2), noise(13, 4, 4), noise(14, 4))],
    answer=lambda *case: _states(*case)[1:],
    mistakes={
        "Every step starts from h0: the new state is not carried to the next step.":
            lambda *case: _states(*case, last=0)[1:],
        "The tanh is missing.": lambda *case: _states(*case, end=torch.clone)[1:],
        "Your result begins with h0. The states after each input are wanted, T of them.": _states,
        "Your states stand one step too early: the first one is h0, and the last one is missing.":
            lambda *case: _states(*case)[:-1],
    },
)


def _clipped(gradients: list[Tensor], limit: float, power: float = 1, most: float = 1) -> list[Tensor]:
    """The gradients times limit / norm ** power, a factor of at most `most`."""
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient * (limit / norm ** power).clamp(max=most) for gradient in gradients]


check_clip_by_norm = Exercise(
    "clip_by_norm",
    cases=[([torch.tensor([3.0, 0.0]), torch.tensor([[0.0, 4.0]])], 1.0),
           ([torch.tensor([0.3, 0.0]), torch.tensor([[0.0, 0.4]])], 1.0), ([noise(0, 3, 2), noise(1, 5)], 0.5)],
    answer=_clipped,
    mistakes={
        "Each tensor is clipped by its own norm, so the direction of the whole changes. Which norm has the long "
        "vector of all gradients?": lambda gradients, limit: [_clipped([g], limit)[0] for g in gradients],
        "Short gradients are stretched to the limit. What should happen to a gradient that is within it?":
            lambda gradients, limit: _clipped(gradients, limit, most=torch.inf),
        "The single entries are cut off at ±limit. That is clipping by value: it changes the direction.":
            lambda gradients, limit: [g.clamp(-limit, limit) for g in gradients],
        "The factor has the square of the norm: is a root missing?":
            lambda gradients, limit: _clipped(gradients, limit, power=2),
    },
    new=True,
)

check_last_states = Exercise(
    "last_states",
    cases=[(noise(0, 3, 5, 2), torch.tensor([5, 2, 4])), (noise(1, 4, 4, 3), torch.tensor([1, 3, 4, 2])),
           (noise(2, 2, 6, 4), torch.tensor([3, 4]))],
    answer=lambda outputs, lengths: outputs[torch.arange(len(outputs)), lengths - 1],
    mistakes={
        "You take the last column for every sequence: for the short ones that is padding.":
            lambda outputs, lengths: outputs[:, -1],
        "All sequences are cut at the longest length: each has its own.":
            lambda outputs, lengths: outputs[:, int(lengths.max()) - 1],
        "These are means over the steps; the state at the last real step is wanted.":
            lambda outputs, lengths: torch.stack([o[:n].mean(0) for o, n in zip(outputs, lengths, strict=True)]),
    },
)
