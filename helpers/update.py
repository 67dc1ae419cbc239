"""`python -m helpers.update` takes the new version of the course and puts your answers into its lessons.

Save and close your notebooks first. Those that you changed are copied to notebooks/backup before anything is changed.
Without git: unpack the new version, and there run `python -m helpers.update --from OLD_FOLDER`, which only reads it.
"""

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from helpers.answers import PROJECT, UNTOUCHED, NotANotebook, code, find_answer, lesson_of, lessons, read

FAILED = """git says: {}
Nothing was updated, and your notebooks are as they were. If git names a file of yours or a commit, and you do not know
what to do: get the new version of the course into another folder, and there use --from with this one."""


def git(project: Path, *arguments: str) -> str:
    """What git prints. Raises SystemExit with what it says if it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, encoding="utf-8",
                              errors="replace", env=os.environ | {"LC_ALL": "C"})
    except OSError as error:
        sys.exit(FAILED.format(f"nothing, for it is not here ({error})"))
    if done.returncode:
        sys.exit(FAILED.format(done.stderr.strip()))
    return done.stdout


def pull(project: Path, backup: Path) -> list[Path]:
    """Take the new version; return the copies of the reader's notebooks. Raises SystemExit with all as it was."""
    if not (project / ".git").exists() or git(project, "ls-files", "--unmerged"):
        sys.exit(FAILED.format("this is no clone of the course, or a merge is not finished"))
    git(project, "fetch", "--quiet")
    if not git(project, "rev-list", "HEAD..@{upstream}"):
        sys.exit("There is nothing new: the course is up to date.")
    names = git(project, "diff", "--name-only", "-z", "--diff-filter=M", "HEAD", "--", "notebooks/*.ipynb").split("\0")
    copies = {project / name: backup / Path(name).relative_to("notebooks") for name in names if name}
    for path, safe in copies.items():
        safe.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, safe)
    try:
        for path in copies:
            git(project, "checkout", "HEAD", "--", str(path))
        git(project, "merge", "--ff-only", "--quiet", "@{upstream}")
    except BaseException:  # an interruption, too
        for path, safe in copies.items():
            shutil.copy2(safe, path)
        raise
    return [*copies.values()]


def takes(cell: dict, function: str) -> list[str]:
    """The names of the arguments of a function that a cell defines; none if Python cannot read it."""
    try:
        node = next(n for n in ast.parse(cell["source"]).body if isinstance(n, ast.FunctionDef) and n.name == function)
    except (SyntaxError, ValueError, StopIteration):
        return []
    return [part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)]


def place(name: str, answer: dict, path: Path) -> str:
    """Put an answer into a lesson, as text if the exercise is another one; return what became of it."""
    lesson = read(path)
    cell = find_answer(lesson, name)
    if cell and cell["source"] == answer["source"]:
        return f"your answer is in {path.stem}"
    if cell and not UNTOUCHED.search(cell["source"]):
        return f"{path.stem} has an answer already, and this one is not in it"
    if cell and takes(cell, name) == takes(answer, name):
        cell["source"] = answer["source"]
        told = f"your answer is in {path.stem}"
    else:
        why = "The exercise now takes other arguments." if cell else "The exercise is no longer in the course."
        note = f"**Your answer before the update.** {why}\n\n```python\n{answer['source']}\n```"
        lesson["cells"].insert(lesson["cells"].index(cell) if cell else len(lesson["cells"]), {
            "cell_type": "markdown", "id": uuid.uuid4().hex[:8], "metadata": {}, "source": note})
        told = f"{why} Your answer stands as text in {path.stem}"
    for cell in lesson["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)  # as Jupyter writes it: git then shows what changed
    part = path.with_suffix(".part")
    part.write_text(json.dumps(lesson, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")
    part.replace(path)
    return told


def carry(old: Path, project: Path) -> Iterator[str]:
    """Put the answers of an old notebook into the lessons; yield what became of each. Raises NotANotebook."""
    course, notebook = lessons(project), read(old)
    homes = {name: lesson for lesson, stubs in course.items() for name in stubs}
    names = [name for cell in code(notebook, True) for name in re.findall(r"^def (\w+)", cell["source"], re.M)]
    for name in dict.fromkeys([*homes, *names]):
        answer = find_answer(notebook, name)
        if answer and not UNTOUCHED.search(answer["source"]):
            path = project / "notebooks" / f"{homes.get(name) or lesson_of(old.stem, course)[0]}.ipynb"
            gone = "The course has neither the exercise nor its lesson any more"
            yield f"{name}: {place(name, answer, path) if path.exists() else gone}."


def main(arguments: list[str] | None = None, project: Path = PROJECT) -> int:
    """Run the command line; the result is the exit code 0. Raises SystemExit with a sentence if there is no update."""
    parser = argparse.ArgumentParser(prog="python -m helpers.update", description=__doc__)
    parser.add_argument("--from", dest="old", type=Path, help="an old folder of the course, with your answers")
    folder = parser.parse_args(arguments).old
    try:
        if folder:
            folder = folder / "notebooks" if (folder / "notebooks").is_dir() else folder
            copies = sorted(folder.glob("*.ipynb"), key=lambda path: len(path.name))
            if not copies or folder.resolve() == project / "notebooks":
                sys.exit(f"{folder} holds no notebook, or is this folder itself: name the old one.")
        else:
            folder = project / "notebooks" / "backup" / time.strftime("%Y-%m-%d_%H%M%S")
            copies = pull(project, folder)
            print("The course is up to date. If requirements.txt has changed, install the packages again.")
        for path in copies:
            try:
                for line in carry(path, project) if path.parent.name != "solutions" else ():
                    print(line)
            except NotANotebook as error:
                print(f"{path}: {error}")
    except OSError as error:
        sys.exit(f"{error}. Your notebooks as they were are in {folder}: use --from with it.")
    if copies:
        print(f"All else that you changed or added is only in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
