"""The row of Lambert's function. The signature is SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...modes import one_call
from ...registry import op
from ..shape import operand
from .gamma import order
from .values.lambert import lambertw as _value


@one_call
def _lambertw(z: Any, k: int = 0) -> Any:
    with np.errstate(all="ignore"):
        y = _value(np.asarray(z).astype(np.complex128).reshape(-1), k)
    return y.reshape(np.shape(z)).astype(np.result_type(z))[()]


_lambertw_row: Any = op(
    _lambertw,
    name="lambertw",
    inputs="z",
    vjp=lambda g, y: g * np.exp(-y) / (1.0 + y),
    elementwise=True,
    public=False,
    singular=True,
    draw=lambda rng, z: (rng.uniform(0.2, 3.0, z) + 0.4j * rng.normal(size=z),),
    samples=((((3,),), {}), (((2,),), {"k": -1})),
    doc="The k-th branch of Lambert's function.",
    complex=True,
)


def lambertw(z: Any, k: int = 0, tol: float = 1e-8) -> Any:
    """Return the k-th solution w of ``w * exp(w) = z``, complex as SciPy's (``scipy.special.lambertw``; DLMF 4.13).

    z: any shape, real or complex; write ``np.real`` of the result where it is real: for k = 0 from -1/e on, for k = -1
    from -1/e to 0. At -1/e the derivative is infinite. tol is SciPy's; the result is right to rounding.

    >>> import autodiff as ad, numpy as np
    >>> z = ad.tensor([0.0, np.e])
    >>> np.real(ad.special.lambertw(z)).sum().backward(); z.grad.round(4)
    array([1.    , 0.1839])
    """
    z = operand(z)
    kind = np.result_type(z.dtype, np.complex64)
    return _lambertw_row(z if z.dtype == kind else np.astype(z, kind), k=order("lambertw", k))
