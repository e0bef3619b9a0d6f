"""The members of Tensor and Scalar beside their value (``variable``), in one table: backward, operators, comparisons,
methods, writes, printing, copying. The rows fill in the rest.

Never here: how any of it works. ``recording.record_operands`` runs an operation; ``generated_paths`` does the same in
straight-line source for the common cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import leaves
from ..backward import ProductSum, backward
from ..batching import batched_operators, indexing
from ..names import elsewhere as names_elsewhere
from ..other_arrays import is_foreign
from ..recording import record_operands
from ..registry import METHODS, OPS, PUBLIC, Op
from ..variable import Scalar, Tensor, Variable, plain
from ..writes import writing
from . import display, generated_paths, interchange

OPERATORS = {  # Python's name -> row; each in three forms: x + y, y + x, x += y. Scalars have no matmul.
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
    "matmul": "matmul",
    "mod": "remainder",
    "floordiv": "floor_divide",
}
SIGNS = {"neg": "negative", "pos": "positive", "abs": "absolute"}
COMPARISONS = {  # return plain booleans
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
ON_BOTH: dict[str, Any] = {
    "backward": backward,
    "data": Variable.data.setter(writing.write),  # type: ignore[attr-defined]
    "__repr__": display.text,
    "__str__": display.value_text,
    "__format__": display.formatted,
    "__round__": display.rounded,
    "_repr_mimebundle_": display.notebook_card,
    "__reduce__": leaves.reduce,
    "__deepcopy__": leaves.deepcopy,
    "__dir__": names_elsewhere.attributes,
    "_mask": property(leaves.mask),
    "__torch_function__": classmethod(names_elsewhere.refuse_torch_function),
}
ON_TENSOR = {"__setitem__": writing.setitem, "_picked": staticmethod(indexing.pick), **interchange.MEMBERS}
_OPERANDS = (Variable, float, int, complex, np.generic, np.ndarray, list, tuple)  # beside a handle


def install() -> None:
    """Fill the two classes from the tables above and from the rows. Called once, when all rows are there."""
    for name, member in ON_BOTH.items():
        setattr(Variable, name, member)
    for name, refusal in names_elsewhere.refusals(PUBLIC, METHODS).items():
        setattr(Variable, name, refusal)  # x.cuda, x.view, ...: errors with the name to write here
    for name, member in ON_TENSOR.items():
        setattr(Tensor, name, member)
    for dunder, ufunc in COMPARISONS.items():
        setattr(Variable, f"__{dunder}__", _comparison(ufunc))
    ProductSum.times = OPS["multiply"]
    for dunder, row in OPERATORS.items():
        for name, reflected in ((f"__{dunder}__", False), (f"__r{dunder}__", True)):
            on_tensor, on_scalar = _operator(OPS[row], name, reflected)
            setattr(Tensor, name, on_tensor)
            if dunder != "matmul":
                setattr(Scalar, name, on_scalar)
        setattr(Tensor, f"__i{dunder}__", writing.inplace(row))
    for dunder, row in SIGNS.items():
        on_tensor, on_scalar = _sign(OPS[row], f"__{dunder}__")
        setattr(Tensor, f"__{dunder}__", on_tensor)
        setattr(Scalar, f"__{dunder}__", on_scalar)
    if generated_paths.ON:
        generated_paths.attach(OPS.values())
    for name, function in METHODS.items():
        fast = function.fast if isinstance(function, Op) else {}
        setattr(Tensor, name, fast.get(Tensor) or _method(name, function))
        if isinstance(function, Op) and function.elementwise:
            setattr(Scalar, name, fast.get(Scalar) or _method(name, function))
    for name, reflected in (("__divmod__", False), ("__rdivmod__", True)):
        setattr(Variable, name, _divmod(reflected))
    batched_operators.install(OPERATORS, SIGNS, COMPARISONS, _OPERANDS)


def _operator(op: Op, name: str, reflected: bool) -> generated_paths.Pair:
    """Return an operator for Tensors and one for Scalars; reflected: x is the right operand."""

    def operator(x: Any, o: Any) -> Any:
        if not isinstance(o, _OPERANDS) and not is_foreign(o):  # o may have the operator; otherwise Python raises
            names_elsewhere.refuse_operand(op.name, x, o)
            return NotImplemented
        return record_operands(op, (o, x) if reflected else (x, o), op.defaults)

    return generated_paths.binary(op, name, operator, reflected) if generated_paths.ON else (operator, operator)


def _divmod(reflected: bool) -> Callable[[Any, Any], Any]:
    def operator(x: Any, o: Any) -> Any:
        if not isinstance(o, _OPERANDS) and not is_foreign(o):
            return NotImplemented
        return (o // x, o % x) if reflected else (x // o, x % o)

    return operator


def _sign(op: Op, name: str) -> generated_paths.Pair:
    def operator(x: Any) -> Any:
        return record_operands(op, (x,), op.defaults)

    return generated_paths.unary(op, name, operator) if generated_paths.ON else (operator, operator)


def _comparison(ufunc: Any) -> Callable[[Any, Any], Any]:
    def compare(x: Variable, o: Any) -> Any:
        if not isinstance(o, _OPERANDS) and not is_foreign(o):
            names_elsewhere.refuse_operand(ufunc.__name__, x, o)
            return NotImplemented
        y = ufunc(x._data, plain(o))
        return bool(y) if x.__class__ is Scalar and np.ndim(y) == 0 else y

    return compare


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, function.doc if isinstance(function, Op) else function.__doc__
    return method
