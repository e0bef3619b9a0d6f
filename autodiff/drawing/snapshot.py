"""Numbers and text copied out of a graph, so that a picture keeps no graph alive.

`take` walks the graph once, with a loop, and writes one `Value` for every node in creation order: operation,
operands, shape, dtype, value, gradient, statistics, module path, source line. Everything after it (levels, folding,
focus) works on these plain records. The only thing it may compute is what is not there: gradients before any
`backward()`, by a private pass that writes into no node.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import Variable
from ..backward import collect, pull
from ..graph import Node as GraphNode
from .fused import Opened, constant_array, open_fused
from .model import Stats
from .options import Pattern, matches
from .text import clean, number

STATS_LIMIT = 20_000_000  # elements; a larger array is described by shape alone


@dataclass(slots=True)
class Value:
    """One node of the graph as plain data. `operands`: index of another value, a number, or None for an array."""

    index: int
    op: str = ""
    badge: str = ""
    operands: tuple[Any, ...] = ()
    constants: tuple[int | None, ...] = ()
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

    @property
    def single(self) -> bool:
        """Whether this is one number: a Scalar or a 0-d Tensor."""
        return self.scalar or self.shape == ()

    @property
    def parents(self) -> list[int]:
        """Indices of the operands that are in the graph, one for each use, then of constant arrays."""
        return [p for p in self.operands if p.__class__ is int] + [c for c in self.constants if c is not None]


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A module as the picture shows it: path, class name, sizes such as `784 → 128`, and its parent's path."""

    path: str
    kind: str = ""
    sizes: str = ""
    parent: str = ""


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

    gradients: "" (none), "backward" (left by `backward()`), "leaves" (only leaves have one) or "private".
    """

    values: list[Value]
    roots: list[int]
    modules: dict[str, ModuleInfo]
    optimizer: OptimizerInfo | None = None
    gradients: str = ""
    recorded: bool = False
    opened: set[str] = field(default_factory=set)


def take(
    roots: Sequence[Variable],
    *,
    model: Any = None,
    optimizer: Any = None,
    names: Mapping[str, Any] | None = None,
    backward: bool | str = "auto",
    expand: Sequence[Pattern] = (),
) -> Snapshot:
    """Copy the graph behind `roots`."""
    nodes = [root.node for root in roots if root.node is not None]
    order: list[GraphNode] = collect(nodes)[::-1]
    gradients, how = find_gradients(roots, order, backward)
    reader = Reader(gradients, expand)
    for node in order:
        reader.read(node)
    values, index = reader.values, reader.index
    snapshot = Snapshot(
        values,
        [index[node] for node in nodes],
        reader.modules,
        None,
        how,
        any(node.op is not None and node.shape is not None and node.value is not None for node in order[-50:]),
        reader.opened,
    )
    name_values(snapshot, index, roots, model, names or {})
    for root, node in zip(roots, nodes, strict=False):
        read_root_value(values[index[node]], root)
    attach_arrays(snapshot, reader.index, names or {})
    if optimizer is not None:
        snapshot.optimizer = read_optimizer(optimizer, model)
    return snapshot


class Reader:
    """Turns nodes into values, oldest first. Fused operations that fit `expand` are replaced by what they stand for."""

    def __init__(self, gradients: Mapping[GraphNode, Any], expand: Sequence[Pattern]) -> None:
        self.gradients, self.expand = gradients, expand
        self.values: list[Value] = []
        self.index: dict[GraphNode, int] = {}
        self.modules: dict[str, ModuleInfo] = {}
        self.paths: dict[int, str] = {}
        self.opened: set[str] = set()

    def read(self, node: GraphNode) -> None:
        """Append the value (or values) of one node."""
        path = ""
        if node.scope is not None:
            if id(node.scope) not in self.paths:
                self.paths[id(node.scope)] = scope_path(node.scope)
                read_scope(node.scope, self.modules)
            path = self.paths[id(node.scope)]
        if (
            self.expand
            and node.op is not None
            and node.op.reference is not None
            and matches(self.expand, node.op.name) | matches(self.expand, path or "\0")
        ):
            opened = open_fused(node, self.gradients.get(node))
            if opened is not None:
                self.opened.add(node.op.name)
                return self.splice(node, opened, path)
        return self.append(node, self.gradients, path)

    def append(self, node: GraphNode, gradients: Mapping[GraphNode, Any], path: str) -> None:
        """Append one value."""
        self.index[node] = len(self.values)
        value = read_node(node, len(self.values), self.index, gradients)
        value.path = path
        self.values.append(value)

    def splice(self, node: GraphNode, opened: Opened, path: str) -> None:
        """Append what a fused node stands for; its last value takes the node's place."""
        for inner in opened.inner:
            if inner in opened.operands:
                self.index[inner] = self.index[opened.operands[inner]]
            else:
                self.append(inner, opened.gradients, path)
        self.index[node] = len(self.values) - 1
        self.values[-1].source = node.source or ""


def find_gradients(
    roots: Sequence[Variable], order: Sequence[GraphNode], backward: bool | str
) -> tuple[Mapping[GraphNode, Any], str]:
    """Gradients by node and where they came from. Nothing is written into the graph."""
    if backward is False or not order:
        return {}, ""
    interior = [node for node in order if node.op is not None]
    consumed = any(node.saved is None for node in interior)
    done = consumed or any(
        root.node is not None and root.node.op is not None and root.node.grad is not None for root in roots
    )
    if done or not interior:
        found = {node: node.grad for node in order if node.grad is not None}
        partly = any(node.op is not None and node.shape is not None and node not in found for node in order)
        return found, "" if not found else "leaves" if partly else "backward"
    single = [root for root in roots if root.node is not None and root.size == 1]
    if len(single) < len(roots):
        return {}, ""
    seeds: dict[GraphNode, Any] = {}
    for root in single:
        node = root.node
        assert node is not None
        seed = 1.0 if node.shape is None else np.ones(node.shape, node.dtype)
        seeds[node] = seeds[node] + seed if node in seeds else seed
    found = pull(seeds, list(reversed(order)), wanted=None)
    return {node: grad for node, grad in found.items() if grad is not None}, "private"


def read_node(node: GraphNode, index: int, table: Mapping[GraphNode, int], gradients: Mapping[GraphNode, Any]) -> Value:
    """One node as plain data."""
    value = Value(
        index,
        scalar=node.shape is None,
        shape=node.shape or (),
        dtype="float64" if node.shape is None else str(node.dtype),
    )
    if node.op is None:
        value.role = "leaf"
    else:
        value.op, value.badge = node.op.name, badge_of(node)
        value.fused = node.op.reference is not None
        value.detail = str((node.static or {}).get("reduction", ""))
        value.operands = tuple([table.get(p, None) if isinstance(p, GraphNode) else p for p in node.parents])
    if node.notes is not None and node.notes.source:
        value.source = node.notes.source
    if value.scalar:
        value.number = node.value
        if node.op is not None and node.static is None and node.saved is not None:
            value.locals = tuple(node.saved)
    else:
        describe_array(value, node.value)
    grad = gradients.get(node)
    if grad is not None:
        grad = getattr(grad, "data", grad) if isinstance(grad, Variable) else grad
        value.grad, value.signed = gradient_number(grad)
    return value


def describe_array(value: Value, array: Any) -> None:
    """Statistics of an array, and its number when it is 0-d."""
    if array is None or getattr(array, "size", STATS_LIMIT) >= STATS_LIMIT:
        return
    array = np.asarray(array)
    value.stats = stats_of(array)
    if array.ndim == 0:
        value.number = array.item()


def gradient_number(grad: Any) -> tuple[float, bool]:
    """The gradient itself for a single number, else its 2-norm (in double precision), and whether it has a sign."""
    if isinstance(grad, float):
        return grad, True
    array = np.asarray(grad)
    if array.ndim == 0 and array.dtype.kind != "c":
        return float(array), True
    return norm_of(array), False


def norm_of(array: np.ndarray[Any, Any]) -> float:
    """2-norm; scaled by the largest element, so that it neither overflows nor vanishes."""
    flat = np.abs(np.asarray(array, dtype=np.complex128 if array.dtype.kind == "c" else np.float64).ravel())
    if not flat.size:
        return 0.0
    peak = float(flat.max())
    if peak == 0 or not math.isfinite(peak):
        return peak
    flat /= peak
    return peak * math.sqrt(float(np.dot(flat, flat)))


def stats_of(array: np.ndarray[Any, Any]) -> Stats:
    """Statistics of an array; minimum, maximum, mean and norm over its finite elements."""
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


SYMBOLS = {
    "square": "square",
    "transpose": "transpose",
    "reciprocal": "1/x",
}  # where a symbol needs something to stand on


def badge_of(node: GraphNode) -> str:
    """The operation's symbol with the static arguments that matter: `sum(axis=1)`."""
    static, symbol = node.static, SYMBOLS.get(node.op.name, node.op.symbol)
    if not static:
        return clean(symbol)
    shown = []
    for key, given in static.items():
        if key in ("axis", "axes") and given is not None and node.op.defaults.get(key) != given:
            shown.append(f"{key}={given}".replace(" ", ""))
    return clean(symbol + (f"({', '.join(shown)})" if shown else ""))


def scope_path(scope: Any) -> str:
    """Path of a scope. A module called by itself and without children, such as a loss, goes by its class."""
    if scope.path:
        return str(scope.path)
    owner = scope.owner()
    children = getattr(owner, "named_children", None)
    return clean(type(owner).__name__) if callable(children) and not list(children()) else ""


def read_scope(scope: Any, modules: dict[str, ModuleInfo]) -> None:
    """The module of a scope and of the scopes around it."""
    while scope is not None:
        path = scope_path(scope)
        if path and path not in modules:
            owner = scope.owner()
            parent = scope_path(scope.parent) if scope.parent is not None else ""
            modules[path] = ModuleInfo(
                path, clean(type(owner).__name__) if owner is not None else "", module_sizes(owner), parent
            )
        scope = scope.parent


SIZE_NAMES = (
    ("in_features", "out_features"),
    ("in_channels", "out_channels"),
    ("num_embeddings", "embedding_dim"),
    ("input_size", "hidden_size"),
    ("nin", "nout"),
)


def module_sizes(owner: Any) -> str:
    """Sizes of a module as `in → out`, from the attributes such modules have."""
    for first, last in SIZE_NAMES:
        sizes = getattr(owner, first, None), getattr(owner, last, None)
        if all(isinstance(size, int | np.integer) for size in sizes):
            return f"{sizes[0]} → {sizes[1]}"
    return ""


def name_values(
    snapshot: Snapshot, index: Mapping[GraphNode, int], roots: Sequence[Variable], model: Any, names: Mapping[str, Any]
) -> None:
    """Give names: module path and attribute to parameters, the user's names to all others."""
    shared: dict[int, list[str]] = {}
    for name, handle in named(model, "named_parameters"):
        node = getattr(handle, "node", None)
        if node in index:
            i = index[node]
            snapshot.values[i].role = "parameter"
            shared.setdefault(i, []).append(clean(name, 400))
    for i, known in shared.items():
        snapshot.values[i].name = " = ".join(known)
        snapshot.values[i].path = snapshot.values[i].path or known[0].rpartition(".")[0]
    for path, module in named(model, "named_modules"):
        if path and path not in snapshot.modules:
            parent = path.rpartition(".")[0]
            snapshot.modules[path] = ModuleInfo(path, clean(type(module).__name__), module_sizes(module), parent)
    for name, handle in names.items():
        node = getattr(handle, "node", None) if isinstance(handle, Variable) else None
        if node in index and not name.startswith("_"):
            value = snapshot.values[index[node]]
            if not value.name or value.role != "parameter":
                value.name = value.name or clean(name, 400)
    mark_parameters(snapshot, index, names)


def mark_parameters(snapshot: Snapshot, index: Mapping[GraphNode, int], names: Mapping[str, Any]) -> None:
    """A handle whose class is called Parameter is one, also without its model."""
    for handle in names.values():
        if (
            isinstance(handle, Variable)
            and handle.node in index
            and any(c.__name__ == "Parameter" for c in type(handle).__mro__)
        ):
            snapshot.values[index[handle.node]].role = "parameter"


def named(model: Any, method: str) -> Iterable[tuple[str, Any]]:
    """`model.named_parameters()` or `model.named_modules()`, or nothing for an object without them."""
    found = getattr(model, method, None)
    return list(found()) if callable(found) else []


def read_root_value(value: Value, root: Variable) -> None:
    """A root's handle is at hand, so its number is known also without `record()`."""
    if root.size == 1 and value.number is None:
        value.number = root.item()
    if value.stats is None and not value.scalar:
        value.stats = stats_of(np.asarray(root.data))


def attach_arrays(snapshot: Snapshot, index: Mapping[GraphNode, int], names: Mapping[str, Any]) -> None:
    """Constant arrays that operations read become values of their own, one for each array.

    An operand that is no graph value is not kept by the graph. Its array is still known where a rule saved it, or
    under `record()`; elsewhere nothing is drawn for it.
    """
    known = {id(handle): name for name, handle in names.items() if isinstance(handle, np.ndarray)}
    known |= {
        id(handle.data): name
        for name, handle in names.items()
        if isinstance(handle, Variable) and handle.node is None and not name.startswith("_")
    }
    made: dict[int, int] = {}
    for node, i in index.items():
        if node.op is None or not any(p is None for p in node.parents) or snapshot.values[i].op != node.op.name:
            continue
        found: list[int | None] = []
        for position, parent in enumerate(node.parents):
            array = constant_array(node, position) if parent is None else None
            if array is None:
                continue
            if id(array) not in made:
                made[id(array)] = len(snapshot.values)
                name = known.get(id(array)) or known.get(id(array.base), "")
                value = Value(
                    len(snapshot.values),
                    shape=array.shape,
                    dtype=str(array.dtype),
                    role="constant",
                    name=clean(name, 400),
                )
                describe_array(value, array)
                snapshot.values.append(value)
            found.append(made[id(array)])
        snapshot.values[i].constants = tuple(found)


def read_optimizer(optimizer: Any, model: Any) -> OptimizerInfo:
    """Name, learning rate, steps and the relative size of the last step, of any object that looks like an optimizer.

    `updates`, where an optimizer has it, is a list of (parameter, norm of the change, norm before) of its last step.
    """
    groups = getattr(optimizer, "param_groups", None)
    lr = groups[0].get("lr") if groups and isinstance(groups[0], Mapping) else getattr(optimizer, "lr", None)
    steps = getattr(optimizer, "steps", None)
    names = {id(handle): name for name, handle in named(model, "named_parameters")}
    ratios = {}
    for handle, change, before in getattr(optimizer, "updates", None) or ():
        if id(handle) in names and before:
            ratios[names[id(handle)]] = float(change) / float(before)
    return OptimizerInfo(
        clean(type(optimizer).__name__),
        float(lr) if isinstance(lr, int | float | np.floating) else None,
        int(steps) if isinstance(steps, int) else None,
        ratios,
    )


def full_number(value: Any) -> str:
    """The exact text of a number, for tooltips."""
    return repr(value) if value is not None else ""


def shown_number(value: Value) -> str:
    """The number of a single value as printed on its card."""
    return number(value.number) if value.number is not None else value.text
