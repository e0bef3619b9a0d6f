"""Packed calls: a phase of thousands of 0-d calls, run as calls on vectors.

All numbers of one dtype lie in a pool: inputs, constants, and then the results of every call. A call reads its operands
in place, if a slice or strides can describe where they are, and gathers them otherwise; its results are neighbours. A
sum of many terms is a matrix, one row for each term, added from the first row to the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..program import Ref
from .packed_lines import PackedLines

Index = np.ndarray[Any, np.dtype[np.intp]]


class Call:
    """One function on vectors. terms: the operands of each element; more than two for ``np.add`` mean their sum."""

    def __init__(
        self, function: Any, dtypes: tuple[Any, ...], dtype: Any, terms: list[list[Any]], results: list[int]
    ) -> None:
        self.cast = isinstance(function, tuple)
        self.function: Callable[..., Any] = function[0] if isinstance(function, tuple) else function
        self.dtypes, self.dtype, self.results = dtypes, dtype, results
        self.sums = len(terms[0]) > len(dtypes)
        columns = list(zip(*terms, strict=True))
        self.columns: list[list[Any]] = [[t for c in columns for t in c]] if self.sums else [list(c) for c in columns]
        self.length = len(terms[0]) if self.sums else 1
        self.block: tuple[int, int] | None = None  # rows of a sum that lie one after the other, with room before

    def made(self, operands: list[Any]) -> Any:
        """Return the results from the operands, of shape (n,), or (terms, n) of a sum."""
        if self.cast:
            return operands[0].astype(self.dtype)
        if not self.sums:
            return self.function(*operands)
        total = operands[0][0]
        for row in operands[0][1:]:
            total = total + row
        return total


class PackedCalls:
    """A function of the tuple of numbers that come in; it returns those that go out."""

    fresh = True

    def __init__(
        self, calls: list[Call], entering: list[tuple[int, Any]], leaving: list[int], exact: bool = False
    ) -> None:
        self.calls, self.entering, self.leaving, self.exact = calls, entering, leaving, exact
        self.where: dict[int, tuple[Any, int]] = {}  # value -> its dtype, and its place in the pool
        initial: dict[Any, list[Any]] = {}
        for index, dtype in entering:
            row = initial.setdefault(dtype, [])
            self.where[index] = dtype, len(row)
            row.append(np.zeros((), dtype)[()])
        self.counts = {dtype: len(row) for dtype, row in initial.items()}  # of inputs and constants, by dtype
        self._numbers: dict[Any, int] = {}
        for call in calls:
            for column, dtype in zip(call.columns, call.dtypes):
                if any(t.__class__ is Ref for t in column):
                    for t in column:
                        if t.__class__ is not Ref:
                            self._number(t, dtype, initial)
        ends = {dtype: len(row) for dtype, row in initial.items()}
        self.starts: list[int] = []
        before = self._rows_before()
        for k, call in enumerate(calls):
            start = ends.get(call.dtype, 0) + before.get(k, 0)
            self.starts.append(start)
            for k, index in enumerate(call.results):
                self.where[index] = call.dtype, start + k
            ends[call.dtype] = start + len(call.results)
        self.pools: dict[Any, Any] = {}  # dtype -> the pool as it is before a call
        for dtype, end in ends.items():
            self.pools[dtype] = np.zeros(end, dtype)
            known = initial.get(dtype, [])
            self.pools[dtype][: len(known)] = known
        self.operands = [[self._operand(call, k) for k in range(len(call.columns))] for call in calls]
        self.operations = sum(len(call.results) * max(1, call.length - 1) for call in calls)
        self.memory = sum(pool.nbytes for pool in self.pools.values())

    def _rows_before(self) -> dict[int, int]:
        """Return, for calls that need it, how many elements to keep free before their results.

        A sum whose terms mostly are the results of one call, row for row, reads them in place; the rows before these (a
        bias, the gradient so far) are copied into the free elements, and nothing else moves.
        """
        number: dict[int, int] = {}
        first: dict[int, int] = {}
        for k, call in enumerate(self.calls):
            first[len(number)] = k
            for index in call.results:
                number[index] = len(number)
        room: dict[int, int] = {}
        for call in self.calls:
            if not call.sums:
                continue
            n = len(call.results)
            places = np.array([number.get(t.index, -2) if t.__class__ is Ref else -2 for t in call.columns[0]])
            rows = places.reshape(call.length, n)
            whole = (np.diff(rows, axis=1) == 1).all(axis=1) & (rows[:, 0] >= 0)
            joined = np.concatenate([[False], whole[:-1] & whole[1:] & (np.diff(rows[:, 0]) == n)])
            starts = np.flatnonzero(whole & ~joined)
            if not len(starts):
                continue
            ends = [*starts[1:].tolist(), call.length]
            lengths = [int(joined[i + 1 : j].sum()) + 1 for i, j in zip(starts.tolist(), ends, strict=True)]
            best = int(np.argmax(lengths))
            top, length = int(starts[best]), lengths[best]
            maker = first.get(int(rows[top, 0]))
            if maker is None or maker in room or self.calls[maker].dtype != call.dtype or length < top:
                continue
            call.block = top, top + length
            room[maker] = top * n
        return room

    def _number(self, t: Any, dtype: Any, initial: dict[Any, list[Any]]) -> None:
        key = dtype, np.asarray(t, dtype).tobytes()
        if key not in self._numbers:
            row = initial.setdefault(dtype, [])
            self._numbers[key] = len(row)
            row.append(t)

    def _operand(self, call: Call, k: int) -> Any:
        """Return the places of an operand in its pool, or the numbers themselves where all are constants."""
        column, dtype = call.columns[k], call.dtypes[k]
        shape = (call.length, len(call.results)) if call.sums else (len(call.results),)
        if not any(t.__class__ is Ref for t in column):
            return np.array(column, dtype).reshape(shape)
        where, numbers = self.where, self._numbers
        places = [
            where[t.index][1] if t.__class__ is Ref else numbers[dtype, np.asarray(t, dtype).tobytes()] for t in column
        ]
        return dtype, np.array(places, np.intp).reshape(shape)

    def __call__(self, entering: tuple[Any, ...]) -> list[Any]:
        """Run call by call: the reference for ``written``."""
        pools = {dtype: pool.copy() for dtype, pool in self.pools.items()}
        for (index, dtype), number in zip(self.entering, entering, strict=True):
            pools[dtype][self.where[index][1]] = number
        for call, start, operands in zip(self.calls, self.starts, self.operands, strict=True):
            given = [o if isinstance(o, np.ndarray) else pools[o[0]][o[1]] for o in operands]
            pools[call.dtype][start : start + len(call.results)] = call.made(given)
        return [pools[self.where[index][0]][self.where[index][1]] for index in self.leaving]

    def written(self, writer: Any, instruction: Any) -> None:
        """Write the calls as lines of the source."""
        PackedLines(self, writer, instruction).write()
