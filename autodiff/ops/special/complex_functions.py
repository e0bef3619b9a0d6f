"""Rows of complex functions: Lambert's, Faddeeva's, and Voigt's profile, which is a part of that, the shape of a
spectral line. Signatures are SciPy's.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ...modes import one_call
from ...other_arrays import elementwise, is_foreign
from ...registry import op
from ...variable import plain
from ..shape import operand
from .blocks import as_complex
from .gamma import order, weak
from .values import complex_functions as values
from .values.complex_functions import faddeeva


def _of_complex(kernel: Any, z: Any, k: int) -> Any:
    """Apply the kernel to flat complex128, and return the result in z's own shape and dtype."""
    if is_foreign(z):
        return elementwise(partial(_of_complex, kernel, k=k), kernel.__name__, (z,))
    with np.errstate(all="ignore"):
        y = kernel(np.asarray(z).astype(np.complex128).reshape(-1), k)
    return y.reshape(np.shape(z)).astype(np.result_type(z))[()]


@one_call
def _lambertw(z: Any, k: int = 0) -> Any:
    return _of_complex(values.lambertw, z, k)


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
    doc="Return the k-th branch of Lambert's function.",
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
    return _lambertw_row(as_complex(z), k=order("lambertw", k))


@one_call
def _wofz(z: Any, n: int = 0) -> Any:
    return _of_complex(faddeeva, z, n)


_wofz_row: Any = op(
    _wofz,
    name="wofz",
    inputs="z",
    vjp=lambda g, z, n: g * _wofz_row(z, n=n + 1),
    elementwise=True,
    public=False,
    singular=True,
    draw=lambda rng, z: (rng.normal(size=z) + 1j * rng.uniform(0.1, 2.0, z),),
    samples=((((3,),), {}), (((2,),), {"n": 1})),
    doc="Return Faddeeva's function, n times differentiated.",
    complex=True,
)


def wofz(z: Any) -> Any:
    """Return Faddeeva's function exp(-z²) erfc(-iz), complex, within 16 ulp (``scipy.special.wofz``; NIST DLMF 7.2.3).

    z: any shape, real or complex. In the upper half plane the real part is right to its own digits; the derivative is
    within 64 ulp of its size.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.0, 1.0])
    >>> np.real(ad.special.wofz(x)).sum().backward(); x.grad.round(4) + 0
    array([ 0.    , -0.7358])
    """
    return _wofz_row(as_complex(z))


def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
    """Return Voigt's profile: a normal density of deviation sigma, spread by a Cauchy density of half width gamma
    (``scipy.special.voigt_profile``; NIST DLMF 7.19).

    x, sigma > 0, gamma >= 0: real, of any shapes that broadcast; all are differentiated. NaN where sigma is not above
    0: write ``ad.stats.cauchy.pdf(x, scale=gamma)`` there.

    >>> import autodiff as ad
    >>> sigma = ad.tensor(1.0)
    >>> ad.special.voigt_profile(0.0, sigma, 0.5).backward(); round(sigma.grad.item(), 4)
    -0.1895
    """
    kind = np.result_type(*[plain(weak(v)) for v in (x, sigma, gamma)])
    x, sigma, gamma = operand(x), operand(sigma), operand(gamma)
    scale = np.astype(math.sqrt(0.5) / np.where(np.greater(plain(sigma), 0), sigma, np.nan), kind)
    z = as_complex(scale * x, kind) + 1j * as_complex(scale * gamma, kind)
    return np.real(wofz(z)) * scale * (1.0 / math.sqrt(math.pi))
