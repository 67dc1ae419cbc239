"""Batches from tensors on the device, the training loop and the evaluation. Notebook 01 writes the loop out by hand."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


class Batches:
    """Mini-batches (inputs, targets) cut straight from tensors that already lie on the device.

    inputs: (N, ...), targets: (N, ...), both on one device. Each pass shuffles anew with the seed's own generator
    and drops the last, smaller batch (unless shuffle is False: then every row comes once, in order).
    augment: function (batch, generator) -> batch, called once a shuffled batch. Raises ValueError on unequal lengths.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, size: int, *, shuffle: bool = True,
                 augment: Augmentation | None = None, seed: int = 0) -> None:
        if len(inputs) != len(targets):
            raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets: they must have the same length.")
        if not 1 <= size <= len(inputs):
            raise ValueError(f"Batch size {size} does not fit {len(inputs)} examples: choose 1 to {len(inputs)}.")
        self.inputs, self.targets, self.size = inputs, targets, size
        self.shuffle, self.augment = shuffle, augment
        self.generator = torch.Generator().manual_seed(seed)  # on the CPU: the same order on every device

    def __len__(self) -> int:
        return len(self.inputs) // self.size if self.shuffle else math.ceil(len(self.inputs) / self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if not self.shuffle:
            yield from zip(self.inputs.split(self.size), self.targets.split(self.size), strict=True)
            return
        order = torch.randperm(len(self.inputs), generator=self.generator).to(self.inputs.device)
        for rows in order.split(self.size)[: len(self)]:
            batch = self.inputs[rows]
            yield (self.augment(batch, self.generator) if self.augment else batch), self.targets[rows]


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of a batch (B, C, H, W) left to right with probability 1/2."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)


def random_crop(images: Tensor, generator: torch.Generator, padding: int = 4, mode: str = "reflect") -> Tensor:
    """Shift each image of a batch (B, C, H, W) by up to `padding` pixels each way; the border is reflected."""
    count, channels, height, width = images.shape
    padded = F.pad(images, [padding] * 4, mode=mode)
    top, left = torch.randint(0, 2 * padding + 1, (2, count), generator=generator).to(images.device)
    rows = (top[:, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width, device=images.device))[:, None, None, :]
    example = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[example, channel, rows, columns]


def flip_and_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """`random_flip`, then `random_crop` by up to 4 pixels: the usual augmentation of 32×32 images."""
    return random_crop(random_flip(images, generator), generator)


@dataclass
class History:
    """What `fit` saw: one entry an epoch (losses are means over examples), and the seconds spent in training alone."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`: mean loss, outputs (N, ...) on the CPU, and for class targets the accuracy (else nan)."""

    loss: float
    accuracy: float
    outputs: Tensor


def fit(model: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer, epochs: int, *,
        loss: Loss = F.cross_entropy, scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        validation: tuple[Tensor, Tensor] | None = None, clip: float | None = None,
        autocast: torch.dtype | None = None, average: AveragedModel | None = None,
        title: str = "training") -> History:
    """Train `model` in place for `epochs` passes over `batches`; return the history. One progress bar, no plots.

    scheduler: stepped after every batch. validation: (inputs, targets), evaluated after each epoch.
    clip: largest gradient norm. autocast: dtype such as torch.bfloat16. average: AveragedModel, updated every step.
    Raises FloatingPointError as soon as the loss is not finite.
    """
    history = History()
    bar = tqdm(total=epochs * len(batches), desc=title, leave=False, mininterval=0.5)
    for epoch in range(epochs):
        model.train()
        start, total = time.perf_counter(), torch.zeros((), device=batches.inputs.device)
        for step, (inputs, targets) in enumerate(batches):
            with torch.autocast(inputs.device.type, autocast) if autocast else nullcontext():
                value = loss(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            if average is not None:
                average.update_parameters(model)
            total += value.detach()
            if step % 50 == 0:  # reading the loss waits for the device: not at every step
                _stop_if_not_finite(value.item(), epoch, step)
                bar.set_postfix(loss=f"{value.item():.3f}", refresh=False)
            bar.update()
        _stop_if_not_finite(total.item(), epoch, len(batches) - 1)
        history.seconds += time.perf_counter() - start
        history.train_loss.append(total.item() / len(batches))
        if validation is not None:
            result = evaluate(model, *validation, loss=loss)
            history.validation_loss.append(result.loss)
            history.validation_accuracy.append(result.accuracy)
    bar.close()
    return history


def _stop_if_not_finite(value: float, epoch: int, step: int) -> None:
    if not math.isfinite(value):
        raise FloatingPointError(f"The loss became {value} in epoch {epoch + 1}, by step {step + 1}: the weights are "
                                 "spoilt. Lower the learning rate, clip the gradient, or look for nan in the data.")


def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor, *, loss: Loss = F.cross_entropy,
             batch_size: int = 1000) -> Evaluation:
    """Evaluate `model` on all of `inputs` (N, ...) and `targets` (N, ...) in evaluation mode, without gradients.

    Accuracy is computed when targets are class numbers (N,) and outputs (N, classes). The model's mode is kept.
    """
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        outputs = torch.cat([model(batch).float() for batch in inputs.split(batch_size)])
        value = loss(outputs, targets).item()
    model.train(was_training)
    classes = outputs.ndim == 2 and targets.ndim == 1 and not targets.is_floating_point()
    accuracy = (outputs.argmax(1) == targets).float().mean().item() if classes else math.nan
    return Evaluation(value, accuracy, outputs.cpu())


def wilson_interval(successes: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion (Wilson 1927); z = 1.96 gives 95 %.

    Unlike p ± z·sqrt(p(1-p)/n) it stays within 0..1 and is not empty when nothing, or everything, succeeded.
    Raises ValueError unless 0 <= successes <= count and count > 0.
    """
    if not 0 <= successes <= count or count == 0:
        raise ValueError(f"{successes} successes in {count} trials is not a proportion.")
    share, scale = successes / count, 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)
