"""Beside a kink the slope is that of x's own side, as near as float64 can tell; a flat stretch has slope 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.testing import InconclusiveError, check_derivatives, numerical_derivative

# name: (function, its derivative, where its kink is)
KINKS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], float]] = {
    "relu at 0": (lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0), 0.0),
    "relu at 1": (lambda x: np.maximum(x - 1, 0), lambda x: np.where(x > 1, 1.0, 0.0), 1.0),
    "relu at 1, plus 1": (lambda x: 1 + np.maximum(x - 1, 0), lambda x: np.where(x > 1, 1.0, 0.0), 1.0),
    "abs at 1": (lambda x: np.abs(x - 1), lambda x: np.sign(x - 1), 1.0),
    "leaky at 0": (lambda x: np.where(x > 0, x, x / 8), lambda x: np.where(x > 0, 1, 0.125), 0.0),
    "maximum of two slopes": (lambda x: np.maximum(x * x, x), lambda x: np.where(x > 1, 2 * x, 1.0), 1.0),
}


def outcome(f: Any, rule: Any, x: float) -> str:
    report = check_derivatives(
        f, np.array([x]), vjp=lambda g, y, x: (g * rule(x),), properties=["P01", "P09"], raises=False, explain=False
    )
    return report.outcome


@pytest.mark.sampled
@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("distance", [1e-1, 1e-4, 1e-5, 1e-9, 1e-12])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_other_sides_slope_is_never_called_right(name: str, distance: float, side: int) -> None:
    f, slope, kink = KINKS[name]
    x = kink + side * distance
    assert outcome(f, lambda at: slope(at - 2 * side * distance), x) != "right"
    assert outcome(f, slope, x) != "wrong"


@pytest.mark.parametrize("x", [-1e-4, -1e-5, -1e-9, -1e-30])
def test_relu_with_slope_1_on_its_flat_side_is_wrong(x: float) -> None:
    assert outcome(lambda x: np.maximum(x, 0), lambda x: np.ones_like(x), x) == "wrong"
    assert outcome(lambda x: np.maximum(x, 0), lambda x: np.zeros_like(x), x) == "right"


@pytest.mark.parametrize(("f", "x"), [(ad.relu, -0.5), (np.floor, 0.5), (np.sign, 0.3), (ad.relu, -1e-6)])
def test_a_flat_stretch_has_the_derivative_0(f: Any, x: float) -> None:
    assert check_derivatives(f, np.array([x])).ok
    assert outcome(f, lambda x: np.ones_like(x), x) == "wrong"


def test_the_end_of_a_flat_stretch_is_told_in_the_estimate() -> None:
    found = numerical_derivative(lambda x: np.maximum(x - 1, 0), np.array(0.75), np.array(0.5))
    assert found.kind == "flat" and found.value == 0.0 and "kink at a displacement of 0.5" in found.method
    assert numerical_derivative(np.floor, np.array(0.75), np.array(0.5)).method.startswith("flat up to the jump")


def test_a_slope_hidden_by_rounding_is_not_taken_for_a_flat_stretch() -> None:
    for x in (1e-30, 1e-12, 0.75):
        assert outcome(lambda x: (1e8 * x + 1e8) - 1e8, lambda x: np.full_like(x, 1e8), x) != "wrong"
        assert outcome(lambda x: (np.sin(x) / 1e6 + 1e8) - 1e8, lambda x: np.cos(x) / 1e6, x) != "wrong"
        assert outcome(lambda x: 1 - np.tanh(20 + x) ** 2, lambda x: 0 * x, x) != "wrong"


def test_a_jump_is_named_where_it_is_the_reason_why_nothing_was_measured() -> None:
    with pytest.raises(InconclusiveError, match="jumps"):
        check_derivatives(np.floor, np.array(1.0))
    with pytest.raises(InconclusiveError, match="infinite, NaN or empty"):
        check_derivatives(lambda x: x / 0, np.array(1.0))
