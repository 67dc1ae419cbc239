"""A reader's own files: each plant lesson runs on a made-up plant when the comment in its first cell is uncommented."""

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile

from helpers.own import bearing_orders
from tests.course import LESSONS, execute, read_cells, tags

CELL_LIMIT = 120  # seconds at the small size
rng = np.random.default_rng(0)


def pictures(folder: Path) -> None:
    """Folders OK and crack, two pictures a part; a dark stripe somewhere on the cracked ones."""
    for number in range(160):
        grey, bad = rng.integers(120, 160, (90, 120)).astype(np.uint8), number % 5 < 2
        if bad:
            row = rng.integers(5, 70)
            grey[row:row + 15, 20:100] = 20
        path = folder / "line3" / ("crack" if bad else "OK") / f"part{number // 10:02d}{number % 5}_{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(path)


def recordings(folder: Path) -> None:
    """WAV files of 6 s: a tone of the machine's own that swells at the order of its fault; three bearings a fault."""
    (folder / "pump").mkdir()
    orders, t, rows = bearing_orders(balls=8, ball=17.5, pitch=72.5), np.arange(60_000) / 10_000, []
    for kind, bearing in [("normal", 0)] + [(kind, bearing) for kind in orders for bearing in (1, 2, 3)]:
        x = 0.3 * rng.standard_normal(len(t))
        if kind != "normal":
            x += (1 + np.cos(2 * np.pi * 20 * orders[kind] * t)) * np.sin(2 * np.pi * 900 * bearing * t)
        rows.append((f"{kind} {bearing}.wav", kind, bearing, 1200))
        wavfile.write(folder / "pump" / rows[-1][0], 10_000, (8_000 * x).astype(np.int16))
    pd.DataFrame(rows, columns=["file", "fault", "bearing", "rpm"]).to_csv(folder / "pump" / "index.csv", index=False)


def machines(folder: Path) -> None:
    """40 tools, the last four replaced: vibration grows in the last 50 cuts; a speed that never changes; one gap."""
    rows = []
    for tool, life in enumerate(rng.integers(90, 180, 40)):
        cuts = np.arange(1, life + 1)
        vibration = rng.standard_normal(life) + 0.2 * (cuts - life + 50).clip(0)
        rows += zip([tool] * life, cuts, vibration, [1500.0] * life, rng.standard_normal(life),
                    ["replaced" if tool > 35 else "failed"] * life, strict=True)
    frame = pd.DataFrame(rows, columns=["tool", "cut", "vibration", "speed", "oil", "end"])
    frame.loc[100, "vibration"] = None
    frame.to_csv(folder / "tools.csv", index=False)


def process(folder: Path) -> None:
    """1,500 hours of an oven in three months; scrap drifts from month to month."""
    room, humidity, oven, belt, dust, scrap = rng.standard_normal((6, 1_500))
    month = np.arange(1_500) // 500
    frame = {"month": month, "room": 20 + room, "humidity": 50 + humidity, "oven": 200 + 10 * oven, "belt": 30 + belt,
             "tons": 100 + oven + 5 * belt, "dust": np.exp(0.5 * room + 0.2 * dust),
             "scrap": 20 + 4 * humidity + scrap + month}
    pd.DataFrame(frame).to_csv(folder / "line.csv", index=False)


def tables(folder: Path) -> None:
    """40 monthly series with a rise and a season, and bookings of 60 parts over 48 months, some of them returns."""
    rows = []
    for item in range(40):
        t = np.arange(66 + item)
        values = 500 * np.exp(0.01 * t + 0.02 * rng.standard_normal(len(t)) + 0.2 * np.sin(2 * np.pi * t / 12))
        rows += zip([item] * len(t), pd.period_range("2015-01", periods=len(t), freq="M"), values, strict=True)
    pd.DataFrame(rows, columns=["item", "month", "pieces"]).to_csv(folder / "months.csv", index=False)
    demand = rng.poisson(rng.random((60, 1)), (60, 48))
    booked = [(part, f"{2020 + month // 12}-{month % 12 + 1:02d}-15", demand[part, month])
              for part, month in zip(*demand.nonzero(), strict=True)]
    frame = pd.DataFrame([*booked, (0, "2020-03-20", -50)], columns=["part", "date", "pieces"])
    frame.to_csv(folder / "bookings.csv", index=False)


# Lesson -> who writes its files, and a pattern whose group 1 is a figure that it prints, with its least value.
MADE_UP: dict[str, tuple[Callable[[Path], None], str, float]] = {
    "08_quality_inspection": (pictures, r"support vector machine +accuracy .*?AUROC ([\d.]+)", 0.85),
    "09_fault_diagnosis": (recordings, r"envelope spectrum, chosen .* ([\d.]+) ± [\d.]+\n", 0.9),
    "10_predictive_maintenance": (machines, r"saves \+([\d.]+) \([^)]*\) against run to failure", 200.0),
    "11_production_optimization": (process, r"Gaussian network +[\d.]+ \([\d.]+ to [\d.]+\) +\d+% +(\d+)%", 75),
    "12_supply_chain": (tables, r"smoothing, Poisson +[\d.]+ €, fill rate +([\d.]+)%", 80),
    "14_data_quality": (lambda folder: (process(folder), pictures(folder)), r"oven +R² 0: ([\d.]+)", 0.9),
    "16_anomaly_detection": (pictures, r"\nplaces +image AUROC ([\d.]+)", 0.9),
    "13_interpretability": (pictures, r"groups: ([\d.]+)% right", 85),
    "15_scarce_data": (pictures, r"hand-made +new modules, all labels: AUROC ([\d.]+)", 0.8),
    "18_choosing_a_model": (process, r"R² of the best method, dealt: ([\d.]+)", 0.8),
    "17_deployment": (pictures, r"large: +[\d,]+ parameters, AUROC ([\d.]+)", 0.8),
}


@pytest.mark.parametrize("path", [path for path in LESSONS if path.stem >= "08"], ids=lambda path: path.stem)
def test_a_readers_own_data_take_one_cell(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_FULL", raising=False)
    for name in ("COURSE_FAST", "COURSE_OFFLINE", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    write, pattern, least = MADE_UP[path.stem]
    write(tmp_path)
    notebook = nbformat.read(path, as_version=4)
    number, = (number for number, cell in enumerate(read_cells(path)) if "own-data" in tags(cell))
    own = re.findall(r"^# (.*)$", notebook.cells[number].source.partition("\n# Your own")[2], flags=re.M)
    notebook.cells[number].source = "\n".join(own)
    outputs = [output for cell in execute(notebook, tmp_path, CELL_LIMIT).cells for output in cell.get("outputs", ())]
    shown = "".join(str(output.get("text", "")) for output in outputs)
    found = re.search(pattern, shown)
    assert found and float(found[1]) >= least, shown[:2000]
    assert not re.search(r"\bnan\b", shown)
