"""Data sets for the notebooks, one `load_*` and one file each, and simulators; `python -m helpers.data` lists them."""

from helpers.data.cifar import CIFAR10, load_cifar10
from helpers.data.cifar_n import CIFAR_N, load_cifar10n
from helpers.data.cmapss import CMAPSS, load_cmapss
from helpers.data.cwru import CWRU, load_cwru
from helpers.data.demand import CAR_PARTS, M3, load_car_parts, load_m3
from helpers.data.efficientnet import EFFICIENTNET_LITE0, load_efficientnet_lite0
from helpers.data.elpv import ELPV, load_elpv
from helpers.data.fetch import DataError, FetchError
from helpers.data.gas_turbine import GAS_TURBINE, load_gas_turbine
from helpers.data.magnetic_tiles import MAGNETIC_TILES, load_magnetic_tiles
from helpers.data.mnist import MNIST, load_mnist
from helpers.data.romeo_and_juliet import ROMEO_AND_JULIET, load_romeo_and_juliet

CATALOG = {d.name: d for d in (CIFAR10, MNIST, ROMEO_AND_JULIET, ELPV, CWRU, CMAPSS, GAS_TURBINE, M3, CAR_PARTS,
                               EFFICIENTNET_LITE0, MAGNETIC_TILES, CIFAR_N)}

__all__ = ["CATALOG", "DataError", "FetchError", "load_car_parts", "load_cifar10", "load_cifar10n", "load_cmapss",
           "load_cwru", "load_efficientnet_lite0", "load_elpv", "load_gas_turbine", "load_m3", "load_magnetic_tiles",
           "load_mnist", "load_romeo_and_juliet"]
