"""Training: the loop around a model, and what it leaves behind."""

from .history import EarlyStopping, History
from .loop import evaluate, fit, predict

__all__ = ["EarlyStopping", "History", "evaluate", "fit", "predict"]
