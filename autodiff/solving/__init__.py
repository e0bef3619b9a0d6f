"""Solvers of SciPy on this engine, and derivatives of the solutions of any solver.

``minimizing`` gives gradients, Hessians and Jacobians to ``scipy.optimize``. ``implicit_functions`` differentiates a
solution by the equation that it solves, never through the steps of the solver; ``equations`` and ``integrating`` use
it and the adjoint method for SciPy's own solvers. ``trees`` turns nested parameters into one vector and back. Never
here: an optimization method of our own. Everything loads at first use; SciPy when a solver that needs it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..names.on_demand import names_on_demand

if TYPE_CHECKING:  # names for type checkers and editors
    from .equations import fixed_point as fixed_point
    from .equations import minimizer as minimizer
    from .equations import root as root
    from .implicit_functions import implicit as implicit
    from .integrating import solve_ivp as solve_ivp
    from .minimizing import least_squares as least_squares
    from .minimizing import minimize as minimize

_PLACES = {
    "fixed_point": "equations",
    "implicit": "implicit_functions",
    "least_squares": "minimizing",
    "minimize": "minimizing",
    "minimizer": "equations",
    "root": "equations",
    "solve_ivp": "integrating",
}
__all__ = sorted(_PLACES)
if not TYPE_CHECKING:  # a misspelt name is an error to a type checker
    __getattr__, __dir__ = names_on_demand(__name__, _PLACES)
