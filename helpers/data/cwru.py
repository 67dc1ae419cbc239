"""Vibration of motor bearings: the CWRU recordings, and signals from the physics of a fault that stand in for them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded
from helpers.data.unpack import check_range

# Orders (events a revolution) of the bearing 6205-2RS: a ball passes the inner or outer race, spins, goes round.
BPFI, BPFO, BSF, FTF = 5.4152, 3.5848, 2.35675, 0.39828
FAULT_ORDERS = {"inner race": BPFI, "ball": 2 * BSF, "outer race": BPFO}  # in each spin a ball strikes both races
FAULTS = ("normal", *FAULT_ORDERS)
SPEEDS = (1797, 1772, 1750, 1730)  # usual shaft speed at loads of 0 to 3 hp, rpm
# Sampling rate, Hz -> first file of inner race, ball and outer race of 7 mil (thousandths of an inch), of 14, of 21.
FIRST = {12_000: (105, 118, 130, 169, 185, 197, 209, 222, 234), 48_000: (109, 122, 135, 174, 189, 201, 213, 226, 238)}
# File number -> fault, its diameter in mil, load in hp, sampling rate in Hz.
CONDITIONS: dict[int, tuple[str, int, int, int]] = {97 + load: ("normal", 0, load, 48_000) for load in range(4)} | {
    first + load: (FAULTS[1 + place % 3], 7 * (1 + place // 3), load, rate) for rate, firsts in FIRST.items()
    for place, first in enumerate(firsts) for load in range(4 if rate == 12_000 else 1)}


@dataclass(frozen=True, eq=False, repr=False)
class Bearings(Loaded):
    """Recordings of a motor's vibration, in order of their file numbers; R is their number."""

    file_number: Tensor  # int64 (R,)
    signal: tuple[Tensor, ...]  # R tensors float32 (n,): acceleration at the drive end, g
    sampling_rate: Tensor  # int64 (R,): Hz
    fault: tuple[str, ...]  # "normal", "inner race", "ball" or "outer race"
    fault_size: Tensor  # int64 (R,): diameter, thousandths of an inch: 7, 14 or 21, and 0 without a fault
    load: Tensor  # int64 (R,): hp, 0 to 3
    speed: Tensor  # float32 (R,): of the shaft, rpm


def _read(files: Files) -> dict[str, Any]:
    from scipy.io import loadmat

    recordings = {}
    for path in files.paths:
        number = int(path.stem)
        channel, rpm = f"X{number:03d}_DE_time", f"X{number:03d}RPM"  # official 99.mat holds the signal of 98 as well
        try:
            content = loadmat(path, variable_names=(channel, rpm))
            signal = torch.from_numpy(np.ravel(content.get(channel, ())).astype(np.float32))
            if len(signal) < 60_000 or signal.std() == 0:  # 174 has 63,788, the others have 120,000 and more
                raise ValueError(f"its {len(signal):,} samples of {channel} are too few, or all the same")
            check_range("acceleration in g", signal, -20, 20)
            speed = torch.as_tensor(content.get(rpm, SPEEDS[CONDITIONS[number][2]]), dtype=torch.float32).reshape(1)
            check_range("shaft speed in rpm", speed, 1650, 1850)
        except Exception as error:  # a damaged file can raise nearly anything
            raise ValueError(f"{path.name}: {error}") from error
        recordings[number] = signal, float(speed)
    return _fields(recordings)


def _fields(recordings: dict[int, tuple[Tensor, float]]) -> dict[str, Any]:
    numbers = sorted(recordings)
    signal, speed = zip(*(recordings[number] for number in numbers), strict=True)
    fault, size, load, rate = zip(*(CONDITIONS[number] for number in numbers), strict=True)
    return {"file_number": torch.tensor(numbers), "signal": signal, "sampling_rate": torch.tensor(rate),
            "fault": fault, "fault_size": torch.tensor(size), "load": torch.tensor(load), "speed": torch.tensor(speed)}


def bearing_vibration(fault: str, fault_size: int, load: int, seed: int, seconds: float = 10.0,
                      sampling_rate: int = 12_000, speed: float | None = None) -> Tensor:
    """Acceleration (g, float32) at the drive end of a motor, from the physics of a bearing fault.

    A ball strikes the fault FAULT_ORDERS times a revolution, in proportion to fault_size (mil), harder under load (0 to
    3 hp); the housing rings. speed: rpm, by default the usual one at the load. Model after R. B. Randall, J. Antoni,
    Rolling element bearing diagnostics: a tutorial, 2011. Raises ValueError for an unknown fault or a bad speed.
    """
    speed = SPEEDS[load] if speed is None else speed
    if fault not in FAULTS or speed <= 0:
        raise ValueError(f"fault must be one of {FAULTS} and speed above 0; got {fault!r} and {speed}")
    rng = np.random.default_rng([seed, FAULTS.index(fault), fault_size, load])
    samples, turning = round(seconds * sampling_rate), speed / 60
    angle = 2 * np.pi * turning * np.arange(samples) / sampling_rate
    signal = 0.03 * np.sin(angle) + 0.02 * np.sin(2 * angle + 1) + 0.05 * rng.standard_normal(samples)
    if fault != "normal":
        rate = FAULT_ORDERS[fault] * turning
        gaps = (1 + 0.015 * rng.standard_normal(int(seconds * rate * 1.1) + 20)) / rate
        times = rng.random() / rate + gaps.cumsum()
        times = times[times * sampling_rate < samples - 1]
        passing = {"inner race": turning, "ball": FTF * turning, "outer race": 0}[fault]  # of the loaded side, Hz
        loaded = 0.5 + 0.5 * np.cos(2 * np.pi * passing * times)
        blows = np.zeros(samples)
        blows[(times * sampling_rate).round().astype(int)] = (
            0.1 * fault_size * (1 + 0.1 * load) * loaded * (1 + 0.1 * rng.standard_normal(len(times))))
        t, ring = np.arange(sampling_rate // 50) / sampling_rate, 0
        own = np.random.default_rng([FAULTS.index(fault), fault_size])  # every bearing has two modes of its own
        for low in (1500, 3500):
            f, damping, gain = own.uniform((low, 0.03, 0.4), (low + 1500, 0.06, 1))
            ring += gain * np.exp(-2 * np.pi * damping * f * t) * np.sin(2 * np.pi * f * t)
        size = samples + len(ring)
        signal += np.fft.irfft(np.fft.rfft(blows, size) * np.fft.rfft(ring, size), size)[:samples]
    return torch.from_numpy(signal.astype(np.float32))


def _stand_in() -> dict[str, Any]:
    return _fields({number: (bearing_vibration(fault, size, load, rate, sampling_rate=rate), float(SPEEDS[load]))
                    for number, (fault, size, load, rate) in CONDITIONS.items()})


_FILES = {number: File(f"{number}.mat", 3_400_000, urls=(f"https://engineering.case.edu/sites/default/files/{number}.mat",))
          for number in CONDITIONS}
CWRU = DataSet(
    name="cwru", title="CWRU bearings", licence="none stated",
    forms={
        "all": tuple(_FILES.values()),
        "without 98 to 100": tuple(file for number, file in _FILES.items() if number not in (98, 99, 100)),
        "97 and the faults at 12 kHz": tuple(_FILES[number] for number, (*_, rate) in CONDITIONS.items()
                                             if number == 97 or rate == 12_000)},
    read=_read, stand_in=_stand_in)


def load_cwru() -> Bearings:
    """CWRU bearings, 49, 46 or 37 recordings, or simulated ones (see `source`). Raises DataError for a damaged file."""
    return Bearings(**load(CWRU))
