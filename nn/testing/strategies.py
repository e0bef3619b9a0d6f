"""Strategies of layers, losses, optimizers and whole training configurations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

import nn
from autodiff.testing import smooth_values

__all__ = ["TrainingConfig", "losses", "modules", "optimizers", "training_configs"]

_ACTIVATIONS = ("Tanh", "ReLU", "Sigmoid", "GELU", "SiLU", "Softplus", "ELU", "LeakyReLU", "Softmax", "LogSoftmax")


@st.composite
def modules(draw: Any, inputs: int | None = None, outputs: int | None = None) -> Any:
    """Draw small feed-forward networks, which shrink to one linear layer. Weights are seeded."""
    sides = [
        inputs or draw(st.integers(1, 3)),
        *draw(st.lists(st.integers(1, 3), max_size=2)),
        outputs or draw(st.integers(1, 3)),
    ]
    layers: list[Any] = []
    for k, (a, b) in enumerate(pairwise(sides)):
        layers.append(nn.Linear(a, b, rng=draw(st.integers(0, 7)), dtype=np.float64))
        if k < len(sides) - 2:
            layers.append(getattr(nn, draw(st.sampled_from(_ACTIVATIONS)))())
    return nn.Sequential(*layers)


@st.composite
def losses(draw: Any, rows: int = 3, columns: int = 3) -> tuple[Any, Any]:
    """Draw (loss module, targets) for predictions of shape (rows, columns)."""
    kind = draw(st.sampled_from(["MSELoss", "L1Loss", "HuberLoss", "BCEWithLogitsLoss", "CrossEntropyLoss"]))
    loss = getattr(nn, kind)(reduction=draw(st.sampled_from(["mean", "sum", "none"])))
    if kind == "CrossEntropyLoss":
        return loss, np.array(draw(st.lists(st.integers(0, columns - 1), min_size=rows, max_size=rows)))
    domain = (0.0, 1.0) if kind == "BCEWithLogitsLoss" else (-4.0, 4.0)
    return loss, draw(smooth_values((rows, columns), domain))


def optimizers() -> st.SearchStrategy[Callable[[Any], Any]]:
    """Draw functions that make an optimizer from parameters, which shrink to plain SGD."""
    rate = st.sampled_from([0.1, 0.01, 0.5])
    decay = st.sampled_from([0.0, 0.1])
    sgd = st.builds(
        lambda lr, m, d, n: lambda ps: nn.SGD(ps, lr=lr, momentum=m, weight_decay=d, nesterov=bool(n and m)),
        rate,
        st.sampled_from([0.0, 0.9]),
        decay,
        st.booleans(),
    )
    adam = st.builds(
        lambda kind, lr, d, b: lambda ps: kind(ps, lr=lr, weight_decay=d, betas=b),
        st.sampled_from([nn.Adam, nn.AdamW]),
        rate,
        decay,
        st.sampled_from([(0.9, 0.999), (0.5, 0.9)]),
    )
    return st.one_of(sgd, adam)


@dataclass(frozen=True)
class TrainingConfig:
    """A network, a loss with targets, an optimizer and a batch that fit together."""

    model: Any
    loss: Any
    targets: Any
    optimizer: Callable[[Any], Any]
    batch: np.ndarray


@st.composite
def training_configs(draw: Any) -> TrainingConfig:
    """Draw a network, a loss with targets, an optimizer and a batch that fit together."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    model = draw(modules(outputs=columns))
    first = next(iter(model.parameters()))
    loss, targets = draw(losses(rows, columns))
    if loss.reduction == "none":
        loss = type(loss)()
    return TrainingConfig(model, loss, targets, draw(optimizers()), draw(smooth_values((rows, first.shape[1]))))
