"""Models as rows: a title with a verdict, one small box a layer with the norm of its gradient, and the loss.

A layer is a member of the longest run of equal modules. Its number is the norm of the gradient at its output, in the
colour of its class; the line between two layers is as thick and as dark as that gradient.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ..picture.cards import GAP, heat_card, loss_chip, verdict_card
from ..picture.model import Module, Node, Picture, Problem, Run
from ..picture.style import HEALTHY, HEAT_WORD, INK, MUTED, heat_of
from ..picture.text import number, percent, short_number, shorten
from ..picture.words import word
from ..reading.folding import Folder, Item
from ..reading.records import Snapshot, Value
from .parts.builder import Builder
from .parts.legends import heat_keys
from .parts.problems import is_dead
from .parts.value_texts import name_of, value_node

SEVERITY = ("nan", "dead", "exploding", "vanishing", "strong", "weak", "healthy")


def verdict_of(norms: Sequence[float], dead: bool) -> str:
    """Return one word for the gradients of a model: the worst class among its norms."""
    found = {heat_of(norm).name for norm in norms} | ({"dead"} if dead else set())
    return next((name for name in SEVERITY if name in found), "no gradient")


@dataclass(slots=True, kw_only=True)
class RowBuilder(Builder):
    """Rows of layers. sentences: the alternative text of each model."""

    sentences: list[str] = field(default_factory=list)


def row_picture(snapshots: Mapping[str, Snapshot], lang: str, title: str, legend: bool) -> Picture:
    """Return the picture with a row for each model."""
    builder = RowBuilder(lang=lang)
    for name, snapshot in snapshots.items():
        add_row(builder, name, snapshot)
    alt = word(lang, "rows alt", len(snapshots), "; ".join(builder.sentences))
    return builder.picture(
        level="compare",
        direction="LR",
        spine=frozenset(node.id for node in builder.nodes),
        legend=heat_keys(lang, builder.heats) if legend else (),
        title=title,
        alt=shorten(alt, 2000),
        node_gap=0.30,
        rank_gap=0.20,
    )


def layers_of(snapshot: Snapshot) -> list[Item]:
    """Return the layers of a model: the members of its longest run of equal modules, else its modules, else its
    operations.
    """
    items = Folder(snapshot, repeat=2).items()
    runs = [item for item in items if item.kind == "repeat"]
    if runs:
        return max(runs, key=lambda item: len(item.parts)).parts
    return [item for item in items if item.kind == "module"] or items


def add_row(builder: RowBuilder, name: str, snapshot: Snapshot) -> None:
    """Add the title, the layers and the loss of one model."""
    layers, values = layers_of(snapshot), snapshot.values
    grads = [values[layer.last].grad for layer in layers]
    known = [abs(grad) for grad in grads if grad is not None]
    first_dead = next((k for k, layer in enumerate(layers) if any(is_dead(values[i]) for i in layer.members)), None)
    verdict = verdict_of(known, first_dead is not None)
    builder.sentences.append(f"{name}: {word(builder.lang, verdict)}")
    if verdict in ("nan", "dead", "exploding", "vanishing"):
        builder.problems.append(Problem(verdict, name, f"{name}: {word(builder.lang, verdict)}"))
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
    """Add the box of one layer and the line from the box before it; return the id of the box."""
    norm = None if grad is None else abs(grad)
    heat = HEALTHY if norm is None else heat_of(norm)
    if norm is not None:
        builder.heats.add(heat.name)
    node_id = builder.new_id("n")
    shown = "–" if norm is None else short_number(norm)
    card = heat_card(str(k + 1), shown, heat, word(builder.lang, "dead") if dead else "")
    builder.nodes.append(
        Node(
            node_id,
            "module",
            card,
            name=shorten(layer.path),
            grad=norm,
            module=layer.path,
            status="dead" if dead else "",
            count=len(layer.members),
            tooltip=layer_tooltip(layer, values[layer.last], norm, builder.lang),
        )
    )
    join(builder, before, node_id, norm if k else None)
    return node_id


def add_loss(builder: RowBuilder, root: Value, before: str, grad: float | None) -> None:
    """Add the end of a row."""
    node_id = builder.new_id("n")
    shown = number(root.number, 3) if root.number is not None else ""
    card = loss_chip(name_of(root) or word(builder.lang, "loss"), shown)
    builder.nodes.append(value_node(builder.lang, node_id, root, "output", card))
    join(builder, before, node_id, None if grad is None else abs(grad))


def join(builder: RowBuilder, source: str, target: str, norm: float | None) -> None:
    """Add the gradient between two boxes; invisible where there is none, to keep the row in order."""
    if norm is None:
        builder.add_edge(source, target, "order", dash="invis", arrow="none", weight=4)
    else:
        builder.add_heat(source, target, norm, weight=4, arrow_size=0.5)


def layer_tooltip(layer: Item, newest: Value, norm: float | None, lang: str) -> str:
    """Return `layer: gradient norm 0.07, 50 % of outputs are 0`."""
    text = layer.path or newest.badge
    if norm is not None:
        text += f": {word(lang, 'gradient norm')} {norm!r}"
    if newest.stats is not None and newest.stats.size:
        text += ", " + word(lang, "zeros of outputs", percent(newest.stats.zeros / newest.stats.size))
    return shorten(text, 400)


def detail_of(norms: Sequence[float], verdict: str, first_dead: int | None, lang: str) -> str:
    """Return a sentence on the change from layer to layer."""
    if first_dead is not None:
        return word(lang, "layer outputs zero", first_dead + 1)
    known = [norm for norm in norms if norm > 0 and math.isfinite(norm)]
    if verdict in ("vanishing", "exploding") and len(known) > 2:
        return word(lang, "per layer", short_number((known[0] / known[-1]) ** (1 / (len(known) - 1))))
    return ""


def side_by_side(pictures: Mapping[str, Picture], lang: str, title: str) -> Picture:
    """Return pictures as panels of one picture. Ids get a number for each panel."""
    panels = [renamed(picture, k) for k, picture in enumerate(pictures.values())]
    modules: list[Module] = []
    for k, (name, panel) in enumerate(zip(pictures, panels, strict=True)):
        modules.append(frame_of(f"m{k}", name, panel, lang))
        modules += [dataclasses.replace(module, parent=module.parent or f"m{k}") for module in panel.modules]
    keys = tuple(dict.fromkeys(key for panel in panels for key in panel.legend))
    used = {heat for heat in SEVERITY if any(key.text.startswith(word(lang, heat)) for key in keys)}
    heated = panels[0].legend_title
    problems = [
        dataclasses.replace(problem, text=f"{name}: {problem.text}")
        for name, panel in zip(pictures, panels, strict=True)
        for problem in panel.problems
    ]
    return Picture(
        level="compare",
        direction="TB",
        nodes=tuple(chain.from_iterable(panel.nodes for panel in panels)),
        edges=tuple(chain.from_iterable(panel.edges for panel in panels)),
        modules=tuple(modules),
        beside=tuple(chain.from_iterable(panel.beside for panel in panels)),
        spine=frozenset(chain.from_iterable(panel.spine for panel in panels)),
        legend=heat_keys(lang, used) if heated else keys,
        legend_title=heated,
        footer=shared_footer({name: picture.footer for name, picture in pictures.items()}),
        title=title,
        alt=shorten(" ".join(f"{name}: {picture.alt}" for name, picture in pictures.items()), 2000),
        problems=tuple(problems),
        lang=lang,
        node_gap=0.7,
        rank_gap=0.26,
    )


def shared_footer(footers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return a line that stands under every panel once, the others with the name of their panel."""
    lines = dict.fromkeys(line for footer in footers.values() for line in footer)
    owners = {line: [name for name, footer in footers.items() if line in footer] for line in lines}
    return tuple(
        line if len(names) == len(footers) else f"{', '.join(names)}: {line}" for line, names in owners.items()
    )


def frame_of(key: str, name: str, panel: Picture, lang: str) -> Module:
    """Return the frame around one panel, with the verdict on its gradients in the heading."""
    norms = [edge.number for edge in panel.edges if edge.kind == "gradient" and edge.number is not None]
    strip = [problem.kind for problem in panel.problems if problem.kind in ("vanishing", "exploding")]
    verdict = strip[0] if strip else verdict_of(norms, any(problem.kind == "dead" for problem in panel.problems))
    color = HEAT_WORD.get(verdict, MUTED)
    heading = (Run(name + GAP, 13, INK, True), Run(word(lang, verdict), 12, color, True))
    inside = {node_id for module in panel.modules for node_id in module.nodes}
    free = tuple(node.id for node in panel.nodes if node.id not in inside)
    return Module(key, name, heading, free, "", len(panel.nodes), "center")


def renamed(picture: Picture, k: int) -> Picture:
    """Return the picture with ids that no other panel uses."""

    def new(name: str) -> str:
        return f"p{k}{name}" if name else ""

    return dataclasses.replace(
        picture,
        nodes=tuple(dataclasses.replace(node, id=new(node.id)) for node in picture.nodes),
        edges=tuple(
            dataclasses.replace(edge, id=new(edge.id), source=new(edge.source), target=new(edge.target))
            for edge in picture.edges
        ),
        modules=tuple(
            dataclasses.replace(
                module, id=new(module.id), parent=new(module.parent), nodes=tuple(map(new, module.nodes))
            )
            for module in picture.modules
        ),
        beside=tuple((new(host), new(companion), side) for host, companion, side in picture.beside),
        spine=frozenset(map(new, picture.spine)),
    )
