"""Evaluation of special functions: in float64, a block at a time, each regime by its own formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...modes import one_call
from ...modes.threads import over_parts
from ...other_arrays import elementwise, is_foreign
from ...registry import op
from ..shape import operand

# elements: a few float64 temporaries of that length stay in the processor's second cache, and a call takes long enough
# that two threads seldom wait for the interpreter lock (gelu of 524,288 numbers: 5.3 ms on one, 3.7 on two; with blocks
# of 16,384 no gain)
BLOCK = 32768


@one_call
def evaluate(
    kernel: Callable[..., Any],
    *operands: Any,
    single: Callable[..., Any] | None = None,
    results: int = 1,
    **static: Any,
) -> Any:
    """Apply a kernel to operands of any shapes that broadcast, in float64; the result has their own dtype.

    The kernel gets flat float64 arrays of one length and returns another. float16 and float32 stay what they are,
    integers become float64; a 0-d result is a NumPy scalar. Raises TypeError for complex and other dtypes. single: a
    cheaper kernel for float32 and float16, right to their digits. results: how many arrays the kernel returns.
    """
    if any([is_foreign(x) for x in operands]):
        return elementwise(partial(evaluate, kernel, single=single, **static), kernel.__name__, operands)
    operands = tuple([np.asarray(x) if isinstance(x, (list, tuple)) else x for x in operands])
    dtype = np.result_type(*operands)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise TypeError(f"{kernel.__name__}: dtype {dtype} is not supported; pass real numbers, float64 at most.")
    if dtype.kind != "f":
        dtype = np.dtype(np.float64)
    if single is not None and dtype.itemsize <= 4:
        kernel = single
    arrays = np.broadcast_arrays(*[np.asarray(x) for x in operands])
    outs = [np.empty(arrays[0].shape, dtype.newbyteorder("=")) for _ in range(results)]
    flat, targets = [a.reshape(-1) for a in arrays], [out.reshape(-1) for out in outs]

    def evaluate_part(part: slice) -> None:
        found = kernel(*[a[part].astype(np.float64) for a in flat], **static)
        for target, values in zip(targets, (found,) if results == 1 else found):
            target[part] = values

    with np.errstate(all="ignore"):
        over_parts(targets[0].size, BLOCK, evaluate_part)
    outs = [out if out.ndim else out[()] for out in outs]
    return outs[0] if results == 1 else tuple(outs)


def as_complex(x: Any, dtype: Any = None) -> Any:
    """Return x in the complex dtype of its precision, or of dtype's; a Scalar as a Tensor, since a Scalar is real."""
    x = operand(x)
    kind = np.result_type(x.dtype if dtype is None else dtype, np.complex64)
    return x if x.dtype == kind else np.astype(x, kind)


def special_row(
    kernel: Callable[..., Any], doc: str, vjp: Any, single: Callable[..., Any] | None = None, **facts: Any
) -> Any:
    """Return a row without static arguments whose values a kernel computes; single: the kernel of float32."""

    def fn(*operands: Any) -> Any:
        return evaluate(kernel, *operands, single=single)

    name = facts.pop("name", kernel.__name__)
    return op(fn, name=name, vjp=vjp, doc=doc, elementwise=True, public=False, singular=True, **facts)


def by_regime(*regimes: tuple[Any, Callable[..., Any]], x: tuple[Any, ...]) -> Any:
    """Return, for regimes (mask, formula), the formula of the operands where its mask holds; NaN elsewhere."""
    out = np.full(x[0].shape, np.nan)
    for mask, formula in regimes:
        at = mask.nonzero()[0]
        if at.size == out.size:
            return formula(*x)
        if at.size:
            out[at] = formula(*[a[at] for a in x])
    return out


def integral(integrand: Callable[..., Any], weights: Any, *operands: Any) -> Any:
    """Sum weights times ``integrand`` over the nodes, for every element by itself.

    weights: (nodes, 1). operands: flat, of one length; the integrand gets them as rows and returns (nodes, elements).
    One NumPy call serves all nodes: on small arrays a loop over the nodes is mostly the cost of its calls.
    """
    size = operands[0].size
    if size == 1:  # NumPy adds one column in another order than several, and neighbours must not change an element
        operands = tuple([np.repeat(a, 2) for a in operands])
    out = np.empty(operands[0].size)
    columns = max(2, BLOCK // len(weights))
    starts = range(0, max(1, out.size - 1), columns)  # never one column by itself
    for start in starts:
        part = slice(start, None if start == starts[-1] else start + columns)
        terms = integrand(*[a[part] for a in operands]) * weights
        if len(terms) > 64:  # sums of sums round less
            terms = np.add.reduceat(terms, range(0, len(terms), 16), axis=0)
        out[part] = np.add.reduce(terms, axis=0)
    return out[:size]


def tanh_sinh(step: float) -> tuple[Any, Any]:
    """Return nodes and weights, (nodes, 1), of the tanh-sinh rule over 0..1 (Takahasi and Mori 1974).

    Its nodes lie close together at the ends, and those near 0 are right to their last digits. 3.375 / step must be
    a whole number.
    """
    u = step * np.arange(-round(3.375 / step), round(3.375 / step) + 1)[:, None]
    q = np.exp(-np.abs(math.pi * np.sinh(u)))
    low, high = q / (1.0 + q), 1.0 / (1.0 + q)
    return np.where(u < 0, low, high), step * math.pi * np.cosh(u) * low * high


def horner(coefficients: tuple[float, ...], x: Any) -> Any:
    """Return the polynomial with these coefficients, highest power first."""
    y = x * coefficients[0]
    y += coefficients[1]
    for c in coefficients[2:]:
        y *= x
        y += c
    return y
