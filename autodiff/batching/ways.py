"""Batch functions of rows: each takes the payloads, runs one operation for all examples, and returns the payload of the
result; or None for arguments that it cannot batch, which then run in a loop.

A batch function is ``way(frame, op, xs, on, static)``: xs are the operands, with the batch axis first where ``on`` is
True, and no batch axis otherwise. A row names its own as ``batch=``; an elementwise row needs none (``aligned``). The
operations are recorded when the payloads are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..registry import Op
from ..variable import Variable
from .handle import Batched, Frame, bare

Operands = tuple[Any, ...]
On = tuple[bool, ...]


def run_again(op: Any, xs: Any, static: dict[str, Any]) -> Any:
    """Return the operation on other operands: recorded when one of them is a handle."""
    if op.__class__ is not Op:
        return op(*xs, **static)
    for x in xs:
        if x.__class__ is not np.ndarray and isinstance(x, Variable):
            return op(tuple(xs), **static) if op.variadic else op.run(*xs, static)
    return op.fn(*xs, **static)


def positions(frame: Frame, xs: Any) -> tuple[Operands, On]:
    """Return payloads, and which of them are of this frame."""
    on = tuple([x.__class__ is Batched and x.frame is frame for x in xs])
    return tuple([x.payload if b else x for x, b in zip(xs, on, strict=True)]), on


def spread(frame: Frame, x: Any) -> Any:
    """Return x, which has no batch axis, once for each example: a view."""
    return np.broadcast_to(x, (frame.size, *np.shape(x)))


def spread_all(frame: Frame, xs: Operands, on: On) -> Operands:
    """Return the operands with a batch axis each."""
    return tuple([x if b or x is None else spread(frame, x) for x, b in zip(xs, on, strict=True)])


def widened(x: Any, n: int) -> Any:
    """Return x, the batch axis first, with examples of n axes: axes of length 1 after the batch axis."""
    missing = n + 1 - np.ndim(x)
    return x if missing <= 0 else np.reshape(x, (np.shape(x)[0], *(1,) * missing, *np.shape(x)[1:]))


# ---- values of the same place
def aligned(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch elementwise rows: examples are broadcast against each other from their last axes on."""
    axes = [x.ndim - b if x.__class__ is np.ndarray else np.ndim(x) - b for x, b in zip(xs, on, strict=True)]
    n = max(axes)
    return run_again(op, [widened(x, n) if b and k < n else x for x, b, k in zip(xs, on, axes, strict=True)], static)


# ---- axes
def reduced(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch rows with an ``axis`` of one axis or several; None stands for all axes of the example."""
    n, axis = np.ndim(xs[0]) - 1, static["axis"]
    return run_again(op, xs, {**static, "axis": shifted(axis, n)})


def shifted(axis: Any, n: int) -> Any:
    """Return axes of an example of n axes as axes of the payload."""
    if axis is None:
        return tuple(range(1, n + 1))
    if isinstance(axis, tuple | list):
        return tuple([a + 1 for a in normalize_axis_tuple(axis, n)])
    return normalize_axis_index(axis, n) + 1


def along(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch rows with an ``axis`` of one axis; None stands for the example as one axis."""
    (x, *_), axis = xs, static["axis"]
    shape = np.shape(x)
    if axis is None or len(shape) == 1:
        x = np.reshape(x, (shape[0], math.prod(shape[1:])))
        if axis is not None:
            normalize_axis_index(axis, 1)
        y = run_again(op, (x,), {**static, "axis": 1})
        return y
    return run_again(op, (x,), {**static, "axis": normalize_axis_index(axis, len(shape) - 1) + 1})


def two_axes(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch swapaxes: two axes by their numbers."""
    n = np.ndim(xs[0]) - 1
    return run_again(op, xs, {key: normalize_axis_index(axis, n) + 1 for key, axis in static.items()})


def rolled(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch roll: the axis None rolls the example as one axis, and keeps its shape."""
    (x,), shape = xs, np.shape(xs[0])
    if static["axis"] is not None:
        return reduced(frame, op, xs, on, static)
    flat = np.reshape(x, (shape[0], math.prod(shape[1:])))
    shift = static["shift"]
    total = int(np.sum(shift)) if not isinstance(shift, int) else shift
    return np.reshape(run_again(op, (flat,), {"shift": total, "axis": 1}), shape)


def of_matrices(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch rows of one operand that work on its last axes and take a stack of them."""
    return run_again(op, xs, static)


def of_triangles(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch tril and triu: an example of one axis becomes a matrix first."""
    (x,), shape = xs, np.shape(xs[0])
    return run_again(op, (x if len(shape) > 2 else np.broadcast_to(x[:, None], (*shape, shape[-1])),), static)


# ---- shapes
def reshaped(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch reshape: the batch axis stays; order "F" is order "C" of the axes in reverse."""
    (x,), (n, *shape) = xs, np.shape(xs[0])
    to = static["shape"]
    to = (to,) if isinstance(to, int | np.integer) else tuple([int(i) for i in to])
    to = np.broadcast_to(np.zeros(()), shape).reshape(to).shape  # -1 worked out, and an error about the example
    if static["order"] == "F":
        turned = np.transpose(x, (0, *range(len(shape), 0, -1)))
        y = run_again(op, (turned,), {**static, "shape": (n, *to[::-1]), "order": "C"})
        return np.transpose(y, (0, *range(len(to), 0, -1)))
    return run_again(op, xs, {**static, "shape": (n, *to), "order": "C"})


def as_numbers(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch to_scalar: one number for each example."""
    return np.reshape(xs[0], (frame.size,))


def transposed(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch transpose: the batch axis stays first."""
    n, axes = np.ndim(xs[0]) - 1, static["axes"]
    axes = range(n - 1, -1, -1) if axes is None else normalize_axis_tuple(axes, n)
    if len(axes) != n:
        raise ValueError("axes don't match array")
    return run_again(op, xs, {"axes": (0, *[a + 1 for a in axes])})


def expanded(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch expand_dims: axes are those of the result."""
    axis = static["axis"]
    axis = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    axes = normalize_axis_tuple(axis, np.ndim(xs[0]) - 1 + len(axis))
    return run_again(op, xs, {"axis": tuple([a + 1 for a in axes])})


def squeezed(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch squeeze: the axis None removes the axes of length 1 of the example."""
    shape = np.shape(xs[0])[1:]
    axis = tuple([i for i, n in enumerate(shape) if n == 1]) if static["axis"] is None else static["axis"]
    return run_again(op, xs, {"axis": shifted(axis, len(shape))})


def broadcast(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch broadcast_to: each example is broadcast to the shape."""
    shape = static["shape"]
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if np.ndim(xs[0]) - 1 > len(shape):
        raise ValueError("input operand has more dimensions than the shape")
    x = widened(xs[0], len(shape))
    return run_again(op, (x,), {**static, "shape": (np.shape(x)[0], *shape)})


def joined(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch concatenate: every operand gets a batch axis."""
    xs, axis = spread_all(frame, xs, on), static["axis"]
    if axis is None:
        xs = tuple([np.reshape(x, (np.shape(x)[0], math.prod(np.shape(x)[1:]))) for x in xs])
    return run_again(op, xs, {**static, "axis": 1 if axis is None else shifted(axis, np.ndim(xs[0]) - 1)})


def stacked(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch stack: the new axis is counted in the result."""
    xs = spread_all(frame, xs, on)
    return run_again(op, xs, {**static, "axis": shifted(static["axis"], np.ndim(xs[0]))})


# ---- products
def product_of_matrices(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch matmul: vectors become matrices of one row or column; with a matrix without a batch axis, one large product
    is made."""
    (a, b), (on_a, on_b) = xs, on
    na, nb = np.ndim(a) - on_a, np.ndim(b) - on_b
    if not na or not nb:
        raise ValueError("matmul needs operands with at least one axis")
    if na == 1 and on_a and nb == 2 and not on_b:
        return run_again(op, (a, b), static)  # (N, n) @ (n, m)
    if nb == 1 and on_b and na == 2 and not on_a:
        return run_again(op, (b, np.swapaxes(a, 0, 1)), static)  # (N, n) @ (m, n).T
    if nb == 2 and not on_b:  # (N, ..., n) @ (n, m)
        shape = np.shape(a)
        y = run_again(op, (np.reshape(a, (math.prod(shape[:-1]), shape[-1])), b), static)
        return np.reshape(y, (*shape[:-1], np.shape(b)[1]))
    if na == 2 and not on_a and nb == 2 and np.shape(b)[-1] == 1:  # columns: (N, n, 1)
        return np.expand_dims(run_again(op, (np.squeeze(b, -1), np.swapaxes(a, 0, 1)), static), -1)
    a = a if na > 1 else np.expand_dims(a, -2)
    b = b if nb > 1 else np.expand_dims(b, -1)
    n = max(np.ndim(a) - on_a, np.ndim(b) - on_b)
    y = run_again(op, (widened(a, n) if on_a else a, widened(b, n) if on_b else b), static)
    gone = ((-2,) if na == 1 else ()) + ((-1,) if nb == 1 else ())
    return np.squeeze(y, gone) if gone else y


def named_axes(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch einsum: the batch axis gets a letter of its own."""
    left, _, right = static["subscripts"].partition("->")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    new = next(c for c in letters if c not in static["subscripts"])
    terms = ",".join([new + t if b else t for t, b in zip(left.split(","), on, strict=True)])
    return run_again(op, xs, {**static, "subscripts": f"{terms}->{new}{right}"})


def solved(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch solve: a vector on the right is a matrix of one column."""
    (a, b), (on_a, on_b) = xs, on
    vector = np.ndim(b) - on_b == 1
    b = np.expand_dims(b, -1) if vector else b
    n = max(np.ndim(a) - on_a, np.ndim(b) - on_b)
    y = run_again(op, (widened(a, n) if on_a else a, widened(b, n) if on_b else b), static)
    return np.squeeze(y, -1) if vector else y


def of_stacks(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch rows of several operands that take stacks of equal length of all of them."""
    return run_again(op, spread_all(frame, xs, on), static)


def layered(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch linear: rows of all examples times one weight, or a stack of products."""
    (x, weight, bias), (on_x, on_w, on_b) = xs, on
    n = np.ndim(x) - on_x
    if not on_w:
        y = run_again(op, (x, weight, None if on_b else bias), static)
    else:
        x = x if on_x else spread(frame, x)
        shape, to = np.shape(x), np.shape(weight)
        if shape[-1:] != to[-1:]:
            raise ValueError("linear: the last axis of x does not fit")  # run again on one example
        rows = np.reshape(x, (frame.size, math.prod(shape[1:-1]), shape[-1]))
        y = np.reshape(np.matmul(rows, np.swapaxes(weight, -1, -2)), (*shape[:-1], to[1]))
        if bias is not None and not on_b:
            y = y + bias
    return y + widened(bias, n) if on_b else y


# ---- arrays of images: (N, channels, ...)
def of_images(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch rows that treat every image alone: the images of all examples are one stack."""
    (x,), (n, images, *rest) = xs, np.shape(xs[0])
    y = run_again(op, (np.reshape(x, (n * images, *rest)),), static)
    return np.reshape(y, (n, images, *np.shape(y)[1:]))


def convolved(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch convolutions: with one kernel for all examples as one stack of images, with a kernel for each as groups of
    channels."""
    (x, weight, *more), (on_x, on_w, *_) = xs, on
    bias = more[0] if more else None
    on_b = len(on) > 2 and on[2]
    if on_w:
        x, n = _beside(frame, x, on_x), frame.size
        weight = np.reshape(weight, (n * np.shape(weight)[1], *np.shape(weight)[2:]))
        y = run_again(op, (x, weight, *(None for _ in more)), {**static, "groups": n * static["groups"]})
        y = np.moveaxis(np.reshape(y, (np.shape(y)[0], n, np.shape(y)[1] // n, *np.shape(y)[2:])), 1, 0)
    else:
        n, images, *rest = np.shape(x) if on_x else (1, *np.shape(x))
        y = run_again(op, (np.reshape(x, (n * images, *rest)), weight, *(None for _ in more)), static)
        y = np.reshape(y, (n, images, *np.shape(y)[1:]))
    if bias is None:
        return y
    lead = (frame.size, 1) if on_b else (1, 1)
    return y + np.reshape(bias, (*lead, np.shape(bias)[-1], *(1,) * (np.ndim(y) - 3)))


def kernels(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch convolution_weight: the kernel of each example comes from groups of channels."""
    x, z = (_beside(frame, v, b) for v, b in zip(xs, on, strict=True))
    y = run_again(op, (x, z), {**static, "groups": frame.size * static["groups"]})
    return np.reshape(y, (frame.size, np.shape(y)[0] // frame.size, *np.shape(y)[1:]))


def _beside(frame: Frame, x: Any, on: bool) -> Any:
    """Return images with the channels of all examples side by side: (N, examples * channels, ...)."""
    x = np.moveaxis(x if on else spread(frame, x), 0, 1)
    images, n, channels, *rest = np.shape(x)
    return np.reshape(x, (images, n * channels, *rest))


# ---- statistics and losses
def of_quantiles(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch quantile: the axes of q come first in the result; a batched q, and weights, run in a loop."""
    (a, q), (_, on_q) = xs, on
    if on_q or static["weights"] is not None:
        return None
    y = run_again(op, xs, {**static, "axis": shifted(static["axis"], np.ndim(a) - 1)})
    return np.moveaxis(y, np.ndim(q), 0) if np.ndim(q) else y


def of_labels(frame: Frame, op: Any, xs: Operands, on: On, static: dict[str, Any]) -> Any:
    """Batch cross_entropy: the losses of all rows, and then the sum or the mean of each example."""
    logits, labels = spread_all(frame, xs, on)
    labels = bare(labels)
    rows = run_again(op, (logits, labels), {**static, "reduction": "none"})
    if static["reduction"] == "none":
        return rows
    axes = tuple(range(1, np.ndim(labels)))
    total = np.sum(rows, axis=axes)
    if static["reduction"] == "sum":
        return total
    counts = np.ones_like(labels) if static["ignore_index"] is None else labels != static["ignore_index"]
    if static["weights"] is not None:
        counts = counts * np.take(static["weights"], np.where(counts, labels, 0))
    counts = np.sum(counts, axis=axes, dtype=float)
    return total / np.where(counts == 0, 1.0, counts).astype(total.dtype)  # the mean over nothing is 0
