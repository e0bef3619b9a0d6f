"""Distributions equal SciPy's, inside and outside their support, and their derivatives equal numerical ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad

X = np.array([-3.0, -0.5, 0.0, 0.3, 0.9, 1.0, 2.5, 7.0])
CONTINUOUS: dict[str, tuple[float, ...]] = {
    "norm": (), "expon": (), "gamma": (2.5,), "chi2": (3.0,), "beta": (2.0, 3.5), "t": (4.0,), "uniform": (),
    "laplace": (), "logistic": (), "cauchy": (), "lognorm": (0.7,), "halfnorm": (), "weibull_min": (1.7,),
    "pareto": (2.2,),
}  # fmt: skip
DISCRETE = {"poisson": (2.5,), "binom": (6, 0.3), "bernoulli": (0.3,), "geom": (0.4,), "nbinom": (3.5, 0.4)}
NO_SHAPE = {"gamma", "chi2", "beta", "t"}  # whose cdf has no derivative in its shape


@pytest.mark.parametrize("method", ["logpdf", "pdf", "cdf", "sf", "logcdf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distribution_is_scipys(name: str, method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    shapes = CONTINUOUS[name]
    for loc, scale in [(0.0, 1.0), (0.3, 2.0), (0.0, -1.0)]:
        with np.errstate(all="ignore"):
            mine = getattr(getattr(ad.stats, name), method)(ad.tensor(X), *shapes, loc, scale).data
            theirs = getattr(getattr(stats, name), method)(X, *shapes, loc=loc, scale=scale)
        # SciPy's own formulas cancel here and there (1 - cdf): 1e-12 of the value, 1e-15 absolute
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("method", ["logpmf", "pmf", "cdf"])
@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distribution_is_scipys(name: str, method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    k = np.array([-1.0, 0.0, 1.0, 1.5, 3.0, 6.0, 9.0])
    for loc in (0, 1):
        mine = getattr(getattr(ad.stats, name), method)(k, *DISCRETE[name], loc=loc)
        theirs = getattr(getattr(stats, name), method)(k, *DISCRETE[name], loc=loc)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.sampled(8)  # a second each
@pytest.mark.parametrize("method", ["logpdf", "cdf", "sf", "logcdf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivatives_in_x_and_every_parameter_are_right(name: str, method: str) -> None:
    f = getattr(getattr(ad.stats, name), method)
    x, parameters = np.array([0.45, 0.62]), [*CONTINUOUS[name], 0.05, 0.9]
    if name == "pareto":
        x = x + 1.0
    if method != "logpdf" and name in NO_SHAPE:
        count = len(CONTINUOUS[name])
        shapes, parameters = parameters[:count], parameters[count:]
        ad.testing.check_derivatives(lambda x, *p: f(x, *shapes, *p), x, *parameters, order=2)
        with pytest.raises(ad.MissingRuleError, match="has no derivative in its argument"):
            f(x, *[ad.tensor(s) for s in shapes])
    else:
        ad.testing.check_derivatives(f, x, *parameters, order=2)


@pytest.mark.sampled
@pytest.mark.parametrize("name", DISCRETE)
def test_derivatives_in_the_parameter_of_a_count_are_right(name: str) -> None:
    *fixed, p = DISCRETE[name]
    k = np.array([1.0, 3.0]) if name != "bernoulli" else np.array([0.0, 1.0])
    for method in ("logpmf", "cdf"):
        f = getattr(getattr(ad.stats, name), method)
        ad.testing.check_derivatives(lambda p, f=f: f(k, *fixed, p), np.array(float(p)), order=2)


def test_multivariate_normal_is_scipys_and_has_its_derivatives() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 3))
    x, mean, cov = rng.normal(size=(4, 3)), rng.normal(size=3), a @ a.T + np.eye(3)
    f = ad.stats.multivariate_normal.logpdf
    np.testing.assert_allclose(f(x, mean, cov), stats.multivariate_normal.logpdf(x, mean, cov), rtol=1e-12)
    np.testing.assert_allclose(f(x, mean, 2.0), stats.multivariate_normal.logpdf(x, mean, 2.0), rtol=1e-12)
    ad.testing.check_derivatives(lambda x, m, c: f(x, m, (c + c.T) / 2), x, mean, cov)
    with pytest.raises(ValueError, match=r"cov of shape \(2, 2\) does not fit x of shape \(4, 3\)"):
        f(x, mean, np.eye(2))


def test_a_likelihood_outside_the_support_has_gradient_zero_there() -> None:
    x, scale = ad.tensor([-1.0, 2.0]), ad.tensor(1.5)
    ad.stats.expon.pdf(x, scale=scale).sum().backward()
    assert x.grad[0] == 0.0 and np.isfinite(scale.grad)


def test_float32_stays_float32() -> None:
    x = ad.tensor(np.array([0.5, 0.7], np.float32))
    for name, shapes in CONTINUOUS.items():
        for method in ("logpdf", "cdf", "sf", "logcdf"):
            assert getattr(getattr(ad.stats, name), method)(x, *shapes).dtype == np.float32, (name, method)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.gamma.logpdf(1.0), "takes the parameters a, loc, scale; a is missing"),
        (lambda d: d.norm.logpdf(1.0, 0.0, 1.0, 2.0), "3 were given after the first argument"),
        (lambda d: d.norm.logpdf(1.0, sigma=2.0), "'sigma' is none of them"),
        (lambda d: d.norm.logpdf(1.0, 0.0, loc=2.0), "'loc' came twice"),
    ],
)
def test_a_wrong_call_says_what_the_distribution_takes(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(ad.stats)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("norm", ()), ("expon", ()), ("cauchy", ()), ("gamma", (2.5,)), ("t", (3,)), ("lognorm", (0.5,))],
)
def test_densities_of_plain_float32_arrays_stay_float32(name: str, shapes: tuple[float, ...]) -> None:
    x = np.array([0.5, 2.0], np.float32)
    for method in ("logpdf", "pdf", "cdf", "sf", "logcdf"):
        f = getattr(getattr(ad.stats, name), method)
        assert f(x, *shapes, 0.25, 2.0).dtype == f(ad.tensor(x), *shapes, 0.25, 2.0).dtype == np.float32, method
