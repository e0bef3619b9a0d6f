"""Lines of the built-in layout: curves from port to port through their bends, and a place for every label."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product

from ..picture.model import Edge, Picture, runs_height, runs_width
from .card_sizes import Box, Layout, Point, Route
from .ranks import spread

Bend = tuple[float, float, float]
LANE_SHIFT = 7.0
COPY_BULGE = 24.0


class Router:
    """The routes of a picture whose boxes are placed, along `main` and `cross` as in the layout."""

    def __init__(
        self,
        picture: Picture,
        layout: Layout,
        port: Callable[[str, str], float],
        waypoints: Callable[[Edge], list[Bend]],
    ) -> None:
        self.picture = picture
        self.layout = layout
        self.port = port
        self.waypoints = waypoints
        self.vertical = picture.direction == "TB"
        self.fans = self.fan_slots()
        self.copies = self.count_copies()

    def draw(self) -> None:
        """Fill `layout.routes`, then move labels of one gap apart."""
        for edge in self.picture.edges:
            self.layout.routes[edge.id] = self.route(edge)
        if not self.vertical:
            self.clear_labels()
            self.part_labels()

    def xy(self, main: float, cross: float) -> Point:
        return (cross, main) if self.vertical else (main, cross)

    def span(self, node: str) -> tuple[float, float, float, float]:
        """Return main start and end, cross start and end of a node's box."""
        box = self.layout.nodes[node]
        if self.vertical:
            return box.y, box.y + box.height, box.x, box.x + box.width
        return box.x, box.x + box.width, box.y, box.y + box.height

    def fan_slots(self) -> dict[tuple[str, bool, str], float]:
        """Return where lines without a port meet the border: a few side by side instead of all in the middle."""
        slots: dict[tuple[str, bool, str], float] = {}
        ends: dict[tuple[str, bool], list[tuple[float, str]]] = {}
        for edge in self.picture.edges:
            if edge.lane:
                continue
            for node, other, leaving in ((edge.source, edge.target, True), (edge.target, edge.source, False)):
                _, _, low, high = self.span(other)
                ends.setdefault((node, leaving), []).append(((low + high) / 2, edge.id))
        for (node, leaving), found in ends.items():
            _, _, low, high = self.span(node)
            middle, reach = (low + high) / 2, (high - low) / 2 - 8
            for at, edge_id in found:
                shift = 0.0 if len(found) == 1 else max(-reach, min(reach, (at - middle) * 0.3))
                slots[node, leaving, edge_id] = middle + (0.0 if abs(at - middle) < 1 else shift)
        return slots

    def count_copies(self) -> dict[str, int]:
        """Return how many lines of the same kind between the same two nodes come before an edge: `a * a` has two of
        each.
        """
        seen: dict[tuple[str, str, str], int] = {}
        copies = {}
        for edge in self.picture.edges:
            key = (edge.source, edge.target, edge.lane or edge.kind)
            copies[edge.id] = seen.get(key, 0)
            seen[key] = copies[edge.id] + 1
        return copies

    def end(self, node: str, edge: Edge, leaving: bool) -> float:
        """Return the cross position of an end of an edge."""
        if not edge.lane:
            return self.fans[node, leaving, edge.id]
        _, _, low, _ = self.span(node)
        return low + self.port(node, edge.lane)

    def route(self, edge: Edge) -> Route:
        """Return the route of one edge, from source to target."""
        first, last = self.span(edge.source), self.span(edge.target)
        if first[1] > last[0] + 1:  # not before each other along the main axis: neighbours in a rank, or a cycle
            return self.sideways(edge, first, last)
        shift = {"g": LANE_SHIFT, "v": -LANE_SHIFT, "b": LANE_SHIFT, "f": -LANE_SHIFT}.get(edge.lane, 0.0)
        places = [(first[1], self.end(edge.source, edge, True))]
        for start, stop, across in [] if self.picture.straight else self.waypoints(edge):
            places += [(start, across + shift), (stop, across + shift)]
        places.append((last[0], self.end(edge.target, edge, False)))
        bulge = self.copies[edge.id] * COPY_BULGE * (1 if edge.lane in ("g", "b") else -1)
        pieces, mids = [], []
        for (m0, c0), (m1, c1) in pairwise(places):
            if m1 - m0 < 0.01 and abs(c1 - c0) < 0.01:
                continue
            half = (m1 - m0) * (0.0 if self.picture.straight or abs(c1 - c0) + abs(bulge) < 0.01 else 0.5)
            pieces.append((self.xy(m0 + half, c0 + bulge), self.xy(m1 - half, c1 + bulge), self.xy(m1, c1)))
            mids.append((m1 - m0, (m0 + m1) / 2, (c0 + c1) / 2 + bulge * 0.75, abs(c1 - c0) + abs(bulge) > 1))
        label = self.label(edge, mids)
        curved = any(mid[3] for mid in mids)
        return Route(self.xy(*places[0]), tuple(pieces), label, curved)

    def label(self, edge: Edge, mids: Sequence[tuple[float, float, float, bool]]) -> Box | None:
        """Return the box of an edge's label: right of a vertical line, above a horizontal one, on a curve."""
        if not edge.label or not mids:
            return None
        width, height = runs_width(edge.label), runs_height(edge.label)
        _, main, cross, curved = mids[0] if edge.back else mids[-1]
        x, y = self.xy(main, cross)
        if self.vertical:
            return Box(x + 7, y - height / 2, width, height)
        return Box(x - width / 2, y - height / 2 if curved else y - height - 1, width, height)

    def sideways(self, edge: Edge, first: Sequence[float], last: Sequence[float]) -> Route:
        """Return the route between boxes side by side across the main axis; two such lines run next to each other."""
        rightward = first[2] < last[2]
        c0, c1 = (first[3], last[2]) if rightward else (first[2], last[3])
        low, high = max(first[0], last[0]), min(first[1], last[1])
        part = 0.32 if edge.kind == "gradient" else 0.68 if self.has_twin(edge) else 0.5
        if high > low:
            main0 = main1 = low + (high - low) * part
        else:
            main0, main1 = (first[0] + first[1]) / 2, (last[0] + last[1]) / 2
        half = (c1 - c0) / 2 if abs(main1 - main0) > 0.01 else 0.0
        piece = (self.xy(main0, c0 + half), self.xy(main1, c1 - half), self.xy(main1, c1))
        return Route(
            self.xy(main0, c0), (piece,), self.label(edge, [(0.0, (main0 + main1) / 2, (c0 + c1) / 2, True)]), True
        )

    def has_twin(self, edge: Edge) -> bool:
        """Return whether a gradient runs between the same two nodes."""
        if not hasattr(self, "gradients"):
            self.gradients = {
                frozenset((other.source, other.target)) for other in self.picture.edges if other.kind == "gradient"
            }
        return frozenset((edge.source, edge.target)) in self.gradients

    def clear_labels(self) -> None:
        """Move labels on curves along their line to where they hide least of other lines, boxes and labels."""
        lines = sorted((*point, key) for key, route in self.layout.routes.items() for point in points_of(route))
        boxes = [*self.layout.nodes.values()]
        for edge in self.picture.edges:
            route = self.layout.routes[edge.id]
            if route.label is None or not route.chip or edge.lane != "g":
                continue
            best = (math.inf, route.label)
            for t, aside in product((0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73), (0.0, -0.5, 0.5)):
                x, y = bezier(route.start, route.pieces[0], t)
                y += aside * route.label.height
                box = Box(x - route.label.width / 2, y - route.label.height / 2, route.label.width, route.label.height)
                across = lines[bisect_left(lines, (box.x,)) : bisect_right(lines, (box.x + box.width,))]
                hidden = sum(key != edge.id and box.y - 1 < py < box.y + box.height + 1 for _, py, key in across)
                cost = hidden + 20 * sum(overlap(box, other) for other in boxes)
                best = min(best, (cost, box), key=lambda pair: pair[0])
            boxes.append(best[1])
            self.layout.routes[edge.id] = Route(route.start, route.pieces, best[1], True)

    def part_labels(self) -> None:
        """Move overlapping labels of a left-to-right picture apart, from top to bottom."""
        columns: dict[int, list[str]] = {}
        for edge_id, route in self.layout.routes.items():
            if route.label:
                columns.setdefault(round((route.label.x + route.label.width / 2) / 12), []).append(edge_id)
        for ids in columns.values():
            ids.sort(key=lambda edge_id: self.layout.routes[edge_id].label.y)  # type: ignore[union-attr]
            boxes = [self.layout.routes[edge_id].label for edge_id in ids]
            tops = spread([box.y for box in boxes if box], [box.height for box in boxes if box], [1.0] * len(ids), 1.0)
            for edge_id, box, top in zip(ids, boxes, tops, strict=True):
                route = self.layout.routes[edge_id]
                if box and abs(top - box.y) > 0.01:
                    moved = Box(box.x, top, box.width, box.height)
                    self.layout.routes[edge_id] = Route(route.start, route.pieces, moved, route.chip)


def bezier(start: Point, piece: tuple[Point, Point, Point], t: float) -> Point:
    """Return the point at `t` of a cubic."""
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(w * point[axis] for w, point in zip(weights, (start, *piece), strict=True)) for axis in (0, 1))
    return x, y


def points_of(route: Route) -> Iterator[Point]:
    """Yield points along a route, close enough that no label fits between two of them."""
    start = route.start
    for piece in route.pieces:
        yield from (bezier(start, piece, k / 16) for k in range(17))
        start = piece[2]


def overlap(box: Box, other: Box) -> bool:
    """Return whether two boxes share a point."""
    return (
        box.x < other.x + other.width
        and other.x < box.x + box.width
        and box.y < other.y + other.height
        and other.y < box.y + box.height
    )
