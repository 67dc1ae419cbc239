"""A class on one server: thirty kernels at once, a data folder of several accounts, data on a read-only share."""

import ast
import gzip
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient, KernelManager

from helpers.data import MNIST
from tests.course import ROOT
from tests.fault_server import FaultServer, whole
from tests.lab import environment, files, student

STUDENTS = 30
FILES = [file.name for file in MNIST.forms["idx files"]]
KEPT = {"mnist-0.pt", ".mnist.lock"}  # the lock is an empty file that stays


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher's mirror that holds a made-up MNIST of the full size."""
    folder = tmp_path_factory.mktemp("mirror")
    sums = ""
    for name, shape in zip(FILES, [(60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)], strict=True):
        content = bytes(range(10)) * (shape[0] // 10 * (784 if len(shape) == 3 else 1))
        raw = gzip.compress(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + content, 1)
        (folder / name).write_bytes(raw)
        sums += f"{hashlib.sha256(raw).hexdigest()}  {name}\n"
    (folder / "SHA256SUMS").write_text(sums, "utf-8")
    return folder


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[BlockingKernelClient]]:
    """Thirty kernels, each started as JupyterLab starts one, with the toolbox imported."""
    settings = environment(tmp_path_factory.mktemp("home"), PYTHONPATH=ROOT, OMP_NUM_THREADS=1)
    # files, not ports: of so many free ports one may be taken before its kernel, half a minute later, opens it
    sockets = [{} if os.name != "posix" else {"transport": "ipc", "ip": str(tmp_path_factory.mktemp("k") / "k")}
               for _ in range(STUDENTS)]
    managers = [KernelManager(kernel_name="python3", **where) for where in sockets]
    for manager in managers:
        manager.start_kernel(env=settings, cwd=str(ROOT / "notebooks"))
    clients = [manager.blocking_client() for manager in managers]
    try:
        for client in clients:
            client.start_channels()
            client.wait_for_ready(timeout=300)
        with ThreadPoolExecutor(STUDENTS) as pool:
            list(pool.map(ask, clients, ["import helpers.data; told = ()"] * STUDENTS))
        yield clients
    finally:
        for client, manager in zip(clients, managers, strict=True):
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def ask(client: BlockingKernelClient, code: str) -> tuple:
    """Run code in a kernel and return its `told`."""
    reply = client.execute(code, reply=True, timeout=300, user_expressions={"told": "told"})["content"]
    assert reply["status"] == "ok", reply
    return ast.literal_eval(reply["user_expressions"]["told"]["data"]["text/plain"])


# A digest of all tensors, the source line, and how often this process went to fetch; with a pause, so that all ask.
LOAD = """
import hashlib, os, time
from helpers.data import load, load_mnist
os.environ.update({settings!r})
fetched, fetch = [], load.fetch
load.fetch = lambda *wanted: (fetched.append(wanted), time.sleep(3), fetch(*wanted))[-1]
begin = time.monotonic()
data = load_mnist()
end = time.monotonic()
load.fetch = fetch
parts = (data.train_images, data.train_labels, data.test_images, data.test_labels)
digest = hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()
told = (digest, data.source, len(fetched), begin, end)
"""


@pytest.mark.parametrize("on_web", [False, True], ids=["folder", "address"])
def test_thirty_kernels_fetch_a_data_set_once(on_web: bool, kernels: list, mirror: Path, tmp_path: Path) -> None:
    with FaultServer() as server:
        for name in (*FILES, "SHA256SUMS"):
            server.plan[f"/{name}"] = [whole((mirror / name).read_bytes())]
        settings = {"COURSE_DATA": str(tmp_path / "data"), "COURSE_MIRROR": server.address if on_web else str(mirror)}
        with ThreadPoolExecutor(STUDENTS) as pool:
            told = list(pool.map(ask, kernels, [LOAD.format(settings=settings)] * STUDENTS))
    digests, sources, fetched, begins, ends = zip(*told, strict=True)
    assert max(begins) < min(ends), "they did not ask at once"
    assert len(set(digests)) == len(set(sources)) == 1
    assert sources[0].startswith("copy of MNIST") and sources[0].endswith("from a mirror (COURSE_MIRROR)")
    assert sum(fetched) == 1, "more than one kernel went to the mirror"
    assert set(files(tmp_path / "data")) == KEPT | set(FILES if on_web else ())
    assert Counter(path for path, _ in server.log if path.endswith(".gz")) == dict.fromkeys(
        [f"/{name}" for name in FILES] if on_web else [], 1)


def python(arguments: list[str], home: Path, number: int = 60_001, **settings: object) -> subprocess.CompletedProcess:
    """Run the interpreter as a student without a network."""
    own = environment(home, PYTHONPATH=ROOT, COURSE_OFFLINE=1, **settings)
    return subprocess.run([*student(home, number), sys.executable, *arguments], env=own, capture_output=True,
                          encoding="utf-8", timeout=600)


@pytest.fixture(scope="module")
def share(mirror: Path) -> Iterator[Path]:
    """A folder of MNIST in reach of students without root's rights, fetched by two accounts in turn, then read-only."""
    with tempfile.TemporaryDirectory() as folder:
        (share := Path(folder) / "share").mkdir()
        share.parent.chmod(0o755)
        share.chmod(0o777)
        for number in (60_001, 60_002):
            (share / "mnist-0.pt").unlink(missing_ok=True)  # the second fetches too, with the first one's lock there
            done = python(["-m", "helpers.data", "fetch", "mnist"], share.parent / f"{number}", number,
                          COURSE_DATA=share, COURSE_MIRROR=mirror)
            assert done.stdout.startswith("[OK] copy of MNIST"), done.stderr
        share.chmod(0o555)
        yield share
        share.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="accounts and permissions of POSIX")
@pytest.mark.parametrize("own_home", [True, False], ids=["home", "nowhere"])
def test_students_read_the_share_of_other_accounts_and_are_told_what_is_missing(own_home: bool, share: Path) -> None:
    """A student who may write nowhere is told."""
    home = share.with_name(f"home {own_home}")
    before = files(share)
    student(home)
    home.chmod(0o755 if own_home else 0o555)
    code = "import helpers.data as data; print(data.load_mnist().source); print(data.load_romeo_and_juliet().source)"
    read = python(["-c", code], home, COURSE_DATA=share)
    first, *rest = read.stdout.splitlines()
    assert first.startswith("copy of MNIST") and first.endswith("from a mirror (COURSE_MIRROR)")
    assert files(share) == before and set(before) == KEPT
    assert list(home.rglob("*.pt")) == []  # a stand-in is drawn anew
    if own_home:
        assert rest[0].startswith("STAND-IN: simulated") and "Romeo and Juliet" in rest[0]
        assert rest[-1].startswith(f"What to do: put pg1513.txt, or romeo-and-juliet.md into {share}")
    else:
        assert rest == []
        assert "DataError: No data folder can be written to" in read.stderr and "set COURSE_DATA" in read.stderr
