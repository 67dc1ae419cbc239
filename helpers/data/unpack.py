"""Read files without trusting them: no foreign pickle runs, no archive chooses a path, no value is out of range."""

import gzip
import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows numpy arrays and Python's plain containers, and refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        """The array type that a pickle asks for. Raises ValueError if it asks for anything else."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.empty(0).__reduce__()[0]  # the same function under any version of numpy
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise ValueError(f"its pickle asks for {module}.{name}; only numpy arrays are admitted")


def unpickle_arrays(stream: IO[bytes]) -> Any:
    """Read a pickle of plain containers and numpy arrays. Raises ValueError if it asks for anything else."""
    return _ArrayUnpickler(stream, encoding="bytes").load()


def tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in a .tar.gz. Raises ValueError for links, devices, absolute paths and ".."."""
    with gzip.open(path) as unzipped:
        with tarfile.open(fileobj=unzipped, mode="r|") as archive:
            for member in archive:
                parts = member.name.replace("\\", "/").split("/")
                if parts[0] == "" or ".." in parts or ":" in parts[0]:
                    raise ValueError(f"its member {member.name!r} points out of the archive")
                if not (member.isfile() or member.isdir()):
                    raise ValueError(f"its member {member.name!r} is a link or a device")
                if member.isfile():
                    yield member.name, archive.extractfile(member).read()
        while unzipped.read(1 << 20):  # to the end, where the checksum is: only then is the file known to be whole
            pass


def check_range(name: str, values: torch.Tensor, low: float, high: float) -> None:
    """Raise ValueError, with the first bad value, unless all of a column `name` lie between low and high."""
    bad = values[~((values >= low) & (values <= high))]  # this way round, not-a-number is bad as well
    if len(bad):
        raise ValueError(f"{name} is {bad.flatten()[0].item():g} somewhere, not within {low:g} to {high:g}")
