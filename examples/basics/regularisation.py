"""L1, L2 and decoupled weight decay: their effect on the weights, and on the accuracy on unseen digits.

    python examples/basics/regularisation.py     # needs matplotlib for the picture

A network is trained on 100 digits, few enough to overfit. A term of the loss can make the weights smaller: L1, the sum
of their absolute values, sets many to zero; L2, the sum of their squares, shrinks all of them. Under Adam an L2 term is
not weight decay: Adam divides every gradient, with the term's part in it, by its usual size. The weight of a pixel that
is always white has no other gradient and moves to zero at full speed; a weight with large gradients hardly shrinks.
`nn.AdamW` shrinks all weights by the same factor, in a separate step (Loshchilov and Hutter 2019). The accuracies
differ less between the four than from seed to seed; the weights differ much.
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

STRENGTH = {"none": 0.0, "L1": 1e-3, "L2 in the loss": 1e-2, "decoupled (AdamW)": 2.0}
DEAD = 1e-2  # a weight below it no longer counts


def trained(way: str, x: Any, y: Any, epochs: int, seed: int) -> nn.Sequential:
    """Return a network trained on (x, y) in one of the four ways, from the same weights and batches."""
    rng, strength = np.random.default_rng(seed), STRENGTH[way]
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng))
    weights = [net[1].weight, net[3].weight]  # no penalty on biases

    def loss(scores: Any, labels: Any) -> Any:
        whole = nn.cross_entropy(scores, labels)
        if way == "L1":
            whole = whole + strength * sum(abs(w).sum() for w in weights)
        if way.startswith("L2"):
            whole = whole + strength / 2 * sum((w * w).sum() for w in weights)
        return whole

    biases = {"params": [net[1].bias, net[3].bias], "weight_decay": 0.0}
    decay = strength if way.startswith("decoupled") else 0.0
    optimizer = nn.AdamW([{"params": weights, "weight_decay": decay}, biases], lr=2e-3)
    nn.fit(net, x, y, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=20, progress=False, rng=rng)
    return net


def draw(sizes: dict[str, Any], right: dict[str, list[float]], path: Path) -> None:
    """Draw the distribution of the weights in each way, and the accuracy on unseen digits."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    colours = ad.drawing.style.CURVES
    figure, (left, axes) = plt.subplots(1, 2, figsize=(11, 4.2), dpi=110, layout="constrained")
    bins = np.geomspace(1e-6, 1, 49)
    for (way, found), colour in zip(sizes.items(), colours, strict=False):
        left.hist(np.clip(found, bins[0], None), bins, histtype="step", linewidth=1.6, color=colour, label=way)
    left.axvline(DEAD, color=ad.drawing.style.MUTED, linestyle="--", linewidth=1)
    left.set(title="how many weights have which size", xscale="log", xlabel="|weight|", ylabel="weights")
    left.legend(loc="upper center")
    for place, (way, colour) in enumerate(zip(right, colours, strict=False)):
        axes.barh(place, np.mean(right[way]), color=colour, alpha=0.7)
        axes.plot(right[way], [place] * len(right[way]), "o", color=ad.drawing.style.INK, markersize=4)
    axes.set(title="unseen digits right: mean, and each seed", yticks=range(len(right)), yticklabels=right, xlim=(0, 1))
    axes.invert_yaxis()
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, tuple[float, float]]:
    """Train, compare, draw; return for each way the share of weights near zero and the accuracy on unseen digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=int, default=100, help="digits to learn from (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=100, help="passes over them (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="how many times (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    sizes: dict[str, Any] = {}
    right: dict[str, list[float]] = {way: [] for way in STRENGTH}
    near_zero = dict.fromkeys(STRENGTH, 0.0)
    for seed in range(options.seeds):
        x, x_test, y, y_test = train_test_split(*load_digits(), rng=seed)
        for way in STRENGTH:
            net = trained(way, x[: options.digits], y[: options.digits], options.epochs, seed)
            right[way].append(nn.accuracy(nn.predict(net, x_test), y_test))
            sizes[way] = np.concatenate([abs(net[i].weight.data).ravel() for i in (1, 3)])
            near_zero[way] += float(np.mean(sizes[way] < DEAD)) / options.seeds
    print(f"{options.digits} digits to learn from, mean of {options.seeds} seeds")
    print(f"{'':20}|weight| < {DEAD}   unseen digits")
    for way in STRENGTH:
        print(f"{way:20} {near_zero[way]:14.1%} {np.mean(right[way]):15.1%}")
    try:
        draw(sizes, right, options.out / "regularisation.png")
        print(f"\nPicture: {options.out / 'regularisation.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return {way: (near_zero[way], float(np.mean(right[way]))) for way in STRENGTH}


if __name__ == "__main__":
    main()
