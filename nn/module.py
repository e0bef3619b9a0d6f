"""Module: a function with parameters, which are found by searching its attributes.

A module is an ordinary object. The Parameters, Buffers, Scalars and Modules in its attributes, directly or in lists,
tuples and dicts, belong to it, in the order of definition. Their names are their paths: `fc1.weight`,
`blocks.3.attn`. There is no metaclass and no registry, and `super().__init__()` need not be called.

Calling a module enters its scope, so that every operation recorded inside refers to the module: pictures group by it,
errors name it. A module called by its parent is named by its path there. The path is looked up once and kept while the
parent stays the same.

One file: `Module` is one class, and users read it as a whole.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

import autodiff as ad
from autodiff import scope
from autodiff.extend import clear_gradients, current_scope, numbers, write_all

from .arguments_elsewhere import OF_LAYERS, without
from .names_elsewhere import IN_MODULE
from .overview import summarize
from .parameter import Buffer, Parameter, hold
from .random import default_generator

__all__ = ["LoadResult", "Module", "functional_call", "saved_variables"]

Self = TypeVar("Self", bound="Module")
State = dict[str, NDArray[Any]]


class LoadResult(NamedTuple):
    """The names that `load_state_dict(strict=False)` left out."""

    missing: list[str]
    unexpected: list[str]

    @property
    def missing_keys(self) -> list[str]:
        """PyTorch's name of `missing`."""
        return self.missing

    @property
    def unexpected_keys(self) -> list[str]:
        """PyTorch's name of `unexpected`."""
        return self.unexpected


class Module:
    """Base of every layer and model: define `forward`, assign parameters and layers to attributes.

    >>> import autodiff as ad, nn, numpy as np
    >>> class Scale(nn.Module):
    ...     def __init__(self, n):
    ...         self.factor = nn.Parameter(np.ones(n))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> layer = Scale(3)
    >>> [name for name, p in layer.named_parameters()]
    ['factor']
    >>> layer(np.float32([1, 2, 3])).sum().backward()
    >>> layer.factor.grad
    array([1., 2., 3.], dtype=float32)
    """

    training: bool = True
    _name: str = ""
    _scope: Any = None
    _not_saved: frozenset[str] = frozenset()  # buffers that are left out of `state_dict`

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        without(OF_LAYERS, cls)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Subclasses define it; users call the module itself."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, x)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        here = self._scope
        if here is not None:
            result = here.run(self.forward, args, kwargs)
            if result is not here.ELSEWHERE:
                return result
        with scope(self._name_here(), self) as here:
            self.__dict__["_scope"] = here  # made once, entered from now on
            return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if old is not None and old is not value and isinstance(old, ad.Variable):
            _check_replacement(self, name, old, value)
        if isinstance(value, (Module, list, tuple, dict)):
            for path, found in _found(name, value):
                if isinstance(found, Module):
                    found.__dict__["_name"], found.__dict__["_scope"] = path, None
        elif value.__class__ is ad.Tensor and value.is_leaf and value.requires_grad:
            warnings.warn(
                f"{type(self).__name__}.{name} is a Tensor that requires a gradient but no Parameter: no optimizer "
                "will update it. Write nn.Parameter(x), or ad.tensor(x, requires_grad=False) for a constant.",
                stacklevel=2,
            )
        self.__dict__[name] = value

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError; for names of other libraries, with the name to write here."""
            if name in IN_MODULE:
                raise AttributeError(f"{type(self).__name__} has no .{name}: {IN_MODULE[name]}.", name=name)
            return object.__getattribute__(self, name)  # raises again, or raises the error of a property

    # PyTorch's way to assign: the same as `self.name = ...`.

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Hold an array as a buffer, as `self.name = nn.Buffer(tensor)` does. `torch.nn.Module.register_buffer`.

        tensor: an array, a Buffer, or None for an attribute that is None. persistent: whether `state_dict` has it.
        Raises ValueError when the name has a dot or is an attribute already.

        >>> import nn, numpy as np
        >>> layer = nn.Identity()
        >>> layer.register_buffer("mask", np.ones(2), persistent=False)
        >>> layer.mask, layer.state_dict()
        (buffer([1., 1.], requires_grad=False), {})
        """
        self._check_new(name)
        setattr(self, name, tensor if tensor is None or isinstance(tensor, Buffer) else Buffer(tensor))
        if not persistent:
            self.__dict__["_not_saved"] = self._not_saved | {name}

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold a parameter, as `self.name = param` does. `torch.nn.Module.register_parameter`.

        param: a Parameter, or None for an attribute that is None. Raises TypeError for anything else, ValueError when
        the name has a dot or is an attribute already.

        >>> import nn
        >>> layer = nn.Identity()
        >>> layer.register_parameter("scale", nn.Parameter([1.0])); layer.scale
        parameter([1.], dtype=float32)
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter({name!r}): an nn.Parameter or None is needed, got a {type(param).__name__}"
            )
        self._check_new(name)
        setattr(self, name, param)

    def register_module(self, name: str, module: Module | None) -> None:
        """Hold a module, as `self.name = module` does. `torch.nn.Module.register_module`, `add_module`.

        module: a Module, or None. Raises TypeError for anything else, ValueError when the name has a dot or is an
        attribute already.

        >>> import nn
        >>> net = nn.Sequential()
        >>> net.register_module("head", nn.ReLU()); net.head
        ReLU()
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"register_module({name!r}): an nn.Module or None is needed, got a {type(module).__name__}")
        self._check_new(name)
        setattr(self, name, module)

    add_module = register_module

    def _check_new(self, name: str) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{type(self).__name__}: a name without a dot is needed, got {name!r}")
        if self.__dict__.get(name) is not None or hasattr(type(self), name):
            raise ValueError(f"{type(self).__name__} has an attribute {name!r} already")

    # Finding parameters.

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield (path, module) of this module ("") and every module below, each once, in definition order."""
        yield from _once((("", self), *((path, m) for path, m in _tree(self) if isinstance(m, Module))))

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, ad.Variable]]:
        """Yield (path, parameter) of every Parameter and Scalar, each once under its first name, in definition order.

        prefix: put before each path, with a dot between. recurse: also those of modules inside.
        """
        start = f"{prefix}." if prefix else ""
        found = _tree(self) if recurse else _members(self)
        yield from _once((start + path, v) for path, v in found if isinstance(v, (Parameter, ad.Scalar)))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Buffer]]:
        """Yield (path, buffer) of every Buffer, each once, in definition order.

        prefix: put before each path, with a dot between. recurse: also those of modules inside.
        """
        start = f"{prefix}." if prefix else ""
        found = _tree(self) if recurse else _members(self)
        yield from _once((start + path, v) for path, v in found if isinstance(v, Buffer))

    def modules(self) -> Iterator[Module]:
        """Return this module and every module below."""
        return (module for _, module in self.named_modules())

    def children(self) -> Iterator[Module]:
        """Return the modules directly below."""
        return (child for _, child in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of the modules directly below."""
        yield from _once((name, m) for name, m in _members(self) if isinstance(m, Module))

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """Yield every parameter, each once, as an optimizer takes them. recurse: also those of modules inside."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """Yield every buffer, each once. recurse: also those of modules inside."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def generators(self) -> Iterator[np.random.Generator]:
        """Yield the random generators this module may draw from: the default one, and those in its attributes.

        `ad.checkpoint(module)` puts their states back before it runs the module again, so that dropout repeats itself.
        """
        yield default_generator()
        for module in self.modules():
            yield from (value for value in module.__dict__.values() if isinstance(value, np.random.Generator))

    # Changing all of them.

    def train(self: Self, mode: bool = True) -> Self:
        """Switch this module and all below to training (dropout on) or, with False, to evaluation."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation: `train(False)`."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set every gradient to None, or to zeros. All or nothing: a signal on the way leaves all of them."""
        clear_gradients(self.parameters(), set_to_none)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Set whether parameters require a gradient. Without it a parameter is a constant ("frozen")."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def freeze(self: Self) -> Self:
        """Make every parameter a constant: `requires_grad_(False)`."""
        return self.requires_grad_(False)

    def astype(self: Self, dtype: DTypeLike) -> Self:
        """Convert parameters and floating buffers to a floating dtype, in place, and drop their gradients. Scalars
        stay floats.

        >>> import nn
        >>> nn.Linear(2, 3).astype("float64").weight.dtype
        dtype('float64')
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise TypeError(f"{type(self).__name__}.astype needs a floating dtype, got {dtype}")
        for _, tensor in (*self.named_parameters(), *self.named_buffers()):
            if isinstance(tensor, ad.Tensor) and tensor.dtype.kind == "f" and tensor.dtype != dtype:
                hold(tensor, ad.tensor(tensor.data.astype(dtype), requires_grad=tensor.requires_grad, copy=False))
        return self

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn(module)` on every module, children before parents; return self."""
        for module in reversed(list(self.modules())):
            fn(module)
        return self

    # Saving and loading.

    def state_dict(self) -> State:
        """Return a copy of every parameter and buffer by name; a shared one appears under each of its names.

        >>> import nn
        >>> {name: a.shape for name, a in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {path: np.array(v.data) for path, v in saved_variables(self)}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy arrays into parameters and buffers by name, all or nothing: everything is checked first.

        Args:
            state: name -> array (anything `np.asarray` takes).
            strict: whether missing and unexpected names are errors; otherwise they are returned.

        Raises:
            ValueError: names are missing or unexpected,
                a shape does not fit, or two names of one shared parameter disagree.
            TypeError: a dtype cannot become the parameter's without losing its kind.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"{type(self).__name__}.load_state_dict needs a dict of arrays by name, got {state!r:.60}")
        own = dict(saved_variables(self))
        result = LoadResult([k for k in own if k not in state], [k for k in state if k not in own])
        if strict and (result.missing or result.unexpected):
            raise ValueError(_names_do_not_fit(type(self).__name__, result))
        checked: dict[int, tuple[str, ad.Variable, NDArray[Any]]] = {}
        for path, variable in own.items():
            if path not in state:
                continue
            array = _fitting(path, variable, state[path])
            first, _, other = checked.setdefault(id(variable), (path, variable, array))
            if not np.array_equal(array, other, equal_nan=True):
                raise ValueError(f"{first!r} and {path!r} are one shared parameter, but the saved values differ")
        write_all((variable, array) for _, variable, array in checked.values())
        return result

    # Text and summary.

    def summary(self, x: Any = None) -> Any:
        """Return a printable table of layers and parameters; with a sample input `x`, also of output shapes, their
        bytes, and multiply-adds. A tuple or a dict as x holds several inputs.

        >>> import nn
        >>> print(nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).summary())
        name  layer                                      parameters
        0     Flatten()
        1     Linear(in_features=784, out_features=128)     100,480
        2     ReLU()
        3     Linear(in_features=128, out_features=10)        1,290
        -----------------------------------------------------------
        100,480 + 1,290 = 101,770 parameters, 407.1 kB
        """
        return summarize(self, x)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Return the number of multiplications, each with an addition, of one call, without those of layers inside.

        inputs, output: the arguments of the call and its result; only their shapes are used. 0 unless a layer defines
        it: elementwise functions are not counted. `summary` adds them up.

        >>> import nn, numpy as np
        >>> nn.Linear(3, 2, rng=0).multiply_adds((np.ones((5, 3)),), np.ones((5, 2)))
        30
        """
        return 0

    def extra_repr(self) -> str:
        """Return the arguments shown between the parentheses of `repr`."""
        return ""

    def __repr__(self) -> str:
        head = f"{type(self).__name__}({self.extra_repr()}"
        lines = [f"  ({name}): " + text.replace("\n", "\n  ") for name, text in self._shown()]
        return head + ("\n" + "\n".join(lines) + "\n)" if lines else ")")

    def _shown(self) -> Iterator[tuple[str, str]]:
        """Yield (name, text) of everything that `repr` lists."""
        return ((name, repr(child)) for name, child in self.named_children())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows: the text, and a card with layers and parameter counts. Never raises."""
        bundle = {"text/plain": repr(self)}
        with contextlib.suppress(Exception):  # a cell shows the text also when the card fails
            bundle["text/html"] = ad.drawing.card(self)
        return bundle

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_scope"}

    def _name_here(self) -> str:
        """Return the path of this module under the module that is running; outside of one, the name it was last
        assigned to.
        """
        running = current_scope()
        parent = running.owner() if running is not None else None
        if isinstance(parent, Module):
            return next((path for path, m in _tree(parent) if m is self), self._name)
        return self._name


def functional_call(module: Module, params: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Return `module(*args, **kwargs)` with other values instead of some parameters and buffers.

    The module stays as it was.

    Args:
        module: a Module.
        params: name -> Tensor, Scalar, array or number of the parameter's shape. Values that require a gradient are
            differentiated.
        args: the module's arguments; or one tuple of them, as `torch.func.functional_call` takes them.

    Raises:
        ValueError: a name that the module does not have,
            or a shape that does not fit.

    The values are exchanged during the call: do not call the same module in another thread meanwhile.

    >>> import autodiff as ad, nn, numpy as np
    >>> net = nn.Linear(2, 1, rng=0)
    >>> def loss(params):
    ...     return nn.functional_call(net, params, np.ones((4, 2))).sum()
    >>> ad.grad(loss)({"weight": np.zeros((1, 2)), "bias": np.zeros(1)})["weight"]
    array([[4., 4.]])
    """
    if not isinstance(module, Module):
        raise TypeError(f"functional_call needs a Module, got a {type(module).__name__}")
    inputs = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
    own = {path: v for path, v in _tree(module) if isinstance(v, ad.Variable)}
    unknown = [name for name in params if name not in own]
    if unknown:
        raise ValueError(f"{type(module).__name__} has no parameter {unknown[0]!r}; it has {', '.join(own) or 'none'}")
    exchange: dict[int, Any] = {}
    given: dict[int, Any] = {}
    for name, value in params.items():
        target = own[name]
        first = given.setdefault(id(target), value)
        if first is not value and (isinstance(value, ad.Variable) or not np.array_equal(first, value)):
            raise ValueError(f"{name!r} shares its parameter with another name that was given another value")
        if not isinstance(value, ad.Variable):
            number = isinstance(target, ad.Scalar)
            value = (
                ad.scalar(value, requires_grad=False) if number else ad.tensor(value, requires_grad=False, copy=False)
            )
        if value.shape != target.shape or isinstance(value, ad.Scalar) != isinstance(target, ad.Scalar):
            raise ValueError(
                f"{name!r} is a {type(target).__name__} of shape {target.shape}, "
                f"got a {type(value).__name__} of shape {value.shape}"
            )
        exchange[id(target)] = value
    modules = {id(m): m for m in (module, *(m for _, m in _tree(module) if isinstance(m, Module)))}
    members = [(m, name, value) for m in modules.values() for name, value in m.__dict__.items()]
    changes = [(m, name, value, _exchanged(value, exchange)) for m, name, value in members]
    changes = [(m, name, value, other) for m, name, value, other in changes if other is not value]
    try:
        for m, name, _, other in changes:  # by place, and not by writing into the handles: a value of vmap is no array
            m.__dict__[name] = other
        return module(*inputs, **kwargs)
    finally:
        for m, name, value, _ in changes:
            m.__dict__[name] = value


# The walk.


def _members(module: Module) -> Iterator[tuple[str, Any]]:
    """Yield (name, thing) of everything a module holds itself, looking into lists, tuples and dicts."""
    for name, value in module.__dict__.items():
        yield from _found(name, value)


def _found(name: str, value: Any, inside: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (Parameter, Buffer, Module)) or (isinstance(value, ad.Scalar) and value.is_leaf):
        yield name, value
    elif isinstance(value, (list, tuple, dict)) and id(value) not in inside:  # a list may hold itself
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _found(f"{name}.{key}", item, (*inside, id(value)))


def _exchanged(value: Any, exchange: Mapping[int, Any], inside: tuple[int, ...] = ()) -> Any:
    """Return the value, or a copy of its lists, tuples and dicts, with others in the places of some variables."""
    if id(value) in exchange:
        return exchange[id(value)]
    if not isinstance(value, (list, tuple, dict)) or id(value) in inside:
        return value
    items = value.values() if isinstance(value, dict) else value
    others = [_exchanged(item, exchange, (*inside, id(value))) for item in items]
    if all(other is item for other, item in zip(others, items)):
        return value
    if isinstance(value, dict):
        return type(value)(zip(value, others))
    return type(value)(*others) if hasattr(value, "_fields") else type(value)(others)


def _tree(module: Module, prefix: str = "", above: tuple[Module, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (path, thing) of everything below, depth first, under each of its names; a child that holds its parent is
    not re-entered.
    """
    above = (*above, module)
    for name, value in _members(module):
        if not isinstance(value, Module):
            yield prefix + name, value
        elif not any(value is m for m in above):
            yield prefix + name, value
            yield from _tree(value, f"{prefix}{name}.", above)


def saved_variables(module: Module) -> Iterator[tuple[str, ad.Variable]]:
    """Return (path, value) of the entries of `state_dict`: every parameter and buffer, under each of its names."""
    holders = [("", module), *((f"{path}.", m) for path, m in _tree(module) if isinstance(m, Module))]
    left_out = {prefix + name for prefix, m in holders for name in m._not_saved}
    return ((path, v) for path, v in _tree(module) if isinstance(v, ad.Variable) and path not in left_out)


def _once(pairs: Any) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for path, value in pairs:
        if id(value) not in seen:
            seen.add(id(value))
            yield path, value


def _check_replacement(module: Module, name: str, old: ad.Variable, new: Any) -> None:
    kind = Parameter if isinstance(old, Parameter) else Buffer if isinstance(old, Buffer) else ad.Scalar
    if kind is ad.Scalar and not (old.is_leaf and old.requires_grad):
        return
    if not isinstance(new, kind) or not new.is_leaf:
        raise TypeError(
            f"{type(module).__name__}.{name} is a {kind.__name__}; it cannot be replaced by a {type(new).__name__}. "
            f"Write {name}.data = ... for a new value, or del the attribute first to give it up"
        )


def _names_do_not_fit(who: str, result: LoadResult) -> str:
    parts = [
        f"{what} {', '.join(map(repr, names[:5]))}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for what, names in (("missing", result.missing), ("unexpected", result.unexpected))
        if names
    ]
    return f"{who}.load_state_dict: {'; '.join(parts)}. Nothing was loaded; strict=False loads what fits"


def _fitting(path: str, variable: ad.Variable, value: Any) -> NDArray[Any]:
    given = value.data if isinstance(value, ad.Variable) else value
    array = np.asarray(numbers(given, f"load_state_dict of {path!r}", "value"))
    if array.shape != variable.shape:
        raise ValueError(f"{path!r} has shape {variable.shape}, the saved array {array.shape}; nothing was loaded")
    if not np.can_cast(array.dtype, variable.dtype, "same_kind"):
        raise TypeError(f"{path!r} has dtype {variable.dtype}, the saved array {array.dtype}; nothing was loaded")
    return array.astype(variable.dtype)
