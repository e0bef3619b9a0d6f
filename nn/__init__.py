"""Neural networks on `autodiff`: modules, losses, optimizers, data and training.

The names are PyTorch's where PyTorch has them, so that programs and saved weights need few changes. `Neuron`, `Layer`
and `MLP` compute with single numbers, for teaching, as in micrograd. Only autodiff's public interface is used.

One file: the list of public names.
"""

import importlib
from typing import TYPE_CHECKING, Any

from autodiff import extend as _extend

from . import data, functional, init, metrics, optim, parametrize
from .exchange.onnx_export import export_onnx
from .exchange.safetensors_files import load_safetensors, save_safetensors
from .exchange.steps import ExportError
from .layers.activations import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    RReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from .layers.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .layers.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .layers.distances import CosineSimilarity, PairwiseDistance
from .layers.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout
from .layers.linear import Bilinear, Flatten, Identity, Linear, Unflatten
from .layers.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    LocalResponseNorm,
    RMSNorm,
)
from .layers.padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from .layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from .layers.resizing import ChannelShuffle, PixelShuffle, PixelUnshuffle, Upsample
from .layers.unpooling import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
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
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
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
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
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
from .optim import LBFGS, SGD, Adam, AdamW, clip_grad_norm_, clip_grad_value_
from .parameter import Buffer, Parameter, parameters_to_vector, vector_to_parameters
from .random import default_generator, seed
from .report import training_report
from .sequences.attention import MultiheadAttention
from .sequences.embedding import Embedding, EmbeddingBag
from .sequences.packing import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
)
from .sequences.positions import RotaryPositions, SinusoidalPositions
from .sequences.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .sequences.transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from .serialization import FileFormatError, load, save
from .training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    TensorBoard,
    distributed,
    evaluate,
    fit,
    predict,
    training_step,
)

__all__ = [
    # modules
    "Module",
    "Parameter",
    "Buffer",
    "functional_call",
    "parameters_to_vector",
    "vector_to_parameters",
    # layers
    "Bilinear",
    "Flatten",
    "Identity",
    "Linear",
    "Unflatten",
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
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
    "ChannelShuffle",
    "PixelShuffle",
    "PixelUnshuffle",
    "Upsample",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "Neuron",
    "Layer",
    "MLP",
    # containers
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
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
    "MultiheadAttention",
    "TransformerEncoderLayer",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerDecoder",
    "Transformer",
    "SinusoidalPositions",
    "RotaryPositions",
    "PackedSequence",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    # activations
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "PairwiseDistance",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    # losses
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
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
    # optimizers
    "SGD",
    "Adam",
    "AdamW",
    "LBFGS",
    "clip_grad_norm_",
    "clip_grad_value_",
    # training
    "fit",
    "evaluate",
    "predict",
    "training_report",
    "training_step",
    "distributed",
    "History",
    "EarlyStopping",
    "Callback",
    "Checkpoint",
    "TensorBoard",
    "accuracy",
    "confusion_matrix",
    # files and randomness
    "save",
    "load",
    "FileFormatError",
    "ExportError",
    "export_onnx",
    "load_safetensors",
    "save_safetensors",
    "seed",
    "default_generator",
    # further modules
    "data",
    "functional",
    "init",
    "metrics",
    "optim",
    "parametrize",
]


if TYPE_CHECKING:
    from .estimators import NeuralClassifier as NeuralClassifier
    from .estimators import NeuralRegressor as NeuralRegressor
else:  # a type checker reports a misspelt name itself

    def __getattr__(name: str) -> Any:
        """Import `testing` and the estimators at first use. Raise AttributeError with advice for other names."""
        if name.startswith("__"):
            raise AttributeError(f"module 'nn' has no attribute {name!r}")
        if name == "testing":  # loaded at first use, as `ad.testing` is
            return importlib.import_module("nn.testing")
        if name in ("NeuralClassifier", "NeuralRegressor"):  # their bases are scikit-learn's
            try:
                from . import estimators
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] != "sklearn":
                    raise
                raise ImportError(f"nn.{name} needs scikit-learn: pip install 'backflow[sklearn]'") from None
            return getattr(estimators, name)
        raise _extend.no_such_name("nn", name, _ELSEWHERE, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
