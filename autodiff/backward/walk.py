"""The walk: reverse-mode differentiation over the graph, newest node first.

Collect the nodes that the root depends on, sort them by serial number (a topological order), and pull the cotangent
of each through its rules into its parents. Here, once: broadcasting is undone (``sum_to``), a rule's answer gets its
parent's kind, shape and dtype (``fit``), sums are made in buffers that only the walk holds, saved values are released
as they are consumed, and with ``create_graph`` the same rules run on handles and are recorded. Never here: the name of
an operation, or recursion.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Container, Iterable
from functools import cache
from itertools import chain, repeat, takewhile
from math import inf, isfinite
from operator import attrgetter, is_
from typing import Any

import numpy as np
from numpy import ones  # by name: kept from one trace to the next, it must be a plain array

from ..batching.handle import inside, open_frames
from ..errors import AnomalyError, GraphError, SingularPointError, StaleValueError, kind_of
from ..graph import FloatNode, Node, notes_of
from ..leaves import scalar
from ..modes import mode, state
from ..modes.diagnostics import check_finite, describe, fingerprint, hint
from ..other_arrays import as_array, is_foreign, numbers, ones_like_value, refusal, zeros
from ..variable import Scalar, Variable, wrap
from ..writes.write_marks import at_once, check_unwritten
from . import arrivals
from .reach import Reach, answer, has_nan, outer, refuse_convention, refuse_product

Cotangent = Any  # a float, an array, or a handle when the walk is recorded

_serial, _grad = attrgetter("serial"), attrgetter("grad")
_REFUSALS = (ValueError, TypeError, NotImplementedError, AttributeError)  # of another library
_BACKWARD = ("made in its backward rule", "a finite cotangent")


def collect(roots: Collection[Node], floor: float = 0, stop: Collection[Node] = ()) -> list[Node]:
    """Return every node that the roots depend on: operations, newest first, and then the leaves; not looked for behind
    ``stop``, nor below ``floor``."""
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


@np.errstate(all="ignore")
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
    """Cotangents of every leaf and every wanted node among ``nodes`` (all of them when wanted is None); None for the
    others, and where none arrived.

    nodes: from ``collect``. recorded: rules run on handles, so that the result can be differentiated again. release:
    forget saved values as they are consumed. bounded: some parents may be missing among ``nodes`` on purpose.
    foreign: nodes whose hooks an outer pass runs. inner: this pass is part of a rule, and its seed is a cotangent of
    the pass outside. Nothing is written into any node but ``saved``.

    A zero by construction contributes zero whatever it meets (``reach``). The pass does not look for it: where a NaN
    has arrived in the end, the part below the first row that selects runs again, carefully. For that, saved values
    are kept from that row on until the end; not where a NaN cannot come of it (``Op.risky``), as in a network of
    linear layers and relu. There a factor that is infinite itself (relu(x) * inf) gives 0 only in passes that release
    nothing: on floats, and with ``retain_graph``.
    """
    if open_frames():  # under vmap: rules see the values of all examples
        more: Any = dict(wanted=wanted, recorded=recorded, foreign=foreign, inner=inner)
        return inside((), pull, seeds, nodes, release, bounded, **more)
    check_unwritten(nodes)
    cotangents: dict[Node, Cotangent] = dict.fromkeys(nodes)
    cotangents.update(seeds)
    now, reach, first = state(), None, None
    masks = {node: outer.get() if inner else nonzero(seed) for node, seed in seeds.items()}
    cut = any([mask is not True for mask in masks.values()])
    other = next((a for a in map(raw, seeds.values()) if a.__class__ is not np.ndarray and is_foreign(a)), None)
    if other is not None:  # the rows' rules alone: to look for a NaN would compute the array
        bounded = True  # not the quick path, which checks less
        if now.anomaly or now.strict:
            numbers(other, "detect_anomaly() or strict()")
    elif now.anomaly or now.strict or (recorded and (cut or any([n.op is not None and n.op.selects for n in nodes]))):
        reach = Reach(masks, nodes)
    elif cut:
        first = nodes[0]
    modes = (release, bounded, wanted if wanted is None else frozenset(wanted), recorded)
    first, before = run(nodes, cotangents, masks, reach, first, foreign, *modes)
    if first is not None and has_nan(cotangents.values()):
        cotangents, reach = before, Reach(masks, nodes)
        done = {*foreign, first} if first.notes is not None else foreign
        run(nodes[nodes.index(first) :], cotangents, masks, reach, None, done, *modes)
    elif first is None and reach is None and not recorded and _needs_care(nodes, cotangents, release, wanted or ()):
        reach, cotangents = Reach(masks, nodes), dict.fromkeys(nodes) | seeds
        run(nodes, cotangents, masks, reach, None, foreign, *modes)
    if release and (first is not None or reach is not None):
        for node in nodes:
            if node.op is not None and node.static is not None:
                node.saved = None
    return cotangents


def _needs_care(nodes: list[Node], cotangents: dict[Node, Cotangent], release: bool, wanted: Collection[Node]) -> bool:
    """Return whether a NaN has arrived that a factor which is infinite itself may have made of a zero by construction,
    as in relu(x) * inf, and a careful pass can still be made: nothing was released, and no hook has run."""
    if not nodes or (release and nodes[0].shape is not None):
        return False
    leaves = takewhile(lambda n: n.op is None, reversed(nodes))
    if not has_nan([cotangents[n] for n in (*leaves, *wanted) if n in cotangents]):
        return False
    operations = [n for n in nodes if n.op is not None]
    return any([n.op.selects for n in operations]) and not any(
        [n.saved is None or (n.notes is not None and bool(n.notes.hooks)) for n in operations]
    )


def run(
    nodes: list[Node],
    cotangents: dict[Node, Cotangent],
    masks: dict[Node, Any],
    reach: Reach | None,
    first: Node | None,
    foreign: Collection[Node],
    release: bool,
    bounded: bool,
    wanted: Collection[Node] | None,
    recorded: bool,
) -> tuple[Node | None, dict[Node, Cotangent]]:
    """Pull through every node; with ``reach``, carefully. Returns where it must run again if a NaN has arrived: the
    first node that selects, and the cotangents when it was met.
    """
    owned: dict[Node, bool] = {}  # nodes whose cotangent is in a buffer made here, with no other reference
    anomaly, ndarray, keep_all = state().anomaly, np.ndarray, wanted is None
    careful = recorded or reach is not None
    checked, forget = careful or bounded, release and first is None and reach is None
    checked = checked or state().trace is not None  # the quick path writes into memory of its own
    made: dict[Node, bool] = {}  # as owned, but the cotangent stands in ``before`` as well
    before = dict(cotangents) if first is not None else {}
    watch = True  # until the first row that selects, and after it if a NaN can come of what it leaves out
    node: Any = None
    try:
        for node in nodes:
            g = cotangents[node]
            if g is None:
                continue
            if node.__class__ is FloatNode and node.notes is None and not careful:  # ``pull_floats``, written out
                if not g:
                    d = node.da + node.db
                    if d - d == 0.0:  # finite, so that every share is 0
                        continue
                    reach, careful, checked, forget = Reach(masks, nodes), True, True, False
                    pull_floats(node, g, cotangents, bounded, anomaly, reach)
                elif not (wanted and node in wanted):
                    p = node.a
                    if p.__class__ is not float and (not bounded or p in cotangents):
                        h = cotangents[p]
                        d = g * node.da
                        cotangents[p] = d if h is None else h + d
                    p = node.b
                    if p is not None and p.__class__ is not float and (not bounded or p in cotangents):
                        h = cotangents[p]
                        d = g * node.db
                        cotangents[p] = d if h is None else h + d
                continue
            keep, op = keep_all, node.op
            if node.notes is not None and node not in foreign:
                if reach is None and node.static is None and not isfinite(sum(node.saved)):
                    reach, careful, checked, forget = Reach(masks, nodes), True, True, False
                if reach is not None:
                    refuse_convention(node, reach.of(node))
                elif first is not None and node.notes.hooks and has_nan(cotangents.values()):
                    break  # the gradient given to a hook must be right, for the hook runs once
                hooked = bool(node.notes.hooks)
                g, keep = run_hooks(node, g, keep_all)
                cotangents[node] = g
                owned.pop(node, None)
                made.pop(node, None)
                if hooked and first is not None and reach is None:
                    first, before, made, owned = node, dict(cotangents), made | owned, {}
            elif node.notes is not None:
                keep = keep or node.notes.keep_grad
            if op is None:
                own = node in owned or node in made or recorded
                if not own and (g.__class__ is ndarray or is_foreign(g)):
                    cotangents[node] = g.copy()  # leaves get writable arrays of their own
                continue
            if wanted and node in wanted:
                continue
            if node.static is None and not recorded:  # is_float_operation, without a call
                if reach is None and not g:
                    if isfinite(sum(node.saved)):
                        continue  # every share is 0
                    reach, careful, checked, forget = Reach(masks, nodes), True, True, False
                pull_floats(node, g, cotangents, bounded, anomaly, reach)
                continue
            if not keep:
                cotangents[node] = None
            if node.saved is None:
                raise consumed(node)
            quick = op.pull  # the same as pull_operands, written out for this row
            if quick is None or checked:
                if watch and op.selects and first is None and reach is None:
                    watch = any([n.op is not None and n.op.risky for n in nodes])
                    if watch:
                        first, before, forget = node, {**cotangents, node: g}, False
                        made, owned = owned, {}
                quick = op.pull_selected
                if quick is None or checked:
                    pull_operands(node, g, cotangents, owned, forget, bounded, recorded, anomaly, reach)
                    continue
            quick(node, g, cotangents, owned, forget)
    except Exception as error:
        if g is not None and is_foreign(raw(g)) and isinstance(error, _REFUSALS):
            raise refusal(f"the derivative of {describe(node)}", raw(g), error) from error
        if not isinstance(error, GraphError | AnomalyError | SingularPointError):
            error.add_note(f"in the backward rule of {describe(node)}.{hint(node)}")
        raise
    return first, before


def pull_floats(
    node: Node, g: float, cotangents: dict[Node, Cotangent], bounded: bool, anomaly: bool, reach: Reach | None
) -> None:
    """Multiply the cotangent of a node of floats by its local derivatives, and add that to those of its parents. With
    ``reach``, nothing goes to an operand that was not selected, nor where a NaN comes of a zero by construction."""
    for p, d in zip(node.parents, node.saved):
        if p.__class__ is float or p is None or (bounded and p not in cotangents):
            continue
        share = g * d
        if share != share and reach is not None:
            if not reach.of(node) or (node.op.selects and d == 0.0):
                continue
            refuse_product(node, g, share)
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
    recorded: bool,
    anomaly: bool,
    reach: Reach | None = None,
) -> None:
    """Run the rules of one node, and add what they return to the cotangents of its parents."""
    op = node.op
    saved = handles(node) if recorded else node.saved
    add_into = None if recorded or anomaly else op.add_into
    for i, (p, rule, args) in enumerate(zip(node.parents, repeat(op.vjps[0]) if op.variadic else op.vjps, saved)):
        if args is None or (bounded and p not in cotangents):  # below the floor, or behind a stop
            continue
        if add_into is not None and cotangents[p].__class__ is np.ndarray and g.__class__ is np.ndarray:
            add_into(own_buffer(p, cotangents, owned), g, *args)
            continue
        n = len(args)  # spelt out: f(g, *args) takes three times as long
        if reach is not None:
            d = answer(reach, node, i, args, g, recorded)
            if d is None:
                continue
        else:
            d = rule(g, args[0]) if n == 1 else rule(g) if n == 0 else rule(g, *args)
        fresh = d is not g
        if g.__class__ is not np.ndarray and d.__class__ is np.ndarray and is_foreign(g):
            raise refusal(f"the derivative of {op.name}", g, f"it gave {kind_of(d)}, a silent copy into NumPy")
        if d.__class__ is not np.ndarray or d.dtype is not p.dtype or d.shape != p.shape:
            d = fit(d, p)
        if anomaly:
            check_finite(op, raw(d), [raw(g)], *_BACKWARD, node)
        h = cotangents[p]
        if h is None:
            cotangents[p] = d
            if (p.op is None or add_into) and fresh and d.__class__ is np.ndarray and d.base is None:
                owned[p] = True
        elif p in owned and d.__class__ is np.ndarray:
            h += d
        else:
            cotangents[p] = d = h + d
            if d.__class__ is np.ndarray:
                owned[p] = True
            elif recorded:  # plain so far, and now a handle
                owned.pop(p, None)
            elif p.shape is not None:
                cotangents[p] = as_array(d)
    if release:
        node.saved = None


def own_buffer(p: Node, cotangents: dict[Node, Cotangent], owned: dict[Node, bool]) -> Any:
    """The cotangent of p in a buffer that the walk may write into: copied once, if another node may hold it too."""
    if p not in owned:
        cotangents[p] = cotangents[p].copy()
        owned[p] = True
    return cotangents[p]


def handles(node: Node) -> list[tuple[Any, ...] | None]:
    """Return the values that the rules of a node read, each value of the graph as its handle again."""
    op = node.op
    out: list[tuple[Any, ...] | None] = []
    if node.is_float_operation:  # operands are known by their nodes; constants stand among the parents
        operands = [p.value if isinstance(p, Node) else p for p in node.parents]
        saved: Any = [
            op.save[0 if op.variadic else i](node.value, operands, op.defaults, i) if isinstance(p, Node) else None
            for i, p in enumerate(node.parents)
        ]
    else:
        saved = node.saved
    for i, args in enumerate(saved):
        if args is None:
            out.append(None)
            continue
        named = []
        for name, value in zip(op.names(i), args):
            if name == "y":
                value = wrap(value, node)
            elif name == "kept":
                value = None  # no derivative would be taken past it
            elif name in op.inputs and not op.variadic:
                p = node.parents[op.inputs.index(name)]
                value = _handle(value, p)
            elif name in op.inputs:
                value = tuple([_handle(v, p) for v, p in zip(value, node.parents, strict=True)])
            named.append(value)
        out.append(tuple(named))
    return out


def _handle(value: Any, p: Any) -> Any:
    """Return an operand as a handle over its node; a Scalar that the rules saw as a 0-d array is a Scalar again."""
    if not isinstance(p, Node):
        return value
    return wrap(value if p.shape is not None else float(value), p)


def consumed(node: Node) -> GraphError:
    """Return the error for a graph whose saved values are gone."""
    return GraphError(
        f"this graph was already consumed by a backward pass: {describe(node)} has released the values it saved. "
        f"Compute the value again, or write backward(retain_graph=True) the first time.{hint(node)}"
    )


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
    nodes = collect([start])
    watchers = arrivals.come_early(nodes) if arrivals.watched else {}
    try:
        for watcher, positions in watchers.items():
            watcher.begin(sorted(positions), create_graph)
        if create_graph:
            seed = seed if isinstance(seed, Variable) else wrap(seed, None)
            with mode(floor=0):
                cotangents = pull({start: seed}, nodes, recorded=True, wanted=None)
        else:
            release, bounded = not retain_graph, False
            cotangents = pull({start: raw(seed)}, nodes, release, bounded)
        for watcher in watchers:
            for leaf, g in watcher.finish():
                cotangents[leaf.node] = conjugate(g)  # type: ignore[index]
    except BaseException as error:
        for watcher in watchers:
            watcher.fail(error)
        raise
    recorded = start.notes is not None and start.notes.source is not None  # made under record()
    added = {node for node in cotangents if node.op is None and node.grad is not None} if recorded else ()
    deliver(cotangents)
    if recorded:
        note_root(cotangents, start, added)


def note_root(nodes: Iterable[Node], root: Node, added: Container[Node]) -> None:
    """Note where the gradients of these nodes came from, without keeping it alive: ``explain(x)`` needs no loss.
    added: the leaves that had a gradient already."""
    found = weakref.ref(root)
    for node in nodes:
        if node.op is None or node.notes is not None:
            notes = notes_of(node)
            notes.root, notes.added = found, node in added


def deliver(cotangents: dict[Node, Cotangent]) -> None:
    """Write gradients into nodes: sums into leaves, the last value into Scalars and where it is kept on request.

    All at once: the sums are worked out first, and then set by one call of C code, which no signal interrupts. When
    another thread has added to one of the leaves meanwhile, they are worked out again."""
    done: list[int] = []
    while not done:
        leaves: list[Node] = []
        before: list[Any] = []  # kept until all are set: freeing an object on the way could run code
        nodes, gradients = _sums(cotangents, leaves, before)
        unchanged = map(is_, map(_grad, leaves), before)
        steps = chain(map(setattr, nodes, repeat("grad"), gradients), map(done.append, (1,)))
        at_once(chain.from_iterable(map(((), steps).__getitem__, map(all, (unchanged,)))))


def _sums(
    cotangents: dict[Node, Cotangent], leaves: list[Node], before: list[Any]
) -> tuple[list[Node], list[Cotangent]]:
    """The nodes that get a gradient, and the gradients; the leaves, and what they have now, are put into two lists."""
    nodes: list[Node] = []
    gradients: list[Cotangent] = []
    for node, g in cotangents.items():
        if node.__class__ is FloatNode:
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
        elif node.static is None:  # is_float_operation, without a call
            g = 0.0 if g is None else raw(g)
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
    start: Node = root.node  # type: ignore[assignment]
    found = pull({start: seed}, collect([start]), wanted=None)
    return {node: None if g is None else conjugate(g) for node, g in found.items()}


# ---- cotangents: the start of a pass, and a rule's answer in its parent's kind, shape and dtype
def raw(x: Any) -> Any:
    """Return the bare value of a cotangent."""
    return x._data if isinstance(x, Variable) else x


def nonzero(seed: Any) -> Any:
    """Where a cotangent is not zero: True everywhere, or booleans. Zeros of the start contribute nothing."""
    value = raw(seed)
    if value.__class__ is not np.ndarray and is_foreign(value):
        return True  # to look would compute it
    if value.__class__ is float or not value.shape:
        return bool(value != 0.0)
    mask = np.not_equal(value, 0)
    return True if mask.all() else mask


@cache
def _one(dtype: Any) -> Any:
    """Return the number 1 that most passes start from: 0-d, and read-only, since all share it."""
    one = ones((), dtype)
    one.flags.writeable = False
    return one


def seed_for(root: Variable, gradient: Any) -> Cotangent:
    """Return the cotangent a backward pass starts from: 1 for a single number, else the caller's array."""
    node = root.node
    if node is None:
        raise GraphError(
            f"nothing here requires a gradient: this {type(root).__name__} of shape {root.shape} is a constant. "
            "Wrap what you differentiate with ad.tensor(x) or ad.scalar(x), outside ad.no_grad(). Comparisons "
            "and indices are plain values: nothing flows through them; ad.grad(f)(x) gives their zeros."
        )
    if gradient is None:
        if root.size != 1:
            raise GraphError(
                f"backward() needs a single number to start from; this Tensor has shape {root.shape}. "
                "Write .sum().backward(), or backward(gradient) with an array of that shape."
            )
        if node.dtype.kind == "c":
            raise GraphError(
                "backward() needs a real number to start from; this Tensor is complex. Write np.abs(x), np.real(x) or "
                "backward(gradient) with a complex gradient."
            )
        if node.shape == () and state().trace is None and root._data.__class__ is np.ndarray:
            return _one(node.dtype)
        return 1.0 if node.shape is None else ones_like_value(node.shape, node.dtype, root._data)
    if np.shape(raw(gradient)) != root.shape:
        raise GraphError(f"gradient must have the shape of the value, {root.shape}; got {kind_of(gradient)}.")
    return conjugate(fit(gradient if isinstance(gradient, Variable) else as_array(gradient), node))


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum over the axes that were added or stretched. g: array or Tensor."""
    have = g.shape
    if have == shape:
        return g
    lead = len(have) - len(shape)
    if lead < 0:  # x[0] = v drops leading axes of length 1 from v
        g = np.reshape(g, (1,) * -lead + have)
        return g if np.shape(g) == shape else sum_to(g, shape)
    if lead and shape and have[lead:] == shape:  # a bias, most often: one call, and no copy
        axes = tuple(range(lead)) if lead > 1 else 0
        return np.add.reduce(g, axis=axes) if g.__class__ is np.ndarray else np.sum(g, axis=axes)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 != have[lead + i])
    if axes:
        g = np.sum(g, axis=axes, keepdims=True)
        return np.reshape(g, shape) if lead else np.broadcast_to(g, shape) if np.shape(g) != shape else g
    return np.broadcast_to(g, shape)


def fit(d: Cotangent, parent: Node) -> Cotangent:
    """Return a rule's answer in its parent's kind, shape and dtype."""
    if parent.shape and d.__class__ is np.ndarray and d.dtype is parent.dtype and d.shape[1:] == parent.shape:
        return np.add.reduce(d, 0)  # the bias of a layer, most often: without the checks below
    if d.__class__ is not np.ndarray and isinstance(d, Variable):
        if parent.shape is None:
            if isinstance(d, Scalar):
                return d
            d = np.real(d) if d.dtype.kind == "c" else d  # a number beside complex operands
            return scalar(d if d.ndim == 0 else np.sum(d))
        if isinstance(d, Scalar) or d.shape != parent.shape:
            d = np.broadcast_to(d, parent.shape) if np.ndim(d) == 0 else sum_to(d, parent.shape)
        if d.dtype.kind == "c" and parent.dtype.kind != "c":
            d = np.real(d)
        return d if d.dtype == parent.dtype else np.astype(d, parent.dtype)
    if parent.shape is None:
        return float(np.real(d if np.ndim(d) == 0 else np.sum(d)))
    if d.__class__ is not np.ndarray and not hasattr(d, "__array_function__"):
        d = np.asarray(d)
    if d.shape != parent.shape:
        d = sum_to(d, parent.shape)
    if d.dtype is not parent.dtype and d.dtype != parent.dtype:
        if d.dtype.kind == "c" and parent.dtype.kind != "c":
            d = d.real  # a real operand of a complex operation
        d = d.astype(parent.dtype)
    return d


def conjugate(g: Cotangent) -> Cotangent:
    """Return a gradient as a cotangent, or the other way: rules are plain transposes, so that a cotangent g means
    dL = Re(g dz), while the gradient of a user is dL/dRe(z) + i dL/dIm(z), its conjugate."""
    if g.__class__ is float or g.__class__ is Scalar or g.dtype.kind != "c":
        return g
    return np.conjugate(g) if isinstance(g, Variable) else as_array(np.conjugate(g))


def run_hooks(node: Node, g: Cotangent, keep: bool) -> tuple[Cotangent, bool]:
    """Check the fingerprints of a node that has notes, run its hooks, and return (gradient, whether to keep it)."""
    notes = notes_of(node)
    for a, printed in notes.prints or ():
        if fingerprint(a) != printed:
            raise StaleValueError(
                f"an array of shape {a.shape} that {describe(node)} had saved was changed since. "
                f"Pass a copy, or run backward() before the change.{hint(node)}"
            )
    for hook in list(notes.hooks):
        if g.__class__ is np.ndarray:
            g = g.view()
            g.flags.writeable = False  # other nodes may have the same array: x + y gives one to both
        out = hook(conjugate(g))
        if out is not None:
            if np.shape(raw(out)) != (node.shape or ()):
                raise ValueError(
                    f"a hook on {describe(node)} returned {kind_of(out)}; the gradient has shape {node.shape or ()}."
                )
            g = conjugate(fit(out, node))
    return g, keep or notes.keep_grad
