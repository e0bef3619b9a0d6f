"""Rows of matrix decompositions: svd, qr, cholesky, lu; each on stacks of matrices (``eigenvalues`` has eigh and eig).

A decomposition has several results and a row has one: the row packs them into one flat axis (``pack``), and the public
function takes them apart again (``unpack``). So the rule gets the cotangents of all results at once, zeros for those
that were not used.

Vectors of equal eigenvalues or singular values are an arbitrary choice of LAPACK, and so is the phase of complex
ones. Where the cotangent reaches such a choice, the rule raises ``LinAlgError`` and names the values. The values
themselves always have a derivative; equal ones share it evenly, as ties do. The formulas of complex matrices are
written for gradients, and a rule gets cotangents, which are their conjugates: so rules conjugate their arguments and
their results. ``eigh`` and ``cholesky`` read one triangle of their argument, as NumPy's do, so the gradient lies in
that triangle; through a symmetric matrix (``a @ a.T``) it is the one that PyTorch gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...batching.ways import of_matrices
from ...modes import one_call
from ...other_arrays import as_array, is_foreign, zeros
from ...registry import Op, composite, op
from ...registry.singular_points import Convention, Point
from ...variable import plain
from ..complex_numbers import conj
from ..linalg import t
from . import by_masks
from .choices import equal_pairs, largest, refuse_choice, refuse_phase, share_evenly, turned, without_derivative
from .packing import apart, eye_like, fold, h, pack, unpack

LinAlgError = np.linalg.LinAlgError


# ---- singular values
def _svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return pack((u, 2), (s, 1), (vh, 2))


def _svd_shapes(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    m, n = shape[-2:]
    return (m, min(m, n)), (min(m, n),), (min(m, n), n)


def is_zero(s: Any, shape: tuple[int, ...]) -> Any:
    """Return which singular values are 0 up to rounding."""
    v = plain(s)
    return v <= 8 * max(shape[-2:]) * np.finfo(v.dtype).eps * largest(v)[..., None]


def _svd_vjp(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    """U (diag(gs) + (M - Mᴴ)/E S + S (N - Nᴴ)/E) Vᴴ and the parts outside the spans of U and V, with M = Uᴴ gU,
    N = Vᴴ gV, E_ij = s_j² - s_i² (Townsend 2016); complex vectors add i Im(M_ii) / s_i to the diagonal."""
    (u, s, vh), (gu, gs, gvh) = (unpack(z, *_svd_shapes(x_shape)) for z in (y, conj(g)))
    s, gs, v, gv = np.real(s), np.real(gs), h(vh), h(gvh)
    m, n, close, zero = h(u) @ gu, h(v) @ gv, equal_pairs(s), is_zero(s, x_shape)
    lost = [refuse_choice("svd", close, s, m, n), refuse_phase("svd", g, m, n)]
    for vectors in (gu, gv):
        at = zero & np.any(plain(vectors) != 0, axis=-2)
        if is_foreign(at):
            lost.append(np.expand_dims(at, -2))
        elif at.any():
            raise LinAlgError(
                "svd: a singular value is 0, so its vectors are an arbitrary choice and have no derivative. "
                "Differentiate the singular values, or ad.linalg.pinv."
            )
    row, column = np.expand_dims(s, -2), np.expand_dims(s, -1)
    gap = np.where(close, 1.0, (row - column) * (row + column))
    over = np.expand_dims(np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, s)), -2)
    inner = np.where(close, 0.0, ((m - h(m)) * row + column * (n - h(n))) / gap)
    diagonal = np.expand_dims(np.where(zero, 0.0, share_evenly("svd", gs, close)), -2)
    if m.dtype.kind == "c":
        diagonal = diagonal + 1j * np.expand_dims(np.imag(np.diagonal(m, axis1=-2, axis2=-1)), -2) * over
    inner = without_derivative(inner + diagonal * eye_like(inner), *lost)
    return conj(u @ inner @ h(v) + ((gu - u @ m) * over) @ h(v) + (u * over) @ h(gv - v @ n))


def _turned_pairs(y: Any, x_shape: tuple[int, ...]) -> Any:
    """Return the tangent that turns the phase of a left vector and its right one, which have it in common."""
    u, s, vh = unpack(y, *_svd_shapes(x_shape))
    return pack((turned(u), 2), (np.zeros_like(s), 1), (h(turned(h(vh))), 2))


_svd_row = op(
    _svd,
    name="svd",
    batch=of_matrices,
    public=False,
    vjp=_svd_vjp,
    free=_turned_pairs,
    samples=((((3, 3),), {}), (((3, 2),), {}), (((2, 2, 3),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the singular value decomposition without the vectors of the null space, packed.",
    complex=True,
)


def _svdvals_vjp(g: Any, x: Any, x_shape: tuple[int, ...]) -> Any:
    u, s, vh = svd(x, full_matrices=False)
    shared = share_evenly("svdvals", g, equal_pairs(s))
    return conj((u * np.expand_dims(np.where(is_zero(s, x_shape), 0.0, shared), -2)) @ vh)


_svdvals_row = op(
    by_masks.singular_values,
    name="svdvals",
    batch=of_matrices,
    public=False,
    vjp=_svdvals_vjp,
    samples=((((3, 3),), {}), (((3, 2),), {}), (((2, 2, 3),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    convention=Convention(
        lambda y, x_shape: is_zero(y, x_shape),
        "a singular value is 0",
        "0",
        "Square the singular values, or use np.linalg.pinv, which has a derivative while the rank stays.",
    ),
    doc="Return the singular values.",
    complex=True,
)


def _completing(who: str, option: str, instead: str, fn: Callable[[Any], Any]) -> Op:
    """Return a row for the columns that complete those of a tall matrix to a square one. It is not among the
    registered rows: it has no derivative that could be tested."""

    def rule(g: Any, x_shape: tuple[int, ...], x_dtype: Any) -> Any:
        if is_foreign(plain(g)):
            return np.where(np.any(plain(g) != 0), math.nan, zeros(x_shape, x_dtype, like=plain(g)))
        if np.any(plain(g) != 0):
            raise LinAlgError(
                f"{who}: the vectors that {option} adds are an arbitrary choice and have no derivative. Write "
                f"{instead}, or use the first min(m, n) vectors only."
            )
        return np.zeros(x_shape, x_dtype)

    doc = f"Return the columns that {option} adds to those of a tall matrix."
    return Op(fn, rule, name=f"{who}_completion", doc=doc, complex=True)


_null_row = _completing(
    "svd", "full_matrices=True", "full_matrices=False", lambda x: np.linalg.svd(x)[0][..., x.shape[-1] :]
)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Return ``(u, s, vh)`` with ``a = u @ diag(s) @ vh``, s descending (``np.linalg.svd``).

    a: (..., m, n). With compute_uv=False: s alone, (..., min(m, n)). The derivative of a singular value that is 0 is 0
    (a kink, as of ``abs``); that of vectors raises ``LinAlgError`` where their singular values are equal or 0, and that
    of the vectors which full_matrices adds raises it always.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> u, s, vh = np.linalg.svd(a)
    >>> s.sum().backward(); a.grad + 0
    array([[1., 0.],
           [0., 1.]])
    """
    if hermitian:
        raise TypeError("svd: hermitian=True cannot be recorded. Write np.linalg.eigh(a), and np.abs of its values.")
    shape = np.shape(a)
    if len(shape) < 2:
        raise LinAlgError(f"svd needs matrices; got shape {shape}.")
    if not compute_uv:
        return _svdvals_row(a)
    u, s, vh = unpack(_svd_row(a), *_svd_shapes(shape))
    if full_matrices and shape[-2] > shape[-1]:
        u = np.concatenate([u, _null_row(a)], axis=-1)
    elif full_matrices and shape[-2] < shape[-1]:
        vh = np.concatenate([vh, h(_null_row(h(a)))], axis=-2)
    return type(np.linalg.svd(np.eye(1)))(u, np.real(s), vh)


def svdvals(x: Any, /) -> Any:
    """Return the singular values of matrices, descending (``np.linalg.svdvals``).

    x: (..., m, n); result (..., min(m, n)). Equal values are no obstacle to a first derivative; that of a value that
    is 0 is 0.

    >>> import autodiff as ad
    >>> a = ad.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> ad.linalg.svdvals(a)[0].backward(); a.grad + 0
    array([[0., 0.],
           [0., 1.]])
    """
    return svd(x, compute_uv=False)


# ---- triangular factors
def _qr(x: Any) -> Any:
    q, r = np.linalg.qr(x)
    return pack((q, 2), (r, 2))


def _qr_shapes(shape: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    m, n = shape[-2:]
    return (m, min(m, n)), (min(m, n), n)


def _qr_vjp(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    """Return (gQ + Q sym(R gRᴴ - gQᴴ Q)) R⁻ᴴ, sym taking the lower triangle twice; a wide matrix [X | Y] through its
    square part (Roberts and Roberts 2020, https://arxiv.org/abs/2009.10071).
    """
    m, n = x_shape[-2:]
    (q, r), (gq, gr) = unpack(y, *_qr_shapes(x_shape)), unpack(conj(g), *_qr_shapes(x_shape))
    k = min(m, n)
    r, rest, gr, gr_rest = r[..., :k], r[..., k:], gr[..., :k], gr[..., k:]
    if m < n:
        gq = gq + (q @ rest) @ h(gr_rest)
    low = np.tril(r @ h(gr) - h(gq) @ q)
    both = (low + h(low)) * (1.0 - 0.5 * eye_like(low))
    square = h(np.linalg.solve(r, h(gq + q @ both)))
    return conj(square if m >= n else np.concatenate([square, q @ gr_rest], axis=-1))


_qr_row = op(
    _qr,
    name="qr",
    batch=of_matrices,
    public=False,
    vjp=_qr_vjp,
    samples=((((3, 3),), {}), (((3, 2),), {}), (((2, 2, 3),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the factors of a = q r, packed.",
    complex=True,
)


_completion_row = _completing(
    "qr", "mode='complete'", "mode='reduced'", lambda x: np.linalg.qr(x, "complete")[0][..., x.shape[-1] :]
)


def qr(a: Any, mode: str = "reduced") -> Any:
    """Return ``(q, r)``: orthonormal columns and an upper triangle with ``a = q @ r`` (``np.linalg.qr``).

    a: (..., m, n) whose first min(m, n) columns are independent, or the derivative raises ``LinAlgError``. mode:
    "reduced", "r" (r alone), or "complete": q (..., m, m) and r (..., m, n); the derivative of the columns that it adds
    raises ``LinAlgError`` always. Raises ValueError for another mode.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[3.0], [4.0]])
    >>> q, r = np.linalg.qr(a)
    >>> np.abs(r).sum().backward(); a.grad.round(12)
    array([[0.6],
           [0.8]])
    """
    shape = np.shape(a)
    if len(shape) < 2:
        raise LinAlgError(f"qr needs matrices; got shape {shape}.")
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode={mode!r} has no derivative rule. Write mode='reduced', 'complete' or 'r'.")
    q, r = unpack(_qr_row(a), *_qr_shapes(shape))
    if mode == "complete" and shape[-2] > shape[-1]:
        q = np.concatenate([q, _completion_row(a)], axis=-1)
        r = np.concatenate([r, np.zeros((*shape[:-2], shape[-2] - shape[-1], shape[-1]), r.dtype)], axis=-2)
    return r if mode == "r" else type(np.linalg.qr(np.eye(1)))(q, r)


def _cholesky_vjp(g: Any, y: Any) -> Any:
    """L⁻ᴴ Φ(Lᴴ g) L⁻¹, Φ the lower triangle with half its diagonal (Murray 2016, https://arxiv.org/abs/1602.07527)."""
    phi = np.tril(h(y) @ np.tril(conj(g))) * (1.0 - 0.5 * eye_like(y))
    s = np.linalg.solve(h(y), h(np.linalg.solve(h(y), h(phi))))
    return conj(fold(0.5 * (s + h(s)), "L"))


def _positive_definite(rng: Any, shape: tuple[int, ...]) -> Any:
    x = rng.uniform(-1.0, 1.0, shape)
    return x @ np.swapaxes(x, -1, -2) + shape[-1] * np.eye(shape[-1])


_cholesky_row = op(
    lambda x: by_masks.lower_factor(x) if is_foreign(x) else np.linalg.cholesky(x),
    name="cholesky",
    batch=of_matrices,
    public=False,
    vjp=_cholesky_vjp,
    samples=((((3, 3),), {}), (((2, 2, 2),), {})),
    draw=lambda rng, x: (_positive_definite(rng, x),),
    doc="Return the lower triangle l with a = l lᵀ.",
    complex=True,
)


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Return the lower triangle l with ``a = l @ l.T``, or with upper the upper one (``np.linalg.cholesky``).

    a: (..., n, n), positive definite, of which one triangle is read. Raises ``LinAlgError`` where it is not.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[4.0, 0.0], [2.0, 3.0]])
    >>> l = np.linalg.cholesky(a)
    >>> l.sum().backward(); a.grad.round(4)
    array([[0.2134, 0.    ],
           [0.1464, 0.3536]])
    """
    return h(_cholesky_row(h(a))) if upper else _cholesky_row(a)


# ---- factors of a matrix with its rows exchanged
@one_call
def _eliminate(x: Any) -> Any:
    """Return L below the diagonal (ones on it) and U above, in one matrix; rows are not exchanged."""
    lu = x.copy() if is_foreign(x) else np.array(x)
    for k in range(x.shape[-1] - 1):
        with np.errstate(all="ignore"):  # a singular matrix shows in U
            lu[..., k + 1 :, k] /= lu[..., k, k, None]
        lu[..., k + 1 :, k + 1 :] -= lu[..., k + 1 :, k, None] * lu[..., k, None, k + 1 :]
    return lu


@one_call
def _pivots(x: Any) -> Any:
    """Return the row exchanged with row k at step k: the one with the largest element left in column k."""
    if is_foreign(x):
        return by_masks.pivots_of(x)
    pivots = np.zeros(x.shape[:-1], dtype=np.intp)
    for stack in np.ndindex(x.shape[:-2]):
        a = np.array(x[stack])
        for k in range(len(a)):
            p = pivots[stack][k] = k + int(np.argmax(np.abs(a[k:, k])))
            a[[k, p]] = a[[p, k]]
            if a[k, k] != 0:
                a[k + 1 :] -= np.outer(a[k + 1 :, k] / a[k, k], a[k])
    return pivots


@one_call
def order_of(pivots: Any) -> Any:
    """Return the order of the rows after the exchanges: ``a[order]`` is the factored matrix."""
    if is_foreign(pivots):
        return by_masks.order_of(pivots)
    order = np.broadcast_to(np.arange(pivots.shape[-1]), pivots.shape).copy()
    for stack in np.ndindex(pivots.shape[:-1]):
        for k, p in enumerate(pivots[stack]):
            order[stack][[k, p]] = order[stack][[p, k]]
    return order


def _lu_vjp(g: Any, y: Any) -> Any:
    """L⁻ᵀ (tril(Lᵀ gL, -1) + triu(gU Uᵀ)) U⁻ᵀ, for the rows in their new order."""
    lower, upper = np.tril(y, -1) + eye_like(y), np.triu(y)
    inner = np.tril(t(lower) @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ t(upper))
    return np.linalg.solve(t(lower), t(np.linalg.solve(upper, t(inner))))


_lu_row = op(
    _eliminate,
    name="lu",
    batch=of_matrices,
    public=False,
    vjp=_lu_vjp,
    samples=((((3, 3),), {}), (((2, 2, 2),), {})),
    draw=lambda rng, x: (_positive_definite(rng, x),),
    doc="Return L and U of a matrix whose rows are in the order of the pivots, in one matrix.",
    complex=True,
)


def lu_factor(a: Any) -> tuple[Any, Any]:
    """Return ``(lu, pivots)``: the factors of a matrix with rows exchanged, for ``lu_solve`` (``scipy.linalg``).

    a: (..., n, n). lu holds L below its diagonal (ones on it) and U above; pivots are plain integers, (..., n).

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[0.0, 2.0], [1.0, 0.0]])
    >>> ad.linalg.lu_solve(ad.linalg.lu_factor(a), np.array([2.0, 3.0])).data
    array([3., 1.])
    """
    shape = np.shape(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise LinAlgError(f"lu_factor needs square matrices; got shape {shape}.")
    pivots = _pivots(as_array(plain(a)))
    return _lu_row(np.take_along_axis(a, order_of(pivots)[..., None], axis=-2)), pivots


composite(
    svdvals,
    numpy=(np.linalg.svdvals,),
    public=False,
    points=(Point(([[3.0, 0.0], [0.0, 0.0]],), ([[1.0, 0.0], [0.0, 0.0]],), "convention"),),
)
for _fn in (svd, qr, cholesky):
    composite(_fn, numpy=(getattr(np.linalg, _fn.__name__),), public=False)
