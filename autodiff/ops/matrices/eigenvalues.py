"""Rows of eigenvalues and eigenvectors: eigh, eigvalsh, eig, eigvals; each on stacks of matrices."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ...batching.ways import of_matrices
from ...other_arrays import is_foreign
from ...registry import composite, op
from ...variable import plain
from ..complex_numbers import conj
from ..shape import operand
from .by_masks import singular_values
from .choices import equal_pairs, refuse_choice, refuse_phase, share_evenly, turned, without_derivative
from .packing import apart, eye_like, fold, h, pack, unpack

LinAlgError = np.linalg.LinAlgError


def _turned_vectors(y: Any, x_shape: tuple[int, ...], *_: Any) -> Any:
    w, v = unpack(y, x_shape[-1:], (x_shape[-1],) * 2)
    return pack((np.zeros_like(w), 1), (turned(v), 2))


# ---- symmetric matrices
def _eigh(x: Any, UPLO: Literal["L", "U"] = "L") -> Any:
    w, v = np.linalg.eigh(x, UPLO)
    return pack((w, 1), (v, 2))


def _eigh_vjp(g: Any, y: Any, x_shape: tuple[int, ...], UPLO: str) -> Any:
    """V (diag(gw) + (Vᴴ gV) / (w_j - w_i)) Vᴴ (Giles 2008, section 3.1)."""
    n = x_shape[-1]
    (w, v), (gw, gv) = unpack(y, (n,), (n, n)), unpack(conj(g), (n,), (n, n))
    w, gw, m, close = np.real(w), np.real(gw), h(v) @ gv, equal_pairs(np.real(w))
    lost = refuse_choice("eigh", close, w, m), refuse_phase("eigh", g, m)
    gap = np.where(close, 1.0, np.expand_dims(w, -2) - np.expand_dims(w, -1))
    inner = np.where(close, 0.0, m / gap) + np.expand_dims(share_evenly("eigh", gw, close), -2) * eye_like(v)
    return conj(fold(v @ without_derivative(inner, *lost) @ h(v), UPLO.upper()))


_eigh_row = op(
    _eigh,
    name="eigh",
    batch=of_matrices,
    public=False,
    vjp=_eigh_vjp,
    free=_turned_vectors,
    samples=((((3, 3),), {}), (((2, 2, 2),), {"UPLO": "U"})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the eigenvalues and eigenvectors of a symmetric matrix, packed.",
    complex=True,
)


def _triangle(name: str, UPLO: Any) -> str:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise ValueError(f"{name}: UPLO must be 'L' or 'U'; got {UPLO!r}.")
    return UPLO.upper()


def _standard(a: Any, b: Any, UPLO: str) -> tuple[Any, Any]:
    """Return Cholesky's factor c of b, and the matrix with the eigenvalues of the pair: c⁻¹ a c⁻ᴴ."""
    low = UPLO == "L"
    a, b = (
        (np.tril(x) + h(np.tril(x, -1)) if low else np.triu(x) + h(np.triu(x, 1))) for x in (operand(a), operand(b))
    )
    c = np.linalg.cholesky(b)
    return c, np.linalg.solve(c, h(np.linalg.solve(c, h(a))))


def _second(name: str, UPLO: Any, b: Any, lower: bool | None) -> tuple[str, Any]:
    """Return the triangle and b, which is SciPy's second argument, and NumPy's the triangle."""
    if np.ndim(UPLO) == 2 or (b is None and UPLO is None):
        UPLO, b = "L", UPLO
    if lower is not None:
        UPLO = "L" if lower else "U"
    return _triangle(name, UPLO), b


def eigh(
    a: Any,
    UPLO: Any = "L",
    *,
    b: Any = None,
    lower: bool | None = None,
    eigvals_only: bool = False,
    subset_by_index: Any = None,
) -> Any:
    """Return ``(eigenvalues, eigenvectors)`` of symmetric matrices, ascending (``np.linalg.eigh``).

    a: (..., n, n), of which one triangle is read; results (..., n) and (..., n, n). The derivative of a vector whose
    eigenvalue is not single raises ``LinAlgError``; the eigenvalues have theirs always. As in ``scipy.linalg.eigh``:
    b, also as the second argument: a positive definite matrix, for a v = w b v with vᴴ b v = 1. lower: the triangle.
    eigvals_only: leave out the vectors. subset_by_index: the first and the last index that are returned.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[2.0, 0.0], [1.0, 3.0]])
    >>> w, v = np.linalg.eigh(a)
    >>> w.sum().backward(); a.grad.round(12) + 0
    array([[1., 0.],
           [0., 1.]])
    """
    UPLO, b = _second("eigh", UPLO, b, lower)
    n = np.shape(a)[-1] if np.ndim(a) else 0
    part = slice(None) if subset_by_index is None else slice(subset_by_index[0], subset_by_index[1] + 1)
    if eigvals_only:
        return eigvalsh(a, UPLO, b=b)[..., part]
    c, a = (None, a) if b is None else _standard(a, b, UPLO)
    w, v = unpack(_eigh_row(a, UPLO=UPLO), (n,), (n, n))
    w, v = (np.real(w), v) if subset_by_index is None else (np.real(w)[..., part], v[..., part])
    return type(np.linalg.eigh(np.eye(1)))(w, v if c is None else np.linalg.solve(h(c), v))


def _eigvalsh_vjp(g: Any, x: Any, UPLO: str) -> Any:
    w, v = eigh(x, UPLO)
    return conj(fold((v * np.expand_dims(share_evenly("eigvalsh", g, equal_pairs(w)), -2)) @ h(v), UPLO.upper()))


_eigvalsh_row = op(
    lambda x, UPLO="L": np.linalg.eigvalsh(x, UPLO),
    name="eigvalsh",
    batch=of_matrices,
    public=False,
    vjp=_eigvalsh_vjp,
    samples=((((3, 3),), {}), (((2, 2, 2),), {"UPLO": "U"})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the eigenvalues of a symmetric matrix.",
    complex=True,
)


def eigvalsh(a: Any, UPLO: Any = "L", *, b: Any = None, lower: bool | None = None) -> Any:
    """Return the eigenvalues of symmetric matrices, ascending (``np.linalg.eigvalsh``).

    a: (..., n, n), of which one triangle is read; result (..., n). Equal eigenvalues are no obstacle to a first
    derivative. b, lower: as in ``eigh``.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[2.0, 0.0], [0.0, 2.0]])
    >>> (np.linalg.eigvalsh(a) ** 2).sum().backward(); a.grad
    array([[4., 0.],
           [0., 4.]])
    """
    UPLO, b = _second("eigvalsh", UPLO, b, lower)
    return _eigvalsh_row(a if b is None else _standard(a, b, UPLO)[1], UPLO=UPLO)


# ---- matrices without symmetry
_COMPLEX = np.iscomplexobj(np.linalg.eigvals(np.eye(1)))  # from NumPy 2.5 on, also of a matrix whose values are real


def _narrow(x: Any, w: Any, *v: Any) -> Any:
    """Return real arrays where a real matrix has real values: the phase of its vectors is no arbitrary choice."""
    if not _COMPLEX or np.iscomplexobj(x) or is_foreign(w) or w.imag.any():
        return [w, *v]
    return [y.real for y in (w, *v)]


def _as_numpys(x: Any) -> Any:
    """Return values or vectors in the dtype that NumPy's function has."""
    return np.astype(x, np.result_type(x, np.complex64)) if _COMPLEX else x


def _eig(x: Any) -> Any:
    w, v = _narrow(x, *np.linalg.eig(x))
    return pack((w, 1), (v, 2))


def _eigvals(x: Any) -> Any:
    (w,) = _narrow(x, np.linalg.eigvals(x))
    return w


def _eig_vjp(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    """V⁻ᴴ (diag(gw) + (Vᴴ gV - Vᴴ V Re diag(Vᴴ gV)) / conj(w_j - w_i)) Vᴴ (Boeddeker et al. 2017, section 4.2)."""
    n = x_shape[-1]
    (w, v), (gw, gv) = unpack(y, (n,), (n, n)), unpack(conj(g), (n,), (n, n))
    m, close = h(v) @ gv, equal_pairs(w)
    phase = refuse_phase("eig", g, m)
    lengths = np.real(np.diagonal(m, axis1=-2, axis2=-1))  # NumPy gives every vector the length 1
    m = m - (h(v) @ v) * np.expand_dims(lengths, -2)
    size = np.abs(plain(gv))
    above = np.abs(plain(m)) > 1e-9 * (np.max(size) if is_foreign(size) else size.max(initial=0.0))
    choice = refuse_choice("eig", close, w, np.where(above, m, 0.0))
    gap = np.where(close, 1.0, conj(np.expand_dims(w, -2) - np.expand_dims(w, -1)))
    inner = np.where(close, 0.0, m / gap) + np.expand_dims(share_evenly("eig", gw, close), -2) * eye_like(v)
    return conj(_solve_vectors(v, without_derivative(inner, choice, phase) @ h(v)))


def _solve_vectors(v: Any, b: Any) -> Any:
    """Return vᴴ⁻¹ b; refuse, or NaN of another library's array, where the vectors do not span the space."""
    if is_foreign(plain(v)):
        s = singular_values(plain(v))
        defective = s[..., :1] * np.finfo(v.dtype).eps > 1e-4 * s[..., -1:]
        return np.linalg.solve(h(v), without_derivative(b, np.expand_dims(defective, -1)))
    if v.size and np.any(np.linalg.cond(plain(v)) * np.finfo(v.dtype).eps > 1e-4):
        raise LinAlgError(
            "eig: the matrix has fewer independent eigenvectors than rows (it is defective), where eigenvalues have no "
            "derivative. Use ad.linalg's expm, sqrtm or matrix_power for functions of a matrix."
        )
    return np.linalg.solve(h(v), b)


def _eigvals_vjp(g: Any, x: Any) -> Any:
    w, v = _of_eig(x)
    return conj(_solve_vectors(v, np.expand_dims(share_evenly("eigvals", conj(g), equal_pairs(w)), -1) * h(v)))


_eig_row = op(
    _eig,
    name="eig",
    batch=of_matrices,
    public=False,
    vjp=_eig_vjp,
    free=_turned_vectors,
    samples=((((3, 3),), {}), (((2, 2, 2),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the eigenvalues and eigenvectors of a square matrix, packed.",
    complex=True,
)


_eigvals_row = op(
    _eigvals,
    name="eigvals",
    batch=of_matrices,
    public=False,
    vjp=_eigvals_vjp,
    samples=((((3, 3),), {}), (((2, 2, 2),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the eigenvalues of a square matrix.",
    complex=True,
)


def eig(a: Any) -> Any:
    """Return ``(eigenvalues, eigenvectors)`` of square matrices (``np.linalg.eig``), complex unless all are real.

    a: (..., n, n). Vectors have length 1 and an arbitrary phase; where the phase matters, or eigenvalues are equal, or
    there are too few vectors, the backward pass raises ``LinAlgError``.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[0.0, 1.0], [-4.0, 0.0]])
    >>> w, v = np.linalg.eig(a)
    >>> np.abs(w).sum().backward(); a.grad.round(12)
    array([[ 0. ,  2. ],
           [-0.5,  0. ]])
    """
    return type(np.linalg.eig(np.eye(1)))(*map(_as_numpys, _of_eig(a)))


def _of_eig(a: Any) -> Any:
    n = np.shape(a)[-1] if np.ndim(a) else 0
    return unpack(_eig_row(a), (n,), (n, n))


def eigvals(a: Any) -> Any:
    """Return the eigenvalues of square matrices (``np.linalg.eigvals``), complex unless all are real.

    a: (..., n, n); result (..., n). From NumPy 2.5 on it is always complex.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[1.0, 5.0], [0.0, 3.0]])
    >>> np.linalg.eigvals(a).real.sum().backward(); a.grad.round(12) + 0
    array([[1., 0.],
           [0., 1.]])
    """
    return _as_numpys(_eigvals_row(a))


for _fn in (eig, eigvals, eigh, eigvalsh):
    composite(_fn, numpy=(getattr(np.linalg, _fn.__name__),), public=False)
