"""A reader's own files: read rightly, whatever they hold, or refused in words that name the first fault."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

from helpers import own
from helpers.data import DataError
from helpers.data.cwru import FAULT_ORDERS


def folder_of_pictures(folder, sizes=((40, 30), (80, 60))):
    """Two tiles each of OK, crack and hole, two pictures a tile, of two sizes; the defective ones are white."""
    for name, grey in (("OK", 50), ("crack", 255), ("hole", 255)):
        (folder / name).mkdir(parents=True)
        for tile in (1, 2):
            for number, (width, height) in enumerate(sizes):
                Image.new("RGB", (width, height), (grey,) * 3).save(folder / name / f"{name}_t{tile}_{number}.jpg")
    return folder


def test_pictures_of_folders_come_with_class_and_group(tmp_path, capsys):
    folder = folder_of_pictures(tmp_path)
    (folder / "OK" / "cut_off.jpg").write_bytes(b"\xff\xd8 nothing")
    images, probability, group = own.pictures_from_folders(folder, ["OK"], r"(.*?_t\d|cut)", size=(30, 40))
    assert images.shape == (12, 1, 30, 40) and images.dtype == torch.uint8 and probability.dtype == torch.float32
    assert torch.equal(images.amax((1, 2, 3)) > 127, probability == 1) and probability.sum() == 8
    assert [group.tolist().count(k) for k in group.unique()] == [2] * 6
    told = capsys.readouterr().out
    assert "12 pictures {'.jpg': 12}, 8 defective" in told and "cut_off.jpg (UnidentifiedImageError)" in told
    assert own.pictures_from_folders(folder, ["OK"])[2].unique().numel() == 12
    assert "each picture its own: say `group`" in capsys.readouterr().out


@pytest.mark.parametrize(("values", "white", "wanted"), [
    (np.uint16([0, 511, 1023]), None, [0, 127, 255]), (np.uint16([0, 2047, 4095]), None, [0, 127, 255]),
    (np.uint16([0, 511, 1023]), 4095, [0, 31, 63]), (np.uint16([0, 32_767, 65_535]), None, [0, 127, 255]),
    (np.float32([0, 0.5, 1]), None, [0, 127, 255]), (np.uint8([0, 1, 255]), None, [0, 1, 255])])
def test_pictures_of_more_bits_are_not_black(values, white, wanted, tmp_path):
    Image.fromarray(values[None]).save(tmp_path / "x.tif")
    assert own.grey_picture(str(tmp_path / "x.tif"), white=white).flatten().tolist() == wanted


@pytest.mark.parametrize(("options", "reason"), [
    ({"good": ["fine"]}, r"folders in .* are \['OK', 'crack', 'hole'\], the sound ones \['fine'\]"),
    ({"good": ["OK", "crack", "hole"]}, "the sound ones"), ({"pattern": "*.png"}, r"folders in .* are \[\]"),
    ({"group": r"_(z\d)"}, r"OK_t1_0.jpg has no group by"), ({"mask": True}, "OK_t1_0 is there with several endings"),
    ({"broken": True}, "only 4 pictures could be read, of one class")])
def test_folders_that_say_too_little_are_refused(options, reason, tmp_path):
    folder = folder_of_pictures(tmp_path)
    if options.pop("mask", False):
        Image.new("L", (4, 4)).save(folder / "OK" / "OK_t1_0.png")
    for path in [*folder.glob("crack/*"), *folder.glob("hole/*")] if options.pop("broken", False) else ():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=f"cannot be used: .*{reason}.* What to do: "):
        own.pictures_from_folders(folder, **{"good": ["OK"]} | options)


def test_orders_of_a_bearing_are_those_of_the_data_sheet():
    assert own.bearing_orders(9, 0.3126, 1.537) == pytest.approx(FAULT_ORDERS, rel=2e-4)
    turned = own.bearing_orders(8, 1, 2, angle=60)
    assert turned["outer race"] == pytest.approx(4 * (1 - 0.25)) and turned["inner race"] == pytest.approx(5)
    with pytest.raises(DataError, match="8 balls of diameter 72 on a circle of diameter 17"):
        own.bearing_orders(8, 72, 17)


ROWS = {"file": ["a.wav", "b.npy", "c.csv"], "fault": ["normal", "inner race", "inner race"],
        "bearing": ["x", "y", "y"], "rpm": [1200, 1200.5, 1200], "rate": [None, 25_600, 25_600]}


def folder_of_recordings(folder, **changes):
    """A WAV of 16 bits, an NPY and a text file of 2 s, and index.csv that lists them."""
    signal = np.sin(np.arange(51_200) / 7)
    wavfile.write(folder / "a.wav", 25_600, (32_767 * signal).astype(np.int16))
    np.save(folder / "b.npy", changes.pop("samples", signal))
    np.savetxt(folder / "c.csv", signal)
    pd.DataFrame(ROWS | changes).to_csv(folder / "index.csv", index=False, sep=";", encoding="utf-8-sig")
    return signal


def test_recordings_of_every_kind_of_file_are_the_same(tmp_path):
    wanted = folder_of_recordings(tmp_path)
    signal, rate, fault, bearing, speed = own.recordings_from_table(tmp_path / "index.csv", {"inner race": 5.4})
    for samples in signal:
        assert samples.dtype == torch.float32 and np.allclose(samples, wanted, atol=1e-4)
    assert rate.tolist() == [25_600] * 3 and bearing.tolist() == [0, 1, 1] and fault == tuple(ROWS["fault"])
    assert speed.tolist() == [1200, 1200.5, 1200]


@pytest.mark.parametrize(("changes", "reason"), [
    ({"samples": np.full(51_200, np.nan)}, r"row 2, b.npy: .*numbers that change"),
    ({"samples": np.zeros((51_200, 2))}, r"row 2, b.npy: shape \(51200, 2\): one channel"),
    ({"samples": np.arange(100.0)}, r"row 2, b.npy: 100 samples at 25600.* 20 turns"),
    ({"fault": ["normal", "cage", "inner race"]}, "row 2, b.npy: the fault 'cage' is neither"),
    ({"rpm": [1200, 0, 1200]}, "row 2, b.npy: .* at 25600.* Hz and 0 rpm"),
    ({"rpm": [1200, "fast", 1200]}, "column 'rpm', row 2: 'fast' is no number"),
    ({"file": ["a.wav", "z.npy", "c.csv"]}, "row 2, z.npy: .*No such file"),
    ({"rate": [None] * 3}, "row 2, b.npy: .* at nan Hz"), ({"bearing": ["x", None, "y"]}, "'bearing' is empty in row"),
    ({"file": ["a.wav", "b.npy", "index.csv"]}, "row 3, index.csv: could not convert")])
def test_recordings_at_fault_are_named(changes, reason, tmp_path):
    folder_of_recordings(tmp_path, **changes)
    with pytest.raises(DataError, match=f"(?s)cannot be used: .*{reason}"):
        own.recordings_from_table(str(tmp_path / "index.csv"), {"inner race": 5.4})


def tools(count=12, life=30):
    """A long table, the machines mixed up: load grows, one gap, two replaced, a column of text."""
    rows = [(f"T{k:02d}", n, float(n), "Ann", "failed" if k > 1 else "replaced")
            for k in range(count) for n in range(1, life + k)]
    frame = pd.DataFrame(rows, columns=["tool", "cut", "load", "operator", "end"]).sample(frac=1, random_state=0)
    frame = frame.reset_index(drop=True)
    frame.loc[(frame["tool"] == "T05") & (frame["cut"] == 7), "load"] = None
    return frame


def test_machines_of_a_long_table_are_cut_off_and_censored(capsys):
    names, failed, running, rul, censored = own.machines_from_table(tools(), "tool", "cut", "end")
    assert names == ["load"] and [len(failed), len(running), len(rul), len(censored)] == [8, 2, 2, 2]
    assert "1 gaps filled with the last value; left out: ['operator']" in capsys.readouterr().out
    for record in failed + running + censored:  # in order of time, the gap filled with the value before it
        assert record[6, 0] in (6, 7) and torch.equal(record[7:, 0], torch.arange(8, len(record) + 1).float())
    lives = sorted([*map(len, failed), *(len(record) + int(left) for record, left in zip(running, rul, strict=True))])
    assert lives == list(range(31, 41)) and min(rul) >= 1


@pytest.mark.parametrize(("change", "reason"), [
    (lambda frame: frame[frame["tool"] < "T09"], r"7 machines of 4 rows or more ended as 'failed' \(ends: {'"),
    (lambda frame: pd.concat([frame, frame[:1]]), "row .*: this machine has this cut twice"),
    (lambda frame: frame.assign(load=frame["load"].where(frame["tool"] != "T03")), "has no value of a sensor at all"),
    (lambda frame: frame.drop(columns="end"), "column 'end' is not there"),
    (lambda frame: frame.assign(cut=frame["cut"].where(frame["cut"] != 3)), "column 'cut' is empty in row")])
def test_machines_at_fault_are_named(change, reason):
    with pytest.raises(DataError, match=f"cannot be used: .*{reason}"):
        own.machines_from_table(change(tools()), "tool", "cut", "end")


LINE = {"shift": list("aaaabbbbcccc"), "room": range(12), "oven": [200, 210] * 6, "belt": [3.0, 3.5, 4] * 4, "tons":
        [9, 8, 7, math.nan] * 3, "scrap": range(12)}


def test_process_table_drops_rows_with_gaps(capsys):
    period, given, settings, output, figures = own.process_from_table(
        LINE, "shift", ["room"], ["oven", "belt"], "tons", ["scrap"])
    assert period.tolist() == [0] * 3 + [1] * 3 + [2] * 3 and "3 with a gap dropped" in capsys.readouterr().out
    assert given.shape == figures.shape == (9, 1) and settings.shape == (9, 2) and output.tolist() == [9, 8, 7] * 3


@pytest.mark.parametrize(("change", "reason"), [
    ({"shift": ["a"] * 6 + ["b"] * 6}, "2 periods in 'shift'"), ({"shift": ["a", "b", "c"] * 4}, "comes back later"),
    ({"oven": [200] * 12}, "column 'oven' never changes"), ({"oven": ["200,5"] * 12}, "'oven', row 1: '200,5' is no"),
    ({"belt": None}, "column 'belt' is not there")])
def test_process_at_fault_is_named(change, reason):
    table = {name: values for name, values in (LINE | change).items() if values is not None}
    with pytest.raises(DataError, match=reason):
        own.process_from_table(table, "shift", ["room"], ["oven", "belt"], "tons", ["scrap"])
    with pytest.raises(DataError, match="'oven' is not there, or is named for two things"):
        own.process_from_table(LINE, "shift", ["room"], ["oven", "oven"], "tons", ["scrap"])


def test_bookings_become_months(tmp_path, capsys):
    booked = "part,date,pieces A,2026-01-05,3 A,2026-01-30,2 B,2026-04-01,7 A,2026-03-01,1 A,2026-03-02,-4"
    (tmp_path / "b.csv").write_text(booked.replace(" ", "\n"), "utf-8")
    demand, names = own.demand_from_bookings(tmp_path / "b.csv", "part", "date", "pieces")
    assert names == ["A", "B"] and demand.tolist() == [[5, 0, 0, 0], [0, 0, 0, 7]] and demand.dtype == torch.float32
    assert "1 below 0 by returns" in capsys.readouterr().out
    series, names = own.series_from_table({"part": ["A"] * 3, "date": ["2026-01-01", "2026-02-01", "2026-04-01"],
                                           "pieces": [2, 4, 8]}, "part", "date", "pieces")
    assert series[0].tolist() == [2, 4, 6, 8] and "1 missing bridged" in capsys.readouterr().out
    with pytest.raises(DataError, match="series 'A' has a month at or below 0"):
        own.series_from_table(tmp_path / "b.csv", "part", "date", "pieces")
    with pytest.raises(DataError, match=r"row 2: 'soon' is no date"):
        own.demand_from_bookings({"part": "AA", "date": ["2026-01-01", "soon"], "pieces": [1, 2]}
                                 | {"part": ["A", "A"]}, "part", "date", "pieces")
    with pytest.raises(DataError, match="no readable CSV file"):
        own.demand_from_bookings(tmp_path / "none.csv", "part", "date", "pieces")
