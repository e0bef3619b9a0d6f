"""Subjects made by this engine: a function's derivatives by `vjp` and `jvp`, and the derivative of its derivative.

It uses the engine only by its public names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject, leaves, name_of

__all__ = ["engine_subject", "gradient_subject", "plain"]


def plain(y: Any) -> Any:
    """Return a result with handles replaced by their arrays or numbers."""
    if isinstance(y, (tuple, list)):
        return tuple(plain(a) for a in y)
    return y.data if isinstance(y, ad.Variable) else y


def engine_subject(
    f: Callable[..., Any],
    modes: tuple[str, ...] = ("reverse", "forward"),
    order: int = 1,
    name: str | None = None,
    value: Callable[..., Any] | None = None,
) -> Subject:
    """Return the subject of a function of this engine.

    Args:
        f: takes arrays or Tensors and records with NumPy functions, `ad` functions or methods.
        modes: which derivatives to check.
        order: 2 adds the derivative of the gradient.
        value: a plain NumPy version of f; by default f itself is run on constants.
    """

    shown = name or name_of(f)

    def flat(*args: Any, **kwargs: Any) -> Any:
        """Return the outputs without their containers: one value, or a tuple of several."""
        y = f(*args, **kwargs)
        return y if not isinstance(y, (tuple, list, dict)) else tuple(leaves(y))

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        with ad.no_grad(), np.errstate(all="ignore"):
            handles = [ad.tensor(a, requires_grad=False, copy=False) if _floating(a) else a for a in args]
            return plain(flat(*handles, **kwargs))

    def bound(case: Case) -> Callable[..., Any]:
        return lambda *xs: flat(*case.moved(xs).args, **case.kwargs)

    def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
        y, pullback = ad.vjp(bound(case), *case.xs)
        many = isinstance(y, (tuple, list))
        gs = [np.asarray(w).astype(np.asarray(q).dtype, copy=False) for w, q in zip(ws, y if many else (y,))]
        return pullback(type(y)(gs) if many else gs[0])

    def forward(case: Case, vs: Arrays) -> Sequence[Any]:
        t = ad.jvp(bound(case), tuple(case.xs), tuple(vs))[1]
        return t if isinstance(t, (tuple, list)) else [t]

    subject = Subject(
        shown,
        value or evaluate,
        reverse if "reverse" in modes else None,
        forward if "forward" in modes else None,
    )
    subject.extras.update(engine=True, recorded=flat)
    if order == 2:
        subject.extras["gradient"] = lambda case, count: gradient_subject(flat, case, count, modes, subject.name)
    return subject


def _floating(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind in "fc"


def gradient_subject(f: Callable[..., Any], case: Case, count: int, modes: tuple[str, ...], name: str) -> Subject:
    """Return the map (arguments, cotangents) -> gradients of f, itself to be differentiated.

    Args:
        case: fixes which arguments are differentiated.
        count: how many cotangents follow the arguments.
    """

    def gradients(*args: Any, **kwargs: Any) -> Any:
        inputs, ws = list(args[:-count]), args[-count:]

        def of(*xs: Any) -> Any:
            for i, x in zip(case.wrt, xs, strict=True):
                inputs[i] = x
            return f(*inputs, **kwargs)

        y, pullback = ad.vjp(of, *[inputs[i] for i in case.wrt])
        return tuple(pullback(type(y)(ws) if isinstance(y, (tuple, list)) else ws[0]))

    derived = engine_subject(
        gradients, modes, 1, f"gradient of {name}", value=lambda *a, **k: plain(gradients(*a, **k))
    )
    derived.extras["cotangents"] = count
    return derived
