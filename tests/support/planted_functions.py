"""Functions with right derivative rules, in plain NumPy, which a derivative checker must never reject.

Each entry is a function, its rule(g, y, *arrays, **kwargs), and the strategy of its calls. They cover tiny, huge,
cancelling and oscillating regimes, ties, kinks and jumps, broadcasting, reductions over axes, indexing with repeats,
linear algebra up to condition 1e6, convolutions and whole layers. `planted_bugs` breaks these same rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.testing.inputs import strategies as s
from autodiff.testing.subjects.function_under_test import Arguments

INF = math.inf


@dataclass(frozen=True)
class Entry:
    """A function, its rule, and the strategy of its calls."""

    f: Callable[..., Any]
    rule: Callable[..., Any]
    inputs: Any
    family: str


CORRECT: dict[str, Entry] = {}


def entry(name: str, f: Callable[..., Any], rule: Callable[..., Any], inputs: Any, family: str) -> None:
    CORRECT[name] = Entry(f, rule, inputs, family)


def sum_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo broadcasting."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def logistic_slope(x):
    e = np.exp(-np.abs(x))
    return e / ((1 + e) * (1 + e))


# --- one operand, elementwise
# -------------------------------------------------------------------------------------------------

C = math.sqrt(2 / math.pi)


def gelu_slope(x):
    t = np.tanh(C * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * C * (1 + 3 * 0.044715 * x * x)


def sinc_slope(x):
    z = math.pi * x
    small = np.abs(z) < 0.05
    safe = np.where(small, 1.0, z).astype(x.dtype)
    series = z * (-1 / 3 + z * z * (1 / 30 - z * z / 840))
    return math.pi * np.where(small, series, (safe * np.cos(safe) - np.sin(safe)) / (safe * safe))


UNARY: dict[str, tuple[Any, Any, tuple[float, float]]] = {
    "sin": (np.sin, np.cos, s.REAL),
    "cos": (np.cos, lambda x: -np.sin(x), s.REAL),
    "exp": (np.exp, np.exp, (-50.0, 50.0)),
    "log": (np.log, lambda x: 1 / x, (0.0, INF)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), (0.0, INF)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(np.clip(x, -40, 40)) ** 2, s.REAL),
    "sigmoid": (sigmoid, logistic_slope, s.REAL),
    "square": (np.square, lambda x: 2 * x, s.REAL),
    "cube": (lambda x: x**3, lambda x: 3 * x * x, s.REAL),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / (x * x), (0.0, INF)),
    "abs": (np.abs, np.sign, s.REAL),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype), s.REAL),
    "leaky relu": (lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1).astype(x.dtype), s.REAL),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0)), s.REAL),
    "softplus": (lambda x: np.logaddexp(x, 0), sigmoid, s.REAL),
    "gelu": (lambda x: 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**3))), gelu_slope, (-6.0, 6.0)),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) + x * logistic_slope(x), (-30.0, 30.0)),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), (-1.0, INF)),
    "expm1": (np.expm1, np.exp, (-50.0, 50.0)),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x), s.REAL),
    "arcsin": (np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), (-1.0, 1.0)),
    "arctanh": (np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)), (-1.0, 1.0)),
    "sinh": (np.sinh, np.cosh, (-30.0, 30.0)),
    "cosh": (np.cosh, np.sinh, (-30.0, 30.0)),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2, (-1.5, 1.5)),
    "oscillating": (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x), (-4.0, 4.0)),
    "bell": (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x), (-5.0, 5.0)),
    "power 1.5": (lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), (0.0, INF)),
    "large offset": (lambda x: x + 1e6, np.ones_like, (-100.0, 100.0)),
    "one minus cosine": (lambda x: 2 * np.sin(x / 2) ** 2, np.sin, (-4.0, 4.0)),
    "hinge": (lambda x: np.maximum(1 - x, 0), lambda x: -(x < 1).astype(x.dtype), s.REAL),
    "huber": (lambda x: np.where(np.abs(x) <= 1, 0.5 * x * x, np.abs(x) - 0.5), lambda x: np.clip(x, -1, 1), s.REAL),
    "clip": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) <= 1).astype(x.dtype), s.REAL),
    "x |x|": (lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), s.REAL),
    "sinc": (np.sinc, sinc_slope, (-4.0, 4.0)),
    "logit": (lambda x: np.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), (0.0, 1.0)),
    "safe log": (
        lambda x: np.log(np.where(x > 1, x, 1)),
        lambda x: np.where(x > 1, 1 / np.where(x > 1, x, 1), 0),
        s.REAL,
    ),
    "log cosh": (lambda x: np.logaddexp(x, -x) - math.log(2), np.tanh, s.REAL),
    "tiny scale": (lambda x: 1e-12 * np.sin(x), lambda x: 1e-12 * np.cos(x), s.REAL),
    "huge scale": (lambda x: 1e12 * np.tanh(x), lambda x: 1e12 / np.cosh(np.clip(x, -40, 40)) ** 2, s.REAL),
}


def _unary_rule(slope):
    return lambda g, y, x: (g * slope(x),)


for _name, (_f, _slope, _domain) in UNARY.items():
    entry(_name, _f, _unary_rule(_slope), s.tensors(domain=_domain), "elementwise")

# --- several operands, broadcasting
# -------------------------------------------------------------------------------------------


def max_shares(a, b):
    return np.where(a > b, 1.0, np.where(a == b, 0.5, 0.0)).astype(a.dtype)


BINARY: dict[str, tuple[Any, Any, Any, Any]] = {
    "add": (np.add, lambda g, a, b: g, lambda g, a, b: g, s.REAL),
    "subtract": (np.subtract, lambda g, a, b: g, lambda g, a, b: -g, s.REAL),
    "multiply": (np.multiply, lambda g, a, b: g * b, lambda g, a, b: g * a, s.REAL),
    "divide": (np.divide, lambda g, a, b: g / b, lambda g, a, b: -g * a / (b * b), (s.REAL, (0.0, INF))),
    "maximum": (np.maximum, lambda g, a, b: g * max_shares(a, b), lambda g, a, b: g * max_shares(b, a), s.REAL),
    "minimum": (np.minimum, lambda g, a, b: g * max_shares(b, a), lambda g, a, b: g * max_shares(a, b), s.REAL),
    "hypot": (np.hypot, lambda g, a, b: g * a / np.hypot(a, b), lambda g, a, b: g * b / np.hypot(a, b), (0.0, INF)),
    "power": (
        np.power,
        lambda g, a, b: g * b * np.power(a, b - 1),
        lambda g, a, b: g * np.power(a, b) * np.log(a),
        ((0.0, 8.0), (-4.0, 4.0)),
    ),
    "arctan2": (
        np.arctan2,
        lambda g, a, b: g * b / (a * a + b * b),
        lambda g, a, b: -g * a / (a * a + b * b),
        (0.0, 1e6),
    ),
    "logaddexp": (np.logaddexp, lambda g, a, b: g * sigmoid(a - b), lambda g, a, b: g * sigmoid(b - a), s.REAL),
    "squared difference": (
        lambda a, b: (a - b) ** 2,
        lambda g, a, b: 2 * g * (a - b),
        lambda g, a, b: -2 * g * (a - b),
        s.REAL,
    ),
}


def _binary_rule(left, right):
    return lambda g, y, a, b: (sum_to(left(g, a, b), a.shape), sum_to(right(g, a, b), b.shape))


for _name, (_f, _left, _right, _domain) in BINARY.items():
    entry(_name, _f, _binary_rule(_left, _right), s.broadcastable(2, _domain), "broadcasting")

entry(
    "lerp",
    lambda a, b, t: a + t * (b - a),
    lambda g, y, a, b, t: (sum_to(g * (1 - t), a.shape), sum_to(g * t, b.shape), sum_to(g * (b - a), t.shape)),
    s.broadcastable(3, wide=False),
    "broadcasting",
)

# --- reductions and scans
# -----------------------------------------------------------------------------------------------------


@s.arguments
def reduced(draw, domain=s.REAL, wide=True, min_side=1, always_axis=False, keepdims=True):
    shape = draw(st.lists(st.integers(min_side, 3), min_size=1, max_size=3).map(tuple))
    x = draw(s.tensors(shape, domain, wide=wide))
    axes = [*range(x.ndim), *range(-x.ndim, 0)] if always_axis else [None, *range(x.ndim), -1]
    kwargs = {"axis": draw(st.sampled_from(axes))}
    if keepdims:
        kwargs["keepdims"] = draw(st.booleans())
    return Arguments(x, **kwargs)


def back(g, x, axis, keepdims=True):
    """Return the cotangent of a reduction, with the reduced axes as length 1."""
    if axis is None:
        return np.reshape(g, (1,) * x.ndim)
    return g if keepdims else np.expand_dims(g, axis)


def full(g, x, axis, keepdims):
    return np.broadcast_to(back(g, x, axis, keepdims), x.shape)


def count(x, axis):
    return x.size if axis is None else x.shape[axis]


def max_rule(g, y, x, axis, keepdims):
    mask = x == back(y, x, axis, keepdims)
    return (back(g, x, axis, keepdims) * mask / mask.sum(axis=axis, keepdims=True).astype(x.dtype),)


def prod_rule(g, y, x, axis, keepdims):
    lines = x.reshape(1, -1) if axis is None else np.moveaxis(x, axis, -1)
    n = lines.shape[-1]
    others = np.stack([np.prod(np.delete(lines, i, -1), -1) for i in range(n)], -1)
    others = others.reshape(x.shape) if axis is None else np.moveaxis(others, -1, axis)
    return (back(g, x, axis, keepdims) * others,)


def var_rule(g, y, x, axis, keepdims):
    return (back(g, x, axis, keepdims) * 2 * (x - x.mean(axis=axis, keepdims=True)) / count(x, axis),)


def std_rule(g, y, x, axis, keepdims):
    y = back(y, x, axis, keepdims)
    safe = np.where(y == 0, 1, y).astype(x.dtype)
    return (
        np.where(
            y == 0, 0, back(g, x, axis, keepdims) * (x - x.mean(axis=axis, keepdims=True)) / (count(x, axis) * safe)
        ),
    )


def lse(x, axis=None, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    y = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return y if keepdims else y.reshape(()) if axis is None else np.squeeze(y, axis)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def norm(x, axis=None, keepdims=False):
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def norm_rule(g, y, x, axis, keepdims):
    y = back(y, x, axis, keepdims)
    return (np.where(y == 0, 0, back(g, x, axis, keepdims) * x / np.where(y == 0, 1, y).astype(x.dtype)),)


REDUCED = s.REAL
entry("sum", np.sum, lambda g, y, x, axis, keepdims: (full(g, x, axis, keepdims).copy(),), reduced(), "reduction")
entry(
    "mean",
    np.mean,
    lambda g, y, x, axis, keepdims: (full(g, x, axis, keepdims) / count(x, axis),),
    reduced(),
    "reduction",
)
entry("max", np.max, max_rule, reduced(), "reduction")
entry("min", np.min, max_rule, reduced(), "reduction")
entry("prod", np.prod, prod_rule, reduced(wide=False), "reduction")
entry("var", np.var, var_rule, reduced(wide=False), "reduction")
entry("std", np.std, std_rule, reduced(wide=False), "reduction")


def lse_rule(g, y, x, axis, keepdims):
    flat = x.reshape(-1) if axis is None else x
    return (back(g, x, axis, keepdims) * softmax(flat, -1 if axis is None else axis).reshape(x.shape),)


entry("logsumexp", lse, lse_rule, reduced(), "reduction")
entry("norm", norm, norm_rule, reduced(wide=False), "reduction")
entry(
    "norm 1",
    lambda x, axis, keepdims: np.sum(np.abs(x), axis=axis, keepdims=keepdims),
    lambda g, y, x, axis, keepdims: (back(g, x, axis, keepdims) * np.sign(x),),
    reduced(),
    "reduction",
)
entry(
    "softmax",
    softmax,
    lambda g, y, x, axis: (y * (g - (g * y).sum(axis=axis, keepdims=True)),),
    reduced(always_axis=True, keepdims=False),
    "reduction",
)
entry(
    "log softmax",
    lambda x, axis: x - lse(x, axis, True),
    lambda g, y, x, axis: (g - np.exp(y) * g.sum(axis=axis, keepdims=True),),
    reduced(always_axis=True, keepdims=False),
    "reduction",
)
entry(
    "cumsum",
    np.cumsum,
    lambda g, y, x, axis: (np.flip(np.cumsum(np.flip(g, axis), axis), axis),),
    reduced(always_axis=True, keepdims=False),
    "reduction",
)


def sort_rule(g, y, x, axis):
    order = np.argsort(x, axis=axis, kind="stable")
    out = np.zeros_like(x)
    np.put_along_axis(out, order, g, axis)
    return (out,)


def median_rule(g, y, x):
    n, order = x.size, np.argsort(x, kind="stable")
    out = np.zeros_like(x)
    out[order[n // 2]] += 0.5 * g
    out[order[(n - 1) // 2]] += 0.5 * g
    return (out,)


entry("sort", np.sort, sort_rule, reduced(always_axis=True, keepdims=False), "reduction")
entry("median", np.median, median_rule, s.tensors(s.shapes(1, 1, 5)), "reduction")

# --- shape and index
# ----------------------------------------------------------------------------------------------------------


@s.arguments
def permuted(draw):
    x = draw(s.tensors(s.shapes(2, 4)))  # of four axes most permutations are not their own inverse
    return Arguments(x, axes=draw(st.sampled_from(list(permutations(range(x.ndim))))))


entry("transpose", np.transpose, lambda g, y, x, axes: (np.transpose(g, np.argsort(axes)),), permuted(), "shape")
entry(
    "reshape",
    lambda x: x.reshape(-1) * np.arange(1, x.size + 1, dtype=x.dtype),
    lambda g, y, x: ((g * np.arange(1, x.size + 1, dtype=x.dtype)).reshape(x.shape),),
    s.tensors(),
    "shape",
)


def ramp(x):
    shape = [n + 2 for n in x.shape]
    return np.arange(math.prod(shape), dtype=x.dtype).reshape(shape)


@s.arguments
def joined(draw):
    shape = draw(s.shapes(1, 3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    other = list(shape)
    other[axis] = draw(st.integers(1, 3))
    return Arguments(draw(s.tensors(shape)), draw(s.tensors(tuple(other))), axis=axis)


entry(
    "concatenate",
    lambda a, b, axis: np.concatenate([a, b], axis),
    lambda g, y, a, b, axis: tuple(np.split(g, [a.shape[axis]], axis)),
    joined(),
    "shape",
)


@s.arguments
def picked(draw):
    x = draw(s.tensors(s.shapes(1, 3)))
    axis = draw(st.integers(0, x.ndim - 1))
    picks = draw(st.lists(st.integers(-x.shape[axis], x.shape[axis] - 1), min_size=1, max_size=4))
    return Arguments(x, indices=tuple(picks), axis=axis)


def take_rule(g, y, x, indices, axis):
    out = np.zeros_like(x)
    np.add.at(np.moveaxis(out, axis, 0), list(indices), np.moveaxis(g, axis, 0))
    return (out,)


entry("take", lambda x, indices, axis: np.take(x, indices, axis), take_rule, picked(), "index")


@s.arguments
def indexed(draw):
    x = draw(s.tensors(s.shapes(1, 3)))
    return Arguments(x, index=draw(s.indices(x.shape)))


def getitem_rule(g, y, x, index):
    out = np.zeros_like(x)
    np.add.at(out, index, g)
    return (out,)


entry("getitem", lambda x, index: np.array(x[index]), getitem_rule, indexed(), "index")


@s.arguments
def rolled(draw):
    x = draw(s.tensors(s.shapes(1, 3)))
    return Arguments(x, shift=draw(st.integers(-3, 3)), axis=draw(st.sampled_from([None, *range(x.ndim)])))


entry("roll", np.roll, lambda g, y, x, shift, axis: (np.roll(g, -shift, axis),), rolled(), "shape")
entry(
    "flip",
    lambda x, axis: np.flip(x, axis),
    lambda g, y, x, axis: (np.flip(g, axis),),
    reduced(always_axis=True, keepdims=False),
    "shape",
)
entry(
    "pad",
    lambda x: np.pad(x, 1) * ramp(x),
    lambda g, y, x: ((g * ramp(x))[(slice(1, -1),) * x.ndim],),
    s.tensors(s.shapes(1, 2)),
    "shape",
)


def repeat_rule(g, y, x, axis):
    return (sum(np.take(g, range(k, g.shape[axis], 2), axis) for k in (0, 1)),)


entry("repeat", lambda x, axis: np.repeat(x, 2, axis), repeat_rule, reduced(always_axis=True, keepdims=False), "shape")
entry("trace", np.trace, lambda g, y, a: (g * np.eye(*a.shape, dtype=a.dtype),), s.tensors(s.shapes(2, 2)), "shape")
entry("tril", np.tril, lambda g, y, a: (np.tril(g),), s.tensors(s.shapes(2, 2)), "shape")
entry("outer", np.outer, lambda g, y, a, b: (g @ b, g.T @ a), s.signature("(m),(n)->(m,n)", wide=True), "shape")
entry(
    "split",
    lambda x: (x[:1] * 2, x[1:] ** 2),
    lambda g, y, x: (np.concatenate([2 * g[0], 2 * g[1] * x[1:]]),),
    s.tensors(s.shapes(1, 2)),
    "several outputs",
)
entry(
    "polar",
    lambda r, t: (r * np.cos(t), r * np.sin(t)),
    lambda g, y, r, t: (g[0] * np.cos(t) + g[1] * np.sin(t), r * (g[1] * np.cos(t) - g[0] * np.sin(t))),
    s.signature("(n),(n)->(n),(n)"),
    "several outputs",
)


@s.arguments
def embedded(draw):
    table = draw(s.tensors((draw(st.integers(1, 4)), draw(st.integers(1, 3)))))
    rows = draw(st.lists(st.integers(0, table.shape[0] - 1), min_size=1, max_size=4))
    return Arguments(table, np.array(rows))


def embedding_rule(g, y, table, rows):
    out = np.zeros_like(table)
    np.add.at(out, rows, g)
    return (out, None)


entry("embedding", lambda table, rows: table[rows], embedding_rule, embedded(), "index")

# --- linear algebra
# -----------------------------------------------------------------------------------------------------------

entry(
    "matmul",
    np.matmul,
    lambda g, y, a, b: (g @ b.T, a.T @ g),
    s.signature("(m,k),(k,n)->(m,n)", wide=True),
    "linear algebra",
)
entry(
    "matrix vector",
    np.matmul,
    lambda g, y, a, x: (np.outer(g, x), a.T @ g),
    s.signature("(m,n),(n)->(m)", wide=True),
    "linear algebra",
)
entry(
    "batched matmul",
    np.matmul,
    lambda g, y, a, b: (g @ np.swapaxes(b, -1, -2), sum_to(np.swapaxes(a, -1, -2) @ g, b.shape)),
    s.signature("(b,m,k),(1,k,n)->(b,m,n)"),
    "linear algebra",
)


@s.arguments
def system(draw):
    n = draw(st.integers(1, 4))
    return Arguments(draw(s.well_conditioned(n, 1e6)), draw(s.smooth_values((n, draw(st.integers(1, 2))))))


def solve_rule(g, y, a, b):
    gb = np.linalg.solve(a.T, g)
    return (-gb @ y.T, gb)


entry("solve", np.linalg.solve, solve_rule, system(), "linear algebra")
entry("inv", np.linalg.inv, lambda g, y, a: (-y.T @ g @ y.T,), s.well_conditioned(condition=1e6), "linear algebra")
entry(
    "det",
    np.linalg.det,
    lambda g, y, a: (g * y * np.linalg.inv(a).T,),
    s.well_conditioned(condition=1e4),
    "linear algebra",
)
entry(
    "log det",
    lambda a: np.linalg.slogdet(a)[1],
    lambda g, y, a: (g * np.linalg.inv(a).T,),
    s.spd(condition=1e6),
    "linear algebra",
)


def cholesky_rule(g, y, a):
    inverse = np.linalg.inv(y)
    phi = np.tril(y.T @ g)
    phi[np.diag_indices_from(phi)] *= 0.5
    q = inverse.T @ phi @ inverse
    return ((q + q.T) / 2,)


entry("cholesky", lambda a: np.linalg.cholesky((a + a.T) / 2), cholesky_rule, s.spd(condition=1e4), "linear algebra")


@s.arguments
def form(draw):
    n = draw(st.integers(1, 3))
    return Arguments(draw(s.smooth_values((n,))), draw(s.smooth_values((n, n))))


entry(
    "quadratic form",
    lambda x, a: x @ a @ x,
    lambda g, y, x, a: (g * (a + a.T) @ x, g * np.outer(x, x)),
    form(),
    "linear algebra",
)
entry(
    "trace of product",
    lambda a, b: np.sum(a * b.T),
    lambda g, y, a, b: (g * b.T, g * a.T),
    s.signature("(m,n),(n,m)->()"),
    "linear algebra",
)
entry(
    "einsum",
    lambda a, b: np.einsum("ij,jk->ki", a, b),
    lambda g, y, a, b: (np.einsum("ki,jk->ij", g, b), np.einsum("ki,ij->jk", g, a)),
    s.signature("(i,j),(j,k)->(k,i)"),
    "linear algebra",
)
entry("gram", lambda a: a @ a.T, lambda g, y, a: ((g + g.T) @ a,), s.smooth_values(s.shapes(2, 2)), "linear algebra")

# --- convolutions, layers, losses
# ---------------------------------------------------------------------------------------------


def windows(x, k, stride=1):
    return np.lib.stride_tricks.sliding_window_view(x, k, axis=-1)[..., ::stride, :]


def conv1d(x, w, stride):
    return windows(x, w.size, stride) @ w


def conv1d_rule(g, y, x, w, stride):
    gx = np.zeros_like(x)
    for i in range(g.shape[-1]):
        gx[i * stride : i * stride + w.size] += g[i] * w
    return (gx, g @ windows(x, w.size, stride))


@s.arguments
def signal(draw):
    k = draw(st.integers(1, 3))
    return Arguments(
        draw(s.smooth_values((draw(st.integers(k, 7)),))), draw(s.smooth_values((k,))), stride=draw(st.integers(1, 2))
    )


entry("conv1d", conv1d, conv1d_rule, signal(), "convolution")


def conv2d(x, w):
    v = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.einsum("ijab,ab->ij", v, w)


def conv2d_rule(g, y, x, w):
    gx = np.zeros_like(x)
    for a in range(w.shape[0]):
        for b in range(w.shape[1]):
            gx[a : a + g.shape[0], b : b + g.shape[1]] += g * w[a, b]
    return (gx, np.einsum("ijab,ij->ab", np.lib.stride_tricks.sliding_window_view(x, w.shape), g))


@s.arguments
def image(draw):
    k = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    return Arguments(
        draw(s.smooth_values((draw(st.integers(2, 4)), draw(st.integers(2, 4))))), draw(s.smooth_values(k))
    )


entry("conv2d", conv2d, conv2d_rule, image(), "convolution")


def max_pool(x):
    return windows(x, 2).max(-1)


def max_pool_rule(g, y, x):
    gx, w = np.zeros_like(x), windows(x, 2)
    mask = w == y[..., None]
    share = g[..., None] * mask / mask.sum(-1, keepdims=True).astype(x.dtype)
    for k in range(2):
        gx[k : k + y.size] += share[:, k]
    return (gx,)


entry("max pool", max_pool, max_pool_rule, s.tensors(st.integers(2, 6).map(lambda n: (n,))), "convolution")
entry(
    "average pool",
    lambda x: (x[1:] + x[:-1]) / 2,
    lambda g, y, x: (0.5 * (np.pad(g, (1, 0)) + np.pad(g, (0, 1))),),
    s.tensors(st.integers(2, 6).map(lambda n: (n,))),
    "convolution",
)

EPS = 1e-3


def layer_norm(x, gain, bias):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + EPS) * gain + bias


def layer_norm_rule(g, y, x, gain, bias):
    c = x - x.mean(-1, keepdims=True)
    r = 1 / np.sqrt((c * c).mean(-1, keepdims=True) + EPS)
    h, gh = c * r, g * gain
    gx = r * (gh - gh.mean(-1, keepdims=True) - h * (gh * h).mean(-1, keepdims=True))
    return (gx, (g * h).sum(0), g.sum(0))


entry("layer norm", layer_norm, layer_norm_rule, s.signature("(b,n),(n),(n)->(b,n)"), "layer")


def batch_norm_rule(g, y, x, gain, bias):
    gx, _, _ = layer_norm_rule(g.T, y.T, x.T, np.ones(x.shape[0], x.dtype), np.zeros(x.shape[0], x.dtype))
    c = x - x.mean(0)
    r = 1 / np.sqrt((c * c).mean(0) + EPS)
    return ((gx.T * gain), (g * c * r).sum(0), g.sum(0))


entry(
    "batch norm",
    lambda x, gain, bias: layer_norm(x.T, 1, 0).T * gain + bias,
    batch_norm_rule,
    s.signature("(b,n),(n),(n)->(b,n)"),
    "layer",
)
entry(
    "linear relu",
    lambda x, w, b: np.maximum(x @ w.T + b, 0),
    lambda g, y, x, w, b: ((g * (y > 0)) @ w, (g * (y > 0)).T @ x, (g * (y > 0)).sum(0)),
    s.signature("(n,i),(o,i),(o)->(n,o)"),
    "layer",
)


@s.arguments
def classified(draw):
    logits = draw(s.tensors((draw(st.integers(1, 3)), draw(st.integers(1, 4)))))
    labels = draw(st.lists(st.integers(0, logits.shape[1] - 1), min_size=logits.shape[0], max_size=logits.shape[0]))
    return Arguments(logits, np.array(labels))


def cross_entropy(x, labels):
    return (lse(x, -1) - x[np.arange(len(x)), labels]).mean()


def cross_entropy_rule(g, y, x, labels):
    p = softmax(x)
    p[np.arange(len(x)), labels] -= 1
    return (g * p / len(x), None)


entry("cross entropy", cross_entropy, cross_entropy_rule, classified(), "layer")
entry(
    "mse",
    lambda a, b: ((a - b) ** 2).mean(),
    lambda g, y, a, b: (2 * g * (a - b) / a.size, -2 * g * (a - b) / a.size),
    s.signature("(n,m),(n,m)->()"),
    "layer",
)
entry(
    "bce with logits",
    lambda x, t: np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))),
    lambda g, y, x, t: (g * (sigmoid(x) - t), -g * x),
    s.signature("(n),(n)->(n)"),
    "layer",
)


def attention(q, k, v):
    return softmax(q @ k.T / math.sqrt(q.shape[1])) @ v


def attention_rule(g, y, q, k, v):
    r = 1 / math.sqrt(q.shape[1])
    p = softmax(q @ k.T * r)
    gp = g @ v.T
    gs = p * (gp - (gp * p).sum(-1, keepdims=True)) * r
    return (gs @ k, gs.T @ q, p.T @ g)


entry("attention", attention, attention_rule, s.signature("(n,d),(m,d),(m,e)->(n,e)"), "layer")


def rnn_rule(g, y, x, h, w, u):
    gz = g * (1 - y * y)
    return (gz @ w, gz @ u, np.outer(gz, x), np.outer(gz, h))


entry(
    "recurrent step",
    lambda x, h, w, u: np.tanh(w @ x + u @ h),
    rnn_rule,
    s.signature("(i),(o),(o,i),(o,o)->(o)"),
    "layer",
)

# --- complex
# ------------------------------------------------------------------------------------------------------------------

COMPLEX = s.tensors(s.shapes(0, 2), dtype=complex, wide=False)
entry("complex square", lambda z: z * z, lambda g, y, z: (g * np.conj(2 * z),), COMPLEX, "complex")
entry("squared modulus", lambda z: (z * np.conj(z)).real, lambda g, y, z: (2 * g * z,), COMPLEX, "complex")
entry("conjugate", np.conj, lambda g, y, z: (np.conj(g),), COMPLEX, "complex")
entry("real part", lambda z: z.real.copy(), lambda g, y, z: (g + 0j * z,), COMPLEX, "complex")
entry("complex exp", np.exp, lambda g, y, z: (g * np.conj(y),), COMPLEX, "complex")
entry(
    "fft",
    lambda x: np.fft.fft(x),
    lambda g, y, x: ((np.fft.ifft(g) * x.shape[-1]).real.astype(x.dtype),),
    s.smooth_values(s.shapes(1, 2)),
    "complex",
)
