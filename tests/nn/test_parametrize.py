"""Computed parameters: weight and spectral normalization equal PyTorch's, and functions of one's own."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.parametrize import (
    is_parametrized,
    register_parametrization,
    remove_parametrizations,
    spectral_norm,
    weight_norm,
)

RNG = np.random.default_rng(0)


class Positive(nn.Module):
    def forward(self, a: Any) -> Any:
        return np.exp(a)

    def right_inverse(self, value: Any) -> Any:
        return np.log(value)


class Symmetric(nn.Module):
    def forward(self, a: Any) -> Any:
        return np.triu(a) + np.triu(a, 1).T


LAYERS = {
    "linear": (lambda m: m.Linear(4, 3), (5, 4), "weight"),
    "convolution": (lambda m: m.Conv2d(2, 3, 2, bias=False), (2, 2, 4, 4), "weight"),
    "transposed": (lambda m: m.ConvTranspose1d(2, 3, 2), (2, 2, 4), "weight"),
    "recurrent": (lambda m: m.LSTM(3, 4), (5, 2, 3), "weight_hh_l0"),
    "line": (lambda m: m.LayerNorm(4), (5, 4), "weight"),
}


# PyTorch's LSTM looks its weights up more than once a call, each time with steps of the power iteration
KINDS = [(n, k) for k in ("weight", "weight of all", "spectral") for n in LAYERS if (n, k) != ("recurrent", "spectral")]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_normalized_weights_train_like_pytorchs(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    theirs_of = torch.nn.utils.parametrizations
    make, shape, weight = LAYERS[name]
    mine, other = make(nn).astype(float), make(torch.nn).double()
    if kind == "spectral":
        mine, other = spectral_norm(mine, weight, 2), theirs_of.spectral_norm(other, weight, 2)
    else:
        dim = 0 if kind == "weight" else None
        mine, other = weight_norm(mine, weight, dim), theirs_of.weight_norm(other, weight, dim)
    assert list(mine.state_dict()) == list(other.state_dict())
    mine.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()})
    opt, reference = nn.SGD(mine.parameters(), lr=0.1), torch.optim.SGD(other.parameters(), lr=0.1)
    for _ in range(3):
        x = RNG.standard_normal(shape)
        y, z = mine(x), other(torch.tensor(x))
        y, z = (y[0], z[0]) if isinstance(y, tuple) else (y, z)
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-9, atol=1e-12)
        (y**2).sum().backward()
        (z**2).sum().backward()
        for p, q in zip(mine.parameters(), other.parameters(), strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-9, atol=1e-10)
        opt.step()
        reference.step()
        opt.zero_grad()
        reference.zero_grad()
    for key, value in other.state_dict().items():
        np.testing.assert_allclose(mine.state_dict()[key], value.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)
    mine.eval(), other.eval()
    np.testing.assert_allclose(getattr(mine, weight).data, getattr(other, weight).detach().numpy(), rtol=1e-9)


def test_a_function_of_ones_own_keeps_the_value_and_the_optimizer() -> None:
    layer = nn.Linear(3, 3, rng=0)
    layer.weight.data = np.abs(layer.weight.data)
    before, opt = layer.weight.data.copy(), nn.SGD(layer.parameters(), lr=0.1)
    register_parametrization(layer, "weight", Positive())
    np.testing.assert_allclose(layer.weight.data, before, rtol=1e-6)
    (layer(np.ones((2, 3))) ** 2).sum().backward()
    opt.step()  # the optimizer holds the original
    assert not np.allclose(layer.weight.data, before) and (layer.weight.data > 0).all()
    assert layer.parametrizations.weight.original.dtype == np.float32
    layer.weight = np.full((3, 3), 2.0)
    np.testing.assert_allclose(layer.parametrizations.weight.original.data, np.log(2), rtol=1e-6)


def test_functions_follow_one_another() -> None:
    layer = register_parametrization(nn.Linear(3, 3, rng=0), "weight", Symmetric())
    register_parametrization(layer, "weight", Positive())
    a = layer.parametrizations.weight.original.data
    np.testing.assert_allclose(layer.weight.data, np.exp(np.triu(a) + np.triu(a, 1).T))
    register_parametrization(layer, "bias", nn.Tanh())
    assert len(layer.parametrizations.weight) == 2 and isinstance(layer.parametrizations.weight[1], Positive)
    assert is_parametrized(layer, "bias") and not is_parametrized(nn.Linear(2, 2))
    assert list(layer.state_dict()) == ["parametrizations.weight.original", "parametrizations.bias.original"]


def test_it_is_computed_once_in_a_call_and_looking_is_no_step() -> None:
    calls = []

    class Counted(nn.Module):
        def forward(self, a: Any) -> Any:
            calls.append(self.training)
            return a * 2.0

    layer = register_parametrization(nn.Linear(2, 2), "weight", Counted())
    calls.clear()
    layer(np.ones((1, 2)))
    assert calls == [True] and "weight" not in layer.__dict__
    spectral = spectral_norm(nn.Linear(4, 3, rng=0), rng=0)
    before = spectral.state_dict()
    assert spectral.weight.shape == (3, 4)
    assert all((before[k] == v).all() for k, v in spectral.state_dict().items())
    spectral(np.ones((1, 4)))
    assert any((before[k] != v).any() for k, v in spectral.state_dict().items())


def test_copies_pickles_and_saved_files_compute_the_same(tmp_path: Any) -> None:
    x = np.ones((2, 3), np.float32)
    net = nn.Sequential(weight_norm(nn.Linear(3, 4, rng=0)), nn.Tanh(), spectral_norm(nn.Linear(4, 1))).eval()
    y = net(x).data
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert (other(x).data == y).all() and type(other[0]) is type(net[0])
    nn.save(net, tmp_path / "net")
    fresh = nn.Sequential(weight_norm(nn.Linear(3, 4)), nn.Tanh(), spectral_norm(nn.Linear(4, 1))).eval()
    fresh.load_state_dict(nn.load(tmp_path / "net"))
    assert (fresh(x).data == y).all()
    assert repr(net[0]).startswith("ParametrizedLinear(in_features=3, out_features=4\n  (parametrizations): ")


def test_what_is_removed_is_an_ordinary_layer_again() -> None:
    x = np.ones((2, 3), np.float32)
    layer = weight_norm(nn.Linear(3, 4, rng=0))
    y = layer(x).data
    assert remove_parametrizations(layer, "weight") is layer and type(layer) is nn.Linear
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight"]
    np.testing.assert_array_equal(layer(x).data, y)
    back = register_parametrization(nn.Linear(3, 3, rng=0), "weight", Symmetric())
    a = back.parametrizations.weight.original.data.copy()
    np.testing.assert_array_equal(remove_parametrizations(back, "weight", False).weight.data, a)


def test_transforms_and_compiled_steps_see_what_is_learnt() -> None:
    x = RNG.standard_normal((4, 3)).astype(np.float32)
    layer = weight_norm(nn.Linear(3, 2, rng=0))
    params = {name: p.data for name, p in layer.named_parameters()}

    def loss(params: Any, x: Any) -> Any:
        return (nn.functional_call(layer, params, x) ** 2).sum()

    whole = ad.grad(loss)(params, x)
    each = ad.vmap(ad.grad(loss), in_axes=(None, 0))(params, x)
    for name, g in whole.items():
        np.testing.assert_allclose(np.sum(each[name], axis=0), g, rtol=1e-4, atol=1e-5)

    def losses(compiled: bool) -> list[float]:
        last = spectral_norm(nn.Linear(4, 2, rng=1), rng=0)
        net = nn.Sequential(weight_norm(nn.Linear(3, 4, rng=0)), nn.Tanh(), last)
        step = nn.training_step(net, nn.mse_loss, nn.SGD(net.parameters(), lr=0.1), compiled=compiled)
        return [float(step(x, np.ones((4, 2), np.float32))) for _ in range(5)]

    assert losses(True) == losses(False)


def test_files_of_onnx_have_what_is_computed(tmp_path: Any) -> None:
    pytest.importorskip("onnx")
    net = nn.Sequential(weight_norm(nn.Linear(3, 4)), spectral_norm(nn.Linear(4, 2)))
    nn.export_onnx(net.eval(), np.ones((2, 3), np.float32), tmp_path / "net.onnx")  # compares before it writes


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: weight_norm(nn.ReLU()), ValueError, "ReLU has no parameter 'weight' of its own; it has none"),
        (lambda: weight_norm(nn.Linear(2, 2), "w"), ValueError, "no parameter 'w' of its own; it has weight, bias"),
        (lambda: weight_norm(nn.Linear(2, 2), dim=2), ValueError, "dim=2 is no axis of a weight with 2"),
        (lambda: weight_norm(weight_norm(nn.Linear(2, 2))), ValueError, "'weight' is computed already"),
        (lambda: weight_norm("net"), TypeError, "takes a layer, the name of its parameter, and a Module; got str"),
        (lambda: spectral_norm(nn.Linear(2, 2), n_power_iterations=0), ValueError, "must be an integer >= 1, got 0"),
        (lambda: register_parametrization(nn.Linear(2, 3), "weight", np.exp), TypeError, "and a Module; got Linear"),
        (lambda: register_parametrization(nn.Linear(2, 3), "weight", nn.Flatten(0)), ValueError, r"shape \(6,\) for"),
        (lambda: remove_parametrizations(nn.Linear(2, 3), "weight"), ValueError, "'weight' of Linear is not computed"),
        (lambda: remove_parametrizations(weight_norm(nn.Linear(2, 3)), "weight", False), ValueError, "one original"),
        (lambda: nn.weight_norm, AttributeError, r"write nn.parametrize.weight_norm\(layer\)"),
        (lambda: nn.parametrize.orthogonal, AttributeError, "ad.linalg.expm"),
    ],
)
def test_mistakes_are_named(call: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
