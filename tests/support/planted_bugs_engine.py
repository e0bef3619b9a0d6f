"""Wrong second derivatives, forward derivatives, layers and optimizers: mistakes that a bare first-order rule cannot
have.

Each entry is check(examples, seed, explain) -> report. The first-order rules of the double-backward bugs are right:
only differentiating them again shows the mistake.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad
import nn
from autodiff.testing import check_derivatives
from autodiff.testing.inputs import strategies as s
from autodiff.testing.reporting.report import DerivativeReport
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject
from autodiff.testing.subjects.other_libraries import Adapted
from autodiff.testing.subjects.this_engine import engine_subject
from nn.testing import check_module, check_optimizer
from nn.testing.optimizer_check import FORMULAS, OptimizerReport

Check = Callable[[int, int, bool], DerivativeReport | OptimizerReport]


@dataclass(frozen=True)
class EngineBug:
    """A check that must fail, the same check of the right thing, and the names in a good diagnosis."""

    name: str
    kind: str
    wrong: Check
    right: Check


ENGINE_BUGS: dict[str, EngineBug] = {}


def bug(name: str, kind: str, wrong: Check, right: Check) -> None:
    assert name not in ENGINE_BUGS, name
    ENGINE_BUGS[name] = EngineBug(name, kind, wrong, right)


# --- double backward: the rule treats something as constant
# -------------------------------------------------------------------


def frozen(x: Any) -> np.ndarray:
    """Return a value without its graph, as a raw residual is."""
    return np.asarray(x.data if isinstance(x, ad.Variable) else x)


def custom(name: str, f: Callable[..., Any], bwd: Callable[..., Any]) -> Callable[..., Any]:
    made = ad.custom_vjp(f)
    made.__name__ = name
    made.defvjp(lambda *xs: (f(*xs), xs), bwd)
    return made


def double(
    name: str, kind: str, f: Callable[..., Any], right: Callable[..., Any], wrong: Callable[..., Any], inputs: Any
) -> None:
    def check(rule: Callable[..., Any]) -> Check:
        return lambda examples, seed, explain: check_derivatives(
            custom(name, f, rule),
            inputs,
            order=2,
            examples=examples,
            seed=seed,
            dtypes=(),
            raises=False,
            explain=explain,
        )

    bug(f"second order: {name}", kind, check(wrong), check(right))


T = s.tensors(wide=False)
double(
    "sin with a frozen slope",
    "second order",
    np.sin,
    lambda r, g: (g * np.cos(r[0]),),
    lambda r, g: (g * np.cos(frozen(r[0])),),
    T,
)
double(
    "square with a frozen input",
    "second order",
    np.square,
    lambda r, g: (2 * g * r[0],),
    lambda r, g: (2 * g * frozen(r[0]),),
    T,
)
double(
    "tanh, half of it frozen",
    "second order",
    np.tanh,
    lambda r, g: (g * (1 - np.tanh(r[0]) ** 2),),
    lambda r, g: (g * (1 - np.tanh(r[0]) * frozen(np.tanh(r[0]))),),
    T,
)
double(
    "cube with a frozen factor",
    "second order",
    lambda x: x**3,
    lambda r, g: (3 * g * r[0] * r[0],),
    lambda r, g: (3 * g * r[0] * frozen(r[0]),),
    T,
)
double(
    "multiply freezes b",
    "second order",
    lambda a, b: a * b,
    lambda r, g: (g * r[1], g * r[0]),
    lambda r, g: (g * frozen(r[1]), g * r[0]),
    s.signature("(n),(n)->(n)"),
)
double(
    "exp freezes the cotangent",
    "second order|forward mode",
    np.exp,
    lambda r, g: (g * np.exp(r[0]),),
    lambda r, g: (frozen(g) * np.exp(r[0]),),
    s.tensors(domain=(-4.0, 4.0)),
)
double(
    "matmul freezes a",
    "second order",
    lambda a, b: a @ b,
    lambda r, g: (g @ r[1].T, r[0].T @ g),
    lambda r, g: (g @ r[1].T, frozen(r[0]).T @ g),
    s.signature("(m,k),(k,n)->(m,n)"),
)
double(
    "log freezes x",
    "second order",
    np.log,
    lambda r, g: (g / r[0],),
    lambda r, g: (g / frozen(r[0]),),
    s.tensors(domain=(0.0, 8.0), wide=False),
)


def soft(x: Any) -> Any:
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def soft_rule(y: Any, g: Any) -> Any:
    return y * (g - np.sum(g * y))


double(
    "softmax with a frozen output",
    "second order",
    soft,
    lambda r, g: (soft_rule(soft(r[0]), g),),
    lambda r, g: (soft_rule(frozen(soft(r[0])), g),),
    s.smooth_values(s.shapes(1, 1, 4)),
)
double(
    "gelu drops its curvature",
    "second order",
    lambda x: ad.gelu(x),
    lambda r, g: (ad.vjp(ad.gelu, r[0])[1](g)[0],),
    lambda r, g: (g * frozen(ad.vjp(ad.gelu, frozen(r[0]))[1](np.ones(np.shape(r[0])))[0]),),
    s.tensors(domain=(-4.0, 4.0), wide=False),
)

# --- forward mode
# ---------------------------------------------------------------------------------------------------------------


def forward(
    name: str, kind: str, f: Callable[..., Any], change: Callable[[Sequence[Any], Case, Arrays], Any], inputs: Any
) -> None:
    def adapted(broken: bool) -> Adapted:
        def build(modes: tuple[str, ...], order: int) -> Subject:
            subject = engine_subject(f, modes, order, name)
            right = subject.forward_mode
            if broken and right is not None:
                subject.forward_mode = lambda case, vs: change(right(case, vs), case, vs)
            return subject

        return Adapted(name, f, build)

    def check(broken: bool) -> Check:
        return lambda examples, seed, explain: check_derivatives(
            adapted(broken), inputs, examples=examples, seed=seed, dtypes=(), raises=False, explain=explain
        )

    bug(f"forward mode: {name}", kind, check(True), check(False))


forward("tanh twice", "forward mode|only at ties", np.tanh, lambda ts, case, vs: [2 * t for t in ts], T)
forward("sin with a sign", "forward mode|only at ties", np.sin, lambda ts, case, vs: [-t for t in ts], T)
forward(
    "multiply forgets b's tangent",
    "forward mode|only at ties",
    lambda a, b: a * b,
    lambda ts, case, vs: [vs[0] * case.xs[1]],
    s.signature("(n),(n)->(n)"),
)
forward(
    "sum forgets the last entry",
    "forward mode|only at ties",
    np.sum,
    lambda ts, case, vs: [np.asarray(np.sum(vs[0].ravel()[:-1]))],
    s.tensors(s.shapes(1, 2)),
)
forward(
    "matmul forgets b's tangent",
    "forward mode|only at ties",
    lambda a, b: a @ b,
    lambda ts, case, vs: [vs[0] @ case.xs[1]],
    s.signature("(m,k),(k,n)->(m,n)"),
)
forward(
    "max ignores all ties but one",
    "forward mode|only at ties",
    np.max,
    lambda ts, case, vs: [
        np.asarray(vs[0].ravel()[np.argmax(case.xs[0])] * (1.5 if np.sum(case.xs[0] == case.xs[0].max()) > 1 else 1.0))
    ],
    s.tensors(s.shapes(1, 2)),
)

# --- layers ---------------------------------------------------------------------------------------


class Dense(nn.Module):
    """x @ w.T + b with its own rule."""

    def __init__(self, rule: Callable[..., Any]) -> None:
        self.weight = nn.Parameter(np.array([[0.5, -1.0], [2.0, 0.25]]))
        self.bias = nn.Parameter(np.array([0.5, -0.25]))
        self.rule = rule

    def forward(self, x: Any) -> Any:
        return custom("dense", lambda x, w, b: x @ w.T + b, self.rule)(x, self.weight, self.bias)


class Norm(nn.Module):
    """Layer norm with its own rule."""

    def __init__(self, rule: Callable[..., Any]) -> None:
        self.gain = nn.Parameter(np.array([1.0, 2.0, 0.5]))
        self.rule = rule

    def forward(self, x: Any) -> Any:
        return custom("norm", lambda x, w: normalised(x) * w, self.rule)(x, self.gain)


def normalised(x: Any) -> Any:
    c = x - np.mean(x, axis=-1, keepdims=True)
    return c / np.sqrt(np.mean(c * c, axis=-1, keepdims=True) + 1e-3)


def norm_rule(r: Any, g: Any) -> Any:
    x, w = r
    h, gh = normalised(x), g * w
    c = x - np.mean(x, axis=-1, keepdims=True)
    scale = np.sqrt(np.mean(c * c, axis=-1, keepdims=True) + 1e-3)
    return (
        (gh - np.mean(gh, axis=-1, keepdims=True) - h * np.mean(gh * h, axis=-1, keepdims=True)) / scale,
        np.sum(g * h, axis=0),
    )


class Attend(nn.Module):
    """Self attention with its own rule for the scores."""

    def __init__(self, wrong: bool) -> None:
        self.query = nn.Parameter(np.array([[0.5, -1.0], [1.0, 0.25]]))
        self.wrong = wrong

    def forward(self, x: Any) -> Any:
        scores = (x @ self.query) @ x.T / math.sqrt(2)
        if self.wrong:
            scores = custom("scores", lambda a: a * 1.0, lambda r, g: (g.T,))(scores)
        return ad.softmax(scores, axis=-1) @ x


def dense_rule(r: Any, g: Any) -> Any:
    x, w, _ = r
    return g @ w, g.T @ x, np.sum(g, axis=0)


def layer(name: str, kind: str, make: Callable[[Any], Any], wrong: Any, right: Any, *inputs: Any) -> None:
    def check(rule: Any) -> Check:
        return lambda examples, seed, explain: check_module(
            make(rule), *inputs, examples=examples, seed=seed, raises=False, explain=explain
        )

    bug(f"layer: {name}", kind, check(wrong), check(right))


X2, X3 = s.smooth_values((3, 2)), s.smooth_values((3, 3))
layer(
    "dense without the transpose",
    "transpose",
    Dense,
    lambda r, g: (g @ r[1].T, g.T @ r[0], np.sum(g, axis=0)),
    dense_rule,
    X2,
)
layer(
    "dense, weight gradient transposed",
    "transpose",
    Dense,
    lambda r, g: (g @ r[1], r[0].T @ g, np.sum(g, axis=0)),
    dense_rule,
    X2,
)
layer(
    "dense, bias averaged over the batch",
    "constant factor",
    Dense,
    lambda r, g: (g @ r[1], g.T @ r[0], np.mean(g, axis=0)),
    dense_rule,
    X2,
)
layer("dense, bias forgotten", "missing path", Dense, lambda r, g: (g @ r[1], g.T @ r[0], None), dense_rule, X2)
layer(
    "norm without the variance's path",
    "missing path",
    Norm,
    lambda r, g: (
        (lambda gh: (gh - np.mean(gh, axis=-1, keepdims=True)) / np.sqrt(np.var(r[0], axis=-1, keepdims=True) + 1e-3))(
            g * r[1]
        ),
        np.sum(g * normalised(r[0]), axis=0),
    ),
    norm_rule,
    X3,
)
layer(
    "norm without the gain in x's gradient",
    "missing path",
    Norm,
    lambda r, g: (norm_rule((r[0], 1.0), g)[0], norm_rule(r, g)[1]),
    norm_rule,
    X3,
)
layer("attention, scores' gradient transposed", "transpose", Attend, True, False, s.smooth_values((2, 2)))

# --- optimizers -----------------------------------------------------------------------------------


class Plain:
    """A small optimizer of its own: subclasses override `update(p, g, state, t)`."""

    kind = "SGD"
    lr, weight_decay, betas, eps, momentum = 0.1, 0.1, (0.9, 0.99), 1e-8, 0.9

    def __init__(self, parameters: Any) -> None:
        self.param_groups = [
            {
                "params": list(parameters),
                "lr": self.lr,
                "weight_decay": self.weight_decay,
                "betas": self.betas,
                "eps": self.eps,
                "momentum": self.momentum,
                "dampening": 0.0,
                "nesterov": False,
            }
        ]
        self.state: list[dict[str, Any]] = [{} for _ in self.param_groups[0]["params"]]

    def step(self) -> None:
        for p, state in zip(self.param_groups[0]["params"], self.state):
            if p.grad is not None:
                state["t"] = state.get("t", 0) + 1
                p.data = np.asarray(self.update(p.data, p.grad, state, state["t"]), p.data.dtype)

    def hyper(self, name: str) -> Any:
        return self.param_groups[0][name]

    def state_dict(self) -> Any:
        return [dict(state) for state in self.state]

    def load_state_dict(self, saved: Any) -> None:
        self.state = [dict(state) for state in saved]

    def update(self, p: Any, g: Any, state: dict[str, Any], t: int) -> Any:
        g = g + self.hyper("weight_decay") * p
        b = state["b"] = g if t == 1 else self.momentum * state["b"] + g
        return p - self.hyper("lr") * b


class PlainAdam(Plain):
    """Adam in a few lines."""

    def moments(self, g: Any, state: dict[str, Any]) -> tuple[Any, Any]:
        b1, b2 = self.betas
        state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
        state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g * g
        return state["m"], state["v"]

    def update(self, p: Any, g: Any, state: dict[str, Any], t: int) -> Any:
        m, v = self.moments(g + self.hyper("weight_decay") * p, state)
        b1, b2 = self.betas
        return p - self.hyper("lr") * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + self.eps)


def variant(base: type, name: str, **methods: Any) -> type:
    return type(name, (base,), methods)


def _decayed_twice(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    return Plain.update(self, p, g + self.hyper("weight_decay") * p, state, t)


def _uphill(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    return 2 * p - Plain.update(self, p, g, state, t)


def _dampened(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    g = g + self.hyper("weight_decay") * p
    b = state["b"] = (1 - self.momentum) * g + self.momentum * state.get("b", 0.0)
    return p - self.hyper("lr") * b


def _no_correction(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    m, v = PlainAdam.moments(self, g + self.hyper("weight_decay") * p, state)
    return p - self.hyper("lr") * m / (np.sqrt(v) + self.eps)


def _eps_inside(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    m, v = PlainAdam.moments(self, g + self.hyper("weight_decay") * p, state)
    b1, b2 = self.betas
    return p - self.hyper("lr") * (m / (1 - b1**t)) / np.sqrt(v / (1 - b2**t) + self.eps)


def _late(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    return PlainAdam.update(self, p, g, state, t + 1)


def _decoupled(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    p = p - self.hyper("lr") * self.hyper("weight_decay") * p
    m, v = PlainAdam.moments(self, g, state)
    b1, b2 = self.betas
    return p - self.hyper("lr") * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + self.eps)


def _writes(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    g += self.hyper("weight_decay") * p
    b = state["b"] = g.copy() if t == 1 else self.momentum * state["b"] + g
    return p - self.hyper("lr") * b


def _forgets(self: Any, saved: Any) -> None:
    self.state = [{} for _ in saved]


def _moves_without_gradient(self: Any) -> None:
    for p in self.param_groups[0]["params"]:
        if p.grad is None:
            p.data = p.data * 0.99
    Plain.step(self)


def _shares(self: Any, parameters: Any) -> None:
    Plain.__init__(self, parameters)
    shared: dict[str, Any] = {}
    self.state = [shared for _ in self.state]


def _shared_step(self: Any, p: Any, g: Any, state: Any, t: int) -> Any:
    g = g + self.hyper("weight_decay") * p
    b = state["b"] = g if t == 1 else self.momentum * float(np.mean(state["b"])) + g
    return p - self.hyper("lr") * b


def optimizer(name: str, kind: str, wrong: type, right: type) -> None:
    def check(make: type) -> Check:
        reference = FORMULAS["Adam" if issubclass(make, PlainAdam) else "SGD"]
        return lambda examples, seed, explain: check_optimizer(
            make, reference=reference, examples=min(examples, 20), seed=seed, raises=False
        )

    bug(f"optimizer: {name}", kind, check(wrong), check(right))


FORMULA = "wrong formula|sign|mutation|shared state|state|raises"
optimizer("SGD decays twice", FORMULA, variant(Plain, "Twice", update=_decayed_twice), Plain)
optimizer("SGD goes uphill", FORMULA, variant(Plain, "Uphill", update=_uphill), Plain)
optimizer("momentum dampened", FORMULA, variant(Plain, "Dampened", update=_dampened), Plain)
optimizer("Adam without bias correction", FORMULA, variant(PlainAdam, "Uncorrected", update=_no_correction), PlainAdam)
optimizer(
    "Adam with eps inside the root",
    FORMULA,
    variant(PlainAdam, "EpsInside", update=_eps_inside, eps=1e-3),
    variant(PlainAdam, "EpsOutside", eps=1e-3),
)
optimizer("Adam counts from 2", FORMULA, variant(PlainAdam, "Late", update=_late), PlainAdam)
optimizer("Adam decays as AdamW does", FORMULA, variant(PlainAdam, "Decoupled", update=_decoupled), PlainAdam)
optimizer("SGD writes into the gradient", FORMULA, variant(Plain, "Writes", update=_writes), Plain)
optimizer("SGD forgets its state when restored", FORMULA, variant(Plain, "Forgets", load_state_dict=_forgets), Plain)
optimizer(
    "SGD moves parameters without a gradient", FORMULA, variant(Plain, "Drifts", step=_moves_without_gradient), Plain
)
optimizer("SGD shares its velocity", FORMULA, variant(Plain, "Shares", __init__=_shares, update=_shared_step), Plain)

# --- graphs ---------------------------------------------------------------------------------------

_kept: list[Any] = []


def remembers(x: Any) -> Any:
    """Keep every result forever."""
    y = np.tanh(x)
    _kept.append(y)
    return y


_count = [0]


def drifts(x: Any) -> Any:
    """Compute another function in every call."""
    _count[0] += 1
    return np.tanh(x) * (1 + 1e-9 * _count[0])


def unsafe(x: Any) -> Any:
    """Write into its argument."""
    if isinstance(x, np.ndarray):
        x *= 0.5
    elif not x.requires_grad:
        x.data[...] = x.data * 0.5
    return np.tanh(x)


def graph(name: str, kind: str, wrong: Callable[..., Any], right: Callable[..., Any]) -> None:
    def check(f: Callable[..., Any]) -> Check:
        return lambda examples, seed, explain: check_derivatives(
            f, s.tensors(wide=False), examples=examples, seed=seed, dtypes=(), raises=False, explain=explain
        )

    bug(f"graph: {name}", kind, check(wrong), check(right))


graph("a result kept for ever", "memory", remembers, np.tanh)
graph(
    "another function in every call",
    "not deterministic|constant factor|float32 noise|missing path|memory",
    drifts,
    np.tanh,
)
graph(
    "the gradient leaves the graph",
    "missing path|constant factor|only at zero",
    lambda x: np.tanh(x) * frozen(x),
    lambda x: np.tanh(x) * x,
)
graph(
    "a detached path",
    "missing path|constant factor|only at zero",
    lambda x: x * x.detach() if isinstance(x, ad.Variable) else x * x,
    np.square,
)
