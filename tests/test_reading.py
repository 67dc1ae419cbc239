"""Reading: the saved pages as HTML, made without a kernel and opened in Chromium without a network.

nbconvert's "classic" template is used, because its "lab" template drops the alt text of figures.
"""

import ast
import functools
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
from tests.refresh import WIDGET, WIDGETS, plain

EVERY = [pytest.param(path, id=str(path.relative_to(ROOT / "notebooks"))) for path in LESSONS + SOLUTIONS]
EXPORTER = HTMLExporter(template_name="classic")
NOT_OURS = {  # parts of a page that others draw, with what axe says of them
    ".prompt": "nbconvert's In [1] and Out[1]: the latter has a contrast of 4.43, and 4.5 is wanted",
    ".noUi-handle": "ipywidgets writes the name of a slider beside it and does not tie the two together",
}
RULES_OFF = {"empty-table-header": {"enabled": False}}  # markdown gives every table a heading row, be it empty
PLAIN_CODE = """() => {  // nbconvert colours code: `in` and `is` at a contrast of 4.47; axe sees it in one colour
    for (const code of document.querySelectorAll(".highlight pre")) code.textContent = code.textContent;
}"""


@functools.lru_cache(maxsize=1)
def exported(path: Path) -> str:
    """The page as `jupyter nbconvert --to html --template classic` makes it; nothing is executed."""
    return EXPORTER.from_filename(str(path))[0]


@pytest.fixture(scope="module", params=EVERY)
def path(request: pytest.FixtureRequest) -> Path:
    """Each notebook in turn; all tests of one page run before the next page is made."""
    return request.param


@pytest.fixture(scope="module")
def soup(path: Path) -> BeautifulSoup:
    """The elements of the page."""
    return BeautifulSoup(exported(path), "html.parser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(path: Path, browser: Browser) -> Iterator[Page]:
    """The page in the browser, its controls shown from their saved state (tests/controls.js tells how)."""

    def answer(route: Route) -> None:
        if route.request.url == "http://saved.page/":
            route.fulfill(body=exported(path), content_type="text/html; charset=utf-8")
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


def controls(path: Path) -> list[dict[str, Any]]:
    """State of each control of a notebook, in order, from the notebook's metadata."""
    notebook = json.loads(path.read_text("utf-8"))
    saved = notebook["metadata"].get("widgets", {}).get(WIDGETS, {}).get("state", {})
    shown = [output["data"][WIDGET]["model_id"] for cell in notebook["cells"] for output in cell.get("outputs", ())
             if WIDGET in output.get("data", {})]
    found = []
    for box in shown:
        for child in saved[box]["state"]["children"]:
            found.append(saved[child.removeprefix("IPY_MODEL_")]["state"])
    return [state for state in found if "description" in state]


def interactions(path: Path) -> list[tuple[str, Any]]:
    """(label, value) of each control that the code asks for; the value is None where the code computes it."""
    code = "\n".join(cell["source"] for cell in read_cells(path) if cell["cell_type"] == "code")
    calls = [node for node in ast.walk(ast.parse(code))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "interact"]
    found = []
    for keyword in itertools.chain.from_iterable(call.keywords for call in calls):
        settings = getattr(keyword.value, "keywords", ())  # of the slider
        given = {item.arg: item.value.value for item in settings if isinstance(item.value, ast.Constant)}
        found.append((given.get("description", keyword.arg), given.get("value")))
    return found


def test_page_shows_every_figure_under_its_caption(path: Path, soup: BeautifulSoup) -> None:
    saved = []
    for cell, following in itertools.pairwise([*read_cells(path), {"source": ""}]):
        data = [output.get("data", {}) for output in cell.get("outputs", ())]
        pictures = ["".join(part["image/png"]).strip() for part in data if "image/png" in part]
        assert bool(pictures) == following["source"].startswith("*Figure"), f"caption or figure?\n{cell['source']}"
        caption = plain(following["source"].split("\n\n")[0])
        saved += [(f"data:image/png;base64,{picture}", caption) for picture in pictures]
    assert [(image["src"].strip(), image["alt"]) for image in soup.find_all("img")] == saved


def test_page_holds_the_state_of_every_control(path: Path, soup: BeautifulSoup) -> None:
    views = [json.loads(script.string) for script in soup.find_all("script", type=WIDGET)]
    calls = "\n".join(cell["source"] for cell in read_cells(path) if cell["cell_type"] == "code").count("interact(")
    assert len(views) == calls
    state = {} if not views else json.loads(soup.find("script", type=WIDGETS).string)["state"]
    assert {view["model_id"] for view in views} <= set(state)
    assert {found[10:] for found in json_strings(state) if found.startswith("IPY_MODEL_")} <= set(state)
    for (label, value), saved in itertools.zip_longest(interactions(path), controls(path)):
        assert saved["description"] == label and saved in [model["state"] for model in state.values()]
        assert value is None or saved["value"] == value
    pictures = [model["state"]["outputs"] for model in state.values() if model["model_name"] == "OutputModel"]
    assert len(pictures) == len(views) and all(pictures), "what a control draws is saved with it"


def json_strings(value: Any) -> Iterator[str]:
    """All strings in a JSON value."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from json_strings(part)


def test_page_shows_label_and_value_of_every_control(path: Path, page: Page) -> None:
    shown = page.locator(".widget-inline-hbox")
    wanted = []
    for state in controls(path):
        value = state.get("value", state.get("index"))
        text = state["_options_labels"][value] if "index" in state else format(value, state["readout_format"])
        wanted.append((state["description"], text.replace("-", "−")))  # a slider shows a true minus sign
    got = []
    for control in shown.all():
        assert control.is_visible()
        chosen = control.locator(".widget-readout, option:checked").inner_text()
        got.append((control.locator(".widget-label").inner_text(), chosen.replace("\xa0", " ")))
    assert got == wanted


def test_headings_of_the_page_are_nested(soup: BeautifulSoup) -> None:
    levels = [int(heading.name[1]) for heading in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_page_passes_the_accessibility_checker(page: Page) -> None:
    """All rules of axe: contrast, alt texts, names of links and controls, lists, headings, keyboard, language."""
    page.evaluate(PLAIN_CODE)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    result = page.evaluate("([exclude, rules]) => axe.run({exclude}, {rules, resultTypes: ['violations']})",
                           [list(NOT_OURS), RULES_OFF])
    assert len(result["passes"]) > 15, "axe has hardly found anything to check"
    assert [f"{rule['id']} ({rule['help']}): {node['html'][:200]}" for rule in result["violations"]
            for node in rule["nodes"]] == []
