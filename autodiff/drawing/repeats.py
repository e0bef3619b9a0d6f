"""A run of equal modules as one card: its inner chain and a heat cell for every member."""

from __future__ import annotations

from . import build
from .cards import repeat_card
from .contract import Folder, Item
from .flow import FlowPicture, title_of
from .model import Card
from .style import HEALTHY, Heat, heat_of
from .text import clean, short_number
from .words import word


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
