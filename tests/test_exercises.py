"""Every coded exercise: the stub is 'not attempted', the worked solution is accepted, wrong answers are told why.

The wrong answers in `PLANTED` are written here, independently of the mistakes that the checks know.
A new exercise needs at least three of them, or `test_no_exercise_lacks_wrong_answers` fails.
"""

import ast
import importlib
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor
from torch.nn import functional as F

from helpers.checks import NOT_ATTEMPTED, RIGHT, WRONG, Exercise
from tests.course import LESSONS, ROOT, SOLUTIONS, read_cells, tags

Planted = list[tuple[Callable, str]]


@dataclass(frozen=True)
class Coded:
    """A coded exercise of a lesson: the stub's source, the name of the function, and the check with its name."""

    lesson: Path
    function: str
    stub: str
    check_name: str
    check: Exercise


def run_imports(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """The names that a notebook imports, without running anything else of it. Cell magics do not count."""
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            source = re.sub(r"^[%!].*$", "", cell["source"], flags=re.M)
            nodes = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
            exec(compile(ast.Module(nodes, []), "imports", "exec"), names)
    return names


def define(source: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run the definitions of one cell; type hints are left unread, so that they may name anything."""
    exec(compile("from __future__ import annotations\n" + source, "cell", "exec"), names)
    return names


def checks_imported_by(cells: list[dict[str, Any]]) -> dict[str, Exercise]:
    """The checks that a lesson imports from helpers.checks.*, by name."""
    found = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            for module, names in re.findall(r"^from (helpers\.checks\.\w+) import ([\w, ]+)$", cell["source"], re.M):
                loaded = importlib.import_module(module)
                found |= {name: getattr(loaded, name) for name in names.split(", ")}
    return found


def coded_exercises(lesson: Path) -> list[Coded]:
    """The coded exercises of a lesson. Raises AssertionError if a stub has no check of its own."""
    cells = [c for c in read_cells(lesson) if c["cell_type"] == "code"]
    checks, found = checks_imported_by(cells), []
    for cell, following in zip(cells, [*cells[1:], {"metadata": {}, "source": ""}], strict=True):
        if "exercise" in tags(cell):
            function, = (n.name for n in ast.parse(cell["source"]).body if isinstance(n, ast.FunctionDef))
            call = re.fullmatch(r"(check_\w+)\((\w+)\)", following["source"].strip().splitlines()[-1])
            assert "check" in tags(following) and call, f"{lesson.name}: no check follows the stub of {function}"
            assert call[2] == function, f"{lesson.name}: {call[0]} does not check {function}"
            assert call[1] in checks, f"{lesson.name}: {call[1]} is not imported from helpers.checks"
            found.append(Coded(lesson, function, cell["source"], call[1], checks[call[1]]))
    return found


CODED = [exercise for lesson in LESSONS for exercise in coded_exercises(lesson)]
EACH = pytest.mark.parametrize("coded", CODED, ids=lambda coded: f"{coded.lesson.stem}-{coded.function}")


# ---- Wrong answers ---------------------------------------------------------------------------------------------------
def rates_by_precision(scratched: Tensor, stopped: Tensor) -> tuple[float, float]:
    wrongly = sum(bool(d) and not bool(t) for t, d in zip(scratched, stopped, strict=True))
    missed = sum(bool(t) and not bool(d) for t, d in zip(scratched, stopped, strict=True))
    return wrongly / int(stopped.sum()), missed / int(scratched.sum())


def layer_backward_by_autograd(inputs: Tensor, weight: Tensor, gradient: Tensor, mean: bool = False) -> list[Tensor]:
    x, w, b = (t.clone().requires_grad_() for t in (inputs, weight, torch.zeros(len(weight))))
    x_grad, w_grad, b_grad = torch.autograd.grad(F.linear(x, w, b), (x, w, b), gradient)
    return [x_grad, w_grad, b_grad / len(inputs) if mean else b_grad]


def standardise_by_columns(source: Callable[[Tensor, Tensor], Tensor], training: Tensor, other: Tensor) -> list[Tensor]:
    """Both parts, column by column, with mean and deviation of source(part, training)."""
    results = [torch.zeros_like(training), torch.zeros_like(other)]
    for part, result in zip((training, other), results, strict=True):
        for column in range(part.shape[1]):
            values = source(part, training)[:, column]
            deviation = values.std().item() or 1.0
            result[:, column] = (part[:, column] - values.mean()) / deviation
    return results


def add_copies(image: Tensor, kernel: Tensor) -> Tensor:
    """The sum of shifted copies of the kernel, by loops over picture and kernel."""
    output = torch.zeros(image.shape[0] + kernel.shape[0] - 1, image.shape[1] + kernel.shape[1] - 1)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            for m in range(kernel.shape[0]):
                for n in range(kernel.shape[1]):
                    output[i + m, j + n] += image[i, j] * kernel[m, n]
    return output


def windows(image: Tensor, window: int, stride: int, padding: int, fill: float) -> Tensor:
    """All windows of the padded image, (h_out, w_out, window, window)."""
    padded = F.pad(image, [padding] * 4, value=fill)
    return padded.unfold(0, window, stride).unfold(1, window, stride)


def soft_targets(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return (1 - smoothing) * F.one_hot(targets, logits.shape[1]).float() + smoothing / logits.shape[1]


def states_of(x: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor, carry: bool = True) -> Tensor:
    """The states by nn.RNN (one layer), as one run of T steps or as T runs of one step from h."""
    rnn = torch.nn.RNN(W_xh.shape[1], len(b))
    rnn.load_state_dict({"weight_ih_l0": W_xh, "weight_hh_l0": W_hh, "bias_ih_l0": b, "bias_hh_l0": 0 * b})
    parts = [x] if carry else x.split(1)
    return torch.cat([rnn(part, h[None])[0] for part in parts])


def rows_of(code: Tensor, count: int, shift: int) -> Tensor:
    """`count` stretches of the text in rows, read from place `shift`."""
    length = (len(code) - 1) // count
    return torch.stack([torch.roll(code, -shift)[i * length:(i + 1) * length] for i in range(count)])


def runs_below(predicted: Tensor, level: float, count: int) -> list[bool]:
    """Whether the values of the last `count` cycles are all below the level, for each cycle."""
    return [t >= count and bool((predicted[t - count:t] < level).all()) for t in range(1, len(predicted) + 1)]


def mean_pair_distance(draws: Tensor) -> Tensor:
    """Mean distance of two different draws of each row of (n, m): (n,)."""
    return torch.stack([F.pdist(row[:, None], p=1).mean() for row in draws])


def crps_by_quantiles(draws: Tensor, truth: Tensor) -> Tensor:
    """Twice the pinball loss, with the sorted draws as quantiles at (i - 1/2) / m."""
    error = truth[:, None] - draws.sort(1).values
    level = (torch.arange(draws.shape[1]) + 0.5) / draws.shape[1]
    return 2 * torch.maximum(level * error, (level - 1) * error).mean(1)


def between(draws: Tensor, truth: Tensor, low: float, high: float) -> float:
    """Share of truths (n,) between two quantiles of their draws (n, m)."""
    low_end, high_end = np.quantile(draws.numpy(), [low, high], axis=1)
    return float(np.mean((truth.numpy() >= low_end) & (truth.numpy() <= high_end)))


def croston_sizes_and_gaps(demand: Tensor, alpha: float) -> tuple[float, float]:
    """Croston's smoothed size and interval, from the months in which there was a demand."""
    hits = [month for month, pieces in enumerate(demand.tolist(), start=1) if pieces > 0]
    size, gap = demand[hits[0] - 1].item(), float(hits[0])
    for before, month in itertools.pairwise(hits):
        size = (1 - alpha) * size + alpha * demand[month - 1].item()
        gap = (1 - alpha) * gap + alpha * (month - before)
    return size, gap


def croston_without_pauses(demand: Tensor, alpha: float) -> float:
    level = demand[0].item()
    for pieces in demand[1:].tolist():
        level = (1 - alpha) * level + alpha * pieces
    return level


def turned(tour: Tensor, i: int, j: int) -> Tensor:
    """The tour with positions i + 1 to j backwards."""
    return torch.cat([tour[:i + 1], tour[i + 1:j + 1].flip(0), tour[j + 1:]])


def tour_length(distance: Tensor, tour: Tensor) -> Tensor:
    return distance[tour, tour.roll(-1)].sum()


PLANTED: dict[str, Planted] = {
    "error_rates": [
        (lambda t, d: ((d & ~t).float().mean().item(), (~d & t).float().mean().item()), "divide by all parts"),
        (lambda t, d: ((~d)[t].float().mean(), d[~t].float().mean()), "other order"),
        (rates_by_precision, "share of the stopped parts that are clean"),
        (lambda t, d: (d[~t].float().mean(), d[t].float().mean()), "share of scratched parts that was found"),
        (lambda t, d: d[~t].float().mean().item(), "expected 2 values"),
    ],
    "linear_backward": [
        (lambda x, w, g: layer_backward_by_autograd(x, w, g, mean=True), "bias is averaged"),
        (lambda x, w, g: [t.T if t.ndim == 2 and i == 1 else t
                          for i, t in enumerate(layer_backward_by_autograd(x, w, g))], "weight is transposed"),
        (lambda x, w, g: layer_backward_by_autograd(x, w, g)[::-1], "value 0: shape|order"),
        (lambda x, w, g: (g @ w, torch.einsum("bm,bn->mn", g, x), g.sum(1)), "summed over the neurons"),
        (lambda x, w, g: (g @ w.T, g.T @ x, g.sum(0)), "raised RuntimeError"),
    ],
    "standardise": [
        (lambda a, b: standardise_by_columns(lambda part, training: part, a, b), "its own mean"),
        (lambda a, b: standardise_by_columns(lambda part, training: torch.cat([a, b]), a, b), "leaks"),
        (lambda a, b: ((a - a.mean(0)) / a.std(0), (b - a.mean(0)) / a.std(0)), "nan"),
        (lambda a, b: ((a - a.mean()) / a.std(), (b - a.mean()) / a.std()), "whole table"),
        (lambda a, b: standardise_by_columns(lambda part, training: training, a, b)[0], "expected 2 values"),
    ],
    "full_convolution": [
        (lambda image, kernel: add_copies(image, kernel.flip(0, 1)), "cross-correlation"),
        (lambda image, kernel: add_copies(image, kernel)[:-1], "1 too few along dimension 0"),
        (lambda image, kernel: add_copies(image, kernel)[kernel.shape[0] - 1:image.shape[0],
                                                         kernel.shape[1] - 1:image.shape[1]], "wholly on the picture"),
        (lambda image, kernel: add_copies(image, kernel.flip(0)), "upside down"),
        (lambda image, kernel: add_copies(image, kernel) + 0.1, "largest difference 0.1"),
    ],
    "average_pool": [
        (lambda i, w, s, p: windows(i, w, s, p, 0.0).mean((2, 3)), "padded zeros count"),
        (lambda i, w, s, p: windows(i, w, s, 0, 0.0).mean((2, 3)), "forget the padding"),
        (lambda i, w, s, p: windows(i, w, s, p, -torch.inf).amax((2, 3)), "maxima"),
        (lambda i, w, s, p: windows(i, w, 1, p, torch.nan).nanmean((2, 3)), "move by 1 pixel"),
        (lambda i, w, s, p: windows(i, w, s, p, 0.0).sum((2, 3)), "sums"),
    ],
    "per_class_accuracy": [
        (lambda c: torch.stack([c[k, k] / c[:, k].sum() for k in range(len(c))]), "column"),
        (lambda c: c.diag().sum() / c.sum(), "one number"),
        (lambda c: torch.stack([c[k, k] / c[k].sum().clamp(min=1) for k in range(len(c))]), "nan"),
        (lambda c: torch.stack([100 * c[k, k] / c[k].sum() for k in range(len(c))]), "percent"),
        (lambda c: c / c.sum(1, keepdim=True), "2 dimensions instead of 1"),
    ],
    "label_smoothing_loss": [
        (lambda x, y, s: F.nll_loss(x.log_softmax(1), y), "no effect"),
        (lambda x, y, s: F.cross_entropy(x, y, label_smoothing=s, reduction="sum"), "summed|mean"),
        (lambda x, y, s: (soft_targets(x, y, s) * x.log_softmax(1)).sum(1).mean(), "sign"),
        (lambda x, y, s: F.cross_entropy(x, y, label_smoothing=s, reduction="none"), "1 dimensions instead of 0"),
        (lambda x, y, s: -(soft_targets(x, y, s) * x.log_softmax(1)).mean(), "over classes"),
    ],
    "rnn_forward": [
        (lambda *case: states_of(*case, carry=False), "starts from h0"),
        (lambda x, h, w, u, b: states_of(x, h, w, u.T, b), "wrong way round"),
        (lambda *case: states_of(*case).atanh(), "largest difference"),
        (lambda *case: states_of(*case)[-1], "Only the last state"),
        (lambda x, h, *case: torch.cat([h[None], states_of(x, h, *case)]), "begins with h0"),
        (lambda x, h, w, u, b: states_of(x, h, w, u, 0 * b), "bias is missing"),
    ],
    "clip_by_norm": [
        (lambda g, c: [torch.renorm(t.flatten()[None], 2, 0, c).view_as(t) for t in g], "own norm"),
        (lambda g, c: [t * c / sum(s.square().sum() for s in g) ** 0.5 for t in g], "stretched"),
        (lambda g, c: [t.clip(-c, c) for t in g], "by value"),
        (lambda g, c: [t * min(1.0, c / sum(s.square().sum().item() for s in g)) for t in g], "root"),
        (lambda g, c: torch.cat([t.flatten() for t in g]), "expected [24] values"),
    ],
    "last_states": [
        (lambda o, n: o[:, -1], "padding"),
        (lambda o, n: torch.stack([o[i, min(k, o.shape[1] - 1)] for i, k in enumerate(n.tolist())]), "too late|differ"),
        (lambda o, n: torch.stack([o[i, :k].mean(0) for i, k in enumerate(n.tolist())]), "means"),
        (lambda o, n: torch.stack([o[i, k - 2] for i, k in enumerate(n.tolist())]), "too early"),
        (lambda o, n: torch.stack([o[i, :k] for i, k in enumerate(n.tolist())]), "raised RuntimeError"),
    ],
    "bits_per_character": [
        (lambda p: sum(-math.log(q) for q in p.tolist()) / len(p), "nats"),
        (lambda p: sum(-math.log2(q) for q in p.tolist()), "sum"),
        (lambda p: math.log2(p.mean()), "expected"),
        (lambda p: -math.log2(p.mean()), "mean probability"),
        (lambda p: math.exp(sum(-math.log(q) for q in p.tolist()) / len(p)), "perplexity"),
    ],
    "make_streams": [
        (lambda c, n: (rows_of(c, n, 0), rows_of(c, n, 1)), "one stream a column"),
        (lambda c, n: (rows_of(c, n, 0).T, rows_of(c, n, 0).T), "repeat"),
        (lambda c, n: (rows_of(c, n, 0).T.contiguous(), rows_of(c, n, 2).T), "value 1"),
        (lambda c, n: rows_of(c, n, 0).T, "expected 2 values"),
        (lambda c, n: (rows_of(c, n, 1).T, rows_of(c, n, 0).T), "wrong way round"),
    ],
    "top_k_probabilities": [
        (lambda x, k, t: (x / t).softmax(0).where(x >= x.sort().values[-k], 0.0) / (x / t).softmax(0).topk(k)[0].sum(),
         "divide by zero"),
        (lambda x, k, t: (x / max(t, 1e-3)).softmax(0), "k has no effect"),
        (lambda x, k, t: (x / max(t, 1e-3)).softmax(0).where(x >= x.sort().values[-k], 0.0), "add up to 1"),
        (lambda x, k, t: (x if t else x * 1e3).where(x >= x.sort().values[-k], -torch.inf).softmax(0),
         "temperature has no effect"),
    ],
    "best_discriminator": [
        (lambda p, q, s: p / (p + q), "share is not used"),
        (lambda p, q, s: (1 - s) * q / (s * p + (1 - s) * q), "the sample is made"),
        (lambda p, q, s: (1 - s) * p / ((1 - s) * p + s * q), "other way round"),
        (lambda p, q, s: s * p / q, "largest difference|nan|inf"),
        (lambda p, q, s: (p / (p + q)).sum(), "1 dimensions|0 dimensions"),
    ],
    "generator_loss": [
        (lambda a: F.binary_cross_entropy_with_logits(a, torch.zeros_like(a)), "worse"),
        (lambda a: F.logsigmoid(-a).mean(), "saturating"),
        (lambda a: F.logsigmoid(a).mean(), "maximise"),
        (lambda a: -(torch.sigmoid(a) + 1e-8).log().mean(), "expected"),
        (lambda a: -torch.sigmoid(a).log().mean(), "underflows"),
        (lambda a: F.binary_cross_entropy_with_logits(a, torch.ones_like(a), reduction="sum"), "the sum"),
    ],
    "modes_covered": [
        (lambda s, c, r, q: len(torch.cdist(s, c).argmin(1).unique()), "expected"),
        (lambda s, c, r, q: len(torch.cdist(s, c).argmin(1)[torch.cdist(s, c).amin(1) < r].unique()), "single sample"),
        (lambda s, c, r, q: int((torch.cdist(s, c) < r).any(1).sum()), "count the good samples"),
        (lambda s, c, r, q: sum(((torch.cdist(s, c) <= r).double().mean(0) < q).tolist()), "missing"),
        (lambda s, c, r, q: sum((torch.cdist(s, c).argmin(1) == k).double().mean() >= q for k in range(len(c))),
         "far from every centre"),
    ],
    "histogram_kl": [
        (lambda n: (n / n.sum() * (len(n) * n / n.sum()).log()).sum(), "empty class"),
        (lambda n: F.kl_div((n / n.sum()).double().log(), torch.full((len(n),), 1 / len(n)).double(),
                            reduction="sum"), "other way round"),
        (lambda n: torch.distributions.Categorical(probs=n / n.sum()).entropy(), "entropy"),
        (lambda n: torch.distributions.kl_divergence(torch.distributions.Categorical(n / n.sum()),
                                                     torch.distributions.Categorical(torch.ones(len(n)))) / math.log(2),
         "bits"),
        (lambda n: torch.special.xlogy(n / n.sum(), 10 * n / n.sum()).sum(), "factor 10"),
    ],
    "hinge_loss": [
        (lambda r, m: (1 + r).clamp(min=0).mean() + (1 - m).clamp(min=0).mean(), "wrong way round"),
        (lambda r, m: 2 - r.mean() + m.mean(), "bend is missing"),
        (lambda r, m: (-r).clamp(min=0).mean() + m.clamp(min=0).mean(), "margin"),
        (lambda r, m: F.softplus(-r).mean() + F.softplus(m).mean(), "expected"),
        (lambda r, m: (1 - r).clamp(min=0).sum() + (1 + m).clamp(min=0).sum(), "sums"),
    ],
    "average_update": [
        (lambda a, w, d: [torch.lerp(y, x, 1 - d) for x, y in zip(a, w, strict=True)], "forget everything"),
        (lambda a, w, d: [x * d + y for x, y in zip(a, w, strict=True)], "without its factor|without their factor"),
        (lambda a, w, d: w, "new weights"),
        (lambda a, w, d: [(x + y) / 2 for x, y in zip(a, w, strict=True)], "plain mean"),
        (lambda a, w, d: torch.cat([t.flatten() for t in a]), "expected"),
    ],
    "average_precision": [
        (lambda s, d: average_precision_score(d.numpy(), -s.numpy()), "most suspicious"),
        (lambda s, d: d.float().mean(), "share of defective"),
        (lambda s, d: average_precision_score(d.numpy(), s.numpy()) * d.float().mean().item(), "number of all parts"),
        (lambda s, d: roc_auc_score(d.numpy(), s.numpy()), "expected"),
        (lambda s, d: average_precision_score(d.numpy(), -np.arange(len(s))), "not ranked"),
    ],
    "cost_per_thousand": [
        (lambda e, o, p, m, c: p * e * m + (1 - p) * o * c, "one part"),
        (lambda e, o, p, m, c: 1000 * (e * m + o * c), "defect rate is missing"),
        (lambda e, o, p, m, c: 1000 * (p * e * m + o * c), "share of the sound parts"),
        (lambda e, o, p, m, c: 1000 * (p * e * c + (1 - p) * o * m), "wrong way round"),
        (lambda e, o, p, m, c: 1000 * p * (1 - e) * m + 1000 * (1 - p) * o * c, "those that escape"),
    ],
    "parts_without_a_miss": [
        (lambda limit, confidence: math.ceil(3 / limit), "rule of three"),
        (lambda limit, confidence: math.ceil(math.log(confidence, 1 - limit)), "mixed up"),
        (lambda limit, confidence: int(math.log(1 - confidence, 1 - limit)), "one part short"),
        (lambda limit, confidence: math.log(1 - confidence, 1 - limit), "whole number"),
        (lambda limit, confidence: math.ceil(math.log(1 - confidence, limit)), "1 − limit"),
        (lambda limit, confidence: math.ceil(math.log(0.05, 1 - limit)), "no effect"),
    ],
    "alarm_threshold": [
        (lambda n, t, r: math.log(3600 / t / r), "number of lines is missing"),
        (lambda n, t, r: math.log(3600 / t / r / n), "more lines need a higher"),
        (lambda n, t, r: math.log(n / r), "windows are not counted"),
        (lambda n, t, r: math.log(n * t * 3600 / r), "shorter windows"),
        (lambda n, t, r: math.log(r * t / 3600 / n), "sign"),
        (lambda n, t, r: n * 3600 / t / r, "expected"),
    ],
    "detection_delay": [
        (lambda a, t, o: (a.tolist().index(True) + 1) * t - o if any(a) else math.inf, "before the onset"),
        (lambda a, t, o: next((i * t - o for i, x in enumerate(a.tolist()) if x and (i + 1) * t > o), math.inf),
         "start"),
        (lambda a, t, o: next(((i + 1) * t for i, x in enumerate(a.tolist()) if x and (i + 1) * t > o), math.inf),
         "counts from the onset"),
        (lambda a, t, o: next(((i + 1) * t - o for i, x in enumerate(a.tolist()) if x and (i + 1) * t > o), 0.0),
         "infinite, not 0"),
        (lambda a, t, o: max(((i + 1) * t - o for i, x in enumerate(a.tolist()) if x and (i + 1) * t > o),
                             default=math.inf), "last alarm"),
        (lambda a, t, o: next((i + 1 - o / t for i, x in enumerate(a.tolist()) if x and (i + 1) * t > o), math.inf),
         "seconds are wanted"),
    ],
    "trailing_mean": [
        (lambda x, w: torch.tensor([x[max(0, t - w // 2 + (w % 2 == 0)):t + w // 2 + 1].mean() for t in range(len(x))]),
         "half of it lies in the future"),
        (lambda x, w: F.pad(x, (w - 1, 0)).unfold(0, w, 1).sum(1) / w, "nobody measured"),
        (lambda x, w: x.cumsum(0) / torch.arange(1, len(x) + 1), "everything so far"),
        (lambda x, w: torch.stack([x[max(0, t - w):t + 1].mean() for t in range(len(x))]), "one cycle too long"),
        (lambda x, w: torch.full_like(x, x.mean().item()), "the future included"),
        (lambda x, w: torch.stack([x[t:t + w].mean() for t in range(len(x))]), "looks ahead"),
    ],
    "alarm_cycle": [
        (lambda p, level, n: runs_below(p, level, n).index(True) + 1 if any(runs_below(p, level, n)) else len(p),
         "not the last cycle"),
        (lambda p, level, n: runs_below(p, level, n).index(True) if any(runs_below(p, level, n)) else 0, "from 0"),
        (lambda p, level, n: next((t for t, value in enumerate(p.tolist(), 1) if value < level), 0), "not enough"),
        (lambda p, level, n: next((t for t in range(1, len(p) + 1) if (p[:t] < level).sum() == n), 0), "count anew"),
        (lambda p, level, n: next((t - n + 2 for t, run in enumerate(runs_below(p, level, n)) if run), 0), "complete"),
        (lambda p, level, n: next((t for t, run in enumerate(runs_below(p, level + 1e-4, n), 1) if run), 0), "equal"),
    ],
    "cost_rate": [
        (lambda lives, k, p, f: sum(f if n <= k else p for n in lives.tolist()) / lives.sum().item(), "whole life"),
        (lambda lives, k, p, f: sum((f if n <= k else p) / min(n, k) for n in lives.tolist()) / len(lives),
         "sum of the costs by the sum of the cycles"),
        (lambda lives, k, p, f: sum(p if n <= k else f for n in lives.tolist()) / lives.clip(max=k).sum().item(),
         "wrong way round"),
        (lambda lives, k, p, f: sum(f if n <= k else p for n in lives.tolist()) / len(lives), "by the cycles"),
        (lambda lives, k, p, f: sum(f if n < k else p for n in lives.tolist()) / lives.clip(max=k).sum().item(),
         "exactly as long"),
        (lambda lives, k, p, f: sum(f if n <= k else p for n in lives.tolist()) / len(lives) / k, "run shorter"),
    ],
    "crps_of_draws": [
        (lambda d, t: crps_by_quantiles(d, t), "divided by m²"),
        (lambda d, t: torch.stack([(row - value).abs().mean() for row, value in zip(d, t, strict=True)]), "pay back"),
        (lambda d, t: (d.mean(1) - t).abs(), "error of the mean"),
        (lambda d, t: (d - t[:, None]).abs().mean(1) - mean_pair_distance(d), "One half is missing"),
        (lambda d, t: (d - t[:, None]).abs().mean(1) + mean_pair_distance(d) / 2, "subtracted"),
        (lambda d, t: ((d - t[:, None]).abs().mean(1) - mean_pair_distance(d) / 2).mean(), "one score an hour"),
        (lambda d, t: (d - t[:, None]).abs().amin(1), "expected"),
    ],
    "coverage_of_draws": [
        (lambda d, t, p: between(d, t, 1 - p, p), "split between them"),
        (lambda d, t, p: 1 - between(d, t, 0.5 - p / 2, 0.5 + p / 2), "outside"),
        (lambda d, t, p: (t <= d.quantile(0.5 + p / 2, dim=1)).float().mean().item(), "below the interval|upper end"),
        (lambda d, t, p: ((t >= d.quantile(0.5 - p / 2)) & (t <= d.quantile(0.5 + p / 2))).float().mean(), "all hours"),
        (lambda d, t, p: ((t >= d.amin(1)) & (t <= d.amax(1))).float().mean(), "smallest to the largest"),
        (lambda d, t, p: between(d, t, 0.05, 0.95), "expected"),
    ],
    "past_mean_error": [
        (lambda e, w: torch.stack([e[max(0, i - w + 1):i + 1].mean() for i in range(len(e))]), "the hour itself"),
        (lambda e, w: torch.tensor([e[max(0, i - w):i].sum() / w for i in range(len(e))]), "not by the window"),
        (lambda e, w: torch.tensor([e[:i].mean() if i else 0.0 for i in range(len(e))]), "only the last ones"),
        (lambda e, w: torch.tensor([e[max(0, i - w):i].mean() for i in range(1, len(e))]), "one hour too short"),
        (lambda e, w: torch.tensor([e[max(0, i - w):i].sum() for i in range(len(e))]), "divide by their number"),
        (lambda e, w: torch.tensor([e[max(0, i - w):i].mean() for i in range(len(e))]), "nan"),
    ],
    "order_up_to": [
        (lambda d, h, b: np.quantile(d.numpy(), h / (h + b), method="inverted_cdf"), "wrong way round"),
        (lambda d, h, b: np.quantile(d.numpy(), b / (h + b)), "interpolated"),
        (lambda d, h, b: sum(d.tolist()) / len(d), "mean demand"),
        (lambda d, h, b: sorted(d.tolist())[min(len(d) - 1, math.ceil(b / (h + b) * len(d) - 1e-9))], "too high"),
        (lambda d, h, b: max(d.tolist()), "highest demand"),
        (lambda d, h, b: torch.median(d), "median"),
        (lambda d, h, b: 2 * d.mean(), "expected"),
    ],
    "croston": [
        (croston_without_pauses, "only when there is demand"),
        (lambda d, a: croston_sizes_and_gaps(d, a)[0], "size alone"),
        (lambda d, a: croston_sizes_and_gaps(d, a)[1] / croston_sizes_and_gaps(d, a)[0], "upside down"),
        (lambda d, a: (1 - a / 2) * np.divide(*croston_sizes_and_gaps(d, a)), "Syntetos"),
        (lambda d, a: np.divide(*croston_sizes_and_gaps(d, 1 - a)), "mixed up"),
        (lambda d, a: sum(d.tolist()) / len(d), "mean of all months"),
        (lambda d, a: np.prod(croston_sizes_and_gaps(d, a)), "size times interval"),
        (lambda d, a: d[-1], "expected"),
    ],
    "two_opt_gain": [
        (lambda d, t, i, j: tour_length(d, turned(t, i, j)) - tour_length(d, t), "sign"),
        (lambda d, t, i, j: tour_length(d, t) - tour_length(d, turned(t, i - 1, j)), "one place too early"),
        (lambda d, t, i, j: d[t[i], t[i + 1]] + d[t[j], t[(j + 1) % len(t)]], "two removed edges"),
        (lambda d, t, i, j: d[i, i + 1] + d[j, (j + 1) % len(t)] - d[i, j] - d[i + 1, (j + 1) % len(t)], "positions"),
        (lambda d, t, i, j: d[t[i], t[j]] - d[t[i + 1], t[j + 1]], "IndexError"),
        (lambda d, t, i, j: tour_length(d, turned(t, i, j)), "expected"),
    ],
}


# ---- Tests -----------------------------------------------------------------------------------------------------------
def test_every_lesson_has_coded_exercises() -> None:
    assert LESSONS and {coded.lesson for coded in CODED} == set(LESSONS)


def test_no_exercise_lacks_wrong_answers() -> None:
    poor = [coded.function for coded in CODED if len(PLANTED.get(coded.function, ())) < 3]
    assert poor == [], "plant at least three wrong answers for these in tests/test_exercises.py"
    names = [coded.function for coded in CODED]
    assert len(names) == len(set(names)), "two exercises ask for the same name: PLANTED cannot tell them apart"


@EACH
def test_the_stub_is_answered_not_attempted(coded: Coded) -> None:
    verdict = coded.check(define(coded.stub, {})[coded.function])
    assert verdict.status == NOT_ATTEMPTED and not verdict
    assert repr(verdict).startswith("[not attempted yet]") and coded.function in verdict.message
    assert coded.check.name == coded.function


@EACH
def test_the_stub_has_a_docstring_and_gives_nothing_away(coded: Coded) -> None:
    function, = ast.parse(coded.stub).body
    assert ast.get_docstring(function)
    assert ast.unparse(function.body[1:]) == "raise NotImplementedError"


@EACH
def test_the_worked_solution_is_accepted(coded: Coded) -> None:
    path = ROOT / "notebooks" / "solutions" / coded.lesson.name
    assert path in SOLUTIONS, f"{coded.lesson.name} has no solutions"
    cells = read_cells(path)
    names = run_imports(cells)
    for cell in cells:
        if "solution" in tags(cell):
            define(cell["source"], names)
    assert coded.function in names, f"no cell tagged 'solution' defines {coded.function}"
    verdict = coded.check(names[coded.function])
    assert verdict.status == RIGHT and verdict, verdict
    assert any(f"{coded.check_name}({coded.function})" in cell["source"] for cell in cells)


@EACH
def test_wrong_answers_are_rejected_with_a_fitting_message(coded: Coded) -> None:
    for number, (attempt, message) in enumerate(PLANTED.get(coded.function, ())):
        verdict = coded.check(attempt)
        assert verdict.status == WRONG and not verdict, f"answer {number} ('{message}'): {verdict}"
        assert re.search(message, verdict.message), f"answer {number}: wanted '{message}', got: {verdict}"
