"""A function of one number, sampled on a ladder of steps: its slope at 0, the error of the slope, and its noise.

Here: the Romberg table over central differences, the measurement of noise, and the decision between smooth,
kink, constant and jump. `differences` makes a function of a number from one of arrays, and explains the idea.

One file, because the steps of one measurement share a table.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from autodiff.testing.measuring import constants as c

__all__ = ["Estimate", "Line", "Precision", "ecnoise", "precision_of", "romberg"]

_ORDERS = 6  # columns of the Romberg table; higher ones only amplify noise


_FACTORS = 4.0 ** np.arange(1, _ORDERS) - 1.0


# (k!)^2 / (2k)! for k = 4, 5: turns a mean square k-th difference of white noise into its variance (Moré and Wild,
# eq. 2.3)
_ECNOISE = (1 / 70, 1 / 252)


_OFFSETS = (-3, -2, -1, 1, 2, 3)

STILL_SAMPLES = 6  # unchanged samples around x before a stretch counts as flat
BISECTIONS = 30  # halvings that locate the end of a flat stretch: to 1e-9 of its length
LITTLE_FURTHER = 2.0**-6  # so much of that length beyond its end the change is measured again
QUANTA_OF_A_KINK = 32  # a change that grows so much within it was no quantum of rounding; a kink's grows by 2^24

NEARER = "nearer than a kink"  # in the method of an estimate: wider steps crossed a kink, its own steps did not

_HIDDEN = "the value changes on every scale: it moves faster than the smallest step, or noise hides it"


@dataclass(frozen=True)
class Estimate:
    """One directional derivative, measured.

    Attributes:
        value: the derivative; the midpoint of `interval` at a kink; NaN where nothing could be resolved.
        error: bound on |value - true derivative|, where an output that no displaced point changes counts as constant.
        noise: absolute noise found in <cotangent, f>.
        kind: "smooth", "kink", "constant" (no displaced point changed the value, which rounding may have caused),
            "flat" (no displaced point changed it up to a kink or a jump of the function, so the slope is 0), "jump" or
            "unresolved".
        interval: the one-sided slopes, lowest first; (value - error, value + error) where the function is smooth; of a
            constant the slopes that rounding of its own value could hide, while `error` allows for intermediates of
            the size of x or of 1.
        method: how the value was found, in words.
        evaluations: calls of `f` spent.
        coarse: (value, error) by large steps alone when all scales agree, else None. A value far from it
            marks a derivative that differs from its surroundings.
        differences: the estimate by differences that the complex step replaced, else None.
    """

    value: float
    error: float
    noise: float
    kind: str
    interval: tuple[float, float]
    method: str
    evaluations: int
    coarse: tuple[float, float] | None = None
    differences: Estimate | None = None

    @property
    def resolution(self) -> float:
        """error / |value|, the share of the derivative that could be wrong unseen (inf for a zero or unresolved
        value).
        """
        return self.error / abs(self.value) if self.value else math.inf


@dataclass(frozen=True)
class Precision:
    """The constants of a floating type: its eps, the exponents of the steps, and the spacings of the noise samples."""

    eps: float
    levels: tuple[int, ...]
    quick_levels: int
    spacings: tuple[int, ...]
    quick_spacings: tuple[int, ...]
    exponent: int  # largest |log2| of a direction's entry
    tiny: float  # the smallest normal number: below it a value loses its digits, or becomes 0

    def hides(self, noise: float, size: float, whole: float) -> bool:
        """Return whether noise is a large share of the whole change of the value, and too large for its rounding."""
        return noise > self.eps**c.HIDING / 2 * whole and noise > c.INTERMEDIATE * self.eps * size


_PRECISIONS = {
    52: Precision(2.0**-52, tuple(range(2, 34)), 10, (-46, -40, -34, -28, -22, -16, -10), (-40, -22), 300, 2.0**-1022),
    23: Precision(2.0**-23, tuple(range(2, 17)), 8, (-20, -17, -14, -11, -8), (-18, -12), 130, 2.0**-126),
    10: Precision(2.0**-10, tuple(range(1, 8)), 7, (-8, -7, -6, -5), (-8, -6), 16, 2.0**-14),
}


def precision_of(*arrays: np.ndarray) -> Precision:
    """Return the precision of the coarsest floating type among the arrays: it makes the noise."""
    bits = [np.finfo(a.dtype).nmant for a in arrays if a.dtype.kind in "fc"]
    return _PRECISIONS[min([b for b in bits if b in _PRECISIONS], default=52)]


class Line:
    """Values of one function of one real variable around 0, taken as they are needed and kept."""

    def __init__(
        self,
        phi: Callable[[float], float],
        size: float,
        precision: Precision,
        scale: float,
        value: float,
        spent: int = 1,
        grain: float = 0.0,
        treads: Callable[[], float] = lambda: 0.0,
        usual: float = 0.0,
    ) -> None:
        """Start with the value at 0. `grain`: how far, in eps, rounding may move the argument; `treads` returns the
        rounding of single terms of the value; `usual`: the largest usual change by rounding of an intermediate.
        """
        self.phi, self.size, self.precision, self.scale = phi, size, precision, scale
        self.value, self.spent, self.grain, self.treads, self.usual = value, spent, grain, treads, usual
        self.steps = scale * np.ldexp(1.0, -np.array(precision.levels))
        self.plus = np.full(len(self.steps), np.nan)
        self.minus = np.full(len(self.steps), np.nan)
        self.nearby: dict[int, np.ndarray] = {}
        self.quantum = 0.0
        self.still = False
        self.chosen = 0  # the level of the smallest step in the chosen entry of the table

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
            of_slope, of_value = c.QUICK
            enough = max(of_slope * p.eps * abs(found.value), of_value * p.eps * self.size)
            settled = self.chosen <= p.quick_levels - 3 and found.error <= p.eps**c.SETTLED * abs(found.value)
            if found.kind == "smooth" and (found.error <= enough or settled):
                return found
        self.sample(len(p.levels), p.spacings)
        return self._analyse(len(p.levels))

    def noise_per_step(self, n: int) -> np.ndarray:
        """Return the absolute noise of the function for steps of each size.

        A spacing near the step would measure curvature, so each counts for larger steps only. But a level that the next
        wider spacing does not exceed is neither curvature nor a kink, which would grow with the spacing: it is noise
        for all steps, also those too small to cross a tread of the staircase, where the function only seems smooth.
        """
        p, steps = self.precision, self.steps[:n]
        largest = np.fmax(self.size, np.fmax(np.abs(self.plus[:n]), np.abs(self.minus[:n])))
        largest = np.where(np.isfinite(largest), largest, self.size)
        noise = np.fmax(c.VALUE_ROUNDING * p.eps * largest, max(p.tiny, self.treads()))
        levels = [
            (s, c.NOISE_DEVIATIONS * ecnoise(np.concatenate([around[:3], [self.value], around[3:]])))
            for s, around in sorted(self.nearby.items())
            if np.isfinite(around).all()
        ]
        for s, level in levels:
            wide = steps >= c.MEASURES_NOISE * self.scale * 2.0**s
            noise[wide] = np.maximum(noise[wide], level)
        shared = [a for (s, a), (t, b) in pairwise(levels) if b < a * 2 ** ((t - s) / 2)]
        ends = np.abs(np.concatenate([self.plus[:n], self.minus[:n]]) - self.value)
        wide_ends = np.concatenate([ends[:8], ends[n : n + 8]])
        wide_ends = wide_ends[np.isfinite(wide_ends)]
        usual = c.USUAL_CHANGE * float(np.median(wide_ends)) if wide_ends.size else 0.0
        # a very high noise level may really be an oscillation, sampled too coarsely
        noise = np.maximum(noise, max((a for a in shared if not p.hides(a, self.size, usual)), default=0.0))
        change = np.concatenate([ends, *(np.abs(around - self.value) for around in self.nearby.values())])
        change = change[np.isfinite(change)]
        if (change == 0).any() and (change > 0).any():  # a staircase: its smallest tread is a quantum of rounding
            self.quantum = float(change[change > 0].min())
            noise = np.maximum(noise, c.QUANTUM * self.quantum)
        self.still = bool(change.size) and not change.any()
        return noise

    def _analyse(self, n: int) -> Estimate:
        noise = self.noise_per_step(n)
        if self.still:
            # a slope this small would not show
            unseen = c.UNSEEN * self.precision.eps * self.size / float(self.steps[0])
            return Estimate(
                0.0, unseen, 0.0, "constant", (-unseen, unseen), "no displaced point changes the value", self.spent
            )
        core = self._still_radius(n) if self.quantum else None
        if core and (flat := self.flat(*core, jumps=False)):
            return flat
        bends = np.abs(self.plus[:n] + self.minus[:n] - 2 * self.value) / self.steps[:n] ** 2
        doubt = np.fmax(2 * noise / self.steps[:n] + self.grain * self.precision.eps * bends, sys.float_info.min)
        table, error = romberg(self.plus[:n], self.minus[:n], self.steps[:n], doubt)
        if not np.isfinite(error).any():
            return self._nothing("unresolved", "no two displaced points are finite")
        ends = np.concatenate([self.plus[:n], self.minus[:n]]) - self.value
        whole = float(np.max(np.abs(ends[np.isfinite(ends)]), initial=0.0))
        if self.precision.hides(self.quantum, self.size, whole):
            return self._nothing("jump", "the value changes in steps too large to be rounding")
        if self._jumps(n):
            return self._nothing("jump", "the values on both sides stay apart for the smallest steps")
        best = self._best(table, error, noise, n)
        if best is None:
            found = self._one_sided(noise, n)
            hidden = found.kind == "kink" and self.precision.hides(found.noise, self.size, whole)
            return self._nothing("unresolved", _HIDDEN) if hidden else found
        k, j = best
        self.chosen = k
        value, bound = float(table[k, j]), float(error[k, j])
        if bound > c.POLE * abs(value):  # the change near a far pole would allow too much noise here
            whole = float(max(abs(self.plus[k] - self.value), abs(self.minus[k] - self.value)))
        if self.precision.hides(float(noise[k]), self.size, whole):
            return self._nothing("unresolved", _HIDDEN)
        return Estimate(
            value,
            bound,
            float(noise[k]),
            "smooth",
            (value - bound, value + bound),
            f"Richardson, {j} extrapolation{'s' * (j != 1)} from step 2^{int(math.log2(self.steps[k]))}",
            self.spent,
            _coarse(table, error, n),
        )

    def _samples(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return displacements and the absolute changes of the value there, nearest first."""
        spaced = [np.array(_OFFSETS) * self.scale * 2.0**s for s in self.nearby]
        t = np.concatenate([self.steps[:n], -self.steps[:n], *spaced])
        change = np.abs(np.concatenate([self.plus[:n], self.minus[:n], *self.nearby.values()]) - self.value)
        order = np.argsort(np.abs(t), kind="stable")
        return np.abs(t[order]), change[order]

    def _still_radius(self, n: int) -> tuple[float, float] | None:
        """Return (largest displacement that changes nothing, smallest one that changes the value); None without the
        former.
        """
        t, change = self._samples(n)
        moved = np.flatnonzero(change > 0)
        if not len(moved):
            return None
        nearer = t[t < t[moved[0]]]
        return (float(nearer[-1]), float(t[moved[0]])) if len(nearer) >= STILL_SAMPLES else None

    def flat(self, still: float, limit: float, jumps: bool = True) -> Estimate | None:
        """Return the estimate 0 where the function is flat around x; None where rounding may hide a slope instead.

        Between `still`, a displacement that changes nothing on either side, and `limit` the first displacement that
        changes the value is found by bisection. Rounding changes the value by one quantum there, and by the same
        quantum a little further on. At the end of a flat stretch the change is either much smaller than a little
        further on (a kink), or larger than rounding and most of the whole change up to `limit` (a jump). `jumps=False`
        accepts kinks only, where `limit` is so near that a quantum may be most of the change.
        """
        side, low, high = 0, still, still
        while not side and low < limit:
            low, high = high, min(2 * high, limit)
            side = next((s for s in (1, -1) if abs(self.at(s * high) - self.value) > 0), 0)
            if high == limit:
                break
        if not side:
            return None
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            if abs(self.at(side * middle) - self.value) > 0:
                high = middle
            else:
                low = middle
        first, beyond = (abs(self.at(side * t) - self.value) for t in (high, high * (1 + LITTLE_FURTHER)))
        _, changes = self._samples(len(self.steps))
        whole = max([beyond, abs(self.at(side * limit) - self.value), *changes[np.isfinite(changes)]])
        kink = beyond > QUANTA_OF_A_KINK * first
        jump = jumps and first > max(self.usual, whole / 4)
        if not (kink or jump):
            return None
        unseen = (c.UNSEEN * self.precision.eps * self.size + (first if kink else 0.0)) / low
        why = f"flat up to the {'kink' if kink else 'jump'} at a displacement of {high:.3g}"
        return Estimate(0.0, unseen, 0.0, "flat", (-unseen, unseen), why, self.spent)

    def _nothing(self, kind: str, why: str) -> Estimate:
        return Estimate(math.nan, math.inf, math.nan, kind, (-math.inf, math.inf), why, self.spent)

    def _jumps(self, n: int) -> bool:
        ok = np.flatnonzero(np.isfinite(self.plus[:n]) & np.isfinite(self.minus[:n]))[-3:]
        gaps = np.maximum(np.abs(self.plus[ok] - self.value), np.abs(self.minus[ok] - self.value))
        return len(gaps) == 3 and bool(
            gaps[2] > c.JUMP * gaps[0]
            and gaps[2] > c.INTERMEDIATE * self.precision.eps * self.size + 2 * c.QUANTUM * self.quantum
        )

    def _best(self, table: np.ndarray, error: np.ndarray, noise: np.ndarray, n: int) -> tuple[int, int] | None:
        """Return the entry with the smallest error that all entries at smaller steps confirm and that no kink spoils.
        """
        order = np.argsort(error, axis=None)[: c.BEST_ENTRIES]
        bad = self._kinked(noise, n)
        nearest, doubt = self._nearest(float(noise[-1]))
        for flat in order:
            k, j = divmod(int(flat), _ORDERS)
            if not math.isfinite(error[k, j]):
                return None
            finer = np.abs(table[k + 1 :] - table[k, j]) > c.ERRORS * (error[k, j] + error[k + 1 :])
            aliased = np.abs(nearest - table[k, j]) > c.ERRORS * (error[k, j] + doubt)
            if not bad[k] and not finer.any() and not aliased.any():
                return k, j
        return None

    def _nearest(self, noise: float) -> tuple[np.ndarray, np.ndarray]:
        """Return slopes, and their errors, over the noise samples nearer to 0 than any step: to steps of a whole period
        a wave looks slow.
        """
        slopes, doubts = [0.0], [math.inf]
        for s, y in self.nearby.items():
            spacing = self.scale * 2.0**s
            if spacing < self.steps[-1] / 4 and np.isfinite(y).all():
                inner, outer = (y[3] - y[2]) / (2 * spacing), (y[5] - y[0]) / (6 * spacing)
                slopes.append(inner)
                doubts.append(2 * abs(inner - outer) + 2 * noise / spacing)
        return np.array(slopes), np.array(doubts)

    def _kinked(self, noise: np.ndarray, n: int) -> np.ndarray:
        """Return for each step whether the second difference over h is significant and does not shrink with h."""
        h = self.steps[:n]
        right, left = (self.plus[:n] - self.value) / h, (self.value - self.minus[:n]) / h
        bend, floor = np.abs(right - left), c.BEND_NOISE * noise / h
        straight = bend <= np.maximum(floor, c.STRAIGHT * np.maximum(np.abs(right), np.abs(left)))
        kinked = np.zeros(n, bool)
        # against two steps (a factor 4) smaller: smooth functions shrink to about 1/4, kinks keep their bend
        stuck = (bend[2:] > floor[2:]) & (bend[2:] > c.STUCK * bend[:-2])
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
        costs, added, smallest = c.ONE_SIDED
        slack = costs * float(cost.min())
        moves = [(abs(s[k] - s[previous]), max(abs(s[k]), abs(s[previous]))) for s in (right, left)]
        settled = all(move <= c.AT_REST * largest + slack for move, largest in moves)
        low, high = sorted((float(left[k]), float(right[k])))
        nearer = self._nearer_than_the_kink(high - low)
        if nearer is not None:
            return nearer
        if not settled or high - low <= smallest * max(abs(low), abs(high)):
            return self._nothing("unresolved", "neither the derivative nor the one-sided slopes settle")
        return Estimate(
            (low + high) / 2,
            slack + added * (high - low),
            float(noise[k]),
            "kink",
            (low, high),
            f"one-sided slopes at step 2^{int(math.log2(h[k]))}",
            self.spent,
        )


    def _nearer_than_the_kink(self, bend: float) -> Estimate | None:
        """Return the slope at steps too small to cross a kink, or None when the bend stays down to the level of noise.

        A kink at a small distance from x looks like a kink at x to all larger steps, and like noise to samples that are
        spaced wider than that distance: only the narrowest spacing measures the noise here.
        """
        narrow = self.nearby[min(self.nearby)]
        level = c.NOISE_DEVIATIONS * ecnoise(np.concatenate([narrow[:3], [self.value], narrow[3:]]))
        largest = max(self.size, float(np.max(np.abs(narrow))))
        noise = max(level, c.VALUE_ROUNDING * self.precision.eps * largest, self.precision.tiny, self.treads())
        if not math.isfinite(noise):
            return None
        best: Estimate | None = None
        for exponent in range(2, -self.precision.spacings[0] + 5):
            h = self.scale * 2.0**-exponent
            doubt = 4 * noise / h
            if doubt > bend / 4:
                break
            right, left = (self.at(h) - self.value) / h, (self.value - self.at(-h)) / h
            error = abs(right - left) + doubt
            if error > bend / 2 or not math.isfinite(error):
                best = None  # the bend is still there, or there again
            elif best is None or error < best.error:
                value = (right + left) / 2
                how = f"central difference at step 2^-{exponent}, {NEARER}"
                best = Estimate(value, error, noise, "smooth", (value - error, value + error), how, self.spent)
        return best


def ecnoise(values: np.ndarray) -> float:
    """Return the standard deviation of the noise in equally spaced values, from fourth and fifth differences."""
    d = values
    for _ in range(4):  # np.diff and np.mean take ten times as long for so few values
        d = d[1:] - d[:-1]
    fourth, fifth = (float(np.add.reduce(a * a)) / len(a) for a in (d, d[1:] - d[:-1]))
    return math.sqrt(max(_ECNOISE[0] * fourth, _ECNOISE[1] * fifth))


def romberg(plus: np.ndarray, minus: np.ndarray, steps: np.ndarray, doubt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Romberg table of central differences and the error of each entry (inf for no entry); steps halve.

    The error is the change by the last extrapolation, plus `doubt`, the error of the values themselves. Noise only
    doubles from one step to the next, so an entry that looks much better than its finer neighbours is so by chance, and
    takes its error from them.
    """
    n = len(steps)
    table, error = np.full((n, _ORDERS), np.nan), np.full((n, _ORDERS), np.inf)
    table[:, 0] = (plus - minus) / (2 * steps)
    for j in range(1, _ORDERS):
        fine, coarse = table[1:, j - 1], table[:-1, j - 1]
        table[1:, j] = fine + (fine - coarse) / _FACTORS[j - 1]
        error[1:, j] = 2 * np.maximum(np.abs(table[1:, j] - fine), np.abs(table[1:, j] - coarse)) + doubt[1:]
    known = np.isfinite(table) & np.isfinite(error)
    for away in (1, 2, 3, 4):
        finer = np.where(known[away:], error[away:], 0.0) / (c.LUCKY * 2**away)
        error[:-away] = np.maximum(error[:-away], finer)
    error[~known] = np.inf
    return table, error


def _coarse(table: np.ndarray, error: np.ndarray, n: int) -> tuple[float, float] | None:
    """Return the slope by large steps (the first fifth of the ladder), when the rest of the ladder agrees with them."""
    first, beyond = c.COARSE_SHARE
    cut, rest = max(2, n // first), max(3, n // beyond)
    big, small = int(np.argmin(error[:cut])), int(np.argmin(error[rest:]))
    value, bound = float(table[:cut].flat[big]), float(error[:cut].flat[big])
    other, other_bound = float(table[rest:].flat[small]), float(error[rest:].flat[small])
    known = math.isfinite(bound) and math.isfinite(other_bound)
    if not known or abs(value - other) > c.ERRORS * (bound + other_bound):
        return None
    return value, bound
