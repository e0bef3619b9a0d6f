"""`check_derivatives`: one line that proves a derivative or shows the smallest input on which it is wrong.

Here: the order of the steps. Examples come from arrays (a check at a point) or from Hypothesis strategies (a
search); every selected property is checked on each; a violation is shrunk with that property alone, explained, and
reported. The numerical judgement is in `measuring/verdict`, the properties are in `properties`, and the engine is
reached only through `subjects/this_engine`.

One file, for the arguments, the search and the report of one check, in the order of the steps.
"""

from __future__ import annotations

import inspect
import math
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from autodiff.testing.properties import (  # noqa: F401 (importing them registers their checks)
    of_a_rule,
    of_equal_calls,
    of_second_order,
    of_the_graph,
)
from autodiff.testing.properties.table import (
    CHECKS,
    MEASURED,
    SHORT,
    Context,
    Finding,
    Tally,
    selected,
    why_unchecked,
)
from autodiff.testing.reporting.counterexample import curve, readable
from autodiff.testing.reporting.diagnosis import diagnose, features
from autodiff.testing.reporting.report import DerivativeReport, Failure
from autodiff.testing.reporting.reproduction import Source, Unwritable
from autodiff.testing.subjects.function_under_test import (
    Arguments,
    Case,
    FunctionRaised,
    Subject,
    case_of,
    pair_subject,
)
from autodiff.testing.subjects.other_processes import Maker, difference_elsewhere
from autodiff.testing.subjects.real_parts import RealParts

__all__ = ["Options", "check_derivatives", "check_subject", "examine"]

_ROUNDS = 3  # a check at one point tries this many sets of cotangents and directions
_CALLS = 300  # calls that shrinking may try: a wrong rule should be shown in seconds
_DRAWS = 4
# about the arrays of the call, or bit for bit about its outputs: complex ones are not taken apart
_OF_ITS_ARRAYS = ("P12", "P15", "P17", "P18", "P26")
_AT_A_GLANCE = 4  # numbers in an example that need not shrink further
_ENOUGH = 16  # failing examples after which a search stops: enough to find their common features


@dataclass(frozen=True)
class Options:
    """The options of a call, as the single checks need them."""

    properties: tuple[str, ...]
    seed: int = 0
    examples: int = 100
    order: int = 1
    kinks: str = "accept"
    dtypes: tuple[Any, ...] = (np.float64, np.float32)
    keeps_dtype: bool = False
    max_weak: float = 0.2
    wrt: tuple[int, ...] | int | None = None
    focus: str | None = None
    stop_early: bool = False  # one failing example is enough for the caller
    every: bool = False  # there is one example, so every check runs on it
    elsewhere: Maker | None = None  # makes the subject in other processes, when P18 compares with them


@dataclass(frozen=True)
class Call:
    """The call of the check, from which a failure can be reproduced.

    Attributes:
        name: of the public function.
        target: its first argument.
        options: keyword arguments that differ from their defaults.
        inputs_from_row: the inputs are drawn from the target itself, so they are not part of the call.
    """

    name: str
    target: Any
    options: dict[str, Any]
    inputs_from_row: bool = False


def _refuse_arguments(f: Any, inputs: tuple[Any, ...], kinks: Any, order: Any, modes: tuple[Any, ...]) -> None:
    """Raise where an argument of ``check_derivatives`` has no meaning."""
    if not callable(f):
        raise TypeError(f"check_derivatives: the first argument must be a function, got {type(f).__name__}")
    if not inputs:
        raise TypeError("check_derivatives: no inputs; give arrays, or strategies such as autodiff.testing.tensors()")
    if kinks not in ("accept", "avoid", "error"):
        raise ValueError(f'check_derivatives: kinks={kinks!r}; write "accept", "avoid" or "error"')
    if order not in (1, 2):
        raise ValueError(f"check_derivatives: order={order!r}; write 1 or 2")
    if not modes or not all(m in ("reverse", "forward") for m in modes):
        raise ValueError(f'check_derivatives: modes={modes!r}; write "reverse", "forward" or both')


def check_derivatives(
    f: Callable[..., Any],
    *inputs: Any,
    wrt: Sequence[int] | int | None = None,
    kwargs: dict[str, Any] | None = None,
    order: int = 1,
    modes: Sequence[str] = ("reverse", "forward"),
    properties: str | Iterable[str] = "default",
    examples: int = 100,
    kinks: str = "accept",
    dtypes: Sequence[Any] = (np.float64, np.float32),
    seed: int | None = None,
    max_weak: float = 0.2,
    raises: bool = True,
    vjp: Callable[..., Any] | None = None,
    explain: bool = True,
    processes: bool = False,
) -> DerivativeReport:
    """Prove the derivatives of a function, or show the smallest input on which they are wrong.

    Args:
        f: function of arrays. Without `vjp` its derivatives are the engine's.
        inputs: arrays or numbers (a check at this point), or Hypothesis strategies that draw them (searched and
            shrunk). A strategy may also draw `Arguments(*args, **kwargs)`, a whole call. A complex input counts as a
            pair of real ones, a complex output as a pair of outputs: all properties hold for their parts.
        wrt: positions of the arguments to differentiate; all floating and complex arrays by default.
        kwargs: keyword arguments of f, constants or strategies.
        order: 1, or 2 to check the derivative of the derivative as well.
        modes: "reverse", "forward" or both.
        properties: ids such as ["P01", "P04"], "default" for all, "-P13" for all but one.
        examples: how many examples to search.
        kinks: "accept" any slope between the one-sided ones, "avoid" judging at kinks, or "error" on meeting one.
        dtypes: precisions to check beside float64; gradients must keep each, and agree with float64 as far as
            rounding allows.
        seed: of every random choice; the default depends on the name of f alone, so runs repeat.
        max_weak: the largest share of comparisons that may be too noisy to prove anything.
        raises: False returns the report of a failure instead of raising it.
        vjp: rule(g, y, *arrays, **kwargs) -> tuple of cotangents, one for each argument: checks the pair (f, rule)
            alone. In complex numbers as in PyTorch: the gradient of z * z is g * np.conj(2 * z).
        explain: False stops at the first failing example, neither shrunk nor explained.
        processes: True also compares the first example with two fresh processes, bit for bit (P18); f and vjp must be
            importable there.

    Returns:
        A `DerivativeReport`.

    Raises:
        DerivativeError: a property is violated; the message is the counterexample.
        InconclusiveError: too little could be proven.
        TypeError, ValueError: the arguments of this function are wrong.

    >>> report = check_derivatives(np.sin, np.array([0.5, -1.0]), vjp=lambda g, y, x: (g * np.cos(x),))
    >>> report.ok
    True
    >>> wrong = check_derivatives(np.sin, np.array([0.5]), vjp=lambda g, y, x: (g * np.sin(x),), raises=False)
    >>> wrong.failures[0].finding.property, wrong.failures[0].kind
    ('P01', 'constant factor')
    """
    __tracebackhide__ = True
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    _refuse_arguments(f, inputs, kinks, order, modes)
    name = getattr(f, "__name__", type(f).__name__)
    options = Options(
        selected(properties),
        default_seed(name) if seed is None else int(seed),
        examples,
        order,
        kinks,
        tuple(np.dtype(d).type for d in dtypes),
        max_weak=max_weak,
        wrt=wrt if wrt is None or isinstance(wrt, int) else tuple(wrt),
        stop_early=not explain,
    )
    from autodiff.testing.subjects.other_libraries import subject_of

    make: Maker = (subject_of, (f, modes, order)) if vjp is None else (pair_subject, (f, vjp, name))
    subject = make[0](*make[1])
    if order == 2 and "gradient" not in subject.extras:
        raise ValueError(
            f"check_derivatives: order=2, but the rule of {name} is not recorded, so it has no second derivative to "
            "check; write order=1, or make it a rule of this engine (ad.custom_vjp), PyTorch, JAX or HIPS autograd"
        )
    if processes:
        options = replace(options, elsewhere=make)
    chosen: dict[str, Any] = dict(wrt=wrt, order=order, modes=modes, properties=properties, kinks=kinks, dtypes=dtypes)
    chosen |= dict(vjp=vjp, processes=processes)
    usual = {key: p.default for key, p in inspect.signature(check_derivatives).parameters.items()}
    call = Call("check_derivatives", f, {k: v for k, v in chosen.items() if v is not usual[k] and v != usual[k]})
    report = check_subject(subject, inputs, kwargs, options, call, explain)
    if raises:
        report.raise_if_wrong()
    return report


def default_seed(name: str) -> int:
    """Return a seed that depends on a name alone."""
    return zlib.crc32(name.encode()) % 100_000


def check_subject(
    subject: Subject,
    inputs: Sequence[Any],
    kwargs: dict[str, Any] | None,
    options: Options,
    call: Call | None = None,
    explain: bool = True,
) -> DerivativeReport:
    """Check any subject on arrays or strategies; never raises for a wrong derivative.

    Args:
        call: the call of the check, for the line that reproduces a failure.
        explain: False skips shrinking and diagnosis.
    """
    started = time.perf_counter()
    run = _Run(subject, options, call, explain)
    if _searched(inputs, kwargs):
        run.search(tuple(inputs), kwargs)
    else:
        flat = [a for value in inputs for a in (value.args if isinstance(value, Arguments) else [value])]
        extra = {k: v for value in inputs if isinstance(value, Arguments) for k, v in value.kwargs.items()}
        run.options = replace(options, every=True)
        run.at(case_of(flat, {**(kwargs or {}), **extra}, options.wrt))
    if subject.reverse is None and subject.forward_mode is None:
        raise TypeError(f"check_derivatives: {subject.name} has no derivative to check")
    report = run.report(time.perf_counter() - started)
    return report


def _searched(inputs: Sequence[Any], kwargs: dict[str, Any] | None) -> bool:
    """Return whether any of them is a Hypothesis strategy, without importing Hypothesis."""
    return any(hasattr(a, "filter") and hasattr(a, "flatmap") for a in (*inputs, *(kwargs or {}).values()))


def examine(subject: Subject, case: Case, options: Options, tally: Tally, salt: int = 0) -> list[Finding]:
    """Check all selected properties on one case.

    Raises:
        FunctionRaised: the function itself refuses the case.
    """
    given, (case, options) = case, _in_double(subject, case, options)
    whole = Context(subject, case, tally, options, salt)
    parts, in_parts = None, whole
    if RealParts.needed(case, whole.outputs):
        parts = RealParts(subject, case, whole.outputs)
        in_parts = Context(parts.subject, parts.case, tally, options, salt)
    as_given = {one for prop in _OF_ITS_ARRAYS for one in CHECKS[prop]}
    found: list[Finding] = []
    done: set[Any] = set()
    for prop in (options.focus,) if options.focus else options.properties:
        for one in CHECKS.get(prop, ()):
            if one in done or (parts and prop == "P20"):  # a check may report several properties; Scalars are real
                continue
            done.add(one)
            ctx = whole if one in as_given else in_parts
            try:
                if options.focus:  # shrinking and explaining need one violation, not all
                    found.extend(islice(one(ctx), 1))
                else:
                    found.extend(one(ctx))
            except FunctionRaised:
                tally.add(prop, "skip")
            except Exception as error:  # a rule may raise anything, and that is a finding
                tally.add(prop, "fail")
                found.append(ctx.finding(prop, f"raised {type(error).__name__}: {error}"))
    if parts:
        found = [x if x.case is case else _whole(x, parts) for x in found]
    return [replace(x, given=given) if given is not case and x.case is case else x for x in found]


def _whole(finding: Finding, parts: RealParts) -> Finding:
    case, cotangent, direction = parts.in_complex_numbers(finding.case, finding.cotangent, finding.direction)
    return replace(finding, case=case, cotangent=cotangent, direction=direction)


def _in_double(subject: Subject, case: Case, options: Options) -> tuple[Case, Options]:
    """Return a case of low precision in float64, where the function has less noise; its own dtype joins `dtypes`.

    A float16 function measured in float16 would prove almost nothing; its rule in float16 is compared with its rule in
    float64 at the same numbers (P13), and the rule in float64 with the function (P01).
    """
    low = {x.real.dtype.type for x in case.xs if x.real.dtype.itemsize < 8}
    if not low:
        return case, options
    wide = case.astype(np.float64)
    try:
        subject.outputs(wide)
    except FunctionRaised:  # it takes its own dtype only
        return case, options
    return wide, replace(options, dtypes=tuple(dict.fromkeys([*options.dtypes, *sorted(low, key=str)])))


# a violation found under one id may be reported under another: the check that finds it again while shrinking
_SLOPES = ("P01", "P25", "P09", "P08", "P02", "P10", "P03", "P05", "P07", "P11", "P13", "P14", "P15", "P23")
_FOUND_BY = {"P09": "P01", "P25": "P01"}


class _Run:
    """One call of check_derivatives, with its examples and findings so far."""

    def __init__(self, subject: Subject, options: Options, call: Call | None = None, explain: bool = True) -> None:
        self.subject, self.options, self.call, self.explain = subject, options, call, explain
        self.tally = Tally()
        self.examples = self.rejected = 0
        self.refusal = ""
        self.tried: tuple[float, float, int, int] = (math.inf, -math.inf, 10**9, 0)
        self.failing: dict[str, list[Finding]] = {}
        self.seen: list[tuple[frozenset[str], frozenset[str]]] = []  # (features of an example, ids it violates)
        self.shrunk: dict[str, Finding] = {}

    def visit(self, case: Case, rounds: int = 1) -> None:
        try:
            with np.errstate(all="ignore"):
                found = [x for k in range(rounds) for x in examine(self.subject, case, self.options, self.tally, k)]
        except FunctionRaised as error:
            self.rejected += 1
            self.refusal = str(error)
            return
        self.examples += 1
        self._note_range(case)
        if self.examples == 1 and self.options.elsewhere and "P18" in self.options.properties:
            found += self._elsewhere(case, self.options.elsewhere)
        self.seen.append((features(case, self.subject), frozenset(x.property for x in found)))
        for x in found:
            self.failing.setdefault(x.property, []).append(x)

    def _note_range(self, case: Case) -> None:
        """Note the range of the numbers in the examples, and their count."""
        entries = np.concatenate([np.ravel(x) for x in case.xs]).real
        entries = entries[np.isfinite(entries)]
        low, high, least, most = self.tried
        self.tried = (
            min(low, float(np.min(entries, initial=math.inf))),
            max(high, float(np.max(entries, initial=-math.inf))),
            min(least, case.size),
            max(most, case.size),
        )

    def _elsewhere(self, case: Case, maker: Maker) -> list[Finding]:
        ctx = Context(self.subject, case, self.tally, self.options)
        wrong = difference_elsewhere(self.subject.name, maker, case, ctx.ws)
        self.tally.add("P18", "fail" if wrong else "pass")
        return [ctx.finding("P18", wrong, cotangent=ctx.ws)] if wrong else []

    def at(self, case: Case) -> None:
        self.visit(case, _ROUNDS)
        self.shrunk = {p: self.failing[p][0] for p in self._leading()}

    def search(self, inputs: tuple[Any, ...], kwargs: dict[str, Any] | None) -> None:
        from autodiff.testing.inputs.shrinking import Enough, call_strategy, explore, smallest

        strategy = call_strategy(inputs, kwargs)

        def visit(drawn: Arguments) -> None:
            if sum(1 for _, props in self.seen if props) >= (1 if self.options.stop_early else _ENOUGH):
                raise Enough
            self.visit(case_of(drawn.args, drawn.kwargs, self.options.wrt))

        explore(strategy, visit, self.options.examples, self.options.seed)
        if not self.explain:
            self.shrunk = {p: self.failing[p][0] for p in self._leading()}
            return
        for prop in self._leading():
            known: dict[int, Finding | None] = {}  # other choices of a strategy may make the same case

            with np.errstate(all="ignore"):
                fails = self._predicate(prop, known)
                best = smallest(strategy, fails, self.options.examples, self.options.seed)
                found = best[1] if best else min(self.failing[prop], key=lambda x: x.case.size)
                self.shrunk[prop] = self._smaller_still(strategy, prop, known, found)

    def _predicate(
        self, prop: str, known: dict[int, Finding | None], limit: float = math.inf
    ) -> Callable[[Arguments], Finding | None]:
        """Return a predicate: whether a drawn call of at most `limit` numbers violates a property. It is False after a
        fixed number of calls, so that the search ends at the same place on every machine.
        """
        focus = replace(self.options, focus=_FOUND_BY.get(prop, prop))
        left = _CALLS

        def violation(case: Case) -> Finding | None:
            try:
                for salt in range(3):  # other directions may still show the fault of a smaller example
                    for x in examine(self.subject, case, focus, Tally(), salt):
                        if _FOUND_BY.get(x.property, x.property) == focus.focus:
                            return x
            except FunctionRaised:
                pass
            return None

        def fails(drawn: Arguments) -> Finding | None:
            nonlocal left
            case = case_of(drawn.args, drawn.kwargs, self.options.wrt)
            if case.size > limit:
                return None
            key = case.digest()
            if key not in known and left > 0:
                left -= 1
                known[key] = violation(case)
            return known.get(key)

        return fails

    def _smaller_still(self, strategy: Any, prop: str, known: dict[int, Finding | None], found: Finding) -> Finding:
        """Search again among smaller examples only: shrinking may stop where two shapes would have to change
        together.
        """
        from autodiff.testing.inputs.shrinking import smallest

        limit = _AT_A_GLANCE  # otherwise anything smaller than the present example
        while found.case.size > _AT_A_GLANCE:
            smaller = self._predicate(prop, known, limit)
            # most draws are too large and cost nothing, so there may be more of them
            best = smallest(strategy, smaller, _DRAWS * self.options.examples, self.options.seed + limit)
            if best:
                found = best[1]
            elif limit == found.case.size - 1:
                break
            limit = found.case.size - 1
        return found

    def _leading(self) -> list[str]:
        """Return the violated properties worth shrinking: the plainest first, at most two."""
        order = ["P12", "P16", "P17", "P18", "P01", "P25", "P09", "P02", "P10"]
        found = sorted(self.failing, key=lambda p: (order.index(p) if p in order else len(order), p))
        slopes = [p for p in found if p in _SLOPES]  # one wrong slope shows in many ways: the plainest is enough
        return [p for p in found if p not in slopes[1:]][:2]

    def report(self, seconds: float) -> DerivativeReport:
        failures = [self._failure(p, x) for p, x in self.shrunk.items()]
        for prop in self.options.properties:
            if prop not in self.tally.counts:
                self.tally.unavailable.setdefault(prop, why_unchecked(prop, self.subject))
        slopes = any(p in MEASURED for p in self.options.properties)
        data = {"refusal": self.refusal, "seen": len(self.seen), "slopes": slopes, "tried": self.tried}
        return DerivativeReport(
            self.subject.name,
            self.examples,
            self.rejected,
            self.tally,
            failures,
            self.options.seed,
            seconds,
            self.options.max_weak,
            data,
        )

    def _failure(self, prop: str, finding: Finding) -> Failure:
        if not self.explain:
            return Failure(finding, "", "", len(self.failing[prop]), self.examples, [], "", self.subject.name)
        here = Tally()
        try:
            with np.errstate(all="ignore"):
                examine(self.subject, finding.case, self.options, here)
        except FunctionRaised:
            pass
        right = [SHORT[p] for p, c in sorted(here.counts.items()) if c["pass"] and not c["fail"] and p != prop]
        failing = [f for f, props in self.seen if prop in props]
        passing = [f for f, props in self.seen if not props]
        witnesses = sorted((x for x in self.failing[prop] if x.case.size <= 16), key=lambda x: -x.case.size)[:3]
        focus = replace(self.options, focus=_FOUND_BY.get(prop, prop))

        def fails(case: Case) -> bool:
            return any(examine(self.subject, case, focus, Tally(), salt) for salt in range(3))

        kind, sentence = diagnose(self.subject, [finding, *witnesses], failing, passing, fails)
        with np.errstate(all="ignore"):
            finding = readable(self.subject, finding)
        imports, line, again = self._reproduce(prop, finding)
        counts = Counter(p for _, props in self.seen for p in props)
        data = {"curve": curve(self.subject, finding)}
        name, count = self.subject.name, counts[prop]
        return Failure(finding, kind, sentence, count, self.examples, right, line, name, data, imports, again)

    def _reproduce(self, prop: str, finding: Finding) -> tuple[str, str, str]:
        """Return (import lines, a line that fails in the same way, "") or ("", "", advice in words)."""
        case, options = finding.given or finding.case, dict(self.call.options) if self.call else {}
        source = Source()
        try:
            if self.call is None:
                raise Unwritable("the check was not made by a call that can be written down")
            if self.call.inputs_from_row:
                given = [self.call.target]
            else:
                given = [source.value(self.call.target), *map(source.value, case.args)]
                if case.kwargs:
                    options["kwargs"] = case.kwargs
                if not self._fails_at(case, self.options.properties, prop):
                    options["properties"] = [prop]  # the plain call leaves this property to other examples
                    if not self._fails_at(case, (prop,), prop):
                        raise Unwritable("the failure does not come again at this input alone")
            named = [f"{key}={source.value(value)}" for key, value in options.items()]
        except Unwritable as why:
            where = "with the same inputs, " if self.call is None or self.call.inputs_from_row else ""
            return "", "", f"make the same check {where}with seed={self.options.seed}; no line is given, for {why}"
        source.need(f"from autodiff.testing import {self.call.name}")
        line = f"{self.call.name}({', '.join([*given, *named, f'seed={self.options.seed}'])})"
        return "; ".join(source.imports), line, ""

    def _fails_at(self, case: Case, properties: tuple[str, ...], prop: str) -> bool:
        """Return whether a check of these properties at this one input reports the violation first."""
        options = replace(self.options, properties=properties, every=True, focus=None, elsewhere=None)
        again = _Run(self.subject, options, explain=False)
        again.at(case)
        return next(iter(again.shrunk), None) == prop
