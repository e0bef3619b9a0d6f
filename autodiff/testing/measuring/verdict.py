"""Compare the slope that a rule claims along one direction with the slope of the function.

Here: `compare`, which sets the rule's number <pullback(w), v> beside the measured d/dt <w, f(x + t v)> and
calls it "pass", "fail", "weak" (agrees or disagrees, but the function is too noisy there to prove it) or
"unresolved". Never here: the choice of inputs, the property that is checked, and any tolerance set by hand.

The idea: the tolerance is 4 x the error of the measurement, plus the rounding of the inner product, plus how much the
rule itself moves when its input moves by a few ulp (its own conditioning). A mismatch beyond it is not yet a failure:
the integral of the rule's slope along the direction must also differ from the change of the function, by an amount
that shrinks like the step (fundamental theorem of calculus; needs no small step, so no cancellation), or the point
must be an isolated one whose surroundings agree among themselves. At a kink the rule may give any value between the
one-sided slopes, or any mixture of the slopes found nearby (a sampled Clarke subdifferential).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autodiff.testing.measuring import constants as c
from autodiff.testing.measuring.differences import numerical_derivative, output_weights, weigh
from autodiff.testing.measuring.richardson import NEARER, Estimate, ecnoise
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject

__all__ = ["ForwardPoint", "Measured", "Point", "Verdict", "compare", "epsilon", "inner"]

Measured = dict[tuple[Any, ...], Estimate]  # by whether the measurement is thorough, and the bytes of the direction

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True)
class Verdict:
    """The outcome of one directional comparison."""

    status: str  # pass, fail, weak, unresolved
    kind: str  # smooth, kink, constant, jump, ... as the measurement saw it
    analytic: float
    estimate: Estimate
    tolerance: float
    why: str = ""
    scale: float = 0.0  # sum |g_i v_i|, the size of the terms of the inner product

    @property
    def resolution(self) -> float:
        """tolerance / derivative: the relative mistake that could hide here."""
        size = max(
            abs(self.analytic),
            abs(self.estimate.value) if math.isfinite(self.estimate.value) else 0.0,
            c.SMALL_TERM * self.scale,
        )
        return self.tolerance / size if size else 0.0


def inner(gs: Arrays, vs: Arrays) -> float:
    """Return Re <g, v> over all arrays, in double precision."""
    total = 0.0
    for g, v in zip(gs, vs):
        if g.dtype.kind == "c" or v.dtype.kind == "c":
            total += float(np.sum(np.conj(g) * v).real)
        else:
            total += float(np.sum(g.astype(np.float64, copy=False) * v.astype(np.float64, copy=False)))
    return total


def epsilon(arrays: Arrays) -> float:
    """Return the eps of the coarsest floating type among the arrays (float64 when there is none)."""
    return max([float(np.finfo(a.dtype).eps) for a in arrays if a.dtype.kind in "fc"], default=2.0**-52)


class Point:
    """A case with one set of cotangents: outputs, gradients and their conditioning, once for all directions.

    Points with the same case and cotangents may share what they measure: give them the same `measured`.
    """

    def __init__(
        self, subject: Subject, case: Case, ws: Arrays, outputs: Arrays | None = None, measured: Measured | None = None
    ) -> None:
        self.subject, self.case, self.ws = subject, case, ws
        self.measured: Measured = {} if measured is None else measured
        self.outputs = subject.outputs(case) if outputs is None else outputs
        self.weights = output_weights(tuple(ws), self.outputs)
        self.eps = max(epsilon(case.xs), epsilon(self.outputs))
        self.size = float(sum(np.sum(np.abs(w * y)) for w, y in zip(self.weights, self.outputs)))
        self.gradients = self.claims(case)
        self._nearby: list[Arrays] | None = None
        self.shifts = [s * self.eps * k for k in c.ULPS_OF_MOVES for s in (1, -1)]

    def claims(self, case: Case) -> Arrays:
        """Return the result of the rule at a case."""
        return self.subject.gradients(case, [w.copy() for w in self.ws])

    def slope(self, case: Case, vs: Arrays) -> float:
        """Return the slope the rule claims along a direction, at any case."""
        return inner(self.gradients if case is self.case else self.claims(case), vs)

    def scale(self, vs: Arrays) -> float:
        """Return the size of the terms of the inner product."""
        return float(sum(np.sum(np.abs(g * v)) for g, v in zip(self.gradients, vs)))

    def along(self, case: Case) -> float:
        """Return <w, f> at another case."""
        return weigh(self.weights, self.subject.outputs(case))

    def shifted(self, s: float) -> Case:
        """Return the case with every input multiplied by 1 + s."""
        return self.case.moved([np.asarray(x * x.dtype.type(1 + s)) for x in self.case.xs])

    @property
    def nearby(self) -> list[Arrays]:
        """Gradients at inputs a few ulp away."""
        if self._nearby is None:
            self._nearby = []
            for s in self.shifts:
                try:
                    self._nearby.append(self.claims(self.shifted(s)))
                except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                    continue
        return self._nearby

    def jitter(self, vs: Arrays) -> float:
        """Return the change of the rule's own number under rounding of its input."""
        return _moves(inner(self.gradients, vs), [inner(gs, vs) for gs in self.nearby])


class ForwardPoint(Point):
    """The same for a forward derivative: its claim is <w, J v>, computed anew for each direction."""

    def claims(self, case: Case) -> Arrays:
        return []

    def tangents(self, case: Case, vs: Arrays) -> Arrays:
        """Return J v, one array per output."""
        assert self.subject.forward_mode is not None
        return [
            np.zeros(w.shape) if t is None else np.asarray(t)
            for t, w in zip(self.subject.forward_mode(case, vs), self.ws, strict=True)
        ]

    def slope(self, case: Case, vs: Arrays) -> float:
        return weigh(self.weights, self.tangents(case, vs))

    def scale(self, vs: Arrays) -> float:
        return float(sum(np.sum(np.abs(w * t)) for w, t in zip(self.weights, self.tangents(self.case, vs))))

    def jitter(self, vs: Arrays) -> float:
        return _moves(self.slope(self.case, vs), [self.slope(self.shifted(s), vs) for s in self.shifts])


def _moves(here: float, nearby: list[float]) -> float:
    """Return the second smallest of the changes from a number to those nearby.

    Where those nearby agree among themselves and `here` alone differs, the rule has another result at this very point
    (0 at whole numbers, say). That is no rounding; the differences among those nearby are.
    """
    moves = sorted(m if math.isfinite(m) else math.inf for m in (abs(there - here) for there in nearby))
    if len(moves) < 2 or not math.isfinite(moves[1]):
        return 0.0
    spread = max(nearby) - min(nearby)
    return spread if moves[0] > c.ALONE * spread else moves[1]


def compare(point: Point, vs: Arrays, thorough: bool = False) -> Verdict:
    """Return the verdict on one direction.

    Args:
        point: the case, its cotangents and the result of the rule there.
        vs: one direction array per differentiated argument.
        thorough: measure on the full ladder at once; a mismatch always does.
    """
    with np.errstate(all="ignore"):
        if not math.isfinite(point.size):
            return Verdict(
                "unresolved", "not finite", math.nan, _UNMEASURED, math.inf, "the function is not finite here"
            )
        verdict = _judge(point, vs, thorough)
        if verdict.status in ("fail", "weak", "unresolved") and not thorough:
            verdict = _judge(point, vs, True)
        if (
            verdict.status == "fail"
            and math.isfinite(verdict.analytic)
            and not verdict.why.startswith(("confirmed", "the rule's numbers"))
        ):
            if _in_clarke_hull(point, vs, verdict):
                one_side = verdict.estimate.kind == "flat" or verdict.estimate.method.endswith(NEARER)
                status = "unresolved" if one_side else "pass"  # the line itself crosses no kink at x
                return replace(verdict, status=status, kind="kink", why="a slope found nearby")
        return verdict


_UNMEASURED = Estimate(math.nan, math.inf, math.nan, "unresolved", (-math.inf, math.inf), "not measured", 0)


def _measure(point: Point, vs: Arrays, thorough: bool) -> Estimate:
    key = (thorough, *[v.tobytes() for v in vs])
    if key not in point.measured:
        f, xs, ws = point.subject.at(point.case), tuple(point.case.xs), tuple(point.ws)
        point.measured[key] = numerical_derivative(f, xs, tuple(vs), ws, thorough=thorough)
    return point.measured[key]


def _judge(point: Point, vs: Arrays, thorough: bool) -> Verdict:
    analytic, scale = point.slope(point.case, vs), point.scale(vs)
    estimate = _measure(point, vs, thorough)
    return _judge_number(estimate, analytic, scale, point, vs, thorough)


def _judge_kink(verdict: Callable[..., Verdict], estimate: Estimate, analytic: float, tolerance: float) -> Verdict:
    """Return the verdict on a slope at a kink: it must lie between the one-sided slopes."""
    low, high = estimate.interval
    if not math.isfinite(analytic):
        return verdict("fail", tolerance, "not finite at a kink with finite one-sided slopes")
    inside = low - tolerance <= analytic <= high + tolerance
    return verdict("pass" if inside else "fail", tolerance, "" if inside else "outside the one-sided slopes")


def _judge_number(
    estimate: Estimate, analytic: float, scale: float, point: Point, vs: Arrays, thorough: bool
) -> Verdict:
    """Return the verdict on a claimed slope, given the measurement."""
    eps, kind = point.eps, estimate.kind
    rounding = (
        c.INNER_PRODUCT * eps * math.sqrt(point.case.size + sum(w.size for w in point.ws)) * scale
        if math.isfinite(scale)
        else 0.0
    )

    def verdict(status: str, tolerance: float, why: str = "") -> Verdict:
        return Verdict(status, kind, analytic, estimate, tolerance, why, scale if math.isfinite(scale) else 0.0)

    if kind in ("unresolved", "jump"):
        return verdict("unresolved", math.inf, estimate.method)
    if kind == "kink":
        return _judge_kink(verdict, estimate, analytic, estimate.error + 2 * rounding)
    if not math.isfinite(analytic):
        return verdict(
            "fail" if thorough else "weak", estimate.error, "not finite where the function has a finite slope"
        )
    tolerance = c.ERRORS * estimate.error + rounding
    if kind in ("constant", "flat"):
        return _judge_constant(verdict, point, vs, estimate, analytic, rounding)
    if abs(estimate.value - analytic) > tolerance or not thorough:
        tolerance += c.MOVES * point.jitter(vs)
    size = max(abs(estimate.value), abs(analytic), c.SMALL_TERM * scale if math.isfinite(scale) else 0.0)
    if abs(estimate.value - analytic) <= tolerance:
        sharp = tolerance <= eps**c.SHARP * size or abs(estimate.value) + tolerance < c.NOTHING or scale == 0
        return verdict(
            "pass" if sharp else "weak", tolerance, "" if sharp else "agrees, but the function is too noisy to prove it"
        )
    if estimate.differences is not None:
        # the complex step has none of the rounding that the function has; the rule may have as much
        return _judge_number(estimate.differences, analytic, scale, point, vs, thorough)
    if not thorough:
        return verdict("weak", tolerance, "to be measured again")
    integral = path_integral(point, vs)
    if integral is False:
        return verdict("fail", tolerance, "confirmed by path integral")
    around, error = estimate.coarse or (analytic, 0.0)
    if abs(around - analytic) > c.ERRORS * error + tolerance + c.BEYOND_SURROUNDINGS * size:
        return verdict("fail", tolerance, "differs from its surroundings, which agree among themselves")
    if abs(estimate.value - analytic) > c.NO_ACCIDENT * tolerance and _coarsely_rounded(point, vs):
        return verdict("fail", tolerance, "the rule's numbers are rounded to a lower precision than the function's")
    return verdict("weak", tolerance, "differs, but the path integral does not confirm it")


def _coarsely_rounded(point: Point, vs: Arrays) -> bool:
    """Return whether every number of the gradient is exactly one of a lower precision, and changes by no more than its
    last place when the input changes by an ulp. A sum of terms that cancel has as few digits, but changes by more.
    """
    here, scale = inner(point.gradients, vs), point.scale(vs)
    for low in (np.float32, np.float16):
        last = float(np.finfo(low).eps)
        if point.eps < last and point.gradients:
            entries = np.concatenate([g.ravel() for g in point.gradients])
            entries = entries[entries != 0]
            if (
                entries.size
                and entries.dtype.kind == "f"
                and np.array_equal(entries.astype(low).astype(entries.dtype), entries)
                and all(abs(inner(gs, vs) - here) <= last * scale for gs in point.nearby)
            ):
                return True
    return False


def _judge_constant(
    verdict: Callable[..., Verdict], point: Point, vs: Arrays, estimate: Estimate, analytic: float, rounding: float
) -> Verdict:
    """Return the verdict where no displaced point changes the value: the slope must be too small to show."""
    tolerance = c.ERRORS * estimate.interval[1] + rounding + c.MOVES * point.jitter(vs)
    if abs(analytic) <= tolerance:
        return verdict("pass", tolerance)
    if abs(analytic) <= estimate.error:
        return verdict("weak", tolerance, "a slope too small to show")
    return verdict("fail", tolerance, "the function does not move along this direction")


def path_integral(point: Point, vs: Arrays) -> bool | None:
    """Return whether the slope of the rule, integrated along the direction, is the change of the function.

    Returns:
        True: it is. False: it is not, and the difference shrinks like the step, so the slope itself is wrong (a jump of
        the function leaves a difference that does not shrink). None: the noise is too large to decide.
    """
    case, eps = point.case, point.eps

    def moved(t: float) -> Case:
        return case.moved([np.asarray(x + x.dtype.type(t) * v) for x, v in zip(case.xs, vs)])

    def value(t: float, of: Callable[[Case], float] = point.along) -> float:
        try:
            return of(moved(t))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return math.nan

    def slope(t: float) -> float:
        return value(t, lambda case: point.slope(case, vs))

    # the two narrowest steps that show anything decide; each costs dozens of calls of the rule
    lengths = [2.0**-k for k in reversed(c.PATH_STEPS[c.precision_name(eps)])]
    shown = (m for h in lengths if (m := _path_mismatch(value, slope, h, point.size, eps)) is not None)
    narrow, near = next(shown, (0.0, math.nan))
    if near == 0:
        return True
    wide, far = next(shown, (0.0, 0.0))
    return False if far and near < c.SHRINKING * far * narrow / wide else None


def _path_mismatch(
    value: Callable[[float], float], slope: Callable[[float], float], h: float, size: float, eps: float
) -> tuple[float, float] | None:
    """Return (step, |integral - change|), with 0 for an agreement; None when the noise hides the difference."""
    change = value(h) - value(-h)
    if not math.isfinite(change):
        return None
    whole = h * sum(w * slope(h * a) for a, w in zip(_NODES, _WEIGHTS))
    halves = sum(h / 2 * sum(w * slope(h / 2 * (a + s)) for a, w in zip(_NODES, _WEIGHTS)) for s in (-1, 1))
    if not (math.isfinite(whole) and math.isfinite(halves)):
        return None
    noise = 0.0
    for spread in (spread_of(eps) for spread_of in c.PATH_SPREADS[c.precision_name(eps)]):
        if spread < c.WIDEST_SPREAD:
            spaced = [value(h * (1 + k * spread)) - value(-h * (1 + k * spread)) for k in range(6)]
            level = ecnoise(np.array(spaced))
            noise = max(noise, level if math.isfinite(level) else 0.0)
    tolerance = c.PATH_QUADRATURE * abs(whole - halves) + c.PATH_ROUNDING * eps * size + c.PATH_NOISE * noise
    if c.precision_name(eps) != "float64":  # the rule's own rounding is no longer negligible beside the quadrature's
        tolerance += c.INNER_PRODUCT * eps * max(abs(halves), abs(change))
    mismatch = abs(halves - change)
    clear = tolerance <= max(c.CLEAR_CHANGE, eps**0.5) * max(abs(change), abs(halves))
    if mismatch <= tolerance:
        return (h, 0.0) if change == 0 or clear else None
    return (h, mismatch) if clear else None


def _in_clarke_hull(point: Point, vs: Arrays, verdict: Verdict) -> bool:
    """Return whether the slope of the rule is a mixture of the slopes at random points nearby, at each of several
    distances.

    A kink at some distance from x has its slopes in a wide neighbourhood and not in a narrow one.
    """
    for away, h in c.HULL_RADII[c.precision_name(point.eps)]:
        here = _slopes_around(point, vs, away, h)
        slack = verdict.tolerance + c.NEIGHBOUR_ROUNDING * point.eps * point.size / h
        if verdict.kind == "kink":
            slack += c.KINK_SLACK * max(abs(verdict.analytic), abs(verdict.estimate.value))
        if not here or not min(here) - slack <= verdict.analytic <= max(here) + slack:
            return False
    return True


def _slopes_around(point: Point, vs: Arrays, away: float, h: float) -> list[float]:
    """Return slopes along a direction by one difference, at random points within a relative distance."""
    case, slopes = point.case, []
    for k in range(c.NEIGHBOURS):
        rng = np.random.default_rng(k)
        moves = [np.where(x == 0, 1.0, np.abs(x)) * rng.uniform(-1, 1, x.shape) for x in case.xs]
        try:
            ends = [
                point.along(
                    case.moved(
                        [np.asarray((x + away * u + s * h * v).astype(x.dtype)) for x, u, v in zip(case.xs, moves, vs)]
                    )
                )
                for s in (1, -1)
            ]
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            continue
        if math.isfinite(ends[0] - ends[1]):
            slopes.append((ends[0] - ends[1]) / (2 * h))
    return slopes
