"""Scalar networks: the same values and gradients as Linears in float64; one node a neuron."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "sigmoid", "softplus", "silu", "gelu"])
@given(seed=st.integers(0, 2**32 - 1), nin=st.integers(1, 4), nouts=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_net_of_neurons_equals_the_same_net_of_linears(activation, seed, nin, nouts):
    rng = np.random.default_rng(seed)
    scalars = nn.MLP(nin, nouts, activation, rng=rng)
    for p in scalars.parameters():
        p.data = rng.standard_normal()
    tensors = scalars.to_linear()
    x = rng.standard_normal((3, nin))
    outputs = [scalars(row) for row in x]
    outputs = [out if isinstance(out, list) else [out] for out in outputs]
    y = tensors(x)
    # Sums of a few float64 products in another order.
    np.testing.assert_allclose([[s.item() for s in out] for out in outputs], y.data, rtol=1e-10, atol=1e-10)
    sum(s * (i + 1) for i, out in enumerate(outputs) for s in out).backward()
    (y * np.arange(1.0, 4.0)[:, None]).sum().backward()
    linears = [m for m in tensors if isinstance(m, nn.Linear)]
    for layer, linear in zip(scalars.layers, linears, strict=True):
        np.testing.assert_allclose(
            [[w.grad for w in n.w] for n in layer.neurons], linear.weight.grad, rtol=1e-9, atol=1e-9
        )
        np.testing.assert_allclose([n.b.grad for n in layer.neurons], linear.bias.grad, rtol=1e-9, atol=1e-9)


def test_a_neuron_is_one_node_and_its_activation_another():
    neuron = nn.Neuron(3, "tanh", rng=0)
    y = neuron([1.0, 2.0, 3.0])
    assert y.node.op.name == "tanh"
    z = y.node.parents[0]
    assert z.op.name == "weighted_sum"
    assert [p for p in z.parents if not isinstance(p, float)] == [w.node for w in neuron.w] + [neuron.b.node]


def test_the_neuron_of_the_picture():
    neuron = nn.Neuron(2, "tanh")
    for p, value in zip(neuron.parameters(), [0.5, -1.5, 0.9], strict=True):
        p.data = value
    x = [ad.scalar(2.0), ad.scalar(1.0)]
    y = neuron(x)
    y.backward()
    assert y.item() == pytest.approx(np.tanh(0.4), rel=1e-15)
    slope = 1 - np.tanh(0.4) ** 2
    assert [p.grad for p in neuron.parameters()] == pytest.approx([2 * slope, slope, slope], rel=1e-14)
    assert [v.grad for v in x] == pytest.approx([0.5 * slope, -1.5 * slope], rel=1e-14)


def test_micrograds_network_has_337_parameters_with_names():
    net = nn.MLP(2, [16, 16, 1], rng=0)
    names = [name for name, _ in net.named_parameters()]
    assert len(names) == 337
    assert names[:3] == ["layers.0.neurons.0.w.0", "layers.0.neurons.0.w.1", "layers.0.neurons.0.b"]
    assert net.summary().total == 337


def test_hidden_layers_have_the_activation_and_the_last_one_is_linear():
    net = nn.MLP(2, [3, 2, 1], "tanh", rng=0)
    assert [layer.neurons[0].activation for layer in net.layers] == ["tanh", "tanh", "linear"]


def test_one_output_comes_alone_and_several_in_a_list():
    assert isinstance(nn.Layer(2, 1, rng=0)([1.0, 2.0]), ad.Scalar)
    assert [type(v) for v in nn.Layer(2, 2, rng=0)((1, 2))] == [ad.Scalar, ad.Scalar]
    assert isinstance(nn.MLP(1, [1, 1], rng=0)(np.array([1.0])), ad.Scalar)


def test_gradient_descent_teaches_a_neuron_or():
    neuron = nn.Neuron(2, "sigmoid", rng=0)
    optimizer = nn.Adam(neuron.parameters(), lr=0.3)
    rows = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 1.0)]
    for _ in range(60):
        loss = sum((neuron(x) - y) ** 2 for x, y in rows)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all((neuron(x).item() > 0.5) == (y > 0.5) for x, y in rows)


def test_scalars_save_and_load():
    net, other = nn.MLP(2, [3, 1], rng=0), nn.MLP(2, [3, 1], rng=1)
    other.load_state_dict(net.state_dict())
    assert other([1.0, 2.0]).item() == net([1.0, 2.0]).item()


@pytest.mark.parametrize("batch", [np.ones((2, 2)), [[1.0, 2.0], [3.0, 4.0]], ad.tensor(np.ones((2, 2)))])
def test_a_batch_is_refused_by_a_network_of_scalars(batch):
    """As many samples as inputs: the rows were taken for features, and an array came out."""
    with pytest.raises(ValueError, match=r"one sample of nin numbers; got \(2, 2\).*to_linear"):
        nn.MLP(2, [3, 1], rng=0)(batch)


def test_the_widths_of_a_network_are_a_list():
    with pytest.raises(TypeError, match=r"nn\.MLP\(2, \[16, 1\]\); got 4"):
        nn.MLP(2, 4)
