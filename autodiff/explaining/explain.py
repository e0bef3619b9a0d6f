"""``explain``: choose the gradient, determine its state, and call the search for its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .. import Variable, plain
from ..drawing.draw import draw
from ..drawing.picture.style import THRESHOLDS
from ..drawing.picture.text import number
from ..drawing.reading.records import norm_of
from ..graph import Node
from ..other_arrays import numbers
from ..variable import wrap
from . import missing
from .explanations import Cause, Explanation
from .graph_pass import GraphPass
from .infinities import causes_of, forward_cause
from .sizes import huge_cause
from .zeros import zero_causes

HUGE = THRESHOLDS[-1]  # 2-norm, where pictures call a gradient exploding
BADNESS = ("nan", "infinite", "huge", "zero", "fine")
MORE = "For source lines and the values of every operation run the forward pass under ad.record()."


def explain(
    value: Any,
    wrt: Any = None,
    *,
    at: tuple[int, ...] | int | None = None,
    model: Any = None,
    names: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain why a gradient is None, zero, NaN, infinite or huge: go back to the first cause.

    value: a leaf (or an interior value) whose gradient is in question, after a backward pass under ``ad.record()``; or
    a loss, with ``wrt``: the leaf or interior value. A loss without ``wrt`` stands for the leaf whose gradient is
    worst. ``at``: the index of one element; otherwise NaN and infinity are looked for in any element, and a gradient
    is zero when all of it is. model, names: as in ``ad.draw``, to name parameters and values.

    Returns an ``Explanation``: ``.text`` (also its ``repr``), ``.state``, ``.cause`` with kind, op, place, operands,
    rule and remedy, and ``.draw()``, the picture of that neighbourhood. Source lines and the values of every operation
    are there when the forward pass ran under ``ad.record()``. No gradient is written; hooks run where the graph has
    not been consumed and a private backward pass is needed.

    Raises TypeError when ``value`` is a loss that is no value of a graph, IndexError for ``at`` outside the value,
    GraphError when the loss is not a single number; and the errors of ``backward()``, where no pass has run yet.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.0, 4.0])
    >>> why = ad.explain((np.sqrt(x) ** 2).sum(), wrt=x)
    >>> why.state, why.cause.kind, why.cause.op, why.cause.index
    ('nan', 'zero_times_infinity', 'sqrt', (0,))
    """
    if isinstance(value, Variable):
        numbers(plain(value), "explain", "loss.data")
    if wrt is None:
        return _of_value(value, at, model, names)
    if not isinstance(value, Variable):
        raise TypeError(
            f"explain(loss, wrt=x) needs a Scalar or Tensor as its loss; got {type(value).__name__}. "
            "Compute the loss with ad.tensor values, and not with their .data."
        )
    if not isinstance(wrt, Variable):
        return _none(wrt, missing.of_plain(wrt))
    if wrt.node is None:
        return _none(wrt, missing.of_constant(wrt))
    if value.node is None:
        cause = missing.end_of(wrt.node) or missing.of_constant(value)
        return _none(wrt, cause if cause.op else _of_the_loss(cause))
    return _in_graph(GraphPass(value, model, names), wrt, at)


def _of_value(value: Any, at: Any, model: Any, names: Any) -> Explanation:
    """Explain a value alone: from its own pass, which ``record()`` noted; or as a loss."""
    if not isinstance(value, Variable):
        return _none(value, missing.of_plain(value))
    node = value.node
    if node is None:
        return _none(value, missing.of_constant(value))
    root = node.notes.root() if node.notes is not None and node.notes.root is not None else None
    if root is not None and root.value is not None and root is not node and (node.op is None or node.grad is not None):
        return _in_graph(GraphPass(wrap(root.value, root), model, names), value, at)
    if node.op is not None and value.size == 1:
        return _worst(GraphPass(value, model, names), value, at)
    if node.op is not None:
        return _none(value, missing.of_interior(value)) if node.grad is None else _alone(value, at)
    return _none(value, missing.of_leaf_alone(value)) if node.grad is None else _alone(value, at)


def _in_graph(graph: GraphPass, wrt: Variable, at: Any) -> Explanation:
    """Explain the gradient of a value that a graph may lead to."""
    node: Node = wrt.node  # type: ignore[assignment]
    if node not in graph:
        return _none(wrt, missing.of_unreached(wrt, graph))
    if node is graph.root:
        return Explanation("fine", f"This {_kind(wrt)} is the loss itself: its gradient is 1.", [])
    graph.target = node
    found = wrt.grad if graph.consumed else graph.gradient(node)
    if found is None and graph.consumed and node.op is not None:
        return _none(wrt, missing.of_interior(wrt))
    gradient = np.zeros(wrt.shape) if found is None else np.asarray(plain(found))
    state, where, head = _state(wrt, gradient, at, graph)
    causes = _causes(graph, node, state, where)
    recorded = all([n.source is not None for n in graph.nodes if n.op is not None])
    note = "" if recorded or state == "fine" else MORE
    if graph.consumed and not causes and state != "fine":
        note = (
            "The graph was consumed by backward(), and the saved values are gone. Run the step under ad.record(), or "
            "explain(loss, wrt=x) before backward(), or backward(retain_graph=True)."
        )
    return Explanation(state, head, causes, note, _drawer(graph, wrt, causes))


def _causes(graph: GraphPass, node: Node, state: str, where: Any) -> list[Cause]:
    of_loss = _of_a_broken_loss(graph)
    if state == "fine":
        return of_loss
    if graph.consumed and any([n.op is not None and graph.gradient(n) is None for n in graph.leading_to(node)]):
        return []  # gradients in between were not kept
    if state == "zero":
        return [*zero_causes(graph, node, where), *of_loss]
    if state == "huge":
        cause = huge_cause(graph, node)
        return [*([cause] if cause is not None else []), *of_loss]
    return causes_of(graph, node, where, state)


def _of_a_broken_loss(graph: GraphPass) -> list[Cause]:
    """Return the cause of a loss that is NaN or infinite while the gradient in question is neither."""
    value = graph.value(graph.root)
    if value is None or np.isfinite(value).all():
        return []
    nan = bool(np.isnan(value).any())
    cause = forward_cause(graph, graph.root, "nan" if nan else "inf")
    return [replace(cause, rule=f"the loss itself is {'NaN' if nan else 'infinite'}: {cause.rule}")]


def _state(wrt: Variable, gradient: Any, at: Any, graph: GraphPass | None) -> tuple[str, Any, str]:
    """Return the state of a gradient, the elements in question (booleans), and the first line of the text."""
    chosen = np.zeros(gradient.shape, bool)
    if at is None:
        chosen[...] = True
        part = gradient
    else:
        try:
            chosen[at] = True
        except IndexError:
            raise IndexError(f"explain(at={at!r}): the gradient has shape {gradient.shape}.") from None
        part = gradient[chosen]
    name = ""
    if graph is not None and wrt.node is not None:
        name = graph.record(wrt.node).name
    what = f"The gradient of {name or 'this ' + _kind(wrt)}{f' of shape {wrt.shape}' if wrt.shape else ''}"
    what += f" at {at}" if at is not None else ""
    for state, test in (("nan", np.isnan), ("infinite", np.isinf)):
        n = int(test(part).sum())
        if n:
            word = "NaN" if state == "nan" else "infinite"
            some = f" in {n} of {part.size} elements" if part.size > 1 else ""
            return state, chosen & test(gradient), f"{what} is {word}{some}."
    if not part.size:
        return "fine", chosen, f"{what} is empty."
    if not part.any():
        return "zero", chosen, f"{what} is zero{' everywhere' if part.size > 1 else ''}."
    norm = norm_of(part)
    size = number(part.item()) if part.size == 1 and part.dtype.kind == "f" else f"2-norm {number(norm)}"
    if norm >= HUGE:
        return "huge", chosen, f"{what} is huge: {size}."
    return "fine", chosen, f"{what} is finite and not zero: {size}."


def _worst(graph: GraphPass, loss: Variable, at: Any) -> Explanation:
    """Explain the leaf of a loss whose gradient is worst."""
    leaves = [n for n in graph.nodes if n.op is None]
    found = []
    for n in leaves:
        g = graph.gradient(n)
        value = n.value if n.value is not None else np.zeros(n.shape or ())
        handle = wrap(value, n)
        state = _state(handle, np.zeros(handle.shape) if g is None else g, None, None)[0]
        found.append((BADNESS.index(state), n.serial, handle))
    return _in_graph(graph, min(found, key=lambda item: item[:2])[2], at)


def _alone(value: Variable, at: Any) -> Explanation:
    """Explain a gradient without its loss."""
    state, _, head = _state(value, np.asarray(plain(value.grad)), at, None)
    note = "" if state == "fine" else "Its loss is not known here: write ad.explain(loss, wrt=x), or run the whole "
    return Explanation(state, head, [], note and note + "step under ad.record() and keep the loss.")


def _none(x: Any, cause: Cause) -> Explanation:
    """Return the explanation for a value without a gradient."""
    return Explanation("none", f"This {_kind(x)} has no gradient.", [cause])


def _of_the_loss(cause: Cause) -> Cause:
    return Cause(cause.kind, f"the loss is a constant. {cause.rule[:1].upper()}{cause.rule[1:]}", cause.remedy)


def _kind(x: Any) -> str:
    return type(x).__name__


def _drawer(graph: GraphPass, wrt: Variable, causes: list[Cause]) -> Any:
    """Return the function that ``Explanation.draw`` calls; it keeps the graph alive as long as the explanation."""
    cause = causes[0].node if causes and causes[0].node is not None else wrt.node
    value = cause.value if cause.value is not None else np.zeros(cause.shape)  # type: ignore[union-attr]
    name = graph.record(cause).name or "cause"  # type: ignore[arg-type]

    node = wrt.node if wrt.node is not cause else None
    unnamed = {"this value": wrt} if node is not None and not graph.record(node).name else {}

    def show(radius: int, **options: Any) -> Any:
        names = {**unnamed, **options.pop("names", {}), name: wrap(value, cause)}
        return draw(graph.loss, focus=options.pop("focus", name), radius=radius, names=names, **options)

    return show
