"""The interface between the table of operations and the writer of a graph, and facts of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .steps import ExportError, Step, Varies

__all__ = ["Entry", "Writer", "axes_of", "fixed", "integers", "rank", "refuse"]


class Writer(Protocol):
    """The methods that an entry may call."""

    def emit(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one result, and return the result's name."""

    def emit_several(self, operator: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several results, and return their names; "" is an input that is left out."""

    def operand(self, step: Step, k: int) -> str:
        """Return the name of an operand, converted to the dtype of the result."""

    def raw(self, value: Any, dtype: Any = None) -> str:
        """Return the name of a Value, or of a number of that dtype, not converted."""

    def constant(self, array: Any) -> str:
        """Return the name of a constant."""


Entry = str | Callable[[Writer, Step], str]


def refuse(step: Step, why: str) -> ExportError:
    """Return the error that names the module and the operation."""
    return ExportError(f"{step.place}, {step.row.name}: {why}")


def integers(to: Writer, *numbers: int) -> str:
    """Return the name of a constant of integers: operators take axes and shapes as such inputs."""
    return to.constant(np.array(numbers, np.int64))


def rank(step: Step) -> int:
    """Return the number of axes of the first operand."""
    return len(step.operands[0].shape)


def axes_of(step: Step, name: str = "axis") -> list[int]:
    """Return the axes that a row goes over, from 0."""
    axis, n = step.static[name], rank(step)
    return sorted(a % n for a in (range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,)))


def fixed(step: Step, lengths: Sequence[int | Varies]) -> list[int]:
    """Return the lengths as integers. Raise ExportError for one that depends on the number of examples."""
    numbers = [n for n in lengths if not isinstance(n, Varies)]
    if len(numbers) < len(lengths):
        raise refuse(step, "along the axis of the examples cannot be exported")
    return numbers
