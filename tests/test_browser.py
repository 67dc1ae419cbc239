"""JupyterLab in a browser, as a reader meets it: the first hour, every lesson with *Run All* and its controls.

The lessons run at the small size, on stand-ins, for a student who may not write to the course. Pictures of every page
are left in `tests/artefacts/`, to be looked at.
"""

import contextlib
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.chromium import started_chromium
from tests.course import LESSONS, SOLUTIONS, code_of, read_cells, tags
from tests.lab import CONTROLS, SHOWN, Lab, Notebook, course_in, files, started_lab, student

ARTEFACTS = Path(__file__).parent / "artefacts"
START, CONVOLUTION = LESSONS[0], LESSONS[2]
LIMIT = 30  # seconds that a control may take on a busy machine
EACH = [pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(f"browser {path.stem}")) for path in LESSONS]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """A function that opens empty pages, each as a reader of its own.

    What a page writes to the browser's console as an error fails the test.
    """
    problems = []
    with contextlib.ExitStack() as readers:

        def make() -> Page:
            new = readers.enter_context(browser.new_context(viewport={"width": 1400, "height": 1000})).new_page()
            new.set_default_timeout(120_000)
            new.on("console", lambda m: problems.append(f"{m.text} {m.location}") if m.type == "error" else None)
            new.on("pageerror", lambda error: problems.append(str(error)))
            return new

        yield make
    assert problems == [], "errors in the browser's console"


@pytest.fixture(scope="module")
def reader(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab in a reader's own clone of the course."""
    folder = tmp_path_factory.mktemp("reader")
    course = course_in(folder)
    for command in ("init", "add --all", "-c user.name=Reader -c user.email=reader@localhost commit -m course"):
        git(course, *command.split())
    with started_lab(course, folder / "home", []) as lab:
        yield lab


@pytest.fixture(scope="module")
def school(browser: Browser) -> Iterator[Lab]:
    """JupyterLab in a course that the student may only read, on stand-ins."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # homes are reached without root's rights: IPython asks whether it may write there
        course = course_in(Path(folder), read_only=True)
        with started_lab(course, Path(folder) / "home", student(Path(folder) / "home"), COURSE_STANDIN=1) as lab:
            yield lab


def git(folder: Path, *arguments: str) -> str:
    """What git answers."""
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=True).stdout


def opened(lab: Lab, page: Page, path: Path) -> Notebook:
    """A lesson, asked for by its address in an empty JupyterLab, in a workspace of its own."""
    page.goto(f"{lab.address}/lab/workspaces/{path.stem}/tree/notebooks/{path.name}?token={lab.token}&reset",
              wait_until="commit")
    return Notebook(page, path).ready()


def run_to_the_end(notebook: Notebook) -> None:
    """*Run All*; all cells have run, in order, and none shows an error."""
    notebook.run_all()
    notebook.wait_to_the_end()
    assert notebook.errors() == []
    code_cells = sum(cell["cell_type"] == "code" for cell in read_cells(notebook.path))
    assert notebook.prompts() == [f"[{number}]:" for number in range(1, code_cells + 1)]


def test_the_first_hour_of_a_reader(reader: Lab, new_page: Callable[[], Page],
                                    record_property: Callable[[str, object], None]) -> None:
    """The README's command opens the first lesson; it runs, its exercise is answered, its link leads to a lesson."""
    page = new_page()
    page.goto(f"{reader.address}/?token={reader.token}")
    start = Notebook(page, START).ready()
    assert "/lab/tree/notebooks/00_start_here.ipynb" in page.url
    run_to_the_end(start)
    record_property("seconds from the README's command to the end of lesson 00", time.perf_counter() - reader.started)

    cells = read_cells(START)
    stub, check = (next(k for k, cell in enumerate(cells) if tag in tags(cell)) for tag in ("exercise", "check"))
    right = next(cell["source"] for cell in read_cells(SOLUTIONS[0]) if "solution" in tags(cell))
    wrong = cells[stub]["source"].replace("raise NotImplementedError", "return 0.0, 0.0")
    assert start.shown(check).startswith("[not attempted yet]")
    for answer, verdict in ((wrong, "[not yet]"), (right, "[OK]")):
        start.write(stub, answer)
        start.run(stub)
        start.run(check)
        assert start.shown(check).startswith(verdict)

    start.panel.get_by_role("link", name="Convolution and pooling").first.click()
    run_to_the_end(Notebook(page, CONVOLUTION).ready())
    assert page.locator(".lm-TabBar-tab.jp-mod-current").inner_text().strip() == CONVOLUTION.name
    reader.stop_kernels()


def test_opening_a_lesson_changes_nothing(reader: Lab, new_page: Callable[[], Page]) -> None:
    """Each lesson is opened from the list of files and not touched; JupyterLab saves by itself what is not clean."""
    versions = {json.loads(path.read_text("utf-8"))["metadata"]["language_info"].get("version") for path in LESSONS}
    if versions - {None, platform.python_version()}:
        pytest.skip(f"JupyterLab notes the version of Python; the lessons were saved by {versions}")
    git(reader.folder, "checkout", "--quiet", ".")  # what a reader has saved before
    reader.set_up("docmanager-extension/plugin", {"autosaveInterval": 1})  # seconds
    page, unclean, missing = new_page(), [], []
    page.goto(f"{reader.address}/lab/workspaces/list/tree/notebooks?token={reader.token}&reset")
    for path in LESSONS:
        page.locator(".jp-DirListing-item", has_text=path.name).dblclick()
        lesson = Notebook(page, path).ready()
        unclean += page.locator(".lm-TabBar-tab.jp-mod-current.jp-mod-dirty").all_inner_texts()
        shown = lesson.panel.locator(".widget-interact").count()
        missing += [path.stem] if shown != code_of(path).count("interact(") else []
    page.wait_for_timeout(3000)  # three times the interval of saving
    assert git(reader.folder, "status", "--porcelain") == ""
    assert unclean == []
    assert missing == [], "controls that a trusted lesson does not show when it is opened"
    reader.stop_kernels()


@pytest.mark.parametrize("path", EACH)
def test_a_student_runs_a_lesson_and_moves_its_controls(path: Path, school: Lab, new_page: Callable[[], Page],
                                                        record_property: Callable[[str, object], None]) -> None:
    before = files(school.folder)
    lesson = opened(school, new_page(), path)
    run_to_the_end(lesson)
    told = "".join(lesson.panel.locator(".jp-OutputArea-output").all_inner_texts())
    stand_ins = sum(name.startswith("load_") for name in code_of(path).replace(",", " ").replace("(", " ").split())
    assert ("STAND-IN: simulated, because" in told) == ("COURSE_STANDIN is on: unset it" in told) == (stand_ins > 0)
    seconds = seconds_of_controls(lesson)
    record_property("seconds from a move to another picture", seconds)
    print(path.stem, seconds)
    assert lesson.errors() == []
    lesson.photograph(ARTEFACTS)
    assert files(school.folder) == before
    school.stop_kernels()


def seconds_of_controls(lesson: Notebook) -> dict[str, float]:
    """Seconds from a move of each control, by mouse and by keyboard, to what it changes."""
    controls, labels = (lesson.panel.locator(f".widget-interact {kind}") for kind in (CONTROLS, ".widget-label"))
    assert controls.count() == labels.count(), "a kind of control that this test does not know how to move"
    assert lesson.panel.locator(".widget-interact").count() == code_of(lesson.path).count("interact(")
    cut = [label.text_content() for label in labels.all() if label.evaluate("e => e.scrollWidth > e.clientWidth")]
    assert cut == [], "labels that do not fit: give the control a shorter description"
    return {f"{label.text_content()}, {move.__name__}": seconds_to_change(lesson, control, move)
            for control, label in zip(controls.all(), labels.all(), strict=True)
            for move in (move_by_mouse, move_by_keyboard)}


def seconds_to_change(lesson: Notebook, control: Locator, move: Callable[[Locator], None]) -> float:
    """Seconds from the beginning of a move to another picture (or text) under the control."""
    lesson.wait_until_idle()
    control.scroll_into_view_if_needed()
    before = control.evaluate(SHOWN)
    start = time.perf_counter()
    move(control)
    lesson.page.wait_for_function(f"([control, before]) => ![before, ''].includes(({SHOWN})(control))",
                                  arg=[control.element_handle(), before], timeout=1000 * LIMIT)
    return round(time.perf_counter() - start, 2)


def move_by_mouse(control: Locator) -> None:
    """Drag the handle of a slider to the other half of its track; choose the last entry of a dropdown, or its first."""
    if is_dropdown(control):  # its list belongs to the system, not to the page: Playwright chooses in place of a click
        last = control.locator("option").count() - 1
        control.select_option(index=0 if control.evaluate("element => element.selectedIndex") == last else last)
        return
    mouse, handle, track = control.page.mouse, control.bounding_box(), control.locator("xpath=../..").bounding_box()
    mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    mouse.down()
    mouse.move(track["x"] + track["width"] * (0.25 if right_of_the_middle(control) else 0.75), handle["y"] + 5)
    mouse.up()


def move_by_keyboard(control: Locator) -> None:
    """With the focus on the control: End moves a slider to its upper end, an arrow key a dropdown to its neighbour.

    The space bar opens the dropdown first: JupyterLab keeps arrow keys to itself while no list is open.
    """
    control.focus()
    keys = ["End"]
    if is_dropdown(control):
        first = control.evaluate("element => element.selectedIndex") == 0
        keys = ["Space", "ArrowDown" if first else "ArrowUp", "Enter"]
    for key in keys:
        control.page.keyboard.press(key)


def is_dropdown(control: Locator) -> bool:
    """Whether a control is a dropdown; otherwise it is the handle of a slider."""
    return control.evaluate("element => element.tagName") == "SELECT"


def right_of_the_middle(control: Locator) -> bool:
    """Whether the handle of a slider is in the right half of its track."""
    low, high, now = (float(control.get_attribute(f"aria-value{name}") or "nan") for name in ("min", "max", "now"))
    return now > (low + high) / 2
