"""Modules: parameters are found wherever they stand, names are paths, loading is all or nothing."""

import copy
import gc
import pickle
import subprocess
import sys
import warnings
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn


class Block(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(2, 2, rng=0)

    def forward(self, x):
        return ad.tanh(self.fc(x))


class Everything(nn.Module):
    """Parameters in every place they may stand."""

    def __init__(self):
        self.scale = nn.Parameter([1.0, 2.0])
        self.first = nn.Linear(2, 2, rng=1)
        self.listed = [nn.Parameter([3.0]), Block()]
        self.mapped = {"left": Block(), "pair": (nn.Parameter([4.0]), nn.Buffer([5.0]))}
        self.slope = ad.scalar(0.5)
        self.note = "not a parameter"
        self.data = np.ones(3)

    def forward(self, x):
        return self.mapped["left"](self.listed[1](self.first(x * self.scale)))


NAMES = [
    "scale",
    "first.weight",
    "first.bias",
    "listed.0",
    "listed.1.fc.weight",
    "listed.1.fc.bias",
    "mapped.left.fc.weight",
    "mapped.left.fc.bias",
    "mapped.pair.0",
    "slope",
]


def test_parameters_are_found_in_definition_order_under_their_paths():
    model = Everything()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [name for name, _ in model.named_buffers()] == ["mapped.pair.1"]
    assert [name for name, _ in model.named_modules()] == [
        "",
        "first",
        "listed.1",
        "listed.1.fc",
        "mapped.left",
        "mapped.left.fc",
    ]
    assert [name for name, _ in model.named_children()] == ["first", "listed.1", "mapped.left"]


def test_no_base_constructor_needs_to_run():
    class Bare(nn.Module):
        def __init__(self):
            self.w = nn.Parameter([1.0])

    assert [name for name, _ in Bare().named_parameters()] == ["w"]


tree = st.recursive(
    st.sampled_from(["parameter", "buffer", "module", "number"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(shape=tree)
def test_every_nesting_of_containers_is_walked(shape):
    expected = []

    def build(node, path):
        if isinstance(node, dict):
            return {k: build(v, f"{path}.{k}") for k, v in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(build(v, f"{path}.{i}") for i, v in enumerate(node))
        if node == "number":
            return 1.0
        expected.append(path + (".fc.weight" if node == "module" else ""))
        if node == "module":
            expected.append(path + ".fc.bias")
            return Block()
        return nn.Parameter([1.0]) if node == "parameter" else nn.Buffer([1.0])

    model = nn.Module()
    model.root = build(shape, "root")
    assert list(model.state_dict()) == expected


def test_a_module_that_holds_its_parent_and_a_list_that_holds_itself_are_walked_once():
    model = Everything()
    model.first.parent = model
    model.listed.append(model.listed)
    assert [name for name, _ in model.named_parameters()] == NAMES


def test_a_shared_parameter_is_one_parameter_with_several_names():
    model = nn.Module()
    model.a, model.b = nn.Linear(2, 3, rng=0), nn.Linear(3, 2, bias=False, rng=0)
    model.c = model.a
    model.b.tied = model.a.weight
    assert [name for name, _ in model.named_parameters()] == ["a.weight", "a.bias", "b.weight"]
    assert list(model.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.tied", "c.weight", "c.bias"]
    before = model.a.weight.data.copy()
    optimizer = nn.SGD(model.parameters(), lr=1.0)
    model.a.weight.grad = np.ones((3, 2), np.float32)
    optimizer.step()
    np.testing.assert_array_equal(model.a.weight.data, before - 1)


def test_shared_names_with_different_values_are_refused():
    model = nn.Module()
    model.a = nn.Parameter([1.0])
    model.b = model.a
    with pytest.raises(ValueError, match="'a' and 'b' are one shared parameter"):
        model.load_state_dict({"a": [1.0], "b": [2.0]})
    assert model.a.item() == 1.0


@pytest.mark.parametrize("value", [np.zeros(2), 1.0, None, ad.tensor([1.0, 2.0])])
def test_replacing_a_parameter_by_anything_else_raises(value):
    model = Everything()
    with pytest.raises(TypeError, match=r"Everything.scale is a Parameter.*Write scale.data = \.\.\."):
        model.scale = value
    with pytest.raises(TypeError, match="scale is a Parameter"):
        model.scale = model.scale * 2
    model.scale = nn.Parameter([1.0])
    del model.scale
    model.scale = None


def test_replacing_a_scalar_or_a_buffer_by_a_plain_value_raises():
    neuron = nn.Neuron(2, rng=0)
    with pytest.raises(TypeError, match=r"Neuron\.b is a Scalar"):
        neuron.b = 0.0
    neuron.b = ad.scalar(1.0)
    model = nn.Module()
    model.mean = nn.Buffer([1.0])
    with pytest.raises(TypeError, match="mean is a Buffer"):
        model.mean = np.zeros(1)


def test_operations_know_the_path_of_their_module():
    model = Everything()
    y = model(np.ones((1, 2)))
    paths = []
    todo = [y.node]
    while todo:
        node = todo.pop()
        if node.op is not None:
            paths.append((node.scope.path, node.op.name))
            todo.extend(p for p in node.parents if hasattr(p, "op"))
    assert paths[0] == ("mapped.left", "tanh")
    assert {path for path, name in paths if name == "linear"} == {"mapped.left.fc", "listed.1.fc", "first"}
    assert y.node.scope.owner() is model.mapped["left"]


def test_children_of_a_list_that_grew_later_and_of_two_parents_have_the_right_paths():
    class Chain(nn.Module):
        def __init__(self):
            self.blocks = []

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    chain, shared = Chain(), Block()
    chain.blocks.append(Block())
    chain.blocks.append(shared)
    other = nn.Sequential(shared)
    x = np.ones((1, 2))
    for _ in range(2):
        assert chain(x).node.scope.path == "blocks.1"
        assert other(x).node.scope.path == "0"
    with ad.scope("outer"):
        assert chain(x).node.scope.path == "outer.blocks.1"


def test_a_scope_does_not_keep_a_model_alive():
    model = nn.Sequential(nn.Linear(2, 2, rng=0))
    y = model(np.ones((1, 2)))
    ref = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert ref() is None
    finally:
        gc.enable()
    assert y.node.scope.owner() is None


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_independent_and_complete(duplicate):
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    x = np.ones((4, 2), np.float32)
    before = model(x).data.copy()
    other = duplicate(model)
    np.testing.assert_array_equal(other(x).data, before)
    assert other(x).node.scope.owner() is other[2]
    for p in other.parameters():
        assert isinstance(p, nn.Parameter)
        p.data = np.zeros(p.shape)
    np.testing.assert_array_equal(model(x).data, before)


def test_train_and_eval_reach_every_module():
    model = Everything()
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())


def test_frozen_parameters_get_no_gradient_and_thaw_again():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))
    model[0].freeze()
    model(np.ones((1, 2))).sum().backward()
    assert model[0].weight.grad is None and model[1].weight.grad is not None
    model.requires_grad_()
    model(np.ones((1, 2))).sum().backward()
    assert model[0].weight.grad is not None
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_a_frozen_part_stays_as_it_is_in_training():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    model[0].freeze()
    before = model.state_dict()
    model(np.ones((1, 2))).sum().backward()
    optimizer.step()
    after = model.state_dict()
    np.testing.assert_array_equal(after["0.weight"], before["0.weight"])
    assert not np.array_equal(after["1.weight"], before["1.weight"])


def test_astype_converts_parameters_and_buffers_in_place():
    model = Everything()
    first = model.first.weight
    model.astype(np.float64)
    assert model.first.weight is first and first.dtype == np.float64 and first.requires_grad and first.is_leaf
    assert model.mapped["pair"][1].dtype == np.float64
    assert model(np.ones((1, 2))).dtype == np.float64
    with pytest.raises(TypeError, match="floating dtype"):
        model.astype(int)


def test_apply_sees_children_before_parents():
    seen = []
    Everything().apply(lambda module: seen.append(type(module).__name__))
    assert seen[-1] == "Everything" and seen.index("Linear") < seen.index("Block")


# State.


def test_state_dict_is_a_copy_that_loads_back():
    model, other = Everything(), Everything()
    state = model.state_dict()
    assert list(state) == [*NAMES[:-1], "mapped.pair.1", "slope"]
    state["scale"][:] = 7
    assert model.scale.data[0] == 1.0
    assert other.load_state_dict(state) == ([], [])
    np.testing.assert_array_equal(other.scale.data, [7, 7])


def test_weights_interchange_with_pytorch_by_name_and_shape():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    ours = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    # float32 sums of four products in another order
    np.testing.assert_allclose(ours(x).data, theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.pop("scale"), ValueError, "missing 'scale'"),
        (lambda s: s.update(extra=np.ones(1)), ValueError, "unexpected 'extra'"),
        (lambda s: s.update(slope=np.ones(3)), ValueError, r"'slope' has shape \(\), the saved array \(3,\)"),
        (lambda s: s.update(slope=np.array(1j)), TypeError, "'slope' has dtype float64, the saved array complex128"),
        (lambda s: s.update(slope=np.array("x")), TypeError, "'slope' has dtype float64"),
    ],
)
def test_loading_is_all_or_nothing(change, error, words):
    model = Everything()
    before = model.state_dict()
    state = {name: a + 1 for name, a in before.items()}
    change(state)
    with pytest.raises(error, match=words):
        model.load_state_dict(state)
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


def test_without_strict_what_fits_is_loaded_and_the_rest_is_returned():
    model = nn.Linear(2, 2, rng=0)
    result = model.load_state_dict({"bias": [1.0, 2.0], "head": [0.0]}, strict=False)
    assert result.missing == ["weight"] and result.unexpected == ["head"]
    np.testing.assert_array_equal(model.bias.data, [1, 2])


def test_a_graph_recorded_before_loading_refuses_to_run_backward():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=0))
    loss = model(np.ones((1, 2), np.float32)).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match="overwritten"):
        loss.backward()


# functional_call.


def test_functional_call_differentiates_what_it_is_given_and_leaves_the_model_alone():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1)).astype(float)
    x = np.random.default_rng(0).standard_normal((4, 2))
    params = {name: p.data.copy() for name, p in model.named_parameters()}
    before = {name: p.data for name, p in model.named_parameters()}
    gradient = ad.grad(lambda p: nn.functional_call(model, p, x).sum())(params)
    model(x).sum().backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(gradient[name], p.grad, rtol=1e-12)  # the same operations, recorded twice
        assert p.data is before[name] and p.is_leaf
    with pytest.raises(RuntimeError, match="stop"):
        nn.functional_call(Failing(model), {}, x)
    assert all(p.data is before[name] for name, p in model.named_parameters())


class Failing(nn.Module):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        raise RuntimeError("stop")


def test_functional_call_inside_vmap_gives_a_gradient_for_each_example():
    """It wrote values into the parameters' handles, and what vmap hands on is no array: BatchedValueError."""
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, rng=rng), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3, rng=rng))
    net.astype(np.float64)
    x, parameters = rng.standard_normal((4, 1, 5, 5)), {name: p.data for name, p in net.named_parameters()}

    labels = np.array([0, 2, 1, 2])

    def loss(params, image, label):
        return nn.cross_entropy(nn.functional_call(net, params, image[None]), label[None])

    each = ad.vmap(ad.grad(loss), in_axes=(None, 0, 0))(parameters, x, labels)
    for i in range(4):
        alone = ad.grad(loss)(parameters, x[i], labels[i])
        for name in parameters:  # float64 sums of at most 50 products near 1, in another order
            np.testing.assert_allclose(each[name][i], alone[name], rtol=0, atol=1e-12)


def test_functional_call_takes_a_tuple_of_arguments_as_pytorch_does():
    """The tuple became the input: an array with one axis more."""
    net, x = nn.Linear(3, 2, rng=0), np.ones((4, 3), np.float32)
    assert nn.functional_call(net, net.state_dict(), (x,)).shape == (4, 2)


def test_functional_call_reaches_lists_tuples_and_dicts_and_keeps_what_the_call_counts():
    class Nested(nn.Module):
        def __init__(self):
            self.calls = 0
            self.pair = (nn.Parameter([1.0]), [nn.Parameter([2.0])])
            self.named = {"c": nn.Parameter([3.0])}

        def forward(self, x):
            self.calls += 1
            return x * self.pair[0] + self.pair[1][0] + self.named["c"]

    net = Nested()
    before = dict(net.named_parameters())
    given = {name: np.float32([10.0 ** (i + 1)]) for i, name in enumerate(before)}
    assert nn.functional_call(net, given, np.float32([1.0])).item() == 1110
    assert net.calls == 1 and all(p is before[name] for name, p in net.named_parameters())
    assert net(np.float32([1.0])).item() == 6


def test_functional_call_reaches_scalars_and_tied_parameters():
    neuron = nn.Neuron(2, "tanh", rng=0)
    out = nn.functional_call(neuron, {"b": 3.0, "w.0": ad.scalar(1.0), "w.1": 0.0}, [2.0, 5.0])
    assert out.item() == np.tanh(5.0)
    assert neuron.b.item() == 0.0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"wieght": np.ones((1, 2))}, "no parameter 'wieght'; it has weight, bias"),
        ({"bias": np.ones(3)}, r"'bias' is a Parameter of shape \(1,\)"),
    ],
)
def test_functional_call_names_mistakes(params, words):
    with pytest.raises(ValueError, match=words):
        nn.functional_call(nn.Linear(2, 1, rng=0), params, np.ones((1, 2)))


# Looking.


def test_the_articles_network_has_101770_parameters():
    net = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 128), nn.ReLU(), nn.Linear(128, 10))
    summary = net.summary()
    assert summary.total == summary.trainable == 101_770
    assert "100,480 + 1,290 = 101,770 parameters" in str(summary)


def test_summary_shows_output_shapes_and_leaves_the_model_as_it_was():
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4, rng=0), nn.Dropout(), nn.Linear(4, 2, rng=0))
    net[0].eval()
    text = str(net.summary(np.zeros((5, 2, 3))))
    assert "5 × 6" in text and "5 × 2" in text
    assert net.training and not net[0].training and "forward" not in vars(net[1])


def test_summary_counts_multiply_adds_and_the_bytes_of_outputs():
    net = nn.Sequential(nn.Conv2d(2, 4, 3, groups=2, rng=0), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3, rng=0))
    summary = net.summary(np.zeros((5, 2, 4, 4)))
    assert [row.multiply_adds for row in summary.rows] == [0, 5 * 4 * 4 * 9, 5 * 4 * 4, 0, 5 * 16 * 3]
    assert summary.multiply_adds == 1040 and summary.output_bytes == 4 * (3 * 80 + 15)
    assert str(summary).endswith("1,040 multiply-adds, 1.0 kB of outputs")
    lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    matrices = sum(p.size for name, p in lstm.named_parameters() if name.startswith("weight"))
    assert lstm.summary(np.zeros((7, 5, 3))).multiply_adds == 7 * 5 * matrices


def test_multiply_adds_are_half_the_operations_that_pytorch_counts():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    for name, arguments, shape in [
        ("Linear", (6, 3), (5, 2, 6)),
        ("Conv1d", (4, 6, 3, 2, 1, 1, 2), (2, 4, 9)),
        ("Conv2d", (4, 6, (3, 2), 1, 1), (2, 4, 5, 6)),
        ("Conv3d", (1, 2, 2), (2, 1, 4, 4, 3)),
        ("ConvTranspose2d", (4, 6, 3, 2, 1, 1), (2, 4, 5, 6)),
    ]:
        with FlopCounterMode(display=False) as counter:
            getattr(torch.nn, name)(*arguments)(torch.zeros(shape))
        summary = getattr(nn, name)(*arguments).summary(np.zeros(shape, np.float32))
        assert 2 * summary.multiply_adds == counter.get_total_flops(), name


def test_summary_counts_shared_and_frozen_parameters_right():
    net = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=0))
    net[1].tied = net[0].weight
    net[0].freeze()
    summary = net.summary()
    assert (summary.total, summary.trainable) == (12, 6)
    assert "(6 trainable)" in str(summary)


def test_repr_shows_the_tree():
    assert repr(nn.Sequential(nn.Linear(2, 1, bias=False, rng=0), nn.Sequential(nn.ReLU()))) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=1, bias=False)\n"
        "  (1): Sequential(\n    (0): ReLU()\n  )\n)"
    )


def test_parameters_are_float32_unless_told():
    assert nn.Parameter(np.ones(2)).dtype == np.float32
    assert nn.Parameter(np.ones(2), dtype=None).dtype == np.float64
    assert nn.Parameter([1.0], requires_grad=False).requires_grad is False
    with pytest.raises(TypeError, match="int64"):
        nn.Parameter([1, 2], dtype=None)


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(1)


def test_functional_call_refuses_two_values_for_one_shared_parameter() -> None:
    """The last of the two was taken silently, and the gradient of the other was zero."""
    shared = nn.Linear(2, 2, rng=0)
    net, x = nn.Sequential(shared, shared), np.ones((1, 2))
    one, other = ad.tensor(np.eye(2)), ad.tensor(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"'1\.weight' shares its parameter"):
        nn.functional_call(net, {"0.weight": one, "1.weight": other}, x)
    both = nn.functional_call(net, {"0.weight": one, "1.weight": one}, x)
    np.testing.assert_array_equal(both.data, nn.functional_call(net, {"0.weight": one}, x).data)
    np.testing.assert_array_equal(nn.functional_call(net, net.state_dict(), x).data, net(x).data)


def test_a_forward_that_returns_notimplemented_runs_once() -> None:
    """From the second call on it ran twice."""

    class Shy(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return NotImplemented

    module = Shy()
    assert module(1) is module(1) is NotImplemented and module.calls == 2


def test_a_tensor_in_the_place_of_a_parameter_is_warned_about():
    """A Scalar in an attribute is trained and a Tensor is not: silently, until now."""
    net = nn.Module()
    with pytest.warns(UserWarning, match=r"Module\.scale is a Tensor .* no Parameter.*nn\.Parameter\(x\)"):
        net.scale = ad.tensor([1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.weight, net.gain = nn.Parameter([1.0]), ad.scalar(1.0)
        net.constant, net.seen = ad.tensor([1.0], requires_grad=False), net.weight * 2
    assert [name for name, _ in net.named_parameters()] == ["weight", "gain"]


def test_functions_in_a_sequential_are_listed_by_name():
    text = repr(nn.Sequential(nn.ReLU(), np.tanh, ad.relu))
    assert text.splitlines()[1:-1] == ["  (0): ReLU()", "  (1): tanh", "  (2): relu"]


def test_the_checks_of_layers_are_loaded_when_they_are_asked_for() -> None:
    """nn.testing was an AttributeError unless it had been imported; ad.testing is not."""
    code = "import sys, nn; assert 'nn.testing' not in sys.modules; print(nn.testing.check_module.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "check_module"
