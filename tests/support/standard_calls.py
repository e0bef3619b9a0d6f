"""Calls of the Array API standard's functions on small arrays, for a comparison with its strict implementation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

KINDS = "bool int8 int32 int64 uint8 uint16 float32 float64 complex64 complex128".split()
Call = tuple[str, list[Any], dict[str, Any]]

ONE = """abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf
isnan log log1p log2 log10 logical_not negative positive real reciprocal round sign signbit sin sinh square sqrt tan
tanh trunc matrix_transpose nonzero unique_counts unique_values unique_inverse unique_all linalg.diagonal
linalg.trace"""
TWO = """add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal
floor_divide greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum minimum
multiply nextafter not_equal pow remainder subtract matmul vecdot tensordot linalg.outer linalg.cross linalg.vecdot
linalg.solve result_type"""
ALONG = (
    "max min sum prod mean std var all any count_nonzero cumulative_sum cumulative_prod argmax argmin argsort sort diff"
)
OF_ONE_MATRIX = """det eigvalsh inv matrix_norm matrix_rank pinv slogdet svdvals cholesky"""
SPECTRA = "fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftshift ifftshift"
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "sort": [{"descending": True}, {"stable": False}],
    "argsort": [{"descending": True}],
    "var": [{"correction": 1.0}],
    "std": [{"axis": 0, "correction": 0.5}],
    "cumulative_sum": [{"axis": 0, "include_initial": True}],
    "cumulative_prod": [{"axis": 1, "include_initial": True}],
    "sum": [{"axis": (0, 1)}, {"dtype": "float64"}],
    "clip": [{"min": 0}, {"max": 2}, {"min": 0, "max": 2}],
    "linalg.matrix_norm": [{"ord": 1}, {"ord": 2}, {"ord": "nuc"}, {"ord": -np.inf}, {"keepdims": True}],
    "linalg.cholesky": [{"upper": True}],
    "linalg.vector_norm": [{"axis": 1}, {"ord": 1}, {"ord": np.inf}, {"ord": 0}, {"keepdims": True}],
}


def numbers(kind: str, shape: tuple[int, ...], rng: Any, finite: bool) -> Any:
    """Return small numbers of a dtype, some of them special."""
    values = rng.integers(0, 5, shape) - (4 if kind[0] in "ifc" else 0) * rng.integers(0, 2, shape)
    if kind[0] in "fc":
        special = rng.choice([0.0, -0.0, 2.5, *([] if finite else [np.inf, -np.inf, np.nan])], shape)
        values = np.where(rng.uniform(size=shape) < 0.3, special, values)
    return (values + 1j * rng.normal(size=shape) if kind[0] == "c" else values).astype(kind)


def calls(kind: str, other: str, rng: Any) -> Iterator[Call]:
    """Yield (name, arguments, keywords): all functions on one dtype, and pairs of it and another."""
    finite = "c" in kind[0] + other[0]  # results of complex infinities depend on the order of products
    x, small = (numbers(kind, shape, rng, finite) for shape in ((3, 3), (4,)))
    y = numbers(other, (3, 3), rng, finite)
    for name in ONE.split():
        for value in (x, small, x[:0], x[0, 0]):
            yield name, [np.asarray(value)], {}
    for name in TWO.split():
        yield name, [x, y], {}
        yield name, [small, np.asarray(y[0, 0])], {}
        yield from ((name, [small, number], {}) for number in (True, 2, -1.5, 1j))
    tame = np.where(np.isfinite(x), x, 1).astype(kind)
    for name in ALONG.split():
        for value in (x, small):
            yield from ((name, [value], kw) for kw in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": None}))
    definite = tame @ np.conj(tame.T) + 4 * np.eye(3, dtype=kind) if kind[0] in "fc" else tame
    for name in OF_ONE_MATRIX.split():
        yield f"linalg.{name}", [np.stack([definite, definite])], {}
    for name in SPECTRA.split():
        for kw in ({}, {"n": 5}, {"axis": 0, "norm": "ortho"}, {"axes": (0, 1)}):
            yield f"fft.{name}", [tame], kw
    first = {"clip": x, "linalg.cholesky": definite, "linalg.vector_norm": tame, "linalg.matrix_norm": tame}
    for name, options in OPTIONS.items():
        yield from ((name, [first.get(name, x)], kw) for kw in options)
    yield from _shapes(kind, x, y, small)


def _shapes(kind: str, x: Any, y: Any, small: Any) -> Iterator[Call]:
    """Yield calls for new shapes, joins and new arrays."""
    for name in ("expand_dims", "flip", "roll", "unstack"):
        yield name, [x, 1] if name == "roll" else [x], {"axis": 1}
    yield from ((name, [x], {}) for name in ("ones_like", "zeros_like", "tril", "triu", "asarray"))
    yield from ((name, [(2, 3)], {"dtype": kind}) for name in ("ones", "zeros"))
    yield from (("astype", [x, to], {}) for to in ("bool", "int32", "float32", "complex128"))
    yield from (("concat", [[x, y]], {"axis": axis}) for axis in (0, 1, None))
    yield "stack", [[x, y]], {"axis": -1}
    yield "where", [x != 0, x, y], {}
    yield "where", [x != 0, x, 1], {}
    yield "moveaxis", [np.stack([x, x]), (0, 1), (2, 0)], {}
    yield "permute_dims", [np.stack([x, x]), (2, 0, 1)], {}
    yield "repeat", [x, np.array([1, 2, 0])], {"axis": 1}
    yield "reshape", [x, (9,)], {"copy": True}
    yield "squeeze", [x[:1], 0], {}
    yield "tile", [x, (2, 1, 2)], {}
    yield "take", [x, np.array([0, 2, 0])], {"axis": 1}
    yield "take_along_axis", [x, np.array([[0, 2, 0]] * 3)], {"axis": 1}
    yield "searchsorted", [np.sort(np.nan_to_num(small)), small[:2]], {"side": "right"}
    yield "broadcast_to", [small, (2, 4)], {}
    yield "meshgrid", [small, x[0]], {"indexing": "ij"}
    yield "eye", [2, 3], {"k": 1, "dtype": kind}
    yield "full", [(2,), small[0].item()], {}
    yield "arange", [0, 5, 2], {"dtype": None if kind == "bool" or kind[0] == "c" else kind}
    yield "linspace", [0, 1, 4], {"dtype": kind if kind[0] in "fc" else None}
