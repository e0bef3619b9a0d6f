"""The complex step: f(x + i h v) / h has the slope in its imaginary part, without a difference and so without noise.

It is right only for a program that is analytic: `abs`, a comparison, a conjugate or a lost imaginary part make it
silently wrong. So the program is followed: it runs on `Analytic` values, which allow the analytic operations of NumPy
and refuse all others, conversions into plain arrays included. And a result counts only where its real part is the value
of the real function, and its slope lies within the error of real differences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

__all__ = ["Analytic", "complex_step"]

_UFUNCS = frozenset(
    "add subtract multiply divide negative positive square reciprocal power matmul exp exp2 expm1 log log2 log10 log1p "
    "sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh".split()
)
_FUNCTIONS = frozenset(
    getattr(np, name)
    for name in (
        "sum prod mean cumsum cumprod diff dot inner outer tensordot einsum kron trace diagonal convolve where take "
        "reshape ravel transpose swapaxes moveaxis squeeze expand_dims broadcast_to concatenate stack vstack hstack "
        "roll flip tile repeat shape ndim size zeros_like ones_like"
    ).split()
)
_METHODS = frozenset(
    "sum prod mean cumsum cumprod dot trace diagonal take reshape ravel flatten transpose swapaxes squeeze repeat copy "
    "T".split()
)
_FACTS = frozenset("shape ndim size".split())

# several samples, at inputs some ulp apart and with steps that are no powers of two, which rounding would not notice
_STEP = 2.0**-100
_SMALLEST = 2.0**-900  # below it an imaginary part may have lost digits to underflow
_SAMPLES = ((0, 1.0), (1, 1.1), (-2, 1.23), (3, 0.87), (-4, 0.93))


class Analytic(NDArrayOperatorsMixin):
    """A complex array that goes through analytic operations only; anything else raises TypeError."""

    def __init__(self, data: np.ndarray) -> None:
        self._held = data

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        summing = method == "reduce" and ufunc.__name__ in ("add", "multiply")
        if ufunc.__name__ not in _UFUNCS or not (method == "__call__" or summing) or "out" in kwargs:
            raise TypeError(f"{ufunc.__name__} is not known to be analytic")
        run: Any = ufunc if method == "__call__" else ufunc.reduce
        return _wrap(run(*_bare(inputs), **kwargs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in _FUNCTIONS:
            raise TypeError(f"{function.__name__} is not known to be analytic")
        return _wrap(function(*_bare(args), **_bare(kwargs)))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a plain array would lose the imaginary part")

    def __getattr__(self, name: str) -> Any:
        if name in _FACTS or name == "T":
            return _wrap(getattr(self._held, name))
        if name in _METHODS:
            return lambda *args, **kwargs: _wrap(getattr(self._held, name)(*_bare(args), **_bare(kwargs)))
        raise TypeError(f".{name} is not known to be analytic")

    def __getitem__(self, key: Any) -> Any:
        return _wrap(self._held[key])

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        raise TypeError("a condition on a value is not analytic")


def _wrap(x: Any) -> Any:
    return Analytic(np.asarray(x)) if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "c" else x


def _bare(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)([_bare(a) for a in x])
    if isinstance(x, dict):
        return {k: _bare(a) for k, a in x.items()}
    return x._held if isinstance(x, Analytic) else x


def complex_step(
    f: Callable[..., Any], xs: list[np.ndarray], vs: list[np.ndarray], ws: list[np.ndarray], value: float, slack: float
) -> tuple[float, float] | None:
    """Return the slope of <w, f> along v and its error, or None for a program that is not known to be analytic.

    Args:
        value, slack: the value of <w, f> at x, and the largest accepted distance of the real part from it.
    """
    if any(a.dtype != np.float64 for a in (*xs, *ws)) or any(not _fits(v) for v in vs):
        return None
    slopes = []
    try:
        for ulps, factor in _SAMPLES:
            moved = [x * (1 + ulps * 2.0**-52) for x in xs]
            total = _weighed(f(*[Analytic(x + 1j * (factor * _STEP) * v) for x, v in zip(moved, vs)]), ws)
            if not abs(total.imag) > _SMALLEST or (ulps == 0 and not abs(total.real - value) <= slack):
                return None
            slopes.append(total.imag / (factor * _STEP))
    except Exception:  # the program may raise anything on values it was not written for
        return None
    here = slopes[0]
    if not np.isfinite(slopes).all():
        return None
    return here, 8 * max(abs(s - here) for s in slopes) + 4 * 2.0**-52 * abs(here)


def _fits(v: np.ndarray) -> bool:
    """Return whether the imaginary parts and their squares neither underflow nor overflow."""
    sizes = np.abs(v[v != 0])
    return not sizes.size or bool(sizes.min() > 2.0**-400 and sizes.max() < 2.0**400)


def _weighed(ys: Any, ws: list[np.ndarray]) -> complex:
    ys = list(ys) if isinstance(ys, (tuple, list)) else [ys]
    return complex(sum(np.sum(w * np.asarray(_bare(y))) for w, y in zip(ws, ys, strict=True)))
