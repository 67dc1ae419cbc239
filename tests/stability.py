"""How near do the assertions of the notebooks come to failing, with other seeds and other numbers of threads?

    python -m tests.stability 00 02 --runs 10       these lessons, ten times
    python -m tests.stability --report              the table of all runs so far, nothing is run

Run k adds 1000·k to every seed and takes 1, 2 or 4 threads in turn. Each assertion that compares two numbers is
recorded instead of raised: its slack is how far the smaller side stands below the larger one, negative if it failed.
The table has the slack's mean over the runs in units of its standard deviation: below 3, the margin is too narrow
for the luck of the seed, or the claim is. Size as usual, by COURSE_FAST. Results are kept in stability.jsonl here.
"""

import argparse
import ast
import builtins
import json
import math
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from tests.course import LESSONS, ROOT
from tests.refresh import execute_notebook

RECORD = Path(__file__).with_name("stability.jsonl")
THREADS = (1, 2, 4)
LEAST = 3.0  # standard deviations


class Recorder(ast.NodeTransformer):
    """Turns each `assert` into a call of `recorded`, one for each comparison of two values joined by `and`."""

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        parts = node.test.values if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And) \
            else [node.test]
        return [ast.copy_location(ast.Expr(self._call(part)), node) for part in parts]

    @staticmethod
    def _call(part: ast.expr) -> ast.expr:
        label = ast.Constant(ast.unparse(part))
        values, operators = [part], []
        if isinstance(part, ast.Compare):
            values = [part.left, *part.comparators]
            operators = [ast.Constant(type(operator).__name__) for operator in part.ops]
        return ast.Call(ast.Name("recorded", ast.Load()),
                        [label, ast.Tuple(values, ast.Load()), ast.Tuple(operators, ast.Load())], [])


def slack_of(values: Sequence[Any], operators: Sequence[str]) -> float | None:
    """Smallest distance by which a chain of < and > holds, negative if it does not; None if it is no such chain."""
    slacks = []
    for left, operator, right in zip(values, operators, values[1:], strict=False):
        if operator not in ("Lt", "LtE", "Gt", "GtE"):
            return None
        try:
            difference = float(right) - float(left)
        except (TypeError, ValueError, RuntimeError):
            return None
        slacks.append(difference if operator in ("Lt", "LtE") else -difference)
    return min(slacks, default=None)


def prepare(offset: int, file: str) -> None:
    """In the kernel: add `offset` to every seed, and let `recorded` append slacks to `file`."""
    import numpy as np
    import torch

    seed_torch, make_rng, seed_numpy, plain = (torch.manual_seed, np.random.default_rng, np.random.seed,
                                               torch.Generator)

    class Generator(plain):
        def manual_seed(self, seed: int) -> torch.Generator:
            return super().manual_seed(seed + offset)

    def default_rng(seed: Any = None) -> np.random.Generator:
        if isinstance(seed, int):
            return make_rng(seed + offset)
        return make_rng([*seed, offset] if isinstance(seed, Sequence) else seed)

    torch.Generator, np.random.default_rng = Generator, default_rng  # type: ignore[misc]
    torch.manual_seed = lambda seed: seed_torch(seed + offset)
    np.random.seed = lambda seed: seed_numpy(seed + offset if isinstance(seed, int) else seed)  # a loader's: lists

    def recorded(label: str, values: tuple, operators: tuple) -> None:
        slack = slack_of(values, operators)
        if operators and slack is None:
            return  # compares things that are not numbers: no margin
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(json.dumps([label, slack if operators else (0.0 if values[0] else -1.0)]) + "\n")

    builtins.recorded = recorded  # type: ignore[attr-defined]


def run(path: Path, number: int) -> dict[str, Any]:
    """Run a lesson once with the offset and the threads of run `number`; return a record of it."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = Recorder().visit(ast.parse(cell.source))
            cell.source = ast.unparse(ast.fix_missing_locations(tree)) + ";" * cell.source.rstrip().endswith(";")
    threads = THREADS[number % len(THREADS)]
    file = RECORD.with_suffix(f".{os.getpid()}")
    file.unlink(missing_ok=True)
    first = (f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
             f"from tests.stability import prepare\nprepare({1000 * number}, {str(file)!r})")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    start, error = time.perf_counter(), ""
    try:
        execute_notebook(notebook, path.parent)
    except Exception as stopped:  # the record says so; the next run goes on
        error = str(stopped)[-300:]
    slacks: dict[str, float] = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        label, slack = json.loads(line)
        slacks[label] = min(slack, slacks.get(label, slack))
    file.unlink(missing_ok=True)
    return {"lesson": path.stem, "run": number, "threads": threads, "size": os.environ.get("COURSE_FAST", "0"),
            "seconds": round(time.perf_counter() - start), "error": error, "slacks": slacks}


def report(records: list[dict[str, Any]]) -> None:
    """Print, for each lesson and size, the assertions that failed or whose slack is small against its spread."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        groups[record["lesson"], record["size"]].append(record)
    for (lesson, size), runs in sorted(groups.items()):
        slacks: dict[str, list[float]] = defaultdict(list)
        for record in runs:
            for label, slack in record["slacks"].items():
                slacks[label].append(slack)
        print(f"{lesson}, {'fast' if size == '1' else 'default'}: {len(runs)} runs, {len(slacks)} assertions, "
              f"stopped by an error: {sum(bool(record['error']) for record in runs)}")
        for label, values in slacks.items():
            failed = sum(not value >= 0 for value in values)  # nan fails, too
            finite = [value for value in values if math.isfinite(value)] or [0.0]
            mean, spread = statistics.mean(finite), statistics.pstdev(finite)
            if failed or (spread > 0 and mean < LEAST * spread):
                print(f"  failed {failed}, mean slack {mean:+.3g} ± {spread:.2g}, "
                      f"least {min(values):+.3g}: {label}")


def main() -> int:
    """Run the lessons that the command line names, one record a run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="part of a lesson's name; all lessons if none is given")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--report", action="store_true", help="print the table only")
    options = parser.parse_args()
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    wanted = [path for path in LESSONS if not options.names or any(name in path.name for name in options.names)]
    for number in range(1, 0 if options.report else options.runs + 1):
        for path in wanted:
            record = run(path, number)
            with RECORD.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
            print(f"{path.stem}, run {number}, {record['threads']} threads: {record['seconds']} s {record['error']}",
                  flush=True)
    report([json.loads(line) for line in RECORD.read_text("utf-8").splitlines()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
