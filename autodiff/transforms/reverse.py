"""Reverse mode: gradients, and vector-Jacobian products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, wraps
from typing import Any

import numpy as np

from ..backward import conjugate, fit
from ..backward.nan_search import has_nan
from ..batching.handle import Batched, Frame, bare, bottom, frames_of, innermost, over_all, with_bottom
from ..batching.routes import over_examples
from ..batching.ways import positions
from ..errors import kind_of
from ..graph import Node
from ..modes import mode
from ..other_arrays import is_foreign, ones_like_value
from ..variable import Variable, plain
from .containers import flatten, flatten_as, map_leaves
from .evaluation import Evaluation, Function, check_use, for_node, kind_of_dtype, places, shape_of
from .many import can_batch, pull_many


def value_and_grad(
    f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Function:
    """Return a function that returns ``(f(*args), gradient)``, with has_aux ``((value, aux), gradient)``; see ``grad``.

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
        _check_complex(out, ours, holomorphic)
        node = out.node if isinstance(out, Variable) else None
        ours.reach([node] if node is not None else [])
        seeds = {}
        if node is not None:
            seeds[node] = 1.0 if node.shape is None else ones_like_value(node.shape, node.dtype, plain(out))
        gradients = ours.pull(seeds, release=not (ours.recorded or holomorphic))
        if holomorphic:
            gradients = _complex_derivatives(ours, seeds, gradients)
        value = ours.result(out)
        gradient = gradients[0] if isinstance(argnums, int | np.integer) else tuple(gradients)
        return ((value, ours.result(aux)) if has_aux else value), gradient

    return run


def _check_complex(out: Any, ours: Evaluation, holomorphic: bool) -> None:
    """Refuse a complex result without ``holomorphic``, and real values with it."""
    kinds = {kind_of_dtype(x) for x in (out, *[x for group in ours.leaves for x in group])}
    if holomorphic and kinds != {"c"}:
        raise TypeError(
            "grad(holomorphic=True) needs complex arguments and a complex result. Leave it out for a real result."
        )
    if not holomorphic and kind_of_dtype(out) == "c":
        raise TypeError(
            "grad needs a function that returns a real number; it returned a complex one. Write np.abs(y), np.real(y) "
            "or grad(f, holomorphic=True) for the complex derivative."
        )


def _complex_derivatives(ours: Evaluation, seeds: dict[Node, Any], gradients: list[Any]) -> list[Any]:
    """Return f'(z) from the gradients of the real part, which are its conjugate; refused where f is not holomorphic:
    the gradients of the imaginary part are then not 1j times those."""
    turned = ours.pull({node: -1j * seed for node, seed in seeds.items()}, release=not ours.recorded)
    for pair in zip(flatten(gradients)[0], flatten(turned)[0], strict=True):
        check_holomorphic("grad", *pair)
    return [map_leaves(conjugate, g) for g in gradients]


def check_holomorphic(who: str, along: Any, turned: Any) -> None:
    """Refuse derivatives along 1j that are not 1j times those along 1."""
    a, b = (plain(bottom(v)) for v in (along, turned))
    size = np.max(np.abs(a), initial=0.0) + np.max(np.abs(b), initial=0.0)
    if np.max(np.abs(b - 1j * a), initial=0.0) > 1e-3 * size:  # far above rounding
        raise TypeError(
            f"{who}(holomorphic=True): the function is not holomorphic here (it uses conj, real, imag or abs), so it "
            "has no complex derivative. Return real numbers instead, and leave holomorphic out."
        )


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """Return a function of the same arguments that computes the gradient of f, which returns a single number.

    argnums: which positional arguments (an int, or several for a tuple of gradients). has_aux: f returns ``(value,
    aux)`` and the result is ``(gradient, aux)``. A gradient has the shape and dtype of its argument, and its nesting.
    The gradient of a real number in a complex z is dL/dRe(z) + i dL/dIm(z), PyTorch's convention; ``jax.grad`` gives
    its conjugate. holomorphic: f maps complex numbers to a complex number and has a complex derivative, which is
    returned; TypeError where it has none.
    Raises TypeError for integers and for an f that returns more than one number.

    >>> import autodiff as ad, numpy as np
    >>> ad.grad(np.tanh)(0.5)
    0.786447732965927...
    >>> ad.grad(ad.grad(lambda x: x**3))(2.0)
    12.0
    >>> ad.grad(lambda z: np.abs(z) ** 2)(3.0 + 4.0j)
    array(6.+8.j)
    >>> ad.grad(lambda z: z**3, holomorphic=True)(2.0j)
    array(-12.+0.j)
    """
    check_use("grad", f, argnums)
    both = value_and_grad(f, argnums, has_aux, holomorphic)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return run


def _single(out: Any, who: str) -> None:
    number = isinstance(out, Variable | float | int | np.generic | np.ndarray) or is_foreign(out)
    if number and math.prod(shape_of(out)) == 1:
        return
    raise TypeError(
        f"{who} needs a function that returns a single number; it returned {kind_of(out)}. "
        "Sum it, or use ad.jacobian or ad.vjp."
    )


def vjp(f: Function, *primals: Any, **kwargs: Any) -> tuple[Any, Function]:
    """Return ``(f(*primals), pullback)``.

    pullback(cotangent) gives a tuple with the cotangent of each primal; call it as often as needed.

    The cotangent has the nesting and shapes of the output. ``ad.vmap(pullback)`` takes many at once, in one pass.

    >>> import autodiff as ad, numpy as np
    >>> y, pullback = ad.vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    if not callable(f):
        raise TypeError(f"vjp needs a function; got {kind_of(f)}. Write y, pullback = ad.vjp(f, x).")
    ours = Evaluation(f, primals, range(len(primals)), kwargs)
    outs, _ = flatten(ours.out)
    nodes = [y.node if isinstance(y, Variable) else None for y in outs]
    ours.reach([n for n in nodes if n is not None])

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        return _pull_back(ours, nodes, outs, cotangent)

    value = ours.result(ours.out)  # a copy: pullback may still read the array that the rules saved
    return map_leaves(lambda v: v.copy() if isinstance(v, np.ndarray) else v, value), pullback


def _pull_back(ours: Evaluation, nodes: list[Any], outs: list[Any], cotangent: Any) -> Any:
    """Return the cotangents of the primals. Not a nested function: one that calls itself is a reference cycle, which
    would keep the graph until the cyclic collector runs."""
    given = flatten_as(cotangent, ours.out, "the cotangent")
    frame = innermost(given)
    for y, c in zip(outs, given, strict=True):
        _check_shape(c, y)
    if frame is not None and frame not in ours.frames:  # ad.vmap(pullback): many cotangents, one graph
        found = _pull_batch(ours, nodes, outs, given, frame)
        if found is not None:
            return found
        return over_examples(frame, partial(_pull_back, ours, nodes, outs), (cotangent,), {})
    seeds: dict[Node, Any] = {}
    for node, y, c in zip(nodes, outs, given, strict=True):
        if node is not None:
            c = conjugate(fit(for_node(c, y), node))
            seeds[node] = c if node not in seeds else seeds[node] + c
    return tuple(ours.pull(seeds))


def _check_shape(c: Any, y: Any) -> None:
    if shape_of(c) != shape_of(y):
        raise ValueError(f"a cotangent must have its output's shape {shape_of(y)}; got {kind_of(c)}.")


def _pull_batch(ours: Evaluation, nodes: list[Any], outs: list[Any], given: list[Any], frame: Frame) -> Any:
    """Return the result of the pull-back for the cotangents of all examples of a frame, in one pass; None where they
    have to be taken one by one."""
    if not can_batch(ours.nodes, ours.recorded) or any([is_foreign(bare(bottom(y))) for y in outs]):
        return None
    seeds: dict[Node, Any] = {}
    for node, y, c in zip(nodes, outs, given, strict=True):
        if node is None:
            continue
        (c,), on = positions(frame, (c,))
        c = c if on[0] else np.broadcast_to(c, (frame.size, *shape_of(y)))
        # Frames of the value stand further out than this one; at the bottom the many cotangents come first.
        c = np.moveaxis(bottom(over_all(c, frames_of(y))), len(frames_of(y)), 0)
        c = conjugate(np.astype(c, node.dtype))
        seeds[node] = c if node not in seeds else seeds[node] + c
    with mode(floor=ours.floor), np.errstate(all="ignore"):
        found = pull_many(seeds, ours.nodes, ours.inner, ours.recorded, frame)
        if has_nan([bare(d) for d in found.values() if d is not None]):
            return None
        parts = []
        for group, rebuild in zip(ours.leaves, ours.rebuild, strict=True):
            made = []
            for x in group:
                lead, d = len(frames_of(x)), found.get(x.node)
                d = np.zeros((frame.size, *np.shape(bottom(x))), x.dtype) if d is None else conjugate(d)
                made.append(Batched(frame, with_bottom(x, np.moveaxis(d, 0, lead) if lead else d)))
            parts.append(rebuild(made))
    return tuple(parts)
