"""Derivatives of solutions: by the equation they solve, at every order, and refused where they would be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import autodiff as ad


def newton(a: float) -> float:
    x = 1.0
    for _ in range(60):
        x = (x + a / x) / 2
    return x


square_root = ad.implicit(newton, lambda x, a: x * x - a)


@given(st.floats(0.1, 100.0))
def test_a_square_root_by_newtons_method_has_the_derivatives_of_the_square_root(a: float) -> None:
    first, second, third = ad.grad(square_root), ad.grad(ad.grad(square_root)), ad.grad(ad.grad(ad.grad(square_root)))
    # a few roundings of the solver's x, of the quotient and of the powers here
    np.testing.assert_allclose(first(a), 0.5 * a**-0.5, rtol=1e-14)
    np.testing.assert_allclose(second(a), -0.25 * a**-1.5, rtol=1e-14)
    np.testing.assert_allclose(third(a), 0.375 * a**-2.5, rtol=1e-13)
    np.testing.assert_allclose(ad.jvp(square_root, (a,), (2.0,))[1], a**-0.5, rtol=1e-14)
    np.testing.assert_allclose(ad.jvp(first, (a,), (2.0,))[1], -0.5 * a**-1.5, rtol=1e-14)


@given(st.integers(0, 1000), st.integers(1, 4))
def test_a_linear_system_in_nested_parameters_equals_the_recorded_solve(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p = {"a": rng.normal(size=(n, n)) + 3 * np.eye(n), "b": rng.normal(size=n)}
    solve = ad.implicit(lambda p: {"x": np.linalg.solve(p["a"], p["b"])}, lambda s, p: [p["a"] @ s["x"] - p["b"]])

    def ours(p: dict[str, NDArray[np.float64]]) -> ad.Tensor:
        return (solve(p)["x"] ** 3).sum()

    def recorded(p: dict[str, NDArray[np.float64]]) -> ad.Tensor:
        return (np.linalg.solve(p["a"], p["b"]) ** 3).sum()

    for key, g in ad.grad(ours)(p).items():
        np.testing.assert_allclose(g, ad.grad(recorded)(p)[key], rtol=1e-9, atol=1e-12)  # the condition of the matrix
    only = ad.hessian(lambda b: ours({"a": p["a"], "b": b}))(p["b"])
    expected = ad.hessian(lambda b: recorded({"a": p["a"], "b": b}))(p["b"])
    np.testing.assert_allclose(only, expected, rtol=1e-9, atol=1e-12)


def test_a_solution_that_is_not_one_has_no_derivative() -> None:
    with pytest.raises(ad.GraphError, match=r"a Newton step would move it by 0\.103"):
        ad.grad(ad.implicit(lambda a: 1.9, lambda x, a: x * x - a))(4.0)


def test_a_solution_of_zero_may_miss_it_by_rounding() -> None:
    nearly = ad.implicit(lambda a: a + 1e-17, lambda x, a: x - a)
    assert ad.grad(nearly)(0.0) == 1.0


def test_a_jacobian_that_is_singular_within_rounding_is_named() -> None:
    """Its solution is one of a line; ``np.linalg.solve`` gave numbers without a right digit, or a bare error."""
    m = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    of_line = ad.implicit(lambda a: np.array([a, a, a]), lambda x, a: m @ (x - a))
    with pytest.raises(np.linalg.LinAlgError, match="the Jacobian of the condition in the solution is singular"):
        ad.grad(lambda a: of_line(a)[0])(1.0)
    units = np.array([1e-12, 1e9])  # these rows and columns are no fault
    scaled = ad.implicit(lambda a: a * np.array([1.0, 1e-9]), lambda x, a: units * (x - a * np.array([1.0, 1e-9])))
    np.testing.assert_allclose(ad.jacobian(scaled)(1.0), [1.0, 1e-9], rtol=1e-14)


def test_a_solver_in_a_compiled_function_is_named() -> None:
    with pytest.raises(ad.errors.TraceError, match=r"the steps of a solver depend on values.*outside the compiled"):
        ad.compile(square_root)(np.array(4.0))


def test_a_double_root_has_no_derivative() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="the Jacobian of the condition in the solution is singular"):
        ad.grad(ad.implicit(lambda a: 0.0, lambda x, a: x * x - a))(0.0)


def test_inside_vmap_a_solver_runs_once_for_each_example() -> None:
    pytest.importorskip("scipy.optimize")
    def cube_root(a: Any) -> Any:
        return ad.root(lambda x, a: x**3 - a, 1.0, a)

    a = np.array([8.0, 27.0])
    np.testing.assert_allclose(ad.vmap(cube_root)(a), [2.0, 3.0], rtol=1e-12)
    np.testing.assert_allclose(ad.vmap(ad.grad(ad.grad(cube_root)))(a), -2 / 9 * a ** (-5 / 3), rtol=1e-9)
    decay = ad.vmap(lambda k: ad.solve_ivp(lambda t, y, k: -k * y, (0, 1), [2.0], t_eval=[1.0], args=(k,)).y[0, 0])
    np.testing.assert_allclose(decay(np.array([1.0, 3.0])), 2 * np.exp([-1.0, -3.0]), rtol=1e-7)


def test_third_derivatives_of_a_root_and_a_root_inside_a_minimum() -> None:
    pytest.importorskip("scipy.optimize")
    cube_root = lambda a: ad.root(lambda x, a: x**3 - a, 1.0, a)
    third = ad.grad(ad.grad(ad.grad(cube_root)))(8.0)
    assert third == pytest.approx(10 / 27 * 8 ** (-8 / 3), rel=1e-10)

    def inverse(b: Any) -> Any:  # the y whose root of x^3 + x = y is b: y = b^3 + b
        root = lambda y: ad.root(lambda x, y: x**3 + x - y, 0.0, y)
        return ad.minimizer(lambda y, b: (root(y) - b) ** 2, 1.0, b)

    assert ad.grad(inverse)(1.0) == pytest.approx(4.0, rel=1e-6)  # SciPy's minimum is right to about 1e-8


def test_a_recorded_value_that_is_no_argument_is_refused_and_not_dropped() -> None:
    def outer(a: ad.Scalar) -> ad.Scalar:
        return ad.implicit(lambda b: newton(4.0), lambda x, b: x * x - a)(1.0)

    with pytest.raises(ad.GraphError, match="a recorded value that is none of its arguments"):
        ad.grad(outer)(4.0)


def test_there_must_be_as_many_equations_as_unknowns() -> None:
    with pytest.raises(ad.GraphError, match="the solution has 2 numbers and the condition 1"):
        ad.grad(ad.implicit(lambda a: np.zeros(2), lambda x, a: x.sum() - a))(0.0)


@pytest.mark.parametrize("arguments", [(None, newton), (newton, 3.0)])
def test_two_functions_are_needed(arguments: tuple[object, object]) -> None:
    with pytest.raises(TypeError, match=r"ad.implicit\(solver, condition\) needs two functions"):
        ad.implicit(*arguments)  # type: ignore[arg-type]


def test_without_recorded_parameters_the_solvers_answer_comes_back_as_it_is() -> None:
    assert type(square_root(4.0)) is float
    assert square_root(4.0) == 2.0


def test_integers_and_names_among_the_parameters_are_constants() -> None:
    power_root = ad.implicit(lambda p: p["a"] ** (1 / p["n"]), lambda x, p: x ** p["n"] - p["a"])
    assert ad.grad(lambda a: power_root({"a": a, "n": 3, "name": "cube"}))(8.0) == pytest.approx(1 / 12, rel=1e-14)
