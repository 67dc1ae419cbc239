"""A reader's own data for lessons 08 to 12: folders of pictures, recordings, long tables, bookings.

Each reader prints one line of what it read, filled, dropped or skipped, and refuses with the first file or row at
fault. A table is the path of a CSV file, a pandas DataFrame, or a dictionary of columns.
"""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor

from helpers.data import DataError

Table = str | Path | pd.DataFrame | dict[str, Any]
UNREADABLE = OSError, SyntaxError, ValueError, Image.DecompressionBombError  # of a bad picture


def refuse(fault: str, cure: str = "correct it, or leave it out") -> DataError:
    """The error for data that cannot be used."""
    return DataError(f"Your data cannot be used: {fault}. What to do: {cure}.")


def read_table(table: Table, columns: Sequence[str], gaps: bool = False) -> pd.DataFrame:
    """The table, its rows numbered from 1. Raises DataError if one of these columns is missing, or (not gaps) empty."""
    try:
        frame = pd.DataFrame(table) if isinstance(table, pd.DataFrame | dict) else pd.read_csv(
            table, sep=None, engine="python", encoding="utf-8-sig")
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise refuse(f"{table} is no readable CSV file ({error})", "read it with pandas and give the table") from error
    frame = frame.set_axis(range(1, len(frame) + 1))
    for name in columns:
        if name not in frame or list(columns).count(name) > 1:
            raise refuse(f"column {name!r} is not there, or is named for two things",
                         f"choose among {', '.join(map(repr, frame))}")
        if not gaps and frame[name].isna().any():
            raise refuse(f"column {name!r} is empty in row {frame[name].isna().idxmax()}")
    return frame


def numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column as float64; an empty field is nan. Raises DataError at the first entry that is no number."""
    values = pd.to_numeric(frame[column], errors="coerce").astype(float)
    if (bad := (values.isna() & frame[column].notna()) | np.isinf(values)).any():
        raise refuse(f"column {column!r}, row {bad.idxmax()}: {frame[column][bad.idxmax()]!r} is no number",
                     "correct it; with a decimal comma, read the file with pandas.read_csv(..., decimal=',')")
    return values


def white_of(paths: Sequence[Path]) -> float | None:
    """The brightest value of a camera of more than 8 bits, from the brightest pixel of all its files; None without."""
    peak = 0.0
    for path in paths:
        with suppress(*UNREADABLE), Image.open(path) as picture:
            peak = max(peak, picture.getextrema()[1] if picture.mode[0] in "IF" else 0)
    return next((most for most in (1, 255, 1023, 4095, 16_383, 65_535) if peak <= most), peak) if peak else None


def grey_picture(path: str | Path, size: tuple[int, int] | None = None, white: float | None = None) -> Tensor:
    """A picture file as grey uint8 (1, *size); white: see `white_of`. Raises one of UNREADABLE if it is not whole."""
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode[0] in "IF":
            values = np.asarray(upright, dtype=np.float64).clip(0) * (255 / (white or white_of([path]) or 1))
            if not np.isfinite(values).all():
                raise ValueError("some of its values are not numbers")
            upright = Image.fromarray(values.clip(max=255).astype(np.uint8))
        grey = upright.convert("L")
    return torch.from_numpy(np.array(grey.resize(size[::-1], Image.Resampling.BOX) if size else grey))[None]


def pictures_from_folders(folder: str | Path, good: Sequence[str], group: str = "(.*)", pattern: str = "*",
                          size: tuple[int, int] = (300, 300), white: float | None = None) -> tuple[
        Tensor, Tensor, Tensor]:
    """Pictures uint8 (N, 1, height, width), defect probability float (N,) and group int64 (N,) from a folder a class.

    good: folders of sound parts; all others are defective. group: a regular expression; pictures whose names give
    the same (...) are of one part, day or camera. pattern: which files. white: see `white_of`. Raises DataError if a
    class is missing, if files of one name lie side by side (masks), or if a name has no group.
    """
    files = sorted(path for path in Path(folder).glob(f"*/**/{pattern}") if path.is_file())
    label = {path: path.relative_to(folder).parts[0] for path in files}
    if not set(good) < set(label.values()):
        raise refuse(f"the folders in {folder} are {sorted(set(label.values()))}, the sound ones {list(good)}",
                     "give a folder with one folder a class, and list those of the sound parts in `good`")
    beside, count = Counter(path.with_suffix("") for path in files).most_common(1)[0]
    if count > 1:
        raise refuse(f"{beside} is there with several endings", 'choose one, for instance pattern="*.jpg"')
    images, keys, skipped = torch.empty(len(files), 1, *size, dtype=torch.uint8), {}, []
    white = white or white_of(files)
    for path in files:
        if not (key := re.search(group, path.stem)):
            raise refuse(f"{path.name} has no group by {group!r}")
        try:
            images[len(keys)] = grey_picture(path, size, white)
            keys[path] = key[1]
        except UNREADABLE as error:
            skipped.append(f"{path.name} ({type(error).__name__})")
    defective = torch.tensor([label[path] not in good for path in keys])
    if defective.all() or not defective.any():
        raise refuse(f"only {len(keys)} pictures could be read, of one class; skipped {skipped}")
    groups = torch.tensor(pd.factorize(pd.Series(keys.values()))[0])
    print(f"{len(keys):,} pictures {dict(Counter(path.suffix for path in keys))}, {int(defective.sum()):,} defective; "
          f"sound: {list(good)}, defective: {sorted(set(label.values()) - set(good))}; {groups.max() + 1:,} groups"
          f"{', each picture its own: say `group`' * (group == '(.*)')}; skipped: {skipped or 'none'}")
    return images[:len(keys)], defective.float(), groups


def bearing_orders(balls: int, ball: float, pitch: float, angle: float = 0.0) -> dict[str, float]:
    """Blows a turn by the place of the fault (BPFI, 2 BSF, BPFO); two diameters in one unit, the angle in degrees."""
    ratio = ball / pitch * np.cos(np.radians(angle))
    if not (balls >= 3 and 0 < ratio < 1):
        raise refuse(f"{balls} balls of diameter {ball} on a circle of diameter {pitch}")
    outer, inner = (balls / 2 * (1 + sign * ratio) for sign in (-1, 1))
    return {"inner race": inner, "ball": (1 - ratio**2) / ratio, "outer race": outer}


def read_signal(path: Path, rate: float | None) -> tuple[np.ndarray, float | None]:
    """Samples (n,) and sampling rate, Hz, of a WAV (integers become -1..1), NPY or text file of numbers."""
    if path.suffix.lower() == ".wav":
        from scipy.io import wavfile

        rate, samples = wavfile.read(path)
        return samples / (np.iinfo(samples.dtype).max if samples.dtype.kind == "i" else 1), rate
    return (np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",")), rate


def recordings_from_table(table: Table, orders: dict[str, float]) -> tuple[
        list[Tensor], Tensor, tuple[str, ...], Tensor, Tensor]:
    """Signals float32 (n,), sampling rate in Hz, fault, number of the bearing and speed in rpm of R recordings.

    The table has a row for each: file (found beside the table), fault ("normal", or a name in `orders`), bearing,
    rpm, rate (a WAV has its own). orders: blows a turn. Raises DataError with the first row at fault.
    """
    frame = read_table(table, ["file", "fault", "bearing", "rpm"])
    folder = Path(table).parent if isinstance(table, str | Path) else Path()
    speed, signal, rates = numbers(frame, "rpm"), [], []
    given = numbers(frame, "rate") if "rate" in frame else dict.fromkeys(frame.index)
    for row, name, kind in zip(frame.index, frame["file"], frame["fault"], strict=True):
        try:
            samples, rate = read_signal(folder / str(name), given[row])
            if kind not in ("normal", *orders):
                raise ValueError(f"the fault {kind!r} is neither 'normal' nor one of {list(orders)}")
            if samples.ndim != 1 or not np.isfinite(samples).all() or np.ptp(samples) == 0:
                raise ValueError(f"shape {samples.shape}: one channel of numbers that change is needed")
            if not (rate or 0) > 0 or not speed[row] > 0 or len(samples) < 20 * 60 / speed[row] * rate:
                raise ValueError(f"{len(samples)} samples at {rate} Hz and {speed[row]:g} rpm: 20 turns are needed")
        except (OSError, ValueError) as error:
            raise refuse(f"row {row}, {name}: {error}") from error
        signal.append(torch.tensor(samples, dtype=torch.float32))
        rates.append(round(rate))
    bearing = torch.tensor(pd.factorize(frame["bearing"])[0])
    print(f"{len(frame)} recordings of {bearing.max() + 1} bearings: {dict(Counter(frame['fault']))}; "
          f"{sorted(set(rates))} Hz, {speed.min():g} to {speed.max():g} rpm")
    return signal, torch.tensor(rates), tuple(frame["fault"]), bearing, torch.tensor(speed.to_numpy()).float()


def machines_from_table(table: Table, unit: str, time: str, ended: str, failure: str = "failed") -> tuple[
        list[str], list[Tensor], list[Tensor], Tensor, list[Tensor]]:
    """Names of sensors; records (rows, sensors) of failed machines; of running ones; their RUL; censored records.

    The table has a row for each machine and cycle; other columns of numbers are sensors. ended: the column
    that says how a machine's record ended: `failure`, or anything else (replaced, running: censored). A quarter of
    the failed ones is cut off at a random cycle and plays the running ones of the test, whose remaining useful life
    is known. A gap takes the last value. Raises DataError on fewer than eight failures.
    """
    frame = read_table(table, [unit, time, ended]).sort_values([unit, time], kind="stable")
    if frame.duplicated([unit, time]).any():
        raise refuse(f"row {frame.duplicated([unit, time]).idxmax()}: this machine has this {time} twice")
    others = [name for name in frame if name not in (unit, time, ended)]
    sensors = [name for name in others if pd.api.types.is_numeric_dtype(frame[name]) and frame[name].notna().any()]
    filled = frame[sensors].groupby(frame[unit]).transform(lambda column: column.ffill().bfill())
    if filled.isna().any(axis=None):
        raise refuse(f"the machine of row {filled.isna().any(axis=1).idxmax()} has no value of a sensor at all")
    records = {key: torch.tensor(rows.to_numpy(), dtype=torch.float32) for key, rows in filled.groupby(frame[unit])}
    end = frame.groupby(unit)[ended].last().astype(str)
    until = [key for key in records if end[key] == failure and len(records[key]) >= 4]
    if len(until) < 8:
        raise refuse(f"{len(until)} machines of 4 rows or more ended as {failure!r} (ends: {dict(Counter(end))})",
                     "give at least 8 that failed; `failure` is the word for it")
    generator = np.random.default_rng(0)
    *test, = generator.permutation(len(until))[:len(until) // 4]
    cut = {until[k]: int(generator.integers(len(records[until[k]]) // 3, len(records[until[k]]))) for k in test}
    censored = [record for key, record in records.items() if end[key] != failure]
    print(f"{len(until) - len(cut)} machines failed, {len(cut)} more cut off for the test, {len(censored)} replaced or "
          f"running; {len(sensors)} sensors, {int(frame[sensors].isna().sum().sum()):,} gaps filled with the last "
          f"value; left out: {sorted(set(others) - set(sensors)) or 'nothing'}")
    rul = torch.tensor([float(len(records[key]) - cycle) for key, cycle in cut.items()])
    return (sensors, [records[key] for key in until if key not in cut],
            [records[key][:cycle] for key, cycle in cut.items()], rul, censored)


def process_from_table(table: Table, period: str, given: Sequence[str], set_points: Sequence[str], output: str,
                       figures: Sequence[str]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """A process table in order of time, the columns by name: period (N,) from 0, given, set points, output, figures.

    Raises DataError if a column is constant or named twice, and on fewer than three periods, or mixed ones.
    """
    groups = given, set_points, [output], figures
    names = [name for group in groups for name in group]
    frame = read_table(table, [period, *names], gaps=True)
    kept = frame.dropna(subset=[period, *names])
    columns = [numbers(kept, name) for name in names]
    if still := [column.name for column in columns if column.nunique() < 2]:
        raise refuse(f"column {still[0]!r} never changes")
    number = pd.factorize(kept[period])[0]
    if number.max() < 2 or (np.diff(number) < 0).any():
        raise refuse(f"{number.max() + 1} periods in {period!r}, or one that comes back later",
                     "sort by time, and name a column of three or more periods (year, month, shift)")
    print(f"{len(kept):,} rows in {number.max() + 1} periods; {len(frame) - len(kept):,} with a gap dropped")
    parts = torch.tensor(np.stack(columns, 1)).float().split([len(group) for group in groups], dim=1)
    return torch.tensor(number), parts[0], parts[1], parts[2][:, 0], parts[3]


def sums_by(period: str, table: Table, name: str, date: str, value: str) -> pd.DataFrame:
    """Sums of `value` by period (rows, all between the first and the last) and name (columns); gaps are nan."""
    frame = read_table(table, [name, date, value])
    month = pd.to_datetime(frame[date], errors="coerce")
    if month.isna().any():
        raise refuse(f"row {month.isna().idxmax()}: {frame[date][month.isna().idxmax()]!r} is no date")
    sums = numbers(frame, value).groupby([month.dt.to_period(period), frame[name]]).sum(min_count=1).unstack()
    return sums.reindex(pd.period_range(sums.index.min(), sums.index.max(), freq=period))


def demand_from_bookings(table: Table, part: str, date: str, quantity: str) -> tuple[Tensor, list[str]]:
    """Pieces a month, float32 (parts, months), and the parts' names; no booking is 0, returns are taken off."""
    sums = sums_by("M", table, part, date, quantity)
    print(f"{sums.shape[1]:,} parts, {sums.shape[0]} months from {sums.index[0]} to {sums.index[-1]} (is the last one "
          f"complete?); {int(sums.isna().sum().sum()):,} months without a booking, {int((sums < 0).sum().sum()):,} "
          "below 0 by returns: 0")
    return torch.tensor(sums.fillna(0).clip(lower=0).to_numpy().T).float(), list(map(str, sums))


def series_from_table(table: Table, name: str, date: str, value: str, period: str = "M") -> tuple[
        list[Tensor], list[str]]:
    """Series by month (or "W", "Q"), float32 (n,), of positive values, and their names; a straight line fills gaps."""
    sums = sums_by(period, table, name, date, value)
    series = {key: column.loc[column.first_valid_index():column.last_valid_index()] for key, column in sums.items()}
    if low := [key for key, column in series.items() if column.min() <= 0]:
        raise refuse(f"series {low[0]!r} has a month at or below 0", "use `demand_from_bookings` for such series")
    print(f"{len(series):,} series of {min(map(len, series.values()))} to {max(map(len, series.values()))} values; "
          f"{sum(int(column.isna().sum()) for column in series.values()):,} missing bridged by a straight line")
    return [torch.tensor(column.interpolate().to_numpy()).float() for column in series.values()], list(map(str, series))
