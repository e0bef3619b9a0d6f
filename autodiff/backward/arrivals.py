"""Gradients that are used before a backward pass ends: the watchers of leaves.

A leaf has a lower serial number than all that reads it, so that a pass comes to the leaves last of all. A watched leaf
is moved to directly after its last reader: its hooks then run before the rest of the pass. Never here: the use of the
gradients.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from itertools import chain, count, takewhile
from operator import itemgetter
from typing import Any, Protocol

from ..errors import GraphError
from ..graph import Node, notes_of
from ..variable import Variable
from .cotangents import conjugate


class Watcher(Protocol):
    """Methods that ``backward()`` calls, in this order, in every pass that reaches a leaf of this watcher."""

    def begin(self, reached: list[int], recorded: bool) -> None:
        """Start a pass. reached: the positions of the leaves that it will come to. recorded: ``create_graph``."""

    def arrived(self, position: int, gradient: Any) -> None:
        """Take the complete gradient of a leaf, a read-only array. Not called for a leaf that gets no gradient."""

    def finish(self) -> Iterable[tuple[Variable, Any]]:
        """End the pass: return leaves, and the gradients to deliver in place of those that arrived."""
        ...

    def fail(self, error: BaseException) -> None:
        """End a pass that failed, in a rule or in ``finish``: no gradient will be delivered."""


# Leaf -> its watcher, which may hold the leaf and so is held weakly; the leaf's position; the number of the watcher.
watched: weakref.WeakKeyDictionary[Node, tuple[weakref.ref[Watcher], int, int]] = weakref.WeakKeyDictionary()
_numbers = count()


def watch_gradients(leaves: Iterable[Variable], watcher: Watcher) -> None:
    """Call ``watcher`` when the gradient of each leaf is complete, while ``backward()`` still runs.

    leaves: Tensors; the watcher gets their positions. A leaf has one watcher; another replaces it, and the caller keeps
    it alive. Hooks of a leaf must be registered before, so that the watcher gets the gradients that they return.

    >>> import autodiff as ad, numpy as np
    >>> class Printer:
    ...     def begin(self, reached, recorded): print("begin", reached)
    ...     def arrived(self, position, gradient): print("leaf", position, gradient)
    ...     def finish(self): return []
    ...     def fail(self, error): print("failed")
    >>> w, v = ad.tensor([1.0]), ad.tensor([2.0])
    >>> printer = Printer()
    >>> ad.extend.watch_gradients([w, v], printer)
    >>> (np.exp(w) * v).sum().backward()
    begin [0, 1]
    leaf 1 [2.71828183]
    leaf 0 [5.43656366]
    """
    number = next(_numbers)
    for position, leaf in enumerate(leaves):
        node = leaf.node
        if node is None or node.op is not None or node.shape is None:
            raise GraphError(f"watch_gradients takes Tensors that are leaves; number {position} is none.")
        if node not in watched:
            notes_of(node).hooks.append(_hook_of(weakref.ref(node)))
        watched[node] = (weakref.ref(watcher), position, number)


def _hook_of(reference: weakref.ref[Node]) -> Callable[[Any], None]:
    def pass_on(gradient: Any) -> None:
        node = reference()
        watcher, position, _ = _watcher_of(node)
        if node is not None and watcher is not None:
            if notes_of(node).hooks[-1] is not pass_on:
                raise GraphError("a hook was registered on a leaf whose gradient is watched: register hooks before.")
            watcher.arrived(position, gradient)

    return pass_on


def _watcher_of(node: Node | None) -> tuple[Watcher | None, int, int]:
    """Return the watcher of a leaf, if it is still there, the position of the leaf, and the number of the watcher."""
    reference, position, number = (None, 0, 0) if node is None else watched.get(node, (None, 0, 0))
    return (None if reference is None else reference()), position, number


def come_early(nodes: list[Node]) -> dict[Watcher, list[int]]:
    """Move every watched leaf in ``nodes`` (from ``collect``) to directly after the last node that reads it; return the
    watchers, in the order in which they were made, with the positions of their leaves."""
    found: dict[tuple[int, Watcher], list[int]] = {}
    waiting: set[Any] = set()
    for node in takewhile(lambda n: n.op is None, reversed(nodes)):
        watcher, position, number = _watcher_of(node)
        if watcher is not None:
            found.setdefault((number, watcher), []).append(position)
            waiting.add(node)
    early, last = set(waiting), {}
    for node in reversed(nodes):
        if waiting:
            last[node] = [p for p in dict.fromkeys(node.parents) if p in waiting]
            waiting.difference_update(last[node])
    early -= waiting  # the root itself has no reader
    nodes[:] = chain.from_iterable([*(() if n in early else (n,)), *last.get(n, ())] for n in list(nodes))
    return {watcher: found[number, watcher] for number, watcher in sorted(found, key=itemgetter(0))}


def past_watchers(
    nodes: list[Node], recorded: bool, run: Callable[..., dict[Node, Any]], *args: Any
) -> dict[Node, Any]:
    """Return the cotangents of one pass, ``run(*args)``, with the gradients that the watchers of its leaves give."""
    watchers = come_early(nodes)
    try:
        for watcher, positions in watchers.items():
            watcher.begin(sorted(positions), recorded)
        cotangents = run(*args)
        for watcher in watchers:
            for leaf, g in watcher.finish():
                cotangents[leaf.node] = conjugate(g)  # type: ignore[index]
    except BaseException as error:
        for watcher in watchers:
            watcher.fail(error)
        raise
    return cotangents
