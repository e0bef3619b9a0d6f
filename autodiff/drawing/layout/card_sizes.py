"""The size of a card, the places of its text, and the boxes and lines of a finished layout.

One function turns a `Card` into boxes, from the width table in `text`. The built-in layout draws these boxes; the DOT
writer uses the same widths to give spare room to the right column, so both engines show the same card.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..picture.model import Block, Card, Cell

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CellBox:
    """A cell at its place in the card: left, top, width and height in points."""

    cell: Cell
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class BlockBox:
    """A block at its place, with the boxes of its cells."""

    block: Block
    x: float
    y: float
    width: float
    height: float
    cells: tuple[CellBox, ...]


@dataclass(frozen=True, slots=True)
class CardBox:
    """A measured card. `ports` gives the height of the middle of every named block."""

    card: Card
    width: float
    height: float
    blocks: tuple[BlockBox, ...]
    ports: dict[str, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, width, height in points."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Route:
    """A line: start point and cubic pieces (two controls and an end each), and the centre of its label."""

    start: Point
    pieces: tuple[tuple[Point, Point, Point], ...]
    label: Box | None = None
    chip: bool = False


@dataclass(slots=True)
class Layout:
    """Boxes of nodes and clusters and routes of edges, in points from the top left corner."""

    width: float = 0
    height: float = 0
    cards: dict[str, CardBox] = field(default_factory=dict)
    nodes: dict[str, Box] = field(default_factory=dict)
    clusters: dict[str, Box] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)


def measure(card: Card) -> CardBox:
    """Place every block and cell of a card."""
    border, width = card.border_width, card.inner_width
    top, blocks, ports = border, [], {}
    for block in card.blocks:
        box = place_block(block, border, top, width)
        blocks.append(box)
        if block.port:
            ports[block.port] = top + box.height / 2
        top += box.height
    return CardBox(card, width + 2 * border, top + border, tuple(blocks), ports)


def place_block(block: Block, left: float, top: float, width: float) -> BlockBox:
    """Place the cells of one block that is stretched to `width`."""
    widths = block.column_widths
    spare = width - block.width
    if block.stretch is None:
        widths = [part + spare / len(widths) for part in widths]
    elif isinstance(block.stretch, str):
        widths[0] += spare / 2
        widths[-1] += spare / 2
    else:
        widths[block.stretch] += spare
    cells, y = [], top + block.inset + block.spacing
    for row in block.rows:
        height = max(cell.size[1] for cell in row)
        x = left + block.inset + block.spacing
        for i, cell in enumerate(row):
            cells.append(CellBox(cell, x, y, widths[i], height))
            x += widths[i] + block.spacing
        y += height + block.spacing
    return BlockBox(block, left, top, width, y + block.inset - top, tuple(cells))
