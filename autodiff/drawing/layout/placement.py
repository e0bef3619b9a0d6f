"""The built-in layered layout: places for every box and line of a picture, without any program.

Used for SVG and HTML when Graphviz is missing. Clusters are laid out from the inside out: a finished cluster is one
box for the level above, and a line that leaves it ends in a point on its border. One level is a classic layered
drawing: longest-path ranks, crossing reduction by barycenters, then positions across by repeated averaging with exact
separation (`spread`). Boxes never overlap, by construction. All work is done along two axes, `main` (the direction of
the data) and `cross`; only `Layout` has x and y.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from ..picture.model import Edge, Picture, runs_height, runs_width
from .card_sizes import Box, Layout, Point, measure
from .ranks import Level, Link, arrange
from .routes import Router

INCH = 72
MARGIN = 9
CLUSTER_LABEL = 18
COMPANION_GAP = 30
ROOM_OF_A_LABEL = 10  # points above and below a label, together, in a gap between cards


@dataclass(slots=True)
class Frame:
    """A container being laid out: its direct nodes and inner clusters, and after `arrange` their places."""

    key: str
    parent: str
    members: list[str]
    level: Level | None = None
    label_width: float = 0


def lay_out(picture: Picture) -> Layout:
    """Place everything in `picture`."""
    return Arranger(picture).run()


class Arranger:
    """One run of the layout. State is kept here because every step needs the tables of the steps before it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.vertical = picture.direction == "TB"
        self.cards = {node.id: measure(node.card) for node in picture.nodes}
        self.modules = {module.id: module for module in picture.modules}
        self.home = {node.id: "" for node in picture.nodes}
        for module in picture.modules:
            for node in module.nodes:
                self.home[node] = module.id
        self.frames = self.make_frames()
        self.host: dict[str, str] = {}
        self.groups: dict[str, tuple[list[str], list[str]]] = {}
        self.pair_up()
        self.corner: dict[str, Point] = {}
        self.size: dict[str, Point] = {}
        self.rooms = self.label_rooms()
        self.beside = self.companion_gap()

    def make_frames(self) -> dict[str, Frame]:
        """Return one frame for the page and one for every cluster that holds something, in picture order."""
        frames = {"": Frame("", "", [])}
        for module in self.picture.modules:
            frames[module.id] = Frame(module.id, module.parent, [], None, runs_width(module.title) + 2 * MARGIN)
        for node in self.picture.nodes:
            frames[self.home[node.id]].members.append(node.id)
        for module in self.picture.modules:
            frames[module.parent].members.append(module.id)
        return frames

    def pair_up(self) -> None:
        """Join companions in the container of their host with it to one box."""
        for host, companion, side in self.picture.beside:
            if self.home.get(host) != self.home.get(companion) or host in self.host or companion in self.host:
                continue
            left, right = self.groups.setdefault(host, ([], []))
            left.insert(0, companion) if side == "left" else right.append(companion)
            self.host[companion] = host
            self.frames[self.home[companion]].members.remove(companion)

    def companion_gap(self) -> float:
        """Return the distance between a card and its companions; wider where a companion is higher, for labels."""
        higher = {
            host
            for host, (_, right) in self.groups.items()
            for one in right
            if self.vertical and self.cards[one].height > self.cards[host].height + ROOM_OF_A_LABEL
        }
        gap = float(COMPANION_GAP)
        for edge in self.picture.edges:
            if edge.lane == "b" and edge.label:
                for host in {edge.source, edge.target} & higher:
                    gap = max(gap, self.port(host, "b") + runs_width(edge.label) + 20 - self.cards[host].width)
        return gap

    def turn(self, size: Point) -> Point:
        """Return width and height as main and cross, or the reverse."""
        return (size[1], size[0]) if self.vertical else size

    def card_size(self, node: str) -> Point:
        box = self.cards[node]
        return self.turn((box.width, box.height))

    def group_size(self, node: str) -> Point:
        """Return the main and cross size of a node with its companions."""
        main, cross = self.card_size(node)
        for companion in chain.from_iterable(self.groups.get(node, ())):
            other_main, other_cross = self.card_size(companion)
            main, cross = max(main, other_main), cross + other_cross + self.beside
        return main, cross

    def run(self) -> Layout:
        """Arrange containers from the inside out, then turn places into coordinates from the outside in."""
        links = self.make_links()
        for key in self.inside_out():
            self.arrange_frame(self.frames[key], links)
        self.place("", (0.0, 0.0))
        layout = self.boxes()
        Router(self.picture, layout, self.port, self.waypoints).draw()
        page_width, page_height = self.turn(self.size[""])
        layout.width, layout.height = page_width, page_height
        return layout

    def inside_out(self) -> list[str]:
        order, stack = [], [""]
        inner: dict[str, list[str]] = {}
        for module in self.picture.modules:
            inner.setdefault(module.parent, []).append(module.id)
        while stack:
            key = stack.pop()
            order.append(key)
            stack += inner.get(key, [])
        return order[::-1]

    def ancestors(self, node: str) -> list[str]:
        """Return the containers of a node from the innermost to the page."""
        around, key = [], self.home[node]
        while key:
            around.append(key)
            key = self.modules[key].parent
        return [*around, ""]

    def make_links(self) -> dict[str, list[tuple[str, str, str, Edge]]]:
        """Return the links of every container: (name, from item, to item, edge); `in:` and `out:` name its borders."""
        links: dict[str, list[tuple[str, str, str, Edge]]] = {}
        seen = set()
        companions = set(self.host)
        for edge in self.picture.edges:
            pair = (edge.source, edge.target)
            joined = self.host.get(edge.source, edge.source) == self.host.get(edge.target, edge.target)
            if pair in seen or joined or (edge.source in companions and edge.target in companions):
                continue
            seen.add(pair)
            name = f"{edge.source}>{edge.target}"
            up, down = self.ancestors(edge.source), self.ancestors(edge.target)
            common = next(key for key in up if key in down)
            start = self.host.get(edge.source, edge.source)
            for key in up[: up.index(common)]:
                if not self.picture.straight:
                    links.setdefault(key, []).append((name, start, "out:" + name, edge))
                start = key
            stop = self.host.get(edge.target, edge.target)
            for key in down[: down.index(common)]:
                if not self.picture.straight:
                    links.setdefault(key, []).append((name, "in:" + name, stop, edge))
                stop = key
            if start != stop:
                links.setdefault(common, []).append((name, start, stop, edge))
        return links

    def anchor(self, item: str, node: str, edge: Edge, name: str, leaving: bool) -> float:
        """Return the cross position at which the line for `node` meets `item`."""
        if item.startswith(("in:", "out:")):
            return 0.0
        if item in self.modules:
            level = self.frames[item].level
            assert level is not None
            before = MARGIN if self.vertical else MARGIN + CLUSTER_LABEL
            border = ("out:" if leaving else "in:") + name
            if border in level.cross:
                return before + level.cross[border] - level.low
            path = self.ancestors(node)
            inner = node if path[0] == item else path[path.index(item) - 1]
            inner = self.host.get(inner, inner)
            return before + level.cross[inner] - level.low + self.anchor(inner, node, edge, name, leaving)
        offset = self.offset_in_group(item, node)
        return offset + self.port(node, edge.lane)

    def offset_in_group(self, host: str, node: str) -> float:
        """Return the cross position of a node's box inside the box it shares with its companions."""
        left, right = self.groups.get(host, ([], []))
        position = 0.0
        for member in [*left, host, *right]:
            if member == node:
                return position
            position += self.card_size(member)[1] + self.beside
        return 0.0

    def port(self, node: str, lane: str) -> float:
        """Return the cross position on the card where a line of this lane ends."""
        box = self.cards[node]
        if self.vertical:
            part = {"f": 1 / 6, "b": 5 / 6}.get(lane, 0.5) if box.card.lanes else 0.5
            line = box.card.border_width
            return line + (box.width - 2 * line) * part
        return box.ports.get(lane, box.ports.get("v", box.height / 2) if lane in "vg" and lane else box.height / 2)

    def arrange_frame(self, frame: Frame, links: dict[str, list[tuple[str, str, str, Edge]]]) -> None:
        """Arrange one container and note its size."""
        sizes = {item: self.size[item] if item in self.modules else self.group_size(item) for item in frame.members}
        level_links = []
        for name, start, stop, edge in links.get(frame.key, []):
            for item in (start, stop):
                if item.startswith(("in:", "out:")):
                    sizes[item] = (0.0, 0.0)
            spine = edge.source in self.picture.spine and edge.target in self.picture.spine
            level_links.append(
                Link(
                    name,
                    start,
                    stop,
                    self.anchor(start, edge.source, edge, name, True),
                    self.anchor(stop, edge.target, edge, name, False),
                    edge.weight**2 * (8.0 if spine else 1.0),
                    self.rooms.get((edge.source, edge.target), 0.0),
                )
            )
        frame.level = arrange(sizes, level_links, self.picture.rank_gap * INCH, self.picture.node_gap * INCH)
        main, cross = frame.level.main_size, frame.level.high - frame.level.low
        if frame.key:
            across = CLUSTER_LABEL if not self.vertical else 0
            along = CLUSTER_LABEL if self.vertical else 0
            width = max(cross + across + 2 * MARGIN, frame.label_width if self.vertical else 0)
            length = max(main + along + 2 * MARGIN, frame.label_width if not self.vertical else 0)
            self.size[frame.key] = (length, width)
        else:
            self.size[""] = (main, cross)

    def label_rooms(self) -> dict[tuple[str, str], float]:
        """Return the room along the main axis for the labels of all edges between two nodes."""
        rooms: dict[tuple[str, str], float] = {}
        for edge in self.picture.edges:
            if edge.label:
                room = runs_height(edge.label) + 10 if self.vertical else runs_width(edge.label) + 26
                pair = (edge.source, edge.target)
                rooms[pair] = max(room, rooms.get(pair, 0.0))
        return rooms

    def place(self, root: str, origin: Point) -> None:
        """Set the absolute main and cross of every item, walking containers from the outside in."""
        stack = [(root, origin)]
        while stack:
            key, (main, cross) = stack.pop()
            level = self.frames[key].level
            assert level is not None
            if key:
                main += MARGIN + (CLUSTER_LABEL if self.vertical else 0)
                cross += MARGIN + (0 if self.vertical else CLUSTER_LABEL)
            self.corner["inside:" + key] = (main, cross - level.low)
            for item in self.frames[key].members:
                corner = (main + level.main[item], cross + level.cross[item] - level.low)
                self.corner[item] = corner
                if item in self.modules:
                    stack.append((item, corner))

    def boxes(self) -> Layout:
        """Return the coordinates of every card and cluster."""
        layout = Layout(cards=self.cards)
        for node in self.picture.nodes:
            host = self.host.get(node.id, node.id)
            main, cross = self.corner[host]
            own, whole = self.card_size(node.id), self.group_size(host)
            main += (whole[0] - own[0]) / 2
            cross += self.offset_in_group(host, node.id)
            x, y = (cross, main) if self.vertical else (main, cross)
            layout.nodes[node.id] = Box(x, y, self.cards[node.id].width, self.cards[node.id].height)
        for module in self.picture.modules:
            x, y = self.turn(self.corner[module.id])
            width, height = self.turn(self.size[module.id])
            layout.clusters[module.id] = Box(x, y, width, height)
        return layout

    def waypoints(self, edge: Edge) -> list[tuple[float, float, float]]:
        """Return the bends between the two ends: (main from, main to, cross), in absolute coordinates, in order."""
        name = f"{edge.source}>{edge.target}"
        up, down = self.ancestors(edge.source), self.ancestors(edge.target)
        common = next(key for key in up if key in down)
        found = []
        for key in [*up[: up.index(common)], common, *reversed(down[: down.index(common)])]:
            level = self.frames[key].level
            assert level is not None
            main, cross = self.corner["inside:" + key]
            for start, stop, across in level.bends.get(name, ()):
                found.append((main + start, main + stop, cross + across))
        return found
