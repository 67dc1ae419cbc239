"""Simulators of factory data with known truth: machine parts, digits, scratches, surface roughness.

None touches the global random state: the same arguments give the same values.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .parts import PART_NAMES, photograph

__all__ = ["PART_NAMES", "Turning", "digit_images", "ideal_roughness", "part_images", "scratched_surface",
           "surface_roughness"]


def _check(count: int, seed: int) -> None:
    if count < 1 or seed < 0:
        raise ValueError(f"count must be at least 1 and seed at least 0; got count={count}, seed={seed}")


def _balanced(count: int, seed: int, classes: int, shape: tuple[int, ...],
              draw: Callable[[Tensor, np.random.Generator], Tensor]) -> tuple[Tensor, Tensor]:
    """Images of this shape and their labels from draw(labels, rng), in blocks with a random stream each.

    So a smaller count gives the first of the same images, and blocks can be drawn side by side.
    """
    images, labels = torch.empty(count, *shape, dtype=torch.uint8), torch.empty(count, dtype=torch.int64)
    size = 20 * classes

    def fill(start: int) -> None:
        rng = np.random.default_rng([seed, start // size])
        # Every run of `classes` images holds each class once, in random order.
        order = torch.from_numpy(rng.random((20, classes)).argsort(1).ravel())
        labels[start:start + size] = order[:count - start]
        images[start:start + size] = draw(order, rng)[:count - start]

    # A thread a block, and no threads within: splitting each of the many small operations is far slower.
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(fill, range(0, count, size)))  # list: an error in a thread is raised here
    finally:
        torch.set_num_threads(threads)
    return images, labels


def part_images(count: int, seed: int, names: Sequence[str] | None = None) -> tuple[Tensor, Tensor]:
    """Colour photographs of machine parts, each kind equally often (to within one image).

    The stand-in for CIFAR-10. Pose, material, light, background, wear and what lies beside the part vary.
    count: number of images, at least 1. seed: 0 or more; the same seed gives the same images, and a smaller
    count the first of them. names: the parts to draw, out of PART_NAMES; all ten by default.
    Returns images (count×3×32×32, uint8) and labels (count, int64: positions in names).
    Raises ValueError on a count, seed or name that cannot be used.
    """
    _check(count, seed)
    names = PART_NAMES if names is None else tuple(names)
    if not names or len(set(names)) < len(names) or not set(names) <= set(PART_NAMES):
        raise ValueError(f"names must be different parts out of {', '.join(PART_NAMES)}; got {names}")
    return _balanced(count, seed, len(names), (3, 32, 32), lambda labels, rng: photograph(labels, names, rng))


# Digits
Points = list[tuple[float, float]]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float, n: int) -> Points:
    """n + 1 points on an ellipse; angles in degrees, 0 to the right, 90 down."""
    angles = np.radians(np.linspace(start, end, n + 1))
    return [(x + rx * cos(a), y + ry * sin(a)) for a in angles]


# The pen's path for each digit, in a box of -1..1 (x to the right, y down).
_PATHS: tuple[Points, ...] = (
    _arc(0, 0, .6, 1, 0, 360, 14),
    [(-.3, -.6), (.1, -1), (.1, 1)],
    [*_arc(0, -.45, .55, .55, 190, 390, 8), (-.6, 1), (.65, 1)],
    [*_arc(-.05, -.5, .55, .5, 200, 450, 7), *_arc(-.05, .5, .65, .5, 270, 520, 7)[1:]],
    [(.3, 1), (.3, -1), (-.65, .35), (.7, .35)],
    [(.55, -1), (-.4, -1), (-.5, -.1), *_arc(-.05, .35, .6, .62, 235, 510, 9)],
    [(.4, -1), (-.2, -.5), *_arc(0, .4, .58, .58, 200, 560, 10)],
    [(-.6, -1), (.6, -1), (-.15, 1)],
    [*_arc(0, -.5, .45, .48, 90, 450, 8), *_arc(0, .5, .58, .5, 270, 630, 8)[1:]],
    [*_arc(0, -.4, .55, .58, 0, 360, 9), (.5, .2), (.3, 1)],
)


def digit_images(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Ten digits drawn with a pen, light on black, each equally often (to within one image).

    The stand-in for MNIST. Slant, rotation, size, proportions, position, wobble, stroke width and ink vary.
    count: number of images, at least 1. seed: 0 or more; a smaller count gives the first of the same images.
    Returns images (count×1×28×28, uint8) and labels (count, int64).
    Raises ValueError if count < 1 or seed < 0.
    """
    _check(count, seed)
    return _balanced(count, seed, 10, (1, 28, 28), _write)


def _write(labels: Tensor, rng: np.random.Generator) -> Tensor:
    """One image for each label, n×1×28×28 uint8."""
    n, side = len(labels), 28
    axis = (torch.arange(side) + 0.5) * 2 / side - 1
    px, py = axis.repeat(side), axis.repeat_interleave(side)

    def uniform(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, 1))).float()

    width, ink, slant, turn = uniform(0.06, 0.14), uniform(0.8, 1), uniform(-0.15, 0.45), uniform(-0.2, 0.2)
    sx, sy, dx, dy = uniform(0.5, 0.75), uniform(0.6, 0.75), uniform(-0.12, 0.12), uniform(-0.1, 0.1)
    waves = [(uniform(-0.12, 0.12), uniform(1.5, 3), uniform(0, 2 * pi)) for _ in range(2)]
    nearest = torch.full((n, side * side), torch.inf)  # squared distance from the pen's path
    for digit, points in enumerate(_PATHS):
        k = labels == digit
        x, y = torch.tensor(points).T
        (size_x, pitch_x, phase_x), (size_y, pitch_y, phase_y) = ([value[k] for value in wave] for wave in waves)
        x, y = x + size_x * torch.sin(pitch_x * y + phase_x), y + size_y * torch.sin(pitch_y * x + phase_y)
        x, y = sx[k] * (x - slant[k] * y), sy[k] * y
        x, y = dx[k] + x * turn[k].cos() - y * turn[k].sin(), dy[k] + x * turn[k].sin() + y * turn[k].cos()
        best = nearest[k]
        for i in range(len(points) - 1):
            ax, ay = px - x[:, i:i + 1], py - y[:, i:i + 1]
            bx, by = x[:, i + 1:i + 2] - x[:, i:i + 1], y[:, i + 1:i + 2] - y[:, i:i + 1]
            t = ((ax * bx + ay * by) / (bx * bx + by * by)).clamp(0, 1)  # how far along the segment
            best = torch.minimum(best, (ax - t * bx) ** 2 + (ay - t * by) ** 2)
        nearest[k] = best
    image = ink * ((width - nearest.sqrt()) * side / 2 + 0.5).clamp(0, 1)
    image = image + 0.03 * torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    return (image.clamp(0, 1) * 255).round().to(torch.uint8).view(n, 1, side, side)


# A scratch on metal
def scratched_surface(size: int = 64, scratch: bool = True, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A brushed metal surface under uneven light, with one scratch or none.

    The brush marks have a random direction; the scratch crosses them at 25 degrees or more. It is lighter or darker
    by 0.25 than the metal on the pixels of the mask and changes no others: the same seed without a scratch gives
    the same surface.
    Returns image (size×size, float32, 0..1) and mask (size×size, bool, True on the scratch).
    Raises ValueError if size < 16 or seed < 0.
    """
    if size < 16 or seed < 0:
        raise ValueError(f"size must be at least 16 and seed at least 0; got size={size}, seed={seed}")
    rng = np.random.default_rng(seed)
    axis = (torch.arange(size) + 0.5) * 2 / size - 1
    x, y = axis[None, :].expand(size, size), axis[:, None].expand(size, size)
    grain, light = rng.uniform(0, pi), rng.uniform(0, 2 * pi)
    # Brush marks: noise stretched along one direction, then turned.
    noise = torch.from_numpy(rng.standard_normal((1, 1, 2 * size, 2 * size))).float()
    kernel = max(3, size // 4) | 1
    marks = F.conv2d(noise, torch.full((1, 1, 1, kernel), kernel ** -0.5), padding=(0, kernel // 2))
    turned = torch.stack((x * cos(grain) + y * sin(grain), y * cos(grain) - x * sin(grain)), -1)[None] / 1.5
    marks = F.grid_sample(marks, turned, align_corners=False)[0, 0]
    glow = 0.1 * (x * cos(light) + y * sin(light)) - 0.05 * (x * x + y * y)
    image = (0.55 + glow + 0.04 * marks).clamp(0.3, 0.75)
    mask = torch.zeros(size, size, dtype=torch.bool)
    if scratch:
        angle = grain + rng.uniform(np.radians(25), np.radians(155))
        cx, cy = rng.uniform(-0.3, 0.3, 2)
        along = (x - cx) * cos(angle) + (y - cy) * sin(angle)
        across = (y - cy) * cos(angle) - (x - cx) * sin(angle)
        mask = (across.abs() < 1.6 / size) & (along.abs() < rng.uniform(0.5, 0.8))
        image = torch.where(mask, image + rng.choice((-0.25, 0.25)), image)
    return image, mask


# Surface roughness in turning
@dataclass
class Turning:
    """Turned parts; each field a float32 tensor of shape (count,)."""

    feed: Tensor             # mm a revolution
    nose_radius: Tensor      # mm
    cutting_speed: Tensor    # m/min
    roughness: Tensor        # measured Ra, µm
    true_roughness: Tensor   # Ra without the error of the measurement, µm


def ideal_roughness(feed: Tensor, nose_radius: Tensor) -> Tensor:
    """Arithmetic roughness Ra (µm) that the tool's round nose leaves in turning: 1000 · f² / (32 r).

    feed f in mm/rev, nose_radius r in mm. Source: M. P. Groover, Fundamentals of Modern Manufacturing, section on
    surface finish in machining. (The exact mean over an arc's parabola has 31.2 in place of 32.)
    """
    return 1000 * feed ** 2 / (32 * nose_radius)


def surface_roughness(count: int, seed: int, noise: float = 0.05) -> Turning:
    """Turned steel parts: feed, nose radius and cutting speed, and the roughness Ra that comes of them.

    Feed 0.05–0.4 mm/rev, nose radius 0.4–1.6 mm, cutting speed v 50–300 m/min, each uniform and independent.
    True Ra = sqrt((ideal · b)² + 0.2²) µm. Here b = 1 + 1.2 / (1 + exp((v − 100) / 15)) stands for the built-up
    edge, which roughens steel cut slowly and is gone at high speed (Groover, same section, plots the ratio of actual
    to ideal roughness; the curve and its numbers are this simulator's own), and 0.2 µm is the floor that vibration
    of the machine sets. Measured Ra = true Ra · exp(noise · z), z standard normal: noise is the relative error.
    Raises ValueError if count < 1, seed < 0 or noise < 0.
    """
    _check(count, seed)
    if noise < 0:
        raise ValueError(f"noise must be 0 or more; got {noise}")
    unit = torch.from_numpy(np.random.default_rng([seed, 0]).random((count, 3))).float()
    feed, nose_radius, speed = 0.05 + 0.35 * unit[:, 0], 0.4 + 1.2 * unit[:, 1], 50 + 250 * unit[:, 2]
    built_up = 1 + 1.2 * torch.sigmoid((100 - speed) / 15)
    true = torch.sqrt((ideal_roughness(feed, nose_radius) * built_up) ** 2 + 0.2 ** 2)
    error = torch.from_numpy(np.random.default_rng([seed, 1]).standard_normal(count)).float()
    return Turning(feed, nose_radius, speed, true * torch.exp(noise * error), true)
