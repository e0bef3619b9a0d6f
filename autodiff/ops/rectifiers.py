"""Activations with kinks: relu and the like, limits and thresholds, and the exponential units.

The row of each has the points where its derivative is a convention, and its value. Functions limited to an interval
follow clip:
slope 1 at the bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..registry import composite
from ..registry.singular_points import Convention, Point
from .activations import activation
from .kernels import loud, select


def _relu_vjp(g: Any, y: Any) -> Any:
    if y.__class__ is float:
        return g * (y > 0.0) if y == y else g * y
    return g * np.sign(y)  # 0, 1, and NaN of NaN


relu = activation(
    lambda x: np.maximum(x, 0.0),
    "relu",
    "Return max(x, 0), with derivative 0 at 0 (Nair and Hinton 2010).",
    _relu_vjp,
    scalar=lambda x: x if x > 0.0 or x != x else 0.0,
    kink=np.abs,
    selects=True,
    convention=Convention(lambda x: x == 0, "x is 0", "0", "Write np.where(x < 0, 0, x) for the slope 1 there."),
    points=(Point((0.0,), (0.0,), "convention", 0.0),),
    reference=lambda x: np.where(x > 0, x, 0.0),
    formula=("1 where {a} > 0, else 0",),
    rectifier=True,
    leaves_out="negative",
)


def _leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    return np.maximum(x, negative_slope * x) if 0 <= negative_slope <= 1 else select(x > 0, x, negative_slope * x)


leaky_relu = activation(
    _leaky_relu,
    "leaky_relu",
    "Return x for x > 0, negative_slope x below; the derivative at 0 is negative_slope.",
    lambda g, x, negative_slope: loud(select(x > 0, g, negative_slope * g), x),
    kink=lambda x, **_: np.abs(x),
    convention=Convention(lambda x: x == 0, "x is 0", "negative_slope", "Write np.where(x < 0, slope * x, x)."),
    points=(Point((0.0,), (0.01,), "convention", 0.0),),
)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    return select(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


elu = activation(
    _elu,
    "elu",
    "Return x for x > 0, alpha (exp(x) - 1) below (Clevert et al. 2015, https://arxiv.org/abs/1511.07289).",
    lambda g, x, alpha: select(x > 0, g, g * (alpha * np.exp(select(x > 0, 0.0, x)))),
    kink=lambda x, **_: np.abs(x),
    points=(Point((0.0,), (1.0,), "jump", 1.0),),
)

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
selu = activation(
    lambda x: _SELU_SCALE * _elu(x, _SELU_ALPHA),
    "selu",
    "Return 1.0507 elu(x, 1.6733); the derivative at 0 is the one on the left (Klambauer et al. 2017, "
    "https://arxiv.org/abs/1706.02515).",
    lambda g, x: _SELU_SCALE * select(x > 0, g, g * (_SELU_ALPHA * np.exp(select(x > 0, 0.0, x)))),
    method=False,
    kink=np.abs,
    convention=Convention(lambda x: x == 0, "x is 0", "the slope on the left", "Write np.where with the branch meant."),
    points=(Point((0.0,), (_SELU_SCALE * _SELU_ALPHA,), "convention"),),
)


def _celu(x: Any, alpha: float = 1.0) -> Any:
    return select(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha))


celu = activation(
    _celu,
    "celu",
    "Return x for x > 0, alpha (exp(x / alpha) - 1) below (Barron 2017, https://arxiv.org/abs/1704.07483).",
    lambda g, x, alpha: select(x > 0, g, g * np.exp(select(x > 0, 0.0, x) / alpha)),
    method=False,
    kink=lambda x, **_: np.abs(x),
    samples=((((3,),), {}), (((2,),), {"alpha": 0.5})),
    points=(Point((0.0,), (1.0,), "jump", 1.0),),
)
relu6 = activation(
    lambda x: np.minimum(np.maximum(x, 0.0), 6.0),
    "relu6",
    "Return x limited to [0, 6], with derivative 0 at 0 and 1 at 6.",
    lambda g, x: loud(g * ((x > 0) & (x <= 6)), x),
    method=False,
    kink=lambda x: np.minimum(np.abs(x), np.abs(x - 6.0)),
    selects=True,
    convention=Convention(
        lambda x: (x == 0) | (x == 6), "x is at a bound", "0 at 0 and 1 at 6", "Write np.where with the bound."
    ),
    points=(Point((0.0,), (0.0,), "convention", 0.0), Point((6.0,), (1.0,), "convention", 0.0)),
    rectifier=True,
)


def _hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return np.clip(x, min_val, max_val)


hardtanh = activation(
    _hardtanh,
    "hardtanh",
    "Return x limited to [min_val, max_val]; derivative 1 at the bounds, as of clip.",
    lambda g, x, min_val, max_val: loud(g * ((x >= min_val) & (x <= max_val)), x),
    method=False,
    kink=lambda x, min_val=-1.0, max_val=1.0: np.minimum(np.abs(x - min_val), np.abs(x - max_val)),
    selects=True,
    convention=Convention(
        lambda x, min_val, max_val: (x == min_val) | (x == max_val),
        "x is at a bound",
        "1",
        "Write np.where with the bound.",
    ),
    points=(Point((1.0,), (1.0,), "convention", 0.0), Point((-1.0,), (1.0,), "convention", 0.0)),
)


def _at_three(gives: str) -> dict[str, Any]:
    """Return the facts of a row with kinks at -3 and 3."""
    convention = Convention(lambda x: np.abs(x) == 3, "x is -3 or 3", gives, "Write np.where with the branch meant.")
    return dict(method=False, kink=lambda x: np.abs(np.abs(x) - 3.0), convention=convention)


hardsigmoid = activation(
    lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "hardsigmoid",
    "Return (x + 3) / 6 limited to [0, 1]; derivative 1/6 at the bounds, as of clip.",
    lambda g, x: loud(g * ((x >= -3) & (x <= 3)) / 6.0, x),
    selects=True,
    points=(Point((3.0,), (1 / 6,), "convention", 0.0), Point((-3.0,), (1 / 6,), "convention", 0.0)),
    **_at_three("1/6"),
    rectifier=True,
)
hardswish = activation(
    lambda x: x * (np.clip(x + 3.0, 0.0, 6.0) / 6.0),
    "hardswish",
    "Return x hardsigmoid(x); derivative 0 at -3 and 1 at 3 (Howard et al. 2019, https://arxiv.org/abs/1905.02244).",
    lambda g, x: loud(select(np.abs(x) < 3, g * (x / 3.0 + 0.5), g * (x >= 3)), x),
    points=(Point((3.0,), (1.0,), "convention"), Point((-3.0,), (0.0,), "convention")),
    **_at_three("0 at -3 and 1 at 3"),
    rectifier=True,
)


def _softshrink(x: Any, lambd: float = 0.5) -> Any:
    return x - np.clip(x, -lambd, lambd)


def _hardshrink(x: Any, lambd: float = 0.5) -> Any:
    return select(np.abs(x) <= lambd, 0.0, x)


_SHRINK = dict(
    method=False,
    kink=lambda x, lambd=0.5: np.abs(np.abs(x) - lambd),
    selects=True,
    convention=Convention(
        lambda x, lambd: np.abs(x) == lambd, "|x| is lambd", "0", "Write np.where with the branch meant."
    ),
    points=(Point((0.5,), (0.0,), "convention", 0.0),),
)
softshrink = activation(
    _softshrink,
    "softshrink",
    "Return x moved towards 0 by lambd, 0 between; derivative 0 at the bounds.",
    lambda g, x, lambd: loud(g * (np.abs(x) > lambd), x),
    **_SHRINK,
)
hardshrink = activation(
    _hardshrink,
    "hardshrink",
    "Return x, and 0 for |x| <= lambd, where the derivative is 0.",
    lambda g, x, lambd: loud(g * (np.abs(x) > lambd), x),
    **_SHRINK,
)


def _threshold(x: Any, threshold: float = 0.0, value: float = 0.0) -> Any:
    return select(x <= threshold, value, x)


threshold = activation(
    _threshold,
    "threshold",
    "Return x above the threshold, elsewhere value, where the derivative is 0.",
    lambda g, x, threshold: loud(g * (x > threshold), x),
    method=False,
    kink=lambda x, threshold=0.0, **_: np.abs(x - threshold),
    selects=True,
    convention=Convention(
        lambda x, threshold: x == threshold, "x is the threshold", "0", "Write np.where with the branch meant."
    ),
    points=(Point((0.0,), (0.0,), "convention", 0.0),),
    samples=((((3,),), {}), (((2,),), {"threshold": 0.5, "value": -1.0})),
)
_prelu = activation(
    lambda x, weight: select(x > 0, x, weight * x),
    "prelu",
    "Return x for x > 0, weight x below.",
    (
        lambda g, x, weight: loud(select(x > 0, g, g * weight), x),
        lambda g, x: select(x > 0, 0.0, g * x),
    ),
    inputs="x weight",
    method=False,
    public=False,
    kink=lambda x, weight: np.abs(x),
    convention=Convention(lambda x: x == 0, "x is 0", "weight", "Write np.where(x < 0, weight * x, x)."),
    points=(Point((0.0, 0.25), (0.25, 0.0), "convention", 0.0),),
)


def prelu(x: Any, weight: Any) -> Any:
    """Return x for x > 0 and weight x below, with one weight or one a channel (``torch.nn.functional.prelu``).

    x: (N, C, ...) or any shape for one weight. weight: one element, or (C,). The derivative in x at 0 is the weight.
    Raises ValueError when there are neither 1 nor C weights (He et al. 2015, https://arxiv.org/abs/1502.01852).

    >>> import autodiff as ad
    >>> w = ad.tensor([0.25])
    >>> ad.prelu(ad.tensor([-2.0, 3.0]), w).sum().backward(); w.grad
    array([-2.])
    """
    shape, count = np.shape(x), int(np.size(getattr(weight, "data", weight)))
    channels = shape[1] if len(shape) > 1 else 1
    if count not in (1, channels) or np.ndim(weight) > 1:
        raise ValueError(
            f"prelu: weight of shape {np.shape(weight)} must have 1 element or one for each of the {channels} channels "
            f"(axis 1) of x of shape {shape}."
        )
    if np.ndim(weight):
        weight = np.reshape(weight, (-1,) + (1,) * (len(shape) - 2) if count > 1 else ())
    return _prelu(x, weight)


composite(prelu)
