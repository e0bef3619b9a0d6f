"""Smooth activations: rows with a rule of their own for precision or speed, and the softmax. Those with kinks are in
``rectifiers``.

Each names in ``reference`` the composite it replaces; a test compares both to second order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backward.sums import sum_dtype
from ..batching.ways import reduced
from ..registry import composite, op
from ..registry.singular_points import Point
from .axes import kept_max, kept_sum
from .special.blocks import evaluate, horner
from .special.normal import density, erf, ndtr
from .special.values import normal as normal_values

_AXIS: tuple[Any, ...] = ((((3, 4),), {}), (((3, 4),), {"axis": 0}), (((2, 3, 2),), {"axis": 1}), (((1,),), {}))


def activation(fn: Any, name: str, doc: str, vjp: Any, **facts: Any) -> Any:
    """Return an elementwise row, a method of the handles by default."""
    return op(fn, name=name, vjp=vjp, elementwise=True, doc=doc, method=facts.pop("method", True), **facts)


# ---- sigmoids
def _sigmoid(x: Any) -> Any:
    return np.exp(np.minimum(x, 0.0)) / (1.0 + np.exp(-np.abs(x)))


def _scalar_sigmoid(x: float) -> float:
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


def _sigmoid_slope(x: Any) -> Any:
    if x.__class__ is float:
        e = math.exp(-abs(x))
        return e / (1.0 + e) / (1.0 + e)
    e = np.exp(-np.abs(x))
    return e / np.square(1.0 + e)


sigmoid_slope = op(
    _sigmoid_slope,
    name="sigmoid_slope",
    elementwise=True,
    public=False,
    vjp=lambda g, y, x: -g * y * np.tanh(0.5 * x),  # 1 - 2 sigmoid(x), without its cancellation near 0
    doc="Return the derivative of sigmoid.",
)
sigmoid: Any = activation(
    _sigmoid,
    "sigmoid",
    "Return 1 / (1 + exp(-x)) without overflow (``scipy.special.expit``).",
    lambda g, x: g * sigmoid_slope(x),
    scalar=_scalar_sigmoid,
    symbol="σ",
    reference=lambda x: 1.0 / (1.0 + np.exp(-x)),
    formula=("{y}(1 − {y})",),
    positive=True,
    saturates=True,
)


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


softplus = activation(
    _softplus,
    "softplus",
    "Return log(1 + exp(x)) without overflow.",
    lambda g, x: g * sigmoid(x),
    scalar=lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))) if x == x else x,
    reference=lambda x: np.log1p(np.exp(x)),
    saturates=True,
)
logsigmoid = activation(
    lambda x: -_softplus(-x),
    "logsigmoid",
    "Return log(sigmoid(x)) without overflow.",
    lambda g, x: g * sigmoid(-x),
    reference=lambda x: -np.log1p(np.exp(-x)),
    saturates=True,
)
silu = activation(
    lambda x: x * _sigmoid(x),
    "silu",
    "Return x sigmoid(x) (SiLU, swish; Elfwing et al. 2018, https://arxiv.org/abs/1702.03118).",
    lambda g, x: g * (sigmoid(x) * (1.0 + x * sigmoid(-x))),
    reference=lambda x: x * sigmoid(x),
    saturates=True,
)


def glu(x: Any, axis: int = -1) -> Any:
    """Return a sigmoid(b), a and b being the halves of x along an axis (``torch.nn.functional.glu``).

    x: an even length along ``axis``, which comes out halved. Raises ValueError for an odd one (Dauphin et al. 2016,
    https://arxiv.org/abs/1612.08083).

    >>> import autodiff as ad
    >>> ad.glu(ad.tensor([2.0, 0.0])).data
    array([1.])
    """
    shape = np.shape(x)
    if not shape or shape[axis] % 2:
        raise ValueError(f"glu: axis {axis} of x of shape {shape} must have an even length, to be halved.")
    a, b = np.split(x, 2, axis=axis)
    return a * sigmoid(b)


composite(glu)


# ---- tanh and its relatives
def _sech_squared(x: Any) -> Any:
    c = math.cosh(x) if x.__class__ is float else np.cosh(x)
    return 1.0 / c / c  # c * c would overflow where the quotient is still a number


sech_squared = op(
    _sech_squared,
    name="sech_squared",
    elementwise=True,
    public=False,
    vjp=lambda g, y, x: -2.0 * g * y * np.tanh(x),
    doc="Return 1 / cosh(x)², the derivative of tanh.",
)


def _mish_vjp(g: Any, x: Any) -> Any:
    s = softplus(x)
    return g * (np.tanh(s) + x * sech_squared(s) * sigmoid(x))


mish = activation(
    lambda x: x * np.tanh(_softplus(x)),
    "mish",
    "Return x tanh(softplus(x)) (Misra 2019, https://arxiv.org/abs/1908.08681).",
    _mish_vjp,
    method=False,
    reference=lambda x: x * np.tanh(np.log1p(np.exp(x))),
)
softsign = activation(
    lambda x: x / (1.0 + np.abs(x)),
    "softsign",
    "Return x / (1 + |x|).",
    lambda g, x: g / np.square(1.0 + np.abs(x)),
    method=False,
    kink=np.abs,
    points=(Point((0.0,), (1.0,), "jump", 0.0),),
)


def _tanhshrink(x: Any) -> Any:
    """Return x - tanh(x); near 0 the power series of x cosh(x) - sinh(x), whose terms have one sign, over cosh(x)."""
    square = np.minimum(x * x, 1.0)
    series = horner(tuple([2.0 * k / math.factorial(2 * k + 1) for k in range(10, 0, -1)]), square)
    return np.where(np.abs(x) < 1.0, x * square * series / np.cosh(np.clip(x, -1.0, 1.0)), x - np.tanh(x))


tanhshrink = activation(
    lambda x: evaluate(_tanhshrink, x),
    "tanhshrink",
    "Return x - tanh(x), without the cancellation near 0.",
    lambda g, x: g * np.square(np.tanh(x)),
    method=False,
    reference=lambda x: x - np.tanh(x),
)

# ---- GELU
_C = math.sqrt(2.0 / math.pi)


def _gelu_argument(x: Any) -> Any:
    """Return 2 sqrt(2/pi) (x + 0.044715 x³): the tanh form is x sigmoid of this, which keeps its digits on the left."""
    return 2.0 * _C * (x + 0.044715 * x * x * x)


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return evaluate(normal_values.gelu, x, single=normal_values.gelu_single)
    if approximate == "tanh":
        return x * _sigmoid(_gelu_argument(np.clip(x, -25.0, None)))  # 0 further left, where x**3 would overflow
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh'; got {approximate!r}.")


def _gelu_kept(x: Any, approximate: str = "none") -> tuple[Any, Any]:
    """Return the value and the slope: they share the exponential, which takes most of the time."""
    if approximate != "none":
        return _gelu(x, approximate), None
    single = normal_values.gelu_and_slope_single
    y, slope = evaluate(normal_values.gelu_and_slope, x, single=single, results=2)
    return y, slope


def _gelu_vjp(g: Any, kept: Any, x: Any, approximate: str) -> Any:
    if approximate == "none":
        if kept is not None:
            return g * kept
        x = np.clip(x, -40.0, 40.0)  # beyond, the slope is 0 and 1, and x times the density 0 * inf
        return g * (ndtr(x) + x * density(x))
    x = np.clip(x, -25.0, 25.0)  # beyond, the slope is 0 and 1, and x**3 would overflow into 0 * inf
    u = _gelu_argument(x)
    return g * (sigmoid(u) * (1.0 + x * sigmoid(-u) * (2.0 * _C * (1.0 + 3 * 0.044715 * x * x))))


gelu = activation(
    _gelu,
    "gelu",
    "Return x Φ(x), or its tanh form (GELU; Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415).",
    _gelu_vjp,
    samples=((((3, 4),), {}), (((3, 4),), {"approximate": "tanh"})),
    keep=_gelu_kept,
    reference=lambda x, approximate="none": (
        0.5 * x * (1.0 + (erf(x * math.sqrt(0.5)) if approximate == "none" else np.tanh(_C * (x + 0.044715 * x**3))))
    ),
    saturates=True,
)


# ---- softmax
def _softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    e = np.exp(x - kept_max(x, axis))
    total = kept_sum(e, axis, sum_dtype(e))
    return e / total if e.dtype != np.float16 else (e / total).astype(e.dtype)


def _log_softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    z = x - kept_max(x, axis)
    return (z - np.log(kept_sum(np.exp(z), axis, sum_dtype(z)))).astype(z.dtype, copy=False)


def _balanced(d: Any, p: Any, axis: int | tuple[int, ...]) -> Any:
    """Return d, which sums to 0 along the axis, with the entry where p is above 1/2 computed from the others: 1 - p
    would cancel."""
    top = p > 0.5  # one entry of a slice at most
    if d.__class__ is np.ndarray:  # made by the rule, which may write into it
        if np.logical_or.reduce(top, axis=None):
            np.copyto(d, 0.0, where=top)
            np.subtract(d, kept_sum(d, axis), out=d, where=top)
        return d
    others = np.where(top, 0.0, d)
    return others - np.where(top, np.sum(others, axis=axis, keepdims=True), 0.0)


def _softmax_vjp(g: Any, y: Any, axis: int | tuple[int, ...]) -> Any:
    return _balanced(y * (g - kept_sum(g * y, axis)), y, axis)


def _log_softmax_vjp(g: Any, y: Any, axis: int | tuple[int, ...]) -> Any:
    p = np.exp(y)
    return _balanced(g - p * kept_sum(g, axis), p, axis)


softmax = op(
    _softmax,
    name="softmax",
    batch=reduced,
    method=True,
    samples=_AXIS,
    vjp=_softmax_vjp,
    points=(
        Point(([-math.inf, 0.0, 0.0],), ([0.0, 0.0, 0.0],), "limit"),
        Point(([math.inf, 0.0],), ([math.nan, math.nan],), "undefined"),
        Point(([-math.inf, -math.inf],), ([math.nan, math.nan],), "undefined"),
    ),
    reference=lambda x, axis=-1: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True),
    doc="Return exp(x) / sum(exp(x)) along an axis.",
    formula=("diag({y}) − {y} {y}ᵀ",),
    positive=True,
    saturates=True,
    masks=True,
)
log_softmax = op(
    _log_softmax,
    name="log_softmax",
    batch=reduced,
    method=True,
    samples=_AXIS,
    vjp=_log_softmax_vjp,
    reference=lambda x, axis=-1: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)),
    doc="Return log(softmax(x)) along an axis.",
    saturates=True,
    masks=True,
)


def softmin(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """Return softmax(-x) along an axis (``torch.nn.functional.softmin``).

    >>> import autodiff as ad
    >>> ad.softmin(ad.tensor([0.0, 0.0])).data
    array([0.5, 0.5])
    """
    return softmax(-x, axis=axis)


composite(softmin)
