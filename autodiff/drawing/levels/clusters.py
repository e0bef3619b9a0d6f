"""Frames around the boxes of one module, and the data path that is kept straight."""

from __future__ import annotations

from ..picture.model import Module, Run
from ..picture.style import MUTED
from ..picture.text import shorten
from ..reading.records import Snapshot
from .builder import GraphBuilder


def data_path(snapshot: Snapshot) -> list[int]:
    """The data path: from the root back through operands, each time the operation with the longest history."""
    depth = [0] * len(snapshot.values)
    for value in snapshot.values:
        if value.op:
            depth[value.index] = 1 + max((depth[p] for p in value.parents if p < value.index), default=0)
    path, at = [], snapshot.roots[0] if snapshot.roots else None
    while at is not None:
        path.append(at)
        parents = [p for p in snapshot.values[at].parents if p < at and snapshot.values[p].role != "parameter"]
        at = max(parents, key=lambda p: (depth[p], -p), default=None)
    return path[::-1]


def module_clusters(builder: GraphBuilder, *, nested: bool = True) -> list[Module]:
    """A cluster for every module that holds at least two nodes, inner modules inside outer ones.

    A module with one node is drawn without a frame, its node in the module around it.
    nested: also frames inside frames.
    """
    snapshot, homes = builder.snapshot, builder.homes
    weight: dict[str, int] = {}
    for path in homes.values():
        while path:
            weight[path] = weight.get(path, 0) + 1
            path = parent_of(snapshot, path)
    kept = {path: "" for path in snapshot.modules if weight.get(path, 0) >= 2}
    if not nested:
        kept = {path: "" for path in kept if not any(path.startswith(outer + ".") for outer in kept)}
    for path in list(kept):
        kept[path] = builder.new_id("m")
    members: dict[str, list[str]] = {path: [] for path in kept}
    for node_id, path in homes.items():
        while path and path not in kept:
            path = parent_of(snapshot, path)
        if path:
            members[path].append(node_id)
    found = []
    for path, key in kept.items():
        outer = parent_of(snapshot, path)
        while outer and outer not in kept:
            outer = parent_of(snapshot, outer)
        info = snapshot.modules[path]
        own = path == info.kind
        title = (
            shorten(path, 30)
            + (f" : {info.kind}" if info.kind and not own else "")
            + (f"({info.sizes})" if info.sizes else "")
        )
        found.append(
            Module(
                key,
                path,
                (Run(shorten(title, 60), 11, MUTED, True),),
                tuple(members[path]),
                kept.get(outer, ""),
                weight[path],
            )
        )
    return found


def parent_of(snapshot: Snapshot, path: str) -> str:
    """Path of the module around a module, or ""."""
    info = snapshot.modules.get(path)
    return info.parent if info is not None else ""
