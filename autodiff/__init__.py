"""Backflow: automatic differentiation on NumPy that people can read, see and trust.

Wrap what you differentiate, leave the rest as NumPy:

>>> import autodiff as ad, numpy as np
>>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
>>> y = np.tanh(x @ x.T).sum()
>>> y.backward()
>>> x.grad.shape
(2, 2)

Public names come in groups: values (``tensor``, ``scalar``), modes (``no_grad``, ``record``, ``detect_anomaly``),
transforms (``grad``, ``jvp``, ``hessian``), errors, and one function for each row of the registry. Drawing, testing
and the compiler load at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from . import descriptions, display, names_elsewhere, ops
from .backward import gradients_of_graph
from .errors import AnomalyError, ExitError, GraphError, MissingRuleError, StaleValueError, WriteError
from .leaves import scalar, tensor
from .gradient_buffers import zeros_on_cache_lines
from .modes import (
    current_scope,
    detect_anomaly,
    enable_grad,
    is_recording,
    keeps_record,
    no_grad,
    record,
    scope,
    strict,
)
from .registry import PUBLIC as _ROWS
from .transforms import checkpoint, custom_vjp, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .variable import Scalar, Tensor, Variable
from .writing import WriteMark, mark_written

__version__ = "0.1.0"

globals().update(_ROWS)  # one function for each row and composite: ad.tanh, ad.einsum, ad.logsumexp, ...

_LATER = {
    "draw": ".drawing",
    "draw_compare": ".drawing",
    "draw_function": ".drawing",
    "drawing": ".drawing",
    "testing": ".testing",
}

# fmt: off
__all__ = [
    "AnomalyError", "ExitError", "GraphError", "MissingRuleError", "Scalar", "StaleValueError", "Tensor",
    "Variable", "WriteError", "WriteMark", "checkpoint", "current_scope", "custom_vjp", "detect_anomaly", "draw",
    "draw_compare", "draw_function", "drawing", "enable_grad", "grad", "gradients_of_graph", "hessian", "hvp",
    "is_recording", "jacobian", "jvp", "keeps_record", "mark_written", "no_grad", "ops", "record", "scalar",
    "scope", "strict", "tensor", "testing", "value_and_grad", "vjp",
    "zeros_on_cache_lines",
]
# fmt: on
__all__ += sorted(_ROWS)


def __getattr__(name: str) -> Any:
    """Heavy parts load when they are first named."""
    if name == "training_report":
        raise AttributeError("training_report is nn's: write nn.training_report(history, model=model)")
    if name not in _LATER:
        raise AttributeError(f"module 'autodiff' has no attribute {name!r}")
    module = import_module(_LATER[name], __name__)
    value = module if _LATER[name] == f".{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
