"""A rule wrong at one value only is never called right, and rounding inside a function is never called wrong."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.testing import broadcastable, check_derivatives
from autodiff.testing.inputs.shrinking import explore
from autodiff.testing.measuring import constants


def outcome(f: Any, slope: Any, x: Any, **options: Any) -> str:
    rule = lambda g, y, x: (g * slope(x),)
    return check_derivatives(f, np.asarray(x), vjp=rule, raises=False, explain=False, **options).outcome


@pytest.mark.parametrize("x", [1.0, [1.0], [1.0, 1.0, 1.0], [1.0, 2.0]])
@pytest.mark.parametrize("said", [0.0, 2.0])
def test_another_slope_at_one_value_alone_is_wrong(x: Any, said: float) -> None:
    # the rule changes when x moves by an ulp, which is not the conditioning of the rule
    assert outcome(np.log, lambda x: np.where(x == 1, said, 1 / x), x) == "wrong"
    assert outcome(np.log, lambda x: 1 / x, x) == "right"


def test_a_slope_that_is_zero_at_a_minimum_and_not_beside_it_is_right() -> None:
    assert outcome(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), [1.0, 1 + 1e-8]) == "right"


def test_a_rule_that_loses_negative_cotangents_is_wrong() -> None:
    def rule(g: Any, y: Any, x: Any) -> Any:
        return (np.where(g < -3, np.nan, g) * np.cos(x),)

    report = check_derivatives(np.sin, np.array([0.5, -1.0, 2.0]), vjp=rule, properties="P04", raises=False)
    assert [f.finding.property for f in report.failures] == ["P04"]


def test_an_overflow_for_large_cotangents_alone_is_no_finding() -> None:
    def rule(g: Any, y: Any, x: Any) -> Any:
        return (g * 1e300 * 2 / 1e300,)

    report = check_derivatives(lambda x: 2 * x, np.array([0.5]), vjp=rule, properties="P04", raises=False)
    assert report.outcome == "right"


def test_forward_and_reverse_of_an_ill_conditioned_constant_matrix_may_round_differently() -> None:
    i = np.arange(6)
    hilbert = 1 / (i[:, None] + i + 1.0)  # of condition 1e7, which no move of b shows
    for b in np.random.default_rng(0).normal(size=(3, 6)):
        report = check_derivatives(lambda b: np.linalg.solve(hilbert, b), b, properties="P03", raises=False)
        assert report.outcome == "right"


def test_forward_and_reverse_of_a_step_in_float32_may_round_differently() -> None:
    def f(x: Any) -> Any:
        return np.sin(x.astype(np.float32)).astype(np.float64)

    assert check_derivatives(f, np.array([0.5, 2.0]), properties="P03", raises=False).outcome == "right"


def test_few_digits_left_by_cancellation_are_not_a_lower_precision() -> None:
    def f(x: Any) -> Any:
        return (1 - np.cos(x)) / x**2

    report = check_derivatives(f, np.array([1e-6, 1e-4, 1.0]), properties="P01", raises=False, explain=False)
    assert "lower precision" not in " ".join(x.finding.message for x in report.failures)


def test_every_constant_of_the_measurement_has_one_value() -> None:
    names = Counter(
        target.id
        for node in ast.parse(inspect.getsource(constants)).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_arguments_that_both_broadcast_are_drawn_often() -> None:
    seen: list[bool] = []

    def visit(call: Any) -> None:
        a, b = call.args
        seen.append(np.broadcast_shapes(a.shape, b.shape) not in (a.shape, b.shape))

    explore(broadcastable(2), visit, 100, seed=0)
    assert sum(seen) >= 10


def test_a_rule_that_reads_what_the_last_forward_pass_left_is_wrong() -> None:
    left: list[Any] = [None]

    def forward(x: Any) -> Any:
        left[0] = x
        return np.sin(x), None

    f = ad.custom_vjp(np.sin)
    f.defvjp(forward, lambda _, g: (g * np.cos(left[0]),))
    report = check_derivatives(f, np.array([0.5, -1.0]), raises=False, explain=False)
    assert [x.finding.property for x in report.failures] == ["P18"]


def test_a_forward_function_with_another_value_than_the_plain_one_is_wrong() -> None:
    f = ad.custom_vjp(np.sin)
    f.defvjp(lambda x: (1.001 * np.sin(x), x), lambda x, g: (g * np.cos(x),))
    report = check_derivatives(f, np.array([0.5, -1.0]), raises=False)
    assert "the recorded run has another value" in str(report)
