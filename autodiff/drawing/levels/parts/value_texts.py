"""Texts about one value: badge, name, statistics, gradient, tooltip; and the alternative text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ...picture.model import Card, Node, Problem, Stats
from ...picture.text import number, shape_text, shorten
from ...picture.words import word
from ...reading.records import Value


def badge_of(value: Value) -> str:
    """Return the operation with its constant: `× 2`, `2 ÷`, `Σwx`."""
    if not value.op:
        return ""
    constants = [(k, p) for k, p in enumerate(value.operands) if isinstance(p, float | complex)]
    if len(constants) != 1 or len(value.operands) != 2:
        return value.badge
    position, constant = constants[0]
    if position == 0 and not (value.row is not None and value.row.shown.commutative):
        return f"{number(constant)} {sign_of(value)}"
    return f"{sign_of(value)} {number(constant)}"


def sign_of(value: Value) -> str:
    """Return the sign of an operation between two operands: `×`, `^`."""
    return (value.row.shown.infix if value.row is not None else "") or value.badge


def role_of(value: Value, roots: Iterable[int]) -> str:
    """Return the kind a value is drawn as."""
    if value.index in roots and value.role == "op":
        return "output"
    if value.role == "parameter":
        return "parameter"
    if value.role in ("constant", "frozen"):
        return value.role
    if value.role == "leaf":
        return "input"
    return "scalar" if value.single else "tensor"


def name_of(value: Value, limit: int = 40) -> str:
    """Return the name of a value cut to the length of a card."""
    return shorten(value.name, limit)


def stats_text(stats: Stats | None) -> str:
    """Return one line of statistics: `min −3.9   max 3.07`."""
    if stats is None or stats.min is None or stats.max is None:
        return ""
    return f"min {number(stats.min)}\u00a0\u00a0\u00a0max {number(stats.max)}"


def grad_text(value: Value) -> str:
    """Return the gradient as printed on a card."""
    return "" if value.grad is None else number(value.grad)


def value_tooltip(value: Value, lang: str) -> str:
    """Return all facts of a value on one line: name, operation, shape, dtype, statistics, gradient, source."""
    parts = [shorten(value.name, 400)] if value.name else []
    if value.badge:
        parts.append(value.badge)
    parts.append(shape_text(value.shape, word(lang, "scalar")) + " " + value.dtype)
    if value.number is not None:
        parts.append(f"{word(lang, 'value')} {value.number!r}")
    elif value.stats is not None and value.stats.min is not None:
        parts.append(word(lang, "min max mean", *map(repr, (value.stats.min, value.stats.max, value.stats.mean))))
    if value.grad is not None:
        parts.append(f"{word(lang, 'grad')} {value.grad!r}" if value.signed else f"‖g‖ {value.grad!r}")
    if value.source:
        parts.append(source_text(value.source))
    return shorten("; ".join(parts), 1000)


def source_text(source: str) -> str:
    """Return `train.py:41` of a longer path."""
    return shorten(source.replace("\\", "/").rsplit("/", 1)[-1], 60)


def value_node(lang: str, node_id: str, value: Value, kind: str, card: Card, **more: Any) -> Node:
    """Return a node of the picture for one value of the graph."""
    return Node(
        id=node_id,
        kind=kind,
        card=card,
        name=shorten(value.name, 400),
        op=value.badge,
        shape=shape_text(value.shape),
        dtype=value.dtype,
        value=repr(value.number) if value.number is not None else "",
        grad=value.grad,
        stats=value.stats,
        module=value.path,
        source=source_text(value.source),
        tooltip=value_tooltip(value, lang),
        **{"count": value.count, **more},
    )


def frozen_node(node_id: str, card: Card, path: str, tooltip: str) -> Node:
    """Return the box of a frozen module, of which the graph has no operation."""
    return Node(node_id, "frozen", card, name=path, module=path, tooltip=tooltip)


def describe(
    lang: str, what: str, count: str, outputs: Sequence[Value], norms: Sequence[float], problems: Sequence[Problem]
) -> str:
    """Return the alternative text: kind of picture, count, output value, range of gradient norms, and any problem."""
    single = [value for value in outputs if value.number is not None]
    names = [name_of(v) or word(lang, "the loss" if v.grad == 1.0 else "the output") for v in single[:3]]
    shown = [f"{name} {number(v.number)}" for name, v in zip(names, single, strict=False)]
    text = word(lang, "alt", word(lang, what), ", ".join(shown) or word(lang, "the output"), count)
    finite = [norm for norm in norms if math.isfinite(norm)]
    if finite:
        low, high = number(min(finite)), number(max(finite))
        text += word(lang, "alt norms", low, high) if low != high else word(lang, "alt norm", low)
    found = "; ".join(problem.text for problem in problems[:3])
    return shorten(text + word(lang, "alt problems" if found else "alt sound", found), 2000)
