"""``scipy.optimize`` with derivatives: ``minimize`` and ``least_squares`` over nested parameters."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..errors import GraphError, kind_of
from ..transforms import hessian, hvp, jacobian, value_and_grad
from ..transforms.containers import flatten
from ..variable import Variable, is_live, plain
from .trees import Layout, own_value, scipys, to_vector

Function = Callable[..., Any]
Result: TypeAlias = Any  # SciPy's OptimizeResult, whose fields depend on the method
# The methods of SciPy that take no gradient; the others take it, and some take the Hessian too.
WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
WITH_PRODUCTS = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}
WITH_HESSIAN = {"dogleg", "trust-exact"}


def minimize(
    fun: Function,
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | Function | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Function | None = None,
    options: dict[str, Any] | None = None,
) -> Result:
    """Find the parameters for which fun is least, by ``scipy.optimize.minimize`` with exact derivatives.

    fun(parameters, *args) returns a single number. x0: where the search starts: an array, a number, or lists, tuples
    and dicts of them; SciPy computes in float64. method: SciPy's. The gradient is supplied to every method that takes
    one, products with the Hessian to Newton-CG, trust-ncg, trust-krylov and trust-constr, the Hessian itself to dogleg
    and trust-exact; so there is no ``jac`` or ``hess`` to give.
    bounds: as in SciPy for an array; for a nesting the same nesting with a pair (low, high) in place of each leaf,
    whose ends are numbers, arrays of the leaf's shape, or None. constraints: SciPy's dicts, ``NonlinearConstraint``,
    whose functions take the parameters as fun does, and ``LinearConstraint``, over the vector of all numbers; their
    derivatives are supplied. callback: called once an iteration, in one of SciPy's forms: callback(parameters), or
    callback(intermediate_result=), whose ``x`` is nested as x0; of trust-constr also callback(parameters, state).
    options, tol: SciPy's.

    Returns SciPy's ``OptimizeResult``; ``x`` and ``jac`` are nested as x0. Matrices such as ``hess_inv`` are over the
    vector of all numbers.
    Raises TypeError when fun returns no number or more than one, ValueError for bounds that do not fit x0, GraphError
    when fun depends on a recorded value (``ad.minimizer`` differentiates the result).

    >>> import autodiff as ad, numpy as np
    >>> rosenbrock = lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    >>> found = ad.minimize(rosenbrock, {"x": -1.0, "y": 2.0}, method="trust-exact", tol=1e-8)
    >>> {name: round(v, 5) for name, v in found.x.items()}
    {'x': 1.0, 'y': 1.0}
    """
    if not callable(fun):
        raise TypeError(f"ad.minimize(fun, x0) needs a function; got {kind_of(fun)}.")
    args = args if isinstance(args, tuple) else (args,)  # as SciPy reads it
    _refuse_recorded(flatten(args)[0])
    layout = Layout(x0, "ad.minimize")

    def on_vector(v: Any) -> Any:
        y = fun(layout.tree(v), *args)
        if isinstance(y, list | tuple | dict | str | None) or math.prod(np.shape(plain(y))) != 1:
            raise TypeError(
                f"ad.minimize needs a function that returns a single number; it returned {kind_of(y)}. Write .sum() or "
                ".mean() of it; for residuals, ad.least_squares minimizes the sum of their squares."
            )
        return y

    name = method.lower() if isinstance(method, str) else ""  # SciPy also takes a function of the user's
    given: dict[str, Any] = {}
    if name in WITHOUT_GRADIENT:
        value: Function = lambda v: np.asarray(own_value(on_vector(v), "ad.minimize: f")).item()
    else:
        value, given["jac"] = _numbers(value_and_grad(on_vector)), True
    if name in WITH_PRODUCTS:
        given["hessp"] = lambda v, p: np.asarray(hvp(on_vector, (v,), (np.asarray(p, np.float64),)))
    if name in WITH_HESSIAN:
        second = hessian(on_vector)
        given["hess"] = lambda v: np.asarray(second(v))
    if callback is not None:
        given["callback"] = _callback(callback, layout)
    single = constraints if isinstance(constraints, list | tuple) else [constraints]
    found = scipys("optimize", "ad.minimize").minimize(
        value,
        layout.start,
        method=method,
        bounds=_bounds(bounds, x0, layout),
        constraints=[_constraint(c, layout, name) for c in single],
        tol=tol,
        options=options,
        **given,
    )
    return _nested(found, layout, "jac")


def _callback(callback: Function, layout: Layout) -> Function:
    """Return the callback over the vector, in the form that SciPy recognises by its parameters."""
    parameters = list(inspect.signature(callback).parameters)
    if parameters == ["intermediate_result"]:

        def over_result(intermediate_result: Result) -> Any:
            x = layout.plain(intermediate_result.x)
            return callback(intermediate_result=type(intermediate_result)(intermediate_result, x=x))

        return over_result
    if len(parameters) > 1:
        return lambda v, *state: callback(layout.plain(v), *state)
    return lambda v, *_: callback(layout.plain(v))


def least_squares(fun: Function, x0: Any, args: tuple[Any, ...] = (), *, bounds: Any = None, **options: Any) -> Result:
    """Find the parameters for which the sum of squares of fun is least, by ``scipy.optimize.least_squares`` with an
    exact Jacobian.

    fun(parameters, *args) returns the residuals, an array or a nesting of arrays. x0: as for ``minimize``. bounds: of
    an array SciPy's (lows, highs), each a number or one for each parameter; of a nesting as for ``minimize``.
    options: SciPy's (``method``, ``loss``, ``f_scale``, ``x_scale``, ``ftol``, ``kwargs`` of fun, ...).

    Returns SciPy's ``OptimizeResult``; ``x`` and ``grad`` are nested as x0, ``jac`` is the matrix over all numbers.

    >>> import autodiff as ad, numpy as np
    >>> t = np.linspace(0.0, 1.0, 20)
    >>> decay = lambda p: p["size"] * np.exp(-p["rate"] * t) - 3.0 * np.exp(-2.0 * t)
    >>> found = ad.least_squares(decay, {"size": 1.0, "rate": 1.0})
    >>> {name: round(v, 5) for name, v in found.x.items()}
    {'size': 3.0, 'rate': 2.0}
    """
    if not callable(fun):
        raise TypeError(f"ad.least_squares(fun, x0) needs a function; got {kind_of(fun)}.")
    if "jac" in options:
        raise TypeError("ad.least_squares computes the Jacobian itself: leave jac out.")
    args, kwargs = tuple(args) if isinstance(args, tuple | list) else (args,), options.pop("kwargs", {})
    _refuse_recorded(flatten([args, kwargs])[0])
    layout = Layout(x0, "ad.least_squares")

    def residuals(v: Any) -> Any:
        return to_vector(flatten(fun(layout.tree(v), *args, **kwargs))[0])

    limits = _bounds(bounds, x0, layout) if isinstance(x0, dict | list | tuple) else _two_sides(bounds, layout)
    if limits is not None:
        options["bounds"] = limits
    found = scipys("optimize", "ad.least_squares").least_squares(
        lambda v: own_value(residuals(v), "ad.least_squares: f"), layout.start, jac=jacobian(residuals), **options
    )
    return _nested(found, layout, "grad")


def _numbers(both: Function) -> Function:
    """Return the function with its value as a Python float, because SciPy compares it, and its gradient in NumPy's
    memory: that of a lazy array is computed here.
    """

    def value_and_gradient(v: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = both(v)
        _refuse_recorded([value])
        return np.asarray(value).item(), np.asarray(gradient)

    return value_and_gradient


def _refuse_recorded(values: Sequence[Any]) -> None:
    if any(isinstance(v, Variable) and is_live(v) for v in values):
        raise GraphError(
            "ad.minimize and ad.least_squares give a plain result, and the function depends on a recorded value whose "
            "gradient would be lost. Write ad.minimizer(f, start, *parameters), whose result is differentiated, or "
            ".data."
        )


def _nested(found: Result, layout: Layout, gradient: str) -> Result:
    found.x = layout.plain(found.x)
    if isinstance(found.get(gradient), np.ndarray):
        found[gradient] = layout.plain(found[gradient])
    return found


def _bounds(bounds: Any, start: Any, layout: Layout) -> Any:
    """Return bounds over the vector of all numbers."""
    made = scipys("optimize", "ad.minimize").Bounds
    if bounds is None or isinstance(bounds, made):
        return bounds
    if not isinstance(start, dict | list | tuple):
        pairs = [bounds] if np.shape(start) == () and _is_pair(bounds) else list(bounds)
        if len(pairs) != layout.start.size:
            raise ValueError(
                f"bounds must be {layout.start.size} pairs (low, high), one for each number of the start; got "
                f"{len(pairs)}. For the same bounds everywhere write scipy.optimize.Bounds(low, high)."
            )
        low, high = zip(*pairs, strict=True)
    else:
        low, high = zip(*_pairs(bounds, start), strict=True)
    ends = []
    for side, default in ((low, -np.inf), (high, np.inf)):
        values = [default if v is None else v for v in side]
        if isinstance(start, dict | list | tuple):
            try:
                values = [np.broadcast_to(v, shape) for v, shape in zip(values, layout.shapes, strict=True)]
            except ValueError:
                raise ValueError(
                    f"each bound must be a number, None, or an array of its leaf's shape, of {layout.shapes}; "
                    f"got {[np.shape(v) for v in values]}."
                ) from None
            values = to_vector(values)
        ends.append(np.asarray(values, np.float64))
    return made(*ends)


def _two_sides(bounds: Any, layout: Layout) -> Any:
    """Return the bounds of ``least_squares`` over an array: (lows, highs), where ``minimize`` has pairs."""
    made = scipys("optimize", "ad.least_squares").Bounds
    if bounds is None or isinstance(bounds, made):
        return bounds
    count = layout.start.size
    try:
        low, high = (np.broadcast_to(np.asarray(side, np.float64), (count,)) for side in bounds)
        if np.isnan([low, high]).any():  # of None
            raise TypeError
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds must be (lows, highs), each a number or {count} numbers, with -np.inf and np.inf for none; got "
            f"{bounds!r}."
        ) from None
    return made(low, high)


def _pairs(bounds: Any, start: Any) -> list[Any]:
    """Return the pair of each leaf, in the order of the leaves."""
    if isinstance(start, dict):
        if not isinstance(bounds, dict) or bounds.keys() != start.keys():
            raise ValueError(f"bounds must be a dict with the keys {list(start)}; got {kind_of(bounds)}.")
        return [pair for key in start for pair in _pairs(bounds[key], start[key])]
    bounds = list(bounds) if isinstance(bounds, np.ndarray | zip) else bounds
    if isinstance(start, list | tuple):
        if not isinstance(bounds, list | tuple) or len(bounds) != len(start):
            raise ValueError(f"bounds must have {len(start)} parts, as the start; got {kind_of(bounds)}.")
        return [pair for b, s in zip(bounds, start, strict=True) for pair in _pairs(b, s)]
    if not _is_pair(bounds):
        raise ValueError(f"the bounds of a leaf must be a pair (low, high); got {kind_of(bounds)}.")
    return [bounds]


def _is_pair(x: Any) -> bool:
    return isinstance(x, list | tuple) and len(x) == 2 and not isinstance(x[0], list | tuple)


def _constraint(constraint: Any, layout: Layout, method: str) -> Any:
    """Return a constraint over the vector of all numbers, with its derivatives: the Hessian for trust-constr only,
    because the other methods warn that they ignore it."""
    nonlinear = scipys("optimize", "ad.minimize").NonlinearConstraint
    if isinstance(constraint, nonlinear):
        on_vector, both = _of_vector(constraint.fun, (), layout)
        curvature = lambda v, w: hessian(lambda u: np.sum(np.reshape(on_vector(u), (-1,)) * w))(v)
        second = {"hess": curvature} if method == "trust-constr" else {}
        return nonlinear(
            lambda v: own_value(on_vector(v), "ad.minimize: a constraint"),
            constraint.lb,
            constraint.ub,
            jac=both,
            keep_feasible=constraint.keep_feasible,
            **second,
        )
    if isinstance(constraint, dict):
        if "fun" not in constraint:
            raise ValueError(f"a constraint needs 'type' and 'fun'; got a dict with the keys {list(constraint)}.")
        on_vector, both = _of_vector(constraint["fun"], tuple(constraint.get("args", ())), layout)
        kept = {k: v for k, v in constraint.items() if k not in ("args", "jac")}
        return {**kept, "fun": lambda v: own_value(on_vector(v), "ad.minimize: a constraint"), "jac": both}
    return constraint


def _of_vector(fun: Function, args: Sequence[Any], layout: Layout) -> tuple[Function, Function]:
    """Return a constraint's function over the vector, and its Jacobian."""

    def on_vector(v: Any) -> Any:
        return fun(layout.tree(v), *args)

    def slopes(v: np.ndarray) -> Any:
        return jacobian(on_vector)(v)

    return on_vector, slopes
