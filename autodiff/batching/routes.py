"""Operations with a ``Batched`` operand: rows by their batch function or in a loop, NumPy functions with plain results,
and composites.

The innermost frame among the operands is removed, the operation runs once on the payloads, and its result gets the
frame. A payload may be ``Batched`` itself: the same happens there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import BatchedValueError
from ..modes.diagnostics import explain
from ..other_arrays import is_foreign, refusal
from ..registry import DISPATCH, Op
from ..variable import PLAIN, Variable
from .handle import Batched, Frame, bare, bottom, innermost, inside, open_frames
from .ways import aligned, along, positions, reduced, run_again

REFUSALS = (ValueError, TypeError, IndexError)
# NumPy functions with plain results that need the shapes and dtypes alone; others need the values.
_OF_FACTS = {
    np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.isscalar, np.result_type, np.can_cast,
    np.common_type, np.zeros_like, np.ones_like, np.empty_like, np.tril_indices_from, np.triu_indices_from,
    np.diag_indices_from,
}  # fmt: skip
_ELEMENTWISE = {np.isclose, np.isreal, np.iscomplex, np.isneginf, np.isposinf}
_REDUCED = {np.any, np.all, np.count_nonzero}
_ALONG = {np.argmax, np.argmin, np.argsort}


def run_row(op: Op, operands: Iterable[Any], static: dict[str, Any]) -> Any:
    """Evaluate and record a row one of whose operands, or static arguments, is batched."""
    operands = tuple(operands)
    for x in operands:
        if x.__class__ is not np.ndarray and is_foreign(bare(bottom(x))):
            raise refusal(f"{op.name} inside vmap", bare(bottom(x)), "the examples must be in NumPy's memory")
    nested = () if static is op.defaults else batched_in(static)  # an index, most often
    frame = innermost((*operands, *nested))
    assert frame is not None
    way = None if nested else op.batch or (aligned if op.elementwise else None)
    y = None
    if way is not None:
        xs, on = positions(frame, operands)
        try:
            y = way(frame, op, xs, on, static)
        except REFUSALS:
            pass  # one example at a time: the error then has the shapes of one example
    if y is not None:
        return _made(frame, y)
    return over_examples(frame, lambda *args, **kwargs: _of_one(op, args, kwargs), operands, static)


def _made(frame: Frame, y: Any) -> Batched:
    return Batched(frame, y if y.__class__ is np.ndarray or isinstance(y, Variable) else np.asarray(y))


def _of_one(op: Op, xs: tuple[Any, ...], static: dict[str, Any]) -> Any:
    try:
        return run_again(op, xs, static)
    except REFUSALS as error:
        if not any([isinstance(x, Variable) for x in xs]):
            explain(op, error, list(xs))
        raise


def over_examples(frame: Frame, f: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Return f of every example of a frame, stacked, for functions without a batched form. f may return tuples or
    lists."""
    if not frame.size:
        return _of_no_examples(frame, f, args, kwargs)
    others = tuple([other for other in open_frames() if other is not frame])  # an example alone is no batch
    found = [inside(others, f, *example(args, frame, k), **example(kwargs, frame, k)) for k in range(frame.size)]
    return _stacked(frame, found)


def _stacked(frame: Frame, found: list[Any]) -> Any:
    first = found[0]
    if isinstance(first, tuple | list):
        parts = [_stacked(frame, list(p)) for p in zip(*found, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if isinstance(first, dict):
        return {key: _stacked(frame, [y[key] for y in found]) for key in first}
    if len({np.shape(y) for y in found}) > 1:
        raise BatchedValueError(
            f"inside vmap({frame.name}) the shape of the result depends on the values: {np.shape(first)} in the first "
            "example, another in others. Write ad.where(mask, x, 0), which keeps the shape."
        )
    if not isinstance(first, Variable | np.ndarray | np.generic | float | int | complex):
        return first
    return Batched(frame, np.stack(found))


def _of_no_examples(frame: Frame, f: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Return the result for a batch of length 0, from the shape and dtype that an example of zeros gives."""
    given = [_map(x, lambda x: np.zeros(x.shape, x.dtype) if x.frame is frame else x) for x in (args, kwargs)]
    y = f(*given[0], **given[1])
    if isinstance(y, tuple):
        return tuple([Batched(frame, np.zeros((0, *np.shape(v)), v.dtype)) for v in y])
    return Batched(frame, np.zeros((0, *np.shape(y)), getattr(y, "dtype", float)))


def example(x: Any, frame: Frame, k: int) -> Any:
    """Return example k of the values of a frame, in nested lists, tuples and dicts."""
    return _map(x, lambda v: v.payload[k, ...] if v.frame is frame else v)


def _map(x: Any, f: Callable[[Batched], Any]) -> Any:
    if x.__class__ is Batched:
        return f(x)
    if isinstance(x, tuple | list) and not hasattr(x, "_fields"):
        return type(x)([_map(v, f) for v in x])
    if isinstance(x, slice):
        return slice(*[_map(v, f) for v in (x.start, x.stop, x.step)])
    return {key: _map(v, f) for key, v in x.items()} if isinstance(x, dict) else x


def batched_in(x: Any) -> list[Batched]:
    """Return the batched values in nested lists, tuples and dicts."""
    found: list[Batched] = []
    _collect(x, found)
    return found


def _collect(x: Any, found: list[Batched]) -> None:
    kind = x.__class__
    if kind is Batched:
        found.append(x)
    elif kind is dict:
        for v in x.values():
            if v is not None:
                _collect(v, found)
    elif kind is tuple or kind is list:
        for v in x:
            _collect(v, found)


def call_ufunc(ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return a ufunc's plain result: of comparisons, tests, and on whole numbers and booleans."""
    frame = innermost(inputs)
    assert frame is not None
    xs, on = positions(frame, [bare(x) for x in inputs])
    y = ufunc(*aligned_values(xs, on), **kwargs)
    return tuple([_made(frame, v) for v in y]) if isinstance(y, tuple) else _made(frame, y)


def aligned_values(xs: Any, on: Any) -> Any:
    kept: list[Any] = []
    aligned(None, lambda *values: kept.extend(values), xs, on, {})  # type: ignore[arg-type]
    return kept


def call_plain(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Return the result of a NumPy function through which no derivative flows."""
    if function in _OF_FACTS:
        stand_in = lambda x: np.broadcast_to(np.zeros((), x.dtype), x.shape)
        return function(*_map(args, stand_in), **_map(kwargs, stand_in))
    args, kwargs = _map(args, bare), _map(kwargs, bare)
    args = tuple([bare(x) for x in args])
    frame = innermost(batched_in([args, kwargs]))
    assert frame is not None
    way = aligned if function in _ELEMENTWISE else reduced if function in _REDUCED else None
    way = along if function in _ALONG else way
    if way is not None and not batched_in(kwargs):
        static = kwargs
        if way is not aligned:
            names = ("axis",) if way is along or function is np.count_nonzero else ("axis", "out")
            default = -1 if function is np.argsort else None
            static = {"axis": default, **dict(zip(names, args[1:], strict=False)), **kwargs}
            args = args[:1]
        xs, on = positions(frame, args)
        if on[0] or way is aligned:
            return _made(frame, way(frame, function, xs, on, static))
    return over_examples(frame, function, args, kwargs)


_running: ContextVar[tuple[Any, ...]] = ContextVar("autodiff_composites", default=())  # composites under way


def call(function: Any, run: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Return the result of a recorded function; one that reads plain values runs in a loop over the examples.

    function: NumPy's, which ``run`` may call on the bare values.
    """
    if run.__class__ is Op:
        return run(*args, **kwargs)
    given = batched_in([list(args), kwargs])
    if not given:
        return run(*args, **kwargs)
    if run in _running.get() and not any([x.node is not None for x in given]):
        frame, run = innermost(given), function
    else:
        token = _running.set((*_running.get(), run))
        try:
            return run(*args, **kwargs)
        except BatchedValueError:
            frame = innermost(given)
            if frame is None:
                raise
        finally:
            _running.reset(token)
    assert frame is not None
    return over_examples(frame, lambda *a, **k: call(function, run, a, k), args, kwargs)


def array_ufunc(self: Batched, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Run a NumPy ufunc on batched values."""
    if method == "__call__" and not kwargs:
        row = DISPATCH.get(ufunc)
        if ufunc in _ON_INTEGERS and all(map(_is_whole, inputs)):
            return call_ufunc(ufunc, inputs, kwargs)
        if row.__class__ is Op:
            return run_row(row, inputs, row.defaults)
        if row is not None:
            return call(ufunc, row, inputs, {})
        if ufunc in PLAIN:
            return call_ufunc(ufunc, inputs, kwargs)
    return super(Batched, self).__array_ufunc__(ufunc, method, *inputs, **kwargs)


def _is_whole(x: Any) -> bool:
    return (x.dtype if isinstance(x, Variable) else np.asarray(x).dtype).kind in "biu"


_ON_INTEGERS = {np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift}


def array_function(self: Batched, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Run another NumPy function on batched values."""
    run = DISPATCH.get(function)
    if run is not None:
        return call(function, run, args, kwargs)
    if function in PLAIN:
        return call_plain(function, args, kwargs)
    return super(Batched, self).__array_function__(function, types, args, kwargs)


Batched.__array_ufunc__ = array_ufunc  # type: ignore[method-assign, assignment]
Batched.__array_function__ = array_function  # type: ignore[method-assign, assignment]
