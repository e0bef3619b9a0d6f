"""The picture of the first problem: the operation that made the first NaN or infinity, the cause, and a remedy.

Values are searched in the order they were made; the first one that has a NaN while none of its operands has one is the
origin. If every value is finite, gradients are searched in the order of the backward pass. This needs values, which
tensors keep under `ad.record()` only.
"""

from __future__ import annotations

import dataclasses
import linecache
import math
from collections.abc import Iterable, Mapping

from ..picture.cards import why_card
from ..picture.model import Edge, Node, Picture
from ..picture.style import ERROR
from ..picture.text import clean, number, pretty_name, shorten
from ..picture.words import remedy_word, word
from ..reading.records import Snapshot, Value
from .operations import op_picture
from .parts.options import Options
from .parts.problem_notes import FirstProblem, count_bad, find_first, is_known, note_of
from .parts.remedies import has_zero, remedy_of
from .parts.value_texts import name_of, source_text


def first_nan_picture(snapshot: Snapshot, options: Options) -> Picture:
    """Return the neighbourhood of the first NaN.

    Raises:
        ValueError: when there is no NaN and no infinity, or when values were not kept.
    """
    origin = find_first(snapshot)
    if origin is None:
        kept = all(map(is_known, snapshot.values))
        made = any(count_bad(v, kind) for v in snapshot.values for kind in ("nan", "inf"))
        raise ValueError(
            "focus='nan': every value and gradient of this graph is finite"
            if kept
            else f"focus='nan': {'the operation that made the NaN or infinity' if made else 'a NaN'} cannot be "
            "found, because the values inside this graph were not kept; run it under ad.record()"
        )
    near = neighbourhood(snapshot, origin.index, options.radius)
    notes = {i: note_of(snapshot, snapshot.values[i], origin, options.lang) for i in near}
    show = options.show | {"stats"} if origin.kind == "gradient" else (options.show - {"grad"}) | {"stats"}
    picture = op_picture(snapshot, dataclasses.replace(options, show=frozenset(show), rankdir="TB"), near, notes)
    return with_reason(picture, snapshot, options, origin, near)


def neighbourhood(snapshot: Snapshot, centre: int, radius: int) -> list[int]:
    """Return values within `radius` steps before or after `centre`, in order."""
    readers: dict[int, list[int]] = {}
    for value in snapshot.values:
        for parent in value.parents:
            readers.setdefault(parent, []).append(value.index)
    found = {centre}
    parents = {value.index: value.parents for value in snapshot.values}
    both: tuple[Mapping[int, Iterable[int]], ...] = (parents, readers)
    for near in both:
        ring = {centre}
        for _ in range(radius):
            ring = {j for i in ring for j in near.get(i, ())} - found
            found |= ring
    found |= {p for i in list(found) for p in snapshot.values[i].parents if snapshot.values[p].role == "parameter"}
    constants = [i for i in found if snapshot.values[i].role == "constant"]
    return constants + sorted(found - set(constants))


def with_reason(
    picture: Picture, snapshot: Snapshot, options: Options, origin: FirstProblem, near: list[int]
) -> Picture:
    """Return the picture with the card that explains the first problem beside it."""
    rows = reasons(snapshot, origin, options.lang)
    host = next(node.id for node in picture.nodes if node.status == "first-nan")
    tooltip = shorten("; ".join(f"{key}: {' '.join(text.split())}" for key, text, _ in rows), 1000)
    why = Node("why", "note", why_card(rows), name="why", tooltip=tooltip)
    line = Edge(f"e{len(picture.edges)}", host, "why", "note", (), "", ERROR, 1.4, "dotted", "none")
    left_out = len(snapshot.values) - len(near)
    return dataclasses.replace(
        picture,
        nodes=(*picture.nodes, why),
        edges=(*picture.edges, line),
        beside=(*((h, c, "left" if h == host else "right") for h, c, _ in picture.beside), (host, "why", "right")),
        footer=picture.footer + ((word(options.lang, "not drawn", left_out),) if left_out else ()),
        alt=sentence(snapshot, origin, options.lang),
        node_gap=0.5,
        rank_gap=0.28,
    )


def reasons(snapshot: Snapshot, origin: FirstProblem, lang: str) -> list[tuple[str, str, str]]:
    """Return rows of the card that explains: word, text and tone."""
    value = snapshot.values[origin.index]
    operands = [snapshot.values[p] for p in dict.fromkeys(value.parents)]
    rows = [(word(lang, "cause"), cause_of(value, operands, origin, lang), "error")]
    inputs = "\u00a0\u00a0\u00a0\u00a0".join(text for text in (operand_text(v, lang) for v in operands) if text)
    if inputs:
        rows.append((word(lang, "inputs"), inputs, ""))
    if value.source:
        file, _, line = value.source.rpartition(":")
        rows.append((word(lang, "at"), source_text(value.source), ""))
        code = clean(linecache.getline(file, int(line)) if line.isdigit() else "", 70)
        if code:
            rows.append((word(lang, "line"), code, ""))
    remedy = remedy_of(snapshot, value, origin.kind)
    if remedy:
        rows.append((word(lang, "try"), remedy_word(lang, remedy), "good"))
    return rows


def sentence(snapshot: Snapshot, origin: FirstProblem, lang: str) -> str:
    """Return the alternative text: the problem, its place, and the remedy."""
    value = snapshot.values[origin.index]
    rows = {key: text for key, text, _ in reasons(snapshot, origin, lang)}
    what = word(lang, {"nan": "nan", "inf": "infinity", "gradient": "broken gradient"}[origin.kind])
    text = word(lang, "first alt", what, name_of(value) or value.badge, rows[word(lang, "cause")])
    if word(lang, "at") in rows:
        text += word(lang, "first alt at", rows[word(lang, "at")])
    if word(lang, "try") in rows:
        text += word(lang, "first alt try", rows[word(lang, "try")])
    return shorten(" ".join(text.split()), 2000)


def operand_text(value: Value, lang: str) -> str:
    """Return the remarkable fact about an operand: `p: 108 zeros`."""
    stats = value.stats
    unnamed = "leaf" if value.role == "leaf" else "constant"
    name = pretty_name(name_of(value)) or value.badge or word(lang, unnamed)
    if stats is None:
        return f"{name}: {number(value.number)}" if value.number is not None else ""
    parts = []
    if stats.zeros and not stats.size == 1:
        parts.append(word(lang, "zeros", stats.zeros))
    if stats.nans:
        parts.append(f"{stats.nans} × NaN")
    if stats.neginf:
        parts.append(f"{stats.neginf} × −∞")
    if stats.posinf:
        parts.append(f"{stats.posinf} × ∞")
    if not parts and stats.min is not None:
        parts.append(f"{number(stats.min)} … {number(stats.max)}" if stats.size > 1 else number(stats.min))
    return f"{name}: {', '.join(parts)}" if parts else ""


def infinite(value: Value) -> str:
    """Return the infinity a value holds as text, "" when it holds none."""
    if value.stats is None:
        return number(value.number) if isinstance(value.number, float) and math.isinf(value.number) else ""
    return "−∞" if value.stats.neginf else "∞" if value.stats.posinf else ""


def lowest(value: Value) -> float:
    """Return the smallest finite element; 0 when unknown."""
    if value.stats is not None:
        return value.stats.min if value.stats.min is not None else 0.0
    return float(value.number) if isinstance(value.number, float | int) else 0.0


def cause_of(value: Value, operands: list[Value], origin: FirstProblem, lang: str) -> str:
    """Return the cause in a few signs: `0 × (−∞) = NaN`. The facts are those of the row."""
    if origin.kind == "gradient":
        key = "no derivative at 0" if any(map(has_zero, operands)) else "no derivative"
        return word(lang, key, value.badge or word(lang, "this value"))
    if value.row is None:
        return word(lang, "data not finite")
    infinities = [text for text in map(infinite, operands) if text]
    zero = any(map(has_zero, operands)) or next((p for p in value.operands if isinstance(p, float)), None) == 0
    causes = value.row.shown.causes
    if value.row.product:
        causes = (*causes, ("inf zero", "0 × {inf} = NaN"))
    if value.row.product or value.row.linear:
        causes = (*causes, ("inf", "∞ − ∞ = NaN"))
    for needed, text in causes:
        met = len(infinities) >= needed.count("inf") and (zero or "zero" not in needed)
        if met and text.endswith("NaN") == (origin.kind == "nan"):
            return text.format(inf=bracketed(infinities[0]) if infinities else "")
    first = operands[0] if operands else None
    if origin.kind == "inf":
        exponent = value.operands[-1]
        if value.row.shown.power and zero and isinstance(exponent, float) and exponent < 0:
            return f"0 ^ ({number(exponent)}) = ∞"
        known = value.row.elementwise and len(value.operands) == 1 and first is not None and first.stats is not None
        made = f"{value.op}({number(first.stats.max)})" if known and first is not None and first.stats else value.badge
        return word(lang, "overflow", made, value.dtype)
    low, high = value.row.domain[0]
    if first is not None and lowest(first) < low and math.isinf(high):
        return word(lang, "not real", f"{value.op}({number(lowest(first))})")
    if not math.isinf(low) or not math.isinf(high):
        return word(lang, "outside domain", value.op)
    if infinities:
        return word(lang, "of infinity", value.badge, infinities[0])
    return word(lang, "gave NaN", value.badge)


def bracketed(text: str) -> str:
    """Return `(−∞)` for a negative infinity, and other text as it is."""
    return f"({text})" if text.startswith("−") else text
