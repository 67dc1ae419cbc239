"""CIFAR-10, MNIST and ELPV are read rightly from every form; damaged and unsafe files are refused; stand-ins."""

import gzip
import hashlib
import io
import os
import pickle
import re
import struct
import tarfile

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from helpers.data import (
    DataError,
    cifar,
    cifar_n,
    elpv,
    load_cifar10,
    load_cifar10n,
    load_elpv,
    load_magnetic_tiles,
    load_mnist,
    magnetic_tiles,
    mnist,
)
from tests.fault_server import offline_folder, write_zip

BATCHES, FOLDERS, PICKLE = "cifar-10-python.tar.gz", "cifar10.tgz", "mnist.pkl.gz"
IDX = [file.name for file in mnist.MNIST.forms["idx files"]]
WHEEL = elpv.ELPV.forms["wheel"][0].name
ARCHIVE = magnetic_tiles.MAGNETIC_TILES.forms["archive"][0].name
FIELDS = ("train_images", "train_labels", "test_images", "test_labels")
CELLS = [("images/cell0001.png", "1.0", "mono"), ("images/cell0002.png", "0.3333333333333333", "poly"),
         ("images/cell0003.png", "0.0", "poly"), ("images/cell0004.png", "0.6666666666666666", "mono")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder, small sets, no network."""
    for module, name, value in ((cifar, "COUNTS", {"train": 50, "test": 20}), (elpv, "COUNT", 4),
                                (mnist, "COUNTS", {"train": 50, "test": 20}), (cifar_n, "COUNT", 100),
                                (magnetic_tiles, "COUNTS", {"Free": 5, "Crack": 1})):
        monkeypatch.setattr(module, name, value)
    return offline_folder(tmp_path, monkeypatch)


# ---- Small sets in the layouts of the real ones ----------------------------------------------------------------------
def python2_pickle(value):
    """A pickle with its text as Python 2 wrote it, and so the official files."""
    def save_text(pickler, text):
        raw = text if isinstance(text, bytes) else text.encode("latin1")
        pickler.write(b"T" + struct.pack("<i", len(raw)) + raw)
        pickler.memoize(text)

    pickler = pickle._Pickler(stream := io.BytesIO(), protocol=2)
    pickler.dispatch = pickler.dispatch | {bytes: save_text, str: save_text}
    pickler.dump(value)
    return stream.getvalue()


def sample(*shape):
    """Random images and labels from 0 to 9 in turn, for training and test."""
    images = np.random.default_rng(1).integers(0, 256, (70, *shape), np.uint8)
    return images[:50], np.arange(50) % 10, images[50:], np.arange(20) % 10


def tar(path, members, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w:gz") as archive:
        for name, raw in members:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(raw), kind
            archive.addfile(info, io.BytesIO(raw))


def batches():
    """Members of the official archive, out of order."""
    train, labels, test, test_labels = sample(3072)
    yield "cifar-10-batches-py/batches.meta", python2_pickle({"label_names": list(cifar.CLASS_NAMES)})
    yield "cifar-10-batches-py/test_batch", python2_pickle({"data": test, "labels": test_labels.tolist()})
    for number in (5, 4, 3, 2, 1):
        rows = slice(10 * number - 10, 10 * number)
        batch = {"data": train[rows], "labels": labels[rows].tolist(), "batch_label": "x"}
        yield f"cifar-10-batches-py/data_batch_{number}", python2_pickle(batch)


def pictures(kind="PNG", end="png"):
    """Members of the copy in folders, out of order."""
    train, train_labels, test, test_labels = sample(3, 32, 32)
    for part, images, labels in (("train", train, train_labels), ("test", test, test_labels)):
        for row in reversed(range(len(images))):
            stream, name = io.BytesIO(), cifar.CLASS_NAMES[labels[row]]
            Image.fromarray(images[row].transpose(1, 2, 0)).save(stream, kind)
            yield f"cifar10/{part}/{name}/{row}_{name}.{end}", stream.getvalue()


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(folder, changes=()):
    for place, (name, array) in enumerate(zip(IDX, sample(28, 28), strict=True)):
        (folder / name).write_bytes(gzip.compress(idx(dict(changes).get(place, array))))


def write_pickle(folder):
    """As in the wheel: float32 in steps of 1/256; 30 + 20 training and 20 test images."""
    x, y, test, test_labels = sample(784)
    pairs = (x[:30], y[:30]), (x[30:], y[30:]), (test, test_labels)
    (folder / PICKLE).write_bytes(gzip.compress(python2_pickle(tuple((x / np.float32(256), y) for x, y in pairs))))


def write_cells(folder, listed=CELLS, pictures=()):
    """The wheel of ELPV; a cell is an image of its number, unless `pictures` says otherwise."""
    members = {"elpv_dataset/data/labels.csv": "".join("{}  {:18} {}\n".format(*row) for row in listed)}
    for number, (name, *_) in enumerate(CELLS):
        (size, mode), stream = dict(pictures).get(number, (300, "L")), io.BytesIO()
        Image.linear_gradient("L").resize((size, size)).rotate(90 * number).convert(mode).save(stream, "PNG")
        members[f"elpv_dataset/data/{name}"] = stream.getvalue()
    write_zip(folder / WHEEL, members)


SETS = {BATCHES: (load_cifar10, lambda folder: tar(folder / BATCHES, batches())), IDX[0]: (load_mnist, write_idx),
        FOLDERS: (load_cifar10, lambda folder: tar(folder / FOLDERS, pictures())), PICKLE: (load_mnist, write_pickle),
        WHEEL: (load_elpv, write_cells)}


# ---- Reading ---------------------------------------------------------------------------------------------------------
def test_torchvision_knows_the_same_official_files():
    theirs, files = torchvision.datasets.MNIST, mnist.MNIST.forms["idx files"]
    assert [(file.name, file.hash) for file in files] == [(name, f"md5:{md5}") for name, md5 in theirs.resources]
    assert all(file.urls == tuple(host + file.name for host in theirs.mirrors) for file in files)
    theirs, file = torchvision.datasets.CIFAR10, cifar.CIFAR10.forms["python batches"][0]
    assert (file.name, file.hash, file.urls[0]) == (theirs.filename, f"md5:{theirs.tgz_md5}", theirs.url)


@pytest.mark.parametrize("file", list(SETS)[:4])
def test_every_form_gives_the_same_tensors_under_its_right_name(file, folder):
    load, write = SETS[file]
    write(folder)
    data, shape = load(), (3, 32, 32) if load is load_cifar10 else (1, 28, 28)
    for field, wanted in zip(FIELDS, sample(*shape), strict=True):
        assert np.array_equal(getattr(data, field), wanted)
    assert [getattr(data, field).dtype for field in FIELDS] == [torch.uint8, torch.int64] * 2 and not data.is_stand_in
    assert data.class_names == (cifar.CLASS_NAMES if load is load_cifar10 else tuple("0123456789"))
    label = "CIFAR-10, not the official file" if load is load_cifar10 else "MNIST, not the official pixels"
    assert data.source.startswith(f"copy of {label} ({file}") and data.source.endswith("), found in the data folder")
    assert repr(data).startswith(data.source) and f"train_images: uint8 {(50, *shape)}" in repr(data)


@pytest.mark.parametrize("end", ["jpg", "png"])
def test_jpeg_copy_is_named_whatever_its_files_are_called(end, folder):
    tar(folder / FOLDERS, pictures("JPEG", end))
    assert load_cifar10().source == "JPEG copy of CIFAR-10 (cifar10.tgz), found in the data folder"


@pytest.mark.parametrize("write", [write_idx, write_pickle])
def test_official_pixels_are_recognised_in_both_forms(write, folder, monkeypatch):
    monkeypatch.setattr(mnist, "UNPACKED_MD5", tuple(hashlib.md5(idx(array)).hexdigest() for array in sample(28, 28)))
    write(folder)
    assert load_mnist().source.startswith("MNIST, official pixels (")


def test_cells_come_as_listed(folder):
    write_cells(folder)
    cells = load_elpv()
    assert cells.images.shape == (4, 1, 300, 300) and cells.images.dtype == torch.uint8
    corners = cells.images[:, 0, ::299, ::299].flatten(1) > 127  # the gradient, turned by a quarter for each cell
    assert corners.int().tolist() == [[0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0]]
    assert torch.allclose(cells.defect_probability, torch.tensor([1, 1 / 3, 0, 2 / 3]))
    assert cells.is_mono.tolist() == [True, False, False, True] and not cells.is_stand_in
    assert cells.source == f"copy of ELPV solar cells, not the official bytes ({WHEEL}), found in the data folder"


TILES = [("Free", 1, 10, (100, 50)), ("Free", 1, 25, (60, 90)), ("Crack", 2, 30, (130, 52)), ("Free", 3, 40, (99, 48)),
         ("Free", 1, 50, (100, 50)), ("Free", 2, 1060, (60, 90))]  # kind, exposure, number, size


def write_tiles(folder, listed=TILES):
    """The archive of the tiles, out of order; the left half of a cracked one is marked."""
    members = {"tiles-master/README.md": b""}
    for kind, light, number, size in reversed(listed):
        half = Image.new("L", size)
        half.paste(255, (0, 0, size[0] // 2, size[1]))
        mask = half if kind == "Crack" else Image.new("L", size)
        for picture, format, end in ((Image.new("L", size, 10 * light), "JPEG", "jpg"), (mask, "PNG", "png")):
            picture.save(stream := io.BytesIO(), format)
            members[f"tiles-master/MT_{kind}/Imgs/exp{light}_num_{number}.{end}"] = stream.getvalue()
    write_zip(folder / ARCHIVE, members)


def test_tiles_come_in_order_and_one_tile_has_one_number(folder):
    write_tiles(folder)
    tiles = load_magnetic_tiles()
    assert tiles.images[:, 0, 0, 0].tolist() == [10, 10, 20, 30, 10, 20] and tiles.kind.tolist() == [0, 0, 1, 0, 0, 0]
    assert tiles.tile.tolist() == [0, 1, 0, 0, 2, 3]  # 2: this exposure was there; 3: the number is too far
    assert tiles.sides[1].tolist() == [60, 90] and tiles.masks.sum((1, 2)).tolist() == [0, 0, 224 * 112, 0, 0, 0]
    write_tiles(folder, TILES[:-1])
    with pytest.raises(DataError, match=r"it holds \[4, 1\] pictures"):
        load_magnetic_tiles()


@pytest.mark.parametrize("load", [load_cifar10, load_mnist, load_elpv])
def test_stand_in_is_the_same_each_time_and_leaves_chance_alone(load, folder):
    before = torch.get_rng_state()
    data, again = load(), load()
    assert torch.equal(before, torch.get_rng_state()) and data.is_stand_in and repr(data) == repr(again)
    assert all(torch.equal(value, vars(again)[name]) for name, value in vars(data).items() if torch.is_tensor(value))
    assert re.search(r"images: uint8 \((50, 3, 32, 32|50, 1, 28, 28|4, 1, 300, 300)\)", repr(data))


# ---- Faults ----------------------------------------------------------------------------------------------------------
EVIL = pickle.dumps(type("Evil", (), {"__reduce__": lambda self: (os.system, ("echo done > evil.txt",))})())


@pytest.mark.parametrize("file, write, reason", [
    (FOLDERS, lambda path: tar(path, list(pictures())[:-1]), r"its test part holds \[1, .*\] images a class"),
    (FOLDERS, lambda path: tar(path, [("cifar10/../../evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("/tmp/evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("C:\\evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("cifar10/train", b"")], tarfile.SYMTYPE), "is a link or a device"),
    (BATCHES, lambda path: tar(path, list(batches())[:-1]), r"its train part holds \[4, .*\] images a class"),
    (BATCHES, lambda path: tar(path, [("cifar-10-batches-py/test_batch", EVIL)]), r"for \w+\.system"),
    (PICKLE, lambda path: path.write_bytes(gzip.compress(EVIL)), r"for \w+\.system"),
    (IDX[0], lambda path: write_idx(path.parent, {0: np.zeros((49, 28, 28))}), "does not hold 50 \\+ 20 images"),
    (IDX[0], lambda path: write_idx(path.parent, {1: np.full(50, 10)}), "a label is 10 somewhere"),
    (WHEEL, lambda path: write_cells(path.parent, CELLS[:3]), "list is not of 4"),
    (WHEEL, lambda path: write_cells(path.parent, [*CELLS[:3], ("../secret.png", 0, "mono")]), "not an image of"),
    (WHEEL, lambda path: write_cells(path.parent, [*CELLS[:3], (CELLS[3][0], 0.5, "mono")]), "list is not of 4"),
    (WHEEL, lambda path: write_cells(path.parent, [*CELLS[:3], (CELLS[3][0], 0, "thin")]), "list is not of 4"),
    (WHEEL, lambda path: write_cells(path.parent, pictures={1: (299, "L")}), "cell0002.png has"),
    (WHEEL, lambda path: write_cells(path.parent, pictures={1: (300, "RGB")}), "cell0002.png has")])
def test_other_contents_than_published_are_named_and_refused(file, write, reason, folder, monkeypatch):
    monkeypatch.chdir(folder)
    write(folder / file)
    with pytest.raises(DataError, match=rf"{re.escape(file)}.* cannot be used: .*{reason}.* What to do: "):
        SETS[file][0]()
    assert not list(folder.glob("*.pt")) and not list(folder.rglob("evil.txt"))


@pytest.mark.parametrize("damage", [lambda raw: raw[:-9], lambda raw: b"<html>" * 99,
                                    lambda raw: raw[:-2000] + bytes(9) + raw[-1991:]], ids=["cut", "page", "changed"])
@pytest.mark.parametrize("file", SETS)
def test_damaged_file_is_one_clear_error(file, damage, folder):
    load, write = SETS[file]
    write(folder)
    (folder / file).write_bytes(damage((folder / file).read_bytes()))
    with pytest.raises(DataError, match=rf"{re.escape(file)}.* cannot be used: .+ What to do: "):
        load()


# ---- Labels by people ------------------------------------------------------------------------------------------------
def write_human(folder, wrong=(9, 40, 17, 18, 18), more=None):
    """Labels of 100 pictures as in the package; so many of each column are wrong."""
    clean, stream = np.arange(100) % 10, io.BytesIO()
    names = "aggre_label", "worse_label", "random_label1", "random_label2", "random_label3"
    columns = {name: np.where(np.arange(100) < count, (clean + 1) % 10, clean)
               for name, count in zip(names, wrong, strict=True)}
    torch.save({"clean_label": clean, "more": more} | columns, stream)
    write_zip(folder / "CIFAR-N.zip", {"CIFAR-N/CIFAR-10_human.pt": stream.getvalue()})


def test_labels_by_people_belong_to_their_pictures(folder):
    write_human(folder)
    assert load_cifar10n().is_stand_in  # their pictures are not to be had
    tar(folder / FOLDERS, pictures())
    labels = load_cifar10n()
    assert not labels.is_stand_in and labels.annotators.shape == (100, 3) and labels.worst.dtype == torch.int64
    assert [(column != labels.clean).sum() for column in (labels.aggregate, labels.worst, labels.annotators.T[0])] == [
        9, 40, 17]


@pytest.mark.parametrize("change, reason", [({"wrong": (0, 40, 17, 18, 18)}, "are wrong"), (
    {"more": type("Evil", (), {"__reduce__": lambda self: (os.system, ("echo done > evil.txt",))})()}, "system")])
def test_other_labels_than_published_are_refused(change, reason, folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_human(folder, **change)
    with pytest.raises(DataError, match=rf"CIFAR-N.zip.* cannot be used: (.|\n)*{reason}"):
        load_cifar10n()
    assert not list(folder.rglob("evil.txt"))


def test_planted_errors_are_as_many_as_stated():
    fields = cifar_n.planted_errors(torch.arange(20_000) % 10)
    wrong = (fields["annotators"] != fields["clean"][:, None]).double().mean(0)
    assert ((wrong - 0.18).abs() < 0.01).all() and 0.35 < (fields["worst"] != fields["clean"]).double().mean() < 0.42
