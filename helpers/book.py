"""A book to read without Python: `python -m helpers.book` builds build/book, a web site that needs no network.

Sphinx with MyST-NB turns the saved notebooks into pages; nothing is run, and no notebook is changed.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = PROJECT / "notebooks"
LESSONS, SOLUTIONS = (sorted(folder.glob("[0-9][0-9]_*.ipynb")) for folder in (NOTEBOOKS, NOTEBOOKS / "solutions"))
BESIDE = sorted(NOTEBOOKS.glob("*.md"))  # the glossary, and what else stands beside the lessons
PACKAGES = ("sphinx", "myst_nb", "furo", "sphinx-mathjax-offline")  # the last one is a folder with MathJax in it
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
WIDGET = "application/vnd.jupyter.widget-view+json"

CONF = {
    "project": "Deep Learning for Manufacturing with PyTorch",
    "copyright": "the authors; text and figures CC BY 4.0, code MIT",
    "language": "en",
    "extensions": ["myst_nb", "sphinx.ext.mathjax"],
    "nb_execution_mode": "off",  # the saved outputs are shown
    "nb_code_prompt_show": "Predict first, then open the {type}",
    "nb_code_prompt_hide": "Close the {type}",
    "myst_enable_extensions": ["dollarmath"],
    "myst_heading_anchors": 3,
    "myst_links_external_new_tab": True,  # so that nobody loses the page in a class
    "mathjax_path": "tex-svg.js",  # one file, which draws its letters itself: no fonts, no network
    "html_theme": "furo",
    "html_title": "Deep Learning for Manufacturing",
    "html_static_path": ["_static"],
    "html_css_files": ["book.css"],
    "html_copy_source": False,
    "html_show_search_summary": False,  # it would be fetched, which browsers refuse for files of a folder
    "suppress_warnings": [],  # a warning is an error; list here what may stay, with its reason
}


def missing(packages: tuple[str, ...] = PACKAGES) -> str:
    """A sentence about what has to be installed; empty if all is there."""
    absent = ", ".join(name for name in packages if find_spec(name) is None)
    return absent and f'{absent}: not installed here. Run: pip install -e ".[book]"'


def files_of(package: str) -> Path:
    """The folder of an installed package."""
    return Path(find_spec(package).submodule_search_locations[0])


def page_of(path: Path) -> dict:
    """A notebook as the book shows it: alt texts kept, what is to be predicted folded, controls as their sentence."""
    notebook = json.loads(path.read_text("utf-8"))
    notebook["metadata"].pop("widgets", None)  # needs a script from the network
    for cell in notebook["cells"]:
        metadata, source = cell["metadata"], "".join(cell["source"])
        # markdown and formulas in an answer are read as such if they stand in paragraphs of their own
        cell["source"] = re.sub(r"(</summary>)(.+?)(</details>)", "\\1\n\n\\2\n\n\\3", source, flags=re.S)
        if metadata.get("jupyter", {}).get("outputs_hidden"):
            metadata.setdefault("tags", []).append("hide-output")
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                metadata["mystnb"] = {"image": {"alt": alt}}  # the one place where MyST-NB looks for it
    return notebook


def opening(path: Path) -> tuple[str, dict[str, str]]:
    """Title of a notebook, and the rows of the table in its first cell: label to text."""
    first = "".join(json.loads(path.read_text("utf-8"))["cells"][0]["source"])
    rows = re.findall(r"^\| *\*{0,2}([^|*]+?)\*{0,2} *\| *(.+?) *\|$", first, flags=re.M)
    return re.match(r"# +(.+)", first)[1].replace("*", ""), dict(rows)


def toctree(caption: str, entries: list[str]) -> str:
    """A list of pages for the side bar."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""])


def start_page() -> str:
    """The first page: what this is, how to read it, and a table of lessons from their own first cells."""
    about = (PROJECT / "README.md").read_text("utf-8").split("\n\n")[1:3]
    lines, entries = [], []
    for path in LESSONS:
        title, rows = opening(path)
        lines.append(f"| {path.name[:2]} | [{title}](notebooks/{path.name}) | {rows['After this you can']} |")
        entries.append(f"{path.name[:2]} {title} <notebooks/{path.stem}>")
    return "\n".join([
        f"# {CONF['project']}", "", *about[0].splitlines(), "", *about[1].splitlines(), "",
        "This book is the course to read: the lessons with the outputs that were saved with them. Nothing here runs. "
        "To run, change and solve, take the project and JupyterLab; [the project's own page](README.md) says how.", "",
        "- Where a page says **Predict, then run**, make up your mind, then open what is folded away below the code.",
        "- Answers to the quiz are folded away, too. [Worked solutions](notebooks/solutions/index.md) of the exercises "
        "are on pages of their own, so that nobody sees one by accident.",
        "- A term that you have forgotten is in the [glossary](notebooks/glossary.md), with the lesson that explains "
        "it; the [data sets](data/README.md) have a card each. The search field needs no network.",
        "- On paper everything that is folded is open.", "",
        "## Lessons", "", "| | lesson | after this you can |", "|---|---|---|", *lines, "",
        toctree("Lessons", entries),
        toctree("Beside the lessons", [*(f"notebooks/{path.stem}" for path in BESIDE), "notebooks/solutions/index",
                                       "Data sets <data/README>", "The project <README>"])])


def write_source(folder: Path) -> None:
    """The book's source, laid out like the project, so that the links of the notebooks hold."""
    for path in LESSONS + SOLUTIONS:
        copy = folder / path.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(page_of(path)), "utf-8")
    for path in (*BESIDE, NOTEBOOKS / "cover.png", PROJECT / "data" / "README.md", PROJECT / "LICENSE"):
        (folder / path.relative_to(PROJECT)).parent.mkdir(exist_ok=True)
        shutil.copy(path, folder / path.relative_to(PROJECT))
    readme = (PROJECT / "README.md").read_text("utf-8")  # a folder is no page
    readme = readme.replace("](notebooks/solutions)", "](notebooks/solutions/index.md)")
    (folder / "README.md").write_text(readme, "utf-8")
    names = [f"{path.name[:2]} {opening(path)[0]} <{path.stem}>" for path in SOLUTIONS]
    solutions = "\n".join([
        "# Solutions", "", "Worked answers to the exercises and to *Your hand* of each lesson. Try first.", "",
        *(f"- [{path.name[:2]} {opening(path)[0]}]({path.name})" for path in SOLUTIONS), "",
        toctree("Solutions", names)])
    (folder / "notebooks" / "solutions" / "index.md").write_text(solutions, "utf-8")
    (folder / "index.md").write_text(start_page(), "utf-8")
    (folder / "conf.py").write_text("".join(f"{name} = {value!r}\n" for name, value in CONF.items()), "utf-8")
    static = folder / "_static"
    static.mkdir()
    shutil.copy(Path(__file__).with_name("book.css"), static)
    shutil.copy(files_of("sphinx-mathjax-offline") / "static" / "mathjax" / CONF["mathjax_path"], static)


def build(target: Path) -> int:
    """Build the site into `target`; return 0, or another number if Sphinx found fault with a page."""
    from sphinx.cmd.build import build_main

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        write_source(source)
        shutil.rmtree(target, ignore_errors=True)
        return build_main(["-q", "-W", "--keep-going", "-b", "html", "-d", f"{folder}/doctrees",
                           str(source), str(target)])


def print_pages(site: Path) -> str:
    """A PDF of each lesson beside its page, printed by a Chromium or Chrome; return a sentence about it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        return f"No PDF: printing needs Chromium or Chrome on the PATH (one of {', '.join(BROWSERS)})."
    for path in LESSONS:
        page = site / "notebooks" / path.with_suffix(".html").name
        subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
                        "--virtual-time-budget=60000",  # until the formulas are set
                        f"--print-to-pdf={page.with_suffix('.pdf')}", page.as_uri()],
                       check=True, capture_output=True)
    return f"{len(LESSONS)} lessons printed: {site / 'notebooks'}/NN_*.pdf"


def main(arguments: list[str] | None = None) -> int:
    """Build the book, and print it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m helpers.book", description=__doc__.splitlines()[0])
    parser.add_argument("--pdf", action="store_true", help="also print each lesson, with the Chromium of this machine")
    parser.add_argument("--out", type=Path, default=PROJECT / "build" / "book", help="the folder (default: build/book)")
    options = parser.parse_args(arguments)
    if sentence := missing():
        print(sentence, file=sys.stderr)
        return 1
    if failed := build(options.out.resolve()):
        print("The book is not whole: Sphinx names the pages above.", file=sys.stderr)
        return failed
    print(f"Open {options.out / 'index.html'} in a browser; the folder can be copied to a stick or a server.")
    if options.pdf:
        print(print_pages(options.out.resolve()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
