"""Hypergeometric functions: right to a few ulp where terms cancel and near singular points, in all arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad

mp = pytest.importorskip("mpmath").mp.clone()
mp.dps = 60
EPS = float(np.finfo(np.float64).eps)
FUNCTIONS: dict[str, Any] = {
    name: (getattr(ad.special, name), getattr(mp, name)) for name in ("hyp0f1", "hyp1f1", "hyp2f1")
}
CALLS = [  # some of each kind of place: near 0, of either sign, far, beside 1, polynomials, near zeros
    ("hyp0f1", (0.5, -1e4)), ("hyp0f1", (-2.3, -3.0)), ("hyp0f1", (1.5, 500.0)), ("hyp0f1", (20.0, 1e-9)),
    ("hyp1f1", (0.5, 1.5, -1e5)), ("hyp1f1", (1.2, 3.4, -900.0)), ("hyp1f1", (2.5, -0.7, -3.3)),
    ("hyp1f1", (-42.5, 4.0, 332.5)), ("hyp1f1", (50.0, 0.5, 40.0)), ("hyp1f1", (-30.0, 0.5, 25.0)),
    ("hyp1f1", (-49.5, 0.5, 30.0)), ("hyp1f1", (10.1, 0.3, -30.2)), ("hyp1f1", (0.5, 1.5, 2e-300)),
    ("hyp1f1", (2.9, -0.3, -3176.4)), ("hyp1f1", (-1.0, 2.0, 1e200)), ("hyp1f1", (40.0, 2.0, -800.0)),
    ("hyp2f1", (1.0, 1.0, 2.0, -1e6)), ("hyp2f1", (0.5, 1.5, 2.0, 1 - 1e-12)), ("hyp2f1", (1.2, 3.4, 0.7, 0.5)),
    ("hyp2f1", (5.5, 2.25, -3.3, 0.99)), ("hyp2f1", (-3.0, 2.5, 1.5, 7.0)), ("hyp2f1", (-40.0, 41.0, 1.0, 0.7)),
    ("hyp2f1", (41.3, 38.0, -38.6, -3743.0)), ("hyp2f1", (0.3, 50.0, 50.3, 0.9)), ("hyp2f1", (0.2, 0.9, 3.4, 1.0)),
    ("hyp2f1", (30.5, -20.2, 0.7, 0.999)), ("hyp2f1", (2.0, 2.0, 4.0, -0.75)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), CALLS, ids=str)
def test_values_and_slopes_are_right_to_a_few_ulp(name: str, args: tuple[float, ...]) -> None:
    ours, theirs = FUNCTIONS[name]
    *parameters, z = args
    shift = [p + 1 for p in parameters]
    lead = {"hyp0f1": lambda b: 1 / b, "hyp1f1": lambda a, b: a / b, "hyp2f1": lambda a, b, c: a * b / c}[name]
    exact = [mp.mpf(p) for p in parameters]
    true, slope = theirs(*exact, mp.mpf(z)), lead(*exact) * theirs(*[mp.mpf(p) for p in shift], mp.mpf(z))
    got = ad.value_and_grad(lambda z: ours(*parameters, z))(z)
    for value, right in zip(got, (true, slope), strict=True):
        # a logarithm beyond 300 is rounded by exp; polynomials by as many products as their degree
        assert abs(mp.mpf(float(value)) - right) <= 8 * EPS * abs(right), (value, right)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("hyp0f1", (0.5, -8.0)), ("hyp1f1", (0.5, 1.5, -2.0)), ("hyp1f1", (-2.0, 1.5, 3.0)),
        ("hyp1f1", (3.3, 2.2, -40.0)), ("hyp1f1", (0.5, 1.5, 1e-8)), ("hyp2f1", (0.5, 1.5, 2.2, 0.3)),
        ("hyp2f1", (1.0, 1.5, 2.25, -2.0)), ("hyp2f1", (1.2, 0.4, 3.5, 0.9)),
    ],
)  # fmt: skip
def test_derivatives_in_the_parameters_are_right_to_a_few_ulp(name: str, args: tuple[float, ...]) -> None:
    ours, theirs = FUNCTIONS[name]
    which = tuple(range(len(args)))
    slopes = ad.grad(ours, which)(*args)
    bends = ad.grad(lambda *a: ad.grad(ours)(*a), which)(*args)  # of the derivative in the first argument
    exact, h = [mp.mpf(x) for x in args], mp.mpf(10) ** -14
    for i in which:
        first = mp.diff(theirs, exact, tuple(int(k == i) for k in which), h=h)
        assert abs(mp.mpf(float(slopes[i])) - first) <= 8 * EPS * abs(first), i
    for i in (0, len(args) - 1):
        second = mp.diff(theirs, exact, tuple(int(k == i) + int(k == 0) for k in which), h=h)
        assert abs(mp.mpf(float(bends[i])) - second) <= 8 * EPS * abs(second), i


def test_poles_ends_and_infinities_are_scipys() -> None:
    special, inf = pytest.importorskip("scipy.special"), np.inf
    calls = {
        "hyp1f1": [(1.5, -2, 0.5), (-1, -2, 0.5), (-3, -2, 0.5), (1, 2, inf), (1, 2, -inf), (-1, 2, -inf), (1, 0, 0)],
        "hyp2f1": [(1, 2, 3, 1), (1, 1, 3, 1), (-1, 2, 3, 1.5), (1, 2, -3, 0.5), (-1, 2, -3, 0.5), (1, 2, 0, 0)],
    }
    for name, arguments in calls.items():
        for args in arguments:
            np.testing.assert_allclose(
                getattr(ad.special, name)(*args), getattr(special, name)(*args), rtol=1e-15, err_msg=f"{name}{args}"
            )
    with np.errstate(all="ignore"):
        beyond = [ad.special.hyp2f1(1.0, 2.0, 3.0, 1.5), ad.special.hyp0f1(0.0, 1.0), ad.special.hyp1f1(1e4, 1.0, 1.0)]
        beyond += [ad.special.hyp2f1(*np.where(np.arange(4) == k, np.nan, 0.5)) for k in range(4)]
    assert np.isnan(beyond).all()  # SciPy has inf beyond 1, where the function is complex


def test_a_bessel_function_and_a_logarithm_are_found_in_them_and_they_batch() -> None:
    x = np.linspace(0.1, 3.0, 4)
    np.testing.assert_allclose(ad.special.hyp0f1(1.0, -0.25 * x * x), ad.special.j0(x), rtol=1e-14)
    slopes = ad.vmap(ad.grad(lambda z: z * ad.special.hyp2f1(1.0, 1.0, 2.0, -z)))(x)
    np.testing.assert_allclose(slopes, 1 / (1 + x), rtol=1e-14)
    f = lambda a, x: ad.special.hyp1f1(a, 2.0 * a, -x)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(ad.jacobian(f, mode=mode)(0.7, x), [ad.grad(f)(0.7, v) for v in x])
