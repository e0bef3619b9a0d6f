"""Other sampling rates, smoothing by polynomials, and the filters these need. Signatures are SciPy's."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...batching.handle import all_examples
from ...other_arrays import numbers
from ..shape import operand
from .convolving import fftconvolve
from .filters import sosfilt, sosfiltfilt
from .windows import get_window


def resample(x: Any, num: int, t: Any = None, axis: int = 0, window: Any = None, domain: str = "time") -> Any:
    """Return num samples of a periodic signal, by its Fourier transform (``scipy.signal.resample``).

    window: weights of the frequencies: as in ``get_window``, a function of them, or len(x) samples. t: the times of x,
    equally spaced; with them the result is (y, times). domain: "freq" where x is a transform already.

    >>> import autodiff as ad
    >>> ad.signal.resample(ad.tensor([0.0, 1.0, 0.0, -1.0]), 8).data.round(4)[:4]
    array([0.    , 0.7071, 1.    , 0.7071])
    """
    if domain not in ("time", "freq"):
        raise ValueError(f"resample: domain must be 'time' or 'freq'; got {domain!r}.")
    num, x = operator.index(num), np.moveaxis(operand(x), axis, -1)
    n = np.shape(x)[-1]
    kept, real = min(num, n), domain == "time" and np.result_type(x).kind != "c"
    z = np.fft.fft(x) if domain == "time" else x
    dtype = np.zeros(0, np.result_type(z, np.complex64)).real.dtype
    if window is not None:
        weights = window(np.fft.fftfreq(n)) if callable(window) else window
        given = callable(window) or not (isinstance(window, str | tuple) or np.ndim(window) == 0)
        weights = get_window(weights, n)
        z = z * np.astype(weights if given else np.fft.fftshift(weights), dtype)
    low, high = z[..., : kept // 2 + 1], z[..., n - (kept - 1) // 2 :]
    gap = np.zeros((*np.shape(z)[:-1], num - kept), dtype)
    if kept % 2 == 0:  # the frequency in the middle stands for two, its own and the negative one
        middle, low = low[..., -1:], low[..., :-1]
        if num < n:
            middle = middle + z[..., n - kept // 2 : n - kept // 2 + 1]
        elif num > n:
            middle = 0.5 * middle
            gap = np.concatenate([gap[..., 1:], middle], axis=-1)
        low = np.concatenate([low, middle], axis=-1)
    y = np.fft.ifft(np.concatenate([low, gap, high], axis=-1)) * (num / n)
    y = np.moveaxis(np.real(y) if real else y, -1, axis)
    return y if t is None else (y, t[0] + (t[1] - t[0]) * (n / num) * np.arange(num))


def upfirdn(h: Any, x: Any, up: int = 1, down: int = 1, axis: int = -1) -> Any:
    """Put up - 1 zeros between samples, filter by h, and take every down-th result (``scipy.signal.upfirdn``).

    >>> import autodiff as ad
    >>> ad.signal.upfirdn([1.0, 1.0], ad.tensor([1.0, 2.0]), up=2).data
    array([1., 1., 2., 2.])
    """
    h, x = operand(h), np.moveaxis(operand(x), axis, -1)
    if np.ndim(h) != 1 or up < 1 or down < 1:
        raise ValueError(f"upfirdn: h must have one axis, up and down be 1 or more; got {np.shape(h)}, {up}, {down}.")
    if up > 1:
        n = np.shape(x)[-1]
        x = np.pad(x[..., None], [(0, 0)] * np.ndim(x) + [(0, up - 1)])
        x = np.reshape(x, (*np.shape(x)[:-2], n * up))[..., : (n - 1) * up + 1]
    y = fftconvolve(x, np.reshape(h, (*(1,) * (np.ndim(x) - 1), -1)), axes=-1)
    return np.moveaxis(y[..., ::down], -1, axis)


def resample_poly(
    x: Any, up: int, down: int, axis: int = 0, window: Any = ("kaiser", 5.0), padtype: str = "constant",
    cval: float | None = None,
) -> Any:  # fmt: skip
    """Return a signal at up / down times its rate, by a filter of finite length (``scipy.signal.resample_poly``).

    window: of ``firwin``, or the samples of a filter. padtype: "constant" (zeros outside), or "mean", "median",
    "minimum", "maximum", the level that is taken out before and added after.

    >>> import autodiff as ad, numpy as np
    >>> ad.signal.resample_poly(ad.tensor(np.ones(8)), 1, 2, padtype="mean").data
    array([1., 1., 1., 1.])
    """
    levels: dict[str, Any] = {"mean": np.mean, "median": np.median, "minimum": np.min, "maximum": np.max}
    if padtype not in levels and (padtype != "constant" or cval):
        raise ValueError(
            f"resample_poly: padtype must be 'constant', with zeros, or one of {', '.join(levels)}; got {padtype!r} "
            f"with cval={cval!r}."
        )
    if int(up) != up or int(down) != down or up < 1 or down < 1:
        raise ValueError(f"resample_poly: up and down must be whole numbers of 1 or more; got {up!r} and {down!r}.")
    x = np.moveaxis(operand(x), axis, -1)
    up, down = int(up) // math.gcd(int(up), int(down)), int(down) // math.gcd(int(up), int(down))
    if up == down == 1:
        return np.moveaxis(np.copy(x), -1, axis)
    if isinstance(window, str | tuple):
        half = 10 * max(up, down)
        h = firwin(2 * half + 1, 1.0 / max(up, down), window=window)
    else:
        h = operand(window)
        half = (np.size(h) - 1) // 2
    if np.result_type(x).kind in "fc":
        h = np.astype(h, np.zeros(0, np.result_type(x)).real.dtype)
    level = levels[padtype](x, axis=-1, keepdims=True) if padtype in levels else 0.0
    n = -(-np.shape(x)[-1] * up // down)
    before = down - half % down  # zeros, so that a result lies in the middle of the filter
    skip = (half + before) // down
    y = upfirdn(np.pad(h * up, (before, 0)), x - level, up, down)
    missing = max(0, skip + n - np.shape(y)[-1])
    y = np.pad(y, [(0, 0)] * (np.ndim(y) - 1) + [(0, missing)])[..., skip : skip + n]
    return np.moveaxis(y + level, -1, axis)


def decimate(x: Any, q: int, n: int | None = None, ftype: str = "iir", axis: int = -1, zero_phase: bool = True) -> Any:
    """Return every q-th sample of a signal, after a filter against aliases (``scipy.signal.decimate``).

    ftype: "iir", a Chebyshev filter of the order n, 8 by default; or "fir", one of n + 1 taps, 20 q + 1 by default.
    zero_phase: without a delay.

    >>> import autodiff as ad, numpy as np
    >>> ad.signal.decimate(ad.tensor(np.ones(64)), 4, ftype="fir", n=8).shape
    (16,)
    """
    if ftype not in ("iir", "fir"):
        raise ValueError(f"decimate: ftype must be 'iir' or 'fir'; got {ftype!r}.")
    q, axis = operator.index(q), normalize_axis_index(axis, np.ndim(x))
    x = np.moveaxis(operand(x), axis, -1)
    if ftype == "iir":
        sos = _chebyshev(8 if n is None else operator.index(n), 0.05, 0.8 / q)
        y = (sosfiltfilt if zero_phase else sosfilt)(sos.astype(np.result_type(x, np.float32).type(0).real.dtype), x)
        return np.moveaxis(y[..., ::q], -1, axis)
    h = firwin((20 * q if n is None else operator.index(n)) + 1, 1.0 / q)
    if zero_phase:
        return np.moveaxis(resample_poly(x, 1, q, axis=-1, window=h), -1, axis)
    return np.moveaxis(upfirdn(h, x, 1, q)[..., : -(-np.shape(x)[-1] // q)], -1, axis)


def _chebyshev(n: int, ripple: float, cutoff: float) -> Any:
    """Return the sections of a lowpass Chebyshev filter of type 1: ripple in dB, cutoff as a share of half the rate.

    Oppenheim and Schafer, "Discrete-Time Signal Processing": the poles of the analog filter lie on an ellipse, and the
    bilinear transform maps them.
    """
    width = math.asinh(1.0 / math.sqrt(10.0 ** (0.1 * ripple) - 1.0)) / n
    angles = math.pi * np.arange(-n + 1, n, 2) / (2 * n)
    poles = -np.sinh(width + 1j * angles)
    level = 10.0 ** (-0.05 * ripple) if n % 2 == 0 else 1.0
    poles = poles * math.tan(0.5 * math.pi * cutoff)
    gain = level * (np.prod(-poles) / np.prod(1.0 - poles)).real
    poles = (1.0 + poles) / (1.0 - poles)
    upper = poles[: n // 2]
    sections = [[1.0, 2.0, 1.0, 1.0, -2.0 * p.real, abs(p) ** 2] for p in upper]
    if n % 2:
        sections.insert(0, [1.0, 1.0, 0.0, 1.0, -poles[n // 2].real, 0.0])
    sections[0][:3] = [gain * c for c in sections[0][:3]]
    return np.array(sections)


def firwin(
    numtaps: int, cutoff: Any, *, width: float | None = None, window: Any = "hamming", pass_zero: bool | str = True,
    scale: bool = True, fs: float = 2.0,
) -> Any:  # fmt: skip
    """Return the taps of a filter of finite length, by a window (``scipy.signal.firwin``), differentiated in cutoff.

    cutoff: the edges of the bands, increasing, between 0 and fs / 2. width: of the transition, which chooses a kaiser
    window. pass_zero: whether frequency 0 passes; or "lowpass", "highpass", "bandpass", "bandstop".

    >>> import autodiff as ad
    >>> ad.signal.firwin(3, 0.5).round(4)
    array([0.0462, 0.9076, 0.0462])
    """
    edges = np.reshape(operand(cutoff), -1) / (0.5 * fs)
    bare = numbers(all_examples(edges), "the order of the edges", "cutoff")
    if not np.all(np.diff(bare, prepend=0.0, append=1.0) > 0):
        raise ValueError(f"firwin: the edges in cutoff must increase between 0 and fs / 2 = {0.5 * fs}; got {cutoff}.")
    names = {"lowpass": True, "bandstop": True, "highpass": False, "bandpass": False}
    first = names.get(pass_zero, pass_zero) if isinstance(pass_zero, str) else bool(pass_zero)
    if isinstance(first, str):
        raise ValueError(f"firwin: pass_zero must be a truth value or one of {', '.join(names)}; got {pass_zero!r}.")
    if isinstance(pass_zero, str) and pass_zero.startswith("band") == (np.size(edges) < 2):
        need = "two or more edges" if np.size(edges) < 2 else "one edge"
        raise ValueError(f"firwin: pass_zero={pass_zero!r} needs {need} in cutoff; got {np.size(edges)}.")
    last = bool(np.size(edges) % 2) ^ first
    if last and numtaps % 2 == 0:
        raise ValueError(f"firwin: a filter of an even number of taps, {numtaps}, is zero at fs / 2; take an odd one.")
    edges = np.concatenate([np.zeros(int(first)), edges, np.ones(int(last))])
    if width is not None:
        window = ("kaiser", _kaiser_beta(2.285 * (numtaps - 1) * math.pi * (width / (0.5 * fs)) + 7.95))
    place = np.arange(numtaps) - 0.5 * (numtaps - 1)
    h = sum([edges[i + 1] * np.sinc(edges[i + 1] * place) - edges[i] * np.sinc(edges[i] * place)
             for i in range(0, np.size(edges), 2)])  # fmt: skip
    h = h * get_window(window, numtaps, fftbins=False)
    if scale:  # 1 at the middle of the first band; at its end where that is 0 or fs / 2
        middle = 0.0 if first else 1.0 if last and np.size(edges) == 2 else 0.5 * (edges[0] + edges[1])
        h = h / np.sum(h * np.cos(math.pi * place * middle))
    return h


def _kaiser_beta(attenuation: float) -> float:
    """Return beta of a kaiser window for an attenuation in dB (Kaiser 1974)."""
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21) if attenuation > 21 else 0.0


# ---- polynomials
def savgol_coeffs(
    window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0, pos: float | None = None, use: str = "conv"
) -> Any:
    """Return the constant weights of ``savgol_filter`` (``scipy.signal.savgol_coeffs``).

    use: "conv" for a convolution, "dot" for a product with the samples in their order.

    >>> import autodiff as ad
    >>> ad.signal.savgol_coeffs(3, 1).round(4)
    array([0.3333, 0.3333, 0.3333])
    """
    if not 0 <= polyorder < window_length:
        raise ValueError(f"savgol_coeffs: polyorder {polyorder} must be less than window_length {window_length}.")
    if use not in ("conv", "dot"):
        raise ValueError(f"savgol_coeffs: use must be 'conv' or 'dot'; got {use!r}.")
    pos = 0.5 * (window_length - 1) if pos is None else pos
    if not 0 <= pos < window_length:
        raise ValueError(f"savgol_coeffs: pos {pos} must lie in the window, in 0..{window_length - 1}.")
    weights = _fit(window_length, polyorder, deriv, delta, np.array([float(pos)]))[0]
    return weights[::-1].copy() if use == "conv" else weights


def _fit(n: int, order: int, deriv: int, delta: float, at: Any) -> Any:
    """Return the matrix that maps n samples to the deriv-th derivative, at some places, of their polynomial."""
    middle, size = 0.5 * (n - 1), max(0.5 * (n - 1), 1.0)  # powers of numbers up to 1 keep their digits
    powers = np.vander((np.arange(n) - middle) / size, order + 1, increasing=True)
    factors = [math.perm(k, deriv) for k in range(order + 1)]
    slopes = np.stack([f * ((at - middle) / size) ** max(k - deriv, 0) for k, f in enumerate(factors)], axis=1)
    return slopes @ np.linalg.pinv(powers) / (size * delta) ** deriv


def savgol_filter(
    x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0, axis: int = -1,
    mode: str = "interp", cval: float = 0.0,
) -> Any:  # fmt: skip
    """Return a signal smoothed by polynomials of least squares (``scipy.signal.savgol_filter``).

    window_length: how many samples, for a polynomial of degree polyorder; deriv: which derivative of it, at
    the spacing delta. mode: at the ends the polynomials of the first and last window ("interp"), or the signal
    continued: "mirror", "nearest", "wrap" or "constant" with cval. With an even window_length a result belongs
    half a sample later, between the two samples in the middle, as in SciPy.

    Savitzky and Golay (1964), "Smoothing and differentiation of data by simplified least squares procedures".

    >>> import autodiff as ad
    >>> ad.signal.savgol_filter(ad.tensor([0.0, 1.0, 4.0, 9.0, 16.0]), 5, 2, deriv=1).data.round(4)
    array([0., 2., 4., 6., 8.])
    """
    pads: dict[str, dict[str, Any]] = {"mirror": {"mode": "reflect"}, "nearest": {"mode": "edge"}}
    pads |= {"wrap": {"mode": "wrap"}, "constant": {"mode": "constant", "constant_values": cval}}
    if mode != "interp" and mode not in pads:
        raise ValueError(f"savgol_filter: mode must be 'interp', {', '.join(map(repr, pads))}; got {mode!r}.")
    x = np.moveaxis(operand(x), axis, -1)
    x = x if np.result_type(x).kind in "fc" else np.astype(x, float)
    n, half, before = np.shape(x)[-1], window_length // 2, (window_length - 1) // 2
    if mode == "interp" and n < window_length:
        raise ValueError(f"savgol_filter: mode 'interp' needs window_length <= {n} samples; got {window_length}.")
    dtype = np.zeros(0, np.result_type(x)).real.dtype
    taps = savgol_coeffs(window_length, polyorder, deriv, delta, use="dot").astype(dtype)
    wide = x if mode == "interp" else np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(before, half)], **pads[mode])
    inner = np.shape(wide)[-1] - window_length + 1
    y = sum([taps[k] * wide[..., k : k + inner] for k in range(window_length)])
    if mode == "interp":
        places = np.arange(half, dtype=float)
        ends = [_fit(window_length, polyorder, deriv, delta, at).astype(dtype) for at in (places, places + before + 1)]
        y = y[..., half - before : half - before + n - 2 * half]
        y = np.concatenate([x[..., :window_length] @ ends[0].T, y, x[..., n - window_length :] @ ends[1].T], axis=-1)
    return np.moveaxis(y, -1, axis)
