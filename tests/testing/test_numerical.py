"""The numerical derivative is within its own error bound, at every scale and precision, and names kinks and jumps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodiff.testing.measuring.differences import numerical_derivative, power_of_two_direction

SMOOTH = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "log": (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
    "large offset": (lambda x: 1e8 + x, np.ones_like),
    "cancelling": (lambda x: (x + 1e6) - 1e6, np.ones_like),
    "oscillating": (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x)),
    "steep": (lambda x: np.expm1(-20 * x), lambda x: -20 * np.exp(-20 * x)),
}


def sample(rng: np.random.Generator, dtype: type, low: int = -3) -> np.ndarray:
    return (rng.uniform(0.5, 2, 3) * rng.choice([-1.0, 1.0], 3) * 10.0 ** rng.integers(low, 1)).astype(dtype)


@pytest.mark.parametrize("name", SMOOTH)
@given(seed=st.integers(0, 2**32), thorough=st.booleans())
@settings(max_examples=20, deadline=None)
def test_true_derivative_lies_within_the_error_bound(name: str, seed: int, thorough: bool) -> None:
    f, derivative = SMOOTH[name]
    rng = np.random.default_rng(seed)
    x = sample(rng, np.float64)
    v, w = power_of_two_direction(rng, x), rng.uniform(0.25, 2, 3)
    found = numerical_derivative(f, x, v, w, thorough=thorough)
    exact = float(np.sum(w * derivative(x) * v))
    # the reference itself is rounded: a few ulp of the sum of its terms
    assert found.kind != "smooth" or abs(found.value - exact) <= found.error + 8e-16 * np.sum(
        np.abs(w * derivative(x) * v)
    )


@pytest.mark.parametrize("name", ["sin", "tanh", "log"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_low_precision_functions_are_measured_within_their_own_noise(name: str, dtype: type, seed: int) -> None:
    f, derivative = SMOOTH[name]
    rng = np.random.default_rng(seed)
    x = sample(rng, dtype, -1)
    v, w = power_of_two_direction(rng, x), rng.uniform(0.25, 2, 3)
    found = numerical_derivative(f, x, v, w)
    terms = w * derivative(x.astype(np.float64)) * v.astype(np.float64)
    if found.kind == "smooth":
        assert abs(found.value - terms.sum()) <= found.error
        # 2^9 eps: noise of about 4 eps divided by steps of about 1/16, doubled twice
        assert found.error <= 2**9 * float(np.finfo(dtype).eps) * (
            np.abs(w * f(x.astype(np.float64))).sum() + np.abs(terms).sum()
        )


def test_resolution_is_near_machine_precision_for_ordinary_functions() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(40):
        x = sample(rng, np.float64, 0)
        found.append(
            numerical_derivative(np.sin, x, power_of_two_direction(rng, x), rng.uniform(0.25, 2, 3)).resolution
        )
    assert np.median(found) < 1e-11


def test_kinks_give_the_interval_of_one_sided_slopes() -> None:
    found = numerical_derivative(lambda x: np.maximum(x, 0.5 * x), np.array(0.0), np.array(1.0))
    assert found.kind == "kink"
    assert found.interval == pytest.approx((0.5, 1.0))


def test_a_jump_is_not_called_a_derivative() -> None:
    found = numerical_derivative(np.sign, np.array(0.0), np.array(1.0))
    assert found.kind == "jump" and math.isnan(found.value)


def test_a_flat_function_is_constant_and_tiny_inputs_get_absolute_steps() -> None:
    assert (
        numerical_derivative(lambda x: np.sign(x) * 3, np.array([2.0]), np.array([2.0]), np.array([1.0])).kind
        == "constant"
    )
    found = numerical_derivative(np.exp, np.array(1e-200), np.array(2.0**-663))
    assert found.kind == "smooth" and found.value == pytest.approx(2.0**-663, rel=1e-11)


def test_complex_inputs_and_outputs_count_as_real_pairs() -> None:
    z = np.array([1 + 2j, -0.5j])
    v, w = np.array([1 + 0.5j, -1 + 0.25j]), np.array([2 - 1j, 1 + 1j])
    found = numerical_derivative(lambda a: a * a, z, v, w)
    exact = float(np.sum(np.conj(w) * 2 * z * v).real)
    assert abs(found.value - exact) <= found.error < 1e-10


def test_several_inputs_and_outputs_are_weighed_together() -> None:
    x, y = np.array([1.0, 2.0]), np.array(3.0)
    found = numerical_derivative(
        lambda a, b: (a * b, a.sum()), (x, y), (np.ones(2), np.array(1.0)), (np.ones(2), np.array(2.0))
    )
    assert abs(found.value - (2 * 3 + 3 + 4)) <= found.error


def test_displaced_points_outside_the_domain_are_skipped() -> None:
    def picky(x: np.ndarray) -> np.ndarray:
        if x < 0.9:
            raise ValueError("below 0.9")
        return np.sqrt(x)

    found = numerical_derivative(picky, np.array(1.0), np.array(1.0))
    assert abs(found.value - 0.5) <= found.error < 1e-9


def test_directions_make_displacements_exact() -> None:
    rng = np.random.default_rng(3)
    for dtype in (np.float64, np.float32, np.float16):
        x = (rng.standard_normal(200) * 10).astype(dtype)
        v = power_of_two_direction(rng, x)
        h = dtype(2.0**-5)
        moved = (x + h * v) - x
        same_binade = np.frexp(x)[1] >= np.frexp(x + h * v)[1]
        assert v.dtype == dtype and np.array_equal(moved[same_binade], (h * v)[same_binade])


def test_errors_say_what_to_write() -> None:
    with pytest.raises(TypeError, match="astype"):
        numerical_derivative(np.sin, np.array([1]), np.array([1]))
    with pytest.raises(ValueError, match="direction"):
        numerical_derivative(np.sin, np.ones(2), np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="cotangent of that shape"):
        numerical_derivative(np.sin, np.ones(2), np.ones(2))
