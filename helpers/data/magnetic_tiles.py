"""Magnetic tiles: photographs of six kinds of surface with masks of the defects; drawn metal stands in."""

import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded
from helpers.data.surfaces import scratched_surface

COUNTS = {"Free": 952, "Blowhole": 115, "Break": 85, "Crack": 57, "Fray": 32, "Uneven": 103}  # pictures of each kind
SIZE = 224  # pixels of a side, to which the cut-outs are stretched


@dataclass(frozen=True, eq=False, repr=False)
class MagneticTiles(Loaded):
    """Cut-outs of photographs, in the order in which they were taken."""

    images: Tensor  # uint8 (N, 1, 224, 224)
    masks: Tensor  # bool (N, 224, 224): marked as defective by a person
    kind: Tensor  # int64 (N,): a place in COUNTS; 0 is free of defects
    tile: Tensor  # int64 (N,): pictures of one tile, under more and more light, share a number
    sides: Tensor  # int64 (N, 2): width and height of the cut-out, pixels


def same_tile(number: int, light: int, sides: tuple[int, int], tiles: list[tuple]) -> int:
    """The tile of the next picture, from 0, which no file names; tiles: number, exposures and sides of those so far.

    It was taken once at each exposure, numbers at most 1,000 apart, one side alike within 10 %, the other within 35 %.
    """
    for k, (last, lights, before) in reversed([*enumerate(tiles)]):
        near, far = sorted(abs(a - b) / max(a, b) for a, b in zip(sides, before, strict=True))
        if number - last <= 1000 and light not in lights and near <= 0.1 and far <= 0.35:
            tiles[k] = number, lights | {light}, sides
            return k
    tiles.append((number, {light}, sides))
    return len(tiles) - 1


def _read(files: Files) -> dict[str, Any]:
    from PIL import Image

    tiles, found = [], []
    with zipfile.ZipFile(files.paths[0]) as archive:
        names = (re.fullmatch(r"(.*/MT_(\w+)/Imgs/exp(\d)_num_(\d+)\.)jpg", name) for name in archive.namelist())
        for number, light, kind, name in sorted((int(n[4]), int(n[3]), n[2], n[1]) for n in names if n):
            pair = [Image.open(io.BytesIO(archive.read(name + end))) for end in ("jpg", "png")]
            grey = [np.array(p.convert("L").resize((SIZE, SIZE), Image.Resampling.BOX)) for p in pair]
            found.append((*map(torch.tensor, grey), [*COUNTS].index(kind), pair[0].size,
                          same_tile(number, light, pair[0].size, tiles)))
    images, masks, kind, sides, tile = zip(*found, strict=True)
    if (counts := [kind.count(k) for k in range(len(COUNTS))]) != [*COUNTS.values()]:
        raise ValueError(f"it holds {counts} pictures of the kinds {COUNTS}")
    numbers = {"kind": torch.tensor(kind), "tile": torch.tensor(tile), "sides": torch.tensor(sides)}
    return {"images": torch.stack(images)[:, None], "masks": torch.stack(masks) > 127, **numbers}


def _stand_in() -> dict[str, Any]:
    """Four pictures, brighter and brighter, of each of 60 tiles of brushed metal; every third tile is scratched."""
    row = torch.arange(240)
    drawn = zip(*(scratched_surface(56, k % 12 > 7, seed=k) for k in range(240)), strict=True)
    images, masks = (torch.stack(x).repeat_interleave(4, 1).repeat_interleave(4, 2) for x in drawn)
    light = 180 + 20 * (row % 4)[:, None, None]
    return {"images": (light * images).byte()[:, None], "masks": masks, "kind": 3 * (row % 12 > 7).long(),
            "tile": row // 4, "sides": torch.full((240, 2), SIZE)}


MAGNETIC_TILES = DataSet(
    name="magnetic_tiles", title="magnetic tiles", licence="none stated: welcome to use, to be cited",
    forms={"archive": (File("Magnetic-tile-defect-datasets.-master.zip", 51_905_285, urls=(
        "https://github.com/abin24/Magnetic-tile-defect-datasets./archive/refs/heads/master.zip",)),)},
    read=_read, stand_in=_stand_in)


def load_magnetic_tiles() -> MagneticTiles:
    """1,344 pictures of tiles (Huang and others 2020), or drawn metal (see `source`). Raises DataError if damaged."""
    return MagneticTiles(**load(MAGNETIC_TILES))
