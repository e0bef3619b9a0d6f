"""Rows of a table, picked by integers: Embedding, EmbeddingBag and their functions.

The gradient is scattered back into the table: picking and placing are each other's derivative, so every order exists.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import autodiff as ad
from autodiff import extend

from ..module import Module
from ..parameter import Parameter
from ..random import Rng, as_generator

__all__ = ["Embedding", "EmbeddingBag", "embedding", "embedding_bag", "one_hot"]


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Return the rows of a table at integer indices. `torch.nn.functional.embedding`.

    input: integers, any shape (...). weight: (V, E). Returns (..., E). The row `padding_idx` is returned like the
    others and gets no gradient. max_norm: indexed rows whose `norm_type`-norm is larger are scaled down to it first, in
    the table itself. scale_grad_by_freq: whether a row's gradient is divided by the number of its indices.
    Raises TypeError for an input that is no integer, IndexError naming the first row that the table does not have,
    ValueError for `sparse`, which is not built, and for max_norm with a table that is no leaf.

    >>> embedding(np.array([[0, 2]]), np.eye(3))
    array([[[1., 0., 0.],
            [0., 0., 1.]]])
    """
    _refuse("embedding", sparse)
    index = _rows("embedding", input, weight)
    if max_norm is not None:
        _limit("embedding", weight, index, max_norm, norm_type)
    y = np.take(weight, index, axis=0) if isinstance(index, ad.Tensor) else weight[index]
    if scale_grad_by_freq:
        y = _by_frequency("embedding", y, index, index)
    if padding_idx is None:
        return y
    padding = index == _padding("embedding", padding_idx, weight.shape[0])
    if not getattr(y, "requires_grad", False):
        return y  # there is no gradient to leave out
    return np.where(padding[..., None], ad.stop_gradient(y), y)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Return rows with a 1 at each index and 0 elsewhere, as integers. `torch.nn.functional.one_hot`.

    tensor: (...) integers >= 0. num_classes: C; -1 for the largest index plus one. Returns (..., C). Raises TypeError
    for other numbers, ValueError for an index outside 0..C-1.

    >>> one_hot([2, 0], 3)
    array([[0, 0, 1],
           [1, 0, 0]])
    """
    index = extend.as_array(ad.plain(tensor))
    if index.dtype.kind not in "iu":
        raise TypeError(f"one_hot needs integers, got {index.dtype} of shape {index.shape}. Write x.astype(int)")
    if num_classes == -1:
        if not index.size:
            raise ValueError("one_hot of an empty array needs num_classes")
        num_classes = int(extend.numbers(index, "one_hot without num_classes", "tensor").max()) + 1
    if index.size and not extend.is_foreign(index) and not 0 <= index.min() <= index.max() < num_classes:
        raise ValueError(f"one_hot: indices must be in 0..{num_classes - 1}, got {index.min()} to {index.max()}")
    return (index[..., None] == extend.beside(np.arange(num_classes), index)).astype(np.int64)


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: ArrayLike | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """Return the sum, the mean or the maximum of the rows in each bag. `torch.nn.functional.embedding_bag`.

    input: integers, one bag a row (B, L), or all bags in one line (K,) with `offsets` (B,), where each begins; with
    `include_last_offset` one more number is the end of the last. weight: (V, E). per_sample_weights: factors of the
    shape of `input`, for mode "sum". Rows `padding_idx` do not count. max_norm, scale_grad_by_freq: as in `embedding`.
    Returns (B, E); an empty bag gives zeros.
    Ties of "max" share the gradient evenly (PyTorch: the first row gets it). Raises as `embedding`, and ValueError
    when `offsets` do not begin at 0, decrease or leave the line.

    >>> table = np.arange(6.0).reshape(3, 2)
    >>> embedding_bag(np.array([0, 2, 1]), table, np.array([0, 2]), mode="sum")
    array([[4., 6.],
           [2., 3.]])
    """
    _refuse("embedding_bag", sparse)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode must be 'sum', 'mean' or 'max', got {mode!r}")
    index = _rows("embedding_bag", input, weight)
    if max_norm is not None:
        _limit("embedding_bag", weight, index, max_norm, norm_type)
    if scale_grad_by_freq and mode == "max":
        raise ValueError("embedding_bag: scale_grad_by_freq has no meaning with mode='max', as in PyTorch")
    factors, named = per_sample_weights, index
    if factors is not None and (mode != "sum" or np.shape(factors) != index.shape):
        raise ValueError(
            f"embedding_bag: per_sample_weights need mode='sum' and the shape {index.shape} of the input; "
            f"got mode={mode!r} and shape {np.shape(factors)}"
        )
    counted: Any = None  # all of them
    if index.ndim == 1:
        places, counted = _bags(index.size, offsets, include_last_offset)
        index = index[places] if index.size else np.zeros(places.shape, int)
        factors = factors if factors is None or not index.size else factors[places]
    elif index.ndim != 2 or offsets is not None:
        raise ValueError(
            f"embedding_bag: input of shape {index.shape} with offsets "
            f"{'given' if offsets is not None else 'missing'}; pass (B, L) alone, or (K,) with offsets (B,)"
        )
    if padding_idx is not None:
        there = index != _padding("embedding_bag", padding_idx, weight.shape[0])
        counted = there if counted is None else counted & there
    if not index.size:
        return np.sum(weight[np.zeros((index.shape[0], 0), int)], axis=1)
    rows = weight[index]
    if scale_grad_by_freq:
        rows = _by_frequency("embedding_bag", rows, index, named)
    if factors is not None:
        rows = rows * factors[..., None]
    return _pooled(rows, counted, mode)


def _pooled(rows: Any, counted: Any, mode: str) -> Any:
    """Return the sum, the mean or the maximum of the rows (B, L, E) of each bag. counted: (B, L), or None for all."""
    if counted is None:
        pool: Any = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
        return pool(rows, axis=1)
    mask = counted[..., None]
    if mode == "max":
        highest = np.max(np.where(mask, rows, -np.inf), axis=1)
        return np.where(mask.any(axis=1), highest, 0.0)
    total = np.sum(np.where(mask, rows, 0.0), axis=1)
    if mode == "sum":
        return total
    return total * (1 / np.maximum(counted.sum(axis=1), 1)).astype(rows.dtype)[:, None]


def _bags(size: int, offsets: ArrayLike | None, include_last: bool) -> tuple[Any, Any]:
    """Return positions in the input, one bag a row, padded with 0; and which of them belong to the bag."""
    starts = np.asarray([] if offsets is None else offsets)
    if offsets is None or starts.ndim != 1 or starts.dtype.kind not in "iu" or not starts.size:
        raise ValueError("embedding_bag: an input of one axis needs offsets (B,), integers, where each bag begins")
    ends = starts[1:] if include_last else np.append(starts[1:], size)
    starts = starts[: len(ends)]
    if starts[0] != 0 or (starts > ends).any() or (ends > size).any():
        raise ValueError(
            f"embedding_bag: offsets must begin at 0, grow and end within {size}; got {np.asarray(offsets)}"
        )
    steps = np.arange(int((ends - starts).max()))
    counted = steps < (ends - starts)[:, None]
    return np.where(counted, starts[:, None] + steps, 0), counted


def _rows(who: str, input: Any, weight: Any) -> Any:
    """Return the integers of `input`, checked."""
    index = extend.all_examples(input)
    if index.dtype.kind not in "iu":
        raise TypeError(f"{who} needs integers, got {index.dtype} of shape {index.shape}. Write x.astype(int)")
    if np.ndim(weight) != 2:
        raise ValueError(f"{who} needs a table (rows, features), got weight of shape {np.shape(weight)}")
    index = index if extend.is_foreign(ad.plain(weight)) else extend.numbers(index, f"{who} of NumPy's table", "input")
    wrong = (index < 0) | (index >= weight.shape[0])
    if not extend.is_foreign(wrong) and wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(f"{who}: {index[at]} at index {at} is outside 0..{weight.shape[0] - 1}")
    return index if index.shape == np.shape(input) else input  # of all examples: inside vmap


def _padding(who: str, padding_idx: int, rows: int) -> int:
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{who}: padding_idx must be in {-rows}..{rows - 1}, got {padding_idx!r}")
    return int(padding_idx) % rows


def _refuse(who: str, sparse: bool) -> None:
    """Refuse sparse gradients, an option of PyTorch."""
    if sparse:
        raise ValueError(f"{who}: gradients are dense arrays here; leave sparse out")


def _limit(who: str, weight: Any, index: Any, max_norm: float, norm_type: float) -> None:
    """Scale the indexed rows down to a norm of max_norm, in the table itself."""
    if isinstance(index, ad.Variable):
        raise ValueError(f"{who}: max_norm changes the table, which vmap cannot; leave it out")
    if isinstance(weight, ad.Variable) and not weight.is_leaf:
        raise ValueError(f"{who}: max_norm changes the table, which must be a leaf and no result of operations")
    table = ad.plain(weight)
    named = np.unique(extend.numbers(index, f"{who} with max_norm", "input"))
    rows = table[named]
    norms = np.linalg.norm(rows, norm_type, axis=1)
    over = norms > max_norm
    if not over.any():
        return
    rows = rows[over] * (max_norm / (norms[over] + 1e-7))[:, None]  # PyTorch's number
    if isinstance(weight, ad.Variable):
        table = table.copy()
        table[named[over]] = rows
        weight.data = table
    else:
        table[named[over]] = rows


def _by_frequency(who: str, rows: Any, index: Any, named: Any) -> Any:
    """Return the rows, with gradients divided by how often each index occurs."""
    if isinstance(index, ad.Variable):
        raise ValueError(f"{who}: scale_grad_by_freq counts rows of all examples, which vmap cannot; leave it out")
    if not getattr(rows, "requires_grad", False):
        return rows
    share = (1 / np.bincount(np.ravel(extend.numbers(named, who, "input")))[index])[..., None].astype(rows.dtype)
    part = rows * share
    return ad.stop_gradient(rows) + (part - ad.stop_gradient(part))


class _Table(Module):
    """Base of Embedding and EmbeddingBag: the table, and its row of padding."""

    weight: Parameter
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        weight: ArrayLike | None,
        freeze: bool,
        dtype: DTypeLike,
        rng: Rng,
    ) -> None:
        who = type(self).__name__
        self.num_embeddings, self.embedding_dim = int(num_embeddings), int(embedding_dim)
        self.padding_idx = None if padding_idx is None else _padding(who, padding_idx, self.num_embeddings)
        shape = (self.num_embeddings, self.embedding_dim)
        if weight is None:
            table = as_generator(rng).standard_normal(shape)
            if self.padding_idx is not None:
                table[self.padding_idx] = 0.0
        else:
            table = np.asarray(weight.data if isinstance(weight, ad.Variable) else weight)
            if table.shape != shape:
                raise ValueError(f"{who}: _weight must have shape {shape}, got {table.shape}")
        self.weight = Parameter(table, dtype, requires_grad=not freeze)

    def extra_repr(self) -> str:
        """Return the sizes, and the row of padding."""
        options = [("padding_idx", None), ("max_norm", None), ("norm_type", 2.0), ("scale_grad_by_freq", False)]
        shown = "".join(f", {name}={getattr(self, name)}" for name, usual in options if getattr(self, name) != usual)
        return f"{self.num_embeddings}, {self.embedding_dim}{shown}"


class Embedding(_Table):
    """Look up a vector for each integer, in a table that is learnt. `torch.nn.Embedding`.

    Args:
        num_embeddings, embedding_dim: rows V and columns E of the table.
        padding_idx: a row that starts at zero and gets no gradient.
        max_norm: the largest norm of a row; those that are looked up are scaled down to it first. norm_type: which.
        scale_grad_by_freq: whether the gradient of a row is divided by the number of its indices in a call.
        sparse: PyTorch's; it is not built, and True raises ValueError.
        _weight: a table to begin with, instead of standard normal numbers; `_freeze` makes it a constant.
        dtype, rng: of the table.

    Shapes: x (...) integers 0..V-1, y (..., E); `weight` (V, E).

    >>> import nn, numpy as np
    >>> layer = nn.Embedding(10, 4, padding_idx=0, rng=0)
    >>> layer(np.array([[1, 2, 0]])).shape
    (1, 3, 4)
    >>> layer(np.array([10]))
    Traceback (most recent call last):
    ...
    IndexError: embedding: 10 at index (0,) is outside 0..9
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        _freeze: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        _refuse("Embedding", sparse)
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, dtype, rng)

    @classmethod
    def from_pretrained(
        cls, embeddings: ArrayLike, freeze: bool = True, padding_idx: int | None = None, **options: Any
    ) -> Embedding:
        """Make a layer of a given table (V, E); it is not trained unless `freeze=False`.

        >>> import nn, numpy as np
        >>> nn.Embedding.from_pretrained(np.eye(3))(np.array(1)).data
        array([0., 1., 0.])
        """
        table = np.asarray(embeddings.data if isinstance(embeddings, ad.Variable) else embeddings)
        if table.ndim != 2:
            raise ValueError(f"Embedding.from_pretrained needs a table (rows, features), got shape {table.shape}")
        options.setdefault("dtype", table.dtype if table.dtype.kind == "f" else np.float32)
        return cls(table.shape[0], table.shape[1], padding_idx, _weight=table, _freeze=freeze, **options)

    def forward(self, input: Any) -> Any:
        """input: (...) integers -> (..., embedding_dim)."""
        options = self.max_norm, self.norm_type, self.scale_grad_by_freq
        return embedding(input, self.weight, self.padding_idx, *options)


class EmbeddingBag(_Table):
    """Look up vectors and reduce each bag of them to its sum, mean or maximum. `torch.nn.EmbeddingBag`.

    Args:
        num_embeddings, embedding_dim: rows V and columns E of the table.
        mode: "sum", "mean" or "max".
        include_last_offset: whether `offsets` has one more number, the end of the last bag.
        padding_idx: a row that does not count in any bag.
        max_norm: the largest norm of a row; those that are looked up are scaled down to it first. norm_type: which.
        scale_grad_by_freq: whether the gradient of a row is divided by the number of its indices in a call.
        sparse: PyTorch's; it is not built, and True raises ValueError.
        _weight: a table to begin with. dtype, rng: of the table.

    Shapes: input (B, L), or (K,) with offsets (B,); y (B, E). See `nn.functional.embedding_bag`.

    >>> import nn, numpy as np
    >>> nn.EmbeddingBag(10, 4, mode="sum", rng=0)(np.array([1, 2, 3]), np.array([0, 2])).shape
    (2, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        _refuse("EmbeddingBag", sparse)
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: mode must be 'sum', 'mean' or 'max', got {mode!r}")
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, False, dtype, rng)
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(self, input: Any, offsets: ArrayLike | None = None, per_sample_weights: Any = None) -> Any:
        """input: (B, L), or (K,) with offsets -> (B, embedding_dim)."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        """Return the sizes and the mode."""
        return f"{super().extra_repr()}, mode={self.mode!r}"
