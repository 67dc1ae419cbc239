"""Play, bearings, engines, turbine, monthly series and parts: files as published are read, others are named.

Simulators, that of surfaces too, are held to the truth that they state. The mirror's sets are read, images too.
"""

import dataclasses
import io
import os
import re
from functools import partial

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.signal import hilbert

from helpers.data import DataError, cmapss, cwru, demand, gas_turbine, load_cifar10, load_mnist, romeo_and_juliet
from helpers.data.surfaces import ideal_roughness, scratched_surface, surface_roughness
from tests.fault_server import offline_folder, write_zip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder without mirror and network, for sets of a few items."""
    wanted = {"97.mat", "99.mat", "105.mat", "174.mat"}
    forms = {form: tuple(file for file in files if file.name in wanted) for form, files in cwru.CWRU.forms.items()}
    monkeypatch.setattr(cwru, "CWRU", dataclasses.replace(cwru.CWRU, forms=forms))
    monkeypatch.setattr(cmapss, "ROWS", {"train": 7, "test": 5, "RUL": 2})
    monkeypatch.setattr(gas_turbine, "HOURS", dict.fromkeys(gas_turbine.HOURS, 2))
    monkeypatch.setattr(demand, "CATEGORY", ("micro", "industry", "macro"))
    monkeypatch.setattr(demand, "PARTS", 3)
    return offline_folder(tmp_path, monkeypatch)


# Files as published
ACTS = ("CHORUS:\nTwo households,--both alike in dignity.\n\nSAMPSON:\nWe'll not 'carry' coals.\nOnce more.\n\n"
        'LADY CAPULET:\nSpeak, "Nurse."\nA song,\nand its end.\n', *["ROMEO:\nIt is the east!\n"] * 4)
EDITIONS = {
    "pg1513.txt": "*** START ***\nTHE PROLOGUE.\nACT I\nSCENE I.\n\nTHE PROLOGUE\n\n Enter Chorus.\n\nCHORUS.\nTwo "
    "households,—both alike in dignity.\n\nACT I\nSCENE I. A public place.\n Enter Sampson\n with a lantern.\n\n"
    "SAMPSON.\nWe’ll [_gives a paper_] not ‘carry’ coals.\n\n [_They\n fight._]\n\nOnce more.\n\n"
    "LADY CAPULET. Speak, “Nurse.”\n      A song,\n    and its end.\n" + "".join(
        f"ACT {act}\nROMEO.\n_It is the east!_\n" for act in ("II", "III", "IV", "V")) + "*** END OF IT ***",
    "romeo-and-juliet.md": "# Romeo and Juliet\n\n## ACT I\n\n### PROLOGUE\n\n**Chorus**  \nTwo households,--both "
    "alike in dignity.\n\n### SCENE I. A place.\n\n_Enter SAMPSON, with a\nlantern_\n\n**Sampson**  \n_\\[Aside]_  \n"
    "We'll not 'carry' coals.\nOnce more.\n\n**LADY CAPULET**  \nSpeak, \"Nurse.\"  \nA song,  \nand its end.\n"
    + "".join(f"## ACT {act}\n\n**Romeo**  \nIt is the east!\n\n_Exeunt_\n" for act in ("II", "III", "IV", "V"))}


def write_play(folder, file="pg1513.txt", old="", new=""):
    (folder / file).write_text(EDITIONS[file].replace(old, new), "utf-8")


@pytest.mark.parametrize("file", EDITIONS)
def test_both_editions_are_brought_to_one_plain_form(file, folder):
    write_play(folder, file)
    data = romeo_and_juliet.load_romeo_and_juliet()
    assert data.acts == ACTS and f"copy of Romeo and Juliet, not the official bytes ({file})" in repr(data)


def noise(samples=60_000, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, 1))


def write_recordings(folder, content=None, numbers=(97, 99, 105, 174)):
    """97 and 99 as published (double precision, two channels, 99 with the signal of 98), the others re-packed."""
    contents = {
        97: {"X097_DE_time": noise(seed=97), "X097_FE_time": noise(seed=1), "X097RPM": np.array([[1796]])},
        99: {"X098_DE_time": noise(seed=98), "X098_FE_time": noise(seed=1), "X099_DE_time": noise(seed=99)},
        105: content or {"X105_DE_time": noise(seed=105).astype(np.float32), "X105RPM": np.uint16([[1797]])},
        174: {"X173_DE_time": noise(seed=173), "X174_DE_time": noise(63_788, seed=174), "X174RPM": 1797.0}}
    for number in numbers:
        savemat(folder / f"{number}.mat", contents[number])


def test_recordings_are_read_with_what_their_numbers_mean_and_some_may_join_later(folder):
    for numbers in ([97, 105], [97, 105, 174], [97, 99, 105, 174]):
        write_recordings(folder, numbers=numbers)
        data = cwru.load_cwru()
        assert data.file_number.tolist() == numbers
    for number, signal in zip((97, 99, 105), data.signal, strict=False):
        assert torch.equal(signal, torch.from_numpy(noise(seed=number)[:, 0]).float())
    assert data.fault == ("normal", "normal", "inner race", "inner race")
    assert data.sampling_rate.tolist() == [48_000, 48_000, 12_000, 48_000]
    assert data.fault_size.tolist() == [0, 0, 7, 14] and data.load.tolist() == [0, 2, 0, 0]
    assert data.speed.tolist() == [1796, 1750, 1797, 1797]  # 99 does not tell it: the usual one at 2 hp
    assert "unverified copy of CWRU bearings" in repr(data) and len(data.signal[3]) == 63_788
    assert cwru.CONDITIONS[120] == ("ball", 7, 2, 12_000) and cwru.CONDITIONS[238] == ("outer race", 21, 0, 48_000)


def engine_rows(*lengths):
    """Rows as published: engine, cycle, three settings, 21 sensors."""
    drawn = [cmapss.worn_engine(n, 0, seed=n).tolist() for n in lengths]
    return [[number, cycle, *row] for number, table in enumerate(drawn, 1) for cycle, row in enumerate(table, 1)]


def write_engines(folder, train=None, test=None, rul="112 \n98 \n", change=(0, 0, 1)):
    tables = {"train": train or engine_rows(4, 3), "test": test or engine_rows(2, 3)}
    tables["test"][change[0]][change[1]] = change[2]
    texts = {f"{part}_FD001.txt": "\n".join(" ".join(map(str, row)) for row in rows) for part, rows in tables.items()}
    inner = io.BytesIO()
    write_zip(inner, texts | {"RUL_FD001.txt": rul, "readme.txt": "nothing of interest"})
    member = "6. Turbofan Engine Degradation Simulation Data Set/CMAPSSData.zip"
    write_zip(folder / cmapss.CMAPSS.forms["zip"][0].name, {member: inner.getvalue()})
    return tables


def test_engines_come_out_of_the_zip_in_the_zip(folder):
    tables = write_engines(folder)
    for data in (cmapss.load_cmapss(), cmapss.load_cmapss()):
        for part, lengths in (("train", [4, 3]), ("test", [2, 3])):
            assert torch.equal(torch.cat(getattr(data, part)), torch.tensor(tables[part])[:, 2:])
            assert [len(engine) for engine in getattr(data, part)] == lengths
        assert data.train[0].dtype == torch.float32 and data.test_rul.tolist() == [112, 98]
        assert len(data.columns) == 24 and data.columns[:5] == ("altitude", "Mach", "TRA", "T2", "T24")
        assert "copy of C-MAPSS FD001 engines, not the official bytes" in repr(data)


NAMES = [*gas_turbine.INPUTS, *gas_turbine.EMISSIONS]
GOOD = [10, 1000, 70, 4, 25, 1080, 545, 134, 12, 2, 66]


def write_turbine(folder, gt_2013=None):
    fields = gas_turbine.simulated_turbine(10, seed=0)
    rows = torch.cat([fields["inputs"], fields["emissions"]], 1).tolist()
    tables = {year: [NAMES, *rows[2 * place:2 * place + 2]] for place, year in enumerate(gas_turbine.HOURS)}
    tables[2015] = [[name.replace("AFDP", "AFDP ") for name in NAMES], *rows[8:]]  # as published
    tables[2013] = gt_2013 or tables[2013]
    write_zip(folder / gas_turbine.GAS_TURBINE.forms["zip"][0].name, {
        f"gt_{year}.csv": "\n".join(",".join(map(str, row)) for row in table) for year, table in tables.items()})
    return torch.tensor(rows)


def test_turbine_hours_come_in_order(folder):
    rows = write_turbine(folder)
    for data in (gas_turbine.load_gas_turbine(), gas_turbine.load_gas_turbine()):
        assert torch.equal(data.inputs, rows[:, :9]) and torch.equal(data.emissions, rows[:, 9:])
        assert data.year.tolist() == [2011, 2011, 2012, 2012, 2013, 2013, 2014, 2014, 2015, 2015]
        assert data.input_names == tuple(NAMES[:9])
        assert "copy of UCI gas turbine, not the official bytes" in repr(data)


MONTHS = {"T1": [2640.5] * 66, "T2": list(range(10, 154)), "T3": [5] * 69}
PARTS = {f"T{n}": [0, n, 0] * 17 for n in (1, 2, 3)}


def write_tsf(folder, name, series, horizon):
    head = f"# a remark\n@relation x\n@attribute series_name string\n@horizon {horizon}\n@missing false\n@data\n"
    lines = [f"{key}:1990-01-01 00-00-00:{','.join(map(str, values))}\n" for key, values in series.items()]
    write_zip(folder / f"{name}.zip", {f"{name}.tsf": head + "".join(lines)})


write_m3 = partial(write_tsf, name="m3_monthly_dataset", series=MONTHS, horizon=18)
write_parts = partial(write_tsf, name="car_parts_dataset_without_missing_values", series=PARTS, horizon=12)


def test_series_and_parts_come_in_order(folder):
    write_m3(folder)
    write_parts(folder)
    for months, parts in [(demand.load_m3(), demand.load_car_parts()) for _ in range(2)]:
        assert [values.tolist() for values in months.series] == list(MONTHS.values()) and months.horizon == 18
        assert months.category == ("micro", "industry", "macro") and months.series[0].dtype == torch.float32
        assert parts.demand.tolist() == list(PARTS.values()) and parts.horizon == 12
        assert "unverified copy of M3" in repr(months) and "unverified copy of Monash car parts" in repr(parts)


LOADERS = {write_play: romeo_and_juliet.load_romeo_and_juliet, write_recordings: cwru.load_cwru,
           write_engines: cmapss.load_cmapss, write_turbine: gas_turbine.load_gas_turbine,
           write_m3: demand.load_m3, write_parts: demand.load_car_parts}


@pytest.mark.parametrize("write, changes, reason", [
    (write_play, {"old": "ACT IV", "new": "ACT 4"}, "pg1513.txt .* does not hold five acts"),
    (write_recordings, {"content": {"X106_DE_time": noise()}}, "105.mat: its 0 samples of X105_DE_time"),
    (write_recordings, {"content": {"X105_DE_time": np.ones((60_000, 1))}}, "105.mat: .* all the same"),
    (write_recordings, {"content": {"X105_DE_time": 10 * noise()}}, "105.mat: acceleration in g is -?[2-4][0-9]"),
    (write_recordings, {"content": {"X105_DE_time": noise(), "X105RPM": 29.95}}, "105.mat: .* rpm is 29.95"),
    (write_engines, {"train": engine_rows(4, 2)}, "train_FD001.txt does not hold 2 engines, each from cycle 1 on"),
    (write_engines, {"change": (1, 1, 3)}, "test_FD001.txt does not hold 2 engines"),
    (write_engines, {"change": (0, 7, "nan")}, "test_FD001.txt: T30 is nan"),
    (write_engines, {"rul": "112\n"}, "RUL_FD001.txt: number of lines is 1 somewhere"),
    (write_engines, {"rul": "112\n-98\n"}, "RUL is -98"),
    (write_turbine, {"gt_2013": [NAMES, GOOD]}, "gt_2013.csv does not hold 2 hours of AT, AP"),
    (write_turbine, {"gt_2013": [[*NAMES[:9], "NOX", "CO"], GOOD, GOOD]}, "gt_2013.csv does not hold"),
    (write_turbine, {"gt_2013": [NAMES, GOOD, [*GOOD[:5], 108, *GOOD[6:]]]}, "gt_2013.csv: TIT is 108 somewhere"),
    (write_m3, {"series": MONTHS | {"T4": [1] * 66}}, "does not hold series T1 to T3, and the horizon 18"),
    (write_m3, {"horizon": "<html>"}, "no line @horizon"),
    (write_m3, {"series": MONTHS | {"T3": [5] * 65}}, "number of months of series T3 is 65"),
    (write_m3, {"series": MONTHS | {"T3": [*[5] * 68, "nan"]}}, "series T3 is nan"),
    (write_parts, {"series": PARTS | {"T3": [1] * 50}}, "car_parts.*zip .* does not hold 3 series of 51 months"),
    (write_parts, {"series": PARTS | {"T3": [0.5] * 51}}, "fraction of a piece is 0.5"),
    (write_parts, {"series": PARTS | {"T3": [-1] * 51}}, "demand is -1")])
def test_a_file_that_is_not_as_published_is_named(write, changes, reason, folder):
    write(folder, **changes)
    with pytest.raises(DataError, match=r"(?s)\(found in the data folder\) cannot be used: .* What to do: ") as caught:
        LOADERS[write]()
    assert re.search(reason, str(caught.value)) and not list(folder.glob("*.pt"))


# Simulators
@pytest.mark.parametrize("fault", cwru.FAULT_ORDERS)
def test_the_envelope_spectrum_shows_the_fault_at_its_order(fault):
    for size, load, rate, speed in ((7, 0, 12_000, None), (14, 3, 48_000, None), (21, 2, 12_000, 900)):
        signal = cwru.bearing_vibration(fault, size, load, seed=5, sampling_rate=rate, speed=speed).numpy()
        spectrum = np.fft.rfft(signal)
        spectrum[:int(1000 * len(signal) / rate)] = 0
        envelope = np.abs(hilbert(np.fft.irfft(spectrum, len(signal))))
        order = np.fft.rfftfreq(len(signal), 1 / rate) / ((speed or cwru.SPEEDS[load]) / 60)
        search = (order > 2.5) & (order < 7)
        found = order[search][np.abs(np.fft.rfft(envelope))[search].argmax()]
        assert found == pytest.approx(cwru.FAULT_ORDERS[fault], rel=0.005), (size, load)


def test_sensors_tell_the_known_wear():
    onset, life = 100.0, 220
    known = cmapss.wear(torch.arange(1, life + 1), onset, life)
    assert known[:100].abs().max() == 0 and known[-1] == pytest.approx(1) and (known[100:].diff() > 0).all()
    tables = torch.stack([cmapss.worn_engine(life, onset, seed) for seed in range(200)]).double()
    fit = torch.linalg.lstsq(torch.stack([torch.ones(life), known], 1).double(), tables.mean(0)).solution
    for column, (_, new, change, std) in enumerate(cmapss.SENSORS.values(), 3):
        assert fit[0, column] == pytest.approx(new, abs=0.3 * std + 1e-4)
        assert fit[1, column] == pytest.approx(change, abs=0.1 * std + 1e-3)


def test_turbine_draws_the_emissions_that_it_states():
    fields = gas_turbine.simulated_turbine(20_000, seed=6)
    inputs, emissions = fields["inputs"].double(), fields["emissions"].double()
    off = inputs[:, 5] - gas_turbine.cleanest_inlet_temperature(inputs[:, 0], inputs[:, 8])
    z = (emissions - gas_turbine.expected_emissions(inputs, fields["year"])) / gas_turbine.emission_std(inputs)
    for some in (off.abs() < 2, off.abs() > 8):  # the standard deviation grows with the distance
        assert z[some].mean(0).abs().max() < 0.06 and (z[some].std(0) - 1).abs().max() < 0.05
    assert 0.33 < torch.corrcoef(z.T)[0, 1] < 0.45


def test_the_best_set_points_of_the_simulated_turbine_are_better_than_their_neighbours():
    for warm, wanted in ((5.0, 120.0), (18.0, 134.0), (30.0, 150.0)):
        ambient = torch.tensor(warm, dtype=torch.float64)
        inlet, pressure = gas_turbine.best_set_points(ambient, torch.tensor(wanted, dtype=torch.float64))
        assert gas_turbine.energy_yield(ambient, inlet, pressure).item() == pytest.approx(wanted)
        hours, tried = torch.zeros(3, 9, dtype=torch.float64), inlet + torch.tensor([-0.03, 0, 0.03])
        hours[:, 0], hours[:, 5] = ambient, tried
        hours[:, 8] = 12 + (wanted - gas_turbine.energy_yield(ambient, tried, torch.tensor(12.0))) / 8
        assert gas_turbine.expected_emissions(hours, torch.full((3,), 2011))[:, 1].argmin() == 1


@pytest.mark.parametrize("seed", range(20))
def test_scratch_changes_the_mask_and_nothing_else(seed):
    size = (64, 16, 33, 128)[seed % 4]
    clean, no_mask = scratched_surface(size, scratch=False, seed=seed)
    image, mask = scratched_surface(size, seed=seed)
    assert image.shape == mask.shape == (size, size) and image.dtype == torch.float32 and mask.dtype == torch.bool
    assert 0 <= image.min() and image.max() <= 1 and mask.any() and not no_mask.any()
    assert torch.equal(image[~mask], clean[~mask])
    torch.testing.assert_close((image - clean).abs()[mask], torch.full_like(image[mask], 0.25))
    across, along = torch.linalg.eigvalsh(torch.cov(mask.nonzero().float().T))
    assert along > (50 if size > 16 else 25) * across  # long and thin
    assert torch.equal(image, scratched_surface(size, seed=seed)[0])


def test_roughness_follows_the_formula_and_its_stated_error():
    # f = 0.2 mm/rev, r = 0.8 mm: 0.04 / 25.6 mm = 1.5625 µm; lesson 01 computes the true roughness by itself
    assert ideal_roughness(torch.tensor(0.2), torch.tensor(0.8)).item() == pytest.approx(1.5625)
    data = surface_roughness(20_000, seed=1, noise=0.1)
    assert torch.equal(surface_roughness(20_000, seed=1, noise=0).roughness, data.true_roughness)
    error = (data.roughness / data.true_roughness).log()
    assert error.std().item() == pytest.approx(0.1, rel=0.05) and abs(error.mean()) < 0.005
    for values, low, high in ((data.feed, 0.05, 0.4), (data.nose_radius, 0.4, 1.6), (data.cutting_speed, 50, 300)):
        assert low <= values.min() < low + 0.01 * (high - low) and high - 0.01 * (high - low) < values.max() <= high


@pytest.mark.parametrize("call, message", [
    (lambda: cwru.bearing_vibration("cage", 7, 0, seed=1), "fault must be one of"),
    (lambda: cwru.bearing_vibration("ball", 7, 0, seed=1, speed=0), "speed above 0; got 'ball' and 0"),
    (lambda: cmapss.worn_engine(5, 5, seed=1), "onset must be 0 or more, and less than life"),
    (lambda: scratched_surface(8), "size must be at least 16"), (lambda: scratched_surface(seed=-1), "seed=-1"),
    (lambda: surface_roughness(0, 1), "count must be at least 1"), (lambda: surface_roughness(5, 1, -0.1), "and -0.1")])
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.skipif(not os.environ.get("COURSE_MIRROR"), reason="COURSE_MIRROR is not set")
def test_mirror_holds_the_whole_sets(tmp_path, monkeypatch):
    offline_folder(tmp_path, monkeypatch, os.environ["COURSE_MIRROR"])
    sets = play, *_, cifar, mnist = [load() for load in (*LOADERS.values(), load_cifar10, load_mnist)]
    assert all(data.source.endswith("from a mirror (COURSE_MIRROR)") for data in sets)  # counted and found in range
    assert "CIFAR-10 (" in cifar.source and mnist.source.startswith("MNIST, official pixels (")
    text = "".join(play.acts)
    assert text.startswith("CHORUS:\nTwo households, both alike in dignity,\nIn fair Verona")
    assert text.endswith("For never was a story of more woe\nThan this of Juliet and her Romeo.\n") and text.isascii()
    assert not re.search(r"[_\[\]*#\\]|Gutenberg|SCENE|ACT |Enter |Exeunt|  ", text)
    assert 130_000 < len(text) < 150_000 and len(re.findall(r"(?m)^ROMEO:$", text)) == 163
