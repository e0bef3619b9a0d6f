"""Several models in one picture, to see at a glance whose gradients survive.

Two models stand side by side, each in a frame with a verdict in a word. More of them, or `rankdir="LR"`, become rows:
one small box a layer with the norm of its gradient in the colour of its class, and the loss at the end.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from . import build
from .cards import heat_card, loss_chip, verdict_card
from .contract import Folder, Item
from .draw import check_roots, draw
from .figure import Figure
from .model import Edge, Module, Node, Picture, Problem, Run
from .snapshot import take
from .style import HEAT_WORD, INK, heat_of
from .text import clean, number, short_number
from .values import Snapshot, Value
from .words import check_language, word

SEVERITY = ("nan", "dead", "exploding", "vanishing", "strong", "weak", "healthy")


def draw_compare(
    models: Mapping[str, Any],
    *,
    heat: str | None = "grad",
    rankdir: str = "auto",
    lang: str = "en",
    title: str | None = None,
    legend: bool = True,
    level: str = "overview",
    **options: Any,
) -> Figure:
    """Draw several graphs in one picture.

    Args:
        models: a title for each value of a graph (a loss), or for each Figure made by `draw`.
        heat: "grad" colours by gradient norm; None draws plain gradients.
        rankdir: "TB" puts them side by side, "LR" under each other as rows of layers; "auto" chooses by number.
        lang, title, legend, level, options: as in `draw`.

    Raises:
        TypeError: a model is neither a value of a graph nor a Figure.

    >>> import autodiff as ad, numpy as np
    >>> def run(scale):
    ...     with ad.record():
    ...         loss = (np.tanh(ad.tensor(np.ones(3))) * scale).sum()
    ...         loss.backward()
    ...     return loss
    >>> fig = ad.draw_compare({"small": run(1e-9), "plain": run(1.0)})
    >>> fig.level, len(fig.modules), fig.problems[0].kind
    ('compare', 2, 'vanishing')
    """
    check_language(lang)
    figures = [value for value in models.values() if isinstance(value, Figure)]
    roots = [value for value in models.values() if not isinstance(value, Figure)]
    if roots or not figures:
        check_roots(roots)
    named = {clean(name, 60): value for name, value in models.items()}
    if not figures and (rankdir == "LR" or (rankdir == "auto" and len(named) > 2)):
        snapshots = {name: take([root]) for name, root in named.items()}
        return Figure(row_picture(snapshots, lang, clean(title or "", 120), legend))
    drawn = {
        name: value
        if isinstance(value, Figure)
        else draw(value, level=level, heat=heat, lang=lang, legend=legend, **options)
        for name, value in named.items()
    }
    return Figure(side_by_side({name: figure.picture for name, figure in drawn.items()}, lang, clean(title or "", 120)))


def verdict_of(norms: Sequence[float], dead: bool) -> str:
    """One word for the gradients of a model: the worst class among its norms."""
    found = {heat_of(norm).name for norm in norms} | ({"dead"} if dead else set())
    return next((name for name in SEVERITY if name in found), "healthy")


def side_by_side(pictures: Mapping[str, Picture], lang: str, title: str) -> Picture:
    """Pictures as panels of one picture. Ids get a number for each panel."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    modules: list[Module] = []
    beside: list[tuple[str, str, str]] = []
    spine: set[str] = set()
    problems: list[Problem] = []
    keys: dict[Any, None] = {}
    for k, (name, picture) in enumerate(pictures.items()):
        part = renamed(picture, k)
        norms = [edge.number for edge in picture.edges if edge.kind == "gradient" and edge.number is not None]
        strip = [problem for problem in picture.problems if problem.kind in ("vanishing", "exploding")]
        verdict = strip[0].kind if strip else verdict_of(norms, any(p.kind == "dead" for p in picture.problems))
        heading = (
            Run(name + "\u00a0\u00a0\u00a0", 13, INK, True),
            Run(word(lang, verdict), 12, HEAT_WORD[verdict], True),
        )
        inside = {node_id for module in part.modules for node_id in module.nodes}
        modules.append(
            Module(
                f"m{k}",
                name,
                heading,
                tuple(node.id for node in part.nodes if node.id not in inside),
                "",
                len(part.nodes),
                "center",
            )
        )
        modules += [dataclasses.replace(module, parent=module.parent or f"m{k}") for module in part.modules]
        nodes += part.nodes
        edges += part.edges
        beside += part.beside
        spine |= part.spine
        problems += [dataclasses.replace(p, text=f"{name}: {p.text}") for p in picture.problems]
        keys |= dict.fromkeys(picture.legend)
    parts = list(pictures.values())
    used = {heat for heat in SEVERITY if any(key.text.startswith(word(lang, heat)) for key in keys)}
    legend = build.heat_keys(lang, used) if parts[0].legend_title else tuple(keys)
    alt = clean(" ".join(f"{name}: {picture.alt}" for name, picture in pictures.items()), 2000)
    footer = tuple(dict.fromkeys(line for picture in parts for line in picture.footer))
    return Picture(
        level="compare",
        direction="TB",
        nodes=tuple(nodes),
        edges=tuple(edges),
        modules=tuple(modules),
        beside=tuple(beside),
        spine=frozenset(spine),
        legend=legend,
        legend_title=parts[0].legend_title,
        footer=footer,
        title=title,
        alt=alt,
        problems=tuple(problems),
        lang=lang,
        node_gap=0.42,
        rank_gap=0.26,
    )


def renamed(picture: Picture, k: int) -> Picture:
    """The picture with ids that no other panel uses."""

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


def row_picture(snapshots: Mapping[str, Snapshot], lang: str, title: str, legend: bool) -> Picture:
    """One row a model: title and verdict, a box a layer, the loss."""
    ids = build.Ids()
    nodes: list[Node] = []
    edges: list[Edge] = []
    used: set[str] = set()
    problems: list[Problem] = []
    sentences = []
    for name, snapshot in snapshots.items():
        row, lines, found, verdict = one_row(ids, name, snapshot, lang, used)
        nodes += row
        edges += lines
        problems += found
        sentences.append(f"{name}: {word(lang, verdict)}")
    keys = build.heat_keys(lang, used) if legend else ()
    alt = clean(f"Gradient norms of {len(snapshots)} networks, layer by layer. " + "; ".join(sentences) + ".", 2000)
    return Picture(
        level="compare",
        direction="LR",
        nodes=tuple(nodes),
        edges=tuple(edges),
        modules=(),
        beside=(),
        spine=frozenset(node.id for node in nodes),
        legend=keys,
        legend_title="",
        footer=(),
        title=title,
        alt=alt,
        problems=tuple(problems),
        lang=lang,
        node_gap=0.30,
        rank_gap=0.20,
    )


def layers_of(snapshot: Snapshot) -> list[Item]:
    """The layers of a model: the members of its longest run of equal modules, else its modules."""
    items = Folder(snapshot, repeat=2).items()
    runs = [item for item in items if item.kind == "repeat"]
    if runs:
        return max(runs, key=lambda item: len(item.parts)).parts
    return [
        item for item in items if item.kind == "module" and len(item.path) and item.path in snapshot.modules
    ] or items


def one_row(
    ids: build.Ids, name: str, snapshot: Snapshot, lang: str, used: set[str]
) -> tuple[list[Node], list[Edge], list[Problem], str]:
    """Nodes and lines of one row."""
    layers = layers_of(snapshot)
    values = snapshot.values
    norms = [abs(values[layer.last].grad or 0.0) for layer in layers]
    first_dead = next(
        (k for k, layer in enumerate(layers) if any(build.is_dead(values[i]) for i in layer.members)), None
    )
    verdict = verdict_of(norms, first_dead is not None)
    detail = detail_of(norms, verdict, first_dead, lang)
    head = ids.new("n")
    nodes = [
        Node(head, "note", verdict_card(name, word(lang, verdict), HEAT_WORD[verdict], detail), name=name, tooltip=name)
    ]
    edges: list[Edge] = []
    problems = [Problem(verdict, name, f"{name}: {verdict}")] if verdict not in ("healthy", "weak", "strong") else []
    before = head
    for k, (layer, norm) in enumerate(zip(layers, norms, strict=True)):
        heat = heat_of(norm)
        used.add(heat.name)
        node_id = ids.new("n")
        title = str(k + 1)
        status = "dead" if k == first_dead else ""
        nodes.append(
            Node(
                node_id,
                "module",
                heat_card(title, short_number(norm), heat, status),
                name=clean(layer.path),
                grad=norm,
                module=layer.path,
                status=status,
                count=len(layer.members),
                tooltip=layer_tooltip(layer, values, norm),
            )
        )
        if before == head:
            edges.append(Edge(ids.new("e"), head, node_id, "order", dash="invis", arrow="none"))
        else:
            edges.append(build.heat_edge(ids.new("e"), before, node_id, norm, weight=4, arrow_size=0.5))
        before = node_id
    for root in snapshot.roots:
        node_id = ids.new("n")
        shown = values[root]
        text = (
            format(shown.number, ".3g").replace("e+0", "e").replace("e+", "e")
            if isinstance(shown.number, float)
            else ""
        )
        nodes.append(
            build.value_node(
                node_id, shown, "output", loss_chip(build.name_of(shown) or "loss", text.replace("-", "−") or number(0))
            )
        )
        last = norms[-1] if norms else 0.0
        edges.append(build.heat_edge(ids.new("e"), before, node_id, last, weight=4, arrow_size=0.5))
    return nodes, edges, problems, verdict


def layer_tooltip(layer: Item, values: Sequence[Value], norm: float) -> str:
    """`layer: gradient norm 0.07, 50 % of outputs are 0`."""
    newest = values[layer.last]
    text = f"{layer.path or newest.badge}: gradient norm {norm!r}"
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
