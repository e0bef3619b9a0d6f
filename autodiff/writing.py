"""Writing into values: a write is recorded where the graph can follow it, and refused where it cannot.

``x[i] = v`` and ``x += v`` on a recorded value let the handle stand for a new recorded value, so every name of that
handle has it, and views taken earlier refuse further use. A leaf is written only under ``no_grad()`` or by ``x.data
= a``; each write leaves a stamp, and ``backward`` refuses to read a saved array that is older than its stamp.
"""

from __future__ import annotations

import contextlib
import operator
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, repeat, starmap
from operator import attrgetter
from typing import Any

import numpy as np

from .diagnostics import arrays_in, describe, hint
from .errors import StaleValueError, WriteError, kind_of
from .graph import Node, leaf, tick
from .modes import source_line, state
from .registry import METHODS, OPS
from .variable import Scalar, Tensor, Variable, is_live, plain, plain_tree, wrap

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
                _marks_of(x._data).append(self)

    def renew(self) -> None:
        """The arrays were written, just now."""
        _watch(self)
        self._stamp()

    def _stamp(self) -> None:
        self.source = None if state().plain else source_line()
        at_once(_stamped((self, "serial")))


_marks: dict[int, tuple[weakref.ref[Any], list[WriteMark]]] = {}  # by id, while the array lives; its own mark first


class _Latest:
    """The newest serial number of a write."""

    __slots__ = ("serial",)

    def __init__(self) -> None:
        self.serial = 0


_latest = _Latest()
_NOW = iter(tick, None)  # the serial numbers, for ``map``


def _stamped(*places: tuple[Any, str]) -> Iterator[None]:
    """Steps that give each attribute, and then the newest serial of all, the number of a write just now.

    They are run by C code, in the same call as the write: a signal handler or another thread runs between two
    bytecodes, and would find a value without its stamp. The newest serial comes last, so that it never falls behind,
    or a stale read would be missed."""
    return map(setattr, *zip(*places, (_latest, "serial"), strict=True), _NOW)


def at_once(*steps: Iterator[Any]) -> None:
    """Run iterators that are made of C functions (``map`` of ``setattr``, of ``operator.setitem``) to their end: no
    bytecode runs in between, so that no signal can interrupt."""
    deque(chain(*steps), maxlen=0)


def _marks_of(a: Any) -> list[WriteMark]:
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


def _watch(x: Any) -> None:
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
            _note_write(x._data)


def _note_write(a: Any) -> None:
    _marks_of(a)[0]._stamp()


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


class _Unassigned(Stale):
    """The result of ``x[i] += v`` on a view, before Python assigns it to ``x[i]``.

    ``view += v`` alone gives this too, and there it stays: it and x refuse every use, since x would not follow."""

    __slots__ = ("value", "base", "data")

    def __init__(self, value: Tensor, base: Tensor) -> None:
        self.value, self.base, self.data = value, base, base._data
        base._data = self

    def taken_by(self, x: Tensor) -> Tensor:
        """Return the value, for x: the one that the view was taken from."""
        self.base._data = self.data
        if x is not self.base:
            self.refuse()
        return self.value

    def refuse(self, *_: Any, **__: Any) -> Any:
        raise WriteError(
            "x += v on a view: the value it was taken from would not follow. Write into that value, z[i] += v, or into "
            "x * 1."
        )

    __array_ufunc__ = __array_function__ = __array__ = __float__ = __len__ = __getitem__ = __bool__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = refuse
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __iter__ = __setitem__ = __lt__ = __gt__ = __eq__ = refuse
    __hash__ = object.__hash__


def write(x: Variable, value: Any) -> None:
    """``x.data = value`` on a leaf: the value is checked and copied in; an older graph that read it will refuse."""
    old = x.node
    if x.__class__ is not Scalar or old is None or old.op is not None:
        write_all([(x, value)])
        return
    _watch(x)  # the usual Scalar, without the lists: 2 us instead of 10
    new = float(plain(value))
    fresh = leaf(new)
    fresh.grad, fresh.notes = old.grad, old.notes
    at_once(map(setattr, (x, x), ("_data", "node"), (new, fresh)), _stamped((old, "replaced")))


def write_all(
    pairs: Iterable[tuple[Variable, Any]] = (),
    *,
    calls: Iterable[tuple[Any, ...]] = (),
    marks: Iterable[WriteMark] = (),
) -> None:
    """Set the ``.data`` of several leaves to new values: all of them, or none when a value does not fit or a signal
    interrupts.

    calls: ``(function, *args)`` of functions written in C (ufuncs with their output, ``setattr``,
    ``operator.setitem``), run first, in their order, and not interrupted either. marks: those of the arrays that
    the calls write.

    Raises as ``x.data = value`` does: WriteError for a recorded value, ValueError for another shape, TypeError for
    another kind of dtype.

    >>> import autodiff as ad
    >>> from autodiff import extend
    >>> w, b = ad.tensor([1.0, 2.0]), ad.scalar(0.0)
    >>> extend.write_all([(w, [3.0, 4.0]), (b, 5.0)])
    >>> w.data, b.data
    (array([3., 4.]), 5.0)
    """
    fitted = [(x, _fitted(x, value)) for x, value in pairs]
    arrays = [(x._data, new) for x, new in fitted if new.__class__ is not float]
    changes: list[tuple[Any, str, Any]] = []
    stamps: list[tuple[Any, str]] = []
    source = None if state().plain else source_line()
    for mark in marks:
        _watch(mark)
        stamps.append((mark, "serial"))
        changes.append((mark, "source", source))
    for x, new in fitted:
        _watch(x)
        if new.__class__ is not float:
            mark = _marks_of(x._data)[0]
            stamps.append((mark, "serial"))
            changes.append((mark, "source", source))
            continue
        changes.append((x, "_data", new))
        old = x.node if x.node is not None else getattr(x, "_frozen", None)
        if old is not None:  # older graphs keep the old leaf, whose gradient would be lost: backward refuses
            fresh = leaf(new)
            fresh.grad, fresh.notes = old.grad, old.notes
            changes.append((x, "_frozen" if x.node is None else "node", fresh))
            stamps.append((old, "replaced"))
    try:
        at_once(
            starmap(operator.call, calls),
            map(operator.setitem, [a for a, _ in arrays], repeat(...), [new for _, new in arrays]),
            starmap(setattr, changes),
            _stamped(*stamps),
        )
    except Exception:  # a call refused its arguments: the writes of the others count
        at_once(_stamped(*stamps))
        raise


def _fitted(x: Variable, value: Any) -> Any:
    """Return a new value of a leaf: a float, or an array of its own shape and dtype."""
    if not x.is_leaf:
        raise WriteError(
            "the .data of a recorded value cannot be set; write x[...] = v, which is recorded, or make a new value."
        )
    value = plain(value)
    if isinstance(x, Scalar):
        return float(value)
    new = np.asarray(value)
    if new.shape != x.shape:
        raise ValueError(f".data of shape {x.shape} cannot be set to {kind_of(new)}; broadcast or reshape it first.")
    if new.dtype != x.dtype and not np.can_cast(new.dtype, x.dtype, "same_kind"):
        raise TypeError(
            f".data of dtype {x.dtype} cannot be set to {kind_of(new)}; write it with .astype({str(x.dtype)!r})."
        )
    shown = _shown(x)  # type: ignore[arg-type]
    if shown is not None and shown.op is not None:
        raise WriteError(
            "the .data of a detached value that the graph still reads cannot be set; write into np.copy(x) instead."
        )
    if not x._data.flags.writeable:
        raise WriteError("the .data of a read-only array cannot be set; wrap a copy: ad.tensor(a).")
    return new.astype(x.dtype, copy=new.dtype != x.dtype)


def rebind(x: Tensor, new: Tensor) -> None:
    """Let handle x stand for a new recorded value; older views of it refuse further use."""
    for ref in getattr(x, "_views", ()):
        view = ref()
        if view is not None:
            rebind(view, wrap(Stale(f"at a write to the {type(x).__name__} it was taken from"), view.node))
    if getattr(x, "_views", None):
        x._views = []
    if hasattr(x, "_owner"):
        x._owner = None
    x._data, x.node = new._data, new.node


def _shown(x: Tensor) -> Node | None:
    """Return the node whose array a write into x would change: its own, or that of the value x was detached from."""
    if x.node is not None:
        return x.node
    owner = getattr(x, "_owner", None)
    return owner() if owner is not None else None


def _may_write(x: Tensor, what: str, rebinds: bool, recorded: str = "y = x + v") -> None:
    """Refuse a write that the graph could not follow. rebinds: x will stand for a new recorded value, in new memory."""
    base = getattr(x, "_base", None)
    if rebinds and base is not None and base() is not None:
        raise WriteError(
            f"{what} on a view: the value it was taken from would not follow. Write into that value, or into x * 1."
        )
    if rebinds and (x.node is None or x.node.op is not None):
        return
    node = _shown(x)
    _watch(x)
    if node is None:
        _note_write(x._data)
        return
    if node.op is not None:
        raise WriteError(
            f"{what} would change a recorded value under the graph, where no write is recorded. Write into a copy, "
            "np.copy(x.detach()), or do it outside ad.no_grad() on the value itself."
        )
    if node.serial >= state().floor:
        raise WriteError(
            f"{what} on a leaf: it would change under the graph. "
            f"Write {recorded} (recorded), or do it inside ad.no_grad()."
        )
    _note_write(x._data)


def inplace(name: str) -> Callable[[Tensor, Any], Tensor]:
    """Return the in-place operator of a row: recorded on a recorded value, a write into the array otherwise."""

    def run(x: Tensor, o: Any) -> Any:
        live = is_live(x) or (isinstance(o, Variable) and is_live(o))
        base = x._base() if live and hasattr(x, "_base") else None
        if base is not None:
            return _Unassigned(OPS[name](x, o), base)  # z[1:] += v goes on with z[1:] = this
        _may_write(x, f"x {OPS[name].symbol}= v", live, f"x = x {OPS[name].symbol} v")
        new = OPS[name](x, o)
        if new.shape != x.shape or not np.can_cast(new.dtype, x.dtype, "same_kind"):
            raise ValueError(
                f"in-place {name}: {kind_of(new)} does not fit into {kind_of(x)}; write y = x {OPS[name].symbol} v."
            )
        if live:
            rebind(x, new if new.dtype == x.dtype else METHODS["astype"](new, x.dtype))
        else:
            x._data[...] = new._data
        return x

    return run


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``: recorded on a recorded value, a write into the array otherwise."""
    index = plain_tree(index)
    if isinstance(value, _Unassigned):
        value = value.taken_by(x)
    if not is_live(x) and not (isinstance(value, Variable) and is_live(value)):
        _may_write(x, "x[i] = v", False)
        x._data[index] = plain(value)
    else:
        _may_write(x, "x[i] = v", True, "np.where(mask, v, x)")
        rebind(x, OPS["setitem"](x, value, index=index))


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
    leaves = [n.value for n in nodes if n.op is None and n.shape is not None]
    read = next((v for v in leaves if np.may_share_memory(v, a)), None)
    kind = "constant" if read is None else "leaf"
    when = f" (at {mark.source})" if mark.source else ""
    raise StaleValueError(
        f"a {kind} of shape {(a if read is None else read).shape} was overwritten{when} after "
        f"{describe(node)} had read it, and its derivative needs the old value. Run backward() before the "
        f"update, or compute again.{hint(node)}"
    )
