"""CIFAR-10: small colour photographs of ten kinds of things, from the official archive or from a copy in folders."""

import io
import re
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from helpers.data.load import load
from helpers.data.mnist import drawn_digits
from helpers.data.record import DataSet, File, Files, ImageData
from helpers.data.unpack import tar_members, unpickle_arrays

COUNTS = {"train": 50_000, "test": 10_000}
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = re.compile(r"cifar-10-batches-py/(?:data_batch_([1-5])|test_batch)")
PICTURE = re.compile(rf"cifar10/(train|test)/({'|'.join(CLASS_NAMES)})/(\d+)_\2\.(?:png|jpe?g)")  # official index


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


def _stand_in() -> dict[str, Any]:
    """Coloured digits on a coloured ground, uneven light and noise; the digit is mostly lighter than the ground."""
    fields: dict[str, Any] = {"class_names": tuple("0123456789")}
    for seed, (part, count) in enumerate(COUNTS.items()):
        digits, fields[f"{part}_labels"] = drawn_digits(count, seed)
        generator = torch.Generator().manual_seed(seed)
        ground, colour, slope = torch.rand(3, count, 3, 1, 1, generator=generator)
        light = 0.3 * (slope - 0.5) * torch.linspace(-1, 1, 32)
        images = torch.lerp(0.7 * ground, 0.3 + 0.7 * colour, F.pad(digits, [2] * 4)).add_(light)
        noise = torch.randint(0, 30, images.shape, generator=generator, dtype=torch.uint8)
        fields[f"{part}_images"] = images.clamp_(0, 1).mul_(225).to(torch.uint8) + noise
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
    """50,000 + 10,000 photographs (Krizhevsky 2009), or drawn digits (see `source`). Raises DataError if damaged."""
    return ImageData(**load(CIFAR10))
