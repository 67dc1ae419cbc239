"""The article's recipes against the course's, in one process, on the same data and device.

    python -m tests.benchmark                   everything: about twenty-five minutes on two cores
    python -m tests.benchmark cnn growth        parts of it: cnn, text, gan, growth, data, start

What is timed is what the lessons define: their functions and classes are taken from the notebooks. Prints a table,
and writes benchmark.json and benchmark.png beside this file. No time is asserted: machines differ; compare ratios.
"""

import argparse
import functools
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import psutil  # comes with ipykernel
import torch
from jupyter_client import KernelManager
from torch import Tensor

from helpers import training
from helpers.data import CATALOG
from helpers.plotting import use_course_style
from helpers.runtime import choose_device, median_seconds, run_size, sized, synchronize
from helpers.training import evaluate, fit
from tests.course import ROOT, names_of

OUTPUT = Path(__file__).parent
AFTER, MEMORY = "{}'s quality after these seconds", "{}'s peak memory, MB"
Curve = list[tuple[float, float]]  # (seconds of training, quality on held-out data)


class PeakMemory:
    """Largest resident memory, in MB, of this process and its children inside a `with`, above that at its start."""

    def __enter__(self) -> "PeakMemory":
        self.megabytes, self.running, before = 0.0, True, self._now()

        def watch() -> None:
            while self.running:
                self.megabytes = max(self.megabytes, self._now() - before)
                time.sleep(0.1)

        self.thread = threading.Thread(target=watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.running = False
        self.thread.join()

    @staticmethod
    def _now() -> float:
        """Proportional set size: pages that loader workers share with this process count once."""
        total = 0
        for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
            try:
                total += getattr(process.memory_full_info(), "pss", process.memory_info().rss)
            except psutil.Error:  # a worker that has just ended
                continue
        return total / 1e6


class Watched:
    """Batches for `fit` whose clock stops while the model is looked at: `curve` gets a point every `every` steps."""

    def __init__(self, batches: Iterable, inputs: Tensor, look: Callable[[], float], every: int) -> None:
        self.batches, self.inputs, self.look, self.every = batches, inputs, look, every
        self.curve: Curve = []
        self.seconds, self.steps = 0.0, 0

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        start = time.perf_counter()
        for number, (inputs, targets) in enumerate(self.batches, 1):
            yield inputs.to(self.inputs.device), targets.to(self.inputs.device)
            self.steps += 1
            if self.steps % self.every == 0 or number == len(self):
                synchronize(self.inputs.device)
                self.seconds += time.perf_counter() - start
                self.curve.append((self.seconds, self.look()))
                start = time.perf_counter()


def compared(unit: str, article: tuple[Curve, int, float], course: tuple[Curve, int, float], larger: bool) -> dict:
    """One row of the table, from (curve, steps, memory) of both; `larger`: whether a larger quality is better."""
    best = max if larger else min
    (theirs, their_steps, their_memory), (ours, our_steps, our_memory) = article, course
    goal = best(quality for _, quality in theirs)
    reached_first = next(seconds for seconds, quality in theirs if quality == goal)
    passed = next((seconds for seconds, quality in ours if (quality >= goal if larger else quality <= goal)), None)
    equal = [quality for seconds, quality in ours if seconds <= theirs[-1][0]]
    return {
        "unit": unit, "article": theirs, "course": ours, "seconds of the article's run": theirs[-1][0],
        "article ms a step": 1e3 * theirs[-1][0] / their_steps, "course ms a step": 1e3 * ours[-1][0] / our_steps,
        "article's best": goal, "article's seconds to its best": reached_first, "course's seconds to it": passed,
        "times sooner": reached_first / passed if passed else None,
        AFTER.format("article"): theirs[-1][1], AFTER.format("course"): next(reversed(equal), None),
        MEMORY.format("article"): their_memory, MEMORY.format("course"): our_memory,
    }


def cnn() -> dict:
    """CIFAR-10, validation accuracy: loader with a transform per image against tensors and the modern network."""
    L = names_of(ROOT / "notebooks" / "03_cnn_cifar10.ipynb", [
        "device", "data", "train_count", "validation_rows", "test_rows", "raw", "labels", "pictures", "mean", "last",
        "widths", "peak_rate", "per_image", "timing_count", "workers", "loader", "batch", "usual", "half_precision"])
    L["timing_count"] = L["train_count"]  # the lesson's data set of single pictures, at its whole length
    epochs, loader = sized(10, fast=1), L["loader"]

    def look_at(model: torch.nn.Module, pictures: dict[str, Tensor]) -> Callable[[], float]:
        def look() -> float:
            accuracy = evaluate(model, pictures["validation"], L["labels"]["validation"]).accuracy
            model.train()
            return accuracy
        return look

    model = L["article_network"]()
    with PeakMemory() as memory:
        batches = Watched(loader, L["pictures"]["train"], look_at(model, L["pictures"]), every=150)
        fit(model, batches, torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9), epochs)
    article = batches.curve, batches.steps, memory.megabytes

    model, made = L["modern_network"](L["widths"]), L["Batches"]
    step = min(L["usual"], L["half"]) * 1.6  # augmentation and optimiser come on top of the step that is timed
    watched: list[Watched] = []

    def batches_with_looks(inputs: Tensor, targets: Tensor, size: int, **options: Any) -> Watched:
        watched.append(Watched(made(inputs, targets, size, **options), inputs, look_at(model, L["last"]), every=20))
        return watched[-1]

    L["Batches"] = batches_with_looks
    with PeakMemory() as memory:
        L["modern_recipe"](model, max(1, int(batches.seconds / (step * (L["train_count"] // 250)))))
    return compared("validation accuracy", article, (watched[0].curve, watched[0].steps, memory.megabytes), True)


def text() -> dict:
    """Romeo and Juliet, nats per character of act IV: one character a call against streams."""
    L = names_of(ROOT / "notebooks" / "05_lstm_romeo_and_juliet.ipynb",
                 ["device", "play", "texts", "UNKNOWN", "characters", "number", "codes"])
    L["loss_one_call"] = L["loss_one_character_a_call"]  # the article's own loop; the lesson shows that they agree
    steps = sized(400, fast=10)
    with PeakMemory() as memory:
        _, curve, spent = L["train_as_article"](steps, look=sized(20, fast=5))
    article = [(spent * step / steps, nats) for step, _, nats in curve], steps, memory.megabytes
    epochs = sized(10, fast=1)
    with PeakMemory() as memory:
        torch.manual_seed(0)
        _, ours = L["train_on_streams"](L["BetterModel"](512, 0.5).to(L["device"]), epochs, peak=0.003, look=20)
    steps = epochs * (len(L["codes"]["train"]) // 32 // 64)
    return compared("nats per character", article, (ours, steps, memory.megabytes), False)


def gan(seconds: float = 150.0) -> dict:
    """MNIST, Fréchet distance: full layers with a loader for some minutes, against the convolutional GAN."""
    L = names_of(ROOT / "notebooks" / "07_gan_mnist.ipynb", [
        "device", "data", "images", "labels", "test_images", "test_labels", "rows", "classifier", "count",
        "Summary", "real_summary", "loader_pictures", "workers", "loader"])
    L["classifier"].requires_grad_(False).eval()
    L["loader_pictures"] = L["rows"]
    tensors, step = L["Batches"], L["article_step"]
    L["Batches"] = lambda *_: L["loader"]
    L["article_step"] = lambda G, D, real, *rest: step(G, D, real.to(L["device"]), *rest)
    with PeakMemory() as memory:
        torch.manual_seed(0)
        run = L["train_article"](sized(seconds, fast=5.0), every=sized(300, fast=20))
    curve = [(spent, reading["distance"]) for _, spent, reading, _ in run["looks"]]
    article = curve, run["looks"][-1][0], memory.megabytes
    L["Batches"] = tensors
    half, full = (L["round_seconds"](way) for way in (True, False))
    L["half_precision"] = half < 0.95 * full
    rounds = int(0.95 * curve[-1][0] / min(half, full))
    with PeakMemory() as memory:
        run = L["train"](L["Recipe"](), rounds, tuple(range(50, rounds, 50)))
    ours = [(spent, reading["distance"]) for _, spent, _, _, reading, _ in run["looks"]]
    return compared("Fréchet distance", article, (ours, rounds, memory.megabytes), False)


def milliseconds(work: Callable[[], object], threads: int) -> float:
    """Median milliseconds of a call of `work` with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return 1e3 * median_seconds(work, choose_device(), repeats=3)
    finally:
        torch.set_num_threads(before)


def growth() -> dict:
    """How a training step grows with batch and sequence length, and a pass over pictures with their number."""
    rows: dict[str, dict[str, float]] = {}
    L = names_of(ROOT / "notebooks" / "03_cnn_cifar10.ipynb", [
        "device", "data", "train_count", "validation_rows", "test_rows", "raw", "labels", "pictures", "mean", "last",
        "widths", "per_image", "timing_count", "workers", "loader"])
    for name, model, source in (("CNN, article's network", L["article_network"](), L["pictures"]["train"]),
                                ("CNN, modern network", L["modern_network"](L["widths"]), L["last"]["train"])):
        for threads, size in itertools.product((1, 2), sized((50, 100, 200, 400, 800), fast=(20, 40))):
            pictures, targets = source[:size], L["labels"]["train"][:size]
            rows.setdefault(f"{name}, ms a step by batch, {threads} thread(s)", {})[str(size)] = milliseconds(
                lambda: L["smoothed"](model(pictures), targets).backward(), threads)  # noqa: B023 - called at once
    for count in sized((1_000, 2_000, 4_000, 8_000), fast=(200, 400)):
        L["timing_count"] = count
        part = L["pictures"]["train"][:count], L["labels"]["train"][:count]
        for name, batches in ((f"a transform per image, {L['workers']} workers", L["loader"]),
                              ("tensors on the device", L["Batches"](*part, 100, augment=L["article_augmentation"]))):
            rows.setdefault(f"{name}, ms a pass by pictures", {})[str(count)] = 1e3 * L["seconds_for"](batches)
    L = names_of(ROOT / "notebooks" / "05_lstm_romeo_and_juliet.ipynb",
                 ["device", "play", "texts", "UNKNOWN", "characters", "number", "codes"])
    model, draw = L["CharacterModel"]().to(L["device"]), torch.Generator().manual_seed(0)
    for threads, length in itertools.product((1, 2), sized((25, 50, 100, 200, 400), fast=(10, 20))):
        chunks = L["random_chunks"](L["codes"]["train"], length, 100, draw)
        for name, loss in (("one character a call", L["loss_one_character_a_call"]), ("one call", L["loss_one_call"])):
            rows.setdefault(f"LSTM, {name}, ms a step by length, {threads} thread(s)", {})[str(length)] = milliseconds(
                lambda: loss(model, *chunks).backward(), threads)  # noqa: B023 - called at once
    return rows


def data() -> dict:
    """Seconds of the first and the second load of each data set, each in a process of its own."""
    program = ("import sys, time, helpers.data as d; start = time.perf_counter(); "
               "getattr(d, 'load_' + sys.argv[1])(); print(time.perf_counter() - start)")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"COURSE_DATA": folder}
        for name in CATALOG:
            command = [sys.executable, "-c", program, name]
            first, second = (subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                             for _ in range(2))
            rows[name] = {"first load, s": float(first.stdout.split()[-1]),
                          "second load, s": float(second.stdout.split()[-1])}
    return rows


def start(port: int = 8899) -> dict:
    """Seconds until JupyterLab's page answers, until a kernel is ready, and until its first cell has imported torch."""
    begin = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", "--allow-root", "--no-browser", f"--port={port}",
         "--IdentityProvider.token=benchmark"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://localhost:{port}/lab?token=benchmark", timeout=5).read()
                break
            except OSError:
                if server.poll() is not None or time.perf_counter() - begin > 120:
                    raise
                time.sleep(0.1)
        page = time.perf_counter()
    finally:
        server.terminate()
        server.wait()
    manager = KernelManager()
    kernel_begin = time.perf_counter()
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready()
        ready = time.perf_counter()
        client.execute_interactive("from helpers.training import fit", output_hook=lambda message: None)
        first = time.perf_counter()
        return {"page, s": page - begin, "kernel, s": ready - kernel_begin, "first cell, s": first - ready}
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def machine() -> str:
    """Processor, threads, device, versions and size, in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return (f"{name}, {torch.get_num_threads()} threads, {choose_device().type}, torch {torch.__version__}, "
            f"Python {platform.python_version()}, size {run_size()}")


def show(name: str, rows: dict) -> None:
    """Print one part's figures, without the curves."""
    print(f"\n{name}")
    for key, value in rows.items():
        if isinstance(value, dict):
            value = ", ".join(f"{inner}: {number:.3g}" for inner, number in value.items())
        if not isinstance(value, list):
            print(f"  {key:55} {f'{value:.4g}' if isinstance(value, float) else value}")


def ratios(results: dict) -> str:
    """The README's table: a row for each comparison, the course's recipe against the article's."""
    lines = ["| lesson, and what is measured on held-out data | a step takes, times the article's "
             "| sooner at the article's best, times | after the same seconds: article's, course's "
             "| peak memory, times the article's |", "|---|---|---|---|---|"]
    for name, title in (("cnn", "03"), ("text", "05"), ("gan", "07")):
        row = results[name]
        sooner = f"{row['times sooner']:.1f}" if row["times sooner"] else "not reached"
        lines.append(
            f"| {title}: {row['unit']} | {row['course ms a step'] / row['article ms a step']:.2f} | {sooner} "
            f"| {row[AFTER.format('article')]:.3g}, {row[AFTER.format('course')]:.3g} "
            f"| {row[MEMORY.format('course')] / row[MEMORY.format('article')]:.1f} |")
    return "\n".join(lines)


def draw(results: dict) -> None:
    """One picture of the three comparisons: quality against the seconds of training."""
    use_course_style()
    parts = [name for name in ("cnn", "text", "gan") if name in results]
    if not parts:
        return
    figure, axes = plt.subplots(1, len(parts), figsize=(3.6 * len(parts), 3.2), squeeze=False)
    for axis, name in zip(axes.flat, parts, strict=True):
        for who in ("article", "course"):
            axis.plot(*zip(*results[name][who], strict=True), label=f"{who}'s recipe")
        axis.set(xlabel="seconds of training", ylabel=results[name]["unit"], title=name,
                 yscale="log" if name == "gan" else "linear")
    axes[0, 0].legend()
    figure.savefig(OUTPUT / "benchmark.png", dpi=90)


PARTS = {part.__name__: part for part in (cnn, text, gan, growth, data, start)}


def main() -> int:
    """Run the parts that the command line names, keep the other parts' last results, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all if none is given")
    chosen = parser.parse_args().parts or list(PARTS)
    training.tqdm = functools.partial(training.tqdm, disable=True)  # type: ignore[misc] - no progress bars
    saved = OUTPUT / "benchmark.json"
    results = json.loads(saved.read_text()) if saved.exists() else {}
    for name in chosen:
        results[name] = {"machine": machine()} | PARTS[name]()
        show(name, results[name])
        saved.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    draw(results)
    if {"cnn", "text", "gan"} <= results.keys():
        print(f"\nfor the README:\n{ratios(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
