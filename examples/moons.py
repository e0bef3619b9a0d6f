"""Two moons: a scalar network 2-16-16-1 learns to separate two sets of points.

    python examples/moons.py            # needs matplotlib for the picture of the boundary

The demonstration is micrograd's (Andrej Karpathy): hinge loss, a little L2, full batches. Each of the 337 weights is a
Scalar; only the picture uses arrays.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import autodiff as ad
import nn


def make_moons(n: int, noise: float, rng: np.random.Generator) -> tuple[list[list[float]], list[float]]:
    """Return n points on two interleaved half circles, with labels -1 and +1."""
    upper = n // 2
    angle = rng.uniform(0, np.pi, n)
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    points[upper:] = [1.0, 0.5] - points[upper:]
    points += noise * rng.standard_normal((n, 2))
    labels = np.where(np.arange(n) < upper, -1.0, 1.0)
    return points.tolist(), labels.tolist()


def loss_and_accuracy(net: nn.MLP, points: list[list[float]], labels: list[float]) -> tuple[ad.Scalar, float]:
    """Return mean hinge loss max(0, 1 - y score) plus 1e-4 times the sum of squared parameters; and the accuracy."""
    scores = [net(point) for point in points]
    hinge = [ad.relu(1 - label * score) for score, label in zip(scores, labels, strict=True)]
    penalty = sum(p * p for p in net.parameters()) * 1e-4
    right = sum((score.item() > 0) == (label > 0) for score, label in zip(scores, labels, strict=True))
    return sum(hinge) * (1 / len(hinge)) + penalty, right / len(labels)


def train(net: nn.MLP, points: list[list[float]], labels: list[float], steps: int) -> float:
    """Train by full-batch gradient descent with a falling step size; print the progress, return the last accuracy."""
    optimizer = nn.SGD(net.parameters(), lr=1.0)
    started = time.perf_counter()
    accuracy = 0.0
    for step in range(steps + 1):
        loss, accuracy = loss_and_accuracy(net, points, labels)
        if step % max(1, steps // 10) == 0 or step == steps:
            print(f"step {step:3}  loss {loss.item():.4f}  accuracy {accuracy:.0%}")
        if step == steps:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = 1.0 - 0.9 * step / max(1, steps)
        optimizer.step()
    print(f"{steps} steps in {time.perf_counter() - started:.1f} s")
    return accuracy


def draw_boundary(net: nn.MLP, points: list[list[float]], labels: list[float], path: Path) -> None:
    """Paint the score over the plane; the same network on tensors evaluates the whole grid at once."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style, xy = ad.drawing.style, np.array(points)
    low, high = xy.min(axis=0) - 0.4, xy.max(axis=0) + 0.4
    a, b = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
    scores = nn.predict(net.to_linear(), np.column_stack([a.ravel(), b.ravel()])).reshape(a.shape)
    figure, axes = plt.subplots(figsize=(6, 4.5), dpi=120, layout="constrained")
    limit = np.abs(scores).max()
    axes.contourf(a, b, scores, levels=np.linspace(-limit, limit, 21), cmap="RdBu", alpha=0.75)
    axes.contour(a, b, scores, levels=[0.0], colors=style.INK, linewidths=1.5)
    for label, colour, name in ((-1.0, style.NEGATIVE, "label −1"), (1.0, style.POSITIVE, "label +1")):
        chosen = xy[np.array(labels) == label]
        axes.scatter(*chosen.T, s=26, color=colour, edgecolor="white", linewidth=0.6, label=name)
    axes.set(title="Score of the scalar network; the line is 0", xlabel="x₁", ylabel="x₂", aspect="equal")
    axes.legend(loc="upper right")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="gradient steps (default: %(default)s)")
    parser.add_argument("--points", type=int, default=100, help="number of points (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of points and weights (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    points, labels = make_moons(options.points, 0.1, rng)
    net = nn.MLP(2, [16, 16, 1], activation="relu", rng=rng)
    print(f"{net}\n{sum(1 for _ in net.parameters())} parameters, each a number of its own\n")
    train(net, points, labels, options.steps)

    ad.draw(net(points[0]), model=net, level="neuron").save(options.out / "moons_network.svg")
    pictures = ["moons_network.svg"]
    try:
        draw_boundary(net, points, labels, options.out / "moons_boundary.png")
        pictures.append("moons_boundary.png")
    except ImportError:
        print("matplotlib is not installed: no picture of the boundary (pip install matplotlib)")
    print("Pictures: " + ", ".join(str(options.out / name) for name in pictures))


if __name__ == "__main__":
    main()
