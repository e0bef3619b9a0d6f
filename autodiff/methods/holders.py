"""Whether anybody but the operator holds an operand: in ``act + w * x`` nobody else holds the product.

Only then may the sum take over the product's node (``ProductSum``). The reference count tells, where the
interpreter counts the references of its stack and of local variables; this is tried out when the package is imported.
"""

from __future__ import annotations

import sys
from typing import Any

from ..backward import ProductSum


class _Handle:
    """An operand with a node, whose ``+`` counts the references to both as the generated operators do."""

    __slots__ = ("node",)

    def __init__(self) -> None:
        self.node = object()

    def __add__(self, o: Any) -> tuple[int, int]:
        q = o.node
        return sys.getrefcount(o), sys.getrefcount(q)


def _alone() -> int:
    """Return both counts where nobody else holds the operand; 0 where they do not tell, and no sum takes a product."""
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return 0
    held, holders = _Handle(), [_Handle()]
    alone: set[int] = set()
    shared: set[int] = set()
    for _ in range(64):  # the interpreter adapts its code after some calls
        alone.update(_Handle() + _Handle())
        shared.update(((_Handle() + held)[0], (_Handle() + holders[0])[0]))
    return max(alone) if len(alone) == 1 and min(shared) > max(alone) else 0


ALONE = _alone()

# part of the generated ``x + o``, with the names it reads
SUM_OF_PRODUCT = """
    if q.__class__ is FloatNode and q.op is times and getrefcount(o) == ALONE and getrefcount(q) == ALONE:
        k = tick()
        if k - q.serial == 1 and q.notes is None and q.scope is s.scope:
            n = ProductSum(); n.serial = k; n.op = op; n.value = y; n.scope = s.scope; n.notes = n.grad = None
            n.a = p; n.c = l = q.a; n.d = r = q.b; n.product = None
            n.dc = b if l.__class__ is float else q.da; n.dd = b if r.__class__ is float else q.db
            q.grad = n; t = Scalar(); t._data = y; t.node = n
            return t"""
NAMES = dict(ALONE=ALONE, ProductSum=ProductSum, getrefcount=getattr(sys, "getrefcount", None))
if not ALONE:
    SUM_OF_PRODUCT = ""
