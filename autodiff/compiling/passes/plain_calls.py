"""Plain calls: the ufunc method behind ``np.sum`` and its like, without the Python that surrounds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import functional
from ..knowledge import is_known
from ..program import Instruction, Program, Ref

_REDUCTIONS: dict[Callable[..., Any], np.ufunc] = {
    np.sum: np.add,
    np.prod: np.multiply,
    np.max: np.maximum,
    np.min: np.minimum,
    np.amax: np.maximum,
    np.amin: np.minimum,
    np.any: np.logical_or,
    np.all: np.logical_and,
}
_POWERS: dict[float, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}


def in_plain_calls(program: Program) -> Program:
    """Replace reductions by their ufunc's method, and powers of arrays by the ufunc that ``**`` chooses itself."""
    return replace(program, instructions=[_plain(program, instruction) for instruction in program.instructions])


def _plain(program: Program, instruction: Instruction) -> Instruction:
    function, arguments = instruction.function, instruction.arguments
    ufunc = _REDUCTIONS.get(function) if is_known(function) else None
    if ufunc is not None and len(arguments) in (1, 2) and arguments[0].__class__ is Ref:
        if instruction.keywords.keys() <= {"axis", "keepdims", "dtype"}:
            keywords = dict(instruction.keywords)
            keywords["axis"] = keywords.get("axis", arguments[1] if len(arguments) == 2 else None)
            return replace(instruction, function=ufunc.reduce, arguments=arguments[:1], keywords=keywords)
    if function is functional.power and arguments[0].__class__ is Ref and arguments[1].__class__ in (int, float):
        base, result = program.values[arguments[0].index], program.values[instruction.results[0]]
        simple = _POWERS.get(arguments[1])
        if simple is not None and base.shape and base.dtype.kind == "f" and base.dtype == result.dtype:
            return replace(instruction, function=simple, arguments=arguments[:1])
    return instruction
