"""Convolutions and correlations of whole arrays. Signatures are SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..shape import operand

MANY = 256  # samples of the shorter sequence, from which on Fourier transforms are quicker


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """Convolve two arrays of as many axes by Fourier transforms (``scipy.signal.fftconvolve``), over all axes or some.

    mode: "full", "same" (of in1's shape) or "valid". Other axes broadcast.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> ad.signal.fftconvolve(x, [0.5, 0.5], "same").data
    array([0.5, 1.5, 2.5])
    """
    a, b = operand(in1), operand(in2)
    if np.ndim(a) != np.ndim(b):
        raise ValueError(f"fftconvolve: arrays of {np.ndim(a)} and {np.ndim(b)} axes; give both as many.")
    along = range(np.ndim(a)) if axes is None else np.atleast_1d(axes).tolist()
    along = [normalize_axis_index(axis, np.ndim(a)) for axis in along]
    n, m = ([np.shape(x)[axis] for axis in along] for x in (a, b))
    _check_mode("fftconvolve", mode, n, m)
    full = [i + j - 1 for i, j in zip(n, m)]
    whole = any([np.result_type(x).kind == "c" for x in (a, b)])
    there, back = (np.fft.fftn, np.fft.ifftn) if whole else (np.fft.rfftn, np.fft.irfftn)
    y = back(there(a, full, along) * there(b, full, along), full, along)
    return _part(y, mode, along, n, m)


def _check_mode(who: str, mode: str, n: list[int], m: list[int]) -> None:
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"{who}: mode must be 'full', 'same' or 'valid'; got {mode!r}.")
    if mode == "valid" and any([i < j for i, j in zip(n, m)]) and any([i > j for i, j in zip(n, m)]):
        raise ValueError(
            f"{who}: for mode='valid' one array must be as long as the other along every axis; got lengths {n} and {m}."
        )


def _part(y: Any, mode: str, along: list[int], n: list[int], m: list[int]) -> Any:
    """Return the part of a full convolution, of lengths n and m along some axes, that the mode names."""
    index: list[Any] = [slice(None)] * np.ndim(y)
    for axis, i, j in zip(along, n, m):
        if mode == "same":
            index[axis] = slice((j - 1) // 2, (j - 1) // 2 + i)
        elif mode == "valid":
            index[axis] = slice(min(i, j) - 1, max(i, j))
    return y[tuple(index)]


def _by_transforms(a: Any, b: Any, mode: str) -> Any:
    y, dtype = fftconvolve(a, b, mode), np.result_type(a, b)
    return y if dtype.kind in "fc" else np.astype(np.round(y), dtype)  # integers stay integers, as in a direct sum


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Convolve two arrays of as many axes, over all axes (``scipy.signal.convolve``).

    mode: as in ``fftconvolve``. method: "direct" for sequences, by sums of products; "fft"; or "auto".

    >>> import autodiff as ad
    >>> ad.signal.convolve(ad.tensor([1.0, 2.0, 3.0]), [0.5, 0.5], "same").data
    array([0.5, 1.5, 2.5])
    """
    if method not in ("auto", "direct", "fft"):
        raise ValueError(f"convolve: method must be 'auto', 'direct' or 'fft'; got {method!r}.")
    a, b = operand(in1), operand(in2)
    if np.ndim(a) != 1 or np.ndim(b) != 1:
        if method == "direct":
            raise ValueError("convolve: method='direct' is for sequences; write method='fft', or ad.convolution.")
        return _by_transforms(a, b, mode)
    n, m = np.size(a), np.size(b)
    if method == "fft" or (method == "auto" and min(n, m) > MANY):
        return _by_transforms(a, b, mode)
    _check_mode("convolve", mode, [n], [m])
    return _part(np.convolve(a, b), mode, [0], [n], [m])


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Return the correlation of two arrays of as many axes (``scipy.signal.correlate``): the sums of in1 times the
    conjugate of in2, at every lag.

    >>> import autodiff as ad
    >>> ad.signal.correlate(ad.tensor([1.0, 2.0, 3.0]), [0.0, 1.0]).data
    array([1., 2., 3., 0.])
    """
    return convolve(in1, np.conj(np.flip(operand(in2))), mode, method)
