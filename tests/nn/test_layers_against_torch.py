"""Layers equal PyTorch's on the same weights, over generated configurations: outputs, gradients in inputs and
parameters, and second order (the gradient of a gradient penalty)."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn

torch = pytest.importorskip("torch")

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=8)  # PyTorch's double backward takes milliseconds
# float64 results of a few hundred operations against another library's order of the same operations
CLOSE = dict(rtol=1e-9, atol=1e-9)


def compare(ours: Any, theirs: Any, *inputs: Any, second: bool = True) -> None:
    """A layer and its counterpart in PyTorch: modules, whose weights are copied by name, or functions."""
    rng = np.random.default_rng(0)
    parameters: list[tuple[Any, Any]] = []
    if isinstance(ours, nn.Module):
        ours.astype("float64").requires_grad_(True)
        theirs = theirs.double()
        state = {name: rng.uniform(0.5, 1.5, tuple(v.shape)) for name, v in theirs.state_dict().items()}
        state = {k: v.astype(np.int64) if k.endswith("num_batches_tracked") else v for k, v in state.items()}
        assert set(ours.state_dict()) == set(state)
        ours.load_state_dict(state)
        theirs.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()})
        names = dict(theirs.named_parameters())
        parameters = [(p, names[name]) for name, p in ours.named_parameters()]
        assert len(parameters) == len(names)
    mine, other = [ad.tensor(x) for x in inputs], [torch.tensor(x, requires_grad=True) for x in inputs]
    y, z = ours(*mine), theirs(*other)
    assert y.shape == tuple(z.shape)
    np.testing.assert_allclose(y.data, z.detach().numpy(), **CLOSE)
    cotangent = rng.standard_normal(y.shape)
    leaves, others = [*mine, *[p for p, _ in parameters]], [*other, *[t for _, t in parameters]]
    expected = torch.autograd.grad(z, others, torch.tensor(cotangent), create_graph=second)
    y.backward(cotangent, create_graph=second)
    found = [leaf.grad for leaf in leaves]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(ad.plain(a), b.detach().numpy(), **CLOSE)
    if isinstance(ours, nn.Module):
        for name, value in theirs.state_dict().items():  # running statistics
            np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), **CLOSE)
    if not second:
        return
    for leaf in leaves:
        leaf.grad = None
    vs = [rng.standard_normal(np.shape(x)) for x in leaves]
    along = sum((b * torch.tensor(v)).sum() for b, v in zip(expected, vs, strict=True))
    penalty = sum((a * v).sum() for a, v in zip(found, vs, strict=True))
    if not along.requires_grad:
        return
    again = torch.autograd.grad(along, others, allow_unused=True)
    if any(b is not None and b.abs().sum() > 0 for b in again):
        penalty.backward()
    for leaf, b in zip(leaves, again, strict=True):
        np.testing.assert_allclose(
            np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, 0.0 if b is None else b.numpy(), **CLOSE
        )


def sizes(n: int, low: int, high: int) -> Any:
    return st.tuples(*[st.integers(low, high)] * n)


@pytest.mark.parametrize("n", [1, 2, 3])
@few
@given(data=st.data(), seed=seeds)
def test_convolution(n: int, data: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = data.draw(st.sampled_from([1, 1, 2]))
    channels = groups * data.draw(st.integers(1, 2)), groups * data.draw(st.integers(1, 2))
    padding = data.draw(st.sampled_from(["same", "valid"]) | sizes(n, 0, 2) | st.integers(0, 2))
    options = {
        "kernel_size": data.draw(sizes(n, 1, 3) | st.integers(1, 3)),
        "stride": 1 if padding == "same" else data.draw(sizes(n, 1, 3) | st.integers(1, 3)),
        "padding": padding,
        "dilation": data.draw(sizes(n, 1, 2)),
        "groups": groups,
        "bias": data.draw(st.booleans()),
        "padding_mode": data.draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
    }
    x = rng.standard_normal((2, channels[0], *data.draw(sizes(n, 5, 6))))
    name = f"Conv{n}d"
    if data.draw(st.booleans()):
        x = x[0]
    compare(getattr(nn, name)(*channels, **options), getattr(torch.nn, name)(*channels, **options), x)


@pytest.mark.parametrize("n", [1, 2, 3])
@few
@given(data=st.data(), seed=seeds)
def test_transposed_convolution(n: int, data: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = data.draw(st.sampled_from([1, 1, 2]))
    channels = groups * data.draw(st.integers(1, 2)), groups * data.draw(st.integers(1, 2))
    stride, dilation = data.draw(sizes(n, 1, 3)), data.draw(sizes(n, 1, 2))
    more = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    options = {
        "kernel_size": data.draw(sizes(n, 1, 3)),
        "stride": stride,
        "padding": data.draw(sizes(n, 0, 1)),
        "output_padding": more,
        "groups": groups,
        "bias": data.draw(st.booleans()),
        "dilation": dilation,
    }
    x = rng.standard_normal((2, channels[0], *data.draw(sizes(n, 3, 4))))
    name = f"ConvTranspose{n}d"
    compare(getattr(nn, name)(*channels, **options), getattr(torch.nn, name)(*channels, **options), x)


@few
@given(data=st.data(), seed=seeds)
def test_unfold_and_fold(data: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = {
        "kernel_size": data.draw(sizes(2, 1, 3)),
        "dilation": data.draw(sizes(2, 1, 2)),
        "padding": data.draw(sizes(2, 0, 2)),
        "stride": data.draw(sizes(2, 1, 3)),
    }
    x = rng.standard_normal((2, 3, 5, 6))
    compare(nn.Unfold(**options), torch.nn.Unfold(**options), x)
    columns = rng.standard_normal(nn.Unfold(**options)(x).shape)
    compare(nn.Fold((5, 6), **options), torch.nn.Fold((5, 6), **options), columns)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Avg"])
@few
@given(data=st.data(), seed=seeds)
def test_pooling(kind: str, n: int, data: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = data.draw(sizes(n, 1, 3))
    options: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": data.draw(st.none() | sizes(n, 1, 3)),
        "padding": tuple(data.draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": data.draw(st.booleans()),
    }
    if kind == "Max":
        options["dilation"] = data.draw(sizes(n, 1, 2))
    else:
        options["count_include_pad"] = data.draw(st.booleans())
        if n > 1:
            options["divisor_override"] = data.draw(st.sampled_from([None, None, 3]))
    x = rng.standard_normal((2, 2, *data.draw(sizes(n, 5, 7))))
    name = f"{kind}Pool{n}d"
    compare(getattr(nn, name)(**options), getattr(torch.nn, name)(**options), x)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("kind", ["AdaptiveMax", "AdaptiveAvg"])
@few
@given(data=st.data(), seed=seeds)
def test_adaptive_pooling(kind: str, n: int, data: Any, seed: int) -> None:
    name = f"{kind}Pool{n}d"
    size = data.draw(st.integers(1, 4) | (sizes(n, 1, 4) if n == 1 else st.sampled_from([(2, None), (3, 2)])))
    x = np.random.default_rng(seed).standard_normal((2, 2, *data.draw(sizes(n, 4, 7))))
    compare(getattr(nn, name)(size), getattr(torch.nn, name)(size), x)


@few
@given(data=st.data(), seed=seeds)
def test_padding(data: Any, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 3, 4, 5))
    for kind in ("Zero", "Reflection", "Replication", "Circular"):
        for n in (1, 2):
            widths = data.draw(st.integers(0, 3) | sizes(2 * n, 0, 3))
            name = f"{kind}Pad{n}d"
            compare(getattr(nn, name)(widths), getattr(torch.nn, name)(widths), x[0] if n == 1 else x)
    widths = data.draw(sizes(4, -1, 2))
    compare(
        lambda x: nn.functional.pad(x, widths, value=2.0), lambda x: torch.nn.functional.pad(x, widths, value=2.0), x
    )
