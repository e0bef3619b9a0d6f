"""Remedies for an operation that made a NaN or an infinity: first by forms of several operations, such as the logarithm
of a softmax, then by the operation alone. All of them are facts of the rows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from ...reading.records import Snapshot, Value

ABOVE = 5  # operations that a form may reach above the value in question
ANY = "a formula that keeps its operands away from the point where it is singular"
GUARD = "np.where(ok, {call}, 0) with ok = {ok}: the same where ok is true, and 0 elsewhere"


def remedy_of(snapshot: Snapshot, value: Value, kind: str = "") -> str:
    """Return the form to write in place of an operation, or "". kind: "nan" or "inf", which the operation made; or
    "gradient", for an operation whose derivative is singular."""
    values = snapshot.values
    broken = [values[p] for p in value.parents if not is_finite(values[p])]
    together = in_forms(snapshot, [value, *broken])
    if together or value.row is None:
        return together
    row, derivative = value.wrote or value.row, kind == "gradient"
    grown = (
        kind == "inf"
        and row.shown.grows
        and not any(o == 0.0 or (o.__class__ is int and has_zero(values[o])) for o in operands_of(value))
    )
    given = instead_of(row) if derivative else ""
    return ("" if grown else guarded(row)) or given or alone(row) or (ANY if derivative else "")


def guarded(row: Any) -> str:
    """Return the form that keeps an operation away from the points where its derivative is infinite, or ""."""
    if not row.shown.guard:
        return ""
    call = row.shown.call or f"np.{row.name}({{x}})"
    return GUARD.format(call=call.format(x="np.where(ok, x, 1)"), ok=row.shown.guard)


def instead_of(row: Any) -> str:
    """Return a row's advice for points where its derivative is a convention, as the end of a sentence, or ""."""
    text = row.convention.write if row.convention is not None else ""
    return text.removeprefix("Write ") if text.startswith("Write ") else text[:1].lower() + text[1:]


def alone(row: Any) -> str:
    """Return the remedy of one operation, or ""."""
    return next((text for form, text in row.shown.remedies if not form), "")


def in_forms(snapshot: Snapshot, suspects: Iterable[Value]) -> str:
    """Return the remedy of the largest form that one of these values is part of, or ""."""
    readers: dict[int, list[int]] = {}
    for value in snapshot.values:
        for p in value.parents:
            readers.setdefault(p, []).append(value.index)
    best, found = 0, ""
    for suspect in suspects:
        for top in above(suspect.index, readers):
            row = snapshot.values[top].row
            for form, text in row.shown.remedies if row is not None else ():
                part = fitting(snapshot, top, form) if form else None
                if part is not None and suspect.index in part and len(part) > best:
                    best, found = len(part), text
    return found


def above(index: int, readers: dict[int, list[int]]) -> Iterator[int]:
    """Yield a value and those computed from it, nearest first."""
    ring = {index}
    for _ in range(ABOVE):
        yield from sorted(ring)
        ring = {j for i in ring for j in readers.get(i, ())}


@cache
def parsed(form: str) -> Any:
    """Return a form such as ``log(softmax(x))`` as a tree of names of rows, numbers, and letters: a letter stands for
    any operand, the same one each time; 0 is an operand with a zero in it."""
    return ast.parse(form, mode="eval").body


def fitting(snapshot: Snapshot, index: int, form: str) -> set[int] | None:
    """Return the operations that a form is made of, where it ends in this value; None where it does not fit."""
    part: set[int] = set()
    if snapshot.values[index].dtype.startswith("complex"):  # the forms are of real numbers
        return None
    tree = parsed(form)
    picked = len(tree.args) == 1  # log(softmax(x)[0]): between a function and its one operand
    return part if _fits(snapshot, index, tree, {}, part, picked) else None


def _fits(
    snapshot: Snapshot, given: Any, tree: Any, bound: dict[str, Any], part: set[int], picked: bool = False
) -> bool:
    """Return whether an operand (an index, a number, or None for an array) fits a tree. picked: its elements may be
    picked from those of another value, or rearranged."""
    if isinstance(tree, ast.Name):
        return given is not None and bound.setdefault(tree.id, given) == given
    value = snapshot.values[given] if given.__class__ is int else None
    if isinstance(tree, ast.Constant):
        if tree.value == 0:
            return given == 0.0 if value is None else has_zero(value)
        return is_number(value, tree.value) if value is not None else given == tree.value
    if value is None or value.row is None:
        return False
    row, operands = value.row, operands_of(value)
    if value.op != tree.func.id:
        part.add(value.index)
        only_picks = row.shown.view or (row.linear and row.selects)
        return picked and only_picks and _fits(snapshot, operands[0], tree, bound, part, picked)
    orders = [operands, operands[::-1]] if row.shown.commutative else [operands]
    for order in orders:
        names, inner = dict(bound), set[int]()
        pairs = zip(order, tree.args, strict=False)
        if len(order) >= len(tree.args) and all(
            _fits(snapshot, o, t, names, inner, picked and row.elementwise and len(tree.args) == 1) for o, t in pairs
        ):
            bound.update(names)
            part |= {value.index, *inner}
            return True
    return False


def operands_of(value: Value) -> list[Any]:
    """Return the operands of a value: indices, numbers, and None for arrays that were not kept."""
    if not value.constants:
        return list(value.operands)
    return [c if p is None else p for p, c in zip(value.operands, value.constants, strict=True)]


def is_number(value: Value, number: Any) -> bool:
    """Return whether all elements of a value are this number."""
    if value.stats is None:
        return value.number == number
    return is_finite(value) and value.stats.min == value.stats.max == number


def has_zero(value: Value) -> bool:
    """Return whether a zero is among the elements."""
    return bool(value.stats.zeros) if value.stats is not None else value.number == 0


def is_finite(value: Value) -> bool:
    """Return whether no element is known to be NaN or infinite."""
    stats = value.stats
    if stats is not None:
        return not (stats.nans or stats.posinf or stats.neginf)
    return not isinstance(value.number, float) or value.number - value.number == 0
