"""Matrices of derivatives: one evaluation of the function, and then one walk for each row or column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..backward import fit
from ..errors import kind_of
from ..variable import Scalar, Variable, plain
from .evaluation import Evaluation, Function, check_use, derivative, places
from .forward import push_through
from .reverse import grad, vjp


def jacobian(f: Function, argnums: int = 0, mode: str | None = None) -> Function:
    """Return a function that computes all derivatives of an array-valued f: ``output.shape + argument.shape``.

    argnums: which positional argument (one). mode: "reverse" (one pull an output element), "forward" (one push an input
    element), or None for the cheaper. f runs once. The dtype is the argument's, in every mode. JAX: ``jax.jacobian``;
    PyTorch: ``torch.func.jacrev``.

    Raises TypeError when f returns anything but one array or number, and for an argument that is none.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _matrix("jacobian", f, argnums, mode)


def jacfwd(f: Function, argnums: int = 0) -> Function:
    """Return ``jacobian(f, argnums, mode="forward")``: cheaper where f has few inputs and many outputs. JAX's name.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacfwd(lambda t: np.stack([t, t * t, t**3]))(2.0)
    array([ 1.,  4., 12.])
    """
    return _matrix("jacfwd", f, argnums, "forward")


def jacrev(f: Function, argnums: int = 0) -> Function:
    """Return ``jacobian(f, argnums, mode="reverse")``: cheaper where f has many inputs and few outputs. JAX's name.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacrev(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _matrix("jacrev", f, argnums, "reverse")


def _matrix(who: str, f: Function, argnums: int, mode: str | None) -> Function:
    if mode not in (None, "reverse", "forward"):
        raise ValueError(f"{who}: mode must be 'reverse', 'forward' or None; got {mode!r}.")
    check_use(who, f, argnums)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not isinstance(argnums, int | np.integer):
            raise TypeError(f"jacobian and hessian take one argument number; got {argnums!r}. Call them once for each.")
        (i,) = places(argnums, len(args))
        x = args[i]
        if isinstance(x, list | tuple | dict):
            raise TypeError(
                f"{who} needs an array as argument {i}; got {type(x).__name__}. "
                "Choose one with argnums=, or stack them."
            )
        ours = Evaluation(f, args, (i,), kwargs)
        y = ours.out
        if not isinstance(plain(y), np.ndarray | float | int | np.generic):
            raise TypeError(f"{who} needs a function that returns one array; it returned {kind_of(y)}.")
        out, shape = np.shape(plain(y)), np.shape(plain(x))
        if "c" in (np.result_type(plain(x)).kind, np.result_type(plain(y)).kind):
            raise TypeError(
                f"{who} of complex numbers: take real and imaginary parts, as in lambda r, i: np.real(f(r + 1j * i)), "
                "or use ad.jvp, ad.vjp or grad(holomorphic=True)."
            )
        node = y.node if isinstance(y, Variable) else None
        ours.reach([] if node is None else [node])
        (argument,) = ours.leaves[0]
        if node is None:
            parts, axis = [], 0
        elif mode == "forward" or (mode is None and int(np.prod(out)) > int(np.prod(shape))):
            columns = (push_through(ours, [fit(e, argument.node)])[0].get(node) for e in _basis(shape))
            parts, axis = [derivative(c, y) for c in columns], -1
        else:
            parts, axis = [ours.pull({node: fit(e, node)})[0] for e in _basis(out)], 0
        return _assembled(parts, out + shape, axis, argument)

    return run


def _basis(shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for k in range(int(np.prod(shape))):
        e = np.zeros(shape)
        e.reshape(-1)[k] = 1.0
        yield e


def _assembled(parts: list[Any], shape: tuple[int, ...], axis: int, argument: Variable) -> Any:
    """Return the matrix of its rows or columns, in the dtype of the argument; a float when it is a single number of a
    float."""
    if not parts:
        return np.zeros(shape, argument.dtype) if shape or not isinstance(argument, Scalar) else 0.0
    made = parts[0] if not shape else np.reshape(np.stack(parts, axis=axis), shape)
    if not shape and isinstance(argument, Scalar) and not isinstance(made, Variable):
        return float(made)
    if np.result_type(plain(made)) == argument.dtype or isinstance(made, Scalar):
        return made
    return np.astype(made, argument.dtype)


def hessian(f: Function, argnums: int = 0) -> Function:
    """Return a function that computes all second derivatives of a single number: shape ``argument.shape * 2``.

    JAX: ``jax.hessian``; PyTorch: ``torch.func.hessian``.

    >>> import autodiff as ad, numpy as np
    >>> ad.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="reverse")


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the Hessian times a vector, without the Hessian: a tuple, one entry a primal; an array for one primal.

    Pearlmutter (1994), "Fast exact multiplication by the Hessian". PyTorch: ``torch.autograd.functional.hvp``.

    >>> import autodiff as ad, numpy as np
    >>> ad.hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list) or len(primals) != len(tangents):
        raise TypeError("hvp(f, primals, tangents) needs two sequences of equal length: hvp(f, (x,), (v,)).")
    for p, t in zip(primals, tangents, strict=True):
        if not isinstance(p, list | tuple | dict) and np.shape(plain(p)) != np.shape(plain(t)):
            raise ValueError(f"hvp: a tangent must have its primal's shape {np.shape(plain(p))}; got {kind_of(t)}.")
    _, pullback = vjp(grad(f, tuple(range(len(primals)))), *primals)
    result = pullback(tuple(tangents))
    return result[0] if len(primals) == 1 else result
