"""Data for training: a real set of digits inside the package, MNIST from a directory, splits and mini-batches.

Everything here takes and gives plain NumPy arrays; nothing here downloads anything or uses graphs. Images are
float32 between 0 and 1 unless raw ones are asked for, labels are int64, and whatever is random takes `rng`.
"""

from typing import TYPE_CHECKING

from autodiff.extend import missing_names
from nn.data.digits import load_digits
from nn.data.idx import load_mnist, read_idx
from nn.data.splits import batches, standardize, train_test_split

__all__ = ["load_digits", "load_mnist", "read_idx", "train_test_split", "batches", "standardize"]

_BATCHES = "write nn.data.batches(x, y, batch_size=32), which takes plain arrays"
_ELSEWHERE = {
    "DataLoader": _BATCHES,
    "Dataset": _BATCHES,
    "TensorDataset": _BATCHES,
    "random_split": "write nn.data.train_test_split(x, y)",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _ELSEWHERE)
