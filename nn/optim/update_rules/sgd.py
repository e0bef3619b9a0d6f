"""Stochastic gradient descent, with momentum, Nesterov's form and weight decay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import setitem
from typing import Any

from numpy import add, multiply, subtract

from ..optimizer import Array, Call, Flat, Group, Optimizer, Slot, run

__all__ = ["SGD", "sgd_update"]


def sgd_update(
    values: Sequence[Array],
    grads: Sequence[Array],
    velocity: Flat | None,
    scratch: Flat,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    first: bool = False,
) -> None:
    """Update parameters in place: d = g + weight_decay p;  v = momentum v + (1 - dampening) d;  p -= lr v.

    The first velocity is d itself. Nesterov's form steps along d + momentum v (Sutskever et al. 2013). values, grads:
    an array for each parameter; `velocity` and `scratch`, which is overwritten, have one part for each.

    >>> import numpy as np
    >>> p, scratch = np.array([1.0, 2.0]), np.zeros(2)
    >>> sgd_update([p], [np.array([0.5, 1.0])], None, Flat(scratch, [scratch]), lr=0.1)
    >>> p
    array([0.95, 1.9 ])
    """
    options: dict[str, Any] = dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay)
    run(_calls(values, grads, velocity, scratch, **options, nesterov=nesterov, first=first))


def _calls(
    values: Sequence[Array],
    grads: Sequence[Array],
    velocity: Flat | None,
    scratch: Flat,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    first: bool,
) -> list[Call]:
    """Return the calls (function, operands, output) of one step."""
    calls: list[Call] = []
    do = calls.append
    for i, (p, d, s) in enumerate(zip(values, grads, scratch.parts, strict=True)):
        if weight_decay:
            do((multiply, p, weight_decay, s))
            do((add, s, d, s))
            d = s
        along, factor = d, lr
        if velocity is not None:
            along = velocity.parts[i]
            if first:
                do((setitem, along, ..., d))
            else:
                do((multiply, along, momentum, along))
                if dampening:
                    do((multiply, d, 1 - dampening, s))
                do((add, along, s if dampening else d, along))
            if nesterov:  # d + momentum v in two subtractions: d may live in the only scratch array
                do((multiply, d, lr, s))
                do((subtract, p, s, p))
                factor = lr * momentum
        do((multiply, along, factor, s))
        do((subtract, p, s, p))
    return calls


class SGD(Optimizer):
    """Gradient descent `p -= lr * grad`, against the gradient, optionally with momentum.

    `torch.optim.SGD`.

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size.
        momentum: how much of the last velocity is kept, 0 for none.
        dampening: the new gradient enters the velocity with 1 - dampening.
        nesterov: look ahead along the velocity; needs momentum > 0 and dampening 0.
        weight_decay: adds weight_decay * p to the gradient (the gradient of an L2 penalty weight_decay/2 * |p|^2).
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.SGD([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> w.data
    array([ 0.8, -1.6])
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov=True needs momentum > 0 and dampening=0")

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    _optional_state = ("momentum_buffer",)

    def _decay(self, group: Group) -> tuple[str, float] | None:
        return ("momentum_buffer", group["momentum"]) if group["momentum"] else None

    def _in_place(self, values: list[Array], grads: list[Array], slot: Slot, group: Group) -> list[Call] | None:
        if group["momentum"] and not slot.state:
            return None
        return self._step(values, grads, slot, group, slot.scratch or self._scratch_for(slot), first=False)

    def _update(self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat) -> None:
        run(self._step(values, grads, slot, group, scratch, first=slot.fresh))

    def _step(
        self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat, first: bool
    ) -> list[Call]:
        return _calls(
            values,
            grads,
            slot.state["momentum_buffer"] if group["momentum"] else None,
            scratch,
            lr=group["lr"],
            momentum=group["momentum"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            weight_decay=group["weight_decay"],
            first=first,
        )
