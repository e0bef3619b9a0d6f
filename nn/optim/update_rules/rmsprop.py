"""RMSprop: the gradient divided by the root of a running mean of its square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..optimizer import Array, Group, Optimizer, Slot

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: p -= lr g / (sqrt(v) + eps), v a running mean of g^2.

    `torch.optim.RMSprop` (Hinton 2012, lecture 6e; centered: Graves 2013, equation 40).

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        alpha: how much of the running mean is kept, in [0, 1).
        eps: added to the root.
        weight_decay: adds weight_decay * p to the gradient.
        momentum: how much of the last step is kept, 0 for none.
        centered: divide by the root of the variance of g instead.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.RMSprop([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool(abs(w.data).sum() < 3)
    True
    """

    _optional_state = ("momentum_buffer", "grad_avg")

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(parameters, options)

    def _state_names(self, group: Group) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if group["momentum"] else ()
        return ("square_avg", *momentum, *(("grad_avg",) if group["centered"] else ()))

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        alpha, v = group["alpha"], state["square_avg"]
        v += (1 - alpha) * (g * g - v)
        spread = v
        if group["centered"]:
            mean = state["grad_avg"]
            mean += (1 - alpha) * (g - mean)
            spread = v - mean * mean
        step = g / (np.sqrt(spread) + group["eps"])
        if group["momentum"]:
            buffer = state["momentum_buffer"]
            buffer *= group["momentum"]
            buffer += step
            step = buffer
        return step * group["lr"]
