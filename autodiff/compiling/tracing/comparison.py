"""Comparison of two programs of one function: the first difference."""

from __future__ import annotations

from functools import partial
from operator import is_
from types import FunctionType, MemberDescriptorType
from typing import Any

import numpy as np

from ...variable import Variable
from ..program import Instruction, Program, Ref, described, refs
from .traced_array import TracedArray

ENDS = " in their results, guards or writes"


def difference(a: Program, b: Program) -> str | None:
    """Return where two programs differ, as the end of a sentence; None where they are equal."""
    for x, y in zip(a.instructions, b.instructions, strict=False):
        if not _same(x, y):
            return f" at {described(y)}" if x.function == y.function else f" at {described(x)} and {described(y)}"
    if a.constants.keys() != b.constants.keys():
        return " in the plain arrays that they use"
    for index, array in a.constants.items():
        if not alike(array, b.constants[index]):
            users = [i for i in b.instructions if index in [r.index for r in refs((i.arguments, i.keywords))]]
            return (
                f" in an array of shape {array.shape}, which is used at {described(users[0])}"
                if users
                else (f" in an array of shape {array.shape}")
            )
    ends = [(p.outputs, p.guards, p.writes, p.inputs, p.states, len(p.instructions)) for p in (a, b)]
    return None if alike(*ends) else ENDS


def different_result(first: Any, second: Any) -> str | None:
    """Return where two runs (``Traced``) return other plain values, as words; None where they are equal."""
    mine, yours = first.outputs, second.outputs
    if first.rebuild([0] * len(mine)) != second.rebuild([0] * len(yours)):
        return "lists, tuples or dicts of other lengths or keys"
    for k, (a, b) in enumerate(zip(mine, yours, strict=True)):
        if a.kind != b.kind or not same_value(a.value, b.value, []):
            where = f" (leaf {k})" if len(mine) > 1 else ""
            plain = a.kind == b.kind == "fixed"
            return (f"{_short(a.value)} and then {_short(b.value)}" if plain else "another value") + where
    return None


def same_value(a: Any, b: Any, met: list[Any]) -> bool:
    """Return whether two objects that two runs have made are equal to a caller: by value, or by their parts.

    met: pairs that are being compared further out
    """
    if a is b or any(a is x and b is y for x, y in met):
        return True
    if type(a) is not type(b):
        return False
    if a.__class__ is Ref:
        return bool(a == b)
    if type(a) is TracedArray:
        a._trace.index_of(a)  # refuses a value of a trace that is over
    met = [*met, (a, b)]
    if isinstance(a, Variable):
        return same_value(a._data, b._data, met) and a.requires_grad == b.requires_grad
    if isinstance(a, np.ndarray) and a.dtype != object:
        return alike(a, b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same_value(x, y, met) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same_value(a[k], b[k], met) for k in a)
    compares: Any = type(a).__eq__
    if compares is not object.__eq__ and not isinstance(compares, FunctionType):  # written in C
        return alike(a, b)
    inside = _inside(a)
    return inside is not None and same_value(inside, _inside(b), met)


def _inside(x: Any) -> list[Any] | None:
    """Return the parts of an object; None where Python has no way to list them."""
    if isinstance(x, FunctionType):
        cells = [c.cell_contents for c in x.__closure__ or ()]
        return [*_known_by_name(x), x.__defaults__, x.__kwdefaults__, cells, vars(x)]
    if isinstance(x, partial):
        return [x.func, x.args, x.keywords]
    members = [
        member for part in type(x).__mro__ for member in vars(part).values() if type(member) is MemberDescriptorType
    ]
    if not members and not hasattr(x, "__dict__"):
        return None
    slots = [member.__get__(x) for member in members if _is_set(member, x)]
    return [getattr(x, "__dict__", None), slots, x.args if isinstance(x, BaseException) else None]


def _is_set(member: Any, x: Any) -> bool:
    try:
        member.__get__(x)
    except AttributeError:
        return False
    return True


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) < 60 else f"{text[:50]}..."


def _same(x: Instruction, y: Instruction) -> bool:
    if x.function is y.function and x.results == y.results and not x.keywords and not y.keywords:
        if len(x.arguments) == len(y.arguments) and all(map(is_, x.arguments, y.arguments)):
            return True
    return (
        (x.function == y.function or _known_by_name(x.function) == _known_by_name(y.function))
        and x.results == y.results
        and alike(x.arguments, y.arguments)
        and alike(x.keywords, y.keywords)
    )


def _known_by_name(function: Any) -> Any:
    return getattr(function, "__qualname__", None), getattr(function, "__code__", function)


def alike(a: Any, b: Any) -> bool:
    """Return whether two things of two runs are equal: arrays by their elements, functions by their code."""
    if a is b:
        return True
    if a.__class__ is Ref:
        return bool(a == b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, slice):
        return isinstance(b, slice) and alike((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if isinstance(a, partial) and isinstance(b, partial):
        return alike((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if callable(a) and callable(b):
        return bool(a == b) or (_known_by_name(a) == _known_by_name(b) and type(a) is type(b))
    return type(a) is type(b) and bool(a == b or (a != a and b != b))
