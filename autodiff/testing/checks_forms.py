"""Checks that call the same derivative in another form: precision, broadcasting, layout, aliasing (P07, P13 to P15, P23).

The result must be the same up to the conditioning of the rule, which is measured by moving the inputs by a few ulp of the
precision in question, never assumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from autodiff.testing.properties import Context, Finding, check
from autodiff.testing.subject import Arrays, Case

__all__ = ["close_enough"]


def close_enough(a: Arrays, b: Arrays, spread: list[float], eps: float) -> int | None:
    """The first array whose entries differ by more than rounding and conditioning explain, or None.

    Args:
        spread: for each array, how far its entries move under rounding of the inputs.
    """
    for i, (p, q) in enumerate(zip(a, b)):
        if p.shape != q.shape:
            return i
        size = float(np.max(np.abs(p), initial=0.0))
        if not math.isfinite(size) or not math.isfinite(spread[i]):
            continue
        if not np.all(np.abs(p - q) <= 2**12 * eps * size + 64 * spread[i] + 1e-300):
            return i
    return None


def spreads(ctx: Context) -> list[float]:
    """How far each gradient moves when the inputs move by a few ulp."""
    moves = []
    for i, g in enumerate(ctx.point.gradients):
        around = [float(np.max(np.abs(near[i] - g), initial=0.0)) for near in ctx.point.nearby if near[i].shape == g.shape]
        moves.append(max([m if math.isfinite(m) else math.inf for m in around], default=0.0))
    return moves


@check("P07")
def outputs_without_a_cotangent_count_as_zero(ctx: Context) -> Iterator[Finding]:
    """The gradients of each output alone add up to the gradients of all."""
    if ctx.subject.reverse is None or not ctx.finite or len(ctx.outputs) < 2:
        return
    total: Arrays | None = None
    with np.errstate(all="ignore"):
        for k in range(len(ctx.outputs)):
            ws = [w.copy() if j == k else np.zeros_like(w) for j, w in enumerate(ctx.ws)]
            gs = ctx.subject.gradients(ctx.case, ws)
            total = gs if total is None else [a + b for a, b in zip(total, gs)]
    assert total is not None
    wrong = close_enough(ctx.point.gradients, total, spreads(ctx), ctx.point.eps)
    ctx.tally.add("P07", "pass" if wrong is None else "fail")
    if wrong is not None:
        yield ctx.finding("P07", f"gradient {wrong} of all outputs is not the sum over single outputs", cotangent=ctx.ws)


@check("P13")
def lower_precision_agrees(ctx: Context) -> Iterator[Finding]:
    """The rule in float32 and float16 against the rule in float64 at the very same numbers.

    What may differ: rounding (some hundred eps of the lower precision), and the conditioning of function and rule, seen by
    moving the inputs by a few ulp of that precision in both precisions. An overflow of the lower precision proves nothing.
    """
    if ctx.subject.reverse is None or not ctx.finite or ctx.empty:
        return
    for dtype in ctx.options.dtypes:
        if np.dtype(dtype).itemsize >= 8:
            continue
        eps = float(np.finfo(dtype).eps)
        low = ctx.case.astype(dtype)
        high = low.astype(np.float64)
        ws = [w.astype(dtype).astype(np.float64) if w.dtype.kind == "f" else w for w in ctx.ws]
        with np.errstate(all="ignore"):
            # overflow and underflow of a narrow exponent range are not mistakes of the rule
            ys = ctx.subject.outputs(low)
            if not all(np.isfinite(y).all() for y in ys) or not _comfortable(low.xs, dtype):
                ctx.tally.add("P13", "skip")
                continue
            exact, got = ctx.subject.gradients(high, ws), ctx.subject.gradients(low, ws)
            wrong = _low_precision_mismatch(ctx, exact, got, low, high, ws, eps)
        ctx.tally.add("P13", "pass" if wrong is None else "fail")
        if wrong is not None:
            i, a, b = wrong
            yield ctx.finding("P13", f"{np.dtype(dtype)}: gradient {i} has {a!r} where float64 has {b!r}", cotangent=ws)
            return


def _comfortable(xs: Arrays, dtype: Any) -> bool:
    """Far enough from the ends of the exponent range that squares and quotients fit."""
    limit = float(np.finfo(dtype).max) ** 0.25
    sizes = np.abs(np.concatenate([x.ravel() for x in xs])).astype(np.float64)
    return bool(np.all((sizes == 0) | ((sizes < limit) & (sizes > 1 / limit))))


def _low_precision_mismatch(ctx: Context, exact: Arrays, got: Arrays, low: Case, high: Case, ws: Arrays,
                            eps: float) -> tuple[int, float, float] | None:
    shape_ok = all(a.shape == b.shape for a, b in zip(exact, got))
    if not shape_ok or all(_near(a, b, eps) for a, b in zip(exact, got)):
        return None
    hulls: list[Arrays] = []
    rng = ctx.rng("P13")
    for k in range(12):  # only a suspicion gets here, so this may cost
        for case in (low, high):
            step = eps * 2.0 ** (k % 4)
            moved = case.moved([np.asarray((x * (1 + step * rng.uniform(-1, 1, x.shape))).astype(x.dtype)) for x in case.xs])
            try:
                hulls.append(ctx.subject.gradients(moved, ws))
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                continue
    for i, (a, b) in enumerate(zip(exact, got)):
        if not (np.isfinite(a).all()) or np.abs(a).max(initial=0.0) > 0.1 * _largest(eps):
            continue
        cloud = np.array([h[i].astype(np.float64) for h in hulls if h[i].shape == a.shape] + [a])
        if not np.isfinite(cloud).all():
            continue
        spread = np.max(np.abs(cloud - a), axis=0)
        size = np.max(np.abs(a), initial=0.0)
        allowed = 2**7 * eps * math.sqrt(max(a.size, 1)) * size + 32 * np.max(spread, initial=0.0)
        bad = ~(np.abs(b.astype(np.float64) - a) <= allowed)
        if bad.any():
            k = int(np.flatnonzero(bad.ravel())[0])
            return i, float(np.real(b.ravel()[k])), float(np.real(a.ravel()[k]))
    return None


def _largest(eps: float) -> float:
    return 65504.0 if eps > 1e-4 else 3e38


def _near(a: np.ndarray, b: np.ndarray, eps: float) -> bool:
    size = float(np.max(np.abs(a), initial=0.0))
    return bool(np.all(np.abs(a - b.astype(a.dtype)) <= 32 * eps * size)) if math.isfinite(size) else False


@check("P14")
def broadcasting_equals_explicit_broadcasting(ctx: Context) -> Iterator[Finding]:
    """Where a function broadcasts its inputs, broadcasting them first and summing the gradients afterwards is the same."""
    shapes = [x.shape for x in ctx.case.xs]
    if ctx.subject.reverse is None or not ctx.finite or len(set(shapes)) < 2 or len(ctx.outputs) != 1 or ctx.empty:
        return
    try:
        whole = np.broadcast_shapes(*shapes)
    except ValueError:
        return
    if ctx.outputs[0].shape != whole:
        return
    wide = ctx.case.moved([np.broadcast_to(x, whole).copy() for x in ctx.case.xs])
    with np.errstate(all="ignore"):
        try:
            values = ctx.subject.outputs(wide)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return
        if not np.array_equal(values[0], ctx.outputs[0]):
            return  # the inputs mean something else than elementwise operands
        summed = [_sum_to(g, s) for g, s in zip(ctx.subject.gradients(wide, ctx.ws), shapes)]
    wrong = close_enough(ctx.point.gradients, summed, spreads(ctx), ctx.point.eps)
    ctx.tally.add("P14", "pass" if wrong is None else "fail")
    if wrong is not None:
        yield ctx.finding("P14", f"gradient {wrong} is not the sum over the broadcast axes", cotangent=ctx.ws)


def _sum_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return np.asarray(g.sum(axis=axes, keepdims=True) if axes else g)


def _other_layout(x: np.ndarray, kind: int) -> np.ndarray:
    """The same numbers, read-only, in Fortran order, with gaps, or backwards in memory."""
    if x.ndim >= 2 and kind == 0:
        y = np.asfortranarray(x)
        y = y.copy(order="F") if y is x else y
    elif x.ndim >= 1 and kind <= 1:
        room = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype)
        room[..., ::2] = x
        y = room[..., ::2]
    elif x.ndim >= 1:
        y = x[..., ::-1].copy()[..., ::-1]
    else:
        y = x.copy()
    y.flags.writeable = False
    return y


@check("P15")
def layout_does_not_matter(ctx: Context) -> Iterator[Finding]:
    if ctx.subject.reverse is None or not ctx.finite:
        return
    kind = ctx.seed % 3
    case = ctx.case.moved([_other_layout(x, kind) for x in ctx.case.xs])
    with np.errstate(all="ignore"):
        try:
            got = [np.zeros(x.shape) if g is None else np.asarray(g) for g, x in zip(
                ctx.subject.reverse(case, ctx.subject.outputs(case), [_other_layout(w, kind) for w in ctx.ws]), case.xs)]
        except (ValueError, TypeError, IndexError) as error:
            ctx.tally.add("P15", "fail")
            yield ctx.finding("P15", f"{type(error).__name__} on read-only or strided arrays: {error}", cotangent=ctx.ws)
            return
    wrong = close_enough(ctx.point.gradients, got, spreads(ctx), ctx.point.eps)
    ctx.tally.add("P15", "pass" if wrong is None else "fail")
    if wrong is not None:
        layout = ("Fortran order", "strided", "negative strides")[kind]
        yield ctx.finding("P15", f"gradient {wrong} depends on the memory layout ({layout}, read-only)", cotangent=ctx.ws)


@check("P23")
def the_same_array_twice(ctx: Context) -> Iterator[Finding]:
    """Two arguments that are one object give what two equal arrays give."""
    case = ctx.case
    if ctx.subject.reverse is None or len(case.wrt) < 2 or len({x.shape for x in case.xs[:2]}) > 1:
        return
    first = case.xs[0]
    twice = case.moved([first, first, *case.xs[2:]])
    copies = case.moved([first, first.copy(), *case.xs[2:]])
    with np.errstate(all="ignore"):
        try:
            ws = [w for w, y in zip(ctx.ws, ctx.subject.outputs(copies)) if w.shape == y.shape]
            if len(ws) != len(ctx.ws):
                return
            a, b = ctx.subject.gradients(twice, ws), ctx.subject.gradients(copies, ws)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return
    same = all(np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b))
    ctx.tally.add("P23", "pass" if same else "fail")
    if not same:
        yield Finding("P23", "f(x, x) with one array differs from f(x, copy of x)", twice, cotangent=ws)
