"""Rows of one value at a time: NumPy's real ufuncs that have a derivative, and where, clip, sinc.

Rules are arranged against cancellation: 1 / cosh(x)**2 instead of 1 - tanh(x)**2, sqrt((1 - x)*(1 + x)) instead of
sqrt(1 - x*x). Constants are Python numbers (``math.log(2)``), which never upcast float32. ``singular`` marks
rules that can be infinite, ``settled`` a convention where no derivative exists.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..errors import missing_argument
from ..other_arrays import is_foreign
from ..registry import REAL as ANY
from ..registry import Op, composite, op
from ..registry.singular_points import Convention, Point
from ..variable import Variable, plain
from .activations import sech_squared, sigmoid
from .kernels import loud

POSITIVE = (0.0, math.inf)
INF, NAN = math.inf, math.nan
LN2, LN10 = math.log(2.0), math.log(10.0)


def _row(ufunc: Any, doc: str, vjp: Any, scalar: Any = None, **facts: Any) -> Any:
    return op(
        facts.pop("fn", ufunc),
        numpy=(ufunc,),
        name=facts.pop("name", ufunc.__name__),
        vjp=vjp,
        scalar=scalar,
        elementwise=True,
        doc=doc,
        **facts,
    )


# ---- where no derivative exists, and the first one is a convention
convention = Op(  # in no table: its derivative is the convention, not the limit
    lambda x, at: np.where(at, 0.0, x),
    (lambda g, at: np.where(at, NAN, g), None),
    name="convention",
    inputs="x at",
    elementwise=True,
    doc="x, and 0 at points where no derivative exists: then a derivative of it is NaN.",
)


def settled(x: Any, at: Any, *others: Any) -> Any:
    """x in a rule, 0 where ``at``; there the derivative of the rule in x and in the others, a second derivative, is NaN
    and no invention."""
    if not (at if at.__class__ is bool else is_foreign(plain(at)) or np.any(at)):
        return x
    x = convention(x, at)
    for other in others:
        if isinstance(other, Variable):
            x = x + np.where(at, convention(other, at), 0.0)
    return x


# ---- arithmetic
add = _row(
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
subtract = _row(
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
multiply = _row(
    np.multiply,
    "Return a b.",
    (lambda g, b: g * b, lambda g, a: g * a),
    operator.mul,
    symbol="×",
    complex=True,
    formula=("{b}", "{a}"),
    commutative=True,
    remedies=(("", "np.where(a == 0, 0, a * np.where(a == 0, 1, b)), where b is infinite and a is 0"),),
    causes=(("inf zero", "0 × {inf} = NaN"),),
)
divide = _row(
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
        ("exp", "ad.softmax(x) in place of np.exp(x) / np.sum(np.exp(x))"),
        ("", "a / np.where(b == 0, 1, b)"),
    ),
    causes=(("inf inf", "∞ ÷ ∞ = NaN"), ("", "0 ÷ 0 = NaN"), ("zero", "x ÷ 0 = ∞")),
)
negative = _row(np.negative, "Return -x.", lambda g: -g, operator.neg, symbol="−", complex=True, formula=("−1",))
positive = _row(np.positive, "Return +x.", lambda g: g, operator.pos, symbol="+", complex=True, formula=("1",))
reciprocal = _row(
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
square = _row(
    np.square,
    "Return x².",
    lambda g, x: 2.0 * g * x,
    lambda x: x * x,
    symbol="square",
    method=True,
    complex=True,
    formula=("2{a}",),
)


def _direction(x: Any, y: Any) -> Any:
    """Return the sign of x; of a complex number its conjugate over its absolute value y. 0 at 0."""
    return np.conjugate(x) / np.where(y == 0, 1.0, y) if np.iscomplexobj(x) else np.sign(x)


def _power(a: Any, b: Any) -> Any:
    """``a ** b``, which NumPy does faster than ``np.power`` for 2 and 0.5; of Python's own numbers, which raise or turn
    complex, NumPy's answer."""
    return a**b if a.__class__ is np.ndarray or b.__class__ is np.ndarray else np.power(a, b)


def _scalar_power(a: float, b: float) -> float:
    """C's pow; NaN where arrays take the square root instead."""
    return math.nan if b == 0.5 and a == -math.inf else math.pow(a, b)


def _one_less(a: Any, b: Any) -> Any:
    """Return the exponent b - 1, and another where b is 0 and a**-1 is infinite: so that b * a**(b - 1) is 0 there."""
    if isinstance(b, complex):
        return b - 1
    if isinstance(b, (float, int)):
        return b - 1 if b != 0 else 0
    return np.where((a == 0) & (b == 0), 1.0, b - 1.0)


def _power_vjp_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """y log a; and 0 at a = 0 < b, the limit."""
    return g * y * np.log(np.where((a == 0) & (np.real(b) > 0), 1.0, a))


power = _row(
    np.power,
    "Return a ** b; the derivative in b is NaN for a < 0, where only integer powers are defined.",
    (lambda g, a, b: g * (b * a ** _one_less(a, b)), _power_vjp_b),
    _scalar_power,
    fn=_power,
    symbol="**",
    singular=True,
    domain=(POSITIVE, ANY),
    points=(
        Point((0.0, 0.0), (0.0, -INF), "limit"),
        Point((0.0, 1.0), (1.0, 0.0), "limit"),
        Point((0.0, 2.0), (0.0, 0.0), "limit", 2.0),
        Point((0.0, 0.5), (INF, 0.0), "infinite"),
        Point((-2.0, 2.0), (-4.0, NAN), "undefined", 2.0),
    ),
    complex=True,
    formula=("{b} {a}^({b} − 1)",),
    remedies=(("", "a positive base, or np.square(x)"),),
    guard="x > 0",
)


def float_power(a: Any, b: Any) -> Any:
    """Return a ** b in float64 (``np.float_power``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0], dtype=np.float32)
    >>> np.float_power(x, 2).data
    array([1., 4.])
    """
    narrow = (np.dtype(np.float16), np.dtype(np.float32))
    a, b = [
        np.astype(x, np.float64) if getattr(x, "dtype", 0) in narrow and not isinstance(x, np.generic) else x
        for x in (a, b)
    ]
    return power(a, b)


composite(float_power, numpy=(np.float_power,), public=False)
sqrt = _row(
    np.sqrt,
    "Return the square root; the derivative at 0 is inf.",
    lambda g, y: 0.5 * g / y,
    math.sqrt,
    symbol="√",
    singular=True,
    domain=POSITIVE,
    method=True,
    points=(Point((0.0,), (INF,), "infinite", -INF),),
    complex=True,
    formula=("1/(2{y})",),
    remedies=(("", "np.sqrt(np.clip(x, 0, None)), or np.sqrt(x + 1e-12)"),),
    guard="x > 0",
)
cbrt = _row(
    np.cbrt,
    "Return the cube root; the derivative at 0 is inf.",
    lambda g, y: g / (3.0 * y * y),
    symbol="∛",
    singular=True,
    domain=POSITIVE,
    points=(Point((0.0,), (INF,), "infinite"),),
    guard="x != 0",
)
absolute = _row(
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
composite(absolute, numpy=(np.fabs,), public=False)
remainder = _row(
    np.remainder,
    "Return the remainder of a / b with the sign of b.",
    (lambda g: g, lambda g, a, b: -g * np.floor_divide(a, b)),  # floor(a / b) rounds 1 / 0.1 up to 10, where 9 fit
    symbol="mod",
    singular=True,
    domain=(POSITIVE, POSITIVE),
    kink=lambda a, b: np.abs(a / b - np.rint(a / b)) * np.abs(b),
)
fmod = _row(
    np.fmod,
    "Return the remainder of a / b with the sign of a.",
    (lambda g: g, lambda g, a, b: -g * np.rint((a - np.fmod(a, b)) / b)),
    singular=True,
    domain=(POSITIVE, POSITIVE),
    kink=lambda a, b: np.abs(a / b - np.rint(a / b)) * np.abs(b),
)
hypot = _row(
    np.hypot,
    "Return sqrt(a² + b²), with derivative 0 at the origin.",
    (
        lambda g, y, a, b: g * (settled(a, y == 0, b) / _or_one(y)),
        lambda g, y, a, b: g * (settled(b, y == 0, a) / _or_one(y)),
    ),
    math.hypot,
    kink=np.hypot,
    convention=Convention(lambda y: y == 0, "both operands are 0", "0", "Write np.sqrt(a * a + b * b + c), c > 0."),
    points=(Point((0.0, 0.0), (0.0, 0.0), "convention", NAN),),
)


def _or_one(y: Any) -> Any:
    """y, and 1 where it is 0."""
    return np.where(y == 0, 1.0, y) if np.ndim(y) else y if y != 0 else 1.0


# ---- exponential and logarithm
exp = _row(
    np.exp,
    "Return e ** x.",
    lambda g, y: g * y,
    math.exp,
    singular=True,
    method=True,
    complex=True,
    formula=("{y}",),
    positive=True,
    remedies=(("", "smaller inputs: np.exp(x - np.max(x))"),),
)
exp2 = _row(np.exp2, "Return 2 ** x.", lambda g, y: g * y * LN2, singular=True, complex=True, positive=True)
expm1 = _row(
    np.expm1,
    "Return e ** x - 1, exact near 0.",
    lambda g, x: g * np.exp(x),
    math.expm1,
    singular=True,
    method=True,
    complex=True,
    formula=("{y} + 1",),
)
log = _row(
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
        ("softmax", "ad.log_softmax(logits) in place of np.log(ad.softmax(logits))"),
        ("sigmoid", "ad.logsigmoid(x) in place of np.log(ad.sigmoid(x))"),
        ("sum exp", "ad.logsumexp(x) in place of np.log(np.sum(np.exp(x)))"),
        ("exp", "ad.log_softmax(x) or ad.logsumexp(x) in place of the logarithm of np.exp(x)"),
        ("", "np.log(np.clip(x, 1e-12, None)), or np.log1p(x) in place of np.log(1 + x)"),
    ),
    causes=(("zero", "log(0) = −∞"),),
    guard="x > 0",
)
log2 = _row(
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
log10 = _row(
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
log1p = _row(
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
)
logaddexp = _row(
    np.logaddexp,
    "Return log(e**a + e**b) without overflow.",
    (lambda g, a, b: g * sigmoid(a - b), lambda g, a, b: g * sigmoid(b - a)),
    points=(
        Point((-INF, 0.0), (0.0, 1.0), "limit"),
        Point((-INF, -INF), (NAN, NAN), "undefined"),
    ),
)
logaddexp2 = _row(
    np.logaddexp2,
    "Return log2(2**a + 2**b) without overflow.",
    (lambda g, a, b: g * sigmoid((a - b) * LN2), lambda g, a, b: g * sigmoid((b - a) * LN2)),
)

# ---- trigonometric and hyperbolic
sin = _row(
    np.sin,
    "Return the sine of x in radians.",
    lambda g, x: g * np.cos(x),
    math.sin,
    method=True,
    complex=True,
    formula=("cos {a}",),
)
cos = _row(
    np.cos,
    "Return the cosine of x in radians.",
    lambda g, x: -g * np.sin(x),
    math.cos,
    method=True,
    complex=True,
    formula=("−sin {a}",),
)
tan = _row(
    np.tan,
    "Return the tangent of x in radians.",
    lambda g, y: g * (1.0 + y * y),
    math.tan,
    domain=(-1.5, 1.5),
    complex=True,
)
arcsin = _row(
    np.arcsin,
    "Return the inverse sine.",
    lambda g, x: g / (np.sqrt(1.0 - x) * np.sqrt(1.0 + x)),
    math.asin,
    singular=True,
    domain=(-1.0, 1.0),
    complex=True,
    points=(Point((1.0,), (INF,), "infinite"), Point((-1.0,), (INF,), "infinite")),
    guard="abs(x) < 1",
)
arccos = _row(
    np.arccos,
    "Return the inverse cosine.",
    lambda g, x: -g / (np.sqrt(1.0 - x) * np.sqrt(1.0 + x)),
    math.acos,
    singular=True,
    domain=(-1.0, 1.0),
    complex=True,
    points=(Point((1.0,), (-INF,), "infinite"), Point((-1.0,), (-INF,), "infinite")),
    guard="abs(x) < 1",
)
arctan = _row(np.arctan, "Return the inverse tangent.", lambda g, x: g / (1.0 + x * x), math.atan, complex=True)


def _over(u: Any, a: Any, b: Any) -> Any:
    """u / (a² + b²) without overflow; 0 at the origin, where the angle is undefined."""
    h = np.hypot(a, b)
    safe = _or_one(h)
    return settled(u, h == 0, a, b) / safe / safe


arctan2 = _row(
    np.arctan2,
    "Return the angle of the point (b, a) in radians; the derivative at the origin, where there is none, is 0.",
    (lambda g, a, b: g * _over(b, a, b), lambda g, a, b: -g * _over(a, a, b)),
    math.atan2,
    singular=True,
    domain=(POSITIVE, POSITIVE),
    convention=Convention(
        lambda a, b: (a == 0) & (b == 0), "the point is the origin", "0", "Keep the origin out with np.where."
    ),
    points=(Point((0.0, 0.0), (0.0, 0.0), "convention", NAN),),
)
sinh = _row(np.sinh, "Return the hyperbolic sine.", lambda g, x: g * np.cosh(x), math.sinh, singular=True, complex=True)
cosh = _row(
    np.cosh, "Return the hyperbolic cosine.", lambda g, x: g * np.sinh(x), math.cosh, singular=True, complex=True
)


def _tanh_vjp(g: Any, x: Any) -> Any:
    """g / cosh(x)², which keeps its digits where 1 - tanh(x)² has none left (from x = 19 on, in float32 from 9)."""
    if x.__class__ is np.ndarray:
        c = np.cosh(x)
        return g / c / c
    return g / np.square(np.cosh(x)) if np.iscomplexobj(x) else g * sech_squared(x)


tanh = _row(
    np.tanh, "Return the hyperbolic tangent.", _tanh_vjp, math.tanh, method=True, complex=True, formula=("1 − {y}²",)
)


def _root_of_square_plus_one(x: Any) -> Any:
    return np.sqrt(1.0 + x * x) if np.iscomplexobj(x) else np.hypot(x, 1.0)


arcsinh = _row(
    np.arcsinh,
    "Return the inverse hyperbolic sine.",
    lambda g, x: g / _root_of_square_plus_one(x),
    math.asinh,
    complex=True,
)
arccosh = _row(
    np.arccosh,
    "Return the inverse hyperbolic cosine.",
    lambda g, x: g / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)),
    math.acosh,
    singular=True,
    domain=(1.0, math.inf),
    complex=True,
    points=(Point((1.0,), (INF,), "infinite"),),
    guard="x > 1",
)
arctanh = _row(
    np.arctanh,
    "Return the inverse hyperbolic tangent.",
    lambda g, x: g / ((1.0 - x) * (1.0 + x)),
    math.atanh,
    singular=True,
    domain=(-1.0, 1.0),
    complex=True,
    points=(Point((1.0,), (INF,), "infinite"),),
    guard="abs(x) < 1",
)
degrees = _row(np.degrees, "Convert radians to degrees.", lambda g: g * (180.0 / math.pi), math.degrees, symbol="deg")
radians = _row(np.radians, "Convert degrees to radians.", lambda g: g * (math.pi / 180.0), math.radians, symbol="rad")
composite(degrees, numpy=(np.rad2deg,), public=False)
composite(radians, numpy=(np.deg2rad,), public=False)


def _sinc_slope(x: Any) -> Any:
    """(cos(pi x) - sinc(x)) / x, by its series where the difference would cancel."""
    small = np.abs(x) < 0.3
    near, far = np.where(small, x, 0.0), np.where(small, 1.0, x)  # each formula stays finite where it is not taken
    z = (math.pi * math.pi) * near * near
    series = 0.0
    for k in range(10, 0, -1):
        series = series * z + (-1) ** k * 2.0 * k / math.factorial(2 * k + 1)
    return np.where(small, (math.pi * math.pi) * near * series, (np.cos(math.pi * far) - np.sinc(far)) / far)


sinc = _row(
    np.sinc,
    "Return sin(pi x) / (pi x), 1 at 0.",
    lambda g, x: g * _sinc_slope(x),
    points=(Point((0.0,), (0.0,), "limit", -(math.pi**2) / 3),),
    complex=True,
)

# ---- choosing: ties share evenly
_PICK: dict[str, Any] = dict(
    kink=lambda a, b: np.abs(a - b),
    selects=True,
    convention=Convention(
        lambda a, b: a == b, "both operands are equal", "half of it to each", "Write np.where(a > b, a, b) to choose."
    ),
    points=(Point((1.0, 1.0), (0.5, 0.5), "shared", 0.0),),
)
maximum = _row(
    np.maximum,
    "Return the larger of a and b; equal ones share the gradient evenly.",
    (
        lambda g, a, b: loud(g * (a > b) + 0.5 * g * (a == b), a, b),
        lambda g, a, b: loud(g * (b > a) + 0.5 * g * (a == b), a, b),
    ),
    lambda a, b: max(a, b) if a == a and b == b else math.nan,
    symbol="max",
    **_PICK,
    commutative=True,
)
minimum = _row(
    np.minimum,
    "Return the smaller of a and b; equal ones share the gradient evenly.",
    (
        lambda g, a, b: loud(g * (a < b) + 0.5 * g * (a == b), a, b),
        lambda g, a, b: loud(g * (b < a) + 0.5 * g * (a == b), a, b),
    ),
    lambda a, b: min(a, b) if a == a and b == b else math.nan,
    symbol="min",
    **_PICK,
    commutative=True,
)
fmax = _row(
    np.fmax,
    "Return the larger of a and b, or the one that is not NaN; equal ones share the gradient evenly.",
    (
        lambda g, a, b: g * ((a > b) | np.isnan(b)) + 0.5 * g * (a == b),
        lambda g, a, b: g * ((b > a) | np.isnan(a)) + 0.5 * g * (a == b),
    ),
    **_PICK,
)
fmin = _row(
    np.fmin,
    "Return the smaller of a and b, or the one that is not NaN; equal ones share the gradient evenly.",
    (
        lambda g, a, b: g * ((a < b) | np.isnan(b)) + 0.5 * g * (a == b),
        lambda g, a, b: g * ((b < a) | np.isnan(a)) + 0.5 * g * (a == b),
    ),
    **_PICK,
)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return np.where(condition, a, b)  # NumPy's own has no signature before 2.4


where = _row(
    np.where,
    "Return a where the condition holds, else b; the branch that is not taken has gradient 0.",
    (None, lambda g, condition: np.where(condition, g, 0.0), lambda g, condition: np.where(condition, 0.0, g)),
    fn=_where,
    inputs="condition a b",
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([-1.0, 4.0])
>>> ad.where(x.data > 0, np.sqrt(x), -x).sum().backward(); x.grad
array([-1.  ,  0.25])""",
    selects=True,
    points=(Point((False, NAN, 2.0), (None, 0.0, 1.0), "limit"), Point((True, 1.0, INF), (None, 1.0, 0.0), "limit")),
    draw=lambda rng, condition, a, b: (rng.random(condition) < 0.5, rng.normal(size=a), rng.normal(size=b)),
    complex=True,
)


def _clip(x: Any, a_min: Any, a_max: Any) -> Any:
    return np.clip(x, a_min, a_max)


def _inside(x: Any, a_min: Any, a_max: Any) -> Any:
    above = True if a_min is None else x >= a_min
    return above & (True if a_max is None else x <= a_max)


def _at(x: Any, bound: Any) -> Any:
    return np.equal(x, bound) if bound is not None else np.False_


def _clip_gap(x: Any, a_min: Any, a_max: Any) -> Any:
    """Return the distance to a bound, and of the bounds to each other."""
    gaps = [np.abs(x - bound) for bound in (a_min, a_max) if bound is not None]
    return np.minimum.reduce(
        np.broadcast_arrays(*gaps, *([] if a_min is None or a_max is None else [np.abs(a_min - a_max)]))
    )


_clip_row = op(
    _clip,
    name="clip",
    inputs="x a_min a_max",
    elementwise=True,
    public=False,
    vjp=(
        lambda g, x, a_min, a_max: loud(g * _inside(x, a_min, a_max), x, a_min, a_max),
        lambda g, x, a_min, a_max: loud(
            g * ((x < a_min) & (True if a_max is None else a_min <= a_max)), x, a_min, a_max
        ),
        lambda g, x, a_min, a_max: loud(
            g * ((x > a_max) | (False if a_min is None else a_min > a_max)), x, a_min, a_max
        ),
    ),
    kink=_clip_gap,
    selects=True,
    convention=Convention(
        lambda x, a_min, a_max: _at(x, a_min) | _at(x, a_max), "x is at a bound", "1", "Write np.where with the bound."
    ),
    points=(
        Point((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), "convention", 0.0),
        Point((1.0, 0.0, 1.0), (1.0, 0.0, 0.0), "convention", 0.0),
    ),
    doc="x limited to [a_min, a_max]; derivative 1 at the bounds.",
    rectifier=True,
)


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None, out: Any = None) -> Any:
    """Return x limited to [a_min, a_max] (``np.clip``); either bound may be None, an array or a graph value.

    x: any shape. The derivative in x is 1 inside and at the bounds, 0 outside, where it goes to the bound.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([-1.0, 0.5, 2.0])
    >>> np.clip(x, 0, 1).sum().backward(); x.grad
    array([0., 1., 0.])
    """
    if out is not None:
        raise missing_argument("clip", "out")
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise ValueError("clip: a bound was given twice, as a_min or a_max and as min or max.")
    return _clip_row(x, min if a_min is None else a_min, max if a_max is None else a_max)


composite(clip, numpy=(np.clip,), method=True)


# ---- signs, and functions that are flat between their jumps: a zero by construction, whatever it meets
def _zeros(g: Any, x: Any) -> Any:
    return loud(np.zeros_like(g), x)


def _flat(where: Any, at: str, gap: Any, *point: float) -> dict[str, Any]:
    """Facts of a flat row: where it jumps, that in words, how far a jump is, and one for the table of such points."""
    jumps = Convention(where, at, "0", "Leave the function out, or keep its jumps out with np.where.")
    points = (Point(point, (0.0,) * len(point), "convention"),)
    return {"flat": True, "selects": True, "convention": jumps, "kink": gap, "points": points}


copysign = _row(
    np.copysign,
    "Return |a| with the sign of b.",
    (lambda g, a, b: g * (np.sign(a) * np.copysign(1.0, b)), None),
    kink=lambda a, b: np.minimum(np.abs(a), np.abs(b)),
)
ldexp = _row(
    np.ldexp,
    "Return a 2**b for integers b.",
    (lambda g, b: g * np.exp2(b), None),
    lambda a, b: math.ldexp(a, operator.index(int(b) if b == int(b) else b)),
    public=False,
    draw=lambda rng, a, b: (rng.normal(size=a), rng.integers(-3, 4, b)),
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([1.0, 3.0])
>>> np.ldexp(x, [2, 3]).sum().backward(); x.grad
array([4., 8.])""",
)
_WHOLE = _flat(lambda x: x == np.rint(x), "x is a whole number", lambda x: np.abs(x - np.rint(x)), 2.0)
_TRUNC = _flat(lambda x: (x == np.rint(x)) & (x != 0), "x is a whole number", lambda x: np.abs(x - np.rint(x)), 2.0)
_HALF = _flat(lambda x: x - np.floor(x) == 0.5, "x is halfway", lambda x: 0.5 - np.abs(x - np.rint(x)), 2.5)
sign = _row(
    np.sign,
    "Return the sign of x: -1, 0 or 1; the derivative is 0.",
    _zeros,
    **_flat(lambda x: x == 0, "x is 0", np.abs, 0.0),
)
floor = _row(np.floor, "Round down; the derivative is 0.", _zeros, **_WHOLE)
ceil = _row(np.ceil, "Round up; the derivative is 0.", _zeros, **_WHOLE)
trunc = _row(np.trunc, "Round towards zero; the derivative is 0.", _zeros, **_TRUNC)
rint = _row(np.rint, "Round to the nearest integer, halves to even; the derivative is 0.", _zeros, **_HALF)


def _round(x: Any, decimals: int = 0, out: Any = None) -> Any:
    return np.round(x, decimals)


def _round_jumps(x: Any, decimals: int) -> Any:
    return _HALF["convention"].where(x * 10.0**decimals)


round_row = op(
    _round,
    name="round",
    numpy=(np.round, np.around),
    vjp=_zeros,
    elementwise=True,
    method=True,
    **_flat(_round_jumps, "x is halfway", lambda x, decimals=0: _HALF["kink"](x * 10.0**decimals), 2.5),
    doc="Round to a number of decimals; the derivative is 0.",
)
floor_divide = _row(
    np.floor_divide,
    "Return a / b rounded down; the derivative is 0.",
    (lambda g, a: _zeros(g, a), lambda g, b: _zeros(g, b)),
    symbol="//",
    domain=(ANY, POSITIVE),
    **_flat(
        lambda a, b: np.fmod(a, b) == 0,
        "a is a multiple of b",
        lambda a, b: np.abs(a / b - np.rint(a / b)) * np.abs(b),
        4.0,
        2.0,
    ),
)
heaviside = _row(
    np.heaviside,
    "Return 0 for a < 0, b at a = 0, 1 above.",
    (None, lambda g, a: g * (a == 0)),
    kink=lambda a, b: np.abs(a),
    selects=True,
)
composite(trunc, numpy=(np.fix,), public=False)


def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the quotient rounded down, whose derivative is 0, and the remainder (``np.divmod``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([7.0, -7.0])
    >>> quotient, remainder = np.divmod(x, 4.0)
    >>> quotient.data, remainder.data
    (array([ 1., -2.]), array([3., 1.]))
    """
    return np.floor_divide(a, b), np.remainder(a, b)


def modf(x: Any) -> tuple[Any, Any]:
    """Return the fraction, and the whole part, whose derivative is 0 (``np.modf``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.25, -2.5])
    >>> fraction, whole = np.modf(x)
    >>> fraction.data, whole.data
    (array([ 0.25, -0.5 ]), array([ 1., -2.]))
    """
    endless = np.isinf(x)
    return np.where(endless, np.copysign(0.0, x), np.fmod(np.where(endless, 0.0, x), 1.0)), np.trunc(x)


def frexp(x: Any) -> tuple[Any, Any]:
    """Return the mantissa, which records, and the integer exponent, which is plain (``np.frexp``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([3.0])
    >>> mantissa, exponent = np.frexp(x)
    >>> mantissa.data, exponent
    (array([0.75]), array([2], dtype=int32))
    """
    _, exponent = np.frexp(plain(x))
    return np.ldexp(x, -exponent), exponent


for _fn in (divmod, modf, frexp):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), public=False)
