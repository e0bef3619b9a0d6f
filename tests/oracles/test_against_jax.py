"""Array functions against JAX, from one table: values, gradients and a Hessian's product, in float64.

JAX has NumPy's names and arguments, so an entry is one expression, evaluated with ``np`` standing for either. JAX
compiles each of them for half a second: one in twelve is compared always, the others in the deep run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad

jax = pytest.importorskip("jax")

X, Y = np.array([[1.5, -0.5, 2.0], [3.0, 0.25, -2.0]]), np.array([[0.5, 1.25, -1.0], [2.0, -0.75, 1.0]])
M = X > 0
CALLS = """
np.cumprod(x)
np.cumprod(x, axis=1)
np.cumsum(x, axis=0)
np.cumulative_sum(x, axis=1, include_initial=True)
np.sort(x, axis=0)
np.sort(x, axis=None)
np.sort(x)
np.partition(x, 1)[:, 1]
np.median(x)
np.median(x, axis=1, keepdims=True)
np.quantile(x, 0.3)
np.quantile(x, np.array([0.2, 0.7]), axis=1)
np.quantile(x, 0.3, axis=0, method="midpoint")
np.percentile(x, 40.0, axis=1)
np.nanquantile(x, 0.4, axis=1)
np.nanpercentile(x, 40.0)
np.nanmedian(x, axis=1)
np.nansum(x, axis=0)
np.nanprod(x, axis=1)
np.nanmean(x)
np.nanvar(x, axis=0, ddof=1)
np.nanstd(x, axis=1)
np.nanmax(x, axis=0)
np.nanmin(x)
np.nancumsum(x, axis=1)
np.nancumprod(x, axis=0)
np.nan_to_num(x)
np.sum(x, axis=1, where=M, initial=2.0)
np.prod(x, axis=0, where=M, initial=3.0)
np.max(x, axis=1, where=M, initial=-1.0)
np.min(x, axis=1, where=M, initial=9.0)
np.mean(x, axis=1, where=M)
np.var(x, where=M)
np.std(x, axis=1, ddof=1)
np.ptp(x, axis=1)
np.average(x, axis=1, weights=np.array([1.0, 2.0, 3.0]))
np.cov(x)
np.cov(x, y, bias=True)
np.cov(x, rowvar=False, aweights=np.array([1.0, 2.0]))
np.corrcoef(x, y)[0]
np.gradient(x, axis=1)
np.gradient(x, 0.5, axis=1)
np.trapezoid(x)
np.trapezoid(x, y, axis=1)
np.interp(x, np.array([-3.0, 0.0, 1.0, 4.0]), np.array([1.0, 2.0, -1.0, 3.0]))
np.interp(np.array([0.2, 1.3]), np.array([-3.0, 0.0, 4.0]), x[0])
np.convolve(x[0], y[1])
np.convolve(x[0], y[1], mode="same")
np.convolve(x.ravel(), y[0], mode="valid")
np.correlate(x[0], y[1], mode="full")
np.correlate(x.ravel(), y[0], mode="valid")
np.cross(x, y)
np.cross(x, y, axis=-1)
np.kron(x, y)
np.vander(x[0], 4)
np.vander(x[0], increasing=True)
np.diff(x, 2)
np.diff(x, prepend=y[:, :1], axis=1)
np.ediff1d(x, to_end=y[0])
np.unwrap(3 * x, axis=1)
np.meshgrid(x[0], y[0])[0] * np.meshgrid(x[0], y[0])[1]
np.block([[x, y], [y, x]])
np.append(x, y)
np.append(x, y, axis=1)
np.insert(x, 1, y[0], axis=0)
np.insert(x, np.array([0, 2]), y[:, :2], axis=1)
np.delete(x, 1, axis=1)
np.resize(x, (3, 3))
np.diagflat(x)
np.tile(x, (2, 1, 2))
np.repeat(x, 2, axis=1)
np.repeat(x, np.array([1, 2, 0]), axis=1)
np.roll(x, 1)
np.rot90(x, 3)
np.rollaxis(x, 1)
np.moveaxis(x, 0, -1)
np.array_split(x, 2, axis=1)[0]
np.hsplit(x, 3)[1]
np.linspace(x[0], y[0], 4)
np.linspace(x[0], y[0], 3, endpoint=False, axis=1)
np.logspace(x[0], y[0], 3, base=2.0)
np.pad(x, 2, mode="edge")
np.pad(x, ((1, 1), (2, 2)), mode="reflect")
np.pad(x, 2, mode="symmetric")
np.pad(x, ((1, 0), (0, 2)), mode="wrap")
np.pad(x, 2, mode="linear_ramp", end_values=1.0)
np.pad(x, 1, mode="mean")
np.pad(x, ((0, 0), (1, 1)), mode="maximum")
np.pad(x, ((0, 0), (1, 1)), mode="reflect", reflect_type="odd")
np.pad(x, 1, constant_values=3.0)
np.select([x > 1, x > 0], [x * y, y], -x)
np.choose(np.array([0, 1, 0]), [x, y], mode="clip")
np.compress(np.array([True, False, True]), x, axis=1)
np.extract(M, x)
np.take(x, np.array([2, 2, 0]), axis=1)
np.take_along_axis(x, np.array([[2], [0]]), axis=1)
np.apply_along_axis(lambda row: row @ row, 1, x)
np.apply_over_axes(np.sum, x * y, [0, 1])
np.polyval(x[0], y)
np.polyadd(x[0], y[0, :2])
np.polymul(x[0], y[0, :2])
np.polyder(x[0], 2)
np.polyint(x[0])
np.poly(x[0])
np.tril(x, -1)
np.trace(x @ y.T)
np.einsum("ij,ij->j", x, y)
np.einsum(x, [0, 1], y, [2, 1], [0, 2])
np.tensordot(x, y, axes=((1,), (1,)))
np.outer(x, y)
np.inner(x, y)
np.vdot(x, y)
np.maximum.accumulate(x, axis=1) if np.__name__ == "numpy" else jax.lax.cummax(x, axis=1)
np.minimum.accumulate(x, axis=0) if np.__name__ == "numpy" else jax.lax.cummin(x, axis=0)
np.add.outer(x, y[0])
np.logaddexp.reduce(x) if np.__name__ == "numpy" else jax.scipy.special.logsumexp(x, axis=0)
""".strip().split("\n")


def expression(text: str, np: Any) -> Any:
    return eval(f"lambda x, y: {text}", {"np": np, "M": M, "jax": jax})


@pytest.fixture(autouse=True, scope="module")
def doubles() -> Any:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize(
    "text", [pytest.param(text, marks=() if i % 12 == 0 else pytest.mark.deep) for i, text in enumerate(CALLS)]
)
def test_values_gradients_and_curvature_are_those_of_jax(text: str) -> None:
    ours, theirs = expression(text, np), expression(text, jax.numpy)
    expected = theirs(X, Y)
    w = np.cos(np.arange(float(expected.size))).reshape(expected.shape) + 1.5
    # sums in another order, and other formulas for the same number: a few dozen roundings of numbers up to a hundred
    close = dict(rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.asarray(ours(X, Y)), expected, **close)

    def loss(f: Any, np: Any) -> Any:
        return lambda x, y: np.sum(f(x, y) ** 2 * w)

    right = jax.grad(loss(theirs, jax.numpy), (0, 1))(X, Y)
    for mine, other in zip(ad.grad(loss(ours, np), (0, 1))(X, Y), right, strict=True):
        np.testing.assert_allclose(mine, other, **close)
    v = np.sin(np.arange(6.0)).reshape(2, 3)
    _, right = jax.jvp(lambda x: jax.grad(loss(theirs, jax.numpy))(x, Y), (X,), (v,))
    mine = ad.hvp(lambda x: loss(ours, np)(x, Y), (X,), (v,))
    mine = mine[0] if isinstance(mine, tuple) else mine
    np.testing.assert_allclose(mine, right, rtol=1e-11, atol=1e-10)
