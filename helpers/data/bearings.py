"""Vibration of motor bearings: the reader of the CWRU recordings, and signals from the physics that stand in."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.io import loadmat
from torch import Tensor

from helpers.data.catalog import BEARING_FILES
from helpers.data.unpack import check_range

# Impacts a revolution of the shaft, bearing 6205-2RS (CWRU's page). A ball strikes both races in each of its turns.
IMPACT_ORDERS = {"inner race": 5.4152, "ball": 4.7135, "outer race": 3.5848}
CAGE_ORDER = 0.39828  # revolutions of the cage, and so of the balls' places, a revolution of the shaft
FAULTS = ("normal", *IMPACT_ORDERS)
SPEEDS = (1797, 1772, 1750, 1730)  # usual shaft speed at loads of 0 to 3 hp, rpm
SHORTEST = 60_000  # samples; file 174 has 63,788, the others have 120,000 and more

# File number -> fault, its diameter in thousandths of an inch, load in hp, sampling rate in Hz.
CONDITIONS: dict[int, tuple[str, int, int, int]] = {97 + load: ("normal", 0, load, 48_000) for load in range(4)} | {
    first + load: (FAULTS[1 + place % 3], 7 * (1 + place // 3), load, rate) for rate, firsts in BEARING_FILES.items()
    for place, first in enumerate(firsts) for load in range(4 if rate == 12_000 else 1)}


@dataclass(frozen=True, eq=False, repr=False)
class Bearings:
    """Recordings of a motor's vibration, in order of their file numbers; R is their number."""

    file_number: Tensor  # int64 (R,)
    signal: tuple[Tensor, ...]  # R tensors float32 (n,): acceleration at the drive end, g
    sampling_rate: Tensor  # int64 (R,): Hz
    fault: tuple[str, ...]  # "normal", "inner race", "ball" or "outer race"
    fault_size: Tensor  # int64 (R,): diameter, thousandths of an inch: 7, 14 or 21, and 0 without a fault
    load: Tensor  # int64 (R,): hp, 0 to 3
    speed: Tensor  # float32 (R,): of the shaft, rpm
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        seconds = sum(len(x) / int(rate) for x, rate in zip(self.signal, self.sampling_rate, strict=True))
        return (f"{len(self.signal)} recordings of a bearing, {self.fault.count('normal')} of them without a fault, "
                f"{seconds:.0f} s in all. {self.source}")


def read_recordings(paths: Iterable[Path]) -> dict[str, Any]:
    """The fields of `Bearings` from files N.mat, as published or with the drive-end channel alone.

    Raises ValueError, with the file's name, for a file that is not such a recording.
    """
    recordings = {}
    for path in paths:
        try:
            recordings[int(path.stem)] = _read(path, int(path.stem))
        except Exception as error:  # a damaged file can raise nearly anything
            raise ValueError(f"{path.name}: {error}") from error
    return _fields(recordings)


def _read(path: Path, number: int) -> tuple[Tensor, float]:
    """Signal (g) and shaft speed (rpm). Both are asked for by name: official 99.mat holds the signal of 98 as well."""
    channel, speed = f"X{number:03d}_DE_time", f"X{number:03d}RPM"
    content = loadmat(path, variable_names=(channel, speed))
    if channel not in content:
        raise ValueError(f"it holds no {channel}")
    signal = torch.from_numpy(content[channel].astype(np.float32).ravel())
    if len(signal) < SHORTEST or signal.std() == 0:
        raise ValueError(f"its {len(signal):,} samples are too few, or all the same")
    check_range("acceleration in g", signal, -20, 20)
    rpm = torch.as_tensor(content.get(speed, SPEEDS[CONDITIONS[number][2]]), dtype=torch.float32).reshape(1)
    check_range("shaft speed in rpm", rpm, 1650, 1850)
    return signal, float(rpm)


def _fields(recordings: dict[int, tuple[Tensor, float]]) -> dict[str, Any]:
    numbers = sorted(recordings)
    fault, size, load, rate = zip(*(CONDITIONS[number] for number in numbers), strict=True)
    signal, speed = zip(*(recordings[number] for number in numbers), strict=True)
    return {"file_number": torch.tensor(numbers), "signal": signal, "sampling_rate": torch.tensor(rate),
            "fault": fault, "fault_size": torch.tensor(size), "load": torch.tensor(load), "speed": torch.tensor(speed)}


def resonances(fault: str, fault_size: int) -> list[tuple[float, float, float]]:
    """Frequency (Hz), damping ratio and gain of the two modes that ring in a simulated bearing.

    Each fault and size is a bearing of its own, mounted anew: its modes tell nothing of another bearing with the
    same fault.
    """
    rng = np.random.default_rng([FAULTS.index(fault), fault_size])
    return [(rng.uniform(low, low + 1500), rng.uniform(0.03, 0.06), rng.uniform(0.4, 1)) for low in (1500, 3500)]


def bearing_vibration(fault: str, fault_size: int, load: int, seed: int, seconds: float = 10.0,
                      sampling_rate: int = 12_000, speed: float | None = None) -> Tensor:
    """Acceleration (g, float32) at the drive end of a motor, from the physics of a bearing fault.

    Each rolling element that passes the fault strikes it and makes the housing ring (`resonances`): IMPACT_ORDERS
    impacts a revolution, with a slip of 1.5 % of their distance. The blow is in proportion to fault_size (thousandths
    of an inch: 7, 14, 21) and grows with the load (0 to 3 hp) and towards the loaded side of the bearing, which the
    inner race passes once a revolution and a ball once a turn of the cage; the outer race stands still. Unbalance
    (once and twice a revolution) and noise of 0.05 g are there without a fault too. speed in rpm, by default the
    usual one at the load. Model: R. B. Randall, J. Antoni, Rolling element bearing diagnostics: a tutorial, 2011;
    the numbers are this simulator's own. Raises ValueError for a fault, size or load that is not in the CWRU set.
    """
    if fault not in FAULTS or fault_size not in ((0,) if fault == "normal" else (7, 14, 21)) or not 0 <= load <= 3:
        raise ValueError(f"no such bearing: fault {fault!r} out of {FAULTS}, size {fault_size} (7, 14 or 21; 0 if "
                         f"normal), load {load} (0 to 3)")
    rng = np.random.default_rng([seed, FAULTS.index(fault), fault_size, load])
    samples, turning = round(seconds * sampling_rate), (speed or SPEEDS[load]) / 60
    angle = 2 * np.pi * turning * np.arange(samples) / sampling_rate
    signal = 0.03 * np.sin(angle) + 0.02 * np.sin(2 * angle + 1) + 0.05 * rng.standard_normal(samples)
    if fault != "normal":
        rate = IMPACT_ORDERS[fault] * turning
        gaps = (1 + 0.015 * rng.standard_normal(int(seconds * rate * 1.1) + 20)) / rate
        times = rng.random() / rate + gaps.cumsum()
        times = times[times * sampling_rate < samples - 1]
        passing = {"inner race": turning, "ball": CAGE_ORDER * turning, "outer race": 0}[fault]
        loaded = 0.5 + 0.5 * np.cos(2 * np.pi * passing * times)
        blows = np.zeros(samples)
        blows[(times * sampling_rate).round().astype(int)] = (
            0.1 * fault_size * (1 + 0.1 * load) * loaded * (1 + 0.1 * rng.standard_normal(len(times))))
        t = np.arange(sampling_rate // 50) / sampling_rate
        ring = sum(gain * np.exp(-2 * np.pi * damping * f * t) * np.sin(2 * np.pi * f * t)
                   for f, damping, gain in resonances(fault, fault_size))
        size = samples + len(ring)
        signal += np.fft.irfft(np.fft.rfft(blows, size) * np.fft.rfft(ring, size), size)[:samples]
    return torch.from_numpy(signal.astype(np.float32))


def simulated_bearings(seed: int) -> dict[str, Any]:
    """The stand-in: all recordings of the set, each of `bearing_vibration`; 10 s long, faults at 48 kHz 5 s."""
    rng = np.random.default_rng(seed)
    recordings = {}
    for number, (fault, size, load, rate) in CONDITIONS.items():
        speed, seconds = float(SPEEDS[load] + rng.integers(-3, 4)), 5 if rate == 48_000 and size else 10
        recordings[number] = bearing_vibration(fault, size, load, seed + rate, seconds, rate, speed), speed
    return _fields(recordings)
