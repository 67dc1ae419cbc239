"""Download one file over HTTP: with a hash, time limits, a progress bar, and a restart where it broke off."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from tqdm.auto import tqdm

from helpers.data.folders import room_for, write_folder

TIMEOUT = (4.0, 20.0)  # seconds to connect, and to wait for the next piece of a body
SLOW = 250e3  # bytes a second: below this, the other sources are tried first
SLOW_AFTER = 20.0  # seconds until the speed is judged

unreachable: dict[str, str] = {}  # host -> reason; a host that gave no byte is not asked again in this process
slow: set[str] = set()  # addresses that were too slow
pooch.get_logger().setLevel("WARNING")  # its notes hold folder names, and notebooks would save them


class Unavailable(Exception):
    """One source cannot deliver one file. The message says why."""


class BrokenOff(Unavailable):
    """A download stopped on the way: a later call can continue it."""


@contextlib.contextmanager
def _reasons(url: str) -> Iterator[None]:
    """Turn the exceptions of requests into Unavailable with one readable reason."""
    host = urlsplit(url).netloc
    if host in unreachable:
        raise Unavailable(f"{url}: {unreachable[host]}")
    try:
        yield
    except requests.HTTPError as error:
        raise Unavailable(f"{url}: HTTP status {error.response.status_code}") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise BrokenOff(f"{url}: the connection broke off") from error
    except requests.exceptions.SSLError as error:
        raise Unavailable(f"{url}: its certificate was refused (a company proxy? set REQUESTS_CA_BUNDLE)") from error
    except requests.RequestException as error:
        unreachable[host] = "no answer in time" if "timed out" in str(error) else "no connection"
        raise Unavailable(f"{url}: {unreachable[host]}") from error


def get_text(url: str) -> str:
    """A small text file from the web. Raises Unavailable."""
    with _reasons(url):
        response = requests.get(url, timeout=TIMEOUT)
        response.raise_for_status()
        return response.text


def download(url: str, name: str, known_hash: str | None, patient: bool = True) -> Path:
    """Download `url` into the data folder as `name` and return the path.

    The file gets its name only when it is whole and has the hash `known_hash` ("sha256:..."). What a broken
    connection leaves is kept under a hidden name and continued by the next call. Unless `patient`, a slow
    source is left for later. Raises Unavailable with the reason, DataError if the disk is full.
    """
    if url in slow and not patient:
        raise Unavailable(f"{url}: slow, left for later")
    folder = write_folder()
    part = folder / f".{name}.{(known_hash or 'unknown')[-12:]}.part"
    resumed = part.exists()

    def fill_part(url: str, output_file: str, _: object) -> None:
        begin = _size(part)
        for _attempt in range(5):
            before = _size(part)
            try:
                _read(url, part, patient)
                return os.replace(part, output_file)
            except requests.RequestException as error:
                if isinstance(error, requests.HTTPError) or _size(part) <= begin:
                    raise
                if _size(part) <= before:
                    break
        raise BrokenOff(f"{url}: broke off after {_size(part):,} bytes")

    try:
        with room_for(name), _reasons(url):
            return Path(pooch.retrieve(url, known_hash, name, folder, downloader=fill_part))
    except ValueError as error:  # pooch: another hash than the known one
        if resumed:  # the old part may be to blame: once more, from the start
            return download(url, name, known_hash, patient)
        raise Unavailable(f"{url}: the bytes that came have another hash than they should") from error
    finally:
        if known_hash is None or _size(part) == 0:  # nothing could tell a wrong continuation
            part.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read(url: str, part: Path, patient: bool) -> None:
    """Append what is missing to `part`, or write it anew if the server cannot continue."""
    done = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as response:
        if response.status_code == 416:  # nothing is left to ask for: the part is not what it seems
            part.unlink()
            return _read(url, part, patient)
        response.raise_for_status()
        done = done if response.status_code == 206 else 0
        total = done + int(response.headers.get("Content-Length", 0))
        title = part.name[1:].rsplit(".", 2)[0]
        bar = tqdm(total=total or None, initial=done, unit="B", unit_scale=True, desc=title, leave=False)
        start = time.monotonic()
        try:
            with bar, open(part, "ab" if done else "wb") as out:
                for piece in response.iter_content(1 << 14):
                    if bar.n == 0 and piece.lstrip()[:1] == b"<":
                        raise Unavailable(f"{url}: a web page came instead of the file (a login or error page?)")
                    out.write(piece)
                    bar.update(len(piece))
                    seconds = time.monotonic() - start
                    if not patient and seconds > SLOW_AFTER and (bar.n - done) / seconds < SLOW:
                        slow.add(url)
                        raise BrokenOff(f"{url}: slow, {(bar.n - done) / seconds / 1e3:.0f} kB/s")
        except (requests.RequestException, BrokenOff, KeyboardInterrupt):
            raise  # the part can be continued
        except BaseException:
            part.unlink(missing_ok=True)
            raise
