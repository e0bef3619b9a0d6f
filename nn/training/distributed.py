"""Training on several processes: gradients are averaged over the ranks while the backward pass still runs.

Gradients are packed into buckets in the reverse order of the parameters, which is roughly the order in which a backward
pass completes them. A bucket that is full is reduced over the ranks (`autodiff.parallel.Reduction`, without waiting)
while the pass continues; `backward()` waits for the last one and sets the means. Li et al. (2020), "PyTorch
Distributed: experiences on accelerating data parallel training", section 3.2.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from ..optim import LBFGS, Optimizer

__all__ = ["distributed"]

BUCKET_BYTES = 1 << 20
# A rank's state: the end of a backward pass, its failure, the optimizer's step, the end of ``fit``.
PASS, FAILED, STEP, DONE = range(4)


def distributed(optimizer: Optimizer, comm: Any = None, bucket_bytes: int = BUCKET_BYTES) -> Optimizer:
    """Average the gradients of an optimizer's parameters over the ranks of an MPI job, and return the optimizer.

    After this call `backward()` sets, on every rank, the mean of the ranks' gradients, with the same bits everywhere:
    the gradients are always added in the order of the ranks. At the start every rank gets the parameters of rank 0.
    `torch.nn.parallel.DistributedDataParallel`.

    Args:
        optimizer: the same on every rank: its class, hyperparameters and state, and the shapes and dtypes of its
            parameters, which are Tensors. Frozen ones get no gradient. After a change of the parameters (a group that
            is added, one that is no longer frozen, another dtype) call this function again: an error says so.
        comm: a communicator of mpi4py; None for all ranks of the job. A single process trains as without this call.
        bucket_bytes: gradients that are reduced together, in bytes. Smaller buckets start earlier, and cost more
            messages.

    Every rank must make the same number of backward passes before a step, and each pass must reach at least one
    parameter; with several optimizers, parameters of the same ones. A rank that starts its step too early, or ends
    `nn.fit` before the others, ends the pass of the others with RankError. A parameter that no rank's loss depends on
    has no gradient; where some ranks' losses depend on it, the others count as zeros. A pass that fails on one rank
    fails on all of them, and no gradient changes.

    The optimizer cannot be copied or pickled any more: save its `state_dict()`.

    Raises:
        TypeError: no Optimizer, Scalars as parameters, or LBFGS, whose line search would compare the losses of a rank.
        ValueError: bucket_bytes below 1.
        ad.parallel.RankError: on every rank, when a rank has another model, other hyperparameters or another state;
            later in `backward()`, `step()` and `nn.fit`, as above.
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
    if comm.Get_size() > 1:
        ad.parallel.agree("the optimizer and its model", _fingerprint(optimizer), comm)
    for p in parameters:
        if not isinstance(p, ad.Tensor):
            raise TypeError("distributed averages the gradients of Tensors; a network of Scalars is for one process")
    if comm.Get_size() > 1:
        for p in parameters:
            p.data = ad.parallel.broadcast(p.data, comm)
        trained = [p for p in parameters if p.requires_grad]
        optimizer._averaging = _Averaging(optimizer, trained, comm, int(bucket_bytes))
        extend.watch_gradients(trained, optimizer._averaging)
    return optimizer


def _parameters(optimizer: Optimizer) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _fingerprint(optimizer: Optimizer) -> dict[str, str]:
    """Return class, hyperparameters, parameters and state of an optimizer, for ranks to compare and people to read."""
    facts = {"its class": type(optimizer).__name__}
    for i, group in enumerate(optimizer.param_groups):
        settings = [f"{name}={value!r}" for name, value in sorted(group.items()) if name != "params"]
        facts[f"group {i}"] = f"{len(group['params'])} parameters, {', '.join(settings)}"
    for i, p in enumerate(_parameters(optimizer)):
        facts[f"parameter {i}"] = f"{p.dtype} of shape {p.shape}{'' if p.requires_grad else ', frozen'}"
    state = optimizer.state_dict(exact=True)["state"]
    facts["its state"] = f"numbers with the SHA-256 {_digest(state)}" if state else "none"
    return facts


def _digest(state: Mapping[Any, Any]) -> str:
    """Return a hash of numbers and arrays in dicts and lists."""
    found = hashlib.sha256()
    todo: list[Any] = [state]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            todo += [x for pair in sorted(part.items(), key=str) for x in pair]
        elif isinstance(part, list | tuple):
            todo += part
        else:
            found.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return found.hexdigest()[:16]


class _Lines:
    """The duplicates of a communicator: one for the states of the ranks, and two for the gradients of each optimizer.
    Those of an optimizer that is gone on every rank are used again, because an MPI has only some thousands.

    owners       weak references to the `_Averaging` of each pair
    unfinished   an exchange has begun; it stays so when an interrupt (Ctrl-C) ends one
    """

    def __init__(self, comm: Any) -> None:
        self.comm, self.meetings = comm, comm.Dup()
        self.pairs: list[tuple[Any, Any]] = []
        self.owners: list[weakref.ref[_Averaging]] = []
        self.unfinished = False

    def given_to(self, owner: _Averaging) -> int:
        """Return the number of a pair, the same on every rank."""
        free = {i for i, reference in enumerate(self.owners) if reference() is None}
        number = min(set.intersection(*self.meetings.allgather(free)), default=len(self.owners))
        if number == len(self.owners):
            self.pairs.append((self.comm.Dup(), self.comm.Dup()))
            self.owners.append(weakref.ref(owner))
        self.owners[number] = weakref.ref(owner)
        return number

    def opened(self) -> set[int]:
        """Return the numbers of the optimizers whose gradients are on the way."""
        living = [reference() for reference in self.owners]
        return {i for i, averaging in enumerate(living) if averaging is not None and averaging.open}


@cache
def _key() -> int:
    return int(type(ad.parallel.communicator()).Create_keyval())


def _lines_of(comm: Any) -> _Lines:
    """Return the lines of a communicator, made once and kept with it."""
    if comm.Get_attr(_key()) is None:
        comm.Set_attr(_key(), _Lines(comm))
    lines: _Lines = comm.Get_attr(_key())
    return lines


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
        self.optimizer, self.parameters, self.leaves = optimizer, parameters, [p.node for p in parameters]
        self.lines = _lines_of(comm)
        self.number = self.lines.given_to(self)
        self.scatter, self.gather = self.lines.pairs[self.number]
        ranks, divided = comm.Get_size(), _divided(parameters, bucket_bytes)
        self.buckets = [_Bucket(positions, parameters, ranks) for positions in divided]
        self.bucket_of = {i: bucket for bucket in self.buckets for i in bucket.places}
        self.started: list[Any] = []  # reductions, in the order of the buckets
        self.open, self.failed = False, False

    def __reduce__(self) -> Any:
        raise TypeError("an optimizer of nn.distributed cannot be copied or pickled; save optimizer.state_dict()")

    def begin(self, reached: list[int], recorded: bool) -> None:
        if self.open:
            raise ad.GraphError(
                "backward() inside a backward pass, and both reach parameters of one optimizer of nn.distributed: call "
                "the inner one after the outer one, or take ad.grad, which sets no gradients."
            )
        self.open, self.failed, self.started, here = True, False, [], set(reached)
        for bucket in self.buckets:
            bucket.begin(here)
        _refuse_trace()
        if recorded:
            raise ad.GraphError(
                "nn.distributed averages plain gradients, and create_graph=True records them: use "
                "ad.parallel.allreduce on the gradients instead of nn.distributed."
            )

    def arrived(self, position: int, gradient: Any) -> None:
        bucket = self.bucket_of[position]
        if not self.open or position not in bucket.missing:
            return  # ad.grad sets no gradients; and a bucket that was sent cannot change
        bucket.values[bucket.places[position]] = gradient.reshape(-1)
        bucket.missing.discard(position)
        while len(self.started) < len(self.buckets) and not self.buckets[len(self.started)].missing:
            self._start()
        self._advance()

    def _advance(self) -> bool:
        """Start the second halves of reductions, in one order on every rank; return whether all of them are started."""
        return all(reduction.advance() for reduction in self.started)

    def _start(self) -> None:
        bucket = self.buckets[len(self.started)]
        for i in bucket.missing:  # those that a failed pass did not bring
            bucket.values[bucket.places[i]] = 0
        self.started.append(ad.parallel.Reduction(bucket.values, self.scatter, self.gather, mean=True))

    def finish(self) -> Iterable[tuple[Any, Any]]:
        pairs = [
            (i, mean[place])
            for bucket, mean in zip(self.buckets, self._met(PASS), strict=True)
            for i, place in bucket.places.items()
            if mean[bucket.flags[i]]
        ]
        for i, _ in pairs:
            if self.parameters[i].node is not self.leaves[i]:
                raise self._changed(self.parameters[i])
        return [(self.parameters[i], mean.reshape(self.parameters[i].shape)) for i, mean in pairs]

    def fail(self, error: BaseException) -> None:
        if self.open and not self.lines.unfinished:
            self._met(FAILED, error)
        self.open, self.failed = False, True

    def step(self) -> None:
        """Wait until every rank is at its step; raise RankError where another one is in a backward pass."""
        _refuse_trace()
        averaged = set(self.leaves)
        for p in _parameters(self.optimizer):
            if p.grad is not None and p.node not in averaged:
                raise self._changed(p)
        self._met(STEP)

    def end(self, why: str) -> None:
        """Wait until every rank ends its training; raise RankError where another one continues."""
        if self.failed:  # an interrupt in the last pass, which every rank has raised
            raise ad.parallel.RankError(f"this rank has ended its training ({why}) in a backward pass.")
        self._met(DONE, why)

    def _changed(self, p: Any) -> Exception:
        i = next(i for i, other in enumerate(_parameters(self.optimizer)) if other is p)
        return ad.GraphError(
            f"parameter {i} of the optimizer, of shape {p.shape}, has changed since nn.distributed (a new group, "
            "frozen or no longer frozen, another dtype), and its gradient is not averaged: after such a change call "
            "nn.distributed(optimizer) again."
        )

    def _met(self, mine: int, why: Any = None) -> list[Any]:
        """Send this rank's state to the others. Return the means of the buckets when all are at the end of one pass;
        raise RankError unless all have the same state. Then every rank takes part in the rest of the exchange of each
        optimizer, because others wait for it. why: the error of a pass, or the reason for an end."""
        lines = self.lines
        if lines.unfinished:
            raise ad.parallel.RankError("an exchange between ranks was interrupted: they cannot continue together.")
        lines.unfinished = True
        every = np.empty((self.scatter.Get_size(), 2), np.int32)
        request = lines.meetings.Iallgather(np.array([self.number, mine], np.int32), every)
        while mine in (PASS, FAILED) and len(self.started) < len(self.buckets):
            self._start()
        while not self._advance() and not request.Test():
            pass
        request.Wait()
        means: list[Any] = []
        if mine != FAILED and (every == every[0]).all():
            if mine == PASS:
                means = self._complete()
            lines.unfinished = False
            return means
        text = f"{type(why).__name__}: {why}".rstrip(".: ") if isinstance(why, BaseException) else why
        reports = lines.meetings.allgather((lines.opened(), text))
        for number in sorted(set().union(*[opened for opened, _ in reports])):
            averaging = lines.owners[number]()
            if averaging is not None:
                averaging._complete()
        lines.unfinished = False
        if mine != FAILED:
            raise ad.parallel.RankError(_why(every, [text for _, text in reports]))
        return means

    def _complete(self) -> list[Any]:
        """Wait for the means of all buckets; a rank that is in no pass sends zeros."""
        if not self.open:
            for bucket in self.buckets:
                bucket.begin(set())
        while len(self.started) < len(self.buckets):
            self._start()
        means = [reduction.wait() for reduction in self.started]
        self.open, self.started = False, []
        return means


def _refuse_trace() -> None:
    extend.refuse_trace("averaging over ranks exchanges messages", "Leave out compiled=True")


def _why(every: Any, reasons: list[str | None]) -> str:
    """Return the text for ranks of different states. every: (ranks, 2), numbers of optimizers and states."""
    numbers, states = every.T
    ahead, behind = np.argmax(states), np.argmin(states)
    failed = np.flatnonzero(states == FAILED)
    if failed.size:
        return (
            f"the backward pass of rank {failed[0]} failed with {reasons[failed[0]]}. No gradient changed on any rank."
        )
    if states[ahead] == states[behind]:
        other = np.argmax(numbers != numbers[0])
        what = "backward passes that reach parameters" if states[0] == PASS else "the steps"
        return (
            f"rank 0 and rank {other} are in {what} of different optimizers. Let the loss of every rank depend on "
            "parameters of the same optimizers (add 0 * parameter.sum())."
        )
    there = "in a backward pass" if states[behind] == PASS else "at optimizer.step()"
    if states[ahead] == DONE:
        return (
            f"rank {ahead} has ended its training ({reasons[ahead]}) while rank {behind} is {there}: every rank needs "
            "equally many batches, and early stopping and callbacks the same numbers on every rank."
        )
    return (
        f"rank {ahead} came to optimizer.step() while rank {behind} is {there}: it "
        "made fewer passes, or one that reached none of the optimizer's parameters. Let the loss of every "
        f"rank depend on a parameter (add 0 * parameter.sum()). The pass of rank {behind} changes no gradient."
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
