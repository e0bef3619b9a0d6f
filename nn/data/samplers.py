"""Samplers: the order in which a DataLoader visits samples, under PyTorch's names.

A sampler is iterated once an epoch and yields indices; a batch sampler yields lists of them. Random ones draw from a
generator: their own, or the default one at the time they are iterated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

import autodiff as ad
from nn.random import Rng, as_generator

__all__ = [
    "BatchSampler",
    "DistributedSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]


class Sampler:
    """Base of samplers: define `__iter__`, which yields indices, and `__len__`. `torch.utils.data.Sampler`.

    >>> class Backwards(Sampler):
    ...     def __iter__(self):
    ...         return iter(range(2, -1, -1))
    ...     def __len__(self):
    ...         return 3
    >>> list(Backwards())
    [2, 1, 0]
    """

    generator: np.random.Generator | None = None

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__")


class SequentialSampler(Sampler):
    """Every index once, in order. `torch.utils.data.SequentialSampler`.

    >>> list(SequentialSampler([7, 8, 9]))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Every index once in random order, or random indices with replacement. `torch.utils.data.RandomSampler`.

    data_source: anything with a length. replacement: draw each index independently. num_samples: number of indices, by
    default the length of the data; without replacement, more indices are further passes. generator: a Generator, a
    seed, or None for the default generator.

    >>> sorted(RandomSampler(range(4), generator=0))
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Rng = None,
    ) -> None:
        self.data_source, self.replacement = data_source, bool(replacement)
        self.num_samples = None if num_samples is None else _count("RandomSampler", "num_samples", num_samples)
        self.generator = _own(generator)

    def __iter__(self) -> Iterator[int]:
        generator, count, wanted = as_generator(self.generator), len(self.data_source), len(self)
        if wanted and not count:
            raise ValueError("RandomSampler: there are no samples to draw from")
        if self.replacement:
            return iter(generator.integers(0, count, wanted).tolist())
        passes = [generator.permutation(count) for _ in range(-(-wanted // count) if count else 0)]
        return iter(np.concatenate(passes)[:wanted].tolist() if passes else [])

    def __len__(self) -> int:
        return len(self.data_source) if self.num_samples is None else self.num_samples


class WeightedRandomSampler(Sampler):
    """Random indices, each with the probability of its weight. `torch.utils.data.WeightedRandomSampler`.

    weights: (N,) finite, >= 0, not all zero; they need not sum to 1. num_samples: how many indices. replacement:
    whether an index may come twice; without, at most as many as have a weight above zero.

    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], num_samples=3))
    [1, 1, 1]
    """

    def __init__(
        self, weights: Sequence[float] | Any, num_samples: int, replacement: bool = True, generator: Rng = None
    ) -> None:
        w = np.asarray(weights, dtype=np.float64)
        if w.ndim != 1 or not (np.isfinite(w) & (w >= 0)).all() or not w.any():
            raise ValueError(
                f"WeightedRandomSampler: weights must be (N,), finite, >= 0 and not all zero; got shape {w.shape}"
                + (f" with the values {w.min()} to {w.max()}" if w.size else "")
            )
        self.weights, self.replacement = w, bool(replacement)
        self.num_samples = _count("WeightedRandomSampler", "num_samples", num_samples)
        if not replacement and self.num_samples > np.count_nonzero(w):
            raise ValueError(
                f"WeightedRandomSampler: {self.num_samples} samples without replacement, but only "
                f"{np.count_nonzero(w)} weights are above zero"
            )
        self.generator = _own(generator)

    def __iter__(self) -> Iterator[int]:
        p = self.weights / self.weights.sum()
        draw = as_generator(self.generator).choice(len(p), self.num_samples, replace=self.replacement, p=p)
        return iter(draw.tolist())

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices, each once, in random order. `torch.utils.data.SubsetRandomSampler`.

    >>> sorted(SubsetRandomSampler([5, 3, 8], generator=0))
    [3, 5, 8]
    """

    def __init__(self, indices: Sequence[int] | Any, generator: Rng = None) -> None:
        rows = np.asarray(indices)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise TypeError(f"SubsetRandomSampler needs a list of integers, got shape {rows.shape}, dtype {rows.dtype}")
        self.indices, self.generator = rows.tolist(), _own(generator)

    def __iter__(self) -> Iterator[int]:
        order = as_generator(self.generator).permutation(len(self.indices))
        return (self.indices[i] for i in order)

    def __len__(self) -> int:
        return len(self.indices)


class BatchSampler(Sampler):
    """Lists of `batch_size` indices from another sampler; the last one may be shorter. `torch.utils.data.BatchSampler`.

    drop_last: leave a shorter last list out.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        self.sampler, self.drop_last = sampler, bool(drop_last)
        self.batch_size = _count("BatchSampler", "batch_size", batch_size)

    @property
    def generator(self) -> np.random.Generator | None:  # type: ignore[override]
        """The generator of the sampler inside."""
        return getattr(self.sampler, "generator", None)

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


class DistributedSampler(Sampler):
    """The indices of one rank among several processes that train together. `torch.utils.data.DistributedSampler`.

    Every rank gets equally many: where they do not divide, the first indices are repeated, or with drop_last the last
    are left out. Rank r of n has the positions r, r + n, r + 2 n, ... of one order: batches of b samples on each rank
    are together the batches of n b samples of that order.

    Args:
        dataset: anything with a length.
        num_replicas, rank: how many processes, and which one this is; by default those of the MPI job.
        shuffle: another order in every epoch, drawn from (seed, epoch) alone. `nn.fit` sets the epoch; in a loop of
            your own call `set_epoch` before each.
        seed: an integer >= 0, the same on every rank.
        drop_last: leave indices out instead of repeating some.

    Raises:
        TypeError, ValueError: a number that is no integer or out of its range, or a dataset without samples.
        ImportError: num_replicas or rank is left out, and mpi4py is not installed.

    >>> [list(DistributedSampler(range(5), num_replicas=2, rank=r, shuffle=False)) for r in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            comm = ad.parallel.communicator()
            num_replicas = comm.Get_size() if num_replicas is None else num_replicas
            rank = comm.Get_rank() if rank is None else rank
        self.num_replicas = _count("DistributedSampler", "num_replicas", num_replicas)
        self.rank = _count("DistributedSampler", "rank", rank, least=0)
        if self.rank >= self.num_replicas:
            raise ValueError(f"DistributedSampler: rank must be from 0 to {self.num_replicas - 1}, got {rank}")
        if not len(dataset):
            raise ValueError("DistributedSampler: the dataset has no samples")
        self.dataset, self.shuffle, self.drop_last, self.epoch = dataset, bool(shuffle), bool(drop_last), 0
        self.seed = _count("DistributedSampler", "seed", seed, least=0)

    def set_epoch(self, epoch: int) -> None:
        """Set the number that the next order is drawn from, together with the seed."""
        self.epoch = _count("DistributedSampler.set_epoch", "epoch", epoch, least=0)

    def __iter__(self) -> Iterator[int]:
        count, wanted = len(self.dataset), len(self) * self.num_replicas
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(count) if self.shuffle else np.arange(count)
        return iter(np.resize(order, wanted)[self.rank :: self.num_replicas].tolist())

    def __len__(self) -> int:
        count = len(self.dataset)
        return count // self.num_replicas if self.drop_last else -(-count // self.num_replicas)


def _own(generator: Rng) -> np.random.Generator | None:
    """Return the generator to keep. None stays None: the default generator at the time of use."""
    return None if generator is None else as_generator(generator)


def _count(who: str, name: str, number: Any, least: int = 1) -> int:
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{who}: {name} must be an integer, got {number!r}")
    if number < least:
        raise ValueError(f"{who}: {name} must be >= {least}, got {number}")
    return int(number)
