"""The arguments of a compiled function: which are inputs by shape and dtype, and which are fixed in its program.

Arrays, NumPy numbers, Tensors and Scalars are inputs, also inside lists, tuples and dicts. Everything else is fixed:
Python numbers, strings, None, functions, modules. Another value of a fixed argument is another program: numbers and
strings are told apart by their value, anything else by the object.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from ..variable import Scalar, Variable

PLAIN = (bool, int, float, complex, str, bytes, type(None))


class Same:
    """An object in a signature: equal to itself alone. It is held, so that no later one can have its id."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)


def signature(tree: Any, inputs: list[Any], floor: float) -> Hashable:
    """Return what a program depends on in these arguments, and append the inputs among them, in their order."""
    kind = type(tree)
    if kind is np.ndarray:
        inputs.append(tree)
        return (tree.shape, tree.dtype, _layout(tree))
    if kind is tuple or kind is list:
        return (kind, *[signature(x, inputs, floor) for x in tree])
    if kind is dict:
        return (dict, *tree, *[signature(x, inputs, floor) for x in tree.values()])
    if isinstance(tree, Variable):
        inputs.append(tree)
        node = tree.node
        live = node is not None and node.serial >= floor
        fact: tuple[Any, ...] = (kind, live)
        if live and node.op is None:  # type: ignore[union-attr]
            hooks = tuple(map(Same, node.notes.hooks)) if node.notes is not None else ()  # type: ignore[union-attr]
            fact = (kind, live, node.grad is not None, hooks)  # type: ignore[union-attr]
        return fact if isinstance(tree, Scalar) else (*fact, tree.shape, tree.dtype, _layout(tree._data))
    if kind in PLAIN:
        return (kind, repr(tree) if kind is float or kind is complex else tree)  # nan, and -0.0
    if isinstance(tree, np.generic) and tree.dtype.kind in "biufc":
        inputs.append(tree)
        return (kind,)
    if isinstance(tree, tuple | list):  # a named tuple
        return (kind, *[signature(x, inputs, floor) for x in tree])
    if isinstance(tree, np.ndarray):
        raise TypeError(f"compile takes arrays; got a {kind.__name__}. Write np.asarray(x).")
    return Same(tree)


def _layout(a: Any) -> Any:
    """How an array lies in memory: it decides what is a view, and in which order sums are made."""
    flags = a.flags
    return (None if a.ndim < 2 or flags.c_contiguous else a.strides) if a.ndim != 1 or flags.c_contiguous else a.strides


def rebuilt(tree: Any, inputs: Any) -> Any:
    """Return the same arguments with the next of ``inputs`` in the place of every input."""
    kind = type(tree)
    if (
        kind is np.ndarray
        or isinstance(tree, Variable)
        or (isinstance(tree, np.generic) and tree.dtype.kind in "biufc")
    ):
        return next(inputs)
    if kind is dict:
        return {k: rebuilt(x, inputs) for k, x in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [rebuilt(x, inputs) for x in tree]
        return kind(*parts) if hasattr(tree, "_fields") else kind(parts)
    return tree


def value_of(x: Any) -> Any:
    """Return the array or NumPy number that a program gets for an input."""
    if isinstance(x, Variable):
        data = x._data
        return np.float64(data) if data.__class__ is float else data
    return x
