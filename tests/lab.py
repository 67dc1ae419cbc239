"""JupyterLab as a reader starts it, and a notebook page in it, for the browser tests."""

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

from playwright.sync_api import Locator, Page

from helpers.data.folders import write_folder
from tests.course import ROOT, read_cells

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "artefacts", "*.pt", "*.whl")
SETTINGS = {
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


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, token, folder, and when its command was given (time.perf_counter)."""

    address: str
    token: str
    folder: Path
    started: float

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


def readme_command() -> list[str]:
    """The README's command that opens the course, without the installation, with this interpreter's programs."""
    line = re.search(r"^python3 -m venv .* && (.* lab .*)$", (ROOT / "README.md").read_text("utf-8"), flags=re.M)
    assert line, "the README's first command does not end in '&& ... lab ...'"
    return [part.replace(".venv/bin", str(Path(sys.executable).parent)) for part in shlex.split(line[1])]


@contextlib.contextmanager
def started_lab(folder: Path) -> Iterator[Lab]:
    """JupyterLab on a copy of the project in `folder`, at the small size, a thread a kernel, with settings of its own.

    The copy takes what *Run All* and autosave write. The data stay where they are, and nobody is asked for more.
    Raises TimeoutError with the log if it does not answer within two minutes.
    """
    course = folder / "course"
    shutil.copytree(ROOT, course, ignore=LEFT_OUT)
    for name, settings in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    environment = os.environ | {
        "COURSE_FAST": "1", "COURSE_OFFLINE": "1", "OMP_NUM_THREADS": "1",
        "COURSE_DATA": os.environ.get("COURSE_DATA", str(write_folder())),
        "PYTHONPATH": str(course), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "share"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    environment.pop("COURSE_FULL", None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [*readme_command(), "--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               f"--IdentityProvider.token={token}"]
    lab = Lab(f"http://127.0.0.1:{port}", token, course, time.perf_counter())
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen(command, cwd=course, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until_it_answers(lab, server, folder / "lab.log")
        yield lab
    finally:
        server.terminate()  # it ends its kernels first
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_until_it_answers(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    """Return when the server answers. Raises TimeoutError with its log if it has ended, or after two minutes."""
    while time.perf_counter() < lab.started + 120 and server.poll() is None:
        with contextlib.suppress(OSError):
            lab.ask("GET", "api/status")
            return
        time.sleep(0.1)
    raise TimeoutError(f"JupyterLab does not answer:\n{log.read_text()}")


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
