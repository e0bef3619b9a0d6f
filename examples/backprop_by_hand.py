"""Backpropagation by hand: the 2-3-2 network, its gradients in a few lines of NumPy, and the same from backward().

    python examples/backprop_by_hand.py

The network has 17 parameters. Backpropagation is one recursion: the error of a layer is the error of the next one,
multiplied by its transposed weights, times the derivative of the activation. Every gradient is then an error times an
input.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
import nn

Arrays = dict[str, NDArray[Any]]


def start(m: int, rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Return (parameters, data): weights (out, in) as in nn.Linear; m samples with 2 inputs and 2 targets each."""
    parameters = {
        "W1": nn.init.xavier_uniform((3, 2), rng=rng, dtype=float),
        "b1": 0.1 * rng.standard_normal(3),
        "W2": nn.init.xavier_uniform((2, 3), rng=rng, dtype=float),
        "b2": 0.1 * rng.standard_normal(2),
    }
    return parameters, {"x": rng.standard_normal((m, 2)), "t": rng.uniform(0, 1, (m, 2))}


def forward_and_backward(p: Arrays, data: Arrays) -> tuple[float, Arrays, Arrays]:
    """Return loss, intermediate values and gradients: L = sum of squared errors / 2m, sigmoid at both layers."""
    x, t = data["x"], data["t"]
    m = len(x)
    z1 = x @ p["W1"].T + p["b1"]
    a1 = 1 / (1 + np.exp(-z1))
    z2 = a1 @ p["W2"].T + p["b2"]
    a2 = 1 / (1 + np.exp(-z2))
    loss = float(((a2 - t) ** 2).sum() / (2 * m))

    d2 = (a2 - t) / m * a2 * (1 - a2)  # error of the output layer: dL/dz2; 1/m enters here, once
    d1 = (d2 @ p["W2"]) * a1 * (1 - a1)  # d2 times W2, times the derivative of the sigmoid: dL/dz1
    gradients = {"W1": d1.T @ x, "b1": d1.sum(axis=0), "W2": d2.T @ a1, "b2": d2.sum(axis=0)}
    return loss, {"z1": z1, "a1": a1, "z2": z2, "a2": a2, "d2": d2, "d1": d1}, gradients


class Network(nn.Module):
    """The same network from nn."""

    def __init__(self, p: Arrays) -> None:
        self.hidden = nn.Linear(2, 3, dtype=float)
        self.output = nn.Linear(3, 2, dtype=float)
        self.load_state_dict(
            {"hidden.weight": p["W1"], "hidden.bias": p["b1"], "output.weight": p["W2"], "output.bias": p["b2"]}
        )

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        y: ad.Tensor = self.output(ad.sigmoid(self.hidden(x)))
        return ad.sigmoid(y)


def with_autodiff(p: Arrays, data: Arrays) -> tuple[ad.Tensor, Network]:
    """Return the same loss, recorded and differentiated, and its network."""
    net = Network(p)
    with ad.record():  # keeps the gradients inside the graph for the picture
        # The mean over all 2m entries is the sum over 2m: the same loss as by hand.
        loss = nn.mse_loss(net(ad.tensor(data["x"])), data["t"])
        loss.backward()
    return loss, net


FORMULAS = [  # (value, formula, shape in terms of m samples)
    ("x", "the input", "m × 2"),
    ("z1", "x W1ᵀ + b1", "m × 3"),
    ("a1", "σ(z1)", "m × 3"),
    ("z2", "a1 W2ᵀ + b2", "m × 2"),
    ("a2", "σ(z2)", "m × 2"),
    ("d2", "(a2 − t)/m · a2(1 − a2)", "m × 2"),
    ("d1", "(d2 W2) · a1(1 − a1)", "m × 3"),
    ("dL/dW2", "d2ᵀ a1", "2 × 3"),
    ("dL/db2", "sum of d2 over samples", "2"),
    ("dL/dW1", "d1ᵀ x", "3 × 2"),
    ("dL/db1", "sum of d1 over samples", "3"),
]


def print_shapes(data: Arrays, values: Arrays, gradients: Arrays) -> None:
    """Print each formula and the shape of its value in this run."""
    arrays = {**data, **values, **{f"dL/d{name}": g for name, g in gradients.items()}}
    print("  value    formula                    shape    here")
    for name, formula, shape in FORMULAS:
        here = " × ".join(map(str, arrays[name].shape))
        print(f"  {name:7}  {formula:25}  {shape:7}  {here}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=4, help="number of samples m (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    p, data = start(options.samples, np.random.default_rng(options.seed))
    loss, values, gradients = forward_and_backward(p, data)
    print(
        f"A 2-3-2 network with sigmoids, {sum(a.size for a in p.values())} parameters, m = {options.samples} samples\n"
    )
    print_shapes(data, values, gradients)

    recorded, net = with_autodiff(p, data)
    found = dict(zip(("W1", "b1", "W2", "b2"), (parameter.grad for parameter in net.parameters()), strict=True))
    print(f"\nLoss by hand {loss:.12f}, from the graph {recorded.item():.12f}\n")
    print("  gradient          by hand      backward()")
    for name, by_hand in gradients.items():
        for index in np.ndindex(by_hand.shape):
            label = f"{name}[{', '.join(map(str, index))}]"
            print(f"  dL/d{label:9} {by_hand[index]:12.9f}    {found[name][index]:12.9f}")
    worst = max(float(abs(gradients[name] - found[name]).max()) for name in p)
    print(f"\nLargest difference of all 17: {worst:.1e}")

    step = {name: p[name] - 0.5 * g for name, g in gradients.items()}
    print(f"One step against the gradient with α = 0.5: loss {loss:.6f} → {forward_and_backward(step, data)[0]:.6f}")

    path = options.out / "backprop_by_hand.svg"
    title, names = "2-3-2 network: forward and backward", {"targets": data["t"]}
    ad.draw(recorded, model=net, level="module", names=names, title=title).save(path)
    print(f"\nThe picture: {path}")


if __name__ == "__main__":
    main()
