"""ELPV: electroluminescence images of solar cells, from the package elpv-dataset, and drawn cells that stand in."""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded, Wheel

COUNT = 2_624
LEVELS = torch.tensor([0, 1 / 3, 2 / 3, 1])  # an expert's answer: sound, probably sound, probably defective, defective
SHA256 = "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c"


@dataclass(frozen=True, eq=False, repr=False)
class SolarCells(Loaded):
    """Photographs of solar cells under current, in the order of the published list; dark places make no light."""

    images: Tensor  # uint8 (N, 1, 300, 300)
    defect_probability: Tensor  # float32 (N,): 0, 1/3, 2/3 or 1, from an expert's answers
    is_mono: Tensor  # bool (N,): monocrystalline, else polycrystalline


def _read(files: Files) -> dict[str, Any]:
    from PIL import Image

    images = torch.zeros(COUNT, 1, 300, 300, dtype=torch.uint8)
    with zipfile.ZipFile(files.paths[0]) as archive:
        listed = archive.read("elpv_dataset/data/labels.csv").decode().splitlines()
        names, answers, types = zip(*csv.reader(listed, delimiter=" ", skipinitialspace=True), strict=True)
        probability = torch.tensor([float(answer) for answer in answers])
        known = torch.isclose(probability[:, None], LEVELS, atol=0.01).any(1)
        if len(names) != COUNT or not set(types) <= {"mono", "poly"} or not known.all():
            raise ValueError(f"its list is not of {COUNT:,} mono or poly cells with probabilities of 0, 1/3, 2/3, 1")
        for image, name in zip(images, names, strict=True):
            if not re.fullmatch(r"images/cell\d{4}\.png", name):
                raise ValueError(f"its list names {name!r}, which is not an image of a cell")
            with Image.open(io.BytesIO(archive.read(f"elpv_dataset/data/{name}"))) as picture:
                if picture.size != (300, 300) or picture.mode != "L":
                    raise ValueError(f"{name} has {picture.size} pixels in mode {picture.mode}")
                image[0] = torch.tensor(np.asarray(picture))
    return {"images": images, "defect_probability": probability, "is_mono": torch.tensor([t == "mono" for t in types])}


def simulated_cells(count: int, seed: int) -> dict[str, Any]:
    """Solar cells drawn by a program, in the fractions of the real set: 57 % sound, 27 % defective, 41 % mono.

    Two dark busbars cross a cell; polycrystalline ones have grains, monocrystalline ones cut corners. A defect is a
    crack, or a part that a crack has cut off; the lower its probability, the fainter and smaller it is.
    """
    rng = np.random.default_rng(seed)
    level = LEVELS[torch.from_numpy(rng.choice(4, count, p=(0.57, 0.11, 0.05, 0.27)))]
    mono = torch.from_numpy(rng.random(count) < 0.41)
    images = [_draw(rng, *block) for block in zip(level.split(64), mono.split(64), strict=True)]
    return {"images": torch.cat(images), "defect_probability": level, "is_mono": mono}


def _draw(rng: np.random.Generator, level: Tensor, mono: Tensor) -> Tensor:
    def uniform(low: float, high: float, *size: int) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (len(level), *(size or (1, 1))))).float()

    axis = torch.linspace(-1, 1, 100)  # a third of the pixels
    x, y, level, mono = axis, axis[:, None], level[:, None, None], mono[:, None, None]
    glow = uniform(0.45, 0.8) * (1 - 0.25 * (x ** 4 + y ** 4) + uniform(-0.15, 0.15) * x)
    grain = torch.cdist(uniform(-1, 1, 50, 2), torch.cartesian_prod(axis, axis)).min(1).indices  # by the nearest seed
    shade = uniform(0.75, 1.1, 50).gather(1, grain).view_as(glow)
    boundary = (F.pad(shade.diff(dim=1), (0, 0, 1, 0)) != 0) | (F.pad(shade.diff(dim=2), (1, 0)) != 0)
    corner = x.abs() + y.abs() > uniform(1.75, 1.85)
    glow = torch.where(mono, torch.where(corner, 0.08, glow), glow * shade * (1 - 0.25 * boundary))
    glow = torch.where((y.abs() - 0.33).abs() < 0.035, 0.15, glow)
    angle, offset = uniform(0, torch.pi), uniform(-0.5, 0.5)
    across = x * angle.cos() + y * angle.sin() - offset + 0.05 * torch.sin(9 * (x - y) + uniform(0, 6))
    crack = (across.abs() < 0.02 + 0.02 * level) & ((y * angle.cos() - x * angle.sin()).abs() < 0.3 + 0.6 * level)
    dark = torch.where(uniform(0, 1) < 0.4, crack, across > 1.1 - 0.7 * level - offset.abs())
    glow = glow * (1 - (level > 0) * dark * (0.3 + 0.6 * level))
    glow = glow + 0.02 * torch.from_numpy(rng.standard_normal(glow.shape, dtype=np.float32))
    large = F.interpolate(glow.clamp(0, 1)[:, None], size=300, mode="bilinear")
    return (255 * large).round().to(torch.uint8)


ELPV = DataSet(
    name="elpv", title="ELPV solar cells", licence="CC BY-NC-SA 4.0",
    forms={"wheel": (File("elpv_dataset-1.0.0.post1-py3-none-any.whl", 90_801_454, f"sha256:{SHA256}",
                          wheel=Wheel("elpv-dataset==1.0.0.post1", SHA256)),)},
    read=_read, stand_in=lambda: simulated_cells(COUNT, seed=1))


def load_elpv() -> SolarCells:
    """2,624 solar cells (Deitsch et al. 2019), or drawn ones (see `source`). Raises DataError if a file is damaged."""
    return SolarCells(**load(ELPV))
