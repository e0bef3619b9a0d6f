"""Losses: how wrong predictions are, as functions (`nn.cross_entropy`) and as modules (`nn.CrossEntropyLoss`).

Every loss takes `reduction`: "mean" (the default), "sum" or "none". The mean over nothing (an empty batch, only ignored
labels, weights that sum to zero) is 0, and its gradients are zeros; PyTorch gives NaN, which one such batch would
spread to all weights. Elementwise losses refuse unequal shapes instead of broadcasting them: (N, 1) against (N,) would
compare every prediction with every target. Labels, probabilities and weights are checked, and the error names the first
wrong one. Targets are constants as a rule, but a graph value is differentiated like any other.

Class scores are on axis 1: (N, C, ...), with labels (N, ...); `axis=-1` is for (..., C).
"""

from .binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    focal_loss,
    multilabel_soft_margin_loss,
)
from .classification import (
    cross_entropy,
    multi_margin_loss,
    nll_loss,
)
from .likelihoods import (
    gaussian_nll_loss,
    kl_div,
    poisson_nll_loss,
)
from .margins import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    hinge_loss,
    margin_ranking_loss,
    multilabel_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from .modules import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    CTCLoss,
    FocalLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)
from .regression import (
    huber_loss,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from .sequences import (
    ctc_loss,
)

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
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "focal_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]
