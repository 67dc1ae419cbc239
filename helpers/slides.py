"""Slides for a class, from the lessons themselves: `python -m helpers.slides 05` writes build/slides/05_*.html.

What becomes a slide follows from the structure that every lesson has; `slides_of` lists it. Cell tags overrule it:
`slide` always shows a cell, `skip-slide` never. Each file is whole: reveal.js, MathJax and pictures are in it.
"""

import argparse
import json
import re
import sys
from base64 import b64decode
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from math import sqrt
from pathlib import Path
from string import Template

from helpers.book import LESSONS, PROJECT, files_of, missing

PACKAGES = ("nbconvert", "sphinx_revealjs", "sphinx-mathjax-offline")  # markdown; reveal.js; MathJax
MOST, ENOUGH = 36, 30  # slides: figures, questions and formulas fill up to MOST, tables up to ENOUGH
ALWAYS, FIGURE, QUESTION, OPENING, TASK, FORMULA, TABLE = range(7)  # from the last to be left out to the first
CLOSING = ("What could go wrong", "Exercises", "Quiz", "Summary", "References")
MATH_OR_CODE = re.compile(r"\$\$.+?\$\$|\$[^$]+\$|`[^`]+`", re.S)


@dataclass
class Slide:
    """One slide: what it is, its heading, its HTML, and the markdown that the teacher sees beside it."""

    rank: int
    head: str
    body: str
    notes: list[str] = field(default_factory=list)


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; a full stop in a formula or in code ends none."""
    spans = iter(MATH_OR_CODE.findall(text))
    marked = re.sub(r"([.!?][*)”\"]*)\s+(?=[A-Z*\"“(\0])", "\\1\1", MATH_OR_CODE.sub("\0", text))
    return [re.sub("\0", lambda _: next(spans), part) for part in marked.split("\1")]


def opening(text: str, most: int) -> str:
    """The first sentences of a paragraph: two, and more as long as they have up to `most` letters together."""
    parts = sentences(text)
    return " ".join(parts[:max(2, sum(len(" ".join(parts[:k + 1])) <= most for k in range(len(parts))))])


def html(markdown: str) -> str:
    """Markdown as HTML; formulas stay TeX for MathJax, links become plain words, since a slide leads nowhere."""
    from nbconvert.filters import markdown2html
    return markdown2html(re.sub(r"(?<!!)\[([^]]+)\]\([^)]*\)", r"\1", markdown))


def words(markdown: str, kind: str = "", most: int = 38, height: int = 560) -> str:
    """Text in a size (pixels, `most` at most) at which it fills about `height`."""
    length = len(re.sub(r"\\[a-z]+|[${}*`]", "", markdown)) + 30 * markdown.count("\n") + 1
    size = max(20, min(most, sqrt(1180 * height / length)))
    return f'<div class="words {kind}" style="font-size: {size:.0f}px">{html(markdown)}</div>'


def lines(text: str, code: bool = False) -> str:
    """Code or print as large as it fits; from the 24th line on it is left to the lesson."""
    from nbconvert.filters import Highlight2HTML
    rows = text.strip("\n").splitlines() or [""]
    text = "\n".join(rows if len(rows) <= 24 else [*rows[:22], "… (the lesson shows all)"])
    size = max(16, min(24 if code else 28, 1840 / max(10, *map(len, rows)), 385 / len(rows)))
    inner = Highlight2HTML(pygments_lexer="python")(text) if code else f"<pre>{escape(text)}</pre>"
    return f'<div style="font-size: {size:.1f}px">{inner}</div>'


def shown(cell: dict, caption: str, folded: bool = False) -> tuple[str, str, bool]:
    """What a code cell shows: HTML, printed text that found no room in it, and whether there is a picture."""
    text = "".join("".join(output.get("text", "")) for output in cell["outputs"])
    pictures = [("".join(output["data"]["image/png"]).strip(), output["metadata"].get("image/png", {}).get("alt", ""))
                for output in cell["outputs"] if "image/png" in output.get("data", {})]
    few = bool(text.strip()) and (not pictures or text.count("\n") <= 3)
    figure = "".join(f'<img src="data:image/png;base64,{png}" alt="{escape(alt)}">' for png, alt in pictures)
    figure += f'<div class="caption">{html(caption)}</div>' * bool(caption)
    sizes = [b64decode(png[:64])[16:24] for png, _ in pictures]  # width and height stand in a PNG's header
    tall = any(int.from_bytes(size[:4]) < 1.5 * int.from_bytes(size[4:]) for size in sizes)
    body = lines(text) * few + f'<div class="figure{" tall" * tall}">{figure}</div>' * bool(pictures)
    return f'<div class="shown{" fragment" * folded}">{body}</div>', "" if few else text, bool(pictures)


def closing(title: str, text: str) -> list[Slide]:
    """The slides of the sections that end every lesson: the bold leads, the questions with answers, the points."""
    if title == "Quiz":
        asked = re.findall(r"^\W*(\d)\.\W+(.+?)\n\s*<details><summary>.+?</summary>(.+?)</details>", text, re.S | re.M)
        return [Slide(ALWAYS, f"Quiz, {number}", words(question, height=250)
                      + words(answer.strip(), "answer fragment", height=250)) for number, question, answer in asked]
    if title == "Exercises":
        text = "\n".join(re.findall(r"^### Exercise (\d: .+)", text, re.M)).replace(":", ".")
    elif title == "What could go wrong":
        found = re.findall(r"^(?:- )?\*\*(?!Predict)(.+?)\*\*[,:]?\s*(.*)", text, re.M)
        text = "\n".join(f"- **{lead}** {opening(rest, 120)}" for lead, rest in found)
    return [Slide(ALWAYS, title, words(text))] if title != "References" else []


def slides_of(cells: list[dict]) -> list[Slide]:
    """All slides that a lesson's cells offer, in order.

    Title and aims; each section with its first sentences; figures with the first sentences of their caption; questions
    (Predict, then run) with the output on a click; own work (Your hand) with its stub; formulas with the sentence
    before; printed tables of three lines and more; pitfalls, exercises, quiz with answers on a click, summary.
    """
    first = before = cells[0]["source"]
    head = section = question = task = ""
    new = False
    everything = "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    aims = re.search(r"After this you can\*{0,2} *\| *(.+?) *\|", first)[1].replace("; ", "\n- ")
    name, factory = first.split("\n\n")[:2]
    slides = [Slide(ALWAYS, "", html(name) + words(opening(factory, 400), most=34), [factory]),
              Slide(ALWAYS, "After this lesson you can", words(f"- {aims}"))]
    for cell, following in pairwise([*cells[1:], {"source": "", "metadata": {}}]):
        marked, source, found = set(cell["metadata"].get("tags", ())), cell["source"], None
        if "skip-slide" in marked:
            continue
        if cell["cell_type"] == "code":
            caption = following["source"].split("\n\n")[0].strip("*")
            caption = opening(caption, 170) if caption.startswith("Figure") else ""
            body, rest, picture = shown(cell, caption, folded=bool(question))
            visible = picture or "<pre>" in body
            if "slide" in marked:
                found = ALWAYS, lines(source, code=True) + body
            elif "exercise" in marked and task:
                found = TASK, words(task, most=30, height=300) + lines(source, code=True)
            elif question and visible:
                found = FIGURE if picture else QUESTION, words(question, "question", 30, 130) + body
            elif picture and caption:
                found = FIGURE, body
            elif not marked & {"check", "exercise"} and body.count("\n") >= 2 and section not in CLOSING:
                found = TABLE, words(sentences(before)[-1], most=30, height=130) + body
            slides += [Slide(found[0], head, found[1])] if found else []
            slides += [Slide(TABLE, head, lines(rest))] if found and rest else []
            question, task = question * (not visible), ""  # a cell may be silent, and the next one show the answer
        else:
            if "slide" in marked:
                slides.append(Slide(ALWAYS, head, words(source)))
            for block in re.split(r"\n{2,}", source):
                if title := re.match(r"(##+) (.+)", block):
                    head, new = title[2], title[1] == "##"
                    section = head if new else section
                    if new and head in CLOSING:
                        new, text = False, re.search(rf"^## {head}\n(.*?)(?=^## |\Z)", everything, re.M | re.S)[1]
                        slides += closing(head, text.strip())
                elif section not in CLOSING[1:]:
                    if tex := re.search(r"\$\$.+?\$\$", block, re.S):
                        if new or slides[-1].rank != OPENING or "formula" in slides[-1].body:
                            slides.append(Slide(FORMULA, head, words(sentences(before)[-1], most=34, height=200)))
                        size = 26 if r"\\" in tex[0] else 38  # what is too wide is made to fit by the style
                        slides[-1].body += f'<div class="formula" style="font-size: {size}px">{tex[0]}</div>'
                    elif new and len(block) > 60 and "own-data" not in following["metadata"].get("tags", ()):
                        slides.append(Slide(OPENING, head, words(opening(block, 320))))
                        new = False
                    if "**Predict, then run" in block:
                        question = block[block.index("**Predict, then run"):]
                    elif re.match(r"\*\*Your (hand|turn)", block):
                        task = block
                    slides[-1].notes.append(block)
                before = block
    return slides


def chosen(slides: list[Slide]) -> list[Slide]:
    """As many slides as a lesson bears; the text of those that are left out goes to the notes of the one before."""
    by_rank = sorted(range(len(slides)), key=lambda k: (slides[k].rank, -len(slides[k].body)))
    kept = {k for place, k in enumerate(by_rank) if place < (MOST if slides[k].rank < TABLE else ENOUGH)}
    result: list[Slide] = []
    for number, slide in enumerate(slides):
        result += [slide] if number in kept else []
        result[-1].notes += [] if number in kept else slide.notes
    return result


def deck(path: Path) -> str:
    """The slides of a lesson as one HTML file."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    slides = chosen(slides_of([cell | {"source": "".join(cell["source"])} for cell in cells]))
    parts = [f'<section><h2>{html(slide.head)}</h2>{slide.body}<aside class="notes">{html(notes)}</aside></section>'
             for slide in slides for notes in ["\n\n".join(slide.notes)]]
    reveal, mathjax = files_of("sphinx_revealjs") / "_static" / "revealjs", files_of("sphinx-mathjax-offline")
    scripts = [(folder / name).read_text("utf-8").replace("</script", r"<\/script") for folder, name in (
        (reveal, "dist/reveal.js"), (reveal, "plugin/notes/notes.js"), (mathjax, "static/mathjax/tex-svg.js"))]
    return Template(Path(__file__).with_suffix(".html").read_text("utf-8")).substitute(
        title=escape(path.stem), style=(reveal / "dist" / "reveal.css").read_text("utf-8"), slides="\n".join(parts),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts))


def main(arguments: list[str] | None = None) -> int:
    """Write the slides of the lessons whose names contain one of the arguments."""
    parser = argparse.ArgumentParser(prog="python -m helpers.slides", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="part of a lesson's name; all lessons if none is given")
    parser.add_argument("--out", type=Path, default=PROJECT / "build" / "slides", help="the folder")
    options = parser.parse_args(arguments)
    paths = [path for path in LESSONS if any(name in path.name for name in options.names or [""])]
    if sentence := missing(PACKAGES) or "" if paths else f"No lesson's name contains {' or '.join(options.names)}.":
        print(sentence, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        target = options.out / path.with_suffix(".html").name
        target.write_text(deck(path), "utf-8")
        print(f"{target}  (open it in a browser; S shows your notes, F fills the screen)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
