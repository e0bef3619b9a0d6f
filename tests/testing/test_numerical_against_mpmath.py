"""A numerical derivative is never further from the true one, in 200 bits, than it says: any function, any point."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autodiff.testing.measuring.differences import numerical_derivative, power_of_two_direction

mp = pytest.importorskip("mpmath").mp.clone()
mp.prec = 200

erf = np.vectorize(math.erf, otypes=[float])


def sech2(x: Any) -> Any:
    return 1 / mp.cosh(x) ** 2


# name: (function, its derivative in mpmath)
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sin": (np.sin, mp.cos),
    "tan": (np.tan, lambda x: 1 + mp.tan(x) ** 2),
    "fast sin": (lambda x: np.sin(50 * x), lambda x: 50 * mp.cos(50 * x)),
    "sin of 1/x": (lambda x: np.sin(1 / x), lambda x: -mp.cos(1 / x) / x**2),
    "exp": (np.exp, mp.exp),
    "expm1": (np.expm1, mp.exp),
    "sinh": (np.sinh, mp.cosh),
    "bell": (lambda x: np.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x)),
    "erf": (erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "log": (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
    "log1p": (lambda x: np.log1p(np.abs(x)), lambda x: mp.sign(x) / (1 + abs(x))),
    "sqrt": (lambda x: np.sqrt(np.abs(x)), lambda x: mp.sign(x) / (2 * mp.sqrt(abs(x)))),
    "square": (lambda x: x**2, lambda x: 2 * x),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "power 40": (lambda x: x**40, lambda x: 40 * x**39),
    "power -2": (lambda x: x**-2.0, lambda x: -2 / x**3),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "tanh": (np.tanh, sech2),
    "steep tanh": (lambda x: np.tanh(20 * x), lambda x: 20 * sech2(20 * x)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + mp.exp(-x))),
    "soft abs": (lambda x: np.sqrt(x * x + 1e-6), lambda x: x / mp.sqrt(x * x + mp.mpf(1e-6))),
    "saturated rule": (lambda x: 8 * (1 - np.tanh(8 * x) ** 2), lambda x: -128 * mp.tanh(8 * x) * sech2(8 * x)),
    "cancelling cosine": (lambda x: 1 - np.cos(x), mp.sin),
    "cancelling square": (lambda x: (1 + x) ** 2 - 1, lambda x: 2 * (1 + x)),
    "hidden large term": (lambda x: (x + 1e6) - 1e6, lambda x: mp.mpf(1)),
    "hidden huge term": (lambda x: (np.sin(x) + 1e10) - 1e10, mp.cos),
    "narrow step": (
        lambda x: x + 1e-3 * np.tanh(1e4 * (x - 1)),
        lambda x: 1 + mp.mpf(1e-3) * mp.mpf(1e4) * sech2(mp.mpf(1e4) * (x - 1)),
    ),
}


def points() -> st.SearchStrategy[float]:
    """Ordinary, round, and of every size: from 1e-100, where squares vanish, to 1e20, where sin turns within an ulp."""
    sizes = st.tuples(st.floats(-100, 20), st.sampled_from([-1.0, 1.0])).map(lambda p: p[1] * 10.0 ** p[0])
    return st.one_of(st.floats(-4, 4), st.integers(-640, 640).map(lambda k: k / 16), sizes).filter(bool)


def excess(e: Any, exact: Any, allowed: float = 0.0) -> float:
    """How far the estimate is from the truth beyond its own error and one rounding of the value itself."""
    off = abs(mp.mpf(e.value) - exact)
    return float(off - mp.mpf(e.error) - mp.ldexp(abs(exact), -52) - allowed)


@pytest.mark.sampled
@pytest.mark.parametrize("name", FUNCTIONS)
@given(x=points(), seed=st.integers(0, 2**16), thorough=st.booleans())
@example(x=3.0, seed=0, thorough=True)
@example(x=0.99999, seed=0, thorough=False)  # x + h v crosses 1, where its last bit has no room
def test_the_stated_error_holds(name: str, x: float, seed: int, thorough: bool) -> None:
    f, derivative = FUNCTIONS[name]
    here = np.array(x)
    v = power_of_two_direction(np.random.default_rng(seed), here)
    found = numerical_derivative(f, here, v, thorough=thorough)
    exact = derivative(mp.mpf(x)) * mp.mpf(float(v))
    if found.kind in ("smooth", "constant"):
        assert excess(found, exact) <= 0, found
    elif found.kind == "kink":  # a real one, nearer to x than the smallest step: the slope is one of its sides
        assert excess(found, exact, (found.interval[1] - found.interval[0]) / 2) <= 0, found


@pytest.mark.parametrize("name", ["tanh", "steep tanh", "sigmoid", "saturated rule", "exp", "hidden large term"])
@given(
    # not within some thousand ulp of 1e6 of zero: rounding by a visible share of a term's change is a jump of its own
    xs=st.lists(
        st.one_of(st.floats(-4, 4).filter(lambda x: abs(x) > 1e-3), st.integers(-40, 40).map(lambda k: k / 8)),
        min_size=2,
        max_size=3,
    ),
    seed=st.integers(0, 2**16),
    short=st.integers(0, 10),
    thorough=st.booleans(),
)
@example(xs=[2.0, 1.75], seed=3, short=5, thorough=False)
@example(xs=[1.875, -0.625], seed=3, short=9, thorough=False)
def test_the_stated_error_holds_for_a_sum_of_terms_of_unlike_size(
    name: str, xs: list[float], seed: int, short: int, thorough: bool
) -> None:
    f, derivative = FUNCTIONS[name]
    rng = np.random.default_rng(seed)
    x = np.array(xs)
    v = power_of_two_direction(rng, x) * 2.0**-short
    w = rng.uniform(0.25, 2, x.shape) * 10.0 ** rng.uniform(-3, 3, x.shape)
    found = numerical_derivative(f, x, v, w, thorough=thorough)
    if found.kind not in ("smooth", "constant"):
        return
    moved = f(x[:, None] + v[:, None] * np.ldexp(1.0, [-2, -3, -4])) != f(x)[:, None]
    terms = [derivative(mp.mpf(a)) * mp.mpf(b) * mp.mpf(c) for a, b, c in zip(xs, v, w)]
    # a term that no displaced point changes counts as constant: its slope is not part of what was measured
    unseen = 0.0 if found.kind == "constant" else sum(float(abs(t)) for t, m in zip(terms, moved) if not m.any())
    assert excess(found, mp.fsum(terms), unseen + sum(float(abs(t)) for t in terms) * 2.0**-52) <= 0, found


@pytest.mark.parametrize("thorough", [True, False])
def test_a_saturated_term_beside_a_moving_one_is_not_taken_for_constant(thorough: bool) -> None:
    # 1 - tanh(15)^2 climbs a staircase whose treads are wider than small steps: those saw the other term alone
    x, w = np.array([1.875, -0.625]), np.array([431.0, 1e-3])
    for k in range(3, 12):
        v = np.array([-(2.0**-k), -(2.0 ** -(k + 1))])
        found = numerical_derivative(FUNCTIONS["saturated rule"][0], x, v, w, thorough=thorough)
        exact = float(np.sum(w * v * -128 * np.tanh(8 * x) / np.cosh(8 * x) ** 2))
        assert found.kind == "unresolved" or abs(found.value - exact) <= found.error
        assert k > 5 or found.error < abs(exact)


@pytest.mark.parametrize(("x", "v"), [(1e12, 2.0**39), (2.25e14, 2.0**47), (-3e-18, 2.0**-59)])
def test_a_function_faster_than_the_smallest_step_is_unresolved(x: float, v: float) -> None:
    f = np.sin if abs(x) > 1 else FUNCTIONS["sin of 1/x"][0]
    assert numerical_derivative(f, np.array(x), np.array(v)).kind in ("unresolved", "jump")


def test_a_lucky_pair_of_small_steps_does_not_pass_for_precision() -> None:
    x, v = 7.60314225341916e-06, -(2.0**-19)  # 1/x is rounded alike at the finest spacings, and only there
    found = numerical_derivative(FUNCTIONS["sin of 1/x"][0], np.array(x), np.array(v))
    assert excess(found, -mp.cos(1 / mp.mpf(x)) / mp.mpf(x) ** 2 * v) <= 0


def test_rounding_of_the_argument_that_every_step_shares_counts_as_doubt() -> None:
    x, v = -241089.15983253895, 65536.0  # 50 x is rounded by the same share of an ulp at every displaced point
    found = numerical_derivative(FUNCTIONS["fast sin"][0], np.array(x), np.array(v))
    assert excess(found, 50 * mp.cos(50 * mp.mpf(x)) * v) <= 0


@pytest.mark.parametrize("x", [1.5527069191320748e-85, 9.338031108523855e-27])
def test_an_underflow_is_not_a_proof_of_zero(x: float) -> None:
    found = numerical_derivative(lambda x: x**40, np.array(x), np.array(x / 2))
    assert found.error > 0


def test_a_saturated_constant_says_what_may_hide_in_it() -> None:
    found = numerical_derivative(lambda x: 1 - np.tanh(x) ** 2, np.array(-20.0), np.array(-0.25))
    assert found.kind == "constant"
    assert excess(found, mp.mpf(-2) * mp.tanh(-20) * sech2(mp.mpf(-20)) * mp.mpf(-0.25)) <= 0
