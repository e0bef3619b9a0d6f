"""Activation functions as modules; the functions are in `nn.functional` and, under the same names, in `autodiff`."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module

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
    """max(x, 0); the derivative at 0 is 0."""

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.relu(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), without overflow. Its derivative is at most 1/4, and vanishes where it saturates."""

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, in (0, 1)."""
        return F.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, in (-1, 1)."""
        return F.tanh(x)


class SiLU(Module):
    """x * sigmoid(x)."""

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.silu(x)


class Softplus(Module):
    """log(1 + exp(x)), a smooth ReLU."""

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.softplus(x)


class LeakyReLU(Module):
    """x where x > 0, negative_slope * x elsewhere."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x where x > 0, alpha * (exp(x) - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """alpha."""
        return f"alpha={self.alpha}"


class GELU(Module):
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016); approximate="tanh" is theirs."""

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate must be 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation, when there is one."""
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"


class Softmax(Module):
    """exp(x) divided by its sum along `axis`, without overflow. Losses want logits: see CrossEntropyLoss."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape, summing to 1 along the axis."""
        return F.softmax(x, axis=self.axis)

    def extra_repr(self) -> str:
        """The axis."""
        return f"axis={self.axis}"


class LogSoftmax(Softmax):
    """log(softmax(x)) along `axis`, accurate also where softmax underflows."""

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.log_softmax(x, axis=self.axis)
