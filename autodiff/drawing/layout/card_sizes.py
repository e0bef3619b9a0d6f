"""How large a card is, where its text stands, and the boxes and lines of a finished layout.

One function turns a `Card` into boxes, from the width table in `text`. The built-in layout draws these boxes; the DOT
writer uses the same widths to give spare room to the right column, so both engines show the same card.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..picture.model import Block, Card, Cell, Run
from ..picture.text import text_width

Point = tuple[float, float]
LINE = 1.25  # line height over font size; Graphviz uses 1.2 and the tallest CJK fallback fonts need a little more


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


def runs_width(runs: Sequence[Run]) -> float:
    """Width of runs set one after the other."""
    return sum(text_width(run.text, run.size, run.bold) for run in runs)


def runs_height(runs: Sequence[Run]) -> float:
    """Height of one line of runs."""
    return max((run.size for run in runs), default=8) * LINE


def cell_size(cell: Cell) -> tuple[float, float]:
    """Natural width and height of a cell, its padding included.

    Renderers fit letters to pixels: a point more than the font says keeps the rows of equal cards equal in all of them.
    """
    width = (math.ceil(runs_width(cell.runs)) + 1 if cell.runs else 0) + 2 * cell.pad
    height = (runs_height(cell.runs) if cell.runs else 0) + 2 * cell.pad
    return max(width, cell.min_width), max(height, cell.min_height)


def column_widths(block: Block) -> list[float]:
    """Natural widths of a block's columns."""
    columns = max(len(row) for row in block.rows)
    return [max((cell_size(row[i])[0] for row in block.rows if i < len(row)), default=0.0) for i in range(columns)]


def block_width(block: Block) -> float:
    """Natural width of a block: columns, the spacing around them, and the inset."""
    widths = column_widths(block)
    return sum(widths) + block.spacing * (len(widths) + 1) + 2 * block.inset


def inner_width(card: Card) -> float:
    """Width of a card inside its border."""
    return max(card.min_width, *(block_width(block) for block in card.blocks))


def measure(card: Card) -> CardBox:
    """Place every block and cell of a card."""
    border, width = card.border_width, inner_width(card)
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
    widths = column_widths(block)
    spare = width - block_width(block)
    if block.stretch is None:
        widths = [part + spare / len(widths) for part in widths]
    else:
        widths[block.stretch] += spare
    cells, y = [], top + block.inset + block.spacing
    for row in block.rows:
        height = max(cell_size(cell)[1] for cell in row)
        x = left + block.inset + block.spacing
        for i, cell in enumerate(row):
            cells.append(CellBox(cell, x, y, widths[i], height))
            x += widths[i] + block.spacing
        y += height + block.spacing
    return BlockBox(block, left, top, width, y + block.inset - top, tuple(cells))
