"""The cost of a network: multiply-adds, recorded operations and bytes, counted layer by layer.

    python examples/outlook/graph_cost.py

The energy that a network uses depends on the machine, so this program prints no joules. The counts are exact and the
same everywhere: the multiply-adds of the layers, the operations that a step records, the bytes of their results. It
also measures the peak memory of Python's allocator, with and without recording, and the accuracy.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split


class Cost(NamedTuple):
    """The cost of one batch: counts of the forward pass, the graph, and peak bytes without recording and of a step."""

    parameters: int
    multiply_adds: int
    operations: int
    graph_bytes: int
    peak_inference: int
    peak_training: int


def networks(seed: int) -> dict[str, nn.Sequential]:
    """Return three networks for (N, 1, 8, 8); each is a chain of layers."""
    rng = np.random.default_rng(seed)
    return {
        "linear": nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=rng)),
        "two hidden layers": nn.Sequential(
            nn.Flatten(), nn.Linear(64, 128, rng=rng), nn.ReLU(),
            nn.Linear(128, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng),
        ),
        "convolutional": nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, rng=rng), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1, rng=rng), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 4 * 4, 10, rng=rng),
        ),
    }  # fmt: skip


def graph_of(loss: Any) -> tuple[int, int]:
    """Return the number of recorded operations of a loss, and the bytes of their results."""
    nodes = [node for node in json.loads(ad.draw(loss, level="op").to_json())["nodes"] if node["op"]]
    sizes = [math.prod(map(int, re.findall(r"\d+", node["shape"]))) for node in nodes]  # a "scalar" has no numbers: 1
    return len(nodes), sum(n * np.dtype(node["dtype"]).itemsize for n, node in zip(sizes, nodes, strict=True))


def peak(run: Callable[[], Any]) -> int:
    """Return the peak memory of a call in bytes, beyond the memory before it."""
    run()  # memory that the first call allocates and keeps is no cost of a step
    tracemalloc.start()
    run()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def cost(net: nn.Sequential, x: Any, y: Any) -> Cost:
    def infer() -> None:
        with ad.no_grad():
            net(x)

    def step() -> None:
        nn.cross_entropy(net(x), y).backward()

    table = net.summary(x)
    return Cost(table.total, table.multiply_adds, *graph_of(nn.cross_entropy(net(x), y)), peak(infer), peak(step))


def draw(net: nn.Sequential, x: Any, title: str, path: Path) -> None:
    """Draw multiply-adds and bytes, layer by layer."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [row for row in net.summary(x).rows if not row.children]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), dpi=110, layout="constrained", sharey=True)
    names = [f"{row.name}: {row.layer.partition('(')[0]}" for row in rows]
    columns = {"multiply-adds": "multiply_adds", "bytes of the output": "output_bytes"}
    for part, (name, field), colour in zip(axes, columns.items(), ad.drawing.style.CURVES, strict=False):
        bars = part.barh(names, [getattr(row, field) for row in rows], color=colour)
        part.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        part.set(xlabel=name)
        part.margins(x=0.2)
    axes[0].invert_yaxis()
    figure.suptitle(title)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, Cost]:
    """Count, measure, train, draw; return the cost of one batch by network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="digits in a batch (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    images, labels = load_digits()
    x, x_test, y, y_test = train_test_split(images[:, None], labels, rng=0)
    sample, costs = (x[: options.batch], y[: options.batch]), {}
    print(
        f"One batch of {options.batch}" + " " * 12 + "".join(f"{field.replace('_', ' '):>17}" for field in Cost._fields)
    )
    nets = networks(0)
    for name, net in nets.items():
        costs[name] = cost(net, *sample)
        print(f"{name:27}" + "".join(f"{number:17,}" for number in costs[name]))
    print(f"\n{options.epochs} epochs; a step's backward pass is about two forward passes more, one for each factor")
    for name, net in nets.items():
        optimizer = nn.Adam(net.parameters(), lr=3e-3)
        loss = nn.CrossEntropyLoss()
        nn.fit(net, x, y, loss=loss, optimizer=optimizer, epochs=options.epochs, progress=False, rng=0)
        total = 3 * costs[name].multiply_adds / options.batch * len(y) * options.epochs
        print(f"{name:27}{nn.accuracy(nn.predict(net, x_test), y_test):.1%} right for {total:.1e} multiply-adds")
    try:
        draw(
            nets["convolutional"],
            sample[0],
            f"The convolutional network, {options.batch} digits",
            options.out / "graph_cost.png",
        )
        print(f"Picture: {options.out / 'graph_cost.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return costs


if __name__ == "__main__":
    main()
