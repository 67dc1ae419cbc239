"""Jet engines that wear until they fail: the reader of C-MAPSS FD001, and a simulator that stands in for it."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.unpack import check_range

ARCHIVE = "6. Turbofan Engine Degradation Simulation Data Set/CMAPSSData.zip"
CYCLES = {"train": 20_631, "test": 13_096}  # rows of all engines together
SETTINGS = ("altitude", "Mach", "TRA")  # 1,000 ft, –, throttle angle; all three nearly constant in FD001
# Symbol -> meaning and unit; value of a new engine, change until failure, and noise (all three measured on FD001).
SENSORS: dict[str, tuple[str, float, float, float]] = {
    "T2": ("total temperature at fan inlet, °R", 518.67, 0, 0),
    "T24": ("total temperature at low-pressure compressor outlet, °R", 642.4, 1.4, 0.3),
    "T30": ("total temperature at high-pressure compressor outlet, °R", 1586.9, 16.5, 4.0),
    "T50": ("total temperature at low-pressure turbine outlet, °R", 1402.8, 28, 4.0),
    "P2": ("pressure at fan inlet, psia", 14.62, 0, 0),
    "P15": ("total pressure in bypass duct, psia", 21.61, 0, 0.001),
    "P30": ("total pressure at high-pressure compressor outlet, psia", 553.95, -2.6, 0.4),
    "Nf": ("physical fan speed, rpm", 2388.06, 0.19, 0.03),
    "Nc": ("physical core speed, rpm", 9056.1, 45, 4.2),
    "epr": ("engine pressure ratio", 1.3, 0, 0),
    "Ps30": ("static pressure at high-pressure compressor outlet, psia", 47.36, 0.85, 0.1),
    "phi": ("fuel flow by Ps30, pps/psi", 521.9, -2.3, 0.3),
    "NRf": ("corrected fan speed, rpm", 2388.06, 0.19, 0.03),
    "NRc": ("corrected core speed, rpm", 8137.4, 32, 3.1),
    "BPR": ("bypass ratio", 8.418, 0.11, 0.02),
    "farB": ("fuel-air ratio of the burner", 0.03, 0, 0),
    "htBleed": ("bleed enthalpy", 392.3, 4.3, 0.9),
    "Nf_dmd": ("demanded fan speed, rpm", 2388.0, 0, 0),
    "PCNfR_dmd": ("demanded corrected fan speed, %", 100.0, 0, 0),
    "W31": ("coolant bleed of the high-pressure turbine, lbm/s", 38.93, -0.53, 0.1),
    "W32": ("coolant bleed of the low-pressure turbine, lbm/s", 23.36, -0.31, 0.06),
}
COLUMNS = (*SETTINGS, *SENSORS)


@dataclass(frozen=True, eq=False, repr=False)
class Engines:
    """Engines with a row of settings and sensors for each flight (cycle), from new on."""

    train: tuple[Tensor, ...]  # 100 tensors float32 (cycles, 24): the last row is the last cycle before failure
    test: tuple[Tensor, ...]  # 100 tensors float32 (cycles, 24): cut off some time before failure
    test_remaining_life: Tensor  # float32 (100,): cycles that each test engine still ran
    columns: tuple[str, ...]  # 24 names; `SENSORS` in helpers.data.engines has their meaning and unit
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return (f"{len(self.train)} engines until failure ({sum(map(len, self.train)):,} cycles), {len(self.test)} cut "
                f"off before ({sum(map(len, self.test)):,} cycles). {self.source}")


def read_engines(path: Path, counts: tuple[int, int]) -> dict[str, Any]:
    """The fields of `Engines` from the zip in NASA's zip; nothing is written to disk.

    Raises ValueError if engines, cycles or columns are missing, or a value is far from that of a new engine.
    """
    with zipfile.ZipFile(path) as outer, zipfile.ZipFile(io.BytesIO(outer.read(ARCHIVE))) as archive:
        tables = {part: np.loadtxt(io.BytesIO(archive.read(f"{part}_FD001.txt")), ndmin=2)
                  for part in ("train", "test", "RUL")}
    train, test = (_by_engine(part, tables[part], count) for part, count in zip(CYCLES, counts, strict=True))
    remaining = torch.from_numpy(tables["RUL"]).float()
    if remaining.shape != (counts[1], 1):
        raise ValueError(f"RUL_FD001.txt has {len(remaining)} lines instead of {counts[1]}")
    check_range("remaining life", remaining, 0, 200)
    return {"train": train, "test": test, "test_remaining_life": remaining[:, 0], "columns": COLUMNS}


def _by_engine(part: str, table: np.ndarray, count: int) -> tuple[Tensor, ...]:
    """The rows of one file, engine number and cycle first, as a tensor for each engine."""
    if table.shape != (CYCLES[part], 2 + len(COLUMNS)):
        raise ValueError(f"{part}_FD001.txt has {table.shape[0]:,} rows of {table.shape[1]} numbers instead of "
                         f"{CYCLES[part]:,} of {2 + len(COLUMNS)}")
    lengths = np.bincount(table[:, 0].astype(int), minlength=count + 1)[1:]
    numbered = [(engine, cycle) for engine, cycles in enumerate(lengths, 1) for cycle in range(1, cycles + 1)]
    if len(lengths) != count or lengths.min() == 0 or not np.array_equal(table[:, :2], numbered):
        raise ValueError(f"{part}_FD001.txt does not hold the cycles of {count} engines, each from 1 on, in order")
    for name, column in zip(SENSORS, table.T[5:], strict=True):
        usual = SENSORS[name][1]
        check_range(f"{part}_FD001.txt: {name}", torch.from_numpy(column), 0.9 * usual, 1.1 * usual)
    check_range(f"{part}_FD001.txt: a setting", torch.from_numpy(table[:, 2:5]), -0.01, 100)
    return torch.from_numpy(table[:, 2:]).float().split(lengths.tolist())


def wear(cycle: Tensor, onset: float, life: float) -> Tensor:
    """Wear of a simulated engine after `cycle` flights: 0 until `onset`, then growing exponentially to 1 at `life`.

    (exp(3 s) − 1) / (exp(3) − 1) with s = (cycle − onset) / (life − onset), as damage feeds on itself (the shape
    after Saxena et al., PHM 2008; the 3 is this simulator's own).
    """
    return torch.expm1(3 * ((cycle - onset) / (life - onset)).clamp(min=0)) / np.expm1(3)


def worn_engine(life: int, onset: float, seed: int) -> Tensor:
    """Settings and sensors, float32 (life, 24), of one simulated engine that fails after `life` cycles.

    A sensor is its value on a new engine + a deviation of this engine + its change until failure × `wear` + noise
    (`SENSORS`; the deviation has 0.6 of the noise). Raises ValueError unless 0 <= onset < life.
    """
    if not 0 <= onset < life:
        raise ValueError(f"onset must be 0 or more, and less than life; got {onset} and {life}")
    rng = np.random.default_rng(seed)
    new, change, noise = torch.tensor([row[1:] for row in SENSORS.values()], dtype=torch.float64).T
    own, z = (torch.from_numpy(rng.standard_normal((rows, len(SENSORS)))) for rows in (1, life))
    worn = wear(torch.arange(1, life + 1), onset, life)[:, None]
    settings = rng.normal((0, 0, 100), (0.0022, 0.0003, 0), (life, 3))
    return torch.cat([torch.from_numpy(settings), new + noise * (0.6 * own + z) + change * worn], 1).float()


def simulated_engines(count: int, seed: int) -> dict[str, Any]:
    """The stand-in: `count` engines until failure and as many cut off, with the fields of `Engines`.

    Lives are lognormal, about 200 cycles (128 to 362); wear sets in 90 to 150 cycles before the end. Test engines
    are cut off 7 to 145 cycles before. Raises ValueError if count < 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more; got {count}")
    rng = np.random.default_rng(seed)
    lives = np.exp(rng.normal(5.3, 0.21, 2 * count)).round().clip(128, 362).astype(int)
    onsets = (lives - rng.uniform(90, 150, 2 * count)).clip(0)
    engines = [worn_engine(*drawn) for drawn in zip(lives, onsets, rng.integers(1 << 32, size=2 * count), strict=True)]
    remaining = np.minimum(rng.integers(7, 146, count), lives[count:] - 31)
    test = tuple(engine[:-left].clone() for engine, left in zip(engines[count:], remaining, strict=True))
    return {"train": tuple(engines[:count]), "test": test, "columns": COLUMNS,
            "test_remaining_life": torch.from_numpy(remaining).float()}
