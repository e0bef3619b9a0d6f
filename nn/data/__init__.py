"""Data for training: datasets, loaders and samplers, real data inside the package, readers of published files, splits.

Everything here takes and returns plain NumPy arrays; nothing here downloads anything or uses graphs. Images are
float32 between 0 and 1 unless `raw=True`, labels are int64, and random functions take `rng`, or `generator` where
PyTorch calls it so.
"""

from typing import TYPE_CHECKING

from autodiff.extend import missing_names
from nn.data.augmentation import (
    Augment,
    Cutout,
    GaussianNoise,
    MixUp,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScale,
    RandomShift,
    RandomVerticalFlip,
)
from nn.data.cifar import CIFAR10_CLASSES, load_cifar10
from nn.data.datasets import ConcatDataset, Dataset, Subset, TensorDataset, collate, random_split
from nn.data.digits import load_digits
from nn.data.idx import FASHION_MNIST_CLASSES, load_fashion_mnist, load_mnist, read_idx
from nn.data.loader import DataLoader
from nn.data.samplers import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from nn.data.splits import batches, standardize, train_test_split
from nn.data.text import CharacterTokenizer, TextWindows, load_text
from nn.data.transforms import MinMax, OneHot, Standardize

__all__ = [
    # datasets and loaders
    "Dataset",
    "TensorDataset",
    "Subset",
    "ConcatDataset",
    "random_split",
    "DataLoader",
    "collate",
    "Sampler",
    "SequentialSampler",
    "RandomSampler",
    "WeightedRandomSampler",
    "SubsetRandomSampler",
    "BatchSampler",
    "DistributedSampler",
    # arrays
    "batches",
    "train_test_split",
    "standardize",
    # transforms fitted on the training part
    "Standardize",
    "MinMax",
    "OneHot",
    # random changes of images
    "Augment",
    "RandomRotation",
    "RandomScale",
    "RandomShift",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "GaussianNoise",
    "Cutout",
    "MixUp",
    # data
    "load_digits",
    "load_text",
    "load_mnist",
    "load_fashion_mnist",
    "load_cifar10",
    "read_idx",
    "FASHION_MNIST_CLASSES",
    "CIFAR10_CLASSES",
    # text
    "CharacterTokenizer",
    "TextWindows",
]

_ELSEWHERE = {
    "default_collate": "write nn.data.collate",
    "Compose": "write nn.data.Augment(*changes)",
    "RandomAffine": "write nn.data.RandomRotation, RandomScale or RandomShift",
    "RandomErasing": "write nn.data.Cutout(size)",
    "RandomTranslation": "write nn.data.RandomShift(pixels)",
    "RandomZoom": "write nn.data.RandomScale(low, high)",
    **dict.fromkeys(
        ("read_csv", "load_csv"),
        'write np.loadtxt(path, delimiter=",", skiprows=1), or np.genfromtxt for columns of several kinds',
    ),
    "StandardScaler": "write nn.data.Standardize()",
    "MinMaxScaler": "write nn.data.MinMax()",
    "OneHotEncoder": "write nn.data.OneHot()",
    "IterableDataset": "write a generator and the training loop yourself, or a Dataset with __len__ and __getitem__",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _ELSEWHERE)
