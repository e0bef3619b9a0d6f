"""One eager operation on shape (4,): forward and backward, over a chain of 1,000 mixed mul, add, tanh.

At this size arithmetic takes almost no time, so this measures the cost of an engine in addition to NumPy's own calls.
All three operands (the input, a factor, an offset) get gradients. float64 everywhere; torch runs with one thread and
with its default number (no difference at four elements).

    python benchmarks/eager_op.py [--rounds 40]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import numpy as np
from stopwatch import goal, installed, race, ratio, setting, table

import autodiff as ad

OPS = 1_000
X, W, B = np.array([0.1, -0.2, 0.3, 0.4]), np.array([1.1, 0.9, 1.05, 0.95]), np.array([0.01, 0.02, -0.01, 0.03])


def chain(x, w, b, tanh):
    """Return the result of OPS operations, each on the result of the one before."""
    for _ in range(OPS // 3):
        x = tanh(x * w + b)
    return x * w  # 333 times three and one more


def backflow(tanh=ad.Tensor.tanh) -> tuple:
    x, w, b = ad.tensor(X), ad.tensor(W), ad.tensor(B)
    chain(x, w, b, tanh).sum().backward()
    return x.grad, w.grad, b.grad


def backflow_numpy() -> tuple:
    """Run the chain with np.tanh: NumPy finds the recorded operation by its dispatch protocol."""
    return backflow(np.tanh)


def backflow_forward() -> None:
    """Build the graph and free it."""
    chain(ad.tensor(X), ad.tensor(W), ad.tensor(B), ad.Tensor.tanh)


def by_hand() -> tuple:
    """Run the same in NumPy without an engine: the least time of any engine on NumPy."""
    w, b = W, B
    h, kept = X, []
    for _ in range(OPS // 3):
        y = np.tanh(h * w + b)
        kept.append((h, y))
        h = y
    g = w * np.ones(4)
    gw, gb = h * np.ones(4), np.zeros(4)
    for h, y in reversed(kept):
        g = g * (1.0 - y * y)
        gb = gb + g
        gw = gw + g * h
        g = g * w
    return g, gw, gb


def torch_chain() -> Callable[[], tuple]:
    import torch

    def run() -> tuple:
        x, w, b = (torch.tensor(a, requires_grad=True) for a in (X, W, B))
        chain(x, w, b, torch.Tensor.tanh).sum().backward()
        return x.grad, w.grad, b.grad

    return run


def autograd_chain() -> Callable[[], tuple]:
    import autograd
    import autograd.numpy as anp

    gradients = autograd.grad(lambda x, w, b: anp.sum(chain(x, w, b, anp.tanh)), argnum=(0, 1, 2))
    return lambda: gradients(X, W, B)


def mygrad_chain() -> Callable[[], tuple]:
    import mygrad

    def run() -> tuple:
        x, w, b = mygrad.tensor(X), mygrad.tensor(W), mygrad.tensor(B)
        chain(x, w, b, mygrad.tanh).sum().backward()
        return x.grad, w.grad, b.grad

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    setting("One eager operation, shape (4,), forward + backward", "torch", "autograd", "mygrad")
    here = installed("torch", "autograd", "mygrad")
    contenders: dict[str, Callable[[], object]] = {
        "backflow": backflow,
        "backflow, np.tanh": backflow_numpy,
        "backflow, forward only": backflow_forward,
        "NumPy by hand": by_hand,
    }
    peers = {"torch": torch_chain, "autograd": autograd_chain, "mygrad": mygrad_chain}
    contenders |= {name: make() for name, make in peers.items() if here[name]}
    for name, run in contenders.items():  # equal results; otherwise the times are not comparable
        if name != "backflow, forward only":
            for mine, theirs in zip(by_hand(), run(), strict=True):
                np.testing.assert_allclose(np.asarray(theirs), mine, rtol=1e-9, err_msg=name)
    slow = {name: contenders.pop(name) for name in ("autograd", "mygrad") if name in contenders}
    times = race(contenders, rounds, burst=3)
    times |= race(slow, max(3, rounds // 8))
    table(times, "us", divide=OPS)
    engine = statistics.median(times["backflow"]) - statistics.median(times["NumPy by hand"])
    print(f"  engine beside NumPy: {engine / OPS * 1e6:.2f} us an operation")
    if here["torch"]:
        goal("time / torch", ratio(times, "torch"), 0.6, 0.4)


if __name__ == "__main__":
    main()
