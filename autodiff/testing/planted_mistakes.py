"""Measure the inputs of a test: plant about two dozen mistakes in a right rule, and count those that the inputs show.

A test cannot find a mistake that none of its inputs shows. The mistakes planted here are the common ones; each is a
change of the gradient alone, so it applies to any function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autodiff.testing.check import Options, check_subject, default_seed
from autodiff.testing.properties.table import selected
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject, pair_subject

__all__ = ["MISTAKES", "PowerReport", "power"]

Mistake = Callable[[Arrays, Case, Arrays], Arrays]


def _each(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Mistake:
    return lambda gs, case, ws: [np.asarray(change(g, x)) for g, x in zip(gs, case.xs)]


def _one(change: Callable[[np.ndarray], np.ndarray], which: int) -> Mistake:
    return lambda gs, case, ws: [np.asarray(change(g)) if i == which % len(gs) else g for i, g in enumerate(gs)]


def _ties(x: np.ndarray) -> np.ndarray:
    _, back, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (counts[back] > 1).reshape(x.shape)


def _swapped(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    square = g.ndim > 1 and g.shape[-1] == g.shape[-2]
    return np.swapaxes(g, -1, -2).copy() if square else g


def _halved_where_broadcast(gs: Arrays, case: Case, ws: Arrays) -> Arrays:
    shape = ws[0].shape if ws else ()
    return [g / 2 if g.shape != shape else g for g in gs]


def _exchanged(gs: Arrays, case: Case, ws: Arrays) -> Arrays:
    return gs[::-1] if len(gs) == 2 and gs[0].shape == gs[1].shape else gs


def _entry(k: int, factor: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def change(g: np.ndarray, x: np.ndarray) -> np.ndarray:
        g = g.copy()
        if g.size:
            g.reshape(-1)[k] *= factor
        return g

    return change


# name -> (the change, the input that would show it)
MISTAKES: dict[str, tuple[Mistake, str]] = {
    "wrong sign": (_each(lambda g, x: -g), "any input"),
    "factor 2": (_each(lambda g, x: 2 * g), "any input"),
    "factor 1/2": (_each(lambda g, x: g / 2), "any input"),
    "factor of the size": (_each(lambda g, x: g * max(x.size, 1)), "an input of more than one number"),
    "off by 1e-3": (_each(lambda g, x: g * (1 + 1e-3)), "an input where the function is well conditioned"),
    "off by 1e-5": (_each(lambda g, x: g * (1 + 1e-5)), "an input where the function is well conditioned"),
    "off by 1e-7": (_each(lambda g, x: g * (1 + 1e-7)), "an input where the function is well conditioned"),
    "rounded to float32": (
        _each(lambda g, x: g.astype(np.float32).astype(g.dtype) if g.dtype.kind == "f" else g),
        "a float64 input where the function is well conditioned",
    ),
    "first argument forgotten": (_one(np.zeros_like, 0), "an input on which the first argument matters"),
    "last argument forgotten": (_one(np.zeros_like, -1), "an input on which the last argument matters"),
    "arguments exchanged": (_exchanged, "two arguments of equal shape with different gradients"),
    "transposed": (_each(_swapped), "a square matrix with an asymmetric gradient"),
    "reversed": (_each(lambda g, x: g[::-1].copy() if g.ndim else g), "an axis of two or more different gradients"),
    "shifted by one": (_each(lambda g, x: np.roll(g, 1)), "two or more different gradients"),
    "summed over the last axis": (
        _each(lambda g, x: np.broadcast_to(g.mean(-1, keepdims=True), g.shape).copy() if g.ndim and g.size else g),
        "a last axis of two or more different gradients",
    ),
    "first entry forgotten": (_each(_entry(0, 0.0)), "an input whose first entry matters"),
    "last entry doubled": (_each(_entry(-1, 2.0)), "an input whose last entry matters"),
    "broadcast sum halved": (_halved_where_broadcast, "an argument that is broadcast or reduced"),
    "doubled at ties": (_each(lambda g, x: g * (1 + _ties(x))), "an input with equal entries"),
    "nothing at zeros": (_each(lambda g, x: g * (x != 0)), "an input with an entry 0"),
    "NaN at zeros": (_each(lambda g, x: np.where(x == 0, np.nan, g)), "an input with an entry 0"),
    "halved for negatives": (_each(lambda g, x: g * np.where(x.real < 0, 0.5, 1.0)), "an input with a negative entry"),
    "doubled for axes of length 1": (
        _each(lambda g, x: g * 2 if 1 in x.shape else g),
        "an input with an axis of length 1",
    ),
    "doubled for large entries": (
        _each(lambda g, x: g * np.where(np.abs(x) > 8, 2.0, 1.0)),
        "an input with an entry above 8",
    ),
    "conjugated": (_each(lambda g, x: np.conj(g)), "a complex input"),
}


@dataclass(frozen=True)
class PowerReport:
    """Which planted mistakes the inputs show.

    Attributes:
        caught, missed: names of mistakes; `missed` maps to the input that would show them.
        name: the function.
    """

    name: str
    caught: tuple[str, ...]
    missed: dict[str, str]

    def __str__(self) -> str:
        total = len(self.caught) + len(self.missed)
        lines = [f"{self.name}: these inputs show {len(self.caught)} of {total} planted mistakes"]
        lines += [f"  never seen: {name:<30} needs {need}" for name, need in self.missed.items()]
        return "\n".join(lines)

    __repr__ = __str__


def power(
    f: Callable[..., Any],
    *inputs: Any,
    vjp: Callable[..., Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    wrt: Sequence[int] | int | None = None,
    examples: int = 40,
    seed: int | None = None,
) -> PowerReport:
    """Count the standard mistakes in the rule of f that these inputs show.

    Args:
        f, inputs, vjp, kwargs, wrt, examples, seed: as in `check_derivatives`; the rule is taken to be right.

    Returns:
        A `PowerReport`.

    >>> report = power(np.sin, np.array([0.5, 1.0]), vjp=lambda g, y, x: (g * np.cos(x),))
    >>> "factor 2" in report.caught, "doubled at ties" in report.missed
    (True, True)
    """
    name = getattr(f, "__name__", type(f).__name__)
    if vjp is not None:
        subject = pair_subject(f, vjp, name)
    else:
        from autodiff.testing.subjects.other_libraries import subject_of

        subject = subject_of(f, ("reverse",))
    options = Options(
        selected(["P01"]),
        default_seed(name) if seed is None else seed,
        examples,
        dtypes=(),
        wrt=wrt if wrt is None or isinstance(wrt, int) else tuple(wrt),
        stop_early=True,
    )
    caught, missed = [], {}
    for mistake, (change, need) in MISTAKES.items():
        if check_subject(_broken(subject, change), inputs, kwargs, options, explain=False).failures:
            caught.append(mistake)
        else:
            missed[mistake] = need
    return PowerReport(name, tuple(caught), missed)


def _broken(subject: Subject, change: Mistake) -> Subject:
    def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
        assert subject.reverse is not None
        right = [
            np.zeros(x.shape) if g is None else np.asarray(g)
            for g, x in zip(subject.reverse(case, outputs, ws), case.xs)
        ]
        with np.errstate(all="ignore"):
            return [np.asarray(b).astype(g.dtype) for b, g in zip(change(right, case, ws), right)]

    return replace(subject, reverse=reverse, forward_mode=None)
