"""Matrices of derivatives: one evaluation of the function, and then one pass for many rows or columns at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..backward import conjugate, fit
from ..backward.nan_search import has_nan
from ..batching.handle import Frame, bare, bottom, frames_of, with_bottom
from ..errors import kind_of
from ..modes import mode
from ..other_arrays import beside, is_foreign, zeros
from ..variable import Scalar, Variable
from .evaluation import Evaluation, Function, check_use, derivative, kind_of_dtype, places, shape_of
from .forward import push_through, refuse_free
from .many import can_batch, pull_many, push_many
from .reverse import check_holomorphic, grad, vjp

_ELEMENTS = 1 << 20  # of the largest value in a pass for many cotangents


def jacobian(
    f: Function, argnums: int = 0, mode: str | None = None, chunk: int | None = None, holomorphic: bool = False
) -> Function:
    """Return a function that computes all derivatives of an array-valued f: ``output.shape + argument.shape``.

    argnums: which positional argument (one). mode: "reverse" (a pull for each output element), "forward" (a push for
    each input element), or None for the cheaper. f runs once, and one pass does ``chunk`` pulls or pushes at once: by
    default, as many as keep the largest value of the pass within 8 MB. The dtype is the argument's, in every mode.
    holomorphic: f maps complex numbers to complex numbers and has complex derivatives, which are returned. JAX:
    ``jax.jacobian``; PyTorch: ``torch.func.jacrev``.

    Raises TypeError when f returns anything but one array or number, for an argument that is none, for complex numbers
    without holomorphic, and with it where f has no complex derivative.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    >>> ad.jacobian(lambda z: z**3, holomorphic=True)(np.array([1.0j, 2.0])).round(12) + 0
    array([[-3.+0.j,  0.+0.j],
           [ 0.+0.j, 12.+0.j]])
    """
    return _matrix("jacobian", f, argnums, mode, chunk, holomorphic)


def jacfwd(f: Function, argnums: int = 0, holomorphic: bool = False) -> Function:
    """Return ``jacobian(f, argnums, mode="forward")``: cheaper where f has few inputs and many outputs. JAX's name.

    holomorphic: as in ``jacobian``.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacfwd(lambda t: np.stack([t, t * t, t**3]))(2.0)
    array([ 1.,  4., 12.])
    """
    return _matrix("jacfwd", f, argnums, "forward", holomorphic=holomorphic)


def jacrev(f: Function, argnums: int = 0, holomorphic: bool = False) -> Function:
    """Return ``jacobian(f, argnums, mode="reverse")``: cheaper where f has many inputs and few outputs. JAX's name.

    holomorphic: as in ``jacobian``.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacrev(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _matrix("jacrev", f, argnums, "reverse", holomorphic=holomorphic)


def _matrix(
    who: str, f: Function, argnums: int, by: str | None, chunk: int | None = None, holomorphic: bool = False
) -> Function:
    if chunk is not None and (isinstance(chunk, bool) or not isinstance(chunk, int | np.integer) or chunk < 1):
        raise ValueError(f"{who}: chunk must be a whole number from 1 on, or None; got {chunk!r}.")
    if by not in (None, "reverse", "forward"):
        raise ValueError(f"{who}: mode must be 'reverse', 'forward' or None; got {by!r}.")
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
        if not isinstance(y, Variable | np.ndarray | float | int | np.generic) and not is_foreign(y):
            raise TypeError(f"{who} needs a function that returns one array; it returned {kind_of(y)}.")
        kinds = {kind_of_dtype(x), kind_of_dtype(y)}
        if holomorphic and kinds != {"c"}:
            raise TypeError(
                f"{who}(holomorphic=True) needs a complex argument and a complex result. Leave it out for real ones."
            )
        if not holomorphic and "c" in kinds:
            raise TypeError(
                f"{who} of complex numbers: write {who}(f, holomorphic=True) where f has a complex derivative, or take "
                "real and imaginary parts, as in lambda r, i: np.real(f(r + 1j * i)), or use ad.jvp or ad.vjp."
            )
        made = _Matrix(ours, y, by, chunk).made()
        if holomorphic:
            check_holomorphic(who, made, _Matrix(ours, y, by, chunk, turn=1j).made())
        return made

    return run


class _Matrix:
    """The derivatives of one value in one argument of an evaluation. Inside ``vmap`` both are those of all examples,
    whose axes come first. turn: a factor of every cotangent or tangent, 1j for the derivatives along it.
    """

    def __init__(self, ours: Evaluation, y: Any, by: str | None, chunk: int | None, turn: complex = 1.0) -> None:
        self.ours, self.y, self.turn = ours, y, turn
        ((self.argument,),) = ours.leaves
        self.node: Any = y.node if isinstance(y, Variable) else None
        ours.reach([] if self.node is None else [self.node])
        self.out, self.shape = shape_of(y), self.argument.shape
        self.lead = np.shape(bottom(self.argument))[: len(frames_of(self.argument))]
        self.forward = by == "forward" or (by is None and math.prod(self.out) > math.prod(self.shape))
        self.count = math.prod(self.shape if self.forward else self.out)
        largest = max([math.prod(n.shape or ()) for n in ours.nodes], default=1)
        self.chunk = chunk or max(1, _ELEMENTS // max(largest, 1))

    def made(self) -> Any:
        """Return the matrix in the dtype of the argument; a float when it is a single number of a float."""
        argument, shape = self.argument, (*self.lead, *self.out, *self.shape)
        if self.node not in self.ours.nodes or not self.count:
            zero = zeros(shape, argument.dtype, bare(bottom(argument)))
            return with_bottom(argument, zero) if shape or not isinstance(argument, Scalar) else 0.0
        if self.forward:
            refuse_free(self.ours, [self.node])
        other = next((v for v in (bare(bottom(argument)), bare(bottom(self.y))) if is_foreign(v)), None)
        at_once = self.count > 1 and other is None and can_batch(self.ours.nodes, self.ours.recorded)
        parts = self.in_one_pass() if at_once else None
        if parts is None:
            each = [self.alone(beside(e, other)) for e in self.basis(1)]
            parts = each[0] if not shape else np.stack(each, axis=-1 if self.forward else len(self.lead))
        made = np.reshape(parts, shape) if shape else parts
        if not shape and isinstance(argument, Scalar) and not isinstance(made, Variable):
            return float(made)
        if not isinstance(made, Scalar) and made.dtype != argument.dtype:
            made = np.astype(made, argument.dtype)
        return with_bottom(argument, made)

    def basis(self, chunk: int) -> Iterator[np.ndarray]:
        """Yield cotangents or tangents with a 1 in one place each, many at once: (chunk, *shape)."""
        for start in range(0, self.count, chunk):
            some = np.eye(min(chunk, self.count - start), self.count, start) * self.turn
            some = np.reshape(some, (len(some), *(1,) * len(self.lead), *(self.shape if self.forward else self.out)))
            yield np.broadcast_to(some, (len(some), *self.lead, *some.shape[1 + len(self.lead) :]))

    def alone(self, e: Any) -> Any:
        """Return one column or row."""
        if self.forward:
            found = push_through(self.ours, [fit(e[0], self.argument.node)])[0].get(self.node)
            return derivative(found, bottom(self.y))
        return conjugate(bottom(self.ours.pull({self.node: fit(e[0], self.node)})[0]))  # pull gives gradients

    def in_one_pass(self) -> Any:
        """Return all rows or columns, from a pass for each chunk; None where a NaN has arrived: the caller then takes
        one cotangent at a time, with the checks of ``reach``."""
        ours, parts = self.ours, []
        with mode(floor=ours.floor), np.errstate(all="ignore"):
            for some in self.basis(self.chunk):
                frame = Frame(len(some), "jacobian", 0)
                if self.forward:
                    start = {self.argument.node: np.astype(some, self.argument.dtype)}
                    found = push_many(start, ours.nodes, self.node, ours.recorded, frame)
                else:
                    seed = {self.node: np.astype(some, self.node.dtype)}
                    found = pull_many(seed, ours.nodes, ours.inner, ours.recorded, frame)[self.argument.node]
                if found is None:
                    found = np.zeros((len(some), *self.lead, *(self.out if self.forward else self.shape)))
                if has_nan([bare(found)]):
                    return None
                parts.append(found)
            made = parts[0] if len(parts) == 1 else np.concatenate(parts)
            return np.moveaxis(made, 0, -1 if self.forward else len(self.lead))


def hessian(f: Function, argnums: int = 0, chunk: int | None = None, holomorphic: bool = False) -> Function:
    """Return a function that computes all second derivatives of a single number: shape ``argument.shape * 2``.

    chunk: how many rows one pass computes, as in ``jacobian``. holomorphic: as there. JAX: ``jax.hessian``; PyTorch:
    ``torch.func.hessian``.

    >>> import autodiff as ad, numpy as np
    >>> ad.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(f, argnums, holomorphic=holomorphic), argnums, "reverse", chunk, holomorphic)


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
        if not isinstance(p, list | tuple | dict) and shape_of(p) != shape_of(t):
            raise ValueError(f"hvp: a tangent must have its primal's shape {shape_of(p)}; got {kind_of(t)}.")
    _, pullback = vjp(grad(f, tuple(range(len(primals)))), *primals)
    result = pullback(tuple(tangents))
    return result[0] if len(primals) == 1 else result
