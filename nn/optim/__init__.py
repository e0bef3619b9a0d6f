"""Optimizers: each class holds groups and state; the formula is one pure function on arrays below it in the same
file."""

from .adam import Adam, AdamW, adam_update
from .clip import clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer
from .sgd import SGD, sgd_update

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "adam_update", "clip_grad_norm_", "clip_grad_value_", "sgd_update"]
