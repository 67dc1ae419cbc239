"""ELPV: electroluminescence images of solar cells, from the package elpv-dataset; scratched metal stands in."""

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
from helpers.data.surfaces import scratched_surface

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


def _stand_in() -> dict[str, Any]:
    """Brushed metal in place of cells, scratched as often as the answers say; one type has a bright edge."""
    rng = np.random.default_rng(1)
    level = LEVELS[torch.from_numpy(rng.choice(4, COUNT, p=(0.57, 0.11, 0.05, 0.27)))]  # as often as in the real set
    mono = torch.from_numpy(rng.random(COUNT) < 0.41)
    scratched = rng.random(COUNT) < level.numpy()
    images = torch.empty(COUNT, 1, 300, 300, dtype=torch.uint8)
    for seed, image in enumerate(images):
        small, _ = scratched_surface(scratch=bool(scratched[seed]), seed=seed)
        small[:2] += 0.2 * mono[seed]
        image[0] = 255 * F.interpolate(small[None, None].clamp(0, 1), size=300, mode="bilinear")[0, 0]
    return {"images": images, "defect_probability": level, "is_mono": mono}


ELPV = DataSet(
    name="elpv", title="ELPV solar cells", licence="CC BY-NC-SA 4.0",
    forms={"wheel": (File("elpv_dataset-1.0.0.post1-py3-none-any.whl", 90_801_454, f"sha256:{SHA256}",
                          wheel=Wheel("elpv-dataset==1.0.0.post1", SHA256)),)},
    read=_read, stand_in=_stand_in)


def load_elpv() -> SolarCells:
    """2,624 solar cells (Deitsch et al. 2019), or drawn metal (see `source`). Raises DataError if a file is damaged."""
    return SolarCells(**load(ELPV))
