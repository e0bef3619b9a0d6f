"""Views: handles that show the array of another one, so that a write is noticed under every name of the same memory.

A view taken from a recorded value refuses every use after a write to that value. Never here: the writes (``writing``).
"""

from __future__ import annotations

import weakref
from typing import Any

from ..errors import StaleValueError
from ..graph import Node
from ..other_arrays import NATIVE
from ..variable import Tensor, Variable, owner_of, wrap


def note_view(x: Any, view: Tensor) -> None:
    """Note that ``view`` shows the array of ``x``, so that a write into ``x`` can make the view refuse further use."""
    if isinstance(x, Tensor):
        view._owner = owner_of(x)
        base = x._base() if hasattr(x, "_base") else None
        if base is not None:  # a view of a view belongs to the value that both show
            x = base
        refs = getattr(x, "_views", None)
        if refs is None or (len(refs) > 31 and not len(refs) & (len(refs) - 1)):  # at powers of two: views may all live
            refs = x._views = [r for r in refs or () if r() is not None]
        refs.append(weakref.ref(view))
        view._base = weakref.ref(x)


class Stale:
    """The value of a view whose base was overwritten: every use of it is an error."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def refuse(self, *_: Any, **__: Any) -> Any:
        raise StaleValueError(
            f"this view shows a value that was overwritten ({self.why}); take the view again after the write."
        )

    def __getattr__(self, name: str) -> Any:
        self.refuse()

    __array_ufunc__ = __array_function__ = __array__ = __float__ = __len__ = __getitem__ = __bool__ = refuse


NATIVE += [Variable, Stale]


def outdate_views(x: Tensor) -> None:
    """Make every view taken from x so far refuse further use."""
    for ref in getattr(x, "_views", ()):
        view = ref()
        if view is not None:
            rebind(view, wrap(Stale(f"at a write to the {type(x).__name__} it was taken from"), view.node))
    if getattr(x, "_views", None):
        x._views = []


def rebind(x: Tensor, new: Tensor) -> None:
    """Give handle x a new recorded value; older views of x refuse further use."""
    outdate_views(x)
    if hasattr(x, "_owner"):
        x._owner = None
    x._data, x.node = new._data, new.node


def shown_node(x: Tensor) -> Node | None:
    """Return the node whose array a write into x would change: its own, or that of the value x was detached from."""
    if x.node is not None:
        return x.node
    owner = getattr(x, "_owner", None)
    return owner() if owner is not None else None
