"""The kind of a mistake: a small classifier over the rule's gradient beside the measured one.

Evidence, in this order: the violated property itself (a shape, a write, two different results); the
feature without which failing examples become right (ties, zeros, negatives, an axis of length 1); the ratio of the
rule's gradient to the measured one (constant, -1, the same numbers in another order, the conjugate, noise of float32
size, zeros where there is a slope). No verdict is made here: this only names a mistake that was already found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from autodiff.testing.properties.table import Finding
from autodiff.testing.reporting.gradient_relations import compare_gradients, measured_gradient, plain_cotangents
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject

__all__ = ["KINDS", "diagnose", "features"]

KINDS = (
    "constant factor",
    "sign",
    "transpose",
    "conjugate",
    "missing broadcast sum",
    "missing path",
    "only at ties",
    "only at negatives",
    "only at zero",
    "only at size 1",
    "float32 noise",
    "not finite",
    "shape",
    "dtype",
    "mutation",
    "not deterministic",
    "layout",
    "not linear",
    "precision",
    "raises",
    "memory",
    "second order",
    "forward mode",
    "unknown",
)

_BY_PROPERTY = {
    "P02": "forward mode",
    "P03": "forward mode",
    "P10": "second order",
    "P11": "second order",
    "P04": "not linear",
    "P05": "not linear",
    "P15": "layout",
    "P17": "mutation",
    "P18": "not deterministic",
    "P22": "memory",
    "P13": "precision",
    "P14": "missing broadcast sum",
    "P24": "mutation",
    "P27": "memory",
    "P28": "memory",
}


def features(case: Case, subject: Subject) -> frozenset[str]:
    """Return facts of an example that are cheap to find."""
    found = set()
    xs = [x.real if x.dtype.kind == "c" else x for x in case.xs]
    flat = np.concatenate([x.ravel() for x in xs]) if xs else np.zeros(0)
    if any(np.unique(x).size < x.size for x in xs) or (len(xs) > 1 and np.unique(flat).size < flat.size):
        found.add("ties")
    if (flat < 0).any():
        found.add("negatives")
    if (flat > 0).any():
        found.add("positives")
    if flat.size and (flat < 0).all():
        found.add("all negative")
    if (flat == 0).any():
        found.add("zeros")
    if any(1 in x.shape for x in xs):
        found.add("size 1")
    if any(n > 1 for x in xs for n in x.shape):
        found.add("axis size > 1")
    if flat.size > len(xs):
        found.add("more than one number")
    if any(x.ndim > 1 for x in xs):
        found.add("two or more axes")
    if any(x.ndim > 1 and x.shape[-1] != x.shape[-2] for x in xs):
        found.add("not square")
    if len({x.shape for x in xs}) > 1:
        found.add("different shapes")
    if any(x.size == 0 for x in xs):
        found.add("size 0")
    for name, value in case.kwargs.items():
        if isinstance(value, (bool, int, str, tuple, type(None), float)):
            found.add(f"{name}={value!r}")
    return frozenset(found)


def diagnose(
    subject: Subject,
    findings: Sequence[Finding],
    failing: Sequence[frozenset[str]],
    passing: Sequence[frozenset[str]],
    fails: Callable[[Case], bool],
) -> tuple[str, str]:
    """Name the mistake.

    Args:
        findings: the violation at its smallest example, then at some larger ones.
        failing, passing: features of the examples that violate the property, and of those that violate none.
        fails: does the property fail at this case?

    Returns:
        One of `KINDS`, and a sentence.
    """
    finding = findings[0]
    if finding.property in _ABOUT_ANOTHER and _reverse_is_right(subject, findings):
        return _ABOUT_ANOTHER[finding.property]
    shared = _shared(failing, passing)
    about = (
        f"all {len(failing)} failing of {len(failing) + len(passing)} examples have {', '.join(shared)}"
        if shared
        else ""
    )
    kind, words = _by_message(finding)
    if not kind:
        compared = [c for f in findings if (c := compare_gradients(subject, f))]
        only = _agreed([_right_without(f.case, fails) for f in findings])
        if any(c[0] == "not finite" for c in compared):
            kind, words = next(c for c in compared if c[0] == "not finite")
        elif only:
            kind = only
            words = f"wrong {kind}" + (f"; there {compared[0][1]}" if compared and compared[0][1] else "")
        elif 2 * len(compared) > len(findings):
            kind, words = _most_telling(compared)
        elif finding.property in _BY_PROPERTY:
            kind, words = _BY_PROPERTY[finding.property], finding.message
        else:
            kind, words = (
                "missing path",
                (
                    "no simple relation between the rule's numbers and the measured ones: perhaps a term is missing, "
                    "or one path of several"
                ),
            )
        if len(finding.case.xs) > 1 and finding.property in ("P01", "P09", "P25"):
            with contextlib.suppress(Exception):  # the explanation must never hide the finding
                words += _which_arguments(subject, findings)
    return kind, "; ".join(filter(None, (words, about)))


def _which_arguments(subject: Subject, findings: Sequence[Finding]) -> str:
    """Return "; only the gradient of argument 0 is wrong", or "" when all are wrong or it cannot be decided."""
    wrong: set[int] = set()
    for f in findings:
        ws = plain_cotangents(subject, f.case)
        with np.errstate(all="ignore"):
            claimed, (true, error) = subject.gradients(f.case, ws), measured_gradient(subject, f.case, ws)
        for i, g, t, e in zip(f.case.wrt, claimed, true, error):
            if g.shape != t.shape or not np.all((np.abs(g - t) <= 16 * e + 1e-9 * np.abs(t)) | ~np.isfinite(t)):
                wrong.add(i)
    if not wrong or len(wrong) == len(findings[0].case.wrt):
        return ""
    return f"; only the gradient of argument {' and '.join(map(str, sorted(wrong)))} is wrong"


_ABOUT_ANOTHER = {
    "P02": ("forward mode", "the reverse derivative is right here, the forward one is not"),
    "P03": ("forward mode", "the reverse derivative is right here, the forward one is not its transpose"),
    "P10": (
        "second order",
        "the gradient is right, its derivative is not: something in the rule counts as constant (a raw value, "
        "a saved output, a detached residual)?",
    ),
    "P11": (
        "second order",
        "the gradient is right, but its derivative is not symmetric: something in the rule counts as constant?",
    ),
    "P13": ("precision", "right in float64; a lower precision loses it (a constant, a cast, an intermediate)?"),
}


def _reverse_is_right(subject: Subject, findings: Sequence[Finding]) -> bool:
    for f in findings:
        if subject.reverse is None or not 0 < f.case.size <= 64:
            return False
        try:
            ws = plain_cotangents(subject, f.case)
            with np.errstate(all="ignore"):
                claimed, (true, error) = subject.gradients(f.case, ws), measured_gradient(subject, f.case, ws)
        except Exception:
            return False
        for g, t, e in zip(claimed, true, error):
            if g.shape != t.shape or not np.all(
                np.abs(g - t)[np.isfinite(t)] <= (16 * e + 1e-7 * np.abs(t))[np.isfinite(t)]
            ):
                return False
    return True


_WEIGHT = ("conjugate", "float32 noise", "sign", "transpose", "constant factor", "missing path")


def _most_telling(compared: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the relation that most examples show; a factor that only the smallest example shows is weak evidence."""
    larger = compared[1:] or compared
    names = [k for k, _ in larger]
    best = max(set(names), key=lambda k: (names.count(k), -_WEIGHT.index(k) if k in _WEIGHT else -9))
    kind, words = next(c for c in larger if c[0] == best)
    if kind == "constant factor" and words != compared[0][1]:  # the factor of another example than the one shown
        words = f"{compared[0][1]}; at another example {words}"
    return kind, words


def _agreed(votes: list[set[str]]) -> str:
    """Return the feature whose removal makes most failing examples right."""
    counts = {
        k: sum(k in v for v in votes) for k in ("only at zero", "only at ties", "only at negatives", "only at size 1")
    }
    best = max(counts, key=lambda k: counts[k])
    return best if counts[best] > 0.6 * len(votes) else ""


def _right_without(case: Case, fails: Callable[[Case], bool]) -> set[str]:
    """Return the features without which the example is right: the rule is wrong at them."""
    xs, found = case.xs, set()
    for kind, moved in _without(xs):
        try:
            if all(np.isfinite(x).all() for x in moved) and not fails(case.moved([np.asarray(x) for x in moved])):
                found.add(kind)
                break
        except Exception:  # outside the domain: nothing to learn
            continue
    return found


def _without(xs: Arrays) -> Iterator[tuple[str, Arrays]]:
    if any((x == 0).any() for x in xs):
        yield "only at zero", [np.where(x == 0, x.dtype.type(1.25), x) for x in xs]
    flat = np.concatenate([x.ravel() for x in xs])
    if np.unique(flat).size < flat.size:
        rng = np.random.default_rng(11)
        yield (
            "only at ties",
            [(x + rng.uniform(0.05, 0.45, x.shape) * np.where(x == 0, 1, x)).astype(x.dtype) for x in xs],
        )
    if any((x.real < 0).any() for x in xs):
        yield "only at negatives", [np.where(x.real < 0, -x, x) for x in xs]
    if len(xs) == 1 and 1 in xs[0].shape:
        axis = xs[0].shape.index(1)
        stretch = np.array([1.0, 1.5]).reshape([2 if i == axis else 1 for i in range(xs[0].ndim)])
        yield "only at size 1", [np.repeat(xs[0], 2, axis=axis) * stretch]


def _shared(failing: Sequence[frozenset[str]], passing: Sequence[frozenset[str]]) -> list[str]:
    """Return features of every failing example that at most half of the passing ones have, the rarest first."""
    if len(failing) < 2 or len(passing) < 8:
        return []
    common = frozenset.intersection(*failing)
    share = {f: sum(f in p for p in passing) / len(passing) for f in common}
    rare = [f for f in common if share[f] <= 0.5]
    return sorted(rare, key=lambda f: (share[f], f))[:2]


def _by_message(finding: Finding) -> tuple[str, str]:
    """Return the kind and the text of mistakes that the violated property alone names."""
    text = finding.message
    if text.startswith("raised "):
        return "raises", f"the rule {text}"
    if "has shape" in text:
        if "gradient" in text and _is_output_shape(finding):
            return (
                "missing broadcast sum",
                f"{text}: the gradient has the output's shape, not summed over the broadcast axes",
            )
        return "shape", text
    if "has dtype" in text or "turns" in text:
        return "dtype", text
    if finding.property == "P06":
        return ("not finite", text) if "NaN" in text else ("not linear", text)
    if finding.property in ("P17", "P18", "P15", "P22", "P24", "P27", "P28"):
        return _BY_PROPERTY[finding.property], text
    return "", ""


def _is_output_shape(finding: Finding) -> bool:
    shapes = [w.shape for w in finding.cotangent or []]
    got = finding.message.split("has shape ")[1].split(", the input")[0]
    return any(str(s) == got for s in shapes) or len({x.shape for x in finding.case.xs}) > 1
