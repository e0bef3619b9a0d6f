"""What test_parallel.py starts under mpiexec: nn.fit on every rank. Arguments: a checkpoint, and how rank 1 ends in
epoch 3 ("raise", "exit"), or "compare": go on from the checkpoint, and compare with a run without interruption."""

from __future__ import annotations

import os
import sys

import numpy as np

import nn
from autodiff import parallel
from nn.data import DataLoader, DistributedSampler, TensorDataset

comm = parallel.communicator()
rank = comm.Get_rank()
path, what = sys.argv[1:]


class End(nn.Callback):
    """Ends rank 1 when asked."""

    def __init__(self, sampler: DistributedSampler, end: str) -> None:
        self.sampler, self.end = sampler, end

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        if rank == 1 and self.sampler.epoch == 3 and batch == 2:
            if self.end == "raise":
                raise ValueError("the disk is full")
            if self.end == "exit":
                os._exit(3)


def train(end: str, **saved: object) -> bytes:
    rng = np.random.default_rng(0)
    data = TensorDataset(rng.normal(size=(48, 6)).astype(np.float32), rng.integers(0, 3, 48))
    sampler = DistributedSampler(data, seed=5)
    net = nn.Sequential(nn.Linear(6, 10, rng=rank), nn.ReLU(), nn.Linear(10, 3, rng=rank))
    optimizer = nn.distributed(nn.Adam(net.parameters()))
    loader = DataLoader(data, batch_size=8, sampler=sampler)
    nn.fit(
        net, loader, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=5, callbacks=[End(sampler, end)],
        clip_norm=1.0, progress=False, **saved,
    )  # fmt: skip
    return b"".join(p.data.tobytes() for p in net.parameters())


def main() -> None:
    if what != "compare":
        train(what, checkpoint=path if rank == 0 else None)
    resumed, whole = train("", resume=path), train("")
    assert resumed == whole
    parallel.agree("the parameters", whole)
    print(f"rank {rank}: equal bit for bit")


parallel.run(main)
