"""Run the suite on the oldest and the newest packages that pyproject.toml allows: `python -m tests.versions`.

`python -m tests.versions oldest tests/test_training.py` runs one end and a part of the suite; what follows the name
goes to pytest. Each end has an environment of its own, `.venv-oldest` or `.venv-newest`, which is kept. The first call
downloads it: PyTorch's CUDA build takes several GB; set PIP_EXTRA_INDEX_URL to the index of CPU builds to avoid that.
"""

import argparse
import subprocess
import sys
import tomllib
import venv

from packaging.requirements import Requirement

from tests.course import ROOT


def oldest(text: str) -> str:
    """The lowest version of a range: "torch>=2.9,<3" becomes "torch==2.9"."""
    need = Requirement(text)
    lowest, = (part.version for part in need.specifier if part.operator == ">=")
    return f"{need.name}=={lowest}"


def requirements(end: str) -> list[str]:
    """What pip is asked for: the lowest version of every range ("oldest"), or the ranges as they are ("newest")."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ranges = project["dependencies"] + project["optional-dependencies"]["test"]
    return [oldest(text) for text in ranges] if end == "oldest" else ranges


def run(end: str, arguments: list[str]) -> int:
    """Install one end of the ranges and run pytest there; return its exit code."""
    folder = ROOT / f".venv-{end}"
    if not folder.exists():
        venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    for wanted in (requirements(end), ["--no-deps", "-e", str(ROOT)]):
        subprocess.run([python, "-m", "pip", "install", "--upgrade", "--quiet", *wanted], check=True)
    code = subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT).returncode
    print(f"{end} versions: {'passed' if code == 0 else f'pytest ended with {code}'}")
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code is 0 if every end passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("end", nargs="?", choices=("oldest", "newest", "both"), default="both")
    chosen, rest = parser.parse_known_args(arguments)
    ends = ("oldest", "newest") if chosen.end == "both" else (chosen.end,)
    return int(any([run(end, rest) for end in ends]))


if __name__ == "__main__":
    sys.exit(main())
