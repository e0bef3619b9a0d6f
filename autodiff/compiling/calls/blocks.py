"""Block calls: a chain of elementwise calls on large arrays, run block by block.

A block is small enough for intermediate results to stay in the processor's cache; only operands and results of the
whole chain go through memory. Blocks are shared between threads. A sum over all elements is taken block by block
too: the blocks are the parts into which NumPy's own pairwise summation would cut the array, and their sums are added as
it would add them, so that no bit changes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ...modes import threads
from .. import functional
from ..knowledge import SLOW_IN_PLACE, owner, takes_out
from ..program import Instruction, Program, Ref, operands, run

# Elements of a block at most; half as many at least. Measured with thirty calls on float32, in processor time: blocks
# of 8,192 take 1.4 times as long (a call of any length costs a microsecond), the whole array 15 times. On several
# threads longer blocks are better, which pass Python's lock less often: of 131,072, a million numbers take 3.3 ms in
# place of 4.7, although they leave the second cache.
BLOCK, LONG_BLOCK = 1 << 15, 1 << 17

# Numbers that calls make in all, from which a second thread is worth waking: that takes as long as 300,000 of them.
WORTH_THREADS = 1 << 22


def cuts(size: int, most: int) -> list[int]:
    """Return where NumPy's pairwise summation cuts an array, down to parts of at most ``most`` elements (128 or more).

    >>> cuts(1000, 300)
    [0, 248, 496, 744, 1000]
    """
    if size <= most:
        return [0, size]
    half = size // 2
    half -= half % 8
    return cuts(half, most)[:-1] + [half + cut for cut in cuts(size - half, most)]


def put_together(size: int, most: int, sums: list[Any]) -> Any:
    """Add the sums of the parts in the order of NumPy's pairwise summation."""
    parts = iter(sums)

    def total(size: int) -> Any:
        if size <= most:
            return next(parts)
        half = size // 2
        half -= half % 8
        return total(half) + total(size - half)

    return total(size)


def by_length(arrays: list[Any], cuts: list[int]) -> dict[int, list[Any]]:
    """Return the first elements of some arrays, as many as there are in a block, for each length of a block."""
    return {n: [a[:n] for a in arrays] for n in {stop - start for start, stop in pairwise(cuts)}}


# Reductions of all elements to one number: how those of the parts are put together.
TOGETHER: dict[Any, Any] = {
    np.add: put_together,
    np.logical_or: np.logical_or.reduce,
    np.logical_and: np.logical_and.reduce,
}


class BlockCalls:
    """A function of arrays of one shape and 0-d values; it returns the results that other calls read."""

    fresh = True
    places = True  # results can be written into given memory

    def __init__(
        self,
        program: Program,
        members: list[Instruction],
        results: list[int],
        most: int | None = None,
        worth_threads: int = WORTH_THREADS,
    ) -> None:
        self.members, self.results = members, results
        self.size = max(math.prod(program.values[index].shape) for index in operands(members[0]))
        made = {index for member in members for index in member.results}
        read = dict.fromkeys(index for member in members for index in operands(member))
        self.operands = [index for index in read if index not in made]
        self.values = program.values
        self.operations = self.size * len(members)
        self.threads = threads.available() if self.operations >= worth_threads else 1
        shares = 4 * self.threads  # blocks at least, so that no thread waits long for the last one
        long = BLOCK if self.threads == 1 else max(BLOCK, min(LONG_BLOCK, self.size // shares))
        self.most = long if most is None else most
        self.memory = 0

    def instruction(self) -> Instruction:
        """Return the call of all members."""
        last = self.members[-1]
        arguments = tuple(Ref(index) for index in self.operands)
        return replace(last, function=self, arguments=arguments, keywords={}, results=tuple(self.results), unpacks=True)

    def __call__(self, *arrays: Any) -> list[Any]:
        """Run call by call on whole arrays: the reference for ``written``."""
        whole = Program(inputs=self.operands, values=self.values, instructions=self.members)
        whole.outputs = [Ref(index) for index in self.results]
        return list(run(whole, list(arrays))[0])

    def value_name(self, writer: Any, index: int) -> str:
        """Return the name of a result."""
        maker = next(member for member in self.members if index in member.results)
        return str(writer.value_name(maker, index))

    def written(self, writer: Any, instruction: Instruction) -> None:
        """Write a function that works on one block, and its call for every block."""
        _Blocks(self, writer, instruction).write()


class _Blocks:
    """The lines of block calls, written with a ``planning.source.Writer``."""

    def __init__(self, work: BlockCalls, writer: Any, instruction: Instruction) -> None:
        self.work, self.writer, self.instruction = work, writer, instruction
        self.outer = dict(writer.names)
        self.rooms: list[Any] = []  # dtype of each scratch array
        self.free: dict[Any, list[int]] = {}
        self.held: dict[int, int] = {}  # value -> its scratch array
        self.lines: list[tuple[str, Instruction | None]] = []

    def write(self) -> None:
        work, writer = self.work, self.writer
        name = writer.fresh("block")
        reductions = {m.results[0]: m.function for m in work.members if not work.values[m.results[0]].shape}
        self.arrays(list(reductions))
        self.lines.append((f"def {name}(number, start, stop, room):", None))
        for index in self.flat:
            self.names[index] = writer.fresh(f"{self.flat[index]}_part")
            self.lines.append((f"    {self.names[index]} = {self.flat[index]}[start:stop]", None))
        last = {index: k for k, member in enumerate(work.members) for index in operands(member)}
        before = len(self.lines)
        for k, member in enumerate(work.members):
            self.member(member, k, last)
        if self.rooms:
            self.lines.insert(before, ("    room = room[stop - start]", None))
        parts = cuts(work.size, work.most)
        count = min(work.threads, len(parts) - 1)
        cut = writer.bind("cuts", parts)
        rooms = writer.fresh("rooms")
        longest = max(b - a for a, b in pairwise(parts))
        kinds = ", ".join(f"np.empty({longest}, {dtype.str!r})" for dtype in self.rooms)
        if kinds:
            views = writer.called(by_length)
            writer.head.append(f"{rooms} = [{views}([{kinds}], {cut}) for _ in range({count})]")
        else:
            writer.head.append(f"{rooms} = [None] * {count}")
        work.memory = count * longest * sum(dtype.itemsize for dtype in self.rooms)
        for text, member in self.lines:  # type: ignore[assignment]
            writer.line(text, member)
        writer.line(f"{writer.called(threads.over_blocks)}({name}, {cut}, {rooms})", self.instruction)
        for index, reduce in reductions.items():
            together = writer.called(TOGETHER[owner(reduce)])
            given = f"{work.size}, {work.most}, " if owner(reduce) is np.add else ""
            writer.line(f"{self.outer[index]} = {together}({given}{self.partial[index]})")

    def arrays(self, sums: list[int]) -> None:
        """Name the flat arrays that blocks are parts of: operands, results, and the sums of the blocks."""
        work, writer = self.work, self.writer
        self.names = dict(self.outer)
        self.flat: dict[int, str] = {}
        self.partial: dict[int, str] = {}
        for index in work.operands:
            if work.values[index].shape:
                self.flat[index] = writer.fresh(f"{self.outer[index]}_flat")
                self.lines.append((f"{self.flat[index]} = {self.outer[index]}.reshape(-1)", self.instruction))
        for index in work.results:
            value = work.values[index]
            if value.shape:
                target, place = self.outer[index], writer.plan.places.get(index)
                if place is not None:
                    writer.room(target, place, value.shape, value.dtype)
                elif index in writer.plan.owned:
                    maker = writer.fresh(f"spare_{target}")
                    writer.head.append(f"{maker} = spare({value.shape}, {value.dtype.str!r}, None)")
                    self.lines.append((f"{target} = {maker}()", self.instruction))
                else:
                    self.lines.append((f"{target} = np.empty({value.shape}, {value.dtype.str!r})", self.instruction))
                self.flat[index] = writer.fresh(f"{target}_flat")
                self.lines.append((f"{self.flat[index]} = {target}.reshape(-1)", None))
        for index in sums:
            self.partial[index] = writer.fresh(f"parts_of_{self.outer[index]}")
            self.lines.append((f"{self.partial[index]} = [None] * {len(cuts(work.size, work.most)) - 1}", None))

    def member(self, member: Instruction, k: int, last: dict[int, int]) -> None:
        """Write one call of the block."""
        work, writer, index = self.work, self.writer, member.results[0]
        value = work.values[index]
        writer.names, kept, writer.in_blocks = self.names, writer.names, True
        note = f"  # {value.dtype}" + writer.comment(member).partition(str(value.dtype))[2]
        if not value.shape:
            reduce = writer.called(member.function)
            self.lines.append(
                (f"    {self.partial[index]}[number] = {reduce}({writer.text(member.arguments[0])}){note}", member)
            )
        elif not takes_out(member) and member.function not in (np.where, functional.astype):
            for made in member.results:
                self.names[made] = writer.fresh(writer.value_name(member, made))
            left = ", ".join(self.names[made] for made in member.results) + ("," if member.unpacks else "")
            self.lines.append((f"    {left} = {writer.call(member)}{note}", member))
            for made in member.results:
                if made in self.flat:
                    self.lines.append((f"    {self.flat[made]}[start:stop] = {self.names[made]}", member))
        else:
            self.target(member, k, last)
            for text in writer.write_lines(member, self.names[index]):
                self.lines.append((f"    {text}", member))
            text, _ = self.lines.pop()
            self.lines.append((text + note, member))
        writer.names, writer.in_blocks = kept, False
        for a in {*operands(member), index}:
            if last.get(a, -1) <= k and a in self.held:
                room = self.held.pop(a)
                self.free.setdefault(self.rooms[room], []).append(room)

    def target(self, member: Instruction, k: int, last: dict[int, int]) -> None:
        """Choose where a result goes: its part of a whole array, or the scratch array of an operand that ends here."""
        index = member.results[0]
        if index in self.flat:
            return
        dtype = self.work.values[index].dtype
        heirs = [a for a in operands(member) if a in self.held and last[a] == k and self.rooms[self.held[a]] == dtype]
        if heirs and member.function is not np.where and member.function not in SLOW_IN_PLACE:
            self.held[index] = self.held.pop(heirs[0])
        elif self.free.get(dtype):
            self.held[index] = self.free[dtype].pop()
        else:
            self.held[index] = len(self.rooms)
            self.rooms.append(dtype)
        self.names[index] = self.writer.fresh(self.writer.value_name(member, index))
        self.lines.append((f"    {self.names[index]} = room[{self.held[index]}]", None))
