"""What a program depends on beside its arguments and states: the attributes of modules, and what the function itself
finds in its closure and among its globals.

Plain numbers and strings are compared by value, lists and dicts by the objects in them, anything else by the object.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from functools import cache
from typing import Any

PLAIN = (bool, int, float, complex, str, bytes)
_GONE = object()


class Surroundings:
    """What was there when the function was traced. Everything is held, so that no later object can have its id."""

    def __init__(self, function: Any, owners: list[Any]) -> None:
        self.things = list({id(thing): thing for thing in _things(function, owners)}.values())
        self._then = [
            (thing, {name: (value, _inside(value)) for name, value in _around(thing)}) for thing in self.things
        ]

    def fits(self) -> bool:
        """Whether everything is as it was."""
        for thing, then in self._then:
            count = 0
            for name, value in _around(thing):
                count += 1
                old, inside = then.get(name, (_GONE, None))
                if value is not old and not (type(value) in PLAIN and type(old) is type(value) and value == old):
                    return False
                if inside is not None and not _same(_inside(value), inside):
                    return False
            if count != len(then):
                return False
        return True

    def names(self) -> dict[int, str]:
        """Return the names of parameters and buffers by the ids of their handles, as the outermost module has them."""
        names: dict[int, str] = {}
        for module in self.things:
            for walk in ("named_parameters", "named_buffers"):
                for name, p in getattr(module, walk, tuple)():
                    names[id(p)] = max(name, names.get(id(p), ""), key=len)
        return names


def _things(function: Any, owners: list[Any]) -> Iterator[Any]:
    """The function and what it wraps, and the modules that ran with all inside them."""
    roots = [getattr(function, "__self__", None), *owners]
    while function is not None:
        roots.append(function)
        if isinstance(function, types.FunctionType):
            yield function
        function = getattr(function, "__wrapped__", None)
    for root in roots:
        if hasattr(type(root), "named_parameters") and hasattr(root, "modules"):
            yield from root.modules()


def _around(thing: Any) -> Iterator[tuple[Any, Any]]:
    """The attributes of a module; of a function, its globals and its closure."""
    if thing.__class__ is not types.FunctionType:
        yield from list(vars(thing).items())
        return
    around = thing.__globals__
    for name in _globals_in(thing.__code__):
        if name in around:
            yield name, around[name]
    for k, cell in enumerate(thing.__closure__ or ()):
        try:
            yield k, cell.cell_contents
        except ValueError:  # not assigned yet
            yield k, _GONE


@cache
def _globals_in(code: types.CodeType) -> tuple[str, ...]:
    """The globals that a function reads, also in functions inside it: not attributes, which may have their names."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inner = [name for part in code.co_consts if isinstance(part, types.CodeType) for name in _globals_in(part)]
    return tuple(sorted(names.union(inner)))


def _inside(value: Any) -> list[Any] | None:
    kind = type(value)
    if kind is list or kind is tuple:
        return list(value)
    return [*value, *value.values()] if kind is dict else None


def _same(now: list[Any] | None, then: list[Any]) -> bool:
    return (
        now is not None
        and len(now) == len(then)
        and all(
            [a is b or (type(a) in PLAIN and type(a) is type(b) and a == b) for a, b in zip(now, then, strict=True)]
        )
    )
