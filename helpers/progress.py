"""`python -m helpers.progress` counts your solved exercises, lesson by lesson, and names the next one.

It looks in `notebooks`, or in the folder or notebook that you name. Of copies of a lesson the best answer counts.
"""

import argparse
import sys
from pathlib import Path

from helpers.answers import DID_NOT_RUN, NOT_ATTEMPTED, PROJECT, RIGHT, WRONG, lesson_of, lessons
from helpers.collect import mark


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the result is the exit code: 0, or 1 if there is no lesson."""
    parser = argparse.ArgumentParser(prog="python -m helpers.progress", description=__doc__)
    parser.add_argument("where", nargs="?", type=Path, default=PROJECT / "notebooks", help="a folder or a notebook")
    where, known = parser.parse_args(arguments).where, lessons()
    paths = sorted(where.glob("*.ipynb")) if where.is_dir() else [where]
    results, _ = mark(("", lesson, path) for path in paths for lesson in [lesson_of(path.stem, known)[0]] if lesson)
    if not results:
        print(f"{where} holds no lesson of the course (such as 03_cnn_cifar10.ipynb).", file=sys.stderr)
        return 1
    columns = {RIGHT: (RIGHT,), WRONG: (WRONG, DID_NOT_RUN), NOT_ATTEMPTED: (NOT_ATTEMPTED,)}
    print(f"{'lesson':30}" + "".join(f"{name:>15}" for name in columns))
    for lesson in (*dict.fromkeys(lesson for _, lesson, _ in results), "total"):
        row = [result.status for key, result in results.items() if lesson in (key[1], "total")]
        print(f"{lesson:30}" + "".join(f"{sum(map(row.count, statuses)):15}" for statuses in columns.values()))
    for (_, lesson, name), result in results.items():
        if result.status in columns[WRONG]:
            print(f"\n{name} in {lesson}, {result.status}: {result.sentence}")
    following = next((key for key, result in results.items() if result.status != RIGHT), None)
    print(f"\nNext: {following[2]} in {following[1]}." if following else "\nAll exercises are solved.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
