"""`python -m helpers.data` lists the data sets; `python -m helpers.data fetch NAME|all` gets them before class."""

import argparse
import os
import sys
from urllib.parse import urlsplit

from helpers.data.catalog import CATALOG
from helpers.data.folders import DataError, find, read_folders
from helpers.data.load import prepare


def where(name: str) -> str:
    """Where a data set is, or from where it could be had, in a few words."""
    if find(f"{name}.pt"):
        return "here"
    files = [file for form in CATALOG[name].forms.values() for file in form]
    if any(all(find(file.name) for file in form) for form in CATALOG[name].forms.values()):
        return "here, not yet prepared"
    sources = ["COURSE_MIRROR"] if os.environ.get("COURSE_MIRROR") else []
    if os.environ.get("COURSE_OFFLINE") != "1":
        sources += [f"package {file.wheel.requirement}" for file in files if file.wheel]
        sources += [str(urlsplit(url).hostname) for file in files for url in file.urls]
    return f"to be had from {', '.join(dict.fromkeys(sources)) or 'nowhere: COURSE_OFFLINE=1'}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the result is the exit code: 0, or 1 if a data set could not be had."""
    parser = argparse.ArgumentParser(prog="python -m helpers.data", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("list", "fetch"), default="list")
    parser.add_argument("name", nargs="?", choices=("all", *CATALOG), default="all")
    chosen = parser.parse_args(arguments)
    names = list(CATALOG) if chosen.name == "all" else [chosen.name]
    if chosen.command == "list":
        print(f"Data folder: {read_folders()[0]}")
        print(f"{'set':10}{'size':>10}  {'licence':17}where")
        for name in names:
            size = sum(file.size for file in next(iter(CATALOG[name].forms.values())))
            print(f"{name:10}{size / 1e6:7.1f} MB  {CATALOG[name].licence:17}{where(name)}")
        return 0
    status = 0
    for name in names:
        try:
            print(f"[OK] {prepare(name)['source']}")
        except DataError as error:
            print(f"[FAIL] {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
