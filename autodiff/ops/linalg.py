"""Rows of linear algebra: matmul, einsum, solve, inv; and dot, outer, tensordot, norm made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..batching import ways
from ..errors import missing_argument
from ..registry import composite, op
from ..registry.singular_points import Convention, Point
from ..variable import plain
from .activations import sum_dtype
from .complex_numbers import conj
from .elementwise import INF, NAN


def t(a: Any) -> Any:
    """Return the last two axes swapped; ``.T`` is ten times cheaper than swapaxes where it will do."""
    return a.T if a.ndim == 2 else np.swapaxes(a, -1, -2)


def _matmul_vjp_a(g: Any, b: Any, a_shape: tuple[int, ...]) -> Any:
    if b.ndim == 1:
        return g * b if len(a_shape) == 1 else np.expand_dims(g, -1) * b
    if len(a_shape) == 1:
        return np.squeeze(b @ np.expand_dims(g, -1), -1)
    return g @ t(b)


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
    """Return the same sum with operand i and the output changing places; indices seen nowhere else are spread by
    ones."""
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


solve = op(
    np.linalg.solve,
    name="solve",
    batch=ways.solved,
    inputs="a b",
    public=False,
    numpy=(np.linalg.solve,),
    vjp=(_solve_vjp_a, lambda g, a, b_shape: _transposed_solve(a, g, b_shape)),
    samples=(
        (((3, 3), (3,)), {}),
        (((3, 3), (3, 2)), {}),
        (((2, 2, 2), (2, 2, 1)), {}),
        (((2, 2, 2), (2,)), {}),
        (((3, 2, 2), (2,)), {}),
    ),
    draw=lambda rng, a, b: (_invertible(rng, a), rng.normal(size=b)),
    doc="Return x with ``a @ x = b``; a: (..., n, n), b: (n,) or (..., n, k).",
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


# ---- norms
def _largest(x: Any, axis: Any) -> Any:
    """The largest element; 0 of none. x is no less than 0."""
    more: dict[str, Any] = {} if x.size else {"initial": 0.0}
    return np.max(x, axis=axis, keepdims=True, **more)


def _norm2(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    with np.errstate(over="ignore", under="ignore"):
        top = _largest(np.abs(x), axis)
        safe = np.where((top == 0) | ~np.isfinite(top), 1.0, top).astype(top.dtype)
        part = x / safe
        square = np.square(part) if part.dtype.kind != "c" else np.real(part * np.conjugate(part))
        total = np.sum(square, axis=axis, keepdims=True, dtype=sum_dtype(x))
        y = (safe * np.sqrt(total)).astype(safe.dtype)
    return y if keepdims else np.squeeze(y, axis=axis) if axis is not None else np.reshape(y, ())


def _norm2_vjp(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    from .reduce import back, settled_along

    at = y == 0
    return back(g / np.where(at, 1.0, y), axis, keepdims) * settled_along(conj(x), back(at, axis, keepdims), axis)


norm2 = op(
    _norm2,
    name="norm2",
    batch=ways.reduced,
    symbol="‖·‖",
    public=False,
    vjp=_norm2_vjp,
    kink=lambda x, **k: _norm2(x, **k),
    convention=Convention(lambda y: y == 0, "the norm is 0", "0", "Square it: np.sum(x * x) has a derivative there."),
    samples=((((3, 4),), {}), (((3, 4),), {"axis": 0}), (((2, 3, 2),), {"axis": (0, 2), "keepdims": True})),
    reference=lambda x, axis=None, keepdims=False: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
    doc="Euclidean norm over axes, scaled against overflow; derivative 0 where it is 0 (the least subgradient).",
    complex=True,
)


def _normp(x: Any, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    with np.errstate(all="ignore"):
        a = np.abs(x)
        top = _largest(a, axis) if ord > 0 else np.min(a, axis=axis, keepdims=True)
        safe = np.where((top == 0) | ~np.isfinite(top), 1.0, top).astype(np.result_type(x))
        y = safe * np.sum((a / safe) ** ord, axis=axis, keepdims=True, dtype=sum_dtype(x)) ** (1.0 / ord)
        y = y.astype(safe.dtype)
    return y if keepdims else np.squeeze(y, axis=axis) if axis is not None else np.reshape(y, ())


def _normp_vjp(g: Any, y: Any, x: Any, ord: float, axis: Any, keepdims: bool) -> Any:
    """sign(x) (|x| / y)^(p - 1). At x = 0 below p = 1 it is inf, as the derivative of |x|^p from the right."""
    from .reduce import back, settled_along

    at, y = back(y == 0, axis, keepdims), back(y, axis, keepdims)
    ratio = settled_along(np.abs(x), at, axis) / np.where(at, 1.0, y)
    power = ratio ** (ord - 1.0) if ord > 1 else np.where(at, 0.0, ratio ** (ord - 1.0))
    sign = np.where(np.equal(x, 0) & (0 < ord < 1), 1.0, np.sign(x))
    return back(g, axis, keepdims) * (power * sign)


normp = op(
    _normp,
    name="normp",
    batch=ways.reduced,
    symbol="‖·‖",
    public=False,
    vjp=_normp_vjp,
    singular=True,
    domain=(0.1, math.inf),
    kink=lambda x, **_: np.abs(x),
    samples=((((3, 4),), {"ord": 3}), (((3, 4),), {"ord": 1.5, "axis": 0}), (((2, 3),), {"ord": 0.5, "axis": 1})),
    convention=Convention(lambda y: y == 0, "the norm is 0", "0", "Use np.sum(np.abs(x) ** p)."),
    doc="(sum |x|^ord)^(1/ord) over axes, scaled against overflow; derivative 0 where it is 0.",
)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return a norm of vectors or of matrices (``np.linalg.norm``).

    ord: 1, 2, inf, -inf or any p for vectors; 'fro', 'nuc', 1, -1, 2, -2, inf, -inf for matrices.

    x: any shape. The derivative where the norm is 0 is 0.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([3.0, 4.0])
    >>> np.linalg.norm(x).backward(); x.grad
    array([0.6, 0.8])
    """
    if isinstance(axis, tuple) and len(axis) > 2:
        raise ValueError(f"norm: axis must name one or two axes; got {axis}. For more write np.linalg.vector_norm.")
    matrix = (axis is None and np.ndim(x) == 2) or (isinstance(axis, tuple) and len(axis) == 2)
    if isinstance(ord, str) and not (matrix and ord in ("fro", "nuc")):
        raise ValueError(f"norm(ord={ord!r}) is no norm of a {'matrix' if matrix else 'vector'}.")
    if ord is None or (matrix and ord == "fro") or (not matrix and ord == 2):
        return norm2(x, axis=axis, keepdims=keepdims)
    a = np.abs(x)
    if matrix:
        rows, columns = axis if axis is not None else (0, 1)
        if ord in (1, np.inf, -1, -np.inf):
            over, then = (rows, columns) if abs(ord) == 1 else (columns, rows)
            sums = np.sum(a, axis=over, keepdims=True)
            y = (np.max if ord > 0 else np.min)(sums, axis=then, keepdims=True)
            return y if keepdims else np.squeeze(y, axis=(rows, columns))
        if ord not in (2, -2, "nuc"):
            raise ValueError(f"norm: ord={ord!r} is no norm of matrices; write 'fro', 'nuc', ±1, ±2 or ±inf.")
        s = np.linalg.svdvals(np.moveaxis(x, (rows, columns), (-2, -1)))
        y = np.sum(s, axis=-1) if ord == "nuc" else (np.max if ord == 2 else np.min)(s, axis=-1)
        return np.expand_dims(y, (rows % np.ndim(x), columns % np.ndim(x))) if keepdims else y
    if axis is None and np.ndim(x) > 2:
        raise ValueError(f"norm(ord={ord!r}) needs one or two axes; got shape {np.shape(x)}. Name them with axis=.")
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(a, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.asarray(np.sum(a != 0, axis=axis, keepdims=keepdims), dtype=a.dtype)
    if ord == 1:
        return np.sum(a, axis=axis, keepdims=keepdims)
    return normp(a if np.iscomplexobj(plain(x)) else x, ord=float(ord), axis=axis, keepdims=keepdims)


def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of the elements along any number of axes as one vector (``np.linalg.vector_norm``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[3.0, -4.0]])
    >>> np.linalg.vector_norm(x, ord=1).backward(); x.grad
    array([[ 1., -1.]])
    """
    n = np.ndim(x)
    axes = tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)
    if ord == 2 or len(axes) < 2:
        return norm2(x, axis=axes, keepdims=keepdims) if ord == 2 else norm(x, ord, axes, keepdims)
    shape, rest = np.shape(x), tuple([i for i in range(n) if i not in axes])
    rows = tuple([shape[i] for i in rest])
    y = norm(np.reshape(np.transpose(x, rest + axes), (*rows, math.prod([shape[i] for i in axes]))), ord, -1)
    return np.reshape(y, tuple([1 if i in axes else shape[i] for i in range(n)])) if keepdims else y


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return the norm of the matrices in the last two axes (``np.linalg.matrix_norm``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> np.linalg.matrix_norm(x, ord="nuc").backward(); x.grad + 0
    array([[1., 0.],
           [0., 1.]])
    """
    return norm(x, ord, (-2, -1), keepdims)


for _fn in (dot, inner, vdot, outer, vecdot, tensordot, einsum):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), method=_fn is dot)
for _name, _product in (("matvec", matvec), ("vecmat", vecmat)):
    composite(_product, numpy=tuple(f for f in (getattr(np, _name, None),) if f), public=False)  # from NumPy 2.2 on
composite(
    norm,
    numpy=(np.linalg.norm,),
    public=False,
    points=(
        Point(([0.0, 0.0],), ([0.0, 0.0],), "convention", [NAN, NAN]),
        Point(([[0.0, 0.0], [3.0, 4.0]],), ([[0.0, 0.0], [0.6, 0.8]],), "convention", static={"axis": 1}),
        Point(([0.0, 0.0],), ([0.0, 0.0],), "convention", [NAN, NAN], {"ord": 3}),
        Point(([0.0, -1.0],), ([0.0, -1.0],), "convention", [0.0, 0.0], {"ord": 1}),
        Point(([1.0, -1.0],), ([0.5, -0.5],), "shared", [0.0, 0.0], {"ord": INF}),
        Point(([0.0, 4.0, 9.0],), ([INF, 2.5, 5.0 / 3.0],), "infinite", static={"ord": 0.5}),
        Point(([0.0, 1.0],), ([0.0, 1.0],), "limit", static={"ord": 3}),
        Point(([[3.0, 0.0], [0.0, 3.0]],), ([[1.0, 0.0], [0.0, 1.0]],), "limit", static={"ord": "nuc"}),
        Point(([[3.0, 0.0], [0.0, 3.0]],), ([[0.5, 0.0], [0.0, 0.5]],), "shared", static={"ord": 2}),
    ),
)
composite(matrix_norm, numpy=(np.linalg.matrix_norm,), public=False)
composite(vector_norm, numpy=(np.linalg.vector_norm,), public=False)
