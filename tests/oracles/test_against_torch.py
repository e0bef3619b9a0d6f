"""Every operation that PyTorch has too: values, gradients and Hessian products, in float64 and complex128."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch_tables
from oracle_entries import OPERANDS, Entry, numbers_of

import autodiff as ad
import nn

torch = pytest.importorskip("torch")

# float64 results of a few hundred operations against another library's order of the same operations; a decomposition
# and a second derivative each lose a digit or two of those to cancellation
VALUE = dict(rtol=1e-11, atol=1e-12)
GRADIENT = dict(rtol=1e-9, atol=1e-11)
PRODUCT = dict(rtol=1e-7, atol=1e-9)


def transposed(a: Any) -> Any:
    return a.swapaxes(-1, -2)


OURS = {
    "np": np,
    "ad": ad,
    "nn": nn,
    "F": nn.functional,
    "special": ad.special,
    "stats": ad.stats,
    "sym": lambda a: a + transposed(a),
    "spd": lambda a: a @ transposed(a.conj()) + 3 * np.eye(3),
    "const": np.asarray,
    "inf": np.inf,
}
THEIRS = {
    "torch": torch,
    "F": torch.nn.functional,
    "special": torch.special,
    "D": torch.distributions,
    "sym": lambda a: a + a.mT,
    "spd": lambda a: a @ a.mH + 3 * torch.eye(3, dtype=a.dtype),
    "const": lambda a: torch.tensor(np.asarray(a)),
    "inf": np.inf,
}


def our_results(entry: Entry, cotangents: list[Any], directions: list[Any]) -> tuple[list, list, list]:
    f = entry.function(entry.ours, OURS, lambda a: a)
    xs = tuple(OPERANDS[name] for name in entry.differentiated)

    def loss(*xs: Any) -> Any:
        total = 0.0
        for y, g in zip(numbers_of(f(*xs)), cotangents, strict=True):
            total = total + np.sum(np.real((y + 0.5 * y * y) * g))
        return total

    argnums = tuple(range(len(xs)))
    values = [np.asarray(y) for y in numbers_of(f(*xs))]
    if entry.orders == 1:
        return values, list(ad.grad(loss, argnums=argnums)(*xs)), []
    gradients, products = ad.jvp(ad.grad(loss, argnums=argnums), xs, tuple(directions))
    return values, list(gradients), list(products)


def derivatives(y: Any, xs: list[Any], create_graph: bool = False) -> list[Any]:
    """PyTorch's gradients, zero where y does not depend on xs."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    return list(torch.autograd.grad(y, xs, create_graph=create_graph, materialize_grads=True))


def their_results(entry: Entry) -> tuple[list, list, list, list, list]:
    f, rng = entry.function(entry.theirs, THEIRS, torch.tensor), entry.rng
    xs = [torch.tensor(OPERANDS[name], requires_grad=True) for name in entry.differentiated]
    ys = numbers_of(f(*xs))
    values = [y.detach().resolve_conj().numpy() for y in ys]
    cotangents = [rng.uniform(0.5, 2.0, y.shape) for y in values]
    cotangents = [g * np.exp(1j * g) if np.iscomplexobj(y) else g for g, y in zip(cotangents, values)]
    loss = sum(torch.real((y + 0.5 * y * y) * torch.tensor(g)).sum() for y, g in zip(ys, cotangents))
    second = entry.orders == 2
    gradients = derivatives(loss, xs, create_graph=second)
    directions = [rng.standard_normal((2, *x.shape)) for x in xs]
    directions = [v[0] + 1j * v[1] if x.is_complex() else v[0] for v, x in zip(directions, xs)]
    products: list[Any] = []
    if second:
        along = sum(torch.real(g * torch.tensor(v).conj()).sum() for g, v in zip(gradients, directions))
        products = derivatives(along, xs)
    arrays = [[t.detach().resolve_conj().numpy() for t in found] for found in (gradients, products)]
    return values, arrays[0], arrays[1], cotangents, directions


@pytest.mark.parametrize("entry", torch_tables.ENTRIES, ids=lambda entry: f"{entry.family}: {entry.ours}")
@pytest.mark.filterwarnings("ignore")
def test_values_gradients_and_hessian_products_are_pytorchs(entry: Entry) -> None:
    values, gradients, products, cotangents, directions = their_results(entry)
    mine = our_results(entry, cotangents, directions)
    for what, right, found, close in zip(
        ("value", "gradient", "Hessian product"),
        (values, gradients, products),
        mine,
        (VALUE, GRADIENT, PRODUCT),
    ):
        assert len(right) == len(found)
        for a, b in zip(found, right):
            assert np.shape(a) == np.shape(b), what
            np.testing.assert_allclose(a, b, **close, err_msg=what)
