"""Matrices of derivatives in float64: the Hessian of an MLP's loss (193 parameters) and of Rosenbrock's function (n =
100), a Hessian-vector product of it (n = 100,000), a Jacobian 100 x 100; and per-example gradients.

ad.compile and jax.jit are timed after they have compiled; torch.func runs with one thread; autograd takes one pass a
row.

    python benchmarks/jacobians.py [--rounds 20]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from stopwatch import goal, installed, race, ratio, setting, table

import autodiff as ad

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 10)), RNG.normal(size=32)
WEIGHTS = RNG.normal(size=193) * 0.3
A, POINT = RNG.normal(size=(100, 100)) * 0.1, RNG.normal(size=100)
LONG = RNG.normal(size=100_000)


def predict(p: Any, x: Any, tanh: Any) -> Any:
    """Return the output of a network of 10 inputs, 16 tanh units, 1 output. p: (193,)."""
    hidden = tanh(x @ p[:160].reshape(10, 16) + p[160:176])
    return hidden @ p[176:192] + p[192]


def mlp_loss(p: Any, x: Any, y: Any, tanh: Any) -> Any:
    return ((predict(p, x, tanh) - y) ** 2).mean()


def rosenbrock(x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


COMPILED = "backflow, compiled"


class Library:
    """The names of the same transforms in a library."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name in ("backflow", COMPILED):
            self.array, self.tanh = np.asarray, np.tanh
            self.hessian, self.jacobian, self.grad = ad.hessian, ad.jacobian, ad.grad
            self.jit = ad.compile if name == COMPILED else lambda f: f
            self.hvp = lambda f: lambda x, v: ad.hvp(f, (x,), (v,))
            self.vmap: Any = ad.vmap
        elif name == "jax.jit":
            import jax

            jax.config.update("jax_enable_x64", True)
            self.array, self.tanh = jax.numpy.asarray, jax.numpy.tanh
            self.hessian, self.jacobian, self.grad = jax.hessian, jax.jacobian, jax.grad
            self.jit, self.vmap = self.compiled, jax.vmap
            self.hvp = lambda f: lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1]
        elif name == "torch.func":
            import torch

            torch.set_num_threads(1)
            self.array, self.tanh = torch.as_tensor, torch.tanh
            self.hessian, self.jacobian, self.grad = torch.func.hessian, torch.func.jacrev, torch.func.grad
            self.jit, self.vmap = lambda f: f, torch.func.vmap
            self.hvp = lambda f: lambda x, v: torch.func.jvp(torch.func.grad(f), (x,), (v,))[1]
        else:
            import autograd
            import autograd.numpy as anp

            self.array, self.tanh = np.asarray, anp.tanh
            self.hessian, self.jacobian, self.grad, self.jit = autograd.hessian, autograd.jacobian, autograd.grad, None
            self.hvp, self.vmap = autograd.hessian_vector_product, None
            self.jit = lambda f: f

    @staticmethod
    def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
        import jax

        fast = jax.jit(f)
        return lambda *args: jax.block_until_ready(fast(*args))

    def tasks(self) -> dict[str, Callable[[], Any]]:
        """Return each workload as a call without arguments."""
        x, y, p, a, point, long = map(self.array, (X, Y, WEIGHTS, A, POINT, LONG))
        tanh = self.tanh
        runs: dict[str, tuple[Any, ...]] = {
            "Hessian of an MLP loss, 193 parameters": (self.hessian(lambda p: mlp_loss(p, x, y, tanh)), p),
            "Hessian of Rosenbrock, n = 100": (self.hessian(rosenbrock), point),
            "HVP of Rosenbrock, n = 100,000": (self.hvp(rosenbrock), long, long),
            "Jacobian 100 x 100": (self.jacobian(lambda x: tanh(a @ x)), point),
        }
        if self.vmap is not None:
            one = self.vmap(self.grad(lambda p, x, y: (predict(p, x, tanh) - y) ** 2), (None, 0, 0))
            runs["per-example gradients of the MLP, 32 examples"] = (one, p, x, y)
        return {name: partial(self.jit(f), *args) for name, (f, *args) in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    setting("Jacobians, Hessians and per-example gradients, float64", "jax", "torch", "autograd")
    here = installed("jax", "torch", "autograd")
    names = ["backflow", COMPILED, *[n for n in ("jax.jit", "torch.func", "autograd") if here[n.partition(".")[0]]]]
    tasks = {name: Library(name).tasks() for name in names}
    for task, run in tasks["backflow"].items():
        contenders = {name: of[task] for name, of in tasks.items() if task in of}
        for name, other in contenders.items():  # equal results; otherwise the times are not comparable
            np.testing.assert_allclose(np.asarray(other()), run(), rtol=1e-8, atol=1e-8, err_msg=name)
        times = race(contenders, rounds, burst=3)
        print(task)
        table(times, "us")
        if "jax.jit" in contenders:
            goal("time / jax.jit", ratio(times, "jax.jit"), 3.0, 1.5)
            goal("compiled / jax.jit", ratio(times, "jax.jit", COMPILED), 3.0, 1.5)
        if "autograd" in contenders:
            goal("time / autograd", ratio(times, "autograd"), 0.1)


if __name__ == "__main__":
    main()
