"""One evaluation of a function on nodes of our own: the first step of every transform."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..backward import collect, conjugate, pull, raw
from ..batching.handle import Batched, bare, bottom, frames_of, open_frames, over_all, with_bottom
from ..errors import kind_of
from ..graph import Node, leaf, tick
from ..modes import OFF, mode, number, state
from ..other_arrays import as_array, is_foreign, plain_array, zeros
from ..registry import OPS
from ..variable import Scalar, Variable, is_live, wrap
from .containers import flatten, map_leaves

Function = Callable[..., Any]


class Evaluation:
    """One evaluation of a function on nodes of our own: the arguments' nodes, the result, and the nodes between."""

    def __init__(self, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: dict[str, Any]) -> None:
        now = state()
        self.start = tick()
        self.frames = open_frames()
        self.floor = self.start if now.floor == OFF else now.floor  # under no_grad only our own nodes record
        self.leaves: list[list[Any]] = []  # handles, one list a differentiated argument
        self.rebuild = []
        args = list(args)
        with mode(floor=self.floor):
            for i in argnums:
                values, rebuild = flatten(args[i])
                lifted = [lift(v, i) for v in values]
                self.leaves.append(lifted)
                self.rebuild.append(rebuild)
                args[i] = rebuild(lifted)
            self.out = f(*args, **kwargs)
        self.inner = [x.node for group in self.leaves for x in group]

    def reach(self, roots: list[Node]) -> None:
        """Collect the nodes that the roots depend on, and set ``recorded``: whether another recorded value is among
        them. Only older ones count: leaves that f itself made are of no use outside.
        """
        nodes = collect(roots, self.floor, self.inner)
        reached = set(nodes)
        self.recorded = any(n.op is None and n.serial < self.start for n in nodes) or any(
            n.parents for n in self.inner if n in reached
        )
        on_path = set(self.inner)  # nodes that depend on an argument: the rest (a network's weights) is never computed
        for node in reversed(nodes):
            if node.op is not None and not on_path.isdisjoint([p for p in node.parents if isinstance(p, Node)]):
                on_path.add(node)
        self.nodes = [n for n in nodes if n in on_path]

    def pull(self, seeds: dict[Node, Any], release: bool = False) -> list[Any]:
        """Return cotangents of the arguments, one container for each."""
        recorded = self.recorded or any(isinstance(s, Variable) and is_live(s) for s in seeds.values())
        with mode(floor=self.floor):
            if recorded:
                seeds = {n: s if isinstance(s, Variable) else wrap(s, None) for n, s in seeds.items()}
            found = pull(seeds, self.nodes, wanted=self.inner, recorded=recorded, release=release)
            flat = [conjugate(derivative(found.get(x.node), bottom(x))) for group in self.leaves for x in group]
            if recorded:  # a zero because there is no path (a relu that is off) is recorded like any other value
                flat = [v if isinstance(v, Variable) else wrap(v, leaf(v)) for v in flat]
            values = iter(in_own_memory(flat, seeds.values()))
        groups = zip(self.leaves, self.rebuild, strict=True)
        return [rebuild([with_bottom(x, next(values)) for x in group]) for group, rebuild in groups]

    def result(self, x: Any) -> Any:
        """Return a value computed inside for the caller: recorded only if it can depend on another recorded value."""
        return x if self.recorded else map_leaves(bare, x)


def lift(v: Any, i: int) -> Any:
    """Return an argument as a value to differentiate in; a recorded one stays connected to its graph. Inside ``vmap``
    each example has its own, so that its derivative can differ between examples.
    """
    if open_frames():
        if isinstance(v, Scalar):
            raise TypeError(f"argument {i} is a Scalar inside vmap: differentiate an array or a number instead.")
        v = over_all(v if isinstance(v, Variable) else _floating(v, i), open_frames())
        return with_bottom(v, _lifted(bottom(v), i))
    return _lifted(v, i)


def _lifted(v: Any, i: int) -> Any:
    if isinstance(v, Variable):
        if is_live(v):
            return OPS["positive"](v)
        v = v.data
    if isinstance(v, bool | np.bool_) or not (
        isinstance(v, float | int | complex | np.ndarray | np.generic) or is_foreign(v)
    ):
        raise TypeError(
            f"argument {i} cannot be differentiated: got {kind_of(v)}. "
            "Pass floating arrays or numbers, or choose others with argnums=."
        )
    if isinstance(v, float | int) and not isinstance(v, np.generic):
        data = number(v)
    else:
        data = _floating(v if is_foreign(v) else np.array(plain_array(v)), i)
    lifted = wrap(data, leaf(data))
    lifted._argument = True  # a copy of it, or ``ad.tensor`` of it, would be a constant to this transform
    return lifted


def _floating(v: Any, i: int) -> Any:
    """Return an argument as an array of floats or complex numbers; raise TypeError for other dtypes."""
    data = plain_array(v) if not isinstance(v, float | int) or isinstance(v, bool) else np.asarray(float(v))
    if data.dtype.kind not in "fc":
        raise TypeError(
            f"argument {i} cannot be differentiated: {kind_of(data)}. "
            "Pass floats (x.astype(float)), or choose others with argnums=."
        )
    return data


def shape_of(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Variable) else np.shape(x)


def kind_of_dtype(x: Any) -> str:
    return (x.dtype if isinstance(x, Variable) else np.result_type(x)).kind


def for_node(c: Any, y: Variable) -> Any:
    """Return a cotangent or tangent of a value as one of its node: inside ``vmap``, for all examples."""
    c = c if isinstance(c, Variable) else as_array(c)
    return bottom(over_all(c, frames_of(y))) if y.__class__ is Batched else c


def derivative(d: Any, x: Variable) -> Any:
    """Return a derivative of the shape and dtype of x; zeros where none arrived."""
    if d is None:
        return 0.0 if isinstance(x, Scalar) else zeros(x.shape, x.dtype, x._data)
    if not isinstance(x, Scalar) or isinstance(d, Scalar):
        return d
    return OPS["to_scalar"](d) if isinstance(d, Variable) else number(d)  # in a trace, a Scalar's node has 0-d arrays


def in_own_memory(values: Iterable[Any], given: Iterable[Any] = ()) -> list[Any]:
    """Return the values, copied where one shows the memory of another, or of a given value."""
    used = {id(_memory(v)) for v in given}
    out: list[Any] = []
    for v in values:
        a = raw(bottom(v))
        if isinstance(a, np.ndarray) and (a.base is not None or not a.flags.writeable or id(a) in used):
            one = bottom(v)
            v = with_bottom(v, OPS["positive"](one) if isinstance(one, Variable) else a.copy())
        used.add(id(_memory(v)))
        out.append(v)
    return out


def _memory(v: Any) -> Any:
    """Return the array whose memory a value shows."""
    a = raw(bottom(v))
    while isinstance(getattr(a, "base", None), np.ndarray):
        a = a.base
    return a


def places(argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    wanted = (argnums,) if isinstance(argnums, int | np.integer) else tuple(argnums)
    for i in wanted:
        if not -count <= i < count:
            raise ValueError(f"argnums={argnums} but the function was called with {count} positional arguments.")
    found = tuple(i % count for i in wanted)
    if len(set(found)) < len(found):
        raise ValueError(f"argnums={argnums} names one of the {count} positional arguments twice.")
    return found


def check_use(who: str, f: Any, argnums: Any) -> None:
    """Refuse two common mistakes: a value in place of the function, and the argument beside it."""
    if not callable(f):
        raise TypeError(
            f"{who} needs a function; got {kind_of(f)}. For the gradient of a value that is already computed write "
            "y.backward() and read x.grad."
        )
    numbers = argnums if isinstance(argnums, tuple | list) else [argnums]
    if not all(isinstance(i, int | np.integer) for i in numbers):
        raise TypeError(
            f"{who}: argnums must be an integer or several; got {kind_of(argnums)}. "
            f"The arguments of f follow in a call of their own: ad.{who}(f)(x)."
        )
