"""A class on one server: thirty kernels at once, data on a read-only share, students who may not write to the course.

Students are other users where the tests run as root (through setpriv, part of util-linux). An ordinary user plays
them itself: the folders' permissions hold for it anyway.
"""

import ast
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from jupyter_client import BlockingKernelClient, KernelManager

from helpers.data import CATALOG, unpack
from tests.course import LESSONS, ROOT, read_cells
from tests.fault_server import FaultServer, whole
from tests.mutation import LEFT_OUT

STUDENTS = 30
FILES = [file.name for file in CATALOG["mnist"].forms["idx files"]]
PREPARED = {"mnist.pt", ".mnist.lock"}  # the lock is an empty file that stays
ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0


def environment(home: Path, **changes: object) -> dict[str, str]:
    """This environment with another home, without settings of Jupyter, the course and the coverage measurement."""
    ours = re.compile(r"(COURSE|COVERAGE|COV_CORE|JUPYTER|IPYTHON|MPL|XDG)")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT)} | {name: str(value) for name, value in changes.items()}


def student(number: int, home: Path) -> list[str]:
    """The beginning of a command that student `number`, the owner of the folder `home`, runs.

    The right to read everything is left: the interpreter itself may lie in root's own folder.
    """
    home.mkdir(exist_ok=True)
    if not ROOT_USER:
        return []
    if shutil.which("setpriv") is None:
        message = "needs setpriv, of util-linux 2.31 or newer, to become another user; or run the tests as one"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    os.chown(home, number, number)
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search", "--"]


def python(arguments: list[str], home: Path, number: int = 60_001, **settings: object) -> subprocess.CompletedProcess:
    """Run the interpreter as a student."""
    command = [*student(number, home), sys.executable, *arguments]
    return subprocess.run(command, env=environment(home, **settings), capture_output=True, text=True, timeout=600)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Name, size and time of change of every file under a folder."""
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher's mirror that holds a made-up MNIST of the full size."""
    folder = tmp_path_factory.mktemp("mirror")
    generator = torch.Generator().manual_seed(0)
    sums = ""
    for name, shape in zip(FILES, [(60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)], strict=True):
        array = torch.randint(0, 10, shape, generator=generator, dtype=torch.uint8).numpy()
        raw = gzip.compress(unpack.write_idx(array), 1)
        (folder / name).write_bytes(raw)
        sums += f"{hashlib.sha256(raw).hexdigest()}  {name}\n"
    (folder / "SHA256SUMS").write_text(sums)
    return folder


# A digest of all tensors, the source line, and how often this process went to fetch; with a pause, so that all ask.
LOAD = """
import hashlib, os, time
from helpers.data import load, load_mnist
os.environ.update({settings!r})
fetched, obtain = [], load.obtain
load.obtain = lambda name: (fetched.append(name), time.sleep({pause}), obtain(name))[-1]
begin = time.monotonic()
data = load_mnist()
end = time.monotonic()
load.obtain = obtain
parts = (data.train_images, data.train_labels, data.test_images, data.test_labels)
digest = hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()
told = (digest, data.source, len(fetched), begin, end)
"""


def ask(client: BlockingKernelClient, code: str) -> tuple:
    """Run code in a kernel and return its `told`."""
    reply = client.execute(code, reply=True, timeout=120, user_expressions={"told": "told"})["content"]
    assert reply["status"] == "ok", reply
    return ast.literal_eval(reply["user_expressions"]["told"]["data"]["text/plain"])


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[BlockingKernelClient]]:
    """Thirty kernels, each started as JupyterLab starts one, with the toolbox imported."""
    settings = environment(tmp_path_factory.mktemp("home"), COURSE_OFFLINE="0", OMP_NUM_THREADS=1)
    # files, not ports: of so many free ports one may be taken before its kernel, half a minute later, opens it
    sockets = [{} if sys.platform == "win32" else {"transport": "ipc", "ip": str(tmp_path_factory.mktemp("k") / "k")}
               for _ in range(STUDENTS)]
    managers = [KernelManager(kernel_name="python3", **where) for where in sockets]
    for manager in managers:
        manager.start_kernel(env=settings, cwd=str(ROOT / "notebooks"))
    clients = [manager.blocking_client() for manager in managers]
    try:
        for client in clients:
            client.start_channels()
            client.wait_for_ready(timeout=120)
        with ThreadPoolExecutor(STUDENTS) as pool:
            list(pool.map(ask, clients, ["import helpers.data; told = ()"] * STUDENTS))
        yield clients
    finally:
        for client, manager in zip(clients, managers, strict=True):
            client.stop_channels()
            manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("on_web", [False, True], ids=["folder", "address"])
def test_thirty_kernels_prepare_a_data_set_once(on_web: bool, kernels: list, mirror: Path, tmp_path: Path) -> None:
    with FaultServer() as server:
        for name in (*FILES, "SHA256SUMS"):
            server.plan[f"/{name}"] = [whole((mirror / name).read_bytes())]
        settings = {"COURSE_DATA": str(tmp_path / "data"), "COURSE_MIRROR": server.address if on_web else str(mirror)}
        with ThreadPoolExecutor(STUDENTS) as pool:
            told = list(pool.map(ask, kernels, [LOAD.format(settings=settings, pause=2)] * STUDENTS))
        digests, sources, fetched, begins, ends = zip(*told, strict=True)
    assert max(begins) < min(ends), "they did not ask at once"
    assert len(set(digests)) == len(set(sources)) == 1
    assert sources[0].startswith("copy of MNIST") and sources[0].endswith("from a mirror (COURSE_MIRROR)")
    assert sum(fetched) == 1, "more than one kernel went to the mirror"
    downloaded = {name for file in FILES for name in (file, f".{file}.origin")} if on_web else set()
    assert set(files(tmp_path / "data")) == PREPARED | downloaded
    assert Counter(path for path, _ in server.log if path.endswith(".gz")) == dict.fromkeys(
        [f"/{name}" for name in FILES] if on_web else [], 1)


def test_a_killed_kernel_holds_nobody_up_and_leaves_nothing(mirror: Path, tmp_path: Path) -> None:
    killed = """
import os, signal
from helpers.data import load, prepared
def save(values, stream):
    stream.write(bytes(1_000_000))
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
prepared.torch.save = save
load.prepare("mnist")
"""
    settings = {"COURSE_DATA": tmp_path / "home" / "data", "COURSE_MIRROR": mirror, "COURSE_OFFLINE": 1}
    assert python(["-c", killed], tmp_path / "home", **settings).returncode == -9
    again = python(["-m", "helpers.data", "fetch", "mnist"], tmp_path / "home", **settings)
    assert again.stdout.startswith("[OK] copy of MNIST"), again.stderr
    assert set(files(tmp_path / "home" / "data")) == PREPARED


def test_students_of_different_accounts_share_a_data_folder(mirror: Path, tmp_path: Path) -> None:
    shared = tmp_path / "data"
    shared.mkdir()
    shared.chmod(0o777)
    settings = {"COURSE_DATA": shared, "COURSE_MIRROR": mirror, "COURSE_OFFLINE": 1}
    for number, name in ((60_001, "first"), (60_002, "second")):
        done = python(["-m", "helpers.data", "fetch", "mnist"], tmp_path / name, number, **settings)
        assert done.stdout.startswith("[OK] copy of MNIST"), done.stderr
        (shared / "mnist.pt").unlink()  # so that the second prepares too, with the first one's lock lying there
    assert files(tmp_path / "first") == files(tmp_path / "second") == {}


@pytest.fixture(scope="module")
def prepared(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared file of MNIST."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = environment(folder, COURSE_DATA=folder, COURSE_MIRROR=mirror)
    subprocess.run([sys.executable, "-m", "helpers.data", "fetch", "mnist"], env=settings, check=True)
    return folder / "mnist.pt"


@pytest.fixture
def share(prepared: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder that students may only read, with MNIST prepared in it."""
    folder = tmp_path / "share"
    folder.mkdir()
    shutil.copy2(prepared, folder)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


READ = """
from helpers.data import load, load_mnist, load_play
print(load_mnist().source)
print(load_play().source)
load.prepare("play")
"""


def test_prepared_data_are_read_from_a_share_and_the_rest_is_kept_at_home(share: Path, tmp_path: Path) -> None:
    before = files(share)
    read = python(["-c", READ], tmp_path / "home", COURSE_DATA=share, COURSE_OFFLINE=1)
    first, second = read.stdout.splitlines()
    assert first.startswith("copy of MNIST") and first.endswith("from a mirror (COURSE_MIRROR)")
    assert second.startswith("STAND-IN: simulated, because Romeo and Juliet could not be had")
    assert f"What to do: put pg1513.txt, or romeo-and-juliet.md into {share}" in read.stderr
    assert [path.parent for path in (tmp_path / "home").rglob("stand-in-play-*.pt")] != []
    assert files(share) == before


def test_a_damaged_file_on_a_share_is_made_again_once(share: Path, mirror: Path, tmp_path: Path) -> None:
    path = share / "mnist.pt"
    path.write_bytes(path.read_bytes()[:-1000])
    settings = {"COURSE_DATA": share, "COURSE_MIRROR": mirror, "COURSE_OFFLINE": 1}
    once = LOAD.format(settings={}, pause=0) + "print(len(fetched))\n"
    read = python(["-c", once * 2], tmp_path / "home", **settings)
    assert read.stdout.split() == ["1", "0"], read.stderr


def test_a_student_who_may_write_nowhere_reads_the_share_and_is_told(share: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    student(60_001, home)
    home.chmod(0o555)
    read = python(["-c", READ], home, COURSE_DATA=share, COURSE_OFFLINE=1)
    assert read.stdout.startswith("copy of MNIST") and len(read.stdout.splitlines()) == 1
    assert "DataError: No data folder can be written to" in read.stderr and "set COURSE_DATA" in read.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the course that students may only read."""
    root = tmp_path_factory.mktemp("server") / "course"
    shutil.copytree(ROOT, root, ignore=LEFT_OUT)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield root
    for path in folders:
        path.chmod(0o755)


EXECUTE = """
import sys, nbformat
from pathlib import Path
from tests.refresh import execute
nbformat.write(execute(Path(sys.argv[1]), timeout=300), sys.argv[2])
"""


@pytest.fixture(scope="module")
def lessons_run(installed: Path, request: pytest.FixtureRequest) -> Iterator[tuple[dict[Path, Future], dict]]:
    """Each chosen lesson without data, at the small size, by a student who may not write to the course: two at a time.

    With the files of the course before.
    """
    before = files(installed)
    test = "test_a_student_runs_the_lesson_on_stand_ins_and_is_told"
    chosen = [item.callspec.params["path"] for item in request.session.items
              if getattr(item, "originalname", "") == test]

    def run(path: Path, home: Path) -> tuple[subprocess.CompletedProcess, Path]:
        saved = home / path.name
        settings = {"COURSE_STANDIN": 1, "COURSE_FAST": 1, "PYTHONPATH": installed, "OMP_NUM_THREADS": 1}
        return python(["-c", EXECUTE, str(installed / "notebooks" / path.name), str(saved)], home, **settings), saved

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        Path(folder).chmod(0o755)  # homes are reached without root's rights: IPython asks whether it may write there
        yield {path: pool.submit(run, path, Path(folder) / path.stem) for path in chosen}, before
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_student_runs_the_lesson_on_stand_ins_and_is_told(
        path: Path, installed: Path, lessons_run: tuple[dict[Path, Future], dict]) -> None:
    runs, before = lessons_run
    done, saved = runs[path].result()
    assert done.returncode == 0, done.stderr[-3000:]
    assert files(installed) == before
    cells = read_cells(saved)
    shown = "".join(str(output.get("text", "")) for cell in cells for output in cell.get("outputs", ()))
    assert ("STAND-IN: simulated" in shown) == any("import load_" in cell["source"] for cell in cells)
