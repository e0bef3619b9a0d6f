"""The module level: the backprop flow.

One wide card for every call of a module, from the input at the top to the loss at the bottom; the forward lane on the
left third, the backward lane on the right third, parameters in a column on the right, and among them the optimizer
that rewrites them. The overview is the same picture with runs of equal modules folded to `Name × k` over a heat
strip.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from itertools import pairwise

from . import build
from .cards import chip_card, module_card, optimizer_card, parameters_card, repeat_card
from .contract import Folder, Item, fold_plain, inputs_of, owner_table
from .measure import inner_width
from .model import Card, Edge, Key, Node, Picture, Run
from .options import Options
from .read_ops import footers
from .snapshot import Snapshot, Value, shown_number
from .style import FORWARD, GRAD, HEALTHY, HEAT_WORD, MUTED, UPDATE, Heat, heat_of, heat_width
from .text import clean, number, percent, shape_text, short_number
from .words import module_word, word

OP_TITLES = {"cross_entropy": ("Softmax cross-entropy", "损失函数 Softmax 交叉熵")}


@dataclass(slots=True)
class FlowPicture:
    """The picture being built."""

    snapshot: Snapshot
    options: Options
    items: list[Item]
    owner: dict[int, int]
    ids: build.Ids = field(default_factory=build.Ids)
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    beside: list[tuple[str, str, str]] = field(default_factory=list)
    homes: dict[str, str] = field(default_factory=dict)
    item_node: dict[int, str] = field(default_factory=dict)
    value_node: dict[int, str] = field(default_factory=dict)
    columns: list[tuple[str, str, list[str]]] = field(default_factory=list)
    heats: set[str] = field(default_factory=set)
    norms: list[tuple[str, float]] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)


def module_picture(snapshot: Snapshot, options: Options, *, overview: bool = False) -> Picture:
    """Module-level picture, or the overview with equal siblings folded."""
    items = Folder(snapshot, options.expand, options.fold, options.repeat if overview else None).items()
    if len(items) > options.max_nodes or overview:
        items = fold_plain(items, snapshot, min(options.max_nodes, 60), options.repeat or 3)
    page = FlowPicture(snapshot, options, items, owner_table(items))
    for position, item in enumerate(items):
        feed(page, position, item)
        add_item(page, position, item)
    for root in snapshot.roots:
        add_output(page, snapshot.values[root])
    add_column(page)
    return finish(page, overview)


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
        card = module_card("input", title, sizes=detail, subtitle=value.dtype)
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


def title_of(page: FlowPicture, item: Item) -> tuple[str, str]:
    """Class name and sizes of a module; the symbol of a single operation; the steps of a folded run."""
    lang, values = page.options.lang, page.snapshot.values
    newest = values[item.last]
    if item.path and item.kind in ("module", "repeat"):
        info = page.snapshot.modules.get(item.path)
        only = {values[i].op for i in item.members}
        if len(only) == 1 and newest.op in OP_TITLES:
            return OP_TITLES[newest.op][lang == "zh"], ""
        if info is not None and info.kind:
            sizes = info.sizes or (
                str(math.prod(newest.shape[1:])) if info.kind == "Flatten" and len(newest.shape) > 1 else ""
            )
            return module_word(lang, info.kind), sizes
        return clean(item.path), ""
    if item.kind == "op":
        if newest.op in OP_TITLES:
            return OP_TITLES[newest.op][lang == "zh"], ""
        return newest.badge, shape_text(newest.shape, word(lang, "scalar"))
    steps = [values[i].badge for i in (item.parts[0].members if item.parts else item.members)]
    if item.kind == "rest":
        return f"{len(item.members):,}".replace(",", "\u00a0") + " operations", ""
    return clean(", ".join(steps), 40), ""


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
        return repeat_of(page, item, title, position), status, note
    parts = [clean(item.path, 40)] if item.kind == "module" and not is_loss(page, item) else []
    if item.call:
        parts.append(word(lang, "call", item.call))
    if newest.detail:
        parts.append(mean_text(page, newest))
    elif newest.op == "relu" and newest.stats is not None and newest.stats.size > 1 and status != "dead":
        parts.append(word(lang, "zeros of outputs", percent(newest.stats.zeros / newest.stats.size)))
        parts = parts[-1:]
    subtitle = " · ".join(part for part in parts if part)
    kind = "output" if item.kind == "op" and item.last in page.snapshot.roots else "module"
    return module_card(kind, title, sizes=sizes, subtitle=subtitle, status=status, note=clean(note, 60)), status, note


def is_loss(page: FlowPicture, item: Item) -> bool:
    """Whether a module is named by its class alone: it was called by itself, as losses are."""
    info = page.snapshot.modules.get(item.path)
    return info is not None and info.kind == item.path


def mean_text(page: FlowPicture, value: Value) -> str:
    """`mean over 32 examples` for a loss that averages its first axis."""
    if value.detail != "mean":
        return ""
    first = next((page.snapshot.values[p] for p in value.parents), None)
    return word(page.options.lang, "mean over", first.shape[0]) if first is not None and first.shape else ""


def heat_number(page: FlowPicture, item: Item) -> float | None:
    """What the heat strip shows of one member: the gradient norm at its input, or the size of its update."""
    values = page.snapshot.values
    inside = set(item.members)
    if page.options.heat == "update" and page.snapshot.optimizer is not None:
        ratios = [page.snapshot.optimizer.ratios.get(values[p].name) for i in item.members for p in values[i].parents]
        known = [ratio for ratio in ratios if ratio is not None]
        return max(known) if known else None
    for i in item.members:
        for parent in values[i].parents:
            grad = values[parent].grad
            if parent not in inside and values[parent].role != "parameter" and grad is not None:
                return abs(grad)
    return None


def repeat_of(page: FlowPicture, item: Item, title: str, position: int) -> Card:
    """The card of a run: inner chain, heat strip, first and last norm."""
    cells: list[tuple[str, Heat, bool]] = []
    numbers = [heat_number(page, part) for part in item.parts]
    wanted = page.options.heat is not None or len(item.parts) <= 64
    if wanted and len(item.parts) <= 64 and any(x is not None for x in numbers):
        for k, (part, x) in enumerate(zip(item.parts, numbers, strict=True)):
            broken = bool(build.find_problems([page.snapshot.values[i] for i in part.members]))
            heat = heat_of(x) if x is not None else HEALTHY
            if page.options.heat == "update":
                heat = HEALTHY
            page.heats.add(heat.name)
            cells.append((str(k + 1), heat, broken))
    caption = value = ""
    known = [x for x in numbers if x is not None]
    if known:
        key = "into update" if page.options.heat == "update" else "into block"
        caption = word(page.options.lang, key, len(item.parts))
        value = f"{short_number(known[0])} … {short_number(known[-1])}"
        page.norms += [(f"{title} {k + 1}", x) for k, x in enumerate(numbers) if x is not None]
    return repeat_card(
        title,
        len(item.parts),
        inner=inner_chain(page, item.parts[0]) if item.path else "",
        cells=cells,
        caption=caption,
        caption_value=value,
    )


def inner_chain(page: FlowPicture, part: Item) -> str:
    """What is inside one member of a run: `LayerNorm → Attention → + → …`."""
    level = len(Folder(page.snapshot).chain(part.path))
    inside = Folder(page.snapshot, depth=level + 1).split(part.members, level, part.path)
    names = [clean(title_of(page, item)[0], 20) for item in inside]
    if len(names) < 2:
        return ""
    return " → ".join(names if len(names) <= 8 else [*names[:4], "…", *names[-3:]])


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
        build.forward_edge(page.ids.new("e"), source, target, lane="f", label=label, weight=20, tooltip=f"{shapes}")
    )
    graded = [value for value in values if value.grad is not None]
    if not graded or "grad" not in page.options.show:
        return
    norm = abs(graded[0].grad or 0.0) if len(graded) == 1 else math.hypot(*[value.grad or 0.0 for value in graded])
    page.norms.append((graded[0].name or graded[0].badge, norm))
    page.backward.append(target)
    tooltip = f"gradient {shapes}: norm {norm!r}"
    if page.options.heat == "grad":
        heat = heat_of(norm)
        page.heats.add(heat.name)
        color = HEAT_WORD[heat.name] if heat.name != "healthy" else MUTED
        runs = (Run("‖g‖\u00a0", 11, color), Run(short_number(norm), 11, color, True))
        page.edges.append(
            Edge(
                page.ids.new("e"),
                source,
                target,
                "gradient",
                runs,
                f"{tooltip} ({heat.name})",
                heat.line,
                heat_width(norm),
                "dashed" if heat.name == "dead" else "solid",
                "normal",
                True,
                "b",
                20,
                norm,
                0.6,
            )
        )
        return
    runs = (Run(shapes, 11, GRAD), Run("\u00a0\u00a0\u00a0‖g‖\u00a0", 11, GRAD), Run(number(norm), 11, GRAD, True))
    page.edges.append(
        build.gradient_edge(
            page.ids.new("e"), source, target, lane="b", label=runs, width=1.6, weight=20, tooltip=tooltip, number=norm
        )
    )


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
    page.columns.append((host, node_id, names))
    page.edges.append(build.forward_edge(page.ids.new("e"), node_id, host, tooltip=", ".join(names)))
    if any(row[3] for row in rows):
        page.edges.append(
            build.gradient_edge(page.ids.new("e"), node_id, host, width=1.6, tooltip=f"gradient of {', '.join(names)}")
        )


def add_chips(page: FlowPicture, position: int, item: Item, host: str) -> None:
    """Constant arrays beside the card that reads them: labels, masks, tokens."""
    if item.kind in ("repeat", "rest"):
        return
    constants = inputs_of(
        item, page.snapshot, page.owner, position, lambda value: value.role == "constant" and not value.single
    )
    for i in constants[:3]:
        if i in page.value_node:
            continue
        value, node_id = page.snapshot.values[i], page.ids.new("n")
        name = build.name_of(value) or word(
            page.options.lang, "labels" if value.dtype.startswith(("int", "uint")) else "constant"
        )
        detail = f"{shape_text(value.shape)} {value.dtype}"
        page.nodes.append(build.value_node(node_id, value, "constant", chip_card("constant", name, detail)))
        page.value_node[i] = node_id
        page.homes[node_id] = page.homes[host]
        taken = any(pair[0] == host and pair[2] == "right" for pair in page.beside)
        page.beside.append((host, node_id, "left" if taken else "right"))
        page.edges.append(build.forward_edge(page.ids.new("e"), node_id, host, tooltip=f"{name} {detail}"))


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


def add_column(page: FlowPicture) -> None:
    """The optimizer among the parameters: gradients run to it along the left lane, updates run back along the right."""
    info = page.snapshot.optimizer
    widest = max([inner_width(node.card) for node in page.nodes if node.kind == "parameter"], default=0)
    if info is None or not page.columns:
        return set_column_width(page, widest + 4)
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
    card = optimizer_card(info.name, "\u00a0\u00a0·\u00a0\u00a0".join(details), width=max(widest + 4, 200))
    page.nodes.append(Node(node_id, "optimizer", card, name=info.name, tooltip=clean(" ".join([info.name, *details]))))
    page.homes[node_id] = page.homes[host]
    page.beside.append((host, node_id, "right"))
    set_column_width(page, max(widest + 4, 200))
    column = sorted([*page.columns, (host, node_id, [])], key=lambda entry: order.index(entry[0]))
    seat = next(k for k, entry in enumerate(column) if entry[1] == node_id)
    for k, (upper, lower) in enumerate(pairwise(column)):
        add_update(page, upper, lower, towards_lower=k < seat)
    return None


def set_column_width(page: FlowPicture, width: float) -> None:
    """All cards of the column as wide as the widest, so that its lanes are vertical."""
    page.nodes = [
        dataclasses.replace(node, card=dataclasses.replace(node.card, min_width=width))
        if node.kind == "parameter"
        else node
        for node in page.nodes
    ]


def add_update(
    page: FlowPicture, upper: tuple[str, str, list[str]], lower: tuple[str, str, list[str]], towards_lower: bool
) -> None:
    """Gradient and update between two neighbours of the column; the optimizer is on the lower or on the upper side."""
    info = page.snapshot.optimizer
    assert info is not None
    outer = upper if towards_lower else lower
    label = (Run(word(page.options.lang, "grad"), 11, GRAD),)
    page.edges.append(
        Edge(
            page.ids.new("e"),
            upper[1],
            lower[1],
            "gradient",
            label,
            f"gradient of {', '.join(outer[2])}",
            GRAD,
            1.6,
            "dashed",
            "vee",
            not towards_lower,
            "f",
            8,
        )
    )
    ratios = [info.ratios[name] for name in outer[2] if name in info.ratios]
    runs: tuple[Run, ...] = ()
    if ratios:
        runs = (Run("‖Δw‖/‖w‖\u00a0", 11, UPDATE), Run(percent(max(ratios)), 11, UPDATE, True))
    page.edges.append(
        Edge(
            page.ids.new("e"),
            upper[1],
            lower[1],
            "update",
            runs,
            f"update of {', '.join(outer[2])}",
            UPDATE,
            2,
            "dotted",
            "normal",
            towards_lower,
            "b",
            8,
        )
    )


def finish(page: FlowPicture, overview: bool) -> Picture:
    """Clusters, legend, footer, alternative text, steps."""
    snapshot, options = page.snapshot, page.options
    lanes = {node.id for node in page.nodes if node.kind in ("module", "repeat", "output", "input", "tensor")}
    problems = build.find_problems([v for v in snapshot.values if v.op]) + build.gradient_problems(page.norms)
    modules = build.module_clusters(snapshot, page.homes, page.ids)
    boxes = sum(item.kind in ("module", "repeat") for item in page.items)
    what = "Overview" if overview else "Backprop flow" if snapshot.gradients else "Module graph"
    count = f"{len(page.items)} steps" if not boxes else f"{boxes} modules"
    alt = build.describe(
        what, count, [snapshot.values[i] for i in snapshot.roots], [norm for _, norm in page.norms], problems
    )
    forward = tuple(page.item_node[k] for k in range(len(page.items)))
    back = set(page.backward)
    return Picture(
        "overview" if overview else "module",
        "TB" if options.rankdir == "auto" else options.rankdir,
        tuple(page.nodes),
        tuple(page.edges),
        modules,
        tuple(page.beside),
        frozenset(lanes),
        legend(page) if options.legend else (),
        word(options.lang, "heat title") if options.heat == "grad" and page.heats else "",
        footers(snapshot, options) + folded_footer(page),
        options.title,
        alt,
        problems,
        options.lang,
        0.42,
        0.30,
        False,
        forward,
        tuple(node for node in reversed(forward) if node in back),
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
