"""Why a gradient is zero: from the value up to the operations that send nothing back to it.

At each operation that reads the value, either nothing arrived (then the cause lies further up, among its own readers),
or something arrived and its rule made zeros of it. Elements are followed as far as it is plain which belong together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Node
from .answers import Cause, cause_at, first_index, operand_of
from .graph_pass import GraphPass, Use

MOST = 5  # causes that are told
SATURATING = frozenset("sigmoid tanh softmax log_softmax erf erfc silu gelu ndtr logsigmoid softplus arctan".split())
EXPONENTIALS = frozenset("exp exp2 sigmoid softmax".split())


def zero_causes(graph: GraphPass, target: Node, mask: Any) -> list[Cause]:
    """Where the gradient of the elements ``mask`` (booleans) of a node became zero, newest operation first."""
    found: dict[Node, Cause] = {}
    seen: set[Node] = {target}
    todo: list[tuple[Node, Any]] = [(target, mask)]
    while todo and len(found) < MOST:
        node, mask = todo.pop()
        for user, i in graph.uses(node):
            if user in seen:
                continue
            g = graph.gradient(user)
            above: Any = None
            if g is None or not g.any():
                above = np.ones(user.shape or (), bool)
            else:
                above = elements_above(graph, (user, i), mask)
                if above is not None and (g[above] != 0).any():
                    above = None
            if above is not None:
                seen.add(user)
                todo.append((user, above))
            elif user not in found:
                found[user] = cause_of_zero(graph, (user, i), mask)
    return sorted(found.values(), key=lambda cause: -cause.node.serial)  # type: ignore[union-attr]


def elements_above(graph: GraphPass, use: Use, mask: Any) -> Any:
    """Which elements of an operation's value depend on these elements of its operand; None where that is not plain, or
    where none does."""
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
    """Why an operation to which a gradient arrived sends zeros to these elements of an operand."""
    node, i = use
    op, name = node.op, node.op.name
    index = first_index(mask)
    x = graph.operand(node, i)
    sent = graph.sent(node, i)
    whole = x is not None and x.shape == mask.shape
    n = int(mask.sum())
    count = f"{n} of {mask.size} elements" if mask.size > 1 else "the value"

    def told(kind: str, rule: str, remedy: str) -> Cause:
        return cause_at(graph, node, kind, rule, remedy, index)

    if sent is not None and (sent[mask] != 0).any():
        return told(
            "cancelled",
            "the paths from here to the loss send gradients that add up to 0: nothing is wrong with any of them.",
            "",
        )
    if name == "relu" and whole and (x[mask] < 0).any():
        return told(
            "dead_relu",
            f"relu passes no gradient where its input is negative, as {int((x[mask] < 0).sum())} of {n} inputs are: "
            "a unit for which that is so in every batch is dead.",
            "a smaller learning rate or a smaller bias at the start; or nn.LeakyReLU, nn.ELU, nn.GELU, whose slope is "
            "nowhere 0 on both sides.",
        )
    if op.shown.flat:
        return told(
            "flat",
            f"the derivative of {name} is 0 wherever it exists.",
            f"a smooth function in the place of {name}, or x + ad.stop_gradient(np.{name}(x) - x), whose gradient "
            "passes x by.",
        )
    if op.convention is not None:
        at = conventional(graph, node)
        if at is not None and (at.shape != mask.shape or at[mask].all()) and at.any():
            return told(
                "convention",
                f"{name} has no derivative where {op.convention.at}; {op.convention.gives} is given by convention.",
                op.convention.write.removeprefix("Write "),
            )
    if name == "where":
        branch = "first" if i == 1 else "second"
        return told(
            "branch_not_taken",
            f"np.where took the other branch: its {branch} value is not used for {count}.",
            "nothing, if that is meant; otherwise look at the condition.",
        )
    compares = op.selects and op.kink is not None
    flat = compares and op.elementwise and len(op.inputs) == 1
    if compares and not flat and name != "clip":
        return told(
            "not_picked",
            f"{name} passes the gradient only to the elements that it picks, and {count} are not among them.",
            "a smooth form where all should learn: ad.logsumexp(x) for a maximum, np.mean(x) for a median.",
        )
    if name == "clip":
        return told(
            "clipped",
            f"clip passes no gradient outside its bounds, where {count} are.",
            "wider bounds; or np.tanh(x), which bounds without cutting; or clip the gradients instead of the values.",
        )
    if flat:
        return told(
            "clipped",
            f"{name} is constant where {count} are, and passes no gradient there.",
            "an activation whose slope is nowhere 0 on both sides: nn.LeakyReLU, nn.ELU, nn.GELU.",
        )
    if op.selects or (op.linear and not op.elementwise):
        return told(
            "not_selected",
            f"{name} does not select {count}: what is read from it contains none of them.",
            "an index or a mask that reads them, if they should have a gradient.",
        )
    other = zero_operand(graph, use, mask)
    if other is not None:
        return told(
            "times_zero",
            f"{name} multiplies by {other}." if other == "0" else f"{name} multiplies by {other}, which is 0 there.",
            "a factor that is not 0: weights that all start at 0 do not learn, and a mask of zeros keeps nothing.",
        )
    if op.elementwise:
        slope = graph.sent(node, i, np.ones(node.shape or ()))
        if slope is not None and (slope[mask] != 0).any():
            return told(
                "underflow",
                f"the gradient times the derivative of {name} is smaller than {node.dtype} can hold.",
                "float64 (dtype=np.float64), or a loss that is scaled up and a learning rate that is scaled down.",
            )
    at = value_text(x, index)
    if name in SATURATING | EXPONENTIALS:
        return told(
            "saturated",
            f"{name} is flat{at}: its derivative there is smaller than {node.dtype} can hold.",
            "smaller inputs (normalise them, start with smaller weights); or the loss that takes logits: "
            "nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, ad.log_softmax, ad.logsigmoid.",
        )
    return told(
        "stationary",
        f"the derivative of {name} is 0{at}.",
        "another point to start from: here the gradient gives no direction.",
    )


def conventional(graph: GraphPass, node: Node) -> Any:
    """Where the derivative of a node is a convention: booleans; None where the values were not kept."""
    static = node.op.defaults if node.static is None else node.static
    try:
        read = node.op.save_convention(graph.value(node), graph.operands(node), static, 0)
        return np.asarray(node.op.convention.where(*read))
    except (TypeError, AttributeError):  # None in the place of a value
        return None


def zero_operand(graph: GraphPass, use: Use, mask: Any) -> str | None:
    """The name of another operand that multiplies this one by 0; None when there is none."""
    node, i = use
    if (node.op.name != "multiply" and not node.op.product) or node.op.variadic:
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
    """`` at -800``: where on the axis an operation was evaluated."""
    if x is None:
        return ""
    return f" at {x[index] if index is not None and len(index) == x.ndim else x.item() if x.size == 1 else x.max():.6g}"
