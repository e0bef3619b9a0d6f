"""Arguments of NumPy calls as trees: search for traced values, and replacement of values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...variable import Variable
from ..functional import SELF
from ..program import mapped
from .traced_array import TracedArray


@cache
def _parameters(function: Any) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of a NumPy function that has an ``out``; nothing of others."""
    try:
        parameters = tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ()
    return parameters if any(p.name == "out" for p in parameters) else ()


def options_by_name(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a call with its options by name and without those that are not given: ``np.sum(x, axis=0)``."""
    if len(args) < 2 or isinstance(getattr(function, "__self__", function), np.ufunc):
        return args, keywords
    parameters = _parameters(function)
    names = [p.name for p in parameters]
    if "out" not in names or len(args) <= names.index("out") or names[0] == "out":
        return args, keywords
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):  # np.einsum: all of these are operands
        return args, keywords
    required = [k for k, p in enumerate(parameters) if p.default is p.empty]
    count = required[-1] + 1
    given = {p.name: (p.default, x) for p, x in zip(parameters[count:], args[count:], strict=False)}
    return args[:count], {**{k: x for k, (default, x) in given.items() if x is not default}, **keywords}


def equal(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))


def has_traced(tree: Any) -> bool:
    if type(tree) is TracedArray:
        return True
    if isinstance(tree, dict):
        return any(has_traced(x) for x in tree.values())
    return type(tree) in (tuple, list) and any(has_traced(x) for x in tree)


def plain_handles(tree: Any) -> Any:
    """Return constants of the graph as their values; a recorded value stays, and NumPy's protocol refuses it."""
    if isinstance(tree, Variable):
        return tree if tree.node is not None else tree.data
    return type(tree)([plain_handles(x) for x in tree]) if type(tree) in (tuple, list) else tree


def replaced(tree: Any, change: Callable[[TracedArray], Any]) -> Any:
    """Return the same tree with another array in place of every traced number."""
    if type(tree) is TracedArray:
        return change(tree) if tree._weak else tree
    if type(tree) is dict:
        return {k: replaced(x, change) for k, x in tree.items()}
    return type(tree)([replaced(x, change) for x in tree]) if type(tree) in (tuple, list) else tree


def static(tree: Any) -> Any:
    """Return the same tree with examples; a traced number as a Python number."""
    if type(tree) is TracedArray:
        return tree._example.item() if tree._weak else tree._example
    if type(tree) is dict:
        return {k: static(x) for k, x in tree.items()}
    return type(tree)([static(x) for x in tree]) if type(tree) in (tuple, list) else tree


def index_of_arrays(index: Any) -> Any:
    """Return an index in which a traced number of no axes stays traced, and lists of traced ones are arrays."""
    parts = index if isinstance(index, tuple) else (index,)
    made = tuple([_traced_list(i) if isinstance(i, list) else i for i in parts])
    return made if isinstance(index, tuple) else made[0]


def with_plain_integers(tree: Any) -> Any:
    """Return a shape or positions with Python's integers in place of traced ones."""
    if type(tree) is TracedArray:
        return int(tree) if tree.ndim == 0 else tree.tolist()
    return type(tree)([with_plain_integers(x) for x in tree]) if type(tree) in (tuple, list) else tree


def _traced_list(index: list[Any]) -> Any:
    found = next((x for x in index if type(x) is TracedArray), None)
    return index if found is None else found._trace.create(np.asarray, (index,), {})


def sorted_out(tree: Any, weak: list[TracedArray], dtypes: list[Any]) -> None:
    """Collect the traced numbers of a call, and the dtypes of the arrays beside them."""
    if type(tree) is TracedArray:
        if tree._weak:
            weak.append(tree)
        else:
            dtypes.append(tree.dtype)
    elif isinstance(tree, np.ndarray | np.generic):
        dtypes.append(tree.dtype)
    elif isinstance(tree, dict):
        for x in tree.values():
            sorted_out(x, weak, dtypes)
    elif type(tree) in (tuple, list):
        for x in tree:
            sorted_out(x, weak, dtypes)


def put(tree: Any, x: Any, index: int | None = None) -> Any:
    """Return arguments with x in place of SELF; or, of the value with that index."""
    if index is not None:
        return mapped(tree, lambda ref: x if ref.index == index else ref)
    if tree is SELF:
        return x
    return type(tree)([put(part, x) for part in tree]) if type(tree) in (tuple, list) else tree
