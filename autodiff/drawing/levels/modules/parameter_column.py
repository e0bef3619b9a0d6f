"""The column on the right of the backprop flow: parameters, constants, and the optimizer among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ...picture.cards import chip_card, optimizer_card, parameters_card
from ...picture.model import Node, Run
from ...picture.style import GRAD, UPDATE
from ...picture.text import number, percent, shape_text, shorten
from ...picture.words import word
from ...reading.folding import Item, inputs_of
from ...reading.records import Value
from ..parts.value_texts import name_of, value_node, value_tooltip
from .titles import FlowBuilder


def texts_of_parameter(builder: FlowBuilder, value: Value) -> tuple[str, str, str, str]:
    """Return a parameter's name, shape, norm and the norm of its gradient; "" for those not known or not shown."""
    norm = number(value.stats.norm) if value.stats is not None and value.stats.norm is not None else ""
    grad = number(abs(value.grad)) if value.grad is not None and "grad" in builder.options.show else ""
    return name_of(value) or "w", shape_text(value.shape, word(builder.lang, "scalar")), norm, grad


def add_parameters(builder: FlowBuilder, position: int, item: Item, host: str) -> None:
    """Add the parameters an item is the first to read, as one card on the right. Folded runs keep theirs inside."""
    if item.kind in ("repeat", "rest"):
        return
    found = inputs_of(item, builder.snapshot, builder.owner, position, lambda value: value.role == "parameter")
    tied = [i for i in found if i in builder.value_node and tied_name(builder.snapshot.values[i], item.path)]
    found = [i for i in found if i not in builder.value_node]
    for i in tied if builder.options.heat is None else ():
        add_tied(builder, builder.snapshot.values[i], item.path, host)
    if not found or builder.options.heat is not None:
        return
    node_id, rows = builder.new_id("n"), []
    for i in found:
        builder.value_node[i] = node_id
        rows.append(texts_of_parameter(builder, builder.snapshot.values[i]))
    names = [builder.snapshot.values[i].name for i in found]
    first = builder.snapshot.values[found[0]]
    tooltip = shorten("; ".join(value_tooltip(builder.snapshot.values[i], builder.lang) for i in found), 1000)
    builder.nodes.append(
        Node(
            node_id,
            "parameter",
            parameters_card(rows),
            name=shorten(", ".join(names), 200),
            shape=shape_text(first.shape),
            dtype=first.dtype,
            grad=first.grad,
            stats=first.stats,
            module=item.path,
            count=len(found),
            tooltip=tooltip,
        )
    )
    builder.homes[node_id] = builder.homes[host]
    builder.beside.append((host, node_id, "right"))
    builder.columns.append(
        (host, node_id, [builder.snapshot.values[i].key or builder.snapshot.values[i].name for i in found])
    )
    builder.add_value(node_id, host, tooltip=", ".join(names))
    if any(row[3] for row in rows):
        builder.add_gradient(node_id, host, width=1.6, tooltip=word(builder.lang, "gradient of", ", ".join(names)))


def tied_name(value: Value, path: str) -> str:
    """Return the name that a tied parameter has in a module, "" where it is not that module's."""
    return next((name for name in value.tied if name.rpartition(".")[0] == path), "")


def add_tied(builder: FlowBuilder, value: Value, path: str, host: str) -> None:
    """Add a chip for a parameter that another module drawn above owns too."""
    node_id = builder.new_id("n")
    name = shorten(f"↗ {tied_name(value, path)} = {value.key}", 60)
    card = chip_card("parameter", name, shape_text(value.shape, word(builder.lang, "scalar")))
    builder.nodes.append(value_node(builder.lang, node_id, value, "reference", card))
    builder.homes[node_id] = builder.homes[host]
    builder.beside.append((host, node_id, "left"))
    builder.add_value(node_id, host, tooltip=word(builder.lang, "tied", f"{tied_name(value, path)} = {value.key}"))


def add_chips(builder: FlowBuilder, position: int, item: Item, host: str) -> None:
    """Add constant arrays beside the card that reads them: labels, masks, tokens."""
    if item.kind in ("repeat", "rest") or builder.options.heat is not None:
        return
    constants = inputs_of(
        item,
        builder.snapshot,
        builder.owner,
        position,
        lambda value: value.role in ("constant", "frozen") and not value.single,
    )
    alike: dict[tuple[Any, ...], list[int]] = {}
    for i in constants:
        if i not in builder.value_node:
            value = builder.snapshot.values[i]
            named = i if name_of(value) else None  # those without a name stand in one chip, where they look the same
            alike.setdefault((named, value.role, constant_text(builder, value)), []).append(i)
    for (_, role, (name, detail)), members in list(alike.items())[:3]:
        value, node_id = builder.snapshot.values[members[0]], builder.new_id("n")
        name += f" × {len(members)}" if len(members) > 1 else ""
        builder.nodes.append(value_node(builder.lang, node_id, value, role, chip_card(role, name, detail)))
        builder.value_node |= dict.fromkeys(members, node_id)
        builder.homes[node_id] = builder.homes[host]
        taken = any(pair[0] == host and pair[2] == "right" for pair in builder.beside)
        builder.beside.append((host, node_id, "left" if taken else "right"))
        builder.add_value(node_id, host, tooltip=f"{name} {detail}")


def add_again(builder: FlowBuilder, node: Node, host: str) -> None:
    """Add a chip for data that was read further up, instead of a line across the picture."""
    node_id = builder.new_id("n")
    name = node.name or word(builder.lang, "Input")
    card = chip_card("constant", f"↗ {shorten(name)}", f"{node.shape} {node.dtype}")
    tooltip = f"{node.tooltip}; {word(builder.lang, 'reference')}"
    builder.nodes.append(replace(node, id=node_id, kind="reference", card=card, tooltip=tooltip))
    builder.homes[node_id] = builder.homes[host]
    taken = any(pair[0] == host and pair[2] == "right" for pair in builder.beside)
    builder.beside.append((host, node_id, "left" if taken else "right"))
    builder.add_value(node_id, host, tooltip=name)


def constant_text(builder: FlowBuilder, value: Value) -> tuple[str, str]:
    """Return name, and shape with dtype, of a constant array; integers without a name are labels."""
    key = "labels" if value.dtype.startswith(("int", "uint")) else "constant"
    return name_of(value) or word(builder.lang, key), f"{shape_text(value.shape)} {value.dtype}"


def add_column(builder: FlowBuilder) -> None:
    """Add the optimizer among the parameters: gradients run to it along the left lane, updates run back along the
    right.
    """
    info = builder.snapshot.optimizer
    if info is None or not builder.columns:
        set_width(builder, ("parameter",))
        return
    used = {host for host, _, side in builder.beside if side == "right"}
    order = [node.id for node in builder.nodes if node.kind in ("module", "output", "input", "tensor", "repeat")]
    hosts = [order.index(host) for host, _, _ in builder.columns]
    middle = (hosts[0] + hosts[-1]) / 2
    free = [k for k, node in enumerate(order) if node not in used]
    host = order[min(free, key=lambda k: (not hosts[0] < k < hosts[-1], abs(k - middle)))] if free else order[-1]
    details = [f"lr {number(info.lr)}"] if info.lr is not None else []
    if info.step:
        details.append(word(builder.lang, "step", info.step))
    node_id = builder.new_id("n")
    card = optimizer_card(info.name, "\u00a0\u00a0·\u00a0\u00a0".join(details))
    builder.nodes.append(
        Node(node_id, "optimizer", card, name=info.name, tooltip=shorten(" ".join([info.name, *details])))
    )
    builder.homes[node_id] = builder.homes[host]
    builder.beside.append((host, node_id, "right"))
    set_width(builder, ("parameter", "optimizer"), 200)
    column = sorted([*builder.columns, (host, node_id, [])], key=lambda entry: order.index(entry[0]))
    seat = next(k for k, entry in enumerate(column) if entry[1] == node_id)
    for k, (upper, lower) in enumerate(pairwise(column)):
        add_update(builder, upper, lower, towards_lower=k < seat)


def set_width(builder: FlowBuilder, kinds: Sequence[str], least: float = 0) -> None:
    """Make all cards of these kinds as wide as the widest, so that lanes are vertical."""
    cards = [node.card for node in builder.nodes if node.kind in kinds and node.card.lanes]
    width = max([least, *(card.inner_width for card in cards)])
    builder.nodes = [
        replace(node, card=replace(node.card, min_width=width)) if node.kind in kinds and node.card.lanes else node
        for node in builder.nodes
    ]


def add_update(
    builder: FlowBuilder, upper: tuple[str, str, list[str]], lower: tuple[str, str, list[str]], towards_lower: bool
) -> None:
    """Add gradient and update between two neighbours of the column; the optimizer is the lower or the upper one."""
    info = builder.snapshot.optimizer
    assert info is not None
    _, source, _ = upper
    _, target, _ = lower
    names = (upper if towards_lower else lower)[2]
    label = (Run(word(builder.lang, "grad"), 11, GRAD),)
    tooltip = word(builder.lang, "gradient of", ", ".join(names))
    builder.add_gradient(
        source, target, width=1.6, lane="f", weight=8, label=label, tooltip=tooltip, back=not towards_lower
    )
    ratios = [info.ratios[name] for name in names if name in info.ratios]
    runs: tuple[Run, ...] = ()
    if ratios:
        runs = (Run("‖Δw‖/‖w‖\u00a0", 11, UPDATE), Run(percent(max(ratios)), 11, UPDATE, True))
    tooltip = word(builder.lang, "update of", ", ".join(names))
    builder.add_edge(
        source,
        target,
        "update",
        label=runs,
        tooltip=tooltip,
        color=UPDATE,
        width=2,
        dash="dotted",
        back=towards_lower,
        lane="b",
        weight=8,
    )
