"""Figures of the course: labelled axes, colours that colour-blind readers and grey printers can tell apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def use_course_style() -> None:
    """Set size, fonts and colours of figures, whatever MPLBACKEND and the reader's own matplotlibrc say."""
    if get_ipython() is not None:
        get_ipython().run_line_magic("matplotlib", "inline")
    plt.style.use(["default", Path(__file__).with_name("course.mplstyle")])


def show_images(images: torch.Tensor | Sequence[torch.Tensor], titles: Sequence[str] | None = None,
                columns: int = 8, size: float = 1.1) -> Figure:
    """Show images in a grid and return the figure. Raises ValueError if there are none.

    images: (N, C, H, W) or (N, H, W), uint8 in 0..255 or float; one channel is shown in grey, floats from their
    smallest to their largest value over the whole set, so that brightness can be compared. titles: a text an image.
    """
    stack = [torch.as_tensor(image).detach().cpu() for image in images]
    if not stack:
        raise ValueError("There are no images to show.")
    floats = [image for image in stack if image.is_floating_point()]
    low = min((image.min().item() for image in floats), default=0.0)
    high = max((image.max().item() for image in floats), default=255.0)
    columns = min(columns, len(stack))
    rows = -(-len(stack) // columns)
    height = rows * size * (1.25 if titles else 1.0)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * size, height), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (axis, image) in enumerate(zip(axes.flat, stack, strict=False)):
        if image.ndim == 3 and len(image) > 1:
            image = image if image.dtype == torch.uint8 else (image - low) / max(high - low, 1e-12)
            axis.imshow(image.permute(1, 2, 0).numpy())
        else:
            axis.imshow((image[0] if image.ndim == 3 else image).numpy(), cmap="gray", vmin=low, vmax=high)
        if titles is not None:
            axis.set_title(titles[number], fontsize=9, parse_math=False)
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


def plot_intervals(values: Mapping[str, tuple[float, float, float]], label: str, axis: Axes | None = None) -> Axes:
    """Draw one horizontal interval a name: values are (estimate, low, high), in the unit of `label`."""
    axis = axis or plt.subplots(figsize=(7.5, 0.32 * len(values) + 1))[1]
    for row, (estimate, low, high) in enumerate(values.values()):
        axis.plot([low, high], [row, row], color="C0", linestyle="-", linewidth=2)
        axis.plot(estimate, row, "o", color="C1")
    axis.set_yticks(range(len(values)), list(values))
    axis.invert_yaxis()
    axis.set_xlabel(label)
    return axis
