"""Losses: how wrong predictions are, as functions (`nn.cross_entropy`) and as modules (`nn.CrossEntropyLoss`)."""

from .classification import *  # noqa: F403
from .classification import __all__ as __all__
