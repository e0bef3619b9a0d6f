"""Write marks: each array of a leaf that the library wrote into has the serial number of its last write.

``backward`` refuses to read a saved array that is older than its mark (``stale_reads``), so the forward pass pays
nothing for the check.
Writes that must not be interrupted run here as well, in one call of C code (``at_once``). Never here: the new values
(``writing``).
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import chain, repeat
from typing import Any

import numpy as np

from ..graph import Node, tick
from ..modes import source_line, state
from ..variable import Variable


class WriteMark:
    """The arrays of some leaves that are written together, again and again: by an optimizer, most often.

    ``renew()`` after each write marks all of them, at a cost that does not depend on their number: a graph that read
    one of them before will refuse ``backward()``. For a write that happens once there is ``mark_written``.

    >>> import autodiff as ad
    >>> from autodiff import extend
    >>> w = ad.tensor([1.0, 2.0])
    >>> loss, mark = (w * w).sum(), extend.WriteMark(w)
    >>> w.data[:] = 0.0; mark.renew()
    >>> loss.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autodiff.errors.StaleValueError: a leaf of shape (2,) was overwritten after multiply ...
    """

    __slots__ = ("serial", "source", "__weakref__")

    def __init__(self, *leaves: Variable) -> None:
        self.serial = 0
        self.source: str | None = None
        for x in leaves:
            if isinstance(x._data, np.ndarray):  # a float is never written into: Scalars have new leaves instead
                marks_of(x._data).append(self)

    def renew(self) -> None:
        """Note that the arrays were written just now."""
        watch(self)
        self._stamp()

    def _stamp(self) -> None:
        self.source = None if state().plain else source_line()
        at_once(stamped([self]))


all_marks: dict[int, tuple[weakref.ref[Any], list[WriteMark]]] = {}  # by id, while the array lives; its own mark first


class _Latest:
    """The newest serial number of a write."""

    __slots__ = ("serial",)

    def __init__(self) -> None:
        self.serial = 0


latest = _Latest()
_NOW = iter(tick, None)  # the serial numbers, for ``map``


def stamped(marks: Collection[WriteMark], replaced: Collection[Node] = ()) -> Iterator[None]:
    """Return an iterator whose steps set ``replaced`` of these leaves of floats, ``serial`` of the marks, and last
    ``latest.serial``, to the number of a new write.

    C code runs the steps, in the same call as the write: a signal handler or another thread runs between two
    bytecodes, and would find a value without its stamp. ``latest.serial`` is set last, so that it is never older than
    a stamp; otherwise a stale read would be missed."""
    numbers = map(setattr, (*marks, latest), repeat("serial"), _NOW)
    return chain(map(setattr, replaced, repeat("replaced"), _NOW), numbers) if replaced else numbers


def at_once(*steps: Iterator[Any]) -> None:
    """Exhaust iterators made of C functions (``map`` of ``setattr``, of ``operator.setitem``): no bytecode runs in
    between, so that no signal can interrupt."""
    deque(chain(*steps), maxlen=0)


def marks_of(a: Any) -> list[WriteMark]:
    """Return every mark of an array; of a view, those of the array that owns the memory, which may live longer."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    key = id(a)
    entry = all_marks.get(key)
    if entry is None or entry[0]() is not a:
        new = (weakref.ref(a, partial(_forget, key)), [WriteMark()])
        if entry is not None:
            all_marks.pop(key, None)
        entry = all_marks.setdefault(key, new)  # another thread may have been faster
    return entry[1]


def _forget(key: int, _: Any) -> None:
    all_marks.pop(key, None)


class _Watched(threading.local):
    """The handles that this thread writes into, while they are collected."""

    handles: list[Any] | None = None


_watched = _Watched()


@contextlib.contextmanager
def watch_writes() -> Iterator[Callable[[], list[Any]]]:
    """Yield a function that returns the handles and marks that this thread has written in the block."""
    above, _watched.handles = _watched.handles, []
    own: list[Any] = _watched.handles
    try:
        yield lambda: [x for ref in own if (x := ref()) is not None]
    finally:
        _watched.handles = above
        if above is not None:
            above.extend(own)


def watch(x: Any) -> None:
    if _watched.handles is not None:
        _watched.handles.append(weakref.ref(x))


def mark_written(*leaves: Variable) -> None:
    """Mark the arrays of these leaves as written in place: a graph that read them before will refuse
    ``backward()``.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> y = (x * x).sum()
    >>> np.negative(x.data, out=x.data); ad.extend.mark_written(x); y.backward()
    Traceback (most recent call last):
    autodiff.errors.StaleValueError: a leaf of shape (2,) was overwritten after multiply ... had read it, ...
    """
    for x in leaves:
        if isinstance(x._data, np.ndarray):
            note_write(x._data)


def note_write(a: Any) -> None:
    marks_of(a)[0]._stamp()
