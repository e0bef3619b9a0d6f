"""Rows of the Bessel functions of the first and second kind. Signatures are SciPy's.

A derivative is half the difference of the neighbours (NIST DLMF 10.6.1).
"""

from __future__ import annotations

from typing import Any

from ....registry import op
from ..blocks import evaluate, special_row
from ..gamma import POSITIVE, order
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
    there is no derivative in the order, and no other order here.

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
    another n.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.yn(1, x).sum().backward(); x.grad.round(4)
    array([0.8695, 0.5639])
    """
    return _yn_row(x, n=order("yn", n))
