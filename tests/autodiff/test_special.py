"""``ad.special`` has SciPy's names, arguments and values; its own ufuncs record; what is missing is refused."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autodiff as ad

X = np.array([0.15, 0.4, 0.85])
BEFORE: dict[str, tuple[Any, ...]] = {  # arguments before the last one
    "beta": (1.5,), "betaln": (1.5,), "betainc": (2.0, 1.5), "betaincc": (2.0, 1.5), "comb": (4.0,), "perm": (4.0,),
    "hyp0f1": (1.5,), "hyp1f1": (0.7, 1.5), "hyp2f1": (0.7, 1.2, 2.3),
    "iv": (1.3,), "ive": (1.3,), "owens_t": (0.5,), "poch": (1.5,),
    "eval_chebyt": (3,), "eval_chebyu": (3,), "eval_gegenbauer": (3, 0.7), "eval_genlaguerre": (3, 0.5),
    "eval_hermite": (3,), "eval_hermitenorm": (3,), "eval_jacobi": (3, 0.5, 1.3), "eval_laguerre": (3,),
    "eval_legendre": (3,), "spherical_jn": (3,), "spherical_yn": (3,),
    "bdtr": (1, 3), "bdtrc": (1, 3), "nbdtr": (1, 3), "nbdtrc": (1, 3), "pdtr": (2,), "pdtrc": (2,), "powm1": (1.5,),

    "ellipkinc": (0.7,), "ellipeinc": (0.7,), "gdtr": (1.5, 2.5), "gdtrc": (1.5, 2.5), "chdtr": (2.5,),
    "chdtrc": (2.5,), "chdtri": (2.5,), "fdtr": (2.5, 3.5),
    "fdtrc": (2.5, 3.5),
    "gammainc": (2.5,), "gammaincc": (2.5,), "huber": (0.5,),
    "binom": (1.7,), "boxcox": (1.3,), "boxcox1p": (0.7,), "expn": (3,), "inv_boxcox": (0.9,), "inv_boxcox1p": (0.9,),
    "kn": (2,), "kv": (1.3,), "kve": (1.3,), "yn": (2,),
    "yv": (-1.3,), "jn": (2,), "jv": (1.3,),
    "kl_div": (0.7,), "polygamma": (2,), "pseudo_huber": (0.5,), "rel_entr": (0.7,),
    "betaincinv": (2.0, 1.5), "betainccinv": (2.0, 1.5), "gammaincinv": (2.5,), "gammainccinv": (2.5,),
    "stdtr": (3.0,), "stdtrit": (3.0,), "xlog1py": (2.0,), "xlogy": (2.0,), "zeta": (2.5,),
}  # fmt: skip
NAMES = sorted(
    set(ad.special.__all__)
    - {
        "airy",
        "fresnel",
        "logcumsumexp",
        "multigammaln",
        "sici",
        "sph_harm_y",
        "lambertw",
        "wofz",
        "voigt_profile",
        "ndtri_exp",
    }
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_value_is_scipys_and_its_dtype_stays(name: str, dtype: Any) -> None:
    theirs = getattr(pytest.importorskip("scipy.special"), name, np.sinc)
    x = X.astype(dtype)
    y = getattr(ad.special, name)(*BEFORE.get(name, ()), ad.tensor(x))
    assert y.dtype == dtype
    assert_allclose(
        y.data, theirs(*BEFORE.get(name, ()), x.astype(np.float64)), rtol=2e-14 if dtype is np.float64 else 2e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_scipys_ufunc_records_the_same_operation(name: str) -> None:
    theirs = getattr(pytest.importorskip("scipy.special"), name, None)
    if not isinstance(theirs, np.ufunc) and name != "zeta":
        return  # a function asks the value for an array, which is refused with a sentence
    x = ad.tensor(X)
    y, z = (f(*BEFORE.get(name, ()), x) for f in (theirs, getattr(ad.special, name)))
    assert y.node.op is z.node.op
    assert isinstance(theirs(*BEFORE.get(name, ()), ad.scalar(0.4)), ad.Scalar)


def test_lists_of_numbers_are_taken_as_arrays() -> None:
    assert_allclose(ad.special.gammaln([1.0, 4.0]), np.log([1.0, 6.0]))
    assert_allclose(ad.special.betainc([1.0, 1.0], 1.0, [0.25, 0.5]), [0.25, 0.5])
    assert_allclose(ad.special.xlogy([0, 2], ad.tensor(2.0)).data, [0.0, 2 * np.log(2)])


def test_a_ufunc_without_a_rule_is_refused_by_name() -> None:
    special = pytest.importorskip("scipy.special")
    with pytest.raises(ad.MissingRuleError, match=r"struve has no derivative rule here.*ad\.special"):
        special.struve(1.0, ad.tensor(X))


def test_a_parameter_without_a_derivative_is_refused_and_never_silently_constant() -> None:
    with pytest.raises(ad.MissingRuleError, match=r"has no derivative in its argument .* Write .*\.data"):
        ad.special.iv(ad.tensor(1.5), 2.0)
    with ad.no_grad():
        ad.special.iv(ad.tensor(1.5), 2.0)


@pytest.mark.parametrize("x", [1.001, 2.0, 20.0])
@pytest.mark.parametrize("q", [0.01, 1.0, 30.0])
def test_zeta_is_differentiated_in_its_exponent(x: float, q: float) -> None:
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 40
    f = ad.special.zeta
    for m, value in enumerate([ad.grad(f)(x, q), ad.grad(ad.grad(f))(x, q), ad.grad(ad.grad(ad.grad(f)))(x, q)], 1):
        assert_allclose(value, float(mp.zeta(mp.mpf(x), mp.mpf(q), m)), rtol=4e-15)


@pytest.mark.parametrize("name", ["fresnel", "airy"])
def test_functions_of_several_results_are_scipys_and_their_ufuncs_record(name: str) -> None:
    special = pytest.importorskip("scipy.special")
    x = np.array([-30.5, -7.0, -1.9, -0.4, 0.0, 0.49, 1.4, 2.0, 8.5])
    mine, theirs = getattr(ad.special, name)(x), getattr(special, name)(x)
    for a, b in zip(mine, theirs, strict=True):
        assert_allclose(a, b, rtol=3e-14, atol=1e-13)
    for part in getattr(special, name)(ad.tensor(x)):
        assert part.node.op.name == name


@pytest.mark.parametrize(
    ("f", "o", "points"),
    [
        (lambda x: ad.special.rgamma(x), "rgamma", [-20.3, -3.0, -1.0, -1e-5, 0.0, 0.49, 150.0]),
        (lambda x: ad.special.ellipe(x), "ellipe", [-1e12, -1.0, 1e-9, 0.5, 1 - 1e-15]),
        (lambda x: ad.special.ellipk(x), "ellipk", [-1e12, -1.0, 1e-9, 0.5, 1 - 1e-15]),
        (lambda x: ad.special.fresnel(x)[0], "fresnels", [0.01, 1.2, 1.4, -30.5]),
        (lambda x: ad.special.airy(x)[2], "airybi", [-7.0, -1.0, 0.1, 40.0]),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_values_and_slopes_are_mpmaths_at_hard_points(f: Any, o: str, points: list[float]) -> None:
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 60
    for a in points:
        x, at = ad.tensor(a), mp.mpf(a)
        y = f(x)
        y.backward()
        value, slope = getattr(mp, o)(at), mp.diff(getattr(mp, o), at, h=mp.mpf(10) ** -25)
        moves = abs(at * slope)
        assert abs(mp.mpf(y.item()) - value) <= 2.3e-16 * (16 * abs(value) + 4 * moves), a
        bend = mp.diff(getattr(mp, o), at, 2, h=mp.mpf(10) ** -18)
        assert abs(mp.mpf(float(x.grad)) - slope) <= 2.3e-16 * (16 * abs(slope) + 4 * abs(at * bend)), a


@pytest.mark.parametrize("n", [0, 1, 2, 7])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [(f"eval_{name}", ()) for name in ("legendre", "chebyt", "chebyu", "hermite", "hermitenorm", "laguerre")]
    + [("eval_genlaguerre", (0.5,)), ("eval_gegenbauer", (-0.3,)), ("eval_jacobi", (-0.5, 1.3))],
)
def test_orthogonal_polynomials_and_their_slopes_are_scipys(name: str, parameters: tuple[float, ...], n: int) -> None:
    special, f = pytest.importorskip("scipy.special"), getattr(ad.special, name)
    x, theirs = np.linspace(-1.0, 1.0, 7), getattr(special, name)
    size = np.max(np.abs(theirs(n, *parameters, x)))
    assert_allclose(f(n, *parameters, x), theirs(n, *parameters, x), rtol=0, atol=1e-14 * size)
    slope = ad.grad(lambda x: np.sum(f(n, *parameters, x)))(x)
    theirs = getattr(special, name.removeprefix("eval_"))(n, *parameters).deriv()(x)
    assert_allclose(slope, theirs, rtol=0, atol=1e-12 * max(1.0, np.max(np.abs(theirs))))


def test_degrees_broadcast_and_keep_the_dtype() -> None:
    x, n = np.linspace(-0.9, 0.9, 5, dtype=np.float32), np.arange(4)[:, None]
    y = ad.special.eval_legendre(n, ad.tensor(x))
    assert y.shape == (4, 5) and y.dtype == np.float32
    assert_allclose(ad.grad(lambda x: np.sum(ad.special.eval_legendre(n[:3], x)))(x), 1 + 3 * x, rtol=2e-6)
    with pytest.raises(TypeError, match="eval_legendre: the degree n must be whole"):
        ad.special.eval_legendre(1.5, x)
    with pytest.raises(ValueError, match=r"eval_chebyt: the degree n must be 0 or more; got .*-1"):
        ad.special.eval_chebyt(-1, x)
    with pytest.raises(ad.MissingRuleError, match="no derivative in its argument alpha"):
        ad.special.eval_gegenbauer(2, ad.tensor(0.5), x)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (1, 1), (2, -1), (5, 3), (5, -5), (4, 0)])
def test_spherical_harmonics_are_scipys_and_smooth_at_the_poles(n: int, m: int) -> None:
    special = pytest.importorskip("scipy.special")
    if not hasattr(special, "sph_harm_y"):
        pytest.skip("SciPy 1.15 has the name")
    theta, phi = np.linspace(0.0, np.pi, 5), np.linspace(-2.0, 3.0, 5)
    assert_allclose(ad.special.sph_harm_y(n, m, theta, phi), special.sph_harm_y(n, m, theta, phi), atol=1e-15)
    _, slopes = special.sph_harm_y(n, m, theta, phi, diff_n=1)
    for part in (np.real, np.imag):
        found = ad.grad(lambda t, p, part=part: np.sum(part(ad.special.sph_harm_y(n, m, t, p))), (0, 1))(theta, phi)
        assert_allclose(np.stack(found, -1), part(slopes), atol=1e-14)
    assert_allclose(
        ad.grad(lambda p: np.real(ad.special.sph_harm_y(n, m, 0.7, p)))(0.3),
        -m * np.imag(special.sph_harm_y(n, m, 0.7, 0.3)),
        atol=1e-15,
    )


@pytest.mark.parametrize("n", [0, 1, 4, 30])
@pytest.mark.parametrize("name", ["spherical_jn", "spherical_yn"])
def test_spherical_bessel_functions_and_their_slopes_are_scipys(name: str, n: int) -> None:
    theirs, f = getattr(pytest.importorskip("scipy.special"), name), getattr(ad.special, name)
    z = np.array([1e-3, 0.8, 3.0, 9.0, 33.0, 1e4])
    assert_allclose(f(n, z), theirs(n, z), rtol=1e-12, atol=1e-16)
    assert_allclose(ad.grad(lambda z: np.sum(f(n, z)))(z), theirs(n, z, derivative=True), rtol=1e-11, atol=1e-16)
    assert_allclose(f(n, z, derivative=True), theirs(n, z, derivative=True), rtol=1e-11, atol=1e-16)
    if name == "spherical_jn":
        assert_allclose(ad.grad(lambda z: f(n, z))(0.0), 1 / 3 if n == 1 else 0.0)


def test_sici_is_scipys_pair_and_its_ufunc_records() -> None:
    special = pytest.importorskip("scipy.special")
    x = np.array([0.0, 0.3, 2.4, 2.6, 50.0, np.inf])
    with np.errstate(all="ignore"):
        for mine, theirs in zip(ad.special.sici(x), special.sici(x), strict=True):
            assert_allclose(mine, theirs, rtol=1e-14, atol=1e-16)
    si, ci = special.sici(ad.tensor(x[1:-1]))
    assert si.node.op.name == "sine_integral" and ci.node.op.name == "cosine_integral"
    ad.testing.check_derivatives(lambda x: ad.special.sici(x)[0] * ad.special.sici(x)[1], x[1:-1], order=2)


@pytest.mark.parametrize("lmbda", [-1.5, -1e-12, 0.0, 1e-9, 0.4, 2.0])
def test_power_transforms_and_their_inverses_are_scipys_and_smooth_at_zero(lmbda: float) -> None:
    special = pytest.importorskip("scipy.special")
    x = np.array([0.2, 0.9999, 1.0, 1.7, 4.0])
    for name in ("boxcox", "boxcox1p"):
        f, back = getattr(ad.special, name), getattr(ad.special, f"inv_{name}")
        y = f(x, lmbda)
        assert_allclose(y, getattr(special, name)(x, lmbda), rtol=1e-14, atol=1e-16)
        assert_allclose(back(y, lmbda), x, rtol=1e-13)
        if lmbda in (-1e-12, 0.4):
            ad.testing.check_derivatives(f, x, np.array(lmbda), order=2)
            ad.testing.check_derivatives(back, np.asarray(y), np.array(lmbda), order=2)


def test_kv_is_quick_and_scipys_at_the_ends_of_its_range() -> None:
    special = pytest.importorskip("scipy.special")
    v, x = np.array([[0.0], [2.5], [50.0]]), np.array([1e-300, 1e-30, 1e-3, 600.0, 1e5, 1e17, 1e300, np.inf])
    with np.errstate(all="ignore"):
        assert_allclose(ad.special.kv(v, x), special.kv(v, x), rtol=1e-11)
        assert_allclose(ad.special.kve(v, x[3:5]), special.kve(v, x[3:5]), rtol=1e-12)
        assert_allclose(ad.special.kve(2.5, x[5:-1]), np.sqrt(0.5 * np.pi / x[5:-1]), rtol=1e-14)  # SciPy has NaN
        assert np.isnan(ad.special.kv(1e158, 1e-300))  # orders above 1e5 are not computed


def test_a_matern_kernel_is_differentiated_in_its_smoothness() -> None:
    distance, v = np.array([0.1, 0.7, 2.0]), np.array(1.5)
    f = lambda r, v: r**v * ad.special.kv(v, r) / (2.0 ** (v - 1.0) * ad.special.gamma(v))
    assert_allclose(f(distance, v), (1.0 + distance) * np.exp(-distance), rtol=1e-13)
    ad.testing.check_derivatives(f, distance, v, order=2)


def test_the_incomplete_gamma_function_is_differentiated_in_both_arguments() -> None:
    a, x = np.array([0.03, 2.5, 300.0]), np.array([0.2, 4.0, 330.0])
    ad.testing.check_derivatives(ad.special.gammainc, a, x, order=2)


def test_the_derivative_of_gammainc_in_a_is_right_to_64_ulp() -> None:
    """Its digits are those of an integral without cancellation, also far from the mean, where gammainc is 0 or 1."""
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 60
    for a, x in [(0.05, 3.0), (0.4, 0.01), (2.0, 2.0), (8.0, 2.2), (8.0, 30.0), (90.0, 60.0), (150.0, 151.0)]:
        got = ad.grad(ad.special.gammainc)(a, x)
        true = mp.diff(lambda b, x=x: mp.gammainc(b, 0, x, regularized=True), mp.mpf(a))
        few = max(64.0, 4.0 * abs(float(mp.log(abs(true)))))
        assert abs(mp.mpf(float(got)) - true) <= few * 2.3e-16 * abs(true), (a, x)
    with np.errstate(all="ignore"):
        ends = ad.grad(lambda a: ad.special.gammainc(a, np.array([0.0, np.inf])).sum())(2.0)
    assert ends == 0


BETAS = [
    (2.0, 3.0, 0.25), (0.5, 0.5, 0.3), (0.05, 2.0, 0.5), (0.01, 3.0, 1e-60), (30.0, 40.0, 0.6), (1.0, 0.01, 0.9999),
    (300.0, 400.0, 0.42), (5.0, 1e4, 1e-4), (1000.0, 0.01, 1 - 1e-7),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "x"), BETAS)
def test_the_derivatives_of_betainc_in_its_parameters_are_right_to_a_few_ulp(a: float, b: float, x: float) -> None:
    """By integrals on the logit scale at 30 digits: on both sides of the mode, corners where a or b is small."""
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 30
    p, q, top = mp.mpf(a), mp.mpf(b), mp.log(mp.mpf(x) / (1 - mp.mpf(x)))
    norm, means = mp.log(mp.beta(p, q)), (mp.psi(0, p) - mp.psi(0, p + q), mp.psi(0, q) - mp.psi(0, p + q))
    mode, width = mp.log(p / q), mp.sqrt((p + q) / (p * q))

    def density(s: Any, which: int) -> Any:
        logs = -mp.log1p(mp.exp(-s)), -mp.log1p(mp.exp(s))
        return mp.exp(p * logs[0] + q * logs[1] - norm) * (logs[which] - means[which])

    places = [mode + width * k for k in (-20, -6, -2, 0, 2, 6)] + [-40, -5, 0, 5]
    bottom = min(top, mode) - 80 / min(p, 1)
    got = ad.grad(ad.special.betainc, (0, 1))(a, b, x)
    for which in (0, 1):
        parts = sorted({bottom, top, *[s for s in places if bottom < s < top]})
        true = mp.quad(lambda s, i=which: density(s, i), parts)
        assert abs(mp.mpf(float(got[which])) - true) <= 64 * 2.3e-16 * abs(true), which


@pytest.mark.parametrize(
    ("df", "t"), [(3.0, -1.0), (0.5, 2.0), (30.0, 1e-5), (1e3, -1.6), (1e5, 4.0), (0.05, 3.0), (4.0, -50.0)]
)
def test_the_derivative_of_stdtr_in_its_degrees_of_freedom_is_right_to_a_few_ulp(df: float, t: float) -> None:
    """It is of size 1 / df**2, where the parts of it that come from the incomplete beta function are of size 1 / df."""
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 40
    tail = lambda d: mp.betainc(d / 2, 0.5, 0, d / (d + mp.mpf(t) ** 2), regularized=True) / 2
    true = -mp.sign(t) * mp.diff(tail, mp.mpf(df), h=mp.mpf(10) ** -12)
    got = ad.grad(ad.special.stdtr)(df, t)
    assert abs(mp.mpf(float(got)) - true) <= 16 * 2.3e-16 * abs(true)


@pytest.mark.parametrize(
    ("f", "back", "parameters", "p"),
    [
        ("gammainc", "gammaincinv", (1e-3,), 0.6),
        ("gammainc", "gammaincinv", (6246570.1,), 1.2e-8),  # SciPy is wrong by 7e-3 of p
        ("gammaincc", "gammainccinv", (69.7,), 2.3e-279),
        ("gammaincc", "gammainccinv", (0.01,), 1e-14),
        ("betainc", "betaincinv", (34.65, 36.2), 3.5e-300),  # SciPy's is 1e-6 off
        ("betainc", "betaincinv", (1e-3, 4e4), 0.7),
        ("betaincc", "betainccinv", (3580.0, 12.8), 0.999),
        ("stdtr", "stdtrit", (0.3,), 1e-12),
        ("stdtr", "stdtrit", (40.0,), 0.5 - 1e-9),
    ],
)
def test_an_inverse_gives_back_what_it_was_given(f: str, back: str, parameters: tuple[float, ...], p: float) -> None:
    x = getattr(ad.special, back)(*parameters, p)
    x = ad.tensor(x)
    y = getattr(ad.special, f)(*parameters, x)
    y.backward()
    # an ulp of x moves the value by x times its slope; the values themselves are right to the size of their logarithm
    assert_allclose(y.item(), p, rtol=0, atol=2.3e-16 * (abs(float(x.grad) * x.item()) + p * (16 + 4 * abs(np.log(p)))))


@pytest.mark.parametrize("y", [-1e10, -745.0, -20.1, -3.0, -0.75, -0.6, -1e-5, -1e-300])
def test_ndtri_exp_is_the_inverse_of_log_ndtr(y: float) -> None:
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 40
    x = ad.special.ndtri_exp(y)
    at = mp.mpf(float(x))
    if y > -1e9:
        value = mp.log(mp.ncdf(at)) if x < 5 else mp.log1p(-mp.ncdf(-at))
        slope = mp.npdf(at) / mp.exp(value)
        assert abs(value - mp.mpf(y)) <= 2.3e-16 * (8 * abs(at) * slope + 4 * abs(y))
        assert_allclose(ad.grad(ad.special.ndtri_exp)(y), float(1 / slope), rtol=2e-15 + 2.3e-16 * x * x)
    assert_allclose(x, pytest.importorskip("scipy.special").ndtri_exp(y), rtol=1e-13)
    assert ad.special.ndtri_exp(-np.inf) == -np.inf and ad.special.ndtri_exp(0.0) == np.inf


def test_the_ends_of_an_inverse_do_not_move_with_its_parameters() -> None:
    a, p = ad.tensor([0.5, 1.0, 2.0, 2.0]), ad.tensor([0.0, 0.0, 0.0, 1.0])
    for f, ends in ((ad.special.gammaincinv, [0, 0, 0, np.inf]), (ad.special.stdtrit, [-np.inf] * 3 + [np.inf])):
        a.grad = p.grad = None
        x = f(a, p)
        np.sum(np.where(np.isfinite(x.data), x, 0)).backward()
        assert_allclose(x.data, ends)
        assert_allclose(a.grad, 0.0)
    with np.errstate(all="ignore"):
        assert np.isnan(ad.special.betaincinv([1.0, -1.0, 1.0], 1.0, [1.1, 0.5, np.nan])).all()


@pytest.mark.parametrize(
    ("a", "x", "right"),
    [
        (1e-3, 3.32e-14, -29.546816469914259),
        (0.03, 5.32e-11, -11.564311687895012),
        (1e-4, 2.93e-133, -295.45402246973367),
    ],
)
def test_the_derivative_of_gammainc_in_a_small_a_keeps_its_digits(a: float, x: float, right: float) -> None:
    # mpmath; the integrand falls in the middle of a long way, which lost up to five digits of fifteen
    assert_allclose(ad.grad(ad.special.gammainc)(a, x), right, rtol=1e-13)


def test_gammaincc_does_not_underflow_before_its_value_does() -> None:
    # mpmath; exp(-850) is 0 and 850**80 is not
    assert_allclose(ad.special.gammaincc(80.0, 850.0), 2.314487166866378785e-255, rtol=1e-12)


def test_betainc_does_not_underflow_before_its_value_does() -> None:
    # mpmath; the power of x alone is subnormal
    assert_allclose(ad.special.betainc(34.65, 36.2, 6e-10), 2.93265830563697516e-300, rtol=1e-13)


def test_betainc_does_not_move_with_its_parameters_at_its_ends() -> None:
    ends = ad.grad(lambda a, b: ad.special.betainc(a, b, np.array([0.0, 1.0])).sum(), (0, 1))(2.0, 3.0)
    assert ends == (0.0, 0.0)


@pytest.mark.parametrize(
    "f",
    [ad.special.gammainc, lambda a, x: ad.special.betainc(a, 2.0, x), lambda a, x: ad.special.betainc(2.0, a, 1.0 - x)],
)
def test_a_density_that_is_zero_at_an_end_does_not_move_with_its_parameter(f: Any) -> None:
    """0 times log 0 gave NaN."""
    assert ad.grad(lambda a: ad.grad(lambda x: f(a, x))(0.0))(1.5) == 0.0


def test_gammainc_of_large_parameters_continues_what_it_is_of_smaller_ones() -> None:
    """Beyond 1e8 the series did not end, and the answer was NaN."""
    f = ad.special.gammainc
    for k in (-5.0, -0.5, 0.0, 2.0):
        left, right = (float(f(a, a + k * np.sqrt(a))) for a in (1e6 - 1.0, 1e6 + 1.0))
        slope = (right - left) / 2.0
        along = ad.grad(lambda a, k=k: f(a, a + k * np.sqrt(a)))(1e6)
        assert_allclose(slope, along, rtol=1e-4, atol=1e-14 * left)  # a difference of rounded numbers
    x = np.array([1e12 - 3e6, 1e12, 1e12 + 2e6])
    assert_allclose(f(1e12, x) + ad.special.gammaincc(1e12, x), 1.0, rtol=1e-15)
    assert_allclose(f(1e12, x), ad.special.ndtr((x - 1e12) / 1e6), rtol=2e-5)


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda s: s.gamma(np.array([1e3, 1e300, np.inf])), [np.inf, np.inf, np.inf]),  # was NaN
        (lambda s: s.gamma(np.array([-1000.5, -1e10 - 0.5])), [0.0, 0.0]),
        (lambda s: s.beta(-0.3, np.array([3.0, 1000.0])), [-5.6022409, -34.3626969]),  # the second was positive
        (lambda s: s.beta(-1.5, np.array([200.0, 1e10])), [6621.7613, 2.36327180e15]),
        (lambda s: s.betaln(-0.3, 1e10), 8.37259532982),
        (lambda s: s.betaln(2.5, np.inf), -np.inf),
        (lambda s: s.stdtr(np.inf, np.array([0.3, -1.0])), [0.61791142, 0.15865525]),  # was 1/2
        (lambda s: s.gammainc(1e10, np.array([1e-320, 1e300])), [0.0, 1.0]),
    ],
)
def test_values_far_out_are_scipys(call: Any, right: Any) -> None:
    with np.errstate(all="ignore"):
        assert_allclose(call(ad.special), right, rtol=1e-7)
    special = pytest.importorskip("scipy.special")
    assert_allclose(call(special), right, rtol=1e-7)


def test_mixed_derivatives_of_stdtr_at_zero_are_those_of_the_density() -> None:
    twice = [ad.grad(ad.grad(ad.special.stdtr, i), j)(3.0, 0.0) for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))]
    slope = ad.grad(lambda df: np.exp(ad.stats.t.logpdf(0.0, df)))(3.0)
    assert_allclose(twice, [0.0, slope, slope, 0.0], rtol=1e-13, atol=1e-30)


@pytest.mark.parametrize("call", [lambda n: ad.special.jn(n, 1.0), lambda n: ad.special.polygamma(n, 1.0)])
@pytest.mark.parametrize("n", [0.5, np.array([1, 2]), "1"])
def test_an_order_that_is_no_whole_number_is_refused(call: Any, n: Any) -> None:
    with pytest.raises(TypeError, match="the order must be one whole number"):
        call(n)


def test_logsumexp_takes_scipys_arguments() -> None:
    special = pytest.importorskip("scipy.special")
    a, b = np.array([[1.0, 900.0], [2.0, -3.0]]), np.array([[1.0, 0.0], [-2.0, 0.5]])
    for arguments in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}, {"b": np.abs(b)}, {"b": np.abs(b), "axis": 1}):
        assert_allclose(ad.special.logsumexp(ad.tensor(a), **arguments).data, special.logsumexp(a, **arguments))
    mine, sign = ad.special.logsumexp(ad.tensor(a), b=b, axis=1, return_sign=True)
    theirs, expected = special.logsumexp(a, b=b, axis=1, return_sign=True)
    assert_allclose(mine.data, theirs)
    assert_allclose(sign, expected)
    f = lambda a, b: ad.special.logsumexp(a, axis=1, b=b)
    ad.testing.check_derivatives(f, np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, 0.3], [2.0, 0.5]]), order=2)
    for name in ("softmax", "log_softmax"):
        assert_allclose(getattr(ad.special, name)(ad.tensor(a)).data, getattr(special, name)(a), rtol=1e-14)


def test_logcumsumexp_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    a = np.array([[1.0, 800.0, -3.0, 801.0], [-900.0, 2.0, 1.0, 0.5]])
    x, t = ad.tensor(a), torch.tensor(a, requires_grad=True)
    y, z = ad.special.logcumsumexp(x, axis=1), torch.logcumsumexp(t, 1)
    assert_allclose(y.data, z.detach().numpy(), rtol=1e-14)
    w = np.array([[1.0, -2.0, 0.5, 3.0]] * 2)
    y.backward(w)
    z.backward(torch.tensor(w))
    assert_allclose(x.grad, t.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_multigammaln_is_scipys_and_refuses_what_lies_outside() -> None:
    special = pytest.importorskip("scipy.special")
    assert_allclose(ad.special.multigammaln(np.array([2.5, 4.0]), 3), special.multigammaln(np.array([2.5, 4.0]), 3))
    ad.testing.check_derivatives(lambda a: ad.special.multigammaln(a, 3), np.array([2.5, 4.0]), order=2)
    with pytest.raises(ValueError, match=r"a must be above \(d - 1\) / 2 = 1\.0"):
        ad.special.multigammaln(0.9, 3)


@pytest.mark.parametrize(
    ("f", "at", "value", "slope"),
    [
        (lambda x: ad.special.xlogy(x, 0.0), 0.0, 0.0, -np.inf),
        (lambda y: ad.special.xlogy(0.0, y), 0.0, 0.0, 0.0),
        (ad.special.entr, 0.0, 0.0, np.inf),
        (ad.special.i0e, 0.0, 1.0, 0.0),
        (ad.special.exprel, 0.0, 1.0, 0.5),
        (lambda x: ad.special.gammainc(1.0, x), 0.0, 0.0, 1.0),
        (lambda x: ad.special.betainc(1.0, 3.0, x), 0.0, 0.0, 3.0),
        (ad.special.log_ndtr, -1e10, -5e19, 1e10),
        (lambda x: ad.special.expn(2, x), 0.0, 1.0, -np.inf),
        (ad.special.spence, 0.0, np.pi**2 / 6, -np.inf),
        (ad.special.spence, 1.0, 0.0, -1.0),
        (ad.special.erfcx, 1e10, 1 / (np.sqrt(np.pi) * 1e10), -1 / (np.sqrt(np.pi) * 1e20)),
    ],
)
def test_value_and_slope_at_an_end_are_the_limits(f: Any, at: float, value: float, slope: float) -> None:
    x = ad.tensor(at)
    y = f(x)
    with np.errstate(all="ignore"):
        y.backward()
    assert_allclose(y.data, value, rtol=1e-14)
    assert_allclose(x.grad, slope, rtol=1e-14)


Z = np.array([0.0, 1e-8, 2 - 1j, 3.0, 0.5 + 1e-9j, 6.6 + 1e-4j, -5 + 2j, 0.25 + 2.6j, 1 - 3j, 6.61, 1e3 + 1e-5j, 1e12])


def test_wofz_and_its_derivatives_are_right() -> None:
    special, mp = pytest.importorskip("scipy.special"), pytest.importorskip("mpmath").mp.clone()
    assert_allclose(ad.special.wofz(Z), special.wofz(Z), rtol=1e-13)
    first = ad.jacfwd(ad.special.wofz, holomorphic=True)
    slopes, bends = np.diag(first(Z)), [first_of(first_of(ad.special.wofz))(z) for z in Z]
    mp.dps = 60
    for z, slope, bend in zip(Z, slopes, bends, strict=True):
        z = mp.mpmathify(complex(z))
        w = mp.exp(-z * z) * mp.erfc(-1j * z)
        right = -2 * z * w + 2j / mp.sqrt(mp.pi)
        assert abs(slope - right) <= 64 * 2.3e-16 * abs(right), z
        right = -2 * (z * right + w)
        assert abs(bend - right) <= 512 * 2.3e-16 * abs(right), z
    assert ad.special.wofz(np.float32([0.5])).dtype == np.complex64


def first_of(f: Any) -> Any:
    return ad.grad(f, holomorphic=True)


def test_voigts_profile_is_scipys_far_from_the_centre_too_and_is_differentiated() -> None:
    special = pytest.importorskip("scipy.special")
    x = np.array([0.0, 0.3, -4.0, 20.0, 1e4])
    for sigma, gamma in ((1.0, 0.5), (2.0, 1e-7), (0.1, 3.0), (1.0, 0.0)):
        assert_allclose(ad.special.voigt_profile(x, sigma, gamma), special.voigt_profile(x, sigma, gamma), rtol=1e-12)
    ad.testing.check_derivatives(ad.special.voigt_profile, x[:3], 1.2, 0.4, order=2)
    slopes = [ad.grad(ad.special.voigt_profile, (0, 1, 2))(*map(kind, (0.5, 1.0, 0.3))) for kind in (float, np.array)]
    assert_allclose(slopes[0], slopes[1])  # numbers, which are Scalars inside, became complex there
    assert ad.special.voigt_profile(np.float32(x), np.float32(1.0), 0.5).dtype == np.float32
    with np.errstate(all="ignore"):
        assert np.isnan(ad.special.voigt_profile(0.0, -1.0, 1.0))


@pytest.mark.parametrize("k", [0, -1, 1, 2])
def test_lambertw_is_scipys_on_every_branch(k: int) -> None:
    special = pytest.importorskip("scipy.special")
    z = np.array([1e-10, 0.1, 2.7, 1e5, 1e300, -0.1, -0.36, -0.5, -3.0, 1j, -1j, -0.4 + 0.01j, -0.4 - 0.01j, 5 - 100j])
    w = ad.special.lambertw(z, k)
    assert_allclose(w, special.lambertw(z, k), rtol=1e-13)
    assert_allclose(ad.grad(lambda z: ad.special.lambertw(z, k), holomorphic=True)(z[4]), 1 / (z[4] * (1 + 1 / w[4])))
    assert ad.special.lambertw(np.array([0.0]), k) == special.lambertw(np.array([0.0]), k)
    if k in (0, -1):  # the nearest float64 lies 1.2e-17 beyond the branch point (mpmath; SciPy has NaN)
        assert_allclose(ad.special.lambertw(-1 / np.e, k), -1.0 + (1 + 2 * k) * 8.2200834e-09j, rtol=1e-14)
    assert ad.special.lambertw(np.float32([0.5]), k).dtype == np.complex64


def test_the_real_branches_of_lambertw_have_their_derivatives() -> None:
    for k, x in ((0, [0.0, 0.3, 2.0, -0.2]), (-1, [-0.3, -0.1, -1e-3])):
        f = lambda x, k=k: np.real(ad.special.lambertw(x, k))
        x = np.array(x)
        w = f(x)
        assert_allclose(ad.grad(lambda x, f=f: np.sum(f(x)))(x), np.exp(-w) / (1 + w), rtol=1e-14)
    ad.testing.check_derivatives(lambda x: np.real(ad.special.lambertw(x)), np.array([0.3, 2.0, -0.2]), order=2)


@pytest.mark.parametrize("name", ["ellipkinc", "ellipeinc"])
@pytest.mark.parametrize("m", [-1e6, 0.0, 0.5, 1 - 1e-9])
def test_incomplete_elliptic_integrals_are_right_to_a_few_ulp(name: str, m: float) -> None:
    theirs, f = getattr(pytest.importorskip("scipy.special"), name), getattr(ad.special, name)
    phi = np.array([-100.3, -2.0, 0.0, 1e-8, 0.3, 1.5, np.pi / 2, 1.6, 7.0])
    assert_allclose(f(phi, m), theirs(phi, m), rtol=1e-13 if m < 0.9 else 1e-9)  # SciPy loses digits near m = 1
    # the derivative in m by those of mpmath's own integral
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 30
    oracle = {"ellipkinc": mp.ellipf, "ellipeinc": mp.ellipe}[name]
    for angle in (0.3, 1.6, -2.0):
        assert_allclose(f(angle, m), float(oracle(mp.mpf(angle), mp.mpf(m))), rtol=1e-14)
        right = mp.diff(
            lambda m, angle=angle: oracle(mp.mpf(angle), m), mp.mpf(m), h=mp.mpf(10) ** -15 * (1 - mp.mpf(m))
        )
        assert_allclose(ad.grad(lambda m, angle=angle: f(angle, m))(m), float(right), rtol=4e-14)
    integrand = np.sqrt(np.cos(phi) ** 2 + (1 - m) * np.sin(phi) ** 2) ** (-1 if name == "ellipkinc" else 1)
    assert_allclose(ad.grad(lambda phi: np.sum(f(phi, m)))(phi), integrand, rtol=1e-13)


@pytest.mark.parametrize("k", [0, -1, 1, 2])
def test_lamberts_function_solves_its_equation_on_its_branch_beside_the_cut_too(k: int) -> None:
    """Newton's method from log(1 + z) stayed on the real axis and gave 0.46 at -0.75."""
    x, y = np.meshgrid(np.linspace(-3.0, 3.0, 121), [0.0, 1e-300, -1e-12, 1e-3, -0.1, 0.5, -1.0, 2.5])
    z = (x + 1j * y)[np.abs(x + 1j * y) > 1e-3]
    w = np.asarray(ad.special.lambertw(z, k))
    np.testing.assert_allclose(w * np.exp(w), z, rtol=1e-13)
    real = (np.abs(z.imag) < 1e-200) & (z.real < 0) & (z.real > -1 / np.e)  # as is w for k = 0 and -1
    turns = np.round((w + np.log(w) - np.log(z)).imag / (2 * np.pi))
    np.testing.assert_array_equal(turns[~real], k)
    far = np.array([1e-300, 1e300]) * (-1.0 if k == -1 else 1.0)
    assert np.isfinite(ad.special.lambertw(far, k)).all() and np.isfinite(ad.special.lambertw(2.0, 10**9))


def test_outside_their_intervals_distributions_and_their_inverses_are_nan() -> None:
    """stdtrit was finite at -0.75, gdtr at a negative rate and a negative number, gammainc at a negative number."""
    s = ad.special
    outside = [s.stdtrit(2.0, p) for p in (-0.75, 1.25, -np.inf)] + [s.stdtrit(-1.0, 0.25), s.stdtrit(0.0, 0.5)]
    outside += [s.gdtr(-3.0, 3.0, -3.0), s.gdtrc(-3.0, 3.0, -3.0), s.gammainc(np.inf, -1.0), s.chdtr(np.inf, -1.0)]
    assert np.isnan(outside).all()
    assert isinstance(s.gdtr(ad.scalar(2.0), 1.0, 0.5), ad.Scalar)
    for inverse in (s.stdtrit, s.gammaincinv, s.gammainccinv):
        a, p = ad.tensor([2.0, 2.0]), ad.tensor([-0.75, 0.75])
        inverse(a, p).sum().backward()
        for x in (a, p):  # in a it was 0, in p infinite
            assert np.isnan(x.grad[0]) and np.isfinite(x.grad[1])


def test_a_quantile_that_rounds_to_an_end_of_infinite_density_is_flat_at_every_order() -> None:
    f = partial(ad.special.betaincinv, 1.0, 2.0**-9)  # 1 - x is 2**-512
    assert f(0.5) == 1.0 and ad.grad(f)(0.5) == 0.0 and ad.hessian(f)(np.float64(0.5)) == 0.0
    at_the_end = ad.hessian(partial(ad.special.gammaincinv, 0.5))(np.float64(0.0))  # (gamma(3/2) p)**2: not flat
    assert np.isnan(at_the_end)


@pytest.mark.parametrize("v", [-3.7, -0.5, 0.3, 1.5, 2 + 1e-9, 7.5, 40.2])
@pytest.mark.parametrize("name", ["jv", "yv"])
def test_bessel_functions_of_fractional_order_are_right_to_a_few_ulp(name: str, v: float) -> None:
    """On both sides of every change of method: x of 2 and 25, x*x of 4 (v + 1), x of v."""
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 30
    f, oracle = getattr(ad.special, name), {"jv": mp.besselj, "yv": mp.bessely}[name]
    for x in (1e-3, 0.7, 1.99, 2.0, 5.5, 24.9, 25.1, 41.0, 300.0):
        exact = mp.mpf(x)
        for got, order in ((f(v, x), v), (ad.grad(lambda x: f(v, x))(x), None)):
            near = (v,) if order is not None else (v - 1, v + 1)
            parts = [oracle(mp.mpf(u), exact) for u in near]
            true = parts[0] if order is not None else (parts[0] - parts[1]) / 2
            # the amplitude where it oscillates, or, at negative orders, has zeros
            scale = max(abs(true), mp.sqrt(2 / (mp.pi * exact)) if x > abs(v) or v < 0 else 0)
            assert abs(mp.mpf(float(got)) - true) <= 24 * 2.3e-16 * scale, (x, order)


def test_bessel_functions_have_limits_at_zero_and_infinity_and_refuse_a_recorded_order() -> None:
    with np.errstate(all="ignore"):
        assert [float(ad.special.jv(v, 0.0)) for v in (0.0, 0.5, -0.5, -1.5)] == [1.0, 0.0, np.inf, -np.inf]
        assert [float(ad.special.yv(v, 0.0)) for v in (0.3, -0.3, -0.5)] == [-np.inf, -np.inf, 0.0]
        assert ad.special.jv(0.3, np.inf) == ad.special.yv(-0.3, np.inf) == 0
        assert np.isnan([ad.special.jv(0.5, -1.0), ad.special.yv(0.5, -1.0), ad.special.jv(1e5 + 0.5, 1.0)]).all()
    for f in (ad.special.jv, ad.special.yv):
        with pytest.raises(ad.MissingRuleError, match="no derivative in its argument v"):
            f(ad.tensor(0.5), 1.0)


@pytest.mark.parametrize("x", [1e-8, -1e-3, 0.4, -700.0])
def test_the_second_derivative_of_expit_keeps_its_digits_near_zero(x: float) -> None:
    """1 - 2 y cancelled: 9 wrong digits at 1e-8."""
    second = ad.grad(ad.grad(ad.special.expit))(x)
    e = np.exp(-abs(x))
    np.testing.assert_allclose(second, -e / (1.0 + e) ** 2 * np.tanh(x / 2), rtol=4e-16 * 4)


@pytest.mark.parametrize("x", [38.0, 40.0, 1e5, np.inf])
def test_derivatives_of_log_ndtr_end_in_zero_on_the_right(x: float) -> None:
    """The second was NaN, an infinity over its square."""
    first, second = ad.grad(ad.special.log_ndtr), ad.grad(ad.grad(ad.special.log_ndtr))
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    assert first(x) == pytest.approx(density, rel=1e-12)
    assert np.isinf(x) or second(x) == pytest.approx(-x * density, rel=1e-12)
