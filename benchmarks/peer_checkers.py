"""Other libraries' derivative checkers on a bare NumPy pair (f, rule): torch gradcheck, jax check_vjp, autograd
check_grads.

Each pair is wrapped in the library's form (an autograd Function, a custom_vjp over a host callback, a primitive)
and called with the library's default tolerances.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.testing.subjects.function_under_test import Arguments, case_of

__all__ = ["PEERS", "peer_accepts"]


def _torch(f: Callable[..., Any], rule: Callable[..., Any], xs: list[np.ndarray]) -> bool:
    import torch

    class Pair(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            arrays = [t.detach().numpy() for t in tensors]
            y = np.asarray(f(*arrays))
            ctx.kept = (y, arrays)
            return torch.from_numpy(y.copy())

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            y, arrays = ctx.kept
            return tuple(torch.from_numpy(np.array(q)) for q in rule(g.numpy().copy(), y, *arrays))

    return bool(
        torch.autograd.gradcheck(
            Pair.apply, [torch.from_numpy(x.copy()).requires_grad_() for x in xs], raise_exception=False
        )
    )


def _jax(f: Callable[..., Any], rule: Callable[..., Any], xs: list[np.ndarray]) -> bool:
    import jax
    from jax.test_util import check_vjp

    jax.config.update("jax_enable_x64", True)
    try:

        def pullback(w: Any) -> Any:
            return tuple(np.asarray(q) for q in rule(np.array(w), np.asarray(f(*xs)), *[x.copy() for x in xs]))

        def f_vjp(*args: Any) -> Any:
            return np.asarray(f(*[np.asarray(a) for a in args])), pullback

        check_vjp(lambda *a: np.asarray(f(*[np.asarray(q) for q in a])), f_vjp, tuple(xs))
        return True
    except AssertionError:
        return False


def _autograd(f: Callable[..., Any], rule: Callable[..., Any], xs: list[np.ndarray]) -> bool:
    from autograd.extend import defvjp_argnums, primitive
    from autograd.test_util import check_grads

    wrapped = primitive(lambda *a: np.asarray(f(*a)) * 1.0)
    defvjp_argnums(
        wrapped,
        lambda argnums, ans, args, kw: (
            lambda g: tuple(
                np.asarray(rule(np.array(g), np.asarray(ans), *[np.array(a) for a in args])[i]) for i in argnums
            )
        ),
    )
    try:
        check_grads(wrapped, modes=["rev"], order=1)(*xs)
        return True
    except AssertionError:
        return False


_ALL = {
    "torch gradcheck": ("torch", _torch),
    "jax check_vjp (x64)": ("jax", _jax),
    "HIPS autograd check_grads": ("autograd", _autograd),
}
PEERS = {name: run for name, (module, run) in _ALL.items() if importlib.util.find_spec(module)}


def peer_accepts(peer: str, f: Callable[..., Any], rule: Callable[..., Any], call: Arguments) -> bool | None:
    """Return whether the checker accepts this pair at this call; None where it cannot check (several outputs, no
    derivative)."""
    try:
        case = case_of(call.args, call.kwargs)
        y = f(*case.args, **case.kwargs)
    except Exception:
        return None
    if (
        isinstance(y, tuple)
        or np.asarray(y).dtype.kind != "f"
        or any(x.dtype.kind != "f" for x in case.xs)
        or not case.size
    ):
        return None

    def value(*xs: np.ndarray) -> Any:
        return f(*case.moved(xs).args, **case.kwargs)

    def of(g: Any, y: Any, *xs: np.ndarray) -> Any:
        got = rule(g, y, *case.moved(xs).args, **case.kwargs)
        return [np.zeros_like(x) if got[i] is None else got[i] for i, x in zip(case.wrt, xs)]

    try:
        return PEERS[peer](value, of, [x.copy() for x in case.xs])
    except Exception:  # a rule that raises is rejected
        return False
