"""Monthly series and demand for spare parts: the reader of Monash .tsf files, and simulators that stand in."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.unpack import check_range

# The last number of the M3 monthly series in each category; T1 is the first of the micro-economic ones.
LAST = {"micro": 474, "industry": 808, "macro": 1120, "finance": 1265, "demographic": 1376, "other": 1428}


@dataclass(frozen=True, eq=False, repr=False)
class MonthlySeries:
    """Monthly business and economic series of different lengths, in the order of the M3 competition."""

    series: tuple[Tensor, ...]  # N tensors float32 (months,); units are not published. The test months are the last
    category: tuple[str, ...]  # N: "micro", "industry", "macro", "finance", "demographic" or "other"
    horizon: int  # 18: the last months of each series, which the competition asked for
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return (f"{len(self.series):,} monthly series, {min(map(len, self.series))} to {max(map(len, self.series))} "
                f"months, the last {self.horizon} of them for the test. {self.source}")


@dataclass(frozen=True, eq=False, repr=False)
class PartsDemand:
    """Monthly demand for spare parts of cars: in most months none."""

    demand: Tensor  # float32 (N, 51): pieces a month, a row for each part
    horizon: int  # 12: the last months, for the test
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return (f"Demand for {len(self.demand):,} parts in {self.demand.shape[1]} months, {self.horizon} of them for "
                f"the test; none in {float((self.demand == 0).float().mean()):.0%} of the months. {self.source}")


def read_tsf(path: Path) -> tuple[int, tuple[str, ...], tuple[Tensor, ...]]:
    """Horizon, names and values (float32) of the series in a zip that holds one .tsf file of the same name.

    A .tsf file has lines `@attribute name type`, `@horizon n`, `@data`, then a line for each series: its attributes
    and its values, separated by colons, the values by commas (Godahewa et al., Monash archive, 2021).
    Raises ValueError for another layout, or a value that is missing or infinite.
    """
    with zipfile.ZipFile(path) as archive:
        head, found, body = archive.read(f"{path.stem}.tsf").decode("latin-1").partition("@data")
    tags = [line.split() for line in head.splitlines() if line.startswith("@")]
    attributes, horizon = sum(tag[0] == "@attribute" for tag in tags), [tag[1] for tag in tags if tag[0] == "@horizon"]
    if not found or len(horizon) != 1:
        raise ValueError("it has no line @data or no line @horizon")
    names, series = [], []
    for line in filter(None, map(str.strip, body.splitlines())):
        name, *rest = line.split(":")
        if len(rest) != attributes:
            raise ValueError(f"the line of series {name[:20]} has {len(rest)} colons instead of {attributes}")
        try:
            series.append(torch.tensor([float(value) for value in rest[-1].split(",")]))
        except ValueError as error:
            raise ValueError(f"series {name}: {error}") from error
        check_range(f"series {name}", series[-1], -1e9, 1e9)
        names.append(name)
    return int(horizon[0]), tuple(names), tuple(series)


def read_months(path: Path, count: int) -> dict[str, Any]:
    """The fields of `MonthlySeries` from m3_monthly_dataset.zip. Raises ValueError if it is not as published."""
    horizon, names, series = read_tsf(path)
    if horizon != 18 or names != tuple(f"T{number}" for number in range(1, count + 1)):
        raise ValueError(f"it holds {len(names):,} series and the horizon {horizon} instead of T1 to T{count} and 18")
    for name, values in zip(names, series, strict=True):
        check_range(f"number of months of series {name}", torch.tensor([len(values)]), 66, 144)
        check_range(f"series {name}", values, 1, 1e6)
    return {"series": series, "category": _categories(count), "horizon": horizon}


def read_parts(path: Path, count: int) -> dict[str, Any]:
    """The fields of `PartsDemand` from the car parts zip. Raises ValueError if it is not as published."""
    horizon, _, series = read_tsf(path)
    lengths = {len(values) for values in series}
    if horizon != 12 or len(series) != count or lengths != {51}:
        raise ValueError(f"it holds {len(series):,} series of {sorted(lengths)} months and the horizon {horizon} "
                         f"instead of {count:,}, 51 and 12")
    demand = torch.stack(series)
    check_range("demand", demand, 0, 1000)
    if (demand != demand.round()).any():
        raise ValueError("it holds a demand that is no whole number")
    return {"demand": demand, "horizon": horizon}


def _categories(count: int) -> tuple[str, ...]:
    """The categories of series T1 to T`count`."""
    return tuple(next(name for name, last in LAST.items() if number <= last) for number in range(1, count + 1))


def monthly_series(months: int, level: float, growth: float, swing: float, noise: float, seed: int) -> Tensor:
    """A series, float32 (months,), with known trend and season: level · exp(growth t + swing sin(π t / 6) + noise z).

    t: months from 0 on; growth a month; z standard normal. Raises ValueError if months < 1 or level <= 0.
    """
    if months < 1 or level <= 0:
        raise ValueError(f"months must be 1 or more and level above 0; got {months} and {level}")
    t = torch.arange(months, dtype=torch.float64)
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal(months))
    return (level * torch.exp(growth * t + swing * torch.sin(math.pi * t / 6) + noise * z)).float()


def simulated_months(count: int, seed: int) -> dict[str, Any]:
    """The stand-in for M3: `count` series of `monthly_series`, 66 to 144 months, with the fields of `MonthlySeries`.

    Level 1,000 to 10,000, growth within 1 % a month, swing 0 to 0.3, noise 0.02 to 0.15.
    Raises ValueError unless 1 <= count <= 1,428.
    """
    if not 1 <= count <= LAST["other"]:
        raise ValueError(f"count must be 1 to {LAST['other']:,}; got {count}")
    rng = np.random.default_rng(seed)
    low, high = (66, 1000, -0.01, 0, 0.02, 0), (145, 10_000, 0.01, 0.3, 0.15, 1 << 32)
    series = tuple(monthly_series(int(drawn[0]), *drawn[1:5], int(drawn[5]))
                   for drawn in rng.uniform(low, high, (count, 6)).tolist())
    return {"series": series, "category": _categories(count), "horizon": 18}


def intermittent_demand(rate: Tensor, size: Tensor, months: int, seed: int) -> Tensor:
    """Demand, float32 (N, months): in a month with probability `rate` (N,), then 1 + Poisson(size − 1) pieces.

    size (N,): mean of the pieces when there is demand, at least 1; the mean demand is rate · size a month.
    Raises ValueError if a rate is not a probability or a size is below 1.
    """
    check_range("rate", rate, 0, 1)
    check_range("size", size, 1, 1e6)
    rng = np.random.default_rng(seed)
    asked = rng.random((len(rate), months)) < rate.numpy()[:, None]
    pieces = 1 + rng.poisson(size.numpy()[:, None] - 1, asked.shape)
    return torch.from_numpy((asked * pieces).astype(np.float32))


def simulated_parts(count: int, seed: int) -> dict[str, Any]:
    """The stand-in for the car parts: `count` rows of `intermittent_demand`, with the fields of `PartsDemand`.

    Rates are beta distributed with mean 0.24, mean sizes are 1 to 3. Raises ValueError if count < 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more; got {count}")
    rng = np.random.default_rng(seed)
    rate, size = torch.from_numpy(rng.beta(1.2, 3.8, count)), torch.from_numpy(rng.uniform(1, 3, count))
    return {"demand": intermittent_demand(rate, size, 51, seed + 1), "horizon": 12}
