"""`ad.compile` on three programs: a network of Scalars, the article's network, elementwise work.

moons: micrograd's demo written with operators, loss and backward pass of one full batch, compiled ("backflow"); its
program alone, without reading and writing 337 Scalars ("program"); the same vectorised by hand; CasADi's VM, where it
is installed, on the same graph of scalars.

network: 784-128-10, ReLU, cross-entropy, Adam, float32: `nn.training_step(compiled=True)`; eager; the step by hand;
torch with fused Adam; the whole step in jax.jit.

elementwise: sum(gelu(x) x + exp(-x x)) and its gradient, float32, gelu by tanh: compiled, eager, NumPy in cache blocks
on threads by hand, jax.jit, torch eager.

    python benchmarks/compiled.py [--rounds 15] [--only moons network elementwise] [--sizes 1000000 10000000]
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import article_network as article
import moons as demo
import numpy as np
from stopwatch import goal, installed, race, ratio, setting, table

import autodiff as ad
import nn

C, D = 0.7978845608028654, 0.044715


# ---- micrograd's moons demo
def moons_contest(rounds: int, here: dict[str, bool]) -> None:
    x, y = demo.moons()
    points, labels = x.tolist(), y.tolist()
    model = demo.OperatorNet(ad.scalar)
    demo.set_weights(model.layers, demo.initial_weights())
    parameters = list(model.parameters())

    def loss_and_gradients() -> float:
        for p in parameters:
            p.grad = None
        loss = demo.loss_of(model, parameters, points, labels)
        loss.backward()
        return loss.data  # type: ignore[no-any-return]

    fast = ad.compile(loss_and_gradients)
    started = time.perf_counter()
    fast()
    print(f"moons\n  first call, which traces and compiles: {time.perf_counter() - started:.1f} s")
    executable, arrays = program_of(fast)
    weights = demo.initial_weights()
    by_hand = lambda: demo.by_hand([w.copy() for w in weights], x, y)
    np.testing.assert_allclose(fast(), by_hand(), rtol=1e-12)
    contenders: dict[str, Callable[[], object]] = {
        "backflow": fast,
        "program": lambda: executable(arrays),
        "NumPy, vectorised by hand": by_hand,
    }
    if here["casadi"]:
        contenders["CasADi VM"] = casadi_step(weights, x, y)
    times = race(contenders, rounds, burst=20, settle=20)
    table(times, "us")
    goal("program / NumPy vectorised by hand", ratio(times, "NumPy, vectorised by hand", "program"), 8.0, 2.0)
    if here["casadi"]:
        goal("program / CasADi VM", ratio(times, "CasADi VM", "program"), 0.6)
        goal("whole call / CasADi VM", ratio(times, "CasADi VM"), 0.6)


def program_of(fast: Any) -> tuple[Any, list[Any]]:
    """Return the program of a compiled function that was called, and the arrays of a call."""
    executable, given = fast._executable(), []
    kind = type(executable)
    run = kind.begin
    kind.begin = lambda self, arrays: given.append(arrays) or run(self, arrays)  # type: ignore[func-returns-value]
    try:
        fast()
    finally:
        kind.begin = run
    return executable, given[-1]


def casadi_step(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Return a step of the same graph of scalars and its gradient in CasADi's SX, run by its virtual machine."""
    import casadi

    flat = np.concatenate([w.reshape(-1) for w in weights])
    p = casadi.SX.sym("p", flat.size)
    cuts = np.cumsum([0, *[w.size for w in weights]])
    parts = [p[int(i) : int(j)] for i, j in itertools.pairwise(cuts)]
    total: Any = 0
    for point, label in zip(x.tolist(), y.tolist(), strict=True):
        out: list[Any] = point
        for layer in range(3):
            w, b = parts[2 * layer], parts[2 * layer + 1]
            acts = [b[j] + sum(w[j * len(out) + i] * out[i] for i in range(len(out))) for j in range(b.numel())]
            out = [casadi.fmax(a, 0) for a in acts] if layer < 2 else acts
        total = total + casadi.fmax(1 - label * out[0], 0)
    loss = total / len(y) + demo.ALPHA * casadi.dot(p, p)
    run = casadi.Function("step", [p], [loss, casadi.gradient(loss, p)])
    buffers, trigger = run.buffer()
    loss_out, gradient = np.zeros(1), np.zeros(flat.size)
    buffers.set_arg(0, memoryview(flat))
    buffers.set_res(0, memoryview(loss_out))
    buffers.set_res(1, memoryview(gradient))
    trigger()
    np.testing.assert_allclose(loss_out[0], demo.by_hand([w.copy() for w in weights], x, y), rtol=1e-12)
    kept = run, buffers, flat, loss_out, gradient  # CasADi does not keep them itself
    return lambda: (trigger(), kept)


# ---- the article's network
def network_contest(batch: int, rounds: int, here: dict[str, bool]) -> None:
    x, y = article.examples(batch)
    weights = article.initial_weights()

    def compiled_step() -> Callable[[], float]:
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        for p, w in zip(model.parameters(), weights, strict=True):
            p.data = w
        optimizer, data = nn.Adam(model.parameters(), lr=article.LR), article.turns(x, y)
        step = nn.training_step(model, nn.CrossEntropyLoss(), optimizer, compiled=True)
        return lambda: step(*next(data))

    contenders = {
        "backflow": compiled_step(),
        "backflow, eager": article.backflow_step(weights, x, y),
        "NumPy by hand": article.by_hand_step(weights, x, y, article.anywhere),
        "NumPy by hand, on cache lines": article.by_hand_step(weights, x, y, article.on_cache_lines),
    }
    if here["torch"]:
        contenders["torch, fused Adam, 1 thread"] = article.torch_step(weights, x, y, True, 1)
    if here["jax"]:
        contenders["jax.jit, whole step"] = article.jax_step(weights, x, y)
    losses = {name: [step() for _ in range(8)] for name, step in contenders.items()}
    for name, seen in losses.items():
        np.testing.assert_allclose(seen, losses["NumPy by hand"], rtol=2e-4, err_msg=name)  # float32, eight steps
    print(f"article's network, batch {batch}")
    times = race(contenders, rounds, burst=max(5, 640 // batch), settle=max(10, 1600 // batch))
    table(times, "us")
    goal("time / NumPy by hand", ratio(times, "NumPy by hand"), 1.05)
    if here["jax"]:
        goal("time / jax.jit", ratio(times, "jax.jit, whole step"), 1.0)


# ---- elementwise work
def loss_of(x: Any, tanh: Any, exp: Any) -> Any:
    return (0.5 * x * (1.0 + tanh(C * (x + D * x * x * x))) * x + exp(-x * x)).sum()


def elementwise_contest(size: int, rounds: int, here: dict[str, bool]) -> None:
    x = np.random.default_rng(0).normal(size=size).astype(np.float32)
    eager = ad.value_and_grad(lambda x: loss_of(x, np.tanh, np.exp))
    fast, hand = ad.compile(eager), blocks_by_hand(x)
    contenders: dict[str, Callable[[], object]] = {
        "backflow": lambda: fast(x),
        "backflow, eager": lambda: eager(x),
        "NumPy by hand, in blocks": hand,
    }
    np.testing.assert_array_equal(fast(x)[1], eager(x)[1])
    np.testing.assert_allclose(hand()[1], eager(x)[1], rtol=1e-3, atol=1e-5)
    if here["jax"]:
        import jax
        import jax.numpy as jnp

        jitted, xj = jax.jit(jax.value_and_grad(lambda x: loss_of(x, jnp.tanh, jnp.exp))), jnp.array(x)
        contenders["jax.jit"] = lambda: jax.block_until_ready(jitted(xj))
    if here["torch"]:
        import torch

        xt = torch.from_numpy(x).requires_grad_()

        def torch_step() -> object:
            loss = loss_of(xt, torch.tanh, torch.exp)
            return loss, torch.autograd.grad(loss, xt)

        contenders["torch, eager"] = torch_step
    print(f"sum(gelu(x) x + exp(-x x)) and its gradient, {size:,} float32")
    times = race(contenders, rounds, burst=3 if size <= 1_000_000 else 1, settle=1)
    table(times, "ms")
    goal("time / NumPy by hand, in blocks", ratio(times, "NumPy by hand, in blocks"), 1.3)
    if here["jax"]:
        goal("time / jax.jit", ratio(times, "jax.jit"), *((1.0,) if size <= 1_000_000 else (0.5, 0.3)))


def blocks_by_hand(x: np.ndarray, length: int = 1 << 17) -> Callable[[], tuple[float, np.ndarray]]:
    """Return the step written by hand: blocks that stay in the cache, ``out=`` everywhere, two threads."""
    gradient, pool = np.empty_like(x), ThreadPoolExecutor(2)
    starts = range(0, x.size, length)
    rooms = [[np.empty(length, x.dtype) for _ in range(5)] for _ in range(2)]

    def part(start: int, room: list[np.ndarray]) -> float:
        v, g = x[start : start + length], gradient[start : start + length]
        square, t, h, e, w = (r[: v.size] for r in room)
        np.multiply(v, v, out=square)
        np.multiply(square, C * D, out=t)
        np.add(t, C, out=t)
        np.multiply(t, v, out=t)
        np.tanh(t, out=t)
        np.add(t, 1.0, out=h)
        np.negative(square, out=e)
        np.exp(e, out=e)
        np.multiply(square, h, out=w)
        np.multiply(w, 0.5, out=w)
        np.add(w, e, out=w)
        total = float(w.sum())
        np.multiply(t, t, out=t)
        np.subtract(1.0, t, out=t)
        np.multiply(square, 3 * C * D, out=w)
        np.add(w, C, out=w)
        np.multiply(w, t, out=w)
        np.multiply(w, v, out=w)
        np.multiply(w, 0.5, out=w)
        np.add(w, h, out=w)
        np.multiply(e, 2.0, out=e)
        np.subtract(w, e, out=w)
        np.multiply(w, v, out=g)
        return total

    def half(number: int) -> float:
        return sum(part(start, rooms[number]) for start in starts[number::2])

    return lambda: (sum(pool.map(half, (0, 1))), gradient)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", default=["moons", "network", "elementwise"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    asked = parser.parse_args()
    setting("ad.compile: programs of NumPy calls", "torch", "jax", "casadi")
    here = installed("torch", "jax", "casadi")
    if "moons" in asked.only:
        moons_contest(asked.rounds, here)
    if "network" in asked.only:
        for batch in (32, 256):
            network_contest(batch, asked.rounds, here)
    if "elementwise" in asked.only:
        for size in asked.sizes:
            elementwise_contest(size, asked.rounds if size <= 1_000_000 else max(3, asked.rounds // 3), here)


if __name__ == "__main__":
    main()
