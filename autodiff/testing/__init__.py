"""Prove that a derivative is right in one line, with no tolerance to tune, or show a counterexample a person can read.

`check_derivatives` takes a function of arrays (its derivatives are this engine's, or a bare rule's with `vjp=`). It
proves them right, with the resolution of the proof, or shows the smallest input on which they are wrong and the kind of
mistake it looks like. `check_op` does the same for a row of the registry; `from_torch`, `from_jax` and `from_autograd`
bring in rules of other libraries. Layers and optimizers are checked by `nn.testing`.

The rooms, lowest first; a file imports only from its own room and the rooms before it:

- `side_effects`: graph values left over, arrays written, results that change.
- `subjects`: what is checked.
- `inputs`: where examples come from, and how a failing one shrinks (needs Hypothesis).
- `measuring`: the slope a function has, and whether a claimed slope agrees with it (needs NumPy alone).
- `properties`: the properties of a right derivative.
- `reporting`: the report of a result.
- the files beside this one: what users call.

Names load on first use. Nothing in the engine imports this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autodiff.testing.check import check_derivatives as check_derivatives
    from autodiff.testing.decorator import derivative_test as derivative_test
    from autodiff.testing.measuring.differences import numerical_derivative as numerical_derivative
    from autodiff.testing.reporting.report import DerivativeError as DerivativeError

_HOME = {
    "check": ("check_derivatives",),
    "row_check": ("check_op",),
    "decorator": ("derivative_test",),
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
