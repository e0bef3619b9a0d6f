"""Train a small convolutional network on the packaged handwritten digits, and draw its filters and their outputs.

    python examples/cnn_digits.py

Two convolutions with batch normalization, a pooling layer, dropout and one linear layer; each batch is shifted by up to
one pixel, so that the network does not depend on the position of a digit. Prints the network with its multiply-adds and
the accuracy on a fifth of the digits that are not trained on, and leaves a picture in `out/`: filters of the first
layer, their outputs for one digit, and mistakes. With 30 epochs, under a minute on one core, 98.9 to 99.2 % are right.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from nn.data import RandomShift, load_digits, train_test_split

Array = NDArray[np.generic]


def network(rng: np.random.Generator, channels: int = 32) -> nn.Sequential:
    """Return the network: (N, 1, 8, 8) -> logits (N, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, bias=False, rng=rng),  # the shift of batch normalization is its bias
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False, rng=rng),
        nn.BatchNorm2d(2 * channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3, rng=rng),
        nn.Linear(2 * channels * 4 * 4, 10, rng=rng),
    )


def train(net: nn.Module, x: Array, y: Array, epochs: int, rng: np.random.Generator, batch: int = 64) -> list[float]:
    """Train by Adam with a learning rate that falls along a cosine; return the mean loss of each epoch."""
    criterion, optimizer = nn.CrossEntropyLoss(), nn.Adam(net.parameters(), lr=3e-3)
    schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, epochs))
    shift, losses = RandomShift(1), []
    for _ in range(epochs):
        total = 0.0
        for rows in np.array_split(rng.permutation(len(x)), max(1, len(x) // batch)):
            optimizer.zero_grad()
            loss = criterion(net(shift(x[rows], rng)), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        schedule.step()
        losses.append(total / len(x))
    return losses


def draw(net: nn.Sequential, x: Array, y: Array, said: Array, path: Path, shown: int = 8) -> None:
    """Draw the first filters, their outputs for the first digit, and the mistakes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    filters = net[0].weight.data[:shown, 0]
    maps = net[:3].eval()(x[:1]).data[0, :shown]
    wrong = np.flatnonzero(said != y)[:shown]
    figure, grid = plt.subplots(3, shown, figsize=(8, 3.8), dpi=120, layout="constrained")
    for axes in grid.flat:
        axes.axis("off")
    for i in range(len(filters)):
        grid[0, i].imshow(filters[i], cmap="RdBu", vmin=-abs(filters).max(), vmax=abs(filters).max())
        grid[1, i].imshow(maps[i], cmap="gray_r")
    for axes, i in zip(grid[2], wrong, strict=False):
        axes.imshow(x[i, 0], cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"predicted {said[i]}, is {y[i]}", fontsize=8)
    figure.suptitle(f"Filters; their outputs for a {y[0]}; {np.sum(said != y)} of {len(y)} unseen digits are wrong")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> float:
    """Train, evaluate, draw; return the accuracy on the unseen fifth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--limit", type=int, help="train on the first so many digits only")
    parser.add_argument("--seed", type=int, default=0, help="seed of split, weights and order (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)

    started = time.perf_counter()
    images, labels = load_digits()
    split: Any = train_test_split(images[:, None], labels, test_size=0.2, rng=options.seed)
    x, x_test, y, y_test = split
    x, y = x[: options.limit], y[: options.limit]
    rng = np.random.default_rng(options.seed)
    net = network(rng)
    print(f"{len(y):,} digits to learn from\n\n{net.summary(x[:64])}\n")
    losses = train(net, x, y, options.epochs, rng)
    scores = nn.predict(net, x_test)
    accuracy = nn.accuracy(scores, y_test)
    took = time.perf_counter() - started
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f}")
    print(f"Accuracy on {len(y_test)} unseen digits: {accuracy:.2%}   ({took:.1f} s in all)")
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        draw(net, x_test, y_test, scores.argmax(axis=1), options.out / "cnn_digits.png")
        print(f"\nPicture: {options.out / 'cnn_digits.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return accuracy


if __name__ == "__main__":
    main()
