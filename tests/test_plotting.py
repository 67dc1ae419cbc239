"""Figures: labelled axes, the right number of panels, and pixels that show what the numbers say."""

import os
import subprocess
import sys
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from helpers.plotting import plot_histories, plot_intervals, show_images, use_course_style
from helpers.training import History


@pytest.fixture(autouse=True)
def clean_figures() -> Iterator[None]:
    plt.switch_backend("agg")
    with plt.rc_context():
        yield
    plt.close("all")


def contrast(colour: str) -> float:
    """Contrast with white of WCAG 2.2: 1 for white, 21 for black."""
    return 1.05 / (0.05 + ((np.array(to_rgb(colour)) + 0.055) / 1.055) ** 2.4 @ (0.2126, 0.7152, 0.0722))


def test_style_has_enough_contrast_and_tells_lines_apart_without_colour() -> None:
    plt.style.use("dark_background")  # a reader's own matplotlibrc
    use_course_style()
    styled = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color", "axes.edgecolor")
    assert min(contrast(ink) for ink in {plt.rcParams[name] for name in styled} - {"auto"}) >= 4.5
    assert plt.rcParams["figure.facecolor"] == plt.rcParams["axes.facecolor"] == "white"
    colours, lines = (plt.rcParams["axes.prop_cycle"].by_key()[key] for key in ("color", "linestyle"))
    assert len(set(map(str, lines))) == len(set(colours)) == 7 and sum(contrast(c) < 3 for c in colours) == 2


def test_figures_appear_whatever_the_backend_of_the_environment() -> None:
    code = ("from IPython.core.interactiveshell import InteractiveShell as Shell\n"
            "Shell.enable_gui = lambda shell, gui: None; Shell.instance()\n"
            "from helpers.plotting import plt, use_course_style; use_course_style(); print(plt.get_backend())")
    assert b"inline" in subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "MPLBACKEND": "svg"})


def drawn(images: torch.Tensor | list, **options) -> list:
    """The pictures that `show_images` draws, one an axis; each axis without a frame."""
    axes = show_images(images, **options).axes
    assert not any(axis.axison for axis in axes)
    return [axis.images[0] for axis in axes if axis.images]


@pytest.mark.parametrize(("count", "columns", "grid"), [(1, 8, (1, 1)), (8, 4, (2, 4)), (7, 3, (3, 3))])
def test_images_fill_a_grid(count: int, columns: int, grid: tuple[int, int]) -> None:
    titles = [f"{k} $ of 5 $" for k in range(count)]  # dollars are money, not formulas
    axes = [picture.axes for picture in drawn(torch.rand(count, 1, 5, 6), columns=columns, titles=titles)]
    assert [axis.get_title() for axis in axes] == titles and not any(axis.title.get_parse_math() for axis in axes)
    assert axes[0].get_gridspec().get_geometry() == grid
    with pytest.raises(ValueError, match="no images"):
        show_images(torch.zeros(0, 1, 5, 6), columns=columns)


def test_bytes_are_shown_as_they_are() -> None:
    images = torch.randint(0, 200, (2, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for image, picture in zip(images, drawn(images), strict=True):
        assert np.array_equal(picture.get_array(), image.permute(1, 2, 0).numpy())
    for variant in (images[:, :1], images[:, 0]):  # grey, with and without the channel dimension
        picture = drawn(variant)[0]
        assert (picture.get_array().shape, picture.get_clim(), picture.get_cmap().name) == ((4, 5), (0, 255), "gray")


def test_floats_share_one_range_so_that_brightness_compares() -> None:
    grey, colour = (torch.tensor([-1.0, 3.0])[:, None, None, None].expand(2, c, 4, 4) for c in (1, 3))
    assert {picture.get_clim() for picture in drawn(grey)} == {(-1.0, 3.0)}
    assert [set(picture.get_array().flatten().tolist()) for picture in drawn(colour)] == [{0.0}, {1.0}]
    pictures = drawn([torch.rand(3, 4, 4, requires_grad=True), torch.rand(6, 2), torch.zeros(4, 4)])
    assert [picture.get_array().shape for picture in pictures] == [(4, 4, 3), (6, 2), (4, 4)]


def test_histories_start_at_epoch_1_and_are_named() -> None:
    axis = plot_histories({"a": History(validation_accuracy=[0.1, 0.5, 0.7]), "b": History(validation_accuracy=[0.2])})
    assert [list(line.get_xdata()) for line in axis.lines] == [[1, 2, 3], [1]]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epoch", "validation accuracy")
    given = plt.subplots(1, 2)[1][1]
    plot_histories({"a": History(train_loss=[3.0, 1.0])}, "train_loss", label="loss (nats)", axis=given)
    assert given.get_ylabel() == "loss (nats)" and list(given.lines[0].get_ydata()) == [3.0, 1.0]


def test_intervals_are_drawn_from_low_to_high_in_order() -> None:
    axis = plot_intervals({"first": (50.0, 40.0, 61.0), "second": (7.0, 5.0, 9.0)}, "right (%)")
    assert [list(line.get_xdata()) for line in axis.lines] == [[40, 61], [50], [5, 9], [7]]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["first", "second"]
    assert axis.get_xlabel() == "right (%)" and axis.yaxis_inverted()  # the first name stands on top
