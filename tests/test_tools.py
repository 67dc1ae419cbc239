"""The tools for maintainers: planted faults, margins, warnings as errors."""

import ast
import builtins
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient.exceptions import CellExecutionError
from nbclient.output_widget import OutputWidget

from tests.course import ROOT, execute
from tests.tools import refresh, stability
from tests.tools.mutants import MUTANTS, Mutant
from tests.tools.mutation import plant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_fault_can_be_planted(mutant: Mutant, tmp_path: Path) -> None:
    copy = tmp_path / mutant.file
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / mutant.file, copy)
    plant(mutant, tmp_path)
    assert all((ROOT / part.partition("::")[0]).exists() for part in mutant.tests.split())


def test_a_sample_of_the_planted_faults_is_noticed() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 60
    done = subprocess.run([sys.executable, "-m", "tests.tools.mutation", "--sample", "4"], cwd=ROOT,
                          capture_output=True, encoding="utf-8")
    assert "4 of 4 killed" in done.stdout and done.returncode == 0, done.stdout + done.stderr


def test_assertions_are_recorded_and_seeds_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((torch, "Generator"), (torch, "manual_seed"), (np.random, "default_rng"), (np.random, "seed")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(builtins, "recorded", None, raising=False)
    monkeypatch.setattr(stability, "RECORD", tmp_path / "slacks")
    plain = torch.rand(1, generator=torch.Generator().manual_seed(7)).item()
    stability.prepare("x", 7)
    assert torch.rand(1, generator=torch.Generator().manual_seed(0)).item() == plain
    code = "assert 1 < 3 <= 3.5 and torch.tensor(2) > 5, 'no'\nassert not True\nassert 1 == 1 and 'a' < 'b'"
    exec(ast.unparse(stability.Recorder().visit(ast.parse(code))), {"torch": torch})
    records = list(map(json.loads, stability.RECORD.read_text("utf-8").splitlines()))
    assert [slack for *_, slack in records] == [0.5, -3.0, -1.0]


def test_a_control_is_run_without_a_word_to_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nbclient would send could make it miss the end of the cell."""
    monkeypatch.setattr(OutputWidget, "send", lambda self, data: pytest.fail("sent"))
    cell = nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.interact(lambda k: print(f'k is {k}'), k=(0, 2));")
    notebook = execute(nbformat.v4.new_notebook(cells=[cell]), tmp_path)
    models = notebook.metadata.widgets[refresh.WIDGETS]["state"].values()
    assert [model["state"]["outputs"][0]["text"] for model in models if model["model_name"] == "OutputModel"] == [
        "k is 1\n"]


def test_outputs_of_a_stand_in_are_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notebooks" / "99_lesson.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('STAND-IN: simulated')")]), path)
    for name, value in {"ROOT": tmp_path, "LESSONS": [path], "SOLUTIONS": [], "figure_of": lambda *_: b""}.items():
        monkeypatch.setattr(refresh, name, value)
    monkeypatch.setattr(sys, "argv", ["refresh"])
    monkeypatch.setenv("COURSE_FAST", "0")
    refresh.main()
    assert nbformat.read(path, as_version=4).cells[0].outputs == []


@pytest.mark.parametrize("module", ["__main__", "helpers.data.fetch"])
def test_a_warning_of_our_own_code_fails_a_notebook_and_a_test(module: str, tmp_path: Path) -> None:
    code = "import warnings\nwarnings.warn_explicit('old', DeprecationWarning, 'a.py', 1, module='{}')"
    others, ours = (nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code.format(name))])
                    for name in ("helpers_of_others", module))
    assert execute(others, tmp_path).cells[0].outputs == []
    with pytest.raises(CellExecutionError, match="DeprecationWarning"):
        execute(ours, tmp_path)
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "a.py", 1, module=module.replace("__main__", __name__))
