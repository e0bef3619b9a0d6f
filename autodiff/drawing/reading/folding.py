"""Folding a graph: which values are drawn as one box.

An item is one operation, one call of a module, or a run of equal things. A call is a stretch of operations next to
each other in creation order that were made inside one module; since operands are older than their results, such a
stretch never closes a cycle with the rest. Runs of at least `repeat` equal neighbours become one item: modules
with the same operations, shapes, dtypes, parameters and inner connections, or, in a graph without modules, the same
few operations again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .patterns import Pattern, matches
from .records import Call, Snapshot, Value

LONGEST_PERIOD = 12
ENDS_KEPT = 12


@dataclass(slots=True)
class Item:
    """A future box. kind: op, module, repeat (of `parts`) or rest (many different operations; `parts`: one step each).
    """

    kind: str
    members: list[int]
    path: str = ""
    home: tuple[Call, ...] = ()
    parts: list[Item] = field(default_factory=list)
    call: int = 0

    @property
    def last(self) -> int:
        """Index of the value that is newest in this item."""
        return self.members[-1]


class Folder:
    """The folding of the operations of a snapshot, by modules.

    expand, fold: patterns of paths. repeat: fold runs of so many equal modules. depth: fold modules nested deeper.
    opened: every module is open unless it matches `fold`.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        expand: Sequence[Pattern] = (),
        fold: Sequence[Pattern] = (),
        repeat: int | None = None,
        depth: int | None = None,
        opened: bool = False,
    ) -> None:
        self.snapshot, self.expand, self.fold, self.repeat, self.depth = snapshot, expand, fold, repeat, depth
        self.opened = opened

    def items(self) -> list[Item]:
        """Return all operations as items, in order."""
        return self.split([value.index for value in self.snapshot.values if value.op], 0, ())

    def split(self, members: Sequence[int], level: int, home: tuple[Call, ...]) -> list[Item]:
        """Return the items of a stretch of operations that share their first `level` calls."""
        values = self.snapshot.values
        if not self.snapshot.modules:
            return [Item("op", [i]) for i in members]
        pieces: list[tuple[Call, list[int]]] = []
        for i in members:
            calls = values[i].calls
            call = calls[level] if len(calls) > level else ("", 0)
            if call[0] and pieces and pieces[-1][0] == call:
                pieces[-1][1].append(i)
            else:
                pieces.append((call, [i]))
        found: list[Item] = []
        runs = self.runs(pieces)
        folded = {self.snapshot.modules[pieces[at][0][0]].kind for at in runs}
        at = 0
        while at < len(pieces):
            run, (path, number) = runs.get(at, 1), pieces[at][0]
            if run > 1:
                parts = [Item("module", inside, path, home) for (path, _), inside in pieces[at : at + run]]
                found.append(Item("repeat", [i for part in parts for i in part.members], parts[0].path, home, parts))
            elif path and self.snapshot.modules[path].kind in folded - {""} and not matches(self.expand, path):
                only = number if self.snapshot.calls[path] > 1 else 0  # a sibling of a run that differs a little
                found.append(Item("module", pieces[at][1], path, home, call=only))
            else:
                found += self.piece(*pieces[at], level, home)
            at += run
        return found

    def piece(self, call: Call, members: list[int], level: int, home: tuple[Call, ...]) -> list[Item]:
        """Return one call of a module as one item, or the items inside it."""
        path, number = call
        if not path:
            return [Item("op", members, home[-1][0] if home else "", home)]
        deeper = any(len(self.snapshot.values[i].calls) > level + 1 for i in members)
        folded = matches(self.fold, path) or (self.depth is not None and level + 1 >= self.depth)
        folded = folded or (self.snapshot.modules[path].whole and not self.opened)
        if not matches(self.expand, path) and (folded or not (deeper or self.opened)):
            return [Item("module", members, path, home, call=number if self.snapshot.calls[path] > 1 else 0)]
        return self.split(members, level + 1, (*home, call))

    def runs(self, pieces: Sequence[tuple[Call, list[int]]]) -> dict[int, int]:
        """Return where runs of equal modules begin, and how long they are."""
        found, at = {}, 0
        while at < len(pieces):
            run = self.run_length(pieces, at)
            if run > 1:
                found[at] = run
            at += run
        return found

    def run_length(self, pieces: Sequence[tuple[Call, list[int]]], at: int) -> int:
        """Return how many equal modules follow each other from `at`; 1 when they are too few to fold."""
        (path, _), members = pieces[at]
        if self.repeat is None or not path or matches(self.expand, path):
            return 1
        pattern, end = self.signature(members), at + 1
        while (
            end < len(pieces)
            and pieces[end][0][0]
            and not matches(self.expand, pieces[end][0][0])
            and len(pieces[end][1]) == len(members)
            and self.signature(pieces[end][1]) == pattern
        ):
            end += 1
        return end - at if end - at >= self.repeat else 1

    def signature(self, members: Sequence[int]) -> tuple[Any, ...]:
        """Return the facts of equal siblings: operations, shapes, dtypes, parameter shapes, inner connections."""
        values, place = self.snapshot.values, {i: k for k, i in enumerate(members)}
        lines = []
        for i in members:
            value = values[i]
            operands = tuple(
                place[p] if p in place else values[p].shape if values[p].role == "parameter" else "outside"
                for p in value.parents
            )
            lines.append((value.op, value.shape, value.dtype, value.scalar, operands))
        return tuple(lines)


def fold_plain(items: list[Item], snapshot: Snapshot, limit: int, repeat: int = 3) -> list[Item]:
    """Shorten a long list of single operations: repeated patterns first, then everything between the ends."""
    if len(items) <= limit:
        return items
    items = fold_patterns(items, snapshot, repeat)
    if len(items) <= limit:
        return items
    keep = max(2, min(ENDS_KEPT, limit // 4))
    middle = items[keep:-keep]
    rest = Item("rest", [i for item in middle for i in item.members])
    return [*items[:keep], rest, *items[-keep:]]


def fold_patterns(items: list[Item], snapshot: Snapshot, repeat: int) -> list[Item]:
    """Return the items, with runs of the same few operations, over and over, as repeat items."""
    keys = [item_key(item, snapshot) for item in items]
    found: list[Item] = []
    at = 0
    while at < len(items):
        period, times = best_period(keys, at, repeat)
        if times < repeat:
            found.append(items[at])
            at += 1
            continue
        parts = []
        for k in range(times):
            inside = items[at + k * period : at + (k + 1) * period]
            parts.append(Item("rest", [i for item in inside for i in item.members], parts=inside))
        found.append(Item("repeat", [i for part in parts for i in part.members], parts=parts))
        at += period * times
    return found


def item_key(item: Item, snapshot: Snapshot) -> Any:
    """Return the facts that are equal where operations or modules are the same step of a pattern."""
    if item.kind == "op":
        value = snapshot.values[item.last]
        return value.op, value.shape, value.dtype
    return Folder(snapshot).signature(item.members) if item.kind == "module" else id(item)


def best_period(keys: Sequence[Any], at: int, repeat: int) -> tuple[int, int]:
    """Return the shortest pattern from `at` that repeats often enough: its length and how often."""
    for period in range(1, LONGEST_PERIOD + 1):
        if at + period * repeat > len(keys) or keys[at] != keys[at + period]:
            continue
        end = at + period
        while end < len(keys) and keys[end] == keys[end - period]:
            end += 1
        times = (end - at) // period
        if times >= repeat:
            return period, times
    return 1, 1


def owner_table(items: Sequence[Item]) -> dict[int, int]:
    """Return, for every folded value, the position of its item."""
    return {i: k for k, item in enumerate(items) for i in item.members}


def inputs_of(
    item: Item, snapshot: Snapshot, owner: dict[int, int], position: int, wanted: Callable[[Value], bool]
) -> list[int]:
    """Return values from outside that an item reads, each once, in order of first use."""
    found: dict[int, None] = {}
    for i in item.members:
        for parent in snapshot.values[i].parents:
            if owner.get(parent) != position and wanted(snapshot.values[parent]):
                found[parent] = None
    return list(found)
