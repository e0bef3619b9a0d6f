"""The article's network, one eager training step: 784-128-10, ReLU, cross-entropy, Adam, float32, batch 32 and 256.

Ours is written as a user writes it. It is compared with torch with plain and with fused Adam (one thread and all of
them), the step compiled by jax.jit, and the same step written by hand in NumPy with every buffer made beforehand and
all parameters in one flat array: the least time of a program on NumPy, once with buffers where NumPy allocates them
and once with buffers that begin on cache lines. All start from the same weights and must reach the same losses.

    python benchmarks/article_network.py [--rounds 60] [--batch 32 256]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator

import numpy as np
from stopwatch import goal, installed, race, ratio, setting, table

import autodiff as ad
import nn

LR, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
Step = Callable[[], float]
Weights = list[np.ndarray]


def examples(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return eight batches, a fifth of the pixels lit as in MNIST: x (8, batch, 784), labels (8, batch)."""
    rng = np.random.default_rng(0)
    x = rng.random((8, batch, 784), dtype=np.float32) * (rng.random((8, batch, 784)) < 0.2)
    return x.astype(np.float32), rng.integers(0, 10, (8, batch))


def initial_weights() -> Weights:
    rng = np.random.default_rng(1)
    w1, w2 = rng.uniform(-0.08, 0.08, (128, 784)), rng.uniform(-0.2, 0.2, (10, 128))
    return [w1.astype(np.float32), np.zeros(128, np.float32), w2.astype(np.float32), np.zeros(10, np.float32)]


def turns(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches over and over."""
    while True:
        yield from zip(x, y, strict=True)


def anywhere(size: int) -> np.ndarray:
    """Return float32 zeros where NumPy allocates them: at some multiple of 16 bytes."""
    return np.zeros(size, np.float32)


def on_cache_lines(size: int) -> np.ndarray:
    """Return float32 zeros aligned as the package's parameters."""
    return ad.extend.zeros_on_cache_lines(size, np.float32)


def backflow_step(weights: Weights, x: np.ndarray, y: np.ndarray) -> Step:
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    for p, w in zip(model.parameters(), weights, strict=True):
        p.data = w
    criterion, optimizer, data = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=LR), turns(x, y)

    def step() -> float:
        xb, yb = next(data)
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def by_hand_step(weights: Weights, x: np.ndarray, y: np.ndarray, room: Callable[[int], np.ndarray]) -> Step:
    """Return a step in NumPy with preallocated buffers; Adam in ten passes over one flat array (the factors of m and v
    folded). room: allocates the buffers."""
    size = sum(w.size for w in weights)
    flat, grad, m, v, scratch = (room(size) for _ in range(5))
    np.concatenate([w.reshape(-1) for w in weights], out=flat)
    cuts = np.cumsum([0] + [w.size for w in weights])
    views = lambda a: [a[i:j].reshape(w.shape) for i, j, w in zip(cuts, cuts[1:], weights, strict=False)]
    (w1, b1, w2, b2), (gw1, gb1, gw2, gb2) = views(flat), views(grad)
    n = x.shape[1]
    h, gh, mask = np.empty((n, 128), np.float32), np.empty((n, 128), np.float32), np.empty((n, 128), bool)
    z, e = np.empty((n, 10), np.float32), np.empty((n, 10), np.float32)
    zero, rows, top, total = (
        np.zeros((n, 128), np.float32),
        np.arange(n),
        np.empty((n, 1), np.float32),
        np.empty((n, 1), np.float32),
    )
    data, t = turns(x, y), 0

    def step() -> float:
        nonlocal t
        xb, yb = next(data)
        np.matmul(xb, w1.T, out=h)
        np.add(h, b1, out=h)
        np.maximum(h, zero, out=h)
        np.matmul(h, w2.T, out=z)
        np.add(z, b2, out=z)
        np.maximum.reduce(z, axis=1, keepdims=True, out=top)
        np.subtract(z, top, out=z)
        np.exp(z, out=e)
        np.add.reduce(e, axis=1, keepdims=True, out=total)
        loss = float((np.log(total[:, 0]) - z[rows, yb]).mean())
        np.divide(e, total, out=e)
        e[rows, yb] -= 1.0
        np.multiply(e, np.float32(1 / n), out=e)
        np.matmul(e.T, h, out=gw2)
        np.add.reduce(e, axis=0, out=gb2)
        np.matmul(e, w2, out=gh)
        np.greater(h, zero, out=mask)
        np.multiply(gh, mask, out=gh)
        np.matmul(gh.T, xb, out=gw1)
        np.add.reduce(gh, axis=0, out=gb1)
        t += 1
        root = math.sqrt((1 - BETA2) / (1 - BETA2**t))
        np.multiply(m, BETA1, out=m)
        np.add(m, grad, out=m)
        np.multiply(v, BETA2, out=v)
        np.multiply(grad, grad, out=scratch)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, EPS / root, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, LR * (1 - BETA1) / (1 - BETA1**t) / root, out=scratch)
        np.subtract(flat, scratch, out=flat)
        return loss

    return step


def torch_step(weights: Weights, x: np.ndarray, y: np.ndarray, fused: bool, threads: int) -> Step:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights, strict=True):
            p.copy_(torch.from_numpy(w.copy()))
    criterion, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=LR, fused=fused)
    data = turns(torch.from_numpy(x), torch.from_numpy(y))  # type: ignore[arg-type]

    def step() -> float:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        xb, yb = next(data)
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_step(weights: Weights, x: np.ndarray, y: np.ndarray) -> Step:
    import jax
    import jax.numpy as jnp

    def loss_of(p, xb, yb):
        w1, b1, w2, b2 = p
        z = jax.nn.log_softmax(jax.nn.relu(xb @ w1.T + b1) @ w2.T + b2)
        return -jnp.mean(jnp.take_along_axis(z, yb[:, None], axis=1))

    def update(p, m, v, t, xb, yb):
        loss, g = jax.value_and_grad(loss_of)(p, xb, yb)
        t = t + 1
        m = [BETA1 * a + (1 - BETA1) * b for a, b in zip(m, g, strict=True)]
        v = [BETA2 * a + (1 - BETA2) * b * b for a, b in zip(v, g, strict=True)]
        scale1, scale2 = 1 - BETA1**t, 1 - BETA2**t
        p = [w - LR * (a / scale1) / (jnp.sqrt(b / scale2) + EPS) for w, a, b in zip(p, m, v, strict=True)]
        return p, m, v, t, loss

    compiled = jax.jit(update, donate_argnums=(0, 1, 2, 3))
    p, m, v = ([jnp.array(f(w)) for w in weights] for f in (np.array, np.zeros_like, np.zeros_like))
    state, data = [p, m, v, jnp.float32(0)], turns(x, y)

    def step() -> float:
        xb, yb = next(data)
        *state[:], loss = compiled(*state, xb, yb)
        return float(loss)

    return step


def contest(batch: int, rounds: int, here: dict[str, bool]) -> None:
    x, y = examples(batch)
    weights = initial_weights()
    contenders = {
        "backflow": backflow_step(weights, x, y),
        "NumPy by hand": by_hand_step(weights, x, y, anywhere),
        "NumPy by hand, on cache lines": by_hand_step(weights, x, y, on_cache_lines),
    }
    if here["torch"]:
        import torch

        most = torch.get_num_threads()
        for threads in sorted({1, most}):
            for fused in (True, False):
                name = f"torch, {'fused' if fused else 'plain'} Adam, {threads} thread{'s' if threads > 1 else ''}"
                contenders[name] = torch_step(weights, x, y, fused, threads)
    if here["jax"]:
        contenders["jax.jit, whole step"] = jax_step(weights, x, y)
    losses = {name: [step() for _ in range(8)] for name, step in contenders.items()}
    for name, seen in losses.items():
        np.testing.assert_allclose(seen, losses["NumPy by hand"], rtol=2e-4, err_msg=name)  # float32, eight steps
    print(f"batch {batch}")
    # 20 ms to settle: the threads of torch and jax keep spinning for a while, which slows torch itself most.
    times = race(contenders, rounds, burst=max(5, 640 // batch), settle=max(10, 1600 // batch))

    table(times, "us")
    if here["torch"]:
        fused_times = [name for name in times if "fused" in name]
        goal("time / torch with fused Adam, its better setting", max(ratio(times, name) for name in fused_times), 1.0)
    goal("time / NumPy by hand", ratio(times, "NumPy by hand"), 1.3, 1.1)
    goal("time / NumPy by hand, on cache lines", ratio(times, "NumPy by hand, on cache lines"), 1.3, 1.1)
    if here["torch"]:
        torch.set_num_threads(most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 256])
    asked = parser.parse_args()
    setting("The article's network, one training step with Adam, float32", "torch", "jax")
    here = installed("torch", "jax")
    for batch in asked.batch:
        contest(batch, asked.rounds, here)


if __name__ == "__main__":
    main()
