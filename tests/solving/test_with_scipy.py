"""SciPy's solvers with our derivatives: they get what they ask for, and their answers have the right derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad

optimize = pytest.importorskip("scipy.optimize")
TREE = {"x": 0.5, "y": [np.array([0.3, -0.2])]}


def valley(p: dict[str, Any]) -> Any:
    """Least, 0, at x = 1 and y = (1, 1)."""
    return (1 - p["x"]) ** 2 + 10 * ((p["y"][0] - p["x"] ** 2) ** 2).sum()


ACCURATE = {"trust-constr": {"gtol": 1e-9}, "TNC": {"gtol": 1e-9, "ftol": 1e-16}, "COBYLA": {"maxiter": 1000}}


METHODS = (
    "BFGS CG L-BFGS-B Nelder-Mead Newton-CG Powell SLSQP TNC COBYLA trust-constr trust-exact trust-krylov trust-ncg"
)


@pytest.mark.parametrize("method", METHODS.split())
def test_every_method_finds_the_minimum_in_the_nesting_of_its_start(method: str) -> None:
    found = ad.minimize(valley, TREE, method=method, tol=1e-9, options=ACCURATE.get(method))
    assert type(found.x["x"]) is float
    # without a gradient, and with a tolerance on the value, a minimum is known to the square root of the tolerance
    np.testing.assert_allclose([found.x["x"], *found.x["y"][0]], 1.0, atol=0.1 if method == "COBYLA" else 2e-3)
    assert valley(found.x) == pytest.approx(found.fun, abs=1e-12)


def test_the_methods_get_exact_products_and_hessians() -> None:
    """On a quadratic a Newton step is the answer, whatever its condition."""
    scales = np.array([1e-3, 1.0, 1e3])
    for method in ("Newton-CG", "trust-exact", "trust-ncg"):
        found = ad.minimize(lambda v: np.sum(scales * (v - 2.0) ** 2), np.zeros(3), method=method, tol=1e-10)
        np.testing.assert_allclose(found.x, 2.0, rtol=1e-6)


def test_arguments_after_the_parameters_are_constants() -> None:
    found = ad.minimize(lambda x, a, b: (x - a) ** 2 + b, 0.0, args=(3.0, 1.0))
    assert (found.x, found.fun) == (pytest.approx(3.0), pytest.approx(1.0))


@pytest.mark.parametrize(
    ("start", "bounds"),
    [
        ({"x": 0.0, "y": [np.zeros(2)]}, {"x": (None, 0.5), "y": [(np.array([0.1, 0.4]), None)]}),
        ({"x": 0.0, "y": [np.zeros(2)]}, optimize.Bounds([-np.inf, 0.1, 0.4], [0.5, np.inf, np.inf])),
    ],
)
def test_bounds_are_nested_as_the_start(start: Any, bounds: Any) -> None:
    found = ad.minimize(valley, start, bounds=bounds, tol=1e-12)
    assert found.x["x"] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(found.x["y"][0], [0.25, 0.4], atol=1e-6)


def test_bounds_of_an_array_are_scipys_pairs() -> None:
    assert ad.minimize(lambda x: (x - 3.0) ** 2, 0.0, bounds=(None, 1.0)).x == pytest.approx(1.0)
    found = ad.minimize(lambda v: ((v - 3.0) ** 2).sum(), np.zeros(2), bounds=[(0, 1), (0, 2)])
    np.testing.assert_allclose(found.x, [1.0, 2.0])


@pytest.mark.parametrize(
    ("start", "bounds", "message"),
    [
        (np.zeros(3), [(0, 1)], "bounds must be 3 pairs"),
        ({"a": 0.0}, {"b": (0, 1)}, r"a dict with the keys \['a'\]"),
        ({"a": 0.0}, {"a": 3.0}, r"a pair \(low, high\)"),
        ([0.0, 1.0], [(0, 1)], "bounds must have 2 parts"),
        ({"a": np.zeros(2)}, {"a": (np.zeros(3), None)}, "an array of its leaf's shape"),
    ],
)
def test_bounds_that_do_not_fit_are_refused(start: Any, bounds: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ad.minimize(lambda v: 0.0, start, bounds=bounds)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_constraints_are_functions_of_the_nesting(method: str) -> None:
    """The nearest point to 0 with a b = 1, a = (a1, a2) and a1 = a2, has a1 = a2 = 2^(-3/4) and b = 2^(-1/4)."""

    def product(p: dict[str, Any]) -> Any:
        return p["a"].sum() * p["b"]

    constraint: Any = {"type": "eq", "fun": lambda p, level: product(p) - level, "args": (1.0,)}
    if method == "trust-constr":
        constraint = optimize.NonlinearConstraint(product, 1.0, 1.0)
    found = ad.minimize(
        lambda p: (p["a"] ** 2).sum() + p["b"] ** 2,
        {"a": np.array([1.0, 2.0]), "b": 1.0},
        method=method,
        constraints=constraint,
        tol=1e-10,
    )
    np.testing.assert_allclose(found.x["a"], 2**-0.75, atol=1e-5)
    assert found.x["b"] == pytest.approx(2**-0.25, abs=1e-5)


def test_the_callback_sees_the_nesting_and_may_stop() -> None:
    seen = []

    def watch(p: dict[str, Any]) -> None:
        seen.append(p)
        if len(seen) == 2:
            raise StopIteration

    ad.minimize(valley, TREE, method="BFGS", callback=watch)
    assert [sorted(p) for p in seen] == [["x", "y"]] * 2


def test_the_callback_has_scipys_other_forms_too() -> None:
    seen: list[Any] = []
    ad.minimize(valley, TREE, method="BFGS", callback=lambda intermediate_result: seen.append(intermediate_result))
    assert sorted(seen[0].x) == ["x", "y"] and isinstance(seen[0].fun, float)

    def stop(p: Any, state: Any) -> bool:
        return state.nit >= 2 and sorted(p) == ["x", "y"]

    assert ad.minimize(valley, TREE, method="trust-constr", callback=stop).nit == 2


def test_a_method_may_be_a_function_and_bounds_of_a_list_an_array() -> None:
    def one_step(fun: Any, x0: Any, jac: Any, **_: Any) -> Any:
        return optimize.OptimizeResult(x=x0 - 0.5 * jac(x0), fun=fun(x0))

    assert ad.minimize(lambda p: (p["a"] - 3.0) ** 2, {"a": 1.0}, method=one_step).x == {"a": 3.0}
    found = ad.minimize(lambda p: p[0] ** 2 + p[1] ** 2, [2.0, 2.0], bounds=np.array([[1.0, 3.0], [1.5, 3.0]]))
    assert found.x == [1.0, 1.5]


def test_further_arguments_of_residuals_may_have_names() -> None:
    assert ad.least_squares(lambda p, at: p - at, 0.0, kwargs={"at": 2.0}).x == pytest.approx(2.0, abs=1e-12)


@pytest.mark.parametrize("kind", ["dict", "args", "NonlinearConstraint"])
def test_a_constraint_that_reads_a_recorded_value_is_refused(kind: str) -> None:
    """ad.grad of the result was 0: the recorded bound had left the graph without a word."""

    def least(a: Any) -> Any:
        constraint: Any = {"type": "ineq", "fun": lambda x: a - x.sum()}
        if kind == "args":
            constraint = {"type": "ineq", "fun": lambda x, a: a - x.sum(), "args": (a,)}
        if kind == "NonlinearConstraint":
            constraint = optimize.NonlinearConstraint(lambda x: a - x.sum(), 0.0, np.inf)
        return ad.minimize(lambda x: ((x - 1.0) ** 2).sum(), np.zeros(1), constraints=constraint, method="SLSQP").x

    with pytest.raises(ad.GraphError, match="a constraint read a recorded value"):
        ad.grad(lambda a: least(a).sum())(0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.minimize(3.0, 1.0), TypeError, "needs a function; got"),
        (lambda: ad.minimize(lambda x: (x * x, x), 1.0), TypeError, "a single number; it returned tuple"),
        (lambda: ad.minimize(lambda x: None, 1.0), TypeError, "a single number; it returned NoneType"),
        (lambda: ad.least_squares(lambda x: None, 1.0), TypeError, "gave .*, where numbers are needed"),
        (lambda: ad.fixed_point(lambda x: x, 1.0, max_iterations=0), ad.GraphError, "in 0 steps"),
        (lambda: ad.minimize(lambda x: x, "start"), TypeError, "real numbers, arrays"),
        (lambda: ad.minimize(lambda x: x, np.zeros(2, complex)), TypeError, "real numbers, arrays"),
        (lambda: ad.minimize(lambda v: v * 2, np.zeros(2)), TypeError, "a single number"),
        (lambda: ad.least_squares(lambda x: x, 1.0, jac="2-point"), TypeError, "computes the Jacobian itself"),
        (lambda: ad.minimizer(lambda x: x * x, 1.0, bounds=(0, 1)), TypeError, "takes no bounds"),
        (lambda: ad.root(lambda x: x * x + 1.0, 1.0), ad.GraphError, "found no root"),
        (lambda: ad.fixed_point(lambda x: 2 * x + 1, 1.0, max_iterations=50), ad.GraphError, "x still moves by"),
        (lambda: ad.fixed_point(lambda x: np.ones(2), 1.0), ValueError, "what f returns must have the shapes"),
        (lambda: ad.fixed_point(lambda x: 2 * x + 1, 1.0), ad.GraphError, "x still moves by"),  # to infinity
        (lambda: ad.minimizer(lambda x: x, 1.0), ad.GraphError, "found no minimum"),
        (lambda: ad.root(lambda x: np.stack([x, x]), 1.0), ValueError, "f returned 2 numbers for 1 unknowns"),
        (lambda: ad.root(lambda x: x - 1j, 1.0, method="broyden1"), TypeError, "ad.root: f gave complex numbers"),
        (
            lambda: ad.grad(lambda a: ad.minimize(lambda x, a: (x - a) ** 2, 0.0, (a,)).x)(1.0),
            ad.GraphError,
            "Write ad.minimizer",
        ),
        (lambda: ad.grad(lambda a: ad.minimize(lambda x: (x - a) ** 2, 0.0).x)(1.0), ad.GraphError, "ad.minimizer"),
        (lambda: ad.grad(lambda a: ad.least_squares(lambda x: x - a, 0.0).x)(1.0), ad.GraphError, "recorded value"),
        (lambda: ad.grad(lambda a: ad.root(lambda x: x - a, 0.0))(1.0), ad.GraphError, "none of its arguments"),
        (lambda: ad.least_squares(lambda x: x, np.zeros(3), bounds=[(0, 1)] * 3), ValueError, r"bounds must be \(lows"),
        (lambda: ad.least_squares(lambda x: x, np.zeros(3), bounds=(None, 1)), ValueError, "np.inf for none"),
        (lambda: ad.solve_ivp(lambda t, y, k: -k * y, (0, 1), [1.0], args=2.0), TypeError, r"args=\(2.0,\)"),
    ],
)
def test_misuse_is_refused_with_a_sentence(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message), np.errstate(all="ignore"):
        call()


def test_least_squares_fits_a_decay_within_bounds() -> None:
    t = np.linspace(0.0, 1.0, 20)
    found = ad.least_squares(
        lambda p, t: {"r": p["size"] * np.exp(-p["rate"] * t) - 3.0 * np.exp(-2.0 * t)},
        {"size": 1.0, "rate": 1.0},
        args=(t,),
        bounds={"size": (0, None), "rate": (0, 10)},
    )
    assert found.x == {"size": pytest.approx(3.0, rel=1e-6), "rate": pytest.approx(2.0, rel=1e-6)}
    assert set(found.grad) == {"size", "rate"}


def test_bounds_of_least_squares_over_an_array_are_scipys_lows_and_highs() -> None:
    """They were read as a pair for each of two parameters: the first between 0 and 1, the second between 2 and 3."""
    for bounds in (([0.0, 1.0], [2.0, 3.0]), (-1, np.inf), ([0, 0], 1.5), optimize.Bounds([0, 0], [1, 1])):
        start = np.array([0.5, 1.0])
        want = optimize.least_squares(lambda x: x - 9.0, start, bounds=bounds).x
        np.testing.assert_allclose(ad.least_squares(lambda x: x - 9.0, start, bounds=bounds).x, want)


def test_a_further_argument_alone_needs_no_tuple() -> None:
    for search in (ad.minimize, ad.least_squares):
        for value in (3.0, np.array([3.0])):
            found = search(lambda x, a: ((x - a) ** 2).sum(), np.zeros(1), value)
            np.testing.assert_allclose(found.x, 3.0, atol=1e-2)


@given(st.floats(0.5, 20.0))
@settings(max_examples=10)
def test_roots_fixed_points_and_minima_have_the_derivatives_of_their_formulas(a: float) -> None:
    """The cube root, the square root, and the weighted mean, in closed form."""
    cube = ad.grad(lambda a: ad.root(lambda x, a: x**3 - a, 1.0, a))
    assert cube(a) == pytest.approx(a ** (-2 / 3) / 3, rel=1e-9)  # the root is found to 1.5e-8 and better
    heron = ad.grad(lambda a: ad.fixed_point(lambda x, a: (x + a / x) / 2, 1.0, a))
    assert heron(a) == pytest.approx(a**-0.5 / 2, rel=1e-11)
    data = np.array([1.0, 2.0, 6.0])
    mean = ad.grad(lambda w: ad.minimizer(lambda m, w: np.sum((data - m) ** 2) + w * m * m, 0.0, w))
    assert mean(a) == pytest.approx(-9 / (3 + a) ** 2, rel=1e-6)  # the minimum is found to the root of the tolerance
    assert ad.grad(mean)(a) == pytest.approx(18 / (3 + a) ** 3, rel=1e-6)


def lotka(t: Any, y: Any, p: Any) -> Any:
    return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])


def test_an_equation_with_a_known_solution_has_its_derivatives() -> None:
    """y = y0 exp(-k t): values, both modes, first and second order."""

    def end(p: dict[str, Any]) -> Any:
        return ad.solve_ivp(lambda t, y, k: -k * y, (0.0, 1.0), [p["y0"]], t_eval=[0.5, 1.0], args=(p["k"],)).y[0, -1]

    p = {"y0": 2.0, "k": 3.0}
    y = 2 * np.exp(-3.0)
    assert end(p) == pytest.approx(y, rel=1e-7)
    g = ad.grad(end)(p)
    assert (g["y0"], g["k"]) == (pytest.approx(y / 2, rel=1e-6), pytest.approx(-y, rel=1e-6))
    assert ad.jvp(end, (p,), ({"y0": 0.0, "k": 1.0},))[1] == pytest.approx(-y, rel=1e-6)
    assert ad.grad(lambda k: ad.grad(end)({"y0": 2.0, "k": k})["k"])(3.0) == pytest.approx(y, rel=1e-6)


def test_gradients_of_predator_and_prey_equal_differences_of_solutions() -> None:
    p, y0, times = np.array([1.5, 1.0, 3.0, 1.0]), np.array([1.0, 1.0]), np.linspace(0, 3, 5)

    def total(y0: Any, p: Any) -> Any:
        return (ad.solve_ivp(lotka, (0, 3), y0, t_eval=times, args=(p,)).y ** 2).sum()

    in_y0, in_p = ad.grad(total, (0, 1))(y0, p)
    h = 1e-4  # a central difference: h^2 of truncation, 1e-8 / h of the solver's error
    for gradient, at in ((in_y0, lambda d: total(y0 + d, p)), (in_p, lambda d: total(y0, p + d))):
        for i, slope in enumerate(gradient):
            step = h * np.eye(len(gradient))[i]
            assert slope == pytest.approx(float(at(step) - at(-step)) / (2 * h), rel=1e-4, abs=1e-3)


def test_the_gradient_of_a_small_loss_is_as_accurate_as_that_of_a_large_one() -> None:
    """The absolute tolerance was that of a cotangent of any size: below 1e-8 four digits were left."""

    def loss(k: Any, size: float) -> Any:
        return size * ad.solve_ivp(lambda t, y, k: -k * y, (0.0, 1.0), [2.0], t_eval=[1.0], args=(k,)).y[0, 0]

    for size in (1e-310, 1e-12, 1.0, 1.7e308):
        np.testing.assert_allclose(ad.grad(loss)(1.5, size) / size, -2.0 * np.exp(-1.5), rtol=1e-8)


def test_a_cotangent_that_is_nan_gives_nan_and_an_end() -> None:
    """The adjoint equation began at NaN, and SciPy's steps never ended."""

    def loss(k: Any) -> Any:
        y = ad.solve_ivp(lambda t, y, k: -k * y, (0.0, 1.0), [2.0], t_eval=[1.0], args=(k,)).y
        return np.sqrt(y[0, 0] - 3.0)

    with np.errstate(invalid="ignore"):
        assert np.isnan(ad.grad(loss)(1.0)) and np.isnan(ad.grad(ad.grad(loss))(1.0))


def test_a_stiff_equation_by_an_implicit_method() -> None:
    def van_der_pol(t: Any, y: Any, m: Any) -> Any:
        return np.stack([y[1], m * (1 - y[0] ** 2) * y[1] - y[0]])

    def end(m: Any) -> Any:
        return ad.solve_ivp(van_der_pol, (0, 2.0), [2.0, 0.0], "Radau", [2.0], args=(m,), rtol=1e-6, atol=1e-8).y[0, 0]

    assert ad.grad(end)(100.0) == pytest.approx(1.3438e-4, rel=1e-3)  # a difference at rtol 1e-10: 1.34382e-4


def test_wanted_times_may_repeat_and_come_in_any_order() -> None:
    t, weights = [1.0, 0.5, 0.5, 0.0], np.array([1.0, 10.0, 100.0, 1000.0])

    def total(k: Any) -> Any:
        found = ad.solve_ivp(lambda t, y, k: -k * y, (0, 1), [2.0], t_eval=t, args=(k,), rtol=1e-6, atol=1e-8)
        return (found.y[0] * weights).sum()

    for order, f in ((1, ad.grad(total)), (2, ad.grad(ad.grad(total)))):
        want = sum(w * 2 * (-s) ** order * np.exp(-3 * s) for w, s in zip(weights, t, strict=True))
        assert f(3.0) == pytest.approx(want, rel=1e-5)  # ten times the solver's own


def test_the_time_of_an_event_is_the_root_of_a_solution() -> None:
    """A body falls from h: the ground is reached after sqrt(2 h / g)."""

    def height(T: Any, g: Any, h: Any) -> Any:
        falling = lambda t, y, T, g: T * np.stack([y[1], -g])
        return ad.solve_ivp(falling, (0, 1), np.stack([h, 0 * h]), t_eval=[1.0], args=(T, g)).y[0, 0]

    time, slope = ad.value_and_grad(lambda g: ad.root(height, 1.0, g, np.asarray(2.0)))(9.81)
    assert time == pytest.approx(np.sqrt(4 / 9.81), rel=1e-9)
    assert slope == pytest.approx(-np.sqrt(4) / 2 * 9.81**-1.5, rel=1e-7)


def test_one_number_may_have_axes() -> None:
    np.testing.assert_allclose(ad.minimize(lambda p: ((p - 1) ** 2).sum(keepdims=True), np.zeros(2)).x, 1, rtol=1e-6)


def test_time_may_run_back_and_steps_may_be_scipys_own() -> None:
    found = ad.solve_ivp(lambda t, y: -y, (1.0, 0.0), [1.0])
    assert found.t[0] == 1.0 and found.t[-1] == 0.0
    np.testing.assert_allclose(found.y[0], np.exp(1.0 - found.t), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.solve_ivp(lambda t, y: y, (0, 1), 1.0), ValueError, r"a vector y0 of shape \(n,\)"),
        (lambda: ad.solve_ivp(lambda t, y: y, (0, 1), [1.0], t_eval=[2.0]), ValueError, "times within t_span"),
        (lambda: ad.solve_ivp(lambda t, y: y, (0, 1), [1.0], t_eval=[np.nan]), ValueError, "times within t_span"),
        (lambda: ad.solve_ivp(lambda t, y: y * 1j, (0, 1), [1.0]), TypeError, "f gave complex numbers"),
        (lambda: ad.solve_ivp(lambda t, y: y, (0, 1), [1j]), TypeError, "y0, or one of the arguments, gave complex"),
        (lambda: ad.solve_ivp(lambda t, y: y * np.nan, (0, 1), [1.0]), ad.GraphError, "f is nan at the start, t = 0"),
        (lambda: ad.solve_ivp(lambda t, y: y + np.inf, (0, 1), [1.0]), ad.GraphError, "f is inf at the start, t = 0"),
        (lambda: ad.solve_ivp(lambda t, y: y[:1], (0, 1), [1.0, 2.0]), ValueError, "f must return dy/dt of y's shape"),
        (
            lambda: ad.grad(lambda end: ad.solve_ivp(lambda t, y: y, (0, end), [1.0]).y[0, -1])(1.0),
            ad.LeavesGraphError,
            "t_span",
        ),
        (
            lambda: ad.grad(lambda k: ad.solve_ivp(lambda t, y: -k * y, (0, 1), [1.0]).y[0, -1])(1.0),
            ad.GraphError,
            "a recorded value that is none of its arguments",
        ),
    ],
)
def test_wrong_equations_are_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
