"""A copy of the course, JupyterLab in it as a reader starts it, and a notebook page there, for the browser tests."""

import contextlib
import json
import math
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.course import ROOT, read_cells

LEFT_OUT = shutil.ignore_patterns(".[!g]*", ".git", "__pycache__", "*.egg-info", "artefacts",
                                  "*.pt", "*.whl", "*.zip", "*.gz", "*.tgz", "*.mat")
SETTINGS = {  # of JupyterLab
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells in the page, also those out of view
}
CONTROLS = ":is(.noUi-handle, select)"  # the handles of sliders, and dropdowns
# What the `interact` of a control shows: its pictures, or its text if it draws none.
SHOWN = """control => {
    const output = control.closest('.widget-interact').querySelector('.widget-output');
    const pictures = [...output.querySelectorAll('img')];
    return pictures.length ? pictures.map(picture => picture.src).join() : output.textContent;
}"""
RUNNING = """[...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-InputPrompt')]
    .some(prompt => prompt.textContent.includes('*'))"""
POSIX = os.name == "posix"


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
    ours = re.compile(r"(COURSE|COVERAGE|COV_CORE|JUPYTER|IPYTHON|MPL|XDG|PYTHONPATH)")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(home))
    return kept | homes | {name: str(value) for name, value in changes.items()}


def student(home: Path, number: int = 60_001) -> list[str]:
    """Make a home for student `number`; return the beginning of a command that the student runs.

    Students are other users where the tests run as root (through setpriv, part of util-linux). An ordinary user plays
    them itself: the folders' permissions hold for it anyway. The right to read everything is left: the interpreter
    itself may lie in root's own folder.
    """
    home.mkdir(parents=True, exist_ok=True)
    if not POSIX or os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        message = "needs setpriv, of util-linux 2.31 or newer, to become another user; or run the tests as one"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    os.chown(home, number, number)
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search", "--"]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, token, folder, and when its command was given (time.perf_counter)."""

    address: str
    token: str
    folder: Path
    started: float

    def set_up(self, name: str, value: dict) -> None:
        """Write a setting of JupyterLab; pages that are opened from now on have it."""
        path = self.folder.with_name("settings") / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), "utf-8")

    def ask(self, method: str, path: str) -> bytes:
        """The answer of the server to one request. Raises OSError if it does not answer."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.address}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read()

    def stop_kernels(self) -> None:
        """End all kernels, so that one lesson leaves the cores and the memory to the next."""
        for session in json.loads(self.ask("GET", "api/sessions")):
            self.ask("DELETE", f"api/sessions/{session['id']}")


def readme_commands() -> list[str]:
    """The README's commands that open the course, without the installation, with this interpreter's programs."""
    line = re.search(r"^python3 -m venv .*? && .*? && (.* lab .*)$", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert line, "the README's first command does not end in '&& ... lab ...'"
    return line[1].replace(".venv/bin", shlex.quote(str(Path(sys.executable).parent))).split(" && ")


@contextlib.contextmanager
def started_lab(course: Path, home: Path, user: list[str], **settings: object) -> Iterator[Lab]:
    """JupyterLab in a course, by the README's commands, at the small size, a thread a kernel, with a home of its own.

    user: the beginning of each command, from `student`. Raises TimeoutError with the log if JupyterLab does not answer
    within two minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    *before, command = readme_commands()
    token, log = secrets.token_hex(16), home.with_suffix(".log")
    own = environment(home, PYTHONPATH=course, COURSE_FAST=1, OMP_NUM_THREADS=1,
                      JUPYTERLAB_SETTINGS_DIR=home.with_name("settings"), **settings)
    lab = Lab(f"http://127.0.0.1:{port}", token, course, time.perf_counter())
    for name, value in SETTINGS.items():
        lab.set_up(name, value)
    for other in before:
        subprocess.run(f"{shlex.join(user)} {other}", shell=True, cwd=course, env=own, check=True, capture_output=True)
    options = ["--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               f"--IdentityProvider.token={token}"]
    with open(log, "w", encoding="utf-8") as stream:
        server = subprocess.Popen([*user, *shlex.split(command), *options], cwd=course, env=own, stdout=stream,
                                  stderr=stream, start_new_session=True)
    try:
        wait_until_it_answers(lab, server, log)
        yield lab
    finally:
        server.terminate()  # it ends its kernels first
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL) if POSIX else server.kill()
        server.wait()


def wait_until_it_answers(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    """Return when the server answers. Raises TimeoutError with its log if it has ended, or after two minutes."""
    while time.perf_counter() < lab.started + 120 and server.poll() is None:
        with contextlib.suppress(OSError):
            lab.ask("GET", "api/status")
            return
        time.sleep(0.1)
    raise TimeoutError(f"JupyterLab does not answer:\n{log.read_text('utf-8')}")


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

    def run_all(self) -> None:
        """*Run → Run All Cells*, from the menu; return when the cells wait to be run."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(RUNNING)

    def wait_to_the_end(self, seconds: float = 600) -> None:
        """Return when no cell waits to be run any more. Raises playwright's TimeoutError after `seconds`."""
        self.page.wait_for_function(f"!({RUNNING})", timeout=1000 * seconds)

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
        """Save the whole page as NAME_1.png, NAME_2.png, ..., each `height` pixels of the notebook."""
        folder.mkdir(exist_ok=True)
        usual = self.page.viewport_size
        self.page.set_viewport_size({"width": usual["width"], "height": height})
        scroller = self.panel.locator(".jp-WindowedPanel-outer")
        seen = scroller.evaluate("element => element.clientHeight")
        total = scroller.evaluate("element => element.scrollHeight")
        for number in range(math.ceil(total / seen)):
            scroller.evaluate("(element, top) => element.scrollTop = top", number * seen)
            self.page.screenshot(path=folder / f"{self.path.stem}_{number + 1}.png")
        self.page.set_viewport_size(usual)
