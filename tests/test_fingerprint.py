"""The fingerprint of saved outputs: what must be run again, and what must not. And which lessons a command runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.data import CATALOG
from tests import fingerprint
from tests.course import LESSONS, ROOT

LESSON = "07_gan_mnist.ipynb"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what a fingerprint looks at, with a lesson whose outputs are saved; its data are made up."""
    kept = {"form": "idx files", "fields": {"train_images": torch.zeros(3), "class_names": ("0", "1"), "source": ""}}
    monkeypatch.setattr(fingerprint, "cached", lambda data: kept if data is CATALOG["mnist"] else None)
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    notebook = json.loads((ROOT / "notebooks" / LESSON).read_text("utf-8"))
    (tmp_path / LESSON).write_text(json.dumps(notebook), "utf-8")
    notebook["metadata"]["course"] = fingerprint.fingerprint(tmp_path / LESSON, tmp_path)
    (tmp_path / LESSON).write_text(json.dumps(notebook), "utf-8")
    assert fingerprint.changes(tmp_path / LESSON, tmp_path) == []
    return tmp_path


@pytest.mark.parametrize("file, old, new, reason", [
    (LESSON, "use_course_style()", "use_course_style(); 1", ["code"]),
    (LESSON, "# ", "# so: ", []),  # markdown
    ("helpers/training.py", "zero_grad(set_to_none=True)", "zero_grad()", ["helpers: helpers.training"]),
    ("helpers/data/mnist.py", "10", "11", ["helpers: helpers.data.mnist"]),
    ("helpers/data/unpack.py", "1 << 20", "1 << 21", ["helpers: helpers.data.unpack"]),  # what a helper imports
    ("helpers/course.mplstyle", "font.size: 11", "font.size: 12", ["helpers: helpers.plotting"]),
    ("helpers/data/cwru.py", "1797", "1798", []),  # another lesson's
    ("helpers/training.py", '"""Batches', '"""Smaller batches', []),  # docstring
    ("helpers/training.py", "import math", "import math  # here", []),  # comment
    ("requirements.txt", "numpy==", "numpy==9.", ["pins"]),
    ("requirements.txt", "ruff==", "ruff==9.", []),  # no lesson runs on it
])
def test_what_counts_as_a_change(file: str, old: str, new: str, reason: list[str], course: Path) -> None:
    text = (course / file).read_text("utf-8")
    assert old in text
    (course / file).write_text(text.replace(old, new, 1), "utf-8")
    assert fingerprint.changes(course / LESSON, course) == reason


@pytest.mark.parametrize("form, value, reason", [
    ("idx files", 1.0, ["data: mnist"]), ("pickle", 1.0, []), ("idx files", 0.0, [])])
def test_data_count_unless_they_are_of_another_form(form: str, value: float, reason: list[str], course: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"train_images": torch.full((3,), value), "class_names": ("0", "1"), "source": "there"}
    monkeypatch.setattr(fingerprint, "cached", lambda data: {"fields": fields, "form": form})
    assert fingerprint.changes(course / LESSON, course) == reason
    monkeypatch.setattr(fingerprint, "cached", lambda data: None)  # a stand-in is no data
    assert fingerprint.changes(course / LESSON, course) == []


def collected(*arguments: str) -> set[str]:
    """The notebooks that a command would run at their default size."""
    done = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider",
                           *arguments], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    return set(re.findall(r"^notebooks/(\d\d)_\w+\.ipynb::", done.stdout, flags=re.M))


def test_a_named_lesson_runs_and_a_third_is_a_third() -> None:
    assert collected("notebooks/02_convolution_and_pooling.ipynb") == {"02"}
    assert collected("notebooks", "--third", "1") == {path.name[:2] for path in LESSONS[1::3]}
    assert collected("tests/test_fingerprint.py") == set()
