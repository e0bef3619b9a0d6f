"""The relation of the gradient that a rule claims to the measured one, entry by entry.

A constant ratio, a sign, the same numbers in other places, the conjugate, noise of float32 size, zeros where there is a
slope: each indicates a kind of mistake. `diagnosis` combines this with the other evidence.
"""

from __future__ import annotations

import math

import numpy as np

from autodiff.testing.measuring.differences import numerical_derivative
from autodiff.testing.properties.table import Finding
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject

__all__ = ["compare_gradients", "measured_gradient", "plain_cotangents"]


def compare_gradients(subject: Subject, finding: Finding) -> tuple[str, str] | None:
    """Return the relation of the rule's gradient to the measured one, entry by entry, at the smallest example."""
    case = finding.case
    if subject.reverse is None or not 0 < case.size <= 64:
        return None
    try:
        ws = plain_cotangents(subject, case)
        with np.errstate(all="ignore"):
            claimed = subject.gradients(case, ws)
            true, error = measured_gradient(subject, case, ws)
    except Exception:  # the explanation must never hide the finding
        return None
    if any(g.shape != x.shape for g, x in zip(claimed, case.xs)):
        return "shape", "the gradient has another shape than the input"
    a, b = (np.concatenate([np.ravel(p) for p in q]) for q in (claimed, true))
    e = np.concatenate([np.ravel(p) for p in error])
    if not np.isfinite(a).all():
        if np.isfinite(b).all():
            return (
                "not finite",
                "the rule gives NaN or infinity where the function has a finite slope (an inactive branch?)",
            )
        return "not finite", "the rule gives NaN or infinity"
    if not np.isfinite(b).all():
        return None
    return _relation(a, b, e, case, claimed, true) or _branch(subject, case, ws)


def plain_cotangents(subject: Subject, case: Case) -> Arrays:
    rng = np.random.default_rng(5)
    # real weights also for complex outputs: a conjugated rule is then exactly the conjugate gradient
    return [np.asarray(rng.uniform(0.5, 2, y.shape)) for y in subject.outputs(case)]


def measured_gradient(subject: Subject, case: Case, ws: Arrays) -> tuple[Arrays, Arrays]:
    """Return the whole gradient by numerical differentiation, one entry at a time, with the error of each entry."""
    gradient, error = [], []
    for k, x in enumerate(case.xs):
        g = np.zeros(x.shape, np.complex128 if x.dtype.kind == "c" else np.float64)
        e = np.zeros(x.shape)
        for i in range(x.size):
            for unit in (1.0, 1j) if x.dtype.kind == "c" else (1.0,):
                vs = [np.zeros_like(z) for z in case.xs]
                size = 2.0 ** np.floor(np.log2(abs(x.reshape(-1)[i]))) if x.reshape(-1)[i] else 1.0
                vs[k].reshape(-1)[i] = size * unit
                found = numerical_derivative(subject.at(case), tuple(case.xs), tuple(vs), tuple(ws))
                g.reshape(-1)[i] += found.value / size * unit
                e.reshape(-1)[i] += found.error / size
        gradient.append(g)
        error.append(e)
    return gradient, error


def _relation(
    a: np.ndarray, b: np.ndarray, e: np.ndarray, case: Case, claimed: Arrays, true: Arrays
) -> tuple[str, str] | None:
    near = 16 * e + 1e-9 * max(np.max(np.abs(b), initial=0.0), 1e-300)
    wrong = np.abs(a - b) > np.minimum(near, 16 * e + 1e-12 * np.abs(b))
    if not wrong.any():
        return None
    if np.iscomplexobj(b) and np.all(np.abs(np.conj(a) - b) <= near):
        return "conjugate", "the rule gives the complex conjugate"
    relative = np.abs(a - b)[wrong] / np.maximum(np.abs(b)[wrong], 1e-300)
    ratio = a[wrong & (b != 0)] / b[wrong & (b != 0)]
    spread = np.ptp(ratio.real) if ratio.size else math.inf
    if wrong.sum() >= 2 and relative.max() < 4e-7 and spread > 1e-9:
        return "float32 noise", f"errors of relative size {relative.max():.0e}, as if computed in float32"
    if (
        ratio.size == wrong.sum()
        and abs(ratio[0]) > 1e-12
        and spread <= 1e-6 * abs(ratio[0]) + 8 * np.max(e[wrong] / np.abs(b[wrong]))
    ):
        return _factor_words(float(ratio[0].real), relative.max(), case, bool(wrong.all()))
    if np.all(a[wrong] == 0):
        return "missing path", "the rule gives 0 where the function has a slope: a path or an argument is missing"
    for g, t in zip(claimed, true):
        if (
            g.size > 1
            and not np.allclose(g, t, rtol=1e-6, atol=0)
            and np.allclose(np.sort(g.ravel()), np.sort(t.ravel()), rtol=1e-6)
        ):
            return "transpose", "the right numbers in the wrong places: a transpose, an axis or an index is mixed up"
    signs = ratio.real
    if ratio.size == wrong.sum() and np.allclose(np.abs(signs), 1, rtol=1e-6):
        return "sign", "some entries have the wrong sign"
    return None


def _factor_words(ratio: float, relative: float, case: Case, everywhere: bool) -> tuple[str, str]:
    if abs(ratio + 1) < 1e-6:
        return "sign", "the sign is wrong"
    sizes = sorted({n for x in case.xs for n in (*x.shape, x.size) if n > 1})
    if relative < 4e-7 and abs(ratio - 1) < 4e-7:
        return "float32 noise", f"off by {relative:.0e}, as if a constant were rounded to float32"
    for n in sizes:
        if (n > 2 and abs(ratio - n) < 1e-6) or (n > 2 and abs(ratio * n - 1) < 1e-6):
            return (
                "constant factor",
                f"off by a factor of {ratio:.4g}: a division by the axis length {n} missing or one too many?",
            )
    hint = {2.0: "a missing term of a sum, or a factor 2?", 0.5: "a factor 1/2, or one of two equal paths missing?"}
    near = next((v for k, v in hint.items() if abs(ratio - k) < 1e-5), "")
    where = "" if everywhere else " in some entries"
    return "constant factor", f"off by a factor of {ratio:.6g}{where}" + (f": {near}" if near else "")


def _branch(subject: Subject, case: Case, ws: Arrays) -> tuple[str, str] | None:
    """Return the missing transpose, where the rule is right for symmetric matrices; otherwise the missing term."""
    squares = [x.ndim >= 2 and x.shape[-1] == x.shape[-2] and x.shape[-1] > 1 for x in case.xs]
    if any(squares):
        even = case.moved([_symmetric(x) if s else x for x, s in zip(case.xs, squares)])
        even_ws = [_symmetric(w) if w.ndim >= 2 and w.shape[-1] == w.shape[-2] else w for w in ws]
        claimed, (true, error) = subject.gradients(even, even_ws), measured_gradient(subject, even, even_ws)
        if all(
            np.all(np.abs(_symmetric(a) - _symmetric(b)) <= 32 * np.max(e) + 1e-7 * np.max(np.abs(b)))
            for a, b, e, s in zip(claimed, true, error, squares)
            if s
        ):
            return "transpose", "right for symmetric matrices only: a transpose is missing"
    return None


def _symmetric(x: np.ndarray) -> np.ndarray:
    return (x + np.swapaxes(x, -1, -2)) / 2
