"""One backward pass as data: the nodes behind a root, their values and gradients, and the gradient that each operation
sends to each operand. Gradients are those that ``record()`` kept, or those of a private walk; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import GraphError, Variable, plain
from ..backward import collect, conjugate, fit, gradients_of_graph
from ..drawing.reading.expansion import operand_value
from ..drawing.reading.records import describe_array
from ..drawing.reading.snapshot import take
from ..graph import Node

Use = tuple[Node, int]  # an operation and the position of an operand in it


class GraphPass:
    """A backward pass from ``root``.

    nodes: newest first. consumed: a pass has run before and released the values that rules read. snapshot: the same
    graph as the plain records that pictures are made of, oldest first.
    """

    def __init__(self, root: Variable, model: Any = None, names: Mapping[str, Any] | None = None) -> None:
        assert root.node is not None
        self.loss, self.root, self.nodes = root, root.node, collect([root.node])
        self.target: Node | None = None  # whose gradient is in question
        self.consumed = any([n.saved is None for n in self.nodes if n.op is not None])
        if not self.consumed and root.size != 1:
            raise GraphError(
                f"explain() needs a loss that is a single number; this Tensor has shape {root.shape}. Write .sum() for "
                "the gradient of the sum of its elements."
            )
        self._found: Mapping[Node, Any] = {} if self.consumed else gradients_of_graph(root)
        self._uses: dict[Node, list[Use]] = {}
        for node in self.nodes:
            for i, p in enumerate(node.parents if node.op is not None else ()):
                if isinstance(p, Node):
                    self._uses.setdefault(p, []).append((node, i))
        self.snapshot = take([root], model=model, names=names, backward=False)
        self._index = {n: i for i, n in enumerate(sorted(self.nodes, key=lambda n: n.serial))}
        self._values: dict[Node, Any] = {root.node: root.data}
        for node in self.nodes:
            self._note_values(node)
        for node, value in self._values.items():
            record = self.record(node)
            if record.stats is None and record.number is None:
                describe_array(record, value)

    def _note_values(self, node: Node) -> None:
        """Note the values that the graph still has: of this node, and of the operands that its rules read."""
        if node.value is not None:
            self._values[node] = plain(node.value)
        if node.op is None or node.static is None or node.saved is None or node.op.variadic:
            return
        for i, args in enumerate(node.saved):
            for name, value in zip(node.op.names(i), args or ()):
                owner = node if name == "y" else None
                if name in node.op.inputs:
                    parent = node.parents[node.op.inputs.index(name)]
                    owner = parent if isinstance(parent, Node) else None
                if owner is not None and value is not None:
                    self._values.setdefault(owner, value)

    def record(self, node: Node) -> Any:
        """Return the plain record of a node, as pictures read it."""
        return self.snapshot.values[self._index[node]]

    def __contains__(self, node: Node) -> bool:
        return node in self._index

    def value(self, node: Node) -> Any:
        """Return the value of a node as an array; None when the graph does not have it."""
        value = self._values.get(node)
        return None if value is None else np.asarray(value)

    def made_again(self, node: Node) -> Any:
        """Return the value of a node, computed again where the graph does not have it but has the operands."""
        given = self.operands(node) if node not in self._values and node.op is not None else []
        if given and not any([v is None for v in given]):
            try:
                with np.errstate(all="ignore"):
                    value = node.op.fn(*given, **(node.op.defaults if node.static is None else node.static))
                self._values[node] = value
                describe_array(self.record(node), np.asarray(value))
            except (TypeError, ValueError, IndexError):
                return None
        return self.value(node)

    def operand(self, node: Node, i: int) -> Any:
        """Return the value of an operand as an array, constants included; None when the graph does not have it."""
        parent = node.parents[i]
        value = self._values.get(parent) if isinstance(parent, Node) else None
        value = operand_value(node, i) if value is None else value
        return None if value is None else np.asarray(plain(value))

    def operands(self, node: Node) -> list[Any]:
        """Return the values of all operands."""
        return [self.operand(node, i) for i in range(len(node.parents))]

    def gradient(self, node: Node) -> Any:
        """Return the gradient that arrived at a node as an array; None where none did, or where it was not kept."""
        found = node.grad if self.consumed else self._found.get(node)
        return None if found is None else np.asarray(plain(found))

    def uses(self, node: Node) -> list[Use]:
        """Return the operations that read a node, newest first, and in which place."""
        return self._uses.get(node, [])

    def sent(self, node: Node, i: int, gradient: Any = None) -> Any:
        """Return the gradient that an operation sends to operand i (of the one that arrived unless it is given), in the
        operand's shape; None when the graph no longer has the values that the rule reads."""
        g = self.gradient(node) if gradient is None else np.asarray(gradient)
        parent = node.parents[i]
        if g is None or not isinstance(parent, Node):
            return None
        with np.errstate(all="ignore"):
            if node.is_float_operation:
                return np.asarray(g * node.saved[i])
            args = node.saved[i] if node.saved is not None else self._read_again(node, i)
            rule = node.op.rule(i)
            if args is None or rule is None:
                return None
            try:
                d = fit(rule(np.asarray(conjugate(g), node.dtype), *args), parent)
            except (TypeError, ValueError, AttributeError):  # a value that the rule reads was not kept
                return None
        return np.asarray(plain(conjugate(d)))

    def _read_again(self, node: Node, i: int) -> Any:
        """Return the values that the rule of operand i reads, from the values that ``record()`` kept."""
        given = self.operands(node)
        dtype = node.dtype
        given = [v.astype(dtype) if v is not None and v.ndim == 0 and v.dtype.kind == "f" else v for v in given]
        return node.op.save[0 if node.op.variadic else i](self.value(node), given, node.static, i)

    def leading_to(self, target: Node) -> set[Node]:
        """Return the nodes that depend on ``target``, and itself."""
        found = {target}
        for node in reversed(self.nodes):  # oldest first
            if any([isinstance(p, Node) and p in found for p in (node.parents if node.op is not None else ())]):
                found.add(node)
        return found

    def before(self, node: Node) -> Iterator[Node]:
        """Return the nodes that a node was computed from, oldest first, and itself."""
        return iter(sorted(collect([node]), key=lambda n: n.serial))
