"""Changes that a traced function makes to Python's own state: to random generators, iterators, and counters.

A program changes none of it, and would give at every call what the trace found. So the second trace must leave it as it
was. The draws that a trace wrote down are put back by then. A change that only the first trace makes (a cache that it
fills) stays, as it does in the function itself.
"""

from __future__ import annotations

import dis
import itertools
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...transforms.generators import state_of
from .comparison import alike
from .surroundings import CONTAINERS, Surroundings

_BUILTIN = ("builtins", "itertools")
_PLAIN = (bool, int, float, complex, np.generic)
_LOADS = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")
_STORES = ("STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF", "STORE_SUBSCR")


class Watch:
    """The states of the generators, iterators and numbers that a function can reach."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.known = _known_generators()
        things = [generator for generator, _, _ in self.known]
        things += map(_owner, (*around.met, *around.things))
        positions = [(thing, _position(thing)) for thing in {id(thing): thing for thing in things}.values()]
        self.positions = [(thing, position) for thing, position in positions if position is not None]

    def moved(self) -> str | None:
        """Return a clause: the state that the function has changed, the place, and the remedy; None for no change."""
        then = {name: generator for generator, name, _ in self.known}
        if any(then.get(name, generator) is not generator for generator, name, _ in _known_generators()):
            where = self._where(sys.modules["nn"].seed)
            return f"sets the seed of nn{where}, which its program would not. Call nn.seed before the function."
        for thing, position in self.positions:
            if alike(_position(thing), position):
                continue
            if hasattr(thing, "__next__"):
                return (
                    f"takes a value of an iterator ({type(thing).__name__}){self._where(thing)}, which would be the "
                    "same at every call. Take it before the call, and pass it as an argument: an array."
                )
            names = {id(generator): (name, door) for generator, name, door in self.known}
            name, door = names.get(id(thing), (f"a {type(thing).__name__}", thing))
            return (
                f"draws from {name}{self._where(thing, door)}, and the numbers would be the same at every call. Draw "
                "with ad.extend.draw_random(generator, method, ...) from a NumPy Generator; or draw before the call, "
                "and pass the value as an argument: an array."
            )
        for owner, before, now in self.around.changed(_PLAIN):
            if not self._is_read(owner, now):
                continue
            return (
                f"changes a number that it reads, from {before!r} to {now!r}{self._where_set(owner, now)}, which its "
                "program would not. Change it outside, and pass it as an argument; or keep it as "
                "ad.tensor(0.0, requires_grad=False), whose writes are followed."
            )
        return None

    def _is_read(self, owner: Any, now: Any) -> bool:
        """Return whether code reads this number, and does not only set it: by a name, where only names lead to it."""
        if isinstance(owner, types.FunctionType):
            cells = zip(owner.__code__.co_freevars, owner.__closure__ or (), strict=False)
            inside = {**owner.__globals__, **{name: _content(cell) for name, cell in cells}, **vars(owner)}
        elif isinstance(owner, CONTAINERS) or not hasattr(owner, "__dict__"):
            return True
        else:
            inside = dict(vars(owner))
        names = {name for name, value in inside.items() if value is now}
        return self.around.reads_any or not names or not names.isdisjoint(self._read_names())

    def _read_names(self) -> set[str]:
        codes = [thing.__code__ for thing in self.around.things if type(thing) is types.FunctionType]
        found: set[str] = set()
        while codes:
            code = codes.pop()
            found.update(i.argval for i in dis.get_instructions(code) if i.opname in _LOADS)
            codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
        return found

    # ---- the line
    def _where(self, *wanted: Any) -> str:
        """Return the first line of a reached function that names one of these, or a method of one; otherwise the first
        line of the function that is traced."""

        def found(value: Any) -> bool:
            return any(value is w or getattr(value, "__self__", None) is w for w in wanted)

        lines = (at for at, value, name in self._named() if name not in _STORES and found(value))
        return next(lines, self._first_line())

    def _where_set(self, owner: Any, now: Any) -> str:
        """Return a line that sets this number, or an item of its owner; if possible one that reads it, too."""
        named = list(self._named())
        read = {at for at, value, name in named if name not in _STORES and (value is owner or value is now)}
        sets = [at for at, value, name in named if (name in _STORES and value is now) or name == "STORE_SUBSCR"]
        return next((at for at in sets if at in read), sets[0] if sets else self._first_line())

    def _first_line(self) -> str:
        codes = (thing.__code__ for thing in self.around.things if type(thing) is types.FunctionType)
        return next((f", in the function at {code.co_filename}:{code.co_firstlineno}" for code in codes), "")

    def _named(self) -> Iterator[tuple[str, Any, str]]:
        """Yield (line, the value of a name there, the instruction) of the functions that were reached."""
        for thing in self.around.things:
            if type(thing) is types.FunctionType:
                cells = dict(zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=False))
                yield from self._named_in(thing.__code__, thing.__globals__, cells)

    def _named_in(self, code: Any, names: dict[str, Any], cells: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
        value: Any = None
        for i in dis.get_instructions(code):
            if i.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
                value = names.get(i.argval)
            elif i.opname in ("LOAD_DEREF", "STORE_DEREF"):
                value = _content(cells.get(i.argval))
            elif i.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR"):
                value = self._attribute(value, i.argval)
            else:
                value = None
            line = i.positions.lineno if i.positions is not None else code.co_firstlineno
            yield f" at {code.co_filename}:{line}", value, i.opname
        for part in code.co_consts:
            if isinstance(part, types.CodeType):
                yield from self._named_in(part, names, cells)

    def _attribute(self, of: Any, name: str) -> Any:
        """Return an attribute: of the value of the instruction before, or of any object that was reached."""
        for thing in self.around.things if of is None else (of,):
            found = (getattr(thing, "__dict__", None) or {}).get(name)
            if found is not None and (of is not None or _position(_owner(found)) is not None or type(found) in _PLAIN):
                return found
        return None


def _known_generators() -> list[tuple[Any, str, Any]]:
    """Return the generators that every function reaches: each with its name, and the object through which code reaches
    it."""
    known = [(np.random.mtrand._rand, "the global generator of np.random", np.random)]
    if "random" in sys.modules:
        module = sys.modules["random"]
        known.append((module._inst, "Python's random", module))
    find = getattr(sys.modules.get("nn"), "default_generator", None)
    return [*known, (find(), "the default generator of nn", find)] if find is not None else known


def _owner(thing: Any) -> Any:
    """Return the object whose method ``rng.random`` is."""
    return thing.__self__ if isinstance(thing, types.BuiltinMethodType) else thing


def _position(thing: Any) -> Any:
    """Return a value that changes when a generator draws or an iterator moves; None for anything else, or where there
    is no such value."""
    kind = type(thing)
    if hasattr(kind, "__next__"):
        if kind is types.GeneratorType:
            frame = thing.gi_frame
            return ("at", frame.f_lasti, dict(frame.f_locals)) if frame is not None else ("over",)
        return _reduced(thing) if kind.__module__ in _BUILTIN else None
    if isinstance(thing, np.random.Generator | np.random.RandomState):
        return state_of(thing)
    if "random" in sys.modules and isinstance(thing, sys.modules["random"].Random):
        try:
            return hash(thing.getstate())  # of 625 numbers
        except NotImplementedError:  # random.SystemRandom has none
            return None
    return None


def _reduced(thing: Any) -> Any:
    if isinstance(thing, itertools.count):
        return repr(thing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of itertools, whose iterators lose it
        try:
            parts: Any = thing.__reduce__()
        except TypeError:
            return None
    inner = [_position(part) for part in parts[1] if hasattr(part, "__next__")]  # of map, zip and enumerate
    return [part for part in parts[1:] if part is not None], inner


def _content(cell: Any) -> Any:
    try:
        return None if cell is None else cell.cell_contents
    except ValueError:  # not assigned yet
        return None
