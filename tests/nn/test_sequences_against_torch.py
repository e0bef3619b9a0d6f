"""Layers for sequences equal PyTorch's on the same weights: outputs, gradients and products with the Hessian."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional
rnn = torch.nn.utils.rnn

seeds = st.integers(0, 2**32 - 1)
# float64 results of a few hundred operations against another library's order of the same operations
CLOSE = dict(rtol=1e-9, atol=1e-11)


def tensors(x: Any, requires_grad: bool = False) -> Any:
    """The same in PyTorch: arrays of numbers as tensors, in tuples too."""
    if isinstance(x, tuple | list):
        return type(x)(tensors(v, requires_grad) for v in x)
    return torch.tensor(x, requires_grad=requires_grad and x.dtype.kind == "f") if isinstance(x, np.ndarray) else x


def leaves(x: Any) -> list[Any]:
    """The arrays of an output."""
    if isinstance(x, nn.PackedSequence | rnn.PackedSequence):
        return [x.data]
    return [v for part in x for v in leaves(part)] if isinstance(x, tuple | list) else [x]


def same_weights(ours: Any, theirs: Any) -> None:
    """Copy the weights of ours into theirs; the names, their order and the shapes must be the same.

    The decoder layer had PyTorch's names in another order, in which `parameters()` and the states of optimizers go.
    """
    theirs.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(a) for name, a in ours.state_dict().items()}, strict=True)


def compare(ours: Any, theirs: Any, inputs: list[Any], second: bool = True, **options: Any) -> None:
    """The outputs, the gradients of everything, and (second) the product of the Hessian with a vector.

    ours, theirs: modules of one kind. inputs: arrays, None, or tuples of them. A scalar is made of all outputs.
    """
    same_weights(ours, theirs)
    rng = np.random.default_rng(0)
    xs = tensors(inputs, True)
    names = [name for name, p in ours.named_parameters() if p.requires_grad]
    own = dict(theirs.named_parameters())
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the one with a second derivative
        outs = leaves(theirs(*xs, **tensors_of(options)))
    cotangents = [rng.uniform(0.5, 2, tuple(o.shape)) for o in outs]
    given = [x for x in leaves(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    wrt = [x for x in leaves(xs) if x is not None and x.requires_grad] + [own[n] for n in names]
    total = sum((o * torch.tensor(c)).sum() for o, c in zip(outs, cotangents, strict=True))
    expected = torch.autograd.grad(total, wrt, create_graph=second, allow_unused=True)

    def call(floats: list[Any], weights: dict[str, Any]) -> Any:
        rest = iter(floats)

        def put(x: Any) -> Any:
            if isinstance(x, tuple | list):
                return type(x)(put(v) for v in x)
            return next(rest) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

        return nn.functional_call(ours, weights, *[put(x) for x in inputs], **options)

    state = {n: p.data for n, p in ours.named_parameters() if n in names}
    for a, b in zip(leaves(call(given, state)), outs, strict=True):
        np.testing.assert_allclose(ad.stop_gradient(a), b.detach().numpy(), **CLOSE)

    def weighted(floats: list[Any], weights: dict[str, Any]) -> Any:
        made = leaves(call(floats, weights))
        return sum((o * c).sum() for o, c in zip(made, cotangents, strict=True))

    gradient = ad.grad(weighted, argnums=(0, 1))
    found = flat(gradient(given, state), names)
    for name, a, b in zip([*range(len(given)), *names], found, expected, strict=True):
        np.testing.assert_allclose(a, 0.0 if b is None else b.detach().numpy(), **CLOSE, err_msg=str(name))
    if second:
        vs = [rng.standard_normal(a.shape) for a in found]
        along = sum((g * torch.tensor(v)).sum() for g, v in zip(expected, vs, strict=True) if g is not None)
        again = torch.autograd.grad(along, wrt, allow_unused=True) if along.requires_grad else [None] * len(wrt)
        directions = (vs[: len(given)], dict(zip(names, vs[len(given) :], strict=True)))
        _, product = ad.jvp(gradient, (given, state), directions)
        for name, a, b in zip([*range(len(given)), *names], flat(product, names), again, strict=True):
            np.testing.assert_allclose(a, 0.0 if b is None else b.numpy(), **CLOSE, err_msg=f"second, {name}")


def tensors_of(options: dict[str, Any]) -> dict[str, Any]:
    return {name: tensors(v) for name, v in options.items()}


def flat(pair: Any, names: list[str]) -> list[Any]:
    return [*pair[0], *[pair[1][name] for name in names]]


@given(seed=seeds, data=st.data())
def test_embedding(seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    rows, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    padding = data.draw(st.one_of(st.none(), st.integers(-rows, rows - 1)))
    index = np.asarray(rng.integers(0, rows, data.draw(st.sampled_from([(), (3,), (2, 4), (0, 2)]))))
    ours = nn.Embedding(rows, width, padding, dtype=np.float64, rng=rng)
    compare(ours, torch.nn.Embedding(rows, width, padding), [index])


@given(
    seed=seeds,
    max_norm=st.sampled_from([None, 0.5, 2.0]),
    norm_type=st.sampled_from([1.0, 2.0]),
    by_freq=st.booleans(),
    bag=st.sampled_from([None, "sum", "mean"]),
)
def test_tables_with_limited_rows_and_gradients_by_frequency(
    seed: int, max_norm: float | None, norm_type: float, by_freq: bool, bag: str | None
) -> None:
    rng = np.random.default_rng(seed)
    table, index = rng.standard_normal((4, 3)), rng.integers(0, 4, (3, 2))
    kind, options = ("Embedding", {}) if bag is None else ("EmbeddingBag", {"mode": bag})
    by_freq &= bag is None  # PyTorch's bags on a CPU read the frequency of another row
    options |= {"max_norm": max_norm, "norm_type": norm_type, "scale_grad_by_freq": by_freq}
    ours = getattr(nn, kind)(4, 3, _weight=table, dtype=np.float64, **options)
    theirs = getattr(torch.nn, kind)(4, 3, _weight=torch.tensor(table), **options)
    inputs = [index]
    if bag and rng.random() < 0.5:  # bags of a line, one of them empty
        inputs = [index.ravel(), np.array([0, 2, 2])]
    y, z = ours(*inputs), theirs(*map(torch.tensor, inputs))
    np.testing.assert_allclose(y.data, z.detach().numpy(), **CLOSE)
    cotangent = rng.standard_normal(y.shape)
    y.backward(cotangent)
    z.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(ours.weight.data, theirs.weight.detach().numpy(), **CLOSE)


@given(seed=seeds, line=st.booleans())
def test_bags_divide_gradients_by_the_frequency_as_embedding_does(seed: int, line: bool) -> None:
    rng = np.random.default_rng(seed)
    table, index, g = rng.standard_normal((4, 3)), rng.integers(0, 4, (3, 2)), rng.standard_normal((3, 3))
    bags = nn.EmbeddingBag(4, 3, mode="sum", scale_grad_by_freq=True, _weight=table, dtype=np.float64)
    rows = nn.Embedding(4, 3, scale_grad_by_freq=True, _weight=table, dtype=np.float64)
    (bags(index.ravel(), np.array([0, 2, 4])) if line else bags(index)).backward(g)
    rows(index).sum(1).backward(g)
    np.testing.assert_allclose(bags.weight.grad, rows.weight.grad, **CLOSE)


@given(seed=seeds, mode=st.sampled_from(["sum", "mean", "max"]), data=st.data())
def test_embedding_bag(seed: int, mode: str, data: Any) -> None:
    rng = np.random.default_rng(seed)
    rows, width, bags = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    padding = data.draw(st.one_of(st.none(), st.integers(0, rows - 1)))
    last = data.draw(st.booleans())
    ours = nn.EmbeddingBag(
        rows, width, mode=mode, padding_idx=padding, include_last_offset=last, dtype=np.float64, rng=rng
    )
    theirs = torch.nn.EmbeddingBag(rows, width, mode=mode, padding_idx=padding, include_last_offset=last)
    inputs: list[Any]
    if last or data.draw(st.booleans()):
        lengths = rng.integers(0, 4, bags)
        ends = np.cumsum(lengths)
        index = rng.integers(0, rows, ends[-1])
        inputs = [index, np.append(0, ends) if last else np.append(0, ends[:-1])]
        if not last and not index.size:
            return  # PyTorch wants a row for the last bag
    else:
        inputs = [rng.integers(0, rows, (bags, data.draw(st.integers(1, 4)))), None]
    if mode == "sum" and data.draw(st.booleans()):
        inputs.append(rng.standard_normal(inputs[0].shape))
    # PyTorch has no second derivative of a bag with factors
    compare(ours, theirs, inputs, second=mode != "sum")


KINDS = ["RNN", "LSTM", "GRU"]


def states(rng: np.random.Generator, kind: str, shape: tuple[int, ...], projected: int = 0) -> Any:
    one, two = rng.standard_normal((*shape[:-1], projected or shape[-1])), rng.standard_normal(shape)
    return (one, two) if kind.startswith("LSTM") else one


def recurrent(data: Any, kind: str, rng: np.random.Generator) -> tuple[Any, Any]:
    options: dict[str, Any] = {
        "num_layers": data.draw(st.integers(1, 2)),
        "bias": data.draw(st.booleans()),
        "batch_first": data.draw(st.booleans()),
        "bidirectional": data.draw(st.booleans()),
    }
    if kind == "RNN":
        options["nonlinearity"] = data.draw(st.sampled_from(["tanh", "relu"]))
    sizes = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    if kind == "LSTM" and sizes[1] > 1:
        options["proj_size"] = data.draw(st.sampled_from([0, 0, 1]))
    ours = getattr(nn, kind)(*sizes, **options, dtype=np.float64, rng=rng)
    return ours, getattr(torch.nn, kind)(*sizes, **options)


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, data=st.data())
def test_recurrent_layers(kind: str, seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = recurrent(data, kind, rng)
    steps, count = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    lone = data.draw(st.booleans())
    x = (steps,) if lone else (count, steps) if ours.batch_first else (steps, count)
    inputs = [rng.standard_normal((*x, ours.input_size))]
    if data.draw(st.booleans()):
        shape = (ours.num_layers * (1 + ours.bidirectional), *(() if lone else (count,)), ours.hidden_size)
        inputs.append(states(rng, kind, shape, ours.proj_size))
    compare(ours, theirs, inputs)


class OnPacked(nn.Module):
    """A recurrent layer on a padded input and its lengths."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def forward(self, x: Any, hx: Any, lengths: Any) -> Any:
        packed = nn.pack_padded_sequence(x, lengths, self.layer.batch_first, enforce_sorted=False)
        y, last = self.layer(packed, hx)
        return nn.pad_packed_sequence(y, self.layer.batch_first, padding_value=0.5)[0], y, last


class TorchOnPacked(torch.nn.Module):
    """The same in PyTorch."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any, hx: Any, lengths: Any) -> Any:
        packed = rnn.pack_padded_sequence(x, lengths, self.layer.batch_first, enforce_sorted=False)
        y, last = self.layer(packed, hx)
        return rnn.pad_packed_sequence(y, self.layer.batch_first, padding_value=0.5)[0], y, last


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, data=st.data())
def test_recurrent_layers_on_packed_sequences(kind: str, seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = recurrent(data, kind, rng)
    steps, count = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    x = rng.standard_normal((*((count, steps) if ours.batch_first else (steps, count)), ours.input_size))
    hx = None
    if data.draw(st.booleans()):
        shape = (ours.num_layers * (1 + ours.bidirectional), count, ours.hidden_size)
        hx = states(rng, kind, shape, ours.proj_size)
    lengths = rng.integers(1, steps + 1, count)
    compare(OnPacked(ours), TorchOnPacked(theirs), [x, hx, lengths], second=False)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@given(seed=seeds, bias=st.booleans(), given_states=st.booleans(), shape=st.sampled_from([(), (1,), (3,)]))
def test_cells(kind: str, seed: int, bias: bool, given_states: bool, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    ours = getattr(nn, kind)(2, 3, bias, dtype=np.float64, rng=rng)
    hx = states(rng, kind, (*shape, 3)) if given_states else None
    compare(ours, getattr(torch.nn, kind)(2, 3, bias), [rng.standard_normal((*shape, 2)), hx])


def attention_mask(data: Any, rng: np.random.Generator, shape: tuple[int, ...], close: bool) -> Any:
    """None, booleans or numbers; close: True stands for pairs that do not count."""
    kind = data.draw(st.sampled_from(["none", "booleans", "numbers", "numbers and -inf"]))
    if kind == "none":
        return None
    shut = rng.random(shape) < 0.4
    if kind == "booleans":
        return shut if close else ~shut
    numbers = rng.standard_normal(shape)
    return np.where(shut, -np.inf, numbers) if kind.endswith("inf") else numbers


@given(seed=seeds, causal=st.booleans(), scale=st.sampled_from([None, 0.3]), data=st.data())
def test_scaled_dot_product_attention(seed: int, causal: bool, scale: float | None, data: Any) -> None:
    """Queries that may look at nothing give zeros in both."""
    rng = np.random.default_rng(seed)
    lead = data.draw(st.sampled_from([(), (2,), (2, 2)]))
    steps, keys, e, v = (data.draw(st.integers(1, 3)) for _ in range(4))
    mask = None if causal else attention_mask(data, rng, (*lead[:1], *(1,) * (len(lead) - 1), steps, keys), False)
    arrays = [rng.standard_normal((*lead, *shape)) for shape in ((steps, e), (keys, e), (keys, v))]
    options = {"attn_mask": mask, "is_causal": causal, "scale": scale}
    xs = tensors(arrays, True)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the one with a second derivative
        out = F.scaled_dot_product_attention(*xs, **tensors_of(options))
        cotangent, vs = rng.standard_normal(out.shape), [rng.standard_normal(a.shape) for a in arrays]
        expected = torch.autograd.grad((out * torch.tensor(cotangent)).sum(), xs, create_graph=True)
        along = sum((g * torch.tensor(d)).sum() for g, d in zip(expected, vs, strict=True))
        second = torch.autograd.grad(along, xs, allow_unused=True)

    def weighted(*args: Any) -> Any:
        return (nn.functional.scaled_dot_product_attention(*args, **options) * cotangent).sum()

    y = nn.functional.scaled_dot_product_attention(*arrays, **options)
    np.testing.assert_allclose(y, out.detach().numpy(), **CLOSE)
    gradient, product = ad.jvp(ad.grad(weighted, argnums=(0, 1, 2)), tuple(arrays), tuple(vs))
    for a, b, c, d in zip(gradient, expected, product, second, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), **CLOSE)
        np.testing.assert_allclose(c, 0.0 if d is None else d.numpy(), **CLOSE)


@given(seed=seeds, data=st.data())
def test_multihead_attention(seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    heads, width = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))
    e, count = heads * width, data.draw(st.sampled_from([None, 1, 2]))
    steps, keys = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    itself = data.draw(st.booleans())
    kdim, vdim = (
        (None, None) if itself else (data.draw(st.sampled_from([None, 3])), data.draw(st.sampled_from([None, 2])))
    )
    sizes: dict[str, Any] = {
        "bias": data.draw(st.booleans()),
        "add_bias_kv": data.draw(st.booleans()),
        "add_zero_attn": data.draw(st.booleans()),
        "kdim": kdim,
        "vdim": vdim,
        "batch_first": data.draw(st.booleans()),
    }
    ours = nn.MultiheadAttention(e, heads, **sizes, dtype=np.float64, rng=rng)
    if ours.in_proj_bias is not None:
        ours.in_proj_bias.data = rng.standard_normal(3 * e)
    theirs = torch.nn.MultiheadAttention(e, heads, **sizes)

    def sequence(length: int, features: int) -> Any:
        lead = (length,) if count is None else (count, length) if ours.batch_first else (length, count)
        return rng.standard_normal((*lead, features))

    query = sequence(steps, e)
    if itself:
        inputs, keys = [query], steps
    else:
        inputs = [query, sequence(keys, kdim or e), sequence(keys, vdim or e)]
    shape = (steps, keys) if data.draw(st.booleans()) else ((count or 1) * heads, steps, keys)
    mask = attention_mask(data, rng, shape, True)
    padding = None
    if data.draw(st.booleans()):
        padding = rng.random((count or 1, keys)) < 0.3
        padding = padding[0] if count is None else padding
    allowed = np.ones(((count or 1), heads, steps, keys), bool)
    if mask is not None:
        own = ~mask if mask.dtype == bool else mask > -np.inf
        allowed = allowed & (own if own.ndim == 2 else own.reshape(allowed.shape))
    if padding is not None:
        allowed = allowed & ~np.reshape(padding, ((count or 1), 1, 1, keys))
    if not allowed.any(axis=-1).all():
        return  # PyTorch gives NaN here, and another test has what we give
    options = {"need_weights": True, "average_attn_weights": data.draw(st.booleans())}
    if mask is not None and mask.dtype != bool and padding is not None:
        padding = np.where(padding, -np.inf, 0.0)  # PyTorch deprecates masks of two kinds
    options |= {"attn_mask": mask, "key_padding_mask": padding}
    if itself:
        compare(ToItself(ours), TorchToItself(theirs), inputs, **options)
    else:
        compare(ours, theirs, inputs, **options)


class ToItself(nn.Module):
    """Attention of a sequence to itself: one object for queries, keys and values."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def forward(self, x: Any, **options: Any) -> Any:
        return self.layer(x, x, x, **options)


class TorchToItself(torch.nn.Module):
    """The same in PyTorch."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any, **options: Any) -> Any:
        return self.layer(x, x, x, **options)


def transformer_options(data: Any) -> dict[str, Any]:
    return {
        "dim_feedforward": data.draw(st.integers(1, 3)),
        "dropout": 0.0,
        "activation": data.draw(st.sampled_from(["relu", "gelu"])),
        "layer_norm_eps": data.draw(st.sampled_from([1e-5, 0.1])),
        "batch_first": data.draw(st.booleans()),
        "norm_first": data.draw(st.booleans()),
        "bias": data.draw(st.booleans()),
    }


def shaken(layer: Any, rng: np.random.Generator) -> Any:
    """The layer with random numbers in all its parameters: biases begin at 0, which would hide them."""
    for p in layer.parameters():
        p.data = rng.standard_normal(p.shape)
    return layer


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@settings(max_examples=settings.default.max_examples // 3)
@given(seed=seeds, data=st.data())
def test_transformer_encoder(seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    options, heads = transformer_options(data), data.draw(st.integers(1, 2))
    e, steps, count = 2 * heads, data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    layers, norm = data.draw(st.integers(1, 2)), data.draw(st.booleans())
    ours = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(e, heads, **options, dtype=float),
        layers,
        nn.LayerNorm(e, dtype=float) if norm else None,
    )
    theirs = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(e, heads, **options), layers, torch.nn.LayerNorm(e) if norm else None
    )
    x = rng.standard_normal((*((count, steps) if options["batch_first"] else (steps, count)), e))
    mask = nn.Transformer.generate_square_subsequent_mask(steps, float) if data.draw(st.booleans()) else None
    compare(shaken(ours, rng), theirs, [x], mask=mask)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@settings(max_examples=settings.default.max_examples // 3)
@given(seed=seeds, data=st.data())
def test_transformer_decoder(seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    options, heads = transformer_options(data), data.draw(st.integers(1, 2))
    e, steps, keys, count = 2 * heads, data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)), 2
    ours = nn.TransformerDecoder(nn.TransformerDecoderLayer(e, heads, **options, dtype=float), 1)
    theirs = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(e, heads, **options), 1)
    first = options["batch_first"]
    tgt = rng.standard_normal((*((count, steps) if first else (steps, count)), e))
    memory = rng.standard_normal((*((count, keys) if first else (keys, count)), e))
    masks = {"tgt_mask": np.triu(np.ones((steps, steps), bool), 1)} if data.draw(st.booleans()) else {}
    if data.draw(st.booleans()):
        masks["memory_key_padding_mask"] = np.array([[False] * keys, [False] + [True] * (keys - 1)])
    compare(shaken(ours, rng), theirs, [tgt, memory], **masks)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@settings(max_examples=settings.default.max_examples // 3)
@given(seed=seeds, data=st.data())
def test_transformer(seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    options = transformer_options(data)
    options |= {"d_model": 2, "nhead": 1, "num_encoder_layers": 1, "num_decoder_layers": 1}
    first = options["batch_first"]
    src, tgt = (rng.standard_normal((2, n, 2) if first else (n, 2, 2)) for n in (3, 2))
    mask = nn.Transformer.generate_square_subsequent_mask(2, float)
    ours = shaken(nn.Transformer(**options, dtype=float), rng)
    compare(ours, torch.nn.Transformer(**options), [src, tgt], second=False, tgt_mask=mask)
