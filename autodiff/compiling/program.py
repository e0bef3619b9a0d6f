"""The program of a trace: a flat list of NumPy calls, each value written once.

A trace (``tracing``) writes it, passes change it, and the source writer reads it. ``run`` defines the meaning of a
program: after every pass it must give what ``run`` gives. Never here: how a program is traced or made fast.

    inputs        values that the caller gives
    states        values read from handles at every call: parameters, running statistics
    constants     arrays that the function captured, held by reference: their contents may change between two calls
    instructions  in the order in which they ran
    guards        Python values that were taken of values (``if x > 0``, ``.item()``), which must be the same again
    writes        new values of states, written back by the caller when the run is over

A write into an array (``a[i] = v``, ``out=``, ``+=``) stands here as a function that returns a new array (see
``functional``), so that no value ever changes. A value may be a view of another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from operator import attrgetter
from typing import Any

import numpy as np

_PLAIN = frozenset({int, float, bool, complex, str, type(None)})
KINDS = ("input", "state", "constant", "result")


class Ref:
    """A program value where it is used: in arguments, outputs, guards and writes. Never changed once it is made."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __eq__(self, other: object) -> bool:
        return other.__class__ is Ref and other.index == self.index

    def __hash__(self) -> int:
        return self.index

    def __repr__(self) -> str:
        return f"Ref(index={self.index})"


@dataclass(slots=True)
class Value:
    """One value of a program. A 0-d value may be an array or a NumPy number at run time: they are equal in meaning.

    index   its place in ``Program.values``
    name    the user's or the parameter's name, or ""
    kind    "input", "state", "constant" or "result"
    """

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str = ""
    kind: str = "result"


@dataclass(slots=True)
class Instruction:
    """One call.

    function   the NumPy callable itself (``np.add``, ``np.add.reduce``, ``np.matmul``), or one of ``functional``
    arguments  a tuple, nested at will (tuples, lists, dicts, slices), in which a program value stands as ``Ref``
    keywords   the same by name
    results    indices of the values it gives: one, or, with ``unpacks``, one for each element of the tuple that it
               returns
    unpacks    whether the function returns a tuple or a list
    pure       False for a call that moves something outside the program (a random generator): it runs exactly once,
               and in its order among such calls
    place      (file, line) of the user's line, or None
    module     path of the ``nn`` module that ran, or whose backward pass ran, or ""
    backward   whether a backward pass ran
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: tuple[int, ...]
    unpacks: bool = False
    pure: bool = True
    place: tuple[str, int] | None = None
    module: str = ""
    backward: bool = False
    _read: list[int] | None = field(default=None, init=False, repr=False, compare=False)  # see ``operands``


@dataclass(slots=True)
class Program:
    """A traced function (see the head of this file). ``run`` takes the arrays of inputs, and then of states."""

    inputs: list[int] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    constants: dict[int, Any] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    outputs: Any = ()
    guards: list[tuple[Ref, Any]] = field(default_factory=list)
    writes: list[tuple[int, Ref]] = field(default_factory=list)

    def add_value(self, shape: tuple[int, ...], dtype: Any, name: str = "", kind: str = "result") -> Value:
        """Append a value, and return it."""
        value = Value(len(self.values), tuple(shape), np.dtype(dtype), name, kind)
        self.values.append(value)
        return value

    def roots(self) -> list[int]:
        """Return the values that must be computed: those of outputs, guards and writes."""
        ends = (self.outputs, [ref for ref, _ in self.guards], [ref for _, ref in self.writes])
        return list(dict.fromkeys(ref.index for ref in refs(ends)))

    def check(self) -> None:
        """Raise ValueError unless every value is defined once, before its use, with a kind that fits its place."""
        defined: set[int] = set()

        def define(index: int, kind: str, where: Callable[[], str]) -> None:
            if not 0 <= index < len(self.values) or self.values[index].index != index:
                raise ValueError(f"{where()}: there is no value {index}")
            if self.values[index].kind != kind:
                raise ValueError(f"{where()}: value {index} is of kind {self.values[index].kind!r}, not {kind!r}")
            if index in defined:
                raise ValueError(f"{where()}: value {index} is defined twice")
            defined.add(index)

        def use(indices: list[int], where: Callable[[], str] | str) -> None:
            for index in indices:
                if index not in defined:
                    place = where if isinstance(where, str) else where()
                    raise ValueError(f"{place}: value {index} is used before it is defined")

        for kind, indices in (("input", self.inputs), ("state", self.states), ("constant", self.constants)):
            for index in indices:
                define(index, kind, f"the list of {kind}s".__str__)
        for k, instruction in enumerate(self.instructions):

            def where(k: int = k, instruction: Instruction = instruction) -> str:
                return f"instruction {k}, {name_of(instruction.function)}"

            use(operands(instruction), where)
            for index in instruction.results:
                define(index, "result", where)
            if not instruction.unpacks and len(instruction.results) != 1:
                raise ValueError(f"{where()}: {len(instruction.results)} results, of one value")
        use([ref.index for ref in refs(self.outputs)], "the outputs")
        use([ref.index for ref, _ in self.guards], "the guards")
        for index, ref in self.writes:
            if index not in self.states:
                raise ValueError(f"the writes: value {index} is not a state")
            use([ref.index], "the writes")
            old, new = self.values[index], self.values[ref.index]
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise ValueError(
                    f"the writes: {new.dtype} {new.shape} does not fit state {index}, {old.dtype} {old.shape}"
                )

    def __str__(self) -> str:
        return "\n".join(_listing(self))


def run(program: Program, arrays: list[Any]) -> tuple[Any, list[Any], list[Any]]:
    """Run a program call by call; return (outputs, values of ``writes``, values of ``guards``).

    arrays: those of ``program.inputs`` and then of ``program.states``. The outputs have the tree of
    ``program.outputs``. The caller writes the states and compares the guards.

    >>> import numpy as np
    >>> p = Program()
    >>> x, y = p.add_value((2,), float, "x", "input"), p.add_value((2,), float)
    >>> p.inputs, p.outputs = [x.index], Ref(y.index)
    >>> p.instructions = [Instruction(np.multiply, (Ref(x.index), 2.0), {}, (y.index,))]
    >>> p.check(); run(p, [np.array([1.0, 3.0])])
    (array([2., 6.]), [], [])
    """
    held: dict[int, Any] = dict(program.constants)
    held.update(zip((*program.inputs, *program.states), arrays, strict=True))
    for instruction in program.instructions:
        arguments = filled(instruction.arguments, held)
        keywords = filled(instruction.keywords, held) if instruction.keywords else {}
        try:
            made = instruction.function(*arguments, **keywords)
        except Exception as error:
            error.add_note(f"in compiled code, of {described(instruction)}")
            raise
        if instruction.unpacks:
            held.update(zip(instruction.results, made, strict=True))
        else:
            held[instruction.results[0]] = made
    return (
        filled(program.outputs, held),
        [held[ref.index] for _, ref in program.writes],
        [held[ref.index] for ref, _ in program.guards],
    )


def frozen(a: Any) -> Any:
    """Return a read-only copy with the axes in the same order in memory; strides of 0 stay 0."""
    made = np.array(a[tuple([slice(0, 1) if s == 0 else slice(None) for s in a.strides])])
    made.flags.writeable = False
    return np.broadcast_to(made, a.shape)


def is_fixed(array: object) -> bool:
    """Return whether a constant is the same at every call, because it cannot be written to."""
    if not isinstance(array, np.ndarray):
        return isinstance(array, int | float | complex | np.generic)
    memory: object = array
    while isinstance(memory, np.ndarray):
        if memory.flags.writeable:
            return False
        memory = memory.base
    return memory is None


def operands(instruction: Instruction) -> list[int]:
    """Return the values that an instruction reads, in order, repeated ones too: the same list at every call."""
    if instruction._read is not None:
        return instruction._read
    found: list[int] = []
    for argument in instruction.arguments:
        if argument.__class__ is Ref:
            found.append(argument.index)
        elif argument.__class__ not in _PLAIN:
            found += [ref.index for ref in refs(argument)]
    if instruction.keywords:
        found += [ref.index for ref in refs(instruction.keywords)]
    instruction._read = found
    return found


def refs(tree: Any) -> Iterator[Ref]:
    """Return an iterator over every ``Ref`` in nested tuples, lists, dicts and slices, from left to right."""
    found: list[Ref] = []
    _collect(tree, found)
    return iter(found)


def _collect(tree: Any, found: list[Ref]) -> None:
    kind = tree.__class__
    if kind is Ref:
        found.append(tree)
    elif kind is tuple or kind is list:
        for part in tree:
            _collect(part, found)
    elif kind is dict:
        for part in tree.values():
            _collect(part, found)
    elif kind is slice:
        _collect((tree.start, tree.stop, tree.step), found)
    elif isinstance(tree, tuple):
        _collect(tuple(tree), found)


def mapped(tree: Any, change: Callable[[Ref], Any]) -> Any:
    """Return the same tree with ``change(ref)`` in place of every ``Ref``."""
    if tree.__class__ is Ref:
        return change(tree)
    if tree.__class__ is tuple:
        return tuple([mapped(part, change) for part in tree])
    if isinstance(tree, tuple):
        parts = [mapped(part, change) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if isinstance(tree, list):
        return [mapped(part, change) for part in tree]
    if isinstance(tree, dict):
        return {key: mapped(part, change) for key, part in tree.items()}
    if isinstance(tree, slice):
        return slice(*[mapped(part, change) for part in (tree.start, tree.stop, tree.step)])
    return tree


def filled(tree: Any, held: Any) -> Any:
    """Return the same tree with ``held[index]`` in place of every ``Ref``."""
    return mapped(tree, lambda ref: held[ref.index])


def name_of(function: Any) -> str:
    """Return the name of a function for readers: ``np.add``, ``np.add.reduce``, ``np.linalg.inv``, ``write_at``."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{name_of(owner)}.{function.__name__}"
    name = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is function else name
    package, _, rest = str(getattr(function, "__module__", "")).partition(".")
    if package != "numpy":
        return str(name)
    public = ".".join(takewhile(lambda part: not part.startswith("_"), rest.split(".")))  # of "lib._index_tricks_impl"
    for path in (str(name), f"{public}.{name}"):
        with suppress(AttributeError):
            if attrgetter(path)(np) is function:
                return f"np.{path}"
    return str(name)


def described(instruction: Instruction) -> str:
    """Return ``np.matmul, train.py:12, encoder``: a call, the user's line, and the module."""
    where = [f"{instruction.place[0]}:{instruction.place[1]}"] if instruction.place else []
    return ", ".join([name_of(instruction.function), *where, *([instruction.module] if instruction.module else [])])


def _listing(program: Program) -> Iterator[str]:
    values, times = program.values, Counter[str]()
    names = []
    for value in values:
        name = value.name or f"v{value.index}"
        times[name] += 1
        names.append(name if times[name] == 1 else f"{name}_{times[name]}")

    def named(index: int) -> str:
        return names[index]

    def kind(index: int) -> str:
        value = values[index]
        return f"{value.dtype}[{', '.join(map(str, value.shape))}]"

    def text(tree: Any) -> str:
        if tree.__class__ is Ref:
            return named(tree.index)
        if isinstance(tree, tuple):
            return f"({', '.join(map(text, tree))}{',' if len(tree) == 1 else ''})"
        if isinstance(tree, list):
            return f"[{', '.join(map(text, tree))}]"
        if isinstance(tree, dict):
            return "{" + ", ".join(f"{key!r}: {text(part)}" for key, part in tree.items()) + "}"
        if isinstance(tree, slice):
            ends = ["" if part is None else text(part) for part in (tree.start, tree.stop, tree.step)]
            return ":".join(ends if ends[2] else ends[:2])
        if isinstance(tree, np.ndarray):
            return f"<{tree.dtype}{list(tree.shape)}>"
        return name_of(tree) if callable(tree) else repr(tree)

    for what, indices in (("input", program.inputs), ("state", program.states), ("constant", program.constants)):
        for index in indices:
            yield f"{what} {named(index)}: {kind(index)}"
    for instruction in program.instructions:
        call = [*map(text, instruction.arguments), *(f"{k}={text(v)}" for k, v in instruction.keywords.items())]
        left = ", ".join(map(named, instruction.results)) + ("," if instruction.unpacks else "")
        kinds = ", ".join(map(kind, instruction.results))
        where = described(instruction).partition(", ")[2]
        yield f"{left} = {name_of(instruction.function)}({', '.join(call)})  # {kinds}{'  ' + where if where else ''}"
    for ref, expected in program.guards:
        yield f"guard {named(ref.index)} is {expected!r}"
    for index, ref in program.writes:
        yield f"write {named(index)} <- {named(ref.index)}"
    yield f"return {text(program.outputs)}"
