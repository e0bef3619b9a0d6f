"""Optimizers: each class is one update rule and the table of its state. Their base class is in `optimizer.py`, and
`lr_scheduler` changes learning rates over time."""

from typing import TYPE_CHECKING

from autodiff.extend import missing_names

from . import lr_scheduler
from .averaging import AveragedModel, get_ema_avg_fn
from .clip import clip_grad_norm_, clip_grad_value_
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .update_rules.adadelta import Adadelta
from .update_rules.adagrad import Adagrad
from .update_rules.adam import Adam, AdamW, adam_update
from .update_rules.adamax import Adamax
from .update_rules.asgd import ASGD
from .update_rules.lamb import LAMB
from .update_rules.lion import Lion
from .update_rules.nadam import NAdam
from .update_rules.radam import RAdam
from .update_rules.rmsprop import RMSprop
from .update_rules.rprop import Rprop
from .update_rules.sgd import SGD, sgd_update

__all__ = [
    "ASGD",
    "LAMB",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AveragedModel",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "adam_update",
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_ema_avg_fn",
    "lr_scheduler",
    "sgd_update",
]

_ELSEWHERE = {
    **{name: f"write nn.optim.lr_scheduler.{name}" for name in lr_scheduler.__all__},
    "Adafactor": "write nn.optim.LAMB or nn.optim.Adam, which keep the whole running means",
    "Muon": "write nn.optim.AdamW",
    "SparseAdam": "write nn.optim.Adam: gradients here are whole arrays",
    "swa_utils": "nn.optim.AveragedModel and nn.optim.get_ema_avg_fn are in nn.optim itself",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _ELSEWHERE)
