"""Normalization: mean 0 and variance 1 over the batch, the features, groups of channels or one image.

One file: one short class for each way to normalise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import extend

from ..module import Module
from ..parameter import Buffer, Parameter
from .inputs import as_input, as_value

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
]


def _by_channel(a: Any, ndim: int) -> Any:
    """Return (C,) as (C, 1, ...), which broadcasts over x (N, C, ...)."""
    return np.reshape(a, (-1, *[1] * (ndim - 2)))


def _affine(y: Any, weight: Any, bias: Any, ndim: int) -> Any:
    y = y if weight is None else y * _by_channel(weight, ndim)
    return y if bias is None else y + _by_channel(bias, ndim)


def _check_channels(who: str, x: Any, **given: Any) -> None:
    if x.ndim < 2:
        raise ValueError(f"{who} needs x of shape (N, C, ...); got shape {x.shape}")
    for name, a in given.items():
        if a is not None and np.shape(a) != (x.shape[1],):
            raise ValueError(f"{who}: {name} must have shape ({x.shape[1]},), one for each channel; got {np.shape(a)}")


def _blend(momentum: float, *pairs: tuple[Any, Any], counted: Any = None) -> None:
    """Set running = (1 - momentum) running + momentum new for each pair, and add 1 to `counted`. Buffers are written
    together, so that an interrupt changes all of them or none."""
    written = [] if counted is None else [(counted, counted.data + 1)]
    for running, new in pairs:
        if running is not None:
            extend.numbers(new, "batch normalization with running statistics", "x")
        if isinstance(running, ad.Tensor):
            written.append((running, (1 - momentum) * running.data + momentum * new))
        elif running is not None:
            running[...] = (1 - momentum) * running + momentum * new
    extend.write_all(written)


def _standardize_by(x: Any, mean: Any, var: Any, eps: float) -> Any:
    """Return (x - mean) / sqrt(var + eps) with given statistics (C,)."""
    mean, var = (_by_channel(as_value(a), x.ndim) for a in (mean, var))
    return (x - mean) * (1.0 / np.sqrt(var + eps))


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Standardize each channel over the batch, or by running statistics. `torch.nn.functional.batch_norm`.

    x: (N, C, ...). running_mean, running_var: (C,), or None when training. weight, bias: (C,) or None, factor and
    summand of the result. training: whether the statistics are those of the batch; the running ones then move towards
    them by the fraction momentum, with the variance divided by n - 1. Raises ValueError where the shapes do not fit, or
    each channel has one element when training. (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.)

    >>> batch_norm(np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    return _batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


def _batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: bool,
    momentum: float,
    eps: float,
    counted: Buffer | None = None,
) -> Any:
    """Compute `batch_norm`. counted: the number of batches so far, written together with the statistics."""
    x = as_value(x)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_channels("batch_norm", x, **given)
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: running_mean and running_var are needed unless training=True")
        return _affine(_standardize_by(x, running_mean, running_var, eps), weight, bias, x.ndim)
    axes, count = (0, *range(2, x.ndim)), x.size // max(1, x.shape[1])
    if count == 1:
        raise ValueError(f"batch_norm needs more than 1 element in each channel when training; got shape {x.shape}")
    if count:
        none = running_mean is None and running_var is None
        mean, var = (None, None) if none else extend.moments(ad.plain(x), axes)
        unbiased = None if var is None else var * (count / (count - 1))
        _blend(momentum, (running_mean, mean), (running_var, unbiased), counted=counted)
    else:
        _blend(momentum, counted=counted)
    return _affine(ad.standardize(x, axis=axes, eps=eps), weight, bias, x.ndim)


def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Standardize each channel of each image over its positions. `torch.nn.functional.instance_norm`.

    x: (N, C, ...) with one axis or more for positions. use_input_stats=False takes the running statistics instead. The
    other arguments as in `batch_norm`. (Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022.)

    >>> instance_norm(np.array([[[1.0, 3.0], [5.0, 5.0]]]), eps=1e-12)
    array([[[-1.,  1.],
            [ 0.,  0.]]])
    """
    x = as_value(x)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_channels("instance_norm", x, **given)
    axes, count = tuple(range(2, x.ndim)), math.prod(x.shape[2:])
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError("instance_norm: running_mean and running_var are needed with use_input_stats=False")
        return _affine(_standardize_by(x, running_mean, running_var, eps), weight, bias, x.ndim)
    if count <= 1:
        raise ValueError(f"instance_norm needs more than 1 position in each channel; got shape {x.shape}")
    if len(x):
        plain = ad.plain(x)
        mean = None if running_mean is None else np.mean(plain, axis=(0, *axes))
        var = None if running_var is None else np.mean(np.var(plain, axis=axes, ddof=1), axis=0)
        _blend(momentum, (running_mean, mean), (running_var, var))
    return _affine(ad.standardize(x, axis=axes, eps=eps), weight, bias, x.ndim)


def _last_axes(who: str, x: Any, normalized_shape: Any, weight: Any, bias: Any = None) -> tuple[int, ...]:
    """Return the last axes of x, which must have the normalized shape, as must weight and bias."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(f"{who}: the last axes of x must be {shape}; got shape {x.shape}")
    for name, a in (("weight", weight), ("bias", bias)):
        if a is not None and np.shape(a) != shape:
            raise ValueError(f"{who}: {name} must have shape {shape}; got {np.shape(a)}")
    return tuple(range(-len(shape), 0))


def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Standardize over the last axes. `torch.nn.functional.layer_norm`.

    x: (..., *normalized_shape). weight, bias: normalized_shape or None. Raises ValueError where the shapes do not fit.
    (Ba et al. 2016, https://arxiv.org/abs/1607.06450.)

    >>> layer_norm(np.array([[1.0, 3.0], [5.0, 5.0]]), 2, eps=1e-12)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """
    x = as_value(x)
    y = ad.standardize(x, axis=_last_axes("layer_norm", x, normalized_shape, weight, bias), eps=eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """Divide by the root of the mean square over the last axes. `torch.nn.functional.rms_norm`.

    x: (..., *normalized_shape). weight: normalized_shape or None. eps: added to the mean square; None for the smallest
    step at 1 of x's dtype. Raises ValueError where the shapes do not fit. (Zhang and Sennrich 2019,
    https://arxiv.org/abs/1910.07467.)

    >>> rms_norm(np.array([3.0, 4.0]), 2).round(4)
    array([0.8485, 1.1314])
    """
    x = as_value(x)
    axes = _last_axes("rms_norm", x, normalized_shape, weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    y = x * (1.0 / np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + eps))
    return y if weight is None else y * weight


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Standardize over each group of channels of each image. `torch.nn.functional.group_norm`.

    x: (N, C, ...), num_groups a divisor of C. weight, bias: (C,) or None. Raises ValueError where they do not fit. (Wu
    and He 2018, https://arxiv.org/abs/1803.08494.)

    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 2, eps=1e-12)
    array([[-1.,  1., -1.,  1.]])
    """
    x = as_value(x)
    _check_channels("group_norm", x, weight=weight, bias=bias)
    n, c, *rest = x.shape
    if num_groups < 1 or c % num_groups:
        raise ValueError(f"group_norm: num_groups={num_groups} must divide the {c} channels of x of shape {x.shape}")
    groups = np.reshape(x, (n, num_groups, c // num_groups, *rest))
    y = ad.standardize(groups, axis=tuple(range(2, groups.ndim)), eps=eps)
    return _affine(np.reshape(y, x.shape), weight, bias, x.ndim)


class _ChannelNorm(Module):
    """Base of batch and instance normalization: one weight, bias, running mean and variance a channel."""

    _dims: tuple[int, ...]  # numbers of axes that x may have
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: DTypeLike,
    ) -> None:
        if not isinstance(num_features, int | np.integer) or num_features < 1:
            raise ValueError(f"{type(self).__name__}: num_features must be an integer >= 1, got {num_features!r}")
        self.num_features, self.eps, self.momentum = int(num_features), eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(num_features), dtype) if affine else None
        self.bias = Parameter(np.zeros(num_features), dtype) if affine and bias else None
        self.running_mean = Buffer(np.zeros(num_features, dtype)) if track_running_stats else None
        self.running_var = Buffer(np.ones(num_features, dtype)) if track_running_stats else None
        self.num_batches_tracked = Buffer(np.array(0)) if track_running_stats else None

    def _read(self, x: Any) -> Any:
        held = self.weight if self.weight is not None else self.running_mean
        x = as_value(x) if held is None else as_input(x, held.dtype)
        if x.ndim not in self._dims or x.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}(num_features={self.num_features}) needs x with {self.num_features} channels on "
                f"axis 1 and {' or '.join(map(str, self._dims))} axes; got shape {x.shape}"
            )
        return x

    def _share(self) -> float:
        """Return the weight of this batch in the running statistics: momentum, or 1/n for the mean of n batches."""
        if self.num_batches_tracked is None:
            return 0.0
        return 1 / (int(self.num_batches_tracked.item()) + 1) if self.momentum is None else self.momentum

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each element, as in evaluation: statistics are not counted."""
        return int(np.size(output))

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the running variance to 1 and the number of batches to 0."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            mean, var = np.zeros(self.num_features), np.ones(self.num_features)
            extend.write_all([(self.running_mean, mean), (self.running_var, var), (self.num_batches_tracked, 0)])

    def extra_repr(self) -> str:
        """Return the arguments that differ from batch normalization's defaults."""
        shown = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
        given = [f"{name}={getattr(self, name)}" for name, usual in shown.items() if getattr(self, name) != usual]
        given += ["bias=False"] if self.affine and self.bias is None else []
        return ", ".join([str(self.num_features), *given])


class _BatchNorm(_ChannelNorm):
    """Standardize each channel over the batch and all positions."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        x = self._read(x)
        by_batch = self.training or self.running_mean is None
        share = self._share() if self.training else 0.0
        statistics = (self.running_mean, self.running_var) if self.training or not by_batch else (None, None)
        counted = self.num_batches_tracked if self.training else None
        return _batch_norm(x, *statistics, self.weight, self.bias, by_batch, share, self.eps, counted)


class BatchNorm1d(_BatchNorm):
    """Standardize each feature over the batch, then scale and shift it. `torch.nn.BatchNorm1d`.

    Arguments as in `BatchNorm2d`. x: (N, C) or (N, C, L).

    >>> import nn, numpy as np
    >>> layer = nn.BatchNorm1d(1)
    >>> layer(np.array([[1.0], [3.0]])).data.round(3)
    array([[-1.],
           [ 1.]], dtype=float32)
    >>> layer.running_mean.data, layer.running_var.data
    (array([0.2], dtype=float32), array([1.1], dtype=float32))
    """

    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Standardize each channel over the batch and all positions, then scale and shift it. `torch.nn.BatchNorm2d`.

    Args:
        num_features: channels of x.
        eps: added to the variance.
        momentum: weight of a new batch in the running statistics; None for the mean of all batches.
        affine: whether there are `weight` and `bias`, (num_features,), which start at 1 and 0.
        track_running_stats: whether `running_mean`, `running_var` and `num_batches_tracked` are kept as buffers;
            evaluation standardizes by them.
        bias: whether `affine` has a `bias`.
        dtype: of parameters and buffers; a plain array x is cast to it, and a Tensor x is not.

    Shapes: x (N, C, H, W); the result has the same shape.

    Raises:
        ValueError: x has other axes or channels, or in training one element in each channel.

    >>> import nn, numpy as np
    >>> layer = nn.BatchNorm2d(3)
    >>> layer(np.random.default_rng(0).normal(5, 2, (8, 3, 4, 4))).data.mean(axis=(0, 2, 3)).round(3) + 0.0
    array([0., 0., 0.], dtype=float32)
    >>> layer.eval()(np.zeros((1, 3, 2, 2))).shape
    (1, 3, 2, 2)
    """

    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Standardize each channel over the batch and all positions, then scale and shift it. `torch.nn.BatchNorm3d`.

    Arguments as in `BatchNorm2d`. x: (N, C, D, H, W).

    >>> import nn, numpy as np
    >>> nn.BatchNorm3d(2)(np.ones((4, 2, 2, 2, 2))).shape
    (4, 2, 2, 2, 2)
    """

    _dims = (5,)


class InstanceNorm1d(_ChannelNorm):
    """Standardize each channel of each sequence over its positions. `torch.nn.InstanceNorm1d`.

    Arguments as in `BatchNorm2d`, but affine and track_running_stats are False unless they are given. x: (N, C, L) or
    (C, L).

    >>> import nn, numpy as np
    >>> nn.InstanceNorm1d(1)(np.array([[[1.0, 3.0]]])).round(3)
    array([[[-1.,  1.]]])
    """

    _dims: tuple[int, ...] = (3,)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        x = as_value(x)
        if x.ndim == self._dims[0] - 1:
            return self.forward(x[None])[0]
        x = self._read(x)
        by_image = self.training or self.running_mean is None
        share = self.momentum or 0.0  # as in PyTorch, num_batches_tracked is not used here
        return instance_norm(x, self.running_mean, self.running_var, self.weight, self.bias, by_image, share, self.eps)


class InstanceNorm2d(InstanceNorm1d):
    """Standardize each channel of each image over its positions. `torch.nn.InstanceNorm2d`.

    Arguments as in `InstanceNorm1d`. x: (N, C, H, W) or (C, H, W).

    >>> import nn, numpy as np
    >>> nn.InstanceNorm2d(3)(np.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    _dims = (4,)


class InstanceNorm3d(InstanceNorm1d):
    """Standardize each channel of each volume over its positions. `torch.nn.InstanceNorm3d`.

    Arguments as in `InstanceNorm1d`. x: (N, C, D, H, W) or (C, D, H, W).

    >>> import nn, numpy as np
    >>> nn.InstanceNorm3d(2)(np.ones((4, 2, 2, 2, 2))).shape
    (4, 2, 2, 2, 2)
    """

    _dims = (5,)


class LayerNorm(Module):
    """Standardize over the last axes, then scale and shift. `torch.nn.LayerNorm`.

    normalized_shape: their sizes, an integer for one. eps: added to the variance. elementwise_affine, bias: whether
    there are `weight` and `bias`, of that shape, from 1 and 0. x: (..., *normalized_shape).

    >>> import nn, numpy as np
    >>> nn.LayerNorm(2)(np.array([[1.0, 3.0]])).data.round(3)
    array([[-1.,  1.]], dtype=float32)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        whole = isinstance(normalized_shape, int | np.integer)
        self.normalized_shape = (int(normalized_shape),) if whole else tuple(normalized_shape)  # type: ignore
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(np.ones(self.normalized_shape), dtype) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape), dtype) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Any:
        """x: (..., *normalized_shape) -> the same shape."""
        x = as_value(x) if self.weight is None else as_input(x, self.weight.dtype)
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each element, as in evaluation: statistics are not counted."""
        return int(np.size(output))

    def extra_repr(self) -> str:
        """Return the shape, and the arguments that differ from the defaults."""
        shown = [str(self.normalized_shape)] + ([f"eps={self.eps}"] if self.eps != 1e-5 else [])
        if not self.elementwise_affine:
            return ", ".join([*shown, "elementwise_affine=False"])
        return ", ".join(shown + (["bias=False"] if self.bias is None else []))


class RMSNorm(Module):
    """Divide by the root of the mean square over the last axes, then scale. `torch.nn.RMSNorm`.

    normalized_shape: their sizes, an integer for one. eps: added to the mean square; None for the smallest step at 1
    of x's dtype. elementwise_affine: whether there is a `weight`, from 1. x: (..., *normalized_shape).

    >>> import nn, numpy as np
    >>> nn.RMSNorm(2)(np.array([3.0, 4.0])).data.round(4)
    array([0.8485, 1.1314], dtype=float32)
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        whole = isinstance(normalized_shape, int | np.integer)
        self.normalized_shape = (int(normalized_shape),) if whole else tuple(normalized_shape)  # type: ignore
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(np.ones(self.normalized_shape), dtype) if elementwise_affine else None

    def forward(self, x: Any) -> Any:
        """x: (..., *normalized_shape) -> the same shape."""
        x = as_value(x) if self.weight is None else as_input(x, self.weight.dtype)
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each element, as in evaluation: statistics are not counted."""
        return int(np.size(output))

    def extra_repr(self) -> str:
        """Return the shape, and the arguments that differ from the defaults."""
        shown = [str(self.normalized_shape)] + ([f"eps={self.eps}"] if self.eps is not None else [])
        return ", ".join(shown + ([] if self.elementwise_affine else ["elementwise_affine=False"]))


class GroupNorm(Module):
    """Standardize over each group of channels of each image, then scale and shift. `torch.nn.GroupNorm`.

    num_groups: a divisor of num_channels. eps: added to the variance. affine, bias: whether there are `weight` and
    `bias`, (num_channels,), from 1 and 0. x: (N, num_channels, ...).

    >>> import nn, numpy as np
    >>> nn.GroupNorm(2, 4)(np.ones((5, 4, 8, 8))).shape
    (5, 4, 8, 8)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(np.ones(num_channels), dtype) if affine else None
        self.bias = Parameter(np.zeros(num_channels), dtype) if affine and bias else None

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        x = as_value(x) if self.weight is None else as_input(x, self.weight.dtype)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(f"GroupNorm(num_channels={self.num_channels}) got x of shape {x.shape}")
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each element, as in evaluation: statistics are not counted."""
        return int(np.size(output))

    def extra_repr(self) -> str:
        """Return the sizes, and the arguments that differ from the defaults."""
        shown = [f"{self.num_groups}, {self.num_channels}"] + ([f"eps={self.eps}"] if self.eps != 1e-5 else [])
        shown += [] if self.affine else ["affine=False"]
        return ", ".join(shown + (["bias=False"] if self.affine and self.bias is None else []))


def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Divide each element by a power of the mean square of its neighbours on the axis of channels.

    `torch.nn.functional.local_response_norm` (Krizhevsky et al. 2012, section 3.3): x / (k + alpha m)^beta, m the sum
    of the squares of `size` channels divided by size. x: (N, C, ...), three axes or more. Raises ValueError for fewer.

    >>> local_response_norm(np.ones((1, 3, 1)), 3, alpha=3.0, beta=1.0).ravel()
    array([0.33333333, 0.25      , 0.33333333])
    """
    x = as_value(x)
    if x.ndim < 3:
        raise ValueError(f"local_response_norm needs x of shape (N, C, ...) with three axes or more; got {x.shape}")
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"local_response_norm: size must be an integer >= 1; got {size!r}")
    planes = np.reshape(x * x, (x.shape[0], 1, x.shape[1], math.prod(x.shape[2:])))
    neighbours = ad.im2col(planes, (size, 1), (1, 1), [(size // 2, (size - 1) // 2), (0, 0)])
    mean = np.reshape(np.sum(neighbours, axis=(1, 2, 3)), x.shape) / size
    return x / (mean * alpha + k) ** beta


class LocalResponseNorm(Module):
    """Divide each element by a power of the mean square of its neighbouring channels. `torch.nn.LocalResponseNorm`.

    size: how many channels are neighbours. alpha, beta, k: see `nn.functional.local_response_norm`. x: (N, C, ...).

    >>> import nn, numpy as np
    >>> nn.LocalResponseNorm(3, alpha=3.0, beta=1.0)(np.ones((1, 3, 1))).ravel()
    array([0.33333333, 0.25      , 0.33333333])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        return local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each neighbour of each element."""
        return int(np.size(output)) * self.size

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
