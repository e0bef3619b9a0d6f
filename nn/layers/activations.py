"""Activation functions as modules. The functions are in `nn.functional` and, under the same names, in `autodiff`."""

from __future__ import annotations

from typing import Any

import autodiff as ad

from ..module import Module

__all__ = [
    "ELU",
    "GELU",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


class ReLU(Module):
    """Compute max(x, 0); the derivative at 0 is 0. `torch.nn.ReLU`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.ReLU()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.relu(x)


class Sigmoid(Module):
    """Compute 1 / (1 + exp(-x)), without overflow. `torch.nn.Sigmoid`.

    x: any shape, floating; the result has the same shape and dtype. The derivative is at most 1/4, and small where the
    result is near 0 or 1.

    >>> import nn, numpy as np
    >>> nn.Sigmoid()(np.array([0.0, -1000.0]))
    array([0.5, 0. ])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, in (0, 1)."""
        return ad.sigmoid(x)


class Tanh(Module):
    """Compute the hyperbolic tangent. `torch.nn.Tanh`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Tanh()(np.array([0.0, 100.0]))
    array([0., 1.])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, in (-1, 1)."""
        return ad.tanh(x)


class SiLU(Module):
    """Compute x * sigmoid(x). `torch.nn.SiLU` (Hendrycks and Gimpel 2016; also called swish).

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.SiLU()(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.7311])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.silu(x)


class Softplus(Module):
    """Compute log(1 + exp(x)), a smooth ReLU, without overflow. `torch.nn.Softplus` with its default options.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Softplus()(np.array([0.0, 1000.0])).round(4)
    array([6.931e-01, 1.000e+03])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.softplus(x)


class LeakyReLU(Module):
    """Compute x where x > 0 and negative_slope * x elsewhere. `torch.nn.LeakyReLU`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.LeakyReLU(0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """Compute x where x > 0 and alpha * (exp(x) - 1) elsewhere. `torch.nn.ELU` (Clevert et al. 2016).

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.ELU()(np.array([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """alpha."""
        return f"alpha={self.alpha}"


class GELU(Module):
    """Compute x * Phi(x), where Phi is the normal distribution function. `torch.nn.GELU` (Hendrycks and Gimpel 2016).

    x: any shape, floating; the result has the same shape and dtype. approximate: "none", or "tanh" for the paper's
    approximation; anything else is a ValueError.

    >>> import nn, numpy as np
    >>> nn.GELU()(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate must be 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation, when there is one."""
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"


class Softmax(Module):
    """Divide exp(x) by its sum along `axis`, without overflow. `torch.nn.Softmax`, whose `dim` is `axis` here.

    x: any shape with that axis, floating; the result has the same shape and dtype. `CrossEntropyLoss` takes the values
    before it.

    >>> import nn, numpy as np
    >>> nn.Softmax()(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, summing to 1 along the axis."""
        return ad.softmax(x, axis=self.axis)

    def extra_repr(self) -> str:
        """The axis."""
        return f"axis={self.axis}"


class LogSoftmax(Softmax):
    """Compute log(softmax(x)) along `axis`, also where softmax underflows. `torch.nn.LogSoftmax`.

    x: any shape with that axis, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.LogSoftmax()(np.array([[0.0, 1000.0]]))
    array([[-1000.,     0.]])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.log_softmax(x, axis=self.axis)
