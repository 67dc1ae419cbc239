"""CIFAR-10, MNIST and ELPV are read rightly from every form; damaged and unsafe files are refused; simulators."""

import gzip
import hashlib
import io
import os
import pickle
import re
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch.nn import functional as F

from helpers.data import DataError, cifar, elpv, load_cifar10, load_elpv, load_mnist, mnist
from helpers.data.surfaces import ideal_roughness, scratched_surface, surface_roughness
from tests.fault_server import empty_folder

BATCHES, FOLDERS, PICKLE = "cifar-10-python.tar.gz", "cifar10.tgz", "mnist.pkl.gz"
IDX = [file.name for file in mnist.MNIST.forms["idx files"]]
WHEEL = elpv.ELPV.forms["wheel"][0].name
FIELDS = ("train_images", "train_labels", "test_images", "test_labels")
CELLS = [("images/cell0001.png", "1.0", "mono"), ("images/cell0002.png", "0.3333333333333333", "poly"),
         ("images/cell0003.png", "0.0", "poly"), ("images/cell0004.png", "0.6666666666666666", "mono")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder, small sets, no network."""
    folder = empty_folder(tmp_path, monkeypatch)
    folder.mkdir()
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    for module, name, value in ((cifar, "COUNTS", {"train": 50, "test": 20}), (elpv, "COUNT", 4),
                                (mnist, "COUNTS", {"train": 50, "test": 20})):
        monkeypatch.setattr(module, name, value)
    return folder


# ---- Small sets in the layouts of the real ones ----------------------------------------------------------------------
class Python2Pickler(pickle._Pickler):
    """Writes text as Python 2 did, which is how the official files were written."""

    def save_text(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    dispatch = pickle._Pickler.dispatch | {bytes: save_text, str: save_text}


def python2_pickle(value):
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
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
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        archive.writestr("elpv_dataset/data/labels.csv", "".join("{}  {:18} {}\n".format(*row) for row in listed))
        for number, (name, *_) in enumerate(CELLS):
            (size, mode), stream = dict(pictures).get(number, (300, "L")), io.BytesIO()
            Image.linear_gradient("L").resize((size, size)).rotate(90 * number).convert(mode).save(stream, "PNG")
            archive.writestr(f"elpv_dataset/data/{name}", stream.getvalue())


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


def test_torchvision_reads_the_same(folder, tmp_path, monkeypatch):
    tar(folder / BATCHES, batches())
    with tarfile.open(folder / BATCHES) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setattr(torchvision.datasets.cifar, "check_integrity", lambda path, md5=None: True)
    data = load_cifar10()
    for part in ("train", "test"):
        theirs = torchvision.datasets.CIFAR10(tmp_path, train=part == "train")
        assert np.array_equal(theirs.data.transpose(0, 3, 1, 2), getattr(data, f"{part}_images"))
        assert theirs.targets == getattr(data, f"{part}_labels").tolist() and theirs.classes == list(data.class_names)
    write_idx(folder)
    data = load_mnist()
    for name, field in zip(IDX, FIELDS, strict=True):
        (tmp_path / name).write_bytes(gzip.decompress((folder / name).read_bytes()))
        theirs = torchvision.datasets.mnist.read_sn3_pascalvincent_tensor(tmp_path / name)
        assert torch.equal(theirs, getattr(data, field).squeeze())


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


@pytest.mark.parametrize("end", ["jpg", "jpeg", "png"])
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


# ---- Faults ----------------------------------------------------------------------------------------------------------
class Evil:
    def __reduce__(self):
        return os.system, ("echo done > evil.txt",)


def moved(members):
    return [(name.replace("horse/7_horse", "frog/7_frog"), raw) for name, raw in members]


@pytest.mark.parametrize("file, write, reason", [
    (FOLDERS, lambda path: tar(path, list(pictures())[1:]), r"its train part holds \[.*4\] images a class"),
    (FOLDERS, lambda path: tar(path, list(pictures())[:-1]), r"its test part holds \[1, .*\] images a class"),
    (FOLDERS, lambda path: tar(path, moved(pictures())), r"its train part holds \[5, 5, 5, 5, 5, 5, 6, 4, 5, 5\]"),
    (FOLDERS, lambda path: tar(path, [("../evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("cifar10/../../evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("/tmp/evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("C:\\evil.txt", b"")]), "points out of the archive"),
    (FOLDERS, lambda path: tar(path, [("cifar10/train", b"")], tarfile.SYMTYPE), "is a link or a device"),
    (BATCHES, lambda path: tar(path, list(batches())[:-1]), r"its train part holds \[4, .*\] images a class"),
    (BATCHES, lambda path: tar(path, [("cifar-10-batches-py/test_batch", pickle.dumps(Evil()))]), r"for \w+\.system"),
    (PICKLE, lambda path: path.write_bytes(gzip.compress(pickle.dumps(Evil()))), r"for \w+\.system"),
    (IDX[0], lambda path: write_idx(path.parent, {0: np.zeros((49, 28, 28))}), "does not hold 50 \\+ 20 images"),
    (IDX[0], lambda path: write_idx(path.parent, {1: np.full(50, 10)}), "a label is 10 somewhere"),
    (IDX[0], lambda path: write_idx(path.parent, {2: np.zeros((20, 28, 27))}), "does not hold 50 \\+ 20 images"),
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


DAMAGES = {"half": lambda raw: raw[:len(raw) // 2], "end missing": lambda raw: raw[:-9], "empty": lambda raw: b"",
           "web page": lambda raw: b"<html>" * 99, "flipped": lambda raw: raw[:-2000] + bytes(9) + raw[-1991:]}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", SETS)
def test_damaged_file_is_one_clear_error(file, damage, folder):
    load, write = SETS[file]
    write(folder)
    raw = (folder / file).read_bytes()
    (folder / file).write_bytes(DAMAGES[damage](raw))
    with pytest.raises(DataError, match=rf"{re.escape(file)}.* cannot be used: .+ What to do: "):
        load()
    assert not list(folder.glob("*.pt")) and (folder / file).exists()  # put there by hand: left alone
    (folder / file).write_bytes(raw)
    assert not load().is_stand_in


@pytest.mark.skipif(not os.environ.get("COURSE_MIRROR"), reason="COURSE_MIRROR is not set")
@pytest.mark.parametrize("load, label, shape, counts", [
    (load_cifar10, "CIFAR-10 (", (3, 32, 32), [[5000] * 10, [1000] * 10]),
    (load_mnist, "MNIST, official pixels (", (1, 28, 28), [
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]])])
def test_mirror_holds_the_whole_sets(load, label, shape, counts, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.delenv("COURSE_STANDIN", raising=False)
    first, again = load(), load()
    for data in (first, again):
        assert [labels.bincount().tolist() for labels in (data.train_labels, data.test_labels)] == counts
        assert data.train_images.shape == (sum(counts[0]), *shape) and data.test_images.shape == (10_000, *shape)
        assert label in data.source and data.source.endswith(", from a mirror (COURSE_MIRROR)")
    assert first.source == again.source and torch.equal(first.train_images, again.train_images)


# ---- Simulators ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("load, module, shape, low, high", [
    (load_cifar10, cifar, (3, 32, 32), 0.25, 0.55), (load_mnist, mnist, (1, 28, 28), 0.7, 0.95)])
def test_simulated_images_stand_in(load, module, shape, low, high, folder, monkeypatch):
    monkeypatch.setattr(module, "COUNTS", {"train": 3000, "test": 2000})
    before = torch.get_rng_state()
    data, again = load(), module._stand_in()
    assert torch.equal(before, torch.get_rng_state())  # the global random state is left alone
    assert all(torch.equal(getattr(data, field), again[field]) for field in FIELDS)
    assert data.is_stand_in and data.source.startswith("STAND-IN") and len(set(data.class_names)) == 10
    for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels)):
        assert images.shape == (len(labels), *shape) and images.dtype == torch.uint8 and labels.dtype == torch.int64
        assert labels.bincount().tolist() == [len(labels) // 10] * 10 or load is load_mnist
        assert (images.flatten(1).float().std(1) > 3).all()  # no image is blank
    assert not (data.train_images[:2000] == data.test_images).flatten(1).all(1).any()
    # Ridge regression on pixels finds the classes, and they are too much for it.
    A, B = (F.avg_pool2d(images / 255 - 0.5, 2).flatten(1) for images in (data.train_images, data.test_images))
    W = torch.linalg.solve(A.T @ A + 100 * torch.eye(A.shape[1]), A.T @ F.one_hot(data.train_labels).float())
    assert low < ((B @ W).argmax(1) == data.test_labels).float().mean() < high


def test_simulated_cells_have_their_documented_properties():
    cells = elpv.simulated_cells(200, seed=3)
    images, level, mono = cells["images"].float(), cells["defect_probability"], cells["is_mono"]
    assert images.shape == (200, 1, 300, 300) and cells["images"].dtype == torch.uint8
    assert 0.47 < (level == 0).float().mean() < 0.67 and 0.18 < (level == 1).float().mean() < 0.36
    assert 0.3 < mono.float().mean() < 0.52 and set(level.tolist()) <= set(elpv.LEVELS.tolist())
    corner, middle = images[..., :12, :12].mean((1, 2, 3)), images[..., 130:170, 130:170].mean((1, 2, 3))
    sound = level == 0
    assert (corner < 0.35 * middle)[sound & mono].all() and corner[~mono].median() > 60
    dark = (images < 0.35 * images.flatten(1).median(1).values[:, None, None, None]).float().mean((1, 2, 3))
    assert dark[mono & (level == 1)].mean() > dark[mono & sound].mean() + 0.02
    first, again, other = (elpv.simulated_cells(3, seed)["images"] for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("seed", range(20))
def test_scratch_changes_the_mask_and_nothing_else(seed):
    size = (64, 16, 33, 128)[seed % 4]
    clean, no_mask = scratched_surface(size, scratch=False, seed=seed)
    image, mask = scratched_surface(size, seed=seed)
    assert image.shape == mask.shape == (size, size) and image.dtype == torch.float32 and mask.dtype == torch.bool
    assert 0 <= image.min() and image.max() <= 1 and mask.any() and not no_mask.any()
    assert torch.equal(image[~mask], clean[~mask])
    torch.testing.assert_close((image - clean).abs()[mask], torch.full_like(image[mask], 0.25))
    assert torch.equal(image, scratched_surface(size, seed=seed)[0])
    assert not torch.equal(clean, scratched_surface(size, scratch=False, seed=seed + 1)[0])


def test_scratches_are_long_thin_and_turn_every_way_on_brushed_metal():
    angles = []
    for seed in range(120):
        slopes = [slope.flatten() for slope in torch.gradient(scratched_surface(64, scratch=False, seed=seed)[0])]
        along, across = torch.linalg.eigvalsh(torch.cov(torch.stack(slopes)))
        assert across > 1.5 * along  # brush marks; 1.0 for noise without a direction
        variances, axes = torch.linalg.eigh(torch.cov(scratched_surface(64, seed=seed)[1].nonzero().float().T))
        assert variances[1] > 50 * variances[0]
        angles.append(torch.atan2(*axes[:, 1]) % torch.pi)
    # Within four standard deviations of 30 in each quarter of the half-turn.
    assert (torch.histc(torch.stack(angles), 4, 0, torch.pi) - 30).abs().max() < 4 * (120 * 0.25 * 0.75) ** 0.5


def test_roughness_follows_the_formula_and_its_documented_disturbances():
    # f = 0.2 mm/rev, r = 0.8 mm: 0.04 / 25.6 mm = 1.5625 µm
    assert ideal_roughness(torch.tensor(0.2), torch.tensor(0.8)).item() == pytest.approx(1.5625)
    data, exact = surface_roughness(20_000, seed=1, noise=0.1), surface_roughness(20_000, seed=1, noise=0)
    assert torch.equal(exact.roughness, exact.true_roughness) and torch.equal(exact.roughness, data.true_roughness)
    ideal = ideal_roughness(data.feed, data.nose_radius)
    calm, slow = ((condition & (ideal > 2)) for condition in (data.cutting_speed > 200, data.cutting_speed < 60))
    assert calm.sum() > 1000 and slow.sum() > 100
    torch.testing.assert_close(exact.roughness[calm], ideal[calm], rtol=0.01, atol=0)  # nothing disturbs it
    assert 1.9 < (data.true_roughness / ideal)[slow].mean() < 2.2  # built-up edge
    assert (data.true_roughness >= 0.2).all() and data.true_roughness.min() < 0.21  # the machine's floor
    error = (data.roughness / data.true_roughness).log()
    assert error.std().item() == pytest.approx(0.1, rel=0.05) and abs(error.mean()) < 0.005
    for values, low, high in ((data.feed, 0.05, 0.4), (data.nose_radius, 0.4, 1.6), (data.cutting_speed, 50, 300)):
        assert values.shape == (20_000,) and values.dtype == torch.float32
        assert low <= values.min() < low + 0.01 * (high - low) and high - 0.01 * (high - low) < values.max() <= high
    assert not (data.feed == surface_roughness(20_000, seed=2).feed).any()


@pytest.mark.parametrize("call, message", [
    (lambda: scratched_surface(8), "size must be at least 16"), (lambda: scratched_surface(64, seed=-1), "seed=-1"),
    (lambda: surface_roughness(0, 1), "count must be at least 1"), (lambda: surface_roughness(5, -1), "5, -1 and"),
    (lambda: surface_roughness(5, 1, noise=-0.1), "and -0.1")])
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
