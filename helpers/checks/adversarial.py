"""Exercise checks on adversarial training: best discriminator, losses of the generator, distances, covered modes."""

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
        "This is the best D for equal numbers: the fraction is not used.": lambda p, p_g, real: p / (p + p_g)})

_LOGITS = [(torch.tensor([0.0, 2.0, -3.0]),), (torch.tensor([[-30.0], [40.0]]),), (noise(0, 8, 1) * 4,),
           (torch.tensor([-200.0, 200.0]),)]
_UNSAFE = "This is inf or nan for extreme logits, where the sigmoid is rounded to 0 or 1. Use a function of the logit."
check_saturating_loss = Exercise(
    "saturating_loss", cases=_LOGITS, answer=lambda logits: -F.softplus(logits).mean(),
    mistakes={
        "This is minus what is wanted: with it G would help D.": lambda logits: F.softplus(logits).mean(),
        "This is the non-saturating loss, -log D.": lambda logits: F.softplus(-logits).mean(),
        _UNSAFE: lambda logits: (1 - torch.sigmoid(logits)).log().mean()})

check_generator_loss = Exercise(
    "generator_loss", cases=_LOGITS, answer=lambda logits: F.softplus(-logits).mean(),
    mistakes={
        "This is the loss of D on fake samples; G wants the answer 'real'.": lambda logits: F.softplus(logits).mean(),
        "This is the saturating loss, the mean of log(1 - D).": lambda logits: -F.softplus(logits).mean(),
        _UNSAFE: lambda logits: -torch.sigmoid(logits).log().mean()})

check_wasserstein = Exercise(
    "wasserstein", cases=[(torch.tensor([3.0, 0.0]), torch.tensor([1.0, 5.0])), (noise(0, 6), 2 + noise(1, 6)),
                          (noise(2, 9), 3 * noise(3, 9))],
    answer=lambda one, other: (one.sort().values - other.sort().values).abs().mean(),
    mistakes={
        "The samples are compared in the order in which they came: sort both.":
            lambda one, other: (one - other).abs().mean(),
        "This is the distance of the means: ways to the left and to the right cancel. Take the absolute values first.":
            lambda one, other: (one.mean() - other.mean()).abs()})


def _cloud(*counts: int, far: int) -> tuple[Tensor, Tensor]:
    """So many samples close to each of four centres, `far` ones at a distance of 0.59 from the last; the centres."""
    centres = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    near = centres.repeat_interleave(torch.tensor(counts), 0)
    return torch.cat([near + 0.05 * noise(7, *near.shape), centres[3] - torch.full((far, 2), 0.42)]), centres


def _covered(samples: Tensor, centres: Tensor, radius: float, least: float, among_good: bool = False) -> int:
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    counts = torch.bincount(nearest[distance <= radius], minlength=len(centres))
    return int((counts >= least * (counts.sum() if among_good else len(samples))).sum())


check_modes_covered = Exercise(
    "modes_covered",  # in the second and the last case a mode holds exactly the given fraction of the samples
    cases=[(*_cloud(60, 1, 50, 50, far=0), 0.5, 0.02), (*_cloud(90, 20, 0, 0, far=50), 0.5, 0.125),
           (*_cloud(99, 1, 0, 0, far=100), 0.5, 0.01), (*_cloud(60, 25, 2, 0, far=13), 0.3, 0.25),
           (torch.tensor([[0.2, 0.0]] * 40 + [[5.0, 5.0]] * 10), torch.tensor([[0.0, 0.0], [0.6, 0.0]]), 0.5, 0.25)],
    answer=_covered, mistakes={
        "A single sample is enough for you to call a mode covered: it needs its fraction of all samples.":
            lambda s, c, r, least: _covered(s, c, r, 1e-9),
        "Your fraction is of the good samples. A generator that makes mostly waste would look well: take it of all.":
            lambda s, c, r, least: _covered(s, c, r, least, among_good=True),
        "A mode that holds exactly the given fraction is covered, too: 'at least' is >=.":
            lambda s, c, r, least: _covered(s, c, r, least + 1e-6)})
