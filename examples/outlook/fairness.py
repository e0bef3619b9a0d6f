"""Fairness: one number for all can hide two different numbers for two groups. Metrics per group, and two remedies.

    python examples/outlook/fairness.py

The people are generated, by a law that can be read below: whether someone repays depends on their means alone, in the
same way in both groups. What the network sees is a score that measures the means of group A well and those of group
B, one person in five, with a shift and more noise. So the network refuses more good payers of B. Remedy 1 weights the
examples so that every (group, outcome) counts alike; remedy 2 keeps the network and gives each group its own
threshold. Each moves some numbers closer and others apart: which one is fair is not a question that arithmetic
answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
import nn


class People(NamedTuple):
    """What the network sees (N, 2), whether they repay (N,), and their group (N,): False is A, True is B."""

    seen: Any
    repays: Any
    group: Any


def people(rng: np.random.Generator, count: int) -> People:
    """The law: repaying depends on the means alone; what is seen of them depends on the group."""
    group = rng.random(count) < 0.2
    means = rng.standard_normal(count)
    repays = rng.random(count) < ad.sigmoid(2.5 * means)
    score = np.where(
        group, 0.8 * means - 0.6 + 0.8 * rng.standard_normal(count), means + 0.3 * rng.standard_normal(count)
    )
    region = np.where(group, 1.0, -1.0) + 0.8 * rng.standard_normal(count)  # tells the group, mostly
    return People(np.column_stack([score, region]).astype(np.float32), repays, group)


def train(data: People, weights: Any, steps: int, seed: int) -> nn.Module:
    """A small network, full batches of Adam on the weighted cross-entropy."""
    rng = np.random.default_rng(seed)
    net = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.Tanh(), nn.Linear(16, 1, rng=rng))
    optimizer, target = nn.Adam(net.parameters(), lr=0.02), data.repays[:, None].astype(np.float32)
    share = (weights / weights.sum())[:, None].astype(np.float32)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (share * nn.binary_cross_entropy_with_logits(net(data.seen), target, reduction="none")).sum()
        loss.backward()
        optimizer.step()
    return net


def rates(granted: Any, repays: Any) -> dict[str, float]:
    """Accuracy, the share granted, and of those who repay and who do not, the share granted."""
    return {
        "accuracy": float(np.mean(granted == repays)),
        "granted": float(np.mean(granted)),
        "true positive": float(np.mean(granted[repays])),
        "false positive": float(np.mean(granted[~repays])),
    }


def balancing_weights(data: People) -> Any:
    """1 / size of the example's (group, outcome), so that each of the four weighs the same."""
    cell = 2 * data.group + data.repays
    return 1 / np.bincount(cell, minlength=4)[cell]


def threshold_for(scores: Any, repays: Any, rate: float) -> float:
    """The score above which the given share of those who repay lies."""
    return float(np.quantile(scores[repays], 1 - rate))


def draw(table: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """Each metric for both groups, once for each way."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(
        1, len(table), figsize=(4 * len(table), 3.8), dpi=110, layout="constrained", sharey=True
    )
    for axes, (way, groups) in zip(grid, table.items(), strict=True):
        for shift, (group, metrics) in zip((-0.2, 0.2), groups.items(), strict=True):
            colour = ad.drawing.style.CURVES[0 if shift < 0 else 1]
            bars = axes.bar(np.arange(4) + shift, metrics.values(), 0.38, color=colour, label=f"group {group}")
            axes.bar_label(bars, fmt="%.2f", fontsize=8)
        axes.set_xticks(range(4), [name.replace(" ", "\n") for name in metrics])
        axes.set(title=way, ylim=(0, 1.05))
    grid[0].legend(loc="upper right", fontsize=8)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """Train, measure, remedy, measure again, draw; return way -> group -> metric -> value."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300, help="training steps (default: %(default)s)")
    parser.add_argument(
        "--people", type=int, default=6000, help="how many in each of three parts (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    data, validation, test = (people(rng, options.people) for _ in range(3))
    plain = train(data, np.ones(options.people), options.steps, options.seed)
    balanced = train(data, balancing_weights(data), options.steps, options.seed)

    scores = nn.predict(plain, validation.seen)[:, 0]
    rate = float(np.mean(scores[validation.repays] > 0))  # of both groups together, as without a remedy
    own = [threshold_for(scores[part], validation.repays[part], rate) for part in (~validation.group, validation.group)]
    unseen = nn.predict(plain, test.seen)[:, 0]
    ways = {
        "no remedy": unseen > 0,
        "weights": nn.predict(balanced, test.seen)[:, 0] > 0,
        "a threshold for each group": unseen > np.where(test.group, own[1], own[0]),
    }
    table = {}
    for way, granted in ways.items():
        parts = {"A": ~test.group, "B": test.group}
        table[way] = {name: rates(granted[part], test.repays[part]) for name, part in parts.items()}
        print(f"{way} (all together: {np.mean(granted == test.repays):.1%} right)")
        for name, metrics in table[way].items():
            print(f"  group {name}  " + "  ".join(f"{metric} {value:.3f}" for metric, value in metrics.items()))
    try:
        draw(table, options.out / "fairness.png")
        print(f"Picture: {options.out / 'fairness.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return table


if __name__ == "__main__":
    main()
