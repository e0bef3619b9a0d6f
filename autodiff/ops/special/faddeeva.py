"""Rows of Faddeeva's function and of Voigt's profile, the shape of a spectral line. Signatures are SciPy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...modes import one_call
from ...registry import op
from ...variable import plain
from ..shape import operand
from .values.faddeeva import faddeeva


@one_call
def _wofz(z: Any, n: int = 0) -> Any:
    with np.errstate(all="ignore"):
        y = faddeeva(np.asarray(z).astype(np.complex128).reshape(-1), n)
    return y.reshape(np.shape(z)).astype(np.result_type(z))[()]


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
    doc="Faddeeva's function, n times differentiated.",
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
    z = operand(z)
    kind = np.result_type(z.dtype, np.complex64)
    return _wofz_row(z if z.dtype == kind else np.astype(z, kind))


def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
    """Return Voigt's profile: a normal density of deviation sigma, spread by a Cauchy density of half width gamma
    (``scipy.special.voigt_profile``; NIST DLMF 7.19).

    x, sigma > 0, gamma >= 0: real arrays or Tensors of any shapes that broadcast; all are differentiated. NaN where
    sigma is not above 0: write ``ad.stats.cauchy.pdf(x, scale=gamma)`` there.

    >>> import autodiff as ad
    >>> sigma = ad.tensor(1.0)
    >>> ad.special.voigt_profile(0.0, sigma, 0.5).backward(); round(sigma.grad.item(), 4)
    -0.1895
    """
    x, sigma, gamma = operand(x), operand(sigma), operand(gamma)
    inside = np.greater(plain(sigma), 0)
    scale = math.sqrt(0.5) / np.where(inside, sigma, np.nan)
    return np.real(wofz(scale * x + 1j * (scale * gamma))) * scale * (1.0 / math.sqrt(math.pi))
