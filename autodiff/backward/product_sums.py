"""A sum of a float and a product, ``act + w * x``, in one node where nobody else holds the product.

This is how a neuron of numbers is written, and the garbage collector takes most of the time of such a program. With
half as many nodes it takes a third of that, and the backward pass is shorter too. A reader of the graph sees two nodes:
``parents`` makes that of the product when it is first asked for. Never here: when a sum takes a product
(``methods.holders``), or the pass that reads the slots (``floats``).
"""

from __future__ import annotations

import threading
from typing import Any

from ..graph import FLOAT64, Node, new_float_node

_once = threading.RLock()


class ProductSum(Node):
    """The sum ``a + c * d`` of floats.

    a        the first operand of the sum, a node
    c, d     the operands of the product: nodes, or one a constant (a float)
    dc, dd   its local derivatives; where the operand is a constant, the value of the product
    product  the node of the product, once it was asked for
    """

    __slots__ = "a c dc d dd product".split()
    a: Node
    c: Any
    dc: float
    d: Any
    dd: float
    product: Node | None
    static = shape = None
    dtype = FLOAT64
    saved = (1.0, 1.0)
    times: Any = None  # the row of the product

    @property
    def parents(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.a, self.product or self._split(None))

    def _split(self, node: Node | None) -> Node:
        """Return the node of the product: a new one, or the one given; made once, whichever thread comes first."""
        if node is None:
            value, partials = self.dc * self.dd, [self.dc, self.dd]  # each is the value of the other operand
            for i, operand in enumerate((self.c, self.d)):
                if operand.__class__ is float:
                    value, partials[i] = partials[i], 0.0
            node = new_float_node(self.times, (self.c, self.d), partials, self.scope, value)
            node.serial = self.serial - 1  # that of the product when it was made
        with _once:
            if self.product is None:
                node.grad = self.grad
                self.product = node
        return self.product

    def give_back(self, product: Node) -> None:
        """Let a product be the node of its own again: somebody else holds it after all."""
        product.grad = None
        if self._split(product) is not product:
            product.grad = self.grad
