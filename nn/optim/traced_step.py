"""An optimizer's step inside `ad.compile`: the formulas are those of every step, on traced arrays.

Every run of the program reads the state of each parameter and the numbers of its group, and writes the new state back
with the parameters, all or nothing. A large parameter is updated alone, and small ones together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from operator import setitem
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from .slots import Call, Flat, ScalarSlot, Slot

__all__ = ["traced_step"]

SMALL = 1 << 12  # numbers of a parameter that is updated together with others


def traced_step(optimizer: Any, trace: Any) -> None:
    """Trace `optimizer.step()`."""
    if any(reader.args == (optimizer,) for reader in trace.fact_readers if isinstance(reader, partial)):
        raise trace.refusal(f"{optimizer._name}.step() is called twice", "Make one step in each call")
    trace.fact_readers.append(partial(_facts, optimizer))
    found = []
    for k, (group, slots) in enumerate(zip(optimizer.param_groups, optimizer._slots, strict=True)):
        numbers = _numbers_of(optimizer, k, trace)
        for slot in slots:
            missing = [p for p, _ in slot.entries if p.grad is None]
            if len(missing) == len(slot.entries):
                continue
            if missing or not optimizer._is_prepared(slot, group):
                raise extend.Untraced(f"the first step of {optimizer._name} makes its state")
            _trace_slot(optimizer, slot, numbers, trace)
            found.append((optimizer, slot, group))
    if not found:
        raise extend.Untraced(f"no parameter of {optimizer._name} has a gradient")
    trace.with_writes.append(partial(_counted, optimizer, [slot for _, slot, _ in found]))
    trace.after.append(partial(_flush, found))


def _facts(optimizer: Any) -> list[Any]:
    """Return the facts that a program depends on beside the numbers and arrays that it reads: the slots, and flags."""
    facts: list[Any] = []
    for group, slots in zip(optimizer.param_groups, optimizer._slots, strict=True):
        facts += [value for value in group.values() if value.__class__ is not float]
        for slot in slots:
            facts += (slot, slot.betas, len(slot.state))
    return facts


def _numbers_of(optimizer: Any, k: int, trace: Any) -> dict[str, Any]:
    """Return a group whose numbers are read at every run: a scheduler may change them between two steps."""

    def traced(name: str) -> Any:
        return trace.place((id(optimizer), k, name), lambda: optimizer.param_groups[k][name], None, name).value

    group = optimizer.param_groups[k]
    return {name: traced(name) if value.__class__ is float else value for name, value in group.items()}


def _trace_slot(optimizer: Any, slot: Slot, group: dict[str, Any], trace: Any) -> None:
    """Trace the update of the parameters of a slot."""
    step = trace.place((id(slot), "step"), lambda: slot.step, None, "step").value + 1.0
    numbers = {name: trace.place((id(slot), name), *_number(slot, name), name) for name in slot.numbers}
    before = {name: place.value for name, place in numbers.items()}
    for run in _runs(slot, optimizer._whole):
        value, grad = _all_scalars(slot) if isinstance(slot, ScalarSlot) else _joined(slot, run)
        if group.get("maximize"):
            grad = np.negative(grad)
        made = _traced_slot(slot, run, np.shape(value), trace, optimizer._whole)
        made.step, made.numbers = step, dict(before)
        new = np.array(value)
        optimizer._update([new], [grad], made, group, made.scratch)
        _give(slot, run, new)
        for name, place in numbers.items():
            place.value = made.numbers[name]


def _runs(slot: Slot, whole: bool) -> list[range]:
    """Return which entries are updated together: small neighbours, because a call of NumPy takes as long as 4,096
    numbers."""
    if isinstance(slot, ScalarSlot):
        return [range(len(slot.entries))]
    runs: list[range] = []
    before = False
    for i, ((_, rows), shape) in enumerate(zip(slot.entries, slot.shapes, strict=True)):
        small = rows is None and math.prod(shape) <= SMALL and not whole
        runs[len(runs) - (small and before) :] = [range(runs[-1].start if small and before else i, i + 1)]
        before = small
    return runs


def _joined(slot: Slot, run: range) -> tuple[Any, Any]:
    """Return values and gradients: those of one entry, or those of several as flat arrays."""
    values, grads = [], []
    for p, rows in slot.entries[run.start : run.stop]:
        value, grad = p.data, p.grad.data if isinstance(p.grad, ad.Variable) else p.grad
        if rows is not None:
            value, grad = value[rows], grad[rows]
        values.append(value)
        grads.append(grad if grad.dtype == slot.dtype else grad.astype(slot.dtype))
    if len(run) == 1:
        return values[0], grads[0]
    return np.concatenate([v.reshape(-1) for v in values]), np.concatenate([g.reshape(-1) for g in grads])


def _give(slot: Slot, run: range, new: Any) -> None:
    """Give the entries of a run their new values."""
    if isinstance(slot, ScalarSlot):
        for (p, _), number in zip(slot.entries, new, strict=True):
            p.data = number
        return
    start = 0
    for i in run:
        (p, rows), shape = slot.entries[i], slot.shapes[i]
        stop = start + math.prod(shape)
        if rows is not None:
            p.data[rows] = new
        else:
            p.data = new if len(run) == 1 else new[start:stop].reshape(shape)
        start = stop


def _traced_slot(slot: Slot, run: range, shape: tuple[int, ...], trace: Any, whole: bool) -> Any:
    """Return a slot of the entries of a run, as one of this shape, with traced state, for the formula."""
    made: Any = object.__new__(type(slot))
    made.entries, made.shapes = slot.entries[run.start : run.stop], [shape]
    made.betas, made.fresh, made.dtype = slot.betas, False, slot.dtype
    of = slot.entries[run.start][0] if len(run) == 1 else None

    def seen_twice(array: Any) -> Flat:
        return Flat(array.reshape(-1) if whole else array, [array])

    def traced(name: str) -> Any:
        read = partial(_state_of, slot, name, run, [])
        return trace.place((id(slot), name, run), read, lambda new: [(setitem, read(), ..., new)], name, of).value

    made.state = {name: seen_twice(traced(name)) for name in slot.state}
    made.scratch = seen_twice(np.empty(shape, slot.dtype))
    return made


def _state_of(slot: Slot, name: str, run: range, latest: list[Any]) -> Any:
    """Return the state of the entries of a run, the same view as at the last call while the array is the same."""
    flat = slot.state[name]
    if len(run) == 1 or isinstance(slot, ScalarSlot):
        return flat.parts[run.start]
    if not latest or latest[0] is not flat.whole:
        sizes = [math.prod(shape) for shape in slot.shapes]
        latest[:] = flat.whole, flat.whole[sum(sizes[: run.start]) : sum(sizes[: run.stop])]
    return latest[1]


def _number(slot: Slot, name: str) -> tuple[Callable[[], float], Callable[[float], list[Call]]]:
    """Return the function that reads a number of a slot, and the one that makes the calls that write it."""
    return lambda: slot.numbers[name], lambda new: [(setitem, slot.numbers, name, new)]


def _all_scalars(slot: Slot) -> tuple[Any, Any]:
    """Return values and gradients of all Scalars of a slot."""
    return np.array([p.data for p, _ in slot.entries]), np.array([p.grad for p, _ in slot.entries], np.float64)


def _counted(optimizer: Any, slots: list[Slot]) -> list[Call]:
    """Return the calls that count a step."""
    calls: list[Call] = [(setattr, slot, "step", slot.step + 1) for slot in slots]
    return [*calls, (object.__setattr__, optimizer, "steps", optimizer.steps + 1)]


def _flush(stepped: list[tuple[Any, Slot, dict[str, Any]]]) -> None:
    for optimizer, slot, group in stepped:
        optimizer._flush_if_due(slot, group)
