"""Arguments of PyTorch: the same order by place, the same names, and the same numbers."""

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
import nn.functional as F

# names that PyTorch does not document
INSIDE = {"assert_int_or_pair", "boolean_dispatch", "ScalingType", "SwizzleType", "swap_in_optimizer_params_and_state"}
F_OF_TORCH = "torch.nn.functional"
RNG = np.random.default_rng(0)
RENAMED = {"dim": "axis", "values": "modules"}
ELSEWHERE = {"device", "dtype", "inplace", "size_average", "reduce"}  # nothing here, or by name


def positional(function: Any) -> list[inspect.Parameter]:
    found = list(inspect.signature(function).parameters.values())[1:]
    return [p for p in found if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in ELSEWHERE]


def test_no_argument_by_place_means_something_else_than_in_pytorch() -> None:
    """MaxPool2d(2, 2, 0, 1, True) returned no indices but rounded up: two arguments stood in another order."""
    torch = pytest.importorskip("torch")
    compared = 0
    for name in nn.__all__:
        theirs = getattr(torch.nn, name, None)
        if not inspect.isclass(theirs) or name in ("Parameter", "Buffer", "Sequential", "RNN", "LSTM", "GRU"):
            continue
        for ours, other in zip(positional(getattr(nn, name).__init__), positional(theirs.__init__), strict=False):
            assert ours.name in (other.name, RENAMED.get(other.name), "values"), f"{name}: {ours.name}, {other.name}"
            compared += 1
    assert compared > 200


def test_optimizers_have_pytorchs_defaults() -> None:
    torch = pytest.importorskip("torch")
    for name in nn.optim.__all__:
        theirs = getattr(torch.optim, name, None)
        if not inspect.isclass(theirs) or name == "Optimizer":
            continue
        their = {p.name: p.default for p in inspect.signature(theirs.__init__).parameters.values()}
        for p in inspect.signature(getattr(nn.optim, name).__init__).parameters.values():
            if p.name in their and p.default is not p.empty and their[p.name] is not p.empty:
                assert p.default == their[p.name], f"{name}: {p.name}={p.default}, PyTorch {their[p.name]}"


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(3, 2, device="cpu", dtype=None),
        lambda: nn.Conv2d(1, 2, 3, device=None, dtype=None),
        lambda: nn.LSTM(3, 2, device="cpu", dtype=None),
        lambda: nn.BatchNorm2d(3, device="cpu"),
        lambda: nn.ReLU(inplace=False),
        lambda: nn.LeakyReLU(0.2, False),
        lambda: nn.Dropout2d(0.5, False),
        lambda: nn.MSELoss(size_average=None, reduce=None),
        lambda: nn.data.DataLoader(nn.data.TensorDataset(np.ones(3)), pin_memory=True, persistent_workers=False),
        lambda: nn.Adam([nn.Parameter([1.0])], foreach=True, fused=None, capturable=False),
        lambda: nn.optim.lr_scheduler.StepLR(nn.SGD([nn.Parameter([1.0])], lr=0.1), 3, last_epoch=-1),
    ],
)
def test_arguments_that_ask_for_nothing_else_are_taken(make: Any) -> None:
    made = make()
    if isinstance(made, nn.Module):
        assert {p.dtype for p in made.parameters()} <= {np.dtype(np.float32)}
        assert "device" not in inspect.signature(type(made)).parameters


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Linear(3, 2, device="cuda"), "Linear: device='cuda' has no meaning here: .*CPU; leave it out"),
        (lambda: nn.ReLU(True), "ReLU: inplace=True has no meaning here: results are new arrays; leave it out"),
        (lambda: nn.Dropout(0.5, True), "Dropout: inplace=True"),
        (lambda: F.dropout(np.ones(3), 0.5, True, True), "dropout: inplace=True"),
        (lambda: F.relu(ad.tensor([1.0]), inplace=True), "Leave it out: results are new arrays"),
        (lambda: nn.data.DataLoader([1, 2], worker_init_fn=print), "leave it out: augment= gets a generator"),
        (lambda: nn.L1Loss(size_average=False), 'write reduction="mean", "sum" or "none"'),
        (lambda: nn.SGD([nn.Parameter([1.0])], lr=1.0, differentiable=True), "nn.functional_call"),
        (
            lambda: nn.optim.lr_scheduler.StepLR(nn.SGD([nn.Parameter([1.0])], lr=1.0), 3, last_epoch=4),
            "StepLR: last_epoch=4 has no meaning here: load what scheduler.state_dict",
        ),
    ],
)
def test_arguments_that_ask_for_something_else_say_what_to_write(make: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make()


def test_functions_take_pytorchs_arguments_by_place() -> None:
    x = np.ones((2, 8), np.float32)
    assert (F.dropout(x, 0.5, False) == x).all() and (F.dropout(x, 1.0, True) == 0).all()
    assert F.softmax(x, dim=-1, dtype=np.float64).dtype == np.float64
    assert F.relu(ad.tensor([-1.0]), inplace=False).data == 0


def test_every_name_of_pytorchs_packages_is_here_or_says_what_to_write() -> None:
    torch = pytest.importorskip("torch")
    from torch.nn import modules

    if tuple(map(int, torch.__version__.split(".")[:2])) > (2, 13):
        pytest.skip("names of later versions")
    own = {name for name, f in vars(torch.nn.functional).items() if getattr(f, "__module__", "") == F_OF_TORCH}
    places = [
        (nn, modules.__all__),
        (nn.functional, [name for name in own if name[0] != "_"]),
        (nn.optim, torch.optim.__all__),
        (nn.optim.lr_scheduler, torch.optim.lr_scheduler.__all__),
        (nn.init, [name for name in dir(torch.nn.init) if name.endswith("_") and name[0] != "_"]),
    ]
    unanswered = []
    for module, names in places:
        for name in set(names) - INSIDE:
            try:
                getattr(module, name)
            except AttributeError as error:
                if f"{name!r}: " not in str(error):
                    unanswered.append(f"{module.__name__}.{name}")
    assert sorted(unanswered) == []


def test_dim_is_axis_and_both_are_refused() -> None:
    x = RNG.standard_normal((2, 4, 3))
    for module, function in ((nn.Softmax, F.softmax), (nn.LogSoftmax, F.log_softmax), (nn.Softmin, F.softmin),
                             (nn.GLU, F.glu)):  # fmt: skip
        wanted = module(1)(x)
        for got in (module(dim=1)(x), module(axis=1)(x), function(x, dim=1), function(x, 1)):
            np.testing.assert_array_equal(got, wanted)
        with pytest.raises(TypeError, match=r"axis=1 and dim=1 are two names of one argument; give one"):
            module(1, dim=1)
    np.testing.assert_array_equal(nn.CosineSimilarity(dim=2)(x, x[::-1]), F.cosine_similarity(x, x[::-1], axis=2))
    np.testing.assert_array_equal(F.normalize(x, dim=0), F.normalize(x, 2.0, 0))
    assert nn.Unflatten(dim=1, unflattened_size=(2, 2))(x).shape == (2, 2, 2, 3)
    assert nn.PairwiseDistance(keepdim=True)(x, x).shape == (2, 4, 1)
    with pytest.raises(TypeError, match="Unflatten: which axis"):
        nn.Unflatten(unflattened_size=(2, 2))


@given(start=st.integers(-4, 3), end=st.integers(-4, 3))
def test_flatten_joins_the_axes_that_pytorch_joins(start: int, end: int) -> None:
    torch = pytest.importorskip("torch")
    x = np.zeros((2, 3, 4, 5))
    if start % 4 > end % 4:
        with pytest.raises(ValueError, match="flatten from axis"):
            nn.Flatten(start, end)(x)
    else:
        assert nn.Flatten(start, end)(x).shape == tuple(torch.nn.Flatten(start, end)(torch.tensor(x)).shape)


@given(beta=st.sampled_from([0.5, 1.0, 3.0]), threshold=st.sampled_from([1.0, 5.0, 20.0]))
def test_softplus_has_pytorchs_beta_and_threshold(beta: float, threshold: float) -> None:
    torch = pytest.importorskip("torch")
    x = np.linspace(-40, 40, 41)
    ours, theirs = ad.tensor(x), torch.tensor(x, requires_grad=True)
    y, z = nn.Softplus(beta, threshold)(ours), torch.nn.Softplus(beta, threshold)(theirs)
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(y.data, z.detach(), rtol=1e-12)
    np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-12)
    assert np.all(nn.Softplus(beta)(x) >= y.data - 1e-15)  # without a threshold nothing is cut off


@given(
    n=st.integers(1, 3), sizes=st.lists(st.integers(1, 6), min_size=3, max_size=3), out=st.integers(1, 4),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_adaptive_pools_and_their_indices_are_pytorchs(n: int, sizes: list[int], out: int, seed: int) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(seed).integers(0, 4, (2, 3, *sizes[:n])).astype(float)  # equal ones: the first counts
    theirs, places = getattr(torch.nn, f"AdaptiveMaxPool{n}d")(out, return_indices=True)(torch.tensor(x))
    ours, found = getattr(nn, f"AdaptiveMaxPool{n}d")(out, return_indices=True)(x)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found, places)
    theirs = getattr(torch.nn, f"AdaptiveAvgPool{n}d")(out)(torch.tensor(x))
    np.testing.assert_allclose(getattr(nn, f"AdaptiveAvgPool{n}d")(out)(x), theirs, rtol=1e-12)


@given(pads=st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_borders_of_volumes_are_pytorchs(pads: list[int]) -> None:
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((2, 1, 3, 3, 3))
    for name, more in (("Zero", ()), ("Constant", (2.5,)), ("Reflection", ()), ("Replication", ()), ("Circular", ())):
        ours, theirs = getattr(nn, f"{name}Pad3d"), getattr(torch.nn, f"{name}Pad3d")
        np.testing.assert_array_equal(ours(pads, *more)(x), theirs(tuple(pads), *more)(torch.tensor(x)))


def test_norms_without_a_bias_have_pytorchs_parameters() -> None:
    torch = pytest.importorskip("torch")
    for name, args in (("BatchNorm1d", (4,)), ("BatchNorm2d", (4,)), ("GroupNorm", (2, 4)), ("LayerNorm", (4,)),
                       ("InstanceNorm3d", (4, 1e-5, 0.1, True))):  # fmt: skip
        ours, theirs = getattr(nn, name)(*args, bias=False), getattr(torch.nn, name)(*args, bias=False)
        assert list(ours.state_dict()) == list(theirs.state_dict()) and "bias=False" in repr(ours)
    x = RNG.standard_normal((2, 4, 2, 3, 2))
    wanted = torch.nn.InstanceNorm3d(4)(torch.tensor(x))
    np.testing.assert_allclose(nn.InstanceNorm3d(4)(x), wanted, rtol=1e-9, atol=1e-12)


def test_channels_are_shuffled_and_labels_become_rows_as_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x, labels = RNG.standard_normal((2, 6, 3, 2)), np.array([[0, 2], [1, 1]])
    np.testing.assert_array_equal(nn.ChannelShuffle(3)(x), torch.nn.ChannelShuffle(3)(torch.tensor(x)))
    for classes in (-1, 4):
        wanted = torch.nn.functional.one_hot(torch.tensor(labels), classes)
        np.testing.assert_array_equal(F.one_hot(labels, classes), wanted)
    with pytest.raises(ValueError, match=r"one_hot: indices must be in 0\.\.1, got 0 to 2"):
        F.one_hot(labels, 2)


def test_alpha_dropout_does_nothing_unless_it_trains_as_in_pytorch() -> None:
    assert F.alpha_dropout(np.ones(5), 0.5).tolist() == [1.0] * 5


def test_zero_grad_can_leave_zeros() -> None:
    net = nn.Sequential(nn.Linear(2, 1, rng=0), nn.Linear(1, 1, rng=0))
    optimizer = nn.SGD(net.parameters(), lr=0.1)
    net[0](np.ones((1, 2))).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert net[0].weight.grad.tolist() == [[0.0, 0.0]] and net[1].weight.grad is None
    net.zero_grad()
    assert net[0].weight.grad is None
    x = ad.scalar(2.0)
    (x * x).backward()
    nn.SGD([x], lr=0.1).zero_grad(set_to_none=False)
    assert x.grad == 0.0


def test_parameters_go_into_a_vector_and_back_all_or_nothing() -> None:
    torch = pytest.importorskip("torch")
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))
    vector = nn.parameters_to_vector(net.parameters())
    theirs = [torch.tensor(p.data) for p in net.parameters()]
    np.testing.assert_array_equal(vector.data, torch.nn.utils.parameters_to_vector(theirs))
    vector.sum().backward()
    assert all((p.grad == 1).all() for p in net.parameters())
    nn.vector_to_parameters(np.arange(13.0), net.parameters())
    assert net[1].bias.data.tolist() == [12.0] and net[0].weight.data.dtype == np.float32
    with pytest.raises(ValueError, match=r"needs a vector of shape \(13,\), got shape \(12,\)"):
        nn.vector_to_parameters(np.zeros(12), net.parameters())
    scalars = nn.MLP(2, [2, 1], rng=0)
    before = nn.parameters_to_vector(scalars.parameters()).data
    nn.vector_to_parameters(2 * before, scalars.parameters())
    np.testing.assert_array_equal(nn.parameters_to_vector(scalars.parameters()).data, 2 * before)
