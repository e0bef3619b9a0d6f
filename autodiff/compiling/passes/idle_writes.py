"""Idle writes: values that are written and read again at once, written twice, or copied without need.

    a[i] = u, a[i] = v      the second alone            a[i] = a[i]    a
    (a[i] = v)[i]           v                           np.copy(a)     a, if both have the same order in memory
    any(isnan(a[i] = v))    any(isnan(v)), for a constant a without NaN

i is a slice without a step, or an index made of such slices and integers. Arrays in C order alone take part.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .. import functional
from ..planning.layouts import Strides, c_order
from ..program import Instruction, Program, Ref, is_fixed
from .substitution import Substitution


def without_idle_writes(program: Program, strides: list[Strides]) -> Program:
    """Leave out writes and copies that change nothing."""
    functions = {functional.write_at, functional.write_through, np.copy, np.array}
    if functions.isdisjoint(instruction.function for instruction in program.instructions):
        return program
    return _Writes(program, strides).left_out()


class _Writes:
    """The pass over one program."""

    def __init__(self, program: Program, strides: list[Strides]) -> None:
        self.program, self.strides, self.values = program, strides, list(program.values)
        self.made: list[Instruction] = []
        self.maker: dict[int, Instruction] = {}

    def left_out(self) -> Program:
        names = Substitution()
        for old in self.program.instructions:
            instruction = self.simpler(names.in_call(old))
            same = self.same(instruction)
            if same is not None and len(instruction.results) == 1 and self.are_alike(same, instruction.results[0]):
                names.instead[instruction.results[0]] = same
                continue
            self.made.append(instruction)
            self.maker.update(dict.fromkeys(instruction.results, instruction))
        return names.in_ends(replace(self.program, values=self.values), self.made)

    def are_alike(self, a: int, b: int) -> bool:
        """Return whether two values have one shape and dtype, and lie in C order."""
        x, y = self.values[a], self.values[b]
        ordered = c_order(x.shape, x.dtype)
        return (x.shape, x.dtype) == (y.shape, y.dtype) and (
            not x.shape or self.strides[a] == self.strides[b] == ordered
        )

    def made_by(self, argument: Any) -> Instruction | None:
        return self.maker.get(argument.index) if argument.__class__ is Ref else None

    def simpler(self, instruction: Instruction) -> Instruction:
        """Return a call made simpler: a write into a view as one at an index, a write over a write as one, a test for
        NaN on fewer elements."""
        written = _written(instruction)
        if written is not None:
            base, index, value = written
            before = _written(self.made_by(base))
            while before is not None and before[1] == index and self.are_alike(base.index, instruction.results[0]):
                base, before = before[0], _written(self.made_by(before[0]))
            return replace(instruction, function=functional.write_at, arguments=(base, index, value))
        if instruction.function == np.logical_or.reduce and self.values[instruction.results[0]].shape == ():
            return self.tested_on_less(instruction)
        return instruction

    def same(self, instruction: Instruction) -> int | None:
        """Return the value that a call gives back, None if there is none."""
        function, arguments = instruction.function, instruction.arguments
        found: Any = None
        if function is functional.write_at and (written := _written(instruction)) is not None:
            found = arguments[0] if _read(self.made_by(written[2])) == written[:2] else None
        elif (read := _read(instruction)) is not None:
            written = _written(self.made_by(read[0]))
            found = written[2] if written is not None and written[1] == read[1] else None
        elif function in (np.copy, np.array) and len(arguments) == 1 and instruction.keywords.keys() <= {"order"}:
            found = arguments[0] if self.values[instruction.results[0]].shape else None
        return found.index if found.__class__ is Ref else None

    def tested_on_less(self, instruction: Instruction) -> Instruction:
        """Return any(isnan(a[i] = v)) as any(isnan(v))."""
        question = self.made_by(instruction.arguments[0])
        if question is None or question.function is not np.isnan or question.keywords:
            return instruction
        written = _written(self.made_by(question.arguments[0]))
        if written is None or written[2].__class__ is not Ref or not self.is_without_nan(written[0]):
            return instruction
        _, index, new = written
        whole, part = self.values[question.arguments[0].index], self.values[new.index]
        shape = np.broadcast_to(0, whole.shape)[index].shape
        if part.dtype != whole.dtype or part.shape != shape or not math.prod(shape):
            return instruction
        value = replace(self.values[question.results[0]], index=len(self.values), shape=shape, name="")
        self.values.append(value)
        self.strides.append(c_order(shape, value.dtype))
        self.made.append(replace(question, arguments=(new,), results=(value.index,)))
        return replace(instruction, arguments=(Ref(value.index),))

    def is_without_nan(self, base: Ref) -> bool:
        maker, constant = self.made_by(base), self.program.constants.get(base.index)
        if constant is not None:
            return is_fixed(constant) and not np.isnan(constant).any()
        return maker is not None and maker.function in (np.zeros, np.ones)


def _written(instruction: Instruction | None) -> tuple[Any, Any, Any] | None:
    """Return (array, index, value) of a write at a plain index, None for anything else."""
    if instruction is None:
        return None
    if instruction.function is functional.write_at:
        base, index, value = instruction.arguments
    elif instruction.function is functional.write_through and len(instruction.arguments[1]) == 1:
        base, ((function, arguments, _, _),), value = instruction.arguments
        if function is not functional.getitem or arguments[0] is not functional.SELF:
            return None
        index = arguments[1]
    else:
        return None
    return (base, index, value) if base.__class__ is Ref and _is_plain(index) else None


def _read(instruction: Instruction | None) -> tuple[Any, Any] | None:
    """Return (array, index) of a read at a plain index, None for anything else."""
    if instruction is None or instruction.function is not functional.getitem:
        return None
    base, index = instruction.arguments
    return (base, index) if base.__class__ is Ref and _is_plain(index) else None


def _is_plain(index: Any) -> bool:
    if isinstance(index, tuple):
        return all(map(_is_plain, index))
    if index.__class__ is slice:
        ends = [part is None or part.__class__ is int for part in (index.start, index.stop)]
        return all(ends) and index.step in (None, 1)
    return index.__class__ is int
