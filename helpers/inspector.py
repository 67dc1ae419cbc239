"""The inspection service of lesson 17: a picture goes in over HTTP, a verdict comes out.

`python -m helpers.inspector MODEL_FOLDER` starts it (`--help` names the options), `write_model` writes the folder.
- POST /inspect: the body is the picture, the header X-Part (optional) the workpiece. The answer is JSON with part,
  verdict, probability, reason, model, milliseconds. Status 200: judged; 422: this picture cannot be judged; 413: too
  many bytes; 503: too busy, too late or stopping, ask again after Retry-After seconds; 500: unexpected.
- GET /health: state, model, counts, memory, log, and the drift charts of brightness, contrast and probability.
- POST /reload, from this computer only: the model that is now in the folder judges from the next workpiece on.
**The client's rule:** no answer within the deadline, a broken connection, or an answer without a verdict counts as
"not judged". Ask again, or lay the workpiece aside. Asking twice is harmless.
"""

import argparse
import asyncio
import csv
import functools
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from PIL import Image
from tornado import httpserver, netutil, web

from helpers.model_folder import NEWEST, Model, ModelError, NotJudged, write_model

__all__ = ["Model", "ModelError", "NotJudged", "main", "write_model"]


class Service(web.Application):
    """What the requests share."""

    def __init__(self, options: argparse.Namespace):
        self.load = functools.partial(Model.load, options.folder, options.threads, options.max_megapixels)
        super().__init__([("/inspect", Inspect), ("/(health|reload)", Desk)], log_function=lambda _: None)
        self.options, self.model, self.started = options, self.load(), time.monotonic()
        self.open, self.stopping, self.log, self.swapping = set(), False, "ok", asyncio.Lock()  # open: not answered yet
        self.counts = dict.fromkeys(("pass", "look again", "reject", "not judged"), 0)
        self.judging, self.writing, self.room = ThreadPoolExecutor(1), ThreadPoolExecutor(1), threading.Semaphore(1000)

    def waiting(self) -> int:
        """How many pictures are in memory."""
        return sum(not request.refusal for request in self.open)

    def note(self, table: str, **row: Any) -> None:
        """Have a line of the log written, in a thread of its own: a disk that hangs costs lines, not verdicts."""
        if self.options.log and self.room.acquire(blocking=False):
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.writing.submit(self.write, table, {"time": now, **row})

    def write(self, table: str, row: dict[str, Any]) -> None:
        """Append a line to a table; thirty days are kept."""
        folder, name = Path(self.options.log), table.format(row["time"][:10])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with open(folder / name, "a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([row.values()] if file.tell() else [row, row.values()])
            for old in sorted(folder.glob("parts-????-??-??.csv"))[:-30]:
                old.unlink()
            self.log = "ok"
        except OSError as error:
            self.log = f"lines are lost: {error}"
        self.room.release()


@web.stream_request_body
class Inspect(web.RequestHandler):
    """POST /inspect."""

    def prepare(self) -> None:
        """Admit or refuse, before a byte of the picture is kept."""
        self.request.connection.set_max_body_size(sys.maxsize)  # the limit is ours
        self.arrived, self.picture, self.whole, self.gone = time.monotonic(), bytearray(), False, False
        self.part, self.refusal, service = self.request.headers.get("X-Part", ""), None, self.application
        self.limit = service.options.max_megabytes * 1e6
        if service.stopping:
            self.refusal = NotJudged("the service is stopping", 503)
        elif len(self.part) > 100 or not self.part.isprintable():
            self.refusal = NotJudged("X-Part has more than 100 characters, or one that cannot be printed", 422)
        elif service.waiting() >= service.options.queue:
            self.refusal = NotJudged("too many workpieces wait", 503)
        elif (size := self.request.headers.get("Content-Length", "")).isdecimal() and int(size) > self.limit:
            self.refusal = NotJudged(f"more than {self.limit:,.0f} bytes", 413)
        service.open.add(self)

    def data_received(self, chunk: bytes) -> None:
        """Keep what is admitted. What is refused is read to its end all the same, so that the client hears why."""
        if len(self.picture) + len(chunk) > self.limit:
            self.refusal, self.picture = NotJudged(f"more than {self.limit:,.0f} bytes", 413), bytearray()
        if not self.refusal:
            self.picture += chunk

    def judge(self) -> dict[str, Any]:
        """In the judging thread: the answer of one model, and the drift charts of the same one."""
        if self.gone:
            raise NotJudged("the client hung up", 503)
        if (waited := 1000 * (time.monotonic() - self.arrived)) > self.application.options.deadline:
            raise NotJudged(f"after {waited:.0f} ms in the queue the workpiece has passed", 503)
        model = self.application.model  # read once, for a swap may come now
        answer = model.judge(bytes(self.picture))
        for quantity, chart in model.content["drift"].items():
            chart["ewma"] += NEWEST * ((answer[quantity] - chart["mean"]) / chart["std"] - chart["ewma"])
            if chart["alarm"] != (alarm := abs(chart["ewma"]) > chart["limit"]):
                chart["alarm"] = alarm
                self.application.note("drift.csv", quantity=quantity, **chart, model=model.label)
        return answer

    async def post(self) -> None:
        """The picture is whole: wait for its turn, answer."""
        service, self.whole, reason, status = self.application, True, "", 200
        answer = {"part": self.part, "verdict": "not judged", "probability": None, "brightness": None,
                  "contrast": None, "model": service.model.label}
        try:
            if self.refusal:
                raise self.refusal
            answer |= await asyncio.get_running_loop().run_in_executor(service.judging, self.judge)
        except NotJudged as fault:
            reason, status = fault.args
        except Exception as error:
            reason, status = f"unexpected: {error!r}", 500
        answer |= {"milliseconds": round(1000 * (time.monotonic() - self.arrived), 1), "reason": reason}
        service.counts[answer["verdict"]] += 1
        formula = self.part.startswith(("=", "+", "-", "@"))  # a spreadsheet would run it
        service.note("parts-{}.csv", **{**answer, "part": "'" * formula + self.part})
        self.set_status(status)
        if status == 503:
            self.set_header("Retry-After", "1")
        self.finish(answer)

    def on_connection_close(self) -> None:
        """The client hung up; if its picture is in the judging thread, its place becomes free later."""
        self.gone = True
        if not self.whole:
            self.on_finish()
        super().on_connection_close()

    def on_finish(self) -> None:
        """The place in the queue, and the memory, are free again."""
        self.application.open.discard(self)
        self.picture = bytearray()


class Desk(web.RequestHandler):
    """GET /health, POST /reload."""

    def get(self, _: str) -> None:
        """How the service is."""
        service = self.application
        self.set_status(503 if service.stopping else 200)
        self.finish({"status": "stopping" if service.stopping else "ok", "model": service.model.label,
                     "waiting": service.waiting(), "counts": service.counts, "log": service.log,
                     "uptime_s": time.monotonic() - service.started, "drift": service.model.content["drift"],
                     "memory_mb": psutil.Process().memory_info().rss / 1e6})

    async def post(self, _: str) -> None:
        """Load and check beside the model that judges, then swap; a bad one changes nothing."""
        service, reason = self.application, ""
        try:
            if self.request.remote_ip not in ("127.0.0.1", "::1"):
                raise ModelError("a swap is for this computer only. What to do: ask for it from there")
            async with service.swapping:
                service.model = await asyncio.to_thread(service.load)
        except ModelError as error:
            self.set_status(409)
            reason = str(error)
        self.finish({"model": service.model.label, "reason": reason})


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, then answer what waits."""
    service, stop = Service(options), asyncio.Event()
    sockets = netutil.bind_sockets(options.port, options.host)
    server = httpserver.HTTPServer(service, max_body_size=1 << 16, body_timeout=10 + options.deadline / 1000)
    server.add_sockets(sockets)
    if sys.platform != "win32":  # there Ctrl+C is a KeyboardInterrupt
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    address = f"http://{options.host}:{sockets[0].getsockname()[1]}"
    print(f"inspector: {service.model.label} on {address} (ready)", flush=True)
    await stop.wait()
    service.stopping = True
    while service.waiting():
        await asyncio.sleep(0.02)
    server.stop()
    await asyncio.sleep(0.2)  # for those that are being refused


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m helpers.inspector", description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="written by write_model")
    for name, default, text in (
            ("host", "127.0.0.1", "address"), ("port", 8080, "0: a free one"), ("queue", 16, "pictures in memory"),
            ("deadline", 1000, "ms in the queue"), ("threads", 1, "of onnxruntime"), ("log", "", "folder of tables"),
            ("max-megabytes", 10.0, "of a body"), ("max-megapixels", 30.0, "of a picture")):
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{text} (default: {default})")
    options = parser.parse_args()
    Image.init()  # else the first picture waits for it
    Image.MAX_IMAGE_PIXELS = None  # --max-megapixels comes first
    try:
        asyncio.run(serve(options))
    except ModelError as error:
        parser.exit(2, f"inspector: {error}.\n")
    except OSError as error:
        parser.exit(2, f"inspector: {error} ({options.host}:{options.port}). What to do: choose another --port.\n")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
