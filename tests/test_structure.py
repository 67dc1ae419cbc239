"""The frame of the course: layout, versions, anatomy of the notebooks, saved outputs, README."""

import ast
import importlib.metadata
import itertools
import json
import re
import subprocess
import symtable
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.course import LESSONS, ROOT, SOLUTIONS, code_of, figure_of, read_cells, tags
from tests.fingerprint import bare, digest

README = (ROOT / "README.md").read_text("utf-8")
EVERY = [pytest.param(path, id=str(path.relative_to(ROOT / "notebooks"))) for path in LESSONS + SOLUTIONS]
LESSON = [pytest.param(path, id=path.stem) for path in LESSONS]
FRAME = {"README.md", "LICENSE", "pyproject.toml", "requirements.txt", "environment.yml",
         "notebooks", "helpers", "data", "tests"}
LABELS = ["After this you can", "You need", "Takes", "Data and licence"]
ENDING = ["What could go wrong", "Exercises", "Quiz", "Summary", "References"]


def headings(path: Path) -> list[tuple[int, str]]:
    """(level, text) of each heading in the markdown cells, code blocks left out."""
    text = "\n\n".join(c["source"] for c in read_cells(path) if c["cell_type"] == "markdown")
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(#+) (.+)$", text, flags=re.M)]


def section(path: Path, title: str) -> str:
    """The markdown of one `##` section."""
    text = "\n\n".join(c["source"] for c in read_cells(path) if c["cell_type"] == "markdown")
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, flags=re.S | re.M)
    assert found, f"{path.name} has no section '## {title}'"
    return found[1]


def test_the_top_level_holds_nothing_else() -> None:
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") and not p.name.endswith(".egg-info")}
    assert found == FRAME


def test_notebook_numbers_are_contiguous_and_each_has_solutions() -> None:
    assert [path.name[:2] for path in LESSONS] == [f"{number:02d}" for number in range(len(LESSONS))]
    assert [path.name for path in LESSONS] == [path.name for path in SOLUTIONS]


def test_pins_agree_with_conda_and_lie_in_the_supported_ranges() -> None:
    pins = [line for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    conda = re.findall(r"^ {6}- (.+)$", (ROOT / "environment.yml").read_text("utf-8"), flags=re.M)
    assert pins == conda
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    pinned = {r.name: str(r.specifier).removeprefix("==") for r in map(Requirement, pins[:-1])}
    all_of_them = project["dependencies"] + extras["test"] + extras["deploy"] + extras["book"]
    ranges = {r.name: r.specifier for r in map(Requirement, all_of_them)}
    assert pins[-1] == "-e ." and set(pinned) == set(ranges)
    assert {name for name in ranges if not ranges[name].contains(pinned[name])} == set()


def test_ci_runs_the_readme_command() -> None:
    commands = re.findall(r"^python3 -m venv .* -r requirements.txt .*$", README, flags=re.M)
    assert len(commands) == 2, "the README shows two set-up commands, one line each"
    assert commands[0].endswith("notebooks/00_start_here.ipynb") and "--allow-root" in commands[0]
    assert commands[1].endswith("pytest --cov=helpers")
    assert commands[1] in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def lines_of(*paths: Path) -> int:
    """Lines of Python in files, together."""
    return sum(len(path.read_text("utf-8").splitlines()) for path in paths)


def test_helpers_and_tests_stay_small() -> None:
    """The sums count: a limit for a file alone is met by another file."""
    helpers = ROOT / "helpers"
    beside = {"own.py": 250, "efficientnet.py": 80, "inspector.py": 250, "model_folder.py": 150, "answers.py": 210,
              "assignments.py": 52, "collect.py": 200, "progress.py": 40, "update.py": 140,
              "book.py": 190, "slides.py": 215}
    # a reader's own data, the pretrained network, the service and its models, a reader's answers, book and slides
    assert all(lines_of(helpers / name) <= most for name, most in beside.items())
    assert lines_of(*(path for path in helpers.glob("*.py") if path.name not in beside)) <= 400
    assert lines_of(*(helpers / "data").glob("*.py")) <= 1_660  # twelve sets
    assert lines_of(helpers / "checks" / "__init__.py") <= 150
    checks = {path.name: lines_of(path) for path in (helpers / "checks").glob("[a-z]*.py")}
    assert len(checks) == len(LESSONS) and sum(checks.values()) <= 70 * len(LESSONS) and max(checks.values()) <= 100
    assert [path.name for path in helpers.rglob("*.py") if lines_of(path) > 250] == []
    service, teaching = 260, 650  # tests of the inspection service; of answers, updates, book, slides and timetable
    assert lines_of(*(ROOT / "tests").rglob("*.py")) <= 4_200 + service + teaching + 50 * (len(LESSONS) - 13)
    assert [path.name for path in (ROOT / "tests").rglob("*.json") if path.stat().st_size > 10_000] == []


def modules_imported(source: str) -> Iterator[str]:
    """All modules that code imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_helpers_are_acyclic() -> None:
    allowed = {"runtime": set(), "plotting": set(), "training": set(), "checks": set(), "data": {"runtime"},
               "efficientnet": set(), "model_folder": set(), "inspector": {"model_folder"},
               "own": {"data"}, "check_env": {"runtime", "data"}, "book": set(), "slides": {"book"}, "answers": set(),
               "assignments": {"answers"}, "collect": {"answers"}, "progress": {"answers", "collect"},
               "update": {"answers"}}
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        assert not re.search(r"\d", path.stem), f"{path.name}: topic names only, no numbers"
        topic = path.relative_to(ROOT / "helpers").parts[0].removesuffix(".py")
        modules = modules_imported(path.read_text("utf-8"))
        used = {module.split(".")[1] for module in modules if module.startswith("helpers.")} - {topic}
        assert used <= allowed.get(topic, set()), f"{path.name} imports {used}"


def test_every_imported_package_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {extra: {Requirement(text).name.lower() for text in texts} for extra, texts in
             {"": project["dependencies"], **project["optional-dependencies"]}.items()}
    declared = names[""] | names["deploy"] | names["tools"] | names["book"]
    for_tests = declared | names["test"]
    distributions = importlib.metadata.packages_distributions()
    scripts = [path for folder in ("helpers", "tests") for path in (ROOT / folder).rglob("*.py")]
    sources = {path: path.read_text("utf-8") for path in scripts}
    for path, source in (sources | {path: code_of(path) for path in LESSONS + SOLUTIONS}).items():
        packages = {module.split(".")[0] for module in modules_imported(source)} - set(sys.stdlib_module_names)
        names = {distributions.get(package, [package])[0].lower().replace("_", "-")
                 for package in packages - {"helpers", "tests"}}
        assert names <= (for_tests if "tests" in path.parts else declared), f"{path.name} imports what is not declared"


def test_every_file_is_read_and_written_as_utf_8() -> None:
    """A system with another encoding would fail, or write what others cannot read."""
    for path in (*(ROOT / "helpers").rglob("*.py"), *(ROOT / "tests").rglob("*.py")):
        calls = re.findall(r"\.(?:read|write)_text\((?!.*(?:utf-8|encoding)).*", path.read_text("utf-8"))
        assert calls == [], path.name


def test_settings_are_read_in_one_place() -> None:
    for path in (ROOT / "helpers").rglob("*.py"):
        if path.name != "runtime.py":
            reads = r"getenv|environ(\.get|\[)"
            assert not re.search(reads, path.read_text("utf-8")), f"{path.name}: use helpers.runtime"


def test_ruff_finds_nothing() -> None:
    """Lines that fit a page, documented helpers, sorted imports and more: pyproject.toml and notebooks/.ruff.toml."""
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache"], cwd=ROOT, capture_output=True,
                          encoding="utf-8")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", LESSON)
def test_anatomy(path: Path) -> None:
    cells = read_cells(path)
    opening = cells[0]["source"]
    assert cells[0]["cell_type"] == "markdown" and opening.startswith("# ")
    shown = [label for label in LABELS if re.search(rf"^\| *\*{{0,2}}{label}\*{{0,2}} *\|", opening, flags=re.M)]
    assert shown == LABELS
    titles = [title for level, title in headings(path) if level == 2]
    assert titles[-len(ENDING):] == ENDING
    assert section(path, "Quiz").count("<details>") == section(path, "Quiz").count("</details>") == 5
    assert len(re.findall(r"^\d\. ", section(path, "Summary"), flags=re.M)) == 5
    exercises = [title for level, title in headings(path) if level == 3 and title.startswith("Exercise ")]
    assert 3 <= len(exercises) <= 5
    assert sum("exercise" in tags(cell) for cell in cells) >= (1 if path.name.startswith("00") else 2)
    following = LESSONS[LESSONS.index(path) + 1:][:1]
    assert not following or f"]({following[0].name})" in cells[-1]["source"]


@pytest.mark.parametrize("path", EVERY)
def test_headings_are_nested(path: Path) -> None:
    levels = [level for level, _ in headings(path)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


@pytest.mark.parametrize("path", EVERY)
def test_code_cells_are_short_and_introduced(path: Path) -> None:
    cells = read_cells(path)
    for before, cell in itertools.pairwise(cells):
        if cell["cell_type"] == "code":
            most = 40 if "use_course_style()" in cell["source"] else 30  # the cell of the imports
            assert len(cell["source"].splitlines()) <= most, cell["source"]
            after_its_partner = tags(cell) & {"check"} or tags(before) & {"solution"} or "interact(" in cell["source"]
            assert before["cell_type"] == "markdown" or after_its_partner, cell["source"]


@pytest.mark.parametrize("path", LESSON)
def test_what_is_to_be_predicted_is_folded_away(path: Path) -> None:
    """Else the saved output under "Predict, then run" shows the answer."""
    cells = [cell for cell in read_cells(path) if "exercise" not in tags(cell)]
    asked = [cell for before, cell in itertools.pairwise(cells) if "**Predict, then run" in before["source"]
             and cell["cell_type"] == "code"]
    assert all(cell["metadata"].get("jupyter", {}).get("outputs_hidden") for cell in asked)


@pytest.mark.parametrize("path", LESSON)
def test_more_words_than_code(path: Path) -> None:
    words = sum(len(c["source"].split()) for c in read_cells(path) if c["cell_type"] == "markdown")
    code = sum(len(c["source"].split()) for c in read_cells(path) if c["cell_type"] == "code")
    assert words > code


@pytest.mark.parametrize("path", EVERY)
def test_saved_outputs_come_from_one_run_of_this_code(path: Path) -> None:
    cells = [cell for cell in read_cells(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    saved = json.loads(path.read_text("utf-8"))["metadata"]["course"]["code"]
    assert saved == digest(bare(code_of(path))), "the code has changed since: run python -m tests.tools.refresh"
    kinds = {output.get("name", output["output_type"]) for cell in cells for output in cell["outputs"]}
    assert not kinds & {"error", "stderr"}
    assert all(cell["outputs"] for cell in cells if "nbval-check-output" in tags(cell)), "a marked cell shows nothing"
    text = json.dumps([cell["outputs"] for cell in cells])
    assert not re.search(r"STAND-IN|/(work|tmp|home|root)/", text), "outputs of a stand-in, or a path of a machine"
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("path", EVERY)
def test_printed_tables_fit_a_page(path: Path) -> None:
    printed = ["".join(output["text"]) for cell in read_cells(path) for output in cell.get("outputs", ())
               if output["output_type"] == "stream"]
    wide = [line for text in printed if text.count("\n") > 2 for line in text.splitlines()
            if len(line) > 120 and "to be had from" not in line]  # a list of addresses is as long as it is
    assert wide == [], "a table's rows wrap in JupyterLab beside the side bar"


@pytest.mark.parametrize("path", EVERY)
def test_claims_are_held_by_assertions(path: Path) -> None:
    code = code_of(path)
    assert len(re.findall(r"^\s*(assert |torch\.testing\.assert_close)", code, flags=re.M)) >= 2
    assert "NBVAL_SKIP" not in code and "nbval-skip" not in str([tags(c) for c in read_cells(path)])


def read_by_functions(table: symtable.SymbolTable) -> set[str]:
    """Global names that the functions of a cell read, at any depth. What runs at once, in brackets, does not count."""
    read = set()
    for inner in table.get_children():
        if table.get_type() == "function" or inner.get_name() not in ("listcomp", "genexpr", "dictcomp", "setcomp"):
            read |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
            read |= read_by_functions(inner)
    return read


@pytest.mark.parametrize("path", EVERY)
def test_no_cell_changes_what_a_function_above_it_reads(path: Path) -> None:
    """Else a cell that is run again after *Run All* does something else, or fails."""
    cells = [cell["source"] for cell in read_cells(path) if cell["cell_type"] == "code" and "check" not in tags(cell)]
    tables = [symtable.symtable(source, path.name, "exec") for source in cells]
    assigned = [{s.get_name() for s in table.get_symbols() if s.is_assigned()} for table in tables]
    read: set[str] = set()
    for number, table in enumerate(tables):
        assert read & assigned[number] == set(), cells[number]
        known = set().union(*assigned[:number + 1])
        read |= read_by_functions(table) & known


CPU_ONLY = {"distance.double()", "signal[number].double()"}  # never on a device


@pytest.mark.parametrize("path", LESSON)
def test_no_float64_on_a_device(path: Path) -> None:
    """Apple's devices have none: in a lesson that uses a device, `.double()` comes after `.cpu()`."""
    code = code_of(path)
    if "choose_device" in code:
        calls = {ast.unparse(node) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)
                 and isinstance(node.func, ast.Attribute) and node.func.attr == "double"}
        assert {call for call in calls - CPU_ONLY if ".cpu()" not in call} == set()
        assert not re.search(r"device=device[^\n]*float64|float64[^\n]*device=device", code)


@pytest.mark.parametrize("path", LESSON)
def test_the_first_code_cell_settles_the_threads(path: Path) -> None:
    first, *others = [cell["source"] for cell in read_cells(path) if cell["cell_type"] == "code"]
    assert first.count("set_threads(") == 1 and "set_num_threads" not in code_of(path)
    large = "set_threads(large_network=True)" in first
    assert large == (path.name[:2] in ("03", "05", "07", "08", "15"))
    assert "{threads}" in first or "{threads}" in "".join(others)


@pytest.mark.parametrize("path", LESSON)
def test_reading_minutes_follow_one_rule(path: Path) -> None:
    """200 words a minute and 15 seconds a line of code, without the exercises; in steps of five minutes."""
    cells = read_cells(path)
    text = "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    code = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code"
                     and not tags(cell) & {"exercise", "check"})
    minutes = len(text.split("\n## Exercises")[0].split()) / 200 + len(re.findall(r"^.*\S", code, flags=re.M)) / 4
    stated = re.search(r"about (\d+) minutes to read", cells[0]["source"])
    assert stated and abs(int(stated[1]) - minutes) < 6, f"{minutes:.0f} minutes by the rule"
    asked = re.search(r"(\d+) for the exercises", cells[0]["source"])
    hand = sum(map(int, re.findall(r"\((\d+) minutes", text)))
    assert asked and int(asked[1]) == hand >= 5 * (sum("exercise" in tags(cell) for cell in cells) + 1), hand


@pytest.mark.parametrize("path", LESSON)
def test_readme_table_agrees_with_the_notebook(path: Path) -> None:
    row = re.search(rf"^\| \[{path.stem}\]\(notebooks/{path.name}\) \|(.+)$", README, flags=re.M)
    assert row, f"the README's table has no row for {path.stem}"
    opening = read_cells(path)[0]["source"]
    seconds = re.search(r"(\d+) s(?:econds)? to run", opening)
    assert seconds and f"{seconds[1]} s" in row[1], "the README's running time differs from the notebook's"
    outputs = "".join(str(cell.get("outputs")) for cell in read_cells(path))
    estimates = re.sub(r"\([^()]* to [^()]*\)", "", outputs)  # without the bounds of intervals
    figures = re.findall(r"\*\*([\d.]+)( %)?\*\*", row[1])
    missing = [figure for figure, _ in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?!\d)", estimates)]
    assert missing == [], "the README states figures that the notebook's saved outputs do not show"


def test_readme_shows_the_figure_that_the_notebook_computed() -> None:
    assert "](notebooks/cover.png)" in README
    assert (ROOT / "notebooks" / "cover.png").read_bytes() == figure_of(ROOT / "notebooks" / "03_cnn_cifar10.ipynb", 3)
