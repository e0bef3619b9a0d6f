"""Dividing data: a seeded split into training and test parts, mini-batches, and scaling fitted on the training part.

Plain functions on plain arrays; the first axis counts the examples. `rng` is as everywhere in `nn`: a
numpy Generator, an int (a seed), or None for the default generator that `nn.seed` sets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nn.data.transforms import Standardize
from nn.random import Rng, as_generator


def train_test_split(
    x: np.ndarray,
    y: np.ndarray,
    *,
    test_size: float | int = 0.2,
    stratify: bool | None = None,
    rng: Rng = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Shuffle and divide (x, y) into x_train, x_test, y_train, y_test (scikit-learn's order).

    x: (N, ...), y: (N,) or (N, ...). test_size: a fraction strictly between 0 and 1 (rounded up to whole examples) or a
    number of examples 1..N-1. stratify: True gives every class of y, (N,), its share of the test part: the numbers are
    proportional, the leftovers go to the largest remainders. False does not; None, the default, does where y is (N,)
    integers, booleans or strings. The same rng gives the same split, by default too; the parts are copies, both in
    random order.

    Raises ValueError for different lengths, a size that leaves a part empty, or stratify=True with a y that holds no
    classes; TypeError for a stratify that is no bool, such as scikit-learn's array.

    >>> x, y = np.arange(10.0), np.array([0] * 5 + [1] * 5)
    >>> x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4)
    >>> sorted(y_test.tolist()), sorted(np.concatenate([x_train, x_test]).tolist()) == x.tolist()
    ([0, 0, 1, 1], True)
    """
    if stratify is not None and not isinstance(stratify, bool):
        raise TypeError(
            f"train_test_split: stratify must be True, False or None; got {type(stratify).__name__}: "
            "write stratify=True for the classes of y"
        )
    x, y = np.asarray(x), np.asarray(y)
    count = _common_length("train_test_split", (x, y))
    classes = y.ndim == 1 and y.dtype.kind in "iubUSO"
    tests = _test_count(count, test_size)
    order = as_generator(rng).permutation(count)
    if stratify or (stratify is None and classes):
        order = order[_quota_first(y, order, tests)]
    test, train = order[:tests], order[tests:]
    return x[train], x[test], y[train], y[test]


def batches(
    *arrays: np.ndarray,
    batch_size: int = 32,
    shuffle: bool = True,
    rng: Rng = None,
    drop_last: bool = False,
) -> Iterator[Any]:
    """Iterate once over the arrays in mini-batches: tuples with one piece of each array (for one array, its pieces).

    arrays: (N, ...) each. Every example comes exactly once, in a new random order when `shuffle` is set; the last batch
    is shorter when batch_size does not divide N, or left out with `drop_last`. Pass a Generator, the same one in every
    epoch, for different orders in a repeatable run; an int repeats one order. Without shuffling the pieces are views.

    Raises ValueError at the call, not at the first batch.

    >>> for x, y in batches(np.arange(5), np.arange(5) * 10, batch_size=2, shuffle=False):
    ...     print(x, y)
    [0 1] [ 0 10]
    [2 3] [20 30]
    [4] [40]
    """
    if not arrays:
        raise ValueError("batches got no arrays; write batches(x, y, batch_size=32)")
    if batch_size != int(batch_size) or batch_size < 1:
        raise ValueError(f"batches: batch_size={batch_size!r}; a batch holds a whole number of examples, at least 1")
    columns = [np.asarray(array) for array in arrays]
    count, size = _common_length("batches", columns), int(batch_size)
    order = as_generator(rng).permutation(count) if shuffle else None
    stop = count - count % size if drop_last else count

    def pieces() -> Iterator[Any]:
        for start in range(0, stop, size):
            rows = slice(start, start + size) if order is None else order[start : start + size]
            batch = tuple(column[rows] for column in columns)
            yield batch if len(batch) > 1 else batch[0]

    return pieces()


def standardize(train: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Shift and scale each feature of the arrays to mean 0 and standard deviation 1 as measured on `train` alone.

    train: (N, ...), others: (M, ...) each; the results have the same shapes, float32 for float32 and float16 input and
    float64 otherwise. A feature that is constant in train is only shifted. The test part is not measured, because the
    model must not depend on it.

    >>> train, test = standardize(np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[4.0, 6.0]]))
    >>> train.tolist(), test.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[3.0, 1.0]])
    """
    train = np.asarray(train)
    if train.ndim == 0 or len(train) == 0:
        raise ValueError(f"standardize: the training part has shape {train.shape}: there is nothing to measure")
    for i, other in enumerate(others, 1):
        if np.shape(other)[1:] != train.shape[1:]:
            raise ValueError(
                f"standardize: argument {i + 1} has features of shape {np.shape(other)[1:]}, the training part of "
                f"shape {train.shape[1:]}"
            )
    scaling = Standardize().fit(train)
    dtype = np.float32 if train.dtype in (np.float16, np.float32) else np.float64
    return tuple(scaling.transform(a).astype(dtype) for a in (train, *others))


def _common_length(who: str, arrays: tuple[np.ndarray, ...] | list[np.ndarray]) -> int:
    shapes = [array.shape for array in arrays]
    if () in shapes:
        raise ValueError(f"{who}: argument {shapes.index(()) + 1} is a single number; the first axis counts examples")
    if len({shape[0] for shape in shapes}) > 1:
        raise ValueError(f"{who}: the arrays have different numbers of examples: shapes {', '.join(map(str, shapes))}")
    return len(arrays[0])


def _test_count(count: int, test_size: float | int) -> int:
    whole = isinstance(test_size, (int, np.integer)) and not isinstance(test_size, bool)
    if not whole and not 0.0 < test_size < 1.0:
        raise ValueError(f"train_test_split: test_size={test_size!r}; a fraction lies between 0 and 1 (0.2 is a fifth)")
    # 0.07 * 100 is 7.000000000000001 in floating point; the rounding up must ignore the last digits.
    tests = int(test_size) if whole else math.ceil(round(test_size * count, 9))
    if not 0 < tests < count:
        raise ValueError(
            f"train_test_split: test_size={test_size!r} of {count} examples leaves "
            f"{tests} for the test and {count - tests} for training; both need at least one"
        )
    return tests


def _quota_first(y: np.ndarray, order: np.ndarray, tests: int) -> np.ndarray:
    """Return positions into `order` with each class's quota of the test part, `tests` in all, before the rest.

    Within the two parts the positions ascend, so that both keep their random order.
    """
    if y.ndim != 1 or y.dtype.kind not in "iubUSO":
        raise ValueError(
            f"train_test_split: stratify needs one class label an example, and y has shape {y.shape} and dtype "
            f"{y.dtype}; pass stratify=False"
        )
    _, classes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    share = counts * tests
    quota = share // len(y)
    largest_remainders_first = np.argsort(-(share % len(y)), kind="stable")
    quota[largest_remainders_first[: tests - quota.sum()]] += 1
    by_class = np.argsort(classes, kind="stable")
    rank = np.empty(len(y), dtype=np.int64)
    rank[by_class] = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.argsort(rank >= quota[classes], kind="stable")
