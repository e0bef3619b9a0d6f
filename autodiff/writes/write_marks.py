"""Write marks: each array of a leaf that the library wrote into has the serial number of its last write.

``backward`` refuses to read a saved array that is older than its mark, so the forward pass pays nothing for the check.
Writes that must not be interrupted run here as well, in one call of C code (``at_once``). Never here: what is written
(``writing``).
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from ..errors import StaleValueError
from ..graph import Node, tick
from ..modes import source_line, state
from ..modes.diagnostics import arrays_in, describe, hint
from ..variable import Variable

_serial = attrgetter("serial")


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
        """The arrays were written, just now."""
        watch(self)
        self._stamp()

    def _stamp(self) -> None:
        self.source = None if state().plain else source_line()
        at_once(stamped((self, "serial")))


_marks: dict[int, tuple[weakref.ref[Any], list[WriteMark]]] = {}  # by id, while the array lives; its own mark first


class _Latest:
    """The newest serial number of a write."""

    __slots__ = ("serial",)

    def __init__(self) -> None:
        self.serial = 0


_latest = _Latest()
_NOW = iter(tick, None)  # the serial numbers, for ``map``


def stamped(*places: tuple[Any, str]) -> Iterator[None]:
    """Steps that give each attribute, and then the newest serial of all, the number of a write just now.

    They are run by C code, in the same call as the write: a signal handler or another thread runs between two
    bytecodes, and would find a value without its stamp. The newest serial comes last, so that it never falls behind,
    or a stale read would be missed."""
    return map(setattr, *zip(*places, (_latest, "serial"), strict=True), _NOW)


def at_once(*steps: Iterator[Any]) -> None:
    """Run iterators that are made of C functions (``map`` of ``setattr``, of ``operator.setitem``) to their end: no
    bytecode runs in between, so that no signal can interrupt."""
    deque(chain(*steps), maxlen=0)


def marks_of(a: Any) -> list[WriteMark]:
    """Return every mark of an array, or of the array whose memory it shows: a view may be gone before that one is."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    key = id(a)
    entry = _marks.get(key)
    if entry is None or entry[0]() is not a:
        new = (weakref.ref(a, partial(_forget, key)), [WriteMark()])
        if entry is not None:
            _marks.pop(key, None)
        entry = _marks.setdefault(key, new)  # another thread may have been faster
    return entry[1]


def _forget(key: int, _: Any) -> None:
    _marks.pop(key, None)


class _Watched(threading.local):
    """The handles that this thread writes into, while they are collected."""

    handles: list[Any] | None = None


_watched = _Watched()


@contextlib.contextmanager
def watch_writes() -> Iterator[Callable[[], list[Any]]]:
    """Collect the targets of this thread's writes in the block: a function that returns their handles and marks."""
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


def check_unwritten(nodes: list[Node]) -> None:
    """Refuse when an array that a rule will read was overwritten through the library after it was saved."""
    first = 0
    for node in reversed(nodes):
        if node.op is not None:  # the oldest operation: the leaves stand behind it
            first = node.serial
            break
    if _latest.serial < first:
        return  # the usual case: an optimizer wrote, and then this graph was made
    for n in nodes:
        if n.op is None and n.replaced:
            raise StaleValueError(
                f"a Scalar of value {n.value:g} that this graph reads was given another value since. Run backward() "
                "before the update, or compute again."
            )
    written: dict[int, tuple[Any, WriteMark]] = {}  # by the id of the array that owns the memory
    borrowed: list[tuple[Any, WriteMark]] = []  # whose memory another library owns: compared by address
    for ref, marks in list(_marks.values()):
        array, newest = ref(), max(list(marks), key=_serial)
        if array is not None and newest.serial >= first:
            written[id(array)] = (array, newest)
            if array.base is not None:
                borrowed.append((array, newest))
    if written:
        _refuse_readers(nodes, written, borrowed)


def _refuse_readers(nodes: list[Node], written: dict[int, tuple[Any, WriteMark]], borrowed: list[Any]) -> None:
    """Raise when a node saved one of these arrays before it was written. One pass, however many were written."""
    for node in nodes:
        if node.op is None or node.is_float_operation:
            continue
        for a in arrays_in(node.saved):
            owner = a
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            if owner.base is None and id(owner) not in written and not borrowed:
                continue
            found = written.get(id(owner))
            same = written.values() if owner.base is not None else [*([found] if found else []), *borrowed]
            for array, mark in same:
                if node.serial <= mark.serial and np.may_share_memory(a, array):
                    _refuse(nodes, node, a, mark)


def _refuse(nodes: list[Node], node: Node, a: Any, mark: WriteMark) -> None:
    leaves = [n.value for n in nodes if n.op is None and isinstance(n.value, np.ndarray)]
    read = next((v for v in leaves if np.may_share_memory(v, a)), None)
    kind = "constant" if read is None else "leaf"
    when = f" (at {mark.source})" if mark.source else ""
    raise StaleValueError(
        f"a {kind} of shape {(a if read is None else read).shape} was overwritten{when} after "
        f"{describe(node)} had read it, and its derivative needs the old value. Run backward() before the "
        f"update, or compute again.{hint(node)}"
    )
