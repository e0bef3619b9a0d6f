"""``backward``: add gradients to leaves, to all of them or, when an exception is raised, to none."""

from __future__ import annotations

import weakref
from collections.abc import Container, Iterable
from itertools import chain, repeat
from operator import attrgetter, is_, not_
from typing import Any

import numpy as np

from ..graph import Node, notes_of
from ..modes import mode, state
from ..other_arrays import zeros
from ..variable import Variable, wrap
from . import arrivals
from .cotangents import Cotangent, conjugate, raw, seed_for
from .floats import pull_all_floats
from .walk import collect, pull

_grad = attrgetter("grad")


def backward(root: Variable, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add the gradient of this value with respect to every leaf into the leaf's ``.grad``.

    gradient: array of this value's shape, the cotangent to start from; not needed for a single number.
    retain_graph: keep the saved values, to run again. create_graph: record the pass itself; gradients are then
    Tensors that can be differentiated again. All or nothing: an exception on the way changes no gradient.
    Raises GraphError when nothing requires a gradient, the shape is wrong, or the graph was consumed.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> (x * x * x).sum().backward()
    >>> x.grad
    array([ 3., 12.])
    """
    seed = seed_for(root, gradient)
    start: Node = root.node  # type: ignore[assignment]
    if start.static is None and gradient is None and state().plain and not (create_graph or arrivals.watched.data):  # type: ignore[attr-defined]
        if (found := pull_all_floats(start)) is not None:
            return deliver(found)
    nodes, release = collect([start]), not retain_graph and not create_graph
    if not arrivals.watched.data:  # type: ignore[attr-defined]  # its ``len()`` is a Python function
        cotangents = _pulled(start, seed, nodes, release, create_graph)
    else:
        cotangents = arrivals.past_watchers(nodes, create_graph, _pulled, start, seed, nodes, release, create_graph)
    if start.notes is None or start.notes.source is None:
        deliver(cotangents)
        return
    added = {node for node in cotangents if node.op is None and node.grad is not None}
    deliver(cotangents)
    note_root(cotangents, start, added)  # made under record()


def _pulled(start: Node, seed: Cotangent, nodes: list[Node], release: bool, recorded: bool) -> dict[Node, Cotangent]:
    """Return the cotangents of one pass."""
    if not recorded:
        return pull({start: raw(seed)}, nodes, release, bounded=False)
    seed = seed if isinstance(seed, Variable) else wrap(seed, None)
    with mode(floor=0):
        return pull({start: seed}, nodes, recorded=True, wanted=None)


def note_root(nodes: Iterable[Node], root: Node, added: Container[Node]) -> None:
    """Note a weak reference to the root that these gradients came from, so that ``explain(x)`` needs no loss. added:
    the leaves that had a gradient already."""
    found = weakref.ref(root)
    for node in nodes:
        if node.op is None or node.notes is not None:
            notes = notes_of(node)
            notes.root, notes.added = found, node in added


def deliver(cotangents: dict[Node, Cotangent]) -> None:
    """Write gradients into nodes: sums into leaves, the last value into Scalars and where it is kept on request.

    All at once: the sums are worked out first, and then set by one call of C code, which no signal interrupts. When
    another thread has added to one of the leaves meanwhile, they are worked out again."""
    done = False
    while not done:
        leaves: list[Node] = []
        before: list[Any] = []  # kept until all are set: freeing an object could run other code in between
        nodes, gradients = _sums(cotangents, leaves, before)
        unchanged = map(is_, map(_grad, leaves), before)
        set_to = map(setattr, nodes, repeat("grad"), gradients)  # gives None for each
        done = all(chain(unchanged, map(not_, set_to)))  # stops before the first one that is set, if one has changed


def _sums(
    cotangents: dict[Node, Cotangent], leaves: list[Node], before: list[Any]
) -> tuple[list[Node], list[Cotangent]]:
    """Return the nodes that get a gradient, and the gradients. The leaves go into the list ``leaves``, their present
    gradients into ``before``."""
    nodes: list[Node] = []
    gradients: list[Cotangent] = []
    for node, g in cotangents.items():
        if node.static is None:  # is_float_operation, without a call
            g = 0.0 if g is None else g if g.__class__ is float else raw(g)  # a handle would be a cycle
        elif node.op is None:
            g = _zero(node) if g is None else g  # reached only through Scalars whose gradient is zero
            if node.dtype.kind == "c":
                g = conjugate(g)
            old = node.grad
            leaves.append(node)
            before.append(old)
            if old is not None:
                g = old + g
                if isinstance(g, np.generic) and node.shape is not None:
                    g = np.asarray(g)
        elif node.notes is not None and node.notes.keep_grad:
            g = _zero(node) if g is None else conjugate(g.copy() if g.__class__ is np.ndarray else g)
        else:
            continue
        nodes.append(node)
        gradients.append(g)
    return nodes, gradients


def _zero(node: Node) -> Cotangent:
    return 0.0 if node.shape is None else zeros(node.shape, node.dtype, node.value)


def gradients_of_graph(root: Variable, gradient: Any = None) -> dict[Node, Any]:
    """Return plain cotangents of every node that ``root`` depends on; write nothing and release nothing.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 3.0])
    >>> ad.extend.gradients_of_graph((x * x).sum())[x.node]
    array([2., 6.])
    """
    seed = raw(seed_for(root, gradient if gradient is not None or root.size == 1 else np.ones(root.shape)))
    return gradients_below({root.node: seed})  # type: ignore[dict-item]


def gradients_below(seeds: dict[Node, Any]) -> dict[Node, Any]:
    """Return the gradient of every node below the seeds: zeros where only Scalars with gradient zero lead."""
    found = pull(seeds, collect(list(seeds)), wanted=None)
    return {node: _zero(node) if g is None else conjugate(g) for node, g in found.items()}
