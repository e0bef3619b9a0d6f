"""The legend and the footer of an operation-level picture: only the entries it uses."""

from __future__ import annotations

from ..picture.model import Key
from ..picture.style import ERROR, WHITE, heat_of
from ..picture.text import clean
from ..picture.words import word
from ..reading.records import Snapshot, Value
from . import parts as build
from .builder import OpPicture
from .options import Options


def footers(snapshot: Snapshot, options: Options) -> tuple[str, ...]:
    """One line that says where gradients come from, when that is not plain."""
    closed = (word(options.lang, "closed", ", ".join(sorted(snapshot.closed))),) if snapshot.closed else ()
    return closed + gradient_footer(snapshot, options)


def gradient_footer(snapshot: Snapshot, options: Options) -> tuple[str, ...]:
    """Where the gradients come from."""
    if "grad" not in options.show:
        return ()
    if snapshot.gradients.startswith("failed: "):
        return (clean(word(options.lang, "failed", snapshot.gradients.removeprefix("failed: ")), 150),)
    if snapshot.gradients == "leaves":
        return (word(options.lang, "leaves only"),)
    return (word(options.lang, "private"),) if snapshot.gradients == "private" else ()


def legend(page: OpPicture, drawn: list[Value], has_grad: bool) -> tuple[Key, ...]:
    """Only the entries this picture uses."""
    if page.troubled:
        return (build.box_key(word(page.options.lang, "finite"), "tensor"), *trouble_keys(page))
    return (*plain_keys(page, drawn, has_grad), *trouble_keys(page))


def plain_keys(page: OpPicture, drawn: list[Value], has_grad: bool) -> tuple[Key, ...]:
    """Entries for kinds of nodes and lines."""
    lang, kinds = page.options.lang, {node.kind for node in page.nodes}
    keys: list[Key] = []
    if page.mixed:
        keys = [
            build.box_key(word(lang, "scalar: value and grad"), "scalar", rounded=True),
            build.box_key(word(lang, "tensor: shape and gradient norm"), "tensor"),
            build.line_key(word(lang, "scalar"), "value"),
            build.line_key(word(lang, "tensor"), "tensor"),
        ]
        return tuple(keys + ([build.line_key(word(lang, "gradient"), "gradient")] if has_grad else []))
    plain = {"input", "constant"} & kinds
    if plain:
        bare = all(node.grad is None for node in page.nodes if node.kind in plain)
        keys.append(build.box_key(word(lang, "input, no gradient" if bare and has_grad else "input"), "input"))
    if "parameter" in kinds:
        keys.append(build.box_key(word(lang, "parameter"), "parameter"))
    lines = {edge.kind for edge in page.edges}
    if not any(node.op for node in page.nodes):
        return tuple(keys)
    if page.sideways:
        keys.append(build.badge_key(word(lang, "operation"), "+"))
        if "value" in lines:
            keys.append(build.line_key(word(lang, "value"), "value"))
        if "gradient" in lines:
            keys.append(build.line_key(word(lang, "chain rule"), "gradient"))
    else:
        keys.append(build.badge_key(word(lang, "operation and its output")))
        if has_grad and page.options.heat == "grad":
            return (*keys, *build.heat_keys(lang, {heat_of(v.grad).name for v in drawn if v.grad is not None}))
        if has_grad:
            keys.append(build.grad_key(word(lang, "gradient norm")))
    return tuple(keys)


def trouble_keys(page: OpPicture) -> tuple[Key, ...]:
    """Entries for what is wrong."""
    lang, found = page.options.lang, {mark.status for mark in page.marks.values()}
    keys = []
    if "warning" in found:
        keys.append(build.box_key(word(lang, "warning"), "tensor", status="warning"))
    if "first-nan" in found:
        keys.append(Key(word(lang, "first NaN"), "box", ERROR, ERROR, 1, glyph="✗", ink=WHITE))
    if "nan" in found:
        keys.append(build.box_key(word(lang, "NaN spread"), "tensor", status="nan"))
    if "dead" in found:
        keys.append(build.box_key(word(lang, "outputs only zero"), "tensor", status="dead"))
    return tuple(keys)
