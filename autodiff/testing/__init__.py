"""Prove that a derivative is right in one line, with no tolerance to tune, or show a readable counterexample.

`check_derivatives` takes a function of arrays (its derivatives are this engine's, or a bare rule's with `vjp=`). It
proves them right, with the resolution of the proof, or shows the smallest input on which they are wrong and the likely
kind of mistake. `check_op` does the same for a row of the registry; `from_torch`, `from_jax` and `from_autograd`
check rules of other libraries. Layers and optimizers are checked by `nn.testing`.

The rooms, lowest first; a file imports only from its own room and the rooms before it:

- `side_effects`: graph values left over, arrays written, results that change.
- `subjects`: the functions that are checked, with their derivatives.
- `inputs`: strategies for examples, and the shrinking of a failing one (needs Hypothesis).
- `measuring`: the measured slope of a function, and its comparison with a claimed slope (needs NumPy alone).
- `properties`: the properties of a right derivative.
- `reporting`: the report of a result.
- the files beside this one: the public functions.

Names load on first use. Nothing in the engine imports this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # names for type checkers and editors
    from autodiff.testing.check import check_derivatives as check_derivatives
    from autodiff.testing.decorator import derivative_test as derivative_test
    from autodiff.testing.gradient_cost import assert_cheap_gradient as assert_cheap_gradient
    from autodiff.testing.inputs.strategies import arguments as arguments
    from autodiff.testing.inputs.strategies import broadcastable as broadcastable
    from autodiff.testing.inputs.strategies import indices as indices
    from autodiff.testing.inputs.strategies import layouts as layouts
    from autodiff.testing.inputs.strategies import orthogonal as orthogonal
    from autodiff.testing.inputs.strategies import shapes as shapes
    from autodiff.testing.inputs.strategies import signature as signature
    from autodiff.testing.inputs.strategies import smooth_values as smooth_values
    from autodiff.testing.inputs.strategies import spd as spd
    from autodiff.testing.inputs.strategies import tensors as tensors
    from autodiff.testing.inputs.strategies import triangular as triangular
    from autodiff.testing.inputs.strategies import values as values
    from autodiff.testing.inputs.strategies import well_conditioned as well_conditioned
    from autodiff.testing.measuring.differences import numerical_derivative as numerical_derivative
    from autodiff.testing.measuring.differences import power_of_two_direction as power_of_two_direction
    from autodiff.testing.measuring.kink_distances import kink_margins as kink_margins
    from autodiff.testing.measuring.richardson import Estimate as Estimate
    from autodiff.testing.planted_mistakes import power as power
    from autodiff.testing.reporting.report import DerivativeError as DerivativeError
    from autodiff.testing.reporting.report import DerivativeReport as DerivativeReport
    from autodiff.testing.reporting.report import InconclusiveError as InconclusiveError
    from autodiff.testing.row_check import check_op as check_op
    from autodiff.testing.side_effects.determinism import assert_deterministic as assert_deterministic
    from autodiff.testing.side_effects.graph_leaks import graph_leak_check as graph_leak_check
    from autodiff.testing.side_effects.mutation import assert_unmutated as assert_unmutated
    from autodiff.testing.subjects.function_under_test import Arguments as Arguments
    from autodiff.testing.subjects.other_libraries import from_autograd as from_autograd
    from autodiff.testing.subjects.other_libraries import from_jax as from_jax
    from autodiff.testing.subjects.other_libraries import from_pair as from_pair
    from autodiff.testing.subjects.other_libraries import from_torch as from_torch
    from autodiff.testing.test_file_writer import write_tests as write_tests

_HOME = {
    "check": ("check_derivatives",),
    "row_check": ("check_op",),
    "decorator": ("derivative_test",),
    "gradient_cost": ("assert_cheap_gradient",),
    "planted_mistakes": ("power",),
    "test_file_writer": ("write_tests",),
    "reporting.report": ("DerivativeError", "DerivativeReport", "InconclusiveError"),
    "subjects.function_under_test": ("Arguments",),
    "subjects.other_libraries": ("from_autograd", "from_jax", "from_pair", "from_torch"),
    "measuring.richardson": ("Estimate",),
    "measuring.differences": ("numerical_derivative", "power_of_two_direction"),
    "measuring.kink_distances": ("kink_margins",),
    "side_effects.determinism": ("assert_deterministic",),
    "side_effects.mutation": ("assert_unmutated",),
    "side_effects.graph_leaks": ("graph_leak_check",),
    "inputs.strategies": (
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
}
_MODULE_OF = {name: home for home, names in _HOME.items() for name in names}
_ELSEWHERE = {
    **dict.fromkeys(("check_grads", "gradcheck"), "write ad.testing.check_derivatives(f, x)"),
    "gradgradcheck": "write ad.testing.check_derivatives(f, x, order=2)",
    **dict.fromkeys(
        ("check_module", "check_optimizer", "losses", "modules", "optimizers", "training_configs"),
        "it is in nn.testing: write `import nn.testing`, then `nn.testing.{}`",
    ),
    **dict.fromkeys(
        ("GraphMachine", "check_program", "programs"),
        "it tests the engine itself and is part of the test suite, in tests/support of the source distribution",
    ),
}

__all__ = sorted(_MODULE_OF)


if not TYPE_CHECKING:  # a misspelt name is an error to a type checker

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            where = f": {_ELSEWHERE[name].format(name)}" if name in _ELSEWHERE else ""
            raise AttributeError(f"module 'autodiff.testing' has no attribute {name!r}{where}")
        module = f"autodiff.testing.{_MODULE_OF[name]}"
        try:
            value = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name != "hypothesis":
                raise
            raise ModuleNotFoundError(
                f"autodiff.testing.{name} needs Hypothesis: pip install 'backflow[test]' (or pip install hypothesis)",
                name="hypothesis",
            ) from None
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
