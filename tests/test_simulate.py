"""The simulators: shapes, reproducibility, and that the truth they tell is the truth of what they draw."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from helpers.data import parts
from helpers.data.simulate import (
    PART_NAMES,
    digit_images,
    ideal_roughness,
    part_images,
    scratched_surface,
    surface_roughness,
)

IMAGES = pytest.mark.parametrize(("draw", "shape"), [(part_images, (3, 32, 32)), (digit_images, (1, 28, 28))])


@IMAGES
def test_images_have_the_stated_shape_type_and_contrast(draw, shape):
    images, labels = draw(205, 3)
    assert images.shape == (205, *shape) and images.dtype == torch.uint8
    assert labels.shape == (205,) and labels.dtype == torch.int64
    assert (images.flatten(1).float().std(1) > 5).all()  # no image is blank


@IMAGES
def test_images_depend_on_the_seed_only(draw, shape):
    images, labels = draw(230, 3)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    again, labels_again = draw(230, 3)
    assert torch.equal(images, again) and torch.equal(labels, labels_again)
    assert torch.equal(before, torch.get_rng_state())  # the global random state is left alone
    other, other_labels = draw(230, 4)
    assert not torch.equal(labels, other_labels)
    assert (images != other).flatten(1).any(1).all()  # not one image in common


@IMAGES
def test_a_smaller_count_gives_the_first_images(draw, shape):
    images, labels = draw(430, 5)
    for count in (1, 7, 200, 201):
        fewer, fewer_labels = draw(count, 5)
        assert torch.equal(fewer, images[:count]) and torch.equal(fewer_labels, labels[:count])


@IMAGES
@pytest.mark.parametrize("count", [10, 123, 430])
def test_classes_are_balanced(draw, shape, count):
    per_class = draw(count, 6)[1].bincount(minlength=10)
    assert len(per_class) == 10 and per_class.max() - per_class.min() <= 1


@IMAGES
def test_threads_change_nothing_and_are_restored(draw, shape):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = draw(410, 7)[0]
        torch.set_num_threads(3)
        assert torch.equal(one, draw(410, 7)[0])
        with ThreadPoolExecutor(1) as pool:  # a new thread takes the number that was set last, by any thread
            assert torch.get_num_threads() == pool.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(threads)


def test_another_process_draws_the_same_images():
    code = ("from helpers.data.simulate import digit_images, part_images\n"
            "print(*(draw(50, 8)[0].long().sum().item() for draw in (part_images, digit_images)))")
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [str(draw(50, 8)[0].long().sum().item()) for draw in (part_images, digit_images)]


COS, SIN = 3 ** 0.5 / 2, 0.5  # of 30 degrees, where a nut has a corner


@pytest.mark.parametrize(("name", "metal", "empty"), [
    ("bolt", [(-0.8, 0.4), (0.9, 0)], [(0.9, 0.4), (0, 0.4)]),
    ("nut", [(0.7, 0), (0.9 * COS, 0.9 * SIN)], [(0, 0), (0.9, 0)]),
    ("washer", [(0.9, 0), (0.9 * COS, 0.9 * SIN)], [(0, 0), (0.4, 0)]),
    ("gear", [(0.96, 0), (0.4, 0), (-0.7, 0)], [(0, 0), (0.96 * 0.959, 0.96 * 0.282)]),  # 11 teeth: a gap at pi / 11
    ("bearing", [(0.96, 0), (0.4, 0), (0.96 * 0.959, 0.96 * 0.282)], [(0, 0), (0.2, 0)]),
    ("spring", [(-0.75, 0), (0.625, 0.44), (0.375, -0.44)], [(-0.625, 0), (0.625, -0.44)]),
    ("bracket", [(-0.66, 0.3), (0.3, -0.66)], [(0.5, 0.5), (-0.66, 0.6), (0, 0)]),
    ("pipe elbow", [(-0.05, -0.05), (0.3, -0.7)], [(-0.85, -0.85), (0.8, 0.8)]),
    ("impeller", [(0.2, 0), (0, 0.2)], [(0, 0), (0.99, 0), (0, 0.99), (0.99 * COS, 0.99 * SIN)]),
    ("connecting rod", [(-0.55, 0.36), (0.3, 0), (0.95, 0)], [(-0.55, 0), (0.76, 0), (0.3, 0.4)]),
])
def test_each_name_has_its_shape(name, metal, empty):
    u, v = torch.tensor(metal + empty, dtype=torch.float32).T[:, None, None]
    distance = parts._SHAPES[PART_NAMES.index(name)](u, v, torch.full((1, 5), 0.5))[0].flatten()
    assert (distance < 0).tolist() == [True] * len(metal) + [False] * len(empty)


def test_digits_are_drawn_as_labelled():
    """The mean image of each digit in one draw is nearest to that of the same digit in another."""
    means = []
    for seed in (1, 2):
        images, labels = digit_images(1000, seed)
        means.append(torch.stack([images[labels == k].float().mean(0).flatten() for k in range(10)]))
    assert torch.cdist(*means).argmin(1).tolist() == list(range(10))
    one, zero = means[0][1].view(28, 28), means[0][0].view(28, 28)
    assert one[12:16, 12:16].mean() > 3 * zero[12:16, 12:16].mean()  # a nought is empty in the middle


def test_named_parts_only():
    images, labels = part_images(60, 1, names=["bearing", "washer"])
    assert images.shape == (60, 3, 32, 32) and labels.bincount().tolist() == [30, 30]
    # The balls and rings of a bearing make more edges than a washer has, whatever the order of the names.
    for names in (["bearing", "washer"], ["washer", "bearing"]):
        images, labels = part_images(800, 1, names)
        edges = images.float().diff(dim=3).abs()[..., 8:24, 8:24].mean((1, 2, 3))
        bearing = labels == names.index("bearing")
        error = (edges.var() * 2 / 400).sqrt()  # standard error of the difference
        assert edges[bearing].mean() - edges[~bearing].mean() > 4 * error


@pytest.mark.parametrize("seed", range(20))
def test_scratch_changes_the_mask_and_nothing_else(seed):
    clean, no_mask = scratched_surface(64, scratch=False, seed=seed)
    image, mask = scratched_surface(64, seed=seed)
    assert image.shape == mask.shape == (64, 64) and image.dtype == torch.float32 and mask.dtype == torch.bool
    assert 0 <= image.min() and image.max() <= 1
    assert not no_mask.any() and 20 <= mask.sum() <= 200
    assert ((image - clean).abs()[mask] > 0.2).all()
    assert torch.equal(image[~mask], clean[~mask])
    assert torch.equal(image, scratched_surface(64, seed=seed)[0])
    assert not torch.equal(clean, scratched_surface(64, scratch=False, seed=seed + 1)[0])


def test_scratches_are_long_thin_and_turn_every_way():
    angles = []
    for seed in range(120):
        points = scratched_surface(64, seed=seed)[1].nonzero().float()  # row, column
        spread, axes = torch.linalg.eigh(torch.cov(points.T))
        assert spread[1] > 50 * spread[0]
        angles.append(torch.atan2(*axes[:, 1]) % torch.pi)
    # Within four standard deviations of 30 in each quarter of the half-turn.
    assert (torch.histc(torch.stack(angles), 4, 0, torch.pi) - 30).abs().max() < 4 * (120 * 0.25 * 0.75) ** 0.5


@pytest.mark.parametrize("size", [16, 33, 128])
def test_surface_of_another_size(size):
    image, mask = scratched_surface(size, seed=1)
    assert image.shape == (size, size) and mask.any()


def test_surface_is_directional():
    """Brush marks: the grey value changes far faster across some direction than along it."""
    for seed in range(20):
        image = scratched_surface(64, scratch=False, seed=seed)[0]
        slopes = torch.stack([slope.flatten() for slope in torch.gradient(image)])
        along, across = torch.linalg.eigvalsh(torch.cov(slopes))
        assert across > 2 * along  # 1.0 for noise without a direction


def test_ideal_roughness_is_the_textbook_formula():
    # f = 0.2 mm/rev, r = 0.8 mm: 0.04 / 25.6 mm = 1.5625 µm
    assert ideal_roughness(torch.tensor(0.2), torch.tensor(0.8)).item() == pytest.approx(1.5625)


def test_roughness_follows_the_formula_where_nothing_disturbs_it():
    data = surface_roughness(20_000, seed=1, noise=0)
    assert torch.equal(data.roughness, data.true_roughness)
    ideal = ideal_roughness(data.feed, data.nose_radius)
    calm = (data.cutting_speed > 200) & (ideal > 2)  # no built-up edge, far above the machine's floor
    assert calm.sum() > 1000
    torch.testing.assert_close(data.roughness[calm], ideal[calm], rtol=0.01, atol=0)
    # log Ra is linear in log f and log r with slopes 2 and -1.
    terms = torch.stack((data.feed.log(), data.nose_radius.log(), torch.ones_like(ideal)), 1)[calm]
    slopes = torch.linalg.lstsq(terms, data.roughness[calm].log()[:, None]).solution
    torch.testing.assert_close(slopes[:2, 0], torch.tensor([2.0, -1.0]), atol=0.02, rtol=0)


def test_roughness_has_its_documented_disturbances():
    data = surface_roughness(20_000, seed=1, noise=0.1)
    ideal = ideal_roughness(data.feed, data.nose_radius)
    assert (data.true_roughness >= 0.2).all()  # the machine's floor
    slow = (data.cutting_speed < 60) & (ideal > 2)
    assert 1.9 < (data.true_roughness / ideal)[slow].mean() < 2.2  # built-up edge
    error = (data.roughness / data.true_roughness).log()
    assert error.std().item() == pytest.approx(0.1, rel=0.05) and abs(error.mean()) < 0.005


def test_roughness_fields_ranges_and_seeds():
    data = surface_roughness(5000, seed=2)
    for values, low, high in ((data.feed, 0.05, 0.4), (data.nose_radius, 0.4, 1.6), (data.cutting_speed, 50, 300)):
        assert values.shape == (5000,) and values.dtype == torch.float32
        assert low <= values.min() < low + 0.01 * (high - low) and high - 0.01 * (high - low) < values.max() <= high
    assert data.roughness.dtype == data.true_roughness.dtype == torch.float32
    again, fewer, other = surface_roughness(5000, 2), surface_roughness(100, 2), surface_roughness(5000, 3)
    assert torch.equal(data.roughness, again.roughness) and torch.equal(data.roughness[:100], fewer.roughness)
    assert not (data.feed == other.feed).any()


@pytest.mark.parametrize(("call", "message"), [
    (lambda: part_images(0, 1), "count must be at least 1"),
    (lambda: part_images(5, -1), "seed at least 0"),
    (lambda: part_images(5, 1, names=["gear", "cog"]), "names must be different parts out of bolt, nut"),
    (lambda: part_images(5, 1, names=["gear", "gear"]), "names must be different parts"),
    (lambda: part_images(5, 1, names=[]), "names must be different parts"),
    (lambda: digit_images(-3, 1), "count=-3"),
    (lambda: digit_images(3, -1), "seed=-1"),
    (lambda: scratched_surface(8), "size must be at least 16"),
    (lambda: scratched_surface(64, seed=-1), "seed at least 0"),
    (lambda: surface_roughness(0, 1), "count must be at least 1"),
    (lambda: surface_roughness(5, 1, noise=-0.1), "noise must be 0 or more"),
])
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
