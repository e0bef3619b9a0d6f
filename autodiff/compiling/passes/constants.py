"""Constants: a call whose arguments are all known is made once, when the program is built.

Known are numbers, and arrays that nobody can write to: an array that the function captured may have other contents at
the next call, unless it owns its memory and is marked as read-only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..knowledge import REPEATABLE, is_known, owner
from ..program import Instruction, Program, filled, frozen, operands

LARGEST = 1 << 20  # bytes: beyond, making the array again costs less than keeping it


def folded(program: Program) -> Program:
    """Make the calls of known arguments now, and keep their results as constants that cannot be written to."""
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
        array = frozen(np.asarray(made))  # owned; what repeats its elements still does, which decides orders
        if (array.shape, array.dtype) != (values[index].shape, values[index].dtype):
            kept.append(instruction)
            continue
        constants[index] = known[index] = array
        values[index] = replace(values[index], kind="constant")
    return replace(program, values=values, constants=constants, instructions=kept)


def _repeatable(instruction: Instruction) -> bool:
    function = instruction.function
    if not instruction.pure or instruction.unpacks or instruction.function is np.broadcast_to:
        return False  # what is spread out is read where it is one number: see ``exact_algebra``
    return (
        isinstance(function, np.ufunc) or owner(function) is not None or (is_known(function) and function in REPEATABLE)
    )


def is_fixed(array: object) -> bool:
    """Whether a constant is the same at every call: nobody can write to it."""
    if not isinstance(array, np.ndarray):
        return isinstance(array, int | float | complex | np.generic)
    memory: object = array
    while isinstance(memory, np.ndarray):
        if memory.flags.writeable:
            return False
        memory = memory.base
    return memory is None
