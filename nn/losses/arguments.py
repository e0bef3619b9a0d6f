"""Check the arguments of losses and reduce their values. Nothing here computes a loss.

One convention for all losses: the mean over nothing (an empty batch, only ignored labels, weights that sum to zero) is
0, and its gradients are zeros.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Variable, extend

__all__: list[str] = []

REDUCTIONS = ("mean", "sum", "none")


def value(x: Any) -> Any:
    """Return a graph value as it is, and anything else as an array."""
    return x if isinstance(x, Variable) else extend.as_array(x)


def plain(x: Any) -> Any:
    """Return x without its graph: an array, or inside vmap a value of one example."""
    if x.__class__ is ndarray:
        return x
    x = extend.bare(x)
    return x if isinstance(x, Variable) else extend.as_array(x)


def numbers(x: Any) -> NDArray[Any]:
    """Return the numbers of x for a check; inside vmap those of all examples, whose axes come first."""
    return extend.all_examples(x)


def fails(bad: Any) -> bool:
    """Return whether a check fails anywhere. The numbers of another library's array are not looked at."""
    return not extend.is_foreign(bad) and bool(bad.any())


def occurs(mask: Any) -> bool:
    """Return whether a mask may be True anywhere."""
    mask = numbers(mask)
    return extend.is_foreign(mask) or bool(mask.any())


def is_label(labels: Any, classes: int, like: Any) -> Any:
    """Return which of the classes each label is: (..., C), an array of the library that one of the arguments is of."""
    return labels[..., None] == extend.beside(extend.beside(np.arange(classes), plain(like)), labels)


def at_labels(scores: Any, labels: Any) -> Any:
    """Return the score of each label. scores: (..., C) or (C,). By masks for arrays of other libraries; there a label
    outside the classes gives NaN."""
    found = plain(scores)
    if not (extend.is_foreign(found) or extend.is_foreign(labels)):
        if scores.ndim != labels.ndim + 1:
            return ad.take(scores, labels)
        return np.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
    label = is_label(labels, scores.shape[-1], found)
    scores = scores if isinstance(scores, Variable) else extend.beside(scores, label)
    return np.where(label.any(axis=-1), np.where(label, scores, 0.0).sum(axis=-1), math.nan)


def pair(who: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Return both as values of equal shape. A plain target takes the prediction's dtype, so that float64 targets do not
    promote a float32 network."""
    prediction, target = value(prediction), value(target)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{who}: prediction and target must have the same shape, got {prediction.shape} and {target.shape}; "
            "reshape one of them"
        )
    return prediction, as_constant(target, prediction)


def as_constant(x: Any, like: Any) -> Any:
    """Return a plain array in the dtype of `like` when that is floating; a graph value as it is."""
    x = value(x)
    other_reals = x.dtype != like.dtype and like.dtype.kind == "f" and x.dtype.kind != "c"
    return x.astype(like.dtype) if other_reals and _without_graph(x) else x


def _without_graph(x: Any) -> bool:
    """Return whether x is a plain array or, inside vmap, an example of one."""
    return not isinstance(x, Variable) or (x.node is None and isinstance(extend.bare(x), Variable))


def first(bad: NDArray[np.bool_], values: NDArray[Any]) -> str:
    """Describe the first marked value and its place: "5 at index 2"."""
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{values[index]}" + (f" at index {index if len(index) != 1 else index[0]}" if index else "")


# Options.


def check_reduction(who: str, reduction: Any, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise ValueError for a reduction that does not exist."""
    if not (isinstance(reduction, str) and reduction in allowed):
        names = ", ".join(map(repr, allowed[:-1]))
        raise ValueError(f"{who}: reduction must be {names} or {allowed[-1]!r}, got {reduction!r}")


def check_number(who: str, name: str, number: Any, least: float = -math.inf, above: bool = False) -> None:
    """Raise TypeError unless `number` is a real number, ValueError unless it is >= least (> least with `above`)."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, float, np.integer, np.floating)):
        raise TypeError(f"{who}: {name} must be a number, got {number!r}")
    if not (number > least if above else number >= least) and not (least == -math.inf and not math.isnan(number)):
        raise ValueError(f"{who}: {name} must be {'>' if above else '>='} {least:g}, got {number!r}")


# Class scores and labels.


def class_axis(who: str, scores: Any, axis: int) -> int:
    """Return the class axis as an index from 0. Scores of one sample, (C,), have their classes on axis 0."""
    ndim = scores.ndim
    if ndim == 0:
        raise ValueError(f"{who}: scores need an axis of classes, got shape ()")
    if ndim == 1 and axis == 1:
        return 0
    if not -ndim <= axis < ndim:
        raise ValueError(f"{who}: axis {axis} does not exist in scores of shape {scores.shape}")
    return axis % ndim


def classes_last(x: Any, axis: int) -> Any:
    """Move the class axis to the end."""
    return x if axis == x.ndim - 1 else np.moveaxis(x, axis, -1)


def check_labels(who: str, labels: Any, shape: tuple[int, ...], axis: int, ignore_index: int | None) -> Any:
    """Return labels as integers that fit scores of `shape` with classes on `axis`."""
    labels = plain(labels)
    found = numbers(labels)
    classes, wanted = shape[axis], shape[:axis] + shape[axis + 1 :]
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{who}: labels must be integers 0..{classes - 1} (class indices), got dtype {labels.dtype}. "
            f"Write labels.astype(int), or labels.argmax(axis={'-1' if axis == len(shape) - 1 else axis}) for one-hot "
            "rows"
        )
    if labels.shape != wanted:
        hint = ""
        if labels.shape == shape:
            hint = f"; write labels.argmax(axis={'-1' if axis == len(shape) - 1 else axis}) for one-hot rows"
        elif labels.shape == shape[:-1]:
            hint = "; write axis=-1 if the classes are on the last axis"
        raise ValueError(
            f"{who}: scores of shape {shape} with classes on axis {axis} need labels of shape {wanted}, got "
            f"{labels.shape}{hint}"
        )
    if found.size and not extend.is_foreign(found) and not (found.min() >= 0 and found.max() < classes):
        bad = (found < 0) | (found >= classes)
        if ignore_index is not None:
            bad &= found != ignore_index
        if bad.any():
            raise ValueError(f"{who}: labels must be in 0..{classes - 1}, got {first(bad, found)}")
    return labels


# Weights and probabilities.


def class_weights(who: str, weight: Any, classes: int, dtype: Any) -> Any:
    """Return one weight for each class, finite and >= 0."""
    weight = plain(weight)
    if weight.shape != (classes,):
        raise ValueError(f"{who}: weight must have shape ({classes},), one for each class, got {weight.shape}")
    _check_weights(who, "weight", numbers(weight))
    return weight.astype(dtype)


def element_weights(who: str, name: str, weight: Any, like: Any) -> Any:
    """Return weights >= 0 that broadcast into the shape of `like`, in its dtype."""
    weight = as_constant(weight, like)
    _check_weights(who, name, numbers(weight))
    try:
        fits = np.broadcast_shapes(weight.shape, like.shape) == like.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{who}: {name} of shape {weight.shape} does not fit into the shape {like.shape}")
    return weight


def _check_weights(who: str, name: str, weight: NDArray[Any]) -> None:
    if weight.dtype.kind not in "fiub":
        raise TypeError(f"{who}: {name} must hold real numbers, got dtype {weight.dtype}")
    bad = ~((weight >= 0) & (weight < math.inf))
    if fails(bad):
        raise ValueError(f"{who}: {name} must be finite and >= 0, got {first(bad, weight)}")


def check_unit_interval(who: str, what: str, values: Any, hint: str = "", rounding: float = 0.0) -> None:
    """Raise ValueError naming the first value outside [0, 1]; `rounding` is allowed above 1."""
    values = numbers(values)
    bad = ~((values >= 0) & (values <= 1 + rounding))
    if fails(bad):
        raise ValueError(f"{who}: {what} must be in [0, 1], got {first(bad, values)}{hint}")


def check_signs(who: str, target: Any) -> None:
    """Raise ValueError naming the first label that is neither -1 nor +1."""
    labels = numbers(target)
    bad = (labels != 1) & (labels != -1)
    if fails(bad):
        raise ValueError(f"{who}: labels must be -1 or +1, got {first(bad, labels)}; labels 0 and 1 become 2 * y - 1")


# Reductions.


def reduced(losses: Any, reduction: str) -> Any:
    """Return the mean, the sum, or the values themselves; the mean of nothing is 0."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" and losses.size else losses.sum()


def weighted(losses: Any, weight: Any, reduction: str) -> Any:
    """Return `reduced(losses * weight)`, where the mean divides by the sum of the weights. A weight of 0 hides a loss
    that is infinite or NaN."""
    hidden = plain(weight) == 0
    if occurs(hidden):
        losses = np.where(hidden, 0.0, losses)
    if reduction == "mean":
        weight = np.broadcast_to(weight, losses.shape) if weight.shape != losses.shape else weight
        total: Any = np.sum(weight, dtype=np.float64)  # float16 counts to 65504 only
        weight = (weight / np.where(plain(total) == 0, 1.0, total)).astype(losses.dtype)
    losses = losses * weight
    return losses if reduction == "none" else losses.sum()


def product(factor: Any, x: Any) -> Any:
    """Return factor * x, where a factor of 0 hides an infinite x."""
    factor = extend.beside(factor, plain(x))
    hidden = (plain(factor) == 0) & np.isinf(plain(x))
    return factor * np.where(hidden, 0.0, x) if occurs(hidden) else factor * x
