"""``np.pad`` in all its modes, one axis after the other as NumPy does it: borders of copies, reflections, ramps,
statistics and constants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import MissingRuleError
from ...other_arrays import beside
from ...registry import composite
from ...variable import Variable, plain
from ..index import scatter
from ..shape import operand

_PICKED = ("edge", "wrap", "reflect", "symmetric")  # borders of elements of the array itself
_STATISTICS: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "constant": {"constant_values": 0},
    "linear_ramp": {"end_values": 0},
    "reflect": {"reflect_type": "even"},
    "symmetric": {"reflect_type": "even"},
    **{mode: {"stat_length": None} for mode in _STATISTICS},
}


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Put a border around an array (``np.pad``), in every mode of NumPy's but a function.

    array: any shape. pad_width: n, (before, after), a pair an axis, or a dict of axis to pair. constant_values and
    end_values may be recorded. Mode "empty" pads with zeros. Raises TypeError for widths that are not integers >= 0.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.pad(x, (2, 0), mode="reflect", reflect_type="odd").data
    array([-1.,  0.,  1.,  2.])
    """
    if not isinstance(mode, str):
        raise MissingRuleError(
            "pad(mode=<function>) writes into an array, which cannot be recorded. Make the border yourself and write "
            "np.concatenate([before, x, after], axis=axis)."
        )
    known = _ARGUMENTS.get(mode, {})
    if mode not in ("empty", "edge", "wrap") and not known:
        raise ValueError(
            f"pad: mode {mode!r} is none of NumPy's: {', '.join(sorted([*_ARGUMENTS, *_PICKED, 'empty']))}."
        )
    if set(kwargs) - set(known):
        raise ValueError(f"pad: mode {mode!r} does not take {', '.join(sorted(set(kwargs) - set(known)))}.")
    array, argument = operand(array), {**known, **kwargs}
    widths = _widths(pad_width, np.ndim(array))
    if mode == "empty" or (mode == "constant" and not isinstance(argument["constant_values"], Variable)):
        return _constant(array, widths, argument.get("constant_values", 0))
    for axis, n in enumerate(np.shape(array)):
        if n == 0 and any(widths[axis]) and mode != "constant":
            raise ValueError(f"pad: mode {mode!r} cannot extend axis {axis}, which is empty.")
    if mode in _PICKED and argument.get("reflect_type", "even") == "even":
        return _with_copies(array, widths, mode)
    fill = _filler(mode, next(iter(argument.values()), None), np.ndim(array))
    for axis, (before, after) in enumerate(widths):
        if before or after:
            rows = fill(np.moveaxis(array, axis, 0), before, after, axis)
            array = np.moveaxis(rows, 0, axis)
    return array


def _widths(pad_width: Any, n: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        found = [(0, 0)] * n
        for axis, pair in pad_width.items():
            found[axis] = (pair, pair) if isinstance(pair, int | np.integer) else tuple(pair)
        pad_width = found
    widths = np.asarray(plain(pad_width))
    if widths.dtype.kind not in "iu" or np.any(widths < 0):
        raise TypeError(f"pad: pad_width is n, (before, after) or a pair an axis, integers >= 0; got {pad_width!r}.")
    return [(int(a), int(b)) for a, b in np.broadcast_to(widths, (n, 2))]


def _pairs(value: Any, n: int) -> Any:
    """Return one value for each side of each axis."""
    return [(None, None)] * n if value is None else np.broadcast_to(value, (n, 2))


def _constant(array: Any, widths: list[tuple[int, int]], values: Any) -> Any:
    shape = np.shape(array)
    index = tuple([slice(a, a + n) for (a, _), n in zip(widths, shape, strict=True)])
    outer = tuple([a + n + b for (a, b), n in zip(widths, shape, strict=True)])
    inner = scatter(array, index=index, shape=outer, dtype=array.dtype)
    border = np.asarray(values)
    if not border.any():
        return inner
    return inner + beside(np.pad(np.zeros(shape, array.dtype), widths, constant_values=border), plain(array))


def _with_copies(array: Any, widths: list[tuple[int, int]], mode: Any) -> Any:
    for axis, pair in enumerate(widths):
        if any(pair):
            places = np.pad(np.arange(np.shape(array)[axis]), pair, mode=mode)
            array = array[(slice(None),) * axis + (places,)]
    return array


def _filler(mode: str, argument: Any, n: int) -> Callable[..., Any]:
    """Return ``fill(rows, before, after, axis)``, which puts a border before the first row and after the last."""
    if mode in _STATISTICS:
        lengths = _pairs(argument, n)
        return lambda rows, b, a, axis: _statistic(rows, b, a, lengths[axis], _STATISTICS[mode])
    if mode == "constant":
        values = _pairs(argument, n)
        return lambda rows, b, a, axis: np.concatenate(
            [_rows(values[axis][0], b, rows), rows, _rows(values[axis][1], a, rows)]
        )
    if mode == "linear_ramp":
        ends = _pairs(argument, n)
        return lambda rows, b, a, axis: np.concatenate(
            [_ramp(ends[axis][0], rows[0], b), rows, np.flip(_ramp(ends[axis][1], rows[-1], a), 0)]
        )
    if argument != "odd":
        raise ValueError(f"pad: reflect_type must be 'even' or 'odd'; got {argument!r}.")
    return lambda rows, b, a, axis: _odd(rows, b, a, mode == "symmetric")


def _rows(value: Any, count: int, like: Any) -> Any:
    y = np.broadcast_to(value, (count, *np.shape(like)[1:]))
    return y if np.result_type(y) == like.dtype else np.astype(y, like.dtype)


def _ramp(end: Any, edge: Any, count: int) -> Any:
    """Return numbers from the end value up to the edge, without the edge."""
    y = np.linspace(end, edge, count, endpoint=False)
    return y if y.dtype == edge.dtype else np.astype(y, edge.dtype)


def _statistic(rows: Any, before: int, after: int, lengths: Any, reduce: Callable[..., Any]) -> Any:
    n = len(rows)
    first, last = (n if m is None else min(int(m), n) for m in lengths)
    if 0 in (first, last):
        raise ValueError("pad: stat_length must be 1 or more.")
    return np.concatenate(
        [_rows(reduce(rows[:first], axis=0), before, rows), rows, _rows(reduce(rows[n - last :], axis=0), after, rows)]
    )


def _odd(rows: Any, before: int, after: int, with_edge: bool) -> Any:
    """Return rows reflected through the edge's value, 2 edge - x. A border longer than the array is reflected again."""
    period = len(rows) if with_edge else len(rows) - 1
    if len(rows) == 1:
        return rows[np.zeros(before + 1 + after, int)]
    while before or after:
        n = len(rows)
        whole = (n if with_edge else n - 1) // period * period
        b, a = min(whole, before), min(whole, after)
        start, stop = (0, n) if with_edge else (1, n - 1)
        left = 2 * rows[:1] - np.flip(rows[start : start + b], 0)
        right = 2 * rows[n - 1 :] - np.flip(rows[stop - a : stop], 0)
        rows = np.concatenate([left, rows, right])
        before, after = before - b, after - a
    return rows


composite(pad, numpy=(np.pad,))
