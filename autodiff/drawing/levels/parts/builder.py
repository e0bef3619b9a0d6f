"""A picture while it is being built: boxes, lines and frames so far, and the ids that they get.

`Builder` is the same for every level. A level that needs tables of its own adds them in a subclass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...picture.model import Edge, Module, Node, Picture, Problem
from ...picture.style import FORWARD, GRAD, heat_of, heat_width
from ...picture.words import word
from ...reading.records import Call, Snapshot
from .options import Options


@dataclass(slots=True, kw_only=True)
class Builder:
    """Boxes, lines and frames in the order of their ids: n0, n1, ..., e0, e1, ..., m0, m1, ...

    beside: (host, companion, side) for boxes that share a rank. homes: the calls of modules that each box stands in.
    """

    lang: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    frames: list[Module] = field(default_factory=list)
    beside: list[tuple[str, str, str]] = field(default_factory=list)
    homes: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    heats: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: {"n": 0, "e": 0, "m": 0})

    def new_id(self, letter: str) -> str:
        """Return the next id: "n" for a box, "e" for a line, "m" for a frame."""
        self.counts[letter] += 1
        return f"{letter}{self.counts[letter] - 1}"

    def add_edge(self, source: str, target: str, kind: str, **look: Any) -> None:
        """Add a line from `source` to `target`."""
        self.edges.append(Edge(self.new_id("e"), source, target, kind, **look))

    def add_value(self, source: str, target: str, *, tensor: bool = False, **look: Any) -> None:
        """Add the line of a value that goes from `source` to `target`."""
        self.add_edge(source, target, "value", color=FORWARD, width=2.8 if tensor else 1.4, **look)

    def add_gradient(self, source: str, target: str, *, width: float = 1.4, back: bool = True, **look: Any) -> None:
        """Add the line of a gradient that comes back from `target` to `source`."""
        self.add_edge(
            source, target, "gradient", color=GRAD, width=width, dash="dashed", arrow="vee", back=back, **look
        )

    def add_heat(self, source: str, target: str, norm: float, **look: Any) -> None:
        """Add the line of a gradient, as wide and in the colour of its heat class."""
        heat = heat_of(norm)
        self.add_edge(
            source,
            target,
            "gradient",
            tooltip=f"{word(self.lang, 'gradient norm')} {norm!r} ({word(self.lang, heat.name)})",
            color=heat.line,
            width=heat_width(norm),
            dash="dashed" if heat.name == "dead" else "solid",
            back=True,
            number=norm,
            **look,
        )

    def picture(self, *, level: str, direction: str, **facts: Any) -> Picture:
        """Return the finished picture."""
        return Picture(
            level,
            direction,
            tuple(self.nodes),
            tuple(self.edges),
            tuple(self.frames),
            tuple(self.beside),
            problems=tuple(self.problems),
            lang=self.lang,
            **facts,
        )


@dataclass(slots=True, kw_only=True)
class GraphBuilder(Builder):
    """The picture of one graph."""

    snapshot: Snapshot
    options: Options


@dataclass(slots=True)
class ProblemNote:
    """The parts of a card for a problem: status, note and headline; `stats` where there is none."""

    status: str = ""
    note: str = ""
    headline: str = ""
    stats: str = ""


@dataclass(slots=True, kw_only=True)
class OperationBuilder(GraphBuilder):
    """The operation level. keep: indices drawn; notes: problems by index.

    about_problem: the picture explains a problem, and its legend names nothing else.
    """

    keep: list[int]
    notes: dict[int, ProblemNote] = field(default_factory=dict)
    about_problem: bool = False
    node_of: dict[int, str] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    first_calls: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    hidden: int = 0
    sideways: bool = False
    mixed: bool = False
