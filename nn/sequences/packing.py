"""Sequences of unequal lengths in one batch: padded to one length, or packed step by step without the padding.

The names and the layout are those of `torch.nn.utils.rnn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autodiff as ad

__all__ = ["PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence"]

Integers = NDArray[np.int64]


class PackedSequence(NamedTuple):
    """Sequences without their padding, the longest first: all first steps, then all second steps, and so on.

    data: (K, ...), K being the sum of the lengths. batch_sizes: (T,), the number of sequences that have a step t.
    sorted_indices: the order of the sequences in `data`, None when they were sorted; unsorted_indices undoes it.
    `torch.nn.utils.rnn.PackedSequence`.

    >>> import nn, numpy as np
    >>> nn.pack_sequence([np.array([1.0, 2.0]), np.array([3.0])])
    PackedSequence(data=array([1., 3., 2.]), batch_sizes=array([2, 1]), sorted_indices=None, unsorted_indices=None)
    """

    data: Any
    batch_sizes: Integers
    sorted_indices: Integers | None = None
    unsorted_indices: Integers | None = None


def pack_padded_sequence(
    input: Any, lengths: ArrayLike, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return a batch without its padding. `torch.nn.utils.rnn.pack_padded_sequence`.

    input: (T, N, ...), or (N, T, ...) with batch_first. lengths: (N,) integers 1..T, not increasing unless
    enforce_sorted is False. Raises ValueError otherwise.

    >>> import nn, numpy as np
    >>> nn.pack_padded_sequence(np.array([[1, 2], [3, 0]]), [2, 1], batch_first=True).data
    array([1, 3, 2])
    """
    x: Any = input if isinstance(input, ad.Variable) else np.asarray(input)
    if x.ndim < 2:
        raise ValueError(f"pack_padded_sequence needs (steps, sequences, ...), got shape {x.shape}")
    if batch_first:
        x = np.swapaxes(x, 0, 1)
    steps, count = x.shape[:2]
    sizes = np.asarray(lengths)
    if sizes.shape != (count,) or sizes.dtype.kind not in "iu" or not count:
        raise ValueError(f"pack_padded_sequence: {count} sequences need {count} integer lengths, got {lengths!r}")
    if sizes.min() < 1 or sizes.max() > steps:
        raise ValueError(f"pack_padded_sequence: lengths must be in 1..{steps}, got {sizes.tolist()}")
    order = unorder = None
    if enforce_sorted:
        if (np.diff(sizes) > 0).any():
            raise ValueError(
                f"pack_padded_sequence: lengths {sizes.tolist()} are not sorted, the longest first. "
                "Write enforce_sorted=False"
            )
    else:
        order = np.argsort(-sizes, kind="stable")
        unorder = np.argsort(order, kind="stable")
        x, sizes = x[:, order], sizes[order]
    at = np.arange(int(sizes.max()))[:, None] < sizes  # (T, N)
    return PackedSequence(x[np.nonzero(at)], at.sum(axis=1), order, unorder)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Integers]:
    """Return the padded batch and the lengths: the inverse of `pack_padded_sequence`.

    Returns (T, N, ...), or (N, T, ...) with batch_first, and lengths (N,). total_length: a longer T to pad to.
    `torch.nn.utils.rnn.pad_packed_sequence`. Raises ValueError when total_length is too short.

    >>> import nn, numpy as np
    >>> packed = nn.pack_padded_sequence(np.array([[1, 2], [3, 0]]), [2, 1], batch_first=True)
    >>> nn.pad_packed_sequence(packed, batch_first=True)
    (array([[1, 2],
           [3, 0]]), array([2, 1]))
    """
    sizes = np.asarray(sequence.batch_sizes)
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(f"pad_packed_sequence: total_length {steps} is less than the longest sequence, {len(sizes)}")
    x, lengths = padded(sequence, steps, padding_value), lengths_of(sizes)
    if sequence.unsorted_indices is not None:
        x, lengths = x[:, sequence.unsorted_indices], lengths[sequence.unsorted_indices]
    return (np.swapaxes(x, 0, 1) if batch_first else x), lengths


def lengths_of(batch_sizes: Integers) -> Integers:
    """Return the length of each sequence, the longest first, from the number of sequences at each step."""
    return np.sum(np.arange(int(batch_sizes[0])) < batch_sizes[:, None], axis=0)


def padded(sequence: PackedSequence, steps: int, padding_value: float = 0.0) -> Any:
    """Return the sequences in the order of `data`, padded: (steps, N, ...)."""
    sizes = np.zeros(steps, int)
    sizes[: len(sequence.batch_sizes)] = sequence.batch_sizes
    there = np.arange(int(sizes[0])) < sizes[:, None]
    places = np.where(there, (np.cumsum(sizes) - sizes)[:, None] + np.arange(int(sizes[0])), 0)
    there = there.reshape(*there.shape, *(1,) * (np.ndim(sequence.data) - 1))
    return np.where(there, sequence.data[places], np.asarray(padding_value, sequence.data.dtype))


def packed_like(x: Any, sequence: PackedSequence) -> PackedSequence:
    """Return a padded result (T, N, ...) packed as `sequence` is."""
    there = np.arange(x.shape[1]) < np.asarray(sequence.batch_sizes)[:, None]
    return sequence._replace(data=x[np.nonzero(there)])


def pad_sequence(sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0) -> Any:
    """Return sequences of unequal lengths in one padded batch. `torch.nn.utils.rnn.pad_sequence`.

    sequences: arrays or Tensors (T_i, ...). Returns (T, N, ...), or (N, T, ...) with batch_first, T being the longest.

    >>> import nn, numpy as np
    >>> nn.pad_sequence([np.array([1.0, 2.0]), np.array([3.0])], batch_first=True)
    array([[1., 2.],
           [3., 0.]])
    """
    rows: list[Any] = [s if isinstance(s, ad.Variable) else np.asarray(s) for s in sequences]
    steps = max(len(s) for s in rows)
    widths = [[(0, steps - len(s)), *[(0, 0)] * (s.ndim - 1)] for s in rows]
    return np.stack(
        [np.pad(s, w, constant_values=padding_value) for s, w in zip(rows, widths, strict=True)],
        axis=0 if batch_first else 1,
    )


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Return sequences of unequal lengths packed. `torch.nn.utils.rnn.pack_sequence`.

    sequences: arrays or Tensors (T_i, ...), the longest first unless enforce_sorted is False.

    >>> import nn, numpy as np
    >>> nn.pack_sequence([np.array([1.0, 2.0]), np.array([3.0])]).batch_sizes
    array([2, 1])
    """
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)
