"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff import extend

from ..hyperparameters import bias_correction
from ..optimizer import Array, Group, Slot
from .running_means import RunningMeans, move_means

__all__ = ["NAdam"]


class NAdam(RunningMeans):
    """NAdam: Adam whose step looks ahead along the running mean (Nesterov's momentum).

    `torch.optim.NAdam` (Dozat 2016).

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        betas: how much of the running means of g and g^2 is kept.
        eps: added to the root.
        weight_decay: adds weight_decay * p to the gradient.
        momentum_decay: how fast the momentum grows to betas[0]; the paper has 0.004.
        decoupled_weight_decay: shrink p by lr * weight_decay * p instead, as AdamW does.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.NAdam([w], lr=0.1)
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
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(parameters, options)

    def _numbers(self, group: Group) -> dict[str, float]:
        return {"mu_product": 1.0}

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        (beta1, beta2), m, v = group["betas"], state["exp_avg"], state["exp_avg_sq"]
        now, later = (_momentum(beta1, group["momentum_decay"], t) for t in (slot.step, slot.step + 1))
        product = slot.numbers["mu_product"] = slot.numbers["mu_product"] * now
        move_means(m, v, g, group["betas"])
        ahead = (1 - now) / (1 - product) * g + later / (1 - product * later) * m
        return group["lr"] * ahead / (np.sqrt(v / bias_correction(beta2, slot.step)) + group["eps"])


@extend.one_call
def _momentum(beta: float, decay: float, step: float) -> float:
    """Return the momentum of a step: it grows to beta."""
    return float(beta * (1 - 0.5 * 0.96 ** float(step * decay)))
