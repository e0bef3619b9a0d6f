"""The model that the graph machine keeps beside the engine's handles, and its invariants after every step.

`Bookkeeping` holds for every handle its entry of the model, the entries that must still be alive, and the arrays that
must not change; its invariants compare these with the engine. The steps are in `graph_machine`.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from graph_model import Entry, Push, Slot, close
from hypothesis.stateful import RuleBasedStateMachine, invariant

import autodiff as ad

__all__ = ["Bookkeeping"]


class Bookkeeping(RuleBasedStateMachine):
    """The state of a `GraphMachine`: handles in slots, their model, and the invariants."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.slots: dict[int, Slot] = {}
        self.count = 0
        self.time = 0
        self.writes: list[tuple[int, Any]] = []  # when, and into which array
        self.watched: list[tuple[Any, Any]] = []  # arrays that must not change, and copies of them
        self.collector = gc.isenabled()
        gc.disable()

    def teardown(self) -> None:
        """Check that everything is freed by reference counting alone."""
        try:
            self.slots.clear()
            if sys.exc_info()[0] is not None:  # a step failed, and its traceback holds the frames that hold the values
                return
            left = [k for k, e in enumerate(self.entries) if e.node is not None and e.node() is not None]
            assert not left, f"values {left} are still alive although no handle is"
        finally:
            if self.collector:
                gc.enable()

    # ---- the model
    def keep(self, handle: Any, entry: Entry, base: int | None = None, owner: int | None = None) -> int:
        """Return a new value: its entry and a slot for its handle; the engine's value is compared by the invariant."""
        self.time += 1
        entry.born = self.time
        entry.node = weakref.ref(handle.node) if handle.node is not None else None
        entry.ancestors = frozenset([len(self.entries)]).union(*(self.entries[p].ancestors for p in entry.parents))
        self.entries.append(entry)
        self.slots[self.count] = Slot(handle, len(self.entries) - 1, base, owner)
        self.count += 1
        return self.count - 1

    def entry(self, slot: int) -> Entry:
        return self.entries[self.slots[slot].entry]

    def ancestors(self, root: int) -> list[int]:
        """Return the entries that a value depends on, itself included, oldest first."""
        return sorted(self.entries[root].ancestors)

    def alive(self) -> set[int]:
        """Return the recorded entries whose nodes can be reached from a handle."""
        return set().union(
            *(self.entries[s.entry].ancestors for s in self.slots.values() if self.entries[s.entry].live)
        )

    def operate(self, run: Callable[..., Any], model: Any, push: Push, operands: tuple[int, ...], **facts: Any) -> int:
        """Run an operation of slots on the engine and enter its value and recipe into the model."""
        handle = run(*[self.slots[s].handle for s in operands])
        given = tuple(self.slots[s].entry for s in operands)
        on = handle.node is not None
        recorded = tuple(k if on and self.entries[k].live else None for k in given)
        parents = tuple(k for k in recorded if k is not None)
        reads = tuple(self.entries[k].value for k in given) + (model,)
        value = model if isinstance(handle, ad.Tensor) else float(model)
        value = np.asarray(value) if isinstance(handle, ad.Tensor) else value
        assert handle.requires_grad == (facts.pop("records", True) and any(self.entries[k].live for k in given))
        return self.keep(handle, Entry(value, parents, push, recorded, reads), **facts)

    def refused(self, error: type[Exception], act: Callable[[], Any]) -> None:
        """Check that the engine refuses with exactly this error."""
        try:
            act()
        except error as found:
            said = str(found)
        else:
            raise AssertionError(f"{error.__name__} was expected")
        assert len(said) > 20, f"{error.__name__} must say what came and what to write instead: {said!r}"

    def usable(self, *slots: int) -> bool:
        """Return whether none is an overwritten view; any use of one is refused."""
        for s in slots:
            if self.slots[s].stale:
                self.refused(self.slots[s].refusal, partial(np.tanh, self.slots[s].handle))
                return False
        return True

    def copies(self, *slots: int) -> list[Any]:
        return [np.array(self.entry(s).value) for s in slots]

    def held(self) -> list[Slot]:
        return [s for s in self.slots.values() if not s.stale]

    # ---- invariants after every step
    @invariant()
    def values_agree(self) -> None:
        for s in self.held():
            assert close(s.handle.data, self.entries[s.entry].value), (
                f"{s.handle!r} should be {self.entries[s.entry].value}"
            )

    @invariant()
    def gradients_agree(self) -> None:
        for s in self.held():
            e = self.entries[s.entry]
            if e.live and (e.leaf or e.retained or isinstance(e.value, float)):
                assert (s.handle.grad is None) == (e.grad is None), f"gradient {s.handle.grad}, expected {e.grad}"
                if e.grad is not None:
                    assert close(s.handle.grad, e.grad), f"gradient {s.handle.grad}, expected {e.grad}"

    @invariant()
    def nothing_leaks(self) -> None:
        alive = self.alive()
        for k, e in enumerate(self.entries):
            if e.node is not None:
                assert (e.node() is not None) == (k in alive), f"value {k} is {'kept' if k not in alive else 'gone'}"

    @invariant()
    def nothing_is_mutated(self) -> None:
        for array, copy in self.watched:
            assert array.tobytes() == copy.tobytes(), f"an array that no step wrote changed from {copy} to {array}"
