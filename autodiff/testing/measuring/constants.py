"""Constants of the measurement and of the verdict, with the reason for each.

No tolerance is set for a function under test: the error of its measured slope, the rounding of the inner product and
the conditioning of the rule are measured at each point. The constants below turn these measurements into decisions.
They do not depend on the function. Most are safety factors: how many times a measured error a difference must exceed.
The tests of this package check the choice: planted mistakes are found, and no right rule is rejected.
"""

from __future__ import annotations

from collections.abc import Callable

__all__: list[str] = []

# ---- safety factors: by how much a difference must exceed a measured error before it counts
ERRORS = 4  # errors of the measured slope: the bound is an estimate from a few samples, not a proof
INNER_PRODUCT = 16  # roundings for each root of a term: <g, v> has a random walk of roundings, and the rule its own
MOVES = 4  # changes of the rule under a move of a few ulp: its conditioning, from four samples
ALONE = 8  # spreads of the rule's numbers nearby by which its number here must differ from all of them to stand alone
NO_ACCIDENT = 4  # tolerances by which a slope must be off before the coarse rounding of a rule is a reason to fail
PATH_QUADRATURE = 8  # differences of the whole and the halved interval: the error of the finer sum is far smaller
PATH_ROUNDING = 64  # roundings of the function's terms in a change over a path
PATH_NOISE = 16  # standard deviations of the noise of a change

# ---- noise and rounding of a function on a line (richardson, differences)
NOISE_DEVIATIONS = 4  # standard deviations (ecnoise) that a level of noise stands for
VALUE_ROUNDING = 4  # roundings of the value itself, the least noise
QUANTUM = 2  # quanta: each end of a difference may be one off
UNSEEN = 8  # roundings of the value that can hide a slope from the longest step
INTERMEDIATE = 64  # roundings of an intermediate of the size of x or of 1
HIDING = 0.25  # power of eps, halved: a larger share of the whole change is no noise but a jump or a fast wave
MEASURES_NOISE = 16  # a spacing measures noise for steps so many times longer; nearer ones include curvature
USUAL_CHANGE = 8  # medians of the changes that wide steps cause
QUICK = (2**12, 2**6)  # eps of the slope, or of the value: an error below is full precision; no more steps follow
SETTLED = 0.6  # power of eps, of the slope: an error below that two smaller steps did not improve is rounding

# ---- smooth, kink or jump (richardson)
BEST_ENTRIES = 40  # of the table: the entry with the smallest error that the others confirm is among so many
LUCKY = 1.5  # growth of the noise from a step to its half, at least: a finer entry much better than that was lucky
JUMP = 0.9  # share of the change that is left two halvings later, at a jump
STUCK = 0.6  # share of the bend that is left two halvings later, at a kink; a smooth function keeps about 1/4
BEND_NOISE = 16  # noises per step that a bend must exceed
STRAIGHT = 1e-7  # of the slope: a smaller bend is no kink
AT_REST = 0.1  # of a one-sided slope: how much it may still move between steps of a factor 4
ONE_SIDED = (4, 0.02, 1e-3)  # costs of a one-sided slope; share of the kink added; smallest kink, as share of the slope
COARSE_SHARE = (5, 3)  # the first fifth of the steps is compared with all beyond the first third
POLE = 0.5  # share of the slope: with a larger error the change at the steps used, not the largest, is the whole

# ---- which comparisons prove something
SMALL_TERM = 1e-3  # of the terms of the inner product: a slope below is a sum that cancels, judged by its terms
SHARP = 0.25  # power of eps: a tolerance below eps^(1/4) of the slope shows a mistake of a factor or a sign
NOTHING = 1e-250  # below it a slope is zero: its square and its noise underflow
CLEAR_CHANGE = 1e-3  # of the change over a path: a larger doubt cannot confirm a mistake (or eps^(1/2), if larger)
SHRINKING = 2  # a wrong slope leaves a mismatch proportional to the step; twice that still shrinks
BEYOND_SURROUNDINGS = 1e-6  # of the slope: an isolated point must differ by more than large steps resolve

# ---- where a rule is evaluated again
ULPS_OF_MOVES = (16, 4)  # eps by which inputs are multiplied: above the rounding of a step, below its curvature
NEIGHBOURS = 64  # slopes at random points: of three tied operands one order in six shows a given slope
KINK_SLACK = 1e-4  # of the slope at a kink: differences nearby include the curvature of both sides
NEIGHBOUR_ROUNDING = 32  # roundings of the function's terms in one difference

# ---- properties that compare two results of one rule (in eps of the larger result, unless stated otherwise)
EQUAL_ROUNDING = 2**12  # another layout or form adds in another order: sums of a few thousand terms
EQUAL_MOVES = 64  # changes of the rule under a move of a few ulp: the two forms round at different places
CANCELLED = 2**8  # roundings of the function's own terms, where a gradient cancels to nothing
ADJOINT = 64  # roundings for each root of a term: <w, J v> and <J^T w, v> are sums of the same products
ADJOINT_SMALL = 1e-5  # of the terms: a smaller difference may be a function's rounding, which no move of an input shows
ADJOINT_MOVES = 16  # changes of either side under a move of a few ulp
SYMMETRY = (2**10, 2**8)  # roundings of the terms of <u, H v>, and of the function's terms under them
SYMMETRY_MOVES = 16  # changes of <u, H v> under a move of a few ulp
SCALAR_SHARE = 1e-13  # of a value: `math` and NumPy may round a function differently by an ulp, and rules multiply some
SCALAR_NOISE = 16  # standard deviations of the rounding of value and slope, seen at seven neighbours
SCALING_ROOM = {"float64": 40, "float32": 16, "float16": 4}  # log2 of the scale of a cotangent that no dtype overflows

# ---- steps and distances for each precision: eps below 1e-10 is float64, below 1e-5 float32, else float16
PATH_STEPS = {  # -log2 of half the length: long (a change is above the noise) to short (no kink is crossed)
    "float64": (3, 6, 9, 13, 17),
    "float32": (2, 4, 6, 8),
    "float16": (1, 2, 3, 4),
}
PATH_SPREADS: dict[str, tuple[Callable[[float], float], ...]] = {  # relative distance of noise samples, given eps
    "float64": (lambda eps: 2**12 * eps, lambda eps: 2**28 * eps, lambda eps: 2.0**-12),
    "float32": (lambda eps: 2**12 * eps, lambda eps: 2**14 * eps, lambda eps: 2**15 * eps),
    "float16": (lambda eps: 2**12 * eps, lambda eps: 2**14 * eps, lambda eps: 2**15 * eps),
}
WIDEST_SPREAD = 0.02  # samples that are farther apart measure the function's shape, not its noise
HULL_RADII = {  # (distance of the neighbours, step of the difference), wide to narrow: a kink at x is in all of them
    "float64": tuple((2.0**a, 2.0**b) for a, b in ((-8, -22), (-14, -26), (-24, -34), (-34, -42), (-42, -48))),
    "float32": ((2.0**-5, 2.0**-10), (2.0**-7, 2.0**-12)),
    "float16": ((2.0**-3, 2.0**-6),),
}


def precision_name(eps: float) -> str:
    """Return the key of the tables above for the eps of a floating type.

    >>> precision_name(2.0**-52), precision_name(2.0**-23), precision_name(2.0**-10)
    ('float64', 'float32', 'float16')
    """
    return "float64" if eps < 1e-10 else "float32" if eps < 1e-5 else "float16"
