"""`summary` on every layer that nn has: its output's shape and bytes, its parameters, its multiply-adds."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import autodiff as ad
import nn

IMAGE, LINE, VOLUME = np.ones((2, 4, 6, 6)), np.ones((2, 4, 6)), np.ones((2, 4, 4, 4, 4))
IDS = np.array([[0, 2, 1], [3, 0, 0]])
ROWS = np.ones((5, 4))
STEPS = np.ones((7, 2, 4))  # (T, N, E)
# What makes a layer, and its input; a tuple holds several inputs. Groups of layers that are made alike come first.
CASES: dict[str, tuple[nn.Module, object]] = {}
for name in nn.__all__:
    kind = getattr(nn, name)
    if not inspect.isclass(kind) or not issubclass(kind, nn.Module):
        continue
    if kind.__module__ == "nn.layers.activations" or name in ("Identity", "Flatten") or "Dropout" in name:
        CASES[name] = (kind(*([0.1, 0.2] if name == "Threshold" else [])), LINE if name.endswith("1d") else IMAGE)
    elif found := re.fullmatch(
        r"(Conv|ConvTranspose|AvgPool|MaxPool|LPPool|AdaptiveAvgPool|AdaptiveMaxPool)(\d)d", name
    ):
        x = {"1": LINE, "2": IMAGE, "3": VOLUME}[found[2]]
        arguments = (4, 6, 3) if "Conv" in name else (2, 2) if "LP" in name else (2,)
        CASES[name] = (kind(*arguments), x)
    elif found := re.fullmatch(r"\w+Pad(\d)d", name):
        x = {"1": LINE, "2": IMAGE, "3": VOLUME}[found[1]]
        CASES[name] = (kind(*((1, 0.5) if name.startswith("Constant") else (1,))), x)
    elif found := re.fullmatch(r"(BatchNorm|InstanceNorm)(\d)d", name):
        CASES[name] = (kind(4, affine=True), {"1": LINE, "2": IMAGE, "3": VOLUME}[found[2]])
pooled, places = nn.functional.max_pool2d(IMAGE, 2, return_indices=True)
CASES |= {
    "MaxUnpool1d": (nn.MaxUnpool1d(2), (pooled[:, :, 0], places[:, :, 0] % 6)),
    "MaxUnpool2d": (nn.MaxUnpool2d(2), (pooled, places)),
    "MaxUnpool3d": (nn.MaxUnpool3d(2), (VOLUME[..., :2, :2, :2], np.arange(2**6).reshape(2, 4, 2, 2, 2) % 64)),
    "CosineSimilarity": (nn.CosineSimilarity(), (ROWS, ROWS)),
    "PairwiseDistance": (nn.PairwiseDistance(), (ROWS, ROWS)),
    "Linear": (nn.Linear(4, 3), ROWS),
    "Bilinear": (nn.Bilinear(4, 3, 2), (ROWS, np.ones((5, 3)))),
    "Unflatten": (nn.Unflatten(1, (2, 2)), ROWS),
    "Fold": (nn.Fold((6, 6), 2), np.ones((2, 16, 25))),
    "Unfold": (nn.Unfold(2), IMAGE),
    "GroupNorm": (nn.GroupNorm(2, 4), IMAGE),
    "LayerNorm": (nn.LayerNorm(4), ROWS),
    "LocalResponseNorm": (nn.LocalResponseNorm(3), IMAGE),
    "RMSNorm": (nn.RMSNorm(4), ROWS),
    "ChannelShuffle": (nn.ChannelShuffle(2), IMAGE),
    "PixelShuffle": (nn.PixelShuffle(2), IMAGE),
    "PixelUnshuffle": (nn.PixelUnshuffle(2), IMAGE),
    "Upsample": (nn.Upsample(scale_factor=2), IMAGE),
    "Sequential": (nn.Sequential(nn.Linear(4, 3), nn.ReLU()), ROWS),
    "Embedding": (nn.Embedding(4, 5), IDS),
    "EmbeddingBag": (nn.EmbeddingBag(4, 5), IDS),
    "RNN": (nn.RNN(4, 3, 2), STEPS),
    "LSTM": (nn.LSTM(4, 3, bidirectional=True), STEPS),
    "GRU": (nn.GRU(4, 3), nn.pack_sequence([np.ones((3, 4)), np.ones((2, 4))])),
    "RNNCell": (nn.RNNCell(4, 3), ROWS),
    "LSTMCell": (nn.LSTMCell(4, 3), ROWS),
    "GRUCell": (nn.GRUCell(4, 3), ROWS),
    "MultiheadAttention": (
        nn.MultiheadAttention(4, 2, kdim=3, vdim=5),
        (STEPS, np.ones((3, 2, 3)), np.ones((3, 2, 5))),
    ),
    "TransformerEncoderLayer": (nn.TransformerEncoderLayer(4, 2, 6), STEPS),
    "TransformerDecoderLayer": (nn.TransformerDecoderLayer(4, 2, 6), (STEPS, STEPS[:3])),
    "TransformerEncoder": (nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2), STEPS),
    "TransformerDecoder": (nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6), 2), (STEPS, STEPS[:3])),
    "Transformer": (nn.Transformer(4, 2, 1, 1, 6), {"src": STEPS[:3], "tgt": STEPS}),
    "SinusoidalPositions": (nn.SinusoidalPositions(4), STEPS),
    "RotaryPositions": (nn.RotaryPositions(), np.ones((2, 3, 4))),
    "Neuron": (nn.Neuron(3), [1.0, 2.0, 3.0]),
    "Layer": (nn.Layer(3, 2), [1.0, 2.0, 3.0]),
    "MLP": (nn.MLP(3, [4, 2]), (1.0, 2.0, 3.0)),
}
NO_LAYERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
# Layers that read rows or add up without a product of their own: PyTorch counts no operations for them either.
NO_PRODUCTS = r".*Pool\dd|Embedding.*|.*Pad\dd|Pixel.*|.*Shuffle|Upsample|.*olden|Fold|Unfold|.*Positions|.*Dropout.*"


def test_every_layer_of_nn_is_tried_here():
    layers = {
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name))
        and issubclass(getattr(nn, name), nn.Module)
        and not getattr(nn, name).__module__.startswith("nn.losses")
    }
    assert set(CASES) == layers - NO_LAYERS


def first_array(y):
    while isinstance(y, tuple):
        y = y[0]
    return np.array([ad.plain(item) for item in y]) if isinstance(y, list) else np.asarray(ad.plain(y))


@pytest.mark.parametrize("name", CASES)
def test_summary_tells_shape_bytes_parameters_and_multiply_adds(name):
    layer, x = CASES[name]
    summary = layer.summary(x)
    several = isinstance(x, tuple) and not hasattr(x, "_fields") and not isinstance(x[0], float)
    with ad.no_grad():
        y = first_array(layer.eval()(*x) if several else layer(**x) if isinstance(x, dict) else layer(x))
    row = summary.rows[0]
    assert row.shape == y.shape and row.output_bytes == y.nbytes
    assert summary.total == sum(p.size for p in layer.parameters()) == sum(row.parameters for row in summary.rows)
    weights = any(p.ndim > 1 for p in layer.parameters()) or "Norm" in name or name in ("Neuron", "Layer", "MLP")
    assert (summary.multiply_adds > 0) == (weights and not re.fullmatch(NO_PRODUCTS, name)), summary
    assert not any("forward" in vars(module) for module in layer.modules())
    shown = " × ".join(map(str, y.shape))
    assert shown in str(summary) or row.children  # a container stands in the table through its layers


def test_multiply_adds_of_attention_and_scalars_are_those_counted_by_hand():
    cross = nn.MultiheadAttention(4, 2, kdim=3, vdim=5)
    summary = cross.summary(CASES["MultiheadAttention"][1])
    # 7 queries and 3 keys in each of 2 sequences: projections, scores, weighted values, the output
    assert summary.multiply_adds == 14 * 16 + 6 * 12 + 6 * 20 + 2 * (14 * 3 * 4) + 14 * 16
    lone = nn.MultiheadAttention(4, 2, batch_first=True).summary((STEPS[:, 0], STEPS[:3, 0], STEPS[:3, 0]))
    assert lone.multiply_adds == 7 * 16 + 2 * 3 * 16 + 2 * (7 * 3 * 4) + 7 * 16
    more = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, rng=0)
    summary = more.summary((np.ones((7, 4)), np.ones((3, 4)), np.ones((3, 4))))  # two keys more were left out
    assert summary.multiply_adds == 7 * 16 + 2 * 3 * 16 + 2 * (7 * 5 * 4) + 7 * 16
    assert nn.MLP(3, [4, 2], rng=0).summary([1.0, 2.0, 3.0]).multiply_adds == 12 + 8


@pytest.mark.parametrize("batch_first", [False, True])
def test_multiply_adds_of_transformers_are_half_the_operations_that_pytorch_counts(batch_first):
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    x = np.ones((7, 2, 8), np.float32)
    for name, inputs in (("TransformerEncoderLayer", 1), ("TransformerDecoderLayer", 2)):
        made = getattr(torch.nn, name)(8, 2, 16, batch_first=batch_first)  # in training, which has no fused path
        with FlopCounterMode(display=False) as counter:
            made(*[torch.tensor(x)] * inputs)
        ours = getattr(nn, name)(8, 2, 16, batch_first=batch_first)
        summary = ours.summary((x,) * inputs)
        norms = sum(row.multiply_adds for row in summary.rows if "Norm" in row.layer)
        assert 2 * (summary.multiply_adds - norms) == counter.get_total_flops(), name
