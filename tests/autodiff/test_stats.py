"""Distributions equal SciPy's, inside and outside their support, and their derivatives equal numerical ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import autodiff as ad

X = np.array([-3.0, -0.5, 0.0, 0.3, 0.9, 1.0, 2.5, 7.0])
CONTINUOUS: dict[str, tuple[float, ...]] = {
    "norm": (), "expon": (), "gamma": (2.5,), "chi2": (3.0,), "beta": (2.0, 3.5), "t": (4.0,), "uniform": (),
    "laplace": (), "logistic": (), "cauchy": (), "lognorm": (0.7,), "halfnorm": (), "weibull_min": (1.7,),
    "pareto": (2.2,), "gumbel_r": (), "gumbel_l": (), "invgamma": (2.5,), "halfcauchy": (), "truncnorm": (-0.9, 2.5),
    "f": (5.0, 4.5), "betaprime": (2.0, 3.5), "burr12": (1.7, 2.2), "chi": (3.5,), "fisk": (2.3,), "genpareto": (0.3,),
    "gompertz": (0.7,), "invgauss": (0.8,), "invweibull": (2.1,), "levy": (), "loguniform": (0.3, 4.0), "lomax": (2.2,),
    "maxwell": (), "nakagami": (1.7,), "powerlaw": (1.6,), "rayleigh": (), "rice": (0.8,), "exponnorm": (1.3,),
    "genextreme": (0.2,), "gennorm": (1.6,), "johnsonsu": (0.4, 1.3), "laplace_asymmetric": (1.4,), "loggamma": (1.8,),
    "moyal": (), "skewnorm": (2.0,), "wrapcauchy": (0.4,),
    "arcsine": (), "bradford": (1.7,), "johnsonsb": (0.4, 1.3), "semicircular": (), "triang": (0.35,),
    "truncexpon": (2.5,), "gengamma": (1.8, 1.4), "exponweib": (1.8, 1.4), "exponpow": (1.4,), "halflogistic": (),
    "foldnorm": (0.8,), "loglaplace": (1.7,), "wald": (), "weibull_max": (1.6,), "hypsecant": (),
    "genlogistic": (1.7,), "norminvgauss": (1.5, 0.4), "dgamma": (1.8,), "dweibull": (1.6,),
}  # fmt: skip
DEEP = settings.get_current_profile_name() == "deep"
METHODS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf")


def has(name: str, method: str) -> bool:
    return getattr(ad.stats, name).formulas["logpdf" if method == "pdf" else method] is not None


DISCRETE = {
    "poisson": (2.5,),
    "binom": (6, 0.3),
    "bernoulli": (0.3,),
    "geom": (0.4,),
    "nbinom": (3.5, 0.4),
    "zipf": (1.7,),
    "logser": (0.7,),
    "planck": (0.7,),
    "yulesimon": (1.8,),
    "betanbinom": (3, 2.5, 1.7),
}


@pytest.mark.parametrize(("name", "method"), [(n, m) for n in CONTINUOUS for m in METHODS if has(n, m)])
def test_continuous_distribution_is_scipys(name: str, method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    short = name in ("gompertz", "exponpow", "exponweib")  # SciPy's logsf is -inf at -767, or has few digits
    shapes, x = CONTINUOUS[name], X[: -1 if short else None]
    for loc, scale in [(0.0, 1.0), (0.3, 2.0), (0.0, -1.0)]:
        with np.errstate(all="ignore"):
            mine = getattr(getattr(ad.stats, name), method)(ad.tensor(x), *shapes, loc, scale).data
            theirs = getattr(getattr(stats, name), method)(x, *shapes, loc=loc, scale=scale)
        # SciPy's own formulas cancel here and there (1 - cdf): 1e-12 of the value, 1e-15 absolute
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)


LIMITS = {"logpdf": (-np.inf, -np.inf), "pdf": (0, 0), "cdf": (0, 1), "sf": (1, 0)}
LIMITS |= {"logcdf": (-np.inf, 0), "logsf": (0, -np.inf)}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_at_infinity_and_outside_the_support_are_the_limits_with_derivative_zero_in_everything(name: str) -> None:
    """betaprime, f, genpareto, wald and many more were inf - inf, and derivatives in the scale were inf * 0."""
    law, shapes = getattr(ad.stats, name), CONTINUOUS[name]
    low, high = getattr(pytest.importorskip("scipy.stats"), name).support(*shapes)
    x = np.array([-np.inf, np.inf, low - 1.0, high + 1.0])
    for method in (m for m in METHODS if has(name, m)):
        right = np.array([LIMITS[method][i] for i in (0, 1, 0, 1)])
        with np.errstate(all="ignore"):
            value, pullback = ad.vjp(getattr(law, method), x, *shapes, 0.0, 1.0)
            np.testing.assert_array_equal(value, right, err_msg=method)
            for slope in pullback(np.ones(4)):
                assert np.all(np.equal(slope, 0.0)), (method, slope)


@pytest.mark.parametrize("name", [name for name in CONTINUOUS if has(name, "cdf")])
def test_at_an_end_of_the_support_values_are_scipys_and_the_area_grows_by_the_density(name: str) -> None:
    theirs, mine, shapes = getattr(pytest.importorskip("scipy.stats"), name), getattr(ad.stats, name), CONTINUOUS[name]
    for x in map(float, filter(np.isfinite, theirs.support(*shapes))):
        with np.errstate(all="ignore"):
            for method in METHODS:
                right = getattr(theirs, method)(x, *shapes)
                np.testing.assert_allclose(getattr(mine, method)(x, *shapes), right, 1e-12, 1e-15, err_msg=method)
            for method, sign in (("cdf", 1.0), ("sf", -1.0)):
                slope = ad.grad(getattr(mine, method))(x, *shapes)
                np.testing.assert_allclose(slope, sign * theirs.pdf(x, *shapes), 1e-12, 1e-15, err_msg=method)


AT_AN_END: list[tuple[str, tuple[float, ...], float, float]] = [
    ("gamma", (2.0,), 0.0, 1.0), ("gamma", (3.0,), 0.0, 0.0), ("gamma", (1.5,), 0.0, np.inf), ("chi2", (4.0,), 0, 0.25),
    ("beta", (2.0, 3.0), 0.0, 12.0), ("beta", (3.0, 2.0), 1.0, -12.0), ("beta", (2.0, 3.5), 1.0, 0.0),
    ("weibull_min", (2.0,), 0.0, 2.0), ("f", (4.0, 2.0), 0.0, 8.0), ("betaprime", (2.0, 3.0), 0.0, 12.0),
    ("burr12", (2.0, 2.5), 0.0, 5.0), ("chi", (2.0,), 0.0, 1.0), ("maxwell", (), 0.0, 0.0),
    ("nakagami", (1.0,), 0.0, 2.0),
    ("powerlaw", (2.0,), 0.0, 2.0), ("rayleigh", (), 0.0, 1.0), ("rice", (0.8,), 0.0, np.exp(-0.32)),
    ("gengamma", (2.0, 1.0), 0.0, 1.0), ("exponpow", (2.0,), 0.0, 2.0), ("weibull_max", (2.0,), 0.0, -2.0),
    ("semicircular", (), -1.0, np.inf), ("triang", (0.4,), 0.0, 5.0), ("triang", (0.4,), 1.0, -2.0 / 0.6),
    ("dgamma", (3.0,), 0.0, 0.0), ("dweibull", (3.0,), 0.0, 0.0), ("fisk", (1.0,), 0.0, -2.0),
    ("fisk", (2.0,), 0.0, 2.0), ("loglaplace", (2.0,), 0.0, 1.0), ("exponweib", (2.0, 1.0), 0.0, 2.0),
    ("exponweib", (1.0, 1.0), 0.0, -1.0), ("genextreme", (0.5,), 2.0, -0.5), ("genextreme", (1.0,), 1.0, 1.0),
    ("genpareto", (-0.5,), 2.0, -0.5), ("triang", (1.0,), 1.0, 2.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shapes", "x", "slope"), AT_AN_END)
def test_a_density_has_its_slope_at_an_end_of_the_support(name: str, shapes: Any, x: float, slope: float) -> None:
    """exp(logpdf) is 0 * inf there."""
    pdf = getattr(ad.stats, name).pdf
    with np.errstate(all="ignore"):
        for found in (ad.grad(pdf)(float(x), *shapes), ad.jvp(lambda v: pdf(v, *shapes), (float(x),), (1.0,))[1]):
            np.testing.assert_allclose(found, slope, rtol=1e-14, atol=0.0)


def test_a_density_that_is_finite_or_infinite_at_an_end_has_that_value() -> None:
    """fisk.pdf(0, 1) was 0, genextreme.pdf and genpareto.pdf NaN."""
    cases: list[tuple[str, tuple[float, ...], float, float]] = [
        ("fisk", (1.0,), 0.0, 1.0), ("fisk", (0.5,), 0.0, np.inf), ("exponweib", (0.5, 2.0), 0.0, 1.0),
        ("exponweib", (0.5, 1.0), 0.0, np.inf), ("loglaplace", (1.0,), 0.0, 0.5), ("genextreme", (1.0,), 1.0, 1.0),
        ("genextreme", (2.0,), 0.5, np.inf), ("genpareto", (-1.0,), 1.0, 1.0), ("genpareto", (-2.0,), 0.5, np.inf),
        ("triang", (1.0,), 1.0, 2.0), ("triang", (0.0,), 0.0, 2.0),
    ]  # fmt: skip
    with np.errstate(all="ignore"):
        for name, shapes, x, right in cases:
            law = getattr(ad.stats, name)
            assert law.pdf(x, *shapes) == right, name
            assert law.logpdf(x, *shapes) == np.log(right), name
        for q, right in ((0.0, -10.0), (1.0, np.inf)):
            assert ad.stats.genextreme.ppf(q, -0.1) == right
        assert ad.stats.genpareto.isf(0.0, -0.5) == 2.0


def test_an_area_grows_by_the_density_at_the_middle_too() -> None:
    """The slope of laplace.cdf at 0 was 0: that of abs(z). gennorm.cdf had NaN."""
    laws: dict[str, tuple[float, ...]] = {"laplace": (), "hypsecant": (), "semicircular": ()}
    for name, shapes in (laws | {"gennorm": (4.0,), "dweibull": (1.0,), "dgamma": (1.0,)}).items():
        law = getattr(ad.stats, name)
        for method, sign in (("cdf", 1.0), ("sf", -1.0)):
            slope = ad.grad(getattr(law, method))(0.0, *shapes)
            np.testing.assert_allclose(slope, sign * law.pdf(0.0, *shapes), rtol=1e-14, err_msg=name)
    assert ad.grad(ad.stats.laplace.logcdf)(0.0) == 1.0


def test_a_parameter_at_its_end_has_its_slope() -> None:
    """The derivative of i0e at 0 is a convention; rice and vonmises need that of log(i0)."""
    assert ad.grad(ad.stats.rice.logpdf, 1)(1.3, 0.0) == 0.0
    np.testing.assert_allclose(ad.grad(ad.grad(ad.stats.rice.logpdf, 1), 1)(1.3, 0.0), 0.5 * 1.3**2 - 1.0, rtol=1e-14)
    np.testing.assert_allclose(ad.grad(ad.stats.vonmises.logpdf, 1)(1.3, 0.0), np.cos(1.3), rtol=1e-14)


def test_second_derivatives_of_a_density_near_an_end_keep_their_digits() -> None:
    """They were a difference of 1e16 times the density; right values by the series."""
    for name, shapes, right in (("rayleigh", (), -3e-8), ("triang", (0.9,), 0.0), ("weibull_min", (2.0,), -12e-8)):
        pdf = getattr(ad.stats, name).pdf
        np.testing.assert_allclose(ad.grad(ad.grad(pdf))(1e-8, *shapes), right, rtol=1e-12, atol=1e-30, err_msg=name)


AREAS: list[tuple[str, str, float, tuple[float, ...], float, float]] = [
    # value and slope: mpmath, 50 digits
    ("moyal", "logcdf", -12.0, (), -81383.621506998723, 81377.895703357937),
    ("levy", "logcdf", 1e-4, (), -5004.8310615136449, 50004999.000499626),
    ("gumbel_r", "logsf", 1000.0, (), -1000.0, -1.0),
    ("hypsecant", "logsf", 1000.0, (), -1000.4515827052895, -1.0),
    ("dweibull", "logsf", 30.0, (4.0,), -810000.69314718056, -108000.0),
    ("johnsonsb", "logsf", 1 - 2.0**-27, (2.0, 2.0), -781.9544955325544, -10591195257.593094),
    ("halflogistic", "logsf", 1e-8, (), -5.0000000125000001e-9, -0.5000000025),
    ("halfnorm", "logsf", 1e-8, (), -7.9788456398596424e-9, -0.79788456716906309),
    ("beta", "sf", 1e-12, (0.7, 2.5), 0.99999999201087925, -5592.3845248088554),
    ("f", "sf", 1e-14, (0.7, 4.0), 0.99999076584658608, -323195369.48721843),
    ("semicircular", "sf", 1 - 2.0**-27, (), 3.860015395767449e-13, -7.7712374411838942e-5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "method", "x", "shapes", "right", "slope"), AREAS)
def test_areas_keep_their_digits_where_one_of_two_exponentials_or_differences_loses_them(
    name: str, method: str, x: float, shapes: Any, right: float, slope: float
) -> None:
    """These were -inf with the slope NaN, or had the digits of 1 - x."""
    found = ad.value_and_grad(getattr(getattr(ad.stats, name), method))(x, *shapes)
    np.testing.assert_allclose(found, (right, slope), rtol=1e-13)


def test_the_logarithm_of_an_area_near_one_keeps_its_digits() -> None:
    """log(1 - 2.6e-38) was 0; right values: mpmath, 60 digits."""
    for found, right in (
        (ad.stats.exponpow.logcdf(20.0, 0.5), -2.597945850211536e-38),
        (ad.stats.gamma.logcdf(90.0, 2.5), -5.351088245355193e-37),
        (ad.stats.expon.logcdf(60.0), -8.75651076269652e-27),
        (ad.stats.gumbel_l.logcdf(4.0), -1.942337604956402e-24),
    ):
        np.testing.assert_allclose(ad.plain(found), right, rtol=1e-12)


@pytest.mark.parametrize("method", ["logpmf", "pmf", "cdf"])
@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distribution_is_scipys(name: str, method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    k = np.array([-1.0, 0.0, 1.0, 1.5, 3.0, 6.0, 9.0])
    if getattr(ad.stats, name).formulas["logpmf" if method == "pmf" else method] is None:
        return
    for loc in (0, 1):
        mine = getattr(getattr(ad.stats, name), method)(k, *DISCRETE[name], loc=loc)
        theirs = getattr(getattr(stats, name), method)(k, *DISCRETE[name], loc=loc)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)


OWN = [  # the logarithm of cdf has no formula of its own to check
    (name, method)
    for name in CONTINUOUS
    for method in ("logpdf", "cdf", "sf", "logcdf", "logsf")
    if has(name, method)
    and "Continuous.__init__" not in getattr(getattr(ad.stats, name).formulas[method], "__qualname__", "")
]


@pytest.mark.sampled(24)  # half a second each
@pytest.mark.parametrize(("name", "method"), OWN)
def test_derivatives_in_x_and_every_parameter_are_right(name: str, method: str) -> None:
    f = getattr(getattr(ad.stats, name), method)
    x, parameters = np.array([0.45, 0.62]), [*CONTINUOUS[name], 0.05, 0.9]
    x = {"pareto": x + 1.0, "weibull_max": -x}.get(name, x)
    # The rows are checked elsewhere; here whether a formula is differentiable as it is written, at second order where
    # people fit. Deep: every property.
    properties = "default" if DEEP else ["P01", "P02", "P10"] if method == "logpdf" else ["P01"]
    order = 2 if DEEP or method == "logpdf" else 1
    ad.testing.check_derivatives(f, x, *parameters, order=order, properties=properties)


@pytest.mark.sampled
@pytest.mark.parametrize("name", DISCRETE)
def test_derivatives_in_the_parameter_of_a_count_are_right(name: str) -> None:
    *fixed, p = DISCRETE[name]
    k = np.array([1.0, 3.0]) if name != "bernoulli" else np.array([0.0, 1.0])
    for method in ("logpmf", "cdf") if has(name, "cdf") else ("logpmf",):
        f = getattr(getattr(ad.stats, name), method)
        ad.testing.check_derivatives(lambda p, f=f: f(k, *fixed, p), np.array(float(p)), order=2)


@pytest.mark.parametrize("method", ["ppf", "isf"])
@pytest.mark.parametrize("name", [name for name in CONTINUOUS if getattr(ad.stats, name).formulas["ppf"]])
def test_a_quantile_is_scipys_and_is_differentiated(name: str, method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    shapes, q = CONTINUOUS[name], np.array([1e-9, 0.03, 0.3, 0.5, 0.77, 0.999])
    f = getattr(getattr(ad.stats, name), method)
    skip = int(method == "isf" and name in ("f", "moyal", "genlogistic"))  # SciPy has eight digits of the first one
    theirs = getattr(getattr(stats, name), method)(q, *shapes, 0.3, 2.0)
    np.testing.assert_allclose(f(q, *shapes, 0.3, 2.0)[skip:], theirs[skip:], rtol=1e-12)  # as many as it has of 1 - q
    assert f(q.astype(np.float32), *shapes).dtype == np.float32
    with np.errstate(all="ignore"):
        assert np.isnan(f(np.array([-0.1, 1.1]), *shapes)).all() and np.isnan(f(0.5, *shapes, 0.0, -1.0))


@pytest.mark.sampled
@pytest.mark.parametrize(("quantile", "area"), [("ppf", "cdf"), ("isf", "sf")])
@pytest.mark.parametrize("name", [name for name in CONTINUOUS if getattr(ad.stats, name).formulas["ppf"]])
def test_the_area_up_to_a_quantile_moves_with_nothing_but_q(name: str, quantile: str, area: str) -> None:
    law, parameters = getattr(ad.stats, name), np.array([*CONTINUOUS[name], 0.3, 2.0])

    def f(q: Any, parameters: Any) -> Any:
        return getattr(law, area)(getattr(law, quantile)(q, *parameters), *parameters)

    for q in (0.03, 0.4, 0.9):
        value, slope = ad.jvp(f, (q, parameters), (1.0, 0.0 * parameters))
        # beside an end at 1 the quantile has few digits of its distance from there
        np.testing.assert_allclose([value, slope], [q, 1.0], rtol=4e-14)
        # terms of the size of the density times the slopes of the quantile, up to 1e2 of them, add up to 0
        np.testing.assert_allclose(ad.grad(f, 1)(q, parameters), 0.0, atol=1e-13)
        second = ad.jacobian(lambda x: ad.grad(f, 1)(x[0], x[1:]))(np.hstack([q, parameters]))  # and their derivatives
        np.testing.assert_allclose(second, 0.0, atol=1e-11)


@pytest.mark.parametrize(
    ("a", "b"), [(-1.0, 2.0), (0.5, np.inf), (-np.inf, -3.0), (8.0, 9.0), (-30.0, -29.9), (-3e-5, 2e-5)]
)
def test_truncated_normal_keeps_its_digits_in_the_tails(a: float, b: float) -> None:
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 60
    area = lambda a, b: mp.ncdf(b) - mp.ncdf(a) if b < 0 else mp.ncdf(-a) - mp.ncdf(-b)
    z = ((a if np.isfinite(a) else b - 1.0) + (b if np.isfinite(b) else a + 1.0)) / 2
    right = {
        "logpdf": mp.log(mp.npdf(mp.mpf(z)) / area(mp.mpf(a), mp.mpf(b))),
        "logcdf": mp.log(area(mp.mpf(a), mp.mpf(z)) / area(mp.mpf(a), mp.mpf(b))),
        "sf": area(mp.mpf(z), mp.mpf(b)) / area(mp.mpf(a), mp.mpf(b)),
    }
    for method, value in right.items():
        # logarithms of two areas near 450 each are rounded, and in a narrow interval their difference loses its width
        np.testing.assert_allclose(getattr(ad.stats.truncnorm, method)(z, a, b), float(value), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "c"), [("genpareto", -0.3), ("genpareto", 0.0), ("genextreme", -0.3), ("genextreme", 0.0)]
)
def test_shapes_of_extremes_may_be_negative_or_zero(name: str, c: float) -> None:
    theirs, mine = getattr(pytest.importorskip("scipy.stats"), name), getattr(ad.stats, name)
    q = np.array([1e-9, 0.03, 0.5, 0.999])
    for method, x in [*[(m, X) for m in METHODS], ("ppf", q), ("isf", q)]:
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(getattr(mine, method)(x, c), getattr(theirs, method)(x, c), 1e-12, 1e-15)
    ad.testing.check_derivatives(mine.logpdf, np.array([0.3, 0.7]), c)


@pytest.mark.parametrize(("a", "b"), [(8.0, 9.0), (-30.0, -29.9), (-np.inf, 1.0), (-50.0, 50.0)])
def test_quantiles_of_the_truncated_normal_keep_their_digits_in_the_tails(a: float, b: float) -> None:
    f, q = ad.stats.truncnorm, np.array([1e-6, 0.03, 0.5, 0.97])
    # q of an interval is counted from an end that has 15 digits
    np.testing.assert_allclose(f.cdf(f.ppf(q, a, b), a, b), q, rtol=1e-11, atol=1e-11 * np.isfinite(a))
    np.testing.assert_allclose(f.sf(f.isf(q, a, b), a, b), q, rtol=1e-11, atol=1e-11)


def test_vonmises_is_scipys_over_several_periods_and_refuses_what_has_no_closed_form() -> None:
    stats = pytest.importorskip("scipy.stats")
    x = np.array([-7.0, -3.0, 0.0, 1e-9, 2.0, 5.0])
    for kappa in (0.1, 4.0, 300.0):
        np.testing.assert_allclose(
            ad.stats.vonmises.logpdf(x, kappa, 0.3), stats.vonmises.logpdf(x, kappa, 0.3), rtol=1e-12
        )
    ad.testing.check_derivatives(ad.stats.vonmises.logpdf, x, 2.5, 0.3, order=2)
    with pytest.raises(ad.MissingRuleError, match=r"vonmises\.cdf\(\) is not here.*scipy\.stats\.vonmises\.cdf"):
        ad.stats.vonmises.cdf(x, 1.0)


@pytest.mark.sampled
def test_the_probability_of_nan_is_nan() -> None:
    """It was 0, as of a number between two counts."""
    for found in (ad.stats.poisson.pmf(np.nan, 2.0), ad.stats.binom.logpmf(np.nan, 3, 0.5)):
        assert np.isnan(ad.plain(found))
    assert ad.stats.poisson.pmf(1.5, 2.0) == 0.0


def test_students_density_of_vectors_keeps_its_digits_as_df_grows() -> None:
    """-3.71138 was given at df=1e14, and NaN at infinity. Right values: mpmath, 50 digits."""
    x, args = [0.3, -1.2, 0.5], (np.zeros(3), np.eye(3))
    for df, right in ((1e6, -3.6468167275130816), (1e14, -3.6468155996140292)):
        assert ad.plain(ad.stats.multivariate_t.logpdf(x, *args, df)) == pytest.approx(right, rel=2e-14)
    normal = ad.stats.multivariate_normal.logpdf(x, *args)
    assert ad.stats.multivariate_t.logpdf(x, *args, np.inf) == normal


def test_probabilities_that_do_not_add_up_and_vectors_that_are_no_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="multinomial: the probabilities p must be positive and add up to 1"):
        ad.stats.multinomial.logpmf([1, 2], 3, [0.4, 0.5])
    for x, mu in (([0.6, 0.9], [1.0, 0.0]), ([1.0, 0.0], [2.0, 0.0])):
        with pytest.raises(ValueError, match="must be directions of length 1"):
            ad.stats.vonmises_fisher.logpdf(x, mu, 2.0)


def test_dirichlet_and_multinomial_are_scipys_and_have_their_derivatives() -> None:
    stats = pytest.importorskip("scipy.stats")
    alpha, x = np.array([0.7, 2.0, 3.5]), np.array([[0.2, 0.1], [0.3, 0.6], [0.5, 0.3]])
    np.testing.assert_allclose(ad.stats.dirichlet.logpdf(x, alpha), stats.dirichlet.logpdf(x, alpha), rtol=1e-13)
    np.testing.assert_allclose(ad.stats.dirichlet.entropy(alpha), stats.dirichlet.entropy(alpha), rtol=1e-12)
    ad.testing.check_derivatives(lambda a: ad.stats.dirichlet.logpdf(x, a), alpha, order=2)
    ad.testing.check_derivatives(ad.stats.dirichlet.entropy, alpha, order=2)
    free = lambda x: ad.stats.dirichlet.logpdf(np.concatenate([x, 1.0 - np.sum(x, 0, keepdims=True)]), alpha)
    ad.testing.check_derivatives(free, x[:2])
    with pytest.raises(ValueError, match="must be positive and add up to 1"):
        ad.stats.dirichlet.logpdf([0.5, 0.6], [1.0, 1.0])
    with pytest.raises(ValueError, match=r"x of shape \(2,\) needs 3 shares"):
        ad.stats.dirichlet.logpdf([0.5, 0.5], alpha)
    p, k = np.array([0.2, 0.3, 0.5]), np.array([[1, 2, 3], [0, 0, 6], [2, 2, 1], [-1, 3, 4]])
    np.testing.assert_allclose(ad.stats.multinomial.logpmf(k, 6, p), stats.multinomial.logpmf(k, 6, p), rtol=1e-13)
    ad.testing.check_derivatives(lambda p: ad.stats.multinomial.logpmf(k[:2], 6, p), p, order=2)


@pytest.mark.sampled
def test_betabinom_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    k = np.array([-1.0, 0.0, 2.0, 2.5, 7.0, 8.0])
    np.testing.assert_allclose(
        ad.stats.betabinom.logpmf(k, 7, 1.5, 2.5), stats.betabinom.logpmf(k, 7, 1.5, 2.5), rtol=1e-12
    )
    ad.testing.check_derivatives(lambda a, b: ad.stats.betabinom.logpmf(k[1:3], 7, a, b), 1.5, 2.5, order=2)


def test_multivariate_normal_is_scipys_and_has_its_derivatives() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 3))
    x, mean, cov = rng.normal(size=(4, 3)), rng.normal(size=3), a @ a.T + np.eye(3)
    f = ad.stats.multivariate_normal.logpdf
    np.testing.assert_allclose(f(x, mean, cov), stats.multivariate_normal.logpdf(x, mean, cov), rtol=1e-12)
    entropy = ad.stats.multivariate_normal.entropy
    np.testing.assert_allclose(entropy(mean, cov), stats.multivariate_normal.entropy(mean, cov), rtol=1e-13)
    np.testing.assert_allclose(entropy(mean, 2.0), stats.multivariate_normal.entropy(mean, 2.0 * np.eye(3)), rtol=1e-13)
    ad.testing.check_derivatives(lambda c: entropy(mean, (c + c.T) / 2), cov)
    np.testing.assert_allclose(f(x, mean, 2.0), stats.multivariate_normal.logpdf(x, mean, 2.0), rtol=1e-12)
    ad.testing.check_derivatives(lambda x, m, c: f(x, m, (c + c.T) / 2), x, mean, cov)
    with pytest.raises(ValueError, match=r"a spread of shape \(2, 2\) does not fit a mean of 3 components"):
        f(x, mean, np.eye(2))


def test_a_likelihood_outside_the_support_has_gradient_zero_there() -> None:
    x, scale = ad.tensor([-1.0, 2.0]), ad.tensor(1.5)
    ad.stats.expon.pdf(x, scale=scale).sum().backward()
    assert x.grad[0] == 0.0 and np.isfinite(scale.grad)


def test_float32_stays_float32() -> None:
    x = ad.tensor(np.array([0.5, 0.7], np.float32))
    for name, shapes in CONTINUOUS.items():
        for method in filter(partial(has, name), METHODS):
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


@pytest.mark.parametrize("method", ["logpdf", "cdf", "ppf"])
def test_every_argument_may_be_another_one_in_each_example(method: str) -> None:
    """A check of q or of the scale by its values was refused inside ``vmap``."""
    x, a, scale = np.array([0.2, 0.7, 1.2]), np.array([1.5, 2.5, 4.0]), np.array([0.5, -1.0, 2.0])
    f = lambda x, a, scale: getattr(ad.stats.gamma, method)(x, a, 0.1, scale)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ad.vmap(f)(x, a, scale), f(x, a, scale), rtol=1e-14)


def test_multigammaln_of_each_example_is_nan_outside() -> None:
    a = np.array([0.2, 3.0])
    np.testing.assert_allclose(ad.vmap(lambda a: ad.special.multigammaln(a, 2))(a), [np.nan, 1.5501949939575645])


def test_the_f_distribution_at_zero_does_not_move_with_its_shapes() -> None:
    """The density is infinite there, and times 0 gave NaN."""
    for f in (ad.stats.f.cdf, ad.stats.f.sf):
        assert ad.grad(lambda m, n, f=f: np.sum(f(np.zeros(2), m, n)), (0, 1))(1.3, 3.0) == (0.0, 0.0)


def test_distributions_of_vectors_and_matrices_are_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 3))
    spd, x, m = a @ a.T + np.eye(3), rng.normal(size=(4, 3)), rng.normal(size=3)
    stack, off = np.stack([spd, 2 * spd + np.eye(3)], -1), rng.normal(size=(5, 2, 3))
    two = np.array([[2.0, 0.5], [0.5, 1.0]])
    unit, flat = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, x[:, :2]))
    calls: dict[str, list[tuple[Any, ...]]] = {
        "multivariate_normal": [(x[0],), (0.3,), ([0.3, 0.5], 0.1, 2.0), (x, None, spd), (x, m, [1.0, 2.0, 3.0])],
        "multivariate_t": [(x, m, spd, 3.5), (x[0],), (x, m, spd)],
        "wishart": [(stack, 5.5, np.eye(3) + spd), (spd, 4.5, [1.0, 2.0, 3.0]), ([0.5, 2.0], 3.0, 2.0)],
        "invwishart": [(stack, 5.5, np.eye(3) + spd), (spd, 4.5, [1.0, 2.0, 3.0]), ([0.5, 2.0], 3.0, 2.0)],
        "matrix_normal": [(off, off[0], two, spd), (off, off[0], 2.0, [1.0, 2.0, 3.0])],
        "vonmises_fisher": [(unit, unit[0], 3.0), (unit, unit[0], 300.0), (flat, [0.6, 0.8], 0.5)],
    }
    for name, arguments in calls.items():
        for args in arguments:
            found, right = (getattr(module, name).logpdf(*args) for module in (ad.stats, stats))
            np.testing.assert_allclose(found, right, rtol=1e-11, err_msg=f"{name}{args}")
            np.testing.assert_allclose(getattr(ad.stats, name).pdf(*args), np.exp(right), rtol=1e-10)
    counts, alpha = np.array([[1, 2, 3], [0, 0, 6], [2, 2, 1]]), np.array([0.5, 1.2, 3.0])
    right = stats.dirichlet_multinomial.logpmf(counts, alpha, 6)
    np.testing.assert_allclose(ad.stats.dirichlet_multinomial.logpmf(counts, alpha, 6), right, rtol=1e-12)


@pytest.mark.parametrize("bandwidth", [None, "silverman", 0.4, lambda density: 0.3])
@pytest.mark.parametrize("weights", [None, np.linspace(1.0, 2.0, 9)])
def test_a_kernel_density_is_scipys(bandwidth: Any, weights: Any) -> None:
    stats, rng = pytest.importorskip("scipy.stats"), np.random.default_rng(0)
    for shape in ((9,), (2, 9)):
        data, points = rng.normal(size=shape), rng.normal(size=(*shape[:-1], 5))
        ours, theirs = (module.gaussian_kde(data, bandwidth, weights) for module in (ad.stats, stats))
        np.testing.assert_allclose(ours(points), theirs(points), rtol=1e-12)
        np.testing.assert_allclose(ours.logpdf(points), theirs.logpdf(points), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=1e-13)


FITTED: dict[str, tuple[Any, ...]] = {
    "t": (lambda m, s, df: ad.stats.multivariate_t.logpdf([0.3, 0.7], m, s @ s.T, df), np.ones(2), np.eye(2), 2.5),
    "wishart": (lambda s, df: ad.stats.wishart.logpdf(np.eye(2), df, s @ s.T), np.array([[1.0, 0.2], [0.1, 2.0]]), 3.5),
    "inverse": (lambda s, df: ad.stats.invwishart.logpdf(s @ s.T, df, np.eye(2)), np.array([[1.0, 0.2], [0, 2]]), 3.5),
    "directions": (lambda k: ad.stats.vonmises_fisher.logpdf([0.6, 0.8], [1.0, 0.0], k), 2.5),
    "counts": (lambda a: ad.stats.dirichlet_multinomial.logpmf([1, 3], a, 4), np.array([0.5, 2.0])),
    "density": (
        lambda x, d, w, h: ad.stats.gaussian_kde(d, h, w).logpdf(x),
        np.array([0.3]), np.array([-1.0, 0.2, 1.5]), np.array([1.0, 2.0, 1.5]), 0.4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FITTED)
def test_all_parameters_of_these_distributions_are_differentiated_twice(name: str) -> None:
    f, *operands = FITTED[name]
    rng, h = np.random.default_rng(3), 1e-5
    ways = [rng.normal(size=np.shape(x)) for x in operands]

    def along(t: Any) -> Any:
        return np.sum(f(*[x + t * d for x, d in zip(operands, ways, strict=True)]))

    # differences with h = 1e-5 are right to 1e-10 of the value
    np.testing.assert_allclose(ad.grad(along)(0.0), (along(h) - along(-h)) / (2 * h), rtol=1e-7, atol=1e-8)
    slope = ad.grad(along)
    np.testing.assert_allclose(ad.grad(slope)(0.0), (slope(h) - slope(-h)) / (2 * h), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(ad.jvp(along, (0.0,), (1.0,))[1], slope(0.0), rtol=1e-12)


@pytest.mark.parametrize(("name", "shapes"), [("gamma", (2.3,)), ("lognorm", (0.7,)), ("triang", (0.4,))])
def test_a_quantile_of_a_python_number_keeps_all_digits(name: str, shapes: tuple[float, ...]) -> None:
    """The shape parameters were rounded to float16, the narrowest type that a Python number fits."""
    distribution = getattr(ad.stats, name)
    right = distribution.ppf(np.array([0.37]), *shapes)[0]
    np.testing.assert_allclose(distribution.ppf(0.37, *shapes), right, rtol=1e-14)
