"""Adamax: Adam with the largest gradient instead of the root of the mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..hyperparameters import bias_correction
from ..optimizer import Array, Group, Slot
from .running_means import RunningMeans

__all__ = ["Adamax"]


class Adamax(RunningMeans):
    """Adamax: p -= lr m^ / u, u the decaying maximum of |g| + eps.

    `torch.optim.Adamax` (Kingma and Ba 2015, algorithm 2).

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        betas: how much of the running mean and of the maximum is kept.
        eps: added to |g|.
        weight_decay: adds weight_decay * p to the gradient.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool(abs(w.data).sum() < 3)
    True
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, options)

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        (beta1, beta2), m, u = group["betas"], state["exp_avg"], state["exp_inf"]
        m += (1 - beta1) * (g - m)
        np.maximum(u * beta2, np.abs(g) + group["eps"], out=u)
        return group["lr"] / bias_correction(beta1, slot.step) * m / u
