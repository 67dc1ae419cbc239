"""What the tests of the data share: a server that plays the hosts, faults included; empty data folders; zips."""

import contextlib
import threading
import time
import zipfile
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import pytest

from helpers.data import fetch

Answer = Callable[[BaseHTTPRequestHandler], None]


def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder still to be made; no mirror, no proxy, no user's cache."""
    for name in ("COURSE_MIRROR", "COURSE_OFFLINE", "COURSE_STANDIN", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
                 "http_proxy", "https_proxy", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(fetch.pooch, "os_cache", lambda project: tmp_path / "user" / project)
    monkeypatch.setattr(fetch, "TIMEOUT", (2, 10))
    return tmp_path / "data"


def offline_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: str = "") -> Path:
    """An empty data folder, and nobody to ask but a mirror."""
    empty_folder(tmp_path, monkeypatch).mkdir()
    monkeypatch.setenv("COURSE_MIRROR", mirror)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    return tmp_path / "data"


def write_zip(path: Path | IO[bytes], members: dict[str, str | bytes]) -> None:
    """A zip of these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def cut(body: bytes, count: int | None = None, stall: float = 0, delay: float = 0, code: int = 200,
        **headers: str) -> Answer:
    """After `delay` seconds `count` bytes of the file, then silence for `stall` seconds, then the connection ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        time.sleep(delay)
        request.send_response(code)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body[:count])
        request.wfile.flush()
        time.sleep(stall)

    return answer


def whole(body: bytes, delay: float = 0.0) -> Answer:
    """The file, after `delay` seconds."""
    return cut(body, delay=delay)


def status(code: int, **headers: str) -> Answer:
    """An error status or a redirection, with a short page; an underscore in a header's name stands for a hyphen."""
    return cut(b"<html>no</html>", code=code, **headers)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.log.append((self.path, self.headers))
        answers = self.server.plan.get(self.path, [status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client gave up
            answer(self)
        self.close_connection = True

    do_CONNECT = do_GET  # what a proxy is asked for an https address

    def log_message(self, format: str, *args: object) -> None:
        pass


class FaultServer(ThreadingHTTPServer):
    """`with FaultServer() as server`: `server.plan[path]` lists the answers, one a request; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan: dict[str, list[Answer]] = {}
        self.log: list[tuple[str, Message]] = []  # path and headers of each request
        self.address = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        super().__exit__(*error)
