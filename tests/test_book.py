"""The book and the slides: built once, then opened in Chromium as files, without a network."""

import json
import os
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, BrowserContext, Page

from helpers import book, slides
from tests.chromium import started_chromium
from tests.course import LESSONS, ROOT, SOLUTIONS, read_cells, tags

browser = pytest.fixture(scope="module")(started_chromium)
PAGES = [str(path.relative_to(ROOT).with_suffix(".html")) for path in LESSONS + SOLUTIONS]
OTHERS = ["index.html", "README.html", "data/README.html", "notebooks/glossary.html", "notebooks/solutions/index.html"]
STATE = """() => {  // what a page shows of its formulas and its folded parts
  const bare = document.querySelector("article").cloneNode(true);
  for (const part of bare.querySelectorAll("pre, code, mjx-container")) part.remove();
  const count = (selector) => document.querySelectorAll(selector).length;
  return {written: count(".math"), drawn: count("mjx-container > svg"), wrong: count("[data-mml-node=merror]"),
    raw: bare.textContent.match(/\\$|\\\\[(\\[a-zA-Z]+/g) || [],
    open: count("details[open]"), folded: count("article details")};
}"""
SLIDES = """() => Array.from({length: Reveal.getTotalSlides()}, (_, number) => {
  Reveal.slide(number, 0, 99);  // with all that comes on a click
  const slide = Reveal.getCurrentSlide(), box = slide.getBoundingClientRect(), scale = Reveal.getScale();
  const parts = [...slide.querySelectorAll("*")].filter((part) => !part.closest("aside, mjx-assistive-mml, svg *"));
  const over = parts.filter((part) => {
    const at = part.getBoundingClientRect();
    return at.width && (at.right > box.right + 1 || at.bottom > box.top + 720 * scale + 1 || at.left < box.left - 1 ||
                        (part.matches("pre") && part.scrollWidth > part.clientWidth + 1));
  });
  const texts = parts.filter((part) => [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return {number: number + 1, over: over.map((part) => part.outerHTML.slice(0, 150)), height: slide.scrollHeight,
    small: Math.min(99, ...texts.map((part) => parseFloat(getComputedStyle(part).fontSize))),
    images: [...slide.querySelectorAll("img")].map((image) => Math.max(image.naturalWidth, image.naturalHeight) *
      Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight)),
    formulas: [...slide.querySelectorAll(".formula mjx-container > svg")].map((svg) =>  // size of their letters
      svg.getBoundingClientRect().width / scale / svg.width.baseVal.value * parseFloat(getComputedStyle(svg).fontSize)),
    wrong: slide.querySelectorAll("[data-mml-node=merror]").length, raw: slide.innerText.includes("$$")};
})"""


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Without the extra `book` the tests are skipped; where CI is set, they fail."""
    if sentence := book.missing() or book.missing(slides.PACKAGES):
        pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, built once. A warning of Sphinx is an error."""
    folder = tmp_path_factory.mktemp("book") / "site"
    assert book.main(["--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def html(site: Path) -> dict[str, BeautifulSoup]:
    """All pages of the book, by their place in it."""
    return {str(path.relative_to(site)): BeautifulSoup(path.read_text("utf-8"), "html.parser")
            for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def offline(browser: Browser) -> Iterator[tuple[BrowserContext, list[str]]]:
    """A browser without a network, and the list of what was asked of it."""
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(120_000)
    context.route(re.compile("^(http|ws)"), lambda route: (asked.append(route.request.url), route.abort()))
    yield context, asked
    context.close()


def opened(context: BrowserContext, address: str, ready: str) -> Page:
    """A page, as soon as `ready` is true in it. An error of a script fails the test."""
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"{address}: {error}"))
    page.goto(address)
    page.wait_for_function(ready)
    return page


@pytest.fixture(scope="module")
def states(site: Path, offline: tuple[BrowserContext, list[str]]) -> dict[str, dict[str, Any]]:
    """What each page of the book shows when it is opened as a file."""
    found = {}
    for name in PAGES + OTHERS:
        page = opened(offline[0], (site / name).as_uri(), "!window.MathJax || MathJax.startup?.promise")
        page.evaluate("window.MathJax && MathJax.startup.promise")
        found[name] = page.evaluate(STATE)
        page.close()
    return found


def test_every_notebook_is_a_page_with_its_figures_and_alt_texts(html: dict[str, BeautifulSoup], site: Path) -> None:
    assert set(PAGES + OTHERS) <= set(html)
    for path, name in zip(LESSONS + SOLUTIONS, PAGES, strict=True):
        saved = [output["metadata"]["image/png"]["alt"] for cell in read_cells(path)
                 for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
        assert [image["alt"] for image in html[name].select("article img")] == saved, name
        sentences = sum("Run the lesson to use these controls" in text for text in html[name].stripped_strings)
        assert sentences == path.read_text("utf-8").count("Run the lesson to use these controls"), name
        text = re.sub(r"\W+", "", html[name].find("article").get_text())
        printed = ["".join(output["text"]) for cell in read_cells(path) for output in cell.get("outputs", ())
                   if output["output_type"] == "stream"]
        assert [lines for lines in printed if re.sub(r"\W+", "", lines) not in text] == [], name
    assert [row.find("a")["href"] for row in html["index.html"].select("tbody tr")] == PAGES[:len(LESSONS)]


def test_every_link_and_file_of_the_book_is_there(html: dict[str, BeautifulSoup], site: Path) -> None:
    """What a page loads lies beside it; what it links to exists, down to the anchor."""
    anchors = {(site / name).resolve(): {part["id"] for part in page.select("[id]")} for name, page in html.items()}
    for name, page in html.items():
        loaded = [part.get("src") or part.get("href") for part in page.select("script[src], link[href], img[src]")]
        assert [address for address in loaded if ":" in address and not address.startswith("data:")] == [], name
        for address in loaded + [part["href"] for part in page.select("a[href]")]:
            file, anchor = urldefrag(re.sub(r"\?.*?(?=#|$)", "", address))
            if ":" not in file:
                target = ((site / name).parent / unquote(file) if file else site / name).resolve()
                assert target.is_file(), f"{name} links to {address}"
                assert not anchor or unquote(anchor) in anchors[target], f"{name} links to {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text("utf-8")), style.name


def test_formulas_are_drawn_and_answers_folded(states: dict[str, dict[str, Any]]) -> None:
    assert sum(state["written"] for state in states.values()) > 1_000
    for name, state in states.items():
        assert state["drawn"] == state["written"] and state["wrong"] == 0 and state["raw"] == [], f"{name}: {state}"
        assert state["open"] == 0
    for path, name in zip(LESSONS, PAGES[:len(LESSONS)], strict=True):
        hidden = [cell for cell in read_cells(path) if cell["metadata"].get("jupyter") and cell["outputs"]]
        assert states[name]["folded"] == 5 + len(hidden), name


def test_search_finds_a_word(site: Path, offline: tuple[BrowserContext, list[str]]) -> None:
    address = (site / "search.html").as_uri() + "?q=Wasserstein"
    page = opened(offline[0], address, "document.querySelector('ul.search li')")
    page.wait_for_function("document.querySelector('.search-summary').innerText.includes('found')")
    found = [link.get_attribute("href") for link in page.locator("ul.search a").all()]
    assert any("06_gan_minimax" in link for link in found)
    page.close()


def test_no_page_asks_for_a_network(states: dict[str, Any], offline: tuple[BrowserContext, list[str]]) -> None:
    assert offline[1] == []


def test_a_lesson_is_printed(site: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "LESSONS", [LESSONS[2]])
    assert "1 lessons printed" in book.print_pages(site)
    pdf = (site / PAGES[2]).with_suffix(".pdf").read_bytes()
    saved = ["".join(output["data"]["image/png"]) for cell in read_cells(LESSONS[2])
             for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    sizes = {(int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) for head in (b64decode(x[:64]) for x in saved)}
    printed = {(int(w), int(h)) for w, h in re.findall(rb"/Width (\d+)\s*/Height (\d+)", pdf)}
    assert sizes <= printed, "a picture is missing on paper, perhaps one of a folded output"
    monkeypatch.setattr(book.shutil, "which", lambda name: None)
    assert book.print_pages(site).startswith("No PDF: printing needs Chromium or Chrome")


@pytest.mark.parametrize("tool", [book, slides])
def test_what_is_not_installed_is_named(tool: Any, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(book, "find_spec", lambda name: None)
    assert tool.main([]) == 1
    assert 'pip install -e ".[book]"' in capsys.readouterr().err


@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_slides_fit_and_can_be_read(path: Path, tmp_path: Path, offline: tuple[BrowserContext, list[str]]) -> None:
    assert slides.main([path.stem, "--out", str(tmp_path)]) == 0
    page = opened(offline[0], (tmp_path / path.with_suffix(".html").name).as_uri(), "document.body.dataset.formulas")
    shown = page.evaluate(SLIDES)
    assert 15 <= len(shown) <= 40
    for slide in shown:
        assert slide["over"] == [] and slide["height"] <= 720, slide
        assert slide["small"] >= 16 and not slide["wrong"] and not slide["raw"], slide
        assert sum(slide["images"] or [400]) >= 400 and min(slide["formulas"], default=20) >= 20, slide
    soup = BeautifulSoup(page.content(), "html.parser")
    assert all(image.get("alt") for image in soup.select("section img"))
    heads = [head.get_text(strip=True) for head in soup.select("section h2")]
    assert {f"Quiz, {number}" for number in range(1, 6)} | {"What could go wrong", "Summary"} <= set(heads)
    text = "".join(cell["source"] for cell in read_cells(path) if cell["cell_type"] == "markdown")
    notes = sum(len(note.get_text()) for note in soup.select("aside.notes"))
    assert notes > 0.6 * len(text.split("\n## Exercises")[0]), "the notes hold the lesson's text"
    assert offline[1] == []
    page.close()


def test_tags_choose_slides(capsys: pytest.CaptureFixture) -> None:
    cells = [cell | {"metadata": cell["metadata"] | {"tags": list(tags(cell))}} for cell in read_cells(LESSONS[6])]
    before = json.dumps([slide.body for slide in slides.slides_of(cells)])
    cells[2]["metadata"]["tags"].append("slide")  # the imports
    cells[12]["metadata"]["tags"].append("skip-slide")  # Figure 1
    bodies = [slide.body for slide in slides.chosen(slides.slides_of(cells))]
    assert any("matplotlib" in body for body in bodies) and "matplotlib" not in before
    assert "Figure 1." in before and not any("Figure 1." in body for body in bodies)
    assert slides.main(["no such name"]) == 1 and "No lesson" in capsys.readouterr().err
