"""Prepared files: a data set as plain tensors and text in one file that opens at once."""

import contextlib
import os
import pickle
import zlib
from typing import Any

import torch

from helpers.data.folders import read_folders, room_for, write_folder

VERSION = 1  # a change of the readers or of the layout needs another number


def open_prepared(name: str) -> dict[str, Any] | None:
    """The fields that `save_prepared` kept under `name`, or None if there are none or every file is damaged.

    Tensors are mapped from the file, not copied; writing into them does not change the file.
    """
    for folder in read_folders():  # one that is not there or not whole on a read-only share must not hide a good one
        with contextlib.suppress(OSError, RuntimeError, LookupError, TypeError, ValueError, pickle.UnpicklingError):
            saved = torch.load(folder / f"{name}.pt", weights_only=True, mmap=True)
            if saved["version"] == VERSION and saved["checksum"] == _checksum(saved["fields"]):
                return saved["fields"]
    return None


def save_prepared(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Keep `fields` under `name` and return them, mapped from the file so that their memory is free again.

    The caller holds the lock of `name`. Raises DataError if the disk is full; no partial file is left.
    """
    path = write_folder() / f"{name}.pt"
    temporary = path.with_name(f".{name}.part")  # one name, so that what a killed process left is replaced
    try:
        with room_for(path.name):
            temporary.unlink(missing_ok=True)  # not opened: it may be another user's
            with open(temporary, "wb") as stream:
                torch.save({"version": VERSION, "checksum": _checksum(fields), "fields": fields}, stream)
            os.replace(temporary, path)
    except RuntimeError as error:  # torch's writer hides the error of the disk behind its own
        if not isinstance(error.__context__, OSError):
            raise
        with room_for(path.name):
            raise error.__context__ from None
    finally:
        temporary.unlink(missing_ok=True)
    return open_prepared(name) or fields


def _checksum(fields: dict[str, Any]) -> int:
    """A CRC-32 over all values, so that a damaged file is noticed."""
    total = 0
    for key in sorted(fields):
        value = fields[key]
        many = isinstance(value, tuple) and all(map(torch.is_tensor, value))  # series of different lengths
        for part in value if many else (value,):
            raw = part.contiguous().view(torch.uint8).numpy() if isinstance(part, torch.Tensor) else repr(part).encode()
            total = zlib.crc32(raw, total)
    return total
