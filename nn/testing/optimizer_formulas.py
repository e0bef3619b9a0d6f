"""The published formulas of the optimizers, written out once more as an oracle for `check_optimizer`.

Most take one number at a time, in Python floats: independent of any array code. LAMB needs a whole parameter for its
norms, and L-BFGS all parameters and the gradient as a function; here its matrix is formed, which the optimizer avoids.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FORMULAS", "OF_ALL_PARAMETERS", "OF_A_PARAMETER", "Reference"]

State = dict[str, float]
Hyper = dict[str, Any]
Reference = Callable[[float, float, State, Hyper, int], float]


def _mean(state: dict[str, Any], name: str, kept: float, new: Any) -> Any:
    """Update a running mean that starts at 0."""
    state[name] = kept * state.get(name, 0.0) + (1 - kept) * new
    return state[name]


def _decayed(p: float, g: float, h: Hyper) -> tuple[float, float]:
    """Return the parameter and the gradient, with the decay in the one or in the other."""
    if h.get("decoupled_weight_decay"):
        return p - h["lr"] * h["weight_decay"] * p, g
    return p, g + h["weight_decay"] * p


def _sgd(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    p, g = _decayed(p, g, h)
    if h["momentum"]:
        b = state["b"] = g if t == 1 else h["momentum"] * state["b"] + (1 - h["dampening"]) * g
        g = g + h["momentum"] * b if h["nesterov"] else b
    return p - h["lr"] * g


def _adam(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Kingma and Ba 2015, algorithm 1; amsgrad: Reddi et al. 2018, algorithm 2."""
    p, g = _decayed(p, g, h)
    b1, b2 = h["betas"]
    m, v = _mean(state, "m", b1, g), _mean(state, "v", b2, g * g)
    if h.get("amsgrad"):
        v = state["largest"] = max(state.get("largest", 0.0), v)
    return p - h["lr"] * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + h["eps"])


def _adamw(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Loshchilov and Hutter 2019, algorithm 2."""
    return _adam(p, g, state, {**h, "decoupled_weight_decay": True}, t)


def _rmsprop(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Hinton 2012, lecture 6e; centered: Graves 2013, equation 40."""
    p, g = _decayed(p, g, h)
    v = _mean(state, "v", h["alpha"], g * g)
    if h["centered"]:
        v -= _mean(state, "m", h["alpha"], g) ** 2
    step = g / (math.sqrt(v) + h["eps"])
    if h["momentum"]:
        step = state["b"] = h["momentum"] * state.get("b", 0.0) + step
    return p - h["lr"] * step


def _adagrad(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Duchi et al. 2011."""
    p, g = _decayed(p, g, h)
    s = state["s"] = state.get("s", float(h["initial_accumulator_value"])) + g * g
    return p - h["lr"] / (1 + (t - 1) * h["lr_decay"]) * g / (math.sqrt(s) + h["eps"])


def _adadelta(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Zeiler 2012, algorithm 1."""
    p, g = _decayed(p, g, h)
    v = _mean(state, "v", h["rho"], g * g)
    step = math.sqrt(state.get("u", 0.0) + h["eps"]) / math.sqrt(v + h["eps"]) * g
    _mean(state, "u", h["rho"], step * step)
    return p - h["lr"] * step


def _adamax(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Kingma and Ba 2015, algorithm 2."""
    p, g = _decayed(p, g, h)
    b1, b2 = h["betas"]
    m = _mean(state, "m", b1, g)
    u = state["u"] = max(b2 * state.get("u", 0.0), abs(g) + h["eps"])
    return p - h["lr"] / (1 - b1**t) * m / u


def _nadam(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Dozat 2016."""
    p, g = _decayed(p, g, h)
    b1, b2 = h["betas"]
    now, later = (b1 * (1 - 0.5 * 0.96 ** (k * h["momentum_decay"])) for k in (t, t + 1))
    product = state["product"] = state.get("product", 1.0) * now
    m, v = _mean(state, "m", b1, g), _mean(state, "v", b2, g * g)
    ahead = later * m / (1 - product * later) + (1 - now) * g / (1 - product)
    return p - h["lr"] * ahead / (math.sqrt(v / (1 - b2**t)) + h["eps"])


def _radam(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Liu et al. 2020, algorithm 2."""
    p, g = _decayed(p, g, h)
    b1, b2 = h["betas"]
    m, v = _mean(state, "m", b1, g) / (1 - b1**t), _mean(state, "v", b2, g * g)
    rho_inf = 2 / (1 - b2) - 1
    rho = rho_inf - 2 * t * b2**t / (1 - b2**t)
    if rho <= 5:
        return p - h["lr"] * m
    r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return p - h["lr"] * m * r * math.sqrt(1 - b2**t) / (math.sqrt(v) + h["eps"])


def _rprop(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Riedmiller and Braun 1993, without backtracking: where the sign has changed, the parameter stays."""
    product = g * state.get("g", 0.0)
    factor = h["etas"][product > 0] if product else 1.0
    size = state.get("size", float(h["lr"])) * factor
    state["size"] = size = min(max(size, h["step_sizes"][0]), h["step_sizes"][1])
    state["g"] = g = 0.0 if product < 0 else g
    return p - size * ((g > 0) - (g < 0))


def _asgd(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply SGD with Bottou's step sizes; each step uses the rate computed in the step before."""
    _, g = _decayed(p, g, h)
    eta = state.get("eta", float(h["lr"]))
    state["eta"] = h["lr"] / (1 + h["lambd"] * h["lr"] * t) ** h["alpha"]
    return p * (1 - h["lambd"] * eta) - eta * g


def _lion(p: float, g: float, state: State, h: Hyper, t: int) -> float:
    """Apply Chen et al. 2023, algorithm 2."""
    b1, b2 = h["betas"]
    c = b1 * state.get("m", 0.0) + (1 - b1) * g
    _mean(state, "m", b2, g)
    sign = (c > 0) - (c < 0)
    return p - h["lr"] * (sign + h["weight_decay"] * p)


def _lamb(p: list[float], g: list[float], state: dict[str, Any], h: Hyper, t: int) -> list[float]:
    """Apply You et al. 2020, algorithm 2, phi(x) = x."""
    b1, b2 = h["betas"]
    numbers = state.setdefault("numbers", [{} for _ in p])
    r = []
    for x, slope, own in zip(p, g, numbers, strict=True):
        m, v = _mean(own, "m", b1, slope) / (1 - b1**t), _mean(own, "v", b2, slope * slope) / (1 - b2**t)
        r.append(m / (math.sqrt(v) + h["eps"]) + h["weight_decay"] * x)
    size, length = math.hypot(*p), math.hypot(*r)
    ratio = size / length if size and length else 1.0
    return [x - h["lr"] * ratio * step for x, step in zip(p, r, strict=True)]


def _lbfgs(x: np.ndarray, function: Callable[[np.ndarray], tuple[float, np.ndarray]], steps: int, h: Hyper) -> Any:
    """Make `steps` calls of step() with the matrix H formed from the saved pairs (Nocedal and Wright, equation 6.17).

    function: parameters -> (loss, gradient). Returns None where a line search decides the length of steps.
    """
    if h["line_search_fn"]:
        return None
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    before: tuple[np.ndarray, np.ndarray] | None = None
    for _ in range(steps):
        for _ in range(min(h["max_iter"], max(1, h["max_eval"] - 1))):  # one evaluation comes before the first
            loss, g = function(x)
            if np.abs(g).max() <= h["tolerance_grad"]:
                break
            if before is not None and (x - before[0]) @ (g - before[1]) > 1e-10:
                pairs = [*pairs, (x - before[0], g - before[1])][-h["history_size"] :]
            inverse = np.eye(x.size)
            if pairs:
                s, y = pairs[-1]
                inverse *= (s @ y) / (y @ y)
            for s, y in pairs:
                v = np.eye(x.size) - np.outer(y, s) / (y @ s)
                inverse = v.T @ inverse @ v + np.outer(s, s) / (y @ s)
            d = -inverse @ g
            t = h["lr"] if before is not None else h["lr"] * min(1.0, 1 / np.abs(g).sum())
            before = (x, g)
            if g @ d > -h["tolerance_change"]:
                break
            x = x + t * d
            if min(np.abs(t * d).max(), abs(function(x)[0] - loss)) <= h["tolerance_change"]:
                break
    return x


FORMULAS: dict[str, Reference] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adamw,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": _adadelta,
    "Adamax": _adamax,
    "NAdam": _nadam,
    "RAdam": _radam,
    "Rprop": _rprop,
    "ASGD": _asgd,
    "Lion": _lion,
}
OF_A_PARAMETER: dict[str, Callable[..., list[float]]] = {"LAMB": _lamb}
OF_ALL_PARAMETERS: dict[str, Callable[..., Any]] = {"LBFGS": _lbfgs}
