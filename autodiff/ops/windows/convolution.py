"""Convolution: three rows, each linear in both operands, of which every derivative is another of them.

    convolution(x, w) = y       convolution_input(y, w) = x       convolution_weight(x, y) = w

where "= x" means "of the shape of x". The first is a layer's forward pass and the others its two gradients;
``convolution_input`` is also the transposed convolution's forward pass. Inside, channels stand last and windows are
rows of a matrix: a convolution is a matrix product. The windows of a few images are copied at a time, so that they stay
in the processor's cache.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...backward.sums import sum_in_memory
from ...batching.ways import convolved, kernels
from ...modes import one_call
from ...other_arrays import is_foreign
from ...registry import PUBLIC, op
from ...variable import Variable
from ..shape import operand
from .columns import borders, col2im_row, im2col_row, integers, spatial
from .geometry import Borders, Sizes, bordered, must_agree, output_sizes, positions, windows, without_borders
from .layouts import (
    by_groups,
    channels_first,
    channels_last,
    depthwise,
    is_depthwise,
    kernel_matrices,
    lies_in_planes,
    planes_of_windows,
    rows_of_windows,
)


@one_call
def _convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sizes = (),
    padding: Borders = (),
    dilation: Sizes = (),
    groups: int = 1,
) -> Any:
    kernel, o = weight.shape[2:], weight.shape[0]
    _check("convolution", x.shape[1], weight, bias, groups, x.ndim - 2, 1)
    out = output_sizes("convolution", x.shape[2:], kernel, stride, padding, dilation)
    if is_foreign(x) or is_foreign(weight):
        return _by_parts(x, weight, bias, groups, stride=stride, padding=padding, dilation=dilation)
    dtype = np.result_type(x, weight) if bias is None else np.result_type(x, weight, bias)
    if is_depthwise(weight, groups):
        last = bordered(channels_last(x), padding, 1)
        y = depthwise(last, weight, out, stride, dilation).astype(dtype, copy=False)
    elif lies_in_planes(x, kernel, out, groups):
        w, y = weight.reshape(o, math.prod(weight.shape[1:])).T, np.empty((x.shape[0], math.prod(out), o), dtype)
        for rows, part in planes_of_windows(x, out, kernel, stride, padding, dilation):
            np.matmul(part.transpose(0, 2, 1), w, out=y[rows])
    else:
        w, y = kernel_matrices(weight, groups), np.empty((x.shape[0] * math.prod(out), o), dtype)
        last = bordered(channels_last(x), padding, 1)
        for rows, part in rows_of_windows(last, out, kernel, stride, dilation, groups):
            np.matmul(part, w, out=by_groups(y[rows], groups))
    if bias is not None:
        y += bias
    return channels_first(y.reshape(x.shape[0], *out, o))


@one_call
def _convolution_input(
    x: Any,
    weight: Any,
    size: Sizes = (),
    stride: Sizes = (),
    padding: Borders = (),
    dilation: Sizes = (),
    groups: int = 1,
) -> Any:
    (o, c), kernel, out = weight.shape[:2], weight.shape[2:], x.shape[2:]
    _check("convolution_transpose", x.shape[1], weight, None, groups, x.ndim - 2, 0)
    must_agree("convolution_transpose", out, size, kernel, stride, padding, dilation)
    if is_foreign(x) or is_foreign(weight):
        flat, w = _of_groups(x, groups, len(out)), np.reshape(weight, (groups, o // groups, c * math.prod(kernel)))
        parts = np.reshape(np.matmul(np.swapaxes(w, 1, 2), flat), (x.shape[0], groups * c, *kernel, *out))
        return col2im_row(parts, size=size, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    if o <= c * groups and all([s == 1 for s in stride]):  # gathering moves kernel * O numbers, scattering kernel * C
        turned = np.flip(weight.reshape(groups, o // groups, c, *kernel).swapaxes(1, 2), tuple(range(-len(kernel), 0)))
        inner = tuple([(d * (k - 1) - a, d * (k - 1) - b) for d, k, (a, b) in zip(dilation, kernel, padding)])
        turned = turned.reshape(groups * c, o // groups, *kernel)
        return _convolution(x, turned, None, stride, inner, dilation, groups)
    whole_steps = set(dilation) == {1} and not any([k % s for k, s in zip(kernel, stride)])
    few = c * groups <= 32 and o <= c * groups * math.prod(stride)  # sums of few channels are slow, gathering many too
    if whole_steps and few and not is_depthwise(weight, groups):
        return _by_phases(x, weight, size, stride, padding, groups)
    n, dtype = x.shape[0], np.result_type(x, weight)
    rows = by_groups(channels_last(x).reshape(n * math.prod(out), o), groups)
    w = weight.reshape(groups, o // groups, c, *kernel)
    whole = [m + before + after for m, (before, after) in zip(size, padding, strict=True)]
    y = np.zeros((n, *whole, groups * c), dtype)
    part, alone = np.empty((n * math.prod(out), groups * c), dtype), is_depthwise(weight, groups)
    for at, index in positions(out, kernel, stride, dilation):
        if alone:
            np.multiply(rows[:, :, 0].T, w[(slice(None), 0, 0, *at)], out=part)
        else:
            np.matmul(rows, w[(slice(None), slice(None), slice(None), *at)], out=by_groups(part, groups))
        y[(slice(None), *index)] += part.reshape(n, *out, groups * c)
    return channels_first(without_borders(y, padding, 1))


def _by_phases(x: Any, weight: Any, size: Sizes, stride: Sizes, padding: Borders, groups: int) -> Any:
    """Return the same, of a kernel that is a multiple of the stride s, as a convolution with stride 1.

    The result at s * i + r depends on the positions s * j + r of the kernel alone. All r are channels of one
    convolution, and then moved between the positions i (Shi et al. 2016, https://arxiv.org/abs/1609.07009).
    """
    (o, c), kernel, n = weight.shape[:2], weight.shape[2:], len(stride)
    taps = [k // s for k, s in zip(kernel, stride)]
    split = [part for pair in zip(taps, stride) for part in pair]
    at_taps, at_phases = range(3, 3 + 2 * n, 2), range(4, 4 + 2 * n, 2)
    w = np.flip(weight.reshape(groups, o // groups, c, *split), tuple(at_taps)).transpose(0, *at_phases, 2, 1, *at_taps)
    w, one = w.reshape(groups * math.prod(stride) * c, o // groups, *taps), (1,) * n
    y = _convolution(x, w, None, one, tuple([(t - 1, t - 1) for t in taps]), one, groups)
    y = channels_last(y).reshape(x.shape[0], *y.shape[2:], groups, *stride, c)
    y = y.transpose(0, *[a for i in range(n) for a in (1 + i, 2 + n + i)], 1 + n, 2 + 2 * n)
    y = y.reshape(x.shape[0], *[y.shape[1 + 2 * i] * s for i, s in enumerate(stride)], groups * c)
    cut = tuple([(before, m - before - k) for (before, _), m, k in zip(padding, y.shape[1:], size)])
    return channels_first(without_borders(y, cut, 1))


@one_call
def _convolution_weight(
    x: Any,
    z: Any,
    kernel: Sizes = (),
    stride: Sizes = (),
    padding: Borders = (),
    dilation: Sizes = (),
    groups: int = 1,
) -> Any:
    out, o, c = z.shape[2:], z.shape[1], x.shape[1] // groups
    must_agree("convolution", out, x.shape[2:], kernel, stride, padding, dilation)
    if is_foreign(x) or is_foreign(z):
        parts = im2col_row(x, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
        flat = _of_groups(parts, groups, len(out))
        each = np.matmul(_of_groups(z, groups, len(out)), np.swapaxes(flat, 2, 3))
        return np.reshape(np.sum(each, axis=0), (o, c, *kernel))
    total: Any
    g, dtype = channels_last(z), np.result_type(x, z)
    if lies_in_planes(x, kernel, out, groups):
        g, total = g.reshape(len(g), math.prod(out), o), np.zeros((c * math.prod(kernel), o), dtype)
        for rows, part in planes_of_windows(x, out, kernel, stride, padding, dilation):
            total += np.matmul(part, g[rows]).sum(axis=0)
        return total.T.reshape(o, c, *kernel)
    last = bordered(channels_last(x), padding, 1)
    if c == 1 and o == groups and dtype.char in "fdFD":
        view, n = windows(last, out, kernel, stride, dilation, 1), len(kernel)
        places, taps, at = [*range(n + 1)], [*range(n + 1, 2 * n + 1)], 2 * n + 1
        return np.einsum(view, [*places, *taps, at], g, [*places, at], [at, *taps])[:, None]
    g = g.reshape(z.shape[0] * math.prod(out), o)
    total = np.zeros((groups, math.prod(kernel) * c, o // groups), dtype)
    for rows, part in rows_of_windows(last, out, kernel, stride, dilation, groups):
        total += np.matmul(part.transpose(0, 2, 1), by_groups(g[rows], groups))
    return total.reshape(groups, math.prod(kernel), c, o // groups).transpose(0, 3, 2, 1).reshape(o, c, *kernel)


def _of_groups(x: Any, groups: int, n: int) -> Any:
    """Return x (N, C, *kernel, *out) as (N, G, C/G * kernel, out); n: how many axes ``out`` has."""
    size = math.prod(x.shape[x.ndim - n :])
    return np.reshape(x, (x.shape[0], groups, math.prod(x.shape[1 : x.ndim - n]) // groups, size))


def _by_parts(x: Any, weight: Any, bias: Any, groups: int, **where: Any) -> Any:
    """Return the same by columns and a product."""
    (o, c), kernel = weight.shape[:2], weight.shape[2:]
    parts = im2col_row(x, kernel=kernel, **where)
    out, width = parts.shape[2 + len(kernel) :], c * math.prod(kernel)
    parts = np.reshape(parts, (x.shape[0], groups, width, math.prod(out)))
    y = np.matmul(np.reshape(weight, (groups, o // groups, width)), parts)
    y = np.reshape(y, (x.shape[0], o, *out))
    return y if bias is None else y + np.reshape(bias, (-1, *[1] * len(out)))


def _over_images(g: Any) -> Any:
    axes = (0, *range(2, g.ndim))
    return sum_in_memory(g, axes).reshape(-1) if g.__class__ is np.ndarray else np.sum(g, axis=axes)


_PLAIN: dict[str, Any] = {"stride": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}
_GROUPS: dict[str, Any] = {"stride": (2, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 2), "groups": 2}
_CUT: dict[str, Any] = {"stride": (1,), "padding": ((1, -1),), "dilation": (2,), "groups": 1}
convolution_row: Any = op(
    _convolution,
    name="convolution",
    batch=convolved,
    inputs="x weight bias",
    symbol="∗",
    product=True,
    public=False,
    samples=(
        (((2, 2, 4), (3, 2, 3), (3,)), _PLAIN),
        (((1, 2, 3, 4), (4, 1, 2, 2), (4,)), _GROUPS),
        (((1, 1, 6), (2, 1, 2), (2,)), _CUT),
    ),
    vjp=(
        lambda g, weight, x_shape, stride, padding, dilation, groups: convolution_input_row(
            g, weight, size=x_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g, x, weight_shape, stride, padding, dilation, groups: convolution_weight_row(
            x, g, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        _over_images,
    ),
    reference=_by_parts,
    doc="Return the cross-correlation of x (N, C, *spatial) with weight (O, C/G, *kernel), plus bias (O,).",
)
convolution_input_row: Any = op(
    _convolution_input,
    name="convolution_input",
    batch=convolved,
    inputs="x weight",
    symbol="∗ᵀ",
    product=True,
    public=False,
    samples=(
        (((2, 3, 4), (3, 2, 3)), {"size": (4,), **_PLAIN}),
        (((2, 2, 4), (2, 3, 3)), {"size": (4,), **_PLAIN}),
        (((1, 4, 2, 3), (4, 1, 2, 2)), {"size": (3, 4), **_GROUPS}),
        (((1, 2, 4), (2, 1, 2)), {"size": (6,), **_CUT}),
        (((1, 1, 4), (1, 2, 2)), {"size": (6,), **_CUT}),  # gathered, with a border that is not symmetric
    ),
    vjp=(
        lambda g, weight, stride, padding, dilation, groups: convolution_row(
            g, weight, None, stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g, x, weight_shape, stride, padding, dilation, groups: convolution_weight_row(
            g, x, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
    ),
    doc="Return the transpose of a convolution in its input: x (N, O, *out) with weight (O, C/G, *kernel).",
)
convolution_weight_row: Any = op(
    _convolution_weight,
    name="convolution_weight",
    batch=kernels,
    inputs="x z",
    symbol="∗ᵂ",
    product=True,
    public=False,
    samples=(
        (((2, 2, 4), (2, 3, 4)), {"kernel": (3,), **_PLAIN}),
        (((1, 2, 3, 4), (1, 4, 2, 3)), {"kernel": (2, 2), **_GROUPS}),
        (((1, 1, 6), (1, 2, 4)), {"kernel": (2,), **_CUT}),
    ),
    vjp=(
        lambda g, z, x_shape, stride, padding, dilation, groups: convolution_input_row(
            z, g, size=x_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g, x, stride, padding, dilation, groups: convolution_row(
            x, g, None, stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
    ),
    doc="Return the transpose of a convolution in its weight: x (N, C, *spatial) with its cotangent (N, O, *out).",
)


def _check(who: str, channels: int, weight: Any, bias: Any, groups: int, n: int, at: int) -> None:
    """Raise where channels, weight, bias and groups do not fit; ``at``: the axis of weight that is the input's."""
    if np.ndim(weight) != n + 2:
        raise ValueError(f"{who}: weight must have {n + 2} axes for {n} spatial ones; got shape {np.shape(weight)}")
    if groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"{who}: groups must divide the first axis of weight, {weight.shape[0]}; got {groups!r}")
    sides = weight.shape[0], weight.shape[1] * groups
    needed, outputs = sides[at], sides[1 - at]
    if channels != needed:
        raise ValueError(
            f"{who}: weight of shape {weight.shape} with groups={groups} needs x with {needed} channels on axis 1; "
            f"got {channels}"
        )
    if bias is not None and np.shape(bias) != (outputs,):
        raise ValueError(f"{who}: bias must have shape ({outputs},); got {np.shape(bias)}")


def convolution(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Return the convolution (without turning the kernel: the cross-correlation) of x with weight, in one node.

    x: (N, C, *spatial), any number of spatial axes. weight: (O, C/groups, *kernel). bias: (O,) or None. stride,
    dilation: an integer, or one an axis. padding with zeros: an integer, one an axis, or a pair (before, after) an
    axis. Returns (N, O, *out). `torch.nn.functional.conv1d`, `conv2d`, `conv3d`. Raises ValueError where shapes do not
    fit.

    >>> import autodiff as ad, numpy as np
    >>> w = ad.tensor([[[1.0, 2.0]]])
    >>> y = ad.convolution(np.array([[[1.0, 10.0, 100.0]]]), w)
    >>> y.data
    array([[[ 21., 210.]]])
    >>> y.sum().backward(); w.grad
    array([[[ 11., 110.]]])
    """
    x, weight = operand(x), operand(weight)
    n = spatial("convolution", x)
    steps, spread = integers("convolution", "stride", stride, n, 1), integers("convolution", "dilation", dilation, n, 1)
    pads = borders("convolution", padding, n)
    static: dict[str, Any] = {"stride": steps, "padding": pads, "dilation": spread, "groups": int(groups)}
    if isinstance(x, Variable) or isinstance(weight, Variable) or isinstance(bias, Variable):
        return convolution_row.run(x, weight, bias, static)
    return _convolution(x, weight, bias, **static)


def convolution_transpose(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Return the transposed convolution: the gradient of `convolution` in its input, as an operation of its own.

    x: (N, C, *spatial). weight: (C, O/groups, *kernel). bias: (O,) or None. Returns (N, O, *out) with out =
    (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 along each axis.
    `torch.nn.functional.conv_transpose1d`, `conv_transpose2d`, `conv_transpose3d`. Raises ValueError where shapes do
    not fit, or output_padding is not less than stride or dilation.

    >>> import autodiff as ad, numpy as np
    >>> ad.convolution_transpose(np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0]]]), stride=2)
    array([[[ 1.,  2., 10., 20.]]])
    """
    who = "convolution_transpose"
    x, weight = operand(x), operand(weight)
    n = spatial(who, x)
    _check(who, x.shape[1], weight, None, groups, n, 0)  # before sizes are made of it
    steps, spread = integers(who, "stride", stride, n, 1), integers(who, "dilation", dilation, n, 1)
    pads, more = integers(who, "padding", padding, n, 0), integers(who, "output_padding", output_padding, n, 0)
    if any([m >= max(s, d) for m, s, d in zip(more, steps, spread, strict=True)]):
        raise ValueError(f"{who}: output_padding {more} must be less than stride {steps} or dilation {spread}")
    size = tuple(
        [
            (m - 1) * s - 2 * p + d * (k - 1) + e + 1
            for m, s, p, d, k, e in zip(x.shape[2:], steps, pads, spread, weight.shape[2:], more, strict=True)
        ]
    )
    if min(size) < 1:
        raise ValueError(f"{who}: x of shape {x.shape} with padding {pads} gives an output of size {size}")
    y = convolution_input_row(
        x,
        weight,
        size=size,
        stride=steps,
        padding=tuple([(p, p - e) for p, e in zip(pads, more, strict=True)]),
        dilation=spread,
        groups=int(groups),
    )
    if bias is None:
        return y
    if np.shape(bias) != y.shape[1:2]:
        raise ValueError(f"{who}: bias must have shape {y.shape[1:2]}; got {np.shape(bias)}")
    return y + np.reshape(bias, (-1, *[1] * n))


PUBLIC.update(convolution=convolution, convolution_transpose=convolution_transpose)
