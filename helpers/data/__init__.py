"""Data sets for the notebooks: `load_cifar10`, `load_mnist`, `load_play`, `load_elpv`; simulators in `simulate`.

`python -m helpers.data` lists them, `python -m helpers.data fetch all` fills the data folder before class.
"""

from helpers.data.catalog import CATALOG
from helpers.data.folders import DataError, FetchError
from helpers.data.load import ImageData, Play, load_cifar10, load_elpv, load_mnist, load_play
from helpers.data.solar import SolarCells

__all__ = ["CATALOG", "DataError", "FetchError", "ImageData", "Play", "SolarCells", "load_cifar10", "load_elpv",
           "load_mnist", "load_play"]
