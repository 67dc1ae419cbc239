"""`python -m helpers.collect FOLDER` marks a class's notebooks: a summary on the screen, a table in a file.

FOLDER holds a folder for each student, or files named after lesson and student (05_lstm_romeo_and_juliet_anna.ipynb),
or is nbgrader's, with submitted/STUDENT/ASSIGNMENT/. Only the exercises' cells and import lines are run, within the
fences of `helpers.answers`; what surrounds and checks them is this copy of the course.
"""

import argparse
import ast
import csv
import json
import multiprocessing
import os
import re
import secrets
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from helpers import answers
from helpers.answers import DID_NOT_RUN, NOT_ATTEMPTED, RIGHT, STATUSES, UNTOUCHED, WRONG, NotANotebook, Result

IGNORED = re.compile(r"\.|__MACOSX$|(solutions|backup)$", re.I)  # folders: hidden ones, the course's worked solutions
Results = dict[tuple[str, str, str], Result]  # (student, lesson, exercise) -> result


def _run(context: Any, task: tuple, seconds: int, megabytes: int, folder: str) -> tuple[str, str, str]:
    """Check one answer in a process, and wait for its end: status, sentence, and the names of the fences."""
    token, (ours, theirs) = secrets.token_hex(), context.Pipe(duplex=False)
    process = context.Process(target=answers.examine, args=(theirs, token, *task, (seconds, megabytes, folder)))
    process.start()
    theirs.close()
    os.set_blocking(ours.fileno(), False) if os.name == "posix" else None
    fences, status, usual, end = "", "", 1e99, time.monotonic() + 300  # until then all must be imported
    while not status:
        time.sleep(0.01)
        alive, late, memory = process.is_alive(), time.monotonic() > end, 0
        with suppress(psutil.Error):
            memory = psutil.Process(process.pid).memory_info().rss
        try:
            if ours.poll():
                sent, status, sentence = json.loads(ours.recv_bytes(20_000))
                if sent != token or status not in ("ready", *STATUSES):
                    raise ValueError
        except EOFError:  # it has ended
            pass
        except (ValueError, TypeError, OSError):
            status, sentence = DID_NOT_RUN, "It wrote where only the check's result belongs."
        if status == "ready":
            status, fences, usual, end = "", sentence, memory, time.monotonic() + seconds
        elif not status and (late or not alive or memory > usual + megabytes * 1e6):
            status, sentence = DID_NOT_RUN, (
                "The lesson's check does not start here: see python -m helpers.check_env." if not fences else
                f"It took longer than {seconds} s." if late else
                f"It used more memory than {megabytes:,} MB." if alive else
                "It ended Python before there was a result.")
    with suppress(OSError, AttributeError):  # Windows has no groups
        os.killpg(process.pid, 9)
    process.kill()
    process.join()
    return status, answers.plain(sentence), fences


def mark(files: Iterable[tuple[str, str, Path]], seconds: int = 20,
         megabytes: int = 2000) -> tuple[Results, str]:
    """Check the exercises of notebooks (owner, lesson, file); of an owner's copies the best answer counts.

    seconds, megabytes: what an answer may take. Returns (owner, lesson, function) -> result, and the fences' names.
    """
    course, results, tasks, fences = answers.lessons(), {}, [], ""
    for owner, lesson, path in files:
        cells, failed = {}, Result(NOT_ATTEMPTED, "No cell of the notebook defines it.", path.name)
        try:
            notebook = answers.read(path)
            cells = {name: cell["source"] for name in course[lesson] if (cell := answers.find_answer(notebook, name))}
            lines = "\n".join(cell["source"] for cell in answers.code(notebook, True) + answers.code(notebook, False))
        except NotANotebook as error:
            failed = Result(DID_NOT_RUN, str(error), path.name)
        for name in course[lesson]:
            found = results.setdefault((owner, lesson, name), [])
            if name not in cells:
                found.append(failed)
            elif UNTOUCHED.search(cells[name]):
                found.append(Result(NOT_ATTEMPTED, "Its cell is as it was.", path.name))
            else:
                own = re.findall(r"^(?:import \S|from \S+ import )[^(\n]*$", lines, re.M)  # a reader may import more
                tasks.append((found, path.name, (lesson, name, own, cells)))
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    nodes = [node for lesson in {task[0] for *_, task in tasks} for node in answers.frame(lesson)]  # forked with all
    context.set_forkserver_preload(["torch.distributed.tensor", *(
        name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
        for name in ([alias.name] if isinstance(node, ast.Import) else [f"{node.module}.{alias.name}", node.module]))])
    os.environ.update(OMP_NUM_THREADS="1")
    idle = (os.cpu_count() or 1) * (1 - psutil.cpu_percent(0.3) / 100) if tasks else 1
    at_once = max(1, min(round(idle), int(psutil.virtual_memory().available / (megabytes * 1e6 + 5e8))))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
        runs = [pool.submit(_run, context, task, seconds, megabytes, folder) for *_, task in tasks]
        for (found, file, _), run in zip(tasks, tqdm(runs, disable=None), strict=True):
            status, sentence, told = run.result()
            found.append(Result(status, sentence, file))
            fences = told or fences
    return {key: min(found, key=lambda result: STATUSES.index(result.status)) for key, found in results.items()}, fences


def notebooks(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """(student, lesson, file) of each notebook of a class; the lesson is empty if the file's name tells none."""
    known = answers.lessons()
    folder = folder / "submitted" if (folder / "submitted").is_dir() else folder
    for path in sorted(folder.rglob("*.ipynb")):
        inner = path.relative_to(folder).parts[:-1]
        if not any(map(IGNORED.match, (*inner, path.name[:1]))):
            lesson, rest = answers.lesson_of(unicodedata.normalize("NFC", path.stem), known)
            name = re.sub(r"_\d+_assignsubmission_.*", "", inner[0]) if inner else rest  # Moodle's folders
            yield answers.plain(unicodedata.normalize("NFC", name)) or folder.resolve().name, lesson, path


def marks(folder: Path, seconds: int, megabytes: int) -> tuple[Results, str]:
    """The result for every student in every lesson of the class, and the names of the fences."""
    found, course = list(notebooks(folder)), answers.lessons()
    results, fences = mark([entry for entry in found if entry[1]], seconds, megabytes)
    for student in {student for student, *_ in found}:
        for lesson in {lesson for _, lesson, _ in found if lesson}:
            for name in course[lesson]:
                results.setdefault((student, lesson, name), Result(NOT_ATTEMPTED, "No notebook of this lesson."))
    results |= {(student, "", path.stem): Result(DID_NOT_RUN, "The course has no such lesson.", path.name)
                for student, lesson, path in found if not lesson}
    return dict(sorted(results.items(), key=lambda item: item[0][:2])), fences


def write_table(results: Results, path: Path) -> None:
    """Write a row for each student and exercise, so that a spreadsheet shows each cell as text."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["student", "lesson", "exercise", "result", "sentence", "file"])
        for key, result in results.items():
            cells = map(answers.plain, (*key, *result))
            writer.writerow([f"'{cell}" if cell[:1] in {*"=+-@"} else cell for cell in cells])


def summary(results: Results) -> Iterator[str]:
    """For each exercise how many of the class did what, and what most of those who are not right are told."""
    for lesson, name in dict.fromkeys((lesson, name) for _, lesson, name in sorted(results, key=lambda key: key[1])):
        of_it = [result for key, result in results.items() if key[1:] == (lesson, name)]
        counts, told = Counter(result.status for result in of_it), Counter(
            result.sentence for result in of_it if result.status in (WRONG, DID_NOT_RUN))
        yield f"{lesson[:2]:3}{answers.plain(name):28}" + ", ".join(
            f"{counts[status]:3} {status}" for status in (RIGHT, WRONG, NOT_ATTEMPTED, DID_NOT_RUN))
        yield from (f"       {times} of them: {sentence[:200]}" for sentence, times in told.most_common(1))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the result is the exit code: 0, or 1 if there is no notebook or no place for the table."""
    parser = argparse.ArgumentParser(prog="python -m helpers.collect", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="the table (CSV; default: table.csv in the class's folder)")
    parser.add_argument("--seconds", type=int, default=20, help="what an answer may take (default 20)")
    parser.add_argument("--megabytes", type=int, default=2000, help="memory for an answer (default 2000)")
    chosen = parser.parse_args(arguments)
    table = chosen.out or chosen.folder / "table.csv"
    sys.stdout.reconfigure(errors="replace")  # a terminal may lack the letters of a name
    try:
        results, fences = marks(chosen.folder, chosen.seconds, chosen.megabytes)
        if not results:
            raise FileNotFoundError(f"{chosen.folder} holds no notebook (files that end in .ipynb).")
        write_table(results, table)
    except OSError as error:
        print(f"{error}\nIf it is the table: is it open in a spreadsheet?", file=sys.stderr)
        return 1
    print("\n".join(summary(results)))
    print(f"{len({student for student, *_ in results})} students, a row for each and each exercise: {table}")
    print(f"Fences: {fences or 'nothing was run'}. They stop accidents and pranks; run the code of strangers in a "
          "container.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
