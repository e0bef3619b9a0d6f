"""Losses of one score, and their gradients.

    python examples/basics/losses.py     # needs matplotlib

The right answer is "yes" (1, and +1 for the hinge loss). The mean squared error of the sigmoid has a small gradient
where the score is very wrong, because the sigmoid is flat there; the gradient of cross-entropy is large there. The
hinge loss is 0 beyond the margin. On the right, losses of a number: the gradient of the absolute error has the same
size at any distance; Huber's loss is the square near the target and the absolute error far from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn

Curve = Callable[[Any], Any]  # numbers (N,) -> losses (N,)


def of_a_score(score: Any) -> dict[str, Curve]:
    """Return losses of raw scores whose right answer is yes."""
    yes = np.ones_like(score)
    return {
        "cross-entropy": lambda s: nn.binary_cross_entropy_with_logits(s, yes, reduction="none"),
        "hinge": lambda s: nn.hinge_loss(s, yes, reduction="none"),
        "squared error of the sigmoid": lambda s: nn.mse_loss(ad.sigmoid(s), yes, reduction="none"),
    }


def of_a_number(prediction: Any) -> dict[str, Curve]:
    """Return losses of predicted numbers whose target is 0."""
    zero = np.zeros_like(prediction)
    return {
        "squared error": lambda x: nn.mse_loss(x, zero, reduction="none"),
        "absolute error": lambda x: nn.l1_loss(x, zero, reduction="none"),
        "Huber, delta 1": lambda x: nn.huber_loss(x, zero, reduction="none"),
    }


def with_gradient(loss: Curve, at: Any) -> tuple[Any, Any]:
    """Return the losses at some numbers, and the derivative of each."""
    x = ad.tensor(at)
    y = loss(x)
    y.sum().backward()
    return y.data, x.grad


def draw(at: Any, kinds: dict[str, dict[str, Curve]], path: Path) -> None:
    """Draw the losses, and below them their derivatives."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 2, figsize=(9, 6), dpi=110, sharex=True, layout="constrained")
    for (title, losses), column in zip(kinds.items(), grid.T, strict=True):
        for (name, loss), colour in zip(losses.items(), ad.drawing.style.CURVES, strict=False):
            for axes, line in zip(column, with_gradient(loss, at), strict=True):
                axes.plot(at, line, color=colour, label=name)
        column[0].set(title=title, ylabel="loss", ylim=(-0.2, 6))
        column[1].set(xlabel=title.split(",")[0], ylabel="derivative", ylim=(-3, 3))
        column[1].legend(loc="lower right")
        for axes in column:
            axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Print and draw; return the derivative of each loss of a score at -4, which is very wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    points = np.array([-4.0, 0.0, 4.0])
    print("score  " + "  ".join(f"{name:>28}" for name in of_a_score(points)))
    columns = [with_gradient(loss, points) for loss in of_a_score(points).values()]
    for i, score in enumerate(points):
        print(f"{score:5}  " + "  ".join(f"{f'{y[i]:.4f} (slope {g[i]:+.4f})':>28}" for y, g in columns))
    at = np.linspace(-5, 5, 401)
    kinds = {"score, the right answer is yes": of_a_score(at), "prediction, the target is 0": of_a_number(at)}
    try:
        draw(at, kinds, options.out / "losses.png")
        print(f"\nPicture: {options.out / 'losses.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return {name: float(g[0]) for name, (_, g) in zip(of_a_score(points), columns, strict=True)}


if __name__ == "__main__":
    main()
