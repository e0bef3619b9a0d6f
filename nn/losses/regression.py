"""Losses for numbers: squared, absolute, and between the two. Prediction and target have equal shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import check_number, check_reduction, element_weights, pair, reduced, weighted

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


def _finish(who: str, losses: Any, weight: Any, reduction: str) -> Any:
    check_reduction(who, reduction)
    if weight is None:
        return reduced(losses, reduction)
    return weighted(losses, element_weights(who, "weight", weight, losses), reduction)


def mse_loss(prediction: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    """Return (prediction - target)^2.

    `torch.nn.functional.mse_loss`.

    Args:
        prediction, target: equal shapes.
        weight: factor >= 0 of each element, broadcast to that shape; the mean divides by the sum of the weights.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first weight out of its range.

    >>> import nn
    >>> float(mse_loss([1.0, 2.0], [1.0, 4.0]))
    2.0
    """
    prediction, target = pair("mse_loss", prediction, target)
    difference = prediction - target
    return _finish("mse_loss", difference * difference, weight, reduction)


def l1_loss(prediction: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    """Return |prediction - target|; the derivative at 0 is 0.

    `torch.nn.functional.l1_loss`. Arguments and errors as in `mse_loss`.

    >>> float(l1_loss([1.0, 2.0], [1.0, 4.0]))
    1.0
    """
    prediction, target = pair("l1_loss", prediction, target)
    return _finish("l1_loss", abs(prediction - target), weight, reduction)


def smooth_l1_loss(prediction: Any, target: Any, *, beta: float = 1.0, reduction: str = "mean") -> Any:
    """Return d^2 / (2 beta) where |d| < beta and |d| - beta/2 elsewhere, for d = prediction - target.

    `torch.nn.functional.smooth_l1_loss` (Girshick 2015, equation 3): `huber_loss` divided by beta; beta = 0 gives
    `l1_loss`.

    Args:
        prediction, target: equal shapes.
        beta: where the square ends, >= 0.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or a negative beta.

    >>> float(smooth_l1_loss([0.0, 0.0], [0.5, 3.0], reduction="sum"))
    2.625
    """
    check_number("smooth_l1_loss", "beta", beta, 0)
    prediction, target = pair("smooth_l1_loss", prediction, target)
    difference = prediction - target
    losses = _huber(difference, beta) / beta if beta else abs(difference)
    return _finish("smooth_l1_loss", losses, None, reduction)


def huber_loss(prediction: Any, target: Any, *, delta: float = 1.0, weight: Any = None, reduction: str = "mean") -> Any:
    """Return d^2/2 where |d| <= delta and delta (|d| - delta/2) elsewhere, for d = prediction - target.

    `torch.nn.functional.huber_loss` (Huber 1964).

    Args:
        prediction, target: equal shapes.
        delta: where the square ends, > 0.
        weight: factor >= 0 of each element, broadcast to that shape; the mean divides by the number of elements, as in
            PyTorch.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, delta <= 0, or the first weight out of its range.

    >>> float(huber_loss([0.0, 0.0], [0.5, 3.0], reduction="sum"))
    2.625
    """
    check_number("huber_loss", "delta", delta, 0, above=True)
    prediction, target = pair("huber_loss", prediction, target)
    losses = _huber(prediction - target, delta)
    if weight is not None:
        losses = losses * element_weights("huber_loss", "weight", weight, losses)
    return _finish("huber_loss", losses, None, reduction)


def _huber(difference: Any, delta: float) -> Any:
    """Return the Huber loss by one formula. With `abs` in it, the second derivative at 0 would be 0 instead of 1."""
    near = np.clip(difference, -delta, delta)
    return near * (difference - near * 0.5)
