"""Training steps of one network on 1, 2, ... processes: the speedup, and the cost of the exchange.

    OPENBLAS_NUM_THREADS=1 mpiexec -n 2 python benchmarks/parallel.py       # needs an MPI and mpi4py

Beside ours: the same in torch with DistributedDataParallel over gloo, where torch is installed.

One batch is divided among the ranks (strong scaling). Contenders take turns in short bursts: rank 0 alone on the whole
batch while the others sleep, every rank on its share without an exchange (an upper bound), and the share with
`nn.distributed` in buckets and in one bucket for all, which is reduced after the pass.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import autodiff as ad
import nn


def network(width: int) -> nn.Module:
    rng = np.random.default_rng(0)
    widths = [784, width, width, width, 10]
    layers = [nn.Linear(a, b, rng=rng) for a, b in pairwise(widths)]
    return nn.Sequential(*(part for layer in layers[:-1] for part in (layer, nn.ReLU())), layers[-1])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=512, help="of all ranks together (default: %(default)s)")
    parser.add_argument("--width", type=int, default=512, help="of the hidden layers (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--burst", type=int, default=4, help="steps in a row (default: %(default)s)")
    options = parser.parse_args(argv)
    comm = ad.parallel.communicator()
    ranks, rank = comm.Get_size(), comm.Get_rank()
    rng = np.random.default_rng(1)
    x = rng.normal(size=(options.batch, 784)).astype(np.float32)
    y = rng.integers(0, 10, options.batch)
    share = slice(rank * len(y) // ranks, (rank + 1) * len(y) // ranks)

    def step(rows: slice, bucket_bytes: int | None) -> Callable[[], None]:
        net = network(options.width)
        optimizer = nn.SGD(net.parameters(), lr=1e-3)
        if bucket_bytes:
            nn.distributed(optimizer, bucket_bytes=bucket_bytes)
        run = nn.training_step(net, nn.CrossEntropyLoss(), optimizer)
        return lambda: run(x[rows], y[rows])

    alone, torch_alone = "1 process, the whole batch", "torch: 1 process, the whole batch"
    contenders = {
        alone: step(slice(None), None),
        "a share each, no exchange": step(share, None),
        "nn.distributed, buckets of 1 MiB": step(share, 1 << 20),
        "nn.distributed, one bucket at the end": step(share, 1 << 40),
    }
    if importlib.util.find_spec("torch"):
        whole, ddp = torch_steps(options.width, x, y, share, comm)
        contenders |= {torch_alone: whole, "torch: DistributedDataParallel, gloo": ddp}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, run in contenders.items():
            meet(comm)
            started = time.perf_counter()
            for _ in range(options.burst if rank == 0 or name not in (alone, torch_alone) else 0):
                run()
            times[name].append((time.perf_counter() - started) / options.burst)
    if "torch" in sys.modules:  # its thread must end before Python does
        meet(comm)
        sys.modules["torch"].distributed.destroy_process_group()
    if rank:
        return
    size = sum(p.nbytes for p in network(options.width).parameters())
    print(f"{ranks} ranks, {size / 1e6:.2f} MB of gradients, batch {options.batch}; every rank sends and receives")
    print(f"2 (n - 1) / n of them a step: {2 * (ranks - 1) / ranks * size / 1e6:.2f} MB\n")
    print(f"{'':40} {'median':>9} {'minimum':>9} {'times sooner':>13}")
    for name, found in times.items():
        first = times[torch_alone if name.startswith("torch") else alone]
        sooner = statistics.median(a / b for a, b in zip(first, found, strict=True))
        print(f"{name:40} {statistics.median(found) * 1e3:6.2f} ms {min(found) * 1e3:6.2f} ms {sooner:13.2f}")


def torch_steps(width: int, x: np.ndarray, y: np.ndarray, share: slice, comm: Any) -> list[Callable[[], None]]:
    """Return torch's step on the whole batch, and on a share of it with DistributedDataParallel; one thread a rank."""
    import torch
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    meeting = comm.bcast(tempfile.mkdtemp() if comm.Get_rank() == 0 else None)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}/torch", rank=comm.Get_rank(), world_size=comm.Get_size()
    )
    inputs, labels, loss_of = torch.from_numpy(x), torch.from_numpy(y), torch.nn.CrossEntropyLoss()

    def step(rows: slice, together: bool) -> Callable[[], None]:
        widths = [784, width, width, width, 10]
        layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
        net = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.ReLU())][:-1])
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
        model = DistributedDataParallel(net, gradient_as_bucket_view=True) if together else net

        def run() -> None:
            optimizer.zero_grad()
            loss_of(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()

        return run

    return [step(slice(None), False), step(share, True)]


def meet(comm: object) -> None:
    """Wait for all ranks without using a core: a rank that waits inside MPI keeps one busy."""
    request = comm.Ibarrier()  # type: ignore[attr-defined]
    while not request.Test():
        time.sleep(1e-3)


if __name__ == "__main__":
    ad.parallel.run(main)
