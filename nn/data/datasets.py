"""Datasets: numbered samples under PyTorch's names. A sample is an array, a number, or tuples and dicts of them.

A dataset has `len(dataset)` and `dataset[i]`. `batch(indices)` returns many samples at once, stacked along a new
first axis; datasets of arrays do this with one indexing operation instead of one for each sample.
"""

from __future__ import annotations

import bisect
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data.tables import as_numbers
from nn.random import Rng, as_generator

__all__ = ["ConcatDataset", "Dataset", "Subset", "TensorDataset", "collate", "random_split"]


class Dataset:
    """Base of all datasets: define `__len__` and `__getitem__`. `torch.utils.data.Dataset` (map-style).

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return np.float32(i), i * i
    >>> Squares().batch([1, 3])
    (array([1., 3.], dtype=float32), array([1, 9]))
    """

    def __len__(self) -> int:
        """Return the number of samples."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __getitem__(self, index: Any) -> Any:
        """Return one sample."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, i)")

    def batch(self, indices: Sequence[int] | NDArray[np.integer]) -> Any:
        """Return the samples at `indices`, put together by `collate`."""
        return collate([self[int(i)] for i in indices])

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Samples from arrays of one length: sample i is a tuple of every array's row i. `torch.utils.data.TensorDataset`.

    arrays: (N, ...) each; an item may be a tuple or a dict of such arrays, for models of several inputs or outputs.
    Raises ValueError for unequal lengths, TypeError for anything but numbers.

    >>> data = TensorDataset(np.eye(3), [0, 1, 2])
    >>> data[1]
    (array([0., 1., 0.]), np.int64(1))
    >>> data.batch([0, 2])[1]
    array([0, 2])
    """

    def __init__(self, *arrays: Any) -> None:
        if not arrays:
            raise ValueError("TensorDataset got no arrays; write TensorDataset(x, y)")
        self.arrays = tuple(tree_map(a, as_numbers, f"array {i}") for i, a in enumerate(arrays))
        shapes = [leaf.shape for leaf in leaves(self.arrays)]
        if () in shapes or len({shape[0] for shape in shapes}) != 1:
            raise ValueError(
                f"TensorDataset: the arrays must be equally long, got shapes {', '.join(map(str, shapes))}"
            )
        self._length = shapes[0][0]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        _in_range("TensorDataset", index, self._length)
        return tree_map(self.arrays, lambda a, _: a[index])

    def batch(self, indices: Sequence[int] | NDArray[np.integer]) -> Any:
        """Return the rows of every array at `indices`."""
        rows = np.asarray(indices, dtype=np.intp)
        return tree_map(self.arrays, lambda a, _: a[rows])


class Subset(Dataset):
    """The samples of a dataset at some indices, in that order. `torch.utils.data.Subset`.

    Raises TypeError for indices that are no integers, IndexError for one that the dataset does not have.

    >>> Subset(TensorDataset(np.arange(5) * 10), [4, 0])[0]
    (np.int64(40),)
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | NDArray[np.integer]) -> None:
        rows = np.asarray(indices)
        if rows.size and rows.dtype.kind not in "iu":
            raise TypeError(
                f"Subset needs integer indices, got dtype {rows.dtype}; of a mask write np.flatnonzero(mask)"
            )
        rows = rows.astype(np.intp).reshape(-1)
        for i in rows[(rows < -len(dataset)) | (rows >= len(dataset))][:1]:
            raise IndexError(f"Subset: index {i} of a dataset of {len(dataset)} samples")
        self.dataset, self.indices = dataset, np.where(rows < 0, rows + len(dataset), rows)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        _in_range("Subset", index, len(self))
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Sequence[int] | NDArray[np.integer]) -> Any:
        """Return the samples at `indices` of this subset."""
        return batch_of(self.dataset, self.indices[np.asarray(indices, dtype=np.intp)])


class ConcatDataset(Dataset):
    """Datasets one after the other; `a + b` of two datasets is the same. `torch.utils.data.ConcatDataset`.

    >>> both = TensorDataset(np.arange(2)) + TensorDataset(np.arange(10, 13))
    >>> len(both), both[3]
    (5, (np.int64(11),))
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one dataset")
        self.ends = np.cumsum([len(dataset) for dataset in self.datasets]).tolist()

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: Any) -> Any:
        _in_range("ConcatDataset", index, len(self))
        index = operator.index(index) % len(self)
        which = bisect.bisect_right(self.ends, index)
        return self.datasets[which][index - (self.ends[which - 1] if which else 0)]


def random_split(dataset: Dataset, lengths: Sequence[int | float], generator: Rng = None) -> list[Subset]:
    """Divide a dataset at random into subsets without overlap. `torch.utils.data.random_split`.

    lengths: numbers of samples that sum to len(dataset); or fractions that sum to 1, rounded down, where the first
    parts take the samples left over. generator: a Generator, a seed, or None for the default generator. Raises
    ValueError when the lengths do not fit.

    >>> [len(part) for part in random_split(TensorDataset(np.arange(10)), [0.75, 0.25], generator=0)]
    [8, 2]
    """
    count, given = len(dataset), list(lengths)
    sizes = [int(n) for n in given if isinstance(n, (int, np.integer)) and not isinstance(n, bool)]
    if len(sizes) < len(given):
        if not all(0 <= n <= 1 for n in given) or not math.isclose(sum(given), 1.0, rel_tol=1e-9):
            raise ValueError(f"random_split: fractions must lie in [0, 1] and sum to 1, got {given}")
        sizes = [math.floor(round(count * n, 9)) for n in given]  # 0.07 * 100 is 7.000000000000001
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != count or min(sizes, default=0) < 0:
        raise ValueError(f"random_split: lengths {given} do not sum to the {count} samples of the dataset")
    order, ends = as_generator(generator).permutation(count), np.cumsum(sizes)
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def collate(samples: Sequence[Any]) -> Any:
    """Put samples together: arrays and numbers stacked along a new first axis, tuples, lists and dicts part by part.

    `torch.utils.data.default_collate`. Raises ValueError for shapes or keys that differ, TypeError for text and other
    objects; `DataLoader(collate_fn=...)` takes your own function.

    >>> collate([{"x": np.zeros(2), "y": 1}, {"x": np.ones(2), "y": 0}])
    {'x': array([[0., 0.],
           [1., 1.]]), 'y': array([1, 0])}
    """
    first = samples[0]
    if isinstance(first, Mapping):
        for sample in samples:
            if not isinstance(sample, Mapping) or sample.keys() != first.keys():
                raise ValueError(f"collate: a sample with the keys {list(first)} beside {_kind(sample)}")
        return {key: collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        for sample in samples:
            if not isinstance(sample, (tuple, list)) or len(sample) != len(first):
                raise ValueError(f"collate: a sample of {len(first)} parts beside {_kind(sample)}")
        parts = [collate(list(column)) for column in zip(*samples, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    arrays = [as_numbers(sample, "collate: a sample") for sample in samples]
    if len({a.shape for a in arrays}) > 1:
        other = next(a.shape for a in arrays if a.shape != arrays[0].shape)
        raise ValueError(
            f"collate: samples of shapes {arrays[0].shape} and {other} do not stack; give collate_fn=, for example one "
            "that pads"
        )
    return np.stack(arrays)


# Trees of arrays: tuples, lists and dicts.


def tree_map(tree: Any, f: Callable[[Any, str], Any], name: str = "") -> Any:
    """Return the tree with f(leaf, its name) in the place of each leaf. Plain lists are leaves: they hold numbers."""
    if isinstance(tree, Mapping):
        return {key: tree_map(value, f, f"{name}[{key!r}]") for key, value in tree.items()}
    if isinstance(tree, tuple):
        parts = [tree_map(value, f, f"{name}[{i}]") for i, value in enumerate(tree)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return f(tree, name)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a tree from left to right."""
    found: list[Any] = []
    tree_map(tree, lambda leaf, _: found.append(leaf))
    return found


def batch_of(dataset: Any, indices: Any) -> Any:
    """Return `dataset.batch(indices)`, also of an object that has only `__getitem__`."""
    batch = getattr(dataset, "batch", None)
    return batch(indices) if batch is not None else collate([dataset[int(i)] for i in indices])


def _in_range(who: str, index: Any, count: int) -> None:
    try:
        number = operator.index(index)
    except TypeError:
        raise TypeError(f"{who}: an index must be an integer, got {index!r}; batch(indices) returns many") from None
    if not -count <= number < count:
        raise IndexError(f"{who}: index {number} of {count} samples")


def _kind(sample: Any) -> str:
    if isinstance(sample, Mapping):
        return f"one with the keys {list(sample)}"
    return f"one of {len(sample)} parts" if isinstance(sample, (tuple, list)) else f"a {type(sample).__name__}"
