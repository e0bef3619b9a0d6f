"""Rows of modified Bessel functions. Signatures are SciPy's.

A derivative is the same integral with one more factor (see ``values``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....registry import op
from ....registry.singular_points import Convention, Point
from ..blocks import evaluate, special_row
from ..gamma import POSITIVE, constant, order
from ..values import modified_bessel as modified


def _modified(x: Any, m: int = 2) -> Any:
    return evaluate(modified.modified, x, m=m)


_modified_row: Any = op(
    _modified,
    name="i0_derivative",
    vjp=lambda g, x, m: g * _modified_row(x, m=m + 1),
    elementwise=True,
    public=False,
    singular=True,
    samples=((((3,),), {}), (((2,),), {"m": 3})),
    doc="Return the m-th derivative of i0.",
)
i0 = special_row(
    lambda x: modified.modified(x, 0),
    "Return the modified Bessel function of order 0, within 8 ulp (``scipy.special.i0``; NIST DLMF 10.25).",
    lambda g, x: g * i1(x),
    name="i0",
    numpy=(np.i0,),
)
i1: Any = special_row(
    lambda x: modified.modified(x, 1),
    "Return the modified Bessel function of order 1, within 8 ulp (``scipy.special.i1``; NIST DLMF 10.25).",
    lambda g, x: g * _modified_row(x, m=2),
    name="i1",
)


def _scaled(x: Any, m: int = 1) -> Any:
    return evaluate(modified.scaled, x, m=m)


_scaled_row: Any = op(
    _scaled,
    name="i0e_derivative",
    vjp=lambda g, x, m: -g * _scaled_row(x, m=m + 1),
    elementwise=True,
    public=False,
    singular=True,
    domain=(0.0, np.inf),
    samples=((((3,),), {}), (((2,),), {"m": 2})),
    doc="Return the m-th derivative of exp(-x) i0(x) for x >= 0, up to its sign.",
)
i0e = special_row(
    modified.i0e,
    "Return exp(-|x|) i0(x), within 4 ulp; derivative 0 at 0 (``scipy.special.i0e``).",
    lambda g, x: -g * np.sign(x) * _scaled_row(np.abs(x), m=1),
    kink=np.abs,
    convention=Convention(lambda x: x == 0, "x is 0", "0", "Write np.exp(-x) * ad.special.i0(x) for one side."),
    points=(Point((0.0,), (0.0,), "convention"),),
)


def _scaled_first(x: Any, m: int = 1) -> Any:
    return evaluate(modified.scaled_first, x, m=m)


_scaled_first_row: Any = op(
    _scaled_first,
    name="i1e_derivative",
    vjp=lambda g, x, m: -g * _scaled_first_row(x, m=m + 1),
    elementwise=True,
    public=False,
    singular=True,
    domain=(0.0, np.inf),
    samples=((((3,),), {}), (((2,),), {"m": 2})),
    doc="Return the m-th derivative of exp(-x) i1(x) for x >= 0, up to its sign.",
)
i1e = special_row(
    lambda x: np.copysign(modified.scaled_first(np.abs(x), 0), x),
    "Return exp(-|x|) i1(x), within 4 ulp (``scipy.special.i1e``).",
    lambda g, x: -g * _scaled_first_row(np.abs(x), m=1),
    name="i1e",
    kink=np.abs,
)


# ---- modified, of the first kind and any order
def _iv(v: Any, x: Any) -> Any:
    return evaluate(lambda v, x: modified.first(v, x, 0, False), v, x)


_iv_row: Any = op(
    _iv,
    name="iv",
    inputs="v x",
    vjp=(None, lambda g, v, x: g * (0.5 * (_iv_row(v - 1.0, x) + _iv_row(v + 1.0, x)))),
    elementwise=True,
    public=False,
    singular=True,
    domain=((0.0, 4.0), POSITIVE),
    doc="Return the modified Bessel function of the first kind.",
)


def iv(v: Any, x: Any) -> Any:
    """Evaluate the modified Bessel function of the first kind of any real order (``scipy.special.iv``; DLMF 10.25).

    v: held constant; a derivative in it is refused. x: any shape, differentiated; NaN below 0 for orders that are not
    whole. Within 16 ulp, or as many as the size of the result's logarithm. Raises MissingRuleError for a recorded v.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.iv(0.5, x).sum().backward(); x.grad.round(4)
    array([0.7624, 1.611 ])
    """
    return _iv_row(constant("iv", "v", v), x)


def _ive(v: Any, x: Any, m: int = 0) -> Any:
    return evaluate(modified.first, v, x, m=m, scaled=True)


_ive_row: Any = op(
    _ive,
    name="ive",
    inputs="v x",
    vjp=(None, lambda g, v, x, m: g * _ive_row(v, x, m=m + 1)),
    elementwise=True,
    public=False,
    singular=True,
    domain=((0.0, 4.0), POSITIVE),
    samples=((((3,), (3,)), {}), (((2,), ()), {"m": 1})),
    doc="Return the m-th derivative of exp(-x) iv(v, x).",
)


def ive(v: Any, x: Any) -> Any:
    """Evaluate exp(-|x|) iv(v, x) (``scipy.special.ive``), as ``iv``: the von Mises-Fisher density is scaled by it.

    >>> import autodiff as ad
    >>> x = ad.tensor(1e4)
    >>> ad.special.ive(1.5, x).backward(); x.grad
    array(-1.99411299e-07)
    """
    return _ive_row(constant("ive", "v", v), x)


# ---- modified, of the second kind
def _kv(v: Any, x: Any, m: int = 0, p: int = 0, scaled: bool = False) -> Any:
    return evaluate(modified.macdonald, v, x, m=m, p=p, scaled=scaled)


_kv_row: Any = op(
    _kv,
    name="kv",
    inputs="v x",
    vjp=(
        lambda g, v, x, m, p, scaled: g * _kv_row(v, x, m=m, p=p + 1, scaled=scaled),
        lambda g, v, x, m, p, scaled: -g * _kv_row(v, x, m=m + 1, p=p, scaled=scaled),
    ),
    elementwise=True,
    public=False,
    singular=True,
    domain=((0.0, 4.0), POSITIVE),
    samples=((((3,), (3,)), {}), (((2,), ()), {"m": 1}), (((2,), (2,)), {"p": 1, "scaled": True})),
    doc="Return the modified Bessel function of the second kind, m times differentiated in -x and p times in v.",
)


def kv(v: Any, x: Any) -> Any:
    """Evaluate the modified Bessel function of the second kind of any real order (``scipy.special.kv``; DLMF 10.32.9).

    v, x: broadcast, x above 0. Differentiated in both, at every order: the smoothness of a Matérn kernel is learned
    with it. Within 16 ulp, or as many as the size of the logarithm of the result; NaN for orders above 1e5.

    >>> import autodiff as ad
    >>> v, x = ad.tensor(1.5), ad.tensor(2.0)
    >>> ad.special.kv(v, x).backward(); round(v.grad.item(), 4), round(x.grad.item(), 4)
    (0.1076, -0.2549)
    """
    return _kv_row(v, x)


def kve(v: Any, x: Any) -> Any:
    """Evaluate exp(x) kv(v, x) (``scipy.special.kve``), as ``kv``.

    >>> import autodiff as ad
    >>> x = ad.tensor(1e4)
    >>> ad.special.kve(0.5, x).backward(); x.grad
    array(-6.26657069e-07)
    """
    return _kv_row(v, x, scaled=True)


def kn(n: Any, x: Any) -> Any:
    """Evaluate ``kv`` of one whole order n, which is not differentiated (``scipy.special.kn``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.kn(2, x).backward(); round(x.grad.item(), 4)
    -3.8516
    """
    return _kv_row(float(order("kn", n)), x)


def k0(x: Any) -> Any:
    """Evaluate ``kv`` of order 0 (``scipy.special.k0``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.k0(x).backward(); round(x.grad.item(), 4)
    -0.6019
    """
    return _kv_row(0.0, x)


def k1(x: Any) -> Any:
    """Evaluate ``kv`` of order 1 (``scipy.special.k1``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.k1(x).backward(); round(x.grad.item(), 4)
    -1.0229
    """
    return _kv_row(1.0, x)


def k0e(x: Any) -> Any:
    """Evaluate exp(x) k0(x) (``scipy.special.k0e``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.k0e(x).backward(); round(x.grad.item(), 4)
    -0.4917
    """
    return _kv_row(0.0, x, scaled=True)


def k1e(x: Any) -> Any:
    """Evaluate exp(x) k1(x) (``scipy.special.k1e``).

    >>> import autodiff as ad
    >>> x = ad.tensor(1.0)
    >>> ad.special.k1e(x).backward(); round(x.grad.item(), 4)
    -1.1445
    """
    return _kv_row(1.0, x, scaled=True)
