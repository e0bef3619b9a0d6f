"""Facts of a row about its singular points: ties, kinks, infinite slopes, points where no derivative exists.

``docs/singular_points.md`` is written from these, each line of it is a test, and ``strict()`` reads the conventions.
Never here: a rule, or NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A point where a function has no ordinary derivative, and the gradient that is returned there; each is a line
    of docs/singular_points.md, and a test.

    operands: of the function. gradient: one entry an operand, of the sum of the outputs (None: no derivative in it).
    kind: "convention" (no derivative exists), "shared" (a convention: ties share evenly), "infinite", "undefined"
    (NaN), "limit" (the derivative exists, and the plain formula misses it), or "jump" (the derivative exists, and the
    second does not). second: the derivative of the first gradient's sum in the first operand, where it is worth a line.
    """

    operands: tuple[Any, ...]
    gradient: tuple[Any, ...]
    kind: str
    second: Any = None
    static: dict[str, Any] = {}


class Convention(NamedTuple):
    """Where a derivative is a convention, for ``strict()``: ``where(...)`` names what it reads, as a rule does, and
    returns booleans; then the message's words for the point, the value given there, and the form to write instead."""

    where: Callable[..., Any]
    at: str
    gives: str
    write: str


SINGULAR: dict[str, tuple[Callable[..., Any], tuple[Point, ...]]] = {}  # name in the docs -> function, its points


def state_points(fn: Any, name: str, numpy: tuple[Any, ...], points: tuple[Point, ...]) -> None:
    """Note the points of a function under the name of the NumPy function it stands for, or its own."""
    if points:
        function = next((f for f in numpy if not isinstance(f, tuple)), None)
        if function is not None:
            name = f"{str(getattr(function, '__module__', 'numpy')).replace('numpy', 'np')}.{function.__name__}"
        SINGULAR[name] = fn, points
