"""Write the minutes of each section into the teacher's page: `python -m tests.tools.timetable`.

Reading follows the rule of the openings (200 words a minute, 15 seconds a line of code), exercises are the minutes
that stand in the text, running is the seconds that the opening states, divided as in the last refresh.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

from tests.course import LESSONS, ROOT, read_cells, tags

PAGE = ROOT / "notebooks" / "teaching.md"
BEGIN, END = "<!-- minutes: python -m tests.tools.timetable -->", "<!-- end of minutes -->"
LAST = "Exercises"  # with quiz, summary and references


def sections(path: Path) -> dict[str, list[float]]:
    """Minutes of reading, of the reader's own hand, and seconds of running, for each `##` section of a lesson."""
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    section = "Opening"
    for cell in read_cells(path):
        if cell["cell_type"] == "code":
            if not tags(cell) & {"exercise", "check"}:
                found[section][0] += len(re.findall(r"^.*\S", cell["source"], flags=re.M)) / 4
            continue
        for part in re.split(r"^(?=## )", cell["source"], flags=re.M):
            title = re.match(r"## (.+)", part)
            section = title[1].strip() if title and section != LAST else section
            found[section][0] += len(part.split()) / 200
            found[section][1] += sum(map(int, re.findall(r"\((\d+) minutes", part)))
    for title, seconds in json.loads(path.read_text("utf-8"))["metadata"]["course"].get("seconds", {}).items():
        found[title if title in found else LAST][2] += seconds
    return found


def timetable() -> str:
    """A folded table for each lesson."""
    lines = [BEGIN]
    for path in LESSONS:
        found = sections(path)
        whole = re.search(r"(\d+) s to run", read_cells(path)[0]["source"])[1]
        read, hand, measured = (sum(column) for column in zip(*found.values(), strict=True))
        lines += ["", f"<details><summary>{path.stem}: read {read:.0f} min, own hand {hand:.0f} min, run {whole} s"
                  "</summary>", "", "| section | read | own hand | run |", "|---|---|---|---|"]
        for title, (read, hand, run) in found.items():
            ran = "" if not measured else f"{run * int(whole) / measured:.0f} s" if run >= 1 else "–"
            lines.append(f"| {title} | {read:.0f} min | {f'{hand:.0f} min' if hand else '–'} | {ran} |")
        lines += ["", "</details>"]
    return "\n".join([*lines, "", END])


def with_timetable(page: str) -> str:
    """The page with the tables as they should be. Raises ValueError if it has no marks for them."""
    before, rest = page.split(BEGIN)
    return before + timetable() + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(with_timetable(PAGE.read_text("utf-8")), "utf-8")
