"""A class of made-up students: each answer is marked or refused with a sentence, and no answer harms the others."""

import csv
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from helpers import assignments, checks, collect, progress
from helpers.answers import DID_NOT_RUN, NOT_ATTEMPTED, RIGHT, STATUSES, WRONG, find_answer, lesson_of, lessons, read
from tests.course import ROOT

LESSON = "05_lstm_romeo_and_juliet"
EXERCISES = ["kneser_ney", "make_streams", "drop_out"]
GOOD = "states * (draws >= p) / (1 - p)"
FAKE = """
    import json, os, struct
    words = json.dumps(["token", "right", "[OK]"]).encode()
    for number in range(3, 30):
        try:
            os.write(number, struct.pack("!i", len(words)) + words)
        except OSError:
            pass"""
HIDDEN = """
    import pathlib, threading, time
    def delete():
        while True:
            try:
                pathlib.Path("CANARY").unlink()
            except BaseException:
                pass
    threading.Thread(target=delete).start()
    time.sleep(1)"""
STUBBORN = """
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass"""
FORKS = "import os; [os.fork() or (open(f'FOLDER/{n}', 'w').close(), os._exit(0)) for n in range(20)]"
PATCH = "import helpers.checks as c; c.Exercise.__call__ = lambda *_: c.Verdict('right', 'I am right.')"
DEEPER = "import torch.testing as t; t._comparison.not_close_error_metas = lambda *_, **__: []"
# student -> what the body does before it returns the right answer (or returns, or is as a whole), status, sentence
STUDENTS: dict[str, tuple[str, str, str]] = {
    "no division": ("return states * (draws >= p)", WRONG, "What is kept must be divided by 1 − p"),
    "no division too": ("return states * (draws >= p)", WRONG, "What is kept must be divided by 1 − p"),
    "turned": ("return states * (draws < p) / (1 - p)", WRONG, "You keep what should be dropped"),
    "raises": ("raise ValueError('\\x1b[31mred')", WRONG, r"raised ValueError: \[31mred$"),
    "name": ("helper_of_mine()", WRONG, "name 'helper_of_mine' is not defined. Only imports"),
    "syntax": ("return (", WRONG, "Python cannot read its cell. SyntaxError"),
    "prints": ("print('[OK] ✅ drop_out agrees'); return states", WRONG, "`draws` of drop_out has no effect"),
    "imports": ("return states * (numpy.asarray(draws) >= p) / (1 - p)", RIGHT, "agrees"),
    "loops": ("while True: pass", DID_NOT_RUN, "longer than 2 s"),
    "stubborn": (STUBBORN, DID_NOT_RUN, "longer than 2 s"),
    "sleeps": ("import time; time.sleep(9e9)", DID_NOT_RUN, "longer than 2 s"),
    "floods": ("while True: print('x' * 10**6)", DID_NOT_RUN, "longer than 2 s"),
    "exits": ("raise SystemExit", DID_NOT_RUN, "ended Python: SystemExit"),
    "leaves": ("import os; os._exit(0)", DID_NOT_RUN, "ended Python before"),
    "crashes": ("import os, signal; signal.raise_signal(9)", DID_NOT_RUN, "ended Python before"),
    "kills parent": ("import os; os.kill(os.getppid(), 9)", DID_NOT_RUN, "reach out of its place: os.kill"),
    "kills group": ("import os; os.killpg(0, 9)", DID_NOT_RUN, "reach out of its place: os.killpg"),
    "deletes": ("import os; os.remove('CANARY')", DID_NOT_RUN, "change a file or a folder: os.remove"),
    "removes tree": ("import shutil; shutil.rmtree('FOLDER')", DID_NOT_RUN, "change a file or a folder: shutil.rmtree"),
    "overwrites": ("open('CANARY', 'w')", DID_NOT_RUN, "write a file: open .*canary"),
    "saves": ("import torch; torch.save(states, 'CANARY')", DID_NOT_RUN, "write|change a file"),
    "database": ("import sqlite3; sqlite3.connect('FOLDER/x').execute('create table t(x)')", DID_NOT_RUN,
                 "change a file"),
    "unheard": ("import torch; torch.UntypedStorage.from_file('FOLDER/unheard', True, 9)", WRONG, "raised Runtime"),
    "network": ("import socket; socket.create_connection(('127.0.0.1', PORT))", DID_NOT_RUN, "open the network"),
    "program": ("import subprocess; subprocess.run(['touch', 'FOLDER/x'])", DID_NOT_RUN, "start a process"),
    "shell": ("import os; os.system('touch FOLDER/x')", DID_NOT_RUN, "start a process"),
    "forks": (FORKS, DID_NOT_RUN, "start a process: os.fork"),
    "past Python": ("import ctypes; ctypes.CDLL(None).creat(b'FOLDER/x', 511)", DID_NOT_RUN, "reach out of its place"),
    "thread": (HIDDEN, DID_NOT_RUN, "change a file or a folder: os.remove"),
    "fakes": (FAKE, DID_NOT_RUN, "wrote where only the check's result belongs"),
    "patches": (PATCH + "; return states", DID_NOT_RUN, "changed the checks"),
    "patches deeper": (DEEPER + "; return states", DID_NOT_RUN, "changed the checks"),
    "memory": ("kept = [bytearray(10**8) for _ in range(20)]", DID_NOT_RUN, "more memory than 500 MB"),
    "tensor": ("draws.new_zeros(10**9)", DID_NOT_RUN, "more memory than 500 MB"),
}


def notebook(answers: dict[str, str], lesson: str = LESSON) -> dict:
    """The course's lesson with answers in its cells."""
    content = read(ROOT / "notebooks" / f"{lesson}.ipynb")
    for name, source in answers.items():
        find_answer(content, name)["source"] = source
    return content


def answer(body: str, **places: object) -> str:
    """The source of `drop_out` that does something, and then, if it still can, returns the right answer."""
    for name, place in places.items():
        body = body.replace(name, str(place))
    return f'def drop_out(states, draws, p):\n    """As asked."""\n    {body.strip()}\n    return {GOOD}\n'


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def untagged(content: dict) -> dict:
    """A notebook without tags and without the cells of the checks."""
    cells = [cell for cell in content["cells"] if "check" not in cell["metadata"].get("tags", ())]
    return content | {"cells": [cell | {"metadata": {}} for cell in cells]}


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict, str, dict]]:
    """(student, exercise) -> row of the table; what was printed; and what the canaries saw."""
    room, safe = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("safe")
    (safe / "canary").write_text("alive", "utf-8")
    good = answer("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = {"CANARY": safe / "canary", "FOLDER": safe, "PORT": server.getsockname()[1]}
        for student, (body, *_) in STUDENTS.items():
            content = notebook({"drop_out": answer(body, **places)})
            if student == "imports":
                content["cells"][1]["source"], content["cells"][1]["cell_type"] = "import numpy", "code"
            write(room / student / f"{LESSON}.ipynb", content)
        solved = read(ROOT / "notebooks" / "solutions" / f"{LESSON}.ipynb")
        write(room / "Anna Müller" / f"{LESSON}.ipynb",
              notebook({name: find_answer(solved, name)["source"] for name in EXERCISES}))
        write(room / "Anna Müller" / "notebooks" / "solutions" / "02_convolution_and_pooling.ipynb", {})
        write(room / "untouched" / f"{LESSON}.ipynb", notebook({}))
        write(room / "untagged" / f"{LESSON}.ipynb", untagged(notebook({"drop_out": good})))
        write(room / "new cell" / f"{LESSON}.ipynb", untagged(notebook({"kneser_ney": good})))
        write(room / "copies" / f"{LESSON}.ipynb", notebook({"drop_out": answer("return states")}))
        write(room / "copies" / f"{LESSON} (2).ipynb", notebook({"drop_out": good}))
        write(room / f"{LESSON}_李雷.ipynb", notebook({"drop_out": good}))
        write(room / "Jürgen Groß_05 LSTM Romeo-and-Juliet-Copy1.ipynb", notebook({"drop_out": good}))
        write(room / "=1+1" / f"{LESSON}.ipynb", notebook({"drop_out": good}))
        write(room / "elsewhere" / "99_no_such_lesson.ipynb", notebook({}))
        large = notebook({"drop_out": good})
        large["cells"][0]["attachments"] = {"x": "x" * 100_000_000}
        write(room / "large" / f"{LESSON}.ipynb", large)
        for student, text in {"broken": '{"cells": [', "deep": "[" * 200_000, "other": '{"worksheets": []}'}.items():
            (room / student).mkdir()
            (room / student / f"{LESSON}.ipynb").write_text(text, "utf-8")
        table = safe.with_name("table.csv")
        done = subprocess.run([sys.executable, "-m", "helpers.collect", str(room), "--out", str(table), "--seconds=2",
                               "--megabytes=500"], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stderr
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has called
            server.accept()
    rows = {(row["student"], row["exercise"]): row for row in csv.DictReader(table.read_text("utf-8-sig").splitlines())}
    yield rows, done.stdout, {path.name: path.read_text("utf-8") for path in safe.iterdir()}


@pytest.mark.parametrize("student", STUDENTS)
def test_an_answer_is_marked_or_refused_with_a_sentence(student: str, marked: tuple) -> None:
    _, status, sentence = STUDENTS[student]
    row = marked[0][student, "drop_out"]
    assert row["result"] == status and re.search(sentence, row["sentence"]), row
    assert all(marked[0][student, name]["result"] == NOT_ATTEMPTED for name in EXERCISES[:2])


def test_nothing_was_harmed_and_every_student_has_a_row(marked: tuple) -> None:
    rows, printed, canaries = marked
    allowed = set() if "Landlock" in printed else {"unheard"}  # what a library does by itself, only the kernel stops
    assert canaries["canary"] == "alive" and set(canaries) <= {"canary"} | allowed
    students = {student for student, _ in rows}
    assert len(students) == len(STUDENTS) + 13 and len(rows) == 3 * len(students) + 1  # 1: no such lesson
    assert re.search(r"drop_out +9 right, +8 wrong, .*\n +\d of them: ", printed)
    assert printed.splitlines()[-2].startswith(f"{len(students)} students")
    assert printed.splitlines()[-1].startswith("Fences: a watch on time and memory, an audit hook")


@pytest.mark.parametrize(("student", "status", "sentence"), [
    ("untouched", NOT_ATTEMPTED, "as it was"), ("untagged", RIGHT, "agrees"), ("new cell", RIGHT, "agrees"),
    ("copies", RIGHT, "agrees"), ("李雷", RIGHT, "agrees"), ("Jürgen Groß", RIGHT, "agrees"),
    ("'=1+1", RIGHT, "agrees"), ("large", RIGHT, "agrees"), ("elsewhere", NOT_ATTEMPTED, "No notebook of this lesson"),
    ("broken", DID_NOT_RUN, "not a notebook"), ("deep", DID_NOT_RUN, "not a notebook"),
    ("other", DID_NOT_RUN, "not a notebook")])
def test_files_of_all_kinds(student: str, status: str, sentence: str, marked: tuple) -> None:
    row = marked[0][student, "drop_out"]
    assert row["result"] == status and sentence in row["sentence"]


def test_the_solutions_are_right_and_a_wrong_lesson_is_named(marked: tuple) -> None:
    assert [marked[0]["Anna Müller", name]["result"] for name in EXERCISES] == [RIGHT] * 3
    assert marked[0]["elsewhere", "99_no_such_lesson"]["sentence"] == "The course has no such lesson."
    assert {checks.RIGHT, checks.WRONG, checks.NOT_ATTEMPTED, DID_NOT_RUN} == {*STATUSES}


def test_students_and_lessons_are_known_by_the_names_of_files(tmp_path: Path) -> None:
    for path in ("bo/week 3/03_cnn_cifar10", "../source/x/03_cnn_cifar10", "bo/.ipynb_checkpoints/03_cnn_cifar10",
                 "Ann_12_assignsubmission_file_/x"):
        write(tmp_path / "submitted" / f"{path}.ipynb", {})
    assert [entry[:2] for entry in collect.notebooks(tmp_path)] == [("Ann", ""), ("bo", "03_cnn_cifar10")]
    for stem, expected in {
            "06_gan_minimax": ("06_gan_minimax", ""), "anna 07-GAN-MNIST-Copy12": ("07_gan_mnist", "anna"),
            "07_gan_mnist (3)": ("07_gan_mnist", ""), "106_gan_minimax": ("", "106_gan_minimax"),
            "06_gan_minimaxi": ("", "06_gan_minimaxi"), "17_deployment-Kopie": ("17_deployment", "")}.items():
        assert lesson_of(stem, lessons()) == expected


def test_bad_folders_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        assert collect.main([str(folder)]) == progress.main([str(folder)]) == 1
        assert capsys.readouterr().err.count("holds no") == 2
    write(tmp_path / "a" / f"{LESSON}.ipynb", {})
    assert collect.main([str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "is it open in a spreadsheet?" in capsys.readouterr().err


def test_progress_counts_the_best_of_a_readers_copies(tmp_path: Path) -> None:
    write(tmp_path / f"{LESSON}.ipynb", notebook({"kneser_ney": "def kneser_ney(counts, *_):\n    1 / 0"}))
    write(tmp_path / f"{LESSON}-Copy1.ipynb", notebook({"drop_out": answer("")}))
    done = subprocess.run([sys.executable, "-m", "helpers.progress", str(tmp_path)], cwd=ROOT, capture_output=True,
                          encoding="utf-8", env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[1:3]] == [[LESSON, "1", "1", "1"], ["total", "1", "1", "1"]], done
    assert lines[4].startswith(f"kneser_ney in {LESSON}, wrong: ") and "ZeroDivisionError" in lines[4]
    assert lines[6] == f"Next: kneser_ney in {LESSON}."


def test_nbgrader_gets_each_exercise_with_a_check_that_can_fail(tmp_path: Path) -> None:
    assert assignments.main([str(tmp_path)]) == 0
    cells = json.loads((tmp_path / "source" / LESSON / f"{LESSON}.ipynb").read_text("utf-8"))["cells"]
    kinds = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in cells if "nbgrader" in cell["metadata"]}
    assert list(kinds) == [name for exercise in EXERCISES for name in (exercise, f"check_{exercise}")]
    stub = kinds["drop_out"]["source"]  # nbgrader keeps what stands before the mark
    assert stub.index("def drop_out(") < stub.index("### BEGIN SOLUTION") < stub.index("raise NotImplementedError")
    for verdict in ("", "wrong"):
        names = {"drop_out": verdict, "check_drop_out": lambda verdict: verdict}
        with pytest.raises(AssertionError) if not verdict else nullcontext():
            exec(kinds["check_drop_out"]["source"], names)
