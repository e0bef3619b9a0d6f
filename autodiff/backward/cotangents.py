"""Cotangents: the start of a pass, and a rule's result in its parent's kind, shape and dtype.

Broadcasting is undone here (``sum_to``), once for all rules, and the hooks of a value run here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import add, dot, ndarray, ones  # by name: ``ones``, kept from one trace to the next, must be a plain array

from ..errors import GraphError, StaleValueError, kind_of
from ..graph import Node, notes_of
from ..leaves import scalar
from ..modes import number, state
from ..modes.diagnostics import describe, fingerprint, hint
from ..other_arrays import as_array, is_foreign, ones_like_value
from ..variable import Scalar, Variable
from .sums import filled, sum_dtype, sum_in_memory

Cotangent = Any  # a float, an array, or a handle when the walk is recorded


def raw(x: Any) -> Any:
    """Return the bare value of a cotangent."""
    return x._data if isinstance(x, Variable) else x


def nonzero(seed: Any) -> Any:
    """Return where a cotangent is not zero: True (everywhere), or booleans. Zeros of the seed contribute nothing."""
    value = seed if seed.__class__ is ndarray else raw(seed)
    if value.__class__ is not ndarray and is_foreign(value):
        return True  # comparing would compute a lazy array
    if value.__class__ is float or not value.shape:
        return bool(value)
    mask = np.not_equal(value, 0)
    return True if mask.all() else mask


@cache
def _one(dtype: Any) -> Any:
    """Return the number 1 that most passes start from: 0-d, and read-only, since all share it."""
    one = ones((), dtype)
    one.flags.writeable = False
    return one


def seed_for(root: Variable, gradient: Any) -> Cotangent:
    """Return the cotangent a backward pass starts from: 1 for a single number, else the caller's array."""
    node = root.node
    if node is None:
        raise GraphError(
            f"nothing here requires a gradient: this {type(root).__name__} of shape {root.shape} is a constant. "
            "Wrap what you differentiate with ad.tensor(x) or ad.scalar(x), outside ad.no_grad(). Comparisons "
            "and indices are plain values: nothing flows through them; ad.grad(f)(x) gives their zeros."
        )
    if gradient is None:
        if root.size != 1:
            raise GraphError(
                f"backward() needs a single number to start from; this Tensor has shape {root.shape}. "
                "Write .sum().backward(), or backward(gradient) with an array of that shape."
            )
        if node.dtype.kind == "c":
            raise GraphError(
                "backward() needs a real number to start from; this Tensor is complex. Write np.abs(x), np.real(x) or "
                "backward(gradient) with a complex gradient."
            )
        if node.shape == () and state().trace is None and root._data.__class__ is np.ndarray:
            return _one(node.dtype)  # most passes start here
        if state().trace is not None and node.shape == () and root.__class__ is Scalar:
            return number(1.0)
        return 1.0 if node.shape is None else ones_like_value(node.shape, node.dtype, root._data)
    if np.shape(raw(gradient)) != root.shape:
        raise GraphError(f"gradient must have the shape of the value, {root.shape}; got {kind_of(gradient)}.")
    return conjugate(fit(gradient if isinstance(gradient, Variable) else as_array(gradient), node))


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum over the axes that were added or stretched. g: array or Tensor."""
    have = g.shape
    if have == shape:
        return g
    lead = len(have) - len(shape)
    if lead < 0:  # x[0] = v drops leading axes of length 1 from v
        g = np.reshape(g, (1,) * -lead + have)
        return g if np.shape(g) == shape else sum_to(g, shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 != have[lead + i])
    if lead and shape and have[lead:] == shape:  # a bias, most often: one call, and no copy
        return np.reshape(sum_in_memory(g, axes), shape) if g.__class__ is ndarray else np.sum(g, axes, sum_dtype(g))
    if axes:
        g = sum_in_memory(g, axes) if g.__class__ is ndarray else np.sum(g, axes, sum_dtype(g), keepdims=True)
    return np.reshape(g, shape) if lead else g if np.shape(g) == shape else np.broadcast_to(g, shape)


def fit(d: Cotangent, parent: Node) -> Cotangent:
    """Return a rule's result in its parent's kind, shape and dtype."""
    if parent.shape and d.__class__ is ndarray and d.dtype is parent.dtype and d.shape[1:] == parent.shape:
        if len(parent.shape) == 1 and d.dtype.char in "fd" and d.shape[0] <= 4096:
            return dot(filled(d.shape[:1], 1.0, d.dtype), d)  # a bias: BLAS adds rows four times as fast
        return add.reduce(d, 0, sum_dtype(d)).astype(d.dtype, copy=False)
    if d.__class__ is not np.ndarray and isinstance(d, Variable):
        if parent.shape is None:
            if isinstance(d, Scalar):
                return d
            d = np.real(d) if d.dtype.kind == "c" else d  # a number beside complex operands
            return scalar(d if d.ndim == 0 else np.sum(d))
        if isinstance(d, Scalar) or d.shape != parent.shape:
            d = np.broadcast_to(d, parent.shape) if np.ndim(d) == 0 else sum_to(d, parent.shape)
        if d.dtype.kind == "c" and parent.dtype.kind != "c":
            d = np.real(d)
        return d if d.dtype == parent.dtype else np.astype(d, parent.dtype)
    if parent.shape is None:
        return float(np.real(d if np.ndim(d) == 0 else np.sum(d)))
    if d.__class__ is not np.ndarray and not hasattr(d, "__array_function__"):
        d = np.asarray(d)
    if d.shape != parent.shape:
        d = sum_to(d, parent.shape)
    if d.dtype is not parent.dtype and d.dtype != parent.dtype:
        if d.dtype.kind == "c" and parent.dtype.kind != "c":
            d = d.real  # a real operand of a complex operation
        d = d.astype(parent.dtype)
    return d


def conjugate(g: Cotangent) -> Cotangent:
    """Return a gradient as a cotangent, or the other way: rules are plain transposes, so that a cotangent g means
    dL = Re(g dz), while the gradient of a user is dL/dRe(z) + i dL/dIm(z), its conjugate."""
    if g.__class__ is float or g.__class__ is Scalar or g.dtype.kind != "c":
        return g
    return np.conjugate(g) if isinstance(g, Variable) else as_array(np.conjugate(g))


def run_hooks(node: Node, g: Cotangent, keep: bool) -> tuple[Cotangent, bool]:
    """Check the fingerprints of a node that has notes, run its hooks, and return (gradient, whether to keep it)."""
    notes = notes_of(node)
    for a, printed in notes.prints or ():
        if fingerprint(a) != printed:
            raise StaleValueError(
                f"an array of shape {a.shape} that {describe(node)} had saved was changed since. "
                f"Pass a copy, or run backward() before the change.{hint(node)}"
            )
    for hook in list(notes.hooks):
        if g.__class__ is np.ndarray:
            g = g.view()
            g.flags.writeable = False  # other nodes may have the same array: x + y gives one to both
        out = hook(conjugate(g))
        if out is not None:
            if np.shape(raw(out)) != (node.shape or ()):
                raise ValueError(
                    f"a hook on {describe(node)} returned {kind_of(out)}; the gradient has shape {node.shape or ()}."
                )
            g = conjugate(fit(out, node))
    return g, keep or notes.keep_grad
