"""Windows as views of plain arrays: sizes, borders, strides. Never here: a rule or a row.

Of one spatial axis of n elements, with a border of (before, after) elements, output i at kernel position k reads the
element i * stride + k * dilation of the axis with its border. A negative border cuts elements off, which makes
"add a border" with the signs changed its own transpose.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...other_arrays import is_foreign

Sizes = tuple[int, ...]
Borders = tuple[tuple[int, int], ...]


def output_sizes(
    who: str, size: Sequence[int], kernel: Sizes, stride: Sizes, padding: Borders, dilation: Sizes
) -> Sizes:
    """Return the number of windows along each spatial axis; ValueError where none fits."""
    out = []
    for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation, strict=True):
        m = (n + before + after - d * (k - 1) - 1) // s + 1
        if k < 1 or m < 1:
            raise ValueError(
                f"{who}: a kernel of {k} with dilation {d} covers {d * (k - 1) + 1} elements; the axis has {n} with "
                f"a border of ({before}, {after}): no window fits"
            )
        out.append(m)
    return tuple(out)


def must_agree(who: str, out: Sizes, size: Sequence[int], kernel: Sizes, *where: Any) -> None:
    """Raise where windows are not as many as an array of that size has."""
    expected = output_sizes(who, size, kernel, *where)
    if out != expected:
        raise ValueError(
            f"{who}: an array of size {tuple(size)} has {expected} windows of size {kernel}, and not {out}"
        )


def bordered(x: Any, borders: Borders, first: int, fill: float = 0.0) -> Any:
    """Return x with a border of ``fill`` along the spatial axes, which start at axis ``first``; x itself where there is
    none."""
    if not any([before or after for before, after in borders]):
        return x
    shape, inner, outer = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for axis, (before, after) in enumerate(borders, first):
        n = shape[axis]
        shape[axis] = max(0, n + before + after)
        inner[axis] = slice(max(0, -before), max(0, n + min(0, after)))
        outer[axis] = slice(max(0, before), max(0, n + before + min(0, after)))
    if is_foreign(x):
        widths = [(s.start or 0, m - (m if s.stop is None else s.stop)) for s, m in zip(outer, shape, strict=True)]
        return np.pad(x[tuple(inner)], widths, constant_values=fill)
    y: Any = np.full(shape, fill, x.dtype) if fill else np.zeros(shape, x.dtype)
    y[tuple(outer)] = x[tuple(inner)]
    return y


def without_borders(y: Any, borders: Borders, first: int) -> Any:
    """Return the transpose of ``bordered``."""
    if all([before >= 0 and after >= 0 for before, after in borders]):
        index = [slice(b, n - a) for (b, a), n in zip(borders, y.shape[first:], strict=False)]
        return y[(slice(None),) * first + tuple(index)]
    return bordered(y, tuple([(-before, -after) for before, after in borders]), first)


def windows(x: Any, out: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, first: int) -> Any:
    """Return a read-only view of shape (*before, *out, *kernel, *rest) of x (*before, *spatial, *rest)."""
    n = len(kernel)
    steps = x.strides[first : first + n]
    return np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:first], *out, *kernel, *x.shape[first + n :]),
        (
            *x.strides[:first],
            *[s * a for s, a in zip(stride, steps, strict=True)],
            *[d * a for d, a in zip(dilation, steps, strict=True)],
            *x.strides[first + n :],
        ),
        writeable=False,
    )


def positions(out: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, tuple[slice, ...]]]:
    """Yield each kernel position with the slices of the bordered axes that the windows have there."""
    for at in itertools.product(*map(range, kernel)):
        yield (
            at,
            tuple(
                [slice(k * d, k * d + (n - 1) * s + 1, s) for k, n, s, d in zip(at, out, stride, dilation, strict=True)]
            ),
        )
