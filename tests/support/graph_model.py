"""The naive model that `GraphMachine` is compared with: NumPy values and the recipe of each.

A derivative is computed by pushing one unit tangent after another through the recipes: no graph, no sharing, no reverse
pass, nothing released. The recipes are written by hand, without the registry. Never here: a handle's operation, or
Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import autodiff as ad

__all__ = ["BINARY", "SHAPES", "UNARY", "VIEWS", "Entry", "Slot", "close", "derivative", "overwritten", "write_into"]

Push = Callable[..., Any]  # tangents of the operands, 0 where there is none -> tangent of the value

# name -> (the function that both run, recipe of the tangent from copies of the operands)
UNARY: dict[str, tuple[Callable[..., Any], Callable[..., Push]]] = {
    "tanh": (np.tanh, lambda x: lambda t: (1 - np.tanh(x) ** 2) * t),
    "sin": (np.sin, lambda x: lambda t: np.cos(x) * t),
    "square": (np.square, lambda x: lambda t: 2 * x * t),
    "negative": (np.negative, lambda x: lambda t: -t),
    "abs": (np.absolute, lambda x: lambda t: np.sign(x) * t),
}
BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Push]]] = {
    "add": (lambda a, b: a + b, lambda a, b: lambda s, t: s + t),
    "subtract": (lambda a, b: a - b, lambda a, b: lambda s, t: s - t),
    "multiply": (lambda a, b: a * b, lambda a, b: lambda s, t: s * b + a * t),
    "hypot+1": (
        lambda a, b: np.sqrt(a * a + b * b + 1.0),
        lambda a, b: lambda s, t: (a * s + b * t) / np.sqrt(a * a + b * b + 1),
    ),
}
VIEWS: dict[str, Callable[[Any], Any]] = {  # linear: the tangent goes the same way
    "x[::-1]": lambda x: x[::-1],
    "x[0]": lambda x: x[0],
    "x[:1]": lambda x: x[:1],
    "x.reshape": lambda x: x.reshape(np.shape(x)),
    "x[[0, 0]]": lambda x: x[[0, 0]],
}
SHAPES = ((), (2,), (2, 2))  # any two broadcast


@dataclass
class Entry:
    """One value of the model: its recipe, and the state that the engine should keep of it."""

    value: Any  # an array, a real NumPy view where it is one; or a float
    parents: tuple[int, ...] = ()  # entries that a derivative flows to
    push: Push | None = None
    operands: tuple[int | None, ...] = ()
    reads: tuple[Any, ...] = ()  # arrays that a rule may have saved
    born: int = 0
    ancestors: frozenset[int] = frozenset()
    node: Any = None  # weak reference to the engine's node; None for a constant
    grad: Any = None  # of a leaf: the sum; of a Scalar or a retained value: of the last backward pass
    retained: bool = False
    factor: float = 1.0  # of the hooks
    consumed: bool = False
    replaced: bool = False  # a Scalar's leaf whose handle was given another value since

    @property
    def live(self) -> bool:
        return self.node is not None

    @property
    def leaf(self) -> bool:
        return self.live and self.push is None


@dataclass
class Slot:
    """One handle that the machine holds."""

    handle: Any
    entry: int
    base: int | None = None  # the slot it is a view of
    owner: int | None = None  # the entry whose memory it shows
    stale: bool = False
    refusal: type[Exception] = ad.StaleValueError  # of a stale one
    hooks: list[Callable[[], None]] = field(default_factory=list)


def close(a: Any, b: Any) -> bool:
    """Return whether two values are equal up to the rounding of about fifty operations; faster than np.allclose."""
    size = 1.0 + float(np.max(np.abs(b), initial=0.0))
    return np.shape(a) == np.shape(b) and float(np.max(np.abs(a - b), initial=0.0)) <= 1e-9 * size


def derivative(entries: list[Entry], root: int, at: int, weights: Any) -> Any:
    """Return d <weights, root> / d at, element by element, by pushing unit tangents through the recipes."""
    line = [k for k in sorted(entries[root].ancestors) if k > at]
    shape = np.shape(entries[at].value)
    gradient = np.zeros(shape)
    for i in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[i] = entries[at].factor
        tangents: dict[int, Any] = {at: unit}
        for k in line:
            e = entries[k]
            if e.push is not None and any(p in tangents for p in e.parents):
                t = e.push(*[tangents.get(p, 0.0) if p is not None else 0.0 for p in e.operands])
                tangents[k] = np.broadcast_to(t, np.shape(e.value)) * e.factor
        gradient[i] = np.sum(weights * tangents.get(root, 0.0))
    return gradient


def overwritten(entries: list[Entry], writes: list[tuple[int, Any]], line: list[int]) -> bool:
    """Return whether an array that one of these values read was written afterwards, or a Scalar among them set anew."""
    for k in line:
        if entries[k].replaced:
            return True
        for when, array in writes:
            arrays = [r for r in entries[k].reads if isinstance(r, np.ndarray)]
            if when > entries[k].born and any(np.shares_memory(array, r) for r in arrays):
                return True
    return False


def write_into(x: Any, v: Any, form: str) -> None:
    """Run the same statement in plain NumPy, really in place."""
    if form == "x[0] = v":
        x[0] = v
    elif form == "x += v":
        x += v
    else:
        x *= v
