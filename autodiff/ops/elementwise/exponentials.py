"""Rows of exponentials and logarithms.

Constants are Python numbers (``math.log(2)``), which never upcast float32.
"""

from __future__ import annotations

import math

import numpy as np

from ...registry.singular_points import Point
from ..activations import sigmoid
from .conventions import INF, NAN, POSITIVE, row

LN2, LN10 = math.log(2.0), math.log(10.0)

# Forms in which a sigmoid is written, and the remedies for their logarithms.
SIGMOIDS = ("sigmoid(x)", "divide(1, add(1, exp(negative(x))))", "divide(exp(x), add(1, exp(x)))")
_LOG_SIGMOID = (
    "ad.logsigmoid(x) in place of np.log(ad.sigmoid(x)); ad.bce_with_logits(x, y) has both logarithms of a loss"
)
_LOG_OTHER = "ad.logsigmoid(-x) in place of np.log(1 - ad.sigmoid(x)); ad.bce_with_logits(x, y) has both logarithms"

exp = row(
    np.exp,
    "Return e ** x.",
    lambda g, y: g * y,
    math.exp,
    singular=True,
    method=True,
    complex=True,
    formula=("{y}",),
    positive=True,
    remedies=(("", "smaller inputs; where only ratios matter, np.exp(x - np.max(x))"),),
    saturates=True,
    grows=True,
)
exp2 = row(
    np.exp2,
    "Return 2 ** x.",
    lambda g, y: g * y * LN2,
    singular=True,
    complex=True,
    positive=True,
    saturates=True,
    grows=True,
)
expm1 = row(
    np.expm1,
    "Return e ** x - 1, exact near 0.",
    lambda g, x: g * np.exp(x),
    math.expm1,
    singular=True,
    method=True,
    complex=True,
    formula=("{y} + 1",),
    grows=True,
)
log = row(
    np.log,
    "Return the natural logarithm.",
    lambda g, x: g / x,
    math.log,
    singular=True,
    domain=POSITIVE,
    method=True,
    points=(Point((0.0,), (INF,), "infinite", -INF),),
    complex=True,
    formula=("1/{a}",),
    remedies=(
        ("log(softmax(x))", "ad.log_softmax(logits) in place of np.log(ad.softmax(logits))"),
        (
            "log(divide(exp(x), sum(exp(x))))",
            "ad.log_softmax(x, axis) in place of np.log(np.exp(x) / np.sum(np.exp(x), axis))",
        ),
        ("log(sum(exp(x)))", "ad.logsumexp(x, axis) in place of np.log(np.sum(np.exp(x), axis))"),
        (
            "log(mean(exp(x)))",
            "ad.logsumexp(x, axis) - np.log(x.shape[axis]) in place of np.log(np.mean(np.exp(x), axis))",
        ),
        ("log(exp(x))", "x in place of np.log(np.exp(x))"),
        ("log(add(1, exp(x)))", "ad.softplus(x) in place of np.log(1 + np.exp(x))"),
        *[(f"log({s})", _LOG_SIGMOID) for s in SIGMOIDS],
        *[(f"log(subtract(1, {s}))", _LOG_OTHER) for s in SIGMOIDS],
    ),
    causes=(("zero", "log(0) = −∞"),),
    guard="x > 0",
)
log2 = row(
    np.log2,
    "Return the logarithm of base 2.",
    lambda g, x: g / (x * LN2),
    math.log2,
    singular=True,
    domain=POSITIVE,
    points=(Point((0.0,), (INF,), "infinite"),),
    complex=True,
    causes=(("zero", "log(0) = −∞"),),
    guard="x > 0",
)
log10 = row(
    np.log10,
    "Return the logarithm of base 10.",
    lambda g, x: g / (x * LN10),
    math.log10,
    singular=True,
    domain=POSITIVE,
    points=(Point((0.0,), (INF,), "infinite"),),
    complex=True,
    causes=(("zero", "log(0) = −∞"),),
    guard="x > 0",
)
log1p = row(
    np.log1p,
    "Return log(1 + x), exact near 0.",
    lambda g, x: g / (1.0 + x),
    math.log1p,
    singular=True,
    domain=(-1.0, math.inf),
    method=True,
    complex=True,
    points=(Point((-1.0,), (INF,), "infinite"),),
    formula=("1/(1 + {a})",),
    guard="x > -1",
    remedies=(("log1p(exp(x))", "ad.softplus(x) in place of np.log1p(np.exp(x))"),),
)
logaddexp = row(
    np.logaddexp,
    "Return log(e**a + e**b) without overflow.",
    (lambda g, a, b: g * sigmoid(a - b), lambda g, a, b: g * sigmoid(b - a)),
    points=(
        Point((-INF, 0.0), (0.0, 1.0), "limit"),
        Point((-INF, -INF), (NAN, NAN), "undefined"),
    ),
)
logaddexp2 = row(
    np.logaddexp2,
    "Return log2(2**a + 2**b) without overflow.",
    (lambda g, a, b: g * sigmoid((a - b) * LN2), lambda g, a, b: g * sigmoid((b - a) * LN2)),
)
