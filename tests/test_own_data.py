"""A reader's own data: each plant notebook runs on a small made-up set when its one cell is changed, and finds it."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.course import LESSONS, execute, read_cells, tags

OWN = [path for path in LESSONS if any("own-data" in tags(cell) for cell in read_cells(path))]
EACH = [pytest.param(path, id=path.stem) for path in OWN]
CELL_LIMIT = 120  # seconds at the small size

# Lesson -> the reader's cell, and a pattern whose group 1 is a figure that the notebook prints, with its least value.
MADE_UP = {
    "08_quality_inspection": ("""
generator = torch.Generator().manual_seed(0)
pictures = torch.randint(120, 160, (150, 1, 90, 120), generator=generator).to(torch.uint8)
probability = (torch.rand(150, generator=generator) < 0.4).float()
for number, row in enumerate(torch.randint(5, 70, (150,), generator=generator).tolist()):
    if probability[number]:
        pictures[number, 0, row:row + 15, 20:100] = 20  # a dark stripe somewhere
part_type = torch.arange(150) % 3
type_names = ["left", "middle", "right"]
published = False
""", r"support vector machine +accuracy .*?AUROC ([\d.]+)", 0.85),
    "09_fault_diagnosis": ("""
orders = {"gear": 3.3, "ring": 5.7}
plan = [("normal", 0)] + [(kind, machine) for kind in orders for machine in (1, 2, 3)]
generator = torch.Generator().manual_seed(0)
t = torch.arange(60_000) / 10_000
signal = []
for kind, machine in plan:
    x = 0.3 * torch.randn(len(t), generator=generator)
    if kind != "normal":  # a tone of the machine's own that swells and fades at the order of its kind
        x += (1 + torch.cos(2 * torch.pi * 20 * orders[kind] * t)) * torch.sin(2 * torch.pi * 900 * machine * t)
    signal.append(x)
sampling_rate = torch.full((len(plan),), 10_000)
fault = tuple(kind for kind, _ in plan)
bearing = torch.tensor([machine for _, machine in plan])
load = torch.zeros(len(plan), dtype=torch.long)
speed = torch.full((len(plan),), 1200.0)
published = False
""", r"envelope spectrum, chosen .* ([\d.]+) ± [\d.]+\n", 0.9),
    "10_predictive_maintenance": ("""
generator = torch.Generator().manual_seed(0)
names = ["vibration", "speed", "oil"]


def machine(lived, shown):
    rows = torch.randn(lived, 3, generator=generator)
    rows[:, 0] += 0.2 * (torch.arange(lived) - lived + 50).clamp(min=0)  # vibration grows in the last 50 hours
    rows[:, 1] = 1500.0  # a speed that never changes
    return rows[:shown]


lives = torch.randint(90, 180, (32,), generator=generator).tolist()
failed = [machine(lived, lived) for lived in lives[:20]]
running_rul = torch.randint(5, 50, (12,), generator=generator)
running = [machine(lived, lived - left) for lived, left in zip(lives[20:], running_rul.tolist(), strict=True)]
published = False
""", r"saves \+([\d.]+) \([^)]*\) against run to failure", 200.0),
    "11_production_optimization": ("""
generator = torch.Generator().manual_seed(0)
noise = torch.randn(1_500, 6, generator=generator)
year = torch.arange(1_500) // 500 + 1
weather = noise[:, :2]
set_points = torch.stack([200 + 10 * noise[:, 2], 30 + noise[:, 3]], 1)  # oven temperature, belt speed
delivered = 100 + noise[:, 2] + 5 * noise[:, 3]
drift = torch.tensor([0.0, 0, 1, 2])[year]
dust, scrap = torch.exp(0.5 * noise[:, 0] + 0.2 * noise[:, 4]), 20 + 4 * noise[:, 1] + noise[:, 5] + drift
emissions = torch.stack([dust, scrap], 1)
others = {}
gas = ["dust", "scrap"]
units = ["humidity (%)", "oven temperature (°C)", "belt speed (m/min)", "yield (t)"]
published = False
""", r"Gaussian network +[\d.]+ \([\d.]+ to [\d.]+\) +\d+% +(\d+)%", 75),
    "12_supply_chain": ("""
generator = torch.Generator().manual_seed(0)
series = []
for row in range(40):  # a rise and a season, and a length of its own
    t = torch.arange(66 + row)
    swing = 0.02 * torch.randn(len(t), generator=generator) + 0.2 * torch.sin(2 * torch.pi * t / 12)
    series.append(500 * torch.exp(0.01 * t + swing))
group = ["left", "right"] * 20
demand = torch.poisson(torch.rand(60, 1, generator=generator).expand(60, 48), generator=generator)
published = False
""", r"smoothing, Poisson +[\d.]+ €, fill rate +([\d.]+)%", 80),
}


@pytest.mark.parametrize("path", EACH)
def test_a_readers_own_data_take_one_cell(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_FULL", raising=False)
    for name in ("COURSE_FAST", "COURSE_OFFLINE", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    source, pattern, least = MADE_UP[path.stem]
    notebook = nbformat.read(path, as_version=4)
    cell, = (cell for cell in notebook.cells if "own-data" in tags(cell))
    cell.source = source.strip()
    outputs = [output for cell in execute(notebook, tmp_path, CELL_LIMIT).cells for output in cell.get("outputs", ())]
    shown = "".join(str(output.get("text", "")) for output in outputs)
    found = re.search(pattern, shown)
    assert found and float(found[1]) >= least, shown[:2000]


def test_every_plant_notebook_has_such_a_cell() -> None:
    assert {path.stem for path in OWN} == {path.stem for path in LESSONS if path.stem >= "08"} == set(MADE_UP)
