"""How near do the assertions of the notebooks come to failing, with other seeds and other numbers of threads?

    python -m tests.tools.stability 00 02 --runs 10       these lessons, ten times
    python -m tests.tools.stability --runs 0              the table of all runs so far, nothing is run

Run k adds 1000·k to every seed and takes 1, 2 or 4 threads in turn. Each assertion that compares two numbers is
recorded instead of raised: its slack is how far the smaller side stands below the larger one, negative if it failed.
The table has the slacks whose mean over the runs is below 3 standard deviations: there the margin is too narrow for
the luck of the seed, or the claim is. The slacks of all runs are kept in stability.jsonl beside this file.
"""

import argparse
import ast
import builtins
import json
import math
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import nbformat

from helpers.runtime import run_size
from tests.course import LESSONS, ROOT, execute

RECORD = Path(__file__).with_name("stability.jsonl")


class Recorder(ast.NodeTransformer):
    """Turns each `assert` into calls of `recorded`, one for each of the parts joined by `and`."""

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        joined = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
        calls = []
        for part in node.test.values if joined else [node.test]:
            chain = isinstance(part, ast.Compare)
            values = ", ".join(map(ast.unparse, [part.left, *part.comparators] if chain else [part]))
            operators = [type(operator).__name__ for operator in part.ops] if chain else []
            calls += ast.parse(f"recorded({ast.unparse(part)!r}, ({values},), {operators})").body
        return calls


def slack_of(values: Sequence[Any], operators: Sequence[str]) -> float | None:
    """Smallest distance by which a chain of < and > holds, negative if it does not; 0 or -1 for one truth value."""
    if not operators:
        return 0.0 if values[0] else -1.0
    signs = [{"Lt": 1, "LtE": 1, "Gt": -1, "GtE": -1}.get(operator) for operator in operators]
    try:
        steps = [float(right) - float(left) for left, right in pairwise(values)]
        return min(sign * step for sign, step in zip(signs, steps, strict=True))
    except (TypeError, ValueError, RuntimeError):  # not all of them numbers, or == between them: no distance
        return None


def prepare(lesson: str, offset: int) -> None:
    """In the kernel: add `offset` to every seed, and let `recorded` append slacks to the file."""
    import numpy as np
    import torch

    seed_torch, make_rng, seed_numpy = torch.manual_seed, np.random.default_rng, np.random.seed

    class Generator(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            return super().manual_seed(seed + offset)

    def moved(seed: Any) -> Any:
        return seed + offset if isinstance(seed, int) else [*seed, offset] if isinstance(seed, Sequence) else seed

    torch.Generator, torch.manual_seed = Generator, lambda seed: seed_torch(seed + offset)  # type: ignore[misc]
    np.random.default_rng = lambda seed=None: make_rng(moved(seed))
    np.random.seed = lambda seed: seed_numpy(moved(seed))

    def recorded(label: str, values: tuple, operators: list[str]) -> None:
        if (slack := slack_of(values, operators)) is not None:
            with RECORD.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([lesson, offset, label, slack]) + "\n")

    builtins.recorded = recorded  # type: ignore[attr-defined]


def run(path: Path, number: int) -> None:
    """Run a lesson once with the offset and the threads of run `number`; print the error that stops it, if any."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = Recorder().visit(ast.parse(cell.source))
            cell.source = ast.unparse(tree) + ";" * cell.source.rstrip().endswith(";")
    first = (f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.tools.stability import prepare\n"
             f"prepare('{path.stem}, {run_size()}', {1000 * number})")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    os.environ["OMP_NUM_THREADS"] = str((1, 2, 4)[number % 3])
    try:
        execute(notebook, path.parent, limit=1800)
    except Exception as stopped:  # the next run goes on
        print(str(stopped)[-300:])


def report(records: Iterable[tuple[str, int, str, float]]) -> None:
    """Print the assertions that failed, and those with a small slack for its deviation."""
    slacks: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for lesson, offset, label, slack in records:
        found = slacks[lesson, label]
        found[offset] = min(slack, found.get(offset, slack))
    for (lesson, label), found in sorted(slacks.items()):
        failed = sum(not value >= 0 for value in found.values())  # nan fails, too
        finite = [value for value in found.values() if math.isfinite(value)] or [0.0]
        mean, deviation = statistics.mean(finite), statistics.pstdev(finite)
        if failed or (deviation > 0 and mean < 3 * deviation):
            print(f"{lesson}: failed {failed} of {len(found)}, mean slack {mean:+.3g} ± {deviation:.2g}: {label}")


def main() -> None:
    """Run the lessons that the command line names, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="part of a lesson's name; all lessons if none is given")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    wanted = [path for path in LESSONS if any(name in path.name for name in options.names or [""])]
    for number, path in product(range(1, options.runs + 1), wanted):
        print(f"{path.stem}, run {number}", flush=True)
        run(path, number)
    report(map(json.loads, RECORD.read_text("utf-8").splitlines()))


if __name__ == "__main__":
    main()
