"""Nested parameters as one vector, and back: solvers of equations take only vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import Any

import numpy as np

from ..batching.handle import innermost
from ..batching.routes import batched_in, over_examples
from ..errors import GraphError, kind_of
from ..modes import refuse_trace, state
from ..transforms.containers import flatten
from ..variable import TRACED, Variable, is_live, plain

Rebuild = Callable[[Any], Any]


def scipys(part: str, who: str) -> Any:
    """Return a module of SciPy, which is needed only when a solver is called."""
    try:
        return import_module(f"scipy.{part}")
    except ModuleNotFoundError:
        raise ImportError(f"{who} needs SciPy: pip install 'backflow[scipy]' (or pip install scipy)") from None


def to_vector(leaves: Sequence[Any]) -> Any:
    """Return all leaves, one after the other, as one vector; recorded where a leaf is."""
    return np.concatenate([np.reshape(v, (-1,)) for v in leaves]) if leaves else np.zeros(0)


def own_value(out: Any, who: str) -> np.ndarray:
    """Return the plain result of a user's function; raise where it read a recorded value besides its arguments."""
    if isinstance(out, Variable) and is_live(out):
        raise GraphError(
            f"{who} read a recorded value that is none of its arguments, whose gradient would be lost: pass it as an "
            "argument."
        )
    return real_numbers(out, who)


def real_numbers(out: Any, who: str) -> np.ndarray:
    """Return the result of a user's function as float64; complex numbers are refused, whose imaginary part would be
    lost."""
    values = np.asarray(plain(out))
    if values.dtype.kind not in "fiubc":
        raise TypeError(f"{who} gave {kind_of(out)}, where numbers are needed.")
    if values.dtype.kind == "c":
        raise TypeError(f"{who} gave complex numbers: solve for real and imaginary parts, np.stack([y.real, y.imag]).")
    return values.astype(np.float64, copy=False)


def by_example(solver: Callable[..., Any]) -> Callable[..., Any]:
    """Return a solver that inside ``vmap`` runs once for each example, because its steps depend on values. A program
    of ``compile`` has no such steps: refused."""

    @wraps(solver)
    def run(*args: Any, **kwargs: Any) -> Any:
        if state().trace is not None:
            given = [v._data if isinstance(v, Variable) else v for v in flatten([list(args), kwargs])[0]]
            if any(type(v) in TRACED for v in given):
                refuse_trace(
                    "the steps of a solver depend on values",
                    "Call the solver outside the compiled function; the function that it solves may be compiled",
                )
        frame = innermost(batched_in([list(args), kwargs]))
        return solver(*args, **kwargs) if frame is None else over_examples(frame, run, args, kwargs)

    return run


class Layout:
    """How the leaves of a nesting lie in a vector: their shapes, their places, and the nesting itself."""

    def __init__(self, tree: Any, who: str) -> None:
        leaves, self.rebuild = flatten(tree)
        for v in leaves:
            kind = np.asarray(plain(v)).dtype.kind
            if kind not in "fiu":
                raise TypeError(
                    f"{who} needs real numbers, arrays, or lists, tuples and dicts of them as its start; got "
                    f"{kind_of(plain(v))} among them."
                )
        self.shapes = [np.shape(plain(v)) for v in leaves]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.ends = np.cumsum(self.sizes)
        self.start = np.asarray(to_vector([np.asarray(plain(v), np.float64) for v in leaves]))

    def tree(self, vector: Any) -> Any:
        """Return the nesting whose leaves lie in this vector; slices of a recorded vector are recorded."""
        parts = [vector[end - n : end] for end, n in zip(self.ends, self.sizes, strict=True)]
        return self.rebuild([np.reshape(p, shape) for p, shape in zip(parts, self.shapes, strict=True)])

    def plain(self, vector: np.ndarray) -> Any:
        """Return the nesting as plain values with memory of their own; a number is a Python float."""
        parts = [vector[end - n : end] for end, n in zip(self.ends, self.sizes, strict=True)]
        made = zip(parts, self.shapes, strict=True)
        return self.rebuild([float(p[0]) if shape == () else p.reshape(shape).copy() for p, shape in made])

    def vector(self, tree: Any, what: str) -> Any:
        """Return a nesting of the same shapes as a vector."""
        leaves, _ = flatten(tree)
        shapes = [np.shape(plain(v)) for v in leaves]
        if shapes != self.shapes:
            raise ValueError(f"{what} must have the shapes {self.shapes}, as the start; got {shapes}.")
        return to_vector(leaves)
