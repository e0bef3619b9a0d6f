"""Attention: `scaled_dot_product_attention` and MultiheadAttention (Vaswani et al. 2017).

The output for a query whose keys are all masked is 0, and so is its gradient. PyTorch's function does the same; its
MultiheadAttention returns NaN for such a query with `need_weights=True`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import extend
from autodiff.extend import ModuleFacts

from .. import init
from ..layers.dropout import check_probability, dropout
from ..layers.inputs import as_input, as_value, beside
from ..layers.linear import Linear
from ..module import Module
from ..parameter import Parameter
from ..random import Rng, as_generator

__all__ = ["MultiheadAttention", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: Rng = None,
) -> Any:
    """Return softmax(query keyᵀ scale + mask) value. `torch.nn.functional.scaled_dot_product_attention`.

    query: (..., L, E). key: (..., S, E). value: (..., S, V). Returns (..., L, V). attn_mask: broadcastable to
    (..., L, S); booleans are True for keys that a query attends to, numbers are added to the scores. is_causal: a query
    attends to keys up to its own position. dropout_p: probability of dropping a weight; it is always applied, so pass 0
    in evaluation. scale: 1/sqrt(E) unless given. Raises ValueError when the shapes do not fit.

    >>> x = np.eye(2)
    >>> scaled_dot_product_attention(x, x, x, is_causal=True).round(4)
    array([[1.    , 0.    ],
           [0.3302, 0.6698]])
    """
    weights = _weights(query, key, attn_mask, is_causal, scale)
    if np.shape(value)[-2:-1] != np.shape(key)[-2:-1]:
        raise ValueError(
            f"scaled_dot_product_attention: {np.shape(key)[-2]} keys need as many values, got shape {np.shape(value)}"
        )
    return dropout(weights, dropout_p, rng=rng) @ value


def _weights(query: Any, key: Any, mask: Any, is_causal: bool, scale: float | None) -> Any:
    """Return the weights (..., L, S) of the keys for each query."""
    q: Any = as_value(query)
    k: Any = as_value(key)
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1]:
        raise ValueError(
            f"scaled_dot_product_attention needs query (..., L, E) and key (..., S, E), got {q.shape} and {k.shape}"
        )
    scale = 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else float(scale)
    scores = (q * scale) @ np.swapaxes(k, -1, -2)
    added, blind = _added_to_scores(mask, is_causal, scores)
    weights = ad.softmax(scores if added is None else scores + added)
    return weights if blind is None else np.where(blind, 0.0, weights)


def _added_to_scores(mask: Any, is_causal: bool, scores: Any) -> tuple[Any, Any]:
    """Return the numbers to add to the scores (0, -inf or those of a mask), and which queries have no key, or None.

    A query without a key gets zeros added, so that its softmax is not NaN; its weights are set to 0 afterwards.
    """
    if mask is None and not is_causal:
        return None, None
    shape, dtype = scores.shape, scores.dtype
    allowed: Any = beside(np.tri(shape[-2], shape[-1]) > 0, scores) if is_causal else True
    numbers: Any = 0.0
    if mask is not None:
        mask = beside(as_value(mask), scores)
        try:
            fits = np.broadcast_shapes(mask.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"scaled_dot_product_attention: a mask of shape {mask.shape} does not fit {shape}")
        if mask.dtype.kind not in "bf":
            raise TypeError(
                f"scaled_dot_product_attention: a mask has booleans or floating numbers, got {mask.dtype}. "
                "Write mask.astype(bool)"
            )
        if mask.dtype.kind == "b":
            allowed = allowed & mask
        else:
            allowed, numbers = allowed & (ad.stop_gradient(mask) > -np.inf), mask
    blind = ~allowed.any(axis=-1, keepdims=True)
    closed = ~(allowed | blind)
    blind = blind if extend.is_foreign(blind) or blind.any() else None
    if isinstance(numbers, float):
        return np.where(closed, dtype.type(-np.inf), dtype.type(0.0)), blind
    numbers = numbers if numbers.dtype == dtype else numbers.astype(dtype)
    return np.where(closed, -np.inf, numbers if blind is None else np.where(blind, 0.0, numbers)), blind


class MultiheadAttention(Module):
    """Attend in several heads, each with its own part of the projected queries, keys and values.

    `torch.nn.MultiheadAttention` (Vaswani et al. 2017, section 3.2.2).

    Args:
        embed_dim: features E of the queries and of the output. num_heads: heads; they divide E.
        dropout: probability of dropping a weight, in training.
        bias: whether the four projections have one.
        add_bias_kv: one more key and value for every query, learnt: `bias_k` and `bias_v`, (1, 1, E).
        add_zero_attn: one more key and value of zeros.
        kdim, vdim: features of the keys and the values, E unless given.
        batch_first: inputs are (N, L, E) instead of (L, N, E).
        dtype, rng: of the parameters; a given rng draws the dropout as well.

    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim), or without N. Parameters: `in_proj_weight` (3 E, E)
    for queries, keys and values, or `q_proj_weight`, `k_proj_weight`, `v_proj_weight` where kdim or vdim is given;
    `in_proj_bias` (3 E,); `out_proj`, a Linear.

    >>> import nn, numpy as np
    >>> layer = nn.MultiheadAttention(8, 2, batch_first=True, rng=0)
    >>> x = np.ones((3, 5, 8))
    >>> y, weights = layer(x, x, x)
    >>> y.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        if num_heads < 1 or embed_dim < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim {embed_dim} is no multiple of num_heads {num_heads}")
        check_probability(dropout)
        generator = as_generator(rng)
        if rng is not None and dropout:
            self.rng = generator
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.head_dim = embed_dim // num_heads

        def weight(rows: int, inputs: int) -> Parameter:
            return Parameter(init.xavier_uniform((rows, inputs), rng=generator, dtype=dtype), dtype)

        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim), dtype) if bias else None
        self.add_zero_attn = add_zero_attn
        for name in ("bias_k", "bias_v"):
            drawn = init.xavier_normal((1, 1, embed_dim), rng=generator, dtype=dtype) if add_bias_kv else None
            setattr(self, name, None if drawn is None else Parameter(drawn, dtype))
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype, rng=generator)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Return the output, like the query, and the weights.

        key_padding_mask: (N, S), True (or -inf) for keys that do not count. attn_mask: (L, S) or (N * heads, L, S);
        True for pairs that do not count (the reverse of `scaled_dot_product_attention`), or numbers that are added.
        is_causal: a query attends to keys up to its own position; unlike in PyTorch, attn_mask is not needed for this.
        The weights are (N, L, S), the mean of the heads, or (N, heads, L, S) with `average_attn_weights=False`; None
        with `need_weights=False`.
        """
        lone, q, k, v = self._inputs(query, key, value)
        heads = self._projected(q, k, v)
        count, steps, keys = q.shape[0], q.shape[1], k.shape[1]
        mask = self._mask(attn_mask, key_padding_mask, count, steps, keys)
        if self.bias_k is not None or self.add_zero_attn:
            heads, mask, is_causal = self._with_more_keys(heads, mask, is_causal)
        weights = _weights(heads[0], heads[1], mask, is_causal, None)
        weights = dropout(weights, self.dropout, training=self.training, rng=getattr(self, "rng", None))
        y = np.reshape(np.swapaxes(weights @ heads[2], 1, 2), (count, steps, self.embed_dim))
        y = self.out_proj(y[0] if lone else y if self.batch_first else np.swapaxes(y, 0, 1))
        if not need_weights:
            return y, None
        shown = np.mean(weights, axis=1) if average_attn_weights else weights
        return y, (shown[0] if lone else shown)

    def _inputs(self, *given: Any) -> tuple[Any, ...]:
        """Return whether there is no axis N, and the inputs as (N, L, features); equal inputs stay one object."""
        made: dict[int, Any] = {}
        widths = {"query": self.embed_dim, "key": self.kdim, "value": self.vdim}
        for x, (name, width) in zip(given, widths.items(), strict=True):
            y = as_input(x, self.out_proj.weight.dtype)
            if y.ndim not in (2, 3) or y.shape[-1] != width or y.ndim != np.ndim(given[0]):
                raise ValueError(
                    f"MultiheadAttention: {name} needs (L, N, {width}), (N, L, {width}) with batch_first, or "
                    f"(L, {width}); got shape {y.shape}"
                )
            made.setdefault(id(x), y[None] if y.ndim == 2 else y if self.batch_first else np.swapaxes(y, 0, 1))
        return np.ndim(given[0]) == 2, *[made[id(x)] for x in given]

    def _projected(self, q: Any, k: Any, v: Any) -> Any:
        """Return queries, keys and values of each head, (N, heads, L, E / heads)."""
        bias = self.in_proj_bias
        together = hasattr(self, "in_proj_weight")
        if together and q is k and k is v:
            y = ad.linear(q, self.in_proj_weight, bias)
            y = np.reshape(y, (*y.shape[:2], 3, self.num_heads, self.head_dim))
            return np.transpose(y, (2, 0, 3, 1, 4))
        e = self.embed_dim
        parts = [slice(0, e), slice(e, 2 * e), slice(2 * e, 3 * e)]
        if together:
            weights = [self.in_proj_weight[part] for part in parts]
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        projected = []
        for x, weight, part in zip((q, k, v), weights, parts, strict=True):
            y = ad.linear(x, weight, None if bias is None else bias[part])
            projected.append(np.swapaxes(np.reshape(y, (*y.shape[:2], self.num_heads, self.head_dim)), 1, 2))
        return projected

    def _mask(self, attn: Any, padding: Any, count: int, steps: int, keys: int) -> Any:
        """Join both masks to one for (N, heads, L, S): True for pairs that count, or numbers to add."""
        masks = []
        for name, mask in (("attn_mask", attn), ("key_padding_mask", padding)):
            if mask is None:
                continue
            m = as_value(mask)
            if name == "attn_mask":
                shapes = [(steps, keys), (count * self.num_heads, steps, keys)]
                new = (1, 1, steps, keys) if m.ndim == 2 else (count, self.num_heads, steps, keys)
            else:
                shapes = [(count, keys), *([(keys,)] if count == 1 else [])]
                new = (count, 1, 1, keys)
            if m.shape not in shapes or m.dtype.kind not in "bf":
                raise ValueError(
                    f"MultiheadAttention: {name} needs booleans or numbers of shape {' or '.join(map(str, shapes))}; "
                    f"got {m.dtype} of shape {m.shape}"
                )
            masks.append(np.reshape(m, new))
        if not masks:
            return None
        if all(m.dtype.kind == "b" for m in masks):
            return ~(masks[0] | masks[-1])
        numbers = [np.where(m, -np.inf, 0.0) if m.dtype.kind == "b" else m for m in masks]
        return sum(numbers[1:], numbers[0])

    def _with_more_keys(self, heads: Any, mask: Any, is_causal: bool) -> tuple[Any, Any, bool]:
        """Append the learned and the zero key and value. Return (queries, keys, values), a mask that lets every query
        attend to the new keys and has the causal one in it, and False: causality needs no further mask."""
        q, keys, values = heads
        one = (self.num_heads, 1, self.head_dim)
        learnt: Any = (self.bias_k, self.bias_v)
        more = [] if self.bias_k is None else [[np.reshape(b, one) for b in learnt]]
        more += [[np.zeros(one, keys.dtype)] * 2] if self.add_zero_attn else []
        if is_causal:
            seen = np.tri(q.shape[2], keys.shape[2]) > 0
            if mask is None or mask.dtype.kind == "b":
                mask = seen if mask is None else seen & mask
            else:
                mask = np.where(seen, mask, -np.inf)
        if mask is not None:
            shown = np.ones if mask.dtype.kind == "b" else np.zeros
            mask = np.concatenate([mask, shown((*mask.shape[:-1], len(more)), mask.dtype)], axis=-1)
        k, v = (
            np.concatenate([x, *(np.broadcast_to(pair[i], (x.shape[0], *one)) for pair in more)], axis=2)
            for i, x in enumerate((keys, values))
        )
        return (q, k, v), mask, False

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Return those of the three projections, the scores and the weighted values; `out_proj` counts its own."""
        queries = int(np.size(output)) // self.embed_dim
        steps = output.shape[-2 if output.ndim == 2 or self.batch_first else 0]
        batch = queries // max(1, steps)
        keys = int(np.size(ad.plain(inputs[1]))) // self.kdim // max(1, batch)  # of one sequence
        projections = queries * self.embed_dim + batch * keys * (self.kdim + self.vdim)
        keys += (self.bias_k is not None) + self.add_zero_attn
        return (projections + 2 * queries * keys) * self.embed_dim

    def picture_facts(self) -> ModuleFacts:
        """Return what `ad.draw` shows: one card with the heads and, under `ad.record()`, their weights."""
        return ModuleFacts(str(self.embed_dim), heads=self.num_heads, attention="softmax", whole=True)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.embed_dim}, {self.num_heads}"
