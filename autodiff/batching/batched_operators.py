"""Operators and methods of values inside ``vmap``: those of Tensors; masks can be combined as NumPy's booleans can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..registry import METHODS, OPS
from .handle import Batched
from .indexing import pick
from .routes import run_row

_ON_MASKS = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


def install(operators: dict[str, str], signs: dict[str, str], comparisons: dict[str, Any], accepted: Any) -> None:
    """Fill the class from the tables of Tensor's operators. accepted: the classes that may stand on the other side."""

    def put(name: str, function: Callable[..., Any]) -> None:
        setattr(Batched, f"__{name}__", lambda x, o: function(x, o) if isinstance(o, accepted) else NotImplemented)

    for name, row in operators.items():
        put(name, lambda x, o, row=OPS[row]: run_row(row, (x, o), row.defaults))
        put("r" + name, lambda x, o, row=OPS[row]: run_row(row, (o, x), row.defaults))
    for name, ufunc in _ON_MASKS.items():
        put(name, ufunc)
        put("r" + name, lambda x, o, ufunc=ufunc: ufunc(o, x))
    for name, ufunc in comparisons.items():
        put(name, ufunc)
    alone: dict[str, Callable[..., Any]] = {"invert": np.invert}
    alone.update({name: OPS[row] for name, row in signs.items()})
    for name, one in alone.items():
        setattr(Batched, f"__{name}__", _method(one))
    for name, function in METHODS.items():
        setattr(Batched, name, _method(function))
    Batched.__getitem__ = pick  # type: ignore[method-assign]


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__doc__ = function.__doc__
    return method
