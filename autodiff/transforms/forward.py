"""Forward mode: tangents are pushed through the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backward import blame, collect, fit, handles, nonzero, pull
from ..backward.nan_search import has_nan
from ..backward.reach import ForwardReach, apply_rule, refuse_convention, refuse_product
from ..batching.handle import bottom, inside, with_bottom
from ..errors import GraphError, depends_on_phase, kind_of
from ..graph import Node, leaf
from ..modes import mode, state
from ..modes.diagnostics import rules_known
from ..other_arrays import as_array, by_library, is_foreign, numbers, ones_like_value, zeros
from ..variable import Variable, is_live, plain, wrap
from .containers import flatten, flatten_as
from .evaluation import Evaluation, Function, derivative, for_node, in_own_memory, shape_of


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], **kwargs: Any) -> tuple[Any, Any]:
    """Return ``(f(*primals), J t)``: the value and its derivative along the tangents, in one forward sweep.

    primals, tangents: sequences of equal nesting and shapes.

    >>> import autodiff as ad, numpy as np
    >>> ad.jvp(np.sin, (0.0,), (2.0,))
    (0.0, 2.0)
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list) or len(primals) != len(tangents):
        raise TypeError("jvp(f, primals, tangents) needs two sequences of equal length: jvp(f, (x,), (v,)).")
    ours = Evaluation(f, primals, range(len(primals)), kwargs)
    given = flatten_as(tangents, primals, "tangents")
    start = []
    for x, v in zip((x for group in ours.leaves for x in group), given, strict=True):
        if shape_of(v) != x.shape:
            raise ValueError(f"a tangent must have its primal's shape {x.shape}; got {kind_of(v)}.")
        start.append(fit(for_node(v, x), x.node))
    outs, rebuild = flatten(ours.out)
    ours.reach([y.node for y in outs if isinstance(y, Variable) and y.node is not None])
    found, recorded = push_through(ours, start)
    refuse_free(ours, [y.node for y in outs if isinstance(y, Variable)], found)
    slopes = [found.get(y.node) if isinstance(y, Variable) and y.node is not None else None for y in outs]
    result = [
        derivative(d, bottom(y)) if isinstance(y, Variable) else np.zeros_like(y)
        for y, d in zip(outs, slopes, strict=True)
    ]
    with mode(floor=ours.floor):
        result = [with_bottom(y, t) for y, t in zip(outs, in_own_memory(result, map(bottom, given)), strict=True)]
    return (ours.out if recorded else ours.result(ours.out)), rebuild(result)


def push_through(ours: Evaluation, tangents: Sequence[Any]) -> tuple[dict[Node, Any], bool]:
    """Return tangents of every node from those of the arguments; and whether they are recorded."""
    recorded = ours.recorded or any(isinstance(v, Variable) and is_live(v) for v in tangents)
    with mode(floor=ours.floor), np.errstate(all="ignore"):
        start = dict(zip(ours.inner, tangents, strict=True))
        return inside((), push, start, ours.nodes, recorded), recorded


def refuse_free(ours: Evaluation, outs: list[Any], tangents: dict[Node, Any] | None = None) -> None:
    """Raise where a result depends on the phase of complex vectors that have a tangent: the tangents keep the phase
    fixed, which is an arbitrary choice. A change of the phases alone must not change a result, compared with a random
    change of the vectors."""
    for node in ours.nodes:
        if node.op is None or node.op.free is None or node.dtype.kind != "c" or node.saved is None:
            continue
        if tangents is not None and not np.any(plain(tangents.get(node, 0.0))):
            continue
        turned = node.op.free(*next(args for args in node.saved if args is not None))
        rng = np.random.default_rng(0)
        moved = np.where(turned != 0, rng.normal(size=turned.shape) + 1j * rng.normal(size=turned.shape), 0.0)
        with mode(floor=ours.floor), np.errstate(all="ignore"):
            by_phase, by_all = (inside((), _push, {node: t}, ours.nodes, False, None) for t in (turned, moved))
        for y in outs:
            if y in by_phase and np.abs(by_phase[y]).max(initial=0.0) > 1e-3 * np.abs(by_all[y]).max(initial=0.0):
                raise depends_on_phase(node.op.name)  # far above rounding


def push(start: dict[Node, Any], nodes: list[Node], recorded: bool) -> dict[Node, Any]:
    """Return tangents of every node that depends on those in ``start``; nodes newest first, as ``collect`` gives them.
    Where a NaN arrives that may come from a zero by construction, the pass runs again, carefully (``reach``)."""
    other = next((plain(t) for t in start.values() if is_foreign(plain(t))), None)
    if other is not None:  # searching for a NaN would compute a lazy array
        if state().strict:
            numbers(other, "strict()")
        return _push(start, nodes, recorded, None)
    masks = {n: nonzero(t) for n, t in start.items()}
    cut = any([mask is not True for mask in masks.values()]) or any([n.op is not None and n.op.selects for n in nodes])
    if not state().strict and not (recorded and cut):
        found = _push(start, nodes, recorded, None)
        if recorded or not has_nan(found.values()):
            return found
    return _push(start, nodes, recorded, ForwardReach(masks, nodes, _push_operand))


def _push(start: dict[Node, Any], nodes: list[Node], recorded: bool, reach: ForwardReach | None) -> dict[Node, Any]:
    with rules_known() as begin:
        return _push_each(start, nodes, recorded, reach, begin)


def _push_each(
    start: dict[Node, Any], nodes: list[Node], recorded: bool, reach: ForwardReach | None, begin: Any
) -> dict[Node, Any]:
    found = {n: wrap(t, None) if recorded and not isinstance(t, Variable) else t for n, t in start.items()}
    for node in reversed(nodes):
        if node in start or node.op is None:
            continue
        total = None
        if begin is not None:
            begin(node)
        if node.saved is None:
            raise GraphError("forward mode over a graph that a backward pass has consumed; compute the value again.")
        saved: Any = handles(node) if recorded else node.saved
        if reach is not None:
            refuse_convention(node, reach.of(node) if node.notes is None else reach.arrived(node))
        for i, p in enumerate(node.parents):
            if not isinstance(p, Node) or p not in found:
                continue
            if node.is_float_operation and not recorded:
                t = found[p] * saved[i]
                if t != t and reach is not None:
                    if not reach.passed(node, i):
                        continue
                    refuse_product(node, found[p], t, reach)
            else:
                if reach is None:
                    t = _push_operand(node, i, found[p], saved[i], recorded)
                else:
                    t = apply_rule(reach, node, i, saved[i], found[p], recorded)
                if t is None:
                    continue
                t = fit(t, node)
            total = t if total is None else total + t
        if total is not None:
            found[node] = total if node.shape is None or isinstance(total, Variable) else as_array(total)
    return found


def _push_operand(node: Node, i: int, t: Any, args: tuple[Any, ...], recorded: bool) -> Any:
    """Return J t for one operand, from the same row that gives the transpose."""
    if t.__class__ is np.ndarray or not is_foreign(plain(t)):
        return _pushed(node, i, t, args, recorded)
    try:
        return by_library(_pushed, (node, i, t, args, recorded), {})
    except Exception as error:
        blame(error, node, t)
        raise


def _pushed(node: Node, i: int, t: Any, args: tuple[Any, ...], recorded: bool) -> Any:
    op = node.op
    if op.elementwise:  # a diagonal matrix is its own transpose
        return op.rule(i)(t, *args)
    if op.linear:
        static = node.static or {}
        return op(t, **static) if recorded else op.fn(t, **static)
    return _transposed(node, i, t, args, recorded)


def _transposed(node: Node, i: int, t: Any, args: tuple[Any, ...], recorded: bool) -> Any:
    """Apply the transpose of a rule to t: the rule is linear in its cotangent, so the walk transposes it."""
    u = wrap(ones_like_value(node.shape or (), node.dtype, plain(t)), None)
    u.node = leaf(u.data)
    c = node.op.rule(i)(u, *args)
    if not isinstance(c, Variable) or c.node is None:
        return zeros(node.shape or (), node.dtype, plain(t))
    c = fit(c, node.parents[i])
    own = collect([c.node], floor=u.node.serial)
    if recorded and not isinstance(t, Variable):
        t = wrap(t, None)
    # none where the rule gave zeros of its own, which do not depend on u
    found = pull({c.node: t}, own, wanted=[u.node], recorded=recorded, inner=True).get(u.node)
    return zeros(node.shape or (), node.dtype, plain(t)) if found is None else found
