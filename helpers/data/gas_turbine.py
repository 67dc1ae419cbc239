"""Hours of a gas turbine and their CO and NOx: the UCI set, and a process with a known optimum that stands in."""

import itertools
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded
from helpers.data.unpack import check_range

HOURS = {2011: 7411, 2012: 7628, 2013: 7152, 2014: 7158, 2015: 7384}
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
EMISSIONS = {"CO": ("carbon monoxide, mg/m³", 0, 100), "NOX": ("nitrogen oxides, mg/m³", 10, 150)}


@dataclass(frozen=True, eq=False, repr=False)
class Turbine(Loaded):
    """Hours of a gas turbine in operation, in order; N is their number."""

    year: Tensor  # int64 (N,): 2011 to 2015
    inputs: Tensor  # float32 (N, 9): the air outside, and the process
    emissions: Tensor  # float32 (N, 2): CO and NOX, mg/m³
    input_names: tuple[str, ...]  # symbols; `INPUTS` has their meaning and unit


def _read(files: Files) -> dict[str, Any]:
    ranges, tables = INPUTS | EMISSIONS, []
    with zipfile.ZipFile(files.paths[0]) as archive:
        for year, hours in HOURS.items():
            header, *rows = archive.read(f"gt_{year}.csv").decode().splitlines()
            table = torch.from_numpy(np.loadtxt(rows, np.float32, delimiter=",", ndmin=2))
            if header.replace(" ", "") != ",".join(ranges) or table.shape != (hours, len(ranges)):  # one has "AFDP "
                raise ValueError(f"gt_{year}.csv does not hold {hours:,} hours of {', '.join(ranges)}")
            for name, column in zip(ranges, table.T, strict=True):
                check_range(f"gt_{year}.csv: {name}", column, *ranges[name][1:])
            tables.append(table)
    return _fields(torch.tensor(list(HOURS)).repeat_interleave(torch.tensor(list(HOURS.values()))), torch.cat(tables))


def _fields(year: Tensor, table: Tensor) -> dict[str, Any]:
    inputs, emissions = table.float().split((len(INPUTS), len(EMISSIONS)), dim=1)
    return {"year": year, "inputs": inputs.contiguous(), "emissions": emissions.contiguous(),
            "input_names": tuple(INPUTS)}


# The simulated process. Its equations and numbers are its own; means and deviations are near those of the real plant.
def cleanest_inlet_temperature(ambient: Tensor, pressure: Tensor) -> Tensor:
    """The inlet temperature (°C) of least NOx in the simulated turbine, from ambient (°C) and pressure (bar)."""
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
    drift = torch.tensor((0, 1, 2, -6, -7), dtype=inputs.dtype, device=inputs.device)[year - 2011]
    nox = 66 + 0.03 * off ** 2 + 4 * (pressure - 12) - 0.9 * (ambient - 18) - 0.1 * (humidity - 78) + drift
    return torch.stack([2.2 * torch.exp(-0.03 * (inlet - 1081)), nox], -1)


def emission_std(inputs: Tensor) -> Tensor:
    """Standard deviation (mg/m³, (N, 2)) of CO, 0.4 of its mean, and of NOx, 3 + 0.1 |TIT − cleanest TIT|."""
    off = (inputs[..., 5] - cleanest_inlet_temperature(inputs[..., 0], inputs[..., 8])).abs()
    return torch.stack([0.4 * 2.2 * torch.exp(-0.03 * (inputs[..., 5] - 1081)), 3 + 0.1 * off], -1)


def best_set_points(ambient: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Inlet temperature (°C) and pressure (bar) of least mean NOx at this yield (MWh) and ambient temperature (°C)."""
    off = 4 * 0.4 / (8 + 0.4 * 14) / (2 * 0.03)  # where a degree costs as much NOx as pressure
    pressure = 12 + (wanted - 134 - 0.4 * off + (0.3 - 0.4 * 0.2) * (ambient - 18)) / (8 + 0.4 * 14)
    return cleanest_inlet_temperature(ambient, pressure) + off, pressure


def simulated_turbine(count: int = 36_733, seed: int = 1) -> dict[str, Any]:
    """The fields of `Turbine`: `count` hours; operators miss the cleanest inlet temperature by 6 °C."""
    rng, hour = np.random.default_rng(seed), np.arange(count)
    season = np.sin(2 * np.pi * (5 * hour / count % 1 - 0.3))

    def spell(deviation: float, keep: float = 0.98) -> np.ndarray:
        """Noise that keeps this fraction of its last value, with the given standard deviation."""
        noise = deviation * (1 - keep ** 2) ** 0.5 * rng.standard_normal(count)
        return np.array(list(itertools.accumulate(noise, lambda last, new: keep * last + new)))

    ambient = 17.7 + 9 * season + 3 * np.sin(2 * np.pi * (hour % 24 - 9) / 24) + spell(2.5)
    air_pressure, humidity = 1013 - 3 * season + spell(5), (78 - 5 * season + spell(12)).clip(25, 100)
    pressure = (12 + 0.5 * np.sin(2 * np.pi * (hour % 24 - 8) / 24) + spell(0.9, 0.9)).clip(9.9, 15)
    inlet = cleanest_inlet_temperature(ambient, pressure) + spell(6, 0.9)
    inputs = torch.from_numpy(np.stack([
        ambient, air_pressure, humidity, 3.9 + 0.55 * (pressure - 12) + 0.02 * (ambient - 18) + spell(0.4),
        25.6 + 3.7 * (pressure - 12) + spell(0.8), inlet, 546 - 5 * (pressure - 12) - 0.2 * (ambient - 18) + spell(3),
        energy_yield(ambient, inlet, pressure) + 0.3 * rng.standard_normal(count), pressure], 1))
    year = torch.from_numpy(2011 + 5 * hour // count)
    z = torch.from_numpy(rng.multivariate_normal((0, 0), ((1, 0.4), (0.4, 1)), count))
    mean, log_variance = expected_emissions(inputs, year), np.log(1 + 0.4 ** 2)
    carbon = mean[:, :1] * torch.exp(log_variance ** 0.5 * z[:, :1] - log_variance / 2)
    return _fields(year, torch.cat([inputs, carbon, (mean + emission_std(inputs) * z)[:, 1:]], 1))


GAS_TURBINE = DataSet(
    name="gas_turbine", title="UCI gas turbine", licence="CC BY 4.0",
    forms={"zip": (File(
        "gas+turbine+co+and+nox+emission+data+set.zip", 1_100_000,
        "sha256:55fdb1acc25f05bd9c77aac285c424e9154ffb0dbf1bbadb56b69a1142231295",
        ("https://archive.ics.uci.edu/static/public/551/gas+turbine+co+and+nox+emission+data+set.zip",)),)},
    read=_read, stand_in=simulated_turbine)


def load_gas_turbine() -> Turbine:
    """36,733 hours of a gas turbine (Kaya 2019), or simulated ones (see `source`). Raises DataError if damaged."""
    return Turbine(**load(GAS_TURBINE))
