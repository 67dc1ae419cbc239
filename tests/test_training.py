"""Batches, augmentation, fit and evaluate, on problems small enough to know the answer."""

import itertools
import math
from unittest.mock import Mock

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from helpers.training import Batches, evaluate, fit, random_crop, random_flip


@pytest.fixture
def separable() -> tuple[torch.Tensor, torch.Tensor]:
    """200 points in the plane, two classes on either side of a line."""
    points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    return points, (points.sum(1) > 0).long()


def train(points: torch.Tensor, labels: torch.Tensor, lr: float = 0.5, scheduler=lambda _: None, **options) -> tuple:
    """A linear model after five epochs of ten steps, and its history."""
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    batches = Batches(points, labels, 20, seed=1)
    return model, fit(model, batches, optimizer, 5, scheduler=scheduler(optimizer), **options)


def test_batches_show_each_example_once_in_a_new_order() -> None:
    rows = torch.arange(10)
    batches = Batches(rows, rows * 2, 3, seed=1)
    passes = [torch.cat([x for x, _ in batches]) for _ in range(2)]
    assert len(batches) == 3 and all(len(p) == len(p.unique()) == 9 for p in passes)
    assert not torch.equal(*passes) and all(torch.equal(y, 2 * x) for x, y in batches)
    assert torch.equal(torch.cat([x for x, _ in Batches(rows, rows, 3, seed=1)]), passes[0])
    assert not torch.equal(torch.cat([x for x, _ in Batches(rows, rows, 3, seed=2)]), passes[0])
    assert torch.equal(next(iter(Batches(rows, rows, 3, seed=1, augment=lambda x, g: -x)))[0], -passes[0][:3])


@pytest.mark.parametrize(("rows", "size", "message"), [(9, 3, "same length"), (10, 0, "1 to 10"), (10, 11, "1 to 10")])
def test_batches_refuse_what_cannot_work(rows: int, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Batches(torch.zeros(10), torch.zeros(rows), size)


def test_flip_mirrors_about_half_and_repeats_with_its_seed() -> None:
    images = torch.arange(24.0).reshape(1, 2, 3, 4).repeat(400, 1, 1, 1)
    flipped, again = (random_flip(images, torch.Generator().manual_seed(0)) for _ in range(2))
    mirrored, same = ((flipped == wanted).flatten(1).all(1) for wanted in (images.flip(-1), images))
    assert (mirrored ^ same).all() and 150 < mirrored.sum() < 250 and torch.equal(flipped, again)


def test_crop_shifts_each_image_by_its_own_amount_and_repeats_with_its_seed() -> None:
    images = torch.rand(300, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    cropped, again = (random_crop(images, torch.Generator().manual_seed(1), padding=2) for _ in range(2))
    padded = F.pad(images, [2] * 4, mode="reflect")
    shifts = [(i, j) for i in range(5) for j in range(5)]
    hits = torch.stack([(padded[:, :, i:i + 8, j:j + 8] == cropped).flatten(1).all(1) for i, j in shifts])
    assert (hits.sum(0) == 1).all() and hits.any(1).all()  # each image one shift, every shift used
    assert torch.equal(cropped, again)


def test_fit_agrees_with_the_loop_written_out_to_the_bit(separable) -> None:
    model, history = train(*separable, validation=separable)
    torch.manual_seed(0)
    plain, batches, losses = nn.Linear(2, 2), Batches(*separable, 20, seed=1), []
    for _ in range(5):
        for inputs, targets in batches:
            losses.append(F.cross_entropy(plain(inputs), targets))
            gradients = torch.autograd.grad(losses[-1], list(plain.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(plain.parameters(), gradients, strict=True):
                    weight -= 0.5 * gradient
    torch.testing.assert_close(list(plain.parameters()), list(model.parameters()), rtol=0, atol=0)
    assert history.train_loss == pytest.approx([sum(losses[k:k + 10]).item() / 10 for k in range(0, 50, 10)])
    assert len(history.validation_loss) == 5 and history.validation_accuracy[-1] > 0.97 and history.seconds > 0


def test_fit_steps_the_scheduler_after_every_batch(separable) -> None:
    steps = []
    train(*separable, scheduler=lambda optimizer: LambdaLR(optimizer, lambda step: steps.append(step) or 0.9**step))
    assert steps == list(range(51))


def test_fit_clips_the_gradient(separable) -> None:
    points, labels = separable
    start, free, clipped = (train(points * 100, labels, lr, max_grad_norm=norm)[0].weight.detach()
                            for lr, norm in ((0, None), (1, None), (1, 0.01)))
    assert (clipped - start).norm() <= 50 * 0.01 + 1e-6 < (free - start).norm()


def test_fit_trains_in_training_mode_and_autocast_computes_in_its_type(separable) -> None:
    seen = set()
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)).eval()
    model[1].register_forward_hook(lambda m, i, o: seen.add((model.training, o.dtype)))
    fit(model, Batches(*separable, 20), torch.optim.SGD(model.parameters(), lr=0.1), 1, amp_dtype=torch.bfloat16)
    assert seen == {(True, torch.bfloat16)} and model[1].weight.dtype == torch.float32


def test_fit_stops_when_the_loss_is_not_finite(separable) -> None:
    separable[0][3] = math.nan
    with pytest.raises(FloatingPointError, match=r"epoch 1.*learning rate"):
        train(*separable)


@pytest.mark.parametrize("call", [27, 33], ids=["in a step", "in the evaluation"])
def test_interrupt_keeps_the_complete_epochs(separable, capsys, call: int) -> None:
    calls = itertools.count(1)  # ten steps and one evaluation an epoch
    stop = Mock(side_effect=KeyboardInterrupt)
    model, history = train(*separable, validation=separable, title="small one", loss_fn=lambda outputs, targets: (
        stop if next(calls) == call else F.cross_entropy)(outputs, targets))
    assert len(history.train_loss) == len(history.validation_loss) == len(history.validation_accuracy) == 2
    assert capsys.readouterr().out.startswith("small one: stopped by hand in epoch 3 of 5; the model is as it was")
    assert history.seconds > 0 and model.training


def test_evaluate_uses_evaluation_mode_and_restores_the_mode(separable) -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.Linear(2, 2))
    for mode in (True, False):
        model.train(mode)
        one, two = (evaluate(model, *separable, batch_size=7) for _ in range(2))
        assert torch.equal(one.outputs, two.outputs) and model[0].training is mode
        with pytest.raises(RuntimeError):
            evaluate(model, torch.zeros(5, 3), torch.zeros(5))  # three columns do not fit
        assert model.training is mode and model[0].training is mode


def test_evaluate_counts_and_averages_over_all_examples() -> None:
    inputs, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1, 1])
    result = evaluate(nn.Identity(), inputs, targets, batch_size=2)
    assert result.accuracy == pytest.approx(2 / 3) and torch.equal(result.outputs, inputs)
    assert result.loss == pytest.approx(F.cross_entropy(inputs, targets).item())
    regression = evaluate(nn.Identity(), inputs, inputs + 1, loss_fn=F.mse_loss)
    assert regression.loss == pytest.approx(1.0) and math.isnan(regression.accuracy)
