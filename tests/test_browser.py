"""JupyterLab in a browser, as a reader meets it: the first hour, every lesson with *Run All* and its controls.

The lessons run at the small size, on stand-ins, for a student who may not write to the course. Pictures of every page
are left in `tests/artefacts/`, to be looked at.
"""

import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.chromium import started_chromium
from tests.course import LESSONS, SOLUTIONS, code_of, read_cells, tags
from tests.lab import Lab, Notebook, course_in, files, started_lab, student

browser = pytest.fixture(scope="module")(started_chromium)
ARTEFACTS = Path(__file__).parent / "artefacts"
START, CONVOLUTION = LESSONS[0], LESSONS[2]
EACH = [pytest.param(path, id=path.stem) for path in LESSONS]
# What the `interact` of a control shows: its pictures, or its text if it draws none.
SHOWN = """control => {
    const output = control.closest('.widget-interact').querySelector('.widget-output');
    const pictures = [...output.querySelectorAll('img')];
    return pictures.length ? pictures.map(picture => picture.src).join() : output.textContent;
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a new reader; what it writes to the browser's console as an error fails the test."""
    problems = []
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(120_000)
    page.on("console", lambda m: problems.append(f"{m.text} {m.location}") if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.close()
    assert problems == [], "errors in the browser's console"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab in a reader's own clone of the course."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "home").mkdir()
    course = course_in(folder)
    for command in ("init", "add --all", "-c user.name=Reader -c user.email=reader@localhost commit -m course"):
        git(course, *command.split())
    with started_lab(course, folder / "home", []) as lab:
        yield lab


@pytest.fixture(scope="module")
def school() -> Iterator[Lab]:
    """JupyterLab in a course that the student may only read, on stand-ins."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # homes are reached without root's rights: IPython asks whether it may write there
        course, home = course_in(Path(folder), read_only=True), Path(folder) / "home"
        with started_lab(course, home, student(home), COURSE_STANDIN=1) as lab:
            yield lab


def git(folder: Path, *arguments: str) -> str:
    """What git answers."""
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=True).stdout


def run_all(notebook: Notebook) -> None:
    """*Run All*; all cells have run, in order, and none shows an error."""
    notebook.run_all()
    assert notebook.errors() == []
    code_cells = sum(cell["cell_type"] == "code" for cell in read_cells(notebook.path))
    assert notebook.prompts() == [f"[{number}]:" for number in range(1, code_cells + 1)]


def test_the_first_hour_of_a_reader(clone: Lab, page: Page, record_property) -> None:
    """The README's command opens the first lesson; it runs, its exercise is answered, its link leads to a lesson."""
    record_property("seconds from the README's command to JupyterLab", clone.seconds)
    page.goto(f"{clone.address}?token={clone.token}")
    start = Notebook(page, START).ready()
    assert "/lab/tree/notebooks/00_start_here.ipynb" in page.url
    run_all(start)

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
    run_all(Notebook(page, CONVOLUTION).ready())
    assert page.locator(".lm-TabBar-tab.jp-mod-current").inner_text().strip() == CONVOLUTION.name
    clone.stop_kernels()


def test_saving_an_untouched_lesson_changes_nothing(clone: Lab, page: Page) -> None:
    """Three of them; that none is to be saved by itself when it is opened is tested with each lesson, below."""
    saved = {json.loads(path.read_text("utf-8"))["metadata"]["language_info"].get("version") for path in LESSONS}
    if saved - {None, platform.python_version()}:
        pytest.skip(f"JupyterLab notes the version of Python; the lessons were saved by {saved}")
    git(clone.folder, "checkout", "--quiet", ".")  # what a reader has saved before
    for path in (START, CONVOLUTION, LESSONS[-1]):
        page.goto(f"{clone.address}lab/workspaces/{path.stem}/tree/notebooks/{path.name}?token={clone.token}&reset")
        lesson = Notebook(page, path).ready()
        for number in range(code_of(path).count("interact(")):  # if they do not come: is it trusted?
            lesson.panel.locator(".widget-interact").nth(number).wait_for()
        with page.expect_response(lambda answer: answer.request.method == "PUT" and "/contents/" in answer.url):
            page.keyboard.press("Control+S")
    assert git(clone.folder, "status", "--porcelain") == ""
    clone.stop_kernels()


@pytest.mark.parametrize("path", EACH)
def test_a_student_runs_a_lesson_and_moves_its_controls(path: Path, school: Lab, page: Page, record_property) -> None:
    before = files(school.folder)
    page.goto(f"{school.address}lab/workspaces/{path.stem}/tree/notebooks/{path.name}?token={school.token}&reset")
    lesson = Notebook(page, path).ready()
    assert page.locator(".lm-TabBar-tab.jp-mod-dirty").all_inner_texts() == [], "opening it has changed it"
    run_all(lesson)
    told = "".join(lesson.panel.locator(".jp-OutputArea-output").all_inner_texts())
    loads = any(call in code_of(path) for call in ("import load_", "sets.load_"))
    assert ("STAND-IN: simulated" in told) == ("COURSE_STANDIN is on: unset it" in told) == loads

    controls, labels = (lesson.panel.locator(f".widget-interact {kind}") for kind in
                        (":is(.noUi-handle, select)", ".widget-label"))  # sliders and dropdowns
    assert controls.count() == labels.count(), "a kind of control that this test does not know how to move"
    cut = [label.text_content() for label in labels.all() if label.evaluate("e => e.scrollWidth > e.clientWidth")]
    assert cut == [], "labels that do not fit: give the control a shorter description"
    for control, label in zip(controls.all(), labels.all(), strict=True):
        for move in (move_by_mouse, move_by_keyboard):
            lesson.wait_until_idle()
            shown = control.evaluate(SHOWN)
            start = time.perf_counter()
            move(control)
            page.wait_for_function(f"([control, shown]) => ![shown, ''].includes(({SHOWN})(control))", timeout=120_000,
                                   polling=100, arg=[control.element_handle(), shown])
            record_property(f"{label.text_content()}, {move.__name__}: seconds", time.perf_counter() - start)
    assert lesson.errors() == []
    lesson.photograph(ARTEFACTS)
    assert files(school.folder) == before
    school.stop_kernels()


def move_by_mouse(control: Locator) -> None:
    """Drag the handle of a slider to the other half of its track; choose another entry of a dropdown."""
    if is_dropdown(control):  # its list belongs to the system, not to the page: Playwright chooses in place of a click
        control.select_option(index=1 if control.evaluate("element => element.selectedIndex") == 0 else 0)
        return
    track = control.locator("xpath=../..")
    box, handle = track.bounding_box(), control.bounding_box()
    right = handle["x"] > box["x"] + box["width"] / 2
    control.drag_to(track, target_position={"x": box["width"] * (0.25 if right else 0.75), "y": 5}, force=True)


def move_by_keyboard(control: Locator) -> None:
    """With the focus on the control: End moves a slider to its upper end, an arrow key a dropdown to its neighbour.

    The space bar opens the dropdown first: JupyterLab keeps arrow keys to itself while no list is open.
    """
    control.focus()
    for key in ["Space", "ArrowDown", "Enter"] if is_dropdown(control) else ["End"]:
        control.page.keyboard.press(key)


def is_dropdown(control: Locator) -> bool:
    """Whether a control is a dropdown; otherwise it is the handle of a slider."""
    return control.evaluate("element => element.tagName") == "SELECT"
