"""Parts shared while a module-level picture is built: the builder, titles of items, the parts of a card."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ...picture.cards import tile_blocks
from ...picture.model import Block
from ...picture.text import shape_text, shorten
from ...picture.words import module_word, row_word, word
from ...reading.folding import Item
from ...reading.records import Value
from ..parts.builder import GraphBuilder
from ..parts.value_texts import badge_of


@dataclass(slots=True, kw_only=True)
class FlowBuilder(GraphBuilder):
    """The module level. items: a card is made of each; owner: position of the item that holds a value.

    columns: (host, card of its parameters, names of the parameters). norms: name and norm of each gradient drawn.
    shares: the number of each card by the user's heat function.
    """

    items: list[Item]
    owner: dict[int, int]
    item_node: dict[int, str] = field(default_factory=dict)
    value_node: dict[int, str] = field(default_factory=dict)
    columns: list[tuple[str, str, list[str]]] = field(default_factory=list)
    norms: list[tuple[str, float]] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)
    hidden: int = 0
    shares: dict[str, float] = field(default_factory=dict)


def title_of(builder: FlowBuilder, item: Item) -> tuple[str, str]:
    """Return class name and sizes of a module; the symbol of a single operation; the steps of a folded run."""
    lang, values = builder.lang, builder.snapshot.values
    newest = values[item.last]
    if item.path and item.kind in ("module", "repeat"):
        info = builder.snapshot.modules.get(item.path)
        only = {values[i].op for i in item.members}
        if len(only) == 1 and newest.row is not None and newest.row.shown.title:
            return row_word(lang, newest.row.shown.title), ""
        if info is not None and info.kind:
            sizes = info.sizes or (
                str(math.prod(newest.shape[1:])) if info.kind == "Flatten" and len(newest.shape) > 1 else ""
            )
            texts = [sizes] if sizes else []
            if info.kernel:
                texts.append(word(lang, "kernel", shape_text(info.kernel)))
            if info.heads:
                texts.append(word(lang, "heads", info.heads))
            return module_word(lang, info.kind), "\u00a0\u00a0·\u00a0\u00a0".join(texts)
        return shorten(item.path), ""
    if item.kind == "op":
        if newest.row is not None and newest.row.shown.title:
            return row_word(lang, newest.row.shown.title), ""
        return badge_of(newest), shape_text(newest.shape, word(lang, "scalar"))
    step = item.parts[0] if item.parts else item
    steps = [title_of(builder, part)[0] for part in step.parts] or [values[i].badge for i in step.members]
    if item.kind == "rest":
        return word(lang, "operations", f"{len(item.members):,}".replace(",", "\u00a0")), ""
    return shorten(", ".join(steps), 40), ""


def images_of(builder: FlowBuilder, item: Item) -> tuple[Block, ...]:
    """Return the images on the card of a module: filters or attention; a picture of heat has none."""
    info = builder.snapshot.modules.get(item.path)
    if item.kind != "module" or info is None or info.tiles is None or builder.options.heat is not None:
        return ()
    tiles = info.tiles
    caption = word(builder.lang, tiles.kind, len(tiles.images), tiles.total)
    return tile_blocks(tiles.images, tiles.low, tiles.high, caption)


def mean_text(builder: FlowBuilder, value: Value) -> str:
    """Return `mean over 32 examples` for a loss that averages its first axis."""
    if value.detail != "mean":
        return ""
    first = next((builder.snapshot.values[p] for p in value.parents), None)
    if first is None or not first.shape:
        return ""
    count = math.prod(first.shape[:-1]) if value.row is not None and value.row.shown.classes else first.shape[0]
    return word(builder.lang, "mean over", count)


def title_has_class(builder: FlowBuilder, item: Item) -> bool:
    """Return whether the path of a module only repeats the name of its class, as in `self.flatten = Flatten()`."""
    info = builder.snapshot.modules.get(item.path)
    return info is not None and item.path.replace("_", "").lower() == info.kind.lower()


def is_loss(builder: FlowBuilder, item: Item) -> bool:
    """Return whether a module is named by its class alone: it was called by itself, as losses are."""
    info = builder.snapshot.modules.get(item.path)
    return info is not None and info.kind == item.path
