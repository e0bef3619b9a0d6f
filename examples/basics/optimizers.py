"""Optimizers side by side: the same network, the same first weights, the same batches.

    python examples/basics/optimizers.py     # needs matplotlib for the picture

On the left the paths in a valley of two parameters, thirty times steeper across than along; on the right the losses of
a network for handwritten digits. Each optimizer has a learning rate that suits it, so the plot compares the courses,
and does not rank the optimizers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split

Maker = Callable[[Any], nn.optim.Optimizer]
IN_THE_VALLEY: dict[str, Maker] = {
    "SGD": lambda p: nn.SGD(p, lr=0.06),
    "SGD with momentum": lambda p: nn.SGD(p, lr=0.01, momentum=0.9),
    "RMSprop": lambda p: nn.optim.RMSprop(p, lr=0.05),
    "Adagrad": lambda p: nn.optim.Adagrad(p, lr=0.5),
    "Adam": lambda p: nn.Adam(p, lr=0.2),
}
ON_DIGITS: dict[str, Maker] = {
    "SGD": lambda p: nn.SGD(p, lr=0.1),
    "SGD with momentum": lambda p: nn.SGD(p, lr=0.05, momentum=0.9),
    "RMSprop": lambda p: nn.optim.RMSprop(p, lr=0.001),
    "Adagrad": lambda p: nn.optim.Adagrad(p, lr=0.02),
    "Adam": lambda p: nn.Adam(p, lr=0.002),
}


def valley(x: Any, y: Any) -> Any:
    """Return a smooth function with its minimum, 0, at (0, 0)."""
    return 0.5 * x**2 + 15 * y**2


def path_of(make: Maker, steps: int) -> Any:
    """Return the points (steps + 1, 2) of an optimizer's path from (-4, 1)."""
    place = nn.Parameter([-4.0, 1.0])
    optimizer, places = make([place]), [place.data.copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(place[0], place[1]).backward()
        optimizer.step()
        places.append(place.data.copy())
    return np.array(places)


def draw(paths: dict[str, Any], losses: dict[str, list[float]], out: Path) -> None:
    """Draw the paths over the lines of equal height, and the losses by epoch."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (map_, learning) = plt.subplots(1, 2, figsize=(12, 4.6), dpi=100, layout="constrained")
    x, y = np.meshgrid(np.linspace(-4.5, 1.5, 200), np.linspace(-1.2, 1.2, 200))
    map_.contour(x, y, np.sqrt(valley(x, y)), 14, colors="0.85", linewidths=0.8)
    for name, colour in zip(paths, ad.drawing.style.CURVES, strict=True):
        map_.plot(*paths[name].T, "o-", color=colour, markersize=2.5, linewidth=1, label=name)
        learning.semilogy(range(1, len(losses[name]) + 1), losses[name], color=colour, label=name)
    map_.plot(0, 0, "*", color=ad.drawing.style.INK, markersize=12)
    map_.set(title="the way to the lowest point", xlim=(-4.5, 1.5), ylim=(-1.2, 1.2), xlabel="x", ylabel="y")
    learning.set(title="handwritten digits", xlabel="epoch", ylabel="cross-entropy")
    learning.legend()
    learning.grid(alpha=0.3)
    figure.savefig(out)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Run each optimizer, print, draw; return the accuracies on unseen digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="steps in the valley (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    paths = {name: path_of(make, options.steps) for name, make in IN_THE_VALLEY.items()}
    losses, right = {}, {}
    print(f"{'':20}height after {options.steps} steps   loss after {options.epochs} epochs   unseen digits")
    for name, make in ON_DIGITS.items():
        rng = np.random.default_rng(options.seed)  # the same weights and batches for each
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng))
        optimizer = make(net.parameters())
        history = nn.fit(net, x, y, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=options.epochs, rng=rng)
        losses[name] = list(history["loss"])
        right[name] = nn.accuracy(nn.predict(net, x_test), y_test)
        print(f"{name:18} {valley(*paths[name][-1]):22.1e} {losses[name][-1]:22.4f} {right[name]:15.1%}")
    try:
        draw(paths, losses, options.out / "optimizers.png")
        print(f"\nPicture: {options.out / 'optimizers.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return right


if __name__ == "__main__":
    main()
