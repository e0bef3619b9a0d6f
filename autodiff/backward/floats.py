"""The backward pass over a graph of floats alone, which is most of the time of a scalar program.

It does what ``walk`` does, in one loop of multiplications and additions over the slots of the nodes. A graph that has
anything else in it (an array, a hook), and a pass that has to look at zeros times infinity, are left to ``walk``.
"""

from __future__ import annotations

from itertools import takewhile
from math import isfinite
from operator import attrgetter
from typing import Any

from ..batching.handle import open_frames
from ..graph import FloatNode, Node
from ..writes.stale_reads import check_unwritten
from .product_sums import ProductSum

_serial = attrgetter("serial")


def collect_floats(root: Node) -> list[Node] | None:
    """Return every node that the root depends on: operations, newest first, then the leaves; a ``ProductSum`` stands
    for its product as well. None where not all are plain operations on floats."""
    operations: list[Node] = []
    leaves: list[Node] = []
    todo: list[Any] = [root]
    seen: set[Any] = {None, root}  # None: no operand
    while todo:
        node = todo.pop()
        while True:  # go on to the first operand, and set the others aside
            kind = node.__class__
            if kind is FloatNode:
                if node.grad.__class__ is ProductSum:
                    node.in_use()
                p = node.b
                if p not in seen and p.__class__ is not float:
                    seen.add(p)
                    todo.append(p)
            elif kind is ProductSum and node.product is None:
                for p in (node.c, node.d):
                    if p not in seen and p.__class__ is not float:
                        seen.add(p)
                        todo.append(p)
            elif node.static is not None:
                if node.op is not None or node.shape is not None or node.notes is not None:
                    return None
                leaves.append(node)
                break
            else:
                for p in node.parents:
                    if p not in seen and p.__class__ is not float:
                        seen.add(p)
                        todo.append(p)
                if node.notes is not None:
                    return None
                operations.append(node)
                break
            if node.notes is not None:
                return None
            operations.append(node)
            node = node.a
            if node in seen or node.__class__ is float:
                break
            seen.add(node)
    operations.sort(key=_serial, reverse=True)
    operations.extend(leaves)
    return operations


def pull_all_floats(root: Node) -> dict[Node, Any] | None:
    """Return the gradients of the root in all nodes of a graph of floats, None for those that only zeros reach; or
    None in place of the dictionary where ``walk`` has to make the pass."""
    nodes = None if open_frames() else collect_floats(root)
    if nodes is None:
        return None
    check_unwritten(nodes)
    cotangents: dict[Node, Any] = dict.fromkeys(nodes)
    cotangents[root] = 1.0
    node: Any
    for node in nodes:
        g, kind = cotangents[node], node.__class__
        if not g:  # it is not passed on: every share is 0, or the walk has to look. None: below such a zero
            if kind is FloatNode:
                d = node.da + node.db
            else:
                d = node.dc + node.dd if kind is ProductSum else sum(node.saved)
            if not isfinite(d):
                return None
        elif kind is FloatNode:
            p = node.a
            if p.__class__ is not float:
                h = cotangents[p]
                d = g * node.da
                cotangents[p] = d if h is None else h + d
            p = node.b
            if p is not None and p.__class__ is not float:
                h = cotangents[p]
                d = g * node.db
                cotangents[p] = d if h is None else h + d
        elif kind is ProductSum and node.product not in cotangents:
            p = node.a
            h = cotangents[p]
            cotangents[p] = g if h is None else h + g
            p = node.c
            if p.__class__ is not float:
                h = cotangents[p]
                d = g * node.dc
                cotangents[p] = d if h is None else h + d
            p = node.d
            if p.__class__ is not float:
                h = cotangents[p]
                d = g * node.dd
                cotangents[p] = d if h is None else h + d
        elif node.op is not None:
            for p, d in zip(node.parents, node.saved):
                if p is not None and p.__class__ is not float:
                    h = cotangents[p]
                    cotangents[p] = g * d if h is None else h + g * d
    leaves = takewhile(lambda n: n.op is None, reversed(nodes))
    if any([g is not None and g != g for g in map(cotangents.get, leaves)]):
        if any([n.op is not None and n.op.selects for n in nodes]):  # perhaps of an operand that was not selected
            return None
    return cotangents
