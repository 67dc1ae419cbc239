"""Figures of the course: labelled axes, colours that colour-blind readers and grey printers can tell apart."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette (2008), in an order that also differs in lightness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))


def use_course_style() -> None:
    """Set figure size, fonts and colours for the notebook that calls it."""
    plt.rcParams.update({
        "figure.figsize": (7.5, 3.6), "figure.dpi": 90, "figure.constrained_layout.use": True,
        "font.size": 11, "axes.titlesize": 11, "axes.grid": True, "grid.alpha": 0.3, "image.cmap": "gray",
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "lines.linewidth": 1.8,
        "axes.prop_cycle": plt.cycler(color=COLOURS, linestyle=LINES),
    })


def show_images(images: torch.Tensor | Sequence[torch.Tensor], titles: Sequence[str] | None = None,
                columns: int = 8, size: float = 1.1, title: str | None = None) -> Figure:
    """Show images in a grid and return the figure.

    images: (N, C, H, W) or (N, H, W), uint8 in 0..255 or float; one channel is shown in grey, floats from their
    smallest to their largest value over the whole set, so that brightness can be compared.
    titles: one short text an image.
    """
    stack = [torch.as_tensor(image).detach().cpu() for image in images]
    floats = [image for image in stack if image.is_floating_point()]
    low = min((image.min().item() for image in floats), default=0.0)
    high = max((image.max().item() for image in floats), default=255.0)
    columns = min(columns, len(stack))
    rows = -(-len(stack) // columns)
    height = size * (1.25 if titles else 1.0)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * height), squeeze=False)
    for number, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if number >= len(stack):
            continue
        image = stack[number]
        image = image[0] if image.ndim == 3 and len(image) == 1 else image
        if image.ndim == 3:
            image = image.permute(1, 2, 0)
            image = image if image.dtype == torch.uint8 else (image - low) / max(high - low, 1e-12)
            axis.imshow(image.numpy())
        else:
            axis.imshow(image.numpy(), cmap="gray", vmin=low, vmax=high)
        if titles is not None:
            axis.set_title(titles[number], fontsize=9)
    if title:
        figure.suptitle(title)
    return figure


def plot_histories(histories: Mapping[str, object], quantity: str = "validation_accuracy",
                   label: str | None = None, axis: Axes | None = None) -> Axes:
    """Plot one quantity of one or more `History` objects against the epoch, each line named at its end in a legend."""
    axis = axis or plt.subplots()[1]
    for name, history in histories.items():
        values = getattr(history, quantity)
        axis.plot(range(1, len(values) + 1), values, marker="o", markersize=3, label=name)
    axis.set(xlabel="epoch", ylabel=label or quantity.replace("_", " "))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
    return axis


def plot_confusion(matrix: torch.Tensor, names: Sequence[str], axis: Axes | None = None) -> Axes:
    """Draw a confusion matrix (K, K), rows = truth, columns = prediction, as percent of each row."""
    counts = torch.as_tensor(matrix).double()
    share = (100 * counts / counts.sum(1, keepdim=True).clamp(min=1)).numpy()
    axis = axis or plt.subplots(figsize=(0.55 * len(names) + 2, 0.5 * len(names) + 1.6))[1]
    axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(share.shape):
        if share[row, column] >= 0.5:
            axis.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", fontsize=8,
                      color="white" if share[row, column] > 71.5 else "black")
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="true (each row sums to 100 %)")
    axis.grid(False)
    return axis


def plot_intervals(values: Mapping[str, tuple[float, float, float]], label: str, axis: Axes | None = None) -> Axes:
    """Draw one horizontal interval a name: values are (estimate, low, high), in the unit of `label`."""
    axis = axis or plt.subplots(figsize=(7.5, 0.32 * len(values) + 1))[1]
    for row, (estimate, low, high) in enumerate(values.values()):
        axis.plot([low, high], [row, row], color=COLOURS[0], linestyle="-", linewidth=2)
        axis.plot(estimate, row, "o", color=COLOURS[1])
    axis.set_yticks(range(len(values)), list(values))
    axis.invert_yaxis()
    axis.set_xlabel(label)
    return axis
