"""DataLoader: batches of a dataset, in order, optionally prepared ahead by threads.

The caller's thread draws the indices, and one seed an epoch for augmentation. So the batches do not depend on the
number of threads that prepare them. NumPy releases the interpreter's lock in most operations on arrays, so that threads
are enough and nothing needs to be pickled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from nn.arguments_elsewhere import OF_LOADERS, without
from nn.data.datasets import batch_of
from nn.data.samplers import BatchSampler, RandomSampler, SequentialSampler, _count
from nn.random import Rng, as_generator

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["DataLoader"]


class DataLoader:
    """Iterate over a dataset in batches, again and again: each `for batch in loader` is one epoch.

    `torch.utils.data.DataLoader`, with threads instead of processes.

    Args:
        dataset: a `Dataset`, or anything with `len(...)` and `[i]`.
        batch_size: samples in a batch; the last one may be smaller.
        shuffle: a new random order every epoch.
        sampler: yields the indices of an epoch, instead of `shuffle`.
        batch_sampler: yields lists of indices, instead of batch_size, shuffle, sampler and drop_last.
        num_workers: threads that prepare batches ahead; 0 prepares each batch when it is needed.
        collate_fn: list of samples -> batch; by default `dataset.batch`, which stacks.
        drop_last: leave out a last batch that is smaller.
        generator: a Generator, a seed, or None for the default generator: for the order and for `augment`.
        prefetch_factor: batches that each thread prepares ahead.
        augment: (batch, Generator) -> batch, such as an `nn.data.Augment`. The generator of each batch depends on the
            epoch's seed and the number of the batch alone, whichever thread runs it.

    An error in a thread is raised where its batch is due. Ending the loop early ends the threads.

    Raises:
        TypeError: a dataset without a length, an argument of the wrong kind.
        ValueError: arguments that exclude each other.

    >>> from nn.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5), np.arange(5) * 10), batch_size=2)
    >>> len(loader), [x.tolist() for x, y in loader]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        *,
        generator: Rng = None,
        prefetch_factor: int = 2,
        augment: Callable[[Any, np.random.Generator], Any] | None = None,
    ) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"DataLoader needs a dataset with a length and [i], got a {type(dataset).__name__}; of arrays write "
                "DataLoader(nn.data.TensorDataset(x, y), ...)"
            )
        if isinstance(dataset, (tuple, np.ndarray)):
            raise TypeError("DataLoader takes a dataset: write DataLoader(nn.data.TensorDataset(x, y), ...)")
        if num_workers != 0:
            _count("DataLoader", "num_workers", num_workers)
        for name, function in (("collate_fn", collate_fn), ("augment", augment)):
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: {name} must be a function, got {function!r}")
        self.dataset, self.collate_fn, self.augment = dataset, collate_fn, augment
        self.num_workers = int(num_workers)
        self.prefetch_factor = _count("DataLoader", "prefetch_factor", prefetch_factor)
        self.generator = None if generator is None else as_generator(generator)
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            self.batch_sampler: Iterable[list[int]] = batch_sampler
            return
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: give sampler= or shuffle=True, not both; nn.data.RandomSampler shuffles")
        if sampler is None:
            sampler = RandomSampler(dataset, generator=self.generator) if shuffle else SequentialSampler(dataset)
        self.batch_sampler = BatchSampler(sampler, _count("DataLoader", "batch_size", batch_size), drop_last)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.batch_sampler)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<DataLoader: {len(self.dataset)} samples in {len(self)} batches>"

    def __iter__(self) -> Iterator[Any]:
        return self._ahead() if self.num_workers else self._at_once()

    def generators(self) -> Iterator[np.random.Generator]:
        """Return the generators that an epoch draws from, each once. A checkpoint saves their states.

        They are found in the attributes of the loader, its samplers and its dataset.
        """
        held = (value for part in _parts(self) for value in vars(part).values())
        yield from {id(g): g for g in held if isinstance(g, np.random.Generator)}.values()

    def _work(self) -> Iterator[Callable[[], Any]]:
        """Yield one function for each batch, which prepares it in any thread."""
        seed = None if self.augment is None else int(as_generator(self.generator).integers(2**63))
        for number, indices in enumerate(self.batch_sampler):
            yield lambda number=number, indices=indices: self._batch(indices, number, seed)  # type: ignore[misc]

    def _batch(self, indices: list[int], number: int, seed: int | None) -> Any:
        try:
            if self.collate_fn is None:
                batch = batch_of(self.dataset, indices)
            else:
                batch = self.collate_fn([self.dataset[int(i)] for i in indices])
            if self.augment is None or seed is None:
                return batch
            return self.augment(batch, np.random.default_rng([seed, number]))
        except Exception as error:
            error.add_note(f"in batch {number + 1} of the DataLoader, which has the samples {indices}")
            raise

    def _at_once(self) -> Iterator[Any]:
        for prepare in self._work():
            yield prepare()

    def _ahead(self) -> Iterator[Any]:
        """Yield the same batches in the same order; `num_workers * prefetch_factor` of them are prepared ahead."""
        from concurrent.futures import ThreadPoolExecutor  # here: `import nn` should be quick

        work = self._work()
        pool = ThreadPoolExecutor(self.num_workers, thread_name_prefix="nn.data")
        waiting: deque[Future[Any]] = deque()
        try:
            waiting.extend(pool.submit(prepare) for prepare in islice(work, self.num_workers * self.prefetch_factor))
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(prepare) for prepare in islice(work, 1))
                yield batch
        finally:  # also when the loop was left early
            pool.shutdown(wait=True, cancel_futures=True)


without(OF_LOADERS, DataLoader)


def _parts(thing: Any) -> Iterator[Any]:
    """Yield a loader, its samplers and its datasets, and those inside them."""
    if not hasattr(thing, "__dict__"):
        return
    yield thing
    held = vars(thing)
    for part in (*(held.get(name) for name in ("batch_sampler", "sampler", "dataset")), *held.get("datasets", ())):
        yield from _parts(part)
