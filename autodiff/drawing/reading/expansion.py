"""Opening a fused operation: its reference composite, run again on the same operands.

The graph holds one node for a fused operation. `expand=` shows the operations of its reference: it is recorded on new
leaves with the operands' values, and the gradient that arrived at the fused node is pulled through it. The graph that
is drawn is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ... import Variable, enable_grad, record, scalar, tensor
from ...backward import collect, pull
from ...graph import Node


class Opened:
    """The nodes a fused operation stands for: `inner` in creation order, and for each leaf among them its operand."""

    def __init__(self, inner: list[Node], operands: dict[Node, Any], gradients: Mapping[Node, Any]) -> None:
        self.inner, self.operands, self.gradients = inner, operands, gradients


def open_fused(node: Node, gradient: Any) -> Opened | None:
    """Run the reference of a fused operation; return None when a value it needs was not kept."""
    given = [operand_value(node, position) for position in range(len(node.parents))]
    if any(value is None and not absent(node, k) for k, value in enumerate(given)):
        return None
    handles, operands = [], {}
    for parent, value in zip(node.parents, given, strict=True):
        if isinstance(parent, Node):
            handle: Any = scalar(float(value)) if parent.shape is None else tensor(value)
            operands[handle.node] = parent
            handles.append(handle)
        else:
            handles.append(value)
    with enable_grad(), record(), np.errstate(all="ignore"):
        try:
            out = call_reference(node, handles)
        except (TypeError, ValueError):
            return None
    if not isinstance(out, Variable) or out.node is None or out.node.op is None:
        return None
    inner = collect([out.node])
    found: Mapping[Node, Any] = {}
    if gradient is not None:
        seed = (
            float(gradient)
            if out.node.shape is None
            else np.broadcast_to(np.asarray(gradient, out.node.dtype), out.node.shape)
        )
        found = {n: g for n, g in pull({out.node: seed}, inner, wanted=None).items() if g is not None}
    return Opened(sorted(inner, key=lambda n: n.serial), operands, found)


def absent(node: Node, position: int) -> bool:
    """Return whether an operand was not given at all (an optional argument that is None)."""
    operands = node.notes.operands if node.notes is not None else None
    return operands is not None and operands[position] is None and node.parents[position] is None


def call_reference(node: Node, handles: Sequence[Any]) -> Any:
    """Return the reference on these operands with the node's static arguments."""
    return node.op.reference(*handles, **(node.static or {}))


def operand_value(node: Node, position: int) -> Any:
    """Return the value of an operand: of a float or a leaf always, of another tensor if it was recorded or saved."""
    parent = node.parents[position]
    if parent is not None and not isinstance(parent, Node):
        return parent
    if isinstance(parent, Node) and parent.value is not None:
        return parent.value
    return constant_array(node, position)


def constant_array(node: Node, position: int) -> Any:
    """Return the array that was operand `position`, if the graph still has it: recorded, or saved for a rule."""
    kept = node.notes.operands if node.notes is not None else None
    if kept is not None and kept[position] is not None:
        return np.asarray(kept[position])
    if node.saved is None or node.static is None or node.op.variadic:
        return None
    name = node.op.inputs[position] if position < len(node.op.inputs) else ""
    for i, args in enumerate(node.saved):
        if args.__class__ is tuple and name in node.op.names(i):
            array = args[node.op.names(i).index(name)]
            if isinstance(array, np.ndarray):
                return array
    return None
