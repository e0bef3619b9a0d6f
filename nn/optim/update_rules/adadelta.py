"""Adadelta: steps in the units of the parameters, from running means of squared gradients and squared steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..optimizer import Array, Group, Optimizer, Slot

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Adadelta: p -= lr d, d = g sqrt(u + eps) / sqrt(v + eps), u and v running means of d^2 and g^2.

    `torch.optim.Adadelta` (Zeiler 2012, algorithm 1).

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: factor of the step; the paper has 1.
        rho: how much of the running means is kept, in [0, 1).
        eps: added below both roots.
        weight_decay: adds weight_decay * p to the gradient.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.Adadelta([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool(abs(w.data).sum() < 3)
    True
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, options)

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        rho, eps, v, u = group["rho"], group["eps"], state["square_avg"], state["acc_delta"]
        v += (1 - rho) * (g * g - v)
        step = g * np.sqrt(u + eps) / np.sqrt(v + eps)
        u += (1 - rho) * (step * step - u)
        return step * group["lr"]
