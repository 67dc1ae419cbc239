"""Text: British spelling, links that lead somewhere, and addresses outside that are well formed and named.

`python -m tests.test_text` lists the addresses outside; nobody asks for them here, so have a look now and then.
"""

import os
import re
import string
from pathlib import Path

import pytest

from helpers.data import FetchError
from tests.course import LESSONS, ROOT, SOLUTIONS
from tests.spelling import READMES, TERMS, british_words, markdown, prose, texts, unknown
from tests.tools import timetable
from tests.tools.glossary import PAGE, glossary

FILES = LESSONS + SOLUTIONS + READMES
PAGES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in FILES]
TYPOS = "recieve occured seperate lenght teh optimization color behavior labeled analyze"
LINK = re.compile(r"\[((?:[^][]|\[[^]]*\])*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")  # [text](target)


def links(path: Path) -> list[tuple[str, str]]:
    """(text, target) of each link and picture; an address in angle brackets or alone is its own text."""
    text = markdown(path)
    bare = re.findall(r"https?://[^\s<>`\"')]+", re.sub(r"`[^`]*`", "", LINK.sub("", text)))
    return LINK.findall(text) + [(address, address) for address in bare]


def slugs(path: Path) -> set[str]:
    """What #anchors of a page can name: headings, as JupyterLab writes them in notebooks and GitHub in READMEs."""
    headings = [re.sub(r"[*`$]|\]\([^)]*\)|\[", "", title).strip()
                for title in re.findall(r"^#+ (.+)$", markdown(path), flags=re.M)]
    if path.suffix == ".ipynb":
        return {heading.replace(" ", "-") for heading in headings}
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def outside() -> list[tuple[str, str]]:
    """Each address on the web with each page that links to it."""
    return sorted({(target, path.name) for path in FILES for _, target in links(path) if re.match(r"[a-z]+:", target)})


@pytest.fixture(scope="module")
def dictionary() -> frozenset[str]:
    """The British dictionary; without it, spelling is skipped, but never in CI."""
    try:
        return british_words()
    except FetchError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def test_every_word_is_spelt_as_in_britain(dictionary: frozenset[str]) -> None:
    terms = frozenset(TERMS.read_text("utf-8").split())
    wrong = {f"{path.relative_to(ROOT)}: {word}" for path, text, names in texts()
             for word in unknown(text, terms | names)}
    assert wrong == set(), "mend the spelling, put code into backticks, or add a term of the trade to tests/words.txt"


def test_the_word_list_holds_only_what_the_dictionary_lacks(dictionary: frozenset[str]) -> None:
    terms = TERMS.read_text("utf-8").splitlines()
    assert terms == sorted(set(terms)) and len(terms) <= 400
    used = set().union(*(unknown(text, names) for _, text, names in texts()))
    assert {term for term in terms if term not in used and term.capitalize() not in used} == set(), "not needed"


def test_typos_are_found_in_prose_and_code_is_left_alone(dictionary: frozenset[str]) -> None:
    assert unknown(prose(f"Look: {TYPOS.replace(' ', ', ')}.")) == set(TYPOS.split())
    assert unknown(string.capwords(TYPOS)) == set(string.capwords(TYPOS).split())
    assert unknown(prose("The cat’s colours, `plt.color`, $\\text{teh}$, [centre](color.html), see teh.py, CNNs\n"
                         "```\nteh\n```\n## References\nteh\n## The end\nlabelled")) == set()


@pytest.mark.parametrize("path", PAGES)
def test_relative_links_and_their_anchors_resolve(path: Path) -> None:
    for target in {target for _, target in links(path) if not re.match(r"[a-z]+:", target)}:
        name, _, anchor = target.partition("#")
        page = path.parent / name if name else path
        assert page.exists() and (not anchor or anchor in slugs(page)), target


@pytest.mark.parametrize("path", PAGES)
def test_links_are_named_by_what_they_lead_to(path: Path) -> None:
    """A screen reader lists the links of a page by their texts alone."""
    shown = {text.strip("*_` ") for text, _ in links(path)}
    nothing = {text for text in shown if not text or text.lower() in ("here", "this", "link", "click here", "page")}
    addresses = {text for text in shown if re.fullmatch(r"(https?://|www\.)\S+|[\w.-]+\.(com|org|net|io|edu|de)", text)}
    assert nothing | addresses == set(), "say in words what the link leads to"


def test_addresses_outside_are_well_formed_and_encrypted() -> None:
    assert len(outside()) >= 15
    for address, _ in outside():
        assert re.fullmatch(r"https://([a-z0-9-]+\.)+[a-z]{2,}(/[\w./~+%?=&#-]*)?", address), address


def test_the_glossary_is_that_of_the_lessons() -> None:
    assert PAGE.read_text("utf-8") == glossary(), "run python -m tests.tools.glossary"


def test_the_timetable_is_that_of_the_lessons() -> None:
    page = timetable.PAGE.read_text("utf-8")
    assert page == timetable.with_timetable(page), "run python -m tests.tools.timetable"


def test_the_sections_of_the_schedules_are_those_of_the_lessons() -> None:
    """A schedule names a section in italics; who renames the section renames it there."""
    page = timetable.PAGE.read_text("utf-8")
    schedules = page.split("## Schedules")[1].split("## What to skip")[0]
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*|\n]+)\*(?!\*)", schedules))
    titles = {title for path in LESSONS for title in timetable.sections(path)}
    assert {name for name in named if not any(title.startswith(name) for title in titles)} <= {"Predict, then run"}


if __name__ == "__main__":
    for address, page in outside():
        print(address, page)
