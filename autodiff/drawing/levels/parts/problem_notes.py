"""Problems of a value, as on its card: the first, NaN that spread, infinities, underflow, dead units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...picture.model import Edge, Node, Stats
from ...picture.style import ERROR
from ...picture.text import number, pretty_name
from ...picture.words import word
from ...reading.records import Snapshot, Value
from .builder import ProblemNote
from .problems import is_dead
from .value_texts import name_of, stats_text


@dataclass(frozen=True, slots=True)
class FirstProblem:
    """The value where it began. kind: nan, inf or gradient."""

    index: int
    kind: str


def count_bad(value: Value, kind: str) -> int:
    """Return how many elements of a value are NaN (or infinite)."""
    if isinstance(value.number, float) and value.stats is None:
        return int(math.isnan(value.number) if kind == "nan" else math.isinf(value.number))
    if value.stats is None:
        return 0
    return value.stats.nans if kind == "nan" else value.stats.posinf + value.stats.neginf * (not value.masked)


def find_first(snapshot: Snapshot) -> FirstProblem | None:
    """Return the first NaN, else the first infinity, else the operation whose rule made the first broken gradient; None
    where an operand of it was not kept, which may already have had a NaN."""
    for kind in ("nan", "inf"):
        # creation order is a topological order, so the operands of the first one are finite
        first = next((value for value in snapshot.values if count_bad(value, kind)), None)
        if first is not None:
            known = all(is_known(snapshot.values[p]) for p in first.parents)
            return FirstProblem(first.index, kind) if known else None
    bad = {value.index for value in snapshot.values if value.grad is not None and not math.isfinite(value.grad)}
    for value in reversed(snapshot.values):  # the order of the backward pass
        if value.index not in bad and value.grad is not None and bad & set(value.parents):
            return FirstProblem(value.index, "gradient")
    return FirstProblem(max(bad), "gradient") if bad else None


def is_known(value: Value) -> bool:
    """Return whether the graph has the value or its statistics."""
    return value.stats is not None or value.number is not None


def note_of(snapshot: Snapshot, value: Value, origin: FirstProblem, lang: str) -> ProblemNote:
    """Return the note on one card."""
    stats = value.stats or Stats(1)
    root = word(lang, "loss") if value.index in snapshot.roots and value.single else ""
    name = pretty_name(name_of(value)) or root or value.badge or "it"
    if value.index == origin.index:
        headline = {"nan": "first nan headline", "inf": "first inf headline", "gradient": "first grad headline"}[
            origin.kind
        ]
        note = bad_text(value, stats, name, lang)
        if origin.kind == "gradient":
            sent = [p.grad for p in (snapshot.values[i] for i in value.parents) if p.grad is not None]
            note = word(lang, "sends back", number(next((g for g in sent if not math.isfinite(g)), math.nan)))
        return ProblemNote("first-nan", note, word(lang, headline))
    if count_bad(value, "nan"):
        return ProblemNote("nan", bad_text(value, stats, name, lang))
    if count_bad(value, "inf"):
        return ProblemNote("warning", bad_text(value, stats, name, lang))
    if value.row is not None and value.row.shown.positive and stats.zeros:
        return ProblemNote("warning", word(lang, "are zero", stats.zeros, stats.size))
    text = stats_text(value.stats)
    if value.grad is not None and not math.isfinite(value.grad):
        if origin.kind == "gradient":  # the gradient row of the card shows it
            return ProblemNote("nan", text or word(lang, "is NaN", word(lang, "grad")))
        text = (text + "\u00a0\u00a0\u00a0" if text else "") + f"‖g‖ {number(value.grad)}"
    return ProblemNote(stats=text)


def bad_text(value: Value, stats: Stats, name: str, lang: str) -> str:
    """Return `108 of 320 are NaN`; for a single number `loss is NaN`."""
    if stats.size == 1:
        if count_bad(value, "nan"):
            return word(lang, "is NaN", name)
        return word(lang, "is inf", name, number(value.number) if isinstance(value.number, float) else "∞")
    if stats.nans:
        return word(lang, "are NaN", stats.nans, stats.size)
    sign = "−∞" if not stats.posinf else "∞" if not stats.neginf else "±∞"
    return word(lang, "are inf", stats.posinf + stats.neginf, stats.size, sign)


def default_notes(snapshot: Snapshot, lang: str) -> dict[int, ProblemNote]:
    """Return the notes of an ordinary picture: one for each problem."""
    notes = {}
    origin = find_first(snapshot)
    if origin is not None:
        for value in snapshot.values:
            note = note_of(snapshot, value, origin, lang)
            if note.status and (value.index == origin.index or count_bad(value, "nan") or count_bad(value, "inf")):
                notes[value.index] = note
    for value in snapshot.values:
        if is_dead(value) and value.index not in notes:
            notes[value.index] = ProblemNote("dead", f"{word(lang, 'dead')}: {word(lang, 'outputs only zero')}")
    return notes


def red_paths(edges: Sequence[Edge], nodes: Sequence[Node]) -> list[Edge]:
    """Return the lines along which NaN spread, in red."""
    bad = {node.id for node in nodes if node.status in ("nan", "first-nan")}
    return [
        replace(edge, kind="nan", color=ERROR, width=2.4)
        if edge.kind == "value" and edge.source in bad and edge.target in bad
        else edge
        for edge in edges
    ]
