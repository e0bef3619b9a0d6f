"""Values and derivatives of the elementwise rows against mpmath: right to a few units in the last place.

A property that compares a rule with its own function cannot see that both are inaccurate. Here every elementwise row
that is a smooth function of mathematics is compared with an oracle that shares no code with it, in float64 and float32.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad

EPS = float(np.finfo(np.float64).eps)
PROFILE, ALL = settings.get_current_profile_name(), settings.default.max_examples
mp = pytest.importorskip("mpmath").mp.clone()
mp.dps = 350  # 1 - erf(25) is 1e-273, and its second difference is 1e-40 of that


def expit(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def normal_cdf(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)))


def y1(x: Any) -> Any:
    """By the Wronskian (NIST DLMF 10.5.2): mpmath takes a limit in the order, a thousand times as long."""
    return (mp.j1(x) * mp.bessely(0, x) - 2 / (mp.pi * x)) / mp.j0(x)


ORACLES: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "power": lambda a, b: a**b,
    "sqrt": mp.sqrt,
    "cbrt": mp.cbrt,
    "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "exp": mp.exp,
    "exp2": lambda x: mp.mpf(2) ** x,
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "log1p": mp.log1p,
    "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
    "logaddexp2": lambda a, b: mp.log(mp.mpf(2) ** a + mp.mpf(2) ** b, 2),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sech_squared": lambda x: mp.sech(x) ** 2,
    "sigmoid_slope": lambda x: mp.sech(x / 2) ** 2 / 4,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "degrees": mp.degrees,
    "radians": mp.radians,
    "sinc": mp.sincpi,
    "sigmoid": expit,
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "logsigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "silu": lambda x: x * expit(x),
    "erf": mp.erf,
    "erfc": mp.erfc,
    "gelu": lambda x: x * normal_cdf(x),
    "bce_with_logits": lambda a, b: mp.log1p(mp.exp(a)) - a * b,
    "mish": lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
    "tanhshrink": lambda x: x - mp.tanh(x),
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "exp_square": lambda x: mp.exp(-x * x),
    "erfc_integral_scaled": lambda x: 1 / mp.sqrt(mp.pi) - x * mp.exp(x * x) * mp.erfc(x),
    "ndtr": normal_cdf,
    "log_ndtr": lambda x: mp.log(normal_cdf(x)),
    "logit": lambda x: mp.log(x / (1 - x)),
    "exprel": lambda x: mp.expm1(x) / x,
    "exp_moment": lambda x: mp.expm1(x) / x,
    "gamma": mp.gamma,
    "gammaln": mp.loggamma,
    "digamma": mp.digamma,
    "polygamma": lambda x: mp.psi(1, x),
    "rgamma": mp.rgamma,
    "poch": lambda z, m: mp.gamma(z + m) / mp.gamma(z),
    "elliptic": lambda p: mp.ellipk(1 - p),
    "quarter_wave": lambda x: mp.cos(mp.pi / 2 * x * x),
    "polygamma_difference": lambda a, b: mp.digamma(a + b) - mp.digamma(a),
    "beta": mp.beta,
    "betaln": lambda a, b: mp.log(mp.beta(a, b)),
    "poisson_weight": lambda a, x: x**a * mp.exp(-x) / mp.gamma(a + 1),
    "beta_density": lambda a, b, x: x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b),
    "i0": lambda x: mp.besseli(0, x),
    "i1": lambda x: mp.besseli(1, x),
    "i0_derivative": lambda x: (mp.besseli(0, x) + mp.besseli(2, x)) / 2,
    "i0e_derivative": lambda x: mp.exp(-x) * (mp.besseli(0, x) - mp.besseli(1, x)),
    "i1e_derivative": lambda x: mp.exp(-x) * (mp.besseli(1, x) - (mp.besseli(0, x) + mp.besseli(2, x)) / 2),
    "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x),
    "j0": mp.j0,
    "j1": mp.j1,
    "jn": lambda x: mp.besselj(2, x),
    "y0": lambda x: mp.bessely(0, x),
    "y1": y1,
    "yn": lambda x: 2 * y1(x) / x - mp.bessely(0, x),
    "exp1": mp.e1,
    "expn": mp.e1,
    "expi": mp.ei,
    "sine_integral": mp.si,
    "cosine_integral": mp.ci,
    "log1p_over": lambda u: mp.log1p(u) / u,
    "spence": lambda x: mp.polylog(2, 1 - x).real,
    "xlogy": lambda a, b: a * mp.log(b),
    "xlog1py": lambda a, b: a * mp.log1p(b),
    "entr": lambda x: -x * mp.log(x),
    "log_ratio": lambda a, b: mp.log(a / b),
    "rel_entr": lambda a, b: a * mp.log(a / b),
    "kl_div": lambda a, b: a * mp.log(a / b) - a + b,
    "pseudo_huber": lambda delta, r: delta**2 * (mp.sqrt(1 + (r / delta) ** 2) - 1),
}
# Functions that mpmath has no fast form of: fewer points, and derivatives of their own.
INTEGRALS: dict[str, Any] = {
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True),
    "betainc": lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
    "dawsn": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
    "fresnel": mp.fresnelc,
    "airy": mp.airyai,
    "iv": mp.besseli,
    "ive": lambda v, x: mp.exp(-x) * mp.besseli(v, x),
    "jv": mp.besselj,
    "yv": mp.bessely,
    "hyp0f1": mp.hyp0f1,
    "hyp1f1": mp.hyp1f1,
    "hyp2f1": mp.hyp2f1,
    "owens_t": lambda h, a: (
        mp.exp(-h * h / 2)
        * mp.quad(lambda t: mp.exp(-((h * t) ** 2) / 2) / (1 + t * t), [0, *halves(a, h)])
        / 2
        / mp.pi
    ),
    "stdtr": lambda df, t: (1 + mp.sign(t) * mp.betainc(0.5, df / 2, 0, t * t / (df + t * t), regularized=True)) / 2,
    "beta_log_moment": lambda a, b, x: mp.diff(lambda c: mp.betainc(c, b, 0, x, regularized=True), a),
    "stdtr_slope": lambda df, t: mp.diff(
        lambda d: (1 + mp.sign(t) * mp.betainc(0.5, d / 2, 0, t * t / (d + t * t), regularized=True)) / 2, df
    ),
    "zeta": lambda x, q: mp.zeta(x, q),
    "kv": lambda v, x: mp.besselk(v, x),
    "binom": lambda n, k: mp.binomial(n, k),
    "elliptic_part": lambda phi, m: mp.ellipf(phi, m),
    "jacobi": lambda x: mp.legendre(2, x),
    "gegenbauer": lambda x: mp.chebyu(2, x),
    "chebyshev": lambda x: mp.chebyt(2, x),
    "hermite": lambda x: 4 * x * x - 2,
    "hermite_normal": lambda x: x * x - 1,
    "laguerre": lambda x: mp.laguerre(2, 0, x),
    "sph_legendre": lambda t: -mp.sqrt(15 / (8 * mp.pi)) * mp.sin(t) * mp.cos(t),
    "spherical_jn": lambda x: mp.sqrt(mp.pi / (2 * abs(x))) * mp.besselj(2.5, abs(x)),
    "spherical_yn": lambda x: mp.sqrt(mp.pi / (2 * x)) * mp.bessely(2.5, x),
    "gamma_log_moment": lambda a, x: mp.diff(lambda b: mp.gammainc(b, 0, x, regularized=True), a),
}


def halves(a: Any, h: Any) -> list[Any]:
    """From a down by halves, as far as the density of numbers of size 1 / h asks for."""
    return [a / 2**k for k in range(2 + max(0, math.ceil(math.log2(float(a * h)))), -1, -1)]


INVERSES = {  # checked by their own rows: the derivative of an inverse is 1 over that of the function
    "ndtri": "ndtr",
    "erfinv": "erf",
    "erfcinv": "erfc",
    "ndtri_exp": "log_ndtr",
    "ndtri_slope": "",
    "gammaincinv": "gammainc",
    "gammainccinv": "gammaincc",
    "betaincinv": "betainc",
    "betainccinv": "betainc",
    "stdtrit": "stdtr",
}

ULPS = 4  # of a row; its arguments and its rule's intermediate results are rounded as well: see `allowed`


def test_every_elementwise_row_has_an_oracle_or_is_no_smooth_function() -> None:
    smooth = {name for name, row in ad.ops.OPS.items() if row.elementwise and row.kink is None}
    # choose, scale and add what they are given, or take it apart
    picks = {"lambertw", "wofz", "where", "ldexp", "weighted_sum", "conjugate", "real", "imag"}
    assert smooth - ORACLES.keys() - INTEGRALS.keys() - INVERSES.keys() == picks


@cache  # building it takes longer than drawing from it
def points(row: Any, dtype: Any) -> st.SearchStrategy[list[float]]:
    """One argument each inside the row's domain, of sizes from 1e-6 to 100, close to the ends of an interval too."""
    sizes = st.tuples(st.floats(-6, 2), st.sampled_from([-1.0, 1.0])).map(lambda p: p[1] * 10.0 ** p[0])
    small = st.floats(-6, -1).map(lambda e: 10.0**e)

    def argument(low: float, high: float) -> st.SearchStrategy[float]:
        if math.isinf(high):
            free = st.one_of(st.floats(-4, 4), sizes)
            drawn = free if math.isinf(low) else free.map(lambda x: low + abs(x))
        else:
            drawn = st.one_of(st.floats(low, high), small, small.map(lambda e: high - e), small.map(lambda e: low + e))
        return drawn.map(lambda x: float(dtype(x))).filter(lambda x: low < x < high and abs(x) > 1e-7)

    domains = row.domain if len(row.domain) == len(row.inputs) else row.domain * len(row.inputs)
    return st.tuples(*[argument(*d) for d in domains]).map(list)


def allowed(f: Any, x: list[Any], eps: float) -> float:
    """A few ulp of f(x), and of every argument: what rounding an argument by an ulp does to f."""
    moves = sum(abs(a * partial(f, x, i)) for i, a in enumerate(x))
    return float(ULPS * eps * (abs(f(*x)) + moves))


def partial(f: Any, x: list[Any], i: int) -> Any:
    """The derivative in argument i, by differences with a step far below every argument: wrong by a 1e-26 at most."""
    h = mp.mpf(10) ** -20
    up, down = ([*x[:i], x[i] + s * h, *x[i + 1 :]] for s in (1, -1))
    return (f(*up) - f(*down)) / (2 * h)


# Functions that take mpmath long and do not cancel like 1 - erf(25): these digits and no more.
DIGITS = 100
OF_FEWER_DIGITS = set("y0 y1 yn spence gammaln digamma polygamma polygamma_difference beta betaln beta_density".split())


@pytest.mark.sampled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples={"dev": 5, "ci": ALL, "deep": ALL}[PROFILE])
@given(data=st.data())
def test_value_and_derivative_are_right_to_a_few_ulp(name: str, dtype: Any, data: Any) -> None:
    with mp.workdps(DIGITS if name in OF_FEWER_DIGITS else mp.dps):
        check_a_point(name, dtype, data)


def check_a_point(name: str, dtype: Any, data: Any) -> None:
    row, f = ad.ops.OPS[name], ORACLES[name]
    x = data.draw(points(row, dtype))
    eps, tiny, largest = (float(getattr(np.finfo(dtype), k)) for k in ("eps", "tiny", "max"))
    leaves = [ad.tensor(np.array(a, dtype)) for a in x]
    with np.errstate(all="ignore"):
        y = row(*leaves)
        y.backward()
    exact = [mp.mpf(a) for a in x]
    slopes = [(t.grad, lambda *p, i=i: partial(f, list(p), i)) for i, t in enumerate(leaves) if row.rule(i) is not None]
    for got, right in [(y.item(), f), *slopes]:
        true = right(*exact)
        if 64 * tiny / eps < abs(true) < largest / 64:  # far from overflow and underflow
            assert abs(mp.mpf(float(got)) - true) <= allowed(right, exact, eps), (x, float(true))


@pytest.mark.parametrize("name", INTEGRALS)
def test_incomplete_integrals_are_right_to_a_few_ulp(name: str) -> None:
    row, f = ad.ops.OPS[name], INTEGRALS[name]
    rng = np.random.default_rng(len(name))
    with mp.workdps(50):
        for _ in range(8):
            x = [
                float(10.0 ** rng.uniform(-1, 1.5)) if np.isinf(high) else float(rng.uniform(low, high))
                for low, high in row.domain
            ]
            x[0] += {"zeta": 1, "binom": 40}.get(name, 0)
            last = ad.tensor(x[-1])
            y = row(*x[:-1], last)
            y.backward()
            exact = [mp.mpf(a) for a in x]
            true, slopes = f(*exact), [partial(f, exact, i) for i in range(len(exact))]
            slope = slopes[-1]
            # 16 ulp of the value (64 of an integral), or of a logarithm of it, and 4 of each argument
            few = 64 if name.endswith("_log_moment") else 16
            moves = 4 * sum(abs(a * s) for a, s in zip(exact, slopes))
            assert abs(mp.mpf(y.item()) - true) <= EPS * (few * abs(true) * max(1, abs(mp.log(abs(true)))) + moves), x
            if abs(slope) > 1e-280:  # far from underflow
                assert abs(mp.mpf(float(last.grad)) - slope) <= 64 * EPS * abs(slope) * max(
                    1, abs(mp.log(abs(slope)))
                ), x


@pytest.mark.parametrize("name", ["ndtri", "erfinv", "erfcinv"])
def test_inverses_and_their_slopes_are_right_to_a_few_ulp(name: str) -> None:
    row, f = ad.ops.OPS[name], {"ndtri": normal_cdf, "erfinv": mp.erf, "erfcinv": mp.erfc}[name]
    bell = lambda x: 2 * mp.exp(-x * x) / mp.sqrt(mp.pi)
    slope_of = {"ndtri": mp.npdf, "erfinv": bell, "erfcinv": lambda x: -bell(x)}[name]
    low, high = row.domain[0]
    points = [low + (high - low) * t for t in (1e-12, 1e-4, 0.07, 0.2, 0.43, 0.6, 0.92, 0.999)]
    points += [1e-300, 1e-100, 1e-20] if low == 0 else [1e-300, -1e-9]
    for a in points:
        p = ad.tensor(a)
        y = row(p)
        y.backward()
        true = mp.mpf(y.item())
        for _ in range(6):  # Newton's method doubles the digits
            true -= (f(true) - mp.mpf(a)) / slope_of(true)
        slope = 1 / slope_of(true)
        assert abs(mp.mpf(y.item()) - true) <= 8 * EPS * abs(true), a
        few = 8 + (2 * true * true if name == "erfinv" else 0)  # exp(y*y) carries the rounding of y
        assert abs(mp.mpf(float(p.grad)) - slope) <= few * EPS * abs(slope), a


LOGITS = [
    [0.0, 40.0, -3.0], [700.0, 0.0, 1.0], [0.3, 0.2, 0.1], [5.0, 5.0, -60.0], [20.0, 0.5, 0.0], [-1e3, 100.0, 63.0],
]  # fmt: skip


def shares(z: np.ndarray) -> list[Any]:
    terms = [mp.exp(mp.mpf(float(a))) for a in z]
    return [t / mp.fsum(terms) for t in terms]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("logits", LOGITS, ids=str)
@pytest.mark.parametrize("recorded", [False, True])
def test_the_softmax_family_keeps_the_digits_of_one_minus_p(dtype: Any, logits: list[float], recorded: bool) -> None:
    """1 - p of the largest entry was 0 from a logit of 37 on, in float32 from 17; it is the sum of the others."""
    z = np.array(logits, dtype)
    p = shares(z)
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    for k in range(3):
        others = mp.fsum(p[i] for i in range(3) if i != k)
        expected = {
            "softmax": [p[k] * (others if i == k else -p[i]) for i in range(3)],
            "log_softmax": [others if i == k else -p[i] for i in range(3)],
            "cross_entropy": [-others if i == k else p[i] for i in range(3)],
        }
        for name, true in expected.items():
            x = ad.tensor(z)
            f = ad.ops.PUBLIC[name]
            y = f(x, k) if name == "cross_entropy" else f(x)[k]
            y.backward(create_graph=recorded)
            got = x.grad.data if recorded else x.grad
            for g, t in zip(got, true, strict=True):
                if abs(t) > tiny / eps:
                    # a difference of logits is rounded to its ulp, and exp makes that a relative error
                    few = (16 + 2 * float(np.ptp(z[np.isfinite(z)]))) * eps
                    assert abs(mp.mpf(float(g)) - t) <= few * abs(t), (name, k)


def test_second_derivatives_of_the_softmax_family_keep_their_digits() -> None:
    p = shares(np.array([40.0, 0.0]))
    for f in (ad.logsumexp, lambda x: ad.cross_entropy(x, 1), lambda x: -ad.log_softmax(x)[0]):
        right = float(p[0] * p[1]) * np.array([[1, -1], [-1, 1]])
        np.testing.assert_allclose(ad.hessian(f)(np.array([40.0, 0.0])), right, rtol=1e-13)


@pytest.mark.parametrize("x", [15.0, 20.0, 300.0, -40.0])
def test_the_slope_of_tanh_keeps_its_digits(x: float) -> None:
    for make in (ad.scalar, ad.tensor):
        for f in (np.tanh, ad.tanh):
            a = make(x)
            f(a).backward()
            np.testing.assert_allclose(float(a.grad), float(mp.sech(x) ** 2), rtol=4 * EPS)
    second = ad.grad(ad.grad(np.tanh))(x)
    np.testing.assert_allclose(second, float(-2 * mp.tanh(x) * mp.sech(x) ** 2), rtol=8 * EPS)


def test_binary_cross_entropy_keeps_its_digits_where_the_label_is_certain() -> None:
    a = ad.tensor(50.0)
    loss = ad.bce_with_logits(a, 1.0)
    loss.backward()
    assert math.isclose(loss.item(), math.exp(-50), rel_tol=1e-15)
    assert math.isclose(float(a.grad), -math.exp(-50), rel_tol=1e-15)
    assert ad.bce_with_logits(ad.tensor(np.inf), 1.0).item() == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_erf_is_right_to_two_ulp(dtype: Any) -> None:
    for x in np.linspace(-6, 6, 1001).astype(dtype):
        with mp.workdps(50):
            exact = mp.erf(mp.mpf(float(x)))
        assert abs(mp.mpf(float(ad.erf(ad.tensor(x)).data)) - exact) <= 2 * float(np.finfo(dtype).eps) * abs(exact)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1.0, 1e4, -1e4])
def test_gradient_of_logsumexp_does_not_carry_the_rounding_of_its_output(dtype: Any, size: float) -> None:
    x = ad.tensor((size + np.array([0.0, 0.75, -1.5, 2.25])).astype(dtype))
    ad.logsumexp(x).backward()
    terms = [mp.exp(mp.mpf(float(a)) - mp.mpf(float(x.data[0]))) for a in x.data]
    for got, term in zip(x.grad, terms):
        # log and exp round, then exp carries the rounding of an argument near 3
        assert abs(float(got) - float(term / mp.fsum(terms))) <= 16 * np.finfo(dtype).eps * float(term / mp.fsum(terms))


def test_gradient_of_logaddexp_keeps_its_digits_for_the_smaller_argument() -> None:
    a, b = ad.tensor(0.0), ad.tensor(-80.0)
    np.logaddexp(a, b).backward()
    assert abs(float(b.grad) / float(expit(mp.mpf(-80))) - 1) < 1e-13  # 0.5 + 0.5 tanh(-40) is 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gelu_and_its_slope_keep_their_digits_on_the_far_left(dtype: Any) -> None:
    """1 + erf(x / sqrt(2)) has none left from x = -8.3 on (-5.4 in float32), where gelu is not yet 0."""
    eps = float(np.finfo(dtype).eps)
    x = ad.tensor(np.linspace(-12, -1, 89).astype(dtype))
    y = ad.gelu(x)
    y.sum().backward()
    for a, value, slope in zip(x.data, y.data, x.grad):
        a = mp.mpf(float(a))
        area, density = normal_cdf(a), mp.npdf(a)
        few = 4 * eps * float(1 + a * a / 2)  # exp(-x*x/2) feels the rounding of x*x/2 that much
        assert abs(float(value) / float(a * area) - 1) <= few
        assert abs(float(slope) - float(area + a * density)) <= few * float(area + abs(a) * density)


def test_gelu_and_the_normal_distribution_are_right_to_an_ulp_in_float32() -> None:
    """They have a kernel of their own there, ten times as fast as the one of float64."""
    points = np.concatenate([np.linspace(-13, 6, 400), np.linspace(-1e-3, 1e-3, 20), [-12.5, -1e-30, 0.0]])
    x = ad.tensor(points.astype(np.float32))
    y, area = ad.gelu(x), ad.special.ndtr(x)
    y.sum().backward()
    for a, value, slope, p in zip(x.data, y.data, x.grad, area.data):
        ulp = lambda true: max(float(np.spacing(np.float32(abs(float(true))))), 2.0**-149)
        a = mp.mpf(float(a))
        true = normal_cdf(a)
        assert abs(float(p) - true) <= ulp(true) and abs(float(value) - a * true) <= ulp(a * true), a
        # around its zero near -0.75 the slope is a difference: an ulp of the larger part
        assert abs(float(slope) - (true + a * mp.npdf(a))) <= ulp(true + abs(a) * mp.npdf(a)), a


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_gelu_has_its_limits_at_infinity(dtype: Any) -> None:
    x = ad.tensor(np.array([-np.inf, np.inf, np.nan], dtype))
    y = ad.gelu(x)
    y.sum().backward()
    np.testing.assert_array_equal(y.data, np.array([0, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(x.grad, np.array([0, 1, np.nan], dtype))
    np.testing.assert_array_equal(ad.grad(lambda x: ad.gelu(x).sum())(x.data), x.grad)
