"""Wrong derivative rules, which a derivative checker must find.

Each bug breaks one function of `planted_functions` (or brings its own), names the kind of mistake it is, and differs
from the right rule in the way people's rules do: signs, factors, transposes, axes, missing sums and terms, ties,
special values, single precision, memory, state. Bugs of engines, layers and optimizers are in `planted_bugs_engine`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import planted_functions as p
from planted_functions import CORRECT, back, count, sum_to

from autodiff.testing.inputs import strategies as s


@dataclass(frozen=True)
class Bug:
    """A wrong rule for a function.

    Attributes:
        name: unique.
        kind: its name in a good diagnosis; several names separated by "|" where several are right.
        f, rule, inputs: the pair under test and the strategy of its calls.
        right: the right rule, which must be accepted.
    """

    name: str
    kind: str
    f: Callable[..., Any]
    rule: Callable[..., Any]
    inputs: Any
    right: Callable[..., Any]


BUGS: dict[str, Bug] = {}


def bug(name: str, of: str, kind: str, rule: Callable[..., Any], inputs: Any = None) -> None:
    assert name not in BUGS, name
    entry = CORRECT[of]
    BUGS[name] = Bug(name, kind, entry.f, rule, entry.inputs if inputs is None else inputs, entry.rule)


def slope_bug(name: str, of: str, kind: str, slope: Callable[..., Any]) -> None:
    """Add a bug with a wrong elementwise slope."""
    bug(name, of, kind, lambda g, y, x: (g * slope(x),))


def times(of: str, factor: float) -> Callable[..., Any]:
    """Return the right rule times a number, in every argument."""
    return lambda g, y, *xs, **kw: tuple(
        None if q is None else q * q.dtype.type(factor) for q in CORRECT[of].rule(g, y, *xs, **kw)
    )


def only(of: str, change: Callable[..., Any]) -> Callable[..., Any]:
    """Return the right rule, then change(gradients, g, y, *xs, **kw) -> gradients."""

    def rule(g: Any, y: Any, *xs: Any, **kw: Any) -> Any:
        return change(CORRECT[of].rule(g, y, *xs, **kw), g, y, *xs, **kw)

    return rule


# --- sign -----------------------------------------------------------------------------------------

slope_bug("cos has the slope of minus cos", "cos", "sign", np.sin)
bug(
    "subtract forgets the minus",
    "subtract",
    "missing broadcast sum|sign|shape",
    lambda g, y, a, b: (sum_to(g, a.shape), sum_to(g, b.shape)),
)
bug(
    "divide by b with plus",
    "divide",
    "sign",
    lambda g, y, a, b: (sum_to(g / b, a.shape), sum_to(g * a / (b * b), b.shape)),
)
bug("inverse with plus", "inv", "sign", lambda g, y, a: (y.T @ g @ y.T,))
bug("solve with plus", "solve", "sign", lambda g, y, a, b: (np.linalg.solve(a.T, g) @ y.T, np.linalg.solve(a.T, g)))
slope_bug("reciprocal with plus", "reciprocal", "sign", lambda x: 1 / (x * x))
bug(
    "mse, wrong sign of the target",
    "mse",
    "sign",
    lambda g, y, a, b: (2 * g * (a - b) / a.size, 2 * g * (a - b) / a.size),
)

# --- constant factors -----------------------------------------------------------------------------

for _of in ("sin", "matmul", "softmax", "log det", "conv1d", "layer norm"):
    bug(f"{_of} times 2", _of, "constant factor", times(_of, 2.0))
slope_bug("square without the 2", "square", "constant factor", lambda x: x)
slope_bug("sqrt without the half", "sqrt", "constant factor", lambda x: 1 / np.sqrt(x))
bug(
    "mean without the division",
    "mean",
    "constant factor|only at size 1",
    lambda g, y, x, axis, keepdims: (p.full(g, x, axis, keepdims).copy(),),
)
bug(
    "mean divides by the whole size",
    "mean",
    "constant factor",
    lambda g, y, x, axis, keepdims: (p.full(g, x, axis, keepdims) / x.size,),
)
bug(
    "mean divides by n - 1",
    "mean",
    "constant factor|not finite|only at size 1",
    lambda g, y, x, axis, keepdims: (p.full(g, x, axis, keepdims) / max(count(x, axis) - 1, 1),),
)
bug(
    "variance with n - 1",
    "var",
    "constant factor",
    lambda g, y, x, axis, keepdims: (
        CORRECT["var"].rule(g, y, x, axis, keepdims)[0] * count(x, axis) / max(count(x, axis) - 1, 1),
    ),
)
bug(
    "cross entropy forgets the mean",
    "cross entropy",
    "constant factor",
    lambda g, y, x, t: (CORRECT["cross entropy"].rule(g, y, x, t)[0] * len(x), None),
)
bug(
    "attention forgets the scale in q",
    "attention",
    "constant factor",
    only("attention", lambda gs, g, y, q, k, v: (gs[0] * math.sqrt(q.shape[1]), gs[1], gs[2])),
)
bug("average pool forgets the half", "average pool", "constant factor", times("average pool", 2.0))
bug(
    "cholesky without halving the diagonal",
    "cholesky",
    "missing path|constant factor",
    lambda g, y, a: (lambda q: ((q + q.T) / 2,))(np.linalg.inv(y).T @ np.tril(y.T @ g) @ np.linalg.inv(y)),
)
for _relative in (1e-3, 1e-5, 1e-7, 1e-9):
    bug(f"tanh off by {_relative:g}", "tanh", "constant factor|float32 noise", times("tanh", 1 + _relative))
    bug(f"matmul off by {_relative:g}", "matmul", "constant factor|float32 noise", times("matmul", 1 + _relative))
slope_bug(
    "gelu with a mistyped constant",
    "gelu",
    "constant factor|missing path",
    lambda x: (lambda t: 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * p.C * (1 + 3 * 0.04715 * x * x))(
        np.tanh(p.C * (x + 0.044715 * x**3))
    ),
)
slope_bug("silu with a missing term", "silu", "missing path|constant factor|only at zero", p.sigmoid)
slope_bug("tiny scale answered with 0", "tiny scale", "missing path", np.zeros_like)
slope_bug(
    "huge scale off by one part in a million",
    "huge scale",
    "constant factor",
    lambda x: 1.000001e12 / np.cosh(np.clip(x, -40, 40)) ** 2,
)

# --- transposes, axes, order ----------------------------------------------------------------------


def if_square(of: str, wrong: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule that is wrong only where the wrong gradients have the right shapes."""

    def rule(g: Any, y: Any, *xs: Any, **kw: Any) -> Any:
        right = CORRECT[of].rule(g, y, *xs, **kw)
        try:
            bad = wrong(g, y, *xs, **kw)
        except ValueError:
            return right
        return tuple(b if b is not None and np.shape(b) == np.shape(r) else r for b, r in zip(bad, right))

    return rule


bug(
    "matmul without the transpose of b", "matmul", "transpose", if_square("matmul", lambda g, y, a, b: (g @ b, a.T @ g))
)
bug(
    "matmul without the transpose of a", "matmul", "transpose", if_square("matmul", lambda g, y, a, b: (g @ b.T, a @ g))
)
bug(
    "matrix vector without transpose",
    "matrix vector",
    "transpose",
    if_square("matrix vector", lambda g, y, a, x: (np.outer(g, x), a @ g)),
)
bug(
    "outer product the other way",
    "matrix vector",
    "transpose",
    if_square("matrix vector", lambda g, y, a, x: (np.outer(x, g), a.T @ g)),
)
bug(
    "solve without transpose",
    "solve",
    "transpose",
    lambda g, y, a, b: (-(np.linalg.solve(a, g)) @ y.T, np.linalg.solve(a, g)),
)
bug("inverse without transposes", "inv", "transpose", lambda g, y, a: (-y @ g @ y,))
bug(
    "log det without transpose",
    "log det",
    "transpose",
    lambda g, y, a: (g * np.linalg.inv(a),),
    s.well_conditioned(condition=100.0),
)
bug("det without transpose", "det", "transpose", lambda g, y, a: (g * y * np.linalg.inv(a),))
bug("quadratic form, a twice", "quadratic form", "transpose", lambda g, y, x, a: (2 * g * a @ x, g * np.outer(x, x)))
bug("gram, half of it twice", "gram", "transpose", lambda g, y, a: (2 * g @ a,))
bug(
    "transpose applied instead of undone",
    "transpose",
    "transpose",
    if_square("transpose", lambda g, y, x, axes: (np.transpose(g, axes),)),
)
bug(
    "trace of product not transposed",
    "trace of product",
    "transpose",
    if_square("trace of product", lambda g, y, a, b: (g * b, g * a)),
)
bug(
    "einsum with swapped letters",
    "einsum",
    "transpose",
    if_square(
        "einsum",
        lambda g, y, a, b: (
            np.einsum("ik,jk->ij", g, b) if g.shape[0] == g.shape[1] else np.einsum("ki,jk->ij", g, b),
            np.einsum("ki,ij->jk", g, a),
        ),
    ),
)
bug(
    "softmax over the wrong axis",
    "softmax",
    "missing path|transpose|constant factor",
    lambda g, y, x, axis: (y * (g - (g * y).sum(axis=(axis + 1) % x.ndim, keepdims=True)),),
)
bug("cumsum not reversed", "cumsum", "transpose|missing path", lambda g, y, x, axis: (np.cumsum(g, axis),))
bug(
    "cumsum reversed over axis 0",
    "cumsum",
    "transpose|missing path",
    lambda g, y, x, axis: (np.flip(np.cumsum(np.flip(g, 0), 0), 0),),
)
bug("roll the same way", "roll", "transpose", lambda g, y, x, shift, axis: (np.roll(g, shift, axis),))
bug("flip not undone", "flip", "transpose", lambda g, y, x, axis: (g.copy(),))
bug("sort forgets the order", "sort", "transpose", lambda g, y, x, axis: (g.copy(),))
bug(
    "sort applies the order instead of its inverse",
    "sort",
    "transpose",
    lambda g, y, x, axis: (np.take_along_axis(g, np.argsort(x, axis=axis, kind="stable"), axis),),
)
bug("tril keeps the other triangle", "tril", "transpose|missing path|constant factor", lambda g, y, a: (np.triu(g),))
bug(
    "concatenate swaps equal parts",
    "concatenate",
    "transpose",
    if_square("concatenate", lambda g, y, a, b, axis: tuple(np.split(g, [a.shape[axis]], axis))[::-1]),
)
bug(
    "polar with swapped outputs",
    "polar",
    "missing path|sign|transpose",
    lambda g, y, r, t: (g[1] * np.cos(t) + g[0] * np.sin(t), r * (g[0] * np.cos(t) - g[1] * np.sin(t))),
)

# --- broadcasting ---------------------------------------------------------------------------------

for _of, _left, _right in (
    ("add", lambda g, a, b: g, lambda g, a, b: g),
    ("multiply", lambda g, a, b: g * b, lambda g, a, b: g * a),
    ("maximum", lambda g, a, b: g * p.max_shares(a, b), lambda g, a, b: g * p.max_shares(b, a)),
):
    bug(
        f"{_of} forgets the broadcast sum",
        _of,
        "missing broadcast sum",
        (lambda left, right: lambda g, y, a, b: (left(g, a, b), right(g, a, b)))(_left, _right),
    )
bug(
    "multiply sums the leading axes only",
    "multiply",
    "missing broadcast sum",
    lambda g, y, a, b: (sum_to(g * b, a.shape), (lambda q: q.sum(axis=tuple(range(q.ndim - b.ndim))))(g * a)),
)


def first_entry(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the right shape, but one entry instead of the sum."""
    g = g[(0,) * (g.ndim - len(shape))]
    return g[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def averaged(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    total = sum_to(g, shape)
    return total * (total.size / g.size) if g.size else total


bug(
    "add takes one entry instead of the sum",
    "add",
    "missing broadcast sum|missing path|constant factor",
    lambda g, y, a, b: (sum_to(g, a.shape), first_entry(g, b.shape)),
)
bug(
    "divide averages instead of summing",
    "divide",
    "missing broadcast sum|constant factor",
    lambda g, y, a, b: (averaged(g / b, a.shape), averaged(-g * a / (b * b), b.shape)),
)
bug(
    "bias gradient averaged over the batch",
    "linear relu",
    "constant factor",
    only("linear relu", lambda gs, g, y, x, w, b: (gs[0], gs[1], gs[2] / len(x))),
)
bug(
    "batched matmul takes the first of the batch",
    "batched matmul",
    "missing broadcast sum|missing path|constant factor",
    lambda g, y, a, b: (g @ np.swapaxes(b, -1, -2), (np.swapaxes(a, -1, -2) @ g)[:1]),
)
bug(
    "lerp forgets t's sum",
    "lerp",
    "missing broadcast sum",
    lambda g, y, a, b, t: (sum_to(g * (1 - t), a.shape), sum_to(g * t, b.shape), g * (b - a)),
)

# --- missing terms and paths ----------------------------------------------------------------------

bug("softmax, diagonal term only", "softmax", "missing path|constant factor", lambda g, y, x, axis: (g * y * (1 - y),))
bug(
    "log softmax without the sum",
    "log softmax",
    "missing path|constant factor",
    lambda g, y, x, axis: (g - np.exp(y) * g,),
)
bug(
    "variance forgets the mean",
    "var",
    "missing path|only at zero|constant factor",
    lambda g, y, x, axis, keepdims: (back(g, x, axis, keepdims) * 2 * x / count(x, axis),),
)
bug(
    "layer norm treats the mean as constant",
    "layer norm",
    "missing path",
    only(
        "layer norm",
        lambda gs, g, y, x, gain, bias: (
            gs[0] + (g * gain / np.sqrt(x.var(-1, keepdims=True) + p.EPS)).mean(-1, keepdims=True),
            gs[1],
            gs[2],
        ),
    ),
)


def frozen_variance(gs: Any, g: Any, y: Any, x: Any, gain: Any, bias: Any) -> Any:
    gh = g * gain
    return ((gh - gh.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + p.EPS), gs[1], gs[2])


bug(
    "layer norm treats the variance as constant",
    "layer norm",
    "missing path|constant factor",
    only("layer norm", frozen_variance),
)
bug(
    "logsumexp forgets the softmax",
    "logsumexp",
    "missing path|constant factor",
    lambda g, y, x, axis, keepdims: (p.full(g, x, axis, keepdims).copy(),),
)
bug("gram, one path of two", "gram", "missing path|transpose|constant factor", lambda g, y, a: (g @ a,))
bug(
    "attention forgets the keys",
    "attention",
    "missing path",
    only("attention", lambda gs, *rest: (gs[0], np.zeros_like(gs[1]), gs[2])),
)
bug(
    "polar forgets the second output",
    "polar",
    "missing path|constant factor|only at zero",
    lambda g, y, r, t: (g[0] * np.cos(t), -r * g[0] * np.sin(t)),
)
bug(
    "recurrent step forgets the bend",
    "recurrent step",
    "missing path|constant factor",
    lambda g, y, x, h, w, u: (g @ w, g @ u, np.outer(g, x), np.outer(g, h)),
)
bug(
    "power without the logarithm",
    "power",
    "missing path|constant factor",
    lambda g, y, a, b: (sum_to(g * b * np.power(a, b - 1), a.shape), sum_to(g * np.power(a, b), b.shape)),
)
bug(
    "lerp forgets t",
    "lerp",
    "missing path",
    lambda g, y, a, b, t: (sum_to(g * (1 - t), a.shape), sum_to(g * t, b.shape), np.zeros_like(t)),
)
bug(
    "binary cross entropy forgets the target",
    "bce with logits",
    "missing path",
    lambda g, y, x, t: (g * (p.sigmoid(x) - t), None),
)
bug(
    "linear relu forgets the mask",
    "linear relu",
    "missing path|constant factor|only at negatives|only at zero",
    lambda g, y, x, w, b: (g @ w, g.T @ x, g.sum(0)),
)
bug(
    "linear relu forgets the mask of the bias",
    "linear relu",
    "missing path|constant factor|only at negatives|only at zero",
    only("linear relu", lambda gs, g, y, x, w, b: (gs[0], gs[1], g.sum(0))),
)

# --- indices --------------------------------------------------------------------------------------


def overwrite(x: Any, index: Any, g: Any) -> Any:
    out = np.zeros_like(x)
    out[index] = g
    return out


bug(
    "getitem overwrites duplicates",
    "getitem",
    "missing path|transpose|constant factor",
    lambda g, y, x, index: (overwrite(x, index, g),),
)


def take_overwrites(g: Any, y: Any, x: Any, indices: Any, axis: Any) -> Any:
    out = np.zeros_like(x)
    np.moveaxis(out, axis, 0)[list(indices)] = np.moveaxis(g, axis, 0)
    return (out,)


bug("take overwrites duplicates", "take", "missing path|constant factor", take_overwrites)
bug(
    "embedding overwrites repeated rows",
    "embedding",
    "missing path|constant factor",
    lambda g, y, table, rows: (overwrite(table, rows, g), None),
)
bug(
    "embedding off by one row",
    "embedding",
    "transpose|missing path",
    lambda g, y, table, rows: (np.roll(CORRECT["embedding"].rule(g, y, table, rows)[0], 1, 0), None),
)
bug(
    "take counts negative indices from the start",
    "take",
    "transpose|missing path",
    lambda g, y, x, indices, axis: CORRECT["take"].rule(g, y, x, tuple(abs(i) % x.shape[axis] for i in indices), axis),
)


def stride_ignored(g: Any, y: Any, x: Any, w: Any, stride: int) -> Any:
    gx = np.zeros_like(x)
    for i in range(g.size):
        gx[i : i + w.size] += g[i] * w
    return (gx, g @ p.windows(x, w.size, stride))


bug("conv1d ignores the stride", "conv1d", "transpose|missing path", stride_ignored)
bug(
    "conv1d kernel reversed",
    "conv1d",
    "transpose|missing path",
    lambda g, y, x, w, stride: (p.conv1d_rule(g, y, x, w[::-1], stride)[0], g @ p.windows(x, w.size, stride)),
)
bug(
    "conv1d misses the last window",
    "conv1d",
    "missing path",
    lambda g, y, x, w, stride: (
        p.conv1d_rule(np.where(np.arange(g.size) < max(g.size - 1, 1), g, 0), y, x, w, stride)[0],
        g @ p.windows(x, w.size, stride),
    ),
)
bug(
    "conv2d kernel transposed",
    "conv2d",
    "transpose|missing path",
    if_square(
        "conv2d",
        lambda g, y, x, w: (
            p.conv2d_rule(g, y, x, w.T)[0] if w.shape[0] == w.shape[1] else p.conv2d_rule(g, y, x, w)[0],
            p.conv2d_rule(g, y, x, w)[1],
        ),
    ),
)
bug(
    "pad crops one too far",
    "pad",
    "transpose|missing path",
    lambda g, y, x: ((g * p.ramp(x))[(slice(0, -2),) * x.ndim],),
)
bug(
    "repeat takes the first copy",
    "repeat",
    "missing path|constant factor",
    lambda g, y, x, axis: (np.take(g, range(0, g.shape[axis], 2), axis),),
)
bug(
    "split forgets the first part",
    "split",
    "missing path",
    lambda g, y, x: (np.concatenate([np.zeros_like(g[0]), 2 * g[1] * x[1:]]),),
)

# --- ties, kinks and special points ---------------------------------------------------------------

bug(
    "max counts every tie",
    "max",
    "only at ties",
    lambda g, y, x, axis, keepdims: (back(g, x, axis, keepdims) * (x == back(y, x, axis, keepdims)),),
)
bug(
    "max gives nothing at ties",
    "max",
    "only at ties",
    lambda g, y, x, axis, keepdims: (
        lambda m: (back(g, x, axis, keepdims) * m * (m.sum(axis=axis, keepdims=True) == 1),)
    )(x == back(y, x, axis, keepdims)),
)
bug(
    "min counts every tie",
    "min",
    "only at ties",
    lambda g, y, x, axis, keepdims: (back(g, x, axis, keepdims) * (x == back(y, x, axis, keepdims)),),
)
bug(
    "maximum counts ties on both sides",
    "maximum",
    "only at ties",
    lambda g, y, a, b: (sum_to(g * (a >= b), a.shape), sum_to(g * (b >= a), b.shape)),
)
bug(
    "minimum counts ties on neither side",
    "minimum",
    "only at ties",
    lambda g, y, a, b: (sum_to(g * (a < b), a.shape), sum_to(g * (b < a), b.shape)),
)
bug(
    "max pool counts ties twice",
    "max pool",
    "only at ties",
    lambda g, y, x: (
        (lambda m: sum(np.pad(g * m[:, k], (k, 1 - k)) for k in range(2)))(p.windows(x, 2) == y[..., None]),
    ),
)
bug(
    "median takes the lower of two",
    "median",
    "missing path|constant factor",
    lambda g, y, x: (overwrite(x, np.argsort(x, kind="stable")[(x.size - 1) // 2], g),),
)
slope_bug("relu passes everything at 0", "relu", "only at zero", lambda x: np.where(x == 0, 2, x > 0).astype(x.dtype))
slope_bug("abs gives 2 at 0", "abs", "only at zero", lambda x: np.where(x == 0, 2, np.sign(x)).astype(x.dtype))
slope_bug("abs gives NaN at 0", "abs", "not finite", lambda x: x / np.abs(x))
slope_bug(
    "elu wrong for negatives",
    "elu",
    "only at negatives|constant factor",
    lambda x: np.where(x > 0, 1, 0.5 * np.exp(np.minimum(x, 0))).astype(x.dtype),
)
slope_bug("x |x| wrong for negatives", "x |x|", "only at negatives", lambda x: 2 * x)
slope_bug(
    "leaky relu leaks with the wrong slope",
    "leaky relu",
    "only at negatives",
    lambda x: np.where(x > 0, 1, 0.01).astype(x.dtype),
)
slope_bug("huber clipped at 2", "huber", "missing path|constant factor", lambda x: np.clip(x, -2, 2))
slope_bug("clip passes outside", "clip", "missing path|constant factor", np.ones_like)
slope_bug("square wrong at exactly 0", "square", "only at zero", lambda x: np.where(x == 0, 1, 2 * x).astype(x.dtype))
slope_bug(
    "sinc is NaN at 0",
    "sinc",
    "not finite",
    lambda x: math.pi * (math.pi * x * np.cos(math.pi * x) - np.sin(math.pi * x)) / (math.pi * x) ** 2,
)
bug(
    "norm is NaN at 0",
    "norm",
    "not finite",
    lambda g, y, x, axis, keepdims: (back(g, x, axis, keepdims) * x / back(y, x, axis, keepdims),),
)
bug(
    "prod divides by x",
    "prod",
    "not finite",
    lambda g, y, x, axis, keepdims: (back(g, x, axis, keepdims) * back(y, x, axis, keepdims) / x,),
)
slope_bug(
    "safe log is NaN on the inactive branch",
    "safe log",
    "not finite",
    lambda x: (x > 1) * np.log(x - 1) * 0 + (x > 1) / x,
)
bug(
    "mean wrong at size 1",
    "mean",
    "only at size 1|constant factor",
    only("mean", lambda gs, g, y, x, axis, keepdims: (gs[0] * (2 if count(x, axis) == 1 else 1),)),
)
bug(
    "sum wrong at size 1",
    "sum",
    "only at size 1|constant factor|missing path",
    only("sum", lambda gs, g, y, x, axis, keepdims: (gs[0] * (0 if x.size == 1 else 1),)),
)
bug(
    "softmax wrong for more than two classes",
    "softmax",
    "constant factor|missing path",
    only("softmax", lambda gs, g, y, x, axis: (gs[0] * (1.5 if x.shape[axis] > 2 else 1),)),
)
bug(
    "sum along the last axis wrong",
    "sum",
    "constant factor",
    only("sum", lambda gs, g, y, x, axis, keepdims: (gs[0] * (2 if axis == -1 else 1),)),
)
bug(
    "max with keepdims wrong",
    "max",
    "constant factor|sign",
    only("max", lambda gs, g, y, x, axis, keepdims: (-gs[0] if keepdims else gs[0],)),
)

# --- precision ------------------------------------------------------------------------------------


def rounded(of: str, dtype: Any) -> Callable[..., Any]:
    def rule(g: Any, y: Any, *xs: Any, **kw: Any) -> Any:
        return tuple(None if q is None else q.astype(dtype).astype(q.dtype) for q in CORRECT[of].rule(g, y, *xs, **kw))

    return rule


bug("exp computed in float32", "exp", "float32 noise", rounded("exp", np.float32))
bug("matmul computed in float32", "matmul", "float32 noise", rounded("matmul", np.float32))
bug("layer norm computed in float32", "layer norm", "float32 noise", rounded("layer norm", np.float32))
bug("tanh returns float64 for float32", "tanh", "dtype", lambda g, y, x: (np.asarray(g * (1 - y * y), np.float64),))
bug("log returns float32 always", "log", "dtype", lambda g, y, x: (np.asarray(g / x, np.float32),))
slope_bug(
    "expm1 slope by 1 + expm1 in float16",
    "expm1",
    "float32 noise|precision|missing path|constant factor|not finite",
    lambda x: np.exp(x).astype(np.float16).astype(x.dtype),
)
slope_bug(
    "one minus cosine, wrong in float32 only",
    "one minus cosine",
    "precision",
    lambda x: np.sin(x) * (x.dtype.type(1.01) if x.dtype == np.float32 else 1),
)

# --- shape ----------------------------------------------------------------------------------------

bug("sin returns one axis more", "sin", "shape", lambda g, y, x: ((g * np.cos(x))[None],))
bug(
    "sum returns a number",
    "sum",
    "shape|missing broadcast sum",
    lambda g, y, x, axis, keepdims: (np.asarray(np.sum(g)),),
)
bug("transpose not undone", "transpose", "shape|transpose|missing broadcast sum", lambda g, y, x, axes: (g.copy(),))

# --- memory, state, linearity ---------------------------------------------------------------------


def writes_into_cotangent(g: Any, y: Any, x: Any) -> Any:
    g *= np.cos(x)
    return (g,)


def writes_into_input(g: Any, y: Any, x: Any) -> Any:
    out = g * np.cos(x)
    x *= 0.5
    return (out,)


def writes_into_output(g: Any, y: Any, x: Any) -> Any:
    np.multiply(y, y, out=y)
    return (g * (1 - y),)


_calls = np.random.default_rng(0)
_memory: dict[Any, Any] = {}


def remembered(g: Any, y: Any, x: Any) -> Any:
    """Return a result from a cache keyed by shape: stale from the second call on."""
    return (g * _memory.setdefault((x.shape, x.dtype), np.cos(x)),)


bug("sin writes into the cotangent", "sin", "mutation|layout|raises", writes_into_cotangent)
bug("sin writes into its input", "sin", "mutation|layout|raises", writes_into_input)
bug("tanh writes into its output", "tanh", "mutation|layout|raises|not finite", writes_into_output)
bug(
    "sin with a random last bit",
    "sin",
    "not deterministic",
    lambda g, y, x: (np.asarray(g * np.cos(x) * (1 + 2e-16 * _calls.integers(0, 2, x.shape)), x.dtype),),
)
bug(
    "sin answers from a stale cache",
    "sin",
    "not deterministic|missing path|constant factor|only at zero|only at ties|only at negatives|sign",
    remembered,
)
bug(
    "matmul trusts C order",
    "matmul",
    "layout",
    lambda g, y, a, b: (g @ (b if b.flags.c_contiguous else np.reshape(b.ravel(order="K"), b.shape)).T, a.T @ g),
)
bug(
    "cumsum trusts contiguous memory",
    "cumsum",
    "layout|raises",
    lambda g, y, x, axis: CORRECT["cumsum"].rule(g if g.flags.c_contiguous else g * 0, y, x, axis),
)
bug(
    "exp clips the cotangent",
    "exp",
    "not linear|constant factor|missing path",
    lambda g, y, x: (np.clip(g, -1, 1) * y,),
)
bug(
    "sin squares the cotangent",
    "sin",
    "not linear|sign|constant factor|missing path",
    lambda g, y, x: (g * np.abs(g) * np.cos(x),),
)
bug(
    "sin normalises the cotangent",
    "sin",
    "not linear|constant factor|missing path|not finite",
    lambda g, y, x: (g / np.abs(g) * np.cos(x),),
)
bug(
    "sin adds a constant",
    "sin",
    "not linear|missing path|constant factor",
    lambda g, y, x: (g * np.cos(x) + x.dtype.type(1e-3),),
)
bug("matmul raises for one row", "matmul", "raises", lambda g, y, a, b: (g @ b.T, a.T @ g) if len(a) > 1 else 1 // 0)
bug(
    "conv1d gives NaN for one window",
    "conv1d",
    "not finite",
    lambda g, y, x, w, stride: tuple(q if g.size > 1 else q * np.nan for q in p.conv1d_rule(g, y, x, w, stride)),
)

# --- complex --------------------------------------------------------------------------------------

bug("complex square not conjugated", "complex square", "conjugate", lambda g, y, z: (g * 2 * z,))
bug("squared modulus conjugated", "squared modulus", "conjugate", lambda g, y, z: (2 * g * np.conj(z),))
bug("complex exp conjugated", "complex exp", "conjugate", lambda g, y, z: (np.conj(g) * y,))
bug("squared modulus without the 2", "squared modulus", "constant factor", lambda g, y, z: (g * z,))
bug("fft without the length", "fft", "constant factor", lambda g, y, x: (np.fft.ifft(g).real.astype(x.dtype),))
bug(
    "fft the same way",
    "fft",
    "transpose|missing path|constant factor",
    lambda g, y, x: ((np.fft.fft(g)).real.astype(x.dtype),),
)
