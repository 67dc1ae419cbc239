"""Data sets for the notebooks, one `load_*` each; simulators of factory data beside the readers and in `simulate`.

`python -m helpers.data` lists them, `python -m helpers.data fetch all` fills the data folder before class.
"""

from helpers.data.bearings import Bearings
from helpers.data.catalog import CATALOG
from helpers.data.demand import MonthlySeries, PartsDemand
from helpers.data.engines import Engines
from helpers.data.folders import DataError, FetchError
from helpers.data.images import ImageData
from helpers.data.load import (
    load_bearings,
    load_car_parts,
    load_cifar10,
    load_elpv,
    load_engines,
    load_m3,
    load_mnist,
    load_play,
    load_turbine,
)
from helpers.data.play import Play
from helpers.data.solar import SolarCells
from helpers.data.turbine import Turbine

__all__ = ["CATALOG", "Bearings", "DataError", "Engines", "FetchError", "ImageData", "MonthlySeries", "PartsDemand",
           "Play", "SolarCells", "Turbine", "load_bearings", "load_car_parts", "load_cifar10", "load_elpv",
           "load_engines", "load_m3", "load_mnist", "load_play", "load_turbine"]
