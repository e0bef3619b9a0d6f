"""The row of einsum. The subscripts are made explicit once, without ellipses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...batching import ways
from ...errors import missing_argument
from ...other_arrays import beside, ones_like_value
from ...registry import composite, op
from ...variable import plain


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


def _sum_of_products(subscripts: str, xs: Any, optimize: Any) -> Any:
    """Return the sum; a large one through products of matrices: ten times as fast as NumPy's loop, its default."""
    if optimize is False and len(xs) > 1:
        letters = subscripts.partition("->")[0].replace(",", "")
        sizes = dict(zip(letters, [n for x in xs for n in np.shape(x)], strict=True))
        optimize = math.prod(sizes.values()) >= 32768 and not any([getattr(x, "dtype", None) == np.float16 for x in xs])
    return np.einsum(subscripts, *xs, optimize=optimize)


def _einsum(*xs: Any, subscripts: str = "", optimize: Any = False) -> Any:
    return _sum_of_products(subscripts, xs, optimize)


def _einsum_vjp(g: Any, i: int, xs: tuple[Any, ...], subscripts: str, optimize: Any) -> Any:
    """Return the same sum with operand i and the output exchanged; indices of no other operand are spread by ones."""
    left, _, out = subscripts.partition("->")
    terms = left.split(",")
    mine, others = terms[i], [(s, x) for j, (s, x) in enumerate(zip(terms, xs, strict=True)) if j != i]
    shape = np.shape(xs[i])
    unique = "".join(dict.fromkeys(mine))
    known = set(out).union(*[s for s, _ in others])
    like, of = xs[i].dtype, plain(xs[i])
    spread = [(c, ones_like_value(shape[mine.index(c)], like, of)) for c in unique if c not in known]
    names, values = zip((out, g), *others, *spread, strict=True)
    d = _sum_of_products(f"{','.join(names)}->{unique}", values, optimize)
    if len(unique) == len(mine):
        return d
    free = iter(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in subscripts)
    target, eyes = "", []
    for k, c in enumerate(mine):  # a repeated index picks the diagonal: its cotangent goes back onto it
        if c in mine[:k]:
            new = next(free)
            eyes.append((c + new, beside(np.eye(shape[k], dtype=like), of)))
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
    and Ellipsis, and last, perhaps, the list of the output. optimize: as in NumPy, but a sum of more than 32,768
    products always goes through products of matrices. Raises ValueError when they do not fit the operands.

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


composite(einsum, numpy=(np.einsum,))
