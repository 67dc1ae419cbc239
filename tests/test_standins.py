"""Each data-dependent notebook runs on its stand-in, at the small size, and says so."""

from pathlib import Path

import pytest

from tests.course import LESSONS, ROOT, read_cells
from tests.refresh import execute

DEPENDENT = [pytest.param(path, id=path.stem) for path in LESSONS
             if any("import load_" in cell["source"] for cell in read_cells(path))]


@pytest.mark.parametrize("path", DEPENDENT)
def test_notebook_runs_on_the_stand_in_and_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_STANDIN", "1")
    monkeypatch.setenv("COURSE_FAST", "1")
    monkeypatch.delenv("COURSE_FULL", raising=False)
    before = path.read_bytes()
    cells = execute(path, timeout=300).cells
    shown = "".join(str(output.get("text", "")) for cell in cells for output in cell.get("outputs", ()))
    assert "STAND-IN: simulated" in shown
    assert path.read_bytes() == before, "a test run must not change the saved notebook"


def test_there_are_data_dependent_notebooks() -> None:
    assert DEPENDENT and all((ROOT / "notebooks" / param.values[0].name).exists() for param in DEPENDENT)
