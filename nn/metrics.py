"""Measures of how good a model is: plain NumPy functions of predictions and targets.

Nothing here is differentiated. A metric is any function `(predictions, targets) -> float`. `evaluate` calls it once, on
the whole set; the training numbers of `fit` are its means over mini-batches, by their size.
"""

from __future__ import annotations

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
    """An array of anything, also of a recorded Tensor: counting has the derivative 0, so that nothing is lost here."""
    return np.asarray(numbers(values.data if isinstance(values, ad.Variable) else values, "a metric", "x"))


def _class_indices(values: ArrayLike, what: str) -> NDArray[np.integer]:
    indices = _plain(values)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{what} must be class indices (integers), got dtype {indices.dtype}")
    return indices


def accuracy(scores: Any, labels: Any) -> float:
    """Return the fraction of samples whose largest score is at the label.

    Args:
        scores: (..., C) logits or probabilities.
        labels: (...) class indices, or (..., C) one-hot or probability rows, whose largest entry counts.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    scores, labels = _plain(scores), _plain(labels)
    _check_columns("accuracy", scores)
    if labels.shape == scores.shape and labels.dtype.kind == "f":
        labels = labels.argmax(axis=-1)
    if labels.shape != scores.shape[:-1]:
        raise ValueError(f"accuracy needs scores (..., C) and labels (...), got {scores.shape} and {labels.shape}")
    return float((scores.argmax(axis=-1) == labels).mean())


def _check_columns(who: str, scores: NDArray[Any]) -> None:
    """The largest of one score is always the first: every classifier would be 100 % right."""
    if scores.ndim == 0 or scores.shape[-1] < 2:
        raise ValueError(
            f"{who} needs scores (..., C) of at least two classes, got shape {scores.shape}; for one score a "
            "sample use binary_accuracy"
        )


def top_k_accuracy(scores: ArrayLike, labels: ArrayLike, k: int = 5) -> float:
    """Return the fraction of samples whose label is among the `k` largest of the scores (..., C).

    >>> top_k_accuracy([[0.1, 0.5, 0.4]], [2], k=2)
    1.0
    """
    scores, labels = _plain(scores), _class_indices(labels, "labels")
    _check_columns("top_k_accuracy", scores)
    if not 1 <= k <= scores.shape[-1]:
        raise ValueError(f"k must be between 1 and the number of classes {scores.shape[-1]}, got {k}")
    best = np.argpartition(scores, -k, axis=-1)[..., -k:]
    return float((best == labels[..., None]).any(axis=-1).mean())


def binary_accuracy(logits: ArrayLike, targets: ArrayLike, threshold: float = 0.0) -> float:
    """Return the fraction of logits on the right side of `threshold`; targets are 0 and 1, or -1 and +1. For
    probabilities write threshold=0.5.

    >>> binary_accuracy([2.0, -1.0, 0.5], [1, 0, 0])
    0.6666666666666666
    """
    logits, targets = _plain(logits), _plain(targets)
    if logits.shape != targets.shape:
        raise ValueError(f"binary_accuracy needs equal shapes, got {logits.shape} and {targets.shape}")
    return float(((logits > threshold) == (targets > 0)).mean())


def mean_squared_error(predictions: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean of the squared differences.

    predictions, targets: equal shapes, else ValueError. scikit-learn's `mean_squared_error`.

    >>> mean_squared_error([1.0, 3.0], [1.0, 1.0])
    2.0
    """
    return float(np.square(_difference(predictions, targets)).mean())


def mean_absolute_error(predictions: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean of the absolute differences.

    predictions, targets: equal shapes, else ValueError. scikit-learn's `mean_absolute_error`.

    >>> mean_absolute_error([1.0, 3.0], [1.0, 1.0])
    1.0
    """
    return float(np.abs(_difference(predictions, targets)).mean())


def _difference(predictions: ArrayLike, targets: ArrayLike) -> NDArray[np.floating]:
    predictions, targets = _plain(predictions), _plain(targets)
    if predictions.shape != targets.shape:
        raise ValueError(f"predictions {predictions.shape} and targets {targets.shape} must have the same shape")
    return np.subtract(predictions, targets, dtype=float)


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, classes: int | None = None) -> NDArray[np.int64]:
    """Return counts (C, C): row = true class, column = predicted class.

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
        predictions = predictions.argmax(axis=-1)
    predictions = _class_indices(predictions, "predictions")
    if predictions.shape != labels.shape:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} must have the same shape")
    if classes is None:
        classes = int(max(labels.max(initial=-1), predictions.max(initial=-1))) + 1
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"a {name} is outside 0..{classes - 1}: {values.min()} to {values.max()}")
    flat = labels.astype(np.int64).ravel() * classes + predictions.astype(np.int64).ravel()
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)
