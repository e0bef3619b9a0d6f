"""Facts of rows and of modules for pictures, explanations and the ways out of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Facts of an operation for pictures and explanations.

    formula: of each local derivative, made of ``{a}``, ``{b}`` and the output ``{y}``. commutative: whether a constant
    may be written on either side. view: whether it only arranges its elements anew. title: of its card, where the name
    will not do. positive: every value is above 0, so that a zero is an underflow. rectifier: 0 on a half-line, with
    slope 0, so that a unit whose outputs are all 0 is dead. causes: how an infinity or NaN comes about: pairs of the
    operands needed, such as "inf zero", and a text in signs. remedies: for a value or a derivative that is NaN or
    infinite: pairs of a form that ends in this operation, such as ``log(softmax(x))``, or "", and a text. flat:
    the derivative is 0 wherever it exists. guard: where the derivative in x is finite, as a condition in NumPy.

    How it is written: call, with ``{x}`` in place of the operand, where it is not ``np.name({x})``; infix, its
    sign between two operands, where the symbol will not do; prefix: its sign stands before the operand; power: the
    second operand is an exponent, or 2 where there is none. pairs: the operands are weights, then the values that they
    multiply, then a bias.

    Why a gradient ends here: factors: each operand multiplies the gradient of the other. saturates: for large operands
    the derivative underflows. grows: for large operands the result overflows, and not at a pole. pole: the position of
    the operand whose value makes the derivative infinite, where it is not the operand itself. leaves_out: the elements
    that a row which selects does not pass on: "branch", "bounds" or "negative". masks: an element of -inf
    has no weight. classes: the last axis is one of classes, and not of examples.
    """

    formula: tuple[str, ...] = ()
    commutative: bool = False
    view: bool = False
    title: str = ""
    positive: bool = False
    rectifier: bool = False
    causes: tuple[tuple[str, str], ...] = ()
    remedies: tuple[tuple[str, str], ...] = ()
    flat: bool = False
    guard: str = ""
    call: str = ""
    infix: str = ""
    prefix: bool = False
    power: bool = False
    pairs: bool = False
    factors: bool = False
    saturates: bool = False
    grows: bool = False
    pole: int | None = None
    leaves_out: str = ""
    masks: bool = False
    classes: bool = False


def is_flat(node: Any) -> bool:
    """Return whether a flat operation made a node: a plain value of it loses no gradient."""
    return node.op is not None and node.op.shown.flat


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """Facts of a module for pictures, the result of its method ``picture_facts()``, where it has one.

    sizes: such as ``784 → 128``, where attributes such as ``in_features`` and ``in_channels`` do not give them.
    kernel: lengths of the windows of a convolution or a pool. heads: of an attention. filters: weights (outputs,
    inputs, *kernel), drawn as tiles. attention: the row whose result (N, heads, L, S) is drawn as tiles, under
    ``record()``. whole: one card, though there are modules inside.

    >>> from autodiff import extend
    >>> extend.ModuleFacts(kernel=(3, 3)).kernel
    (3, 3)
    """

    sizes: str = ""
    kernel: tuple[int, ...] = ()
    heads: int = 0
    filters: Any = None
    attention: str = ""
    whole: bool = False
