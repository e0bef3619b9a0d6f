"""Why a gradient is huge: the path along which most of it comes, and the operations on it that enlarge it most."""

from __future__ import annotations

import math
from typing import Any

from ..drawing.levels.parts.value_texts import source_text
from ..drawing.picture.text import number
from ..drawing.reading.records import norm_of
from ..graph import Node
from .explanations import Cause, cause_at
from .graph_pass import GraphPass

WORST = 3  # operations that are named


def strongest_path(graph: GraphPass, target: Node) -> list[tuple[Node, float]]:
    """Return the operations from ``target`` to the root along the path with the largest gradients, and the factor by
    which each enlarges the 2-norm of the gradient."""
    path: list[tuple[Node, float]] = []
    node = target
    while node is not graph.root:
        best: tuple[float, Node, float] | None = None
        for user, i in graph.uses(node):
            g, sent = graph.gradient(user), graph.sent(user, i)
            if g is None or sent is None:
                continue
            size, came = norm_of(sent), norm_of(g)
            if best is None or size > best[0]:
                best = size, user, size / came if came else math.inf if size else 0.0
        if best is None:
            break
        path.append(best[1:])
        node = best[1]
    return path


def huge_cause(graph: GraphPass, target: Node) -> Cause | None:
    """Return the cause of a huge gradient; None where the values that the rules read were not kept."""
    path = strongest_path(graph, target)
    if not path:
        return None
    enlarging = [gain for _, gain in path if gain > 1]
    if not enlarging:
        return None
    alike: dict[tuple[str, str], list[tuple[float, Node]]] = {}  # one line of a program may run many times
    for node, gain in path:
        if gain > 1:
            alike.setdefault((node.op.name, place(node)), []).append((gain, node))
    worst = sorted(alike.items(), key=lambda item: -product([gain for gain, _ in item[1]]))[:WORST]
    named = [
        f"{op}{at} ({f'{len(steps)} times, together ' if len(steps) > 1 else ''}x "
        f"{number(product([gain for gain, _ in steps]))})"
        for (op, at), steps in worst
    ]
    rule = (
        f"{len(enlarging)} of the {len(path)} operations on the way from the loss enlarge the gradient, together by a "
        f"factor of {number(product(enlarging))}; most of all {', '.join(named)}."
    )
    remedy = (
        "smaller weights or normalised inputs before these operations; in a recurrent or deep network normalisation "
        "layers, and nn.clip_grad_norm_ as a last resort."
        if len(enlarging) > WORST
        else "inputs of the size of 1: scale the data and the loss, or keep divisors away from 0."
    )
    return cause_at(graph, max(worst[0][1], key=lambda step: step[0])[1], "large_derivatives", rule, remedy)


def product(factors: Any) -> float:
    """Return the product; infinite where it overflows."""
    total = math.fsum(map(math.log, factors)) if all(map(math.isfinite, factors)) else math.inf
    return math.exp(total) if total < 709 else math.inf


def place(node: Node) -> str:
    """Return where an operation is, for a list of them."""
    return f" at {source_text(node.source)}" if node.source and node.source != "?" else ""
