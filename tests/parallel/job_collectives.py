"""What test_parallel.py starts under mpiexec: the collectives, checked on every rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import parallel

comm = parallel.communicator()
n, rank = comm.Get_size(), comm.Get_rank()
rng = np.random.default_rng(7)
everywhere = rng.normal(size=(n, n, 3))  # the x of every rank
weights = rng.normal(size=(n, n, n, 3))  # of the loss of every rank
x, weight = everywhere[rank], weights[rank]

# What one process computes from the inputs of all ranks: the outputs of each rank, from a (ranks, n, 3) array.
ALONE = {
    "allreduce": (parallel.allreduce, lambda xs, r: xs.sum(axis=0)),
    "mean": (lambda v: parallel.allreduce(v, op="mean"), lambda xs, r: xs.mean(axis=0)),
    "allgather": (parallel.allgather, lambda xs, r: xs),
    "allgather, tiled": (
        lambda v: parallel.allgather(v, tiled=True),
        lambda xs, r: np.reshape(xs, (-1, 3)),
    ),
    "reduce_scatter": (parallel.reduce_scatter, lambda xs, r: xs.sum(axis=0)[r]),
    "reduce_scatter, tiled": (
        lambda v: parallel.reduce_scatter(np.concatenate([v, v]), tiled=True),
        lambda xs, r: np.concatenate([xs, xs], axis=1).sum(axis=0)[2 * r : 2 * r + 2],
    ),
    "broadcast": (lambda v: parallel.broadcast(v, root=n - 1), lambda xs, r: xs[n - 1]),
    "reduce": (lambda v: parallel.reduce(v, root=0), lambda xs, r: xs.sum(axis=0) * (r == 0)),
}


def loss_of(y: ad.Tensor, w: np.ndarray) -> ad.Tensor:
    """A loss that needs every element: its second derivative is not constant."""
    return (np.resize(w, np.shape(y)) * np.sin(y)).sum()


def check(name: str, collective: Any, alone: Any, direction: np.ndarray) -> None:
    """Value, both modes and the second derivative, against one process that has the inputs of all ranks."""

    def mine(v: Any) -> Any:
        return loss_of(collective(v), weight)

    def whole(xs: Any) -> Any:
        return sum(loss_of(alone(xs, r), weights[r]) for r in range(n))

    np.testing.assert_allclose(collective(x), alone(everywhere, rank), rtol=1e-14, err_msg=name)
    first = ad.grad(mine)(x)
    # sums of at most 4 n^2 terms near 1 in another order
    np.testing.assert_allclose(first, ad.grad(whole)(everywhere)[rank], rtol=1e-12, atol=1e-13, err_msg=name)
    tangent = ad.jvp(collective, (x,), (direction[rank],))[1]
    np.testing.assert_allclose(tangent, alone(direction, rank), rtol=1e-14, atol=1e-15, err_msg=name)
    second = ad.grad(lambda v: (ad.grad(mine)(v) * direction[rank]).sum())(x)
    expected = ad.grad(lambda xs: (ad.grad(whole)(xs) * direction).sum())(everywhere)[rank]
    np.testing.assert_allclose(second, expected, rtol=1e-12, atol=1e-13, err_msg=name)
    forward = ad.jvp(ad.grad(mine), (x,), (direction[rank],))[1]
    np.testing.assert_allclose(forward, expected, rtol=1e-12, atol=1e-13, err_msg=name)


for name, (collective, alone) in ALONE.items():
    check(name, collective, alone, rng.normal(size=everywhere.shape))

for dtype in (np.float16, np.float32, np.complex64):
    total = parallel.allreduce(x.astype(dtype))
    expected = everywhere[0].astype(dtype)
    for other in everywhere[1:].astype(dtype):
        expected = expected + other
    assert total.dtype == dtype and total.tobytes() == expected.tobytes()  # added in the order of the ranks

if n > 1:
    with pytest.raises(parallel.RankError, match=r"do not agree on the collective.*rank 0 has .*\(2,\).*rank 1 has"):
        parallel.allreduce(np.ones(2 if rank == 0 else 3))
    with pytest.raises(parallel.RankError, match=r"rank 0 has .*not recorded.*rank 1 has .*recorded"):
        parallel.broadcast(np.ones(2) if rank == 0 else ad.tensor(np.ones(2)))
