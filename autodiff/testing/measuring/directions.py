"""Directions and cotangents that make wrong derivatives visible.

One fixed random direction misses any bug orthogonal to it, and a random direction through a tie measures a kink instead
of the rule. So each example is measured along several kinds of direction: dense random signs, equal moves of equal
values (smooth through max, sort, maximum), a common shift, one coordinate. Cotangents are generic, because
power-of-two ones make kinks cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autodiff.testing.measuring.differences import power_of_two_direction
from autodiff.testing.subjects.function_under_test import Arrays

__all__ = ["cotangents", "directions", "one_hot_pairs"]


def cotangents(rng: np.random.Generator, outputs: Arrays) -> Arrays:
    """Return weights of magnitude 1/4 to 2 and random sign, complex where the output is."""
    ws = []
    for y in outputs:
        w: Any = rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.25, 2, y.shape)
        if y.dtype.kind == "c":
            w = w + 1j * rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.25, 2, y.shape)
        if y.dtype.kind == "f" and y.dtype.itemsize < 8:
            w = w.astype(y.dtype).astype(np.float64)  # a weight both precisions hold exactly
        ws.append(np.asarray(w))
    return ws


def directions(rng: np.random.Generator, xs: Arrays) -> list[tuple[str, Arrays]]:
    """Return named directions for the inputs: "dense", "tie-preserving", "shift" and "coordinate"."""
    found = [("dense", [power_of_two_direction(rng, x) for x in xs])]
    if sum(x.size for x in xs) > 1:
        found.append(("tie-preserving", _equal_moves(rng, xs)))
        shift = _shift(rng, xs)
        if shift is not None:
            found.append(("shift", shift))
    place = _coordinate(rng, xs)
    if place is not None:
        found.append(("coordinate", place))
    return found


def _equal_moves(rng: np.random.Generator, xs: Arrays) -> Arrays:
    """Return a direction in which equal values move equally, so that ties stay ties."""
    flat = np.concatenate([x.ravel() for x in xs])
    values, back = np.unique(flat, return_inverse=True)
    moves = power_of_two_direction(rng, values)[back.ravel()]
    out, start = [], 0
    for x in xs:
        out.append(moves[start : start + x.size].reshape(x.shape).astype(x.dtype))
        start += x.size
    return out


def _shift(rng: np.random.Generator, xs: Arrays) -> Arrays | None:
    """Return the same step for every entry; None for data of mixed scale, where it would move small entries too far."""
    sizes = np.abs(np.concatenate([x.ravel() for x in xs])).astype(np.float64)
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    if sizes.size and sizes.max() >= 1e4 * sizes.min():
        return None
    step = rng.choice([-1.0, 1.0]) * (2.0 ** np.floor(np.log2(sizes.max())) if sizes.size else 2.0**-10)
    return [np.full(x.shape, step, x.dtype) for x in xs]


def _coordinate(rng: np.random.Generator, xs: Arrays) -> Arrays | None:
    total = sum(x.size for x in xs)
    if not total:
        return None
    return _single(rng, xs, int(rng.integers(total)))


def _single(rng: np.random.Generator, xs: Arrays, place: int) -> Arrays:
    """Return a direction in which one entry moves, counted through all inputs."""
    out = []
    for x in xs:
        v = np.zeros_like(x)
        if 0 <= place < x.size:
            v.reshape(-1)[place] = power_of_two_direction(rng, x.reshape(-1)[place : place + 1])[0]
        place -= x.size
        out.append(v)
    return out


def one_hot_pairs(
    rng: np.random.Generator, xs: Arrays, outputs: Arrays, gradient_of: Callable[[Arrays], Arrays], count: int
) -> Iterator[tuple[Arrays, Arrays]]:
    """Yield one output and one input each, half of the time an input with a gradient that is not zero.

    Args:
        gradient_of: maps cotangents to gradients.
    """
    total, places = sum(x.size for x in xs), sum(y.size for y in outputs)
    for _ in range(count if total and places else 0):
        place, ws = int(rng.integers(places)), []
        for y in outputs:
            w = np.zeros(y.shape, np.complex128 if y.dtype.kind == "c" else np.float64)
            if 0 <= place < y.size:
                w.reshape(-1)[place] = 1.0
            place -= y.size
            ws.append(w)
        touched = np.flatnonzero(np.concatenate([np.ravel(g) for g in gradient_of(ws)]))
        if touched.size and rng.random() < 0.5:
            entry = int(rng.choice(touched))
        else:
            entry = int(rng.integers(total))
        yield ws, _single(rng, xs, entry)
