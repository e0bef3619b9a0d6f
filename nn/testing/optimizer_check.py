"""`check_optimizer`: compare each step of an optimizer with its published formula.

The formulas are in `optimizer_formulas.py`. Your own optimizer gets every other check, and this one with `reference=`.
An optimizer whose `step` needs a function (LBFGS) minimises a quadratic function.

One file: the properties of one run, in their order.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import autodiff as ad

from .optimizer_formulas import FORMULAS, OF_A_PARAMETER, OF_ALL_PARAMETERS, Reference

__all__ = ["FORMULAS", "TITLES", "OptimizerError", "OptimizerReport", "StepFailure", "check_optimizer"]

TITLES = {
    "S01": "a step equals the published formula",
    "S02": "learning rate 0 leaves the parameters",
    "S03": "a parameter without a gradient is left alone",
    "S04": "state saved and restored continues the same run",
    "S05": "gradients are not written",
    "S06": "shape and dtype are kept",
    "S07": "groups equal separate optimizers",
    "S08": "the same run twice gives the same bits",
    "S09": "a step goes downhill",
}
_STEPS = 5


@dataclass
class StepFailure:
    """One property violated by an optimizer, with the parameters of the smallest run that showed it.

    Attributes:
        property_id: id such as "S01".
        message: what happened.
        kind: the kind of mistake ("wrong formula", "mutation", "sign", ...).
        values: the parameters at the start.
        failing: how many runs violated the property.
    """

    property_id: str
    message: str
    kind: str
    values: list[np.ndarray]
    failing: int = 1

    @property
    def size(self) -> int:
        """Number of elements of all parameters."""
        return sum(v.size for v in self.values)


@dataclass
class OptimizerReport:
    """The outcome of `check_optimizer`.

    Attributes:
        name: the optimizer's class.
        examples: number of runs of a few steps.
        seed: of the parameters and gradients; the same seed gives the same report.
        counts: per property the number of runs that passed and failed.
        failures: the violated properties.
        unavailable: properties that could not be checked, with the reason.
    """

    name: str
    examples: int
    seed: int
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[StepFailure] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        checks = sum(c.total() for c in self.counts.values())
        counts = f"{len(self.counts)} properties, {checks} checks on {self.examples} runs"
        missing = [f"  not checked, {why}: {p}" for p, why in self.unavailable.items()]
        if self.ok:
            return "\n".join([f"{self.name}: right   ({counts})", *missing])
        lines = [f"{self.name}: {len(self.failures)} of {counts} failed"]
        for f in self.failures:
            lines += [
                f"  {f.property_id} {TITLES[f.property_id]}: {f.message}",
                f"    in {f.failing} of {self.examples} runs; parameters {[v.tolist() for v in f.values]}",
            ]
        held = [TITLES[p] for p, c in sorted(self.counts.items()) if not c["fail"]]
        lines += [f"  still right: {', '.join(held)}"] if held else []
        lines.append(f"  call again: check_optimizer(the same optimizer, seed={self.seed}, examples={self.examples})")
        return "\n".join(lines)

    __repr__ = __str__

    def raise_if_wrong(self) -> None:
        """Raise OptimizerError if a property is violated."""
        __tracebackhide__ = True
        if not self.ok:
            raise OptimizerError(self)


class OptimizerError(AssertionError):
    """A step differs from the formula, or violates another property. `report` has the details."""

    def __init__(self, report: OptimizerReport) -> None:
        super().__init__(str(report))
        self.report = report


def check_optimizer(
    opt: Callable[[list[Any]], Any],
    *,
    reference: Reference | None = None,
    examples: int = 10,
    dtype: Any = np.float64,
    seed: int = 0,
    raises: bool = True,
) -> OptimizerReport:
    """Check an optimizer against its formula and against itself.

    Args:
        opt: makes the optimizer from a list of parameters: a class, or `lambda ps: nn.Adam(ps, lr=0.1,
            weight_decay=0.01)`.
        reference: step(p, g, state, hyperparameters, t) -> new p on Python floats, where `state` is a dict for this
            number alone and t counts from 1; found by class name for the optimizers of this package.
        examples: how many runs of a few steps each.
        dtype: of the parameters.
        seed: of the parameters and gradients.
        raises: False returns the report of a failure instead of raising it.

    Returns:
        An `OptimizerReport` over the properties S01 to S09.

    Raises:
        OptimizerError: a property is violated.

    >>> import nn
    >>> check_optimizer(lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9)).ok
    True
    """
    trial = _Trial(opt, reference, np.dtype(dtype))
    report = OptimizerReport(trial.name, examples, seed, trial.counts, unavailable=trial.unavailable)
    found: dict[str, StepFailure] = {}
    for k in range(examples):
        for failure in trial.run(np.random.default_rng([seed, k]), k):
            old = found.get(failure.property_id, failure)
            smaller = min(old, failure, key=lambda f: f.size)
            smaller.failing = old.failing + (old is not failure)
            found[failure.property_id] = smaller
    report.failures = list(found.values())
    if raises:
        report.raise_if_wrong()
    return report


def _needs_closure(optimizer: Any) -> bool:
    """Return whether `step` refuses to run without a function that computes the loss."""
    try:
        optimizer.step()
    except TypeError:
        return True
    return False


class _Trial:
    """Runs of an optimizer on generated parameters and gradients, with one method for each property."""

    def __init__(self, opt: Callable[[list[Any]], Any], reference: Reference | None, dtype: np.dtype) -> None:
        self.opt, self.dtype = opt, dtype
        self.counts: dict[str, Counter[str]] = {}
        self.unavailable: dict[str, str] = {}
        start = ad.tensor(np.zeros(1, dtype))
        start.grad = np.ones(1, dtype)
        probe = opt([start])
        self.name = type(probe).__name__
        self.hyper = {k: v for k, v in probe.param_groups[0].items() if k != "params"}
        self.reference = reference or FORMULAS.get(self.name)
        self.takes_closure = _needs_closure(probe)
        self.lowest: list[np.ndarray] = []  # where the bowl is lowest, for each parameter
        self.handed: list[tuple[np.ndarray, np.ndarray]] = []  # gradients of the bowl, and copies of their first values
        self.eps = float(np.finfo(dtype).eps)

    def parameters(self, values: list[np.ndarray]) -> list[Any]:
        return [ad.tensor(v) for v in values]

    def steps(self, ps: list[Any], o: Any, gradients: list[list[np.ndarray | None]]) -> None:
        for gs in gradients:
            if self.takes_closure:
                o.step(lambda gs=gs: self.bowl(ps, [g is not None for g in gs]))
                continue
            for p, g in zip(ps, gs):
                p.grad = None if g is None else g.copy()
            o.step()

    def bowl(self, ps: list[Any], wanted: list[bool]) -> float:
        """Set the gradients of a quadratic whose curvature is 1, 2, 3, 1, ... along the numbers; return its value."""
        value, first = 0.0, 0
        for p, lowest, want in zip(ps, [*self.lowest, np.zeros(2)], wanted):
            curvature = 1.0 + (np.arange(first, first + p.size) % 3).reshape(p.shape)
            first += p.size
            away = p.data - lowest
            p.grad = (curvature * away).astype(self.dtype) if want else None
            if want:
                self.handed.append((p.grad, p.grad.copy()))
            value += float(np.sum(curvature * away**2)) / 2 if want else 0.0
        return value

    def run(self, rng: np.random.Generator, k: int) -> Iterator[StepFailure]:
        families: list[list[tuple[int, ...]]] = [[(1,)], [(2,), (1,)], [(2, 3), (3,), ()]]
        shapes = families[k % 3]
        values = [np.asarray(rng.normal(size=s)).astype(self.dtype) for s in shapes]
        scale = 10.0 ** rng.integers(-4, 3)
        gradients: list[list[Any]] = [
            [np.asarray(scale * rng.normal(size=s)).astype(self.dtype) for s in shapes] for _ in range(_STEPS)
        ]
        if k % 2:
            gradients[0] = [np.zeros_like(g) for g in gradients[0]]
        self.lowest = gradients[-1]
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
            self.counts.setdefault(prop, Counter())["fail" if wrong else "pass"] += 1
            if wrong:
                yield StepFailure(prop, wrong, _kind(prop, wrong), list(values))

    def formula(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        wanted = self.expected(values, gradients)
        if wanted is None:
            self.unavailable["S01"] = "no formula is known for it; pass reference="
            return None
        for i, (value, after, formula) in enumerate(zip(values, found, wanted)):
            for place in np.ndindex(value.shape):
                p, got, start = float(formula[place]), float(after[place]), float(value[place])
                # each step rounds a handful of operations; state in the parameter's precision
                allowed = 64 * self.eps * _STEPS * max(abs(p), abs(start), 1e-3)
                if self.takes_closure:  # the last step ends at a tolerance, in one of them perhaps a step earlier
                    allowed = self.eps**0.5 * max(abs(p), abs(start), 1.0)
                if abs(p - got) > allowed:
                    return f"after {_STEPS} steps parameter {i}{list(place)} is {got!r}, the formula gives {p!r}"
        return ""

    def expected(self, values: list[np.ndarray], gradients: list[list[Any]]) -> list[np.ndarray] | None:
        """Return the parameters after all steps by the formula, or None where none is known."""
        if self.name in OF_ALL_PARAMETERS and self.reference is None:
            ps = self.parameters([v.astype(float) for v in values])

            def function(x: np.ndarray) -> tuple[float, np.ndarray]:
                for p, part in zip(ps, self.parts(x, values)):
                    p.data = part
                value = self.bowl(ps, [True] * len(ps))
                return value, np.concatenate([np.ravel(p.grad) for p in ps]).astype(float)

            start = np.concatenate([np.ravel(v) for v in values]).astype(float)
            end = OF_ALL_PARAMETERS[self.name](start, function, len(gradients), self.hyper)
            return None if end is None else self.parts(end, values)
        whole = OF_A_PARAMETER.get(self.name) if self.reference is None else None
        if whole is None and self.reference is None:
            return None
        sign = -1 if self.hyper.get("maximize") else 1
        ends = []
        for i, value in enumerate(values):
            p = np.ravel(value).astype(float).tolist()
            states: list[dict[str, Any]] = [{} for _ in p]
            for t, gs in enumerate(gradients, 1):
                g = [sign * x for x in np.ravel(gs[i]).astype(float).tolist()]
                if whole is not None:
                    p = whole(p, g, states[0], self.hyper, t)
                elif self.reference is not None:
                    p = [self.reference(x, s, state, self.hyper, t) for x, s, state in zip(p, g, states)]
            ends.append(np.reshape(p, value.shape))
        return ends

    @staticmethod
    def parts(flat: np.ndarray, like: list[np.ndarray]) -> list[np.ndarray]:
        """Split one row of numbers into arrays of the given shapes."""
        ends = np.cumsum([v.size for v in like])[:-1]
        return [part.reshape(v.shape) for part, v in zip(np.split(flat, ends), like)]

    def no_rate(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        if "step_sizes" in self.hyper:
            self.unavailable["S02"] = "the rate is where the sizes of its steps begin"
            return None
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
        # sums over all parameters are longer by its zeros, and round in another order
        same = np.array_equal if not self.takes_closure else lambda a, b: np.allclose(a, b, 1e-3, 64 * self.eps)
        undisturbed = all(same(p.data, f) for p, f in zip(ps, found))
        return "" if undisturbed else "a parameter without a gradient disturbs the others"

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
        return "" if close else "a run restored from state_dict differs from the uninterrupted run"

    def unwritten(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        o = self.opt(ps)
        if self.takes_closure:
            self.handed.clear()
            self.steps(ps, o, gradients)
            same = all(np.array_equal(a, b) for a, b in self.handed)
            return "" if same else "step() writes into a gradient"
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
        if self.takes_closure:
            self.unavailable["S07"] = "its steps depend on all parameters together"
            return None
        ps = self.parameters(values)
        each = [self.opt([p]) for p in ps]
        for gs in gradients:
            for p, g, o in zip(ps, gs, each):
                p.grad = g.copy()
                o.step()
        close = all(np.allclose(p.data, f, rtol=64 * self.eps, atol=1e-300) for p, f in zip(ps, found))
        return "" if close else "one optimizer over all parameters differs from one for each: they share state"

    def again(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        ps = self.parameters(values)
        self.steps(ps, self.opt(ps), gradients)
        return "" if all(np.array_equal(p.data, f) for p, f in zip(ps, found)) else "the same run gives other bits"

    def downhill(self, values: list[np.ndarray], gradients: list[list[Any]], found: list[np.ndarray]) -> str | None:
        """Check that the first step from rest moves against the gradient. Decay, a separate step, is set to 0."""
        ps = self.parameters(values)
        o = self.opt(ps)
        for decay in {"weight_decay", "lambd"} & set(self.hyper):
            o.param_groups[0][decay] = 0.0
        gs = gradients[-1]
        if self.takes_closure:
            self.bowl(ps, [True] * len(ps))
            gs = [p.grad for p in ps]
        self.steps(ps, o, [gradients[-1]])
        slope = sum(float(np.sum(g.astype(float) * (p.data.astype(float) - v))) for g, p, v in zip(gs, ps, values))
        slope = -slope if self.hyper.get("maximize") else slope
        return "" if slope < 0 or self.hyper.get("lr") == 0 else f"the first step moves uphill (slope {slope:.3g})"


def _kind(prop: str, message: str) -> str:
    if message.startswith("raised"):
        return "raises"
    return {
        "S01": "wrong formula",
        "S05": "mutation",
        "S06": "dtype",
        "S07": "shared state",
        "S08": "not deterministic",
        "S09": "sign",
    }.get(prop, "state")
