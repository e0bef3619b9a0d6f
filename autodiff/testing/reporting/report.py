"""The result of a check: counts, counterexamples on one screen, and the two exceptions.

`DerivativeReport` has a text form, and a form as plain data from which `formats` writes HTML and JSON.
Nothing here computes a derivative.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.testing.properties.table import MEASURED, TITLES, Finding, Tally
from autodiff.testing.reporting.reproduction import array_text

__all__ = ["DerivativeError", "DerivativeReport", "Failure", "InconclusiveError"]


@dataclass
class Failure:
    """A violated property, at its smallest example.

    Attributes:
        finding: the violation.
        kind: the likely kind of mistake ("constant factor", "transpose", "only at ties", ...).
        sentence: the same in words, with the facts that failing examples share.
        failing: how many examples violated this property.
        examples: how many examples there were.
        right: titles of the properties that hold at the smallest example.
        reproduce: a line of Python that fails in the same way in a fresh interpreter, after `imports`; "" when the call
            cannot be written down.
        name: the function's name.
        imports: the import lines that `reproduce` needs.
        again: without a line, how to see the failure again, in words.
    """

    finding: Finding
    kind: str
    sentence: str
    failing: int
    examples: int
    right: list[str]
    reproduce: str
    name: str
    data: dict[str, Any] = field(default_factory=dict)
    imports: str = ""
    again: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return the failure as numbers, texts, lists and dicts."""
        v = self.finding.verdict
        return {
            "property": self.finding.property,
            "title": TITLES[self.finding.property],
            "kind": self.kind,
            "diagnosis": self.sentence,
            "message": self.finding.message,
            "input": self._input(),
            "analytic": _number(v.analytic) if v else None,
            "numerical": _number(v.estimate.value) if v else None,
            "tolerance": _number(v.tolerance) if v else None,
            "failing": self.failing,
            "imports": self.imports,
            "reproduce": self.reproduce,
            "again": self.again,
            "text": str(self),
            "curve": self.data.get("curve"),
        }

    @property
    def size(self) -> int:
        """Number of differentiated numbers in the smallest failing example."""
        return self.finding.case.size

    def __str__(self) -> str:
        f, v = self.finding, self.finding.verdict
        head = {"P02": "the forward derivative", "P10": "the second derivative"}.get(
            f.property, "the reverse derivative"
        )
        claim = f"{head} disagrees with the function" if v is not None else "a property is violated"
        if v is not None and v.status != "fail":
            claim = 'the function has a kink here, and kinks="error"'
        rows = [("smallest failing input", self._input())]
        if f.cotangent is not None:
            most = 64 if v is not None else 8
            rows.append(("cotangent", ", ".join(array_text(w, most) for w in f.cotangent)))
        if f.direction is not None:
            rows.append(("direction", ", ".join(array_text(d) for d in f.direction)))
        if v is not None:
            rows.append(("slope of the rule", repr(v.analytic)))
            rows.append(("measured slope", _measured_text(v)))
        else:
            rows.append(("what happened", f.message))
        if self.sentence != f.message:
            rows.append(("looks like", self.sentence))
        if self.right:
            rows.append(("still right", ", ".join(self.right)))
        if self.reproduce:
            rows += [("imports", self.imports), ("reproduce", self.reproduce)]
        else:
            rows.append(("call again", self.again))
        lines = [f"{self.name}: {claim}   [{f.property} {TITLES[f.property]}]"]
        for key, text in rows:
            whole = key in ("imports", "reproduce", "smallest failing input")  # to be copied
            lines += _row(key, text, whole)
        return "\n".join(lines)

    def _input(self) -> str:
        case = self.finding.given or self.finding.case
        return call_text(case.args, case.kwargs)


def _row(key: str, text: str, whole: bool) -> list[str]:
    """Return a key and its text, on lines of at most 110 characters unless the text must stay in one piece."""
    parts = [text] if whole else textwrap.wrap(text, 110 - 27, break_long_words=False, break_on_hyphens=False)
    return [f"  {key if i == 0 else '':<24} {part}" for i, part in enumerate(parts or [""])]


def _measured_text(v: Any) -> str:
    e = v.estimate
    how = f"({e.method}; {v.why})" if v.why else f"({e.method})"
    if e.kind == "kink":
        return f"between {e.interval[0]:.6g} and {e.interval[1]:.6g}, the slopes on both sides of a kink {how}"
    return f"{e.value!r} +- {v.tolerance:.1e}  {how}"


def call_text(args: list[Any], kwargs: dict[str, Any]) -> str:
    """Return arguments as they would be written in a call."""
    return ", ".join([array_text(a) for a in args] + [f"{k}={array_text(v)}" for k, v in kwargs.items()])


@dataclass
class DerivativeReport:
    """The outcome of one check.

    Attributes:
        name: of the checked function.
        examples: examples that were examined; `rejected`: those the function itself refused.
        tally: counts per property.
        failures: violated properties, smallest examples first.
        seed: the seed of all random choices; the same seed gives the same report.
        seconds: time spent.
    """

    name: str
    examples: int
    rejected: int
    tally: Tally
    failures: list[Failure]
    seed: int
    seconds: float
    max_weak: float = 0.2
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.failures and not self.inconclusive

    @property
    def checks(self) -> int:
        return self.tally.total()

    @property
    def weak_share(self) -> float:
        """Share of derivative comparisons that agreed but could not prove it, or could not be resolved."""
        measured = self._measured("pass", "fail", "weak", "unresolved")
        return self._measured("weak", "unresolved") / measured if measured else float(self.data.get("slopes", True))

    def _measured(self, *statuses: str) -> int:
        return sum(c[s] for p, c in self.tally.counts.items() if p in MEASURED for s in statuses)

    @property
    def inconclusive(self) -> bool:
        """Whether too little was proven. A check that proves nothing never passes."""
        if self.examples and not self.data.get("slopes", True):
            return not self.failures and self.checks == 0  # only properties that measure nothing were selected
        measured = self._measured("pass", "fail", "weak", "unresolved")
        return not self.failures and (measured == 0 or self.weak_share > self.max_weak)

    @property
    def median_resolution(self) -> float:
        """Median over all comparisons of the largest relative error that could hide."""
        return float(np.median(self.tally.resolutions)) if self.tally.resolutions else math.nan

    @property
    def resolution_text(self) -> str:
        """The median resolution in one digit, or "none" where nothing was measured."""
        return "none" if math.isnan(self.median_resolution) else f"{self.median_resolution:.0e}"

    def summary(self) -> str:
        """Return one line of counts."""
        held = sum(1 for c in self.tally.counts.values() if c["fail"] == 0 and c.total() > 0)
        examples = "1 example" if self.examples == 1 else f"{self.examples} examples"
        counts = f"{held} properties, {self.checks:,} checks on {examples}, {len(self.failures)} failed"
        return f"{counts}, {self.weak_share:.1%} weak, median resolution {self.resolution_text}"

    def __str__(self) -> str:
        if self.failures:
            return "\n\n".join(str(f) for f in self.failures)
        if self.inconclusive:
            return f"{self.name}: inconclusive\n  {self._why_inconclusive()}"
        lines = [f"{self.name}: right   ({self.summary()})"]
        lines += [f"  tried: {self.range_text}"] if self.examples > 1 else []
        lines += [f"  not checked, {why}: {', '.join(props)}" for why, props in self.unchecked().items()]
        return "\n".join(lines)

    __repr__ = __str__  # in a notebook and at Python's prompt

    @property
    def range_text(self) -> str:
        """The range of the inputs, and the count of numbers in one example."""
        low, high, least, most = self.data.get("tried", (math.inf, -math.inf, 0, 0))
        count = f"{most}" if least == most else f"{least} to {most}"
        entries = f"entries from {low:.4g} to {high:.4g}" if low <= high else "no finite entry"
        return f"{entries}, {count} numbers in an example"

    def unchecked(self) -> dict[str, list[str]]:
        """Return the properties that were not checked, by reason."""
        reasons: dict[str, list[str]] = {}
        for prop, why in sorted(self.tally.unavailable.items()):
            if prop not in self.tally.counts:
                reasons.setdefault(why, []).append(prop)
        return reasons

    def _why_inconclusive(self) -> str:
        measured = self._measured("pass", "fail", "weak", "unresolved")
        if not self.examples:
            return f"the function refused all {self.rejected} examples: {self.data.get('refusal', 'no reason given')}"
        if not measured and not self.data.get("slopes", True):
            return "none of the selected properties could be checked on these inputs"
        if not measured:
            if self.tally.unmeasured["jump"]:
                return (
                    "the function jumps at the inputs that were tried: its values on both sides stay apart for every "
                    "step, so there is no derivative; give inputs between the jumps"
                )
            return (
                "no derivative could be measured (every value was infinite, NaN or empty); give inputs inside the "
                "function's domain"
            )
        return (
            f"{self.weak_share:.0%} of {measured} comparisons were too noisy to prove anything "
            f"(max_weak={self.max_weak}); "
            "give inputs where the function is better conditioned, or raise max_weak"
        )

    def raise_if_wrong(self) -> None:
        """Raise the error of the report, if there is one.

        Raises:
            DerivativeError: a property is violated.
            InconclusiveError: too little could be proven.
        """
        __tracebackhide__ = True  # a test that fails shows its own line, then the counterexample
        if self.failures:
            raise DerivativeError(self.failures[0], self)
        if self.inconclusive:
            raise InconclusiveError(str(self))

    @property
    def outcome(self) -> str:
        """ "right", "wrong" or "inconclusive"."""
        return "wrong" if self.failures else "inconclusive" if self.inconclusive else "right"

    def as_data(self) -> dict[str, Any]:
        """Return the report as numbers, texts, lists and dicts; infinities and NaN become None."""
        titles = {why: ", ".join(f"{p} {TITLES[p]}" for p in props) for why, props in self.unchecked().items()}
        return {
            "name": self.name,
            "ok": self.ok,
            "outcome": self.outcome,
            "examples": self.examples,
            "rejected": self.rejected,
            "checks": self.checks,
            "seed": self.seed,
            "weak_share": _number(self.weak_share),
            "median_resolution": _number(self.median_resolution),
            "seconds": round(self.seconds, 3),
            "properties": {p: dict(c) for p, c in sorted(self.tally.counts.items())},
            "not_checked": dict(sorted(self.tally.unavailable.items())),
            "failures": [f.as_data() for f in self.failures],
            "summary": self.summary(),
            "not_checked_lines": [f"not checked ({why}): {names}" for why, names in titles.items()],
            "resolutions": [float(r) for r in self.tally.resolutions],
            "text": str(self),
        }

    def to_html(self, path: Any = None) -> str:
        """Return the report as one self-contained page, and write it to `path` when given."""
        return self._formatted(".html", path)

    def to_json(self, path: Any = None) -> str:
        """Return the report as JSON, and write it to `path` when given."""
        return self._formatted(".json", path)

    def _formatted(self, ending: str, path: Any) -> str:
        from autodiff.testing.reporting.formats import FORMATS

        text = FORMATS[ending]([self.as_data()])
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text


def _number(x: Any) -> float | None:
    return float(x) if x is not None and math.isfinite(x) else None


class DerivativeError(AssertionError):
    """A derivative is wrong. The message is the counterexample on one screen.

    Attributes:
        property: id such as "P01".
        inputs: the positional arguments of the smallest failing call.
        cotangent, direction: the arrays on both sides of the Jacobian, or None.
        numerical, error: the measured slope and its error; None where the property compares no slopes.
        analytic, tolerance: the rule's slope, and the largest difference that counts as agreement.
        op: the name of the checked function.
        seed: of the random choices.
        imports, reproduce: import lines, and a line of Python that fails in the same way after them.
        failure, report: everything else.
    """

    def __init__(self, failure: Failure, report: DerivativeReport) -> None:
        super().__init__(str(failure))
        f, v = failure.finding, failure.finding.verdict
        self.failure, self.report = failure, report
        self.property, self.inputs = f.property, (f.given or f.case).args
        self.cotangent, self.direction = f.cotangent, f.direction
        self.numerical = v.estimate.value if v is not None else None
        self.error = v.estimate.error if v is not None else None
        self.analytic = v.analytic if v is not None else None
        self.tolerance = v.tolerance if v is not None else None
        self.op, self.seed = failure.name, report.seed
        self.imports, self.reproduce = failure.imports, failure.reproduce


class InconclusiveError(AssertionError):
    """Nothing wrong was found, but too little could be proven."""
