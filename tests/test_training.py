"""Batches, augmentation, fit and evaluate, on problems small enough to know the answer."""

import math

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from helpers.training import Batches, evaluate, fit, flip_and_crop, random_crop, random_flip, wilson_interval


@pytest.fixture
def separable() -> tuple[torch.Tensor, torch.Tensor]:
    """200 points in the plane, two classes on either side of a line."""
    points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    return points, (points.sum(1) > 0).long()


def train(points: torch.Tensor, labels: torch.Tensor, **options) -> tuple[nn.Module, object]:
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.pop("lr", 0.5))
    if "scheduler" in options:
        options["scheduler"] = options["scheduler"](optimizer)
    return model, fit(model, Batches(points, labels, 20, seed=1), optimizer, 5, **options)


def test_batches_show_each_example_once_in_a_new_order() -> None:
    rows = torch.arange(10)
    batches = Batches(rows, rows * 2, 3, seed=1)
    passes = [torch.cat([x for x, _ in batches]) for _ in range(2)]
    assert len(batches) == 3 and all(len(p) == len(p.unique()) == 9 for p in passes)
    assert not torch.equal(*passes)
    assert all(torch.equal(y, 2 * x) for x, y in batches)
    assert torch.equal(torch.cat([x for x, _ in Batches(rows, rows, 3, seed=1)]), passes[0])
    assert not torch.equal(torch.cat([x for x, _ in Batches(rows, rows, 3, seed=2)]), passes[0])


def test_batches_in_order_leave_nothing_out() -> None:
    batches = Batches(torch.arange(10), torch.arange(10), 3, shuffle=False, augment=lambda x, generator: x + 1)
    assert torch.equal(torch.cat([x for x, _ in batches]), torch.arange(10)) and len(batches) == 4


@pytest.mark.parametrize(("rows", "size", "message"), [(9, 3, "same length"), (10, 0, "1 to 10"), (10, 11, "1 to 10")])
def test_batches_refuse_what_cannot_work(rows: int, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Batches(torch.zeros(10), torch.zeros(rows), size)


def test_flip_mirrors_about_half_and_nothing_else() -> None:
    images = torch.arange(24.0).reshape(1, 2, 3, 4).repeat(400, 1, 1, 1)
    flipped = random_flip(images, torch.Generator().manual_seed(0))
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    same = (flipped == images).flatten(1).all(1)
    assert (mirrored ^ same).all() and 150 < mirrored.sum() < 250


def test_crop_shifts_each_image_by_its_own_amount() -> None:
    images = torch.rand(300, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    cropped = random_crop(images, torch.Generator().manual_seed(1), padding=2)
    padded = nn.functional.pad(images, [2] * 4, mode="reflect")
    shifts = [(i, j) for i in range(5) for j in range(5)]
    hits = torch.stack([(padded[:, :, i:i + 8, j:j + 8] == cropped).flatten(1).all(1) for i, j in shifts])
    assert (hits.sum(0) == 1).all() and hits.any(1).all()  # each image one shift, every shift used


def test_augmentation_repeats_with_its_seed() -> None:
    images = torch.rand(8, 3, 32, 32)
    one, two, other = (flip_and_crop(images, torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert torch.equal(one, two) and not torch.equal(one, other) and one.shape == images.shape


def test_fit_learns_and_repeats_to_the_bit(separable) -> None:
    model, history = train(*separable, validation=separable)
    again, _ = train(*separable)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert history.validation_accuracy[-1] > 0.97 and history.train_loss[-1] < history.train_loss[0]
    assert len(history.train_loss) == len(history.validation_loss) == 5 and history.seconds > 0


def test_fit_agrees_with_the_loop_written_out(separable) -> None:
    model, _ = train(*separable)
    torch.manual_seed(0)
    plain, batches = nn.Linear(2, 2), Batches(*separable, 20, seed=1)
    for _ in range(5):
        for inputs, targets in batches:
            gradients = torch.autograd.grad(nn.functional.cross_entropy(plain(inputs), targets),
                                            list(plain.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(plain.parameters(), gradients, strict=True):
                    weight -= 0.5 * gradient
    torch.testing.assert_close(list(plain.parameters()), list(model.parameters()))


def test_fit_steps_the_scheduler_after_every_batch(separable) -> None:
    seen = []

    class Counting(torch.optim.lr_scheduler.LambdaLR):
        def step(self, *arguments) -> None:
            super().step(*arguments)
            seen.append(self.get_last_lr()[0])

    train(*separable, scheduler=lambda optimizer: Counting(optimizer, lambda step: 0.9**step))
    assert len(seen) == 1 + 5 * 10 and seen[-1] == pytest.approx(0.5 * 0.9**50)


def test_fit_clips_the_gradient(separable) -> None:
    points, labels = separable
    start = train(points, labels, lr=0.0)[0].weight.detach()
    free, clipped = (train(points * 100, labels, lr=1.0, clip=clip)[0].weight.detach() for clip in (None, 0.01))
    assert (clipped - start).norm() <= 50 * 0.01 + 1e-6 < (free - start).norm()


def test_fit_averages_the_weights(separable) -> None:
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    average = AveragedModel(model)
    fit(model, Batches(*separable, 20), torch.optim.SGD(model.parameters(), lr=0.5), 2, average=average)
    assert average.n_averaged == 20 and not torch.equal(average.module.weight, model.weight)


def test_fit_with_autocast_computes_in_that_type(separable) -> None:
    seen = set()
    model = nn.Linear(2, 2)
    model.register_forward_hook(lambda m, i, o: seen.add(o.dtype))
    fit(model, Batches(*separable, 20), torch.optim.SGD(model.parameters(), lr=0.1), 1, autocast=torch.bfloat16)
    assert seen == {torch.bfloat16} and model.weight.dtype == torch.float32


def test_fit_trains_in_training_mode_and_reports_the_mean_loss(separable) -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)).eval()
    values = []

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        values.append(nn.functional.cross_entropy(outputs, targets))
        return values[-1]

    history = fit(model, Batches(*separable, 20), torch.optim.SGD(model.parameters(), lr=0.1), 2, loss=loss)
    assert model.training
    assert history.train_loss == pytest.approx([sum(v.item() for v in values[k:k + 10]) / 10 for k in (0, 10)])


def test_fit_stops_when_the_loss_is_not_finite(separable) -> None:
    points, labels = separable
    points = points.clone()
    points[3] = math.nan
    with pytest.raises(FloatingPointError, match=r"epoch 1.*learning rate"):
        train(points, labels)


def test_evaluate_uses_evaluation_mode_and_restores_it(separable) -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.Linear(2, 2))
    assert model.training
    one, two = (evaluate(model, *separable, batch_size=7) for _ in range(2))
    assert torch.equal(one.outputs, two.outputs) and model.training
    model.eval()
    evaluate(model, *separable)
    assert not model.training


def test_evaluate_counts_and_averages_over_all_examples() -> None:
    inputs, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1, 1])
    result = evaluate(nn.Identity(), inputs, targets, batch_size=2)
    assert result.accuracy == pytest.approx(2 / 3)
    assert result.loss == pytest.approx(nn.functional.cross_entropy(inputs, targets).item())
    regression = evaluate(nn.Identity(), inputs, inputs + 1, loss=nn.functional.mse_loss)
    assert regression.loss == pytest.approx(1.0) and math.isnan(regression.accuracy)


def test_wilson_interval_against_published_values() -> None:
    low, high = wilson_interval(15, 50)  # worked example: 0.3 of 50
    assert (low, high) == pytest.approx((0.1910, 0.4375), abs=5e-4)
    assert wilson_interval(0, 300)[0] == 0 and 0.009 < wilson_interval(0, 300)[1] < 0.014
    assert wilson_interval(300, 300) == pytest.approx((1 - wilson_interval(0, 300)[1], 1.0))
    for successes, count in ((-1, 5), (6, 5), (0, 0)):
        with pytest.raises(ValueError, match="not a proportion"):
            wilson_interval(successes, count)


def test_wilson_interval_covers_as_often_as_it_says() -> None:
    draws = torch.distributions.Binomial(100, torch.tensor(0.1)).sample((2000,)).int().tolist()
    covered = sum(low <= 0.1 <= high for low, high in (wilson_interval(d, 100) for d in draws)) / len(draws)
    assert 0.92 < covered < 0.98
