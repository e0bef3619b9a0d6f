"""Rows of linear algebra: matmul, solve, inv; and dot, outer, tensordot made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..batching import ways
from ..errors import missing_argument
from ..registry import composite, op
from .axes import rows_times
from .complex_numbers import conj


def t(a: Any) -> Any:
    """Return the last two axes swapped; ``.T``, for matrices, is ten times cheaper than swapaxes."""
    return a.T if a.ndim == 2 else np.swapaxes(a, -1, -2)


def _matmul_vjp_a(g: Any, b: Any, a_shape: tuple[int, ...]) -> Any:
    if b.ndim == 1:
        return g * b if len(a_shape) == 1 else np.expand_dims(g, -1) * b
    if len(a_shape) == 1:
        return np.squeeze(b @ np.expand_dims(g, -1), -1)
    return rows_times(g, b.T) if b.ndim == 2 else g @ t(b)


def _matmul_vjp_b(g: Any, a: Any, b_shape: tuple[int, ...], buffer: Any) -> Any:
    if a.ndim == 1:
        return g * a if len(b_shape) == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if len(b_shape) == 1:
        return np.squeeze(t(a) @ np.expand_dims(g, -1), -1)
    if len(b_shape) == 2 and a.ndim > 2:  # one large product instead of a batch of them and a sum
        rows = math.prod(a.shape[:-1])
        return np.matmul(np.reshape(a, (rows, a.shape[-1])).T, np.reshape(g, (rows, g.shape[-1])), out=buffer)
    return np.matmul(t(a), g, out=buffer) if len(b_shape) == 2 and g.ndim == 2 else t(a) @ g


def _explain_matmul(a: Any, b: Any) -> str | None:
    if not np.ndim(a) or not np.ndim(b):
        return "matmul needs operands with at least one axis; write a * b for a product with a single number"
    inner, outer = np.shape(a)[-1], np.shape(b)[-2 if np.ndim(b) > 1 else 0]
    sizes = f"matmul: {np.shape(a)} @ {np.shape(b)}"
    return f"{sizes}: inner sizes {inner} and {outer} differ" if inner != outer else None


matmul = op(
    np.matmul,
    name="matmul",
    batch=ways.product_of_matrices,
    symbol="matmul",
    explain=_explain_matmul,
    product="matrices",
    vjp=(_matmul_vjp_a, _matmul_vjp_b),
    samples=(
        (((2, 3), (3, 4)), {}),
        (((3,), (3, 2)), {}),
        (((2, 3), (3,)), {}),
        (((3,), (3,)), {}),
        (((2, 1, 2, 3), (4, 3, 2)), {}),
        (((2, 2, 3), (3, 2)), {}),
        (((2, 3), (4, 3, 2)), {}),
        (((4, 3, 2), (2,)), {}),
        (((2,), (4, 2, 3)), {}),
    ),
    doc="Return the matrix product, with NumPy's rules for 1-D and stacked operands.",
    complex=True,
    formula=("{b}ᵀ", "{a}ᵀ"),
)


# ---- solving
def _invertible(rng: Any, shape: tuple[int, ...]) -> Any:
    """Return a well-conditioned matrix for a test: a perturbed multiple of the identity."""
    return rng.uniform(-1.0, 1.0, shape) + (shape[-1] + 1) * np.eye(shape[-1])


def _transposed_solve(a: Any, g: Any, b_shape: tuple[int, ...]) -> Any:
    """Return the solution of aᵀ w = g. NumPy takes b as one vector when it has one axis, also where a is a stack."""
    if len(b_shape) == 1:
        return np.linalg.solve(t(a), np.expand_dims(g, -1))[..., 0]
    return np.linalg.solve(t(a), g)


def _solve_vjp_a(g: Any, y: Any, a: Any, b_shape: tuple[int, ...]) -> Any:
    w = _transposed_solve(a, g, b_shape)
    return -np.expand_dims(w, -1) * np.expand_dims(y, -2) if len(b_shape) == 1 else -w @ t(y)


def _solve_structured(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: str | None = None, transposed: bool = False,
) -> Any:  # fmt: skip
    """Return ``scipy.linalg.solve``: assume_a names the part of the matrix that is read and differentiated."""
    kinds = {None: "general", "gen": "general", "sym": "symmetric", "her": "hermitian", "pos": "positive definite"}
    kind, n = kinds.get(assume_a, assume_a), np.shape(a)[-1]
    bands = {"diagonal": (0, 0), "tridiagonal": (1, 1), "upper triangular": (n, 0), "lower triangular": (0, n)}
    if kind in bands:
        a = np.tril(np.triu(a, -bands[kind][1]), bands[kind][0])
    elif kind in ("symmetric", "hermitian", "positive definite"):
        turned = t(np.tril(a, -1) if lower else np.triu(a, 1))
        a = (np.tril if lower else np.triu)(a) + (turned if kind == "symmetric" else conj(turned))
    elif kind != "general":
        raise ValueError(f"solve: assume_a={assume_a!r} is no structure; see the docs of scipy.linalg.solve.")
    if kind == "positive definite":
        np.linalg.cholesky(a)  # raises where it is not
    return np.linalg.solve(t(a) if transposed else a, b)


solve = op(
    np.linalg.solve,
    name="solve",
    widened=_solve_structured,
    batch=ways.solved,
    inputs="a b",
    public=False,
    numpy=(np.linalg.solve,),
    vjp=(_solve_vjp_a, lambda g, a, b_shape: _transposed_solve(a, g, b_shape)),
    samples=tuple([(((3, 3), b), {}) for b in ((3,), (3, 2))])
    + tuple([((a, b), {}) for a, b in [((2, 2, 2), (2, 2, 1)), ((2, 2, 2), (2,)), ((3, 2, 2), (2,))]]),
    draw=lambda rng, a, b: (_invertible(rng, a), rng.normal(size=b)),
    doc="Return x with ``a @ x = b``; a: (..., n, n), b: (n,) or (..., n, k); by name assume_a, lower and transposed.",
    example=""">>> import autodiff as ad, numpy as np
>>> a = ad.tensor([[2.0, 1.0], [1.0, 3.0]])
>>> np.linalg.solve(a, [3.0, 4.0]).sum().backward(); a.grad.round(4)
array([[-0.4, -0.4],
       [-0.2, -0.2]])""",
    complex=True,
)
inv = op(
    np.linalg.inv,
    name="inv",
    batch=ways.of_matrices,
    public=False,
    numpy=(np.linalg.inv,),
    vjp=lambda g, y: -t(y) @ g @ t(y),
    samples=((((3, 3),), {}), (((2, 2, 2),), {})),
    draw=lambda rng, x: (_invertible(rng, x),),
    doc="Return the inverse of square matrices (..., n, n).",
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([[2.0, 1.0], [1.0, 3.0]])
>>> np.linalg.inv(x).sum().backward(); x.grad.round(4)
array([[-0.16, -0.08],
       [-0.08, -0.04]])""",
    complex=True,
)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Return the product of two arrays (``np.dot``).

    The inner product of vectors, the matrix product of matrices; else the sum over the last axis of a and the second
    last of b.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.dot(x, [3.0, 4.0]).backward(); x.grad
    array([3., 4.])
    """
    if out is not None:
        raise missing_argument("dot", "out")
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=(-1, -2))


def inner(a: Any, b: Any) -> Any:
    """Return the sums of products over the last axes of both (``np.inner``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.inner(x, [3.0, 4.0]).backward(); x.grad
    array([3., 4.])
    """
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else np.tensordot(a, b, axes=(-1, -1))


def vdot(a: Any, b: Any) -> Any:
    """Return the inner product of the flattened arrays (``np.vdot``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.vdot(x, [3.0, 4.0]).backward(); x.grad
    array([3., 4.])
    """
    return np.matmul(conj(np.reshape(a, -1)), np.reshape(b, -1))


def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Return the products of all elements of one vector with all elements of another (``np.outer``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.outer(x, [3.0, 4.0]).data
    array([[3., 4.],
           [6., 8.]])
    """
    if out is not None:
        raise missing_argument("outer", "out")
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    """Return inner products along an axis (``np.vecdot``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.vecdot(x, [1.0, 2.0]).data
    array([ 5., 11.])
    """
    if np.shape(x1)[axis] != np.shape(x2)[axis]:
        raise ValueError(f"vecdot: axis {axis} of shapes {np.shape(x1)} and {np.shape(x2)} must be equally long.")
    products = conj(x1) * x2
    return np.sum(products, axis=axis, dtype=products.dtype)  # integers keep their dtype, as in NumPy


def matvec(x1: Any, x2: Any) -> Any:
    """Return products of matrices and vectors, both possibly stacked (``np.matvec``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.matvec(x, [1.0, 1.0]).data
    array([3., 7.])
    """
    return np.matmul(x1, np.expand_dims(x2, -1))[..., 0]


def vecmat(x1: Any, x2: Any) -> Any:
    """Return products of vectors and matrices, both possibly stacked (``np.vecmat``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.vecmat([1.0, 1.0], x).data
    array([4., 6.])
    """
    return np.matmul(np.expand_dims(conj(x1), -2), x2)[..., 0, :]


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum products over the given axes of both arrays (``np.tensordot``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.tensordot(x, np.ones((2, 2)), axes=2).backward(); x.grad
    array([[1., 1.],
           [1., 1.]])
    """
    na, nb = np.ndim(a), np.ndim(b)
    left, right = (range(-axes, 0), range(axes)) if isinstance(axes, int | np.integer) else axes
    left, right = normalize_axis_tuple(left, na), normalize_axis_tuple(right, nb)
    summed, summed_b = (tuple([np.shape(x)[i] for i in on]) for x, on in ((a, left), (b, right)))
    if summed != summed_b:
        raise ValueError(
            f"tensordot: axes {left} of shape {np.shape(a)} and {right} of shape {np.shape(b)} must be equally long."
        )
    rest_a, rest_b = (tuple([i for i in range(n) if i not in on]) for n, on in ((na, left), (nb, right)))
    rows, columns = tuple([np.shape(a)[i] for i in rest_a]), tuple([np.shape(b)[i] for i in rest_b])
    size = math.prod(summed)  # and no -1 below: NumPy cannot infer an axis beside one of length 0
    flat = np.matmul(
        np.reshape(np.transpose(a, rest_a + left), (math.prod(rows), size)),
        np.reshape(np.transpose(b, right + rest_b), (size, math.prod(columns))),
    )
    return np.reshape(flat, rows + columns)


for _fn in (dot, inner, vdot, outer, vecdot, tensordot):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), method=_fn is dot)
for _name, _product in (("matvec", matvec), ("vecmat", vecmat)):
    composite(_product, numpy=tuple(f for f in (getattr(np, _name, None),) if f), public=False)  # from NumPy 2.2 on
