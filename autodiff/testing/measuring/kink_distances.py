"""Distances to the kinks inside a function, from the rows of the operations in its graph.

A black-box check has only the composite: relu(x) - relu(-x) has no kink at 0, although both of its parts have one.
The rows of the registry declare the distance to their nearest kink (|x| for relu, the gap for max); this module
records the function and evaluates them at the operands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad

__all__ = ["KinkMargin", "kink_margins"]


@dataclass(frozen=True)
class KinkMargin:
    """The smallest distance to a kink inside one operation of a graph.

    Attributes:
        op: name of the operation.
        margin: distance; 0.0 is on the kink.
        source: file and line that recorded it.
        scope: path of the module it ran in, "" outside modules.
    """

    op: str
    margin: float
    source: str
    scope: str


def kink_margins(f: Callable[..., Any], *inputs: Any, **kwargs: Any) -> list[KinkMargin]:
    """Return every operation with kinks that f runs, nearest first.

    Args:
        f: function of arrays or Tensors.
        inputs: its arguments; floating arrays are differentiated.
        kwargs: its keyword arguments.

    Returns:
        One `KinkMargin` for each operation that declares its kinks; empty for a smooth function.

    >>> import numpy as np, autodiff as ad
    >>> [m.margin for m in kink_margins(lambda x: ad.relu(x) - ad.relu(-x), np.array([0.0, 2.0]))]
    [0.0, 0.0]
    """
    args = [
        ad.tensor(a) if isinstance(a, (np.ndarray, float)) and np.asarray(a).dtype.kind == "f" else a for a in inputs
    ]
    with ad.record(), np.errstate(all="ignore"):
        result = f(*args, **kwargs)
        outputs = result if isinstance(result, (tuple, list)) else [result]
        nodes = _reachable([y.node for y in outputs if isinstance(y, ad.Variable) and y.node is not None])
        found = [m for node in nodes if (m := _margin(node)) is not None]
    return sorted(found, key=lambda m: m.margin)


def _reachable(roots: list[Any]) -> list[Any]:
    seen, queue = {id(n): n for n in roots}, list(roots)
    while queue:
        for parent in queue.pop().parents:
            if hasattr(parent, "serial") and id(parent) not in seen:
                seen[id(parent)] = parent
                queue.append(parent)
    return sorted(seen.values(), key=lambda n: n.serial)


def _margin(node: Any) -> KinkMargin | None:
    if node.op is None or node.op.kink is None:
        return None
    operands = _operands(node)
    if operands is None:
        return None
    distance = node.op.kink(*operands, **(node.static or {}))
    nearest = float(np.min(distance, initial=np.inf))
    return KinkMargin(node.op.name, nearest, node.source or "", node.scope.path if node.scope is not None else "")


def _operands(node: Any) -> list[Any] | None:
    """Return the operands' values: recorded ones from their nodes, array constants from the saved values of a rule."""
    saved: dict[str, Any] = {}
    for i, parts in enumerate(node.saved or ()):
        names = node.op.names(i)
        if isinstance(parts, tuple) and len(parts) == len(names):
            saved.update(zip(names, parts))
    out = []
    for i, parent in enumerate(node.parents):
        value = parent.value if hasattr(parent, "serial") else parent
        if value is None and not node.op.variadic:
            value = saved.get(node.op.inputs[i])
        if value is None:
            return None
        out.append(np.asarray(value))
    return out
