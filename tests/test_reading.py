"""Reading: the saved pages as HTML, made without a kernel and opened in Chromium without a network."""

import ast
import itertools
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Page, Route

from tests.chromium import started_chromium
from tests.course import LESSONS, ROOT, SOLUTIONS, read_cells
from tests.tools.refresh import WIDGET, WIDGETS, children, plain

browser = pytest.fixture(scope="module")(started_chromium)
EVERY = [pytest.param(path, id=str(path.relative_to(ROOT / "notebooks"))) for path in LESSONS + SOLUTIONS]
EXPORTER = HTMLExporter(template_name="classic", filters={"clean_html": lambda html: html})  # ours is clean
NOT_OURS = {  # parts of a page that others draw, with what axe says of them
    ".prompt": "nbconvert's In [1] and Out[1]: the latter has a contrast of 4.43, and 4.5 is wanted",
    ".noUi-handle": "ipywidgets writes the name of a slider beside it and does not tie the two together",
}
RULES_OFF = {"empty-table-header": {"enabled": False}}  # markdown gives every table a heading row, be it empty
PLAIN_CODE = """() => {  // nbconvert colours code: `in` and `is` at a contrast of 4.47; axe sees it in one colour
    for (const code of document.querySelectorAll(".highlight pre")) code.textContent = code.textContent;
}"""


@pytest.fixture(scope="module", params=EVERY)
def path(request: pytest.FixtureRequest) -> Path:
    """Each notebook in turn; all tests of one page run before the next page is made."""
    return request.param


@pytest.fixture(scope="module")
def html(path: Path) -> str:
    """The page as nbconvert makes it with its classic template (the other one drops the alt texts of figures)."""
    return EXPORTER.from_filename(str(path))[0]


@pytest.fixture(scope="module")
def page(path: Path, html: str, browser: Browser) -> Iterator[Page]:
    """The page in the browser, its controls shown from their saved state (tests/controls.js tells how)."""

    def answer(route: Route) -> None:
        if route.request.url == "http://saved.page/":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif route.request.url.endswith("/embed-amd.js"):
            extension = files("widgetsnbextension").joinpath("static/extension.js").read_text("utf-8")
            script = (ROOT / "tests" / "controls.js").read_text("utf-8") + extension
            route.fulfill(body=script, content_type="text/javascript; charset=utf-8")
        else:
            route.abort()  # MathJax and the like: formulas stay as they are written

    page = browser.new_page()
    page.set_default_timeout(120_000)  # milliseconds; a busy machine may take long
    page.route("**/*", answer)
    page.goto("http://saved.page/")
    if controls(path):
        page.wait_for_selector("body[data-controls=shown]")
    yield page
    page.close()


def saved_state(path: Path) -> dict[str, Any]:
    """The models of a notebook's controls, from its metadata."""
    return json.loads(path.read_text("utf-8"))["metadata"].get("widgets", {}).get(WIDGETS, {}).get("state", {})


def moved(output: dict[str, Any], saved: dict[str, Any]) -> list[dict[str, Any]]:
    """State of each control that an output shows."""
    return [model["state"] for model in children(output, saved) if "description" in model["state"]]


def controls(path: Path) -> list[dict[str, Any]]:
    """State of each saved control of a notebook, in order."""
    saved = saved_state(path)
    return [state for cell in read_cells(path) for output in cell.get("outputs", ()) for state in moved(output, saved)]


def test_page_shows_every_figure_under_its_caption(path: Path, html: str) -> None:
    saved = []
    for cell, following in itertools.pairwise([*read_cells(path), {"source": ""}]):
        data = [output.get("data", {}) for output in cell.get("outputs", ())]
        pictures = ["".join(part["image/png"]).strip() for part in data if "image/png" in part]
        assert bool(pictures) == following["source"].startswith("*Figure"), f"caption or figure?\n{cell['source']}"
        caption = plain(following["source"].split("\n\n")[0])
        saved += [(f"data:image/png;base64,{picture}", caption) for picture in pictures]
    shown = BeautifulSoup(html, "html.parser").find_all("img")
    assert [(image["src"].strip(), image["alt"]) for image in shown] == saved


def test_controls_are_saved_with_a_sentence_below_what_they_draw(path: Path) -> None:
    """So a page on which no widget runs shows the first picture, and says what could be moved."""
    saved, drawn, asked = saved_state(path), set(), 0
    for cell in read_cells(path):
        if cell["cell_type"] == "code":
            boxes = [output for output in cell["outputs"] if WIDGET in output.get("data", {})]
            tree = ast.parse(cell["source"])
            if len(cell["outputs"]) > len(boxes):
                drawn |= {ast.unparse(node.value.func) for node in tree.body
                          if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)}
            calls = [node for node in ast.walk(tree)
                     if isinstance(node, ast.Call) and ast.unparse(node.func) == "interact"]
            asked += len(calls)
            for call, box in zip(calls, boxes, strict=True):
                labels = ", ".join(state["description"] for state in moved(box, saved))
                sentence = "".join(box["data"]["text/plain"])
                assert labels and sentence.startswith(f"Run the lesson to use these controls: {labels}.")
                assert {node.id for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)} & drawn, sentence
    pictures = [model["state"]["outputs"] for model in saved.values() if "outputs" in model["state"]]
    assert len(pictures) == asked and all(pictures)
    assert "interactive(children=" not in path.read_text("utf-8")


def test_page_shows_label_and_value_of_every_control(path: Path, page: Page) -> None:
    wanted = []
    for state in controls(path):
        value = state.get("value", state.get("index"))
        text = state["_options_labels"][value] if "index" in state else format(value, state["readout_format"])
        wanted.append((state["description"], text.replace("-", "−")))  # a slider shows a true minus sign
    shown = [[control.locator(part).inner_text() for part in (".widget-label", ".widget-readout, option:checked")]
             for control in page.locator(".widget-inline-hbox").all()]  # what is hidden has no inner text
    assert [(label, value.replace("\xa0", " ")) for label, value in shown] == wanted


def test_page_passes_the_accessibility_checker(page: Page) -> None:
    """All rules of axe: contrast, alt texts, names of links and controls, lists, headings, keyboard, language."""
    page.evaluate(PLAIN_CODE)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    result = page.evaluate("([exclude, rules]) => axe.run({exclude}, {rules, resultTypes: ['violations']})",
                           [list(NOT_OURS), RULES_OFF])
    assert len(result["passes"]) > 15, "axe has hardly found anything to check"
    assert [f"{rule['id']} ({rule['help']}): {node['html'][:200]}" for rule in result["violations"]
            for node in rule["nodes"]] == []
