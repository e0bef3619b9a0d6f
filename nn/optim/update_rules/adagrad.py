"""Adagrad: the gradient divided by the root of the sum of all its squares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..optimizer import Array, Group, Optimizer, Slot

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad: p -= lr g / (sqrt(s) + eps), s the sum of g^2 over all steps.

    `torch.optim.Adagrad` (Duchi et al. 2011).

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        lr_decay: lr is divided by 1 + (step - 1) * lr_decay.
        weight_decay: adds weight_decay * p to the gradient.
        initial_accumulator_value: first value of s.
        eps: added to the root.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool(abs(w.data).sum() < 3)
    True
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(parameters, options)

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def _initial(self, name: str, group: Group) -> float:
        return float(group["initial_accumulator_value"])

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        total = state["sum"]
        total += g * g
        lr = group["lr"] / (1 + (slot.step - 1) * group["lr_decay"])
        return lr * g / (np.sqrt(total) + group["eps"])
