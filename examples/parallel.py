"""Several processes train one network on the packaged digits, with the results of one process.

    mpiexec -n 4 python examples/parallel.py        # needs an MPI and mpi4py: pip install -e '.[mpi]'

Every process takes its share of each batch; `nn.distributed` averages the gradients while the backward pass runs.
Rank 0 then trains the same network alone, twice: on the shares one after another, which gives the same bits, and on
whole batches, where the sums are made in another order.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
import nn
from nn.data import DataLoader, DistributedSampler, TensorDataset, load_digits, train_test_split

Array = NDArray[np.generic]


class Result(NamedTuple):
    """Parameters as one array, seconds, and the accuracy on unseen digits."""

    parameters: NDArray[np.float32]
    seconds: float
    accuracy: float


def network(seed: int) -> nn.Module:
    """Return a network of one hidden layer. seed: of its first weights."""
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng))


def loaders(data: TensorDataset, ranks: Sequence[int], of: int, batch_size: int) -> list[DataLoader]:
    """Return the shares of these ranks, each in batches of its part of `batch_size`."""
    samplers = [DistributedSampler(data, num_replicas=of, rank=rank) for rank in ranks]
    return [DataLoader(data, batch_size // of, sampler=sampler) for sampler in samplers]


def train(shares: list[DataLoader], net: nn.Module, optimizer: nn.Adam, epochs: int) -> None:
    """Train on the mean of the gradients of these shares, computed one after another."""
    loss = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for share in shares:
            sampler: Any = share.batch_sampler
            sampler.sampler.set_epoch(epoch)
        for parts in zip(*shares, strict=True):
            optimizer.zero_grad()
            for x, y in parts:
                loss(net(x), y).backward()
            if len(parts) > 1:
                for p in net.parameters():
                    p.grad = p.grad / len(parts)
            optimizer.step()


def trained(ranks: Sequence[int], of: int, options: argparse.Namespace, together: bool) -> Result:
    """Train on the shares of some ranks. together: each process has one of them, and gradients are averaged."""
    x, x_test, y, y_test = train_test_split(*load_digits(), test_size=0.2, rng=0)
    full = len(y) // options.batch_size * options.batch_size  # so that no digit is repeated to fill the last batch
    net = network(seed=ranks[0] if together else 0)  # every rank then gets the weights of rank 0
    optimizer = nn.Adam(net.parameters())
    if together:
        nn.distributed(optimizer, bucket_bytes=options.bucket_bytes)
    data = TensorDataset(x[:full], y[:full])
    started = time.perf_counter()
    train(loaders(data, ranks, of, options.batch_size), net, optimizer, options.epochs)
    seconds = time.perf_counter() - started
    parameters = np.concatenate([p.data.ravel() for p in net.parameters()])
    return Result(parameters, seconds, nn.accuracy(nn.predict(net, x_test), y_test))


def main(argv: Sequence[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="of all ranks together (default: %(default)s)")
    parser.add_argument("--bucket-bytes", type=int, default=8192, help="gradients sent together (default: %(default)s)")
    options = parser.parse_args(argv)
    comm = ad.parallel.communicator()
    ranks, rank = comm.Get_size(), comm.Get_rank()

    ours = trained([rank], ranks, options, together=True)
    ad.parallel.agree("the parameters after training", hashlib.sha256(ours.parameters.tobytes()).hexdigest())
    if rank:
        return 0.0
    parts = trained(range(ranks), ranks, options, together=False)
    whole = trained([0], 1, options, together=False)
    print(f"{'':36} {'seconds':>8} {'accuracy':>9} {'largest difference':>19}")
    for name, one in (
        (f"{ranks} process{'es' * (ranks > 1)}", ours),
        (f"1 process, {ranks} part{'s' * (ranks > 1)} of each batch", parts),
        ("1 process, whole batches", whole),
    ):
        difference = np.abs(ours.parameters - one.parameters).max()
        print(f"{name:36} {one.seconds:8.2f} {one.accuracy:9.2%} {difference:19.1e}")
    equal = ours.parameters.tobytes() == parts.parameters.tobytes()
    print(f"\nEqual bit for bit to one process that takes the parts one after another: {'yes' if equal else 'NO'}")
    return ours.accuracy if equal else 0.0


if __name__ == "__main__":
    ad.parallel.run(main)
