"""Small parts that every reader shares: ids, tooltips, edges in their styles, the legend's entries, the alternative
text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..picture.cards import frame
from ..picture.model import Card, Edge, Key, Module, Node, Problem, Run, Stats
from ..picture.style import (
    BORDER,
    DEAD,
    ERROR,
    FORWARD,
    GRAD,
    GRAD_FILL,
    HEALTHY,
    HEATS,
    INK,
    MUTED,
    UPDATE,
    WHITE,
    bound_of,
    heat_of,
    heat_width,
)
from ..picture.text import clean, number, shape_text, short_number
from ..picture.words import word
from ..reading.records import Snapshot, Value

COMMUTATIVE = {"add", "multiply", "maximum", "minimum"}


class Ids:
    """Node ids n0, n1, ... and edge ids e0, e1, ... in the order they are asked for."""

    def __init__(self) -> None:
        self.counts = {"n": 0, "e": 0, "m": 0}

    def new(self, letter: str) -> str:
        self.counts[letter] += 1
        return f"{letter}{self.counts[letter] - 1}"


def badge_of(value: Value) -> str:
    """The operation with its constant: `× 2`, `2 ÷`, `Σwx`."""
    if not value.op:
        return ""
    constants = [(k, p) for k, p in enumerate(value.operands) if isinstance(p, float | complex)]
    if len(constants) != 1 or len(value.operands) != 2:
        return value.badge
    position, constant = constants[0]
    if position == 0 and value.op not in COMMUTATIVE:
        return f"{number(constant)} {value.badge}"
    return f"{'^' if value.op == 'power' else value.badge} {number(constant)}"


def role_of(value: Value, roots: Iterable[int]) -> str:
    """The kind a value is drawn as."""
    if value.index in roots and value.role == "op":
        return "output"
    if value.role == "parameter":
        return "parameter"
    if value.role == "constant":
        return "constant"
    if value.role == "leaf":
        return "input"
    return "scalar" if value.single else "tensor"


def name_of(value: Value, limit: int = 40) -> str:
    """The name of a value cut to the length of a card."""
    return clean(value.name, limit)


def stats_text(stats: Stats | None) -> str:
    """One line of statistics: `min −3.9   max 3.07`."""
    if stats is None or stats.min is None or stats.max is None:
        return ""
    return f"min {number(stats.min)}\u00a0\u00a0\u00a0max {number(stats.max)}"


def grad_text(value: Value) -> str:
    """The gradient as printed on a card."""
    return "" if value.grad is None else number(value.grad)


def value_tooltip(value: Value, lang: str = "en") -> str:
    """Everything known about a value on one line: name, operation, shape, dtype, statistics, gradient, source."""
    parts = [clean(value.name, 400)] if value.name else []
    if value.badge:
        parts.append(value.badge)
    parts.append(shape_text(value.shape) + " " + value.dtype)
    if value.number is not None:
        parts.append(f"value {value.number!r}")
    elif value.stats is not None and value.stats.min is not None:
        parts.append(f"min {value.stats.min!r}, max {value.stats.max!r}, mean {value.stats.mean!r}")
    if value.grad is not None:
        parts.append(f"grad {value.grad!r}" if value.signed else f"‖g‖ {value.grad!r}")
    if value.source:
        parts.append(source_text(value.source))
    return clean("; ".join(parts), 1000)


def source_text(source: str) -> str:
    """`train.py:41` of a longer path."""
    return clean(source.replace("\\", "/").rsplit("/", 1)[-1], 60)


def value_node(node_id: str, value: Value, kind: str, card: Card, **more: Any) -> Node:
    """A node of the picture for one value of the graph."""
    return Node(
        id=node_id,
        kind=kind,
        card=card,
        name=clean(value.name, 400),
        op=value.badge,
        shape=shape_text(value.shape),
        dtype=value.dtype,
        value=repr(value.number) if value.number is not None else "",
        grad=value.grad,
        stats=value.stats,
        module=value.path,
        source=source_text(value.source),
        tooltip=value_tooltip(value),
        **more,
    )


def forward_edge(edge_id: str, source: str, target: str, *, tensor: bool = False, **more: Any) -> Edge:
    """A value that goes from `source` to `target`."""
    return Edge(edge_id, source, target, "value", color=FORWARD, width=2.8 if tensor else 1.4, **more)


def gradient_edge(edge_id: str, source: str, target: str, *, width: float = 1.4, **more: Any) -> Edge:
    """A gradient that comes back from `target` to `source`."""
    return Edge(
        edge_id, source, target, "gradient", color=GRAD, width=width, dash="dashed", arrow="vee", back=True, **more
    )


def heat_edge(edge_id: str, source: str, target: str, norm: float, **more: Any) -> Edge:
    """A gradient as wide and in the colour of its class; it comes back from `target` to `source`."""
    heat = heat_of(norm)
    return Edge(
        edge_id,
        source,
        target,
        "gradient",
        tooltip=f"gradient norm {norm!r} ({heat.name})",
        color=heat.line,
        width=heat_width(norm),
        dash="dashed" if heat.name == "dead" else "solid",
        back=True,
        number=norm,
        **more,
    )


def box_key(text: str, kind: str, *, glyph: str = "", rounded: bool = False, status: str = "") -> Key:
    """A legend entry for a kind of node."""
    border, width, fill = frame(kind, status)
    return Key(text, "box", border, fill, min(width, 2), glyph=glyph, rounded=rounded)


def badge_key(text: str, glyph: str = "op") -> Key:
    """The legend entry of the operation badge."""
    return Key(text, "box", FORWARD, FORWARD, 1, glyph=glyph, ink=WHITE)


def grad_key(text: str) -> Key:
    """The legend entry of the gradient row."""
    return Key(text, "box", GRAD_FILL, GRAD_FILL, 1, glyph="g", ink=GRAD)


def line_key(text: str, kind: str) -> Key:
    """The legend entry of a line."""
    color, dash, back, width = {
        "value": (FORWARD, "solid", False, 1.4),
        "tensor": (FORWARD, "solid", False, 2.8),
        "gradient": (GRAD, "dashed", True, 1.4),
        "update": (UPDATE, "dotted", False, 2),
    }[kind]
    return Key(text, "line", color, WHITE, width, dash, back=back)


def heat_keys(lang: str, used: Iterable[str]) -> tuple[Key, ...]:
    """Legend entries of the heat classes in use, from small to large."""
    used = set(used)
    keys = [
        Key(f"{word(lang, heat.name)}\u00a0 {bound_of(heat)}".rstrip("\u00a0 "), "box", heat.fill, heat.fill)
        for heat in HEATS
        if heat.name in used or heat is HEALTHY
    ]
    if "dead" in used:
        keys.append(Key(word(lang, "dead cell"), "box", INK, DEAD.fill, glyph="0"))
    if "nan" in used:
        keys.append(Key(word(lang, "nan"), "box", ERROR, ERROR, glyph="✗", ink=WHITE))
    return tuple(keys)


def muted_run(text: str, size: float = 11, color: str = BORDER) -> Run:
    """A run in a given colour."""
    return Run(text, size, color)


def describe(
    what: str, count: str, outputs: Sequence[Value], norms: Sequence[float], problems: Sequence[Problem]
) -> str:
    """Alternative text: kind of picture, node count, output value, range of gradient norms, and any problem."""
    single = [value for value in outputs if value.number is not None]
    names = [name_of(v) or ("the loss" if v.grad == 1.0 else "the output") for v in single[:3]]
    shown = [f"{name} {number(v.number)}" for name, v in zip(names, single, strict=False)]
    head = f"{what} of {', '.join(shown) or 'the output'}"
    text = f"{head}: {count}."
    finite = [norm for norm in norms if math.isfinite(norm)]
    if finite:
        low, high = min(finite), max(finite)
        text += (
            f" Gradient norms from {number(low)} to {number(high)}."
            if low != high
            else f" Gradient norm {number(low)}."
        )
    text += " " + ("; ".join(problem.text for problem in problems[:3]) + "." if problems else "No NaN.")
    return clean(text, 2000)


def find_problems(values: Sequence[Value]) -> tuple[Problem, ...]:
    """What is wrong in a graph, causes first: NaN or infinite values and dead activations in the order in which they
    were computed, then NaN gradients in the order in which they came back."""
    found: list[Problem] = []
    gradients: list[Problem] = []
    for value in values:
        number_, stats, grad = value.number, value.stats, value.grad
        sound = stats is None or not (stats.nans or stats.posinf or stats.neginf or stats.zeros)
        if (
            sound
            and (number_.__class__ is not float or math.isfinite(number_))
            and (grad is None or math.isfinite(grad))
        ):
            continue  # nearly all values: a graph may have a hundred thousand
        found += problems_of(value)
        if grad is not None and not math.isfinite(grad):
            where = where_of(value)
            gradients.append(Problem("nan", where, f"the gradient of {where} is {number(grad)}"))
    return (*found, *reversed(gradients))


def problems_of(value: Value) -> list[Problem]:
    """What is wrong with one value, whatever its gradient."""
    found, stats = [], value.stats
    where = where_of(value)
    single = value.number if isinstance(value.number, float) else 0.0
    if (stats is not None and stats.nans) or math.isnan(single):
        many = stats is not None and stats.size > 1
        count = f"{stats.nans} of {stats.size} values of {where} are NaN" if stats and many else f"{where} is NaN"
        found.append(Problem("nan", where, count))
    elif (stats is not None and (stats.posinf or stats.neginf)) or math.isinf(single):
        found.append(Problem("inf", where, f"{where} has infinite values"))
    elif is_dead(value):
        found.append(Problem("dead", where, f"{where}{' in ' + value.path if value.path else ''} outputs only 0"))
    return found


def where_of(value: Value) -> str:
    """What a problem calls a value."""
    return name_of(value) or value.badge or "value"


def is_dead(value: Value) -> bool:
    """A rectifier whose outputs are all zero."""
    return (
        value.op in ("relu", "relu6", "clip")
        and value.stats is not None
        and value.stats.size > 1
        and value.stats.zeros == value.stats.size
    )


def gradient_problems(norms: Iterable[tuple[str, float]]) -> tuple[Problem, ...]:
    """Vanishing and exploding gradients among named norms."""
    found = []
    for where, norm in norms:
        heat = heat_of(norm)
        if heat.name in ("vanishing", "exploding"):
            found.append(Problem(heat.name, where, f"the gradient at {where} is {heat.name} ({short_number(norm)})"))
    return tuple(found)


def spine_of(snapshot: Snapshot) -> list[int]:
    """The data path: from the root back through operands, each time the operation with the longest history."""
    depth = [0] * len(snapshot.values)
    for value in snapshot.values:
        if value.op:
            depth[value.index] = 1 + max((depth[p] for p in value.parents if p < value.index), default=0)
    path, at = [], snapshot.roots[0] if snapshot.roots else None
    while at is not None:
        path.append(at)
        parents = [p for p in snapshot.values[at].parents if p < at and snapshot.values[p].role != "parameter"]
        at = max(parents, key=lambda p: (depth[p], -p), default=None)
    return path[::-1]


def module_clusters(
    snapshot: Snapshot, homes: Mapping[str, str], ids: Ids, *, nested: bool = True
) -> tuple[Module, ...]:
    """A cluster for every module that holds at least two nodes, inner modules inside outer ones.

    homes: module path of every node. A module with one node is drawn without a frame, its node in the module around it.
    nested: also frames inside frames.
    """
    weight: dict[str, int] = {}
    for path in homes.values():
        while path:
            weight[path] = weight.get(path, 0) + 1
            path = parent_of(snapshot, path)
    kept = {path: "" for path in snapshot.modules if weight.get(path, 0) >= 2}
    if not nested:
        kept = {path: "" for path in kept if not any(path.startswith(outer + ".") for outer in kept)}
    for path in list(kept):
        kept[path] = ids.new("m")
    members: dict[str, list[str]] = {path: [] for path in kept}
    for node_id, path in homes.items():
        while path and path not in kept:
            path = parent_of(snapshot, path)
        if path:
            members[path].append(node_id)
    found = []
    for path, key in kept.items():
        outer = parent_of(snapshot, path)
        while outer and outer not in kept:
            outer = parent_of(snapshot, outer)
        info = snapshot.modules[path]
        own = path == info.kind
        title = (
            clean(path, 30)
            + (f" : {info.kind}" if info.kind and not own else "")
            + (f"({info.sizes})" if info.sizes else "")
        )
        found.append(
            Module(
                key,
                path,
                (Run(clean(title, 60), 11, MUTED, True),),
                tuple(members[path]),
                kept.get(outer, ""),
                weight[path],
            )
        )
    return tuple(found)


def parent_of(snapshot: Snapshot, path: str) -> str:
    """Path of the module around a module, or ""."""
    info = snapshot.modules.get(path)
    return info.parent if info is not None else ""
