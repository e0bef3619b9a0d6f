"""Adam and AdamW: steps of nearly equal size in every coordinate, from running means of the gradient and its square.

The formula is Kingma and Ba 2015, algorithm 1; AdamW's decoupled decay is Loshchilov and Hutter 2019, algorithm 2.

The state is m/(1 - beta1) and v/(1 - beta2) instead of m and v. The factors then enter one number per step instead of
one pass over each array. Ten in-place passes remain, seven of them over flat state. The saved state has the published
m ("exp_avg") and v ("exp_avg_sq").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from numpy import add, divide, maximum, multiply, sqrt, subtract

from autodiff import extend

from ..optimizer import Array, Call, Flat, Group, Slot, run
from .running_means import RunningMeans

__all__ = ["Adam", "AdamW", "adam_update"]


def adam_update(
    values: Sequence[Array],
    grads: Sequence[Array],
    m_sum: Flat,
    v_sum: Flat,
    scratch: Flat,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    v_max: Flat | None = None,
) -> None:
    """Update parameters in place, `step` counting from 1; m_sum = m/(1 - beta1), v_sum = v/(1 - beta2).

    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  p -= lr m^ / (sqrt(v^) + eps)  with m^ = m/(1 -
    beta1^t) and v^ = v/(1 - beta2^t). Decay is added to g (L2), or shrinks p by 1 - lr weight_decay beforehand
    (decoupled). With `v_max`, the largest v so far replaces v (Reddi et al. 2018, AMSGrad). values, grads: an
    array for each parameter; the others are `Flat`s with one part for each.

    >>> import numpy as np
    >>> p, m, v, scratch = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2), np.zeros(2)
    >>> adam_update([p], [np.array([0.5, -1.0])], *[Flat(a, [a]) for a in (m, v, scratch)], step=1, lr=0.1)
    >>> p.round(4)
    array([0.9, 2.1])
    """
    if not len(values) == len(grads) == len(m_sum.parts) == len(scratch.parts):
        raise ValueError(f"adam_update: {len(values)} values need as many gradients and parts of m_sum and scratch")
    options: dict[str, Any] = dict(step=step, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    run(_calls(values, grads, m_sum, v_sum, scratch, **options, decoupled=decoupled, v_max=v_max))


def _calls(
    values: Sequence[Array],
    grads: Sequence[Array],
    m_sum: Flat,
    v_sum: Flat,
    scratch: Flat,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decoupled: bool,
    v_max: Flat | None,
) -> list[Call]:
    """Return the calls (function, operands, output) of one step."""
    beta1, beta2 = betas
    m, v, s = m_sum.whole, v_sum.whole, scratch.whole
    added, rate = _numbers_of_step(step, lr, beta1, beta2, eps)
    calls: list[Call] = []
    do = calls.append
    if weight_decay and decoupled:
        for p in values:
            do((multiply, p, 1 - lr * weight_decay, p))
    elif weight_decay:
        for p, g, part in zip(values, grads, scratch.parts):
            do((multiply, p, weight_decay, part))
            do((add, part, g, part))
        grads = scratch.parts
    do((multiply, m, beta1, m))
    for part, g in zip(m_sum.parts, grads):
        do((add, part, g, part))
    do((multiply, v, beta2, v))
    for part, g in zip(scratch.parts, grads):
        do((multiply, g, g, part))
    do((add, v, s, v))
    if v_max is not None:
        v = v_max.whole
        do((partial(maximum, out=v), v, v_sum.whole))
    calls += [(sqrt, v, s), (add, s, added, s), (divide, m, s, s), (multiply, s, rate, s)]
    for p, part in zip(values, scratch.parts):
        do((subtract, p, part, p))
    return calls


@extend.one_call
def _numbers_of_step(step: int, lr: float, beta1: float, beta2: float, eps: float) -> tuple[float, float]:
    """Return the number to add to the root of v_sum, and the step size.

    sqrt(v^) + eps = root * (sqrt(v_sum) + eps / root), and root joins the step size.
    """
    root = math.sqrt((1 - beta2) / (1 - beta2**step))
    return eps / root, lr * (1 - beta1) / (1 - beta1**step) / root


class Adam(RunningMeans):
    """Adam; `weight_decay` adds an L2 term to the gradient (use AdamW for decay that the step sizes do not rescale).

    `torch.optim.Adam`.

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size; a coordinate moves by about lr a step.
        betas: how much of the running means of the gradient and of its square is kept.
        eps: added to the root of the second mean.
        weight_decay: adds weight_decay * p to the gradient.
        amsgrad: divide by the root of the largest second mean so far (Reddi et al. 2018).
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.Adam([w], lr=0.1)
    >>> (w * w).sum().backward(); opt.step()
    >>> w.data.round(6)
    array([ 0.9, -1.9])
    """

    _optional_state = ("max_exp_avg_sq",)

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        flags = {"amsgrad": amsgrad, "maximize": maximize, "decoupled_weight_decay": self._decoupled}
        super().__init__(parameters, {**options, **flags})

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["decoupled_weight_decay"] != self._decoupled:
            other = "Adam" if self._decoupled else "AdamW"
            raise ValueError(f"{self._name}: decoupled_weight_decay={not self._decoupled} is {other}; use nn.{other}")

    def _state_names(self, group: Group) -> tuple[str, ...]:
        return (*super()._state_names(group), *(("max_exp_avg_sq",) if group["amsgrad"] else ()))

    def _is_prepared(self, slot: Slot, group: Group) -> bool:
        return slot.betas == group["betas"] and (not group["amsgrad"] or "max_exp_avg_sq" in slot.state)

    def _prepare(self, slot: Slot, group: Group) -> None:
        betas = group["betas"]
        if self._is_prepared(slot, group):
            return
        super()._prepare(slot, group)
        if slot.betas is not None:  # the user changed them: m and v stay, so their sums are rescaled
            for name, flat in slot.state.items():
                old, new = _beta(name, slot.betas), _beta(name, betas)
                multiply(flat.whole, (1 - old) / (1 - new), out=flat.whole)
        slot.betas = betas

    def _in_place(self, values: list[Array], grads: list[Array], slot: Slot, group: Group) -> list[Call] | None:
        if not self._is_prepared(slot, group):  # also on the first step
            return None
        return self._step(values, grads, slot, group, slot.scratch or self._scratch_for(slot), slot.step + 1)

    def _update(self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat) -> None:
        run(self._step(values, grads, slot, group, scratch, slot.step))

    def _step(
        self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat, step: int
    ) -> list[Call]:
        return _calls(
            values,
            grads,
            slot.state["exp_avg"],
            slot.state["exp_avg_sq"],
            scratch,
            step=step,
            lr=group["lr"],
            betas=group["betas"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled=self._decoupled,
            v_max=slot.state["max_exp_avg_sq"] if group["amsgrad"] else None,
        )

    def _export(self, slot: Slot) -> dict[str, Flat]:
        betas: Any = slot.betas  # set by the first step
        return {name: slot.flat(flat.whole * (1 - _beta(name, betas))) for name, flat in slot.state.items()}

    def _import(self, slot: Slot, state: dict[str, Flat], group: Group) -> None:
        slot.betas, slot.state = group["betas"], {}
        for name in self._state_names(group):
            if name in state:  # a state saved without amsgrad has no largest second mean; it starts at zero
                divide(state[name].whole, 1 - _beta(name, group["betas"]), out=state[name].whole)
                slot.state[name] = state[name]


def _beta(name: str, betas: tuple[float, float]) -> float:
    return betas[0] if name == "exp_avg" else betas[1]


class AdamW(Adam):
    """Adam with decoupled weight decay: p shrinks by lr * weight_decay * p, outside the adaptive step.

    `torch.optim.AdamW`. Arguments and errors as in `Adam`.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([1.0, -2.0])
    >>> opt = nn.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward(); opt.step()
    >>> w.data.round(6)
    array([ 0.85, -1.8 ])
    """

    _decoupled = True

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
