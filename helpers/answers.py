"""Answers to the coded exercises: found in a reader's notebook, and checked in a process of its own, within fences.

An audit hook ends that process when an answer writes a file, opens the network or starts a process. Time and memory are
watched; Linux and macOS limit CPU time and file size, too, and Linux's Landlock refuses the same again in the kernel.
These fences stop accidents and pranks. They are no prison: an answer can read files, and one made to cheat can cheat.
"""

import ast
import ctypes
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import psutil

PROJECT = Path(__file__).resolve().parents[1]
RIGHT, WRONG, DID_NOT_RUN, NOT_ATTEMPTED = STATUSES = "right", "wrong", "did not run", "not attempted"  # best first
UNTOUCHED = re.compile(r'"""\s*raise NotImplementedError\s*\Z')  # how a stub ends
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
REFUSED = {  # beginnings of audit events (docs.python.org/3/library/audit_events.html) -> what an answer tried
    ("socket.",): "open the network",
    ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty."): "start a process",
    ("os.kill", "signal.pthread_kill", "resource.", "gc.get_", "ctypes."): "reach out of its place",
    ("os.", "shutil.", "sqlite3.", "winreg.", "_winapi."): "change a file or a folder",
}
HARMLESS = {"os.listdir", "os.scandir", "os.walk", "os.chdir", "os.putenv", "os.unsetenv", "socket.gethostname"}


class NotANotebook(Exception):
    """Why a file cannot be read as a notebook, as a sentence."""


class Result(NamedTuple):
    """What became of an exercise: one of `STATUSES`, the sentence to it, and the file that it was read from."""

    status: str
    sentence: str
    file: str = ""


def read(path: Path) -> dict[str, Any]:
    """A notebook as it is in its file, each cell's source as one string. Raises NotANotebook."""
    try:
        if not path.is_file() or path.stat().st_size > 300e6:
            raise NotANotebook("The file is no ordinary file, or larger than 300 MB.")
        notebook = json.loads(path.read_text("utf-8-sig"))
        for cell in notebook["cells"]:
            cell |= {"source": "".join(cell["source"]), "metadata": dict(cell.get("metadata", {}))}
        return notebook
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise NotANotebook(f"The file is not a notebook of Jupyter ({type(error).__name__}).") from error


def code(notebook: dict, exercises: bool) -> list[dict]:
    """The code cells that are tagged as exercises, or the others."""
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"
            and exercises == ("exercise" in (cell["metadata"].get("tags") or ()))]


def find_answer(notebook: dict, function: str) -> dict | None:
    """The code cell that defines a function: an answered one before a stub, a tagged one first, then the last."""
    defines = re.compile(rf"^(?:(?:async )?def +{function}\b|{function} *= *lambda\b)", re.M)
    cells = [cell for cell in code(notebook, False) + code(notebook, True) if defines.search(cell["source"])]
    return next((cell for cell in cells[::-1] if not UNTOUCHED.search(cell["source"])), cells[-1] if cells else None)


def lessons(project: Path = PROJECT) -> dict[str, dict[str, dict]]:
    """The lessons of the course: name -> function -> the exercise's cell. Raises NotANotebook."""
    paths = (path for path in sorted((project / "notebooks").glob("[0-9][0-9]_*.ipynb"))
             if re.fullmatch(r"[a-z0-9_]+", path.stem))  # no copies, which lie beside them
    return {path.stem: {match[1]: cell for cell in code(read(path), True)
                        if (match := re.search(r"^def (\w+)", cell["source"], re.M))} for path in paths}


def lesson_of(stem: str, known: Iterable[str]) -> tuple[str, str]:
    """The lesson that a file's name tells by number and slug, empty if none, and what else is in the name."""
    for lesson in known:
        name = r"[\W_]*".join(lesson.split("_"))
        if match := re.search(rf"(?<!\d){name}(?![^\W_])", stem, re.I):
            rest = f"{stem[:match.start()]} {stem[match.end():]}"
            return lesson, re.sub(r"\(\d+\)|-(copy|kopie) *\d*\b", "", rest, flags=re.I).strip(" _-.")
    return "", stem


def plain(text: str) -> str:
    """Text without control characters and doubled blanks, for a terminal and a table."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def frame(lesson: str) -> list[ast.stmt]:
    """What surrounds a lesson's exercises: the imports, functions and classes of the course's own copy."""
    cells = code(read(PROJECT / "notebooks" / f"{lesson}.ipynb"), False)
    return [node for cell in cells for node in ast.parse(cell["source"]).body if isinstance(node, DEFINITIONS)]


def _landlock() -> bool:
    """Let the kernel refuse writing, programs, TCP (6.7) and signals to others (6.12), if it can: see landlock(7)."""
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None).syscall  # 444 and 446 create and enforce a set of rules; with 157, 38 no new rights
    version = system(444, None, ctypes.c_size_t(0), 1)
    files = 0x1FF3 | (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15  # all but to read
    rules = (ctypes.c_uint64 * 3)(files, 3 * (version >= 4), 3 * (version >= 6))
    size = ctypes.c_size_t(8 if version < 4 else 16 if version < 6 else 24)
    ruleset = system(444, rules, size, 0) if version > 0 else -1
    return ruleset >= 0 and ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0 and system(446, ruleset, 0) == 0


def _fence(send: Callable[[str, str], None], seconds: int, megabytes: int, folder: str) -> str:
    """Put up the fences and name them. What the hook refuses raises an error while a reader's imports are run; after
    that (the event "exercise") it ends the process, so that no answer can go on.
    """
    fences, leave = ["a watch on time and memory", "an audit hook"], os._exit
    os.chdir(folder)
    os.environ.update(HOME=folder, USERPROFILE=folder, TMPDIR=folder)
    for stream in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    sys.modules["torch"]._C.PyTorchFileWriter = lambda *_: sys.audit("shutil.save")  # no hook hears it open its file
    if os.name == "posix":
        import resource

        memory = psutil.Process().memory_info().vms + megabytes * 10**6
        for name, most in {"CORE": 0, "FSIZE": 0, "AS": memory, "CPU": int(time.process_time()) + seconds + 2}.items():
            with suppress(ValueError, OSError):  # macOS has no limit of memory
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
        fences.append("limits of CPU time and file size")
    fences += ["Landlock"] * _landlock()
    flags, strict = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, []

    def hook(event: str, details: tuple) -> None:
        strict.extend([event] * (event == "exercise"))
        tried = next((tried for begins, tried in REFUSED.items() if event.startswith(begins)), "")
        if event == "open" and (set(str(details[1])) & {*"wax+"} or (details[2] or 0) & flags):
            tried = "write a file"
        if tried and event not in HARMLESS:
            if not strict:
                raise PermissionError(event)
            named = details[0] if details and isinstance(details[0], str) else ""
            send(DID_NOT_RUN, f"It tried to {tried}: {event} {named}")
            leave(0)

    sys.addaudithook(hook)
    return ", ".join(fences)


def _define(source: str, names: dict[str, Any]) -> str:
    """Run what a cell defines, without IPython's own lines, calls and loops; return what went wrong last."""
    told = ""
    try:
        for node in ast.parse(re.sub(r"^[%!].*|^\??[\w.]+\?+$", "", source, flags=re.M)).body:
            if isinstance(node, (*DEFINITIONS, ast.Assign, ast.AnnAssign)):
                try:
                    exec(compile(ast.Module([node], []), "cell", "exec"), names)
                except Exception as error:
                    told = f"Its cell raised {type(error).__name__}: {error}"
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        told = f"Python cannot read its cell. {type(error).__name__}: {error}"
    return told


def examine(connection: Connection, token: str, lesson: str, function: str, imports: list[str],
             sources: dict[str, str], limits: tuple[int, int, str]) -> None:
    """Check one function, and send the token with each word, for only this function knows it."""
    def send(status: str, sentence: str) -> None:
        connection.send_bytes(json.dumps([token, status, sentence[:1000]]).encode())

    if os.name == "posix":
        os.setsid()  # so that it can be killed with all that it may start
        os.closerange(3, connection.fileno())  # what it would share with the process that it was forked from
        os.closerange(connection.fileno() + 1, 10_000)
    names, leave = {"__name__": lesson}, os._exit
    for node in frame(lesson):
        with suppress(Exception):  # a package that is not here, or a default that is computed above
            exec(compile(ast.Module([node], []), lesson, "exec"), names)
    check = names[f"check_{function}"]
    engine = sys.modules[type(check).__module__]
    watched = [vars(place) for place in (engine, engine.Exercise, engine.Verdict, check, engine.torch.testing)]
    before = [[*map(id, place.values())] for place in watched]
    send("ready", _fence(send, *limits))
    try:
        for line in imports:
            _define(line, names)
        sys.audit("exercise")
        told = {name: _define(source, names) for name, source in sources.items()}
        status, sentence = WRONG, told[function]
        if function in names:
            verdict = check(names[function])
            status, sentence = str(verdict.status), str(verdict.message)
        if "raised NameError" in sentence:
            sentence += ". Only imports and the exercises' own cells are run."
        if re.search(r"MemoryError|allocate memory|bad_alloc", sentence):
            status, sentence = DID_NOT_RUN, f"It used more memory than {limits[1]:,} MB."
        fair = status != RIGHT or check(lambda *_: float("nan")).status == WRONG
        if not fair or before != [[*map(id, place.values())] for place in watched]:
            status, sentence = DID_NOT_RUN, "It changed the checks."
    except BaseException as error:  # SystemExit and what else is no Exception passes through the check
        status, sentence = DID_NOT_RUN, f"It ended Python: {type(error).__name__}."
    send(status, sentence)
    leave(0)
