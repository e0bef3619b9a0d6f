"""Rows of sums, products, quotients, remainders, and the absolute value.

Never here: powers and roots (``powers``), signs and rounding (``rounding``).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...errors import kind_of
from ...registry import REAL as ANY
from ...registry import composite
from ...registry.singular_points import Convention, Point
from ...variable import plain
from .conventions import INF, NAN, POSITIVE, or_one, row, settled

add = row(
    np.add,
    "Return a + b.",
    (lambda g: g, lambda g: g),
    operator.add,
    symbol="+",
    complex=True,
    formula=("1", "1"),
    commutative=True,
    remedies=(("", "keep both sides finite before adding"),),
    causes=(("inf", "∞ − ∞ = NaN"),),
)
subtract = row(
    np.subtract,
    "Return a - b.",
    (lambda g: g, lambda g: -g),
    operator.sub,
    symbol="−",
    complex=True,
    formula=("1", "−1"),
    remedies=(("", "keep both sides finite before subtracting"),),
    causes=(("inf", "∞ − ∞ = NaN"),),
)
multiply = row(
    np.multiply,
    "Return a b.",
    (lambda g, b: g * b, lambda g, a: g * a),
    operator.mul,
    symbol="×",
    complex=True,
    formula=("{b}", "{a}"),
    commutative=True,
    remedies=(("multiply(0, x)", "np.where(a == 0, 0, a * np.where(a == 0, 1, b)), where b is infinite and a is 0"),),
    causes=(("inf zero", "0 × {inf} = NaN"),),
    grows=True,
    factors=True,
)
divide = row(
    np.divide,
    "Return a / b.",
    (lambda g, b: g / b, lambda g, y, b: -g * y / b),
    operator.truediv,
    symbol="÷",
    singular=True,
    domain=(ANY, POSITIVE),
    points=(Point((1.0, 0.0), (INF, -INF), "infinite"), Point((0.0, 0.0), (INF, NAN), "undefined")),
    complex=True,
    formula=("1/{b}", "−{a}/{b}²"),
    remedies=(
        ("divide(exp(x), sum(exp(x)))", "ad.softmax(x, axis) in place of np.exp(x) / np.sum(np.exp(x), axis)"),
        ("divide(exp(x), add(1, exp(x)))", "ad.sigmoid(x) in place of np.exp(x) / (1 + np.exp(x))"),
        ("divide(1, add(1, exp(negative(x))))", "ad.sigmoid(x) in place of 1 / (1 + np.exp(-x))"),
        ("divide(sinh(x), cosh(x))", "np.tanh(x) in place of np.sinh(x) / np.cosh(x)"),
        (
            "divide(subtract(exp(x), exp(negative(x))), add(exp(x), exp(negative(x))))",
            "np.tanh(x) in place of (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))",
        ),
        ("divide(sin(x), x)", "np.sinc(x / np.pi) in place of np.sin(x) / x"),
        ("divide(a, 0)", "a / np.where(b == 0, 1, b), which is a where b is 0"),
    ),
    causes=(("inf inf", "∞ ÷ ∞ = NaN"), ("", "0 ÷ 0 = NaN"), ("zero", "x ÷ 0 = ∞")),
    grows=True,
    pole=1,
)
negative = row(
    np.negative, "Return -x.", lambda g: -g, operator.neg, symbol="−", complex=True, formula=("−1",), prefix=True
)
positive = row(
    np.positive, "Return +x.", lambda g: g, operator.pos, symbol="+", complex=True, formula=("1",), prefix=True
)
reciprocal = row(
    np.reciprocal,
    "Return 1 / x.",
    lambda g, y: -g * y * y,
    lambda x: 1.0 / x,
    symbol="1/x",
    singular=True,
    domain=POSITIVE,
    points=(Point((0.0,), (-INF,), "infinite"),),
    complex=True,
    formula=("−{y}²",),
    causes=(("zero", "1 ÷ 0 = ∞"),),
    guard="x != 0",
)
square = row(
    np.square,
    "Return x².",
    lambda g, x: 2.0 * g * x,
    lambda x: x * x,
    symbol="square",
    method=True,
    complex=True,
    formula=("2{a}",),
    grows=True,
    power=True,
)


def _direction(x: Any, y: Any) -> Any:
    """Return the sign of x; of a complex number its conjugate over its absolute value y. 0 at 0: for real numbers that
    is a kink, for complex ones the tip of a cone, which has no second derivative."""
    return settled(np.conjugate(x), y == 0) / or_one(y) if np.iscomplexobj(x) else np.sign(x)


absolute = row(
    np.absolute,
    "Return |x|, with derivative 0 at 0.",
    lambda g, x, y: g * _direction(x, y),
    abs,
    symbol="abs",
    kink=np.abs,
    method="abs",
    convention=Convention(lambda x: x == 0, "x is 0", "0", "Write np.where(x < 0, -x, x) for the slope 1 there."),
    points=(Point((0.0,), (0.0,), "convention", 0.0), Point((-0.0,), (0.0,), "convention", 0.0)),
    complex=True,
)


def fabs(x: Any) -> Any:
    """Return |x| of real numbers (``np.fabs``), with derivative 0 at 0.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([3.0, -4.0])
    >>> np.fabs(x).sum().backward(); x.grad
    array([ 1., -1.])
    """
    if np.iscomplexobj(plain(x)):
        raise TypeError(f"fabs takes real numbers; got {kind_of(x)}. Write np.abs(x).")
    return absolute(x)


composite(fabs, numpy=(np.fabs,))
remainder = row(
    np.remainder,
    "Return the remainder of a / b with the sign of b.",
    (lambda g: g, lambda g, a, b: -g * np.floor_divide(a, b)),  # floor(a / b) rounds 1 / 0.1 up to 10, where 9 fit
    symbol="mod",
    singular=True,
    domain=(POSITIVE, POSITIVE),
    kink=lambda a, b: np.abs(a / b - np.rint(a / b)) * np.abs(b),
)
fmod = row(
    np.fmod,
    "Return the remainder of a / b with the sign of a.",
    (lambda g: g, lambda g, a, b: -g * np.rint((a - np.fmod(a, b)) / b)),
    singular=True,
    domain=(POSITIVE, POSITIVE),
    kink=lambda a, b: np.abs(a / b - np.rint(a / b)) * np.abs(b),
)
