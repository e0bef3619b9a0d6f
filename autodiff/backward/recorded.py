"""The values that a rule reads, as handles again: so a recorded pass can be differentiated."""

from __future__ import annotations

from typing import Any

from ..graph import Node
from ..variable import wrap


def handles(node: Node) -> list[tuple[Any, ...] | None]:
    """Return the values that the rules of a node read, each value of the graph as its handle again."""
    op = node.op
    out: list[tuple[Any, ...] | None] = []
    if node.is_float_operation:  # a node of floats has its value; a constant is itself the parent
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
                value = None  # no derivative could be taken through it
            elif name in op.inputs and not op.variadic:
                p = node.parents[op.inputs.index(name)]
                value = _handle(value, p)
            elif name in op.inputs:
                value = tuple([_handle(v, p) for v, p in zip(value, node.parents, strict=True)])
            named.append(value)
        out.append(tuple(named))
    return out


def _handle(value: Any, p: Any) -> Any:
    """Return an operand as a handle over its node; a Scalar that the rules got as a 0-d array is a Scalar again."""
    if not isinstance(p, Node):
        return value
    return wrap(value if p.shape is not None else float(value), p)
