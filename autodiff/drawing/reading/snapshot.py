"""Numbers and text copied out of a graph, so that a picture keeps no graph alive.

`take` walks the graph once, with a loop, and writes one `Value` for every node in creation order: operation,
operands, shape, dtype, value, gradient, statistics, module path, source line. Everything after it (levels, folding,
focus) works on these plain records. It computes only gradients, and only when there was no `backward()` yet: by a
private pass that writes into no node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ... import Variable
from ...backward import collect, gradients_below
from ...graph import Node as GraphNode
from ...modes.diagnostics import written
from ...other_arrays import is_foreign
from ...variable import plain
from ..picture.text import clean
from .calls import number_calls
from .expansion import Opened, open_fused
from .module_facts import attention_tiles, module_info
from .naming import (
    attach_arrays,
    check_model,
    check_optimizer,
    frozen_modules,
    name_values,
    read_optimizer,
)
from .patterns import Pattern, matches
from .records import ModuleInfo, Snapshot, Value, describe_array, gradient_number, stats_of


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
    order: list[GraphNode] = sorted(collect(nodes), key=lambda node: node.serial)
    gradients, how = find_gradients(roots, order, backward)
    reader = Reader(gradients, expand)
    for node in order:
        reader.read(node)
    values, index = reader.values, reader.index
    if model is not None:
        check_model(model, index)
    if optimizer is not None:
        check_optimizer(optimizer, index)
    snapshot = Snapshot(
        values,
        [index[node] for node in nodes],
        reader.modules,
        None,
        how,
        any(node.op is not None and node.shape is not None and node.value is not None for node in order[-50:]),
        reader.opened,
        reader.closed,
    )
    models = [("", model)] if model is not None else list(reader.owners.values())
    name_values(snapshot, index, models, names or {})
    for root, node in zip(roots, nodes, strict=False):
        read_root_value(values[index[node]], root)
    attach_arrays(snapshot, reader.index, names or {}, models, reader.spliced)
    note_masks(snapshot.values)
    number_calls(snapshot)
    if model is not None:
        snapshot.frozen = frozen_modules(model, snapshot)
    if optimizer is not None:
        snapshot.optimizer = read_optimizer(optimizer, model)
    return snapshot


def note_masks(values: Sequence[Value]) -> None:
    """Mark the values that a softmax reads, and the constants in them: there, -inf is intended."""
    for value in values:
        for read in [values[i] for i in value.parents] if value.row is not None and value.row.shown.masks else []:
            read.masked = True
            for i in read.parents:
                values[i].masked |= values[i].role == "constant"


class Reader:
    """Nodes turned into values, oldest first. Fused operations that fit `expand` are replaced by their references."""

    def __init__(self, gradients: Mapping[GraphNode, Any], expand: Sequence[Pattern]) -> None:
        self.gradients, self.expand = gradients, expand
        self.values: list[Value] = []
        self.index: dict[GraphNode, int] = {}
        self.modules: dict[str, ModuleInfo] = {}
        self.paths: dict[int, str] = {}
        self.entered: dict[int, dict[str, int]] = {}
        self.owners: dict[tuple[str, int], tuple[str, Any]] = {}  # modules that no other module called
        self.opened: set[str] = set()
        self.closed: set[str] = set()
        self.spliced: list[tuple[GraphNode, range]] = []  # opened nodes and the values that stand for them

    def read(self, node: GraphNode) -> None:
        """Append the value (or values) of one node."""
        path = ""
        if node.scope is not None:
            if id(node.scope) not in self.paths:
                self.paths[id(node.scope)] = scope_path(node.scope)
                outermost = read_scope(node.scope, self.modules)
                owner = outermost.owner()
                self.owners[outermost.path, id(owner)] = (clean(outermost.path, 400), owner)
                self.entered[id(node.scope)] = calls_entered(node.scope)
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
            self.closed.add(node.op.name)
        elif node.op is not None and matches(self.expand, node.op.name):
            self.closed.add(node.op.name)
        return self.append(node, self.gradients, path)

    def append(self, node: GraphNode, gradients: Mapping[GraphNode, Any], path: str) -> None:
        """Append one value."""
        self.index[node] = len(self.values)
        value = read_node(node, len(self.values), self.index, gradients)
        value.path = path
        value.entered = self.entered.get(id(node.scope), {})
        self.values.append(value)
        if node.op is not None and not node.op.variadic:
            self.note_weights(node, value)
        info = self.modules.get(path)
        if info is not None and node.op is not None and node.op.name == info.attention and node.value is not None:
            self.modules[path] = replace(info, tiles=attention_tiles(node.value))

    def note_weights(self, node: GraphNode, value: Value) -> None:
        """Mark a leaf that an operation reads as its weight or bias as a parameter, even if its module is gone."""
        for name, operand in zip(node.op.inputs, value.operands, strict=False):
            if name in ("weight", "bias") and operand.__class__ is int and self.values[operand].role == "leaf":
                self.values[operand].role = "parameter"
                self.values[operand].name = f"{value.path}.{name}" if value.path else name

    def splice(self, node: GraphNode, opened: Opened, path: str) -> None:
        """Append the values of a fused node's reference; the last one takes the node's place."""
        start = len(self.values)
        for inner in opened.inner:
            if inner in opened.operands:
                self.index[inner] = self.index[opened.operands[inner]]
            else:
                self.append(inner, opened.gradients, path)
                self.values[-1].source = node.source or ""  # not the line that called draw()
        self.index[node] = len(self.values) - 1
        self.spliced.append((node, range(start, len(self.values))))


def find_gradients(
    roots: Sequence[Variable], order: Sequence[GraphNode], backward: bool | str
) -> tuple[Mapping[GraphNode, Any], str]:
    """Return gradients by node and where they came from. Nothing is written into the graph."""
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
    try:
        return gradients_below(seeds), "private"
    except Exception as error:  # a rule of the user's, or a value that was overwritten: the forward picture remains
        return {}, "failed: " + clean(f"{type(error).__name__}: {error}", 400)


def read_node(node: GraphNode, index: int, table: Mapping[GraphNode, int], gradients: Mapping[GraphNode, Any]) -> Value:
    """Return one node as plain data."""
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
        value.row = node.op
        site, order = written(node)
        value.wrote = site.op if order else None
        value.detail = str((node.static or {}).get("reduction", ""))
        value.operands = tuple([table.get(p, None) if isinstance(p, GraphNode) else p for p in node.parents])
    if node.notes is not None and node.notes.source and node.notes.source != "?":
        value.source = node.notes.source
    value.added = node.notes is not None and node.notes.added and node.grad is not None
    if value.scalar:
        value.number = node.value
        if node.op is not None and node.static is None and node.saved is not None:
            value.locals = tuple(node.saved)
    else:
        describe_array(value, node.value)
    grad = gradients.get(node)
    if grad is not None:
        grad = getattr(grad, "data", grad) if isinstance(grad, Variable) else grad
    if grad is not None and not is_foreign(grad):  # statistics would compute it
        value.grad, value.signed = gradient_number(grad)
    return value


def badge_of(node: GraphNode) -> str:
    """Return the operation's symbol with the static arguments that matter: `sum(axis=1)`."""
    static, symbol = node.static, node.op.symbol
    if not static:
        return clean(symbol)
    shown = []
    for key, given in static.items():
        if key in ("axis", "axes") and given is not None and node.op.defaults.get(key) != given:
            shown.append(f"{key}={given}".replace(" ", ""))
    return clean(symbol + (f"({', '.join(shown)})" if shown else ""))


def scope_path(scope: Any) -> str:
    """Return the path of a scope. A module called by itself and without children, such as a loss, goes by its class."""
    if scope.path:
        return clean(scope.path, 400)
    owner = scope.owner()
    children = getattr(owner, "named_children", None)
    return clean(type(owner).__name__) if callable(children) and not list(children()) else ""


def read_scope(scope: Any, modules: dict[str, ModuleInfo]) -> Any:
    """Note the module of a scope and of the scopes around it; return the outermost scope."""
    while True:
        path = scope_path(scope)
        if path and path not in modules:
            owner = scope.owner()
            parent = scope_path(scope.parent) if scope.parent is not None else ""
            modules[path] = module_info(path, owner, parent, scope.kind)
        if scope.parent is None:
            return scope
        scope = scope.parent


def calls_entered(scope: Any) -> dict[str, int]:
    """Return a mark of the running call for each module around an operation, by path, where calls were recorded."""
    found = {}
    while scope is not None:
        if scope.once:
            found[scope_path(scope)] = id(scope)
        scope = scope.parent
    return found


def read_root_value(value: Value, root: Variable) -> None:
    """Set the number of a root from its handle, which is there also without `record()`."""
    if is_foreign(plain(root)):
        return
    if root.size == 1 and value.number is None:
        value.number = root.item()
    if value.stats is None and not value.scalar:
        value.stats = stats_of(np.asarray(root.data))
