"""A Gaussian process: length, height and noise are fitted to 60 measurements, by maximum likelihood and SciPy.

    python examples/gaussian_process.py          # needs scipy; matplotlib for the picture; jax to compare

Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", equations 2.25, 2.26 and 5.8. The same
function is differentiated here and by JAX: ``xp`` is the module whose functions it calls.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad

TRUTH = {"length": 0.8, "height": 1.5, "noise": 0.2}


def measurements(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return n points, and the values of a function drawn from the process at these, with noise."""
    x = np.sort(rng.uniform(-4.0, 4.0, n))
    spread = kernel(x, x, TRUTH["length"], TRUTH["height"]) + TRUTH["noise"] ** 2 * np.eye(n)
    return x, np.linalg.cholesky(spread) @ rng.standard_normal(n)


def kernel(a: Any, b: Any, length: Any, height: Any, xp: Any = np) -> Any:
    """Return squared exponential covariances: (len(a), len(b))."""
    return height**2 * xp.exp(-0.5 * ((a[:, None] - b[None, :]) / length) ** 2)


def cost(logs: dict[str, Any], x: np.ndarray, y: np.ndarray, xp: Any = np) -> Any:
    """Return minus the log likelihood, by the Cholesky factor. logs: logarithms of the three numbers."""
    length, height, noise = (xp.exp(logs[name]) for name in ("length", "height", "noise"))
    factor = xp.linalg.cholesky(kernel(x, x, length, height, xp) + noise**2 * xp.eye(len(x)))
    white = xp.linalg.solve(factor, y)
    return 0.5 * white @ white + xp.sum(xp.log(xp.diagonal(factor))) + 0.5 * len(x) * np.log(2 * np.pi)


def predict(logs: dict[str, float], x: np.ndarray, y: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the function at new points."""
    length, height, noise = (np.exp(logs[name]) for name in ("length", "height", "noise"))
    factor = np.linalg.cholesky(kernel(x, x, length, height) + noise**2 * np.eye(len(x)))
    across = np.linalg.solve(factor, kernel(x, at, length, height))
    mean = across.T @ np.linalg.solve(factor, y)
    return mean, np.sqrt(height**2 - (across**2).sum(axis=0))


def compare_with_jax(logs: dict[str, float], x: np.ndarray, y: np.ndarray) -> float | None:
    """Return the largest difference between our gradient and JAX's, relative to the largest entry."""
    try:
        import jax
        import jax.numpy
    except ImportError:
        print("jax is not installed: nothing to compare with")
        return None
    with jax.enable_x64(True):
        theirs = jax.grad(lambda p: cost(p, x, y, jax.numpy))(logs)
    ours = ad.grad(cost)(logs, x, y)
    scale = max(abs(v) for v in ours.values())
    off: float = max(abs(ours[name] - float(theirs[name])) for name in ours) / scale
    print(f"gradient at the start: largest relative difference from jax.grad {off:.1e}")
    return off


def draw(logs: dict[str, float], x: np.ndarray, y: np.ndarray, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style, at = ad.drawing.style, np.linspace(-5, 5, 300)
    mean, spread = predict(logs, x, y, at)
    figure, axes = plt.subplots(figsize=(7, 4), dpi=120, layout="constrained")
    axes.fill_between(at, mean - 2 * spread, mean + 2 * spread, color=style.POSITIVE, alpha=0.2, label="2 deviations")
    axes.plot(at, mean, color=style.POSITIVE, label="mean")
    axes.scatter(x, y, s=14, color=style.INK, zorder=3, label="measurements")
    axes.set(xlabel="x", ylabel="y", title="Gaussian process, fitted by maximum likelihood")
    axes.legend(frameon=False)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=60, help="how many measurements (60)")
    parser.add_argument("--out", type=Path, default=Path(), help="where the picture goes (here)")
    given = parser.parse_args(argv)

    x, y = measurements(given.points, np.random.default_rng(0))
    start = {"length": 0.0, "height": 0.0, "noise": 0.0}
    compare_with_jax(start, x, y)
    found = ad.minimize(cost, start, args=(x, y), method="L-BFGS-B", tol=1e-12)
    print(f"log likelihood {-cost(start, x, y):.3f} -> {-found.fun:.3f} in {found.nit} iterations")
    spread = np.sqrt(np.diag(np.linalg.inv(np.array(hessian_of(found.x, x, y)))))
    fitted = {}
    for (name, log), error in zip(found.x.items(), spread, strict=True):
        fitted[name] = float(np.exp(log))
        print(f"{name:6}  {fitted[name]:.3f} (about ± {fitted[name] * error:.3f})  data made with {TRUTH[name]}")
    try:
        draw(found.x, x, y, given.out / "gaussian_process.png")
        print(f"picture: {given.out / 'gaussian_process.png'}")
    except ImportError:
        print("no picture: it needs matplotlib")
    return fitted


def hessian_of(logs: dict[str, float], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the second derivatives of the cost in the three logarithms: (3, 3)."""
    names = list(logs)
    at = np.array(list(logs.values()))
    curvature: np.ndarray = ad.hessian(lambda v: cost({name: v[i] for i, name in enumerate(names)}, x, y))(at)
    return curvature


if __name__ == "__main__":
    main()
