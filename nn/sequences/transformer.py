"""Transformers: encoder and decoder layers, their stacks, and both together (Vaswani et al. 2017).

Arguments, parameter names and masks are PyTorch's. A boolean mask is True for entries that do not count; a mask of
numbers is added to the scores. Sequences are (T, N, E), or (N, T, E) with `batch_first=True`, or (T, E).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

import autodiff as ad

from .. import init
from ..layers.dropout import Dropout
from ..layers.inputs import as_input
from ..layers.linear import Linear
from ..layers.normalization import LayerNorm
from ..module import Module
from ..random import Rng, as_generator
from .attention import MultiheadAttention

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[Any], Any]


def _activation(who: str, activation: Activation) -> Callable[[Any], Any]:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise ValueError(f"{who}: activation must be 'relu', 'gelu' or a function, got {activation!r}")
    return ad.relu if activation == "relu" else ad.gelu


class _Layer(Module):
    """Base of encoder and decoder layers: attention to the sequence itself, and two linear layers on each step.

    A part f changes x to norm(x + f(x)), or with `norm_first` to x + f(norm(x)). Parameters are in PyTorch's order.
    """

    _looks = False  # whether it attends to another sequence too

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        generator = as_generator(rng)
        own = None if rng is None else generator
        self.activation, self.norm_first = _activation(type(self).__name__, activation), norm_first
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, rng=generator
        )
        if self._looks:
            self.multihead_attn = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, rng=generator
            )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype, rng=generator)
        self.dropout = Dropout(dropout, rng=own)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype, rng=generator)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        if self._looks:
            self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout, rng=own)
        self.dropout2 = Dropout(dropout, rng=own)
        if self._looks:
            self.dropout3 = Dropout(dropout, rng=own)

    def _add(self, x: Any, norm: Any, part: Callable[[Any], Any]) -> Any:
        """Return x plus the output of a part, normalized before the part or after the sum."""
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))

    def _attended(self, x: Any, mask: Any, padding: Any, is_causal: bool) -> Any:
        y, _ = self.self_attn(x, x, x, padding, False, mask, is_causal=is_causal)
        return self.dropout1(y)

    def _each_step(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Apply attention of a sequence to itself, then two linear layers to each step. `torch.nn.TransformerEncoderLayer`.

    Args:
        d_model: features E of a step. nhead: heads of the attention; they divide E.
        dim_feedforward: features between the two linear layers.
        dropout: probability of zero, of the attention's weights and of the outputs of each part, in training.
        activation: "relu", "gelu" or a function, between the linear layers.
        layer_norm_eps: added to the variance.
        batch_first: sequences are (N, T, E) instead of (T, N, E).
        norm_first: normalize before each part instead of after it.
        bias: whether the linear layers and the norms have one.
        dtype, rng: of the parameters; a given rng draws the dropout as well.

    Shapes: src (T, N, E); y the same.

    >>> import nn, numpy as np
    >>> layer = nn.TransformerEncoderLayer(8, 2, 16, rng=0).eval()
    >>> layer(np.ones((5, 3, 8)), is_causal=True).shape
    (5, 3, 8)
    """

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """src: (T, N, E) -> (T, N, E); src_mask (T, T) or (N * heads, T, T), src_key_padding_mask (N, T).

        is_causal: a step attends to itself and to earlier ones, with src_mask or without.
        """
        src = as_input(src, self.linear1.weight.dtype)
        x = self._add(src, self.norm1, lambda x: self._attended(x, src_mask, src_key_padding_mask, is_causal))
        return self._add(x, self.norm2, lambda x: self.dropout2(self._each_step(x)))


class TransformerDecoderLayer(_Layer):
    """Apply attention of a sequence to itself and to another one, then two linear layers to each step.

    `torch.nn.TransformerDecoderLayer`. The arguments are those of `TransformerEncoderLayer`.

    Shapes: tgt (T, N, E), memory (S, N, E); y like tgt.

    >>> import nn, numpy as np
    >>> layer = nn.TransformerDecoderLayer(8, 2, 16, rng=0).eval()
    >>> layer(np.ones((5, 3, 8)), np.ones((4, 3, 8)), tgt_is_causal=True).shape
    (5, 3, 8)
    """

    _looks = True

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """tgt: (T, N, E), memory: (S, N, E) -> (T, N, E); the masks as in `TransformerEncoderLayer`."""

        def look(x: Any) -> Any:
            y, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )
            return self.dropout2(y)

        tgt = as_input(tgt, self.linear1.weight.dtype)
        x = self._add(tgt, self.norm1, lambda x: self._attended(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._add(x, self.norm2, look)
        return self._add(x, self.norm3, lambda x: self.dropout3(self._each_step(x)))


class TransformerEncoder(Module):
    """Run copies of an encoder layer, one after the other. `torch.nn.TransformerEncoder`.

    Args:
        encoder_layer: a `TransformerEncoderLayer`; each of the `num_layers` copies begins with its weights, as in
            PyTorch.
        norm: a module for the output, or None.

    Shapes: src (T, N, E); y the same.

    >>> import nn, numpy as np
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, rng=0), 2, nn.LayerNorm(8))
    >>> encoder(np.ones((5, 3, 8))).shape
    (5, 3, 8)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.layers = [copy.deepcopy(encoder_layer) for _ in range(num_layers)]
        self.num_layers, self.norm = num_layers, norm

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """src: (T, N, E) -> (T, N, E); the masks go to every layer."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """Run copies of a decoder layer, one after the other. `torch.nn.TransformerDecoder`.

    The arguments are those of `TransformerEncoder`.

    Shapes: tgt (T, N, E), memory (S, N, E); y like tgt.

    >>> import nn, numpy as np
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, rng=0), 2)
    >>> decoder(np.ones((5, 3, 8)), np.ones((4, 3, 8))).shape
    (5, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.layers = [copy.deepcopy(decoder_layer) for _ in range(num_layers)]
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """tgt: (T, N, E), memory: (S, N, E) -> (T, N, E); the masks go to every layer."""
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encode one sequence and decode another one that attends to it. `torch.nn.Transformer`.

    Args:
        num_encoder_layers, num_decoder_layers: sizes of the stacks.
        custom_encoder, custom_decoder: modules to use instead of the stacks.
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, dtype, rng:
            as for `TransformerEncoderLayer`. Matrices start Xavier uniform, each drawn separately.

    Shapes: src (S, N, E), tgt (T, N, E); y like tgt.

    >>> import nn, numpy as np
    >>> model = nn.Transformer(8, 2, 1, 1, 16, rng=0)
    >>> model(np.ones((4, 3, 8)), np.ones((5, 3, 8)), tgt_is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        generator = as_generator(rng)
        sizes = d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias
        own = None if rng is None else generator

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*sizes, dtype=dtype, rng=own), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*sizes, dtype=dtype, rng=own), num_decoder_layers, norm()
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for p in self.parameters():
            if p.ndim > 1:
                p.data = init.xavier_uniform(p.shape, rng=generator, dtype=p.dtype)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """src: (S, N, E), tgt: (T, N, E) -> (T, N, E); the masks go to the encoder and the decoder."""
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Return the mask (sz, sz) of numbers that lets a step attend to itself and to earlier ones.

        >>> import nn
        >>> nn.Transformer.generate_square_subsequent_mask(2)
        array([[  0., -inf],
               [  0.,   0.]], dtype=float32)
        """
        return np.where(np.tri(sz, dtype=bool), 0.0, -np.inf).astype(dtype)
