"""Signs: a negation is carried to where it can be left out.

    (-a) b = -(a b)   c (-b) = (-c) b   a + (-b) = a - b   a - (-b) = a + b   (-a) + (-a) = -(a + a)   -(-a) = a
    |-a| = |a|   (-a)^2 = a^2   isnan(-a) = isnan(a)

Each holds to the last bit for real floats, signed zeros and infinities included; only the sign of a NaN may be another.
Not (-a) + (-b) = -(a + b), which makes -0.0 of 0.0 where a is -b. Arrays in C order alone take part: the order of an
array decides in which order it is summed. The result is only used if it has fewer calls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..knowledge import owner
from ..planning.layouts import Strides, c_order
from ..program import Instruction, Program, Ref, Value
from .dead_code import without_dead_code

_TRUTH = (np.logical_and, np.logical_or)  # of their reductions: whether numbers are 0
_EVEN = (np.square, np.absolute, np.isnan)


def without_signs(program: Program, strides: list[Strides], always: bool = False) -> Program:
    """Carry negations through products into sums and differences. always: also where it makes no call fewer."""
    if not any(instruction.function is np.negative for instruction in program.instructions):
        return program
    carried = without_dead_code(_Signs(program, strides).carried())
    if always or len(carried.instructions) < len(without_dead_code(program).instructions):
        return carried
    del strides[len(program.values) :]
    return program


class _Signs:
    """The pass over one program."""

    def __init__(self, program: Program, strides: list[Strides]) -> None:
        self.program, self.strides, self.values = program, strides, list(program.values)
        self.negated: dict[int, int] = {}  # value -> the one that it is the negative of
        self.products: dict[Any, int] = {}  # calls made here, so that equal ones are made once
        self.made: list[Instruction] = []

    def carried(self) -> Program:
        for instruction in self.program.instructions:
            if self.takes_part(instruction):
                self.call(instruction)
                continue
            if owner(instruction.function) in _TRUTH and self.base(instruction.arguments[0]) is not None:
                instruction = replace(instruction, arguments=(self.base(instruction.arguments[0]),))
            self.made.append(instruction)
        return replace(self.program, values=self.values, instructions=self.made)

    def takes_part(self, instruction: Instruction) -> bool:
        """Return whether a call works element by element on floats in C order."""
        if instruction.keywords or instruction.unpacks or len(instruction.results) != 1:
            return False
        value = self.values[instruction.results[0]]
        return bool(value.shape) and all(map(self.is_plain, instruction.arguments)) and self.in_order(value)

    def is_plain(self, argument: Any) -> bool:
        if argument.__class__ is not Ref:
            return argument.__class__ in (int, float)
        value = self.values[argument.index]
        return value.dtype.kind == "f" and self.in_order(value)

    def in_order(self, value: Value) -> bool:
        return not value.shape or self.strides[value.index] == c_order(value.shape, value.dtype)

    def base(self, argument: Any) -> Ref | None:
        """Return a with -a as the argument, None for anything else."""
        index = self.negated.get(argument.index) if argument.__class__ is Ref else None
        return None if index is None else Ref(index)

    def call(self, instruction: Instruction) -> None:
        function, arguments = instruction.function, instruction.arguments
        (result,) = instruction.results
        bases = [self.base(argument) for argument in arguments]
        if function is np.negative and arguments[0].__class__ is Ref:
            self.negated[result] = arguments[0].index
        elif function in _EVEN and bases[0] is not None:
            arguments = (bases[0],)
        elif function in (np.multiply, np.divide):
            if any(bases):
                self.product(instruction, bases)
                return
            self.products.setdefault((function, arguments), result)
        elif function in (np.add, np.subtract) and any(bases):
            self.sum(instruction, bases)
            return
        self.made.append(replace(instruction, function=function, arguments=arguments))

    def product(self, instruction: Instruction, bases: list[Ref | None]) -> None:
        """Write a product or a quotient without the signs of its operands."""
        pairs = zip(instruction.arguments, bases, strict=True)
        arguments: list[Any] = [a if base is None else base for a, base in pairs]
        number = next((k for k, a in enumerate(arguments) if a.__class__ is not Ref), None)
        if sum(base is not None for base in bases) == 2:
            self.made.append(replace(instruction, arguments=tuple(arguments)))
        elif number is not None:
            arguments[number] = -float(arguments[number]) if arguments[number] == 0 else -arguments[number]
            self.made.append(replace(instruction, arguments=tuple(arguments)))
        else:
            self.negative(instruction, replace(instruction, arguments=tuple(arguments)))

    def sum(self, instruction: Instruction, bases: list[Ref | None]) -> None:
        """Write a sum with a negated term as a difference, and a difference as a sum."""
        (a, b), (first, second) = instruction.arguments, bases
        if instruction.function is np.subtract:
            if second is not None:
                instruction = replace(instruction, function=np.add, arguments=(a, second))
        elif second is None:
            instruction = replace(instruction, function=np.subtract, arguments=(b, first))
        elif first == second:
            self.negative(instruction, replace(instruction, arguments=(first, second)))
            return
        else:
            instruction = replace(instruction, function=np.subtract, arguments=(a, second))
        self.made.append(instruction)

    def negative(self, instruction: Instruction, of: Instruction) -> None:
        """Write the result of an instruction as the negative of another call."""
        (result,) = instruction.results
        key = of.function, of.arguments
        if key not in self.products:
            value = replace(self.values[result], index=len(self.values), name="")
            self.values.append(value)
            self.strides.append(self.strides[result])
            self.made.append(replace(of, results=(value.index,)))
            self.products[key] = value.index
        self.negated[result] = self.products[key]
        self.made.append(
            replace(instruction, function=np.negative, arguments=(Ref(self.products[key]),), results=(result,))
        )
