"""A data set as tensors and text: from its cache, else from its files, else from its stand-in."""

import contextlib
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from helpers.data.fetch import DataError, FetchError, fetch, find, folders, locked
from helpers.data.record import DataSet, Files
from helpers.runtime import switch

VERSION = 2  # a change of the readers or of the cache's layout needs another number


def load(data: DataSet) -> dict[str, Any]:
    """The fields of a data set; those of its stand-in if no source delivers, or COURSE_STANDIN is on.

    `source` tells which, and beside a stand-in why. Raises DataError if a file is damaged or cannot be stored.
    """
    reasons = "COURSE_STANDIN is on: unset it to use the data."
    if not switch("COURSE_STANDIN"):
        try:
            return cache(data)["fields"] | {"is_stand_in": False}
        except FetchError as error:
            reasons = str(error)
    line = f"STAND-IN: simulated in place of {data.title}; results on it are not results on {data.title}."
    return data.stand_in() | {"is_stand_in": True, "source": f"{line}\n{reasons}"}


def cache(data: DataSet) -> dict[str, Any]:
    """What is kept of a data set, never of its stand-in, made first if need be: `fields`, `form`, `sizes` of the files.

    Raises FetchError if no source delivers, DataError if a file is damaged or cannot be stored.
    """
    kept = cached(data)
    if kept is None:
        with locked(data.name) as part:
            try:
                kept = cached(data) or _read(data, fetch(data, part), part)  # another process may have been faster
            except FetchError:
                kept = cached(data, strict=False)  # a mirror that is just being filled must not hide it
                if kept is None:
                    raise
    return kept


def cached(data: DataSet, strict: bool = True) -> dict[str, Any] | None:
    """The cache of a data set, unless there is none or (if `strict`) another file has come since."""
    for mirror in (False, True):
        for number, files in enumerate(data.forms.values()):
            paths = [find(file.name, mirror) for file in files]
            sizes = [path.stat().st_size for path in paths] if strict and all(paths) else None
            kept = _open(f"{data.name}-{number}.pt", sizes) if sizes or mirror else None
            if sizes or kept:
                return kept
    return None


def _read(data: DataSet, files: Files, part: Path) -> dict[str, Any]:
    """Read the files of a data set and keep the result. Raises DataError, and keeps no file that was fetched."""
    try:
        fields = data.read(files)
    except Exception as error:  # a damaged file can raise nearly anything
        for path in files.fetched:
            path.unlink(missing_ok=True)
        raise DataError(f"{data.title}: {files.names} ({files.origin}) cannot be used: {str(error) or repr(error)}. "
                        "What to do: replace or remove the file where it came from, then load again.") from error
    label = data.title
    if not files.official:  # either known to differ, or nobody has published their sums
        known = all(file.hash for file in data.forms[files.form])
        label = f"copy of {data.title}, not the official bytes" if known else f"unverified copy of {data.title}"
    fields["source"] = f"{fields.pop('label', label)} ({files.names}), {files.origin}"
    sizes = [path.stat().st_size for path in files.paths]
    name = f"{data.name}-{list(data.forms).index(files.form)}.pt"
    return _save(name, {"fields": fields, "form": files.form, "sizes": sizes}, part)


def _open(name: str, sizes: list[int] | None = None) -> dict[str, Any] | None:
    """A whole cache (of files of these sizes), or None. Tensors are mapped: writing into them changes no file."""
    for folder in folders():  # one that is not there or not whole on a read-only share must not hide a good one
        with contextlib.suppress(Exception):  # a damaged file can raise nearly anything
            kept = torch.load(folder / name, weights_only=True, mmap=True)
            whole = zipfile.ZipFile(folder / name).testzip() is None  # damage is noticed by the checksums
            if whole and kept["version"] == VERSION and sizes in (None, kept["sizes"]):
                return kept
    return None


def _save(name: str, kept: dict[str, Any], part: Path) -> dict[str, Any]:
    """Keep a cache and return it, mapped from its file so that its memory is free again."""
    try:
        with open(part / name, "wb") as stream:
            torch.save(kept | {"version": VERSION}, stream)
    except RuntimeError as error:  # torch's writer hides the error of the disk behind its own
        raise error.__context__ if isinstance(error.__context__, OSError) else error from None
    with contextlib.suppress(PermissionError):  # Windows: another kernel has the old one open
        os.replace(part / name, part.parent / name)
    return _open(name, kept["sizes"]) or kept
