"""What test_parallel.py starts under mpiexec: the collectives, checked on every rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import parallel
from autodiff.parallel import reductions

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


for reductions.LARGEST in (8, 2**31 - 1):  # first as if this were an array of more than 2 GiB
    for name, (collective, alone) in ALONE.items():
        check(name, collective, alone, rng.normal(size=everywhere.shape))

for dtype in (np.float16, np.float32, np.complex64):
    total = parallel.allreduce(x.astype(dtype))
    expected = everywhere[0].astype(dtype)
    for other in everywhere[1:].astype(dtype):
        expected = expected + other
    assert total.dtype == dtype and total.tobytes() == expected.tobytes()  # added in the order of the ranks

for dtype, sums in ((bool, np.int64), (np.int8, np.int64), (np.uint8, np.uint64)):  # as in np.sum: no overflow
    total = parallel.allreduce(np.ones(2, dtype) * 100)
    assert parallel.allreduce(np.ones(2, dtype)).tolist() == [n, n] and total.tolist() == [100 * n] * 2
    assert parallel.allreduce(np.ones(2, dtype)).dtype == parallel.reduce_scatter(np.ones(n, dtype)).dtype == sums
assert parallel.allreduce(np.ones(3, bool), op="mean").tolist() == [1.0] * 3

number = ad.scalar(1.0 + rank)  # a Scalar stays one, where there is one number
for y, value in (
    (parallel.allreduce(number), n * (n + 1) / 2),
    (parallel.allreduce(number, op="mean"), (n + 1) / 2),
    (parallel.broadcast(number, root=n - 1), float(n)),
    (parallel.reduce(number, root=0), n * (n + 1) / 2 if rank == 0 else 0.0),
):
    assert isinstance(y, ad.Scalar) and y.data == value

# Under vmap one exchange has all examples, in both modes; under ad.compile a collective is refused.
many = rng.normal(size=(n, 2, n, 3))[rank]
for name, (collective, _) in ALONE.items():
    for f in (
        collective,
        ad.grad(lambda v, c=collective: np.sin(c(np.cos(v))).sum()),
        lambda v, c=collective: ad.jvp(c, (v,), (v,))[1],
    ):
        one_by_one = np.stack([f(example) for example in many])
        np.testing.assert_allclose(ad.vmap(f)(many), one_by_one, rtol=1e-14, atol=1e-15, err_msg=name)
with pytest.raises(ad.TraceError, match="allreduce exchanges messages between ranks"):
    ad.compile(parallel.allreduce)(x)

parallel.agree("arrays and numbers that are no numbers", {"w": np.array([1.0, np.nan]), "loss": float("nan")})
if n > 1:
    with pytest.raises(parallel.RankError, match=r"agree on the weights, b: rank 0 has no such entry, rank 1 has \[1"):
        parallel.agree("the weights", {"a": np.ones(2), **({"b": np.ones(2)} if rank else {})})
    wrong = TypeError if rank == 0 else parallel.RankError  # nobody waits for a rank whose argument is refused
    with pytest.raises(wrong, match="exchanges numbers between ranks; got NoneType"):
        parallel.allreduce(None if rank == 0 else x)
    wrong = ValueError if rank == 0 else parallel.RankError
    with pytest.raises(wrong, match=f"needs an axis 0 of length {n}, the number of ranks"):
        parallel.reduce_scatter(np.ones(n + 1 if rank == 0 else n))
    with pytest.raises(parallel.RankError, match=r"\(3,\), \(1, 3\).*\(3,\), \(2, 3\)"):
        ad.vmap(parallel.allreduce)(np.ones((1 if rank == 0 else 2, 3)))
    with pytest.raises(parallel.RankError, match=r"do not agree on the collective.*rank 0 has .*\(2,\).*rank 1 has"):
        parallel.allreduce(np.ones(2 if rank == 0 else 3))
    with pytest.raises(parallel.RankError, match=r"rank 0 has .*not recorded.*rank 1 has .*recorded"):
        parallel.broadcast(np.ones(2) if rank == 0 else ad.tensor(np.ones(2)))
