"""Why a gradient is zero: from the value up to the operations that send nothing back to it.

At each operation that reads the value, either nothing arrived (then the cause lies further up, among its own readers),
or something arrived and its rule made zeros of it. Elements are followed as far as their dependence can be determined.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..drawing.levels.parts.remedies import instead_of
from ..graph import Node
from ..modes.diagnostics import name_of, op_text, written
from .explanations import Cause, cause_at, derivative_of, first_index, operand_of
from .graph_pass import GraphPass, Use

MOST = 5  # causes that are listed


def zero_causes(graph: GraphPass, target: Node, mask: Any) -> list[Cause]:
    """Return where the gradient of the elements ``mask`` (booleans) of a node became zero, newest operation first."""
    found: dict[Node, Cause] = {}
    seen: set[Node] = {target}
    todo: list[tuple[Node, Any]] = [(target, mask)]
    while todo and len(found) < MOST:
        node, mask = todo.pop()
        for user, i in graph.uses(node):
            if user in seen:
                continue
            g = graph.gradient(user)
            above, here = None, mask
            if g is None or not g.any():
                above = np.ones(user.shape or (), bool)
            elif user.op.elementwise and mask.shape == user.shape:  # element by element: above, here, or some of each
                above, here = mask & (g == 0), mask & (g != 0)
                above = above if above.any() else None
            else:
                above = elements_above(graph, (user, i), mask)
                if above is not None and (g[above] != 0).any():
                    above = None
            if above is not None:
                seen.add(user)
                todo.append((user, above))
            if (above is None or here is not mask) and here.any() and user not in found:
                found[user] = cause_of_zero(graph, (user, i), here)
    return sorted(found.values(), key=lambda cause: -cause.node.serial)  # type: ignore[union-attr]


def elements_above(graph: GraphPass, use: Use, mask: Any) -> Any:
    """Return which elements of an operation's value depend on these elements of its operand; None where that cannot be
    determined, or where none does."""
    node, i = use
    op, shape = node.op, node.shape or ()
    if op.elementwise or np.all(mask):
        try:
            above = np.broadcast_to(mask, shape) if op.elementwise else None
        except ValueError:
            return None
    elif op.variadic or node.static is None:
        return None
    elif op.linear and not op.selects:
        above = np.asarray(op.fn(mask.astype(float), **node.static)) != 0
    elif op.product:
        ones = [np.ones(np.shape(v)) if v is not None else None for v in graph.operands(node)]
        if any([v is None for v in ones[:2]]):
            return None
        above = np.asarray(op.fn(*ones[:i], mask.astype(float), *ones[i + 1 :], **node.static)) != 0
    else:
        return None
    return above if above is not None and above.any() else None


def cause_of_zero(graph: GraphPass, use: Use, mask: Any) -> Cause:
    """Return why an operation to which a gradient arrived sends zeros to these elements of an operand."""
    zero = Zero(graph, use, mask)
    found = next((cause for find in IN_ORDER if (cause := find(zero)) is not None), None)
    if found is None:
        name, at = zero.name, value_text(zero.x, zero.index)
        tiny = zero.op.elementwise and at not in ("", " at 0", " at -0")
        rule = f"the derivative of {name} is 0{at}{f', or smaller than {zero.node.dtype} can hold' if tiny else ''}."
        found = "stationary", rule, "another point to start from: here the gradient gives no direction."
    return cause_at(graph, zero.node, *found, zero.index)


class Zero:
    """Elements (``mask``) of an operand to which an operation sends zeros, and the facts that the causes below need."""

    def __init__(self, graph: GraphPass, use: Use, mask: Any) -> None:
        self.graph, self.use, self.mask = graph, use, mask
        self.node, self.i = use
        self.op, self.name = self.node.op, op_text(self.node)
        self.x = graph.operand(*use)
        self.sent = graph.sent(*use)
        self.index = first_index(mask)
        self.n = int(mask.sum())
        self.count = f"{self.n} of {mask.size} elements" if mask.size > 1 else "the value"

    @property
    def compares(self) -> bool:
        """Whether the values of the operands decide which elements pass a gradient on."""
        return self.op.selects and self.op.kink is not None

    @property
    def one_operand(self) -> bool:
        return self.op.elementwise and len(self.op.inputs) == 1


Found = tuple[str, str, str] | None  # kind, rule and remedy of a cause; None where the cause is another one


def cancelled(zero: Zero) -> Found:
    """Find paths whose gradients add up to 0."""
    if zero.sent is None or not (zero.sent[zero.mask] != 0).any():
        return None
    rule = "the paths from here to the loss send gradients that add up to 0: nothing is wrong with any of them."
    return "cancelled", rule, ""


def dead(zero: Zero) -> Found:
    """Find a rectifier of negative numbers."""
    x, mask = zero.x, zero.mask
    if zero.op.shown.leaves_out != "negative" or x is None or x.shape != mask.shape or not (x[mask] < 0).any():
        return None
    negative = int((x[mask] < 0).sum())
    return (
        f"dead_{zero.op.name}",
        f"{zero.name} passes no gradient where its input is negative, as {negative} of {zero.n} inputs are: "
        "a unit for which that is so in every batch is dead.",
        "a smaller learning rate or a smaller bias at the start; or nn.LeakyReLU, nn.ELU, nn.GELU, whose slope is "
        "nowhere 0 on both sides.",
    )


def flat(zero: Zero) -> Found:
    """Find a function whose derivative is 0 wherever it exists."""
    if not zero.op.shown.flat:
        return None
    name = zero.op.name
    site, order = written(zero.node)
    if order:
        rule = f"{derivative_of(zero.node)} is 0 where it exists: the one before is made of {name}, which is constant."
        return "flat", rule, f"a smooth function in place of {name_of(site.op)}."
    return (
        "flat",
        f"the derivative of {name} is 0 wherever it exists.",
        f"a smooth function in place of {name}, or x + ad.stop_gradient(np.{name}(x) - x), whose gradient "
        "passes x by.",
    )


def by_convention(zero: Zero) -> Found:
    """Find a point without a derivative, where 0 is given."""
    given = zero.op.convention
    at = conventional(zero.graph, zero.node) if given is not None else None
    if at is None or not at.any() or (at.shape == zero.mask.shape and not at[zero.mask].all()):
        return None
    rule = f"{zero.name} has no derivative where {given.at}; {given.gives} is given by convention."
    return "convention", rule, instead_of(zero.op)


def other_branch(zero: Zero) -> Found:
    """Find a condition that took the other value."""
    if zero.op.shown.leaves_out != "branch":
        return None
    branch = "first" if zero.i == 1 else "second"
    return (
        "branch_not_taken",
        f"np.{zero.op.name} took the other branch: its {branch} value is not used for {zero.count}.",
        "nothing, if that is meant; otherwise look at the condition.",
    )


def not_picked(zero: Zero) -> Found:
    """Find a comparison that picked other elements."""
    if not zero.compares or zero.one_operand or zero.op.shown.leaves_out == "bounds":
        return None
    return (
        "not_picked",
        f"{zero.name} passes the gradient only to the elements that it picks, and {zero.count} are not among them.",
        "a smooth form where all should learn: ad.logsumexp(x) for a maximum, np.mean(x) for a median.",
    )


def clipped(zero: Zero) -> Found:
    """Find a function that is constant outside an interval."""
    name = zero.name
    if zero.op.shown.leaves_out == "bounds":
        return (
            "clipped",
            f"{name} passes no gradient outside its bounds, where {zero.count} are.",
            "wider bounds; or np.tanh(x), which bounds without cutting; or clip the gradients instead of the values.",
        )
    if not (zero.compares and zero.one_operand):
        return None
    return (
        "clipped",
        f"{name} is constant where {zero.count} are, and passes no gradient there.",
        "an activation whose slope is nowhere 0 on both sides: nn.LeakyReLU, nn.ELU, nn.GELU.",
    )


def not_selected(zero: Zero) -> Found:
    """Find an index that reads other elements."""
    if not (zero.op.selects or (zero.op.linear and not zero.op.elementwise)):
        return None
    return (
        "not_selected",
        f"{zero.name} does not select {zero.count}: what is read from it contains none of them.",
        "an index or a mask that reads them, if they should have a gradient.",
    )


def times_zero(zero: Zero) -> Found:
    """Find a factor that is 0."""
    other, name = zero_operand(zero.graph, zero.use, zero.mask), zero.name
    if other is None:
        return None
    return (
        "times_zero",
        f"{name} multiplies by {other}." if other == "0" else f"{name} multiplies by {other}, which is 0 there.",
        "a factor that is not 0: weights that all start at 0 do not learn, and a mask of zeros keeps nothing.",
    )


def underflow(zero: Zero) -> Found:
    """Find a derivative and a gradient that are not 0, with a product that is 0."""
    slope = zero.graph.sent(zero.node, zero.i, np.ones(zero.node.shape or ())) if zero.op.elementwise else None
    if slope is None or not (slope[zero.mask] != 0).any():
        return None
    return (
        "underflow",
        f"the gradient times the derivative of {zero.name} is smaller than {zero.node.dtype} can hold.",
        "float64 (dtype=np.float64), or a loss that is scaled up and a learning rate that is scaled down.",
    )


def balanced(zero: Zero) -> Found:
    """Find gradients that cancel inside one operation, which sends other gradients on."""
    if zero.op.elementwise:
        return None
    others = np.random.default_rng(0).uniform(1.0, 2.0, zero.node.shape or ()).astype(zero.node.dtype)
    sent = zero.graph.sent(zero.node, zero.i, others)
    if sent is None or not np.nan_to_num(sent[zero.mask]).any():
        return None
    return (
        "stationary",
        f"the gradients that arrive at {zero.name} cancel in it: along them its derivative is 0 here.",
        "another point to start from: here the gradient gives no direction.",
    )


def saturated(zero: Zero) -> Found:
    """Find a function that is nearly constant for large operands."""
    if not zero.op.shown.saturates:
        return None
    at = value_text(zero.x, zero.index)
    return (
        "saturated",
        f"{zero.name} is flat{at}: its derivative there is smaller than {zero.node.dtype} can hold.",
        "smaller inputs (normalise them, start with smaller weights); or the loss that takes logits: "
        "nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, ad.log_softmax, ad.logsigmoid.",
    )


IN_ORDER = (
    cancelled,
    dead,
    flat,
    by_convention,
    other_branch,
    not_picked,
    clipped,
    not_selected,
    times_zero,
    underflow,
    balanced,
    saturated,
)


def conventional(graph: GraphPass, node: Node) -> Any:
    """Return where the derivative of a node is a convention: booleans; None where the values were not kept."""
    static = node.op.defaults if node.static is None else node.static
    try:
        read = node.op.save_convention(graph.value(node), graph.operands(node), static, 0)
        return np.asarray(node.op.convention.where(*read))
    except (TypeError, AttributeError):  # None in place of a value
        return None


def zero_operand(graph: GraphPass, use: Use, mask: Any) -> str | None:
    """Return the name of another operand that multiplies this one by 0; None when there is none."""
    node, i = use
    if not (node.op.shown.factors or node.op.product) or node.op.variadic:
        return None
    for j, value in enumerate(graph.operands(node)[:2]):
        if j == i or value is None:
            continue
        there = value
        if node.op.elementwise and mask.shape == (node.shape or ()):
            there = np.broadcast_to(value, mask.shape)[mask]
        if not there.any():
            operand = operand_of(graph, node, j)
            return operand.name if operand is not None and operand.size > 1 else "0"
    return None


def value_text(x: Any, index: tuple[int, ...] | None) -> str:
    """Return `` at -800``: the operand at which an operation was evaluated."""
    if x is None:
        return ""
    return f" at {x[index] if index is not None and len(index) == x.ndim else x.item() if x.size == 1 else x.max():.6g}"
