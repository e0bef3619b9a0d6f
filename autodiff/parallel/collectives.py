"""Collectives as rows. Each is linear, and the transpose of one of them: allreduce of itself, allgather of
reduce_scatter, broadcast of reduce.

The contract: the sum of the losses of all ranks is differentiated. Every rank calls the same collectives in
the same order, and its loss depends on all of them, so that the backward passes meet as the forward passes did. Before
an exchange the ranks compare operation, shape, dtype and whether it is recorded: one small message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import kind_of
from ..registry import Op
from ..variable import Variable, is_live, plain
from .ranks import agree, communicator
from .reductions import gathered, scattered_sum, sent_from, summed


def _allreduce(x: Any, comm: Any, op: str) -> Any:
    total = summed(np.asarray(x), comm)
    return total / comm.Get_size() if op == "mean" else total


def _allgather(x: Any, comm: Any) -> Any:
    return gathered(np.asarray(x), comm)


def _reduce_scatter(x: Any, comm: Any) -> Any:
    return scattered_sum(np.asarray(x), comm)


def _broadcast(x: Any, comm: Any, root: int) -> Any:
    return sent_from(np.asarray(x), root, comm)


def _reduce(x: Any, comm: Any, root: int) -> Any:
    total = summed(np.asarray(x), comm)
    return total if comm.Get_rank() == root else np.zeros_like(total)


def _row(kernel: Callable[..., Any], transpose: Callable[..., Any], doc: str) -> Op:
    """Return the row of a collective; its rule is its transpose."""
    name = kernel.__name__.removeprefix("_")
    return Op(kernel, transpose, name=name, doc=doc, linear=True, complex=True, opaque=True)


_ALLREDUCE = _row(_allreduce, lambda g, comm, op: allreduce(g, comm, op), "Return the sum over ranks.")
_ALLGATHER = _row(_allgather, lambda g, comm: reduce_scatter(g, comm), "Return the arrays of all ranks, stacked.")
_REDUCE_SCATTER = _row(_reduce_scatter, lambda g, comm: allgather(g, comm), "Return a part of the sum over ranks.")
_BROADCAST = _row(_broadcast, lambda g, comm, root: reduce(g, comm, root), "Return one rank's array on every rank.")
_REDUCE = _row(_reduce, lambda g, comm, root: broadcast(g, comm, root), "Return the sum over ranks, on one rank.")


def _exchange(row: Op, x: Any, comm: Any, **static: Any) -> Any:
    """Run a row after the ranks have checked that all of them run the same one."""
    comm = communicator(comm)
    value = np.asarray(plain(x))
    if value.dtype.kind not in "fciub":
        raise TypeError(f"{row.name} exchanges numbers between ranks; got {kind_of(x)}.")
    recorded = isinstance(x, Variable) and is_live(x)
    facts = (row.name, value.shape, str(value.dtype), static, "recorded" if recorded else "not recorded")
    agree("the collective to run (name, shape, dtype, arguments, recorded or not)", facts, comm)
    return row(x if isinstance(x, Variable) else value, comm=comm, **static)


def allreduce(x: Any, comm: Any = None, op: str = "sum") -> Any:
    """Sum x over all ranks, in the order of the ranks; every rank gets the same bits.

    x: any shape, the same on every rank. comm: of mpi4py, None for all ranks. op: "sum" or "mean". The gradient is the
    allreduce of the ranks' gradients. ``MPI.Comm.allreduce``, ``jax.lax.psum``. Raises RankError, on every rank, when
    the ranks come with other shapes or dtypes; ValueError for another op.

    >>> import autodiff as ad, numpy as np
    >>> ad.grad(lambda x: (ad.parallel.allreduce(x) ** 2).sum())(np.array([1.0, 3.0]))  # one rank: the sum is x
    array([2., 6.])
    """
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
    if tiled and not np.ndim(plain(x)):
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
    n, shape = communicator(comm).Get_size(), np.shape(plain(x))
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
    n = communicator(comm).Get_size()
    if not isinstance(root, int | np.integer) or not 0 <= root < n:
        raise ValueError(f"root must be a rank from 0 to {n - 1}; got {root!r}.")
    return int(root)
