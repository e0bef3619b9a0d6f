"""Rprop: steps whose sizes depend on the signs of the gradient alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..hyperparameters import flag, number, number_pair
from ..optimizer import Array, Group, Optimizer, Slot

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Rprop: p -= s sign(g); s grows while the sign of g is the same, and shrinks when it changes.

    `torch.optim.Rprop` (Riedmiller and Braun 1993). Every number has its own s. For gradients of the whole data: the
    signs of those of small batches change by chance. Where the sign has changed, the parameter is not moved for one
    step.

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: first value of s.
        etas: the factors of s where the sign has changed, and where it is the same: 0 < first < 1 < second.
        step_sizes: the smallest and the largest s.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step(); w.data
    array([ 0.9, -1.9])
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def _check(self, group: Group) -> None:
        group["lr"] = number("Rprop", "lr", group["lr"])
        group["maximize"] = flag("Rprop", "maximize", group["maximize"])
        etas, sizes = (number_pair("Rprop", name, group[name]) for name in ("etas", "step_sizes"))
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Rprop: etas must be such that 0 < first < 1 < second, got {etas}")
        if not sizes[0] <= sizes[1]:
            raise ValueError(f"Rprop: step_sizes must be the smallest and the largest, got {sizes}")
        group["etas"], group["step_sizes"] = etas, sizes

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _initial(self, name: str, group: Group) -> float:
        return float(group["lr"]) if name == "step_size" else 0.0

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Any:
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        size, before = state["step_size"], state["prev"]
        agree = np.sign(g) * np.sign(before)  # the product of the gradients may underflow
        size *= np.where(agree > 0, grow, np.where(agree < 0, shrink, 1.0))
        size[...] = np.clip(size, least, most)
        before[...] = np.where(agree < 0, 0.0, g)
        return np.sign(before) * size
