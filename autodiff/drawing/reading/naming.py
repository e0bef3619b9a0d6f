"""Names for values: the user's, then module path and attribute; constant arrays by the variable that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ... import Variable
from ...graph import Node as GraphNode
from ..picture.text import clean
from .expansion import constant_array
from .module_facts import module_info, module_sizes
from .records import OptimizerInfo, Snapshot, Value, describe_array


def name_values(
    snapshot: Snapshot,
    index: Mapping[GraphNode, int],
    models: Sequence[tuple[str, Any]],
    names: Mapping[str, Any],
) -> None:
    """Give names: the user's, else module path and attribute to parameters.

    models: path and module pairs; without a model from the user the modules that ran and that no other module called.
    """
    shared: dict[int, list[str]] = {}
    for path, model in models:
        for name, handle in every_name(model):
            node = getattr(handle, "node", None)
            if node is not None and node in index:
                snapshot.values[index[node]].role = "parameter"
                shared.setdefault(index[node], []).append(clean(f"{path}.{name}" if path else name, 400))
    for i, known in shared.items():
        known = list(dict.fromkeys(known))
        snapshot.values[i].tied = tuple(known[1:])
        snapshot.values[i].name = " = ".join(known)
        snapshot.values[i].key = known[0]
        snapshot.values[i].path = snapshot.values[i].path or known[0].rpartition(".")[0]
    inner = [pair for path, model in models if not path for pair in named(model, "named_modules")]
    for path, module in inner:
        if path and path not in snapshot.modules:
            parent = path.rpartition(".")[0]
            snapshot.modules[path] = module_info(path, module, parent, type(module))
    for name, handle in names.items():
        node = getattr(handle, "node", None) if isinstance(handle, Variable) else None
        if node is not None and node in index and not name.startswith("_"):
            snapshot.values[index[node]].name = clean(name, 400)
    mark_parameters(snapshot, index, names)


def mark_parameters(snapshot: Snapshot, index: Mapping[GraphNode, int], names: Mapping[str, Any]) -> None:
    """Mark handles of a class named Parameter as parameters, also without their model."""
    for handle in names.values():
        node = handle.node if isinstance(handle, Variable) else None
        if node is not None and node in index and any(c.__name__ == "Parameter" for c in type(handle).__mro__):
            snapshot.values[index[node]].role = "parameter"


def every_name(model: Any) -> list[tuple[str, Any]]:
    """Return the parameters of a model with all their names: a tied one has several, `named_parameters` gives one."""
    found = list(named(model, "named_parameters"))
    known = {id(handle) for _, handle in found}
    for path, module in named(model, "named_modules"):
        for name, handle in vars(module).items():
            if id(handle) in known:
                found.append((f"{path}.{name}" if path else name, handle))
    return found


def frozen_parameters(models: Sequence[tuple[str, Any]]) -> dict[int, str]:
    """Return the names of parameters that require no gradient, by the identity of their arrays."""
    return {
        id(handle._data): clean(f"{path}.{name}" if path else name, 400)
        for path, model in models
        for name, handle in named(model, "named_parameters")
        if isinstance(handle, Variable) and handle.node is None and isinstance(handle._data, np.ndarray)
    }


def frozen_modules(model: Any, snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return path, class and sizes of the outermost modules of a model whose parameters are all frozen and not drawn.

    Their results from data are data: the graph has no operation of theirs.
    """
    drawn = {value.name.partition(".")[0] for value in snapshot.values if value.role == "frozen"}
    found: list[tuple[str, str, str]] = []
    for path, module in named(model, "named_modules"):
        handles = [handle for _, handle in named(module, "named_parameters")]
        if not path or not handles or any(getattr(handle, "node", None) is not None for handle in handles):
            continue
        if path in snapshot.calls or path.partition(".")[0] in drawn:
            continue
        if not any(path.startswith(outer + ".") for outer, _, _ in found):
            found.append((clean(path, 400), clean(type(module).__name__), module_sizes(module)))
    return found


def named(model: Any, method: str) -> Iterable[tuple[str, Any]]:
    """Return `model.named_parameters()` or `model.named_modules()`, or nothing for an object without them."""
    found = getattr(model, method, None)
    return list(found()) if callable(found) else []


def check_model(model: Any, index: Mapping[GraphNode, int]) -> None:
    """Raise an error for anything but a model, or for a model that took no part in this graph."""
    if isinstance(model, type) or not callable(getattr(model, "named_parameters", None)):
        got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"model must have named_parameters(), as an nn.Module does: model=net; got {got}")
    check_shares(f"model={type(model).__name__}", [handle for _, handle in named(model, "named_parameters")], index)


def check_optimizer(optimizer: Any, index: Mapping[GraphNode, int]) -> None:
    """Raise an error for anything but an optimizer, or for one that changes no parameter of this graph."""
    groups = getattr(optimizer, "param_groups", None)
    if isinstance(optimizer, type) or not (isinstance(groups, list) or hasattr(optimizer, "lr")):
        got = f"the class {optimizer.__name__}" if isinstance(optimizer, type) else type(optimizer).__name__
        raise TypeError(f"optimizer must have param_groups or lr, as nn.Adam(net.parameters()) does; got {got}")
    handles = [handle for group in groups or () for handle in group.get("params", ())]
    check_shares(f"optimizer={type(optimizer).__name__}", handles, index)


def check_shares(who: str, handles: Sequence[Any], index: Mapping[GraphNode, int]) -> None:
    """Raise an error when these parameters require gradients and none of them is in the graph."""
    nodes = [node for node in (getattr(handle, "node", None) for handle in handles) if node is not None]
    if nodes and not any(node in index for node in nodes):
        raise ValueError(f"{who}: none of its {len(nodes)} parameters is in this graph; draw a loss computed with them")


def _names_of_arrays(names: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of arrays, and of those of handles without a graph, by the ids of the arrays."""
    known = {id(handle): name for name, handle in names.items() if isinstance(handle, np.ndarray)}
    for name, handle in names.items():
        if isinstance(handle, Variable) and handle.node is None and isinstance(handle._data, np.ndarray):
            known[id(handle._data)] = name
    return known


def attach_arrays(
    snapshot: Snapshot,
    index: Mapping[GraphNode, int],
    names: Mapping[str, Any],
    models: Sequence[tuple[str, Any]] = (),
    spliced: Sequence[tuple[GraphNode, range]] = (),
) -> None:
    """Add a value of its own for each constant array that operations read.

    The graph does not keep an operand that is no graph value. Its array is there only where a rule saved it, or under
    `record()`; elsewhere nothing is drawn for it. Arrays of indices among the static arguments are always there.
    spliced: opened operations with the values drawn for them. An array that none of these reads as it is, such as
    labels that were made into indices, goes to the operation that picks.
    """
    known = _names_of_arrays(names)
    made: dict[int, int] = {}
    frozen = frozen_parameters(models)

    def place(array: np.ndarray[Any, Any], default: str = "") -> int:
        if id(array) not in made:
            made[id(array)] = len(snapshot.values)
            name = known.get(id(array)) or known.get(id(array.base)) or default
            owned = frozen.get(id(array)) or frozen.get(id(array.base))
            value = Value(
                made[id(array)],
                shape=array.shape,
                dtype=str(array.dtype),
                role="frozen" if owned else "constant",
                name=clean(name, 400) if not owned else owned,
                path=owned.rpartition(".")[0] if owned else "",
            )
            describe_array(value, array)
            snapshot.values.append(value)
        return made[id(array)]

    for node, i in index.items():
        value = snapshot.values[i]
        if node.op is None or value.op != node.op.name:
            continue
        if None in node.parents:
            arrays = [constant_array(node, k) if p is None else None for k, p in enumerate(node.parents)]
            value.constants = tuple([None if array is None else place(array) for array in arrays])
        if node.static:
            given = node.static.values()
            value.indices = tuple(
                [place(a, "indices") for a in given if isinstance(a, np.ndarray) and a.ndim and a.dtype.kind in "iu"]
            )
    for node, inside in spliced:
        for array in (constant_array(node, k) for k, parent in enumerate(node.parents) if parent is None):
            if array is None or id(array) in made:
                continue
            picking = (i for i in inside if array.dtype.kind in "iu" and picks(snapshot.values[i].row))
            value = snapshot.values[next(picking, inside[0])]
            value.indices = (*value.indices, place(array))


def picks(row: Any) -> bool:
    """Return whether an operation reads some elements of its operand, by an index."""
    return row is not None and row.selects and row.linear


def read_optimizer(optimizer: Any, model: Any) -> OptimizerInfo:
    """Return name, learning rate, steps and the relative size of the last step of an object like an optimizer.

    `updates`, where an optimizer has it, is a list of (parameter, norm of the change, norm before) of its last step.
    """
    groups = getattr(optimizer, "param_groups", None)
    lr = groups[0].get("lr") if groups and isinstance(groups[0], Mapping) else getattr(optimizer, "lr", None)
    steps = getattr(optimizer, "steps", None)
    names = {id(handle): name for name, handle in named(model, "named_parameters")}
    ratios = {}
    for handle, change, before in getattr(optimizer, "updates", None) or ():
        if id(handle) in names and before:
            ratios[clean(names[id(handle)], 400)] = float(change) / float(before)
    return OptimizerInfo(
        clean(type(optimizer).__name__),
        float(lr) if isinstance(lr, int | float | np.floating) else None,
        int(steps) if isinstance(steps, int) else None,
        ratios,
    )
