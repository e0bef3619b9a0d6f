"""The complex step sharpens an estimate where the program is analytic, and is never believed where it may not be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autodiff.testing.check import check_derivatives
from autodiff.testing.measuring.complex_step import Analytic, complex_step
from autodiff.testing.measuring.differences import numerical_derivative

BIG = 1e8  # its rounding is noise of 1e-8, which differences cannot get rid of


def estimate(f: Callable[[Any], Any], x: float = 0.75) -> Any:
    return numerical_derivative(f, np.array(x), np.array(0.5))


def test_a_slope_drowned_in_the_rounding_of_a_large_term_comes_out_to_the_last_digits() -> None:
    found = estimate(lambda x: np.sin(x) + BIG)
    assert found.method.startswith("complex step, confirmed by Richardson")
    assert abs(found.value - 0.5 * math.cos(0.75)) <= found.error < 1e-14


def test_a_function_that_differences_resolve_is_not_asked() -> None:
    assert estimate(np.sin).method.startswith("Richardson")


UNSAFE: dict[str, Callable[[Any], Any]] = {
    "abs": lambda x: abs(np.sin(x)),
    "np.abs": lambda x: np.abs(x) * x,
    "real": lambda x: np.sin(x) * np.real(x),
    ".real": lambda x: np.sin(x) * x.real,
    "small .real": lambda x: np.sin(x) + 1e-13 * x.real,
    "imag": lambda x: x + np.imag(x),
    "conjugate": lambda x: x * np.conj(x),
    ".conj()": lambda x: x * x.conj(),
    "comparison": lambda x: x * x if x > 0 else -x,
    "where": lambda x: np.where(x > 0, x * x, x),
    "boolean mask": lambda x: x * (x > 0),
    "maximum": lambda x: np.maximum(x, x * x),
    "sign": lambda x: np.sign(x) * x * x,
    "sort": lambda x: np.sort(np.reshape(x, (1,)))[0],
    "max": lambda x: np.max(np.reshape(x, (1,)) ** 2),
    "norm": lambda x: np.linalg.norm(np.reshape(x, (1,))),
    "variance": lambda x: np.var(np.stack([x, 2 * x])),
    "vdot": lambda x: np.vdot(x, x),
    "asarray": lambda x: np.asarray(x) ** 2,
    "asarray of floats": lambda x: np.asarray(x, float) ** 2,
    "float": lambda x: float(x) ** 2,
    "math": lambda x: math.sin(x),
    "written into an array": lambda x: _written(x),
    "out=": lambda x: np.multiply(x, x, out=np.zeros(())),
    "truth": lambda x: x * x if x else x,
    "floor": lambda x: x * x + np.floor(x),
    "hypot": lambda x: np.hypot(x, 1.0),
    "arctan2": lambda x: np.arctan2(x, 1.0),
    "dtype": lambda x: x * (2.0 if x.dtype.kind == "c" else 1.0),
    "view": lambda x: x.view(np.float64),
    "item": lambda x: x.item() ** 2,
}


def _written(x: Any) -> np.ndarray:
    y = np.zeros(1)
    y[0] = x
    return y[0] ** 2


@pytest.mark.parametrize("name", UNSAFE)
def test_a_program_that_may_not_be_analytic_is_left_to_differences(name: str) -> None:
    f = UNSAFE[name]
    found = estimate(lambda x: f(x) + BIG)
    assert found.kind == "smooth"
    assert "complex" not in found.method
    assert complex_step(f, [np.array(0.75)], [np.array(0.5)], [np.array(1.0)], float(f(np.array(0.75))), 1.0) is None


def test_operations_on_arrays_are_followed() -> None:
    def f(x: Any, a: Any) -> Any:
        y = np.einsum("ij,j->i", a.T, x) @ a[:, :1] + np.concatenate([x, a.reshape(-1)]).sum()
        return (np.tanh(y) / (1 + x.mean()) - 2.0**-x).reshape(-1), np.where([True, False], x[:2], 1.0)

    rng = np.random.default_rng(0)
    x, a = rng.uniform(0.5, 1, 3), rng.uniform(0.5, 1, (3, 3))
    vs, ws = (np.full(3, 0.5), np.full((3, 3), 0.25)), (rng.uniform(1, 2, 3), rng.uniform(1, 2, 2))
    sharp = numerical_derivative(f, (x, a), vs, ws)
    dulled = numerical_derivative(lambda x, a: (*f(x, a), 0 * x[0] + BIG), (x, a), vs, (*ws, np.array(1.0)))
    assert dulled.method.startswith("complex step")
    assert abs(sharp.value - dulled.value) <= sharp.error + dulled.error
    assert dulled.error < 1e-12


def test_an_answer_that_differences_do_not_confirm_is_dropped() -> None:
    # tells the two apart by type: analytic, and the same value here, but another function
    found = estimate(lambda x: (2 * x - 0.75 if isinstance(x, Analytic) else x) + BIG)
    assert "complex" not in found.method
    assert abs(found.value - 0.5) <= found.error


def test_another_value_than_the_real_program_gives_is_dropped() -> None:
    found = estimate(lambda x: (x + 1 if isinstance(x, Analytic) else x) + BIG)
    assert "complex" not in found.method


@pytest.mark.parametrize("x", [1e-85, 1e-39])
def test_an_underflow_of_the_imaginary_part_is_not_a_slope_of_zero(x: float) -> None:
    assert complex_step(lambda x: x**40, [np.array(x)], [np.array(x / 2)], [np.array(1.0)], 0.0, 1.0) is None


def test_a_rule_may_be_rounded_like_its_function_however_sharp_the_complex_step_is() -> None:
    # found as a false alarm: 1 - y^2 keeps 20 bits here, which looked like a number cut to float32
    report = check_derivatives(
        np.tanh, np.array(12.0), vjp=lambda g, y, x: (g * (1 - y * y),), properties="P01", max_weak=1.0
    )
    assert report.ok
