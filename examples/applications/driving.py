"""Driving: a network learns to steer a simulated car, by gradients through the simulator.

    python examples/applications/driving.py

The car moves by a kinematic bicycle model, written in coordinates along the track: s is the way along the middle
line, d the distance to its left, ψ the heading against it. The inputs of the network are d, ψ and the curvature of the
track at the car and ahead; its output is the steering angle. There are no examples of driving: the loss is the mean
squared distance from the middle line, and its gradient is computed through all steps of the simulation. Afterwards
the car drives a track with sharper turns than those of the training.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
import nn

WHEELBASE, SPEED, STEP = 2.5, 8.0, 0.1  # metres, metres a second, seconds
HALF_WIDTH = 3.0  # of the road, metres
AHEAD = np.array([0.0, 3.0, 6.0, 10.0])  # distances ahead at which the network gets the curvature, metres
Curvature = Callable[[Any], Any]  # way along the track -> 1 / radius


class State(NamedTuple):
    """The state of N cars, (N,) each: metres along the track, metres to its left, heading against it in radians."""

    s: Any
    d: Any
    heading: Any


def track(rng: np.random.Generator, sharpness: float) -> Curvature:
    """Return a smooth curvature: three waves of random length and phase, at most `sharpness` together."""
    lengths, places = rng.uniform(30, 90, 3), rng.uniform(0, 2 * np.pi, 3)
    return lambda s: (
        sharpness / 3 * sum(np.sin(2 * np.pi * s / length + place) for length, place in zip(lengths, places))
    )


def see(state: State, curvature: Curvature) -> Any:
    """Return the inputs of the network, scaled to about 1: (N, 2 + len(AHEAD))."""
    ahead = [30 * curvature(state.s + distance) for distance in AHEAD]
    return np.stack([state.d / 2, 2 * state.heading, *ahead], axis=1)


def move(state: State, steering: Any, curvature: Curvature) -> State:
    """Make one step of the bicycle model (Rajamani, "Vehicle Dynamics and Control", 2.2) along a curved line."""
    along = SPEED * np.cos(state.heading) / (1 - state.d * curvature(state.s))
    turning = SPEED / WHEELBASE * np.tan(steering) - curvature(state.s) * along
    return State(state.s + STEP * along, state.d + STEP * SPEED * np.sin(state.heading), state.heading + STEP * turning)


def drive(net: nn.Module, start: State, curvature: Curvature, steps: int) -> list[State]:
    """Return the states along the drive; steering is at most 0.5 radians."""
    states = [start]
    for _ in range(steps):
        steering = 0.5 * np.tanh(net(see(states[-1], curvature))[:, 0])
        states.append(move(states[-1], steering, curvature))
    return states


def starts(rng: np.random.Generator, count: int) -> State:
    """Return cars beside the middle line, with small heading errors."""
    return State(rng.uniform(0, 500, count), rng.uniform(-2, 2, count), rng.uniform(-0.2, 0.2, count))


def distance_of(states: list[State]) -> Any:
    """Return the mean squared distance from the middle line, without the first second."""
    return sum((state.d**2).mean() for state in states[10:]) / len(states[10:])


def train(net: nn.Module, steps: int, rng: np.random.Generator) -> None:
    """Train by Adam. Every step drives 32 cars for 4 seconds on a new track, and differentiates the whole drive."""
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    for step in range(1, steps + 1):
        loss = distance_of(drive(net, starts(rng, 32), track(rng, 0.06), 40))
        optimizer.zero_grad()
        loss.backward()
        nn.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step == 1 or step % max(1, steps // 8) == 0:
            print(f"step {step:4}  root mean square distance from the middle {loss.item() ** 0.5:6.3f} m")


def on_the_map(states: list[State], curvature: Curvature) -> tuple[Any, Any]:
    """Return the middle line and the path of the first car, (points, 2) each, in metres on the ground."""
    s = np.array([state.s[0] for state in states])
    fine = np.linspace(s[0], s[-1], 4000)
    angle = np.concatenate([[0], np.cumsum(curvature(fine[:-1]) * np.diff(fine))])
    line = np.cumsum(np.column_stack([np.cos(angle), np.sin(angle)]) * (fine[1] - fine[0]), axis=0)
    left = np.column_stack([-np.sin(angle), np.cos(angle)])
    place = np.searchsorted(fine, s).clip(0, len(fine) - 1)
    return line, line[place] + np.array([state.d[0] for state in states])[:, None] * left[place]


def draw(ways: dict[str, list[State]], curvature: Curvature, path: Path) -> None:
    """Draw the road from above with the paths of the car, and the distance from the middle line along it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = ad.drawing.style
    figure, (above, below) = plt.subplots(1, 2, figsize=(11, 4.2), dpi=110, layout="constrained")
    line, _ = on_the_map(ways["after training"], curvature)
    above.plot(*line.T, color=style.CLUSTER_LINE, linewidth=9, solid_capstyle="butt", label="road")
    for (name, states), colour in zip(ways.items(), (style.NEGATIVE, style.PARAM), strict=True):
        off = next((i for i, state in enumerate(states) if abs(state.d[0]) > HALF_WIDTH), len(states))
        shown = states[: off + 1]
        _, way = on_the_map(shown, curvature)
        above.plot(*way.T, color=colour, linewidth=1.5, label=name)
        below.plot([s.s[0] - states[0].s[0] for s in shown], [s.d[0] for s in shown], color=colour, label=name)
        if off < len(states):
            above.plot(*way[-1], "x", color=colour, markersize=10, markeredgewidth=3)
    above.set(
        aspect="equal", xlabel="metres", ylabel="metres", title="A track that it has never seen; × leaves the road"
    )
    below.set(
        xlabel="metres along the track", ylabel="metres to the left of the middle", ylim=(-HALF_WIDTH, HALF_WIDTH)
    )
    below.grid(alpha=0.3)
    above.legend(loc="lower right")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    """Drive, train, drive again on a new track, draw; return the distances from the middle line, root mean square."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=250, help="training steps (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=30, help="length of the test drives (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    net = nn.Sequential(
        nn.Linear(2 + len(AHEAD), 16, dtype=np.float64, rng=rng), nn.Tanh(), nn.Linear(16, 1, dtype=np.float64, rng=rng)
    )
    start, curvature = starts(rng, 50), track(rng, 0.08)
    with ad.no_grad():
        before = drive(net, start, curvature, round(options.seconds / STEP))
    train(net, options.steps, rng)
    with ad.no_grad():
        after = drive(net, start, curvature, round(options.seconds / STEP))
    ways = {"before training": before, "after training": after}
    for states in ways.values():
        states[:] = [State(*map(np.asarray, state)) for state in states]  # no longer values of the graph
    distances = [float(distance_of(states)) ** 0.5 for states in ways.values()]
    stayed = [np.mean(np.max([abs(s.d) for s in states], axis=0) < HALF_WIDTH) for states in ways.values()]
    print(f"\n50 cars, {options.seconds} seconds on a new track with sharper turns")
    print(f"before: {stayed[0]:.0%} stay on the road")
    print(f"after: {stayed[1]:.0%} stay on the road, {distances[1]:.2f} m from the middle (root mean square)")
    try:
        draw(ways, curvature, options.out / "driving.png")
        print(f"Picture: {options.out / 'driving.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return distances[0], distances[1]


if __name__ == "__main__":
    main()
