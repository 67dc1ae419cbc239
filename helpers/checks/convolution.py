"""Checks for exercises on convolution and pooling."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise

_EXAMPLE = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 2], [2, 1, 0, 1], [1, 0, 2, 3]])
_KERNEL = torch.tensor([[1.0, 2], [0, -1]])


def _slide(image: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """Cross-correlation of image (h, w) with kernel (k_h, k_w), zeros of `padding` (rows, columns) around."""
    return F.conv2d(image[None, None], kernel[None, None], padding=padding)[0, 0]


def _full(image: Tensor, kernel: Tensor) -> Tensor:
    """Cross-correlation wherever the two overlap."""
    return _slide(image, kernel, (kernel.shape[0] - 1, kernel.shape[1] - 1))


def _overwritten(image: Tensor, kernel: Tensor) -> Tensor:
    """Each pixel writes its copy of the kernel over what was there."""
    (height, width), (rows, columns) = image.shape, kernel.shape
    output = image.new_zeros(height + rows - 1, width + columns - 1)
    for i in range(height):
        for j in range(width):
            output[i:i + rows, j:j + columns] = image[i, j] * kernel
    return output


check_full_convolution = Exercise(
    name="full_convolution",
    cases=[(_EXAMPLE, _KERNEL), (noise(0, 5, 3), noise(1, 3, 2)), (noise(2, 3, 4), noise(3, 1, 3))],
    answer=lambda image, kernel: _full(image, kernel.flip(0, 1)),
    mistakes={
        "This is the cross-correlation, with the right size. In the true convolution the kernel runs the other way: "
        "what does one white pixel become?": _full,
        "Your kernel is turned upside down but not left to right: the true convolution turns it by 180 degrees.":
            lambda image, kernel: _full(image, kernel.flip(0)),
        "Your kernel is turned left to right but not upside down: the true convolution turns it by 180 degrees.":
            lambda image, kernel: _full(image, kernel.flip(1)),
        "Your output is smaller than asked: it holds only the places where the kernel lies wholly on the picture. "
        "Did you forget the places where they overlap in part?":
            lambda image, kernel: _slide(image, kernel.flip(0, 1), (0, 0)),
        "This is the cross-correlation, and only where the kernel lies wholly on the picture: both the direction and "
        "the size differ from what was asked.": lambda image, kernel: _slide(image, kernel, (0, 0)),
        "The copies of the kernel overwrite each other. What should happen where two copies overlap?": _overwritten,
        "Your output is 1 pixel too wide and too high; the rest is right. How many places are there along an axis "
        "if picture and kernel must share at least one pixel?":
            lambda image, kernel: F.pad(_full(image, kernel.flip(0, 1)), (0, 1, 0, 1)),
    },
)


def _pool(image: Tensor, window: int, stride: int, padding: int, counted: bool = False) -> Tensor:
    return F.avg_pool2d(image[None, None], window, stride, padding, count_include_pad=counted)[0, 0]


check_average_pool = Exercise(
    name="average_pool",
    cases=[(_EXAMPLE, 2, 2, 0), (noise(4, 6, 7), 3, 2, 1), (noise(5, 7, 5), 3, 1, 1), (noise(6, 8, 8), 4, 3, 2)],
    answer=_pool,
    mistakes={
        "The padded zeros count as pixels in your means, so the border is too dark. By how many pixels must a window "
        "at the border be divided?": lambda image, window, stride, padding: _pool(image, window, stride, padding, True),
        "Your windows move by their own width: the argument `stride` has no effect.":
            lambda image, window, stride, padding: _pool(image, window, window, padding),
        "Your windows move by 1 pixel: the argument `stride` has no effect.":
            lambda image, window, stride, padding: _pool(image, window, 1, padding),
        "Your output is too small: did you forget the padding?":
            lambda image, window, stride, padding: _pool(image, window, stride, 0),
        "These are sums, not means.": lambda image, window, stride, padding:
            _pool(image, window, stride, padding, True) * window**2,
        "These are maxima, not means.": lambda image, window, stride, padding:
            F.max_pool2d(image[None, None], window, stride, padding)[0, 0],
        "You padded on one side only (top and left): the formula has 2p because both sides get p.":
            lambda image, window, stride, padding: F.avg_pool2d(
                F.pad(image, (padding, 0, padding, 0))[None], window, stride)[0],
    },
)
