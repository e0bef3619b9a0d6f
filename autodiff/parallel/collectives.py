"""Collectives as rows. Each is linear, and the transpose of one of them: allreduce of itself, allgather of
reduce_scatter, broadcast of reduce.

The contract: the sum of the losses of all ranks is differentiated. Every rank calls the same collectives in
the same order, and its loss depends on all of them, so that the backward passes meet as the forward passes did. Before
an exchange the ranks compare operation, shape, dtype and whether it is recorded: one small message. Under ``vmap`` one
exchange has the values of all examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..batching.handle import Batched
from ..batching.ways import run_again
from ..errors import kind_of
from ..modes.traces import refuse_trace
from ..other_arrays import numbers
from ..registry import Op
from ..variable import Variable, is_live, plain
from .ranks import RankError, agree, communicator, said
from .reductions import gathered, scattered_sum, sent_from, summed

_WHAT = "the collective to run (name, shape, dtype, arguments, recorded or not)"


def _allreduce(x: Any, comm: Any, op: str) -> Any:
    total = summed(_to_add(x), comm)[()]  # [()]: of a Scalar, a number
    return total / comm.Get_size() if op == "mean" else total


def _allgather(x: Any, comm: Any) -> Any:
    return gathered(np.asarray(x), comm)


def _reduce_scatter(x: Any, comm: Any) -> Any:
    return scattered_sum(_to_add(x), comm)


def _broadcast(x: Any, comm: Any, root: int) -> Any:
    return sent_from(np.asarray(x), root, comm)[()]


def _reduce(x: Any, comm: Any, root: int) -> Any:
    total = summed(_to_add(x), comm)[()]
    return total if comm.Get_rank() == root else np.zeros_like(total)[()]


def _to_add(x: Any) -> Any:
    """Return x in the dtype of its sums: booleans are counted, and small integers do not overflow, as in np.sum."""
    x = np.asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(np.empty(0, x.dtype).sum().dtype)


# Under vmap, the batch axis first: the row runs on all examples, and an axis of the ranks stands before theirs.
def _of_all(frame: Any, op: Op, xs: Any, on: Any, static: Any) -> Any:
    return run_again(op, xs, static)


def _gathered_of_all(frame: Any, op: Op, xs: Any, on: Any, static: Any) -> Any:
    return np.moveaxis(run_again(op, xs, static), 0, 1)


def _scattered_of_all(frame: Any, op: Op, xs: Any, on: Any, static: Any) -> Any:
    return run_again(op, (np.moveaxis(xs[0], 1, 0),), static)


def _row(kernel: Callable[..., Any], transpose: Callable[..., Any], doc: str, batch: Any = _of_all) -> Op:
    """Return the row of a collective; its rule is its transpose."""
    name = kernel.__name__.removeprefix("_")
    return Op(kernel, transpose, name=name, doc=doc, linear=True, complex=True, opaque=True, batch=batch)


_ALLREDUCE = _row(_allreduce, lambda g, comm, op: allreduce(g, comm, op), "Return the sum over ranks.")
_ALLGATHER = _row(
    _allgather, lambda g, comm: reduce_scatter(g, comm), "Return the arrays of all ranks, stacked.", _gathered_of_all
)
_REDUCE_SCATTER = _row(
    _reduce_scatter, lambda g, comm: allgather(g, comm), "Return a part of the sum over ranks.", _scattered_of_all
)
_BROADCAST = _row(_broadcast, lambda g, comm, root: reduce(g, comm, root), "Return one rank's array on every rank.")
_REDUCE = _row(_reduce, lambda g, comm, root: broadcast(g, comm, root), "Return the sum over ranks, on one rank.")


def _exchange(row: Op, x: Any, comm: Any, **static: Any) -> Any:
    """Run a row after the ranks have checked that all of them run the same one."""
    comm = communicator(comm)
    refuse_trace(f"{row.name} exchanges messages between ranks", "Call it outside the compiled function")
    with _errors_told(comm):
        value, shapes = x if isinstance(x, Variable) else np.asarray(numbers(x, row.name)), []
        if value.dtype.kind not in "fciub":
            raise TypeError(f"{row.name} exchanges numbers between ranks; got {kind_of(x)}.")
        payload = value
        while isinstance(payload, Batched):  # under vmap: all ranks have equally many examples
            shapes.append(payload.shape)
            payload = payload.payload
        numbers(plain(payload), row.name)
    recorded = isinstance(x, Variable) and is_live(x)
    facts = (row.name, *shapes, np.shape(payload), str(value.dtype), static, "recorded" if recorded else "not recorded")
    agree(_WHAT, facts, comm)
    return row(value, comm=comm, **static)


@contextmanager
def _errors_told(comm: Any) -> Iterator[None]:
    """Tell the other ranks of an error, which they raise as RankError: they wait for this rank's exchange."""
    try:
        yield
    except Exception as error:
        with suppress(RankError):
            agree(_WHAT, said(error), comm)
        raise


def allreduce(x: Any, comm: Any = None, op: str = "sum") -> Any:
    """Sum x over all ranks, in the order of the ranks; every rank gets the same bits.

    x: any shape, the same on every rank; booleans and small integers are added as in np.sum. comm: of mpi4py, None for
    all ranks. op: "sum" or "mean". The gradient is the allreduce of the ranks' gradients. ``MPI.Comm.allreduce``,
    ``jax.lax.psum``. Raises RankError, on every rank, when the ranks come with other shapes or dtypes; ValueError for
    another op.

    >>> import autodiff as ad, numpy as np
    >>> ad.grad(lambda x: (ad.parallel.allreduce(x) ** 2).sum())(np.array([1.0, 3.0]))  # one rank: the sum is x
    array([2., 6.])
    """
    with _errors_told(communicator(comm)):
        if op not in ("sum", "mean"):
            raise ValueError(f"allreduce takes op='sum' or op='mean'; got {op!r}.")
    return _exchange(_ALLREDUCE, x, comm, op=op)


def allgather(x: Any, comm: Any = None, tiled: bool = False) -> Any:
    """Gather the arrays of all ranks on every rank. x: (...) -> (n, ...) for n ranks.

    tiled: join along axis 0 in place of stacking, (k, ...) -> (n k, ...). The gradient is the ``reduce_scatter`` of
    the ranks' gradients. ``jax.lax.all_gather``. Raises RankError when the ranks come with other shapes or dtypes.

    >>> import autodiff as ad
    >>> ad.parallel.allgather([1.0, 3.0]).shape
    (1, 2)
    """
    with _errors_told(communicator(comm)):
        if tiled and not np.ndim(x):
            raise ValueError(f"allgather(tiled=True) joins along axis 0, and this has none: got {kind_of(x)}.")
    y = _exchange(_ALLGATHER, x, comm)
    return np.reshape(y, (-1, *y.shape[2:])) if tiled else y


def reduce_scatter(x: Any, comm: Any = None, tiled: bool = False) -> Any:
    """Sum x over all ranks, and give each rank its part. x: (n, ...) -> (...), the part with the number of the rank.

    tiled: parts of equal length along axis 0, (n k, ...) -> (k, ...). The gradient is the ``allgather`` of the ranks'
    gradients. ``jax.lax.psum_scatter``. Raises RankError when the ranks come with other shapes or dtypes, ValueError
    when axis 0 cannot be divided.

    >>> import autodiff as ad
    >>> ad.parallel.reduce_scatter([[1.0, 3.0]])
    array([1., 3.])
    """
    comm = communicator(comm)
    n = comm.Get_size()
    with _errors_told(comm):
        shape = np.shape(x)
        if not shape or (shape[0] % n if tiled else shape[0] != n):
            need = f"a multiple of {n}" if tiled else f"{n}, the number of ranks"
            raise ValueError(f"reduce_scatter(tiled={tiled}) needs an axis 0 of length {need}; got {kind_of(x)}.")
    if tiled:
        x = np.reshape(x, (n, shape[0] // n, *shape[1:]))
    return _exchange(_REDUCE_SCATTER, x, comm)


def broadcast(x: Any, comm: Any = None, root: int = 0) -> Any:
    """Give every rank the array of rank ``root``.

    x: the same shape and dtype on every rank; the values of other ranks do not matter. The gradient is the ``reduce``
    of the ranks' gradients to the root, and zero on the others. ``MPI.Comm.bcast``. Raises RankError when the ranks
    come with other shapes or dtypes, ValueError for a root that is no rank.

    >>> import autodiff as ad
    >>> ad.parallel.broadcast([1.0, 3.0])
    array([1., 3.])
    """
    return _exchange(_BROADCAST, x, comm, root=_rank(root, comm))


def reduce(x: Any, comm: Any = None, root: int = 0) -> Any:
    """Sum x over all ranks on rank ``root``; the others get zeros.

    x: any shape, the same on every rank. The gradient is the ``broadcast`` of the root's gradient. ``MPI.Comm.reduce``.
    Raises RankError when the ranks come with other shapes or dtypes, ValueError for a root that is no rank.

    >>> import autodiff as ad
    >>> ad.parallel.reduce([1.0, 3.0])
    array([1., 3.])
    """
    return _exchange(_REDUCE, x, comm, root=_rank(root, comm))


def _rank(root: int, comm: Any) -> int:
    comm = communicator(comm)
    n = comm.Get_size()
    with _errors_told(comm):
        if isinstance(root, bool) or not isinstance(root, int | np.integer) or not 0 <= root < n:
            raise ValueError(f"root must be a rank from 0 to {n - 1}; got {root!r}.")
    return int(root)
