"""LAMB: Adam with the step of each parameter scaled to the parameter's norm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff import extend

from ..hyperparameters import bias_correction
from ..optimizer import Array, Flat, Group, Slot
from .running_means import RunningMeans, move_means

__all__ = ["LAMB"]


class LAMB(RunningMeans):
    """LAMB: p -= lr (|p| / |r|) r with r = m^ / (sqrt(v^) + eps) + weight_decay p, norms over each parameter.

    PyTorch has no LAMB; the formula is You et al. 2020, algorithm 2, with phi(x) = x. The ratio is 1 where a norm is 0.

    Args:
        parameters: parameters or groups of them, see `Optimizer`.
        lr: step size, relative to the norm of the parameter.
        betas: how much of the running means of g and g^2 is kept.
        eps: added to the root.
        weight_decay: adds weight_decay * p to the direction r.
        maximize: climb along the gradient.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number or out of its range.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([3.0, 4.0])
    >>> opt = nn.optim.LAMB([w], lr=0.1, weight_decay=0.0)
    >>> w.sum().backward(); opt.step()
    >>> w.data.round(4)  # a step of 0.1 * 5 along (1, 1) / sqrt(2)
    array([2.6464, 3.6464])
    """

    _whole = True  # a norm needs all rows of a parameter

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, options)

    def _update(self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat) -> None:
        g, w = (np.concatenate([np.ravel(a) for a in arrays]).astype(slot.dtype) for arrays in (grads, values))
        (beta1, beta2), m, v = group["betas"], slot.state["exp_avg"].whole, slot.state["exp_avg_sq"].whole
        move_means(m, v, g, group["betas"])
        root = np.sqrt(v / bias_correction(beta2, slot.step)) + group["eps"]
        np.add(m / bias_correction(beta1, slot.step) / root, group["weight_decay"] * w, out=scratch.whole)
        for p, r in zip(slot.pieces(slot.flat(w)), slot.pieces(scratch), strict=True):
            size, step = (extend.number(np.linalg.norm(a.reshape(-1))) for a in (p, r))
            np.multiply(r, group["lr"] * (size / step if size and step else 1.0), out=r)
        for p, part in zip(values, scratch.parts, strict=True):
            np.subtract(p, part, out=p)
