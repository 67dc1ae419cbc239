"""The article's recipes against the course's, in one process: `python -m tests.tools.benchmark [cnn] [text] [gan]`.

What is timed is what the lessons define, taken from the notebooks. Writes benchmark.json beside this file and prints
the README's table: ratios, since machines differ. All three take about twenty minutes on two cores.
"""

import contextlib
import json
import platform
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor

from helpers.runtime import choose_device, run_size, sized, synchronize
from helpers.training import evaluate, fit
from tests.course import ROOT, names_of

OUTPUT = Path(__file__).with_name("benchmark.json")
AFTER, MEMORY = "{}'s quality after these seconds", "{}'s peak memory, MB"
Curve = list[tuple[float, float]]  # (seconds of training, quality on held-out data)


def memory() -> float:
    """Proportional set size, in MB, of this process and its children: pages that loader workers share count once."""
    total = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # a worker that has just ended
            total += getattr(process.memory_full_info(), "pss", process.memory_info().rss)
    return total / 1e6


@contextlib.contextmanager
def watched_memory() -> Iterator[list[float]]:
    """What the memory is inside a `with`, in MB above that at its start, every tenth of a second."""
    before, readings, over = memory(), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            readings.append(memory() - before)

    threading.Thread(target=watch, daemon=True).start()
    yield readings
    over.set()


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
    end = article[0][-1][0]
    sign = 1 if larger else -1
    goal = max(sign * quality for _, quality in article[0])
    first, passed = (next((seconds for seconds, quality in curve if sign * quality >= goal), None)
                     for curve, *_ in (article, course))
    row = {"unit": unit, "article's best": sign * goal, "times sooner": first / passed if passed else None}
    for who, (curve, steps, peak) in (("article", article), ("course", course)):
        row |= {f"{who} ms a step": 1e3 * curve[-1][0] / steps, MEMORY.format(who): peak,
                AFTER.format(who): next((quality for seconds, quality in reversed(curve) if seconds <= end), None)}
    return row


def cnn() -> dict:
    """CIFAR-10, validation accuracy: loader with a transform per image against tensors and the modern network."""
    L = names_of(ROOT / "notebooks" / "03_cnn_cifar10.ipynb", [
        "device", "data", "train_count", "validation_rows", "test_rows", "raw", "labels", "pictures", "mean", "last",
        "widths", "max_lr", "per_image", "timing_count", "workers", "loader", "batch", "usual", "half_precision"])
    L["timing_count"] = L["train_count"]  # the lesson's data set of single pictures, at its whole length

    def accuracy(pictures: dict[str, Tensor]) -> float:
        return evaluate(model, pictures["validation"], L["labels"]["validation"]).accuracy

    model = L["article_network"]()
    with watched_memory() as used:
        batches = Watched(L["loader"], L["pictures"]["train"], lambda: accuracy(L["pictures"]), every=150)
        fit(model, batches, torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9), sized(10, fast=1))
    article = batches.curve, batches.steps, max(used)

    model, plain, watched = L["modern_network"](L["widths"]), L["Batches"], []

    def batches_with_looks(inputs: Tensor, *arguments: Any, **options: Any) -> Watched:
        watched.append(Watched(plain(inputs, *arguments, **options), inputs, lambda: accuracy(L["last"]), every=20))
        return watched[-1]

    L["Batches"] = batches_with_looks
    step = min(L["usual"], L["half"]) * 1.6  # augmentation and optimiser come on top of the step that is timed
    with watched_memory() as used:
        L["modern_recipe"](model, max(1, int(batches.seconds / (step * (L["train_count"] // 250)))))
    return compared("validation accuracy", article, (watched[0].curve, watched[0].steps, max(used)), True)


def text() -> dict:
    """Romeo and Juliet, nats per character of act IV: one character a call against streams."""
    L = names_of(ROOT / "notebooks" / "05_lstm_romeo_and_juliet.ipynb",
                 ["device", "play", "texts", "UNKNOWN", "characters", "number", "codes", "Curve"])
    L["loss_one_call"] = L["loss_one_character_a_call"]  # the article's own loop; the lesson shows that they agree
    steps, epochs, pieces = sized(400, fast=10), sized(10, fast=1), len(L["codes"]["train"]) // 32 // 64
    with watched_memory() as used:
        _, curve, spent = L["train_as_article"](steps, look=sized(20, fast=5))
    article = [(spent * step / steps, nats) for step, _, nats in curve], steps, max(used)
    with watched_memory() as used:
        torch.manual_seed(0)
        _, ours = L["train_on_streams"](L["BetterModel"](512, 0.5).to(L["device"]), epochs, peak=0.003, look=20)
    return compared("nats per character", article, (ours, epochs * pieces, max(used)), False)


def gan(seconds: float = 150.0) -> dict:
    """MNIST, Fréchet distance: full layers with a loader for some minutes, against the convolutional GAN."""
    L = names_of(ROOT / "notebooks" / "07_gan_mnist.ipynb", [
        "device", "data", "images", "labels", "test_images", "test_labels", "rows", "classifier", "count",
        "Summary", "real_summary", "loader_pictures", "workers", "loader"])
    L["classifier"].requires_grad_(False).eval()
    plain, step = L["Batches"], L["article_step"]
    L["loader_pictures"], L["Batches"] = L["rows"], lambda *_: L["loader"]
    L["article_step"] = lambda G, D, real, *rest: step(G, D, real.to(L["device"]), *rest)
    with watched_memory() as used:
        torch.manual_seed(0)
        run = L["train_article"](sized(seconds, fast=5.0), every=sized(300, fast=20))
    curve = [(spent, reading["distance"]) for _, spent, reading, _ in run["looks"]]
    article = curve, run["looks"][-1][0], max(used)
    L["Batches"] = plain
    half, full = (L["round_seconds"](way) for way in (True, False))
    L["half_precision"] = half < 0.95 * full
    rounds = int(0.95 * curve[-1][0] / min(half, full))
    with watched_memory() as used:
        run = L["train"](L["Recipe"](), rounds, tuple(range(50, rounds, 50)))
    ours = [(spent, reading["distance"]) for _, spent, _, _, reading, _ in run["looks"]]
    return compared("Fréchet distance", article, (ours, rounds, max(used)), False)


def machine() -> str:
    """Processor, threads, device, versions and size, in one line."""
    cpu = Path("/proc/cpuinfo")
    name = re.search("model name.*: (.+)", cpu.read_text("utf-8"))[1] if cpu.exists() else platform.processor()
    return (f"{name}, {torch.get_num_threads()} threads, {choose_device().type}, torch {torch.__version__}, "
            f"Python {platform.python_version()}, size {run_size()}")


def ratios(results: dict) -> str:
    """The README's table: a row for each comparison, the course's recipe against the article's."""
    table = ("| lesson, and what is measured on held-out data | a step takes, times the article's "
             "| sooner at the article's best, times | after the same seconds: article's, course's "
             "| peak memory, times the article's |\n|---|---|---|---|---|")
    for title, row in (("03", results["cnn"]), ("05", results["text"]), ("07", results["gan"])):
        sooner = f"{row['times sooner']:.1f}" if row["times sooner"] else "not reached"
        table += (f"\n| {title}: {row['unit']} | {row['course ms a step'] / row['article ms a step']:.2f} | {sooner} "
                  f"| {row[AFTER.format('article')]:.3g}, {row[AFTER.format('course')]:.3g} "
                  f"| {row[MEMORY.format('course')] / row[MEMORY.format('article')]:.1f} |")
    return table


def main() -> None:
    """Run the comparisons that the command line names, or all, and keep the others' last results."""
    results = json.loads(OUTPUT.read_text("utf-8"))
    for part in (cnn, text, gan):
        if part.__name__ in sys.argv[1:] or sys.argv[1:] == []:
            results[part.__name__] = {"machine": machine()} | part()
            OUTPUT.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(ratios(results))


if __name__ == "__main__":
    main()
