"""How values print: ``repr``, ``str``, formatting, and the card that a notebook shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import leaves_graph
from ..graph import FLOAT64
from ..other_arrays import is_foreign, summary
from ..variable import Scalar, Variable


def text(self: Variable) -> str:
    """Return the ``repr`` of a handle: its value, and its dtype and operation where they matter."""
    if not isinstance(self._data, float | np.ndarray) and hasattr(type(self._data), "why"):
        return f"<{type(self).__name__.lower()}: overwritten {self._data.why}>"
    kind = type(self).__name__.lower()
    if is_foreign(self._data):
        value = summary(self._data)
    elif self.__class__ is Scalar:
        value = repr(self._data)
    else:
        value = np.array2string(self._data, separator=", ", prefix=kind + "(")
    facts = [] if self.dtype == FLOAT64 else [f"dtype={self.dtype}"]
    if self.node is None:
        facts.append("requires_grad=False")
    elif self.node.op is not None:
        facts.append(f"op={self.node.op.name}")
    return f"{kind}({', '.join([value, *facts])})"


def formatted(self: Variable, spec: str) -> str:
    """Return ``format(x, spec)``. A value of shape () takes a specification; an array takes none, even with one
    element, as in NumPy and PyTorch."""
    if spec and self.ndim:
        one = "x.item()" if self.size == 1 else "np.array2string(x.data, precision=3)"
        raise TypeError(
            f"f'{{x:{spec}}}' needs a single number; this {type(self).__name__} has shape {self.shape}. Write {one}."
        )
    return format(self.item(), spec) if spec else str(self)


def rounded(self: Variable, digits: int | None = None) -> float:
    """Return ``round(x, digits)`` of a value that is not recorded."""
    if self.node is not None:
        raise leaves_graph("round()", ".item()", "np.round")
    return round(self.item(), digits)


def value_text(self: Variable) -> str:
    """Return the ``str`` of a handle: that of its value."""
    return summary(self._data) if is_foreign(self._data) else str(self.data)


def notebook_card(self: Variable, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """Return the text for a notebook, and a small card with shape, dtype and statistics. Never raises."""
    bundle = {"text/plain": repr(self)}
    if is_foreign(self._data):  # statistics would compute it
        return bundle
    try:
        from ..drawing import card

        bundle["text/html"] = card(self)
    except Exception:  # a notebook cell must show its value even where the card fails
        return bundle
    return bundle
