"""The column on the right of the backprop flow: parameters, constants, and the optimizer among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..layout.card_sizes import inner_width
from ..picture.cards import chip_card, optimizer_card, parameters_card
from ..picture.model import Edge, Node, Run
from ..picture.style import GRAD, UPDATE
from ..picture.text import clean, number, percent, shape_text
from ..picture.words import word
from ..reading.folding import Item, inputs_of
from ..reading.records import Value
from . import parts as build
from .module_titles import FlowPicture


def add_parameters(page: FlowPicture, position: int, item: Item, host: str) -> None:
    """The parameters an item is the first to read, as one card on the right. Folded runs keep theirs inside."""
    if item.kind in ("repeat", "rest"):
        return
    found = inputs_of(item, page.snapshot, page.owner, position, lambda value: value.role == "parameter")
    found = [i for i in found if i not in page.value_node]
    if not found or page.options.heat is not None:
        return
    node_id, rows = page.ids.new("n"), []
    for i in found:
        value = page.snapshot.values[i]
        page.value_node[i] = node_id
        norm = number(value.stats.norm) if value.stats is not None and value.stats.norm is not None else ""
        grad = number(abs(value.grad)) if value.grad is not None and "grad" in page.options.show else ""
        rows.append(
            (build.name_of(value) or "w", shape_text(value.shape, word(page.options.lang, "scalar")), norm, grad)
        )
    names = [page.snapshot.values[i].name for i in found]
    first = page.snapshot.values[found[0]]
    tooltip = clean("; ".join(build.value_tooltip(page.snapshot.values[i]) for i in found), 1000)
    page.nodes.append(
        Node(
            node_id,
            "parameter",
            parameters_card(rows),
            name=clean(", ".join(names), 200),
            shape=shape_text(first.shape),
            dtype=first.dtype,
            grad=first.grad,
            stats=first.stats,
            module=item.path,
            count=len(found),
            tooltip=tooltip,
        )
    )
    page.homes[node_id] = page.homes[host]
    page.beside.append((host, node_id, "right"))
    page.columns.append((host, node_id, [page.snapshot.values[i].key or page.snapshot.values[i].name for i in found]))
    page.edges.append(build.forward_edge(page.ids.new("e"), node_id, host, tooltip=", ".join(names)))
    if any(row[3] for row in rows):
        page.edges.append(
            build.gradient_edge(page.ids.new("e"), node_id, host, width=1.6, tooltip=f"gradient of {', '.join(names)}")
        )


def add_chips(page: FlowPicture, position: int, item: Item, host: str) -> None:
    """Constant arrays beside the card that reads them: labels, masks, tokens."""
    if item.kind in ("repeat", "rest") or page.options.heat is not None:
        return
    constants = inputs_of(
        item, page.snapshot, page.owner, position, lambda value: value.role == "constant" and not value.single
    )
    for i in constants[:3]:
        if i in page.value_node:
            continue
        value, node_id = page.snapshot.values[i], page.ids.new("n")
        name, detail = constant_text(page, value)
        page.nodes.append(build.value_node(node_id, value, "constant", chip_card("constant", name, detail)))
        page.value_node[i] = node_id
        page.homes[node_id] = page.homes[host]
        taken = any(pair[0] == host and pair[2] == "right" for pair in page.beside)
        page.beside.append((host, node_id, "left" if taken else "right"))
        page.edges.append(build.forward_edge(page.ids.new("e"), node_id, host, tooltip=f"{name} {detail}"))


def add_again(page: FlowPicture, node: Node, host: str) -> None:
    """Data that was read further up as a chip of its own, instead of a line across the picture."""
    node_id = page.ids.new("n")
    name = node.name or word(page.options.lang, "Input")
    card = chip_card("constant", f"↗ {clean(name)}", f"{node.shape} {node.dtype}")
    tooltip = f"{node.tooltip}; {word(page.options.lang, 'reference')}"
    page.nodes.append(replace(node, id=node_id, kind="reference", card=card, tooltip=tooltip))
    page.homes[node_id] = page.homes[host]
    taken = any(pair[0] == host and pair[2] == "right" for pair in page.beside)
    page.beside.append((host, node_id, "left" if taken else "right"))
    page.edges.append(build.forward_edge(page.ids.new("e"), node_id, host, tooltip=name))


def constant_text(page: FlowPicture, value: Value) -> tuple[str, str]:
    """Name, and shape with dtype, of a constant array; integers that nobody named are labels."""
    key = "labels" if value.dtype.startswith(("int", "uint")) else "constant"
    return build.name_of(value) or word(page.options.lang, key), f"{shape_text(value.shape)} {value.dtype}"


def add_column(page: FlowPicture) -> None:
    """The optimizer among the parameters: gradients run to it along the left lane, updates run back along the right."""
    info = page.snapshot.optimizer
    if info is None or not page.columns:
        set_width(page, ("parameter",))
        return
    used = {host for host, _, side in page.beside if side == "right"}
    order = [node.id for node in page.nodes if node.kind in ("module", "output", "input", "tensor", "repeat")]
    hosts = [order.index(host) for host, _, _ in page.columns]
    middle = (hosts[0] + hosts[-1]) / 2
    free = [k for k, node in enumerate(order) if node not in used]
    host = order[min(free, key=lambda k: (not hosts[0] < k < hosts[-1], abs(k - middle)))] if free else order[-1]
    details = [f"lr {number(info.lr)}"] if info.lr is not None else []
    if info.step:
        details.append(word(page.options.lang, "step", info.step))
    node_id = page.ids.new("n")
    card = optimizer_card(info.name, "\u00a0\u00a0·\u00a0\u00a0".join(details))
    page.nodes.append(Node(node_id, "optimizer", card, name=info.name, tooltip=clean(" ".join([info.name, *details]))))
    page.homes[node_id] = page.homes[host]
    page.beside.append((host, node_id, "right"))
    set_width(page, ("parameter", "optimizer"), 200)
    column = sorted([*page.columns, (host, node_id, [])], key=lambda entry: order.index(entry[0]))
    seat = next(k for k, entry in enumerate(column) if entry[1] == node_id)
    for k, (upper, lower) in enumerate(pairwise(column)):
        add_update(page, upper, lower, towards_lower=k < seat)


def set_width(page: FlowPicture, kinds: Sequence[str], least: float = 0) -> None:
    """All cards of these kinds as wide as the widest, so that lanes are vertical."""
    cards = [node.card for node in page.nodes if node.kind in kinds and node.card.lanes]
    width = max([least, *map(inner_width, cards)])
    page.nodes = [
        replace(node, card=replace(node.card, min_width=width)) if node.kind in kinds and node.card.lanes else node
        for node in page.nodes
    ]


def add_update(
    page: FlowPicture, upper: tuple[str, str, list[str]], lower: tuple[str, str, list[str]], towards_lower: bool
) -> None:
    """Gradient and update between two neighbours of the column; the optimizer is on the lower or on the upper side."""
    info = page.snapshot.optimizer
    assert info is not None
    _, source, _ = upper
    _, target, _ = lower
    names = (upper if towards_lower else lower)[2]
    label = (Run(word(page.options.lang, "grad"), 11, GRAD),)
    tooltip = f"gradient of {', '.join(names)}"
    gradient = build.gradient_edge(
        page.ids.new("e"), source, target, width=1.6, lane="f", weight=8, label=label, tooltip=tooltip
    )
    page.edges.append(replace(gradient, back=not towards_lower))
    ratios = [info.ratios[name] for name in names if name in info.ratios]
    runs: tuple[Run, ...] = ()
    if ratios:
        runs = (Run("‖Δw‖/‖w‖\u00a0", 11, UPDATE), Run(percent(max(ratios)), 11, UPDATE, True))
    tooltip = f"update of {', '.join(names)}"
    page.edges.append(
        Edge(
            page.ids.new("e"),
            source,
            target,
            "update",
            runs,
            tooltip,
            UPDATE,
            2,
            "dotted",
            back=towards_lower,
            lane="b",
            weight=8,
        )
    )
