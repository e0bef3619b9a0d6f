"""micrograd's moons demo in scalars: one full-batch step (build, loss, backward, update) of a 2-16-16-1 ReLU network.

100 samples, max-margin loss and L2 of 1e-4, as in micrograd's demo notebook. ``step`` is the same source for both
libraries, written as a user writes it: the inputs are lists of numbers, the outputs Scalars. "backflow" has a node a
neuron, as ``nn.Neuron`` makes it; "operators" is micrograd's own program, ``act = act + w * x``, with 65,818 nodes. The
garbage collector is on, because it takes most of micrograd's time; it is off within the steps of the last two. Every
burst of steps has its own process, so that no contender collects the garbage of another. The same step vectorised in
NumPy by hand is the reference.

    python benchmarks/moons.py [--rounds 5] [--steps 6]
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from stopwatch import Times, goal, installed, ratio, setting, table

SIZES = [16, 16, 1]
ALPHA, RATE = 1e-4, 0.01


def moons(n: int = 100, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return two interleaved half circles: points (n, 2) and labels -1 and 1 (n,)."""
    rng = np.random.default_rng(0)
    angle = np.pi * np.concatenate([np.linspace(0, 1, n // 2), np.linspace(0, 1, n - n // 2)])
    lower = np.arange(n) >= n // 2
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points[lower] = [1.0, 0.5] - points[lower]
    return points + rng.normal(0, noise, points.shape), np.where(lower, 1.0, -1.0)


def loss_of(model, parameters, points, labels):
    """Return the max-margin loss and the L2 term, written as in the demo."""
    scores = [model(point) for point in points]
    losses = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    return data_loss + ALPHA * sum(p * p for p in parameters)


def step(model, points, labels):
    parameters = list(model.parameters())
    loss = loss_of(model, parameters, points, labels)
    model.zero_grad()
    loss.backward()
    for p in parameters:
        p.data -= RATE * p.grad
    return loss


def step_with_optimizer(model, optimizer, points, labels):
    loss = loss_of(model, model.parameters(), points, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def by_hand(weights: list[np.ndarray], points: np.ndarray, labels: np.ndarray) -> float:
    """Make one step in vectorised NumPy: weights is [W1, b1, W2, b2, W3, b3], updated in place."""
    w1, b1, w2, b2, w3, b3 = weights
    h1 = np.maximum(points @ w1.T + b1, 0.0)
    h2 = np.maximum(h1 @ w2.T + b2, 0.0)
    margins = 1.0 - labels * (h2 @ w3.T + b3)[:, 0]
    loss = np.maximum(margins, 0.0).mean() + ALPHA * sum((w * w).sum() for w in weights)
    g3 = np.where(margins > 0, -labels / len(labels), 0.0)[:, None]
    g2 = g3 @ w3 * (h2 > 0)
    g1 = g2 @ w2 * (h1 > 0)
    gradients = [g1.T @ points, g1.sum(0), g2.T @ h1, g2.sum(0), g3.T @ h2, g3.sum(0)]
    for w, g in zip(weights, gradients, strict=True):
        w -= RATE * (g + 2 * ALPHA * w)
    return float(loss)


def initial_weights() -> list[np.ndarray]:
    """Return W1, b1, W2, b2, W3, b3."""
    rng, sizes = np.random.default_rng(1), [2, *SIZES]
    shapes = [shape for nin, nout in itertools.pairwise(sizes) for shape in ((nout, nin), (nout,))]
    return [rng.uniform(-1, 1, shape) for shape in shapes]


def set_weights(layers: list, weights: list[np.ndarray]) -> None:
    """Write the same numbers into a scalar network of either library."""
    for layer, w, b in zip(layers, weights[::2], weights[1::2], strict=True):
        for neuron, row, bias in zip(layer.neurons, w.tolist(), b.tolist(), strict=True):
            neuron.b.data = bias
            for p, value in zip(neuron.w, row, strict=True):
                p.data = value


class OperatorNeuron:
    """A neuron as micrograd's: one operation for each product and each sum."""

    def __init__(self, scalar: Callable[[float], Any], inputs: int, rectified: bool) -> None:
        self.w, self.b, self.rectified = [scalar(0.0) for _ in range(inputs)], scalar(0.0), rectified

    def __call__(self, x: list[Any]) -> Any:
        act = self.b
        for wi, xi in zip(self.w, x, strict=True):
            act = act + wi * xi
        return act.relu() if self.rectified else act


class OperatorLayer:
    def __init__(self, neurons: list[OperatorNeuron]) -> None:
        self.neurons = neurons


class OperatorNet:
    """micrograd's MLP, for any kind of scalar."""

    def __init__(self, scalar: Callable[[float], Any]) -> None:
        sizes = [2, *SIZES]
        last = len(SIZES) - 1
        self.layers = [
            OperatorLayer([OperatorNeuron(scalar, nin, i < last) for _ in range(nout)])
            for i, (nin, nout) in enumerate(itertools.pairwise(sizes))
        ]

    def __call__(self, x: list[Any]) -> Any:
        for layer in self.layers:
            x = [neuron(x) for neuron in layer.neurons]
        return x[0]

    def parameters(self) -> list[Any]:
        return [p for layer in self.layers for neuron in layer.neurons for p in (*neuron.w, neuron.b)]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = None


def operator_steps() -> Callable[[], Any]:
    import autodiff as ad

    (x, y), model = moons(), OperatorNet(ad.scalar)
    set_weights(model.layers, initial_weights())
    points, labels = x.tolist(), y.tolist()
    return lambda: step(model, points, labels)


def backflow_steps(with_optimizer: bool) -> Callable[[], Any]:
    import nn

    (x, y), model = moons(), nn.MLP(2, SIZES)
    set_weights(model.layers, initial_weights())
    points, labels = x.tolist(), y.tolist()
    if not with_optimizer:
        return lambda: step(model, points, labels)
    optimizer = nn.SGD(model.parameters(), lr=RATE)
    return lambda: step_with_optimizer(model, optimizer, points, labels)


def micrograd_steps() -> Callable[[], Any]:
    from micrograd.nn import MLP

    (x, y), model = moons(), MLP(2, SIZES)
    set_weights(model.layers, initial_weights())
    points, labels = x.tolist(), y.tolist()
    return lambda: step(model, points, labels)


def by_hand_steps() -> Callable[[], Any]:
    (x, y), weights = moons(), initial_weights()
    return lambda: by_hand(weights, x, y)


CONTENDERS = {
    "backflow": lambda: backflow_steps(False),
    "backflow, nn.SGD": lambda: backflow_steps(True),
    "NumPy, vectorised by hand": by_hand_steps,
    "micrograd": micrograd_steps,
    "backflow, operators": operator_steps,
    "micrograd, no collector": micrograd_steps,
    "operators, no collector": operator_steps,
}


def work(name: str, steps: int) -> None:
    """Print seconds and losses of each step of this process; the first three, while the heap grows, are not timed.

    As in the demo's loop, the loss of a step is freed when that of the next step exists.
    """
    run = CONTENDERS[name]()
    losses, seconds = [], []
    for i in range(steps + 3):
        if name.endswith("no collector"):
            gc.collect()
            gc.disable()
        started = time.perf_counter()
        loss = run()
        if i >= 3:
            seconds.append(time.perf_counter() - started)
        losses.append(getattr(loss, "data", loss))
    print(json.dumps({"losses": losses, "seconds": seconds}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return work(asked.worker, asked.steps)
    setting("micrograd's moons demo, one full-batch step in scalars", "micrograd")
    peer = installed("micrograd")["micrograd"]
    names = [name for name in CONTENDERS if peer or not name.startswith("micrograd")]
    times: Times = {name: [] for name in names}
    for _ in range(asked.rounds):
        losses = {}
        for name in names:
            command = [sys.executable, __file__, "--worker", name, "--steps", str(asked.steps)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            times[name] += told["seconds"]
            losses[name] = told["losses"]
        for name in names:  # equal losses at every step; otherwise the times are not comparable
            np.testing.assert_allclose(losses[name], losses["backflow"], rtol=1e-9, err_msg=name)
    table(times)
    if peer:
        goal("time / micrograd", ratio(times, "micrograd"), 1 / 25, 1 / 60)
        print(f"  micrograd takes {1 / ratio(times, 'micrograd'):.0f} times as long")
        goal("operators / micrograd", ratio(times, "micrograd", "backflow, operators"), 1 / 12, 1 / 20)
        off = ratio(times, "micrograd, no collector", "operators, no collector")
        goal("operators / micrograd, no collector", off, 1.0)


if __name__ == "__main__":
    main()
