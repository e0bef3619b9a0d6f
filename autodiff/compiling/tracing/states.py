"""State: the handles that a traced function reads without having been given them, such as parameters.

In a trace such a handle holds a traced value from its first use on, and its own value again when the trace is over. The
program reads the value through the handle at every run, and writes its new value and its new gradient back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...batching.handle import Batched
from ...graph import leaf
from ...modes import mode, state
from ...variable import Scalar, Variable
from ..program import Ref
from .places import Call, Place
from .trace import Trace
from .traced_array import TracedArray


class Held:
    """One handle in a trace, and the changes that the function makes to it.

    live        whether derivatives flow to it
    gradient    the value of its ``.grad`` at the start, or None where there is none
    forgets     the function sets ``.grad`` to None before anything reads it: whether there was one does not matter
    """

    forgets = looked = False

    def __init__(self, trace: Any, handle: Variable, floor: float) -> None:
        self.handle, self.data, self.node = handle, handle._data, handle.node
        self.key = id(handle)
        self.traced: Any = trace.outside(self.data, "state", weak=self.data.__class__ is float)
        self.live = self.node is not None and self.node.serial >= floor
        self.is_leaf = self.node is None or self.node.op is None
        if not self.is_leaf:
            trace.recorded.add(id(handle))
        self.indices = [self.traced._index]  # of the value, and of the gradient, in the program
        self.gradient: Any = None
        self.leaf: Any = None
        if self.node is not None:
            self.leaf = leaf(self.traced)
            self.leaf.serial = self.node.serial  # below the floor of a transform it is a constant, as before
            self.leaf.notes = self.node.notes  # with its hooks
            grad = self.node.grad
            if grad is not None and self.is_leaf:
                grad = getattr(grad, "_data", grad)
                self.gradient = self.leaf.grad = trace.outside(grad, "state")
                self.indices.append(self.gradient._index)
        handle._data, handle.node = self.traced, self.leaf
        grad = None if self.node is None or not self.is_leaf else self.node.grad
        self.facts = _facts(handle, self.data, self.node, grad, floor)

    def fits(self, floor: float) -> bool:
        """Return whether a program that was traced with this handle is valid for its present value."""
        handle = self.handle
        node = handle.node
        grad = None if node is None or node.op is not None or self.forgets else node.grad
        return _facts(handle, handle._data, node, grad, floor) == self.facts

    def gradient_set(self, value: Any) -> None:
        """Note that the function is about to set ``.grad``."""
        grad = self.gradient
        untouched = self.leaf is not None and self.leaf.grad is grad and (grad is None or not grad._cell.version)
        self.forgets = self.forgets or (value is None and self.is_leaf and untouched and not self.looked)

    def values(self) -> list[Any]:
        """Return the values that the program would read now: the value, and the gradient if it had one."""
        data = self.handle._data
        found = [np.float64(data) if data.__class__ is float else data]
        if self.gradient is not None:
            grad = self.handle.grad
            found.append(np.asarray(getattr(grad, "_data", grad)))
        return found

    def release(self, trace: Trace) -> None:
        """Give the handle its own value back, and keep the value that the function left in it."""
        handle, final, node = self.handle, self.handle._data, self.handle.node
        handle._data, handle.node = self.data, self.node
        self.new = self.new_grad = None
        if (node is None) != (self.node is None) or (node is not None and node.op is not None):
            raise trace.refusal(
                f"the function leaves another kind of value in a {type(handle).__name__} that it did not make (a "
                "recorded one, or another requires_grad)",
                "Return the value instead",
            )
        if type(final) is not TracedArray:
            final = trace.number(final) if isinstance(handle, Scalar) else trace.as_traced(final)
        if final is not self.traced or final._cell.version:
            self.new = Ref(trace.index_of(final))
        refused = ("a value that was computed outside", "Compute that value inside, or detach it")
        self.cleared, self.new_grad = gradient_left(trace, node, self, *refused)
        if self.forgets:
            self.cleared, self.gradient, self.indices = self.new_grad is None, None, self.indices[:1]
            self.facts = (*self.facts[:-1], None)

    def forget(self) -> None:
        """Drop the parts that only the trace needed: examples, and the value that the handle had then."""
        self.traced = self.leaf = self.data = self.node = None
        self.gradient = True if self.gradient is not None else None


def gradient_left(trace: Any, node: Any, holder: Any, what: str, instead: str) -> tuple[bool, Ref | None]:
    """Return whether the function cleared the gradient of a state or an argument, and the gradient that it left there;
    refuse one of a value that is no leaf. holder: has the gradient from before and ``is_leaf``."""
    grad = None if node is None else node.grad
    cleared = holder.gradient is not None and grad is None
    if grad is None or (grad is holder.gradient and not grad._cell.version):
        return cleared, None
    if not holder.is_leaf:
        raise trace.refusal(f"backward() inside the function reaches {what}", instead)
    grad = getattr(grad, "_data", grad)
    if type(grad) is not TracedArray:
        grad = trace.number(grad) if np.ndim(grad) == 0 else trace.as_traced(grad)
    return cleared, Ref(trace.index_of(grad))


def hooks_of(node: Any) -> tuple[Any, ...]:
    """Return the hooks that run when the gradient of a value is complete."""
    return tuple(node.notes.hooks) if node.notes is not None else ()


def _facts(handle: Any, data: Any, node: Any, grad: Any, floor: float) -> tuple[Any, ...]:
    return (
        None if data.__class__ is float else (data.shape, data.dtype, data.flags.c_contiguous or data.strides),
        None if node is None else (node.serial >= floor, node.op is None, hooks_of(node)),
        None if grad is None else np.shape(grad),
    )


class StatefulTrace(Trace):
    """A trace that adopts handles when they are used."""

    def __init__(self, refs: list[Ref], places: bool = True) -> None:
        super().__init__(refs, places)
        self.held: dict[Any, Any] = {}  # key -> ``Held`` or ``Place``
        self.recorded: set[int] = set()  # handles over values recorded outside, which are leaves here
        self.fact_readers: list[Callable[[], Any]] = []  # the program is valid while they return the same
        self.with_writes: list[Callable[[], list[Call]]] = []  # calls made together with the writes of a run
        self.after: list[Callable[[], None]] = []  # called when those are over

    def adopt(self, x: Variable) -> None:
        """Replace the plain value of a handle by a traced one."""
        if isinstance(x, Batched):
            return  # its value is adopted when it is used
        data = x._data
        if type(data) is TracedArray or not (data.__class__ is float or isinstance(data, np.ndarray)):
            return
        self.held[id(x)] = Held(self, x, state().floor)

    def place(self, key: Any, *rest: Any) -> Place:
        """Return the ``Place`` of a key, made at first use from these arguments."""
        if key not in self.held:
            self.held[key] = Place(self, key, *rest)
        return self.held[key]

    def operand(self, x: Any) -> Any:
        """Return an operand of a recorded operation: handles are adopted; NumPy's numbers never upcast an array."""
        if isinstance(x, Variable):
            self.adopt(x)
        elif type(x) is TracedArray and type(x._example) is not np.ndarray and x.dtype.kind in "fiubc":
            return x.as_number()
        return x

    def release(self) -> None:
        """Give all handles their own values back."""
        failed: Exception | None = None
        for held in self.held.values():
            try:
                held.release(self)
            except Exception as error:  # the other handles must have their values too
                failed = failed or error
        if failed is not None:
            raise failed

    @contextmanager
    def running(self) -> Iterator[None]:
        """Trace the operations of this block."""
        try:
            with mode(trace=self):
                try:
                    yield
                finally:
                    self.release()
                self.close()
        finally:
            self.open = False
            for cell in self.owned:  # so that nothing has to wait for the garbage collector
                cell.owner = None
            self.owned.clear()
            self.put_generators_back()


def in_order_now(held: list[Any]) -> set[int]:
    """Return the values of states that are arrays in C order."""
    arrays = [(h.indices[0], h.values()[0]) for h in held]
    return {i for i, a in arrays if isinstance(a, np.ndarray) and a.ndim and a.size and a.flags.c_contiguous}
