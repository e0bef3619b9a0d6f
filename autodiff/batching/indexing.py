"""Indices inside ``vmap``: of batched values, and by batched whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..registry import OPS
from ..variable import Variable, plain
from .handle import Batched, Frame, innermost, no_single_value
from .ways import On, Operands, positions, run_again, shifted, spread_all


def picked(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch getitem by an index that is the same in every example."""
    parts = _parts(static["index"])
    y = run_again(op, xs, {"index": (slice(None), *parts)})
    return np.moveaxis(y, _chosen_ndim(parts), 0) if _is_split(parts) else y


def placed(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch scatter to an index that is the same in every example."""
    parts, (x,) = _parts(static["index"]), xs
    x = np.moveaxis(x, 0, _chosen_ndim(parts)) if _is_split(parts) else x
    shape = (frame.size, *static["shape"])
    return run_again(op, (x,), {**static, "index": (slice(None), *parts), "shape": shape})


def written(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch setitem at an index that is the same in every example."""
    (x, v), (on_x, on_v) = xs, on
    parts = _parts(static["index"])
    x = x if on_x else np.broadcast_to(x, (frame.size, *np.shape(x)))
    if on_v:
        chosen = np.broadcast_to(np.zeros(()), np.shape(x)[1:])[parts].ndim
        missing = chosen + 1 - np.ndim(v)
        if missing > 0:
            v = np.reshape(v, (frame.size, *(1,) * missing, *np.shape(v)[1:]))
        elif missing < 0:  # leading axes of length 1, which NumPy drops
            v = np.reshape(v, (frame.size, *np.shape(v)[1 - missing :]))
        v = np.moveaxis(v, 0, _chosen_ndim(parts)) if _is_split(parts) else v
    return run_again(op, (x, v), {"index": (slice(None), *parts)})


def pick(x: Any, index: Any) -> Any:
    """Return ``x[index]`` where x or parts of the index are batched."""
    parts = _parts(index)
    frame = innermost([x, *parts])
    if frame is None or not any(p.__class__ is Batched and p.frame is frame for p in parts):
        if x.__class__ is Batched and not any(p.__class__ is Batched for p in parts):
            return OPS["getitem"](x, index=tuple([plain(p) if isinstance(p, Variable) else p for p in parts]))
    assert frame is not None
    on_x = x.__class__ is Batched and x.frame is frame
    x = x.payload if on_x else x
    ndim = np.ndim(x) - on_x
    if any(p.__class__ is Batched and p.frame is frame for p in parts):
        return Batched(frame, _by_rows(frame, x, on_x, parts, ndim))
    return Batched(frame, _moved(x[(slice(None), *parts)], parts))


def _moved(y: Any, parts: tuple[Any, ...]) -> Any:
    return np.moveaxis(y, _chosen_ndim(parts), 0) if _is_split(parts) else y


def _by_rows(frame: Frame, x: Any, on_x: bool, parts: tuple[Any, ...], ndim: int) -> Any:
    """Return ``x[index]`` where the index has a batch axis: row k of the index picks from example k."""
    for p in parts:
        if p.__class__ is Batched and p.dtype.kind not in "iu":
            raise no_single_value("x[mask], whose length depends on the values,", "ad.where(mask, x, 0), or x * mask")
    k = _chosen_ndim(parts)
    given = []
    for p in parts:
        if p.__class__ is Batched and p.frame is frame:
            p = p.payload.reshape((frame.size, *(1,) * (k + 1 - p.payload.ndim), *p.payload.shape[1:]))
        given.append(p)
    before = _axes_before(parts, ndim)
    split = _is_split(parts)
    if not on_x:
        y = _at(x, tuple(given))
        return y if split else np.moveaxis(y, before, 0)
    rows = np.arange(frame.size).reshape((frame.size, *(1,) * k))
    y = _at(x, (rows, *given))  # (N, *chosen, *rest): the chosen axes come first, unless they did not before
    if split or not before or not k:
        return y
    return np.moveaxis(y, tuple(range(1, k + 1)), tuple(range(before + 1, before + k + 1)))


def _at(x: Any, parts: tuple[Any, ...]) -> Any:
    return pick(x, parts) if any([p.__class__ is Batched for p in parts]) else x[parts]


def taken_along(arr: Any, indices: Batched, axis: int) -> Any:
    """Return take_along_axis by whole numbers that differ between examples."""
    frame = innermost([arr, indices])
    assert frame is not None
    (x, i), on = positions(frame, (arr, indices))
    x, i = spread_all(frame, (x, i), on)
    return Batched(frame, np.take_along_axis(x, i, shifted(axis, np.ndim(x) - 1)))


def _parts(index: Any) -> tuple[Any, ...]:
    """Return an index as a tuple of slices, numbers and arrays."""
    parts = index if isinstance(index, tuple) else (index,)
    return tuple([np.asarray(p) if isinstance(p, list) else p for p in parts])


def _chosen(parts: tuple[Any, ...]) -> list[int]:
    """Return the positions of the parts that pick by array or mask; whole numbers count where an array is present."""
    some = any(np.ndim(p) or isinstance(p, bool | np.bool_ | Batched) for p in parts if _is_number(p))
    return [i for i, p in enumerate(parts) if _is_number(p)] if some else []


def _is_number(p: Any) -> bool:
    return p is not None and p is not Ellipsis and not isinstance(p, slice)


def _chosen_ndim(parts: tuple[Any, ...]) -> int:
    """Return the number of axes that the chosen parts make together."""
    one = [1 if getattr(p, "dtype", None) == np.bool_ else np.ndim(p) for p in (parts[i] for i in _chosen(parts))]
    return max(one, default=0)


def _is_split(parts: tuple[Any, ...]) -> bool:
    """Return whether other parts stand between the chosen ones: NumPy then puts their axes first."""
    places = _chosen(parts)
    return bool(places) and places[-1] - places[0] >= len(places)


def _axes_before(parts: tuple[Any, ...], ndim: int) -> int:
    """Return how many axes of the result stand before the chosen ones."""
    places = _chosen(parts)
    taking = [p for p in parts if p is not None and p is not Ellipsis]
    used = sum([p.ndim if getattr(p, "dtype", None) == np.bool_ else 1 for p in taking])
    found = 0
    for p in parts[: places[0]]:
        found += ndim - used if p is Ellipsis else 1
    return found
