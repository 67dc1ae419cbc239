"""What the structure, exercise and refresh code of the tests share: where the notebooks are and how to read them."""

import ast
import base64
import hashlib
import itertools
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("[0-9][0-9]_*.ipynb"))


def read_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, with `source` as one string."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def tags(cell: dict[str, Any]) -> set[str]:
    """The tags of a cell."""
    return set(cell["metadata"].get("tags", ()))


def code_fingerprint(cells: list[dict[str, Any]]) -> str:
    """Hash of all code, in order: saved beside the outputs, so that outputs of older code are noticed."""
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


def figure_of(path: Path, number: int) -> bytes:
    """The saved PNG of a notebook's Figure `number`. Raises LookupError if it is not there."""
    for cell, following in itertools.pairwise(read_cells(path)):
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}) and following["source"].startswith(f"*Figure {number}."):
                return base64.b64decode("".join(output["data"]["image/png"]))
    raise LookupError(f"{path.name} has no saved Figure {number}")


def names_of(path: Path, assigned: Collection[str] = ()) -> dict[str, Any]:
    """Run a lesson's imports, functions and classes, and the last assignment to each given name; return all names.

    So a test or a benchmark can use what a lesson defines, without the lesson's trainings. Raises LookupError if a
    name is not assigned at the top level of any cell.
    """
    nodes = [node for cell in read_cells(path) if cell["cell_type"] == "code" and "exercise" not in tags(cell)
             for node in ast.parse(cell["source"]).body]
    last: dict[str, ast.Assign] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            written = (name for target in node.targets for name in ast.walk(target))
            last |= {name.id: node for name in written if isinstance(name, ast.Name)}
    if missing := set(assigned) - set(last):
        raise LookupError(f"{path.name} does not assign {sorted(missing)}")
    kept = {id(last[name]) for name in assigned}
    defining = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    names: dict[str, Any] = {"__name__": path.stem}
    for node in nodes:
        if isinstance(node, defining) or id(node) in kept:
            exec(compile(ast.Module([node], []), path.name, "exec"), names)
    return names
