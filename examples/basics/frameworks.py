"""The same network in PyTorch and here: weights are copied by name, and all losses are equal, step by step.

    python examples/basics/frameworks.py     # needs torch; matplotlib for the picture

The article's network on handwritten digits. Both start from one set of weights, and use the same batches and Adam. Only
the order of sums differs, and so the last digit of float32. docs/article.md has the same program in Keras.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split


def here(weights: dict[str, Any], batches: list[Any], x: Any, y: Any) -> tuple[list[float], dict[str, Any]]:
    """Return the losses of the steps, and the first gradients."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    net.load_state_dict(weights)
    gradients: dict[str, Any] = {}
    optimizer, losses = nn.Adam(net.parameters()), []
    for rows in batches:
        optimizer.zero_grad()
        loss = nn.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        gradients = gradients or {name: p.grad.copy() for name, p in net.named_parameters()}
        optimizer.step()
        losses.append(loss.item())
    return losses, gradients


def in_pytorch(weights: dict[str, Any], batches: list[Any], x: Any, y: Any) -> tuple[list[float], dict[str, Any]]:
    """Return the same from PyTorch."""
    import torch

    layers: Any = [torch.nn.Flatten(), torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)]
    net: Any = torch.nn.Sequential(*layers)
    net.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    gradients: dict[str, Any] = {}
    optimizer, losses = torch.optim.Adam(net.parameters()), []
    images, labels = torch.tensor(x), torch.tensor(y)
    for rows in batches:
        optimizer.zero_grad()
        loss: Any = torch.nn.functional.cross_entropy(net(images[rows]), labels[rows])
        loss.backward()
        gradients = gradients or {name: p.grad.numpy().copy() for name, p in net.named_parameters()}
        optimizer.step()
        losses.append(loss.item())
    return losses, gradients


def draw(ours: list[float], theirs: list[float], path: Path) -> None:
    """Draw both curves of losses, and their difference."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = ad.drawing.style
    figure, (both, apart) = plt.subplots(1, 2, figsize=(11, 4), dpi=110, layout="constrained")
    both.plot(ours, color=style.CURVES[0], linewidth=3, alpha=0.5, label="here")
    both.plot(theirs, "--", color=style.CURVES[1], linewidth=1, label="PyTorch")
    both.set(title="loss of each batch", xlabel="step", ylabel="cross-entropy")
    both.legend()
    apart.semilogy(np.maximum(np.abs(np.subtract(ours, theirs)), 1e-9), ".", color=style.CURVES[0], markersize=3)
    apart.set(title="difference of the losses", xlabel="step", ylim=(5e-10, 1e-4))
    for axes in (both, apart):
        axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    """Train both, print, draw; return the largest difference of the first gradients and of the losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300, help="steps of Adam (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    x, _, y, _ = train_test_split(*load_digits(), rng=options.seed)
    batches = [rng.integers(0, len(x), 32) for _ in range(options.steps)]
    start = nn.Sequential(nn.Flatten(), nn.Linear(64, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng))
    weights = {name: value.copy() for name, value in start.state_dict().items()}
    ours, gradients = here(weights, batches, x, y)
    try:
        theirs, other = in_pytorch(weights, batches, x, y)
    except ImportError:
        raise SystemExit("torch is not installed: there is nothing to compare with (pip install torch)") from None
    apart = {name: float(abs(gradients[name] - other[name]).max()) for name in gradients}
    print("first gradients, largest difference: " + ", ".join(f"{name} {value:.0e}" for name, value in apart.items()))
    for step in sorted({1, options.steps // 4, options.steps // 2, options.steps} - {0}):
        print(f"step {step:4}   loss here {ours[step - 1]:.7f}   in PyTorch {theirs[step - 1]:.7f}")
    try:
        draw(ours, theirs, options.out / "frameworks.png")
        print(f"\nPicture: {options.out / 'frameworks.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return max(apart.values()), float(np.max(np.abs(np.subtract(ours, theirs))))


if __name__ == "__main__":
    main()
