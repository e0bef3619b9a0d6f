"""The losses as modules: each holds the options of one function and calls it. The functions have the formulas.

One file: one short class for each loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..module import Module
from ..parameter import Buffer
from . import binary, classification, likelihoods, margins, regression, sequences
from .arguments import REDUCTIONS, check_number, check_reduction, class_weights, element_weights

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class _Loss(Module):
    """Holds the options of a loss function as attributes; a subclass names the function and the options."""

    _function: Any
    _reductions: tuple[str, ...] = REDUCTIONS

    def __init__(self, *misplaced: Any, **options: Any) -> None:
        name = type(self).__name__
        if misplaced:
            raise TypeError(f"{name} takes options by name; call what it makes: nn.{name}()(prediction, target)")
        check_reduction(name, options["reduction"], self._reductions)
        self._options = tuple(options)
        for option, given in options.items():
            setattr(self, option, given)

    def _compute(self, *args: Any) -> Any:
        options = {}
        for name in self._options:  # in half the time of a comprehension
            options[name] = getattr(self, name)
        return type(self)._function(*args, **options)

    def extra_repr(self) -> str:
        """Return the options, `reduction` when it is not the mean."""
        shown = [(name, getattr(self, name)) for name in self._options]
        return ", ".join(
            f"{name}={'...' if isinstance(v, Buffer) else repr(v)}"
            for name, v in shown
            if v is not None and (name, v) != ("reduction", "mean")
        )


def _weight(who: str, name: str, weight: Any, classes: bool = False) -> Buffer | None:
    """Check weights when the module is made, and hold them as a buffer, which `state_dict` saves."""
    if weight is None:
        return None
    buffer = Buffer(weight)
    if classes:
        class_weights(who, buffer, buffer.size, buffer.dtype)
    else:
        element_weights(who, name, buffer, buffer)
    return buffer


# Numbers.


class MSELoss(_Loss):
    """Squared error; see `nn.mse_loss`. `torch.nn.MSELoss`.

    >>> import nn
    >>> float(nn.MSELoss()([1.0, 2.0], [1.0, 4.0]))
    2.0
    """

    _function = staticmethod(regression.mse_loss)

    def __init__(self, *misplaced: Any, reduction: str = "mean") -> None:
        super().__init__(*misplaced, reduction=reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(prediction, target)


class L1Loss(MSELoss):
    """Absolute error; see `nn.l1_loss`. `torch.nn.L1Loss`.

    >>> import nn
    >>> float(nn.L1Loss()([1.0, 2.0], [1.0, 4.0]))
    1.0
    """

    _function = staticmethod(regression.l1_loss)


class SmoothL1Loss(_Loss):
    """Squared error below `beta`, absolute error above; see `nn.smooth_l1_loss`. `torch.nn.SmoothL1Loss`.

    >>> import nn
    >>> float(nn.SmoothL1Loss(beta=2.0)([0.0], [1.0]))
    0.25
    """

    _function = staticmethod(regression.smooth_l1_loss)

    def __init__(self, *misplaced: Any, beta: float = 1.0, reduction: str = "mean") -> None:
        check_number("SmoothL1Loss", "beta", beta, 0)
        super().__init__(*misplaced, beta=beta, reduction=reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(prediction, target)


class HuberLoss(_Loss):
    """Squared error up to `delta`, linear from there; see `nn.huber_loss`. `torch.nn.HuberLoss`.

    >>> import nn
    >>> float(nn.HuberLoss(delta=1.0)([0.0], [3.0]))
    2.5
    """

    _function = staticmethod(regression.huber_loss)

    def __init__(self, *misplaced: Any, delta: float = 1.0, reduction: str = "mean") -> None:
        check_number("HuberLoss", "delta", delta, 0, above=True)
        super().__init__(*misplaced, delta=delta, reduction=reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(prediction, target)


# Likelihoods and divergences.


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of a target from log-probabilities; see `nn.kl_div`. `torch.nn.KLDivLoss`.

    >>> import nn, numpy as np
    >>> round(float(nn.KLDivLoss(reduction="batchmean")(np.log([[0.5, 0.5]]), [[0.25, 0.75]])), 5)
    0.13081
    """

    _function = staticmethod(likelihoods.kl_div)
    _reductions = ("batchmean", *REDUCTIONS)

    def __init__(self, *misplaced: Any, log_target: bool = False, reduction: str = "mean") -> None:
        super().__init__(*misplaced, log_target=log_target, reduction=reduction)

    def forward(self, log_probabilities: Any, target: Any) -> Any:
        """Return the divergence of equal shapes."""
        return self._compute(log_probabilities, target)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts; see `nn.poisson_nll_loss`. `torch.nn.PoissonNLLLoss`.

    >>> import nn
    >>> float(nn.PoissonNLLLoss()([0.0], [3.0]))
    1.0
    """

    _function = staticmethod(likelihoods.poisson_nll_loss)

    def __init__(
        self,
        log_input: bool = True,
        *misplaced: Any,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        if not isinstance(log_input, bool):
            misplaced = (log_input, *misplaced)
        super().__init__(*misplaced, log_input=log_input, full=full, eps=eps, reduction=reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(prediction, target)


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of normal distributions; see `nn.gaussian_nll_loss`. `torch.nn.GaussianNLLLoss`.

    >>> import nn
    >>> float(nn.GaussianNLLLoss()([1.0], [3.0], [1.0]))
    2.0
    """

    _function = staticmethod(likelihoods.gaussian_nll_loss)

    def __init__(self, *misplaced: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(*misplaced, full=full, eps=eps, reduction=reduction)

    def forward(self, prediction: Any, target: Any, var: Any) -> Any:
        """Return the loss of predictions, targets of equal shape, and variances."""
        return self._compute(prediction, target, var)


# One class out of C.


class CrossEntropyLoss(_Loss):
    """Softmax and cross-entropy in one, on logits; see `nn.cross_entropy`. `torch.nn.CrossEntropyLoss`.

    `weight`, when given, is a buffer.

    >>> import nn
    >>> round(float(nn.CrossEntropyLoss()([[2.0, 0.0]], [0])), 5)
    0.12693
    """

    _function = staticmethod(classification.cross_entropy)

    def __init__(
        self,
        weight: Any = None,
        *misplaced: Any,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        axis: int = 1,
    ) -> None:
        super().__init__(
            *misplaced,
            weight=_weight("CrossEntropyLoss", "weight", weight, classes=True) if not misplaced else None,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            axis=axis,
        )

    def forward(self, logits: Any, target: Any) -> Any:
        """Return the loss of logits (N, C, ...) and class indices (N, ...) or probabilities (N, C, ...)."""
        return self._compute(logits, target)


class NLLLoss(_Loss):
    """Negative log-likelihood of log-probabilities; see `nn.nll_loss`. `torch.nn.NLLLoss`.

    >>> import nn
    >>> float(nn.NLLLoss()([[-0.5, -1.0]], [0]))
    0.5
    """

    _function = staticmethod(classification.nll_loss)

    def __init__(
        self,
        weight: Any = None,
        *misplaced: Any,
        ignore_index: int = -100,
        reduction: str = "mean",
        axis: int = 1,
    ) -> None:
        super().__init__(
            *misplaced,
            weight=_weight("NLLLoss", "weight", weight, classes=True) if not misplaced else None,
            ignore_index=ignore_index,
            reduction=reduction,
            axis=axis,
        )

    def forward(self, log_probabilities: Any, labels: Any) -> Any:
        """Return the loss of log-probabilities (N, C, ...) and class indices (N, ...)."""
        return self._compute(log_probabilities, labels)


class MultiMarginLoss(_Loss):
    """The hinge loss for C classes; see `nn.multi_margin_loss`. `torch.nn.MultiMarginLoss`.

    >>> import nn
    >>> float(nn.MultiMarginLoss()([[1.0, 1.0]], [0]))
    0.5
    """

    _function = staticmethod(classification.multi_margin_loss)

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Any = None,
        *misplaced: Any,
        reduction: str = "mean",
        axis: int = 1,
    ) -> None:
        if not isinstance(p, (int, float)) or isinstance(p, bool):
            misplaced = (p, *misplaced)
        elif p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p!r}")
        super().__init__(
            *misplaced,
            p=p,
            margin=margin,
            weight=_weight("MultiMarginLoss", "weight", weight, classes=True) if not misplaced else None,
            reduction=reduction,
            axis=axis,
        )

    def forward(self, scores: Any, labels: Any) -> Any:
        """Return the loss of scores (N, C, ...) and class indices (N, ...)."""
        return self._compute(scores, labels)


class MultiLabelMarginLoss(_Loss):
    """The hinge loss for several right classes; see `nn.multilabel_margin_loss`. `torch.nn.MultiLabelMarginLoss`.

    >>> import nn
    >>> float(nn.MultiLabelMarginLoss()([[1.0, 1.0]], [[0, -1]]))
    0.5
    """

    _function = staticmethod(margins.multilabel_margin_loss)

    def __init__(self, *misplaced: Any, reduction: str = "mean") -> None:
        super().__init__(*misplaced, reduction=reduction)

    def forward(self, scores: Any, labels: Any) -> Any:
        """Return the loss of scores (N, C) and class indices (N, C), -1 after the last of each row."""
        return self._compute(scores, labels)


# Yes or no.


class MultiLabelSoftMarginLoss(_Loss):
    """The mean binary cross-entropy over classes; see `nn.multilabel_soft_margin_loss`.
    `torch.nn.MultiLabelSoftMarginLoss`.

    >>> import nn
    >>> round(float(nn.MultiLabelSoftMarginLoss()([[0.0, 2.0]], [[1.0, 1.0]])), 5)
    0.41004
    """

    _function = staticmethod(binary.multilabel_soft_margin_loss)

    def __init__(self, weight: Any = None, *misplaced: Any, reduction: str = "mean") -> None:
        held = _weight("MultiLabelSoftMarginLoss", "weight", weight)
        super().__init__(*misplaced, weight=held, reduction=reduction)

    def forward(self, logits: Any, target: Any) -> Any:
        """Return the loss of equal shapes, the classes on the last axis."""
        return self._compute(logits, target)


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities; see `nn.binary_cross_entropy`. `torch.nn.BCELoss`.

    >>> import nn
    >>> round(float(nn.BCELoss()([0.5], [1.0])), 5)
    0.69315
    """

    _function = staticmethod(binary.binary_cross_entropy)

    def __init__(self, weight: Any = None, *misplaced: Any, reduction: str = "mean") -> None:
        super().__init__(
            *misplaced,
            weight=_weight("BCELoss", "weight", weight) if not misplaced else None,
            reduction=reduction,
        )

    def forward(self, probability: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(probability, target)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits; see `nn.binary_cross_entropy_with_logits`. `torch.nn.BCEWithLogitsLoss`.

    >>> import nn
    >>> round(float(nn.BCEWithLogitsLoss()([0.0], [1.0])), 5)
    0.69315
    """

    _function = staticmethod(binary.binary_cross_entropy_with_logits)

    def __init__(self, weight: Any = None, *misplaced: Any, pos_weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(
            *misplaced,
            weight=_weight("BCEWithLogitsLoss", "weight", weight) if not misplaced else None,
            pos_weight=_weight("BCEWithLogitsLoss", "pos_weight", pos_weight),
            reduction=reduction,
        )

    def forward(self, logits: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(logits, target)


class FocalLoss(_Loss):
    """Binary cross-entropy with less weight on easy elements; see `nn.focal_loss`. Lin et al. 2017.

    >>> import nn
    >>> round(float(nn.FocalLoss()([2.0], [1.0])), 6)
    0.000451
    """

    _function = staticmethod(binary.focal_loss)

    def __init__(
        self, *misplaced: Any, alpha: float | None = 0.25, gamma: float = 2.0, reduction: str = "mean"
    ) -> None:
        super().__init__(*misplaced, alpha=alpha, gamma=gamma, reduction=reduction)

    def forward(self, logits: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(logits, target)


# Distances.


class HingeLoss(_Loss):
    """max(0, margin - y * score) for y = -1 or +1; see `nn.hinge_loss`.

    >>> import nn
    >>> float(nn.HingeLoss()([0.25], [1.0]))
    0.75
    """

    _function = staticmethod(margins.hinge_loss)

    def __init__(self, margin: float = 1.0, *misplaced: Any, reduction: str = "mean") -> None:
        if not misplaced:
            check_number(type(self).__name__, "margin", margin)
        super().__init__(*misplaced, margin=margin, reduction=reduction)

    def forward(self, scores: Any, target: Any) -> Any:
        """Return the loss of equal shapes."""
        return self._compute(scores, target)


class HingeEmbeddingLoss(HingeLoss):
    """A distance for similar pairs, max(0, margin - distance) for others; see `nn.hinge_embedding_loss`.

    `torch.nn.HingeEmbeddingLoss`.

    >>> import nn
    >>> float(nn.HingeEmbeddingLoss()([0.25], [-1.0]))
    0.75
    """

    _function: Any = staticmethod(margins.hinge_embedding_loss)


class SoftMarginLoss(MSELoss):
    """log(1 + exp(-y * score)) for y = -1 or +1; see `nn.soft_margin_loss`. `torch.nn.SoftMarginLoss`.

    >>> import nn
    >>> round(float(nn.SoftMarginLoss()([0.0], [1.0])), 5)
    0.69315
    """

    _function: Any = staticmethod(margins.soft_margin_loss)


class MarginRankingLoss(_Loss):
    """max(0, margin - y * (first - second)); see `nn.margin_ranking_loss`. `torch.nn.MarginRankingLoss`.

    >>> import nn
    >>> float(nn.MarginRankingLoss()([1.0], [3.0], [1.0]))
    2.0
    """

    _function = staticmethod(margins.margin_ranking_loss)

    def __init__(self, margin: float = 0.0, *misplaced: Any, reduction: str = "mean") -> None:
        if not misplaced:
            check_number(type(self).__name__, "margin", margin)
        super().__init__(*misplaced, margin=margin, reduction=reduction)

    def forward(self, first: Any, second: Any, target: Any) -> Any:
        """Return the loss of two scores and the sign of their order, equal shapes."""
        return self._compute(first, second, target)


class CosineEmbeddingLoss(MarginRankingLoss):
    """1 - cos for similar vectors, max(0, cos - margin) for others; see `nn.cosine_embedding_loss`.

    `torch.nn.CosineEmbeddingLoss`.

    >>> import nn
    >>> float(nn.CosineEmbeddingLoss()([[1.0, 0.0]], [[0.0, 1.0]], [1]))
    1.0
    """

    _function = staticmethod(margins.cosine_embedding_loss)


class TripletMarginLoss(_Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin); see `nn.triplet_margin_loss`.

    `torch.nn.TripletMarginLoss`.

    >>> import nn
    >>> float(nn.TripletMarginLoss(eps=0.0)([[0.0]], [[2.0]], [[2.5]]))
    0.5
    """

    _function = staticmethod(margins.triplet_margin_loss)

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        *misplaced: Any,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(*misplaced, margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Return the loss of three batches (N, D)."""
        return self._compute(anchor, positive, negative)


class TripletMarginWithDistanceLoss(_Loss):
    """The triplet loss for your own distance; see `nn.triplet_margin_with_distance_loss`.

    `torch.nn.TripletMarginWithDistanceLoss`.

    >>> import nn
    >>> by_square = lambda a, b: ((a - b) ** 2).sum(axis=-1)
    >>> float(nn.TripletMarginWithDistanceLoss(distance_function=by_square)([[0.0]], [[2.0]], [[2.0]]))
    1.0
    """

    _function = staticmethod(margins.triplet_margin_with_distance_loss)

    def __init__(
        self,
        *misplaced: Any,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(*misplaced, distance_function=distance_function, margin=margin, swap=swap, reduction=reduction)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Return the loss of three batches (N, D)."""
        return self._compute(anchor, positive, negative)


# Sequences.


class CTCLoss(_Loss):
    """Connectionist temporal classification; see `nn.ctc_loss`. `torch.nn.CTCLoss`.

    >>> import nn, numpy as np
    >>> steps = np.log(np.full((2, 1, 3), 1 / 3))
    >>> round(float(np.exp(-nn.CTCLoss()(steps, [[1]], [2], [1]))), 4)
    0.3333
    """

    _function = staticmethod(sequences.ctc_loss)

    def __init__(self, blank: int = 0, *misplaced: Any, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(*misplaced, blank=blank, reduction=reduction, zero_infinity=zero_infinity)

    def forward(self, log_probabilities: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        """Return the loss of log-probabilities (T, N, C) and targets with their lengths."""
        return self._compute(log_probabilities, targets, input_lengths, target_lengths)
