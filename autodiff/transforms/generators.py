"""The random generators that a function may draw from, and their states: ``checkpoint`` puts them back, and ``vmap``
refuses numbers that were drawn once for all examples.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..variable import Variable


def states_of_generators(f: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[tuple[Any, Any, Any, Any]]:
    """Return (generator, how to get its state, how to set it, its state now) of all that f may draw from."""
    found: list[tuple[Any, Any, Any, Any]] = []
    if "numpy.random" in sys.modules:
        for r in {id(r): r for r in _generators(f, args, kwargs)}.values():
            found.append((r, state_of, _put, state_of(r)))
    return found


def state_of(r: Any) -> Any:
    """Return the state of a generator of NumPy or of Python."""
    if isinstance(r, np.random.Generator):
        return r.bit_generator.state
    return r.get_state() if hasattr(r, "get_state") else r.getstate()


def _put(r: Any, s: Any) -> None:
    if isinstance(r, np.random.Generator):
        r.bit_generator.state = s
    elif hasattr(r, "set_state"):
        r.set_state(s)
    else:
        r.setstate(s)


def _generators(f: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[Any]:
    """Yield every generator among the arguments and the objects that f captures: closures, globals, bound objects,
    modules."""
    yield np.random.mtrand._rand  # that of np.random.normal and its like
    kinds: tuple[type, ...] = (np.random.Generator, np.random.RandomState)
    if "random" in sys.modules:
        import random

        yield random._inst
        kinds = (*kinds, random.Random)
    todo, seen = [f, *args, *kwargs.values()], set()
    while todo:
        x = todo.pop()
        if id(x) in seen or x is None or isinstance(x, Variable | np.ndarray | float | int | str | bytes | type):
            continue
        seen.add(id(x))
        if isinstance(x, kinds):
            yield x
        elif isinstance(x, types.ModuleType):
            package = sys.modules.get(x.__name__.partition(".")[0], x)
            todo.append(vars(package).get("default_generator"))  # a package with a generator of its own, as nn
        elif isinstance(x, list | tuple | set):
            todo.extend(x)
        elif isinstance(x, dict):
            todo.extend(x.values())
        else:
            todo.extend(_captured(x, x is f))


def _captured(x: Any, called: bool) -> Iterator[Any]:
    """Yield the parts of a function or an object that may be a generator, or have one."""
    if isinstance(x, types.FunctionType) and x.__name__ == "default_generator":
        yield x()
    elif isinstance(x, types.FunctionType):
        yield from (c.cell_contents for c in x.__closure__ or () if _is_set(c))
        yield from (*(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values(), getattr(x, "__wrapped__", None))
        yield from (x.__globals__[name] for name in _names(x.__code__) if name in x.__globals__)
    elif isinstance(x, types.MethodType):
        yield from (x.__func__, x.__self__)
    elif isinstance(x, functools.partial):
        yield from (x.func, x.args, x.keywords)
    elif callable(getattr(x, "generators", None)):  # a module lists its generators
        yield from x.generators()
    else:
        values = vars(x).values() if hasattr(x, "__dict__") else ()
        yield from values if called else (v for v in values if hasattr(v, "bit_generator") or hasattr(v, "getstate"))
        if called:
            yield type(x).__call__


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # a name that is assigned later
        return False
    return True


def _names(code: Any) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names(const)
