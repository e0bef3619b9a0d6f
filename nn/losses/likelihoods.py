"""Losses that are negative log-likelihoods or divergences: Kullback-Leibler, Poisson, Gaussian."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arguments import (
    REDUCTIONS,
    as_constant,
    check_number,
    check_reduction,
    fails,
    first,
    numbers,
    pair,
    plain,
    product,
    reduced,
)

__all__ = ["gaussian_nll_loss", "kl_div", "poisson_nll_loss"]


def kl_div(log_probabilities: Any, target: Any, *, log_target: bool = False, reduction: str = "mean") -> Any:
    """Return target * (log(target) - log_probabilities), the terms of the Kullback-Leibler divergence.

    `torch.nn.functional.kl_div`. Where the target is 0, the term is 0.

    Args:
        log_probabilities: log q, any shape.
        target: p >= 0 of the same shape, or log p with `log_target`.
        log_target: whether the target holds logarithms.
        reduction: "batchmean" (the sum divided by the first axis: the divergence), "mean" (over all elements), "sum" or
            "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first negative or NaN target.

    >>> round(float(kl_div(np.log([[0.5, 0.5]]), [[0.25, 0.75]], reduction="batchmean")), 5)
    0.13081
    """
    check_reduction("kl_div", reduction, ("batchmean", *REDUCTIONS))
    log_q, target = pair("kl_div", log_probabilities, target)
    if log_target:
        losses = product(np.exp(target), target - np.where(np.isneginf(plain(target)), 0.0, log_q))
    else:
        p = plain(target)
        found = numbers(target)
        if fails(~(found >= 0)):
            bad = first(~(found >= 0), found)
            raise ValueError(f"kl_div: target must be >= 0, got {bad}; logarithms need log_target=True")
        zero = p == 0
        losses = target * np.log(np.where(zero, 1.0, target)) - product(target, log_q)
    if reduction != "batchmean":
        return reduced(losses, reduction)
    return losses.sum() / max(1, losses.shape[0] if losses.ndim else 1)


def poisson_nll_loss(
    prediction: Any,
    target: Any,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """Return the negative log-likelihood of counts: exp(x) - t x, or x - t log(x + eps) without `log_input`.

    `torch.nn.functional.poisson_nll_loss`.

    Args:
        prediction: x, the logarithm of the expected count; the expected count itself without `log_input`.
        target: t, counts of the same shape.
        full: add Stirling's approximation of log(t!) where t > 1: t log t - t + log(2 pi t) / 2.
        eps: keeps the logarithm finite at an expected count of 0.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or a negative eps.

    >>> float(poisson_nll_loss([0.0], [3.0]))
    1.0
    """
    check_reduction("poisson_nll_loss", reduction)
    check_number("poisson_nll_loss", "eps", eps, 0)
    prediction, target = pair("poisson_nll_loss", prediction, target)
    if log_input:
        losses = np.exp(prediction) - target * prediction
    else:
        losses = prediction - target * np.log(prediction + eps)
    if full:
        many = plain(target) > 1
        t = np.where(many, target, 1.0)
        losses = losses + np.where(many, t * np.log(t) - t + np.log(t * (2 * math.pi)) * 0.5, 0.0)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    prediction: Any, target: Any, var: Any, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """Return (log v + (prediction - target)^2 / v) / 2 for v = max(var, eps).

    `torch.nn.functional.gaussian_nll_loss` (Nix and Weigend 1994). As there, the gradient with respect to `var` is
    taken at v, also where v is eps.

    Args:
        prediction: expected values, any shape.
        target: the same shape.
        var: variances >= 0: a number, the same shape, or that shape with the last axis 1 or left out.
        full: add the constant log(2 pi) / 2.
        eps: smallest variance, > 0.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: shapes that do not fit, the first negative or NaN variance, or eps <= 0.

    >>> float(gaussian_nll_loss([1.0], [3.0], [1.0]))
    2.0
    """
    who = "gaussian_nll_loss"
    check_reduction(who, reduction)
    check_number(who, "eps", eps, 0, above=True)
    prediction, target = pair(who, prediction, target)
    var, shape = as_constant(var, prediction), prediction.shape
    if var.ndim and var.shape == shape[:-1] != shape:
        var = var[..., None]
    if var.ndim and var.shape not in (shape, (*shape[:-1], 1)):
        raise ValueError(f"{who}: var of shape {var.shape} does not fit to predictions of shape {shape}")
    found, values = numbers(var), plain(var)
    if fails(~(found >= 0)):
        raise ValueError(f"{who}: var must be >= 0, got {first(~(found >= 0), found)}")
    var = var + np.maximum(eps - values, 0).astype(values.dtype)  # a constant: the gradient passes
    difference = prediction - target
    losses = (np.log(var) + difference * difference / var) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)
