"""Per-example gradients, clipped and with noise: the arithmetic of private training, and its cost in accuracy.

    python examples/outlook/per_example_gradients.py

A batch gradient is a sum over the examples, and one unusual example can dominate it. Here `ad.vmap(ad.grad(loss))`
computes the gradient of every example in one pass. Each is scaled to a norm of at most C, and noise of standard
deviation σC is added to their sum: the step of Abadi et al., "Deep Learning with Differential Privacy" (2016),
Algorithm 1, with batches drawn by shuffling. This program makes no claim of privacy: that needs a privacy accountant
for the whole training, and there is none here.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import batches, load_digits, train_test_split

Gradients = dict[str, Any]


def network(rng: np.random.Generator, hidden: int = 32) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden, rng=rng), nn.Tanh(), nn.Linear(hidden, 10, rng=rng))


def per_example(net: nn.Module, x: Any, y: Any) -> Gradients:
    """Return parameter name -> gradients (N, *shape). x: (N, 8, 8), y: (N,)."""

    def loss(parameters: dict[str, Any], image: Any, label: Any) -> Any:
        return nn.cross_entropy(nn.functional_call(net, parameters, image[None]), label[None])  # a batch of one

    parameters = {name: p.data for name, p in net.named_parameters()}
    gradients: Gradients = ad.vmap(ad.grad(loss), in_axes=(None, 0, 0))(parameters, x, y)
    return gradients


def lengths(gradients: Gradients) -> Any:
    """Return the norm of each example's gradient over all parameters together: (N,)."""
    return np.sqrt(sum(np.square(g).sum(axis=tuple(range(1, g.ndim))) for g in gradients.values()))


def clipped_sum(gradients: Gradients, limit: float) -> Gradients:
    """Return the sum over the examples of gradients scaled to a norm of at most `limit`."""
    factors = limit / np.maximum(lengths(gradients), limit)
    return {name: np.tensordot(factors, g, axes=1) for name, g in gradients.items()}


def train(net: nn.Module, x: Any, y: Any, epochs: int, limit: float, noise: float, rng: np.random.Generator) -> Any:
    """Train by SGD on clipped, noisy means; return the norms of the gradients in the last epoch."""
    optimizer = nn.SGD(net.parameters(), lr=0.5)
    seen: list[Any] = []
    for _ in range(epochs):
        seen = []
        for xb, yb in batches(x, y, batch_size=64, rng=rng):
            gradients = per_example(net, xb, yb)
            seen.append(lengths(gradients))
            total = clipped_sum(gradients, limit)
            for name, p in net.named_parameters():
                noisy = total[name] + noise * limit * rng.standard_normal(p.shape)
                p.grad = (noisy / len(yb)).astype(p.dtype)
            optimizer.step()
    return np.concatenate(seen)


def draw(seen: Any, limit: float, results: dict[float, float], path: Path) -> None:
    """Draw the norms of the gradients with the limit, and the accuracy for each amount of noise."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = ad.drawing.style
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), dpi=120, layout="constrained")
    left.hist(np.maximum(seen, 1e-3), bins=np.geomspace(1e-3, max(10, seen.max()), 40), color=style.BARS)
    left.axvline(limit, color=style.GRAD, linestyle="--", label=f"C = {limit}: {np.mean(seen > limit):.0%} are longer")
    left.set(xscale="log", xlabel="length of an example's gradient", ylabel="examples", title="Last epoch, no noise")
    left.legend()
    right.plot(list(results), list(results.values()), color=style.PARAM, marker="o")
    right.set(xlabel="noise σ, in units of C", ylabel="accuracy, unseen digits", ylim=(0, 1), title="What noise costs")
    right.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[float, float]:
    """Train once for each amount of noise, draw; return the accuracy on unseen digits by noise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=1.0, help="C, the longest gradient (default: %(default)s)")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 1.0, 2.0, 4.0, 8.0], help="σ, several")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    results: dict[float, float] = {}
    first = None
    for noise in options.noise:
        rng = np.random.default_rng(options.seed)
        net = network(rng)
        seen = train(net, x, y, options.epochs, options.limit, noise, rng)
        first = seen if first is None else first
        results[noise] = nn.accuracy(nn.predict(net, x_test), y_test)
        clipped = np.mean(seen > options.limit)
        print(
            f"σ = {noise:4}: {results[noise]:.1%} of unseen digits right; {clipped:.0%} of the last gradients clipped"
        )
    try:
        draw(first, options.limit, results, options.out / "per_example_gradients.png")
        print(f"Picture: {options.out / 'per_example_gradients.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return results


if __name__ == "__main__":
    main()
