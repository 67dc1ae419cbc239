"""A copy of the course, JupyterLab in it as a reader starts it, and a notebook page there."""

import contextlib
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Locator, Page

from tests.course import ROOT, read_cells

LEFT_OUT = shutil.ignore_patterns(".[!g]*", ".git", "__pycache__", "*.egg-info", "artefacts",
                                  "*.pt", "*.whl", "*.zip", "*.gz", "*.tgz", "*.mat")
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # all cells in the page, also out of view
}
RUNNING = """[...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-InputPrompt')]
    .some(prompt => prompt.textContent.includes('*'))"""


def course_in(folder: Path, read_only: bool = False) -> Path:
    """A copy of the course, without data."""
    course = folder / "course"
    shutil.copytree(ROOT, course, ignore=LEFT_OUT)
    for path in [*course.rglob("*"), course] if read_only else ():
        path.chmod(0o555 if path.is_dir() else 0o444)
    return course


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Name, size and time of change of every file under a folder."""
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file()}


def environment(home: Path, **changes: object) -> dict[str, str]:
    """This environment with another home, without settings of Jupyter, the course and the coverage measurement."""
    ours = re.compile(r"(COURSE|COVERAGE|COV_CORE|JUPYTER|IPYTHON|MPL|XDG)")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(home))
    return kept | homes | {name: str(value) for name, value in changes.items()}


def student(home: Path, number: int = 60_001) -> list[str]:
    """Make a home for student `number`; return the beginning of a command that the student runs.

    Students are other users where the tests run as root (through setpriv, part of util-linux). An ordinary user plays
    them itself: the folders' permissions hold for it anyway. The right to read everything is left: the interpreter
    itself may lie in root's own folder.
    """
    home.mkdir(exist_ok=True)
    if os.name != "posix" or os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        message = "needs setpriv, of util-linux 2.31 or newer, to become another user; or run the tests as one"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    os.chown(home, number, number)
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search", "--"]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its folder and its address, which ends in a slash, and the seconds that its start took."""

    folder: Path
    address: str
    token: str
    seconds: float

    def stop_kernels(self) -> None:
        """End all kernels, so that one lesson leaves the cores and the memory to the next."""
        sessions, header = f"{self.address}api/sessions", {"Authorization": f"token {self.token}"}
        for session in requests.get(sessions, headers=header, timeout=60).json():
            requests.delete(f"{sessions}/{session['id']}", headers=header, timeout=60).raise_for_status()


def readme_commands() -> list[str]:
    """The README's commands that open the course, without the installation, with this interpreter's programs."""
    line = re.search(r"^python3 -m venv .*? && .*? && (.* lab .*)$", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert line, "the README's first command does not end in '&& ... lab ...'"
    return line[1].replace(".venv/bin", shlex.quote(str(Path(sys.executable).parent))).split(" && ")


@contextlib.contextmanager
def started_lab(course: Path, home: Path, user: list[str], **settings: object) -> Iterator[Lab]:
    """JupyterLab in a course, by the README's commands, at the small size, a thread a kernel, with a home of its own.

    user: the beginning of each command, from `student`. Raises TimeoutError with the log if it does not start.
    """
    (home / "overrides.json").write_text(json.dumps(SETTINGS), "utf-8")
    own = environment(home, PYTHONPATH=course, COURSE_FAST=1, OMP_NUM_THREADS=1, **settings)
    *before, command = readme_commands()
    start, log = time.perf_counter(), home.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as stream:
        for other in before:
            subprocess.run(f"{shlex.join(user)} {other}", shell=True, cwd=course, env=own, stderr=stream, check=True)
        server = subprocess.Popen([*user, *shlex.split(command), "--no-browser", f"--LabApp.app_settings_dir={home}"],
                                  cwd=course, env=own, stdout=stream, stderr=stream, start_new_session=True)
    try:
        while not (found := list(home.rglob("jpserver-*.json"))) or not found[0].read_text("utf-8"):
            if server.poll() is not None or time.perf_counter() > start + 180:
                raise TimeoutError(f"JupyterLab does not start:\n{log.read_text('utf-8')}")
            time.sleep(0.1)
        told = json.loads(found[0].read_text("utf-8"))
        yield Lab(course, told["url"], told["token"], time.perf_counter() - start)
    finally:
        server.terminate()  # it ends its kernels first
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL) if os.name == "posix" else server.kill()


@dataclass(frozen=True)
class Notebook:
    """A notebook that is open in the front tab of a page; `path` is its file in the repository."""

    page: Page
    path: Path

    @property
    def panel(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, number: int) -> Locator:
        """A cell, counted from 0 as in the file."""
        return self.panel.locator(".jp-Cell").nth(number)

    def ready(self) -> "Notebook":
        """Return when all cells are in the page and the kernel waits for work."""
        self.cell(len(read_cells(self.path)) - 1).wait_for(state="attached")
        self.wait_until_idle()
        return self

    def wait_until_idle(self) -> None:
        """Return when the kernel has nothing to do, twice in a row: what was under way is done and shown."""
        for _ in range(2):
            self.page.wait_for_timeout(200)
            self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(state="attached")

    def run_all(self, seconds: float = 600) -> None:
        """*Run → Run All Cells*, from the menu. Return when no cell waits to be run any more."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(RUNNING)
        self.page.wait_for_function(f"!({RUNNING})", timeout=1000 * seconds, polling=250)  # at each frame takes a core

    def prompts(self) -> list[str]:
        """What stands left of each code cell: '[*]:' waiting, '[7]:' run, '[ ]:' not run."""
        return self.panel.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()

    def errors(self) -> list[str]:
        """What is shown in red: errors of cells and of controls, and warnings."""
        return self.panel.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_text_contents()

    def shown(self, number: int) -> str:
        """The text that a cell shows."""
        return "".join(self.cell(number).locator(".jp-OutputArea-output").all_inner_texts())

    def write(self, number: int, source: str) -> None:
        """Click into a code cell, select all, and write `source` in its place."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def run(self, number: int) -> None:
        """Click into a code cell, run it with Shift + Enter, and return when it has run."""
        self.cell(number).locator(".cm-content").click()
        prompt = self.cell(number).locator(".jp-InputPrompt").first
        before = prompt.text_content()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function("([prompt, before]) => ![before, '[*]:'].includes(prompt.textContent)",
                                    arg=[prompt.element_handle(), before])
        self.wait_until_idle()

    def photograph(self, folder: Path, height: int = 6000) -> None:
        """Save the whole page as NAME_1.jpg, NAME_2.jpg, ..., each of so many pixels; the window stays so high."""
        folder.mkdir(exist_ok=True)
        self.page.set_viewport_size({"width": 1400, "height": height})
        scroller = self.panel.locator(".jp-WindowedPanel-outer")
        total, seen = scroller.evaluate("element => [element.scrollHeight, element.clientHeight]")
        for number in range(math.ceil(total / seen)):
            scroller.evaluate("(element, top) => element.scrollTop = top", number * seen)
            self.page.screenshot(path=folder / f"{self.path.stem}_{number + 1}.jpg", type="jpeg", quality=80)
