"""Layers equal PyTorch's on the same weights, over generated configurations: outputs, gradients in inputs and
parameters, and second order (the gradient of a gradient penalty)."""

import math
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


def compare(ours: Any, theirs: Any, *inputs: Any, second: bool = True, close: dict[str, float] = CLOSE) -> None:
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
    np.testing.assert_allclose(y.data, z.detach().numpy(), **close)
    cotangent = rng.standard_normal(y.shape)
    leaves, others = [*mine, *[p for p, _ in parameters]], [*other, *[t for _, t in parameters]]
    expected = torch.autograd.grad(z, others, torch.tensor(cotangent), create_graph=second)
    y.backward(cotangent, create_graph=second)
    found = [leaf.grad for leaf in leaves]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(ad.plain(a), b.detach().numpy(), **close)
    if isinstance(ours, nn.Module):
        for name, value in theirs.state_dict().items():  # running statistics
            np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), **close)
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
            np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, 0.0 if b is None else b.numpy(), **close
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
def test_norms_of_windows(n: int, data: Any, seed: int) -> None:
    p = data.draw(st.sampled_from([1, 2, 4, 3, 1.5, math.inf]))
    options = {
        "kernel_size": data.draw(sizes(n, 1, 3) if n > 1 else st.integers(1, 3)),
        "stride": data.draw(st.none() | sizes(n, 1, 3)),
        "ceil_mode": data.draw(st.booleans()),
    }
    x = np.random.default_rng(seed).standard_normal((2, 2, *data.draw(sizes(n, 3, 5))))
    x = np.abs(x) if p in (3, 1.5) else x
    compare(getattr(nn, f"LPPool{n}d")(p, **options), getattr(torch.nn, f"LPPool{n}d")(p, **options), x)


@few
@given(
    size=st.integers(1, 4), beta=st.sampled_from([0.75, 1.0]), more=st.sampled_from([(3,), (2, 2), ()]), seed=seeds
)
def test_normalization_by_neighbouring_channels(size: int, beta: float, more: tuple[int, ...], seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 5, 3, *more))
    options = {"alpha": 0.5, "beta": beta, "k": 2.0}
    compare(nn.LocalResponseNorm(size, **options), torch.nn.LocalResponseNorm(size, **options), x)


def test_random_slopes_in_evaluation() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    compare(nn.RReLU(0.2, 0.4).eval(), torch.nn.RReLU(0.2, 0.4).eval(), x)


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


@pytest.mark.parametrize("n", [1, 2, 3])
@few
@given(data=st.data(), seed=seeds)
def test_batch_normalization(n: int, data: Any, seed: int) -> None:
    options: dict[str, Any] = {
        "eps": data.draw(st.sampled_from([1e-5, 0.1])),
        "momentum": data.draw(st.sampled_from([0.1, 0.5, None])),
        "affine": data.draw(st.booleans()),
        "track_running_stats": data.draw(st.booleans()),
    }
    shape = (4, 3, *data.draw(sizes(n, 1, 3)))
    if n == 1 and data.draw(st.booleans()):
        shape = (4, 3)
    name = f"BatchNorm{n}d"
    ours, theirs = getattr(nn, name)(3, **options), getattr(torch.nn, name)(3, **options)
    if data.draw(st.booleans()):
        ours.eval(), theirs.eval()
    compare(ours, theirs, np.random.default_rng(seed).standard_normal(shape))


@pytest.mark.parametrize("n", [1, 2])
@few
@given(data=st.data(), seed=seeds)
def test_instance_normalization(n: int, data: Any, seed: int) -> None:
    options = {"affine": data.draw(st.booleans()), "track_running_stats": data.draw(st.booleans())}
    name = f"InstanceNorm{n}d"
    ours, theirs = getattr(nn, name)(3, **options), getattr(torch.nn, name)(3, **options)
    if data.draw(st.booleans()):
        ours.eval(), theirs.eval()
    x = np.random.default_rng(seed).standard_normal((2, 3, *data.draw(sizes(n, 2, 3))))
    compare(ours, theirs, x if data.draw(st.booleans()) else x[0])


@few
@given(data=st.data(), seed=seeds)
def test_normalization_of_features_and_groups(data: Any, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 4, 3, 2))
    shape = data.draw(st.sampled_from([2, (2,), (3, 2)]))
    affine, bias = data.draw(st.booleans()), data.draw(st.booleans())
    compare(
        nn.LayerNorm(shape, elementwise_affine=affine, bias=bias),
        torch.nn.LayerNorm(shape, elementwise_affine=affine, bias=bias),
        x,
    )
    eps = data.draw(st.sampled_from([None, 0.1]))
    compare(
        nn.RMSNorm(shape, eps, elementwise_affine=affine), torch.nn.RMSNorm(shape, eps, elementwise_affine=affine), x
    )
    groups = data.draw(st.sampled_from([1, 2, 4]))
    compare(nn.GroupNorm(groups, 4, affine=affine), torch.nn.GroupNorm(groups, 4, affine=affine), x)


@few
@given(data=st.data(), seed=seeds)
def test_interpolation(data: Any, seed: int) -> None:
    n = data.draw(st.integers(1, 3))
    linear = ["linear", "bilinear", "trilinear"][n - 1]
    modes = ["nearest", "nearest-exact", linear, linear] + (["area"] if n < 3 else [])
    options: dict[str, Any] = {"mode": data.draw(st.sampled_from(modes))}
    if options["mode"] == linear:
        options["align_corners"] = data.draw(st.sampled_from([None, True, False]))
    if data.draw(st.booleans()):
        options["size"] = data.draw(st.integers(1, 7) | sizes(n, 1, 7))
    else:
        options["scale_factor"] = data.draw(st.sampled_from([0.5, 1.5, 2, 3.0, 1.7]))
        options["recompute_scale_factor"] = data.draw(st.booleans())
    x = np.random.default_rng(seed).standard_normal((2, 2, *data.draw(sizes(n, 2, 4))))
    compare(nn.Upsample(**options), torch.nn.Upsample(**options), x)


@few
@given(seed=seeds, r=st.integers(1, 3))
def test_channels_and_pixels_exchanged(seed: int, r: int) -> None:
    rng = np.random.default_rng(seed)
    compare(nn.PixelShuffle(r), torch.nn.PixelShuffle(r), rng.standard_normal((2, 2 * r * r, 2, 3)))
    compare(nn.PixelUnshuffle(r), torch.nn.PixelUnshuffle(r), rng.standard_normal((2, 2, 2 * r, r)))


@few
@given(seed=seeds, bias=st.booleans())
def test_layers_of_features(seed: int, bias: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, 4, 6))
    compare(nn.Bilinear(6, 3, 2, bias), torch.nn.Bilinear(6, 3, 2, bias), x, rng.standard_normal((2, 4, 3)))
    compare(nn.PReLU(), torch.nn.PReLU(), x)
    compare(nn.PReLU(4), torch.nn.PReLU(4), x)
    compare(nn.GLU(), torch.nn.GLU(), x)
    compare(nn.GLU(1), torch.nn.GLU(1), x)
    compare(nn.Softmin(1), torch.nn.Softmin(1), x)
    compare(nn.Unflatten(2, (3, -1)), torch.nn.Unflatten(2, (3, -1)), x)
    compare(nn.Identity(5), torch.nn.Identity(5), x)


ACTIVATIONS: list[tuple[str, tuple[Any, ...]]] = [
    *[(name, ()) for name in ("SELU", "Mish", "Softsign", "Hardswish", "Hardsigmoid", "ReLU6", "Tanhshrink")],
    *[("CELU", (0.5,)), ("Hardtanh", (-2.0, 1.5)), ("Softshrink", (0.3,)), ("Hardshrink", (0.3,))],
    *[("Threshold", (0.2, -3.0)), ("LogSigmoid", ())],
]


@pytest.mark.parametrize(("name", "arguments"), ACTIVATIONS)
@few
@given(seed=seeds)
def test_activations(name: str, arguments: tuple[Any, ...], seed: int) -> None:
    x = 3 * np.random.default_rng(seed).standard_normal((3, 4))
    # PyTorch has the 1/6 of Hardsigmoid's slope in single precision, and no second order
    close = {"rtol": 1e-7, "atol": 1e-9} if name == "Hardsigmoid" else CLOSE
    compare(
        getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments), x, second=name != "Hardsigmoid", close=close
    )


def test_new_layers_start_within_the_bounds_of_pytorchs() -> None:
    for ours, theirs in [
        (nn.Conv2d(4, 60, 3, groups=2, rng=0), torch.nn.Conv2d(4, 60, 3, groups=2)),
        (nn.ConvTranspose2d(60, 4, 3, groups=2, rng=0), torch.nn.ConvTranspose2d(60, 4, 3, groups=2)),
        (nn.Bilinear(4, 30, 60, rng=0), torch.nn.Bilinear(4, 30, 60)),
    ]:
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert p.shape == tuple(q.shape)
            if p.size > 50:  # the largest of so many uniform draws: within a tenth of the bound
                assert abs(abs(p.data).max() / q.detach().abs().max() - 1) < 0.1, name
