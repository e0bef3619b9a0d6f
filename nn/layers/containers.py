"""Modules made of modules: Sequential, and the lists and dicts of PyTorch's names.

A Module also finds parameters and modules in plain lists, tuples and dicts, under the same names. The classes here are
for programs that are written for PyTorch, and check the type of their elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import autodiff as ad

from ..module import Module
from ..parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class Sequential(Module):
    """Modules (or any functions) one after the other; their names are their positions: `0`, `1`, ...

    `torch.nn.Sequential`. A dict of modules gives them names of their own; so does `net.head = nn.Linear(8, 2)`, which
    adds a module at the end.

    >>> import nn, numpy as np
    >>> net = nn.Sequential(nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Linear(8, 2, rng=1))
    >>> net(np.ones((5, 4))).shape, len(net), net[0].weight.shape
    ((5, 2), 3, (8, 4))
    >>> [name for name, _ in nn.Sequential({"hidden": nn.Linear(4, 8), "act": nn.ReLU()}).named_parameters()]
    ['hidden.weight', 'hidden.bias']
    """

    def __init__(self, *layers: Any) -> None:
        named = len(layers) == 1 and isinstance(layers[0], Mapping)
        for name, layer in layers[0].items() if named else enumerate(layers):
            if named:
                self._check_new(str(name))
            self._set(str(name), layer)

    def _set(self, name: str, layer: Any) -> None:
        if not callable(layer):
            raise TypeError(
                f"Sequential: layer {name} is a {type(layer).__name__}, which cannot be called; pass modules one by one"
            )
        if isinstance(layer, type):
            raise TypeError(f"Sequential: layer {name} is the class {layer.__name__}; write nn.{layer.__name__}(...)")
        setattr(self, name, layer)

    def _layers(self) -> list[tuple[str, Any]]:
        """Return (name, layer) of every layer, in the order in which they are called."""
        return [(name, v) for name, v in self.__dict__.items() if name.isdigit() or isinstance(v, Module)]

    def _hold(self, layers: Iterable[tuple[str, Any]]) -> None:
        """Hold these layers and no others; layers named by positions get new names."""
        held = list(layers)
        for name, _ in self._layers():
            del self.__dict__[name]
        for i, (name, layer) in enumerate(held):
            self._set(str(i) if name.isdigit() else name, layer)

    def forward(self, x: Any) -> Any:
        """Call every layer in turn, each with the result of the one before."""
        for _, layer in self._layers():
            x = layer(x)
        return x

    def _shown(self) -> Iterator[tuple[str, str]]:
        for name, layer in self._layers():
            yield name, repr(layer) if isinstance(layer, Module) else getattr(layer, "__name__", repr(layer))

    def append(self, layer: Any) -> Sequential:
        """Add a layer at the end; return self."""
        self._set(str(len(self)), layer)
        return self

    def extend(self, layers: Iterable[Any]) -> Sequential:
        """Add layers at the end; return self."""
        for layer in list(layers):
            self.append(layer)
        return self

    def insert(self, index: int, layer: Any) -> Sequential:
        """Add a layer before a position; return self."""
        held = self._layers()
        held.insert(index, ("0", layer))
        self._hold(held)
        return self

    def pop(self, index: int = -1) -> Any:
        """Remove a layer and return it."""
        layer = self[index]
        del self[index]
        return layer

    def __len__(self) -> int:
        return len(self._layers())

    def __iter__(self) -> Iterator[Any]:
        return (layer for _, layer in self._layers())

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def __getitem__(self, index: int | slice) -> Any:
        """Return one layer, or a new Sequential of a slice of them (sharing their parameters)."""
        layers = self._layers()
        if isinstance(index, slice):
            new = Sequential()
            new._hold(layers[index])
            return new
        return layers[self._place(index)][1]

    def __setitem__(self, index: int, layer: Any) -> None:
        """Replace a layer, for example by a new head: `net[-1] = nn.Linear(128, 5)`."""
        self._set(self._layers()[self._place(index)][0], layer)

    def __delitem__(self, index: int | slice) -> None:
        held = self._layers()
        del held[index if isinstance(index, slice) else self._place(index)]
        self._hold(held)

    def _place(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Sequential has {len(self)} layers, 0 to {len(self) - 1}; got index {index}")
        return range(len(self))[index]


def _module(who: str, value: Any) -> Module:
    if not isinstance(value, Module):
        raise TypeError(f"{who} holds modules; got a {type(value).__name__}")
    return value


def _parameter(who: str, value: Any) -> Any:
    if isinstance(value, Module):
        raise TypeError(f"{who} holds parameters; got a {type(value).__name__}")
    if isinstance(value, Parameter) or (isinstance(value, ad.Scalar) and value.is_leaf):
        return value
    return Parameter(value, None)  # refuses a recorded value


class _List(Module):
    """A list whose elements are attributes of the names 0, 1, ..."""

    _accept: Any

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._hold([*values])

    def _hold(self, values: list[Any]) -> None:
        """Hold these values and no others; all are checked before anything changes."""
        accepted = [type(self)._accept(type(self).__name__, value) for value in values]
        for name in [name for name in self.__dict__ if name.isdigit()]:
            del self.__dict__[name]
        for i, value in enumerate(accepted):
            setattr(self, str(i), value)

    def __len__(self) -> int:
        return sum(name.isdigit() for name in self.__dict__)

    def __iter__(self) -> Iterator[Any]:
        return iter([value for name, value in self.__dict__.items() if name.isdigit()])

    def __getitem__(self, index: int | slice) -> Any:
        """Return one element, or a new list of a slice of them (the same objects)."""
        values = list(self)
        return type(self)(values[index]) if isinstance(index, slice) else values[index]

    def __setitem__(self, index: int, value: Any) -> None:
        values = list(self)
        values[index] = value
        self._hold(values)

    def __delitem__(self, index: int | slice) -> None:
        values = list(self)
        del values[index]
        self._hold(values)

    def append(self, value: Any) -> Any:
        """Add an element at the end; return self."""
        self._hold([*self, value])
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Add elements at the end; return self."""
        self._hold([*self, *values])
        return self

    def insert(self, index: int, value: Any) -> None:
        """Add an element before a position."""
        values = list(self)
        values.insert(index, value)
        self._hold(values)

    def pop(self, index: int = -1) -> Any:
        """Remove an element and return it."""
        values = list(self)
        value = values.pop(index)
        self._hold(values)
        return value

    def __iadd__(self, values: Iterable[Any]) -> Any:
        return self.extend(values)

    def __add__(self, values: Iterable[Any]) -> Any:
        return type(self)([*self, *values])


class ModuleList(_List):
    """A list of modules, named by their positions; it has no forward. `torch.nn.ModuleList`.

    Raises TypeError for anything but a module.

    >>> import nn
    >>> blocks = nn.ModuleList([nn.Linear(2, 2, rng=0) for _ in range(2)])
    >>> [name for name, _ in blocks.append(nn.ReLU()).named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    >>> len(blocks), len(blocks[:2])
    (3, 2)
    """

    _accept = staticmethod(_module)


class ParameterList(_List):
    """A list of parameters, named by their positions; arrays become parameters. `torch.nn.ParameterList`.

    >>> import nn, numpy as np
    >>> ps = nn.ParameterList([nn.Parameter([1.0]), np.zeros(2)])
    >>> {name: p.shape for name, p in ps.named_parameters()}
    {'0': (1,), '1': (2,)}
    """

    _accept = staticmethod(_parameter)

    def _shown(self) -> Iterator[tuple[str, str]]:
        return ((str(i), f"Parameter of shape {p.shape}") for i, p in enumerate(self))


class _Dict(Module):
    """A dict whose values are attributes of the names of their keys."""

    _accept: Any

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        self.update(values)

    def __setitem__(self, key: str, value: Any) -> None:
        who = type(self).__name__
        if not isinstance(key, str):
            raise TypeError(f"{who}: keys must be strings; got {key!r}")
        if not key or "." in key or hasattr(type(self), key):
            why = "it is a name of the class" if hasattr(type(self), key) else "names of parameters are made of it"
            raise ValueError(f"{who}: {key!r} cannot be a key, because {why}")
        value = type(self)._accept(who, value)
        if key in self.__dict__:
            held = list(self.items())
            for name, _ in held:  # the new one has the position of the old
                del self.__dict__[name]
            for name, old in held:
                setattr(self, name, value if name == key else old)
        else:
            setattr(self, key, value)

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(key)
        return self.__dict__[key]

    def __delitem__(self, key: str) -> None:
        self[key]
        del self.__dict__[key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self.__dict__ and not hasattr(type(self), key)

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """Return the keys, in the order of their insertion."""
        return [name for name in self.__dict__ if name in self]

    def values(self) -> list[Any]:
        """Return the values, in the order of the keys."""
        return [self.__dict__[name] for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        """Return pairs (key, value)."""
        return [(name, self.__dict__[name]) for name in self.keys()]

    def update(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Set several, from a dict or from pairs."""
        for key, value in dict(values).items():
            self[key] = value

    def pop(self, key: str) -> Any:
        """Remove a key and return its value."""
        value = self[key]
        del self[key]
        return value

    def clear(self) -> None:
        """Remove every key."""
        for key in self.keys():
            del self[key]


class ModuleDict(_Dict):
    """A dict of modules, named by their keys; it has no forward. `torch.nn.ModuleDict`.

    Raises TypeError for anything but a module, ValueError for a key that is a name of the class or has a dot.

    >>> import nn
    >>> heads = nn.ModuleDict({"digit": nn.Linear(4, 10, rng=0), "parity": nn.Linear(4, 2, rng=0)})
    >>> heads["parity"].weight.shape, list(heads)
    ((2, 4), ['digit', 'parity'])
    """

    _accept = staticmethod(_module)


class ParameterDict(_Dict):
    """A dict of parameters, named by their keys; arrays become parameters. `torch.nn.ParameterDict`.

    >>> import nn, numpy as np
    >>> ps = nn.ParameterDict({"scale": np.ones(2), "shift": np.zeros(2)})
    >>> [name for name, _ in ps.named_parameters()]
    ['scale', 'shift']
    """

    _accept = staticmethod(_parameter)

    def _shown(self) -> Iterator[tuple[str, str]]:
        return ((name, f"Parameter of shape {p.shape}") for name, p in self.items())
