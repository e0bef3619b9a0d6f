"""Activations equal PyTorch's to second order; at kinks they follow the published conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad

X = np.random.default_rng(0).normal(size=(4, 6)) * 3.0
CASES = [
    ("selu", {}), ("celu", {}), ("celu", {"alpha": 0.5}), ("mish", {}), ("softsign", {}), ("hardswish", {}),
    ("hardsigmoid", {}), ("hardtanh", {}), ("hardtanh", {"min_val": -2.0, "max_val": 0.5}), ("relu6", {}),
    ("softshrink", {}), ("softshrink", {"lambd": 1.0}), ("hardshrink", {}), ("tanhshrink", {}), ("glu", {}),
    ("threshold", {"threshold": 0.3, "value": -2.0}), ("gelu", {}), ("gelu", {"approximate": "tanh"}), ("softmin", {}),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("name", "static"), CASES, ids=str)
def test_activation_is_pytorchs_to_second_order(name: str, static: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, name)
    # torch divides by 6 in float32; the others differ by rounding
    rtol = 1e-7 if name == "hardsigmoid" else 1e-11
    x, t = ad.tensor(X), torch.tensor(X, requires_grad=True)
    y = getattr(ad, name)(x, **static)
    z = theirs(t, **(static | ({"dim": -1} if name == "softmin" else {})))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=rtol, atol=1e-14)
    w = np.random.default_rng(1).normal(size=y.shape)
    y.backward(w, create_graph=True)
    (slope,) = torch.autograd.grad(z, t, torch.tensor(w), create_graph=True)
    g, x.grad = x.grad, None
    np.testing.assert_allclose(g.data, slope.detach().numpy(), rtol=rtol, atol=1e-14)
    if slope.requires_grad and name != "hardsigmoid":  # which torch cannot differentiate twice
        if g.requires_grad:  # else it is a mask, and flat
            np.square(g).sum().backward()
        (second,) = torch.autograd.grad((slope**2).sum(), t)
        np.testing.assert_allclose(0.0 if x.grad is None else x.grad, second.numpy(), rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("count", [1, 3])
def test_prelu_is_pytorchs(count: int) -> None:
    torch = pytest.importorskip("torch")
    data, weights = np.random.default_rng(0).normal(size=(2, 3, 4)), np.array([0.1, 0.2, 0.3])[:count]
    x, w = ad.tensor(data), ad.tensor(weights)
    ad.prelu(x, w).sum().backward()
    t, v = torch.tensor(data, requires_grad=True), torch.tensor(weights, requires_grad=True)
    torch.nn.functional.prelu(t, v).sum().backward()
    np.testing.assert_allclose(x.grad, t.grad)
    np.testing.assert_allclose(w.grad, v.grad)


@pytest.mark.parametrize(
    ("name", "at", "slope"),
    [
        ("relu6", 0.0, 0.0), ("relu6", 6.0, 1.0), ("hardtanh", 1.0, 1.0), ("hardtanh", -1.0, 1.0),
        ("hardsigmoid", 3.0, 1 / 6), ("hardswish", 3.0, 1.0), ("hardswish", -3.0, 0.0), ("softshrink", 0.5, 0.0),
        ("hardshrink", 0.5, 0.0), ("threshold", 0.0, 0.0), ("celu", 0.0, 1.0), ("softsign", 0.0, 1.0),
        ("selu", 0.0, 1.6732632423543772 * 1.0507009873554805),
    ],
)  # fmt: skip
def test_slope_at_a_kink_is_the_convention(name: str, at: float, slope: float) -> None:
    x = ad.tensor(at)
    getattr(ad, name)(x).backward()
    assert float(x.grad) == pytest.approx(slope, rel=1e-15)


def test_halving_an_odd_axis_and_a_wrong_number_of_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"glu: axis -1 of x of shape \(3,\) must have an even length"):
        ad.glu(ad.tensor(np.ones(3)))
    with pytest.raises(ValueError, match="one for each of the 3 channels"):
        ad.prelu(ad.tensor(np.ones((2, 3))), np.ones(2))
