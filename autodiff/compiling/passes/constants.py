"""Constants: a call whose arguments are all constant is made once, when the program is built.

Constant are numbers, and arrays that cannot be written to: an array that the function captured may have other contents
at the next call, unless it owns its memory and is marked as read-only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..knowledge import REPEATABLE, is_known, is_ufunc, owner, takes_out
from ..planning.layouts import Strides, c_order
from ..program import Instruction, Program, Ref, filled, frozen, is_fixed, operands

LARGEST = 1 << 20  # bytes: beyond, making the array again costs less than keeping it


def folded(program: Program) -> Program:
    """Make the calls of constant arguments now, and keep their results as constants that cannot be written to."""
    values = list(program.values)
    constants, kept = dict(program.constants), []
    known = {index: array for index, array in constants.items() if is_fixed(array)}
    for instruction in program.instructions:
        if not _repeatable(instruction) or not all(index in known for index in operands(instruction)):
            kept.append(instruction)
            continue
        index = instruction.results[0]
        if values[index].dtype.itemsize * np.prod(values[index].shape, dtype=float) > LARGEST:
            kept.append(instruction)
            continue
        try:
            with np.errstate(all="ignore"):
                made = instruction.function(
                    *filled(instruction.arguments, known), **filled(instruction.keywords, known)
                )
        except Exception:  # it raises at every call then, at its own line
            kept.append(instruction)
            continue
        array = frozen(np.asarray(made))  # owned, with the same strides, 0 included, which decide orders
        if (array.shape, array.dtype) != (values[index].shape, values[index].dtype):
            kept.append(instruction)
            continue
        constants[index] = known[index] = array
        values[index] = replace(values[index], kind="constant")
    return replace(program, values=values, constants=constants, instructions=kept)


def spread_folded(program: Program, strides: list[Strides]) -> Program:
    """Make elementwise calls of constants that are broadcast for one element of each.

    A broadcast array has no order of its own: beside an array in another order than C a result would take that order.
    """
    values, constants, kept = list(program.values), dict(program.constants), []
    spread_out = {i.results[0] for i in program.instructions if i.function is np.broadcast_to}
    others = {
        value.shape
        for value in values
        if value.index not in spread_out and strides[value.index] not in ((), c_order(value.shape, value.dtype))
    }
    spread: dict[int, Ref] = {}  # a value that broadcasts a constant number -> that number
    for instruction in program.instructions:
        (result, *_), arguments = instruction.results or (-1,), instruction.arguments
        if instruction.function is np.broadcast_to and arguments[0].__class__ is Ref and not instruction.keywords:
            number = constants.get(arguments[0].index)
            if number is not None and not np.shape(number) and is_fixed(number):
                spread[result] = arguments[0]
        found = [spread.get(a.index) if a.__class__ is Ref else a for a in arguments]
        if is_ufunc(instruction.function) and takes_out(instruction) and spread.keys() & set(operands(instruction)):
            value = values[result]
            plain = all(a.__class__ in (Ref, int, float) for a in found) and not instruction.keywords
            if plain and value.shape not in others:
                with np.errstate(all="ignore"):
                    made = frozen(np.asarray(instruction.function(*filled(tuple(found), constants))))
                number = replace(value, index=len(values), shape=(), name="", kind="constant")
                if made.dtype == value.dtype:
                    values.append(number)
                    strides.append(())
                    constants[number.index] = made
                    spread[result] = Ref(number.index)
                    instruction = replace(
                        instruction, function=np.broadcast_to, arguments=(spread[result], value.shape)
                    )
        kept.append(instruction)
    return replace(program, values=values, constants=constants, instructions=kept)


def _repeatable(instruction: Instruction) -> bool:
    function = instruction.function
    if not instruction.pure or instruction.unpacks or instruction.function is np.broadcast_to:
        return False  # readers of a broadcast array read the number itself: see ``exact_algebra``
    return (
        isinstance(function, np.ufunc) or owner(function) is not None or (is_known(function) and function in REPEATABLE)
    )
