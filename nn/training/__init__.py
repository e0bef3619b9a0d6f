"""Training: the loop around a model, its callbacks, history and checkpoints."""

from .callbacks import Callback
from .checkpoints import Checkpoint
from .distributed import distributed
from .evaluation import evaluate, predict
from .history import EarlyStopping, History
from .loop import fit
from .step import training_step
from .tensorboard import TensorBoard

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "TensorBoard",
    "distributed",
    "evaluate",
    "fit",
    "predict",
    "training_step",
]
