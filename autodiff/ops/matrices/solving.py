"""Determinants, inverses and solutions of linear systems: det, slogdet, pinv, lstsq, and NumPy's tensor forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...batching.ways import of_matrices
from ...errors import kind_of
from ...other_arrays import is_foreign, zeros
from ...registry import Op, composite, op
from ...registry.singular_points import Point
from ...variable import Variable, plain
from ..complex_numbers import conj, squared_size
from ..linalg import t
from .decompositions import svdvals
from .packing import eye_like, fold, h

LinAlgError = np.linalg.LinAlgError


# ---- determinants
def _matrix(g: Any) -> Any:
    """Return a number for each matrix, with two axes of length 1."""
    return np.expand_dims(g, (-2, -1))


def _turned(x: Any) -> tuple[Any, Any, Any, Any]:
    """Return det(U Vᴴ), U, the singular values and Vᴴ of x = U diag(s) Vᴴ."""
    u, s, vh = np.linalg.svd(x)
    return _matrix(np.linalg.det(u) * np.linalg.det(vh)), u, s, vh


def _product_without(s: Any, *left_out: int) -> Any:
    return np.prod(np.delete(s, left_out, axis=-1), axis=-1)


def _cofactor(x: Any) -> Any:
    """Return the cofactors, det(U) det(Vᴴ) conj(U diag(prod_{j≠i} s_j) Vᴴ): without division, so that singular
    matrices are no exception."""
    sign, u, s, vh = _turned(x)
    others = [_product_without(s, i) for i in range(s.shape[-1])]
    d = np.stack(others, axis=-1) if others else s
    return sign * conj((u * d[..., None, :]) @ vh)


def _cofactor_vjp(g: Any, x: Any) -> Any:
    """Return the derivative of <g, cofactor(x)>: products of all but two singular values, without division."""
    if isinstance(x, Variable):  # recorded, for a third derivative: through the inverse, which a singular x refuses
        b, d = t(np.linalg.inv(x)), _matrix(np.linalg.det(x))
        return np.sum(g * b, axis=(-2, -1), keepdims=True) * d * b - d * (b @ t(g) @ b)
    sign, u, s, vh = _turned(x)
    n = s.shape[-1]
    pairs = zeros((*s.shape, n), s.dtype, like=s)
    for i in range(n):
        for j in range(i):
            pairs[..., i, j] = pairs[..., j, i] = _product_without(s, i, j)
    turned = h(u) @ g @ h(vh)
    diagonal = np.diagonal(turned, axis1=-2, axis2=-1)
    inner = np.expand_dims((pairs @ np.expand_dims(diagonal, -1))[..., 0], -2) * eye_like(u) - pairs * t(turned)
    return sign * (conj(u) @ inner @ conj(vh))


def _regular(rng: Any, shape: tuple[int, ...]) -> Any:
    return rng.uniform(-1.0, 1.0, shape) + (shape[-1] + 1) * np.eye(shape[-2], shape[-1])


_SQUARE: Any = ((((3, 3),), {}), (((2, 2, 2),), {}))
cofactor = op(
    _cofactor,
    name="cofactor",
    batch=of_matrices,
    public=False,
    vjp=_cofactor_vjp,
    samples=_SQUARE,
    draw=lambda rng, x: (_regular(rng, x),),
    doc="Return the matrix of cofactors, the derivative of the determinant.",
    complex=True,
)
det = op(
    np.linalg.det,
    name="det",
    batch=of_matrices,
    inputs="x",
    public=False,
    numpy=(np.linalg.det,),
    vjp=lambda g, x: _matrix(g) * cofactor(x),
    samples=_SQUARE,
    draw=lambda rng, x: (_regular(rng, x),),
    points=(Point(([[1.0, 2.0], [2.0, 4.0]],), ([[4.0, -2.0], [-2.0, 1.0]],), "limit"),),
    doc="Return the determinant of square matrices (..., n, n); the derivative is right for singular ones.",
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([[2.0, 1.0], [1.0, 3.0]])
>>> ad.linalg.det(x).backward(); x.grad.round(4)
array([[ 3., -1.],
       [-1.,  2.]])""",
    complex=True,
)


logabsdet = op(
    lambda x: np.linalg.slogdet(x)[1],
    name="logabsdet",
    batch=of_matrices,
    public=False,
    vjp=lambda g, x: _matrix(g) * t(np.linalg.inv(x)),
    samples=_SQUARE,
    draw=lambda rng, x: (_regular(rng, x),),
    doc="Return the logarithm of the absolute value of the determinant.",
    complex=True,
)


_phase_of_det = Op(  # not among the registered rows, whose generated tests take real matrices
    lambda x: np.linalg.slogdet(x)[0],
    lambda g, y, x: _matrix(-1j * np.real(1j * g * y)) * t(np.linalg.inv(x)),
    name="phase_of_det",
    doc="Return the determinant of complex matrices over its absolute value.",
    complex=True,
)


def slogdet(a: Any) -> Any:
    """Return ``(sign, logabsdet)`` of the determinant of square matrices (``np.linalg.slogdet``).

    a: (..., n, n). sign is a plain array, since it is flat; of complex matrices it is recorded. Raises
    ``LinAlgError`` in the backward pass where a is singular.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[2.0, 0.0], [0.0, 4.0]])
    >>> sign, log = np.linalg.slogdet(a)
    >>> log.backward(); a.grad
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    found = np.linalg.slogdet(plain(a))
    return type(np.linalg.slogdet(np.eye(1)))(_phase_of_det(a) if np.iscomplexobj(a) else found[0], logabsdet(a))


# ---- inverses and least squares
def _tall(rng: Any, shape: tuple[int, ...]) -> Any:
    """Return a matrix of full rank for a test, square or not."""
    x = rng.uniform(-0.3, 0.3, shape)
    k = min(shape[-2:])
    x[..., range(k), range(k)] += 1.0 + np.arange(k)
    return x


def _pinv_vjp(g: Any, y: Any, x: Any, hermitian: bool) -> Any:
    """-yᴴ g yᴴ + (1 - x y) gᴴ y yᴴ + yᴴ y gᴴ (1 - y x) (Golub and Pereyra 1973): the rank is locally constant."""
    if hermitian:  # NumPy reads one triangle alone, so a second derivative must do so too
        x = np.tril(x) + h(np.tril(x, -1))
    yh, gh = h(y), h(conj(g))
    left = gh @ y @ yh
    right = yh @ y @ gh
    s = left - yh @ (h(x) @ left) + right - (right @ h(x)) @ yh - yh @ conj(g) @ yh
    return conj(fold(0.5 * (s + h(s)), "L") if hermitian else s)


def _pinv(x: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if hermitian and is_foreign(x):  # not every library has the parameter
        x, hermitian = np.tril(x) + h(np.tril(x, -1)), False
    return np.linalg.pinv(x, **_given(rcond=rcond, hermitian=hermitian or None, rtol=rtol))


def _given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are given: other libraries have not all of them."""
    return {name: value for name, value in arguments.items() if value is not None}


pinv = op(
    _pinv,
    name="pinv",
    batch=of_matrices,
    public=False,
    numpy=(np.linalg.pinv,),
    vjp=_pinv_vjp,
    samples=((((3, 3),), {}), (((3, 2),), {}), (((2, 2, 3),), {}), (((3, 3),), {"hermitian": True})),
    draw=lambda rng, x: (_tall(rng, x),),
    doc="Return the Moore-Penrose inverse (..., n, m) of matrices (..., m, n) of any rank that does not change.",
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([[1.0], [2.0]])
>>> ad.linalg.pinv(x).data.round(4)
array([[0.2, 0.4]])""",
    complex=True,
)


def _lstsq_vjp_a(g: Any, y: Any, a: Any, b: Any, rcond: Any) -> Any:
    """Return the derivative of pinv(a) b in a, for vectors and matrices b."""
    if b.ndim == 1:
        g, y, b = g[:, None], y[:, None], b[:, None]
    p, g = np.linalg.pinv(a, **_given(rcond=rcond)), conj(g)
    pg = h(p) @ g
    return conj((b - a @ y) @ h(p @ pg) + (h(p) @ y) @ h(g - p @ (a @ g)) - pg @ h(y))


def _lstsq_vjp_b(g: Any, a: Any, rcond: Any) -> Any:
    return t(np.linalg.pinv(a, **_given(rcond=rcond))) @ g


def _lstsq(a: Any, b: Any, rcond: Any) -> Any:
    given = _given(rcond=rcond) if is_foreign(a) or is_foreign(b) else {"rcond": rcond}
    return np.linalg.lstsq(a, b, **given)


_lstsq_row = op(
    lambda a, b, rcond=None: _lstsq(a, b, rcond)[0],
    name="lstsq",
    inputs="a b",
    public=False,
    vjp=(_lstsq_vjp_a, _lstsq_vjp_b),
    samples=(
        (((3, 2), (3,)), {}),
        (((3, 2), (3, 2)), {}),
        (((2, 3), (2,)), {}),
        (((2, 2), (2, 2)), {}),
    ),
    draw=lambda rng, a, b: (_tall(rng, a), rng.normal(size=b)),
    doc="Return the least-squares solution of a x = b.",
    complex=True,
)


def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """Return ``(x, residuals, rank, s)`` with x the least-squares solution of ``a @ x = b`` (``np.linalg.lstsq``).

    a: (m, n); b: (m,) or (m, k). x has the derivative of ``pinv(a) @ b``, also where a has not full rank (which is
    taken to be locally constant). rank is an int, or what another library returns.

    >>> import autodiff as ad, numpy as np
    >>> b = ad.tensor([1.0, 2.0, 3.0])
    >>> x, residuals, rank, s = np.linalg.lstsq(np.ones((3, 1)), b)
    >>> x[0].backward(); b.grad.round(4)
    array([0.3333, 0.3333, 0.3333])
    """
    x = _lstsq_row(a, b, rcond=rcond)
    found = _lstsq(plain(a), plain(b), rcond)
    rank = found[2] if is_foreign(found[2]) else int(found[2])
    residuals = found[1] if not len(found[1]) else np.sum(squared_size(b - a @ x), axis=0).reshape(found[1].shape)
    return x, residuals, rank, svdvals(a)


def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse of a tensor as a map from its last axes to its first ``ind`` axes (``np.linalg.tensorinv``).

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor(2.0 * np.eye(4).reshape(4, 2, 2))
    >>> np.linalg.tensorinv(a, ind=1).shape
    (2, 2, 4)
    """
    if ind <= 0:
        raise ValueError(f"tensorinv: ind must be positive; got {ind}.")
    shape = np.shape(a)
    rows = math.prod(shape[ind:])
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), shape[ind:] + shape[:ind])


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Return x with ``tensordot(a, x, x.ndim) = b`` (``np.linalg.tensorsolve``).

    >>> import autodiff as ad, numpy as np
    >>> a, b = ad.tensor(2.0 * np.eye(4).reshape(2, 2, 4)), np.ones((2, 2))
    >>> np.linalg.tensorsolve(a, b).data
    array([0.5, 0.5, 0.5, 0.5])
    """
    if axes is not None:
        order = [k for k in range(np.ndim(a)) if k not in axes] + [k % np.ndim(a) for k in axes]
        a = np.transpose(a, order)
    rest = np.shape(a)[np.ndim(b) :]
    n = math.prod(rest)
    if n != np.size(plain(b)):
        raise LinAlgError(f"tensorsolve: {kind_of(a)} does not give {kind_of(b)} from {n} unknowns.")
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.reshape(b, (-1,))), rest)


for _fn in (slogdet, lstsq, tensorinv, tensorsolve):
    composite(_fn, numpy=(getattr(np.linalg, _fn.__name__),), public=False)
