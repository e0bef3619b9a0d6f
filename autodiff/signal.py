"""Signals: filters and spectra under SciPy's names and arguments, in NumPy alone.

SciPy's own functions turn a recorded value into a plain array, which is refused; these record. All arguments that are
numbers are differentiated: the signal, the coefficients of a filter, a window.

>>> import autodiff as ad
>>> x = ad.tensor([1.0, 0.0, 0.0, 0.0])
>>> ad.signal.lfilter([1.0], [1.0, -0.5], x).sum().backward(); x.grad
array([1.875, 1.75 , 1.5  , 1.   ])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .names.elsewhere import missing_names
from .ops.signals.filters import filtfilt, lfilter, lfilter_zi, sosfilt
from .ops.signals.spectra import (
    detrend,
    fftconvolve,
    get_window,
    hilbert,
    istft,
    periodogram,
    spectrogram,
    stft,
    welch,
)

__all__ = [
    "detrend", "fftconvolve", "filtfilt", "get_window", "hilbert", "istft", "lfilter", "lfilter_zi", "periodogram",
    "sosfilt", "spectrogram", "stft", "welch",
]  # fmt: skip

_DESIGN = "the coefficients of a design are constants: write scipy.signal.{0}, and give them to lfilter or sosfilt"
# names of scipy.signal that are not here
_WORDS = {
    **{name: _DESIGN.format(name) for name in ("butter", "cheby1", "cheby2", "ellip", "bessel", "iirfilter", "firwin")},
    "convolve": "write np.convolve for sequences, ad.signal.fftconvolve, or ad.convolution for images",
    "correlate": "write np.correlate for sequences, or fftconvolve with the second array flipped and conjugated",
    "convolve2d": "write ad.signal.fftconvolve, or ad.convolution",
    "resample": "write np.fft.irfft(np.fft.rfft(x), n) * (n / len(x))",
    "savgol_filter": "write np.convolve(x, scipy.signal.savgol_coeffs(...), mode)",
    "medfilt": "write np.median(ad.sliding_window_view(x, n), axis=-1)",
    "find_peaks": "places are whole numbers: write scipy.signal.find_peaks(x.data), and x[places]",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _WORDS)
