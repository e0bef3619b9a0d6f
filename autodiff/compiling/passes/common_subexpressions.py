"""Common subexpressions: a call that was made before, with the same arguments, is not made again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..knowledge import is_known
from ..program import Instruction, Program, Ref
from .substitution import Substitution


def without_repetitions(program: Program) -> Program:
    """Read the result of the first of equal pure calls in place of those of the others."""
    seen: dict[Any, tuple[int, ...]] = {}
    names, kept = Substitution(), []
    for old in program.instructions:
        instruction = names.in_call(old)
        key = _key(instruction) if instruction.pure else None
        before = seen.get(key) if key is not None else None
        if before is None:
            kept.append(instruction)
            if key is not None:
                seen[key] = instruction.results
        else:
            names.instead.update(zip(instruction.results, before, strict=True))
    return names.in_ends(program, kept)


def _key(instruction: Instruction) -> Any:
    if not instruction.keywords and not instruction.unpacks:
        read = [argument.index for argument in instruction.arguments if argument.__class__ is Ref]
        if len(read) == len(instruction.arguments):  # most calls: of values alone
            return (instruction.function, *read) if is_known(instruction.function) else None
    try:
        key = (
            instruction.function,
            tuple([_frozen(argument) for argument in instruction.arguments]),
            _frozen(instruction.keywords) if instruction.keywords else None,
            instruction.unpacks,
        )
        hash(key)
    except TypeError:  # an argument that cannot be compared
        return None
    return key


def _frozen(tree: Any) -> Any:
    """Return a tree as something that hashes, and is equal only where NumPy would do the same with it."""
    kind = tree.__class__
    if kind is Ref:
        return tree
    if kind is float:  # 1, 1.0 and True are equal, 0.0 and -0.0 too, nan not even to itself
        return (float, tree, math.copysign(1.0, tree)) if tree == tree else (float, "nan")
    if isinstance(tree, tuple | list):
        return (kind, *[_frozen(part) for part in tree])
    if isinstance(tree, dict):
        return (dict, *[(key, _frozen(part)) for key, part in sorted(tree.items())])
    if isinstance(tree, slice):
        return (slice, _frozen(tree.start), _frozen(tree.stop), _frozen(tree.step))
    if isinstance(tree, np.ndarray):
        return (np.ndarray, id(tree))
    if isinstance(tree, np.generic):
        return (kind, tree.tobytes())
    if isinstance(tree, complex):
        return (kind, _frozen(tree.real), _frozen(tree.imag))
    return (kind, tree)
