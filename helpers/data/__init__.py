"""Data sets for the notebooks: `load_cifar10`, `load_mnist`, `load_play`, and the simulators in `simulate`.

`python -m helpers.data` lists them, `python -m helpers.data fetch all` fills the data folder before class.
"""

from helpers.data.catalog import CATALOG
from helpers.data.folders import DataError, FetchError
from helpers.data.load import ImageData, Play, load_cifar10, load_mnist, load_play

__all__ = ["CATALOG", "DataError", "FetchError", "ImageData", "Play", "load_cifar10", "load_mnist", "load_play"]
