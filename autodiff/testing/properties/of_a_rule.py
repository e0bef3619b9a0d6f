"""Checks that need only a function and its derivative maps (properties P01 to P09, P12 to P18, P23, P25).

Each takes a `Context` and yields findings; each draws its randomness from the example alone. None sets a tolerance by
hand: bit-exact where the arithmetic is (powers of two commute with rounding), otherwise measured against the rule's
own conditioning.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import numpy as np

from autodiff.testing.measuring import constants as c
from autodiff.testing.measuring.differences import power_of_two_direction
from autodiff.testing.measuring.directions import directions, one_hot_pairs
from autodiff.testing.measuring.verdict import ForwardPoint, Point, Verdict, compare, epsilon, path_integral
from autodiff.testing.properties.table import Context, Finding, check
from autodiff.testing.subjects.function_under_test import Arrays, Case

__all__: list[str] = []

_EXPECTED = (ValueError, ArithmeticError, np.linalg.LinAlgError)


def record(ctx: Context, prop: str, verdict: Verdict) -> None:
    """Count a verdict under a selected property. A jump of the function is counted as skipped."""
    if prop == "P01" and _sizes_only(ctx):
        prop = "P16"
    if not ctx.includes(prop):
        return
    ctx.tally.add(prop, "skip" if verdict.kind == "jump" else verdict.status)
    if verdict.kind == "jump" or verdict.status == "unresolved":
        ctx.tally.unmeasured[verdict.kind] += 1
    if verdict.kind == "kink":
        ctx.tally.kinks += 1
    elif verdict.status in ("pass", "weak") and math.isfinite(verdict.resolution):
        ctx.tally.resolutions.append(verdict.resolution)


def finding_of(ctx: Context, prop: str, verdict: Verdict, ws: Arrays, vs: Arrays, name: str = "") -> Finding:
    if not math.isfinite(verdict.analytic):
        prop = "P25" if prop == "P01" else prop
    elif prop == "P01" and (verdict.kind == "kink" or (name == "tie-preserving" and _has_ties(ctx.case))):
        prop = "P09"
    if prop == "P01" and _sizes_only(ctx):
        prop = "P16"
    return ctx.finding(prop, verdict.why, cotangent=ws, direction=vs, verdict=verdict)


def _sizes_only(ctx: Context) -> bool:
    """Return whether a wrong slope counts against size 1: only where slopes themselves are not selected."""
    return ctx.includes("P16") and not ctx.includes("P01") and any(1 in (x.size, *x.shape) for x in ctx.case.xs)


def _has_ties(case: Case) -> bool:
    values = np.concatenate([x.ravel() for x in case.xs])
    return bool(np.unique(values).size < values.size)


@check("P01", "P09", "P16", "P25")
def reverse_against_numerical(ctx: Context) -> Iterator[Finding]:
    """Check the rule's slope along several directions, then of single outputs along single inputs."""
    if ctx.subject.reverse is None or not ctx.finite or ctx.empty:
        return
    if not (ctx.includes("P01", "P09", "P25") or _sizes_only(ctx)):
        return
    rng, point, xs = ctx.rng("P01"), ctx.point, ctx.case.xs
    kinks = ctx.options.kinks
    met_kink = False
    for name, vs in directions(rng, xs):
        verdict = compare(point, vs)
        if verdict.kind == "kink":
            met_kink = True  # a generic cotangent mixes kinks of several outputs: they are measured singly below
            if kinks == "error":
                yield finding_of(ctx, "P09", verdict, ctx.ws, vs, name)
            if verdict.status == "fail" and math.isfinite(verdict.analytic):
                continue
        tied = name == "tie-preserving" and _has_ties(ctx.case)
        record(ctx, "P09" if tied or verdict.kind == "kink" else "P01", verdict)
        if verdict.status == "fail" and not (verdict.kind == "kink" and kinks == "avoid"):
            found = finding_of(ctx, "P01", verdict, ctx.ws, vs, name)
            if ctx.includes(found.property):
                yield found
                return  # one counterexample is enough, and proving a mismatch takes longest
    known: dict[bytes, Point] = {}

    def at(ws: Arrays) -> Point:
        key = b"".join(w.tobytes() for w in ws)
        if key not in known:
            known[key] = Point(ctx.subject, ctx.case, ws, ctx.outputs)
        return known[key]

    for ws, vs in one_hot_pairs(rng, xs, ctx.outputs, lambda ws: at(ws).gradients, 8 if met_kink else 2):
        verdict = compare(at(ws), vs)
        record(ctx, "P01" if verdict.kind != "kink" else "P09", verdict)
        if verdict.status == "fail" and not (verdict.kind == "kink" and kinks == "avoid"):
            found = finding_of(ctx, "P01", verdict, ws, vs)
            if ctx.includes(found.property):
                yield found
                return
    if ctx.includes("P25"):
        ctx.tally.add("P25", "pass")  # a gradient that is not finite would have failed above
    if ctx.includes("P16") and ctx.includes("P01") and any(x.size == 1 for x in xs):
        ctx.tally.add("P16", "pass")


@check("P02")
def forward_against_numerical(ctx: Context) -> Iterator[Finding]:
    if ctx.subject.forward_mode is None or not ctx.finite or ctx.empty:
        return
    point = ForwardPoint(ctx.subject, ctx.case, ctx.ws, ctx.outputs, ctx.measured)
    for name, vs in directions(ctx.rng("P01"), ctx.case.xs)[:3]:  # those of P01: one measurement judges both modes
        verdict = compare(point, vs)
        if verdict.kind == "kink" and verdict.status == "fail":
            continue
        record(ctx, "P02", verdict)
        if verdict.status == "fail":
            yield finding_of(ctx, "P02", verdict, ctx.ws, vs, name)
            return


@check("P03")
def forward_is_adjoint_to_reverse(ctx: Context) -> Iterator[Finding]:
    """Check that <w, J v> and <J^T w, v> are two roundings of one number."""
    if ctx.subject.forward_mode is None or ctx.subject.reverse is None or not ctx.finite or ctx.empty:
        return
    with np.errstate(all="ignore"):
        forward = ForwardPoint(ctx.subject, ctx.case, ctx.ws, ctx.outputs, ctx.measured)
        vs = [power_of_two_direction(ctx.rng("P03"), x) for x in ctx.case.xs]
        a, b = forward.slope(ctx.case, vs), ctx.point.slope(ctx.case, vs)
        if not (math.isfinite(a) and math.isfinite(b)):
            ctx.tally.add("P03", "skip")
            return
        terms = forward.scale(vs) + ctx.point.scale(vs)
        many = ctx.case.size + sum(w.size for w in ctx.ws)
        # terms that cancel inside either sweep may be as large as the weights times the direction
        inside = max(float(np.max(np.abs(w), initial=0.0)) for w in ctx.ws) * sum(float(np.sum(np.abs(v))) for v in vs)
        tolerance = c.ADJOINT * ctx.point.eps * (math.sqrt(many) * terms + ctx.point.size + inside)
        if abs(a - b) > tolerance:
            tolerance += c.ADJOINT_MOVES * (forward.jitter(vs) + ctx.point.jitter(vs))
    wrong = abs(a - b) > tolerance and not _kinked_between(ctx, vs)
    if wrong and abs(a - b) <= c.ADJOINT_SMALL * terms:
        # perhaps rounding inside the function that no move of its inputs shows (a constant matrix that is ill
        # conditioned, a step in float32): the function itself decides
        wrong = any(compare(point, vs, thorough=True).status == "fail" for point in (forward, ctx.point))
    ctx.tally.add("P03", "fail" if wrong else "pass")
    if wrong:
        yield ctx.finding(
            "P03", f"forward gives {a!r}, reverse gives {b!r} (+- {tolerance:.1e})", cotangent=ctx.ws, direction=vs
        )


def _kinked_between(ctx: Context, vs: Arrays) -> bool:
    """Return whether there is a kink or a jump, where forward and reverse mode may give different slopes."""
    return compare(ctx.point, vs, thorough=True).kind in ("kink", "jump", "unresolved")


def _gradients(ctx: Context, ws: Arrays) -> Arrays:
    with np.errstate(all="ignore"):
        return ctx.subject.gradients(ctx.case, [w.copy() for w in ws])


@check("P04")
def scaling_the_cotangent_scales_the_gradient(ctx: Context) -> Iterator[Finding]:
    """Check that scaling the cotangent by a power of two scales the gradient, bit for bit: it commutes with rounding.

    Large and small factors show a rule that clips, or that adds a constant to avoid a division by zero.
    """
    if ctx.subject.reverse is None or not ctx.finite:
        return
    plain = ctx.point.gradients
    moderate = _moderate([*ctx.case.xs, *ctx.outputs, *plain])
    room = 2.0 ** c.SCALING_ROOM[c.precision_name(ctx.point.eps)]
    for factor in (-2.0, room, -1 / room):
        for i, (a, b) in enumerate(zip(plain, _gradients(ctx, [np.asarray(factor * w) for w in ctx.ws]))):
            finite = np.isfinite(a).all() and np.isfinite(b).all()
            kind = np.finfo(a.dtype) if a.dtype.kind in "fc" else np.finfo(np.float64)
            # subnormal numbers do not scale exactly, and terms may be smaller than their sum
            normal = np.abs(a) > float(kind.tiny) * 2.0**8 * room**2
            # a number times a small factor, or times -2 where all are of moderate size, cannot overflow
            lost = abs(factor) <= 2 and moderate and bool(np.any(np.isfinite(a) & ~np.isfinite(b)))
            if (lost or finite) and a.shape == b.shape and not np.array_equal(b[normal], factor * a[normal]):
                ctx.tally.add("P04", "fail")
                yield ctx.finding(
                    "P04", f"gradient {i} for {factor:g} w is not {factor:g} x the gradient for w", cotangent=ctx.ws
                )
                return
    ctx.tally.add("P04", "pass")


def _moderate(arrays: Arrays) -> bool:
    """Return whether all sizes are far from the largest and the smallest number."""
    sizes = [np.abs(a[a != 0]).astype(np.float64) for a in arrays]
    limit = min(float(np.finfo(a.dtype).max) for a in arrays if a.dtype.kind in "fc") ** 0.25
    return all(bool(np.all((s < limit) & (s > 1 / limit))) for s in sizes)


@check("P06")
def zero_cotangent_gives_zeros(ctx: Context) -> Iterator[Finding]:
    if ctx.subject.reverse is None or not ctx.finite:
        return
    for i, g in enumerate(_gradients(ctx, [np.zeros_like(w) for w in ctx.ws])):
        if np.any(g != 0):
            ctx.tally.add("P06", "fail")
            what = "NaN" if np.isnan(g).any() else "a non-zero number"
            yield ctx.finding(
                "P06", f"gradient {i} for a zero cotangent holds {what}", cotangent=[np.zeros_like(w) for w in ctx.ws]
            )
            return
    ctx.tally.add("P06", "pass")


@check("P08")
def integral_along_a_path(ctx: Context) -> Iterator[Finding]:
    """Check, in one example of sixteen, that the integral of the rule's slope is the change of the function."""
    rng = ctx.rng("P08")
    if ctx.subject.reverse is None or not ctx.finite or ctx.empty or not ctx.turn("P08", 1 / 16):
        return
    vs = [power_of_two_direction(rng, x) for x in ctx.case.xs]
    with np.errstate(all="ignore"):
        agrees = path_integral(ctx.point, vs)
    if agrees is False:
        verdict = compare(ctx.point, vs, thorough=True)  # the quadrature is wrong across a kink: compare slopes
        if verdict.status == "fail":
            ctx.tally.add("P08", "fail")
            yield ctx.finding(
                "P08",
                "the integral of the slope is not the change of the function",
                cotangent=ctx.ws,
                direction=vs,
                verdict=verdict,
            )
            return
    ctx.tally.add("P08", "pass" if agrees else "skip")


@check("P12", "P16")
def gradients_have_the_inputs_shape_and_dtype(ctx: Context) -> Iterator[Finding]:
    where = "P16" if ctx.empty else "P12"
    if ctx.subject.reverse is None or not ctx.includes(where):
        return
    for dtype in (np.float64, *ctx.options.dtypes):
        case = ctx.case.astype(dtype)
        with np.errstate(all="ignore"):
            outputs = ctx.subject.outputs(case)
            if ctx.options.keeps_dtype and any(_wider(y, case) for y in outputs):
                ctx.tally.add(where, "fail")
                yield ctx.finding(where, f"the function turns {np.dtype(dtype)} into {outputs[0].dtype}")
                return
            got = ctx.subject.reverse(case, outputs, [w.copy() for w in ctx.ws])
        for i, (g, x) in enumerate(zip(got, case.xs)):
            if g is None:
                continue
            if np.shape(g) != x.shape:
                ctx.tally.add(where, "fail")
                yield ctx.finding(where, f"gradient {i} has shape {np.shape(g)}, the input {x.shape}", cotangent=ctx.ws)
                return
            if np.asarray(g).dtype != x.dtype:
                ctx.tally.add(where, "fail")
                yield ctx.finding(
                    where, f"gradient {i} has dtype {np.asarray(g).dtype}, the input {x.dtype}", cotangent=ctx.ws
                )
                return
    ctx.tally.add(where, "pass")


def _wider(y: np.ndarray, case: Case) -> bool:
    """Return whether the result has another precision than the arguments, which share one."""
    return y.dtype.kind in "fc" and float(np.finfo(y.dtype).eps) != epsilon(
        [a for a in case.args if isinstance(a, np.ndarray)]
    )


@check("P17")
def nothing_is_mutated(ctx: Context) -> Iterator[Finding]:
    if ctx.subject.reverse is None:
        return
    case = copy.deepcopy(ctx.case)
    ws = [w.copy() for w in ctx.ws]
    with np.errstate(all="ignore"):
        outputs = ctx.subject.outputs(case)
        kept = [y.copy() for y in outputs]
        ctx.subject.reverse(case, outputs, ws)
    pairs = [("an input", a, b) for a, b in zip(_arrays(case), _arrays(ctx.case), strict=True)]
    pairs += [("the cotangent", a, b) for a, b in zip(ws, ctx.ws)] + [
        ("the output", a, b) for a, b in zip(outputs, kept)
    ]
    for what, a, b in pairs:
        if a.tobytes() != b.tobytes():
            ctx.tally.add("P17", "fail")
            yield ctx.finding("P17", f"the rule or the function writes into {what}", cotangent=ctx.ws)
            return
    ctx.tally.add("P17", "pass")


def _arrays(case: Case) -> Arrays:
    """Return all arrays of a call, the indices and masks that have no derivative included."""
    return [a for a in (*case.args, *case.kwargs.values()) if isinstance(a, np.ndarray)]


@check("P18")
def two_calls_agree(ctx: Context) -> Iterator[Finding]:
    """Check that two calls agree bit for bit, with a call at another point between them (to find a stale cache)."""
    if ctx.subject.reverse is None:
        return
    with np.errstate(all="ignore"):
        first = _gradients(ctx, ctx.ws)
        elsewhere = ctx.case.moved([np.asarray(x * x.dtype.type(0.75)) for x in ctx.case.xs])
        try:
            ctx.subject.gradients(elsewhere, [0.5 * w for w in ctx.ws])
        except _EXPECTED:
            pass
        second, values = _gradients(ctx, ctx.ws), ctx.subject.outputs(ctx.case)
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second))
    same_values = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(values, ctx.outputs))
    ctx.tally.add("P18", "pass" if same and same_values else "fail")
    if not (same and same_values):
        what = "gradients" if not same else "values"
        yield ctx.finding("P18", f"two calls with the same input give different {what}", cotangent=ctx.ws)
