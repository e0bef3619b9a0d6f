"""Numerical directional derivatives with a bound on their error.

Here: `numerical_derivative`, which estimates d/dt <cotangent, f(x + t v)> at t = 0 from values of `f`
alone and returns the estimate together with a bound on its error, the noise found in `f`, and whether `f` is smooth
there, has a kink, jumps, or does not change at all. Never here: a derivative rule, a tolerance to tune, an import
beyond NumPy.

The idea:

1. Steps are powers of two relative to the entries of `x`, and the directions made by `power_of_two_direction` have
   power-of-two entries, so x + h v is exact: no rounding of the argument, no step across zero, no step out of the
   domain of a logarithm.
2. Central differences on a ladder of steps, extrapolated in a Romberg table. The error of an entry is the change by
   the last extrapolation plus the effect of the noise of `f`; an entry counts only when every entry at smaller steps
   agrees.
3. The noise is measured, not assumed: ECnoise (Moré and Wild, "Estimating computational noise", SISC 33, 2011) at
   several spacings, plus the smallest change seen where some displaced points change nothing (the rounding quantum of
   a large intermediate that cancels later), in the sum and in each of its terms.
4. Where noise leaves less than full precision and the program turns out to be analytic, operation by operation, the
   complex step replaces the differences that confirm it (`complex_step`).
5. A second difference that does not shrink with the step is a kink: the result is then the interval between the two
   one-sided slopes. Values on both sides that stay apart for the smallest steps are a jump.

Every number above scales with the precision of the dtype the function runs in: a float16 function is displaced by
steps that float16 can represent, with the noise of float16, and is judged with the error bound that follows, so that
float32 and float16 functions are checked by the same logic as float64 ones and no bound is ever set by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autodiff.testing.measuring import constants as c
from autodiff.testing.measuring.complex_step import complex_step
from autodiff.testing.measuring.richardson import Estimate, Line, precision_of
from autodiff.testing.subjects.function_under_test import as_outputs

__all__ = ["Estimate", "numerical_derivative", "power_of_two_direction"]


def power_of_two_direction(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Return a random direction along which x + 2^-k v is exact.

    Args:
        rng: source of the signs and of a random halving.
        x: real or complex array of any shape.

    Returns:
        An array of the shape and dtype of `x` with entries +-2^floor(log2 |x_i|), or half of that, and +-1 (or 1/2)
        where x is 0; a complex array gets such an entry in each part.

    >>> v = power_of_two_direction(np.random.default_rng(0), np.array([3.0, 0.0, -0.7]))
    >>> bool(np.all(np.isin(np.abs(v), [2.0, 1.0, 0.5, 0.25]))), v.dtype.name
    (True, 'float64')
    """
    x = np.asarray(x)
    if x.dtype.kind == "c":
        parts = [power_of_two_direction(rng, p) for p in (x.real, x.imag)]
        return np.asarray(parts[0] + 1j * parts[1]).astype(x.dtype)
    limit = precision_of(x).exponent
    size = np.abs(x.astype(np.float64))
    _, exponent = np.frexp(np.where(np.isfinite(size) & (size > 0), size, 1.0))
    exponent = np.clip(exponent - 1 - rng.integers(0, 2, x.shape), -limit, limit)
    return np.asarray(np.ldexp(rng.choice([-1.0, 1.0], x.shape), exponent).astype(x.dtype))


def numerical_derivative(
    f: Callable[..., Any],
    x: Any,
    v: Any,
    cotangent: Any = None,
    *,
    thorough: bool = True,
) -> Estimate:
    """Measure the derivative of <cotangent, f> at `x` along `v`, with an error bound and the kind of point it is.

    Args:
        f: function of arrays; called as f(x), or f(*x) when `x` is a tuple or list, never with a Tensor. It may
            return an array, a number, or a tuple of them.
        x: array or number of a floating or complex dtype, any shape, or a tuple of them. The function runs in this
            dtype.
        v: direction, the structure and shapes of `x`. `power_of_two_direction` makes the most exact ones.
        cotangent: weights of the outputs, the structure and shapes of f's result; may be left out when f returns one
            number. Complex results count as Re(sum(conj(cotangent) * f)).
        thorough: False stops as soon as large and middle steps agree to nearly full precision (about a third of the
            work).

    Returns:
        An `Estimate`.

    Raises:
        TypeError: `x` is not floating or complex.
        ValueError: shapes do not fit, or there is no cotangent and f returns more than one number.

    >>> e = numerical_derivative(np.sin, np.array(0.5), np.array(1.0))
    >>> e.kind, abs(e.value - np.cos(0.5)) <= e.error < 1e-11
    ('smooth', True)
    >>> numerical_derivative(np.abs, np.array(0.0), np.array(1.0)).interval
    (-1.0, 1.0)
    """
    many = isinstance(x, (tuple, list))
    xs = [np.asarray(a) for a in (x if many else (x,))]
    vs = [np.asarray(a) for a in (v if many else (v,))]
    if len(xs) != len(vs) or any(a.shape != b.shape for a, b in zip(xs, vs)):
        raise ValueError(
            f"numerical_derivative: the direction has shapes {[a.shape for a in vs]}, "
            f"x has {[a.shape for a in xs]}; give one direction array of the same shape for each input"
        )
    for i, a in enumerate(xs):
        if a.dtype.kind not in "fc":
            raise TypeError(
                f"numerical_derivative: input {i} has dtype {a.dtype}; only floating or complex inputs have "
                "derivatives, write x.astype(float) or leave the input out of x"
            )
    vs = [b.astype(a.dtype) for a, b in zip(xs, vs)]
    with np.errstate(all="ignore"):
        return _measure(f, xs, vs, cotangent, thorough)


def _measure(
    f: Callable[..., Any], xs: list[np.ndarray], vs: list[np.ndarray], cotangent: Any, thorough: bool
) -> Estimate:
    xs = [_with_room(a, b) for a, b in zip(xs, vs)]
    ys = as_outputs(f(*[a.copy() for a in xs]))
    ws = output_weights(cotangent, ys)
    size = float(sum(np.sum(np.abs(w * y)) for w, y in zip(ws, ys)))
    precision = precision_of(*xs, *ys)
    largest = max((float(np.max(np.abs(a), initial=0.0)) for a in xs), default=0.0)
    longest = max((float(np.max(np.abs(b), initial=0.0)) for b in vs), default=0.0)
    moving = max((float(np.max(np.abs(a[b != 0]), initial=0.0)) for a, b in zip(xs, vs)), default=0.0)
    terms = _Terms(ws, ys, precision.eps, max(1.0, largest))

    def phi(t: float) -> float:
        try:
            outputs = as_outputs(f(*[a + t * b if a.ndim else np.asarray(a + t * b) for a, b in zip(xs, vs)]))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):  # outside the domain: the same as NaN
            return math.nan
        terms.see(outputs)
        return weigh(ws, outputs)

    grain = 4 * moving / longest if longest else 0.0
    heaviest = max((float(np.max(np.abs(w), initial=0.0)) for w in ws), default=0.0)
    usual = c.INTERMEDIATE * precision.eps * max(heaviest * max(1.0, largest), size)
    line = Line(phi, size, precision, 1.0, weigh(ws, ys), grain=grain, treads=terms.rounding, usual=usual)
    estimate = line.estimate(thorough)
    if estimate.kind == "constant" and 0 < longest < math.inf:
        # nothing moved under steps relative to x, perhaps because x is tiny: try absolute steps up to 1
        scale = 2.0 ** math.floor(math.log2(4 / longest)) if longest > 1e-290 else 2.0**900
        if scale != 1.0:
            still = float(line.steps[0])
            line = Line(phi, size, precision, scale, line.value, line.spent, grain, terms.rounding, usual)
            estimate = line.estimate(True)
            if estimate.kind not in ("smooth", "constant", "flat"):
                # wide steps crossed a kink or a jump that is not at x
                near = line.flat(still, float(line.steps[0]))
                why = "the value does not change near x, and rounding may be the reason"
                estimate = near or replace(estimate, **_UNKNOWN, method=why, evaluations=line.spent)
    if estimate.kind == "smooth" and estimate.resolution > c.QUICK[0] * precision.eps:
        estimate = _refined(estimate, complex_step(f, xs, vs, ws, line.value, c.INTERMEDIATE * precision.eps * size))
    if estimate.kind == "constant":
        # rounding of intermediates may hide a slope, as in 1 - tanh(20 + x)^2: allow for some of the size of x or of 1
        weights = sum(float(np.sum(np.abs(w))) for w in ws)
        hidden = c.UNSEEN * precision.eps * max(1.0, largest) * weights / line.steps[0]
        estimate = replace(estimate, error=estimate.error + float(hidden))
    return estimate


_UNKNOWN: dict[str, Any] = dict(
    kind="unresolved", value=math.nan, error=math.inf, noise=math.nan, interval=(-math.inf, math.inf), coarse=None
)


def _with_room(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return x with its last bit cleared where a step may end beyond the next power of two, where that bit cannot be
    represented: steps along a power of two are then exact. The rule is evaluated at x itself, an ulp away; `grain`
    allows for it.
    """
    if x.dtype.kind == "c":
        return np.asarray(_with_room(x.real, v.real) + 1j * _with_room(x.imag, v.imag)).astype(x.dtype)
    size = np.abs(x)
    _, exponent = np.frexp(size)
    crosses = np.isfinite(size) & (v != 0) & (size + np.abs(v) / 2 >= np.ldexp(np.ones_like(size), exponent))
    return np.where(crosses, x - np.fmod(x, 2 * np.spacing(size)), x).astype(x.dtype)


def _refined(estimate: Estimate, found: tuple[float, float] | None) -> Estimate:
    """Return the slope of the complex step in place of one by differences that is less sharp and confirms it."""
    if found is None or not found[1] < estimate.error or abs(found[0] - estimate.value) > estimate.error + found[1]:
        return estimate
    value, error = found
    method = f"complex step, confirmed by {estimate.method}"
    interval = (value - error, value + error)
    return replace(estimate, value=value, error=error, interval=interval, method=method, differences=estimate)


class _Terms:
    """The terms of <cotangent, f>, one by one: the sum may look smooth although one of its terms is a staircase.

    A term that some displaced points leave exactly as it is, and others do not, is rounded to a quantum: the smallest
    of its changes. It counts as rounding where it is a small share of the term's whole change, or of the size that
    rounding of an intermediate near 1 (or near x) has; otherwise it is a jump of the function, and the slope between
    jumps is the slope. A term that no displaced point changes counts as constant.
    """

    _TOGETHER = 2**18  # numbers to hold before they are reduced

    def __init__(self, ws: list[np.ndarray], ys: list[np.ndarray], eps: float, near: float) -> None:
        self.here, self.weights = _flat(ys), np.abs(_flat(ws))
        self.share, self.usual = eps**c.HIDING / 2, c.INTERMEDIATE * eps * np.fmax(near, np.abs(self.here))
        self.waiting: list[np.ndarray] = []
        self.least = np.full(self.here.shape, np.inf)
        self.most = np.zeros(self.here.shape)
        self.stuck = np.zeros(self.here.shape, bool)

    def see(self, ys: list[np.ndarray]) -> None:
        if self.here.size > 1:  # of one term the sum shows everything
            self.waiting.append(_flat(ys))
            if len(self.waiting) * self.here.size > self._TOGETHER:
                self._reduce()

    def _reduce(self) -> None:
        changes = np.abs(np.stack(self.waiting) - self.here)
        self.waiting = []
        self.stuck |= (changes == 0).any(axis=0)
        changes[~np.isfinite(changes)] = 0.0
        self.most = np.maximum(self.most, changes.max(axis=0))
        changes[changes == 0] = np.inf
        self.least = np.minimum(self.least, changes.min(axis=0))

    def rounding(self) -> float:
        """Return the noise that the quanta of all terms make together."""
        if self.waiting:
            self._reduce()
        quantum = np.where(self.stuck & np.isfinite(self.least), self.least, 0.0)
        quantum = quantum * ((quantum <= self.share * self.most) | (quantum <= self.usual))
        return c.QUANTUM * float(np.sum(self.weights * quantum))


def _flat(arrays: list[np.ndarray]) -> np.ndarray:
    """Return all numbers in a new array."""
    if len(arrays) == 1:
        return arrays[0].flatten()
    return np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.zeros(0)


def output_weights(cotangent: Any, ys: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the cotangent as one float64 or complex128 array per output.

    Raises:
        ValueError: shapes differ, or it is missing and the outputs hold more than one number.
    """
    if cotangent is None:
        if len(ys) != 1 or ys[0].size != 1:
            raise ValueError(
                f"numerical_derivative: f returned shape {[y.shape for y in ys]}, so a cotangent of that shape is "
                "needed; only a function that returns one number can do without"
            )
        return [np.ones(ys[0].shape)]
    ws = as_outputs(cotangent)
    if [w.shape for w in ws] != [y.shape for y in ys]:
        raise ValueError(
            f"numerical_derivative: the cotangent has shapes {[w.shape for w in ws]}, f returned "
            f"{[y.shape for y in ys]}"
        )
    return [np.conj(w).astype(np.complex128) if w.dtype.kind == "c" else w.astype(np.float64) for w in ws]


def weigh(ws: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> float:
    """Return the real part of sum(w * y) over all outputs, in float64; `output_weights` has conjugated the weights."""
    total = 0.0
    for w, y in zip(ws, ys):
        total += float(np.vdot(w, y) if w.dtype.kind != "c" and y.dtype.kind != "c" else np.sum(w * y).real)
    return total
