"""The module level: the backprop flow.

One wide card for every call of a module, from the input at the top to the loss at the bottom; the forward lane on the
left third, the backward lane on the right third, parameters in a column on the right, and among them the optimizer
that rewrites them. The overview is the same picture with runs of equal modules folded to `Name × k` over a heat
strip.
"""

from __future__ import annotations

import dataclasses
import math

from ..picture.cards import module_card
from ..picture.model import Card, Key, Node, Picture, Run
from ..picture.style import FORWARD, GRAD, HEAT_WORD, MUTED, heat_of
from ..picture.text import clean, number, percent, shape_text, short_number
from ..picture.words import word
from ..reading.folding import Folder, Item, fold_plain, inputs_of, owner_table
from ..reading.records import Snapshot, Value, shown_number
from . import parts as build
from .legends import footers
from .module_titles import FlowPicture, is_loss, mean_text, says_its_class, title_of
from .options import Options
from .parameter_column import add_again, add_chips, add_column, add_parameters, constant_text, set_width
from .repeated_modules import repeat_of

LANE_WEIGHT = 20
NARROWEST = 150  # a label still fits between the two lanes


def module_picture(snapshot: Snapshot, options: Options, *, overview: bool = False, opened: bool = False) -> Picture:
    """Module-level picture, or the overview with equal siblings folded.

    opened: operations are drawn one by one, except in the modules that `options.fold` names.
    """
    repeat = options.repeat if overview else None
    items = Folder(snapshot, options.expand, options.fold, repeat, opened=opened).items()
    if len(items) > options.max_nodes or overview:
        items = fold_plain(items, snapshot, min(options.max_nodes, 60), options.repeat or 3)
    page = FlowPicture(snapshot, options, items, owner_table(items))
    for position, item in enumerate(items):
        feed(page, position, item)
        add_item(page, position, item)
    for root in snapshot.roots:
        add_output(page, snapshot.values[root])
    add_column(page)
    depth = give_way(page)
    if len(set(depth.values())) < len(depth):  # cards stand side by side: they are as narrow as their words allow
        narrow(page)
    set_width(page, ("module", "repeat", "input", "output", "tensor"))
    return finish(page, overview)


def give_way(page: FlowPicture) -> dict[str, int]:
    """Lines that pass by a card bend, so that the cards stay under each other; returns the depth of every card."""
    depth: dict[str, int] = {}
    flow = [edge for edge in page.edges if edge.lane in ("f", "b") and edge.kind in ("value", "gradient")]
    flow = [edge for edge in flow if edge.weight == LANE_WEIGHT]
    for edge in flow:  # every line into a card was added with the card, before the lines out of it
        depth[edge.target] = max(depth.get(edge.target, 0), depth.setdefault(edge.source, 0) + 1)
    passing = {edge.id for edge in flow if depth[edge.target] - depth[edge.source] > 1}
    data = {node.id: node for node in page.nodes if node.kind in ("input", "constant") and node.grad is None}
    again = [edge for edge in flow if edge.id in passing and edge.source in data]
    page.edges = [
        dataclasses.replace(edge, weight=0) if edge.id in passing else edge for edge in page.edges if edge not in again
    ]
    for edge in again:
        add_again(page, data[edge.source], edge.target)
    return depth


def narrow(page: FlowPicture) -> None:
    """Module cards without the width of a picture that has one column."""
    page.nodes = [
        dataclasses.replace(node, card=dataclasses.replace(node.card, min_width=NARROWEST))
        if node.card.lanes and node.kind not in ("parameter", "optimizer")
        else node
        for node in page.nodes
    ]


def feed(page: FlowPicture, position: int, item: Item) -> None:
    """Cards for the inputs that this item is the first to read and that come from no operation."""
    flows = inputs_of(item, page.snapshot, page.owner, position, lambda value: value.role != "parameter")
    outer = [i for i in flows if not page.snapshot.values[i].op]
    inner = [i for i in flows if page.snapshot.values[i].op]
    for k, i in enumerate(outer):
        value = page.snapshot.values[i]
        if i in page.value_node or (value.role == "constant" and value.single):
            continue
        if value.role == "constant" and (inner or k):
            continue  # a chip beside the card, made by `add_chips`
        node_id = page.ids.new("n")
        detail = shape_text(value.shape, word(page.options.lang, "scalar"))
        title = build.name_of(value) or word(page.options.lang, "Input")
        low = page.options.heat is not None  # a picture of heat is read as a whole: its cards have one line
        sizes, subtitle = (f"{detail} {value.dtype}", "") if low else (detail, value.dtype)
        card = module_card("input", title, sizes=sizes, subtitle=subtitle)
        page.nodes.append(build.value_node(node_id, value, "input", card))
        page.value_node[i] = node_id
        page.homes[node_id] = ""


def add_item(page: FlowPicture, position: int, item: Item) -> None:
    """The card of an item, the lines into it, its parameters and chips."""
    node_id = page.ids.new("n")
    page.item_node[position] = node_id
    page.homes[node_id] = item.home
    newest = page.snapshot.values[item.last]
    title, sizes = title_of(page, item)
    card, status, _ = item_card(page, position, item, title, sizes)
    tooltip = "; ".join(
        part
        for part in (title, item.path, word(page.options.lang, "nodes", len(item.members)), build.value_tooltip(newest))
        if part
    )
    page.nodes.append(
        Node(
            node_id,
            item.kind if item.kind in ("module", "repeat") else "tensor",
            card,
            name=clean(title, 200),
            op=newest.badge if item.kind == "op" else "",
            shape=shape_text(newest.shape),
            dtype=newest.dtype,
            grad=newest.grad,
            stats=newest.stats,
            module=item.path,
            source=build.source_text(newest.source),
            status=status,
            count=len(item.members),
            tooltip=clean(tooltip, 1000),
        )
    )
    for source, via in sources(page, position, item):
        connect(page, source, node_id, via)
    add_parameters(page, position, item, node_id)
    add_chips(page, position, item, node_id)


def item_card(page: FlowPicture, position: int, item: Item, title: str, sizes: str) -> tuple[Card, str, str]:
    """The card of an item, its status and the note that says it in words."""
    values, lang = page.snapshot.values, page.options.lang
    newest = values[item.last]
    troubles = build.find_problems([values[i] for i in item.members])
    status, note = "", ""
    if any(problem.kind == "nan" for problem in troubles):
        status, note = "nan", next(problem.text for problem in troubles if problem.kind == "nan")
    elif any(problem.kind == "inf" for problem in troubles):
        status, note = "warning", next(problem.text for problem in troubles if problem.kind == "inf")
    elif any(problem.kind == "dead" for problem in troubles):
        status, note = "dead", word(lang, "outputs only zero")
    if item.kind == "repeat":
        return repeat_of(page, item, title), status, note
    named = item.kind == "module" and not is_loss(page, item) and not says_its_class(page, item)
    parts = [clean(item.path, 40)] if named else []
    if item.call:
        parts.append(word(lang, "call", item.call))
    if newest.detail:
        parts.append(mean_text(page, newest))
    elif newest.op == "relu" and newest.stats is not None and newest.stats.size > 1 and status != "dead":
        parts.append(word(lang, "zeros of outputs", percent(newest.stats.zeros / newest.stats.size)))
        parts = parts[-1:]
    if len(parts) == 1 and named and page.options.heat is not None:
        sizes, parts = "\u00a0·\u00a0".join(filter(None, (sizes, *parts))), []
    if page.options.heat is not None:  # a picture of heat has no chips beside its cards
        arrays = inputs_of(item, page.snapshot, page.owner, position, lambda v: v.role == "constant" and not v.single)
        parts += [
            " ".join(constant_text(page, page.snapshot.values[i])) for i in arrays[:2] if i not in page.value_node
        ]
    subtitle = " · ".join(part for part in parts if part)
    return (
        module_card("module", title, sizes=sizes, subtitle=subtitle, status=status, note=clean(note, 60)),
        status,
        note,
    )


def sources(page: FlowPicture, position: int, item: Item) -> list[tuple[str, list[int]]]:
    """Nodes that feed an item, with the values that flow."""
    found: dict[str, list[int]] = {}
    for i in inputs_of(item, page.snapshot, page.owner, position, lambda value: value.role != "parameter"):
        node_id = page.value_node.get(i) or page.item_node.get(page.owner.get(i, -1))
        if node_id:
            found.setdefault(node_id, []).append(i)
    return list(found.items())


def connect(page: FlowPicture, source: str, target: str, via: list[int]) -> None:
    """The forward line with shapes, and the backward line with the norm of the gradient."""
    lang, values = page.options.lang, [page.snapshot.values[i] for i in via]
    shapes = ", ".join(shape_text(value.shape, word(lang, "scalar")) for value in values[:2]) + (
        ", …" if len(values) > 2 else ""
    )
    label = (Run(shapes, 11, FORWARD),) if "shape" in page.options.show else ()
    page.edges.append(
        build.forward_edge(
            page.ids.new("e"), source, target, lane="f", label=label, weight=LANE_WEIGHT, tooltip=f"{shapes}"
        )
    )
    graded = [value for value in values if value.grad is not None]
    if not graded or "grad" not in page.options.show:
        return
    norm = abs(graded[0].grad or 0.0) if len(graded) == 1 else math.hypot(*[value.grad or 0.0 for value in graded])
    page.norms.append((graded[0].name or graded[0].badge or "the input", norm))
    page.backward.append(target)
    tooltip = f"gradient {shapes}: norm {norm!r}"
    if page.options.heat == "grad":
        heat = heat_of(norm)
        page.heats.add(heat.name)
        color = HEAT_WORD[heat.name] if heat.name != "healthy" else MUTED
        norms = (Run("‖g‖\u00a0", 11, color), Run(short_number(norm), 11, color, True))
        edge_id = page.ids.new("e")
        page.edges.append(
            build.heat_edge(edge_id, source, target, norm, label=norms, lane="b", weight=LANE_WEIGHT, arrow_size=0.6)
        )
        return
    runs = (Run(shapes, 11, GRAD), Run("\u00a0\u00a0\u00a0‖g‖\u00a0", 11, GRAD), Run(number(norm), 11, GRAD, True))
    page.edges.append(
        build.gradient_edge(
            page.ids.new("e"),
            source,
            target,
            lane="b",
            label=runs,
            width=1.6,
            weight=LANE_WEIGHT,
            tooltip=tooltip,
            number=norm,
        )
    )


def add_output(page: FlowPicture, value: Value) -> None:
    """The end of the flow: the name and number of a root, and the gradient it starts the backward pass with."""
    position = page.owner.get(value.index)
    if position is None:
        return
    lang, node_id = page.options.lang, page.ids.new("n")
    name = build.name_of(value) or (word(lang, "loss") if value.grad == 1.0 else word(lang, "output"))
    seed = (
        word(lang, "seed gradient", clean(value.name, 12) or "loss")
        if value.grad == 1.0 and page.options.heat is None
        else ""
    )
    shown = shown_number(value) if value.single else ""
    status = "nan" if isinstance(value.number, float) and not math.isfinite(value.number) else ""
    card = module_card(
        "output", name, value=shown, sizes="" if value.single else shape_text(value.shape), seed=seed, status=status
    )
    page.nodes.append(build.value_node(node_id, value, "output", card, status=status))
    page.homes[node_id] = ""
    connect(page, page.item_node[position], node_id, [value.index])


def finish(page: FlowPicture, overview: bool) -> Picture:
    """Clusters, legend, footer, alternative text, steps."""
    snapshot, options = page.snapshot, page.options
    lanes = {node.id for node in page.nodes if node.kind in ("module", "repeat", "output", "input", "tensor")}
    problems = build.find_problems([v for v in snapshot.values if v.op]) + build.gradient_problems(page.norms)
    hosts = {host for host, _, _ in page.beside}
    # outermost frames only: Graphviz bends straight lanes inside nested ones; titles stand where no lane passes
    modules = tuple(
        dataclasses.replace(module, align="right" if hosts & set(module.nodes) else "center")
        for module in build.module_clusters(snapshot, page.homes, page.ids, nested=False)
    )
    boxes = sum(item.kind in ("module", "repeat") for item in page.items)
    what = "Overview" if overview else "Backprop flow" if snapshot.gradients else "Module graph"
    count = f"{len(page.items)} steps" if not boxes else f"{boxes} modules"
    alt = build.describe(
        what, count, [snapshot.values[i] for i in snapshot.roots], [norm for _, norm in page.norms], problems
    )
    forward = tuple(page.item_node[k] for k in range(len(page.items)))
    back = set(page.backward)
    return Picture(
        level="overview" if overview else "module",
        direction="TB" if options.rankdir == "auto" else options.rankdir,
        nodes=tuple(page.nodes),
        edges=tuple(page.edges),
        modules=modules,
        beside=tuple(page.beside),
        spine=frozenset(lanes),
        legend=legend(page) if options.legend else (),
        legend_title=word(options.lang, "heat title") if options.heat == "grad" and page.heats else "",
        footer=footers(snapshot, options) + folded_footer(page),
        title=options.title,
        alt=alt,
        problems=problems,
        lang=options.lang,
        node_gap=0.42,
        rank_gap=0.30,
        straight=False,
        forward=forward,
        backward=tuple(node for node in reversed(forward) if node in back),
    )


def folded_footer(page: FlowPicture) -> tuple[str, ...]:
    """How much is folded, and how to open it."""
    runs = [item for item in page.items if item.kind == "repeat" and item.path]
    if not runs:
        return ()
    operations = sum(len(item.members) for item in runs)
    return (word(page.options.lang, "folded", operations, sum(len(item.parts) for item in runs), runs[0].path),)


def legend(page: FlowPicture) -> tuple[Key, ...]:
    """Only the entries this picture uses."""
    lang, kinds, lines = page.options.lang, {node.kind for node in page.nodes}, {edge.kind for edge in page.edges}
    if page.options.heat == "grad":
        return build.heat_keys(lang, page.heats)
    keys = [build.line_key(word(lang, "forward"), "value")]
    if "gradient" in lines:
        keys.append(build.line_key(word(lang, "backward"), "gradient"))
    if "update" in lines:
        keys.append(build.line_key(word(lang, "update"), "update"))
    if {"input", "constant"} & kinds:
        bare = all(node.grad is None for node in page.nodes if node.kind in ("input", "constant"))
        keys.append(build.box_key(word(lang, "data, no gradient" if bare else "input"), "input"))
    if "parameter" in kinds:
        keys.append(build.box_key(word(lang, "parameters"), "parameter"))
    return tuple(keys)
