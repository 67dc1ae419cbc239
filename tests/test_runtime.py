"""Device, seeds, sizes, timing, and the environment check."""

import time

import pytest
import torch

from helpers import check_env, runtime


def test_device_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert runtime.choose_device() == torch.device("cpu")
    monkeypatch.setenv("COURSE_DEVICE", "toaster")
    with pytest.raises(ValueError, match=r"COURSE_DEVICE='toaster'.*this machine has: cpu"):
        runtime.choose_device()


def test_seed_repeats_every_source_of_chance() -> None:
    import random

    import numpy as np

    def draw() -> tuple:
        generator = runtime.seed_everything(3)
        return (random.random(), np.random.rand(), torch.rand(1).item(), torch.rand(1, generator=generator).item())  # noqa: NPY002

    first = draw()
    assert draw() == first
    assert len(set(first)) >= 3


@pytest.mark.parametrize(("fast", "full", "size", "value"),
                         [("", "", "default", 2), ("1", "", "fast", 1), ("", "1", "full", 3), ("0", "0", "default", 2)])
def test_sizes(monkeypatch: pytest.MonkeyPatch, fast: str, full: str, size: str, value: int) -> None:
    monkeypatch.setenv("COURSE_FAST", fast)
    monkeypatch.setenv("COURSE_FULL", full)
    assert runtime.run_size() == size
    assert runtime.sized(2, fast=1, full=3) == value
    assert runtime.sized(2, fast=1) == (1 if size == "fast" else 2)


def test_both_sizes_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_FAST", "1")
    monkeypatch.setenv("COURSE_FULL", "1")
    with pytest.raises(ValueError, match="unset one"):
        runtime.run_size()


def test_median_seconds_ignores_the_first_call() -> None:
    pauses = iter([0.4, 0.02])
    assert 0.015 < runtime.median_seconds(lambda: time.sleep(next(pauses)), repeats=1) < 0.1


def test_check_env_passes_here_and_names_every_failure(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("COURSE_OFFLINE", "")
    assert check_env.main() == 0
    assert "[FAIL]" not in capsys.readouterr().out
    monkeypatch.setattr(check_env.importlib.metadata, "version", lambda name: "0.1")
    monkeypatch.setenv("COURSE_DEVICE", "toaster")
    failures = check_env.main()
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[FAIL]")]
    assert len(told) == failures >= 10
    assert any("torch 0.1 is not" in line and "requirements.txt" in line for line in told)


def test_check_env_names_a_missing_package(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def missing(name: str) -> str:
        raise check_env.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(check_env.importlib.metadata, "version", missing)
    assert check_env.main() >= 10
    assert "torch is missing" in capsys.readouterr().out


def test_check_env_names_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "cuda:99")
    assert check_env.main() == 1
    assert "[FAIL] COURSE_DEVICE='cuda:99' cannot be used here" in capsys.readouterr().out
