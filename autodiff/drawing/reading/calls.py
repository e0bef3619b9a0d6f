"""Calls of modules: which operations were made in which call.

A graph that was made under ``record()`` has the call of every operation. Any other has the module alone: operations of
one module that stand next to each other in creation order then belong to one call, unless they repeat the same
operations on the same parameters: then they are several calls, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .records import Snapshot


def number_calls(snapshot: Snapshot) -> None:
    """Give every operation its calls, from the outermost module to the innermost; count those of each module."""
    if not snapshot.modules:
        return
    chains: dict[str, tuple[str, ...]] = {}
    for value in snapshot.values:
        module_chain(snapshot, value.path, chains)
    stretches: list[Sequence[int]] = [[value.index for value in snapshot.values if value.op]]
    level = 0
    while stretches:
        inner: list[Sequence[int]] = []
        for path, piece in (piece for stretch in stretches for piece in pieces_of(snapshot, stretch, level, chains)):
            recorded = path in snapshot.values[piece[0]].entered
            for call in [piece] if recorded else split_repeats(snapshot, piece):
                number = snapshot.calls[path] = snapshot.calls.get(path, 0) + 1
                for i in call:
                    snapshot.values[i].calls += ((path, number),)
                inner.append(call)
        stretches, level = inner, level + 1


def pieces_of(
    snapshot: Snapshot, members: Sequence[int], level: int, chains: dict[str, tuple[str, ...]]
) -> list[tuple[str, list[int]]]:
    """Split a stretch at every change of the module, or of its call, at this level; operations outside of one are left
    out."""
    pieces: list[tuple[str, list[int]]] = []
    last: tuple[str, int | None] | None = None
    for i in members:
        value = snapshot.values[i]
        chain = chains[value.path]
        path = chain[level] if len(chain) > level else ""
        if (path, value.entered.get(path)) != last:
            pieces.append((path, []))
            last = path, value.entered.get(path)
        pieces[-1][1].append(i)
    return [piece for piece in pieces if piece[0]]


def module_chain(snapshot: Snapshot, path: str, chains: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the module paths around a path, from the outermost to itself."""
    if path not in chains:
        found, at = [], path
        while at:
            found.append(at)
            at = snapshot.modules[at].parent if at in snapshot.modules else ""
        chains[path] = tuple(reversed(found))
    return chains[path]


def split_repeats(snapshot: Snapshot, members: Sequence[int]) -> list[Sequence[int]]:
    """Split a stretch that repeats the same operations on the same parameters into its repetitions."""
    keys = [key_of(snapshot, i) for i in members]
    count = len(keys)
    for period in range(1, count // 2 + 1):
        if count % period or keys[period] != keys[0] or not any(parameters for _, _, parameters in keys[:period]):
            continue
        if keys[period:] == keys[:-period]:
            return [members[start : start + period] for start in range(0, count, period)]
    return [members]


def key_of(snapshot: Snapshot, i: int) -> tuple[Any, ...]:
    """Return the facts that are equal from call to call: operation, shape, and the parameters that it reads."""
    value = snapshot.values[i]
    return value.op, value.shape, tuple(p for p in value.parents if snapshot.values[p].role == "parameter")
