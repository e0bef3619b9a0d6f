"""Distributions of one number: the reading of a call in SciPy's signature, the support, the methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import special
from ..errors import MissingRuleError
from ..ops.shape import operand
from ..other_arrays import beside, is_foreign
from ..variable import Variable, plain

Formula = Callable[..., Any]


def _of_one_library(*values: Any) -> list[Any]:
    """Return the values; NumPy's arrays and numbers among arrays of another library as arrays of that library."""
    other = next((v for v in map(plain, values) if is_foreign(v)), None)
    if other is None:
        return list(values)
    return [v if isinstance(v, Variable) else beside(operand(v), other) for v in values]


def _where_positive(scale: Any, y: Any) -> Any:
    """Return y where the scale is above 0, NaN elsewhere."""
    if isinstance(scale, (int, float)):
        return y if scale > 0 else y * np.nan
    return np.where(np.greater(plain(scale), 0), y, np.nan)


def _log_of_area(area: Formula | None, rest: Formula | None) -> Formula | None:
    """Return the formula of log(area): where rest = 1 - area is the smaller one, from rest, whose digits area lost."""
    if area is None or rest is None:
        return area and (lambda *operands: np.log(area(*operands)))

    def log_of_area(*operands: Any) -> Any:
        whole, part = area(*operands), rest(*operands)
        large = np.less(plain(part), 0.5)
        return np.where(large, np.log1p(-np.where(large, part, 0.0)), np.log(np.where(large, 1.0, whole)))

    return log_of_area


def distance(z: Any) -> Any:
    """Return the distance of z from 0, whose slope at 0 is -1, that of the left side; that of abs(z) is 0, and the area
    up to z has the density as its slope there too."""
    return np.where(np.greater(plain(z), 0), z, -z)


def both_sides(z: Any, beyond: Any) -> Any:
    """Return the area up to z of a symmetric distribution, from that beyond the distance of z on one side."""
    return np.where(np.greater(plain(z), 0), 1.0 - beyond, beyond)


def log_erfc(u: Any) -> Any:
    """Return log(erfc(u)) for u >= 0."""
    near = np.less(plain(u), 0.5)
    tail = math.log(2.0) + special.log_ndtr(-math.sqrt(2.0) * np.where(near, 1.0, u))
    return np.where(near, np.log1p(-special.erf(np.where(near, u, 0.0))), tail)


def log_i0(u: Any) -> Any:
    """Return log(i0(u)) - u for u >= 0; ``i0e`` takes abs(u), whose derivative at 0 is a convention."""
    near = np.less(plain(u), 1)
    small, large = np.where(near, u, 0.0), np.where(near, 1.0, u)
    return np.where(near, np.log(special.i0(small)) - small, np.log(special.i0e(large)))


def _with_powers(rest: Formula, powers: Formula) -> tuple[Formula, Formula]:
    """Return the formulas of logpdf and pdf: exp(rest) times base**p for every (p, base) of ``powers``. Near an end of
    the support, where a base is near 0, derivatives of exp(logpdf) are differences of large numbers, at it 0 * inf;
    a power has its own. Where a factor would overflow, logarithms are added."""

    def logpdf(z: Any, *shapes: Any) -> Any:
        return sum([special.xlogy(p, base) for p, base in powers(z, *shapes)], start=rest(z, *shapes))

    def pdf(z: Any, *shapes: Any) -> Any:
        y, pairs, factors = rest(z, *shapes), powers(z, *shapes), []
        most = 0.4 * math.log(np.finfo(np.result_type(operand(plain(y)), np.float16)).max)
        sizes = [y, *[special.xlogy(plain(p), plain(base)) for p, base in pairs]]
        direct = math.prod([np.abs(plain(size)) < most for size in sizes], start=np.True_)
        for p, base in pairs:
            alone = direct | np.equal(plain(base), 0)
            y = y + special.xlogy(p, np.where(alone, 1.0, base))
            factors.append(np.where(alone, base, 1.0) ** p)
        return math.prod(factors, start=np.exp(y))

    return logpdf, pdf


class _Distribution:
    """Parts common to distributions: a name, shape parameters, and the reading of a call in SciPy's signature."""

    standard: tuple[str, ...]  # the parameters after the shapes
    formulas: dict[str, Formula | None]  # of methods, by their names

    def __init__(self, name: str, shapes: str) -> None:
        self.name, self.shapes = name, tuple(shapes.split())

    def __repr__(self) -> str:
        return f"<distribution {self.name}({', '.join([*self.shapes, *self.standard])})>"

    def _arguments(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """Return the shape parameters; and loc and scale, which are 0 and 1 by default."""
        names = (*self.shapes, *self.standard)
        takes = f"{self.name}.{method}() takes the parameters {', '.join(names)}"
        if len(args) > len(names):
            raise TypeError(f"{takes}; {len(args)} were given after the first argument.")
        given = dict(zip(names, args))
        for key, value in kwargs.items():
            if key not in names or key in given:
                raise TypeError(f"{takes}; {key!r} {'came twice' if key in given else 'is none of them'}.")
            given[key] = value
        missing = [key for key in self.shapes if key not in given]
        if missing:
            raise TypeError(f"{takes}; {', '.join(missing)} is missing.")
        defaults = {"loc": 0.0, "scale": 1.0}
        return [given[key] for key in self.shapes], [given.get(key, defaults[key]) for key in self.standard]

    def _formula(self, method: str) -> Formula:
        formula = self.formulas[method]
        if formula is None:
            raise MissingRuleError(
                f"{self.name}.{method}() is not here: it has no closed form that could be recorded. "
                f"Write scipy.stats.{self.name}.{method}(...) on plain arrays."
            )
        return formula


class Continuous(_Distribution):
    """A distribution on an interval, made of formulas in the standard variable z = (x - loc) / scale and the shapes.

    powers: factors of the density that may be 0 at an end, as (exponent, base); logpdf has the logarithm of the rest.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 2.0])
    >>> ad.stats.expon.logpdf(x, scale=2.0).sum().backward(); x.grad
    array([-0.5, -0.5])
    """

    standard = ("loc", "scale")

    def __init__(
        self,
        name: str,
        shapes: str,
        logpdf: Formula,
        cdf: Formula | None = None,
        sf: Formula | None = None,
        support: tuple[float, float] | Formula = (-math.inf, math.inf),
        inside: Any = 0.0,
        logcdf: Formula | None = None,
        logsf: Formula | None = None,
        ppf: Formula | None = None,
        isf: Formula | None = None,
        periodic: bool = False,
        powers: Formula | None = None,
    ) -> None:
        super().__init__(name, shapes)
        self.support, self.inside, self.periodic = support, inside, periodic
        self.formulas = {"logpdf": logpdf, "cdf": cdf, "sf": sf, "ppf": ppf, "isf": isf}
        if powers is not None:
            self.formulas["logpdf"], self.formulas["pdf"] = _with_powers(logpdf, powers)
        self.formulas["logcdf"] = logcdf or _log_of_area(cdf, sf)
        self.formulas["logsf"] = logsf or _log_of_area(sf, cdf)

    def _evaluate(self, method: str, x: Any, args: Any, kwargs: Any, below: float, above: float) -> Any:
        """Evaluate the formula where x is a number in the support, at a harmless z elsewhere, and put constants there.
        """
        shapes, (loc, scale) = self._arguments(method, args, kwargs)
        z = (x - loc) / scale
        bare = operand(plain(z))
        # functions of Python's numbers are NumPy's float64, which would make float64 of float32 arrays
        shapes = [np.asarray(a, bare.dtype) if a.__class__ in (int, float) else a for a in shapes]
        bare, z, *shapes = _of_one_library(bare, z, *shapes)
        ends, inside = self.support, self.inside
        if callable(ends):  # between the shape parameters, one of which lies inside
            ends, inside = ends(*map(plain, shapes)), inside(*map(plain, shapes))
        low, high = bare < ends[0], bare > ends[1]
        if not self.periodic:  # many formulas are inf - inf at an infinite x
            low, high = low | (bare == -math.inf), high | (bare == math.inf)
        y = self._formula(method)(np.where(low | high, inside, z), *shapes)
        if method == "logpdf":
            log_scale = np.log(scale)
            y = y - (float(log_scale) if scale.__class__ in (int, float) else log_scale)
        elif method == "pdf":
            y = y / scale
        y = np.where(low, below, np.where(high, above, y))
        return _where_positive(scale, y)

    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of the density at x; -inf outside the support."""
        return self._evaluate("logpdf", x, args, kwargs, -np.inf, -np.inf)

    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the density at x; 0 outside the support."""
        if "pdf" in self.formulas:
            return self._evaluate("pdf", x, args, kwargs, 0.0, 0.0)
        return np.exp(self.logpdf(x, *args, **kwargs))

    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of a value up to x."""
        return self._evaluate("cdf", x, args, kwargs, 0.0, 1.0)

    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of a value above x: 1 - cdf without the cancellation."""
        return self._evaluate("sf", x, args, kwargs, 1.0, 0.0)

    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of ``cdf``."""
        return self._evaluate("logcdf", x, args, kwargs, -np.inf, 0.0)

    def logsf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of ``sf``: the term of an observation censored at x in a log-likelihood."""
        return self._evaluate("logsf", x, args, kwargs, 0.0, -np.inf)

    def ppf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the value up to which the probability is q, the inverse of ``cdf``; NaN outside 0..1.

        With uniform random numbers for q this draws samples that are differentiated in the parameters.
        """
        return self._quantile("ppf", q, args, kwargs)

    def isf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the value above which the probability is q, the inverse of ``sf``, for small q to its digits."""
        return self._quantile("isf", q, args, kwargs)

    def _quantile(self, method: str, q: Any, args: Any, kwargs: Any) -> Any:
        shapes, (loc, scale) = self._arguments(method, args, kwargs)
        dtype = np.result_type(operand(plain(q)), np.float16)
        shapes = [np.asarray(a, dtype) if a.__class__ in (int, float) else a for a in shapes]
        q, *shapes = _of_one_library(q, *shapes)
        outside = np.logical_not((operand(plain(q)) >= 0) & (operand(plain(q)) <= 1))
        y = self._formula(method)(np.where(outside, 0.5, q), *shapes) * scale + loc
        return _where_positive(scale, np.where(outside, np.nan, y))


class Discrete(_Distribution):
    """A distribution on whole numbers, by its formula of k and the shape parameters; no derivative flows to k.

    >>> import autodiff as ad
    >>> mu = ad.tensor(3.0)
    >>> ad.stats.poisson.logpmf([2, 5], mu).sum().backward(); round(mu.grad.item(), 4)
    0.3333
    """

    standard = ("loc",)

    def __init__(self, name: str, shapes: str, logpmf: Formula, cdf: Formula | None, low: float, high: Formula) -> None:
        super().__init__(name, shapes)
        self.formulas, self.low, self.high = {"logpmf": logpmf, "cdf": cdf}, low, high

    def _evaluate(self, method: str, k: Any, args: Any, kwargs: Any, below: float, above: float) -> Any:
        shapes, (loc,) = self._arguments(method, args, kwargs)
        bare, *shapes = _of_one_library(operand(plain(k)) - plain(loc), *shapes)
        whole = np.floor(bare)
        low, high = bare < self.low, whole > self.high(*map(plain, shapes))
        if method == "logpmf":
            low = low | (whole < bare)  # not of NaN, which stays NaN
        if method == "cdf":
            high = high | (whole == self.high(*map(plain, shapes)))
        y = self._formula(method)(np.where(low | high, self.low, whole), *shapes)
        return np.where(low, below, np.where(high, above, y))

    def logpmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of the probability of k; -inf where k is not in the support."""
        return self._evaluate("logpmf", k, args, kwargs, -np.inf, -np.inf)

    def pmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of k; 0 where k is not in the support."""
        return np.exp(self.logpmf(k, *args, **kwargs))

    def cdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of a value up to k."""
        return self._evaluate("cdf", k, args, kwargs, 0.0, 1.0)
