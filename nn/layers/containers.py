"""Modules made of modules: Sequential. Plain lists and dicts of modules need no class here; a Module finds what is
in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..module import Module

__all__ = ["Sequential"]


class Sequential(Module):
    """Modules (or any functions) one after the other; their names are their positions: `0`, `1`, ...

    >>> import nn, numpy as np
    >>> net = nn.Sequential(nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Linear(8, 2, rng=1))
    >>> net(np.ones((5, 4))).shape, len(net), net[0].weight.shape
    ((5, 2), 3, (8, 4))
    """

    def __init__(self, *layers: Any) -> None:
        for i, layer in enumerate(layers):
            self._set(i, layer)

    def _set(self, i: int, layer: Any) -> None:
        if not callable(layer):
            raise TypeError(
                f"Sequential: layer {i} is a {type(layer).__name__}, which cannot be called; pass modules one by one"
            )
        if isinstance(layer, type):
            raise TypeError(f"Sequential: layer {i} is the class {layer.__name__}; write nn.{layer.__name__}(...)")
        setattr(self, str(i), layer)

    def forward(self, x: Any) -> Any:
        """x through every layer in turn."""
        for name, layer in list(self.__dict__.items()):
            if name.isdigit():
                x = layer(x)
        return x

    def _shown(self) -> Iterator[tuple[str, str]]:
        for i, layer in enumerate(self):
            yield str(i), repr(layer) if isinstance(layer, Module) else getattr(layer, "__name__", repr(layer))

    def append(self, layer: Any) -> Sequential:
        """Add a layer at the end; return self."""
        self._set(len(self), layer)
        return self

    def __len__(self) -> int:
        return sum(name.isdigit() for name in self.__dict__)

    def __iter__(self) -> Iterator[Any]:
        return (layer for name, layer in self.__dict__.items() if name.isdigit())

    def __getitem__(self, index: int | slice) -> Any:
        """One layer, or a new Sequential of a slice of them (sharing their parameters)."""
        layers = list(self)
        if isinstance(index, int) and not -len(layers) <= index < len(layers):
            raise IndexError(f"Sequential has {len(layers)} layers, 0 to {len(layers) - 1}; got index {index}")
        return Sequential(*layers[index]) if isinstance(index, slice) else layers[index]

    def __setitem__(self, index: int, layer: Any) -> None:
        """Put another layer in the place of one, for example a new head: `net[-1] = nn.Linear(128, 5)`."""
        self._set(range(len(self))[index], layer)
