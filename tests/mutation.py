"""Plant faults, one at a time, in a copy of the project, and run the part of the suite that should notice.

    python -m tests.mutation                    all of them (some twenty minutes and more)
    python -m tests.mutation --sample 8         eight, drawn by --seed
    python -m tests.mutation crop 04            those with one of these words in their name

A mutant counts as killed only if a test fails and the output holds the reason that its entry in `tests.mutants`
names: a fault that stops the suite for another reason has not been noticed. Exit status 1 if one survived.
"""

import argparse
import dataclasses
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from helpers.data.folders import write_folder
from tests.course import ROOT
from tests.mutants import MUTANTS, Mutant

LIMIT = 900  # seconds for one mutant
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "*.pt", "*.part", "*.lock", "artefacts")


def plant(mutant: Mutant, root: Path) -> None:
    """Change one file under `root`. Raises ValueError unless the old text is there exactly once."""
    path = root / mutant.file
    if path.suffix != ".ipynb":
        path.write_text(_replaced(mutant, path.read_text("utf-8")), "utf-8")
        return
    notebook = json.loads(path.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if mutant.old in "".join(cell["source"])]
    if len(cells) != 1:
        raise ValueError(f"{mutant.name}: the old text is in {len(cells)} cells of {path.name}, not in one")
    cells[0]["source"] = _replaced(mutant, "".join(cells[0]["source"])).splitlines(keepends=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _replaced(mutant: Mutant, text: str) -> str:
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: the old text is {text.count(mutant.old)} times in {mutant.file}, not once")
    return text.replace(mutant.old, mutant.new)


def run(mutant: Mutant, root: Path) -> tuple[str, float]:
    """Run the mutant's part of the suite under `root`; return the verdict and the seconds."""
    fast = {} if mutant.default_size else {"COURSE_FAST": "1"}
    # the copy before the installed package; the data that are here already; no repeated fetching
    data = os.environ.get("COURSE_DATA", str(write_folder()))
    environment = os.environ | fast | {"PYTHONPATH": str(root), "COURSE_DATA": data, "PYTHONDONTWRITEBYTECODE": "1"}
    stop = ["-x"] if mutant.tests.endswith(".ipynb") else []  # after a cell that failed, others fail for want of it
    command = [sys.executable, "-m", "pytest", "-q", *stop, "-p", "no:cacheprovider", *mutant.tests.split()]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return "SURVIVED (no verdict in time)", time.perf_counter() - start
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    if done.returncode == 0:
        verdict = "SURVIVED"
    elif done.returncode == 1 and re.search(mutant.reason, shown):
        verdict = "killed"
    else:
        verdict = "SURVIVED (failed for another reason)"
        print(shown[-3000:])
    return verdict, time.perf_counter() - start


def main() -> int:
    """Plant and run what the command line asks for; print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only mutants with one of these in their name")
    parser.add_argument("--sample", type=int, help="so many of them, drawn at random among the quick ones")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wanted = [m for m in MUTANTS if not options.words or any(word in m.name for word in options.words)]
    if options.sample:
        quick = [m for m in wanted if not m.default_size]
        wanted = random.Random(options.seed).sample(quick, min(options.sample, len(quick)))
    survivors = []
    for mutant in wanted:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "course"
            shutil.copytree(ROOT, root, ignore=LEFT_OUT)
            plant(mutant, root)
            verdict, seconds = run(mutant, root)
        print(f"{verdict:10} {seconds:5.0f} s  {mutant.name}", flush=True)
        if verdict != "killed":
            survivors.append(mutant)
    print(f"{len(wanted) - len(survivors)} of {len(wanted)} killed")
    for mutant in survivors:
        print("survived:", json.dumps(dataclasses.asdict(mutant), ensure_ascii=False))
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main())
