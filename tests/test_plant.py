"""Bearings, engines, turbine, monthly series and parts: files as published are read, others are named.

The simulators are held to the truth that they state: a simple method finds it in what they draw.
"""

import dataclasses
import io
import os
import zipfile

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.signal import hilbert
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.data import (
    CATALOG,
    DataError,
    bearings,
    demand,
    engines,
    fetch,
    load_bearings,
    load_car_parts,
    load_engines,
    load_m3,
    load_turbine,
    turbine,
)
from helpers.data.catalog import File
from tests.fault_server import FaultServer, empty_folder, status, whole

mirror = pytest.mark.skipif(not os.environ.get("COURSE_MIRROR"), reason="COURSE_MIRROR is not set")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder; the network is off, and the sets are small."""
    folder = empty_folder(tmp_path, monkeypatch)
    folder.mkdir()
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    for name, counts in {"engines": (2, 2), "turbine": (10, 0), "m3": (3, 0), "car_parts": (3, 0)}.items():
        monkeypatch.setitem(CATALOG, name, dataclasses.replace(CATALOG[name], counts=counts))
    wanted = {"97.mat", "105.mat", "174.mat"}
    forms = {form: tuple(file for file in files if file.name in wanted | {"99.mat"} and (number or file.name in wanted))
             for number, (form, files) in enumerate(reversed(CATALOG["bearings"].forms.items()))}
    small = dataclasses.replace(CATALOG["bearings"], forms=dict(reversed(forms.items())))
    monkeypatch.setitem(CATALOG, "bearings", small)
    monkeypatch.setattr(engines, "CYCLES", {"train": 7, "test": 5})
    return folder


def only_file(name):
    return CATALOG[name].forms["zip"][0].name


def refuses(load, reason, folder, name):
    """The loader's one message names the set and tells the reason; nothing is kept as prepared."""
    file = rf"{CATALOG[name].title}: \S+\.(mat|zip).* \(.*\)"
    with pytest.raises(DataError, match=rf"(?s){file} cannot be used: .*{reason}.* What to do: "):
        load()
    assert not (folder / f"{name}.pt").exists()


# Bearings
def noise(samples=60_000, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, 1))


def write_recordings(folder, **changes):
    """97 and 99 as published (double precision, two channels, 99 with the signal of 98), the others re-packed."""
    contents = {
        97: {"X097_DE_time": noise(seed=97), "X097_FE_time": noise(seed=1), "X097RPM": np.array([[1796]])},
        99: {"X098_DE_time": noise(seed=98), "X098_FE_time": noise(seed=1), "X099_DE_time": noise(seed=99)},
        105: {"X105_DE_time": noise(seed=105).astype(np.float32), "X105RPM": np.uint16([[1797]])},
        174: {"X173_DE_time": noise(seed=173), "X174_DE_time": noise(63_788, seed=174), "X174RPM": 1797.0}}
    for number, content in contents.items():
        savemat(folder / f"{number}.mat", changes.get(f"X{number}", content))


def test_recordings_are_read_with_what_their_numbers_mean(folder):
    write_recordings(folder)
    data = load_bearings()
    assert data.file_number.tolist() == [97, 99, 105, 174]
    for number, signal in zip((97, 99, 105), data.signal, strict=False):
        assert signal.dtype == torch.float32
        assert np.array_equal(signal.numpy(), noise(seed=number)[:, 0].astype(np.float32))
    assert len(data.signal[3]) == 63_788
    assert data.fault == ("normal", "normal", "inner race", "inner race")
    assert data.sampling_rate.tolist() == [48_000, 48_000, 12_000, 48_000]
    assert data.fault_size.tolist() == [0, 0, 7, 14] and data.load.tolist() == [0, 2, 0, 0]
    assert data.speed.tolist() == [1796, 1750, 1797, 1797]  # 99 does not tell it: the usual one at 2 hp
    assert data.source == "unverified copy of CWRU bearings (4 recordings), found in the data folder"
    assert repr(data).startswith("4 recordings of a bearing, 2 of them without a fault, 9 s in all. ")
    again = load_bearings()
    assert all(map(torch.equal, again.signal, data.signal)) and again.fault == data.fault


def test_conditions_are_those_of_the_published_list():
    assert bearings.CONDITIONS[100] == ("normal", 0, 3, 48_000)
    assert bearings.CONDITIONS[120] == ("ball", 7, 2, 12_000)
    assert bearings.CONDITIONS[197] == ("outer race", 14, 0, 12_000)
    assert bearings.CONDITIONS[212] == ("inner race", 21, 3, 12_000)
    assert bearings.CONDITIONS[238] == ("outer race", 21, 0, 48_000)
    assert {f"{number}.mat" for number in bearings.CONDITIONS} == {
        file.name for file in CATALOG["bearings"].forms["recordings"]}
    assert [len(files) for files in CATALOG["bearings"].forms.values()] == [49, 46, 37]
    assert fetch.name_files(f"{number}.mat" for number in range(97, 106)) == "97.mat … 105.mat (9 files)"
    assert fetch.name_files(["97.mat", "105.mat"]) == "97.mat + 105.mat"


def test_optional_recordings_may_be_missing_and_join_later(folder):
    write_recordings(folder)
    kept = (folder / "99.mat").read_bytes()
    (folder / "99.mat").unlink()
    data = load_bearings()
    assert data.file_number.tolist() == [97, 105, 174] and "3 recordings, without 98 to 100" in data.source
    (folder / "99.mat").write_bytes(kept)
    assert load_bearings().file_number.tolist() == [97, 99, 105, 174]
    (folder / "105.mat").unlink()
    (folder / "bearings.pt").unlink()
    assert load_bearings().is_stand_in  # 105 is not optional


def test_optional_recordings_that_the_host_lacks_are_left_out(folder, tmp_path, monkeypatch):
    (tmp_path / "host").mkdir()
    write_recordings(tmp_path / "host")
    with FaultServer() as server:
        forms = {form: tuple(File(file.name, 1000, None, (f"{server.address}/{file.name}",)) for file in files)
                 for form, files in CATALOG["bearings"].forms.items()}
        monkeypatch.setitem(CATALOG, "bearings", dataclasses.replace(CATALOG["bearings"], forms=forms))
        monkeypatch.delenv("COURSE_OFFLINE")
        for path in (tmp_path / "host").iterdir():
            server.plan[f"/{path.name}"] = [whole(path.read_bytes())]
        server.plan["/99.mat"] = [status(404)]
        data = load_bearings()
    assert data.file_number.tolist() == [97, 105, 174] and data.source.endswith("98 to 100), from 127.0.0.1")
    assert sorted(path for path, _ in server.log) == ["/105.mat", "/174.mat", "/97.mat", "/99.mat"]


def test_damage_within_a_prepared_signal_is_noticed(folder):
    write_recordings(folder)
    first = load_bearings().signal[2].clone()
    prepared = (folder / "bearings.pt").read_bytes()
    place = prepared.index(first[30_000:30_010].numpy().tobytes())
    (folder / "bearings.pt").write_bytes(prepared[:place] + b"damage" + prepared[place + 6:])
    assert torch.equal(load_bearings().signal[2], first)  # made again


@pytest.mark.parametrize("content, reason", [
    ({"X106_DE_time": noise()}, "105.mat: it holds no X105_DE_time"),
    ({"X105_DE_time": noise(59_999)}, "105.mat: its 59,999 samples are too few"),
    ({"X105_DE_time": np.ones((60_000, 1))}, "105.mat: .* all the same"),
    ({"X105_DE_time": np.where(noise() > 3, np.nan, noise())}, "105.mat: acceleration in g is nan"),
    ({"X105_DE_time": 10 * noise()}, "105.mat: acceleration in g is -?[2-4][0-9]"),
    ({"X105_DE_time": noise(), "X105RPM": 29.95}, "105.mat: shaft speed in rpm is 29.95"),
])
def test_a_recording_that_is_not_as_published_is_named(content, reason, folder):
    write_recordings(folder, X105=content)
    refuses(load_bearings, reason, folder, "bearings")


def test_a_damaged_recording_is_named(folder):
    write_recordings(folder)
    whole = (folder / "105.mat").read_bytes()
    for raw in (whole[:len(whole) // 2], b"<html>" * 99, b""):
        (folder / "105.mat").write_bytes(raw)
        refuses(load_bearings, r"105\.mat: ", folder, "bearings")


def envelope_spectrum(signal, rate):
    """Frequencies (Hz) and spectrum of the envelope above 1 kHz."""
    spectrum = np.fft.rfft(signal)
    spectrum[:int(1000 * len(signal) / rate)] = 0
    envelope = np.abs(hilbert(np.fft.irfft(spectrum, len(signal))))
    return np.fft.rfftfreq(len(signal), 1 / rate), np.abs(np.fft.rfft(envelope - envelope.mean()))


@pytest.mark.parametrize("rate", [12_000, 48_000])
@pytest.mark.parametrize("fault", bearings.IMPACT_ORDERS)
def test_the_envelope_spectrum_shows_the_fault_at_its_frequency(fault, rate):
    for size, load in ((7, 0), (14, 3), (21, 2)):
        signal = bearings.bearing_vibration(fault, size, load, seed=5, sampling_rate=rate)
        f, height = envelope_spectrum(signal.numpy(), rate)
        turning = bearings.SPEEDS[load] / 60
        search = (f > 2.5 * turning) & (f < 7 * turning)
        found = f[search][height[search].argmax()] / turning
        assert found == pytest.approx(bearings.IMPACT_ORDERS[fault], rel=0.005), (size, load)
        passing = {"inner race": 1, "ball": bearings.CAGE_ORDER, "outer race": None}[fault]
        if passing:  # the load makes side lines, a turn of the shaft or of the cage apart
            line = np.abs(f - (found + passing) * turning) < 0.5
            beside = np.abs(f - (found + 0.5 * passing) * turning) < 0.1 * turning
            assert height[line].max() > 3 * np.median(height[beside])


def test_impact_orders_follow_from_the_geometry():
    balls, share = 9, 0.3126 / 1.537  # ball by pitch diameter (inches), no contact angle
    expected = {"inner race": balls / 2 * (1 + share), "ball": (1 - share ** 2) / share,
                "outer race": balls / 2 * (1 - share)}
    assert bearings.IMPACT_ORDERS == pytest.approx(expected, rel=2e-4)
    assert pytest.approx((1 - share) / 2, rel=2e-4) == bearings.CAGE_ORDER


def test_vibration_grows_with_the_fault_and_rings_at_its_resonances():
    normal = bearings.bearing_vibration("normal", 0, 0, seed=1).var()
    t, added = np.arange(600) / 12_000, {}
    for size in (7, 14, 21):
        ring = sum(gain * np.exp(-2 * np.pi * damping * f * t) * np.sin(2 * np.pi * f * t)
                   for f, damping, gain in bearings.resonances("outer race", size))
        more = bearings.bearing_vibration("outer race", size, 0, seed=1).var() - normal
        added[size] = float(more / (ring ** 2).sum()) ** 0.5
    assert [added[size] / size for size in added] == pytest.approx([added[7] / 7] * 3, rel=0.1)
    for fault in bearings.IMPACT_ORDERS:
        signal = bearings.bearing_vibration(fault, 21, 0, seed=2).numpy()
        f, power = np.fft.rfftfreq(len(signal), 1 / 12_000), np.abs(np.fft.rfft(signal)) ** 2
        smooth = np.convolve(power, np.ones(500), "same")
        tops = [frequency for frequency, *_ in bearings.resonances(fault, 21)]
        assert min(abs(f[smooth.argmax()] - top) for top in tops) < 100


def test_a_held_out_fault_size_is_harder_than_a_random_split():
    fields = bearings.simulated_bearings(seed=3)
    rows, faults, sizes = [], [], []
    for signal, rate, fault, size in zip(*(fields[key] for key in ("signal", "sampling_rate", "fault", "fault_size")),
                                         strict=True):
        if rate == 12_000:
            windows = signal[:40 * 2048].view(40, 2048).numpy()
            power = np.abs(np.fft.rfft(windows * np.hanning(2048))) ** 2
            rows.append(np.log(power[:, :1024].reshape(40, 64, 16).mean(-1)))
            faults += [fault] * 40
            sizes += [int(size)] * 40
    x, y, size = np.concatenate(rows), np.array(faults), np.array(sizes)

    def accuracy(test):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        return model.fit(x[~test], y[~test]).score(x[test], y[test])

    assert accuracy(np.random.default_rng(0).random(len(y)) < 0.3) > 0.99
    assert np.mean([accuracy(size == held_out) for held_out in (7, 14, 21)]) < 0.8


def test_simulated_recordings_cover_the_set_and_depend_on_the_seed_only():
    first, again, other = (bearings.simulated_bearings(seed) for seed in (1, 1, 2))
    assert first["file_number"].tolist() == sorted(bearings.CONDITIONS)
    assert all(map(torch.equal, first["signal"], again["signal"]))
    steps = torch.stack([fields["signal"][0].diff() for fields in (first, other)])
    assert torch.corrcoef(steps)[0, 1].abs() < 0.1  # another seed has noise of its own
    seconds = [len(x) / int(rate) for x, rate in zip(first["signal"], first["sampling_rate"], strict=True)]
    assert set(seconds) == {5, 10} and (first["speed"] - 1762).abs().max() < 40
    assert len({float(x.sum()) for x in first["signal"]}) == 49
    with pytest.raises(ValueError, match="no such bearing: fault 'cage'"):
        bearings.bearing_vibration("cage", 7, 0, seed=1)
    with pytest.raises(ValueError, match="size 8"):
        bearings.bearing_vibration("ball", 8, 0, seed=1)


# Engines
def engine_rows(lengths, seed=0):
    """Rows as published: engine, cycle, three settings, 21 sensors."""
    drawn = [engines.worn_engine(n, 0, seed + n).double().numpy() for n in lengths]
    return [[number, cycle, *row] for number, table in enumerate(drawn, 1) for cycle, row in enumerate(table, 1)]


def write_engines(folder, train=None, test=None, remaining="112 \n98 \n"):
    tables = {"train": train or engine_rows((4, 3)), "test": test or engine_rows((2, 3))}
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("readme.txt", "nothing of interest")
        for part, rows in tables.items():
            archive.writestr(f"{part}_FD001.txt", "".join(" ".join(f"{x:g}" if i < 2 else f"{x:.6f}" for i, x in
                                                                   enumerate(row)) + "  \n" for row in rows))
        archive.writestr("RUL_FD001.txt", remaining)
    with zipfile.ZipFile(folder / only_file("engines"), "w") as archive:
        archive.writestr(engines.ARCHIVE, inner.getvalue())
    return tables


def test_engines_come_out_of_the_zip_in_the_zip(folder):
    tables = write_engines(folder)
    data = load_engines()
    for part in ("train", "test"):
        expected = np.array(tables[part])[:, 2:].astype(np.float32)
        assert np.allclose(torch.cat(getattr(data, part)).numpy(), expected, atol=1e-5)
    assert [len(engine) for engine in data.train] == [4, 3] and [len(engine) for engine in data.test] == [2, 3]
    assert data.train[0].dtype == torch.float32 and data.train[0].shape == (4, 24) and len(data.columns) == 24
    assert data.columns[:5] == ("altitude", "Mach", "TRA", "T2", "T24") and data.columns[-1] == "W32"
    assert data.test_remaining_life.tolist() == [112, 98] and not data.is_stand_in
    assert "copy of C-MAPSS FD001 engines, not the official bytes" in data.source
    assert repr(data).startswith("2 engines until failure (7 cycles), 2 cut off before (5 cycles). copy of")
    assert all(map(torch.equal, load_engines().train, data.train)) and [p.name for p in folder.glob("*.txt")] == []


def change(rows, row, column, value):
    rows[row][column] = value
    return rows


@pytest.mark.parametrize("damage, reason", [
    ({"train": engine_rows((4, 2))}, "train_FD001.txt has 6 rows of 26 numbers instead of 7 of 26"),
    ({"train": [row[:-1] for row in engine_rows((4, 3))]}, "7 rows of 25 numbers instead of 7 of 26"),
    ({"train": change(engine_rows((4, 3)), 2, 1, 4)}, "train_FD001.txt does not hold the cycles of 2 engines"),
    ({"test": engine_rows((2, 2, 1))}, "test_FD001.txt does not hold the cycles of 2 engines"),
    ({"train": engine_rows((4, 3))[::-1]}, "train_FD001.txt does not hold"),
    ({"test": change(engine_rows((2, 3)), 0, 7, 15)}, "test_FD001.txt: T30 is 15 somewhere"),
    ({"test": change(engine_rows((2, 3)), 0, 7, float("nan"))}, "test_FD001.txt: T30 is nan"),
    ({"remaining": "112\n"}, "RUL_FD001.txt has 1 lines instead of 2"),
    ({"remaining": "112\n-98\n"}, "remaining life is -98"),
    ({"remaining": "<html>\n98\n"}, "html"),
])
def test_engines_that_are_not_as_published_are_named(damage, reason, folder):
    write_engines(folder, **damage)
    refuses(load_engines, reason, folder, "engines")


def test_an_archive_without_the_inner_zip_is_named(folder):
    with zipfile.ZipFile(folder / only_file("engines"), "w") as archive:
        archive.writestr("train_FD001.txt", "1 1")
    refuses(load_engines, r"no item named .*CMAPSSData\.zip", folder, "engines")


def test_sensors_tell_the_known_wear():
    onset, life = 100.0, 220
    cycle = torch.arange(1, life + 1)
    known = engines.wear(cycle, onset, life)
    assert known[:100].abs().max() == 0 and known[-1] == pytest.approx(1) and (known[100:].diff() > 0).all()
    tables = torch.stack([engines.worn_engine(life, onset, seed) for seed in range(200)]).double()
    design = torch.stack([torch.ones(life), known], 1).double()
    fit = torch.linalg.lstsq(design, tables.mean(0)).solution
    for column, (_, new, change_, spread) in enumerate(engines.SENSORS.values(), 3):
        if spread == 0:
            assert tables[..., column].std() < 1e-4  # a sensor that never moves
        assert fit[0, column] == pytest.approx(new, abs=0.3 * spread + 1e-4)
        assert fit[1, column] == pytest.approx(change_, abs=0.1 * spread + 1e-3)


def test_simulated_engines_have_their_documented_lives():
    fields = engines.simulated_engines(100, seed=4)
    lives = torch.tensor([len(engine) for engine in fields["train"]])
    left = fields["test_remaining_life"]
    assert 128 <= lives.min() and lives.max() <= 362 and 180 < lives.float().mean() < 225
    assert 7 <= left.min() and left.max() <= 145 and min(map(len, fields["test"])) >= 31
    assert {engine.shape[1] for engine in fields["train"] + fields["test"]} == {24}
    column = fields["columns"].index("Ps30")
    last = torch.stack([engine[-5:, column].mean() for engine in fields["test"]])
    assert torch.corrcoef(torch.stack([last, left]))[0, 1] < -0.6  # the more worn, the less is left
    assert torch.equal(engines.simulated_engines(5, 1)["train"][4], engines.simulated_engines(5, 1)["train"][4])
    assert not torch.equal(engines.worn_engine(200, 50, seed=1), engines.worn_engine(200, 50, seed=2))
    with pytest.raises(ValueError, match="count must be 1 or more"):
        engines.simulated_engines(0, seed=1)
    with pytest.raises(ValueError, match="onset must be"):
        engines.worn_engine(100, 100, seed=1)


# Turbine
NAMES = [*turbine.INPUTS, *turbine.EMISSIONS]


def write_turbine(folder, **changes):
    fields = turbine.simulated_turbine(10, seed=0)
    rows = torch.cat([fields["inputs"], fields["emissions"]], 1).tolist()
    tables = {f"gt_{year}": [NAMES, *rows[2 * k:2 * k + 2]] for k, year in enumerate(turbine.YEARS)}
    tables["gt_2015"] = [[name.replace("AFDP", "AFDP ") for name in NAMES], *rows[8:]]  # as published
    with zipfile.ZipFile(folder / only_file("turbine"), "w") as archive:
        for name, table in (tables | changes).items():
            archive.writestr(f"{name}.csv", "".join(",".join(map(str, row)) + "\n" for row in table))
    return rows


def test_turbine_hours_come_in_order(folder):
    rows = torch.tensor(write_turbine(folder))
    data = load_turbine()
    assert torch.equal(torch.cat([data.inputs, data.emissions], 1), rows)
    assert data.inputs.shape == (10, 9) and data.emissions.shape == (10, 2) and data.inputs.dtype == torch.float32
    assert data.year.tolist() == [2011, 2011, 2012, 2012, 2013, 2013, 2014, 2014, 2015, 2015]
    assert data.input_names == tuple(NAMES[:9]) and data.emission_names == ("CO", "NOX")
    assert repr(data).startswith("10 hours of a gas turbine in the years 2011 to 2015, 9 inputs, CO and NOx. copy of")
    assert torch.equal(load_turbine().inputs, data.inputs)


GOOD = [10, 1000, 70, 4, 25, 1080, 545, 134, 12, 2, 66]


@pytest.mark.parametrize("table, reason", [
    ([NAMES, GOOD], "it holds 9 hours instead of 10"),
    ([NAMES[1:], GOOD[1:], GOOD[1:]], "gt_2013.csv: it has the columns AP, "),
    ([[*NAMES[:9], "NOX", "CO"], GOOD, GOOD], "gt_2013.csv: it has the columns .*NOX, CO instead of"),
    ([NAMES, GOOD, [*GOOD[:10], "nan"]], "gt_2013.csv: NOX is nan somewhere"),
    ([NAMES, GOOD, [*GOOD[:5], 108, *GOOD[6:]]], "gt_2013.csv: TIT is 108 somewhere, not within 950 to 1150"),
    ([NAMES, GOOD, [*GOOD[:5], "?", *GOOD[6:]]], "gt_2013.csv: could not convert"),
    ([NAMES, GOOD, GOOD[:-1]], "gt_2013.csv: .*length"),
    ([NAMES], "it holds 8 hours instead of 10"),
    ([NAMES, GOOD[:-1], GOOD[:-1]], "gt_2013.csv: .*shape"),
    ([], "gt_2013.csv: not enough"),
])
def test_turbine_hours_that_are_not_as_published_are_named(table, reason, folder):
    write_turbine(folder, gt_2013=table)
    refuses(load_turbine, reason, folder, "turbine")


def test_regression_finds_the_known_emissions_of_the_simulated_turbine():
    fields = turbine.simulated_turbine(20_000, seed=6)
    inputs, year, (carbon, nox) = fields["inputs"].double(), fields["year"], fields["emissions"].double().T
    ambient, humidity, inlet, pressure = inputs[:, [0, 2, 5, 8]].T
    off = inlet - turbine.cleanest_inlet_temperature(ambient, pressure)
    spread = turbine.emission_spread(inputs)
    design = torch.stack([torch.ones(20_000), off ** 2, off, pressure - 12, ambient - 18, humidity - 78,
                          *((year == k).double() for k in (2012, 2013, 2014, 2015))], 1).double() / spread[:, 1:]
    fit = torch.linalg.lstsq(design, (nox / spread[:, 1])[:, None]).solution[:, 0]
    known = torch.tensor((66, 0.03, 0, 4, -0.9, -0.1, 1, 2, -6, -7), dtype=torch.float64)
    error = torch.linalg.inv(design.T @ design).diagonal().sqrt()
    assert ((fit - known).abs() < 4 * error).all() and (error < 0.1).all()
    mean = turbine.expected_emissions(inputs, year)
    z = (torch.stack([carbon, nox], 1) - mean) / spread
    assert z.mean(0).abs().max() < 0.03 and (z.std(0) - 1).abs().max() < 0.05
    for far in (off.abs() < 2, off.abs() > 8):  # the spread grows with the distance
        known_spread = (3 + 0.1 * off[far].abs()).square().mean().sqrt()
        assert float((nox - mean[:, 1])[far].std()) == pytest.approx(float(known_spread), rel=0.04)
    assert 0.33 < torch.corrcoef(z.T)[0, 1] < 0.45


def test_the_best_set_points_of_the_simulated_turbine_are_the_best_of_a_search():
    for warm, wanted in ((5.0, 120.0), (18.0, 134.0), (30.0, 150.0)):
        ambient, yielded = torch.tensor(warm, dtype=torch.float64), torch.tensor(wanted, dtype=torch.float64)
        inlet, pressure = turbine.best_set_points(ambient, yielded)
        assert turbine.energy_yield(ambient, inlet, pressure).item() == pytest.approx(wanted)
        tried = torch.linspace(1000, 1150, 15_001, dtype=torch.float64)
        needed = 12 + (wanted - turbine.energy_yield(ambient, tried, torch.tensor(12.0))) / 8
        hours = torch.zeros(len(tried), 9, dtype=torch.float64)
        hours[:, 0], hours[:, 5], hours[:, 8] = ambient, tried, needed
        nox = turbine.expected_emissions(hours, torch.full((len(tried),), 2011))[:, 1]
        assert tried[nox.argmin()].item() == pytest.approx(inlet.item(), abs=0.02)
        assert needed[nox.argmin()].item() == pytest.approx(pressure.item(), abs=0.01)


def test_simulated_hours_lie_in_the_ranges_of_the_real_plant():
    fields = turbine.simulated_turbine(36_733, seed=1)
    for names, key in ((turbine.INPUTS, "inputs"), (turbine.EMISSIONS, "emissions")):
        for (name, (_, low, high)), column in zip(names.items(), fields[key].T, strict=True):
            assert low <= column.min() and column.max() <= high, name
    assert fields["year"].unique(return_counts=True)[1].tolist() == pytest.approx([7347] * 5, abs=1)
    assert torch.equal(turbine.simulated_turbine(50, 1)["inputs"], turbine.simulated_turbine(50, 1)["inputs"])
    assert not torch.equal(turbine.simulated_turbine(50, 1)["inputs"], turbine.simulated_turbine(50, 2)["inputs"])
    with pytest.raises(ValueError, match="count must be 5 or more"):
        turbine.simulated_turbine(4, seed=1)


# Monthly series and parts
HEAD = """# a remark
@relation {relation}
@attribute series_name string
@attribute start_timestamp date
@frequency monthly
@horizon {horizon}
@missing false
@equallength {equal}
@data
"""


def write_tsf(folder, name, lines, horizon):
    file = only_file(name)
    with zipfile.ZipFile(folder / file, "w") as archive:
        archive.writestr(file.replace(".zip", ".tsf"), HEAD.format(relation=name, horizon=horizon, equal="false") +
                         "\n".join(lines) + "\n")


def line(name, values):
    return f"{name}:1990-01-01 00-00-00:{','.join(map(str, values))}"


MONTHS = {"T1": [2640.5] * 66, "T2": list(range(10, 154)), "T3": [5] * 69}
PARTS = {f"T{n}": [0, n, 0] * 17 for n in (1, 2, 3)}


def test_monthly_series_come_with_their_categories(folder, monkeypatch):
    write_tsf(folder, "m3", [line(*item) for item in MONTHS.items()], 18)
    monkeypatch.setattr(demand, "LAST", {"micro": 1, "industry": 2, "macro": 3})
    data = load_m3()
    assert [values.tolist() for values in data.series] == list(MONTHS.values())
    assert data.series[0].dtype == torch.float32 and data.horizon == 18
    assert data.category == ("micro", "industry", "macro")
    assert repr(data).startswith("3 monthly series, 66 to 144 months, the last 18 of them for the test. unverified")
    assert all(map(torch.equal, load_m3().series, data.series))


def test_parts_demand_is_a_table(folder):
    write_tsf(folder, "car_parts", [line(*item) for item in PARTS.items()], 12)
    data = load_car_parts()
    assert data.demand.tolist() == list(PARTS.values()) and data.demand.dtype == torch.float32 and data.horizon == 12
    assert repr(data).startswith("Demand for 3 parts in 51 months, 12 of them for the test; none in 67% of the months.")


@pytest.mark.parametrize("name, series, horizon, reason", [
    ("m3", {**MONTHS, "T4": [1] * 66}, 18, "4 series and the horizon 18 instead of T1 to T3 and 18"),
    ("m3", {"T2": MONTHS["T2"], "T1": MONTHS["T1"], "T3": [5] * 69}, 18, "instead of T1 to T3"),
    ("m3", MONTHS, 12, "horizon 12 instead of"),
    ("m3", {**MONTHS, "T3": [5] * 65}, 18, "number of months of series T3 is 65"),
    ("m3", {**MONTHS, "T3": ["?"] * 69}, 18, "series T3: could not convert"),
    ("m3", {**MONTHS, "T3": [*[5] * 68, "nan"]}, 18, "series T3 is nan"),
    ("m3", {**MONTHS, "T3": [*[5] * 68, -5]}, 18, "series T3 is -5"),
    ("m3", {**MONTHS, "T3:x": [5] * 69}, 18, "the line of series T3 has 3 colons instead of 2"),
    ("car_parts", {**PARTS, "T3": [1] * 50}, 12, r"3 series of \[50, 51\] months"),
    ("car_parts", {"T1": PARTS["T1"]}, 12, "it holds 1 series"),
    ("car_parts", {**PARTS, "T3": [0.5] * 51}, 12, "no whole number"),
    ("car_parts", {**PARTS, "T3": [-1] * 51}, 12, "demand is -1"),
])
def test_series_that_are_not_as_published_are_named(name, series, horizon, reason, folder):
    write_tsf(folder, name, [line(*item) for item in series.items()], horizon)
    refuses({"m3": load_m3, "car_parts": load_car_parts}[name], reason, folder, name)


def test_a_web_page_in_place_of_the_series_is_named(folder):
    with zipfile.ZipFile(folder / only_file("m3"), "w") as archive:
        archive.writestr("m3_monthly_dataset.tsf", "<html>not found</html>")
    refuses(load_m3, "no line @data", folder, "m3")


def test_regression_finds_the_known_trend_and_season():
    months, growth, swing, noise_ = 144, 0.01, 0.25, 0.1
    t = torch.arange(months, dtype=torch.float64)
    season = torch.sin(torch.pi * t / 6)
    design = torch.stack([torch.ones(months), t, season], 1).double()
    drawn = torch.stack([demand.monthly_series(months, 5000, growth, swing, noise_, seed) for seed in range(50)])
    fit = torch.linalg.lstsq(design, drawn.double().log().T).solution
    rest = drawn.double().log().T - design @ fit
    assert fit.mean(1).tolist() == pytest.approx([np.log(5000), growth, swing], abs=0.005)
    assert fit[1].mean().item() == pytest.approx(growth, abs=1e-4)
    assert rest.std().item() == pytest.approx(noise_, rel=0.05)


def test_the_mean_estimates_the_known_demand():
    rate, size = torch.tensor([0.1, 0.5, 0.9]), torch.tensor([1.0, 2.5, 4.0])
    drawn = demand.intermittent_demand(rate, size, 40_000, seed=2)
    asked = drawn > 0
    assert asked.float().mean(1).tolist() == pytest.approx(rate.tolist(), abs=0.01)
    assert [row[row > 0].mean().item() for row in drawn] == pytest.approx(size.tolist(), rel=0.02)
    assert drawn.mean(1).tolist() == pytest.approx((rate * size).tolist(), rel=0.05)
    for bad in ((torch.tensor([1.1]), torch.tensor([2.0])), (torch.tensor([0.5]), torch.tensor([0.5]))):
        with pytest.raises(ValueError, match=r"rate is 1\.1|size is 0\.5"):
            demand.intermittent_demand(*bad, months=9, seed=1)


def test_simulated_series_and_parts_look_like_the_sets():
    months, parts = demand.simulated_months(1_428, seed=1), demand.simulated_parts(2_674, seed=1)
    lengths = [len(values) for values in months["series"]]
    assert min(lengths) == 66 and max(lengths) == 144 and min(map(torch.min, months["series"])) > 0
    assert [months["category"].count(name) for name in demand.LAST] == [474, 334, 312, 145, 111, 52]
    assert parts["demand"].shape == (2_674, 51) and 0.22 < (parts["demand"] > 0).float().mean() < 0.26
    assert torch.equal(demand.simulated_months(3, 5)["series"][2], demand.simulated_months(3, 5)["series"][2])
    assert torch.equal(demand.simulated_parts(3, 5)["demand"], demand.simulated_parts(3, 5)["demand"])
    assert not torch.equal(demand.simulated_parts(3, 5)["demand"], demand.simulated_parts(3, 6)["demand"])
    for bad in (lambda: demand.simulated_months(1_429, 1), lambda: demand.simulated_parts(0, 1)):
        with pytest.raises(ValueError, match="count must be 1"):
            bad()
    with pytest.raises(ValueError, match="months must be 1 or more"):
        demand.monthly_series(0, 1, 0, 0, 0, seed=1)


# The whole sets
@mirror
def test_mirror_holds_the_whole_plant_sets(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.delenv("COURSE_STANDIN", raising=False)
    bearing, engine, hours, m3, parts = (load() for load in (load_bearings, load_engines, load_turbine, load_m3,
                                                             load_car_parts))
    assert not any(data.is_stand_in for data in (bearing, engine, hours, m3, parts))
    assert len(bearing.signal) >= 37 and {(fault, size, load) for fault, size, load, rate in zip(
        bearing.fault, bearing.fault_size.tolist(), bearing.load.tolist(), bearing.sampling_rate.tolist(), strict=True)
        if rate == 12_000} == {(f, s, n) for f in bearings.IMPACT_ORDERS for s in (7, 14, 21) for n in range(4)}
    assert sum(map(len, engine.train)) == 20_631 and sum(map(len, engine.test)) == 13_096
    assert engine.test_remaining_life.sum() == 7_552
    assert hours.year.unique(return_counts=True)[1].tolist() == [7411, 7628, 7152, 7158, 7384]
    assert len(m3.series) == 1_428 and parts.demand.shape == (2_674, 51)
