"""Electroluminescence images of solar cells: the reader of the ELPV set, and a simulator that stands in for it."""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

SIZE = 300  # pixels along a side
LEVELS = (0.0, 1 / 3, 2 / 3, 1.0)  # an expert's answer: sound, probably sound, probably defective, defective


@dataclass(frozen=True, eq=False, repr=False)
class SolarCells:
    """Photographs of solar cells under current, in the order of the published list; dark places make no light."""

    images: Tensor  # uint8 (N, 1, 300, 300)
    defect_probability: Tensor  # float32 (N,): 0, 1/3, 2/3 or 1, from an expert's answers
    is_mono: Tensor  # bool (N,): monocrystalline, else polycrystalline
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return (f"{len(self.images):,} solar cells, {int(self.is_mono.sum()):,} of them monocrystalline, "
                f"{int((self.defect_probability > 0.5).sum()):,} rather defective than sound. {self.source}")


def read_cells(path: Path, count: int) -> dict[str, Any]:
    """Images, defect probabilities and types from the wheel elpv-dataset, which is a zip; nothing is written to disk.

    Raises ValueError if the list is not as published or an image is not grey with 300×300 pixels.
    """
    with zipfile.ZipFile(path) as archive:
        listed = archive.read("elpv_dataset/data/labels.csv").decode().splitlines()
        rows = list(csv.reader(listed, delimiter=" ", skipinitialspace=True))
        if len(rows) != count:
            raise ValueError(f"its list has {len(rows):,} cells instead of {count:,}")
        images = np.stack([_image(archive, row[0]) for row in rows])
    probability = torch.tensor([float(row[1]) for row in rows])
    known = torch.isclose(probability[:, None], torch.tensor(LEVELS), atol=0.01).any(1)
    if any(row[2] not in ("mono", "poly") for row in rows) or not known.all():
        raise ValueError("its list has an unknown type of cell, or a probability that is not 0, 1/3, 2/3 or 1")
    return {"images": torch.from_numpy(images), "defect_probability": probability,
            "is_mono": torch.tensor([row[2] == "mono" for row in rows])}


def _image(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    if not re.fullmatch(r"images/cell\d{4}\.png", name):
        raise ValueError(f"its list names {name!r}, which is not an image of a cell")
    with Image.open(io.BytesIO(archive.read(f"elpv_dataset/data/{name}"))) as picture:
        if picture.size != (SIZE, SIZE) or picture.mode != "L":
            raise ValueError(f"{name} has {picture.size} pixels in mode {picture.mode}")
        return np.asarray(picture)[None]


def simulated_cells(count: int, seed: int) -> dict[str, Any]:
    """Solar cells drawn by a program, with the shares of the real set: 57 % sound, 27 % defective, the rest between.

    A cell glows, less towards its edge; two dark busbars cross it. Polycrystalline cells have grains of different
    brightness, and dark grain boundaries that are no defect; monocrystalline ones are even, with cut corners.
    A defect is a crack, a part that a crack has cut off, or a stripe between the busbars; the lower the defect
    probability, the fainter and smaller it is. The same fields as `read_cells`. Raises ValueError if count < 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more; got {count}")
    rng = np.random.default_rng(seed)
    probability = rng.choice(4, count, p=(0.57, 0.11, 0.05, 0.27))
    mono = rng.random(count) < 0.41
    images = torch.stack([_draw(rng, LEVELS[k], m) for k, m in zip(probability, mono, strict=True)])
    return {"images": images[:, None], "defect_probability": torch.tensor([LEVELS[k] for k in probability]),
            "is_mono": torch.from_numpy(mono)}


def _draw(rng: np.random.Generator, level: float, mono: bool, size: int = 100) -> Tensor:
    """One cell, uint8 (300, 300), drawn with a third of the pixels."""
    axis = torch.linspace(-1, 1, size)
    x, y = axis[None].expand(size, size), axis[:, None].expand(size, size)
    glow = rng.uniform(0.45, 0.8) * (1 - 0.25 * (x.abs() ** 4 + y.abs() ** 4) + 0.1 * rng.normal() * x)
    if mono:
        glow = torch.where(x.abs() + y.abs() > rng.uniform(1.75, 1.85), 0.08, glow)
    else:
        seeds = torch.from_numpy(rng.uniform(-1, 1, (60, 2))).float()
        nearest, grain = torch.cdist(torch.stack([x, y], -1).reshape(-1, 2), seeds).topk(2, largest=False)
        shade = torch.from_numpy(rng.uniform(0.75, 1.1, 60)).float()
        boundary = (nearest[:, 1] - nearest[:, 0] < 0.03).float().view(size, size)
        glow = glow * shade[grain[:, 0]].view(size, size) * (1 - 0.25 * boundary)
    for bar in (-0.33, 0.33):
        glow = torch.where((y - bar).abs() < 0.035, 0.15, glow)
    if level:
        glow = _damage(rng, glow, x, y, level)
    noisy = glow + 0.02 * torch.from_numpy(rng.standard_normal((size, size))).float()
    large = F.interpolate(noisy.clamp(0, 1)[None, None], size=(SIZE, SIZE), mode="bilinear")
    return (255 * large[0, 0]).round().to(torch.uint8)


def _damage(rng: np.random.Generator, glow: Tensor, x: Tensor, y: Tensor, level: float) -> Tensor:
    """A crack, a part that is cut off, or a stripe, on a cell."""
    angle, kind = rng.uniform(0, np.pi), rng.choice(3)
    offset = rng.uniform(-0.5, 0.5)
    across = x * np.cos(angle) + y * np.sin(angle) - offset + 0.05 * torch.sin(9 * (x - y) + rng.uniform(0, 6))
    along = y * np.cos(angle) - x * np.sin(angle)
    depth = 0.3 + 0.6 * level
    if kind == 0:
        dark = (across.abs() < 0.02 + 0.02 * level) & (along.abs() < 0.3 + 0.6 * level)
    elif kind == 1:
        dark = across > 1.1 - 0.7 * level - abs(offset)
    else:
        dark = ((x - offset).abs() < 0.03 + 0.1 * level) & ((y / 0.33).round() == rng.integers(-2, 3))
    return torch.where(dark, glow * (1 - depth), glow)
