"""Whether two programs of one function are equal, and where they are not."""

from __future__ import annotations

from functools import partial
from operator import is_
from typing import Any

import numpy as np

from ..program import Instruction, Program, Ref, described, refs


def difference(a: Program, b: Program) -> str | None:
    """Return where two programs differ, as the end of a sentence; None where they are equal."""
    for x, y in zip(a.instructions, b.instructions, strict=False):
        if not _same(x, y):
            return f" at {described(y)}" if x.function == y.function else f" at {described(x)} and {described(y)}"
    if a.constants.keys() != b.constants.keys():
        return " in the plain arrays that they use"
    for index, array in a.constants.items():
        if not _alike(array, b.constants[index]):
            users = [i for i in b.instructions if index in [r.index for r in refs((i.arguments, i.keywords))]]
            return (
                f" in an array of shape {array.shape}, which is used at {described(users[0])}"
                if users
                else (f" in an array of shape {array.shape}")
            )
    ends = [(p.outputs, p.guards, p.writes, p.inputs, p.states, len(p.instructions)) for p in (a, b)]
    return None if _alike(*ends) else " in what they return, ask or write"


def _same(x: Instruction, y: Instruction) -> bool:
    if x.function is y.function and x.results == y.results and not x.keywords and not y.keywords:
        if len(x.arguments) == len(y.arguments) and all(map(is_, x.arguments, y.arguments)):
            return True
    return (
        (x.function == y.function or _known_by_name(x.function) == _known_by_name(y.function))
        and x.results == y.results
        and _alike(x.arguments, y.arguments)
        and _alike(x.keywords, y.keywords)
    )


def _known_by_name(function: Any) -> Any:
    return getattr(function, "__qualname__", None), getattr(function, "__code__", function)


def _alike(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if a.__class__ is Ref:
        return bool(a == b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_alike(a[k], b[k]) for k in a)
    if isinstance(a, slice):
        return isinstance(b, slice) and _alike((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if isinstance(a, partial) and isinstance(b, partial):
        return _alike((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if callable(a) and callable(b):
        return bool(a == b) or (_known_by_name(a) == _known_by_name(b) and type(a) is type(b))
    return type(a) is type(b) and bool(a == b or a != a)
