"""Augmentation: the effect of random changes of the images, when there are few of them, over several seeds.

    python examples/outlook/augmentation.py

A small convolutional network is trained on ten examples of each digit; every batch is changed by one of the augmenters
of `nn.data`, or by three together. All ways have the same examples, the same first weights and the same number of
steps. A change helps when the result could be a real example: a digit that is moved or turned a little is still that
digit. A mirrored 2 is not a 2, and the table shows this.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import (
    Augment,
    Cutout,
    GaussianNoise,
    MixUp,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScale,
    RandomShift,
    load_digits,
    train_test_split,
)

WAYS = {
    "none": Augment(),
    "shift 1 pixel": Augment(RandomShift(1)),
    "rotate 15°": Augment(RandomRotation(15)),
    "scale 0.8 to 1.2": Augment(RandomScale(0.8, 1.2)),
    "noise 0.2": Augment(GaussianNoise(0.2)),
    "cutout 3 × 3": Augment(Cutout(3)),
    "mixup": Augment(MixUp(0.4, num_classes=10)),
    "mirror": Augment(RandomHorizontalFlip()),
    "shift, rotate, scale": Augment(RandomShift(1), RandomRotation(15), RandomScale(0.8, 1.2)),
}


def network(rng: np.random.Generator) -> nn.Sequential:
    """Return the network: (N, 1, 8, 8) -> logits (N, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10, rng=rng),
    )


def train(net: nn.Module, x: Any, y: Any, augment: Augment, steps: int, rng: np.random.Generator) -> None:
    """Train by Adam; each step takes 50 of the examples, with new changes."""
    optimizer = nn.Adam(net.parameters(), lr=4e-3)
    for _ in range(steps):
        rows = rng.permutation(len(x))[:50]
        images, target = augment((x[rows], y[rows]), rng)
        optimizer.zero_grad()
        nn.cross_entropy(net(images), target).backward()
        optimizer.step()


def compare(seed: int, each: int, steps: int) -> list[float]:
    """Return the accuracy on unseen digits for each of WAYS, with `each` examples of every digit."""
    images, labels = load_digits()
    x, x_test, y, y_test = train_test_split(images[:, None], labels, rng=seed)
    few = np.concatenate([np.flatnonzero(y == label)[:each] for label in range(10)])
    accuracies = []
    for augment in WAYS.values():
        net = network(np.random.default_rng(seed))
        train(net, x[few], y[few], augment, steps, np.random.default_rng(seed))
        accuracies.append(nn.accuracy(nn.predict(net, x_test), y_test))
    return accuracies


def draw(runs: Any, path: Path, shown: int = 4) -> None:
    """Draw the same digits after each change, and the accuracy with it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = ad.drawing.style
    images, labels = load_digits()
    some = np.array([np.flatnonzero(labels == label)[0] for label in (2, 3, 5, 7)])
    figure = plt.figure(figsize=(10, 6.4), dpi=110, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 3))
    for row, (name, augment) in zip(left.subplots(len(WAYS), shown), WAYS.items(), strict=True):
        changed, _ = augment((images[some], labels[some]), np.random.default_rng(0))
        for axes, image in zip(row, changed, strict=True):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(name.replace(", ", ",\n"), fontsize=8, rotation=0, ha="right", va="center")
    axes = right.subplots()
    place, means = np.arange(len(WAYS)), runs.mean(axis=0)
    colours = [
        style.GOOD if mean > means[0] else style.BORDER if i == 0 else style.ERROR for i, mean in enumerate(means)
    ]
    axes.barh(place, means, color=colours, alpha=0.6)
    axes.plot(runs.T, place, "o", color=style.INK, markersize=3)
    axes.axvline(means[0], color=style.INK, linestyle="--", linewidth=1)
    axes.set(yticks=[], xlim=(runs.min() - 0.03, 1), xlabel="accuracy on unseen digits: mean, and each seed as a point")
    axes.invert_yaxis()
    axes.margins(y=0.01)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> Any:
    """Compare over the seeds, print a table, draw; return the accuracies (seeds, ways)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=10, help="examples of each digit (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=400, help="training steps (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="how many repetitions (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    runs = np.array([compare(seed, options.each, options.steps) for seed in range(options.seeds)])
    print(f"{options.each} examples of each digit; accuracy on unseen ones, mean of {options.seeds} seeds")
    for name, accuracies in zip(WAYS, runs.T, strict=True):
        better = (
            f"   better than none in {np.sum(accuracies > runs[:, 0])} of {options.seeds}" if name != "none" else ""
        )
        print(f"{name:22}{accuracies.mean():7.1%}{better}")
    try:
        draw(runs, options.out / "augmentation.png")
        print(f"Picture: {options.out / 'augmentation.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return runs


if __name__ == "__main__":
    main()
