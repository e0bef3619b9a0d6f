"""Transfer learning: a network trained on the digits 0 to 4 needs fewer examples of the digits 5 to 9.

    python examples/outlook/transfer.py

Each digit is at a random position in a larger field, so that a network must also find it. A body is trained on many
pictures of the first five digits. For the other five there are few pictures: a new last layer is trained on the frozen
body, or the whole network is trained further (fine-tuned), or it starts from scratch. All are tested on unseen digits,
with several seeds. With very few examples frozen features are best; with more, fine-tuning is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split

SIDE = 14
WAYS = ("frozen body, new head", "fine-tuned", "from scratch")


def placed(digits: Any, rng: np.random.Generator) -> Any:
    """Put digits (N, 8, 8) at random positions of empty fields: (N, 1, SIDE, SIDE)."""
    field = np.zeros((len(digits), 1, SIDE, SIDE), np.float32)
    rows, columns = rng.integers(0, SIDE - 8 + 1, (2, len(digits), 1, 1))
    up, across = np.mgrid[:8, :8]
    field[np.arange(len(digits))[:, None, None], 0, rows + up, columns + across] = digits
    return field


def make_body(rng: np.random.Generator) -> nn.Sequential:
    """Return the body: (N, 1, SIDE, SIDE) -> features (N, 64)."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24 * 3 * 3, 64, rng=rng),
        nn.ReLU(),
    )


def train(net: nn.Module, draw_batch: Any, steps: int, lr: float) -> None:
    """Train by AdamW on `steps` batches (images, labels); frozen parameters do not change."""
    optimizer = nn.AdamW([p for p in net.parameters() if p.requires_grad], lr=lr, weight_decay=1e-2)
    for _ in range(steps):
        images, labels = draw_batch()
        optimizer.zero_grad()
        nn.cross_entropy(net(images), labels).backward()
        optimizer.step()


def compare(seed: int, sizes: Sequence[int], steps: int) -> Any:
    """Return the accuracy on unseen digits 5 to 9 for each number of examples and each of the three ways."""
    rng = np.random.default_rng(seed)
    x, x_test, y, y_test = train_test_split(*load_digits(), rng=seed)
    old, unseen = np.flatnonzero(y < 5), placed(x_test[y_test >= 5], rng)

    def many() -> tuple[Any, Any]:
        rows = rng.choice(old, 64)
        return placed(x[rows], rng), y[rows]

    body = make_body(rng)
    train(nn.Sequential(body, nn.Linear(64, 5, rng=rng)), many, 3 * steps, lr=3e-3)
    accuracies = np.empty((len(sizes), len(WAYS)))
    for i, each in enumerate(sizes):
        rows = np.concatenate([rng.permutation(np.flatnonzero(y == label))[:each] for label in range(5, 10)])
        x_few, y_few = placed(x[rows], rng), y[rows] - 5  # these pictures and no others

        def few(x_few: Any = x_few, y_few: Any = y_few) -> tuple[Any, Any]:
            part = rng.permutation(len(y_few))[:64]
            return x_few[part], y_few[part]

        for j, way in enumerate(WAYS):
            mine = make_body(rng)
            if way != "from scratch":
                mine.load_state_dict(body.state_dict())
            if way == "frozen body, new head":
                mine.freeze()
            net = nn.Sequential(mine, nn.Linear(64, 5, rng=rng))
            train(net, few, steps, lr=1e-2 if way == "frozen body, new head" else 2e-3)
            accuracies[i, j] = nn.accuracy(nn.predict(net, unseen), y_test[y_test >= 5] - 5)
    return accuracies


def draw(sizes: Sequence[int], runs: Any, path: Path) -> None:
    """Draw the mean over the seeds with the range, by the number of examples."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4), dpi=120, layout="constrained")
    for j, (way, colour) in enumerate(zip(WAYS, ad.drawing.style.CURVES, strict=False)):
        axes.fill_between(sizes, *np.quantile(runs[..., j], (0, 1), axis=0), color=colour, alpha=0.12, linewidth=0)
        axes.plot(sizes, runs[..., j].mean(axis=0), color=colour, marker="o", label=way)
    axes.set_xscale("log", base=2)
    axes.set(
        xticks=sizes, xticklabels=sizes, xlabel="examples of each digit", ylabel="accuracy on unseen digits 5 to 9"
    )
    axes.set(title=f"From 0–4 to 5–9: mean and range of {len(runs)} seeds")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> Any:
    """Compare over the seeds, print a table, draw; return the accuracies (seeds, sizes, ways)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many repetitions (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=120, help="steps on the few examples; thrice as many before")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 8, 32], help="examples of each digit")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    runs = np.array([compare(seed, options.sizes, options.steps) for seed in range(options.seeds)])
    print(
        f"Mean accuracy of {options.seeds} seeds\nexamples of each digit  " + "".join(f"{n:8}" for n in options.sizes)
    )
    for j, way in enumerate(WAYS):
        print(f"{way:24}" + "".join(f"{mean:8.1%}" for mean in runs[..., j].mean(axis=0)))
    try:
        draw(options.sizes, runs, options.out / "transfer.png")
        print(f"Picture: {options.out / 'transfer.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return runs


if __name__ == "__main__":
    main()
