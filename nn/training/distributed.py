"""Training on several processes: gradients are averaged over the ranks while the backward pass still runs.

Gradients are packed into buckets in the reverse order of the parameters, which is roughly the order in which a backward
pass completes them. A bucket that is full is reduced over the ranks (`autodiff.parallel.Reduction`, without waiting)
while the pass continues; `backward()` waits for the last one and sets the means. Li et al. (2020), "PyTorch
Distributed: experiences on accelerating data parallel training", section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from ..optim import LBFGS, Optimizer

__all__ = ["distributed"]

BUCKET_BYTES = 1 << 20
PASS, FAILED, STEP = 0, 1, 2  # a rank's state: the end of a backward pass, its failure, the optimizer's step


def distributed(optimizer: Optimizer, comm: Any = None, bucket_bytes: int = BUCKET_BYTES) -> Optimizer:
    """Average the gradients of an optimizer's parameters over the ranks of an MPI job, and return the optimizer.

    After this call `backward()` sets, on every rank, the mean of the ranks' gradients, with the same bits everywhere:
    the gradients are always added in the order of the ranks. At the start every rank gets the parameters of rank 0.
    `torch.nn.parallel.DistributedDataParallel`.

    Args:
        optimizer: the same on every rank: its class, its hyperparameters, and the shapes and dtypes of its parameters,
            which are Tensors. The next backward pass raises an error for groups that are added later.
        comm: a communicator of mpi4py; None for all ranks of the job. A single process trains as without this call.
        bucket_bytes: gradients that are reduced together, in bytes. Smaller buckets start earlier, and cost more
            messages.

    Every rank must make the same number of backward passes before a step, and each pass must reach at least one
    parameter. A rank that starts its step too early ends the pass of the others with RankError. A parameter that no
    rank's loss depends on has no gradient; where some ranks' losses depend on it, the others count as zeros. A pass
    that fails on one rank fails on all of them, and no gradient changes.

    Raises:
        TypeError: no Optimizer, Scalars as parameters, or LBFGS, whose line search would compare the losses of a rank.
        ValueError: bucket_bytes below 1.
        ad.parallel.RankError: on every rank, when a rank has another model or other hyperparameters; later in
            `backward()` and `step()`, as above.
        ImportError: mpi4py is not installed.

    >>> import nn, numpy as np
    >>> net = nn.Linear(2, 1, rng=0)
    >>> optimizer = nn.distributed(nn.SGD(net.parameters(), lr=0.1))
    >>> net(np.ones((4, 2))).sum().backward()
    >>> optimizer.step()
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"distributed takes an optimizer, such as nn.Adam(...); got a {type(optimizer).__name__}")
    if isinstance(optimizer, LBFGS):
        raise TypeError("distributed cannot take LBFGS: its steps compare losses, which are others on every rank")
    if isinstance(bucket_bytes, bool) or not isinstance(bucket_bytes, (int, np.integer)):
        raise TypeError(f"distributed: bucket_bytes must be an integer, got {bucket_bytes!r}")
    if bucket_bytes < 1:
        raise ValueError(f"distributed: bucket_bytes must be >= 1, got {bucket_bytes}")
    comm = ad.parallel.communicator(comm)
    parameters = _parameters(optimizer)
    ad.parallel.agree("the optimizer and its model", _fingerprint(optimizer), comm)
    for p in parameters:
        if not isinstance(p, ad.Tensor):
            raise TypeError("distributed averages the gradients of Tensors; a network of Scalars is for one process")
    if comm.Get_size() > 1:
        for p in parameters:
            p.data = ad.parallel.broadcast(p.data, comm)
        optimizer._averaging = _Averaging(optimizer, parameters, comm, int(bucket_bytes))
        extend.watch_gradients(parameters, optimizer._averaging)
    return optimizer


def _parameters(optimizer: Optimizer) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _fingerprint(optimizer: Optimizer) -> dict[str, str]:
    """Return the class, hyperparameters and parameters of an optimizer, for ranks to compare and people to read."""
    facts = {"its class": type(optimizer).__name__}
    for i, group in enumerate(optimizer.param_groups):
        settings = [f"{name}={value!r}" for name, value in sorted(group.items()) if name != "params"]
        facts[f"group {i}"] = f"{len(group['params'])} parameters, {', '.join(settings)}"
    for i, p in enumerate(_parameters(optimizer)):
        facts[f"parameter {i}"] = f"{p.dtype} of shape {p.shape}"
    return facts


class _Bucket:
    """Gradients of one dtype in one flat array, followed by a 1 for each parameter that the pass reaches. The length is
    a multiple of the number of ranks: `Reduction` then sends the array as it is."""

    def __init__(self, positions: list[int], parameters: list[Any], ranks: int) -> None:
        sizes = [parameters[i].size for i in positions]
        ends = np.cumsum([0, *sizes]).tolist()
        self.places = {i: slice(a, b) for i, a, b in zip(positions, ends[:-1], ends[1:], strict=True)}
        self.flags = {i: ends[-1] + k for k, i in enumerate(positions)}
        size = ends[-1] + len(positions)
        self.values = np.zeros(size + -size % ranks, parameters[positions[0]].dtype)
        self.missing: set[int] = set()

    def begin(self, reached: set[int]) -> None:
        """Set zeros where this pass brings no gradient; the others are written when they arrive."""
        self.missing = self.places.keys() & reached
        for i, place in self.places.items():
            self.values[self.flags[i]] = i in reached
            if i not in reached:
                self.values[place] = 0


class _Averaging:
    """A watcher of the parameters of an optimizer: see `autodiff.extend.Watcher`."""

    def __init__(self, optimizer: Optimizer, parameters: list[Any], comm: Any, bucket_bytes: int) -> None:
        self.optimizer, self.parameters = optimizer, parameters
        self.scatter, self.gather, self.meetings = comm.Dup(), comm.Dup(), comm.Dup()
        ranks, divided = comm.Get_size(), _divided(parameters, bucket_bytes)
        self.buckets = [_Bucket(positions, parameters, ranks) for positions in divided]
        self.bucket_of = {i: bucket for bucket in self.buckets for i in bucket.places}
        self.started: list[Any] = []  # reductions, in the order of the buckets
        self.open = False

    def begin(self, reached: list[int], recorded: bool) -> None:
        self.open, self.started = True, []
        for bucket in self.buckets:
            bucket.begin(set(reached))
        _refuse_trace()
        if recorded:
            raise ad.GraphError(
                "nn.distributed averages plain gradients, and create_graph=True records them: use "
                "ad.parallel.allreduce on the gradients instead of nn.distributed."
            )
        if len(self.parameters) != len(_parameters(self.optimizer)):
            raise ad.GraphError("the optimizer got more parameters: add groups before nn.distributed(optimizer).")

    def arrived(self, position: int, gradient: Any) -> None:
        bucket = self.bucket_of[position]
        if not self.open or position not in bucket.missing:
            return  # ad.grad sets no gradients; and a bucket that was sent cannot change
        bucket.values[bucket.places[position]] = gradient.reshape(-1)
        bucket.missing.discard(position)
        while len(self.started) < len(self.buckets) and not self.buckets[len(self.started)].missing:
            self._start()
        for reduction in self.started:
            if not reduction.advance():
                break  # the halves of reductions start in one order on every rank

    def _start(self) -> None:
        bucket = self.buckets[len(self.started)]
        for i in bucket.missing:  # those that a failed pass did not bring
            bucket.values[bucket.places[i]] = 0
        self.started.append(ad.parallel.Reduction(bucket.values, self.scatter, self.gather, mean=True))

    def finish(self) -> Iterable[tuple[Any, Any]]:
        return [
            (self.parameters[i], mean[place].reshape(self.parameters[i].shape))
            for bucket, mean in zip(self.buckets, self._met(PASS), strict=True)
            for i, place in bucket.places.items()
            if mean[bucket.flags[i]]
        ]

    def fail(self, error: BaseException) -> None:
        if self.open:
            self._met(FAILED, error)

    def step(self) -> None:
        """Wait until every rank is at its step; raise RankError where another one is in a backward pass."""
        _refuse_trace()
        self._met(STEP)

    def _met(self, mine: int, error: BaseException | None = None) -> list[Any]:
        """Send this rank's state to the others, and return the means of the buckets once all have arrived. A rank with
        an error takes part in the rest of the exchange, because the others wait for it."""
        every = np.empty(self.scatter.Get_size(), np.uint8)
        request = self.meetings.Iallgather(np.array([mine], np.uint8), every)
        if mine == STEP:
            request.Wait()
            if (every == STEP).all():
                return []
            for bucket in self.buckets:
                bucket.begin(set())
        while len(self.started) < len(self.buckets):
            self._start()
        means = [reduction.wait() for reduction in self.started]
        request.Wait()
        self.open, self.started = False, []
        if every.any():
            reasons = self.scatter.allgather(None if error is None else f"{type(error).__name__}: {error}")
            if error is None:
                raise ad.parallel.RankError(f"{_why(every, reasons)} No gradient changed on any rank.")
        return means


def _refuse_trace() -> None:
    extend.refuse_trace("averaging over ranks exchanges messages", "Leave out compiled=True")


def _why(every: Any, reasons: list[str | None]) -> str:
    failed = np.flatnonzero(every == FAILED)
    if failed.size:
        return f"the backward pass of rank {failed[0]} failed with {reasons[failed[0]]}."
    return (
        f"rank {np.argmax(every)} came to optimizer.step() while rank {np.argmin(every)} is in a backward pass: it "
        "made fewer passes, or one that reached none of the optimizer's parameters. Let the loss of every "
        "rank depend on a parameter (add 0 * parameter.sum())."
    )


def _divided(parameters: list[Any], bucket_bytes: int) -> list[list[int]]:
    """Divide positions of the parameters, the last first, into buckets of one dtype and at least `bucket_bytes`."""
    buckets: list[list[int]] = []
    size, dtype = bucket_bytes, None
    for i in reversed(range(len(parameters))):
        if size >= bucket_bytes or parameters[i].dtype != dtype:
            buckets.append([])
            size, dtype = 0, parameters[i].dtype
        buckets[-1].append(i)
        size += parameters[i].nbytes
    return buckets
