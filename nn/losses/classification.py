"""Losses: how wrong predictions are, as functions (`nn.cross_entropy`) and as modules (`nn.CrossEntropyLoss`).

Every loss takes `reduction`: "mean" (the default), "sum" or "none". Elementwise losses refuse unequal shapes instead of
broadcasting them: (N, 1) against (N,) would silently compare every prediction with every target. Labels are
checked, and the first offender is named. Targets are constants as a rule, but a graph value is differentiated like
any other.

Class scores stand on the LAST axis: logits (..., C) with labels (...).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Variable

from ..module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HingeLoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
    "MultiMarginLoss",
    "NLLLoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge_loss",
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
]

_SOFTMAX = ad.ops.OPS["softmax"]
REDUCTIONS = ("mean", "sum", "none")


# Shared checks.


def _reduce(values: Any, reduction: str) -> Any:
    _check_reduction(reduction)
    return values.mean() if reduction == "mean" else values.sum() if reduction == "sum" else values


def _check_reduction(reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _pair(who: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both as values of equal shape; a plain target takes the prediction's dtype, so that float64 targets cost
    nothing."""
    prediction, target = _value(prediction), _value(target)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{who}: prediction and target must have the same shape, got {prediction.shape} and {target.shape}; "
            "reshape one of them"
        )
    if isinstance(target, np.ndarray) and target.dtype != prediction.dtype and prediction.dtype.kind == "f":
        target = target.astype(prediction.dtype)
    return prediction, target


def _value(x: Any) -> Any:
    return x if isinstance(x, Variable) else np.asarray(x)


def _plain(x: Any) -> NDArray[Any]:
    return np.asarray(x.data if isinstance(x, Variable) else x)


def _first(bad: NDArray[np.bool_], values: NDArray[Any]) -> str:
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{values[index]}" + (f" at index {index if len(index) != 1 else index[0]}" if index else "")


def _check_labels(who: str, scores: Any, labels: Any, ignore_index: int | None) -> NDArray[np.integer]:
    """Labels (...) as integers that fit scores (..., C)."""
    labels = _plain(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{who}: labels must be integers (class indices), got dtype {labels.dtype}")
    if scores.ndim == 0 or labels.shape != scores.shape[:-1]:
        raise ValueError(f"{who}: scores (..., C) need labels (...), got shapes {scores.shape} and {labels.shape}")
    classes = scores.shape[-1]
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        bad = (labels < 0) | (labels >= classes)
        if ignore_index is not None:
            bad &= labels != ignore_index
        if bad.any():
            raise ValueError(f"{who}: labels must be in 0..{classes - 1}, got {_first(bad, labels)}")
    return labels


# Regression.


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """(prediction - target)^2, for equal shapes.

    >>> import nn
    >>> float(mse_loss([1.0, 2.0], [1.0, 4.0]))
    2.0
    """
    prediction, target = _pair("mse_loss", prediction, target)
    difference = prediction - target
    return _reduce(difference * difference, reduction)


def l1_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """|prediction - target|, for equal shapes; the derivative at 0 is 0."""
    prediction, target = _pair("l1_loss", prediction, target)
    return _reduce(abs(prediction - target), reduction)


def huber_loss(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """d^2/2 where |d| <= delta, delta (|d| - delta/2) elsewhere, for d = prediction - target (Huber 1964).

    >>> float(huber_loss([0.0, 0.0], [0.5, 3.0], reduction="sum"))
    2.625
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be > 0, got {delta!r}")
    prediction, target = _pair("huber_loss", prediction, target)
    size = abs(prediction - target)
    near = np.minimum(size, delta)  # one formula for both parts: the derivative is right however a tie is shared
    return _reduce(near * near * 0.5 + (size - near) * delta, reduction)


# Classification with C classes.


def cross_entropy(
    logits: Any, target: Any, *, weights: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """-log softmax(logits) at the label, or averaged over the label's probabilities.

    Args:
        logits: (..., C) raw scores; not probabilities.
        target: (...) integer class indices, or (..., C) probabilities.
        weights: (C,) importance of each class. The mean over indices divides by the weights of the labels that count.
        ignore_index: samples with this label count nothing (indices only).
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that do not fit, or the first label outside 0..C-1.

    >>> import autodiff as ad
    >>> logits = ad.tensor([[2.0, 0.0], [0.0, 0.0]])
    >>> loss = cross_entropy(logits, [0, 1]); loss.backward()
    >>> logits.grad.round(4)
    array([[-0.0596,  0.0596],
           [ 0.25  , -0.25  ]])
    """
    if not isinstance(logits, Variable):
        logits = np.asarray(logits)
    elif logits.node is not None and logits.node.op is _SOFTMAX:
        warnings.warn(
            "cross_entropy got the output of a softmax for logits; it takes the softmax itself, and two in a row "
            "flatten the gradients. Leave the first one out.",
            stacklevel=2,
        )
    labels = target.data if isinstance(target, Variable) else np.asarray(target)
    if labels.dtype.kind in "iub" or not (labels.shape == logits.shape and labels.ndim):
        weights = None if weights is None else _class_weights("cross_entropy", weights, logits)
        return ad.cross_entropy(logits, labels, weights=weights, ignore_index=ignore_index, reduction=reduction)
    _check_reduction(reduction)
    logits, target = _pair("cross_entropy", logits, target)
    terms = ad.log_softmax(logits, axis=-1) * target
    if weights is not None:
        terms = terms * _class_weights("cross_entropy", weights, logits)
    return _reduce(-terms.sum(axis=-1), reduction)


def nll_loss(
    log_probabilities: Any, labels: Any, *, weights: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """-log_probabilities (..., C) at integer labels (...): what follows a LogSoftmax. Arguments as in
    `cross_entropy`."""
    scores = _value(log_probabilities)
    _check_reduction(reduction)
    labels = _check_labels("nll_loss", scores, labels, ignore_index)
    counts = labels != ignore_index
    factor = counts.astype(scores.dtype)
    safe = np.where(counts, labels, 0)
    if weights is not None:
        factor = factor * _class_weights("nll_loss", weights, scores)[safe]
    picked = np.take_along_axis(scores, safe[..., None], axis=-1)[..., 0]
    if not factor.all():  # a label that does not count contributes 0, also where log(0) stands beside it
        picked = np.where(factor == 0, 0.0, picked)
    losses = -picked * factor
    return losses.sum() / factor.sum() if reduction == "mean" else _reduce(losses, reduction)


def multi_margin_loss(scores: Any, labels: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """sum over wrong classes j of max(0, margin - score_label + score_j), divided by C: the hinge loss for C classes.

    scores: (..., C); labels: (...) integers.
    """
    scores = _value(scores)
    _check_reduction(reduction)
    labels = _check_labels("multi_margin_loss", scores, labels, None)
    right = np.take_along_axis(scores, labels[..., None], axis=-1)
    wrong = np.arange(scores.shape[-1]) != labels[..., None]
    margins = ad.relu(scores - right + margin) * wrong.astype(scores.dtype)
    return _reduce(margins.sum(axis=-1) / scores.shape[-1], reduction)


def _class_weights(who: str, weights: Any, scores: Any) -> NDArray[np.floating]:
    weights = _plain(weights).astype(scores.dtype)
    if weights.shape != scores.shape[-1:]:
        raise ValueError(
            f"{who}: weights must have shape ({scores.shape[-1]},), one for each class, got {weights.shape}"
        )
    return weights


# Classification with two classes.


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, *, pos_weight: Any = None, reduction: str = "mean"
) -> Any:
    """-(y log p + (1 - y) log(1 - p)) for p = sigmoid(logits), computed as softplus(z) - y z: exact where p rounds
    to 0 or 1.

    Args:
        logits: raw scores of any shape.
        target: y in [0, 1], same shape.
        pos_weight: factor of the term of y = 1, for rare positives.

    >>> float(binary_cross_entropy_with_logits([1000.0], [0.0]))
    1000.0
    """
    logits, target = _pair("binary_cross_entropy_with_logits", logits, target)
    _check_unit_interval("binary_cross_entropy_with_logits", "target", target)
    if pos_weight is None:
        return _reduce(ad.bce_with_logits(logits, target), reduction)
    if not isinstance(pos_weight, Variable):
        pos_weight = np.asarray(pos_weight, logits.dtype)
    if np.broadcast_shapes(pos_weight.shape, logits.shape) != logits.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: pos_weight of shape {pos_weight.shape} does not fit into logits of "
            f"shape {logits.shape}"
        )
    positive = ad.softplus(-logits) * (target * pos_weight)
    return _reduce(positive + ad.softplus(logits) * (1 - target), reduction)


def binary_cross_entropy(probability: Any, target: Any, *, reduction: str = "mean") -> Any:
    """-(y log p + (1 - y) log(1 - p)) with each logarithm at least -100, as in PyTorch; the derivative of a limited
    logarithm is 0.

    Args:
        probability: p in [0, 1], any shape. Where p comes from a sigmoid, use the loss on logits: it keeps its
            gradient.
        target: y in [0, 1], same shape.

    Raises:
        ValueError: the first p or y outside [0, 1].

    >>> round(float(binary_cross_entropy([0.9, 0.6], [1.0, 0.0])), 5)
    0.51083
    """
    probability, target = _pair("binary_cross_entropy", probability, target)
    _check_unit_interval("binary_cross_entropy", "probability", probability)
    _check_unit_interval("binary_cross_entropy", "target", target)
    return _reduce(-(target * _limited_log(probability) + (1 - target) * _limited_log(1 - probability)), reduction)


def _limited_log(p: Any) -> Any:
    # Both branches stay finite, so that no 0 * inf arises: the logarithm is taken of 1 where p is too small.
    small = _plain(p) < 3.7835e-44  # exp(-100)
    return np.where(small, -100.0, np.log(np.where(small, 1.0, p))) if small.any() else np.log(p)


def _check_unit_interval(who: str, what: str, values: Any) -> None:
    plain = _plain(values)
    bad = ~((plain >= 0) & (plain <= 1))
    if bad.any():
        hint = "" if what == "target" else "; for raw scores use binary_cross_entropy_with_logits"
        raise ValueError(f"{who}: {what} must be in [0, 1], got {_first(bad, plain)}{hint}")


def hinge_loss(scores: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """max(0, margin - y * score) for raw scores and labels y = -1 or +1 (not 0 and 1, not probabilities).

    Raises:
        ValueError: the first label that is neither -1 nor +1.

    >>> float(hinge_loss([0.5, -2.0], [1, -1], reduction="sum"))
    0.5
    """
    scores, target = _pair("hinge_loss", scores, target)
    plain = _plain(target)
    bad = (plain != 1) & (plain != -1)
    if bad.any():
        raise ValueError(
            f"hinge_loss: labels must be -1 or +1, got {_first(bad, plain)}; labels 0 and 1 become 2 * y - 1"
        )
    return _reduce(ad.relu(margin - scores * target), reduction)


# The same as modules.


class _Loss(Module):
    """Holds the options of a loss function; each subclass calls its function."""

    def __init__(self, *misplaced: Any, reduction: str = "mean") -> None:
        if misplaced:
            name = type(self).__name__
            raise TypeError(f"{name} takes options by name; call what it makes: nn.{name}()(prediction, target)")
        _check_reduction(reduction)
        self.reduction = reduction

    def extra_repr(self) -> str:
        """The reduction, when it is not the mean."""
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class MSELoss(_Loss):
    """Mean squared error; see `mse_loss`."""

    def forward(self, prediction: Any, target: Any) -> Any:
        """Equal shapes."""
        return mse_loss(prediction, target, reduction=self.reduction)


class L1Loss(_Loss):
    """Mean absolute error; see `l1_loss`."""

    def forward(self, prediction: Any, target: Any) -> Any:
        """Equal shapes."""
        return l1_loss(prediction, target, reduction=self.reduction)


class HuberLoss(_Loss):
    """Squared near zero, linear from `delta` on; see `huber_loss`."""

    def __init__(self, delta: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        if not delta > 0:
            raise ValueError(f"HuberLoss: delta must be > 0, got {delta!r}")
        self.delta = delta

    def forward(self, prediction: Any, target: Any) -> Any:
        """Equal shapes."""
        return huber_loss(prediction, target, delta=self.delta, reduction=self.reduction)


class CrossEntropyLoss(_Loss):
    """Softmax and cross-entropy in one, on logits; see `cross_entropy`."""

    def __init__(self, weights: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weights = None if weights is None else np.asarray(weights)
        self.ignore_index = ignore_index

    def forward(self, logits: Any, target: Any) -> Any:
        """logits (..., C); target (...) indices or (..., C) probabilities."""
        return cross_entropy(
            logits, target, weights=self.weights, ignore_index=self.ignore_index, reduction=self.reduction
        )


class NLLLoss(_Loss):
    """Negative log-likelihood of log-probabilities; see `nll_loss`."""

    def __init__(self, weights: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weights = None if weights is None else np.asarray(weights)
        self.ignore_index = ignore_index

    def forward(self, log_probabilities: Any, labels: Any) -> Any:
        """log_probabilities (..., C); labels (...)."""
        return nll_loss(
            log_probabilities, labels, weights=self.weights, ignore_index=self.ignore_index, reduction=self.reduction
        )


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities; see `binary_cross_entropy`."""

    def forward(self, probability: Any, target: Any) -> Any:
        """Equal shapes."""
        return binary_cross_entropy(probability, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits; see `binary_cross_entropy_with_logits`."""

    def __init__(self, *, pos_weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.pos_weight = pos_weight

    def forward(self, logits: Any, target: Any) -> Any:
        """Equal shapes."""
        return binary_cross_entropy_with_logits(logits, target, pos_weight=self.pos_weight, reduction=self.reduction)


class HingeLoss(_Loss):
    """max(0, margin - y * score) for y = -1 or +1; see `hinge_loss`."""

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, scores: Any, target: Any) -> Any:
        """Equal shapes."""
        return hinge_loss(scores, target, margin=self.margin, reduction=self.reduction)


class MultiMarginLoss(_Loss):
    """The hinge loss for C classes; see `multi_margin_loss`."""

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, scores: Any, labels: Any) -> Any:
        """scores (..., C); labels (...)."""
        return multi_margin_loss(scores, labels, margin=self.margin, reduction=self.reduction)
