"""Monthly series (M3) and demand for car parts: the reader of Monash .tsf files, and simulators that stand in."""

import math
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded
from helpers.data.unpack import check_range

CATEGORY = (("micro",) * 474 + ("industry",) * 334 + ("macro",) * 312 + ("finance",) * 145 + ("demographic",) * 111
            + ("other",) * 52)  # of the M3 monthly series T1 to T1428
PARTS, MONTHS = 2_674, 51  # of the car parts


@dataclass(frozen=True, eq=False, repr=False)
class MonthlySeries(Loaded):
    """Monthly business and economic series of different lengths, in the order of the M3 competition."""

    series: tuple[Tensor, ...]  # N tensors float32 (months,); units are not published. The test months are the last
    category: tuple[str, ...]  # N: "micro", "industry", "macro", "finance", "demographic" or "other"
    horizon: int  # 18: the last months of each series, which the competition asked for


@dataclass(frozen=True, eq=False, repr=False)
class PartsDemand(Loaded):
    """Monthly demand for spare parts of cars: in most months none."""

    demand: Tensor  # float32 (N, 51): pieces a month, a row for each part
    horizon: int  # 12: the last months, for the test


def read_tsf(path: Path) -> tuple[int, dict[str, Tensor]]:
    """Horizon, and name -> values (float32) of the series, in a zip that holds one .tsf file of the same name.

    A series is a line `name:attributes:value,value,…` after `@data`. Raises ValueError or LookupError if it is not.
    """
    with zipfile.ZipFile(path) as archive:
        head, _, body = archive.read(f"{path.stem}.tsf").decode("latin-1").partition("@data")
    horizon = re.search(r"(?m)^@horizon (\d+)", head)
    if horizon is None:
        raise ValueError("it has no line @horizon before a line @data")
    lines = [line.split(":") for line in body.strip().splitlines()]
    series = [torch.tensor([float(value) for value in line[-1].split(",")]) for line in lines]
    shared = torch.cat(series).split([len(values) for values in series])  # is saved and loaded faster than many
    return int(horizon[1]), {line[0]: values for line, values in zip(lines, shared, strict=True)}


def _read_m3(files: Files) -> dict[str, Any]:
    horizon, series = read_tsf(files.paths[0])
    if horizon != 18 or list(series) != [f"T{number}" for number in range(1, len(CATEGORY) + 1)]:
        raise ValueError(f"it does not hold series T1 to T{len(CATEGORY)}, and the horizon 18")
    for name, values in series.items():
        check_range(f"series {name}", values, 1, 1e6)
        check_range(f"number of months of series {name}", torch.tensor([len(values)]), 66, 144)
    return {"series": tuple(series.values()), "category": CATEGORY, "horizon": horizon}


def _read_car_parts(files: Files) -> dict[str, Any]:
    horizon, series = read_tsf(files.paths[0])
    if horizon != 12 or [len(values) for values in series.values()] != [MONTHS] * PARTS:
        raise ValueError(f"it does not hold {PARTS:,} series of {MONTHS} months, and the horizon 12")
    demand = torch.stack(tuple(series.values()))
    check_range("demand", demand, 0, 1000)
    check_range("fraction of a piece", demand % 1, 0, 0)
    return {"demand": demand, "horizon": horizon}


def monthly_series(months: int, level: float, growth: float, swing: float, noise: float, seed: int) -> Tensor:
    """A series, float32 (months,), of known trend and season: level · exp(growth t + swing sin(π t / 6) + noise z)."""
    t = torch.arange(months, dtype=torch.float64)
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal(months))
    return (level * torch.exp(growth * t + swing * torch.sin(math.pi * t / 6) + noise * z)).float()


def intermittent_demand(rate: Tensor, size: Tensor, months: int, seed: int) -> Tensor:
    """Demand, float32 (N, months): in a month with probability `rate` (N,), then 1 + Poisson(size − 1) pieces.

    size (N,): mean of the pieces when there is demand, at least 1; the mean demand is rate · size a month.
    """
    rng = np.random.default_rng(seed)
    asked = rng.random((len(rate), months)) < rate.numpy()[:, None]
    pieces = 1 + rng.poisson(size.numpy()[:, None] - 1, asked.shape)
    return torch.from_numpy((asked * pieces).astype(np.float32))


def _m3_stand_in() -> dict[str, Any]:
    low, high = (66, 1000, -0.01, 0, 0.02, 0), (145, 10_000, 0.01, 0.3, 0.15, 1 << 32)
    drawn = np.random.default_rng(1).uniform(low, high, (len(CATEGORY), 6)).tolist()
    series = tuple(monthly_series(int(months), *known, int(seed)) for months, *known, seed in drawn)
    return {"series": series, "category": CATEGORY, "horizon": 18}


def _car_parts_stand_in() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    rate, size = torch.from_numpy(rng.beta(1.2, 3.8, PARTS)), torch.from_numpy(rng.uniform(1, 3, PARTS))
    return {"demand": intermittent_demand(rate, size, MONTHS, seed=2), "horizon": 12}


M3 = DataSet(
    name="m3", title="M3 monthly series", licence="CC BY 4.0",
    forms={"zip": (File("m3_monthly_dataset.zip", 371_000,
                        urls=("https://zenodo.org/records/4656298/files/m3_monthly_dataset.zip",)),)},
    read=_read_m3, stand_in=_m3_stand_in)

CAR_PARTS = DataSet(
    name="car_parts", title="Monash car parts", licence="CC BY 4.0",
    forms={"zip": (File("car_parts_dataset_without_missing_values.zip", 43_000, urls=(
        "https://zenodo.org/records/4656021/files/car_parts_dataset_without_missing_values.zip",)),)},
    read=_read_car_parts, stand_in=_car_parts_stand_in)


def load_m3() -> MonthlySeries:
    """1,428 monthly series (Makridakis 2000), or simulated ones (see `source`). Raises DataError for a damaged file."""
    return MonthlySeries(**load(M3))


def load_car_parts() -> PartsDemand:
    """Demand for 2,674 car parts, or a simulated one (see `source`). Raises DataError for a damaged file."""
    return PartsDemand(**load(CAR_PARTS))
