"""CIFAR-10: small colour photographs of ten kinds of things, from the official archive or from a copy in folders."""

import io
import re
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, ImageData
from helpers.data.unpack import tar_members, unpickle_arrays

COUNTS = {"train": 50_000, "test": 10_000}
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = re.compile(r"cifar-10-batches-py/(?:data_batch_([1-5])|test_batch)")
PICTURE = re.compile(rf"cifar10/(train|test)/({'|'.join(CLASS_NAMES)})/(\d+)_\2\.(?:png|jpe?g)")  # official index
SHAPES = {  # of the stand-in: number, depth and twist of a part's lobes, radius of its hole; its usual red, green, blue
    "disc": (0, 0, 0, 0, 0.6, 0.6, 0.65), "washer": (0, 0, 0, 0.5, 0.8, 0.8, 0.8),
    "cam": (1, 0.3, 0, 0.2, 0.5, 0.5, 0.5), "link": (2, 0.4, 0, 0.3, 0.3, 0.4, 0.7),
    "fan": (3, 0.5, 3, 0.15, 0.7, 0.25, 0.2), "cross": (4, 0.3, 0, 0, 0.75, 0.65, 0.3),
    "impeller": (5, 0.35, 3, 0.15, 0.75, 0.45, 0.3), "knob": (5, 0.25, 0, 0.3, 0.2, 0.2, 0.25),
    "nut": (6, 0.08, 0, 0.45, 0.65, 0.65, 0.6), "gear": (10, 0.15, 0, 0.25, 0.3, 0.5, 0.35)}


def _read(files: Files) -> dict[str, Any]:
    from PIL import Image

    label = "CIFAR-10" if files.official else "copy of CIFAR-10, not the official file"
    images = {part: np.zeros((count, 3, 32, 32), np.uint8) for part, count in COUNTS.items()}
    labels = {part: np.full(count, -1) for part, count in COUNTS.items()}  # -1: the image is missing
    for name, raw in tar_members(files.paths[0]):
        if match := BATCH.fullmatch(name):
            batch = unpickle_arrays(io.BytesIO(raw))
            part, count = "train" if match[1] else "test", len(batch[b"labels"])
            rows = np.arange(count) + count * (int(match[1] or 1) - 1)
            images[part][rows] = batch[b"data"].reshape(count, 3, 32, 32)
            labels[part][rows] = batch[b"labels"]
        elif match := PICTURE.fullmatch(name):
            with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")) as picture:
                images[match[1]][int(match[3])] = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
                label = "JPEG copy of CIFAR-10" if picture.format == "JPEG" else label
            labels[match[1]][int(match[3])] = CLASS_NAMES.index(match[2])
    for part, count in COUNTS.items():
        per_class = np.bincount(labels[part] + 1, minlength=11)[1:].tolist()
        if per_class != [count // 10] * 10:
            raise ValueError(f"its {part} part holds {per_class} images a class instead of {count // 10} each")
    fields = {f"{part}_images": torch.from_numpy(images[part]) for part in COUNTS}
    fields |= {f"{part}_labels": torch.from_numpy(labels[part]) for part in COUNTS}
    return fields | {"class_names": CLASS_NAMES, "label": label}


def _photograph(labels: Tensor, generator: torch.Generator) -> Tensor:
    def uniform(low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(len(labels), *(size or (1, 1, 1)), generator=generator)

    def texture(cells: int) -> Tensor:
        noise = F.interpolate(uniform(-0.5, 0.5, 1, cells, cells), size=32, mode="bilinear")
        return uniform(0, 0.8) * noise

    lobes, depth, twist, hole, *colour = torch.tensor(list(SHAPES.values()))[labels].T[..., None, None, None]
    axis = torch.linspace(-1, 1, 32)
    x, y = axis - uniform(-0.3, 0.3), axis[:, None] - uniform(-0.3, 0.3)
    turn, shorter, size = uniform(0, 2 * torch.pi), uniform(0.7, 1), uniform(0.5, 0.85)
    u, v = x * turn.cos() + y * turn.sin(), (y * turn.cos() - x * turn.sin()) / shorter
    radius = torch.hypot(u, v) / size
    lobe = (2 * torch.cos(lobes * torch.atan2(v, u) + twist * radius)).clamp(-1, 1)
    distance = torch.minimum((1 + depth * lobe) / (1 + depth) - radius, radius - hole)  # from the edge, inwards
    part = (torch.cat(colour, 1) + uniform(-0.25, 0.25) + uniform(-0.3, 0.3, 3, 1, 1)).clamp(0.1, 0.9)
    contrast = uniform(0.15, 0.6) * uniform(-1, 1).sign()
    ground = part.mean(1, keepdim=True) + contrast + uniform(-0.1, 0.1, 3, 1, 1) + texture(5) + texture(12)
    image = torch.lerp(ground, part + texture(8), (8 * distance + 0.5).clamp(0, 1))
    image = image + uniform(-0.2, 0.2) * x + uniform(-0.2, 0.2) * y  # uneven light
    image = image + uniform(0.01, 0.06) * torch.randn(image.shape, generator=generator)
    return (255 * image.clamp(0, 1)).to(torch.uint8)


def _stand_in() -> dict[str, Any]:
    fields: dict[str, Any] = {"class_names": tuple(SHAPES)}
    for seed, (part, count) in enumerate(COUNTS.items()):
        generator = torch.Generator().manual_seed(seed)
        labels = torch.rand(count // 10, 10, generator=generator).argsort(1).flatten()  # each kind once in ten
        images = torch.cat([_photograph(block, generator) for block in labels.split(1_000)])
        fields |= {f"{part}_images": images, f"{part}_labels": labels}
    return fields


CIFAR10 = DataSet(
    name="cifar10", title="CIFAR-10", licence="none stated",
    forms={
        "python batches": (File("cifar-10-python.tar.gz", 170_498_071, "md5:c58f30108f718f92721af3b95e74349a",
                                ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",)),),
        "image folders": (File("cifar10.tgz", 135_000_000, None,
                               ("https://s3.amazonaws.com/fast-ai-imageclas/cifar10.tgz",)),)},
    read=_read, stand_in=_stand_in)


def load_cifar10() -> ImageData:
    """50,000 + 10,000 photographs (Krizhevsky 2009), or drawn parts (see `source`). Raises DataError if damaged."""
    return ImageData(**load(CIFAR10))
