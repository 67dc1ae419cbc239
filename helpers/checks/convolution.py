"""Exercise checks on convolution and pooling."""

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
    (height, width), (rows, columns) = image.shape, kernel.shape
    output = image.new_zeros(height + rows - 1, width + columns - 1)
    for i in range(height):
        for j in range(width):
            output[i:i + rows, j:j + columns] = image[i, j] * kernel
    return output


check_full_convolution = Exercise(
    "full_convolution",
    cases=[(_EXAMPLE, _KERNEL), (noise(0, 5, 3), noise(1, 3, 2)), (noise(2, 3, 4), noise(3, 1, 3))],
    answer=lambda image, kernel: _slide(image, kernel.flip(0, 1), full=True),
    mistakes={
        "This is the cross-correlation, with the right size. In the true convolution the kernel runs the other way: "
        "what does one white pixel become?": lambda image, kernel: _slide(image, kernel, full=True),
        "Your output is smaller than asked: it holds only the places where the kernel lies wholly on the picture. "
        "Did you forget the places where they overlap in part?":
            lambda image, kernel: _slide(image, kernel.flip(0, 1), full=False),
        "This is the cross-correlation, and only where the kernel lies wholly on the picture: both the direction and "
        "the size differ from what was asked.": lambda image, kernel: _slide(image, kernel, full=False),
        "The copies of the kernel overwrite each other. What should happen where two copies overlap?": _overwritten,
    },
)


def _pool(image: Tensor, window: int, stride: int, padding: int, counted: bool = False) -> Tensor:
    return F.avg_pool2d(image[None, None], window, stride, padding, count_include_pad=counted)[0, 0]


def _sliced(image: Tensor, window: int, stride: int, padding: int, lowest: int | None = None) -> Tensor:
    """Means of slices that have the length of the window, from starts that are not below `lowest`."""
    rows, columns = ([stride * i - padding for i in range((size + 2 * padding - window) // stride + 1)]
                     for size in image.shape)
    rows, columns = ([start if lowest is None else max(start, lowest) for start in line] for line in (rows, columns))
    return torch.stack([torch.stack([image[i:i + window, j:j + window].mean() for j in columns]) for i in rows])


check_average_pool = Exercise(
    "average_pool",
    cases=[(_EXAMPLE, 2, 2, 0), (noise(4, 6, 7), 3, 2, 1), (noise(5, 7, 5), 3, 1, 1), (noise(6, 8, 8), 4, 3, 2)],
    answer=_pool,
    mistakes={
        "The padded zeros count as pixels in your means, so the border is too dark. By how many pixels must a window "
        "at the border be divided?": lambda *case: _pool(*case, counted=True),
        "Your windows at the top and on the left are too large: they start at 0 and keep their full width. A window "
        "that starts outside ends where it would have ended.": lambda *case: _sliced(*case, lowest=0),
        "A negative start counts from the end of the picture, and the slice is empty: its mean is nan.": _sliced,
    },
)
