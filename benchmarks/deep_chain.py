"""A chain of 1,000,000 operations: build, differentiate, free; seconds, nanoseconds a node, and peak memory.

Each contender has its own process, because peak memory belongs to a process; the recursion limit is not changed.
Contenders are Scalars with the cyclic garbage collector on and off (off shows that freeing does not need it), tensors
of shape (), and torch. Memory is the peak of the process, and its growth after the imports.

    python benchmarks/deep_chain.py [--nodes 1000000]
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from stopwatch import goal, installed, setting

GOAL_SECONDS, GOAL_MB = 5.0, 700


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def chain(x: Any, nodes: int) -> Any:
    """Return x after `nodes` operations of x -> 1.0000001 x + 1e-7."""
    for _ in range(nodes // 2):
        x = x * 1.0000001 + 1e-7
    return x


def scalars() -> Callable[[], Any]:
    import autodiff as ad

    return lambda: ad.scalar(1.0)


def tensors() -> Callable[[], Any]:
    import autodiff as ad

    return lambda: ad.tensor(1.0)


def torch_tensors() -> Callable[[], Any]:
    import torch

    return lambda: torch.tensor(1.0, dtype=torch.float64, requires_grad=True)


CONTENDERS = {"scalars": scalars, "tensors": tensors, "torch": torch_tensors}


def work(name: str, nodes: int, collector: bool) -> None:
    make = CONTENDERS[name]()
    chain(make(), 100).backward()
    if not collector:
        gc.disable()
    before = peak_mb()
    t0 = time.perf_counter()
    x = make()
    y = chain(x, nodes)
    t1 = time.perf_counter()
    y.backward()
    t2 = time.perf_counter()
    del y
    t3 = time.perf_counter()
    expected = 1.0000001 ** (nodes // 2)
    assert abs(float(x.grad) - expected) < 1e-6 * expected, "the derivative of the chain is wrong"
    print(json.dumps({"build": t1 - t0, "backward": t2 - t1, "free": t3 - t2, "peak": peak_mb(), "before": before}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--no-collector", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return work(asked.worker, asked.nodes, not asked.no_collector)
    setting(f"A chain of {asked.nodes:,} operations", "torch")
    runs = [("scalars", True), ("scalars", False), ("tensors", True)]
    runs += [("torch", True)] if installed("torch")["torch"] else []
    best: dict[tuple[str, bool], dict[str, float]] = {}
    for _ in range(asked.rounds):
        for name, collector in runs:
            command = [sys.executable, __file__, "--worker", name, "--nodes", str(asked.nodes)]
            command += [] if collector else ["--no-collector"]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            told["total"] = told["build"] + told["backward"] + told["free"]
            known = best.setdefault((name, collector), told)
            if told["total"] < known["total"]:
                best[name, collector] = told
    head = f"best of {asked.rounds}"
    print(f"  {head:24} build s  backward s  free s  total s  ns/node  growth MB  B/node  peak MB")
    for (name, collector), told in best.items():
        growth = told["peak"] - told["before"]
        print(
            f"  {name + ('' if collector else ', collector off'):24} {told['build']:7.2f}  {told['backward']:10.2f}"
            f"  {told['free']:6.2f}  {told['total']:7.2f}  {told['total'] / asked.nodes * 1e9:7.0f}  {growth:9.0f}"
            f"  {growth * 2**20 / asked.nodes:6.0f}  {told['peak']:7.0f}"
        )
    if asked.nodes == 1_000_000:
        goal("scalars, seconds", best["scalars", True]["total"], GOAL_SECONDS)
        goal("scalars, peak MB of the process", best["scalars", True]["peak"], GOAL_MB)


if __name__ == "__main__":
    main()
