"""Rules of other libraries, checked by the same properties: PyTorch, JAX, HIPS autograd, or any bare pair.

`check_derivatives(from_torch(f), strategy)` checks f's backward (and double backward with order=2) on plain arrays.
Each adapter imports its library when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject, name_of, pair_subject

__all__ = ["Adapted", "from_autograd", "from_jax", "from_pair", "from_torch", "subject_of"]


class Adapted:
    """A function of NumPy arrays together with the derivatives another library gives it."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        build: Callable[[tuple[str, ...], int], Subject],
        made_by: tuple[Any, ...] = (),
    ) -> None:
        """Keep the parts. made_by: the name of the public function that made it, and its arguments."""
        self.__name__, self.made_by = name, made_by
        self._function, self._build = function, build

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def subject(self, modes: tuple[str, ...] = ("reverse", "forward"), order: int = 1) -> Subject:
        """Return the subject that the checks use."""
        return self._build(modes, order)


def subject_of(f: Callable[..., Any], modes: tuple[str, ...] = ("reverse", "forward"), order: int = 1) -> Subject:
    """Return the subject of an adapted function, or of a function under this engine."""
    if isinstance(f, Adapted):
        return f.subject(modes, order)
    from autodiff.testing.subjects.this_engine import engine_subject

    return engine_subject(f, modes, order)


def from_pair(f: Callable[..., Any], vjp: Callable[..., Any], name: str | None = None) -> Adapted:
    """Wrap a bare function and its rule(g, y, *arrays, **kwargs) -> tuple of cotangents for a check.

    >>> from autodiff.testing import check_derivatives
    >>> pair = from_pair(np.exp, lambda g, y, x: (g * y,))
    >>> check_derivatives(pair, np.array([0.0, 1.0])).ok
    True
    """
    return Adapted(name or name_of(f), f, lambda modes, order: pair_subject(f, vjp, name), ("from_pair", f, vjp))


def _many(y: Any) -> bool:
    return isinstance(y, (tuple, list))


def _listed(y: Any) -> list[Any]:
    return list(y) if _many(y) else [y]


def from_torch(f: Callable[..., Any], name: str | None = None) -> Adapted:
    """Wrap a PyTorch function, module or `torch.autograd.Function` (its `apply` is found) for a check.

    Args:
        f: takes and returns torch Tensors.
    """
    import torch

    a_function = isinstance(f, type) and issubclass(f, torch.autograd.Function)
    call: Callable[..., Any] = getattr(f, "apply") if a_function else f  # noqa: B009 (a name that mypy cannot find)
    shown = name or name_of(f)

    def tensor(a: Any) -> Any:
        return torch.from_numpy(np.array(a)) if isinstance(a, np.ndarray) else a

    def array(t: Any) -> Any:
        return t.detach().resolve_conj().numpy()

    def value(*args: Any, **kwargs: Any) -> Any:
        with torch.no_grad():
            y: Any = call(*[tensor(a) for a in args], **kwargs)
        return tuple(array(q) for q in y) if _many(y) else array(y)

    def graph(case: Case) -> tuple[list[Any], list[Any]]:
        args = [tensor(a) for a in case.args]
        xs = [args[i].requires_grad_() for i in case.wrt]
        return xs, _listed(call(*args, **case.kwargs))

    def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
        xs, ys = graph(case)
        pairs = [(y, torch.from_numpy(np.array(w)).to(y.dtype)) for y, w in zip(ys, ws) if y.requires_grad]
        if not pairs:
            return [None] * len(xs)
        gs = torch.autograd.grad([y for y, _ in pairs], xs, [w for _, w in pairs], allow_unused=True)
        return [None if g is None else array(g) for g in gs]

    def gradients(case: Case, count: int) -> Subject:
        def double(*args: Any, **kwargs: Any) -> Any:
            args, ws = args[:-count], args[-count:]
            xs = [args[i] for i in case.wrt]
            with torch.enable_grad():
                xs = [x if x.requires_grad else x.requires_grad_() for x in xs]
                ys = _listed(call(*args, **kwargs))
                gs = torch.autograd.grad(ys, xs, ws, create_graph=True, allow_unused=True)
            return tuple(x * 0 if g is None else g for g, x in zip(gs, xs))

        def plain(*args: Any, **kwargs: Any) -> Any:
            return tuple(array(g) for g in double(*[tensor(a) for a in args], **kwargs))

        derived = from_torch(double, f"gradient of {shown}").subject()
        derived.function = plain
        return derived

    def build(modes: tuple[str, ...], order: int) -> Subject:
        subject = Subject(shown, value, reverse if "reverse" in modes else None)
        if order == 2:
            subject.extras["gradient"] = gradients
        return subject

    return Adapted(shown, value, build, ("from_torch", f))


def from_jax(f: Callable[..., Any], name: str | None = None) -> Adapted:
    """Wrap a JAX function (also one with `jax.custom_vjp`) for a check, which runs with 64-bit numbers enabled.

    Args:
        f: takes and returns JAX arrays.
    """
    import jax

    shown = name or name_of(f)

    def wide(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            before = jax.config.read("jax_enable_x64")
            jax.config.update("jax_enable_x64", True)
            try:
                return work(*args, **kwargs)
            finally:
                jax.config.update("jax_enable_x64", before)

        return run

    @wide
    def value(*args: Any, **kwargs: Any) -> Any:
        y = f(*args, **kwargs)
        return tuple(np.asarray(q) for q in y) if _many(y) else np.asarray(y)

    def of(case: Case) -> Callable[..., Any]:
        return lambda *xs: f(*case.moved(xs).args, **case.kwargs)

    @wide
    def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
        y, pullback = jax.vjp(of(case), *[jax.numpy.asarray(x) for x in case.xs])
        # JAX pulls plain transposes back, this package conjugate ones: conjugate on both sides
        gs = [jax.numpy.asarray(np.conj(w)).astype(q.dtype) for w, q in zip(ws, _listed(y))]
        return [np.conj(np.asarray(g)) for g in pullback(type(y)(gs) if _many(y) else gs[0])]

    @wide
    def forward(case: Case, vs: Arrays) -> Sequence[Any]:
        xs = [jax.numpy.asarray(x) for x in case.xs]
        return [
            np.asarray(t) for t in _listed(jax.jvp(of(case), tuple(xs), tuple(jax.numpy.asarray(v) for v in vs))[1])
        ]

    def gradients(case: Case, count: int) -> Subject:
        def double(*args: Any, **kwargs: Any) -> Any:
            inputs, ws = list(args[:-count]), args[-count:]

            def inner(*xs: Any) -> Any:
                for i, x in zip(case.wrt, xs, strict=True):
                    inputs[i] = x
                return f(*inputs, **kwargs)

            y, pullback = jax.vjp(inner, *[inputs[i] for i in case.wrt])
            return tuple(pullback(type(y)(ws) if _many(y) else ws[0]))

        return from_jax(double, f"gradient of {shown}").subject(("reverse",))

    def build(modes: tuple[str, ...], order: int) -> Subject:
        # a custom_vjp has no forward derivative, so forward mode is checked only where it alone is selected
        alone = forward if tuple(modes) == ("forward",) else None
        subject = Subject(shown, value, reverse if "reverse" in modes else None, alone)
        if order == 2:
            subject.extras["gradient"] = gradients
        return subject

    return Adapted(shown, value, build, ("from_jax", f))


def from_autograd(f: Callable[..., Any], name: str | None = None) -> Adapted:
    """Wrap a function written for HIPS autograd (or one of its primitives with a defined vjp) for a check.

    Args:
        f: takes and returns arrays, using autograd.numpy.
    """
    from autograd import make_vjp
    from autograd.builtins import tuple as traced  # a plain tuple would end the trace

    shown = name or name_of(f)

    def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
        def of(xs: Any) -> Any:
            y = f(*case.moved(list(xs)).args, **case.kwargs)
            return traced(list(y)) if _many(y) else y

        pullback, y = make_vjp(of)(tuple(np.array(x) for x in case.xs))
        gs = [np.conj(np.asarray(w)).astype(np.asarray(q).dtype) for w, q in zip(ws, _listed(y))]
        return [np.conj(g) for g in pullback(tuple(gs) if _many(y) else gs[0])]  # as JAX: plain transposes

    def gradients(case: Case, count: int) -> Subject:
        def double(*args: Any, **kwargs: Any) -> Any:
            inputs, ws = list(args[:-count]), args[-count:]

            def inner(xs: Any) -> Any:
                for i, x in zip(case.wrt, xs, strict=True):
                    inputs[i] = x
                y = f(*inputs, **kwargs)
                return traced(list(y)) if _many(y) else y

            pullback, y = make_vjp(inner)(traced([inputs[i] for i in case.wrt]))
            got = pullback(tuple(ws) if _many(y) else ws[0])
            return tuple(got[i] for i in range(len(case.wrt)))

        return from_autograd(double, f"gradient of {shown}").subject()

    def build(modes: tuple[str, ...], order: int) -> Subject:
        subject = Subject(shown, f, reverse)
        if order == 2:
            subject.extras["gradient"] = gradients
        return subject

    return Adapted(shown, f, build, ("from_autograd", f))
