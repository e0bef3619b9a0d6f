"""The operation level: every value with the operation that made it.

Scalar and mixed graphs run from left to right with a value lane and a gradient lane; the local derivative stands on
the gradient line, so that the chain rule can be checked by eye. Tensor graphs run from top to bottom, grouped by
module, with shape, dtype and gradient norm on every card.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..picture.cards import chip_card, scalar_card, tensor_card
from ..picture.model import Card, Edge, Node, Picture, Run
from ..picture.style import GRAD, heat_of
from ..picture.text import clean, number, pretty_name, shape_text
from ..picture.words import word
from ..reading.records import Snapshot, Value, shown_number
from . import parts as build
from .builder import Mark, OpPicture
from .formulas import local_formula
from .legends import footers, legend
from .options import Options
from .problem_marks import default_marks, red_paths

LONGEST_ROW = 12
MOST_CONSUMERS = 6
SIDE_KINDS = ("parameter", "constant", "reference")
VIEWS = ("transpose", "swapaxes", "reshape", "expand_dims", "astype")


def op_picture(
    snapshot: Snapshot, options: Options, keep: list[int] | None = None, marks: dict[int, Mark] | None = None
) -> Picture:
    """Operation-level picture of the values in `keep` (all of them by default)."""
    if options.constants and keep is None:
        snapshot = with_constants(snapshot)
    kept = list(range(len(snapshot.values))) if keep is None else keep
    found = default_marks(snapshot, options.lang) if marks is None else marks
    page = OpPicture(snapshot, options, kept, found, marks is not None)
    page.sideways = runs_sideways(page)
    scalars = [i for i in page.keep if snapshot.values[i].scalar]
    page.mixed = page.sideways and len(scalars) < len(page.keep)
    crowded = consumers(page)
    for i in page.keep:
        add_node(page, snapshot.values[i])
    for i in page.keep:
        add_edges(page, snapshot.values[i], crowded)
    if not page.sideways:
        put_beside(page)
    return finish(page)


def with_constants(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every constant number as a value of its own."""
    values = [dataclasses.replace(value) for value in snapshot.values]
    for value in list(values):
        for position, operand in enumerate(value.operands):
            if isinstance(operand, float | complex):
                constant = Value(len(values), scalar=value.scalar, dtype=value.dtype, number=operand, role="constant")
                values.append(constant)
                value.operands = (*value.operands[:position], constant.index, *value.operands[position + 1 :])
    return dataclasses.replace(snapshot, values=values)


def runs_sideways(page: OpPicture) -> bool:
    """Left to right for scalar and mixed graphs of at most 12 ranks, top to bottom otherwise."""
    if page.options.rankdir in ("LR", "TB"):
        return page.options.rankdir == "LR"
    values = page.snapshot.values
    if not any(values[i].scalar for i in page.keep):
        return False
    kept = set(page.keep)
    depth: dict[int, int] = {}
    for i in page.keep:
        depth[i] = 1 + max((depth[p] for p in values[i].parents if p in kept and p in depth), default=0)
    return max(depth.values(), default=0) <= LONGEST_ROW


def consumers(page: OpPicture) -> set[int]:
    """Values read by more than six operations: they are repeated as chips instead of sending lines everywhere."""
    counts: dict[int, int] = {}
    for i in page.keep:
        for parent in set(page.snapshot.values[i].parents):
            counts[parent] = counts.get(parent, 0) + 1
    return {i for i, count in counts.items() if count > MOST_CONSUMERS}


def add_node(page: OpPicture, value: Value) -> None:
    """The node of one value."""
    node_id = page.ids.new("n")
    page.node_of[value.index] = node_id
    kind = build.role_of(value, page.snapshot.roots)
    mark = page.marks.get(value.index, Mark())
    names = operand_names(page, value)
    local = "; ".join(
        f"∂/∂{names[k] or k + 1} = {text}" for k, text in enumerate(local_texts(page, value, names)) if text
    ) or array_formulas(value, names)
    page.nodes.append(
        build.value_node(node_id, value, kind, card_of(page, value, kind, mark), status=mark.status, local=local)
    )
    page.homes[node_id] = home_of(page, value)


def card_of(page: OpPicture, value: Value, kind: str, mark: Mark) -> Card:
    """The card of a value: rounded for single numbers, square for arrays."""
    show, lang = page.options.show, page.options.lang
    op = (value.badge if value.op else "") if page.options.constants else build.badge_of(value)
    name = build.name_of(value)
    grad = build.grad_text(value) if "grad" in show else ""
    if value.single and (page.sideways or value.scalar):
        return scalar_card(
            kind,
            name=pretty_name(name),
            op=op,
            value=shown_number(value) if "value" in show else "",
            grad=grad,
            grad_word=word(lang, "grad") if value.signed else "‖g‖",
            status=mark.status,
            note=mark.note,
            headline=mark.headline,
        )
    shape = shape_text(value.shape, word(lang, "scalar")) if "shape" in show else ""
    result = shown_number(value) if value.single and "value" in show and not mark.note else ""
    if kind == "output" and result and not name:
        name = "loss" if value.grad == 1.0 else ""
    stats = mark.stats or (build.stats_text(value.stats) if "stats" in show else "")
    if "source" in show and value.source:
        stats = (stats + "\u00a0\u00a0\u00a0" if stats else "") + build.source_text(value.source)
    heat = heat_of(value.grad) if page.options.heat == "grad" and value.grad is not None else None
    return tensor_card(
        kind,
        name=name,
        op=op,
        shape=shape,
        dtype=value.dtype if "dtype" in show and not page.mixed else "",
        value=result,
        grad=grad,
        status=mark.status,
        note=mark.note,
        headline=mark.headline,
        stats=stats,
        heat=heat,
    )


def operand_names(page: OpPicture, value: Value) -> list[str]:
    """Short names of the operands of a value, "" where there is none; a constant is its number."""
    names = []
    for operand in value.operands:
        if operand.__class__ is int:
            names.append(pretty_name(clean(page.snapshot.values[operand].name, 12)))
        else:
            names.append(number(operand) if isinstance(operand, float | complex) else "")
    return names


def local_texts(page: OpPicture, value: Value, names: list[str]) -> list[str]:
    """`w₁ = 0.5` for every operand of a scalar operation."""
    if not value.scalar or len(value.locals) != len(value.operands):
        return []
    output = pretty_name(clean(value.name, 12))
    texts = []
    for position, local in enumerate(value.locals):
        formula = local_formula(value.op, position, names, output)
        if value.op == "weighted_sum":
            half = len(names) // 2
            formula = (
                names[position + half] if position < half else names[position - half] if position < 2 * half else "1"
            )
        shown_local = number(local)
        texts.append(f"{formula} = {shown_local}" if formula and formula != shown_local else shown_local)
    return texts


def array_formulas(value: Value, names: list[str]) -> str:
    """`∂/∂h = Wᵀ` for every operand of an operation on arrays, with letters for operands without a name."""
    if value.scalar or not value.op:
        return ""
    known = [name or "abcdefgh"[k % 8] for k, name in enumerate(names)]
    output = pretty_name(clean(value.name, 12)) or "y"
    tracked = [k for k, operand in enumerate(value.operands) if operand.__class__ is int]
    given = [(known[k], local_formula(value.op, k, known, output, arrays=True)) for k in tracked]
    return "; ".join(f"∂/∂{name} = {formula}" for name, formula in given if formula)


def add_edges(page: OpPicture, value: Value, crowded: set[int]) -> None:
    """The lines into one value: forward, and where both ends have a gradient, backward."""
    if not value.op:
        return
    target = page.node_of[value.index]
    names = operand_names(page, value)
    locals_ = local_texts(page, value, names) if "local" in page.options.show else []
    arrays = value.constants or (None,) * len(value.operands)
    uses = [(k, p if p.__class__ is int else c) for k, (p, c) in enumerate(zip(value.operands, arrays, strict=True))]
    uses += [(len(value.operands), index) for index in value.indices]
    for position, parent in uses:
        if parent is None or parent not in page.node_of:
            continue
        giver = page.snapshot.values[parent]
        source = page.node_of[parent]
        if parent in crowded and source in page.read:
            source = add_reference(page, giver, target)
        page.read.add(source)
        weight = 3 if giver.op and sum(bool(page.snapshot.values[p].op) for p in value.parents) == 1 else 1
        tensor = page.mixed and not giver.single
        page.edges.append(
            build.forward_edge(
                page.ids.new("e"),
                source,
                target,
                lane="v" if page.sideways else "",
                tensor=tensor,
                weight=weight if page.sideways else (8 if giver.op else 2),
                tooltip=f"{giver.name or giver.badge} → {value.name or value.badge}: " + shape_text(giver.shape),
            )
        )
        both = giver.grad is not None and value.grad is not None
        if page.sideways and both and "grad" in page.options.show:
            add_gradient(page, giver, value, source, target, position, locals_, weight, tensor)


def add_gradient(
    page: OpPicture,
    giver: Value,
    value: Value,
    source: str,
    target: str,
    position: int,
    locals_: list[str],
    weight: int,
    tensor: bool,
) -> None:
    """The gradient line of one operand, with its local derivative."""
    label: tuple[Run, ...] = ()
    name = giver.name or giver.badge
    tooltip = f"grad({name})"
    local = value.locals[position] if position < len(value.locals) else None
    if locals_ and local is not None:
        label = (Run(f"× {locals_[position]}", 11, GRAD),)
        tooltip = f"grad({name}) += {number(value.grad)} × {number(local)} = {number((value.grad or 0.0) * local)}"
    page.edges.append(
        build.gradient_edge(
            page.ids.new("e"),
            source,
            target,
            lane="g",
            label=label,
            tooltip=tooltip,
            weight=weight,
            number=local,
            width=2 if tensor else 1.4,
        )
    )


def add_reference(page: OpPicture, giver: Value, target: str) -> str:
    """A small chip that stands for a value drawn elsewhere."""
    node_id = page.ids.new("n")
    name = pretty_name(build.name_of(giver)) or giver.badge
    page.nodes.append(
        Node(
            node_id,
            "reference",
            chip_card("reference", f"↗ {name}"),
            name=giver.name,
            op=giver.badge,
            module=giver.path,
            shape=shape_text(giver.shape),
            dtype=giver.dtype,
            tooltip=build.value_tooltip(giver) + "; " + word(page.options.lang, "reference"),
        )
    )
    page.homes[node_id] = page.homes[target]
    return node_id


def home_of(page: OpPicture, value: Value) -> str:
    """Module path a value is drawn in: where it was made, a parameter in the module that owns it."""
    return value.path if value.op or (value.role == "parameter" and value.path in page.snapshot.modules) else ""


def put_beside(page: OpPicture) -> None:
    """Parameters and constants stand beside the operation that reads them, if the data comes from above.

    So does a mere view of a parameter, such as its transpose, with the parameter on its far side.
    """
    readers: dict[str, list[str]] = {}
    givers: dict[str, list[str]] = {}
    for edge in page.edges:
        readers.setdefault(edge.source, []).append(edge.target)
        givers.setdefault(edge.target, []).append(edge.source)
    nodes = {node.id: node for node in page.nodes}
    aside = {node.id for node in page.nodes if node.kind in SIDE_KINDS}
    view_ops = {page.node_of[i] for i in page.keep if page.snapshot.values[i].op in VIEWS}
    views = {
        n: givers[n][0]
        for n in view_ops
        if len(givers.get(n, ())) == 1
        and len(readers.get(n, ())) == 1
        and nodes[givers[n][0]].kind == "parameter"
        and len(readers[givers[n][0]]) == 1
    }
    aside |= set(views)
    counts: dict[str, int] = {}
    for node in page.nodes:
        if node.id not in aside or node.id in views.values() or not readers.get(node.id):
            continue
        host = readers[node.id][0]
        above = [g for g in givers[host] if g not in aside]
        if not above and node.kind != "constant":
            above = [g for g in givers[host] if nodes[g].kind == "constant"]
        if not above or page.homes[node.id] not in ("", page.homes[host]):
            continue
        counts[host] = counts.get(host, 0) + 1
        for companion in (node.id, views.get(node.id)):
            if companion is not None:
                page.homes[companion] = page.homes[host]
                page.beside.append((host, companion, "left" if counts[host] % 2 else "right"))


def straightened(edges: Sequence[Edge], spine: Sequence[str]) -> list[Edge]:
    """Edges that skip a step of the data path give way, so that they bend and the path does not."""
    place = {node: k for k, node in enumerate(spine)}
    skips = [e.source in place and e.target in place and place[e.target] - place[e.source] > 1 for e in edges]
    return [dataclasses.replace(e, weight=0) if skip else e for e, skip in zip(edges, skips, strict=True)]


def finish(page: OpPicture) -> Picture:
    """Legend, footer, alternative text, steps."""
    snapshot, options = page.snapshot, page.options
    drawn = [snapshot.values[i] for i in page.keep]
    modules = () if page.sideways else build.module_clusters(snapshot, page.homes, page.ids)
    spine = [page.node_of[i] for i in build.spine_of(snapshot) if i in page.node_of]
    forward = tuple(page.node_of[v.index] for v in drawn if v.op)
    has_grad = any(v.grad is not None for v in drawn)
    problems = build.find_problems(drawn)
    kinds = {v.dtype for v in drawn}
    what = (
        "Scalar graph" if all(v.scalar for v in drawn if v.op) else "Mixed graph" if page.mixed else "Operation graph"
    )
    count = f"{len(page.nodes)} nodes" + (f" in {len(modules)} modules" if modules else "")
    norms = [abs(v.grad) for v in drawn if v.grad is not None]
    footer = footers(snapshot, options)
    return Picture(
        level="op",
        direction="LR" if page.sideways else "TB",
        nodes=tuple(page.nodes),
        edges=red_paths(page.edges if page.sideways else straightened(page.edges, spine), page.nodes),
        modules=modules,
        beside=tuple(page.beside),
        spine=frozenset() if page.sideways else frozenset(spine),
        legend=legend(page, drawn, has_grad) if options.legend and kinds else (),
        legend_title="",
        footer=footer,
        title=options.title,
        alt=build.describe(what, count, [snapshot.values[i] for i in snapshot.roots], norms, problems),
        problems=problems,
        lang=options.lang,
        node_gap=0.14 if page.sideways else 0.4,
        rank_gap=0.42 if page.sideways else 0.26,
        straight=False,
        forward=forward,
        backward=tuple(
            reversed([n for n, v in zip(forward, (v for v in drawn if v.op), strict=True) if v.grad is not None])
        ),
    )
