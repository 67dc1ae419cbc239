"""Where data files live, and how several processes share the folder."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock
import pooch


class DataError(RuntimeError):
    """A data set cannot be used: damaged, unsafe, or no room to store it. The message says what to do."""


class FetchError(DataError):
    """No source could deliver a data set. The message tells what was tried and why each source failed."""


def read_folders() -> list[Path]:
    """Folders that may hold data, preferred one first: COURSE_DATA or the repository's, then the user's cache."""
    repository = Path(__file__).resolve().parents[2]
    user = Path(pooch.os_cache("deep-learning-for-manufacturing"))
    if os.environ.get("COURSE_DATA"):
        return [Path(os.environ["COURSE_DATA"]).expanduser().absolute(), user]
    return [repository / "data", user] if (repository / "pyproject.toml").exists() else [user]


def write_folder() -> Path:
    """The first of `read_folders` that can be written to. Raises DataError if none can."""
    for folder in read_folders():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    raise DataError(f"No data folder can be written to ({' or '.join(map(str, read_folders()))}). "
                    "What to do: set COURSE_DATA to a folder of your own.")


def find(name: str) -> Path | None:
    """The path of a file in the data folders, or None."""
    return next((folder / name for folder in read_folders() if (folder / name).is_file()), None)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Let one process at a time fetch or prepare the data set `name`; the others wait for its result."""
    with filelock.FileLock(write_folder() / f".{name}.lock", mode=0o666):  # other users of a shared folder wait too
        yield


@contextlib.contextmanager
def room_for(name: str) -> Iterator[None]:
    """Turn a full disk into one DataError that says which file did not fit and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(f"{name}: the disk of {write_folder()} is full; nothing was kept of the file. What to do: "
                        "free some space, or set COURSE_DATA to a folder on another disk.") from error
