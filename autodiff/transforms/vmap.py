"""vmap: a function of one example, run once for all of them."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..batching.handle import Batched, Frame, inside, open_frames
from ..errors import kind_of
from ..other_arrays import numbers
from ..variable import Scalar, Variable, plain
from .containers import flatten, nesting
from .evaluation import Function, in_own_memory
from .generators import states_of_generators


def vmap(f: Function, in_axes: Any = 0, out_axes: Any = 0, randomness: str = "error") -> Function:
    """Return a function that applies f to every example along an axis of its arguments, in one run of f.

    f takes and returns arrays, numbers, Tensors, and nested lists, tuples and dicts of them, and is written for one
    example: inside, a value has the shape of one. in_axes: the axis of the examples in every array of the arguments;
    None for an argument that all examples share; or a tuple with an entry for each argument, which may itself be nested
    as the argument is. Keyword arguments are options that all examples share; one with arrays in it is refused, since
    JAX maps those over axis 0 and PyTorch shares them. out_axes: the place of the axis in the outputs, in the same
    forms; an output that does not depend on the examples is repeated.

    It composes: ``vmap(grad(f))`` gives a gradient for each example, ``grad`` of a sum over ``vmap(f)`` is the gradient
    of the whole, and ``vmap(vmap(f))`` runs over two axes. A function without a batched form runs in a loop over the
    examples, with the same results. Values that differ between examples have no truth value and no plain value:
    write ``ad.where(condition, a, b)`` instead of ``if``. Random numbers that f draws would be the same in all
    examples: randomness="error" refuses them, and "same" allows it. With "different" every example has draws of its
    own, one example after the other, where f draws by ``ad.extend.draw_random`` or a layer of ``nn`` does (Dropout);
    a draw from a generator itself is refused.

    Raises ValueError when the axes do not fit, BatchedValueError (a TypeError) for a plain value or a write inside f.
    JAX: ``jax.vmap``; PyTorch: ``torch.func.vmap``.

    >>> import autodiff as ad, numpy as np
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1.0, 0.0, 1.0])
    >>> ad.vmap(np.dot, in_axes=(0, None))(x, np.array([1.0, 1.0]))
    array([ 3.,  7., 11.])
    >>> loss = lambda w, x, y: (np.dot(w, x) - y) ** 2
    >>> ad.vmap(ad.grad(loss), in_axes=(None, 0, 0))(np.zeros(2), x, y)
    array([[ -2.,  -4.],
           [  0.,   0.],
           [-10., -12.]])
    """
    if not callable(f):
        raise TypeError(f"vmap needs a function; got {kind_of(f)}. Write ad.vmap(f)(x).")
    if randomness not in ("error", "same", "different"):
        raise ValueError(f"vmap: randomness must be 'error', 'same' or 'different'; got {randomness!r}.")
    name = str(getattr(f, "__name__", None) or type(f).__name__)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise TypeError(f"vmap({name}) needs an argument with a batch axis; keyword arguments are shared.")
        for key, value in kwargs.items():
            if any([isinstance(x, Variable | np.ndarray) and np.ndim(x) for x in flatten(value)[0]]):
                raise ValueError(
                    f"vmap({name}): the keyword argument {key!r} has arrays in it. Pass it by position, with its axis "
                    "in in_axes; or bind what all examples share: ad.vmap(functools.partial(f, ...))."
                )
        leaves, rebuild = flatten(list(args))
        if isinstance(in_axes, list | tuple) and len(in_axes) != len(args):
            raise ValueError(f"vmap: in_axes has {len(in_axes)} entries for the {len(args)} arguments of {name}.")
        axes = _axes_of(list(in_axes) if isinstance(in_axes, tuple) else in_axes, list(args), "in_axes")
        frames = open_frames()
        frame = Frame(_size(name, leaves, axes), name, len(frames))
        given = [_taken(frame, x, axis) for x, axis in zip(leaves, axes, strict=True)]
        np.random  # noqa: B018 (NumPy loads it at first use; generators are searched only in a loaded module)
        draws = _Draws(name, randomness, [] if randomness == "same" else states_of_generators(f, args, kwargs))
        frame.draws = draws if randomness == "different" else None
        out = inside((*frames, frame), f, *rebuild(given), **kwargs)
        draws.check()
        outs, rebuild_outs = flatten(out)
        places = _axes_of(out_axes, out, "out_axes")
        made = [_given_back(frame, y, axis) for y, axis in zip(outs, places, strict=True)]
        return rebuild_outs(in_own_memory(made, [x for x in leaves if isinstance(x, Variable | np.ndarray)]))

    return run


def _axes_of(axes: Any, x: Any, who: str) -> list[int | None]:
    """Return an axis for each leaf of x; axes is one for all below it, or nested as x is."""
    if axes is None or (isinstance(axes, int | np.integer) and not isinstance(axes, bool)):
        return [axes if axes is None else int(axes)] * len(flatten(x)[0])
    if isinstance(axes, dict) and isinstance(x, dict) and axes.keys() == x.keys():
        return [a for key in x for a in _axes_of(axes[key], x[key], who)]
    if isinstance(axes, list | tuple) and isinstance(x, list | tuple) and len(axes) == len(x):
        return [a for part, v in zip(axes, x, strict=True) for a in _axes_of(part, v, who)]
    if isinstance(axes, dict | list | tuple):
        raise ValueError(f"vmap: {who} must be nested as the values are; got {nesting(axes)} for {nesting(x)}.")
    raise TypeError(f"vmap: {who} must be an axis, None, or nested tuples and dicts of them; got {kind_of(axes)}.")


def _size(name: str, leaves: list[Any], axes: list[int | None]) -> int:
    """Return the number of examples, which all mapped arrays must agree on."""
    sizes: dict[int, Any] = {}
    for x, axis in zip(leaves, axes, strict=True):
        if axis is None or x is None:
            continue
        numbers(plain(x), f"vmap({name})", "x")
        if isinstance(x, Scalar) or not isinstance(x, Variable | np.ndarray | np.generic) or not x.ndim:
            raise ValueError(
                f"vmap({name}): {kind_of(x)} has no axis of examples; write in_axes=None for what all examples share."
            )
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(f"vmap({name}): in_axes names axis {axis} of {kind_of(x)}.")
        sizes.setdefault(x.shape[axis], x)
    if not sizes:
        raise ValueError(f"vmap({name}): in_axes names no axis of examples; one argument needs one.")
    if len(sizes) > 1:
        (n, x), (m, y), *_ = sizes.items()
        raise ValueError(
            f"vmap({name}): arguments have {n} and {m} examples ({kind_of(x)}, {kind_of(y)}). Name the axis of each "
            "with in_axes=, None for what all examples share."
        )
    return next(iter(sizes))


def _taken(frame: Frame, x: Any, axis: int | None) -> Any:
    if axis is None or x is None:
        return x
    return Batched(frame, np.moveaxis(x, axis, 0) if axis else x)


def _given_back(frame: Frame, y: Any, axis: int | None) -> Any:
    """Return an output of all examples, with the batch axis at the place given by out_axes."""
    batched = y.__class__ is Batched and y.frame is frame
    if axis is None:
        if batched:
            raise ValueError(f"vmap({frame.name}): out_axes=None for an output that differs between examples.")
        return y
    if not batched and not isinstance(y, Variable | np.ndarray | np.generic | float | int | complex):
        raise TypeError(f"vmap({frame.name}) must return arrays and numbers; it returned {kind_of(y)}.")
    y = y.payload if batched else np.copy(np.broadcast_to(y, (frame.size, *np.shape(y))))
    place = normalize_axis_index(axis, np.ndim(y), "vmap: out_axes")
    return np.moveaxis(y, 0, place) if place else y


class _Draws:
    """The generators that a function may draw from, with their states, to refuse draws shared by all examples."""

    def __init__(self, name: str, randomness: str, generators: list[Any]) -> None:
        self.name, self.randomness, self.generators = name, randomness, generators

    def look(self) -> None:
        """Take the present states: numbers drawn until now were drawn for every example."""
        self.generators = [(generator, get, put, get(generator)) for generator, get, put, _ in self.generators]

    def check(self) -> None:
        """Refuse when numbers were drawn from a generator since ``look``."""
        for generator, get, _, state in self.generators:
            if not _same(get(generator), state):
                instead = (
                    "draw with ad.extend.draw_random(generator, method, ...)"
                    if self.randomness == "different"
                    else "write vmap(f, randomness='same'), or 'different' with ad.extend.draw_random"
                )
                raise ValueError(
                    f"vmap({self.name}): the function draws random numbers ({type(generator).__name__}): every example "
                    f"would get the same ones. Draw them outside with a batch axis and pass them in, or {instead}."
                )


def _same(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except ValueError:  # arrays are inside
        if isinstance(a, dict):
            a, b = list(a.values()), list(b.values())
        return np.array_equal(a, b) if isinstance(a, np.ndarray) else all(map(_same, a, b))
