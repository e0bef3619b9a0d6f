"""The logarithm, real powers, and trigonometric and hyperbolic functions of matrices. NumPy computes all of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...modes import one_call
from ...other_arrays import is_foreign
from ...registry import op
from ...variable import plain
from ..linalg import t
from ..shape import operand
from .functions import expm, power_of_two, side_of, sqrtm

LinAlgError = np.linalg.LinAlgError
_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_PLACES, _WEIGHTS = 0.5 * (_PLACES + 1.0), 0.5 * _WEIGHTS  # over 0..1
_NEAR = 0.25  # as close to 1 as that, eight places give the logarithm to rounding


@one_call
def _logm(x: Any) -> Any:
    """Take square roots until the matrix is close to 1; then the integral of (x - 1) / (1 + s (x - 1)) over s in 0..1
    by Gauss' rule, which is the Padé approximant (Higham 2008, Functions of Matrices, section 11.4)."""
    if is_foreign(x):
        raise TypeError("its numbers decide how many square roots are taken")
    a = x if x.dtype.itemsize >= 8 else x.astype(np.float64)
    eye, roots = np.eye(x.shape[-1], dtype=a.dtype), 0
    try:
        while np.max(np.sum(np.abs(a - eye), axis=-2), initial=0.0) > _NEAR:
            a, roots = sqrtm.fn(a), roots + 1
    except LinAlgError as error:
        raise LinAlgError(
            "logm: the matrix is singular, or has an eigenvalue on the negative axis, where the logarithm is not real "
            "and jumps. For a symmetric matrix write w, v = np.linalg.eigh(a) and (v * f(w)) @ v.T."
        ) from error
    rest = a - eye
    y: Any = sum(w * np.linalg.solve(eye + s * rest, rest) for s, w in zip(_PLACES, _WEIGHTS))
    return (y * 2.0**roots).astype(x.dtype)


def _logm_vjp(g: Any, x: Any) -> Any:
    """Return the corner of log([[xᵀ, g], [0, xᵀ]]), as for the exponential (Higham 2008, section 3.2)."""
    n, xt, scale = x.shape[-1], t(x), power_of_two(plain(g))  # g must not decide the square roots
    g = np.broadcast_to(g, x.shape) / scale
    upper, lower = np.concatenate([xt, g], axis=-1), np.concatenate([g * 0.0, xt], axis=-1)
    return logm(np.concatenate([upper, lower], axis=-2))[..., :n, n:] * scale


logm: Any = op(
    _logm,
    name="logm",
    public=False,
    vjp=_logm_vjp,
    samples=((((2, 2),), {}), (((3, 3),), {})),
    draw=lambda rng, x: (rng.uniform(-0.3, 0.3, x) + 2.0 * np.eye(x[-1]),),
    doc="Return the principal logarithm of a square matrix where it is real (``scipy.linalg.logm``).",
    example=""">>> import autodiff as ad
>>> x = ad.tensor([[1.0, 1.0], [0.0, 1.0]])
>>> ad.linalg.logm(x).data
array([[0., 1.],
       [0., 0.]])""",
    complex=True,
)


def fractional_matrix_power(A: Any, t: Any) -> Any:
    """Return the principal real power t of a square matrix, exp(t log A) (``scipy.linalg.fractional_matrix_power``).

    A: (..., n, n), without an eigenvalue that is 0 or negative. t: one number. Both are differentiated. For a whole
    number ``np.linalg.matrix_power`` takes any matrix.

    >>> import autodiff as ad
    >>> t = ad.tensor(0.5)
    >>> y = ad.linalg.fractional_matrix_power([[4.0, 0.0], [0.0, 1.0]], t)
    >>> y.data.round(12)
    array([[2., 0.],
           [0., 1.]])
    """
    A = operand(A)
    side_of("fractional_matrix_power", A)
    return expm(t * logm(A))


# ---- by exponentials
def _turned(name: str, A: Any) -> tuple[Any, Any]:
    """Return the cosine and the sine of a matrix."""
    A = operand(A)
    side_of(name, A)
    up = expm(1j * A)
    if np.result_type(plain(A)).kind != "c":
        return np.real(up), np.imag(up)
    down = expm(-1j * A)
    return 0.5 * (up + down), -0.5j * (up - down)


def _stretched(name: str, A: Any) -> tuple[Any, Any]:
    """Return the hyperbolic cosine and sine of a matrix."""
    A = operand(A)
    side_of(name, A)
    up, down = expm(A), expm(-A)
    return 0.5 * (up + down), 0.5 * (up - down)


def cosm(A: Any) -> Any:
    """Return the cosine of square matrices, real where they are (``scipy.linalg.cosm``). As ``sinm``, by exp(iA).

    >>> import autodiff as ad, numpy as np
    >>> ad.linalg.cosm(ad.tensor([[np.pi, 0.0], [0.0, 0.0]])).data.round(12)
    array([[-1.,  0.],
           [ 0.,  1.]])
    """
    return _turned("cosm", A)[0]


def sinm(A: Any) -> Any:
    """Return the sine of square matrices (``scipy.linalg.sinm``).

    >>> import autodiff as ad, numpy as np
    >>> ad.linalg.sinm(ad.tensor([[np.pi / 2, 0.0], [0.0, 0.0]])).data.round(12)
    array([[1., 0.],
           [0., 0.]])
    """
    return _turned("sinm", A)[1]


def tanm(A: Any) -> Any:
    """Return the tangent of square matrices (``scipy.linalg.tanm``). Raises LinAlgError where their cosine is singular.

    >>> import autodiff as ad, numpy as np
    >>> ad.linalg.tanm(ad.tensor([[np.pi / 4, 0.0], [0.0, 0.0]])).data.round(12)
    array([[1., 0.],
           [0., 0.]])
    """
    cosine, sine = _turned("tanm", A)
    return np.linalg.solve(cosine, sine)


def coshm(A: Any) -> Any:
    """Return the hyperbolic cosine of square matrices (``scipy.linalg.coshm``).

    >>> import autodiff as ad
    >>> ad.linalg.coshm(ad.tensor([[0.0, 0.0], [0.0, 1.0]])).data.round(4)
    array([[1.    , 0.    ],
           [0.    , 1.5431]])
    """
    return _stretched("coshm", A)[0]


def sinhm(A: Any) -> Any:
    """Return the hyperbolic sine of square matrices (``scipy.linalg.sinhm``).

    >>> import autodiff as ad
    >>> ad.linalg.sinhm(ad.tensor([[0.0, 0.0], [0.0, 1.0]])).data.round(4)
    array([[0.    , 0.    ],
           [0.    , 1.1752]])
    """
    return _stretched("sinhm", A)[1]


def tanhm(A: Any) -> Any:
    """Return the hyperbolic tangent of square matrices (``scipy.linalg.tanhm``).

    >>> import autodiff as ad
    >>> ad.linalg.tanhm(ad.tensor([[0.0, 0.0], [0.0, 1.0]])).data.round(4)
    array([[0.    , 0.    ],
           [0.    , 0.7616]])
    """
    cosine, sine = _stretched("tanhm", A)
    return np.linalg.solve(cosine, sine)
