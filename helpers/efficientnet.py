"""EfficientNet-Lite0 (Tan and Le 2019) for lessons 08 and 13 to 17: the network, its input, and what its stages see."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((1, 1, 3, 1, 16), (2, 6, 3, 2, 24), (2, 6, 5, 2, 40), (3, 6, 3, 2, 80),
          (3, 6, 5, 1, 112), (4, 6, 5, 2, 192), (1, 6, 3, 1, 320))  # blocks, factor, kernel, stride, channels


class Convolution(nn.Sequential):
    """Convolution, batch norm, ReLU up to 6; an odd row of padding goes to the end, as in TensorFlow."""

    def __init__(self, a: int, b: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True) -> None:
        super().__init__(nn.Conv2d(a, b, kernel, stride, groups=groups, bias=False),
                         nn.BatchNorm2d(b, eps=1e-3), *[nn.ReLU6()] * relu)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        kernel, stride = self[0].kernel_size[0], self[0].stride[0]
        missing = [max(0, kernel - 1 - (n - 1) % stride) for n in x.shape[:1:-1]]
        return super().forward(F.pad(x, [k for n in missing for k in (n // 2, n - n // 2)]))


class InvertedResidual(nn.Sequential):
    """Widen by 1×1, filter each channel by itself, narrow by 1×1; a shortcut if the shape stays (MobileNetV2)."""

    def __init__(self, a: int, b: int, factor: int, kernel: int, stride: int) -> None:
        wide = a * factor
        super().__init__(*[Convolution(a, wide, 1)] * (factor > 1),
                         Convolution(wide, wide, kernel, stride, groups=wide), Convolution(wide, b, 1, relu=False))
        self.shortcut = a == b and stride == 1

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return super().forward(x) + x if self.shortcut else super().forward(x)


def efficientnet_lite0(tensors: tuple[Tensor, ...] = (), stages: int = 7) -> nn.Sequential:
    """Stem and stages 1 to `stages`, (B, 3, H, W) to (B, channels, H / 32, W / 32); item k of it is stage k.

    tensors: the published weights, from `load_efficientnet_lite0`; without them they are random.
    """
    layers: list[nn.Module] = [Convolution(3, 32, 3, 2)]
    for (*_, a), (blocks, factor, kernel, stride, b) in itertools.pairwise(((32,), *STAGES[:stages])):
        more = [InvertedResidual(b, b, factor, kernel, 1) for _ in range(blocks - 1)]
        layers.append(nn.Sequential(InvertedResidual(a, b, factor, kernel, stride), *more))
    network = nn.Sequential(*layers).eval()
    if len(tensors) > 1:  # a stand-in of the weights holds none
        network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=False)))
    return network


def network_input(images: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Grey or colour pictures (B, 1 or 3, H, W) in 0..255 as input (B, 3, size, size), scaled as at Google."""
    x = F.interpolate(images.float(), size=size, mode="area")
    return ((x - 127) / 128).expand(-1, 3, -1, -1)


def stage_maps(network: nn.Sequential, x: Tensor, stages: tuple[int, ...]) -> list[Tensor]:
    """Outputs (B, C, h, w) of some stages (0: the stem) for input (B, 3, H, W)."""
    found = []
    for number, stage in enumerate(network[:max(stages) + 1]):
        x = stage(x)
        found += [x] if number in stages else []
    return found


@torch.inference_mode()
def pooled_features(network: nn.Sequential, images: Tensor, size: int, stages: tuple[int, ...] = (4, 5, 6),
                    batch_size: int = 32, amp_dtype: torch.dtype | None = None) -> Tensor:
    """Mean and maximum of each channel of some stages, float32 (N, 2 × channels), for pictures (N, 1 or 3, H, W)."""
    device, found = next(network.parameters()).device, []
    for some in images.split(batch_size):
        with torch.autocast(device.type, amp_dtype, enabled=amp_dtype is not None):
            maps = stage_maps(network, network_input(some.to(device), size), stages)
        found.append(torch.cat([y.float() for x in maps for y in (x.mean((2, 3)), x.amax((2, 3)))], dim=1).cpu())
    return torch.cat(found)
