"""One level of a layered drawing: boxes and links in, positions along and across out.

Ranks by longest path, order in a rank by barycenters, positions across by averaging over neighbours with exact
separation. A link that passes over a rank gets a bend there, an invisible small box that keeps room for the line.
Everything is a loop, and ties are broken by the order of the input, so that equal input gives equal output.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

BEND_WIDTH = 14.0
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Link:
    """A line from `source` to `target`; offsets: where it meets each box across; `room`: of its label along main."""

    name: str
    source: str
    target: str
    source_offset: float
    target_offset: float
    weight: float = 1.0
    room: float = 0.0


@dataclass(slots=True)
class Level:
    """The result: main and cross of every box's corner, extents, and the bends of long links."""

    main: dict[str, float] = field(default_factory=dict)
    cross: dict[str, float] = field(default_factory=dict)
    main_size: float = 0
    low: float = 0
    high: float = 0
    bends: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)


@dataclass(slots=True)
class Piece:
    """A part of a link between neighbouring ranks."""

    source: str
    target: str
    source_offset: float
    target_offset: float
    weight: float
    room: float


def arrange(sizes: Mapping[str, tuple[float, float]], links: Sequence[Link], rank_gap: float, box_gap: float) -> Level:
    """Lay out boxes of `sizes` (main, cross) joined by `links`."""
    ranks = assign_ranks(list(sizes), links)
    extents = dict(sizes)
    pieces, bends = cut_links(links, ranks, extents)
    rows = order_rows(ranks, pieces)
    cross = positions(rows, pieces, extents, box_gap)
    return finish(rows, ranks, pieces, bends, extents, cross, rank_gap)


def assign_ranks(items: list[str], links: Sequence[Link]) -> dict[str, int]:
    """Return longest-path ranks; links that close a cycle are ignored; sources move next to their first consumer."""
    after: dict[str, list[str]] = {item: [] for item in items}
    waiting = dict.fromkeys(items, 0)
    for link in links:
        after[link.source].append(link.target)
        waiting[link.target] += 1
    ranks = dict.fromkeys(items, 0)
    ready = [item for item in reversed(items) if not waiting[item]]
    done: set[str] = set()
    order: list[str] = []
    left = iter(items)
    while len(done) < len(items):
        if not ready:  # a cycle: continue with the first box that is left
            ready.append(next(item for item in left if item not in done))
        item = ready.pop()
        if item in done:
            continue
        done.add(item)
        order.append(item)
        for other in after[item]:
            if other not in done:
                ranks[other] = max(ranks[other], ranks[item] + 1)
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
    entered = {link.target for link in links}
    for item in reversed(order):
        later = [ranks[other] for other in after[item] if ranks[other] > ranks[item]]
        if item not in entered and later and not item.startswith("in:"):
            ranks[item] = min(later) - 1
    if any(item.startswith("in:") for item in items):
        for item in items:
            ranks[item] = 0 if item.startswith("in:") else max(1, ranks[item])
    last = max((ranks[item] for item in items if not item.startswith("out:")), default=0)
    for item in items:
        if item.startswith("out:"):
            ranks[item] = last + 1
    return ranks


def cut_links(
    links: Sequence[Link], ranks: dict[str, int], extents: dict[str, tuple[float, float]]
) -> tuple[list[Piece], dict[str, list[str]]]:
    """Cut links into pieces between neighbouring ranks; every rank passed over gets a bend, added to the tables."""
    pieces: list[Piece] = []
    bends: dict[str, list[str]] = {}
    for link in links:
        first, last = ranks[link.source], ranks[link.target]
        if last <= first:
            continue
        source, offset, room = link.source, link.source_offset, link.room
        for rank in range(first + 1, last):
            bend = f"bend:{link.name}:{rank}"
            ranks[bend] = rank
            extents[bend] = (0.0, BEND_WIDTH)
            bends.setdefault(link.name, []).append(bend)
            weight = link.weight * (4.0 if source.startswith("bend:") else 1.0)
            pieces.append(Piece(source, bend, offset, BEND_WIDTH / 2, weight, room))
            source, offset, room = bend, BEND_WIDTH / 2, 0.0
        pieces.append(Piece(source, link.target, offset, link.target_offset, link.weight, room))
    return pieces, bends


def order_rows(ranks: dict[str, int], pieces: Sequence[Piece]) -> list[list[str]]:
    """Return the boxes of every rank in an order with few crossings."""
    rows: list[list[str]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for item, rank in ranks.items():
        rows[rank].append(item)
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for piece in pieces:
        above.setdefault(piece.target, []).append(piece.source)
        below.setdefault(piece.source, []).append(piece.target)
    best, least = [list(row) for row in rows], crossings(rows, below)
    for sweep in range(2 * SWEEPS):
        if least == 0:
            break
        downward = sweep % 2 == 0
        neighbours = above if downward else below
        for row in rows[1:] if downward else rows[-2::-1]:
            fixed = rows[ranks[row[0]] + (-1 if downward else 1)] if row else []
            place = {item: i for i, item in enumerate(fixed)}
            keys = {
                item: mean([place[n] for n in neighbours.get(item, ()) if n in place], i) for i, item in enumerate(row)
            }
            row.sort(key=keys.__getitem__)
        found = crossings(rows, below)
        if found < least:
            best, least = [list(row) for row in rows], found
    return best


def mean(values: Sequence[float], default: float) -> float:
    """Return the average, or `default` for no values."""
    return sum(values) / len(values) if values else default


def crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    """Return the number of crossing pieces, by counting inversions rank by rank."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {item: i for i, item in enumerate(lower)}
        seen: list[int] = []
        for item in upper:
            ends = sorted(place[other] for other in below.get(item, ()) if other in place)
            for end in ends:
                total += len(seen) - bisect_left(seen, end + 1)
            for end in ends:
                insort(seen, end)
    return total


def positions(
    rows: Sequence[Sequence[str]], pieces: Sequence[Piece], extents: Mapping[str, tuple[float, float]], box_gap: float
) -> dict[str, float]:
    """Return the cross position of every box: near the average of its neighbours, at least `box_gap` from the next."""
    ties: dict[str, list[tuple[str, float, float, bool]]] = {}
    for piece in pieces:
        shift = piece.source_offset - piece.target_offset
        ties.setdefault(piece.target, []).append((piece.source, shift, piece.weight, True))
        ties.setdefault(piece.source, []).append((piece.target, -shift, piece.weight, False))
    cross: dict[str, float] = {}
    for row in rows:
        at = 0.0
        total = sum(extents[item][1] for item in row) + box_gap * max(0, len(row) - 1)
        for item in row:
            cross[item] = at - total / 2
            at += extents[item][1] + box_gap
    for sweep in range(4 * SWEEPS):
        downward, both = sweep % 2 == 0, sweep >= 2 * SWEEPS
        for row in rows if downward else rows[::-1]:
            wanted, weights = [], []
            for item in row:
                pulls = [
                    (cross[other] + shift, weight)
                    for other, shift, weight, up in ties.get(item, ())
                    if both or up == downward
                ]
                heavy = sum(weight for _, weight in pulls)
                wanted.append(sum(at * weight for at, weight in pulls) / heavy if heavy else cross[item])
                weights.append(heavy or 0.01)
            widths = [extents[item][1] for item in row]
            for item, at in zip(row, spread(wanted, widths, weights, box_gap), strict=True):
                cross[item] = at
    return cross


def spread(wanted: Sequence[float], widths: Sequence[float], weights: Sequence[float], gap: float) -> list[float]:
    """Return the positions nearest to `wanted` (weighted least squares) that keep order and separation.

    With the cumulated widths subtracted the constraint is that positions do not decrease, which pooling adjacent
    violators solves exactly (isotonic regression).
    """
    shifts, at = [], 0.0
    for width in widths:
        shifts.append(at)
        at += width + gap
    pools: list[list[float]] = []  # [weighted mean, weight, count]
    for want, shift, weight in zip(wanted, shifts, weights, strict=True):
        pools.append([want - shift, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            value, heavy, count = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + value * heavy) / (last[1] + heavy)
            last[1] += heavy
            last[2] += count
    flat = [value for value, _, count in pools for _ in range(int(count))]
    return [value + shift for value, shift in zip(flat, shifts, strict=True)]


def finish(
    rows: Sequence[Sequence[str]],
    ranks: Mapping[str, int],
    pieces: Sequence[Piece],
    bends: Mapping[str, list[str]],
    extents: Mapping[str, tuple[float, float]],
    cross: dict[str, float],
    rank_gap: float,
) -> Level:
    """Return the level: ranks one after the other, with gaps wide enough for labels, and the bends."""
    rooms = [0.0] * len(rows)
    for piece in pieces:
        rooms[ranks[piece.source]] = max(rooms[ranks[piece.source]], piece.room)
    level, at = Level(cross=cross), 0.0
    starts, ends = [], []
    for rank, row in enumerate(rows):
        tall = max((extents[item][0] for item in row), default=0.0)
        starts.append(at)
        ends.append(at + tall)
        for item in row:
            level.main[item] = at + (tall - extents[item][0]) / 2
        thin = tall == 0 or (rank + 1 < len(rows) and all(extents[item][0] == 0 for item in rows[rank + 1]))
        at += tall + (max(6.0 if thin else rank_gap, rooms[rank]) if rank + 1 < len(rows) else 0)
    level.main_size = at
    solid = [item for row in rows for item in row]
    level.low = min((cross[item] for item in solid), default=0.0)
    level.high = max((cross[item] + extents[item][1] for item in solid), default=0.0)
    for name, chain in bends.items():
        level.bends[name] = [(starts[ranks[bend]], ends[ranks[bend]], cross[bend] + BEND_WIDTH / 2) for bend in chain]
    return level
