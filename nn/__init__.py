"""Neural networks on `autodiff`: modules, losses, optimizers, data and training.

The names are PyTorch's where PyTorch has them, so that fingers and saved weights carry over; the teaching path is
micrograd's (`Neuron`, `Layer`, `MLP` on numbers). Everything is built from autodiff's public interface alone.
"""

from typing import TYPE_CHECKING, Any

from autodiff import extend as _extend

from . import data, functional, init, metrics, optim
from .history import EarlyStopping, History
from .layers.activations import ELU, GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .layers.containers import Sequential
from .layers.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .layers.dropout import Dropout
from .layers.linear import Flatten, Linear
from .layers.padding import (
    CircularPad1d,
    CircularPad2d,
    ConstantPad1d,
    ConstantPad2d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReplicationPad1d,
    ReplicationPad2d,
    ZeroPad1d,
    ZeroPad2d,
)
from .layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from .layers.windows import Fold, Unfold
from .losses import (
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
    MultiMarginLoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
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
from .metrics import accuracy, confusion_matrix
from .module import Module, functional_call
from .names_elsewhere import IN_PACKAGE as _ELSEWHERE
from .neuron import MLP, Layer, Neuron
from .optim import SGD, Adam, AdamW, clip_grad_norm_, clip_grad_value_
from .parameter import Buffer, Parameter
from .random import default_generator, seed
from .report import training_report
from .sequences.embedding import Embedding, EmbeddingBag
from .sequences.packing import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
)
from .sequences.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .serialization import FileFormatError, load, save
from .training import evaluate, fit, predict

__all__ = [
    # modules
    "Module",
    "Parameter",
    "Buffer",
    "functional_call",
    # layers
    "Flatten",
    "Linear",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Fold",
    "Unfold",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "CircularPad1d",
    "CircularPad2d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ZeroPad1d",
    "ZeroPad2d",
    "Dropout",
    "Neuron",
    "Layer",
    "MLP",
    # containers
    "Sequential",
    # sequences
    "Embedding",
    "EmbeddingBag",
    "RNN",
    "LSTM",
    "GRU",
    "RNNCell",
    "LSTMCell",
    "GRUCell",
    "PackedSequence",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    # activations
    "ELU",
    "GELU",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    # losses
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
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
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


if not TYPE_CHECKING:  # a type checker reports a misspelt name itself

    def __getattr__(name: str) -> Any:
        """Answer names of other libraries, and misspelt ones, with what to write here."""
        if name.startswith("__"):
            raise AttributeError(f"module 'nn' has no attribute {name!r}")
        raise _extend.no_such_name("nn", name, _ELSEWHERE, __all__)
