"""Exercise checks on convolution and pooling."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import Exercise, noise

_EXAMPLE = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 2], [2, 1, 0, 1], [1, 0, 2, 3]])
_KERNEL = torch.tensor([[1.0, 2], [0, -1]])


def _slide(image: Tensor, kernel: Tensor, full: bool) -> Tensor:
    """Cross-correlation of image (h, w) with kernel (k_h, k_w), with full or with valid output."""
    padding = (kernel.shape[0] - 1, kernel.shape[1] - 1) if full else 0
    return F.conv2d(image[None, None], kernel[None, None], padding=padding)[0, 0]


def _overwritten(image: Tensor, kernel: Tensor) -> Tensor:
    """Each pixel writes its copy of the kernel over what was there."""
    (rows, columns), output = kernel.shape, _slide(torch.zeros_like(image), kernel, full=True)
    for (i, j), value in np.ndenumerate(image):
        output[i:i + rows, j:j + columns] = value.item() * kernel
    return output


check_full_convolution = Exercise(
    "full_convolution",
    cases=[(_EXAMPLE, _KERNEL), (noise(0, 5, 3), noise(1, 3, 2)), (noise(2, 3, 4), noise(3, 1, 3))],
    answer=lambda image, kernel: _slide(image, kernel.flip(0, 1), full=True),
    mistakes={
        "This is the cross-correlation, with the right size. In the true convolution the kernel runs the other way: "
        "what does one white pixel become?": lambda image, kernel: _slide(image, kernel, full=True),
        "Your output holds only the places where the kernel lies wholly on the picture, not those of an overlap.":
            lambda image, kernel: _slide(image, kernel.flip(0, 1), full=False),
        "The copies of the kernel overwrite each other. What should happen where two copies overlap?": _overwritten,
    },
)


def _value(image: Tensor, kernel: Tensor, i: int, j: int) -> Tensor:
    """One value of the cross-correlation."""
    return (image[i:i + kernel.shape[0], j:j + kernel.shape[1]] * kernel).sum()


check_one_output = Exercise(
    "one_output",
    cases=[(_EXAMPLE, _KERNEL, 1, 1), (noise(0, 8, 9), noise(1, 2, 3), 1, 2), (noise(2, 9, 7), noise(3, 3, 1), 2, 0)],
    answer=_value,
    mistakes={
        "The kernel is turned: that is the true convolution. Here number lies on number, nothing is turned.":
            lambda image, kernel, i, j: _value(image, kernel.flip(0, 1), i, j),
        "The window moves by the size of the kernel. For place (i, j) it starts at row i and column j.":
            lambda image, kernel, i, j: _value(image, kernel, i * kernel.shape[0], j * kernel.shape[1]),
    },
)


def _window(picture: Tensor, size: int, i: int, j: int, stride: int, dilation: int, reach: int = 0) -> Tensor:
    """Elements that an output place reads; `reach`: pixels from the first to the last, if not those of the dilation."""
    reach = reach or dilation * (size - 1) + 1
    return picture[stride * i:stride * i + reach:dilation, stride * j:stride * j + reach:dilation]


check_one_window = Exercise(
    "one_window",
    cases=[(noise(6, 9, 8), 3, 1, 2, 2, 1), (noise(7, 9, 8), 3, 2, 1, 1, 2), (noise(8, 11, 12), 3, 1, 2, 2, 2)],
    answer=_window,
    mistakes={
        "The stride is left out: i and j count places of the output, the window starts at s·i and s·j.":
            lambda picture, size, i, j, s, d: _window(picture, size, i, j, 1, d),
        "The dilation is left out: the elements lie d pixels apart. A slice may have a step.":
            lambda picture, size, i, j, s, d: _window(picture, size, i, j, s, 1),
        "The slice ends too early: k elements that lie d apart reach over d (k - 1) + 1 pixels.":
            lambda picture, size, i, j, s, d: _window(picture, size, i, j, s, d, reach=size),
    },
)

check_one_maximum = Exercise(
    "one_maximum",
    cases=[(_EXAMPLE, 2, 2, 1, 1), (noise(4, 9, 9), 3, 2, 1, 2), (noise(5, 9, 7) - 9, 2, 3, 2, 1)],
    answer=lambda image, k, s, i, j: image[s * i:s * i + k, s * j:s * j + k].max(),
    mistakes={
        "The window starts at (i, j): the stride is left out. i and j count places of the output.":
            lambda image, k, s, i, j: image[i:i + k, j:j + k].max(),
        "The windows lie side by side: you move by the window. How far they move is the stride's business.":
            lambda image, k, s, i, j: image[k * i:k * i + k, k * j:k * j + k].max(),
    },
)
