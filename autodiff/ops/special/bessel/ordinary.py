"""Rows of the Bessel functions of the first and second kind. Signatures are SciPy's.

A derivative is half the difference of the neighbours (NIST DLMF 10.6.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....registry import op
from ..blocks import evaluate, special_row
from ..gamma import POSITIVE, constant, order
from ..values import bessel as values


# ---- of the first kind
def _jn(x: Any, n: int = 2) -> Any:
    return evaluate(values.jn, x, n=n)


_jn_row: Any = op(
    _jn,
    name="jn",
    vjp=lambda g, x, n: -g * _jn_row(x, n=1) if n == 0 else g * (0.5 * (_jn_row(x, n=n - 1) - _jn_row(x, n=n + 1))),
    elementwise=True,
    public=False,
    samples=((((3,),), {}), (((2,),), {"n": 0}), (((2,),), {"n": 5})),
    doc="Return the Bessel function of the first kind of order n.",
)
j0 = special_row(
    lambda x: values.jn(x, 0),
    "Return the Bessel function of the first kind of order 0; an absolute error of 2 ulp of 1 near its zeros "
    "(``scipy.special.j0``; NIST DLMF 10.2).",
    lambda g, x: -g * j1(x),
    name="j0",
)
j1: Any = special_row(
    lambda x: values.jn(x, 1),
    "Return the Bessel function of the first kind of order 1; an absolute error of 2 ulp of 1 near its zeros "
    "(``scipy.special.j1``; NIST DLMF 10.2).",
    lambda g, x: g * (0.5 * (j0(x) - _jn_row(x, n=2))),
    name="j1",
)


def jn(n: Any, x: Any) -> Any:
    """Evaluate the Bessel function of the first kind of whole order n (``scipy.special.jn``; NIST DLMF 10.2).

    n: one whole number. x: any shape; an absolute error of 2 ulp of 1 near the zeros. Raises TypeError for another n:
    ``jv`` has other orders.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.0, 1.0])
    >>> ad.special.jn(1, x).sum().backward(); x.grad.round(4)
    array([0.5   , 0.3251])
    """
    return _jn_row(x, n=order("jn", n))


# ---- of the second kind
def _yn(x: Any, n: int = 2) -> Any:
    return evaluate(values.yn, x, n=n)


_yn_row: Any = op(
    _yn,
    name="yn",
    vjp=lambda g, x, n: -g * _yn_row(x, n=1) if n == 0 else g * (0.5 * (_yn_row(x, n=n - 1) - _yn_row(x, n=n + 1))),
    elementwise=True,
    public=False,
    singular=True,
    domain=POSITIVE,
    samples=((((3,),), {}), (((2,),), {"n": 0}), (((2,),), {"n": 5})),
    doc="Return the Bessel function of the second kind of order n.",
)
y0 = special_row(
    lambda x: values.yn(x, 0),
    "Return the Bessel function of the second kind of order 0; an absolute error of 4 ulp of 1 near its zeros "
    "(``scipy.special.y0``; NIST DLMF 10.2).",
    lambda g, x: -g * y1(x),
    name="y0",
    domain=POSITIVE,
)
y1: Any = special_row(
    lambda x: values.yn(x, 1),
    "Return the Bessel function of the second kind of order 1; an absolute error of 4 ulp of 1 near its zeros "
    "(``scipy.special.y1``; NIST DLMF 10.2).",
    lambda g, x: g * (0.5 * (y0(x) - _yn_row(x, n=2))),
    name="y1",
    domain=POSITIVE,
)


def yn(n: Any, x: Any) -> Any:
    """Evaluate the Bessel function of the second kind of whole order n (``scipy.special.yn``; NIST DLMF 10.2).

    n: one whole number. x: any shape, above 0; an absolute error of 4 ulp of 1 near the zeros. Raises TypeError for
    another n: ``yv`` has other orders.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.yn(1, x).sum().backward(); x.grad.round(4)
    array([0.8695, 0.5639])
    """
    return _yn_row(x, n=order("yn", n))


# ---- of any real order
def _jv(v: Any, x: Any) -> Any:
    return evaluate(values.jv, v, x)


def _yv(v: Any, x: Any) -> Any:
    return evaluate(values.yv, v, x)


_jv_row: Any = op(
    _jv,
    name="jv",
    inputs="v x",
    vjp=(None, lambda g, v, x: g * (0.5 * (_jv_row(v - 1.0, x) - _jv_row(v + 1.0, x)))),
    elementwise=True,
    public=False,
    singular=True,
    domain=((0.0, 4.0), POSITIVE),
    doc="Return the Bessel function of the first kind.",
)
_yv_row: Any = op(
    _yv,
    name="yv",
    inputs="v x",
    vjp=(None, lambda g, v, x: g * (0.5 * (_yv_row(v - 1.0, x) - _yv_row(v + 1.0, x)))),
    elementwise=True,
    public=False,
    singular=True,
    domain=((0.0, 4.0), POSITIVE),
    doc="Return the Bessel function of the second kind.",
)


def _is_whole(v: Any) -> bool:
    return np.ndim(v) == 0 and float(v).is_integer()


def jv(v: Any, x: Any) -> Any:
    """Evaluate the Bessel function of the first kind of any real order (``scipy.special.jv``; NIST DLMF 10.2).

    v: held constant; a derivative in it is refused. x: any shape, differentiated; NaN below 0 for orders that are not
    whole. Where it oscillates an error of 16 ulp of the amplitude, elsewhere of the value; NaN for orders above 1e4,
    at infinity 0. Raises MissingRuleError for a recorded v.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.jv(0.5, x).sum().backward(); x.grad.round(4)
    array([ 0.0954, -0.363 ])
    """
    v = constant("jv", "v", v)
    return _jn_row(x, n=int(v)) if _is_whole(v) else _jv_row(v, x)


def yv(v: Any, x: Any) -> Any:
    """Evaluate the Bessel function of the second kind of any real order (``scipy.special.yv``; NIST DLMF 10.2).

    v: held constant, as in ``jv``. x: any shape, above 0, differentiated; NaN below.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.yv(0.5, x).sum().backward(); x.grad.round(4)
    array([0.8869, 0.4543])
    """
    v = constant("yv", "v", v)
    return _yn_row(x, n=int(v)) if _is_whole(v) else _yv_row(v, x)
