"""Exercise checks on recurrent networks: the step over time, clipping by norm, the last state of padded sequences."""

import torch
from torch import Tensor

from . import Exercise, noise


# ---- The recurrent step ----------------------------------------------------------------------------------------------
def _run(x: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor, *, squash: bool = True,
         turned: bool = False, frozen: bool = False, late: bool = False) -> Tensor:
    states, first, previous = [], h, torch.zeros_like(x[0])
    for x_t in x:
        h = (first if frozen else h) @ (W_hh if turned else W_hh.T) + (previous if late else x_t) @ W_xh.T + b
        h, previous = torch.tanh(h) if squash else h, x_t
        states.append(h)
    return torch.stack(states)


check_rnn_forward = Exercise(
    "rnn_forward",
    cases=[(noise(0, 6, 3), noise(1, 4), noise(2, 4, 3), noise(3, 4, 4), noise(4, 4)),
           (noise(5, 1, 2), noise(6, 2), noise(7, 2, 2), noise(8, 2, 2), noise(9, 2)),
           (noise(10, 5, 3, 2), noise(11, 3, 4), noise(12, 4, 2), noise(13, 4, 4), noise(14, 4))],
    answer=_run,
    mistakes={
        "Every step starts from h0: the new state is not carried to the next step.":
            lambda *case: _run(*case, frozen=True),
        "The tanh is missing.": lambda *case: _run(*case, squash=False),
        "W_hh is used the wrong way round. States are rows here: which of its axes belongs to the old state?":
            lambda *case: _run(*case, turned=True),
        "Your result begins with h0. The states after each input are wanted, T of them.":
            lambda x, h, *weights: torch.cat([h[None], _run(x, h, *weights)]),
        "Your states stand one step too early: the first one is h0, and the last one is missing.":
            lambda x, h, *weights: torch.cat([h[None], _run(x, h, *weights)])[:-1],
        "Each step reads the input of the step before.": lambda *case: _run(*case, late=True),
        "Only the last state is returned; all T are wanted.": lambda *case: _run(*case)[-1],
        "The bias is missing.": lambda x, h, W_xh, W_hh, b: _run(x, h, W_xh, W_hh, torch.zeros_like(b)),
    },
)


# ---- Clipping --------------------------------------------------------------------------------------------------------
def _scaled(gradients: list[Tensor], factor: Tensor) -> list[Tensor]:
    return [gradient * factor for gradient in gradients]


def _norm(gradients: list[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients]).norm()


check_clip_by_norm = Exercise(
    "clip_by_norm",
    cases=[([torch.tensor([3.0, 0.0]), torch.tensor([[0.0, 4.0]])], 1.0),
           ([torch.tensor([0.3, 0.0]), torch.tensor([[0.0, 0.4]])], 1.0),
           ([noise(0, 3, 2), noise(1, 5)], 0.5), ([noise(2, 4), noise(3, 2, 2)], 100.0)],
    answer=lambda gradients, limit: _scaled(gradients, (limit / _norm(gradients)).clamp(max=1)),
    mistakes={
        "Each tensor is clipped by its own norm, so the direction of the whole changes. Which norm has the long "
        "vector of all gradients?":
            lambda gradients, limit: [g * (limit / g.norm()).clamp(max=1) for g in gradients],
        "Short gradients are stretched to the limit. What should happen to a gradient that is within it?":
            lambda gradients, limit: _scaled(gradients, limit / _norm(gradients)),
        "The single entries are cut off at ±limit. That is clipping by value: it changes the direction.":
            lambda gradients, limit: [g.clamp(-limit, limit) for g in gradients],
        "The norms of the tensors are added up. The norm of all gradients together is the root of the sum of squares.":
            lambda gradients, limit: _scaled(gradients, (limit / sum(g.norm() for g in gradients)).clamp(max=1)),
        "The factor has the square of the norm: is a root missing?":
            lambda gradients, limit: _scaled(gradients, (limit / _norm(gradients) ** 2).clamp(max=1)),
        "The gradients come back as they were.": lambda gradients, limit: gradients,
    },
)


# ---- Last states of padded sequences ---------------------------------------------------------------------------------
def _pick(outputs: Tensor, positions: Tensor) -> Tensor:
    return outputs[torch.arange(len(outputs)), positions]


def _means(outputs: Tensor, lengths: Tensor) -> Tensor:
    inside = (torch.arange(outputs.shape[1]) < lengths[:, None])[..., None]
    return (outputs * inside).sum(1) / lengths[:, None]


check_last_states = Exercise(
    "last_states",
    cases=[(noise(0, 3, 5, 2), torch.tensor([5, 2, 4])), (noise(1, 4, 4, 3), torch.tensor([1, 3, 4, 2])),
           (noise(2, 2, 6, 4), torch.tensor([3, 4]))],
    answer=lambda outputs, lengths: _pick(outputs, lengths - 1),
    mistakes={
        "You take the last column for every sequence: for the short ones that is padding.":
            lambda outputs, lengths: outputs[:, -1],
        "One step too late: a sequence of length 1 ends at position 0.":
            lambda outputs, lengths: _pick(outputs, lengths % outputs.shape[1]),
        "One step too early: a sequence of length 1 ends at position 0.":
            lambda outputs, lengths: _pick(outputs, lengths - 2),
        "These are means over the steps; the state at the last real step is wanted.": _means,
        "These are the first states.": lambda outputs, lengths: outputs[:, 0],
        "All sequences are cut at the longest length, or at the first sequence's: each has its own.":
            lambda outputs, lengths: outputs[:, int(lengths[0]) - 1],
    },
)
