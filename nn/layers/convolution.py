"""Convolutions in one, two and three dimensions, and their transposes.

Weights have PyTorch's layout, (out, in / groups, *kernel), and transposed ones (in, out / groups, *kernel). Arrays are
(N, C, *spatial) with channels first, as in PyTorch; in memory the results have their channels last.

One file: the six classes share their arguments and checks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff.extend import ModuleFacts

from .. import init
from ..module import Module
from ..parameter import Parameter
from ..random import Rng, as_generator
from .inputs import as_input, as_value, each_image, per_axis
from .padding import pad

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]

Sizes = int | Sequence[int]


def _borders(who: str, padding: Any, kernel: Sequence[int], stride: Any, dilation: Any) -> list[tuple[int, int]]:
    """Return (before, after) of each spatial axis, from numbers, "valid" or "same"."""
    n = len(kernel)
    if not isinstance(padding, str):
        return [(p, p) for p in per_axis(who, "padding", padding, n, 0)]
    if padding not in ("valid", "same"):
        raise ValueError(f"{who}: padding must be 'valid', 'same', an integer or {n} of them; got {padding!r}")
    if padding == "valid":
        return [(0, 0)] * n
    if set(per_axis(who, "stride", stride, n)) != {1}:
        raise ValueError(f"{who}: padding='same' needs stride 1; got {stride!r}")
    spread = per_axis(who, "dilation", dilation, n)
    return [(d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for d, k in zip(spread, kernel, strict=True)]


def _convolve(
    who: str, n: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    weight = as_value(weight)
    borders = _borders(who, padding, weight.shape[2:], stride, dilation)
    if len(borders) != n:
        raise ValueError(f"{who}: weight must have {n + 2} axes; got shape {weight.shape}")
    return each_image(who, x, n, lambda x: ad.convolution(x, weight, bias, stride, borders, dilation, groups))


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolve over one axis. `torch.nn.functional.conv1d`.

    x: (N, C, W) or (C, W). weight: (O, C / groups, kernel). bias: (O,) or None. padding: an integer, "valid" or "same".
    Returns (N, O, W') or (O, W'). Raises ValueError where the shapes do not fit.

    >>> conv1d(np.array([[1.0, 2.0, 4.0]]), np.array([[[-1.0, 1.0]]]))
    array([[1., 2.]])
    """
    return _convolve("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolve over two axes. `torch.nn.functional.conv2d`.

    x: (N, C, H, W) or (C, H, W). weight: (O, C / groups, kernel, kernel). bias: (O,) or None. stride, padding and
    dilation: an integer or two; padding also "valid" or "same". Returns (N, O, H', W') or (O, H', W'). Raises
    ValueError where the shapes do not fit.

    >>> conv2d(np.ones((1, 3, 3)), np.ones((1, 1, 2, 2)), stride=1)[0]
    array([[4., 4.],
           [4., 4.]])
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv3d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolve over three axes. `torch.nn.functional.conv3d`.

    x: (N, C, D, H, W) or (C, D, H, W). weight: (O, C / groups, *kernel). bias: (O,) or None. The rest as in `conv2d`.

    >>> conv3d(np.ones((1, 2, 2, 2)), np.ones((1, 1, 2, 2, 2)))
    array([[[[8.]]]])
    """
    return _convolve("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)


def _transpose(
    who: str,
    n: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    return each_image(
        who,
        x,
        n,
        lambda x: ad.convolution_transpose(x, weight, bias, stride, padding, output_padding, groups, dilation),
    )


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Apply the transpose of a convolution over one axis. `torch.nn.functional.conv_transpose1d`.

    x: (N, C, W) or (C, W). weight: (C, O / groups, kernel). bias: (O,) or None. Raises ValueError where the shapes do
    not fit.

    >>> conv_transpose1d(np.array([[1.0, 10.0]]), np.array([[[1.0, 2.0]]]))
    array([[ 1., 12., 20.]])
    """
    return _transpose("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Apply the transpose of a convolution over two axes. `torch.nn.functional.conv_transpose2d`.

    x: (N, C, H, W) or (C, H, W). weight: (C, O / groups, kernel, kernel). bias: (O,) or None. Raises ValueError where
    the shapes do not fit.

    >>> conv_transpose2d(np.ones((1, 1, 2)), np.ones((1, 1, 1, 2)), stride=2)
    array([[[1., 1., 1., 1.]]])
    """
    return _transpose("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Apply the transpose of a convolution over three axes. `torch.nn.functional.conv_transpose3d`.

    x: (N, C, D, H, W) or (C, D, H, W). weight: (C, O / groups, *kernel). bias: (O,) or None. Raises ValueError where
    the shapes do not fit.

    >>> conv_transpose3d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1, 2)))
    array([[[[1., 1.]]]])
    """
    return _transpose("conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation)


_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class _Convolution(Module):
    """Base of the six layers: sizes, weight, bias, and their checks."""

    _axes: int
    weight: Parameter
    bias: Parameter | None

    def _prepare(
        self,
        shape: tuple[int, int],
        channels: tuple[int, int],
        kernel_size: Sizes,
        stride: Sizes,
        dilation: Sizes,
        groups: int,
        bias: bool,
        dtype: DTypeLike,
        rng: Rng,
    ) -> None:
        """Check the sizes and draw the parameters; shape: the first two axes of the weight, before grouping."""
        who, n = type(self).__name__, self._axes
        for name, c in zip(("in_channels", "out_channels", "groups"), (*channels, groups), strict=True):
            if not isinstance(c, int | np.integer) or c < 1:
                raise ValueError(f"{who}: {name} must be an integer >= 1, got {c!r}")
        if channels[0] % groups or channels[1] % groups:
            raise ValueError(f"{who}: groups={groups} must divide in_channels and out_channels, {channels}")
        self.in_channels, self.out_channels = int(channels[0]), int(channels[1])
        self.kernel_size = per_axis(who, "kernel_size", kernel_size, n)
        self.stride = per_axis(who, "stride", stride, n)
        self.dilation = per_axis(who, "dilation", dilation, n)
        self.groups = int(groups)
        whole = (shape[0], shape[1] // groups, *self.kernel_size)
        rng = as_generator(rng)
        self.weight = Parameter(init.kaiming_uniform(whole, a=math.sqrt(5), rng=rng, dtype=dtype), dtype)
        limit = 1 / math.sqrt(init.fans(whole)[0])  # PyTorch's, for the transposed layers as well
        self.bias = (
            Parameter(init.uniform(channels[1], low=-limit, high=limit, rng=rng, dtype=dtype), dtype) if bias else None
        )

    def _read(self, x: Any) -> Any:
        x, n = as_input(x, self.weight.dtype), self._axes
        if x.ndim not in (n + 1, n + 2) or x.shape[-n - 1] != self.in_channels:
            axes = f"({self.in_channels}, {', '.join('DHW'[-n:])})"
            raise ValueError(
                f"{type(self).__name__}(in_channels={self.in_channels}) needs x of shape (N, {axes[1:-1]}) or {axes}; "
                f"got shape {x.shape}"
            )
        return x

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each position and each weight of its group, borders included."""
        return int(np.size(output)) * self.weight.size // self.out_channels

    def picture_facts(self) -> ModuleFacts:
        """Return what `ad.draw` shows: the kernel, and the filters as images."""
        return ModuleFacts(kernel=self.kernel_size, filters=self.weight.data)

    def extra_repr(self) -> str:
        """Return the sizes that differ from the defaults."""
        one, shown = (1,) * self._axes, [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        usual: dict[str, tuple[Any, ...]] = {"stride": (one,), "padding": (0, (0,) * self._axes)}
        usual |= {"output_padding": ((0,) * self._axes,), "dilation": (one,)}
        usual |= {"groups": (1,), "padding_mode": ("zeros",)}
        for name, defaults in usual.items():
            value = getattr(self, name, defaults[0])
            if value not in defaults:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown + (["bias=False"] if self.bias is None else []))


class _Conv(_Convolution):
    """Convolution over the last `_axes` axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        who = type(self).__name__
        sides = in_channels, out_channels
        self._prepare(sides[::-1], sides, kernel_size, stride, dilation, groups, bias, dtype, rng)
        if padding_mode not in _MODES:
            raise ValueError(f"{who}: padding_mode must be one of {', '.join(_MODES)}; got {padding_mode!r}")
        self._borders = _borders(who, padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple([before for before, _ in self._borders])
        self.padding_mode = padding_mode

    def forward(self, x: Any) -> Any:
        """x: (N, in_channels, *spatial) -> (N, out_channels, *spatial')."""
        x, borders = self._read(x), self._borders
        if self.padding_mode != "zeros" and any([p for pair in borders for p in pair]):
            x = pad(x, [p for pair in borders[::-1] for p in pair], _MODES[self.padding_mode])
            borders = [(0, 0)] * self._axes
        if x.ndim == self._axes + 1:
            return self._run(x[None], borders)[0]
        return self._run(x, borders)

    def _run(self, x: Any, borders: Any) -> Any:
        return ad.convolution(x, self.weight, self.bias, self.stride, borders, self.dilation, self.groups)


class Conv1d(_Conv):
    """Convolution over one axis: signals and sequences. `torch.nn.Conv1d`.

    Arguments as in `Conv2d`. x: (N, in_channels, W) or (in_channels, W); `weight` (out_channels,
    in_channels / groups, kernel_size), `bias` (out_channels,).

    >>> import nn, numpy as np
    >>> nn.Conv1d(2, 4, 3, padding="same", rng=0)(np.ones((5, 2, 9))).shape
    (5, 4, 9)
    """

    _axes = 1


class Conv2d(_Conv):
    """Convolution over two axes: images. `torch.nn.Conv2d`.

    Args:
        in_channels, out_channels: sizes of axis 1 of x and of the result.
        kernel_size, stride, padding, dilation: an integer, or one for each axis; padding also "valid" (none) or "same"
            (the result has the size of x; stride 1).
        groups: the channels are split into this number of groups, each convolved alone.
        bias: whether there is one.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        dtype: of the parameters; a plain array x is cast to it, and a Tensor x is not.
        rng: a Generator, a seed, or None for the default generator.

    Shapes: x (N, in_channels, H, W) or (in_channels, H, W); `weight` (out_channels, in_channels / groups, kernel,
    kernel), `bias` (out_channels,). Both start uniform in +-1 / sqrt(in_channels / groups * kernel^2), as in PyTorch.

    Raises:
        ValueError: a size is not valid, or x has other axes or channels.

    >>> import nn, numpy as np
    >>> layer = nn.Conv2d(3, 8, 3, stride=2, padding=1, rng=0)
    >>> layer(np.ones((5, 3, 16, 16))).shape, layer.weight.shape
    ((5, 8, 8, 8), (8, 3, 3, 3))
    """

    _axes = 2


class Conv3d(_Conv):
    """Convolution over three axes: volumes and films. `torch.nn.Conv3d`.

    Arguments as in `Conv2d`. x: (N, in_channels, D, H, W) or without N; `weight` (out_channels, in_channels / groups,
    *kernel_size), `bias` (out_channels,).

    >>> import nn, numpy as np
    >>> nn.Conv3d(1, 2, (1, 2, 2), rng=0)(np.ones((5, 1, 3, 4, 4))).shape
    (5, 2, 3, 3, 3)
    """

    _axes = 3


class _ConvTranspose(_Convolution):
    """Transposed convolution over the last `_axes` axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        who = type(self).__name__
        sides = in_channels, out_channels
        self._prepare(sides, sides, kernel_size, stride, dilation, groups, bias, dtype, rng)
        if padding_mode != "zeros":
            raise ValueError(f"{who}: padding_mode must be 'zeros', as in PyTorch; got {padding_mode!r}")
        self.padding = per_axis(who, "padding", padding, self._axes, 0)
        self.output_padding = per_axis(who, "output_padding", output_padding, self._axes, 0)

    def forward(self, x: Any) -> Any:
        """x: (N, in_channels, *spatial) -> (N, out_channels, *spatial')."""
        x = self._read(x)
        if x.ndim == self._axes + 1:
            return self._run(x[None])[0]
        return self._run(x)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each element of x and each weight of its group."""
        return int(np.size(inputs[0])) * self.weight.size // self.in_channels

    def picture_facts(self) -> ModuleFacts:
        """Return what `ad.draw` shows: the kernel, and the filters as images."""
        return ModuleFacts(kernel=self.kernel_size, filters=np.swapaxes(self.weight.data, 0, 1))

    def _run(self, x: Any) -> Any:
        return ad.convolution_transpose(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over one axis. `torch.nn.ConvTranspose1d`.

    Arguments as in `ConvTranspose2d`. x: (N, in_channels, W) or (in_channels, W); `weight` (in_channels,
    out_channels / groups, kernel_size).

    >>> import nn, numpy as np
    >>> nn.ConvTranspose1d(2, 4, 3, stride=2, rng=0)(np.ones((5, 2, 4))).shape
    (5, 4, 9)
    """

    _axes = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over two axes, which enlarges images. `torch.nn.ConvTranspose2d`.

    in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation: of the convolution whose transpose
    this is. output_padding: elements added at the end of each axis, less than stride or dilation. Along each axis the
    result has (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 elements.

    x: (N, in_channels, H, W) or (in_channels, H, W); `weight` (in_channels, out_channels / groups, kernel, kernel),
    `bias` (out_channels,).

    >>> import nn, numpy as np
    >>> nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1, output_padding=1, rng=0)(np.ones((5, 8, 4, 4))).shape
    (5, 3, 8, 8)
    """

    _axes = 2


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over three axes. `torch.nn.ConvTranspose3d`.

    Arguments as in `ConvTranspose2d`. x: (N, in_channels, D, H, W) or without N; `weight` (in_channels,
    out_channels / groups, *kernel_size).

    >>> import nn, numpy as np
    >>> nn.ConvTranspose3d(1, 2, 2, stride=2, rng=0)(np.ones((5, 1, 2, 2, 2))).shape
    (5, 2, 4, 4, 4)
    """

    _axes = 3
