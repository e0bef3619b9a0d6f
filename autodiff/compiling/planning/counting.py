"""Counting: arithmetic operations and bytes of a call, from its function and shapes.

An elementwise function, exp as well as +, counts one for each element of its result; a reduction one for each element
it reads; a product of matrices two for each product of numbers; a function of ``np.linalg`` the same
as the product of its matrix with itself, a norm two for each element; views, copies and writes nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functional
from ..knowledge import FRESH, is_elementwise, is_known, owner
from ..program import Instruction, Program, operands, refs

_PRODUCTS = {np.dot, np.tensordot, np.inner}
_MOVES = {
    np.take,
    np.take_along_axis,
    np.concatenate,
    np.stack,
    np.copy,
    np.array,
    np.where,
    np.zeros,
    np.ones,
    np.full,
    np.empty,
}


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
    if function in (functional.write_at, functional.write_through):
        return 0
    if function is functional.add_at:
        return max([1, *[_size(values[ref.index]) for ref in refs(instruction.arguments[3:])]])
    if owner(function) is not None:
        return max([results, *(_size(values[index]) for index in operands(instruction)[:1])])
    if isinstance(function, np.ufunc) or (is_elementwise(function) and function is not np.where):
        return results
    if is_known(function) and getattr(function, "__module__", None) == "numpy.linalg":
        read = [values[index] for index in operands(instruction)]
        each = [1 if function is np.linalg.norm else value.shape[-1] if value.shape else 1 for value in read]
        return 2 * max([results, *[n * _size(value) for n, value in zip(each, read, strict=True)]])
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
