"""The check before a backward pass that no saved array was written since, by the marks of ``write_marks``."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

from ..errors import StaleValueError
from ..graph import Node
from ..modes.diagnostics import arrays_in, describe, hint
from .write_marks import WriteMark, all_marks, latest

_serial = attrgetter("serial")


def check_unwritten(nodes: list[Node]) -> None:
    """Refuse when an array that a rule will read was overwritten through the library after it was saved."""
    first = 0
    for node in reversed(nodes):
        if node.op is not None:  # the oldest operation: the leaves come after it
            first = node.serial
            break
    if latest.serial < first:
        return  # the usual case: an optimizer wrote, and then this graph was made
    for n in nodes:
        if n.op is None and n.replaced:
            raise StaleValueError(
                f"a Scalar of value {n.value:g} that this graph reads was given another value since. Run backward() "
                "before the update, or compute again."
            )
    written: dict[int, tuple[Any, WriteMark]] = {}  # by the id of the array that owns the memory
    borrowed: list[tuple[Any, WriteMark]] = []  # whose memory another library owns: compared by address
    for ref, marks in list(all_marks.values()):
        array, newest = ref(), max(list(marks), key=_serial)
        if array is not None and newest.serial >= first:
            written[id(array)] = (array, newest)
            if array.base is not None:
                borrowed.append((array, newest))
    if written:
        _refuse_readers(nodes, written, borrowed)


def _refuse_readers(nodes: list[Node], written: dict[int, tuple[Any, WriteMark]], borrowed: list[Any]) -> None:
    """Raise when a node saved one of these arrays before it was written. One pass, however many were written."""
    for node in nodes:
        if node.op is None or node.is_float_operation:
            continue
        for a in arrays_in(node.saved):
            owner = a
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            if owner.base is None and id(owner) not in written and not borrowed:
                continue
            found = written.get(id(owner))
            same = written.values() if owner.base is not None else [*([found] if found else []), *borrowed]
            for array, mark in same:
                if node.serial <= mark.serial and np.may_share_memory(a, array):
                    _refuse(nodes, node, a, mark)


def _refuse(nodes: list[Node], node: Node, a: Any, mark: WriteMark) -> None:
    leaves = [n.value for n in nodes if n.op is None and isinstance(n.value, np.ndarray)]
    read = next((v for v in leaves if np.may_share_memory(v, a)), None)
    kind = "constant" if read is None else "leaf"
    when = f" (at {mark.source})" if mark.source else ""
    raise StaleValueError(
        f"a {kind} of shape {(a if read is None else read).shape} was overwritten{when} after "
        f"{describe(node)} had read it, and its derivative needs the old value. Run backward() before the "
        f"update, or compute again.{hint(node)}"
    )
