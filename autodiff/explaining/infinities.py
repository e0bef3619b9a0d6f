"""Why a gradient is NaN or infinite: the first operation, in the order of the backward pass, that makes one of finite
numbers; and where its own operands are not finite, the first operation, in the order of the forward pass, that made
them so. Causes and remedies of the forward pass are the same as in pictures (``focus="nan"``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..drawing.levels.first_nan import cause_of
from ..drawing.levels.parts.problem_notes import FirstProblem
from ..drawing.levels.parts.remedies import ANY, guarded, instead_of, remedy_of
from ..graph import Node
from ..modes.diagnostics import name_of, op_text, ordinal, written
from .explanations import Cause, cause_at, derivative_of, first_index
from .graph_pass import GraphPass, Use
from .zeros import MOST, elements_above, value_text, zero_causes

Bad = Callable[[Any], Any]
_SMALLER = ("float64 (dtype=np.float64), or smaller operands", "smaller operands: scale the data or the loss")
MORE = "the forward pass under ad.record(), and explain again"
DATA = "clean data: rows with np.isnan(x) out, or np.nan_to_num(x); find them with np.argwhere(~np.isfinite(x))"


def first_use(graph: GraphPass, target: Node, bad: Bad, where: Any = True) -> tuple[Use | None, Any]:
    """Return the first of ``uses_at_fault``; (None, node) where two good paths have a bad sum."""
    return next(uses_at_fault(graph, target, bad, where), (None, None))


def uses_at_fault(graph: GraphPass, target: Node, bad: Bad, where: Any = True) -> Iterator[tuple[Use | None, Any]]:
    """Yield the operations on the way to ``target`` that send a bad gradient while a good one arrived, with the
    position of the operand; and the bad elements. After them (None, node) where two good paths have a bad sum. bad: the
    test, such as ``np.isnan``. ``where``: the elements of the target in question."""
    matters = elements_that_matter(graph, target, where)
    for node in graph.nodes:
        if node.op is None or node not in matters:
            continue
        g = graph.gradient(node)
        if g is None or (bad(g) & matters[node]).any():
            continue
        for i, p in enumerate(node.parents):
            if not isinstance(p, Node) or p not in matters:
                continue
            arrived, sent = graph.gradient(p), graph.sent(node, i)
            if sent is None or (arrived is None and p is not target):
                continue
            # an element that the pass left out, as a zero by construction, has arrived without NaN
            spoilt = bad(sent) & matters[p] if p is target else bad(sent) & matters[p] & bad(arrived)
            if spoilt.any():
                yield (node, i), spoilt
    for node in graph.nodes:
        g = graph.gradient(node)
        if node in matters and g is not None and (bad(g) & matters[node]).any():
            yield None, node


def elements_that_matter(graph: GraphPass, target: Node, where: Any) -> dict[Node, Any]:
    """Return, for every node that depends on ``target``, which of its elements depend on the elements ``where``; True
    for all, also where that cannot be determined."""
    leading = graph.leading_to(target)
    if where is True or np.all(where):
        return dict.fromkeys(leading, True)
    matters: dict[Node, Any] = {target: where}
    for node in reversed(graph.nodes):  # oldest first
        if node not in leading or node is target:
            continue
        for i, p in enumerate(node.parents):
            if isinstance(p, Node) and p in matters and matters.get(node) is not True:
                below = matters[p]
                above = None if below is True else elements_above(graph, (node, i), below)
                matters[node] = True if above is None else above | matters.get(node, False)
    return matters


def causes_of(graph: GraphPass, target: Node, where: Any, state: str) -> list[Cause]:
    """Return the independent causes of a NaN or an infinity in these elements of the gradient of a node, one for each
    operation, in the order of the backward pass. state: "nan" or "infinite"."""
    bad, cause_at_use = (np.isnan, nan_cause_at) if state == "nan" else (np.isinf, infinite_cause_at)
    found: dict[Any, Cause] = {}
    for use, spoilt in uses_at_fault(graph, target, bad, where):
        if use is None or len(found) == MOST:
            break
        cause = cause_at_use(graph, use, spoilt)
        found.setdefault(written(cause.node)[0] if cause.node is not None else None, cause)
    if not found:
        node = first_use(graph, target, bad, where)[1]
        return [left_over(graph, node if node is not None else target, target)]
    return list(found.values())


def nan_cause_at(graph: GraphPass, use: Use, spoilt: Any) -> Cause:
    """Return why an operation sends a NaN."""
    node, i = use
    values = [*graph.operands(node), graph.value(node)]
    if any([holds(v, np.isnan, spoilt) for v in values]):
        return forward_cause(graph, node, "nan")
    g = graph.gradient(node)
    if not np.isfinite(g).all():
        source, where = first_use(graph, node, np.isinf)
        if source is not None:
            cause = infinite_cause_at(graph, source, where)
            rule = (
                f"{cause.rule} Then {op_text(node)} multiplies this infinity by 0, or takes it from another: 0 x inf "
                "and inf - inf are NaN."
            )
            return replace(cause, kind="zero_times_infinity", rule=rule)
    index = first_index(spoilt)
    slope = graph.sent(node, i, np.ones(node.shape or ()))
    arrived = g[spoilt] if g.shape == spoilt.shape else g
    if slope is not None and np.isnan(slope[spoilt]).any() and node.op.elementwise:
        x = graph.operand(node, i)
        return cause_at(
            graph,
            node,
            "undefined",
            f"{no_derivative(graph, node, value_text(x, index))}.",
            remedy(graph, node),
            index,
        )
    if any([holds(v, np.isinf, spoilt) for v in values[:-1]]) and arrived.any():
        return forward_cause(graph, node, "inf")
    if not arrived.all():
        return zero_times_infinity(graph, use, spoilt)
    return cause_at(
        graph,
        node,
        "undefined",
        f"{no_derivative(graph, node, ' here')}: the first one is a convention, or its formula is 0/0.",
        remedy(graph, node),
        index,
    )


def zero_times_infinity(graph: GraphPass, use: Use, spoilt: Any) -> Cause:
    """Return the cause of a NaN where a computed zero meets an infinite derivative, with the origin of the zero."""
    node, i = use
    index = first_index(spoilt)
    rule = (
        f"0 x inf in {op_text(node)}: its derivative{value_text(graph.operand(node, i), index)} is infinite, and the "
        "gradient that arrives there is a computed 0."
    )
    mask = spoilt if spoilt.shape == (node.shape or ()) else np.ones(node.shape or (), bool)
    zeros = zero_causes(graph, node, mask)
    if zeros:
        first = zeros[0]
        at = f" at {first.place.rpartition('/')[2]}" if first.place else ""
        rule += f" The 0 comes from {first.op}{at}."
    return cause_at(graph, node, "zero_times_infinity", rule, remedy(graph, node), index)


def infinite_cause_at(graph: GraphPass, use: Use, spoilt: Any) -> Cause:
    """Return why an operation sends an infinity."""
    node, i = use
    operands, index = graph.operands(node), first_index(spoilt)
    if any([holds(v, np.isinf, spoilt) for v in operands]):
        return forward_cause(graph, node, "inf")
    slope = graph.sent(node, i, np.ones(node.shape or ()))
    if grows(graph, use, index) or (slope is not None and not np.isinf(slope[spoilt]).any()):
        return cause_at(
            graph,
            node,
            "overflow",
            f"the gradient times {derivative_of(node)} is larger than {node.dtype} can hold.",
            remedy_of(graph.snapshot, graph.record(node), "inf") or _SMALLER[node.dtype == np.float64],
            index,
        )
    return cause_at(
        graph,
        node,
        "infinite_derivative",
        f"{derivative_of(node)}{pole_text(graph, use, index)} is infinite.",
        remedy(graph, node),
        index,
    )


def grows(graph: GraphPass, use: Use, index: Any) -> bool:
    """Return whether an operation is infinite here because its result is too large, and not because of a pole."""
    node = use[0]
    j = node.op.shown.pole or 0
    x = graph.operand(node, j)
    if x is None or not node.op.shown.grows:
        return False
    x = x[index] if index is not None and len(index) == x.ndim else x
    return bool(np.all(np.abs(x) > (0 if j else 1)))


def no_derivative(graph: GraphPass, node: Node, at: str) -> str:
    """Return a clause: an operation has no derivative there; or, for one in a rule, the user's operation has no further
    one. at: the place, of the operand of ``node``; in a rule the convention of the user's operation gives it."""
    site, order = written(node)
    if not order:
        return f"{name_of(site.op)} has no derivative{at}"
    given = site.op.convention
    where = f" where {given.at}: {given.gives} is its first one by convention" if given is not None else ""
    return f"{name_of(site.op)} has no {ordinal(order + 1)}derivative{where}"


def pole_text(graph: GraphPass, use: Use, index: Any) -> str:
    """Return where the derivative of an operation is infinite."""
    node, i = use
    site, order = written(node)
    if order:  # the operand of a rule means little to a user
        x = graph.operand(site, 0) if site in graph and len(site.parents) == 1 else None
        return value_text(x, index) if x is not None and np.shape(x) == (node.shape or ()) else ""
    pole = node.op.shown.pole
    x = graph.operand(node, i if pole is None else pole)
    if x is None:
        return ""
    return f" at {'' if pole is None else 'a divisor of '}{value_text(x, index)[4:]}"


def holds(value: Any, test: Bad, spoilt: Any) -> bool:
    """Return whether a value that was kept is not finite in the elements where something became so."""
    return value is not None and bool(np.any(test(value[spoilt] if value.shape == spoilt.shape else value)))


def forward_cause(graph: GraphPass, node: Node, kind: str) -> Cause:
    """Return the first value with a NaN (or an infinity) among all that a node was computed from."""
    test = np.isnan if kind == "nan" else np.isinf
    for before in graph.before(node):
        given = graph.operands(before) if before.op is not None else []
        for k, v in enumerate(given):
            if v is not None and test(v).any() and not isinstance(before.parents[k], Node):
                name = before.op.inputs[k] if not before.op.variadic else "an operand"
                rule = f"the constant {name} of {op_text(before)} has {count(test(v), kind)}: the data is not finite."
                return cause_at(graph, before, f"{kind}_in_data", rule, DATA, first_index(test(v)))
        value = graph.made_again(before)
        if value is None or not test(value).any():
            continue
        index = first_index(test(value))
        record = graph.record(before)
        if before.op is None:
            rule = f"the value itself has {count(test(value), kind)}: the data is not finite."
            return cause_at(graph, before, f"{kind}_in_data", rule, DATA, index)
        origin = FirstProblem(record.index, kind)
        operands = [graph.snapshot.values[p] for p in dict.fromkeys(record.parents)]
        text = cause_of(record, operands, origin, "en")
        made = f"{kind}_made"
        infinite = [v for v in given if v is not None and np.isinf(v).any()]
        if kind == "nan" and text.startswith("0 ×"):
            made = "zero_times_infinity"
        elif kind == "nan" and text.startswith("∞ −"):
            made = "inf_minus_inf"
        elif kind == "nan" and not infinite:
            made = "outside_domain"
        elif kind == "inf" and "can hold" in text:
            made = "overflow"
        if written(before)[1]:
            text, instead = f"in {op_text(before)}: {text}", remedy(graph, before)
        else:
            instead = remedy_of(graph.snapshot, record, kind)
        if made == "overflow":
            instead = instead or _SMALLER[before.dtype == np.float64]
        return cause_at(graph, before, made, f"{text}.", instead, index)
    return cause_at(
        graph, node, f"{kind}_made", f"a value before {op_text(node)} is not finite, and was not kept.", "", None
    )


def left_over(graph: GraphPass, node: Node, target: Node) -> Cause:
    """Return the cause where no operation of this pass makes the value: an earlier pass, or opposite infinities."""
    if node is target and target.op is None and graph.consumed:
        return Cause(
            "accumulated",
            "this pass sends no such value: an earlier backward() left it, and gradients add up.",
            "optimizer.zero_grad(), or x.grad = None, before each backward().",
        )
    source, where = first_use(graph, node, np.isinf)
    if source is None:
        return cause_at(graph, node, "unknown", "the values that the rules read were not kept.", MORE)
    first = infinite_cause_at(graph, source, where)
    rule = f"inf - inf: two paths send infinities of opposite sign, whose sum is NaN. The first one: {first.rule}"
    return replace(first, kind="inf_minus_inf", rule=rule)


def remedy(graph: GraphPass, node: Node) -> str:
    """Return the form to write in place of an operation whose derivative is singular."""
    site = written(node)[0]
    if site in graph:
        return remedy_of(graph.snapshot, graph.record(site), "gradient") or ANY
    return guarded(site.op) or instead_of(site.op) or ANY


def count(mask: Any, kind: str) -> str:
    """Return ``2 NaNs among 10 elements``."""
    n, one = int(np.sum(mask)), "NaN" if kind == "nan" else "infinity"
    if np.size(mask) == 1:
        return f"the value {one}"
    return f"{n} {one if n == 1 else 'NaNs' if kind == 'nan' else 'infinities'} among {np.size(mask)} elements"
