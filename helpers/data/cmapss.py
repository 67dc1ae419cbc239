"""Jet engines that wear until they fail: C-MAPSS FD001, and a simulator that stands in for it."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded
from helpers.data.unpack import check_range

ROWS = {"train": 20_631, "test": 13_096, "RUL": 100}  # of each file; RUL has a row for each of the test engines
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
COLUMNS = ("altitude", "Mach", "TRA", *SENSORS)  # 1,000 ft, –, throttle angle; all three nearly constant in FD001


@dataclass(frozen=True, eq=False, repr=False)
class Engines(Loaded):
    """Engines with a row of settings and sensors for each flight (cycle), from new on."""

    train: tuple[Tensor, ...]  # 100 tensors float32 (cycles, 24): the last row is the last cycle before failure
    test: tuple[Tensor, ...]  # 100 tensors float32 (cycles, 24): cut off some time before failure
    test_rul: Tensor  # float32 (100,): remaining useful life, cycles that each test engine still ran
    columns: tuple[str, ...]  # 24 names; `SENSORS` has their meaning and unit


def _read(files: Files) -> dict[str, Any]:
    inner = "6. Turbofan Engine Degradation Simulation Data Set/CMAPSSData.zip"
    with zipfile.ZipFile(files.paths[0]) as outer, zipfile.ZipFile(io.BytesIO(outer.read(inner))) as archive:
        tables = {part: np.loadtxt(io.BytesIO(archive.read(f"{part}_FD001.txt")), ndmin=2) for part in ROWS}
    fields = {"test_rul": torch.from_numpy(tables.pop("RUL")).float().flatten(), "columns": COLUMNS}
    check_range("RUL_FD001.txt: RUL", fields["test_rul"], 0, 200)
    check_range("RUL_FD001.txt: number of lines", torch.tensor([len(fields["test_rul"])]), ROWS["RUL"], ROWS["RUL"])
    for part, table in tables.items():
        lengths = np.unique(table[:, 0], return_counts=True)[1].tolist()
        numbered = [(engine, cycle) for engine, cycles in enumerate(lengths, 1) for cycle in range(1, cycles + 1)]
        complete = table.shape == (ROWS[part], 2 + len(COLUMNS)) and len(lengths) == ROWS["RUL"]
        if not complete or not np.array_equal(table[:, :2], numbered):
            raise ValueError(f"{part}_FD001.txt does not hold {ROWS['RUL']} engines, each from cycle 1 on, in "
                             f"{ROWS[part]:,} rows of {len(COLUMNS)} values")
        for name, column, (_, new, *_) in zip(SENSORS, table.T[5:], SENSORS.values(), strict=True):
            check_range(f"{part}_FD001.txt: {name}", torch.from_numpy(column), 0.9 * new, 1.1 * new)
        fields[part] = torch.from_numpy(table[:, 2:]).float().split(lengths)
    return fields


def wear(cycle: Tensor, onset: float, life: float) -> Tensor:
    """Wear after `cycle` flights: 0 until `onset`, then exponential up to 1 at `life` (after Saxena, PHM 2008)."""
    return torch.expm1(3 * ((cycle - onset) / (life - onset)).clamp(min=0)) / np.expm1(3)


def worn_engine(life: int, onset: float, seed: int) -> Tensor:
    """Settings and sensors, float32 (life, 24), of one simulated engine that fails after `life` cycles.

    A sensor is its value on a new engine + a deviation of this engine + its change until failure × `wear` + noise.
    """
    if not 0 <= onset < life:
        raise ValueError(f"onset must be 0 or more, and less than life; got {onset} and {life}")
    rng = np.random.default_rng(seed)
    new, change, noise = torch.tensor([row[1:] for row in SENSORS.values()], dtype=torch.float64).T
    own, z = (torch.from_numpy(rng.standard_normal((rows, len(SENSORS)))) for rows in (1, life))
    worn = wear(torch.arange(1, life + 1), onset, life)[:, None]
    settings = torch.from_numpy(rng.normal((0, 0, 100), (0.0022, 0.0003, 0), (life, 3)))
    return torch.cat([settings, new + noise * (0.6 * own + z) + change * worn], 1).float()


def simulated_engines(count: int = 100, seed: int = 1) -> dict[str, Any]:
    """The fields of `Engines`: `count` engines that fail after 128 to 362 cycles, as many cut off 7 to 145 before."""
    rng = np.random.default_rng(seed)
    lives = np.exp(rng.normal(5.3, 0.21, 2 * count)).round().clip(128, 362).astype(int)
    onsets = (lives - rng.uniform(90, 150, 2 * count)).clip(0)
    engines = tuple(map(worn_engine, lives, onsets, rng.integers(1 << 32, size=2 * count)))
    rul = np.minimum(rng.integers(7, 146, count), lives[count:] - 31)
    test = tuple(engine[:-left].clone() for engine, left in zip(engines[count:], rul, strict=True))
    return {"train": engines[:count], "test": test, "test_rul": torch.from_numpy(rul).float(), "columns": COLUMNS}


CMAPSS = DataSet(
    name="cmapss", title="C-MAPSS FD001 engines", licence="US government",
    forms={"zip": (File(
        "6.+Turbofan+Engine+Degradation+Simulation+Data+Set.zip", 12_429_152,
        "sha256:c9c5dec12a945a82e8bb4446589d7fb3cc057b5e5d81fa1a12e25ee9912ad3b2",
        ("https://phm-datasets.s3.amazonaws.com/NASA/6.+Turbofan+Engine+Degradation+Simulation+Data+Set.zip",)),)},
    read=_read, stand_in=simulated_engines)


def load_cmapss() -> Engines:
    """C-MAPSS FD001 (Saxena 2008), or simulated engines (see `source`). Raises DataError for a damaged file."""
    return Engines(**load(CMAPSS))
