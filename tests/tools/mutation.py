"""Plant faults, one at a time, in a copy of the project, and run the part of the suite that should notice.

    python -m tests.tools.mutation                    all of them (an hour on one core)
    python -m tests.tools.mutation --sample 8         eight of the quick ones, always the same
    python -m tests.tools.mutation crop 04            those with one of these words in their name

A fault counts as killed only if a test fails and the output holds the reason that its entry in `mutants.py` names.
Exit status 1 if one survived.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.data.fetch import write_folder
from tests.course import ROOT
from tests.tools.mutants import MUTANTS, Mutant

LIMIT = 900  # seconds for one mutant
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "artefacts",
                                  "*.pt", "*.mat", "*.zip", "*.gz", "*.tgz", "*.whl")


def plant(mutant: Mutant, root: Path) -> None:
    """Change one file under `root`. Raises ValueError unless the old text is there exactly once."""
    path = root / mutant.file
    text, old, new = path.read_text("utf-8"), mutant.old, mutant.new
    if path.suffix == ".ipynb":
        old, new = (json.dumps(part, ensure_ascii=False)[1:-1] for part in (old, new))
    if (count := text.count(old)) != 1:
        raise ValueError(f"{mutant.name}: the old text is {count} times in {mutant.file}, not once")
    path.write_text(text.replace(old, new), "utf-8")


def run(mutant: Mutant, root: Path) -> str:
    """Run the mutant's part of the suite in a copy of the project, with the data that are here; return the verdict."""
    data = root.parent / "data"
    data.mkdir()
    for path in write_folder().glob("[!.]*.*"):  # so that no fault can change the files
        (os.symlink if os.name == "posix" else shutil.copyfile)(path.resolve(), data / path.name)
    environment = os.environ | {"PYTHONPATH": str(root), "COURSE_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1",
                                "COURSE_FAST": "0" if mutant.default_size else "1", "COURSE_FULL": "0"}
    if not mutant.tests.endswith(".ipynb"):
        environment["COURSE_MIRROR"] = ""  # tests of whole sets take long
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", *mutant.tests.split()]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, encoding="utf-8", timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return "SURVIVED (no verdict in time)"
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    if done.returncode == 1 and re.search(mutant.reason, shown):
        return "killed"
    return f"{shown[-3000:]}\nSURVIVED" if done.returncode else "SURVIVED"


def main() -> int:
    """Plant and run what the command line asks for; print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only mutants with one of these in their name")
    parser.add_argument("--sample", type=int, help="so many of the quick ones")
    options = parser.parse_args()
    wanted = [m for m in MUTANTS if any(word in m.name for word in options.words or [""])]
    if options.sample:
        wanted = random.Random(0).sample([m for m in wanted if not m.default_size], options.sample)
    killed = 0
    for mutant in wanted:
        with tempfile.TemporaryDirectory() as folder:
            root = shutil.copytree(ROOT, Path(folder) / "course", ignore=LEFT_OUT)
            plant(mutant, root)
            verdict = run(mutant, root)
        print(f"{verdict:10} {mutant.file}: {mutant.name}", flush=True)
        killed += verdict == "killed"
    print(f"{killed} of {len(wanted)} killed")
    return int(killed < len(wanted))


if __name__ == "__main__":
    sys.exit(main())
