"""Functions made of rows: each gives NumPy's value, the function's gradient, and the gradient's own derivative.

`composite_calls.CALLS` has an entry for every function that is dispatched from NumPy and has no row of its own; a test
compares the two, so that none is forgotten.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from composite_calls import CALLS
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff.ops.arrays.refusals import REFUSED
from autodiff.registry import DISPATCH, Op
from autodiff.testing.measuring.differences import numerical_derivative, power_of_two_direction

few = settings(max_examples=max(2, settings().max_examples // 12))

EACH = [(name, i) for name, calls in CALLS.items() for i in range(len(calls))]


def test_every_dispatched_composite_is_tried() -> None:
    composites = {
        f.__name__
        for numpy, f in DISPATCH.items()
        if not (isinstance(f, Op) or isinstance(numpy, tuple) or f.__name__ in REFUSED)
        and vars(np).get(getattr(numpy, "__name__", "")) is numpy  # np.linalg and np.fft have tests of their own
    }
    of_complex = {"real", "imag", "angle"}  # test_complex
    assert composites - of_complex - {name for name in CALLS if CALLS[name]} == set()


@pytest.mark.sampled(8)
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
def test_composite_of_float32_has_numpys_dtype_and_float32_gradients(name: str, i: int) -> None:
    shapes, call = CALLS[name][i]
    xs = [np.random.default_rng(0).uniform(0.5, 2.0, shape).astype(np.float32) for shape in shapes]
    leaves = [ad.tensor(x) for x in xs]
    y = call(*leaves)
    if name != "unstack":  # NumPy has it from 2.1 on
        assert y.dtype == np.asarray(call(*xs)).dtype
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


def test_roots_move_as_their_coefficients_say_and_refuse_where_they_meet() -> None:
    p = 1.37 * np.poly([1.0, 2.0, 3.5])
    ad.testing.check_derivatives(np.roots, p, order=2)
    ad.testing.check_derivatives(np.roots, np.array([1.1, 0.3, 2.0, -1.0]), order=2)  # a real root and a pair
    # zeros before and after: one root less, and a root at 0; -z**k / P'(z) holds for these too
    x = ad.tensor([0.0, 1.0, -3.0, 2.0, 0.0])
    y = np.roots(x)
    y.sum().backward()
    np.testing.assert_allclose(y.data, [2.0, 1.0, 0.0])
    np.testing.assert_allclose(x.grad, [-7.0, -3.0, -1.0, 0.0, 0.0], atol=1e-13)
    with pytest.raises(np.linalg.LinAlgError, match="the root near 1 is a multiple one"):
        ad.grad(lambda p: np.roots(p).sum())(np.array([1.0, -2.0, 1.0]))


def test_full_like_of_a_plain_array_names_the_recorded_form() -> None:
    with pytest.raises(ad.MissingRuleError, match=r"ad\.full_like\(a, v\)"):
        np.full_like(np.zeros(3), ad.tensor(2.0))
