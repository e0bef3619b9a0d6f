"""The surroundings of a function, on which its program depends beside inputs and states: its closure, its globals, its
default arguments, the functions and classes that it calls, and the attributes of objects that it reads.

Numbers and strings are compared by value, lists and dicts by their items, arrays by their elements, objects by the
attributes that the code names, anything else by identity. Objects of this package, of NumPy and of Python itself do not
change and are not searched.
"""

from __future__ import annotations

import builtins
import dis
import os
import sys
import types
from array import array
from collections import UserDict, UserList, UserString, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import cache, partial
from operator import is_
from typing import Any

import numpy as np

from ...errors import TraceError
from ...variable import Variable
from ..program import is_fixed
from ..unchanged import Unchanged, is_module, wraps
from .comparison import alike

PLAIN = (bool, int, float, complex, str, bytes)
PACKAGES = frozenset({"autodiff", "nn", "numpy", "scipy"})
OWN = PACKAGES | sys.stdlib_module_names - {"__main__"}
# Where a function has one of these names, it may read any attribute.
ANY_ATTRIBUTE = frozenset({"getattr", "vars", "__dict__", "asdict", "astuple", "attrgetter", "fields", "__getattr__"})
LARGE = 1 << 16  # bytes: a larger array that the program itself reads at every call is not compared
BLOCK = 1 << 15  # words of eight bytes that are compared at a time
BUFFERS = (bytearray, memoryview, array)
CONTAINERS = (list, tuple, dict, set, frozenset, deque)
# Builtins that a function may call without making a Python number of an array's element.
MAKES_NO_NUMBERS = frozenset(
    "len zip enumerate isinstance tuple list dict set super type sum max min abs print slice object reversed".split()
)
_GONE = object()


class Surroundings:
    """The surroundings at the time of the trace. All objects are kept, so that no later object can have their ids."""

    def __init__(self, function: Any, roots: Iterable[Any], read: Iterable[Any] | None = ()) -> None:
        """Collect the surroundings. roots: fixed arguments and modules that ran. read: arrays that the program reads at
        every call; None: no array is compared."""
        self._names: set[str] = {"forward"}  # a module calls it
        live = {id(a) for a in read or () if a.nbytes > LARGE}
        self._arrays = read is not None
        self._makes_numbers = False  # whether code may make Python's numbers of arrays
        count: Any = None
        while (len(self._names), self._makes_numbers) != count:  # code names attributes with more code
            count = len(self._names), self._makes_numbers
            self.reads_any = not ANY_ATTRIBUTE.isdisjoint(self._names)
            self._live = set() if self._makes_numbers else live
            self.things: list[Any] = []
            self.met: list[Any] = []  # objects that are not searched, generators and iterators among them
            self.identity = ""  # the line where the user's code compares two objects with ``is``
            self._then: list[tuple[Callable[[], list[Any]], list[Any]]] = []
            self._walk([function, *roots])
        self._unchanged = Unchanged(self.things)
        self._others = [self._then[k] for k in self._unchanged.others]  # compared precisely at every call
        if not self._names.isdisjoint(("environ", "getenv", "environb")):
            self._others.append((_environment, _environment()))
            self._then.append((_environment, _environment()))
        compared = self.things + self.met if self.identity else ()
        self._captured = {id(x) for x in compared if isinstance(x, np.ndarray | np.generic | Variable)}

    def has(self, inputs: Iterable[Any]) -> bool:
        """Return whether one of these is captured, too, and the user's code may notice that with ``is``."""
        return bool(self._captured) and not self._captured.isdisjoint(map(id, inputs))

    def _walk(self, queue: list[Any]) -> None:
        seen: set[int] = set()
        while queue:
            thing = queue.pop()
            if type(thing) in PLAIN or thing is None or id(thing) in seen:
                continue
            if not self._changes(thing):
                self.met.append(thing)
                continue
            seen.add(id(thing))
            self.things.append(thing)
            if type(thing) is types.FunctionType and _is_users(thing.__module__):
                _refuse_exact_class(thing.__code__)
                self._names |= _attributes_in(thing.__code__)
                self._makes_numbers = self._makes_numbers or _may_make_numbers(thing.__code__)
                self.identity = self.identity or _identity_test(thing.__code__, thing.__globals__)
            read = self._reader(thing)
            inside = read()
            self._then.append((read, inside))
            queue += inside
            if not isinstance(thing, type | types.FunctionType):
                queue.append(type(thing))

    def _changes(self, thing: Any) -> bool:
        """Return whether the contents of an object may differ at another call."""
        kind = type(thing)
        if isinstance(thing, CONTAINERS) or kind in (types.FunctionType, types.MethodType, partial):
            return True
        if kind is np.ndarray or isinstance(thing, BUFFERS):
            return self._arrays
        if kind is ContextVar:
            return True
        if isinstance(thing, type):
            return _is_users(thing.__module__)
        if isinstance(thing, types.ModuleType):
            return _is_users(thing.__name__)
        return not isinstance(thing, Variable) and (
            is_module(thing)
            or wraps(thing)
            or (
                (hasattr(thing, "__dict__") or _is_users(kind.__module__))
                and str(kind.__module__).partition(".")[0] not in PACKAGES
            )
        )

    def _reader(self, thing: Any) -> Callable[[], list[Any]]:
        """Return a function that lists the objects inside an object, in their order."""
        kind = type(thing)
        if kind is list or kind is tuple:
            return lambda: list(thing)
        if kind is dict:
            return lambda: [*thing, *thing.values()]
        if is_module(thing):
            attributes = vars(thing)
            return lambda: [*attributes, *attributes.values()]
        if kind is types.FunctionType:
            return partial(_in_function, thing, _globals_in(thing.__code__) if _is_users(thing.__module__) else ())
        if kind is np.ndarray:
            if id(thing) in self._live or is_fixed(thing):
                return lambda: [thing.shape, thing.strides, thing.flags.writeable]
            if thing.nbytes > LARGE and thing.flags.c_contiguous:
                saved = _words(thing.copy())
                return lambda: [thing.shape, thing.strides, thing.flags.writeable, _equal_words(thing, saved)]
            return lambda: [thing.shape, thing.strides, thing.flags.writeable, thing.tobytes()]
        if isinstance(thing, BUFFERS):
            return lambda: [bytes(thing)]
        if kind is ContextVar:
            return lambda: [thing.get(_GONE)]
        if kind is types.MethodType:
            return lambda: [thing.__self__, thing.__func__, *getattr(thing.__self__, "captured", ())]
        if kind is types.ModuleType:
            names, attributes = sorted({*self._names, "__getattr__"}), vars(thing)
            return lambda: [attributes.get(name, _GONE) for name in names]
        if kind is partial:
            return lambda: [thing.func, *thing.args, *thing.keywords, *thing.keywords.values()]
        return lambda: list(self._in_object(thing))

    def _in_object(self, thing: Any) -> Iterator[Any]:
        if isinstance(thing, dict):
            yield from (*thing, *thing.values())
        elif isinstance(thing, CONTAINERS):
            yield from thing
        yield from self._attributes(thing)

    def _attributes(self, thing: Any) -> Iterator[Any]:
        attributes = getattr(thing, "__dict__", None) or {}
        if wraps(thing):
            yield from [value for value in list(attributes.values()) if callable(value)]  # custom rules, too
        elif self.reads_any and not isinstance(thing, type | types.ModuleType):
            yield from list(attributes)
            yield from list(attributes.values())
        else:
            found = [value for name, value in list(attributes.items()) if self._is_read(name, value)]
            yield from map(_function_of, found)
        if isinstance(thing, UserDict | UserList | UserString):  # Python's own code reads it
            yield thing.data
        if isinstance(thing, type):
            yield from thing.__bases__
        for part in type(thing).__mro__:
            slots = part.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name in self._names and _is_users(part.__module__):
                    yield getattr(thing, name, _GONE)

    def _is_read(self, name: str, value: Any) -> bool:
        dunder = name.startswith("__") and name.endswith("__")
        return name in self._names or (dunder and type(value) is types.FunctionType) or isinstance(value, property)

    def fits(self) -> bool:
        """Return whether nothing has changed since the trace."""
        for read, then in self._others if self._unchanged.holds() else self._then:
            now = read()
            if len(now) != len(then):
                return False
            if not all(map(is_, now, then)) and not all(a is b or _equal(a, b) for a, b in zip(now, then, strict=True)):
                return False
        return True

    def changed(self, kinds: tuple[type, ...]) -> Iterator[tuple[Any, Any, Any]]:
        """Yield (its container, the value then, the value now) for every value of these kinds that has changed."""
        for thing, (read, then) in zip(self.things, self._then, strict=False):
            now = read()
            if len(now) == len(then):
                for a, b in zip(then, now, strict=True):
                    if a is not b and isinstance(a, kinds) and isinstance(b, kinds) and not alike(a, b):
                        yield thing, a, b

    def names(self) -> dict[int, str]:
        """Return the names of captured handles and arrays by id: of parameters and buffers as the outermost module has
        them, of others as a variable, an attribute or a place in a list of these."""
        names: dict[int, str] = {}
        for module in self.things:
            for walk in ("named_parameters", "named_buffers") if is_module(module) else ():
                for name, p in getattr(module, walk)():
                    names[id(p)] = max(name, names.get(id(p), ""), key=len)
        for name, value in self._variables():
            inside = (
                enumerate(value) if isinstance(value, list | tuple) else value.items() if type(value) is dict else ()
            )
            for text, part in ((name, value), *[(f"{name}.{key}", part) for key, part in inside]):
                if isinstance(part, Variable | np.ndarray):
                    names.setdefault(id(part), text)
        return names

    def _variables(self) -> Iterator[tuple[str, Any]]:
        """Yield the variables of the functions that were reached, and the attributes of objects, with their names."""
        for thing in self.things:
            if type(thing) is types.FunctionType and _is_users(thing.__module__):
                for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=False):
                    with suppress(ValueError):  # not assigned yet
                        yield name, cell.cell_contents
                yield from [(n, thing.__globals__[n]) for n in _globals_in(thing.__code__) if n in thing.__globals__]
            elif not isinstance(thing, type | types.FunctionType) and _is_users(type(thing).__module__):
                yield from list((getattr(thing, "__dict__", None) or {}).items())


def give_names(traced: Any) -> None:
    """Give captured arrays, states and their new gradients the names that the user's code has for them."""
    names_of = traced.around.names()
    for index, captured, _ in traced.trace.constants.values():
        traced.program.values[index].name = traced.program.values[index].name or names_of.get(id(captured), "")
    for h in traced.held:
        if h.handle is None:
            traced.program.values[h.indices[0]].name = ".".join(filter(None, [names_of.get(id(h.of), ""), h.name]))
            continue
        name = names_of.get(id(h.handle), "")
        indices = [*h.indices[:1], *([h.new_grad.index] if h.new_grad is not None else h.indices[1:])]
        for index, text in zip(indices, (name, name and f"{name}.grad"), strict=False):
            traced.program.values[index].name = text


def _words(a: np.ndarray) -> tuple[Any, Any]:
    """Return an array in C order as words of eight bytes, and the bytes that are left."""
    flat = a.reshape(-1).view(np.uint8)
    whole = flat.size // 8 * 8
    return flat[:whole].view(np.uint64), flat[whole:]


def _equal_words(a: np.ndarray, saved: tuple[Any, Any]) -> bool:
    """Return whether an array has these bytes; no copy is made of a large one."""
    if not a.flags.c_contiguous:
        return False
    (now, rest), (then, left) = _words(a), saved
    parts = range(0, now.size, BLOCK)
    return bool((rest == left).all()) and all((now[k : k + BLOCK] == then[k : k + BLOCK]).all() for k in parts)


def _equal(a: Any, b: Any) -> bool:
    """Return whether two objects are the same plain value: 0.0 is not -0.0, and 1 is not 1.0."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is float or kind is complex:
        return repr(a) == repr(b)
    if kind is tuple:  # default arguments and shapes are made anew
        return len(a) == len(b) and all(x is y or _equal(x, y) for x, y in zip(a, b, strict=True))
    return (kind in PLAIN or isinstance(a, np.dtype)) and bool(a == b)


def _function_of(value: Any) -> Any:
    """Return the function of a property, a static method or a class method; anything else as it is."""
    if isinstance(value, property):
        return value.fget
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


def _is_users(module: Any) -> bool:
    return str(module).partition(".")[0] not in OWN


def _in_function(f: Any, names: tuple[str, ...]) -> list[Any]:
    around = f.__globals__
    found = [f.__code__, f.__defaults__, f.__kwdefaults__, *vars(f).values(), *[around.get(n, _GONE) for n in names]]
    if _is_users(f.__module__):
        package = around.get("__package__")
        imported = [n for name in _imports_in(f.__code__) for n in (name, f"{package}.{name}")]
        found += [sys.modules[n] for n in imported if n in sys.modules]
    for cell in f.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not assigned yet
            found.append(_GONE)
    return found


def _refuse_exact_class(code: types.CodeType) -> None:
    """Refuse ``type(x) is np.ndarray``, which is False in a trace, and frozen."""
    if not {"type", "ndarray"} <= set(code.co_names):
        return
    names = [(i.argval, i.opname, i.positions) for i in dis.get_instructions(code)]
    for (name, _, where), (other, _, _), (_, operation, _) in zip(names, names[1:], names[2:], strict=False):
        if other == "ndarray" and operation in ("IS_OP", "COMPARE_OP"):
            line = where.lineno if where is not None else code.co_firstlineno
            raise TraceError(
                f"compile: type(x) is {name}.ndarray does not hold in a trace, at {code.co_filename}:{line}. Write "
                "isinstance(x, np.ndarray)."
            )


def _environment() -> list[Any]:
    return [*os.environ, *os.environ.values()]


@cache
def _may_make_numbers(code: types.CodeType) -> bool:
    """Return whether a function may make a Python number or a decision of an array's element: by a builtin, by a module
    of Python, by ``.item()``, or by a condition."""
    methods = {"item", "tolist", "tobytes"}.intersection(code.co_names)
    for i in dis.get_instructions(code):
        if i.opname == "CONTAINS_OP" or ("JUMP" in i.opname and "IF" in i.opname):
            return True
        if i.opname == "LOAD_GLOBAL" and i.argval not in MAKES_NO_NUMBERS:
            if hasattr(builtins, i.argval) or i.argval in sys.stdlib_module_names:
                return True
    return bool(methods) or any(_may_make_numbers(part) for part in code.co_consts if isinstance(part, types.CodeType))


def _identity_test(code: types.CodeType, around: dict[str, Any]) -> str:
    """Return where code has ``a is b``, unless b is a constant or a class; "" if nowhere."""
    if (code.co_name, code.co_filename) == ("__eq__", "<string>"):  # of a dataclass: equal objects compare equal
        return ""
    for name, attribute, line in _identity_tests(code):
        thing = around.get(name, getattr(builtins, name, None))
        if not isinstance(getattr(thing, attribute, None) if attribute else thing, type):
            return f"{code.co_filename}:{line}"
    return ""


@cache
def _identity_tests(code: types.CodeType) -> tuple[tuple[str, str, int], ...]:
    """Return each ``is`` whose second operand is no constant: (global, its attribute, line), "" where there is none."""
    tests: list[Any] = []
    found: list[Any] = [None, None, *dis.get_instructions(code)]
    for before, last, i in zip(found, found[1:], found[2:], strict=False):
        if i.opname != "IS_OP" or last.opname in ("LOAD_CONST", "LOAD_COMMON_CONSTANT") or last.argval == "__class__":
            continue
        line = i.positions.lineno if i.positions is not None else code.co_firstlineno
        if last.opname == "LOAD_GLOBAL":
            tests.append((last.argval, "", line))
        elif last.opname == "LOAD_ATTR" and before is not None and before.opname == "LOAD_GLOBAL":
            tests.append((before.argval, last.argval, line))
        else:
            tests.append(("", "", line))
    for part in code.co_consts:
        tests += _identity_tests(part) if isinstance(part, types.CodeType) else ()
    return tuple(tests)


@cache
def _globals_in(code: types.CodeType) -> tuple[str, ...]:
    """Return the globals that a function reads, also in functions inside it: not attributes, which may have their
    names.
    """
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inner = [name for part in code.co_consts if isinstance(part, types.CodeType) for name in _globals_in(part)]
    return tuple(sorted(names.union(inner)))


@cache
def _imports_in(code: types.CodeType) -> tuple[str, ...]:
    """Return the modules that a function imports when it runs, also in functions inside it."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"}
    inner = [name for part in code.co_consts if isinstance(part, types.CodeType) for name in _imports_in(part)]
    return tuple(sorted(names.union(inner)))


@cache
def _attributes_in(code: types.CodeType) -> frozenset[str]:
    """Return every name in a function that is not local to it, also in functions inside it."""
    inner = [name for part in code.co_consts if isinstance(part, types.CodeType) for name in _attributes_in(part)]
    return frozenset(code.co_names).union(inner)
