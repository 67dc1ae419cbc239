"""Batches from tensors on the device, the training loop and the evaluation. Notebook 01 writes the loop out by hand."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


class Batches:
    """Mini-batches (inputs, targets) cut straight from tensors (N, ...) that already lie on one device.

    Each pass shuffles anew with the seed's own generator and drops the last, smaller batch.
    augment: function (batch, generator) -> batch. Raises ValueError on unequal lengths or an unfit batch size.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int, *,
                 augment: Augmentation | None = None, seed: int = 0) -> None:
        if len(inputs) != len(targets):
            raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets: they must have the same length.")
        if not 1 <= batch_size <= len(inputs):
            raise ValueError(f"Batch size {batch_size} does not fit {len(inputs)} examples: choose 1 to {len(inputs)}.")
        self.inputs, self.targets, self.batch_size, self.augment = inputs, targets, batch_size, augment
        self.generator = torch.Generator().manual_seed(seed)  # on the CPU: the same order on every device

    def __len__(self) -> int:
        return len(self.inputs) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.inputs), generator=self.generator).to(self.inputs.device)
        for rows in order.split(self.batch_size)[: len(self)]:
            batch = self.inputs[rows]
            yield (self.augment(batch, self.generator) if self.augment else batch), self.targets[rows]


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of a batch (B, C, H, W) left to right with probability 1/2."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)


def random_crop(images: Tensor, generator: torch.Generator, padding: int = 4, mode: str = "reflect") -> Tensor:
    """Shift each image of a batch (B, C, H, W) by up to `padding` pixels each way; the border is reflected."""
    height, width = images.shape[-2:]
    padded = F.pad(images, [padding] * 4, mode=mode)
    corners = torch.randint(0, 2 * padding + 1, (2, len(images)), generator=generator).T.tolist()
    return torch.stack([image[:, top:top + height, left:left + width]
                        for image, (top, left) in zip(padded, corners, strict=True)])


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
        loss_fn: Loss = F.cross_entropy, scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        validation: tuple[Tensor, Tensor] | None = None, max_grad_norm: float | None = None,
        amp_dtype: torch.dtype | None = None, title: str = "training") -> History:
    """Train `model` in place for `epochs` passes over `batches`; return the history. One progress bar, no plots.

    scheduler: stepped after every batch. validation: (inputs, targets), evaluated after each epoch. amp_dtype: for
    autocast, such as torch.bfloat16. An interrupt ends the training and keeps the history of the complete epochs.
    Raises FloatingPointError as soon as the loss is not finite.
    """
    history = History()
    with tqdm(total=epochs * len(batches), desc=title, leave=False, mininterval=0.5) as bar:
        try:
            for epoch in range(epochs):
                model.train()
                start, total = time.perf_counter(), torch.zeros((), device=batches.inputs.device)
                for step, (inputs, targets) in enumerate(batches):
                    with torch.autocast(inputs.device.type, amp_dtype) if amp_dtype else nullcontext():
                        loss = loss_fn(model(inputs), targets)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    if max_grad_norm is not None:
                        nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
                    optimizer.step()
                    if scheduler is not None:
                        scheduler.step()
                    total += loss.detach()
                    bar.update()
                    if step % 50 == 0 or step == len(batches) - 1:  # not always: reading the loss waits for the device
                        mean = total.item() / (step + 1)
                        bar.set_postfix(loss=f"{mean:.3f}", refresh=False)
                        if not math.isfinite(mean):
                            raise FloatingPointError(
                                f"The loss became {mean} in epoch {epoch + 1}, by step {step + 1}: the weights are "
                                "spoilt. Lower the learning rate, clip the gradient, or look for nan in the data.")
                history.seconds += time.perf_counter() - start
                if validation is not None:
                    result = evaluate(model, *validation, loss_fn=loss_fn)
                    history.validation_loss.append(result.loss)
                    history.validation_accuracy.append(result.accuracy)
                history.train_loss.append(mean)
        except KeyboardInterrupt:
            print(f"{title}: stopped by hand in epoch {epoch + 1} of {epochs}; the model is as it was at that step, "
                  f"the history holds the {len(history.train_loss)} complete epochs.")
    return history


def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor, *, loss_fn: Loss = F.cross_entropy,
             batch_size: int = 1000) -> Evaluation:
    """Evaluate `model` on inputs (N, ...) and targets (N, ...) in evaluation mode; its mode before is restored."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            outputs = torch.cat([model(batch).float() for batch in inputs.split(batch_size)])
            loss = loss_fn(outputs, targets).item()
    finally:
        model.train(was_training)
    classes = outputs.ndim == 2 and targets.ndim == 1 and not targets.is_floating_point()
    accuracy = (outputs.argmax(1) == targets).float().mean().item() if classes else math.nan
    return Evaluation(loss, accuracy, outputs.cpu())
