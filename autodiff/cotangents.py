"""Cotangents: what a pass starts from, and a rule's answer put into its parent's kind, shape and dtype. Broadcasting is
undone here, and nowhere else.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .errors import GraphError, StaleValueError, kind_of
from .graph import Node, notes_of
from .leaves import scalar
from .variable import Scalar, Variable
from .diagnostics import describe, fingerprint, hint

Cotangent = Any  # a float, an array, or a handle when the walk is recorded


def raw(x: Any) -> Any:
    """The bare value of a cotangent."""
    return x._data if isinstance(x, Variable) else x


@cache
def _one(dtype: Any) -> Any:
    """Where most passes start: 0-d, and read-only, since all share it."""
    one = np.ones((), dtype)
    one.flags.writeable = False
    return one


def seed_for(root: Variable, gradient: Any) -> Cotangent:
    """The cotangent a backward pass starts from: 1 for a single number, else what the caller gave."""
    node = root.node
    if node is None:
        raise GraphError(
            f"nothing here requires a gradient: this {type(root).__name__} of shape {root.shape} is a constant. "
            "Wrap what you differentiate with ad.tensor(x) or ad.scalar(x), outside ad.no_grad()."
        )
    if gradient is None:
        if root.size != 1:
            raise GraphError(
                f"backward() needs a single number to start from; this Tensor has shape {root.shape}. "
                "Write .sum().backward(), or backward(gradient) with an array of that shape."
            )
        if node.shape == ():
            return _one(node.dtype)
        return 1.0 if node.shape is None else np.ones(node.shape, node.dtype)
    if np.shape(raw(gradient)) != root.shape:
        raise GraphError(f"gradient must have the shape of the value, {root.shape}; got {kind_of(gradient)}.")
    return fit(gradient if isinstance(gradient, Variable) else np.asarray(gradient), node)


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum over the axes that were added or stretched. g: array or Tensor."""
    have = g.shape
    if have == shape:
        return g
    lead = len(have) - len(shape)
    if lead < 0:  # x[0] = v drops leading axes of length 1 from v
        g = np.reshape(g, (1,) * -lead + have)
        return g if np.shape(g) == shape else sum_to(g, shape)
    if lead and shape and have[lead:] == shape:  # a bias, most often: one call, and no copy
        return np.add.reduce(g, axis=tuple(range(lead)) if lead > 1 else 0)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 != have[lead + i])
    if axes:
        g = np.sum(g, axis=axes, keepdims=True)
        return np.reshape(g, shape) if lead else np.broadcast_to(g, shape) if np.shape(g) != shape else g
    return np.broadcast_to(g, shape)


def fit(d: Cotangent, parent: Node) -> Cotangent:
    """A rule's answer in its parent's kind, shape and dtype."""
    if parent.shape and d.__class__ is np.ndarray and d.dtype is parent.dtype and d.shape[1:] == parent.shape:
        return np.add.reduce(d, 0)  # the bias of a layer, most often: the rest would ask a dozen questions
    if d.__class__ is not np.ndarray and isinstance(d, Variable):
        if parent.shape is None:
            return d if isinstance(d, Scalar) else scalar(d if d.size == 1 and d.ndim == 0 else np.sum(d))
        if isinstance(d, Scalar) or d.shape != parent.shape:
            d = np.broadcast_to(d, parent.shape) if np.ndim(d) == 0 else sum_to(d, parent.shape)
        return d if d.dtype == parent.dtype else np.astype(d, parent.dtype)
    if parent.shape is None:
        return float(d if np.ndim(d) == 0 else np.sum(d))
    if d.__class__ is not np.ndarray and not hasattr(d, "__array_function__"):
        d = np.asarray(d)
    if d.shape != parent.shape:
        d = sum_to(d, parent.shape)
    if d.dtype is not parent.dtype and d.dtype != parent.dtype:
        if d.dtype.kind == "c":
            raise GraphError("a complex cotangent reached a real value: complex numbers have no derivative rules yet.")
        d = d.astype(parent.dtype)
    return d


def silence(d: Cotangent, g: Cotangent) -> Cotangent:
    """A zero cotangent contributes zero, also where the derivative is infinite: 0 * inf is 0 here."""
    value = d._data if isinstance(d, Variable) else d
    bad = np.isnan(value)
    if not bad.any():
        return d
    bad &= (g._data if isinstance(g, Variable) else g) == 0
    return np.where(bad, 0.0, d) if bad.any() else d


def attend(node: Node, g: Cotangent, keep: bool) -> tuple[Cotangent, bool]:
    """What the notes of a node ask for: fingerprints checked, hooks run; and whether its gradient is kept."""
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
            g.flags.writeable = False  # other nodes may have the same array: x + y hands one to both
        out = hook(g)
        if out is not None:
            if np.shape(raw(out)) != (node.shape or ()):
                raise ValueError(
                    f"a hook on {describe(node)} returned {kind_of(out)}; the gradient has shape {node.shape or ()}."
                )
            g = fit(out, node)
    return g, keep or notes.keep_grad
