"""Check that a block leaves arrays as they were, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import autodiff as ad

__all__ = ["assert_unmutated", "first_difference"]


class assert_unmutated:
    """Check that a block leaves arrays as they were: every byte, shape, strides, dtype and flags.

    Args:
        arrays: ndarrays or Tensors (their values), or lists, tuples and dicts of them, which must hold the same arrays
            in the same places at the end.

    Raises:
        AssertionError: naming the array and its first changed element, or another change.
        TypeError: an argument holds something else.

    >>> x = np.array([3.0, 1.0, 2.0])
    >>> with assert_unmutated(x):
    ...     x.sort()
    Traceback (most recent call last):
    AssertionError: array 0 (float64, shape (3,)) was written in this block: element (0,) was 3.0 and is 1.0
    """

    def __init__(self, *arrays: Any) -> None:
        self.arrays = arrays
        self.named = self._watched()

    def _watched(self) -> list[tuple[str, np.ndarray]]:
        return [pair for i, a in enumerate(self.arrays) for pair in _arrays_in(a, f"array {i}")]

    def __enter__(self) -> assert_unmutated:
        self.before = [(a.copy(), _facts(a)) for _, a in self.named]
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            return
        for (name, a), (old, facts) in zip(self.named, self.before, strict=True):
            who = f"{name} ({old.dtype}, shape {old.shape})"
            for fact, value in _facts(a).items():
                if facts[fact] != value:
                    raise AssertionError(f"{who}: its {fact} changed in this block from {facts[fact]} to {value}")
            if a.tobytes() != old.tobytes():
                i = first_difference(old, a)
                raise AssertionError(f"{who} was written in this block: element {i} was {old[i]} and is {a[i]}")
        try:
            now = dict(self._watched())
        except TypeError as other:
            raise AssertionError(f"a container was changed in this block: {other}") from None
        for name, a in self.named:
            if now.pop(name, None) is not a:
                raise AssertionError(f"{name} was replaced or taken out in this block")
        if now:
            raise AssertionError(f"{next(iter(now))} was added in this block")


def _arrays_in(x: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(x, ad.Tensor):
        yield name, x.data
    elif isinstance(x, np.ndarray):
        yield name, x
    elif isinstance(x, dict):
        for key, value in x.items():
            yield from _arrays_in(value, f"{name}[{key!r}]")
    elif isinstance(x, list | tuple):
        for i, value in enumerate(x):
            yield from _arrays_in(value, f"{name}[{i}]")
    else:
        raise TypeError(
            f"assert_unmutated watches arrays, Tensors and containers of them; {name} is a {type(x).__name__}"
        )


def _facts(a: np.ndarray) -> dict[str, Any]:
    flags: tuple[Any, ...] = ("WRITEABLE", "C_CONTIGUOUS", "F_CONTIGUOUS", "ALIGNED", "OWNDATA")
    return {"shape": a.shape, "strides": a.strides, "dtype": a.dtype, **{f"flag {f}": a.flags[f] for f in flags}}


def first_difference(a: np.ndarray, b: np.ndarray) -> tuple[int, ...]:
    """Return the first index at which the bytes of two arrays of one shape and dtype differ."""
    pairs = [np.ascontiguousarray(x).reshape(-1).view(np.uint8).reshape(x.size, -1) for x in (a, b)]
    first = int(np.flatnonzero((pairs[0] != pairs[1]).any(axis=1))[0])
    return tuple(int(i) for i in np.unravel_index(first, a.shape))
