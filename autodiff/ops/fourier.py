"""Rows of the discrete Fourier transform: fft, ifft, rfft, irfft along one axis; all others are made of them.

The matrix of a Fourier transform is symmetric, so each transform is its own transpose; only the length differs:
it is cut or padded with zeros, and for real transforms the half of the spectrum that is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..batching.ways import along
from ..other_arrays import ones_like_value
from ..registry import composite, op
from ..variable import plain

_Norm = Literal["backward", "ortho", "forward"] | None
# the norm of the inverse
_OTHER: dict[_Norm, _Norm] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _resized(g: Any, n: int, axis: int) -> Any:
    """Return g cut or padded with zeros to length n along an axis: the transpose of the same change of an input."""
    have = g.shape[axis]
    if have > n:
        return np.moveaxis(np.moveaxis(g, axis, -1)[..., :n], -1, axis)
    widths = [(0, 0)] * g.ndim
    widths[axis] = (0, n - have)
    return np.pad(g, widths) if have < n else g


def _samples(last: int) -> Any:
    return (
        (((last,),), {}),
        (((2, last),), {"n": last + 2, "norm": "ortho"}),
        (((last, 2),), {"n": 3, "axis": 0, "norm": "forward"}),
        (((2, 5),), {"n": 5}),
    )


def _transform(name: str, vjp: Any, doc: str, example: str, low: int = 4) -> Any:
    run = getattr(np.fft, name)

    def fn(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
        return run(a, n, axis, norm)

    return op(
        fn,
        name=name,
        inputs="a",
        batch=along,
        public=False,
        numpy=(run,),
        linear=True,
        vjp=vjp,
        samples=_samples(low),
        draw=lambda rng, a: (rng.normal(size=a),),
        complex=True,
        doc=doc,
        example=example,
    )


fft = _transform(
    "fft",
    lambda g, a_shape, axis, norm: _resized(np.fft.fft(g, axis=axis, norm=norm), a_shape[axis], axis),
    "Return the discrete Fourier transform along an axis.",
    """>>> import autodiff as ad, numpy as np
>>> x = ad.tensor([1.0, 2.0, 3.0])
>>> (np.abs(np.fft.fft(x)) ** 2).sum().backward(); x.grad
array([ 6., 12., 18.])""",
)
ifft = _transform(
    "ifft",
    lambda g, a_shape, axis, norm: _resized(np.fft.ifft(g, axis=axis, norm=norm), a_shape[axis], axis),
    "Return the inverse discrete Fourier transform along an axis.",
    """>>> import autodiff as ad, numpy as np
>>> z = ad.tensor([6.0, -2.0 + 2.0j, -2.0, -2.0 - 2.0j])
>>> np.fft.ifft(z).data
array([0.+0.j, 1.+0.j, 2.+0.j, 3.+0.j])""",
)


def _rfft_vjp(g: Any, a_shape: tuple[int, ...], n: int | None, axis: int, norm: _Norm) -> Any:
    n = a_shape[axis] if n is None else n
    return np.real(_resized(np.fft.fft(_resized(g, n, axis), axis=axis, norm=norm), a_shape[axis], axis))


rfft = _transform(
    "rfft",
    _rfft_vjp,
    "Return the transform of real values, without the half that mirrors the other.",
    """>>> import autodiff as ad, numpy as np
>>> x = ad.tensor([1.0, 2.0, 3.0, 4.0])
>>> np.fft.rfft(x).data
array([10.+0.j, -2.+2.j, -2.+0.j])""",
)


def _irfft_vjp(g: Any, a_shape: tuple[int, ...], axis: int, norm: _Norm) -> Any:
    """Return the cotangent: frequencies between the first and the last count twice, for themselves and their mirror
    images."""
    n = g.shape[axis]
    half = np.conjugate(np.fft.rfft(g, axis=axis, norm=_OTHER[norm]))
    twice = 2.0 * ones_like_value(n // 2 + 1, g.dtype, like=plain(g))
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    shape = [1] * g.ndim
    shape[axis] = -1
    return _resized(half * twice.reshape(shape), a_shape[axis], axis)


irfft = _transform(
    "irfft",
    _irfft_vjp,
    "Return real values from the half of their spectrum that ``rfft`` gives.",
    """>>> import autodiff as ad, numpy as np
>>> z = ad.tensor([10.0, -2.0 + 2.0j, -2.0])
>>> np.fft.irfft(z).data
array([1., 2., 3., 4.])""",
)


# ---- several axes, and spectra of real values
def _axes(a: Any, s: Sequence[int] | None, axes: Sequence[int] | None) -> tuple[list[int | None], list[int]]:
    """Return lengths and axes as NumPy reads them: no axes means the last ones, no s means each axis as it is."""
    ndim = np.ndim(a)
    if axes is None:
        axes = list(range(ndim)) if s is None else list(range(-len(s), 0))
    lengths: list[int | None] = [None] * len(axes) if s is None else [None if n == -1 else n for n in s]
    if len(lengths) != len(axes):
        raise ValueError(f"fft: s has {len(lengths)} lengths for {len(axes)} axes.")
    return lengths, list(axes)


def _no_out(out: Any, name: str) -> None:
    if out is not None:
        raise TypeError(f"{name}(..., out=...) cannot be recorded; assign the result.")


def _several(name: str, one: Any, last: Any, last_first: bool, default: Any) -> Callable[..., Any]:
    """Return a transform over several axes: ``last`` along the last of them, ``one`` along the others."""

    def run(a: Any, s: Any = None, axes: Any = default, norm: str | None = None, out: Any = None) -> Any:
        _no_out(out, name)
        lengths, along = _axes(a, s, axes)
        if not along:
            if last is one:
                return a + 0j
            raise ValueError(f"{name}: a real transform needs an axis, and none is given; a has shape {np.shape(a)}.")
        *rest, (n, axis) = zip(lengths, along, strict=True)
        if last_first:
            a = last(a, n=n, axis=axis, norm=norm)
        for length, k in reversed(rest):
            a = one(a, n=length, axis=k, norm=norm)
        return a if last_first else last(a, n=n, axis=axis, norm=norm)

    run.__name__, run.__qualname__ = name, name
    what = "inverse transform" if name.startswith("i") else "transform"
    run.__doc__ = f"""Return the {what} along several axes (``np.fft.{name}``).

    a: any shape. s: a length for each axis, -1 for the axis as it is. norm: "backward", "ortho" or "forward".

    >>> import autodiff as ad, numpy as np
    >>> x = np.arange(6.0).reshape(2, 3)
    >>> bool(np.allclose(ad.fft.{name}(x), np.fft.{name}(x)))
    True
    """
    return run


for _name, _one, _last, _first in (
    ("fft", fft, fft, True),
    ("ifft", ifft, ifft, True),
    ("rfft", fft, rfft, True),
    ("irfft", ifft, irfft, False),
):
    for _suffix, _default in (("n", None), ("2", (-2, -1))):
        _made = _several(_name + _suffix, _one, _last, _first, _default)
        globals()[_name + _suffix] = composite(_made, numpy=(getattr(np.fft, _name + _suffix),), public=False)


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: _Norm = None, out: Any = None) -> Any:
    """Return the real spectrum of a signal with Hermitian symmetry (``np.fft.hfft``).

    >>> import autodiff as ad, numpy as np
    >>> np.fft.hfft(ad.tensor([1.0, 2.0 + 1j])).data
    array([ 3., -1.])
    """
    _no_out(out, "hfft")
    return irfft(np.conjugate(a), n=n, axis=axis, norm=_OTHER[norm])


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: _Norm = None, out: Any = None) -> Any:
    """Return the half of a signal with Hermitian symmetry from its real spectrum (``np.fft.ihfft``).

    >>> import autodiff as ad, numpy as np
    >>> np.fft.ihfft(ad.tensor([5.0, -3.0])).data
    array([1.-0.j, 4.-0.j])
    """
    _no_out(out, "ihfft")
    return np.conjugate(rfft(a, n=n, axis=axis, norm=_OTHER[norm]))


def fftshift(x: Any, axes: Any = None) -> Any:
    """Return the values with the zero frequency in the middle (``np.fft.fftshift``).

    >>> import autodiff as ad, numpy as np
    >>> np.fft.fftshift(ad.tensor([0.0, 1.0, 2.0, -2.0, -1.0])).data
    array([-2., -1.,  0.,  1.,  2.])
    """
    axes = tuple(range(np.ndim(x))) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    return np.roll(x, [np.shape(x)[k] // 2 for k in axes], axes)


def ifftshift(x: Any, axes: Any = None) -> Any:
    """Return the values with the zero frequency first again (``np.fft.ifftshift``).

    >>> import autodiff as ad, numpy as np
    >>> np.fft.ifftshift(ad.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])).data
    array([ 0.,  1.,  2., -2., -1.])
    """
    axes = tuple(range(np.ndim(x))) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    return np.roll(x, [-(np.shape(x)[k] // 2) for k in axes], axes)


for _fn in (hfft, ihfft, fftshift, ifftshift):
    composite(_fn, numpy=(getattr(np.fft, _fn.__name__),), public=False)
