"""RAdam: Adam with a correction for the variance of the second mean in the first steps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff import extend

from ..hyperparameters import bias_correction
from ..optimizer import Array, Group, Slot
from .running_means import RunningMeans, move_means

__all__ = ["RAdam"]


class RAdam(RunningMeans):
    """RAdam: Adam times a factor for the variance of its second mean; plain momentum while that is not defined.

    `torch.optim.RAdam` (Liu et al. 2020, algorithm 2).

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        betas: how much of the running means of g and g^2 is kept.
        eps: added to the root.
        weight_decay: adds weight_decay * p to the gradient.
        decoupled_weight_decay: shrink p by lr * weight_decay * p instead, as AdamW does.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool(abs(w.data).sum() < 3)
    True
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(parameters, options)

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        (beta1, beta2), m, v, t = group["betas"], state["exp_avg"], state["exp_avg_sq"], slot.step
        move_means(m, v, g, group["betas"])
        step = group["lr"] / bias_correction(beta1, t) * m
        factor = _factor(beta2, t)
        return step * (factor / (np.sqrt(v) + group["eps"])) if factor else step


@extend.one_call
def _factor(beta2: float, t: int) -> float:
    """Return the factor for the variance of the second mean, with its bias correction; 0 while it is not defined."""
    longest = 2 / (1 - beta2) - 1  # rho in the paper: the length of the average
    length = longest - 2 * t * beta2**t / (1 - beta2**t)
    if length <= 5:
        return 0.0
    factor = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return math.sqrt(factor * (1 - beta2**t))
