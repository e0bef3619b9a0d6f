"""Calls of the functions that are made of rows: for each, shapes of operands and a call on arrays or Tensors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import autodiff as ad

A = np.array([0.0, 1.0, 2.5, 4.0])  # coordinates
# name -> shapes of the operands and a call on arrays or Tensors
CALLS: dict[str, list[tuple[Any, Any]]] = {
    "clip": [([(3,)], lambda x: np.clip(x, -1, 1)), ([(3,), (3,)], lambda x, low: np.clip(x, low, None))],
    "take": [
        ([(2, 3)], lambda x: np.take(x, [2, 2, 0], axis=1)),
        ([(2, 3)], lambda x: np.take(x, [[5, 0]])),
        ([(2, 3)], lambda x: np.take(x, [7, -1], mode="wrap")),
        ([(2, 3)], lambda x: np.take(x, 1, axis=-1)),
        ([(2, 3)], lambda x: np.take(x, [9, -9], 1, None, "clip")),
        ([(2, 3)], lambda x: np.take(x, [True, False, True], axis=0)),
    ],
    "take_along_axis": [
        ([(2, 3)], lambda x: np.take_along_axis(x, np.array([[2], [0]]), axis=1)),
        ([(2, 3)], lambda x: np.take_along_axis(x, np.array([1, 1]), axis=None)),
    ],
    "diagonal": [
        ([(2, 3)], lambda x: np.diagonal(x, 1)),
        ([(2, 3, 3)], lambda x: np.diagonal(x, -1, axis1=1, axis2=2)),
        ([(3, 2)], lambda x: np.diagonal(x, -2)),
    ],
    "fill_diagonal": [([(3, 3), (3,)], lambda x, v: ad.fill_diagonal(x, v, inplace=False))],
    "put_along_axis": [
        ([(2, 3), (2, 1)], lambda x, v: ad.put_along_axis(x, np.array([[1], [0]]), v, axis=1, inplace=False)),
    ],
    "diag": [([(3,)], lambda x: np.diag(x, -1)), ([(2, 3)], lambda x: np.diag(x, 1))],
    "trace": [([(3, 3)], np.trace), ([(2, 3, 2)], lambda x: np.trace(x, 0, 0, 2))],
    "dot": [
        ([(2, 3), (3, 2)], np.dot),
        ([(3,), (3,)], np.dot),
        ([(), (3,)], np.dot),
        ([(2, 3), (2, 3, 2)], np.dot),
    ],
    "inner": [([(2, 3), (4, 3)], np.inner), ([(), (2,)], np.inner)],
    "vdot": [([(2, 3), (2, 3)], np.vdot)],
    "outer": [([(3,), (2,)], np.outer), ([(2, 2), (3,)], np.outer)],
    "vecdot": [([(2, 3), (2, 3)], np.vecdot), ([(3, 2), (3, 2)], lambda a, b: np.vecdot(a, b, axis=0))],
    "tensordot": [
        ([(2, 3, 2), (3, 2, 2)], np.tensordot),
        ([(2, 3), (3, 2)], lambda a, b: np.tensordot(a, b, axes=([1, 0], [0, 1]))),
        ([(2,), (3,)], lambda a, b: np.tensordot(a, b, axes=0)),
        ([(3, 0), (0, 2)], lambda a, b: np.tensordot(a, b, axes=1)),
        ([(2, 3, 2), (2, 3)], lambda a, b: np.tensordot(a, b, axes=([-1, 1], [0, -1]))),
    ],
    "einsum": [
        ([(2, 3), (3, 2)], lambda a, b: np.einsum("ij,jk", a, b)),
        ([(2, 2, 3), (3,)], lambda a, b: np.einsum("...j,j", a, b)),
        ([(2, 2)], lambda a: np.einsum("ii", a)),
    ],
    "norm": [
        ([(3,)], np.linalg.norm),
        ([(2, 3)], lambda x: np.linalg.norm(x, axis=0, keepdims=True)),
        ([(2, 3)], lambda x: np.linalg.norm(x, 3, axis=1)),
        ([(2, 3)], lambda x: np.linalg.norm(x, 1)),
        ([(2, 3)], lambda x: np.linalg.norm(x, -np.inf)),
        ([(2, 3, 2)], lambda x: np.linalg.norm(x, "fro", axis=(0, 2))),
    ],
    "vector_norm": [
        ([(2, 3)], np.linalg.vector_norm),
        ([(2, 3)], lambda x: np.linalg.vector_norm(x, ord=1)),
        ([(2, 3, 2)], lambda x: np.linalg.vector_norm(x, axis=(0, -1), ord=3, keepdims=True)),
        ([(2, 3)], lambda x: np.linalg.vector_norm(x, axis=1, ord=np.inf)),
    ],
    "matvec": [([(2, 3), (3,)], np.matvec), ([(2, 3), (2, 3)], np.matvec)] if hasattr(np, "matvec") else [],
    "vecmat": [([(2,), (2, 3)], np.vecmat), ([(3, 2), (2, 3)], np.vecmat)] if hasattr(np, "vecmat") else [],
    "float_power": [([(3,), (3,)], lambda x, p: np.float_power(x * x + 1, p))],
    "divmod": [([(3,), (3,)], lambda a, b: np.multiply(*np.divmod(a, b * b + 0.5)))],
    "modf": [([(3,)], lambda x: np.multiply(*np.modf(x)))],
    "frexp": [([(3,)], lambda x: np.frexp(x)[0])],
    "cumprod": [([(4,)], np.cumprod), ([(2, 3)], lambda x: np.cumprod(x, axis=0))],
    "ptp": [([(2, 3)], np.ptp), ([(2, 3)], lambda x: np.ptp(x, axis=1, keepdims=True))],
    "average": [
        ([(2, 3)], np.average),
        ([(2, 3), (3,)], lambda x, w: np.average(x, axis=1, weights=w * w + 1)),
        ([(2, 3), (2, 3)], lambda x, w: np.average(x, weights=w * w + 1)),
        ([(2, 3, 2), (3,)], lambda x, w: np.average(x, axis=-2, weights=w * w + 1, keepdims=True)),
    ],
    "ravel": [([(2, 3)], np.ravel), ([(2, 3)], lambda x: np.ravel(x, "F"))],
    "moveaxis": [
        ([(2, 3, 2)], lambda x: np.moveaxis(x, 0, -1)),
        ([(2, 3, 2)], lambda x: np.moveaxis(x, [0, 1], [-1, 0])),
    ],
    "repeat": [([(2, 2)], lambda x: np.repeat(x, 2)), ([(2, 2)], lambda x: np.repeat(x, [1, 2], axis=1))],
    "tile": [([(2, 2)], lambda x: np.tile(x, 2)), ([(3,)], lambda x: np.tile(x, (2, 1, 2)))],
    "split": [
        ([(4, 2)], lambda x: np.split(x, 2)[1]),
        ([(2, 4)], lambda x: np.split(x, [1, 3], axis=-1)[1] * np.split(x, [1, 3], axis=1)[2]),
    ],
    "vstack": [([(3,), (2, 3)], lambda a, b: np.vstack([a, b]))],
    "hstack": [
        ([(3,), (2,)], lambda a, b: np.hstack([a, b])),
        ([(2, 1), (2, 3)], lambda a, b: np.hstack((a, b))),
    ],
    "dstack": [([(2, 3), (2, 3)], lambda a, b: np.dstack([a, b]))],
    "column_stack": [([(3,), (3, 2)], lambda a, b: np.column_stack([a, b]))],
    "rot90": [([(2, 3)], partial(np.rot90, k=k)) for k in (-1, 0, 1, 2)],
    "copy": [([(2, 3)], np.copy)],
    "atleast_1d": [([()], np.atleast_1d), ([(2, 2)], np.atleast_1d)],
    "atleast_2d": [([(3,)], np.atleast_2d), ([(3,), ()], lambda a, b: np.multiply(*np.atleast_2d(a, b)))],
    "atleast_3d": [([(3,)], np.atleast_3d), ([(2, 3)], np.atleast_3d), ([()], np.atleast_3d)],
    "unstack": [([(2, 3)], lambda x: ad.unstack(x, axis=1)[2] if isinstance(x, ad.Tensor) else x[:, 2])],
    "full_like": [([(2, 3), ()], lambda x, v: np.full_like(x, v) * x)],
    "fabs": [([(2, 3)], np.fabs)],
    "ix_": [([(3,), (2,)], lambda a, b: np.multiply(*np.ix_(a, b)))],
    "flipud": [([(2, 3)], np.flipud)],
    "fliplr": [([(2, 3)], np.fliplr)],
    # ---- in order
    "percentile": [([(5,)], lambda x: np.percentile(x, [20, 70]))],
    "nanpercentile": [([(5,)], lambda x: np.nanpercentile(x, 30))],
    "nanmedian": [([(2, 3)], lambda x: np.nanmedian(x, axis=1, keepdims=True))],
    "unique": [([(4,)], np.unique), ([(3, 2)], lambda x: np.unique(x, return_index=True, axis=0)[0])],
    "unique_values": [([(4,)], lambda x: np.sort(np.unique_values(x)))],
    "unique_all": [([(4,)], lambda x: np.unique_all(x).values)],
    "unique_counts": [([(4,)], lambda x: np.unique_counts(x).values)],
    "unique_inverse": [([(4,)], lambda x: np.unique_inverse(x).values)],
    "trim_zeros": [([(4,)], lambda x: np.trim_zeros(x * np.array([0.0, 1, 1, 0])))],
    # ---- running
    "cumulative_sum": [
        ([(2, 3)], lambda x: ad.cumulative_sum(x, axis=1)),
        ([(3,)], lambda x: ad.cumulative_sum(x, include_initial=True)),
    ],
    "cumulative_prod": [([(3,)], ad.cumulative_prod), ([(2, 3)], lambda x: ad.cumulative_prod(x, axis=0))],
    # ---- without NaNs
    "nansum": [([(2, 3)], lambda x: np.nansum(x, axis=0))],
    "nanprod": [([(2, 3)], lambda x: np.nanprod(x, axis=0, keepdims=True))],
    "nancumsum": [([(2, 3)], np.nancumsum)],
    "nancumprod": [([(2, 3)], lambda x: np.nancumprod(x, axis=1))],
    "nanmean": [([(2, 3)], np.nanmean), ([(2, 3)], lambda x: np.nanmean(x, axis=0, where=[[True], [False]]))],
    "nanvar": [([(2, 3)], np.nanvar), ([(2, 3)], lambda x: np.nanvar(x, axis=1, ddof=1, keepdims=True))],
    "nanstd": [([(2, 3)], np.nanstd), ([(2, 3)], lambda x: np.nanstd(x, axis=1, correction=1))],
    "nan_to_num": [([(3,)], np.nan_to_num)],
    # ---- put together
    "block": [([(2, 2), (2, 1)], lambda a, b: np.block([[a, b], [np.ones((1, 3))]]))],
    "append": [([(2, 2), (3,)], np.append), ([(2, 2), (1, 2)], lambda a, b: np.append(a, b, axis=0))],
    "insert": [
        ([(3,), ()], lambda a, v: np.insert(a, 1, v)),
        ([(3, 2), (2, 2)], lambda a, v: np.insert(a, [3, 1], v, axis=0)),
        ([(2, 2), (2,)], lambda a, v: np.insert(a, -1, v, axis=1)),
        ([(3,), (2,)], lambda a, v: np.insert(a, slice(0, 2), v)),
    ],
    "delete": [([(3, 2)], lambda a: np.delete(a, [0, 2], axis=0)), ([(3, 2)], lambda a: np.delete(a, 1))],
    "resize": [([(2, 2)], lambda a: np.resize(a, (3, 3)))],
    "diagflat": [([(2, 2)], lambda a: np.diagflat(a, -1))],
    "rollaxis": [([(2, 3, 4)], lambda a: np.rollaxis(a, 2)), ([(2, 3, 4)], lambda a: np.rollaxis(a, 0, -1))],
    "matrix_transpose": [([(2, 3, 4)], np.matrix_transpose)],
    "broadcast_arrays": [([(3, 1), (2,)], lambda a, b: np.multiply(*np.broadcast_arrays(a, b)))],
    "meshgrid": [
        ([(3,), (2,)], lambda a, b: np.multiply(*np.meshgrid(a, b))),
        ([(3,), (2,)], lambda a, b: np.multiply(*np.meshgrid(a, b, indexing="ij", sparse=True))),
    ],
    "kron": [([(2, 2), (1, 3)], np.kron), ([(2,), (2, 2)], np.kron)],
    "vander": [([(3,)], np.vander), ([(3,)], lambda x: np.vander(x, 4, increasing=True))],
    "array_split": [([(5, 2)], lambda x: np.array_split(x, 3)[1])],
    "hsplit": [([(2, 4)], lambda x: np.hsplit(x, 2)[1])],
    "vsplit": [([(4, 2)], lambda x: np.vsplit(x, [1])[1])],
    "dsplit": [([(1, 2, 4)], lambda x: np.dsplit(x, 2)[0])],
    "linspace": [
        ([(), (2,)], lambda a, b: np.linspace(a, b, 4)),
        ([(2,), (2,)], lambda a, b: np.linspace(a, b, 3, endpoint=False, axis=1)),
    ],
    "logspace": [([(), ()], lambda a, b: np.logspace(a, b, 3, base=2.0))],
    "geomspace": [([(), ()], lambda a, b: np.geomspace(a * a + 1, b * b + 1, 3))],
    "pad": [
        ([(2, 3)], lambda x: np.pad(x, 1)),
        ([(2, 3)], lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=5.0)),
        ([(3,)], lambda x: np.pad(x, (2, 1), mode="reflect")),
        ([(1, 2)], lambda x: np.pad(x, ((1, 1), (0, 0)), constant_values=(5.0, 6.0))),
        *[
            ([(2, 3)], lambda x, mode=mode: np.pad(x, ((2, 5), (4, 1)), mode=mode))
            for mode in ("edge", "wrap", "reflect", "symmetric", "linear_ramp", "maximum", "minimum", "mean", "median")
        ],
        ([(4,)], lambda x: np.pad(x, (9, 5), mode="reflect", reflect_type="odd")),
        ([(3, 1)], lambda x: np.pad(x, 4, mode="symmetric", reflect_type="odd")),
        ([(4,)], lambda x: np.pad(x, 2, mode="mean", stat_length=(2, 3))),
        ([(2, 2)], lambda x: np.pad(x, 2, mode="linear_ramp", end_values=(1.0, -1.0))),
    ],
    # ---- calculus
    "diff": [
        ([(4,)], np.diff),
        ([(3, 2)], lambda x: np.diff(x, 2, axis=0)),
        ([(2, 3), (2, 1)], lambda x, p: np.diff(x, prepend=p, append=1.0)),
    ],
    "ediff1d": [([(2, 2), (2,)], lambda x, e: np.ediff1d(x, to_end=e, to_begin=5.0))],
    "gradient": [
        ([(4,)], np.gradient),
        ([(4, 3)], lambda x: np.multiply(*np.gradient(x, 0.5, edge_order=2))),
        ([(3, 4), (4,)], lambda x, h: np.gradient(x, np.cumsum(h * h + 0.5), axis=1)),
        ([(4,), (4,)], lambda x, h: np.gradient(x, np.cumsum(h * h + 0.5), edge_order=2)),
    ],
    "trapezoid": [
        ([(4,)], np.trapezoid),
        ([(2, 3), (3,)], np.trapezoid),
        ([(3, 2), ()], lambda y, h: np.trapezoid(y, dx=h, axis=0)),
    ],
    "interp": [
        ([(3,), (4,), (4,)], lambda x, h, y: np.interp(x, np.cumsum(h * h + 0.5) - 2, y)),
        ([(3,), (4,), ()], lambda x, y, e: np.interp(x, A - 1.0, y * e, period=3.3)),
    ],
    "convolve": [([(4,), (3,)], lambda a, v, mode=mode: np.convolve(a, v, mode)) for mode in ("full", "same", "valid")],
    "correlate": [
        *[([(4,), (3,)], lambda a, v, mode=mode: np.correlate(a, v, mode)) for mode in ("full", "same", "valid")],
        *[([(3,), (4,)], lambda a, v, mode=mode: np.correlate(a, v, mode)) for mode in ("full", "same", "valid")],
    ],
    "unwrap": [([(5,)], lambda x: np.unwrap(2 * x)), ([(3, 2)], lambda x: np.unwrap(x, axis=0, period=1.5))],
    "cross": [([(3,), (3,)], np.cross), ([(3, 2), (3, 1)], lambda a, b: np.cross(a, b, axis=0))],
    # ---- statistics
    "cov": [
        ([(2, 4)], np.cov),
        ([(4,), (4,)], np.cov),
        ([(4, 2)], lambda x: np.cov(x, rowvar=False, bias=True, fweights=[1, 2, 1, 3])),
        ([(2, 4), (4,)], lambda x, w: np.cov(x, aweights=w * w + 1)),
    ],
    "corrcoef": [([(2, 4)], lambda x: np.corrcoef(x)[0]), ([(4,), (4,)], lambda x, y: np.corrcoef(x, y)[0, 1])],
    # ---- polynomials
    "polyval": [([(3,), (2, 2)], np.polyval)],
    "polyadd": [([(3,), (2,)], np.polyadd)],
    "polysub": [([(2,), (3,)], np.polysub)],
    "polymul": [([(3,), (2,)], np.polymul)],
    "polydiv": [([(4,), (2,)], lambda u, v: np.polydiv(u, v * v + 1)[0])],
    "polyder": [([(4,)], lambda p: np.polyder(p, 2))],
    "polyint": [([(3,), ()], lambda p, c: np.polyint(p, 2, [1.0, 2.0]) * c)],
    "poly": [([(3,)], np.poly)],
    "polyfit": [
        ([(4,)], lambda y: np.polyfit(A, y, 2)),
        ([(4,), (4, 2), (4,)], lambda x, y, w: np.polyfit(A + 0.1 * x, y, 1, w=w * w + 1)),
        ([(4,)], lambda y: np.polyfit(A, y, 1, cov=True)[1]),
        ([(4,)], lambda y: np.polyfit(A, y, 1, full=True)[1]),
    ],
    # ---- chosen
    "select": [([(3,)], lambda x: np.select([x > 1, x > 0], [x * x, 3 * x], -x))],
    "piecewise": [([(4,)], lambda x: np.piecewise(x, [x > 1, x < 0], [np.log, lambda v: v * v, 7.0]))],
    "choose": [
        ([(3,), ()], lambda x, y: np.choose([0, 1, 0], [x, y])),
        ([(2,)], lambda x: np.choose([5, -1], [x, 2 * x], mode="wrap")),
    ],
    "compress": [([(3, 2)], lambda x: np.compress([True, False, True], x, axis=0))],
    "extract": [([(2, 2)], lambda x: np.extract([[True, False], [True, True]], x))],
    "bincount": [([(4,)], lambda w: np.bincount([0, 3, 0, 1], weights=w, minlength=6))],
    "apply_along_axis": [
        ([(2, 3)], lambda x: np.apply_along_axis(lambda row: row @ row, 1, x)),
        ([(2, 3)], lambda x: np.apply_along_axis(lambda c: np.outer(c, c), 0, x)),
    ],
    "apply_over_axes": [([(2, 3, 2)], lambda x: np.apply_over_axes(np.sum, x, [0, -1]))],
}
