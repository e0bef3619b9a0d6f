"""Losses of a margin: between scores, between ranks, between embeddings. Labels are -1 and +1.

max(0, x) has the derivative 0 at 0 throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from .arguments import (
    as_constant,
    at_labels,
    check_number,
    check_reduction,
    check_signs,
    fails,
    is_label,
    numbers,
    pair,
    plain,
    reduced,
    value,
)
from .arguments import first as described

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "hinge_loss",
    "margin_ranking_loss",
    "multilabel_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _signed(who: str, scores: Any, target: Any) -> tuple[Any, Any]:
    scores, target = pair(who, scores, target)
    check_signs(who, target)
    return scores, target


def hinge_loss(scores: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """Return max(0, margin - y * score), the loss of a support vector machine.

    PyTorch has no function for it; scikit-learn's is `sklearn.metrics.hinge_loss`.

    Args:
        scores: raw scores of any shape, not probabilities.
        target: y = -1 or +1, same shape.
        margin: wanted value of y * score.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first label that is neither -1 nor +1.

    >>> float(hinge_loss([0.5, -2.0], [1, -1], reduction="sum"))
    0.5
    """
    check_reduction("hinge_loss", reduction)
    check_number("hinge_loss", "margin", margin)
    scores, target = _signed("hinge_loss", scores, target)
    return reduced(ad.relu(margin - scores * target), reduction)


def soft_margin_loss(scores: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return log(1 + exp(-y * score)).

    `torch.nn.functional.soft_margin_loss`. Arguments and errors as in `hinge_loss`.

    >>> round(float(soft_margin_loss([0.0], [1])), 5)
    0.69315
    """
    check_reduction("soft_margin_loss", reduction)
    scores, target = _signed("soft_margin_loss", scores, target)
    return reduced(ad.softplus(-(scores * target)), reduction)


def hinge_embedding_loss(distance: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """Return the distance itself for y = +1 (a similar pair) and max(0, margin - distance) for y = -1.

    `torch.nn.functional.hinge_embedding_loss`. Arguments and errors as in `hinge_loss`.

    >>> hinge_embedding_loss([0.25, 0.25], [1, -1], reduction="none")
    array([0.25, 0.75])
    """
    check_reduction("hinge_embedding_loss", reduction)
    check_number("hinge_embedding_loss", "margin", margin)
    distance, target = _signed("hinge_embedding_loss", distance, target)
    return reduced(np.where(plain(target) == 1, distance, ad.relu(margin - distance)), reduction)


def margin_ranking_loss(first: Any, second: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Return max(0, margin - y * (first - second)): for y = +1 `first` should rank higher, for y = -1 `second`.

    `torch.nn.functional.margin_ranking_loss`.

    Args:
        first, second: scores of equal shape.
        target: y = -1 or +1, same shape.
        margin: wanted distance.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or the first label that is neither -1 nor +1.

    >>> float(margin_ranking_loss([1.0, 2.0], [3.0, 0.0], [1, 1]))
    1.0
    """
    who = "margin_ranking_loss"
    check_reduction(who, reduction)
    check_number(who, "margin", margin)
    first, second = pair(who, first, second)
    first, target = _signed(who, first, target)
    return reduced(ad.relu(margin - (first - second) * target), reduction)


def multilabel_margin_loss(scores: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """Return the sum over the right classes j and the wrong ones i of max(0, 1 - score_j + score_i), divided by C.

    `torch.nn.functional.multilabel_margin_loss`.

    Args:
        scores: (N, C), or (C,) for one sample.
        labels: integers of the same shape: the right classes, and -1 after the last of them.
        reduction: "mean", "sum" or "none". The mean over no sample is 0.

    Raises:
        TypeError: labels that are no integers.
        ValueError: unequal shapes, or the first label that is neither a class nor -1.

    >>> round(float(multilabel_margin_loss([0.1, 0.2, 0.4, 0.8], [3, 0, -1, 1])), 4)
    0.85
    """
    who = "multilabel_margin_loss"
    check_reduction(who, reduction)
    scores, labels = value(scores), plain(labels)
    if scores.ndim not in (1, 2) or labels.shape != scores.shape:
        raise ValueError(f"{who} needs scores (N, C) or (C,) and labels alike, got {scores.shape} and {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{who}: labels must be integers, class indices and then -1, got dtype {labels.dtype}")
    found = numbers(labels)
    bad = (found < -1) | (found >= scores.shape[-1])
    if fails(bad):
        raise ValueError(f"{who}: labels must be in 0..{scores.shape[-1] - 1} or -1, got {described(bad, found)}")
    counts = np.cumprod(labels >= 0, axis=-1, dtype=bool)  # those before the first -1
    classes = np.where(counts, labels, 0)
    right = np.any(is_label(classes, scores.shape[-1], scores) & counts[..., None], axis=-2)
    if extend.is_foreign(plain(scores)) or extend.is_foreign(classes):
        named = at_labels(scores[..., None, :], classes)
    else:
        named = np.take_along_axis(scores, classes, axis=-1)
    gaps = 1.0 - named[..., :, None] + scores[..., None, :]
    pairs = counts[..., :, None] & ~right[..., None, :]
    return reduced(np.where(pairs, ad.relu(gaps), 0.0).sum(axis=(-2, -1)) / scores.shape[-1], reduction)


def cosine_embedding_loss(first: Any, second: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Return 1 - cos(first, second) for y = +1 and max(0, cos(first, second) - margin) for y = -1.

    `torch.nn.functional.cosine_embedding_loss`. As there, 1e-12 is added to each squared length, so that the cosine
    with a zero vector is 0.

    Args:
        first, second: (N, D), or (D,) for one pair.
        target: (N,) or (): y = -1 or +1.
        margin: cosine up to which the loss of different vectors is 0.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: shapes that do not fit, or the first label that is neither -1 nor +1.

    >>> round(float(cosine_embedding_loss([[1.0, 0.0]], [[1.0, 1.0]], [1])), 5)
    0.29289
    """
    who = "cosine_embedding_loss"
    check_reduction(who, reduction)
    check_number(who, "margin", margin)
    first, second = pair(who, first, second)
    labels = plain(target)
    if first.ndim == 0 or labels.shape != first.shape[:-1]:
        raise ValueError(f"{who}: vectors (N, D) need labels (N,), got shapes {first.shape} and {labels.shape}")
    check_signs(who, labels)
    lengths = ((first * first).sum(axis=-1) + 1e-12) * ((second * second).sum(axis=-1) + 1e-12)
    cosine = (first * second).sum(axis=-1) / np.sqrt(lengths)
    return reduced(np.where(labels == 1, 1.0 - cosine, ad.relu(cosine - margin)), reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin) for d(a, b) = |a - b + eps|_p.

    `torch.nn.functional.triplet_margin_loss` (Balntas et al. 2016).

    Args:
        anchor, positive, negative: (N, D) or (D,), equal shapes.
        margin: wanted difference of the distances.
        p: order of the norm, > 0.
        eps: added to every difference.
        swap: take d(positive, negative) for d(anchor, negative) where it is smaller.
        reduction: "mean", "sum" or "none". The mean over nothing is 0.

    Raises:
        ValueError: unequal shapes, or p <= 0.

    >>> float(triplet_margin_loss([[0.0]], [[2.0]], [[2.5]], eps=0.0))
    0.5
    """
    check_number("triplet_margin_loss", "p", p, 0, above=True)
    check_number("triplet_margin_loss", "eps", eps, 0)

    def distance(a: Any, b: Any) -> Any:
        return np.linalg.norm(a - b + eps, ord=p, axis=-1)

    return _triplet("triplet_margin_loss", anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin) for your own distance d.

    `torch.nn.functional.triplet_margin_with_distance_loss`. `distance_function(a, b)` takes two batches (N, D) and
    returns (N,); None is the Euclidean distance of `triplet_margin_loss`. The other arguments are as there.

    >>> by_square = lambda a, b: ((a - b) ** 2).sum(axis=-1)
    >>> float(triplet_margin_with_distance_loss([[0.0]], [[2.0]], [[2.0]], distance_function=by_square))
    1.0
    """
    if distance_function is None:
        return triplet_margin_loss(anchor, positive, negative, margin=margin, swap=swap, reduction=reduction)
    who = "triplet_margin_with_distance_loss"
    return _triplet(who, anchor, positive, negative, distance_function, margin, swap, reduction)


def _triplet(
    who: str, anchor: Any, positive: Any, negative: Any, distance: Any, margin: float, swap: bool, reduction: str
) -> Any:
    check_reduction(who, reduction)
    check_number(who, "margin", margin)
    anchor = value(anchor)
    positive, negative = as_constant(positive, anchor), as_constant(negative, anchor)
    if not anchor.shape == positive.shape == negative.shape or anchor.ndim == 0:
        shapes = f"{anchor.shape}, {positive.shape} and {negative.shape}"
        raise ValueError(f"{who}: anchor, positive and negative must have the same shape (N, D), got {shapes}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = np.minimum(far, distance(positive, negative))
    return reduced(ad.relu(near - far + margin), reduction)
