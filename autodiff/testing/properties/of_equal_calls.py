"""Checks that call the same derivative in another form: precision, broadcasting, layout, aliasing (P07, P13 to P15,
P23).

The result must be the same up to the conditioning of the rule, which is measured by moving the inputs by a few ulp of
the precision in question, never assumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from autodiff.testing.measuring import constants as c
from autodiff.testing.measuring.differences import power_of_two_direction
from autodiff.testing.measuring.verdict import Point, compare
from autodiff.testing.properties.table import Context, Finding, check
from autodiff.testing.subjects.function_under_test import Arrays, Case

__all__ = ["close_enough", "floor", "values_differ"]


def close_enough(a: Arrays, b: Arrays, ctx: Context, sizes: list[float] | None = None) -> int | None:
    """Return the first gradient whose entries differ by more than rounding and conditioning explain, or None."""
    spread, eps = spreads(ctx), ctx.point.eps
    for i, (p, q) in enumerate(zip(a, b)):
        if p.shape != q.shape:
            return i
        size = float(np.max(np.abs(p), initial=0.0)) + (sizes[i] if sizes else 0.0)
        if not math.isfinite(size) or not math.isfinite(spread[i]):
            continue
        if not np.all(np.abs(p - q) <= c.EQUAL_ROUNDING * eps * size + c.EQUAL_MOVES * spread[i] + floor(ctx, i, eps)):
            return i
    return None


def floor(ctx: Context, i: int, eps: float, factor: float = c.CANCELLED) -> float:
    """Return the rounding error of the function's terms in gradient i where they cancel to nothing. The function varies
    over a length of 1, or of x where that is shorter."""
    largest = float(np.max(np.abs(ctx.case.xs[i]), initial=0.0))
    return factor * eps * ctx.point.size / (min(largest, 1.0) or 1.0) + 1e-300


def spreads(ctx: Context) -> list[float]:
    """Return how far each gradient moves when the inputs move by a few ulp."""
    moves = []
    for i, g in enumerate(ctx.point.gradients):
        around = [
            float(np.max(np.abs(near[i] - g), initial=0.0)) for near in ctx.point.nearby if near[i].shape == g.shape
        ]
        moves.append(max([m if math.isfinite(m) else math.inf for m in around], default=0.0))
    return moves


@check("P05")
def cotangents_add(ctx: Context) -> Iterator[Finding]:
    """Compare pullback(u) + pullback(w - u) with pullback(w), where u keeps a random half of w's entries."""
    if ctx.subject.reverse is None or not ctx.finite or sum(w.size for w in ctx.ws) < 2:
        return
    rng = ctx.rng("P05")
    masks = [rng.random(w.shape) < 0.5 for w in ctx.ws]
    with np.errstate(all="ignore"):
        part = ctx.subject.gradients(ctx.case, [np.where(m, w, 0.0) for m, w in zip(masks, ctx.ws)])
        rest = ctx.subject.gradients(ctx.case, [np.where(m, 0.0, w) for m, w in zip(masks, ctx.ws)])
    total = [a + b for a, b in zip(part, rest)]
    # the parts may be large and cancel: their sizes count as the size of the sum
    sizes = [float(np.max(np.abs(a), initial=0.0)) + float(np.max(np.abs(b), initial=0.0)) for a, b in zip(part, rest)]
    wrong = close_enough(ctx.point.gradients, total, ctx, sizes)
    ctx.tally.add("P05", "pass" if wrong is None else "fail")
    if wrong is not None:
        yield ctx.finding("P05", f"gradient {wrong} for u + w is not the sum of the two", cotangent=ctx.ws)


@check("P07")
def outputs_without_a_cotangent_count_as_zero(ctx: Context) -> Iterator[Finding]:
    """Check that the gradients of each output alone add up to the gradients of all."""
    if ctx.subject.reverse is None or not ctx.finite or len(ctx.outputs) < 2:
        return
    total: Arrays | None = None
    with np.errstate(all="ignore"):
        for k in range(len(ctx.outputs)):
            ws = [w.copy() if j == k else np.zeros_like(w) for j, w in enumerate(ctx.ws)]
            gs = ctx.subject.gradients(ctx.case, ws)
            total = gs if total is None else [a + b for a, b in zip(total, gs)]
    assert total is not None
    wrong = close_enough(ctx.point.gradients, total, ctx)
    ctx.tally.add("P07", "pass" if wrong is None else "fail")
    if wrong is not None:
        yield ctx.finding(
            "P07", f"gradient {wrong} of all outputs is not the sum over single outputs", cotangent=ctx.ws
        )


@check("P13")
def lower_precision_agrees(ctx: Context) -> Iterator[Finding]:
    """Compare the rule in float32 and float16 with the rule in float64 at the very same numbers.

    They may differ by rounding (some hundred eps of the lower precision), and by the conditioning of function and rule,
    which is measured by moving the inputs by a few ulp of the lower precision. An overflow of the lower precision
    proves nothing.
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
    """Return whether all numbers are far enough from the ends of the exponent range that squares and quotients fit."""
    limit = float(np.finfo(dtype).max) ** 0.25
    sizes = np.abs(np.concatenate([x.ravel() for x in xs])).astype(np.float64)
    return bool(np.all((sizes == 0) | ((sizes < limit) & (sizes > 1 / limit))))


def _low_precision_mismatch(
    ctx: Context, exact: Arrays, got: Arrays, low: Case, high: Case, ws: Arrays, eps: float
) -> tuple[int, float, float] | None:
    shape_ok = all(a.shape == b.shape for a, b in zip(exact, got))
    if not shape_ok or all(_near(a, b, eps) for a, b in zip(exact, got)):
        return None
    rng = ctx.rng("P13")
    spread = [np.zeros(a.shape) for a in exact]
    for k in range(12):  # this runs only where a mistake is likely, so it may take time
        for case, here in ((low, got), (high, exact)):
            step = eps * 2.0 ** (k % 4)
            moved = case.moved(
                [np.asarray((x * (1 + step * rng.uniform(-1, 1, x.shape))).astype(x.dtype)) for x in case.xs]
            )
            try:
                there = ctx.subject.gradients(moved, ws)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                continue
            spread = [np.maximum(w, np.abs(p.astype(np.complex128) - q)) for w, p, q in zip(spread, there, here)]
    around = _sizes_around(ctx, high, ws, exact)
    for i, (a, b) in enumerate(zip(exact, got)):
        size = float(np.max(np.abs(a), initial=0.0))
        if not np.isfinite(a).all() or size > 0.1 * _largest(eps):
            continue
        allowed = (
            2**4 * eps * math.sqrt(max(a.size, 1)) * size
            + 8 * np.max(spread[i], initial=0.0)
            + floor(ctx, i, eps, 2**4)
        )
        allowed += (2**7 if eps < 1e-5 else 2**4) * eps * around[i] + _smallest(eps)
        bad = ~(np.abs(b.astype(a.dtype) - a) <= allowed) & np.isfinite(allowed)
        if bad.any():
            k = int(np.flatnonzero(bad.ravel())[0])
            if not _systematic(ctx, low, high, ws, i, k, float(np.max(allowed))):
                continue
            return i, float(np.real(b.ravel()[k])), float(np.real(a.ravel()[k]))
    return None


def _sizes_around(ctx: Context, high: Case, ws: Arrays, exact: Arrays) -> list[float]:
    """Return sizes of the terms a gradient may be made of: without the signs of the cotangent, and nearer to zero.

    Where terms cancel, or a slope is nearly 0, rounding is relative to the terms and not to the result.
    """
    sizes = [0.0] * len(exact)
    for share in (0.25, 0.5, 0.75, 1.0):
        try:
            there = ctx.subject.gradients(high.moved([np.asarray(x * share) for x in high.xs]), [np.abs(w) for w in ws])
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            continue
        for i, g in enumerate(there):
            size = float(np.max(np.abs(g), initial=0.0))
            sizes[i] = max(sizes[i], size if math.isfinite(size) else 0.0)
    return sizes


def _systematic(ctx: Context, low: Case, high: Case, ws: Arrays, i: int, k: int, allowed: float) -> bool:
    """Return whether the lower precision errs in the same direction at all points around. Cancellation inside the rule
    errs in both directions.
    """
    rng, errors = ctx.rng("P13"), []
    for _ in range(24):
        step = [1 + rng.uniform(-(2.0**-6), 2.0**-6, x.shape) for x in low.xs]
        xs = [(x * s).astype(x.dtype) for x, s in zip(low.xs, step)]
        try:
            a = ctx.subject.gradients(low.moved(xs), ws)[i].ravel()[k]
            b = ctx.subject.gradients(high.moved([x.astype(h.dtype) for x, h in zip(xs, high.xs)]), ws)[i].ravel()[k]
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            continue
        if np.isfinite(a) and np.isfinite(b):
            errors.append(float(np.real(np.complex128(a) - np.complex128(b))))
    e = np.array(errors)
    same = max(int(np.sum(e > 0)), int(np.sum(e < 0)))
    return len(e) >= 12 and same >= len(e) - 2 and bool(np.mean(np.abs(e) > allowed) >= 0.75)


def _smallest(eps: float) -> float:
    return 6.2e-5 if eps > 1e-4 else 1.2e-38


def _largest(eps: float) -> float:
    return 65504.0 if eps > 1e-4 else 3e38


def _near(a: np.ndarray, b: np.ndarray, eps: float) -> bool:
    size = float(np.max(np.abs(a), initial=0.0))
    return bool(np.all(np.abs(a - b.astype(a.dtype)) <= 32 * eps * size)) if math.isfinite(size) else False


@check("P14")
def broadcasting_equals_explicit_broadcasting(ctx: Context) -> Iterator[Finding]:
    """Check, where a function broadcasts its inputs, that broadcasting them first and summing the gradients afterwards
    gives the same.
    """
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
        if not np.array_equal(values[0], ctx.outputs[0]) or not _broadcasts(ctx, shapes, whole):
            return  # the inputs are not elementwise operands
        try:
            summed = [_sum_to(g, s) for g, s in zip(ctx.subject.gradients(wide, ctx.ws), shapes)]
        except Exception:  # the rule refuses inputs of the full shape
            return
    wrong = close_enough(ctx.point.gradients, summed, ctx)
    if wrong is not None and not _right_at(ctx, wide):
        return  # the rule was not made for inputs of the full shape
    ctx.tally.add("P14", "pass" if wrong is None else "fail")
    if wrong is not None:
        yield ctx.finding("P14", f"gradient {wrong} is not the sum over the broadcast axes", cotangent=ctx.ws)


def _right_at(ctx: Context, case: Case) -> bool:
    vs = [power_of_two_direction(ctx.rng("P14"), x) for x in case.xs]
    return compare(Point(ctx.subject, case, ctx.ws), vs, thorough=True).status == "pass"


def _broadcasts(ctx: Context, shapes: list[tuple[int, ...]], whole: tuple[int, ...]) -> bool:
    """Return whether the function broadcasts at random values too. At zeros and ones other functions look elementwise.
    """
    rng = ctx.rng("P14")
    xs = [rng.uniform(0.25, 0.75, s).astype(x.dtype) for s, x in zip(shapes, ctx.case.xs)]
    narrow = ctx.subject.outputs(ctx.case.moved(xs))
    wide = ctx.subject.outputs(ctx.case.moved([np.broadcast_to(x, whole).copy() for x in xs]))
    return len(narrow) == len(wide) == 1 and np.array_equal(narrow[0], wide[0], equal_nan=True)


def _sum_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return np.asarray(g.sum(axis=axes, keepdims=True) if axes else g)


def _other_layout(x: np.ndarray, kind: int) -> np.ndarray:
    """Return the same numbers, read-only, in Fortran order, with gaps, or backwards in memory."""
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
    # the rest of a run lays each example out one way; where no other example comes, all three are tried
    kinds = range(3) if ctx.turn("P15", 0) else (ctx.seed % 3,)
    for kind in kinds:
        wrong = _wrong_in_layout(ctx, kind)
        ctx.tally.add("P15", "fail" if wrong else "pass")
        if wrong:
            yield ctx.finding("P15", wrong, cotangent=ctx.ws)
            return


def _wrong_in_layout(ctx: Context, kind: int) -> str | None:
    assert ctx.subject.reverse is not None
    case = ctx.case.moved([_other_layout(x, kind) for x in ctx.case.xs])
    with np.errstate(all="ignore"):
        try:
            values = ctx.subject.outputs(case)
            got = ctx.subject.gradients(case, [_other_layout(w, kind) for w in ctx.ws], values)
        except (ValueError, TypeError, IndexError) as error:
            return f"{type(error).__name__} on read-only or strided arrays: {error}"
    layout = ("Fortran order", "strided", "negative strides")[kind]
    wrong = close_enough(ctx.point.gradients, got, ctx)
    if wrong is not None:
        return f"gradient {wrong} depends on the memory layout ({layout}, read-only)"
    return f"the value depends on the memory layout ({layout}, read-only)" if values_differ(ctx, values) else None


def values_differ(ctx: Context, values: Arrays) -> bool:
    """Return whether values differ by more than rounding and than the effect of a few ulp in the inputs."""
    if all(np.array_equal(a, b, equal_nan=True) for a, b in zip(values, ctx.outputs)):
        return False
    allowed = [c.EQUAL_ROUNDING * ctx.point.eps * float(np.max(np.abs(y), initial=0.0)) for y in ctx.outputs]
    for s in ctx.point.shifts:
        near = ctx.subject.outputs(ctx.point.shifted(s))
        if any(a.shape != b.shape for a, b in zip(near, ctx.outputs)):
            return False  # the very shape of the value depends on the last bits
        moves = [float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(near, ctx.outputs)]
        allowed = [a + c.EQUAL_MOVES * m for a, m in zip(allowed, moves)]
    return any(
        a.shape != b.shape or bool(np.any(np.abs(a - b) > most)) for a, b, most in zip(values, ctx.outputs, allowed)
    )


@check("P23")
def the_same_array_twice(ctx: Context) -> Iterator[Finding]:
    """Check that two arguments that are one object give the same as two equal arrays."""
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
