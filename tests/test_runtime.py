"""Settings, device, threads, seeds, sizes, timing, and the environment check."""

import ast
import random
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from helpers import check_env, runtime

PROJECT = Path(__file__).resolve().parents[1]
OLD_PYTHON = Path.home() / ".pyenv/versions/3.8.18/bin/python"


def test_switch_has_one_table_and_refuses_all_else_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_FAST", raising=False)
    assert runtime.switch("COURSE_FAST") is False
    for value in ("1", "true", "yes", " On ", "0", "false", "no", "OFF", " "):
        monkeypatch.setenv("COURSE_FAST", value)
        assert runtime.switch("COURSE_FAST") is (value.strip().lower() in ("1", "true", "yes", "on"))
    monkeypatch.setenv("COURSE_FAST", "ja")
    with pytest.raises(ValueError, match=r"^COURSE_FAST='ja' is neither on nor off: set it to 1 or to 0, or unset"):
        runtime.run_size()


def test_device_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
    monkeypatch.setenv("COURSE_DEVICE", "")
    assert runtime.choose_device() == torch.device("cpu")
    for wanted in ("toaster", "cuda:99", "meta"):
        monkeypatch.setenv("COURSE_DEVICE", wanted)
        with pytest.raises(ValueError, match=f"COURSE_DEVICE='{wanted}' cannot be used here: "):
            runtime.choose_device()


def test_accelerator_is_tried_before_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    monkeypatch.setattr(torch, "ones", lambda size, device: torch.zeros(size))  # one that works
    assert runtime.choose_device() == torch.device("cuda")
    monkeypatch.setattr(torch, "ones", Mock(side_effect=RuntimeError("CUDA error: no kernel image is available")))
    with pytest.warns(UserWarning, match=r"so the CPU is used: .*no kernel image"):
        assert runtime.choose_device() == torch.device("cpu")


@pytest.mark.parametrize(("wanted", "large", "busy", "count"), [
    ("", False, 0, 1), ("", True, 4, 8), ("", True, 50, 4), ("", True, 100, 1), ("3", True, 0, 3)])
def test_threads(monkeypatch: pytest.MonkeyPatch, wanted: str, large: bool, busy: int, count: int) -> None:
    threads, blas = [3], Mock()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(runtime, "threadpool_limits", blas)
    monkeypatch.setattr(runtime, "ALL_THREADS", 8)  # cores
    monkeypatch.setattr(runtime.psutil, "cpu_percent", lambda interval: busy)
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert runtime.set_threads(large_network=large) == f"CPU threads: {count}"
    assert [call.args for call in blas.mock_calls] == ([] if wanted else [(count,)])


def test_seed_repeats_every_source_of_chance() -> None:
    draws = []
    for _ in range(2):
        generator = runtime.seed_everything(3)
        draws.append((random.random(), np.random.rand(), torch.rand(1), torch.rand(1, generator=generator)))  # noqa: NPY002
    assert draws[0] == draws[1] and len(set(draws[0])) >= 3


def test_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, full, values in (("", "", ("default", 2, 2)), ("1", "", ("fast", 1, 1)), ("0", "yes", ("full", 3, 2))):
        monkeypatch.setenv("COURSE_FAST", fast)
        monkeypatch.setenv("COURSE_FULL", full)
        assert (runtime.run_size(), runtime.sized(2, fast=1, full=3), runtime.sized(2, fast=1)) == values
    monkeypatch.setenv("COURSE_FAST", "1")
    with pytest.raises(ValueError, match="both on: unset one"):
        runtime.run_size()


def test_median_seconds_ignores_the_first_call_and_restores_chance(capfd: pytest.CaptureFixture[str]) -> None:
    pauses = iter([0.5])
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    assert 0.01 <= runtime.median_seconds(lambda: (time.sleep(next(pauses, 0.01)), torch.rand(1)), 0.05) < 0.5
    assert torch.equal(torch.rand(3), wanted)
    assert capfd.readouterr() == ("", "")  # a lesson would show it


def failures(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the environment check finds wrong; its result is their number."""
    count = check_env.main()
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[FAIL]")]
    assert len(found) == count
    return found


def test_check_env_passes_here_and_names_every_failure(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for name in ("COURSE_DEVICE", "COURSE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(check_env, "free_memory", lambda: 8.0)
    assert failures(capsys) == []
    monkeypatch.setattr(check_env, "free_memory", lambda: 1.0)
    mac = {"system.return_value": "Darwin", "machine.return_value": "x86_64"}
    monkeypatch.setattr(check_env, "platform", Mock(**mac))
    system, memory = failures(capsys)
    assert "Intel Macs" in system and "1.0 GiB: needs 3, close programs" in memory
    monkeypatch.setattr(check_env.metadata, "version", lambda name: "0.1")
    monkeypatch.setenv("COURSE_DEVICE", "cuda:99")
    found = failures(capsys)
    assert any("torch 0.1 is not" in line and "requirements.txt" in line for line in found) and len(found) >= 10
    assert "COURSE_DEVICE='cuda:99' cannot be used here" in found[-1] and "requirements.txt" not in found[-1]
    monkeypatch.setattr(runtime, "choose_device", Mock(side_effect=OSError("[WinError 126] Error loading c10.dll")))
    failure = failures(capsys)[-1]
    assert "c10.dll" in failure and "README's first command" in failure and "Visual C++ Redistributable" in failure


def test_check_env_runs_on_an_old_and_bare_python() -> None:
    ast.parse(Path(check_env.__file__).read_text("utf-8"), feature_version=(3, 8))
    python = [OLD_PYTHON, "-E"] if OLD_PYTHON.exists() else [sys.executable, "-ES"]  # -S: without what is installed
    shown = subprocess.run([*python, "-m", "helpers.check_env"], cwd=PROJECT, capture_output=True, encoding="utf-8")
    assert shown.returncode >= 2 and shown.stderr == "" and "the course is not installed in this" in shown.stdout
    assert ("3.8.18" in shown.stdout) == ("the course needs 3.11 to 3.14" in shown.stdout)


def test_memory_is_what_a_container_still_allows(tmp_path: Path) -> None:
    for limit, low, high in (("max", 0.76, 1e6), (2**30, 0.75, 0.75)):
        for name, text in (("max", limit), ("current", 2**29), ("stat", f"anon 5\ninactive_file {2**28}")):
            (tmp_path / f"memory.{name}").write_text(f"{text}\n", "utf-8")
        assert low <= check_env.free_memory(tmp_path) <= high
