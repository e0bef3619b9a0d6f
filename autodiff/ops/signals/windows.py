"""Windows: the weights of the samples of a segment. Names and parameters are SciPy's."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...variable import plain
from ..shape import operand
from ..special.bessel.modified import i0

_COSINES = {  # coefficients of the cosines of 0, 1, 2, ... turns
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


def _tukey(place: Any, end: float, share: Any = 0.5) -> Any:
    near = np.minimum(place, end - place)  # from the nearer end
    share = np.clip(share, None, 1.0)  # at a larger share, the two slopes cover everything
    width = 0.5 * share * end
    inside = (near < plain(width)) & (plain(share) > 0)
    return np.where(inside, 0.5 - 0.5 * np.cos(math.pi * near / np.where(inside, width, 1.0)), 1.0)


def _parzen(place: Any, end: float) -> Any:
    far = np.abs(place - 0.5 * end) / (0.5 * (end + 1.0))
    return np.where(np.abs(place - 0.5 * end) <= 0.25 * end, 1.0 - 6.0 * far**2 * (1.0 - far), 2.0 * (1.0 - far) ** 3)


def _bohman(place: Any, end: float) -> Any:
    far = np.abs(2.0 * place / end - 1.0)
    inner = (1.0 - far) * np.cos(math.pi * far) + np.sin(math.pi * far) / math.pi
    return np.where(far < 1.0, inner, 0.0)


def _barthann(place: Any, end: float) -> Any:
    far = np.abs(place / end - 0.5)
    return 0.62 - 0.48 * far + 0.38 * np.cos(2.0 * math.pi * far)


def _exponential(place: Any, end: float, center: Any = None, tau: Any = 1.0) -> Any:
    return np.exp(-np.abs(place - (0.5 * end if center is None else center)) / tau)


def _general_gaussian(place: Any, end: float, p: Any, sig: Any) -> Any:
    far = np.abs(place - 0.5 * end)
    middle = far == 0  # 0 ** (2 p) there, whose slopes would be 0 * inf
    return np.where(middle, 1.0, np.exp(-0.5 * np.abs(np.where(middle, 1.0, far) / sig) ** (2.0 * p)))


def _kaiser(place: Any, end: float, beta: Any) -> Any:
    return i0(beta * np.sqrt(np.maximum(1.0 - (2.0 * place / end - 1.0) ** 2, 0.0))) / i0(beta)


# by the places 0, 1, ..., end of the samples
_FORMULAS: dict[str, Callable[..., Any]] = {
    "bartlett": lambda place, end: 1.0 - np.abs(2.0 * place / end - 1.0),
    "barthann": _barthann,
    "bohman": _bohman,
    "cosine": lambda place, end: np.sin(math.pi * (place + 0.5) / (end + 1.0)),
    "exponential": _exponential,
    "gaussian": lambda place, end, std: np.exp(-0.5 * ((place - 0.5 * end) / std) ** 2),
    "general_gaussian": _general_gaussian,
    "general_hamming": lambda place, end, alpha: alpha - (1.0 - alpha) * np.cos(2.0 * math.pi * place / end),
    "kaiser": _kaiser,
    "lanczos": lambda place, end: np.sinc(2.0 * place / end - 1.0),
    "parzen": _parzen,
    "triang": lambda place, end: 1.0 - np.abs(2.0 * place - end) / (end + 1.0 + (end + 1.0) % 2.0),
    "tukey": _tukey,
}


def get_window(window: Any, Nx: int, fftbins: bool = True) -> Any:
    """Return a window of Nx samples, or the one that is given (``scipy.signal.get_window``).

    window: the name of one without parameters ("boxcar", "hann", "hamming", "blackman", "nuttall", "blackmanharris",
    "flattop", "bartlett", "barthann", "bohman", "cosine", "lanczos", "parzen", "triang"); a tuple of a name and
    parameters: ("kaiser", beta), ("gaussian", std), ("tukey", share), ("exponential", None, tau),
    ("general_hamming", alpha), ("general_gaussian", p, sig); a number, the beta of a kaiser window; or Nx samples.
    Parameters are differentiated. fftbins: a periodic window for a spectrum; False makes a symmetric one for a filter.

    >>> import autodiff as ad
    >>> ad.signal.get_window("hann", 4)
    array([0. , 0.5, 1. , 0.5])
    >>> round(ad.grad(lambda beta: ad.signal.get_window(("kaiser", beta), 4)[1])(2.0), 4)
    -0.1137
    """
    if not isinstance(window, str | tuple) and np.ndim(window) == 0:
        window = ("kaiser", window)
    name, *parameters = window if isinstance(window, tuple) else (window,)
    if not isinstance(name, str):
        samples = operand(window)
        if np.shape(samples) != (Nx,):
            raise ValueError(f"a window of shape {np.shape(samples)} does not fit segments of {Nx} samples.")
        return samples
    for suffix, periodic in (("_periodic", True), ("_symmetric", False)):
        if name.endswith(suffix):
            name, fftbins = name.removesuffix(suffix), periodic
    if name not in _COSINES and name not in _FORMULAS:
        known = ", ".join([*_COSINES, *_FORMULAS])
        raise ValueError(f"no window is named {name!r} here: {known}; or give the samples.")
    if Nx <= 1:
        return np.ones(Nx)
    place, end = np.arange(Nx), float(Nx if fftbins else Nx - 1)
    if name in _COSINES:
        turns = 2.0 * math.pi * place / end
        return sum([(-1.0) ** k * c * np.cos(k * turns) for k, c in enumerate(_COSINES[name])])
    try:
        inspect.signature(_FORMULAS[name]).bind(place, end, *parameters)
    except TypeError as error:
        raise TypeError(f"window {name!r} with the parameters {tuple(parameters)}: {error}.") from None
    return _FORMULAS[name](place, end, *parameters)
