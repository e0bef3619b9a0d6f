"""Lowering: a program becomes a Python function that runs it in memory allocated beforehand.

    executable = build(program)
    outputs, writes, guards = executable(arrays)      as ``program.run(program, arrays)``

``passes`` simplify the program, ``planning.memory`` gives values their places, and ``planning.source`` writes the
function. Never here: the trace, and the calls for which it is valid.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from .passes import AFTER, ORDERED, PASSES, in_blocks, packed, simplified
from .planning.counting import moved, operations
from .planning.layouts import strides_of
from .planning.memory import block, planned
from .planning.source import Text, Writer
from .planning.updates import divided
from .program import Instruction, Program, Ref, described, operands, refs, run

Step = Callable[..., Any]


class Executable:
    """A compiled program: call it with the arrays of inputs and then of states.

    program   the program that runs, after all passes
    source    the NumPy source that runs it
    memory    bytes that it holds from call to call: buffers, and outputs that the caller no longer holds
    flops     arithmetic operations of one call
    takes_floats  whether the numbers among the states may be Python floats
    """

    def __init__(
        self,
        program: Program,
        name: str,
        arrays: list[Any] | None = None,
        in_place: set[int] | None = None,
        **blocks: int,
    ) -> None:
        strides, late = strides_of(program, arrays), None
        if in_place:
            program, late = _with_update(program, strides, in_place, blocks)
        else:
            program = in_blocks(program, strides, **blocks)
        self.program, self.name = program, name
        self._plan = planned(program, strides, late, in_place or ())
        writer = Writer(program, self._plan, name)
        self._text = writer.written()
        self._filled = writer.filled_bytes
        self._prepare = self._text.compiled()
        self._plain: Program | None = None
        self.takes_floats = _only_packed(program)
        self._idle: list[Step] = []  # one function for each set of buffers: as many as calls at the same time

    @property
    def source(self) -> str:
        """The NumPy source that runs the program."""
        return self._text.source

    @property
    def memory(self) -> int:
        """Bytes planned for one call at a time, beside inputs, states, constants and outputs."""
        return (
            self._plan.size
            + self._filled
            + sum(getattr(instruction.function, "memory", 0) for instruction in self.program.instructions)
        )

    @property
    def flops(self) -> int:
        """Arithmetic operations of one call: see ``counting``."""
        return sum(operations(instruction, self.program) for instruction in self.program.instructions)

    def __call__(self, arrays: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """Run the program, and the calls of its update where it writes states in place."""
        made, step = self.begin(arrays)
        for function, *arguments in made[3] if len(made) > 3 else ():
            function(*arguments)
        self.end(step)
        return made[:3]

    def begin(self, arrays: list[Any]) -> tuple[Any, Step | None]:
        """Run up to the update; return (outputs, writes, guards[, calls of the update]) and the buffers for ``end``."""
        try:
            step = self._idle.pop()  # atomic: two threads never have the same buffers
        except IndexError:
            step = self._prepare(*self._rooms())
        try:
            made = step(*arrays)
        except Exception as error:
            if self._plain is not None:  # a value may have another shape at this call: a guard will fail
                return run(self._plain, [np.float64(a) if a.__class__ is float else a for a in arrays]), None
            explain(error, self._text)
            raise
        return made, step

    def end(self, step: Step | None) -> None:
        """Give the buffers of a run back: its update is over."""
        if step is not None:
            self._idle.append(step)

    @contextmanager
    def timed(self) -> Iterator[Clock]:
        """Time the lines of each call in this block; yield the ``Clock`` that has the times."""
        text = Writer(self.program, self._plan, self.name, timed=True).written()
        clock, idle, plain = Clock(text, self.program), self._idle, self._text
        self._idle, self._text = [text.compiled()(*self._rooms(), clock.marks, perf_counter)], text
        try:
            yield clock
        finally:
            self._idle, self._text = idle, plain

    def _rooms(self) -> tuple[Any, ...]:
        memory = block(self._plan.size)

        def room(offset: int, shape: tuple[int, ...], dtype: str, strides: Any = None) -> np.ndarray:
            return np.ndarray(shape, dtype, memory, offset, strides)

        return room, spare, list(self.program.constants.values())


def _only_packed(program: Program) -> bool:
    """Return whether packed calls alone read the numbers among the states: they may be Python floats."""
    numbers = {index for index in program.states if not program.values[index].shape}
    read = {ref.index for ref in refs((program.outputs, program.guards, program.writes))}
    for instruction in program.instructions:
        if not hasattr(instruction.function, "entering"):
            read.update(operands(instruction))
    return numbers.isdisjoint(read)


class Clock:
    """The times of the lines of a program. marks: (line, seconds), one after the other, of every call."""

    def __init__(self, text: Text, program: Program) -> None:
        self.text, self.program = text, program
        self.marks: list[tuple[int, float]] = []

    def lines(self) -> Iterator[tuple[tuple[str, str, Any], float, tuple[int, int]]]:
        """Yield ((call, module, place), least seconds, (bytes, operations)) for each line, in order."""
        least: dict[int, float] = {}
        for number, seconds in self.marks:
            least[number] = min(seconds, least.get(number, seconds))
        last = {id(self.text.lines[number]): number for number in least}  # the line that does the work
        for number, seconds in least.items():
            instruction = self.text.lines[number]
            cost = (0, 0)
            if last[id(instruction)] == number:
                moves = 0 if hasattr(instruction.function, "written") else moved(instruction, self.program)
                cost = moves, operations(instruction, self.program)
            fact = self.text.called_at(number), instruction.module, instruction.place
            yield fact, seconds, cost


def build(
    program: Program,
    name: str = "program",
    arrays: list[Any] | None = None,
    *,
    exact: bool = False,
    in_place: set[int] | None = None,
) -> Executable:
    """Return a program that runs like ``program``, optimised.

    name: of the function in the source. arrays: inputs and states as they will come; only the order of their elements
    in memory is used. exact: every bit as ``program.run`` gives it; otherwise sums of products of
    numbers may become products of matrices. in_place: states that may be written where they stand. Raises ValueError
    for a program that is not well formed.

    >>> import numpy as np
    >>> from autodiff.compiling.program import Instruction, Program, Ref
    >>> p = Program()
    >>> x, y = p.add_value((2,), float, "x", "input"), p.add_value((2,), float, "y")
    >>> p.inputs, p.outputs = [x.index], Ref(y.index)
    >>> p.instructions = [Instruction(np.multiply, (Ref(x.index), 2.0), {}, (y.index,))]
    >>> build(p)([np.array([1.0, 3.0])])
    (array([2., 6.]), [], [])
    """
    program.check()
    simple, strides = program, None
    for change in PASSES:
        if change is packed:
            simple = packed(simple, exact=exact)
        elif change is simplified:
            strides = strides_of(simple, arrays) if any(value.shape for value in simple.values) else None
            simple = simplified(simple, strides)
        else:
            simple = change(simple)
    if strides is not None:
        strides = strides_of(simple, arrays)
        for ordered in ORDERED:
            simple = ordered(simple, strides)
        for change in AFTER:
            simple = simplified(simple, strides) if change is simplified else change(simple)
    _keep_names(program, simple)
    made = Executable(simple, name, arrays, in_place)
    if program.guards and all(instruction.pure for instruction in program.instructions):
        made._plain = program
    return made


def _keep_names(program: Program, simple: Program) -> None:
    """Give results that passes have put in the place of named ones, such as a copy, their names."""
    for before, now in zip(refs(program.outputs), refs(simple.outputs), strict=True):
        name, value = program.values[before.index].name, simple.values[now.index]
        if name and not value.name and value.kind == "result":
            value.name = name


def _with_update(
    program: Program, strides: list[Any], in_place: set[int], blocks: dict[str, int]
) -> tuple[Program, int | None]:
    """Return the program with its update at the end, and the start of the update; only calls before it go in blocks."""
    program, late = divided(program, strides, in_place)
    after = program.instructions[late:]
    if not after:
        return in_blocks(program, strides, **blocks), None
    read = [Ref(index) for instruction in after for index in operands(instruction)]
    made = {index for instruction in after for index in instruction.results}
    before = replace(
        program,
        instructions=program.instructions[:late],
        outputs=(program.outputs, [ref for ref in read if ref.index not in made]),
        writes=[(index, ref) for index, ref in program.writes if ref.index not in made],
    )
    before = in_blocks(before, strides, **blocks)
    whole = replace(before, instructions=[*before.instructions, *after], outputs=program.outputs, writes=program.writes)
    return whole, len(before.instructions)


def spare(shape: tuple[int, ...], dtype: str, strides: tuple[int, ...] | None) -> Callable[[], np.ndarray]:
    """Return a maker of arrays for one output: one of its last two again, once it has no other reference and no view.

    Two, because a caller often keeps a result, a gradient, until the next one is there. The latest first: it is more
    likely to be in the cache.
    """
    size = np.dtype(dtype).itemsize
    for n in shape:
        size *= n
    held: list[tuple[list[np.ndarray], tuple[int, ...]]] = []

    def array() -> np.ndarray:
        for arrays, alone in reversed(held):
            if _holders(arrays) == alone:
                return arrays[0]
        arrays = _with_owners(np.ndarray(shape, dtype, block(size), 0, strides))
        held.append((arrays, _holders(arrays)))
        if len(held) > 2:
            del held[0]
        return arrays[0]

    return array


def _with_owners(array: np.ndarray) -> list[np.ndarray]:
    """Return an array and its bases: a view of it may refer to any of these instead of the array itself."""
    found = [array]
    while isinstance(found[-1].base, np.ndarray):
        found.append(found[-1].base)
    return found


def _holders(arrays: list[np.ndarray]) -> tuple[int, ...]:
    """Return the reference counts of these arrays."""
    return tuple([sys.getrefcount(array) for array in arrays])


def explain(error: Exception, text: Text) -> None:
    """Add to an error the instruction it comes from and the user's line."""
    trace, instruction = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == text.filename:
            instruction = text.lines.get(trace.tb_lineno, instruction)
        trace = trace.tb_next
    if isinstance(instruction, Instruction):
        error.add_note(f"in compiled code, of {described(instruction)}")
