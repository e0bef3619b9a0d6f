"""ASGD: stochastic gradient descent that also keeps the average of the parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autodiff import extend

from ..optimizer import Array, Flat, Group, Optimizer, Slot

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """ASGD: p -= eta (g + lambd p), eta = lr / (1 + lambd lr t)^alpha; the average of p is kept beside it.

    `torch.optim.ASGD` (Polyak and Juditsky 1992; the step size is Bottou's). The average is
    `state_dict()["state"][i]["ax"]`; `nn.optim.AveragedModel` averages a whole model.

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        lambd: how fast eta shrinks, and a decay of the parameters.
        alpha: power of the decay of eta.
        t0: the step from which on parameters are averaged; before it the average is the last value.
        weight_decay: adds weight_decay * p to the gradient.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.optim.ASGD([w], lr=0.1, lambd=0.0)
    >>> (w * w).sum().backward(); opt.step(); w.data
    array([ 0.8, -1.6])
    """

    _fractions = ()

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        super().__init__(parameters, {**options, "maximize": maximize})

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def _numbers(self, group: Group) -> dict[str, float]:
        return {"eta": float(group["lr"]), "mu": 1.0}

    def _update(self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat) -> None:
        eta, mu, shrink = slot.numbers["eta"], slot.numbers["mu"], 1 - group["lambd"] * slot.numbers["eta"]
        for p, g, average in zip(values, grads, slot.state["ax"].parts, strict=True):
            p[...] = p * shrink - eta * (g + group["weight_decay"] * p)
            average += mu * (p - average)
        slot.numbers["eta"] = _step_size(group["lr"], group["lambd"], group["alpha"], slot.step)
        slot.numbers["mu"] = _share(slot.step, group["t0"])


@extend.one_call
def _step_size(lr: float, lambd: float, alpha: float, step: float) -> float:
    return float(lr) / (1 + float(lambd) * float(lr) * float(step)) ** float(alpha)


@extend.one_call
def _share(step: float, t0: float) -> float:
    """Return the weight of the next value in the average."""
    return 1 / max(1.0, float(step) - float(t0))
