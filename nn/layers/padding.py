"""Borders around the last axes: `pad`, and the padding layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..module import Module
from .inputs import as_value

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
    "pad",
]

_NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Put a border around the last axes of x. `torch.nn.functional.pad`.

    x: any shape. pad: (before, after) of the last axis, then of the one before it, and so on; a negative number cuts
    off (mode "constant"). mode: "constant" (value, or 0), "reflect", "replicate" or "circular". Raises ValueError where
    a reflected border is not shorter than the axis, or a circular one is longer.

    >>> pad(np.array([[1.0, 2.0, 3.0]]), (1, 2), mode="reflect")
    array([[2., 1., 2., 3., 2., 1.]])
    """
    x = as_value(x)
    if mode not in _NUMPY:
        raise ValueError(f"pad: mode must be one of {', '.join(_NUMPY)}; got {mode!r}")
    if value is not None and mode != "constant":
        raise ValueError(f"pad: mode {mode!r} takes no value")
    pairs = list(zip(pad[::2], pad[1::2], strict=False))
    if len(pad) % 2 or len(pairs) > x.ndim:
        raise ValueError(f"pad: pairs (before, after) for at most {x.ndim} axes are needed; got {tuple(pad)}")
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
    cut = []
    for axis, ((before, after), n) in enumerate(zip(widths, x.shape, strict=True)):
        longest, least = max(before, after), min(before, after)
        if mode != "constant" and (least < 0 or longest > {"reflect": n - 1, "circular": n}.get(mode, longest)):
            raise ValueError(f"pad: mode {mode!r} cannot put a border of ({before}, {after}) at axis {axis} of {n}")
        cut.append(slice(max(0, -before), max(0, n - max(0, -after))))
    if any([s != slice(0, n) for s, n in zip(cut, x.shape, strict=True)]):
        x = x[tuple(cut)]
    widths = [(max(0, before), max(0, after)) for before, after in widths]
    if not any([before or after for before, after in widths]):
        return x
    return np.pad(x, widths, mode=_NUMPY[mode], **({"constant_values": value} if value else {}))  # type: ignore[call-overload]


class _Pad(Module):
    """A border around the last axes; a subclass sets their number and the mode."""

    _axes: int
    _mode: str

    def __init__(self, padding: int | Sequence[int]) -> None:
        n, name = 2 * self._axes, type(self).__name__
        widths = (padding,) * n if isinstance(padding, int) else tuple(padding)
        if len(widths) != n:
            raise ValueError(f"{name}: padding must be an integer or {n} of them; got {padding!r}")
        self.padding = widths

    def forward(self, x: Any) -> Any:
        """x: (..., *spatial) -> (..., *spatial with the border)."""
        return pad(x, self.padding, self._mode)

    def extra_repr(self) -> str:
        """Return the widths."""
        return repr(self.padding)


class ZeroPad1d(_Pad):
    """Put zeros around the last axis. `torch.nn.ZeroPad1d`.

    padding: an integer, or (left, right). x: (..., W).

    >>> import nn, numpy as np
    >>> nn.ZeroPad1d((1, 0))(np.ones((1, 2)))
    array([[0., 1., 1.]])
    """

    _axes, _mode = 1, "constant"


class ZeroPad2d(_Pad):
    """Put zeros around the last two axes. `torch.nn.ZeroPad2d`.

    padding: an integer, or (left, right, top, bottom). x: (..., H, W).

    >>> import nn, numpy as np
    >>> nn.ZeroPad2d((1, 0, 0, 1))(np.ones((1, 2)))
    array([[0., 1., 1.],
           [0., 0., 0.]])
    """

    _axes, _mode = 2, "constant"


class ZeroPad3d(_Pad):
    """Put zeros around the last three axes. `torch.nn.ZeroPad3d`.

    padding: an integer, or (left, right, top, bottom, front, back). x: (..., D, H, W).

    >>> import nn, numpy as np
    >>> nn.ZeroPad3d(1)(np.ones((2, 2, 2))).shape
    (4, 4, 4)
    """

    _axes, _mode = 3, "constant"


class ConstantPad1d(_Pad):
    """Put a constant around the last axis. `torch.nn.ConstantPad1d`.

    padding: an integer, or (left, right). value: a number. x: (..., W).

    >>> import nn, numpy as np
    >>> nn.ConstantPad1d(1, 7.0)(np.ones((1, 2)))
    array([[7., 1., 1., 7.]])
    """

    _axes, _mode = 1, "constant"

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: Any) -> Any:
        """x: (..., *spatial) -> (..., *spatial with the border)."""
        return pad(x, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        """Return the widths and the number."""
        return f"{self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """Put a constant around the last two axes. `torch.nn.ConstantPad2d`.

    padding: an integer, or (left, right, top, bottom). value: a number. x: (..., H, W).

    >>> import nn, numpy as np
    >>> nn.ConstantPad2d((1, 0, 0, 0), 7.0)(np.ones((1, 2)))
    array([[7., 1., 1.]])
    """

    _axes = 2


class ConstantPad3d(ConstantPad1d):
    """Put a constant around the last three axes. `torch.nn.ConstantPad3d`.

    padding: an integer, or (left, right, top, bottom, front, back). value: a number. x: (..., D, H, W).

    >>> import nn, numpy as np
    >>> nn.ConstantPad3d((1, 0, 0, 0, 0, 0), 7.0)(np.ones((1, 1, 1)))
    array([[[7., 1.]]])
    """

    _axes = 3


class ReflectionPad1d(_Pad):
    """Continue the last axis by its mirror image, without the element at the edge. `torch.nn.ReflectionPad1d`.

    padding: an integer, or (left, right), less than the axis. x: (..., W).

    >>> import nn, numpy as np
    >>> nn.ReflectionPad1d(1)(np.array([[1.0, 2.0, 3.0]]))
    array([[2., 1., 2., 3., 2.]])
    """

    _axes, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Continue the last two axes by their mirror images, without the elements at the edge. `torch.nn.ReflectionPad2d`.

    padding: an integer, or (left, right, top, bottom), less than the axes. x: (..., H, W).

    >>> import nn, numpy as np
    >>> nn.ReflectionPad2d((1, 0, 0, 0))(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 1., 2.],
           [4., 3., 4.]])
    """

    _axes, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Continue the last three axes by their mirror images, without the edge. `torch.nn.ReflectionPad3d`.

    padding: an integer, or (left, right, top, bottom, front, back), less than the axes. x: (..., D, H, W).

    >>> import nn, numpy as np
    >>> nn.ReflectionPad3d((1, 0, 0, 0, 0, 0))(np.array([[[1.0, 2.0]]]))
    array([[[2., 1., 2.]]])
    """

    _axes, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Continue the last axis by copies of the element at its edge. `torch.nn.ReplicationPad1d`.

    padding: an integer, or (left, right). x: (..., W).

    >>> import nn, numpy as np
    >>> nn.ReplicationPad1d(1)(np.array([[1.0, 2.0]]))
    array([[1., 1., 2., 2.]])
    """

    _axes, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Continue the last two axes by copies of the elements at their edges. `torch.nn.ReplicationPad2d`.

    padding: an integer, or (left, right, top, bottom). x: (..., H, W).

    >>> import nn, numpy as np
    >>> nn.ReplicationPad2d((0, 1, 0, 0))(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2., 2.],
           [3., 4., 4.]])
    """

    _axes, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Continue the last three axes by copies of the elements at their edges. `torch.nn.ReplicationPad3d`.

    padding: an integer, or (left, right, top, bottom, front, back). x: (..., D, H, W).

    >>> import nn, numpy as np
    >>> nn.ReplicationPad3d((0, 1, 0, 0, 0, 0))(np.array([[[1.0, 2.0]]]))
    array([[[1., 2., 2.]]])
    """

    _axes, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Continue the last axis by its other end. `torch.nn.CircularPad1d`.

    padding: an integer, or (left, right), at most the axis. x: (..., W).

    >>> import nn, numpy as np
    >>> nn.CircularPad1d(1)(np.array([[1.0, 2.0, 3.0]]))
    array([[3., 1., 2., 3., 1.]])
    """

    _axes, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """Continue the last two axes by their other ends. `torch.nn.CircularPad2d`.

    padding: an integer, or (left, right, top, bottom), at most the axes. x: (..., H, W).

    >>> import nn, numpy as np
    >>> nn.CircularPad2d((1, 0, 0, 0))(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 1., 2.],
           [4., 3., 4.]])
    """

    _axes, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """Continue the last three axes by their other ends. `torch.nn.CircularPad3d`.

    padding: an integer, or (left, right, top, bottom, front, back), at most the axes. x: (..., D, H, W).

    >>> import nn, numpy as np
    >>> nn.CircularPad3d((1, 0, 0, 0, 0, 0))(np.array([[[1.0, 2.0]]]))
    array([[[2., 1., 2.]]])
    """

    _axes, _mode = 3, "circular"
