"""An optimizer's step inside `ad.compile`: the formulas are those of every step, on traced arrays.

Every run of the program reads the state of each parameter and the numbers of its group, and writes the new state back
with the parameters, all or nothing. Each parameter is updated alone: flat arrays save calls of Python functions, which
a program does not make.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import setitem
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from .slots import Call, Flat, ScalarSlot, Slot

__all__ = ["traced_step"]


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
    scalars = isinstance(slot, ScalarSlot)
    for i, (p, part) in enumerate([(None, None)] if scalars else slot.entries):
        value, grad = _all_scalars(slot) if p is None else (p.data, p.grad)
        grad = grad.data if isinstance(grad, ad.Variable) else grad
        if part is not None:
            value, grad = value[part], grad[part]
        if grad.dtype != slot.dtype:
            grad = grad.astype(slot.dtype)
        if group.get("maximize"):
            grad = np.negative(grad)
        made = _traced_slot(slot, i, p, trace, optimizer._whole)
        made.step, made.numbers = step, dict(before)
        new = np.array(value)
        optimizer._update([new], [grad], made, group, made.scratch)
        if p is None:
            for k, (q, _) in enumerate(slot.entries):
                q.data = new[k]
        elif part is None:
            p.data = new
        else:
            p.data[part] = new
        for name, place in numbers.items():
            place.value = made.numbers[name]


def _traced_slot(slot: Slot, i: int, p: Any, trace: Any, whole: bool) -> Any:
    """Return a slot of one parameter (of all Scalars), with traced state, for the formula."""
    made: Any = object.__new__(type(slot))
    entries = slot.entries if p is None else slot.entries[i : i + 1]
    made.entries, made.betas, made.fresh, made.dtype = entries, slot.betas, False, slot.dtype
    made.shapes = slot.shapes if p is None else slot.shapes[i : i + 1]

    def seen_twice(array: Any) -> Flat:
        return Flat(array.reshape(-1) if whole else array, [array])

    def traced(name: str) -> Any:
        def read() -> Any:
            return slot.state[name].parts[i]

        return trace.place((id(slot), name, i), read, lambda new: [(setitem, read(), ..., new)], name, p).value

    made.state = {name: seen_twice(traced(name)) for name in slot.state}
    made.scratch = seen_twice(np.empty(made.shapes[0], slot.dtype))
    return made


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
