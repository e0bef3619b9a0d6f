"""Images as columns of windows, and back: Unfold and Fold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad

from ..module import Module
from .inputs import as_value, each_image, per_axis

__all__ = ["Fold", "Unfold", "fold", "unfold"]

Sizes = int | Sequence[int]


def unfold(x: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """Return every window of images as a column. `torch.nn.functional.unfold`.

    x: (N, C, H, W) or (C, H, W). Returns (N, C * kernel * kernel, windows). Raises ValueError where no window fits.

    >>> unfold(np.arange(4.0).reshape(1, 2, 2), (1, 2))
    array([[0., 2.],
           [1., 3.]])
    """

    def columns(x: Any) -> Any:
        y = ad.im2col(x, kernel_size, stride, padding, dilation)
        n, c, *rest = y.shape
        return np.reshape(y, (n, c * math.prod(rest[:2]), math.prod(rest[2:])))

    return each_image("unfold", x, 2, columns)


def fold(
    x: Any, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Any:
    """Return the sum of windows at their places in images: the transpose of `unfold`. `torch.nn.functional.fold`.

    x: (N, C * kernel * kernel, windows) or without N. Returns (N, C, *output_size). Raises ValueError where the sizes
    do not fit.

    >>> fold(np.ones((2, 3)), (1, 4), (1, 2))
    array([[[1., 2., 2., 1.]]])
    """
    x = as_value(x)
    if x.ndim not in (2, 3):
        raise ValueError(f"fold needs x of shape (N, C * kernel, windows), or without N; got shape {x.shape}")
    if x.ndim == 2:
        return fold(x[None], output_size, kernel_size, dilation, padding, stride)[0]
    size, kernel = per_axis("fold", "output_size", output_size, 2), per_axis("fold", "kernel_size", kernel_size, 2)
    spread, steps = per_axis("fold", "dilation", dilation, 2), per_axis("fold", "stride", stride, 2)
    pads, (n, width, count) = per_axis("fold", "padding", padding, 2, 0), x.shape
    out = [(m + 2 * p - d * (k - 1) - 1) // s + 1 for m, p, d, k, s in zip(size, pads, spread, kernel, steps)]
    if width % math.prod(kernel) or count != math.prod(out):
        raise ValueError(
            f"fold: output_size {size} with a kernel of {kernel} needs x of shape (N, C * {math.prod(kernel)}, "
            f"{math.prod(out)}); got {x.shape}"
        )
    columns = np.reshape(x, (n, width // math.prod(kernel), *kernel, *out))
    return ad.col2im(columns, size, kernel, steps, pads, spread)


class Unfold(Module):
    """Return every window of images as a column. `torch.nn.Unfold`.

    x: (N, C, H, W) or (C, H, W); the result (N, C * kernel * kernel, windows).

    >>> import nn, numpy as np
    >>> nn.Unfold(3, padding=1)(np.ones((2, 4, 5, 5))).shape
    (2, 36, 25)
    """

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> None:
        self.kernel_size = per_axis("Unfold", "kernel_size", kernel_size, 2)
        self.dilation = per_axis("Unfold", "dilation", dilation, 2)
        self.padding = per_axis("Unfold", "padding", padding, 2, 0)
        self.stride = per_axis("Unfold", "stride", stride, 2)

    def forward(self, x: Any) -> Any:
        """x: (N, C, H, W) -> (N, C * kernel * kernel, windows)."""
        return unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Unfold):
    """Return the sum of windows at their places in images. `torch.nn.Fold`.

    x: (N, C * kernel * kernel, windows) or without N; the result (N, C, *output_size).

    >>> import nn, numpy as np
    >>> nn.Fold((4, 4), 2, stride=2)(np.ones((2, 12, 4))).shape
    (2, 3, 4, 4)
    """

    def __init__(
        self, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        self.output_size = per_axis("Fold", "output_size", output_size, 2)
        super().__init__(kernel_size, dilation, padding, stride)

    def forward(self, x: Any) -> Any:
        """x: (N, C * kernel * kernel, windows) -> (N, C, *output_size)."""
        return fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"output_size={self.output_size}, {super().extra_repr()}"
