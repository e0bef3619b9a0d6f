"""The source writer: a planned program as the NumPy program that a person would have written.

    def prepare(room, constants):        runs once for each set of buffers
        h = room(0, (32, 128), float32)  a buffer: its offset in the block of memory
        def loss(x, w):                  runs at every call
            matmul(x, w.T, out=h)        # (32, 128) float32  net.py:14

Values keep their names; others are named after the call that makes them. Calls of a module stand under its name. The
text is registered in ``linecache``, so that tracebacks and debuggers show it. Never here: the order of calls and the
places of values (``passes``, ``memory``).

One file, because each line depends on the lines written before it.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import linecache
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePath
from types import FunctionType
from typing import Any

import numpy as np

from .. import functional
from ..knowledge import is_known, owner, takes_out
from ..program import Instruction, Program, Ref, is_fixed, name_of, refs
from .layouts import c_order
from .memory import Plan, rewritten
from .updates import calls_of_update, made_late

_numbers = count(1)
# Python's operators on NumPy's numbers give the same bits, in a fifth of the time. Not for complex numbers, whose
# products NumPy rounds in another way there.
OPERATORS: dict[Any, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.equal: "==", np.not_equal: "!=", np.less: "<",
    np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=",
}  # fmt: skip
FILLED = 1 << 16  # elements of an array that stands for one number
LARGE = 1 << 16  # bytes from which an output's memory is kept for the next call, if the caller no longer holds it then


@dataclass(slots=True)
class Text:
    """The written program.

    source   the source of ``prepare``
    bound    objects that the source names and does not make
    lines    line number -> the instruction written there
    """

    source: str = ""
    bound: dict[str, Any] = field(default_factory=dict)
    lines: dict[int, Instruction] = field(default_factory=dict)
    filename: str = ""

    def called_at(self, number: int) -> str:
        """Return the name of the function that a line calls, as in ``np.add``."""
        text = self.source.splitlines()[number - 1].partition("#")[0]
        function = self.bound.get(text.partition("(")[0].rpartition("= ")[2].strip())
        instruction = self.lines[number]
        return name_of(function if callable(function) else instruction.function)

    def compiled(self) -> Callable[..., Any]:
        """Return the function ``prepare``; the source is registered for tracebacks."""
        self.filename = f"<compiled program {next(_numbers)}>"
        text = self.source.splitlines(keepends=True)
        linecache.cache[self.filename] = (len(self.source), None, text, self.filename)
        space = {"np": np, **self.bound}
        exec(compile(self.source, self.filename, "exec"), space)
        return space["prepare"]


_TIMED = (
    "    def timed(number, function, *arguments):",
    "        started = clock()",
    "        function(*arguments)",
    "        marks.append((number, clock() - started))",
    "",
)


class _Name(str):
    """A name of the source in place of an argument."""


class Writer:
    """The writer of one program. A function with a method ``written(writer, instruction)`` writes its own lines."""

    def __init__(self, program: Program, plan: Plan, name: str, timed: bool = False) -> None:
        self.program, self.plan, self.timed = program, plan, timed
        self.taken = {
            "number",
            "start",
            "stop",
            "room",
            "constants",
            "prepare",
            "spare",
            "np",
            "marks",
            "clock",
            "update",
            "timed",
            *keyword.kwlist,
            *dir(builtins),
        }
        self.functions: dict[Any, str] = {}
        self.bound: dict[str, Any] = {}
        self.head: list[str] = []  # lines of ``prepare``
        self.body: list[tuple[str, Instruction | None]] = []  # lines of the function
        self.name = self.fresh(name)
        self.names: dict[int, str] = {}
        self.numbers = {index for i in program.instructions for index in _numbers_of(i, program)}
        given = (*program.inputs, *program.states, *program.constants)
        self.numbers.update(index for index in given if _is_number(program.values[index]))
        self.filled_bytes = 0  # of arrays that stand for one number
        self.in_blocks = False  # whether calls are written for parts of arrays

    # ---- names
    def fresh(self, wanted: str) -> str:
        """Return a Python name like ``wanted`` that is not in use yet."""
        base = re.sub(r"\W", "_", wanted).strip("_") or "value"
        base = f"_{base}" if base[0].isdigit() else base
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name

    def named(self, index: int) -> str:
        """Return the name of a value."""
        return self.names[index]

    def called(self, function: Any) -> str:
        """Return the name of a function, bound once: a look-up in ``np`` at every call costs more than a name."""
        key = function if is_known(function) else id(function)
        if key not in self.functions:
            text = name_of(function).removeprefix("np.").replace(".", "_").strip("<>")
            name = self.fresh(text)
            self.functions[key] = name
            self.bound[name] = function
        return self.functions[key]

    def bind(self, wanted: str, thing: Any) -> str:
        """Give an object a name in the source."""
        name = self.fresh(wanted)
        self.bound[name] = thing
        return name

    def room(self, name: str, offset: int, shape: tuple[int, ...], dtype: Any, strides: Any = None) -> None:
        """Write a buffer: a part of the block of memory."""
        order = "" if strides is None or strides == c_order(shape, np.dtype(dtype)) else f", {strides}"
        self.head.append(f"{name} = room({offset}, {shape}, {np.dtype(dtype).str!r}{order})")

    # ---- expressions
    def text(self, tree: Any) -> str:
        """Return a tree of arguments as Python."""
        kind = tree.__class__
        if kind is Ref:
            return self.names[tree.index]
        if kind is _Name:
            return str(tree)
        if kind is tuple:
            return f"({', '.join(map(self.argument, tree))}{',' if len(tree) == 1 else ''})"
        if kind is list:
            return f"[{', '.join(map(self.argument, tree))}]"
        if kind is dict:
            return "{" + ", ".join(f"{key!r}: {self.text(part)}" for key, part in tree.items()) + "}"
        if kind is slice:
            return f"slice({self.text(tree.start)}, {self.text(tree.stop)}, {self.text(tree.step)})"
        if kind in (int, bool, str, type(None)) or (kind is float and math.isfinite(tree)):
            return f"({tree!r})" if kind in (int, float) and tree < 0 else repr(tree)
        if tree is Ellipsis:
            return "..."
        if any(True for _ in refs(tree)):  # a named tuple, a dict of another kind
            raise NotImplementedError(f"arguments in a {kind.__name__} cannot be written as source")
        if callable(tree) and not isinstance(tree, type):
            return self.called(tree)
        if kind is type and tree.__module__ == "builtins":
            return str(tree.__name__)
        if isinstance(tree, np.dtype):
            return self.kind(tree)
        wanted = "number" if isinstance(tree, np.generic | float) else kind.__name__.strip("_")
        return self.bind(wanted, tree)

    def kind(self, dtype: Any) -> str:
        """Return the name of a dtype."""
        key = ("dtype", np.dtype(dtype))
        if key not in self.functions:
            self.functions[key] = self.bind(np.dtype(dtype).name, np.dtype(dtype))
        return self.functions[key]

    def index(self, tree: Any) -> str:
        """Return an index as the source between the brackets of ``a[...]``."""
        if isinstance(tree, tuple) and tree:
            return ", ".join(map(self.index, tree)) + ("," if len(tree) == 1 else "")
        if isinstance(tree, slice):
            ends = ["" if part is None else self.argument(part) for part in (tree.start, tree.stop, tree.step)]
            return ":".join(ends if ends[2] else ends[:2])
        return self.argument(tree)

    def call(self, instruction: Instruction, **more: str) -> str:
        """Return a call as an expression."""
        function, arguments = instruction.function, instruction.arguments
        if function is functional.getitem:
            return f"{self.operand(arguments[0])}[{self.index(arguments[1])}]"
        if function is functional.power:
            return f"{self.operand(arguments[0])} ** {self.operand(arguments[1])}"
        if function in OPERATORS and not instruction.keywords and any(map(self.is_number, arguments)):
            if all(self.is_number(x) or x.__class__ in (int, float) for x in arguments):
                return f" {OPERATORS[function]} ".join(map(self.text, arguments))
        if arguments and not instruction.keywords and self.is_array(arguments[0]):
            array, rest = self.text(arguments[0]), arguments[1:]
            if function is np.transpose and rest in ((), (None,)):
                return f"{array}.T"
            if function is np.ravel and not rest:
                return f"{array}.ravel()"
            if function is np.reshape and len(rest) == 1:
                return f"{array}.reshape({self.text(rest[0])})"
            if function is functional.view_as:
                return f"{array}.view({self.text(rest[0])})"
        keywords = instruction.keywords
        if more and "order" in keywords:  # the place has that order
            keywords = {k: v for k, v in keywords.items() if k != "order"}
        if function in (np.maximum, np.minimum) and more:
            arguments = self.filled(instruction)
        given = [*map(self.argument, arguments), *(f"{k}={self.argument(v)}" for k, v in keywords.items())]
        return f"{self.called(function)}({', '.join([*given, *(f'{k}={v}' for k, v in more.items())])})"

    def filled(self, instruction: Instruction) -> tuple[Any, ...]:
        """Return the arguments with an array in place of a number: NumPy's maximum is three times as fast."""
        value = self.program.values[instruction.results[0]]
        if self.in_blocks or not value.shape or value.dtype.kind != "f" or math.prod(value.shape) > FILLED:
            return instruction.arguments
        arrays = []
        for argument in instruction.arguments:
            if argument.__class__ in (int, float):
                key = "filled", repr(argument), value.shape, value.dtype
                if key not in self.functions:
                    self.functions[key] = self.fresh(f"all_{argument}".replace("-", "minus_"))
                    size = math.prod(value.shape)
                    text = self.text(argument)
                    self.head.append(f"{self.functions[key]} = np.full({value.shape}, {text}, {value.dtype.str!r})")
                    self.filled_bytes += size * value.dtype.itemsize
                argument = _Name(self.functions[key])
            arrays.append(argument)
        return tuple(arrays)

    def argument(self, tree: Any) -> str:
        """Return an argument of a call as Python: a negative number stands alone."""
        text = self.text(tree)
        return text[1:-1] if tree.__class__ in (int, float) and text[0] == "(" else text

    def operand(self, tree: Any) -> str:
        text = self.text(tree)
        return text if tree.__class__ is Ref or text[0] in "([" else f"({text})"

    def is_array(self, tree: Any) -> bool:
        """Return whether an argument is certainly an array at run time, with an array's methods."""
        return tree.__class__ is Ref and bool(self.program.values[tree.index].shape)

    def is_number(self, tree: Any) -> bool:
        """Return whether an argument is certainly one of NumPy's real numbers at run time, or a 0-d array."""
        return tree.__class__ is Ref and tree.index in self.numbers

    # ---- lines
    def line(self, text: str, instruction: Instruction | None = None) -> None:
        """Append a line to the function."""
        self.body.append((text, instruction))

    def comment(self, instruction: Instruction) -> str:
        """Return the comment of a line: shapes, and the user's line."""
        kinds = [f"{value.shape} {value.dtype}" for value in map(self.program.values.__getitem__, instruction.results)]
        place = instruction.place
        where = [f"{PurePath(place[0]).name}:{place[1]}"] if place else []
        return "  # " + "  ".join([", ".join(kinds), *where])

    def written(self) -> Text:
        """Write everything."""
        program = self.program
        for instruction in program.instructions:
            if not hasattr(instruction.function, "written"):
                self.called(instruction.function)
        for index in (*program.inputs, *program.states):
            self.names[index] = self.fresh(program.values[index].name or program.values[index].kind)
        for index in program.constants:
            self.names[index] = self.fresh(program.values[index].name or "constant")
        if program.constants:
            self.head.append(f"{', '.join(self.names[i] for i in program.constants)}, = constants")
        part, late = ("", False), self.plan.late
        for instruction in program.instructions[:late]:
            if (instruction.module, instruction.backward) != part:
                part = instruction.module, instruction.backward
                self.line(f"# ---- {_title(*part)}")
            self.instruction(instruction)
        if late is not None:
            calls = calls_of_update(self, program.instructions[late:])
            self.line("update = [  # when the guards hold, without a stop in between")
            for text, instruction in calls:
                self.line(f"    {text}", instruction)
            self.line("]")
        self.returned()
        return self.assembled()

    def instruction(self, instruction: Instruction) -> None:
        """Write one instruction, and name its results."""
        program, plan, results = self.program, self.plan, instruction.results
        for index in results:
            self.names[index] = self.fresh(self.value_name(instruction, index))
        note = self.comment(instruction)
        if hasattr(instruction.function, "written"):
            instruction.function.written(self, instruction)
            return
        target = self.names[results[0]] if results else "_"
        if instruction.unpacks:
            self.line(f"{', '.join(self.names[i] for i in results)}, = {self.call(instruction)}{note}", instruction)
            return
        index, value = results[0], program.values[results[0]]
        if index in plan.fixed:
            self.head.append(f"{target} = {self.call(instruction)}{note}")
            return
        if index in plan.places:
            self.room(target, plan.places[index], value.shape, value.dtype, plan.strides[index])
        elif index in plan.owned and _bytes(value) >= LARGE and self.can_write(instruction):
            maker = self.fresh(f"spare_{target}")
            self.head.append(f"{maker} = spare({value.shape}, {value.dtype.str!r}, {plan.strides[index]})")
            self.line(f"{target} = {maker}()", instruction)
        else:
            self.line(f"{target} = {self.call(instruction)}{note}", instruction)
            return
        *before, last = self.write_lines(instruction, target)
        for text in before:
            self.line(text, instruction)
        self.line(f"{last}{note}", instruction)

    def value_name(self, instruction: Instruction, index: int) -> str:
        """Return the name of a result: its own, or that of the call."""
        if hasattr(instruction.function, "value_name"):
            return str(instruction.function.value_name(self, index))
        owner = getattr(instruction.function, "__self__", None)
        base = f"{owner.__name__}_{instruction.function.__name__}" if isinstance(owner, np.ufunc) else None
        base = base or getattr(instruction.function, "__name__", "value").strip("<>")
        return self.program.values[index].name or base

    def can_write(self, instruction: Instruction) -> bool:
        return takes_out(instruction) or (is_known(instruction.function) and rewritten(instruction, self.program))

    def write_lines(self, instruction: Instruction, target: str) -> list[str]:
        """Return the lines that write the result of a call into its place."""
        if takes_out(instruction):
            return [self.call(instruction, out=target)]
        function, arguments = instruction.function, instruction.arguments
        copyto = self.called(np.copyto)
        if function is np.where:
            return self.choice(instruction, target)
        if function is functional.astype:
            return [f'{copyto}({target}, {self.text(arguments[0])}, casting="unsafe")']
        if function is np.copy:
            return [f"{copyto}({target}, {self.text(arguments[0])})"]
        if function is functional.write_at:
            last = f"{target}[{self.index(arguments[1])}] = {self.text(arguments[2])}"
            return [*self.base(instruction, arguments[0], target), last]
        if function is functional.add_at:
            at, rest = self.called(arguments[0].at), ", ".join(map(self.text, arguments[2:]))
            return [*self.base(instruction, arguments[1], target), f"{at}({target}, {rest})"]
        if function is functional.write_through:
            return self.through_views(instruction, target)
        ufunc, inputs, base, mask = arguments
        given = ", ".join([*map(self.text, inputs), f"out={target}", f"where={self.text(mask)}"])
        return [*self.base(instruction, base, target), f"{self.called(ufunc)}({given})"]

    def through_views(self, instruction: Instruction, target: str) -> list[str]:
        """Return the lines that write into a view: the view is taken of the place."""
        base, path, value = instruction.arguments
        lines, view = self.base(instruction, base, target), target
        for function, arguments, keywords, position in path:
            name = self.fresh(f"{target}_view")
            if function is functional.getitem and arguments[0] is functional.SELF:
                call = f"{view}[{self.index(arguments[1])}]"
            else:
                given = ", ".join(map(self.text, (function, arguments, keywords, position)))
                call = f"{self.called(functional.view_of)}({view}, {given})"
            lines.append(f"{name} = {call}")
            view = name
        return [*lines, f"{view}[...] = {self.text(value)}"]

    def choice(self, instruction: Instruction, target: str) -> list[str]:
        """Return the lines of ``np.where(mask, a, b)``: (a xor b) times the mask, xor b, on the bits of the numbers.

        No branch for each element: np.where takes ten times as long where the mask is irregular.
        """
        mask, *pair = instruction.arguments
        dtype = self.program.values[instruction.results[0]].dtype
        bits = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}.get(dtype.itemsize)
        texts = (
            [self.bits(operand, dtype, bits) for operand in pair] if bits is not None and dtype.kind in "fiu" else []
        )
        if not texts or None in texts:
            copyto, (mask, chosen, other) = self.called(np.copyto), map(self.text, instruction.arguments)
            return [f"{copyto}({target}, {other})", f"{copyto}({target}, {chosen}, where={mask})"]
        (chosen, other), mask, out = texts, self.text(mask), f"{target}.view({self.kind(bits)})"  # type: ignore[assignment]
        times, xor = self.called(np.multiply), self.called(np.bitwise_xor)
        if other == "0":
            return [f"{times}({chosen}, {mask}, out={out})"]
        name = self.fresh(f"{target}_bits")
        return [
            f"{name} = {out}",
            f"{xor}({chosen}, {other}, out={name})",
            f"{times}({name}, {mask}, out={name})",
            f"{xor}({name}, {other}, out={name})",
        ]

    def bits(self, operand: Any, dtype: Any, bits: Any) -> str | None:
        """Return an operand of dtype ``dtype`` as integers of the same bits, None if it has another dtype."""
        if operand.__class__ is Ref:
            value = self.program.values[operand.index]
            return f"{self.text(operand)}.view({self.kind(bits)})" if value.dtype == dtype and value.shape else None
        if operand.__class__ in (int, float, bool):
            return repr(int(np.array(operand, dtype).view(bits)))
        return None

    def base(self, instruction: Instruction, base: Any, target: str) -> list[str]:
        """Return the line that copies the array written into, unless its place is taken over."""
        if instruction.results[0] in self.plan.inherited:
            return []
        constant = self.program.constants.get(base.index)
        if constant is not None and is_fixed(constant) and constant.dtype.kind == "f":
            if not constant.any() and not np.signbit(constant).any():
                return [f"{target}.fill(0.0)"]
        return [f"{self.called(np.copyto)}({target}, {self.text(base)})"]

    def returned(self) -> None:
        """Write the return line: (outputs, writes, guards), outputs and writes in memory of their own."""
        program = self.program
        seen: set[int] = set()

        def result(ref: Ref) -> str:
            value, text = program.values[ref.index], self.names[ref.index]
            if ref.index in self.plan.copied and (value.shape or value.kind != "result"):
                return f"{self.called(np.array)}({text})"
            seen.add(ref.index)
            return text

        def tree_text(tree: Any) -> str:
            if tree.__class__ is Ref:
                return result(tree)
            if tree.__class__ is tuple:
                return f"({', '.join(map(tree_text, tree))}{',' if len(tree) == 1 else ''})"
            if tree.__class__ is list:
                return f"[{', '.join(map(tree_text, tree))}]"
            if tree.__class__ is dict:
                return "{" + ", ".join(f"{self.text(k)}: {tree_text(part)}" for k, part in tree.items()) + "}"
            return self.text(tree)

        outputs, updated = tree_text(program.outputs), made_late(program, self.plan.late)
        writes = ", ".join("..." if ref.index in updated else result(ref) for _, ref in program.writes)
        guards = ", ".join(self.names[ref.index] for ref, _ in program.guards)
        late, of = ("", "") if self.plan.late is None else (", update", ", update")
        self.line(f"return {outputs}, [{writes}], [{guards}]{late}  # results, new values of states, guards{of}")

    def assembled(self) -> Text:
        text = Text(bound=self.bound)
        names = [self.names[i] for i in (*self.program.inputs, *self.program.states)]
        read = set(re.findall(r"\w+", "\n".join([*self.head, *[line.partition("  # ")[0] for line, _ in self.body]])))
        lines = [
            *_imports({name: thing for name, thing in self.bound.items() if name in read}, self.functions.values()),
            "",
            "",
            f"def prepare(room, spare, constants{', marks, clock' if self.timed else ''}):",
            *(_TIMED if self.timed and self.plan.late is not None else ()),
            *(f"    {line}" for line in self.head),
            "",
            f"    def {self.name}({', '.join(names)}):",
        ]
        for line, instruction in self.body:
            timed = self.timed and instruction is not None and line[:1] != " "
            if self.timed and line[:5] == "    (" and instruction is not None:
                line = f"    (timed, {len(lines) + 1}, {line[5:]}"
            if timed:
                lines.append("        started = clock()")
            lines.append(f"        {line}")
            if instruction is not None:
                text.lines[len(lines)] = instruction
            if timed:
                lines.append(f"        marks.append(({len(lines)}, clock() - started))")
        lines += ["", f"    return {self.name}", ""]
        text.source = "\n".join(lines)
        return text


def _numbers_of(instruction: Instruction, program: Program) -> tuple[int, ...]:
    """Return the results of a call if these are NumPy's numbers, and no Python numbers: of a ufunc, or a sum."""
    function = instruction.function
    made = isinstance(function, np.ufunc) or owner(function) is not None or (is_known(function) and function is np.vdot)
    return instruction.results if made and all(_is_number(program.values[k]) for k in instruction.results) else ()


def _is_number(value: Any) -> bool:
    return not value.shape and value.dtype.kind in "fiub"


def _title(module: str, backward: bool) -> str:
    if backward:
        return f"backward of {module}" if module else "backward, outside of modules"
    return module or "outside of modules"


def _imports(bound: dict[str, Any], functions: Any) -> Iterator[str]:
    """Yield the functions that the source names, as a reader would import them; those of this package in a comment,
    because they are given to the program."""
    yield "import numpy as np"
    given: dict[str, list[str]] = {}
    for name in sorted(name for name in functions if name in bound):
        thing = inspect.unwrap(bound[name])
        if isinstance(thing, FunctionType) and thing.__module__ and not name_of(bound[name]).startswith("np."):
            given.setdefault(thing.__module__, []).append(name)
    yield from (f"# from {module} import {', '.join(names)}" for module, names in sorted(given.items()))
    for name in sorted(name for name in functions if name in bound):
        thing = bound[name]
        if callable(thing) and name_of(thing).startswith("np."):
            yield f"{name} = {name_of(thing)}"
    for name, thing in bound.items():
        if isinstance(thing, np.dtype):
            yield f"{name} = np.dtype({thing.str!r})"
        elif isinstance(thing, np.generic) and thing.dtype.kind in "fiub":
            number = str(thing) if np.isfinite(thing) else f'"{thing}"'
            yield f"{name} = np.{type(thing).__name__}({number})"


def _bytes(value: Any) -> int:
    return value.dtype.itemsize * math.prod(value.shape)
