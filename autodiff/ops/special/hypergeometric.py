"""Rows of hypergeometric functions, which are differentiated in all their arguments. Signatures are SciPy's.

Each row is the derivative of given orders. Its own derivative is the row with one order more (see ``values``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...registry import op
from .blocks import evaluate
from .values import hypergeometric as values


def _hyp0f1(v: Any, z: Any, orders: tuple[int, ...] = (0, 0)) -> Any:
    return evaluate(values.hyp0f1, v, z, orders=orders)


def _hyp1f1(a: Any, b: Any, z: Any, orders: tuple[int, ...] = (0, 0, 0)) -> Any:
    return evaluate(values.hyp1f1, a, b, z, orders=orders)


def _hyp2f1(a: Any, b: Any, c: Any, z: Any, orders: tuple[int, ...] = (0, 0, 0, 0)) -> Any:
    return evaluate(values.hyp2f1, a, b, c, z, orders=orders)


def _one_more(orders: tuple[int, ...], i: int) -> tuple[int, ...]:
    return (*orders[:i], orders[i] + 1, *orders[i + 1 :])


def _row(fn: Callable[..., Any], vjp: Any, inputs: str, domain: Any, orders: tuple[int, ...], doc: str) -> Any:
    n = len(inputs.split())
    samples: Any = ((*((),) * (n - 1), (2,)), {}), (((),) * n, {"orders": orders})
    return op(
        fn, name=fn.__name__[1:], vjp=vjp, inputs=inputs, elementwise=True, public=False, singular=True,
        domain=domain, samples=samples, doc=doc,
    )  # fmt: skip


_UNIT = (0.5, 4.0)
_hyp0f1_row: Any = _row(
    _hyp0f1,
    (
        lambda g, v, z, orders: g * _hyp0f1_row(v, z, orders=_one_more(orders, 0)),
        lambda g, v, z, orders: g * _hyp0f1_row(v, z, orders=_one_more(orders, 1)),
    ),
    "v z",
    (_UNIT, (-9.0, 9.0)),
    (1, 0),
    "Return the function 0F1, or a derivative of it.",
)
_hyp1f1_row: Any = _row(
    _hyp1f1,
    (
        lambda g, a, b, z, orders: g * _hyp1f1_row(a, b, z, orders=_one_more(orders, 0)),
        lambda g, a, b, z, orders: g * _hyp1f1_row(a, b, z, orders=_one_more(orders, 1)),
        lambda g, a, b, z, orders: g * _hyp1f1_row(a, b, z, orders=_one_more(orders, 2)),
    ),
    "a b z",
    (_UNIT, _UNIT, (-9.0, 9.0)),
    (1, 0, 1),
    "Return the function 1F1, or a derivative of it.",
)
_hyp2f1_row: Any = _row(
    _hyp2f1,
    (
        lambda g, a, b, c, z, orders: g * _hyp2f1_row(a, b, c, z, orders=_one_more(orders, 0)),
        lambda g, a, b, c, z, orders: g * _hyp2f1_row(a, b, c, z, orders=_one_more(orders, 1)),
        lambda g, a, b, c, z, orders: g * _hyp2f1_row(a, b, c, z, orders=_one_more(orders, 2)),
        lambda g, a, b, c, z, orders: g * _hyp2f1_row(a, b, c, z, orders=_one_more(orders, 3)),
    ),
    "a b c z",
    (_UNIT, _UNIT, _UNIT, (-0.45, 0.45)),  # the generated tests stay where a value costs least
    (0, 0, 1, 1),
    "Return the function 2F1, or a derivative of it.",
)


def hyp0f1(v: Any, z: Any) -> Any:
    """Evaluate the confluent hypergeometric limit function 0F1 (``scipy.special.hyp0f1``; NIST DLMF 16.2.1).

    v, z: broadcast, real, and both differentiated, at every order. Within 8 ulp, as ``hyp1f1``; NaN where v is 0, -1,
    ... or beyond 1000 in size, and for z below -131072.

    >>> import autodiff as ad
    >>> v, z = ad.tensor(0.5), ad.tensor(-2.0)
    >>> ad.special.hyp0f1(v, z).backward(); round(v.grad.item(), 4), round(z.grad.item(), 4)
    (2.7594, 0.2178)
    """
    return _hyp0f1_row(v, z)


def hyp1f1(a: Any, b: Any, x: Any) -> Any:
    """Evaluate Kummer's confluent hypergeometric function 1F1 (``scipy.special.hyp1f1``; NIST DLMF 13.2.2).

    a, b, x: broadcast, real, and all differentiated, at every order. Within 8 ulp, near zeros of the function too.
    Infinite where b is 0, -1, ..., unless a is such a number that is no less; NaN for parameters beyond 1000 in size,
    and where x is below -1024 and the asymptotic series does not converge (large parameters, derivatives in a or b
    below -4096). Each pair of parameters costs about a millisecond, the numbers x that share it a microsecond each,
    more where terms cancel.

    >>> import autodiff as ad
    >>> a, x = ad.tensor(0.5), ad.tensor([-2.0, 3.0])
    >>> ad.special.hyp1f1(a, 1.5, x).sum().backward(); round(a.grad.item(), 4), x.grad.round(4)
    (8.0785, array([0.1157, 2.6439]))
    """
    return _hyp1f1_row(a, b, x)


def hyp2f1(a: Any, b: Any, c: Any, z: Any) -> Any:
    """Evaluate Gauss' hypergeometric function 2F1 (``scipy.special.hyp2f1``; NIST DLMF 15.2.1).

    a, b, c, z: broadcast, real, and all differentiated, at every order. z: up to 1, where only the derivatives in z are
    there; beyond 1 polynomials alone are real, the others NaN. Within 4 ulp, near zeros and close to 1 too. Infinite
    where c is 0, -1, ..., unless a or b is such a number that is no less; NaN for parameters beyond 200 in size and z
    below -1e30. Each set of parameters costs about a millisecond for each power of 2 in 1 - z or in -z, the numbers z
    that share it a microsecond each, more where terms cancel.

    >>> import autodiff as ad
    >>> b, z = ad.tensor(1.0), ad.tensor([-3.0, 0.5])
    >>> ad.special.hyp2f1(1.0, b, 2.0, z).sum().backward(); round(b.grad.item(), 4), z.grad.round(4)
    (0.1602, array([0.0707, 1.2274]))
    """
    return _hyp2f1_row(a, b, c, z)
