"""Columns: every window of an array (im2col), and the sum of windows into an array (col2im), each the other's rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...batching.ways import of_images
from ...errors import kind_of
from ...modes import one_call
from ...other_arrays import is_foreign, zeros
from ...registry import PUBLIC, op
from ..shape import operand
from .geometry import Borders, Sizes, bordered, must_agree, output_sizes, positions, windows, without_borders


@one_call
def columns(x: Any, kernel: Sizes, stride: Sizes, padding: Borders, dilation: Sizes, fill: float = 0.0) -> Any:
    """Return the windows of a plain array (N, C, *spatial) as a new array (N, C, *kernel, *out)."""
    n = len(kernel)
    out = output_sizes("im2col", x.shape[2:], kernel, stride, padding, dilation)
    if is_foreign(x):
        x = bordered(x, padding, 2, fill)
        parts = [x[(slice(None), slice(None), *index)] for _, index in positions(out, kernel, stride, dilation)]
        return np.reshape(np.stack(parts, axis=2), (*x.shape[:2], *kernel, *out))
    view = windows(bordered(x, padding, 2, fill), out, kernel, stride, dilation, 2)
    return np.ascontiguousarray(view.transpose(0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n)))


def _im2col(x: Any, kernel: Sizes = (), stride: Sizes = (), padding: Borders = (), dilation: Sizes = ()) -> Any:
    return columns(x, kernel, stride, padding, dilation)


@one_call
def _col2im(
    x: Any, size: Sizes = (), kernel: Sizes = (), stride: Sizes = (), padding: Borders = (), dilation: Sizes = ()
) -> Any:
    out = x.shape[2 + len(kernel) :]
    must_agree("col2im", out, size, kernel, stride, padding, dilation)
    whole = [n + before + after for n, (before, after) in zip(size, padding, strict=True)]
    y = zeros((*x.shape[:2], *whole), x.dtype, like=x)
    for at, index in positions(out, kernel, stride, dilation):
        y[(slice(None), slice(None), *index)] += x[(slice(None), slice(None), *at)]
    return without_borders(y, padding, 2)


_LINE: dict[str, Any] = {"kernel": (2,), "stride": (2,), "padding": ((1, 0),), "dilation": (1,)}
_PLANE: dict[str, Any] = {"kernel": (2, 2), "stride": (1, 2), "padding": ((1, 1), (0, -1)), "dilation": (2, 1)}
im2col_row: Any = op(
    _im2col,
    name="im2col",
    batch=of_images,
    linear=True,
    public=False,
    samples=((((1, 2, 5),), _LINE), (((2, 1, 3, 4),), _PLANE)),
    vjp=lambda g, x_shape, kernel, stride, padding, dilation: col2im_row(
        g, size=x_shape[2:], kernel=kernel, stride=stride, padding=padding, dilation=dilation
    ),
    doc="Return every window of (N, C, *spatial), as (N, C, *kernel, *out).",
)
col2im_row: Any = op(
    _col2im,
    name="col2im",
    batch=of_images,
    linear=True,
    public=False,
    samples=(
        (((1, 2, 2, 3),), {"size": (5,), **_LINE}),
        (((2, 1, 2, 2, 3, 1),), {"size": (3, 4), **_PLANE}),
    ),
    vjp=lambda g, kernel, stride, padding, dilation: im2col_row(
        g, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    ),
    doc="Add windows (N, C, *kernel, *out) into an array (N, C, *spatial): the transpose of im2col.",
)


def integers(who: str, name: str, value: Any, n: int, least: int) -> Sizes:
    """Return n integers, at least ``least``, from one of them or a sequence."""
    given = (value,) * n if isinstance(value, int | np.integer) else value
    try:
        whole = tuple([int(v) for v in given])
        right = len(whole) == n and all([v == w for v, w in zip(whole, given)]) and min(whole, default=least) >= least
    except (TypeError, ValueError):
        right = False
    if not right:
        raise ValueError(f"{who}: {name} must be an integer >= {least}, or {n} of them; got {value!r}")
    return whole


def borders(who: str, padding: Any, n: int) -> Borders:
    """Return n pairs (before, after) from an integer, n integers, or n pairs."""
    if isinstance(padding, tuple | list) and any([isinstance(p, tuple | list) for p in padding]):
        if len(padding) != n or any([not isinstance(p, tuple | list) or len(p) != 2 for p in padding]):
            raise ValueError(f"{who}: padding must be an integer, {n} of them, or {n} pairs; got {padding!r}")
        return tuple([(int(a), int(b)) for a, b in padding])
    return tuple([(p, p) for p in integers(who, "padding", padding, n, 0)])


def spatial(who: str, x: Any, n: int | None = None) -> int:
    """Return the number of spatial axes of x (N, C, *spatial); an error where there are none, or not n."""
    found = np.ndim(x) - 2
    if found < 1 or (n is not None and found != n):
        axes = "one or more" if n is None else n
        raise ValueError(f"{who} needs x of shape (N, C, *spatial) with {axes} spatial axes; got {kind_of(x)}")
    return found


def im2col(x: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    """Return every window of an array, zeros standing outside it.

    x: (N, C, *spatial), any number of spatial axes. kernel_size, stride, dilation: an integer, or one an axis. padding:
    an integer, one an axis, or a pair (before, after) an axis; a negative one cuts off. Returns (N, C, *kernel, *out).
    `torch.nn.functional.unfold`, which joins the axes to (N, C * kernel, out). Raises ValueError where no window fits.

    >>> import autodiff as ad, numpy as np
    >>> ad.im2col(np.arange(4.0).reshape(1, 1, 4), 2)[0, 0]
    array([[0., 1., 2.],
           [1., 2., 3.]])
    """
    x = operand(x)
    n = spatial("im2col", x)
    kernel, steps = integers("im2col", "kernel_size", kernel_size, n, 1), integers("im2col", "stride", stride, n, 1)
    pads, spread = borders("im2col", padding, n), integers("im2col", "dilation", dilation, n, 1)
    return im2col_row(x, kernel=kernel, stride=steps, padding=pads, dilation=spread)


def col2im(x: Any, output_size: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    """Return the sum of windows in an array: the transpose of `im2col`.

    x: (N, C, *kernel, *out). output_size: the spatial sizes of the result (N, C, *output_size). The other arguments as
    in `im2col`. `torch.nn.functional.fold`. Raises ValueError where the windows of that size are not as many as in x.

    >>> import autodiff as ad, numpy as np
    >>> ad.col2im(np.ones((1, 1, 2, 3)), (4,), 2)[0, 0]
    array([1., 2., 2., 1.])
    """
    x = operand(x)
    n = (np.ndim(x) - 2) // 2
    size = integers("col2im", "output_size", output_size, n, 1)
    kernel, steps = integers("col2im", "kernel_size", kernel_size, n, 1), integers("col2im", "stride", stride, n, 1)
    pads, spread = borders("col2im", padding, n), integers("col2im", "dilation", dilation, n, 1)
    return col2im_row(x, size=size, kernel=kernel, stride=steps, padding=pads, dilation=spread)


PUBLIC.update(im2col=im2col, col2im=col2im)
