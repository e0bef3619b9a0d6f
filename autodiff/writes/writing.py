"""Writing into values: a write is recorded where the graph can follow it, and refused where it cannot.

``x[i] = v`` and ``x += v`` on a recorded value give the handle a new recorded value, under every name of the handle;
views taken earlier refuse further use (``views``). A leaf is written only under ``no_grad()`` or by
``x.data = a``; each write leaves a mark that ``backward`` compares (``write_marks``).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from itertools import repeat, starmap
from typing import Any

import numpy as np

from ..batching.handle import Batched
from ..errors import BatchedValueError, WriteError, kind_of
from ..gradient_buffers import forget_gradients
from ..graph import leaf
from ..modes import adopt, number, refuse_trace, source_line, state
from ..other_arrays import numbers
from ..registry import METHODS, OPS
from ..variable import Scalar, Tensor, Variable, is_live, plain, plain_tree
from .views import Stale, outdate_views, rebind, shown_node
from .write_marks import WriteMark, at_once, marks_of, note_write, stamped, watch


class _Unfollowed(Stale):
    """The value of a base after ``view += v``, until Python assigns the sum to a part of it: every use is an error."""

    __slots__ = ()

    def __init__(self) -> None: ...

    def refuse(self, *_: Any, **__: Any) -> Any:
        raise WriteError(
            "x += v on a view: the value it was taken from would not follow. Write into that value, z[i] += v, or into "
            "x * 1."
        )

    __array_ufunc__ = __array_function__ = __array__ = __float__ = __len__ = __getitem__ = __bool__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = refuse
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __iter__ = __setitem__ = __lt__ = __gt__ = __eq__ = refuse
    __hash__ = object.__hash__


class _Unassigned(_Unfollowed):
    """The result of ``x[i] += v`` on a view, before Python assigns it to ``x[i]``.

    ``view += v`` alone gives this too, and is then never assigned: the result, x and every other view of x refuse every
    use, since x does not have the sum."""

    __slots__ = ("value", "base", "held")  # no public name among them: .data is refused too

    def __init__(self, value: Tensor, base: Tensor) -> None:
        self.value, self.base, self.held = value, base, base._data
        outdate_views(base)
        base._data = _Unfollowed()

    def taken_by(self, x: Tensor) -> Tensor:
        """Return the sum, to be assigned to a part of x. x: the value that the view was taken from."""
        if x is not self.base:
            self.refuse()
        x._data = self.held
        return self.value


def write(x: Variable, value: Any) -> None:
    """Set ``x.data = value`` of a leaf: check the value and copy it in; an older graph that read x will refuse."""
    adopt(x)
    old = x.node
    if x.__class__ is not Scalar or old is None or old.op is not None:
        write_all([(x, value)])
        return
    watch(x)  # the usual Scalar, without the lists: 2 us instead of 10
    new = number(plain(value))
    fresh = leaf(new)
    fresh.grad, fresh.notes = old.grad, old.notes
    at_once(map(setattr, (x, x), ("_data", "node"), (new, fresh)), stamped((), (old,)))


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
    if calls:
        refuse_trace("calls that write in place cannot be followed", "Call write_all outside the compiled function")
    steps, written, replaced = [*calls], [*marks], []
    for mark in written:
        watch(mark)
    for x, new in fitted:
        watch(x)
        if not isinstance(x, Scalar):
            written.append(marks_of(x._data)[0])
            steps.append((operator.setitem, x._data, ..., new))
            continue
        steps.append((setattr, x, "_data", new))
        old = x.node if x.node is not None else getattr(x, "_frozen", None)
        if old is not None:  # older graphs keep the old leaf, whose gradient would be lost: backward refuses
            fresh = leaf(new)
            fresh.grad, fresh.notes = old.grad, old.notes
            steps.append((setattr, x, "_frozen" if x.node is None else "node", fresh))
            replaced.append(old)
    source = None if state().plain else source_line()
    steps += [(setattr, mark, "source", source) for mark in written if mark.source is not source]
    try:
        at_once(starmap(operator.call, steps), stamped(written, replaced))
    except Exception:  # a call refused its arguments: the writes of the others count
        at_once(stamped(written, replaced))
        raise


def clear_gradients(leaves: Iterable[Variable], set_to_none: bool = True) -> None:
    """Set the gradients of leaves to None, or those that there are to zeros: all of them, or none when a signal
    interrupts.

    Raises GraphError for a recorded value, which is not a leaf.

    >>> import autodiff as ad
    >>> from autodiff import extend
    >>> w = ad.tensor([1.0, 2.0]); w.sum().backward()
    >>> extend.clear_gradients([w], set_to_none=False); w.grad
    array([0., 0.])
    >>> extend.clear_gradients([w]); print(w.grad)
    None
    """
    if state().trace is not None:  # the program clears them when all is over
        for x in leaves:
            x.grad = None if set_to_none or x.grad is None else np.zeros_like(x.grad) if x.shape else 0.0
        return
    nodes = []
    for x in leaves:
        node = x.node
        if node is None:
            node = getattr(x, "_frozen", None)
            if node is None:
                continue
        elif node.op is not None:
            x.grad = None  # raises
        nodes.append(node)
    if set_to_none:
        forget_gradients(nodes)
        return
    found = [node for node in nodes if node.grad is not None]
    zeros = [0.0 if node.shape is None else np.zeros_like(node.grad) for node in found]
    at_once(map(setattr, found, repeat("grad"), zeros))


def _fitted(x: Variable, value: Any) -> Any:
    """Return a new value of a leaf: a float, or an array of its own shape and dtype."""
    adopt(x)
    numbers(x._data, "a write into .data")
    numbers(plain(value), "a write into .data")
    if not x.is_leaf:
        raise WriteError(
            "the .data of a recorded value cannot be set; write x[...] = v, which is recorded, or make a new value."
        )
    value = plain(value)
    if isinstance(x, Scalar):
        return number(value)
    new = np.asarray(value)
    if new.shape != x.shape:
        raise ValueError(f".data of shape {x.shape} cannot be set to {kind_of(new)}; broadcast or reshape it first.")
    if new.dtype != x.dtype and not np.can_cast(new.dtype, x.dtype, "same_kind"):
        raise TypeError(
            f".data of dtype {x.dtype} cannot be set to {kind_of(new)}; write it with .astype({str(x.dtype)!r})."
        )
    shown = shown_node(x)  # type: ignore[arg-type]
    if shown is not None and shown.op is not None:
        raise WriteError(
            "the .data of a detached value that the graph still reads cannot be set; write into np.copy(x) instead."
        )
    if not x._data.flags.writeable:
        raise WriteError("the .data of a read-only array cannot be set; wrap a copy: ad.tensor(a).")
    return new.astype(x.dtype, copy=new.dtype != x.dtype)


def _may_write(x: Tensor, what: str, rebinds: bool, recorded: str = "y = x + v") -> None:
    """Refuse a write that the graph could not follow. rebinds: x will stand for a new recorded value, in new memory."""
    if not rebinds:
        numbers(x._data, what)
    base = getattr(x, "_base", None)
    if rebinds and base is not None and base() is not None:
        raise WriteError(
            f"{what} on a view: the value it was taken from would not follow. Write into that value, or into x * 1."
        )
    if rebinds and (x.node is None or x.node.op is not None):
        return
    node = shown_node(x)
    watch(x)
    if node is None:
        note_write(x._data)
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
    note_write(x._data)


def inplace(name: str) -> Callable[[Tensor, Any], Tensor]:
    """Return the in-place operator of a row: recorded on a recorded value, a write into the array otherwise."""

    def run(x: Tensor, o: Any) -> Any:
        adopt(x)
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
    """Run ``x[index] = value``: recorded on a recorded value, a write into the array otherwise."""
    adopt(x)
    index = plain_tree(index)
    if value.__class__ is Batched:
        raise BatchedValueError(
            "x[i] = v: a value inside vmap cannot be written into a Tensor that all examples share. Write "
            "ad.stack([...]), np.concatenate or ad.where(mask, v, x), which make a new value."
        )
    if isinstance(value, _Unassigned):
        value = value.taken_by(x)
    if not is_live(x) and not (isinstance(value, Variable) and is_live(value)):
        _may_write(x, "x[i] = v", False)
        x._data[index] = plain(value)
    else:
        _may_write(x, "x[i] = v", True, "np.where(mask, v, x)")
        rebind(x, OPS["setitem"](x, value, index=index))
