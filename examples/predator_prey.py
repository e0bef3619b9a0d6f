"""Fit the equations of predator and prey to the furs of hares and lynxes, by the adjoint method and SciPy.

    python examples/predator_prey.py             # needs scipy; matplotlib for the picture; jax to compare

The numbers are pelts in thousands, traded by the Hudson's Bay Company from 1900 to 1920, as Odum (1971),
"Fundamentals of Ecology", and Carpenter (2018), "Predator-prey population dynamics", give them. Lotka (1925) and
Volterra (1926): u' = (alpha - beta v) u, v' = (-gamma + delta u) v.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad

HARES = "30.0 47.2 70.2 77.4 36.3 20.6 18.1 21.4 22.0 25.4 27.1 40.3 57.0 76.6 52.3 19.5 11.2 7.6 14.6 16.2 24.7"
LYNXES = "4.0 6.1 9.8 35.2 59.4 41.7 19.0 13.0 8.3 9.1 7.4 8.0 12.3 19.5 45.7 51.1 29.7 15.8 9.7 10.1 8.6"
PELTS = np.array([HARES.split(), LYNXES.split()], float)  # (2, 21)
START = {"rates": np.log([0.5, 0.03, 0.8, 0.03]), "first": np.log([30.0, 4.0])}


def slope(t: float, y: Any, rates: Any, xp: Any = np) -> Any:
    """Return the growth of both populations; y: (2,), rates: (4,)."""
    return xp.stack([(rates[0] - rates[1] * y[1]) * y[0], (-rates[2] + rates[3] * y[0]) * y[1]])


def populations(logs: dict[str, Any], years: np.ndarray, rtol: float = 1e-6) -> Any:
    """Return both populations in each year: (2, years)."""
    span, rates = (years[0], years[-1]), np.exp(logs["rates"])
    return ad.solve_ivp(slope, span, np.exp(logs["first"]), t_eval=years, args=(rates,), rtol=rtol, atol=rtol / 100).y


def cost(logs: dict[str, Any], years: np.ndarray, pelts: np.ndarray, rtol: float = 1e-6) -> Any:
    """Return half the sum of squared differences of logarithms."""
    return 0.5 * np.sum((np.log(populations(logs, years, rtol)) - np.log(pelts)) ** 2)


def compare_with_jax(years: np.ndarray, pelts: np.ndarray) -> float | None:
    """Return the largest difference between our gradient and that of JAX's solver, relative to the largest entry."""
    try:
        import jax
        import jax.numpy as jnp
        from jax.experimental.ode import odeint
    except ImportError:
        print("jax is not installed: nothing to compare with")
        return None

    def theirs(logs: Any) -> Any:
        y = odeint(
            lambda y, t, rates: slope(t, y, rates, jnp),
            jnp.exp(logs["first"]),
            jnp.asarray(years),
            jnp.exp(logs["rates"]),
            rtol=1e-9,
            atol=1e-9,
        )
        return 0.5 * jnp.sum((jnp.log(y.T) - jnp.log(pelts)) ** 2)

    with jax.enable_x64(True):
        expected = jax.grad(theirs)(START)
    ours = ad.grad(cost)(START, years, pelts, 1e-9)
    scale = max(np.abs(v).max() for v in ours.values())
    off = float(max(np.abs(ours[name] - np.asarray(expected[name])).max() for name in ours) / scale)
    print(f"gradient at the start: largest relative difference from jax.grad through odeint {off:.1e}")
    return off


def draw(logs: dict[str, Any], years: np.ndarray, pelts: np.ndarray, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style, fine = ad.drawing.style, np.linspace(years[0], years[-1], 300)
    figure, axes = plt.subplots(figsize=(7, 4), dpi=120, layout="constrained")
    for curve, dots, colour, name in zip(
        populations(logs, fine), pelts, (style.POSITIVE, style.NEGATIVE), ("hares", "lynxes"), strict=True
    ):
        axes.plot(1900 + fine, curve, color=colour, label=name)
        axes.scatter(1900 + years, dots, s=16, color=colour)
    axes.set(xticks=range(1900, int(1901 + years[-1]), 5), ylabel="thousands of pelts")
    axes.set_title("Predator and prey: data, and the fitted equations")
    axes.legend(frameon=False)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--years", type=int, default=21, help="use the first years only (21)")
    parser.add_argument("--iterations", type=int, default=200, help="at most so many (200)")
    parser.add_argument("--out", type=Path, default=Path(), help="where the picture goes (here)")
    given = parser.parse_args(argv)

    years, pelts = np.arange(float(given.years)), PELTS[:, : given.years]
    compare_with_jax(years, pelts)
    found = ad.minimize(cost, START, args=(years, pelts), method="BFGS", options={"maxiter": given.iterations})
    print(f"cost {float(cost(START, years, pelts)):.3f} -> {found.fun:.3f} in {found.nit} iterations")
    rates, first = np.exp(found.x["rates"]), np.exp(found.x["first"])
    print("alpha {:.3f}  beta {:.4f}  gamma {:.3f}  delta {:.4f}".format(*rates))
    print("1900: {:.1f} thousand hares, {:.1f} thousand lynxes".format(*first))
    try:
        draw(found.x, years, pelts, given.out / "predator_prey.png")
        print(f"picture: {given.out / 'predator_prey.png'}")
    except ImportError:
        print("no picture: it needs matplotlib")
    return {"rates": rates, "first": first}


if __name__ == "__main__":
    main()
