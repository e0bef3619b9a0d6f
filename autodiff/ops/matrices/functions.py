"""Functions of matrices: powers, chains of products, exp, square root, polar decomposition, Sylvester's equation. NumPy
computes all of it, so the results do not depend on SciPy being installed.

One file, because their rules call each other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...batching.ways import of_stacks
from ...errors import kind_of
from ...modes import one_call
from ...other_arrays import is_foreign
from ...registry import DISPATCH, composite, op
from ...variable import PLAIN, plain
from ..complex_numbers import conj
from ..linalg import t
from ..shape import operand
from . import by_masks
from .choices import largest
from .packing import apart, eye_like, h

LinAlgError = np.linalg.LinAlgError


def side_of(name: str, a: Any) -> int:
    shape = np.shape(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise LinAlgError(f"{name} needs square matrices; got shape {shape}.")
    return shape[-1]


# ---- powers and products
def matrix_power(a: Any, n: int) -> Any:
    """Return a square matrix to an integer power, by squaring (``np.linalg.matrix_power``).

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([[2.0, 0.0], [0.0, 3.0]])
    >>> np.linalg.matrix_power(a, 3).data
    array([[ 8.,  0.],
           [ 0., 27.]])
    """
    side_of("matrix_power", a)
    if not isinstance(n, int | np.integer):
        raise TypeError(f"matrix_power: n must be an integer; got {kind_of(n)}.")
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 0:
        return a * 0.0 + eye_like(a)
    result = None
    while n:
        if n & 1:
            result = a if result is None else result @ a
        n >>= 1
        a = a @ a if n else a
    return result


def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """Return the product of several matrices in the cheapest order (``np.linalg.multi_dot``).

    arrays: two or more matrices; the first and the last may be vectors.

    >>> import autodiff as ad, numpy as np
    >>> a, b = ad.tensor(np.ones((2, 3))), ad.tensor(np.ones((3, 2)))
    >>> np.linalg.multi_dot([a, b, np.ones(2)]).data
    array([6., 6.])
    """
    arrays = list(arrays)
    if out is not None:
        raise TypeError("multi_dot(..., out=...) cannot be recorded; assign the result.")
    if len(arrays) < 2:
        raise ValueError(f"multi_dot needs at least two arrays; got {len(arrays)}.")
    row, column = np.ndim(arrays[0]) == 1, np.ndim(arrays[-1]) == 1
    if row:
        arrays[0] = np.expand_dims(arrays[0], 0)
    if column:
        arrays[-1] = np.expand_dims(arrays[-1], 1)
    sizes = [np.shape(a)[0] for a in arrays] + [np.shape(arrays[-1])[1]]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(arrays))}
    for width in range(1, len(arrays)):
        for i in range(len(arrays) - width):
            j = i + width
            cost = {k: best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            k = min(cost, key=cost.__getitem__)
            best[i, j] = cost[k], k

    y = _chain(arrays, best, 0, len(arrays) - 1)
    return y[0, 0] if row and column else y[0] if row else y[:, 0] if column else y


def _chain(arrays: list[Any], best: dict[tuple[int, int], tuple[int, int]], i: int, j: int) -> Any:
    if i == j:
        return arrays[i]
    k = best[i, j][1]
    return np.matmul(_chain(arrays, best, i, k), _chain(arrays, best, k + 1, j))


def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number, norm(x) norm(inv(x)) (``np.linalg.cond``); of singular values by default.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[2.0, 0.0], [0.0, 4.0]])
    >>> np.linalg.cond(x).item()
    2.0
    """
    if not np.size(x) and 0 in np.shape(x)[-2:]:
        raise np.linalg.LinAlgError(f"cond: an empty matrix has no condition number; got shape {np.shape(x)}.")
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    side_of("cond", x)
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))


# ---- the exponential
_PADE = [math.factorial(26 - k) * math.factorial(13) / (math.factorial(26) * math.factorial(k) * math.factorial(13 - k))
         for k in range(14)]  # fmt: skip
_MOST = 52  # squarings of an array whose numbers are not looked at; with more, no digit would be right
_THETA = 5.37  # below this 1-norm the approximant of order 13 is exact to rounding (Higham 2005, table 2.3)


@one_call
def _expm(x: Any) -> Any:
    """Return the exponential by scaling and squaring with the Padé approximant of order 13 (Higham 2005). Every matrix
    of a stack has its own number of squarings; one that is not finite gives NaN."""
    kind = np.float64 if x.dtype.itemsize <= 8 and x.dtype.kind == "f" else x.dtype
    a = x.astype(kind)
    top = largest(np.sum(np.abs(a), axis=-2))[..., None, None]
    finite = np.isfinite(top) if not is_foreign(a) else top < _THETA * 2.0**_MOST
    squarings = np.ceil(np.log2(np.where(finite & (top > _THETA), top / _THETA, 1.0)))
    a = np.where(finite, a, 0.0) / 2.0**squarings
    eye, a2 = eye_like(a), a @ a
    even, odd, power = _PADE[0] * eye, _PADE[1] * eye, eye
    for k in range(2, 14, 2):
        power = power @ a2
        even = even + _PADE[k] * power
        odd = odd + _PADE[k + 1] * power
    odd = a @ odd
    y = np.linalg.solve(even - odd, even + odd)
    for k in range(_MOST if is_foreign(a) else int(np.max(squarings, initial=0.0))):
        y = np.where(squarings > k, y @ y, y)
    return np.where(finite, y, math.nan).astype(x.dtype)


@one_call
def power_of_two(g: Any) -> Any:
    """Return the largest power of two up to the largest element."""
    if is_foreign(g):
        size = np.max(np.abs(g))
        return 2.0 ** np.floor(np.log2(np.where((size > 0) & (size < math.inf), size, 1.0)))
    top = float(np.max(np.abs(g), initial=0.0))
    return 2.0 ** math.floor(math.log2(top)) if 0.0 < top < math.inf else 1.0


def _expm_vjp(g: Any, x: Any) -> Any:
    """Return the corner of exp([[xᵀ, g], [0, xᵀ]]), the adjoint of its Fréchet derivative (Najfeld and Havel 1995)."""
    n, xt, scale = x.shape[-1], t(x), power_of_two(plain(g))  # g must not decide the squarings
    g = np.broadcast_to(g, x.shape) / scale
    upper, lower = np.concatenate([xt, g], axis=-1), np.concatenate([g * 0.0, xt], axis=-1)
    return expm(np.concatenate([upper, lower], axis=-2))[..., :n, n:] * scale


expm: Any = op(
    _expm,
    name="expm",
    public=False,
    vjp=_expm_vjp,
    samples=((((2, 2),), {}), (((2, 2, 2),), {})),
    doc="Return the exponential of square matrices (``scipy.linalg.expm``; Higham 2005).",
    complex=True,
)


def expm_frechet(A: Any, E: Any, compute_expm: bool = True) -> Any:
    """Return ``expm(A)`` and its derivative along E, or with ``compute_expm=False`` the derivative alone
    (``scipy.linalg.expm_frechet``).

    A, E: (n, n). The corner of expm([[A, E], [0, A]]) (Najfeld and Havel 1995). ``ad.jvp(ad.linalg.expm, (A,), (E,))``
    is the same.

    >>> import autodiff as ad
    >>> ad.linalg.expm_frechet(ad.tensor([[0.0]]), [[2.0]], compute_expm=False).data
    array([[2.]])
    """
    A, E = operand(A), operand(E)
    n = side_of("expm_frechet", A)
    if np.shape(E) != np.shape(A):
        raise ValueError(f"expm_frechet: A and E must have equal shapes; got {np.shape(A)} and {np.shape(E)}.")
    zero = np.zeros(np.shape(A), np.result_type(plain(A), plain(E)))
    both = expm(np.concatenate([np.concatenate([A, E], axis=-1), np.concatenate([zero, A], axis=-1)], axis=-2))
    return (both[..., :n, :n], both[..., :n, n:]) if compute_expm else both[..., :n, n:]


# ---- Sylvester's equation and the square root
def _sylvester(a: Any, b: Any, q: Any) -> Any:
    """Return x with a x + x b = q, as one linear system of Kronecker products."""
    m, n = a.shape[-1], b.shape[-1]
    if m * n > 4096:
        raise LinAlgError(
            f"solve_sylvester writes one system of m n = {m * n} unknowns; 4096 are its limit. Split the problem, or "
            "use scipy.linalg.solve_sylvester on plain arrays in an ad.custom_vjp."
        )
    left = a[..., :, None, :, None] * eye_like(b)[:, None, :]
    right = eye_like(a)[:, None, :, None] * t(b)[..., None, :, None, :]
    both = left + right
    flat = np.reshape(q, (*q.shape[:-2], m * n, 1))
    return np.reshape(np.linalg.solve(np.reshape(both, (*both.shape[:-4], m * n, m * n)), flat), q.shape)


solve_sylvester: Any = op(
    _sylvester,
    name="solve_sylvester",
    batch=of_stacks,
    inputs="a b q",
    public=False,
    vjp=(
        lambda g, y, a, b: -solve_sylvester(t(a), t(b), g) @ t(y),
        lambda g, y, a, b: -t(y) @ solve_sylvester(t(a), t(b), g),
        lambda g, a, b: solve_sylvester(t(a), t(b), g),
    ),
    samples=((((2, 2), (3, 3), (2, 3)), {}),),
    draw=lambda rng, a, b, q: (
        rng.uniform(-0.5, 0.5, a) + 2.0 * np.eye(a[-1]),
        rng.uniform(-0.5, 0.5, b) + 2.0 * np.eye(b[-1]),
        rng.normal(size=q),
    ),
    doc="Return x with ``a @ x + x @ b = q``; a: (m, m), b: (n, n), q: (m, n) (``scipy.linalg.solve_sylvester``).",
    example=""">>> import autodiff as ad, numpy as np
>>> a = ad.tensor([[2.0, 0.0], [0.0, 3.0]])
>>> ad.linalg.solve_sylvester(a, [[1.0]], [[3.0], [8.0]]).data
array([[1.],
       [2.]])""",
    complex=True,
)


@one_call
def _sqrtm(x: Any) -> Any:
    """Return the principal square root by Denman and Beavers' iteration in its product form (Cheng et al. 2001)."""
    kind = x.dtype if x.dtype.itemsize >= 8 else np.dtype(np.float64)
    if is_foreign(x):
        return by_masks.square_root(x.astype(kind)).astype(x.dtype)
    y, m, eye = x.astype(kind), x.astype(kind), np.eye(x.shape[-1], dtype=kind)
    previous = math.inf
    for _ in range(60):
        inverse = np.linalg.inv(m)
        y = 0.5 * y @ (eye + inverse)
        m = 0.5 * (eye + 0.5 * (m + inverse))
        error = float(np.max(np.abs(m - eye), initial=0.0))
        if error == 0.0 or (error < 1e-8 and error >= 0.5 * previous):
            return y.astype(x.dtype)
        previous = error
    raise LinAlgError(
        "sqrtm: the iteration does not settle, as for a matrix with an eigenvalue on the negative axis, whose square "
        "root is complex."
    )


sqrtm = op(
    _sqrtm,
    name="sqrtm",
    public=False,
    vjp=lambda g, y: solve_sylvester(t(y), t(y), g),
    samples=((((2, 2),), {}), (((3, 3),), {})),
    draw=lambda rng, x: (rng.uniform(-0.3, 0.3, x) + 2.0 * np.eye(x[-1]),),
    doc="Return the principal square root of a square matrix where it is real (``scipy.linalg.sqrtm``).",
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([[4.0, 0.0], [0.0, 9.0]])
>>> ad.linalg.sqrtm(x).sum().backward(); x.grad.round(4)
array([[0.25  , 0.2   ],
       [0.2   , 0.1667]])""",
    complex=True,
)


# ---- the polar decomposition
def _unitary_factor(x: Any) -> Any:
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return u @ vh


def _unitary_factor_vjp(g: Any, y: Any, x: Any) -> Any:
    """U S + (1 - U Uᴴ) G P⁻¹, where P S + S P is the skew part UᴴG - GᴴU: the adjoint of the derivative of U P = A."""
    g, p, n = conj(g), h(y) @ x, x.shape[-1]
    p = 0.5 * (p + h(p))
    values = by_masks.singular_values(plain(x))
    if not values.size:
        return g  # no elements
    flat = values.min(-1) <= 8 * n * np.finfo(values.dtype).eps * values.max(-1)
    if is_foreign(flat):
        g = np.where(flat[..., None, None], math.nan, g)
    elif flat.any():
        raise LinAlgError(
            "polar: the matrix has not full rank, so its unitary factor is not determined and has no derivative. "
            "Differentiate ad.linalg.sqrtm(a.T @ a), or a factor of a matrix of full rank."
        )
    m = h(y) @ g
    inside = y @ solve_sylvester(p, p, m - h(m))
    if x.shape[-2] == n:
        return conj(inside)
    rest = h(np.linalg.solve(p, h(g - y @ m)))
    return conj(inside + rest)


unitary_factor = op(
    _unitary_factor,
    name="unitary_factor",
    batch=of_stacks,
    public=False,
    vjp=_unitary_factor_vjp,
    samples=((((2, 2),), {}), (((3, 2),), {})),
    draw=lambda rng, x: (apart(rng, x),),
    doc="Return the unitary factor u of the polar decomposition ``a = u @ p``.",
    complex=True,
)


def polar(a: Any, side: str = "right") -> tuple[Any, Any]:
    """Return a unitary u and a positive semidefinite p with ``a = u @ p``, or ``a = p @ u`` for side="left"
    (``scipy.linalg.polar``).

    a: (m, n) of full rank, m >= n for side="right" and m <= n for "left"; p is the square root of aᴴa. No singular
    vectors enter the derivative, so that equal singular values do no harm. Raises ValueError for another shape or side,
    LinAlgError where a has not full rank, so that u is not determined.

    >>> import autodiff as ad
    >>> u, p = ad.linalg.polar(ad.tensor([[0.0, 2.0], [2.0, 0.0]]))
    >>> u.data.round(12), p.data.round(12)
    (array([[0., 1.],
           [1., 0.]]), array([[2., 0.],
           [0., 2.]]))
    """
    if side not in ("left", "right"):
        raise ValueError(f"polar: side must be 'right' or 'left'; got {side!r}.")
    a = operand(a)
    if side == "left":
        u, p = polar(np.conj(t(a)))
        return np.conj(t(u)), p
    if np.ndim(a) != 2 or np.shape(a)[0] < np.shape(a)[1]:
        raise ValueError(f"polar: side='right' needs a: (m, n) with m >= n and 'left' m <= n; got shape {np.shape(a)}.")
    u = unitary_factor(a)
    p = np.conj(t(u)) @ a
    return u, 0.5 * (p + np.conj(t(p)))


# ---- functions of np.linalg whose namesakes in np have other arguments
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Return the diagonals of the matrices in the last two axes (``np.linalg.diagonal``).

    x: (..., m, n).

    >>> import autodiff as ad
    >>> ad.linalg.diagonal(ad.tensor([[1.0, 2.0], [3.0, 4.0]])).data
    array([1., 4.])
    """
    return np.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Return the sums along the diagonals of the matrices in the last two axes (``np.linalg.trace``).

    x: (..., m, n).

    >>> import autodiff as ad
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.linalg.trace(x).backward(); x.grad
    array([[1., 0.],
           [0., 1.]])
    """
    return np.sum(np.diagonal(x, offset, -2, -1), axis=-1, dtype=dtype)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the cross product of vectors of three elements along an axis (``np.linalg.cross``).

    x1, x2: 3 elements along the axis; ValueError otherwise.

    >>> import autodiff as ad
    >>> ad.linalg.cross(ad.tensor([1.0, 0.0, 0.0]), [0.0, 1.0, 0.0]).data
    array([0., 0., 1.])
    """
    for x in (x1, x2):
        if np.shape(x)[axis] != 3:
            raise ValueError(f"cross: vectors must have 3 elements along axis {axis}; got shape {np.shape(x)}.")
    return np.cross(x1, x2, axis=axis)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Return the number of singular values above a tolerance (``np.linalg.matrix_rank``). Plain: nothing flows through
    it.

    A: (..., m, n), or a vector, whose rank is 0 or 1.

    >>> import autodiff as ad
    >>> print(ad.linalg.matrix_rank(ad.tensor([[1.0, 2.0], [2.0, 4.0]])))
    1
    """
    return np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol)


PLAIN.add(np.linalg.matrix_rank)
for _fn in (matrix_power, multi_dot, cond, diagonal, trace, cross):
    composite(_fn, numpy=(getattr(np.linalg, _fn.__name__),), public=False)
for _name in ("matmul", "matrix_transpose", "outer", "tensordot", "vecdot"):  # the same functions under both names
    composite(DISPATCH[getattr(np, _name)], numpy=(getattr(np.linalg, _name),), public=False)
