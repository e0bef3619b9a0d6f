"""The dynamic graph: nodes and their order.

One graph holds scalars and tensors. A node has its operation, its parents and the values of its derivative rule. It
has no reference to its Tensor or Scalar, so unused graphs are freed immediately, without the garbage collector. The
serial number of a node is its place in a topological order, because parents exist before children.
Never here: formulas, array code, the names of operations, the modes (``modes``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

tick = count(1).__next__  # one counter for the process; next() of a count is atomic
EMPTY: dict[str, Any] = {}
FLOAT64 = np.dtype(np.float64)


class Node:
    """A leaf, or one operation with the values that its derivative needs; a ``GeneralNode`` or a ``FloatNode``.

    serial    creation order, which is a topological order
    op        the row of the registry; None for a leaf
    value     floats and leaves: the value; other nodes keep it only under ``record()``
    grad      leaves: the accumulated gradient; floats: of the last backward pass; others only on request
    scope     the module that ran
    notes     facts that few nodes have; usually None

    Both classes have, as attributes or as properties:

    parents   one entry an operand: a node, or the constant itself (a float), or None (a constant array is not kept)
    saved     one entry an operand: the values its rule names, or None for a constant. In a node of floats: the local
              derivatives. None altogether once a backward pass has consumed it.
    static    static arguments (axis, ...); None marks a node of floats, whose ``saved`` are local derivatives
    shape     of the value; None when it is a Python float
    """

    __slots__ = "serial op value grad scope notes __weakref__".split()
    serial: int
    op: Any
    value: Any
    grad: Any
    scope: Any
    notes: Notes | None
    parents: tuple[Any, ...]
    saved: Any
    static: dict[str, Any] | None
    shape: Any
    dtype: Any
    spare: Any
    replaced: int

    @property
    def is_float_operation(self) -> bool:
        """Whether an operation on Python floats made this node: ``saved`` then holds its local derivatives."""
        return self.static is None

    def in_use(self) -> Node:
        """Return this node, that of a handle in use. A product that a sum took over all the same (``ProductSum``; its
        ``grad`` is that sum) has its place in the sum from now on."""
        if isinstance(self.grad, Node):
            self.grad.give_back(self)
        return self

    def give_back(self, product: Node) -> None:
        raise NotImplementedError

    @property
    def source(self) -> str | None:
        """``file.py:12`` of the line that made this node, under ``record()`` or ``detect_anomaly()``."""
        return self.notes.source if self.notes is not None else None


class GeneralNode(Node):
    """A leaf, an operation on arrays, or one on floats with more than two operands.

    spare     leaves: a list with memory for the next gradient, or an empty one; None for small leaves
    replaced  leaves of floats: serial number of the write that put another leaf in place of this one, or 0
    """

    __slots__ = "parents saved static shape dtype spare replaced".split()


class FloatNode(Node):
    """An operation on one or two Python floats: a scalar program makes very many of them.

    Operands and derivatives are in slots, not in tuples, so the garbage collector visits one object for each node: in
    micrograd's program most of the time is the collector's.

    a, b    the operands: a node, or the constant itself (a float); b is None where there is one operand
    da, db  the local derivatives; 0 for a constant
    """

    __slots__ = "a da b db".split()
    a: Any
    da: float
    b: Any
    db: float
    static = shape = None
    dtype = FLOAT64

    @property
    def parents(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.a,) if self.b is None else (self.a, self.b)

    @property
    def saved(self) -> tuple[float, ...]:
        return (self.da,) if self.b is None else (self.da, self.db)


def new_node(
    op: Any,
    parents: tuple[Any, ...],
    saved: Any,
    static: dict[str, Any] | None,
    scope: Any,
    shape: Any,
    dtype: Any,
    value: Any = None,
) -> GeneralNode:
    """Return a node with the next serial number, and no gradient yet."""
    n = GeneralNode()
    n.serial, n.op, n.parents, n.saved, n.static, n.scope = tick(), op, parents, saved, static, scope
    n.shape, n.dtype, n.value = shape, dtype, value
    n.notes = n.grad = None
    return n


def new_float_node(op: Any, parents: Sequence[Any], saved: Sequence[float], scope: Any, value: float) -> Node:
    """Return a node of floats with the next serial number; in both sequences one entry an operand."""
    if len(parents) > 2 or parents[-1] is None:
        return new_node(op, tuple(parents), tuple(saved), None, scope, None, FLOAT64, value)
    n = FloatNode()
    n.serial, n.op, n.scope, n.value = tick(), op, scope, value
    n.a, n.da, n.b, n.db = parents[0], saved[0], parents[1] if len(parents) > 1 else None, saved[-1]
    n.notes = n.grad = None
    return n


def leaf(value: Any) -> GeneralNode:
    """Return a node for a value that is wrapped to be differentiated: a float, or an array."""
    shape, dtype = (None, FLOAT64) if value.__class__ is float else (value.shape, value.dtype)
    n = new_node(None, (), (), EMPTY, None, shape, dtype, value)
    n.spare, n.replaced = None, 0
    return n


class Notes:
    """Facts that few nodes have: hooks, a gradient to be kept, and the records for pictures (``record()``)."""

    __slots__ = "source rule hooks keep_grad prints operands strict made_nan conventional root added ends".split()

    def __init__(self) -> None:
        self.source: str | None = None
        self.rule: Node | None = None  # the operation whose derivative this node computes: with source lines
        self.hooks: list[Callable[[Any], Any]] = []
        self.keep_grad = False
        self.prints: list[tuple[Any, int]] | None = None  # arrays and their fingerprints, under strict()
        self.operands: tuple[Any, ...] | None = None  # constant operands, under record()
        self.strict = False  # made under strict()
        self.made_nan: Any = None  # where a value is NaN and no operand has one (booleans): under strict()
        self.conventional: Any = None  # (function, booleans, Convention): under strict()
        self.root: Any = None  # weak reference to where the last backward pass began, under record()
        self.added = False  # the last backward pass added to a gradient that was there, under record()
        self.ends: tuple[tuple[str, str, str], ...] = ()  # for a constant of this value: operation, place, reason


def notes_of(node: Node) -> Notes:
    """Return the notes of a node, made at first need."""
    if node.notes is None:
        node.notes = Notes()
    return node.notes
