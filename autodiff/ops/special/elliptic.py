"""Rows of the complete elliptic integrals. Signatures are SciPy's."""

from __future__ import annotations

from typing import Any

from ...registry import op
from ..shape import operand
from .blocks import evaluate
from .gamma import POSITIVE
from .values import elliptic as values


def _elliptic(p: Any, n: int = 0, second: bool = False) -> Any:
    return evaluate(values.elliptic, p, n=n, second=second)


_elliptic_row: Any = op(
    _elliptic,
    name="elliptic",
    inputs="p",
    vjp=lambda g, p, n, second: -g * _elliptic_row(p, n=n + 1, second=second),
    elementwise=True,
    public=False,
    singular=True,
    domain=POSITIVE,
    samples=((((3,),), {}), (((2,),), {"n": 1}), (((3,),), {"second": True}), (((2,),), {"n": 2, "second": True})),
    doc="A complete elliptic integral of m = 1 - p, n times differentiated in m.",
)


def ellipk(m: Any) -> Any:
    """Return the complete elliptic integral of the first kind (``scipy.special.ellipk``; DLMF 19.2.8), within 8 ulp.

    m: any shape, the square of the modulus, from -1e17 to 1, where the value is infinite; NaN outside.

    >>> import autodiff as ad
    >>> m = ad.tensor([0.0, 0.5])
    >>> ad.special.ellipk(m).sum().backward(); m.grad.round(4)
    array([0.3927, 0.8472])
    """
    return _elliptic_row(1.0 - operand(m))


def ellipe(m: Any) -> Any:
    """Return the complete elliptic integral of the second kind (``scipy.special.ellipe``), as ``ellipk``: a quarter
    of an ellipse's circumference.

    >>> import autodiff as ad
    >>> m = ad.tensor([0.0, 0.5])
    >>> ad.special.ellipe(m).sum().backward(); m.grad.round(4)
    array([-0.3927, -0.5034])
    """
    return _elliptic_row(1.0 - operand(m), second=True)
