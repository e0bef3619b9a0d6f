"""Lyapunov's and Riccati's equations, with SciPy's signatures: the steady states of linear systems, and their best
control. NumPy computes all of it, by linear systems of n² unknowns (``solve_sylvester``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...modes import one_call
from ...other_arrays import beside, is_foreign
from ...registry import op
from ...variable import plain
from ..linalg import t
from ..shape import operand
from .functions import side_of, solve_sylvester
from .packing import eye_like, h

LinAlgError = np.linalg.LinAlgError


def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """Return x with ``a @ x + x @ aᴴ = q`` (``scipy.linalg.solve_continuous_lyapunov``): for a stable a and -q the
    covariance of the steady state. a, q: (n, n).

    >>> import autodiff as ad
    >>> ad.linalg.solve_continuous_lyapunov(ad.tensor([[-0.5]]), [[-3.0]]).data
    array([[3.]])
    """
    a = operand(a)
    side_of("solve_continuous_lyapunov", a)
    return solve_sylvester(a, h(a), q)


def solve_discrete_lyapunov(a: Any, q: Any, method: str | None = None) -> Any:
    """Return x with ``a @ x @ aᴴ - x + q = 0`` (``scipy.linalg.solve_discrete_lyapunov``), a and q: (n, n).

    As one linear system of n² unknowns; method: SciPy's "direct" or "bilinear", which here are the same.

    >>> import autodiff as ad
    >>> ad.linalg.solve_discrete_lyapunov(ad.tensor([[0.5]]), [[3.0]]).data
    array([[4.]])
    """
    if method not in (None, "direct", "bilinear"):
        raise ValueError(f"solve_discrete_lyapunov: method must be 'direct' or 'bilinear'; got {method!r}.")
    a, q = operand(a), operand(q)
    n = side_of("solve_discrete_lyapunov", a)
    if np.shape(q) != np.shape(a):
        raise ValueError(f"solve_discrete_lyapunov: a and q must have equal shapes; got {np.shape(a)}, {np.shape(q)}.")
    both = beside(np.eye(n * n, dtype=np.result_type(plain(a))), plain(a)) - np.kron(a, np.conj(a))
    return np.reshape(np.linalg.solve(both, np.reshape(q, (n * n,))), (n, n))


# ---- Riccati's equations
_UNSTABLE = "no solution has a stable closed loop; a may have an unstable mode that b does not reach."


def _sym(x: Any) -> Any:
    return 0.5 * (x + t(x))


@one_call
def _continuous(a: Any, b: Any, q: Any, r: Any) -> Any:
    """Return the solution whose closed loop is stable: from the eigenvectors of the Hamiltonian matrix on the left,
    then refined to rounding by Newton's steps (Kleinman 1968, https://doi.org/10.1109/TAC.1968.1098829)."""
    kind, (a, b, q, r) = np.result_type(a, b, q, r), [x.astype(np.float64) for x in (a, b, q, r)]
    n, gain = len(a), np.linalg.solve(_sym(r), b.T)
    values, vectors = np.linalg.eig(np.block([[a, -b @ gain], [-_sym(q), -a.T]]))
    left = vectors[:, np.argsort(values.real)[:n]]
    try:
        x = np.linalg.solve(left[:n].T, left[n:].T).T.real
        for _ in range(3):
            x = _sym(x)
            closed = a - b @ gain @ x
            x = solve_sylvester.fn(closed.T, closed, -(_sym(q) + x @ b @ gain @ x))
        stable: Any = np.all(np.linalg.eigvals(a - b @ gain @ _sym(x)).real < 0)
        if is_foreign(stable):
            return np.where(stable, _sym(x), np.nan).astype(kind)
    except LinAlgError:
        stable = False
    if not stable:
        raise LinAlgError(f"solve_continuous_are: {_UNSTABLE}")
    return _sym(x).astype(kind)


@one_call
def _discrete(a: Any, b: Any, q: Any, r: Any) -> Any:
    """Return the same in discrete time, by doubling: each step covers twice as many steps of time (Chu, Fan, Lin and
    Wang 2004, https://doi.org/10.1080/00207170410001714988)."""
    kind, (a, b, q, r) = np.result_type(a, b, q, r), [x.astype(np.float64) for x in (a, b, q, r)]
    eye, reach, x = eye_like(a), b @ np.linalg.solve(_sym(r), b.T), _sym(q)
    for _ in range(60):
        middle = np.linalg.solve(eye + reach @ x, np.hstack([a, reach]))
        step, rest = middle[:, : len(a)], middle[:, len(a) :]
        new = _sym(x + a.T @ x @ step)
        a, reach = a @ step, _sym(reach + a @ rest @ a.T)
        settled = np.max(np.abs(new - x)) <= 1e-16 * np.max(np.abs(new))
        if not is_foreign(settled) and settled:
            return new.astype(kind)
        x = new
    if is_foreign(x):  # all steps were made; after it has settled they change nothing
        return np.where(settled, x, np.nan).astype(kind)
    raise LinAlgError(f"solve_discrete_are: {_UNSTABLE}")


def _continuous_loop(y: Any, a: Any, b: Any, r: Any) -> tuple[Any, Any]:
    """Return the gain of the best control, -gain @ state, and the matrix of the closed loop."""
    gain = np.linalg.solve(_sym(r), t(b)) @ y
    return gain, a - b @ gain


def _discrete_loop(y: Any, a: Any, b: Any, r: Any) -> tuple[Any, Any]:
    gain = np.linalg.solve(_sym(r) + t(b) @ y @ b, t(b) @ y @ a)
    return gain, a - b @ gain


def _riccati_row(name: str, fn: Any, loop: Any, weight: Any, effect: Any, doc: str) -> Any:
    """Return a row for x of a, b, q, r. weight(g, closed): w, the adjoint of the linearized equation, which is
    Lyapunov's; effect(y, closed): the effect of a change of a on it."""

    def parts(g: Any, y: Any, a: Any, b: Any, r: Any) -> tuple[Any, Any, Any]:
        gain, closed = loop(y, a, b, r)
        return gain, weight(_sym(g), closed), effect(y, closed)

    def in_a(g: Any, y: Any, a: Any, b: Any, r: Any) -> Any:
        _, w, change = parts(g, y, a, b, r)
        return 2.0 * change @ w

    def in_b(g: Any, y: Any, a: Any, b: Any, r: Any) -> Any:
        gain, w, change = parts(g, y, a, b, r)
        return -2.0 * change @ w @ t(gain)

    def in_q(g: Any, y: Any, a: Any, b: Any, r: Any) -> Any:
        return parts(g, y, a, b, r)[1]

    def in_r(g: Any, y: Any, a: Any, b: Any, r: Any) -> Any:
        gain, w, _ = parts(g, y, a, b, r)
        return gain @ w @ t(gain)

    return op(
        fn,
        name=name,
        inputs="a b q r",
        public=False,
        vjp=(in_a, in_b, in_q, in_r),
        samples=((((2, 2), (2, 1), (2, 2), (1, 1)), {}), (((3, 3), (3, 2), (3, 3), (2, 2)), {})),
        draw=lambda rng, a, b, q, r: (
            rng.uniform(-0.4, 0.4, a) + 0.3 * np.eye(a[-1]),
            rng.uniform(0.5, 1.5, b),
            _sym(rng.uniform(-0.2, 0.2, q)) + 2.0 * np.eye(q[-1]),
            _sym(rng.uniform(-0.2, 0.2, r)) + 2.0 * np.eye(r[-1]),
        ),
        doc=doc,
    )


_continuous_row = _riccati_row(
    "riccati_continuous", _continuous, _continuous_loop, lambda g, closed: solve_sylvester(closed, t(closed), -g),
    lambda y, closed: y, "Return the solution of Riccati's equation of continuous time.",
)  # fmt: skip
_discrete_row = _riccati_row(
    "riccati_discrete", _discrete, _discrete_loop, lambda g, closed: solve_discrete_lyapunov(closed, g),
    lambda y, closed: y @ closed, "Return the solution of Riccati's equation of discrete time.",
)  # fmt: skip


def _riccati(name: str, row: Any, operands: tuple[Any, ...], e: Any, s: Any) -> Any:
    if e is not None or s is not None:
        raise TypeError(f"{name}: e and s are not here. Write it for the system with inv(e) @ a and inv(e) @ b.")
    a, b, q, r = (operand(x) for x in operands)
    if np.iscomplexobj(plain(a)) or np.iscomplexobj(plain(b)) or np.iscomplexobj(plain(q)) or np.iscomplexobj(plain(r)):
        raise TypeError(f"{name} takes real matrices; got {', '.join(str(x.dtype) for x in (a, b, q, r))}.")
    n, m = side_of(name, a), side_of(name, r)
    if np.shape(a) != (n, n) or np.shape(b) != (n, m) or np.shape(q) != (n, n):
        raise ValueError(
            f"{name} needs a: (n, n), b: (n, m), q: (n, n), r: (m, m); "
            f"got {', '.join(str(np.shape(x)) for x in (a, b, q, r))}."
        )
    return row(a, b, q, r)


def solve_continuous_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    """Return x with ``aᵀ x + x a - x b r⁻¹ bᵀ x + q = 0`` and a stable closed loop: the cost of the best control of
    ``dz/dt = a z + b u`` (``scipy.linalg.solve_continuous_are``).

    a: (n, n), b: (n, m), q: (n, n) and r: (m, m) of real numbers, q and r read as symmetric. The control is
    ``-inv(r) @ b.T @ x @ z``. The derivative is a Lyapunov equation of the closed loop. Raises LinAlgError where no
    solution is stable; e and s are refused.

    >>> import autodiff as ad
    >>> q = ad.tensor([[3.0]])
    >>> x = ad.linalg.solve_continuous_are([[1.0]], [[1.0]], q, [[1.0]])
    >>> x.sum().backward(); x.data.round(12), q.grad.round(12)
    (array([[3.]]), array([[0.25]]))
    """
    return _riccati("solve_continuous_are", _continuous_row, (a, b, q, r), e, s)


def solve_discrete_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    """Return x with ``x = aᵀ x a - aᵀ x b (r + bᵀ x b)⁻¹ bᵀ x a + q`` and a stable closed loop: the cost of the best
    control of ``z[k + 1] = a z[k] + b u[k]`` (``scipy.linalg.solve_discrete_are``), as ``solve_continuous_are``.

    The control is ``-inv(r + b.T @ x @ b) @ b.T @ x @ a @ z``.

    >>> import autodiff as ad
    >>> x = ad.linalg.solve_discrete_are([[2.0]], [[1.0]], ad.tensor([[1.0]]), [[1.0]])
    >>> x.data.round(4)
    array([[4.2361]])
    """
    return _riccati("solve_discrete_are", _discrete_row, (a, b, q, r), e, s)
