"""Sums over ranks in the order of the ranks, so that neither timing nor the MPI's choice of algorithm changes a bit.

An array of B bytes is cut into one share for each of n ranks. First every rank gets its share from all (an all-to-all),
and adds them: rank 0's, then rank 1's, and so on. Then every rank gets all the sums (an allgather). Each rank sends
(n - 1) / n B bytes twice, as many as a ring allreduce, and the least that is possible.
Patarasuk and Yuan (2009), "Bandwidth optimal all-reduce algorithms for clusters of workstations".
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .ranks import communicator

LARGEST = 2**31 - 1  # what MPI counts


class Reduction:
    """The sum over ranks of a flat array, made while the caller continues. All ranks start the same sums in one order.

    values: (k,), contiguous; read until ``wait`` returns. It is not copied where n divides k. scatter, gather: two
    communicators of the same ranks, so that the second half of one reduction may start before or after the first half
    of the next. mean: divide by n; each rank divides its share.

    >>> import autodiff as ad, numpy as np
    >>> comm = ad.parallel.communicator()
    >>> ad.parallel.Reduction(np.array([1.0, 2.0]), comm, comm).wait()
    array([1., 2.])
    """

    def __init__(self, values: Any, scatter: Any, gather: Any, mean: bool = False) -> None:
        self.scatter, self.gather, self.mean = communicator(scatter), communicator(gather), mean
        n = self.scatter.Get_size()
        self.size, share = values.size, -(-values.size // n)
        self._sent = values
        if self.size != n * share:
            self._sent = np.zeros(n * share, values.dtype)
            self._sent[: self.size] = values
        self._shares = np.empty((n, share), values.dtype)
        self._sum: Any = None
        self._whole = np.empty(n * share, values.dtype)
        self._request = self.scatter.Ialltoall(*_bytes(self._sent, self._shares))

    def advance(self) -> bool:
        """Continue without waiting, as far as possible; return whether the second half has been started."""
        if self._sum is None and self._request.Test():
            self._add()
        return self._sum is not None

    def wait(self) -> Any:
        """Return the sum: (k,), equal bit for bit on every rank."""
        if self._sum is None:
            self._request.Wait()
            self._add()
        self._request.Wait()
        return self._whole[: self.size]

    def _add(self) -> None:
        self._sum = self._shares[0]
        for share in self._shares[1:]:
            self._sum += share
        if self.mean:
            self._sum /= len(self._shares)
        self._request = self.gather.Iallgather(*_bytes(self._sum, self._whole))


def _bytes(*arrays: Any) -> list[list[Any]]:
    """Return arrays of one dtype in the form that MPI takes: as bytes; larger ones, for which MPI has no number, as
    elements."""
    from mpi4py import MPI

    unit = _unit(arrays[0].itemsize) if max(a.nbytes for a in arrays) > LARGEST else MPI.BYTE
    return [[a.reshape(-1).view(np.uint8), unit] for a in arrays]


@cache
def _unit(size: int) -> Any:
    from mpi4py import MPI

    return MPI.BYTE.Create_contiguous(size).Commit()


def summed(x: Any, comm: Any) -> Any:
    """Return the sum over ranks of an array of any shape; every rank waits for all."""
    flat = np.ascontiguousarray(x).reshape(-1)
    return Reduction(flat, comm, comm).wait().reshape(np.shape(x))


def scattered_sum(x: Any, comm: Any) -> Any:
    """Return this rank's part of the sum over ranks. x: (n, ...) -> (...)."""
    sent = np.ascontiguousarray(x)
    shares = np.empty_like(sent)
    comm.Alltoall(*_bytes(sent, shares))
    total = shares[0].copy()
    for share in shares[1:]:
        total = total + share
    return np.asarray(total)


def gathered(x: Any, comm: Any) -> Any:
    """Return the arrays of all ranks: (...) -> (n, ...)."""
    whole = np.empty((comm.Get_size(), *np.shape(x)), x.dtype)
    comm.Allgather(*_bytes(np.ascontiguousarray(x), whole))
    return whole


def sent_from(x: Any, root: int, comm: Any) -> Any:
    """Return rank ``root``'s array on every rank."""
    copy = np.array(x, order="C")
    comm.Bcast(*_bytes(copy), root=root)
    return copy
