"""Device, threads, seed and size of a run, and the one place where the COURSE_* settings are read."""

import logging
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from threadpoolctl import threadpool_limits

PROJECT = Path(__file__).resolve().parents[1]
ALL_THREADS = torch.get_num_threads()  # what PyTorch takes by itself: one for each physical core


def setting(name: str) -> str:
    """The value of an environment variable without blanks around it; empty if it is not set."""
    return os.environ.get(name, "").strip()


def switch(name: str) -> bool:
    """Whether a setting is on (1, true, yes, on) or off (0, false, no, off, empty, unset). Else raises ValueError."""
    value = setting(name).lower()
    if value not in ("1", "true", "yes", "on", "0", "false", "no", "off", ""):
        raise ValueError(f"{name}={setting(name)!r} is neither on nor off: set it to 1 or to 0, or unset it.")
    return value in ("1", "true", "yes", "on")


def folder_setting(name: str) -> Path:
    """The absolute path of a folder named in a setting; a relative one counts from the project's folder."""
    return PROJECT / Path(setting(name)).expanduser()


def choose_device() -> torch.device:
    """Return the accelerator if there is one and it works, else the CPU. `COURSE_DEVICE=cpu` (cuda, mps) decides.

    Raises ValueError if COURSE_DEVICE names a device that this machine does not have.
    """
    wanted = setting("COURSE_DEVICE")
    try:
        device = torch.device(wanted) if wanted else torch.accelerator.current_accelerator(check_available=True)
        torch.ones(2, device=device or "cpu").sum().item()  # an old card may be there, and no code for it in PyTorch
        return device or torch.device("cpu")
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        if wanted:
            raise ValueError(f"COURSE_DEVICE={wanted!r} cannot be used here: {error}") from error
        warnings.warn(f"The accelerator does not work with this PyTorch, so the CPU is used: {error}", stacklevel=2)
        return torch.device("cpu")


def set_threads(large_network: bool = False) -> str:
    """Set the number of CPU threads of this kernel and return it in words, for the line that names the device.

    One thread: a second one buys small networks nothing, and makes a busy machine far slower. A `large_network` gets
    the cores that are idle now. OMP_NUM_THREADS decides instead where it is set.
    """
    if not setting("OMP_NUM_THREADS"):
        idle = 1 - psutil.cpu_percent(0.3) / 100 if large_network else 0
        torch.set_num_threads(max(1, round(ALL_THREADS * idle)))
        threadpool_limits(torch.get_num_threads(), user_api="blas")  # NumPy's and SciPy's linear algebra
    return f"CPU threads: {torch.get_num_threads()}"


def seed_everything(seed: int) -> torch.Generator:
    """Seed Python, NumPy and PyTorch; return a CPU generator with the same seed for whatever shuffles data."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries still draw from the global state
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def run_size() -> str:
    """Return 'fast', 'default' or 'full', from COURSE_FAST and COURSE_FULL. Raises ValueError if both are on."""
    fast, full = switch("COURSE_FAST"), switch("COURSE_FULL")
    if fast and full:
        raise ValueError("COURSE_FAST and COURSE_FULL are both on: unset one of them.")
    return "fast" if fast else "full" if full else "default"


def sized(default: Any, *, fast: Any, full: Any = None) -> Any:
    """Return the value for this run's size; `full` is the default value unless given."""
    return {"fast": fast, "default": default, "full": default if full is None else full}[run_size()]


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all its work; without it a GPU timing measures only the launch."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def median_seconds(work: Callable[[], object], min_run_time: float = 0.3) -> float:
    """Return the median seconds of one call of `work`, repeated for `min_run_time` seconds after a warm-up."""
    logging.getLogger("torch.utils.cpp_extension").setLevel("ERROR")  # it would tell of a missing GPU
    from torch.utils.benchmark import Timer

    timer = Timer("work()", globals={"work": work}, num_threads=torch.get_num_threads())
    with torch.random.fork_rng(devices=[]):  # how often `work` draws is chance, and must not change what follows
        return timer.blocked_autorange(min_run_time=min_run_time).median
