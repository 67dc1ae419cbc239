"""Hours of a gas turbine and their CO and NOx: the reader of the UCI set, and a process with a known optimum."""

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from helpers.data.unpack import check_range

YEARS = (2011, 2012, 2013, 2014, 2015)
# Symbol -> meaning and unit; the range that a value must lie in.
INPUTS: dict[str, tuple[str, float, float]] = {
    "AT": ("ambient temperature, °C", -10, 45),
    "AP": ("ambient pressure, mbar", 950, 1060),
    "AH": ("ambient humidity, %", 10, 101),
    "AFDP": ("pressure drop over the air filter, mbar", 1, 10),
    "GTEP": ("turbine exhaust pressure, mbar", 10, 50),
    "TIT": ("turbine inlet temperature, °C", 950, 1150),
    "TAT": ("turbine outlet temperature, °C", 450, 600),
    "TEY": ("energy yield in the hour, MWh", 80, 200),
    "CDP": ("compressor discharge pressure, bar", 8, 20),
}
EMISSIONS: dict[str, tuple[str, float, float]] = {
    "CO": ("carbon monoxide, mg/m³", 0, 100), "NOX": ("nitrogen oxides, mg/m³", 10, 150)}


@dataclass(frozen=True, eq=False, repr=False)
class Turbine:
    """Hours of a gas turbine in operation, in order; N is their number."""

    year: Tensor  # int64 (N,): 2011 to 2015
    inputs: Tensor  # float32 (N, 9): the air outside, and the process
    emissions: Tensor  # float32 (N, 2): CO and NOX, mg/m³
    input_names: tuple[str, ...]  # symbols; `INPUTS` in helpers.data.turbine has their meaning and unit
    emission_names: tuple[str, ...]
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return (f"{len(self.year):,} hours of a gas turbine in the years {self.year.min()} to {self.year.max()}, "
                f"{self.inputs.shape[1]} inputs, CO and NOx. {self.source}")


def read_turbine(path: Path, count: int) -> dict[str, Any]:
    """The fields of `Turbine` from the five yearly tables in the zip; nothing is written to disk.

    Raises ValueError if a column or rows are missing or a value is out of its range.
    """
    tables = []
    with zipfile.ZipFile(path) as archive:
        for year in YEARS:
            try:
                tables.append(_read_year(archive.read(f"gt_{year}.csv").decode()))
            except Exception as error:  # a damaged file can raise nearly anything
                raise ValueError(f"gt_{year}.csv: {error}") from error
    year = torch.tensor(YEARS).repeat_interleave(torch.tensor([len(table) for table in tables]))
    if len(year) != count:
        raise ValueError(f"it holds {len(year):,} hours instead of {count:,}")
    return _fields(year, torch.cat(tables))


def _read_year(text: str) -> Tensor:
    """The eleven columns of one year, float32 (hours, 11)."""
    header, *rows = csv.reader(io.StringIO(text))
    ranges = INPUTS | EMISSIONS
    if [name.strip() for name in header] != list(ranges):  # one file of the five may have "AFDP "
        raise ValueError(f"it has the columns {', '.join(header)} instead of {', '.join(ranges)}")
    table = torch.tensor([list(map(float, row)) for row in rows]).view(len(rows), len(ranges))
    for name, column in zip(ranges, table.T, strict=True):
        check_range(name, column, *ranges[name][1:])
    return table


def _fields(year: Tensor, table: Tensor) -> dict[str, Any]:
    inputs, emissions = table.float().split((len(INPUTS), len(EMISSIONS)), dim=1)
    return {"year": year, "inputs": inputs.contiguous(), "emissions": emissions.contiguous(),
            "input_names": tuple(INPUTS), "emission_names": tuple(EMISSIONS)}


# The simulated process. Its equations and numbers are its own, with means and spreads near those of the real plant.
def cleanest_inlet_temperature(ambient: Tensor, pressure: Tensor) -> Tensor:
    """The inlet temperature (°C) at which the simulated turbine makes least NOx, at a given discharge pressure (bar).

    ambient: temperature, °C. Colder flames are lit by a richer pilot, hotter ones make NOx of their own.
    """
    return 1081 + 14 * (pressure - 12) + 0.2 * (ambient - 18)


def energy_yield(ambient: Tensor, inlet: Tensor, pressure: Tensor) -> Tensor:
    """Yield of the simulated turbine in an hour (MWh) from ambient and inlet temperature (°C) and pressure (bar)."""
    return 134 + 8 * (pressure - 12) + 0.4 * (inlet - 1081) - 0.3 * (ambient - 18)


def expected_emissions(inputs: Tensor, year: Tensor) -> Tensor:
    """Mean of CO and NOx (mg/m³, (N, 2)) of the simulated turbine, given inputs (N, 9) and year (N,).

    NOx: 66 + 0.03 (TIT − cleanest TIT)² + 4 (CDP − 12) − 0.9 (AT − 18) − 0.1 (AH − 78) + drift of the year.
    CO: 2.2 exp(−0.03 (TIT − 1081)). Drift: 0, 1, 2, −6, −7 mg/m³ in 2011 to 2015.
    """
    ambient, _, humidity, _, _, inlet, _, _, pressure = inputs.unbind(-1)
    off = inlet - cleanest_inlet_temperature(ambient, pressure)
    drift = torch.tensor((0, 1, 2, -6, -7), dtype=inputs.dtype, device=inputs.device)[year - YEARS[0]]
    nox = 66 + 0.03 * off ** 2 + 4 * (pressure - 12) - 0.9 * (ambient - 18) - 0.1 * (humidity - 78) + drift
    return torch.stack([2.2 * torch.exp(-0.03 * (inlet - 1081)), nox], -1)


def emission_spread(inputs: Tensor) -> Tensor:
    """Standard deviation of CO and NOx (mg/m³, (N, 2)) of the simulated turbine about `expected_emissions`.

    NOx is normal with 3 + 0.1 |TIT − cleanest TIT|; CO is lognormal with 0.4 of its mean.
    """
    ambient, inlet, pressure = inputs[..., 0], inputs[..., 5], inputs[..., 8]
    off = (inlet - cleanest_inlet_temperature(ambient, pressure)).abs()
    return torch.stack([0.4 * 2.2 * torch.exp(-0.03 * (inlet - 1081)), 3 + 0.1 * off], -1)


def best_set_points(ambient: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Inlet temperature (°C) and pressure (bar) with the least mean NOx among those that yield `wanted` MWh.

    A degree above the cleanest temperature yields as much as a little pressure, which costs NOx in proportion: at
    the optimum both costs are equal, 2 · 0.03 · off = 4 · 0.4 / (8 + 0.4 · 14). ambient: temperature, °C.
    """
    off = 4 * 0.4 / (8 + 0.4 * 14) / (2 * 0.03)
    pressure = 12 + (wanted - 134 - 0.4 * off + (0.3 - 0.4 * 0.2) * (ambient - 18)) / (8 + 0.4 * 14)
    return cleanest_inlet_temperature(ambient, pressure) + off, pressure


def simulated_turbine(count: int, seed: int) -> dict[str, Any]:
    """The stand-in: `count` hours, a fifth of them in each year, with the fields of `Turbine`.

    Weather has seasons, days and spells; the operators follow the demand with the pressure and miss the cleanest
    inlet temperature by 6 °C either way. The errors of CO and NOx have a correlation of 0.4.
    Raises ValueError if count < 5.
    """
    if count < len(YEARS):
        raise ValueError(f"count must be 5 or more, an hour for each year; got {count}")
    rng = np.random.default_rng(seed)
    hour = np.arange(count)
    year = YEARS[0] + 5 * hour // count
    season = np.sin(2 * np.pi * (5 * hour / count % 1 - 0.3))

    def spell(deviation: float, keep: float = 0.98) -> np.ndarray:
        """Noise that keeps this share of its last value, with the given standard deviation."""
        return lfilter([deviation * (1 - keep ** 2) ** 0.5], [1, -keep], rng.standard_normal(count))

    ambient = 17.7 + 9 * season + 3 * np.sin(2 * np.pi * (hour % 24 - 9) / 24) + spell(2.5)
    air_pressure, humidity = 1013 - 3 * season + spell(5), (78 - 5 * season + spell(12)).clip(25, 100)
    pressure = (12 + 0.5 * np.sin(2 * np.pi * (hour % 24 - 8) / 24) + spell(0.9, 0.9)).clip(9.9, 15)
    inlet = cleanest_inlet_temperature(ambient, pressure) + spell(6, 0.9)
    process = (3.9 + 0.55 * (pressure - 12) + 0.02 * (ambient - 18) + spell(0.4), 25.6 + 3.7 * (pressure - 12)
               + spell(0.8), inlet, 546 - 5 * (pressure - 12) - 0.2 * (ambient - 18) + spell(3),
               energy_yield(ambient, inlet, pressure) + 0.3 * rng.standard_normal(count), pressure)
    inputs = torch.from_numpy(np.stack([ambient, air_pressure, humidity, *process], 1))
    years = torch.from_numpy(year)
    z = torch.from_numpy(rng.multivariate_normal((0, 0), ((1, 0.4), (0.4, 1)), count))
    mean, spread = expected_emissions(inputs, years), emission_spread(inputs)
    logarithmic = np.log(1 + 0.4 ** 2)
    carbon = mean[:, 0] * torch.exp(logarithmic ** 0.5 * z[:, 0] - logarithmic / 2)
    return _fields(years, torch.cat([inputs, carbon[:, None], (mean + spread * z)[:, 1:]], 1))
