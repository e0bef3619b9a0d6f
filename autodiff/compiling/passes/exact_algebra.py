"""Exact algebra: calls that give back their operand, to the last bit.

    x * 1   1 * x   x / 1   x - 0.0   x + (-0.0)   +x   -(-x)      signed zeros, NaN and infinities included
    transpose of a transpose, reshape of a reshape, broadcasting to its own shape, a cast to its own dtype

Not x + 0.0, which makes 0.0 of -0.0; not x * 0, which is NaN at infinity; no reassociation. Integers may add 0 of any
kind. A replacement keeps shape and dtype, or is not made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import functional
from ..knowledge import is_known, is_ufunc
from ..planning.layouts import Strides
from ..program import Instruction, Program, Ref, is_fixed
from .substitution import Substitution

MANY = 64  # 0-d calls: they will be packed, and must stay alike for that, products by 1 included
Maker = dict[int, Instruction]


def simplified(program: Program, strides: list[Strides] | None = None) -> Program:
    """Read operands in place of calls that would give them back.

    strides: of every value; an operand with other strides than the result stays as it is, because NumPy sums in the
    order of memory. None: all are in the same order.
    """
    names, kept, made_by = Substitution(), [], Maker()
    many = sum(not program.values[i.results[0]].shape for i in program.instructions if i.results) >= MANY
    for old in program.instructions:
        instruction = _unspread(_merged(names.in_call(old), made_by), made_by, program)
        stays = many and instruction.function in _KEPT and not program.values[instruction.results[0]].shape
        same = None if stays else _same(instruction, made_by, program)
        if same is not None and _alike(program, instruction.results[0], same, strides):
            names.instead[instruction.results[0]] = same
            continue
        kept.append(instruction)
        for index in instruction.results:
            made_by[index] = instruction
    return names.in_ends(program, kept)


def _alike(program: Program, a: int, b: int, strides: list[Strides] | None) -> bool:
    x, y = program.values[a], program.values[b]
    return x.shape == y.shape and x.dtype == y.dtype and (not x.shape or strides is None or strides[a] == strides[b])


def _same(instruction: Instruction, made_by: Maker, program: Program) -> int | None:
    """Return the value that an instruction gives back, None if it computes anything."""
    rule = _RULES.get(instruction.function) if is_known(instruction.function) else None
    if rule is None or instruction.unpacks or not instruction.pure:
        return None
    if rule in _REAL and program.values[instruction.results[0]].dtype.kind == "c":
        return None  # (inf + 0j) * 1.0 is inf + nan j
    if rule is _copied_number and program.values[instruction.results[0]].shape:
        return None  # of an array the order of its elements may change
    found = rule(_with_numbers(instruction, program) if rule in _PAIRS else instruction, made_by)
    return found.index if found.__class__ is Ref else None


def _with_numbers(instruction: Instruction, program: Program) -> Instruction:
    """Return the call with 0-d constants as Python numbers."""
    if program.constants.keys().isdisjoint(map(_index, instruction.arguments)):
        return instruction
    arguments = []
    for argument in instruction.arguments:
        constant = program.constants.get(_index(argument))
        if constant is not None and not np.shape(constant) and is_fixed(constant):
            argument = float(constant) if np.asarray(constant).dtype.kind == "f" else argument
        arguments.append(argument)
    return replace(instruction, arguments=tuple(arguments))


def _merged(instruction: Instruction, made_by: Maker) -> Instruction:
    """Return a reshape of a reshape as one reshape of the first operand."""
    while instruction.function is np.reshape and _plain_reshape(instruction):
        inner = made_by.get(instruction.arguments[0].index)
        if inner is None or inner.function is not np.reshape or not _plain_reshape(inner):
            break
        instruction = replace(instruction, arguments=(inner.arguments[0], *instruction.arguments[1:]))
    return instruction


def _unspread(instruction: Instruction, made_by: Maker, program: Program) -> Instruction:
    """Return an elementwise call that reads an operand before it was broadcast, where another operand has the result's
    shape."""
    shape = program.values[instruction.results[0]].shape if instruction.results else ()
    if not shape or not is_ufunc(instruction.function) or len(instruction.arguments) < 2 or instruction.keywords:
        return instruction
    arguments = list(instruction.arguments)
    whole = [a.__class__ is Ref and program.values[a.index].shape == shape for a in arguments]
    for k, argument in enumerate(arguments):
        inner = made_by.get(_index(argument)) if whole[k] and sum(whole) > 1 else None
        if inner is not None and inner.function is np.broadcast_to and inner.arguments[0].__class__ is Ref:
            arguments[k], whole[k] = inner.arguments[0], program.values[inner.arguments[0].index].shape == shape
    return (
        instruction if tuple(arguments) == instruction.arguments else replace(instruction, arguments=tuple(arguments))
    )


def _plain_reshape(instruction: Instruction) -> bool:
    arguments = instruction.arguments
    return len(arguments) == 2 and arguments[0].__class__ is Ref and not instruction.keywords


def _is(number: Any, wanted: float) -> bool:
    """Return whether an argument is this number, as a Python number: its kind does not change the result's dtype."""
    if number.__class__ not in (int, float) or number != wanted:
        return False
    return wanted != 0 or math.copysign(1.0, number) == math.copysign(1.0, wanted) or number.__class__ is int


def _pair(instruction: Instruction) -> tuple[Any, Any]:
    if instruction.keywords or len(instruction.arguments) != 2:
        return None, None
    return instruction.arguments


def _product(instruction: Instruction, _: Maker) -> Any:
    a, b = _pair(instruction)
    return a if _is(b, 1.0) else b if _is(a, 1.0) else None


def _quotient(instruction: Instruction, _: Maker) -> Any:
    a, b = _pair(instruction)
    return a if _is(b, 1.0) else None


def _difference(instruction: Instruction, _: Maker) -> Any:
    a, b = _pair(instruction)
    return a if _is(b, 0.0) else None  # -0.0 - 0.0 is -0.0


def _sum(instruction: Instruction, _: Maker) -> Any:
    a, b = _pair(instruction)
    zero: Callable[[Any], bool] = lambda z: z.__class__ is float and _is(z, -0.0)
    return a if zero(b) else b if zero(a) else None


def _operand(instruction: Instruction, _: Maker) -> Any:
    return instruction.arguments[0] if len(instruction.arguments) == 1 and not instruction.keywords else None


def _twice(instruction: Instruction, made_by: Maker) -> Any:
    inner = made_by.get(_index(_operand(instruction, made_by)))
    if inner is None or inner.function is not np.negative:
        return None
    return _operand(inner, made_by)


def _index(argument: Any) -> int:
    return argument.index if argument.__class__ is Ref else -1


def _order(instruction: Instruction) -> tuple[int, ...] | str | None:
    """Return the axes of a transpose, "reversed" without any, None if they are not plain."""
    given = [*instruction.arguments[1:], *instruction.keywords.values()]
    if not given or given == [None]:
        return "reversed"
    axes = given[0]
    plain = len(given) == 1 and isinstance(axes, tuple | list) and all(isinstance(a, int) for a in axes)
    return tuple(a % len(axes) for a in axes) if plain else None


def _transpose(instruction: Instruction, made_by: Maker) -> Any:
    inner = made_by.get(_index(instruction.arguments[0]))
    if inner is None or inner.function is not np.transpose:
        return None
    outer, before = _order(instruction), _order(inner)
    if outer == before == "reversed":
        return inner.arguments[0]
    if isinstance(outer, tuple) and isinstance(before, tuple):
        return inner.arguments[0] if [before[a] for a in outer] == list(range(len(outer))) else None
    return None


def _first(instruction: Instruction, _: Maker) -> Any:
    """Return the operand of a call that gives it back wherever shape and dtype are the same."""
    return instruction.arguments[0] if instruction.arguments else None


def _reshape(instruction: Instruction, _: Maker) -> Any:
    return instruction.arguments[0] if _plain_reshape(instruction) else None


_KEPT = (np.multiply, np.divide)
_PAIRS = (_product, _quotient, _difference, _sum)
_REAL = (_product, _quotient, _sum)


def _copied_number(instruction: Instruction, _: Maker) -> Any:
    """Return the operand of a copy of one number: no value ever changes."""
    return instruction.arguments[0] if instruction.keywords.keys() <= {"order"} else None


_RULES: dict[Callable[..., Any], Callable[[Instruction, Maker], Any]] = {
    np.multiply: _product,
    np.divide: _quotient,
    np.subtract: _difference,
    np.add: _sum,
    np.positive: _operand,
    np.negative: _twice,
    np.transpose: _transpose,
    np.broadcast_to: _first,
    np.reshape: _reshape,
    functional.astype: _first,
    functional.as_array: _first,
    np.asarray: _operand,
    np.copy: _copied_number,
    np.array: _operand,
}
