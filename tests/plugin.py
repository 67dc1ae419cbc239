"""A plugin of pytest: which lessons run at their default size, how the work is shared out, and warnings as errors.

Saved outputs are the evidence: a notebook runs at its default size if it is named on the command line, or with
`--all` or its `--third`, or if what its outputs came from has changed since (tests/fingerprint.py).
"""

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from xdist.scheduler import LoadScopeScheduling

STARTUP = 'import warnings\n\nwarnings.filterwarnings("error", module=r"(__main__|helpers)(\\.|$)")\n'
MEMORY = 3.5  # GiB for one lesson
FIRST = ("notebooks", "test_browser.py", "test_book.py", "test_own_data.py", "test_lessons.py", "test_class.py")  # long
BY_LESSON = ("test_lessons.py", "test_browser.py", "test_own_data.py", "test_reading.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("course")
    group.addoption("--all", action="store_true", help="run every lesson at its default size")
    group.addoption("--third", type=int, choices=range(3), help="run every third lesson at its default size")


def pytest_configure(config: pytest.Config) -> None:
    """Decide once, before workers start, which notebooks run; prepare the kernels."""
    if not hasattr(config, "workerinput"):
        chosen = _chosen(config)
        os.environ["COURSE_RUN"] = os.pathsep.join(map(str, chosen))
        config.stash[REPORT] = [f"{path.stem}: {reason}" for path, reason in chosen.items()]
        if getattr(config.option, "numprocesses", None):
            os.environ["OMP_NUM_THREADS"] = "1"  # lessons run side by side
    # kernels do not see pytest's filters, and IPython puts its own before PYTHONWARNINGS
    folder = Path(tempfile.mkdtemp())
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "warnings.py").write_text(STARTUP, "utf-8")
    os.environ["IPYTHONDIR"] = str(folder)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"


REPORT = pytest.StashKey[list[str]]()


def _chosen(config: pytest.Config) -> dict[Path, str]:
    """The notebooks that run at their default size, each with the reason."""
    from tests.course import LESSONS, ROOT, SOLUTIONS

    asked = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    named = {path: "named" for path in asked if path.suffix == ".ipynb"}
    if named or not any(path in (ROOT, ROOT / "notebooks") for path in asked):
        return named
    if config.getoption("--all"):
        return dict.fromkeys(LESSONS + SOLUTIONS, "--all")
    third = config.getoption("--third")
    if third is not None:
        return {path: f"--third {third}" for path in LESSONS + SOLUTIONS if int(path.stem[:2]) % 3 == third}
    from tests.fingerprint import changes, fetch_all
    fetch_all()
    return {path: ", ".join(why) for path in LESSONS + SOLUTIONS if (why := changes(path))}


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which lessons run at their default size, and why."""
    lines = config.stash.get(REPORT, [])
    return [f"lessons at their default size: {', '.join(lines) or 'none, nothing has changed since they were saved'}"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out notebooks that are not chosen."""
    if collection_path.suffix == ".ipynb" and str(collection_path) not in os.environ["COURSE_RUN"].split(os.pathsep):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first."""
    def rank(item: pytest.Item) -> int:
        place = next((k for k, part in enumerate(FIRST) if part in (item.path.name, item.path.parts[-2])), len(FIRST))
        return 0 if "solutions" in item.path.parts else place

    items.sort(key=rank)


class ByFile(LoadScopeScheduling):
    """The tests of a file stay together on one worker; some files are shared out by lesson.

    xdist's own `--dist loadgroup` writes the group into the name of a test, which pytest 9.2 does not let it do.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        return file + test.partition("[")[2] if file.endswith(BY_LESSON) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """How tests are shared out."""
    return ByFile(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """As many workers as there are idle cores and memory for lessons."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(psutil.virtual_memory().available / 2**30 / MEMORY)))
