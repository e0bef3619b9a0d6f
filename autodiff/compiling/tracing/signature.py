"""The arguments of a compiled function: which are inputs by shape and dtype, and which are fixed in its program.

Arrays, NumPy numbers, Tensors and Scalars are inputs, also inside lists, tuples and dicts. Everything else is fixed:
Python numbers, strings, None, functions, modules. Another value of a fixed argument needs another program: numbers and
strings are compared by value, anything else by identity.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

from ...other_arrays import numbers
from ...variable import Scalar, Variable

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


def signature(tree: Any, inputs: list[Any], floor: float, seen: dict[int, int]) -> Hashable:
    """Return a key of these arguments, equal for calls of the same program; append the inputs among them, in order.

    seen: where each input stands in ``inputs``; one that is given twice is one input, as in the function itself.
    """
    kind = type(tree)
    if kind is tuple or kind is list:
        return (kind, *[signature(x, inputs, floor, seen) for x in tree])
    if kind is dict:
        return (dict, *tree, *[signature(x, inputs, floor, seen) for x in tree.values()])
    if kind in PLAIN:
        return (kind, repr(tree) if kind is float or kind is complex else tree)  # nan, and -0.0
    if _is_input(tree):
        place = seen.setdefault(id(tree), len(inputs))
        if place < len(inputs):
            return ("again", place)
        inputs.append(tree)
        return _of_input(tree, kind, floor)
    if isinstance(tree, tuple | list):  # a named tuple
        return (kind, *[signature(x, inputs, floor, seen) for x in tree])
    if isinstance(tree, np.ndarray):
        raise TypeError(f"compile takes arrays; got a {kind.__name__}. Write np.asarray(x).")
    return Same(numbers(tree, "compile", "x"))


def without_numbers(key: Hashable) -> Hashable:
    """Return a signature with the kinds of Python numbers in place of their values."""
    if not isinstance(key, tuple):
        return key
    if len(key) == 2 and key[0] in (int, float, complex):
        return key[:1]
    return tuple([without_numbers(part) for part in key])


def _is_input(x: Any) -> bool:
    return type(x) is np.ndarray or isinstance(x, Variable) or (isinstance(x, np.generic) and x.dtype.kind in "biufc")


def _of_input(x: Any, kind: Any, floor: float) -> Hashable:
    if kind is np.ndarray:
        return (x.shape, x.dtype, layout(x))
    if not isinstance(x, Variable):
        return (kind,)
    node = x.node
    live = node is not None and node.serial >= floor
    if not isinstance(x, Scalar) and x._data.__class__ is not np.ndarray:
        numbers(x._data, "compile")
    fact: tuple[Any, ...] = (kind, live)
    if live and node.op is None:  # type: ignore[union-attr]
        hooks = tuple(map(Same, node.notes.hooks)) if node.notes is not None else ()  # type: ignore[union-attr]
        fact = (kind, live, node.grad is not None, hooks)  # type: ignore[union-attr]
    return fact if isinstance(x, Scalar) else (*fact, x.shape, x.dtype, layout(x._data))


def fixed_in(tree: Any) -> Iterator[Any]:
    """Yield the objects among the arguments that are no inputs: their contents may change."""
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, tuple | list):
        if not isinstance(tree, (np.ndarray, np.generic, Variable, *PLAIN)):
            yield tree
        return
    for part in tree:
        yield from fixed_in(part)


def layout(a: Any) -> Any:
    """Return the order in memory of an array: it decides which results are views, and the order of sums."""
    flags = a.flags
    return (None if a.ndim < 2 or flags.c_contiguous else a.strides) if a.ndim != 1 or flags.c_contiguous else a.strides


def rebuilt(tree: Any, values: Iterator[Any], made: dict[int, Any] | None = None) -> Any:
    """Return the same arguments with the next of ``values`` in place of every input; one given twice is one."""
    made = {} if made is None else made
    if _is_input(tree):
        if id(tree) not in made:
            made[id(tree)] = next(values)
        return made[id(tree)]
    kind = type(tree)
    if kind is dict:
        return {k: rebuilt(x, values, made) for k, x in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [rebuilt(x, values, made) for x in tree]
        return kind(*parts) if hasattr(tree, "_fields") else kind(parts)
    return tree


def value_of(x: Any) -> Any:
    """Return the array or NumPy number that a program gets for an input."""
    if isinstance(x, Variable):
        data = x._data
        return np.float64(data) if data.__class__ is float else data
    return x
