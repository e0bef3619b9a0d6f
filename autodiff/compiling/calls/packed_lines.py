"""Packed calls as source: a line for each call on vectors, reading operands in place in the pool.

An operand that is evenly spaced along one or several axes is a view of the pool, made once; any other is gathered. A
product of which only the sum is read is one ``matmul``, where rounding may differ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functional
from ..program import operands as read_by
from .packed_products import products

Index = np.ndarray[Any, np.dtype[np.intp]]
SHORTEST = 8  # elements of an innermost run: with fewer, strides cost more than gathering


class PackedLines:
    """The lines of ``packed.PackedCalls``, written with a ``planning.source.Writer``."""

    def __init__(self, work: Any, writer: Any, instruction: Any) -> None:
        self.work, self.writer, self.instruction = work, writer, instruction
        self.pools: dict[Any, str] = {}
        self.takes: dict[Any, str] = {}

    def line(self, text: str) -> None:
        self.writer.line(text, self.instruction)

    def write(self) -> None:
        work, writer = self.work, self.writer
        for dtype, pool in work.pools.items():
            initial = writer.bind("initial_numbers", pool)
            self.pools[dtype] = writer.fresh("numbers")
            writer.head.append(f"{self.pools[dtype]} = {initial}.copy()  # {len(pool)} of {dtype}")
        self.enter()
        found = {} if work.exact else products(work, nested)
        needless = {product.maker for product in found.values()}
        for k, (call, start, operands) in enumerate(zip(work.calls, work.starts, work.operands, strict=True)):
            if k in found:
                self.product(call, start, operands[0], found[k])
            elif k not in needless:
                self.call(call, start, operands)
        self.leave()

    def enter(self) -> None:
        by_dtype: dict[Any, list[str]] = {}
        for (_, dtype), given in zip(self.work.entering, self.instruction.arguments[0], strict=True):
            by_dtype.setdefault(dtype, []).append(self.writer.text(given))
        for dtype, names in by_dtype.items():
            self.line(f"{self.pools[dtype]}[: {len(names)}] = ({', '.join(names)},)")

    def leave(self) -> None:
        by_dtype: dict[Any, list[tuple[int, int]]] = {}
        for index, result in zip(self.work.leaving, self.instruction.results, strict=True):
            dtype, place = self.work.where[index]
            by_dtype.setdefault(dtype, []).append((place, result))
        read = {index for i in self.writer.program.instructions for index in read_by(i)}
        for dtype, pairs in by_dtype.items():
            places = np.array([place for place, _ in pairs], np.intp)
            numbers = _slice(self.pools[dtype], places) or self.pools[dtype] + f"[{self.writer.bind('out', places)}]"
            if dtype == np.float64 and read.isdisjoint([result for _, result in pairs]):
                numbers = f"{numbers}.tolist()"  # Python floats for the caller, made in half of the time
            self.line(f"{', '.join(self.writer.named(result) for _, result in pairs)}, = {numbers}")

    def call(self, call: Any, start: int, operands: list[Any]) -> None:
        writer, n = self.writer, len(call.results)
        name = getattr(call.function, "__name__", "call")
        target = writer.fresh(f"{name}s")
        stop = start + n
        writer.head.append(f"{target} = {self.pools[call.dtype]}[{start}:{stop}]")
        note = f"  # {n} of {call.dtype}"
        if call.sums:
            return self.sum(call, operands[0], target, note)
        shape, given = self.strided(call, operands, target)
        if shape != (n,):
            reshaped = writer.fresh(target)
            writer.head.append(f"{reshaped} = {target}.reshape({shape})")
            target = reshaped
        copyto = writer.called(np.copyto)
        if call.cast:
            self.line(f'{copyto}({target}, {given[0]}, casting="unsafe"){note}')
        elif call.function is np.where:
            self.line(f"{copyto}({target}, {given[2]})")
            self.line(f"{copyto}({target}, {given[1]}, where={given[0]}){note}")
        else:
            function = np.power if call.function is functional.power else call.function
            self.line(f"{writer.called(function)}({', '.join(given)}, out={target}){note}")

    def product(self, call: Any, start: int, operand: Any, found: Any) -> None:
        """Write a sum as a product of matrices, and add the terms that are none."""
        writer, n, (rows, terms, columns) = self.writer, len(call.results), found.shape
        dtype, places = operand
        target = writer.fresh("products")
        pool = self.pools[dtype]
        writer.head.append(f"{target} = {pool}[{start}:{start + n}].reshape({(rows, columns)})")
        left = self.matrix(dtype, found.left, (rows, terms), target)
        right = self.matrix(dtype, found.right, (terms, columns), target)
        note = f"  # {(rows, terms)} {(terms, columns)} {dtype}"
        self.line(f"{writer.called(np.matmul)}({left}, {right}, out={target}){note}")
        top, end = call.block
        for row in (*range(top), *range(end, call.length)):
            shape, steps = nested([places[row]], n)
            if shape is not None and len(shape) == 2 and shape == (rows, columns):
                text = self.view(dtype, int(places[row][0]), shape, steps[0], target)
            else:
                text = self.sliced((dtype, places[row]), target) or self.gathered(dtype, places[row], target)
                spread = n == 1 or np.all(places[row] == places[row][0])
                text = text if spread else f"{text}.reshape({(rows, columns)})"
            self.line(f"{writer.called(np.add)}({target}, {text}, out={target})")

    def matrix(self, dtype: Any, matrix: Any, shape: tuple[int, int], target: str) -> str:
        """Name an operand of a product of matrices."""
        if matrix.numbers is not None:
            return self.writer.bind(f"of_{target}", matrix.numbers)
        view = self.view(dtype, matrix.start, shape, matrix.steps, target)
        if not matrix.copied:
            return view
        name = self.writer.fresh(f"copy_{view}")
        self.writer.head.append(f"{name} = np.empty({shape}, {dtype.str!r})")
        self.work.memory += math.prod(shape) * dtype.itemsize
        self.line(f"{self.writer.called(np.copyto)}({name}, {view})")
        return name

    def sum(self, call: Any, operand: Any, target: str, note: str) -> None:
        """Write a sum over rows: those that lie together in the pool, those before copied there, the rest after."""
        writer, n, rest = self.writer, len(call.results), []
        if isinstance(operand, np.ndarray):
            terms = writer.bind(f"terms_of_{target}", operand)
        else:
            dtype, places = operand
            top, end = call.block or (0, call.length)
            flat = places[top:end].reshape(-1)
            if np.all(np.diff(flat) == 1) and call.length - end <= 4 and (call.block or not top):
                start = int(flat[0]) - top * n
                terms = writer.fresh(f"terms_of_{target}")
                writer.head.append(f"{terms} = {self.pools[dtype]}[{start}:{start + end * n}].reshape({(end, n)})")
                if top:
                    self.fill(dtype, places[:top].reshape(-1), start, target)
                rest = [places[row] for row in range(end, call.length)]
            else:
                terms = self.gathered(dtype, places, target)
        if n > 1:
            more = ", initial=-0.0" if call.dtype.kind == "f" else ""
            self.line(f"{writer.called(np.add.reduce)}({terms}, axis=0, out={target}{more}){note}")
        else:  # along one column NumPy would add pairwise; from partial sum to partial sum it cannot
            self.line(f"{target}[0] = {writer.called(np.add.accumulate)}({terms}[:, 0])[-1]{note}")
        for row in rest:
            text = self.sliced((dtype, row), target) or self.gathered(dtype, row, target)
            self.line(f"{writer.called(np.add)}({target}, {text}, out={target})")

    def fill(self, dtype: Any, places: Index, start: int, target: str) -> None:
        """Write the copy of the rows before those that lie together."""
        writer, pool = self.writer, self.pools[dtype]
        room = writer.fresh(f"first_of_{target}")
        shape, steps = nested([places], len(places))
        source = self.sliced((dtype, places), target)
        if source is None and shape is not None:
            source = self.view(dtype, int(places[0]), shape, steps[0], target)
        if source is None:
            at = writer.bind(f"at_{room}", places)
            writer.head.append(f"{room} = {pool}[{start}:{start + len(places)}]")
            self.line(f'{self.taker(dtype)}({at}, None, {room}, "clip")')
            return
        reshaped = f".reshape({shape})" if shape is not None and not source.startswith(pool) else ""
        writer.head.append(f"{room} = {pool}[{start}:{start + len(places)}]{reshaped}")
        self.line(f"{writer.called(np.copyto)}({room}, {source})")

    def strided(self, call: Any, operands: list[Any], target: str) -> tuple[tuple[int, ...], list[str]]:
        """Return a common shape and the operands as expressions of it."""
        n = len(call.results)
        places = [o[1] for o in operands if not isinstance(o, np.ndarray)]
        shape, steps = nested(places, n)
        if shape is None:
            given = []
            for o in operands:
                if isinstance(o, np.ndarray):
                    given.append(self.constant(o, target))
                else:
                    given.append(self.sliced(o, target) or self.gathered(o[0], o[1], target))
            return (n,), given
        given, k = [], 0
        for o in operands:
            if isinstance(o, np.ndarray):
                one = self.constant(o, target)
                given.append(one if o.tobytes() == o[:1].tobytes() * n else f"{one}.reshape({shape})")
                continue
            given.append(self.view(o[0], int(o[1][0]), shape, steps[k], target))
            k += 1
        return shape, given

    def view(self, dtype: Any, start: int, shape: tuple[int, ...], steps: tuple[int, ...], target: str) -> str:
        """Name a view of the pool with these steps."""
        name, size = self.writer.fresh(f"of_{target}"), dtype.itemsize
        strides = tuple(step * size for step in steps)
        pool = self.pools[dtype]
        self.writer.head.append(f"{name} = np.ndarray({shape}, {dtype.str!r}, {pool}, {start * size}, {strides})")
        return name

    def taker(self, dtype: Any) -> str:
        """Return the name of the pool's method that gathers."""
        if dtype not in self.takes:
            self.takes[dtype] = self.writer.fresh("take")
            self.writer.head.append(f"{self.takes[dtype]} = {self.pools[dtype]}.take")
        return self.takes[dtype]

    def constant(self, numbers: Any, target: str) -> str:
        if numbers.tobytes() == numbers[:1].tobytes() * len(numbers):
            return self.writer.text(numbers[0])
        return self.writer.bind(f"of_{target}", numbers)

    def sliced(self, operand: Any, target: str) -> str | None:
        dtype, places = operand
        text = _slice(self.pools[dtype], places)
        if text is None:
            return None
        view = self.writer.fresh(f"of_{target}")
        self.writer.head.append(f"{view} = {text}")
        return view

    def gathered(self, dtype: Any, places: Index, target: str) -> str:
        """Write a gathering, and name the array that it fills."""
        writer = self.writer
        name = writer.fresh(f"of_{target}")
        writer.head.append(f"{name} = np.empty({places.shape}, {dtype.str!r})")
        self.work.memory += places.size * dtype.itemsize
        at = writer.bind(f"at_{name}", places)
        self.line(f'{self.taker(dtype)}({at}, None, {name}, "clip")')
        return name


def _slice(pool: str, places: Index) -> str | None:
    """Return the places as a slice of the pool, None if they are not evenly spaced."""
    if len(places) == 1:
        return f"{pool}[{places[0]}:{places[0] + 1}]"
    steps = np.diff(places)
    step = int(steps[0])
    if not np.all(steps == step):
        return None
    start, stop = int(places[0]), int(places[-1])
    if step == 0:
        return f"{pool}[{start}:{start + 1}]"
    if step < 0:
        end = stop - 1
        return f"{pool}[{start}:{end if end >= 0 else ''}:{step}]"
    return f"{pool}[{start}:{stop + 1}]" if step == 1 else f"{pool}[{start}:{stop + 1}:{step}]"


def nested(places: list[Index], n: int) -> tuple[tuple[int, ...] | None, list[tuple[int, ...]]]:
    """Return one shape, and the steps of each operand along its axes, if every operand lies evenly along them.

    The innermost run is the longest that is evenly spaced in all operands; the outer axes follow from the first
    elements of the runs. None for the shape where a slice does as well, or runs are short or uneven.
    """
    if n < SHORTEST or not places:
        return None, []
    shape: list[int] = []
    steps: list[list[int]] = [[] for _ in places]
    rows, left = [np.asarray(p) for p in places], n
    while left > 1 and len(shape) < 4:
        run = left
        for row in rows:
            change = np.flatnonzero(np.diff(row) != row[1] - row[0])
            if len(change):
                run = math.gcd(run, int(change[0]) + 1)
        if run == 1 or left % run or (not shape and run < SHORTEST):
            return None, []
        heads = []
        for k, row in enumerate(rows):
            table = row.reshape(-1, run)
            step = int(table[0, 1] - table[0, 0])
            if not np.all(np.diff(table, axis=1) == step):
                return None, []
            steps[k].insert(0, step)
            heads.append(table[:, 0])
        shape.insert(0, run)
        rows, left = heads, left // run
    if left > 1 or len(shape) < 2:
        return None, []
    return tuple(shape), [tuple(step) for step in steps]
