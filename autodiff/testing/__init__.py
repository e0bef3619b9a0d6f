"""Proof that a derivative is right: one line, no tolerance to tune, and a counterexample a person can read.

`check_derivatives` takes a function of arrays (its derivatives are this engine's, or a bare rule's with `vjp=`) and
either proves them right, with the resolution of the proof, or shows the smallest input on which they are wrong and
what kind of mistake it looks like. `check_op`, `check_module` and `check_optimizer` do the same for a row of the
registry, a layer and an optimizer; `from_torch`, `from_jax` and `from_autograd` bring in rules of other libraries.

Import direction: this package reads the engine's public names; nothing in the engine imports it. The numerical core
(`autodiff.testing.measuring.differences`) needs NumPy alone; Hypothesis is imported where inputs are searched. Names load on
first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from autodiff.testing.measuring.differences import Estimate, numerical_derivative, power_of_two_direction

if TYPE_CHECKING:
    from autodiff.testing.check import check_derivatives as check_derivatives
    from autodiff.testing.decorator import derivative_test as derivative_test
    from autodiff.testing.reporting.report import DerivativeError as DerivativeError

_HOME = {
    "check": ("check_derivatives",),
    "report": ("DerivativeError", "DerivativeReport", "InconclusiveError"),
    "subject": ("Arguments",),
    "ops": ("check_op",),
    "layers": ("check_module",),
    "stepping": ("check_optimizer",),
    "decorator": ("derivative_test",),
    "margins": ("kink_margins",),
    "sabotage": ("power",),
    "adapters": ("from_autograd", "from_jax", "from_pair", "from_torch"),
    "guards": ("assert_deterministic", "assert_unmutated", "graph_leak_check"),
    "machine": ("GraphMachine",),
    "write": ("write_tests",),
    "strategies": (
        "arguments",
        "broadcastable",
        "indices",
        "layouts",
        "orthogonal",
        "shapes",
        "signature",
        "smooth_values",
        "spd",
        "tensors",
        "triangular",
        "values",
        "well_conditioned",
    ),
    "random_programs": ("check_program", "programs"),
    "networks": ("losses", "modules", "optimizers", "training_configs"),
}
# a name that is also a module of this package gets a module name of its own, so that neither hides the other
_MODULE_OF = {name: home for home, names in _HOME.items() for name in names}

__all__ = ["Estimate", "numerical_derivative", "power_of_two_direction", *sorted(_MODULE_OF)]  # noqa: PLE0604 (they are strings)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'autodiff.testing' has no attribute {name!r}")
    value = getattr(import_module(f"autodiff.testing.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
