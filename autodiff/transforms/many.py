"""Many cotangents pulled, or many tangents pushed, in one pass: the rules of the same rows run on a batch.

A cotangent is a ``Batched`` handle, which a rule treats as one cotangent; values that the graph saved have no batch
axis, so that nothing is computed twice. A rule that reads plain values of its cotangent runs in a loop. Zeros by
construction are not looked for (``reach``): where a NaN arrives, the caller takes one cotangent at a time.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..backward import collect, consumed, fit, handles
from ..batching.handle import Batched, Frame, inside
from ..batching.routes import over_examples
from ..graph import Node, leaf
from ..modes import state
from ..variable import wrap
from ..writes.stale_reads import check_unwritten

CANNOT = (TypeError, ValueError, AttributeError, IndexError)  # of a rule that takes no batch


def can_batch(nodes: list[Node], recorded: bool) -> bool:
    """Return whether one pass for many cotangents is the same as many passes: no hook or mode needs single ones."""
    now = state()
    careful = now.strict or now.anomaly or any([n.notes is not None and n.notes.hooks for n in nodes])
    return not careful and not (recorded and any([n.op is not None and n.op.selects for n in nodes]))


def pull_many(
    seeds: dict[Node, Any], nodes: list[Node], wanted: Collection[Node], recorded: bool, frame: Frame
) -> dict[Node, Any]:
    """Return cotangents of the wanted nodes: payloads, (N, *shape); None where none arrived.

    seeds: payloads. nodes: from ``collect``. Under a surrounding ``vmap`` the rules get the values of all examples: its
    frames are not open for them.
    """
    started = {node: Batched(frame, seed) for node, seed in seeds.items()}
    found = inside((frame,), _pull, started, nodes, frozenset(wanted), recorded, frame)
    return {node: _payload(found[node], frame) for node in wanted if node in found}


def _pull(
    seeds: dict[Node, Any], nodes: list[Node], wanted: frozenset[Node], recorded: bool, frame: Frame
) -> dict[Node, Any]:
    check_unwritten(nodes)
    cotangents: dict[Node, Any] = dict.fromkeys(nodes)
    cotangents.update(seeds)
    owned: set[Node] = set()  # nodes whose cotangent is a sum made here, with no other reference
    for node in nodes:
        g = cotangents[node]
        if g is None or node.op is None or node in wanted:
            continue
        cotangents[node] = None
        if node.saved is None:
            raise consumed(node)
        saved: Any = handles(node) if recorded else node.saved
        for i, p in enumerate(node.parents):
            if not isinstance(p, Node) or p not in cotangents or saved[i] is None:
                continue
            if node.is_float_operation and not recorded:
                d = g * saved[i]
            else:
                d = _ruled(node, i, g, saved[i], frame, p)
            h = cotangents[p]
            if h is None:
                cotangents[p] = d
            elif p in owned and h.__class__ is d.__class__ is Batched and _like(h.payload, d.payload):
                h.payload += d.payload
            else:
                cotangents[p] = h + d
                owned.add(p)
    return cotangents


def _like(a: Any, b: Any) -> bool:
    return a.__class__ is b.__class__ is np.ndarray and a.shape == b.shape and a.dtype == b.dtype


def _ruled(node: Node, i: int, g: Any, args: tuple[Any, ...], frame: Frame, p: Node) -> Any:
    """Return a rule's result for a batch of cotangents, in the shape and dtype of its parent."""
    rule = node.op.rule(i)
    try:
        return fitted(rule(g, *args), p)
    except CANNOT:
        return over_examples(frame, lambda one: fitted(rule(one, *args), p), (g,), {})


def fitted(d: Any, p: Node) -> Any:
    """Return ``fit(d, p)``, where a Scalar's cotangent is an example of shape ()."""
    if d.__class__ is Batched and p.shape is None:
        return np.sum(d) if d.ndim else d
    return fit(d, p)


def _payload(d: Any, frame: Frame) -> Any:
    """Return values of all examples; None where none arrived."""
    if d is None or (d.__class__ is Batched and d.frame is frame):
        return None if d is None else d.payload
    return np.broadcast_to(d, (frame.size, *np.shape(d)))


def push_many(tangents: dict[Node, Any], nodes: list[Node], root: Node, recorded: bool, frame: Frame) -> Any:
    """Return the tangents of a node, (N, *shape), from those of the arguments; None where none arrived."""
    started = {node: Batched(frame, t) for node, t in tangents.items()}
    return _payload(inside((frame,), _push, started, nodes, recorded, frame).get(root), frame)


def _push(found: dict[Node, Any], nodes: list[Node], recorded: bool, frame: Frame) -> dict[Node, Any]:
    given = set(found)
    for node in reversed(nodes):
        if node in given or node.op is None:
            continue
        if node.saved is None:
            raise consumed(node)
        saved: Any = handles(node) if recorded else node.saved
        total = None
        for i, p in enumerate(node.parents):
            if not isinstance(p, Node) or p not in found:
                continue
            if node.is_float_operation and not recorded:
                t = found[p] * saved[i]
            else:
                t = _pushed(node, i, found[p], saved[i], recorded, frame)
            total = t if total is None else total + t
        if total is not None:
            found[node] = total
    return found


def _pushed(node: Node, i: int, t: Any, args: tuple[Any, ...], recorded: bool, frame: Frame) -> Any:
    """Return J t for one operand and a batch of tangents (``forward._push_operand``)."""
    op = node.op
    if op.elementwise:
        return _ruled(node, i, t, args, frame, node)
    if op.linear:
        return fitted(op(t, **(node.static or {})), node)
    u = wrap(np.ones(node.shape or (), node.dtype), None)
    u.node = leaf(u.data)
    c = inside((), op.rule(i), u, *args)  # linear in its cotangent: the walk transposes it
    if getattr(c, "node", None) is None:
        return np.zeros(node.shape or (), node.dtype)
    c = fit(c, node.parents[i])
    own = collect([c.node], floor=u.node.serial)
    found = _pull({c.node: t}, own, frozenset([u.node]), recorded, frame)[u.node]
    return np.zeros(node.shape or (), node.dtype) if found is None else fitted(found, node)
