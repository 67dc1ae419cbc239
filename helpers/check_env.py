"""`python -m helpers.check_env`: is this machine ready? A line each, with a cure. Needs Python 3.8 and nothing else."""

import contextlib
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

PROJECT = "deep-learning-for-manufacturing"
INSTALL = "run the README's first command again, or: pip install -r requirements.txt"


def check_python():
    """The interpreter and the system, against what PyTorch has packages for: (passed, text) a line."""
    system, machine = platform.system(), platform.machine()
    cure = "" if (3, 11) <= sys.version_info < (3, 15) else ": the course needs 3.11 to 3.14; make a new environment"
    yield not cure, f"Python {platform.python_version()} on {system} {machine}{cure}"
    musl = system == "Linux" and "musl" in str(getattr(sys.implementation, "_multiarch", ""))
    if (system, machine) in (("Darwin", "x86_64"), ("Windows", "ARM64")) or musl:
        yield False, "PyTorch has no packages for Intel Macs, Windows on ARM and Alpine Linux: use another machine"


def check_packages():
    """Each package that the course needs, against its range in pyproject.toml."""
    try:
        from packaging.requirements import Requirement
        needs = [Requirement(text) for text in metadata.requires(PROJECT)]
    except (ImportError, metadata.PackageNotFoundError):
        yield False, f"the course is not installed in this environment ({sys.prefix}): {INSTALL}"
        return
    for need in (need for need in needs if need.marker is None):  # no extras
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            yield False, f"{need.name} is missing (needs {need.specifier}): {INSTALL}"
            continue
        good = need.specifier.contains(version, prereleases=True)
        yield good, f"{need.name} {version}" + ("" if good else f" is not {need.specifier}: {INSTALL}")


def free_memory(group=Path("/sys/fs/cgroup")):
    """GiB that a program may still take: what the system calls available, or less in a container with a limit."""
    import psutil
    free = [psutil.virtual_memory().available]
    with contextlib.suppress(OSError, ValueError):  # no such files, or "max": no limit
        limit, used = (int((group / name).read_text("utf-8")) for name in ("memory.max", "memory.current"))
        known = dict(line.split() for line in (group / "memory.stat").read_text("utf-8").splitlines())
        free.append(limit - used + int(known["inactive_file"]))  # files that the system only remembers do not count
    return min(free) / 2**30


def check_machine():
    """Device, load, free memory, free disk, and which data sets are here."""
    try:
        import psutil
        import torch

        from helpers.data.__main__ import places
        from helpers.data.fetch import write_folder
        from helpers.runtime import choose_device
        device = choose_device()
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        yield True, f"device: {name}, {torch.get_num_threads()} CPU threads"
        busy = psutil.cpu_percent(0.3)
        yield True, f"load: {busy:.0f} % of {os.cpu_count()} cores" + (
            ", so a lesson takes longer than it says; close other programs" if busy > 50 else "")
        memory, disk = free_memory(), shutil.disk_usage(str(write_folder())).free / 2**30
        yield memory >= 3, f"free memory: {memory:.1f} GiB" + ("" if memory >= 3 else ": needs 3, close programs")
        yield disk >= 2, f"free disk for data: {disk:.0f} GiB" + ("" if disk >= 2 else ": needs 2, or set COURSE_DATA")
        yield from places()
    except Exception as error:  # whatever a package that is missing or broken raises is the line to show
        cure = "" if isinstance(error, (ValueError, RuntimeError)) else f" ({INSTALL})"  # these say what to do
        cure += "; on Windows install Microsoft's Visual C++ Redistributable" if "c10" in str(error) else ""
        yield False, f"{type(error).__name__}: {error}{cure}"


def main():
    """Print a line a check; the result is the number of failures. Nothing is asked of the network."""
    for passed, text in (shown := [*check_python(), *check_packages(), *check_machine()]):
        print(f"[{'OK' if passed else 'FAIL'}] {text}")
    return sum(not passed for passed, _ in shown)


if __name__ == "__main__":
    sys.exit(main())
