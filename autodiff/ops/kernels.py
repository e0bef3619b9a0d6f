"""Special functions on raw NumPy arrays, for rows whose function NumPy lacks: `erf` and `erfc`.

Numbers in, numbers out: no graphs, no derivatives, no SciPy. Each function is called
like a ufunc (any shape, contiguous or not; a NumPy scalar comes back for a 0-d input; float16 and float32 keep their
dtype; integers become float64) and raises no floating-point warning of its own.

The idea: rational approximations, fitted for this module (weighted least squares at 40 digits, reweighted towards the
least maximum; the errors below are those of the fit), each evaluated by Horner's rule in place, a block at a time, so
that the temporaries stay in the processor's cache. A badly rounded term is always a correction to a larger one.

    SMALL    erf(x)/x - 1                      in x^2,      |x| <= 1        7.0e-19
    MIDDLE   exp(x^2) erfc(x)                  in x,        1 <= x <= 6     1.3e-18, relative to erf: for 1 - erfc
    TAIL     (1 + x) exp(x^2) erfc(x) - 0.75   in 1/(1+x),  0.5 <= x <= 28  1.1e-18
    SINGLE   erf(x)/x                          in x^2,      |x| <= 4        2.5e-9, enough for float32
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..modes import current_trace, one_call
from ..modes.threads import over_parts
from ..other_arrays import elementwise, is_foreign

Kernel = Callable[[np.ndarray], np.ndarray]  # from a float64 block to a new one
# Numerator and denominator, highest power first, as Horner's rule reads them.
Rational = tuple[tuple[float, ...], tuple[float, ...]]
SMALL: Rational = (
    (
        -2.073288220611539e-05, -0.0004956208368821688, -0.008815715889988392,
        -0.048329755882487904, -0.3170060176983732, 0.1283791670955126,
    ),
    (
        2.08106610526588e-05, 0.0006925070931373398, 0.010693166501600548,
        0.0938135104607343, 0.46051374744844426, 1.0,
    ),
)  # fmt: skip
MIDDLE: Rational = (
    (
        0.008915450328373972, 0.08425009908152147, 0.37328942400026155,
        0.9490022267229166, 1.3901605781438517, 0.9999998888843603,
    ),
    (
        0.015802347495286577, 0.14932548651406774, 0.6695991722886994, 1.756149466762504,
        2.7908745799552652, 2.5185385731099434, 1.0,
    ),
)  # fmt: skip
TAIL: Rational = (
    (
        -71.39617038515483, 165.10298613399533, 377.6842802196098, 371.09800506180085, 218.34760172919061,
        84.32215407976787, 14.912661740278693, -0.9120427733962319, -2.6858279942262953, -0.6472884411182467,
        -0.1858104164523403,
    ),
    (
        95.28365333464598, 415.27750940828594, 858.8287341145146, 1104.3876574972098, 998.1810892658245,
        654.927778941298, 330.48635473470154, 121.89954416547637, 35.76990520936469, 6.519968297870275, 1.0,
    ),
)  # fmt: skip
SINGLE: Rational = (
    (
        6.7935616615028879e-06, 0.00041133269383011693, 0.0042265493360069778,
        0.055750453272972429, 0.19287633036940387, 1.1283791700135864,
    ),
    (
        2.606044498970339e-07, 7.2579822236098581e-05, 0.0014212893123449777, 0.01629544373174039,
        0.11749544373924656, 0.50426563210066407, 1.0,
    ),
)  # fmt: skip
TAIL_FROM = 1.375  # for float32 erfc: the error of SINGLE is 5e-8 of erfc there, under an ulp
BLOCK = 32768  # elements; a float64 temporary takes 256 KB, and a formula has three at a time
BITS_FROM = 8192  # elements from which `select` works on bits


def erf(x: Any) -> Any:
    """Return the error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x (NIST DLMF 7.2.1), elementwise.

    x: any shape, real; the result has its shape, and its dtype if that is floating. Odd, signed zeros included; exactly
    1 from 5.93 (float64) or 3.92 (float32) on; nan for nan. Largest error found against mpmath (200,000 points in all
    regimes): 1.1 ulp in float64, 0.55 in float32, 0.5 in float16.

    Raises TypeError for complex, extended-precision and non-numeric dtypes.

    >>> erf(np.array([-np.inf, 0.0, 0.5, 3.0])).round(6)
    array([-1.      ,  0.      ,  0.5205  ,  0.999978])
    """
    return _elementwise("erf", x, single=_erf_single, double=_erf_double)


def erfc(x: Any) -> Any:
    """Return the complementary error function 1 - erf(x) (NIST DLMF 7.2.2), elementwise, without the cancellation.

    x: any shape, real; the result has its shape, and its dtype if that is floating. Accurate down to the subnormals:
    0 only from 27.23 (float64) or 10.06 (float32) on; 2 far on the left; nan for nan. Largest error found against
    mpmath (200,000 points in all regimes): 4.3 ulp in float64, 1.1 in float32, 0.5 in float16.

    Raises TypeError for complex, extended-precision and non-numeric dtypes.

    >>> erfc(np.array([-np.inf, 0.0, 10.0, np.inf]))
    array([2.00000000e+00, 1.00000000e+00, 2.08848758e-45, 0.00000000e+00])
    """
    return _elementwise("erfc", x, single=_erfc_single, double=_erfc_double, single_tail=_erfc_single_tail)


@one_call
def _elementwise(name: str, x: Any, *, single: Kernel, double: Kernel, single_tail: Kernel | None = None) -> Any:
    """Apply a kernel that works on float64 blocks to an array of any layout and real dtype.

    single_tail: replaces `single` above TAIL_FROM, on entries gathered from the whole array: most arrays have so few
    that in each block the calls would cost more than the numbers.
    """
    if is_foreign(x):
        on_numpy = partial(_elementwise, name, single=single, double=double, single_tail=single_tail)
        return elementwise(on_numpy, name, (x,))
    x = np.asarray(x)
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        raise TypeError(f"{name}: dtype {x.dtype} is not supported; pass float16, float32, float64 or integers")
    dtype = x.dtype.newbyteorder("=") if x.dtype.kind == "f" else np.dtype(np.float64)
    kernel = double if dtype == np.float64 else single
    out = np.empty(x.shape, dtype)
    flat_in, flat_out = x.reshape(-1), out.reshape(-1)

    def write(part: slice) -> None:
        flat_out[part] = kernel(flat_in[part].astype(np.float64))

    # Underflow is expected here: x*x of a tiny x, exp(-x*x) of a large one.
    with np.errstate(under="ignore"):
        over_parts(flat_in.size, BLOCK, write)
        if single_tail is not None and kernel is single:
            far = np.flatnonzero(flat_in > TAIL_FROM)
            for start in range(0, far.size, BLOCK):
                part = far[start : start + BLOCK]
                flat_out[part] = single_tail(flat_in[part].astype(np.float64))
    return out if out.ndim else out[()]


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    y: np.ndarray = x * coefficients[0]
    y += coefficients[1]
    for c in coefficients[2:]:
        y *= x
        y += c
    return y


def _ratio(pair: Rational, x: np.ndarray) -> np.ndarray:
    y = _horner(pair[0], x)
    y /= _horner(pair[1], x)
    return y


def _erf_single(x: np.ndarray) -> np.ndarray:
    np.clip(x, -4.0, 4.0, out=x)  # from 3.92 on, float32 rounds erf to 1; nan passes
    y = _ratio(SINGLE, x * x)
    y *= x
    return y


def _erf_small(x: np.ndarray) -> np.ndarray:
    """Return erf for |x| <= 1; beyond, erf(1) without a warning, and nan for nan."""
    x = np.clip(x, -1.0, 1.0)
    y = _ratio(SMALL, x * x)
    y *= x
    y += x
    return y


def _erf_middle(x: np.ndarray) -> np.ndarray:
    """Return erf for |x| >= 1, where the rounding of x*x and of exp has a weight of erfc(1)/erf(1) = 0.19 or less."""
    size = np.minimum(np.abs(x), 6.0)  # from 5.93 on, float64 rounds erf to 1
    y: np.ndarray = np.exp(-size * size)
    y *= _ratio(MIDDLE, size)
    np.subtract(1.0, y, out=y)
    np.copysign(y, x, out=y)
    return y


def _erfc_tail(x: np.ndarray) -> np.ndarray:
    """Return erfc for 0.5 <= x <= 28. Rounding x*x would cost x^2/2 ulp: split x = h + d with h*h exact."""
    h = x.astype(np.float32).astype(np.float64)
    y: np.ndarray = np.exp(-h * h)
    y *= np.exp((h - x) * (h + x))
    y *= _erfc_over_exp(x)
    return y


def _erfc_over_exp(x: np.ndarray) -> np.ndarray:
    """Return exp(x^2) erfc(x) for 0.5 <= x <= 28."""
    inverse = 1.0 / (1.0 + x)
    y = _ratio(TAIL, inverse)
    y += 0.75
    y *= inverse
    return y


def _by_regime(x: np.ndarray, outer: np.ndarray, inside: Kernel, outside: Kernel) -> np.ndarray:
    """Give each regime its formula; both formulas take any x, so that a mixed block costs no gathering."""
    count = np.count_nonzero(outer)
    if count == 0:
        return inside(x)
    if count == x.size:
        return outside(x)
    return np.where(outer, outside(x), inside(x))


def _erf_double(x: np.ndarray) -> np.ndarray:
    return _by_regime(x, np.abs(x) > 1.0, _erf_small, _erf_middle)


def _erfc_single(x: np.ndarray) -> np.ndarray:
    """Return 1 - erf; above TAIL_FROM it would miss digits that float32 has."""
    y = _erf_single(x)
    return np.subtract(1.0, y, out=y)


def _erfc_single_tail(x: np.ndarray) -> np.ndarray:
    x = np.minimum(x, 28.0)
    y: np.ndarray = np.exp(-x * x)
    y *= _erfc_over_exp(x)
    return y


def _erfc_double(x: np.ndarray) -> np.ndarray:
    y: np.ndarray = 1.0 - _erf_small(x)
    size = np.abs(x)
    outer = np.flatnonzero(size > 0.5)  # gathered, because two exponentials cost more than that
    if outer.size:
        tail = _erfc_tail(np.minimum(size[outer], 28.0))
        y[outer] = np.where(x[outer] < 0, 2.0 - tail, tail)
    return y


def select(condition: Any, a: Any, b: Any) -> Any:
    """Return ``np.where(condition, a, b)``, of large arrays of floats by arithmetic on their bits: NumPy's has a branch
    for each number, and takes eight times as long where the condition changes from one to the next."""
    arrays = [x for x in (a, b) if x.__class__ is not float and x.__class__ is not int]
    if (
        condition.__class__ is not np.ndarray
        or condition.size < BITS_FROM
        or condition.dtype != bool
        or any([x.__class__ is not np.ndarray or x.shape != condition.shape for x in arrays])
        or current_trace() is not None
    ):
        return np.where(condition, a, b)
    dtype = np.result_type(a, b)
    out = np.empty_like(condition, dtype)
    steps = tuple([n * out.itemsize for n in condition.strides])  # equal: all lie in memory in the same dense order
    if dtype.char not in "fd" or any([x.strides != steps or x.dtype != dtype for x in (out, *arrays)]):
        return np.where(condition, a, b)
    word = np.dtype(f"u{dtype.itemsize}")
    holds, target = condition.ravel(order="K"), out.ravel(order="K").view(word)
    bits = [np.asarray(x, dtype).ravel(order="K").view(word) for x in (a, b)]

    def write(part: slice) -> None:
        yes, no = (x if len(x) == 1 else x[part] for x in bits)
        mask = holds[part].astype(word)
        np.negative(mask, out=mask)  # all bits where the condition holds
        mask &= yes ^ no
        np.bitwise_xor(mask, no, out=target[part])

    over_parts(target.size, BLOCK, write)
    return out


def loud(d: Any, *operands: Any) -> Any:
    """Return d, and NaN where an operand of a row with a kink is NaN: it is on neither side of the kink, but
    comparisons alone would give it the slope of one side. d: array, Tensor or float."""
    for x in operands:
        if x.__class__ is float:
            if x != x:
                d = d * math.nan
        elif x is not None:
            missing = np.isnan(x)
            if is_foreign(missing) or missing.any():
                d = np.where(missing, math.nan, d)
    return d
