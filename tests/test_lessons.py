"""The solutions from top to bottom, at the small size, on the data that are there.

The lessons, too, where there is no Chromium to run them in (test_browser.py).
"""

from pathlib import Path

import nbformat
import pytest

from tests.chromium import PROGRAM
from tests.course import LESSONS, SOLUTIONS, execute

CELL_LIMIT = 120  # seconds at the small size
EVERY = [pytest.param(path, id=f"{path.parent.name}-{path.stem}")
         for path in SOLUTIONS + ([] if PROGRAM else LESSONS)]


@pytest.mark.parametrize("path", EVERY)
def test_lesson_runs_at_the_small_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_FAST", "1")
    monkeypatch.setenv("COURSE_FULL", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = path.read_bytes()
    notebook = execute(nbformat.read(path, as_version=4), path.parent, CELL_LIMIT)
    assert path.read_bytes() == before
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell.outputs]
    assert [output.text for output in shown if output.get("name") == "stderr"] == []
