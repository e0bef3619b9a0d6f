"""Blocks: elementwise calls on large arrays of one size are brought together, and run block by block.

A call joins the group of its operands if it can run at the same time: no path from the group to the call leads
through a call outside of it. Sums over all elements, any and all may end a chain. Only arrays in C order take part
(``strides``).
"""

from __future__ import annotations

import heapq
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .. import functional
from ..calls.blocks import TOGETHER, WORTH_THREADS, BlockCalls
from ..knowledge import KERNELS, is_known, is_ufunc, owner, takes_out
from ..planning.layouts import Strides, c_order
from ..program import Instruction, Program, operands

SMALLEST = 1 << 16  # elements: smaller arrays stay in the caches anyway


class _Group:
    __slots__ = ("after", "members", "number", "size")

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size = number, size
        self.members: list[int] = []
        self.after: set[int] = set()  # groups that this one reads, directly or through others


def in_blocks(
    program: Program,
    strides: list[Strides],
    smallest: int = SMALLEST,
    most: int | None = None,
    worth_threads: int = WORTH_THREADS,
) -> Program:
    """Bring elementwise calls on at least ``smallest`` elements together, for blocks of at most ``most`` (None: as is
    best for the number of threads); calls that make fewer numbers than ``worth_threads`` in all stay on one thread."""
    if not any(math.prod(value.shape) >= smallest for value in program.values):
        return program
    groups = _groups(program, strides, smallest)
    groups = [group for group in groups if len(group.members) > 1]
    if not groups:
        return program
    return _ordered(program, groups, most, worth_threads)


def _groups(program: Program, strides: list[Strides], smallest: int) -> list[_Group]:
    groups: list[_Group] = []
    inside: dict[int, int] = {}  # value -> the group whose blocks have it
    behind: dict[int, set[int]] = {}  # value -> the groups that lie before it
    latest: dict[int, _Group] = {}  # size -> the group that is still open
    for k, instruction in enumerate(program.instructions):
        size = _size(instruction, program, strides, smallest)
        read = operands(instruction)
        before = set().union(*[behind.get(a, ()) for a in read]) if read else set()
        around = {inside[a] for a in read if a in inside}
        if not size:
            for index in instruction.results:
                behind[index] = _closed(before | around, groups)
            continue
        group = latest.get(size)
        if group is not None and group.number in _closed(before | (around - {group.number}), groups):
            group = None
        if group is None:
            group = _Group(len(groups), size)
            groups.append(group)
            latest[size] = group
        group.members.append(k)
        group.after |= (before | around) - {group.number}
        for index in instruction.results:
            if program.values[index].shape:
                inside[index] = group.number
                behind[index] = before
            else:
                behind[index] = before | {group.number}  # a sum is complete when the last block is done
    return groups


def _closed(numbers: set[int], groups: list[_Group]) -> set[int]:
    """Return these groups and all that they read, directly or through others."""
    found, left = set(numbers), list(numbers)
    while left:
        new = groups[left.pop()].after - found
        found |= new
        left += new
    return found


def _size(instruction: Instruction, program: Program, strides: list[Strides], smallest: int) -> int:
    """Return the number of elements if a call can be made block by block, else 0."""
    function, values = instruction.function, program.values
    if not instruction.results or not instruction.pure or not is_known(function):
        return 0
    kernel = function in KERNELS
    if (len(instruction.results) != 1 or instruction.unpacks) and not kernel:
        return 0
    index = instruction.results[0]
    if owner(function) in TOGETHER and function.__name__ == "reduce":
        return _reduced(instruction, program, strides, smallest)
    ufunc = is_ufunc(function) and takes_out(instruction)
    where = function is np.where and len(instruction.arguments) == 3 and not instruction.keywords
    if not (ufunc or where or kernel or function is functional.astype):
        return 0
    if where and values[operands(instruction)[0]].dtype != bool:
        return 0
    shape = values[index].shape
    size = math.prod(shape)
    if size < smallest:
        return 0
    for r in instruction.results:
        if values[r].shape != shape or strides[r] != c_order(shape, values[r].dtype):
            return 0
    for a in operands(instruction):
        other = values[a]
        if other.shape and (other.shape != shape or strides[a] != c_order(shape, other.dtype)):
            return 0
        if other.dtype.hasobject:
            return 0
    return size


def _reduced(instruction: Instruction, program: Program, strides: list[Strides], smallest: int) -> int:
    """Return the number of elements if a call reduces all of them to one number in parts that can be joined; else 0."""
    keywords, result = instruction.keywords, program.values[instruction.results[0]]
    plain = len(instruction.arguments) == 1 and keywords.keys() <= {"axis", "keepdims", "dtype"}
    if not plain or keywords.get("axis", 0) is not None or keywords.get("keepdims"):
        return 0
    value = program.values[operands(instruction)[0]]
    if owner(instruction.function) is np.add:
        fits = value.dtype in (np.float32, np.float64) and value.dtype == result.dtype and "dtype" not in keywords
    else:
        fits = result.dtype == bool and keywords.get("dtype") in (None, bool) and not value.dtype.hasobject
    size = math.prod(value.shape)
    ordered = strides[operands(instruction)[0]] == c_order(value.shape, value.dtype)
    return size if fits and size >= smallest and ordered else 0


def _ordered(program: Program, groups: list[_Group], most: int | None, worth_threads: int) -> Program:
    """Return the program with one call in place of each group, in an order that fits."""
    of = {k: group for group in groups for k in group.members}
    wanted = set(program.roots())
    for k, instruction in enumerate(program.instructions):
        wanted.update(a for a in operands(instruction) if k not in of)
    maker: dict[int, int] = {}
    for k, instruction in enumerate(program.instructions):
        maker.update(dict.fromkeys(instruction.results, k))
    for group in groups:
        for k in group.members:
            wanted.update(a for a in operands(program.instructions[k]) if of.get(maker.get(a, -1)) is not group)
    units: dict[int, Instruction] = {}
    unit_of: dict[int, int] = {}
    for group in groups:
        members = [program.instructions[k] for k in group.members]
        results = [index for m in members for index in m.results if index in wanted]
        units[group.members[-1]] = BlockCalls(program, members, results, most, worth_threads).instruction()
        unit_of.update(dict.fromkeys(group.members, group.members[-1]))
    for k, instruction in enumerate(program.instructions):
        if k not in of:
            units[k] = instruction
            unit_of[k] = k
    needs = {k: {unit_of[maker[a]] for a in operands(unit) if a in maker} for k, unit in units.items()}
    impure = [k for k, unit in units.items() if not unit.pure]
    for before, after in pairwise(sorted(impure)):
        needs[after].add(before)
    return replace(program, instructions=[units[k] for k in _after_what_they_need(needs)])


def _after_what_they_need(needs: dict[int, set[int]]) -> list[int]:
    """Return the keys so that each comes after those that it needs, and otherwise in their order."""
    readers: dict[int, list[int]] = {}
    for k, found in needs.items():
        for a in found:
            readers.setdefault(a, []).append(k)
    waiting = {k: len(found) for k, found in needs.items()}
    ready, made = [k for k, n in waiting.items() if not n], []
    heapq.heapify(ready)
    while ready:
        k = heapq.heappop(ready)
        made.append(k)
        for reader in readers.get(k, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, reader)
    return made
