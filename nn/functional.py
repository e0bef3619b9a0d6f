"""Layers without state, and losses, as functions under PyTorch's names: `nn.functional.relu`, `nn.functional.mse_loss`.

The activations are those of autodiff, and the losses those of `nn.losses`: one definition each. Everything here takes
plain arrays and graph values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import elu, gelu, leaky_relu, linear, log_softmax, relu, sigmoid, silu, softmax, softplus, tanh

from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    ctc_loss,
    focal_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from .random import Rng, as_generator

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "elu",
    "flatten",
    "focal_loss",
    "gaussian_nll_loss",
    "gelu",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softplus",
    "tanh",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def as_input(x: Any, dtype: DTypeLike) -> Any:
    """What a layer computes with: a Tensor as it is, anything else as an array, real numbers cast to the
    parameters' dtype."""
    if isinstance(x, ad.Tensor):
        return x
    x = np.asarray(x)
    return x if x.dtype is dtype or x.dtype == dtype or x.dtype.kind not in "fiub" else x.astype(dtype)


def flatten(x: Any, start_axis: int = 1) -> Any:
    """Join all axes from `start_axis` on into one.

    x: (N, ...); returns (N, product of the rest). `torch.flatten`, whose `start_dim` is `start_axis` here. Raises
    ValueError when x has fewer axes.

    >>> flatten(np.zeros((32, 28, 28))).shape
    (32, 784)
    """
    shape = np.shape(x)
    if not -len(shape) <= start_axis <= len(shape):
        raise ValueError(f"flatten from axis {start_axis} needs at least {start_axis} axes, got shape {shape}")
    kept = shape[:start_axis]
    return np.reshape(x, (*kept, math.prod(shape[start_axis:])))


def check_probability(p: float) -> None:
    """Raise ValueError unless 0 <= p <= 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"the probability of dropping must be in [0, 1], got {p!r}")


def dropout(x: Any, p: float = 0.5, *, training: bool = True, rng: Rng = None) -> Any:
    """Zero each element with probability p and divide the others by 1 - p; return x itself when not training.

    x: any shape. rng: a Generator, a seed, or None for the default generator. `torch.nn.functional.dropout`. Raises
    ValueError unless 0 <= p <= 1.

    >>> dropout(np.ones(6, np.float32), 0.5, rng=0)
    array([2., 2., 2., 0., 0., 0.], dtype=float32)
    """
    check_probability(p)
    if not training or p == 0:
        return x
    dtype = np.result_type(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype, np.float16)
    if p == 1:
        return x * np.zeros(np.shape(x), dtype)
    keep = as_generator(rng).random(np.shape(x), dtype=np.float32) >= p
    return x * (keep * dtype.type(1 / (1 - p)))
