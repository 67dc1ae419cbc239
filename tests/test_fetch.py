"""Every way to get a file, and every fault of a host, a mirror, pip, a disk or a cache, on a data set made for this."""

import dataclasses
import errno
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import distributions
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import quote

import pytest
import torch

from helpers.data import DataError, FetchError, __main__, fetch, load
from helpers.data.record import DataSet, File, Files, Wheel
from tests.fault_server import FaultServer, cut, empty_folder, status, whole, write_zip

BODY = b"1 2 3 4 5 6\n" * 10_000
COPY = BODY + b"7\n"
HASH = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
NAME = "Messwerte für 轴承 1.txt"
reads = []  # the forms that were read


def sums(raw=BODY, name=NAME, encoding="utf-8"):
    return f"{hashlib.sha256(raw).hexdigest()}  {name}\n".encode(encoding)


def read(files: Files):
    reads.append(files.form)
    values = [[float(word) for word in path.read_text("utf-8").split()] for path in files.paths]
    if not all(values):
        raise EOFError
    return {"values": torch.tensor(values)}


def numbers(*urls, known=HASH, **forms):
    """A data set of one file that can be had from `urls`, or of other forms."""
    return DataSet("numbers", "Numbers", forms or {"text": (File(NAME, len(BODY), known, urls),)}, "licence", read,
                   stand_in=lambda: {"values": torch.zeros(1, 5)})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    empty_folder(tmp_path, monkeypatch)
    reads.clear()
    folder = tmp_path / "Prüfstand 数据 1"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(folder))
    return folder


@pytest.fixture
def server(folder):
    """A host that offers the data set `server.numbers` at two addresses."""
    with FaultServer() as running:
        running.numbers = numbers(f"{running.address}/official", f"{running.address}/second")
        yield running


def get(data):
    with fetch.locked(data.name) as part:
        return fetch.fetch(data, part)


def left(folder):
    """Names of all that lies in a folder and below, without the locks."""
    return sorted(path.name for path in folder.rglob("*") if path.suffix != ".lock")


@pytest.mark.parametrize(("answer", "reason"), [
    (status(404), "HTTP status 404"), (cut(BODY, 50_000), "the connection broke off"),
    (whole("\ufeff\n<!DOCTYPE html><html>Please log in</html>".encode()), "a web page came instead of the file"),
    (whole(BODY[:-1] + b"!"), "another hash"), (cut(BODY, 50_000, stall=5), "no answer in time"),
    (status(302, Location="http://127.0.0.1:4079/"), "no connection (ConnectionError)")])
def test_fault_is_told_and_leaves_nothing_and_the_second_host_mends(answer, reason, folder, server, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (2, 1 if "no answer" in reason else 10))
    server.plan["/official"] = server.plan["/second"] = [answer]
    with pytest.raises(FetchError) as error:
        get(server.numbers)
    message = str(error.value)
    assert message.startswith("Numbers could not be had. Tried:") and reason in message and "What to do" in message
    assert f"{server.address}/official: " in message and f"{server.address}/second: " in message
    assert NAME in message and str(folder) in message and "COURSE_MIRROR" in message and left(folder) == []
    server.plan |= {"/second": [status(302, Location="/other%20place")], "/other%20place": [whole(BODY)]}
    assert get(server.numbers).origin == "from 127.0.0.1" and left(folder) == [NAME]
    assert (folder / NAME).read_bytes() == BODY and server.log[-1][0] == "/other%20place"
    for _, headers in server.log:  # a file that is packed for the way has another hash
        assert "deep-learning-for-manufacturing" in headers["User-Agent"] and headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(("told", "waited"), [("7", 7), ("9999", 20), ("Wed, 21 Oct 2015 07:28 GMT", 1)])
def test_busy_host_is_asked_again_at_once_and_later(told, waited, folder, server, monkeypatch):
    pauses = []
    monkeypatch.setattr(fetch, "time", Mock(sleep=pauses.append))
    server.plan["/official"] = [status(429, Retry_After=told), status(502), status(503)]
    with pytest.raises(FetchError, match="HTTP status 503"):
        get(server.numbers)
    assert pauses == [waited, 4] and [path for path, _ in server.log] == ["/official"] * 3 + ["/second"]
    server.plan["/official"] = [status(503), whole(BODY)]
    assert get(server.numbers).official and pauses == [waited, 4, 1]


@pytest.mark.parametrize(("scheme", "asked"), [("http", "http://data.invalid/file"), ("https", "data.invalid:443")])
def test_proxy_that_wants_a_password_is_told(scheme, asked, folder, server, monkeypatch):
    monkeypatch.setenv(f"{scheme}_proxy", server.address)
    server.plan[asked] = [status(407)]
    with pytest.raises(FetchError, match=r"the proxy wants a name and a password \(407\): set HTTPS_PROXY="):
        get(numbers(f"{scheme}://data.invalid/file"))


def test_two_processes_fetch_the_file_once_and_other_users_can_read_it(folder, server):
    server.plan["/official"] = [whole(BODY, delay=1.0)]
    code = ("import os; os.umask(0o022); from tests.test_fetch import load, numbers\n"
            f"print(load.load(numbers({server.address + '/official'!r}))['source'])")
    both = [subprocess.Popen([sys.executable, "-Xutf8", "-c", code], cwd=Path(fetch.__file__).parents[2],
                             stdout=subprocess.PIPE, encoding="utf-8") for _ in range(2)]
    assert [process.communicate()[0] for process in both] == [f"Numbers ({NAME}), from 127.0.0.1\n"] * 2
    assert len(server.log) == 1 and left(folder) == [NAME, "numbers-0.pt"]
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in folder.glob("[!.]*"))


@pytest.fixture(params=["folder", "relative", "file:", "address"])
def mirror(request, tmp_path, folder, server, monkeypatch):
    """Put a file and its sums (bytes; none if None) on a mirror of one of the four kinds, with COURSE_OFFLINE on."""
    place = tmp_path / "Spiegel 镜"
    place.mkdir()
    monkeypatch.setattr("helpers.runtime.PROJECT", tmp_path)
    monkeypatch.chdir(place)  # relative folders do not count from here
    monkeypatch.setenv("COURSE_DATA", folder.name)
    monkeypatch.setenv("COURSE_OFFLINE", "true")
    monkeypatch.setenv("COURSE_MIRROR", {"folder": str(place), "relative": place.name, "file:": place.as_uri(),
                                         "address": f"{server.address}/m/"}[request.param])

    def fill(listed, raw=BODY):
        for name, content in (("SHA256SUMS", listed), (NAME, raw)):
            if content is not None:
                (place / name).write_bytes(content)
                server.plan[f"/m/{quote(name)}"] = [whole(content)]

    return fill


@pytest.mark.parametrize("listed", [
    sums(encoding="utf-8-sig"), sums(encoding="utf-16"), sums(name=f"*{NAME} "), sums(name=f"./{NAME}"),
    sums()[:64].upper() + sums()[64:-1] + b"\r\n", b"\n" + sums(name="another file") + sums()],
    ids=["BOM", "UTF-16", "binary", "dot", "PowerShell", "others"])
def test_mirror_serves_offline_with_sums_as_any_system_writes_them(listed, mirror, folder, server):
    mirror(listed)
    assert load.load(server.numbers)["source"] == f"Numbers ({NAME}), from a mirror (COURSE_MIRROR)"
    assert "numbers-0.pt" in left(folder) and not {"/official", "/second"} & {path for path, _ in server.log}


@pytest.mark.parametrize(("listed", "raw", "reason"), [
    (sums(b"?"), BODY, "does not agree|another hash"), (sums(name="x"), BODY, f"does not list {NAME}"),
    (b"<html>Please log in</html>", BODY, "does not list|a web page"), (None, BODY, "SHA256SUMS"),
    (b"\xff\xff\xff", BODY, "no readable SHA256SUMS"), (sums(), None, "cannot be read: No such|404")],
    ids=["wrong sum", "not listed", "web page", "no sums", "no text", "no file"])
def test_mirror_that_cannot_be_trusted_is_refused(listed, raw, reason, mirror, folder):
    mirror(listed, raw)
    with pytest.raises(FetchError, match=rf"COURSE_MIRROR: .*({reason})"):
        get(numbers())
    assert left(folder) == []


@pytest.fixture
def wheel(tmp_path, folder, monkeypatch):
    """A small but valid wheel with two members, on the only package index that pip knows."""
    path = tmp_path / "index" / "course_numbers-1.0-py3-none-any.whl"
    path.parent.mkdir()
    write_zip(path, {
        "numbers/a.txt": BODY, "numbers/b.txt": BODY,
        "course_numbers-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        "course_numbers-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: course-numbers\nVersion: 1.0\n"
                                                 "Requires-Dist: not-to-be-had==9\n"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def packed(wheel, known=None, requirement="course-numbers==1.0"):
    known = known or sums(wheel.read_bytes())[:64].decode()
    return numbers(text=tuple(File(name, len(BODY), HASH, wheel=Wheel(requirement, known, f"numbers/{name}"))
                              for name in ("a.txt", "b.txt")))


def test_wheel_is_read_whole_or_by_member_and_not_installed(wheel, folder):
    (folder / ".numbers.part").mkdir()
    (folder / ".numbers.part" / "half.whl").write_bytes(bytes(1 << 20))  # what a killed kernel left
    assert load.load(packed(wheel))["source"] == "Numbers (a.txt + b.txt), from the package course-numbers 1.0"
    digest = sums(wheel.read_bytes())[:64].decode()
    file = File(wheel.name, 1, f"sha256:{digest}", wheel=Wheel("course-numbers==1.0", digest))
    assert get(numbers(wheel=(file,))).official
    assert left(folder) == ["a.txt", "b.txt", wheel.name, "numbers-0.pt"]
    assert "course-numbers" not in {found.name for found in distributions()}


@pytest.mark.parametrize(("fault", "reason"), [
    ("sha256", "another sha256"), ("missing", "course-numbers==2.0"), ("time", "pip took over 0 s"),
    ("no pip", "has no pip; run python -m ensurepip"), ("offline", "COURSE_OFFLINE is on")])
def test_wheel_that_does_not_come_is_told(fault, reason, wheel, folder, monkeypatch, tmp_path):
    data = packed(wheel, "0" * 64 if fault == "sha256" else None, f"course-numbers=={1 + (fault == 'missing')}.0")
    monkeypatch.setenv("COURSE_OFFLINE", str(int(fault == "offline")))
    if fault == "time":
        monkeypatch.setattr(fetch, "PIP_LIMIT", 0)
    if fault == "no pip":
        venv.create(tmp_path / "bare", with_pip=False)
        monkeypatch.setattr(sys, "executable", str(next((tmp_path / "bare").glob("[bS]*/python*"))))
    with pytest.raises(FetchError, match=rf"package index: .*{reason}"):
        get(data)
    assert left(folder) == []


class FullDisk(io.FileIO):
    def write(self, data):
        if self.tell() > 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data[:600])


@pytest.mark.parametrize("when", ["download", "pip", "cache", "lock"])
def test_error_of_the_file_system_is_told(when, folder, server, wheel, monkeypatch):
    server.plan["/official"] = [whole(BODY)]
    if when == "pip":
        stderr = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
        monkeypatch.setattr(fetch.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", stderr))
    if when == "lock":
        monkeypatch.setattr(fetch.filelock.FileLock, "acquire", Mock(side_effect=OSError(errno.ENOLCK, "No locks")))
    monkeypatch.setattr(load if when == "cache" else fetch.pooch.downloaders, "open", FullDisk, raising=False)
    with pytest.raises(DataError, match=r"numbers: (the disk is full|No locks).*What to do: .*COURSE_DATA") as error:
        load.load(packed(wheel) if when == "pip" else server.numbers)
    assert str(folder) in str(error.value) and left(folder) == ([NAME] if when == "cache" else [])


def read_only(monkeypatch, *folders, make=tempfile.TemporaryFile):  # root may write everywhere
    refuse = Mock(side_effect=PermissionError)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: (refuse if Path(dir) in folders else make)(dir=dir))


def test_read_only_share_is_read_and_a_better_file_there_is_used(folder, tmp_path, monkeypatch):
    data = numbers(better=(File("better.txt", 1, HASH),), copy=(File("copy.txt", 1),))
    (folder / "copy.txt").write_bytes(COPY)
    read_only(monkeypatch, *fetch.folders())
    with pytest.raises(DataError, match=r"No data folder can be written to .*What to do: set COURSE_DATA"):
        load.load(data)
    read_only(monkeypatch)
    load.load(data)  # by the teacher
    read_only(monkeypatch, *fetch.folders())  # the share's cache is enough
    assert load.load(data)["source"] == "unverified copy of Numbers (copy.txt), found in the data folder"
    (folder / "better.txt").write_bytes(BODY)
    read_only(monkeypatch, folder)
    for _ in range(2):
        assert load.load(data)["source"] == "Numbers (better.txt), found in the data folder"
    assert reads == ["copy", "better"] and left(tmp_path / "user") == [fetch.folders()[1].name, "numbers-0.pt"]


def evil_cache(raw):
    evil = type("Evil", (), {"__reduce__": lambda self: (os.system, ("echo done > evil.txt",))})()
    torch.save({"version": load.VERSION, "sizes": [len(BODY)], "fields": evil}, stream := io.BytesIO())
    return stream.getvalue()


@pytest.mark.parametrize("damage", [
    evil_cache, lambda raw: raw[:-100], lambda raw: raw[:2000] + bytes([raw[2000] ^ 1]) + raw[2001:]])
def test_cache_is_used_as_long_as_it_is_whole(damage, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / NAME).write_bytes(BODY)
    load.load(numbers())["values"].zero_()  # writing into what was loaded changes no file
    assert load.load(numbers())["values"].sum() == 210_000 and reads == ["text"]
    cache = folder / "numbers-0.pt"
    cache.write_bytes(damage(cache.read_bytes()))
    for _ in range(2):
        assert load.load(numbers())["values"].sum() == 210_000 and reads == ["text"] * 2
    assert left(tmp_path) == [NAME, "Prüfstand 数据 1", "numbers-0.pt"]  # and nothing evil
    (folder / NAME).write_bytes(COPY)  # another file
    assert load.load(numbers())["values"].sum() == 210_007


def test_damaged_file_is_told_and_not_kept_if_it_was_fetched(folder, server):
    server.plan["/official"] = [whole(b"")]  # an error without a message
    data = numbers(f"{server.address}/official", known=None)
    with pytest.raises(DataError, match=rf"Numbers: {NAME} \(from 127.*\) cannot be used: \w.+\. What to do: replace"):
        load.load(data)
    assert left(folder) == []
    (folder / NAME).write_bytes(b"no numbers")
    with pytest.raises(DataError, match=r"\(found in the data folder\) cannot be used"):
        load.load(data)
    assert left(folder) == [NAME]  # put there by hand: left alone


def test_file_here_comes_before_a_better_one_on_the_mirror(mirror, folder):
    mirror(sums())
    (folder / "copy").write_bytes(COPY)
    data = numbers(better=(File(NAME, 1, HASH),), copy=(File("copy", 1),))
    assert all("(copy)" in load.load(data)["source"] for _ in range(2)) and reads == ["copy"]


def test_cache_is_used_while_the_mirror_is_being_filled(mirror, folder):
    mirror(sums(COPY), COPY)
    source = f"copy of Numbers, not the official bytes ({NAME}), from a mirror (COURSE_MIRROR)"
    assert load.load(numbers())["source"] == source
    (folder / NAME).unlink(missing_ok=True)
    mirror(sums(), BODY[:99])
    assert load.load(numbers())["source"] == source and reads == ["text"]


def test_stand_in_says_so_until_real_data_come(folder, server, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert "COURSE_OFFLINE is on" in load.load(server.numbers)["source"] and not server.log
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    fields = load.load(server.numbers)
    assert fields["is_stand_in"] and fields["values"].shape == (1, 5) and left(folder) == []
    line, *reasons = fields["source"].splitlines()
    assert line.startswith("STAND-IN: simulated") and "not results on Numbers" in line
    assert reasons[0] == "Numbers could not be had. Tried:" and reasons[-1].startswith("What to do: put ")
    assert f"  web: {server.address}/official: HTTP status 404" in reasons
    server.plan["/official"] = [whole(BODY)]
    assert not load.load(server.numbers)["is_stand_in"] and left(folder) == [NAME, "numbers-0.pt"]
    monkeypatch.setenv("COURSE_STANDIN", "true")
    fields = load.load(server.numbers)
    assert fields["is_stand_in"] and fields["source"].endswith("\nCOURSE_STANDIN is on: unset it to use the data.")


def test_command_line(folder, tmp_path, server, capsys, monkeypatch):
    lost = dataclasses.replace(numbers(text=(File("lost.txt", 1, wheel=Wheel("lost==1", "")),)), name="lost")
    monkeypatch.setattr(__main__, "CATALOG", {"numbers": server.numbers, "lost": lost})
    monkeypatch.setattr(fetch, "PIP_LIMIT", 0)
    monkeypatch.setattr(__main__, "distributions", lambda name: iter([]))
    assert __main__.main([]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^numbers +0\.\d+ MB +licence +to be had from 127\.0\.0\.1$", shown, re.M)
    assert "to be had from nowhere: this environment has no pip" in shown
    server.plan["/official"] = [whole(BODY)]
    for arguments in (["fetch", "unknown"], ["mirror"]):
        with pytest.raises(SystemExit):
            __main__.main(arguments)
        assert "all or one of numbers, lost; mirror needs a folder" in capsys.readouterr().err and left(folder) == []
    assert __main__.main(["fetch", "numbers"]) == 0
    assert capsys.readouterr().out == f"[OK] Numbers ({NAME}), from 127.0.0.1\n"
    mirror = tmp_path / "镜 mirror"
    for arguments in (["fetch", "all"], ["mirror", str(mirror)], ["mirror", str(mirror)]):  # again, over the first
        assert __main__.main(arguments) == 1
        told = capsys.readouterr()
        assert "[FAIL] Numbers could not be had" in told.err and "[OK] Numbers" in told.out and len(told.out) < 99
    assert left(mirror) == [NAME, "SHA256SUMS"] and (mirror / "SHA256SUMS").read_bytes() == sums()
    monkeypatch.setattr(__main__, "CATALOG", {"numbers": server.numbers})
    assert __main__.main(["list"]) == 0 and re.search(r"^numbers .* here$", capsys.readouterr().out, re.M)
    assert __main__.main(["mirror", str(mirror)]) == 0
    monkeypatch.setattr(__main__.shutil, "copyfile", Mock(side_effect=OSError(errno.ENOSPC, "full")))
    assert __main__.main(["mirror", str(mirror)]) == 1 and "the disk is full" in capsys.readouterr().err
