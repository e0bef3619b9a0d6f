"""Measures of how good a model is: plain NumPy functions of predictions and targets.

Nothing here is differentiated. A metric is any function `(predictions, targets) -> float`. `evaluate` calls it once, on
the whole set; the training numbers of `fit` are its means over mini-batches, by their size. `sample_weight` is
scikit-learn's: how much each sample counts, >= 0, of a shape that fits that of the samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autodiff as ad
from autodiff.extend import missing_names, numbers

__all__ = [
    "accuracy",
    "binary_accuracy",
    "confusion_matrix",
    "mean_absolute_error",
    "mean_squared_error",
    "top_k_accuracy",
]


def _plain(values: Any) -> NDArray[Any]:
    """Return an array, also for a recorded Tensor: counting has the derivative 0, so no gradient is lost."""
    return np.asarray(numbers(values.data if isinstance(values, ad.Variable) else values, "a metric", "x"))


def _class_indices(values: ArrayLike, what: str) -> NDArray[np.integer]:
    indices = _plain(values)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{what} must be class indices (integers), got dtype {indices.dtype}")
    return indices


def _check_range(who: str, what: str, indices: NDArray[Any], classes: int) -> None:
    """Raise for what are no classes: such a label would be counted as a wrong answer."""
    if indices.dtype.kind not in "iufb":
        raise TypeError(f"{who}: {what}s must be class indices (integers), got dtype {indices.dtype}")
    outside = ~((indices >= 0) & (indices < classes))
    if outside.any():
        raise ValueError(
            f"{who}: a {what} is outside 0..{classes - 1}: {indices[outside][0]}. Leave out samples that do not count"
        )


def _weights(who: str, sample_weight: Any) -> NDArray[Any]:
    weight = _plain(sample_weight)
    if weight.dtype.kind not in "fiub":
        raise TypeError(f"{who}: sample_weight must hold real numbers, got dtype {weight.dtype}")
    if not ((weight >= 0) & np.isfinite(weight)).all():
        raise ValueError(f"{who}: sample_weight must be finite and >= 0")
    return weight


def _mean(who: str, values: NDArray[Any], sample_weight: Any) -> float:
    """Return the mean over samples, weighted; of values (N, ...) with weights (N,) over the rest of each sample too.

    Without samples the mean is NaN.
    """
    if sample_weight is None:
        return float(values.mean()) if values.size else math.nan
    weight = _weights(who, sample_weight)
    if weight.shape != values.shape[: weight.ndim]:
        raise ValueError(f"{who}: sample_weight of shape {weight.shape} does not fit samples of shape {values.shape}")
    weight = np.broadcast_to(weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim)), values.shape)
    total = weight.sum(dtype=float)
    return float((values * weight).sum(dtype=float) / total) if total else math.nan


def accuracy(scores: Any, labels: Any, *, sample_weight: Any = None) -> float:
    """Return the fraction of samples whose largest score is at the label; NaN for no samples. Scores that are NaN are
    wrong.

    Args:
        scores: (..., C) logits or probabilities.
        labels: (...) class indices, or (..., C) one-hot or probability rows, whose largest entry counts.
        sample_weight: (N,) or of the shape of the samples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1], sample_weight=[3, 1])
    0.75
    """
    scores, labels = _plain(scores), _plain(labels)
    _check_columns("accuracy", scores)
    if labels.shape == scores.shape:
        one_hot = np.sort(labels.astype(int), axis=-1) == np.eye(labels.shape[-1])[-1]
        if labels.dtype.kind != "f" and not one_hot.all():
            raise ValueError(
                "accuracy takes integer labels of the shape of the scores as one-hot rows, which have one 1 each; "
                "these are none. Write nn.binary_accuracy for several labels a sample"
            )
        labels = labels.argmax(axis=-1)
    if labels.shape != scores.shape[:-1]:
        raise ValueError(f"accuracy needs scores (..., C) and labels (...), got {scores.shape} and {labels.shape}")
    _check_range("accuracy", "label", labels, scores.shape[-1])
    return _mean("accuracy", (scores.argmax(axis=-1) == labels) & ~np.isnan(scores).any(axis=-1), sample_weight)


def _check_columns(who: str, scores: NDArray[Any]) -> None:
    """Raise ValueError for a single score, of which the largest is always the first: accuracy would be 1."""
    if scores.ndim == 0 or scores.shape[-1] < 2:
        raise ValueError(
            f"{who} needs scores (..., C) of at least two classes, got shape {scores.shape}; for one score a "
            "sample use binary_accuracy"
        )


def top_k_accuracy(scores: ArrayLike, labels: ArrayLike, k: int = 5, *, sample_weight: Any = None) -> float:
    """Return the fraction of samples whose label is among the `k` largest of the scores (..., C).

    >>> top_k_accuracy([[0.1, 0.5, 0.4]], [2], k=2)
    1.0
    """
    scores, labels = _plain(scores), _class_indices(labels, "labels")
    _check_columns("top_k_accuracy", scores)
    if not 1 <= k <= scores.shape[-1]:
        raise ValueError(f"k must be between 1 and the number of classes {scores.shape[-1]}, got {k}")
    _check_range("top_k_accuracy", "label", labels, scores.shape[-1])
    best = np.argpartition(scores, -k, axis=-1)[..., -k:]
    right = (best == labels[..., None]).any(axis=-1) & ~np.isnan(scores).any(axis=-1)
    return _mean("top_k_accuracy", right, sample_weight)


def binary_accuracy(
    logits: ArrayLike, targets: ArrayLike, threshold: float = 0.0, *, sample_weight: Any = None
) -> float:
    """Return the fraction of logits on the right side of `threshold`; targets are 0 and 1, or -1 and +1. For
    probabilities write threshold=0.5.

    >>> binary_accuracy([2.0, -1.0, 0.5], [1, 0, 0])
    0.6666666666666666
    """
    logits, targets = _plain(logits), _plain(targets)
    if logits.shape != targets.shape:
        raise ValueError(f"binary_accuracy needs equal shapes, got {logits.shape} and {targets.shape}")
    return _mean("binary_accuracy", ((logits > threshold) == (targets > 0)) & ~np.isnan(logits), sample_weight)


def mean_squared_error(predictions: ArrayLike, targets: ArrayLike, *, sample_weight: Any = None) -> float:
    """Return the mean of the squared differences.

    predictions, targets: equal shapes, else ValueError. scikit-learn's `mean_squared_error`.

    >>> mean_squared_error([1.0, 3.0], [1.0, 1.0])
    2.0
    """
    return _mean("mean_squared_error", np.square(_difference(predictions, targets)), sample_weight)


def mean_absolute_error(predictions: ArrayLike, targets: ArrayLike, *, sample_weight: Any = None) -> float:
    """Return the mean of the absolute differences.

    predictions, targets: equal shapes, else ValueError. scikit-learn's `mean_absolute_error`.

    >>> mean_absolute_error([1.0, 3.0], [1.0, 1.0])
    1.0
    """
    return _mean("mean_absolute_error", np.abs(_difference(predictions, targets)), sample_weight)


def _difference(predictions: ArrayLike, targets: ArrayLike) -> NDArray[np.floating]:
    predictions, targets = (np.asarray(numbers(v, "a metric", "x")) for v in (predictions, targets))
    if predictions.shape != targets.shape:
        raise ValueError(f"predictions {predictions.shape} and targets {targets.shape} must have the same shape")
    return np.subtract(predictions, targets, dtype=float)


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, classes: int | None = None, *, sample_weight: Any = None
) -> NDArray[Any]:
    """Return counts (C, C): row = true class, column = predicted class; sums of weights with `sample_weight`.

    Args:
        labels: class indices of any shape.
        predictions: class indices of the same shape, or scores with one more axis of C classes.
        classes: C; by default the number of scores, or the largest index plus one.

    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 0, 1]])
    """
    labels, predictions = _class_indices(labels, "labels"), _plain(predictions)
    if predictions.ndim == labels.ndim + 1:
        classes = predictions.shape[-1] if classes is None else classes
        if np.isnan(predictions).any():
            raise ValueError("confusion_matrix: a score is NaN, of which the largest is in no class")
        predictions = predictions.argmax(axis=-1)
    predictions = _class_indices(predictions, "predictions")
    if predictions.shape != labels.shape:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} must have the same shape")
    if classes is None:
        classes = max(int(labels.max()), int(predictions.max())) + 1 if labels.size else 0
    for what, values in (("label", labels), ("prediction", predictions)):
        _check_range("confusion_matrix", what, values, classes)
    flat = labels.astype(np.int64).ravel() * classes + predictions.astype(np.int64).ravel()
    if sample_weight is not None:
        sample_weight = _weights("confusion_matrix", sample_weight)
        if sample_weight.shape != labels.shape:
            raise ValueError(
                f"confusion_matrix: sample_weight of shape {sample_weight.shape} does not fit labels {labels.shape}"
            )
        sample_weight = sample_weight.ravel()
    return np.bincount(flat, sample_weight, minlength=classes * classes).reshape(classes, classes)


if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)
