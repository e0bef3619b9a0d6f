"""Counting: arithmetic operations and bytes of a call, from its function and shapes.

An elementwise function, exp as well as +, counts one for each element of its result; a reduction one for each element
it reads; a product of matrices two for each product of numbers; views and copies nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..knowledge import FRESH, is_elementwise, is_known, owner
from ..program import Instruction, Program, operands, refs

_PRODUCTS = {np.dot, np.tensordot, np.inner}
_MOVES = {np.take, np.concatenate, np.stack, np.copy, np.array, np.where, np.zeros, np.ones, np.full, np.empty}


def operations(instruction: Instruction, program: Program) -> int:
    """Return the arithmetic operations of one call."""
    function, values = instruction.function, program.values
    own = getattr(function, "operations", None)
    if own is not None:
        return int(own)
    results = sum(_size(values[index]) for index in instruction.results)
    if function is np.matmul or (is_known(function) and function in _PRODUCTS):
        a = next(refs(instruction.arguments), None)
        shape = values[a.index].shape if a is not None else ()
        inner = shape[-1] if shape else 1
        return 2 * results * inner
    if function is np.einsum:
        return 2 * max([results, *map(_size, map(values.__getitem__, operands(instruction)))])
    if owner(function) is not None:
        return max([results, *(_size(values[index]) for index in operands(instruction)[:1])])
    if isinstance(function, np.ufunc) or (is_elementwise(function) and function is not np.where):
        return results
    if is_known(function) and function in FRESH - _MOVES:
        return max([results, *(_size(values[index]) for index in operands(instruction))])
    return 0


def moved(instruction: Instruction, program: Program) -> int:
    """Return the bytes that one call reads and writes; 0 for a view."""
    values = program.values
    touched = [values[index] for index in (*operands(instruction), *instruction.results)]
    return sum(value.dtype.itemsize * _size(value) for value in touched)


def _size(value: Any) -> int:
    return math.prod(value.shape)
