"""Images with labels: CIFAR-10 and MNIST brought to tensors, and their stand-ins."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from helpers.data import simulate, unpack
from helpers.data.catalog import CATALOG
from helpers.data.fetch import Found

MNIST_MD5 = {  # of the unpacked idx files, as published
    "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637",
}


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """Images with labels. Images are uint8 (N, C, H, W) in 0..255, labels int64 (N,)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    class_names: tuple[str, ...]
    name: str
    source: str  # which bytes these are and where they came from, in one line
    is_stand_in: bool  # simulated, because the data set could not be had

    def __repr__(self) -> str:
        channels, height, width = self.train_images.shape[1:]
        return (f"{self.name}: {len(self.train_images):,} training and {len(self.test_images):,} test images, "
                f"{channels}×{height}×{width}, {len(self.class_names)} classes. {self.source}")


def read_cifar10(found: Found) -> dict[str, Any]:
    """The fields of `ImageData` from either form of CIFAR-10. Raises ValueError if an image or a class is short."""
    kind = "PNG"
    if found.form == "python batches":
        train, test = unpack.cifar10_batches(found.paths[0])
    else:
        train, test, kind = unpack.cifar10_folders(found.paths[0], CATALOG["cifar10"].counts)
    label = "CIFAR-10" if kind == "PNG" else f"{kind} copy of CIFAR-10"
    if not found.official and kind == "PNG":
        label = "copy of CIFAR-10, not the official file"
    return _images("cifar10", label, found, train, test, unpack.CIFAR10_CLASSES)


def read_mnist(found: Found) -> dict[str, Any]:
    """The fields of `ImageData` from either form of MNIST. Raises ValueError if an image is missing."""
    if found.form == "idx files":
        arrays = [unpack.read_idx(path) for path in found.paths]
        train, test = ((x[:, None], y.astype(np.int64)) for x, y in (arrays[:2], arrays[2:]))
    else:
        train, test = unpack.mnist_pickle(found.paths[0])
    idx = [part for x, y in (train, test) for part in (x[:, 0], y)]
    same = {hashlib.md5(unpack.write_idx(array)).hexdigest() for array in idx} == MNIST_MD5
    label = "MNIST, official pixels" if same else "copy of MNIST, not the official pixels"
    return _images("mnist", label, found, train, test, tuple("0123456789"))


def _images(name: str, label: str, found: Found, train: unpack.Split, test: unpack.Split,
            class_names: tuple[str, ...]) -> dict[str, Any]:
    """Check counts and, for CIFAR-10, the class balance; name the source."""
    for (images, labels), count in zip((train, test), CATALOG[name].counts, strict=True):
        per_class = np.bincount(labels[labels >= 0], minlength=10)
        if len(images) != count or per_class.sum() != count:
            raise ValueError(f"it holds {per_class.sum():,} labelled images instead of {count:,}")
        if len(per_class) != 10 or (name == "cifar10" and (per_class != count // 10).any()):
            raise ValueError(f"it holds {per_class.tolist()} images a class")
    arrays = dict(zip(("train_images", "train_labels", "test_images", "test_labels"), (*train, *test), strict=True))
    return {**{key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in arrays.items()},
            "class_names": class_names, "source": found.source(label)}


def simulated_parts() -> dict[str, Any]:
    """The stand-in for CIFAR-10: photographs of machine parts, `simulate.part_images`."""
    return _simulated_images(simulate.part_images, tuple(simulate.PART_NAMES), 50_000)


def simulated_digits() -> dict[str, Any]:
    """The stand-in for MNIST: drawn digits, `simulate.digit_images`."""
    return _simulated_images(simulate.digit_images, tuple("0123456789"), 60_000)


def _simulated_images(draw: Callable[[int, int], tuple[torch.Tensor, torch.Tensor]], class_names: tuple[str, ...],
                      count: int) -> dict[str, Any]:
    (train_images, train_labels), (test_images, test_labels) = draw(count, 1), draw(10_000, 2)
    return {"train_images": train_images, "train_labels": train_labels, "test_images": test_images,
            "test_labels": test_labels, "class_names": class_names}
