"""One neuron: y = tanh(w1 x1 + w2 x2 + b), its gradients by the chain rule, and their picture.

    python examples/neuron.py

The picture has all printed numbers: values forward, gradients backward, and on each backward edge the local derivative
that the gradient is multiplied by.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import autodiff as ad
import nn


def by_operations(model: nn.Module) -> tuple[ad.Scalar, dict[str, ad.Scalar]]:
    """Compute the neuron by single operations, with parameters in `model`. Return y, and the values by name."""
    x1, x2 = ad.scalar(2.0), ad.scalar(1.0)
    model.w1, model.w2, model.b = w1, w2, b = ad.scalar(0.5), ad.scalar(-1.5), ad.scalar(0.9)
    p1 = x1 * w1
    p2 = x2 * w2
    s = p1 + p2
    n = s + b
    y = n.tanh()
    return y, {"x1": x1, "w1": w1, "x2": x2, "w2": w2, "b": b, "p1": p1, "p2": p2, "s": s, "n": n, "y": y}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    out = parser.parse_args(argv).out
    out.mkdir(parents=True, exist_ok=True)

    model = nn.Module()
    y, values = by_operations(model)
    y.backward()
    print("y = tanh(w1 x1 + w2 x2 + b)\n\n  name    value  gradient dy/d(name)")
    for name, value in values.items():
        print(f"  {name:4} {value.item():8.4f} {value.grad:9.4f}")

    slope = 1 - y.item() ** 2
    print(f"\nThe chain rule by hand: tanh'(n) = 1 - y^2 = {slope:.4f}")
    print(f"  dy/dw1 = tanh'(n) * x1 = {slope:.4f} * 2 = {slope * 2:.4f}")
    print(f"  dy/dx1 = tanh'(n) * w1 = {slope:.4f} * 0.5 = {slope * 0.5:.4f}")

    neuron = nn.Neuron(2, activation="tanh")
    for parameter, number in zip(neuron.parameters(), [0.5, -1.5, 0.9], strict=True):
        parameter.data = number
    again = neuron([2.0, 1.0])
    again.backward()
    same = math.isclose(again.item(), y.item()) and math.isclose(neuron.w[0].grad, values["w1"].grad)
    print(f"\nnn.Neuron(2, activation='tanh') gives the same value and gradients: {'yes' if same else 'NO'}")

    names = {name.replace("1", "₁").replace("2", "₂"): value for name, value in values.items()}
    figure = ad.draw(y, model=model, names=names, title="y = tanh(w₁x₁ + w₂x₂ + b)")
    figure.save(out / "neuron.svg")
    print(f"\nThe picture: {out / 'neuron.svg'}")


if __name__ == "__main__":
    main()
