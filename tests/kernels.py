"""A plugin of pytest: a warning that our own code causes is an error in the notebooks' kernels too."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

STARTUP = 'import warnings\n\nwarnings.filterwarnings("error", module=r"(__main__|helpers)(\\.|$)")\n'


def pytest_configure(config: pytest.Config) -> None:
    """Kernels get a start-up file: they do not see pytest's filters, and IPython puts its own before PYTHONWARNINGS."""
    folder = Path(tempfile.mkdtemp())
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "warnings.py").write_text(STARTUP, "utf-8")
    os.environ["IPYTHONDIR"] = str(folder)
