"""The ranks of a job: their communicator, checks that they agree, and the end of a job when one of them fails."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..variable import plain

R = TypeVar("R")


class RankError(RuntimeError):
    """The ranks of a job cannot continue together: one of them failed, or called something else than the others.

    It is raised on every rank, in place of a collective that would never return.

    >>> import autodiff as ad
    >>> issubclass(ad.parallel.RankError, RuntimeError)
    True
    """


def communicator(comm: Any = None) -> Any:
    """Return the MPI communicator to use: the given one, or all ranks of the job.

    comm: of mpi4py, or None for ``COMM_WORLD``. Raises ImportError without mpi4py or an MPI, TypeError for anything
    else, ValueError for ``MPI.COMM_NULL``, which a process gets that takes no part in a group.

    >>> import autodiff as ad
    >>> ad.parallel.communicator().Get_size()  # without mpiexec a process is a job of its own
    1
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py is there, and no MPI
        raise ImportError(
            "several processes need mpi4py and an MPI: apt install openmpi-bin, then pip install 'backflow[mpi]'"
        ) from error
    if comm is None:
        return MPI.COMM_WORLD
    if not isinstance(comm, MPI.Comm):
        raise TypeError(f"comm must be a communicator of mpi4py, such as MPI.COMM_WORLD; got {type(comm).__name__}")
    if comm == MPI.COMM_NULL:
        raise ValueError("comm is MPI.COMM_NULL: this process is in no group of that Split or Create; leave it out")
    return comm


def agree(what: str, mine: Any, comm: Any = None) -> None:
    """Compare a value between ranks, and raise RankError on every rank unless all have the same.

    what: for the message. mine: anything that can be pickled and compared, also arrays and Tensors (equal in dtype,
    shape and values; NaN equals NaN); of a dict the message has the first entry that differs. Every rank must call it.

    >>> import autodiff as ad
    >>> ad.parallel.agree("the number of epochs", 20)
    """
    comm = communicator(comm)
    if comm.Get_size() == 1:
        return
    every = comm.allgather(plain(mine))
    other = next((rank for rank, theirs in enumerate(every) if not _equal(theirs, every[0])), None)
    if other is None:
        return
    first, second = every[0], every[other]
    if isinstance(first, dict) and isinstance(second, dict):
        none = "no such entry"
        pairs = {key: (first.get(key, none), second.get(key, none)) for key in {**first, **second}}
        key = next(key for key, pair in pairs.items() if not _equal(*pair))
        what, (first, second) = f"{what}, {key}", pairs[key]
    raise RankError(f"the ranks do not agree on {what}: rank 0 has {first}, rank {other} has {second}.")


def _equal(a: Any, b: Any) -> bool:
    """Return whether two values are equal, arrays in all of their elements, with NaN equal to NaN."""
    a, b = plain(a), plain(b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray | np.generic) or isinstance(b, np.ndarray | np.generic):
        a, b = np.asarray(a), np.asarray(b)
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return bool(a == b or (a != a and b != b))


def said(error: BaseException) -> str:
    """Return the kind and text of an error, without a full stop."""
    return f"{type(error).__name__}: {error}".rstrip(".: ")


def run(main: Callable[[], R], comm: Any = None) -> R:
    """Call ``main()``, and end the whole job when it raises on this rank.

    The traceback and a sentence with the rank go to stderr, and ``comm.Abort`` ends the other ranks, which would wait
    for this one forever. Returns what ``main`` returns. A single process raises as usual; SystemExit with the status 0
    is no error.

    >>> import autodiff as ad
    >>> ad.parallel.run(lambda: 42)
    42
    """
    comm = communicator(comm)
    try:
        return main()
    except BaseException as error:
        if comm.Get_size() == 1 or (isinstance(error, SystemExit) and not error.code):
            raise
        traceback.print_exc()
        print(
            f"rank {comm.Get_rank()} of {comm.Get_size()} failed with {said(error)}. The job ends on every rank; where "
            "a checkpoint was written, run it again with resume= to go on from there.",
            file=sys.stderr,
            flush=True,
        )
        comm.Abort(1)
        raise
