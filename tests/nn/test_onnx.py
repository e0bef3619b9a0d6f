"""An exported model gives the same answers for any number of examples; what cannot be exported is named."""

import builtins
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from nn import ExportError
from nn.exchange.onnx_operations import OPERATIONS, READ, READ_TOO

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
try:
    import onnxruntime
except ImportError:
    onnxruntime = None

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)


def answers(path: Path, inputs: tuple[Any, ...]) -> list[Any]:
    """What the file computes, by onnxruntime where it is installed, otherwise by ONNX's own evaluator."""
    if onnxruntime is None:
        evaluator = reference.ReferenceEvaluator(str(path))
        names = evaluator.input_names
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1
        evaluator = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [node.name for node in evaluator.get_inputs()]
    return list(evaluator.run(None, dict(zip(names, inputs, strict=True))))


def check(net: Any, example: Any, path: Path, axis: int = 0, atol: float = 2e-5) -> Any:
    """Export, then compare with the model on 1 and on 5 examples that are not the given ones."""
    nn.export_onnx(net, example, path, batch_axis=axis)
    net.eval()
    rng = np.random.default_rng(1)
    for count in (1, 5):
        given_ = example if isinstance(example, tuple) else (example,)
        inputs = tuple(rng.permuted(np.repeat(x, 5, axis).take(range(count), axis)) for x in given_)
        wanted = net(*inputs)
        wanted = [y for y in (wanted if isinstance(wanted, tuple) else (wanted,)) if y is not None]
        found = answers(path, inputs)
        assert len(found) == len(wanted)
        for got, want in zip(found, wanted, strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want.data, rtol=1e-4, atol=atol)  # float32, sums in another order
    return onnx.load(path)


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


ACTIVATIONS = (
    "CELU ELU GELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish PReLU ReLU ReLU6 "
    "SELU SiLU Sigmoid Softmax Softmin Softplus Softshrink Softsign Tanh Tanhshrink"
).split()


@in_a_folder
@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    names=st.lists(st.sampled_from(ACTIVATIONS), min_size=3, max_size=3),
    norm=st.sampled_from([None, nn.LayerNorm, nn.RMSNorm, nn.BatchNorm1d]),
    bias=st.booleans(),
)
def test_feed_forward_models(tmp_path: Path, sizes: list[int], names: list[str], norm: Any, bias: bool) -> None:
    layers: list[Any] = []
    for k, (a, b) in enumerate(pairwise(sizes)):
        layers += [nn.Linear(a, b, bias, rng=k), *([norm(b)] if norm else []), getattr(nn, names[k])(), nn.Dropout(0.5)]
    # normalizing one or two numbers divides by their difference, which rounding makes large
    check(nn.Sequential(*layers), normal(3, sizes[0]), tmp_path / "m.onnx", atol=1e-3 if norm else 2e-5)


@in_a_folder
@given(
    axes=st.integers(1, 2),
    kernel_size=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    mode=st.sampled_from(["zeros", "reflect", "circular"]),
    pool=st.sampled_from(["MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool"]),
    norm=st.sampled_from(["BatchNorm", "GroupNorm", "InstanceNorm"]),
)
def test_convolutional_models(tmp_path: Path, axes: int, pool: str, norm: str, mode: str, **sizes: int) -> None:
    kind = f"{axes}d"
    convolution = getattr(nn, f"Conv{kind}")(2, 4, **sizes, padding_mode=mode, rng=0)
    middle = nn.GroupNorm(2, 4) if norm == "GroupNorm" else getattr(nn, norm + kind)(4)
    end = getattr(nn, pool + kind)(*((2,) if pool.startswith("Adaptive") else (2, 2, 1)))
    net = nn.Sequential(convolution, middle, nn.ReLU(), end, nn.Flatten())
    x = normal(2, 2, *[8] * axes)
    net(x)  # running statistics that are not the initial ones
    check(net, x, tmp_path / "m.onnx", atol=1e-4)


@in_a_folder
@given(
    norm_first=st.booleans(),
    batch_first=st.booleans(),
    activation=st.sampled_from(["relu", "gelu"]),
    causal=st.booleans(),
    bias=st.booleans(),
)
def test_attention_models(tmp_path: Path, norm_first: bool, batch_first: bool, causal: bool, **options: Any) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            layer = nn.TransformerEncoderLayer(
                8, 2, 12, norm_first=norm_first, batch_first=batch_first, rng=0, **options
            )
            self.stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8))
            self.places = nn.SinusoidalPositions(8, batch_first=batch_first)

        def forward(self, x: Any) -> Any:
            return self.stack(self.places(x), is_causal=causal)

    check(Encoder(), normal(*((2, 5, 8) if batch_first else (5, 2, 8))), tmp_path / "m.onnx", axis=int(not batch_first))


def test_several_inputs_and_outputs_and_none_among_them(tmp_path: Path) -> None:
    x, y = normal(2, 6, 8), normal(2, 5, 8)
    made = check(nn.MultiheadAttention(8, 2, batch_first=True), (x, y, y.copy()), tmp_path / "m.onnx")
    assert [o.name for o in made.graph.output] == ["output_0", "output_1"]
    lengths = [d.dim_param or d.dim_value for d in made.graph.output[1].type.tensor_type.shape.dim]
    assert lengths == ["N", 6, 5]
    check(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), (x, y), tmp_path / "m.onnx")


def test_token_numbers_are_an_input(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Embedding(9, 3, padding_idx=0), nn.Flatten(), nn.Linear(12, 2))
    made = check(net, np.arange(8).reshape(2, 4), tmp_path / "m.onnx")
    assert {i.name for i in made.graph.initializer} >= {"0.weight", "2.weight", "2.bias"}
    assert {n.doc_string for n in made.graph.node} >= {"0 (Embedding)", "2 (Linear)"}


LAYERS = {
    "transposed convolution": (lambda: nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, groups=2), (2, 2, 5, 4)),
    "more at the end": (lambda: nn.ConvTranspose1d(2, 3, 3, 2, 0, 1), (2, 2, 4)),  # "pads must not contain negative"
    "steps longer than a window": (lambda: nn.MaxPool1d(2, 3, 1, ceil_mode=True), (2, 2, 8)),
    "padding as long as a window": (lambda: nn.MaxPool1d(2, 2, 1, dilation=2, ceil_mode=True), (2, 2, 8)),
    "average without the padding": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 3, 7, 7)),
    "upsampling": (lambda: nn.Upsample(scale_factor=2), (2, 3, 4, 4)),
    "bilinear upsampling": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 4, 4)),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), (2, 4, 3, 3)),
    "padding with zeros": (lambda: nn.ZeroPad2d((1, 0, 2, 3)), (2, 4, 3, 3)),
    "glu": (lambda: nn.GLU(), (2, 4)),
    "two-dimensional dropout": (lambda: nn.Dropout2d(), (2, 4, 3, 3)),
    "norms of windows": (lambda: nn.LPPool2d(2, 3, 2, ceil_mode=True), (2, 3, 6, 6)),
    "norms of another power": (lambda: nn.LPPool1d(4, 2), (2, 3, 6)),
    "neighbouring channels": (lambda: nn.LocalResponseNorm(3), (2, 4, 3, 3)),
    "random slopes": (lambda: nn.RReLU(), (2, 4)),
    "unflatten": (lambda: nn.Unflatten(1, (2, 3)), (2, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_other_layers(tmp_path: Path, name: str) -> None:
    make, shape = LAYERS[name]
    check(make(), normal(*shape), tmp_path / "m.onnx")


class By(nn.Module):
    """A model of one function beside a layer."""

    def __init__(self, function: Any) -> None:
        self.layer, self.function = nn.Linear(3, 3, rng=0), function

    def forward(self, x: Any) -> Any:
        return self.function(self.layer(x), x)


FUNCTIONS = {
    "indices": lambda y, x: np.concatenate([y[:, 0:1], y[:, -1:], y[..., ::2], y[:, [2, 0]], y[:, None, 1]], axis=1),
    "shapes": lambda y, x: np.squeeze(np.transpose(y[:, :, None], (0, 2, 1))).reshape(-1, 3).swapaxes(0, 1).T,
    "choices": lambda y, x: np.where(np.array([True, False, True]), y, np.clip(x, -0.5, 0.5)) + np.maximum(x, 0.25),
    "reductions": lambda y, x: np.stack([y.sum(axis=1), y.mean(1), y.max(-1), y.min(-1), y.prod(1)], axis=1),
    "whole reductions": lambda y, x: y * y.reshape(-1, 3).max(axis=1, keepdims=True) + ad.logsumexp(y, axis=1)[:, None],
    "arithmetic": lambda y, x: (2 - y / 4) ** 2 + np.exp(-abs(x)) * np.sqrt(y * y + 1) - 1 / (3 + np.sin(y)),
    "flipped": lambda y, x: np.flip(y, 1) + y[:, ::-1],
    "float64 constant": lambda y, x: y * np.array([1.5, 2.5, 3.5]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_between_the_layers(tmp_path: Path, name: str) -> None:
    check(By(FUNCTIONS[name]), normal(4, 3), tmp_path / "m.onnx")


def doubled_where_positive(y: Any, x: Any) -> Any:
    return np.where(x.data > 0, 2 * y, y)


REFUSED = {
    "mask of values": (doubled_where_positive, r"By, where: an array of shape \(2, 3\) depends on the values"),
    "comparison": (lambda y, x: np.where(y > 0, y, 0), "By, where: an array .* depends on the values"),
    "plain number": (lambda y, x: y * x.data.max().item(), "By, multiply: the number .* depends on the input"),
    "number of examples": (lambda y, x: y / len(x), "By, divide: the number 2 depends on the input"),
    "loop over examples": (lambda y, x: np.stack([row * 2 for row in y]), "other operations run for other inputs"),
    "some examples": (lambda y, x: y[:-1], "By, getitem: takes some of the examples"),
    "examples before the last": (lambda y, x: y[: len(y) - 1], "By, getitem: takes some of the examples"),
    "repeated for each example": (
        lambda y, x: np.broadcast_to(y.sum(axis=0), (len(y), 3)), "By, broadcast_to: repeats an array for each example"
    ),
    "no operation of ONNX": (lambda y, x: np.sort(y, axis=1), "By, sort: this operation has no form in ONNX here"),
    "argument": (lambda y, x: y.sum(axis=1, dtype=np.float64), "By, sum: with dtype=.* cannot be exported"),
    "random": (lambda y, x: y + np.random.default_rng().normal(size=3), "By, add: an array of shape .* depends on"),
    "no graph value": (lambda y, x: y.data * 2, "the output: an array of shape .* depends on the values"),
    "constant": (lambda y, x: np.ones(3), "output is no Tensor that its inputs enter"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("example", [normal(2, 3), np.zeros((1, 3), np.float32)], ids=["normal", "zeros"])
def test_what_cannot_be_exported_is_named_and_nothing_is_written(tmp_path: Path, name: str, example: Any) -> None:
    function, said = REFUSED[name]
    with pytest.raises(ExportError, match=said):
        nn.export_onnx(By(function), example, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@in_a_folder
@given(
    kind=st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]),
    relu=st.booleans(),
    steps=st.integers(1, 4),
    num_layers=st.integers(1, 2),
    options=st.fixed_dictionaries(dict.fromkeys(["bias", "batch_first", "bidirectional"], st.booleans())),
    started=st.booleans(),
)
def test_recurrent_models(
    tmp_path: Path, kind: Any, relu: bool, steps: int, num_layers: int, started: bool, options: dict[str, bool]
) -> None:
    """They were refused; an Elman network, an LSTM and a GRU are operators of ONNX."""

    class Reader(nn.Module):
        def __init__(self) -> None:
            more = {"nonlinearity": "relu"} if relu and kind is nn.RNN else {}
            self.layer = kind(3, 4, num_layers, dropout=0.5, rng=0, **options, **more)

        def forward(self, x: Any, state: Any = None) -> Any:
            if state is not None and kind is nn.LSTM:
                state = state, 2 * state
            y, last = self.layer(x, state)
            return y, *(last if kind is nn.LSTM else (last,))

    directions = num_layers * (1 + options["bidirectional"])
    if started:  # examples are along axis 1 of states, and so of the sequences
        options["batch_first"] = False
    x = normal(2, steps, 3) if options["batch_first"] else normal(steps, 2, 3)
    given_ = (x, normal(directions, 2, 4)) if started else x
    made = check(Reader(), given_, tmp_path / "m.onnx", axis=int(not options["batch_first"]))
    if not (relu and kind is nn.RNN):
        assert [n.op_type for n in made.graph.node].count(kind.__name__) == directions


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_embeddings(tmp_path: Path, mode: str) -> None:
    check(nn.EmbeddingBag(9, 3, mode=mode), np.arange(8).reshape(2, 4), tmp_path / "m.onnx")


def test_sequences_and_bags_whose_lengths_depend_on_values_are_refused_by_name(tmp_path: Path) -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            self.lstm = nn.LSTM(3, 4)

        def forward(self, x: Any) -> Any:
            return self.lstm(nn.pack_padded_sequence(x, [5] * x.shape[1]))[0].data

    with pytest.raises(ExportError, match=r"Packed, getitem: an array of shape \(10,\) depends on"):
        nn.export_onnx(Packed(), normal(5, 2, 3), tmp_path / "m.onnx", batch_axis=1)
    with pytest.raises(ExportError, match=r"EmbeddingBag, where: an array of shape .* depends on"):
        nn.export_onnx(nn.EmbeddingBag(9, 3, padding_idx=0), np.arange(8).reshape(2, 4), tmp_path / "m.onnx")


def test_a_padding_mask_made_of_tokens_is_refused_though_the_example_has_no_padding(tmp_path: Path) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            self.embedding = nn.Embedding(5, 3)

        def forward(self, x: Any) -> Any:
            return np.where((np.asarray(x.data) != 0)[..., None], self.embedding(x), 0.0)

    with pytest.raises(ExportError, match="depends on the values"):
        nn.export_onnx(Masked(), np.array([[1, 2, 3, 4, 3, 2, 1, 4]]), tmp_path / "m.onnx")


def test_a_wrong_entry_of_the_table_is_found_before_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATIONS, "tanh", "Sigmoid")
    with pytest.raises(ExportError, match="is not the model's for another input: other numbers"):
        nn.export_onnx(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), normal(2, 3), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    net[1].eval()
    before = net.state_dict()
    nn.export_onnx(net, normal(2, 3), tmp_path / "m.onnx")
    assert [m.training for m in net.modules()] == [True, True, False, True]
    np.testing.assert_equal(net.state_dict(), before)
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_precisions(tmp_path: Path, dtype: Any) -> None:
    net = nn.Sequential(nn.Linear(3, 4, dtype=dtype), nn.Tanh(), nn.LayerNorm(4, dtype=dtype))
    nn.export_onnx(net, normal(2, 3), tmp_path / "m.onnx")
    x = normal(5, 3).astype(dtype)
    (found,) = answers(tmp_path / "m.onnx", (x,))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, net.eval()(x).data, atol=100 * float(np.finfo(dtype).eps))


def test_wrong_arguments_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Linear(3, 3)
    with pytest.raises(TypeError, match="needs a Module, got a function"):
        nn.export_onnx(lambda x: x, normal(2, 3), tmp_path / "m.onnx")
    with pytest.raises(ExportError, match="has no example along axis 2"):
        nn.export_onnx(net, normal(2, 3), tmp_path / "m.onnx", batch_axis=2)
    with pytest.raises(TypeError, match="an input holds numbers"):
        nn.export_onnx(net, np.array(["a"]), tmp_path / "m.onnx")
    with pytest.raises(FileNotFoundError, match=r"nn\.export_onnx: there is no folder"):
        nn.export_onnx(net, normal(2, 3), tmp_path / "no" / "m.onnx")
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("onnx"):
            raise ImportError
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'backflow\[onnx\]'"):
        nn.export_onnx(net, normal(2, 3), tmp_path / "m.onnx")


def test_the_table_speaks_of_rows_and_arguments_that_exist() -> None:
    rows = ad.ops.OPS
    assert set(OPERATIONS) <= set(rows) and set(READ_TOO) <= set(OPERATIONS)
    arguments = {name for row in OPERATIONS for name in rows[row].statics}
    assert arguments >= READ
