"""A local HTTP server that plays the hosts of the data sets, faults included; and an empty data folder."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpers.data import download, fetch, folders

Answer = Callable[[BaseHTTPRequestHandler], None]


def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder still to be made; no mirror, no memory of earlier failures, short time limits."""
    for name in ("COURSE_MIRROR", "COURSE_OFFLINE", "COURSE_STANDIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(folders.pooch, "os_cache", lambda project: tmp_path / "user" / project)
    monkeypatch.setattr(download, "TIMEOUT", (1.0, 0.4))
    for memory in (download.unreachable, download.slow, fetch.failed):
        memory.clear()
    return tmp_path / "data"


def whole(body: bytes, delay: float = 0.0, ranges: bool = True) -> Answer:
    """The file, or its rest if the client asks for a range."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1]) if ranges else 0
        if start >= len(body) > 0:
            return _send(request, 416, b"")
        time.sleep(delay)
        _send(request, 206 if start else 200, body[start:])

    return answer


def status(code: int) -> Answer:
    """An error status with a short page."""
    return lambda request: _send(request, code, b"<html>no</html>", "text/html")


def web_page() -> Answer:
    """An error page that pretends to be the file: status 200, and not even the right type."""
    return lambda request: _send(request, 200, b"\n<!DOCTYPE html><html>Please log in</html>")


def cut(body: bytes, count: int, stall: float = 0.0) -> Answer:
    """`count` bytes of the asked range, then silence for `stall` seconds, then the connection ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        rest = body[start:]
        _send(request, 206 if start else 200, rest[:count], length=len(rest))
        time.sleep(stall)

    return answer


def slowly(body: bytes, pieces: int, pause: float) -> Answer:
    """The file in `pieces` parts with a pause between them."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        size = -(-len(body) // pieces)
        _send(request, 200, body[:size], length=len(body))
        for start in range(size, len(body), size):
            time.sleep(pause)
            request.wfile.write(body[start:start + size])
            request.wfile.flush()

    return answer


def redirect(address: str) -> Answer:
    """Another address for the same file."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", address)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def _send(request: BaseHTTPRequestHandler, code: int, body: bytes, kind: str = "application/octet-stream",
          length: int | None = None) -> None:
    request.send_response(code)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)
    request.wfile.flush()


class FaultServer:
    """`with FaultServer() as server`: `server.plan[path]` lists the answers, one a request; the last one stays."""

    def __init__(self) -> None:
        self.plan: dict[str, list[Answer]] = {}
        self.log: list[tuple[str, str | None]] = []  # path and Range header of each request
        plan, log = self.plan, self.log

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                log.append((self.path, self.headers.get("Range")))
                answers = plan.get(self.path, [status(404)])
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                try:
                    answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client gave up
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "FaultServer":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
