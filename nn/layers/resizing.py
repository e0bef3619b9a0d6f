"""Images in other sizes: interpolation, and channels exchanged for pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..module import Module
from .inputs import as_value, beside, per_axis
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d

__all__ = [
    "ChannelShuffle",
    "PixelShuffle",
    "PixelUnshuffle",
    "Upsample",
    "channel_shuffle",
    "interpolate",
    "pixel_shuffle",
    "pixel_unshuffle",
]

_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}
_SMOOTH = {**_LINEAR, "bicubic": 2}  # modes with weights, and their number of axes


def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """Turn channels into pixels: (..., C r r, H, W) -> (..., C, H r, W r). `torch.nn.functional.pixel_shuffle`.

    Raises ValueError where the channels are no multiple of r * r. (Shi et al. 2016, https://arxiv.org/abs/1609.05158.)

    >>> pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2)
    array([[[0., 1.],
            [2., 3.]]])
    """
    x, r = as_value(x), upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle by {r} needs x of shape (..., C * {r * r}, H, W); got shape {x.shape}")
    *lead, c, h, w = x.shape
    y = np.reshape(x, (math.prod(lead), c // (r * r), r, r, h, w))
    return np.reshape(np.transpose(y, (0, 1, 4, 2, 5, 3)), (*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """Turn pixels into channels: (..., C, H r, W r) -> (..., C r r, H, W). `torch.nn.functional.pixel_unshuffle`.

    The inverse of `pixel_shuffle`. Raises ValueError where height or width is no multiple of r.

    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2), 2).ravel()
    array([0., 1., 2., 3.])
    """
    x, r = as_value(x), downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-1] % r or x.shape[-2] % r:
        raise ValueError(f"pixel_unshuffle by {r} needs height and width that it divides; got shape {x.shape}")
    *lead, c, h, w = x.shape
    y = np.reshape(x, (math.prod(lead), c, h // r, r, w // r, r))
    return np.reshape(np.transpose(y, (0, 1, 3, 5, 2, 4)), (*lead, c * r * r, h // r, w // r))


def channel_shuffle(x: Any, groups: int) -> Any:
    """Interleave the channels of the groups: (N, g C, ...) -> the same shape.

    `torch.nn.functional.channel_shuffle`. Raises ValueError where the channels are no multiple of groups. (Zhang et al.
    2018, https://arxiv.org/abs/1707.01083.)

    >>> channel_shuffle(np.arange(6.0).reshape(1, 6, 1), 2).ravel()
    array([0., 3., 1., 4., 2., 5.])
    """
    x = as_value(x)
    if x.ndim < 3 or groups < 1 or x.shape[1] % groups:
        raise ValueError(f"channel_shuffle of {groups} groups needs x (N, C * {groups}, ...); got shape {x.shape}")
    n, c, *rest = x.shape
    return np.reshape(np.swapaxes(np.reshape(x, (n, groups, c // groups, *rest)), 1, 2), x.shape)


def _along(x: Any, axis: int, index: Any) -> Any:
    return x[(slice(None),) * axis + (index,)]


def _nearest(x: Any, axis: int, out: int, scale: float, middle: bool) -> Any:
    n = x.shape[axis]
    if out % n == 0 and scale == n / out:  # copies side by side: their gradient is a sum, without any index
        shape = list(x.shape)
        copies = np.broadcast_to(np.expand_dims(x, axis + 1), (*shape[: axis + 1], out // n, *shape[axis + 1 :]))
        return np.reshape(copies, (*shape[:axis], out, *shape[axis + 1 :]))
    at = (np.arange(out, dtype=np.float32) + np.float32(0.5 if middle else 0)) * np.float32(scale)
    return _along(x, axis, np.minimum(at.astype(int), n - 1))


def _linear(x: Any, axis: int, out: int, scale: float, align_corners: bool) -> Any:
    n = x.shape[axis]
    if align_corners:
        at = np.arange(out) * ((n - 1) / (out - 1) if out > 1 else 0.0)
    else:
        at = np.maximum((np.arange(out) + 0.5) * scale - 0.5, 0.0)
    left = np.minimum(at.astype(int), n - 1)
    share = beside(np.minimum(at - left, 1.0).astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1)), x)
    return _along(x, axis, left) * (1 - share) + _along(x, axis, np.minimum(left + 1, n - 1)) * share


def _cubic(x: Any, axis: int, out: int, scale: float, align_corners: bool) -> Any:
    """Interpolate by Keys' kernel with a = -0.75 (Keys 1981). Pixels beyond the border repeat those at it."""
    n, a = x.shape[axis], -0.75
    if align_corners:
        at = np.arange(out) * ((n - 1) / (out - 1) if out > 1 else 0.0)
    else:
        at = (np.arange(out) + 0.5) * scale - 0.5
    left = np.floor(at).astype(int)
    t = at - left
    near: Callable[[Any], Any] = lambda t: ((a + 2) * t - (a + 3)) * t * t + 1
    far: Callable[[Any], Any] = lambda t: ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    y: Any = None
    for step, share in ((-1, far(t + 1)), (0, near(t)), (1, near(1 - t)), (2, far(2 - t))):
        share = beside(share.astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1)), x)
        part = _along(x, axis, np.clip(left + step, 0, n - 1)) * share
        y = part if y is None else y + part
    return y


def interpolate(
    x: Any,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Any:
    """Return images in another size. `torch.nn.functional.interpolate`.

    x: (N, C, *spatial) with 1 to 3 spatial axes. size or scale_factor: of the result, a number or one for each axis.
    mode: "nearest", "nearest-exact" (pixel centres), "linear" (one axis), "bilinear" or "bicubic" (two), "trilinear"
    (three), or "area" (means; one or two axes). align_corners: whether the first and last pixels keep their places (not
    for the nearest modes and "area").
    recompute_scale_factor: whether the scale is that of the sizes, where rounding made it another.

    Raises ValueError for both or none of size and scale_factor, and for a mode that does not fit x.

    >>> interpolate(np.array([[[1.0, 2.0]]]), size=4)
    array([[[1., 1., 2., 2.]]])
    >>> interpolate(np.array([[[1.0, 2.0]]]), scale_factor=2, mode="linear")
    array([[[1.  , 1.25, 1.75, 2.  ]]])
    """
    x = as_value(x)
    n = x.ndim - 2
    if not 1 <= n <= 3:
        raise ValueError(f"interpolate needs x of shape (N, C, *spatial) with 1 to 3 spatial axes; got shape {x.shape}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate needs either size or scale_factor")
    if mode not in ("nearest", "nearest-exact", "area") and _SMOOTH.get(mode) != n:
        raise ValueError(
            f"interpolate: mode {mode!r} does not fit {n} spatial axes: write 'nearest', 'nearest-exact', 'area', "
            + " or ".join([repr(name) for name, m in _SMOOTH.items() if m == n])
        )
    if align_corners is not None and mode not in _SMOOTH:
        raise ValueError(f"interpolate: align_corners is for the linear and cubic modes, not for {mode!r}")
    before = x.shape[2:]
    if size is not None:
        out = per_axis("interpolate", "size", size, n)
        scales = [m / k for m, k in zip(before, out, strict=True)]
    else:
        factors = (scale_factor,) * n if np.ndim(scale_factor) == 0 else tuple(scale_factor)  # type: ignore[arg-type]
        if len(factors) != n or any([not f > 0 for f in factors]):
            raise ValueError(f"interpolate: scale_factor must be a number > 0, or {n} of them; got {scale_factor!r}")
        out = tuple([math.floor(m * f) for m, f in zip(before, factors, strict=True)])
        out = per_axis("interpolate", "the size after scale_factor", out, n)
        scales = [m / k if recompute_scale_factor else 1 / f for m, k, f in zip(before, out, factors, strict=True)]
    if mode == "area":
        if n == 3:
            raise ValueError("interpolate: mode 'area' is for one or two spatial axes")
        return (adaptive_avg_pool1d if n == 1 else adaptive_avg_pool2d)(x, out)
    for axis, (k, scale) in enumerate(zip(out, scales, strict=True), 2):
        if mode in _SMOOTH:
            x = (_cubic if mode == "bicubic" else _linear)(x, axis, k, scale, bool(align_corners))
        else:
            x = _nearest(x, axis, k, scale, mode == "nearest-exact")
    return x


class PixelShuffle(Module):
    """Turn channels into pixels: (..., C r r, H, W) -> (..., C, H r, W r). `torch.nn.PixelShuffle`.

    upscale_factor: r.

    >>> import nn, numpy as np
    >>> nn.PixelShuffle(2)(np.ones((5, 8, 3, 3))).shape
    (5, 2, 6, 6)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Any:
        """x: (..., C r r, H, W) -> (..., C, H r, W r)."""
        return pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Turn pixels into channels: (..., C, H r, W r) -> (..., C r r, H, W). `torch.nn.PixelUnshuffle`.

    downscale_factor: r.

    >>> import nn, numpy as np
    >>> nn.PixelUnshuffle(2)(np.ones((5, 2, 6, 6))).shape
    (5, 8, 3, 3)
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Any:
        """x: (..., C, H r, W r) -> (..., C r r, H, W)."""
        return pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Interleave the channels of the groups. `torch.nn.ChannelShuffle`.

    groups: a divisor of the channels. x: (N, C, ...).

    >>> import nn, numpy as np
    >>> nn.ChannelShuffle(2)(np.arange(4.0).reshape(1, 4, 1)).ravel()
    array([0., 2., 1., 3.])
    """

    def __init__(self, groups: int) -> None:
        self.groups = groups

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        return channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        """Return the number of groups."""
        return f"groups={self.groups}"


class Upsample(Module):
    """Return images in another size. `torch.nn.Upsample`.

    Arguments as in `nn.functional.interpolate`. x: (N, C, *spatial).

    >>> import nn, numpy as np
    >>> nn.Upsample(scale_factor=2, mode="bilinear")(np.ones((5, 3, 4, 4))).shape
    (5, 3, 8, 8)
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, x: Any) -> Any:
        """x: (N, C, *spatial) -> (N, C, *size)."""
        how = self.mode, self.align_corners, self.recompute_scale_factor
        return interpolate(x, self.size, self.scale_factor, *how)

    def extra_repr(self) -> str:
        """Return the size and the mode."""
        size = f"size={self.size}" if self.size is not None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"
