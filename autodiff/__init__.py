"""Backflow: automatic differentiation on NumPy that people can read, see and trust.

Wrap what you differentiate, leave the rest as NumPy:

>>> import autodiff as ad, numpy as np
>>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
>>> y = np.tanh(x @ x.T).sum()
>>> y.backward()
>>> x.grad.shape
(2, 2)

Public names come in groups: values (``tensor``, ``scalar``), modes (``no_grad``, ``record``, ``detect_anomaly``),
transforms (``grad``, ``jvp``, ``hessian``), errors, and one function for each row of the registry. ``autodiff.extend``
is for people who add rows. Drawing and testing load at first use.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from . import array_api, extend, fft, linalg, ops, signal, special, stats
from .errors import (
    AnomalyError,
    BatchedValueError,
    GraphError,
    LeavesGraphError,
    MissingRuleError,
    SingularPointError,
    StaleValueError,
    TraceError,
    WriteError,
)
from .leaves import scalar, tensor
from .modes import (
    detect_anomaly,
    enable_grad,
    is_recording,
    no_grad,
    record,
    scope,
    strict,
)
from .names.descriptions import describe_rows
from .names.elsewhere import IN_PACKAGE, no_such_name
from .registry import PUBLIC as _ROWS
from .transforms import (
    checkpoint,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from .variable import Scalar, Tensor, Variable, plain

__version__ = "0.1.0"

describe_rows(linalg, fft, signal, special, stats)
globals().update({**array_api.CONSTANTS, **array_api.DTYPES, **array_api.PUBLIC})  # what the Array API adds
globals().update(_ROWS)  # one function for each row and composite: ad.tanh, ad.einsum, ad.logsumexp, ...

_LATER = {
    "compile": ".compiling",
    "compiling": ".compiling",
    "draw": ".drawing",
    "draw_compare": ".drawing",
    "draw_function": ".drawing",
    "drawing": ".drawing",
    "explain": ".explaining",
    "parallel": ".parallel",
    "profile": ".compiling",
    "fixed_point": ".solving",
    "implicit": ".solving",
    "least_squares": ".solving",
    "minimize": ".solving",
    "minimizer": ".solving",
    "root": ".solving",
    "show_versions": ".versions",
    "solve_ivp": ".solving",
    "solving": ".solving",
    "testing": ".testing",
}

__all__ = [
    "AnomalyError",
    "BatchedValueError",
    "GraphError",
    "LeavesGraphError",
    "MissingRuleError",
    "Scalar",
    "SingularPointError",
    "StaleValueError",
    "Tensor",
    "TraceError",
    "Variable",
    "WriteError",
    "checkpoint",
    "compile",
    "compiling",
    "custom_vjp",
    "detect_anomaly",
    "draw",
    "draw_compare",
    "draw_function",
    "drawing",
    "enable_grad",
    "explain",
    "extend",
    "fft",
    "fixed_point",
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "is_recording",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "least_squares",
    "linalg",
    "minimize",
    "minimizer",
    "no_grad",
    "ops",
    "plain",
    "parallel",
    "profile",
    "record",
    "root",
    "scalar",
    "scope",
    "signal",
    "show_versions",
    "solve_ivp",
    "solving",
    "special",
    "stats",
    "stop_gradient",
    "strict",
    "tensor",
    "testing",
    "value_and_grad",
    "vjp",
    "vmap",
]
__all__ += sorted({*_ROWS, *array_api.PUBLIC})


def __getattr__(name: str) -> Any:
    """Return a name whose module loads at first use; raise AttributeError with advice for a name that is not here."""
    if name == "ExitError":
        warnings.warn("ad.ExitError is now called ad.LeavesGraphError", DeprecationWarning, stacklevel=2)
        return LeavesGraphError
    if name == "training_report":
        raise AttributeError("training_report is nn's: write nn.training_report(history, model=model)")
    if name in extend.__all__:
        raise no_such_name("autodiff", name, {name: f"write autodiff.extend.{name}"}, ())
    if name not in _LATER:
        if name.startswith("__"):
            raise AttributeError(f"module 'autodiff' has no attribute {name!r}")
        raise no_such_name("autodiff", name, IN_PACKAGE, __all__)
    module = import_module(_LATER[name], __name__)
    value = module if _LATER[name] == f".{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
