"""Layers for sequences, forward and backward: an LSTM, and a transformer block, eager and compiled, compared with NumPy
written by hand and PyTorch on the same weights.

LSTM: hidden 128, 50 steps, batch 32, input 128. Block: d 128, 8 heads, 512 features between the linear layers, sequence
64, batch 16, causal, no dropout. float32; gradients of the weights and of the input. torch runs with one thread and
with its own default. Each contender has a process of its own, in turns: in one process the threads of torch and those
of the BLAS keep each other from the cores, and torch with two threads looks twice as slow as it is.

    python benchmarks/sequences.py [--rounds 6]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import sequences_by_hand as hand
from stopwatch import goal, installed, race_alone, ratio, setting, table, work_alone

import autodiff as ad
import nn

RNG = np.random.default_rng(0)


class Workload:
    """A layer of ours, the input and the cotangent of its output; `torch_layer` makes the same in PyTorch."""

    def __init__(self, name: str, limit: float, layer: Any, shape: tuple[int, ...], **options: Any) -> None:
        self.name, self.limit, self.layer, self.options = name, limit, layer, options
        self.x = RNG.normal(size=shape).astype(np.float32)
        self.g = RNG.normal(size=shape).astype(np.float32)

    def ours(self) -> list[Any]:
        x = ad.tensor(self.x)
        self.layer.zero_grad()
        y = self.layer(x, **self.options)
        (y[0] if isinstance(y, tuple) else y).backward(self.g)
        return [x.grad, *[p.grad for p in self.layer.parameters()]]

    def compiled(self) -> Callable[[], list[Any]]:
        """Return `ours` under `ad.compile`."""
        layer, options, parameters = self.layer, self.options, list(self.layer.parameters())

        def step(x: Any, g: Any) -> Any:
            x = ad.tensor(x)
            layer.zero_grad()
            y = layer(x, **options)
            (y[0] if isinstance(y, tuple) else y).backward(g)
            return x.grad

        fast = ad.compile(step)
        return lambda: [fast(self.x, self.g), *[p.grad for p in parameters]]

    def by_hand(self) -> list[Any]:
        """Run forward and backward pass in NumPy."""
        weights = {name: p.data for name, p in self.layer.named_parameters()}
        if isinstance(self.layer, nn.LSTM):
            return hand.lstm(self.x, self.g, *weights.values())
        found = hand.block(self.x, self.g, weights, 8)
        return [found["x"], *[found[name] for name in weights]]

    def theirs(self, threads: int) -> Callable[[], list[Any]]:
        import torch

        layer = self.torch_layer(torch)
        layer.load_state_dict({name: torch.tensor(a) for name, a in self.layer.state_dict().items()})
        own, g = dict(layer.named_parameters()), torch.tensor(self.g)
        mask = torch.nn.Transformer.generate_square_subsequent_mask(self.x.shape[1])
        options = {"src_mask": mask, **self.options} if self.options else {}

        def run() -> list[Any]:
            torch.set_num_threads(threads)
            x = torch.tensor(self.x, requires_grad=True)
            layer.zero_grad()
            y = layer(x, **options)
            (y[0] if isinstance(y, tuple) else y).backward(g)
            return [x.grad.numpy(), *[own[name].grad.numpy() for name, _ in self.layer.named_parameters()]]

        return run

    def torch_layer(self, torch: Any) -> Any:
        if isinstance(self.layer, nn.LSTM):
            return torch.nn.LSTM(128, 128)
        return torch.nn.TransformerEncoderLayer(128, 8, 512, 0.0, "relu", batch_first=True)


def workloads() -> list[Workload]:
    block = nn.TransformerEncoderLayer(128, 8, 512, 0.0, "relu", batch_first=True, rng=0)
    return [
        Workload("LSTM, hidden 128, 50 steps, batch 32", 1.3, nn.LSTM(128, 128, rng=0), (50, 32, 128)),
        Workload("transformer block, d 128, sequence 64, batch 16", 1.2, block, (16, 64, 128), is_causal=True),
    ]


def contender(work: Workload, name: str) -> Callable[[], list[Any]]:
    """Return the step of a contender, made in the process that asks for it."""
    if name.startswith("torch"):
        return work.theirs(int(name.split()[1]))
    return {"backflow": lambda: work.ours, "backflow, compiled": work.compiled, "NumPy by hand": lambda: work.by_hand}[
        name
    ]()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=30, help="of each contender in a round (default: %(default)s)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work_alone((contender(work, options.worker) for work in workloads()), options.calls)
    setting("Layers for sequences, forward + backward", "torch")
    names = ["backflow", "backflow, compiled", "NumPy by hand"]
    if installed("torch")["torch"]:
        import torch

        names += [f"torch, {n} thread{'s'[: n > 1]}" for n in sorted({1, torch.get_num_threads()})]
    works = workloads()
    for work in works:  # equal results; otherwise the times are not comparable
        mine = work.ours()
        for name in names:
            for a, b in zip(mine, contender(work, name)(), strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-3, err_msg=name)
    times = race_alone(__file__, names, len(works), options.rounds, options.calls)
    for work, found in zip(works, times, strict=True):
        print(work.name)
        table(found, "ms")
        peers = [ratio(found, name) for name in names if name.startswith("torch")]
        if peers:
            goal("time / torch, its better setting", max(peers), work.limit)
        goal("compiled / NumPy by hand", ratio(found, "NumPy by hand", "backflow, compiled"), 1.1, 1.0)


if __name__ == "__main__":
    main()
