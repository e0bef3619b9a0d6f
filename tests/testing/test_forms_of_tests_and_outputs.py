"""Derivative tests take part in pytest as any test does, and outputs may come in any container."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import nn
from autodiff.testing import InconclusiveError, broadcastable, check_derivatives, signature, spd, tensors
from nn.testing import check_module, modules

pytest_plugins = ["pytester"]
LINE = np.array([0.5, -1.25])
Pair = namedtuple("Pair", "square sine")

CONTAINERS = {
    "named tuple": lambda x: Pair(x * x, np.sin(x)),
    "dict": lambda x: {"square": x * x, "sine": np.sin(x)},
    "nested, with None": lambda x: [x * x, {"sine": (np.sin(x), None)}],
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_outputs_in_containers_are_checked_leaf_by_leaf(name: str) -> None:
    f = CONTAINERS[name]
    report = check_derivatives(f, LINE, order=2)
    assert report.ok and report.tally.counts["P02"]["pass"] and report.tally.counts["P10"]["pass"]

    def rule(g: Any, y: Any, x: Any, wrong: float = 1.0) -> Any:
        a, b = (g["square"], g["sine"]) if name == "dict" else g if name == "named tuple" else (g[0], g[1]["sine"][0])
        return (2 * a * x + wrong * b * np.cos(x),)

    assert check_derivatives(f, LINE, vjp=rule).ok
    assert check_derivatives(f, LINE, vjp=lambda g, y, x: rule(g, y, x, 2.0), raises=False).outcome == "wrong"


def test_a_function_that_returns_nothing_is_inconclusive() -> None:
    with pytest.raises(InconclusiveError):
        check_derivatives(lambda x: None, LINE)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_one_mode_may_be_given_as_a_string(mode: str) -> None:
    counts = check_derivatives(np.sin, LINE, modes=mode).tally.counts
    assert ("P01" in counts) == (mode == "reverse") and ("P02" in counts) == (mode == "forward")


@pytest.mark.parametrize("rng", [None, 0, np.random.default_rng(3)])
def test_a_random_layer_is_one_function_while_it_is_checked(rng: Any) -> None:
    nn.seed(1)
    before = nn.default_generator().bit_generator.state
    assert check_module(nn.Dropout(0.5, rng=rng), np.ones((3, 4))).ok
    assert nn.default_generator().bit_generator.state == before


@given(tensors(), broadcastable(2), signature("(m,k),(k,n)->(m,n)"), spd(2), modules())
def test_strategies_work_inside_given(x: Any, pair: Any, matrices: Any, a: Any, network: Any) -> None:
    """Under the profile of this suite, which keeps every health check but the one on slow machines."""
    assert x.dtype == a.dtype == np.float64 and len(pair.args) == len(matrices.args) == 2
    assert list(network.parameters())


def test_marks_classes_parametrize_and_fixtures_work_as_for_any_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np, pytest
        from autodiff.testing import derivative_test
        X = np.array([0.5, 2.0])

        @derivative_test(X)
        @pytest.mark.skip(reason="not today")
        def test_skipped(x):
            raise AssertionError

        @pytest.mark.xfail(strict=True)
        @derivative_test(X, vjp=lambda g, y, x: (g,))
        def test_expected_to_fail(x):
            return x * x

        @derivative_test(X)
        @pytest.mark.parametrize("power", [2, 3])
        def test_below(x, power):
            return x**power

        @pytest.mark.parametrize("power", [2, 3])
        @derivative_test(X)
        def test_above(x, *, power):
            return x**power

        @pytest.mark.parametrize("power", [2, 3])
        @derivative_test(X)
        def test_above_and_positional(x, power):
            return x**power

        @pytest.mark.parametrize(("factor_", "power"), [(1.0, 2), (2.0, 3)])
        @derivative_test(X)
        def test_in_front_of_the_input(factor_, x, power):
            return factor_ * x**power

        @pytest.fixture
        def factor():
            return 3.0

        class TestInAClass:
            @pytest.mark.parametrize("power", [2])
            @derivative_test(X)
            def test_parametrized_method(self, power, x):
                return x**power

            @derivative_test(X)
            def test_method(self, x, *, factor):
                return factor * np.sin(x)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=10, skipped=1, xfailed=1)


def test_an_output_that_is_no_number_is_named() -> None:
    with pytest.raises(InconclusiveError, match=r"it returned 'name', which is no number; leave it out"):
        check_derivatives(lambda x: (2.0 * x, "name"), np.array([0.3]))
