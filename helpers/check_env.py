"""`python -m helpers.check_env`: is this machine ready for the course? One line each, [OK] or [FAIL] with a cure."""

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator

import torch
from packaging.requirements import Requirement

from helpers.data.__main__ import where
from helpers.data.catalog import CATALOG
from helpers.data.folders import DataError, write_folder
from helpers.runtime import choose_device

PROJECT = "deep-learning-for-manufacturing"
INSTALL = "run the README's first command again, or: pip install -r requirements.txt"
Line = tuple[bool, str]


def check_python() -> Iterator[Line]:
    """The interpreter against the supported range."""
    needed = importlib.metadata.metadata(PROJECT)["Requires-Python"]
    good = sys.version_info >= (3, 11)
    cure = "" if good else f": the course needs {needed}; install a newer Python and make a new environment"
    yield good, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}{cure}"


def check_packages() -> Iterator[Line]:
    """Each package that the course needs, against its range in pyproject.toml."""
    for text in importlib.metadata.requires(PROJECT) or []:
        need = Requirement(text)
        if need.marker is not None:  # needed by the tests only
            continue
        try:
            version = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            yield False, f"{need.name} is missing (needs {need.specifier}): {INSTALL}"
            continue
        good = need.specifier.contains(version, prereleases=True)
        yield good, f"{need.name} {version}" + ("" if good else f" is not {need.specifier}: {INSTALL}")


def check_machine() -> Iterator[Line]:
    """Device, free memory and free disk."""
    try:
        device = choose_device()
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        yield True, f"device: {name}, {torch.get_num_threads()} CPU threads"
    except ValueError as error:
        yield False, str(error)
    try:
        gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 2**30
        good = gigabytes >= 3
        yield good, f"free memory: {gigabytes:.1f} GiB" + ("" if good else ": a notebook takes up to 3, close programs")
    except (AttributeError, ValueError, OSError):
        yield True, "free memory: not known on this system (a notebook takes up to 3 GiB)"
    try:
        gigabytes = shutil.disk_usage(write_folder()).free / 2**30
        good = gigabytes >= 2
        yield good, f"free disk for data: {gigabytes:.0f} GiB" + ("" if good else ": needs 2, or set COURSE_DATA")
    except DataError as error:
        yield False, str(error)


def check_data() -> Iterator[Line]:
    """Which data sets are here, and from where the others could be had."""
    for name, data_set in CATALOG.items():
        place = where(name)
        cure = f": python -m helpers.data fetch {name}" if place.startswith("to be had") else ""
        yield "nowhere" not in place, f"{data_set.title}: {place}{cure if 'nowhere' not in place else ''}"


def lines() -> Iterator[Line]:
    """All checks in order: (passed, text) a line. None of them raises or touches the network."""
    for check in (check_python, check_packages, check_machine, check_data):
        yield from check()


def main() -> int:
    """Print the lines; the exit code is the number of failures (0 when all is well)."""
    failures = 0
    for passed, text in lines():
        print(f"[{'OK' if passed else 'FAIL'}] {text}")
        failures += not passed
    return failures


if __name__ == "__main__":
    sys.exit(main())
