"""Derivatives of a solution by the equation that it solves: the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import GraphError, kind_of
from ..recording import record_operands
from ..registry import Op
from ..transforms import jacobian, vjp
from ..transforms.containers import flatten
from ..variable import Variable, is_live, plain
from .trees import Layout, by_example, own_value, to_vector

Function = Callable[..., Any]


def implicit(solver: Function, condition: Function, *, tolerance: float = 1e-6) -> Function:
    """Return a function that runs a solver, with derivatives from the equation that the solution fulfils.

    solver(*parameters) gets plain values and returns the solution: an array, a number, or a nesting of them; it may use
    any library. condition(solution, *parameters), written in NumPy functions, is zero at the solution and has as many
    numbers. With x the solution and F the condition, dx/dp = -(dF/dx)^-1 dF/dp (the implicit function theorem): the
    steps of the solver are not recorded, and cost no memory. Every order, both modes. The Jacobian dF/dx is made whole
    and solved by ``np.linalg.solve``.

    A derivative is refused (GraphError) where the solution does not fulfil the condition: where one Newton step would
    move it by more than ``tolerance``, relative to its largest number, and by more than ``tolerance**2``.
    numpy.linalg.LinAlgError where dF/dx is singular within rounding, which is where the solution has no derivative.

    Christianson (1994), "Reverse accumulation and attractive fixed points"; Blondel et al. (2022), "Efficient and
    modular implicit differentiation". JAX: ``jax.lax.custom_root``.

    >>> import autodiff as ad, numpy as np
    >>> def newton(a):
    ...     x = 1.0
    ...     for _ in range(40):
    ...         x = (x + a / x) / 2
    ...     return x
    >>> root_of = ad.implicit(newton, lambda x, a: x * x - a)
    >>> ad.grad(root_of)(4.0), ad.grad(ad.grad(root_of))(4.0)
    (0.25, -0.03125)
    """
    for what, f in (("solver", solver), ("condition", condition)):
        if not callable(f):
            raise TypeError(f"ad.implicit(solver, condition) needs two functions; {what} is {kind_of(f)}.")

    @by_example
    @wraps(solver)
    def solve(*parameters: Any) -> Any:
        given, rebuild = flatten(parameters)
        recorded = [k for k, v in enumerate(given) if isinstance(v, Variable) and is_live(v)]
        constants = [plain(v) for v in given]
        solution = solver(*rebuild(constants))
        layout = Layout(solution, "ad.implicit: the solver")

        def residual(x: Any, *operands: Any) -> Any:
            values = list(constants)
            for k, v in zip(recorded, operands, strict=True):
                values[k] = v
            out = to_vector(flatten(condition(layout.tree(x), *rebuild(values)))[0])
            if np.shape(out) != np.shape(plain(x)):
                raise GraphError(
                    f"ad.implicit: the solution has {np.size(plain(x))} numbers and the condition "
                    f"{np.size(plain(out))}; there must be as many equations as unknowns."
                )
            return out

        own_value(residual(layout.start, *[constants[k] for k in recorded]), "ad.implicit: the condition")
        if not recorded:
            return solution
        adjoint = _Adjoint(residual, tolerance)
        row = Op(
            lambda *operands: layout.start,
            lambda g, y, i, operands: adjoint.cotangent(g, y, i, operands),
            name=getattr(solver, "__name__", "solver"),
            inputs="*operands",
            opaque=True,
            doc="Return the solution of an equation",
        )
        return layout.tree(record_operands(row, [given[k] for k in recorded], {}))

    return solve


class _Adjoint:
    """The rule of a solution: it solves one linear system for each cotangent, for all operands together."""

    def __init__(self, residual: Function, tolerance: float) -> None:
        self.residual, self.tolerance = residual, tolerance
        self.latest: tuple[Any, Any] | None = None  # the walk calls the rule for one operand after the other

    def cotangent(self, g: Any, y: Any, i: int, operands: tuple[Any, ...]) -> Any:
        latest = self.latest  # read once: another thread may walk the same graph
        if latest is None or latest[0] is not g:
            latest = self.latest = (g, self.cotangents(g, y, operands))
        if i == len(operands) - 1:
            self.latest = None
        return latest[1][i]

    def cotangents(self, g: Any, y: Any, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        slopes = jacobian(self.residual)(y, *operands)
        self.check(plain(slopes), np.asarray(plain(y)), [plain(v) for v in operands])
        u = np.linalg.solve(slopes.T, g)  # ``check`` has solved with it
        _, pullback = vjp(lambda *values: self.residual(y, *values), *operands)
        return pullback(-u)

    def check(self, slopes: np.ndarray, y: np.ndarray, operands: list[Any]) -> None:
        """Refuse a solution that a Newton step would move."""
        if _is_singular(slopes):
            raise np.linalg.LinAlgError(
                "ad.implicit: the Jacobian of the condition in the solution is singular, so that the solution has no "
                "derivative there: it is a multiple root, one of many solutions, or the condition has a kink."
            )
        step = np.linalg.solve(slopes, plain(self.residual(y, *operands)))
        moved, size = np.max(np.abs(step), initial=0.0), np.max(np.abs(y), initial=0.0)
        if not (moved <= self.tolerance * size or moved <= self.tolerance**2):
            raise GraphError(
                f"ad.implicit: the solution does not fulfil the condition: a Newton step would move it by {moved:.3g}, "
                f"and its largest number is {size:.3g}. Let the solver run longer, or give tolerance=."
            )


def _is_singular(a: np.ndarray) -> bool:
    """Return whether a matrix is singular within rounding, whatever the units of its rows and columns: ``solve`` gives
    numbers without a right digit for most of these. A NaN is not singular: it stays one."""
    if not a.size or not np.isfinite(a).all():
        return False
    for axis in (1, 0):
        size = np.max(np.abs(a), axis=axis, keepdims=True, initial=0.0)
        if not size.all():
            return True
        a = a / size
    return bool(np.linalg.cond(a, 1) * np.finfo(np.float64).eps > 1.0)
