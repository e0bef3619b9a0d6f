"""The worked example of a well-known tutorial, repaired: every number it prints, beside the right one.

    python examples/article_example.py

The article ("深度学习基础原理与代码实战案例讲解", section 4) goes through one training step of a small
classifier. It gives no weights, its activations do not follow from its pre-activations, and its arithmetic has errors.
This network keeps every printed number that can be true together with the others. It is checked by finite differences.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autodiff as ad
import nn

ALPHA = 0.01
LN_1_5 = math.log(1.5)
X, Y = np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]])
START = {  # 1 input, 2 hidden units, 1 output; these weights make z1 = (2, 3) and p = (0.9, 0.6), as printed
    "hidden.weight": np.array([[2.0], [3 - LN_1_5]]),
    "hidden.bias": np.array([0.0, LN_1_5]),
    "output.weight": np.array([[2.5334532, 2.34568515]]),
    "output.bias": np.array([-2.2686725815405637]),
}


class Network(nn.Module):
    """x -> sigmoid of the hidden layer -> the logit; the probability is its sigmoid."""

    def __init__(self) -> None:
        self.hidden = nn.Linear(1, 2, dtype=float)
        self.output = nn.Linear(2, 1, dtype=float)
        self.load_state_dict(START)

    def forward(self, x: NDArray[np.float64]) -> ad.Tensor:
        logits: ad.Tensor = self.output(ad.sigmoid(self.hidden(x)))
        return logits


def loss_of(net: Network) -> ad.Tensor:
    """Return the mean binary cross-entropy over the two samples."""
    loss: ad.Tensor = nn.binary_cross_entropy_with_logits(net(X), Y)
    return loss


def numbers(values: ArrayLike, digits: int = 6) -> str:
    """Return numbers as text for the table."""
    return ", ".join(f"{v:.{digits}f}".rstrip("0").rstrip(".") for v in np.ravel(values))


def row(what: str, printed: str, right: str, why: str = "") -> None:
    """Print one line of the comparison."""
    print(f"  {what:27} {printed:>12}   {right:30} {why}".rstrip())


def show_forward(net: Network) -> None:
    """Print the forward pass: the article's numbers and the network's."""
    z1 = net.hidden(X).data
    a1 = 1 / (1 + np.exp(-z1))
    z2 = net(X).data
    p = 1 / (1 + np.exp(-z2))
    print("1. Forward, samples (x, y) = (1, 1) and (0, 0)\n")
    row("", "article", "repaired")
    row("z1, first sample", "2, 3", numbers(z1[0]))
    row("a1, first sample", "0.5, 0.6", numbers(a1[0]), "σ(2), σ(3)")
    row("a1, second sample", "-", numbers(a1[1]), "σ(0), σ(ln 1.5): the printed numbers belong here")
    row("z2, both samples", "1, 2", numbers(z2), "ln 9, ln 1.5: one output, one number a sample")
    row("a2", "0.8, 1.2", "= p", "1.2 is no probability; the output's activation is p")
    row("p", "0.9, 0.6", numbers(p))


def show_loss(loss: ad.Tensor) -> None:
    """Print the loss, with the factor and the term that the article dropped."""
    print("\n2. Loss\n")
    row(
        "-1/2 (1 ln 0.9 + 0 ln 0.6)", "0.1054", numbers(-0.5 * math.log(0.9)), "as written; the article dropped the 1/2"
    )
    row("-ln 0.9", "-", numbers(-math.log(0.9)), "the first sample, y = 1")
    row("-ln(1 - 0.6)", "-", numbers(-math.log(0.4)), "the second sample, y = 0: missing in the article")
    row("mean of both", "-", numbers(loss.data), "the loss that the gradients below belong to")


def show_gradients(net: Network, loss: ad.Tensor) -> float:
    """Print gradients by backward(), the article's, and finite differences. Return the largest difference."""
    loss.backward()
    print("\n3. Gradients: w, b of the hidden layer (in the article w1, w2, b1, b2), v, c of the output (w3, w4, b2)\n")
    print("  parameter        article   backward()    finite differences")
    article = {
        "hidden.weight": ["0.0056", "0.0089"],
        "hidden.bias": ["0.0112", "0.0168"],
        "output.weight": ["0.0042", "0.0067"],
        "output.bias": ["0.0103"],
    }
    names = {"hidden.weight": "w", "hidden.bias": "b", "output.weight": "v", "output.bias": "c"}
    worst = 0.0
    for name, parameter in net.named_parameters():
        checked = finite_differences(lambda: loss_of(net).item(), parameter)
        for i, (g, f) in enumerate(zip(parameter.grad.ravel(), checked.ravel(), strict=True)):
            label = f"dL/d{names[name]}" + (str(i + 1) if parameter.size > 1 else "")
            print(f"  {label:14} {article[name][i]:>9}   {g:11.8f}   {f:11.8f}")
            worst = max(worst, abs(g - f))
    print("\n  The article's gradients follow from nothing it shows.")
    print(f"  Ours differ from finite differences by {worst:.0e} at most.")
    return worst


def finite_differences(f: Callable[[], float], parameter: ad.Variable, h: float = 1e-5) -> NDArray[np.float64]:
    """Return (f(p + h) - f(p - h)) / 2h for every entry of a parameter. The error is of order h^2 plus rounding / h."""
    value: NDArray[np.float64] = parameter.data.copy()
    slopes = np.empty_like(value)
    for index in np.ndindex(value.shape):
        ends = []
        for sign in (1.0, -1.0):
            moved = value.copy()
            moved[index] += sign * h
            parameter.data = moved
            ends.append(f())
        slopes[index] = (ends[0] - ends[1]) / (2 * h)
    parameter.data = value
    return slopes


def show_printed_updates() -> None:
    """Print the article's six updates, with its start and gradients: none of them is right."""
    print("\n4. The article's own updates, w <- w - 0.01 g with w = g as printed\n")
    row("", "article", "right")
    for name, g, printed in [
        ("w1", 0.0056, "0.0044"),
        ("w2", 0.0089, "0.0080"),
        ("b1", 0.0112, "0.0109"),
        ("b2", 0.0168, "0.0157"),
        ("w3", 0.0042, "0.0037"),
        ("w4", 0.0067, "0.0059"),
        ("b2*", 0.0103, "forgotten"),
    ]:
        row(f"{name}: {g} - 0.01 * {g}", printed, numbers(g - ALPHA * g))
    print("\n  * the output's bias, which shares the name b2 with the second hidden bias and is never updated.")
    print("  All start from the gradient in the place of a weight, because no weight is given.")


def show_step(net: Network, before: float) -> None:
    """Print one step of the real network, and the loss after it."""
    nn.SGD(net.parameters(), lr=ALPHA).step()
    print("\n5. One step of gradient descent, α = 0.01, from the weights themselves\n")
    for name, parameter in net.named_parameters():
        print(f"  {name:14} {numbers(START[name], 8):26} → {numbers(parameter.data, 8)}")
    print(f"\n  loss {before:.10f} → {loss_of(net).item():.10f}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    out = parser.parse_args(argv).out
    out.mkdir(parents=True, exist_ok=True)

    net = Network()
    loss = loss_of(net)
    show_forward(net)
    show_loss(loss)
    show_gradients(net, loss)
    show_printed_updates()
    show_step(net, loss.item())

    with ad.record():
        fresh = Network()
        optimizer = nn.SGD(fresh.parameters(), lr=ALPHA)
        loss = loss_of(fresh)
        loss.backward()
        optimizer.step()
    path = out / "article_example.svg"
    ad.draw(loss, model=fresh, optimizer=optimizer, level="module", names={"labels": Y}).save(path)
    print(f"\nThe picture: {path}")


if __name__ == "__main__":
    main()
