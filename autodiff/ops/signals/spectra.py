"""Spectra of signals by Fourier transforms of windowed segments. Signatures are SciPy's."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..index import scatter
from ..shape import operand
from .windows import get_window


def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0) -> Any:
    """Take out the mean (type "constant") or the line of least squares (``scipy.signal.detrend``), along an axis.

    bp: the samples at which a new line begins, for type "linear".

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0, 4.0])
    >>> ad.signal.detrend(x, type="constant").data.round(4)
    array([-1.3333, -0.3333,  1.6667])
    """
    if type not in ("linear", "constant", "l", "c"):
        raise ValueError(f"detrend: type must be 'linear' or 'constant'; got {type!r}.")
    x = operand(data)
    if type in ("constant", "c"):
        return x - np.mean(x, axis=axis, keepdims=True)
    x = np.moveaxis(x, axis, -1)
    n = np.shape(x)[-1]
    ends = sorted({0, n, *np.ravel(bp).tolist()})
    if ends[0] < 0 or ends[-1] > n:
        raise ValueError(f"detrend: the places bp of new lines must lie in 0..{n}, the samples; got {bp}.")
    parts = [_without_line(x[..., low:high]) for low, high in itertools.pairwise(ends)]
    return np.moveaxis(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1), -1, axis)


def _without_line(x: Any) -> Any:
    """Return x without its line of least squares along the last axis."""
    off, n = x - np.mean(x, axis=-1, keepdims=True), np.shape(x)[-1]
    line = np.arange(n) - 0.5 * (n - 1)
    line = (line / max(math.sqrt(np.sum(line * line)), 1e-300)).astype(np.result_type(off.dtype, np.float16))
    return off - line * np.sum(off * line, axis=-1, keepdims=True)


def hilbert(x: Any, N: int | None = None, axis: int = -1) -> Any:
    """Return the analytic signal of a real one, whose size is the envelope (``scipy.signal.hilbert``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 0.0, -1.0, 0.0])
    >>> np.abs(ad.signal.hilbert(x)).data
    array([1., 1., 1., 1.])
    """
    x = operand(x)
    if np.result_type(x).kind == "c":
        raise TypeError("hilbert: x is complex; the analytic signal is that of a real one.")
    n = np.shape(x)[axis] if N is None else N
    factors = np.zeros(n)
    factors[: n // 2 + 1] = 2.0
    factors[0] = 1.0
    if n % 2 == 0:
        factors[n // 2] = 1.0
    factors = np.reshape(factors, (n, *(1,) * (np.ndim(x) - 1 - normalize_axis_index(axis, np.ndim(x)))))
    z = np.fft.fft(x, n, axis)
    return np.fft.ifft(z * factors.astype(np.float32 if z.dtype == np.complex64 else float), axis=axis)


# ---- of segments
def _lengths(window: Any, nperseg: int | None, noverlap: int | None, nfft: int | None, n: int) -> tuple[int, int, int]:
    """Return the length of a segment, of the overlap and of the transform."""
    if nperseg is None:
        nperseg = 256 if isinstance(window, (str, tuple)) else len(window)
    if isinstance(window, (str, tuple)):
        nperseg = min(nperseg, n)
    elif nperseg > n:
        raise ValueError(f"a window of {nperseg} samples is longer than the signal, which has {n}.")
    nfft = nperseg if nfft is None else nfft
    noverlap = nperseg // 2 if noverlap is None else noverlap
    if not 0 <= noverlap < nperseg <= nfft:
        raise ValueError(
            f"segments of nperseg={nperseg} need noverlap < nperseg <= nfft; got noverlap={noverlap}, nfft={nfft}."
        )
    return nperseg, noverlap, nfft


def _segments(x: Any, nperseg: int, step: int) -> Any:
    """Return segments along the last axis: (..., segments, nperseg)."""
    places = np.arange(0, np.shape(x)[-1] - nperseg + 1, step)[:, None] + np.arange(nperseg)
    return x[..., places]


def _scale(window: Any, fs: float, scaling: str) -> Any:
    if scaling not in ("density", "spectrum"):
        raise ValueError(f"scaling must be 'density' or 'spectrum'; got {scaling!r}.")
    return 1.0 / (fs * np.sum(window * window)) if scaling == "density" else 1.0 / np.sum(window) ** 2


def _spectra(
    x: Any, fs: float, window: Any, lengths: tuple[int, int, int], trend: Any, onesided: bool, scaling: str,
    power: bool, other: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return frequencies, the times of the middles of the segments, and (..., frequencies, segments): transforms, or
    their power; with another signal, of that times the conjugate of x."""
    nperseg, noverlap, nfft = lengths
    onesided = onesided and np.result_type(x).kind != "c"
    x = np.astype(x, np.float32) if np.result_type(x) == np.float16 else x  # as the transform does
    weights = get_window(window, nperseg)
    parts = [_segments(signal, nperseg, nperseg - noverlap) for signal in ((x,) if other is None else (x, other))]
    if trend is not False:
        parts = [trend(part) if callable(trend) else detrend(part, type=trend) for part in parts]
    if np.result_type(*parts, np.complex64) == np.complex64:
        weights = np.astype(weights, np.float32)
    z, *others = [(np.fft.rfft if onesided else np.fft.fft)(part * weights, nfft) for part in parts]
    f = np.fft.rfftfreq(nfft, 1 / fs) if onesided else np.fft.fftfreq(nfft, 1 / fs)
    times = np.arange(nperseg / 2, np.shape(x)[-1] - nperseg / 2 + 1, nperseg - noverlap) / fs
    scale = _scale(weights, fs, scaling)
    if not power:
        return f, times, np.moveaxis(z * np.sqrt(scale), -1, -2)
    density = np.conj(z) * others[0] if others else np.square(np.real(z)) + np.square(np.imag(z))
    if onesided:  # each but the first and, for even lengths, the last stands for two
        twice = np.full(len(f), 2.0, weights.dtype)
        twice[0] = 1.0
        if nfft % 2 == 0:
            twice[-1] = 1.0
        density = density * twice
    return f, times, np.moveaxis(density * scale, -1, -2)


def stft(
    x: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = False, return_onesided: bool = True, boundary: str | None = "zeros",
    padded: bool = True, axis: int = -1, scaling: str = "spectrum",
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return frequencies, times and the short-time Fourier transform (``scipy.signal.stft``; by default hann windows
    of 256 samples, half of them shared).

    x: any shape, real or complex, differentiated, as is a window that is given as samples. The result has frequencies
    in place of the axis, and times last. boundary: "zeros", "even", "odd", "constant" or None.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones(8))
    >>> f, t, z = ad.signal.stft(x, nperseg=4)
    >>> z.shape, abs(z[0]).data.round(2)
    ((3, 5), array([0.75, 1.  , 1.  , 1.  , 0.25]))
    """
    x = operand(x)
    axis = normalize_axis_index(axis, np.ndim(x)) - np.ndim(x)
    x = np.moveaxis(x, axis, -1)
    nperseg, noverlap, nfft = _lengths(window, nperseg, noverlap, nfft, np.shape(x)[-1])
    widths = [(0, 0)] * (np.ndim(x) - 1)
    shift = nperseg // 2 if boundary is not None else 0
    modes: dict[Any, Any] = {"zeros": {"mode": "constant"}, "constant": {"mode": "edge"}, None: {}}
    for kind in ("even", "odd"):
        modes[kind] = {"mode": "reflect", "reflect_type": kind}
    if boundary not in modes:
        raise ValueError(f"stft: boundary must be 'zeros', 'even', 'odd', 'constant' or None; got {boundary!r}.")
    if shift:
        x = np.pad(x, [*widths, (shift, shift)], **modes[boundary])
    if padded:
        missing = -(np.shape(x)[-1] - nperseg) % (nperseg - noverlap) % nperseg
        x = np.pad(x, [*widths, (0, missing)]) if missing else x
    scaling = "density" if scaling == "psd" else scaling
    f, t, z = _spectra(x, fs, window, (nperseg, noverlap, nfft), detrend, return_onesided, scaling, False)
    return f, t - (nperseg / 2 / fs if boundary is not None else 0.0), np.moveaxis(z, -2, axis - 1)


def istft(
    Zxx: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, input_onesided: bool = True, boundary: bool = True, time_axis: int = -1,
    freq_axis: int = -2, scaling: str = "spectrum",
) -> tuple[Any, Any]:  # fmt: skip
    """Return times and the signal of a short-time Fourier transform, the inverse of ``stft`` (``scipy.signal.istft``).

    >>> import autodiff as ad, numpy as np
    >>> x = np.arange(8.0)
    >>> z = ad.tensor(ad.signal.stft(x, nperseg=4)[2])
    >>> ad.signal.istft(z, nperseg=4)[1].data.round(12)
    array([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    axes = [normalize_axis_index(axis, np.ndim(Zxx)) for axis in (freq_axis, time_axis)]
    z = np.moveaxis(operand(Zxx), axes, (-1, -2))
    whole = 2 * (np.shape(z)[-1] - 1) if input_onesided else np.shape(z)[-1]
    nperseg = whole if nperseg is None else nperseg
    if nfft is None:  # segments of an odd length have as many frequencies as those of one sample less
        nfft = nperseg if input_onesided and nperseg == whole + 1 else whole
    nperseg, noverlap, nfft = _lengths(window, nperseg, noverlap, nfft, nperseg)
    step, count = nperseg - noverlap, np.shape(z)[-2]
    weights = np.astype(get_window(window, nperseg), np.zeros(0, np.result_type(z, np.complex64)).real.dtype)
    parts = np.fft.irfft(z, nfft) if input_onesided else np.fft.ifft(z, nfft)
    parts = parts[..., :nperseg] / np.sqrt(_scale(weights, fs, "density" if scaling == "psd" else scaling)) * weights
    places = np.arange(count)[:, None] * step + np.arange(nperseg)
    length = nperseg + (count - 1) * step
    x = scatter(parts, index=(..., places), shape=(*np.shape(parts)[:-2], length), dtype=parts.dtype)
    index = np.broadcast_to(weights * weights, places.shape)
    norm = scatter(index, index=places, shape=(length,), dtype=index.dtype)
    cut = nperseg // 2 if boundary else 0
    x, norm = x[..., cut : length - cut], norm[cut : length - cut]
    reached = np.greater(norm, 1e-10)
    if isinstance(norm, np.ndarray) and not reached.all():
        warnings.warn(
            f"istft: the windows are zero at {np.sum(~reached)} of {len(norm)} samples, which cannot be given back; "
            "more overlap reaches them.",
            stacklevel=2,
        )
    x = x / np.where(reached, norm, 1.0)
    # the place of the time axis in Zxx without the frequencies
    return np.arange(np.shape(x)[-1]) / fs, np.moveaxis(x, -1, axes[1] - (axes[0] < axes[1]))


def spectrogram(
    x: Any, fs: float = 1.0, window: Any = ("tukey", 0.25), nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1, mode: str = "psd",
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return frequencies, times and the power of segments (``scipy.signal.spectrogram``).

    mode: "psd", "complex", "magnitude", "angle" or "phase", the angle unwrapped along the frequencies. Shapes as in
    ``stft``.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.cos(np.arange(16.0)))
    >>> f, t, power = ad.signal.spectrogram(x, nperseg=8)
    >>> power.shape
    (5, 2)
    """
    modes = ("psd", "complex", "magnitude", "angle", "phase")
    if mode not in modes:
        raise ValueError(f"spectrogram: mode must be one of {', '.join(modes)}; got {mode!r}.")
    x = operand(x)
    axis = normalize_axis_index(axis, np.ndim(x)) - np.ndim(x)
    x = np.moveaxis(x, axis, -1)
    lengths = _lengths(window, nperseg, 0, nfft, np.shape(x)[-1])
    overlap = lengths[0] // 8 if noverlap is None else noverlap
    lengths = _lengths(window, lengths[0], overlap, nfft, np.shape(x)[-1])
    f, t, z = _spectra(x, fs, window, lengths, detrend, return_onesided, scaling, mode == "psd")
    z = np.abs(z) if mode == "magnitude" else np.angle(z) if mode in ("angle", "phase") else z
    z = np.unwrap(z, axis=-2) if mode == "phase" else z
    return f, t, np.moveaxis(z, -2, axis - 1)


def welch(
    x: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1, average: str = "mean",
) -> tuple[Any, Any]:  # fmt: skip
    """Return frequencies and the mean power spectrum of overlapping segments (``scipy.signal.welch``).

    average: "mean", or "median", divided by its bias for noise.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.cos(np.arange(16.0)))
    >>> f, power = ad.signal.welch(x, nperseg=8)
    >>> power.shape
    (5,)
    """
    if noverlap is None:
        noverlap = _lengths(window, nperseg, None, nfft, np.shape(x)[axis])[1]
    f, _, z = spectrogram(x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis)
    return f, _average(z, average)


def _average(z: Any, average: str) -> Any:
    """Return the mean over the segments, or their median over its expectation for an exponential distribution."""
    if average == "mean":
        return np.mean(z, axis=-1)
    if average != "median":
        raise ValueError(f"average must be 'mean' or 'median'; got {average!r}.")
    even = 2.0 * np.arange(1, (np.shape(z)[-1] - 1) // 2 + 1)
    bias = 1.0 + float(np.sum(1.0 / (even + 1.0) - 1.0 / even))
    if np.result_type(z).kind == "c":
        return (np.median(np.real(z), axis=-1) + 1j * np.median(np.imag(z), axis=-1)) / bias
    return np.median(z, axis=-1) / bias


def csd(
    x: Any, y: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1, average: str = "mean",
) -> tuple[Any, Any]:  # fmt: skip
    """Return frequencies and the cross power spectrum of two signals (``scipy.signal.csd``): the mean over segments of
    the transform of y times the conjugate of that of x.

    x, y: of shapes that broadcast, beside the axis; the shorter one is continued by zeros. average: as in ``welch``.

    >>> import autodiff as ad, numpy as np
    >>> x = np.cos(np.arange(16.0))
    >>> f, power = ad.signal.csd(ad.tensor(x), 2 * x, nperseg=8)
    >>> np.allclose(power.data, 2 * ad.signal.welch(x, nperseg=8)[1])
    True
    """
    x, y = (np.moveaxis(operand(v), axis, -1) for v in (x, y))
    n = max(np.shape(x)[-1], np.shape(y)[-1])
    x, y = (np.pad(v, [(0, 0)] * (np.ndim(v) - 1) + [(0, n - np.shape(v)[-1])]) for v in (x, y))
    lengths = _lengths(window, nperseg, noverlap, nfft, n)
    onesided = return_onesided and np.result_type(x, y).kind != "c"
    f, _, z = _spectra(x, fs, window, lengths, detrend, onesided, scaling, True, y)
    return f, np.moveaxis(_average(z, average), -1, axis)


def coherence(
    x: Any, y: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = "constant", axis: int = -1,
) -> tuple[Any, Any]:  # fmt: skip
    """Return frequencies and the squared coherence of two signals (``scipy.signal.coherence``), between 0 and 1.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.random.default_rng(0).normal(size=32))
    >>> ad.signal.coherence(x, 3 * x, nperseg=8)[1].data
    array([1., 1., 1., 1., 1.])
    """
    f, cross = csd(x, y, fs, window, nperseg, noverlap, nfft, detrend, axis=axis)
    real = np.result_type(operand(x), operand(y)).kind != "c"  # a real signal beside a complex one has all frequencies
    own = [csd(v, v, fs, window, nperseg, noverlap, nfft, detrend, real, axis=axis)[1] for v in (x, y)]
    return f, (np.square(np.real(cross)) + np.square(np.imag(cross))) / (np.real(own[0]) * np.real(own[1]))


def periodogram(
    x: Any, fs: float = 1.0, window: Any = "boxcar", nfft: int | None = None, detrend: Any = "constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1,
) -> tuple[Any, Any]:  # fmt: skip
    """Return frequencies and the power spectrum of a signal as one segment (``scipy.signal.periodogram``).

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, -1.0, 1.0, -1.0])
    >>> ad.signal.periodogram(x)[1].data
    array([0., 0., 4.])
    """
    n = np.shape(x)[axis]
    if nfft is not None and nfft < n:  # of the first samples, as in SciPy
        x, n = np.take(operand(x), np.arange(nfft), axis), nfft
    window = "boxcar" if window is None else window if isinstance(window, (str, tuple)) else operand(window)
    return welch(x, fs, window, n, 0, nfft, detrend, return_onesided, scaling, axis)
