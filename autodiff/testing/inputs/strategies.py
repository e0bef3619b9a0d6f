"""Hypothesis strategies for arrays on which derivatives go wrong, and which shrink to arrays a person can read.

A typical random array has no ties, no zeros, no axis of length one, no repeated index and no entry of another scale,
so a bug that shows only there stays hidden. These strategies draw such arrays often, draw generic ones as multiples
of 1/1024 (exact in float32), and shrink towards few entries, small integers and zero.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.testing.subjects.function_under_test import Arguments

__all__ = [
    "arguments",
    "broadcastable",
    "indices",
    "layouts",
    "orthogonal",
    "shapes",
    "signature",
    "smooth_values",
    "spd",
    "tensors",
    "triangular",
    "values",
    "well_conditioned",
]

REAL = (-math.inf, math.inf)
_SIMPLE = (0.0, 1.0, 2.0, -1.0, 0.5, -2.0, -0.5, 3.0, 0.25, 0.75, -0.25)


def arguments(build: Callable[..., Any]) -> Callable[..., st.SearchStrategy[Arguments]]:
    """Decorate a function of `draw` that returns `Arguments(*args, **kwargs)`: calls whose keywords depend on the
    arrays.

    >>> @arguments
    ... def sum_calls(draw):
    ...     x = draw(tensors())
    ...     return Arguments(x, axis=draw(st.sampled_from([None, *range(x.ndim)])))
    >>> isinstance(sum_calls(), st.SearchStrategy)
    True
    """
    return st.composite(build)


def shapes(
    min_dims: int = 0, max_dims: int = 3, max_side: int = 5, zero: bool = False
) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw small shapes, which shrink to few axes of length 1. With `zero`, some axis is sometimes empty."""
    # the number of axes is drawn first: lists would stop at no axes half of the time
    dims = st.sampled_from([d for d in (0, 1, 2, 1, 2, 3, 3, 4) if min_dims <= d <= max_dims] or [min_dims])
    return dims.flatmap(lambda d: _sides(d, max_side, zero))


_usual_shapes = functools.cache(shapes)


@functools.cache  # making a strategy takes longer than drawing from it
@st.composite
def _sides(draw: Any, dims: int, max_side: int, zero: bool) -> tuple[int, ...]:
    """Draw the sides of a shape: often equal ones, with which a wrong transpose or axis passes the shape check; with
    `zero` sometimes an empty axis. Most sides are at most 3, because small examples are quick and easy to read.
    """
    style = draw(st.integers(0, 4))
    if dims > 2 or draw(st.integers(0, 3)) < 3:
        max_side = min(max_side, 3)
    if style in (2, 4):
        sides = [draw(st.integers(min(2, max_side), max_side))] * dims
    else:
        sides = [draw(st.integers(1, max_side)) for _ in range(dims)]
    if zero and style == 3 and dims:
        sides[draw(st.integers(0, dims - 1))] = 0
    return tuple(sides)


def values(
    domain: tuple[float, float] = REAL, ties: bool = True, wide: bool = True
) -> st.SearchStrategy[st.SearchStrategy[float]]:
    """Draw a strategy for the entries of one array: all alike, few values with ties, generic, or wide.

    Args:
        domain: open interval the entries lie in.
        ties: allow the styles that repeat values.
        wide: allow entries whose sizes differ by many orders of magnitude.
    """
    low, high = domain
    simple = [v for v in _SIMPLE if low < v < high] or [_middle(low, high)]
    few = st.sampled_from(simple)
    equal = {v: st.just(v) for v in simple}
    styles: list[st.SearchStrategy[float]] = [few] if ties else []
    styles.append(_generic(low, high))
    if wide:
        styles.append(_wide(low, high))
    if ties:
        styles.append(st.one_of(few, _generic(low, high)))
        return st.one_of(st.sampled_from(styles), few.map(equal.__getitem__))
    return st.sampled_from(styles)


_values = functools.lru_cache(256)(values)


def _middle(low: float, high: float) -> float:
    if math.isfinite(low) and math.isfinite(high):
        return (low + high) / 2
    return low + 1 if math.isfinite(low) else high - 1 if math.isfinite(high) else 0.0


def _generic(low: float, high: float) -> st.SearchStrategy[float]:
    """Draw multiples of a power of two inside the domain: mostly within +-4 and, in a finite domain, all over it."""
    a = max(low, min(-4.0, high - 8.0)) if math.isfinite(high) else max(low, -4.0)
    b = min(high, max(4.0, a + 8.0))
    near = _multiples(a, b)
    if math.isfinite(high - low) and (a, b) != (low, high):
        return st.one_of(near, _multiples(low, high))
    return near


def _multiples(a: float, b: float) -> st.SearchStrategy[float]:
    """Draw from about 4096 even steps inside an interval, its ends left out: multiples of 1/1024 for a length of 8."""
    unit = 2.0 ** math.floor(math.log2((b - a) / 4096))
    first, last = math.floor(a / unit) + 1, math.ceil(b / unit) - 1
    return st.integers(first, last).map(lambda k: k * unit)


def _wide(low: float, high: float) -> st.SearchStrategy[float]:
    """Draw numbers at distances from 1e-9 to 1e4 of the nearest natural zero of the domain."""
    base = low if math.isfinite(low) else high if math.isfinite(high) else 0.0
    signs = [s for s in (1.0, -1.0) if low < base + s * 1e-9 < high]

    def place(parts: tuple[int, int, float]) -> float:
        mantissa, exponent, sign = parts
        v = base + sign * (1 + mantissa / 64) * 2.0**exponent
        return v if low < v < high else _middle(low, high)

    return st.tuples(st.integers(0, 63), st.integers(-30, 13), st.sampled_from(signs or [1.0])).map(place)


@functools.lru_cache(1024)
def _lists(entry: st.SearchStrategy[float], length: int) -> st.SearchStrategy[list[float]]:
    return st.lists(entry, min_size=length, max_size=length)


@st.composite
def tensors(
    draw: Any,
    shape: Any = None,
    domain: tuple[float, float] = REAL,
    dtype: Any = np.float64,
    ties: bool = True,
    wide: bool = True,
) -> np.ndarray:
    """Draw arrays for derivative checks.

    Args:
        shape: a shape, a strategy of shapes, or None for `shapes()`.
        domain: open interval of the entries.
        dtype: float16, float32, float64 or a complex dtype.
        ties: draw repeated values often.
        wide: draw mixed scales sometimes.
    """
    if shape is None or isinstance(shape, st.SearchStrategy):
        shape = draw(_usual_shapes() if shape is None else shape)
    shape = tuple(shape)
    count = math.prod(shape)
    entry = draw(_values(tuple(domain), ties, wide))
    parts = 2 if np.dtype(dtype).kind == "c" else 1
    flat = np.array(draw(_lists(entry, parts * count)), np.float64)
    if parts == 2:
        return np.asarray((flat[:count] + 1j * flat[count:]).reshape(shape).astype(dtype))
    return np.asarray(flat.reshape(shape).astype(dtype))


def smooth_values(
    shape: Any = None, domain: tuple[float, float] = REAL, dtype: Any = np.float64
) -> st.SearchStrategy[np.ndarray]:
    """Draw arrays without ties and without mixed scales, for functions whose kinks need not be tested."""
    return tensors(shape, domain, dtype, ties=False, wide=False)


@st.composite
def broadcastable(
    draw: Any, count: int = 2, domain: Any = REAL, dtype: Any = np.float64, wide: bool = True
) -> Arguments:
    """Draw arguments whose shapes broadcast: some axes are 1 or missing, often in each argument another. `domain` may
    be one interval or one for each argument.
    """
    apart = draw(st.integers(0, 3)) == 3  # each axis is of one argument, 1 in the others
    whole = draw(_usual_shapes(min_dims=2 * apart))
    first = draw(st.integers(0, count - 1)) if apart else 0
    domains = domain if isinstance(domain[0], tuple) else (domain,) * count
    arrays = []
    for k in range(count):
        if apart:
            shape = tuple(n if (first + i) % count == k else 1 for i, n in enumerate(whole))
            arrays.append(draw(tensors(shape, domains[k], dtype, wide=wide)))
            continue
        style = draw(st.integers(0, 3))
        shape = whole[draw(st.integers(0, len(whole))) :] if style == 1 else whole
        if style >= 2:
            shape = tuple(1 if draw(st.booleans()) else n for n in shape)
        arrays.append(draw(tensors(shape, domains[k], dtype, wide=wide)))
    return Arguments(*arrays)


def signature(
    text: str, domain: tuple[float, float] = REAL, dtype: Any = np.float64, max_side: int = 5, wide: bool = False
) -> st.SearchStrategy[Arguments]:
    """Draw arguments whose axes share letters: "(m,k),(k,n)->(m,n)". Digits are fixed lengths.

    Raises:
        ValueError: the text is not a signature.

    >>> signature("(m,k),(k,n)->(m,n)").example().args[0].ndim  # doctest: +SKIP
    2
    """
    left = text.replace(" ", "").split("->")[0]
    if not re.fullmatch(r"\((\w+(,\w+)*)?\)(,\((\w+(,\w+)*)?\))*", left):
        raise ValueError(f'signature {text!r} is not of the form "(m,k),(k,n)->(m,n)"')
    operands = [tuple(filter(None, part.split(","))) for part in re.findall(r"\(([^)]*)\)", left)]

    @st.composite
    def build(draw: Any) -> Arguments:
        names = sorted({n for o in operands for n in o if not n.isdigit()})
        most = max_side if draw(st.integers(0, 3)) == 3 else min(max_side, 3)  # small examples are quick to check
        first = draw(st.integers(1, most))
        equal = draw(st.integers(0, 2)) == 2  # shapes that let a wrong transpose pass
        sides = {n: first if equal else draw(st.integers(1, most)) for n in names}
        return Arguments(
            *[
                draw(tensors(tuple(int(n) if n.isdigit() else sides[n] for n in o), domain, dtype, wide=wide))
                for o in operands
            ]
        )

    return build()


@st.composite
def indices(
    draw: Any, shape: Sequence[int], kinds: Sequence[str] = ("basic", "integer", "duplicates", "boolean")
) -> Any:
    """Draw an index into an array of this shape: slices with steps, integers, integer arrays with repeats, masks."""
    kind = draw(st.sampled_from(list(kinds)))
    if kind == "boolean":
        flags = draw(st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)))
        return np.array(flags, bool).reshape(shape)
    parts: list[Any] = []
    for n in shape[: draw(st.integers(1, len(shape)))] if shape else ():
        style = draw(st.integers(0, 2))
        if style == 0 or n == 0:
            start, stop = sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n))))
            parts.append(
                slice(start, stop, draw(st.sampled_from([None, 2]))) if draw(st.booleans()) else slice(None, None, -1)
            )
        elif style == 1 or kind == "basic":
            parts.append(draw(st.integers(-n, n - 1)))
        else:
            picks = draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=3))
            parts.append(np.array(picks + picks[:1] if kind == "duplicates" else picks))
            break  # one integer array an index: several would have to broadcast against each other
    return tuple(parts)


def layouts(x: np.ndarray) -> st.SearchStrategy[np.ndarray]:
    """Draw the same numbers in another memory layout: C, Fortran, with gaps, backwards, read-only."""

    def gaps(a: np.ndarray) -> np.ndarray:
        if a.ndim == 0:
            return a.copy()
        room = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
        room[..., ::2] = a
        return room[..., ::2]

    def frozen(a: np.ndarray) -> np.ndarray:
        a = a.copy()
        a.flags.writeable = False
        return a

    def back(a: np.ndarray) -> np.ndarray:
        return a[..., ::-1].copy()[..., ::-1] if a.ndim else a.copy()

    makers: list[Any] = [np.array, np.asfortranarray, gaps, back, frozen]
    return st.sampled_from(makers).map(lambda make: make(x))


@st.composite
def orthogonal(draw: Any, n: Any = None) -> np.ndarray:
    """Draw orthogonal matrices (n, n), n from 1 to 4, which shrink to the identity."""
    side = n or draw(st.integers(1, 4))
    angles = draw(st.lists(st.integers(-16, 16), min_size=side * side, max_size=side * side))
    skew = np.array(angles, float).reshape(side, side) / 16
    skew = skew - skew.T  # Cayley: (I - S)(I + S)^-1 is orthogonal for skew S, and I for S = 0
    return np.linalg.solve((np.eye(side) + skew).T, (np.eye(side) - skew).T).T


@st.composite
def well_conditioned(draw: Any, n: Any = None, condition: float = 1e3) -> np.ndarray:
    """Draw invertible matrices with singular values between 1 and `condition`, which shrink to the identity."""
    side = n or draw(st.integers(1, 4))
    steps = draw(st.lists(st.integers(0, 8), min_size=side, max_size=side))
    sizes = condition ** (np.array(steps) / 8)
    return draw(orthogonal(side)) * sizes @ draw(orthogonal(side))


@st.composite
def spd(draw: Any, n: Any = None, condition: float = 1e3) -> np.ndarray:
    """Draw symmetric positive definite matrices, exactly symmetric, which shrink to the identity."""
    side = n or draw(st.integers(1, 4))
    q = draw(orthogonal(side))
    steps = draw(st.lists(st.integers(0, 8), min_size=side, max_size=side))
    a = q * condition ** (np.array(steps) / 8) @ q.T
    return (a + a.T) / 2


@st.composite
def triangular(draw: Any, n: Any = None, lower: bool = True) -> np.ndarray:
    """Draw triangular matrices with a diagonal of size 1/2 to 4."""
    side = n or draw(st.integers(1, 4))
    a = draw(smooth_values((side, side), (-2.0, 2.0)))
    diagonal = draw(st.lists(st.sampled_from([1.0, 2.0, -1.0, 0.5, 4.0]), min_size=side, max_size=side))
    a[np.diag_indices(side)] = diagonal
    return np.tril(a) if lower else np.triu(a)
