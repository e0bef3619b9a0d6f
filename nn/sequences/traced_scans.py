"""Passes over all steps inside `ad.compile`: one instruction forward and one backward, each a pass of `scans`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import extend

__all__ = ["TracedPass"]


class TracedPass:
    """A pass in a trace: the output, and the cotangents of the operands.

    kind: the class of the pass, see `scans`.
    """

    def __init__(self, kind: Any, operands: tuple[Any, ...], sizes: Any, reverse: bool) -> None:
        self.setting = kind, None if sizes is None else tuple(map(int, sizes)), reverse
        self.operands = operands
        self.result, *self.left = _forward(*self.setting, *operands)
        self.found: tuple[Any, Any] = (None, ())  # a cotangent, and those of the operands

    def __repr__(self) -> str:  # as that of a pass
        return f"<{self.operands[0].shape[0]} steps>"

    def output(self) -> Any:
        """Return the outputs and the last states."""
        return self.result

    def cotangent(self, g: Any, i: int) -> Any:
        """Return the cotangent of operand i. The steps are computed once for all operands."""
        if self.found[0] is not g:
            self.found = g, _backward(*self.setting, g, self.operands, tuple(self.left))
        return self.found[1][i]


@extend.one_call
def _forward(kind: Any, sizes: Any, reverse: bool, *operands: Any) -> tuple[Any, ...]:
    """Return the output of a pass, and the arrays that it saves for the backward pass."""
    made = kind(operands, sizes, reverse)
    return (made.output(), *[array for _, array in _arrays(made)])


@extend.one_call
def _backward(kind: Any, sizes: Any, reverse: bool, g: Any, operands: Any, left: Any) -> tuple[Any, ...]:
    """Return the cotangents of all operands, from the arrays that `_forward` saved."""
    made = kind.__new__(kind)
    made.begin(operands, sizes, reverse)
    for name, array in zip(kind.left, left, strict=True):
        setattr(made, name, array)
    return tuple([np.asarray(made.cotangent(g, i)) for i in range(len(operands))])


def _arrays(made: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(made, name)) for name in type(made).left]
