"""How long do machines last? A Weibull regression with censored times, by maximum likelihood, with standard errors.

    python examples/maximum_likelihood.py        # needs scipy; matplotlib for the picture; jax to compare

400 machines run under a known load until they break, or until the study ends. The data are drawn from the fitted model,
so that the right answer is known: a survival function S(t) = exp(-(t / scale)^shape) with log scale = level +
slope * load. Standard errors are computed from the inverse of the Hessian at the maximum.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad

TRUTH = {"log_shape": np.log(1.7), "level": 3.0, "slope": -0.8}
END = 25.0  # of the study


def machines(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return loads, times, and whether each machine broke: (n,) each."""
    load = rng.uniform(0.0, 2.0, n)
    scale = np.exp(TRUTH["level"] + TRUTH["slope"] * load)
    life = scale * rng.weibull(np.exp(TRUTH["log_shape"]), n)
    return load, np.minimum(life, END), life <= END


def cost(p: dict[str, Any], load: np.ndarray, time: np.ndarray, broke: np.ndarray, xp: Any = np) -> Any:
    """Return minus the log likelihood: log density of those that broke, log survival of the others."""
    shape, log_scale = xp.exp(p["log_shape"]), p["level"] + p["slope"] * load
    z = shape * (np.log(time) - log_scale)
    return -xp.sum(xp.where(broke, p["log_shape"] - np.log(time) + z, 0.0) - xp.exp(z))


def compare_with_jax(data: tuple[np.ndarray, ...], ours: dict[str, float]) -> float | None:
    """Return the largest difference of our fit from that of SciPy with JAX's gradient."""
    try:
        import jax
        import jax.numpy
    except ImportError:
        print("jax is not installed: nothing to compare with")
        return None
    import scipy.optimize

    with jax.enable_x64(True):
        load, time, broke = data
        both = jax.value_and_grad(
            lambda v: cost(dict(zip(TRUTH, v, strict=True)), load, time, broke, jax.numpy)
        )
        found = scipy.optimize.minimize(lambda v: tuple(map(np.asarray, both(v))), np.zeros(3), jac=True, tol=1e-10)
    off = float(np.abs(found.x - list(ours.values())).max())
    print(f"the same fit by jax.value_and_grad and SciPy: largest difference {off:.1e}")
    return off


def draw(p: dict[str, float], data: tuple[np.ndarray, ...], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style, (load, time, broke) = ad.drawing.style, data
    figure, axes = plt.subplots(figsize=(7, 4), dpi=120, layout="constrained")
    axes.scatter(load[broke], time[broke], s=10, color=style.NEGATIVE, label="broke")
    axes.scatter(load[~broke], time[~broke], s=14, marker="^", color=style.POSITIVE, label="still runs at the end")
    at = np.linspace(0, 2, 100)
    for share, dashes in ((0.9, ":"), (0.5, "-"), (0.1, "--")):
        life = np.exp(p["level"] + p["slope"] * at) * (-np.log(share)) ** (1 / np.exp(p["log_shape"]))
        axes.plot(at, life, dashes, color=style.INK, label=f"{share:.0%} run longer")
    axes.set(xlabel="load", ylabel="time", ylim=(0, 1.05 * END), title="Weibull regression of censored lives")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--machines", type=int, default=400, help="how many (400)")
    parser.add_argument("--out", type=Path, default=Path(), help="where the picture goes (here)")
    given = parser.parse_args(argv)

    data = machines(given.machines, np.random.default_rng(0))
    print(f"{given.machines} machines, {int(data[2].sum())} broke before the end of the study")
    found = ad.minimize(cost, dict.fromkeys(TRUTH, 0.0), args=data, method="trust-exact", tol=1e-10)
    curvature = ad.hessian(lambda v: cost(dict(zip(TRUTH, v, strict=True)), *data))(np.array(list(found.x.values())))
    for (name, value), error in zip(found.x.items(), np.sqrt(np.diag(np.linalg.inv(curvature))), strict=True):
        print(f"{name:9}  {value:7.3f} ± {error:.3f}  data made with {TRUTH[name]:.3f}")
    compare_with_jax(data, found.x)
    try:
        draw(found.x, data, given.out / "maximum_likelihood.png")
        print(f"picture: {given.out / 'maximum_likelihood.png'}")
    except ImportError:
        print("no picture: it needs matplotlib")
    fitted: dict[str, float] = found.x
    return fitted


if __name__ == "__main__":
    main()
