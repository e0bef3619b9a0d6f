"""The walk: reverse-mode differentiation over the graph, newest node first.

Collect the nodes that the root depends on, sort them by serial number (a topological order), and pull the cotangent
of each through its rules into its parents. Sums are made in buffers that only the walk holds, saved values are released
as they are consumed, and with ``create_graph`` the same rules run on handles and are recorded. Never here: the name of
an operation, or recursion.

One file, because the two loops of a pass, and the work of each at a node, are read side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain, repeat, takewhile
from math import inf, isfinite, nan
from operator import attrgetter
from typing import Any

from numpy import errstate, generic, ndarray
from numpy.linalg import LinAlgError

from ..batching.handle import inside, open_frames
from ..errors import AnomalyError, GraphError, SingularPointError
from ..graph import FloatNode, Node
from ..modes import state
from ..modes.diagnostics import check_finite, describe, hint, rules_known
from ..other_arrays import as_array, by_library, is_foreign, numbers, refusal
from ..writes.stale_reads import check_unwritten
from .cotangents import Cotangent, fit, nonzero, raw, run_hooks
from .nan_search import has_nan, nan_arrived
from .reach import Reach, apply_rule, note_infinite, outer, refuse_convention, refuse_product
from .recorded import handles

_serial = attrgetter("serial")
_REFUSALS = (ValueError, TypeError, NotImplementedError, AttributeError)  # of another library
_PLAIN = (ndarray, generic)  # in a trace, a 0-d value is a number
_BACKWARD = ("made in its backward rule", "a finite cotangent")


def collect(roots: Collection[Node], floor: float = 0, stop: Collection[Node] = ()) -> list[Node]:
    """Return every node that the roots depend on: operations, newest first, then the leaves. The search ends at the
    nodes in ``stop`` and at serial numbers below ``floor``."""
    operations: list[Node] = []
    leaves: list[Node] = []
    todo: list[Any] = [*roots] if len(roots) == 1 else list(dict.fromkeys(roots))
    seen, stop = {None, *todo}, stop and set(stop)  # None: a constant array, or no operand
    last, ordered = inf, True
    while todo:
        node = todo.pop()
        while node.__class__ is FloatNode:  # go on to the first operand, and set the second aside
            ordered = False
            operations.append(node)
            if isinstance(node.grad, Node):
                node.in_use()
            if stop and node in stop:
                break
            p = node.b
            if p is not None and p.__class__ is not float and p not in seen and not (floor and p.serial < floor):
                seen.add(p)
                todo.append(p)
            node = node.a
            if node.__class__ is float or node in seen or (floor and node.serial < floor):
                break
            seen.add(node)
        else:
            if node.op is None:
                leaves.append(node)
                continue
            operations.append(node)
            ordered, last = ordered and node.serial < last, node.serial
            if not (stop and node in stop):
                for p in node.parents:
                    if p.__class__ is not float and p not in seen and p.serial >= floor:
                        seen.add(p)
                        todo.append(p)
    if not ordered:  # a chain of arrays is found in order
        operations.sort(key=_serial, reverse=True)
    operations.extend(leaves)
    return operations


@errstate(all="ignore")
def pull(
    seeds: dict[Node, Cotangent],
    nodes: list[Node],
    release: bool = False,
    bounded: bool = True,
    *,
    wanted: Collection[Node] | None = (),
    recorded: bool = False,
    foreign: Collection[Node] = (),
    inner: bool = False,
) -> dict[Node, Cotangent]:
    """Return cotangents of every leaf and every wanted node among ``nodes`` (all of them when wanted is None); None for
    the others, and where none arrived.

    nodes: from ``collect``. recorded: rules run on handles, so that the result can be differentiated again. release:
    forget saved values as they are consumed. bounded: some parents may be missing among ``nodes`` on purpose.
    foreign: nodes whose hooks an outer pass runs. inner: this pass is part of a rule, and its seed is a cotangent of
    the pass outside. Nothing is written into any node but ``saved``.

    A zero by construction contributes zero even times infinity or NaN (``reach``). The pass does not look for such
    zeros: if a NaN has arrived at the end, the part below the first row that selects runs again, carefully. For that,
    saved values are kept from that row on until the end.
    """
    if open_frames():  # under vmap: rules see the values of all examples
        more: Any = dict(wanted=wanted, recorded=recorded, foreign=foreign, inner=inner)
        return inside((), pull, seeds, nodes, release, bounded, **more)
    check_unwritten(nodes)
    now = state()
    if now.trace is not None:
        now.trace.pulled = (None,)
    masks, reach, first, foreign_arrays = _start(seeds, nodes, recorded, inner)
    bounded = bounded or foreign_arrays  # not the quick path, which checks less
    walk = Walk(seeds, nodes, masks, release, bounded, wanted, recorded, foreign)
    if recorded:
        with rules_known() as walk.begin:  # type: ignore[assignment]
            walk.careful(nodes, reach)
    elif reach is not None:
        walk.careful(nodes, reach)
    else:
        walk.quick(first)
        if now.trace is not None:
            now.trace.pulled = (None,)
        first = walk.first
        if first is not None:
            below = nodes[nodes.index(first) :]
            if nan_arrived(below, walk.cotangents, walk.before):
                walk.cotangents = walk.before
                walk.foreign = foreign if first.notes is None else {*foreign, first}
                walk.careful(below, Reach(masks, nodes))
        elif _needs_care(nodes, walk.cotangents, release, wanted or ()):
            walk.cotangents = dict.fromkeys(nodes) | seeds
            walk.careful(nodes, Reach(masks, nodes))
    if release and walk.late:
        for node in nodes:
            if node.op is not None and node.static is not None:
                node.saved = None
    if now.trace is not None:
        now.trace.pulled = ()
    return walk.cotangents


def _start(seeds: dict[Node, Cotangent], nodes: list[Node], recorded: bool, inner: bool) -> tuple[Any, Any, Any, bool]:
    """Return the masks of the seeds, a ``Reach`` where the whole pass must be careful, the node from which it may have
    to run again, and whether the seeds are arrays of another library."""
    now, other, cut = state(), None, False
    masks: dict[Node, Any] = {}
    for node, seed in seeds.items():
        masks[node] = mask = outer.get() if inner else nonzero(seed)
        cut = cut or mask is not True
        if seed.__class__ is not ndarray and is_foreign(raw(seed)):
            other = raw(seed)
    if other is not None:  # the rows' rules alone: to look for a NaN would compute the array
        if now.anomaly or now.strict:
            numbers(other, "detect_anomaly() or strict()")
    elif now.anomaly or now.strict or (recorded and (cut or any([n.op is not None and n.op.selects for n in nodes]))):
        return masks, Reach(masks, nodes), None, False
    elif cut:
        return masks, None, nodes[0], False
    return masks, None, None, other is not None


def _needs_care(nodes: list[Node], cotangents: dict[Node, Cotangent], release: bool, wanted: Collection[Node]) -> bool:
    """Return whether a NaN has arrived that may come of a zero by construction times an infinite factor, as in relu(x)
    * inf, and a careful pass can still be made: nothing was released, and no hook has run."""
    if not nodes or (release and nodes[0].shape is not None):
        return False
    leaves = takewhile(lambda n: n.op is None, reversed(nodes))
    if not has_nan([cotangents[n] for n in (*leaves, *wanted) if n in cotangents]):
        return False
    operations = [n for n in nodes if n.op is not None]
    gone = any([n.saved is None or (n.notes is not None and n.notes.hooks) for n in operations])
    return not gone and any([n.op.selects for n in operations])


class Walk:
    """One pass over the nodes, and the cotangents that it has found.

    masks    which elements of the seeds are not zero
    first    where the pass must run again if a NaN has arrived: the first node that selects
    before   the cotangents when the pass came to that node
    late     whether saved values are kept until the end of the pass
    begin    called with each operation before its rules are recorded, or None
    above    position of the first node that ``zero_from_above`` has not looked at
    """

    first: Node | None = None
    before: dict[Node, Cotangent] = {}
    late, begin, above = False, None, 0

    def __init__(
        self,
        seeds: dict[Node, Cotangent],
        nodes: list[Node],
        masks: dict[Node, Any],
        release: bool,
        bounded: bool,
        wanted: Collection[Node] | None,
        recorded: bool,
        foreign: Collection[Node],
    ) -> None:
        self.cotangents: dict[Node, Cotangent] = {**dict.fromkeys(nodes), **seeds}
        self.nodes, self.masks, self.release, self.bounded = nodes, masks, release, bounded
        self.keep_all, self.wanted = wanted is None, frozenset(wanted) if wanted else frozenset()
        self.recorded, self.foreign = recorded, foreign

    def run_again_from(self, node: Node, g: Cotangent) -> None:
        """Keep the state that a second, careful pass from this node on needs. g: its cotangent."""
        self.first, self.before, self.late = node, {**self.cotangents, node: g}, True

    def quick(self, first: Node | None) -> None:
        """Pull through every node on plain values; from the first float on whose cotangent 0 meets an infinite
        derivative, carefully. One long loop, because a call for each node of floats would double their time."""
        cotangents, bounded, wanted, foreign = self.cotangents, self.bounded, self.wanted, self.foreign
        owned: dict[Node, bool] = {}  # nodes whose cotangent is in a buffer made here, with no other reference
        made: dict[Node, bool] = {}  # the same, but the cotangent stands in ``before`` as well
        sound: set[Node] = set()  # leaves whose gradients had no NaN when a hook ran; and those that came after it
        since: list[Node] = []
        skipped = False  # whether a float had cotangent 0, which was not passed on
        release, trace = self.release and first is None, state().trace
        checked = bounded or trace is not None  # the generated paths write into memory of their own
        if first is not None:
            self.run_again_from(first, cotangents[first])
        rest = iter(self.nodes)
        node: Any = None
        try:
            for node in rest:
                g = cotangents[node]
                if g is None:
                    d = node.da + node.db if node.__class__ is FloatNode and node.notes is None else nan
                    if not skipped or node.op is None or d - d == 0.0:
                        continue
                    g = self.zero_from_above(node)
                    if g is None or node.saved is None:  # nothing flows into a node that an earlier pass consumed
                        continue
                if node.__class__ is FloatNode and node.notes is None:  # ``pull_floats``, written out
                    if not g:
                        d = node.da + node.db
                        if d - d == 0.0:  # finite, so that every share is 0
                            skipped = True
                            continue
                        break
                    if not (wanted and node in wanted):
                        for p, d in ((node.a, node.da), (node.b, node.db)):
                            if p is not None and p.__class__ is not float and (not bounded or p in cotangents):
                                h = cotangents[p]
                                cotangents[p] = g * d if h is None else h + g * d
                    continue
                keep, op, notes = self.keep_all, node.op, node.notes
                if notes is not None and node not in foreign:
                    hooks = notes.hooks
                    if node.static is None and not isfinite(sum(node.saved)):
                        break
                    if hooks and self.first is not None:
                        if has_nan([g for n, g in cotangents.items() if n not in sound and g is not self.before[n]]):
                            return  # a hook runs once: the gradient given to it must be right
                        sound.update(since)
                        since.clear()
                    g, keep = run_hooks(node, g, keep)
                    cotangents[node] = g
                    owned.pop(node, None)
                    made.pop(node, None)
                    if hooks and self.first is not None:
                        if skipped:
                            self.zero_from_above(node)
                        self.run_again_from(node, g)
                        made, owned = made | owned, {}
                elif notes is not None:
                    keep = keep or notes.keep_grad
                if op is None:
                    if node not in owned and node not in made and (g.__class__ is ndarray or is_foreign(g)):
                        cotangents[node] = g.copy()  # leaves get writable arrays of their own
                    since.append(node)
                    continue
                if wanted and node in wanted:
                    continue
                if node.static is None:  # is_float_operation, without a call
                    if g:
                        pull_floats(node, g, cotangents, bounded)
                    elif not isfinite(sum(node.saved)):
                        break
                    else:
                        skipped = True
                    continue
                if not keep:
                    cotangents[node] = None
                if node.saved is None:
                    raise consumed(node)
                pull = op.pull  # the same as pull_operands, written out for this row
                if pull is None or checked:
                    if op.selects and self.first is None:
                        if skipped:
                            self.zero_from_above(node)
                        self.run_again_from(node, g)
                        release, made, owned = False, owned, {}
                    pull = op.pull_selected
                    if pull is None or checked:
                        if trace is not None:
                            trace.pulled = (node.scope,)
                        pull_operands(node, g, cotangents, owned, release, bounded)
                        continue
                pull(node, g, cotangents, owned, release)
            else:
                return
        except Exception as error:
            blame(error, node, g)
            raise
        if skipped:
            self.zero_from_above(node)
        self.careful(chain((node,), rest), Reach(self.masks, self.nodes))

    def zero_from_above(self, node: Node) -> Cotangent:
        """Hand on the zeros that ``quick`` has left at floats before this node, and return the node's cotangent."""
        cotangents, nodes = self.cotangents, self.nodes
        while nodes[self.above] is not node:
            n = nodes[self.above]
            self.above += 1
            if n.static is None and cotangents[n] == 0.0:
                for p in n.parents:
                    if p.__class__ is not float and p in cotangents and cotangents[p] is None:
                        cotangents[p] = 0.0
        return cotangents[node]

    def careful(self, nodes: Iterable[Node], reach: Reach | None) -> None:
        """Pull through these nodes with recorded rules, or with checks of zeros times infinity (``reach``)."""
        cotangents, recorded, anomaly, trace = self.cotangents, self.recorded, state().anomaly, state().trace
        owned: dict[Node, bool] = {}
        self.late = self.late or reach is not None
        node: Any = None
        try:
            for node in nodes:
                g, keep = cotangents[node], self.keep_all
                if g is None:
                    continue
                if node.notes is not None and node not in self.foreign:
                    if reach is not None:
                        refuse_convention(node, reach.of(node))
                    g, keep = run_hooks(node, g, keep)
                    cotangents[node] = g
                    owned.pop(node, None)
                elif node.notes is not None:
                    keep = keep or node.notes.keep_grad
                if node.op is None:
                    if not recorded and node not in owned and (g.__class__ is ndarray or is_foreign(g)):
                        cotangents[node] = g.copy()
                elif node in self.wanted:
                    continue
                elif node.static is None and not recorded:
                    pull_floats(node, g, cotangents, self.bounded, anomaly, reach)
                else:
                    if not keep:
                        cotangents[node] = None
                    if node.saved is None:
                        raise consumed(node)
                    if self.begin is not None:
                        self.begin(node)
                    if trace is not None:
                        trace.pulled = (node.scope,)
                    release = self.release and not self.late
                    pull_operands(node, g, cotangents, owned, release, self.bounded, recorded, anomaly, reach)
        except Exception as error:
            blame(error, node, g)
            raise


def blame(error: Exception, node: Node, g: Cotangent) -> None:
    """Add a note to an error of a backward rule that names the operation; refuse an array of another library."""
    if g is not None and is_foreign(raw(g)) and isinstance(error, _REFUSALS) and not isinstance(error, LinAlgError):
        raise refusal(f"the derivative of {describe(node)}", raw(g), error) from error
    if not isinstance(error, GraphError | AnomalyError | SingularPointError):
        error.add_note(f"in the backward rule of {describe(node)}.{hint(node)}")


def pull_floats(
    node: Node,
    g: float,
    cotangents: dict[Node, Cotangent],
    bounded: bool,
    anomaly: bool = False,
    reach: Reach | None = None,
) -> None:
    """Multiply the cotangent of a node of floats by its local derivatives, and add the products to those of its
    parents. With ``reach``, not for an operand that was not selected, nor where a zero by construction gives NaN."""
    for p, d in zip(node.parents, node.saved):
        if p.__class__ is float or p is None or (bounded and p not in cotangents):
            continue
        share = g * d
        if reach is not None:
            note_infinite(reach, node, g, share)
        if share != share and reach is not None:
            if not reach.of(node) or (node.op.selects and d == 0.0):
                continue
            refuse_product(node, g, share, reach)
        if anomaly:
            check_finite(node.op, share, [g], *_BACKWARD, node)
        h = cotangents[p]
        cotangents[p] = share if h is None else h + share


def pull_operands(
    node: Node,
    g: Cotangent,
    cotangents: dict[Node, Cotangent],
    owned: dict[Node, bool],
    release: bool,
    bounded: bool,
    recorded: bool = False,
    anomaly: bool = False,
    reach: Reach | None = None,
) -> None:
    """Run the rules of one node, and add their results to the cotangents of its parents."""
    op = node.op
    saved = handles(node) if recorded else node.saved
    add_into = None if recorded or anomaly else op.add_into
    for i, (p, rule, args) in enumerate(zip(node.parents, repeat(op.vjps[0]) if op.variadic else op.vjps, saved)):
        if args is None or (bounded and p not in cotangents):  # below the floor, or behind a stop
            continue
        if add_into is not None and cotangents[p].__class__ is ndarray and isinstance(g, _PLAIN):
            add_into(own_buffer(p, cotangents, owned), g, *args)
            continue
        n = len(args)  # spelt out: f(g, *args) takes three times as long
        if reach is not None:
            d = apply_rule(reach, node, i, args, g, recorded)
            if d is None:
                continue
        elif g.__class__ is not ndarray and is_foreign(raw(g)):
            d = by_library(rule, (g, *args), {})
        else:
            d = rule(g, args[0]) if n == 1 else rule(g) if n == 0 else rule(g, *args)
        fresh = d is not g
        if d.__class__ is not ndarray or d.dtype is not p.dtype or d.shape != p.shape:
            d = fit(d, p)
        if anomaly:
            check_finite(op, raw(d), [raw(g)], *_BACKWARD, node)
        h = cotangents[p]
        if h is None:
            cotangents[p] = d
            if (p.op is None or add_into) and fresh and d.__class__ is ndarray and d.base is None:
                owned[p] = True
        elif p in owned and d.__class__ is ndarray:
            h += d
            cotangents[p] = h  # in a trace, another number
        else:
            cotangents[p] = d = h + d
            if d.__class__ is ndarray:
                owned[p] = True
            elif recorded:  # plain so far, and now a handle
                owned.pop(p, None)
            elif p.shape is not None:
                cotangents[p] = as_array(d)
    if release:
        node.saved = None


def own_buffer(p: Node, cotangents: dict[Node, Cotangent], owned: dict[Node, bool]) -> Any:
    """Return the cotangent of p in a buffer that the walk may write into: copied once, if another node may have the
    same array."""
    if p not in owned:
        cotangents[p] = cotangents[p].copy()
        owned[p] = True
    return cotangents[p]


def consumed(node: Node) -> GraphError:
    """Return the error for a graph whose saved values are gone."""
    return GraphError(
        f"this graph was already consumed by a backward pass: {describe(node)} has released the values it saved. "
        f"Compute the value again, or write backward(retain_graph=True) the first time.{hint(node)}"
    )
