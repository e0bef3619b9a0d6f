"""Rows of the classical orthogonal polynomials, of spherical harmonics and of spherical Bessel functions.

Signatures are SciPy's. The derivative of a polynomial is the polynomial of one degree less in the next family (NIST
DLMF 18.9); that of a function on the sphere, or of a spherical Bessel function, is made of its two neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...registry import op
from ...variable import plain
from ..shape import operand
from .blocks import as_complex, evaluate
from .gamma import POSITIVE, constant, order
from .values import polynomials as values


def _jacobi(x: Any, n: int = 2, a: float = 0.0, b: float = 0.0) -> Any:
    return evaluate(values.jacobi, x, n=n, a=a, b=b)


def _gegenbauer(x: Any, n: int = 2, a: float = 1.0) -> Any:
    return evaluate(values.gegenbauer, x, n=n, a=a)


def _chebyshev(x: Any, n: int = 2) -> Any:
    return evaluate(values.chebyshev, x, n=n)


def _hermite(x: Any, n: int = 2) -> Any:
    return evaluate(values.hermite, x, n=n)


def _hermite_normal(x: Any, n: int = 2) -> Any:
    return evaluate(values.hermite_normal, x, n=n)


def _laguerre(x: Any, n: int = 2, a: float = 0.0) -> Any:
    return evaluate(values.laguerre, x, n=n, a=a)


def _row(name: str, fn: Callable[..., Any], vjp: Any, doc: str, **facts: Any) -> Any:
    samples: Any = ((((3,),), {}), (((2,),), {"n": 0}), (((2,),), {"n": 5}))
    return op(fn, name=name, vjp=vjp, elementwise=True, public=False, samples=samples, doc=doc, **facts)


_jacobi_row: Any = _row(
    "jacobi", _jacobi, lambda g, x, n, a, b: g * (0.5 * (n + a + b + 1) * _jacobi_row(x, n=n - 1, a=a + 1, b=b + 1)),
    "Return Jacobi's polynomial of degree n.",
)  # fmt: skip
_gegenbauer_row: Any = _row(
    "gegenbauer", _gegenbauer, lambda g, x, n, a: g * (2.0 * a * _gegenbauer_row(x, n=n - 1, a=a + 1)),
    "Return Gegenbauer's polynomial of degree n.",
)  # fmt: skip
_chebyshev_row: Any = _row(
    "chebyshev", _chebyshev, lambda g, x, n: g * (float(n) * _gegenbauer_row(x, n=n - 1, a=1.0)),
    "Return Chebyshev's polynomial of the first kind and degree n.",
)  # fmt: skip
_hermite_row: Any = _row(
    "hermite", _hermite, lambda g, x, n: g * (2.0 * n * _hermite_row(x, n=n - 1)),
    "Return Hermite's polynomial of degree n, of the weight exp(-x²).",
)  # fmt: skip
_hermite_normal_row: Any = _row(
    "hermite_normal", _hermite_normal, lambda g, x, n: g * (float(n) * _hermite_normal_row(x, n=n - 1)),
    "Return Hermite's polynomial of degree n, of the weight exp(-x²/2).",
)  # fmt: skip
_laguerre_row: Any = _row(
    "laguerre", _laguerre, lambda g, x, n, a: -g * _laguerre_row(x, n=n - 1, a=a + 1),
    "Return Laguerre's polynomial of degree n.",
)  # fmt: skip


def _of_degrees(row: Any, function: str, n: Any, x: Any, **parameters: Any) -> Any:
    """Return the row of one degree, or of an array of degrees that broadcasts with x. Raises TypeError, ValueError."""
    n = np.asarray(constant(function, "n", n))
    if n.dtype.kind not in "iuf" or not np.all(n == np.rint(n)):
        raise TypeError(f"{function}: the degree n must be whole, and is not differentiated; got {n!r}.")
    if np.any(n < 0):
        raise ValueError(f"{function}: the degree n must be 0 or more; got {n!r}.")
    values = [float(constant(function, name, value)) for name, value in parameters.items()]
    static = dict(zip(row.statics[1:], values))
    if n.ndim == 0:
        return row(x, n=int(n), **static)
    x = operand(x)
    y: Any = np.zeros(np.broadcast_shapes(n.shape, np.shape(x)), np.result_type(plain(x), np.float16))
    for degree in np.unique(n):
        y = np.where(n == degree, row(x, n=int(degree), **static), y)
    return y


def eval_legendre(n: Any, x: Any) -> Any:
    """Evaluate Legendre's polynomial of degree n at x (``scipy.special.eval_legendre``; NIST DLMF 18.9).

    n: whole numbers from 0 on, which broadcast with x and are not differentiated. x: any shape. By the recurrence in
    the degree, within about n ulp of the largest value on [-1, 1]. Raises TypeError or ValueError for other degrees.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_legendre(2, x).sum().backward(); x.grad
    array([1.5, 3. ])
    """
    return _of_degrees(_jacobi_row, "eval_legendre", n, x)


def eval_jacobi(n: Any, alpha: Any, beta: Any, x: Any) -> Any:
    """Evaluate Jacobi's polynomial of degree n at x (``scipy.special.eval_jacobi``), as ``eval_legendre``.

    alpha, beta: one number each, above -1, which are not differentiated.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_jacobi(2, 0.5, 1.0, x).sum().backward(); x.grad
    array([2.53125, 5.625  ])
    """
    return _of_degrees(_jacobi_row, "eval_jacobi", n, x, alpha=alpha, beta=beta)


def eval_gegenbauer(n: Any, alpha: Any, x: Any) -> Any:
    """Evaluate Gegenbauer's polynomial of degree n at x (``scipy.special.eval_gegenbauer``), as ``eval_legendre``.

    alpha: one number, above -1/2, which is not differentiated.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_gegenbauer(2, 1.5, x).sum().backward(); x.grad
    array([ 7.5, 15. ])
    """
    return _of_degrees(_gegenbauer_row, "eval_gegenbauer", n, x, alpha=alpha)


def eval_chebyt(n: Any, x: Any) -> Any:
    """Evaluate Chebyshev's polynomial of the first kind (``scipy.special.eval_chebyt``), as ``eval_legendre``.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_chebyt(3, x).sum().backward(); x.grad
    array([0., 9.])
    """
    return _of_degrees(_chebyshev_row, "eval_chebyt", n, x)


def eval_chebyu(n: Any, x: Any) -> Any:
    """Evaluate Chebyshev's polynomial of the second kind (``scipy.special.eval_chebyu``), as ``eval_legendre``.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_chebyu(2, x).sum().backward(); x.grad
    array([4., 8.])
    """
    return _of_degrees(_gegenbauer_row, "eval_chebyu", n, x)


def eval_hermite(n: Any, x: Any) -> Any:
    """Evaluate Hermite's polynomial of the weight exp(-x²) (``scipy.special.eval_hermite``), as ``eval_legendre``.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_hermite(2, x).sum().backward(); x.grad
    array([4., 8.])
    """
    return _of_degrees(_hermite_row, "eval_hermite", n, x)


def eval_hermitenorm(n: Any, x: Any) -> Any:
    """Evaluate Hermite's polynomial of the weight exp(-x²/2) (``scipy.special.eval_hermitenorm``), as
    ``eval_legendre``.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_hermitenorm(3, x).sum().backward(); x.grad
    array([-2.25,  0.  ])
    """
    return _of_degrees(_hermite_normal_row, "eval_hermitenorm", n, x)


def eval_laguerre(n: Any, x: Any) -> Any:
    """Evaluate Laguerre's polynomial of degree n at x (``scipy.special.eval_laguerre``), as ``eval_legendre``.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_laguerre(2, x).sum().backward(); x.grad
    array([-1.5, -1. ])
    """
    return _of_degrees(_laguerre_row, "eval_laguerre", n, x)


def eval_genlaguerre(n: Any, alpha: Any, x: Any) -> Any:
    """Evaluate the generalized Laguerre polynomial (``scipy.special.eval_genlaguerre``), as ``eval_legendre``.

    alpha: one number, above -1, which is not differentiated.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 1.0])
    >>> ad.special.eval_genlaguerre(2, 0.5, x).sum().backward(); x.grad
    array([-2. , -1.5])
    """
    return _of_degrees(_laguerre_row, "eval_genlaguerre", n, x, alpha=alpha)


# ---- on the sphere
def _sphere(angle: Any, n: int = 2, m: int = 1) -> Any:
    return evaluate(values.sphere, angle, n=n, m=m)


def _sphere_slope(g: Any, angle: Any, n: int, m: int) -> Any:
    up, down = math.sqrt((n - m) * (n + m + 1)), math.sqrt((n + m) * (n - m + 1))
    neighbours = up * _sphere_row(angle, n=n, m=m + 1) if up else 0.0
    if down:
        neighbours = neighbours - down * _sphere_row(angle, n=n, m=m - 1)
    return g * (0.5 * neighbours)


_sphere_row: Any = op(
    _sphere,
    name="sph_legendre",
    inputs="angle",
    vjp=_sphere_slope,
    elementwise=True,
    public=False,
    samples=((((3,),), {}), (((2,),), {"n": 0, "m": 0}), (((2,),), {"n": 4, "m": -3})),
    doc="Return a Legendre function of cos(angle), scaled as in a spherical harmonic.",
)


def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any) -> Any:
    """Evaluate a spherical harmonic, complex (``scipy.special.sph_harm_y``; NIST DLMF 14.30.1).

    n: the degree, a whole number from 0 on; m: the order, one from -n to n; neither is differentiated. theta: the angle
    from the pole, 0 to pi, phi: the one around it, of any shapes that broadcast; both are differentiated, at the poles
    too. Beyond them the function is continued smoothly, SciPy's by |sin(theta)|. Raises TypeError or ValueError for
    others.

    >>> import autodiff as ad, numpy as np
    >>> theta = ad.tensor(0.5)
    >>> y = ad.special.sph_harm_y(1, 1, theta, 0.3)
    >>> np.abs(y).backward(); round(theta.grad.item(), 4)
    0.3032
    """
    n, m = order("sph_harm_y", n), order("sph_harm_y", m)
    if n < 0:
        raise ValueError(f"sph_harm_y: the degree n must be 0 or more; got {n!r}.")
    return _sphere_row(theta, n=n, m=m) * np.exp(1j * as_complex(float(m) * operand(phi)))


# ---- spherical Bessel functions
def _spherical_jn(x: Any, n: int = 2) -> Any:
    return evaluate(values.spherical_jn, x, n=n)


def _spherical_yn(x: Any, n: int = 2) -> Any:
    return evaluate(values.spherical_yn, x, n=n)


def _spherical_slope(row: Any, x: Any, n: int) -> Any:
    """Return the derivative, by the neighbours (NIST DLMF 10.51.2)."""
    if n == 0:
        return -row(x, n=1)
    return (float(n) * row(x, n=n - 1) - (n + 1.0) * row(x, n=n + 1)) * (1.0 / (2 * n + 1))


_spherical_jn_row: Any = _row(
    "spherical_jn", _spherical_jn, lambda g, x, n: g * _spherical_slope(_spherical_jn_row, x, n),
    "Return the spherical Bessel function of the first kind.",
)  # fmt: skip
_spherical_yn_row: Any = _row(
    "spherical_yn", _spherical_yn, lambda g, x, n: g * _spherical_slope(_spherical_yn_row, x, n),
    "Return the spherical Bessel function of the second kind.", singular=True, domain=POSITIVE,
)  # fmt: skip


def _spherical(row: Any, function: str, n: Any, z: Any, derivative: bool) -> Any:
    n = order(function, n)
    if n < 0:
        raise ValueError(f"{function}: the order n must be 0 or more; got {n!r}.")
    return _spherical_slope(row, z, n) if derivative else row(z, n=n)


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Evaluate the spherical Bessel function of the first kind, or its derivative (``scipy.special.spherical_jn``).

    n: one whole number from 0 on, which is not differentiated. z: any shape of real numbers; an absolute error of 4 ulp
    of 1 / z near the zeros (NIST DLMF 10.47). Raises TypeError or ValueError for another n.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.0, 1.0])
    >>> ad.special.spherical_jn(1, x).sum().backward(); x.grad.round(4)
    array([0.3333, 0.2391])
    """
    return _spherical(_spherical_jn_row, "spherical_jn", n, z, derivative)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Evaluate the spherical Bessel function of the second kind (``scipy.special.spherical_yn``), as ``spherical_jn``.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.spherical_yn(1, x).sum().backward(); x.grad.round(4)
    array([2.2232, 0.5587])
    """
    return _spherical(_spherical_yn_row, "spherical_yn", n, z, derivative)
