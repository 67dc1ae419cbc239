"""Exercise checks on adversarial training: the best discriminator, the generator's loss, modes that are covered."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise


# ---- The best discriminator ------------------------------------------------------------------------------------------
def _densities(seed: int, size: int) -> tuple[Tensor, Tensor]:
    return noise(seed, size).softmax(0), noise(seed + 100, size).softmax(0)


def _best(p: Tensor, p_g: Tensor, share: float) -> Tensor:
    return share * p / (share * p + (1 - share) * p_g)


check_best_discriminator = Exercise(
    "best_discriminator",
    cases=[(*_densities(0, 3), 0.5), (*_densities(1, 5), 0.8), (*_densities(2, 4), 0.1),
           (torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]), 0.3)],
    answer=_best,
    mistakes={
        "The share is not used: you answer for half real, half made.": lambda p, p_g, share: _best(p, p_g, 0.5),
        "This is the probability that the sample is made; the one that it is real is wanted.":
            lambda p, p_g, share: 1 - _best(p, p_g, share),
        "The share of the real samples is given to the made ones, and the other way round.":
            lambda p, p_g, share: _best(p, p_g, 1 - share),
        "The made samples are not weighted: their share is one minus the real ones' share.":
            lambda p, p_g, share: share * p / (share * p + p_g),
        "This is the ratio of the densities, which may exceed 1. D is a probability.":
            lambda p, p_g, share: p / p_g,
    },
)


# ---- The generator's loss --------------------------------------------------------------------------------------------
check_generator_loss = Exercise(
    "generator_loss",
    cases=[(torch.tensor([0.0, 2.0, -3.0]),), (torch.tensor([[-30.0], [40.0]]),), (noise(0, 8, 1) * 4,),
           (torch.tensor([-200.0, 200.0]),)],
    answer=lambda logits: F.softplus(-logits).mean(),
    mistakes={
        "This is the discriminator's loss on made samples: minimising it would make the samples worse. G wants the "
        "answer 'real'.": lambda logits: F.softplus(logits).mean(),
        "This is the saturating loss, log(1 - D): its gradient vanishes for the samples that D sees through.":
            lambda logits: -F.softplus(logits).mean(),
        "The sign is wrong: as it stands, G would maximise its loss.": lambda logits: -F.softplus(-logits).mean(),
        "The sigmoid is taken before the logarithm: in float32 it underflows for very negative logits. Use a function "
        "that takes logits.": lambda logits: F.binary_cross_entropy(torch.sigmoid(logits), torch.ones_like(logits)),
        "This is inf or nan for very negative logits: log(sigmoid(a)) underflows. Use a function that takes logits.":
            lambda logits: -torch.sigmoid(logits).log().mean(),
        "This is the sum over the samples; the mean is wanted.": lambda logits: F.softplus(-logits).sum(),
    },
)


# ---- Modes covered ---------------------------------------------------------------------------------------------------
def _covered(samples: Tensor, centres: Tensor, radius: float, share: float, *, good: bool = True,
             among_good: bool = False) -> int:
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    kept = nearest[distance <= radius] if good else nearest
    counts = torch.bincount(kept, minlength=len(centres))
    return int((counts >= share * (len(kept) if among_good else len(samples))).sum())


_CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def _cloud(counts: tuple[int, ...], strays: int, offset: float = 1.0) -> Tensor:
    at = torch.cat([_CENTRES[number].repeat(count, 1) for number, count in enumerate(counts)])
    return torch.cat([at + 0.05 * noise(7, *at.shape), _CENTRES[3].repeat(strays, 1) - offset])


check_modes_covered = Exercise(
    "modes_covered",
    cases=[(_cloud((60, 1, 50, 50), 0), _CENTRES, 0.5, 0.02), (_cloud((90, 9, 0, 0), 60), _CENTRES, 0.5, 0.05),
           (_cloud((99, 1, 0, 0), 100), _CENTRES, 0.5, 0.01), (_cloud((60, 3, 40, 0), 97), _CENTRES, 0.3, 0.02)],
    answer=_covered,
    mistakes={
        "A sample far from every centre still counts for the nearest one. Look at the radius.":
            lambda s, c, r, share: _covered(s, c, r, share, good=False),
        "A single sample is enough for you to call a mode covered. Look at the share.":
            lambda s, c, r, share: _covered(s, c, r, 1e-9),
        "You count the good samples; the number of modes is wanted.":
            lambda s, c, r, share: int((torch.cdist(s, c).min(dim=1).values <= r).sum()),
        "Your share is of the good samples. A generator that makes mostly waste would look well: take it of all.":
            lambda s, c, r, share: _covered(s, c, r, share, among_good=True),
        "You count the modes that are missing.": lambda s, c, r, share: len(c) - _covered(s, c, r, share),
    },
    tolerance=1e-6,
)
