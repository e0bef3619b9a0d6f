"""Models as rows: a title with a verdict, one small box a layer with the norm of its gradient, and the loss.

A layer is a member of the longest run of equal modules. Its number is the norm of the gradient at its output, in the
colour of its class; the line between two layers is as thick and as dark as that gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..picture.cards import heat_card, loss_chip, verdict_card
from ..picture.model import Node, Picture, Problem
from ..picture.style import HEALTHY, HEAT_WORD, MUTED, heat_of
from ..picture.text import clean, number, short_number
from ..picture.words import word
from ..reading.folding import Folder, Item
from ..reading.records import Snapshot, Value
from .builder import Builder
from .legends import heat_keys
from .problems import is_dead
from .value_texts import name_of, value_node

SEVERITY = ("nan", "dead", "exploding", "vanishing", "strong", "weak", "healthy")


def verdict_of(norms: Sequence[float], dead: bool) -> str:
    """One word for the gradients of a model: the worst class among its norms."""
    found = {heat_of(norm).name for norm in norms} | ({"dead"} if dead else set())
    return next((name for name in SEVERITY if name in found), "no gradient")


@dataclass(slots=True, kw_only=True)
class RowBuilder(Builder):
    """Rows of layers. sentences: what the alternative text says of each model."""

    sentences: list[str] = field(default_factory=list)


def row_picture(snapshots: Mapping[str, Snapshot], lang: str, title: str, legend: bool) -> Picture:
    """One row a model."""
    builder = RowBuilder(lang=lang)
    for name, snapshot in snapshots.items():
        add_row(builder, name, snapshot)
    alt = f"Gradient norms of {len(snapshots)} networks, layer by layer. {'; '.join(builder.sentences)}."
    return builder.picture(
        level="compare",
        direction="LR",
        spine=frozenset(node.id for node in builder.nodes),
        legend=heat_keys(lang, builder.heats) if legend else (),
        title=title,
        alt=clean(alt, 2000),
        node_gap=0.30,
        rank_gap=0.20,
    )


def layers_of(snapshot: Snapshot) -> list[Item]:
    """The layers of a model: the members of its longest run of equal modules, else its modules, else its operations."""
    items = Folder(snapshot, repeat=2).items()
    runs = [item for item in items if item.kind == "repeat"]
    if runs:
        return max(runs, key=lambda item: len(item.parts)).parts
    return [item for item in items if item.kind == "module"] or items


def add_row(builder: RowBuilder, name: str, snapshot: Snapshot) -> None:
    """Title, layers and loss of one model."""
    layers, values = layers_of(snapshot), snapshot.values
    grads = [values[layer.last].grad for layer in layers]
    known = [abs(grad) for grad in grads if grad is not None]
    first_dead = next((k for k, layer in enumerate(layers) if any(is_dead(values[i]) for i in layer.members)), None)
    verdict = verdict_of(known, first_dead is not None)
    builder.sentences.append(f"{name}: {word(builder.lang, verdict)}")
    if verdict in ("nan", "dead", "exploding", "vanishing"):
        builder.problems.append(Problem(verdict, name, f"{name}: {verdict}"))
    before = builder.new_id("n")
    detail = detail_of(known, verdict, first_dead, builder.lang)
    card = verdict_card(name, word(builder.lang, verdict), HEAT_WORD.get(verdict, MUTED), detail)
    builder.nodes.append(Node(before, "note", card, name=name, tooltip=name))
    for k, (layer, grad) in enumerate(zip(layers, grads, strict=True)):
        before = add_layer(builder, layer, values, grad, k, k == first_dead, before)
    for root in snapshot.roots:
        add_loss(builder, values[root], before, grads[-1] if grads else None)


def add_layer(
    builder: RowBuilder, layer: Item, values: Sequence[Value], grad: float | None, k: int, dead: bool, before: str
) -> str:
    """The box of one layer and the line from the box before it; returns the id of the box."""
    norm = None if grad is None else abs(grad)
    heat = HEALTHY if norm is None else heat_of(norm)
    if norm is not None:
        builder.heats.add(heat.name)
    node_id = builder.new_id("n")
    card = heat_card(str(k + 1), "–" if norm is None else short_number(norm), heat, "dead" if dead else "")
    builder.nodes.append(
        Node(
            node_id,
            "module",
            card,
            name=clean(layer.path),
            grad=norm,
            module=layer.path,
            status="dead" if dead else "",
            count=len(layer.members),
            tooltip=layer_tooltip(layer, values[layer.last], norm),
        )
    )
    join(builder, before, node_id, norm if k else None)
    return node_id


def add_loss(builder: RowBuilder, root: Value, before: str, grad: float | None) -> None:
    """The end of a row."""
    node_id = builder.new_id("n")
    shown = number(root.number, 3) if root.number is not None else ""
    builder.nodes.append(value_node(node_id, root, "output", loss_chip(name_of(root) or "loss", shown)))
    join(builder, before, node_id, None if grad is None else abs(grad))


def join(builder: RowBuilder, source: str, target: str, norm: float | None) -> None:
    """The gradient between two boxes; invisible where there is none, to keep the row in order."""
    if norm is None:
        builder.add_edge(source, target, "order", dash="invis", arrow="none", weight=4)
    else:
        builder.add_heat(source, target, norm, weight=4, arrow_size=0.5)


def layer_tooltip(layer: Item, newest: Value, norm: float | None) -> str:
    """`layer: gradient norm 0.07, 50 % of outputs are 0`."""
    text = layer.path or newest.badge
    if norm is not None:
        text += f": gradient norm {norm!r}"
    if newest.stats is not None and newest.stats.size:
        text += f", {100 * newest.stats.zeros / newest.stats.size:.1f} % of outputs are 0"
    return clean(text, 400)


def detail_of(norms: Sequence[float], verdict: str, first_dead: int | None, lang: str) -> str:
    """What happens from layer to layer."""
    if first_dead is not None:
        return word(lang, "layer outputs zero", first_dead + 1)
    known = [norm for norm in norms if norm > 0 and math.isfinite(norm)]
    if verdict in ("vanishing", "exploding") and len(known) > 2:
        return word(lang, "per layer", short_number((known[0] / known[-1]) ** (1 / (len(known) - 1))))
    return ""
