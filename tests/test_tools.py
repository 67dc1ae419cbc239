"""The tools for maintainers: names taken from lessons, the benchmark's comparison, the margins of assertions."""

import ast
import builtins
import json
import math
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient.output_widget import OutputWidget

from tests import benchmark, stability
from tests.course import ROOT, names_of
from tests.refresh import WIDGETS, execute_notebook

LESSON = ROOT / "notebooks" / "05_lstm_romeo_and_juliet.ipynb"


def test_a_lessons_definitions_come_without_its_trainings() -> None:
    names = names_of(LESSON, ["UNKNOWN"])
    assert names["UNKNOWN"] == "\0" and "final" not in names and "train_on_streams" in names
    code = torch.arange(11)
    inputs, targets = names["streams"](code, 2, start=0)
    assert torch.equal(targets, inputs + 1)
    with pytest.raises(LookupError, match="no_such_name"):
        names_of(LESSON, ["no_such_name"])


@pytest.mark.parametrize("larger", [True, False])
def test_comparison_at_equal_quality_and_at_equal_time(larger: bool) -> None:
    sign = 1 if larger else -1
    theirs = [(10.0, 0.2 * sign), (20.0, 0.5 * sign), (30.0, 0.4 * sign)]
    ours = [(4.0, 0.3 * sign), (5.0, 0.6 * sign), (31.0, 0.9 * sign)]
    row = benchmark.compared("score", (theirs, 300, 7.0), (ours, 62, 8.0), larger)
    assert row["article's best"] == 0.5 * sign and row["times sooner"] == 20 / 5
    assert row["article's quality after these seconds"] == 0.4 * sign
    assert row["course's quality after these seconds"] == 0.6 * sign  # not the look at 31 s
    assert math.isclose(row["article ms a step"], 100) and math.isclose(row["course ms a step"], 500)
    never = benchmark.compared("score", (theirs, 300, 7.0), ([(4.0, 0.1 * sign)], 62, 8.0), larger)
    assert never["times sooner"] is None


def test_watched_batches_leave_the_looks_out_of_the_seconds() -> None:
    batches = [(torch.ones(2), torch.ones(2))] * 5
    watched = benchmark.Watched(batches, torch.ones(2), lambda: benchmark.time.sleep(0.2) or 1.0, every=2)
    assert len(list(watched)) == 5 and watched.steps == 5
    assert len(watched.curve) == 3 and watched.seconds < 0.2


def test_slack_is_the_distance_to_failing() -> None:
    assert stability.slack_of((1.0, 3.0, 3.5), ("Lt", "LtE")) == 0.5
    assert stability.slack_of((1.0, 3.0), ("Gt",)) == -2.0
    assert stability.slack_of((torch.tensor(5.0), 3), ("GtE",)) == 2.0
    assert stability.slack_of(("a", "b"), ("Lt",)) is None and stability.slack_of((1, 1), ("Eq",)) is None


def test_assertions_are_recorded_and_seeds_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((torch, "Generator"), (torch, "manual_seed"), (np.random, "default_rng"), (np.random, "seed")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(builtins, "recorded", None, raising=False)
    plain = torch.rand(1, generator=torch.Generator().manual_seed(7)).item()
    file = tmp_path / "slacks"
    stability.prepare(7, str(file))
    tree = stability.Recorder().visit(ast.parse("assert 1 < 3 and 2 > 5, 'never mind'\nassert not True"))
    exec(compile(ast.fix_missing_locations(tree), "cell", "exec"), {})
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        ["1 < 3", 2.0], ["2 > 5", -3.0], ["not True", -1.0]]
    assert torch.rand(1, generator=torch.Generator().manual_seed(0)).item() == plain
    np.random.seed([1, 2])  # noqa: NPY002 - as a data loader seeds its workers


def test_a_claim_that_failed_by_any_distance_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [{"lesson": "x", "size": "0", "error": "", "slacks": {"a < b": slack, "c < d": 5.0 + number, "e": 1.0}}
            for number, slack in enumerate((math.inf, 2.0, -math.inf))]
    stability.report(runs)
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("  failed 1, mean slack +2 ± 0, least -inf: a < b")


def test_a_control_is_run_without_a_word_to_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nbclient would send could make it miss the end of the cell."""
    sent = []
    monkeypatch.setattr(OutputWidget, "send", lambda self, data: sent.append(data))
    cell = nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.interact(lambda k: print(f'k is {k}'), k=(0, 2));")
    notebook = execute_notebook(nbformat.v4.new_notebook(cells=[cell]), tmp_path)
    models = notebook.metadata.widgets[WIDGETS]["state"].values()
    pictures = [model["state"]["outputs"] for model in models if model["model_name"] == "OutputModel"]
    assert sent == [] and [output["text"] for output in pictures[0]] == ["k is 1\n"]


def test_the_readme_shows_the_ratios_that_were_measured() -> None:
    results = json.loads((ROOT / "tests" / "benchmark.json").read_text("utf-8"))
    readme = (ROOT / "README.md").read_text("utf-8")
    assert benchmark.ratios(results) in readme
    assert all(results[name]["machine"] in readme for name in ("cnn", "text", "gan"))
