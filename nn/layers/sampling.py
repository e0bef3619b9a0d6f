"""Images sampled at computed positions: affine grids and `grid_sample` (Jaderberg et al. 2015, spatial
transformers, https://arxiv.org/abs/1506.02025).

A position is (x, y), or (x, y, z), each from -1 to 1 over the image. With `align_corners` -1 and 1 are the centres of
the first and the last pixel, without it their outer edges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad

from .inputs import as_value

__all__ = ["affine_grid", "grid_sample"]


def affine_grid(theta: Any, size: Sequence[int], align_corners: bool = False) -> Any:
    """Return the positions of the pixels of images after an affine map. `torch.nn.functional.affine_grid`.

    theta: (N, 2, 3) with size (N, C, H, W), result (N, H, W, 2); or (N, 3, 4) with (N, C, D, H, W), result
    (N, D, H, W, 3). Raises ValueError for other shapes.

    >>> affine_grid(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2))[0, 0]
    array([[-0.5,  0. ],
           [ 0.5,  0. ]])
    """
    theta, size = as_value(theta), tuple(size)
    n = len(size) - 2
    if n not in (2, 3) or theta.shape != (size[0], n, n + 1):
        raise ValueError(
            "affine_grid needs theta (N, 2, 3) and size (N, C, H, W), or (N, 3, 4) and (N, C, D, H, W); got theta of "
            f"shape {theta.shape} and size {size}"
        )
    lines = []
    for k in size[2:]:
        line = np.linspace(-1.0, 1.0, k) if k > 1 else np.zeros(1)
        lines.append(line.astype(theta.dtype) * theta.dtype.type(1.0 if align_corners else (k - 1) / k))
    axes = np.meshgrid(*lines, indexing="ij")[::-1]  # x, the last axis of the image, comes first
    base = np.stack([*axes, np.ones_like(axes[0])], axis=-1).reshape(-1, n + 1)
    return np.reshape(base @ np.swapaxes(theta, 1, 2), (size[0], *size[2:], n))


def _reflected(at: Any, low: float, high: float) -> Any:
    """Mirror positions outside [low, high] at the two ends until they are inside."""
    if low == high:
        return at * 0.0
    span = high - low
    away = np.abs(at - low)
    flips = np.floor(ad.plain(away) / span)
    rest = away - flips * span
    return np.where(flips % 2 == 0, rest + low, high - rest)


def grid_sample(
    x: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Any:
    """Return the images' values at the positions of a grid. `torch.nn.functional.grid_sample`.

    x: (N, C, H, W) with grid (N, H_out, W_out, 2), or (N, C, D, H, W) with (N, D_out, H_out, W_out, 3); the result has
    the grid's spatial shape. mode: "bilinear" (trilinear for volumes), or "nearest", through which no derivative flows
    to the grid. padding_mode: the values outside: "zeros", "border" (the nearest pixel), "reflection". The slope jumps
    at each pixel; there it is that of the right-hand side. A NaN position counts as one outside.

    Raises ValueError for other shapes and modes.

    >>> x = np.array([[[[1.0, 2.0, 3.0]]]])
    >>> grid_sample(x, np.array([[[[0.0, 0.0], [0.5, 0.0]]]]), align_corners=True)
    array([[[[2. , 2.5]]]])
    """
    x, grid = as_value(x), as_value(grid)
    n = x.ndim - 2
    if n not in (2, 3) or grid.ndim != n + 2 or grid.shape[0] != x.shape[0] or grid.shape[-1] != n:
        raise ValueError(
            "grid_sample needs x (N, C, H, W) and grid (N, H_out, W_out, 2), or (N, C, D, H, W) and "
            f"(N, D_out, H_out, W_out, 3); got shapes {x.shape} and {grid.shape}"
        )
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"grid_sample: mode must be 'bilinear' or 'nearest'; got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: padding_mode must be 'zeros', 'border' or 'reflection'; got {padding_mode!r}")
    places = []
    for axis, k in enumerate(x.shape[2:]):
        at = grid[..., n - 1 - axis]
        at = (at + 1.0) * (0.5 * (k - 1)) if align_corners else (at + 1.0) * (0.5 * k) - 0.5
        if padding_mode == "reflection":
            at = _reflected(at, *((0.0, k - 1.0) if align_corners else (-0.5, k - 0.5)))
        if padding_mode != "zeros":
            at = np.clip(at, 0.0, k - 1.0)
        places.append(at)
    return _read(x, places, mode)


def _read(x: Any, places: list[Any], mode: str) -> Any:
    """Return the values at positions in pixels: one array for each spatial axis, all (N, *spatial_out)."""
    batch, channels, *sizes = x.shape
    rows = np.reshape(np.moveaxis(x, 1, -1), (batch * math.prod(sizes), channels))  # one row for each pixel
    image = np.arange(batch).reshape(-1, *[1] * (len(sizes)))
    # far outside and NaN become a position just outside: integers do not hold them
    bare = [np.where(np.abs(ad.plain(at)) < 1e9, ad.plain(at), -2.0) for at in places]
    starts = [np.rint(at) if mode == "nearest" else np.floor(at) for at in bare]
    y: Any = None
    for corner in itertools.product((0, 1) if mode == "bilinear" else (0,), repeat=len(sizes)):
        index, inside, weight = image, np.array(True), None
        for at, start, step, k in zip(places, starts, corner, sizes, strict=True):
            here = start.astype(np.intp) + step
            inside = inside & (here >= 0) & (here < k)
            index = index * k + np.clip(here, 0, k - 1)
            if mode == "bilinear":
                share = at - start if step else start + 1.0 - at
                weight = share if weight is None else weight * share
        weight = inside.astype(x.dtype) if weight is None else np.where(inside, weight, 0.0)
        part = rows[index] * np.expand_dims(weight, -1)
        y = part if y is None else y + part
    return np.moveaxis(y, -1, 1)
