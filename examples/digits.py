"""Train a neural network on real handwritten digits, and look at its mistakes.

    python examples/digits.py                       # the digits inside the package: 1,797 images of 8x8, a few seconds
    python examples/digits.py --data path/to/mnist  # MNIST: 784-128-10, ReLU, Adam, batches of 32, 5 epochs

Prints the network, a progress bar and the accuracy on unseen digits, and leaves three pictures in `out/`: the
flow of one training step (forward, backward, update), the loss curve, and the mistakes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
import nn
from nn.data import load_digits, load_mnist, train_test_split

Array = NDArray[np.generic]


class Task(NamedTuple):
    """Images (N, side, side) between 0 and 1, labels (N,), and how to train on them."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    hidden: int
    epochs: int
    unseen: str


def packaged_digits(seed: int) -> Task:
    """Return the packaged digits, with a seeded, stratified fifth of them for the test."""
    x_train, x_test, y_train, y_test = train_test_split(*load_digits(), test_size=0.2, rng=seed)
    return Task(x_train, y_train, x_test, y_test, hidden=64, epochs=40, unseen=f"{len(y_test)} unseen digits")


def mnist(directory: Path) -> Task:
    """Return MNIST as in the article's program: 60,000 images to train on, and the test file."""
    (x_train, y_train), (x_test, y_test) = load_mnist(directory)
    return Task(x_train, y_train, x_test, y_test, hidden=128, epochs=5, unseen=f"{len(y_test):,} test images")


class Network(nn.Module):
    """Flatten, a hidden layer with ReLU, an output for each digit. The softmax is in the loss, where it is exact."""

    def __init__(self, side: int, hidden: int, rng: np.random.Generator) -> None:
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(side * side, hidden, rng=rng)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(hidden, 10, rng=rng)

    def forward(self, x: Any) -> Any:
        """x: (N, side, side) -> logits (N, 10)."""
        return self.fc2(self.relu(self.fc1(self.flatten(x))))


def draw_flow(net: nn.Module, optimizer: nn.Adam, criterion: nn.Module, x: Array, y: Array, path: Path) -> None:
    """Draw one more training step on a batch, recorded."""
    net.train()
    with ad.record():
        loss = criterion(net(ad.tensor(x)), y)  # a Tensor, so that the picture begins with the images
        loss.backward()
        optimizer.step()
    ad.draw(loss, model=net, optimizer=optimizer, level="module").save(path)


def draw_loss(history: nn.History, path: Path) -> None:
    """Draw the loss of every batch, thin, and its mean over each epoch."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    per_epoch = len(history.batch_losses) / max(1, history.epochs)
    figure, axes = plt.subplots(figsize=(6.4, 4), dpi=120, layout="constrained")
    batch = np.arange(1, len(history.batch_losses) + 1) / per_epoch
    axes.semilogy(batch, history.batch_losses, color=ad.drawing.style.BORDER, linewidth=0.6, label="batch")
    epochs = np.arange(1, history.epochs + 1)
    curves = zip(("loss", "val_loss"), ad.drawing.style.CURVES, ("epoch mean", "held out"), strict=False)
    for name, colour, label in curves:
        if name in history:
            axes.semilogy(epochs, history[name], color=colour, linewidth=2, marker="o", markersize=3, label=label)
    axes.set(xlabel="epoch", ylabel="cross-entropy", title="Training loss")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def draw_mistakes(x: Array, y: Array, scores: Array, path: Path, shown: int = 24) -> None:
    """Draw the mistakes of highest probability, with the predicted and the true digit and this probability."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    probability = ad.softmax(scores, axis=1)
    said = scores.argmax(axis=1)
    wrong = np.flatnonzero(said != y)
    wrong = wrong[np.argsort(-probability[wrong, said[wrong]])]
    columns = 8
    rows = max(1, -(-min(len(wrong), shown) // columns))
    figure, grid = plt.subplots(
        rows, columns, figsize=(8, 1.35 * rows + 0.5), dpi=120, squeeze=False, layout="constrained"
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, i in zip(grid.flat, wrong[:shown], strict=False):
        axes.imshow(x[i], cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"predicted {said[i]}, is {y[i]}\nprobability {probability[i, said[i]]:.0%}", fontsize=8)
    more = f"; the {shown} of highest probability" if len(wrong) > shown else ""
    figure.suptitle(f"{len(wrong)} of {len(y):,} are wrong{more}")
    figure.savefig(path)
    plt.close(figure)


def print_confusion(labels: Array, scores: Array) -> None:
    """Print the confusion matrix. Rows: the digit; columns: the prediction."""
    matrix = nn.confusion_matrix(labels, scores)
    width = max(4, len(str(matrix.max())) + 1)
    print("\nDigit (row) and prediction (column):\n")
    print("   " + "".join(f"{j:{width}}" for j in range(10)))
    for i, row in enumerate(matrix):
        print(f"{i:3}" + "".join(f"{n if n else '·':>{width}}" for n in row))


def main(argv: Sequence[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with MNIST's four files, plain or gzip")
    parser.add_argument("--epochs", type=int, help="passes over the training digits (default: 40; MNIST: 5)")
    parser.add_argument("--limit", type=int, help="train on the first so many digits only")
    parser.add_argument("--seed", type=int, default=0, help="seed of split, weights and order (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: %(default)s)")
    parser.add_argument("--no-pictures", action="store_true", help="only train and evaluate")
    options = parser.parse_args(argv)

    started = time.perf_counter()
    try:
        task = mnist(options.data) if options.data else packaged_digits(options.seed)
    except FileNotFoundError as error:
        parser.error(str(error))
    x, y = task.x_train[: options.limit], task.y_train[: options.limit]
    rng = np.random.default_rng(options.seed)
    net = Network(x.shape[1], task.hidden, rng)
    print(f"{len(y):,} digits to learn from, {x.shape[1]} × {x.shape[2]} pixels\n\n{net.summary(x[:32])}\n")

    criterion, optimizer = nn.CrossEntropyLoss(), nn.Adam(net.parameters())
    epochs = task.epochs if options.epochs is None else options.epochs
    history = nn.fit(net, x, y, loss=criterion, optimizer=optimizer, epochs=epochs, metrics=["accuracy"], rng=rng)
    if history.stopped == "interrupted":
        print("Stopped; the network keeps its present weights.")
    print(history)

    scores = nn.predict(net, task.x_test)
    accuracy = nn.accuracy(scores, task.y_test)
    print(f"\nAccuracy on {task.unseen}: {accuracy:.2%}   ({time.perf_counter() - started:.1f} s in all)")
    if not options.no_pictures:
        print_confusion(task.y_test, scores)
        pictures(options.out, net, optimizer, criterion, task, scores, history)
    return accuracy


def pictures(
    out: Path, net: nn.Module, optimizer: nn.Adam, criterion: nn.Module, task: Task, scores: Array, history: nn.History
) -> None:
    """Write the three pictures and print their paths."""
    out.mkdir(parents=True, exist_ok=True)
    names = ["digits_flow.svg"]
    draw_flow(net, optimizer, criterion, task.x_train[:32], task.y_train[:32], out / names[0])
    try:
        draw_loss(history, out / "digits_loss.png")
        draw_mistakes(task.x_test, task.y_test, scores, out / "digits_mistakes.png")
        names += ["digits_loss.png", "digits_mistakes.png"]
    except ImportError:
        print("\nmatplotlib is not installed: no loss curve and no mistakes (pip install matplotlib)")
    print("\nPictures: " + ", ".join(str(out / name) for name in names))


if __name__ == "__main__":
    main()
