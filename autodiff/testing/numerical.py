"""Numerical directional derivatives that know how good they are.

What lives here: `numerical_derivative`, which estimates d/dt <cotangent, f(x + t v)> at t = 0 from values of `f`
alone and returns the estimate together with a bound on its error, the noise it saw in `f`, and whether `f` is smooth
there, has a kink, jumps, or does not move at all. What never lives here: a derivative rule, a tolerance to tune, an
import beyond NumPy.

The idea:

1. Steps are powers of two relative to the entries of `x`, and the directions made by `power_of_two_direction` have
   power-of-two entries, so x + h v is exact: no rounding of the argument, no step across zero, no step out of the
   domain of a logarithm.
2. Central differences on a ladder of steps, extrapolated in a Romberg table. The error of an entry is what the last
   extrapolation changed plus what the noise of `f` contributes; an entry counts only when every entry at smaller
   steps agrees.
3. The noise is measured, not assumed: ECnoise (Moré and Wild, "Estimating computational noise", SISC 33, 2011) at
   several spacings, plus the smallest change seen where some displaced points change nothing (the rounding quantum of
   a large intermediate that cancels later).
4. A second difference that does not shrink with the step is a kink: the answer is then the interval between the two
   one-sided slopes. Values that stay apart however small the step are a jump.

Every number above scales with the precision of the dtype the function runs in: a float16 function is displaced by
steps that float16 can represent, with the noise of float16, and is judged with the error bound that follows, so that
float32 and float16 functions are checked by the same logic as float64 ones and no bound is ever set by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Estimate", "numerical_derivative", "power_of_two_direction"]

_ORDERS = 6  # columns of the Romberg table; higher ones only amplify noise
_FACTORS = 4.0 ** np.arange(1, _ORDERS) - 1.0
# (k!)^2 / (2k)! for k = 4, 5: turns a mean square k-th difference of white noise into its variance (Moré and Wild,
# eq. 2.3)
_ECNOISE = (1 / 70, 1 / 252)
_OFFSETS = (-3, -2, -1, 1, 2, 3)


@dataclass(frozen=True)
class Estimate:
    """One directional derivative, measured.

    Attributes:
        value: the derivative; the midpoint of `interval` at a kink; NaN where nothing could be resolved.
        error: bound on |value - true derivative|.
        noise: absolute noise found in <cotangent, f>.
        kind: "smooth", "kink", "constant" (no displaced point changed the value), "jump" or "unresolved".
        interval: the one-sided slopes, lowest first; (value - error, value + error) where the function is smooth.
        method: how the value was found, in words.
        evaluations: calls of `f` spent.
        coarse: (value, error) as seen by large steps alone when all scales agree, else None. A value far from it
            marks a derivative that differs from its surroundings.
    """

    value: float
    error: float
    noise: float
    kind: str
    interval: tuple[float, float]
    method: str
    evaluations: int
    coarse: tuple[float, float] | None = None

    @property
    def resolution(self) -> float:
        """error / |value|, the share of the derivative that could be wrong unseen (inf for a zero or unresolved
        value).
        """
        return self.error / abs(self.value) if self.value else math.inf


@dataclass(frozen=True)
class _Precision:
    """Everything that depends on the floating type: its eps, the ladder's exponents and the spacings noise is
    measured at.
    """

    eps: float
    levels: tuple[int, ...]
    quick_levels: int
    spacings: tuple[int, ...]
    quick_spacings: tuple[int, ...]
    exponent: int  # largest |log2| of a direction's entry


_PRECISIONS = {
    52: _Precision(2.0**-52, tuple(range(2, 34)), 10, (-46, -40, -34, -28, -22, -16, -10), (-40, -22), 300),
    23: _Precision(2.0**-23, tuple(range(2, 17)), 8, (-20, -17, -14, -11, -8), (-18, -12), 130),
    10: _Precision(2.0**-10, tuple(range(1, 8)), 7, (-8, -7, -6, -5), (-8, -6), 16),
}


def _precision(*arrays: np.ndarray) -> _Precision:
    """The coarsest floating type among the arrays decides: it makes the noise."""
    bits = [np.finfo(a.dtype).nmant for a in arrays if a.dtype.kind in "fc"]
    return _PRECISIONS[min([b for b in bits if b in _PRECISIONS], default=52)]


def power_of_two_direction(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A random direction along which x + 2^-k v is exact.

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
    limit = _precision(x).exponent
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
    """The derivative of <cotangent, f> at `x` along `v`, with an error bound and the kind of point it is.

    Args:
        f: function of arrays; called as f(x), or f(*x) when `x` is a tuple or list. Never sees a Tensor. It may
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
    ys = as_outputs(f(*[a.copy() for a in xs]))
    ws = output_weights(cotangent, ys)
    size = float(sum(np.sum(np.abs(w * y)) for w, y in zip(ws, ys)))
    precision = _precision(*xs, *ys)

    def phi(t: float) -> float:
        try:
            return weigh(ws, as_outputs(f(*[np.asarray(a + t * b) for a, b in zip(xs, vs)])))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):  # outside the domain: as good as NaN
            return math.nan

    line = _Line(phi, size, precision, 1.0, value=weigh(ws, ys))
    estimate = line.estimate(thorough)
    longest = max((float(np.max(np.abs(b), initial=0.0)) for b in vs), default=0.0)
    if estimate.kind == "constant" and 0 < longest < math.inf:
        # nothing moved under steps relative to x, perhaps because x is tiny: try absolute steps up to 1
        scale = 2.0 ** math.floor(math.log2(4 / longest)) if longest > 1e-290 else 2.0**900
        if scale != 1.0:
            line = _Line(phi, size, precision, scale, value=line.value, spent=line.spent)
            estimate = line.estimate(True)
    return estimate


def as_outputs(y: Any) -> list[np.ndarray]:
    """The outputs of a function as a list of arrays, whether it returned one or a tuple."""
    if isinstance(y, (tuple, list)):
        return [np.asarray(a) for a in y]
    return [np.asarray(y)]


def output_weights(cotangent: Any, ys: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The cotangent as one float64 or complex128 array per output.

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
    """sum(w * y) over all outputs in float64, real part; weights come conjugated from `output_weights`."""
    total = 0.0
    for w, y in zip(ws, ys):
        total += float(np.vdot(w, y)) if w.dtype.kind != "c" and y.dtype.kind != "c" else float(np.sum(w * y).real)
    return total


class _Line:
    """Values of one function of one real variable around 0, taken as they are needed and kept."""

    def __init__(
        self,
        phi: Callable[[float], float],
        size: float,
        precision: _Precision,
        scale: float,
        value: float,
        spent: int = 1,
    ) -> None:
        self.phi, self.size, self.precision, self.scale = phi, size, precision, scale
        self.value, self.spent = value, spent
        self.steps = scale * np.ldexp(1.0, -np.array(precision.levels))
        self.plus = np.full(len(self.steps), np.nan)
        self.minus = np.full(len(self.steps), np.nan)
        self.nearby: dict[int, np.ndarray] = {}
        self.quantum = 0.0
        self.still = False

    def at(self, t: float) -> float:
        self.spent += 1
        return self.phi(t)

    def sample(self, levels: int, spacings: Sequence[int]) -> None:
        """Fill the first `levels` steps of the ladder and the noise samples at the given spacings."""
        for k in range(levels):
            if math.isnan(self.plus[k]) and math.isnan(self.minus[k]):
                h = float(self.steps[k])
                self.plus[k], self.minus[k] = self.at(h), self.at(-h)
        for s in spacings:
            if s not in self.nearby:
                self.nearby[s] = np.array([self.at(i * self.scale * 2.0**s) for i in _OFFSETS])

    def estimate(self, thorough: bool) -> Estimate:
        if not math.isfinite(self.value):
            return self._nothing("unresolved", "the function is not finite at x")
        p = self.precision
        if not thorough:
            self.sample(p.quick_levels, p.quick_spacings)
            found = self._analyse(p.quick_levels)
            if found.kind == "smooth" and found.error <= max(
                2**12 * p.eps * abs(found.value), 2**6 * p.eps * self.size
            ):
                return found
        self.sample(len(p.levels), p.spacings)
        return self._analyse(len(p.levels))

    def noise_per_step(self, n: int) -> np.ndarray:
        """Absolute noise of the function as far as steps of each size can see it; spacings near the step would see
        curvature.
        """
        noise = np.full(n, 4 * self.precision.eps * self.size)
        steps = self.steps[:n]
        changes = [self.plus[:n] - self.value, self.minus[:n] - self.value]
        for s, around in self.nearby.items():
            changes.append(around - self.value)
            if np.isfinite(around).all():
                level = 4 * ecnoise(np.insert(around, 3, self.value))
                wide = steps >= 16 * self.scale * 2.0**s
                noise[wide] = np.maximum(noise[wide], level)
        change = np.abs(np.concatenate(changes))
        change = change[np.isfinite(change)]
        if (change == 0).any() and (change > 0).any():  # a staircase: its smallest tread is a quantum of rounding
            self.quantum = float(change[change > 0].min())
            noise = np.maximum(noise, 2 * self.quantum)
        self.still = bool(change.size) and not change.any()
        return noise

    def _analyse(self, n: int) -> Estimate:
        noise = self.noise_per_step(n)
        if self.still:
            unseen = 8 * self.precision.eps * self.size / float(self.steps[0])  # a slope this small would not show
            return Estimate(
                0.0, unseen, 0.0, "constant", (-unseen, unseen), "no displaced point changes the value", self.spent
            )
        table, error = romberg(self.plus[:n], self.minus[:n], self.steps[:n], noise)
        if not np.isfinite(error).any():
            return self._nothing("unresolved", "no two displaced points are finite")
        if self._climbs_stairs(n):
            return self._nothing("jump", "the value moves in steps too large to be rounding")
        if self._jumps(n):
            return self._nothing("jump", "the values on both sides stay apart however small the step")
        best = self._best(table, error, noise, n)
        if best is None:
            return self._one_sided(noise, n)
        k, j = best
        value, bound = float(table[k, j]), float(error[k, j])
        return Estimate(
            value,
            bound,
            float(noise[k]),
            "smooth",
            (value - bound, value + bound),
            f"Richardson, {j} extrapolations from step 2^{int(math.log2(self.steps[k]))}",
            self.spent,
            _coarse(table, error, n),
        )

    def _nothing(self, kind: str, why: str) -> Estimate:
        return Estimate(math.nan, math.inf, math.nan, kind, (-math.inf, math.inf), why, self.spent)

    def _climbs_stairs(self, n: int) -> bool:
        """Steps in the value that are no small share of its whole change are jumps of the function, not noise."""
        ends = np.concatenate([self.plus[:n], self.minus[:n]]) - self.value
        whole = float(np.max(np.abs(ends[np.isfinite(ends)]), initial=0.0))
        return (
            self.quantum > self.precision.eps**0.25 / 2 * whole and self.quantum > 64 * self.precision.eps * self.size
        )

    def _jumps(self, n: int) -> bool:
        ok = np.flatnonzero(np.isfinite(self.plus[:n]) & np.isfinite(self.minus[:n]))[-3:]
        gaps = np.maximum(np.abs(self.plus[ok] - self.value), np.abs(self.minus[ok] - self.value))
        return len(gaps) == 3 and bool(
            gaps[2] > 0.9 * gaps[0] and gaps[2] > 64 * self.precision.eps * self.size + 4 * self.quantum
        )

    def _best(self, table: np.ndarray, error: np.ndarray, noise: np.ndarray, n: int) -> tuple[int, int] | None:
        """The entry with the smallest error that all entries at smaller steps confirm and that no kink spoils."""
        order = np.argsort(error, axis=None)[:40]
        bad = self._kinked(noise, n)
        for flat in order:
            k, j = divmod(int(flat), _ORDERS)
            if not math.isfinite(error[k, j]):
                return None
            finer = np.abs(table[k + 1 :] - table[k, j]) > 4 * (error[k, j] + error[k + 1 :])
            if not bad[k] and not finer.any():
                return k, j
        return None

    def _kinked(self, noise: np.ndarray, n: int) -> np.ndarray:
        """For each step: is the second difference over h significant and not shrinking with h?"""
        h = self.steps[:n]
        right, left = (self.plus[:n] - self.value) / h, (self.value - self.minus[:n]) / h
        bend, floor = np.abs(right - left), 16 * noise / h
        straight = bend <= np.maximum(floor, 1e-7 * np.maximum(np.abs(right), np.abs(left)))
        kinked = np.zeros(n, bool)
        # against two steps (a factor 4) smaller: smooth functions shrink to about 1/4, kinks keep their bend
        stuck = (bend[2:] > floor[2:]) & (bend[2:] > 0.6 * bend[:-2])
        kinked[:-2] |= stuck
        kinked[2:] |= stuck
        return kinked & ~straight

    def _one_sided(self, noise: np.ndarray, n: int) -> Estimate:
        h = self.steps[:n]
        right, left = (self.plus[:n] - self.value) / h, (self.value - self.minus[:n]) / h
        ok = np.flatnonzero(np.isfinite(right) & np.isfinite(left))
        size = np.maximum(np.abs(right), np.abs(left))
        cost = noise[ok] / h[ok] + h[ok] / self.scale * size[ok]
        k = int(ok[np.argmin(cost)])
        previous = max(k - 2, int(ok[0]))
        slack = 4 * float(cost.min())
        settled = all(abs(s[k] - s[previous]) <= 0.1 * max(abs(s[k]), abs(s[previous])) + slack for s in (right, left))
        low, high = sorted((float(left[k]), float(right[k])))
        if not settled or high - low <= 1e-3 * max(abs(low), abs(high)):
            return self._nothing("unresolved", "neither the derivative nor the one-sided slopes settle")
        return Estimate(
            (low + high) / 2,
            slack + 0.02 * (high - low),
            float(noise[k]),
            "kink",
            (low, high),
            f"one-sided slopes at step 2^{int(math.log2(h[k]))}",
            self.spent,
        )


def ecnoise(values: np.ndarray) -> float:
    """Standard deviation of the noise in equally spaced values, from fourth and fifth differences."""
    fourth = np.diff(values, 4)
    fifth = np.diff(fourth)
    return math.sqrt(max(_ECNOISE[0] * float(np.mean(fourth * fourth)), _ECNOISE[1] * float(np.mean(fifth * fifth))))


def romberg(plus: np.ndarray, minus: np.ndarray, steps: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Romberg table of central differences and the error of each entry (inf where there is none); steps halve."""
    n = len(steps)
    table, error = np.full((n, _ORDERS), np.nan), np.full((n, _ORDERS), np.inf)
    table[:, 0] = (plus - minus) / (2 * steps)
    floor = 2 * noise / steps
    for j in range(1, _ORDERS):
        fine, coarse = table[1:, j - 1], table[:-1, j - 1]
        table[1:, j] = fine + (fine - coarse) / _FACTORS[j - 1]
        error[1:, j] = 2 * np.maximum(np.abs(table[1:, j] - fine), np.abs(table[1:, j] - coarse)) + floor[1:]
    error[~np.isfinite(table) | np.isnan(error)] = np.inf
    return table, error


def _coarse(table: np.ndarray, error: np.ndarray, n: int) -> tuple[float, float] | None:
    """What large steps (the first fifth of the ladder) say, when the rest of the ladder agrees with them."""
    cut, rest = max(2, n // 5), max(3, n // 3)
    big, small = int(np.argmin(error[:cut])), int(np.argmin(error[rest:]))
    value, bound = float(table[:cut].flat[big]), float(error[:cut].flat[big])
    other, other_bound = float(table[rest:].flat[small]), float(error[rest:].flat[small])
    if not (math.isfinite(bound) and math.isfinite(other_bound)) or abs(value - other) > 4 * (bound + other_bound):
        return None
    return value, bound
