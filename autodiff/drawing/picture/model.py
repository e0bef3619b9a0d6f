"""The picture as plain data: nodes, edges, frames and their texts.

Frozen dataclasses, with methods that only read them. Nothing here needs a graph, a file format or a program: `levels`
makes a `Picture` from numbers copied out of a graph, and `writing` turns it into text. Equal pictures give equal bytes
in every format, in every process.

A node is one value together with the operation that made it. Its looks are a `Card`: blocks stacked from top to
bottom, each block a small grid of cells, each cell a few runs of text. The same card is laid out by Graphviz as an
HTML-like label and by the built-in layout, so both engines show the same words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .style import BORDER, FORWARD, INK, WHITE
from .text import text_width

LINE_HEIGHT = 1.25  # over font size; Graphviz uses 1.2 and the tallest CJK fallback fonts need a little more


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one size, colour and weight. `text` is clean; an empty one is not drawn."""

    text: str
    size: float = 12
    color: str = INK
    bold: bool = False


def runs_width(runs: Sequence[Run]) -> float:
    """Return the width of runs set one after the other, in points."""
    return sum(text_width(run.text, run.size, run.bold) for run in runs)


def runs_height(runs: Sequence[Run]) -> float:
    """Return the height of one line of runs, in points."""
    return max((run.size for run in runs), default=8) * LINE_HEIGHT


@dataclass(frozen=True, slots=True)
class Cell:
    """Runs on one line, with an optional fill. `pad` is the space around the text in points."""

    runs: tuple[Run, ...]
    align: str = "left"
    fill: str | None = None
    pad: float = 4
    min_width: float = 0
    min_height: float = 0

    @property
    def size(self) -> tuple[float, float]:
        """Natural width and height, padding included.

        Renderers fit letters to pixels: one point more than in the font table keeps equal rows equal in all of them.
        """
        width = (math.ceil(runs_width(self.runs)) + 1 if self.runs else 0) + 2 * self.pad
        height = (runs_height(self.runs) if self.runs else 0) + 2 * self.pad
        return max(width, self.min_width), max(height, self.min_height)


@dataclass(frozen=True, slots=True)
class Block:
    """A grid of cells that share column widths. `stretch` is the column that takes spare width (None:
    all of them alike, "ends": the first and the last, half each); `port` names the lane."""

    rows: tuple[tuple[Cell, ...], ...]
    fill: str | None = None
    port: str = ""
    inset: float = 0
    spacing: float = 0
    stretch: int | str | None = -1

    @property
    def column_widths(self) -> list[float]:
        """Natural widths of the columns."""
        columns = max(len(row) for row in self.rows)
        return [max((row[i].size[0] for row in self.rows if i < len(row)), default=0.0) for i in range(columns)]

    @property
    def width(self) -> float:
        """Natural width: columns, the spacing around them, and the inset."""
        widths = self.column_widths
        return sum(widths) + self.spacing * (len(widths) + 1) + 2 * self.inset


@dataclass(frozen=True, slots=True)
class Card:
    """The look of a node: blocks from top to bottom inside one border.

    A card with `lanes` has a forward port at its left third and a backward port at its right third, at top and bottom.
    """

    blocks: tuple[Block, ...]
    border: str = BORDER
    border_width: float = 1
    fill: str = WHITE
    rounded: bool = False
    min_width: float = 0
    lanes: bool = False

    @property
    def inner_width(self) -> float:
        """Width inside the border."""
        return max(self.min_width, *(block.width for block in self.blocks))

    def lines(self) -> Iterator[tuple[Run, ...]]:
        """Yield the text of the card, row by row."""
        for block in self.blocks:
            for row in block.rows:
                yield tuple(run for cell in row for run in cell.runs)


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of one array: size, minimum, maximum, mean, 2-norm and counts of zeros, NaN, +inf and -inf.

    Minimum, maximum, mean and norm are over the finite elements; None when there are none.
    """

    size: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    norm: float | None = None
    zeros: int = 0
    nans: int = 0
    posinf: int = 0
    neginf: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """One box. The first fields are its meaning, `card` is its look.

    kind: scalar, tensor, input, constant, parameter, frozen, output,
    module, repeat, neuron, optimizer, note or reference.
    grad: the gradient of a scalar, the 2-norm of a tensor's gradient, or None when there is none.
    status: "", warning, first-nan, nan or dead. count: how many values of the graph this box stands for, 1 for an array
    of any size: the number of its elements is ``stats.size``, or the product of its shape.
    """

    id: str
    kind: str
    card: Card
    name: str = ""
    op: str = ""
    shape: str = ""
    dtype: str = ""
    value: str = ""
    grad: float | None = None
    stats: Stats | None = None
    local: str = ""
    module: str = ""
    source: str = ""
    status: str = ""
    count: int = 1
    tooltip: str = ""

    @property
    def label(self) -> str:
        """The name to call this node by in a sentence: its name, else its operation, else its kind."""
        return self.name or self.op or self.kind


@dataclass(frozen=True, slots=True)
class Edge:
    """One line from `source` to `target`; both are node ids. With `back` the arrow is at the source.

    A gradient runs against the data, and is still written `input -> output` with `back=True`: the graph stays acyclic
    and the layout stays the same when gradients are switched on. `number` belongs to the line (a norm, a weight).
    """

    id: str
    source: str
    target: str
    kind: str
    label: tuple[Run, ...] = ()
    tooltip: str = ""
    color: str = FORWARD
    width: float = 1.4
    dash: str = "solid"
    arrow: str = "normal"
    back: bool = False
    lane: str = ""
    weight: int = 1
    number: float | None = None
    arrow_size: float = 0.7


@dataclass(frozen=True, slots=True)
class Module:
    """A cluster: the nodes (and inner clusters) of one module, drawn inside one rounded frame."""

    id: str
    path: str
    title: tuple[Run, ...]
    nodes: tuple[str, ...]
    parent: str = ""
    count: int = 0
    align: str = "left"


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend: a mark (box, badge, line or heat cell) and its meaning."""

    text: str
    mark: str = "box"
    color: str = BORDER
    fill: str = WHITE
    width: float = 1
    dash: str = "solid"
    glyph: str = ""
    ink: str = INK
    rounded: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in the graph: `kind` is nan, inf, dead, vanishing or exploding; `where` names the node."""

    kind: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything a writer needs. `beside` (host, companion, left or right) keeps a companion in the rank of its host.

    spine: ids of the nodes on the data path, which is kept straight.

    forward: node ids in the order the values were made; backward: the same nodes in the order gradients pass them.
    """

    level: str
    direction: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    modules: tuple[Module, ...] = ()
    beside: tuple[tuple[str, str, str], ...] = ()
    spine: frozenset[str] = frozenset()
    legend: tuple[Key, ...] = ()
    legend_title: str = ""
    footer: tuple[str, ...] = ()
    title: str = ""
    alt: str = ""
    problems: tuple[Problem, ...] = ()
    lang: str = "en"
    node_gap: float = 0.3
    rank_gap: float = 0.3
    straight: bool = False
    forward: tuple[str, ...] = ()
    backward: tuple[str, ...] = ()
