"""Discrete Fourier transforms: the functions of ``np.fft``, which record as well when they are given a Tensor.

Never here: a formula; the rows are in ``ops``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.fft import fftfreq, rfftfreq

from .names.elsewhere import missing_names
from .ops import fourier
from .ops.fourier import fft, fftshift, hfft, ifft, ifftshift, ihfft, irfft, rfft

fft2, fftn, ifft2, ifftn = (getattr(fourier, name) for name in ("fft2", "fftn", "ifft2", "ifftn"))
rfft2, rfftn, irfft2, irfftn = (getattr(fourier, name) for name in ("rfft2", "rfftn", "irfft2", "irfftn"))

# fmt: off
__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]
# fmt: on

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)
