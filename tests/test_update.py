"""An update of a small made-up course: a reader's answers survive it, and nothing is lost where it fails."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from helpers import update
from helpers.answers import find_answer, read

LESSON = Path("notebooks", "01_first.ipynb")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout


def cell(source: str, tag: str = "") -> dict:
    kind = {"cell_type": "code", "outputs": [], "execution_count": None} if tag else {"cell_type": "markdown"}
    return kind | {"metadata": {"tags": [tag] * bool(tag)}, "source": source}


def stub(name: str, arguments: str = "x") -> list[dict]:
    body = f'def {name}({arguments}):\n    """Do it."""\n    raise NotImplementedError'
    return [cell(body, "exercise"), cell(f"check_{name}({name})", "check")]


def write(path: Path, *cells: dict, solved: str = "") -> Path:
    """Write a notebook, with an answer in each of the solved exercises."""
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for name in solved.split():
        found = find_answer(content, name)
        found["source"] = found["source"].replace("raise NotImplementedError", f"return 'mine: {name}'")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The teacher's repository, and beside it `mine`: a reader's clone of the version before, with three answers."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "teacher")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "teacher@example.org")
    teacher, mine = tmp_path / "teacher", tmp_path / "mine"
    first = [*stub("same"), *stub("form", "x, y"), *stub("gone"), *stub("open")]
    write(teacher / LESSON, cell("# First"), *first)
    write(teacher / "notebooks" / "02_second.ipynb", *stub("other"))
    solutions = write(teacher / "notebooks" / "solutions" / LESSON.name, cell("def open(x):\n    return 1", "solution"))
    (teacher / ".gitignore").write_text("notebooks/backup/\n", "utf-8")
    (teacher / "requirements.txt").write_text("torch==1\n", "utf-8")
    git(teacher, "init", "--quiet")
    git(teacher, "add", ".")
    git(teacher, "commit", "--quiet", "-m", "first")
    git(tmp_path, "clone", "--quiet", "teacher", "mine")
    write(mine / LESSON, cell("# First, and my note"), *first, solved="same form gone")
    write(mine / solutions.relative_to(teacher), cell("def open(x):\n    return 2", "solution"))
    write(teacher / LESSON, cell("# Better"), *stub("same"), cell("More."), *stub("form", "x, z"), *stub("renamed"),
          *stub("open"))
    (teacher / "requirements.txt").write_text("torch==2\n", "utf-8")
    git(teacher, "commit", "--quiet", "-am", "second")
    return teacher


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.ipynb")}


def sources(path: Path) -> list[str]:
    return [cell["source"] for cell in read(path)["cells"]]


def assert_answers_survived(path: Path, said: str) -> None:
    better, same, _, more, form, _, _, _, _, _, _, gone = sources(path)
    assert (better, more) == ("# Better", "More.") and same == stub("same")[0]["source"].replace(
        "raise NotImplementedError", "return 'mine: same'")
    for text, name, why in ((form, "form", "now takes other arguments."),
                            (gone, "gone", "is no longer in the course.")):
        assert text.startswith(f"**Your answer before the update.** The exercise {why}\n\n```python\ndef {name}(")
        assert f"return 'mine: {name}'\n```" in text
        assert f"\n{name}: The exercise {why} Your answer stands as text in 01_first.\n" in said
    assert "\nsame: your answer is in 01_first.\n" in said
    assert '"    raise NotImplementedError"' in path.read_text("utf-8")  # a line of the file for a line of the source


def test_answers_survive_an_update(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = course.with_name("mine")
    before = contents(mine / "notebooks")
    assert update.main([], mine) == 0
    said = capsys.readouterr().out
    assert_answers_survived(mine / LESSON, said)
    assert "open:" not in said and re.search(r"All else that you changed or added is only in .*backup", said)
    backup, = (mine / "notebooks" / "backup").iterdir()
    assert contents(backup).items() <= before.items() and set(before) - set(contents(backup)) == {"02_second.ipynb"}
    assert git(mine, "status", "--short") == f" M {LESSON.as_posix()}\n"
    with pytest.raises(SystemExit, match="up to date"):
        update.main([], mine)
    write(course / LESSON, cell("# Third"), *stub("same"))  # and the answer survives the next one
    git(course, "commit", "--quiet", "-am", "third")
    assert update.main([], mine) == 0 and "return 'mine: same'" in sources(mine / LESSON)[1]


@pytest.mark.parametrize(("fault", "sentence"), [
    ("mv ../teacher ../away", "does not appear to be a git repository"), ("mv .git away", "no clone"),
    ("git commit --allow-empty -m mine", "Not possible to fast-forward|Diverging"),
    ("echo mine > requirements.txt", "overwritten by merge:\n\trequirements.txt"),
    ("git stash; git pull; git stash pop", "a merge is not finished"),
    ("git checkout --detach", "HEAD does not point to a branch"), ("", "it is not here")])
def test_an_update_that_fails_changes_nothing(fault: str, sentence: str, course: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    mine = course.with_name("mine")
    subprocess.run(fault, shell=True, cwd=mine, capture_output=True)
    if not fault:
        monkeypatch.setenv("PATH", "")  # no git
    before = contents(mine)
    with pytest.raises(SystemExit, match=sentence):
        update.main([], mine)
    assert contents(mine).items() >= before.items()


def test_a_notebook_that_cannot_be_read_is_kept(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = course.with_name("mine")
    (mine / LESSON).write_text("<<<<<<< broken", "utf-8")
    assert update.main([], mine) == 0
    assert "not a notebook of Jupyter (JSONDecodeError)" in capsys.readouterr().out
    assert sources(mine / LESSON)[0] == "# Better"
    assert b"<<<<<<< broken" in contents(mine / "notebooks" / "backup").values()


def test_answers_come_from_an_old_folder(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = course.with_name("mine")
    write(old / "notebooks" / "01_first-Copy1.ipynb", *stub("same"), *stub("other"), solved="same other")
    write(old / "notebooks" / "03_gone.ipynb", *stub("lost"), solved="lost")
    write(course / "notebooks" / "02_second.ipynb", cell("def other(x):\n    return 'newer'", "exercise"))
    before = contents(old)
    assert update.main(["--from", str(old)], course) == 0
    said = capsys.readouterr().out
    assert_answers_survived(course / LESSON, "\n" + said)
    assert "other: 02_second has an answer already" in said
    assert "newer" in sources(course / "notebooks" / "02_second.ipynb")[0]
    assert "lost: The course has neither the exercise nor its lesson any more." in said
    assert contents(old) == before
    for folder in (course, course / "no"):
        with pytest.raises(SystemExit, match="name the old one"):
            update.main(["--from", str(folder)], course)
