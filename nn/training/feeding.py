"""The sources of batches: arrays, a Dataset or a DataLoader, all as the same `Batch`.

Inputs are positional (one array or a tuple of them) or named (a dict). Targets are an array, or a tuple or a dict of
arrays, one for each output. Arrays are checked and cast once; batches of a DataLoader are cast one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

from ..data import DataLoader, Dataset, random_split
from ..data.datasets import Subset, leaves, tree_map
from ..data.tables import as_numbers
from ..module import Module

__all__ = ["Batch", "FromArrays", "FromLoader", "Source", "call", "source"]

Array = NDArray[Any]


class Batch(NamedTuple):
    """The inputs of one forward pass, and the target of its loss."""

    inputs: tuple[Any, ...] | dict[str, Any]
    target: Any
    weight: Array | None  # (size,), one for each sample
    size: int


def call(model: Module, inputs: tuple[Any, ...] | dict[str, Any]) -> Any:
    """Return model(*inputs), or model(**inputs) of named inputs."""
    return model(**inputs) if isinstance(inputs, dict) else model(*inputs)


class FromArrays:
    """Batches of arrays in memory. `target` is None for `predict`."""

    def __init__(
        self,
        inputs: tuple[Any, ...] | dict[str, Any],
        target: Any,
        weight: Array | None,
        batch_size: int,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.inputs, self.target, self.weight = inputs, target, weight
        self.batch_size, self.generator = batch_size, generator
        self.samples = len(leaves(inputs)[0])

    def __len__(self) -> int:
        return math.ceil(self.samples / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one epoch, in a new random order when there is a generator."""
        order = None if self.generator is None else self.generator.permutation(self.samples)
        for start in range(0, self.samples, self.batch_size):
            stop = min(start + self.batch_size, self.samples)
            yield self._rows(slice(start, stop) if order is None else order[start:stop], stop - start)

    def _rows(self, rows: Any, size: int) -> Batch:
        take = lambda a, _: a[rows]
        return Batch(
            tree_map(self.inputs, take),
            None if self.target is None else tree_map(self.target, take),
            None if self.weight is None else self.weight[rows],
            size,
        )

    def divided(self, fraction: float, generator: np.random.Generator) -> tuple[FromArrays, FromArrays]:
        """Return (kept, held out): a random part is held out, without weights and in order.

        Without shuffling, the samples that are kept stay in the order in which they were given.
        """
        held = held_out_count(self.samples, fraction)
        order = generator.permutation(self.samples)
        rest = order[held:] if self.generator is not None else np.sort(order[held:])
        kept, out = (self._rows(rows, len(rows)) for rows in (rest, order[:held]))
        return (
            FromArrays(*kept[:3], self.batch_size, self.generator),
            FromArrays(out.inputs, out.target, None, max(self.batch_size, 256)),
        )

    def generators(self) -> Iterator[np.random.Generator]:
        """Yield the generators that an epoch draws from."""
        if self.generator is not None:
            yield self.generator


class FromLoader:
    """Batches of a DataLoader: tuples whose last part is the target, and whose other parts are the inputs."""

    def __init__(self, loader: DataLoader, dtype: Any, targets: bool, dataset: Dataset | None = None) -> None:
        self.loader, self.dtype, self.targets = loader, dtype, targets
        self.dataset = dataset  # when the loader was made here
        self.weights: Callable[[Any], Array] | None = None  # of the targets of a batch

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        for item in self.loader:
            yield self._batch(item)

    def _batch(self, item: Any) -> Batch:
        parts = list(item) if isinstance(item, (tuple, list)) else [item]
        if self.targets and len(parts) < 2:
            what = "a tuple of 1" if isinstance(item, (tuple, list)) else f"a {type(item).__name__}"
            raise TypeError(
                f"a batch must be a tuple (inputs, target), got {what}: give TensorDataset(x, y), or a Dataset whose "
                "samples are such pairs"
            )
        parts = [tree_map(part, lambda a, name: _cast(a, self.dtype, name), "x") for part in parts]
        y = parts.pop() if len(parts) > 1 else None
        lone = len(parts) == 1 and isinstance(parts[0], (tuple, dict)) and not hasattr(parts[0], "_fields")
        inputs = parts[0] if lone else tuple(parts)
        weight = None if self.weights is None or y is None else self.weights(y)
        return Batch(inputs, y, weight, len(leaves(inputs if y is None else y)[0]))

    def divided(self, fraction: float, generator: np.random.Generator) -> tuple[FromLoader, FromLoader]:
        """Return (kept, held out): a random part of the dataset is held out, without weights and in order."""
        if self.dataset is None:
            raise TypeError("validation_split divides arrays or a Dataset; divide with nn.data.random_split first")
        count = len(self.dataset)
        held = held_out_count(count, fraction)
        out, kept = random_split(self.dataset, [held, count - held], generator)
        sampler: Any = self.loader.batch_sampler
        shuffled = sampler.generator is not None
        if not shuffled:
            kept = Subset(self.dataset, np.sort(kept.indices))
        loader = DataLoader(kept, sampler.batch_size, shuffle=shuffled, generator=sampler.generator)
        data = FromLoader(loader, self.dtype, self.targets, kept)
        data.weights = self.weights
        return data, FromLoader(DataLoader(out, max(sampler.batch_size, 256)), self.dtype, self.targets)

    def begin_epoch(self, epoch: int) -> None:
        """Set the epoch of samplers whose order depends on it, such as `DistributedSampler`."""
        batches = self.loader.batch_sampler
        for sampler in (batches, getattr(batches, "sampler", None)):
            if callable(getattr(sampler, "set_epoch", None)):
                sampler.set_epoch(epoch)  # type: ignore[union-attr]

    def generators(self) -> Iterator[np.random.Generator]:
        """Yield the generators that an epoch draws from."""
        yield from self.loader.generators()


Source = FromArrays | FromLoader


def source(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    batch_size: int,
    generator: np.random.Generator | None = None,
    targets: bool = True,
) -> Source:
    """Return the source of the batches of (x, y).

    x: arrays, a Dataset or a DataLoader; y: arrays, None with the other two. generator: shuffles arrays and datasets at
    each epoch. targets: whether y is needed.
    """
    dtype = next((p.dtype for p in model.parameters() if isinstance(p, ad.Tensor) and p.dtype.kind == "f"), None)
    if isinstance(x, (Dataset, DataLoader)):
        if y is not None:
            raise TypeError(f"a {type(x).__name__} gives the targets itself: leave out y")
        if isinstance(x, DataLoader):
            return FromLoader(x, dtype, targets)
        loader = DataLoader(x, batch_size, shuffle=generator is not None, generator=generator)
        return FromLoader(loader, dtype, targets, x)
    inputs = _inputs(x, dtype)
    if y is None:
        if targets:
            raise TypeError("y is missing: give x and y, or a Dataset or DataLoader that has both")
        return FromArrays(inputs, None, None, batch_size, generator)
    target = _target(y, dtype)
    first = leaves(inputs)[0]
    for leaf in leaves(target):
        if leaf.ndim == 0 or len(leaf) != len(first):
            raise ValueError(f"x and y must be equally long, got shapes {first.shape} and {leaf.shape}")
    return FromArrays(inputs, target, None, batch_size, generator)


def sample_weights(weight: Any, count: int) -> Array:
    """Return one weight for each sample, checked."""
    weight = as_numbers(weight, "sample_weight")
    if weight.shape != (count,):
        raise ValueError(f"sample_weight must have shape ({count},), one for each sample, got {weight.shape}")
    bad = np.flatnonzero(~((weight >= 0) & (weight < np.inf)))
    if len(bad):
        raise ValueError(f"sample_weight must be finite and >= 0, got {weight[bad[0]]} at index {bad[0]}")
    if not weight.any():
        raise ValueError("sample_weight is zero for every sample, so that nothing would be trained")
    return weight.astype(np.float64)


def held_out_count(count: int, fraction: float) -> int:
    """Return the number of samples that a fraction holds out.

    Raises ValueError when one part would be empty.
    """
    held = round(count * fraction)
    if not 0 < held < count:
        raise ValueError(f"validation_split={fraction!r} of {count} samples leaves one part empty")
    return held


def _inputs(x: Any, dtype: Any) -> tuple[Any, ...] | dict[str, Any]:
    """Return the input arrays, floating ones in the dtype of the parameters; cast once, not in every batch."""
    if isinstance(x, Mapping):
        if not all(isinstance(key, str) for key in x):
            raise TypeError(f"named inputs are a dict of the model's argument names, got the keys {list(x)}")
        given: Any = dict(x)
    else:
        given = x if isinstance(x, tuple) and not hasattr(x, "_fields") else (x,)
    one = not isinstance(x, (tuple, Mapping))
    arrays = tree_map(given, lambda a, name: _cast(a, dtype, "x" if one else name), "x")
    found = leaves(arrays)
    lengths = {len(a) if a.ndim else 0 for a in found}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"the inputs must be equally long and not empty, got shapes {', '.join(str(a.shape) for a in found)}"
        )
    return arrays


def _target(y: Any, dtype: Any) -> Any:
    """Return the targets. A tuple of numbers is one array of them, as a list is."""
    if isinstance(y, tuple) and all(np.ndim(part) == 0 and not isinstance(part, Mapping) for part in y):
        y = list(y)
    return tree_map(y, lambda a, name: _cast(a, dtype, name), "y")


def _cast(a: Any, dtype: Any, what: str) -> Array:
    a = as_numbers(a, what)
    return a.astype(dtype) if dtype is not None and a.dtype.kind == "f" and a.dtype != dtype else a
