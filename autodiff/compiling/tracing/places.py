"""State that is no handle: an array or a number in an attribute or a list, such as a moment of an optimizer.

The program reads it there at every run. Its new value is written back together with the states that are handles, all or
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..program import Ref

Call = tuple[Any, ...]  # (function written in C, *arguments), see ``writes.writing.write_all``


class Place:
    """One such state in a trace; beside ``states.Held`` among the states of a program.

    read    returns the array or the number as it is now
    write   returns the calls that put a new value there; None: it is only read
    name    for the source, after the name of the parameter ``of``
    """

    live = is_leaf = cleared = False
    handle = gradient = new_grad = None

    def __init__(
        self,
        trace: Any,
        key: Any,
        read: Callable[[], Any],
        write: Callable[[Any], list[Call]] | None,
        name: str,
        of: Any = None,
    ) -> None:
        self.key, self.read, self.write, self.name, self.of = key, read, write, name, of
        self.first = found = read()
        self.number = not isinstance(found, np.ndarray)
        self.traced = trace.outside(float(found) if self.number else found, "state", name, weak=self.number)
        self.indices = [self.traced._index]
        self.value = self.traced
        self.new: Ref | None = None
        self.facts = _facts(found)

    def fits(self, floor: float) -> bool:
        """Return whether a program that was traced with this state is valid for its present value."""
        try:
            return _facts(self.read()) == self.facts
        except (AttributeError, LookupError):  # it no longer exists
            return False

    def values(self) -> list[Any]:
        """Return the values that the program would read now."""
        found = self.read()
        return [np.float64(found) if self.number else found]

    def release(self, trace: Any) -> None:
        """Find the new value that the function gave this state: another one (``value``), or a write into the array."""
        final = self.value
        if self.number and self.read() != self.first:
            raise trace.refusal(
                f"the function changes {self.name!r}, a number that its program reads", "Change it outside"
            )
        if final is self.traced and not final._cell.version:
            return
        if self.write is None:
            raise trace.refusal("the function changes a state that can only be read", "Make it a Tensor")
        self.new = Ref(trace.index_of(trace.number(final) if self.number else final))

    def calls(self, value: Any) -> list[Call]:
        """Return the calls that write a new value."""
        assert self.write is not None
        return self.write(float(value) if self.number else value)

    def forget(self) -> None:
        """Drop the parts that only the trace needed."""
        self.traced = self.value = self.first = None


def _facts(found: Any) -> Any:
    if not isinstance(found, np.ndarray):
        return None
    return found.shape, found.dtype, found.flags.c_contiguous or found.strides
