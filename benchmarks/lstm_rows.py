"""An LSTM written as a loop over ``xs[t]``, forward and backward, at two lengths: the input's gradient, the weights'.

Each step reads one row of the input and four slices of the gates. If the gradient of a read were an array of the whole
input's size, the time of a step would grow with the length. float32; torch runs the same loop with one thread.

    python benchmarks/lstm_rows.py [--rounds 10]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from stopwatch import goal, installed, race, ratio, setting, table

import autodiff as ad

BATCH, INPUT, HIDDEN = 8, 32, 32
RNG = np.random.default_rng(0)
W = (RNG.normal(size=(INPUT, 4 * HIDDEN)) * 0.1).astype(np.float32)
U = (RNG.normal(size=(HIDDEN, 4 * HIDDEN)) * 0.1).astype(np.float32)
B = np.zeros(4 * HIDDEN, np.float32)
ZERO = np.zeros((BATCH, HIDDEN), np.float32)


def lstm(xs: Any, w: Any, u: Any, b: Any, zero: Any, sigmoid: Any, tanh: Any) -> Any:
    """Return the sum of squares of the last hidden state. xs: (time, batch, input)."""
    h = c = zero
    for t in range(len(xs)):
        z = xs[t] @ w + h @ u + b
        i, f, g, o = (z[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
    return (h * h).sum()


def ours(xs: Any) -> Callable[[], Any]:
    def run() -> Any:
        leaves = [ad.tensor(a) for a in (xs, W, U, B)]
        lstm(*leaves, ZERO, ad.sigmoid, ad.tanh).backward()
        return [a.grad for a in leaves]

    return run


def theirs(xs: Any) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(1)

    def run() -> Any:
        leaves = [torch.tensor(a, requires_grad=True) for a in (xs, W, U, B)]
        lstm(*leaves, torch.zeros(BATCH, HIDDEN), torch.sigmoid, torch.tanh).backward()
        return [a.grad.numpy() for a in leaves]

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    setting("An LSTM as a loop over xs[t], forward + backward", "torch")
    here = installed("torch")
    for steps in (100, 1_000):
        xs = RNG.normal(size=(steps, BATCH, INPUT)).astype(np.float32)
        contenders = {"backflow": ours(xs)} | ({"torch": theirs(xs)} if here["torch"] else {})
        for name, run in contenders.items():  # equal results; otherwise the times are not comparable
            for mine, other in zip(contenders["backflow"](), run(), strict=True):
                np.testing.assert_allclose(other, mine, rtol=1e-3, atol=1e-5, err_msg=name)
        times = race(contenders, rounds)
        print(f"{steps} steps")
        table(times, "us", divide=steps)
        if here["torch"]:
            goal("time / torch", ratio(times, "torch"), 3.0)


if __name__ == "__main__":
    main()
