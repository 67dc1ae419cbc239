"""Figures: labelled axes, the right number of panels, and pixels that show what the numbers say."""

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers.plotting import (
    COLOURS,
    LINES,
    plot_confusion,
    plot_histories,
    plot_intervals,
    show_images,
    use_course_style,
)
from helpers.training import History


@pytest.fixture(autouse=True)
def clean_figures() -> Iterator[None]:
    """Draw without a screen, restore the style, close the figures."""
    matplotlib.use("agg")
    with plt.rc_context():
        yield
    plt.close("all")


def visible(figure: plt.Figure) -> list[plt.Axes]:
    """The axes that hold an image."""
    return [axis for axis in figure.axes if axis.images]


def luminance(colour: str | tuple) -> float:
    """Relative luminance of WCAG 2.2: 0 for black, 1 for white."""
    values = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one: str | tuple, other: str | tuple) -> float:
    """Contrast of WCAG 2.2: 1 for equal colours, 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_text_and_lines_follows_the_web_guidelines() -> None:
    """4.5 for text, 3 for lines; the fifth and sixth colour are paler, and their lines differ by their dashes."""
    use_course_style()
    assert contrast("#767676", "white") == pytest.approx(4.54, abs=0.01)  # the palest grey that passes, by WebAIM
    styled = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color", "axes.edgecolor")
    inks = {plt.rcParams[name] for name in styled} - {"auto"}
    assert min(contrast(ink, plt.rcParams["axes.facecolor"]) for ink in inks) >= 4.5
    assert plt.rcParams["figure.facecolor"] == plt.rcParams["axes.facecolor"] == "white"
    assert {colour for colour in COLOURS if contrast(colour, "white") < 3} == {"#56B4E9", "#E69F00"}


def test_style_tells_lines_apart_without_colour() -> None:
    use_course_style()
    cycle = list(plt.rcParams["axes.prop_cycle"])
    assert [entry["color"] for entry in cycle] == list(COLOURS)
    assert len({str(entry["linestyle"]) for entry in cycle}) == len(COLOURS) == len(LINES)
    assert plt.rcParams["image.cmap"] == "gray" and plt.rcParams["figure.constrained_layout.use"]
    first = [luminance(colour) for colour in COLOURS[:2]]
    assert abs(first[0] - first[1]) > 0.05


@pytest.mark.parametrize(("count", "columns", "grid"), [(1, 8, (1, 1)), (8, 4, (2, 4)), (7, 3, (3, 3))])
def test_images_fill_a_grid(count: int, columns: int, grid: tuple[int, int]) -> None:
    titles = [str(k) for k in range(count)]
    figure = show_images(torch.rand(count, 1, 5, 6), columns=columns, titles=titles, title="all")
    assert len(visible(figure)) == count and len(figure.axes) == grid[0] * grid[1]
    assert [axis.get_title() for axis in visible(figure)] == titles
    assert not any(axis.axison for axis in figure.axes)
    assert figure.get_suptitle() == "all"


def test_colour_bytes_are_shown_as_they_are() -> None:
    images = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for image, axis in zip(images, visible(show_images(images)), strict=True):
        shown = axis.images[0].get_array()
        assert shown.dtype == np.uint8 and np.array_equal(shown, image.permute(1, 2, 0).numpy())


def test_one_channel_bytes_are_grey_from_0_to_255() -> None:
    images = torch.full((1, 1, 4, 5), 128, dtype=torch.uint8)
    for variant in (images, images[:, 0]):  # with and without the channel dimension
        picture, = visible(show_images(variant))[0].images
        assert picture.get_array().shape == (4, 5) and picture.get_clim() == (0, 255)
        assert picture.get_cmap().name == "gray"


def test_floats_share_one_range_so_that_brightness_compares() -> None:
    images = torch.stack([torch.full((1, 4, 4), -1.0), torch.full((1, 4, 4), 3.0)])
    limits = {axis.images[0].get_clim() for axis in visible(show_images(images))}
    assert limits == {(-1.0, 3.0)}
    colour = torch.stack([torch.full((3, 4, 4), -1.0), torch.full((3, 4, 4), 3.0)])
    shown = [axis.images[0].get_array() for axis in visible(show_images(colour))]
    assert (shown[0] == 0).all() and (shown[1] == 1).all()


def test_images_may_need_gradients_and_differ_in_size() -> None:
    figure = show_images([torch.rand(3, 4, 4, requires_grad=True), torch.rand(6, 2), torch.zeros(4, 4)])
    assert [axis.images[0].get_array().shape for axis in visible(figure)] == [(4, 4, 3), (6, 2), (4, 4)]


def test_histories_start_at_epoch_1_and_are_named() -> None:
    histories = {"a": History(validation_accuracy=[0.1, 0.5, 0.7]), "b": History(validation_accuracy=[0.2, 0.3])}
    axis = plot_histories(histories)
    assert [list(line.get_xdata()) for line in axis.lines] == [[1, 2, 3], [1, 2]]
    assert list(axis.lines[0].get_ydata()) == [0.1, 0.5, 0.7]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epoch", "validation accuracy")


def test_histories_draw_another_quantity_where_they_are_told() -> None:
    given = plt.subplots(1, 2)[1][1]
    axis = plot_histories({"a": History(train_loss=[3.0, 1.0])}, "train_loss", label="loss (nats)", axis=given)
    assert axis is given and axis.get_ylabel() == "loss (nats)" and list(axis.lines[0].get_ydata()) == [3.0, 1.0]
    assert len(plt.get_fignums()) == 1


def test_confusion_shows_percent_of_each_true_class() -> None:
    axis = plot_confusion(torch.tensor([[8, 2, 0], [1, 1, 2], [0, 0, 0]]), ["bolt", "nut", "gear"])
    np.testing.assert_allclose(axis.images[0].get_array(), [[80, 20, 0], [25, 25, 50], [0, 0, 0]])
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axis.texts}
    assert written == {(0, 0): "80", (0, 1): "20", (1, 0): "25", (1, 1): "25", (1, 2): "50"}
    assert axis.images[0].get_clim() == (0, 100)
    assert axis.get_xlabel() == "predicted" and axis.get_ylabel().startswith("true")
    assert [t.get_text() for t in axis.get_yticklabels()] == ["bolt", "nut", "gear"]


def test_confusion_writes_readably_on_dark_cells() -> None:
    axis = plot_confusion(torch.tensor([[9, 1], [1, 9]]), ["a", "b"])
    assert {t.get_text(): t.get_color() for t in axis.texts} == {"90": "white", "10": "black"}
    shares = torch.arange(1, 100)
    axis = plot_confusion(torch.stack([shares, 100 - shares], dim=1), [""] * len(shares))
    for text in axis.texts:
        assert contrast(text.get_color(), matplotlib.colormaps["Blues"](int(text.get_text()) / 100)) >= 4.5


def test_intervals_are_drawn_from_low_to_high_in_order() -> None:
    axis = plot_intervals({"first": (50.0, 40.0, 61.0), "second": (7.0, 5.0, 9.0)}, "right (%)")
    assert [list(line.get_xdata()) for line in axis.lines[::2]] == [[40, 61], [5, 9]]
    assert [list(line.get_xdata()) for line in axis.lines[1::2]] == [[50.0], [7.0]]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["first", "second"]
    assert axis.get_xlabel() == "right (%)"
    bottom, top = axis.get_ylim()
    assert bottom > top  # the first name stands on top
