"""Solvers of SciPy on this engine, and derivatives through what any solver found.

``minimizing`` hands gradients, Hessians and Jacobians to ``scipy.optimize``. ``implicit_functions`` differentiates a
solution by the equation that it solves, never through the steps of the solver; ``equations`` and ``integrating`` use
it and the adjoint method for SciPy's own solvers. ``trees`` turns nested parameters into one vector and back. Never
here: an optimization method of our own. Everything loads when it is first named; SciPy when a solver that needs it
is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
