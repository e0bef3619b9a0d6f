"""Matrices of a known structure: SciPy's solvers for triangles, factors, bands, Toeplitz matrices and circulants, and
the matrices that are made of parts. Composites: NumPy computes all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import kind_of
from ...other_arrays import as_array
from ...variable import plain
from ..complex_numbers import conj
from ..linalg import t
from ..shape import operand
from .decompositions import order_of
from .functions import side_of
from .packing import eye_like, h

LinAlgError = np.linalg.LinAlgError


# ---- solving by the structure of the matrix
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """Return x with ``a @ x = b`` for a triangular matrix, the other triangle of which is not read (``scipy.linalg``).

    a: (n, n); b: (n,) or (n, k). trans: 0 or "N" for a, 1 or "T" for its transpose, 2 or "C" for the conjugate of that.
    unit_diagonal: take the diagonal to be ones.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[2.0, 9.0], [4.0, 4.0]])
    >>> ad.linalg.solve_triangular(a, np.array([2.0, 8.0]), lower=True).data
    array([1., 1.])
    """
    side_of("solve_triangular", a)
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"solve_triangular: trans must be 0, 1, 2, 'N', 'T' or 'C'; got {trans!r}.")
    a = (np.tril if lower else np.triu)(a, (-1 if lower else 1) if unit_diagonal else 0)
    if unit_diagonal:
        a = a + eye_like(a)
    return np.linalg.solve(t(a) if trans in (1, "T") else h(a) if trans in (2, "C") else a, b)


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Return x with ``(c @ cᴴ) @ x = b`` from a Cholesky factor c (``scipy.linalg.cho_solve``).

    c_and_lower: ``(c, lower)``; lower: whether c is the lower triangle, and otherwise ``(cᴴ @ c) @ x = b``.

    >>> import autodiff as ad, numpy as np
    >>> c = np.linalg.cholesky(ad.tensor([[4.0, 0.0], [0.0, 9.0]]))
    >>> ad.linalg.cho_solve((c, True), np.array([4.0, 9.0])).data
    array([1., 1.])
    """
    c, lower = c_and_lower
    first = solve_triangular(c, b, trans=0 if lower else 2, lower=lower)
    return solve_triangular(c, first, trans=2 if lower else 0, lower=lower)


def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0) -> Any:
    """Return x with ``a @ x = b`` from ``lu_factor(a)`` (``scipy.linalg.lu_solve``); trans=1: with a transposed.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[0.0, 2.0], [1.0, 0.0]])
    >>> ad.linalg.lu_solve(ad.linalg.lu_factor(a), np.array([2.0, 3.0]), trans=1).data
    array([1.5, 2. ])
    """
    lu, pivots = lu_and_piv
    if trans not in (0, 1):
        raise ValueError(f"lu_solve: trans must be 0 or 1; got {trans!r}.")
    order = order_of(as_array(plain(pivots)))
    if order.ndim != 1:
        raise ValueError(f"lu_solve takes one matrix; got pivots of shape {order.shape}.")
    if trans:
        inner = solve_triangular(lu, b, trans=1)
        return np.take(solve_triangular(lu, inner, trans=1, lower=True, unit_diagonal=True), np.argsort(order), axis=0)
    inner = solve_triangular(lu, np.take(b, order, axis=0), lower=True, unit_diagonal=True)
    return solve_triangular(lu, inner)


# ---- matrices made of parts
def block_diag(*arrays: Any) -> Any:
    """Return a matrix with the given ones along its diagonal and zeros elsewhere (``scipy.linalg.block_diag``).

    >>> import autodiff as ad
    >>> ad.linalg.block_diag(ad.tensor([[1.0]]), ad.tensor([[2.0, 3.0]])).data
    array([[1., 0., 0.],
           [0., 2., 3.]])
    """
    blocks = [np.atleast_2d(a) for a in arrays]
    for a in blocks:
        if np.ndim(a) != 2:
            raise ValueError(f"block_diag takes matrices, vectors and numbers; got {kind_of(a)}.")
    width, left, rows = sum(np.shape(a)[1] for a in blocks), 0, []
    for a in blocks:
        rows.append(np.pad(a, ((0, 0), (left, width - left - np.shape(a)[1]))))
        left += np.shape(a)[1]
    return np.concatenate(rows, axis=0)


def toeplitz(c: Any, r: Any = None) -> Any:
    """Return the matrix with constant diagonals whose first column is c and whose first row is r, or the conjugate of c
    (``scipy.linalg.toeplitz``).

    >>> import autodiff as ad
    >>> ad.linalg.toeplitz(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 5.0])).data
    array([[1., 5.],
           [2., 1.]])
    """
    c = np.reshape(c, (-1,))
    r = conj(c) if r is None else np.reshape(r, (-1,))
    m, n = np.shape(c)[0], np.shape(r)[0]
    values = np.concatenate([np.flip(c, 0), r[1:]])
    return values[(m - 1) - np.arange(m)[:, None] + np.arange(n)]


def circulant(c: Any) -> Any:
    """Return the matrix whose columns are the first one, c, turned down by one place each (``scipy.linalg.circulant``).

    c: (n,) or (..., n).

    >>> import autodiff as ad
    >>> ad.linalg.circulant(ad.tensor([1.0, 2.0, 3.0])).data
    array([[1., 3., 2.],
           [2., 1., 3.],
           [3., 2., 1.]])
    """
    c = np.atleast_1d(operand(c))
    n = np.shape(c)[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]


# ---- more solvers
def cho_factor(a: Any, lower: bool = False) -> tuple[Any, bool]:
    """Return ``(c, lower)``, Cholesky's factor in the form that ``cho_solve`` takes (``scipy.linalg.cho_factor``).

    a: (..., n, n), symmetric; its lower triangle is read. The other triangle of c is zeros here, where SciPy leaves the
    elements of a. Raises LinAlgError where a is not positive definite.

    >>> import autodiff as ad
    >>> a = ad.tensor([[4.0, 0.0], [0.0, 9.0]])
    >>> ad.linalg.cho_solve(ad.linalg.cho_factor(a), [4.0, 9.0]).data
    array([1., 1.])
    """
    c = np.linalg.cholesky(operand(a))
    return (c if lower else np.conj(t(c))), lower


def _from_bands(ab: Any, above: int, n: int) -> Any:
    """Return the square matrix whose diagonals, from the one ``above`` places above down, are the rows of ab."""
    rows, columns = np.indices((n, n))
    at = above + rows - columns
    inside = (at >= 0) & (at < np.shape(ab)[0])
    return np.where(inside, ab[np.where(inside, at, 0), columns], 0.0)


def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Any:
    """Return x with ``a @ x = b`` for a banded matrix a (``scipy.linalg.solve_banded``).

    l_and_u: how many diagonals there are below and above the main one. ab: (l + u + 1, n), the diagonals,
    ``ab[u + i - j, j] = a[i, j]``; b: (n,) or (n, k). Solved as a full matrix, in O(n³). Raises ValueError for other
    shapes.

    >>> import autodiff as ad
    >>> ab = ad.tensor([[0.0, 1.0], [2.0, 2.0], [1.0, 0.0]])
    >>> ad.linalg.solve_banded((1, 1), ab, [3.0, 3.0]).data
    array([1., 1.])
    """
    below, above = l_and_u
    ab, b = operand(ab), operand(b)
    if np.ndim(ab) != 2 or np.shape(ab)[0] != below + above + 1 or np.shape(b)[:1] != np.shape(ab)[1:]:
        raise ValueError(
            f"solve_banded: {l_and_u} needs ab of shape ({below + above + 1}, n) and b of shape (n,) or (n, k); got "
            f"{np.shape(ab)} and {np.shape(b)}."
        )
    return np.linalg.solve(_from_bands(ab, above, np.shape(ab)[1]), b)


def solveh_banded(ab: Any, b: Any, lower: bool = False) -> Any:
    """Return x with ``a @ x = b`` for a symmetric, or Hermitian, banded matrix a (``scipy.linalg.solveh_banded``).

    ab: (u + 1, n), the main diagonal and u others: those above, ``ab[u + i - j, j] = a[i, j]``, or with ``lower`` those
    below, ``ab[i - j, j] = a[i, j]``. b: (n,) or (n, k). Solved as a full matrix, which need not be positive definite.

    >>> import autodiff as ad
    >>> ab = ad.tensor([[0.0, 1.0], [2.0, 2.0]])
    >>> ad.linalg.solveh_banded(ab, [3.0, 3.0]).data
    array([1., 1.])
    """
    ab, b = operand(ab), operand(b)
    if np.ndim(ab) != 2 or np.shape(b)[:1] != np.shape(ab)[1:]:
        raise ValueError(
            f"solveh_banded needs ab of shape (u + 1, n) and b of shape (n,) or (n, k); got {np.shape(ab)} and "
            f"{np.shape(b)}."
        )
    half = _from_bands(ab, 0 if lower else np.shape(ab)[0] - 1, np.shape(ab)[1])
    rest = np.tril(half, -1) if lower else np.triu(half, 1)
    return np.linalg.solve(half + np.conj(t(rest)), b)


def solve_toeplitz(c_or_cr: Any, b: Any) -> Any:
    """Return x with ``toeplitz(c, r) @ x = b`` (``scipy.linalg.solve_toeplitz``).

    c_or_cr: the first column c: (n,), or ``(c, r)`` with the first row; b: (n,) or (n, k). Without r it is conj(c).
    Solved as a full matrix, in O(n³).

    >>> import autodiff as ad
    >>> ad.linalg.solve_toeplitz(ad.tensor([2.0, 1.0]), [3.0, 3.0]).data
    array([1., 1.])
    """
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, np.conj(operand(c_or_cr)))
    return np.linalg.solve(toeplitz(c, r), b)


def solve_circulant(c: Any, b: Any) -> Any:
    """Return x with ``circulant(c) @ x = b``, by Fourier transforms (``scipy.linalg.solve_circulant``).

    c: (n,); b: (n,) or (n, k). Raises LinAlgError where the matrix is singular: a transform of c is 0.

    >>> import autodiff as ad
    >>> ad.linalg.solve_circulant(ad.tensor([2.0, 1.0, 0.0]), [3.0, 3.0, 3.0]).data.round(12)
    array([1., 1., 1.])
    """
    c, b = operand(c), operand(b)
    if np.ndim(c) != 1 or np.shape(b)[:1] != np.shape(c):
        raise ValueError(f"solve_circulant needs c: (n,), b: (n,) or (n, k); got {np.shape(c)}, {np.shape(b)}.")
    values = np.fft.fft(c)
    size = np.abs(plain(values))
    if np.min(size, initial=np.inf) <= np.max(size, initial=0.0) * np.finfo(size.dtype).eps * size.size:
        raise LinAlgError("solve_circulant: the matrix is singular: a value of the Fourier transform of c is 0.")
    real = np.result_type(plain(c), plain(b)).kind != "c"
    if np.ndim(b) == 2:
        values = np.expand_dims(values, 1)
    x = np.fft.ifft(np.fft.fft(b, axis=0) / values, axis=0)
    return np.real(x) if real else x


def eigh_tridiagonal(d: Any, e: Any, eigvals_only: bool = False) -> Any:
    """Return eigenvalues, ascending, and eigenvectors of a real symmetric tridiagonal matrix
    (``scipy.linalg.eigh_tridiagonal``).

    d: (n,), its diagonal; e: (n - 1,), the diagonals beside it. By ``eigh`` of the full matrix, with the same rules for
    equal eigenvalues.

    >>> import autodiff as ad
    >>> ad.linalg.eigh_tridiagonal(ad.tensor([2.0, 2.0]), [1.0], eigvals_only=True).data
    array([1., 3.])
    """
    if np.ndim(d) != 1 or np.shape(e) != (np.shape(d)[0] - 1,):
        raise ValueError(f"eigh_tridiagonal needs d: (n,) and e: (n - 1,); got {np.shape(d)} and {np.shape(e)}.")
    d, e = operand(d), operand(e)
    a = np.diag(d) + np.diag(e, 1) + np.diag(e, -1)
    if eigvals_only:
        return np.linalg.eigvalsh(a)
    w, v = np.linalg.eigh(a)
    return w, v
