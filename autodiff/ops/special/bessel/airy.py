"""The row of Airy functions. The signature is SciPy's."""

from __future__ import annotations

from typing import Any

from ....registry import op
from ..blocks import evaluate
from ..values import modified_bessel as values


def _airy(x: Any, which: int = 0) -> Any:
    return evaluate(values.airy, x, which=which)


_airy_row: Any = op(
    _airy,
    name="airy",
    vjp=lambda g, x, which: g * (x * _airy_row(x, which=which - 1) if which % 2 else _airy_row(x, which=which + 1)),
    elementwise=True,
    public=False,
    samples=((((3,),), {}), (((2,),), {"which": 1}), (((2,),), {"which": 2}), (((2,),), {"which": 3})),
    doc="Return an Airy function, or its derivative.",
)


def airy(x: Any) -> tuple[Any, Any, Any, Any]:
    """Return Ai, Ai', Bi and Bi', the solutions of y'' = x y (``scipy.special.airy`` of real numbers; NIST DLMF 9.2).

    x: any shape; within 16 ulp on the right, on the left with an error of 4 ulp of the amplitude for each unit of
    the phase.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0])
    >>> ai, ai_prime, bi, bi_prime = ad.special.airy(x)
    >>> ai.backward(); x.grad.round(4), ai_prime.data.round(4)
    (array([-0.1591]), array([-0.1591]))
    """
    return tuple(_airy_row(x, which=k) for k in range(4))
