"""Discrete Fourier transforms: the functions of ``np.fft``, which record as well when they are given a Tensor.

Never here: a formula; the rows are in ``ops``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .names.elsewhere import missing_names
from .ops import fourier
from .ops.fourier import fft, fftshift, hfft, ifft, ifftshift, ihfft, irfft, rfft

fft2, fftn, ifft2, ifftn = (getattr(fourier, name) for name in ("fft2", "fftn", "ifft2", "ifftn"))
rfft2, rfftn, irfft2, irfftn = (getattr(fourier, name) for name in ("rfft2", "rfftn", "irfft2", "irfftn"))


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of ``fft``'s n terms, in cycles per unit of the sample spacing d (``np.fft.fftfreq``).

    >>> import autodiff as ad
    >>> ad.fft.fftfreq(4, 0.5)
    array([ 0. ,  0.5, -1. , -0.5])
    """
    frequencies = np.fft.fftfreq(n, d, device=device)
    return frequencies if dtype is None else np.astype(frequencies, dtype)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of ``rfft``'s terms, n // 2 + 1 of them (``np.fft.rfftfreq``).

    >>> import autodiff as ad
    >>> ad.fft.rfftfreq(4, 0.5)
    array([0. , 0.5, 1. ])
    """
    frequencies = np.fft.rfftfreq(n, d, device=device)
    return frequencies if dtype is None else np.astype(frequencies, dtype)


# fmt: off
__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]
# fmt: on

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)
