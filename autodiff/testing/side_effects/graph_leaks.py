"""Check that nothing made in the graph is left over after a block.

`graph_leak_check` needs no support from the code under check. While the cyclic collector is off, Python keeps every new
object in the youngest generation until its last reference goes: a value that a block left behind is there after the
block and was not there before it.
"""

from __future__ import annotations

import gc
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import Any

import autodiff as ad
from autodiff.graph import Node

__all__ = ["graph_leak_check", "left_behind"]

_GRAPH = (Node, ad.Variable)


class graph_leak_check:
    """Check that every graph value made in a block is freed, by reference counting alone, when the block ends.

    A context manager (inside it, ``del`` your variables) or a decorator (the locals of the function are freed when it
    ends; its result may stay). The cyclic collector is off inside. A new leaf in an older handle is no leak: a write
    into a Scalar makes one. An exception passes through unchecked, because its traceback holds the frames.

    Args:
        keep: older objects that may hold new graph values afterwards: nothing that they refer to is a leak.

    Raises:
        AssertionError: something survived; the message names each value and its holder.
        RuntimeError: the block ran the cyclic collector, which hides the leaks that it freed.

    >>> import autodiff as ad
    >>> @graph_leak_check()
    ... def step():
    ...     x = ad.tensor([1.0, 2.0])
    ...     (x * x).sum().backward()
    ...     return x.grad
    >>> step()
    array([2., 4.])
    >>> with graph_leak_check():
    ...     y = ad.tensor([1.0]) * 2
    Traceback (most recent call last):
    AssertionError: 2 graph values made in this block outlive it:
      the result of multiply, shape (1,), held by the variable 'y'; with 1 more that hang on it
    """

    def __init__(self, *keep: Any) -> None:
        self.keep: list[Any] = list(keep)
        self._open: list[tuple[bool, int, dict[int, weakref.ref[Any]]]] = []

    def __enter__(self) -> graph_leak_check:
        was_on = gc.isenabled()
        gc.disable()
        before = {id(o): weakref.ref(o) for o in gc.get_objects(generation=0) if isinstance(o, _GRAPH)}
        self._open.append((was_on, _collections(), before))
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        was_on, runs, before = self._open.pop()
        try:
            if error is not None:
                return
            if _collections() != runs:
                raise RuntimeError(
                    "graph_leak_check: the cyclic collector ran inside the block (gc.collect()), so that leaks which "
                    "it freed cannot be found. Take gc.collect() out of the block."
                )
            tops, count = _survivors(before, self.keep)
            if tops:
                raise AssertionError(_leak_message(tops, count, sys._getframe(1)))
        finally:
            if was_on:
                gc.enable()

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with the check around each call; its result may outlive the call."""

        @wraps(f)
        def run(*args: Any, **kwargs: Any) -> Any:
            with graph_leak_check(*self.keep) as check:
                result = f(*args, **kwargs)
                check.keep.append(result)
            return result

        return run


def left_behind(work: Callable[[], Any]) -> int:
    """Return how many graph nodes made by ``work()`` survive it, after its result is dropped; cheap enough for a loop.

    >>> import autodiff as ad
    >>> held = []
    >>> left_behind(lambda: ad.tensor([1.0]) * 2), left_behind(lambda: held.append(ad.tensor([1.0]) * 2))
    (0, 2)
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        before = {id(o) for o in gc.get_objects(generation=0) if isinstance(o, Node)}
        work()
        return sum(1 for o in gc.get_objects(generation=0) if isinstance(o, Node) and id(o) not in before)
    finally:
        if was_on:
            gc.enable()


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def _survivors(before: dict[int, weakref.ref[Any]], keep: list[Any]) -> tuple[list[weakref.ref[Any]], int]:
    """Return the new graph values that may not stay, without those that another one holds, and the count of all.

    Weak references, so that the check itself is not among the holders when these are searched.
    """
    young = gc.get_objects(generation=0)
    ids = {id(o) for o in young}
    allowed: set[int] = set()
    todo = list(keep)
    while todo:  # values that may stay, with all that they refer to through young objects and containers
        o = todo.pop()
        if id(o) not in allowed:
            allowed.add(id(o))
            todo += [r for r in gc.get_referents(o) if id(r) in ids or isinstance(r, dict | list | tuple)]
    made = {
        id(o): o
        for o in young
        if isinstance(o, _GRAPH) and id(o) not in allowed and not (id(o) in before and before[id(o)]() is o)
    }
    left = [o for o in made.values() if not (isinstance(o, Node) and o.op is None and _written_leaf(o, made))]
    lower = {id(p) for o in left for p in (o.parents if isinstance(o, Node) else [o.node])}
    tops = [weakref.ref(o) for o in left if id(o) not in lower] or [weakref.ref(o) for o in left[:1]]
    nodes = {id(o if isinstance(o, Node) else o.node) for o in left if isinstance(o, Node) or o.node is not None}
    return tops, len(nodes) + sum(1 for o in left if not isinstance(o, Node) and o.node is None)


def _written_leaf(node: Node, made: dict[int, Any]) -> bool:
    """Return whether an older handle holds this leaf: a Scalar gets a new leaf when it is written."""
    return any(isinstance(o, ad.Variable) and id(o) not in made for o in gc.get_referrers(node))


def _leak_message(tops: list[weakref.ref[Any]], count: int, frame: types.FrameType | None) -> str:
    """Return the message: each survivor and its holder. Values that only another survivor holds are only counted."""
    lines = [f"  {_name(o)}, {_holder(o, frame)}" for o in (ref() for ref in tops[:8]) if o is not None]
    rest = count - len(lines)
    if rest > 0 and lines:
        lines[-1] += f"; with {rest} more that hang on {'these' if len(lines) > 1 else 'it'}"
    values, outlive = ("value", "outlives") if count == 1 else ("values", "outlive")
    return "\n".join([f"{count} graph {values} made in this block {outlive} it:", *lines])


def _name(o: Any) -> str:
    node = o if isinstance(o, Node) else o.node
    if node is None:
        return f"a constant, shape {o.shape}"
    what = "a leaf" if node.op is None else f"the result of {node.op.name}"
    return f"{what}, shape {node.shape or ()}" + (f", made at {node.source}" if node.source else "")


def _holder(o: Any, frame: types.FrameType | None) -> str:
    """Return the holder of an object, in words: a variable, a cycle, a closure, a container."""
    while frame is not None:
        for name, value in frame.f_locals.items():
            if value is o:
                return f"held by the variable {name!r}"
        frame = frame.f_back
    cycle = _cycle(o)
    if cycle:
        return f"in a reference cycle ({' -> '.join(cycle)}) that only the cyclic collector frees"
    for holder in gc.get_referrers(o):
        if isinstance(holder, types.CellType):
            users = [f for t in gc.get_referrers(holder) if isinstance(t, tuple) for f in gc.get_referrers(t)]
            named = [f.__qualname__ for f in users if isinstance(f, types.FunctionType)]
            return f"held by a variable of the closure {named[0]}" if named else "held by a closure"
        if isinstance(holder, dict):
            return f"held by a dict, under {next((key for key, value in holder.items() if value is o), '?')!r}"
        if isinstance(holder, list | tuple | set):
            return f"held by a {type(holder).__name__} of {len(holder)}"
        if isinstance(holder, _GRAPH):
            return f"held by {_name(holder)}"
    return "held by an object that the collector does not list"


def _cycle(start: Any) -> list[str]:
    """Return the shortest way from an object back to itself through young objects, as type names; empty when there is
    none.
    """
    young = {id(o) for o in gc.get_objects(generation=0)}
    came: dict[int, Any] = {id(start): None}
    queue: deque[Any] = deque([start])
    while queue:
        o = queue.popleft()
        for r in gc.get_referents(o):
            if r is start:
                names = [type(start).__name__]
                while o is not None:
                    names.append(type(o).__name__)
                    o = came[id(o)]
                return names[::-1]
            if id(r) in young and id(r) not in came and not isinstance(r, types.FrameType | types.ModuleType):
                came[id(r)] = o
                queue.append(r)
    return []
