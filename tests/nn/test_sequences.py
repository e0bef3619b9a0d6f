"""Layers for sequences: derivatives, dtypes, errors, and what PyTorch does not have to compare with."""

from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import autodiff as ad
import nn
from autodiff.testing import check_op
from nn.functional import embedding, rotary_positions, scaled_dot_product_attention, sinusoidal_positions
from nn.sequences import scans
from nn.testing import check_module

EXAMPLES = {"dev": 3, "ci": 4, "deep": 200}.get(settings.get_current_profile_name(), 3)
ROWS = [scans.lstm_scan, scans.gru_scan, scans.rnn_scan]


@pytest.mark.sampled
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_of_all_steps_keeps_every_property_and_equals_its_steps(row: Any) -> None:
    check_op(row, examples=EXAMPLES - 2, max_weak=0.5)


@pytest.mark.sampled(8)  # 2 s each
@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.Embedding(3, 2, rng=0), [np.array([[0, 2], [1, 0]])]),
        (nn.EmbeddingBag(4, 2, mode="sum", rng=0), [np.array([0, 2, 2, 3]), np.array([0, 3]), np.ones(4)]),
        (nn.EmbeddingBag(4, 2, mode="mean", rng=0), [np.array([0, 2, 2, 3]), np.array([0, 0, 3])]),
        (nn.EmbeddingBag(4, 2, mode="max", padding_idx=0, rng=0), [np.array([[0, 2], [1, 3]])]),
        (nn.RNN(2, 2, num_layers=2, dropout=0.5, rng=0), [np.ones((3, 2, 2))]),
        (nn.LSTM(2, 2, bidirectional=True, rng=0), [np.ones((3, 2, 2)), (np.ones((2, 2, 2)), np.ones((2, 2, 2)))]),
        (nn.GRU(2, 2, batch_first=True, bias=False, rng=0), [np.ones((1, 3, 2))]),
        (nn.RNNCell(2, 2, nonlinearity="tanh", rng=0), [np.ones((2, 2)), np.ones((2, 2))]),
        (nn.LSTMCell(2, 2, rng=0), [np.ones(2), (np.ones(2), np.ones(2))]),
        (nn.GRUCell(2, 2, rng=0), [np.ones((2, 2))]),
        (nn.MultiheadAttention(2, 2, dropout=0.5, rng=0), [np.ones((2, 1, 2)), np.ones((3, 1, 2)), np.ones((3, 1, 2))]),
        (nn.TransformerEncoderLayer(2, 1, 2, 0.5, "gelu", batch_first=True, rng=0), [np.ones((1, 2, 2))]),
        (nn.TransformerDecoderLayer(2, 1, 1, 0.0, "gelu", norm_first=True, rng=0), [np.ones((2, 2)), np.ones((1, 2))]),
        (nn.SinusoidalPositions(2), [np.ones((2, 3, 2))]),
        (nn.RotaryPositions(), [np.ones((3, 4))]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_derivatives_of_layers(layer: Any, inputs: list[Any]) -> None:
    """Of first order: the second is that of the rows, and is compared with PyTorch's."""
    assert check_module(layer, *inputs, examples=EXAMPLES - 2, order=1).ok


def test_a_recurrent_layer_whose_units_are_all_off_has_the_derivative_zero_in_forward_mode() -> None:
    """The rule gives zeros of its own; forward mode looked for its cotangent among them."""
    layer = nn.RNN(1, 1, nonlinearity="relu", bias=False, rng=0)
    for p in layer.parameters():
        p.data = -np.ones_like(p.data)
    x = np.ones((2, 1, 1))
    y, slope = ad.jvp(lambda x: layer(x)[0], (x,), (x,))
    assert not y.any() and not slope.any()


def test_the_row_of_padding_is_returned_and_gets_no_gradient() -> None:
    layer = nn.Embedding(3, 2, padding_idx=-2, rng=0)
    assert (layer.weight.data[1] == 0).all() and layer.padding_idx == 1
    layer.weight.data = np.ones((3, 2))
    y = layer(np.array([1, 2, 1, 0]))
    assert (y.data == 1).all()
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[1, 1], [0, 0], [1, 1]])


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_recurrent_layers_keep_their_dtype(kind: str, dtype: Any) -> None:
    layer = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True, dtype=dtype, rng=0)
    y, _ = layer(np.ones((5, 2, 3)))
    assert y.dtype == dtype
    y.sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(dtype)}
    assert layer(ad.tensor(np.ones((5, 2, 3))))[0].dtype == np.float64  # Tensors promote


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("size", [200.0, 2000.0])
@pytest.mark.filterwarnings("error")
def test_saturated_gates_neither_overflow_nor_give_nan(kind: str, size: float) -> None:
    layer = getattr(nn, kind)(1, 2, rng=0)
    x = ad.tensor(np.array([[[size]], [[-size]], [[size]]], np.float32))
    layer(x)[0].sum().backward()
    assert np.isfinite(x.grad).all()


def test_the_derivative_of_a_gate_that_is_nearly_open_is_not_lost() -> None:
    """σ(1 - σ) at 40 is 4e-18; taken from σ = 1 it would be 0."""
    layer = nn.LSTM(1, 1, dtype=np.float64, rng=0)
    for name, value in (("weight_ih_l0", [[0.0], [0.0], [0.0], [0.0]]), ("weight_hh_l0", np.zeros((4, 1)))):
        getattr(layer, name).data = value
    layer.bias_ih_l0.data, layer.bias_hh_l0.data = [0.0, 0.0, 1.0, 40.0], np.zeros(4)
    layer(np.zeros((1, 1, 1)))[0].sum().backward()
    np.testing.assert_allclose(layer.bias_ih_l0.grad[3], np.exp(-40.0) * np.tanh(0.5 * np.tanh(1.0)), rtol=1e-14)


@pytest.mark.parametrize(("dtype", "z"), [(np.float64, 40.0), (np.float64, -19.0), (np.float32, 20.0)])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_slope_of_a_saturated_tanh_is_not_lost(kind: str, dtype: Any, z: float) -> None:
    """1 - h² of the output is 0 from z = 19 on (float32: 9); 1 / cosh(z)² has all its digits."""
    layer = getattr(nn, kind)(1, 1, bias=False, dtype=dtype, rng=0)
    layer.weight_ih_l0.data = np.eye(*layer.weight_ih_l0.shape, -2 if kind != "RNN" else 0, dtype=dtype)  # tanh's gate
    layer.weight_hh_l0.data = 0 * layer.weight_hh_l0.data
    x = ad.tensor(np.full((1, 1, 1), z, dtype))
    layer(x)[0].sum().backward()
    slope = 1 / np.cosh(np.float64(z)) ** 2
    if kind == "LSTM":  # σ(0) tanh(σ(0) tanh(x))
        slope *= 0.25 / np.cosh(0.5 * np.tanh(z)) ** 2
    elif kind == "GRU":  # (1 - σ(0)) tanh(x)
        slope *= 0.5
    np.testing.assert_allclose(x.grad.item(), slope, rtol=8 * np.finfo(dtype).eps)


def test_the_slope_of_a_saturated_cell_is_not_lost() -> None:
    layer = nn.LSTM(1, 1, bias=False, dtype=np.float64, rng=0)
    layer.weight_ih_l0.data = 0 * layer.weight_ih_l0.data
    c = ad.tensor([[[50.0]]])
    layer(np.zeros((1, 1, 1)), (np.zeros((1, 1, 1)), c))[0].sum().backward()
    np.testing.assert_allclose(c.grad.item(), 0.25 / np.cosh(25.0) ** 2, rtol=1e-15)  # σ(0) tanh(σ(0) c)


def test_two_passes_over_one_graph_each_have_their_own_gradient() -> None:
    """The steps are gone through once for all operands of a pass, and again in the next pass."""
    layer = nn.GRU(2, 3, rng=0)
    y = layer(np.ones((4, 2, 2)))[0]
    g = np.ones(y.shape, np.float32)
    y.backward(g, retain_graph=True)
    first = {name: p.grad.copy() for name, p in layer.named_parameters()}
    layer.zero_grad()
    g *= 2  # the same array with other numbers
    y.backward(g, retain_graph=True)
    for name, p in layer.named_parameters():
        np.testing.assert_allclose(p.grad, 2 * first[name], rtol=1e-6)


def test_padding_of_a_packed_sequence_never_reaches_the_result() -> None:
    x = np.ones((4, 2, 3))
    x[2:, 1] = np.nan
    layer = nn.LSTM(3, 2, bidirectional=True, dtype=float, rng=0)
    y, (h, _) = layer(nn.pack_padded_sequence(x, [4, 2]))
    (y.data.sum() + h.sum()).backward()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters())


def test_dropout_stands_between_the_layers_and_repeats_with_its_generator() -> None:
    x = np.ones((3, 2, 4))
    outputs = [nn.GRU(4, 8, num_layers=2, dropout=0.5, rng=3)(x)[0].data for _ in range(2)]
    np.testing.assert_array_equal(*outputs)
    still = nn.GRU(4, 8, num_layers=2, dropout=0.5, rng=3).eval()
    assert (still(x)[0].data != outputs[0]).any()
    np.testing.assert_array_equal(still(x)[0].data, still(x)[0].data)


def test_a_layer_and_its_cell_give_the_same_steps() -> None:
    layer, cell = nn.LSTM(3, 2, dtype=float, rng=0), nn.LSTMCell(3, 2, dtype=float)
    cell.load_state_dict({name.removesuffix("_l0"): a for name, a in layer.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((4, 2, 3))
    y, (_, c_n) = layer(x)
    h = c = np.zeros((2, 2))
    for t in range(4):
        h, c = cell(x[t], (h, c))
        np.testing.assert_allclose(y.data[t], h.data, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(c_n.data[0], c.data, rtol=1e-12)


def test_packing_and_padding_are_inverse_and_differentiable() -> None:
    x = ad.tensor(np.arange(12.0).reshape(3, 2, 2))
    packed = nn.pack_padded_sequence(x, [1, 3], enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [2, 1, 1] and packed.sorted_indices.tolist() == [1, 0]
    y, lengths = nn.pad_packed_sequence(packed, padding_value=-1.0, total_length=4)
    assert lengths.tolist() == [1, 3] and y.shape == (4, 2, 2)
    assert (y.data[1:, 0] == -1).all() and (y.data[:3, 1] == x.data[:, 1]).all()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad[:, :, 0], [[1, 1], [0, 1], [0, 1]])


@pytest.mark.parametrize("mask", [np.array([[True, True], [False, False]]), np.array([[0.0, 1.0], [-np.inf, -np.inf]])])
@pytest.mark.filterwarnings("error")
def test_a_query_that_may_look_at_nothing_gets_zeros_and_no_gradient(mask: Any) -> None:
    q, k, v = (ad.tensor(np.random.default_rng(i).standard_normal((2, 3))) for i in range(3))
    y = scaled_dot_product_attention(q, k, v, mask)
    assert (y.data[1] == 0).all() and (y.data[0] != 0).any()
    y.sum().backward()
    assert (q.grad[1] == 0).all() and all(np.isfinite(x.grad).all() for x in (q, k, v))
    layer = nn.MultiheadAttention(2, 1, dtype=float, rng=0)
    x = ad.tensor(np.ones((2, 2)))
    out, weights = layer(x, x, x, attn_mask=~mask if mask.dtype == bool else mask)
    assert (weights.data[1] == 0).all() and (out.data[1] == 0).all()
    out.sum().backward()
    assert np.isfinite(x.grad).all()


def test_a_mask_of_numbers_is_differentiated() -> None:
    x, mask = np.eye(2), ad.tensor(np.array([[0.0, -np.inf], [1.0, 2.0]]))
    scaled_dot_product_attention(x, x, x, mask)[1, 0].backward()
    p = 1 / (1 + np.exp(1 + 1 / np.sqrt(2)))
    np.testing.assert_allclose(mask.grad, [[0, 0], [p * (1 - p), -p * (1 - p)]], rtol=1e-14)


def test_causal_attention_needs_no_mask_and_sees_nothing_later() -> None:
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=float, rng=0)
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    later = x.copy()
    later[:, 3:] += 1.0
    a, weights = layer(x, x, x, is_causal=True, average_attn_weights=False)
    b, none = layer(later, later, later, is_causal=True, need_weights=False)
    assert weights.shape == (2, 2, 5, 5) and none is None
    np.testing.assert_allclose(a.data[:, :3], b.data[:, :3], rtol=1e-13)
    assert (np.abs(a.data[:, 3:] - b.data[:, 3:]) > 1e-6).all()


def test_products_of_rotary_positions_depend_on_the_distance_alone() -> None:
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 1, 6))
    products = [(rotary_positions(q, offset=p + 3) * rotary_positions(k, offset=p)).sum() for p in (0, 1, 50)]
    np.testing.assert_allclose(products, products[0], rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(rotary_positions(q, offset=9)), np.linalg.norm(q), rtol=1e-14)


def test_positions_follow_the_layout() -> None:
    waves = sinusoidal_positions(3, 4, dtype=float)
    np.testing.assert_array_equal(nn.SinusoidalPositions(4)(np.zeros((3, 2, 4)))[:, 1], waves)
    np.testing.assert_array_equal(nn.SinusoidalPositions(4, batch_first=True)(np.zeros((2, 3, 4)))[1], waves)
    np.testing.assert_array_equal(nn.SinusoidalPositions(4)(np.zeros((1, 4)), offset=2), waves[2:])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.Embedding(3, 2)(np.array([0, 3])), IndexError, r"embedding: 3 at index \(1,\) is outside 0..2"),
        (lambda: nn.Embedding(3, 2)(np.array([-1])), IndexError, "-1 at index"),
        (lambda: nn.Embedding(3, 2)(np.array([0.0])), TypeError, "needs integers, got float64"),
        (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "gradients are dense arrays here; leave sparse out"),
        (
            lambda: nn.functional.embedding([0], ad.tensor(np.ones((3, 2))) * 2, max_norm=1.0),
            ValueError,
            "max_norm changes the table, which must be a leaf",
        ),
        (
            lambda: ad.vmap(lambda i: nn.Embedding(3, 2, max_norm=1.0)(i))(np.array([0, 1])),
            ValueError,
            "max_norm changes the table, which vmap cannot",
        ),
        (
            lambda: nn.EmbeddingBag(3, 2, mode="max", scale_grad_by_freq=True)(np.array([[0]])),
            ValueError,
            "scale_grad_by_freq has no meaning with mode='max'",
        ),
        (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "sparse"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx must be in -3..2"),
        (lambda: embedding(np.array([0]), np.ones(3)), ValueError, r"weight of shape \(3,\)"),
        (lambda: nn.EmbeddingBag(3, 2)(np.array([0, 1])), ValueError, "offsets"),
        (lambda: nn.EmbeddingBag(3, 2)(np.array([0, 1]), np.array([1])), ValueError, "must begin at 0"),
        (lambda: nn.EmbeddingBag(3, 2)(np.array([[0, 1]]), None, np.ones((1, 2))), ValueError, "mode='sum'"),
        (lambda: nn.LSTM(3, 2)(np.ones((4, 2, 5))), ValueError, r"LSTM\(input_size=3\) needs \(T, N, I\).*\(4, 2, 5\)"),
        (lambda: nn.LSTM(3, 2)(np.ones((4, 2, 3)), np.ones((1, 2, 2))), TypeError, r"pair \(h, c\)"),
        (lambda: nn.GRU(3, 2)(np.ones((4, 2, 3)), np.ones((2, 2, 2))), ValueError, r"\(1, 2, 2\), got \(2, 2, 2\)"),
        (lambda: nn.GRU(3, 2)(np.ones((0, 2, 3))), ValueError, "at least one step"),
        (lambda: nn.LSTM(3, 2, proj_size=2), ValueError, "proj_size must be smaller than hidden_size, got 2 and 2"),
        (lambda: nn.LSTM(3, 2, proj_size=-1), ValueError, "proj_size must be an integer >= 0, got -1"),
        (lambda: nn.RNN(3, 2, nonlinearity="gelu"), ValueError, "'tanh' or 'relu'"),
        (lambda: nn.GRUCell(3, 2)(np.ones((1, 2))), ValueError, r"GRUCell\(input_size=3\)"),
        (lambda: nn.MultiheadAttention(3, 2), ValueError, "no multiple of num_heads"),
        (
            lambda: nn.MultiheadAttention(2, 2)(*[np.ones((3, 1, 4))] * 3),
            ValueError,
            r"query needs .* shape \(3, 1, 4\)",
        ),
        (
            lambda: nn.MultiheadAttention(2, 2)(*[np.ones((3, 1, 2))] * 3, attn_mask=np.ones((2, 3), bool)),
            ValueError,
            r"attn_mask needs .*\(3, 3\) or \(2, 3, 3\); got bool of shape \(2, 3\)",
        ),
        (lambda: scaled_dot_product_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4))), ValueError, "query"),
        (
            lambda: scaled_dot_product_attention(*[np.ones((2, 3))] * 3, np.ones((2, 2), int)),
            TypeError,
            "booleans or floating",
        ),
        (lambda: nn.TransformerEncoderLayer(2, 1, activation="selu"), ValueError, "'relu', 'gelu' or a function"),
        (lambda: nn.SinusoidalPositions(3), ValueError, "even number"),
        (lambda: nn.pack_padded_sequence(np.ones((3, 2, 1)), [1, 3]), ValueError, "enforce_sorted=False"),
        (lambda: nn.pack_padded_sequence(np.ones((3, 2, 1)), [4, 3]), ValueError, "1..3"),
    ],
)
def test_errors_say_what_came_and_what_to_write(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_float64_input_does_not_upcast_a_transformer_layer() -> None:
    """The sum with what a part adds made float64 of a plain array."""
    x = np.ones((4, 2, 8))
    assert nn.TransformerEncoderLayer(8, 2, 16)(x).dtype == np.float32
    assert nn.TransformerDecoderLayer(8, 2, 16)(x, x).dtype == np.float32
    assert nn.Transformer(8, 2, 1, 1, 16)(x, x).dtype == np.float32


@pytest.mark.parametrize("numbers", [False, True])
def test_every_query_may_look_at_the_keys_that_are_added_also_under_a_causal_mask(numbers: bool) -> None:
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True, rng=0)
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    later = np.triu(np.ones((3, 3), bool), 1)
    mask = np.where(later, -np.inf, 0.0) if numbers else later
    y, weights = layer(x, x, x, attn_mask=mask)
    z, same = layer(x, x, x, is_causal=True)
    np.testing.assert_array_equal(y.data, z.data)
    np.testing.assert_array_equal(weights.data, same.data)
    assert weights.shape == (2, 3, 5) and (weights.data[..., 3:] > 0).all() and (weights.data[:, 0, 1:3] == 0).all()
    both, _ = layer(x, x, x, attn_mask=mask, is_causal=True)
    np.testing.assert_array_equal(y.data, both.data)
