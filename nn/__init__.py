"""Neural networks on `autodiff`: modules, losses, optimizers, data and training.

The names are PyTorch's where PyTorch has them, so that fingers and saved weights carry over; the teaching path is
micrograd's (`Neuron`, `Layer`, `MLP` on numbers). Everything is built from autodiff's public interface alone.
"""

from . import data, functional, init, metrics, optim
from .activations import ELU, GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .containers import Sequential
from .dropout import Dropout
from .history import EarlyStopping, History
from .linear import Flatten, Linear
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    MultiMarginLoss,
    NLLLoss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
)
from .metrics import accuracy, confusion_matrix
from .module import Module, functional_call
from .neuron import MLP, Layer, Neuron
from .optim import SGD, Adam, AdamW, clip_grad_norm_, clip_grad_value_
from .parameter import Buffer, Parameter
from .random import default_generator, seed
from .report import training_report
from .serialization import FileFormatError, load, save
from .training import evaluate, fit, predict

__all__ = [
    # modules
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "functional_call",
    # layers
    "Linear",
    "Flatten",
    "Dropout",
    "Neuron",
    "Layer",
    "MLP",
    # activations
    "ReLU",
    "Sigmoid",
    "Tanh",
    "LeakyReLU",
    "ELU",
    "GELU",
    "SiLU",
    "Softplus",
    "Softmax",
    "LogSoftmax",
    # losses
    "MSELoss",
    "L1Loss",
    "HuberLoss",
    "CrossEntropyLoss",
    "NLLLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "HingeLoss",
    "MultiMarginLoss",
    "mse_loss",
    "l1_loss",
    "huber_loss",
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "hinge_loss",
    "multi_margin_loss",
    # optimizers
    "SGD",
    "Adam",
    "AdamW",
    "clip_grad_norm_",
    "clip_grad_value_",
    # training
    "fit",
    "evaluate",
    "predict",
    "training_report",
    "History",
    "EarlyStopping",
    "accuracy",
    "confusion_matrix",
    # files and randomness
    "save",
    "load",
    "FileFormatError",
    "seed",
    "default_generator",
    # further modules
    "data",
    "functional",
    "init",
    "metrics",
    "optim",
]
