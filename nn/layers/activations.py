"""Activation functions as modules. The functions are in `nn.functional` and, under the same names, in `autodiff`. This
file also has the functions with arguments of PyTorch that autodiff's do not take.

One file: one short class for each function.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad

from ..arguments_elsewhere import new_array
from ..module import Module
from ..parameter import Parameter
from ..random import Rng, as_generator, draw
from .inputs import as_input, as_value, axis_or_dim, beside

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "glu",
    "gumbel_softmax",
    "log_softmax",
    "rrelu",
    "softmax",
    "softmin",
    "softplus",
]


def gumbel_softmax(
    logits: Any,
    tau: float = 1.0,
    hard: bool = False,
    axis: int | None = None,
    *,
    dim: int | None = None,
    rng: Rng = None,
) -> Any:
    """Draw a differentiable sample of classes: softmax((logits + Gumbel noise) / tau).
    `torch.nn.functional.gumbel_softmax` (Jang et al. 2016, https://arxiv.org/abs/1611.01144).

    logits: any shape, unnormalized logarithms of probabilities along the axis. axis, dim: as in `softmax`. tau: above
    0; the smaller, the nearer to a choice of one. hard: whether the result is a choice of one, with the derivative of
    the soft sample. rng: a Generator, a seed, or None for the default generator. Raises ValueError for another tau.

    >>> gumbel_softmax(np.log([0.25, 0.75]), hard=True, rng=0)
    array([0., 1.])
    """
    if not tau > 0:
        raise ValueError(f"gumbel_softmax: tau must be above 0; got {tau!r}")
    logits, axis = as_value(logits), axis_or_dim("gumbel_softmax", axis, dim, -1)
    noise = as_generator(rng).gumbel(size=logits.shape).astype(np.result_type(logits.dtype, np.float16))
    y = ad.softmax((logits + noise) / tau, axis=axis)
    if not hard:
        return y
    bare = ad.plain(y)
    best = np.expand_dims(np.argmax(bare, axis=axis), axis)
    one = np.zeros_like(bare)
    np.put_along_axis(one, best, 1.0, axis=axis)
    return one if y is bare else one + (y - ad.stop_gradient(y))


def rrelu(
    x: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    rng: Rng = None,
) -> Any:
    """Return x where x > 0 and a x elsewhere; a is drawn from [lower, upper) in training, and its mean otherwise.
    `torch.nn.functional.rrelu` (Xu et al. 2015).

    x: any shape. inplace: False. rng: a Generator, a seed, or None for the default generator. Raises ValueError unless
    lower <= upper.

    >>> rrelu(np.array([-1.0, 2.0]), 0.25, 0.75)
    array([-0.5,  2. ])
    """
    new_array("rrelu", inplace)
    if not lower <= upper:
        raise ValueError(f"rrelu: lower must be at most upper; got {lower!r} and {upper!r}")
    if not training:
        return ad.leaky_relu(x, (lower + upper) / 2)
    x = as_value(x)
    dtype = np.result_type(x.dtype, np.float16)
    slope = (draw(rng, "random", x.shape, dtype=np.float32) * (upper - lower) + lower).astype(dtype)
    slope = beside(slope, x)
    return x * np.where(x > 0, dtype.type(1), np.where(x <= 0, slope, dtype.type(np.nan)))


def softplus(x: Any, beta: float = 1.0, threshold: float = math.inf) -> Any:
    """Return log(1 + exp(beta x)) / beta, a smooth ReLU. `torch.nn.functional.softplus`.

    beta: not 0; the larger, the nearer to ReLU. threshold: the result is x where beta x is above it. PyTorch's default
    is 20, against overflow. Nothing overflows here, and without a threshold the derivative is exact.

    >>> softplus(np.array([0.0, 3.0]), beta=2.0, threshold=5.0).round(4)
    array([0.3466, 3.    ])
    """
    if not beta:
        raise ValueError("softplus: beta must not be 0")
    x = as_value(x)
    y = ad.softplus(x) if beta == 1 else ad.softplus(x * beta) / beta
    return y if threshold == math.inf else np.where(ad.plain(x) * beta > threshold, x, y)


def _in(dtype: DTypeLike | None, x: Any) -> Any:
    return x if dtype is None else as_value(x).astype(dtype)


def softmax(x: Any, axis: int | None = None, *, dim: int | None = None, dtype: DTypeLike | None = None) -> Any:
    """Divide exp(x) by its sum along an axis, without overflow. `torch.nn.functional.softmax`.

    axis: the last one unless it is given; `dim`, as PyTorch calls it, is taken too. dtype: of the result; x is
    converted before the exponentials are taken.

    >>> softmax(np.array([[0.0, 0.0]]), dim=1)
    array([[0.5, 0.5]])
    """
    return ad.softmax(_in(dtype, x), axis=axis_or_dim("softmax", axis, dim, -1))


def log_softmax(x: Any, axis: int | None = None, *, dim: int | None = None, dtype: DTypeLike | None = None) -> Any:
    """Return log(softmax(x)) along an axis, also where softmax underflows. `torch.nn.functional.log_softmax`.

    axis, dim, dtype: as in `softmax`.

    >>> log_softmax(np.array([[0.0, 1000.0]]), dim=1)
    array([[-1000.,     0.]])
    """
    return ad.log_softmax(_in(dtype, x), axis=axis_or_dim("log_softmax", axis, dim, -1))


def softmin(x: Any, axis: int | None = None, *, dim: int | None = None, dtype: DTypeLike | None = None) -> Any:
    """Divide exp(-x) by its sum along an axis, without overflow. `torch.nn.functional.softmin`.

    axis, dim, dtype: as in `softmax`.

    >>> softmin(np.array([[0.0, 1000.0]]), dim=1)
    array([[1., 0.]])
    """
    return ad.softmin(_in(dtype, x), axis=axis_or_dim("softmin", axis, dim, -1))


def glu(x: Any, axis: int | None = None, *, dim: int | None = None) -> Any:
    """Return a sigmoid(b), a and b being the halves of x along an axis. `torch.nn.functional.glu`.

    axis, dim: as in `softmax`.

    >>> glu(np.array([2.0, 0.0]))
    array([1.])
    """
    return ad.glu(x, axis=axis_or_dim("glu", axis, dim, -1))


class _NewArray(Module):
    """An activation without arguments except PyTorch's `inplace`, which must be False."""

    def __init__(self, inplace: bool = False) -> None:
        new_array(type(self).__name__, inplace)


class ReLU(_NewArray):
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


class SiLU(_NewArray):
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
    """Compute log(1 + exp(beta x)) / beta, a smooth ReLU, without overflow. `torch.nn.Softplus`.

    Arguments as in `nn.functional.softplus`. x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Softplus()(np.array([0.0, 1000.0])).round(4)
    array([6.931e-01, 1.000e+03])
    """

    def __init__(self, beta: float = 1.0, threshold: float = math.inf) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the arguments that differ from the defaults."""
        given = {"beta": (self.beta, 1.0), "threshold": (self.threshold, math.inf)}
        return ", ".join([f"{name}={value}" for name, (value, usual) in given.items() if value != usual])


class LeakyReLU(Module):
    """Compute x where x > 0 and negative_slope * x elsewhere. `torch.nn.LeakyReLU`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.LeakyReLU(0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        new_array("LeakyReLU", inplace)
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the slope."""
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """Compute x where x > 0 and alpha * (exp(x) - 1) elsewhere. `torch.nn.ELU` (Clevert et al. 2016).

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.ELU()(np.array([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        new_array("ELU", inplace)
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """Return alpha."""
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
        """Return the approximation, when there is one."""
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"


class Softmax(Module):
    """Divide exp(x) by its sum along `axis`, without overflow. `torch.nn.Softmax`.

    axis: the last one unless it is given; `dim`, as PyTorch calls it, is taken too. x: any shape with that axis,
    floating; the result has the same shape and dtype. `CrossEntropyLoss` takes the values before it.

    >>> import nn, numpy as np
    >>> nn.Softmax()(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """

    def __init__(self, axis: int | None = None, *, dim: int | None = None) -> None:
        self.axis = axis_or_dim(type(self).__name__, axis, dim, -1)

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, summing to 1 along the axis."""
        return ad.softmax(x, axis=self.axis)

    def extra_repr(self) -> str:
        """Return the axis."""
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


class SELU(_NewArray):
    """Compute 1.0507 x where x > 0 and 1.7581 (exp(x) - 1) elsewhere (Klambauer et al. 2017). `torch.nn.SELU`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.SELU()(np.array([-1.0, 2.0])).round(4)
    array([-1.1113,  2.1014])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.selu(x)


class CELU(Module):
    """Compute x where x > 0 and alpha (exp(x / alpha) - 1) elsewhere (Barron 2017). `torch.nn.CELU`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.CELU(2.0)(np.array([-1.0, 2.0])).round(4)
    array([-0.7869,  2.    ])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        new_array("CELU", inplace)
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.celu(x, self.alpha)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"alpha={self.alpha}"


class Mish(_NewArray):
    """Compute x tanh(softplus(x)) (Misra 2019). `torch.nn.Mish`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Mish()(np.array([-1.0, 2.0])).round(4)
    array([-0.3034,  1.944 ])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.mish(x)


class Softsign(Module):
    """Compute x / (1 + |x|). `torch.nn.Softsign`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Softsign()(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.softsign(x)


class Hardswish(_NewArray):
    """Compute x hardsigmoid(x) (Howard et al. 2019). `torch.nn.Hardswish`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Hardswish()(np.array([-4.0, 3.0])) + 0.0
    array([0., 3.])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.hardswish(x)


class Hardsigmoid(_NewArray):
    """Compute (x + 3) / 6, limited to [0, 1]. `torch.nn.Hardsigmoid`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Hardsigmoid()(np.array([-4.0, 0.0]))
    array([0. , 0.5])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.hardsigmoid(x)


class Hardtanh(Module):
    """Compute x limited to [min_val, max_val]. `torch.nn.Hardtanh`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Hardtanh()(np.array([-4.0, 0.5]))
    array([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        new_array("Hardtanh", inplace)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(_NewArray):
    """Compute x limited to [0, 6]. `torch.nn.ReLU6`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.ReLU6()(np.array([-1.0, 8.0]))
    array([0., 6.])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.relu6(x)


class Softshrink(Module):
    """Compute x moved towards 0 by lambd, 0 where |x| <= lambd. `torch.nn.Softshrink`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Softshrink()(np.array([-2.0, 0.25]))
    array([-1.5,  0. ])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"lambd={self.lambd}"


class Hardshrink(Module):
    """Compute x, and 0 where |x| <= lambd. `torch.nn.Hardshrink`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Hardshrink()(np.array([-2.0, 0.25]))
    array([-2.,  0.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"lambd={self.lambd}"


class Tanhshrink(Module):
    """Compute x - tanh(x). `torch.nn.Tanhshrink`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Tanhshrink()(np.array([0.0, 2.0])).round(4)
    array([0.   , 1.036])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.tanhshrink(x)


class Threshold(Module):
    """Compute x where x > threshold, and value elsewhere. `torch.nn.Threshold`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Threshold(0.5, -1.0)(np.array([0.5, 2.0]))
    array([-1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        new_array("Threshold", inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"threshold={self.threshold}, value={self.value}"


class LogSigmoid(Module):
    """Compute log(sigmoid(x)), without overflow. `torch.nn.LogSigmoid`.

    x: any shape, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.LogSigmoid()(np.array([-1000.0, 0.0])).round(4)
    array([-1.000e+03, -6.931e-01])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return ad.logsigmoid(x)


class Softmin(Softmax):
    """Divide exp(-x) by its sum along `axis`, without overflow. `torch.nn.Softmin`.

    Arguments as in `Softmax`.

    x: any shape with that axis, floating; the result has the same shape and dtype.

    >>> import nn, numpy as np
    >>> nn.Softmin()(np.array([[0.0, 1000.0]]))
    array([[1., 0.]])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, summing to 1 along the axis."""
        return ad.softmin(x, axis=self.axis)


class GLU(Softmax):
    """Compute a sigmoid(b), a and b being the halves of x along `axis`. `torch.nn.GLU`.

    Arguments as in `Softmax`.

    x: an even length along the axis, which the result has half of (Dauphin et al. 2016).

    >>> import nn, numpy as np
    >>> nn.GLU()(np.array([2.0, 0.0]))
    array([1.])
    """

    def forward(self, x: Any) -> Any:
        """x: (..., 2 n, ...) -> (..., n, ...)."""
        return ad.glu(x, axis=self.axis)


class PReLU(Module):
    """Compute x where x > 0 and `weight` x elsewhere; the weight is learned. `torch.nn.PReLU` (He et al. 2015).

    num_parameters: 1, or the channels of x on axis 1. init: their first value. x: any shape for one, (N, C, ...) for C.

    >>> import nn, numpy as np
    >>> nn.PReLU()(np.array([-2.0, 3.0])).data
    array([-0.5,  3. ], dtype=float32)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike = np.float32) -> None:
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init), dtype)

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        return ad.prelu(as_input(x, self.weight.dtype), self.weight)

    def extra_repr(self) -> str:
        """Return the number of weights."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """Compute x where x > 0 and a x elsewhere, a drawn from [lower, upper) in training. `torch.nn.RReLU`.

    In evaluation a is the mean. lower, upper: the interval of a. inplace: False. rng: a Generator or a seed of its own;
    None takes the default generator at each call. x: any shape (Xu et al. 2015).

    >>> import nn, numpy as np
    >>> nn.RReLU(0.25, 0.75).eval()(np.array([-1.0, 2.0]))
    array([-0.5,  2. ])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False, *, rng: Rng = None) -> None:
        new_array("RReLU", inplace)
        if not lower <= upper:
            raise ValueError(f"RReLU: lower must be at most upper; got {lower!r} and {upper!r}")
        self.lower, self.upper = lower, upper
        self.rng = None if rng is None else as_generator(rng)

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return rrelu(x, self.lower, self.upper, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """Return the limits."""
        return f"lower={self.lower}, upper={self.upper}"
