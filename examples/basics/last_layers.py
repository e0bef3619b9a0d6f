"""Choosing the last layer: a number, yes or no, one of several classes; the same network with three last layers.

    python examples/basics/last_layers.py     # needs matplotlib for the picture

The last layer is a Linear, without an activation. The activation is part of the loss, and is applied again to read the
prediction: none for a number, the sigmoid for yes or no, the softmax for classes. Three tasks on the same digits: the
amount of ink, whether the digit is odd, and which digit it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split


class Task(NamedTuple):
    """A task: outputs of the last layer, loss, targets, a function that reads a prediction, and a metric."""

    outputs: int
    loss: Any
    targets: Callable[[Any, Any], Any]
    read: Callable[[Any], str]
    metric: Callable[[Any, Any], float]


TASKS = {
    "how much ink?": Task(
        1,
        nn.MSELoss(),
        lambda x, y: x.mean(axis=(1, 2))[:, None],
        lambda out: f"{out[0]:.2f}",
        nn.metrics.mean_absolute_error,
    ),
    "is it odd?": Task(
        1,
        nn.BCEWithLogitsLoss(),
        lambda x, y: (y % 2)[:, None].astype(np.float32),
        lambda out: f"yes with probability {float(ad.sigmoid(out)[0]):.2f}",
        nn.metrics.binary_accuracy,
    ),
    "which digit?": Task(
        10,
        nn.CrossEntropyLoss(),
        lambda x, y: y,
        lambda out: f"{int(np.argmax(out))} with probability {float(np.max(ad.softmax(out))):.2f}",
        nn.metrics.accuracy,
    ),
}


def draw(x: Any, y: Any, outputs: dict[str, Any], path: Path) -> None:
    """Draw unseen digits, the three predictions for each, and the probabilities of the ten classes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ink, odd, which = outputs.values()
    figure, grid = plt.subplots(2, len(x), figsize=(1.9 * len(x), 4.4), dpi=110, sharey="row", layout="constrained")
    for column, (image, label, a, b, c) in enumerate(zip(x, y, ink, odd, which, strict=True)):
        above, below = grid[:, column]
        above.imshow(image, cmap="gray_r")
        above.set_title(f"ink {a[0]:.2f}, is {image.mean():.2f}\nodd {float(ad.sigmoid(b)[0]):.0%}", fontsize=10)
        above.axis("off")
        colours = [ad.drawing.style.CURVES[1 if k == label else 0] for k in range(10)]
        below.bar(range(10), ad.softmax(c), color=colours)
        below.set(xticks=range(10), ylim=(0, 1.05))
    grid[1, 0].set_ylabel("which digit? probability")
    figure.suptitle("One body, three last layers: a number, yes or no, ten classes (the right one in orange)")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train the three networks, print and draw; return each metric on unseen digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    found, outputs = {}, {}
    for question, task in TASKS.items():
        rng = np.random.default_rng(options.seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, task.outputs, rng=rng))
        optimizer = nn.Adam(net.parameters(), lr=3e-3)
        nn.fit(net, x, task.targets(x, y), loss=task.loss, optimizer=optimizer, epochs=options.epochs, rng=rng)
        outputs[question], targets = nn.predict(net, x_test), task.targets(x_test, y_test)
        found[question] = task.metric(outputs[question], targets)
        name = task.metric.__name__
        print(f"{question:14} {type(task.loss).__name__:18} {name:20} {found[question]:.3f} on unseen digits")
        print(f"{'':14} prediction for a {y_test[0]}: {task.read(outputs[question][0])}")
    try:
        shown = [int(np.flatnonzero(y_test == digit)[0]) for digit in (0, 1, 4, 5, 8, 9)]
        few = {question: values[shown] for question, values in outputs.items()}
        draw(x_test[shown], y_test[shown], few, options.out / "last_layers.png")
        print(f"\nPicture: {options.out / 'last_layers.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return found


if __name__ == "__main__":
    main()
