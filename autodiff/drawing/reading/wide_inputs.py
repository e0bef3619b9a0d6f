"""Folding of wide inputs: many values that one operation alone reads become one value.

A box for each of a hundred inputs makes a picture that no screen can show. The first and the last of them stay.
"""

from __future__ import annotations

import dataclasses
import math

from ..picture.text import shorten
from .records import Snapshot, Value

MOST_INPUTS = 12  # of one operation, drawn one by one
FIRST, LAST = 6, 2


def fold_wide_inputs(snapshot: Snapshot) -> tuple[Snapshot, set[int]]:
    """Return the snapshot with wide inputs folded, and the indices of the values that are no longer drawn."""
    readers: dict[int, set[int]] = {}
    for value in snapshot.values:
        for parent in value.parents:
            readers.setdefault(parent, set()).add(value.index)
    groups: dict[tuple[int, str], list[int]] = {}
    for value in snapshot.values:
        only = readers.get(value.index, set())
        if not value.op and len(only) == 1 and value.index not in snapshot.roots:
            groups.setdefault((next(iter(only)), value.role), []).append(value.index)
    place: dict[int, int] = {}
    values = list(snapshot.values)
    for members in groups.values():
        if len(members) > MOST_INPUTS:
            hidden = members[FIRST:-LAST]
            values[hidden[0]] = folded([values[i] for i in hidden])
            place |= dict.fromkeys(hidden[1:], hidden[0])
    if not place:
        return snapshot, set()
    for i, value in enumerate(values):
        if place.keys() & value.parents:
            values[i] = dataclasses.replace(
                value,
                operands=tuple(place.get(p, p) if p.__class__ is int else p for p in value.operands),
                constants=tuple(c if c is None else place.get(c, c) for c in value.constants),
                indices=tuple(place.get(i, i) for i in value.indices),
            )
    return dataclasses.replace(snapshot, values=values), set(place)


def folded(hidden: list[Value]) -> Value:
    """Return one value that stands for several: their common shape and dtype, and the norm of their gradients."""
    first = hidden[0]
    grads = [value.grad for value in hidden if value.grad is not None]
    alike = all(value.shape == first.shape and value.dtype == first.dtype for value in hidden)
    names = [value.name for value in hidden if value.name]
    ends = f" {names[0]} … {names[-1]}" if names else ""
    return Value(
        first.index,
        scalar=first.scalar,
        shape=first.shape if alike else (),
        dtype=first.dtype if alike else "",
        grad=math.hypot(*grads) if grads else None,
        name=shorten(f"… {len(hidden)} ×{ends}"),
        role=first.role,
        path=first.path,
        count=len(hidden),
    )
