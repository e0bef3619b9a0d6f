"""Per-example gradients, clipped and made noisy: the arithmetic of private training, and what it costs in accuracy.

    python examples/outlook/per_example_gradients.py

A batch gradient is a sum over the examples, and one unusual example can rule it. Here `ad.vmap(ad.grad(loss))` gives
the gradient of every example by itself, in one pass. Each is shortened to a length of at most C, and noise of standard
deviation σC is added to their sum: the step of Abadi et al., "Deep Learning with Differential Privacy" (2016),
Algorithm 1, with batches drawn by shuffling. This program makes no claim of privacy: that needs an accountant of what
the whole training reveals, and there is none here.
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

Parameters = dict[str, Any]


def initial(rng: np.random.Generator, hidden: int = 32) -> Parameters:
    """Weights of 64 -> hidden -> 10 as plain arrays."""
    return {
        "weight1": nn.init.xavier_uniform((hidden, 64), rng=rng),
        "bias1": np.zeros(hidden, np.float32),
        "weight2": nn.init.xavier_uniform((10, hidden), rng=rng),
        "bias2": np.zeros(10, np.float32),
    }


def scores(parameters: Parameters, x: Any) -> Any:
    """x: (64,) of one image, or (N, 64) -> scores (10,) or (N, 10)."""
    hidden = np.tanh(x @ parameters["weight1"].T + parameters["bias1"])
    return hidden @ parameters["weight2"].T + parameters["bias2"]


def loss(parameters: Parameters, x: Any, y: Any) -> Any:
    """The cross-entropy of one example: x (64,), y (10,) with a 1 at the right digit."""
    return -(y * ad.log_softmax(scores(parameters, x), axis=-1)).sum()


per_example = ad.vmap(ad.grad(loss), in_axes=(None, 0, 0))  # parameter name -> gradients (N, *shape)


def lengths(gradients: Parameters) -> Any:
    """The length of each example's gradient over all parameters together: (N,)."""
    return np.sqrt(sum(np.square(g).sum(axis=tuple(range(1, g.ndim))) for g in gradients.values()))


def clipped_sum(gradients: Parameters, limit: float) -> Parameters:
    """The sum over the examples after each gradient longer than `limit` has been shortened to it."""
    factors = limit / np.maximum(lengths(gradients), limit)
    return {name: np.tensordot(factors, g, axes=1) for name, g in gradients.items()}


def train(
    parameters: Parameters, x: Any, y: Any, epochs: int, limit: float, noise: float, rng: np.random.Generator
) -> tuple[Parameters, Any]:
    """Gradient descent on clipped, noisy means; return the parameters and the lengths met in the last epoch."""
    seen: list[Any] = []
    for _ in range(epochs):
        seen = []
        for xb, yb in batches(x, y, batch_size=64, rng=rng):
            gradients = per_example(parameters, xb, yb)
            seen.append(lengths(gradients))
            for name, total in clipped_sum(gradients, limit).items():
                noisy = total + noise * limit * rng.standard_normal(total.shape)
                parameters = {**parameters, name: (parameters[name] - 0.5 * noisy / len(yb)).astype(np.float32)}
    return parameters, np.concatenate(seen)


def draw(seen: Any, limit: float, results: dict[float, float], path: Path) -> None:
    """The lengths of the gradients with the limit, and the accuracy for each amount of noise."""
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

    images, labels = load_digits()
    x, x_test, y, y_test = train_test_split(images.reshape(len(images), -1), labels, rng=options.seed)
    one_hot = np.eye(10, dtype=np.float32)[y]
    results: dict[float, float] = {}
    first = None
    for noise in options.noise:
        rng = np.random.default_rng(options.seed)
        learnt, seen = train(initial(rng), x, one_hot, options.epochs, options.limit, noise, rng)
        first = seen if first is None else first
        results[noise] = nn.accuracy(scores(learnt, x_test), y_test)
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
