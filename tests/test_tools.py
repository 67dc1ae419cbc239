"""The tools for maintainers: planted faults, names taken from lessons, the benchmark, margins, warnings as errors."""

import ast
import builtins
import json
import math
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

from tests.course import ROOT, execute, names_of
from tests.tools import benchmark, refresh, stability
from tests.tools.mutants import MUTANTS, Mutant
from tests.tools.mutation import plant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_fault_can_be_planted(mutant: Mutant, tmp_path: Path) -> None:
    copy = tmp_path / mutant.file
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / mutant.file, copy)
    before = copy.read_text("utf-8")
    plant(mutant, tmp_path)
    assert copy.read_text("utf-8") != before
    assert all((ROOT / part.partition("::")[0]).exists() for part in mutant.tests.split())


def test_a_sample_of_the_planted_faults_is_noticed() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 60
    done = subprocess.run([sys.executable, "-m", "tests.tools.mutation", "--sample", "4"], cwd=ROOT,
                          capture_output=True, encoding="utf-8")
    assert "4 of 4 killed" in done.stdout and done.returncode == 0, done.stdout + done.stderr


def test_a_lessons_definitions_come_without_its_trainings() -> None:
    lesson = ROOT / "notebooks" / "05_lstm_romeo_and_juliet.ipynb"
    names = names_of(lesson, ["UNKNOWN", "Curve"])
    assert names["UNKNOWN"] == "\0" and "final" not in names and "train_on_streams" in names
    inputs, targets = names["streams"](torch.arange(11), 2, start=0)
    assert torch.equal(targets, inputs + 1)
    with pytest.raises(LookupError, match="no_such_name"):
        names_of(lesson, ["no_such_name"])


@pytest.mark.parametrize("larger", [True, False])
def test_comparison_at_equal_quality_and_at_equal_time(larger: bool) -> None:
    sign = 1 if larger else -1
    theirs = [(10.0, 0.2 * sign), (20.0, 0.5 * sign), (30.0, 0.4 * sign)]
    ours = [(4.0, 0.3 * sign), (5.0, 0.6 * sign), (31.0, 0.9 * sign)]
    row = benchmark.compared("score", (theirs, 300, 7.0), (ours, 62, 8.0), larger)
    assert row["article's best"] == 0.5 * sign and row["times sooner"] == 20 / 5
    after = [row[f"{who}'s quality after these seconds"] for who in ("article", "course")]
    assert after == [0.4 * sign, 0.6 * sign]  # not the look at 31 s
    assert math.isclose(row["article ms a step"], 100) and math.isclose(row["course ms a step"], 500)
    never = benchmark.compared("score", (theirs, 300, 7.0), ([(4.0, 0.1 * sign)], 62, 8.0), larger)
    assert never["times sooner"] is None


def test_the_readme_shows_the_ratios_that_were_measured() -> None:
    results = json.loads(benchmark.OUTPUT.read_text("utf-8"))
    readme = (ROOT / "README.md").read_text("utf-8")
    assert all(text in readme for text in (benchmark.ratios(results), *(row["machine"] for row in results.values())))


def test_assertions_are_recorded_and_seeds_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((torch, "Generator"), (torch, "manual_seed"), (np.random, "default_rng"), (np.random, "seed")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(builtins, "recorded", None, raising=False)
    plain = torch.rand(1, generator=torch.Generator().manual_seed(7)).item()
    file = tmp_path / "slacks"
    stability.prepare(7, str(file))
    code = "assert 1 < 3 <= 3.5 and torch.tensor(2) > 5, 'no'\nassert not True\nassert 1 == 1 and 'a' < 'b'"
    exec(ast.unparse(stability.Recorder().visit(ast.parse(code))), {"torch": torch})
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == [
        ["1 < 3 <= 3.5", 0.5], ["torch.tensor(2) > 5", -3.0], ["not True", -1.0]]
    assert torch.rand(1, generator=torch.Generator().manual_seed(0)).item() == plain
    np.random.seed([1, 2])  # noqa: NPY002 - as a data loader seeds its workers


def test_a_claim_that_failed_by_any_distance_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    stability.report([{"lesson": "x", "size": "default", "error": "", "slacks": {"a < b": slack, "c < d": 5.0 + k}}
                      for k, slack in enumerate((math.inf, 2.0, -math.inf))])
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("  failed 1, mean slack +2 ± 0, least -inf: a < b")


def test_a_control_is_run_without_a_word_to_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nbclient would send could make it miss the end of the cell."""
    sent = []
    monkeypatch.setattr(OutputWidget, "send", lambda self, data: sent.append(data))
    cell = nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.interact(lambda k: print(f'k is {k}'), k=(0, 2));")
    notebook = execute(nbformat.v4.new_notebook(cells=[cell]), tmp_path)
    models = notebook.metadata.widgets[refresh.WIDGETS]["state"].values()
    pictures = [model["state"]["outputs"] for model in models if model["model_name"] == "OutputModel"]
    assert sent == [] and [output["text"] for output in pictures[0]] == ["k is 1\n"]


def test_outputs_of_a_stand_in_are_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notebooks" / "99_lesson.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('STAND-IN: simulated')")]), path)
    before = path.read_bytes()
    for name, value in {"ROOT": tmp_path, "LESSONS": [path], "SOLUTIONS": [], "figure_of": lambda *_: b""}.items():
        monkeypatch.setattr(refresh, name, value)
    monkeypatch.setattr(sys, "argv", ["refresh"])
    monkeypatch.setenv("COURSE_FAST", "0")
    refresh.main()
    assert path.read_bytes() == before


@pytest.mark.parametrize("module", ["__main__", "helpers.data.fetch", "helpers_of_others"])
def test_a_warning_of_our_own_code_fails_a_notebook_and_a_test(module: str, tmp_path: Path) -> None:
    code = f"import warnings\nwarnings.warn_explicit('old', DeprecationWarning, 'a.py', 1, module='{module}')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    if module == "helpers_of_others":
        assert execute(notebook, tmp_path).cells[0].outputs == []
        return
    with pytest.raises(CellExecutionError, match="DeprecationWarning"):
        execute(notebook, tmp_path)
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "a.py", 1, module=module.replace("__main__", __name__))
