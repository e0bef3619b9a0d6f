"""Matrices that are made of vectors, and short forms: SciPy's names for a line of NumPy. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...other_arrays import beside
from ...variable import plain
from ..linalg import t
from ..shape import operand
from .decompositions import lu_factor, order_of
from .functions import polar
from .packing import eye_like
from .structured import eigh_tridiagonal, toeplitz


def hankel(c: Any, r: Any = None) -> Any:
    """Return the matrix with constant antidiagonals whose first column is c and whose last row is r, or zeros after its
    first element (``scipy.linalg.hankel``).

    >>> import autodiff as ad
    >>> ad.linalg.hankel(ad.tensor([1.0, 2.0]), [9.0, 5.0]).data
    array([[1., 2.],
           [2., 5.]])
    """
    c = np.reshape(c, (-1,))
    r = np.zeros(np.shape(c), np.result_type(plain(c))) if r is None else np.reshape(r, (-1,))
    values = np.concatenate([c, r[1:]])
    return values[np.arange(np.shape(c)[0])[:, None] + np.arange(np.shape(r)[0])]


def companion(a: Any) -> Any:
    """Return the companion matrix of a polynomial, whose eigenvalues are its zeros (``scipy.linalg.companion``).

    a: (n,), highest power first, n >= 2. Raises ValueError for another shape, or a first coefficient of 0.

    >>> import autodiff as ad
    >>> ad.linalg.companion(ad.tensor([2.0, -6.0, 4.0])).data
    array([[ 3., -2.],
           [ 1.,  0.]])
    """
    a = operand(a)
    if np.ndim(a) != 1 or np.shape(a)[0] < 2:
        raise ValueError(f"companion needs at least two coefficients in one axis; got shape {np.shape(a)}.")
    if plain(a)[0] == 0:
        raise ValueError("companion: the first coefficient must not be 0.")
    top = -a[1:] / a[0]
    n = np.shape(top)[0]
    return np.concatenate([top[None, :], np.eye(n - 1, n, dtype=np.result_type(plain(top)))], axis=0)


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """Return the matrix whose product with v: (n,) is ``np.convolve(a, v, mode)``
    (``scipy.linalg.convolution_matrix``).

    >>> import autodiff as ad
    >>> ad.linalg.convolution_matrix(ad.tensor([1.0, 2.0]), 2).data
    array([[1., 0.],
           [2., 1.],
           [0., 2.]])
    """
    a = operand(a)
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"convolution_matrix: mode must be 'full', 'valid' or 'same'; got {mode!r}.")
    if np.ndim(a) != 1 or np.shape(a)[0] < 1 or n < 1:
        raise ValueError(f"convolution_matrix needs a: (m,) with m >= 1, and n >= 1; got {np.shape(a)} and {n}.")
    m = np.shape(a)[0]
    zeros = np.zeros(n - 1, np.result_type(plain(a)))
    full = toeplitz(np.concatenate([a, zeros]), np.concatenate([a[:1], zeros]))
    if mode == "same":
        start = (min(n, m) - 1) // 2
        return full[start : start + max(n, m)]
    return full[min(n, m) - 1 : max(n, m)] if mode == "valid" else full


def khatri_rao(a: Any, b: Any) -> Any:
    """Return the Kronecker products of equal columns (``scipy.linalg.khatri_rao``); a: (m, k), b: (n, k).

    >>> import autodiff as ad
    >>> ad.linalg.khatri_rao(ad.tensor([[1.0, 2.0]]), [[3.0, 4.0], [5.0, 6.0]]).data
    array([[ 3.,  8.],
           [ 5., 12.]])
    """
    a, b = operand(a), operand(b)
    if np.ndim(a) != 2 or np.ndim(b) != 2 or np.shape(a)[1] != np.shape(b)[1]:
        raise ValueError(
            f"khatri_rao needs matrices with the same number of columns; got {np.shape(a)} and {np.shape(b)}."
        )
    return np.reshape(a[:, None, :] * b[None, :, :], (-1, np.shape(a)[1]))


def orthogonal_procrustes(A: Any, B: Any) -> tuple[Any, Any]:
    """Return the orthogonal R for which ``A @ R`` is nearest to B, and the sum of the singular values of ``A.T @ B``
    (``scipy.linalg.orthogonal_procrustes``): the turn that lays one cloud of points on another.

    A, B: (m, n). Equal singular values do no harm. Raises LinAlgError where ``A.T @ B`` has not full rank, so that R is
    not determined.

    >>> import autodiff as ad
    >>> turn, scale = ad.linalg.orthogonal_procrustes(ad.tensor([[1.0, 0.0], [0.0, 2.0]]), [[0.0, 1.0], [-2.0, 0.0]])
    >>> turn.data.round(12), round(scale.item(), 4)
    (array([[ 0.,  1.],
           [-1.,  0.]]), 5.0)
    """
    A, B = operand(A), operand(B)
    if np.ndim(A) != 2 or np.shape(A) != np.shape(B):
        raise ValueError(f"orthogonal_procrustes needs two matrices of one shape; got {np.shape(A)} and {np.shape(B)}.")
    u, p = polar(np.conj(t(A)) @ B)
    return u, np.real(np.trace(p))


def lu(a: Any, permute_l: bool = False) -> tuple[Any, ...]:
    """Return ``(p, l, u)`` with ``a = p @ l @ u``, p a plain permutation matrix (``scipy.linalg.lu``).

    a: (n, n); a matrix that is not square has no rule here. permute_l: ``(p @ l, u)`` instead.

    >>> import autodiff as ad
    >>> p, l, u = ad.linalg.lu(ad.tensor([[0.0, 2.0], [1.0, 0.0]]))
    >>> p, u.data
    (array([[0., 1.],
           [1., 0.]]), array([[1., 0.],
           [0., 2.]]))
    """
    both, pivots = lu_factor(a)
    eye, places = eye_like(both), np.arange(np.shape(both)[-1])
    low, up = np.tril(both, -1) + eye, np.triu(both)
    p = (order_of(pivots)[..., None, :] == beside(places[:, None], pivots)).astype(eye.dtype)
    return (p @ low, up) if permute_l else (p, low, up)


def eigvalsh_tridiagonal(d: Any, e: Any) -> Any:
    """Return the eigenvalues of a symmetric tridiagonal matrix, ascending (``scipy.linalg.eigvalsh_tridiagonal``).

    d: (n,) the diagonal, e: (n - 1,) beside it.

    >>> import autodiff as ad
    >>> ad.linalg.eigvalsh_tridiagonal(ad.tensor([1.0, 1.0]), [2.0]).data.round(12)
    array([-1.,  3.])
    """
    return eigh_tridiagonal(d, e, eigvals_only=True)
