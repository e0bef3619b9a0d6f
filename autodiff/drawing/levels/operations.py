"""The operation level: every value with the operation that made it.

Scalar and mixed graphs run from left to right with a value lane and a gradient lane; the local derivative stands on
the gradient line, so that the chain rule can be checked by eye. Tensor graphs run from top to bottom, grouped by
module, with shape, dtype and gradient norm on every card.

One file, because one builder draws each kind of card and line of this level.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..picture.cards import chip_card, frozen_card, scalar_card, tensor_card
from ..picture.model import Card, Edge, Node, Picture, Run
from ..picture.style import GRAD, heat_of
from ..picture.text import number, pretty_name, shape_text, shorten
from ..picture.words import word
from ..reading.records import Call, Snapshot, Value, shown_number
from ..reading.wide_inputs import fold_wide_inputs
from .parts.builder import OperationBuilder, ProblemNote
from .parts.clusters import data_path, module_clusters
from .parts.formulas import local_formula
from .parts.legends import footers, legend
from .parts.options import Options
from .parts.problem_notes import default_notes, red_paths
from .parts.problems import find_problems
from .parts.value_texts import (
    badge_of,
    describe,
    frozen_node,
    grad_text,
    name_of,
    role_of,
    source_text,
    stats_text,
    value_node,
    value_tooltip,
)

LONGEST_ROW = 12
MOST_CONSUMERS = 6
SIDE_KINDS = ("parameter", "constant", "frozen", "reference")


def op_picture(
    snapshot: Snapshot, options: Options, keep: list[int] | None = None, notes: dict[int, ProblemNote] | None = None
) -> Picture:
    """Return the operation-level picture of the values in `keep` (all of them by default)."""
    if options.constants and keep is None:
        snapshot = with_constants(snapshot)
    hidden: set[int] = set()
    if keep is None and options.repeat is not None:
        snapshot, hidden = fold_wide_inputs(snapshot)
    kept = [i for i in range(len(snapshot.values)) if i not in hidden] if keep is None else keep
    found = default_notes(snapshot, options.lang) if notes is None else notes
    builder = OperationBuilder(
        lang=options.lang,
        snapshot=snapshot,
        options=options,
        keep=kept,
        notes=found,
        about_problem=notes is not None,
        hidden=len(hidden),
    )
    builder.sideways = runs_sideways(builder)
    scalars = [i for i in builder.keep if snapshot.values[i].scalar]
    builder.mixed = builder.sideways and len(scalars) < len(builder.keep)
    crowded = consumers(builder)
    for i in builder.keep:
        add_node(builder, snapshot.values[i])
    if keep is None:
        add_frozen_modules(builder)
    for i in builder.keep:
        add_edges(builder, snapshot.values[i], crowded)
    if not builder.sideways:
        put_beside(builder)
    return finish(builder)


def with_constants(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with every constant number as a value of its own."""
    values = [dataclasses.replace(value) for value in snapshot.values]
    for value in list(values):
        for position, operand in enumerate(value.operands):
            if isinstance(operand, float | complex):
                constant = Value(len(values), scalar=value.scalar, dtype=value.dtype, number=operand, role="constant")
                values.append(constant)
                value.operands = (*value.operands[:position], constant.index, *value.operands[position + 1 :])
    return dataclasses.replace(snapshot, values=values)


def runs_sideways(builder: OperationBuilder) -> bool:
    """Return whether the picture runs from left to right: scalar and mixed graphs of at most 12 ranks do."""
    if builder.options.rankdir in ("LR", "TB"):
        return builder.options.rankdir == "LR"
    values = builder.snapshot.values
    if not any(values[i].scalar for i in builder.keep):
        return False
    kept = set(builder.keep)
    depth: dict[int, int] = {}
    for i in builder.keep:
        depth[i] = 1 + max((depth[p] for p in values[i].parents if p in kept and p in depth), default=0)
    return max(depth.values(), default=0) <= LONGEST_ROW


def add_frozen_modules(builder: OperationBuilder) -> None:
    """Add a grey box for every frozen module, above the data that it may have made."""
    values, snapshot = builder.snapshot.values, builder.snapshot
    first = next((value for value in values if value.op), None)
    made = [i for i in first.parents if values[i].role in ("leaf", "constant")] if first is not None else []
    for path, kind, sizes in snapshot.frozen:
        node_id = builder.new_id("n")
        card = frozen_card(path, f"{kind}({sizes})" if sizes else kind)
        builder.nodes.append(frozen_node(node_id, card, path, word(builder.lang, "frozen module", path)))
        builder.homes[node_id] = ()
        for i in made[:1]:
            if i in builder.node_of:
                builder.add_edge(node_id, builder.node_of[i], "order", dash="invis", arrow="none")


def consumers(builder: OperationBuilder) -> set[int]:
    """Return values read by more than six operations: they are repeated as chips instead of sending lines
    everywhere."""
    counts: dict[int, int] = {}
    for i in builder.keep:
        for parent in set(builder.snapshot.values[i].parents):
            counts[parent] = counts.get(parent, 0) + 1
    return {i for i, count in counts.items() if count > MOST_CONSUMERS}


def add_node(builder: OperationBuilder, value: Value) -> None:
    """Add the node of one value."""
    node_id = builder.new_id("n")
    builder.node_of[value.index] = node_id
    kind = role_of(value, builder.snapshot.roots)
    note = builder.notes.get(value.index, ProblemNote())
    names = operand_names(builder, value)
    local = "; ".join(
        f"∂/∂{names[k] or k + 1} = {text}" for k, text in enumerate(local_texts(builder, value, names)) if text
    ) or array_formulas(value, names)
    card = card_of(builder, value, kind, note)
    builder.nodes.append(value_node(builder.lang, node_id, value, kind, card, status=note.status, local=local))
    builder.homes[node_id] = home_of(builder, value)


def card_of(builder: OperationBuilder, value: Value, kind: str, note: ProblemNote) -> Card:
    """Return the card of a value: rounded for single numbers, square for arrays."""
    show, lang = builder.options.show, builder.lang
    op = (value.badge if value.op else "") if builder.options.constants else badge_of(value)
    name = name_of(value)
    grad = grad_text(value) if "grad" in show else ""
    if value.single and (builder.sideways or value.scalar):
        return scalar_card(
            kind,
            name=pretty_name(name),
            op=op,
            value=shown_number(value) if "value" in show else "",
            grad=grad,
            grad_word=word(lang, "grad") if value.signed else "‖g‖",
            status=note.status,
            note=note.note,
            headline=note.headline,
        )
    shape = shape_text(value.shape, word(lang, "scalar")) if "shape" in show else ""
    result = shown_number(value) if value.single and "value" in show and not note.note else ""
    if kind == "output" and result and not name:
        name = "loss" if value.grad == 1.0 else ""
    stats = note.stats or (stats_text(value.stats) if "stats" in show else "")
    if "source" in show and value.source:
        stats = (stats + "\u00a0\u00a0\u00a0" if stats else "") + source_text(value.source)
    heat = heat_of(value.grad) if builder.options.heat == "grad" and value.grad is not None else None
    return tensor_card(
        kind,
        name=name,
        op=op,
        shape=shape,
        dtype=value.dtype if "dtype" in show and not builder.mixed else "",
        value=result,
        grad=grad,
        status=note.status,
        note=note.note,
        headline=note.headline,
        stats=stats,
        heat=heat,
    )


def operand_names(builder: OperationBuilder, value: Value) -> list[str]:
    """Return short names of the operands of a value, "" where there is none; a constant is its number."""
    names = []
    for operand in value.operands:
        if operand.__class__ is int:
            names.append(pretty_name(shorten(builder.snapshot.values[operand].name, 12)))
        else:
            names.append(number(operand) if isinstance(operand, float | complex) else "")
    return names


def local_texts(builder: OperationBuilder, value: Value, names: list[str]) -> list[str]:
    """Return `w₁ = 0.5` for every operand of a scalar operation."""
    if not value.scalar or len(value.locals) != len(value.operands):
        return []
    output = pretty_name(shorten(value.name, 12))
    texts = []
    for position, local in enumerate(value.locals):
        formula = local_formula(value, position, names, output)
        if value.row is not None and value.row.shown.pairs:
            half = len(names) // 2
            formula = (
                names[position + half] if position < half else names[position - half] if position < 2 * half else "1"
            )
        shown_local = number(local)
        texts.append(f"{formula} = {shown_local}" if formula and formula != shown_local else shown_local)
    return texts


def array_formulas(value: Value, names: list[str]) -> str:
    """Return `∂/∂h = Wᵀ` for every operand of an operation on arrays, with letters for operands without a name."""
    if value.scalar or not value.op:
        return ""
    known = [name or "abcdefgh"[k % 8] for k, name in enumerate(names)]
    output = pretty_name(shorten(value.name, 12)) or "y"
    tracked = [k for k, operand in enumerate(value.operands) if operand.__class__ is int]
    given = [(known[k], local_formula(value, k, known, output)) for k in tracked]
    return "; ".join(f"∂/∂{name} = {formula}" for name, formula in given if formula)


def add_edges(builder: OperationBuilder, value: Value, crowded: set[int]) -> None:
    """Add the lines into one value: forward, and where both ends have a gradient, backward."""
    if not value.op:
        return
    target = builder.node_of[value.index]
    names = operand_names(builder, value)
    locals_ = local_texts(builder, value, names) if "local" in builder.options.show else []
    arrays = value.constants or (None,) * len(value.operands)
    uses = [(k, p if p.__class__ is int else c) for k, (p, c) in enumerate(zip(value.operands, arrays, strict=True))]
    uses += [(len(value.operands), index) for index in value.indices]
    wide: set[int] = set()
    for position, parent in uses:
        if parent is None or parent not in builder.node_of:
            continue
        giver = builder.snapshot.values[parent]
        if giver.count > 1:  # one line for all of them
            if parent in wide:
                continue
            wide.add(parent)
        source = builder.node_of[parent]
        if parent in crowded and source in builder.read:
            source = add_reference(builder, giver, target)
        builder.read.add(source)
        weight = 3 if giver.op and sum(bool(builder.snapshot.values[p].op) for p in value.parents) == 1 else 1
        tensor = builder.mixed and not giver.single
        builder.add_value(
            source,
            target,
            lane="v" if builder.sideways else "",
            tensor=tensor,
            weight=weight if builder.sideways else (8 if giver.op else 2),
            tooltip=f"{giver.name or giver.badge} → {value.name or value.badge}: " + shape_text(giver.shape),
        )
        both = giver.grad is not None and value.grad is not None and giver.count == 1
        if builder.sideways and both and "grad" in builder.options.show:
            add_gradient(builder, giver, value, source, target, position, locals_, weight, tensor)


def add_gradient(
    builder: OperationBuilder,
    giver: Value,
    value: Value,
    source: str,
    target: str,
    position: int,
    locals_: list[str],
    weight: int,
    tensor: bool,
) -> None:
    """Add the gradient line of one operand, with its local derivative."""
    label: tuple[Run, ...] = ()
    name = giver.name or giver.badge
    tooltip = f"grad({name})"
    local = value.locals[position] if position < len(value.locals) else None
    if locals_ and local is not None:
        label = (Run(f"× {locals_[position]}", 11, GRAD),)
        tooltip = f"grad({name}) += {number(value.grad)} × {number(local)} = {number((value.grad or 0.0) * local)}"
    builder.add_gradient(
        source,
        target,
        lane="g",
        label=label,
        tooltip=tooltip,
        weight=weight,
        number=local,
        width=2 if tensor else 1.4,
    )


def add_reference(builder: OperationBuilder, giver: Value, target: str) -> str:
    """Return a small chip that stands for a value drawn elsewhere."""
    node_id = builder.new_id("n")
    name = pretty_name(name_of(giver)) or giver.badge
    builder.nodes.append(
        Node(
            node_id,
            "reference",
            chip_card("reference", f"↗ {name}"),
            name=giver.name,
            op=giver.badge,
            module=giver.path,
            shape=shape_text(giver.shape),
            dtype=giver.dtype,
            tooltip=value_tooltip(giver, builder.lang) + "; " + word(builder.lang, "reference"),
        )
    )
    builder.homes[node_id] = builder.homes[target]
    return node_id


def home_of(builder: OperationBuilder, value: Value) -> tuple[Call, ...]:
    """Return the calls a value is drawn in: of an operation those that made it, of a parameter its module's first."""
    if value.op:
        return value.calls
    if value.role not in ("parameter", "frozen"):
        return ()
    if not builder.first_calls:
        for one in builder.snapshot.values:
            for k, (path, _) in enumerate(one.calls, 1):
                builder.first_calls.setdefault(path, one.calls[:k])
    return builder.first_calls.get(value.path, ())


def put_beside(builder: OperationBuilder) -> None:
    """Put parameters and constants beside the operation that reads them, if the data comes from above.

    Also a view of a parameter, such as its transpose, with the parameter on its far side.
    """
    readers: dict[str, list[str]] = {}
    givers: dict[str, list[str]] = {}
    for edge in builder.edges:
        readers.setdefault(edge.source, []).append(edge.target)
        givers.setdefault(edge.target, []).append(edge.source)
    nodes = {node.id: node for node in builder.nodes}
    aside = {node.id for node in builder.nodes if node.kind in SIDE_KINDS}
    values = builder.snapshot.values
    view_ops = {builder.node_of[i] for i in builder.keep if (row := values[i].row) is not None and row.shown.view}
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
    for node in builder.nodes:
        if node.id not in aside or node.id in views.values() or not readers.get(node.id):
            continue
        host = readers[node.id][0]
        above = [g for g in givers[host] if g not in aside]
        if not above and node.kind != "constant":
            above = [g for g in givers[host] if nodes[g].kind == "constant"]
        if not above or builder.homes[node.id] not in ((), builder.homes[host]):
            continue
        counts[host] = counts.get(host, 0) + 1
        for companion in (node.id, views.get(node.id)):
            if companion is not None:
                builder.homes[companion] = builder.homes[host]
                builder.beside.append((host, companion, "left" if counts[host] % 2 else "right"))


def unlike_chain_rule(snapshot: Snapshot, value: Value) -> bool:
    """Return whether the gradient of a leaf is more than this graph sends it: earlier passes were added to it."""
    if value.op or value.grad is None or snapshot.gradients != "backward" or not value.scalar:
        return False
    sent, readers = 0.0, [one for one in snapshot.values if one.op and value.index in one.parents]
    for reader in readers:
        if reader.grad is None or len(reader.locals) != len(reader.operands):
            return False
        sent += sum(
            reader.grad * local
            for operand, local in zip(reader.operands, reader.locals, strict=True)
            if operand == value.index and operand.__class__ is int
        )
    size = abs(sent) + abs(value.grad)
    return bool(readers) and math.isfinite(size) and abs(sent - value.grad) > 1e-9 * size


def straightened(edges: Sequence[Edge], spine: Sequence[str]) -> list[Edge]:
    """Return the edges, where those that skip a step of the data path bend, so that the path stays straight."""
    place = {node: k for k, node in enumerate(spine)}
    skips = [e.source in place and e.target in place and place[e.target] - place[e.source] > 1 for e in edges]
    return [dataclasses.replace(e, weight=0) if skip else e for e, skip in zip(edges, skips, strict=True)]


def notes_below(builder: OperationBuilder, drawn: list[Value]) -> tuple[str, ...]:
    """Return the lines of the footer that only this level has: on folded values, and on missing numbers."""
    snapshot, options = builder.snapshot, builder.options
    notes = []
    if builder.hidden:
        notes.append(word(options.lang, "wide inputs", builder.hidden + 1))
    lanes = "grad" in options.show and "local" in options.show and any(v.locals for v in drawn)
    if lanes and any(v.grad is not None for v in drawn) and not builder.sideways and not builder.about_problem:
        notes.append(word(options.lang, "no locals"))
    if any((value.added and value.grad is not None) or unlike_chain_rule(snapshot, value) for value in drawn):
        notes.append(word(options.lang, "accumulated"))
    return tuple(notes)


def finish(builder: OperationBuilder) -> Picture:
    """Return the finished picture: with legend, footer, alternative text and steps."""
    snapshot, options = builder.snapshot, builder.options
    drawn = [snapshot.values[i] for i in builder.keep]
    if not builder.sideways:
        builder.frames += module_clusters(builder)
    spine = [builder.node_of[i] for i in data_path(snapshot) if i in builder.node_of]
    forward = tuple(builder.node_of[v.index] for v in drawn if v.op)
    has_grad = any(v.grad is not None for v in drawn)
    builder.problems += find_problems(drawn, builder.lang)
    kinds = {v.dtype for v in drawn}
    scalars = all(v.scalar for v in drawn if v.op)
    what = "scalar graph" if scalars else "mixed graph" if builder.mixed else "operation graph"
    count = word(builder.lang, "nodes", len(builder.nodes))
    if builder.frames:
        count = word(builder.lang, "in modules", count, len(builder.frames))
    norms = [abs(v.grad) for v in drawn if v.grad is not None]
    footer = footers(snapshot, options) + notes_below(builder, drawn)
    if not builder.sideways:
        builder.edges = straightened(builder.edges, spine)
    builder.edges = red_paths(builder.edges, builder.nodes)
    return builder.picture(
        level="op",
        direction="LR" if builder.sideways else "TB",
        spine=frozenset() if builder.sideways else frozenset(spine),
        legend=legend(builder, drawn, has_grad) if options.legend and kinds else (),
        legend_title="",
        footer=footer,
        title=options.title,
        alt=describe(builder.lang, what, count, [snapshot.values[i] for i in snapshot.roots], norms, builder.problems),
        node_gap=0.14 if builder.sideways else 0.4,
        rank_gap=0.42 if builder.sideways else 0.26,
        straight=False,
        forward=forward,
        backward=tuple(
            reversed([n for n, v in zip(forward, (v for v in drawn if v.op), strict=True) if v.grad is not None])
        ),
    )
