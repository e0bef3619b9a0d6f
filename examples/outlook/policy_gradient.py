"""A policy gradient (REINFORCE, Williams 1992): a network learns to balance a pole on a cart by pushes left or right.

    python examples/outlook/policy_gradient.py

The simulation of the cart is not differentiated: pushes are random, and a fall is a jump. The derivative is that of the
logarithm of the probability of each push. A push becomes more likely when the sum of rewards after it was larger than
the mean over all carts at the same step. Many carts run in parallel.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn import functional as F

GRAVITY, CART, POLE, HALF, FORCE, DT = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # Barto, Sutton and Anderson 1983


def advance(state: Any, right: Any) -> Any:
    """Return the state after 20 ms. state: (N, 4) position, speed, angle, its speed; right: (N,), direction of push."""
    place, speed, angle, turning = state.T
    total, moment = CART + POLE, POLE * HALF
    sine, cosine = np.sin(angle), np.cos(angle)
    pull = (np.where(right, FORCE, -FORCE) + moment * turning**2 * sine) / total
    turn = (GRAVITY * sine - cosine * pull) / (HALF * (4 / 3 - POLE * cosine**2 / total))
    push = pull - moment * turn * cosine / total
    return np.stack([place + DT * speed, speed + DT * push, angle + DT * turning, turning + DT * turn], axis=1)


def upright(state: Any) -> Any:
    """Return whether each cart is on its track, and its pole within 12 degrees."""
    return (abs(state[:, 0]) < 2.4) & (abs(state[:, 2]) < np.deg2rad(12))


def play(policy: nn.Module, carts: int, horizon: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Run carts; return states (T, N, 4), pushes (T, N), and whether each was upright before the push (T, N)."""
    state, stands = rng.uniform(-0.05, 0.05, (carts, 4)), np.ones(carts, bool)
    moments: list[tuple[Any, Any, Any]] = []
    with ad.no_grad():
        while stands.any() and len(moments) < horizon:
            likely = ad.softmax(policy(np.float32(state)).data)[:, 1]
            right = rng.random(carts) < likely
            moments.append((state, right, stands))
            state = np.where(stands[:, None], advance(state, right), state)
            stands = stands & upright(state)
    states, pushes, standing = map(np.array, zip(*moments, strict=True))
    return states.astype(np.float32), pushes.astype(int), standing


def surrogate(policy: nn.Module, states: Any, pushes: Any, standing: Any, discount: float = 0.98) -> Any:
    """Return a number whose gradient is an unbiased estimate of minus that of the expected sum of rewards."""
    returns = np.zeros(standing.shape, np.float32)
    later = np.zeros(standing.shape[1], np.float32)
    for t in reversed(range(len(standing))):
        later = returns[t] = standing[t] + discount * later
    counts = standing.sum(axis=1, keepdims=True)
    usual = np.where(standing, returns, 0).sum(axis=1, keepdims=True) / counts
    better = np.where(standing, returns - usual, 0)
    better /= better.std() + 1e-8
    log_likely = F.log_softmax(policy(states), axis=-1)
    made = np.take_along_axis(log_likely, pushes[..., None], axis=-1).squeeze(-1)
    return -(made * better).sum() / standing.sum()


def draw(lengths: Any, policy: nn.Module, path: Path) -> None:
    """Draw the time until a fall by step, and the probability of a push to the right."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), dpi=110, layout="constrained")
    steps = np.arange(1, len(lengths) + 1)
    low, middle, high = np.quantile(lengths, (0.1, 0.5, 0.9), axis=1)
    left.fill_between(steps, low, high, alpha=0.2, linewidth=0, color=ad.drawing.style.CURVES[0], label="8 of 10 carts")
    left.plot(steps, middle, color=ad.drawing.style.CURVES[0], label="median")
    left.set(xlabel="step of the optimizer", ylabel="moments of 20 ms that the pole stands", ylim=(0, None))
    left.legend()
    left.grid(alpha=0.3)
    angles, turning = np.deg2rad(np.linspace(-12, 12, 61)), np.linspace(-1.5, 1.5, 61)
    plane = np.zeros((61, 61, 4), np.float32)
    plane[..., 2], plane[..., 3] = angles, turning[:, None]
    with ad.no_grad():
        likely = ad.softmax(policy(plane).data)[..., 1]
    shown = right.imshow(
        likely, cmap="RdBu_r", vmin=0, vmax=1, origin="lower", aspect="auto", extent=(-12, 12, -1.5, 1.5)
    )
    figure.colorbar(shown, ax=right, label="probability of a push to the right")
    right.set(xlabel="angle of the pole in degrees, to the right", ylabel="its speed in radians a second")
    right.set_title("What was learnt, with the cart at rest in the middle")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> Any:
    """Train, draw; return the time until each pole's fall at each step (steps, carts)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="steps of the optimizer (default: %(default)s)")
    parser.add_argument("--carts", type=int, default=32, help="carts side by side (default: %(default)s)")
    parser.add_argument(
        "--horizon", type=int, default=300, help="moments after which a run ends (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    policy = nn.Sequential(nn.Linear(4, 32, rng=rng), nn.Tanh(), nn.Linear(32, 2, rng=rng))
    optimizer = nn.Adam(policy.parameters(), lr=1e-2)
    lengths = []
    for step in range(1, options.steps + 1):
        states, pushes, standing = play(policy, options.carts, options.horizon, rng)
        lengths.append(standing.sum(axis=0))
        optimizer.zero_grad()
        surrogate(policy, states, pushes, standing).backward()
        optimizer.step()
        if step == 1 or step % max(1, options.steps // 6) == 0:
            print(f"step {step:3}  the poles stand for {np.mean(lengths[-1]):5.1f} moments")
    try:
        draw(lengths, policy, options.out / "policy_gradient.png")
        print(f"Picture: {options.out / 'policy_gradient.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return np.array(lengths)


if __name__ == "__main__":
    main()
