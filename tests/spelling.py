"""Spelling: the British dictionary, the prose of a text, and the words in it that the dictionary does not know."""

import ast
import functools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from helpers.data.load import cache
from helpers.data.record import DataSet, File, Files, Wheel
from tests.course import LESSONS, ROOT, SOLUTIONS, read_cells

READMES = [ROOT / "README.md", ROOT / "data" / "README.md", ROOT / "notebooks" / "teaching.md"]
TERMS = ROOT / "tests" / "words.txt"
WHEEL = "jupyterlab_spellchecker-0.9.0"


def markdown(path: Path) -> str:
    """The markdown of a page, notebook or README, without blocks of code."""
    text = path.read_text("utf-8")
    if path.suffix == ".ipynb":
        text = "\n\n".join(cell["source"] for cell in read_cells(path) if cell["cell_type"] == "markdown")
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)


def read(files: Files) -> dict[str, str]:
    """Rules and entries of SCOWL's en_GB-ise: neither American spellings nor -ize are in it."""
    stem = f"{WHEEL}.data/data/share/jupyter/dictionaries/en_GB-ise"
    with zipfile.ZipFile(files.paths[0]) as archive:
        return {kind: archive.read(f"{stem}.{kind}").decode("utf-8") for kind in ("aff", "dic")}


SHA256 = "3da840a61e216b45dce2bc01311e8a302c79fd4717cfc3cbf14692c548842142"
DICTIONARY = DataSet(  # of JupyterLab's spell checker, fetched like a data set and never installed
    name="dictionary", title="The British dictionary", licence="BSD; word lists from SCOWL",
    forms={"wheel": (File(f"{WHEEL}-py3-none-any.whl", 5_328_859, f"sha256:{SHA256}",
                          wheel=Wheel("jupyterlab-spellchecker==0.9.0", SHA256)),)},
    read=read, stand_in=dict)


@functools.cache
def british_words() -> frozenset[str]:
    """Every word of the dictionary with its endings. Raises FetchError if it cannot be had."""
    rules, entries = (cache(DICTIONARY)["fields"][kind] for kind in ("aff", "dic"))
    changes: dict[str, list[tuple[str, str, str, re.Pattern]]] = {}
    for kind, flag, strip, add, ending in re.findall(r"^([PS]FX) (\w) +(\w+) +(\S+) +(\S+) *$", rules, flags=re.M):
        changes.setdefault(flag, []).append((kind, strip.replace("0", ""), add, re.compile(f"{ending}$")))
    words = set()
    for entry in entries.splitlines()[1:]:
        word, _, flags = entry.partition("/")
        allowed = [change for flag in flags for change in changes.get(flag, ())]
        forms = {word} | {word.removesuffix(strip) + add for kind, strip, add, ending in allowed
                          if kind == "SFX" and ending.search(word)}
        words |= forms | {add + form for kind, _, add, _ in allowed if kind == "PFX" for form in forms}
    return frozenset(words)


def prose(markdown: str) -> str:
    """A text without code, formulas, addresses, file names and titles of cited works."""
    text = re.sub(r"^## References\n.*?(?=^## |\Z)|^- \*\*Cite:\*\*.*?$", " ", markdown, flags=re.S | re.M)
    text = re.sub(r"^ *```.*?^ *```|<!--.*?-->", " ", text, flags=re.S | re.M)
    text = re.sub(r"(`+).+?\1|\$\$.+?\$\$|\$[^$]+\$", " ", text, flags=re.S)
    text = re.sub(r"\]\([^)]*\)|<[^>\n]*>|https?://\S+", " ", text)
    return re.sub(r"\S*\w[._/\\=]\w\S*|\S*_\S*", " ", text)


def unknown(text: str, also: frozenset[str] = frozenset()) -> set[str]:
    """Words of a text that neither the British dictionary nor `also` holds. Abbreviations in capitals are left out."""
    found = set()
    for token in re.findall(r"\w[\w'’]*", text):
        word = re.sub(r"'s?$", "", token.replace("’", "'"))
        letters = word.replace("'", "").isalpha() and len(word) > 1
        known = any(form in british_words() or form in also for form in (word, word.lower()))
        if letters and not word.removesuffix("s").isupper() and not known:
            found.add(word)
    return found


def texts() -> Iterator[tuple[Path, str, frozenset[str]]]:
    """(file, prose, names used in its code): pages, READMEs, and the docstrings and messages of the helpers."""
    for path in LESSONS + SOLUTIONS + READMES:
        yield path, prose(markdown(path)), frozenset()
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = frozenset(getattr(node, "arg", None) or getattr(node, "id", "") for node in nodes)
        strings = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        yield path, prose("\n\n".join(s for s in strings if len(s.split()) > 2)), names
