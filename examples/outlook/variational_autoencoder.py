"""A variational autoencoder (Kingma and Welling 2014) learns to draw digits, without a label.

    python examples/outlook/variational_autoencoder.py

The encoder returns for each image a mean and a variance of two hidden numbers; the decoder returns an image for hidden
numbers. These are drawn as mean + deviation * noise, so that the gradient of mean and deviation exists in spite of the
random draw. The loss is a bound on -log p(image): the cost of the image given its hidden numbers, plus the cost of
these. It is compared on unseen digits with pixels that are independent of each other. New digits are decoded from a
grid of hidden numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn import functional as F
from nn.data import load_digits, train_test_split


class Autoencoder(nn.Module):
    """Images (N, 64) of 0 and 1 <-> hidden numbers (N, 2)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.encoder = nn.Sequential(nn.Linear(64, 128, rng=rng), nn.SiLU())
        self.mean, self.log_variance = nn.Linear(128, 2, rng=rng), nn.Linear(128, 2, rng=rng)
        self.decoder = nn.Sequential(nn.Linear(2, 128, rng=rng), nn.SiLU(), nn.Linear(128, 64, rng=rng))

    def forward(self, x: Any, noise: Any) -> tuple[Any, Any, Any]:
        """Return the logits of the pixels, and mean and log variance of the hidden numbers."""
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        return self.decoder(mean + np.exp(0.5 * log_variance) * noise), mean, log_variance


def costs(net: Autoencoder, x: Any, noise: Any) -> tuple[Any, Any]:
    """Return two costs of each image in nats: of the pixels given the hidden numbers, and of the hidden numbers."""
    logits, mean, log_variance = net(x, noise)
    pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(axis=1)
    # the distance (Kullback and Leibler's) from a standard normal, in closed form
    hidden = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    return pixels, hidden


def train(net: Autoencoder, x: Any, epochs: int, rng: np.random.Generator) -> None:
    """Train by Adam on batches of 64, with a rate that falls to 0."""
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    schedule = nn.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs, power=0.5)
    for epoch in range(1, epochs + 1):
        losses = []
        for rows in np.array_split(rng.permutation(len(x)), len(x) // 64):
            optimizer.zero_grad()
            pixels, hidden = costs(net, x[rows], rng.standard_normal((len(rows), 2), np.float32))
            loss = (pixels + hidden).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        if epoch == 1 or epoch % max(1, epochs // 5) == 0:
            print(f"epoch {epoch:3}  {np.mean(losses):.2f} nats an image")


def draw(net: Autoencoder, means: Any, labels: Any, path: Path, side: int = 10) -> None:
    """Draw the hidden numbers of unseen digits, and the decoded images of a grid of hidden numbers."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), dpi=110, layout="constrained")
    points = left.scatter(*means.T, c=labels, cmap="tab10", vmin=-0.5, vmax=9.5, s=14)
    figure.colorbar(points, ax=left, ticks=range(10), label="digit, which the network never saw")
    left.set(title="Unseen digits by their two hidden numbers", aspect="equal")
    steps = [NormalDist().inv_cdf((k + 0.5) / side) for k in range(side)]  # as likely as each other
    grid = np.array([(a, b) for b in reversed(steps) for a in steps], np.float32)
    with ad.no_grad():
        images = ad.sigmoid(net.decoder(grid)).data.reshape(side, side, 8, 8)
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1))).transpose(0, 2, 1, 3).reshape(10 * side, 10 * side)
    right.imshow(framed, cmap="gray_r", vmin=0, vmax=1)
    right.set(title="What the decoder makes of a grid of hidden numbers", xticks=[], yticks=[])
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train, measure, draw; return the costs on unseen digits in nats an image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=80, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, _, y_test = train_test_split(*load_digits(), rng=options.seed)
    x, x_test = ((a.reshape(-1, 64) > 0.5).astype(np.float32) for a in (x, x_test))  # black and white, as probabilities
    rng = np.random.default_rng(options.seed)
    net = Autoencoder(rng)
    train(net, x, options.epochs, rng)

    with ad.no_grad():
        noise = rng.standard_normal((len(x_test), 2), np.float32)
        pixels, hidden = (float(cost.data.mean()) for cost in costs(net, x_test, noise))
        _, means, _ = net(x_test, noise)
    alone = np.broadcast_to(x.mean(axis=0).clip(1e-3, 1 - 1e-3), x_test.shape)
    found = {
        "independent pixels": float(F.binary_cross_entropy(alone, x_test, reduction="none").sum(axis=1).mean()),
        "bound of the network": pixels + hidden,
        "  pixels": pixels,
        "  hidden numbers": hidden,
    }
    print(f"\nNats an image, on {len(x_test)} unseen digits")
    for name, cost in found.items():
        print(f"{name:22}{cost:7.2f}")
    try:
        draw(net, means.data, y_test, options.out / "variational_autoencoder.png")
        print(f"Picture: {options.out / 'variational_autoencoder.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return found


if __name__ == "__main__":
    main()
