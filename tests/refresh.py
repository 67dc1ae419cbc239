"""Run the notebooks top to bottom and save their outputs: `python -m tests.refresh [NAME ...]`.

Each notebook runs on a fresh kernel in its own folder, with this interpreter. Metadata is normalised, so that a
diff shows what changed and nothing else. A notebook that fails is not saved.
"""

import argparse
import base64
import io
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget
from PIL import Image

from tests.course import LESSONS, ROOT, SOLUTIONS, code_fingerprint, figure_of

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGETS = "application/vnd.jupyter.widget-state+json"


class SilentOutput(OutputWidget):
    """The picture of a control, kept without telling the kernel, which does not ask for it.

    nbclient sends such news on the channel on which it waits for the end of the cell, and may then miss the end: a
    busy machine then waits for ever (nbclient's issue 312).
    """

    def send(self, *_: Any, **__: Any) -> None:
        """Send nothing."""


def execute(path: Path, timeout: int = 3600) -> nbformat.NotebookNode:
    """Run a notebook on a fresh kernel and return it with its outputs. Raises CellExecutionError if a cell fails."""
    return execute_notebook(nbformat.read(path, as_version=4), path.parent, timeout)


def execute_notebook(notebook: nbformat.NotebookNode, folder: Path, timeout: int = 3600) -> nbformat.NotebookNode:
    """Run a notebook's cells on a fresh kernel in `folder`; the outputs are put into it. Raises CellExecutionError."""
    client = NotebookClient(notebook, timeout=timeout, kernel_name="python3",
                            resources={"metadata": {"path": str(folder)}}, record_timing=False)
    client.widget_registry["@jupyter-widgets/output"]["OutputModel"] = SilentOutput
    client.execute()
    return notebook


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Drop progress bars and needless metadata, number the cells, give figures their caption as alt text."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    notebook.nbformat_minor = 5
    shown: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        kept_tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": kept_tags} if kept_tags else {})
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if not is_progress_bar(output, state)]
        following = notebook.cells[number + 1].source if number + 1 < len(notebook.cells) else ""
        for output in cell.outputs:
            shown |= {output.data[WIDGET]["model_id"]} if WIDGET in output.get("data", {}) else set()
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = shrunk(output.data["image/png"])
            if "image/png" in output.get("data", {}) and following.startswith("*Figure"):
                output.metadata = nbformat.from_dict({"image/png": {"alt": plain(following.split("\n\n")[0])}})
    notebook.metadata = nbformat.from_dict(METADATA | {"course": {"code": code_fingerprint(notebook.cells)}})
    if shown:
        kept = {model: state[model] for model in sorted(reachable(shown, state))}
        notebook.metadata["widgets"] = nbformat.from_dict(
            {WIDGETS: {"state": kept, "version_major": 2, "version_minor": 0}})


def shrunk(picture: str, limit: int = 200_000) -> str:
    """A PNG in base64; one of more than `limit` characters is stored with a palette of 256 colours."""
    if len(picture) <= limit:
        return picture
    smaller = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def is_progress_bar(output: nbformat.NotebookNode, state: dict) -> bool:
    """Whether an output is the progress bar of `fit`, which says nothing once the training is over."""
    model = state.get(output.get("data", {}).get(WIDGET, {}).get("model_id"), {})
    children = [state.get(child[len("IPY_MODEL_"):], {}) for child in model.get("state", {}).get("children", [])]
    return any(child.get("model_name") == "FloatProgressModel" for child in children)


def reachable(models: set[str], state: dict) -> set[str]:
    """The widget models that the given ones need, themselves included."""
    found: set[str] = set()
    wanted = list(models)
    while wanted:
        model = wanted.pop()
        if model in state and model not in found:
            found.add(model)
            wanted += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[model]))
    return found


def plain(caption: str) -> str:
    """A caption without its markup, for a screen reader."""
    return re.sub(r"\s+", " ", re.sub(r"[*_`$]|\[([^]]*)\]\([^)]*\)", r"\1", caption)).strip()


def save_cover() -> None:
    """Copy Figure 3 of the CIFAR-10 lesson, as saved there, to the picture that the README shows."""
    picture = figure_of(ROOT / "notebooks" / "03_cnn_cifar10.ipynb", 3)
    (ROOT / "notebooks" / "cover.png").write_bytes(picture)


def main() -> int:
    """Run the notebooks whose names contain one of the arguments; print seconds and size of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="part of a notebook's name; all notebooks if none is given")
    names = parser.parse_args().names
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    for path in LESSONS + SOLUTIONS:
        name = str(path.relative_to(ROOT / "notebooks"))
        if names and not any(part in name for part in names):
            continue
        start = time.perf_counter()
        notebook = execute(path)
        normalise(notebook)
        nbformat.validate(notebook)
        nbformat.write(notebook, path)
        print(f"{name}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)
    save_cover()
    return 0


if __name__ == "__main__":
    sys.exit(main())
