"""A model folder for the inspection service of lesson 17: written, loaded, checked, and one picture judged."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

FIELDS = {"file", "sha256", "name", "version", "size", "look_again", "reject", "white", "golden", "drift"}
QUANTITIES = "brightness", "contrast", "probability"
NEWEST = 0.05  # the weight lambda of the newest value in an EWMA chart


class ModelError(Exception):
    """The model cannot be used: one sentence, and what to do."""


class NotJudged(Exception):
    """A workpiece without a verdict: (reason, HTTP status)."""


def network(onnx: bytes, size: Sequence[int], threads: int = 1) -> tuple[Callable[[np.ndarray], float], float]:
    """An ONNX graph as a function from pixels uint8 (height, width) to a probability; its answer to a test picture."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError('onnxruntime is missing. What to do: pip install "deep-learning-for-manufacturing[deploy]", '
                         'or in the folder of the course pip install -e ".[deploy]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

    def probability(pixels: np.ndarray) -> float:
        return session.run(None, {session.get_inputs()[0].name: pixels[None, None]})[0].item()

    row, column = np.indices(size)
    return probability, probability(((7 * row + 13 * column) % 256).astype(np.uint8))


def new_chart(values: Sequence[float]) -> dict[str, Any]:
    """Mean and std of the first half; limit: the second half's largest |EWMA|, at least the textbook's 3 sigma."""
    first, second = np.array_split(np.asarray(values, dtype=float), 2)
    if not len(second) or not np.isfinite(values).all() or first.std() == 0:
        raise ValueError("a reference needs finite values, and not all the same")
    ewma = np.convolve((second - first.mean()) / first.std(), NEWEST * (1 - NEWEST) ** np.arange(500))[:len(second)]
    limit = max(3 * (NEWEST / (2 - NEWEST)) ** 0.5, abs(ewma).max())
    return {"mean": first.mean(), "std": first.std(), "limit": limit, "ewma": 0.0, "alarm": False}


def write_model(folder: str | Path, onnx: bytes, *, name: str, version: str, size: tuple[int, int], look_again: float,
                reject: float, reference: dict[str, Sequence[float]] | None = None, white: float | None = None) -> Path:
    """Write a folder for the service; the return value is the path of its model.json.

    onnx: from uint8 (1, 1, *size) to a probability, float (1,). From `look_again` and `reject` on a workpiece is looked
    at again or rejected. reference: brightness, contrast and probability, as `Model.judge` gives them, of good days in
    order of time; without it no drift is seen. white: the brightest value of a camera of more than 8 bits.
    """
    if not 0 <= look_again <= reject <= 1:
        raise ValueError("the thresholds must be 0 <= look_again <= reject <= 1")
    digest, folder = hashlib.sha256(onnx).hexdigest(), Path(folder)
    content = {"format": 1, "file": f"model-{digest[:12]}.onnx", "sha256": digest, "name": name, "version": version,
               "size": list(size), "look_again": look_again, "reject": reject, "white": white,
               "golden": network(onnx, size)[1],
               "drift": {key: new_chart(reference[key]) for key in QUANTITIES if reference}}
    folder.mkdir(parents=True, exist_ok=True)
    for file, data in ((content["file"], onnx), ("model.json", json.dumps(content, indent=1).encode())):
        (folder / f"{file}.new").write_bytes(data)
        os.replace(folder / f"{file}.new", folder / file)  # the old one or the new one, never a half
    return folder / "model.json"


class Model:
    """A checked model: content (of model.json, with the drift charts), network, label, limit in megapixels."""

    @classmethod
    def load(cls, folder: str | Path, threads: int = 1, megapixels: float = 30) -> "Model":
        """Load and check a folder. Raises ModelError."""
        model = cls()
        try:
            model.content = content = json.loads(Path(folder, "model.json").read_bytes())
            if content.get("format") != 1:
                raise ValueError(f"model.json has format {content.get('format')}, this service reads format 1")
            if missing := FIELDS - set(content):
                raise ValueError(f"model.json lacks {', '.join(sorted(missing))}")
            onnx = Path(folder, content["file"]).read_bytes()
            if hashlib.sha256(onnx).hexdigest() != content["sha256"]:
                raise ValueError(f"{content['file']} is damaged: its sha256 is not the one in model.json")
            model.network, golden = network(onnx, content["size"], threads)
            if not abs(golden - content["golden"]) <= 0.02:
                raise ValueError(f"the golden answer is {golden:.3f}, where it was written {content['golden']:.3f}")
        except ModelError:
            raise
        except Exception as error:  # no file, no JSON, no ONNX
            raise ModelError(f"the model in {folder} cannot be used: {' '.join(str(error).split())} "
                             f"({type(error).__name__}). What to do: write it again with write_model, or copy the "
                             "folder again") from error
        model.label, model.megapixels = f"{content['name']} {content['version']}", megapixels
        return model

    def judge(self, picture: bytes) -> dict[str, Any]:
        """Verdict, probability, brightness and contrast (0 to 255), model of a picture file. Raises NotJudged."""
        white, size = self.content["white"], self.content["size"]
        try:
            with Image.open(io.BytesIO(picture), formats=("PNG", "JPEG", "BMP", "TIFF")) as image:
                if image.width * image.height > self.megapixels * 1e6:  # from the header: nothing is decoded yet
                    raise ValueError(f"{image.width} x {image.height} pixels are more than {self.megapixels:g} million")
                if (deep := image.mode[0] in "IF") and not white:
                    raise ValueError("it has more than 8 bits, and write_model was not told `white`")
                ImageOps.exif_transpose(image, in_place=True)
                if deep:  # row by row, which takes less memory
                    if not np.isfinite(values := np.asarray(image)).all():
                        raise ValueError("some of its values are not numbers")
                    image = Image.fromarray(np.stack([(row.astype(float) * (255 / white)).clip(0, 255).astype(np.uint8)
                                                      for row in values]))
                pixels = np.asarray(image.convert("L").resize(size[::-1], Image.Resampling.BOX))
        except Exception as error:  # a broken file makes Pillow raise almost anything
            reason = str(error).partition(" <")[0] or type(error).__name__
            raise NotJudged(f"no PNG, JPEG, BMP or TIFF that can be judged: {reason}", 422) from error
        if not 0 <= (probability := self.network(pixels)) <= 1:
            raise ValueError(f"{probability} is no probability")
        verdict = "reject" if probability >= self.content["reject"] else (
            "look again" if probability >= self.content["look_again"] else "pass")
        return {"verdict": verdict, "probability": probability, "brightness": float(pixels.mean()),
                "contrast": float(pixels.std()), "model": self.label}
