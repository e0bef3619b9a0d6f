"""Facts about NumPy's functions: which make views, which take ``out=``, which work element by element.

A function that is not listed here still compiles: it is called as it is, its result is taken to have memory of its own
or that of its arguments, and nothing is reused while either may be read. Never here: the passes that use these facts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.special.blocks import evaluate
from . import functional
from .program import Instruction, Program, operands, refs

Function = Callable[..., Any]

# Results that are the memory of the first argument, when NumPy can.
VIEWS: set[Function] = {
    np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose, np.permute_dims, np.reshape, np.ravel,
    np.squeeze, np.expand_dims, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.broadcast_to, np.flip, np.fliplr,
    np.flipud, np.rot90, np.diagonal, np.real, np.imag, np.asarray, np.ascontiguousarray,
    functional.as_array, functional.view_as, functional.real, functional.imag,
}  # fmt: skip
# Results that never are the memory of an argument.
FRESH: set[Function] = {
    np.where, np.take, np.take_along_axis, np.concatenate, np.stack, np.vstack, np.hstack, np.dot, np.einsum,
    np.tensordot, np.outer, np.inner, np.kron, np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.any, np.all,
    np.argmax, np.argmin, np.argsort, np.sort, np.cumsum, np.cumprod, np.clip, np.zeros, np.ones, np.full, np.empty,
    np.arange, np.linspace, np.eye, np.zeros_like, np.ones_like, np.full_like, np.tile, np.repeat, np.roll, np.pad,
    np.array, np.copy, np.tril, np.triu, np.searchsorted, np.count_nonzero, np.linalg.norm, np.linalg.inv,
    np.linalg.solve, np.linalg.det, np.linalg.cholesky, functional.write_at, functional.add_at, functional.write_where,
    functional.astype, functional.write_through, functional.write_out, functional.changed, functional.whole,
}  # fmt: skip
# Functions beside the ufuncs that write the same result, to the last bit, into ``out=``. Not np.mean: it rounds
# the sum of float16 to the dtype of ``out`` before it divides. Not np.einsum: it walks axes of negative strides the
# other way round with ``out=``, and so sums in another order.
WITH_OUT: set[Function] = {
    np.take, np.concatenate, np.stack, np.dot, np.sum, np.prod, np.max, np.min, np.any, np.all, np.argmax, np.argmin,
    np.cumsum, np.cumprod, np.clip,
}  # fmt: skip
# Functions whose every element is made of the elements at its place, beside the ufuncs.
ELEMENTWISE: set[Function] = {np.where, functional.astype, functional.power}
# Functions of the package that compute special functions in float64, element by element, one result or several.
KERNELS: set[Function] = {inspect.unwrap(evaluate)}
# Elementwise functions that take ten times as long where the result is written over an operand.
SLOW_IN_PLACE: set[Function] = {np.sign}
# Without arguments that are values, these give the same array at every call.
REPEATABLE: set[Function] = (VIEWS | FRESH | {functional.getitem, functional.power}) - {np.empty}
_METHODS = ("reduce", "accumulate")


def owner(function: Function) -> np.ufunc | None:
    """Return the ufunc of ``np.add.reduce`` and its like, None for anything else."""
    found = getattr(function, "__self__", None)
    return found if isinstance(found, np.ufunc) else None


def is_ufunc(function: Function) -> bool:
    """Return whether a function is a ufunc without a signature: one that works element by element."""
    return isinstance(function, np.ufunc) and function.signature is None


def is_elementwise(function: Function) -> bool:
    """Return whether an element of the result depends only on the elements at its place."""
    return is_ufunc(function) or function in ELEMENTWISE


def takes_out(instruction: Instruction) -> bool:
    """Return whether the one result can be written into ``out=`` with the same bits."""
    function = instruction.function
    if instruction.unpacks or not instruction.pure or "out" in instruction.keywords:
        return False
    if isinstance(function, np.ufunc):
        order = instruction.keywords.get("order", "K")
        plain = not {"where", "casting", "subok"} & instruction.keywords.keys()
        return function.nout == 1 and plain and (order == "K" or (order == "C" and function.signature is None))
    if owner(function) is not None:
        return function.__name__ in _METHODS and "where" not in instruction.keywords
    return function in WITH_OUT


def may_alias(instruction: Instruction) -> list[int]:
    """Return the values whose memory the results of an instruction may be."""
    function = instruction.function
    if isinstance(function, np.ufunc) or owner(function) is not None or getattr(function, "fresh", False):
        return []
    if not instruction.pure:
        return []
    if is_known(function) and function in FRESH:
        return []
    arguments = instruction.arguments
    if is_known(function) and (function in VIEWS or function is functional.getitem) and arguments:
        return [ref.index for ref in refs(arguments[:1])]
    return [ref.index for ref in refs((arguments, instruction.keywords))]


def is_known(function: Function) -> bool:
    """Return whether a function can be looked up: some callables have no hash."""
    try:
        hash(function)
    except TypeError:
        return False
    return True


def uses(program: Program) -> list[int]:
    """Return how often each value is read, by instructions and at the end."""
    count = [0] * len(program.values)
    for instruction in program.instructions:
        for index in operands(instruction):
            count[index] += 1
    for ref in refs((program.outputs, [r for r, _ in program.guards], [r for _, r in program.writes])):
        count[ref.index] += 1
    return count
