"""Metal surfaces, simulated with known truth: pictures with or without a scratch, and roughness after turning."""

from dataclasses import dataclass
from math import cos, pi, radians, sin

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def scratched_surface(size: int = 64, scratch: bool = True, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A brushed metal surface under uneven light: image (size, size) float32 in 0..1, mask (size, size) bool.

    The scratch crosses the brush marks at 25 degrees or more. It is lighter or darker by 0.25 than the metal on the
    pixels of the mask, and changes no others. Raises ValueError if size < 16 or seed < 0.
    """
    if size < 16 or seed < 0:
        raise ValueError(f"size must be at least 16 and seed at least 0; got size={size}, seed={seed}")
    rng = np.random.default_rng(seed)
    axis = (torch.arange(size) + 0.5) * 2 / size - 1
    x, y = axis[None, :].expand(size, size), axis[:, None].expand(size, size)
    grain, light = rng.uniform(0, pi), rng.uniform(0, 2 * pi)
    noise = torch.from_numpy(rng.standard_normal((1, 1, 2 * size, 2 * size))).float()
    length = max(3, size // 4) | 1  # of the brush marks: noise stretched along one direction, then turned
    marks = F.conv2d(noise, torch.full((1, 1, 1, length), length ** -0.5), padding=(0, length // 2))
    turned = torch.stack((x * cos(grain) + y * sin(grain), y * cos(grain) - x * sin(grain)), -1)[None] / 1.5
    marks = F.grid_sample(marks, turned, align_corners=False)[0, 0]
    glow = 0.1 * (x * cos(light) + y * sin(light)) - 0.05 * (x * x + y * y)
    image, mask = (0.55 + glow + 0.04 * marks).clamp(0.3, 0.75), torch.zeros(size, size, dtype=torch.bool)
    if scratch:
        angle, (cx, cy) = grain + rng.uniform(radians(25), radians(155)), rng.uniform(-0.3, 0.3, 2)
        along = (x - cx) * cos(angle) + (y - cy) * sin(angle)
        across = (y - cy) * cos(angle) - (x - cx) * sin(angle)
        mask = (across.abs() < 1.6 / size) & (along.abs() < rng.uniform(0.5, 0.8))
        image = torch.where(mask, image + rng.choice((-0.25, 0.25)), image)
    return image, mask


@dataclass
class Turning:
    """Turned parts; each field a float32 tensor of shape (count,)."""

    feed: Tensor  # mm a revolution
    nose_radius: Tensor  # mm
    cutting_speed: Tensor  # m/min
    roughness: Tensor  # measured Ra, µm
    true_roughness: Tensor  # Ra without the error of the measurement, µm


def ideal_roughness(feed: Tensor, nose_radius: Tensor) -> Tensor:
    """Arithmetic roughness Ra (µm) that a tool of this nose radius (mm) leaves at a feed (mm/rev): 1000 · f² / (32 r).

    Source: M. P. Groover, Fundamentals of Modern Manufacturing, section on surface finish in machining.
    """
    return 1000 * feed ** 2 / (32 * nose_radius)


def surface_roughness(count: int, seed: int, noise: float = 0.05) -> Turning:
    """Turned steel parts: feed 0.05–0.4 mm/rev, nose radius 0.4–1.6 mm, cutting speed v 50–300 m/min, each uniform.

    True Ra = sqrt((ideal · b)² + 0.2²) µm. Here b = 1 + 1.2 / (1 + exp((v − 100) / 15)) stands for the built-up edge,
    which roughens steel cut slowly and is gone at high speed (Groover, same section, plots the ratio of actual to ideal
    roughness; the curve and its numbers are this simulator's own), and 0.2 µm is the floor that vibration of the
    machine sets. Measured Ra = true Ra · exp(noise · z), z standard normal. Raises ValueError for a bad argument.
    """
    if count < 1 or seed < 0 or noise < 0:
        raise ValueError(f"count must be at least 1, seed and noise at least 0; got {count}, {seed} and {noise}")
    unit = torch.from_numpy(np.random.default_rng([seed, 0]).random((count, 3))).float()
    feed, nose_radius, speed = 0.05 + 0.35 * unit[:, 0], 0.4 + 1.2 * unit[:, 1], 50 + 250 * unit[:, 2]
    built_up = 1 + 1.2 * torch.sigmoid((100 - speed) / 15)
    true = torch.sqrt((ideal_roughness(feed, nose_radius) * built_up) ** 2 + 0.2 ** 2)
    error = torch.from_numpy(np.random.default_rng([seed, 1]).standard_normal(count)).float()
    return Turning(feed, nose_radius, speed, true * torch.exp(noise * error), true)
