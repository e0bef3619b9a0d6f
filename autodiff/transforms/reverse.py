"""Reverse mode: gradients, and vector-Jacobian products."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..backward import fit
from ..errors import kind_of
from ..graph import Node
from ..variable import Variable, plain
from .containers import flatten, flatten_as, map_leaves
from .evaluation import Evaluation, Function, check_use, places


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns ``(f(*args), gradient)``; see ``grad``. With has_aux: ``((value, aux), gradient)``.

    >>> import autodiff as ad, numpy as np
    >>> ad.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (array(5.), array([2., 4.]))
    """
    check_use("value_and_grad", f, argnums)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        ours = Evaluation(f, args, places(argnums, len(args)), kwargs)
        if has_aux and not (isinstance(ours.out, tuple) and len(ours.out) == 2):
            raise TypeError(
                f"has_aux=True needs a function that returns (value, aux); it returned {kind_of(ours.out)}."
            )
        out, aux = ours.out if has_aux else (ours.out, None)
        _single(out, "grad")
        node = out.node if isinstance(out, Variable) else None
        ours.reach([node] if node is not None else [])
        seeds = {} if node is None else {node: 1.0 if node.shape is None else np.ones(node.shape, node.dtype)}
        gradients = ours.pull(seeds, release=not ours.recorded)
        value = ours.result(out)
        gradient = gradients[0] if isinstance(argnums, int | np.integer) else tuple(gradients)
        return ((value, ours.result(aux)) if has_aux else value), gradient

    return run


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns a single number, as a function of the same arguments.

    argnums: which positional arguments (an int, or several for a tuple of gradients). has_aux: f returns ``(value,
    aux)`` and the answer is ``(gradient, aux)``. A gradient has the shape and dtype of its argument, and its nesting.
    Complex arguments are not differentiated yet (and would follow PyTorch's convention, the conjugate of JAX's).
    Raises TypeError for integers and for an f that returns more than one number.

    >>> import autodiff as ad, numpy as np
    >>> ad.grad(np.tanh)(0.5)
    0.786447732965927...
    >>> ad.grad(ad.grad(lambda x: x**3))(2.0)
    12.0
    """
    check_use("grad", f, argnums)
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return run


def _single(out: Any, who: str) -> None:
    if isinstance(out, Variable | float | int | np.generic | np.ndarray) and np.size(getattr(out, "_data", out)) == 1:
        return
    raise TypeError(
        f"{who} needs a function that returns a single number; it returned {kind_of(out)}. "
        "Sum it, or use ad.jacobian or ad.vjp."
    )


def vjp(f: Function, *primals: Any, **kwargs: Any) -> tuple[Any, Function]:
    """``(f(*primals), pullback)``: pullback(cotangent) gives a tuple with the cotangent of each primal; call it as
    often as needed.

    The cotangent has the nesting and shapes of the output.

    >>> import autodiff as ad, numpy as np
    >>> y, pullback = ad.vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    ours = Evaluation(f, primals, range(len(primals)), kwargs)
    outs, _ = flatten(ours.out)
    nodes = [y.node if isinstance(y, Variable) else None for y in outs]
    ours.reach([n for n in nodes if n is not None])

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        given = flatten_as(cotangent, ours.out, "the cotangent")
        seeds: dict[Node, Any] = {}
        for node, y, c in zip(nodes, outs, given, strict=True):
            if np.shape(plain(c)) != np.shape(plain(y)):
                raise ValueError(f"a cotangent must have its output's shape {np.shape(plain(y))}; got {kind_of(c)}.")
            if node is not None:
                c = fit(c if isinstance(c, Variable) else np.asarray(c), node)
                seeds[node] = c if node not in seeds else seeds[node] + c
        return tuple(ours.pull(seeds))

    value = ours.result(ours.out)  # a copy: pullback may still read the array that the rules saved
    return map_leaves(lambda v: v.copy() if isinstance(v, np.ndarray) else v, value), pullback
