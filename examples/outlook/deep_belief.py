"""A deep belief network: layers trained one by one without labels, then fine-tuned with few labels by backpropagation.

    python examples/outlook/deep_belief.py

Hinton, Osindero and Teh, "A Fast Learning Algorithm for Deep Belief Nets" (2006). Each layer is a restricted
Boltzmann machine, trained by contrastive divergence, which is NOT backpropagation: it compares how often two units are
on together for the data and for the machine's own reconstructions, and takes no gradient of a loss. This part is plain
NumPy. The weights are then the first weights of an ordinary network, which backpropagation fine-tunes on a few labelled
digits. It is compared with the same network from random weights, over several seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
import nn
from nn.data import batches, load_digits, train_test_split


class Machine(NamedTuple):
    """A restricted Boltzmann machine: weights (visible, hidden) and the biases of both sides."""

    weight: Any
    visible: Any
    hidden: Any

    def up(self, v: Any) -> Any:
        """Return the probability that each hidden unit is on: (N, hidden)."""
        return ad.sigmoid(v @ self.weight + self.hidden)

    def down(self, h: Any) -> Any:
        """Return the probability that each visible unit is on: (N, visible)."""
        return ad.sigmoid(h @ self.weight.T + self.visible)


def contrastive_divergence(x: Any, hidden: int, epochs: int, rng: np.random.Generator, lr: float = 0.1) -> Machine:
    """Train a machine on x (N, visible) with values from 0 to 1, by one step of Gibbs sampling (CD-1)."""
    machine = Machine(0.05 * rng.standard_normal((x.shape[1], hidden)), np.zeros(x.shape[1]), np.zeros(hidden))
    for _ in range(epochs):
        for v in batches(x, batch_size=32, rng=rng):
            h = machine.up(v)
            v_again = machine.down(rng.random(h.shape) < h)  # the reconstruction, from a sample of the hidden units
            h_again = machine.up(v_again)
            machine = Machine(
                machine.weight + lr * ((v.T @ h - v_again.T @ h_again) / len(v) - 2e-4 * machine.weight),
                machine.visible + lr * (v - v_again).mean(axis=0),
                machine.hidden + lr * (h - h_again).mean(axis=0),
            )
    return machine


def network(sizes: Sequence[int], rng: np.random.Generator, machines: Sequence[Machine] = ()) -> nn.Sequential:
    """Return sigmoid layers of the given sizes and a linear one for ten digits; the first start from the machines."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after, rng=rng), nn.Sigmoid()]
    net = nn.Sequential(*layers, nn.Linear(sizes[-1], 10, rng=rng))
    for i, machine in enumerate(machines):
        net[1 + 2 * i].load_state_dict({"weight": machine.weight.T, "bias": machine.hidden})
    return net


def fine_tune(net: nn.Module, x: Any, y: Any, steps: int) -> None:
    optimizer = nn.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.cross_entropy(net(x), y).backward()
        optimizer.step()


def draw(x: Any, machines: Sequence[Machine], path: Path, columns: int = 10) -> None:
    """Draw weights into units of the first layer; digits, and their reconstructions through all layers."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    code = x[:columns].reshape(columns, -1)
    for machine in machines:
        code = machine.up(code)
    for machine in reversed(machines):
        code = machine.down(code)
    figure, grid = plt.subplots(4, columns, figsize=(columns, 4.6), dpi=110, layout="constrained")
    for i in range(columns):
        for row in (0, 1):
            field = machines[0].weight[:, 2 * i + row].reshape(8, 8)
            grid[row, i].imshow(field, cmap="RdBu", vmin=-abs(field).max(), vmax=abs(field).max())
        grid[2, i].imshow(x[i], cmap="gray_r", vmin=0, vmax=1)
        grid[3, i].imshow(code[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for row, name in enumerate(("weights", "weights", "digit", "up and\ndown again")):
        grid[row, 0].set_ylabel(name, fontsize=9)
    figure.suptitle("Learnt without a label and without backpropagation")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> Any:
    """Train the machines, fine-tune both networks, draw; return accuracies (seeds, 2): from machines, random."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30, help="contrastive divergence, for each layer")
    parser.add_argument("--labels", type=int, default=5, help="labelled examples of each digit (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=200, help="steps of backpropagation (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="how many repetitions (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    sizes, results = (64, 100, 100, 60), []
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        x, x_test, y, y_test = train_test_split(*load_digits(), rng=seed)
        seen, machines = np.float64(x).reshape(len(x), -1), []
        for hidden in sizes[1:]:
            machines.append(contrastive_divergence(seen, hidden, options.epochs, rng))
            seen = machines[-1].up(seen)  # the hidden probabilities are the data of the next machine
        few = np.concatenate([np.flatnonzero(y == label)[: options.labels] for label in range(10)])
        nets = [network(sizes, rng, machines), network(sizes, rng)]
        for net in nets:
            fine_tune(net, x[few], y[few], options.steps)
        results.append([nn.accuracy(nn.predict(net, x_test), y_test) for net in nets])
        print(
            f"seed {seed}: {results[-1][0]:.1%} after contrastive divergence, {results[-1][1]:.1%} from random weights"
        )
    print("mean of {} seeds, {} labels: {:.1%} and {:.1%}".format(options.seeds, len(few), *np.mean(results, axis=0)))
    try:
        draw(x_test, machines, options.out / "deep_belief.png")
        print(f"Picture: {options.out / 'deep_belief.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return np.array(results)


if __name__ == "__main__":
    main()
