"""Containers of PyTorch's names, and its ways to register: names in the state, order, and what is refused."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nn


class Net(nn.Module):
    def __init__(self) -> None:
        self.blocks = nn.ModuleList([nn.Linear(2, 2, rng=i) for i in range(3)])
        self.heads = nn.ModuleDict({"a": nn.Linear(2, 1, rng=3), "b": nn.ReLU()})
        self.scales = nn.ParameterList([np.ones(2), nn.Parameter([3.0])])
        self.table = nn.ParameterDict({"shift": np.zeros(2)})

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x) * self.scales[0] + self.table["shift"]
        return self.heads["b"](self.heads["a"](x))


NAMES = [
    *[f"blocks.{i}.{name}" for i in range(3) for name in ("weight", "bias")],
    *["heads.a.weight", "heads.a.bias", "scales.0", "scales.1", "table.shift"],
]


def test_names_are_paths_as_in_pytorch() -> None:
    assert list(Net().state_dict()) == NAMES
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Module()
    theirs.blocks = torch.nn.ModuleList([torch.nn.Linear(2, 2) for _ in range(3)])
    theirs.heads = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 1), "b": torch.nn.ReLU()})
    theirs.scales = torch.nn.ParameterList([torch.ones(2), torch.ones(1)])
    theirs.table = torch.nn.ParameterDict({"shift": torch.zeros(2)})
    assert sorted(theirs.state_dict()) == sorted(NAMES)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_gradients_reach_what_is_inside_also_of_a_copy(again: Any) -> None:
    net = again(Net())
    net(np.ones((3, 2))).sum().backward()
    assert all(p.grad is not None for name, p in net.named_parameters() if name != "scales.1")


def test_a_module_list_is_a_list() -> None:
    a, b, c = (nn.Linear(1, 1, rng=i) for i in range(3))
    modules = nn.ModuleList([a]).append(c)
    modules.insert(1, b)
    assert list(modules) == [a, b, c] and modules[-1] is c and len(modules) == 3
    assert list(modules[1:]) == [b, c] and isinstance(modules[1:], nn.ModuleList)
    assert modules.pop() is c and list(modules) == [a, b]
    modules[0] = c
    modules += [a]
    del modules[1]
    assert list(modules) == [c, a] and [name for name, _ in modules.named_children()] == ["0", "1"]


def test_a_parameter_list_takes_another_parameter_in_the_place_of_one() -> None:
    new = nn.Parameter([1.0, 2.0, 3.0])
    parameters = nn.ParameterList([np.zeros(2)])
    parameters[0] = new
    assert list(parameters.parameters()) == [new]
    assert "Parameter of shape (3,)" in repr(parameters)


def test_a_module_dict_is_a_dict() -> None:
    a, b = nn.ReLU(), nn.Tanh()
    modules = nn.ModuleDict([("x", a), ("training_data", b)])
    assert modules.keys() == ["x", "training_data"] and modules.values() == [a, b] and "x" in modules
    modules["x"] = b
    assert modules.items() == [("x", b), ("training_data", b)] and len(modules) == 2
    assert modules.pop("x") is b and list(modules) == ["training_data"]
    modules.clear()
    assert not len(modules)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.ModuleList([np.tanh]), TypeError, "ModuleList holds modules; got a ufunc"),
        (lambda: nn.ModuleDict({"keys": nn.ReLU()}), ValueError, "'keys' cannot be a key"),
        (lambda: nn.ModuleDict({"training": nn.ReLU()}), ValueError, "'training' cannot be a key"),
        (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), ValueError, "'a.b' cannot be a key"),
        (lambda: nn.ModuleDict({1: nn.ReLU()}), TypeError, "keys must be strings"),
        (lambda: nn.ModuleDict()["a"], KeyError, "a"),
        (lambda: nn.ParameterList([nn.ReLU()]), TypeError, "holds parameters; got a ReLU"),
        (lambda: nn.ModuleList()(1), NotImplementedError, "ModuleList has no forward"),
        (lambda: nn.ReLU().register_buffer("a.b", np.ones(1)), ValueError, "a name without a dot"),
        (lambda: nn.ReLU().register_buffer("forward", np.ones(1)), ValueError, "has an attribute 'forward' already"),
        (lambda: nn.ReLU().register_parameter("w", np.ones(1)), TypeError, "an nn.Parameter or None is needed"),
        (lambda: nn.ReLU().register_module("w", np.tanh), TypeError, "an nn.Module or None is needed"),
    ],
)
def test_mistakes_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_list_that_refuses_a_value_stays_as_it_was() -> None:
    a = nn.ReLU()
    modules = nn.ModuleList([a])
    with pytest.raises(TypeError):
        modules.extend([nn.Tanh(), 1])
    assert list(modules) == [a]


def test_a_buffer_that_is_not_persistent_is_left_out_of_the_state_at_any_depth() -> None:
    net = Net()
    net.blocks[0].register_buffer("mask", np.ones(2), persistent=False)
    net.blocks[1].register_buffer("mask", np.ones(2))
    net.register_parameter("nothing", None)
    assert set(net.state_dict()) == {*NAMES, "blocks.1.mask"}
    assert [name for name, _ in net.named_buffers()] == ["blocks.0.mask", "blocks.1.mask"]
    assert net.load_state_dict(net.state_dict()) == ([], []) and net.nothing is None


def test_layers_with_names_run_in_their_order() -> None:
    """A module that was registered under a name was left out of the run without a word."""
    net = nn.Sequential({"a": nn.Linear(3, 4, rng=0), "act": nn.ReLU()})
    net.add_module("b", nn.Linear(4, 2, rng=1))
    x = np.ones((1, 3), np.float32)
    assert list(net.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    np.testing.assert_array_equal(net(x).data, net.b(net.act(net.a(x))).data)
    assert len(net) == 3 and net[-1] is net.b and list(net[:2].state_dict()) == ["a.weight", "a.bias"]
    assert repr(net).splitlines()[1] == "  (a): Linear(in_features=3, out_features=4)"
    with pytest.raises(ValueError, match=r"a name without a dot is needed, got 'a\.b'"):
        nn.Sequential({"a.b": nn.ReLU()})
    with pytest.raises(ValueError, match="has an attribute 'forward' already"):
        nn.Sequential({"forward": nn.ReLU()})


def test_layers_are_inserted_removed_and_joined() -> None:
    a, b, c = nn.Linear(2, 2, rng=0), nn.ReLU(), nn.Linear(2, 2, rng=1)
    net = nn.Sequential(a, c).insert(1, b).extend([nn.Tanh(), nn.Identity()])
    assert [*net][:3] == [a, b, c] and list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert isinstance(net.pop(), nn.Identity) and len(net) == 4
    del net[1]
    assert [*net][:2] == [a, c] and list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert [*(net + nn.Sequential(b))][-1] is b and [*(nn.ModuleList([a]) + [b])] == [a, b]
    with pytest.raises(IndexError, match="Sequential has 3 layers, 0 to 2; got index 3"):
        net.pop(3)


def test_parameters_of_a_module_itself() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.scale, self.inner = nn.Parameter([1.0]), nn.BatchNorm1d(2)

    two = Two()
    assert [name for name, _ in two.named_parameters("m", recurse=False)] == ["m.scale"]
    assert len([*two.parameters()]) == 3 and len([*two.parameters(recurse=False)]) == 1
    assert len([*two.buffers()]) == 3 and [*two.named_buffers(recurse=False)] == []
    result = two.load_state_dict({"scale": [2.0], "x": 1}, strict=False)
    assert result.unexpected_keys == ["x"] and len(result.missing_keys) == 5
