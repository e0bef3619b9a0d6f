"""A small convolutional network on the packaged digits, one eager training step, float32, batch 64.

    Conv2d(1, 32, 3, padding=1), ReLU, Conv2d(32, 64, 3, padding=1), ReLU, MaxPool2d(2), Flatten, Linear(1024, 10),
    cross-entropy, Adam: 78 million multiply-adds forward

Beside ours: torch in its usual layout and with its arrays in channels-last layout, and the step compiled by jax.jit,
all from the same weights and on the same batches; all must reach the same losses. All run on one thread when
OPENBLAS_NUM_THREADS=1 is set, as they should on a shared machine.

    OPENBLAS_NUM_THREADS=1 python benchmarks/cnn.py [--rounds 40]
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Callable, Iterator

import numpy as np
from stopwatch import goal, installed, race, ratio, setting, table

import nn

BATCH, LR = 64, 1e-3
Step = Callable[[], float]
Weights = dict[str, np.ndarray]


def model() -> nn.Sequential:
    """Return the network, from fixed weights."""
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1024, 10, rng=rng),
    )


def turns() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of the digits over and over."""
    images, labels = nn.data.load_digits()
    starts = range(0, len(images) - BATCH, BATCH)
    return ((images[i : i + BATCH, None], labels[i : i + BATCH]) for i in itertools.cycle(starts))


def backflow_step() -> Step:
    net, batches = model(), turns()
    criterion, optimizer = nn.CrossEntropyLoss(), nn.Adam(net.parameters(), lr=LR)

    def step() -> float:
        x, y = next(batches)
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_step(channels_last: bool) -> Step:
    import torch

    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(32, 64, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(1024, 10),
    )
    net.load_state_dict({name: torch.tensor(a) for name, a in model().state_dict().items()})
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)
    batches = ((torch.tensor(x).to(memory_format=layout), torch.tensor(y)) for x, y in turns())
    criterion, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=LR, fused=True)

    def step() -> float:
        x, y = next(batches)
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_step() -> Step:
    import jax
    import jax.numpy as jnp

    def convolve(x: object, weight: object, bias: object) -> object:
        y = jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jax.nn.relu(y + bias)

    def loss_of(p: dict, x: object, y: object) -> object:
        h = convolve(convolve(x, p["0.weight"], p["0.bias"]), p["2.weight"], p["2.bias"])
        h = jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        logits = h.transpose(0, 3, 1, 2).reshape(len(h), -1) @ p["6.weight"].T + p["6.bias"]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))

    @jax.jit
    def update(p: dict, m: dict, v: dict, t: object, x: object, y: object) -> tuple:
        loss, g = jax.value_and_grad(loss_of)(p, x, y)
        each = jax.tree_util.tree_map
        m, v = each(lambda m, g: 0.9 * m + 0.1 * g, m, g), each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        scale, root = LR / (1 - 0.9**t), 1 - 0.999**t
        return each(lambda p, m, v: p - scale * m / (jnp.sqrt(v / root) + 1e-8), p, m, v), m, v, loss

    state = {k: jnp.array(a.transpose(2, 3, 1, 0) if a.ndim == 4 else a) for k, a in model().state_dict().items()}
    held = [state, *[{k: jnp.zeros_like(a) for k, a in state.items()} for _ in range(2)], 0]
    batches = turns()

    def step() -> float:
        x, y = next(batches)
        held[3] += 1
        *held[:3], loss = update(*held[:3], float(held[3]), x.transpose(0, 2, 3, 1), y)
        return float(loss)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    setting(f"small CNN on digits, batch {BATCH}, one training step", "torch", "jax")
    here = installed("torch", "jax")
    steps = {"backflow": backflow_step()}
    if here["torch"]:
        import torch

        if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
            torch.set_num_threads(1)
        steps |= {"torch": torch_step(False), "torch channels-last": torch_step(True)}
    if here["jax"]:
        steps["jax.jit"] = jax_step()
    first = {name: [step() for _ in range(10)] for name, step in steps.items()}
    for name, losses in first.items():
        np.testing.assert_allclose(losses, first["backflow"], rtol=2e-3, err_msg=name)  # ten steps in float32
    times = race(steps, options.rounds, burst=3, settle=1)
    table(times)
    if "torch channels-last" in times:
        stretch = ratio(times, "jax.jit") if "jax.jit" in times else None
        goal("ours over torch channels-last", ratio(times, "torch channels-last"), 1.6)
        if stretch is not None:
            goal("ours over jax.jit", stretch, 1.0)


if __name__ == "__main__":
    main()
