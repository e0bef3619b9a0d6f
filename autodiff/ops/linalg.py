"""Rows of linear algebra: matmul, einsum, solve, inv; and dot, outer, tensordot made of them."""

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


# ---- einsum: the subscripts are made explicit once, without ellipses
def _explicit(subscripts: str, shapes: list[tuple[int, ...]]) -> str:
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands; got {len(shapes)}.")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in subscripts]
    rest = [
        len(s) - len(term.replace("...", "")) if "..." in term else 0 for term, s in zip(terms, shapes, strict=True)
    ]
    dots = free[: max(rest)]
    terms = [term.replace("...", "".join(dots[len(dots) - n :])) for term, n in zip(terms, rest, strict=True)]
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape):
            raise ValueError(f"einsum: {subscripts!r} gives {len(term)} subscripts to an operand of shape {shape}.")
    if arrow:
        if dots and "..." not in right:
            raise ValueError(f"einsum: {subscripts!r} has an ellipsis of {len(dots)} axes that its output lacks.")
        out = right.replace("...", "".join(dots))
    else:
        letters = "".join(terms)
        out = "".join(dots) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    return f"{','.join(terms)}->{out}"


def _einsum(*xs: Any, subscripts: str = "", optimize: Any = False) -> Any:
    return np.einsum(subscripts, *xs, optimize=optimize)


def _einsum_vjp(g: Any, i: int, xs: tuple[Any, ...], subscripts: str, optimize: Any) -> Any:
    """Return the same sum with operand i and the output exchanged; indices of no other operand are spread by ones."""
    left, _, out = subscripts.partition("->")
    terms = left.split(",")
    mine, others = terms[i], [(s, x) for j, (s, x) in enumerate(zip(terms, xs, strict=True)) if j != i]
    shape = np.shape(xs[i])
    unique = "".join(dict.fromkeys(mine))
    known = set(out).union(*[s for s, _ in others])
    like = xs[i].dtype
    spread = [(c, np.ones(shape[mine.index(c)], like)) for c in unique if c not in known]
    names, values = zip((out, g), *others, *spread, strict=True)
    d = np.einsum(f"{','.join(names)}->{unique}", *values, optimize=optimize)
    if len(unique) == len(mine):
        return d
    free = iter(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in subscripts)
    target, eyes = "", []
    for k, c in enumerate(mine):  # a repeated index picks the diagonal: its cotangent goes back onto it
        if c in mine[:k]:
            new = next(free)
            eyes.append((c + new, np.eye(shape[k], dtype=like)))
            c = new
        target += c
    return np.einsum(f"{','.join([unique, *[s for s, _ in eyes]])}->{target}", d, *[e for _, e in eyes])


_einsum_row = op(
    _einsum,
    name="einsum",
    batch=ways.named_axes,
    inputs="*xs",
    public=False,
    vjp=_einsum_vjp,
    symbol="einsum",
    product=True,
    selects=True,  # the diagonal of a repeated subscript
    samples=(
        (((2, 3), (3, 4)), {"subscripts": "ij,jk->ik"}),
        (((3, 3),), {"subscripts": "ii->i"}),
        (((2, 3, 4),), {"subscripts": "abc->b"}),
        (((2, 3), (3, 3)), {"subscripts": "nd,dd->d"}),
        (((3,), (3,), (3,)), {"subscripts": "i,i,i->"}),
    ),
    doc="Einstein summation.",
    complex=True,
)


def einsum(
    subscripts: Any,
    *operands: Any,
    out: Any = None,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
) -> Any:
    """Return the sum of products that the subscripts name (``np.einsum``), with ellipses, repeated and summed indices.

    subscripts: a string such as "ij,jk->ik", followed by the operands; or each operand followed by a list of integers
    and Ellipsis, and last, perhaps, the list of the output. Raises ValueError when they do not fit the operands.

    >>> import autodiff as ad, numpy as np
    >>> a, b = ad.tensor(np.ones((2, 3))), ad.tensor(np.ones((3, 2)))
    >>> np.einsum("ij,ji->", a, b).backward(); a.grad.shape
    (2, 3)
    """
    if out is not None:
        raise missing_argument("einsum", "out")
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    if dtype is not None:
        for x in operands:
            if not np.can_cast(np.result_type(x), dtype, casting):  # type: ignore[arg-type]
                raise TypeError(f"einsum: {np.result_type(x)} cannot be cast to {dtype} with casting={casting!r}.")
        operands = tuple([x if np.result_type(x) == dtype else np.astype(x, dtype) for x in operands])
    return _einsum_row(operands, subscripts=_explicit(subscripts, [np.shape(x) for x in operands]), optimize=optimize)


def _from_lists(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return the string of the sublist form: operand, list, operand, list, ..., perhaps the output's list."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def word(axes: Any) -> str:
        if not isinstance(axes, list | tuple | range):
            raise TypeError(
                "einsum needs a string such as 'ij,jk->ik', or each operand followed by a list of integers; got "
                f"{type(axes).__name__} where a list belongs."
            )
        return "".join(["..." if i is Ellipsis else letters[i] for i in axes])

    pairs = len(given) // 2
    words = ",".join([word(given[2 * k + 1]) for k in range(pairs)])
    return (f"{words}->{word(given[-1])}" if len(given) % 2 else words), given[0 : 2 * pairs : 2]


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


for _fn in (dot, inner, vdot, outer, vecdot, tensordot, einsum):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), method=_fn is dot)
for _name, _product in (("matvec", matvec), ("vecmat", vecmat)):
    composite(_product, numpy=tuple(f for f in (getattr(np, _name, None),) if f), public=False)  # from NumPy 2.2 on
