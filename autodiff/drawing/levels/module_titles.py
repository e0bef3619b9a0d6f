"""What is shared while a module-level picture is built: the page, titles of items, the parts of a card."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..picture.model import Edge, Node
from ..picture.text import clean, shape_text
from ..picture.words import module_word, word
from ..reading.folding import Item
from ..reading.records import Snapshot, Value
from . import parts as build
from .options import Options

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
        return build.badge_of(newest), shape_text(newest.shape, word(lang, "scalar"))
    steps = [values[i].badge for i in (item.parts[0].members if item.parts else item.members)]
    if item.kind == "rest":
        return f"{len(item.members):,}".replace(",", "\u00a0") + " operations", ""
    return clean(", ".join(steps), 40), ""


def mean_text(page: FlowPicture, value: Value) -> str:
    """`mean over 32 examples` for a loss that averages its first axis."""
    if value.detail != "mean":
        return ""
    first = next((page.snapshot.values[p] for p in value.parents), None)
    if first is None or not first.shape:
        return ""
    return word(
        page.options.lang, "mean over", math.prod(first.shape[:-1]) if value.op == "cross_entropy" else first.shape[0]
    )


def says_its_class(page: FlowPicture, item: Item) -> bool:
    """Whether the path of a module only repeats the name of its class, as in `self.flatten = Flatten()`."""
    info = page.snapshot.modules.get(item.path)
    return info is not None and item.path.replace("_", "").lower() == info.kind.lower()


def is_loss(page: FlowPicture, item: Item) -> bool:
    """Whether a module is named by its class alone: it was called by itself, as losses are."""
    info = page.snapshot.modules.get(item.path)
    return info is not None and info.kind == item.path
