"""Layouts: the order in memory of the elements of every value, found before anything runs.

NumPy gives the result of an elementwise call the order of its operands, and sums in the order of memory. A buffer must
therefore have the order that the call itself would have chosen, or the last digit differs. Orders follow from those of
the arguments: views are made of uninitialised arrays, and ``np.nditer`` gives the order of elementwise results. Only
other functions are called, on ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional
from ..knowledge import FRESH, VIEWS, is_elementwise, is_known, owner
from ..program import Instruction, Program, Value, filled, operands

Strides = tuple[int, ...]
_SAMPLED = {
    np.einsum,
    np.tensordot,
    np.array,
    np.copy,
    functional.write_at,
    functional.add_at,
    functional.write_where,
    functional.write_through,
    functional.write_out,
    functional.changed,
}


def strides_of(program: Program, arrays: list[Any] | None = None) -> list[Strides]:
    """Return the strides of every value, for inputs and states that lie as ``arrays`` do (in C order without them)."""
    values = program.values
    last = {index: k for k, instruction in enumerate(program.instructions) for index in operands(instruction)}
    given = zip((*program.inputs, *program.states), arrays or [], strict=False)
    held: dict[int, Any] = {index: np.asarray(a) for index, a in (*program.constants.items(), *given)}
    for index in (*program.inputs, *program.states):
        if index not in held or (held[index].shape, held[index].dtype) != (values[index].shape, values[index].dtype):
            held[index] = sample(values[index])
    found: list[Strides] = [()] * len(values)
    for index, array in held.items():
        found[index] = array.strides
    with np.errstate(all="ignore"):
        for k, instruction in enumerate(program.instructions):
            for index, array in zip(instruction.results, _results(instruction, values, held), strict=True):
                if values[index].shape:
                    found[index] = array.strides
                held[index] = array
            for index in {*operands(instruction), *instruction.results}:
                if last.get(index, -1) <= k:
                    held.pop(index, None)
    return found


def sample(value: Value) -> Any:
    """Return an array that could be this value: ones, in C order; a large one is not filled."""
    if value.dtype.kind in "biu" or value.dtype.hasobject or not value.shape:
        return np.zeros(value.shape, value.dtype)
    return np.empty(value.shape, value.dtype) if np.prod(value.shape) > 4096 else np.ones(value.shape, value.dtype)


def _results(instruction: Instruction, values: list[Value], held: dict[int, Any]) -> list[Any]:
    """Return arrays with shape, dtype and order of the results."""
    wanted = [values[index] for index in instruction.results]
    if all(not value.shape for value in wanted) or not instruction.pure:
        return [sample(value) for value in wanted]
    sources = [held[index] for index in operands(instruction) if held[index].ndim]
    function = instruction.function
    known = is_known(function)
    if known and is_elementwise(function):
        ordered = instruction.keywords.get("order", "K") == "C"
        return [sample(value) for value in wanted] if ordered else _elementwise(wanted, sources)
    plain = all(source.flags.c_contiguous for source in sources)
    fresh = isinstance(function, np.ufunc) or owner(function) is not None or (known and function in FRESH - _SAMPLED)
    if plain and (fresh or getattr(function, "fresh", False)):
        return [sample(value) for value in wanted]
    if not (known and (function in VIEWS or function is functional.getitem)) and not fresh:
        held = {i: np.ones_like(held[i]) if held[i].dtype.kind in "fc" else held[i] for i in operands(instruction)}
    try:
        made = instruction.function(*filled(instruction.arguments, held), **filled(instruction.keywords, held))
    except Exception:  # the function does not take ones: assume C order
        return [sample(value) for value in wanted]
    results = [np.asarray(part) for part in (made if instruction.unpacks else [made])]
    fits = [a.shape == value.shape and a.dtype == value.dtype for a, value in zip(results, wanted, strict=True)]
    return [a if fit else sample(value) for a, value, fit in zip(results, wanted, fits, strict=True)]


def _elementwise(wanted: list[Value], sources: list[Any]) -> list[Any]:
    made = []
    for value in wanted:
        if all(source.flags.c_contiguous for source in sources):
            made.append(sample(value))
            continue
        flags: Any = [["readonly"]] * len(sources) + [["writeonly", "allocate"]]
        dtypes = [source.dtype for source in sources] + [value.dtype]
        wide = np.nditer([*sources, None], ["zerosize_ok", "refs_ok"], flags, dtypes, order="K")
        array = wide.operands[-1]
        made.append(array if array.shape == value.shape else sample(value))
    return made


def c_order(shape: tuple[int, ...], dtype: Any) -> Strides:
    """Return the strides of an array in C order."""
    strides, step = [], dtype.itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))
