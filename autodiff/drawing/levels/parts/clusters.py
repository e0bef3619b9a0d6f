"""Frames around the boxes of one module, and the data path that is kept straight."""

from __future__ import annotations

from collections.abc import Container

from ...picture.model import Module, Run
from ...picture.style import MUTED
from ...picture.text import shorten
from ...picture.words import word
from ...reading.records import Call, Snapshot
from .builder import GraphBuilder


def data_path(snapshot: Snapshot) -> list[int]:
    """Return the data path: from the root back through operands, each time the operation with the longest history."""
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
    """Return a frame for every call of a module that holds at least two boxes, inner calls inside outer ones.

    A call with one box has no frame, unless another call of that module has one: its box stands in the frame around
    it. nested: also frames inside frames.
    """
    snapshot, homes = builder.snapshot, builder.homes
    weight: dict[tuple[Call, ...], int] = {}
    for home in homes.values():
        for k in range(1, len(home) + 1):
            weight[home[:k]] = weight.get(home[:k], 0) + 1
    place = {path: k for k, path in enumerate(snapshot.modules)}
    wide = {home[-1][0] for home in weight if weight[home] >= 2}
    framed = [home for home in weight if home[-1][0] in wide]
    framed.sort(key=lambda home: (place[home[-1][0]], home[-1][1]))
    if not nested:
        framed = [home for home in framed if not any(home[:k] in framed for k in range(1, len(home)))]
    ids = {home: builder.new_id("m") for home in framed}
    members: dict[tuple[Call, ...], list[str]] = {home: [] for home in framed}
    for node_id, home in homes.items():
        inside = innermost(home, ids)
        if inside:
            members[inside].append(node_id)
    return [
        Module(
            ids[home],
            home[-1][0],
            (Run(title_of(builder, *home[-1]), 11, MUTED, True),),
            tuple(members[home]),
            ids.get(innermost(home[:-1], ids), ""),
            weight[home],
        )
        for home in framed
    ]


def innermost(home: tuple[Call, ...], known: Container[tuple[Call, ...]]) -> tuple[Call, ...]:
    """Return the innermost of these calls that is in ``known``, with the calls around it."""
    while home and home not in known:
        home = home[:-1]
    return home


def title_of(builder: GraphBuilder, path: str, number: int) -> str:
    """Return the title of a frame: path, class, sizes, and which call of several."""
    info, calls = builder.snapshot.modules[path], builder.snapshot.calls.get(path, 1)
    title = shorten(path, 30) + (f" : {info.kind}" if info.kind and path != info.kind else "")
    title += f"({info.sizes})" if info.sizes else ""
    which = f" · {word(builder.lang, 'call of', number, calls)}" if calls > 1 else ""
    return shorten(title, 60) + which


def parent_of(snapshot: Snapshot, path: str) -> str:
    """Return the path of the module around a module, or ""."""
    info = snapshot.modules.get(path)
    return info.parent if info is not None else ""
