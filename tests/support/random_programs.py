"""Whole random programs: a Hypothesis strategy of typed, runnable programs over the registry's rows.

A program is data: inputs, a list of statements, a result. `repr(program)` is the Python that runs it, `program.run`
runs it on Tensors (the engine) or on plain arrays (the NumPy model, where an in-place write really is in place), and
Hypothesis shrinks it statement by statement. `check_program` compares the two, and every way to a derivative with the
others. How a program grows is in `program_steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from hypothesis import strategies as st
from program_draft import Draft, Statement, is_scalar
from program_steps import KINDS

import autodiff as ad
from autodiff.testing.measuring.differences import numerical_derivative, power_of_two_direction

__all__ = ["Program", "check_program", "programs"]


@dataclass(frozen=True)
class Program:
    """A straight-line program.

    Attributes:
        inputs: name -> array (a Tensor on the engine) or float (a Scalar).
        statements: one assignment each, in order.
        result: the name whose value is the program's.
    """

    inputs: dict[str, Any]
    statements: tuple[Statement, ...]
    result: str

    def run(self, *inputs: Any) -> Any:
        """Return the result at other inputs (at its own by default): the engine's when one is a graph value, else
        NumPy's.
        """
        values = inputs or tuple(self.inputs.values())
        if any(isinstance(x, ad.Variable) for x in values):
            return self._engine(*values)
        return self.model()(*values)

    def model(self, still: bool = False) -> Callable[..., Any]:
        """Return the program in plain NumPy.

        still: values without a graph (detach, no_grad) keep their value at the program's own inputs: the engine
        computes the derivative of this function.
        """
        kept: dict[str, Any] = {}
        if still:
            self.model_run(lambda name, value: kept.setdefault(name, np.array(value)), self.inputs.values())
            return lambda *xs: self.model_run(lambda name, value: kept[name].copy(), xs)
        return lambda *xs: self.model_run(lambda name, value: np.array(value), xs)

    def model_run(self, held: Callable[[str, Any], Any], values: Any) -> Any:
        """Run once in plain NumPy; ``held(name, value)`` returns the value of a name without a graph."""
        bare = [float(v) if is_scalar(n) else np.array(v) for n, v in zip(self.inputs, values, strict=True)]
        with np.errstate(all="ignore"):
            return self._numpy(*bare, held=held)

    @cached_property
    def _engine(self) -> Callable[..., Any]:
        return self._function("code")

    @cached_property
    def _numpy(self) -> Callable[..., Any]:
        return self._function("model")

    def _function(self, which: str) -> Callable[..., Any]:
        lines = [line for s in self.statements for line in getattr(s, which).splitlines()]
        head = f"def program({', '.join(self.inputs)}{', held' if which == 'model' else ''}):"
        source = "\n    ".join([head, *lines, f"return {self.result}"])
        scope = {"np": np, "ad": ad}
        exec(compile(source, "<random program>", "exec"), scope)
        return scope["program"]  # type: ignore[return-value]

    @property
    def cut(self) -> bool:
        """Whether some value has no graph."""
        return any("held(" in s.model for s in self.statements)

    def __repr__(self) -> str:
        lines = ["import numpy as np", "import autodiff as ad", ""]
        for name, v in self.inputs.items():
            if is_scalar(name):
                lines.append(f"{name} = ad.scalar({v!r})")
            else:
                kind = "" if v.dtype == np.float64 else f", dtype=np.{v.dtype}"
                lines.append(f"{name} = ad.tensor({v.tolist()}{kind})")
        return "\n".join([*lines, *(s.code for s in self.statements), f"result = {self.result}", ""])


@st.composite
def programs(
    draw: Any, operations: tuple[int, int] = (1, 30), inputs: tuple[int, int] = (1, 3), dtype: Any = np.float64
) -> Program:
    """Draw programs: elementwise, broadcasting, reductions, shapes, indices, joins, products, Scalars and writes.

    Values are used again and again, stay below 64 and away from kinks. Programs shrink to few operations, small inputs.

    Args:
        operations: least and most; a step that is impossible at its position is left out.
        inputs: least and most.
        dtype: of the inputs.

    >>> program = programs().example()  # doctest: +SKIP
    >>> program                         # doctest: +SKIP
    import numpy as np
    import autodiff as ad
    <BLANKLINE>
    x0 = ad.tensor([1.0, 0.5])
    t0 = np.tanh(x0)
    result = t0
    """
    given: dict[str, Any] = {}
    for k in range(draw(st.integers(*inputs))):
        if k and draw(st.integers(0, 3)) == 3:
            given[f"a{k}"] = draw(_eighths())
        else:
            shape = tuple(draw(st.lists(st.integers(1, 3), min_size=0, max_size=3)))
            n = int(np.prod(shape))
            # always three choices, so that a shape can shrink without a shift of the choices after it
            few = [draw(st.integers(-24, 24)) for _ in range(3)]
            entries = [((few[i % 3] + 5 * (i // 3) + 24) % 49 - 24) / 8 for i in range(n)]
            given[f"x{k}"] = np.array(entries, dtype).reshape(shape)
    draft = Draft(given)
    low, high = operations
    kinds, picks = st.integers(0, len(KINDS) - 1), st.integers(0, 63)
    # a step draws only the numbers it needs: a shrinker deletes at most five choices in a row, so a step must be that
    # short to be deleted
    for k in range(high):
        if k >= low and draw(st.integers(0, 15)) == 0:
            break
        draft.step(KINDS[draw(kinds)], lambda: draw(picks))
    last = draft.statements[-1].target if draft.statements else next(iter(given))
    return Program(given, tuple(draft.statements), last)


def _eighths() -> st.SearchStrategy[float]:
    """Return numbers in eighths, which are exact and short."""
    return st.integers(-24, 24).map(lambda k: k / 8)


# ---- checking a program
# Rounding: thirty operations on values below 64 lose at most about 2^-52 * 64 * 30 of the largest term, a rule some
# times that; one part in a million is far above it and far below any wrong derivative.
_ROUNDING = 1e-6


def check_program(program: Program, seed: int = 0, second: bool = True) -> None:
    """Check the engine on one program against NumPy and against itself.

    The value equals plain NumPy's; the reverse derivative equals the numerical one along a random direction; forward
    mode and checkpointed reverse mode equal reverse mode; with ``second``, the derivative of the derivative by reverse
    mode equals that by forward mode, and the numerical one; nothing given was written.

    Raises:
        AssertionError: with the program and the values that differ.
    """
    rng = np.random.default_rng(seed)
    xs = [np.asarray(v, float) if is_scalar(n) else v for n, v in program.inputs.items()]
    run = program._engine
    y, pullback = ad.vjp(run, *_given(program, xs))
    expected = program.run()
    _close(program, "value", y, expected, exact_dtype=True)
    if np.ndim(expected) == 0:
        w: Any = 1.0 if isinstance(y, float) else np.ones((), y.dtype)
    else:
        w = rng.choice([-1.0, 1.0], np.shape(expected)).astype(np.asarray(expected).dtype)
    vs = [power_of_two_direction(rng, x) for x in xs]
    gradients = pullback(w)
    slope = _dot(gradients, vs)
    scale = sum(float(np.sum(np.abs(g * v))) for g, v in zip(gradients, vs)) + float(np.max(np.abs(expected)))
    estimate = numerical_derivative(program.model(still=True), tuple(xs), tuple(vs), w)
    if estimate.kind in ("smooth", "constant"):
        _agree(program, "reverse and numerical derivative", slope, estimate.value, scale, 4 * estimate.error)
    tangent = ad.jvp(run, tuple(_given(program, xs)), tuple(_given(program, vs)))[1]
    _agree(program, "reverse and forward derivative", slope, _dot([w], [tangent]), scale)
    handles = [ad.scalar(x) if isinstance(x, float) else ad.tensor(x) for x in _given(program, xs)]
    if getattr(run(*handles), "requires_grad", False):  # a constant result has no gradient to compare
        again = ad.vjp(ad.checkpoint(run), *_given(program, xs))[1](w)
        for g, h in zip(gradients, again):
            _close(program, "checkpointed gradient", h, g)
    if second:
        _second_order(program, run, w, xs, vs, rng)


def _second_order(program: Program, run: Any, w: Any, xs: list[Any], vs: list[Any], rng: np.random.Generator) -> None:
    """Compare the Hessian along vs and us: reverse over reverse, forward over reverse, reversed, and numerically."""
    us = [power_of_two_direction(rng, x) for x in xs]

    def gradient(*at: Any) -> tuple[Any, ...]:
        return tuple(ad.vjp(run, *at)[1](w))

    given = _given(program, xs)
    first, pull = ad.vjp(gradient, *given)
    over = pull(tuple(_given(program, us)))
    value = _dot(over, vs)
    scale = sum(float(np.sum(np.abs(h * v))) for h, v in zip(over, vs)) + 1.0
    scale += sum(float(np.sum(np.abs(g))) for g in first)
    pushed = ad.jvp(gradient, tuple(given), tuple(_given(program, vs)))[1]
    _agree(program, "second derivatives, reverse and forward over reverse,", value, _dot(us, pushed), scale)
    other = pull(tuple(_given(program, vs)))
    _agree(program, "second derivatives in both orders", value, _dot(other, us), scale)
    if not program.cut:
        bare = [np.asarray(x) for x in xs]
        plain = lambda *at: tuple(np.asarray(g) for g in gradient(*_given(program, at)))
        estimate = numerical_derivative(plain, tuple(bare), tuple(vs), tuple(us))
        if estimate.kind in ("smooth", "constant"):
            _agree(program, "second derivative and numerical one", value, estimate.value, scale, 4 * estimate.error)


def _given(program: Program, xs: Sequence[Any]) -> list[Any]:
    """Return inputs of the kinds that the program takes: floats for Scalars, copies of arrays for Tensors."""
    return [float(x) if is_scalar(n) else np.array(x) for n, x in zip(program.inputs, xs, strict=True)]


def _dot(us: Sequence[Any], vs: Sequence[Any]) -> float:
    return float(sum(np.sum(np.asarray(u, float) * np.asarray(v, float)) for u, v in zip(us, vs, strict=True)))


def _close(program: Program, what: str, got: Any, expected: Any, exact_dtype: bool = False) -> None:
    eps = float(np.finfo(np.asarray(expected).dtype).eps)
    same = np.shape(got) == np.shape(expected) and np.allclose(got, expected, rtol=2**14 * eps, atol=2**14 * eps)
    if not same or (exact_dtype and np.asarray(got).dtype != np.asarray(expected).dtype):
        raise AssertionError(f"{what}: the engine has {got!r}, expected {expected!r}\n\n{program!r}")


def _agree(program: Program, what: str, a: float, b: float, scale: float, slack: float = 0.0) -> None:
    if not abs(a - b) <= slack + _ROUNDING * (scale + 1e-3):
        raise AssertionError(f"{what} differ: {a!r} and {b!r}\n\n{program!r}")
