"""The mutation run itself: every fault still fits the code, and a sample of them is noticed by the suite."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.course import ROOT
from tests.mutants import MUTANTS, Mutant
from tests.mutation import plant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_fault_can_be_planted(mutant: Mutant, tmp_path: Path) -> None:
    copy = tmp_path / mutant.file
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / mutant.file, copy)
    before = copy.read_text("utf-8")
    plant(mutant, tmp_path)
    assert copy.read_text("utf-8") != before
    assert all((ROOT / part).exists() for part in mutant.tests.split())


def test_there_are_enough_faults_with_names_of_their_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 60


def test_a_sample_of_the_planted_faults_is_noticed() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.mutation", "--sample", "4"], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 killed" in done.stdout
