"""Losses for yes or no, one decision an element: binary cross-entropy and the focal loss."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad

from .arguments import (
    check_number,
    check_reduction,
    check_unit_interval,
    element_weights,
    occurs,
    pair,
    plain,
    product,
    reduced,
)

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "focal_loss", "multilabel_soft_margin_loss"]


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, weight: Any = None, *, pos_weight: Any = None, reduction: str = "mean"
) -> Any:
    """Return -(y log p + (1 - y) log(1 - p)) for p = sigmoid(logits), exact where p rounds to 0 or 1.

    `torch.nn.functional.binary_cross_entropy_with_logits`. At a logit of +-inf the value and the gradient are their
    limits.

    Args:
        logits: raw scores of any shape.
        target: y in [0, 1], same shape.
        weight: factor >= 0 of each element, broadcast to that shape; the mean still divides by the number of elements.
        pos_weight: factor >= 0 of the term of y = 1, broadcast to that shape; for rare positives.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first target or weight out of its range.

    >>> float(binary_cross_entropy_with_logits([1000.0], [0.0]))
    1000.0
    """
    who = "binary_cross_entropy_with_logits"
    check_reduction(who, reduction)
    logits, target = pair(who, logits, target)
    check_unit_interval(who, "target", target)
    if pos_weight is None:
        losses = ad.bce_with_logits(logits, target)
    else:
        pos_weight = element_weights(who, "pos_weight", pos_weight, logits)
        losses = product(target * pos_weight, ad.softplus(-logits)) + product(1 - target, ad.softplus(logits))
    if weight is not None:
        losses = product(element_weights(who, "weight", weight, logits), losses)
    return reduced(losses, reduction)


def multilabel_soft_margin_loss(logits: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """Return the mean over the classes, the last axis, of the binary cross-entropy of logits.

    `torch.nn.functional.multilabel_soft_margin_loss`.

    Args:
        logits: (N, C) or (C,) raw scores.
        target: y in [0, 1], same shape.
        weight: factor >= 0 of each class, broadcast to that shape.
        reduction: "mean", "sum" or "none", over the samples. The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first target or weight out of its range.

    >>> round(float(multilabel_soft_margin_loss([[0.0, 2.0]], [[1.0, 1.0]])), 5)
    0.41004
    """
    who = "multilabel_soft_margin_loss"
    check_reduction(who, reduction)
    logits, target = pair(who, logits, target)
    check_unit_interval(who, "target", target)
    if logits.ndim == 0:
        raise ValueError(f"{who} needs logits (N, C) or (C,), got shape ()")
    losses = ad.bce_with_logits(logits, target)
    if weight is not None:
        losses = product(element_weights(who, "weight", weight, logits), losses)
    return reduced(losses.mean(axis=-1), reduction)


def binary_cross_entropy(probability: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """Return -(y log p + (1 - y) log(1 - p)) with each logarithm at least -100.

    `torch.nn.functional.binary_cross_entropy`. The derivative of a limited logarithm is 0.

    Args:
        probability: p in [0, 1], any shape. Where p comes from a sigmoid, use the loss on logits: its gradient does not
            vanish.
        target: y in [0, 1], same shape.
        weight: factor >= 0 of each element, broadcast to that shape; the mean still divides by the number of elements.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first p, y or weight out of its range.

    >>> round(float(binary_cross_entropy([0.9, 0.6], [1.0, 0.0])), 5)
    0.51083
    """
    who = "binary_cross_entropy"
    check_reduction(who, reduction)
    probability, target = pair(who, probability, target)
    check_unit_interval(who, "probability", probability, "; for raw scores use binary_cross_entropy_with_logits")
    check_unit_interval(who, "target", target)
    losses = -(target * _limited_log(probability) + (1 - target) * _limited_log(1 - probability))
    if weight is not None:
        losses = losses * element_weights(who, "weight", weight, probability)
    return reduced(losses, reduction)


def _limited_log(p: Any) -> Any:
    # Both branches stay finite, so that no 0 * inf arises: the logarithm is taken of 1 where p is too small.
    small = plain(p) < 3.7835e-44  # exp(-100)
    return np.where(small, -100.0, np.log(np.where(small, 1.0, p))) if occurs(small) else np.log(p)


def focal_loss(
    logits: Any, target: Any, *, alpha: float | None = 0.25, gamma: float = 2.0, reduction: str = "mean"
) -> Any:
    """Return -alpha_t (1 - p_t)^gamma log(p_t), where p_t is the probability of the right answer.

    The binary cross-entropy with less weight on easy elements (Lin et al. 2017, equation 5). p = sigmoid(logits); p_t
    is p for y = 1 and 1 - p for y = 0. torchvision's `sigmoid_focal_loss`, whose default is reduction="none".

    Args:
        logits: raw scores of any shape.
        target: y in [0, 1], same shape; between 0 and 1, p_t = y p + (1 - y)(1 - p).
        alpha: weight of y = 1, in [0, 1]; 1 - alpha is that of y = 0. None weighs both with 1.
        gamma: how much easy elements are weakened, >= 0; 0 gives the binary cross-entropy.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, the first target outside [0, 1], or alpha or gamma out of its range.

    >>> round(float(focal_loss([2.0], [1.0])), 6)
    0.000451
    """
    check_reduction("focal_loss", reduction)
    check_number("focal_loss", "gamma", gamma, 0)
    if alpha is not None and not 0 <= alpha <= 1:
        raise ValueError(f"focal_loss: alpha must be in [0, 1] or None, got {alpha!r}")
    logits, target = pair("focal_loss", logits, target)
    check_unit_interval("focal_loss", "target", target)
    losses = ad.bce_with_logits(logits, target)
    if gamma:
        wrong = ad.sigmoid(-logits) * target + ad.sigmoid(logits) * (1 - target)  # 1 - p_t, without cancellation
        losses = losses * wrong**gamma
    if alpha is not None:
        losses = losses * (target * alpha + (1 - target) * (1 - alpha))
    return reduced(losses, reduction)
