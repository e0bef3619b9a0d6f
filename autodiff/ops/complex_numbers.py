"""Rows between complex and real numbers: real, imag, conjugate; and the angle.

A cotangent g of a complex value z means dL = Re(g dz), so a rule is the plain transpose of the derivative: a rule
for real numbers is right for complex ones, unless the formula itself conjugates. These rows, abs, norms,
variances and decompositions do. The walk conjugates where gradients enter and leave, so that a user gets PyTorch's
gradient, dL/dRe(z) + i dL/dIm(z).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..registry import composite, op
from ..variable import Tensor

conjugate = op(
    np.conjugate,
    name="conjugate",
    symbol="conj",
    vjp=lambda g: np.conjugate(g),
    scalar=lambda x: x,
    elementwise=True,
    method=True,
    complex=True,
    doc="Return the complex conjugate; of a real number, the number.",
)
composite(conjugate, numpy=(), method="conj", public=False)


def squared_size(x: Any) -> Any:
    """Return |x|**2, of a real number its square."""
    is_complex = x.dtype.kind == "c"
    return np.square(np.real(x)) + np.square(np.imag(x)) if is_complex else np.square(x)


def conj(x: Any) -> Any:
    """Return the conjugate where x is complex; x itself where it is real, without a copy."""
    is_complex = x.dtype.kind == "c" if hasattr(x, "dtype") else np.iscomplexobj(x)
    return np.conjugate(x) if is_complex else x


_real_row = op(
    lambda x: np.real(x),
    name="real",
    symbol="Re",
    public=False,
    vjp=lambda g: g,
    linear=True,
    elementwise=True,
    complex=True,
    doc="Return the real part.",
)
_imag_row = op(
    lambda x: np.imag(x),
    name="imag",
    symbol="Im",
    public=False,
    vjp=lambda g: -1j * g,
    linear=True,
    elementwise=True,
    complex=True,
    doc="Return the imaginary part.",
)


def real(val: Any) -> Any:
    """Return the real part (``np.real``); of a real array a view, a real number unchanged.

    >>> import autodiff as ad, numpy as np
    >>> z = ad.tensor([1.0 + 2j, 3j])
    >>> np.real(z).sum().backward(); z.grad.real
    array([1., 1.])
    """
    if np.iscomplexobj(val):
        return _real_row(val)
    return val[...] if isinstance(val, np.ndarray | Tensor) else val


def imag(val: Any) -> Any:
    """Return the imaginary part (``np.imag``); zeros for a real value.

    >>> import autodiff as ad, numpy as np
    >>> z = ad.tensor([1.0 + 2j, 3j])
    >>> np.imag(z).sum().backward(); z.grad
    array([0.+1.j, 0.+1.j])
    """
    return _imag_row(val) if np.iscomplexobj(val) else val * 0.0


def angle(z: Any, deg: bool = False) -> Any:
    """Return the angle of complex numbers, in radians or with deg in degrees (``np.angle``).

    z: any shape; of real numbers 0 or pi, without a derivative. The derivative at 0 is 0, where it is undefined.

    >>> import autodiff as ad, numpy as np
    >>> z = ad.tensor([1j, 2.0 + 0j])
    >>> np.angle(z).data
    array([1.57079633, 0.        ])
    """
    turn = np.arctan2(np.imag(z), np.real(z))
    return np.degrees(turn) if deg else turn


for _fn in (real, imag, angle):
    composite(_fn, numpy=(getattr(np, _fn.__name__),))
