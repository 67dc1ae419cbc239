"""What the saved outputs of a notebook came from: its code, the helpers that it imports, the pins and the data.

Text does not count: markdown, comments and docstrings may change without a new run.
"""

import ast
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from packaging.requirements import Requirement

from helpers.data import CATALOG, DataError
from helpers.data.load import cache, cached
from tests.course import ROOT, code_of

Print = dict[str, Any]


def digest(*texts: str) -> str:
    """A short hash of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def bare(source: str) -> str:
    """The syntax tree of code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def imported(source: str, root: Path) -> Iterator[str]:
    """Modules of `helpers` that code imports; for a name that a package passes on, the module where it is defined."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("helpers"):
            continue
        package = root / node.module.replace(".", "/") / "__init__.py"
        if not package.exists():
            yield node.module
            continue
        given = [inner for inner in ast.parse(package.read_text("utf-8")).body if isinstance(inner, ast.ImportFrom)]
        origin = {alias.name: inner.module for inner in given for alias in inner.names}
        for alias in node.names:
            inside = package.with_name(f"{alias.name}.py").exists()
            yield f"{node.module}.{alias.name}" if inside else origin.get(alias.name, node.module)


def helpers_of(source: str, root: Path) -> dict[str, str]:
    """Hash of each module of `helpers` that code needs, directly or not."""
    found: dict[str, str] = {}
    wanted = list(imported(source, root))
    while wanted:
        module = wanted.pop()
        if module in found:
            continue
        path = root / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        text = path.read_text("utf-8")
        style = path.with_name("course.mplstyle").read_text("utf-8") if path.name == "plotting.py" else ""
        found[module] = digest(bare(text), style)
        wanted += imported(text, root)
    return dict(sorted(found.items()))


def pins_of(root: Path, source: str = "") -> str:
    """Hash of the pinned versions of what all lessons run on, and of what code imports beside it (extras)."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {Requirement(text).name for text in project["dependencies"]}
    needed |= set(re.findall(r"^\s*(?:import|from) (\w+)", source, flags=re.M)) - {"nbval", "pytest"}
    lines = (root / "requirements.txt").read_text("utf-8").splitlines()
    return digest(*sorted(line for line in lines if line.partition("==")[0] in needed))


def data_of(source: str) -> dict[str, str]:
    """Form and hash of each data set that code loads and that is cached here; a stand-in is no data."""
    names = {alias.name.removeprefix("load_") for node in ast.walk(ast.parse(source))
             if isinstance(node, ast.ImportFrom) and node.module == "helpers.data" for alias in node.names}
    found = {}
    for name in sorted(names & set(CATALOG)):
        kept = cached(CATALOG[name])
        if kept is not None:
            content = hashlib.sha256()
            for key in sorted(set(kept["fields"]) - {"source"}):
                value = kept["fields"][key]
                for part in value if isinstance(value, tuple) else (value,):
                    content.update(part.contiguous().numpy() if torch.is_tensor(part) else repr(part).encode())
            found[name] = f"{kept['form']}: {content.hexdigest()[:16]}"
    return found


def fingerprint(path: Path, root: Path = ROOT) -> Print:
    """What a run of this notebook would come from now."""
    code = code_of(path)
    return {"code": digest(bare(code)), "helpers": helpers_of(code, root), "pins": pins_of(root, code),
            "data": data_of(code)}


def changes(path: Path, root: Path = ROOT) -> list[str]:
    """What has changed since the outputs of a notebook were saved, in words; data of another form are not compared."""
    saved = json.loads(path.read_text("utf-8"))["metadata"].get("course", {})
    now = fingerprint(path, root)
    found = [key for key in ("code", "pins") if saved.get(key) != now[key]]
    old = saved.get("helpers", {})
    new = now["helpers"]
    found += [f"helpers: {name}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    for name, print_ in now["data"].items():
        before = saved.get("data", {}).get(name, "")
        if before != print_ and before.partition(":")[0] in ("", print_.partition(":")[0]):
            found.append(f"data: {name}")
    return found


def fetch_all() -> None:
    """Fetch every data set that can be had, so that all workers see the same data; print what is not to be had."""
    for data in CATALOG.values():
        try:
            cache(data)
        except DataError as error:
            print(f"{data.title}: {str(error).splitlines()[0]}")
