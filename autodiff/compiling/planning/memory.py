"""Memory: which values get a place in one block of memory, where in it, and which calls may write over an operand.

Every result that a call can write into given memory (``out=``) has a place in one block that is allocated once; a place
is used again after the last reader of its value. Values that the caller receives are never there: they are the
caller's own. Places begin on cache lines.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import functional
from ..knowledge import SLOW_IN_PLACE, VIEWS, is_elementwise, is_known, may_alias, takes_out
from ..program import Instruction, Program, Ref, Value, filled, operands, refs
from .layouts import Strides, c_order

LINE = 64  # bytes in a cache line
# Calls that the source writer turns into writes: they need a place as the ones with ``out=`` do.
REWRITTEN = {
    np.where, np.copy, functional.astype, functional.write_at, functional.add_at, functional.write_where,
    functional.write_through,
}  # fmt: skip
# Functions that make a view of an array with any strides; reshape may copy.
_ALWAYS_VIEWS = {functional.getitem, np.transpose, np.swapaxes, np.moveaxis}
# The argument that is written into.
_BASE = {functional.write_at: 0, functional.add_at: 1, functional.write_where: 2, functional.write_through: 0}


@dataclass(slots=True)
class Plan:
    """The places of values in memory.

    places    offset in the block, for each value that has one
    fixed     views of places and constants that are made once, not at every call
    owned     results that go to the caller, in memory of their own, and can be written with ``out=``
    inherited results that have the place of an operand
    copied    outputs that are views or arguments: the caller gets a copy
    homes     results that are written over a state, and that state
    late      number of the first instruction of the update (see ``updates``), None without one
    size      bytes of the block
    """

    strides: list[Strides]
    places: dict[int, int] = field(default_factory=dict)
    fixed: set[int] = field(default_factory=set)
    owned: set[int] = field(default_factory=set)
    copied: set[int] = field(default_factory=set)
    inherited: set[int] = field(default_factory=set)
    homes: dict[int, int] = field(default_factory=dict)
    late: int | None = None
    size: int = 0


def planned(program: Program, strides: list[Strides], late: int | None = None, in_place: Any = ()) -> Plan:
    """Give every value a place, or none. late: where the update begins, which writes the states ``in_place``."""
    plan = Plan(strides, late=late)
    values = program.values
    ends = [ref.index for ref in refs((program.outputs, [ref for _, ref in program.writes]))]
    updates = _updates(program, late)
    kept = {*ends, *(ref.index for ref, _ in program.guards)} - updates
    roots, last = roots_of(program), _last_reads(program)
    alive = list(range(len(values)))  # the last instruction that reads a value or a view of it
    for index in range(len(values)):
        alive[index] = last.get(index, -1)
    for index, found in roots.items():
        for root in found:
            alive[root] = max(alive[root], alive[index])
    made = {index for instruction in program.instructions for index in instruction.results}
    plan.copied = {index for index in ends if index not in made or roots.get(index) or ends.count(index) > 1} - updates
    plan.owned = {index for index in ends if index not in plan.copied | updates and values[index].shape}
    written = {index: ref.index for index, ref in program.writes if index in in_place}
    fixed = set(program.constants)  # values whose memory stays the same from call to call
    free = _Free()
    ending: dict[int, list[int]] = {}
    for k, instruction in enumerate(program.instructions):
        for index in instruction.results:
            if late is not None and k >= late:
                home = _home(instruction, k, program, plan, roots, alive, written)
                if home is not None:
                    plan.homes[index] = home
                    continue
            if index not in kept and _needs_place(instruction, values[index], program):
                heir = _heir(instruction, k, program, plan, roots, alive)
                if heir is not None:
                    plan.places[index] = plan.places[heir]
                    plan.inherited.add(index)
                    ending[alive[heir]].remove(heir)
                else:
                    plan.places[index] = free.take(-(-_bytes(values[index]) // LINE) * LINE)
                ending.setdefault(max(alive[index], k), []).append(index)
                fixed.add(index)
            elif index not in plan.owned and _is_fixed_view(instruction, roots, fixed, strides, program):
                plan.fixed.add(index)
                fixed.add(index)
        for dead in ending.pop(k, ()):
            free.give(plan.places[dead], -(-_bytes(values[dead]) // LINE) * LINE)
    plan.size = free.end
    return plan


def _updates(program: Program, late: int | None) -> set[int]:
    """Return the new values of states that the update makes."""
    if late is None:
        return set()
    made = {index for instruction in program.instructions[late:] for index in instruction.results}
    return {ref.index for _, ref in program.writes if ref.index in made}


def _home(
    instruction: Instruction,
    k: int,
    program: Program,
    plan: Plan,
    roots: dict[int, frozenset[int]],
    alive: list[int],
    written: dict[int, int],
) -> int | None:
    """Return the state over which the result of a call of the update can be written: one that is an operand and is not
    read later.

    The new value of a state is written there or in memory of its own, never over another state.
    """
    function, (result,) = instruction.function, instruction.results
    if function is functional.write_at:
        candidates = [instruction.arguments[0].index]
    elif is_elementwise(function) and function not in SLOW_IN_PLACE:
        candidates = operands(instruction)
    else:
        return None
    read, value = operands(instruction), program.values[result]
    if function is not functional.write_at and _rounds_in_place(value):
        return None
    own = {new: state for state, new in written.items()}
    for a in candidates:
        home = plan.homes.get(a, a if a in written else None)
        other = program.values[a]
        if home is None or (other.shape, other.dtype) != (value.shape, value.dtype) or own.get(result, home) != home:
            continue
        once = function is not functional.write_at or read.count(a) == 1
        if alive[a] == k and once and not any(a in roots.get(b, ()) for b in read):
            return home
    return None


def _bytes(value: Any) -> int:
    size = value.dtype.itemsize
    for n in value.shape:
        size *= n
    return size


def _last_reads(program: Program) -> dict[int, int]:
    """Return the number of the last instruction that reads each value; outputs are read after all instructions."""
    last = {index: k for k, instruction in enumerate(program.instructions) for index in operands(instruction)}
    last.update(dict.fromkeys(program.roots(), len(program.instructions)))
    return last


def roots_of(program: Program) -> dict[int, frozenset[int]]:
    """Return, for each value that may be a view, the values whose memory it may show."""
    roots: dict[int, frozenset[int]] = {}
    for instruction in program.instructions:
        aliases = may_alias(instruction)
        if aliases:
            found = frozenset().union(*[roots.get(index, frozenset((index,))) for index in aliases])
            roots.update(dict.fromkeys(instruction.results, found))
    return roots


def _needs_place(instruction: Instruction, value: Value, program: Program) -> bool:
    if not value.shape or value.dtype.hasobject or not instruction.pure:
        return False
    if getattr(instruction.function, "places", False):
        return True
    if len(instruction.results) != 1 or instruction.unpacks:
        return False
    return takes_out(instruction) or (is_known(instruction.function) and rewritten(instruction, program))


def rewritten(instruction: Instruction, program: Program) -> bool:
    """Return whether the source writer turns a call into writes into a place."""
    function, result = instruction.function, program.values[instruction.results[0]]
    if function not in REWRITTEN or not result.shape:
        return False
    if function is np.where:
        mask = instruction.arguments[0]
        mask = program.values[mask.index].dtype == bool if mask.__class__ is Ref else False
        return mask and len(instruction.arguments) == 3 and not instruction.keywords
    if function is functional.write_through and any(step[0] not in _ALWAYS_VIEWS for step in instruction.arguments[1]):
        return False
    if function in _BASE:
        base = instruction.arguments[_BASE[function]]
        return base.__class__ is Ref and program.values[base.index].dtype == result.dtype
    return not instruction.keywords or function is functional.astype


def _rounds_in_place(value: Value) -> bool:
    """Return whether NumPy rounds a product otherwise where it is written over an operand: for one complex number."""
    return value.dtype.kind == "c" and all(n == 1 for n in value.shape)


def _heir(
    instruction: Instruction,
    k: int,
    program: Program,
    plan: Plan,
    roots: dict[int, frozenset[int]],
    alive: list[int],
) -> int | None:
    """Return an operand that is not read later and whose place the result can take, None if there is none."""
    function, result = instruction.function, instruction.results[0]
    read = operands(instruction)
    if function in _BASE:
        candidates = [instruction.arguments[_BASE[function]].index]
    elif is_elementwise(function) and function is not np.where and function not in SLOW_IN_PLACE:
        candidates = read
    else:
        return None
    value = program.values[result]
    if function not in _BASE and _rounds_in_place(value):
        return None
    if function in _BASE and candidates[0] in plan.fixed:
        return _heir_of_view(candidates[0], result, k, read, program, plan, roots, alive)
    for a in candidates:
        other = program.values[a]
        if a not in plan.places or alive[a] != k or other.shape != value.shape or other.dtype != value.dtype:
            continue
        if plan.strides[a] != plan.strides[result] or (function in _BASE and read.count(a) > 1):
            continue
        if not any(a in roots.get(b, ()) for b in read):
            return a
    return None


def _heir_of_view(
    view: int,
    result: int,
    k: int,
    read: list[int],
    program: Program,
    plan: Plan,
    roots: dict[int, frozenset[int]],
    alive: list[int],
) -> int | None:
    """Return the value that ``view`` shows whole, if it is not read later and the result can take its place."""
    if len(roots[view]) != 1 or read.count(view) > 1:
        return None
    (root,) = roots[view]
    value, other = program.values[result], program.values[root]
    if root not in plan.places or alive[root] != k or root in read:
        return None
    if other.dtype != value.dtype or program.values[view].shape != value.shape or _bytes(other) != _bytes(value):
        return None
    ordered = [plan.strides[i] == c_order(program.values[i].shape, value.dtype) for i in (view, root, result)]
    return root if all(ordered) and sum(root in roots.get(b, ()) for b in read) == 1 else None


def _is_fixed_view(
    instruction: Instruction,
    roots: dict[int, frozenset[int]],
    fixed: set[int],
    strides: list[Strides],
    program: Program,
) -> bool:
    """Return whether a call makes the same view of the same memory at every call of the program."""
    function = instruction.function
    if not is_known(function) or not (function in VIEWS or function is functional.getitem):
        return False
    read = operands(instruction)
    if len(read) != 1 or read[0] not in fixed or instruction.unpacks:
        return False
    return is_view(instruction, program, strides)


def is_view(instruction: Instruction, program: Program, strides: list[Strides]) -> bool:
    """Return whether a call of one array and constants gives a view of the array: tried on memory of that shape."""
    index = operands(instruction)[0]
    value = program.values[index]
    if not value.shape:
        return False
    base = np.empty(_bytes(value), np.uint8) if not value.dtype.hasobject else np.empty(1, np.uint8)
    if value.dtype.hasobject or 0 in value.shape:
        return False
    try:
        array = np.ndarray(value.shape, value.dtype, base, 0, strides[index])
        made = instruction.function(
            *filled(instruction.arguments, {index: array}), **filled(instruction.keywords, {index: array})
        )
    except Exception:  # negative strides, or an index out of bounds: the call itself will raise
        return False
    return isinstance(made, np.ndarray) and np.may_share_memory(made, base)


class _Free:
    """Free parts of a block that grows: the smallest that fits is taken, neighbours are joined."""

    __slots__ = ("end", "parts")

    def __init__(self) -> None:
        self.end = 0
        self.parts: list[tuple[int, int]] = []  # (offset, size), by offset

    def take(self, size: int) -> int:
        fitting = [part for part in self.parts if part[1] >= size]
        if fitting:
            offset, room = min(fitting, key=lambda part: part[1])
            self.parts.remove((offset, room))
            if room > size:
                insort(self.parts, (offset + size, room - size))
            return offset
        if self.parts and sum(self.parts[-1]) == self.end:  # the last part grows
            offset, _ = self.parts.pop()
        else:
            offset = self.end
        self.end = offset + size
        return offset

    def give(self, offset: int, size: int) -> None:
        if not size:
            return
        at = [k for k, part in enumerate(self.parts) if part[0] + part[1] == offset or offset + size == part[0]]
        joined = [self.parts[k] for k in at] + [(offset, size)]
        for k in reversed(at):
            del self.parts[k]
        start = min(part[0] for part in joined)
        insort(self.parts, (start, sum(part[1] for part in joined)))


def block(size: int) -> Any:
    """Return ``size`` bytes that begin on a cache line."""
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size]
