"""Whole writes: a write into a flat view of an array, then a read of the array, becomes a reshape of the new values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .. import functional
from ..program import Instruction, Program, Ref

_FLAT = (np.ravel, np.reshape)


def without_whole_writes(program: Program) -> Program:
    """Replace a write through a view of all elements by a reshape of the new elements."""
    return replace(program, instructions=[_reshaped(program, instruction) for instruction in program.instructions])


def _reshaped(program: Program, instruction: Instruction) -> Instruction:
    if instruction.function is not functional.write_through or instruction.keywords:
        return instruction
    base, path, value = instruction.arguments
    if base.__class__ is not Ref or value.__class__ is not Ref or len(path) != 1:
        return instruction
    function, arguments, keywords, position = path[0]
    old, new = program.values[base.index], program.values[value.index]
    plain = function in _FLAT and arguments[:1] == (functional.SELF,) and not keywords and position is None
    if not plain or old.dtype != new.dtype or math.prod(old.shape) != math.prod(new.shape):
        return instruction
    return replace(instruction, function=np.reshape, arguments=(value, old.shape))
