"""Initial values: the size of a signal and of its gradient in a deep network, and the loss that training reaches.

    python examples/basics/initial_values.py     # needs matplotlib for the picture

The network has ten hidden ReLU layers and classifies handwritten digits. With zeros all units of a layer stay equal,
and only the last bias changes. With weights too small the signal vanishes, with weights too large it explodes. He's
variance 2 / inputs keeps it, because ReLU removes half of it. Xavier's, made for tanh, loses a part in every layer.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split

WAYS: dict[str, Any] = {
    "zeros": nn.init.zeros,
    "too small": partial(nn.init.normal, std=0.02),
    "too large": partial(nn.init.normal, std=0.3),
    "Xavier": nn.init.xavier_normal,
    "He": nn.init.he_normal,
}


def network(way: str, layers: int, width: int, seed: int) -> nn.Sequential:
    """Return `layers` hidden ReLU layers of `width` units, their weights drawn in one of the ways."""
    rng = np.random.default_rng(seed)
    widths, parts = [64, *[width] * layers], []
    for inputs, outputs in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, outputs, weight_init=WAYS[way], rng=rng), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *parts, nn.Linear(width, 10, weight_init=WAYS[way], rng=rng))


def through(net: nn.Sequential, x: Any, y: Any) -> tuple[list[float], list[float]]:
    """Return the root mean square of every hidden layer's output, and of its gradient."""
    values, outputs = net[0](x), []
    for layer in list(net)[1:]:
        values = layer(values)
        if isinstance(layer, nn.ReLU):
            values.retain_grad()
            outputs.append(values)
    nn.cross_entropy(values, y).backward()
    net.zero_grad()
    return tuple([float(np.sqrt(np.mean(np.square(a)))) for a in arrays]  # type: ignore[return-value]
                 for arrays in ([h.data for h in outputs], [h.grad for h in outputs]))  # fmt: skip


def draw(signals: dict[str, Any], losses: dict[str, list[float]], path: Path) -> None:
    """Draw signal and gradient by layer, and the loss by epoch."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (forward, backward, learning) = plt.subplots(1, 3, figsize=(13, 4), dpi=100, layout="constrained")
    for (way, (up, down)), colour in zip(signals.items(), ad.drawing.style.CURVES, strict=True):
        layers = range(1, len(up) + 1)
        if any(up):  # zeros have no place on a logarithmic axis
            forward.semilogy(layers, up, "o-", color=colour, markersize=3, label=way)
            backward.semilogy(layers, down, "o-", color=colour, markersize=3, label=way)
        dashes = "--" if way == "too small" else "-"  # it lies on that of zeros
        learning.plot(range(1, len(losses[way]) + 1), losses[way], dashes, color=colour, label=way)
    forward.set(title="signal, root mean square", xlabel="hidden layer")
    backward.set(title="gradient that comes back to it", xlabel="hidden layer")
    learning.set(title="loss while it learns", xlabel="epoch", ylim=(0, 3))
    learning.legend()
    for axes in (forward, backward, learning):
        axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measure, train, draw; return the accuracy on unseen digits for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=10, help="hidden layers (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=12, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    signals, losses, right = {}, {}, {}
    print(f"{options.layers} hidden layers of 64 units")
    print("           signal in the first, last    its gradient    unseen digits")
    for way in WAYS:
        net = network(way, options.layers, 64, options.seed)
        up, down = signals[way] = through(net, x[:200], y[:200])
        optimizer = nn.SGD(net.parameters(), lr=0.05, momentum=0.9)
        run = partial(nn.fit, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=options.epochs, rng=options.seed)
        try:
            losses[way] = list(run(net, x, y, clip_norm=1.0, progress=False)["loss"])
        except FloatingPointError:
            losses[way] = []
        right[way] = nn.accuracy(nn.predict(net, x_test), y_test)
        print(f"{way:10} {up[0]:10.2g} {up[-1]:10.2g} {down[0]:15.2g} {right[way]:16.1%}")
    try:
        draw(signals, losses, options.out / "initial_values.png")
        print(f"\nPicture: {options.out / 'initial_values.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return right


if __name__ == "__main__":
    main()
