"""A run of equal modules as one card: its inner chain and a heat cell for every member."""

from __future__ import annotations

from ...picture.cards import repeat_card
from ...picture.model import Card
from ...picture.style import HEALTHY, Heat, heat_of
from ...picture.text import clean, short_number, shorten
from ...picture.words import word
from ...reading.folding import Folder, Item
from ..parts.problems import find_problems
from .titles import FlowBuilder, title_of

MOST_CELLS = 64


def heat_number(builder: FlowBuilder, item: Item) -> tuple[float | None, str]:
    """Return the number that the heat strip shows for one member, and its label.

    For "grad" the gradient norm at its input (at its output when the input has none), for "update" the largest relative
    step of its parameters, else the user's function of its newest value.
    """
    values, heat = builder.snapshot.values, builder.options.heat
    if callable(heat):
        found = heat(values[item.last])
        if not (isinstance(found, tuple) and len(found) == 2):
            raise TypeError(f"heat=function must return a number and a label for every node; it returned {found!r:.60}")
        return float(found[0]), clean(found[1], 8)
    if heat == "update":
        ratios = builder.snapshot.optimizer.ratios if builder.snapshot.optimizer is not None else {}
        known = [ratios[values[p].key] for i in item.members for p in values[i].parents if values[p].key in ratios]
        return (max(known) if known else None), ""
    inside = set(item.members)
    for i in item.members:
        for parent in values[i].parents:
            grad = values[parent].grad
            if parent not in inside and values[parent].role != "parameter" and grad is not None:
                return abs(grad), ""
    grad = values[item.last].grad
    return (None if grad is None else abs(grad)), ""


def repeat_of(builder: FlowBuilder, item: Item, title: str) -> Card:
    """Return the card of a run: inner chain, heat strip, first and last number."""
    cells: list[tuple[str, Heat, bool]] = []
    found = [heat_number(builder, part) for part in item.parts]
    graded = builder.options.heat in (None, "grad")
    if len(item.parts) <= MOST_CELLS and any(x is not None for x, _ in found):
        for k, (part, (x, label)) in enumerate(zip(item.parts, found, strict=True)):
            broken = bool(find_problems([builder.snapshot.values[i] for i in part.members]))
            heat = heat_of(x) if x is not None and graded else HEALTHY
            builder.heats.add(heat.name)
            cells.append((label or str(k + 1), heat, broken))
    known = [x for x, _ in found if x is not None]
    caption = value = ""
    if known:
        key = "into block" if graded else "into update" if builder.options.heat == "update" else "into any"
        caption = word(builder.lang, key, len(item.parts))
        value = f"{short_number(known[0])} … {short_number(known[-1])}"
    if graded:
        builder.norms += [(f"{title} {k + 1}", x) for k, (x, _) in enumerate(found) if x is not None]
    inner = inner_chain(builder, item.parts[0]) if item.path else ""
    return repeat_card(title, len(item.parts), inner=inner, cells=cells, caption=caption, caption_value=value)


def inner_chain(builder: FlowBuilder, part: Item) -> str:
    """Return the operations inside one member of a run: `LayerNorm → Attention → + → …`."""
    calls = builder.snapshot.values[part.members[0]].calls
    level = next((k for k, (path, _) in enumerate(calls, 1) if path == part.path), 0)
    inside = Folder(builder.snapshot, depth=level + 1).split(part.members, level, calls[:level])
    names = [shorten(title_of(builder, item)[0], 20) for item in inside]
    if len(names) < 2:
        return ""
    return " → ".join(names if len(names) <= 8 else [*names[:4], "…", *names[-3:]])
