"""Exercise checks on adversarial training: the best discriminator, the generator's loss, modes that are covered."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise

check_best_discriminator = Exercise(
    "best_discriminator",
    cases=[(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]), 0.3),
           *((noise(n, n).softmax(0), noise(-n, n).softmax(0), real) for n, real in ((3, 0.5), (5, 0.8), (4, 0.1)))],
    answer=lambda p, p_g, real: real * p / (real * p + (1 - real) * p_g),
    mistakes={
        "The fake samples are not weighted: their fraction is 1 minus that of the real ones.":
            lambda p, p_g, real: real * p / (real * p + p_g),
        "This is the ratio of real to fake, which may exceed 1. D is a probability: divide by the sum of the two.":
            lambda p, p_g, real: real * p / ((1 - real) * p_g),
        "This is the best D for as many real as fake samples: the fraction of real ones is not used.":
            lambda p, p_g, real: p / (p + p_g),
    },
)

check_generator_loss = Exercise(
    "generator_loss",
    cases=[(torch.tensor([0.0, 2.0, -3.0]),), (torch.tensor([[-30.0], [40.0]]),), (noise(0, 8, 1) * 4,),
           (torch.tensor([-200.0, 200.0]),)],
    answer=lambda logits: F.softplus(-logits).mean(),
    mistakes={
        "This is the discriminator's loss on fake samples: minimising it would make the samples worse. G wants the "
        "answer 'real'.": lambda logits: F.softplus(logits).mean(),
        "This is the saturating loss, log(1 - D): its gradient vanishes for the samples that D sees through.":
            lambda logits: -F.softplus(logits).mean(),
        "The sigmoid is taken before the logarithm: in float32 it underflows for very negative logits. Use a function "
        "that takes logits.": lambda logits: F.binary_cross_entropy(torch.sigmoid(logits), torch.ones_like(logits)),
        "This is inf or nan for very negative logits: log(sigmoid(a)) underflows. Use a function that takes logits.":
            lambda logits: -torch.sigmoid(logits).log().mean(),
    },
)

_CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def _cloud(*counts: int, far: int) -> Tensor:
    """So many samples close to each centre, and `far` ones at (0.42, 0.42) from the last: a distance of 0.59."""
    near = _CENTRES.repeat_interleave(torch.tensor(counts), 0)
    return torch.cat([near + 0.05 * noise(7, *near.shape), _CENTRES[3] - torch.full((far, 2), 0.42)])


def _covered(samples: Tensor, centres: Tensor, radius: float, least: float, among_good: bool = False) -> int:
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    counts = torch.bincount(nearest[distance <= radius], minlength=len(centres))
    return int((counts >= least * (counts.sum() if among_good else len(samples))).sum())


check_modes_covered = Exercise(
    "modes_covered",  # in the second and the last case a mode holds exactly the given fraction of the samples
    cases=[(_cloud(60, 1, 50, 50, far=0), _CENTRES, 0.5, 0.02), (_cloud(90, 20, 0, 0, far=50), _CENTRES, 0.5, 0.125),
           (_cloud(99, 1, 0, 0, far=100), _CENTRES, 0.5, 0.01), (_cloud(60, 25, 2, 0, far=13), _CENTRES, 0.3, 0.25)],
    answer=_covered,
    mistakes={
        "A single sample is enough for you to call a mode covered: it needs its fraction of all samples.":
            lambda s, c, r, least: _covered(s, c, r, 1e-9),
        "Your fraction is of the good samples. A generator that makes mostly waste would look well: take it of all.":
            lambda s, c, r, least: _covered(s, c, r, least, among_good=True),
        "A mode that holds exactly the given fraction is covered, too: 'at least' is >=.":
            lambda s, c, r, least: _covered(s, c, r, least + 1e-6),
        "You compare squared distances with the radius.": lambda s, c, r, least: _covered(s, c, r ** 0.5, least),
    },
)
