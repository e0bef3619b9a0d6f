"""Functions with a derivative rule of their own."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batching.handle import innermost
from ..batching.routes import over_examples
from ..errors import GraphError, kind_of
from ..recording import record_operands
from ..registry import Op
from ..variable import Variable, is_live, plain
from .containers import flatten, map_leaves, nesting
from .evaluation import Function


def with_rule(name: str, y: Any, operands: Sequence[Any], rule: Function) -> Any:
    """Return y as the recorded output of an operation made on the spot; ``rule(g, operands)`` gives all cotangents."""
    latest: list[Any] = [None]  # (g, every cotangent): the walk needs one operand after the other

    def one(g: Any, i: int, xs: tuple[Any, ...]) -> Any:
        pair = latest[0]  # read once: another thread may walk the same graph
        if pair is None or pair[0] is not g:
            pair = latest[0] = (g, rule(g, xs))
        d = pair[1][i]
        if i == last:
            latest[0] = None
        return np.zeros(np.shape(plain(xs[i]))) if d is None else d

    last = max((i for i, x in enumerate(operands) if isinstance(x, Variable) and is_live(x)), default=-1)
    made = [y]  # taken out when it is recorded: otherwise the row would keep it as long as the graph
    row = Op(lambda *xs: made.pop(), one, name=name, inputs="*xs", doc=name, opaque=True, complex=True)
    return record_operands(row, operands, {})


def stop_gradient(x: Any) -> Any:
    """Return the same values as constants: derivatives stop here. JAX's name; for one value ``x.detach()`` is the same.

    x: an array, number, Tensor or Scalar, or nested lists, tuples and dicts of them.

    >>> import autodiff as ad
    >>> ad.grad(lambda x: x * ad.stop_gradient(x))(3.0)
    3.0
    """
    return map_leaves(lambda v: v.detach() if isinstance(v, Variable) else v, x)


class custom_vjp:
    """A function with a derivative rule of your own: ``f.defvjp(fwd, bwd)``, as in JAX.

    fwd(*args) returns ``(output, residuals)``. bwd(residuals, g) returns a tuple with one cotangent for each argument,
    of the argument's shape, or None for zero. Both get plain arrays, by position. When the derivative itself is
    differentiated they run on Tensors, so write them in NumPy functions. In complex numbers a rule is the plain
    transpose, as in JAX: that of z * z gives g * 2 * z.
    ``ad.testing.check_derivatives(f, x)`` checks the rule.

    Raises GraphError when there is no rule yet, or when the result of fwd or bwd has another form.

    >>> import autodiff as ad, numpy as np
    >>> @ad.custom_vjp
    ... def cube(x):
    ...     return x**3
    >>> cube.defvjp(lambda x: (x**3, x), lambda x, g: (g * 3 * x**2,))
    >>> ad.grad(cube)(2.0), ad.grad(ad.grad(cube))(2.0)
    (12.0, 12.0)
    """

    def __init__(self, f: Function) -> None:
        if not callable(f):
            raise TypeError(f"custom_vjp needs a function; got {kind_of(f)}. Write f = ad.custom_vjp(f).")
        self.f, self.fwd, self.bwd = f, None, None
        self.__wrapped__ = f
        self.__name__, self.__doc__ = getattr(f, "__name__", "custom"), f.__doc__

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Set the forward function and the derivative rule."""
        for name, function in (("fwd", fwd), ("bwd", bwd)):
            if not callable(function):
                raise TypeError(
                    f"{self.__name__}.defvjp(fwd, bwd) needs two functions; {name} is {kind_of(function)}. fwd(*args) "
                    "returns (output, residuals), bwd(residuals, g) a tuple of cotangents."
                )
        self.fwd, self.bwd = fwd, bwd  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<custom_vjp {self.__name__}>"

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        bound = inspect.signature(self.f).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(
                f"{self.__name__}: fwd and bwd take arguments by position; got {list(bound.kwargs)} by name."
            )
        return bound.args

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args = self._positional(args, kwargs)
        if self.fwd is None or self.bwd is None:
            raise GraphError(
                f"{self.__name__} has no derivative rule yet: call {self.__name__}.defvjp(fwd, bwd) first."
            )
        frame = innermost(args)
        if frame is not None:  # under vmap: the rule is written for one example
            return over_examples(frame, self, args, {})
        fwd, bwd, name = self.fwd, self.bwd, self.__name__
        if not any(isinstance(x, Variable) and is_live(x) for x in args):
            if any(isinstance(x, Variable) and is_live(x) for x in flatten(args)[0]):
                raise GraphError(
                    f"{name} got a recorded value inside a list or dict: pass it as an argument of its own."
                )
            return self.f(*args)
        made = fwd(*[plain(x) for x in args])
        if not isinstance(made, tuple) or len(made) != 2 or isinstance(made[0], list | tuple | dict):
            raise GraphError(f"the forward function of {name} must return (output, residuals); got {nesting(made)}.")
        y, residuals = made
        if isinstance(y, Variable):
            if is_live(y):
                raise GraphError(
                    f"the forward function of {name} read a recorded value that is none of its arguments, whose "
                    "gradient would be lost: pass it as an argument."
                )
            y = y.data

        def rule(g: Any, xs: tuple[Any, ...]) -> Any:
            again = any(isinstance(x, Variable) for x in (g, *xs))
            cotangents = bwd(fwd(*xs)[1] if again else residuals, g)
            _check_cotangents(name, cotangents, xs)
            return [c.copy() if isinstance(c, np.ndarray) else c for c in cotangents]

        return with_rule(name, y, args, rule)


def _check_cotangents(name: str, cotangents: Any, xs: tuple[Any, ...]) -> None:
    """Refuse anything but a tuple with one cotangent for each argument, of the argument's shape."""
    nested = isinstance(cotangents, tuple | list)
    if not nested or len(cotangents) != len(xs):
        came = f"a {type(cotangents).__name__} of {len(cotangents)}" if nested else kind_of(cotangents)
        form = ", ".join(["...", *["None"] * (len(xs) - 1)])
        raise GraphError(
            f"the rule of {name} must return a tuple of cotangents, one for each of {len(xs)} arguments; got "
            f"{came}. Write return ({form}{',' * (len(xs) == 1)}), with None for a gradient of zero."
        )
    for i, (c, x) in enumerate(zip(cotangents, xs, strict=True)):
        _check_cotangent_shape(name, i, c, x)


def _check_cotangent_shape(name: str, i: int, c: Any, x: Any) -> None:
    """Refuse a cotangent of another shape than x, except one with broadcast axes, which the walk sums."""
    if c is None:
        return
    expected, got = np.shape(plain(x)), np.shape(plain(c))
    if got != expected and (
        len(got) < len(expected) or any(w not in (1, n) for w, n in zip(expected[::-1], got[::-1], strict=False))
    ):
        raise GraphError(
            f"the rule of {name} returned a cotangent of shape {got} for argument {i} of shape {expected}; "
            "return one of the argument's shape."
        )
