"""Roots, fixed points and minima as functions of their parameters, with derivatives by the equation they solve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError, kind_of
from ..transforms import grad, jacobian
from ..transforms.containers import flatten, flatten_as
from ..variable import plain
from .implicit_functions import implicit
from .minimizing import minimize
from .trees import Layout, by_example, own_value, real_numbers, scipys, to_vector

Function = Callable[..., Any]


@by_example
def root(f: Function, start: Any, *parameters: Any, method: str = "hybr", tol: float | None = None) -> Any:
    """Return where f(x, *parameters) is zero, by ``scipy.optimize.root`` with an exact Jacobian; recorded.

    start: an array, a number, or a nesting of them; f returns as many numbers. The result is nested as the start, and
    has derivatives of every order in the parameters (``ad.implicit``), none in the start. method, tol: SciPy's.
    GraphError where SciPy finds no root.

    >>> import autodiff as ad, numpy as np
    >>> ad.grad(lambda a: ad.root(lambda x, a: x**3 - a, 1.0, a))(8.0)
    0.083333333333...
    """
    _check("root", f)
    layout = Layout(start, "ad.root")

    def solver(*constants: Any) -> Any:
        def on_vector(v: Any) -> Any:
            out = to_vector(flatten(f(layout.tree(v), *constants))[0])
            if np.size(plain(out)) != layout.start.size:
                raise ValueError(
                    f"ad.root: f returned {np.size(plain(out))} numbers for {layout.start.size} unknowns; there must "
                    "be as many equations as unknowns."
                )
            return out

        found = scipys("optimize", "ad.root").root(
            lambda v: own_value(on_vector(v), "ad.root: f"),
            layout.start,
            jac=jacobian(on_vector) if method in ("hybr", "lm") else None,
            method=method,
            tol=tol,
        )
        if not found.success:
            raise GraphError(f"ad.root found no root from this start: {' '.join(found.message.split())}")
        return layout.plain(found.x)

    return implicit(solver, f)(*parameters)


@by_example
def fixed_point(f: Function, start: Any, *parameters: Any, rtol: float = 1e-12, max_iterations: int = 10_000) -> Any:
    """Return the x with f(x, *parameters) = x, by repeating f; recorded.

    f returns a value nested and shaped as x, and each step must come nearer to the fixed point. The result has
    derivatives of every order in the parameters (``ad.implicit``), none in the start. The steps end when no number
    changes by more than ``rtol`` of the largest; GraphError when that does not happen in ``max_iterations``.

    >>> import autodiff as ad, numpy as np
    >>> ad.fixed_point(lambda x, a: np.cos(x) * a, 1.0, 1.0)
    0.73908513321...
    >>> ad.grad(lambda a: ad.fixed_point(lambda x, a: np.cos(x) * a, 1.0, a))(1.0)
    0.44161079170...
    """
    _check("fixed_point", f)
    layout = Layout(start, "ad.fixed_point")

    def solver(*constants: Any) -> Any:
        x, moved = layout.start, np.inf
        for _ in range(max_iterations):
            new = real_numbers(layout.vector(f(layout.plain(x), *constants), "what f returns"), "ad.fixed_point: f")
            moved, size = np.max(np.abs(new - x), initial=0.0), np.max(np.abs(new), initial=0.0)
            x = new
            if not np.isfinite(size):
                break
            if moved <= rtol * size:
                return layout.plain(x)
        raise GraphError(
            f"ad.fixed_point: x still moves by {moved:.3g}: it does not converge in {max_iterations} steps. Where "
            "f does not come nearer with each step, write ad.root(lambda x, *p: f(x, *p) - x, start, *parameters)."
        )

    def condition(x: Any, *values: Any) -> Any:
        new = flatten_as(f(x, *values), x, "what f returns")
        return [a - b for a, b in zip(flatten(x)[0], new, strict=True)]

    return implicit(solver, condition)(*parameters)


@by_example
def minimizer(f: Function, start: Any, *parameters: Any, method: str | None = None, **options: Any) -> Any:
    """Return the x at which f(x, *parameters) is least, by ``ad.minimize``; recorded.

    The result is nested as the start, and has derivatives of every order in the parameters, from the equation that the
    gradient of f is zero (``ad.implicit``). There are no bounds and constraints here, because that equation does not
    hold where one is active. method, options: those of ``ad.minimize``. GraphError where SciPy finds no minimum.

    >>> import autodiff as ad, numpy as np
    >>> data = np.array([1.0, 2.0, 6.0])
    >>> ridge = lambda weight: ad.minimizer(lambda m, w: np.sum((data - m) ** 2) + w * m * m, 0.0, weight)
    >>> round(ad.grad(ridge)(1.0), 6)                     # the mean is 9 / (3 + w)
    -0.5625
    """
    _check("minimizer", f)
    refused = [name for name in ("bounds", "constraints") if name in options]
    if refused:
        raise TypeError(
            f"ad.minimizer takes no {refused[0]}: at an active one the gradient of f is not zero. Write the constraint "
            "into the parameters (x = np.exp(u) is positive), or use ad.minimize, whose result is not differentiated."
        )
    options.setdefault("tol", 1e-12)

    def solver(*constants: Any) -> Any:
        found = minimize(f, start, constants, method, **options)
        if not (found.success or _is_flat(found)):
            raise GraphError(f"ad.minimizer found no minimum from this start: {found.message}")
        return found.x

    return implicit(solver, grad(f))(*parameters)


def _is_flat(found: Any) -> bool:
    """Return whether an unsuccessful search ended at a minimum: line searches fail where rounding hides the last
    descent."""
    if "jac" not in found:
        return False
    slope, size = (np.max(np.abs(to_vector(flatten(tree)[0])), initial=0.0) for tree in (found.jac, found.x))
    return bool(slope * max(size, 1.0) <= 1e-6 * max(abs(found.fun), 1.0))


def _check(who: str, f: Any) -> None:
    if not callable(f):
        raise TypeError(f"ad.{who}(f, start, *parameters) needs a function; got {kind_of(f)}.")
