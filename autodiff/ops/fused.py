"""Fused rows: the linear layer, the losses on logits and the neuron, each in one node.

Each names in ``reference`` the composite it replaces; a test compares both to second order. A fused rule reads only
inputs, the output, static arguments and masks, so that its own derivative is right.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

# By name: a module looks ``np.x`` up every time.
from numpy import add, dot, exp, log, matmul, multiply, ndarray

from ..backward.sums import filled
from ..batching.handle import Batched, bottom, with_bottom
from ..batching.ways import layered, of_labels
from ..errors import kind_of
from ..graph import new_float_node
from ..modes import state
from ..other_arrays import as_array, beside, is_foreign
from ..recording import record_operands
from ..registry import PUBLIC, op
from ..variable import Scalar, Tensor, Variable, plain
from .activations import log_softmax, sigmoid, softmax
from .axes import row_starts, rows_times
from .kernels import select


# ---- linear layer
def _linear(x: Any, weight: Any, bias: Any) -> Any:
    shape, out = x.shape, weight.shape
    if len(out) != 2 or not shape or shape[-1] != out[1] or (bias is not None and bias.shape != (out[0],)):
        raise ValueError(
            f"linear: weight of shape (out, in) = {weight.shape} with bias {None if bias is None else bias.shape} "
            f"does not fit x of shape {x.shape}; x needs last axis {weight.shape[-1]}."
        )
    if len(shape) == 2 and shape[0] <= 64 and out[0] * out[1] >= 32768 and x.__class__ is ndarray:
        # Few rows and a large weight: BLAS is up to 1.7 times faster on weight @ x.T (784 -> 128 at 32 rows: 72 us
        # against 100), and adding the bias brings the result back into row order.
        return add(matmul(weight, x.T).T, 0 if bias is None else bias, order="C")
    y = rows_times(x, weight.T)
    if bias is None:
        return y
    if y.dtype != bias.dtype:
        return y + bias  # a float64 bias promotes, as in x @ w.T + b
    y += bias
    return y


def _linear_weight_vjp(g: Any, x: Any, buffer: Any) -> Any:
    if g.ndim != 2:
        g, x = (np.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1])) for a in (g, x))
    # An outer product: BLAS takes three times as long (128 x 784: 104 us against 35).
    return multiply(g.T, x, out=buffer) if len(g) == 1 else matmul(g.T, x, out=buffer)


_linear_row: Any = op(
    _linear,
    name="linear",
    batch=layered,
    inputs="x weight bias",
    product="matrices",
    public=False,
    vjp=(lambda g, weight: rows_times(g, weight), _linear_weight_vjp, lambda g: g),
    samples=((((2, 3), (4, 3), (4,)), {}), (((3,), (4, 3), (4,)), {}), (((2, 2, 3), (1, 3), (1,)), {})),
    reference=lambda x, weight, bias: x @ weight.T + bias,
    doc="Return x weightᵀ + bias in one node.",
)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Return x weightᵀ + bias, in one node.

    x: (..., in). weight: (out, in). bias: (out,) or None. Returns (..., out). Raises ValueError when the shapes do
    not fit.

    >>> import autodiff as ad, numpy as np
    >>> w = ad.tensor(np.ones((2, 3)))
    >>> ad.linear(np.array([[1.0, 2.0, 3.0]]), w).data
    array([[6., 6.]])
    """
    if isinstance(weight, Variable) or isinstance(x, Variable) or isinstance(bias, Variable):
        return _linear_row.run(x, weight, bias, _linear_row.defaults)
    return _linear(as_array(x), as_array(weight), None if bias is None else as_array(bias))


# ---- cross-entropy of logits and class labels
_INT, _UNSIGNED = np.dtype(np.int64), np.dtype(np.uint64)


def _row_factors(logits: Any, labels: Any, weights: Any, ignore_index: int | None, reduction: str) -> tuple[Any, Any]:
    """Return the labels with ignored ones replaced by 0, and the factor of each row in the loss (one number when all
    rows count alike).
    """
    if is_foreign(plain(logits)) or is_foreign(labels):
        return labels, _factors_by_masks(plain(logits), labels, weights, ignore_index, reduction)
    if ignore_index is None or not np.count_nonzero(labels == ignore_index):
        kept = None
        if weights is None:  # the common case, without a pass over rows
            return labels, 1.0 / labels.size if reduction == "mean" and labels.size else 1.0
    else:
        kept = labels != ignore_index
        labels = np.where(kept, labels, 0)
    factor = np.ones(labels.shape, logits.dtype) if weights is None else np.asarray(weights, logits.dtype)[labels]
    factor = factor if kept is None else factor * kept
    if reduction == "mean":
        total = np.sum(factor, dtype=np.float64)  # float16 counts to 65504 only
        factor = (factor / (total or 1.0)).astype(logits.dtype)  # the mean over nothing is 0
    return labels, factor


def _factors_by_masks(logits: Any, labels: Any, weights: Any, ignore_index: int | None, reduction: str) -> Any:
    """Return the factor of each row in functions that every library has; NaN where a label is outside the classes,
    because nothing can be raised about numbers that are not looked at."""
    label, worth = _is_label(logits, labels), 1.0
    if weights is not None:
        worth = np.sum(np.where(label, beside(as_array(weights), logits).astype(logits.dtype), 0.0), axis=-1)
    factor = np.where(np.any(label, axis=-1), worth, math.nan)
    if ignore_index is not None:
        factor = np.where(np.equal(labels, ignore_index), 0.0, factor)
    if reduction == "mean":
        total = np.sum(factor, dtype=np.float64)
        factor = factor / np.where(total == 0, 1.0, total)
    return factor.astype(logits.dtype)


def _is_label(logits: Any, labels: Any) -> Any:
    """Return which element of each row of logits is that of its label."""
    classes = beside(beside(np.arange(logits.shape[-1]), plain(logits)), labels)
    return np.equal(labels[..., None], classes)


def _cross_entropy(
    logits: Any, labels: Any, weights: Any = None, ignore_index: int | None = -100, reduction: str = "mean"
) -> Any:
    if is_foreign(logits) or is_foreign(labels):
        factor = _factors_by_masks(logits, labels, weights, ignore_index, reduction)
        rows = -np.sum(np.where(_is_label(logits, labels), log_softmax(logits), 0.0), axis=-1)
        rows = np.where(factor == 0, 0.0, rows) * factor
        return rows if reduction == "none" else np.sum(rows)
    return _cross_entropy_kept(logits, labels, weights, ignore_index, reduction)[0]


def _cross_entropy_kept(
    logits: Any, labels: Any, weights: Any, ignore_index: int | None, reduction: str
) -> tuple[Any, Any]:
    safe, factor = _row_factors(logits, labels, weights, ignore_index, reduction)
    top, safe = logits.argmax(axis=-1), safe.ravel()  # NumPy's maximum of short rows takes up to five times as long
    starts = row_starts(logits.size, logits.shape[-1])
    z = logits - logits.ravel()[starts + top.ravel()].reshape(*labels.shape, 1)
    at = starts + (safe if safe.dtype is _INT else safe.astype(_INT))  # in flat z
    e = exp(z)
    total = dot(e, filled(z.shape[-1:], 1.0, z.dtype))[..., None]  # of short rows BLAS adds up to five times as fast
    kept = e, total, at, factor
    rows = log(total).ravel() - z.ravel()[at]
    if factor.__class__ is not float:  # a row that does not count is 0, also where a logit is -inf
        each = factor.reshape(-1)
        rows = np.where(each == 0, 0.0, rows) * each
    elif reduction == "mean":
        return add.reduce(rows * factor), kept  # in this order: sums of float16 overflow
    return rows.reshape(labels.shape) if reduction == "none" else add.reduce(rows), kept


def _cross_entropy_vjp(
    g: Any, kept: Any, logits: Any, labels: Any, weights: Any, ignore_index: int | None, reduction: str
) -> Any:
    if kept is None:
        safe, factor = _row_factors(logits, labels, weights, ignore_index, reduction)
        label = _is_label(logits, safe)
        p = np.where(label, 0.0, softmax(logits))
        p = p - label * np.sum(p, axis=-1, keepdims=True)  # of the label, p - 1 without cancellation
    else:
        e, total, at, factor = kept
        p = np.ascontiguousarray(e / total)
        flat = p.ravel()  # a view, p being contiguous
        flat[at] = 0.0
        flat[at] = dot(p, filled(p.shape[-1:], -1.0, p.dtype)).ravel()  # p - 1 without cancellation: the others' sum
    slope = g * factor
    slope = slope if slope.ndim == 0 else slope[..., None]
    if kept is None or slope.__class__ is Tensor:
        return p * slope
    return multiply(p, slope, out=p)


def _cross_entropy_by_parts(
    logits: Any, labels: Any, weights: Any = None, ignore_index: int | None = -100, reduction: str = "mean"
) -> Any:
    safe, factor = _row_factors(logits, labels, weights, ignore_index, reduction)
    picked = np.take_along_axis(log_softmax(logits), safe[..., None], axis=-1)[..., 0]
    rows = picked * -factor
    return rows if reduction == "none" else np.sum(rows)


_cross_entropy_row: Any = op(
    _cross_entropy,
    name="cross_entropy",
    batch=of_labels,
    inputs="logits labels",
    public=False,
    vjp=(_cross_entropy_vjp, None),
    samples=(
        (((4, 3), (4,)), {}),
        (((2, 3, 3), (2, 3)), {"reduction": "none"}),
        (((4, 3), (4,)), {"weights": np.array([0.5, 1.0, 2.0]), "ignore_index": 1}),
        (((3,), ()), {"reduction": "sum"}),
    ),
    draw=lambda rng, logits, labels: (rng.normal(size=logits), np.resize(rng.permutation(logits[-1]), labels)),
    reference=_cross_entropy_by_parts,
    keep=_cross_entropy_kept,
    doc="Return the cross-entropy of softmax(logits) and integer labels.",
    title="Softmax cross-entropy",
    classes=True,
)


def cross_entropy(
    logits: Any, labels: Any, *, weights: Any = None, ignore_index: int | None = -100, reduction: str = "mean"
) -> Any:
    """Return -w[label] log softmax(logits)[label], the cross-entropy of logits and integer labels, in one node.

    logits: (..., C) floating. labels: (...) integers 0..C-1, or ``ignore_index`` for rows that do not count.
    weights: (C,) or None. reduction: "mean" (divided by the weights that count), "sum" or "none" (shape (...)).
    ignore_index=None ignores none.
    Raises ValueError naming the first label outside the classes, TypeError for labels that are no integers.

    >>> import autodiff as ad
    >>> z = ad.tensor([[0.0, 0.0]])
    >>> ad.cross_entropy(z, [1]).backward(); z.grad
    array([[ 0.5, -0.5]])
    """
    each_its_own = labels.__class__ is Batched
    every = bottom(labels) if each_its_own else as_array(labels)  # the labels of all examples, under vmap
    labels = labels if each_its_own else every
    shape = logits.shape
    classes = shape[-1] if shape else 0
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy: labels must be integers 0..{classes - 1}; got {kind_of(labels)}. "
            "Write labels.astype(int), or labels.argmax(axis=-1) for one-hot rows."
        )
    if labels.shape != shape[:-1]:
        raise ValueError(
            f"cross_entropy: logits of shape (..., classes) = {shape} need labels of shape {shape[:-1]}; got "
            f"{labels.shape}." + (" Write labels.argmax(axis=-1) for one-hot rows." if labels.shape == shape else "")
        )
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}.")
    value = logits._data if logits.__class__ is Tensor else plain(logits)
    if (value.__class__ is not ndarray or every.__class__ is not ndarray) and (is_foreign(value) or is_foreign(every)):
        static = {"weights": weights, "ignore_index": ignore_index, "reduction": reduction}
        return _cross_entropy_row(logits, labels, **static)
    index = every if every.dtype is _INT else every.astype(_INT)
    ends = index.view(_UNSIGNED).ravel()  # a negative label is huge: one pass for both ends
    if not every.size or ends[ends.argmax()] < classes:
        if ignore_index is not None and not 0 <= ignore_index < classes:
            ignore_index = None  # no row is ignored: no later check is needed
    else:
        wrong = ((every < 0) | (every >= classes)) & (every != ignore_index)
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(f"cross_entropy: label {every[at]} at index {at} is outside 0..{classes - 1}.")
    index = with_bottom(labels, index) if each_its_own else index
    static = {"weights": weights, "ignore_index": ignore_index, "reduction": reduction}
    if not isinstance(logits, Variable) and not each_its_own:
        return _cross_entropy(logits, index, **static)
    return _cross_entropy_row.run(logits, index, static)


def _bce_with_logits(a: Any, b: Any) -> Any:
    share = select(np.greater_equal(a, 0.0), 1.0 - b, b)  # softplus(a) - a b without cancellation
    size = np.abs(a)
    return np.log1p(np.exp(-size)) + select(share == 0, 0.0, size) * share  # the limit at inf


bce_with_logits = op(
    _bce_with_logits,
    name="bce_with_logits",
    elementwise=True,
    vjp=(lambda g, a, b: g * ((1.0 - b) * sigmoid(a) - b * sigmoid(-a)), lambda g, a: -g * a),
    doc="Return softplus(a) - a b, the binary cross-entropy of logits a and targets b in [0, 1], without overflow.",
    reference=lambda a, b: -(b * np.log(sigmoid(a)) + (1.0 - b) * np.log(sigmoid(-a))),
)


# ---- one node a neuron
def _weighted_sum(*xs: Any) -> Any:
    n = len(xs) // 2
    y = xs[2 * n]
    for w, x in zip(xs[:n], xs[n : 2 * n], strict=True):
        y = y + w * x
    return y


def _weighted_sum_vjp(g: Any, i: int, xs: tuple[Any, ...]) -> Any:
    n = len(xs) // 2
    return g if i == 2 * n else g * xs[i + n if i < n else i - n]


_weighted_sum_row = op(
    _weighted_sum,
    name="weighted_sum",
    inputs="*xs",
    symbol="Σwx",
    elementwise=True,
    public=False,
    vjp=_weighted_sum_vjp,
    scalar=_weighted_sum,
    samples=((((3,), (2, 1), (3,), (2, 1), ()), {}), (((2,), (2,), ()), {})),
    reference=_weighted_sum,
    doc="Return w1 x1 + ... + wn xn + b: operands are the weights, the inputs, the bias.",
    causes=(("inf zero", "0 × {inf} = NaN"), ("inf", "∞ − ∞ = NaN")),
    pairs=True,
)


def weighted_sum(weights: Sequence[Any], inputs: Sequence[Any], bias: Any = 0.0) -> Any:
    """Return w1 x1 + ... + wn xn + b in one node: a neuron before its activation.

    weights, inputs: n Scalars or numbers each (Tensors broadcast). bias: one. Raises ValueError when the counts differ.

    >>> import autodiff as ad
    >>> w = [ad.scalar(2.0), ad.scalar(-1.0)]
    >>> y = ad.weighted_sum(w, [3.0, 5.0], 0.5)
    >>> y.backward(); y.data, w[1].grad
    (1.5, 5.0)
    """
    if len(weights) != len(inputs):
        raise ValueError(f"weighted_sum: {len(weights)} weights for {len(inputs)} inputs.")
    operands = (*weights, *inputs, bias)
    now = state()
    if now.plain and _NUMBERS.issuperset(map(type, operands)):
        n = len(weights)
        values = [x._data if x.__class__ is Scalar else float(x) for x in operands]
        parents = [x.node or x._data if x.__class__ is Scalar else float(x) for x in operands]
        out = Scalar()
        out._data, out.node = _add_up(map(_times, values[:n], values[n : 2 * n]), values[-1]), None
        if not _FLOATS.issuperset(map(type, parents)):  # a weight, an input or the bias is recorded
            partials = (*values[n : 2 * n], *values[:n], 1.0)
            out.node = new_float_node(_weighted_sum_row, parents, partials, now.scope, out._data)
        return out
    if not any([isinstance(x, Variable) for x in operands]):
        return _weighted_sum(*operands)
    return record_operands(_weighted_sum_row, operands, {})


_times = float.__mul__
# from 3.12 on, sum() of floats corrects its rounding; the operators, arrays and a compiled program do not
_add_up = sum if sys.version_info < (3, 12) else partial(reduce, operator.add)
_NUMBERS, _FLOATS = frozenset({Scalar, float, int}), frozenset({float})
PUBLIC.update(linear=linear, cross_entropy=cross_entropy, weighted_sum=weighted_sum)
