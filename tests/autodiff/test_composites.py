"""Functions made of rows: each gives NumPy's value, the function's gradient, and the gradient's own derivative.

CALLS has an entry for every function that is dispatched from NumPy and has no row of its own; a test compares the two,
so that none is forgotten.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff.registry import DISPATCH, Op
from autodiff.testing.measuring.differences import numerical_derivative, power_of_two_direction

few = settings(max_examples=max(2, settings().max_examples // 12))

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
    "sort": [([(2, 3)], lambda x: np.sort(x, axis=0)), ([(2, 3)], lambda x: np.sort(x, axis=None))],
    "diagonal": [
        ([(2, 3)], lambda x: np.diagonal(x, 1)),
        ([(2, 3, 3)], lambda x: np.diagonal(x, -1, axis1=1, axis2=2)),
        ([(3, 2)], lambda x: np.diagonal(x, -2)),
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
    "diff": [([(4,)], np.diff), ([(3, 2)], lambda x: np.diff(x, 2, axis=0))],
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
    "pad": [
        ([(2, 3)], lambda x: np.pad(x, 1)),
        ([(2, 3)], lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=5.0)),
        ([(3,)], lambda x: np.pad(x, (2, 1), mode="reflect")),
        ([(1, 2)], lambda x: np.pad(x, ((1, 1), (0, 0)), constant_values=(5.0, 6.0))),
    ],
    "rot90": [([(2, 3)], partial(np.rot90, k=k)) for k in (-1, 0, 1, 2)],
    "copy": [([(2, 3)], np.copy)],
    "atleast_1d": [([()], np.atleast_1d), ([(2, 2)], np.atleast_1d)],
    "atleast_2d": [([(3,)], np.atleast_2d), ([(3,), ()], lambda a, b: np.multiply(*np.atleast_2d(a, b)))],
    "atleast_3d": [([(3,)], np.atleast_3d), ([(2, 3)], np.atleast_3d), ([()], np.atleast_3d)],
    "unstack": [([(2, 3)], lambda x: ad.unstack(x, axis=1)[2] if isinstance(x, ad.Tensor) else x[:, 2])],
    "full_like": [([(2, 3), ()], lambda x, v: np.full_like(x, v) * x)],
    "flipud": [([(2, 3)], np.flipud)],
    "fliplr": [([(2, 3)], np.fliplr)],
}
EACH = [(name, i) for name, calls in CALLS.items() for i in range(len(calls))]


def test_every_dispatched_composite_is_tried() -> None:
    assert {f.__name__ for f in DISPATCH.values() if not isinstance(f, Op)} == {name for name in CALLS if CALLS[name]}


@pytest.mark.parametrize(("name", "i"), EACH, ids=lambda v: str(v))
@given(seed=st.integers(0, 2**32))
@few
def test_composite_is_numpys_and_its_derivatives_are_right(name: str, i: int, seed: int) -> None:
    shapes, call = CALLS[name][i]
    rng = np.random.default_rng(seed)
    xs = [np.asarray(rng.uniform(-3.0, 3.0, shape)) for shape in shapes]
    leaves = [ad.tensor(x) for x in xs]
    y, plain = call(*leaves), np.asarray(call(*xs))
    assert isinstance(y, ad.Tensor) and y.requires_grad and y.shape == plain.shape and y.dtype == plain.dtype
    # sums in another order: a few ulp of numbers of size one to a hundred
    np.testing.assert_allclose(y.data, plain, rtol=1e-13, atol=1e-13)
    w, us = rng.uniform(0.25, 2.0, plain.shape), [rng.uniform(0.25, 2.0, x.shape) for x in xs]

    def gradients(*xs: Any) -> tuple[Any, ...]:
        return tuple(ad.grad(lambda *xs: np.sum(call(*xs) * w), tuple(range(len(xs))))(*xs))

    def curvature(*xs: Any) -> Any:
        scalar = lambda *xs: sum([np.sum(g * u) for g, u in zip(gradients(*xs), us, strict=True)])
        return ad.grad(scalar, tuple(range(len(xs))))(*xs)

    for f, weights, slopes in ((call, w, gradients), (gradients, tuple(us), curvature)):
        vs = [power_of_two_direction(rng, x) * 2.0**-8 for x in xs]  # short: most kinks and ties stay out of reach
        estimate = numerical_derivative(f, tuple(xs), tuple(vs), weights, thorough=False)
        if estimate.kind not in ("smooth", "constant"):
            return  # a tie was near
        found = sum(float(np.sum(g * v)) for g, v in zip(slopes(*xs), vs, strict=True))
        terms = sum(float(np.sum(np.abs(g * v))) for g, v in zip(slopes(*xs), vs, strict=True))
        # the measured error, and a few dozen roundings of the terms of the inner product
        assert abs(found - estimate.value) <= 4 * estimate.error + 64 * 2.3e-16 * terms


@pytest.mark.parametrize(("name", "i"), EACH, ids=lambda v: str(v))
def test_composite_of_float32_is_float32(name: str, i: int) -> None:
    shapes, call = CALLS[name][i]
    leaves = [ad.tensor(np.random.default_rng(0).uniform(0.5, 2.0, shape).astype(np.float32)) for shape in shapes]
    y = call(*leaves)
    assert y.dtype == (np.float64 if name == "float_power" else np.float32)  # float_power is float64 in NumPy too
    y.sum().backward()
    assert all(x.grad.dtype == np.float32 for x in leaves)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, i: np.mean(x, axis=i),
        lambda x, i: np.prod(x, axis=i),
        lambda x, i: np.median(x, axis=i),
        lambda x, i: np.var(x, axis=(i, i - i)),
        lambda x, i: np.tile(x, i),
        lambda x, i: np.moveaxis(x, i, 0),
        lambda x, i: np.split(x, i, axis=0)[0],
        lambda x, i: np.average(x, axis=i, weights=[1.0, 2.0, 3.0]),
        lambda x, i: np.roll(x, [i, i], axis=[0, 1]),
        lambda x, i: np.repeat(x, i, axis=i),
        lambda x, i: np.diff(x, i, axis=i),
    ],
)
def test_numpy_integers_are_integers_as_axes_and_counts(call: Any) -> None:
    x = np.arange(6.0).reshape(2, 3) + 1
    np.testing.assert_array_equal(call(ad.tensor(x), np.int64(1)).data, call(x, 1))
    plain, ours = [ad.grad(lambda x: np.sum(call(x, i) ** 2))(x) for i in (1, np.int64(1))]  # noqa: B023
    np.testing.assert_array_equal(plain, ours)
