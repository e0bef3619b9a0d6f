"""Losses for one class out of C: cross-entropy, negative log-likelihood, and the hinge loss for C classes.

Class scores are on axis 1, as in PyTorch: (N, C), (N, C, d1, ...), or (C,) for one sample; `axis=` names another axis.
Labels have the shape of the scores without that axis.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Variable, extend

from .arguments import (
    as_constant,
    at_labels,
    check_labels,
    check_number,
    check_reduction,
    check_unit_interval,
    class_axis,
    class_weights,
    classes_last,
    is_label,
    plain,
    product,
    reduced,
    value,
    weighted,
)

__all__ = ["cross_entropy", "multi_margin_loss", "nll_loss"]

_SOFTMAX = ad.ops.OPS["softmax"]


def cross_entropy(
    logits: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    axis: int = 1,
) -> Any:
    """Return -log softmax(logits) at the label, or averaged over the label's probabilities.

    `torch.nn.functional.cross_entropy`.

    Args:
        logits: (N, C), (N, C, d1, ...) or (C,) raw scores; not probabilities.
        target: (N), (N, d1, ...) or () integer class indices; or probabilities in [0, 1] of the shape of the logits.
        weight: (C,) importance of each class, >= 0. The mean over indices divides by the weights of the labels that
            count; the mean over probabilities divides by the number of samples.
        ignore_index: samples with this label do not count (indices only).
        reduction: "mean", "sum" or "none". The mean over no sample is 0, with gradients of zero.
        label_smoothing: share of the target that is spread evenly over all classes, in [0, 1] (Szegedy et al. 2016,
            section 7).
        axis: the class axis.

    Raises:
        ValueError: shapes that do not fit, or the first label, weight or probability out of its range.
        TypeError: labels that are neither integers nor probabilities.

    >>> import autodiff as ad
    >>> logits = ad.tensor([[2.0, 0.0], [0.0, 0.0]])
    >>> loss = cross_entropy(logits, [0, 1]); loss.backward()
    >>> logits.grad.round(4)
    array([[-0.0596,  0.0596],
           [ 0.25  , -0.25  ]])
    """
    if not isinstance(logits, Variable):
        logits = extend.as_array(logits)
    elif logits.node is not None and logits.node.op is _SOFTMAX:
        warnings.warn(
            "cross_entropy got the output of a softmax for logits; it takes the softmax itself, and two in a row "
            "flatten the gradients. Leave the first one out.",
            stacklevel=2,
        )
    labels = plain(target)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], got {label_smoothing!r}")
    axis = class_axis("cross_entropy", logits, axis)
    shape, kind = logits.shape, labels.dtype.kind
    if weight is not None:
        weight = class_weights("cross_entropy", weight, shape[axis], logits.dtype)
    if kind == "f" and labels.shape == shape:
        check_reduction("cross_entropy", reduction)
        return _of_probabilities(logits, target, weight, reduction, label_smoothing, axis)
    if len(shape) > 2 or labels.ndim != len(shape) - 1 or kind not in "iu":  # for two axes ad checks them
        check_labels("cross_entropy", labels, shape, axis, ignore_index)
    if axis != len(shape) - 1:
        logits = classes_last(logits, axis)
    loss = ad.cross_entropy(logits, labels, weights=weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return loss
    classes = shape[axis]
    uniform = -_over_classes(np.full(classes, 1 / classes, logits.dtype), ad.log_softmax(logits, axis=-1), weight)
    kept = labels != ignore_index
    factor = kept.astype(logits.dtype)
    if reduction == "mean" and weight is not None:  # the divisor is that of the labels
        total = (at_labels(weight, np.where(kept, labels, 0)) * factor).sum(dtype=np.float64)
        spread = weighted(uniform, factor, "sum") / np.where(total == 0, 1.0, total).astype(logits.dtype)
    else:
        spread = weighted(uniform, factor, reduction)
    return loss * (1 - label_smoothing) + spread * label_smoothing


def _of_probabilities(logits: Any, target: Any, weight: Any, reduction: str, label_smoothing: float, axis: int) -> Any:
    target, classes = as_constant(target, logits), logits.shape[axis]
    rounding = 8 * float(np.finfo(target.dtype).eps)  # mixing two rows of probabilities may round above 1
    check_unit_interval("cross_entropy", "target", target, "; class indices must be integers", rounding)
    logits, target = classes_last(logits, axis), classes_last(target, axis)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    return reduced(-_over_classes(target, ad.log_softmax(logits, axis=-1), weight), reduction)


def _over_classes(target: Any, log_p: Any, weight: Any) -> Any:
    """Return the sum of weight * target * log p over the last axis; where the target is 0, log p may be -inf."""
    if weight is not None:
        target = target * extend.beside(weight, plain(target))
    return product(target, log_p).sum(axis=-1)


def nll_loss(
    log_probabilities: Any,
    labels: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    axis: int = 1,
) -> Any:
    """Return -log_probabilities at the labels, for the output of a LogSoftmax.

    `torch.nn.functional.nll_loss`. Arguments and errors as in `cross_entropy`, with integer labels only.

    >>> float(nll_loss([[-0.5, -1.0], [-2.0, -0.25]], [0, 1]))
    0.375
    """
    scores = value(log_probabilities)
    check_reduction("nll_loss", reduction)
    axis = class_axis("nll_loss", scores, axis)
    labels = check_labels("nll_loss", labels, scores.shape, axis, ignore_index)
    scores = classes_last(scores, axis)
    counts = labels != ignore_index
    factor = counts.astype(scores.dtype)
    safe = np.where(counts, labels, 0)
    if weight is not None:
        factor = factor * at_labels(class_weights("nll_loss", weight, scores.shape[-1], scores.dtype), safe)
    return weighted(-at_labels(scores, safe), factor, reduction)


def multi_margin_loss(
    scores: Any,
    labels: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    *,
    reduction: str = "mean",
    axis: int = 1,
) -> Any:
    """Return the sum over wrong classes j of w[label] max(0, margin - score_label + score_j)^p, divided by C.

    `torch.nn.functional.multi_margin_loss`: the hinge loss for C classes (Crammer and Singer 2001).

    Args:
        scores: (N, C), (N, C, d1, ...) or (C,).
        labels: integers of the shape of the scores without the class axis.
        p: 1 or 2.
        margin: wanted distance between the right class and every other.
        weight: (C,) importance of each class, >= 0. The mean divides by the number of samples.
        reduction: "mean", "sum" or "none". The mean over no sample is 0.
        axis: the class axis.

    Raises:
        ValueError: p is neither 1 nor 2, shapes that do not fit, or the first label or weight out of its range.

    >>> round(float(multi_margin_loss([[0.1, 0.2, 0.8]], [2])), 4)
    0.2333
    """
    scores = value(scores)
    check_reduction("multi_margin_loss", reduction)
    check_number("multi_margin_loss", "margin", margin)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p!r}")
    axis = class_axis("multi_margin_loss", scores, axis)
    labels = check_labels("multi_margin_loss", labels, scores.shape, axis, None)
    scores = classes_last(scores, axis)
    right = at_labels(scores, labels)[..., None]
    wrong = ~is_label(labels, scores.shape[-1], scores)
    margins = ad.relu(scores - right + margin)
    margins = (margins if p == 1 else margins * margins) * wrong.astype(scores.dtype)
    losses = margins.sum(axis=-1) / scores.shape[-1]
    if weight is not None:
        weight = class_weights("multi_margin_loss", weight, scores.shape[-1], scores.dtype)
        losses = losses * at_labels(weight, labels)
    return reduced(losses, reduction)
