"""Read the files of the data sets without trusting them: no foreign pickle runs, no archive chooses a path."""

import gzip
import io
import pickle
import re
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from PIL import Image

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
Split = tuple[np.ndarray, np.ndarray]  # images uint8 (N, C, H, W), labels int64 (N,)


class UnsafeFile(ValueError):
    """A file asks for something that a data file has no business to ask for."""


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows numpy arrays and Python's plain containers, and refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        """The array type that a pickle asks for. Raises UnsafeFile if it asks for anything else."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.empty(0).__reduce__()[0]  # the same function under any version of numpy
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise UnsafeFile(f"its pickle asks for {module}.{name}; only numpy arrays are admitted")


def check_range(name: str, values: torch.Tensor, low: float, high: float) -> None:
    """Raise ValueError, with the first bad value, unless all of a column `name` lie between low and high."""
    bad = values[~((values >= low) & (values <= high))]  # this way round, not-a-number is bad as well
    if len(bad):
        raise ValueError(f"{name} is {bad.flatten()[0].item():g} somewhere, not within {low:g} to {high:g}")


def unpickle_arrays(stream: IO[bytes]) -> Any:
    """Read a pickle of plain containers and numpy arrays. Raises UnsafeFile if it asks for anything else."""
    try:
        return _ArrayUnpickler(stream, encoding="bytes").load()
    except UnsafeFile:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ValueError(f"its pickle is damaged ({type(error).__name__})") from error


def tar_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and stream of each file in a .tar.gz, in order; nothing is written to disk.

    Raises UnsafeFile for links, devices, absolute paths and "..", OSError or EOFError for a damaged file.
    """
    with gzip.open(path) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as archive:
        for member in archive:
            parts = member.name.replace("\\", "/").split("/")
            if parts[0] == "" or ".." in parts or ":" in parts[0]:
                raise UnsafeFile(f"its member {member.name!r} points out of the archive")
            if not (member.isfile() or member.isdir()):
                raise UnsafeFile(f"its member {member.name!r} is a link or a device")
            stream = archive.extractfile(member)
            if stream is not None:
                yield member.name, stream
        _check_end(unzipped)


def _check_end(unzipped: IO[bytes]) -> None:
    """Read a gzip file to its end, where its checksum is: only then is it known to be whole."""
    while unzipped.read(1 << 20):
        pass


def cifar10_batches(path: Path) -> tuple[Split, Split]:
    """Training and test part from cifar-10-python.tar.gz: pickled rows of 3,072 bytes, colour by colour."""
    batches = {name.rpartition("/")[2]: unpickle_arrays(stream) for name, stream in tar_members(path)
               if re.fullmatch(r"cifar-10-batches-py/(data_batch_[1-5]|test_batch)", name)}

    def join(names: list[str]) -> Split:
        images = np.concatenate([batches[name][b"data"] for name in names])
        labels = np.concatenate([batches[name][b"labels"] for name in names])
        return images.reshape(-1, 3, 32, 32), labels.astype(np.int64)

    return join([f"data_batch_{i}" for i in range(1, 6)]), join(["test_batch"])


def cifar10_folders(path: Path, counts: tuple[int, int]) -> tuple[Split, Split, str]:
    """Training and test part from cifar10/{train,test}/{class}/{index}_{class}.{png,jpg}, and "PNG" or "JPEG".

    The index is the image's place in the official order. An image that is missing has the label -1.
    """
    splits = {part: (np.zeros((count, 3, 32, 32), np.uint8), np.full(count, -1, np.int64))
              for part, count in zip(("train", "test"), counts, strict=True)}
    kind = "PNG"
    pattern = re.compile(rf"cifar10/(train|test)/({'|'.join(CIFAR10_CLASSES)})/0*(\d+)_\2\.(png|jpe?g)")
    for name, stream in tar_members(path):
        if match := pattern.fullmatch(name):
            images, labels = splits[match[1]]
            image = Image.open(io.BytesIO(stream.read()), formats=("PNG", "JPEG")).convert("RGB")
            images[int(match[3])] = np.asarray(image).transpose(2, 0, 1)
            labels[int(match[3])] = CIFAR10_CLASSES.index(match[2])
            kind = "PNG" if match[4] == "png" else "JPEG"
    return splits["train"], splits["test"], kind


def read_idx(path: Path) -> np.ndarray:
    """An array of bytes from a gzipped idx file: 0, 0, type 8, number of axes, their lengths, the bytes."""
    with gzip.open(path) as stream:
        zero, kind, axes = struct.unpack(">HBB", stream.read(4))
        if zero != 0 or kind != 8:
            raise ValueError("it does not begin like an idx file of bytes")
        shape = struct.unpack(f">{axes}I", stream.read(4 * axes))
        return np.frombuffer(bytearray(stream.read()), np.uint8).reshape(shape)


def write_idx(array: np.ndarray) -> bytes:
    """The bytes of an array in idx format, for comparison with published checksums."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def mnist_pickle(path: Path) -> tuple[Split, Split]:
    """Training and test part from mnist.pkl.gz: three pairs of float32 (N, 784) and labels, 50k, 10k, 10k.

    The pixels are multiples of 1/256 there, so x * 256 gives the original bytes back exactly.
    """
    with gzip.open(path) as stream:
        parts = unpickle_arrays(stream)
        _check_end(stream)
    images = [np.rint(x * 256).astype(np.uint8).reshape(-1, 1, 28, 28) for x, _ in parts]
    labels = [y.astype(np.int64) for _, y in parts]
    return (np.concatenate(images[:2]), np.concatenate(labels[:2])), (images[2], labels[2])
