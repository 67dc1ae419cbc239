"""The inspection service of lesson 17, over a real socket and in a process of its own."""

import csv
import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from helpers.inspector import Model, ModelError, NotJudged, main, write_model

onnx, _ = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
SIZE, LIGHT = (16, 24), 200 / 255
UPRIGHT = np.repeat(np.uint8([200, 40]), 20)[:, None].repeat(60, axis=1)  # light above, dark below


def graph(gain: float = 1.1, products: int = 0) -> bytes:
    """gain * the mean of the upper half, after so many products with the unit matrix, a few milliseconds each."""
    chain = "".join(f"m{k + 1} = MatMul(m{k}, unit) " for k in range(products))
    return onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["": 17]>
        g (uint8[1, 1, 16, 24] x) => (float[1] p) {{
            f = Cast <to = 1> (x)  upper, lower = Split <axis = 2> (f)  mean = ReduceMean <keepdims = 0> (upper)
            factor = Constant <value_float = {gain / 255}> ()  scaled = Mul(mean, factor)
            square = Constant <value_ints = [512, 512]> ()  m0 = Expand(scaled, square)  unit = EyeLike(m0)
            {chain} end = ReduceMean <keepdims = 0> (m{products})
            one = Constant <value_ints = [1]> ()  p = Reshape(end, one) }}""").SerializeToString()


def write(folder: Path, data: bytes | None = None, version: str = "1", **more: object) -> Path:
    return write_model(folder, data or graph(), version=version,
                       **{"name": "mean", "size": SIZE, "look_again": 0.3, "reject": 0.6, **more}).parent


def encode(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file, kind, **options)
    return file.getvalue()


class Line:
    """A service and its client."""

    def __init__(self, folder: Path, *options: object):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "helpers.inspector", str(folder), "--port=0", *map(str, options)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        ready = r"inspector: mean \d on http://127\.0\.0\.1:(\d+) \(ready\)\n"
        self.port = int(re.fullmatch(ready, self.process.stdout.readline())[1])

    def ask(self, body: object, part: str = "A1", to: str = "POST /inspect",
            source: str = "127.0.0.1") -> tuple[int, dict]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, 60, source_address=(source, 0))) as client:
            client.request(*to.split(), body, {"X-Part": part})
            answer = client.getresponse()
            assert answer.headers["Retry-After"] == ("1" if answer.status == 503 and "inspect" in to else None)
            return answer.status, json.loads(answer.read())

    def health(self) -> dict:
        return self.ask(None, to="GET /health")[1]

    def until(self, key: str, value: str | int) -> None:
        end = time.monotonic() + 30
        while not str(self.health()[key]).startswith(str(value)):
            assert time.monotonic() < end, self.health()
            time.sleep(0.01)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder, random = tmp_path_factory.mktemp("model"), np.random.default_rng(0)
    for day in range(10, 32):
        (folder / f"parts-2020-01-{day}.csv").touch()
        (folder / f"parts-2020-03-{day}.csv").touch()
    usual = {"brightness": (120, 5), "contrast": (80, 5), "probability": (1.1 * LIGHT, 0.02)}
    write(folder, white=4095, reference={key: random.normal(*values, 400) for key, values in usual.items()})
    with Line(folder, "--max-megabytes=1", "--log", folder) as line:
        line.folder = folder
        yield line


TURNED = Image.Exif()
TURNED[274] = 6  # turn by 90 degrees to see it upright
DEEP = (UPRIGHT.astype(float) / 255 * 4095).astype(np.uint16)
BOMB = encode(Image.new("1", (10_000, 10_000)))
GOOD = {"png": encode(UPRIGHT), "jpeg": encode(UPRIGHT, "JPEG"), "bmp": encode(UPRIGHT, "BMP"),
        "tiff": encode(UPRIGHT, "TIFF"), "deep png": encode(DEEP), "deep tiff": encode(DEEP, "TIFF"),
        "float": encode(DEEP.astype(np.float32), "TIFF"), "colour": encode(UPRIGHT[..., None].repeat(3, 2)),
        "palette": encode(Image.fromarray(UPRIGHT).convert("P")),
        "turned": encode(np.rot90(UPRIGHT), "JPEG", exif=TURNED), "turned deep": encode(np.rot90(DEEP), exif=TURNED)}


@pytest.mark.parametrize("kind", GOOD)
def test_a_picture_of_each_kind_is_judged(line: Line, kind: str) -> None:
    status, answer = line.ask(GOOD[kind], part=kind)
    assert answer.pop("milliseconds") > 0 and answer.pop("brightness") == pytest.approx(120, abs=2), answer
    assert answer.pop("probability") == pytest.approx(1.1 * LIGHT, abs=0.02) and answer.pop("contrast") > 70
    assert (status, answer) == (200, {"part": kind, "verdict": "reject", "reason": "", "model": "mean 1"})


@pytest.mark.parametrize(("body", "status", "reason"), [
    (b"", 422, "cannot identify"), (b"text" * 99, 422, "cannot identify"), (GOOD["png"][:-30], 422, "truncated"),
    (encode(UPRIGHT, "GIF"), 422, "cannot identify"), (encode(np.float32(np.nan * DEEP), "TIFF"), 422, "numbers"),
    (BOMB, 422, "10000 x 10000"), (BOMB[:200], 422, "10000 x 10000"), (bytes(30_000_000), 413, "1,000,000 bytes"),
    ([bytes(1000)] * 30_000, 413, "1,000,000 bytes"), (encode(UPRIGHT * 0 + 255), 500, "no probability")],
    ids=["empty", "text", "cut off", "gif", "nan", "bomb", "head of a bomb", "long", "long and chunked", "unexpected"])
def test_what_cannot_be_judged_is_answered(line: Line, body: object, status: int, reason: str) -> None:
    answered, answer = line.ask(body)
    assert (answered, answer["verdict"], answer["probability"]) == (status, "not judged", None)
    assert reason in answer["reason"]
    assert line.ask(GOOD["png"])[0] == 200  # and it goes on


def test_limits_of_charts_and_no_white(tmp_path: Path) -> None:
    calm, moved = [-1, 1] * 50, [-1, 1] * 20 + [1] * 40
    write(tmp_path, reference={"brightness": calm, "contrast": moved, "probability": calm})
    charts = Model.load(tmp_path).content["drift"]
    assert [chart["limit"] for chart in charts.values()] == pytest.approx([0.4804, 1 - 0.95**40, 0.4804], abs=1e-4)
    with pytest.raises(NotJudged, match="more than 8 bits"):
        Model.load(write(tmp_path)).judge(GOOD["deep png"])


def test_log_and_drift(line: Line) -> None:
    assert line.ask(None, to="POST /reload") == (200, {"model": "mean 1", "reason": ""})  # the charts start anew
    assert not any(chart["alarm"] or chart["ewma"] for chart in line.health()["drift"].values())
    for picture, times, alarm in ((GOOD["png"], 40, False), (encode(UPRIGHT // 2), 20, True), (GOOD["png"], 90, False)):
        for _ in range(times):
            line.ask(picture, part="=1+1")
        assert [chart["alarm"] for chart in line.health()["drift"].values()] == [alarm] * 3
    assert line.ask(GOOD["png"], part="x" * 101)[0] == line.ask(GOOD["png"], part="\xa0")[0] == 422
    assert line.health()["log"] == "ok" and line.stop() == 0  # and all lines are written
    files = sorted(line.folder.glob("parts-*.csv"))
    rows = [row for file in files for row in csv.DictReader(file.read_text("utf-8").splitlines())]
    assert len(files) == 30 and sum(row["part"] == "'=1+1" for row in rows) == 150
    assert float(rows[-3]["probability"]) > 0.8 and rows[-1]["verdict"] == "not judged" and rows[-1]["reason"]
    charts = csv.DictReader((line.folder / "drift.csv").read_text("utf-8").splitlines())
    assert [row["alarm"] for row in charts if row["quantity"] == "contrast"][-2:] == ["True", "False"]


def test_a_log_that_cannot_be_written_and_a_stranger_stop_nothing(tmp_path: Path) -> None:
    with Line(write(tmp_path), "--log", tmp_path / "model.json" / "log") as line:
        assert line.ask(GOOD["png"])[0] == line.ask(GOOD["png"])[0] == 200
        line.until("log", "lines are lost")
        if sys.platform == "linux":  # where 127.0.0.2 is another name for this computer
            status, answer = line.ask(None, to="POST /reload", source="127.0.0.2")
            assert status == 409 and "only" in answer["reason"]


def test_a_bad_folder_is_a_sentence_and_exit_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    good = (write(tmp_path) / "model.json").read_text("utf-8")
    taken = socket.create_server(("127.0.0.1", 0))  # so that a folder that is accepted is not served for ever
    monkeypatch.setattr(sys, "argv", ["inspector", str(tmp_path), f"--port={taken.getsockname()[1]}"])
    for old, new, sentence in (
            ('"format": 1', '"format": 2', "format 2"), ('"white": null', '"x": 1', "lacks white"),
            ("{", "", "JSONDecodeError"), (" 16,", " 15,", "INVALID_ARGUMENT"),
            ('"golden": 0', '"golden": 1', "golden answer"), ('"golden": 0', '"golden": NaN, "x": 0', "golden answer"),
            ('"file": "', '"file": "x', "No such file"), ('"sha256": "', '"sha256": "x', "damaged"),
            ("", "", "choose another --port")):
        (tmp_path / "model.json").write_text(good.replace(old, new, 1), "utf-8")
        with pytest.raises(SystemExit, match="2"):
            main()
        error = capsys.readouterr().err
        assert sentence in error and "What to do: " in error and error.count("\n") == 1
    taken.close()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"pip install -e \"\.\[deploy\]\""):
        write(tmp_path)


def test_a_swap_under_load_loses_and_mixes_nothing(tmp_path: Path) -> None:
    models = {version: graph(gain, products=2) for version, gain in (("1", 1.1), ("2", 0.5))}
    done = threading.Event()
    with ThreadPoolExecutor(4) as pool, Line(write(tmp_path, models["1"]), "--deadline=60000") as line:
        askers = [pool.submit(lambda: [line.ask(GOOD["png"]) for _ in iter(done.is_set, True)]) for _ in range(4)]
        for version in "2121":
            write(tmp_path, models[version], version)
            assert line.ask(None, to="POST /reload") == (200, {"model": f"mean {version}", "reason": ""})
            assert line.ask(GOOD["png"])[1]["model"] == f"mean {version}"
        file = tmp_path / json.loads((tmp_path / "model.json").read_text("utf-8"))["file"]
        file.write_bytes(bytes([models["1"][0] ^ 1]) + models["1"][1:])
        status, answer = line.ask(None, to="POST /reload")
        assert status == 409 and "damaged" in answer["reason"] and line.ask(GOOD["png"])[1]["model"] == "mean 1"
        done.set()
        judged = {(status, answer["model"], answer["verdict"], round(answer["probability"], 2))
                  for asker in askers for status, answer in asker.result()}
        assert judged == {(200, "mean 1", "reject", 0.86), (200, "mean 2", "look again", 0.39)}


def test_what_is_late_or_broken_off_is_not_judged_and_asked_again(tmp_path: Path) -> None:
    with ThreadPoolExecutor(12) as pool:
        with Line(write(tmp_path, graph(products=160)), "--deadline=500") as line:
            reasons = [answer["reason"] for _, answer in pool.map(line.ask, [GOOD["png"]] * 12)]
            assert 0 < reasons.count("") == 12 - sum("has passed" in reason for reason in reasons) < 12
            client = http.client.HTTPConnection("127.0.0.1", line.port)
            client.putrequest("POST", "/inspect")  # the body never comes
            client.putheader("Content-Length", "9")
            client.endheaders()
            line.until("waiting", 1)
            client.close()
            line.until("waiting", 0)
            answer = pool.submit(line.ask, GOOD["png"])
            line.until("waiting", 1)
            line.process.kill()
            with pytest.raises((OSError, http.client.HTTPException)):
                answer.result()
        with Line(tmp_path) as line:
            assert line.ask(GOOD["png"])[1]["verdict"] == "reject"


def test_the_same_judgement_without_a_service(tmp_path: Path) -> None:
    model = Model.load(write(tmp_path, white=65_535), megapixels=0.01)
    deep = encode(UPRIGHT.astype(np.uint16) * 257)
    answers = [model.judge(picture) for picture in (GOOD["png"], deep)]
    assert [answer["verdict"] for answer in answers] == ["reject", "reject"] and answers[0] == answers[1]
    assert answers[0]["probability"] == pytest.approx(1.1 * LIGHT, abs=0.01)
    for picture in (encode(np.zeros((101, 100), np.uint8)), encode(np.full((9, 9), np.nan, np.float32), "TIFF")):
        with pytest.raises(NotJudged):
            model.judge(picture)
    with pytest.raises(ValueError):
        write(tmp_path, look_again=0.9)
    with pytest.raises(ValueError):
        write(tmp_path, reference=dict.fromkeys(("brightness", "contrast", "probability"), [1.0] * 9))
    write(tmp_path, graph(9.0))
    with pytest.raises(ValueError):
        Model.load(tmp_path).judge(GOOD["png"])


def test_overload_is_answered_and_takes_no_memory_and_sigterm_answers_what_waits(tmp_path: Path) -> None:
    picture = encode(UPRIGHT.repeat(50, 0).repeat(50, 1), "BMP")  # 6 MB
    options = "--queue=4", "--deadline=60000"
    with ThreadPoolExecutor(30) as pool, Line(write(tmp_path, graph(products=60)), *options) as line:
        line.ask(picture)
        process, peak = psutil.Process(line.process.pid), 0
        rest = process.memory_info().rss
        answers = [pool.submit(line.ask, picture) for _ in range(60)]
        while not all(answer.done() for answer in answers):
            peak = max(peak, process.memory_info().rss)
            assert line.health()["waiting"] <= 4 and line.health()["status"] == "ok"
        counts = Counter((status, answer["verdict"]) for status, answer in (answer.result() for answer in answers))
        assert set(counts) == {(200, "reject"), (503, "not judged")} and counts.total() == 60
        assert peak - rest < 100e6, f"{(peak - rest) / 1e6:.0f} MB"
        waiting = [pool.submit(line.ask, GOOD["png"]) for _ in range(4)]
        line.until("waiting", 4)
        line.process.send_signal(signal.SIGTERM)
        line.until("status", "stopping")
        assert "stopping" in line.ask(b"")[1]["reason"]
        assert [answer.result()[0] for answer in waiting] == [200] * 4 and line.process.wait(60) == 0
