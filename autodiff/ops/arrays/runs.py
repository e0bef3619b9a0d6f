"""Running results, and sums and first elements of runs: neighbours along the last axis that are equal.

By doubling: steps of 1, 2, 4, ... in slices and masks, which every library has. No sum is a difference of larger ones.
``same``: (..., n - 1), where an element is equal to the one before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...other_arrays import is_foreign


def sums_from(g: Any, same: Any) -> Any:
    """Return the sums of g: (..., n) from each place to the end of its run."""
    step, joined = 1, same
    while _some(joined):
        more = np.where(joined, g[..., step:], 0.0)
        g = np.concatenate([g[..., :-step] + more, g[..., g.shape[-1] - step :]], axis=-1)
        joined = _twice_as_far(joined, step)
        step *= 2
    return g


def first_of_run(x: Any, same: Any) -> Any:
    """Return x: (..., n) with the first element of its run at each place."""
    if not is_foreign(same):
        rises = np.ones(x.shape, bool)
        rises[..., 1:] = ~same
        start = np.maximum.accumulate(np.where(rises, np.arange(x.shape[-1]), 0), axis=-1)
        return np.take_along_axis(x, start, -1)
    step, joined = 1, same
    while _some(joined):
        x = np.concatenate([x[..., :step], np.where(joined, x[..., :-step], x[..., step:])], axis=-1)
        joined = _twice_as_far(joined, step)
        step *= 2
    return x


def running(ufunc: Any, x: Any, axis: int) -> Any:
    """Return what ``ufunc.accumulate`` does along an axis: other libraries have it for sums and products alone."""
    x, step = np.moveaxis(x, axis, -1), 1
    while step < x.shape[-1]:
        x = np.concatenate([x[..., :step], ufunc(x[..., step:], x[..., :-step])], axis=-1)
        step *= 2
    return np.moveaxis(x, -1, axis)


def _some(joined: Any) -> bool:
    return bool(joined.shape[-1] and (is_foreign(joined) or joined.any()))


def _twice_as_far(joined: Any, step: int) -> Any:
    return joined[..., :-step] & joined[..., step:] if joined.shape[-1] > step else np.zeros(0, bool)
