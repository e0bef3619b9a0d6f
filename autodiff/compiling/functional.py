"""Functions that a program calls beside NumPy's own: writes as functions, and methods without a NumPy function.

Each takes arrays or NumPy numbers and returns a new value or a view; none writes into an argument.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def getitem(a: Any, index: Any) -> Any:
    """Return ``a[index]``: a view for a basic index, a copy for any other."""
    return a[index]


def write_at(a: Any, index: Any, value: Any) -> Any:
    """Return a copy of ``a`` after ``a[index] = value``."""
    made = np.array(a)
    made[index] = value
    return made


def add_at(ufunc: Any, a: Any, index: Any, *value: Any) -> Any:
    """Return a copy of ``a`` after ``ufunc.at(a, index, value)``: every repetition of an index counts."""
    made = np.array(a)
    ufunc.at(made, index, *value)
    return made


def write_where(ufunc: Any, inputs: tuple[Any, ...], out: Any, mask: Any, **keywords: Any) -> Any:
    """Return a copy of ``out`` after ``ufunc(*inputs, out=out, where=mask)``: ``out`` stays where the mask is False."""
    made = np.array(out)
    return ufunc(*inputs, out=made, where=mask, **keywords)


def write_out(function: Any, out: Any, inputs: tuple[Any, ...], **keywords: Any) -> Any:
    """Return a copy of ``out`` after ``function(*inputs, out=out)``."""
    made = np.array(out)
    function(*inputs, out=made, **keywords)
    return made


def astype(a: Any, dtype: Any) -> Any:
    """Return ``a.astype(dtype)``, always a copy."""
    return np.asarray(a).astype(dtype)


def as_array(a: Any) -> Any:
    """Return a NumPy number as a 0-d array, and an array as it is."""
    return np.asarray(a)


def power(a: Any, b: Any) -> Any:
    """Return ``a ** b``, by the operator: it has exact forms for 2, 0.5, -1 that ``np.power`` lacks."""
    return a**b


def draw(generator: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Return ``getattr(generator, method)(*arguments, **keywords)``, the next random numbers. generator: one, or a
    function that returns one: the default generator of a context, or a new one made of a seed."""
    source = generator() if callable(generator) else generator
    return getattr(source, method)(*arguments, **keywords)


def whole(value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an array of this shape and dtype after ``a[...] = value``."""
    made = np.empty(shape, dtype)
    made[...] = value
    return made


def write_through(a: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of ``a`` after a write into a view of it.

    path: the calls that make the view: (function, arguments, keywords, position), where ``SELF`` stands for the array,
    and position picks an element of the tuple that a function returns, or is None.
    """
    made = np.array(a)
    view = made
    for step in path:
        view = view_of(view, *step)
    if not np.may_share_memory(view, made) and view.size:
        raise ValueError("a write into a view that is a copy for an array with these strides")
    view[...] = value
    return made


class _Self:
    """The mark of the array among the arguments of a step of ``write_through``."""

    def __repr__(self) -> str:
        return "SELF"


SELF = _Self()


def view_of(a: Any, function: Any, arguments: Any, keywords: dict[str, Any], position: int | None) -> Any:
    """Run one step of a path."""
    view = function(*_placed(arguments, a), **keywords)
    return view if position is None else view[position]


def _placed(tree: Any, a: Any) -> Any:
    if tree is SELF:
        return a
    return type(tree)([_placed(part, a) for part in tree]) if tree.__class__ in (tuple, list) else tree


def changed(function: Any, a: Any, *arguments: Any, **keywords: Any) -> Any:
    """Return a copy of ``a`` after ``function(a, ...)``, which changes it in place: ``np.copyto``, ``np.put``."""
    made = np.array(a)
    function(made, *arguments, **keywords)
    return made


def product(a: Any, b: Any) -> Any:
    """Return the product of two complex numbers as NumPy's numbers give it, and a multiplication in place of one
    element: each product is rounded before the sum, which is not so for other arrays."""
    made = _number(a) * _number(b)
    return np.complex128(made) if type(made) is complex else made


def magnitude(a: Any) -> Any:
    """Return ``abs`` of a complex number as NumPy rounds it for one number; ``np.abs`` of an array rounds otherwise."""
    return abs(_number(a))


def _number(a: Any) -> Any:
    return a.reshape(())[()] if isinstance(a, np.ndarray) else a


def shape_of(a: Any) -> tuple[int, ...]:
    """Return the shape of a value whose shape depends on values, for a guard."""
    return np.shape(a)


def view_as(a: Any, dtype: Any) -> Any:
    """Return ``a.view(dtype)``: the same memory."""
    return np.asarray(a).view(dtype)


def real(a: Any) -> Any:
    """Return ``a.real``: a view of a complex array, a real one as it is."""
    return a.real


def imag(a: Any) -> Any:
    """Return ``a.imag``: a view of a complex array."""
    return a.imag
