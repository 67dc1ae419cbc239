"""`python -m helpers.assignments COURSE` writes the lessons as nbgrader's source: COURSE/source/LESSON/LESSON.ipynb.

`nbgrader generate_assignment LESSON` makes the students' version of it. A check is worth a point. Its assertion is a
hidden test, so that a student's *Run All* goes on as ever. Collected notebooks go to `helpers.collect`, which runs the
exercises alone; `nbgrader autograde` runs the whole lesson: set COURSE_FAST=1 for it.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from helpers.answers import PROJECT, lessons, read

HIDDEN = "verdict = {}\nprint(verdict)\n### BEGIN HIDDEN TESTS\nassert verdict, verdict\n### END HIDDEN TESTS"
KEPT = r"    ### BEGIN SOLUTION\n\1\n    ### END SOLUTION"  # without marks nbgrader clears the whole cell


def assignment(notebook: dict) -> dict:
    """A lesson with nbgrader's metadata (schema 3): exercises are solutions, checks are graded and locked."""
    name = ""
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("tags", ())
        kind = {"schema_version": 3, "task": False}
        if "exercise" in marks:
            name = cell["source"].partition("def ")[2].partition("(")[0]
            cell["source"] = re.sub("( +raise .+)", KEPT, cell["source"])
            cell["metadata"]["nbgrader"] = kind | {"grade_id": name, "solution": True, "grade": False, "locked": False}
        elif "check" in marks:
            cell["source"] = HIDDEN.format(cell["source"].strip())
            cell["metadata"]["nbgrader"] = kind | {
                "grade_id": f"check_{name}", "solution": False, "grade": True, "locked": True, "points": 1}
    return notebook


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the result is the exit code 0."""
    parser = argparse.ArgumentParser(prog="python -m helpers.assignments", description=__doc__)
    parser.add_argument("course", type=Path, help="the folder of nbgrader's course")
    course = parser.parse_args(arguments).course
    for lesson in lessons():
        path = course / "source" / lesson / f"{lesson}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = assignment(read(PROJECT / "notebooks" / f"{lesson}.ipynb"))
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")
    print(f"{len(lessons())} assignments are in {course / 'source'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
