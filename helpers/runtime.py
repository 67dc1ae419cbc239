"""Device, seed and size of a run: the three things that every notebook settles in its first cell."""

import os
import random
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

Value = TypeVar("Value")


def choose_device() -> torch.device:
    """Return the accelerator if there is one, else the CPU. `COURSE_DEVICE=cpu` (or cuda, mps) decides instead.

    Raises ValueError if COURSE_DEVICE names a device that this machine does not have.
    """
    wanted = os.environ.get("COURSE_DEVICE", "").strip()
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if not wanted:
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(wanted)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        have = f"cpu, {accelerator}" if accelerator else "cpu"
        raise ValueError(f"COURSE_DEVICE={wanted!r} cannot be used here (this machine has: {have}).") from error
    return device


def seed_everything(seed: int) -> torch.Generator:
    """Seed Python, NumPy and PyTorch; return a CPU generator with the same seed for whatever shuffles data."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries still draw from the global state
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def run_size() -> str:
    """Return 'fast', 'default' or 'full', from COURSE_FAST=1 and COURSE_FULL=1. Raises ValueError if both are set."""
    fast, full = (os.environ.get(name, "0") not in ("", "0") for name in ("COURSE_FAST", "COURSE_FULL"))
    if fast and full:
        raise ValueError("COURSE_FAST and COURSE_FULL are both set: unset one of them.")
    return "fast" if fast else "full" if full else "default"


def sized(default: Value, *, fast: Value, full: Value | None = None) -> Value:
    """Return the value for this run's size; `full` is the default value unless given."""
    size = run_size()
    return fast if size == "fast" else full if size == "full" and full is not None else default


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all its work; without it a GPU timing measures only the launch."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def median_seconds(work: Callable[[], object], device: torch.device | None = None, repeats: int = 7) -> float:
    """Return the median seconds of one call of `work`, after one call to warm up."""
    device = device or torch.device("cpu")
    seconds = []
    for attempt in range(repeats + 1):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        if attempt:
            seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))
