"""What the tests and tools share: where the notebooks are, how they are read, and how one is run."""

import ast
import base64
import itertools
import json
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("[0-9][0-9]_*.ipynb"))
CELL_LIMIT = 600  # seconds: three times the slowest cell at default size, on one thread


class SilentOutput(OutputWidget):
    """The picture of a control, kept without telling the kernel, which does not ask for it.

    nbclient sends such news on the channel on which it waits for the end of the cell, and may then miss the end: a
    busy machine then waits for ever (nbclient's issue 312).
    """

    def send(self, *_: Any, **__: Any) -> None:
        """Send nothing."""


def execute(notebook: nbformat.NotebookNode, folder: Path, limit: int = CELL_LIMIT) -> nbformat.NotebookNode:
    """Run a notebook on a fresh kernel in `folder`; the outputs are put into it.

    limit: seconds for a cell. Raises CellExecutionError, CellTimeoutError or DeadKernelError.
    """
    client = NotebookClient(notebook, timeout=limit, kernel_name="python3",
                            resources={"metadata": {"path": str(folder)}})
    client.widget_registry["@jupyter-widgets/output"]["OutputModel"] = SilentOutput
    client.execute()
    return notebook


def read_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, with `source` as one string."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def code_of(path: Path) -> str:
    """All code of a notebook."""
    return "\n\n".join(cell["source"] for cell in read_cells(path) if cell["cell_type"] == "code")


def tags(cell: dict[str, Any]) -> set[str]:
    """The tags of a cell."""
    return set(cell["metadata"].get("tags", ()))


def figure_of(path: Path, number: int) -> bytes:
    """The saved PNG of a notebook's Figure `number`. Raises LookupError if it is not there."""
    for cell, following in itertools.pairwise(read_cells(path)):
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}) and following["source"].startswith(f"*Figure {number}."):
                return base64.b64decode("".join(output["data"]["image/png"]))
    raise LookupError(f"{path.name} has no saved Figure {number}")


def names_of(path: Path) -> dict[str, Any]:
    """Run a notebook's imports, functions and classes, without its trainings; return all names."""
    names: dict[str, Any] = {"__name__": path.stem}
    for cell in read_cells(path):
        if cell["cell_type"] == "code" and "exercise" not in tags(cell):
            for node in ast.parse(cell["source"]).body:
                if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                    exec(compile(ast.Module([node], []), path.name, "exec"), names)
    return names
