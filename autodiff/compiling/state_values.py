"""The states of a program at a call: compared with the trace, read, and written back, all of a kind at once.

Where a function uses hundreds of Scalars, one call of a Python function for each takes longer than the program. So the
usual handles (leaves without hooks, whose gradients the program does not read) and places are read by calls of C.
Where anything has changed, and for all other states, each state is looked at by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import repeat
from operator import attrgetter, is_, itemgetter
from typing import Any

import numpy as np

from ..variable import Scalar
from ..writes.write_marks import marks_of
from ..writes.writing import write_all
from .tracing.places import Call

_data, _node, _op, _notes, _serial, _grad, _of_node = map(
    attrgetter, ("_data", "node", "op", "notes", "serial", "grad", "node.grad")
)
_memory = attrgetter("shape", "dtype", "strides")
_LEAF = (True, True, ())  # see ``states._facts``


class States:
    """The states of one program (``Held`` and ``Place``), in their order.

    floats  whether the program takes Python floats for the numbers among them: it puts all of them into an array
    """

    def __init__(self, held: list[Any]) -> None:
        self.held, self.floats = held, False
        handles = [h for h in held if h.handle is not None]
        usual = [h for h in handles if h.gradient is None and h.facts[2] is None and h.facts[1] in (None, _LEAF)]
        places = [h for h in held if h.handle is None]
        tensors = [h for h in usual if h.facts[0] is not None]
        scalars = [h for h in usual if h.facts[0] is None]
        arrays, numbers = [h for h in places if not h.number], [h for h in places if h.number]
        self._tensors, self._arrays = _handles(tensors), [h.read for h in arrays]
        self._scalars, self._numbers = _handles(scalars), [h.read for h in numbers]
        self._rest = [h for h in handles if id(h) not in {*map(id, usual)}]
        self._leaves = _handles(h for h in usual if h.facts[1])
        self._constants = _handles(h for h in usual if not h.facts[1])
        self._without = _handles(h for h in usual if h.facts[1] and not h.forgets)  # a gradient, at the trace
        self._first: list[Any] | None = None  # shapes, dtypes and strides
        self._marks: tuple[list[Any], list[Any]] = [], []  # arrays and their write marks
        places_of = {id(h): k for k, h in enumerate([*tensors, *arrays, *scalars, *numbers])}
        found = len(places_of)
        order: list[int] = []
        for h in held:
            at = places_of.get(id(h))
            order += [at] if at is not None else range(found, found + len(h.indices))
            found += len(h.indices) if at is None else 0
        self._in_order: Callable[[Any], Any] = itemgetter(*order) if len(order) > 1 else tuple
        self._written = [h for h in held if h.new is not None]
        self._graded = _handles(h for h in held if h.new_grad is not None)
        self._numbers_alone = all(isinstance(x, Scalar) for x in self._graded)
        self._cleared = _handles(h for h in held if h.new_grad is None and h.cleared)

    def read(self, floor: float) -> Any:
        """Return the present values of all states, or None where the program is not valid for them."""
        try:
            found = self._together(floor)
        except (AttributeError, LookupError):  # one no longer exists
            found = None
        return self._each(floor) if found is None else found

    def now(self) -> list[Any]:
        """Return the present values of all states, without any comparison."""
        return [value for h in self.held for value in h.values()]

    def _each(self, floor: float) -> list[Any] | None:
        return self.now() if all([h.fits(floor) for h in self.held]) else None

    def _together(self, floor: float) -> Any:
        nodes = list(map(_node, self._leaves))
        if any(map(_op, nodes)) or any(map(_notes, nodes)) or (floor and any(n.serial < floor for n in nodes)):
            return None
        if not _all_none(map(_of_node, self._without)) or not _all_none(map(_node, self._constants)):
            return None
        arrays = [*map(_data, self._tensors), *[read() for read in self._arrays]]
        if self._first is None:
            if self._each(floor) is None:
                return None
            self._first = list(map(_memory, arrays))
        scalars, numbers = list(map(_data, self._scalars)), [read() for read in self._numbers]
        if list(map(_memory, arrays)) != self._first or not {float}.issuperset(map(type, scalars)):
            return None
        if not {float, int, bool}.issuperset(map(type, numbers)):
            return None
        if not self.floats:
            scalars = list(map(np.float64, scalars))
        values = [*arrays, *scalars, *map(np.float64, numbers)]
        for h in self._rest:
            if not h.fits(floor):
                return None
            values += h.values()
        return self._in_order(values)

    def write(self, values: list[Any], gradients: list[Any], update: list[Call], with_writes: list[Any]) -> None:
        """Write new values and gradients: all, or none when a value does not fit.

        values, gradients: one for each state that has ``new``, and ``new_grad``; Ellipsis for a value that the calls
        of ``update`` write. with_writes: makers of calls that go with them.
        """
        calls = update + [call for make in with_writes for call in make()]
        pairs: list[tuple[Any, Any]] = []
        over: list[Any] = []  # handles that the update writes
        for h, value in zip(self._written, values, strict=True):
            if h.handle is None:
                calls += () if value is Ellipsis else h.calls(value)
            elif value is Ellipsis:
                over.append(h.handle)
            else:
                pairs.append((h.handle, value))
        grads: list[Any]
        if self._numbers_alone:
            grads = list(map(float, gradients))
        else:
            grads = [
                float(grad) if isinstance(handle, Scalar) else np.asarray(grad)
                for handle, grad in zip(self._graded, gradients, strict=True)
            ]
        if pairs or calls:
            write_all(pairs, calls=calls, marks=self._marks_of(over))
        deque(map(setattr, map(_node, self._graded), repeat("grad"), grads), maxlen=0)
        for handle in self._cleared:
            handle.grad = None

    def _marks_of(self, handles: list[Any]) -> list[Any]:
        """Return the write marks of these handles, found again only where one has another array."""
        arrays = list(map(_data, handles))
        known, marks = self._marks
        if len(known) != len(arrays) or not all(map(is_, known, arrays)):
            marks = [marks_of(a)[0] for a in arrays]
            self._marks = arrays, marks
        return marks


def _handles(held: Any) -> list[Any]:
    return [h.handle for h in held]


def _all_none(found: Any) -> bool:
    return all(map(is_, found, repeat(None)))
