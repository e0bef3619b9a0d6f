"""What a row states of its singular points: ties, kinks, infinite slopes, points where no derivative exists.

``docs/singular_points.md`` is written from these, each line of it is a test, and ``strict()`` reads the conventions.
Never here: a rule, or NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A point where a function has no ordinary derivative, and what is answered there; a line of
    docs/singular_points.md, and a test.

    operands: of the function. gradient: one entry an operand, of the sum of the outputs (None: no derivative in it).
    kind: "convention" (no derivative exists), "shared" (a convention: ties share evenly), "infinite", "undefined"
    (NaN), or "limit" (the derivative exists, and the plain formula misses it). second: the derivative of the first
    gradient's sum in the first operand, where it is worth a line.
    """

    operands: tuple[Any, ...]
    gradient: tuple[Any, ...]
    kind: str
    second: Any = None
    static: dict[str, Any] = {}


class Convention(NamedTuple):
    """Where a derivative is a convention, for ``strict()``: ``where(...)`` names what it reads, as a rule does, and
    returns booleans; then how the message calls the point, what is given there, and what to write instead."""

    where: Callable[..., Any]
    at: str
    gives: str
    write: str
