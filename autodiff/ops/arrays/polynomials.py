"""Polynomials given by their coefficients, the highest power first: polyval, polyadd, polymul, polyder, ..."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import kind_of
from ...other_arrays import is_foreign, numbers
from ...registry import composite, op
from ...variable import Variable, plain
from ..shape import operand


def _coefficients(p: Any) -> Any:
    """Return p: (n,) as an array or a Tensor."""
    return np.atleast_1d(operand(p))


def polyval(p: Any, x: Any) -> Any:
    """Return the value of a polynomial (``np.polyval``) by Horner's rule.

    p: (n,), the highest power first; x: any shape.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(3.0)
    >>> np.polyval([1.0, 0.0, 2.0], x).backward(); x.grad
    array(6.)
    """
    p, x = _coefficients(p), x if hasattr(x, "dtype") else np.asarray(x)
    if not isinstance(x, Variable):  # NumPy makes an array of a number, and an array's dtype counts
        p = p.astype(np.result_type(p.dtype, x.dtype))
    y: Any = np.zeros_like(x)
    for c in p:
        y = y * x + c
    return y


def _sum(a1: Any, a2: Any, sign: float) -> Any:
    a1, a2 = _coefficients(a1), _coefficients(a2)
    n = max(np.size(a1), np.size(a2))
    a1, a2 = (np.concatenate([np.zeros(n - np.size(a), a.dtype), a]) if np.size(a) < n else a for a in (a1, a2))
    return a1 + a2 if sign > 0 else a1 - a2


def polyadd(a1: Any, a2: Any) -> Any:
    """Return the coefficients of a sum (``np.polyadd``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.polyadd(x, [3.0]).data
    array([1., 5.])
    """
    return _sum(a1, a2, 1.0)


def polysub(a1: Any, a2: Any) -> Any:
    """Return the coefficients of a difference (``np.polysub``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.polysub(x, [3.0]).data
    array([ 1., -1.])
    """
    return _sum(a1, a2, -1.0)


def polymul(a1: Any, a2: Any) -> Any:
    """Return the coefficients of a product (``np.polymul``); leading zeros of either are left out.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.polymul(x, [1.0, -1.0]).data
    array([ 1.,  1., -2.])
    """
    return np.convolve(*[_trimmed(_coefficients(a)) for a in (a1, a2)])


def _trimmed(a: Any) -> Any:
    used = np.flatnonzero(numbers(plain(a), "the degree of a product of polynomials", "a"))
    return a[int(used[0]) :] if len(used) else a[-1:]


def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """Return the coefficients of quotient and remainder (``np.polydiv``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> quotient, remainder = np.polydiv(x, [1.0, 1.0])
    >>> quotient.data, remainder.data
    (array([1., 1.]), array([2.]))
    """
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    numbers(plain(u), "polydiv", "u")
    m, n = np.size(u) - 1, np.size(v) - 1
    quotient = []
    for k in range(m - n + 1):
        d = u[k] / v[0]
        quotient.append(d)
        u = np.concatenate([u[:k], u[k : k + n + 1] - d * v, u[k + n + 1 :]])
    rest = u
    while np.size(rest) > 1 and np.allclose(plain(rest)[0], 0, rtol=1e-14):
        rest = rest[1:]
    return np.stack(quotient) if quotient else np.zeros(1, u.dtype), rest


def polyder(p: Any, m: int = 1) -> Any:
    """Return the coefficients of the m-th derivative (``np.polyder``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> np.polyder(x).data
    array([2., 2.])
    """
    if m < 0:
        raise ValueError(f"polyder: m must be 0 or more; got {m}.")
    p = _coefficients(p)
    for _ in range(int(m)):
        n = np.size(p) - 1
        p = p[:-1] * np.arange(n, 0, -1) if n > 0 else p[:0]
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """Return the coefficients of the m-th antiderivative (``np.polyint``); k: the constants of integration.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.polyint(x).data
    array([0.5, 2. , 0. ])
    """
    if m < 0:
        raise ValueError(f"polyint: m must be 0 or more; got {m}.")
    p = _coefficients(p)
    constants = (
        [0.0] * m if k is None else [k] * m if np.ndim(k) == 0 else [k[i if np.size(k) > 1 else 0] for i in range(m)]
    )
    for c in constants:
        p = np.concatenate([p / np.arange(np.size(p), 0, -1).astype(p.dtype), np.reshape(c, 1)])
    return p


def poly(seq_of_zeros: Any) -> Any:
    """Return the coefficients of the polynomial with given zeros (``np.poly``).

    seq_of_zeros: (n,). A matrix, whose eigenvalues would be the zeros, is refused with a ValueError.

    >>> import autodiff as ad, numpy as np
    >>> np.poly(ad.tensor([1.0, 2.0])).data
    array([ 1., -3.,  2.])
    """
    z = _coefficients(seq_of_zeros)
    if np.ndim(z) != 1:
        raise ValueError(f"poly needs a sequence of zeros; got {kind_of(z)}. Write np.poly(np.linalg.eigvals(a)).")
    y: Any = np.ones(1, z.dtype)
    for zero in z:
        y = np.concatenate([y, np.zeros(1, y.dtype)]) - np.concatenate([np.zeros(1, y.dtype), y * zero])
    return y


def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: bool | str = False
) -> Any:
    """Return the coefficients of the polynomial of a degree that fits points best (``np.polyfit``), by least squares.

    x: (n,); y: (n,) or (n, k); w: (n,), weights of the residuals. full: also residuals, rank, singular values and
    rcond. cov: also the covariance matrix of the coefficients. x, y and w may be recorded.

    >>> import autodiff as ad, numpy as np
    >>> y = ad.tensor([1.0, 3.0, 5.0])
    >>> np.polyfit([0.0, 1.0, 2.0], y, 1)[0].backward(); y.grad.round(9)
    array([-0.5,  0. ,  0.5])
    """
    x, y = operand(x), operand(y)
    if np.ndim(x) != 1 or np.ndim(y) not in (1, 2) or np.shape(y)[0] != np.shape(x)[0] or not np.size(x) or deg < 0:
        raise ValueError(
            f"polyfit needs points x: (n,) and y: (n,) or (n, k), and deg >= 0; got {kind_of(x)}, {kind_of(y)}, {deg}."
        )
    rcond = np.shape(x)[0] * np.finfo(x.dtype if x.dtype.kind == "f" else float).eps if rcond is None else rcond
    powers = np.vander(x + 0.0, deg + 1)
    y = y + 0.0
    if w is not None:
        w = operand(w)
        if np.shape(w) != np.shape(x):
            raise ValueError(f"polyfit: w of shape {np.shape(w)} must have the shape of x, {np.shape(x)}.")
        powers, y = powers * np.expand_dims(w, 1), y * (np.expand_dims(w, 1) if np.ndim(y) == 2 else w)
    scale = np.sqrt(np.sum(np.square(plain(powers)), axis=0))  # any scale gives the same result
    powers = powers / scale
    found, residuals, rank, singular = np.linalg.lstsq(powers, y, rcond)
    c = np.transpose(np.transpose(found) / scale)
    if full:
        return c, residuals, rank, singular, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.transpose(powers) @ powers) / np.outer(scale, scale)
    if cov != "unscaled":
        if np.shape(x)[0] <= deg + 1:
            raise ValueError(f"polyfit: cov=True needs more than {deg + 1} points; got {np.shape(x)[0]}.")
        factor = residuals / (np.shape(x)[0] - deg - 1)
        base = np.expand_dims(base, -1) * factor if np.ndim(y) == 2 else base * factor
    return c, base


def _roots(p: Any) -> Any:
    if is_foreign(p):
        raise TypeError("leading and last coefficients that are 0 decide the number of roots")
    y = np.roots(p)
    return y if y.size else y.astype(np.result_type(p, np.float16))  # NumPy's empty result is float64


def _roots_vjp(g: Any, y: Any, p: Any) -> Any:
    """Return the cotangent of p: the derivative of a root z in the coefficient of z**k is -z**k / P'(z)."""
    slope, degree = polyval(polyder(p), y), np.arange(np.size(p) - 1, -1.0, -1.0)
    bare, size = np.asarray(plain(p)), np.abs(np.asarray(plain(y)))
    scale = np.polyval(np.abs(np.polyder(bare)), size)
    alike = np.abs(np.asarray(plain(slope))) <= 8.0 * math.sqrt(np.finfo(scale.dtype).eps) * scale
    if alike.any():
        first = np.asarray(plain(y))[int(np.argmax(alike))]
        raise np.linalg.LinAlgError(
            f"roots: the root near {first:.6g} is a multiple one, or lies closer to another than its own error; "
            "where roots meet they have no derivative. Differentiate np.polyval, or a symmetric function of the roots, "
            "which is one of the coefficients."
        )
    return np.vander(y, degree.size).T @ -(g / slope)


def _of_separate_roots(rng: Any, n: int) -> Any:
    """Return n coefficients whose roots lie near 1, 2, 3, ..."""
    degree = max(n - 1, 0)
    return np.atleast_1d(1.37 * np.poly(np.arange(1.0, degree + 1) + rng.uniform(-0.2, 0.2, degree)))[:n]


roots: Any = op(
    _roots,
    name="roots",
    example=""">>> import autodiff as ad, numpy as np
>>> ad.roots(np.array([1.0, -3.0, 2.0]))  # x**2 - 3 x + 2
array([2., 1.])
>>> x = ad.tensor([1.0, -3.0, 2.0])
>>> ad.roots(x)[0].backward(); x.grad
array([-4., -2., -1.])""",
    inputs="p",
    numpy=(np.roots,),
    vjp=_roots_vjp,
    samples=((((3,),), {}), (((4,),), {})),
    draw=lambda rng, p: (_of_separate_roots(rng, p[0]),),
    complex=True,
    doc="Return the roots of a polynomial with the coefficients p, the highest power first (``np.roots``). Where roots "
    "are equal their derivative does not exist: LinAlgError.",
)

for _fn in (polyfit, polyval, polyadd, polysub, polymul, polydiv, polyder, polyint, poly):
    composite(_fn, numpy=(getattr(np, _fn.__name__),))
