"""Replace a layer's parameters by functions of others, and undo it.

The class of the layer becomes a subclass that computes the parameters before each call and deletes them after it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

import autodiff as ad

from ..layers.containers import ModuleDict
from ..module import Module
from ..parameter import Buffer, Parameter, hold

__all__ = [
    "ParametrizationList",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
]


class ParametrizationList(Module):
    """The parts of one parameter: `original` (or `original0`, `original1`, ...), and functions, called in order.

    `torch.nn.utils.parametrize.ParametrizationList`. Made by `register_parametrization`.

    >>> import nn
    >>> layer = nn.parametrize.weight_norm(nn.Linear(2, 3, rng=0))
    >>> [p.shape for p in layer.parametrizations.weight.originals()]
    [(3, 1), (3, 2)]
    """

    def __init__(self, first: Module, original: Parameter | Buffer) -> None:
        parts = _inverse(first, original.data)
        self._originals = len(parts) if isinstance(parts, tuple) else 0  # 0: one, without a number
        if not isinstance(parts, tuple):
            hold(original, ad.tensor(parts, dtype=original.dtype, requires_grad=original.requires_grad))
            self.original = original  # the same object: an optimizer may hold it
        else:
            for k, part in enumerate(parts):
                made = Parameter(part, original.dtype, original.requires_grad)
                setattr(self, f"original{k}", made if isinstance(original, Parameter) else Buffer(part))
        setattr(self, "0", first)

    def functions(self) -> list[Module]:
        """Return the functions, in the order they are called."""
        return [module for name, module in self.named_children() if name.isdigit()]

    def __getitem__(self, index: int) -> Module:
        """Return one of the functions."""
        return self.functions()[index]

    def __len__(self) -> int:
        return len(self.functions())

    def originals(self) -> list[Any]:
        """Return the trained parameters."""
        names = [f"original{k}" for k in range(self._originals)] or ["original"]
        return [getattr(self, name) for name in names]

    def forward(self) -> Any:
        """Compute the parameter."""
        first, *others = self.functions()
        value = first(*self.originals())
        for function in others:
            value = function(value)
        return value

    def assign(self, value: Any) -> None:
        """Set the originals so that the parameter becomes `value`, by the functions' `right_inverse`."""
        for function in reversed(self.functions()):
            if isinstance(value, tuple):
                raise ValueError("only the first parametrization may have several originals")
            value = _inverse(function, ad.plain(value))
        for own, part in zip(self.originals(), value if isinstance(value, tuple) else (value,), strict=True):
            own.data = part


def _inverse(function: Module, value: Any) -> Any:
    """Return the arguments for which the function returns `value`: an array, or a tuple of them."""
    inverse = getattr(function, "right_inverse", None)
    if inverse is None:
        return value
    with ad.no_grad():
        parts = inverse(value)
    return tuple(map(ad.plain, parts)) if isinstance(parts, (tuple, list)) else ad.plain(parts)


class _Computed:
    """`layer.weight` outside of a call. Inside of one, the layer's own dict has the value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None:
            return self
        parts = layer.parametrizations[self.name]
        with _as_in_evaluation(parts):  # reading it must not be a step of a power iteration
            return parts()


@contextlib.contextmanager
def _as_in_evaluation(module: Module) -> Iterator[None]:
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, training in modes:
            m.training = training


class _Parametrized:
    """The methods that the class of a parametrized layer adds to the layer's own."""

    _base: type[Module]
    _computed: tuple[str, ...]
    parametrizations: ModuleDict

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the parameters, and call the layer."""
        own = self.__dict__
        for name in self._computed:
            own[name] = self.parametrizations[name]()
        try:
            return super().forward(*args, **kwargs)  # type: ignore[misc]
        finally:
            for name in self._computed:
                own.pop(name, None)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self)._computed:
            self.parametrizations[name].assign(value)
        else:
            super().__setattr__(name, value)

    def __reduce__(self) -> Any:
        return _rebuilt, (self._base, self._computed), self.__getstate__()


@functools.cache
def _class(base: Any, computed: tuple[str, ...]) -> Any:
    members: dict[str, Any] = {name: _Computed(name) for name in computed}
    return type(
        f"Parametrized{base.__name__}", (_Parametrized, base), {**members, "_base": base, "_computed": computed}
    )


def _rebuilt(base: Any, computed: tuple[str, ...]) -> Any:
    """Make an empty module of the class with computed attributes. Copying and unpickling call this."""
    kind = _class(base, computed)
    return object.__new__(kind)


def register_parametrization(module: Any, tensor_name: str, parametrization: Module) -> Any:
    """Make a parameter of a layer a function of trained parameters; return the layer.

    `torch.nn.utils.parametrize.register_parametrization`.

    Args:
        module: the layer; it is changed.
        tensor_name: the name of its Parameter or Buffer, such as "weight". A second call adds a function of the result.
        parametrization: a Module that returns an array of the parameter's shape. Its `right_inverse(value)`, where it
            has one, returns the first originals: an array, or a tuple of arrays, which `forward` then takes.

    Raises:
        ValueError: the layer has no such parameter, or the result has another shape.
        TypeError: `parametrization` is no Module.

    >>> import autodiff as ad, nn, numpy as np
    >>> class Symmetric(nn.Module):
    ...     def forward(self, a):
    ...         return np.triu(a) + np.triu(a, 1).T
    >>> layer = nn.parametrize.register_parametrization(nn.Linear(3, 3, rng=0), "weight", Symmetric())
    >>> bool((layer.weight.data == layer.weight.data.T).all()), [name for name, _ in layer.named_parameters()]
    (True, ['bias', 'parametrizations.weight.original'])
    """
    who = "register_parametrization"
    if not isinstance(module, Module) or not isinstance(parametrization, Module):
        raise TypeError(
            f"{who} takes a layer, the name of its parameter, and a Module; got {type(module).__name__}, "
            f"{tensor_name!r}, {type(parametrization).__name__}"
        )
    layer: Any = module
    if is_parametrized(layer, tensor_name):
        parts = layer.parametrizations[tensor_name]
        with _as_in_evaluation(parts):
            value = parts()
        _check_shape(parametrization, value.shape, parametrization(value).shape)
        setattr(parts, str(len(parts.functions())), parametrization)
        return layer
    original = layer.__dict__.get(tensor_name)
    if not isinstance(original, (Parameter, Buffer)):
        has = ", ".join(name for name, v in layer.__dict__.items() if isinstance(v, (Parameter, Buffer))) or "none"
        raise ValueError(f"{who}: {type(module).__name__} has no parameter {tensor_name!r} of its own; it has {has}")
    shape = original.shape
    parts = ParametrizationList(parametrization, original)
    with _as_in_evaluation(parts):
        _check_shape(parametrization, shape, parts().shape)
    del layer.__dict__[tensor_name]
    if is_parametrized(layer):
        layer.parametrizations[tensor_name] = parts
    else:
        layer.parametrizations = ModuleDict({tensor_name: parts})
    _become(layer)
    return layer


def _check_shape(function: Module, shape: Any, found: Any) -> None:
    if found != shape:
        raise ValueError(
            f"register_parametrization: {type(function).__name__} returns shape {found} for a parameter of {shape}"
        )


def _become(module: Any) -> None:
    """Give a layer the class that computes its parameters, or its first class when no parameter is computed."""
    base: Any = getattr(type(module), "_base", type(module)) if isinstance(module, _Parametrized) else type(module)
    names = tuple(module.parametrizations)
    object.__setattr__(module, "__class__", _class(base, names) if names else base)
    if not names:
        del module.__dict__["parametrizations"]
    module.__dict__["_scope"] = None


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Return whether a layer has computed parameters, or this one is computed.

    `torch.nn.utils.parametrize.is_parametrized`.

    >>> import nn
    >>> nn.parametrize.is_parametrized(nn.parametrize.weight_norm(nn.Linear(2, 2)), "weight")
    True
    """
    return isinstance(module, _Parametrized) and (tensor_name is None or tensor_name in module._computed)


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make a computed parameter an ordinary one again; return the layer.

    `torch.nn.utils.parametrize.remove_parametrizations`. leave_parametrized: whether it gets the computed value, or the
    original. Raises ValueError for a parameter that is not computed, or for several originals and False.

    >>> import nn
    >>> layer = nn.parametrize.weight_norm(nn.Linear(2, 2, rng=0))
    >>> nn.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=2)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {tensor_name!r} of {type(module).__name__} is not computed")
    parts = module.parametrizations[tensor_name]
    originals = parts.originals()
    if not leave_parametrized and len(originals) > 1:
        raise ValueError("remove_parametrizations: leave_parametrized=False needs one original, got several")
    kept = originals[0]
    if leave_parametrized:
        value = np.array(ad.plain(getattr(module, tensor_name)))
        if len(originals) > 1:
            made = Parameter(value, kept.dtype, kept.requires_grad)
            kept = made if isinstance(kept, Parameter) else Buffer(value)
        else:
            kept.data = value
    del module.parametrizations[tensor_name]
    _become(module)
    setattr(module, tensor_name, kept)
    return module
