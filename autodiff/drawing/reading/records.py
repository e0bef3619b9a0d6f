"""The plain records a snapshot is made of, and the numbers that describe an array."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...other_arrays import is_foreign
from ...registry import Op
from ..picture.model import Stats
from ..picture.text import number

Call = tuple[str, int]  # module path, and the number of the call
STATS_LIMIT = 20_000_000  # elements; a larger array is described by shape alone


@dataclass(slots=True)
class Value:
    """One node of the graph as plain data. `operands`: index of another value, a number, or None for an array.
    `row`: the row of its operation, None for a leaf.
    """

    index: int
    op: str = ""
    badge: str = ""
    operands: tuple[Any, ...] = ()
    constants: tuple[int | None, ...] = ()
    indices: tuple[int, ...] = ()
    scalar: bool = False
    shape: tuple[int, ...] = ()
    dtype: str = ""
    number: float | complex | None = None
    text: str = ""
    grad: float | None = None
    signed: bool = False
    locals: tuple[float, ...] = ()
    stats: Stats | None = None
    path: str = ""
    source: str = ""
    name: str = ""
    role: str = "op"
    fused: bool = False
    detail: str = ""
    key: str = ""
    calls: tuple[Call, ...] = ()
    entered: Mapping[str, int] = field(default_factory=dict)  # a mark of the call, by path, where calls were recorded
    tied: tuple[str, ...] = ()
    count: int = 1
    masked: bool = False  # a softmax reads it: -inf in it is a mask, and no problem
    added: bool = False  # the gradient is a sum over several backward passes
    row: Op | None = None
    wrote: Op | None = None  # of an operation that a derivative rule made: the one that a user wrote

    @property
    def single(self) -> bool:
        """Whether this is one number: a Scalar or a 0-d Tensor."""
        return self.scalar or self.shape == ()

    @property
    def parents(self) -> list[int]:
        """Indices of the operands that are values, one for each use, in order; known constant arrays count."""
        if not self.constants:
            return [p for p in self.operands if p.__class__ is int] + list(self.indices)
        both = zip(self.operands, self.constants, strict=True)
        found = (p if p.__class__ is int else c for p, c in both)
        return [i for i in found if i is not None] + list(self.indices)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Small images of numbers on a card: filters or attention, how many there are in all, the least and the largest
    number."""

    kind: str
    images: tuple[tuple[tuple[float, ...], ...], ...]
    total: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A module as the picture shows it: path, class name, sizes such as `784 → 128`, its parent's path, and
    the facts that it states (see `ModuleFacts`)."""

    path: str
    kind: str = ""
    sizes: str = ""
    parent: str = ""
    kernel: tuple[int, ...] = ()
    heads: int = 0
    whole: bool = False
    attention: str = ""
    tiles: Tiles | None = None


@dataclass(frozen=True, slots=True)
class OptimizerInfo:
    """Name, learning rate and step of an optimizer, and by parameter name ‖Δw‖/‖w‖ of its last step."""

    name: str
    lr: float | None = None
    step: int | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Snapshot:
    """Everything a picture is made from. `values` are in creation order; `roots` are indices.

    calls: how often each module was called. frozen: path, class and sizes of modules that left no trace in the graph.
    gradients: "" (none), "backward" (left by `backward()`), "leaves" (they alone have one), "private" (made here) or
    "failed: ..." with the reason.
    """

    values: list[Value]
    roots: list[int]
    modules: dict[str, ModuleInfo]
    optimizer: OptimizerInfo | None = None
    gradients: str = ""
    recorded: bool = False
    opened: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    calls: dict[str, int] = field(default_factory=dict)
    frozen: list[tuple[str, str, str]] = field(default_factory=list)


def describe_array(value: Value, array: Any) -> None:
    """Set the statistics of an array, and its number when it is 0-d."""
    if array is None or getattr(array, "size", STATS_LIMIT) >= STATS_LIMIT or is_foreign(array):
        return
    array = np.asarray(array)
    value.stats = stats_of(array)
    if array.ndim == 0:
        value.number = array.item()


def gradient_number(grad: Any) -> tuple[float, bool]:
    """Return the gradient itself for a single number, else its 2-norm (in double precision), and whether it has a sign.
    """
    if isinstance(grad, float):
        return grad, True
    array = np.asarray(grad)
    if array.ndim == 0 and array.dtype.kind != "c":
        return float(array), True
    return norm_of(array), False


def norm_of(array: np.ndarray[Any, Any]) -> float:
    """Return the 2-norm; scaled by the largest element, so that it neither overflows nor underflows."""
    flat = np.abs(np.asarray(array, dtype=np.complex128 if array.dtype.kind == "c" else np.float64).ravel())
    if not flat.size:
        return 0.0
    peak = float(flat.max())
    if peak == 0 or not math.isfinite(peak):
        return peak
    flat /= peak
    return peak * math.sqrt(float(np.dot(flat, flat)))


def stats_of(array: np.ndarray[Any, Any]) -> Stats:
    """Return statistics of an array; minimum, maximum, mean and norm over its finite elements."""
    size = int(array.size)
    if array.dtype.kind not in "fiub" or not size:
        return Stats(
            size, norm=norm_of(array) if size and array.dtype.kind == "c" and np.isfinite(array).all() else None
        )
    with np.errstate(all="ignore"):
        data = array.astype(np.float64, copy=False).ravel()
        zeros = size - int(np.count_nonzero(data))
        finite = np.isfinite(data)
        if finite.all():
            return Stats(size, float(data.min()), float(data.max()), float(data.mean()), norm_of(data), zeros)
        nans, up = int(np.isnan(data).sum()), int((data == np.inf).sum())
        down = size - int(finite.sum()) - nans - up
        data = data[finite]
        if not data.size:
            return Stats(size, None, None, None, None, zeros, nans, up, down)
        return Stats(
            size, float(data.min()), float(data.max()), float(data.mean()), norm_of(data), zeros, nans, up, down
        )


def shown_number(value: Value) -> str:
    """Return the number of a single value as printed on its card."""
    return number(value.number) if value.number is not None else value.text
