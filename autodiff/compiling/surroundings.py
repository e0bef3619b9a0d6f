"""What a program depends on beside its arguments and states: plain attributes of modules, and plain numbers and strings
that the function itself captures.
"""

from __future__ import annotations

import types
from typing import Any

PLAIN = (bool, int, float, complex, str, type(None), tuple)


def surroundings(function: Any, owners: list[Any]) -> list[tuple[Any, Any]]:
    """Return (thing, its settings) for the function, what it wraps, and the modules that ran with all inside them."""
    found: dict[int, tuple[Any, Any]] = {}
    roots = [getattr(function, "__self__", None), *owners]
    while function is not None:
        roots.append(function)
        if isinstance(function, types.FunctionType):
            found[id(function)] = (function, settings(function))
        function = getattr(function, "__wrapped__", None)
    for root in roots:
        modules = getattr(root, "modules", None) if hasattr(type(root), "named_parameters") else None
        for module in modules() if modules is not None else ():
            found.setdefault(id(module), (module, settings(module)))
    return list(found.values())


def settings(thing: Any) -> list[Any]:
    """Return the plain attributes of a module; of a function the plain values of its globals and its closure."""
    if thing.__class__ is types.FunctionType:
        names, around = thing.__code__.co_names, thing.__globals__
        found = [(name, around[name]) for name in names if name in around and type(around[name]) in PLAIN]
        for cell in thing.__closure__ or ():
            try:
                if type(cell.cell_contents) in PLAIN:
                    found.append(("", cell.cell_contents))
            except ValueError:  # not assigned yet
                found.append(("", ValueError))
        return found
    return [(name, value) for name, value in vars(thing).items() if type(value) in PLAIN]


def names_of_parameters(things: list[tuple[Any, Any]]) -> dict[int, str]:
    """Return the names of parameters and buffers, by the ids of their handles, as the outermost module knows them."""
    names: dict[int, str] = {}
    for module, _ in things:
        for walk in ("named_parameters", "named_buffers"):
            for name, p in getattr(module, walk, tuple)():
                names[id(p)] = max(name, names.get(id(p), ""), key=len)
    return names
