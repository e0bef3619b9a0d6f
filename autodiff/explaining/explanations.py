"""The result of ``explain``: the cause of a gradient as data, the operands it was made of, and both as text."""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..drawing.levels.parts.value_texts import source_text
from ..drawing.picture.model import Stats
from ..drawing.picture.text import clean, number
from ..drawing.reading.records import stats_of
from ..graph import Node
from ..modes.diagnostics import name_of as called
from ..modes.diagnostics import op_text, ordinal, written
from .graph_pass import GraphPass


@dataclass(frozen=True)
class Operand:
    """An operand of the operation that is the cause. value: of a single number; stats: of an array, or None."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    value: float | complex | None = None
    stats: Stats | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.name} = {number(self.value)}"
        text = f"{self.name}: {self.dtype} of shape {self.shape}"
        if self.stats is None:
            return text
        counts = {"zero": self.stats.zeros, "NaN": self.stats.nans, "inf": self.stats.posinf, "-inf": self.stats.neginf}
        facts = [f"{n} of {self.stats.size} {name}" for name, n in counts.items() if n]
        if self.stats.min is not None and self.stats.max is not None:
            facts.insert(0, f"{number(self.stats.min)} to {number(self.stats.max)}")
        return ", ".join([text, *facts])


@dataclass(frozen=True)
class Cause:
    """The first cause of a gradient.

    kind: one word, such as "dead_relu" or "infinite_derivative"; docs/explaining.md lists them. op: the operation, or
    "" where none is at fault. place: ``path/model.py:12``, or "" without ``record()``. line: that line of source.
    module: path of the module that ran, or the class of the outermost. index: of the first element, or None. rule: the
    cause, and remedy: the form to write instead, each a sentence.
    """

    kind: str
    rule: str
    remedy: str
    op: str = ""
    place: str = ""
    line: str = ""
    module: str = ""
    operands: tuple[Operand, ...] = ()
    index: tuple[int, ...] | None = None
    node: Node | None = field(default=None, repr=False, compare=False)

    def lines(self) -> list[str]:
        """Return the cause as lines of text."""
        lines = [f"Cause: {self.rule}"]
        where = [f"at {source_text(self.place)}"] if self.place else []
        where += [f"in module {self.module}"] if self.module else []
        if where:
            lines.append(f"    {', '.join(where)}" + (f":  {self.line}" if self.line else ""))
        lines += [f"    {operand}" for operand in self.operands]
        return [*lines, f"Write instead: {self.remedy}"] if self.remedy else lines


class Explanation:
    """The result of ``explain``: print it, read ``.cause``, or look at ``.draw()``.

    state: of the gradient: "none", "zero", "nan", "infinite", "huge" or "fine". text: all of it in words, also what
    ``str`` gives. cause: the first cause, None for a gradient without fault; causes: all that were found.
    """

    def __init__(
        self, state: str, head: str, causes: list[Cause], note: str = "", draw: Callable[..., Any] | None = None
    ) -> None:
        self.state, self.causes, self._draw = state, tuple(causes), draw
        self.cause = self.causes[0] if causes else None
        lines = [head, *(self.cause.lines() if self.cause is not None else ())]
        first = {(c.rule, c.place): c for c in reversed(self.causes)}  # a line that runs often is listed once
        for other in [c for c in self.causes[1:] if first[c.rule, c.place] is c]:
            at = f" ({source_text(other.place)})" if other.place else ""
            lines.append(f"Also: {other.rule}{at}")
            lines += [f"    write instead: {other.remedy}"] if other.remedy else []
        self.text = "\n".join([*lines, *([note] if note else [])])

    def draw(self, radius: int = 2, **options: Any) -> Any:
        """Return the picture of the graph within ``radius`` operations of the cause: ``ad.draw`` with a focus.

        options: other arguments of ``ad.draw``. Raises ValueError where no graph leads to the value.
        """
        if self._draw is None:
            raise ValueError("there is nothing to draw: no graph leads to this value. " + self.text.splitlines()[-1])
        return self._draw(radius=radius, **options)

    def __repr__(self) -> str:
        return self.text


def cause_at(
    graph: GraphPass, node: Node, kind: str, rule: str, remedy: str, index: tuple[int, ...] | None = None
) -> Cause:
    """Return the cause that lies in an operation or a leaf, with its place and its operands. For an operation that a
    derivative rule recorded, the operation that the user wrote is named."""
    site = written(node)[0]
    node, index = (site, index if site.shape == node.shape else None) if site in graph else (node, index)
    record = graph.record(node)
    place = node.source if node.source and node.source != "?" else ""
    file, _, line = place.rpartition(":")
    text = clean(linecache.getline(file, int(line)), 100) if line.isdigit() else ""
    shown = range(len(node.parents)) if node.op is not None else ()
    shown = () if site not in graph else shown  # values inside a rule mean little to a user
    operands = [operand_of(graph, node, i) for i in shown if node.parents[i] is not None or i < 2][:4]
    operands = [o for o in operands if o is not None] or ([described(graph, node)] if node.op is None else [])
    op = site.op.name if site.op is not None else ""
    owner = node.scope.owner() if node.scope is not None else None
    module = record.path or (type(owner).__name__ if owner is not None else "")  # the outermost module has no path
    return Cause(kind, rule, remedy, op, place, text, module, tuple(operands), index, node)  # type: ignore[arg-type]


def operand_of(graph: GraphPass, node: Node, i: int) -> Operand | None:
    """Return one operand of an operation as facts; None for one that was not given."""
    parent = node.parents[i]
    if isinstance(parent, Node):
        return described(graph, parent)
    value = graph.operand(node, i)
    if value is None:
        return None
    return facts(value, f"operand {i + 1}" if node.op.variadic else node.op.inputs[i])


def described(graph: GraphPass, node: Node) -> Operand:
    """Return the value of a node as facts, under its name."""
    value, shape = graph.value(node), node.shape or ()
    name = name_of(graph, node)
    return facts(value, name) if value is not None else Operand(name, shape, str(node.dtype))


def facts(value: Any, name: str) -> Operand:
    """Return an array as facts."""
    if value.ndim == 0:
        return Operand(name, (), str(value.dtype), value.item())
    return Operand(name, value.shape, str(value.dtype), None, stats_of(value))


def name_of(graph: GraphPass, node: Node) -> str:
    """Return the name of a value, or the operation that made it."""
    record = graph.record(node)
    if record.name:
        return str(record.name)
    if node is graph.target:
        return "this value"
    if node.op is None:
        return "a leaf"
    same = node.op.shown.prefix and node.op.shown.formula == ("1",)  # +x: how a transform reads its argument
    if same and isinstance(node.parents[0], Node):
        return name_of(graph, node.parents[0])
    return op_text(node) + (f" at {source_text(record.source)}" if record.source else "")


def derivative_of(node: Node) -> str:
    """Return ``the derivative of log``; for an operation that is part of a derivative, the next derivative."""
    site, order = written(node)
    return f"the {ordinal(order + 1)}derivative of {called(site.op)}"


def first_index(mask: Any) -> tuple[int, ...] | None:
    """Return the index of the first True; None for a single number."""
    return tuple(int(k) for k in np.argwhere(mask)[0]) if np.ndim(mask) and np.any(mask) else None
