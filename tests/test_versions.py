"""The ends of the supported ranges, and warnings of our own code: both tell early what the next release will break."""

import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement

from tests.refresh import execute
from tests.versions import oldest, requirements

WARN = "import warnings\nwarnings.warn_explicit('old', DeprecationWarning, 'a.py', 1, module='{module}')"


@pytest.mark.parametrize("text, lowest", [("torch>=2.9,<3", "torch==2.9"), ("numpy <3, >=2.0.1", "numpy==2.0.1")])
def test_the_lowest_version_of_a_range(text: str, lowest: str) -> None:
    assert oldest(text) == lowest


def test_every_range_has_two_ends() -> None:
    for low, text in zip(requirements("oldest"), requirements("newest"), strict=True):
        need, pin = Requirement(text), Requirement(low)
        assert need.specifier.contains(str(pin.specifier).removeprefix("=="))
        assert any(part.operator == "<" for part in need.specifier) or need.name == "ruff"


@pytest.mark.parametrize("module", ["__main__", "helpers.data.fetch", "helpers_of_others"])
def test_a_warning_of_our_own_code_fails_a_notebook(module: str, tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell(WARN.format(module=module))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "warns.ipynb")
    if module == "helpers_of_others":
        assert execute(tmp_path / "warns.ipynb").cells[0].outputs == []
        return
    with pytest.raises(CellExecutionError) as error:
        execute(tmp_path / "warns.ipynb")
    assert error.value.ename == "DeprecationWarning"


def test_a_warning_of_our_own_code_fails_a_test() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "a.py", 1, module="helpers.data.fetch")
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
