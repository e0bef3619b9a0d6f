"""The module level: the backprop flow.

One wide card for every call of a module, from the input at the top to the loss at the bottom; the forward lane on the
left third, the backward lane on the right third, parameters in a column on the right, and among them the optimizer
that rewrites them. The overview is the same picture with runs of equal modules folded to `Name × k` over a heat
strip.
"""

from __future__ import annotations

import dataclasses
import math

from ...picture.cards import module_card
from ...picture.model import Card, Key, Node, Picture, Run
from ...picture.style import FORWARD, GRAD, HEAT_WORD, MUTED, STRONG, faded, heat_of
from ...picture.text import number, percent, shape_text, short_number, shorten
from ...picture.words import module_word, word
from ...reading.folding import Folder, Item, fold_plain, inputs_of, owner_table
from ...reading.records import Snapshot, Value, shown_number
from ...reading.wide_inputs import FIRST, LAST, MOST_INPUTS, fold_wide_inputs, folded
from ..parts.clusters import module_clusters
from ..parts.legends import box_key, footers, heat_keys, line_key
from ..parts.options import Options
from ..parts.problems import find_problems, gradient_problems
from ..parts.value_texts import describe, frozen_node, name_of, source_text, value_node, value_tooltip
from .parameter_column import add_again, add_chips, add_column, add_parameters, constant_text, set_width
from .repeated import heat_number, repeat_of
from .titles import FlowBuilder, images_of, is_loss, mean_text, title_has_class, title_of

LANE_WEIGHT = 20
MOST_WIDE_INPUTS = 2
DARKEST = 0.5  # of the colour: words in grey have contrast 4.5 on it
NARROWEST = 150  # a label still fits between the two lanes


def module_picture(snapshot: Snapshot, options: Options, *, overview: bool = False, opened: bool = False) -> Picture:
    """Return the module-level picture, or the overview with equal siblings folded.

    opened: operations are drawn one by one, except in the modules that `options.fold` names.
    """
    hidden: set[int] = set()
    if options.repeat is not None:
        snapshot, hidden = fold_wide_inputs(snapshot)
    repeat = options.repeat if overview else None
    items = Folder(snapshot, options.expand, options.fold, repeat, opened=opened).items()
    if len(items) > options.max_nodes or overview:
        items = fold_plain(items, snapshot, min(options.max_nodes, 60), options.repeat or 3)
    builder = FlowBuilder(
        lang=options.lang, snapshot=snapshot, options=options, items=items, owner=owner_table(items), hidden=len(hidden)
    )
    add_frozen_modules(builder)
    for position, item in enumerate(items):
        feed(builder, position, item)
        add_item(builder, position, item)
    shade(builder)
    for root in snapshot.roots:
        add_output(builder, snapshot.values[root])
    add_column(builder)
    first = next((node.id for node in builder.nodes if node.kind in ("input", "module")), "")
    for node in builder.nodes:
        if node.kind == "frozen" and node.module and not node.dtype and first:
            builder.add_edge(node.id, first, "order", dash="invis", arrow="none")
    depth = give_way(builder)
    if len(set(depth.values())) < len(depth):  # cards stand side by side: they are as narrow as their words allow
        narrow(builder)
    inputs = [node for node in builder.nodes if node.kind == "input"]
    several = len(inputs) > MOST_WIDE_INPUTS  # side by side: each as narrow as its words
    set_width(builder, ("module", "repeat", "output", "tensor", *(() if several else ("input",))))
    return finish(builder, overview)


def give_way(builder: FlowBuilder) -> dict[str, int]:
    """Bend the lines that pass by a card, so that the cards stay under each other; return the depth of every card."""
    depth: dict[str, int] = {}
    flow = [edge for edge in builder.edges if edge.lane in ("f", "b") and edge.kind in ("value", "gradient")]
    flow = [edge for edge in flow if edge.weight == LANE_WEIGHT]
    for edge in flow:  # every line into a card was added with the card, before the lines out of it
        depth[edge.target] = max(depth.get(edge.target, 0), depth.setdefault(edge.source, 0) + 1)
    passing = {edge.id for edge in flow if depth[edge.target] - depth[edge.source] > 1}
    data = {node.id: node for node in builder.nodes if node.kind in ("input", "constant") and node.grad is None}
    again = [edge for edge in flow if edge.id in passing and edge.source in data]
    builder.edges = [
        dataclasses.replace(edge, weight=0) if edge.id in passing else edge
        for edge in builder.edges
        if edge not in again
    ]
    for edge in again:
        add_again(builder, data[edge.source], edge.target)
    return depth


def shade(builder: FlowBuilder) -> None:
    """Colour cards by the numbers of the user's heat function: white for 0, orange for the largest."""
    largest = max((x for x in builder.shares.values() if math.isfinite(x)), default=0.0)
    if largest <= 0:
        return
    for k, node in enumerate(builder.nodes):
        x = builder.shares.get(node.id, 0.0)
        if 0 < x <= largest and not node.status:
            fill = faded(STRONG.fill, DARKEST * x / largest)
            builder.nodes[k] = dataclasses.replace(node, card=dataclasses.replace(node.card, fill=fill))


def narrow(builder: FlowBuilder) -> None:
    """Make module cards as narrow as their text; only a picture of one column has wide cards."""
    builder.nodes = [
        dataclasses.replace(node, card=dataclasses.replace(node.card, min_width=NARROWEST))
        if node.card.lanes and node.kind not in ("parameter", "optimizer")
        else node
        for node in builder.nodes
    ]


def add_frozen_modules(builder: FlowBuilder) -> None:
    """Add a grey card for every frozen module, above the card that reads its data."""
    for path, kind, sizes in builder.snapshot.frozen:
        node_id = builder.new_id("n")
        title = module_word(builder.lang, kind)
        subtitle = f"{path} · {word(builder.lang, 'frozen')}"
        card = module_card("frozen", title, sizes=sizes, subtitle=subtitle, lanes=False)
        builder.nodes.append(frozen_node(node_id, card, path, word(builder.lang, "frozen module", path)))
        builder.homes[node_id] = ()


def feed(builder: FlowBuilder, position: int, item: Item) -> None:
    """Add cards for the inputs that this item is the first to read and that come from no operation."""
    values = builder.snapshot.values
    flows = inputs_of(item, builder.snapshot, builder.owner, position, lambda value: value.role != "parameter")
    outer = [i for i in flows if not values[i].op]
    inner = [i for i in flows if values[i].op]
    new = []
    for k, i in enumerate(outer):
        value = values[i]
        if i in builder.value_node or value.role == "frozen" or (value.role == "constant" and value.single):
            continue
        if value.role == "constant" and (inner or k):
            continue  # a chip beside the card, made by `add_chips`
        new.append(i)
    wide = new[FIRST:-LAST] if len(new) > MOST_INPUTS and builder.options.repeat is not None else []
    for i in new:
        if i not in wide:
            builder.value_node[i] = add_input(builder, values[i])
        elif i == wide[0]:
            builder.value_node |= dict.fromkeys(wide, add_input(builder, folded([values[k] for k in wide])))
            builder.hidden += len(wide) - 1


def add_input(builder: FlowBuilder, value: Value) -> str:
    """Add the card of an input and return its id."""
    node_id = builder.new_id("n")
    detail = shape_text(value.shape, word(builder.lang, "scalar")) if value.dtype else ""
    title = name_of(value) or word(builder.lang, "Input")
    low = builder.options.heat is not None  # a picture of heat is read as a whole: its cards have one line
    sizes, subtitle = (f"{detail} {value.dtype}", "") if low else (detail, value.dtype)
    card = module_card("input", title, sizes=sizes, subtitle=subtitle)
    builder.nodes.append(value_node(builder.lang, node_id, value, "input", card))
    builder.homes[node_id] = ()
    return node_id


def add_item(builder: FlowBuilder, position: int, item: Item) -> None:
    """Add the card of an item, the lines into it, its parameters and chips."""
    node_id = builder.new_id("n")
    builder.item_node[position] = node_id
    builder.homes[node_id] = item.home
    newest, lang = builder.snapshot.values[item.last], builder.lang
    title, sizes = title_of(builder, item)
    card, status, _ = item_card(builder, position, item, title, sizes)
    tooltip = "; ".join(
        part for part in (title, item.path, word(lang, "nodes", len(item.members)), value_tooltip(newest, lang)) if part
    )
    builder.nodes.append(
        Node(
            node_id,
            item.kind if item.kind in ("module", "repeat") else "tensor",
            card,
            name=shorten(title, 200),
            op=newest.badge if item.kind == "op" else "",
            shape=shape_text(newest.shape),
            dtype=newest.dtype,
            grad=newest.grad,
            stats=newest.stats,
            module=item.path,
            source=source_text(newest.source),
            status=status,
            count=len(item.members),
            tooltip=shorten(tooltip, 1000),
        )
    )
    for source, via in sources(builder, position, item):
        connect(builder, source, node_id, via)
    add_parameters(builder, position, item, node_id)
    add_chips(builder, position, item, node_id)


def item_card(builder: FlowBuilder, position: int, item: Item, title: str, sizes: str) -> tuple[Card, str, str]:
    """Return the card of an item, its status and the note that describes it in words."""
    values, lang = builder.snapshot.values, builder.lang
    newest = values[item.last]
    troubles = find_problems([values[i] for i in item.members], lang)
    status, note = "", ""
    if any(problem.kind == "nan" for problem in troubles):
        status, note = "nan", next(problem.text for problem in troubles if problem.kind == "nan")
    elif any(problem.kind == "inf" for problem in troubles):
        status, note = "warning", next(problem.text for problem in troubles if problem.kind == "inf")
    elif any(problem.kind == "dead" for problem in troubles):
        status, note = "dead", word(lang, "outputs only zero")
    if item.kind == "repeat":
        return repeat_of(builder, item, title), status, note
    named = item.kind == "module" and not is_loss(builder, item) and not title_has_class(builder, item)
    parts = [shorten(item.path, 40)] if named else []
    if item.call:
        parts.append(word(lang, "call", item.call))
    if newest.detail:
        parts.append(mean_text(builder, newest))
    elif newest.stats is not None and newest.stats.size > 1 and cuts_negative(newest) and status != "dead":
        parts.append(word(lang, "zeros of outputs", percent(newest.stats.zeros / newest.stats.size)))
        parts = parts[-1:]
    if len(parts) == 1 and named and builder.options.heat is not None:
        sizes, parts = "\u00a0·\u00a0".join(filter(None, (sizes, *parts))), []
    if builder.options.heat is not None:  # a picture of heat has no chips beside its cards
        arrays = inputs_of(
            item, builder.snapshot, builder.owner, position, lambda v: v.role in ("constant", "frozen") and not v.single
        )
        parts += [
            " ".join(constant_text(builder, builder.snapshot.values[i]))
            for i in arrays[:2]
            if i not in builder.value_node
        ]
    if callable(builder.options.heat):  # a share of the time, as `ad.profile` gives it
        share, label = heat_number(builder, item)
        builder.shares[builder.item_node[position]] = share or 0.0
        parts.append(label)
    subtitle = " · ".join(part for part in parts if part)
    images, note_line = images_of(builder, item), shorten(note, 60)
    card = module_card("module", title, sizes=sizes, subtitle=subtitle, status=status, note=note_line, images=images)
    return card, status, note


def cuts_negative(value: Value) -> bool:
    """Return whether a value is 0 wherever the operand is negative, as that of relu."""
    return value.row is not None and value.row.shown.leaves_out == "negative"


def sources(builder: FlowBuilder, position: int, item: Item) -> list[tuple[str, list[int]]]:
    """Return the nodes that feed an item, with the values that flow."""
    found: dict[str, list[int]] = {}
    for i in inputs_of(item, builder.snapshot, builder.owner, position, lambda value: value.role != "parameter"):
        node_id = builder.value_node.get(i) or builder.item_node.get(builder.owner.get(i, -1))
        if node_id:
            found.setdefault(node_id, []).append(i)
    return list(found.items())


def connect(builder: FlowBuilder, source: str, target: str, via: list[int]) -> None:
    """Add the forward line with shapes, and the backward line with the norm of the gradient."""
    lang, values = builder.lang, [builder.snapshot.values[i] for i in via]
    shapes = ", ".join(shape_text(value.shape, word(lang, "scalar")) for value in values[:2]) + (
        ", …" if len(values) > 2 else ""
    )
    bare = all(value.scalar for value in values)  # a line between Scalars needs no shape
    shown = "" if bare or "shape" not in builder.options.show else shapes
    label = (Run(shown, 11, FORWARD),) if shown else ()
    builder.add_value(source, target, lane="f", label=label, weight=LANE_WEIGHT, tooltip=f"{shapes}")
    graded = [value for value in values if value.grad is not None]
    if not graded or "grad" not in builder.options.show:
        return
    norm = abs(graded[0].grad or 0.0) if len(graded) == 1 else math.hypot(*[value.grad or 0.0 for value in graded])
    builder.norms.append((graded[0].name or graded[0].badge or "the input", norm))
    builder.backward.append(target)
    tooltip = word(lang, "gradient norm of", shapes, repr(norm))
    if builder.options.heat == "grad":
        heat = heat_of(norm)
        builder.heats.add(heat.name)
        color = HEAT_WORD[heat.name] if heat.name != "healthy" else MUTED
        norms = (Run("‖g‖\u00a0", 11, color), Run(short_number(norm), 11, color, True))
        builder.add_heat(source, target, norm, label=norms, lane="b", weight=LANE_WEIGHT, arrow_size=0.6)
        return
    before = (Run(f"{shapes}\u00a0\u00a0\u00a0", 11, GRAD),) if not bare else ()
    runs = (*before, Run("‖g‖\u00a0", 11, GRAD), Run(number(norm), 11, GRAD, True))
    builder.add_gradient(
        source,
        target,
        lane="b",
        label=runs,
        width=1.6,
        weight=LANE_WEIGHT,
        tooltip=tooltip,
        number=norm,
    )


def add_output(builder: FlowBuilder, value: Value) -> None:
    """Add the end of the flow: the name and number of a root, and the gradient it starts the backward pass with."""
    position = builder.owner.get(value.index)
    if position is None:
        return
    lang, node_id = builder.lang, builder.new_id("n")
    name = name_of(value) or (word(lang, "loss") if value.grad == 1.0 else word(lang, "output"))
    seed = (
        word(lang, "seed gradient", shorten(value.name, 12) or "loss")
        if value.grad == 1.0 and builder.options.heat is None
        else ""
    )
    shown = shown_number(value) if value.single else ""
    status = "nan" if isinstance(value.number, float) and not math.isfinite(value.number) else ""
    card = module_card(
        "output", name, value=shown, sizes="" if value.single else shape_text(value.shape), seed=seed, status=status
    )
    builder.nodes.append(value_node(builder.lang, node_id, value, "output", card, status=status))
    builder.homes[node_id] = ()
    connect(builder, builder.item_node[position], node_id, [value.index])


def finish(builder: FlowBuilder, overview: bool) -> Picture:
    """Return the finished picture: with clusters, legend, footer, alternative text and steps."""
    snapshot, options = builder.snapshot, builder.options
    lanes = {node.id for node in builder.nodes if node.kind in ("module", "repeat", "output", "input", "tensor")}
    builder.problems += find_problems([v for v in snapshot.values if v.op], builder.lang)
    builder.problems += gradient_problems(builder.norms, builder.lang)
    hosts = {host for host, _, _ in builder.beside}
    # outermost frames only: Graphviz bends straight lanes inside nested ones; titles stand where no lane passes
    builder.frames += [
        dataclasses.replace(module, align="right" if hosts & set(module.nodes) else "center")
        for module in module_clusters(builder, nested=False)
    ]
    boxes = sum(item.kind in ("module", "repeat") for item in builder.items)
    what = "overview" if overview else "backprop flow" if snapshot.gradients else "module graph"
    count = word(builder.lang, "steps", len(builder.items)) if not boxes else word(builder.lang, "modules", boxes)
    alt = describe(
        builder.lang,
        what,
        count,
        [snapshot.values[i] for i in snapshot.roots],
        [norm for _, norm in builder.norms],
        builder.problems,
    )
    forward = tuple(builder.item_node[k] for k in range(len(builder.items)))
    back = set(builder.backward)
    return builder.picture(
        level="overview" if overview else "module",
        direction="TB" if options.rankdir == "auto" else options.rankdir,
        spine=frozenset(lanes),
        legend=legend(builder) if options.legend else (),
        legend_title=word(options.lang, "heat title") if options.heat == "grad" and builder.heats else "",
        footer=footers(snapshot, options) + folded_footer(builder),
        title=options.title,
        alt=alt,
        node_gap=0.42,
        rank_gap=0.30,
        straight=False,
        forward=forward,
        backward=tuple(node for node in reversed(forward) if node in back),
    )


def folded_footer(builder: FlowBuilder) -> tuple[str, ...]:
    """Return a line with the number of folded operations and the way to open them."""
    wide = (word(builder.lang, "wide inputs", builder.hidden + 1),) if builder.hidden else ()
    runs = [item for item in builder.items if item.kind == "repeat" and item.path]
    if not runs:
        return wide
    operations = sum(len(item.members) for item in runs)
    return (*wide, word(builder.lang, "folded", operations, sum(len(item.parts) for item in runs), runs[0].path))


def legend(builder: FlowBuilder) -> tuple[Key, ...]:
    """Return the legend: only the entries that this picture uses."""
    lang, kinds, lines = builder.lang, {node.kind for node in builder.nodes}, {edge.kind for edge in builder.edges}
    if builder.options.heat == "grad":
        return heat_keys(lang, builder.heats)
    keys = [line_key(word(lang, "forward"), "value")]
    if "gradient" in lines:
        keys.append(line_key(word(lang, "backward"), "gradient"))
    if "update" in lines:
        keys.append(line_key(word(lang, "update"), "update"))
    if {"input", "constant"} & kinds:
        bare = all(node.grad is None for node in builder.nodes if node.kind in ("input", "constant"))
        keys.append(box_key(word(lang, "data, no gradient" if bare else "input"), "input"))
    if "frozen" in kinds:
        keys.append(box_key(word(lang, "frozen"), "frozen"))
    if "parameter" in kinds:
        keys.append(box_key(word(lang, "parameters"), "parameter"))
    return (*keys, *(heat_keys(lang, builder.heats) if builder.heats else ()))
