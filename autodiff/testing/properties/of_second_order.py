"""Checks of derivatives of derivatives (P10, P11): the gradient is a function too, so P01 to P03 apply to it.

The map (x, w) -> pullback(w) at x is made into a subject of its own; its reverse derivative is the double backward,
its forward derivative is forward over reverse, and the numerical derivative of the recorded gradient is the oracle
for both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from autodiff.testing.measuring import constants as c
from autodiff.testing.measuring.differences import power_of_two_direction
from autodiff.testing.measuring.directions import cotangents, directions
from autodiff.testing.measuring.verdict import ForwardPoint, Measured, Point, compare
from autodiff.testing.properties.table import Context, Finding, check
from autodiff.testing.subjects.function_under_test import Arrays, Case, FunctionRaised, Subject

__all__: list[str] = []


def gradient_case(ctx: Context) -> tuple[Subject, Case] | None:
    """Return the gradient as a subject, at the example and its cotangents."""
    make = ctx.subject.extras.get("gradient")
    if make is None or not ctx.finite or ctx.empty or not all(np.isfinite(g).all() for g in ctx.point.gradients):
        return None
    args = [*ctx.case.args, *[w.astype(y.dtype, copy=False) for w, y in zip(ctx.ws, ctx.outputs)]]
    wrt = (*ctx.case.wrt, *range(len(ctx.case.args), len(args)))
    return make(ctx.case, len(ctx.ws)), Case(args, ctx.case.kwargs, wrt)


@check("P10")
def second_derivatives_against_numerical(ctx: Context) -> Iterator[Finding]:
    rng = ctx.rng("P10")
    if not ctx.turn("P10", 1 / 2):  # the slowest check: half of the examples
        return
    made = gradient_case(ctx)
    if made is None:
        return
    subject, case = made
    try:
        outputs = subject.outputs(case)
    except FunctionRaised as error:  # the first derivative was there, and cannot be differentiated
        ctx.tally.add("P10", "fail")
        yield ctx.finding("P10", f"the gradient cannot be differentiated: {error}", cotangent=ctx.ws)
        return
    ws = cotangents(rng, outputs)
    points: list[Point] = []
    measured: Measured = {}
    if subject.reverse is not None:
        points.append(Point(subject, case, ws, outputs, measured))
    if subject.forward_mode is not None:
        points.append(ForwardPoint(subject, case, ws, outputs, measured))
    for name, vs in directions(rng, case.xs)[:2]:
        for point in points:
            verdict = compare(point, vs)
            if verdict.kind in ("jump", "kink", "unresolved"):
                ctx.tally.add("P10", "skip")  # the gradient jumps where the function has a kink
                continue
            if verdict.status == "fail" and abs(verdict.analytic - verdict.estimate.value) <= _hidden(ctx, ws):
                ctx.tally.add("P10", "weak")
                continue
            ctx.tally.add("P10", verdict.status)
            if verdict.status == "fail":
                how = "forward over reverse" if isinstance(point, ForwardPoint) else "double backward"
                yield ctx.finding(
                    "P10", f"{how} along a {name} direction: {verdict.why}", cotangent=ws, direction=vs, verdict=verdict
                )
                return


def _hidden(ctx: Context, ws: Arrays) -> float:
    """Return the largest slope that rounding can hide or feign at small steps: even a small gradient is computed from
    cotangents times outputs. g (1 - tanh(x)^2) near x = 16 has 140 values, and changes smoothly with g.
    """
    largest = [
        max((float(np.max(np.abs(a), initial=0.0)) for a in arrays), default=0.0) for arrays in (ctx.ws, ctx.outputs)
    ]
    return 8 * ctx.point.eps**0.75 * math.prod(largest) * sum(float(np.sum(np.abs(w))) for w in ws)


@check("P11")
def hessian_is_symmetric(ctx: Context) -> Iterator[Finding]:
    """Check that <u, H v> = <v, H u> for the Hessian of <w, f>, in every mode."""
    rng = ctx.rng("P11")
    if not ctx.turn("P11", 1 / 2):
        return
    made = gradient_case(ctx)
    if made is None or made[0].reverse is None or any(x.dtype.kind == "c" for x in ctx.case.xs):
        return
    subject, case = made
    u, v = ([power_of_two_direction(rng, x) for x in ctx.case.xs] for _ in range(2))

    def product(at: Case, left: Arrays, right: Arrays) -> tuple[float, float]:
        got = subject.gradients(at, left)[: len(right)]
        return (
            float(sum(np.sum(g * r) for g, r in zip(got, right))),
            float(sum(np.sum(np.abs(g * r)) for g, r in zip(got, right))),
        )

    with np.errstate(all="ignore"):
        (a, size_a), (b, size_b) = product(case, u, v), product(case, v, u)
        if not (math.isfinite(a) and math.isfinite(b)):
            ctx.tally.add("P11", "skip")
            return
        eps = ctx.point.eps
        inside = sum(float(np.sum(np.abs(q))) for q in (*u, *v)) * max(
            float(np.max(np.abs(w), initial=0.0)) for w in ctx.ws
        )
        of_products, of_terms = c.SYMMETRY
        tolerance = of_products * eps * (size_a + size_b) * math.sqrt(case.size)
        tolerance += of_terms * eps * (ctx.point.size + inside)
        if abs(a - b) > tolerance:
            for s in ctx.point.shifts:
                try:
                    near = case.moved([np.asarray(x * x.dtype.type(1 + s)) for x in case.xs])
                    tolerance += c.SYMMETRY_MOVES * (abs(product(near, u, v)[0] - a) + abs(product(near, v, u)[0] - b))
                except FunctionRaised:
                    continue
    wrong = abs(a - b) > tolerance
    if wrong and any(compare(ctx.point, q, thorough=True).kind != "smooth" for q in (u, v)):
        ctx.tally.add("P11", "skip")  # no derivative here, so no second one
        return
    ctx.tally.add("P11", "fail" if wrong else "pass")
    if wrong:
        yield ctx.finding(
            "P11", f"<u, H v> = {a!r} but <v, H u> = {b!r} (+- {tolerance:.1e})", cotangent=ctx.ws, direction=v
        )
