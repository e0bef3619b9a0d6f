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
from .ops.signals.convolving import convolve, correlate, fftconvolve
from .ops.signals.filters import (
    filtfilt,
    freqz,
    freqz_sos,
    lfilter,
    lfilter_zi,
    sosfilt,
    sosfilt_zi,
    sosfiltfilt,
)
from .ops.signals.resampling import (
    decimate,
    firwin,
    resample,
    resample_poly,
    savgol_coeffs,
    savgol_filter,
    upfirdn,
)
from .ops.signals.spectra import (
    coherence,
    csd,
    detrend,
    hilbert,
    istft,
    periodogram,
    spectrogram,
    stft,
    welch,
)
from .ops.signals.windows import get_window

__all__ = [
    "coherence", "convolve", "correlate", "csd", "decimate", "detrend", "fftconvolve", "filtfilt", "firwin", "freqz",
    "freqz_sos", "get_window", "hilbert", "istft", "lfilter", "lfilter_zi", "periodogram", "resample", "resample_poly",
    "savgol_coeffs", "savgol_filter", "sosfilt", "sosfilt_zi", "sosfiltfilt", "spectrogram", "stft", "upfirdn", "welch",
]  # fmt: skip

_DESIGN = "the coefficients of a design are constants: write scipy.signal.{0}, and give them to lfilter or sosfilt"
_DESIGNS = "butter cheby1 cheby2 ellip bessel iirfilter iirdesign iirnotch iirpeak firwin2 firls remez"
# names of scipy.signal that are not here
_WORDS = {
    **{name: _DESIGN.format(name) for name in _DESIGNS.split()},
    "convolve2d": "write ad.signal.fftconvolve, or ad.convolution",
    "correlate2d": "write ad.signal.correlate, or ad.convolution",
    "oaconvolve": "write ad.signal.fftconvolve",
    "sosfreqz": "write ad.signal.freqz_sos",
    "deconvolve": "write np.polydiv(signal, divisor)",
    "envelope": "write abs(ad.signal.hilbert(x))",
    "medfilt": "write np.median(ad.sliding_window_view(x, n), axis=-1)",
    "find_peaks": "places are whole numbers: write scipy.signal.find_peaks(x.data), and x[places]",
    "chirp": "write np.cos of the phase, which is the integral of the frequency",
    "ShortTimeFFT": "write ad.signal.stft and istft",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _WORDS)
