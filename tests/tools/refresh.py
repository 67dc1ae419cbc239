"""Run notebooks top to bottom and save their outputs: `python -m tests.tools.refresh [NAME ...]`.

Each runs on a fresh kernel in its own folder, at the small size (the suite runs that on stand-ins) and at the default
size. It is saved only if it ran to its end on real data, with a fingerprint of what the outputs came from; metadata
is normalised, so that a diff shows what changed.
`--stale` takes those whose outputs come from something older.
"""

import argparse
import base64
import io
import json
import os
import re
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Any

import nbformat
from PIL import Image

from tests.course import LESSONS, ROOT, SOLUTIONS, execute, figure_of
from tests.fingerprint import changes, fingerprint

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGETS = "application/vnd.jupyter.widget-state+json"


def children(output: dict[str, Any], state: dict[str, Any]) -> list[dict[str, Any]]:
    """The models of the controls, or the parts of a progress bar, that an output shows."""
    box = state.get(output.get("data", {}).get(WIDGET, {}).get("model_id"), {"state": {}})
    names = [name.removeprefix("IPY_MODEL_") for name in box["state"].get("children", ())]
    return [state[name] for name in names if name in state]


def normalise(notebook: nbformat.NotebookNode, prefix: str) -> None:
    """Drop progress bars and needless metadata, number the cells, give figures and controls a readable text."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    notebook.nbformat_minor = 5
    shown: list[str] = []
    for number, (cell, following) in enumerate(pairwise([*notebook.cells, nbformat.v4.new_markdown_cell()])):
        cell.id = f"cell-{number:03d}"
        kept = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.metadata.get("jupyter", {}).get("outputs_hidden"):  # JupyterLab writes both forms
            kept |= {"collapsed": True, "jupyter": {"outputs_hidden": True}}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if "FloatProgressModel" not in
                            {child["model_name"] for child in children(output, state)}]
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if WIDGET in data:
                shown.append(data[WIDGET]["model_id"])
                named = [child["state"].get("description") for child in children(output, state)]
                data["text/plain"] = (f"Run the lesson to use these controls: {', '.join(filter(None, named))}. "
                                      "The output above shows their first position.")
            if "image/png" in data:
                data["image/png"] = shrunk(data["image/png"])
                if following.source.startswith("*Figure"):
                    caption = plain(following.source.split("\n\n")[0])
                    output.metadata = nbformat.from_dict({"image/png": {"alt": caption}})
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": notebook.metadata.language_info})
    if shown:
        kept = reachable(shown, state)
        widgets = {"state": {model: state[model] for model in kept}, "version_major": 2, "version_minor": 0}
        notebook.metadata["widgets"] = nbformat.from_dict({WIDGETS: widgets})
        rename(notebook, kept, prefix)


def shrunk(picture: str, limit: int = 60_000) -> str:
    """A PNG in base64; one of more than `limit` characters is stored with a palette of 256 colours."""
    if len(picture) <= limit:
        return picture
    smaller = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def reachable(models: list[str], state: dict) -> list[str]:
    """The widget models that the given ones need, themselves included, in an order that does not depend on names."""
    found: list[str] = []
    wanted = models[::-1]
    while wanted:
        model = wanted.pop()
        if model in state and model not in found:
            found.append(model)
            wanted += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[model]))
    return found


def rename(notebook: nbformat.NotebookNode, models: list[str], prefix: str) -> None:
    """Number the widget models in place of their random names, and write 2 for 2.0, as JupyterLab does on saving.

    So a diff shows what changed, and opening a lesson changes nothing.
    """
    text = json.dumps({"cells": notebook.cells, "metadata": notebook.metadata})
    for number, model in enumerate(models):
        text = text.replace(model, f"{prefix}{number:030x}")
    whole = json.loads(text, parse_float=lambda number: int(float(number)) if float(number) % 1 == 0 else float(number))
    notebook.update(nbformat.from_dict(whole))


def plain(caption: str) -> str:
    """A caption without its markup, for a screen reader."""
    return re.sub(r"\s+", " ", re.sub(r"[*_`$]|\[([^]]*)\]\([^)]*\)", r"\1", caption)).strip()


def seconds(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """How long the code of each `##` section ran, for the teacher's timetable (tests/tools/timetable.py)."""
    section, found = "Opening", Counter()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section = [section, *re.findall(r"^## (.+)$", cell.source, flags=re.M)][-1]
        times = cell.metadata.get("execution", {})
        if "shell.execute_reply" in times:
            begun, done = (datetime.fromisoformat(times[key]) for key in ("iopub.execute_input", "shell.execute_reply"))
            found[section] += (done - begun).total_seconds()
    return {name: round(spent) for name, spent in found.items()}


def main() -> None:
    """Run the notebooks whose names contain one of the arguments; print seconds and size of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="part of a notebook's name; all notebooks if none is given")
    parser.add_argument("--stale", action="store_true", help="only those whose outputs come from something older")
    options = parser.parse_args()
    os.environ |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "COURSE_FULL": "0"}
    for path in LESSONS + SOLUTIONS:
        name = str(path.relative_to(ROOT / "notebooks"))
        if not any(part in name for part in options.names or [""]) or (options.stale and not changes(path)):
            continue
        before = path.read_bytes()
        for fast in "10":
            os.environ["COURSE_FAST"], start = fast, time.perf_counter()
            notebook = execute(nbformat.read(path, as_version=4), path.parent, limit=1800)
        shown = json.dumps([cell.get("outputs") for cell in notebook.cells])
        if "STAND-IN" in shown or path.read_bytes() != before:
            print(f"{name}: not saved, it ran on a stand-in, or has changed meanwhile")
            continue
        spent = seconds(notebook)
        normalise(notebook, prefix=path.stem[:2])
        notebook.metadata["course"] = nbformat.from_dict(fingerprint(path) | {"seconds": spent})
        nbformat.validate(notebook)
        nbformat.write(notebook, path)
        print(f"{name}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)
    (ROOT / "notebooks" / "cover.png").write_bytes(figure_of(ROOT / "notebooks" / "03_cnn_cifar10.ipynb", 3))


if __name__ == "__main__":
    main()
