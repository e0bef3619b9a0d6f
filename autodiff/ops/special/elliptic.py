"""Rows of elliptic integrals, complete and incomplete. Signatures are SciPy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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
    doc="Return a complete elliptic integral of m = 1 - p, n times differentiated in m.",
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


# ---- incomplete
def _elliptic_part(phi: Any, m: Any, n: int = 0, second: bool = False) -> Any:
    return evaluate(values.elliptic_part, phi, m, n=n, second=second)


def _in_phi(g: Any, phi: Any, m: Any, n: int, second: bool) -> Any:
    """Return g times the integrand: the n-th derivative in m of (1 - m sin²)**±½, by cos² + (1 - m) sin²."""
    sine, cosine = np.sin(phi), np.cos(phi)
    square, power = sine * sine, 0.5 if second else -0.5
    factor = math.prod([k - power for k in range(n)])
    return g * (factor * square**n * (cosine * cosine + (1.0 - m) * square) ** (power - n))


_elliptic_part_row: Any = op(
    _elliptic_part,
    name="elliptic_part",
    inputs="phi m",
    vjp=(_in_phi, lambda g, phi, m, n, second: g * _elliptic_part_row(phi, m, n=n + 1, second=second)),
    elementwise=True,
    public=False,
    singular=True,
    domain=((-math.inf, math.inf), (0.0, 1.0)),
    samples=((((3,), (3,)), {}), (((2,), ()), {"n": 1}), (((2,), (2,)), {"second": True})),
    doc="Return an incomplete elliptic integral, n times differentiated in m.",
)


def ellipkinc(phi: Any, m: Any) -> Any:
    """Return the incomplete elliptic integral of the first kind (``scipy.special.ellipkinc``; DLMF 19.2.4).

    phi: the angle, any size; m: the square of the modulus, from -1e17 up to 1, NaN outside and at 1. They broadcast and
    are both differentiated. Within 16 ulp: the time of a pendulum.

    >>> import autodiff as ad
    >>> phi, m = ad.tensor(1.0), ad.tensor(0.5)
    >>> ad.special.ellipkinc(phi, m).backward(); round(phi.grad.item(), 4), round(m.grad.item(), 4)
    (1.2442, 0.2058)
    """
    return _elliptic_part_row(phi, m)


def ellipeinc(phi: Any, m: Any) -> Any:
    """Return the incomplete elliptic integral of the second kind (``scipy.special.ellipeinc``), as ``ellipkinc``: the
    length of an arc of an ellipse.

    >>> import autodiff as ad
    >>> phi, m = ad.tensor(1.0), ad.tensor(0.5)
    >>> ad.special.ellipeinc(phi, m).backward(); round(phi.grad.item(), 4), round(m.grad.item(), 4)
    (0.8037, -0.1559)
    """
    return _elliptic_part_row(phi, m, second=True)
