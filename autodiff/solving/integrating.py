"""Solutions of ordinary differential equations, with derivatives by the adjoint method."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError, kind_of, leaves_graph
from ..ops.arrays.assemble import array
from ..recording import record_operands
from ..registry import Op
from ..transforms import jacobian, vjp
from ..transforms.containers import flatten
from ..variable import Variable, is_live, plain
from .trees import by_example, own_value, real_numbers, scipys, to_vector

Function = Callable[..., Any]
IMPLICIT = {"Radau", "BDF", "LSODA"}  # methods of SciPy that use the Jacobian
SLACK = 1e3  # how many tolerances a solution may lie beside itself after one step back


def solve_ivp(
    f: Function,
    t_span: tuple[float, float],
    y0: Any,
    method: str = "RK45",
    t_eval: Any = None,
    *,
    args: tuple[Any, ...] = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    max_step: float = np.inf,
) -> Any:
    """Solve dy/dt = f(t, y, *args) by ``scipy.integrate.solve_ivp``; the solution is recorded.

    y0: (n,). args: further arguments of f: arrays, numbers, or nestings of them. t_eval: (times,), the times of the
    solution; None: SciPy's own steps. method: SciPy's; the Jacobian is supplied to those that use it. rtol, atol:
    tighter than SciPy's defaults, because derivatives have the solution's error and their own.

    Returns SciPy's result with ``t`` (times,) and ``y`` (n, times). ``y`` has derivatives of every order, in both
    modes, in y0 and in the recorded values among args, not in the times. They come from a second equation that runs
    back over the same time, and are as accurate as the tolerances; steps are not recorded.

    A second derivative, and forward mode, integrate y backwards as well; they take longer. GraphError where SciPy does
    not reach the end, and where the backward integration leaves the solution by more than 1,000 tolerances (a stiff
    equation). f must be continuous: the derivative leaves out a jump at a time that depends on a parameter. There are
    no events: for the time at which y reaches a value, use ``ad.root`` for the T at which the solution of
    y' = T f(T s, y) over 0 <= s <= 1 ends at the value.

    Pontryagin et al. (1962); Chen et al. (2018), "Neural ordinary differential equations", appendix B. JAX:
    ``jax.experimental.ode.odeint``.

    >>> import autodiff as ad, numpy as np
    >>> def end(rate):
    ...     return ad.solve_ivp(lambda t, y, k: -k * y, (0.0, 1.0), [2.0], t_eval=[1.0], args=(rate,)).y[0, 0]
    >>> round(float(end(3.0)), 7), round(float(ad.grad(end)(3.0)), 7)       # 2 exp(-k), and its slope
    (0.0995741, -0.0995741)
    """
    if not callable(f):
        raise TypeError(f"ad.solve_ivp(f, t_span, y0) needs a function; got {kind_of(f)}.")
    if not isinstance(args, tuple | list):
        raise TypeError(f"ad.solve_ivp: args must be the tuple of the further arguments of f, as in args=({args},).")
    for name, times in (("t_span", t_span), ("t_eval", t_eval)):
        if any(isinstance(v, Variable) and is_live(v) for v in flatten(times)[0]):
            raise leaves_graph(f"ad.solve_ivp(..., {name}=...)", ".data", "f(t * s, y) * s over fixed times")
    options = {"method": method, "rtol": rtol, "atol": atol, "max_step": max_step}
    wanted = None if t_eval is None else np.asarray(t_eval, np.float64)
    t, y = _solution(f, t_span, y0, args, wanted, options)
    result = scipys("optimize", "ad.solve_ivp").OptimizeResult
    return result(
        t=t if wanted is None else wanted,
        y=y,
        success=True,
        status=0,
        message="The solver reached the end of the interval.",
    )


@by_example
def _solution(
    f: Function, t_span: tuple[float, float], y0: Any, args: Any, wanted: np.ndarray | None, options: dict[str, Any]
) -> tuple[np.ndarray, Any]:
    """Return the times and the solution there, recorded: (n, times)."""
    start = y0 if isinstance(y0, Variable) else array(y0)
    if np.ndim(plain(start)) != 1:
        raise ValueError(f"ad.solve_ivp needs a vector y0 of shape (n,); got the shape {np.shape(plain(start))}.")
    given, rebuild = flatten(args)
    recorded = [k for k, v in enumerate(given) if isinstance(v, Variable) and is_live(v)]
    shapes = [np.shape(plain(given[k])) for k in recorded]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def slope(t: Any, y: Any, theta: Any) -> Any:
        values = [plain(v) for v in given]
        for k, shape, end in zip(recorded, shapes, ends, strict=True):
            values[k] = np.reshape(theta[end - int(np.prod(shape)) : end], shape)
        out = f(t, y, *rebuild(values))
        out = out if isinstance(out, Variable | np.ndarray) else array(out)
        if np.shape(out) != np.shape(plain(y)):
            raise ValueError(f"f must return dy/dt of y's shape {np.shape(plain(y))}; got {np.shape(out)}.")
        return out

    t, y = _trajectory(slope, t_span, start, to_vector([given[k] for k in recorded]), wanted, options)
    if wanted is not None:
        places = np.searchsorted(t * np.sign(t_span[1] - t_span[0]), wanted * np.sign(t_span[1] - t_span[0]))
        t, y = wanted, y[:, places]
    return t, y


def _trajectory(
    slope: Function, span: tuple[float, float], y0: Any, theta: Any, wanted: np.ndarray | None, options: dict[str, Any]
) -> tuple[np.ndarray, Any]:
    """Return SciPy's times, with the wanted ones among them, and the solution there, recorded: (n, times)."""
    start, constants = (real_numbers(v, "ad.solve_ivp: y0, or one of the arguments,") for v in (y0, theta))
    first = own_value(slope(span[0], start, constants), "ad.solve_ivp: f")
    if not np.isfinite(first).all():  # SciPy would take steps of length NaN, and never end
        raise GraphError(f"ad.solve_ivp: f is {first[~np.isfinite(first)][0]} at the start, t = {span[0]:.6g}.")
    given = dict(options)
    if options["method"] in IMPLICIT:
        given["jac"] = lambda t, y: jacobian(lambda v: slope(t, v, constants))(y)
    found = scipys("integrate", "ad.solve_ivp").solve_ivp(
        lambda t, y: own_value(slope(t, y, constants), "ad.solve_ivp: f"), span, start, dense_output=True, **given
    )
    if not found.success:
        raise GraphError(f"ad.solve_ivp came to t = {found.t[-1]:.6g}: {found.message}")
    t, y = found.t, found.y
    if wanted is not None:
        low, high = min(span), max(span)
        if wanted.ndim != 1 or not np.all((wanted >= low) & (wanted <= high)):
            raise ValueError(f"t_eval must be times within t_span {tuple(span)}; got {wanted}.")
        new = np.setdiff1d(wanted, t)
        order = np.argsort(np.concatenate([t, new]) * np.sign(span[1] - span[0]), kind="stable")
        if new.size:
            y = np.concatenate([y, found.sol(new)], axis=1)[:, order]
            t = np.concatenate([t, new])[order]
    back = _Back(slope, t, found.sol, options)
    row = Op(
        lambda *operands: y,
        lambda g, y, i, operands: back.cotangent(g, y, i, operands),
        name="solve_ivp",
        inputs="*operands",
        opaque=True,
        doc="Return the solution of a differential equation",
    )
    return t, record_operands(row, (y0, theta), {}) if any(isinstance(v, Variable) for v in (y0, theta)) else y


class _Back:
    """The adjoint equation: a' = -a df/dy, and the integral of a df/dtheta, from the last time back to the first.

    On plain values y comes from SciPy's interpolant of the solution, so that stiff equations stay stable. Where the
    derivative is itself recorded, y is part of the state (y, a, integral), solved by ``_trajectory`` too and started
    anew from the solution at each time; its derivative is again computed in this way.
    """

    def __init__(self, slope: Function, t: np.ndarray, solution: Function, options: dict[str, Any]) -> None:
        self.slope, self.t, self.solution, self.options = slope, t, solution, options
        self.latest: tuple[Any, Any] | None = None

    def cotangent(self, g: Any, y: Any, i: int, operands: tuple[Any, ...]) -> Any:
        latest = self.latest  # read once: another thread may walk the same graph
        if latest is None or latest[0] is not g:
            recorded = any(isinstance(v, Variable) for v in (g, y, *operands))
            size = float(np.max(np.abs(plain(g)), initial=0.0))
            if np.isfinite(size):  # scaled by a power of 2, because atol would be coarse for a small cotangent
                unit = math.ldexp(1.0, math.frexp(size)[1] - 1) if size else 1.0
                parts = (self.of_records if recorded else self.of_values)(g / unit, y, operands[1])
                latest = self.latest = (g, tuple([unit * v for v in parts]))
            else:
                lost = np.sum(g * 0.0)  # NaN
                latest = self.latest = (g, tuple([lost + np.zeros(np.shape(plain(v))) for v in operands]))
        if i == 1:
            self.latest = None
        return latest[1][i]

    def of_values(self, g: np.ndarray, y: np.ndarray, theta: np.ndarray) -> tuple[Any, Any]:
        """Return the cotangents of y0 and theta. The integration stops only at times with a cotangent that is not 0."""
        n, last = len(y), len(self.t) - 1
        state = np.concatenate([g[:, last], np.zeros(np.size(theta))])
        for k in range(last - 1, -1, -1):
            if k == 0 or g[:, k].any():
                _, states = _trajectory(self.adjoint, (self.t[last], self.t[k]), state, theta, None, self.options)
                state, last = states[:, -1] + np.concatenate([g[:, k], np.zeros(np.size(theta))]), k
        return state[:n], state[n:]

    def adjoint(self, t: float, state: Any, theta: Any) -> Any:
        """Return the slope of (a, integral)."""
        y = self.solution(t)
        _, pullback = vjp(lambda v, w: self.slope(t, v, w), y, theta)
        return -np.concatenate(pullback(state[: len(y)]))

    def of_records(self, g: Any, y: Any, theta: Any) -> tuple[Any, Any]:
        n, p = np.shape(plain(y))[0], np.size(plain(theta))
        a, integral = g[:, -1], np.zeros(p)
        for k in range(len(self.t) - 1, 0, -1):
            state = np.concatenate([y[:, k], a, integral])
            _, states = _trajectory(self.both, (self.t[k], self.t[k - 1]), state, theta, None, self.options)
            self.check(plain(states)[:n, -1], plain(y)[:, k - 1], k)
            a, integral = states[n : 2 * n, -1] + g[:, k - 1], states[2 * n :, -1]
        return a, integral

    def both(self, t: Any, state: Any, theta: Any) -> Any:
        """Return the slope of (y, a, integral)."""
        n = (np.size(plain(state)) - np.size(plain(theta))) // 2
        dy, pullback = vjp(lambda v, w: self.slope(t, v, w), state[:n], theta)
        da, dw = pullback(state[n : 2 * n])
        return np.concatenate([dy, -da, -dw])

    def check(self, came: np.ndarray, known: np.ndarray, k: int) -> None:
        """Refuse an adjoint whose backward integration left the solution."""
        off = np.abs(came - known)
        if not np.all(off <= SLACK * (self.options["atol"] + self.options["rtol"] * np.abs(known))):
            raise GraphError(
                f"ad.solve_ivp: from t = {self.t[k]:.6g} back to {self.t[k - 1]:.6g} the solution moves away from "
                f"itself by {np.max(off):.3g}, so its second derivative would be wrong. Give max_step= or more times."
            )
