"""The ELPV set: read from the wheel without trusting it; its simulator has the documented properties."""

import dataclasses
import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data import CATALOG, DataError, load_elpv, solar
from helpers.data.catalog import File
from tests.fault_server import empty_folder

NAME = CATALOG["elpv"].forms["wheel"][0].name
LIST = [("images/cell0001.png", "1.0", "mono"), ("images/cell0002.png", "0.3333333333333333", "poly"),
        ("images/cell0003.png", "0.0", "poly"), ("images/cell0004.png", "0.6666666666666666", "mono")]


def grey(seed: int, size: int = 300, mode: str = "L") -> bytes:
    """A PNG of noise."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder, four cells in the catalog; the network is off."""
    folder = empty_folder(tmp_path, monkeypatch)
    folder.mkdir()
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    small = dataclasses.replace(CATALOG["elpv"], counts=(4, 0), forms={"wheel": (File(NAME, 1000, None),)})
    monkeypatch.setitem(CATALOG, "elpv", small)
    return folder


def write_wheel(folder, listed=LIST, pictures=None):
    pictures = {row[0]: grey(number) for number, row in enumerate(LIST)} | (pictures or {})
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        archive.writestr("elpv_dataset/data/labels.csv",
                         "".join(f"{name}  {probability:18} {kind}\n" for name, probability, kind in listed))
        for name, raw in pictures.items():
            archive.writestr(f"elpv_dataset/data/{name}", raw)


def test_cells_come_as_listed(folder):
    write_wheel(folder)
    cells = load_elpv()
    assert cells.images.shape == (4, 1, 300, 300) and cells.images.dtype == torch.uint8
    assert torch.allclose(cells.defect_probability, torch.tensor([1, 1 / 3, 0, 2 / 3]))
    assert cells.is_mono.tolist() == [True, False, False, True]
    for number in range(4):
        wanted = np.asarray(Image.open(io.BytesIO(grey(number))))
        assert np.array_equal(cells.images[number, 0].numpy(), wanted)
    assert not cells.is_stand_in and NAME in cells.source and "ELPV" in cells.source
    assert "4 solar cells, 2 of them monocrystalline, 2 rather defective" in repr(cells)
    again = load_elpv()
    assert torch.equal(again.images, cells.images) and (folder / "elpv.pt").exists()


@pytest.mark.parametrize("listed, pictures, reason", [
    (LIST[:3], None, "3 cells instead of 4"),
    ([*LIST[:3], ("../../secret.png", "0.0", "mono")], None, "not an image of a cell"),
    ([*LIST[:3], ("images/cell/../../../secret.png", "0.0", "mono")], None, "not an image of a cell"),
    ([*LIST[:3], ("images/cell0004.png", "0.5", "mono")], None, "probability that is not"),
    ([*LIST[:3], ("images/cell0004.png", "0.0", "thin")], None, "unknown type"),
    (LIST, {"images/cell0002.png": grey(1, size=299)}, "cell0002.png has"),
    (LIST, {"images/cell0002.png": grey(1, mode="RGB")}, "cell0002.png has"),
    (LIST, {"images/cell0003.png": b"<html>not found</html>"}, "cannot identify"),
])
def test_a_wheel_that_is_not_as_published_is_named(listed, pictures, reason, folder):
    write_wheel(folder, listed, pictures)
    with pytest.raises(DataError, match=rf"{NAME}.*cannot be used: .*{reason}.* What to do: "):
        load_elpv()
    assert not (folder / "elpv.pt").exists()


def test_simulated_cells_have_their_documented_properties():
    cells = solar.simulated_cells(300, seed=3)
    images, level, mono = cells["images"].float(), cells["defect_probability"], cells["is_mono"]
    assert images.shape == (300, 1, 300, 300) and cells["images"].dtype == torch.uint8
    assert 0.47 < (level == 0).float().mean() < 0.67 and 0.18 < (level == 1).float().mean() < 0.36
    assert 0.3 < mono.float().mean() < 0.52
    corner, middle = images[..., :12, :12].mean((1, 2, 3)), images[..., 130:170, 130:170].mean((1, 2, 3))
    sound = level == 0
    assert (corner[mono] < 0.35 * middle[mono])[sound[mono]].all() and corner[~mono].median() > 60
    dark = (images < 0.35 * images.flatten(1).median(1).values[:, None, None, None]).float().mean((1, 2, 3))
    assert dark[mono & (level == 1)].mean() > dark[mono & sound].mean() + 0.02
    again = solar.simulated_cells(5, seed=3)["images"]
    assert not torch.equal(again, solar.simulated_cells(5, seed=4)["images"])
    assert torch.equal(again, solar.simulated_cells(5, seed=3)["images"])
    with pytest.raises(ValueError, match="count must be 1 or more"):
        solar.simulated_cells(0, seed=1)
