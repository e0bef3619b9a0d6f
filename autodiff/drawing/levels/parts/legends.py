"""The legend and the footer of an operation-level picture: only the entries it uses."""

from __future__ import annotations

from collections.abc import Iterable

from ...picture.cards import frame
from ...picture.model import Key
from ...picture.style import (
    DEAD,
    ERROR,
    FORWARD,
    GRAD,
    GRAD_FILL,
    HEALTHY,
    HEATS,
    INK,
    UPDATE,
    WHITE,
    bound_of,
    heat_of,
)
from ...picture.text import shorten
from ...picture.words import word
from ...reading.records import Snapshot, Value
from .builder import OperationBuilder
from .options import Options


def footers(snapshot: Snapshot, options: Options) -> tuple[str, ...]:
    """Return one line about the origin of the gradients, unless it is the usual one."""
    frozen = tuple(word(options.lang, "frozen module", path) for path, _, _ in snapshot.frozen[:3])
    closed = (word(options.lang, "closed", ", ".join(sorted(snapshot.closed))),) if snapshot.closed else ()
    return frozen + closed + gradient_footer(snapshot, options)


def gradient_footer(snapshot: Snapshot, options: Options) -> tuple[str, ...]:
    """Return a line with the origin of the gradients."""
    if "grad" not in options.show:
        return ()
    if snapshot.gradients.startswith("failed: "):
        return (shorten(word(options.lang, "failed", snapshot.gradients.removeprefix("failed: ")), 150),)
    if snapshot.gradients == "leaves":
        return (word(options.lang, "leaves only"),)
    return (word(options.lang, "private"),) if snapshot.gradients == "private" else ()


def legend(builder: OperationBuilder, drawn: list[Value], has_grad: bool) -> tuple[Key, ...]:
    """Return the legend: only the entries that this picture uses."""
    if builder.about_problem:
        return (box_key(word(builder.lang, "finite"), "tensor"), *problem_keys(builder))
    return (*plain_keys(builder, drawn, has_grad), *problem_keys(builder))


def plain_keys(builder: OperationBuilder, drawn: list[Value], has_grad: bool) -> tuple[Key, ...]:
    """Return the entries for kinds of nodes and lines."""
    lang, kinds = builder.lang, {node.kind for node in builder.nodes}
    keys: list[Key] = []
    if builder.mixed:
        keys = [
            box_key(word(lang, "scalar: value and grad"), "scalar", rounded=True),
            box_key(word(lang, "tensor: shape and gradient norm"), "tensor"),
            line_key(word(lang, "scalar"), "value"),
            line_key(word(lang, "tensor"), "tensor"),
        ]
        return tuple(keys + ([line_key(word(lang, "gradient"), "gradient")] if has_grad else []))
    plain = {"input", "constant"} & kinds
    if plain:
        bare = all(node.grad is None for node in builder.nodes if node.kind in plain)
        keys.append(box_key(word(lang, "input, no gradient" if bare and has_grad else "input"), "input"))
    if "parameter" in kinds:
        keys.append(box_key(word(lang, "parameter"), "parameter"))
    if "frozen" in kinds:
        keys.append(box_key(word(lang, "frozen"), "frozen"))
    lines = {edge.kind for edge in builder.edges}
    if not any(node.op for node in builder.nodes):
        return tuple(keys)
    if builder.sideways:
        keys.append(badge_key(word(lang, "operation"), "+"))
        if "value" in lines:
            keys.append(line_key(word(lang, "value"), "value"))
        if "gradient" in lines:
            keys.append(line_key(word(lang, "chain rule"), "gradient"))
    else:
        keys.append(badge_key(word(lang, "operation and its output")))
        if has_grad and builder.options.heat == "grad":
            return (*keys, *heat_keys(lang, {heat_of(v.grad).name for v in drawn if v.grad is not None}))
        if has_grad:
            keys.append(grad_key(word(lang, "gradient norm")))
    return tuple(keys)


def problem_keys(builder: OperationBuilder) -> tuple[Key, ...]:
    """Return the entries for problems."""
    lang, found = builder.lang, {note.status for note in builder.notes.values()}
    keys = []
    if "warning" in found:
        keys.append(box_key(word(lang, "warning"), "tensor", status="warning"))
    if "first-nan" in found:
        keys.append(Key(word(lang, "first NaN"), "box", ERROR, ERROR, 1, glyph="✗", ink=WHITE))
    if "nan" in found:
        keys.append(box_key(word(lang, "NaN spread"), "tensor", status="nan"))
    if "dead" in found:
        keys.append(box_key(word(lang, "outputs only zero"), "tensor", status="dead"))
    return tuple(keys)


def box_key(text: str, kind: str, *, glyph: str = "", rounded: bool = False, status: str = "") -> Key:
    """Return a legend entry for a kind of node."""
    border, width, fill = frame(kind, status)
    return Key(text, "box", border, fill, min(width, 2), glyph=glyph, rounded=rounded)


def badge_key(text: str, glyph: str = "op") -> Key:
    """Return the legend entry of the operation badge."""
    return Key(text, "box", FORWARD, FORWARD, 1, glyph=glyph, ink=WHITE)


def grad_key(text: str) -> Key:
    """Return the legend entry of the gradient row."""
    return Key(text, "box", GRAD_FILL, GRAD_FILL, 1, glyph="g", ink=GRAD)


def line_key(text: str, kind: str) -> Key:
    """Return the legend entry of a line."""
    color, dash, back, width = {
        "value": (FORWARD, "solid", False, 1.4),
        "tensor": (FORWARD, "solid", False, 2.8),
        "gradient": (GRAD, "dashed", True, 1.4),
        "update": (UPDATE, "dotted", False, 2),
    }[kind]
    return Key(text, "line", color, WHITE, width, dash, back=back)


def heat_keys(lang: str, used: Iterable[str]) -> tuple[Key, ...]:
    """Return the legend entries of the heat classes in use, from small to large."""
    used = set(used)
    keys = [
        Key(f"{word(lang, heat.name)}\u00a0 {bound_of(heat)}".rstrip("\u00a0 "), "box", heat.fill, heat.fill)
        for heat in HEATS
        if heat.name in used or heat is HEALTHY
    ]
    if "dead" in used:
        keys.append(Key(word(lang, "dead cell"), "box", INK, DEAD.fill, glyph="0"))
    if "nan" in used:
        keys.append(Key(word(lang, "nan"), "box", ERROR, ERROR, glyph="✗", ink=WHITE))
    return tuple(keys)
