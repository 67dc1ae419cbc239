"""Exercise checks on recurrent networks: a step, a step back, a cell, clipping by norm, last states of sequences."""

import torch
from torch import Tensor

from . import Exercise, noise

check_rnn_step = Exercise(
    "rnn_step", cases=[(noise(n, 3, 2), noise(n + 1, 3, 4), noise(n + 2, 4, 2), noise(n + 3, 4, 4), noise(n + 4, 4))
                       for n in (0, 10)],
    answer=lambda x_t, h, W_xh, W_hh, b: torch.tanh(x_t @ W_xh.mT + h @ W_hh.mT + b),
    mistakes={
        "The tanh is missing.": lambda x_t, h, W_xh, W_hh, b: x_t @ W_xh.mT + h @ W_hh.mT + b,
        "States are rows here, so W_hh must be transposed: h @ W_hh.T.":
            lambda x_t, h, W_xh, W_hh, b: torch.tanh(x_t @ W_xh.mT + h @ W_hh + b),
        "The old state does not enter.": lambda x_t, h, W_xh, W_hh, b: torch.tanh(x_t @ W_xh.mT + b)})

check_delta_before = Exercise(
    "delta_before", cases=[(noise(n, 3, 2), noise(n + 1, 3, 4), noise(n + 2, 3, 4).tanh(), noise(n + 3, 2, 4),
                            noise(n + 4, 4, 4)) for n in (0, 10)],
    answer=lambda dy, later, h, W_hy, W_hh: (dy @ W_hy + later @ W_hh) * (1 - h ** 2),
    mistakes={
        "The derivative of the tanh is missing: 1 - h_t².": lambda dy, later, h, W_hy, W_hh: dy @ W_hy + later @ W_hh,
        "The factor 1 - h_t² belongs to both terms.":
            lambda dy, later, h, W_hy, W_hh: dy @ W_hy + later @ W_hh * (1 - h ** 2),
        "What comes from the next step is missing.": lambda dy, later, h, W_hy, W_hh: dy @ W_hy * (1 - h ** 2),
        "Rows carry the gradients here: delta @ W_hh, without a transpose.":
            lambda dy, later, h, W_hy, W_hh: (dy @ W_hy + later @ W_hh.T) * (1 - h ** 2)})


def _cell(sums: Tensor, c: Tensor, order: tuple = (0, 1, 2), bend=torch.tanh, gate=torch.sigmoid) -> Tensor:
    i, f, g = (sums.chunk(4, -1)[k] for k in order)
    return gate(f) * c + gate(i) * bend(g)


check_new_cell = Exercise(
    "new_cell", cases=[(noise(0, 3, 8), noise(1, 3, 2)), (2 * noise(2, 2, 12), noise(3, 2, 3))], answer=_cell,
    mistakes={
        "Input and forget gate have changed places.": lambda sums, c: _cell(sums, c, (1, 0, 2)),
        "The tanh of what could be written is missing.": lambda sums, c: _cell(sums, c, bend=torch.clone),
        "The sigmoids of the gates are missing.": lambda sums, c: _cell(sums, c, gate=torch.clone)})


def _clipped(gradients: list[Tensor], limit: float, most: float = 1) -> list[Tensor]:
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient * (limit / norm).clamp(max=most) for gradient in gradients]


check_clip_by_norm = Exercise(
    "clip_by_norm", cases=[([torch.tensor([3.0, 0.0]), torch.tensor([[0.0, 4.0]])], 1.0),
                           ([torch.tensor([0.3, 0.0]), torch.tensor([[0.0, 0.4]])], 1.0),
                           ([noise(0, 3, 2), noise(1, 5)], 0.5)],
    answer=_clipped, new=True, mistakes={
        "Each tensor is clipped by its own norm, which turns the whole. Which norm has the long vector of them all?":
            lambda gradients, limit: [_clipped([g], limit)[0] for g in gradients],
        "Short gradients are stretched to the limit. What should happen to a gradient that is within it?":
            lambda gradients, limit: _clipped(gradients, limit, most=torch.inf),
        "The single entries are cut off at ±limit. That is clipping by value: it changes the direction.":
            lambda gradients, limit: [g.clamp(-limit, limit) for g in gradients]})

check_last_states = Exercise(
    "last_states", cases=[(noise(0, 3, 5, 2), torch.tensor([5, 2, 4])), (noise(2, 2, 6, 4), torch.tensor([3, 4]))],
    answer=lambda outputs, lengths: outputs[torch.arange(len(outputs)), lengths - 1],
    mistakes={
        "You take the last column for every sequence: for the short ones that is padding.":
            lambda outputs, lengths: outputs[:, -1],
        "All sequences are cut at the longest length.": lambda outputs, lengths: outputs[:, int(lengths.max()) - 1]})
