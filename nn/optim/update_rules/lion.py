"""Lion: the sign of a running mean of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..optimizer import Array, Group, Optimizer, Slot

__all__ = ["Lion"]


class Lion(Optimizer):
    """Lion: p -= lr sign(c), c between the running mean and g; weight decay is decoupled.

    PyTorch has no Lion; the formula is Chen et al. 2023, algorithm 2.

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size; every coordinate moves by lr a step.
        betas: how much of the running mean enters the step, and how much of it is kept.
        weight_decay: p shrinks by lr * weight_decay * p.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.Lion([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool(abs(w.data).sum() < 3)
    True
    """

    _decoupled = True

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, options)

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg",)

    def _decay(self, group: Group) -> tuple[str, float]:
        return "exp_avg", group["betas"][1]

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        (beta1, beta2), m = group["betas"], state["exp_avg"]
        step = group["lr"] * np.sign(m + (1 - beta1) * (g - m))
        m += (1 - beta2) * (g - m)
        return step
