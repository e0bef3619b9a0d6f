"""`check_optimizer`: does each step do what its published formula says, and nothing else?

The formulas of SGD (momentum, Nesterov), Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter
2019, algorithm 2) are written out here once more, one number at a time in Python floats, as an oracle independent of
any array code. An optimizer of your own gets every other check, and this one too when you pass `reference=`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.testing.properties.table import STEP_TITLES, Finding, Tally
from autodiff.testing.reporting.report import DerivativeReport, Failure
from autodiff.testing.subjects.function_under_test import Case

__all__ = ["check_optimizer"]

Reference = Callable[[float, float, dict[str, float], dict[str, Any], int], float]
_STEPS = 5


def _sgd(p: float, g: float, state: dict[str, float], h: dict[str, Any], t: int) -> float:
    g += h["weight_decay"] * p
    if h["momentum"]:
        b = state["b"] = g if t == 1 else h["momentum"] * state["b"] + (1 - h["dampening"]) * g
        g = g + h["momentum"] * b if h["nesterov"] else b
    return p - h["lr"] * g


def _adam(p: float, g: float, state: dict[str, float], h: dict[str, Any], t: int) -> float:
    return _adam_step(p, g + h["weight_decay"] * p, state, h, t)


def _adamw(p: float, g: float, state: dict[str, float], h: dict[str, Any], t: int) -> float:
    return _adam_step(p - h["lr"] * h["weight_decay"] * p, g, state, h, t)


def _adam_step(p: float, g: float, state: dict[str, float], h: dict[str, Any], t: int) -> float:
    b1, b2 = h["betas"]
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g * g
    return p - h["lr"] * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + h["eps"])


FORMULAS: dict[str, Reference] = {"SGD": _sgd, "Adam": _adam, "AdamW": _adamw}


def check_optimizer(
    opt: Callable[[list[Any]], Any],
    *,
    reference: Reference | None = None,
    examples: int = 10,
    dtype: Any = np.float64,
    seed: int = 0,
    raises: bool = True,
) -> DerivativeReport:
    """Check an optimizer against its formula and against itself.

    Args:
        opt: makes the optimizer from a list of parameters: a class, or `lambda ps: nn.Adam(ps, lr=0.1,
            weight_decay=0.01)`.
        reference: step(p, g, state, hyperparameters, t) -> new p on Python floats, where `state` is a dict of one
            number's own and t counts from 1; found by class name for SGD, Adam and AdamW.
        examples: how many runs of a few steps each.
        dtype: of the parameters.
        seed: of the parameters and gradients.
        raises: False returns the report of a failure instead of raising it.

    Returns:
        A `DerivativeReport` over the properties S01 to S09.

    Raises:
        DerivativeError: a step does something else.

    >>> import nn
    >>> check_optimizer(lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9)).ok
    True
    """
    started, tally, failures = time.perf_counter(), Tally(), []
    bench = _Bench(opt, reference, np.dtype(dtype), tally)
    seen: dict[str, int] = {}
    first: dict[str, Finding] = {}
    for k in range(examples):
        for finding in bench.run(np.random.default_rng([seed, k]), k):
            seen[finding.property] = seen.get(finding.property, 0) + 1
            old = first.get(finding.property)
            if old is None or finding.case.size < old.case.size:
                first[finding.property] = finding
    for prop, finding in first.items():
        call = f"check_optimizer(..., seed={seed}, examples={examples})"
        right = [STEP_TITLES[p] for p, c in sorted(tally.counts.items()) if not c["fail"]]
        failures.append(
            Failure(finding, bench.kind(prop, finding), finding.message, seen[prop], examples, right, call, bench.name)
        )
    report = DerivativeReport(
        bench.name, examples, 0, tally, failures, seed, time.perf_counter() - started, max_weak=1.0
    )
    report.data["steps"] = True
    if raises:
        report.raise_if_wrong()
    return report


class _Bench:
    """Runs an optimizer on parameters and gradients of its own choosing."""

    def __init__(
        self, opt: Callable[[list[Any]], Any], reference: Reference | None, dtype: np.dtype, tally: Tally
    ) -> None:
        self.opt, self.dtype, self.tally = opt, dtype, tally
        probe = opt([ad.tensor(np.zeros(1, dtype))])
        self.name = type(probe).__name__
        self.hyper = {k: v for k, v in probe.param_groups[0].items() if k != "params"}
        self.reference = reference or FORMULAS.get(self.name)
        self.eps = float(np.finfo(dtype).eps)

    def parameters(self, values: list[np.ndarray]) -> list[Any]:
        return [ad.tensor(v) for v in values]

    def steps(self, ps: list[Any], o: Any, gradients: list[list[np.ndarray | None]]) -> None:
        for gs in gradients:
            for p, g in zip(ps, gs):
                p.grad = None if g is None else g.copy()
            o.step()

    def run(self, rng: np.random.Generator, k: int) -> Iterator[Finding]:
        families: list[list[tuple[int, ...]]] = [[(1,)], [(2,), (1,)], [(2, 3), (3,), ()]]
        shapes = families[k % 3]
        values = [np.asarray(rng.normal(size=s)).astype(self.dtype) for s in shapes]
        scale = 10.0 ** rng.integers(-4, 3)
        gradients: list[list[Any]] = [
            [np.asarray(scale * rng.normal(size=s)).astype(self.dtype) for s in shapes] for _ in range(_STEPS)
        ]
        if k % 2:
            gradients[0] = [np.zeros_like(g) for g in gradients[0]]
        ps = self.parameters(values)
        o = self.opt(ps)
        self.steps(ps, o, gradients)
        found = [p.data.copy() for p in ps]
        checks = {
            "S01": self.formula,
            "S02": self.no_rate,
            "S03": self.no_gradient,
            "S04": self.restored,
            "S05": self.unwritten,
            "S06": self.kept,
            "S07": self.groups,
            "S08": self.again,
            "S09": self.downhill,
        }
        for prop, one in checks.items():
            try:
                wrong = one(values, gradients, found)
            except Exception as error:  # an optimizer may raise anything, and that is a finding
                wrong = f"raised {type(error).__name__}: {error}"
            if wrong is None:
                continue
            self.tally.add(prop, "fail" if wrong else "pass")
            if wrong:
                yield Finding(prop, wrong, Case(list(values), {}, tuple(range(len(values)))))

    def formula(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        if self.reference is None:
            self.tally.unavailable["S01"] = "no formula is known for it; pass reference="
            return None
        for i, (value, after) in enumerate(zip(values, found)):
            for place in np.ndindex(value.shape):
                p = float(value[place])
                state: dict[str, float] = {}
                for t, gs in enumerate(gradients, 1):
                    p = self.reference(p, float(gs[i][place]), state, self.hyper, t)
                # each step rounds a handful of operations; state in the parameter's precision
                allowed = 64 * self.eps * _STEPS * max(abs(p), abs(float(value[place])), 1e-3)
                if abs(p - float(after[place])) > allowed:
                    got = float(after[place])
                    return f"after {_STEPS} steps parameter {i}{list(place)} is {got!r}, the formula gives {p!r}"
        return ""

    def no_rate(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        o = self.opt(ps)
        o.param_groups[0]["lr"] = 0.0
        self.steps(ps, o, gradients[:2])
        return "" if all(np.array_equal(p.data, v) for p, v in zip(ps, values)) else "lr=0 moves a parameter"

    def no_gradient(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = [*self.parameters(values), ad.tensor(np.ones(2, self.dtype))]
        self.steps(ps, self.opt(ps), [[*gs, None] for gs in gradients])
        if not np.array_equal(ps[-1].data, np.ones(2)):
            return "a parameter whose gradient is None moves"
        return (
            ""
            if all(np.array_equal(p.data, f) for p, f in zip(ps, found))
            else "a parameter without a gradient disturbs the others"
        )

    def restored(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        o = self.opt(ps)
        self.steps(ps, o, gradients[:2])
        qs = self.parameters([p.data for p in ps])
        other = self.opt(qs)
        other.load_state_dict(copy.deepcopy(o.state_dict()))
        self.steps(qs, other, gradients[2:])
        # state may be kept in a scaled form: saving and loading it then rounds once
        close = all(
            np.allclose(q.data, f, rtol=64 * self.eps, atol=64 * self.eps * self.hyper.get("lr", 1.0))
            for q, f in zip(qs, found)
        )
        return "" if close else "a run restored from state_dict goes another way"

    def unwritten(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        o = self.opt(ps)
        for gs in gradients:
            handed = [g.copy() for g in gs]
            for p, g in zip(ps, handed):
                p.grad = g
            o.step()
            if not all(np.array_equal(a, b) for a, b in zip(handed, gs)):
                return "step() writes into a gradient"
        return ""

    def kept(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        same = all(f.dtype == v.dtype and f.shape == v.shape for f, v in zip(found, values))
        return "" if same else f"parameters become {[(f.shape, str(f.dtype)) for f in found]}"

    def groups(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        each = [self.opt([p]) for p in ps]
        for gs in gradients:
            for p, g, o in zip(ps, gs, each):
                p.grad = g.copy()
                o.step()
        close = all(np.allclose(p.data, f, rtol=64 * self.eps, atol=1e-300) for p, f in zip(ps, found))
        return (
            "" if close else "one optimizer over all parameters differs from one for each: state is shared between them"
        )

    def again(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        self.steps(ps, self.opt(ps), gradients)
        return "" if all(np.array_equal(p.data, f) for p, f in zip(ps, found)) else "the same run gives other bits"

    def downhill(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        """The first step from rest moves against the gradient; weight decay would add a pull of its own, so it is set
        to 0.
        """
        ps = self.parameters(values)
        o = self.opt(ps)
        o.param_groups[0]["weight_decay"] = 0.0
        gs = gradients[-1]
        self.steps(ps, o, [gs])
        slope = sum(float(np.sum(g.astype(float) * (p.data.astype(float) - v))) for g, p, v in zip(gs, ps, values))
        return "" if slope < 0 or self.hyper.get("lr") == 0 else f"the first step moves uphill (slope {slope:.3g})"

    def kind(self, prop: str, finding: Finding) -> str:
        if finding.message.startswith("raised"):
            return "raises"
        return {
            "S01": "wrong formula",
            "S05": "mutation",
            "S06": "dtype",
            "S07": "shared state",
            "S08": "not deterministic",
            "S09": "sign",
        }.get(prop, "state")
