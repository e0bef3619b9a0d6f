"""Adversarial attacks: small changes of the image that a good network classifies wrongly, and training against them.

    python examples/outlook/adversarial.py

The loss increases along its gradient with respect to the image. FGSM takes one step of size ε along the gradient's sign
(Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015); PGD takes many small
steps, each followed by a projection to within ε of the image (Madry et al., "Towards Deep Learning Models Resistant to
Adversarial Attacks", ICLR 2018). The defence is to train on attacked images. It is measured against these two attacks
only.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import batches, load_digits, train_test_split


def ascent(net: nn.Module, x: Any, y: Any) -> Any:
    """Return the sign of the loss's derivative with respect to every pixel; the parameters are constants."""
    with ad.no_grad():
        return np.sign(ad.grad(lambda pixels: nn.cross_entropy(net(pixels), y, reduction="sum"))(x))


def fgsm(net: nn.Module, x: Any, y: Any, epsilon: float) -> Any:
    """Take one step of size ε that increases the loss; pixels stay between 0 and 1."""
    return np.clip(x + np.float32(epsilon) * ascent(net, x, y), 0, 1)


def pgd(net: nn.Module, x: Any, y: Any, epsilon: float, rng: np.random.Generator, steps: int = 10) -> Any:
    """Start at random within ε, then take `steps` steps that increase the loss, each projected to within ε."""
    low, high = np.clip(x - np.float32(epsilon), 0, 1), np.clip(x + np.float32(epsilon), 0, 1)
    attacked = rng.uniform(low, high).astype(x.dtype)
    for _ in range(steps):
        attacked = np.clip(attacked + np.float32(2.5 * epsilon / steps) * ascent(net, attacked, y), low, high)
    return attacked


def network(rng: np.random.Generator) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng))


def train(net: nn.Module, x: Any, y: Any, epochs: int, epsilon: float, rng: np.random.Generator) -> None:
    """Train by Adam; with ε > 0 each batch is first attacked by a few steps of PGD."""
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for xb, yb in batches(x, y, batch_size=64, rng=rng):
            if epsilon:
                xb = pgd(net, xb, yb, epsilon, rng, steps=4)
            optimizer.zero_grad()
            nn.cross_entropy(net(xb), yb).backward()
            optimizer.step()


def draw(nets: Mapping[str, nn.Module], x: Any, y: Any, curves: dict[str, Any], epsilons: Any, at: float, path: Path,
         rng: np.random.Generator, shown: int = 5) -> None:  # fmt: skip
    """Draw digits before and after PGD with both networks' predictions, and accuracy by the size of the attack."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(11, 4.4), dpi=120, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
    grid = left.subplots(1 + len(nets), shown)
    images = {"digit": x[:shown]}
    images |= {f"against\n{name}": pgd(net, x[:shown], y[:shown], at, rng) for name, net in nets.items()}
    for row, (name, shows) in zip(grid, images.items(), strict=True):
        row[0].set_ylabel(name, fontsize=8)
        said = {n: nn.predict(net, shows).argmax(axis=1) for n, net in nets.items() if name.endswith(n)}
        for i, axes in enumerate(row):
            axes.imshow(shows[i], cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"says {next(iter(said.values()))[i]}" if said else f"a {y[i]}", fontsize=8)
    left.suptitle(f"PGD, ε = {at}")
    axes = right.subplots()
    for (name, accuracies), colour in zip(curves.items(), ad.drawing.style.CURVES, strict=False):
        axes.plot(epsilons, accuracies, color=colour, marker="o", markersize=3, label=name)
    axes.set(xlabel="ε, the largest change of a pixel", ylabel="accuracy under PGD", ylim=(0, 1))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Train both networks, attack them, draw; return the accuracies by network and attack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=25, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--epsilon", type=float, default=0.15, help="largest change of a pixel (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    nets, results, curves = {}, {}, {}
    epsilons = np.linspace(0, 2 * options.epsilon, 9)
    print(f"Accuracy on {len(y_test)} unseen digits; ε = {options.epsilon}\n{'training':12}   clean    FGSM     PGD")
    for name, epsilon in (("plain", 0.0), ("adversarial", options.epsilon)):
        rng = np.random.default_rng(options.seed)
        nets[name] = net = network(rng)
        train(net, x, y, options.epochs, epsilon, rng)
        tests = {"clean": x_test, "FGSM": fgsm(net, x_test, y_test, options.epsilon)}
        tests["PGD"] = pgd(net, x_test, y_test, options.epsilon, rng)
        results[name] = {test: nn.accuracy(nn.predict(net, images), y_test) for test, images in tests.items()}
        curves[name] = [nn.accuracy(nn.predict(net, pgd(net, x_test, y_test, e, rng)), y_test) for e in epsilons]
        print(f"{name:12}" + "".join(f"{accuracy:8.1%}" for accuracy in results[name].values()))
    try:
        _, one_of_each = np.unique(y_test, return_index=True)
        draw(
            nets,
            x_test[one_of_each],
            y_test[one_of_each],
            curves,
            epsilons,
            options.epsilon,
            options.out / "adversarial.png",
            rng,
        )
        print(f"Picture: {options.out / 'adversarial.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return results


if __name__ == "__main__":
    main()
