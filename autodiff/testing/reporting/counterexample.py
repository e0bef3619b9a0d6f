"""Making a counterexample readable: plain cotangents and directions, and a curve to plot where there is one number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from autodiff.testing.measuring.verdict import Point, compare
from autodiff.testing.properties.table import Finding
from autodiff.testing.subjects.function_under_test import Arrays, Subject

__all__ = ["curve", "readable"]


def readable(subject: Subject, finding: Finding) -> Finding:
    """Return the same violation with ones and one-hot arrays for cotangent and direction, when they show it as well."""
    if finding.property not in ("P01", "P09", "P25") or finding.verdict is None or subject.reverse is None:
        return finding
    if finding.verdict.status != "fail":  # a kink that was only not wanted
        return finding
    outputs = subject.outputs(finding.case)

    def shown(ws: Arrays, vs: Arrays) -> Finding | None:
        verdict = compare(Point(subject, finding.case, ws, outputs), vs, thorough=True)
        if verdict.status != "fail":
            return None
        return replace(finding, cotangent=ws, direction=vs, verdict=verdict, message=verdict.why)

    ws, vs = finding.cotangent or [], finding.direction or []
    try:
        if max(sum(a.size for a in ws), finding.case.size) > _MANY:
            vs = _narrowed(vs, lambda fewer: shown(ws, fewer) is not None)
            ws = _narrowed(ws, lambda fewer: shown(fewer, vs) is not None)
            return shown(ws, vs) or finding
        return next((found for w in _plain(ws) for v in _plain(vs) if (found := shown(w, v))), finding)
    except Exception:  # a rule that fails for these numbers is no easier to read
        return finding


_MANY = 64  # entries from which a few of them are easier to read than ones everywhere


def _narrowed(arrays: Arrays, fails: Callable[[Arrays], bool]) -> Arrays:
    """Return fewer entries that still fail: half of them, again and again; and 1 for the last one if that fails too."""
    flat = np.concatenate([a.ravel() for a in arrays])

    def only(places: np.ndarray, value: Any = flat) -> Arrays:
        kept = np.zeros_like(flat)
        kept[places] = value[places]
        ends = np.cumsum([a.size for a in arrays])
        return [part.reshape(a.shape).astype(a.dtype) for part, a in zip(np.split(kept, ends), arrays)]

    places = np.flatnonzero(flat)
    while len(places) > 1:
        halves = [places[: len(places) // 2], places[len(places) // 2 :]]
        half = next((h for h in halves if fails(only(h))), None)
        if half is None:
            return only(places)
        places = half
    one = only(places, np.ones_like(flat))
    return one if fails(one) else only(places)


def _plain(arrays: Arrays) -> Iterator[Arrays]:
    """Yield all ones, then single ones, at most eight."""
    yield [np.ones_like(a) for a in arrays]
    total = sum(a.size for a in arrays)
    for k in range(min(total, 8) if total > 1 else 0):
        place, out = k, []
        for a in arrays:
            one = np.zeros_like(a)
            if 0 <= place < a.size:
                one.reshape(-1)[place] = 1
            place -= a.size
            out.append(one)
        yield out


def curve(subject: Subject, finding: Finding) -> dict[str, Any] | None:
    """Return points of a function of one number around the counterexample with both slopes; None for more numbers."""
    v, case = finding.verdict, finding.case
    if v is None or case.size != 1 or finding.direction is None or case.xs[0].dtype.kind != "f":
        return None
    step = float(sum(np.sum(d) for d in finding.direction))
    x = float(case.xs[0].reshape(-1)[0])
    if not step or not np.isfinite([v.analytic, v.estimate.value]).all():
        return None
    kink = v.estimate.kind == "kink"  # which has a slope on either side, and none at the point
    measured = v.estimate.interval if kink else (v.estimate.value,)
    width = max(abs(x), 1.0)
    t = np.linspace(x - width, x + width, 201)
    ws = finding.cotangent or []

    def at(p: float) -> float:
        ys = subject.outputs(case.moved([np.full(case.xs[0].shape, p, case.xs[0].dtype)]))
        return float(sum(np.sum(np.real(np.conj(w) * y)) for w, y in zip(ws, ys)))

    try:
        with np.errstate(all="ignore"):
            y = [at(p) for p in t]
            return {
                "x": x,
                "value": at(x),
                "t": t.tolist(),
                "y": y,
                "rule": v.analytic / step,
                "true": sorted(slope / step for slope in measured),
            }
    except ValueError:
        return None
