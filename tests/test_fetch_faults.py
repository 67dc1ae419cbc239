"""Every fault of a host, a disk or an archive ends in one readable message and leaves no partial file."""

import dataclasses
import errno
import gzip
import hashlib
import io
import os
import pickle
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch

from helpers.data import CATALOG, DataError, FetchError, download, fetch, folders, load_play, prepared
from helpers.data.catalog import File
from helpers.data.load import prepare
from tests.fault_server import FaultServer, cut, empty_folder, redirect, slowly, status, web_page, whole

ACTS = "\n".join(f"ACT {n}\n\nSCENE I. A room.\n\n Enter Romeo.\n\nROMEO.\nLine of act {n}.\n"
                 for n in ("I", "II", "III", "IV", "V"))
PLAY = ("*** START OF X ***\nTHE PROLOGUE.\n\nTHE PROLOGUE\n\nCHORUS.\nTwo households.\n\n"
        f"{ACTS}*** END OF X ***\n{'#' * 300_000}").encode()
PIECE = 6 << 14  # bytes after which a connection breaks in these tests
HASH = f"sha256:{hashlib.sha256(PLAY).hexdigest()}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return empty_folder(tmp_path, monkeypatch)


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def hosts(server, monkeypatch):
    """The play, to be had from two addresses of the local server."""
    urls = (f"{server.address}/official/pg1513.txt", f"{server.address}/second/pg1513.txt")
    record = dataclasses.replace(CATALOG["play"], forms={"Project Gutenberg": (
        File("pg1513.txt", len(PLAY), HASH, urls),)})
    monkeypatch.setitem(CATALOG, "play", record)
    return urls


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if not path.name.startswith(".") and path.is_file())


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "part" in path.name or path.name.startswith(("tmp", ".wheel"))]


FAULTS = {
    "small truncated body": (cut(PLAY, 1000), "broke off"),
    "404": (status(404), "HTTP status 404"),
    "500": (status(500), "HTTP status 500"),
    "web page with status 200": (web_page(), "a web page came instead of the file"),
    "wrong hash": (whole(PLAY[:-1] + b"!"), "another hash"),
    "silence": (cut(PLAY, 0, stall=1.0), "no answer in time"),
    "redirect to nowhere": (redirect("/nowhere"), "HTTP status 404"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told_and_leaves_nothing(fault, folder, server, hosts):
    answer, reason = FAULTS[fault]
    server.plan["/official/pg1513.txt"] = server.plan["/second/pg1513.txt"] = [answer]
    with pytest.raises(FetchError) as error:
        fetch.obtain("play")
    message = str(error.value)
    assert reason in message and "pg1513.txt" in message and hosts[0] in message
    assert "What to do" in message and "COURSE_MIRROR" in message
    assert visible(folder) == [] and parts(folder) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_the_official_host_is_mended_by_the_second(fault, folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [FAULTS[fault][0]]
    server.plan["/second/pg1513.txt"] = [whole(PLAY)]
    if fault == "silence":  # a silent host is not asked for its other files either, so the second needs its own
        with FaultServer() as other:
            other.plan["/pg1513.txt"] = [whole(PLAY)]
            file = CATALOG["play"].forms["Project Gutenberg"][0]
            file = dataclasses.replace(file, urls=(hosts[0], f"{other.address}/pg1513.txt"))
            fetch._from_web(file)
    else:
        assert fetch.obtain("play").official
    assert (folder / "pg1513.txt").read_bytes() == PLAY and parts(folder) == []


def test_redirect_is_followed(folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [redirect(hosts[1])]
    server.plan["/second/pg1513.txt"] = [whole(PLAY)]
    found = fetch.obtain("play")
    assert found.official and found.origin == "from 127.0.0.1"
    assert [path for path, _ in server.log] == ["/official/pg1513.txt", "/second/pg1513.txt"]


def test_broken_connection_is_continued_in_the_same_call(folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [cut(PLAY, PIECE), cut(PLAY, PIECE, stall=1.0), whole(PLAY)]
    assert fetch.obtain("play").official
    assert [asked for _, asked in server.log] == [None, f"bytes={PIECE}-", f"bytes={2 * PIECE}-"]
    assert (folder / "pg1513.txt").read_bytes() == PLAY and parts(folder) == []


def test_interrupted_download_is_resumed_by_the_next_call(folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [cut(PLAY, PIECE), status(503)]
    with pytest.raises(FetchError, match="HTTP status 503"):
        fetch.obtain("play")
    assert visible(folder) == []  # nothing under the final name
    fetch.failed.clear()
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    assert fetch.obtain("play").official
    assert server.log[-1] == ("/official/pg1513.txt", f"bytes={PIECE}-")
    assert visible(folder) == ["pg1513.txt"] and parts(folder) == []


def test_truncated_by_every_host_then_mended(folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [cut(PLAY, PIECE), cut(PLAY, 0)]
    server.plan["/second/pg1513.txt"] = [cut(PLAY, PIECE), cut(PLAY, 0)]
    with pytest.raises(FetchError, match=f"broke off after {2 * PIECE:,} bytes"):
        fetch.obtain("play")
    assert visible(folder) == []
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    assert fetch.obtain("play").official  # in the same process: a broken download is worth another try
    assert visible(folder) == ["pg1513.txt"] and parts(folder) == []


def test_interrupt_by_the_reader_keeps_the_final_name_free(folder, server, hosts, monkeypatch):
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    written = []

    class Interrupted(io.FileIO):
        def write(self, data):
            if written:
                raise KeyboardInterrupt
            written.append(super().write(data))

    with monkeypatch.context() as patch:
        patch.setattr(download, "open", lambda path, mode: Interrupted(path, mode), raising=False)
        with pytest.raises(KeyboardInterrupt):
            fetch.obtain("play")
    assert written and visible(folder) == []
    assert fetch.obtain("play").official
    assert server.log[-1][1] == f"bytes={written[0]}-" and parts(folder) == []


def test_wrong_part_is_thrown_away(folder, server, hosts):
    folder.mkdir()
    (folder / f".pg1513.txt.{HASH[-12:]}.part").write_bytes(b"something else")
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    assert fetch.obtain("play").official and parts(folder) == []
    assert [asked for _, asked in server.log] == ["bytes=14-", None]


@pytest.mark.parametrize("length", [len(PLAY), len(PLAY) + 5])
def test_part_that_is_too_long_is_thrown_away(length, folder, server, hosts):
    folder.mkdir()
    (folder / f".pg1513.txt.{HASH[-12:]}.part").write_bytes(b"x" * length)
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    assert fetch.obtain("play").official and parts(folder) == []


def test_server_without_ranges_sends_the_whole_file(folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [cut(PLAY, PIECE), whole(PLAY, ranges=False)]
    assert fetch.obtain("play").official
    assert (folder / "pg1513.txt").read_bytes() == PLAY


def test_slow_host_is_left_for_later(folder, server, hosts, monkeypatch):
    monkeypatch.setattr(download, "SLOW_AFTER", 0.05)
    monkeypatch.setattr(download, "SLOW", 1e9)
    server.plan["/official/pg1513.txt"] = [slowly(PLAY, 4, 0.1)]
    server.plan["/second/pg1513.txt"] = [status(404)]
    assert fetch.obtain("play").official  # slow, but nobody else has it
    assert [path.split("/")[1] for path, _ in server.log] == ["official", "second", "official"]


@pytest.mark.parametrize("answer, requests", [(cut(PLAY, 0, stall=1.0), ["official"]),
                                              (status(404), ["official", "second"])], ids=["silence", "404"])
def test_futile_attempts_are_not_repeated(answer, requests, folder, server, hosts):
    server.plan["/official/pg1513.txt"] = server.plan["/second/pg1513.txt"] = [answer]
    assert load_play().is_stand_in and load_play().is_stand_in
    assert [path.split("/")[1] for path, _ in server.log] == requests


def test_real_data_replaces_the_stand_in(folder, server, hosts):
    server.plan["/official/pg1513.txt"] = [status(404)]
    play = load_play()
    assert play.is_stand_in and play.source.startswith("STAND-IN: simulated")
    (folder / "pg1513.txt").write_bytes(PLAY)
    assert not load_play().is_stand_in


def test_offline_asks_nobody(folder, server, hosts, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    monkeypatch.setenv("COURSE_MIRROR", server.address)
    with pytest.raises(FetchError, match="COURSE_OFFLINE=1"):
        fetch.obtain("play")
    assert server.log == []


def test_web_mirror_names_a_copy_that_differs(folder, server, hosts, monkeypatch):
    copy = PLAY.replace(b"Two households", b"Two workshops")
    server.plan["/mirror/SHA256SUMS"] = [whole(f"{hashlib.sha256(copy).hexdigest()}  pg1513.txt\n".encode())]
    server.plan["/mirror/pg1513.txt"] = [whole(copy)]
    monkeypatch.setenv("COURSE_MIRROR", f"{server.address}/mirror/")
    first = load_play()
    assert first.source == ("copy of Romeo and Juliet, not the official bytes (pg1513.txt), "
                            "from a mirror (COURSE_MIRROR)")
    monkeypatch.delenv("COURSE_MIRROR")
    (folder / "play.pt").unlink()
    assert load_play() == first  # the cached file keeps its origin


@pytest.mark.parametrize("on_web", [True, False])
@pytest.mark.parametrize("sums, reason", [
    ("0" * 64 + "  pg1513.txt\n", "hash|does not agree"),
    (HASH[7:] + "  another.txt\n", "does not list pg1513.txt"),
    ("<html>Please log in</html>", "does not list pg1513.txt"),
    (None, "SHA256SUMS")])
def test_mirror_that_cannot_be_trusted_is_refused(on_web, sums, reason, folder, server, hosts, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_MIRROR", f"{server.address}/mirror" if on_web else str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "pg1513.txt").write_bytes(PLAY)
    server.plan["/mirror/pg1513.txt"] = [whole(PLAY)]
    if sums is not None:
        (tmp_path / "mirror" / "SHA256SUMS").write_text(sums)
        server.plan["/mirror/SHA256SUMS"] = [whole(sums.encode())]
    with pytest.raises(FetchError) as error:
        fetch.obtain("play")
    assert re.search(rf"COURSE_MIRROR: .*({reason})", str(error.value))
    assert visible(folder) == [] and parts(folder) == []


def test_mirror_that_lists_a_file_it_has_not_is_told(folder, hosts, monkeypatch, tmp_path):
    (tmp_path / "SHA256SUMS").write_text(f"{HASH[7:]}  pg1513.txt\n")
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(FetchError, match=r"COURSE_MIRROR: pg1513\.txt: No such file"):
        fetch.obtain("play")


def test_full_disk_while_downloading(folder, server, hosts, monkeypatch):
    server.plan["/official/pg1513.txt"] = [whole(PLAY)]
    monkeypatch.setattr(download, "open", _full_disk, raising=False)
    with pytest.raises(DataError, match=r"pg1513\.txt: the disk .* is full.*What to do: .*COURSE_DATA"):
        load_play()
    assert visible(folder) == [] and parts(folder) == []


def test_full_disk_while_preparing(folder, hosts, monkeypatch):
    folder.mkdir()
    (folder / "pg1513.txt").write_bytes(PLAY)
    monkeypatch.setattr(prepared, "open", _full_disk, raising=False)
    with pytest.raises(DataError, match=r"play\.pt: the disk .* is full.*What to do: .*COURSE_DATA"):
        load_play()
    assert visible(folder) == ["pg1513.txt"] and parts(folder) == []


def test_full_disk_in_the_middle_of_a_tensor(folder, monkeypatch):
    monkeypatch.setattr(prepared, "open", _full_disk, raising=False)
    with pytest.raises(DataError, match=r"big\.pt: the disk .* is full"):  # torch hides the error of the disk
        prepared.save_prepared("big", {"pixels": torch.zeros(100_000)})
    assert visible(folder) == [] and parts(folder) == []


def _full_disk(path, mode):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() > 500:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data[:600])

    return Full(path, mode)


def test_read_only_folder_is_read_and_the_users_cache_written(folder, hosts, monkeypatch, tmp_path):
    folder.mkdir()
    (folder / "pg1513.txt").write_bytes(PLAY)
    make = folders.tempfile.TemporaryFile

    def read_only(dir):
        if Path(dir) == folder:
            raise PermissionError(errno.EACCES, "read-only")
        return make(dir=dir)

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", read_only)
    assert load_play().source == "Romeo and Juliet (pg1513.txt), found in the data folder"
    assert visible(folder) == ["pg1513.txt"] and visible(tmp_path / "user") == ["play.pt"]


def test_no_writable_folder_is_told(folder, monkeypatch):
    def refuse(dir):
        raise PermissionError(errno.EACCES, "read-only")

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", refuse)
    with pytest.raises(DataError, match="COURSE_DATA"):
        load_play()


def test_two_processes_fetch_the_file_once(folder, server, hosts, tmp_path):
    server.plan["/official/pg1513.txt"] = [whole(PLAY, delay=1.0)]
    code = f"""
import dataclasses
from helpers.data import CATALOG, load_play
from helpers.data.catalog import File
file = File("pg1513.txt", {len(PLAY)}, "{HASH}", ("{hosts[0]}",))
CATALOG["play"] = dataclasses.replace(CATALOG["play"], forms={{"Project Gutenberg": (file,)}})
print(load_play().source)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sources = [process.communicate(timeout=60)[0].strip() for process in both]
    assert sources == ["Romeo and Juliet (pg1513.txt), from 127.0.0.1"] * 2
    assert len(server.log) == 1 and parts(folder) == []


def tar_with(path: Path, *members: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = 3 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"abc"))


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("bad", [
    member("cifar10/../../evil.txt"), member("/tmp/evil.txt"), member("..\\evil.txt"), member("C:/evil.txt"),
    member("cifar10/train", tarfile.SYMTYPE, "/etc"), member("cifar10/x", tarfile.LNKTYPE, "cifar10/y"),
    member("cifar10/pipe", tarfile.FIFOTYPE)], ids=lambda info: f"{info.name} {info.type!r}")
def test_malicious_archive_is_refused(bad, folder, tmp_path):
    folder.mkdir()
    tar_with(folder / "cifar10.tgz", member("cifar10/labels.txt"), bad)
    with pytest.raises(DataError) as error:
        prepare("cifar10")
    assert "cifar10.tgz" in str(error.value) and repr(bad.name) in str(error.value)
    assert "What to do" in str(error.value)
    assert visible(tmp_path) == ["cifar10.tgz"]  # nothing was unpacked, nothing kept as prepared


class Evil:
    """A pickle that would run a command."""

    def __reduce__(self):
        return os.system, ("echo done > evil.txt",)


def test_malicious_pickle_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder.mkdir()
    evil = pickle.dumps(Evil(), protocol=2)
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        info.size = len(evil)
        archive.addfile(info, io.BytesIO(evil))
    (folder / "mnist.pkl.gz").write_bytes(gzip.compress(evil))
    for name, file in (("cifar10", "cifar-10-python.tar.gz"), ("mnist", "mnist.pkl.gz")):
        with pytest.raises(DataError, match=rf"{re.escape(file)}.*posix\.system|{re.escape(file)}.*nt\.system"):
            prepare(name)
    assert not (tmp_path / "evil.txt").exists()


def test_bad_file_that_was_fetched_is_not_kept(folder, server, monkeypatch):
    body = b"not an archive"
    server.plan["/SHA256SUMS"] = [whole(f"{hashlib.sha256(body).hexdigest()} *cifar10.tgz\n".encode())]
    server.plan["/cifar10.tgz"] = [whole(body)]
    monkeypatch.setenv("COURSE_MIRROR", server.address)
    with pytest.raises(DataError, match=r"cifar10\.tgz \(from a mirror \(COURSE_MIRROR\)\) cannot be used"):
        prepare("cifar10")
    assert visible(folder) == []
