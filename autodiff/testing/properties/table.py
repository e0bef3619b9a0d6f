"""The 26 properties of a right derivative: their stable ids, their titles, and the records that a check produces.

The checks are in the files beside this one: `of_a_rule` (anything with a function and a rule), `of_equal_calls` (the
same derivative in another form), `of_second_order` and `of_the_graph`. A check is a function Context -> findings; the
decorator `@check("P04")` registers it under every id it reports. P19 and P21 are kept free for batched and compiled
functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autodiff.testing.measuring.directions import cotangents
from autodiff.testing.measuring.verdict import Measured, Point, Verdict
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject

__all__ = [
    "CHECKS",
    "MEASURED",
    "SHORT",
    "TITLES",
    "Context",
    "Finding",
    "Tally",
    "check",
    "selected",
    "why_unchecked",
]

TITLES = {
    "P01": "reverse vs numerical",
    "P02": "forward vs numerical",
    "P03": "adjoint <w, J v> = <J^T w, v>",
    "P04": "exact homogeneity",
    "P05": "additivity",
    "P06": "zero cotangent gives exact zeros",
    "P07": "missing cotangents of several outputs are zeros",
    "P08": "path integral",
    "P09": "ties and Clarke membership at kinks",
    "P10": "double backward vs numerical and forward over reverse",
    "P11": "Hessian symmetry",
    "P12": "gradient shape and dtype are the input's",
    "P13": "float32 and float16 agree with float64",
    "P14": "broadcasting equals explicit broadcasting",
    "P15": "memory layout does not matter",
    "P16": "size 1 and size 0",
    "P17": "nothing mutated",
    "P18": "determinism",
    "P20": "scalar path equals tensor path",
    "P22": "freed by reference counting alone",
    "P23": "aliasing f(x, x)",
    "P24": "accumulating twice doubles",
    "P25": "finite where the derivative is finite",
    "P26": "checkpointed equals plain",
    "P27": "a second backward is right or a clear error",
    "P28": "an exception midway leaves no partial gradients",
}
SHORT = dict(  # in a list of what is still right
    zip(
        TITLES,
        (
            "reverse, forward, adjoint, homogeneity, additivity, zero cotangent, several outputs, path integral, "
            "ties and kinks, second order, symmetry, shape and dtype, low precision, broadcasting, layout, sizes 0 and "
            "1, no mutation, determinism, scalars, memory, aliasing, accumulation, finite, "
            "checkpoint, second backward, exceptions"
        ).split(", "),
        strict=True,
    )
)
# These compare a slope with a measured one: finding nothing may mean that nothing was measured.
MEASURED = ("P01", "P02", "P09", "P10")
ENGINE_ONLY = ("P20", "P22", "P24", "P26", "P27", "P28")  # about graphs, which a bare rule lacks


@dataclass
class Finding:
    """One property violated at one example."""

    property: str
    message: str
    case: Case
    cotangent: Arrays | None = None
    direction: Arrays | None = None
    verdict: Verdict | None = None
    given: Case | None = None  # the case as it was given, where it was measured in another precision

    def __post_init__(self) -> None:
        if self.property not in TITLES:
            raise ValueError(f"{self.property} is not a property; they are P01 to P28")


@dataclass
class Tally:
    """Counts over a run: per property how many checks passed, failed, were weak, unresolved or skipped."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    resolutions: list[float] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)
    kinks: int = 0
    unmeasured: Counter[str] = field(default_factory=Counter)  # why no slope was found: "jump", "unresolved", ...

    def add(self, prop: str, status: str, n: int = 1) -> None:
        self.counts.setdefault(prop, Counter())[status] += n

    def total(self, *statuses: str) -> int:
        return sum(c[s] for c in self.counts.values() for s in (statuses or ("pass", "fail", "weak", "unresolved")))

    def merge(self, other: Tally) -> None:
        for prop, counts in other.counts.items():
            self.counts.setdefault(prop, Counter()).update(counts)
        self.resolutions.extend(other.resolutions)
        self.unavailable.update(other.unavailable)
        self.kinks += other.kinks
        self.unmeasured.update(other.unmeasured)


class Context:
    """One example under check: the case, its random choices (all derived from the case itself), and results so far."""

    def __init__(self, subject: Subject, case: Case, tally: Tally, options: Any, salt: int = 0) -> None:
        self.subject, self.case, self.tally, self.options = subject, case, tally, options
        self.seed = case.digest(options.seed + salt)
        self._first = options.every and salt == 0
        self.outputs = subject.outputs(case)
        self.finite = all(np.isfinite(y).all() for y in self.outputs)
        self.empty = case.size == 0 or sum(y.size for y in self.outputs) == 0
        self.ws = cotangents(np.random.default_rng(self.seed), self.outputs)
        self.measured: Measured = {}
        self._point: Point | None = None

    def rng(self, prop: str) -> np.random.Generator:
        """Return a generator for one property, so that checking it alone gives the same as checking all."""
        return np.random.default_rng([self.seed, int(prop[1:])])

    @property
    def point(self) -> Point:
        if self._point is None:
            self._point = Point(self.subject, self.case, self.ws, self.outputs, self.measured)
        return self._point

    def includes(self, *props: str) -> bool:
        """Return whether any of these properties is selected."""
        return any(p in self.options.properties for p in props)

    def turn(self, prop: str, share: float) -> bool:
        """Return whether this example runs a check that needs only a share of the examples. Always True where few
        properties are selected, or where there is only one example.
        """
        everywhere = self.options.focus or self._first or len(self.options.properties) <= _FEW
        return bool(everywhere) or float(np.random.default_rng([self.seed, int(prop[1:]), 1]).random()) < share

    def finding(self, prop: str, message: str, **details: Any) -> Finding:
        return Finding(prop, message, self.case, **details)


Check = Callable[[Context], Iterator[Finding]]
CHECKS: dict[str, list[Check]] = {}
_FEW = 4  # of so few selected properties every check runs on every example


def check(*props: str) -> Callable[[Check], Check]:
    """Register a check under the ids of the properties it reports."""

    def register(function: Check) -> Check:
        for prop in props:
            CHECKS.setdefault(prop, []).append(function)
        return function

    return register


def selected(properties: str | Iterable[str]) -> tuple[str, ...]:
    """Return the ids that a `properties=` argument names: "default" (all), an id, or several; "-P13" leaves one out.

    Raises:
        ValueError: an unknown id.

    >>> selected(["P01", "P04"]), len(selected("default")), "P13" in selected("-P13")
    (('P01', 'P04'), 26, False)
    """
    names = [properties] if isinstance(properties, str) else list(properties)
    unknown = [n for n in names if n not in ("default", "all") and n.lstrip("-") not in TITLES]
    if unknown:
        raise ValueError(f"properties={unknown}: unknown; write ids from P01 to P28, or -P13 to leave one out")
    kept = {n for n in names if n in TITLES}
    if not kept or any(n in ("default", "all") for n in names):
        kept = set(TITLES)
    return tuple(sorted(kept - {n[1:] for n in names if n.startswith("-")}))


def why_unchecked(prop: str, subject: Subject) -> str:
    """Return why no check of a property could run on a subject, in words."""
    if prop in ("P02", "P03") and subject.forward_mode is None:
        return "no forward derivative given"
    if prop in ("P10", "P11") and "gradient" not in subject.extras:
        return "order=1"
    if prop in ENGINE_ONLY and not subject.extras.get("engine"):
        return "not a function of this engine"
    return "no example of it came up"
