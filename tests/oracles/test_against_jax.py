"""Every operation that JAX has and PyTorch lacks: values, gradients and Hessian products, in float64.

JAX compiles each entry for a fifth of a second: one in ten is compared always, all of them in CI.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax_tables
import numpy as np
import pytest
from hypothesis import settings
from oracle_entries import OPERANDS, Entry, numbers_of

import autodiff as ad

jax = pytest.importorskip("jax")
pytest.importorskip("jax.scipy.stats")
pytest.importorskip("jax.scipy.signal")

ALL = settings.get_current_profile_name() != "dev"
# sums in another order, and other formulas for the same number: a few hundred roundings; JAX's own series of special
# functions stop at 1e-10 of their value
CLOSE = dict(rtol=1e-9, atol=1e-11)
PRODUCT = dict(rtol=1e-7, atol=1e-9)
OURS = {"np": np, "special": ad.special, "stats": ad.stats, "sig": ad.signal, "const": np.asarray}
THEIRS = {
    "np": jax.numpy,
    "jax": jax,
    "special": jax.scipy.special,
    "stats": jax.scipy.stats,
    "sig": jax.scipy.signal,
    "const": jax.numpy.asarray,
}


@pytest.fixture(autouse=True, scope="module")
def doubles_and_quick_compilation() -> Iterator[None]:
    wanted = {"jax_enable_x64": True, "jax_disable_most_optimizations": True}
    before = {name: jax.config.read(name) for name in wanted}
    for name, value in wanted.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def loss(f: Any, sum: Any, cotangents: Any) -> Any:
    return lambda *xs: sum_of([sum((y + 0.5 * y * y) * g) for y, g in zip(numbers_of(f(*xs)), cotangents)])


def sum_of(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@pytest.mark.parametrize(
    "entry", jax_tables.ENTRIES if ALL else jax_tables.ENTRIES[::10], ids=lambda entry: f"{entry.family}: {entry.ours}"
)
def test_values_gradients_and_hessian_products_are_those_of_jax(entry: Entry) -> None:
    ours = entry.function(entry.ours, OURS, lambda a: a)
    theirs = entry.function(entry.theirs, THEIRS, lambda a: a)
    xs, rng = tuple(OPERANDS[name] for name in entry.differentiated), entry.rng
    vs = tuple(rng.standard_normal(x.shape) for x in xs)
    values = [np.asarray(y) for y in numbers_of(ours(*xs))]
    gs = [rng.uniform(0.5, 2.0, y.shape) for y in values]
    places = tuple(range(len(xs)))

    def everything(xs: Any, vs: Any) -> Any:
        return theirs(*xs), *jax.jvp(jax.grad(loss(theirs, jax.numpy.sum, gs), places), xs, vs)

    right, gradients, products = jax.jit(everything)(xs, vs)
    for a, b in zip(values, numbers_of(right), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE, err_msg="value")
    found, along = ad.jvp(ad.grad(loss(ours, np.sum, gs), places), xs, vs)
    for a, b in zip(found, gradients, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE, err_msg="gradient")
    for a, b in zip(along, products, strict=True):
        np.testing.assert_allclose(a, b, **PRODUCT, err_msg="Hessian product")
